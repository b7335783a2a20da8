"""DuckDB over the store's Parquet: one in-memory session with bounded memory that spills to a scratch folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from include.publishing.store import Store

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
        # Soda writes SQL that speaks of dates without a zone; the machine's own zone must not matter.
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def identifiers(names: Sequence[str]) -> str:
    """SQL identifiers, separated by commas."""
    return ", ".join(quoted(name) for name in names)


def register(
    connection: duckdb.DuckDBPyConnection, name: str, store: Store, keys: Sequence[str], schema: pa.Schema
) -> None:
    """Make the Parquet files at the keys a view with the columns of a schema.

    Files of an older schema version lack the columns added since: those read as null. Without files the view
    is empty. A local store is read by DuckDB itself; a remote one through Arrow, since DuckDB's own S3 client
    is an extension that would have to be downloaded.
    """
    empty, files, columns = f"_schema_{name}", f"_files_{name}", identifiers(schema.names)
    connection.register(empty, schema.empty_table())
    query = f"SELECT * FROM {quoted(empty)}"  # noqa: S608
    if keys and store.local:
        connection.read_parquet([store.full(key) for key in keys]).create_view(files)
    elif keys:
        connection.register(files, store.dataset(keys))
    if keys:
        query += f" UNION ALL BY NAME SELECT * FROM {quoted(files)}"  # noqa: S608
    connection.execute(f"CREATE VIEW {quoted(name)} AS SELECT {columns} FROM ({query})")  # noqa: S608


def batches(connection: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a query as Arrow batches of exactly the given schema, streamed.

    Raises ValueError naming the column where a required one holds a null.
    """
    for batch in connection.sql(query).to_arrow_reader(BATCH_ROWS):
        columns = []
        for field in schema:
            column = batch.column(field.name).cast(field.type)
            if column.null_count and not field.nullable:
                raise ValueError(f"the required column {field.name} holds {column.null_count} nulls")
            columns.append(column)
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
