"""Who did what to which version, and why: lastgood.action."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

Cursor = psycopg.Cursor[dict[str, Any]]

DECISIONS = frozenset(
    {
        "accept",
        "rollback",
        "hold",
        "release",
        "retry",
        "replay",
        "rebuild registry",
        "restore",
        "restore file",
    }
)
"""What lastgood.action calls the acts that change what consumers read or will read: the others on call are told."""
_FORM: ContextVar[Mapping[str, str] | None] = ContextVar("form", default=None)


def insert_action(
    cursor: psycopg.Cursor[Any],
    *,
    who: str,
    what: str,
    source: str,
    version: str | None,
    reason: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Keep who did what to which version and why, in the caller's transaction.

    A decision (DECISIONS) is told to the others on call by whoever comes next (include/alerting/decided.py). Raises
    ValueError for an empty name or reason.
    """
    if not who.strip() or not reason.strip():
        raise ValueError(f"{what} needs who does it and a reason; both are kept in lastgood.action.")
    cursor.execute(
        "INSERT INTO lastgood.action (who, what, source, version, reason, details, notified_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, CASE WHEN %s THEN NULL ELSE now() END)",
        (who, what, source, version, reason, Jsonb({**(details or {}), **_asked_in()}), what in DECISIONS),
    )


@contextmanager
def form(dag_id: str, run_id: str) -> Iterator[None]:
    """Whatever is kept in lastgood.action within the block was asked for in this run of a form."""
    token = _FORM.set({"dag_id": dag_id, "run_id": run_id})
    try:
        yield
    finally:
        _FORM.reset(token)


def _asked_in() -> dict[str, Any]:
    found = _FORM.get()
    return {} if found is None else {"form": dict(found)}


@dataclass(frozen=True, slots=True)
class MovedByHand:
    """What an operator did last by which latest of a source was moved."""

    who: str
    what: str
    at: datetime
    version: str
    left: str | None
    """The version that a rollback left."""


def moved_by_hand(cursor: Cursor, source: str) -> MovedByHand | None:
    """Who moved latest of a source by a decision last; None where nobody did."""
    cursor.execute(
        "SELECT who, what, at, version, details ->> 'from' AS left FROM lastgood.action "
        "WHERE source = %s AND what IN ('rollback', 'accept', 'release') AND version IS NOT NULL "
        "ORDER BY id DESC LIMIT 1",
        (source,),
    )
    row = cursor.fetchone()
    return None if row is None else MovedByHand(**row)


def rolled_back_to(cursor: Cursor, source: str, version: str) -> bool:
    """Whether there was a rollback to a version since the last promotion of its source."""
    cursor.execute(
        "SELECT 1 FROM lastgood.action WHERE source = %s AND what = 'rollback' AND version = %s AND at >= ("
        "  SELECT max(published_at) FROM lastgood.dataset_version WHERE source = %s)",
        (source, version, source),
    )
    return cursor.fetchone() is not None


@dataclass(frozen=True, slots=True)
class Mover:
    """Which version is latest of a source since when, and who made it that."""

    version: str
    since: datetime
    who: str | None
    """None where no act of `acts` did."""
    what: str | None
    run_id: str | None
    """The run that made the version, where the run log knows it."""


def mover(cursor: Cursor, source: str, acts: Collection[str]) -> Mover | None:
    """Who made latest of a source what it is, by one of these acts or by a run; None without a latest."""
    cursor.execute(
        "SELECT l.version, l.since, a.who, a.what, r.run_id FROM lastgood.latest l "
        "LEFT JOIN LATERAL (SELECT who, what FROM lastgood.action a WHERE (a.source, a.version) "
        "  = (l.source, l.version) AND what = ANY(%s) AND at <= l.since ORDER BY at DESC LIMIT 1) a ON true "
        "LEFT JOIN LATERAL (SELECT run_id FROM lastgood.pipeline_run r WHERE (r.source, r.version) "
        "  = (l.source, l.version)) r ON true WHERE l.source = %s AND l.version IS NOT NULL",
        (list(acts), source),
    )
    row = cursor.fetchone()
    return None if row is None else Mover(**row)


def mark_told(cursor: Cursor) -> None:
    """Every decision counts as told from now on."""
    cursor.execute("UPDATE lastgood.action SET notified_at = now() WHERE notified_at IS NULL")


def noted_since(
    cursor: Cursor, what: str, source: str, version: str, since: datetime, *, derived: str
) -> bool:
    """Whether such an act on a version is noted after a moment that names this derived source."""
    cursor.execute(
        "SELECT 1 FROM lastgood.action WHERE source = %s AND version = %s AND what = %s AND at > %s "
        "AND details ->> 'derived' = %s LIMIT 1",
        (source, version, what, since, derived),
    )
    return cursor.fetchone() is not None


