// The columns of a Parquet file, decoded when they are asked for.
import { type FileMetaData, parquetMetadata, parquetRead } from "hyparquet";

export class Columns {
  private readonly metadata: FileMetaData;
  private readonly decoded = new Map<string, Promise<unknown[]>>();

  /** `rows`: how many there must be. */
  constructor(
    private readonly file: ArrayBuffer,
    readonly rows: number,
  ) {
    this.metadata = parquetMetadata(file);
  }

  /** The values of a column. Throws an Error that names it where it has another number of rows. */
  column(name: string): Promise<unknown[]> {
    let values = this.decoded.get(name);
    if (!values) {
      values = this.decode(name);
      this.decoded.set(name, values);
    }
    return values;
  }

  /** Columns as rows, or some of them by their numbers. */
  async objects<Row>(names: readonly (keyof Row & string)[], numbers?: readonly number[]): Promise<Row[]> {
    const values = await Promise.all(names.map((name) => this.column(name)));
    const wanted = numbers ?? Array.from({ length: this.rows }, (_, row) => row);
    return wanted.map((row) => Object.fromEntries(names.map((name, i) => [name, values[i]?.[row] ?? null])) as Row);
  }

  private async decode(name: string): Promise<unknown[]> {
    const values: unknown[] = [];
    if (this.rows > 0) {
      await parquetRead({
        file: this.file,
        metadata: this.metadata,
        columns: [name],
        onChunk: ({ columnData, rowStart }) => {
          for (let i = 0; i < columnData.length; i++) values[rowStart + i] = columnData[i];
        },
      });
    }
    if (values.length !== this.rows) throw new Error(`column ${name} has ${values.length} of ${this.rows} rows`);
    return values;
  }
}
