// The figures of the week in large, each beside the week before.
import { number } from "../shared/text";
import { mean, type PlatformWeek, sum, type Week } from "./figures";
import { percent, sentiment, signed, weekName } from "./names";
import { Spark } from "./spark";

const SPARK_WEEKS = 12;

interface Props {
  readonly week: string;
  readonly weeks: readonly Week[];
  readonly platforms: readonly PlatformWeek[];
  readonly alerts: number;
}

interface Totals {
  readonly comments: number;
  readonly scored: number;
  readonly posts: number;
  readonly positive: number;
  readonly negative: number;
  readonly sentiment: number | null;
}

export function Headline({ week, weeks, platforms, alerts }: Props) {
  const at = weeks.findIndex((each) => each.week === week);
  const last = weeks.slice(Math.max(0, at - SPARK_WEEKS + 1), at + 1).map((each) => totals(platforms, each.week));
  const now = last.at(-1) ?? totals(platforms, week);
  const previous = weeks[at - 1];
  const before = previous && isWeekBefore(previous.week, week) ? last.at(-2) : undefined;
  return (
    <section id="headline" aria-label={`The week ${weekName(week)}`}>
      {weeks[at]?.headline && <p class="lead">{weeks[at].headline}</p>}
      <div class="tiles">
        <Tile
          name="Comments"
          value={number(now.comments)}
          change={before && before.comments > 0 ? `${signed((100 * (now.comments - before.comments)) / before.comments, 0)} %` : null}
          spark={last.map(({ comments }) => comments)}
        />
        <Tile
          name="Average sentiment"
          value={sentiment(now.sentiment)}
          change={difference(now.sentiment, before?.sentiment, 1, 2)}
          spark={last.map((each) => each.sentiment)}
          hint={`From −1 to 1, of ${percent(now.scored, now.comments)} of the comments`}
        />
        <Tile
          name="Positive"
          value={percent(now.positive, now.scored)}
          change={difference(share(now, "positive"), before && share(before, "positive"), 100, 1, " pts")}
          spark={last.map((each) => share(each, "positive"))}
          hint="Of the scored comments"
        />
        <Tile
          name="Negative"
          value={percent(now.negative, now.scored)}
          change={difference(share(now, "negative"), before && share(before, "negative"), 100, 1, " pts")}
          spark={last.map((each) => share(each, "negative"))}
          hint="Of the scored comments"
        />
        <Tile
          name="Posts with comments"
          value={number(now.posts)}
          change={before ? signed(now.posts - before.posts, 0) : null}
          spark={last.map(({ posts }) => posts)}
        />
        <Tile name="Velocity alerts" value={number(alerts)} change={null} spark={[]} hint="Entities whose sentiment moved fast" />
      </div>
    </section>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly change: string | null;
  readonly spark: readonly (number | null)[];
  readonly hint?: string;
}

function Tile({ name, value, change, spark, hint }: TileProps) {
  return (
    <div class="tile">
      <h3>{name}</h3>
      <p class="figure">{value}</p>
      <p class="change">{change === null ? hint ?? "" : `${change} on the week before`}</p>
      <Spark values={spark} />
    </div>
  );
}

function totals(platforms: readonly PlatformWeek[], week: string): Totals {
  const rows = platforms.filter((row) => row.week === week);
  return {
    comments: sum(rows, (row) => row.comments),
    scored: sum(rows, (row) => row.scored),
    posts: sum(rows, (row) => row.posts),
    positive: sum(rows, (row) => row.positive + row.very_positive),
    negative: sum(rows, (row) => row.negative + row.very_negative),
    sentiment: mean(rows),
  };
}

function share(of: Totals, kind: "positive" | "negative"): number | null {
  return of.scored ? of[kind] / of.scored : null;
}

function difference(now: number | null, before: number | null | undefined, times: number, digits: number, unit = ""): string | null {
  return now === null || before === null || before === undefined ? null : signed(times * (now - before), digits) + unit;
}

function isWeekBefore(one: string, other: string): boolean {
  return Date.parse(other) - Date.parse(one) === 7 * 86_400_000;
}
