"""Alerts and their episodes: lastgood.alert."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

Cursor = psycopg.Cursor[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An episode as it is kept."""

    id: int
    occurrence: str
    """The last one of its trouble."""
    count: int
    first_seen: datetime
    last_seen: datetime
    notified: int
    """How often people were told of it."""
    last_notified: datetime | None
    recovered_at: datetime | None
    message: dict[str, Any]
    """The alert, and `runs`: what is known of each run that it is about."""
    delivered: dict[str, str | None]
    """What became of the last message, by channel: None, or the error."""


_COLUMNS = ", ".join(Row.__dataclass_fields__)


def _rows(cursor: Cursor) -> list[Row]:
    return [Row(**row) for row in cursor.fetchall()]


# --- one trouble ---


def lock(cursor: Cursor, source: str) -> None:
    """Until the transaction ends nobody else decides about alerts of a source."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"lastgood.alert {source}",))


def lock_open(cursor: Cursor, fingerprint: str) -> Row | None:
    """The open episode of a trouble, held until the transaction ends."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM lastgood.alert WHERE fingerprint = %s AND recovered_at IS NULL FOR UPDATE",  # noqa: S608
        (fingerprint,),
    )
    row = cursor.fetchone()
    return None if row is None else Row(**row)


def is_kept(cursor: Cursor, fingerprint: str) -> bool:
    """Whether there is any episode of a trouble, over or not."""
    cursor.execute("SELECT 1 FROM lastgood.alert WHERE fingerprint = %s LIMIT 1", (fingerprint,))
    return cursor.fetchone() is not None


def lock_all_open(cursor: Cursor, source: str) -> list[Row]:
    """The open episodes of a source, oldest first, held until the transaction ends."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM lastgood.alert WHERE source = %s AND recovered_at IS NULL ORDER BY id FOR UPDATE",  # noqa: S608
        (source,),
    )
    return _rows(cursor)


def begin(
    cursor: Cursor,
    *,
    fingerprint: str,
    kind: str,
    source: str,
    severity: str,
    title: str,
    occurrence: str,
    run_id: str | None,
    at: datetime,
    notified: bool,
    message: Mapping[str, Any],
) -> Row:
    """Enter an episode that is first seen at a moment, and told of then or not."""
    cursor.execute(
        "INSERT INTO lastgood.alert (fingerprint, kind, source, severity, title, occurrence, run_id, first_seen, "  # noqa: S608
        "last_seen, notified, last_notified, message) VALUES (%(fingerprint)s, %(kind)s, %(source)s, %(severity)s, "
        "%(title)s, %(occurrence)s, %(run_id)s, %(at)s, %(at)s, %(notified)s, %(last_notified)s, %(message)s) "
        f"RETURNING {_COLUMNS}",
        {
            "fingerprint": fingerprint,
            "kind": kind,
            "source": source,
            "severity": severity,
            "title": title,
            "occurrence": occurrence,
            "run_id": run_id,
            "at": at,
            "notified": int(notified),
            "last_notified": at if notified else None,
            "message": Jsonb(message),
        },
    )
    return _only(cursor)


def go_on(
    cursor: Cursor,
    id: int,  # noqa: A002
    *,
    severity: str,
    title: str,
    occurrence: str,
    run_id: str | None,
    at: datetime,
    counts: bool,
    notified: bool,
    message: Mapping[str, Any],
) -> Row:
    """Keep that a trouble was seen again at a moment; whether that counts, and whether people are told of it again."""
    cursor.execute(
        "UPDATE lastgood.alert SET severity = %(severity)s, title = %(title)s, occurrence = %(occurrence)s, "  # noqa: S608
        "run_id = %(run_id)s, message = %(message)s, count = count + %(counts)s, "
        "last_seen = greatest(last_seen, %(at)s), notified = notified + %(notified)s, "
        "last_notified = CASE WHEN %(notified)s = 1 THEN %(at)s ELSE last_notified END, "
        "delivered = CASE WHEN %(notified)s = 1 THEN '{}' ELSE delivered END "
        f"WHERE id = %(id)s RETURNING {_COLUMNS}",
        {
            "severity": severity,
            "title": title,
            "occurrence": occurrence,
            "run_id": run_id,
            "at": at,
            "counts": int(counts),
            "notified": int(notified),
            "message": Jsonb(message),
            "id": id,
        },
    )
    return _only(cursor)


def _only(cursor: Cursor) -> Row:
    row = cursor.fetchone()
    assert row is not None
    return Row(**row)


def note_delivered(cursor: Cursor, id: int, results: Mapping[str, str | None]) -> None:  # noqa: A002
    """Keep what became of an episode's last message in some channels."""
    cursor.execute(
        "UPDATE lastgood.alert SET delivered = delivered || %s WHERE id = %s",
        (Jsonb(dict(results)), id),
    )


