// The page as a whole: one view, kept in the address; the figures of its week, and what the worker last said.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Head } from "../shared/head";
import { useAddress, useNow } from "../shared/hooks";
import { Failure, Stale } from "../shared/notices";
import { readJson, readPointer, reason } from "../shared/site";
import { counted } from "../shared/text";
import { Alerts } from "./alerts";
import { Client } from "./client";
import { CommentList } from "./comment_list";
import { Distribution } from "./distribution";
import { type Entity, type Overview, rows, type WeekFigures } from "./figures";
import { Headline } from "./headline";
import { asLatest, type Latest } from "./latest";
import { weekName } from "./names";
import { Posts } from "./posts";
import type { Found, Query, Trend } from "./protocol";
import { Rankings } from "./rankings";
import { Storylines } from "./storylines";
import { Trends } from "./trends";
import { fromHash, INITIAL, MOST_LINES, NO_QUERY, queryOf, toHash, type View } from "./view";

const BATCH = 50;
const BASE = new URL(".", location.href).href;

interface Opened {
  readonly latest: Latest;
  readonly overview: Overview;
}

interface Shown {
  readonly week: string;
  readonly figures: WeekFigures;
}

export function App() {
  const [view, setView] = useState<View>(() => fromHash(location.hash));
  const [opened, setOpened] = useState<Opened>();
  const [shown, setShown] = useState<Shown>();
  const [failure, setFailure] = useState<string>();
  const [trends, setTrends] = useState<readonly Trend[]>();
  const [found, setFound] = useState<Found>();
  const [missing, setMissing] = useState<string>();
  const [untrended, setUntrended] = useState<string>();
  const now = useNow();
  const change = (changes: Partial<View>) => setView((before) => ({ ...before, ...changes }));

  const client = useMemo(
    () =>
      new Client(
        BASE,
        (reply) => {
          switch (reply.kind) {
            case "found":
              setFound(reply);
              setMissing(undefined);
              break;
            case "failed":
              setMissing(reply.reason);
              break;
            case "trends":
              setTrends(reply.trends);
              setUntrended(undefined);
              break;
            case "untrended":
              setUntrended(reply.reason);
              break;
          }
        },
        setFailure,
      ),
    [],
  );

  const weeks = opened?.latest.files.weeks;
  const file = weeks?.find(({ week }) => week === view.week) ?? weeks?.at(-1);

  const open = async () => {
    setFailure(undefined);
    try {
      const latest = asLatest(await readPointer(BASE));
      // The week is asked for beside the overview, since the first screen needs both
      const wanted = latest.files.weeks.find(({ week }) => week === view.week) ?? latest.files.weeks.at(-1);
      const [overview, figures] = await Promise.all([
        readJson<Overview>(BASE, latest.files.overview),
        wanted && readJson<WeekFigures>(BASE, wanted),
      ]);
      setOpened({ latest, overview });
      if (wanted && figures) setShown({ week: wanted.week, figures });
    } catch (error) {
      setFailure(reason(error));
    }
  };
  useEffect(() => void open(), []);

  const openWeek = async () => {
    if (!file || file.week === shown?.week) return;
    setFailure(undefined);
    try {
      const figures = await readJson<WeekFigures>(BASE, file);
      setShown({ week: file.week, figures });
    } catch (error) {
      setFailure(reason(error));
    }
  };
  useEffect(() => void openWeek(), [file?.path]);

  const needsTrends = view.lines === "entities" && view.span === "weeks";
  const openTrends = () => {
    if (opened && needsTrends && !trends) client.trends(opened.latest.files.trends);
  };
  useEffect(openTrends, [opened, needsTrends]);

  const [wanted, setWanted] = useState(BATCH);
  const query = queryOf(view);
  const key = JSON.stringify(query);
  const ask = () => opened && client.find(opened.latest.files.comments, query, wanted);
  useComments(Boolean(opened), () => void ask(), [key, wanted]);
  useAddress(view, setView, { toHash, fromHash });

  const entities = useMemo(
    () => new Map((opened ? rows(opened.overview.entities) : []).map((entity) => [entity.entity_id, entity])),
    [opened],
  );
  const nameOf = (entity: string) => entities.get(entity)?.name ?? entity;
  const narrow = (changes: Partial<Query>) => {
    setWanted(BATCH);
    change({ ...NO_QUERY, ...changes });
    goTo("comments");
  };
  const figures = useMemo(() => shown && tables(shown.figures), [shown]);
  const platforms = useMemo(() => (opened ? rows(opened.overview.platforms) : []), [opened]);

  return (
    <>
      <Head title="What people say" latest={opened?.latest} now={now}>
        {opened && (
          <div>
            <dt>Size</dt>
            <dd>{counted(opened.latest.comments, "comment")}</dd>
          </div>
        )}
      </Head>
      <div id="notices">
        {!opened && !failure && <p class="fallback">Loading the figures…</p>}
        {failure && (
          <Failure retry={() => void (opened ? openWeek() : open())}>
            <strong>{opened ? "These figures could not be loaded." : "The dashboard could not be loaded."}</strong> {failure}
          </Failure>
        )}
        {opened && <Stale latest={opened.latest} now={now} due="week" />}
      </div>
      {opened && weeks && (
        <main>
          <nav class="bar" aria-label="Week and sections">
            <Weeks weeks={weeks.map(({ week }) => week)} chosen={file?.week} change={(week) => change({ week })} />
            <Sections />
          </nav>
          {weeks.length === 0 && <p class="empty">No week has been analysed yet.</p>}
          {shown && figures && (
            <div id="week" aria-busy={file?.week !== shown.week}>
              <Headline week={shown.week} weeks={rows(opened.overview.weeks)} platforms={platforms} alerts={figures.alerts.length} />
              <div class="columns">
                <Trends
                  view={view}
                  week={shown.week}
                  platforms={platforms}
                  days={figures.days}
                  rankings={figures.rankings}
                  trends={trends}
                  failure={untrended}
                  retry={openTrends}
                  entities={[...entities.values()]}
                  nameOf={nameOf}
                  change={change}
                />
                <Distribution rows={platforms.filter(({ week }) => week === shown.week)} />
              </div>
              <Rankings
                rankings={figures.rankings}
                chart={view.chart}
                full={view.chart.length >= MOST_LINES}
                draw={(entity) => change({ lines: "entities", chart: toggled(view.chart, entity) })}
                read={(entity) => narrow({ entity, ...daysOf(shown.week) })}
              />
              <div class="columns even">
                <Alerts alerts={figures.alerts} read={(entity) => narrow({ entity, ...daysOf(shown.week) })} />
                <Storylines
                  storylines={figures.storylines}
                  posts={figures.posts}
                  read={(story) => narrow({ entity: story.entities[0] ?? "", ...daysOf(shown.week) })}
                />
              </div>
              <Posts posts={figures.posts} read={({ platform, post_id }) => narrow({ post: `${platform} ${post_id}` })} />
            </div>
          )}
          <CommentList
            query={query}
            found={found}
            failure={missing}
            retry={() => void ask()}
            platforms={[...new Set(platforms.map(({ platform }) => platform))].sort()}
            entities={[...entities.values()].sort(byName)}
            nameOf={nameOf}
            change={(changes) => {
              setWanted(BATCH);
              change(changes);
            }}
            more={() => setWanted(wanted + BATCH)}
          />
        </main>
      )}
    </>
  );
}

