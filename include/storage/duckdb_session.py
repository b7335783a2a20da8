"""DuckDB over the store's Parquet: one in-memory session with bounded memory that spills to a scratch folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from include.storage.reading import Reader
from include.storage.tables import CONTENT_HASH

MEMORY_LIMIT = "512MB"
BATCH_ROWS = 16_384


@contextmanager
def session(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB session that keeps insertion order, uses at most MEMORY_LIMIT and may not fetch extensions."""
    connection = duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    try:
        yield _in_utc(connection)
    finally:
        connection.close()


def cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A second way into a session's database, for queries while a result of the first one is read."""
    return _in_utc(connection.cursor())


def _in_utc(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Soda writes SQL about dates without a zone, and hashes hold times: the machine's zone must not matter."""
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL text."""
    return "'" + text.replace("'", "''") + "'"


def identifiers(names: Sequence[str]) -> str:
    """SQL identifiers, separated by commas."""
    return ", ".join(quoted(name) for name in names)


def register(
    connection: duckdb.DuckDBPyConnection, name: str, store: Reader, keys: Sequence[str], schema: pa.Schema
) -> None:
    """Make the Parquet files at the keys a view with the columns of a schema.

    Files of an older schema version lack the columns added since: those read as null. Without files the view
    is empty. A local store is read by DuckDB itself; a remote one through Arrow, since DuckDB's own S3 client
    is an extension that would have to be downloaded.
    """
    empty, files = f"_schema_{name}", f"_files_{name}"
    connection.register(empty, schema.empty_table())
    query = f"SELECT * FROM {quoted(empty)}"  # noqa: S608
    if keys and store.local:
        # Without the union it would read the columns of the first file alone, which may be an older one. One statement,
        # since each one that names the files reads their footers.
        paths = ", ".join(literal(store.full(key)) for key in keys)
        query += f" UNION ALL BY NAME SELECT * FROM read_parquet([{paths}], union_by_name = true)"  # noqa: S608
    elif keys:
        connection.register(files, _Yielding.of(store.dataset(keys, schema)))
        query += f" UNION ALL BY NAME SELECT * FROM {quoted(files)}"  # noqa: S608
    columns = identifiers(schema.names)
    connection.execute(f"CREATE VIEW {quoted(name)} AS SELECT {columns} FROM ({query})")  # noqa: S608


class _Yielding(ds.FileSystemDataset):
    """A dataset whose scans begin without Python's lock.

    DuckDB begins one by Scanner.to_reader(), which pyarrow (26) runs with the lock held. Where the file system is
    Python's, as that of a remote store is, another thread of Arrow's may hold what that call waits for, and wait for
    the lock: both stand still for ever, and no signal or timeout of Python's gets through.
    """

    @classmethod
    def of(cls, dataset: ds.FileSystemDataset) -> _Yielding:
        """The same files under this guard."""
        return cls(list(dataset.get_fragments()), dataset.schema, dataset.format, dataset.filesystem)

    def scanner(self, *args: Any, **kwargs: Any) -> _Scan:
        """What DuckDB asks for columns and rows that it needs."""
        return _Scan(super().scanner(*args, **kwargs))


class _Scan:
    """A scanner as DuckDB uses it."""

    def __init__(self, scanner: ds.Scanner) -> None:
        self._scanner = scanner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scanner, name)

    def to_reader(self) -> pa.RecordBatchReader:
        """The batches; scan_batches() gives Python's lock away while it waits."""
        tagged = self._scanner.scan_batches()
        return pa.RecordBatchReader.from_batches(
            self._scanner.projected_schema, (each.record_batch for each in tagged)
        )


def batches(connection: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a query as Arrow batches of exactly the given schema, streamed.

    Raises ValueError naming the column where a required one holds a null.
    """
    for batch in connection.sql(query).to_arrow_reader(BATCH_ROWS):
        columns = []
        for wanted in schema:
            column = batch.column(wanted.name).cast(wanted.type)
            # A row gets its hash where it is written.
            if column.null_count and not wanted.nullable and wanted.name != CONTENT_HASH.name:
                raise ValueError(f"the required column {wanted.name} holds {column.null_count} nulls")
            columns.append(column)
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


RECIPE = 1
"""The number of the recipe that makes content_hash, which manifests keep. Raise it with any change of row_hash, also
one that comes with a version of DuckDB (a test holds what it makes): rows of two versions with different recipes are
compared by their values, and no row counts as changed by a new recipe alone."""


def row_hash(names: Sequence[str]) -> str:
    """SQL for the content_hash of a row: MD5 of the columns of these names, as JSON, but content_hash itself."""
    fields = ", ".join(f"{quoted(name)} := {quoted(name)}" for name in names if name != CONTENT_HASH.name)
    return f"md5(CAST(to_json(struct_pack({fields})) AS VARCHAR))"


@dataclass(slots=True)
class Shards:
    """Rows made one by one in Python, on their way to Parquet files in a folder, which become a view."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    name: str
    schema: pa.Schema
    _pending: list[dict[str, Any]] = field(default_factory=list)
    _files: list[str] = field(default_factory=list)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row; columns it lacks are null, keys that are no column are left out."""
        self._pending.append(dict(row))
        if len(self._pending) >= BATCH_ROWS:
            self._flush()

    def register(self) -> None:
        """Make all rows the view `name`."""
        self._flush()
        self.connection.read_parquet(self._files).create_view(self.name)

    def _flush(self) -> None:
        local = self.folder / f"{self.name}-{len(self._files):05}.parquet"
        pq.write_table(pa.Table.from_pylist(self._pending, self.schema), local, compression="lz4")
        self._files.append(str(local))
        self._pending.clear()
