"""Names of teams, players and managers: what was said last, as far as it is a name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from include.sources.sofascore import build, match_tables
from include.storage.tables import Table

Row = dict[str, Any]


DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 10)]


def newest(table: Table, *seen: Row, asked: tuple[int, int] = (1, 1)) -> Row:
    """The row of number 7 after matches on the days after one another; the first of them was published before.

    `asked`: the days on which it was, and the others were, asked for.
    """
    (key,) = table.key
    schema = pa.schema([field for field in table.schema if field.name != "content_hash"])
    rows = [
        {key: 7, "seen_at": datetime(2026, 11, day, tzinfo=UTC), "seq": day} | row
        for day, row in enumerate(seen, start=1)
    ]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register(f"previous_{table.name}", pa.Table.from_pylist(rows[:1], schema))
        fresh = pa.Table.from_pylist(rows[1:], schema.append(pa.field("seq", pa.int64())))
        connection.register(f"fresh_{table.name}", fresh)
        before, now = (DAYS[day] for day in asked)
        matches = [{"seq": row["seq"], "checked_at": now} for row in rows[1:]]
        connection.register("fresh_matches", pa.Table.from_pylist(matches))
        (found,) = connection.sql(build._as_said_last(table, before, now)).to_arrow_table().to_pylist()
    return found


@pytest.mark.parametrize("table", match_tables.NAMED, ids=lambda table: table.name)
def test_who_is_known_by_name_never_becomes_a_number(table: Table) -> None:
    assert newest(table, {"name": "Ada Lund"}, {"name": "7"})["name"] == "Ada Lund"
    assert newest(table, {"name": "7"}, {"name": "Ada Lund"}, {"name": "7"})["name"] == "Ada Lund"
    assert newest(table, {"name": "7"}, {"name": "7"})["name"] == "7"


@pytest.mark.parametrize("table", match_tables.NAMED, ids=lambda table: table.name)
def test_another_name_replaces_the_one_before(table: Table) -> None:
    assert (
        newest(table, {"name": "Ada Lund"}, {"name": "Ada Berg", "short_name": "A. Berg"})["name"]
        == "Ada Berg"
    )


@pytest.mark.parametrize("table", match_tables.NAMED, ids=lambda table: table.name)
def test_what_was_said_last_counts_though_it_is_of_an_older_match(table: Table) -> None:
    old, new = {"name": "Ada Lund", "seen_at": DAYS[8]}, {"name": "Ada Berg"}
    assert newest(table, old, new)["name"] == "Ada Lund", (
        "of one time the newer match counts, as in a backfill"
    )
    found = newest(table, old, new, asked=(1, 2))
    assert (found["name"], found["seen_at"]) == ("Ada Berg", DAYS[8])


@pytest.mark.parametrize("table", [match_tables.TEAMS, match_tables.PLAYERS], ids=lambda table: table.name)
def test_a_slug_is_better_than_a_number_and_no_better_than_a_name(table: Table) -> None:
    slug = {"name": "ada-lund", "slug": "ada-lund"}
    assert newest(table, {"name": "7"}, slug, {"name": "7"})["name"] == "ada-lund"
    assert newest(table, {"name": "Ada Lund"}, slug)["name"] == "Ada Lund"
