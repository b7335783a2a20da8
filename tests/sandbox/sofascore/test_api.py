"""The API's answers: shapes, pages, what is not there."""

from datetime import UTC, datetime
from typing import Any

import pytest

from include.sources.sofascore.competitions import season_year
from include.sources.sofascore.match_tables import PARTS
from sandbox.sofascore.api import PATHS
from sandbox.sofascore.server import SampleUpstream

NOW = datetime(2026, 11, 17, tzinfo=UTC).timestamp()
NOT_FOUND = {"error": {"code": 404, "message": "Not Found"}}
ENGLAND, WORLD = 17, 16


def test_seasons_are_listed_newest_first_in_every_spelling(ask: Any) -> None:
    of_league = [each["year"] for each in ask.seasons(ENGLAND).json()["seasons"]]
    assert of_league[:2] == ["26/27", "25/26"]
    assert {"08/09", "99/00", "92/93", "1969/1970"} <= set(of_league)
    of_nations = [each["year"] for each in ask.seasons(WORLD).json()["seasons"]]
    assert of_nations[:2] == ["2026", "2024"]
    for years in (of_league, of_nations):
        numbers = [season_year(year) for year in years]
        assert numbers == sorted(set(numbers), reverse=True)


def test_a_season_without_matches_is_listed_and_has_nothing(ask: Any) -> None:
    old = next(each for each in ask.seasons(ENGLAND).json()["seasons"] if each["year"] == "92/93")
    for what in ("rounds", "events/last/0", "events/next/0", "events/round/1"):
        answer = ask.season(ENGLAND, old["id"], what)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_what_is_not_in_the_world_is_not_found(ask: Any) -> None:
    for path in (
        "/api/v1/unique-tournament/7/seasons",
        "/api/v1/unique-tournament/8/season/17126/rounds",
        "/api/v1/unique-tournament/17/season/17126/events/last/9",
        "/api/v1/unique-tournament/17/season/17126/events/round/99",
        "/api/v1/unique-tournament/17/scheduled-events/2026-02-30",
        "/api/v1/unique-tournament/17/scheduled-events/2019-01-01",
        "/api/v1/sport/football/scheduled-events/2026-11-17",
        "/api/v1/event/10000240",
        "/api/v1/event/9999999",
        "/api/v1/event/10000000/votes",
        "/api/v1/event/x",
        "/",
    ):
        answer = ask.get(path)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND), path
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_every_known_match_is_on_one_page_of_those_begun_or_of_those_to_come(
    served: SampleUpstream, ask: Any
) -> None:
    listed: list[int] = []
    for season in served.seasons().values():
        last = ask.pages(season.competition.id, season.id, "last")
        coming = ask.pages(season.competition.id, season.id, "next")
        for page in (*last, *coming):
            kickoffs = [each["startTimestamp"] for each in page]
            assert kickoffs == sorted(kickoffs)
            assert len(page) <= 30
        assert all(each["startTimestamp"] <= NOW for page in last for each in page)
        assert all(each["startTimestamp"] > NOW for page in coming for each in page)
        for older, newer in zip(last[1:], last, strict=False):
            assert older[-1]["startTimestamp"] <= newer[0]["startTimestamp"]
        assert bool(coming) is season.current
        listed += [each["id"] for page in (*last, *coming) for each in page]
    assert sorted(listed) == sorted(served.matches())


def test_rounds_hold_what_the_pages_hold(served: SampleUpstream, ask: Any) -> None:
    for season in served.seasons().values():
        body = ask.season(season.competition.id, season.id, "rounds").json()
        assert body["currentRound"] in body["rounds"]
        found = [
            each["id"]
            for number in body["rounds"]
            for each in ask.season(
                season.competition.id, season.id, f"events/round/{number['round']}"
            ).json()["events"]
        ]
        assert sorted(found) == sorted(
            each.id for each in served.matches().values() if each.season == season.id
        )
    assert "Semifinals" in [each.get("name") for each in body["rounds"]]