# --- what is over ---


def close(cursor: Cursor, ids: Collection[int]) -> list[Row]:
    """Close open episodes; returns those that were."""
    return _close(cursor, "id = ANY(%(ids)s)", ids=list(ids))


def close_published(cursor: Cursor, kind: str) -> list[Row]:
    """Close open episodes of a kind whose version was published; returns those that were."""
    return _close(
        cursor,
        "kind = %(kind)s AND EXISTS (SELECT FROM lastgood.dataset_version v WHERE v.source = alert.source "
        "AND v.version = alert.message ->> 'version' AND v.published_at IS NOT NULL)",
        kind=kind,
    )


def close_absent(
    cursor: Cursor,
    kinds: Collection[str],
    *,
    known: Collection[str],
    present: Collection[str],
    before: datetime | None,
) -> list[Row]:
    """Close open episodes of some kinds, and of all that are not `known`, unless `present` has their fingerprint.

    What was seen at or after `before` stays open. Returns those that were closed.
    """
    return _close(
        cursor,
        "(kind = ANY(%(kinds)s) OR NOT kind = ANY(%(known)s)) AND NOT fingerprint = ANY(%(present)s) "
        "AND (%(before)s::timestamptz IS NULL OR last_seen < %(before)s)",
        kinds=list(kinds),
        known=list(known),
        present=list(present),
        before=before,
    )


def close_one(cursor: Cursor, fingerprint: str, before: datetime | None) -> list[Row]:
    """Close the open episode of a trouble unless it was seen at or after `before`; returns it where that was done."""
    return _close(
        cursor,
        "fingerprint = %(fingerprint)s AND (%(before)s::timestamptz IS NULL OR last_seen < %(before)s)",
        fingerprint=fingerprint,
        before=before,
    )


def _close(cursor: Cursor, condition: str, **parameters: Any) -> list[Row]:
    cursor.execute(
        "UPDATE lastgood.alert SET recovered_at = now(), delivered = '{}' "  # noqa: S608
        f"WHERE recovered_at IS NULL AND {condition} RETURNING {_COLUMNS}",
        parameters,
    )
    return _rows(cursor)


# --- what is asked ---


def of_source(cursor: Cursor, source: str | None) -> list[Row]:
    """What is not over, of one source or of all, oldest first."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM lastgood.alert "  # noqa: S608
        "WHERE recovered_at IS NULL AND (%(source)s::text IS NULL OR source = %(source)s) "
        "ORDER BY first_seen, id",
        {"source": source},
    )
    return _rows(cursor)


def about_run(cursor: Cursor, source: str, kinds: Collection[str], run_id: str) -> list[Row]:
    """Episodes of some kinds that are about a run, the newest first, whether they are over or not."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM lastgood.alert "  # noqa: S608
        "WHERE source = %s AND kind = ANY(%s) AND message -> 'runs' ? %s ORDER BY id DESC",
        (source, list(kinds), run_id),
    )
    return _rows(cursor)


