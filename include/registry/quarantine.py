"""Why rows of a version were refused, and how many: lastgood.quarantine_summary."""

from __future__ import annotations

from typing import Any

import psycopg

Cursor = psycopg.Cursor[dict[str, Any]]


def summary(cursor: Cursor, source: str, version: str | None, limit: int) -> list[dict[str, Any]]:
    """Version, state, reason and rows: of one version, or of so many of the newest that refused anything."""
    cursor.execute(
        "SELECT version, state, reason, rows FROM lastgood.quarantine_summary q "
        "JOIN lastgood.dataset_version v USING (source, version) "
        "WHERE source = %(source)s AND (version = %(version)s OR %(version)s::text IS NULL) "
        "AND version IN (SELECT version FROM lastgood.dataset_version w WHERE w.source = %(source)s AND EXISTS ("
        "  SELECT FROM lastgood.quarantine_summary e WHERE e.source = w.source AND e.version = w.version) "
        "  ORDER BY as_of DESC, staged_at DESC LIMIT %(limit)s) "
        "ORDER BY v.as_of DESC, v.staged_at DESC, rows DESC, reason",
        {"source": source, "version": version, "limit": None if version else limit},
    )
    return cursor.fetchall()
