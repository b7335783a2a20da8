"""Writing a candidate: tables, quarantine, changes, and last of all the manifest.

A source's build hands over rows; how they become files, what changed and whether a file of the version before
can be used again is decided here, once for every source. The same rows give the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from include.publishing import changes, frames, manifest
from include.publishing.manifest import Manifest, Quarantine, TableEntry, TableFile
from include.publishing.store import Store, StoredFile
from include.publishing.tables import Table

ROW_GROUP_ROWS = 32_768
FILE_ROWS = 32 * ROW_GROUP_ROWS
QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("raw", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("content", pa.binary(), nullable=False),
    ]
)


class Candidate:
    """One candidate in the making.

    `connection` is a DuckDB session in which `previous_TABLE` stands for every table of the last good version
    (empty where there is none), so a build can merge in SQL. Use as a context manager, then seal().
    """

    def __init__(
        self,
        store: Store,
        source: str,
        version: str,
        tables: Iterable[Table],
        schema_version: int,
        previous: Manifest | None,
    ) -> None:
        self.store, self.source, self.version = store, source, version
        self.tables = {table.name: table for table in tables}
        self.schema_version = schema_version
        self.previous = previous
        self._files: dict[str, list[TableFile]] = {}
        self._reasons: Counter[str] = Counter()
        self._quarantined: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._scratch = self.store.scratch(f"build-{self.source}-{self.version}")
        self.scratch: Path = self._scratch.__enter__()
        self._session = frames.session(self.scratch)
        self.connection: duckdb.DuckDBPyConnection = self._session.__enter__()
        for table in self.tables.values():
            files = [file.path for file in self.previous_files(table.name)]
            frames.register(self.connection, f"previous_{table.name}", self.store, files, table.schema)
        # What an attempt that was killed left behind must not be taken for part of this one.
        self.store.delete_tree(manifest.folder(self.source, self.version))
        return self

    def __exit__(self, *exc: object) -> None:
        self._session.__exit__(None, None, None)
        self._scratch.__exit__(None, None, None)

    def _previous(self, table: str) -> TableEntry | None:
        if self.previous is None:
            return None
        return next((entry for entry in self.previous.tables if entry.name == table), None)

    def write(self, name: str, batches: Iterable[pa.RecordBatch], part: str | None = None) -> list[TableFile]:
        """Write a table from batches in its schema and in order of its key; returns the files.

        A source may divide a table: then each part is written, or kept, by itself.
        """
        table = self.tables[name]
        files = self._files.setdefault(name, [])
        first = len(files)
        writer: pq.ParquetWriter | None = None
        path, rows = self.scratch / "unused", 0

        def close() -> None:
            nonlocal writer
            assert writer is not None
            writer.close()
            files.append(self._store(path, name, len(files), rows, part))
            writer = None

        pending: list[pa.RecordBatch] = []
        buffered = 0

        def flush() -> None:
            nonlocal writer, path, rows, buffered
            if writer is None:
                path, rows = self.scratch / f"{name}-{len(files):05}.parquet", 0
                writer = pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
            writer.write_table(pa.Table.from_batches(pending, table.schema), row_group_size=ROW_GROUP_ROWS)
            rows += buffered
            pending.clear()
            buffered = 0
            if rows >= FILE_ROWS:
                close()

        for batch in batches:
            pending.append(batch)
            buffered += batch.num_rows
            if buffered >= ROW_GROUP_ROWS:
                flush()
        if buffered or not files:
            flush()
        if writer is not None:
            close()
        return files[first:]

    def keep(self, name: str, part: str) -> list[TableFile]:
        """Take over a part of a table from the last good version, file by file, without reading it."""
        kept = self.previous_files(name, part)
        self._files.setdefault(name, []).extend(kept)
        return kept

    def previous_files(self, name: str, part: str | None = None) -> list[TableFile]:
        """The last good version's files of a table, or of one of its parts."""
        entry = self._previous(name)
        return [file for file in entry.files if part in (None, file.part)] if entry else []

    def files(self, name: str) -> list[TableFile]:
        """What was written and kept of a table so far."""
        return self._files[name]

    def _store(self, local: Path, table: str, index: int, rows: int, part: str | None) -> TableFile:
        """Keep a finished file, or point at the last good version's where the bytes are the same."""
        key = f"{manifest.folder(self.source, self.version)}/{table}/part-{index:05}.parquet"
        stored = self.store.put(local, key)
        for file in self.previous_files(table, part):
            if file.sha256 == stored.sha256:
                self.store.delete(key)
                return file
        return TableFile(path=key, bytes=stored.bytes, sha256=stored.sha256, rows=rows, part=part)

    def quarantine(self, *, reason: str, detail: str, raw: str, sha256: str, content: bytes) -> None:
        """Refuse one row: kept with its reason, where it came from and its hash, never dropped."""
        self._reasons[reason] += 1
        self._quarantined.append(
            {"reason": reason, "detail": detail, "raw": raw, "sha256": sha256, "content": content}
        )

    def seal(
        self,
        *,
        run_id: str,
        as_of: datetime,
        created_at: datetime,
        code_version: str,
        cursors: Mapping[str, Any],
        counts: Mapping[str, int],
        upstream: Mapping[str, Any],
        full: bool = False,
        raw: Iterable[str] = (),
        built_from: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Compare with the last good version and write the manifest. Raises ValueError for a missing table."""
        missing = self.tables.keys() - self._files.keys()
        if missing:
            raise ValueError(f"{self.source} declares tables that its build did not write: {sorted(missing)}")
        sealed = Manifest(
            source=self.source,
            version=self.version,
            run_id=run_id,
            as_of=as_of,
            created_at=created_at,
            code_version=code_version,
            schema_version=self.schema_version,
            previous=self.previous.version if self.previous else None,
            tables=tuple(map(self._entry, self.tables)),
            changes=tuple(self._compare(self._entry(name)) for name in self.tables),
            quarantine=self._write_quarantine(),
            cursors=json.loads(json.dumps(dict(cursors))),
            counts=dict(counts),
            upstream=dict(upstream),
            full=full,
            raw=tuple(raw),
            built_from=dict(built_from or {}),
        )
        manifest.write(self.store, sealed)
        return sealed

    def _entry(self, name: str) -> TableEntry:
        files = self._files[name]
        return TableEntry(
            name=name,
            key=self.tables[name].key,
            rows=sum(file.rows for file in files),
            files=tuple(files),
            serve=self.tables[name].serve,
            schema_version=self.schema_version,
        )

    def _compare(self, entry: TableEntry) -> manifest.TableChanges:
        """Compare a table with the last good version; files that both have in common need no look."""
        before = self.previous_files(entry.name)
        common = {file.sha256 for file in before} & {file.sha256 for file in entry.files}
        for view, files in ((f"now_{entry.name}", entry.files), (f"then_{entry.name}", before)):
            keys = [file.path for file in files if file.sha256 not in common]
            frames.register(self.connection, view, self.store, keys, self.tables[entry.name].schema)
        return changes.compare(
            self.connection,
            self.store,
            self.source,
            self.version,
            entry,
            self._previous(entry.name),
            self.scratch,
        )

    def _write_quarantine(self) -> Quarantine:
        if not self._quarantined:
            return Quarantine()
        local = self.scratch / "quarantine.parquet"
        pq.write_table(pa.Table.from_pylist(self._quarantined, QUARANTINE_SCHEMA), local, compression="zstd")
        stored: StoredFile = self.store.put(
            local, f"{manifest.folder(self.source, self.version)}/_quarantine.parquet"
        )
        return Quarantine(rows=len(self._quarantined), reasons=dict(self._reasons), file=stored)
