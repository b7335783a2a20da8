// The rows a reader filtered, as a file with the columns and rules of the whole-table downloads
// (include/sources/clinical/export.py), but for content_hash.
import type { Cell, Row } from "./columns";
import { compoundUrl, studyUrl } from "./links";

export type Format = "csv" | "json";

const FIELDS: readonly (readonly [name: string, value: (row: Row) => Cell])[] = [
  ["cid", (row) => row.cid],
  ["nct_id", (row) => row.nct_id],
  ["compound_name", (row) => row.compound_name],
  ["title", (row) => row.title],
  ["phase", (row) => row.phase],
  ["overall_status", (row) => row.overall_status],
  ["conditions", (row) => row.conditions],
  ["interventions", (row) => row.interventions],
  ["targets", (row) => row.targets],
  ["start_date", (row) => row.start_date],
  ["completion_date", (row) => row.completion_date],
  ["last_update_date", (row) => row.last_update_date],
  ["ctgov_url", (row) => studyUrl(row.nct_id)],
  ["pubchem_url", (row) => compoundUrl(row.cid)],
  ["source_url", (row) => studyUrl(row.nct_id)],
  ["link", (row) => row.link],
  ["link_rules", (row) => row.link_rules],
  ["link_names", (row) => row.link_names],
];
const UNQUOTED = new Set(["cid", "start_date", "completion_date", "last_update_date"]);

// What a spreadsheet may run: = + - @ TAB CR LF or a full-width form of them, also after blanks that it skips.
const FORMULA =
  /^[\x00-\x20\x7F-\xA0\u1680\u2000-\u200F\u2028-\u202F\u205F-\u2064\u3000\uFEFF]*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;

export function fileOf(rows: Iterable<Row>, format: Format): Blob {
  return format === "csv" ? csv(rows) : json(rows);
}

function csv(rows: Iterable<Row>): Blob {
  const lines = [FIELDS.map(([name]) => name).join(",") + "\r\n"];
  for (const row of rows) lines.push(FIELDS.map(([name, value]) => cell(name, value(row))).join(",") + "\r\n");
  return new Blob(lines, { type: "text/csv;charset=utf-8" });
}

function cell(name: string, value: Cell): string {
  if (value === null) return "";
  if (UNQUOTED.has(name)) return String(value);
  const text = Array.isArray(value) ? value.join("; ") : String(value);
  return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

function json(rows: Iterable<Row>): Blob {
  const parts: string[] = [];
  for (const row of rows) {
    const entries = FIELDS.map(([name, value]) => [name, value(row)]);
    parts.push((parts.length ? ",\n" : "[\n") + JSON.stringify(Object.fromEntries(entries)));
  }
  parts.push(parts.length ? "\n]\n" : "[]\n");
  return new Blob(parts, { type: "application/json" });
}
