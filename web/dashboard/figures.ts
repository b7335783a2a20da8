// The figures as the site's JSON files hold them; docs/data_contract.md says what each column means.

/** A table by columns; all have the same length. */
export type Columns<Row> = { readonly [Name in keyof Row]: readonly Row[Name][] };

export function rows<Row>(columns: Columns<Row>): Row[] {
  const names = Object.keys(columns) as (keyof Row)[];
  const length = names[0] === undefined ? 0 : columns[names[0]].length;
  return Array.from({ length }, (_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])) as Row);
}

export interface Week {
  readonly week: string;
  readonly comments: number;
  readonly headline: string;
}

export const MOODS = ["very_positive", "positive", "neutral", "negative", "very_negative"] as const;
export const UNSCORED = ["other_language", "no_text", "failed", "unscored"] as const;
export type Mood = (typeof MOODS)[number] | (typeof UNSCORED)[number];

export interface PlatformWeek extends Readonly<Record<Mood, number>> {
  readonly week: string;
  readonly platform: string;
  readonly posts: number;
  readonly comments: number;
  readonly replies: number;
  readonly without_entity: number;
  readonly scored: number;
  readonly average_sentiment: number | null;
  readonly total_likes: number | null;
  readonly vanished: number;
  readonly comments_before: number;
}

export interface Entity {
  readonly entity_id: string;
  readonly name: string;
  readonly type: string | null;
  readonly monitored: boolean;
}

export interface Overview {
  readonly weeks: Columns<Week>;
  readonly platforms: Columns<PlatformWeek>;
  readonly entities: Columns<Entity>;
}

export interface Ranking {
  readonly entity_id: string;
  readonly name: string;
  readonly entity_type: string | null;
  readonly monitored: boolean;
  readonly rank: number | null;
  readonly rank_before: number | null;
  readonly rank_change: number | null;
  readonly comments: number;
  readonly comments_before: number;
  readonly scored: number;
  readonly average_sentiment: number | null;
  readonly weighted_sentiment: number | null;
  readonly sentiment_change: number | null;
  readonly total_likes: number | null;
}

export interface Alert {
  readonly entity_id: string;
  readonly name: string;
  readonly level: string;
  readonly direction: string;
  readonly change_percent: number;
  readonly recent_sentiment: number;
  readonly recent_comments: number;
  readonly earlier_sentiment: number;
  readonly earlier_comments: number;
}

export interface Post {
  readonly platform: string;
  readonly post_id: string;
  readonly rank: number;
  readonly comments: number;
  readonly scored: number;
  readonly average_sentiment: number | null;
  readonly total_likes: number | null;
  readonly subject: string | null;
  readonly caption: string | null;
  readonly url: string | null;
  readonly posted_at: string | null;
  readonly captured_percent: number | null;
}

export interface Storyline {
  readonly rank: number;
  readonly entities: readonly string[];
  readonly names: readonly string[];
  readonly comments: number;
  readonly comments_before: number;
  readonly growth: number;
  readonly average_sentiment: number | null;
  readonly terms: readonly string[];
  readonly platform: string;
  readonly post_id: string;
}

export interface Day {
  readonly day: string;
  readonly platform: string;
  readonly entity_id: string;
  readonly comments: number;
  readonly scored: number;
  readonly average_sentiment: number | null;
}

export interface WeekFigures {
  readonly rankings: Columns<Ranking>;
  readonly alerts: Columns<Alert>;
  readonly posts: Columns<Post>;
  readonly storylines: Columns<Storyline>;
  readonly days: Columns<Day>;
}

/** What stands for all comments in entity_id. */
export const ALL = "(all)";
export const NONE = "(none)";

export interface Scored {
  readonly scored: number;
  readonly average_sentiment: number | null;
}

/** The mean sentiment of several groups of comments; null where none of them was scored. */
export function mean(groups: readonly Scored[]): number | null {
  const scored = sum(groups, ({ scored }) => scored);
  return scored ? sum(groups, ({ scored, average_sentiment }) => scored * (average_sentiment ?? 0)) / scored : null;
}

export function sum<Row>(rows: readonly Row[], value: (row: Row) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}
