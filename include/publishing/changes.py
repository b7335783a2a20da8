"""The change audit: what is new, changed and deleted against the last good version, by key and content hash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from include.publishing.manifest import TableChanges, TableEntry
from include.storage.duckdb_session import BATCH_ROWS, identifiers, quoted, register, row_hash
from include.storage.store import Store

CHANGE = "change"
DIFFERS = "_change"
"""How it is called beside columns of any name."""


def key_list(folder: str, table: str) -> str:
    """Where a candidate keeps the keys of a table that are new, changed or deleted."""
    return f"{folder}/_changes/{table}.parquet"


def differing(then: str, now: str, key: Sequence[str], digest: str) -> str:
    """SQL for the rows that differ between two views: DIFFERS (`new`, `changed` or `deleted`) and the key.

    `digest` is SQL for what stands for a row; it and the key are all that is read of a row, and that is joined.
    """
    keys = identifiers(key)
    return (
        f"SELECT CASE WHEN p._digest IS NULL THEN 'new' WHEN n._digest IS NULL THEN 'deleted' ELSE 'changed' END "  # noqa: S608
        f"AS {DIFFERS}, {keys} FROM (SELECT {keys}, {digest} AS _digest FROM {now}) n "
        f"FULL JOIN (SELECT {keys}, {digest} AS _digest FROM {then}) p USING ({keys}) "
        "WHERE n._digest IS DISTINCT FROM p._digest"
    )


def compare(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    folder: str,
    current: TableEntry,
    previous: TableEntry | None,
    schema: pa.Schema,
    scratch: Path,
) -> TableChanges:
    """Compare two versions of a table and keep the list of differing keys beside the candidate.

    Every table has a content_hash (include/storage/tables.py), so only keys and hashes are read, and of files that both
    versions have nothing. Where the two versions made their hashes in different ways, the rows' values are compared.
    """
    if previous is None or previous.key != current.key:
        return TableChanges(
            table=current.name, rows=current.rows, previous_rows=None, new=current.rows, changed=0, deleted=0
        )
    if [file.sha256 for file in previous.files] == [file.sha256 for file in current.files]:
        return TableChanges(
            table=current.name, rows=current.rows, previous_rows=previous.rows, new=0, changed=0, deleted=0
        )
    by_value = not current.hashed_like(previous)
    common = {file.sha256 for file in previous.files} & {file.sha256 for file in current.files}
    for name, entry in (("now", current), ("then", previous)):
        files = [file.path for file in entry.files if file.sha256 not in common]
        register(connection, f"{name}_{current.name}", store, files, schema)
    then, now = quoted(f"then_{current.name}"), quoted(f"now_{current.name}")
    keys = identifiers(current.key)
    digest = row_hash(schema.names) if by_value else "content_hash"
    query = (
        f"SELECT {DIFFERS} AS {CHANGE}, {keys} FROM ({differing(then, now, current.key, digest)}) "  # noqa: S608
        f"ORDER BY {keys}"
    )
    counts = {"new": 0, "changed": 0, "deleted": 0}
    local = scratch / f"changes-{current.name}.parquet"
    reader = connection.sql(query).to_arrow_reader(BATCH_ROWS)
    with pq.ParquetWriter(local, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            for pair in pa.array(batch.column(CHANGE)).value_counts().to_pylist():
                counts[pair["values"]] += pair["counts"]
    stored = None
    if sum(counts.values()):
        stored = store.put(local, key_list(folder, current.name))
    return TableChanges(
        table=current.name,
        rows=current.rows,
        previous_rows=previous.rows,
        keys=stored,
        by_value=by_value,
        **counts,
    )
