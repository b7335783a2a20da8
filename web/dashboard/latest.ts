// latest.json: which version to read, and where its files are.
import { checkFile, checkPointer, type Pointer, type SiteFile } from "../shared/site";

export interface WeekFile extends SiteFile {
  readonly week: string;
}

export interface Latest extends Pointer {
  readonly built_from: Readonly<Record<string, string>>;
  readonly comments: number;
  readonly files: {
    readonly overview: SiteFile;
    /** Oldest first. */
    readonly weeks: readonly WeekFile[];
    readonly trends: SiteFile;
    readonly comments: SiteFile;
  };
}

const FORMAT = 1;

/** Takes what latest.json holds; throws an Error that says what is wrong with it. */
export function asLatest(value: unknown): Latest {
  checkPointer(value, FORMAT);
  const latest = value as Latest;
  const { overview, weeks, trends, comments } = latest.files;
  [overview, ...weeks, trends, comments].forEach(checkFile);
  return latest;
}
