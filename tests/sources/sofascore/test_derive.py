"""What is computed from the match tables, on matches made by hand whose figures can be added up on paper."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.sources.sofascore import derived_tables as tables
from include.sources.sofascore import match_tables
from include.sources.sofascore.derive import INTERMEDIATE, SQL, derive
from include.storage import duckdb_session
from include.storage.tables import Table

Row = dict[str, Any]

FIRST_DAY = datetime(2025, 8, 1, 15, tzinfo=UTC)
STAND_INS: dict[pa.DataType, Any] = {
    pa.string(): "",
    pa.int32(): 0,
    pa.int64(): 0,
    pa.bool_(): False,
    pa.float64(): 0.0,
    pa.timestamp("us", tz="UTC"): FIRST_DAY,
}


class World:
    """Match tables in the making. What a row does not say is null, or a stand-in where the column is required."""

    def __init__(self) -> None:
        self.now: Row = {}
        self.rows: dict[str, list[Row]] = {table.name: [] for table in match_tables.MATCH_TABLES}

    def add(self, table: Table, **values: Any) -> None:
        row = {c.name: STAND_INS[c.type] if c.required else None for c in table.columns}
        assert values.keys() <= row.keys(), values.keys() - row.keys()
        self.rows[table.name].append(row | values)

    def season(self, competition: int, season: int, year: int = 2025) -> None:
        """A season, to which the matches that follow belong."""
        self.now = {"competition_id": competition, "season_id": season, "season_year": year}
        self.add(
            match_tables.COMPETITION_SEASONS,
            **self.now,
            competition=f"League {competition}",
            season=f"{year}-{(year + 1) % 100:02}",
        )

    def player(self, player: int, **values: Any) -> None:
        self.add(match_tables.PLAYERS, player_id=player, **{"name": f"Player {player}"} | values)

    def match(
        self,
        match: int,
        home: int,
        away: int,
        goals: tuple[int, int] | None = (0, 0),
        *,
        state: str = "ended",
        day: int | None = None,
        **values: Any,
    ) -> None:
        """A match `match` modulo 100 days after the season began, unless `day` says otherwise."""
        began = FIRST_DAY.replace(year=self.now["season_year"])
        self.add(
            match_tables.MATCHES,
            match_id=match,
            state=state,
            played=state in match_tables.PLAYED,
            kickoff_at=began + timedelta(days=match % 100 if day is None else day),
            home_team_id=home,
            away_team_id=away,
            home_goals=goals and goals[0],
            away_goals=goals and goals[1],
            **self.now,
            **values,
        )
        known = {row["team_id"] for row in self.rows["teams"]}
        for team in sorted({home, away} - known):
            self.add(match_tables.TEAMS, team_id=team, name=f"Team {team}")

    def of_match(self, table: Table, match: int, **values: Any) -> None:
        (of,) = (row for row in self.rows["matches"] if row["match_id"] == match)
        place = {name: of[name] for name in ("competition_id", "season_id", "season_year")}
        if (side := values.get("side")) and "team_id" in table.names:
            place["team_id"] = of[f"{side}_team_id"]
        self.add(table, match_id=match, **place | values)

    def appears(self, match: int, player: int, side: str = "home", **values: Any) -> None:
        """A starter of 90 minutes in midfield, unless said otherwise; he becomes known as a player."""
        usual = {"side": side, "played": True, "started": True, "minutes_played": 90, "position": "M"}
        self.of_match(match_tables.APPEARANCES, match, player_id=player, **usual | values)
        if not any(row["player_id"] == player for row in self.rows["players"]):
            self.player(player)

    def incident(self, match: int, type_: str, **values: Any) -> None:
        position = 1 + sum(row["match_id"] == match for row in self.rows["incidents"])
        self.of_match(match_tables.INCIDENTS, match, type=type_, **{"position": position} | values)

    def statistics(self, match: int, side: str, **values: Any) -> None:
        self.of_match(match_tables.MATCH_STATISTICS, match, side=side, **{"period": "ALL"} | values)


class Derived:
    """The derived tables of a world."""

    def __init__(self, world: World, folder: Path) -> None:
        self.rows: dict[str, list[Row]] = {}
        with duckdb_session.session(folder) as connection:
            connection.execute("SET threads = 1")
            for table in match_tables.MATCH_TABLES:
                rows = pa.Table.from_pylist(world.rows[table.name], table.schema)
                connection.register(f"all_{table.name}", rows)
            derive(connection)
            for table in tables.DERIVED_TABLES:
                schema = pa.schema([field for field in table.schema if field.name != "content_hash"])
                order = duckdb_session.identifiers(table.key)
                found = duckdb_session.batches(
                    connection, f"SELECT * FROM new_{table.name} ORDER BY {order}", schema
                )
                self.rows[table.name] = [row for batch in found for row in batch.to_pylist()]
            self.left_over = {
                name
                for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
                if not name.startswith("new_")
            }

    def of(self, table: Table, **where: Any) -> list[Row]:
        return [row for row in self.rows[table.name] if where.items() <= row.items()]

    def one(self, table: Table, **where: Any) -> Row:
        (row,) = self.of(table, **where)
        return row

    def values(self, table: Table, column: str, **where: Any) -> list[Any]:
        return [row[column] for row in self.of(table, **where)]


def shows(row: Mapping[str, Any], **expected: Any) -> None:
    """The row has these values: one assertion that names everything that is different."""
    assert {name: row[name] for name in expected} == expected


CARDS = ["yellow_cards", "second_yellow_cards", "red_cards"]
SCENARIOS: list[Callable[[World], None]] = []


def scenario(build: Callable[[World], None]) -> Callable[[World], None]:
    """Part of the one world in which most tests look: a competition of its own, with its own teams and players."""
    SCENARIOS.append(build)
    return build


def everything() -> World:
    world = World()
    for build in SCENARIOS:
        build(world)
    return world


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Derived:
    return Derived(everything(), tmp_path_factory.mktemp("derived"))


# Matches and teams


@scenario
def matches_of_every_state(world: World) -> None:
    world.season(1, 10)
    halves = {
        "home_goals_period1": 1,
        "away_goals_period1": 0,
        "home_goals_period2": 1,
        "away_goals_period2": 1,
    }
    world.match(
        101, 1, 2, (2, 1), winner="home", attendance=1000, referee="Ref", venue="Park", round=3, **halves
    )
    world.statistics(
        101, "home", expected_goals=1.25, possession=60.0, shots=10, shots_on_target=5, passes=400,
        accurate_passes=300, big_chances=3, corners=7, fouls=9,
    )  # fmt: skip
    world.statistics(101, "away", expected_goals=0.5, possession=40.0, shots=4, shots_on_target=1, passes=0)
    world.statistics(101, "home", period="1ST", expected_goals=9.0, possession=1.0, shots=99)
    world.appears(101, 11)
    world.appears(101, 21, "away", own_goals=1)
    world.incident(101, "goal", **{"class": "regular", "side": "home", "player_id": 11})
    world.incident(101, "card", **{"class": "yellow", "side": "away", "player_id": 21, "minute": 30})
    world.incident(101, "goal", **{"class": "regular", "side": "away", "player_id": 21})
    world.incident(101, "card", **{"class": "yellowRed", "side": "away", "player_id": 21, "minute": 60})
    world.incident(101, "goal", **{"class": "ownGoal", "side": "home", "player_id": 21})
    world.incident(101, "card", **{"class": "red", "side": "home", "player_id": 11, "minute": 90})
    world.incident(101, "card", **{"class": "yellow", "side": "home", "player_name": "Coach"})
    world.incident(
        101, "card", **{"class": "red", "side": "home", "player_id": 11, "rescinded": True, "minute": 30}
    )
    world.match(
        102,
        2,
        1,
        (1, 1),
        state="after_penalties",
        winner="away",
        home_penalties=3,
        away_penalties=4,
        attendance=300,
    )
    world.incident(102, "goal", side="home")
    world.incident(102, "goal", side="away")
    world.incident(102, "penaltyShootout", **{"class": "scored", "side": "away", "player_id": 11})
    world.match(103, 1, 3, (2, 1), state="after_extra_time", winner="home", attendance=500)
    world.statistics(103, "home", expected_goals=2.0, possession=50.0)
    world.statistics(103, "away", possession=50.0)
    world.match(104, 3, 1, None, state="walkover", winner="home")
    world.match(105, 2, 3, None, state="postponed")
    world.match(106, 1, 2, (5, 0), state="abandoned")
    world.match(107, 2, 3, (1, 0), winner="home")
    world.incident(107, "period", text="FT")
    world.match(108, 2, 4, None, state="walkover", winner="home")
    world.match(109, 2, 4, None, state="ended")
    for manager, name in ((1, "Ann"), (2, "Bob"), (3, "Cy")):
        world.add(match_tables.MANAGERS, manager_id=manager, name=name)
    for match, side, manager in (
        (101, "home", 1),
        (101, "away", 2),
        (102, "away", 1),
        (107, "home", 1),
        (106, "home", 3),
    ):
        world.of_match(match_tables.MATCH_MANAGERS, match, side=side, manager_id=manager)


def test_scores_are_of_matches_with_a_final_result_only(derived: Derived) -> None:
    assert derived.values(tables.MATCH_SCORES, "match_id", competition_id=1) == [101, 102, 103, 104, 107, 108]


def test_a_score_says_how_it_was_decided_and_who_won(derived: Derived) -> None:
    def score(match: int) -> Row:
        return derived.one(tables.MATCH_SCORES, match_id=match)

    shows(
        score(101),
        home_goals=2,
        away_goals=1,
        total_goals=3,
        result="H",
        decided_by="normal_time",
        winner="home",
    )
    shows(score(102), total_goals=2, result="D", decided_by="penalties", winner="away", home_penalties=3)
    shows(score(103), total_goals=3, result="H", decided_by="extra_time", winner="home")
    shows(score(104), home_goals=None, total_goals=None, result=None, decided_by="walkover", winner="home")


def test_a_score_is_compared_with_the_goals_among_the_incidents_own_goals_as_credited(
    derived: Derived,
) -> None:
    def source(match: int) -> tuple[Any, ...]:
        row = derived.one(tables.MATCH_SCORES, match_id=match)
        return row["score_source"], row["home_goals_counted"], row["away_goals_counted"]

    assert source(101) == ("confirmed", 2, 1)
    assert source(102) == ("confirmed", 1, 1)
    assert source(103) == ("event", None, None)
    assert source(104) == ("award", None, None)
    assert source(107) == ("contradicted", 0, 0)


def test_a_summary_tells_everything_of_a_played_match(derived: Derived) -> None:
    assert derived.values(tables.MATCH_SUMMARIES, "match_id", competition_id=1) == [101, 102, 103, 107]
    shows(
        derived.one(tables.MATCH_SUMMARIES, match_id=101),
        competition="League 1", season="2025-26", round=3, match_date=date(2025, 8, 2), home_team="Team 1",
        away_team="Team 2", home_goals=2, away_goals=1, home_goals_half_time=1, away_goals_half_time=0, result="H",
        decided_by="normal_time", home_xg=1.25, away_xg=0.5, xg_swing=0.75, home_xg_overperformance=0.75,
        away_xg_overperformance=0.5, home_possession=60.0, home_shots=10, away_shots=4, home_shots_on_target=5,
        home_big_chances=3, home_corners=7, home_fouls=9, home_pass_accuracy=0.75, home_manager="Ann",
        away_manager_id=2, referee="Ref", venue="Park", attendance=1000,
    )  # fmt: skip


def test_what_a_match_lacks_is_null_in_its_summary(derived: Derived) -> None:
    row = derived.one(tables.MATCH_SUMMARIES, match_id=103)
    shows(
        row,
        home_xg=2.0,
        away_xg=None,
        xg_swing=None,
        home_yellow_cards=None,
        home_manager=None,
        home_shots=None,
    )
    assert (
        derived.one(tables.MATCH_SUMMARIES, match_id=101)["away_pass_accuracy"] is None
    )  # no pass was tried


def test_cards_of_managers_and_rescinded_ones_do_not_count_and_a_second_yellow_is_one_sending_off(
    derived: Derived,
) -> None:
    shows(
        derived.one(tables.MATCH_SUMMARIES, match_id=101),
        home_yellow_cards=0, home_red_cards=1, away_yellow_cards=1, away_red_cards=1,
    )  # fmt: skip
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=21),
        yellow_cards=1, second_yellow_cards=1, red_cards=1, goals=None, own_goals=1,
    )  # fmt: skip
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=11), yellow_cards=0, second_yellow_cards=0, red_cards=1
    )


@scenario
def cards_that_were_taken_back(world: World) -> None:
    world.season(15, 150)
    world.match(1501, 151, 152)
    for player, minutes in ((1501, 35), (1502, 90), (1506, 34)):
        world.appears(1501, player, minutes_played=minutes)
    for player, minutes in ((1503, 15), (1504, 30)):
        world.appears(1501, player, started=False, minutes_played=minutes)
        world.incident(1501, "substitution", side="home", player_id=player, minute=60)
    world.appears(1501, 1505, played=False, started=False, minutes_played=None)
    world.appears(1501, 1507, "away", minutes_played=90)
    back = {"side": "home", "rescinded": True}
    for player, minute in ((1501, 34), (1502, 34), (1503, 75), (1504, 75), (1505, -5)):
        world.incident(1501, "card", **back, **{"class": "red", "player_id": player, "minute": minute})
    world.incident(1501, "card", **back, **{"class": "yellowRed", "player_id": 1506, "minute": 34})
    world.incident(1501, "card", **back, **{"class": "yellow", "player_id": 1506, "minute": 20})
    world.incident(1501, "card", **{"class": "red", "player_id": 1507, "minute": 90, "side": "away"})


def test_who_left_the_pitch_was_sent_off_though_the_card_was_taken_back_and_who_played_on_was_not(
    derived: Derived,
) -> None:
    reds = {row["player_id"]: row["red_cards"] for row in derived.of(tables.PLAYER_SEASONS, season_id=150)}
    assert reds == {1501: 1, 1502: 0, 1503: 1, 1504: 0, 1506: 1, 1507: 1}
    shows(derived.one(tables.PLAYER_SEASONS, player_id=1506), second_yellow_cards=1, yellow_cards=0)
    shows(
        derived.one(tables.MATCH_SUMMARIES, match_id=1501),
        home_red_cards=3, away_red_cards=1, home_yellow_cards=0,
    )  # fmt: skip
    assert derived.one(tables.TEAM_SEASONS, team_id=151)["red_cards"] == 3


def test_a_teams_season_counts_extra_time_and_shoot_outs_by_goals_and_walkovers_apart(
    derived: Derived,
) -> None:
    shows(
        derived.one(tables.TEAM_SEASONS, competition_id=1, team_id=1),
        team_name="Team 1", matches=3, wins=2, draws=1, losses=0, points=7, points_per_match=2.3333, goals_for=5,
        goals_against=3, goal_difference=2, home_matches=2, home_wins=2, home_points=6, home_goals_for=4,
        away_matches=1, away_draws=1, away_points=1, away_goals_against=1, walkovers_won=0, walkovers_lost=1,
        clean_sheets=0, shootouts_won=1, shootouts_lost=0, home_attendance=750.0,
        last_match_at=FIRST_DAY + timedelta(days=3),
    )  # fmt: skip
    shows(
        derived.one(tables.TEAM_SEASONS, competition_id=1, team_id=2),
        matches=3, wins=1, draws=1, losses=1, clean_sheets=1, shootouts_lost=1, walkovers_won=1,
    )  # fmt: skip


def test_a_team_that_had_but_a_walkover_has_a_season_of_no_matches(derived: Derived) -> None:
    shows(
        derived.one(tables.TEAM_SEASONS, team_id=4),
        matches=0, points=0, points_per_match=None, goals_for=0, home_goals_for=0, walkovers_lost=1, xg_matches=0,
        xg_for=None, possession=None, yellow_cards=None, last_match_at=None,
    )  # fmt: skip


def test_a_teams_sums_are_over_the_matches_that_state_them(derived: Derived) -> None:
    shows(
        derived.one(tables.TEAM_SEASONS, competition_id=1, team_id=1),
        half_matches=1, first_half_goals_for=1, second_half_goals_for=1, second_half_goals_against=1,
        xg_matches=1, xg_for=1.25, xg_against=0.5, xg_for_per_match=1.25, xg_overperformance=0.75,
        statistics_matches=2, possession=55.0, shots_per_match=10.0, shot_accuracy=0.5, pass_accuracy=0.75,
        shots_against_per_match=4.0, incident_matches=2, yellow_cards=0, red_cards=1,
    )  # fmt: skip


def test_a_managers_career_is_of_played_matches(derived: Derived) -> None:
    shows(
        derived.one(tables.MANAGER_CAREERS, manager_id=1),
        manager_name="Ann", matches=3, wins=2, draws=1, losses=0, points=7, points_per_match=2.3333,
        win_rate=0.6667, goals_for=4, goals_against=2, clean_sheets=1, teams=2, competitions=1, last_team="Team 2",
        first_match_at=FIRST_DAY + timedelta(days=1), last_match_at=FIRST_DAY + timedelta(days=7),
    )  # fmt: skip
    assert derived.of(tables.MANAGER_CAREERS, manager_id=3) == []  # the match was abandoned


@scenario
def a_season_without_line_ups(world: World) -> None:
    world.season(4, 40)
    world.match(401, 41, 42, (3, 0))
    world.match(402, 42, 41, (0, 0))


def test_a_season_in_which_every_match_lacks_line_ups_comes_through(derived: Derived) -> None:
    shows(
        derived.one(tables.TEAM_SEASONS, team_id=41), matches=2, points=4, goals_for=3, statistics_matches=0
    )
    assert len(derived.of(tables.MATCH_SUMMARIES, competition_id=4)) == 2
    assert derived.of(tables.PLAYER_SEASONS, competition_id=4) == []
    assert derived.of(tables.TEAM_TACTICS, competition_id=4) == []


@scenario
def teams_with_different_tactics(world: World) -> None:
    world.season(13, 130)
    world.match(1301, 131, 132)
    world.match(1302, 131, 133)
    own = {"passes": 400, "tackles": 10, "interceptions": 5, "fouls": 5, "long_balls": 40, "crosses": 20}
    own |= {"dribbles": 8, "box_touches": 20, "expected_goals": 1.5, "shots": 10, "aerial_duels": 20}
    world.statistics(1301, "home", possession=60.0, ground_duels=60, offsides=1, **own)
    world.statistics(
        1301, "away", possession=40.0, passes=200, tackles=20, interceptions=10, fouls=10, offsides=3
    )
    world.statistics(1302, "home", possession=50.0)
    world.statistics(1302, "away", possession=50.0, passes=500)
    for shot, situation in enumerate(("corner", "set-piece", "penalty", "fast-break", "assisted", None)):
        world.of_match(match_tables.SHOTS, 1301, shot_id=shot, side="home", situation=situation)
    world.of_match(match_tables.SHOTS, 1301, shot_id=9, side="home", situation="corner", goal_type="own")
    world.season(16, 160)
    for match in range(5):
        world.match(1601 + match, 161 + 2 * match, 162 + 2 * match)
        world.statistics(1601 + match, "home", possession=55.0 + match, passes=1)
        world.statistics(1601 + match, "away", possession=45.0 - match, passes=match and 1)


def test_tactics_are_over_the_matches_that_state_all_that_an_index_needs(derived: Derived) -> None:
    shows(
        derived.one(tables.TEAM_TACTICS, team_id=131),
        statistics_matches=2, possession=55.0, pressing=10.0, directness=0.1, width=5.0, aerial_play=0.25,
        dribbling=2.0, penetration=20.0, chance_quality=0.15, offside_line=3.0, set_pieces=0.4, counter_attacks=0.2,
    )  # fmt: skip
    shows(derived.one(tables.TEAM_TACTICS, team_id=132), pressing=10.0, directness=None, set_pieces=None)


def test_percentiles_of_tactics_are_among_ten_teams_of_the_season_or_more_that_have_the_index(
    derived: Derived,
) -> None:
    ranks = derived.values(tables.TEAM_TACTICS, "possession_percentile", competition_id=16)
    assert [ranks[0], ranks[1], *ranks[-2:]] == [55.5556, 44.4444, 100.0, 0.0]
    assert set(derived.values(tables.TEAM_TACTICS, "teams", competition_id=16)) == {10}
    assert set(derived.values(tables.TEAM_TACTICS, "width_percentile", competition_id=16)) == {None}
    # Three teams, of which each has another possession.
    assert derived.values(tables.TEAM_TACTICS, "possession_percentile", competition_id=13) == [None] * 3
    assert derived.values(tables.TEAM_TACTICS, "teams", competition_id=13) == [3] * 3


# Players


@scenario
def players_of_all_kinds(world: World) -> None:
    world.season(2, 20)
    world.player(201, position="F", born_on=date(2000, 8, 4))
    world.match(201, 21, 22)
    world.match(202, 22, 21)
    world.match(203, 21, 22)
    world.match(204, 21, 22, (9, 0), state="abandoned")
    figures = {
        "shots": 4,
        "passes": 50,
        "accurate_passes": 40,
        "duels_won": 3,
        "duels_lost": 1,
        "key_passes": 2,
    }
    world.appears(201, 201, goals=1, rating=8.0, **figures)
    world.appears(201, 202, minutes_played=90, expected_goals=0.4, expected_assists=0.1, position=None)
    world.appears(202, 201, "away", minutes_played=30, started=False, assists=1, rating=6.5)
    world.appears(202, 202, "away", minutes_played=90, position=None)
    world.appears(203, 201, minutes_played=60, rating=None, goals=1)
    world.appears(204, 201, goals=9)
    world.appears(201, 203, minutes_played=0)
    world.appears(201, 204, minutes_played=None, goals=None)
    world.appears(201, 205, "home", minutes_played=60, position="F", goals=1)
    world.appears(202, 205, "home", minutes_played=90, position="D")
    world.appears(201, 206, played=False, started=False, minutes_played=None)
    world.incident(201, "card", **{"class": "yellow", "side": "home", "player_id": 206, "minute": -5})
    world.incident(203, "card", **{"class": "yellow", "side": "home", "player_id": 205, "minute": -5})
    world.season(3, 30)
    world.match(301, 31, 32)
    world.appears(301, 205, minutes_played=90, goals=2, position="D", expected_goals=0.25)


def test_a_players_season_sums_what_his_matches_state(derived: Derived) -> None:
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=201),
        competition="League 2", season="2025-26", player_name="Player 201", team_name="Team 21", teams=1,
        position="M", age=25, appearances=3, starts=2, covered_matches=3, minutes=180, sufficient=False,
        rated_matches=2, rating=7.25, goals=2, assists=1, own_goals=0, shots=4, key_passes=2, passes=50,
        pass_accuracy=0.8, duel_success=0.75, shot_conversion=0.25, dribble_success=None, aerial_success=None,
        goals_per_90=1.0, last_match_at=FIRST_DAY + timedelta(days=3),
    )  # fmt: skip


def test_a_figure_is_over_the_matches_in_which_somebody_has_it_and_null_where_nobody_ever_has(
    derived: Derived,
) -> None:
    # Of his 180 minutes 90 are in the match with shots and key passes, and 30 in the one with an assist.
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=201),
        shots=4, shots_per_90=4.0, key_passes_per_90=2.0, assists=1, assists_per_90=3.0, tackles_per_90=None,
        shots_on_target=None, saves_per_90=None,
        partly_known=["assists", "shots", "key_passes", "passes", *CARDS],
    )  # fmt: skip
    # In the match with shots he has none, and does not play in that with an assist.
    shows(derived.one(tables.PLAYER_SEASONS, player_id=203), shots=0, assists=None, shots_per_90=None)


@scenario
def matches_that_leave_figures_out(world: World) -> None:
    world.season(17, 170)
    for match in range(1701, 1707):
        world.match(match, 171, 172, (1, 0) if match < 1704 else (0, 0))
        known = (
            {"assists": 1, "saves": 2, "shots": 3, "passes": 30, "accurate_passes": 20}
            if match < 1703
            else {}
        )
        known |= {"passes": 30, "dribbles_won": 1, "duels_won": 1}
        world.appears(match, 1701, position="G", goals=1 if match < 1702 else None, **known)
        world.appears(match, 1702, "away", position="G", rating=7.0)
    world.incident(1703, "goal", **{"class": "ownGoal", "side": "home", "player_id": 1702})


def test_a_key_that_no_player_of_a_match_has_is_no_zero_of_theirs(derived: Derived) -> None:
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=1701),
        minutes=540, assists=2, assists_per_90=1.0, shots=6, shots_per_90=3.0, saves_per_90=2.0, tackles_per_90=None,
        pass_accuracy=0.6667, duel_success=None, dribble_success=None, dribbles_won_per_90=1.0,
    )  # fmt: skip
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=1702),
        assists=0, assists_per_90=0.0, shots=0, saves_per_90=0.0, passes=0, key_passes=None,
    )  # fmt: skip
    partly = derived.one(tables.PLAYER_SEASONS, player_id=1702)["partly_known"]
    assert partly == ["goals", "assists", "own_goals", "shots", "saves", *CARDS]


@scenario
def a_venue_and_a_referee_that_are_called_otherwise_by_now(world: World) -> None:
    world.season(17, 172)
    for match, days, name in ((1721, 9, "New"), (1722, 2, "Old"), (1723, 1, "Older")):
        place = {
            "venue_id": 5,
            "venue": f"{name} Park",
            "city": f"{name} Town",
            "referee_id": 6,
            "referee": name,
        }
        world.match(match, 171, 172, (1, 1), **place)
        read = {"part": "event", "state": "done", "checked_at": FIRST_DAY + timedelta(days=days)}
        world.add(match_tables.MATCH_PARTS, match_id=match, **world.now, **read)


def test_a_venue_and_a_referee_are_called_as_the_event_that_was_read_last_calls_them(
    derived: Derived,
) -> None:
    for match in (1721, 1722, 1723):
        shows(
            derived.one(tables.MATCH_SUMMARIES, match_id=match),
            venue="New Park",
            city="New Town",
            referee="New",
        )


@scenario
def a_match_of_which_a_figure_was_refused(world: World) -> None:
    world.season(17, 171)
    for match in (1711, 1712):
        world.match(match, 171, 172, (0, 0))
        refused = {"shots": None, "refused": ["shots"]} if match == 1711 else {"shots": 2}
        world.appears(match, 1711, tackles=1, **refused)
        world.appears(match, 1712, "away", shots=3, tackles=2)


def test_a_figure_that_was_refused_is_unknown_and_no_zero(derived: Derived) -> None:
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=1711),
        minutes=180, shots=2, shots_per_90=2.0, tackles_per_90=1.0, partly_known=["shots"],
    )  # fmt: skip


def test_goals_are_known_where_the_score_tells_that_no_player_scored_and_only_there(derived: Derived) -> None:
    # One match in six, 1-0, has a goal that no player has; in another one an own goal is all there is.
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=1701),
        goals=1, goals_per_90=0.2, own_goals=0, shot_conversion=0.3333,
    )  # fmt: skip
    assert derived.one(tables.PLAYER_FORM, player_id=1701, last_matches=5)["goals_per_90"] == 0.0
    assert derived.one(tables.PLAYER_FORM, player_id=1701, last_matches=5)["assists"] == 1
    shows(
        derived.one(tables.PLAYER_CAREERS, player_id=1701), goals=1, goals_per_90=0.2, assists_per_90=1.0,
    )  # fmt: skip
    shows(
        derived.one(tables.PLAYER_PROFILES, player_id=1701), assists=2, assists_per_90=1.0, xg_per_90=None,
    )  # fmt: skip


def test_expected_goals_are_zero_only_in_matches_where_somebody_has_them(derived: Derived) -> None:
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=201),
        xg_matches=1, xg_minutes=90, xg=0.0, xg_overperformance=1.0, xg_per_90=0.0, xa_minutes=90, xa=0.0,
    )  # fmt: skip
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=202),
        xg_matches=1, xg_minutes=90, xg=0.4, xg_per_90=0.4, xa_per_90=0.1, position=None, age=None,
    )  # fmt: skip
    # In no match of player 11 does anybody have them.
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=11), xg_matches=0, xg_minutes=0, xg=None, xg_per_90=None
    )


def test_rates_are_null_at_zero_minutes_and_figures_where_nothing_is_stated(derived: Derived) -> None:
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=203),
        appearances=1, covered_matches=1, minutes=0, goals=0, goals_per_90=None, xg_per_90=None, rating=None,
        partly_known=[],
    )  # fmt: skip
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=204),
        appearances=1, covered_matches=0, minutes=0, goals=None, shots=None, goals_per_90=None, pass_accuracy=None,
    )  # fmt: skip


def test_a_player_on_the_bench_only_has_no_season_and_a_card_there_counts(derived: Derived) -> None:
    assert derived.of(tables.PLAYER_SEASONS, player_id=206) == []
    assert derived.one(tables.PLAYER_SEASONS, player_id=205, season_id=20)["yellow_cards"] == 1


@scenario
def matches_without_incidents(world: World) -> None:
    world.season(19, 190)
    for match in (1901, 1902, 1903):
        world.match(match, 191, 192)
    for player, matches in {1901: (1901,), 1902: (1901, 1902), 1903: (1902, 1903), 1904: (1901,)}.items():
        for match in matches:
            world.appears(match, player, minutes_played=90)
    world.appears(1902, 1904, played=False, started=False, minutes_played=None)
    world.incident(1902, "card", **{"class": "yellow", "side": "home", "player_id": 1902, "minute": 10})
    world.incident(1902, "card", **{"class": "yellow", "side": "home", "player_id": 1904, "minute": 12})
    world.incident(1903, "period")


def test_cards_are_unknown_where_no_match_of_a_player_has_incidents_and_of_the_others_where_some_have_none(
    derived: Derived,
) -> None:
    def of(player: int) -> tuple[list[int | None], list[str]]:
        row = derived.one(tables.PLAYER_SEASONS, player_id=player)
        return [row[name] for name in CARDS], [name for name in row["partly_known"] if name in CARDS]

    assert of(1901) == ([None, None, None], [])
    assert of(1902) == ([1, 0, 0], CARDS)
    assert of(1903) == ([0, 0, 0], [])
    assert of(1904) == ([1, 0, 0], CARDS), "booked on the bench of a match with incidents"
    shows(derived.one(tables.PLAYER_CAREERS, player_id=1901), yellow_cards=None, red_cards=None)
    shows(derived.one(tables.PLAYER_CAREERS, player_id=1902), yellow_cards=1, red_cards=0)


def test_a_player_of_two_teams_has_one_season_with_the_team_of_most_minutes(derived: Derived) -> None:
    shows(
        derived.one(tables.PLAYER_SEASONS, player_id=205, season_id=20),
        team_id=22, team_name="Team 22", teams=2, position="D", minutes=150, goals=1, goals_per_90=0.6,
    )  # fmt: skip


def test_a_career_adds_up_the_seasons_of_all_competitions(derived: Derived) -> None:
    shows(
        derived.one(tables.PLAYER_CAREERS, player_id=205),
        seasons=2, competitions=2, teams=3, minutes=240, goals=3, xg_matches=2, xg_minutes=150, xg=0.25,
        xg_per_90=0.15, yellow_cards=1, goals_per_90=1.125, sufficient=False, position="D", first_season_year=2025,
    )  # fmt: skip


@scenario
def a_season_of_sufficient_minutes(world: World) -> None:
    world.season(5, 50)
    goalkeeper = dict.fromkeys(("goals", "assists", "shots", "key_passes", "passes", "dribbles", "saves"), 1)
    goalkeeper |= {"duels_won": 1, "aerial_duels_won": 1, "expected_goals": 0.1, "expected_assists": 0.1}
    goalkeeper |= {
        "duels_lost": 0,
        "aerial_duels_lost": 0,
        "accurate_passes": 1,
        "dribbles_won": 1,
        "tackles": 1,
    }
    goalkeeper |= {"interceptions": 1, "clearances": 1, "ball_recoveries": 1}
    for match in range(501, 506):
        world.match(match, 51, 52)
        for player, rating in ((501, 6.0), (502, 7.0), (503, 7.0), (504, 8.0)):
            world.appears(match, player, position="D", rating=rating)
        for player in range(511, 517):
            world.appears(match, player, position="D", rating=7.0 + (player - 513.5) / 10)
        for player in range(521, 530):
            world.appears(match, player, "away", position="G", rating=6.5, **goalkeeper)
        world.appears(match, 505, position="D", rating=10.0, minutes_played=90 if match < 505 else 89)
        world.appears(match, 506, position="G", rating=7.0, **goalkeeper)


def test_450_minutes_are_sufficient_and_449_are_not(derived: Derived) -> None:
    assert derived.values(tables.PLAYER_SEASONS, "minutes", competition_id=5)[3:6] == [450, 449, 450]
    sufficient = derived.values(tables.PLAYER_SEASONS, "sufficient", competition_id=5)
    assert sufficient[3:6] == [True, False, True]


def test_distributions_are_over_the_players_of_a_position_with_sufficient_minutes(derived: Derived) -> None:
    shows(
        derived.one(tables.POSITION_DISTRIBUTIONS, competition_id=5, position="D", metric="rating"),
        players=10, mean=7.0, median=7.0, p25=6.8750, p75=7.1250, p90=7.325, std=0.4916,
    )  # fmt: skip
    shows(
        derived.one(tables.POSITION_DISTRIBUTIONS, competition_id=5, position="G", metric="rating"),
        players=10, mean=6.55, p25=6.5, p90=6.55,
    )  # fmt: skip
    # Players of other seasons are fewer than ten in their position.
    assert {row["competition_id"] for row in derived.of(tables.POSITION_DISTRIBUTIONS)} == {5}


def test_distributions_have_every_metric_that_somebody_has(derived: Derived) -> None:
    metrics = set(derived.values(tables.POSITION_DISTRIBUTIONS, "metric", competition_id=5, position="G"))
    assert metrics == set(tables.POSITION_METRICS)
    assert "saves_per_90" not in derived.values(tables.POSITION_DISTRIBUTIONS, "metric", position="D")


def test_percentile_ranks_count_equal_players_half_and_need_ten_players(derived: Derived) -> None:
    ranks = derived.values(tables.PLAYER_PERCENTILES, "rating_percentile", competition_id=5, position="D")
    assert ranks[:4] == [0.0, 50.0, 50.0, 100.0]
    assert set(derived.values(tables.PLAYER_PERCENTILES, "players", competition_id=5)) == {10}
    shows(
        derived.one(tables.PLAYER_PERCENTILES, player_id=504),
        goals_per_90_percentile=50.0, pass_accuracy_percentile=None, saves_per_90_percentile=None,
    )  # fmt: skip
    few = derived.one(tables.PLAYER_PERCENTILES, player_id=601)
    assert (few["players"], few["rating_percentile"]) == (5, None)


def test_a_profile_names_strengths_and_weaknesses_by_percentile(derived: Derived) -> None:
    shows(
        derived.one(tables.PLAYER_PROFILES, player_id=504),
        strengths=["rating"], weaknesses=[], rating=8.0, rating_percentile=100.0, minutes=450, team_name="Team 51",
        consistency="very_consistent", form_rating=8.0, form_trend=None, progression=None, career_minutes=450,
    )  # fmt: skip
    shows(derived.one(tables.PLAYER_PROFILES, player_id=501), strengths=[], weaknesses=["rating"])
    shows(derived.one(tables.PLAYER_PROFILES, player_id=506), strengths=["rating"], weaknesses=[])
    assert derived.of(tables.PLAYER_PROFILES, player_id=505) == []


@scenario
def ratings_that_spread_differently(world: World) -> None:
    world.season(6, 60)
    spreads = {
        601: (7, 7, 7, 7, 7.5),
        602: (6, 7, 7, 7, 8),
        603: (5.5, 7, 7, 7, 8.5),
        604: (5, 7, 7, 7, 9),
        605: (7, 7, 7, 7, None),
    }
    for place, match in enumerate(range(601, 606)):
        world.match(match, 61, 62)
        for player, ratings in spreads.items():
            world.appears(match, player, rating=ratings[place])


def test_consistency_is_by_the_coefficient_of_variation_of_five_ratings_or_more(derived: Derived) -> None:
    rows = derived.of(tables.PLAYER_CONSISTENCY, competition_id=6)
    assert [(row["player_id"], row["consistency"], row["cv"]) for row in rows] == [
        (601, "very_consistent", 0.0315),
        (602, "consistent", 0.101),
        (603, "variable", 0.1515),
        (604, "inconsistent", 0.202),
    ]
    shows(rows[1], rated_matches=5, rating=7.0, rating_std=0.7071, rating_min=6.0, rating_max=8.0)


@scenario
def a_player_who_got_better(world: World) -> None:
    world.season(7, 70)
    for match in range(701, 708):
        world.match(match, 71, 72, day=max(match - 700, 3))  # the first three kick off together
        started = match != 707
        world.appears(
            match, 701, rating=6.0 if match < 703 else 7.0, goals=1, started=started, minutes_played=45
        )
    world.match(708, 72, 71, day=50)
    world.appears(708, 702, rating=6.0)


def test_form_is_of_the_last_matches_against_as_many_before(derived: Derived) -> None:
    shows(
        derived.one(tables.PLAYER_FORM, player_id=701, last_matches=5),
        matches=5, starts=4, minutes=225, rated_matches=5, rating=7.0, rating_before=6.0, trend="rising", goals=5,
        goals_per_90=2.0, first_match_at=FIRST_DAY + timedelta(days=3), last_match_at=FIRST_DAY + timedelta(days=7),
        xg=None,
    )  # fmt: skip
    shows(
        derived.one(tables.PLAYER_FORM, player_id=701, last_matches=10),
        matches=7, goals=7, rating=6.7143, rating_before=None, trend=None,
    )  # fmt: skip
    assert derived.values(tables.PLAYER_FORM, "matches", player_id=702) == [1, 1, 1]


@scenario
def a_player_over_the_years(world: World) -> None:
    ratings = {2018: 7.0, 2019: 9.0, 2020: 7.1, 2021: 7.05, 2022: 6.95}
    for year, rating in ratings.items():
        world.season(8, year, year)
        matches = range(100 * year, 100 * year + (1 if year == 2019 else 3))
        for match in matches:
            world.match(match, 81, 82)
            world.appears(match, 801, rating=rating, goals=1)
        if year != 2019:
            world.season(9, 10_000 + year, year)
            for match in (100 * year + 50, 100 * year + 51):
                world.match(match, 81, 82)
                world.appears(match, 801, rating=rating)


def test_progression_is_between_years_of_sufficient_minutes_over_all_competitions(derived: Derived) -> None:
    rows = derived.of(tables.PLAYER_PROGRESSION, player_id=801)
    assert [(row["season_year"], row["season_year_before"]) for row in rows] == [
        (2020, 2018), (2021, 2020), (2022, 2021),
    ]  # fmt: skip
    assert [(row["rating_change"], row["progression"]) for row in rows] == [
        (0.1, "improved"), (-0.05, "stable"), (-0.1, "declined"),
    ]  # fmt: skip
    shows(
        rows[0],
        minutes=450,
        goals_per_90=0.6,
        goals_per_90_before=0.6,
        goals_per_90_change=0.0,
        xg_per_90=None,
    )


@scenario
def three_teams_and_a_draw_of_all(world: World) -> None:
    world.season(10, 100)
    world.match(1001, 101, 102, (1, 0))
    world.match(1002, 101, 103, (1, 0))
    world.match(1003, 102, 103, (1, 0))
    world.match(1004, 103, 102, (0, 1))
    world.appears(1001, 1001, "away", goals=1, rating=6.0)
    world.appears(1003, 1001, "home", goals=2, minutes_played=45)
    world.appears(1004, 1001, "away", goals=1, minutes_played=45)
    world.appears(1001, 1002, "home", minutes_played=89)
    world.season(11, 110)
    world.match(1101, 111, 112, (1, 0))
    world.appears(1101, 1101)
    world.season(12, 120)
    world.match(1201, 121, 122)
    world.match(1202, 122, 123)
    world.match(1203, 123, 121)
    world.appears(1201, 1201)
    world.appears(1202, 1201, "away")


def test_tiers_are_thirds_of_the_teams_by_points_per_match(derived: Derived) -> None:
    rows = derived.of(tables.OPPONENT_TIER_PERFORMANCE, competition_id=10)
    assert [(row["player_id"], row["tier"]) for row in rows] == [(1001, "bottom"), (1001, "top")]
    shows(rows[0], appearances=2, minutes=90, goals=3, goals_per_90=3.0, rating=None, rated_matches=0)
    shows(rows[1], appearances=1, minutes=90, goals=1, rating=6.0)


def test_there_are_no_tiers_of_two_teams_and_equal_teams_are_in_the_same(derived: Derived) -> None:
    assert derived.of(tables.OPPONENT_TIER_PERFORMANCE, competition_id=11) == []
    assert derived.values(tables.OPPONENT_TIER_PERFORMANCE, "tier", competition_id=12) == ["top"]
    assert derived.values(tables.OPPONENT_TIER_PERFORMANCE, "appearances", competition_id=12) == [2]


@scenario
def teams_equal_in_points(world: World) -> None:
    world.season(18, 180)
    world.match(1801, 181, 182, (3, 0))
    world.match(1802, 182, 183, (1, 0))
    world.match(1803, 183, 181, (1, 0))
    for match, side in ((1801, "away"), (1802, "home"), (1803, "away")):
        world.appears(match, 1801 + match, side, position="M")


def test_goal_difference_tells_equal_teams_apart(derived: Derived) -> None:
    rows = derived.of(tables.OPPONENT_TIER_PERFORMANCE, competition_id=18)
    assert [row["tier"] for row in rows] == ["top", "middle", "middle"]


@scenario
def substitutions_that_turn_a_match(world: World) -> None:
    world.season(14, 140)
    world.match(1401, 141, 142, (2, 1), state="after_penalties", winner="home")
    world.appears(1401, 1401, started=False, minutes_played=45, rating=8.0, goals=2)
    world.player(1402)
    world.incident(1401, "goal", side="away")
    world.incident(
        1401,
        "substitution",
        side="home",
        player_id=1401,
        player_out_id=1402,
        minute=45,
        added_minute=2,
        injury=True,
    )
    world.incident(1401, "substitution", side="away", minute=46)
    world.incident(1401, "goal", side="home")
    world.incident(1401, "goal", side="home")
    world.incident(1401, "substitution", side="away", player_id=1402, minute=80)
    world.incident(1401, "penaltyShootout", **{"class": "scored", "side": "home"})
    world.match(1402, 142, 141, state="abandoned")
    world.incident(1402, "substitution", side="home")


def test_a_substitution_has_the_score_before_and_what_happened_after(derived: Derived) -> None:
    home, early, late = derived.of(tables.SUBSTITUTION_IMPACT, competition_id=14)
    shows(
        home,
        match_id=1401, position=2, side="home", team_id=141, minute=45, added_minute=2, player_in="Player 1401",
        player_out="Player 1402", injury=True, goals_for_before=0, goals_against_before=1, goals_for_after=2,
        goals_against_after=0, impact=2, player_in_minutes=45, player_in_rating=8.0, player_in_goals=2,
    )  # fmt: skip
    shows(early, player_in_id=None, player_in=None, goals_for_before=1, goals_against_after=2, impact=-2)
    shows(
        late, player_in="Player 1402", player_out=None, goals_for_before=1, goals_against_before=2, impact=0
    )
    shows(late, player_in_minutes=None, player_in_goals=None)


def age_world(tmp_path: Path, players: list[tuple[int, float]]) -> Derived:
    """One match with forwards of these ages and ratings."""
    world = World()
    world.season(1, 10)
    world.match(1, 1, 2)
    for player, (age, rating) in enumerate(players):
        world.player(player, born_on=date(2025 - age, 8, 2))
        world.appears(1, player, rating=rating, goals=int(age == 25), position="F")
    return Derived(world, tmp_path)


def test_age_curves_mark_the_age_around_which_200_player_seasons_are_best(tmp_path: Path) -> None:
    derived = age_world(
        tmp_path, [(24, 6.8)] * 100 + [(25, 7.0)] * 50 + [(26, 7.2)] * 50 + [(29, 7.5)] * 9 + [(30, 9.0)] * 4
    )
    curves = derived.of(tables.AGE_CURVES)
    assert [(row["age"], row["player_seasons_around"], row["peak"]) for row in curves] == [
        (24, 200, True), (25, 200, False), (26, 200, False), (29, 13, False), (30, 13, False),
    ]  # fmt: skip
    assert [row["rating_around"] for row in curves] == [6.95, 6.95, 6.95, 7.9615, 7.9615]
    shows(curves[1], players=50, appearances=50, rated_matches=50, rating=7.0, goals_per_90=1.0)


def test_a_position_with_fewer_player_seasons_around_every_age_has_no_peak(tmp_path: Path) -> None:
    derived = age_world(tmp_path, [(24, 6.8)] * 100 + [(25, 7.0)] * 99)
    assert derived.values(tables.AGE_CURVES, "player_seasons_around") == [199, 199]
    assert not any(derived.values(tables.AGE_CURVES, "peak"))


def test_the_peak_is_where_the_rating_around_is_highest(tmp_path: Path) -> None:
    bumps = {23: 6.8, 25: 7.0, 27: 7.2, 29: 7.1, 31: 6.8}
    derived = age_world(
        tmp_path, [(age, rating) for age, rating in bumps.items() for _ in range(80)] + [(35, 9.0)]
    )
    assert [row["age"] for row in derived.of(tables.AGE_CURVES, peak=True)] == [27]


def test_an_age_that_no_player_has_is_unknown(tmp_path: Path) -> None:
    world = World()
    world.season(1, 10)
    world.match(1, 1, 2)
    world.player(90, born_on=date(2001, 8, 3))  # 24 on the day before his birthday: 23
    world.player(91, born_on=date(1825, 8, 3))
    world.player(92, born_on=date(2024, 8, 3))
    for player in (90, 91, 92, 93):
        world.appears(1, player, position="F", minutes_played=0)
    derived = Derived(world, tmp_path)
    assert derived.values(tables.PLAYER_SEASONS, "age") == [23, None, None, None]
    assert derived.values(tables.AGE_CURVES, "age") == [23]
    shows(
        derived.one(tables.AGE_CURVES, age=23), minutes=0, rating=None, goals_per_90=None, rating_around=None
    )


# What holds for all of them


def test_keys_are_unique_and_no_figure_is_infinite(derived: Derived) -> None:
    for table in tables.DERIVED_TABLES:
        rows = derived.rows[table.name]
        assert rows, table.name
        keys = {tuple(row[name] for name in table.key) for row in rows}
        assert len(keys) == len(rows), table.name
        odd = [v for row in rows for v in row.values() if isinstance(v, float) and not math.isfinite(v)]
        assert odd == [], table.name


def test_shares_lie_between_0_and_1_and_percentiles_between_0_and_100(derived: Derived) -> None:
    for table in tables.DERIVED_TABLES:
        for column in table.columns:
            if column.name.endswith(("_percentile", "_accuracy", "_success", "_rate", "possession")):
                limit = 1 if column.name.endswith(("_accuracy", "_success", "_rate")) else 100
                values = [value for value in derived.values(table, column.name) if value is not None]
                assert all(0 <= value <= limit for value in values), (table.name, column.name)


def test_careers_are_the_sum_of_the_seasons(derived: Derived) -> None:
    for career in derived.rows[tables.PLAYER_CAREERS.name]:
        seasons = derived.of(tables.PLAYER_SEASONS, player_id=career["player_id"])
        assert career["seasons"] == len(seasons)
        for name in ("appearances", "minutes", "goals", "own_goals", "xg", "yellow_cards", "shots"):
            stated = [row[name] for row in seasons if row[name] is not None]
            assert career[name] == (pytest.approx(sum(stated)) if stated else None), name


def test_every_team_of_the_tactics_is_in_the_team_seasons_under_the_same_name(derived: Derived) -> None:
    named = ("competition_id", "season_id", "team_id", "team_name")
    teams = {tuple(row[name] for name in named) for row in derived.rows[tables.TEAM_SEASONS.name]}
    assert {tuple(row[name] for name in named) for row in derived.rows[tables.TEAM_TACTICS.name]} <= teams


def test_the_order_of_the_input_does_not_matter(derived: Derived, tmp_path: Path) -> None:
    shuffled = everything()
    for rows in shuffled.rows.values():
        random.Random(7).shuffle(rows)
    assert Derived(shuffled, tmp_path).rows == derived.rows


def test_no_matches_give_empty_tables_and_nothing_is_left_over(tmp_path: Path) -> None:
    derived = Derived(World(), tmp_path)
    assert derived.rows == {table.name: [] for table in tables.DERIVED_TABLES}
    assert derived.left_over == set()


def test_every_select_belongs_to_a_table() -> None:
    assert {path.stem for path in SQL.glob("*.sql")} == {table.name for table in tables.DERIVED_TABLES}
    intermediate = {name for names in INTERMEDIATE.values() for name in names}
    assert {path.stem for path in SQL.glob("*/*.sql")} == intermediate


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_figures_that_are_not_refused_overflow_nothing(tmp_path: Path, sign: int) -> None:
    """What bodies.Count and bodies.Number let through, in every match of a player and on one minute."""
    world = World()
    world.season(1, 10)
    whole = {figure.column: sign * 500_000 for figure in match_tables.PLAYER_STATISTICS if figure.whole}
    broken = {figure.column: sign * 1e5 for figure in match_tables.PLAYER_STATISTICS if not figure.whole}
    team = {
        figure.column: sign * (500_000 if figure.whole else 1e5) for figure in match_tables.TEAM_STATISTICS
    }
    for match in range(1, 41):
        world.match(match, 11, 12)
        world.appears(match, 1, **{**whole, **broken, "minutes_played": 1})
        world.appears(match, 2, **{**whole, **broken, "rating": 0.0})
        world.statistics(match, "home", **team)
        world.statistics(match, "away", **team)
    assert Derived(world, tmp_path).rows["player_seasons"]
