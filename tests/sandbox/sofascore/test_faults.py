"""Every way in which the sample upstream can misbehave, and when it does."""

import time
from typing import Any

import msgspec
import pytest
import requests

from sandbox.sofascore.api import PATHS
from sandbox.sofascore.server import SampleUpstream

ENGLAND = 17


@pytest.fixture
def match(upstream: SampleUpstream) -> int:
    """A match with all of its parts."""
    return next(each for each in upstream.matches() if len(upstream.bodies(each)) == len(PATHS))


def test_a_challenge(upstream: SampleUpstream, ask_own: Any, match: int) -> None:
    upstream.faults([{"kind": "challenge", "first": 2, "times": None}])
    assert ask_own.event(match).status_code == 200
    for _ in range(2):
        answer = ask_own.event(match)
        assert (answer.status_code, answer.json()) == (403, {"error": {"code": 403, "reason": "challenge"}})
    assert upstream.count("event", 403) == 2
    upstream.faults([])
    assert ask_own.event(match).status_code == 200


def test_too_many_requests_with_and_without_retry_after(
    upstream: SampleUpstream, ask_own: Any, match: int
) -> None:
    upstream.faults([{"kind": "busy", "retry_after": 7}])
    answer = ask_own.event(match)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert ask_own.event(match).status_code == 200
    upstream.faults([{"kind": "busy", "retry_after": None}])
    assert "Retry-After" not in ask_own.event(match).headers


@pytest.mark.parametrize("status", [500, 502, 503])
def test_an_error(upstream: SampleUpstream, ask_own: Any, status: int) -> None:
    upstream.faults([{"kind": "error", "status": status}])
    answer = ask_own.seasons(ENGLAND)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)


def test_a_part_that_seems_not_to_be_there(upstream: SampleUpstream, ask_own: Any, match: int) -> None:
    upstream.faults([{"kind": "missing", "part": "graph"}])
    answer = ask_own.event(match, "/graph")
    assert (answer.status_code, answer.json()) == (404, {"error": {"code": 404, "message": "Not Found"}})
    assert ask_own.event(match, "/graph").status_code == 200


def test_answers_of_another_shape(upstream: SampleUpstream, ask_own: Any, match: int) -> None:
    upstream.faults([{"kind": "wrong_shape"}])
    answer = ask_own.event(match, "/lineups")
    assert (answer.status_code, answer.json()) == (200, {"message": "ok"})
    upstream.faults([{"kind": "not_json"}])
    answer = ask_own.event(match, "/lineups")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    upstream.faults([{"kind": "html", "status": 200}])
    answer = ask_own.event(match, "/lineups")
    assert answer.status_code == 200 and answer.text.startswith("<!DOCTYPE html>")


def test_a_connection_that_ends_early(upstream: SampleUpstream, ask_own: Any, match: int) -> None:
    for kind in ("hang_up", "cut_off"):
        upstream.faults([{"kind": kind}])
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            ask_own.event(match, "/lineups")
        assert ask_own.event(match, "/lineups").status_code == 200
    assert upstream.count("lineups", 0) == 1


def test_a_slow_answer(
    upstream: SampleUpstream, ask_own: Any, match: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    upstream.faults([{"kind": "slow", "delay": 3.5}])
    assert ask_own.event(match).status_code == ask_own.event(match).status_code == 200
    assert waited == [3.5]


@pytest.mark.parametrize("part", PATHS)
def test_garbage_in_a_part(upstream: SampleUpstream, ask_own: Any, match: int, part: str) -> None:
    right = upstream.bodies(match)[part]
    upstream.faults([{"kind": "garbage", "part": part}])
    answer = ask_own.event(match, PATHS[part])
    assert answer.status_code == 200
    assert answer.json() != right
    assert answer.text.count('"garbage"') == 1
    assert ask_own.event(match, PATHS[part]).json() == right


def test_a_statistic_that_is_renamed(upstream: SampleUpstream, ask_own: Any, match: int) -> None:
    upstream.faults([{"kind": "replaced", "texts": {'"totalPass"': '"passes"'}}])
    line_ups = ask_own.event(match, PATHS["lineups"])
    assert '"passes":' in line_ups.text and '"totalPass":' not in line_ups.text
    assert ask_own.event(match, PATHS["lineups"]).json() == upstream.bodies(match)["lineups"]


def test_an_odd_value_at_a_place(upstream: SampleUpstream, ask_own: Any, match: int) -> None:
    right = upstream.bodies(match)["event"]
    odd = {"kind": "odd", "part": "event", "place": ["event", "homeTeam", "name"], "value": [7]}
    upstream.faults([odd])
    assert ask_own.event(match).json()["event"]["homeTeam"]["name"] == [7]
    upstream.faults([{**odd, "place": ["event", "nowhere", 3]}])
    assert ask_own.event(match).json() == right


def test_garbage_in_a_list(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "garbage", "times": None}])
    assert ask_own.season(ENGLAND, 17126, "events/last/0").json()["events"][0]["id"] == "garbage"
    assert ask_own.seasons(ENGLAND).json()["seasons"][0]["id"] == "garbage"
    assert ask_own.season(ENGLAND, 17126, "rounds").json()["rounds"][0]["round"] == "garbage"
    assert ask_own.event(1).status_code == 404


def test_a_fault_strikes_only_what_it_is_meant_for(
    upstream: SampleUpstream, ask_own: Any, match: int
) -> None:
    season = upstream.matches()[match].season
    other = next(each.id for each in upstream.matches().values() if each.season != season)
    upstream.faults([{"kind": "error", "match": match, "part": "event", "times": None}])
    assert [ask_own.event(match).status_code, ask_own.event(other).status_code] == [503, 200]
    assert ask_own.event(match, "/h2h").status_code == 200
    upstream.faults([{"kind": "error", "season": season, "times": None}])
    assert [ask_own.event(match).status_code, ask_own.event(other).status_code] == [503, 200]
    competition = upstream.matches()[match].competition
    assert ask_own.season(competition, season, "rounds").status_code == 503
    assert ask_own.seasons(competition).status_code == 200
    upstream.faults([{"kind": "error", "path": "/api/v1/unique-tournament/", "times": None}])
    assert [ask_own.event(match).status_code, ask_own.seasons(competition).status_code] == [200, 503]


def test_chance_is_the_same_at_every_run(upstream: SampleUpstream, ask_own: Any, match: int) -> None:
    def statuses() -> list[int]:
        upstream.faults([{"kind": "error", "times": None, "probability": 0.5}])
        return [ask_own.event(match, "/h2h").status_code for _ in range(12)]

    once = statuses()
    assert once == statuses()
    assert set(once) == {200, 503}


@pytest.mark.parametrize(
    "fault", [{"kind": "earthquake"}, {"kind": "error", "status": 99}, {"kind": "busy", "x": 1}]
)
def test_a_bad_switch_is_refused(upstream: SampleUpstream, ask_own: Any, fault: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        upstream.faults([fault])
    assert ask_own.seasons(ENGLAND).status_code == 200
