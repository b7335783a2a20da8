"""The registry's tables as files: written from one snapshot, read back into an empty schema, compared.

No pg_dump, since the worker of a managed Airflow has none: COPY gives CSV, zstandard makes it small, and the schema
comes from the migrations, up to the revision that the dump was taken at.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from graphlib import TopologicalSorter
from typing import IO, Any

import msgspec
import psycopg
import zstandard
from psycopg import sql
from psycopg.rows import dict_row

from include.registry.connection import Connect, alembic_config, alembic_connection
from include.storage.store import Store, StoredFile, safe_key

SCHEMA = "lastgood"
REVISION_TABLE = "schema_version"
SCRATCH_DATABASE = "lastgood_restore_check"
LEFT_BEHIND = timedelta(days=1)
"""A scratch database or folder so old is the rest of a backup that was killed."""
BLOCK = 1 << 18
log = logging.getLogger(__name__)

Cursor = psycopg.Cursor[dict[str, Any]]
Upgrade = Callable[[str], None]


def clear(cursor: Cursor) -> None:
    """Replace the registry's schema by an empty one."""
    cursor.execute("DROP SCHEMA IF EXISTS lastgood CASCADE")
    cursor.execute("CREATE SCHEMA lastgood")


class DumpedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the registry: its columns, rows, a digest that does not depend on their order, and the file."""

    name: str
    columns: tuple[str, ...]
    rows: int
    digest: str
    file: StoredFile


class DamagedDump(ValueError):
    """What was restored is not what was dumped."""


class UnknownRevision(ValueError):
    """This code has no such revision of the schema."""


class NoScratch(RuntimeError):
    """There is no database in which a dump could be proven."""


@contextmanager
def snapshot(connection: psycopg.Connection[Any]) -> Iterator[Cursor]:
    """All reads of the block see one moment. The connection is in autocommit, so nothing else holds it open."""
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        _settle(cursor)
        yield cursor


def revision(cursor: Cursor) -> str:
    """The revision that the registry's schema is at."""
    cursor.execute(sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(SCHEMA, REVISION_TABLE)))
    row = cursor.fetchone()
    assert row is not None
    return str(row["version_num"])


def write(cursor: Cursor, root: Store, prefix: str) -> tuple[DumpedTable, ...]:
    """Dump every table to PREFIX/TABLE.csv.zst, in an order in which they can be loaded."""
    done = []
    with root.scratch("dump") as folder:
        for table in _tables(cursor):
            columns, (rows, digest) = _columns(cursor, table), _digest(cursor, table)
            local = folder / table
            with (
                local.open("wb") as file,
                zstandard.ZstdCompressor().stream_writer(file) as packed,
                cursor.copy(_copy(table, columns, "TO STDOUT")) as copy,
            ):
                for block in copy:
                    packed.write(block)
            stored = root.put(local, safe_key(prefix, f"{table}.csv.zst"))
            done.append(DumpedTable(name=table, columns=columns, rows=rows, digest=digest, file=stored))
    return tuple(done)


def load(cursor: Cursor, root: Store, tables: tuple[DumpedTable, ...]) -> None:
    """Fill the empty tables of a schema at the dump's revision, and compare each with what was dumped.

    Raises DamagedDump naming the table.
    """
    _settle(cursor)
    if missing := set(_tables(cursor)) ^ {table.name for table in tables}:
        raise DamagedDump(f"the dump and its revision do not agree on the tables {sorted(missing)}.")
    for table in tables:
        _read(cursor, root, table)
        _set_sequences(cursor, table.name)
        found = _digest(cursor, table.name)
        if found != (table.rows, table.digest):
            raise DamagedDump(
                f"{SCHEMA}.{table.name} came back with {found[0]} rows and digest {found[1]}; the dump has "
                f"{table.rows} rows and {table.digest}."
            )


def check(connect: Connect, root: Store, tables: tuple[DumpedTable, ...], at: str) -> None:
    """Prove a dump: restore it into schema `lastgood` of another database, compare, and roll everything back.

    Raises NoScratch where that database holds such a schema already, DamagedDump.
    """
    with transaction(connect, keep=False) as (cursor, upgrade):
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL AS present", (SCHEMA,))
        if cursor.fetchone() == {"present": True}:
            raise NoScratch(
                f"The scratch database holds a schema {SCHEMA} of its own, which a check must not touch. Give "
                "lastgood_scratch an empty database."
            )
        cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
        upgrade(at)
        load(cursor, root, tables)


@contextmanager
def transaction(connect: Connect, *, keep: bool) -> Iterator[tuple[Cursor, Upgrade]]:
    """One transaction in which the schema can be migrated and filled: a cursor, and what upgrades to a revision.

    Committed at the end where `keep` is true and nothing was raised, rolled back otherwise.
    """
    from alembic import command
    from alembic.util import CommandError

    with alembic_connection(connect) as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        connection.begin()

        def upgrade(to: str) -> None:
            try:
                command.upgrade(config, to)
            except CommandError as error:
                raise UnknownRevision(str(error)) from error

        driver: Any = connection.connection.driver_connection
        with driver.cursor(row_factory=dict_row) as cursor:
            yield cursor, upgrade
        if keep:
            connection.commit()


