// The rows in memory, and what is asked of them: search, filters, counts for the pick-lists, order.
//
// A row's number is its place in the published order (newest update first), whichever part comes in first. Columns
// are arrays over all rows; rows whose part is not there yet are in no answer.
import { parquetRead } from "hyparquet";
import { fold, terms } from "../shared/search";
import { type Cell, COLUMNS, type Column, type ColumnName, label, type Row } from "./columns";

export interface Sort {
  readonly column: ColumnName;
  readonly descending: boolean;
}

/** The order of the published parts. */
export const PUBLISHED: Sort = { column: "last_update_date", descending: true };

/** Filters by column: [text], chosen codes ("" for none given), or [first day, last day], either may be "". */
export type Filters = Readonly<Partial<Record<ColumnName, readonly string[]>>>;

export interface Query {
  readonly search: string;
  readonly filters: Filters;
  readonly sort: Sort;
}

/** For each pick-list its codes and how many rows that meet all other conditions have each. */
export type Facets = Readonly<Partial<Record<ColumnName, readonly (readonly [code: string, rows: number])[]>>>;

export interface Found {
  readonly rows: Uint32Array;
  readonly facets: Facets;
}

interface Test {
  readonly passes: (row: number) => boolean;
  /** The pick-list that the test belongs to: rows that fail it alone are counted there. */
  readonly pick?: Picks;
}

const NO_DAY = -(2 ** 31);
const DAY = 86_400_000;

export class Table {
  loaded = 0;
  private readonly ready: { start: number; end: number }[] = [];
  private readonly stores: Record<ColumnName, Values>;
  /** What search looks in: all columns of a row, folded. */
  private readonly texts: string[];
  private readonly ranks = new Map<ColumnName, Uint32Array>();

  constructor(private readonly total: number) {
    this.stores = Object.fromEntries(
      COLUMNS.map((column) => [column.name, emptyStore(column, total)]),
    ) as Record<ColumnName, Values>;
    this.texts = new Array<string>(total).fill("");
  }

  /** Takes in a part, a Parquet file whose rows begin at a row number. */
  async add(start: number, rows: number, file: ArrayBuffer): Promise<void> {
    const read = new Map<string, number>();
    await parquetRead({
      file,
      columns: COLUMNS.map((column) => column.name),
      parsers: { dateFromDays: (days: number) => days },
      onChunk: ({ columnName, columnData, rowStart }) => {
        const store = this.stores[columnName as ColumnName];
        for (let i = 0; i < columnData.length; i++) store.set(start + rowStart + i, columnData[i]);
        read.set(columnName, (read.get(columnName) ?? 0) + columnData.length);
      },
    });
    for (const { name } of COLUMNS) {
      const found = read.get(name) ?? 0;
      if (found !== rows) throw new Error(`column ${name} has ${found} of ${rows} rows`);
    }
    for (let row = start; row < start + rows; row++) this.texts[row] = this.searched(row);
    this.ready.push({ start, end: start + rows });
    this.ready.sort((a, b) => a.start - b.start);
    this.loaded += rows;
    this.ranks.clear();
  }

  find({ search, filters, sort }: Query): Found {
    const picks = COLUMNS.flatMap(({ name }) => {
      const store = this.stores[name];
      return store instanceof Picks ? [{ name, store }] : [];
    });
    for (const { store } of picks) store.clearCounts();
    const tests = [...this.tests(filters), ...terms(search).map((term) => this.contains(term))];
    const rows = new Uint32Array(this.loaded);
    let count = 0;
    for (const { start, end } of this.ready) {
      for (let row = start; row < end; row++) {
        const failed = firstFailures(tests, row);
        if (failed === "none") {
          rows[count++] = row;
          for (const { store } of picks) store.count(row);
        } else if (failed !== "excluded") {
          failed.count(row);
        }
      }
    }
    return {
      rows: this.sorted(rows.slice(0, count), sort),
      facets: Object.fromEntries(picks.map(({ name, store }) => [name, store.counted()])),
    };
  }

