"""The contracts of sofascore by really running Soda: they pass on sound tables, and name what is broken.

Running all contracts takes seconds, so many rows are damaged at once: each damage has rows of its own, and every
check must find as many rows as were damaged for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache, partial
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from include.quality.failing_rows import failing_rows
from include.sources.sofascore.match_tables import PARTS, STATES
from tests.soda import harness
from tests.soda.harness import (
    Tables,
    edited,
    not_passed,
    past,
    replaced,
    spoilt,
    table_of,
    with_rows,
    without,
)
from tests.soda.sofascore.world import BY_NAME, COMPETITION, NOW, Row, Rows, completed, world

verify = partial(harness.verify, "sofascore")
NOT_EMPTY = ("competition_seasons", "matches", "teams")
FIRST, LAST = 900, 901
"""The two seasons of the world."""
PLAYED = 12
"""Played matches of each."""
YESTERDAY = 1_000 + 100 + PLAYED - 1
"""The match that was played less than 48 hours before the data time."""
INFINITE = float("inf")


@pytest.fixture(scope="module")
def sound() -> Tables:
    """Tables of two seasons; never changed in place."""
    return world()


class Edit(NamedTuple):
    """The first row of a table with the values of `where` that no earlier edit took gets the values of `to`."""

    table: str
    where: dict[str, Any]
    to: dict[str, Any]


def damaged(tables: Tables, *edits: Edit) -> Tables:
    """The tables after the edits; hashes stay."""
    for table in {edit.table for edit in edits}:
        rows = tables[table].to_pylist()
        taken: set[int] = set()
        for edit in edits:
            if edit.table == table:
                number = next(
                    number
                    for number, row in enumerate(rows)
                    if number not in taken and all(row[name] == value for name, value in edit.where.items())
                )
                taken.add(number)
                rows[number] |= edit.to
        tables = tables | {table: pa.Table.from_pylist(rows, tables[table].schema)}
    return tables


def found(tables: Tables, checks: list[str], previous: Tables | None = None) -> dict[str, int]:
    """How many rows each check shows to people."""
    declared = harness.declared_checks("sofascore")
    counts = {}
    with harness.session("sofascore", tables, previous or {}, ()) as connection:
        for check in checks:
            query = failing_rows(declared[check], BY_NAME[declared[check].table].key)
            if query is not None:
                counts[check] = len(connection.sql(query).fetchall())
    return counts


def warns(check: str) -> bool:
    threshold = harness.declared_checks("sofascore")[check].body.threshold
    return threshold is not None and threshold.level == "warn"


def outcomes(checks: Iterable[str]) -> dict[str, str]:
    """What Soda says of checks that find something."""
    return {check: "WARN" if warns(check) else "FAILED" for check in checks}


def test_tables_pass_against_themselves_and_their_history(sound: Tables) -> None:
    assert not_passed(verify(sound, sound, past(sound))) == {}


def test_nothing_at_all_is_refused_and_so_is_a_table_that_lost_its_rows(sound: Tables) -> None:
    nothing = {name: table.schema.empty_table() for name, table in BY_NAME.items()}

    assert not_passed(verify(nothing, sound)) == outcomes(EMPTIED)


EMPTIED = {
    *(f"{name}.checks.row_count" for name in NOT_EMPTY),
    *(f"{name}.checks.metric.change_rows" for name in BY_NAME if name != "competition_seasons"),
    "competition_seasons.checks.failed_rows.change_gone",
    "match_parts.checks.failed_rows.change_presence",
    *(
        f"{table.name}.checks.failed_rows.change_seasons"
        for table in BY_NAME.values()
        if "season_id" in table.names and table.name not in {"competition_seasons", "player_profiles"}
    ),
}
COMMON = {
    check
    for table in BY_NAME.values()
    for check in (
        *(
            f"{table.name}.columns.{column.name}.checks.missing"
            for column in table.columns
            if column.required
        ),
        f"{table.name}.checks.duplicate",
        f"{table.name}.columns.content_hash.checks.invalid",
        f"{table.name}.checks.schema",
    )
}
"""What every table is checked for in the same words."""


def test_every_contract_asks_for_the_key_of_its_table() -> None:
    declared = harness.declared_checks("sofascore")
    keys = {name: tuple(declared[f"{name}.checks.duplicate"].body.columns) for name in BY_NAME}  # type: ignore[attr-defined]

    assert keys == {name: table.key for name, table in BY_NAME.items()}
    assert set(declared) >= COMMON


@pytest.mark.parametrize("table", ["competition_seasons", "appearances", "team_tactics"])
def test_nulls_in_required_columns_row_that_stands_twice_cut_hash_and_undeclared_column_are_found(
    sound: Tables, table: str
) -> None:
    tables = spoilt(sound, table)
    rows = tables[table]
    tables[table] = rows.append_column("undeclared", pa.nulls(rows.num_rows, pa.string()))
    checked = verify(tables, only=[table])
    expected = [check for check in COMMON if check.startswith(f"{table}.")]

    assert {check: checked[check] for check in expected} == dict.fromkeys(expected, "FAILED")


# Tables that are damaged together, how, and the number of rows that each check finds.
BROKEN: dict[str, tuple[list[Edit], dict[str, int]]] = {
    "seasons": (
        [
            Edit("competition_seasons", {"season_id": 900}, {"season": "25/26", "kind": "club side"}),
            Edit("competition_seasons", {"season_id": 901}, {"season_year": 202, "season_id": 950}),
        ],
        {
            "competition_seasons.columns.kind.checks.invalid": 1,
            "competition_seasons.columns.season.checks.invalid": 1,
            "competition_seasons.columns.season_year.checks.invalid": 1,
            "competition_seasons.checks.failed_rows.labels": 2,
            "competition_seasons.checks.failed_rows.empty": 1,
        },
    ),
    "labels that once were wrong": (
        [
            Edit("competition_seasons", {"season_id": 900}, {"season": "2025-27"}),
            Edit("competition_seasons", {"season_id": 901}, {"season": "2025"}),
        ],
        {"competition_seasons.checks.failed_rows.labels": 2},
    ),
    "matches": (
        [
            Edit("matches", {"match_id": 1000}, {"home_team_id": 999}),
            Edit("matches", {"match_id": 1001}, {"away_team_id": 999}),
            Edit("matches", {"match_id": 1002}, {"season_year": 2024}),
            Edit("matches", {"state": "after_extra_time"}, {"state": "ended"}),
            Edit("matches", {"state": "after_penalties"}, {"played": False, "result": None}),
            Edit("matches", {"state": "postponed"}, {"state": "unknown", "status_code": 55}),
            Edit("matches", {"state": "canceled"}, {"state": "kicked off the calendar"}),
            Edit("matches", {"match_id": 1004}, {"home_goals": 150, "away_goals": -1, "result": "H"}),
            Edit("matches", {"match_id": 1005, "result": "H"}, {"result": "A"}),
            Edit("matches", {"match_id": 1006}, {"home_goals": None, "result": None}),
            Edit("matches", {"match_id": 1008}, {"result": "?", "winner": "nobody", "aggregate_winner": "?"}),
            Edit("matches", {"match_id": 1009}, {"away_goals_normal_time": 9}),
            Edit("matches", {"match_id": 1010, "home_team_id": 34}, {"away_team_id": 34}),
            Edit("matches", {"match_id": 1011}, {"kickoff_at": NOW.replace(year=2019)}),
        ],
        {
            "matches.columns.state.checks.invalid": 1,
            "matches.columns.result.checks.invalid": 1,
            "matches.columns.winner.checks.invalid": 1,
            "matches.columns.aggregate_winner.checks.invalid": 1,
            "matches.checks.failed_rows.references": 3,
            "matches.checks.failed_rows.states": 3,
            "matches.checks.failed_rows.unknown": 1,
            "matches.checks.failed_rows.overdue": 1,
            "matches.columns.home_goals.checks.invalid": 1,
            "matches.columns.away_goals.checks.invalid": 1,
            "matches.checks.failed_rows.results": 2,
            "matches.checks.failed_rows.no_score": 1,
            "matches.checks.failed_rows.agreement": 3,
            "matches.checks.failed_rows.many_goals": 1,
            "matches.checks.failed_rows.two_teams": 1,
            "matches.checks.failed_rows.kickoff": 1,
        },
    ),
    "parts": (
        [
            Edit("match_parts", {"match_id": 1000, "part": "event"}, {"season_id": 901}),
            Edit("match_parts", {"match_id": 1001, "part": "event"}, {"part": "weather"}),
            Edit("match_parts", {"match_id": 1002, "part": "event"}, {"match_id": 77}),
            Edit("match_parts", {"match_id": 1003, "part": "event"}, {"state": "partly"}),
            Edit("match_parts", {"match_id": 1004, "part": "lineups"}, {"state": "failed", "error": "503"}),
            Edit("match_parts", {"match_id": 1005, "part": "lineups"}, {"state": "refused", "error": None}),
            Edit("match_parts", {"match_id": 1006, "part": "lineups"}, {"state": "none"}),
            Edit("match_parts", {"match_id": 1007, "part": "graph"}, {"rows": -1}),
            Edit("match_parts", {"match_id": 1008, "part": "graph"}, {"rows": 0}),
        ],
        {
            "match_parts.columns.part.checks.invalid": 1,
            "match_parts.columns.state.checks.invalid": 1,
            "match_parts.columns.rows.checks.invalid": 1,
            "match_parts.checks.failed_rows.references": 2,
            "match_parts.checks.failed_rows.states": 2,
            "match_parts.checks.failed_rows.complete": 1,
            "match_parts.checks.failed_rows.unanswered": 2,
            "match_parts.checks.failed_rows.rows": 3,
            "match_parts.checks.failed_rows.coverage": 1,
        },
    ),
    "tables of matches": (
        [
            Edit("appearances", {}, {"match_id": 77}),
            Edit("appearances", {}, {"player_id": 77}),
            Edit("appearances", {}, {"team_id": 77}),
            Edit("appearances", {}, {"season_id": 901}),
            Edit("appearances", {}, {"side": "left"}),
            Edit("appearances", {}, {"position": "X", "goals": -1}),
            Edit("appearances", {}, {"minutes_played": 131, "accurate_passes": 99}),
            Edit("appearances", {}, {"rating": 10.5}),
            Edit("appearances", {"match_id": 1001}, {"rating": 0.5}),
            Edit("appearances", {"match_id": 1002, "side": "home"}, {"played": False, "goals": 9}),
            Edit("appearances", {"match_id": 1003, "side": "away"}, {"started": False}),
            Edit("incidents", {}, {"match_id": 77, "position": 1}),
            Edit("incidents", {"match_id": 1001, "type": "goal"}, {"side": "left"}),
            Edit("incidents", {"match_id": 1002, "type": "goal"}, {"player_id": 77}),
            Edit("incidents", {"match_id": 1002, "type": "goal"}, {"assist_id": 77}),
            Edit("incidents", {"match_id": 1002, "type": "substitution"}, {"player_out_id": 77}),
            Edit("incidents", {"match_id": 1003, "type": "card"}, {"side": None}),
            Edit("incidents", {"match_id": 1003, "type": "card"}, {"class": "green", "minute": 131}),
            Edit("incidents", {"match_id": 1004, "type": "period"}, {"type": "tea"}),
            Edit("incidents", {"match_id": 1005, "type": "goal"}, {"class": "ownGoal"}),
            Edit("incidents", {"match_id": 1006, "type": "period"}, {"position": 99}),
            Edit("incidents", {"match_id": YESTERDAY, "type": "goal"}, {"type": "varDecision"}),
            Edit("shots", {}, {"match_id": 77}),
            Edit("shots", {}, {"player_id": 77}),
            Edit("shots", {}, {"goalkeeper_id": 77}),
            Edit("shots", {}, {"side": "left"}),
            Edit("shots", {}, {"type": "pass", "xg": 1.01, "xgot": -0.1, "x": 101.0}),
            Edit("momentum", {}, {"match_id": 77}),
            Edit("momentum", {}, {"value": 401}),
            Edit("match_statistics", {}, {"match_id": 77}),
            Edit("match_statistics", {"match_id": 1001}, {"side": "left"}),
            Edit("match_statistics", {"match_id": 1002}, {"possession": 101.0, "duels_won_percent": 101.0}),
            Edit("match_statistics", {"match_id": 1003}, {"fouls": -1}),
            Edit("match_statistics", {"match_id": 1004}, {"crosses_won": 19}),
            Edit("match_managers", {}, {"manager_id": 77}),
            Edit("match_managers", {}, {"side": "left"}),
            Edit("best_players", {}, {"player_id": 77, "player_of_the_match": False}),
            Edit("best_players", {}, {"player_of_the_match": True}),
            Edit("best_players", {}, {"player_of_the_match": True}),
            Edit("best_players", {}, {"side": "left", "rank": 0, "value": 11.0}),
            Edit("head_to_head", {}, {"match_id": 77}),
            Edit("head_to_head", {}, {"team_draws": -1}),
            Edit("teams", {}, {"name": "", "gender": "X"}),
            Edit("players", {}, {"name": "", "gender": "X", "position": "X"}),
            Edit("players", {}, {"height": 19}),
            Edit("managers", {}, {"name": ""}),
        ],
        {
            "appearances.columns.side.checks.invalid": 1,
            "appearances.columns.position.checks.invalid": 1,
            "appearances.columns.minutes_played.checks.invalid": 1,
            "appearances.columns.rating.checks.invalid": 2,
            "appearances.checks.failed_rows.references": 4,
            "appearances.checks.failed_rows.played": 1,
            "appearances.checks.failed_rows.negative": 1,
            "appearances.checks.failed_rows.tried": 1,
            "appearances.checks.failed_rows.sides": 4,
            "appearances.checks.failed_rows.scorers": 1,
            "incidents.columns.type.checks.invalid": 1,
            "incidents.columns.side.checks.invalid": 1,
            "incidents.columns.minute.checks.invalid": 1,
            "incidents.checks.failed_rows.references": 4,
            "incidents.checks.failed_rows.classes": 2,
            "incidents.checks.failed_rows.positions": 2,
            "incidents.checks.failed_rows.change_goals": 1,
            "incidents.checks.failed_rows.goals": 2,
            "incidents.checks.failed_rows.own_goals": 1,
            "shots.columns.side.checks.invalid": 1,
            "shots.columns.type.checks.invalid": 1,
            "shots.columns.xg.checks.invalid": 1,
            "shots.columns.xgot.checks.invalid": 1,
            "shots.checks.failed_rows.references": 3,
            "shots.checks.failed_rows.ranges": 1,
            "momentum.checks.failed_rows.references": 1,
            "momentum.checks.failed_rows.ranges": 1,
            "match_statistics.columns.side.checks.invalid": 1,
            "match_statistics.checks.failed_rows.references": 1,
            "match_statistics.columns.possession.checks.invalid": 1,
            "match_statistics.columns.duels_won_percent.checks.invalid": 1,
            "match_statistics.checks.failed_rows.negative": 1,
            "match_statistics.checks.failed_rows.tried": 1,
            "match_statistics.checks.failed_rows.possession": 3,
            "match_managers.columns.side.checks.invalid": 1,
            "match_managers.checks.failed_rows.references": 1,
            "best_players.columns.side.checks.invalid": 1,
            "best_players.columns.rank.checks.invalid": 1,
            "best_players.columns.value.checks.invalid": 1,
            "best_players.checks.failed_rows.references": 1,
            "best_players.checks.failed_rows.one_player": 1,
            "head_to_head.checks.failed_rows.references": 1,
            "head_to_head.checks.failed_rows.negative": 1,
            "teams.columns.name.checks.invalid": 1,
            "teams.columns.gender.checks.invalid": 1,
            "players.columns.name.checks.invalid": 1,
            "players.columns.gender.checks.invalid": 1,
            "players.columns.position.checks.invalid": 1,
            "players.checks.failed_rows.ranges": 1,
            "managers.columns.name.checks.invalid": 1,
        },
    ),
    "computed tables": (
        [
            Edit("match_scores", {"result": "H"}, {"total_goals": 99, "decided_by": "toss"}),
            Edit("match_scores", {"result": "H"}, {"result": "A", "score_source": "hearsay"}),
            Edit("match_scores", {"decided_by": "walkover"}, {"match_id": 77}),
            Edit("match_summaries", {"season_id": 900}, {"match_id": 77}),
            Edit("match_summaries", {"season_id": 900}, {"home_team": "Somebody else"}),
            Edit("match_summaries", {"season_id": 900}, {"away_goals": 14}),
            Edit("match_summaries", {"season_id": 900}, {"result": "?", "decided_by": "toss"}),
            Edit("match_summaries", {}, {"home_possession": 101.0}),
            Edit("match_summaries", {}, {"away_pass_accuracy": 54.0}),
            *(
                Edit("match_summaries", {"season_id": 901}, dict.fromkeys(("home_xg", "away_xg")))
                for _ in range(3)
            ),
            *(Edit("match_summaries", {"season_id": 901}, {"home_manager_id": None}) for _ in range(4)),
            Edit("team_seasons", {}, {"team_name": "Somebody else", "possession": 101.0}),
            Edit("team_seasons", {}, {"wins": 9}),
            Edit("team_seasons", {}, {"pass_accuracy": 1.1, "xg_for": INFINITE}),
            Edit("player_seasons", {}, {"player_name": "Somebody else"}),
            Edit("player_seasons", {}, {"team_name": "Somebody else"}),
            Edit("player_seasons", {}, {"season_year": 1999}),
            Edit("player_seasons", {}, {"sufficient": False}),
            Edit("player_seasons", {}, {"pass_accuracy": 38.0, "shot_conversion": 1.5}),
            Edit("player_seasons", {}, {"rating": 11.0, "goals_per_90": INFINITE}),
            Edit("player_seasons", {"season_id": 901}, {"position": "X", "goals": 7}),
            Edit("player_seasons", {"season_id": 901}, {"appearances": 5, "minutes": 460}),
            Edit("player_careers", {}, {"rating": 11.0, "position": "X", "xg": INFINITE}),
            Edit("player_careers", {"sufficient": True}, {"sufficient": False}),
            Edit("position_distributions", {}, {"season_id": 77, "position": "X"}),
            Edit("position_distributions", {}, {"median": 99.0, "players": 0}),
            Edit("position_distributions", {}, {"std": -1.0}),
            Edit("position_distributions", {}, {"mean": INFINITE}),
            Edit("player_percentiles", {}, {"position": "X", "players": 0, "rating_percentile": 101.0}),
            Edit("player_form", {}, {"player_name": "Somebody else", "trend": "up", "rating_before": 0.0}),
            Edit("player_form", {}, {"last_matches": 7, "rating": 11.0, "goals_per_90": INFINITE}),
            Edit("player_progression", {}, {"player_name": "Somebody else", "progression": "better"}),
            Edit("player_progression", {}, {"rating_change": 0.5, "progression": "stable"}),
            Edit("player_progression", {}, {"progression": "improved", "xg_per_90_change": INFINITE}),
            Edit("player_progression", {}, {"rating": 11.0, "rating_change": None, "progression": None}),
            Edit(
                "player_progression",
                {},
                {"rating_before": 11.0, "rating_change": None, "progression": None},
            ),
            Edit("player_progression", {}, {"season_year_before": 2026}),
            Edit("player_consistency", {}, {"player_name": "Somebody else", "rated_matches": 4}),
            Edit("player_consistency", {}, {"consistency": "steady"}),
            Edit("player_consistency", {}, {"rating": 11.0}),
            Edit("player_profiles", {}, {"rating": 11.0, "form_rating": 11.0, "form_trend": "up"}),
            Edit("player_profiles", {}, {"consistency": "?", "progression": "?", "rating_percentile": 101.0}),
            Edit("player_profiles", {}, {"strengths": ["rating"], "weaknesses": ["rating"]}),
            Edit("player_profiles", {}, {"season_id": 77, "xg_per_90": INFINITE}),
            Edit("opponent_tier_performance", {}, {"tier": "upper", "player_name": "Somebody else"}),
            Edit("opponent_tier_performance", {}, {"minutes": 89, "rating": 11.0, "xg": INFINITE}),
            Edit("substitution_impact", {}, {"player_out_id": 77}),
            Edit("substitution_impact", {}, {"position": 99}),
            Edit("substitution_impact", {}, {"impact": 9, "player_in_rating": 0.0, "player_in_minutes": 131}),
            Edit("substitution_impact", {}, {"side": "left"}),
            Edit("manager_careers", {}, {"manager_name": "Somebody else"}),
            Edit("manager_careers", {}, {"win_rate": 1.1}),
            Edit("team_tactics", {}, {"team_name": "Another"}),
            Edit("team_tactics", {}, {"team_id": 77}),
            Edit("team_tactics", {}, {"directness": 1.1, "width_percentile": 101.0, "width": INFINITE}),
            Edit("age_curves", {}, {"position": "X", "age": 9}),
            Edit("age_curves", {"position": "D", "peak": False}, {"peak": True, "rating": 11.0}),
            Edit("age_curves", {"position": "D", "peak": False}, {"peak": True, "goals_per_90": INFINITE}),
        ],
        {
            "match_scores.columns.decided_by.checks.invalid": 1,
            "match_scores.columns.score_source.checks.invalid": 1,
            "match_scores.checks.failed_rows.sums": 2,
            "match_scores.checks.failed_rows.matches": 2,
            "match_summaries.columns.result.checks.invalid": 1,
            "match_summaries.columns.decided_by.checks.invalid": 1,
            "match_summaries.checks.failed_rows.matches": 5,
            "match_summaries.checks.failed_rows.ranges": 2,
            "match_summaries.checks.failed_rows.statistics": 13,
            "match_summaries.checks.failed_rows.xg": 1,
            "match_summaries.checks.failed_rows.managers": 1,
            "team_seasons.columns.possession.checks.invalid": 1,
            "team_seasons.checks.failed_rows.references": 1,
            "team_seasons.checks.failed_rows.sums": 1,
            # Of the rows of match_summaries that were damaged above.
            "team_seasons.checks.failed_rows.totals": 1,
            "team_seasons.checks.failed_rows.records": 9,
            "team_seasons.checks.failed_rows.shares": 1,
            "team_seasons.checks.failed_rows.finite": 1,
            "player_seasons.columns.position.checks.invalid": 1,
            "player_seasons.columns.rating.checks.invalid": 1,
            "player_seasons.checks.failed_rows.references": 3,
            "player_seasons.checks.failed_rows.shares": 1,
            "player_seasons.checks.failed_rows.conversion": 1,
            "player_seasons.checks.failed_rows.counts": 2,
            "player_seasons.checks.failed_rows.totals": 2,
            "player_seasons.checks.failed_rows.line_ups": 10,
            "player_seasons.checks.failed_rows.rates": 3,
            "player_seasons.checks.failed_rows.finite": 1,
            "player_careers.columns.position.checks.invalid": 1,
            "player_careers.columns.rating.checks.invalid": 1,
            "player_careers.checks.failed_rows.sums": 5,
            "player_careers.checks.failed_rows.sufficient": 1,
            "player_careers.checks.failed_rows.finite": 1,
            "position_distributions.columns.position.checks.invalid": 1,
            "position_distributions.columns.players.checks.invalid": 1,
            "position_distributions.checks.failed_rows.references": 1,
            "position_distributions.checks.failed_rows.order": 2,
            "position_distributions.checks.failed_rows.players": 1,
            "position_distributions.checks.failed_rows.seasons": 8,
            "position_distributions.checks.failed_rows.finite": 1,
            "player_percentiles.columns.position.checks.invalid": 1,
            "player_percentiles.columns.players.checks.invalid": 1,
            "player_percentiles.checks.failed_rows.percentiles": 1,
            "player_percentiles.checks.failed_rows.players": 4,
            "player_percentiles.checks.failed_rows.compared": 2,
            "player_form.columns.rating.checks.invalid": 1,
            "player_form.columns.rating_before.checks.invalid": 1,
            "player_form.columns.trend.checks.invalid": 1,
            "player_form.checks.failed_rows.references": 1,
            "player_form.checks.failed_rows.windows": 1,
            "player_form.checks.failed_rows.careers": 2,
            "player_form.checks.failed_rows.finite": 1,
            "player_progression.columns.rating.checks.invalid": 1,
            "player_progression.columns.rating_before.checks.invalid": 1,
            "player_progression.columns.progression.checks.invalid": 1,
            "player_progression.checks.failed_rows.references": 1,
            "player_progression.checks.failed_rows.compared": 3,
            "player_progression.checks.failed_rows.seasons": 2,
            "player_progression.checks.failed_rows.finite": 1,
            "player_consistency.columns.rated_matches.checks.invalid": 1,
            "player_consistency.columns.rating.checks.invalid": 1,
            "player_consistency.columns.consistency.checks.invalid": 1,
            "player_consistency.checks.failed_rows.references": 1,
            "player_consistency.checks.failed_rows.classes": 2,
            "player_consistency.checks.failed_rows.seasons": 1,
            "player_profiles.columns.rating.checks.invalid": 1,
            "player_profiles.columns.form_rating.checks.invalid": 1,
            "player_profiles.columns.form_trend.checks.invalid": 1,
            "player_profiles.columns.consistency.checks.invalid": 1,
            "player_profiles.columns.progression.checks.invalid": 1,
            "player_profiles.checks.failed_rows.seasons": 2,
            "player_profiles.checks.failed_rows.copies": 3,
            "player_profiles.checks.failed_rows.strengths": 2,
            "player_profiles.checks.failed_rows.finite": 1,
            "opponent_tier_performance.columns.tier.checks.invalid": 1,
            "opponent_tier_performance.columns.minutes.checks.invalid": 1,
            "opponent_tier_performance.columns.rating.checks.invalid": 1,
            "opponent_tier_performance.checks.failed_rows.references": 1,
            "opponent_tier_performance.checks.failed_rows.seasons": 1,
            "opponent_tier_performance.checks.failed_rows.finite": 1,
            "substitution_impact.columns.side.checks.invalid": 1,
            "substitution_impact.columns.player_in_minutes.checks.invalid": 1,
            "substitution_impact.columns.player_in_rating.checks.invalid": 1,
            "substitution_impact.checks.failed_rows.incidents": 4,
            "substitution_impact.checks.failed_rows.goals": 1,
            "substitution_impact.checks.failed_rows.line_ups": 1,
            "manager_careers.checks.failed_rows.references": 1,
            "manager_careers.checks.failed_rows.sums": 1,
            "manager_careers.checks.failed_rows.matches": 3,
            "team_tactics.checks.failed_rows.teams": 2,
            "team_tactics.checks.failed_rows.shares": 1,
            "team_tactics.checks.failed_rows.percentiles": 1,
            "team_tactics.checks.failed_rows.compared": 1,
            "team_tactics.checks.failed_rows.finite": 1,
            "age_curves.columns.position.checks.invalid": 1,
            "age_curves.columns.rating.checks.invalid": 1,
            "age_curves.checks.failed_rows.ages": 1,
            "age_curves.checks.failed_rows.peaks": 1,
            "age_curves.checks.failed_rows.totals": 1,
            "age_curves.checks.failed_rows.finite": 1,
        },
    ),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_damage_is_found_by_the_checks_that_name_it_and_by_no_other_and_its_rows_are_shown(
    sound: Tables, name: str
) -> None:
    edits, expected = BROKEN[name]
    broken = damaged(sound, *edits)
    tables = list(dict.fromkeys(edit.table for edit in edits))

    assert not_passed(verify(broken, only=tables)) == outcomes(expected)
    assert found(broken, list(expected)) == expected


# --- what cannot be ---


def times(column: str, factor: float) -> Callable[[Row], Row]:
    """A figure so many times as high."""
    return lambda row: {column: None if row[column] is None else type(row[column])(row[column] * factor)}


def put(**values: Any) -> Callable[[Row], Row]:
    """Another value."""
    return lambda _: values


NONSENSE: dict[str, tuple[str, Callable[[Row], bool], Callable[[Row], Row], str]] = {
    "rates seven times too high": ("player_seasons", lambda _: True, times("goals_per_90", 7), "rates"),
    "rates of figures that are not published": (
        "player_seasons", lambda _: True, times("xa_per_90", 7), "rates",
    ),
    "an age of 200": ("player_seasons", lambda row: row["player_id"] == 3100, put(age=200), "ages"),
    "an age that is not his": ("player_seasons", lambda row: row["player_id"] == 3100, put(age=20), "ages"),
    "goals that no line-up has": (
        "player_seasons", lambda row: row["player_id"] == 3100, put(goals=3), "line_ups",
    ),
    "expected goals of a season": ("player_seasons", lambda row: row["player_id"] == 3101, put(xg=25.0), "line_ups"),
    "passes that were lost": ("player_seasons", lambda _: True, put(passes=0), "line_ups"),
    "9 points per match": (
        "team_seasons", lambda row: row["team_id"] == 31, put(points_per_match=9.0), "points_per_match",
    ),
    "points per match of another team": (
        "team_seasons", lambda row: row["team_id"] == 31, put(points_per_match=2.9), "points_per_match",
    ),
    "goals of another team": ("team_seasons", lambda row: row["team_id"] == 31, put(goals_for=1), "records"),
    "shots of a team": ("team_seasons", lambda _: True, times("shots_per_match", 2), "records"),
    "25 expected goals in a match": (
        "appearances", lambda row: row["player_id"] == 3101, put(expected_goals=25.0), "change_xg",
    ),
    "minutes in another unit": ("appearances", lambda _: True, times("minutes_played", 1 / 7), "minutes"),
    "goals of nobody": ("appearances", lambda row: (row["goals"] or 0) > 0, put(goals=0), "scorers"),
    "shots of the other side": ("shots", lambda _: True, put(side="home"), "statistics"),
    "shots of a match": ("match_summaries", lambda _: True, times("home_shots", 2), "statistics"),
    "expected goals left out": ("match_summaries", lambda _: True, put(away_xg=None), "statistics"),
    "a mean": ("position_distributions", lambda _: True, times("mean", 2), "seasons"),
    "a percentile among too few": (
        "player_percentiles", lambda row: row["position"] == "G", put(rating_percentile=50.0), "compared",
    ),
    "a percentile of four teams": ("team_tactics", lambda _: True, put(width_percentile=50.0), "compared"),
    "possession of tactics": ("team_tactics", lambda _: True, put(possession=70.0), "compared"),
    "a third's rate": ("opponent_tier_performance", lambda _: True, times("goals_per_90", 7), "seasons"),
    "goals against a third": ("opponent_tier_performance", lambda _: True, put(goals=99), "seasons"),
    "spread of ratings": ("player_consistency", lambda _: True, times("cv", 2), "seasons"),
    "goals after coming in": ("substitution_impact", lambda _: True, put(player_in_goals=4), "line_ups"),
}  # fmt: skip
"""By what is wrong: table, which rows, what becomes of them, and the check that finds it."""


@pytest.mark.parametrize("what", list(NONSENSE))
def test_what_cannot_be_is_found_and_shown_by_competition_season(sound: Tables, what: str) -> None:
    table, where, change, check = NONSENSE[what]
    rows = [row | change(row) if where(row) else row for row in sound[table].to_pylist()]
    broken = sound | {table: pa.Table.from_pylist(rows, sound[table].schema)}
    shown = harness.samples("sofascore", broken, f"{table}.checks.failed_rows.{check}")

    assert shown
    if check != "points_per_match":  # the row itself
        assert {row["competition"] for row in shown} == {"League"}
    assert {row["season_id"] for row in shown} <= {FIRST, LAST}


@pytest.mark.parametrize(
    ("table", "column", "check"),
    [
        ("player_careers", "shots", "sums"),
        ("player_careers", "rating", "sums"),
        ("player_form", "goals_per_90", "careers"),
        ("player_form", "matches", "careers"),
        ("player_profiles", "xg_per_90", "copies"),
        ("player_profiles", "career_minutes", "copies"),
        ("player_progression", "minutes", "seasons"),
        ("player_progression", "xg_per_90", "seasons"),
        ("position_distributions", "p90", "seasons"),
        ("position_distributions", "std", "seasons"),
        ("manager_careers", "points_per_match", "matches"),
        ("manager_careers", "goals_for", "matches"),
        ("age_curves", "appearances", "totals"),
    ],
)
def test_figures_of_tables_over_all_seasons_agree_with_those_they_are_made_of(
    sound: Tables, table: str, column: str, check: str
) -> None:
    rows = [row | times(column, 3)(row) for row in sound[table].to_pylist()]
    broken = sound | {table: pa.Table.from_pylist(rows, sound[table].schema)}

    assert harness.samples("sofascore", broken, f"{table}.checks.failed_rows.{check}")


def test_one_goal_more_for_each_team_in_its_season_is_found_though_no_total_of_the_season_moves(
    sound: Tables,
) -> None:
    first, second, *others = [row for row in sound["team_seasons"].to_pylist() if row["season_id"] == FIRST]
    swapped = [
        first | {"goals_for": second["goals_for"]}, second | {"goals_for": first["goals_for"]}, *others,
    ]  # fmt: skip
    broken = sound | {"team_seasons": pa.Table.from_pylist(swapped, sound["team_seasons"].schema)}
    shown = harness.samples("sofascore", broken, "team_seasons.checks.failed_rows.records") or []

    assert {row["figure"]: row["teams_that_differ"] for row in shown if row["season_id"] == FIRST} == {
        "goals_for": 2
    }


# --- matches ---

TWINS = "matches.checks.failed_rows.change_twins"


@pytest.mark.parametrize(("hours", "twins"), [(0, 1), (19, 1), (21, 0)])
def test_match_under_two_numbers_is_found_until_it_was_accepted(
    sound: Tables, hours: int, twins: int
) -> None:
    (match,) = [row for row in sound["matches"].to_pylist() if row["match_id"] == 1_000]
    other = {"match_id": 7_777, "kickoff_at": match["kickoff_at"] + timedelta(hours=hours)}
    other |= {"home_team_id": match["away_team_id"], "away_team_id": match["home_team_id"]}
    twice = with_rows(sound, BY_NAME["matches"], [match | other])

    assert found(twice, [TWINS], sound) == {TWINS: twins}
    assert found(twice, [TWINS], twice) == {TWINS: 0}
    assert found(edited(twice, "matches", lambda row: row["match_id"] == 7_777, played=False), [TWINS]) == {
        TWINS: 0
    }


def test_more_expected_goals_than_shots_are_accepted_once(sound: Tables) -> None:
    check = "appearances.checks.failed_rows.change_xg"
    odd = edited(
        sound, "appearances", lambda row: row["match_id"] == 1_000 and row["shots"] == 1, expected_goals=1.5
    )

    assert found(odd, [check], sound)[check] > 0
    assert found(odd, [check], odd) == {check: 0}


@pytest.mark.parametrize(("odd", "seasons"), [(4, 0), (5, 1)])
def test_few_of_the_last_teams_of_a_season_may_have_other_shots_in_their_statistics(
    sound: Tables, odd: int, seasons: int
) -> None:
    check = "shots.checks.failed_rows.statistics"
    played = [row for row in sound["matches"].to_pylist() if row["played"] and row["season_id"] == LAST]
    newest = sorted(played, key=lambda row: row["kickoff_at"], reverse=True)

    def spoil(matches: list[Row]) -> Tables:
        numbers = {row["match_id"] for row in matches}
        return edited(
            sound,
            "match_statistics",
            lambda row: row["match_id"] in numbers and row["side"] == "home",
            shots=13,
        )

    assert found(spoil(newest[:odd]), [check]) == {check: seasons}
    assert found(spoil(newest[10:]), [check]) == {check: 0}, "long ago"


def test_an_own_goal_is_no_shot_of_the_team_it_counts_for(sound: Tables) -> None:
    own = [
        row | {"shot_id": row["shot_id"] + 50, "type": "goal", "goal_type": "own"}
        for row in sound["shots"].to_pylist()
    ]
    check = "shots.checks.failed_rows.statistics"

    assert found(with_rows(sound, BY_NAME["shots"], own), [check]) == {check: 0}


def further(tables: Tables, matches: int) -> Tables:
    """The tables with so many further matches of the last season, all to come."""
    template = next(row for row in tables["matches"].to_pylist() if row["state"] == "scheduled")
    return with_rows(
        tables, BY_NAME["matches"], [template | {"match_id": 5_000 + number} for number in range(matches)]
    )


def test_season_of_600_matches_passes_and_one_of_601_does_not(sound: Tables) -> None:
    check = "matches.checks.failed_rows.change_too_many"
    known = sum(row["season_id"] == LAST for row in sound["matches"].to_pylist())

    assert found(further(sound, 600 - known), [check]) == {check: 0}
    assert not_passed(verify(further(sound, 601 - known), only=["matches"])) == {check: "FAILED"}


def test_matches_that_stopped_coming_are_warned_of_once_the_pause_is_the_longest(sound: Tables) -> None:
    kickoffs = sorted(row["kickoff_at"] for row in sound["matches"].to_pylist() if row["played"])
    longest = max(later - earlier for earlier, later in pairwise(kickoffs))
    usual = replaced(sound, "competition_seasons", "checked_at", kickoffs[-1] + longest)
    late = replaced(sound, "competition_seasons", "checked_at", kickoffs[-1] + longest + timedelta(days=2))

    assert found(usual, ["matches.checks.failed_rows.freshness"]) == {
        "matches.checks.failed_rows.freshness": 0
    }

    assert not_passed(verify(late, only=["matches"])) == {
        "matches.checks.failed_rows.freshness": "WARN",
        "matches.checks.failed_rows.overdue": "WARN",
    }


def test_every_status_code_has_the_state_that_the_source_gives_it(sound: Tables) -> None:
    played = {"ended", "after_extra_time", "after_penalties"}
    edits = [
        Edit("matches", {}, {"status_code": code, "state": state, "played": state in played})
        for code, state in [*STATES.items(), (55, "unknown"), (56, "live")]
    ]

    assert found(damaged(sound, *edits), ["matches.checks.failed_rows.states"]) == {
        "matches.checks.failed_rows.states": 0
    }


# --- goals ---

GOALS = "incidents.checks.failed_rows.change_goals"
ALL_GOALS = "incidents.checks.failed_rows.goals"


def one_goal_less(tables: Tables, hours: int) -> Tables:
    """A goal of the first season got lost, and its match was last looked at so many hours after kick-off."""
    match = next(row for row in tables["incidents"].to_pylist() if row["type"] == "goal")["match_id"]
    kickoff = next(row for row in tables["matches"].to_pylist() if row["match_id"] == match)["kickoff_at"]
    looked = edited(
        tables,
        "matches",
        lambda row: row["match_id"] == match,
        checked_at=kickoff + timedelta(hours=hours),
    )
    return damaged(looked, Edit("incidents", {"match_id": match, "type": "goal"}, {"type": "varDecision"}))


def test_goals_that_differ_from_the_score_block_once_the_match_is_settled_and_warn_before(
    sound: Tables,
) -> None:
    settled = one_goal_less(sound, 48)
    assert not_passed(verify(settled, only=["incidents"])) == {GOALS: "FAILED", ALL_GOALS: "WARN"}
    assert not_passed(verify(one_goal_less(sound, 47), only=["incidents"])) == {ALL_GOALS: "WARN"}
    # An operator accepted it once; the next version has it from the last good one.
    accepted = completed(settled)
    assert not_passed(verify(settled, accepted, only=["incidents"])) == {ALL_GOALS: "WARN"}


def test_goals_of_the_wrong_side_are_found_though_their_sum_is_right_and_named_with_both_teams(
    sound: Tables,
) -> None:
    goal = next(row for row in sound["incidents"].to_pylist() if row["type"] == "goal")
    other = "away" if goal["side"] == "home" else "home"
    swapped = damaged(
        sound,
        Edit("incidents", {"match_id": goal["match_id"], "position": goal["position"]}, {"side": other}),
    )
    (row,) = harness.samples("sofascore", swapped, GOALS) or []

    assert row["match_id"] == goal["match_id"]
    assert {row["home_team"], row["away_team"]} <= {team["name"] for team in sound["teams"].to_pylist()}
    assert row["home_goals"] + row["away_goals"] == row["home_goal_incidents"] + row["away_goal_incidents"]


@pytest.mark.parametrize("state", ["none", "failed"])
def test_goals_are_not_compared_with_incidents_that_did_not_come(sound: Tables, state: str) -> None:
    match = {"match_id": 1_001}
    silent = without(sound, "incidents", lambda row: row["match_id"] == 1_001)
    gone = damaged(silent, Edit("match_parts", match | {"part": "incidents"}, {"state": state, "rows": 0}))

    assert found(gone, [GOALS, ALL_GOALS]) == {GOALS: 0, ALL_GOALS: 0}


# --- parts of competition-seasons ---

COMPLETE = "match_parts.checks.failed_rows.complete"
COVERAGE = "match_parts.checks.failed_rows.coverage"
PRESENCE = "match_parts.checks.failed_rows.change_presence"
ABSENT = "match_parts.checks.failed_rows.change_absent"


def without_lineups(tables: Tables) -> Tables:
    """The tables where the upstream has no line-ups of any match of the last season."""
    silent = without(tables, "appearances", lambda row: row["season_id"] == LAST)
    return completed(
        edited(
            silent,
            "match_parts",
            lambda row: row["season_id"] == LAST and row["part"] == "lineups",
            state="none",
            rows=0,
        )
    )


def test_season_in_which_every_match_lacks_lineups_passes_and_is_warned_of_unless_it_had_them_or_somebody_was_rated(
    sound: Tables,
) -> None:
    rated = without_lineups(sound)
    tables = without(rated, "best_players", lambda row: row["season_id"] == LAST)
    tables = edited(
        tables,
        "match_parts",
        lambda row: row["season_id"] == LAST and row["part"] == "best_players",
        state="none",
        rows=0,
    )
    touched = [name for name in BY_NAME if tables[name] != sound[name]]
    assert {"appearances", "match_parts", "player_seasons", "player_profiles", "age_curves"} < set(touched)

    assert not_passed(verify(tables, only=touched)) == {COVERAGE: "WARN"}
    assert not_passed(verify(tables, sound, only=["match_parts"])) == {COVERAGE: "WARN", PRESENCE: "FAILED"}
    # A first run: who is rated as a best player was in some line-up.
    assert not_passed(verify(rated, only=["match_parts"])) == {COVERAGE: "WARN", ABSENT: "FAILED"}
    assert found(rated, [ABSENT], rated) == {ABSENT: 0}
    (row,) = harness.samples("sofascore", rated, ABSENT) or []
    assert (row["competition"], row["season_id"], row["played_matches"]) == ("League", LAST, PLAYED)


@pytest.mark.parametrize("part", ["incidents", "statistics"])
def test_season_that_lacks_what_another_part_shows_to_exist_is_refused(sound: Tables, part: str) -> None:
    gone = edited(
        sound,
        "match_parts",
        lambda row: row["season_id"] == LAST and row["part"] == part,
        state="none",
        rows=0,
    )

    assert found(gone, [ABSENT]) == {ABSENT: 1}


@pytest.mark.parametrize("matches", [1, 2])
def test_match_whose_parts_were_never_asked_for_is_let_pass_alone_but_not_with_another(
    sound: Tables, matches: int
) -> None:
    tables = without(sound, "match_parts", lambda row: 1_003 <= row["match_id"] < 1_003 + matches)

    assert found(tables, [COMPLETE]) == {COMPLETE: matches - 1}


SEASONS, MATCHES_OF_SEASON = 167, 10


@cache
def many_seasons(lost: int = 0, state: str = "none") -> Tables:
    """So many seasons of ten matches, and how their parts ended; the first `lost` seasons have no part at all."""
    tables: Tables = {name: table.schema.empty_table() for name, table in BY_NAME.items()}
    places = [
        {"competition_id": COMPETITION, "season_id": season, "season_year": 2025} for season in range(SEASONS)
    ]
    match: Row = {"tournament_id": 1, "kickoff_at": NOW, "status_code": 100, "state": "ended", "played": True}
    match |= {"home_team_id": 1, "away_team_id": 2, "listing_hash": "0" * 32, "checked_at": NOW}
    ended = {"state": "done", "rows": 1, "checked_at": NOW}
    of_lost = {"state": state, "rows": 0, "error": None if state == "none" else "503"}
    ids = [
        place | {"match_id": place["season_id"] * 100 + number}
        for place in places
        for number in range(MATCHES_OF_SEASON)
    ]
    season: Row = {"competition": "League", "country": "-", "kind": "club", "season": "2025-26"}
    season |= {"upstream_year": "25/26", "checked_at": NOW}
    rows: Rows = {
        "competition_seasons": [place | season for place in places],
        "matches": [one | match for one in ids],
        "match_parts": [
            one | ended | {"part": part} | (of_lost if one["season_id"] < lost and part != "event" else {})
            for one in ids
            for part in PARTS
        ],
    }
    return tables | {name: table_of(BY_NAME[name], part) for name, part in rows.items()}


def test_ten_seasons_without_parts_are_found_behind_a_coverage_of_94_percent() -> None:
    before, now = many_seasons(), many_seasons(lost=10)
    lineups = Counter(row["state"] for row in now["match_parts"].to_pylist() if row["part"] == "lineups")
    assert round(100 * lineups["done"] / lineups.total()) == 94

    checked = verify(now, before, only=["match_parts"])
    assert (checked[PRESENCE], checked[COVERAGE], checked[COMPLETE]) == ("FAILED", "WARN", "PASSED")
    # Eight parts of ten seasons were lost; the warning names each season once, with its parts.
    assert found(now, [PRESENCE, COVERAGE], before) == {PRESENCE: 80, COVERAGE: 10}
    assert found(many_seasons(lost=10, state="failed"), [COMPLETE]) == {COMPLETE: 10}
    assert {row["season_id"] for row in harness.samples("sofascore", now, COVERAGE) or []} == set(range(10))


def test_each_part_that_two_matches_of_a_season_have_no_answer_for_is_found() -> None:
    refused = [
        Edit("match_parts", {"season_id": season, "part": part}, {"state": "refused"})
        for season, part in enumerate(PARTS)
        for _ in range(2)
    ]

    assert found(damaged(many_seasons(), *refused), [COMPLETE]) == {COMPLETE: len(PARTS)}


def losing(part: str, matches: int) -> Tables:
    """Many seasons, of which the first has the part in so many of its ten matches no more."""
    return edited(
        many_seasons(),
        "match_parts",
        lambda row: row["part"] == part and row["match_id"] < matches,
        state="none",
        rows=0,
    )


@pytest.mark.parametrize(
    ("part", "lost", "rarer", "low"),
    [("lineups", 2, 0, 0), ("lineups", 3, 1, 1), ("shotmap", 5, 1, 0), ("shotmap", 6, 1, 1)],
)
def test_part_may_be_20_points_rarer_and_miss_in_two_matches_and_shot_maps_in_half_of_them(
    part: str, lost: int, rarer: int, low: int
) -> None:
    counts = found(losing(part, lost), [PRESENCE, COVERAGE], many_seasons())

    assert counts == {PRESENCE: rarer, COVERAGE: low}


# --- changes ---


def test_season_that_vanished_is_named_by_its_seasons_and_its_matches(sound: Tables) -> None:
    gone = without(sound, "competition_seasons", lambda row: row["season_id"] == FIRST)
    gone = without(gone, "matches", lambda row: row["season_id"] == FIRST)

    assert not_passed(verify(gone, sound, only=["competition_seasons", "matches"])) == {
        "competition_seasons.checks.failed_rows.change_gone": "FAILED",
        "matches.checks.failed_rows.change_seasons": "FAILED",
        "matches.checks.metric.change_rows": "FAILED",
    }


def test_season_may_lose_two_matches_but_neither_three_nor_three_results(sound: Tables) -> None:
    check = "matches.checks.failed_rows.change_seasons"

    def fewer(matches: int) -> Tables:
        return without(sound, "matches", lambda row: row["match_id"] < 1_000 + matches)

    not_ended = edited(sound, "matches", lambda row: row["match_id"] < 1_003, played=False)
    assert [found(now, [check], sound)[check] for now in (fewer(2), fewer(3), not_ended)] == [0, 1, 1]


def test_season_that_lost_its_rows_is_named_behind_all_others_that_have_theirs() -> None:
    check = "match_parts.checks.failed_rows.change_seasons"
    before = many_seasons()
    # 3 of 167 seasons lose four of their ten matches: 0.7 percent of all rows.
    fewer = without(before, "match_parts", lambda row: row["season_id"] < 3 and row["match_id"] % 100 < 4)
    hardly = without(before, "match_parts", lambda row: row["season_id"] < 3 and row["match_id"] % 100 < 3)

    assert found(hardly, [check], before) == {check: 0}
    assert verify(fewer, before, only=["match_parts"])["match_parts.checks.metric.change_rows"] == "PASSED"
    assert found(fewer, [check], before) == {check: 3}


def test_where_all_rows_fall_each_competition_season_shows_by_how_much(sound: Tables) -> None:
    check = harness.declared_checks("sofascore")["shots.checks.failed_rows.change_seasons"]
    fewer = without(sound, "shots", lambda row: row["match_id"] in {1_000, 1_001, 1_002, 1_003, 1_100})
    with harness.session("sofascore", fewer, sound, ()) as connection:
        rows = connection.sql(failing_rows(check, BY_NAME["shots"].key) or "").to_arrow_table().to_pylist()

    assert [(row["competition"], row["season_id"], row["rows_before"], row["rows_now"]) for row in rows] == [
        ("League", FIRST, 288, 192), ("League", LAST, 288, 264),
    ]  # fmt: skip


@pytest.mark.parametrize(("matches", "outcome"), [(990, "PASSED"), (989, "FAILED")])
def test_matches_may_fall_by_one_percent(sound: Tables, matches: int, outcome: str) -> None:
    known = sound["matches"].num_rows
    before, now = further(sound, 1_000 - known), further(sound, matches - known)

    assert verify(now, before, only=["matches"])["matches.checks.metric.change_rows"] == outcome


def test_one_row_less_in_a_small_table_is_no_fall(sound: Tables) -> None:
    tables = ("teams", "managers", "match_managers", "team_tactics")
    less = sound | {name: sound[name].slice(0, sound[name].num_rows - 1) for name in tables}
    checked = verify(less, sound, only=tables)

    assert {checked[f"{name}.checks.metric.change_rows"] for name in tables} == {"PASSED"}


def test_change_rules_are_the_checks_an_operator_may_accept() -> None:
    rules = {check: body.rule for check, body in harness.declared_checks("sofascore").items()}

    assert all((rule == "change") == (".change_" in check) for check, rule in rules.items())


WARNINGS = {
    "appearances": "position negative tried sides",
    "age_curves": "position",
    "head_to_head": "negative",
    "incidents": "type minute classes goals own_goals",
    "match_parts": "unanswered coverage",
    "match_statistics": "negative tried possession",
    "match_summaries": "xg managers",
    "matches": "unknown no_score agreement many_goals two_teams kickoff freshness overdue",
    "momentum": "ranges",
    "best_players": "one_player",
    "player_careers": "position",
    "player_percentiles": "position",
    "player_seasons": "position conversion",
    "players": "gender position ranges",
    "position_distributions": "position",
    "shots": "type ranges statistics",
    "teams": "gender",
}


def test_these_checks_only_warn_and_all_others_block() -> None:
    def short(check: str) -> str:
        table, kind, name, *_ = check.split(".")
        return f"{table} {name if kind == 'columns' else check.rsplit('.', 1)[1]}"

    declared = {short(check) for check in harness.declared_checks("sofascore") if warns(check)}
    assert declared == {f"{table} {name}" for table, names in WARNINGS.items() for name in names.split()}


def test_every_check_of_every_contract_is_seen_to_fail_by_a_test_above() -> None:
    tested = COMMON | EMPTIED | {check for _, expected in BROKEN.values() for check in expected}
    tested |= {f"matches.checks.{rule}" for rule in ("failed_rows.change_too_many", "failed_rows.overdue")}
    tested |= {"matches.checks.failed_rows.freshness", TWINS, ABSENT}
    tested |= {f"{table}.checks.failed_rows.{check}" for table, _, _, check in NONSENSE.values()}
    # Rules that every table of every source has are tested in tests/quality/test_arrivals.py.
    tested |= {
        check
        for check in harness.declared_checks("sofascore")
        if check.endswith((".change_arrivals", ".change_rise"))
    }
    may_be_empty = {f"{name}.checks.row_count" for name in BY_NAME if name not in NOT_EMPTY}

    assert set(harness.declared_checks("sofascore")) - tested == may_be_empty
    assert tested - set(harness.declared_checks("sofascore")) == set()
