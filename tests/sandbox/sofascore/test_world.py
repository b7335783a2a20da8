"""Which competitions, seasons and matches a world of a given size holds, and that it is the same every time."""

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from include.sources.sofascore import competitions
from sandbox.sofascore.fixtures import DAY
from sandbox.sofascore.server import SampleUpstream
from sandbox.sofascore.world import World


@pytest.mark.parametrize("size", [30, 31, 60, 77, 240, 1001])
def test_a_world_has_as_many_matches_as_were_asked_for(size: int) -> None:
    world = World(size, 5)
    assert len(world.fixtures) == size
    assert sum(len(season.fixtures) for season in world.seasons.values()) == size
    assert {0, 60, 70, 80, 90, 91, 100, 110, 120} <= {int(code) for code in world.states()}


def test_the_default_world_has_three_competitions_of_two_seasons() -> None:
    world = World(240, 7)
    assert Counter(each.form for each in world.competitions.values()) == {"league": 2, "cup": 1}
    assert set(Counter(each.competition.id for each in world.seasons.values()).values()) == {2}
    assert sum(each.without_lineups for each in world.seasons.values()) == 1
    (cup,) = (each for each in world.competitions.values() if each.form == "cup")
    assert cup.national


def test_a_great_world_has_all_competitions_and_up_to_five_seasons() -> None:
    world = World(16_400, 7)
    assert len(world.fixtures) == 16_400
    assert set(world.competitions) == {each.id for each in competitions.load()}
    seasons = Counter(each.competition.id for each in world.seasons.values())
    assert max(seasons.values()) == 5
    assert max(len(each.fixtures) for each in world.seasons.values()) <= 600
    assert {each.begin for each in world.seasons.values()} == {2022, 2023, 2024, 2025, 2026}


@pytest.mark.parametrize(("size", "words"), [(29, "at least 30"), (90_000, "at most")])
def test_a_size_that_cannot_be_made_is_refused(size: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        World(size, 7)


def test_a_league_is_a_double_round_robin() -> None:
    world = World(240, 7)
    season = next(each for each in world.seasons.values() if each.id == 17125)
    pairs = Counter((each.home.id, each.away.id) for each in season.fixtures)
    teams = {team for pair in pairs for team in pair}
    assert set(pairs) == {(home, away) for home in teams for away in teams if home != away}
    assert set(pairs.values()) == {1}
    for number in {each.round for each in season.fixtures}:
        playing = [each for each in season.fixtures if each.round == number]
        assert len({team for each in playing for team in (each.home.id, each.away.id)}) == len(teams)


def test_whoever_wins_a_tie_is_in_the_next_one() -> None:
    world = World(600, 7)
    cups = [season for season in world.seasons.values() if season.competition.form == "cup"]
    with_semifinals = [
        season for season in cups if any(each.round_name == "Semifinals" for each in season.fixtures)
    ]
    assert with_semifinals
    for season in with_semifinals:
        final = next(each for each in season.fixtures if each.round_name == "Final")
        semi = [each for each in season.fixtures if each.round_name == "Semifinals" and each.decides]
        assert {final.home.id, final.away.id} <= {team.id for each in semi for team in (each.home, each.away)}
        third = next(each for each in season.fixtures if each.round_name == "Match for 3rd place")
        everybody = {final.home.id, final.away.id, third.home.id, third.away.id}
        assert len(everybody) == 4


def test_no_team_plays_twice_on_a_day_of_a_season() -> None:
    world = World(240, 7)
    for season in world.seasons.values():
        if season.current:
            days = Counter(
                (team.id, each.kickoff // DAY) for each in season.fixtures for team in (each.home, each.away)
            )
            assert max(days.values()) == 1


def test_a_seed_makes_a_world_and_another_one_another() -> None:
    one, same, other = (SampleUpstream(size=30, seed=seed) for seed in (1, 1, 2))
    assert one.matches() == same.matches() != other.matches()
    match = next(each.id for each in one.matches().values() if each.code == 100)
    assert one.bodies(match) == same.bodies(match) != other.bodies(match)
    # The order in which matches are asked for does not matter
    for each in list(one.matches())[::-1]:
        one.bodies(each)
    assert one.bodies(match) == same.bodies(match)


TIMES = {"startTimestamp", "currentPeriodStartTimestamp", "changeTimestamp", "dateOfBirthTimestamp"}
SEASONS = {"25/26": "27/28", "26/27": "28/29", "2024": "2026", "2026": "2028"}


def moved(body: Any, seconds: int) -> Any:
    """A body with all its times later by so much, and its seasons by two years."""
    if isinstance(body, list):
        return [moved(each, seconds) for each in body]
    if not isinstance(body, dict):
        return body
    found = {
        name: value + seconds if name in TIMES and value else moved(value, seconds)
        for name, value in body.items()
    }
    if "seasonCoverageInfo" in body or {"name", "year", "editor", "id"} == body.keys():
        year = SEASONS[body["year"]]
        found |= {"year": year, "name": body["name"].removesuffix(body["year"]) + year}
    return found


@pytest.mark.parametrize("first", [date(2028, 7, 1), date(2029, 6, 30)])
def test_another_first_day_moves_all_times_by_as_much_and_changes_nothing_else(first: date) -> None:
    one, other = SampleUpstream(size=240, seed=7), SampleUpstream(size=240, seed=7, today=lambda: first)
    later = first - date(2026, 11, 17)
    assert other.matches() == {
        number: replace(each, kickoff=each.kickoff + later, year=SEASONS[each.year])
        for number, each in one.matches().items()
    }
    for match in one.matches():
        assert other.bodies(match) == moved(one.bodies(match), int(later.total_seconds()))


@pytest.mark.parametrize(
    ("first", "newest"),
    [(date(2027, 6, 30), "26/27"), (date(2027, 7, 1), "27/28"), (date(2026, 6, 30), "25/26")],
)
def test_the_newest_season_is_that_of_the_first_day(first: date, newest: str) -> None:
    upstream = SampleUpstream(size=60, seed=7, today=lambda: first)
    assert max(each.year for each in upstream.matches().values() if "/" in each.year) == newest


def test_a_covered_world_has_line_ups_of_every_season_and_expected_goals_of_every_competition() -> None:
    world = World(240, 7, covered=True)
    assert not any(each.without_lineups for each in world.seasons.values())
    assert all(world.has_xg(each) for each in world.seasons.values())


def test_careers_go_over_seasons_and_clubs() -> None:
    upstream = SampleUpstream(size=240, seed=7)
    people = upstream._world.people
    clubs: dict[int, set[int]] = {}
    years: dict[int, set[int]] = {}
    for year in range(2022, 2027):
        for key in range(20):
            squad = people.squad(key, year)
            assert len({each.player.id for each in squad}) == 25
            for each in squad:
                clubs.setdefault(each.player.id, set()).add(each.club)
                years.setdefault(each.player.id, set()).add(year)
    assert any(len(found) > 1 for found in clubs.values())
    assert max(map(len, years.values())) == 5
    assert min(map(len, years.values())) == 1