  row(number: number): Row {
    const cells = COLUMNS.map(({ name }) => [name, this.stores[name].get(number)]);
    return Object.fromEntries(cells) as Row;
  }

  *rows(numbers: Uint32Array): Generator<Row> {
    for (const number of numbers) yield this.row(number);
  }

  private tests(filters: Filters): Test[] {
    return COLUMNS.flatMap(({ name, kind }): Test[] => {
      const values = filters[name];
      if (!values?.some((value) => value !== "") && kind !== "pick") return [];
      const store = this.stores[name];
      if (store instanceof Picks) return values?.length ? [{ passes: store.among(values), pick: store }] : [];
      if (store instanceof Days) return [{ passes: store.between(values?.[0] ?? "", values?.[1] ?? "") }];
      return terms(values?.[0] ?? "").map((term) => {
        // Most rows are told by their search text alone
        const somewhere = this.contains(term);
        return { passes: (row) => somewhere.passes(row) && fold(shown(store.get(row))).includes(term) };
      });
    });
  }

  private contains(term: string): Test {
    const texts = this.texts;
    return { passes: (row) => (texts[row] as string).includes(term) };
  }

  private searched(row: number): string {
    const parts: string[] = [];
    for (const { name, kind } of COLUMNS) {
      const value = this.stores[name].get(row);
      if (value === null) continue;
      if (Array.isArray(value)) parts.push(...value);
      else parts.push(String(value));
      if (kind === "pick") parts.push(label(String(value)));
    }
    return fold(parts.join("\n"));
  }

  private sorted(rows: Uint32Array, { column, descending }: Sort): Uint32Array {
    if (column === PUBLISHED.column && descending === PUBLISHED.descending) return rows;
    const ranks = this.ranksOf(column);
    const last = this.total + 1;
    // One number for rank and row: typed arrays sort numbers many times faster than with a comparison
    const keys = Float64Array.from(rows, (row) => {
      const rank = ranks[row] as number;
      return (rank === 0 ? last : descending ? last - rank : rank) * this.total + row;
    });
    keys.sort();
    return Uint32Array.from(keys, (key) => key % this.total);
  }

  /** For each row the place of its value among the column's, from 1; 0 where it has none. */
  private ranksOf(column: ColumnName): Uint32Array {
    const known = this.ranks.get(column);
    if (known) return known;
    const store = this.stores[column];
    const places = new Map<string | number, number>();
    for (const { start, end } of this.ready) {
      for (let row = start; row < end; row++) {
        const key = store.key(row);
        if (key !== null) places.set(key, 0);
      }
    }
    const folded = Array.from(places.keys(), (key) => ({ key, by: typeof key === "string" ? fold(key) : key }));
    folded.sort((a, b) => (a.by < b.by ? -1 : a.by > b.by ? 1 : 0));
    folded.forEach(({ key }, place) => places.set(key, place + 1));
    const ranks = new Uint32Array(this.total);
    for (const { start, end } of this.ready) {
      for (let row = start; row < end; row++) {
        const key = store.key(row);
        if (key !== null) ranks[row] = places.get(key) as number;
      }
    }
    this.ranks.set(column, ranks);
    return ranks;
  }
}

/** The one pick-list a row fails, or that it fails none, or something else or several. */
function firstFailures(tests: readonly Test[], row: number): Picks | "none" | "excluded" {
  let failed: Picks | "none" = "none";
  for (const test of tests) {
    if (test.passes(row)) continue;
    if (!test.pick || failed !== "none") return "excluded";
    failed = test.pick;
  }
  return failed;
}

/** A column's values by row number. `key` is what the column is sorted by. */
interface Values {
  set(row: number, value: unknown): void;
  get(row: number): Cell;
  key(row: number): string | number | null;
}

