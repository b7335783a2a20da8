"""The figures of a week, in SQL over what comments were collected: sql/TABLE.sql is the rule of each table.

A week is computed from the comments alone, what it is compared with included, so the order in which weeks are built
does not matter. Means are of sums of decimals, so the same comments give the same figures to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from include.sources.comments_weekly import tables, week
from include.storage import duckdb_session
from include.storage.tables import Table

SQL = Path(__file__).parent / "sql"
STOP_WORDS = Path(__file__).with_name("stop_words.txt")
READ = ("comments", "posts", "signals", "monitored_entities")
"""Tables of comments that are read, as views comments_TABLE of the session."""
PREPARED = (
    "seen",
    "mentions",
    "counted",
    "entities",
    "ranked",
    "named",
    "of_week",
    "undated",
    "pairs",
    "weeks_before",
    "rising",
    "members",
    "told",
    "words",
)
"""What several tables are made of, each built upon those before it: sql/prepared/NAME.sql."""
_MICROSECONDS = 1_000_000
_WEEK = 7 * 24 * 3600 * _MICROSECONDS

_MACROS = {
    # Moments are microseconds since 1970, so that no rule depends on the zone of a session. 1970 began on a Thursday.
    "day_of(moment)": "CAST(make_timestamp(epoch_us(moment)) AS DATE)",
    "week_of(moment)": "CAST(date_trunc('week', make_timestamp(epoch_us(moment))) AS DATE)",
    "velocity_window()": str(tables.VELOCITY_HOURS * 3600 * _MICROSECONDS),
    "velocity_least()": str(tables.VELOCITY_LEAST),
    "velocity_floor()": f"CAST({tables.VELOCITY_FLOOR} AS DOUBLE)",
    "alert_above()": f"CAST({tables.ALERT_ABOVE} AS DOUBLE)",
    "critical_above()": f"CAST({tables.CRITICAL_ABOVE} AS DOUBLE)",
    "discovered_from()": str(tables.DISCOVERED_FROM),
    "sure_from()": f"CAST({tables.SURE_FROM} AS DOUBLE)",
    "storyline_least()": str(tables.STORYLINE_LEAST),
    "storyline_growth()": f"CAST({tables.STORYLINE_GROWTH} AS DOUBLE)",
    "storyline_terms()": str(tables.STORYLINE_TERMS),
    "all_comments()": duckdb_session.literal(tables.ALL),
    "no_entity()": duckdb_session.literal(tables.NONE),
    "average(s)": "round(CAST(sum(s) AS DOUBLE) / nullif(count(s), 0), 6)",
    # The hundredths of the weights cancel out.
    "weighted(s, w)": (
        "round(CAST(sum(s * w) AS DOUBLE) / nullif(CAST(sum(if(s IS NULL, NULL, w)) AS DOUBLE), 0), 6)"
    ),
}


def prepare(con: duckdb.DuckDBPyConnection, monday: date) -> None:
    """Make what the tables of a week are computed from, in a session with the views comments_TABLE of READ.

    Raises ValueError where the date is no Monday.
    """
    start, end = (int(at.timestamp()) * _MICROSECONDS for at in (week.start_of(monday), week.end_of(monday)))
    of_week = {
        "this_week()": f"DATE '{monday.isoformat()}'",
        "week_before()": f"DATE '{(monday - timedelta(days=7)).isoformat()}'",
        "first_moment()": str(start - tables.STORYLINE_WEEKS * _WEEK),
        "last_moment()": str(end),
    }
    for name, body in (_MACROS | of_week).items():
        con.execute(f"CREATE OR REPLACE MACRO {name} AS {body}")
    words = pa.table({"word": pa.array(sorted(STOP_WORDS.read_text(encoding="utf-8").split()), pa.string())})
    con.register("stop_words", words)
    for name in PREPARED:
        con.execute(f"CREATE OR REPLACE TABLE {name} AS {_sql(f'prepared/{name}')}")


def query(table: Table) -> str:
    """SQL for the rows of a table, in order of its key, in a session that `prepare` was called for."""
    return _sql(table.name)


def rows(con: duckdb.DuckDBPyConnection, table: Table) -> Iterator[pa.RecordBatch]:
    """The rows of a table for the prepared week, in order of its key."""
    return duckdb_session.batches(con, query(table), table.values)


@cache
def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
