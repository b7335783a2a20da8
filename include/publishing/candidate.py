"""Writing a candidate: tables, quarantine, changes, and last of all the manifest.

A source's build hands over rows; how they become files, what changed and whether a file of the version before
can be used again is decided here, once for every source. The same rows give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.publishing import changes, manifest
from include.publishing.manifest import Attachment, ColumnEntry, Manifest, Quarantine, TableEntry, TableFile
from include.publishing.refused import RefusedRow, RefusedRows
from include.storage import duckdb_session
from include.storage.duckdb_session import literal, quoted
from include.storage.store import StillReferenced, Store, safe_key
from include.storage.tables import CONTENT_HASH, Table, type_name

log = logging.getLogger(__name__)
ROW_GROUP_ROWS = 32_768
FILE_ROWS = 32 * ROW_GROUP_ROWS
QUARANTINE = "_quarantine.parquet"
ATTACHMENTS = "_attachments"


class Candidate:
    """One candidate in the making, by one try of its run.

    Each try writes below a folder of its own (versions/SOURCE/VERSION/TRY), so that one that was taken for dead and
    wakes can harm nobody, and removes it again where it did not seal. Only the manifest has a name that all tries
    share, and only the first one gets it.

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
        self._store, self.source, self.version = store, source, version
        self.tables = {table.name: table for table in tables}
        self.schema_version = schema_version
        self.previous = previous
        self.folder = safe_key(manifest.folder(source, version), f"try-{uuid.uuid4().hex[:12]}")
        self._sealed = False
        self._files: dict[str, list[TableFile]] = {}
        self._attachments: dict[str, Attachment] = {}

    def __enter__(self) -> Self:
        self._scratch = self._store.scratch(f"build-{self.source}-{self.version}")
        self.scratch: Path = self._scratch.__enter__()
        self.refusals = RefusedRows(self.scratch, f"{self.source} {self.version}")
        self._session = duckdb_session.session(self.scratch)
        self.connection: duckdb.DuckDBPyConnection = self._session.__enter__()
        # A second cursor, since the rows that are written may still be streaming from the first one.
        self._hashing = duckdb_session.cursor(self.connection)
        for name in self.tables:
            self.register_previous(f"previous_{name}", name)
        return self

    def __exit__(self, *exc: object) -> None:
        self._hashing.close()
        self._session.__exit__(None, None, None)
        self._scratch.__exit__(None, None, None)
        if not self._sealed:
            try:
                self._store.delete_tree(self.folder)
            except (OSError, StillReferenced) as error:
                # What ended this try is what people should hear of; recovery removes what it left.
                log.warning("%s could not be removed: %s", self.folder, error)

    def register_previous(self, view: str, name: str, part: str | None = None) -> None:
        """Make a table of the last good version, or a part of it, a view of the session.

        Its content_hash is null where it was made by another recipe than today's, and is made anew when it is written.
        """
        files = [file.path for file in self.previous_files(name, part)]
        schema = self.tables[name].schema
        if self._hashed_otherwise(name):
            duckdb_session.register(self.connection, f"{view}_as_it_was", self._store, files, schema)
            self.connection.execute(
                f"CREATE VIEW {quoted(view)} AS SELECT * REPLACE (NULL::VARCHAR AS content_hash) "  # noqa: S608
                f"FROM {quoted(f'{view}_as_it_was')}"
            )
        else:
            duckdb_session.register(self.connection, view, self._store, files, schema)

    def _hashed_otherwise(self, name: str) -> bool:
        """Whether the last good version made the content_hash of a table in another way than this one does."""
        previous = self._previous(name)
        return previous is not None and not previous.hashed_like(self._entry(name))

    def _previous(self, table: str) -> TableEntry | None:
        if self.previous is None:
            return None
        return next((entry for entry in self.previous.tables if entry.name == table), None)

    def write(self, name: str, batches: Iterable[pa.RecordBatch], part: str | None = None) -> list[TableFile]:
        """Write a table from batches in its columns and in order of its key; returns the files.

        content_hash may be absent or null, and is made then: only a row that is taken over from the last good version
        as it is may keep its own. The tables that the hash covers are written before.

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
            files.append(self._put(path, name, len(files), rows, part))
            writer = None

        pending: list[pa.Table] = []
        buffered = 0

        def flush() -> None:
            nonlocal writer, path, rows, buffered
            if writer is None:
                path, rows = self.scratch / f"{name}-{len(files):05}.parquet", 0
                writer = pq.ParquetWriter(path, table.schema, compression="zstd", compression_level=1)
            writer.write_table(self._hashed(pa.concat_tables(pending), table), row_group_size=ROW_GROUP_ROWS)
            rows += buffered
            pending.clear()
            buffered = 0
            if rows >= FILE_ROWS:
                close()

        for batch in batches:
            pending.append(_to_be_hashed(batch, table))
            buffered += batch.num_rows
            if buffered >= ROW_GROUP_ROWS:
                flush()
        if buffered or not files:
            pending.append(_to_be_hashed(table.values.empty_table(), table))
            flush()
        if writer is not None:
            close()
        return files[first:]

    def _hashed(self, rows: pa.Table, table: Table) -> pa.Table:
        """Rows in the table's schema, with a content_hash for each that has none."""
        given = rows.column(CONTENT_HASH.name).combine_chunks()
        rows = rows.select(table.values.names)
        if given.null_count:
            made = self._hashes(rows.filter(given.is_null()), table)
            given = pc.replace_with_mask(given, given.is_null(), made.combine_chunks())
        columns = dict(zip([*table.values.names, CONTENT_HASH.name], [*rows.columns, given], strict=True))
        return pa.table([columns[name] for name in table.names], schema=table.schema)

    def _hashes(self, rows: pa.Table, table: Table) -> pa.ChunkedArray:
        """The content_hash of each row, in the order of the key that rows are in."""
        self._hashing.register("made", rows)
        own = duckdb_session.row_hash(rows.schema.names)
        query = f"SELECT {own} AS content_hash FROM made"  # noqa: S608
        if table.covers:
            # The other tables have their rows in order of the study, so a range of keys is read from few row groups.
            (key,) = table.key
            low, high = rows.column(key)[0].as_py(), rows.column(key)[-1].as_py()
            for name in table.covers:
                files = [file.path for file in self._files[name]]
                schema = pa.schema(
                    [self.tables[name].schema.field(each) for each in (key, CONTENT_HASH.name)]
                )
                duckdb_session.register(self._hashing, f"covered_{name}", self._store, files, schema)
            every = " UNION ALL ".join(f"FROM {quoted(f'covered_{name}')}" for name in table.covers)
            within = f"{quoted(key)} BETWEEN {literal(low)} AND {literal(high)}"
            covered = (
                f"SELECT {quoted(key)}, bit_xor(md5_number(content_hash)) AS covered FROM ({every}) "  # noqa: S608
                f"WHERE {within} GROUP BY ALL"
            )
            query = (
                f"SELECT md5({own} || coalesce(covered::VARCHAR, '')) AS content_hash "  # noqa: S608
                f"FROM made LEFT JOIN ({covered}) USING ({quoted(key)}) ORDER BY {quoted(key)}"
            )
        return self._hashing.sql(query).to_arrow_table().column(0)

    def keep(self, name: str, part: str) -> list[TableFile]:
        """Take over a part of a table from the last good version, file by file.

        It is not even read, unless its rows were hashed in another way than today's: then it is written again.
        """
        kept = self.previous_files(name, part)
        if kept and self._hashed_otherwise(name):
            schema = self.tables[name].values
            rows = self._store.dataset([file.path for file in kept], schema).to_batches()
            return self.write(name, rows, part)
        self._files.setdefault(name, []).extend(kept)
        return kept

    def previous_files(self, name: str, part: str | None = None) -> list[TableFile]:
        """The last good version's files of a table, or of one of its parts."""
        entry = self._previous(name)
        return [file for file in entry.files if part in (None, file.part)] if entry else []

    def files(self, name: str) -> list[TableFile]:
        """What was written and kept of a table so far."""
        return self._files[name]

    def attach(self, name: str, local: Path) -> Attachment:
        """Add a file that is no table; the local one is gone afterwards, unless base has the same bytes.

        `name` is a relative path of letters, digits and . _ = @ + - (storage.store.safe_key).
        Raises UnsafePath for a name that is no such path, and ValueError for one that is taken.
        """
        self._require_free(name)
        with local.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        found = self._previous_attachments.get(name)
        if found is None or found.sha256 != sha256:
            stored = self._store.put(local, safe_key(self.folder, ATTACHMENTS, name))
            found = Attachment(path=stored.path, bytes=stored.bytes, sha256=stored.sha256, name=name)
        self._attachments[name] = found
        return found

    def keep_attachment(self, name: str) -> Attachment:
        """Take an attachment over from the last good version, unread.

        Raises KeyError where that has none of this name, and ValueError for a name that is taken.
        """
        self._require_free(name)
        self._attachments[name] = self._previous_attachments[name]
        return self._attachments[name]

    def _require_free(self, name: str) -> None:
        if name in self._attachments:
            raise ValueError(f"{self.source} {self.version} has an attachment {name!r} already")

    @property
    def _previous_attachments(self) -> dict[str, Attachment]:
        return {each.name: each for each in self.previous.attachments} if self.previous else {}

    def _put(self, local: Path, table: str, index: int, rows: int, part: str | None) -> TableFile:
        """Keep a finished file, or point at the last good version's where the bytes are the same."""
        with local.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        for file in self.previous_files(table, part):
            if file.sha256 == sha256:
                return file
        stored = self._store.put(local, f"{self.folder}/{table}/part-{index:05}.parquet")
        return TableFile(path=stored.path, bytes=stored.bytes, sha256=stored.sha256, rows=rows, part=part)

    def arrived(self, kind: str, records: int = 1) -> None:
        """Note that records of a kind came, before any of them is refused: the gate looks at the share of these."""
        self.refusals.arrived[kind] += records

    def quarantine(self, refused: RefusedRow) -> None:
        """Refuse one row: counted and kept with its key, if it tells one, reason, origin and hash, never dropped.

        Raises refused.NearlyAllRefused where that happened to most of what arrived.
        """
        self.refusals.add(refused)

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
        asked: bool = False,
        raw: Iterable[str] = (),
        built_from: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Compare with the last good version and write the manifest. Raises ValueError for a missing table.

        Where another try of the run was faster, its candidate is the run's, and what this one wrote goes.
        """
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
            attachments=tuple(self._attachments[name] for name in sorted(self._attachments)),
            cursors=json.loads(json.dumps(dict(cursors))),
            counts=dict(counts),
            upstream=dict(upstream),
            full=full,
            asked=asked,
            raw=tuple(raw),
            built_from=dict(built_from or {}),
        )
        try:
            manifest.write(self._store, sealed)
        except FileExistsError:
            log.warning("another try sealed %s %s; this one gives way to it", self.source, self.version)
            return manifest.require(self._store, self.source, self.version)
        self._sealed = True
        return sealed

    def _entry(self, name: str) -> TableEntry:
        files = self._files.get(name, [])
        return TableEntry(
            name=name,
            key=self.tables[name].key,
            rows=sum(file.rows for file in files),
            files=tuple(files),
            serve=self.tables[name].serve,
            kind=self.tables[name].kind,
            schema_version=self.schema_version,
            recipe=duckdb_session.RECIPE,
            covers=self.tables[name].covers,
            columns=tuple(
                ColumnEntry(name=column.name, type=type_name(column.type), required=column.required)
                for column in self.tables[name].columns
            ),
        )

    def _compare(self, entry: TableEntry) -> manifest.TableChanges:
        """Compare a table with the last good version."""
        return changes.compare(
            self.connection,
            self._store,
            self.folder,
            entry,
            self._previous(entry.name),
            self.tables[entry.name].schema,
            self.scratch,
        )

    def _write_quarantine(self) -> Quarantine:
        found, local = self.refusals, self.refusals.file()
        return Quarantine(
            rows=found.rows,
            reasons=dict(found.reasons),
            arrived=dict(found.arrived),
            refused=dict(found.refused),
            file=self._store.put(local, f"{self.folder}/{QUARANTINE}") if local else None,
        )


def _to_be_hashed(rows: pa.RecordBatch | pa.Table, table: Table) -> pa.Table:
    """The columns of a table, content_hash last and null where the rows had no such column."""
    found = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
    given = found.schema.get_field_index(CONTENT_HASH.name)
    hashes = found.column(given) if given >= 0 else pa.nulls(found.num_rows, CONTENT_HASH.type)
    return found.select(table.values.names).cast(table.values).append_column(CONTENT_HASH.name, hashes)
