"""Serving tables: the promoted version in schema `published`, brought up to date inside the promotion.

Readers are never blocked and never see half a version: rows are deleted and copied within one transaction, and what
keeps readers out for a moment (a new column) comes before it, by `prepare`, with bounded waits. The change list is
applied where it is smaller than a new copy, everything goes in by COPY, and the rows are counted at the end.
"""

from __future__ import annotations

import hashlib
import io
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from psycopg import sql
from psycopg.rows import dict_row

from include.publishing import manifest as manifests
from include.publishing.changes import CHANGE
from include.publishing.manifest import AlteredFile, Manifest, TableChanges, TableEntry
from include.publishing.shape import SCHEMA, Cursor, Refusal, Shape, TableShape, plan, table_name
from include.registry import served_tables
from include.registry.locks import session_words
from include.registry.registry import Registry
from include.storage import duckdb_session
from include.storage.duckdb_session import identifiers, quoted
from include.storage.store import Store, StoredFile

DELTA_SHARE = 0.2
"""Above this share of differing rows a new copy is quicker than the change list (docs/performance.md)."""
READING = {"batch_size": 8_192, "batch_readahead": 1, "fragment_readahead": 1}
"""Arrow reads far ahead by default, which costs a gigabyte on large tables; PostgreSQL is slower than one batch."""
LOCK_SECONDS = 1
"""So long new readers may queue behind a statement that waits for one that reads since before."""
LOCK_TRIES = 8
PAUSE_SECONDS = 3.0
"""Between tries, so that readers get through."""
log = logging.getLogger(__name__)


class TableLocked(psycopg.OperationalError):
    """Somebody holds a serving table for longer than we may wait; nothing was changed."""


class Unprepared(psycopg.OperationalError):
    """A serving table was changed after it had been prepared; the next try prepares it again."""


class WrongRows(RuntimeError):
    """A serving table does not have the rows of the version although it was copied whole."""


def refusals(registry: Registry, store: Store, manifest: Manifest) -> tuple[Refusal, ...]:
    """Why the serving tables could not take a version, as the database is now."""
    with registry.transaction() as cursor:
        return plan(cursor, store, manifest).refusals


