// What the reader looks at, and its form in the address: everything after # can be shared as a link.
import { COLUMNS, columnNamed, type ColumnName } from "./columns";
import { type Filters, PUBLISHED, type Query, type Sort } from "./table";

export interface View extends Query {
  readonly page: number;
  readonly size: number;
  readonly columns: readonly ColumnName[];
}

export const SIZES = [25, 50, 100, 200];
export const INITIAL: View = {
  search: "",
  filters: {},
  sort: PUBLISHED,
  page: 1,
  size: 50,
  columns: COLUMNS.filter(({ shown }) => shown).map(({ name }) => name),
};

/** `search=…&phase=PHASE1&phase=PHASE2&start_date=2020-01-01..&sort=-start_date&page=2&rows=100&columns=cid,title` */
export function toHash(view: View): string {
  const parameters = new URLSearchParams();
  if (view.search) parameters.set("search", view.search);
  for (const { name, kind } of COLUMNS) {
    const values = view.filters[name];
    if (!values) continue;
    if (kind === "date") parameters.set(name, values.join(".."));
    else for (const value of values) parameters.append(name, value);
  }
  if (inWords(view.sort) !== inWords(INITIAL.sort)) parameters.set("sort", inWords(view.sort));
  if (view.page !== INITIAL.page) parameters.set("page", String(view.page));
  if (view.size !== INITIAL.size) parameters.set("rows", String(view.size));
  if (view.columns.join() !== INITIAL.columns.join()) parameters.set("columns", view.columns.join(","));
  return parameters.toString();
}

/** The view of an address; whatever in it is not understood is as in the initial view. */
export function fromHash(hash: string): View {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const filters: Partial<Record<ColumnName, readonly string[]>> = {};
  for (const { name, kind } of COLUMNS) {
    const values = parameters.getAll(name);
    const [first] = values;
    if (first === undefined) continue;
    if (kind === "pick") filters[name] = values;
    else if (kind !== "date") filters[name] = [first];
    else filters[name] = [day(first.split("..")[0]), day(first.split("..")[1])];
  }
  const sort = parameters.get("sort") ?? "";
  const column = columnNamed(sort.replace(/^-/, ""));
  const size = Number(parameters.get("rows"));
  const page = Number(parameters.get("page"));
  const wanted: readonly string[] = parameters.get("columns")?.split(",") ?? INITIAL.columns;
  // A filter that nobody sees would be a trap
  const columns = COLUMNS.map(({ name }) => name).filter((name) => wanted.includes(name) || filters[name]);
  return {
    search: parameters.get("search") ?? "",
    filters: withoutEmpty(filters),
    sort: column ? { column: column.name, descending: sort.startsWith("-") } : INITIAL.sort,
    page: Number.isInteger(page) && page > 0 ? page : INITIAL.page,
    size: SIZES.includes(size) ? size : INITIAL.size,
    columns: columns.length ? columns : INITIAL.columns,
  };
}

/** The filters with one of them set; empty ones are left out, so that equal views are equal in writing. */
export function withFilter(filters: Filters, column: ColumnName, values: readonly string[]): Filters {
  return withoutEmpty({ ...filters, [column]: values });
}

function inWords({ column, descending }: Sort): string {
  return (descending ? "-" : "") + column;
}

function withoutEmpty(filters: Filters): Filters {
  const set = Object.entries(filters).filter(
    ([name, values]) => values.length && (columnNamed(name)?.kind === "pick" || values.some(Boolean)),
  );
  return Object.fromEntries(set);
}

function day(text: string | undefined): string {
  return text && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : "";
}
