"""The versions of a source and which one is latest: lastgood.dataset_version, removed_version and latest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import psycopg

from include.errors import NonRetryable

Cursor = psycopg.Cursor[dict[str, Any]]


class TableFigures(Protocol):
    """How a table of a candidate differs from the last good version (publishing.manifest.TableChanges)."""

    @property
    def table(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def previous_rows(self) -> int | None: ...
    @property
    def new(self) -> int: ...
    @property
    def changed(self) -> int: ...
    @property
    def deleted(self) -> int: ...


class Refusals(Protocol):
    """Why rows of a candidate were refused, and how many (publishing.manifest.Quarantine)."""

    @property
    def reasons(self) -> Mapping[str, int]: ...


class Sealed(Protocol):
    """What the registry keeps of a candidate's manifest (publishing.manifest.Manifest)."""

    @property
    def source(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def as_of(self) -> datetime: ...
    @property
    def previous(self) -> str | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def changes(self) -> Sequence[TableFigures]: ...
    @property
    def quarantine(self) -> Refusals: ...


class UnknownVersion(LookupError):
    """No such version in the registry."""


class RemovedVersion(NonRetryable, UnknownVersion):
    """Retention removed this version; nobody can go back to it, and its name is never used again."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The version that consumers read now, the one before it, and since when."""

    source: str
    version: str
    previous: str | None
    since: datetime
    as_of: datetime
    generation: int = 1
    """How often latest of this source was moved; the pointer in the store carries the same number."""


@dataclass(frozen=True, slots=True)
class Version:
    """A row of dataset_version; states are described in docs/architecture.md."""

    source: str
    version: str
    as_of: datetime
    state: str
    previous: str | None
    publish_attempts: int
    publish_error: str | None
    staged_at: datetime
    published_at: datetime | None
    accepted_by: str | None
    accepted_reason: str | None
    pinned_reason: str | None
    manifest_sha256: str
    verdict_sha256: str | None
    """Of gate.json as the gate wrote it last."""
    accepted_verdict_sha256: str | None
    """The verdict that an operator accepted; an acceptance holds for no other."""
    record: str
    """Hash of what its state record in the store should say."""


RECORD = (
    "md5(quote_nullable(state) || quote_nullable(extract(epoch FROM published_at AT TIME ZONE 'UTC')::text) "
    "|| publish_attempts::text || quote_nullable(publish_error) || quote_nullable(accepted_by) "
    "|| quote_nullable(accepted_reason) || quote_nullable(accepted_verdict_sha256) || quote_nullable(pinned_reason))"
)
"""Version.record; an index of the schema has the same words."""
VERSION_COLUMNS = ", ".join(name for name in Version.__dataclass_fields__ if name != "record")
VERSION_COLUMNS += f", {RECORD} AS record"
_GOOD = (
    "(SELECT version, as_of, published_at FROM lastgood.{table} WHERE source = %(source)s "
    "AND published_at IS NOT NULL AND state <> 'rolled_back' ORDER BY published_at DESC LIMIT 30)"
)
LAST_GOOD = (
    f"{_GOOD.format(table='dataset_version')} UNION ALL {_GOOD.format(table='removed_version')} "
    "ORDER BY published_at DESC LIMIT 30"
)
"""The last 30 good versions of a source, there or removed."""


def unknown(cursor: Cursor, source: str, version: str) -> UnknownVersion:
    """The error for a version that the registry does not have, which says so where retention removed it."""
    cursor.execute(
        "SELECT removed_at FROM lastgood.removed_version WHERE source = %s AND version = %s",
        (source, version),
    )
    row = cursor.fetchone()
    if row is None:
        return UnknownVersion(f"{source} has no version {version!r}; see the versions of this source.")
    return RemovedVersion(
        f"{source} {version}: retention removed it on {row['removed_at']:%Y-%m-%d}. It cannot come back, and its name "
        "is not used again; see the versions of this source, or run its DAG for a new one."
    )


def as_of(cursor: Cursor, source: str, version: str | None) -> datetime | None:
    """The data time of a version; None where the registry does not have it."""
    cursor.execute(
        "SELECT as_of FROM lastgood.dataset_version WHERE source = %s AND version = %s", (source, version)
    )
    row = cursor.fetchone()
    return None if row is None else row["as_of"]


def published_at(cursor: Cursor, source: str, version: str) -> datetime | None:
    """When a version was published first; None where it never was. Raises UnknownVersion."""
    cursor.execute(
        "SELECT published_at FROM lastgood.dataset_version WHERE source = %s AND version = %s",
        (source, version),
    )
    row = cursor.fetchone()
    if row is None:
        raise unknown(cursor, source, version)
    return row["published_at"]  # type: ignore[no-any-return]


def all_latest(cursor: Cursor) -> list[Latest]:
    """What is latest of every source, by source."""
    cursor.execute(
        "SELECT l.source, l.version, l.previous, l.since, v.as_of, l.generation FROM lastgood.latest l "
        "JOIN lastgood.dataset_version v USING (source, version) ORDER BY source"
    )
    return [Latest(**row) for row in cursor.fetchall()]


def manifests(cursor: Cursor) -> dict[tuple[str, str], str]:
    """Every version there is, with the SHA-256 of its manifest."""
    cursor.execute("SELECT source, version, manifest_sha256 FROM lastgood.dataset_version")
    return {(row["source"], row["version"]): row["manifest_sha256"] for row in cursor.fetchall()}


def published(cursor: Cursor, source: str | None, *, all_versions: bool) -> list[tuple[str, str, str]]:
    """Source, version and SHA-256 of the manifest of what was published, newest first within each source.

    Unless `all_versions`, only of latest and the version before it.
    """
    cursor.execute(
        "SELECT v.source, v.version, v.manifest_sha256 FROM lastgood.dataset_version v "
        "LEFT JOIN lastgood.latest l ON l.source = v.source AND v.version IN (l.version, l.previous) "
        "WHERE v.published_at IS NOT NULL AND (%(source)s::text IS NULL OR v.source = %(source)s) "
        "AND (%(all)s OR l.source IS NOT NULL) ORDER BY v.source, v.as_of DESC, v.staged_at DESC",
        {"source": source, "all": all_versions},
    )
    return [(row["source"], row["version"], row["manifest_sha256"]) for row in cursor.fetchall()]


def count(cursor: Cursor) -> int:
    """How many versions there are of all sources; none in a registry that has yet to be made."""
    cursor.execute("SELECT to_regclass('lastgood.dataset_version') IS NOT NULL AS present")
    if cursor.fetchone() == {"present": False}:
        return 0
    cursor.execute("SELECT count(*) AS versions FROM lastgood.dataset_version")
    row = cursor.fetchone()
    return row["versions"] if row else 0


def any_of(cursor: Cursor, source: str, versions: Collection[str]) -> str | None:
    """One of these versions that the registry has; None where it has none of them."""
    cursor.execute(
        "SELECT version FROM lastgood.dataset_version WHERE source = %s AND version = ANY(%s) LIMIT 1",
        (source, list(versions)),
    )
    row = cursor.fetchone()
    return None if row is None else row["version"]


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A candidate that was built upon what is latest and is not published, and whose run is over."""

    source: str
    version: str
    expired: bool
    """It was being published when its lease ran out; else every attempt failed."""
    failed: bool
    """It has failed so often that whoever tried it gave up."""
    notified: bool
    """Whether people heard so from its run, which failed at publishing it."""
    tried: bool
    """Whether anybody began to publish it; else its run ended before, perhaps even before its gate."""
    staged_at: datetime
    error: str | None
    attempts: int
    last: datetime
    """When it was tried last."""
    rounds: int
    """How often it was tried again already."""


def unpublished(
    cursor: Cursor, source: str | None, *, again: str, now: datetime, over: datetime | None
) -> list[Unpublished]:
    """All of a source, or of every source, newest first within each: failed, never tried, or beyond their lease.

    `again` is the act that counts as another round. A run that began before `over` is over.
    """
    cursor.execute(
        "SELECT v.source, v.version, v.state = 'publishing' AS expired, v.state = 'failed' AS failed, "
        "  v.publish_error AS error, v.staged_at, "
        "  coalesce(r.failed_step = 'promote' AND r.dag_id = r.source, false) AS notified, "
        "  v.state <> 'staged' OR v.publish_error IS NOT NULL AS tried, "
        "  v.publish_attempts AS attempts, coalesce(rounds.n, 0) AS rounds, "
        "  greatest(v.staged_at, tried.at, rounds.at) AS last "
        "FROM lastgood.dataset_version v LEFT JOIN lastgood.latest l USING (source) "
        "LEFT JOIN lastgood.pipeline_run r ON (r.source, r.version) = (v.source, v.version) "
        "CROSS JOIN LATERAL (SELECT max(at) AS at FROM lastgood.publish_attempt a "
        "  WHERE a.source = v.source AND a.version = v.version) tried "
        "CROSS JOIN LATERAL (SELECT count(*) AS n, max(at) AS at FROM lastgood.action d "
        "  WHERE d.source = v.source AND d.version = v.version AND d.what = %(retry)s) rounds "
        "WHERE v.published_at IS NULL AND v.previous IS NOT DISTINCT FROM l.version "
        "AND (%(source)s::text IS NULL OR v.source = %(source)s) "
        "AND (v.state = 'failed' OR ((v.state = 'staged' AND v.lease_until IS NULL "
        "    OR v.state = 'publishing' AND v.lease_until <= %(now)s) "
        "  AND (r.version IS NULL OR r.ended IS NOT NULL OR r.started < %(over)s::timestamptz))) "
        "ORDER BY v.source, v.as_of DESC, v.staged_at DESC",
        {"retry": again, "source": source, "now": now, "over": over},
    )
    return [Unpublished(**row) for row in cursor.fetchall()]


# --- what the watch and the status ask ---


def totals(cursor: Cursor) -> dict[str, int]:
    """How many versions there are in some states, by the names of the status."""
    cursor.execute(
        "SELECT count(*) FILTER (WHERE published_at IS NOT NULL) AS total_published, "
        "count(*) FILTER (WHERE state = 'staged') AS total_staging, "
        "count(*) FILTER (WHERE state = 'publishing') AS total_publishing, "
        "count(*) FILTER (WHERE state = 'held') AS total_held FROM lastgood.dataset_version"
    )
    return dict(cursor.fetchone() or {})


def first_published(cursor: Cursor) -> datetime | None:
    """When the first version that is still there was published; None where none was."""
    cursor.execute("SELECT min(published_at) AS first FROM lastgood.dataset_version")
    row = cursor.fetchone()
    return row["first"] if row else None


@dataclass(frozen=True, slots=True)
class Emptied:
    """A table of latest without a row, and a version before it that had some."""

    source: str
    table_name: str
    version: str
    rows: int


def emptied(cursor: Cursor, among: int) -> list[Emptied]:
    """Tables that are empty in latest and had rows in one of so many versions that were published before it."""
    cursor.execute(
        "SELECT l.source, now.table_name, before.version, before.rows FROM lastgood.latest l "
        "JOIN lastgood.change_summary now ON (now.source, now.version) = (l.source, l.version) "
        "JOIN lastgood.dataset_version was ON (was.source, was.version) = (l.source, l.version) "
        "CROSS JOIN LATERAL (SELECT c.version, c.rows FROM ("
        "    SELECT v.version, v.published_at FROM lastgood.dataset_version v WHERE v.source = l.source "
        "    AND v.published_at < was.published_at AND v.state <> 'rolled_back' "
        "    ORDER BY v.published_at DESC LIMIT %(versions)s) v "
        "  JOIN lastgood.change_summary c ON (c.source, c.version, c.table_name) "
        "    = (l.source, v.version, now.table_name) "
        "  WHERE c.rows > 0 ORDER BY v.published_at DESC LIMIT 1) before "
        "WHERE now.rows = 0 ORDER BY l.source, now.table_name",
        {"versions": among},
    )
    return [Emptied(**row) for row in cursor.fetchall()]


def last_grown(cursor: Cursor, source: str, table: str) -> datetime | None:
    """When a version was last published in which a table had new rows; where none is known, the first known one.

    None where nothing was published. What was rolled back from does not count.
    """
    cursor.execute(
        "SELECT coalesce(max(v.published_at) FILTER (WHERE c.new > 0), min(v.published_at)) AS last "
        "FROM lastgood.dataset_version v LEFT JOIN lastgood.change_summary c "
        "  ON (c.source, c.version) = (v.source, v.version) AND c.table_name = %(table)s "
        "WHERE v.source = %(source)s AND v.published_at IS NOT NULL AND v.state <> 'rolled_back'",
        {"source": source, "table": table},
    )
    row = cursor.fetchone()
    return row["last"] if row else None


@dataclass(frozen=True, slots=True)
class Staged:
    """A candidate that is staged."""

    source: str
    version: str
    staged_at: datetime
    publish_error: str | None
    judged: bool
    """Whether its gate gave a verdict."""


def staged_before(cursor: Cursor, before: datetime) -> list[Staged]:
    """Candidates that have been staged since before a time."""
    cursor.execute(
        "SELECT source, version, staged_at, publish_error, EXISTS (SELECT FROM lastgood.check_result c "
        "  WHERE c.source = v.source AND c.version = v.version) AS judged "
        "FROM lastgood.dataset_version v WHERE state = 'staged' AND published_at IS NULL AND staged_at < %(before)s "
        "ORDER BY source, staged_at",
        {"before": before},
    )
    return [Staged(**row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The newest held candidate of a source, and how many of them wait."""

    source: str
    version: str
    staged_at: datetime
    publish_error: str | None
    waiting: int


def held(cursor: Cursor) -> list[Waiting]:
    """Of each source the newest held candidate that was built upon latest."""
    cursor.execute(
        "SELECT DISTINCT ON (v.source) v.source, v.version, v.staged_at, v.publish_error, count(*) OVER w AS waiting "
        "FROM lastgood.dataset_version v JOIN lastgood.latest l ON l.source = v.source "
        "AND l.version IS NOT DISTINCT FROM v.previous WHERE v.state = 'held' AND v.published_at IS NULL "
        "WINDOW w AS (PARTITION BY v.source) ORDER BY v.source, v.staged_at DESC"
    )
    return [Waiting(**row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Expired:
    """A candidate that is being published beyond its lease."""

    source: str
    version: str
    lease_owner: str
    lease_until: datetime


def expired(cursor: Cursor, now: datetime) -> list[Expired]:
    """Candidates whose lease ran out while they were being published."""
    cursor.execute(
        "SELECT source, version, lease_owner, lease_until FROM lastgood.dataset_version "
        "WHERE state = 'publishing' AND published_at IS NULL AND lease_until < %(now)s ORDER BY source, version",
        {"now": now},
    )
    return [Expired(**row) for row in cursor.fetchall()]


def history(cursor: Cursor, source: str, limit: int) -> list[dict[str, Any]]:
    """When what happened to which version, who did it and why: publications, with their changes, and actions."""
    cursor.execute(
        "SELECT at, what, version, who, reason, CASE WHEN what = 'published' THEN ("
        "  SELECT jsonb_build_object('new', sum(new), 'changed', sum(changed), 'deleted', sum(deleted)) "
        "  FROM lastgood.change_summary c WHERE c.source = %(source)s AND c.version = h.version"
        "  HAVING count(*) > 0) END AS changes "
        "FROM ("
        "  SELECT published_at AS at, 'published' AS what, version, NULL AS who, NULL AS reason "
        "  FROM lastgood.dataset_version WHERE source = %(source)s AND published_at IS NOT NULL "
        "  UNION ALL SELECT at, what, version, who, reason FROM lastgood.action WHERE source = %(source)s"
        ") h ORDER BY at DESC, what LIMIT %(limit)s",
        {"source": source, "limit": limit},
    )
    return cursor.fetchall()
