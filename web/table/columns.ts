// The columns of the table: what kind of values each holds, in the order in which people read them.

export type Kind = "number" | "text" | "texts" | "pick" | "date";

export interface Column {
  readonly name: ColumnName;
  readonly kind: Kind;
  /** Shown until the reader chooses otherwise. */
  readonly shown: boolean;
}

const DECLARED = [
  { name: "compound_name", kind: "text", shown: true },
  { name: "cid", kind: "number", shown: true },
  { name: "nct_id", kind: "text", shown: true },
  { name: "title", kind: "text", shown: true },
  { name: "phase", kind: "pick", shown: true },
  { name: "overall_status", kind: "pick", shown: true },
  { name: "last_update_date", kind: "date", shown: true },
  { name: "conditions", kind: "texts", shown: true },
  { name: "interventions", kind: "texts", shown: true },
  { name: "targets", kind: "texts", shown: true },
  { name: "start_date", kind: "date", shown: true },
  { name: "completion_date", kind: "date", shown: true },
  { name: "link", kind: "pick", shown: true },
  { name: "link_names", kind: "texts", shown: false },
  { name: "link_rules", kind: "texts", shown: false },
] as const;

export type ColumnName = (typeof DECLARED)[number]["name"];

export const COLUMNS: readonly Column[] = DECLARED;

const BY_NAME = new Map<string, Column>(COLUMNS.map((column) => [column.name, column]));

export function columnNamed(name: string): Column | undefined {
  return BY_NAME.get(name);
}

export type Cell = string | number | readonly string[] | null;

/** Dates are YYYY-MM-DD. */
export type Row = Readonly<Record<ColumnName, Cell>>;

const LABELS: Record<string, string> = {
  NA: "Not applicable",
  pubchem: "PubChem",
  name: "Name",
  both: "PubChem and name",
};

/** A code of phase, status or link as people read it. */
export function label(code: string | null): string {
  if (code === null) return "Not given";
  if (LABELS[code]) return LABELS[code];
  return code
    .split("/")
    .map((part) => {
      const words = part.replaceAll("_", " ").toLowerCase().replace(/phase(\d)/, "phase $1");
      return words.charAt(0).toUpperCase() + words.slice(1);
    })
    .join("/")
    .replaceAll("/Phase ", "/");
}
