// What the page and its worker say to each other.
import type { SiteFile } from "../shared/site";

export interface Query {
  readonly search: string;
  readonly platform: string;
  readonly entity: string;
  readonly mood: string;
  /** Days, YYYY-MM-DD; "" for any. */
  readonly from: string;
  readonly to: string;
  /** "PLATFORM POST", or "". */
  readonly post: string;
}

export interface Comment {
  readonly platform: string;
  readonly post_id: string | null;
  readonly text: string | null;
  /** How long the text really is, where it was cut. */
  readonly characters: number | null;
  /** Milliseconds since 1970. */
  readonly created: number | null;
  readonly likes: number | null;
  readonly replies: number | null;
  readonly reply: boolean;
  readonly language: string | null;
  readonly sentiment: number | null;
  readonly mood: string;
  readonly vanished: boolean;
  readonly entities: readonly string[];
  readonly subject: string | null;
  readonly url: string | null;
}

export interface Trend {
  readonly week: string;
  readonly platform: string;
  readonly entity_id: string;
  readonly comments: number;
  readonly scored: number;
  readonly average_sentiment: number | null;
}

export type Request =
  /** Answer with the first `wanted` comments of a query; a later request of this kind ends an earlier one. */
  | { readonly kind: "find"; readonly base: string; readonly file: SiteFile; readonly query: Query; readonly wanted: number }
  | { readonly kind: "trends"; readonly base: string; readonly file: SiteFile };

/** What was found so far: `searched` of the `parts` that may have an answer were read. */
export interface Found {
  readonly kind: "found";
  readonly query: Query;
  readonly comments: readonly Comment[];
  /** How many were found so far, at least as many as are shown. */
  readonly count: number;
  /** How many there are, where that is known without reading all. */
  readonly total: number | null;
  readonly searched: number;
  readonly parts: number;
  /** Comments from then on were searched; null where all were, or those left have no time. */
  readonly reached: number | null;
  readonly finished: boolean;
}

export type Reply =
  | Found
  | { readonly kind: "failed"; readonly query: Query; readonly reason: string }
  | { readonly kind: "trends"; readonly trends: readonly Trend[] }
  | { readonly kind: "untrended"; readonly reason: string };
