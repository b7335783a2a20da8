"""Versions that retention removed, and figures of those that were good: lastgood.removed_version, change_summary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from include.registry.versions import LAST_GOOD

Cursor = psycopg.Cursor[dict[str, Any]]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a table of a version held, and how it differed from the version before."""

    table_name: str
    rows: int
    previous_rows: int | None
    new: int
    changed: int
    deleted: int


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """A version that is gone. Figures are kept of the last good ones, which the gate's `history` is made of.

    The store keeps it in this shape too.
    """

    version: str
    as_of: datetime
    state: str
    published_at: datetime | None
    removed_at: datetime
    figures: tuple[Figures, ...] = ()


def of(cursor: Cursor, source: str) -> list[Removed]:
    """All of a source, in the order in which they went."""
    cursor.execute(
        "SELECT version, as_of, state, published_at, removed_at FROM lastgood.removed_version "
        "WHERE source = %s ORDER BY removed_at, version",
        (source,),
    )
    gone = cursor.fetchall()
    cursor.execute(
        "SELECT c.* FROM lastgood.change_summary c JOIN lastgood.removed_version r USING (source, version) "
        "WHERE source = %s ORDER BY version, table_name",
        (source,),
    )
    figures = defaultdict(list)
    for row in cursor.fetchall():
        figures[row["version"]].append(msgspec.convert(row, Figures))
    return [Removed(**row, figures=tuple(figures[row["version"]])) for row in gone]


def enter(cursor: Cursor, source: str, records: Iterable[Removed]) -> None:
    """Enter versions that are gone, unless they are known to be."""
    gone = list(records)
    cursor.executemany(
        "INSERT INTO lastgood.removed_version (source, version, as_of, state, published_at, removed_at) "
        "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [(source, r.version, r.as_of, r.state, r.published_at, r.removed_at) for r in gone],
    )
    cursor.executemany(
        "INSERT INTO lastgood.change_summary VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [(source, r.version, *msgspec.structs.astuple(f)) for r in gone for f in r.figures],
    )


def forget_figures(cursor: Cursor, source: str, versions: Collection[str]) -> None:
    """Remove what versions that are gone refused, and the figures of all that are gone but the last good ones."""
    cursor.execute(
        "DELETE FROM lastgood.quarantine_summary WHERE source = %s AND version = ANY(%s)",
        (source, list(versions)),
    )
    cursor.execute(
        "DELETE FROM lastgood.change_summary c USING lastgood.removed_version r "  # noqa: S608
        "WHERE c.source = %(source)s AND (r.source, r.version) = (c.source, c.version) "
        f"AND NOT c.version IN (SELECT version FROM ({LAST_GOOD}) good)",
        {"source": source},
    )
