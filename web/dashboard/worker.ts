// Reads comments in the background and answers the page, so that typing and scrolling never wait for data.
import { fetched, reason, type SiteFile } from "../shared/site";
import { Comments } from "./comments";
import { Columns } from "./parquet";
import type { Comment, Query, Reply, Request, Trend } from "./protocol";

/** A question under way, and how far it is answered. */
interface Search {
  readonly key: string;
  readonly candidates: readonly number[];
  readonly found: Comment[];
  next: number;
}

const TREND: readonly (keyof Trend)[] = ["week", "platform", "entity_id", "comments", "scored", "average_sentiment"];
/** So often the page hears of a long search, in milliseconds. */
const NEWS = 150;

let comments: { readonly path: string; readonly opened: Promise<Comments> } | undefined;
let search: Search | undefined;
let asked = 0;

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.kind === "trends") void trends(data.base, data.file);
  else void find(data.base, data.file, data.query, data.wanted);
});

function reply(message: Reply): void {
  postMessage(message);
}

function open(base: string, file: SiteFile): Promise<Comments> {
  if (comments?.path !== file.path) {
    comments = { path: file.path, opened: Comments.open(base, file) };
    comments.opened.catch(() => (comments = undefined));
  }
  return comments.opened;
}

async function find(base: string, file: SiteFile, query: Query, wanted: number): Promise<void> {
  const mine = ++asked;
  try {
    const all = await open(base, file);
    const key = JSON.stringify([file.path, query]);
    if (search?.key !== key) {
      const candidates = await all.candidates(query);
      if (mine !== asked) return;
      search = { key, candidates, found: [], next: 0 };
    }
    const current = search;
    const { candidates, found } = current;
    const tell = (finished: boolean) =>
      reply({
        kind: "found",
        query,
        comments: found.slice(0, wanted),
        count: found.length,
        total: all.total(query),
        searched: current.next,
        parts: candidates.length,
        reached: all.oldest(current.next < candidates.length ? candidates[current.next - 1] : undefined),
        finished,
      });
    let told = performance.now();
    while (found.length < wanted && current.next < candidates.length) {
      const number = candidates[current.next] as number;
      all.prefetch(candidates[current.next + 1]);
      const answers = await all.search(number, query);
      // Another question came meanwhile; where it is the same one, it goes on from here
      if (mine !== asked) return;
      found.push(...answers);
      current.next++;
      if (performance.now() - told > NEWS) {
        tell(false);
        told = performance.now();
      }
    }
    tell(true);
  } catch (error) {
    if (mine === asked) reply({ kind: "failed", query, reason: reason(error) });
  }
}

async function trends(base: string, file: SiteFile): Promise<void> {
  try {
    const bytes = await fetched(base, file);
    if (bytes instanceof Error) throw bytes;
    reply({ kind: "trends", trends: await new Columns(bytes, file.rows).objects<Trend>(TREND) });
  } catch (error) {
    reply({ kind: "untrended", reason: `${file.path}: ${reason(error)}` });
  }
}
