// Sentiment over time, by platform or by entity, over the weeks until the one shown or over its days.
import { useMemo } from "preact/hooks";
import { Failure } from "../shared/notices";
import { Popover } from "../shared/popover";
import { ALL, type Day, type Entity, mean, NONE, type PlatformWeek, type Ranking, type Scored } from "./figures";
import { type Line, Lines } from "./lines";
import { dayName, platformName } from "./names";
import type { Trend } from "./protocol";
import { Section } from "./section";
import { MOST_LINES, type View } from "./view";

const WEEKS = 26;
const TOP = 5;
const DAY = 86_400_000;

interface Props {
  readonly view: View;
  readonly week: string;
  readonly platforms: readonly PlatformWeek[];
  readonly days: readonly Day[];
  readonly rankings: readonly Ranking[];
  readonly trends: readonly Trend[] | undefined;
  readonly failure: string | undefined;
  readonly retry: () => void;
  readonly entities: readonly Entity[];
  readonly nameOf: (entity: string) => string;
  readonly change: (changes: Partial<View>) => void;
}

export function Trends(props: Props) {
  const { view, week, platforms, days, rankings, trends, failure, retry, nameOf, change } = props;
  const chosen = view.chart.length ? view.chart : rankings.slice(0, TOP).map(({ entity_id }) => entity_id);
  const byPlatform = view.lines === "platforms";
  const names = [...new Set(platforms.map(({ platform }) => platform))].sort();
  const times = view.span === "days" ? daysOf(week) : weeksUntil(week, platforms);

  const lines = useMemo((): Line[] | undefined => {
    const points: readonly Point[] | undefined =
      view.span === "days"
        ? days.map((day) => ({ ...day, at: day.day }))
        : byPlatform
          ? platforms.map((row) => ({ ...row, at: row.week, entity_id: ALL }))
          : trends?.map((row) => ({ ...row, at: row.week }));
    if (!points) return undefined;
    if (byPlatform) {
      const all = points.filter(({ entity_id }) => entity_id === ALL);
      const of = names.map((name) => line(platformName(name), times, all.filter(({ platform }) => platform === name)));
      const known = of.filter(({ values }) => values.some((value) => value !== null));
      return known.length > 1 ? [line("All platforms", times, all), ...known].slice(0, MOST_LINES) : known;
    }
    const on = view.on ? points.filter(({ platform }) => platform === view.on) : points;
    return chosen.map((id) => line(nameOf(id), times, on.filter(({ entity_id }) => entity_id === id)));
  }, [view.span, view.lines, view.on, chosen.join("\n"), week, days, platforms, trends]);

  const title = `Average sentiment by ${byPlatform ? "platform" : "entity"}`;
  return (
    <Section
      id="trend"
      title="Sentiment over time"
      tools={
        <div class="tools">
          <Choice name="Lines" value={view.lines} of={{ platforms: "By platform", entities: "By entity" }} change={(lines) => change({ lines })} />
          <Choice name="Time" value={view.span} of={{ weeks: "Weeks", days: "Days of the week" }} change={(span) => change({ span })} />
          {!byPlatform && (
            <>
              <label>
                <span class="hidden">Platform of the chart</span>
                <select value={view.on} onChange={({ currentTarget }) => change({ on: currentTarget.value })}>
                  <option value="">All platforms</option>
                  {names.map((name) => (
                    <option key={name} value={name}>
                      {platformName(name)}
                    </option>
                  ))}
                </select>
              </label>
              <Entities {...props} chosen={chosen} />
            </>
          )}
        </div>
      }
    >
      {failure && !lines && (
        <Failure retry={retry}>
          <strong>The weeks of entities could not be loaded.</strong> {failure}
        </Failure>
      )}
      {lines ? (
        lines.length ? (
          <Lines title={title} periods={times.map(dayName)} lines={lines} />
        ) : (
          <p class="empty">No comment was scored.</p>
        )
      ) : (
        !failure && <p class="empty">Loading…</p>
      )}
    </Section>
  );
}

interface Point extends Scored {
  readonly at: string;
  readonly platform: string;
  readonly entity_id: string;
}

function line(name: string, times: readonly string[], points: readonly Point[]): Line {
  return { name, values: times.map((time) => mean(points.filter(({ at }) => at === time))) };
}

/** The weeks until one, without a gap, of which the first has comments. */
function weeksUntil(week: string, platforms: readonly PlatformWeek[]): string[] {
  const first = platforms.filter(({ comments }) => comments > 0).reduce((least, row) => (row.week < least ? row.week : least), week);
  const number = Math.round((Date.parse(week) - Date.parse(first)) / (7 * DAY)) + 1;
  const count = Math.max(1, Math.min(WEEKS, number));
  return Array.from({ length: count }, (_, i) => isoDay(Date.parse(week) - (count - 1 - i) * 7 * DAY));
}

function daysOf(week: string): string[] {
  return Array.from({ length: 7 }, (_, i) => isoDay(Date.parse(week) + i * DAY));
}

function isoDay(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

interface ChoiceProps<Value extends string> {
  readonly name: string;
  readonly value: Value;
  readonly of: Readonly<Record<Value, string>>;
  readonly change: (value: Value) => void;
}

function Choice<Value extends string>({ name, value, of, change }: ChoiceProps<Value>) {
  return (
    <div class="choice" role="group" aria-label={name}>
      {(Object.keys(of) as Value[]).map((each) => (
        <button key={each} aria-pressed={each === value} onClick={() => change(each)}>
          {of[each]}
        </button>
      ))}
    </div>
  );
}

/** Which entities have a line: those of the week first, then all others. */
function Entities({ rankings, entities, chosen, nameOf, change }: Props & { readonly chosen: readonly string[] }) {
  const listed = [...new Set([...chosen, ...rankings.map(({ entity_id }) => entity_id), ...entities.map(({ entity_id }) => entity_id)])];
  return (
    <Popover id="chart-entities" label={`${chosen.length} entities`} name={`Entities in the chart: ${chosen.map(nameOf).join(", ")}`}>
      {listed
        .filter((id) => id !== ALL && id !== NONE)
        .map((id) => (
          <label key={id}>
            <input
              type="checkbox"
              checked={chosen.includes(id)}
              disabled={!chosen.includes(id) && chosen.length >= MOST_LINES}
              onChange={() => change({ chart: chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id] })}
            />
            <bdi>{nameOf(id)}</bdi>
          </label>
        ))}
    </Popover>
  );
}
