"""How the state of a version changes, which attempts were made to publish it, and how latest moves.

States are described in docs/architecture.md; who may bring a version into which stands in include/publishing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

Cursor = psycopg.Cursor[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a version stands while the caller's transaction holds it."""

    state: str
    lease_owner: str | None
    leased: bool | None
    """Whether the lease of its owner still runs."""
    published_at: datetime | None
    previous: str | None
    verdict_sha256: str | None
    accepted_by: str | None
    accepted_verdict_sha256: str | None
    publish_error: str | None


def lock(cursor: Cursor, source: str, version: str) -> Standing | None:
    """Hold a version until the transaction ends; None where the registry does not have it."""
    cursor.execute(
        "SELECT state, lease_owner, lease_until > now() AS leased, published_at, previous, verdict_sha256, "
        "accepted_by, accepted_verdict_sha256, publish_error "
        "FROM lastgood.dataset_version WHERE source = %s AND version = %s FOR UPDATE",
        (source, version),
    )
    row = cursor.fetchone()
    return None if row is None else Standing(**row)


# --- candidates ---


def claim(cursor: Cursor, source: str, version: str, owner: str, seconds: float) -> None:
    """A candidate becomes `publishing`, under a lease of its owner's."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = %s, "
        "lease_until = now() + make_interval(secs => %s) WHERE source = %s AND version = %s",
        (owner, seconds, source, version),
    )


def let_go(
    cursor: Cursor, source: str, version: str, *, owner: str, error: str, attempts: int
) -> tuple[str, int] | None:
    """A claim ends with an error: `staged` again, or `failed` at so many attempts.

    Returns the state and how many attempts there were by then; None where the owner had lost the claim.
    """
    cursor.execute(
        "UPDATE lastgood.dataset_version SET publish_attempts = publish_attempts + 1, "
        "publish_error = %s, lease_owner = NULL, lease_until = NULL, "
        "state = CASE WHEN publish_attempts + 1 >= %s THEN 'failed' ELSE 'staged' END "
        "WHERE source = %s AND version = %s AND published_at IS NULL "
        "AND state = 'publishing' AND lease_owner = %s RETURNING publish_attempts, state",
        (error, attempts, source, version, owner),
    )
    row = cursor.fetchone()
    return None if row is None else (row["state"], int(row["publish_attempts"]))


def give_up(cursor: Cursor, source: str, version: str, error: str) -> None:
    """A candidate that nobody has claimed becomes `failed`, whatever attempts it has left."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET publish_error = %s, state = 'failed', lease_owner = NULL, "
        "lease_until = NULL WHERE source = %s AND version = %s AND published_at IS NULL "
        "AND state IN ('staged', 'publishing', 'failed') AND (lease_until IS NULL OR lease_until <= now())",
        (error, source, version),
    )


def end_candidate(cursor: Cursor, source: str, version: str, state: str, why: str) -> None:
    """A candidate ends in a state in which it is not latest, and nobody has claimed it any more."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = %s, publish_error = %s, ended_at = now(), "
        "lease_owner = NULL, lease_until = NULL WHERE source = %s AND version = %s",
        (state, why, source, version),
    )


def end_outdated(cursor: Cursor, source: str, latest: str | None, outcome: str, over: datetime) -> list[str]:
    """Candidates become `superseded` that were built upon another version than latest; returns their versions.

    Those stay that are claimed under a lease, and those whose run is under way: it began at `over` or later.
    """
    cursor.execute(
        "UPDATE lastgood.dataset_version v SET state = 'superseded', ended_at = now(), lease_owner = NULL, "
        "lease_until = NULL, publish_error = %(outcome)s || ': built upon ' || coalesce(previous, 'nothing') || "
        "  ', and latest is ' || coalesce(%(latest)s::text, 'nothing') "
        "WHERE source = %(source)s AND published_at IS NULL AND previous IS DISTINCT FROM %(latest)s "
        "AND (state = 'staged' OR (state = 'publishing' AND lease_until <= now())) "
        "AND NOT EXISTS (SELECT FROM lastgood.pipeline_run p WHERE p.source = v.source "
        "  AND p.version = v.version AND p.ended IS NULL AND p.started >= %(over)s) RETURNING version",
        {"outcome": outcome, "latest": latest, "source": source, "over": over},
    )
    return [row["version"] for row in cursor.fetchall()]


def set_accepted(
    cursor: Cursor, source: str, version: str, *, who: str, reason: str, verdict_sha256: str
) -> None:
    """A candidate becomes `staged` by an operator's decision about a verdict."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = 'staged', accepted_by = %s, accepted_reason = %s, "
        "accepted_verdict_sha256 = %s WHERE source = %s AND version = %s",
        (who, reason, verdict_sha256, source, version),
    )


def note_attempt(cursor: Cursor, source: str, version: str, error: str | None) -> None:
    """Keep that publishing was tried, and how it failed; None where it did not."""
    cursor.execute(
        "INSERT INTO lastgood.publish_attempt (source, version, error) VALUES (%s, %s, %s)",
        (source, version, error),
    )


# --- what was published ---


def mark_published(cursor: Cursor, source: str, version: str) -> None:
    """A candidate becomes `published` by one attempt more."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = 'published', published_at = clock_timestamp(), "
        "publish_attempts = publish_attempts + 1, publish_error = NULL, ended_at = NULL, "
        "lease_owner = NULL, lease_until = NULL WHERE source = %s AND version = %s",
        (source, version),
    )


def end_published(cursor: Cursor, source: str, version: str, state: str) -> None:
    """A version that was latest becomes `superseded` or `rolled_back`."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = %s, ended_at = now() WHERE source = %s AND version = %s",
        (state, source, version),
    )


