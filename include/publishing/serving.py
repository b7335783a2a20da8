"""Serving tables: the promoted version in schema `published`, brought up to date inside the promotion.

Readers are never blocked and never see half a version: rows are deleted and copied within one transaction.
The change list is applied where it is smaller than a new copy, everything goes in by COPY.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.dataset as ds
from psycopg import sql

from include.publishing.changes import CHANGE
from include.publishing.manifest import Manifest, TableChanges, TableEntry
from include.publishing.store import Store
from include.publishing.tables import type_name

SCHEMA = "published"
DELTA_SHARE = 0.2
"""Above this share of differing rows a new copy is quicker than the change list (docs/performance.md)."""
READING = {"batch_size": 8_192, "batch_readahead": 1, "fragment_readahead": 1}
"""Arrow reads far ahead by default, which costs a gigabyte on large tables; PostgreSQL is slower than one batch."""
_TYPES = {
    "string": "text",
    "bool": "boolean",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "float": "real",
    "double": "double precision",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamp with time zone",
    "list<string>": "text[]",
    "list<int64>": "bigint[]",
}
"""PostgreSQL types by Arrow types, in the words of tables.type_name and of PostgreSQL's format_type."""


def table_name(source: str, table: str) -> str:
    """Name of a serving table in schema `published`."""
    return f"{source}_{table}"


def serve(
    cursor: psycopg.Cursor[Any],
    store: Store,
    manifest: Manifest,
    *,
    forward: bool = True,
) -> dict[str, str]:
    """Bring every serving table of a source to a version, within the caller's transaction.

    `forward` is False for a rollback: the manifest's change list then leads the wrong way. Returns per table
    how it was done: `copy`, `changes` or `unchanged`.
    """
    cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    cursor.execute("SELECT table_name, version FROM lastgood.serving WHERE source = %s", (manifest.source,))
    held = {row["table_name"]: row["version"] for row in cursor.fetchall()}
    done: dict[str, str] = {}
    for entry in manifest.tables:
        if not entry.serve:
            continue
        changes = next(item for item in manifest.changes if item.table == entry.name)
        name = sql.Identifier(SCHEMA, table_name(manifest.source, entry.name))
        data = store.dataset([file.path for file in entry.files])
        fresh = _ensure_table(cursor, name, data.schema, entry)
        patchable = forward and not manifest.full
        current = (
            patchable
            and not fresh
            and manifest.previous is not None
            and held.get(entry.name) == manifest.previous
        )
        if current and changes.total == 0:
            done[entry.name] = "unchanged"
        elif current and changes.total <= DELTA_SHARE * max(entry.rows, 1):
            _apply_changes(cursor, store, name, data, entry, changes)
            done[entry.name] = "changes"
        else:
            cursor.execute(sql.SQL("DELETE FROM {}").format(name))
            _copy(cursor, name, data.schema, data.to_batches(**READING))
            done[entry.name] = "copy"
        if fresh:
            _add_key(cursor, name, entry)
        cursor.execute(
            "INSERT INTO lastgood.serving (source, table_name, version) VALUES (%s, %s, %s) "
            "ON CONFLICT (source, table_name) DO UPDATE SET version = excluded.version",
            (manifest.source, entry.name, manifest.version),
        )
    for gone in held.keys() - {entry.name for entry in manifest.tables if entry.serve}:
        name = sql.Identifier(SCHEMA, table_name(manifest.source, gone))
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
        cursor.execute(
            "DELETE FROM lastgood.serving WHERE source = %s AND table_name = %s", (manifest.source, gone)
        )
    return done


def _ensure_table(
    cursor: psycopg.Cursor[Any], name: sql.Identifier, schema: pa.Schema, entry: TableEntry
) -> bool:
    """Create the table where it is missing or has other columns; returns whether it is new.

    Added optional columns are added in place, so that grants and views of consumers stay.
    """
    wanted = {field.name: _postgres_type(entry.name, field) for field in schema}
    cursor.execute(
        "SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a "
        "WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped",
        (name.as_string(cursor),),
    )
    present = {row["name"]: row["type"] for row in cursor.fetchall()}
    if present and all(wanted.get(key) == kind for key, kind in present.items()):
        for field in schema:
            if field.name not in present:
                cursor.execute(
                    sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                        name, sql.Identifier(field.name), sql.SQL(wanted[field.name])
                    )
                )
        return False
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}{}").format(
            sql.Identifier(field.name),
            sql.SQL(wanted[field.name]),
            sql.SQL("" if field.nullable else " NOT NULL"),
        )
        for field in schema
    )
    cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(name, columns))
    return True