function Weeks({ weeks, chosen, change }: { weeks: readonly string[]; chosen: string | undefined; change: (week: string) => void }) {
  const newest = weeks.at(-1);
  const at = chosen === undefined ? -1 : weeks.indexOf(chosen);
  const go = (week: string | undefined) => week !== undefined && change(week === newest ? INITIAL.week : week);
  return (
    <div class="weeks" role="group" aria-label="Week">
      <button aria-label="Week before" disabled={at <= 0} onClick={() => go(weeks[at - 1])}>
        ‹
      </button>
      <select id="which" aria-label="Week" value={chosen} onChange={({ currentTarget }) => go(currentTarget.value)}>
        {[...weeks].reverse().map((week) => (
          <option key={week} value={week}>
            {weekName(week)}
          </option>
        ))}
      </select>
      <button aria-label="Week after" disabled={at === weeks.length - 1} onClick={() => go(weeks[at + 1])}>
        ›
      </button>
    </div>
  );
}

const SECTIONS = [
  ["trend", "Sentiment"],
  ["rankings", "Rankings"],
  ["alerts", "Alerts"],
  ["storylines", "Storylines"],
  ["posts", "Posts"],
  ["comments", "Comments"],
] as const;

/** The address holds the view, so a section is gone to by a button and not by its name after #. */
function Sections() {
  return (
    <div class="sections">
      {SECTIONS.map(([id, name]) => (
        <button
          key={id}
          onClick={() => goTo(id)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

function goTo(id: string): void {
  const section = document.getElementById(id);
  section?.scrollIntoView();
  section?.focus({ preventScroll: true });
}

/** Asks for comments when their section comes near, and whenever the question changes after that; a reader who types
 * is waited for. */
function useComments(ready: boolean, ask: () => void, question: readonly unknown[]): void {
  const near = useRef(false);
  const current = useRef(ask);
  current.current = ask;
  useEffect(() => {
    const section = document.getElementById("comments");
    if (!ready || !section) return;
    const watch = new IntersectionObserver(
      ([entry]) => {
        if (!entry?.isIntersecting) return;
        watch.disconnect();
        near.current = true;
        current.current();
      },
      { rootMargin: "600px" },
    );
    watch.observe(section);
    return () => watch.disconnect();
  }, [ready]);
  useEffect(() => {
    if (!near.current) return;
    const timer = setTimeout(() => current.current(), 120);
    return () => clearTimeout(timer);
  }, question);
}

function tables({ rankings, alerts, posts, storylines, days }: WeekFigures) {
  return { rankings: rows(rankings), alerts: rows(alerts), posts: rows(posts), storylines: rows(storylines), days: rows(days) };
}

function toggled(chart: readonly string[], entity: string): readonly string[] {
  return chart.includes(entity) ? chart.filter((other) => other !== entity) : [...chart, entity].slice(0, MOST_LINES);
}

function daysOf(week: string): Pick<Query, "from" | "to"> {
  return { from: week, to: new Date(Date.parse(week) + 6 * 86_400_000).toISOString().slice(0, 10) };
}

function byName(a: Entity, b: Entity): number {
  return a.name.localeCompare(b.name, "en");
}
