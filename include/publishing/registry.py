"""The registry: PostgreSQL, schema `lastgood`. Who ran, which versions exist, which one is latest, and why.

Readers here are small queries; the acts that move `latest` stand in promotion.py. Everything the registry
knows can be rebuilt from the store (rebuild.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.publishing.manifest import Manifest

if TYPE_CHECKING:
    from alembic.config import Config

    from include.quality.gate import Verdict

Connect = Callable[[], "psycopg.Connection[Any]"]
MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = (
    0x6C617374  # any constant of our own: two tasks that start at once migrate one after the other
)


def alembic_config() -> Config:
    """Alembic's settings for the registry's schema; the caller puts a SQLAlchemy connection into `attributes`."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def said(error: BaseException) -> str:
    """An error's words as they may be kept and told, without PostgreSQL's DETAIL and CONTEXT, which hold whole rows."""
    diagnosed = isinstance(error, psycopg.Error) and error.diag.message_primary
    return (diagnosed or str(error)).strip()[:2000]


class NewerRegistry(RuntimeError):
    """The registry was brought further by a newer release than this one."""


class UnknownVersion(LookupError):
    """No such version in the registry."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The version that consumers read now, the one before it, and since when."""

    source: str
    version: str
    previous: str | None
    since: datetime
    as_of: datetime


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


_VERSION_COLUMNS = ", ".join(Version.__dataclass_fields__)


