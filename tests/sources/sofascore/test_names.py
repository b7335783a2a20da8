"""Names of teams, players and managers: the newest that is a name stays, whatever later matches leave out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from include.sources.sofascore import build, match_tables
from include.storage.tables import Table

Row = dict[str, Any]


def newest(table: Table, *seen: Row) -> Row:
    """The row of number 7 after matches on the days after one another; the first of them was published before."""
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
        (found,) = connection.sql(build._newest(table)).to_arrow_table().to_pylist()
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


@pytest.mark.parametrize("table", [match_tables.TEAMS, match_tables.PLAYERS], ids=lambda table: table.name)
def test_a_slug_is_better_than_a_number_and_no_better_than_a_name(table: Table) -> None:
    slug = {"name": "ada-lund", "slug": "ada-lund"}
    assert newest(table, {"name": "7"}, slug, {"name": "7"})["name"] == "ada-lund"
    assert newest(table, {"name": "Ada Lund"}, slug)["name"] == "Ada Lund"
