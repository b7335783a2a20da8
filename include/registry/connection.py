"""The connection to PostgreSQL, schema `lastgood`: nothing that is asked over it waits without end."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps
from psycopg.types.string import StrDumperUnknown

from include.errors import NonRetryable
from include.storage.storable import storable, text

if TYPE_CHECKING:
    from alembic.config import Config


Connect = Callable[[], "psycopg.Connection[Any]"]
MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = (
    0x6C617374  # any constant of our own: two tasks that start at once migrate one after the other
)
LEASE_SECONDS = 900
"""So long may one process hold what others wait for; then it is taken for dead."""
_BOUNDS = {
    "lock_timeout": "30s",
    "statement_timeout": f"{LEASE_SECONDS}s",
    "idle_in_transaction_session_timeout": "300s",
}
"""No statement of ours waits without end, and a process that froze in a transaction loses it."""
CONNECT_SECONDS = 30
"""So long may it take to connect, all addresses together. psycopg by itself waits 130 seconds for each of them."""
_SHORTEST_CONNECT = 2
"""Seconds for one address; libpq waits for no less."""
_DEAD_PEER_SECONDS = 60
IDLE_SECONDS = 60
"""After so long without a question a session asks over a new connection."""


def alembic_config() -> Config:
    """Alembic's settings for the registry's schema; the caller puts a SQLAlchemy connection into `attributes`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def revisions() -> list[str]:
    """Every revision of the schema that this code knows, the one that it needs last: migrations are named by them.

    Told without Alembic, whose import would be a tenth of a second of every task and of every alert.
    """
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


@contextmanager
def alembic_connection(connect: Connect) -> Iterator[Any]:
    """A connection of SQLAlchemy's, for Alembic; what fails there raises psycopg's own error, as it does elsewhere."""
    # Alembic and SQLAlchemy take 0.3 s to import, which only a migration should pay.
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        assert error.orig is not None
        raise error.orig from error


def error_summary(error: BaseException) -> str:
    """An error's words as they may be kept and told, without PostgreSQL's DETAIL and CONTEXT, which hold whole rows."""
    diagnosed = isinstance(error, psycopg.Error) and error.diag.message_primary
    return text(diagnosed or str(error)).strip()[:2000]


class _Text(StrDumperUnknown):
    def dump(self, obj: str) -> Any:
        return super().dump(text(obj))


def connect_timeout(hosts: str | None, seconds: float | str | None = None) -> int:
    """The `connect_timeout` of each address, so that all of them together take `seconds`, or CONNECT_SECONDS.

    `hosts` is libpq's: a name, an address or a folder, or several with commas between them.
    """
    addresses = 0
    for host in (hosts or "").split(","):
        try:
            found = (
                socket.getaddrinfo(host, None, type=socket.SOCK_STREAM) if host[:1] not in {"", "/"} else ()
            )
        except (OSError, UnicodeError):
            found = ()  # who connects will say so
        addresses += len(found) or 1
    given = float(seconds or os.environ.get("PGCONNECT_TIMEOUT") or 0)
    return max(_SHORTEST_CONNECT, int((given if given > 0 else CONNECT_SECONDS) / addresses))


def dial(conninfo: str) -> psycopg.Connection[Any]:
    """Connect to a PostgreSQL within CONNECT_SECONDS, or what the URI says, however many addresses its host has."""
    said = conninfo_to_dict(conninfo)
    seconds = connect_timeout(
        str(said.get("hostaddr") or said.get("host") or ""), said.get("connect_timeout")
    )
    return psycopg.connect(conninfo, connect_timeout=seconds)


def _opens(connect: Connect) -> Connect:
    """The same, each connection of which takes any text and any JSON: what PostgreSQL refuses is left out.

    Said once for all that is written, since a step's error or a failing row may hold NUL, a lone surrogate or NaN,
    and must not keep the failure itself from being noted. Rows of tables go in by COPY and are not touched.
    """

    def opened() -> psycopg.Connection[Any]:
        connection = connect()
        connection.adapters.register_dumper(str, _Text)
        set_json_dumps(lambda value: json.dumps(storable(value)), connection)
        return connection

    return opened


