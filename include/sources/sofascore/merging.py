"""Which rows of the tables of matches a candidate has: those of the version before that stay, and those that landed.

The rows of a match and part are replaced together when the part was answered; what failed or cannot be read keeps them.
What stays belongs to its match as that is now: all rows follow a match to another season, and those that were read with
other teams go, since what they say of home and away is no longer true; their part is asked for again.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from include.sources.sofascore import match_tables
from include.storage import duckdb_session
from include.storage.tables import Table

PART_OF = {
    "appearances": "lineups",
    "match_statistics": "statistics",
    "incidents": "incidents",
    "match_managers": "managers",
    "momentum": "graph",
    "shots": "shotmap",
    "best_players": "best_players",
    "head_to_head": "head_to_head",
}
"""The part that each table of matches comes from, but for matches and match_parts themselves."""

PREVIOUS = -1
"""What stands for the record's number (`seq`) of rows of the version before."""
OTHER_TEAMS = "It was read when other teams played the match, or on other sides; it is asked for again."

_CHOOSE = (
    # Of several answers to one part the last that says something counts, unless something newer was published.
    # That a part is not there which was there before, only a full refresh believes; a match that was never played may
    # go at any time. What is not there lands as failed until that is confirmed, and is no failure from then on.
    """CREATE TABLE chosen AS
    SELECT f.match_id, f.part, f.state, f.seq, f.season_year FROM fresh_match_parts f
    LEFT JOIN (
        SELECT match_id, part, max(checked_at) AS checked_at FROM fresh_match_parts WHERE state = 'none' GROUP BY ALL
    ) confirmed USING (match_id, part)
    LEFT JOIN previous_match_parts p USING (match_id, part)
    LEFT JOIN previous_matches m USING (match_id)
    WHERE (p.checked_at IS NULL OR f.checked_at >= p.checked_at)
        AND (f.state <> 'failed' OR confirmed.checked_at IS NULL OR f.checked_at > confirmed.checked_at)
        AND (f.state <> 'none' OR p.state IS DISTINCT FROM 'done' OR m.played IS NOT TRUE OR refreshed())
    QUALIFY row_number() OVER (
        PARTITION BY f.match_id, f.part
        ORDER BY f.state = 'failed', f.state <> 'done' AND NOT refreshed(), f.checked_at DESC, f.seq DESC) = 1""",
    """CREATE TABLE replaced AS SELECT match_id, part FROM chosen WHERE state IN ('done', 'none')""",
    """CREATE TABLE chosen_matches AS
    SELECT f.match_id, f.seq, f.season_year FROM fresh_matches f LEFT JOIN previous_matches p USING (match_id)
    WHERE p.checked_at IS NULL OR f.checked_at >= p.checked_at
    QUALIFY row_number() OVER (PARTITION BY f.match_id ORDER BY f.checked_at DESC, f.seq DESC) = 1""",
    # Rows that are a list's entry alone, of matches whose event was read before: the entry lacks what it says besides.
    """CREATE TABLE listed_only AS
    SELECT c.match_id, c.seq, bool_or(f.state IS NOT NULL) AS asked FROM chosen_matches c
    SEMI JOIN (FROM previous_match_parts WHERE part = 'event' AND state = 'done') USING (match_id)
    ANTI JOIN (FROM fresh_match_parts WHERE part = 'event' AND state = 'done') USING (match_id, seq)
    LEFT JOIN (FROM fresh_match_parts WHERE part = 'event') f USING (match_id)
    GROUP BY ALL""",
    # A match that no list has and that is not there by its number either; one that was played is never dropped.
    """CREATE TABLE gone AS
    SELECT c.match_id FROM chosen c ANTI JOIN chosen_matches USING (match_id)
    LEFT JOIN previous_matches p USING (match_id)
    WHERE c.part = 'event' AND c.state = 'none' AND p.played IS NOT TRUE""",
    # Where each match is now. The year of a season is what the list of seasons says last.
    """CREATE TABLE places AS
    SELECT n.match_id, n.competition_id, n.season_id, coalesce(s.season_year, n.season_year) AS season_year,
        n.home_team_id, n.away_team_id
    FROM (
        SELECT * EXCLUDE (seq) FROM fresh_matches SEMI JOIN chosen_matches USING (match_id, seq)
        UNION ALL BY NAME
        FROM previous_matches ANTI JOIN chosen_matches USING (match_id)) n
    LEFT JOIN seasons_found s USING (competition_id, season_id)""",
    # Records, the version before among them, whose rows tell another season than their match has now.
    f"""CREATE TABLE misplaced AS
    SELECT DISTINCT r.match_id, r.seq, r.season_year AS held_in, p.season_year
    FROM (
        SELECT match_id, seq, competition_id, season_id, season_year FROM fresh_matches
        UNION ALL SELECT match_id, seq, competition_id, season_id, season_year FROM fresh_match_parts
        UNION ALL SELECT match_id, {PREVIOUS}, competition_id, season_id, season_year FROM previous_matches) r
    JOIN places p USING (match_id)
    WHERE (r.competition_id, r.season_id, r.season_year) <> (p.competition_id, p.season_id, p.season_year)""",  # noqa: S608
    # And those that were read with other teams.
    f"""CREATE TABLE estranged AS
    SELECT DISTINCT r.match_id, r.seq
    FROM (
        SELECT match_id, seq, home_team_id, away_team_id FROM fresh_matches
        UNION ALL SELECT match_id, {PREVIOUS}, home_team_id, away_team_id FROM previous_matches) r
    JOIN places p USING (match_id)
    WHERE (r.home_team_id, r.away_team_id) <> (p.home_team_id, p.away_team_id)""",  # noqa: S608
    """CREATE TABLE altered AS
    SELECT match_id, seq FROM misplaced UNION SELECT match_id, seq FROM estranged""",
    f"""CREATE TABLE touched AS
    SELECT season_year FROM chosen
    UNION SELECT season_year FROM chosen_matches
    UNION SELECT season_year FROM misplaced
    UNION SELECT held_in FROM misplaced WHERE seq = {PREVIOUS}
    UNION SELECT season_year FROM previous_matches WHERE match_id IN (
        SELECT match_id FROM chosen UNION SELECT match_id FROM chosen_matches UNION SELECT match_id FROM gone)""",  # noqa: S608
)


