"""Whether the serving tables hold what the files of latest hold: every column of every row.

A table is read from PostgreSQL as text and compared by DuckDB, which joins keys and 64 bits of each row, so memory is
bounded for any size. Both ways in differ from the way a promotion takes, so that a mistake of it shows too.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from psycopg import sql

from include.operations import diff
from include.publishing import manifest as manifests
from include.publishing.manifest import TableEntry
from include.publishing.shape import SCHEMA, Cursor, table_name
from include.registry import served_tables
from include.registry.registry import Registry
from include.storage import duckdb_session
from include.storage.duckdb_session import quoted
from include.storage.store import Store

KEYS = 5
"""So many keys of rows that differ are named for each table."""
_BLOCK_BYTES = 32 << 20
"""A row must fit into one block of text."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A serving table beside the files of the version that it serves."""

    table: str
    source: str
    version: str
    rows: int
    """Rows that the files have."""
    differing: int = 0
    keys: tuple[dict[str, Any], ...] = ()
    """Of the first rows that differ."""
    why: str | None = None
    """Why rows could not be compared."""

    @property
    def equal(self) -> bool:
        """Whether SQL has every row of the files as it is there, and no other."""
        return self.why is None and not self.differing

    @property
    def sentence(self) -> str:
        """For people: what differs."""
        of = f"from the files of {self.source} {self.version}"
        if self.why is not None:
            return f"{self.table} differs {of}: {self.why}"
        named = "; ".join(", ".join(f"{name}={value}" for name, value in key.items()) for key in self.keys)
        return f"{self.table} differs {of} in {self.differing:,} rows, the first are {named}"


def compare(
    store: Store, registry: Registry, source: str, without: Collection[str] = ()
) -> Iterator[Compared]:
    """Compare every serving table of a source with the files of latest, one table after the other.

    Each is read in a transaction of its own, so a promotion in between is no trouble. Tables that need
    a file of `without` are left out: what is damaged cannot be read.
    """
    latest = registry.latest(source)
    if latest is None or manifests.manifest_key(source, latest.version) in without:
        return
    for entry in manifests.require(store, source, latest.version).tables:
        if entry.serve and not any(file.path in without for file in entry.files):
            yield _compare(store, registry, source, entry.name)


def _compare(store: Store, registry: Registry, source: str, name: str) -> Compared:
    table = table_name(source, name)
    with store.scratch(f"verify-{table}") as scratch, duckdb_session.session(scratch) as connection:
        text = scratch / "sql.parquet"
        with registry.transaction() as cursor:
            # So that the version and the rows are of one moment.
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            version, held = served_tables.latest_and_served(cursor, source, name)
            entry = manifests.require(store, source, version).table(name)
            found = Compared(f"{SCHEMA}.{table}", source, version, entry.rows)
            if held != version:
                return replace(found, why=f"it holds {held or 'no version'}")
            schema = manifests.entry_schema(store, entry)
            if why := _lacking(cursor, table, schema):
                return replace(found, why=why)
            _take(cursor, table, schema, text)
        differing, keys = _differing(connection, store, entry, schema, text)
    return replace(found, differing=differing, keys=keys)


def _lacking(cursor: Cursor, table: str, schema: pa.Schema) -> str | None:
    cursor.execute(
        "SELECT a.attname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped",
        (SCHEMA, table),
    )
    present = {row["name"] for row in cursor.fetchall()}
    if not present:
        return "the table is not there"
    lacking = [name for name in schema.names if name not in present]
    return f"it has no {', '.join(lacking)}" if lacking else None


def _take(cursor: Cursor, table: str, schema: pa.Schema, local: Path) -> None:
    """A table of PostgreSQL as a Parquet file of texts, streamed; lists are JSON."""
    cursor.execute(
        "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL extra_float_digits = 1"
    )
    columns = [
        sql.SQL("array_to_json({})" if pa.types.is_list(field.type) else "{}").format(
            sql.Identifier(field.name)
        )
        for field in schema
    ]
    query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')").format(
        sql.SQL(", ").join(columns), sql.Identifier(SCHEMA, table)
    )
    texts = pa.schema([(name, pa.string()) for name in schema.names])
    with (
        cursor.copy(query) as copy,
        pq.ParquetWriter(local, texts, compression="lz4") as writer,
        io.BufferedReader(_Received(copy), _BLOCK_BYTES) as received,
    ):
        if not received.peek(1):
            return
        reader = pacsv.open_csv(
            received,
            read_options=pacsv.ReadOptions(
                use_threads=False, block_size=_BLOCK_BYTES, column_names=schema.names
            ),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            # An empty text is quoted, a null is not.
            convert_options=pacsv.ConvertOptions(
                column_types=texts,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            writer.write_batch(batch)


class _Received(io.RawIOBase):
    """What COPY sends, as a file to read."""

    def __init__(self, copy: psycopg.Copy) -> None:
        self._blocks, self._rest = iter(copy), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _differing(
    connection: duckdb.DuckDBPyConnection, store: Store, entry: TableEntry, schema: pa.Schema, text: Path
) -> tuple[int, tuple[dict[str, Any], ...]]:
    """How many rows differ, and the keys of the first of them."""
    duckdb_session.register(connection, "rows_then", store, [file.path for file in entry.files], schema)
    types = connection.execute("SELECT column_name, column_type FROM (DESCRIBE rows_then)").fetchall()
    connection.read_parquet(str(text)).create_view("texts")
    columns = ", ".join(f"{_typed(quoted(name), type_)} AS {quoted(name)}" for name, type_ in types)
    connection.execute(f"CREATE VIEW rows_now AS SELECT {columns} FROM texts")  # noqa: S608
    counts = diff.find(connection, entry.key, schema.names)
    keys = duckdb_session.identifiers(entry.key)
    first = connection.execute(f"SELECT {keys} FROM differing ORDER BY {keys} LIMIT {KEYS}").fetchall()  # noqa: S608
    return sum(counts.values()), tuple(dict(zip(entry.key, values, strict=True)) for values in first)


def _typed(column: str, type_: str) -> str:
    """A text as a value of a DuckDB type. One that is none becomes null, and so differs."""
    if type_.endswith("[]"):
        return f"from_json({column}, '[\"{type_.removesuffix('[]')}\"]')"
    return f"TRY_CAST({column} AS {type_})"