class NewerRegistry(NonRetryable, RuntimeError):
    """The registry was brought further by a newer release than this one."""


def _notice_dead_peer(connection: psycopg.Connection[Any]) -> None:
    """Let the machine end a TCP connection whose other side is gone; a Unix socket has no such trouble."""
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:
        if wire.family not in {socket.AF_INET, socket.AF_INET6}:
            return
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", _DEAD_PEER_SECONDS // 2),
            ("TCP_KEEPINTVL", 10),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", _DEAD_PEER_SECONDS * 1000),
        ):
            # Not every system has each of them.
            if (option := getattr(socket, name, None)) is not None:
                with suppress(OSError):
                    wire.setsockopt(socket.IPPROTO_TCP, option, value)


class Database:
    """The way to the registry's tables: transactions, each bounded in time, and the schema that they find."""

    def __init__(self, connect: Connect) -> None:
        self._connect = _opens(connect)
        self._thread = threading.local()

    def connect(self) -> psycopg.Connection[Any]:
        """A new connection on which no statement, lock, idle transaction or dead network waits without end."""
        connection = self._connect()
        settings = {**_BOUNDS, "application_name": f"lastgood {socket.gethostname()} {os.getpid()}"[:63]}
        with connection.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.commit()
        _notice_dead_peer(connection)
        return connection

    @contextmanager
    def session(self) -> Iterator[None]:
        """Within it everything that this thread asks goes over one connection, opened when it is first needed.

        Transactions stay what they are. One that is opened within another becomes a part of it. A connection that
        lay idle for a while is replaced by a new one, since somebody on the way may have forgotten it.
        """
        if hasattr(self._thread, "held"):
            yield
            return
        self._thread.held, self._thread.used, self._thread.depth = None, time.monotonic(), 0
        try:
            yield
        finally:
            held = self._thread.held
            del self._thread.held
            if held is not None:
                held.close()

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
        """One transaction, on a connection of its own or on the session's; rows come as dicts."""
        with self._transacting() as connection, connection.cursor(row_factory=dict_row) as cursor:
            yield cursor

    @contextmanager
    def _transacting(self) -> Iterator[psycopg.Connection[Any]]:
        if not hasattr(self._thread, "held"):
            with self.connect() as connection:
                yield connection
            return
        # Never within a transaction: what its connection held, a lock or a change, would be lost without a word.
        if not self._thread.depth and (
            self._thread.held is None or self._thread.held.closed or self._idled()
        ):
            self._thread.held = self.connect()
        self._thread.depth += 1
        try:
            with self._thread.held.transaction():
                yield self._thread.held
        finally:
            self._thread.depth -= 1
        self._thread.used = time.monotonic()

    def _idled(self) -> bool:
        """Close the session's connection if it lay idle for too long; whether it did."""
        held = self._thread.held
        idle = held.info.transaction_status is TransactionStatus.IDLE
        if idle and time.monotonic() - self._thread.used > IDLE_SECONDS:
            held.close()
        return bool(held.closed)

    def migrate(self) -> str:
        """Bring the schema to this code's revision and return it. Safe to call at once from many places.

        Raises NewerRegistry, and psycopg.Error where the database does not let it.
        """
        known, revision = revisions(), self.revision()
        head = known[-1]
        if revision == head:
            return head
        if revision not in {None, *known}:
            raise NewerRegistry(
                f"the registry is at revision {revision}, which this release does not know (it goes up to {head}): "
                "deploy a release at least as new as the one that used it last. Nothing was changed."
            )
        from alembic import command
        from sqlalchemy import text as sql

        config = alembic_config()
        with alembic_connection(self.connect) as connection, connection.begin():
            connection.execute(sql("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            connection.execute(sql("CREATE SCHEMA IF NOT EXISTS lastgood"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return head

    def revision(self) -> str | None:
        """The schema's revision; None where there is no schema yet."""
        with self.transaction() as cursor:
            cursor.execute("SELECT to_regclass('lastgood.schema_version') AS present")
            if cursor.fetchone() == {"present": None}:
                return None
            cursor.execute("SELECT version_num FROM lastgood.schema_version")
            row = cursor.fetchone()
            return str(row["version_num"]) if row else None
