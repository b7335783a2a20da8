// latest.json: which version to read, and where its files are.
import { checkFile, checkPointer, type Pointer, type SiteFile } from "../shared/site";

export interface Latest extends Pointer {
  readonly built_from: Readonly<Record<string, string>>;
  readonly rows: number;
  readonly columns: readonly { readonly name: string; readonly title: string; readonly meaning: string }[];
  readonly files: { readonly csv: SiteFile; readonly jsonl: SiteFile; readonly parts: readonly SiteFile[] };
}

const FORMAT = 1;

/** Takes what latest.json holds; throws an Error that says what is wrong with it. */
export function asLatest(value: unknown): Latest {
  checkPointer(value, FORMAT);
  const latest = value as Latest;
  const { csv, jsonl, parts } = latest.files;
  [csv, jsonl, ...parts].forEach(checkFile);
  if (parts.reduce((sum, part) => sum + part.rows, 0) !== latest.rows) {
    throw new Error(`its parts do not add up to ${latest.rows} rows`);
  }
  return latest;
}
