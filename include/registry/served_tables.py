"""Which version each serving table holds: lastgood.serving."""

from __future__ import annotations

from typing import Any

import psycopg

Cursor = psycopg.Cursor[dict[str, Any]]


def tables(cursor: Cursor, source: str) -> list[str]:
    """The tables of a source that are served now; none in a registry that has yet to be made."""
    cursor.execute("SELECT to_regclass('lastgood.serving') IS NOT NULL AS present")
    if cursor.fetchone() == {"present": False}:
        return []
    cursor.execute("SELECT table_name FROM lastgood.serving WHERE source = %s", (source,))
    return [row["table_name"] for row in cursor.fetchall()]


def versions(cursor: Cursor, source: str) -> dict[str, str]:
    """The version that each table of a source holds."""
    cursor.execute("SELECT table_name, version FROM lastgood.serving WHERE source = %s", (source,))
    return {row["table_name"]: row["version"] for row in cursor.fetchall()}


def latest_and_served(cursor: Cursor, source: str, table: str) -> tuple[str, str | None]:
    """Which version of a source is latest, and which one a table holds."""
    cursor.execute(
        "SELECT l.version, s.version AS served FROM lastgood.latest l LEFT JOIN lastgood.serving s "
        "ON s.source = l.source AND s.table_name = %s WHERE l.source = %s",
        (table, source),
    )
    row = cursor.fetchone()
    assert row is not None
    return row["version"], row["served"]


def set_version(cursor: Cursor, source: str, table: str, version: str) -> None:
    """Keep which version a table holds now."""
    cursor.execute(
        "INSERT INTO lastgood.serving (source, table_name, version) VALUES (%s, %s, %s) "
        "ON CONFLICT (source, table_name) DO UPDATE SET version = excluded.version",
        (source, table, version),
    )


def forget_others(cursor: Cursor, source: str, version: str) -> None:
    """Of a source, only tables that hold this version are served."""
    cursor.execute("DELETE FROM lastgood.serving WHERE source = %s AND version <> %s", (source, version))