function emptyStore({ kind }: Column, total: number): Values {
  switch (kind) {
    case "number":
      return new Numbers(total);
    case "date":
      return new Days(total);
    case "pick":
      return new Picks(total);
    case "text":
      return new Texts(total);
    case "texts":
      return new Lists(total);
  }
}

class Numbers implements Values {
  private readonly values: Float64Array;

  constructor(total: number) {
    this.values = new Float64Array(total);
  }

  set(row: number, value: unknown): void {
    this.values[row] = Number(value);
  }

  get(row: number): number {
    return this.values[row] as number;
  }

  key(row: number): number {
    return this.get(row);
  }
}

class Days implements Values {
  private readonly values: Int32Array;

  constructor(total: number) {
    this.values = new Int32Array(total).fill(NO_DAY);
  }

  set(row: number, value: unknown): void {
    this.values[row] = typeof value === "number" ? value : NO_DAY;
  }

  get(row: number): string | null {
    const day = this.values[row] as number;
    return day === NO_DAY ? null : new Date(day * DAY).toISOString().slice(0, 10);
  }

  key(row: number): number | null {
    const day = this.values[row] as number;
    return day === NO_DAY ? null : day;
  }

  between(from: string, to: string): (row: number) => boolean {
    const first = from ? Date.parse(from) / DAY : NO_DAY + 1;
    const last = to ? Date.parse(to) / DAY : Infinity;
    return (row) => (this.values[row] as number) >= first && (this.values[row] as number) <= last;
  }
}

class Texts implements Values {
  private readonly values: (string | null)[];

  constructor(total: number) {
    this.values = new Array<string | null>(total).fill(null);
  }

  set(row: number, value: unknown): void {
    this.values[row] = typeof value === "string" ? value : null;
  }

  get(row: number): string | null {
    return this.values[row] as string | null;
  }

  key(row: number): string | null {
    return this.get(row);
  }
}

class Lists implements Values {
  private readonly values: (readonly string[] | null)[];

  constructor(total: number) {
    this.values = new Array<readonly string[] | null>(total).fill(null);
  }

  set(row: number, value: unknown): void {
    this.values[row] = Array.isArray(value) ? value : null;
  }

  get(row: number): readonly string[] | null {
    return this.values[row] as readonly string[] | null;
  }

  key(row: number): string | null {
    return this.get(row)?.join("; ") || null;
  }
}

/** Few distinct values, which a reader picks from; kept as numbers of a list of codes, of which "" is none given. */
class Picks implements Values {
  private readonly values: Uint32Array;
  private readonly codes: string[] = [];
  private readonly numbers = new Map<string, number>();
  private counts = new Uint32Array();

  constructor(total: number) {
    this.values = new Uint32Array(total);
  }

  set(row: number, value: unknown): void {
    const code = typeof value === "string" ? value : "";
    let number = this.numbers.get(code);
    if (number === undefined) {
      number = this.codes.push(code) - 1;
      this.numbers.set(code, number);
    }
    this.values[row] = number;
  }

  get(row: number): string | null {
    return this.codes[this.values[row] as number] || null;
  }

  key(row: number): string | null {
    return this.get(row);
  }

  among(codes: readonly string[]): (row: number) => boolean {
    const chosen = new Set(codes.map((code) => this.numbers.get(code)));
    return (row) => chosen.has(this.values[row]);
  }

  clearCounts(): void {
    this.counts = new Uint32Array(this.codes.length);
  }

  count(row: number): void {
    const number = this.values[row] as number;
    this.counts[number] = (this.counts[number] as number) + 1;
  }

  counted(): [string, number][] {
    const pairs = this.codes.map((code, number): [string, number] => [code, this.counts[number] as number]);
    return pairs.sort(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1));
  }
}

function shown(value: Cell): string {
  return value === null ? "" : Array.isArray(value) ? value.join("\n") : String(value);
}