def prepare(
    registry: Registry,
    store: Store,
    manifest: Manifest,
    *,
    forward: bool = True,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Make what the serving tables lack for a version, before the transaction that switches.

    Each statement is a transaction of its own that one message starts and ends, so a process that freezes here holds
    nothing; it waits for a second at most, and others that came after it with it, and is tried again. Readers may see a
    column that is null everywhere until the switch. `forward` is False for a rollback or a rebuild.

    Raises shape.ServingRefused where a table cannot take the version, TableLocked that names who holds it.
    """
    with registry.transaction() as cursor:
        shape = plan(cursor, store, manifest, forward=forward).require()
    if shape.schema_missing:
        _create_schema(registry)
    if shape.alterations:
        with closing(registry.connect()) as connection:
            _alter(connection, shape.alterations, wait)


def serve(cursor: Cursor, store: Store, manifest: Manifest, *, forward: bool = True) -> dict[str, str]:
    """Bring every serving table of a source to a version, within the caller's transaction; `prepare` comes before.

    `forward` is False for a rollback: the manifest's change list then leads the wrong way, and a table that the version
    does not have is emptied. Returns per table how it was done: `copy`, `changes` or `unchanged`.

    Raises shape.ServingRefused; Unprepared; WrongRows; AlteredFile for a change list that is not the sealed one.
    """
    shape = plan(cursor, store, manifest, forward=forward).require()
    _hold(cursor, manifest.source, shape)
    # Once more, now that nobody can add what would carry our deletions on to tables of others.
    shape = plan(cursor, store, manifest, forward=forward).require()
    if shape.alterations or shape.schema_missing:
        lacking = (
            ", ".join(sorted({f"{SCHEMA}.{name}" for name, _ in shape.alterations})) or f"schema {SCHEMA}"
        )
        raise Unprepared(f"{lacking} was altered by somebody after it had been prepared; try again.")
    held = served_tables.versions(cursor, manifest.source)
    patchable = forward and not manifest.full and manifest.previous is not None
    done: dict[str, str] = {}
    with _ChangeLists(store, manifest) as lists:
        for table in shape.tables:
            current = patchable and table.present and held.get(table.entry.name) == manifest.previous
            done[table.entry.name] = _bring(cursor, store, table, lists if current else None)
            served_tables.set_version(cursor, manifest.source, table.entry.name, manifest.version)
    for name in shape.gone:
        # It stays, with the grants and views of its readers, for the version that has it again.
        cursor.execute(
            sql.SQL("DELETE FROM {}").format(sql.Identifier(SCHEMA, table_name(manifest.source, name)))
        )
    served_tables.forget_others(cursor, manifest.source, manifest.version)
    return done


def finish(registry: Registry, store: Store, manifest: Manifest) -> None:
    """After the switch: make the index over a changed key the primary key, if nobody reads just then.

    The index guards the key already; the one that served look-ups by the key before goes. What does not come to it now
    is done after the next promotion.
    """
    try:
        with registry.transaction() as cursor:
            shape = plan(cursor, store, manifest, forward=False)
        statements = [
            (table.name, statement)
            for table in shape.tables
            for statement in (table.adoption, table.stand_in)
            if statement is not None
        ]
        if statements:
            with closing(registry.connect()) as connection:
                _bounded(connection)
                for name, statement in statements:
                    connection.execute(statement)
                    log.info("the key of %s.%s is as it should be again", SCHEMA, name)
    except psycopg.Error as error:
        log.warning("a primary key is left for the next promotion: %s", error.diag.message_primary or error)


@contextmanager
def naming_holders(registry: Registry, manifest: Manifest) -> Iterator[None]:
    """Around the switch: turns a wait for a lock that ended without it into TableLocked, which says who holds it."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        names = [table_name(manifest.source, entry.name) for entry in manifest.tables if entry.serve]
        with closing(registry.connect()) as connection:
            if words := _held(connection, names, writers=True):
                raise TableLocked(words) from error
        raise


# --- what comes before and after the switch ---


def _create_schema(registry: Registry) -> None:
    """Not in the switch: two sources that begin at once would wait for each other's whole copy."""
    try:
        with registry.transaction() as cursor:
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
    except psycopg.errors.UniqueViolation:
        log.info("another source made the schema %s at the same moment", SCHEMA)


def _bounded(connection: psycopg.Connection[Any]) -> None:
    # Each statement commits by itself, so there is no moment in which a frozen process of ours holds a lock.
    connection.autocommit = True
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_SECONDS}s",))


def _alter(
    connection: psycopg.Connection[Any],
    statements: Iterable[tuple[str, sql.Composed]],
    wait: Callable[[float], None],
) -> None:
    _bounded(connection)
    # The statements of a table keep their order; another table may come first while somebody holds this one.
    pending, tries = deque((name, [*each]) for name, each in groupby(statements, itemgetter(0))), 0
    while pending:
        name, own = pending[0]
        try:
            while own:
                connection.execute(own[0][1])
                own.pop(0)
        except psycopg.errors.LockNotAvailable as error:
            tries += 1
            words = _held(connection, [name], writers=False) or (
                f"{SCHEMA}.{name} could not be had: who held it has just let go. Try again."
            )
            if tries == LOCK_TRIES:
                raise TableLocked(words) from error
            log.info("try %s of %s: %s", tries, LOCK_TRIES, words)
            pending.rotate(-1)
            wait(PAUSE_SECONDS)
        else:
            pending.popleft()


