"""Computes the derived tables in DuckDB, one SELECT each, in the order in which they build upon each other."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from include.sources.sofascore import derived_tables as tables
from include.storage.duckdb_session import quoted
from include.storage.tables import Column, Table

SQL = Path(__file__).parent / "sql"

INTERMEDIATE = {
    tables.MATCH_SCORES.name: ("played_matches", "cards", "incident_counts"),
    tables.MATCH_SUMMARIES.name: ("team_matches",),
    tables.PLAYER_SEASONS.name: ("player_cards", "player_matches", "player_spells", "season_figures"),
    tables.POSITION_DISTRIBUTIONS.name: ("metric_percentiles",),
}
"""Narrow tables that several others read, made right before the first that does."""

_TYPES = {
    pa.string(): "VARCHAR",
    pa.float64(): "DOUBLE",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
    pa.list_(pa.string()): "VARCHAR[]",
}

_CONSTANTS = {
    "sufficient_season_minutes": tables.SUFFICIENT_SEASON_MINUTES,
    "sufficient_career_minutes": tables.SUFFICIENT_CAREER_MINUTES,
    "sufficient_tier_minutes": tables.SUFFICIENT_TIER_MINUTES,
    "consistency_matches": tables.CONSISTENCY_MATCHES,
    "very_consistent_cv": tables.VERY_CONSISTENT_CV,
    "consistent_cv": tables.CONSISTENT_CV,
    "variable_cv": tables.VARIABLE_CV,
    "strength_percentile": tables.STRENGTH_PERCENTILE,
    "weakness_percentile": tables.WEAKNESS_PERCENTILE,
    "peak_player_seasons": tables.PEAK_PLAYER_SEASONS,
    "peak_years": tables.PEAK_YEARS,
    "least_compared": tables.LEAST_COMPARED,
    "form_windows": list(tables.FORM_WINDOWS),
}

# Nothing is rounded before it is published (see _columns): a mean, a class or a rank is of the figures themselves.
_MACROS = {
    # A quotient, null where there is nothing to divide by.
    "rate(part, whole)": "CAST(part AS DOUBLE) / nullif(CAST(whole AS DOUBLE), 0)",
    "per_90(figure, minutes)": "rate(90 * figure, minutes)",
    # Over rows: the mean of those that state the value; the quotient over those that state both.
    "average(value)": "avg(value)",
    "share(part, whole)": "rate(sum(if(whole IS NULL, NULL, part)), sum(if(part IS NULL, NULL, whole)))",
    # A value where another one is stated too, and the rate of a figure over the minutes in which it is stated.
    "where_known(value, other)": "if(other IS NULL, NULL, value)",
    "per_90_of(figure, minutes)": "per_90(sum(figure), sum(where_known(minutes, figure)))",
    "quantile_at(value, q)": "quantile_cont(CAST(value AS DOUBLE), q)",
    # Standard deviation of the sample from number, sum and sum of squares, which decimals add up exactly.
    "deviation_of(n, total, squares)": (
        "sqrt(greatest(CAST(squares AS DOUBLE) - CAST(total AS DOUBLE) ** 2 / n, 0) / nullif(n - 1, 0))"
    ),
    # A decimal of more than 18 digits, whose square has room for twice as many; DuckDB would overflow at 18.
    "square(value)": "CAST(value AS DECIMAL(19, 8)) * CAST(value AS DECIMAL(19, 8))",
    "deviation(value)": "deviation_of(count(value), sum(value), sum(square(value)))",
    # Percent of the others who have less, those with the same counting half, from a rank, the number of rows up to and
    # with this value, and the number of rows.
    "percentile_rank(place, up_to, n)": "round(100 * (place - 1 + up_to - 1) / 2 / nullif(n - 1, 0), 4)",
    # A figure of a player: what the upstream leaves out is 0 where he is covered and the match states the figure; what
    # was refused when it was read is unknown.
    "figure(player, stated, name, value)": (
        "if(player.minutes IS NULL OR NOT stated OR coalesce(list_contains(player.refused, name), false), "
        "NULL, coalesce(value, 0))"
    ),
    # Whole years; null where nobody who plays is so young or so old, since the date of birth is wrong then.
    "years_between(born, day)": "date_sub('year', born, day)",
    "age_at(born, day)": (
        f"if(years_between(born, day) BETWEEN {tables.YOUNGEST} AND {tables.OLDEST}, years_between(born, day), NULL)"
    ),
    # 1, 0 or -1: whether a rating is better than, equal to or worse than an earlier one. Nine places hide how floats
    # are stored, and nothing else.
    "change(now, before)": (
        "CASE WHEN now IS NULL OR before IS NULL THEN NULL "
        f"WHEN round(now - before, 9) >= {tables.RATING_CHANGE} THEN 1 "
        f"WHEN round(now - before, 9) <= -{tables.RATING_CHANGE} THEN -1 ELSE 0 END"
    ),
    "match_result(home, away)": "CASE sign(home - away) WHEN 1 THEN 'H' WHEN 0 THEN 'D' WHEN -1 THEN 'A' END",
    "is_yellow(type, class)": "type = 'card' AND class = 'yellow'",
    "is_sending_off(type, class)": "type = 'card' AND class IN ('red', 'yellowRed')",
    **{f"{name}()": str(value) for name, value in _CONSTANTS.items()},
}


def derive(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `new_TABLE` of every derived table, with all its columns but content_hash.

    Reads the match tables as `all_TABLE`. The rows are in no particular order.
    """
    for signature, body in _MACROS.items():
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {signature} AS {body}")
    for table in tables.DERIVED_TABLES:
        for name in INTERMEDIATE.get(table.name, ()):
            connection.execute(f"CREATE TABLE {name} AS {_select(SQL / 'intermediate' / f'{name}.sql')}")
        query = _select(SQL / f"{table.name}.sql")
        connection.execute(
            f"CREATE TABLE {quoted(f'new_{table.name}')} AS SELECT {_columns(table)} FROM ({query})"  # noqa: S608
        )
    for names in INTERMEDIATE.values():
        for name in names:
            connection.execute(f"DROP TABLE {name}")


def _select(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _columns(table: Table) -> str:
    """The declared columns in their order and types: what a SELECT gives besides is left out.

    Fractions are rounded to four places: what is below that depends on the order in which floats are added up.
    """
    return ", ".join(
        f"CAST({_rounded(column)} AS {_TYPES[column.type]}) AS {quoted(column.name)}"
        for column in table.columns
        if column.name != "content_hash"
    )


def _rounded(column: Column) -> str:
    name = quoted(column.name)
    return f"round({name}, 4)" if column.type == pa.float64() else name