def test_a_day_holds_some_of_its_neighbours(served: SampleUpstream, ask: Any) -> None:
    days = {
        (each.competition, each.kickoff.date()) for each in served.matches().values() if each.season == 17126
    }
    others = 0
    for competition, day in sorted(days):
        events = ask.get(f"/api/v1/unique-tournament/{competition}/scheduled-events/{day}").json()["events"]
        found = {each["id"] for each in events}
        of_day = {
            each.id
            for each in served.matches().values()
            if each.competition == competition and each.kickoff.date() == day
        }
        assert of_day <= found
        others += any(datetime.fromtimestamp(each["startTimestamp"], UTC).date() != day for each in events)
    assert others


def test_an_entry_of_a_list_has_no_details(served: SampleUpstream, ask: Any) -> None:
    event = ask.season(ENGLAND, 17126, "events/last/0").json()["events"][0]
    assert event == served.listed(event["id"])
    assert not {"venue", "referee", "attendance"} & event.keys()
    assert "manager" not in event["homeTeam"]
    whole = ask.event(event["id"]).json()["event"]
    assert {"venue"} <= whole.keys()
    for field in (
        "id",
        "startTimestamp",
        "status",
        "homeScore",
        "awayScore",
        "changes",
        "season",
        "roundInfo",
    ):
        assert event[field] == whole[field]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_served_as_it_is_or_not_found(served: SampleUpstream, ask: Any, part: str) -> None:
    played = [each.id for each in served.matches().values() if each.code == 100][:30]
    statuses = set()
    for match in played:
        answer = ask.event(match, PATHS[part])
        statuses.add(answer.status_code)
        expected = served.bodies(match).get(part, NOT_FOUND)
        assert (answer.status_code == 200, answer.json()) == (expected != NOT_FOUND, expected)
    assert 200 in statuses


def test_bodies_are_as_large_as_real_ones(served: SampleUpstream, ask: Any) -> None:
    match = next(
        each.id
        for each in served.matches().values()
        if each.code == 100 and {"lineups", "statistics"} <= served.bodies(each.id).keys()
    )
    assert 15_000 < len(ask.event(match, "/lineups").content) < 60_000
    assert 10_000 < len(ask.event(match, "/statistics").content) < 40_000


def test_requests_are_counted_by_what_they_ask_for(upstream: SampleUpstream, ask_own: Any) -> None:
    match = next(iter(upstream.matches()))
    ask_own.event(match)
    ask_own.event(match, "/best-players/summary")
    ask_own.event(match, "/nothing")
    ask_own.event(1)
    ask_own.seasons(ENGLAND)
    ask_own.season(ENGLAND, 17126, "events/last/0")
    ask_own.season(ENGLAND, 17126, "events/round/1")
    ask_own.get("/api/v1/unique-tournament/17/scheduled-events/1999-01-01")
    assert (upstream.count("event", 200), upstream.count("event", 404), upstream.count("event")) == (1, 1, 2)
    assert [upstream.count(part) for part in ("best_players", "other", "seasons", "last", "round")] == [1] * 5
    assert upstream.count("day", 404) == 1
    assert upstream.requests[0].path == f"/api/v1/event/{match}"
    counts = ask_own.get("/_sandbox/requests").json()
    assert counts["event"] == {"200": 1, "404": 1}
    upstream.forget()
    assert upstream.count("event") == 0
    assert not upstream.requests


def test_the_state_tells_the_day_and_how_many_matches_there_are(
    upstream: SampleUpstream, ask_own: Any
) -> None:
    state = ask_own.get("/_sandbox/state").json()
    assert (state["size"], state["matches"], state["day"], state["competitions"]) == (60, 60, 0, 3)
    assert state["played"] == sum(each.code >= 100 for each in upstream.matches().values())
    assert state["data_version"] == "2026-11-17T00:00:00+00:00"
