"""Which sources are on hold, by whom and until when: lastgood.hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import psycopg

from include.formatting import moment

Cursor = psycopg.Cursor[dict[str, Any]]


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Why nothing of a source is published by itself, and for how long. The store keeps it in this shape too."""

    source: str
    who: str
    reason: str
    since: datetime
    until: datetime | None
    """It ends by itself then; None where somebody has to release it."""
    version: str | None
    """The version that was rolled back from; None where it was no rollback."""
    data_version: str | None
    """What the upstream called the data of that version; None where it has no name for them."""
    lets_new: bool
    """Whether a candidate made from another data version of the upstream is published all the same."""

    @property
    def sentence(self) -> str:
        """Who holds the source, since when and for how long."""
        what = f"rolled back from {self.version}" if self.version else f"put {self.source} on hold"
        until = f" until {moment(self.until)}" if self.until else ""
        return f"{self.who} {what} at {moment(self.since)}{until}: {self.reason}"


_COLUMNS = ", ".join(Hold.__struct_fields__)
_ACTIVE = f"SELECT {_COLUMNS} FROM lastgood.hold WHERE (until IS NULL OR until > clock_timestamp())"  # noqa: S608


def of(cursor: Cursor, source: str) -> Hold | None:
    """The hold on a source at this moment."""
    cursor.execute(f"{_ACTIVE} AND source = %s", (source,))
    row = cursor.fetchone()
    return Hold(**row) if row else None


def active(cursor: Cursor) -> list[Hold]:
    """Every hold there is at this moment, by source."""
    cursor.execute(f"{_ACTIVE} ORDER BY source")
    return [Hold(**row) for row in cursor.fetchall()]


def put(
    cursor: Cursor,
    source: str,
    *,
    who: str,
    reason: str,
    until: datetime | None,
    version: str | None,
    data_version: str | None,
    lets_new: bool,
) -> None:
    """Hold a source from now on; instead of the hold that there may be."""
    cursor.execute(
        "INSERT INTO lastgood.hold (source, who, reason, until, version, data_version, lets_new) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (source) DO UPDATE SET who = excluded.who, "
        "reason = excluded.reason, since = excluded.since, until = excluded.until, version = excluded.version, "
        "data_version = excluded.data_version, lets_new = excluded.lets_new",
        (source, who, reason, until, version, data_version, lets_new),
    )


def remove(cursor: Cursor, source: str) -> None:
    """Remove the hold on a source, also one that is over by itself."""
    cursor.execute("DELETE FROM lastgood.hold WHERE source = %s", (source,))


def restore(cursor: Cursor, hold: Hold) -> None:
    """Enter a hold as it was, unless there is one on its source."""
    columns = msgspec.structs.asdict(hold)
    names, values = ", ".join(columns), ", ".join(f"%({name})s" for name in columns)
    cursor.execute(
        f"INSERT INTO lastgood.hold ({names}) VALUES ({values}) ON CONFLICT DO NOTHING",  # noqa: S608
        columns,
    )


def lock_copy(cursor: Cursor, source: str) -> None:
    """Until the transaction ends nobody else writes the store's copy of a source's hold."""
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (f"hold {source}",))