class Registry:
    """All questions to the registry; each method is one transaction."""

    def __init__(self, connect: Connect) -> None:
        self.connect = connect

    @contextmanager
    def cursor(self) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
        """One transaction on a connection of its own; rows come as dicts."""
        with self.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
            yield cursor

    def migrate(self) -> str:
        """Bring the schema to this code's revision and return it. Safe to call at once from many places."""
        # Alembic and SQLAlchemy take 0.3 s to import, which only this call should pay.
        from alembic import command
        from alembic.script import ScriptDirectory
        from sqlalchemy import create_engine, text
        from sqlalchemy.pool import NullPool

        config = alembic_config()
        scripts = ScriptDirectory.from_config(config)
        head, revision = scripts.get_current_head(), self._revision()
        assert head is not None
        if revision == head:
            return head
        if revision not in {None, *(script.revision for script in scripts.walk_revisions())}:
            raise NewerRegistry(
                f"the registry is at revision {revision}, which this release does not know (it goes up to {head}): "
                "deploy a release at least as new as the one that used it last. Nothing was changed."
            )
        engine = create_engine("postgresql+psycopg://", creator=self.connect, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS lastgood"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return head

    def _revision(self) -> str | None:
        with self.cursor() as cursor:
            cursor.execute("SELECT to_regclass('lastgood.schema_version') AS present")
            if cursor.fetchone() == {"present": None}:
                return None
            cursor.execute("SELECT version_num FROM lastgood.schema_version")
            row = cursor.fetchone()
            return str(row["version_num"]) if row else None

    # --- what consumers and steps ask ---

    def latest(self, source: str) -> Latest | None:
        """The version consumers read, or None before the first promotion."""
        with self.cursor() as cursor:
            cursor.execute(
                "SELECT l.source, l.version, l.previous, l.since, v.as_of FROM lastgood.latest l "
                "JOIN lastgood.dataset_version v USING (source, version) WHERE source = %s",
                (source,),
            )
            row = cursor.fetchone()
        return Latest(**row) if row else None

    def version(self, source: str, version: str) -> Version:
        """One version. Raises UnknownVersion."""
        with self.cursor() as cursor:
            cursor.execute(
                f"SELECT {_VERSION_COLUMNS} FROM lastgood.dataset_version WHERE source = %s AND version = %s",  # noqa: S608
                (source, version),
            )
            row = cursor.fetchone()
        if row is None:
            raise UnknownVersion(f"{source} has no version {version!r}; see the versions of this source.")
        return Version(**row)

    def versions(self, source: str, limit: int | None = None) -> list[Version]:
        """Versions of a source, newest candidate first."""
        with self.cursor() as cursor:
            cursor.execute(
                f"SELECT {_VERSION_COLUMNS} FROM lastgood.dataset_version WHERE source = %s "  # noqa: S608
                "ORDER BY as_of DESC, staged_at DESC LIMIT %s",
                (source, limit),
            )
            return [Version(**row) for row in cursor.fetchall()]

    def cursors(self, source: str) -> dict[str, Any]:
        """Where the next run of a source goes on, by name; empty before the first promotion."""
        with self.cursor() as cursor:
            cursor.execute("SELECT name, value FROM lastgood.cursor WHERE source = %s", (source,))
            return {row["name"]: row["value"] for row in cursor.fetchall()}

    def history(self, source: str, versions: int = 30) -> list[dict[str, Any]]:
        """Figures per table of the last good versions, newest first: the gate's table `history`."""
        with self.cursor() as cursor:
            cursor.execute(
                "SELECT v.version, v.as_of, c.table_name, c.rows, c.new, c.changed, c.deleted "
                "FROM (SELECT source, version, as_of, published_at FROM lastgood.dataset_version "
                "      WHERE source = %s AND published_at IS NOT NULL "
                "      ORDER BY published_at DESC LIMIT %s) v "
                "JOIN lastgood.change_summary c USING (source, version) "
                "ORDER BY v.published_at DESC, c.table_name",
                (source, versions),
            )
            return cursor.fetchall()

    def check_results(self, source: str, version: str) -> list[dict[str, Any]]:
        """The verdict's checks as stored, failures first."""
        with self.cursor() as cursor:
            cursor.execute(
                "SELECT table_name, check_id, name, rule, outcome, value, threshold, samples "
                "FROM lastgood.check_result WHERE source = %s AND version = %s "
                "ORDER BY outcome <> 'FAILED', table_name, check_id",
                (source, version),
            )
            return cursor.fetchall()

    # --- what steps write ---

    def stage(self, manifest: Manifest, manifest_sha256: str) -> None:
        """Enter a sealed candidate, its change figures and quarantine; entering it again changes nothing."""
        with self.cursor() as cursor:
            cursor.execute(
                "INSERT INTO lastgood.dataset_version (source, version, as_of, state, previous, staged_at, "
                "manifest_sha256) VALUES (%s, %s, %s, 'staged', %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    manifest.source,
                    manifest.version,
                    manifest.as_of,
                    manifest.previous,
                    manifest.created_at,
                    manifest_sha256,
                ),
            )
            cursor.executemany(
                "INSERT INTO lastgood.change_summary VALUES (%s, %s, %s, %s, %s, %s, %s, %s) "
                "ON CONFLICT DO NOTHING",
                [
                    (
                        manifest.source,
                        manifest.version,
                        c.table,
                        c.rows,
                        c.previous_rows,
                        c.new,
                        c.changed,
                        c.deleted,
                    )
                    for c in manifest.changes
                ],
            )
            cursor.executemany(
                "INSERT INTO lastgood.quarantine_summary VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [
                    (manifest.source, manifest.version, reason, rows)
                    for reason, rows in manifest.quarantine.reasons.items()
                ],
            )

    def record_verdict(self, verdict: Verdict) -> None:
        """Keep every check of a verdict; a candidate that did not pass becomes rejected."""
        with self.cursor() as cursor:
            cursor.execute(
                "DELETE FROM lastgood.check_result WHERE source = %s AND version = %s",
                (verdict.source, verdict.version),
            )
            cursor.executemany(
                "INSERT INTO lastgood.check_result (source, version, table_name, check_id, name, rule, "
                "outcome, value, threshold, samples, checked_at) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (
                        verdict.source,
                        verdict.version,
                        check.table,
                        check.id,
                        check.name,
                        check.rule,
                        check.outcome,
                        check.value,
                        check.threshold,
                        Jsonb(check.samples),
                        verdict.checked_at,
                    )
                    for check in verdict.checks
                ],
            )
            cursor.execute(
                "UPDATE lastgood.dataset_version SET state = %s, ended_at = %s "
                "WHERE source = %s AND version = %s AND published_at IS NULL "
                "AND state IN ('staged', 'rejected') AND accepted_by IS NULL",
                (
                    "staged" if verdict.passed else "rejected",
                    None if verdict.passed else verdict.checked_at,
                    verdict.source,
                    verdict.version,
                ),
            )


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

    Raises ValueError for an empty name or reason.
    """
    if not who.strip() or not reason.strip():
        raise ValueError(f"{what} needs who does it and a reason; both are kept in lastgood.action.")
    cursor.execute(
        "INSERT INTO lastgood.action (who, what, source, version, reason, details) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        (who, what, source, version, reason, Jsonb(dict(details or {}))),
    )
