"""Locks on latest of a source and on a version, and who holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from include.registry.connection import LEASE_SECONDS, Database
from include.registry.versions import unknown

_LATEST_LOCKS = 0x6C61746E
"""The class of the advisory locks that whoever moves latest holds, one for each source."""


class LatestHeld(psycopg.OperationalError):
    """Somebody else moves latest of this source, and went on doing so for as long as a statement may wait."""


@dataclass(frozen=True, slots=True)
class LockedLatest:
    """The row of a source whose latest the caller's transaction holds; before the first promotion it has no version."""

    version: str | None
    previous: str | None
    since: datetime | None
    generation: int
    as_of: datetime | None


def lock_latest(cursor: psycopg.Cursor[dict[str, Any]], source: str, what: str) -> LockedLatest:
    """Hold latest of a source until the transaction ends: its row (made where it is missing) with latest's as_of.

    Whoever moves latest, writes its pointer or removes versions holds this lock, which tells others who it is: `what`
    says what is being done. Waits for another holder, and ends one that holds it for longer than a lease (its
    process is frozen, or its machine gone). Raises LatestHeld that names who holds it.
    """
    cursor.execute("SELECT set_config('application_name', %s, true)", (f"lastgood {what} {source}"[:63],))
    for ended in (False, True):
        try:
            with cursor.connection.transaction():
                cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_LATEST_LOCKS, source))
            break
        except psycopg.errors.LockNotAvailable:
            if ended or not _end_dead_holder(cursor, source):
                raise LatestHeld(_who_holds(cursor, source)) from None
    cursor.execute("INSERT INTO lastgood.latest (source) VALUES (%s) ON CONFLICT DO NOTHING", (source,))
    cursor.execute(
        "SELECT l.version, l.previous, l.since, l.generation, v.as_of FROM lastgood.latest l "
        "LEFT JOIN lastgood.dataset_version v USING (source, version) WHERE source = %s FOR UPDATE OF l",
        (source,),
    )
    row = cursor.fetchone()
    assert row is not None
    return LockedLatest(**row)


def lock_all_latest(cursor: psycopg.Cursor[Any]) -> None:
    """Hold latest of every source, also of those without a row, until the transaction ends; reading stays possible."""
    cursor.execute("LOCK TABLE lastgood.latest IN EXCLUSIVE MODE")


def lock_version(cursor: psycopg.Cursor[dict[str, Any]], source: str, version: str) -> None:
    """Hold a version until the transaction ends. Raises UnknownVersion."""
    cursor.execute(
        "SELECT 1 FROM lastgood.dataset_version WHERE source = %s AND version = %s FOR UPDATE",
        (source, version),
    )
    if cursor.fetchone() is None:
        raise unknown(cursor, source, version)


def is_moving(registry: Database, source: str) -> bool:
    """Whether somebody holds latest of a source at this moment: who wants to move it would have to wait.

    One that has held it for longer than a lease is ended, so that it is free when the next one looks.
    """
    with registry.transaction() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s)) AS free", (_LATEST_LOCKS, source))
        moving = cursor.fetchone() == {"free": False}
        if moving:
            _end_dead_holder(cursor, source)
        return moving


_HOLDERS = (
    "SELECT a.pid, a.application_name, a.usename, a.client_addr::text AS address, a.state, a.xact_start, "
    "a.xact_start < clock_timestamp() - make_interval(secs => %(lease)s) AS dead "
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    # A lock's two numbers are kept without their sign.
    "AND l.classid::bigint = %(class)s AND l.objid::bigint = hashtext(%(source)s)::bigint & 4294967295"
)


def _holders(cursor: psycopg.Cursor[dict[str, Any]], source: str) -> list[dict[str, Any]]:
    cursor.execute(_HOLDERS, {"lease": LEASE_SECONDS, "class": _LATEST_LOCKS, "source": source})
    return cursor.fetchall()


def _end_dead_holder(cursor: psycopg.Cursor[dict[str, Any]], source: str) -> bool:
    """End the sessions that hold latest for longer than a lease; whether there was any."""
    dead = [holder["pid"] for holder in _holders(cursor, source) if holder["dead"]]
    for pid in dead:
        cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))
    return bool(dead)


def _who_holds(cursor: psycopg.Cursor[dict[str, Any]], source: str) -> str:
    holders = [session_words(each) for each in _holders(cursor, source)]
    return (
        f"latest of {source} is held by {', '.join(holders) or 'somebody who has just let go'}; nothing was changed. "
        f"Wait for it and try again; it loses its hold after {LEASE_SECONDS // 60} minutes."
    )


def session_words(row: Mapping[str, Any]) -> str:
    """Who a session of the database is, for people; PostgreSQL hides some of it from users of few rights.

    Expects pid, application_name, usename, address, state and xact_start, each of which may be null.
    """
    if row["pid"] is None:
        return "a prepared transaction (see pg_prepared_xacts)"
    known = [f"process {row['pid']} of the database"]
    known += [f"user {row['usename']}"] if row["usename"] else []
    known += [f"from {row['address']}"] if row["address"] else []
    known += [row["state"]] if row["state"] else []
    known += [f"since {row['xact_start'].astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"] if row["xact_start"] else []
    return f"{row['application_name'] or 'a session'} ({', '.join(known)})"
