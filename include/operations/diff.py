"""The difference between two versions, row by row: what is new, changed or deleted, and in which columns.

DuckDB reads the Parquet files of both; files that both versions share are not read. Rows are compared by their values
and not by their content_hash, which two versions may have made in different ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import duckdb
import pyarrow as pa

from include import arguments
from include.publishing import manifest as manifests
from include.publishing.changes import DIFFERS, differing
from include.publishing.manifest import Manifest, TableEntry, TableFile
from include.storage import duckdb_session
from include.storage.duckdb_session import identifiers, quoted
from include.storage.store import Store
from include.storage.tables import CONTENT_HASH


@dataclass(frozen=True, slots=True)
class RowDiff:
    """A row that differs: its key, and for a changed one the value before and after of each differing column."""

    change: Literal["new", "changed", "deleted"]
    key: dict[str, Any]
    columns: dict[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class TableDiff:
    """A table that is in at least one of two versions. The counts are whole; `rows` are the first of them by key."""

    table: str
    before: int | None
    """Rows; None where the version has no such table."""
    after: int | None
    new: int
    changed: int
    deleted: int
    rows: tuple[RowDiff, ...] = ()
    note: str | None = None
    """Why rows were not compared."""

    @property
    def total(self) -> int:
        """Rows that differ."""
        return self.new + self.changed + self.deleted


def compare(
    store: Store, source: str, before: str, after: str, *, table: str | None = None, limit: int = 20
) -> Iterator[TableDiff]:
    """Compare two versions table by table, or one table of them; `limit` bounds the rows of each.

    Raises FileNotFoundError where a version has no manifest, LookupError where neither has the table.
    """
    arguments.check(source=source, version=before)
    arguments.check(version=after)
    then, now = (manifests.require(store, source, version) for version in (before, after))
    names = [entry.name for entry in now.tables]
    names += [entry.name for entry in then.tables if entry.name not in names]
    if table is not None and table not in names:
        raise LookupError(f"{source} has no table {table!r}; there are: {', '.join(names)}")
    for name in names if table is None else [table]:
        yield _compare_table(store, name, _entry(then, name), _entry(now, name), limit)


def _entry(manifest: Manifest, name: str) -> TableEntry | None:
    return next((entry for entry in manifest.tables if entry.name == name), None)


def _compare_table(
    store: Store, name: str, then: TableEntry | None, now: TableEntry | None, limit: int
) -> TableDiff:
    before, after = (entry.rows if entry else None for entry in (then, now))
    if then is None or now is None:
        note = "only in the later version" if then is None else "only in the earlier version"
        return TableDiff(name, before, after, after or 0, 0, before or 0, note=note)
    if then.key != now.key:
        note = f"its key changed from ({', '.join(then.key)}) to ({', '.join(now.key)})"
        return TableDiff(name, before, after, now.rows, 0, then.rows, note=note)
    common = {file.sha256 for file in then.files} & {file.sha256 for file in now.files}
    files = [[file for file in entry.files if file.sha256 not in common] for entry in (then, now)]
    if not any(files):
        return TableDiff(name, before, after, 0, 0, 0)
    with store.scratch("diff") as scratch, duckdb_session.session(scratch) as connection:
        schemas = [manifests.entry_schema(store, entry) for entry in (then, now)]
        columns = _register(connection, store, *files, *schemas)
        counts = find(connection, now.key, columns)
        rows = tuple(_rows(connection, now.key, columns, limit))
    new, changed, deleted = (counts.get(kind, 0) for kind in ("new", "changed", "deleted"))
    return TableDiff(name, before, after, new, changed, deleted, rows)


def _register(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    then: list[TableFile],
    now: list[TableFile],
    schema_then: pa.Schema,
    schema_now: pa.Schema,
) -> list[str]:
    """Views `rows_then` and `rows_now` with the columns of both but content_hash, and their names.

    A column that one lacks is null there; one whose type changed is compared as text.
    """
    keys = [[file.path for file in files] for files in (then, now)]
    fields: dict[str, pa.Field] = {}
    for field in [*schema_now, *schema_then]:
        if field.name == CONTENT_HASH.name:
            continue
        known = fields.setdefault(field.name, field)
        if known.type != field.type:
            fields[field.name] = pa.field(field.name, pa.string())
    merged = pa.schema([pa.field(field.name, field.type) for field in fields.values()])
    for view, each in zip(("rows_then", "rows_now"), keys, strict=True):
        duckdb_session.register(connection, view, store, each, merged)
    return list(merged.names)


def find(connection: duckdb.DuckDBPyConnection, key: tuple[str, ...], columns: list[str]) -> dict[str, int]:
    """Make the table `differing` of the keys of rows that differ in `rows_then` and `rows_now`; how many of each kind.

    Only keys and 64 bits of each row are joined, so wide rows need no more memory.
    """
    types = dict(connection.execute("SELECT column_name, column_type FROM (DESCRIBE rows_now)").fetchall())
    # DuckDB's hash takes no list, an empty one and one of a null for the same.
    others = ", ".join(
        f"to_json({quoted(name)})" if types[name].endswith("[]") else quoted(name)
        for name in columns
        if name not in key
    )
    query = differing("rows_then", "rows_now", key, f"hash({others or 0})")
    connection.execute(f"CREATE TABLE differing AS {query}")
    found = connection.execute(f"SELECT {DIFFERS}, count(*) FROM differing GROUP BY ALL").fetchall()  # noqa: S608
    return {str(kind): int(count) for kind, count in found}


def _rows(
    connection: duckdb.DuckDBPyConnection, key: tuple[str, ...], columns: list[str], limit: int
) -> Iterator[RowDiff]:
    """The first differing rows by key, with their values before and after."""
    keys = identifiers(key)
    others = [name for name in columns if name not in key]
    query = (
        f"SELECT d.{DIFFERS}, {keys}, p.* EXCLUDE ({keys}), n.* EXCLUDE ({keys}) FROM "  # noqa: S608
        f"(SELECT * FROM differing ORDER BY {keys} LIMIT {int(limit)}) d "
        f"LEFT JOIN rows_then p USING ({keys}) LEFT JOIN rows_now n USING ({keys}) ORDER BY {keys}"
    )
    for batch in connection.sql(query).to_arrow_reader(duckdb_session.BATCH_ROWS):
        # By position: a table may have columns of any name.
        for change, *values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            then, now = values[len(key) : len(key) + len(others)], values[len(key) + len(others) :]
            pairs = {name: pair for name, *pair in zip(others, then, now, strict=True) if pair[0] != pair[1]}
            yield RowDiff(
                change,
                dict(zip(key, values, strict=False)),
                {name: (old, new) for name, (old, new) in pairs.items()} if change == "changed" else {},
            )
