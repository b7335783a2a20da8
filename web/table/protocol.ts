// What the page and its worker say to each other.
import type { Row } from "./columns";
import type { Format } from "./files";
import type { Latest } from "./latest";
import type { Facets, Query } from "./table";

export type Request =
  /** Read latest.json and whatever of its parts is not there yet. `base`: the folder of latest.json. */
  | { readonly kind: "load"; readonly base: string }
  | { readonly kind: "find"; readonly query: Query; readonly page: number; readonly size: number }
  | { readonly kind: "export"; readonly query: Query; readonly format: Format };

/** `page` is the one asked for or the last there is; `of`: how many rows were there to search. */
export interface Answer {
  readonly kind: "found";
  readonly count: number;
  readonly of: number;
  readonly page: number;
  readonly rows: readonly Row[];
  readonly facets: Facets;
}

export type Reply =
  | { readonly kind: "opened"; readonly latest: Latest }
  | { readonly kind: "unavailable"; readonly reason: string }
  | { readonly kind: "progress"; readonly loaded: number; readonly finished: boolean; readonly failures: readonly string[] }
  | Answer
  | { readonly kind: "file"; readonly blob: Blob; readonly format: Format; readonly rows: number };