_PLACE = "p.competition_id AS competition_id, p.season_id AS season_id, p.season_year AS season_year"


def choose(con: duckdb.DuckDBPyConnection, *, refreshed: bool) -> None:
    """Decide what of `previous_TABLE` and `fresh_TABLE` counts; `seasons_found` is what the run's lists say of seasons.

    Makes the table `touched`: the years of which anything is written anew. `refreshed`: absence is believed.
    """
    con.execute(f"CREATE MACRO refreshed() AS {refreshed}")
    for statement in _CHOOSE:
        con.execute(statement)


def carry(con: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Make `carried_TABLE` of every table of matches: rows that stay and change, since their match did."""
    years = con.execute(
        "SELECT DISTINCT season_year FROM previous_matches SEMI JOIN altered USING (match_id)"
    ).fetchall()
    ((altered,),) = con.execute("SELECT count(*) FROM altered").fetchall()
    for table in match_tables.OF_MATCHES:
        found = []
        if table is match_tables.MATCHES:
            found.append(_completed())
        if altered:
            found.append(_altered(table, [year for (year,) in years]))
        path = scratch / f"carried-{table.name}.parquet"
        with pq.ParquetWriter(path, table.values, compression="lz4") as writer:
            for query in found:
                for batch in duckdb_session.batches(con, query, table.values):
                    writer.write_batch(batch)
        rows = con.read_parquet(str(path)).project("*, NULL::VARCHAR AS content_hash")
        rows.create_view(f"carried_{table.name}")


def merged(table: Table, year: int) -> str:
    """SQL for a year of a table of matches; `before_YEAR_TABLE` holds what there was of it."""
    columns, order = duckdb_session.identifiers(table.names), duckdb_session.identifiers(table.key)
    stay = f"{_staying(table, f'before_{year}_{table.name}')} ANTI JOIN altered USING (match_id, seq)"
    return (
        f"SELECT * FROM (SELECT {columns} FROM {stay} WHERE season_year = {year} "  # noqa: S608
        f"UNION ALL SELECT {columns} FROM carried_{table.name} WHERE season_year = {year}) "
        f"ANTI JOIN gone USING (match_id) ORDER BY {order}"
    )


def _staying(table: Table, before: str) -> str:
    """SQL for the rows that stay of `before`, and those that landed and count, with their record's number."""
    if table is match_tables.MATCHES:
        replaced = "ANTI JOIN chosen_matches USING (match_id)"
        counts = "SEMI JOIN chosen_matches USING (match_id, seq) ANTI JOIN listed_only USING (match_id, seq)"
    elif table is match_tables.MATCH_PARTS:
        replaced = "ANTI JOIN chosen USING (match_id, part)"
        counts = "SEMI JOIN chosen USING (match_id, part, seq)"
    else:
        of_part = f"WHERE part = '{PART_OF[table.name]}'"
        same_teams = "ANTI JOIN estranged USING (match_id, seq)"
        replaced = f"ANTI JOIN (FROM replaced {of_part}) USING (match_id) {same_teams}"
        counts = f"SEMI JOIN (FROM chosen {of_part}) USING (match_id, seq) {same_teams}"
    return (
        f"(SELECT * FROM (SELECT *, {PREVIOUS} AS seq FROM {before}) {replaced} "  # noqa: S608
        f"UNION ALL BY NAME SELECT * FROM fresh_{table.name} {counts})"
    )


def _altered(table: Table, years: list[int]) -> str:
    """SQL for the rows that stay and change: they belong to the season of their match."""
    failed = ""
    if table is match_tables.MATCH_PARTS:
        lost = "t.state = 'done' AND t.part <> 'event' AND (t.match_id, t.seq) IN (FROM estranged)"
        text = duckdb_session.literal(OTHER_TEAMS)
        failed = (
            f", CASE WHEN {lost} THEN 'failed' ELSE t.state END AS state, "
            f"CASE WHEN {lost} THEN 0 ELSE t.rows END AS rows, CASE WHEN {lost} THEN {text} ELSE t.error END AS error"
        )
    before = f"(FROM previous_{table.name} WHERE season_year IN ({', '.join(map(str, years)) or 'NULL'}))"
    return (
        f"SELECT t.* EXCLUDE (seq) REPLACE ({_PLACE}{failed}) FROM {_staying(table, before)} t "  # noqa: S608
        "JOIN altered USING (match_id, seq) JOIN places p USING (match_id)"
    )


def _completed() -> str:
    """SQL for the rows that are a list's entry alone, with what the event of before said besides.

    Where the event was asked for and did not come, the row keeps the hash of the entry of before: the next run finds
    the match changed, and asks again.
    """
    kept = ", ".join(f"coalesce(f.{name}, b.{name}) AS {name}" for name in match_tables.OF_THE_EVENT)
    return (
        f"SELECT f.* EXCLUDE (seq) REPLACE ({_PLACE}, {kept}, "  # noqa: S608
        "CASE WHEN l.asked THEN b.listing_hash ELSE f.listing_hash END AS listing_hash) "
        "FROM fresh_matches f JOIN listed_only l USING (match_id, seq) JOIN places p USING (match_id) "
        "JOIN previous_matches b USING (match_id)"
    )
