"""The registry: PostgreSQL, schema `lastgood`. Who ran, which versions exist, which one is latest, and why.

Its statements stand in this folder, by table, and nowhere else: they say what is read or written, and the rooms above
say why. Everything the registry knows can be rebuilt from the store (include/operations/rebuild.py).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from psycopg.types.json import Jsonb

from include.registry.checks import Judged
from include.registry.connection import Database
from include.registry.versions import (
    LAST_GOOD,
    RECORD,
    VERSION_COLUMNS,
    Latest,
    RemovedVersion,
    Sealed,
    Version,
    unknown,
)


class Registry(Database):
    """What steps and operators ask of the registry; each method is one transaction."""

    def latest(self, source: str) -> Latest | None:
        """The version consumers read, or None before the first promotion."""
        with self.transaction() as cursor:
            cursor.execute(
                "SELECT l.source, l.version, l.previous, l.since, v.as_of, l.generation FROM lastgood.latest l "
                "JOIN lastgood.dataset_version v USING (source, version) WHERE source = %s",
                (source,),
            )
            row = cursor.fetchone()
        return Latest(**row) if row else None

    def version(self, source: str, version: str) -> Version:
        """One version. Raises UnknownVersion."""
        with self.transaction() as cursor:
            cursor.execute(
                f"SELECT {VERSION_COLUMNS} FROM lastgood.dataset_version WHERE source = %s AND version = %s",  # noqa: S608
                (source, version),
            )
            row = cursor.fetchone()
            if row is None:
                raise unknown(cursor, source, version)
        return Version(**row)

    def versions(
        self, source: str, limit: int | None = None, *, among: Collection[str] | None = None
    ) -> list[Version]:
        """Versions of a source, newest candidate first; only some of them where `among` names them."""
        with self.transaction() as cursor:
            cursor.execute(
                f"SELECT {VERSION_COLUMNS} FROM lastgood.dataset_version WHERE source = %s "  # noqa: S608
                "AND (%s::text[] IS NULL OR version = ANY(%s)) ORDER BY as_of DESC, staged_at DESC LIMIT %s",
                (source, *[None if among is None else list(among)] * 2, limit),
            )
            return [Version(**row) for row in cursor.fetchall()]

    def sources(self) -> list[str]:
        """Every source that has versions, by name; however many they are, it costs a look for each source."""
        with self.transaction() as cursor:
            cursor.execute(
                "WITH RECURSIVE found AS (SELECT min(source) AS source FROM lastgood.dataset_version UNION ALL "
                "  SELECT (SELECT min(source) FROM lastgood.dataset_version v WHERE v.source > found.source) "
                "  FROM found WHERE source IS NOT NULL) SELECT source FROM found WHERE source IS NOT NULL"
            )
            return [row["source"] for row in cursor.fetchall()]

    def unrecorded(self, source: str, states: Collection[str]) -> list[str]:
        """Versions in one of these states whose present state record was never seen in the store."""
        with self.transaction() as cursor:
            cursor.execute(
                f"SELECT version FROM lastgood.dataset_version WHERE source = %s AND recorded IS DISTINCT FROM {RECORD} "  # noqa: S608, E501
                "AND state = ANY(%s) ORDER BY version",
                (source, list(states)),
            )
            return [row["version"] for row in cursor.fetchall()]

    def note_recorded(self, versions: Collection[Version]) -> None:
        """Keep that the state records of these versions stand in the store as they were read here."""
        with self.transaction() as cursor:
            cursor.execute(
                "UPDATE lastgood.dataset_version v SET recorded = seen.record "
                "FROM unnest(%s::text[], %s::text[], %s::text[]) AS seen (source, version, record) "
                "WHERE (v.source, v.version) = (seen.source, seen.version) AND v.recorded IS DISTINCT FROM seen.record",
                ([v.source for v in versions], [v.version for v in versions], [v.record for v in versions]),
            )

    def knows(self, source: str, version: str) -> bool:
        """Whether there is, or was until retention removed it, such a version."""
        with self.transaction() as cursor:
            cursor.execute(
                "SELECT 1 FROM lastgood.dataset_version WHERE (source, version) = (%(source)s, %(version)s) "
                "UNION ALL SELECT 1 FROM lastgood.removed_version "
                "WHERE (source, version) = (%(source)s, %(version)s)",
                {"source": source, "version": version},
            )
            return cursor.fetchone() is not None

    def watermarks(self, source: str) -> dict[str, Any]:
        """Where the next run of a source goes on, by name; empty before the first promotion."""
        with self.transaction() as cursor:
            cursor.execute("SELECT name, value FROM lastgood.cursor WHERE source = %s", (source,))
            return {row["name"]: row["value"] for row in cursor.fetchall()}

    def refuse_removed(self, source: str, version: str) -> None:
        """Raises RemovedVersion for one that retention removed, so that nobody is told only that its files are gone."""
        with self.transaction() as cursor:
            if isinstance(error := unknown(cursor, source, version), RemovedVersion):
                raise error

    def history(self, source: str) -> list[dict[str, Any]]:
        """Figures per table of the last good versions, newest first: the gate's table `history`.

        Also of those that retention has removed by now; one that was rolled back is not good, unless it came back.
        """
        with self.transaction() as cursor:
            cursor.execute(
                "SELECT v.version, v.as_of, c.table_name, c.rows, c.new, c.changed, c.deleted "  # noqa: S608
                f"FROM ({LAST_GOOD}) v JOIN lastgood.change_summary c USING (version) WHERE c.source = %(source)s "
                "ORDER BY v.published_at DESC, c.table_name",
                {"source": source},
            )
            return cursor.fetchall()

    def check_results(self, source: str, version: str) -> list[dict[str, Any]]:
        """The verdict's checks as stored, failures first."""
        with self.transaction() as cursor:
            cursor.execute(
                "SELECT table_name, check_id, name, rule, outcome, value, threshold, samples "
                "FROM lastgood.check_result WHERE source = %s AND version = %s "
                "ORDER BY outcome <> 'FAILED', table_name, check_id",
                (source, version),
            )
            return cursor.fetchall()

    # --- what steps write ---

    def stage(self, manifest: Sealed, manifest_sha256: str) -> None:
        """Enter a sealed candidate, its change figures and quarantine; entering it again changes nothing.

        Raises RemovedVersion for the name of a version that retention removed.
        """
        with self.transaction() as cursor:
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
            # After the row, for which it waits where retention is about to remove one of this name.
            if isinstance(error := unknown(cursor, manifest.source, manifest.version), RemovedVersion):
                raise error
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

    def record_verdict(self, verdict: Judged, sha256: str) -> None:
        """Keep every check of a verdict, and the checksum of its gate.json.

        A candidate that did not pass becomes rejected, also one that is being published or was accepted: an acceptance
        holds for the verdict that it was given for, and for no other.
        """
        with self.transaction() as cursor:
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
                "UPDATE lastgood.dataset_version SET verdict_sha256 = %s WHERE source = %s AND version = %s",
                (sha256, verdict.source, verdict.version),
            )
            cursor.execute(
                "UPDATE lastgood.dataset_version SET state = %s, ended_at = %s, lease_owner = NULL, "
                "lease_until = NULL, accepted_by = NULL, accepted_reason = NULL, accepted_verdict_sha256 = NULL "
                "WHERE source = %s AND version = %s AND published_at IS NULL "
                "AND state IN ('staged', 'held', 'rejected', 'publishing', 'failed') "
                "AND accepted_verdict_sha256 IS DISTINCT FROM verdict_sha256",
                (
                    "staged" if verdict.passed else "rejected",
                    None if verdict.passed else verdict.checked_at,
                    verdict.source,
                    verdict.version,
                ),
            )