@contextmanager
def scratch_database(connect: Connect, now: datetime) -> Iterator[Connect]:
    """A new database on the same server, dropped at the end; what earlier checks left behind is dropped too.

    Raises NoScratch where the user may not create one.
    """
    name = f"{SCRATCH_DATABASE}_{now.astimezone(UTC):%Y%m%d%H%M%S}_{secrets.token_hex(3)}"
    with connect() as connection:
        connection.autocommit = True
        _drop_left_behind(connection, now)
        try:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege as error:
            user = connection.info.user
            raise NoScratch(
                f"The database user {user} may not create the database in which the backup is proven. Let it "
                f'(ALTER ROLE "{user}" CREATEDB), or set the connection lastgood_scratch to an empty database.'
            ) from error
        address: dict[str, Any] = {**connection.info.get_parameters(), "dbname": name}
        if connection.info.password:
            address["password"] = connection.info.password
    try:
        yield lambda: psycopg.connect(**address)
    finally:
        with connect() as connection:
            connection.autocommit = True
            _drop(connection, name)


def _drop_left_behind(connection: psycopg.Connection[Any], now: datetime) -> None:
    found = connection.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (f"{SCRATCH_DATABASE}_",)
    )
    for (name,) in found.fetchall():
        stamp = re.fullmatch(rf"{SCRATCH_DATABASE}_(\d{{14}})_[0-9a-f]{{6}}", name)
        if stamp and now - datetime.strptime(stamp[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC) > LEFT_BEHIND:
            log.warning("%s was left behind by a check that was killed; it is dropped", name)
            _drop(connection, name)


def _drop(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _settle(cursor: Cursor) -> None:
    """Text forms of values must not depend on who asks."""
    for name, value in {
        "timezone": "UTC",
        "datestyle": "ISO, YMD",
        "intervalstyle": "postgres",
        "extra_float_digits": "1",
        "bytea_output": "hex",
        "client_encoding": "UTF8",
    }.items():
        cursor.execute("SELECT set_config(%s, %s, true)", (name, value))


def _tables(cursor: Cursor) -> list[str]:
    """Tables of the schema, each after those its foreign keys speak of."""
    cursor.execute(
        "SELECT c.relname AS name, array_remove(array_agg(f.relname), NULL)::text[] AS needs "
        "FROM pg_class c LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' "
        "AND k.confrelid <> c.oid LEFT JOIN pg_class f ON f.oid = k.confrelid "
        "WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p') AND c.relname <> %s "
        "GROUP BY c.relname ORDER BY c.relname",
        (SCHEMA, REVISION_TABLE),
    )
    return list(TopologicalSorter({row["name"]: row["needs"] for row in cursor.fetchall()}).static_order())


def _columns(cursor: Cursor, table: str) -> tuple[str, ...]:
    """Columns that hold values of their own."""
    cursor.execute(
        "SELECT attname AS name FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        (f"{SCHEMA}.{table}",),
    )
    return tuple(row["name"] for row in cursor.fetchall())


def _digest(cursor: Cursor, table: str) -> tuple[int, str]:
    """Rows, and the sum of their hashes: the same rows in any order give the same."""
    cursor.execute(
        sql.SQL(
            "SELECT count(*) AS rows, coalesce(sum(('x' || encode(substring("
            "sha256(convert_to(t::text, 'UTF8')) FROM 1 FOR 8), 'hex'))::bit(64)::bigint), 0)::text AS digest "
            "FROM {} t"
        ).format(sql.Identifier(SCHEMA, table))
    )
    row = cursor.fetchone()
    assert row is not None
    return int(row["rows"]), str(row["digest"])


def _copy(table: str, columns: tuple[str, ...], way: str) -> sql.Composed:
    return sql.SQL("COPY {} ({}) {} (FORMAT csv, HEADER, ENCODING 'UTF8')").format(
        sql.Identifier(SCHEMA, table), sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(way)
    )


class _Hashed:
    """A file that hashes what is read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self.file.read(size)
        self.sha256.update(block)
        return block


def _read(cursor: Cursor, root: Store, table: DumpedTable) -> None:
    try:
        with root.open(table.file.path) as file:
            hashed: Any = _Hashed(file)
            with (
                zstandard.ZstdDecompressor().stream_reader(hashed) as unpacked,
                cursor.copy(_copy(table.name, table.columns, "FROM STDIN")) as copy,
            ):
                while block := unpacked.read(BLOCK):
                    copy.write(block)
            while hashed.read(BLOCK):
                pass
    except (zstandard.ZstdError, psycopg.DataError) as error:
        raise DamagedDump(f"{root.uri}/{table.file.path} cannot be read back: {error}") from error
    if (found := hashed.sha256.hexdigest()) != table.file.sha256:
        raise DamagedDump(
            f"{root.uri}/{table.file.path} was altered: SHA-256 {found[:12]}… instead of "
            f"{table.file.sha256[:12]}…."
        )


def _set_sequences(cursor: Cursor, table: str) -> None:
    """New rows go on after those that were loaded."""
    cursor.execute(
        "SELECT attname AS name FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> '' "
        "AND NOT attisdropped",
        (f"{SCHEMA}.{table}",),
    )
    for column in [row["name"] for row in cursor.fetchall()]:
        cursor.execute(
            sql.SQL(
                "SELECT setval(pg_get_serial_sequence(%s, %s), max({0})) FROM {1} HAVING max({0}) > 0"
            ).format(sql.Identifier(column), sql.Identifier(SCHEMA, table)),
            (f"{SCHEMA}.{table}", column),
        )