def _add_key(cursor: psycopg.Cursor[Any], name: sql.Identifier, entry: TableEntry) -> None:
    """The primary key is made after the rows are in: one sort instead of a look-up per row."""
    cursor.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(name, _columns(entry.key)))


def _apply_changes(
    cursor: psycopg.Cursor[Any],
    store: Store,
    name: sql.Identifier,
    data: ds.Dataset,
    entry: TableEntry,
    changes: TableChanges,
) -> None:
    """Delete what is changed or deleted, copy what is new or changed."""
    assert changes.keys is not None
    keys = store.dataset([changes.keys.path]).to_table()
    gone = keys.filter(pc.field(CHANGE) != "new").drop_columns([CHANGE])
    come = keys.filter(pc.field(CHANGE) != "deleted").drop_columns([CHANGE])
    cursor.execute(
        sql.SQL("CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0").format(
            _columns(entry.key), name
        )
    )
    _copy(cursor, sql.Identifier("gone"), gone.schema, gone.to_batches())
    cursor.execute(
        sql.SQL("DELETE FROM {} t USING gone g WHERE {}").format(
            name,
            sql.SQL(" AND ").join(
                sql.SQL("t.{0} = g.{0}").format(sql.Identifier(column)) for column in entry.key
            ),
        )
    )
    cursor.execute("DROP TABLE gone")
    _copy(cursor, name, data.schema, _rows_of(data, entry, come))


def _rows_of(data: ds.Dataset, entry: TableEntry, keys: pa.Table) -> Iterator[pa.RecordBatch]:
    """The rows of a table that have one of the keys."""
    first = entry.key[0]
    wanted = pc.field(first).isin(keys.column(first).unique())
    for batch in data.to_batches(filter=wanted, **READING):
        if batch.num_rows:
            rows = pa.Table.from_batches([batch])
            chosen = rows if len(entry.key) == 1 else _semi_join(rows, keys, entry.key)
            yield from chosen.to_batches()


def _semi_join(rows: pa.Table, keys: pa.Table, on: tuple[str, ...]) -> pa.Table:
    # Arrow's join cannot carry list columns, so it only tells which rows to take.
    numbered = rows.select(list(on)).append_column("_row", pa.array(range(rows.num_rows), pa.int64()))
    taken = numbered.join(keys, keys=list(on), join_type="left semi").column("_row")
    return rows.take(taken)


def _copy(
    cursor: psycopg.Cursor[Any],
    name: sql.Identifier,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch] | list[pa.RecordBatch],
) -> None:
    """COPY batches into a table as CSV, in which null is nothing and an empty text is ""."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(name, _columns(schema.names))
    options = pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
    with cursor.copy(statement) as copy:
        for batch in batches:
            if batch.num_rows:
                buffer = io.BytesIO()
                pacsv.write_csv(_flat(batch), buffer, options)
                copy.write(buffer.getbuffer())


def _flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Lists as PostgreSQL array literals; Arrow's CSV writer knows no lists."""
    columns = [
        _array_literal(column) if pa.types.is_list(column.type) else column for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _array_literal(column: pa.ListArray) -> pa.Array:
    texts = column.flatten().cast(pa.string())
    escaped = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
    quoted = pc.binary_join_element_wise('"', escaped, '"', "")
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, quoted), ",")
    literal = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(column.is_valid(), literal, pa.scalar(None, pa.string()))


def _columns(names: tuple[str, ...] | list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column) for column in names)


def _postgres_type(table: str, field: pa.Field) -> str:
    try:
        return _TYPES[type_name(field.type)]
    except KeyError as error:
        raise TypeError(
            f"the column {table}.{field.name} has type {field.type}, which the serving tables do not know; "
            "add it to serving._TYPES or set serve=False"
        ) from error