def _held(connection: psycopg.Connection[Any], names: list[str], *, writers: bool) -> str:
    """Who holds one of the tables so that we cannot have it, in words for people; empty where nobody does any more.

    What they ask stays untold: it may quote data.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "SELECT c.relname AS name, l.pid, a.application_name, a.usename, a.client_addr::text AS address, a.state, "
            "a.xact_start FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
            "JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid() "
            "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND n.nspname = %s AND c.relname = ANY (%s) AND (NOT %s OR l.mode IN ('ShareLock', "
            "'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) ORDER BY a.xact_start",
            (SCHEMA, names, writers),
        )
        rows = cursor.fetchall()
    if not rows:
        return ""
    tables = ", ".join(sorted({f"{SCHEMA}.{row['name']}" for row in rows}))
    holders = {row["pid"]: session_words(row) for row in rows}
    ends = " ".join(f"SELECT pg_terminate_backend({pid});" for pid in holders if pid is not None)
    return (
        f"{tables} could not be had: held by {', '.join(holders.values())}. Nothing that readers see was changed. Ask "
        f"the owner to end that transaction, or end it ({ends or 'ROLLBACK PREPARED'}); then try again."
    )


# --- what happens in the switch ---


def _hold(cursor: Cursor, source: str, shape: Shape) -> None:
    """Hold the tables so that others may read them and neither alter nor reference them, until the switch is over."""
    names = [table.name for table in shape.tables if table.present]
    names += [table_name(source, name) for name in shape.gone]
    if names:
        cursor.execute(
            sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(
                sql.SQL(", ").join(sql.Identifier(SCHEMA, name) for name in names)
            )
        )


class _ChangeLists:
    """The change lists of a version, proven, and the rows of its files that they name.

    One DuckDB session with bounded memory joins them for all tables; it is opened when the first table asks.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self._store, self._manifest = store, manifest
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def of(self, table: str) -> TableChanges:
        """The figures of a table."""
        return next(item for item in self._manifest.changes if item.table == table)

    def rows(
        self, entry: TableEntry, schema: pa.Schema
    ) -> tuple[Iterator[pa.RecordBatch], Iterator[pa.RecordBatch]]:
        """The keys of a table's rows that go, and the rows that come, in the columns of a schema.

        Raises AlteredFile where the list is not the one that was sealed.
        """
        sealed = self.of(entry.name).keys
        assert sealed is not None
        listed, rows, keys = f"keys_{entry.name}", f"rows_{entry.name}", identifiers(entry.key)
        self._connection.read_parquet(str(self._proven(sealed))).create_view(listed)
        # A file that the version before has too holds no row that is new or changed.
        files = [file.path for file in entry.files if file.sha256 not in self._known]
        duckdb_session.register(self._connection, rows, self._store, files, schema)
        chosen = f"SELECT {keys} FROM {quoted(listed)} WHERE {CHANGE} <>"  # noqa: S608
        key_schema = pa.schema([schema.field(name) for name in entry.key])
        return (
            duckdb_session.batches(self._connection, f"{chosen} 'new'", key_schema),
            duckdb_session.batches(
                self._connection,
                f"SELECT * FROM {quoted(rows)} SEMI JOIN ({chosen} 'deleted') USING ({keys})",  # noqa: S608
                schema,
            ),
        )

    @cached_property
    def _scratch(self) -> Path:
        return self._open.enter_context(self._store.scratch(f"serve-{self._manifest.source}"))

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return self._open.enter_context(duckdb_session.session(self._scratch))

    @cached_property
    def _known(self) -> set[str]:
        """The checksums of the files of the version before."""
        assert self._manifest.previous is not None
        before = manifests.read(self._store, self._manifest.source, self._manifest.previous)
        return {file.sha256 for file in before.files} if before else set()

    def _proven(self, sealed: StoredFile) -> Path:
        """A change list in the scratch folder, so that what is used is what was proven."""
        local, digest = self._scratch / uuid.uuid4().hex, hashlib.sha256()
        with self._store.open(sealed.path) as source, local.open("wb") as target:
            while block := source.read(1 << 20):
                digest.update(block)
                target.write(block)
        if digest.hexdigest() != sealed.sha256:
            raise AlteredFile(
                f"{sealed.path} was altered after the manifest: SHA-256 {digest.hexdigest()[:12]}… instead of "
                f"{sealed.sha256[:12]}…. {self._manifest.version} is refused; run the DAG again."
            )
        return local


