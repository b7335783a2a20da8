// The comments of a version: which parts may answer a question, and the comments in them that do.
import { fold, terms } from "../shared/search";
import { checkFile, fetched, readJson, reason, type SiteFile } from "../shared/site";
import { Columns } from "./parquet";
import type { Comment, Query } from "./protocol";
import { before, indexed, joined, words } from "./words";

interface Part extends SiteFile {
  readonly first: number | null;
  readonly last: number | null;
  readonly platforms: Readonly<Record<string, number>>;
  readonly moods: Readonly<Record<string, number>>;
  readonly entities: Readonly<Record<string, number>>;
}

interface WordFile extends SiteFile {
  readonly first: string;
}

interface Catalogue {
  readonly rows: number;
  readonly parts: readonly Part[];
  readonly words: readonly WordFile[];
}

/** A part in memory; `texts` are the folded texts of its comments, made when somebody searches. */
interface Loaded {
  readonly columns: Columns;
  texts: readonly string[] | undefined;
}

type Test = (row: number) => boolean;

const NAMES: readonly (keyof Comment)[] = [
  "platform",
  "post_id",
  "text",
  "characters",
  "created",
  "likes",
  "replies",
  "reply",
  "language",
  "sentiment",
  "mood",
  "vanished",
  "entities",
  "subject",
  "url",
];
const DAY = 86_400_000;
/** So many parts stay in memory, the last ones read. */
const KEPT = 24;
/** The beginning of more words than so many files of the index hold is likely in every part. */
const MOST_FILES = 3;

export class Comments {
  private readonly loaded = new Map<number, Promise<Loaded>>();
  private readonly indexes = new Map<number, Promise<ReadonlyMap<string, readonly number[]>>>();

  private constructor(
    private readonly base: string,
    private readonly catalogue: Catalogue,
  ) {}

  static async open(base: string, file: SiteFile): Promise<Comments> {
    const catalogue = await readJson<Catalogue>(base, file);
    [...catalogue.parts, ...catalogue.words].forEach(checkFile);
    return new Comments(base, catalogue);
  }

  /** How many comments answer a question, where the catalogue alone says it. */
  total(query: Query): number | null {
    const asked = [query.platform, query.entity, query.mood].filter(Boolean).length;
    if (query.search || query.from || query.to || query.post || asked > 1) return null;
    if (!asked) return this.catalogue.rows;
    return this.catalogue.parts.reduce((total, part) => total + atMost(part, query), 0);
  }

  /** The oldest time in a part; null where its comments have none. */
  oldest(number: number | undefined): number | null {
    return number === undefined ? null : this.catalogue.parts[number]?.first ?? null;
  }

  /** The numbers of the parts that may have an answer, newest first. */
  async candidates(query: Query): Promise<number[]> {
    const sets = await Promise.all(sought(query).map((word) => this.partsWith(word)));
    const among = sets.filter((set) => set !== undefined);
    const { start, end } = range(query);
    return [...this.catalogue.parts.keys()].filter((number) => {
      const part = this.catalogue.parts[number] as Part;
      if (part.rows === 0 || atMost(part, query) === 0) return false;
      if (query.from || query.to) {
        if (part.first === null || part.last === null || part.last < start || part.first >= end) return false;
      }
      return among.every((set) => set.has(number));
    });
  }

  /** Begins to load a part that is likely to be searched next. */
  prefetch(number: number | undefined): void {
    // Whoever searches it is told of a failure
    if (number !== undefined) this.part(number).catch(() => undefined);
  }

  /** The comments of a part that answer a question, newest first. */
  async search(number: number, query: Query): Promise<Comment[]> {
    const file = this.catalogue.parts[number] as Part;
    const part = await this.part(number);
    return named(file, async () => {
      const tests = await testsOf(part, query);
      const found: number[] = [];
      for (let row = 0; row < file.rows; row++) if (tests.every((passes) => passes(row))) found.push(row);
      // Most columns are needed of parts with an answer alone
      return found.length ? part.columns.objects<Comment>(NAMES, found) : [];
    });
  }

  private part(number: number): Promise<Loaded> {
    const known = this.loaded.get(number);
    this.loaded.delete(number);
    const part = known ?? this.read(number);
    // Those read last stand at the end
    this.loaded.set(number, part);
    part.catch(() => this.loaded.delete(number));
    for (const oldest of this.loaded.keys()) {
      if (this.loaded.size <= KEPT) break;
      this.loaded.delete(oldest);
    }
    return part;
  }

