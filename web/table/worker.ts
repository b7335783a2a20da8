// Loads the parts in the background and answers the page, so that neither typing nor scrolling waits for data.
import { fetched, readPointer, reason, type SiteFile } from "../shared/site";
import { fileOf } from "./files";
import { asLatest, type Latest } from "./latest";
import type { Reply, Request } from "./protocol";
import { type Found, type Query, Table } from "./table";

interface Dataset {
  readonly latest: Latest;
  readonly table: Table;
  readonly missing: Set<number>;
}

let dataset: Dataset | undefined;
let last: { readonly key: string; readonly found: Found } | undefined;

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  switch (data.kind) {
    case "load":
      void load(data.base);
      break;
    case "find": {
      const { rows, facets } = find(data.query);
      const page = Math.max(1, Math.min(data.page, Math.ceil(rows.length / data.size)));
      const numbers = rows.subarray((page - 1) * data.size, page * data.size);
      const of = dataset?.table.loaded ?? 0;
      reply({ kind: "found", count: rows.length, of, page, rows: Array.from(numbers, row), facets });
      break;
    }
    case "export": {
      const { rows } = find(data.query);
      const blob = fileOf(dataset?.table.rows(rows) ?? [], data.format);
      reply({ kind: "file", blob, format: data.format, rows: rows.length });
      break;
    }
  }
});

function reply(message: Reply): void {
  postMessage(message);
}

function row(number: number) {
  return (dataset as Dataset).table.row(number);
}

function find(query: Query): Found {
  if (!dataset) return { rows: new Uint32Array(), facets: {} };
  const key = JSON.stringify([dataset.latest.version, dataset.table.loaded, query]);
  if (last?.key !== key) last = { key, found: dataset.table.find(query) };
  return last.found;
}

async function load(base: string): Promise<void> {
  try {
    const latest = asLatest(await readPointer(base));
    if (dataset?.latest.version !== latest.version) {
      const missing = new Set(latest.files.parts.keys());
      dataset = { latest, table: new Table(latest.rows), missing };
    }
    reply({ kind: "opened", latest });
  } catch (error) {
    reply({ kind: "unavailable", reason: `latest.json: ${reason(error)}` });
    return;
  }
  await loadParts(base, dataset);
}

async function loadParts(base: string, { latest, table, missing }: Dataset): Promise<void> {
  const wanted = [...missing];
  const failures: string[] = [];
  const report = (finished: boolean) => reply({ kind: "progress", loaded: table.loaded, finished, failures });
  let next = fetched(base, latest.files.parts[wanted[0] ?? 0] as SiteFile);
  for (const [index, number] of wanted.entries()) {
    const part = latest.files.parts[number] as SiteFile;
    const start = latest.files.parts.slice(0, number).reduce((sum, { rows }) => sum + rows, 0);
    const coming = next;
    const following = wanted[index + 1];
    // The next part travels while this one is decoded
    if (following !== undefined) next = fetched(base, latest.files.parts[following] as SiteFile);
    try {
      const file = await coming;
      if (file instanceof Error) throw file;
      await table.add(start, part.rows, file);
      missing.delete(number);
    } catch (error) {
      failures.push(`${part.path}: ${reason(error)}`);
    }
    report(false);
  }
  report(true);
}