def _bring(cursor: Cursor, store: Store, table: TableShape, lists: _ChangeLists | None) -> str:
    """Bring one table to the version, by its change list where that is quicker and comes out right.

    `lists` is None where the table does not hold the version that the list begins with.
    """
    entry = table.entry
    way = _patch(cursor, table, lists) if lists is not None else None
    if way is None:
        if table.present:
            cursor.execute(sql.SQL("DELETE FROM {}").format(table.identifier))
        else:
            cursor.execute(table.creation())
        _copy(cursor, table.identifier, table.schema, manifests.dataset(store, entry).to_batches(**READING))
        way = "copy"
    # The key is made after the rows are in: one sort instead of a look-up per row.
    if not table.present:
        cursor.execute(
            sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(table.identifier, _columns(entry.key))
        )
    elif not table.keyed:
        cursor.execute(
            sql.SQL("CREATE UNIQUE INDEX {} ON {} ({})").format(
                table.key_index, table.identifier, _columns(entry.key)
            )
        )
    if way == "copy" and (rows := _count(cursor, table.identifier)) != entry.rows:
        raise WrongRows(
            f"{SCHEMA}.{table.name} has {rows} rows after a whole copy, {entry.name} of this version has {entry.rows}; "
            "nothing was published. Look for a trigger, rule or policy that somebody put on the table; take it away."
        )
    return way


def _patch(cursor: Cursor, table: TableShape, lists: _ChangeLists) -> str | None:
    """`unchanged` or `changes` where the table has the version's rows now; None where it must be copied whole."""
    entry, changes = table.entry, lists.of(table.entry.name)
    # After a new recipe every content_hash is another, also in rows that did not change.
    if changes.by_value or changes.total > DELTA_SHARE * max(entry.rows, 1):
        return None
    way = "changes" if changes.total else "unchanged"
    try:
        with cursor.connection.transaction():
            if changes.total:
                gone, come = lists.rows(entry, table.schema)
                found = (_delete(cursor, table, gone), _copy(cursor, table.identifier, table.schema, come))
                wanted = (changes.changed + changes.deleted, changes.changed + changes.new)
                if found != wanted:
                    log.warning(
                        "%s: %s rows went and came, not %s; it is copied whole", table.name, found, wanted
                    )
                    return None
            if (rows := _count(cursor, table.identifier)) == entry.rows:
                return way
    except psycopg.errors.UniqueViolation:
        log.warning("%s already has rows that came new; it is copied whole", table.name)
        return None
    log.warning("%s has %s rows by its changes, not %s; it is copied whole", table.name, rows, entry.rows)
    return None


def _delete(cursor: Cursor, table: TableShape, keys: Iterator[pa.RecordBatch]) -> int:
    """Delete the rows of some keys; returns how many there were."""
    key = table.entry.key
    cursor.execute(
        sql.SQL("CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0").format(
            _columns(key), table.identifier
        )
    )
    _copy(cursor, sql.Identifier("gone"), pa.schema([table.schema.field(name) for name in key]), keys)
    same = [sql.SQL("t.{0} = g.{0}").format(sql.Identifier(column)) for column in key]
    cursor.execute(
        sql.SQL("DELETE FROM {} t USING gone g WHERE {}").format(
            table.identifier, sql.SQL(" AND ").join(same)
        )
    )
    deleted = cursor.rowcount
    cursor.execute("DROP TABLE gone")
    return deleted


def _count(cursor: Cursor, name: sql.Identifier) -> int:
    cursor.execute(sql.SQL("SELECT count(*) AS rows FROM {}").format(name))
    row = cursor.fetchone()
    assert row is not None
    return int(row["rows"])


def _copy(
    cursor: Cursor,
    name: sql.Identifier,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
) -> int:
    """COPY batches into a table as CSV, in which null is nothing and an empty text is ""; returns how many rows."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(name, _columns(schema.names))
    options = pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
    with cursor.copy(statement) as copy:
        for batch in batches:
            if batch.num_rows:
                buffer = io.BytesIO()
                pacsv.write_csv(_flat(batch), buffer, options)
                copy.write(buffer.getbuffer())
    return cursor.rowcount


def _flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Lists as PostgreSQL array literals; Arrow's CSV writer knows no lists."""
    columns = [
        _array_literal(column) if pa.types.is_list(column.type) else column for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _array_literal(column: pa.ListArray) -> pa.Array:
    texts = column.flatten().cast(pa.string())
    escaped = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
    quoted = pc.binary_join_element_wise('"', escaped, '"', "").fill_null("NULL")
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, quoted), ",")
    literal = pc.binary_join_element_wise("{", joined, "}", "")
    return pc.if_else(column.is_valid(), literal, pa.scalar(None, pa.string()))


def _columns(names: tuple[str, ...] | list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column) for column in names)
