// What the reader looks at, and its form in the address: everything after # can be shared as a link.
import { MOODS, UNSCORED } from "./figures";
import type { Query } from "./protocol";

export interface View extends Query {
  /** Monday of the week that is shown; "" for the newest. */
  readonly week: string;
  /** Whether the chart has a line for each platform or for each of some entities. */
  readonly lines: "platforms" | "entities";
  /** Whether the chart shows many weeks or the days of the week. */
  readonly span: "weeks" | "days";
  /** Of which platform the chart's entities are; "" for all. */
  readonly on: string;
  /** The entities in the chart; empty for the most named ones of the week. */
  readonly chart: readonly string[];
}

export const NO_QUERY: Query = { search: "", platform: "", entity: "", mood: "", from: "", to: "", post: "" };
export const INITIAL: View = { ...NO_QUERY, week: "", lines: "platforms", span: "weeks", on: "", chart: [] };
/** So many lines can be told apart. */
export const MOST_LINES = 6;

const TEXTS = ["search", "platform", "entity", "post", "on"] as const;
const DAYS = ["week", "from", "to"] as const;
const KNOWN_MOODS: readonly string[] = [...MOODS, ...UNSCORED];

/** `week=2026-11-23&lines=entities&span=days&on=youtube&chart=ann&chart=ben&search=…&platform=…&mood=…&from=…` */
export function toHash(view: View): string {
  const parameters = new URLSearchParams();
  for (const name of ["week", "lines", "span", "on", ...keys(NO_QUERY)] as const) {
    if (view[name] !== INITIAL[name]) parameters.set(name, view[name]);
  }
  for (const entity of view.chart) parameters.append("chart", entity);
  return parameters.toString();
}

/** The view of an address; whatever in it is not understood is as in the initial view. */
export function fromHash(hash: string): View {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const text = (name: string) => parameters.get(name) ?? "";
  const mood = text("mood");
  return {
    ...INITIAL,
    ...Object.fromEntries(TEXTS.map((name) => [name, text(name)])),
    ...Object.fromEntries(DAYS.map((name) => [name, day(text(name))])),
    mood: KNOWN_MOODS.includes(mood) ? mood : "",
    lines: text("lines") === "entities" ? "entities" : "platforms",
    span: text("span") === "days" ? "days" : "weeks",
    chart: [...new Set(parameters.getAll("chart"))].slice(0, MOST_LINES),
  };
}

export function queryOf(view: View): Query {
  return Object.fromEntries(keys(NO_QUERY).map((name) => [name, view[name]])) as unknown as Query;
}

function keys<T extends object>(value: T): (keyof T)[] {
  return Object.keys(value) as (keyof T)[];
}

function day(text: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : "";
}