def bring_back(cursor: Cursor, source: str, version: str) -> None:
    """A version that was published before becomes `published` again."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = 'published', ended_at = NULL "
        "WHERE source = %s AND version = %s",
        (source, version),
    )


def move_latest(cursor: Cursor, source: str, version: str, previous: str | None) -> tuple[datetime, int]:
    """Set which version is latest; returns since when it is, and the generation."""
    cursor.execute(
        "UPDATE lastgood.latest SET previous = %s, version = %s, since = clock_timestamp(), "
        "generation = generation + 1 WHERE source = %s RETURNING since, generation",
        (previous, version, source),
    )
    row = cursor.fetchone()
    assert row is not None
    return row["since"], row["generation"]


def set_pin(cursor: Cursor, source: str, version: str, reason: str | None) -> bool:
    """Pin a version, or unpin it without a reason; whether that changed anything."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET pinned_reason = %s WHERE source = %s AND version = %s "
        "AND (pinned_reason IS NULL) = %s",
        (reason, source, version, reason is not None),
    )
    return bool(cursor.rowcount)


# --- what a rebuild restores ---


def restore_state(
    cursor: Cursor,
    source: str,
    version: str,
    *,
    state: str,
    published_at: datetime | None,
    publish_attempts: int,
    publish_error: str | None,
    accepted_by: str | None,
    accepted_reason: str | None,
    pinned_reason: str | None,
    accepted_verdict_sha256: str | None,
) -> None:
    """Give a version the state that its record in the store has."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = %s, published_at = %s, publish_attempts = %s, "
        "publish_error = %s, accepted_by = %s, accepted_reason = %s, pinned_reason = %s, "
        "accepted_verdict_sha256 = %s WHERE source = %s AND version = %s",
        (
            state,
            published_at,
            publish_attempts,
            publish_error,
            accepted_by,
            accepted_reason,
            pinned_reason,
            accepted_verdict_sha256,
            source,
            version,
        ),
    )


def restore_latest(
    cursor: Cursor, source: str, version: str, *, previous: str | None, since: datetime, generation: int
) -> None:
    """Make a version latest as the store's pointer says; the row of its source must be there."""
    cursor.execute(
        "UPDATE lastgood.dataset_version SET state = 'published', "
        "published_at = coalesce(published_at, %s) WHERE source = %s AND version = %s",
        (since, source, version),
    )
    cursor.execute(
        "UPDATE lastgood.latest SET version = %s, previous = %s, since = %s, generation = %s WHERE source = %s",
        (version, previous, since, generation, source),
    )


# --- what retention forgets ---


def forget(cursor: Cursor, source: str, versions: Collection[str], *, unless: Collection[str]) -> int:
    """Make versions removed ones, except pinned ones, latest, the one before it, and those in some states.

    Returns how many went.
    """
    cursor.execute(
        "WITH gone AS (DELETE FROM lastgood.dataset_version v WHERE source = %s AND version = ANY(%s) "
        "  AND pinned_reason IS NULL AND NOT state = ANY(%s) AND NOT EXISTS (SELECT FROM lastgood.latest l "
        "  WHERE l.source = v.source AND v.version IN (l.version, l.previous)) "
        "  RETURNING source, version, as_of, state, published_at) "
        "INSERT INTO lastgood.removed_version (source, version, as_of, state, published_at) SELECT * FROM gone",
        (source, list(versions), sorted(unless)),
    )
    return cursor.rowcount


def forget_attempts(cursor: Cursor, source: str, before: datetime) -> None:
    """Remove what is known of attempts to publish before a time."""
    cursor.execute("DELETE FROM lastgood.publish_attempt WHERE source = %s AND at < %s", (source, before))


# --- what is asked of attempts ---


def failures_since(cursor: Cursor, since: datetime) -> int:
    """How many attempts to publish failed after a time."""
    cursor.execute(
        "SELECT count(*) AS n FROM lastgood.publish_attempt WHERE error IS NOT NULL AND at > %s", (since,)
    )
    row = cursor.fetchone()
    return row["n"] if row else 0


@dataclass(frozen=True, slots=True)
class Failures:
    """How publishing a source failed within a span of time."""

    source: str
    n: int
    error: str | None
    """Of the last attempt; where that succeeded, the last one in the span."""
    failing: bool
    """Whether the last attempt failed."""
    notified: bool
    """Whether people were told of it, and it is not over."""


def failures(cursor: Cursor, sources: Collection[str], since: datetime, until: datetime) -> list[Failures]:
    """How publishing each of these sources failed between two times."""
    cursor.execute(
        # Two looks by the index for each source, however many attempts there ever were.
        "SELECT s.source, hour.n, coalesce(last.error, hour.error) AS error, last.error IS NOT NULL AS failing, "
        "  EXISTS (SELECT FROM lastgood.alert a WHERE a.source = s.source AND a.kind = 'publish-failures' "
        "    AND a.recovered_at IS NULL) AS notified "
        "FROM unnest(%(sources)s::text[]) AS s (source) "
        "CROSS JOIN LATERAL (SELECT count(*) AS n, (array_agg(error ORDER BY at DESC))[1] AS error "
        "  FROM lastgood.publish_attempt a WHERE a.source = s.source AND error IS NOT NULL "
        "  AND at > %(since)s AND at <= %(now)s) hour "
        "LEFT JOIN LATERAL (SELECT error FROM lastgood.publish_attempt a WHERE a.source = s.source "
        "  AND at <= %(now)s ORDER BY at DESC LIMIT 1) last ON true ORDER BY s.source",
        {"sources": list(sources), "since": since, "now": until},
    )
    return [Failures(**row) for row in cursor.fetchall()]
