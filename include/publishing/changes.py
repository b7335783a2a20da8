"""The change audit: what is new, changed and deleted against the last good version, by key and content hash."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from include.publishing.manifest import TableChanges, TableEntry
from include.storage.duckdb_session import BATCH_ROWS, identifiers, quoted, register
from include.storage.store import Store

CHANGE = "change"


def key_list(folder: str, table: str) -> str:
    """Where a candidate keeps the keys of a table that are new, changed or deleted."""
    return f"{folder}/_changes/{table}.parquet"


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
    versions have nothing.
    """
    if previous is None or previous.key != current.key:
        return TableChanges(
            table=current.name, rows=current.rows, previous_rows=None, new=current.rows, changed=0, deleted=0
        )
    if [file.sha256 for file in previous.files] == [file.sha256 for file in current.files]:
        return TableChanges(
            table=current.name, rows=current.rows, previous_rows=previous.rows, new=0, changed=0, deleted=0
        )
    common = {file.sha256 for file in previous.files} & {file.sha256 for file in current.files}
    for name, entry in (("now", current), ("then", previous)):
        differing = [file.path for file in entry.files if file.sha256 not in common]
        register(connection, f"{name}_{current.name}", store, differing, schema)
    keys = identifiers(current.key)
    query = (
        f"SELECT CASE WHEN p.content_hash IS NULL THEN 'new' WHEN n.content_hash IS NULL THEN 'deleted' "  # noqa: S608
        f"ELSE 'changed' END AS {CHANGE}, {keys} "
        f"FROM (SELECT {keys}, content_hash FROM {quoted('now_' + current.name)}) n "
        f"FULL JOIN (SELECT {keys}, content_hash FROM {quoted('then_' + current.name)}) p "
        f"USING ({keys}) WHERE n.content_hash IS DISTINCT FROM p.content_hash ORDER BY {keys}"
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
        table=current.name, rows=current.rows, previous_rows=previous.rows, keys=stored, **counts
    )