def holds_run(cursor: Cursor, source: str, run_id: str) -> Row | None:
    """The open episode that holds back what is known of a run."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM lastgood.alert "  # noqa: S608
        "WHERE source = %s AND recovered_at IS NULL AND (message -> 'runs' -> %s ->> 'held')::boolean",
        (source, run_id),
    )
    row = cursor.fetchone()
    return None if row is None else Row(**row)


def held_back(cursor: Cursor, *, longest: timedelta, grace: timedelta) -> list[tuple[Row, str]]:
    """What is held back of a run that has been over for `grace`, or was not seen for `longest`; and which run."""
    cursor.execute(
        f"SELECT {_COLUMNS}, r.key AS held_run FROM lastgood.alert CROSS JOIN LATERAL "  # noqa: S608
        "jsonb_each(message -> 'runs') r WHERE recovered_at IS NULL AND (r.value ->> 'held')::boolean "
        "AND (last_seen < now() - %(longest)s OR EXISTS (SELECT FROM lastgood.pipeline_run p "
        "  WHERE p.dag_id = alert.source AND p.run_id = r.key AND p.ended < now() - %(grace)s)) ORDER BY id",
        {"longest": longest, "grace": grace},
    )
    found = []
    for row in cursor.fetchall():
        run_id = row.pop("held_run")
        found.append((Row(**row), run_id))
    return found


def was_notified(cursor: Cursor, source: str, kinds: Collection[str]) -> bool:
    """Whether people were told of a trouble of these kinds with a source, and it is not over."""
    cursor.execute(
        "SELECT 1 FROM lastgood.alert WHERE source = %s AND recovered_at IS NULL AND notified > 0 AND kind = ANY(%s)",
        (source, list(kinds)),
    )
    return cursor.fetchone() is not None


def undelivered(cursor: Cursor, *, old: timedelta, grace: timedelta, failures: Collection[str]) -> list[Row]:
    """Episodes whose last message some channel did not take, or of which nothing is known for `grace`, oldest first.

    A message that is `old` is left out; so is that something is over which is there again: the same trouble, or another
    of the kinds `failures`.
    """
    cursor.execute(
        f"SELECT {_COLUMNS} FROM lastgood.alert a "  # noqa: S608
        "WHERE notified > 0 AND NOT (recovered_at IS NOT NULL AND EXISTS (SELECT FROM lastgood.alert newer "
        "  WHERE newer.source = a.source AND newer.id > a.id AND newer.recovered_at IS NULL "
        "  AND (newer.fingerprint = a.fingerprint OR newer.kind = ANY(%(failures)s) "
        "    AND a.kind = ANY(%(failures)s)))) AND coalesce(recovered_at, last_notified) > now() - %(old)s AND ("
        "  EXISTS (SELECT FROM jsonb_each(delivered) WHERE value <> 'null') "
        "  OR delivered = '{}' AND coalesce(recovered_at, last_notified) < now() - %(grace)s) "
        "ORDER BY id",
        {"old": old, "grace": grace, "failures": list(failures)},
    )
    return _rows(cursor)


def took_since(cursor: Cursor, channel: str, since: datetime) -> bool:
    """Whether a channel took any message that was sent after a moment, of an alert or of a decision."""
    cursor.execute(
        "SELECT 1 FROM lastgood.alert WHERE delivered -> %(channel)s = 'null' "
        "AND coalesce(recovered_at, last_notified) > %(since)s "
        "UNION ALL SELECT 1 FROM lastgood.action WHERE delivered -> %(channel)s = 'null' AND notified_at > %(since)s "
        "LIMIT 1",
        {"channel": channel, "since": since},
    )
    return cursor.fetchone() is not None


def forget(cursor: Cursor, source: str, before: datetime) -> None:
    """Remove what was over before a time."""
    cursor.execute("DELETE FROM lastgood.alert WHERE source = %s AND recovered_at < %s", (source, before))


def forget_others(cursor: Cursor, sources: Collection[str], before: datetime) -> int:
    """Remove what was over before a time and is about none of these sources; returns how many rows went."""
    cursor.execute(
        "DELETE FROM lastgood.alert WHERE NOT source = ANY(%s) AND recovered_at < %s", (list(sources), before)
    )
    return cursor.rowcount


def is_open(cursor: Cursor, kind: str, source: str) -> bool:
    """Whether there is such a trouble with a source that is not over."""
    cursor.execute(
        "SELECT 1 FROM lastgood.alert WHERE recovered_at IS NULL AND kind = %s AND source = %s LIMIT 1",
        (kind, source),
    )
    return cursor.fetchone() is not None


def seen_since(cursor: Cursor, kind: str, since: datetime) -> set[str]:
    """Fingerprints of what is not over and was seen after a time."""
    cursor.execute(
        "SELECT fingerprint FROM lastgood.alert WHERE kind = %s AND recovered_at IS NULL AND last_seen > %s",
        (kind, since),
    )
    return {row["fingerprint"] for row in cursor.fetchall()}


def open_(cursor: Cursor) -> list[dict[str, Any]]:
    """Kind, source, severity, title, count and times of what is not over, oldest first."""
    cursor.execute(
        "SELECT kind, source, severity, title, count, first_seen, last_seen FROM lastgood.alert "
        "WHERE recovered_at IS NULL ORDER BY first_seen, id"
    )
    return cursor.fetchall()


def last(cursor: Cursor, limit: int, *, only_open: bool) -> list[dict[str, Any]]:
    """The episodes that were seen last, newest first, or only those that are not over."""
    cursor.execute(
        "SELECT id, kind, source, severity, title, count, notified, first_seen, last_seen, recovered_at, run_id, "
        "delivered FROM lastgood.alert WHERE recovered_at IS NULL OR NOT %s ORDER BY last_seen DESC, id DESC "
        "LIMIT %s",
        (only_open, limit),
    )
    return cursor.fetchall()