@dataclass(frozen=True, slots=True)
class Done:
    """Who did something to a version last, and when; nobody where nothing is known."""

    who: str | None
    at: datetime | None


def last_on(cursor: Cursor, what: str, source: str, version: str) -> Done | None:
    """Who did this to a version last; None where the registry does not have the version."""
    cursor.execute(
        "SELECT a.who, a.at FROM lastgood.dataset_version v LEFT JOIN LATERAL ("
        "  SELECT who, at FROM lastgood.action a WHERE (a.source, a.version, a.what) = (v.source, v.version, %s) "
        "  ORDER BY id DESC LIMIT 1) a ON true WHERE v.source = %s AND v.version = %s",
        (what, source, version),
    )
    row = cursor.fetchone()
    return None if row is None else Done(**row)


# --- decisions, of which the others on call are told ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """A decision of which people are to be told, and how the versions stand that it is about."""

    id: int
    at: datetime
    who: str
    what: str
    source: str
    version: str | None
    reason: str
    details: Mapping[str, Any]
    delivered: Mapping[str, str | None]
    """What became of its message so far, by channel: None, or the error."""
    latest: str | None
    """Of its source, at this moment."""
    state: str | None
    """Of its version."""
    publish_error: str | None
    failed_step: str | None
    """Of the run that makes its version, where that failed."""
    held: bool
    """Whether its source is on hold at this moment."""
    until: datetime | None
    """When that ends by itself."""


def next_untold(
    cursor: Cursor, without: Collection[int], *, old: timedelta, patience: timedelta
) -> Untold | None:
    """A decision of which not everybody was told, held until the transaction ends; None where others hold all of them.

    Those of which nobody was told come first, the oldest first. One that is `old` is left out, and for as long as
    `patience` one whose version is being published or replayed.
    """
    cursor.execute(
        "SELECT a.id, a.at, a.who, a.what, a.source, a.version, a.reason, a.details, a.delivered "
        "FROM lastgood.action a WHERE a.notified_at IS NULL AND NOT a.id = ANY(%(without)s) AND a.at > now() - %(old)s "
        "AND (a.at < now() - %(patience)s OR NOT ("
        "  EXISTS (SELECT FROM lastgood.dataset_version v WHERE (v.source, v.version) = (a.source, a.version) "
        "    AND v.state = 'publishing' AND v.lease_until > now()) "
        "  OR a.what = 'replay' AND EXISTS (SELECT FROM lastgood.pipeline_run p "
        "    WHERE (p.source, p.version) = (a.source, a.version) AND p.ended IS NULL))) "
        "ORDER BY a.delivered <> '{}', a.id LIMIT 1 FOR UPDATE OF a SKIP LOCKED",
        {"without": list(without), "old": old, "patience": patience},
    )
    row = cursor.fetchone()
    if row is None:
        return None
    # In a statement of its own: it sees what was done until the row could be held.
    cursor.execute(
        "SELECT l.version AS latest, v.state, v.publish_error, p.failed_step, h.source IS NOT NULL AS held, "
        "  h.until "
        "FROM (SELECT %(source)s::text AS source, %(version)s::text AS version) a "
        "LEFT JOIN lastgood.latest l ON l.source = a.source "
        "LEFT JOIN lastgood.dataset_version v ON (v.source, v.version) = (a.source, a.version) "
        "LEFT JOIN lastgood.pipeline_run p ON (p.source, p.version) = (a.source, a.version) "
        "LEFT JOIN lastgood.hold h ON h.source = a.source "
        "  AND (h.until IS NULL OR h.until > clock_timestamp())",
        {"source": row["source"], "version": row["version"]},
    )
    stands = cursor.fetchone()
    assert stands is not None
    return Untold(**row, **stands)


def note_delivered(cursor: Cursor, id: int, delivered: Mapping[str, str | None], *, notified: bool) -> None:  # noqa: A002
    """Keep what became of a decision's message, by channel, and whether everybody was told."""
    cursor.execute(
        "UPDATE lastgood.action SET delivered = %s, notified_at = CASE WHEN %s THEN clock_timestamp() END "
        "WHERE id = %s",
        (Jsonb(dict(delivered)), notified, id),
    )


@dataclass(frozen=True, slots=True)
class Silence:
    """The newest silence of a source, for all kinds of alerts (None) or for one."""

    source: str
    kind: str | None
    until: datetime
    reason: str


def silences(cursor: Cursor) -> list[Silence]:
    """The newest for each source and kind, also those that are over."""
    cursor.execute(
        "SELECT DISTINCT ON (source, details ->> 'kind') source, details ->> 'kind' AS kind, "
        "(details ->> 'until')::timestamptz AS until, reason FROM lastgood.action WHERE what = 'silence' "
        "ORDER BY source, details ->> 'kind', id DESC"
    )
    return [Silence(**row) for row in cursor.fetchall()]