  private async read(number: number): Promise<Loaded> {
    return { columns: await this.columnsOf(this.catalogue.parts[number] as Part), texts: undefined };
  }

  private async columnsOf(file: SiteFile): Promise<Columns> {
    return named(file, async () => {
      const bytes = await fetched(this.base, file);
      if (bytes instanceof Error) throw bytes;
      return new Columns(bytes, file.rows);
    });
  }

  /** The parts that have a word of the index, or one that begins so; undefined where it would take long to tell. */
  private async partsWith({ word, whole }: Sought): Promise<ReadonlySet<number> | undefined> {
    const files = this.catalogue.words;
    let first = files.length - 1;
    while (first > 0 && before(word, (files[first] as WordFile).first)) first--;
    let last = first;
    while (!whole && files[last + 1]?.first.startsWith(word)) last++;
    if (last - first >= MOST_FILES) return undefined;
    const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const found = new Set<number>();
    for (const index of await Promise.all(numbers.map((number) => this.index(number)))) {
      if (whole) for (const part of index.get(word) ?? []) found.add(part);
      else for (const [each, parts] of index) if (each.startsWith(word)) for (const part of parts) found.add(part);
    }
    return found;
  }

  private index(number: number): Promise<ReadonlyMap<string, readonly number[]>> {
    let index = this.indexes.get(number);
    if (!index) {
      index = this.readIndex(this.catalogue.words[number] as WordFile);
      this.indexes.set(number, index);
      index.catch(() => this.indexes.delete(number));
    }
    return index;
  }

  private async readIndex(file: WordFile): Promise<ReadonlyMap<string, readonly number[]>> {
    const columns = await this.columnsOf(file);
    return named(file, async () => {
      const [word, parts] = await Promise.all([columns.column("word"), columns.column("parts")]);
      return new Map(word.map((each, i) => [each as string, parts[i] as readonly number[]]));
    });
  }
}

/** What must be true of a comment that answers a question. */
async function testsOf(part: Loaded, query: Query): Promise<Test[]> {
  const tests: Test[] = [];
  const [platform = "", ...post] = query.post.split(" ");
  const same = { platform: [query.platform, platform], mood: [query.mood], post_id: [post.join(" ")] };
  for (const [name, wanted] of Object.entries(same)) {
    for (const value of wanted.filter(Boolean)) {
      const values = await part.columns.column(name);
      tests.push((row) => values[row] === value);
    }
  }
  if (query.entity) {
    const entities = await part.columns.column("entities");
    tests.push((row) => (entities[row] as readonly string[]).includes(query.entity));
  }
  if (query.from || query.to) {
    const { start, end } = range(query);
    const created = await part.columns.column("created");
    tests.push((row) => {
      const at = created[row];
      return typeof at === "number" && at >= start && at < end;
    });
  }
  for (const term of terms(query.search).map(words)) {
    part.texts ??= (await part.columns.column("text")).map((text) => (typeof text === "string" ? fold(text) : ""));
    const texts = part.texts;
    const wanted = joined(term);
    tests.push((row) => {
      const text = texts[row] as string;
      // Nearly all texts lack a word altogether, which is told faster than where words begin
      return term.every((word) => text.includes(word)) && joined(words(text)).includes(wanted);
    });
  }
  return tests;
}

/** Lets an error say of which file it is. */
async function named<T>(file: SiteFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new Error(`${file.path}: ${reason(error)}`);
  }
}

interface Sought {
  readonly word: string;
  /** Or the beginning of one. */
  readonly whole: boolean;
}

/** What of a question the index can be asked. */
function sought(query: Query): Sought[] {
  const found = terms(query.search).flatMap((term) => {
    const parts = words(term);
    return parts.map((word, i) => ({ word: indexed(word), whole: i < parts.length - 1 }));
  });
  return query.post ? [...found, { word: ` ${query.post}`, whole: true }] : found;
}

/** At most so many comments of a part answer a question, by what the catalogue says of it. */
function atMost(part: Part, { platform, entity, mood }: Query): number {
  const counts = [
    platform ? part.platforms[platform] ?? 0 : part.rows,
    entity ? part.entities[entity] ?? 0 : part.rows,
    mood ? part.moods[mood] ?? 0 : part.rows,
  ];
  return Math.min(...counts);
}

function range({ from, to }: Query): { start: number; end: number } {
  return { start: from ? Date.parse(from) : -Infinity, end: to ? Date.parse(to) + DAY : Infinity };
}
