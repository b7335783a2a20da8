// latest.json: which version to read, and where its files are.

export interface SiteFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface Latest {
  readonly format: number;
  readonly version: string;
  readonly as_of: string;
  readonly published_at: string;
  readonly built_from: Readonly<Record<string, string>>;
  readonly rows: number;
  readonly stale_after_hours: number;
  readonly columns: readonly { readonly name: string; readonly title: string; readonly meaning: string }[];
  readonly files: { readonly csv: SiteFile; readonly jsonl: SiteFile; readonly parts: readonly SiteFile[] };
}

const FORMAT = 1;
const PATH = /^data\/[\w.@+=-]+\/[\w.@+=-]+$/;

/** Takes what latest.json holds; throws an Error that says what is wrong with it. */
export function asLatest(value: unknown): Latest {
  const latest = value as Latest;
  if (latest?.format !== FORMAT) {
    throw new Error(`it has format ${String(latest?.format)}, this page reads format ${FORMAT}; reload the page`);
  }
  const { csv, jsonl, parts } = latest.files;
  for (const file of [csv, jsonl, ...parts]) {
    if (!PATH.test(file.path)) throw new Error(`it names a file outside its data folder: ${file.path}`);
  }
  if (parts.reduce((sum, part) => sum + part.rows, 0) !== latest.rows) {
    throw new Error(`its parts do not add up to ${latest.rows} rows`);
  }
  if (Number.isNaN(Date.parse(latest.as_of))) throw new Error(`its as_of is no time: ${latest.as_of}`);
  return latest;
}
