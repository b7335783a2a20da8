// What every exported site has: a pointer, latest.json, that names the version to read, and files that never change.

export interface SiteFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface Pointer {
  readonly format: number;
  readonly version: string;
  readonly as_of: string;
  readonly published_at: string;
  readonly stale_after_hours: number;
}

const TIMEOUT = 60_000;
const PATH = /^data\/[\w.@+=-]+\/[\w.@+=-]+$/;

/** Throws an Error that says what is wrong where this is not the pointer of a format. */
export function checkPointer(value: unknown, format: number): void {
  const pointer = value as Pointer;
  if (pointer?.format !== format) {
    throw new Error(`it has format ${String(pointer?.format)}, this page reads format ${format}; reload the page`);
  }
  if (Number.isNaN(Date.parse(pointer.as_of))) throw new Error(`its as_of is no time: ${pointer.as_of}`);
}

/** Throws an Error where a file is not in the data folder of a version. */
export function checkFile({ path }: SiteFile): void {
  if (!PATH.test(path)) throw new Error(`it names a file outside its data folder: ${path}`);
}

/** latest.json as it is now; never one that a cache kept. */
export async function readPointer(base: string): Promise<unknown> {
  return (await get(base, "latest.json", "no-cache")).json();
}

/** The bytes of a file, or why there are none; never rejects, since nobody may be waiting yet. */
export async function fetched(base: string, file: SiteFile): Promise<ArrayBuffer | Error> {
  try {
    const bytes = await (await get(base, file.path, "default")).arrayBuffer();
    if (bytes.byteLength === file.bytes) return bytes;
    return new Error(`${bytes.byteLength} bytes came instead of ${file.bytes}`);
  } catch (error) {
    return new Error(reason(error));
  }
}

/** What a JSON file of the site holds; throws an Error that names the file. */
export async function readJson<T>(base: string, file: SiteFile): Promise<T> {
  const bytes = await fetched(base, file);
  if (bytes instanceof Error) throw new Error(`${file.path}: ${bytes.message}`);
  return JSON.parse(new TextDecoder().decode(bytes)) as T;
}

async function get(base: string, path: string, cache: RequestCache): Promise<Response> {
  const response = await fetch(new URL(path, base), { cache, signal: AbortSignal.timeout(TIMEOUT) });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response;
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
