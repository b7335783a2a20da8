"""What a client finds after the data version moved: exactly what the summary says, and nothing else."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.sofascore.server import Match, SampleUpstream

KINDS = {"played", "moved", "postponed", "corrected", "rated", "announced"}
DONE = {100, 110, 120}


class Day:
    """A sample before and after a day."""

    def __init__(self, upstream: SampleUpstream) -> None:
        self.before, self.listed_before = upstream.matches(), entries(upstream)
        recent = datetime(2026, 11, 15, tzinfo=UTC)
        self.lineups_before: dict[int, Any] = {
            each.id: upstream.bodies(each.id, ["lineups"]).get("lineups")
            for each in self.before.values()
            if each.code in DONE and each.kickoff > recent
        }
        self.summary = upstream.advance()
        self.after, self.listed_after = upstream.matches(), entries(upstream)
        self.upstream = upstream

    def ended(self, matches: dict[int, Match]) -> set[int]:
        return {each.id for each in matches.values() if each.code in DONE}


def entries(upstream: SampleUpstream) -> dict[int, Any]:
    return {match: upstream.listed(match) for match in upstream.matches()}


@pytest.fixture(scope="module")
def days() -> list[Day]:
    upstream = SampleUpstream(size=240, seed=7)
    return [Day(upstream) for _ in range(4)]


def test_the_summary_says_what_changed_and_nothing_else_did(days: list[Day]) -> None:
    for day in days:
        summary = day.summary
        assert summary.counts == {kind: len(getattr(summary, kind)) for kind in KINDS}
        assert set(summary.played) == day.ended(day.after) - day.ended(day.before)
        moved = {
            match
            for match, now in day.after.items()
            if match in day.before and now.kickoff != day.before[match].kickoff
        }
        assert set(summary.moved) == moved
        assert set(summary.announced) == day.after.keys() - day.before.keys()
        assert {day.after[match].code for match in summary.postponed} <= {60}
        rescored = {
            match
            for match in day.ended(day.before)
            if (day.before[match].home_goals, day.before[match].away_goals)
            != (day.after[match].home_goals, day.after[match].away_goals)
        }
        assert set(summary.corrected) == rescored
        still = day.ended(day.before) - set(summary.corrected)
        assert all(day.listed_before[match] == day.listed_after[match] for match in still)


def test_every_kind_of_change_occurs_within_days(days: list[Day]) -> None:
    assert all(day.summary.counts["played"] >= 3 for day in days)
    assert sum(day.summary.counts["corrected"] for day in days) >= 5
    for kind in KINDS:
        assert any(day.summary.counts[kind] for day in days), kind
    assert any(match.code == 60 and match.id in days[0].summary.postponed for match in days[0].after.values())


def test_a_corrected_match_tells_its_change_and_stays_consistent(days: list[Day]) -> None:
    last = days[-1]
    for match in last.summary.corrected:
        before, after = last.listed_before[match], last.listed_after[match]
        assert after["changes"]["changeTimestamp"] > before["changes"]["changeTimestamp"]
        bodies = last.upstream.bodies(match)
        goals = [
            each["isHome"]
            for each in bodies.get("incidents", {}).get("incidents", [])
            if each["incidentType"] == "goal"
        ]
        if "incidents" in bodies:
            assert goals.count(True) == after["homeScore"]["display"]
            assert goals.count(False) == after["awayScore"]["display"]
    assert last.summary.corrected


def test_a_correction_leaves_the_lineup_alone(days: list[Day]) -> None:
    last = days[-1]
    seen = 0
    for match in last.summary.corrected:
        before, after = last.lineups_before[match], last.upstream.bodies(match).get("lineups")
        if before and after:
            for side in ("home", "away"):
                players = [[each["player"]["id"] for each in of[side]["players"]] for of in (before, after)]
                assert players[0] == players[1]
                seen += 1
    assert seen


def test_a_rating_is_corrected_without_a_change_in_the_lists(days: list[Day]) -> None:
    last = days[-1]
    assert last.summary.rated
    for match in last.summary.rated:
        assert last.listed_before[match] == last.listed_after[match]
        ratings = [
            {
                each["player"]["id"]: each["statistics"].get("rating")
                for side in ("home", "away")
                for each in lineups[side]["players"]
            }
            for lineups in (last.lineups_before[match], last.upstream.bodies(match)["lineups"])
        ]
        assert sum(ratings[0][player] != ratings[1][player] for player in ratings[0]) == 1
        hours = (last.upstream._world.now - last.after[match].kickoff.timestamp()) / 3600
        assert 24 < hours < 24 + 48


def test_a_postponed_match_gets_a_new_day_and_is_played() -> None:
    upstream = SampleUpstream(size=240, seed=7)
    (match,) = upstream.advance().postponed
    first = upstream.matches()[match]
    assert first.code == 60
    upstream.advance(4)
    again = upstream.matches()[match]
    assert again.code == 0
    assert again.kickoff > first.kickoff
    upstream.advance(9)
    assert upstream.matches()[match].code in DONE | {60}


def test_days_at_once_are_the_same_as_one_by_one() -> None:
    at_once, one_by_one = SampleUpstream(size=100, seed=3), SampleUpstream(size=100, seed=3)
    summary = at_once.advance(4)
    each = [one_by_one.advance() for _ in range(4)]
    assert entries(at_once) == entries(one_by_one)
    assert set(summary.corrected) == {match for day in each for match in day.corrected}
    with pytest.raises(ValueError, match="only moves forward"):
        at_once.advance(0)


def test_a_restart_serves_the_same_data_version(tmp_path: Path, session: requests.Session) -> None:
    file = tmp_path / "state.json"
    with SampleUpstream(size=60, seed=5, state=file) as upstream:
        answer = session.post(f"{upstream.url}/_sandbox/advance", json={"days": 3}, timeout=60).json()
        assert answer["counts"].keys() == KINDS
        before = entries(upstream)
        bodies = [upstream.bodies(match) for match in list(before)[:10]]
    again = SampleUpstream(size=60, seed=5, state=file)
    assert again.state()["day"] == 3
    assert entries(again) == before
    assert [again.bodies(match) for match in list(before)[:10]] == bodies
    with pytest.raises(ValueError, match="was written for size 60, seed 5"):
        SampleUpstream(size=61, seed=5, state=file)


def test_a_sample_that_follows_the_clock_begins_today_and_is_never_behind(
    tmp_path: Path, session: requests.Session
) -> None:
    file, today = tmp_path / "state.json", date(2028, 2, 28)
    with SampleUpstream(size=60, seed=5, state=file, today=lambda: today) as upstream:
        assert upstream.state()["data_version"] == "2028-02-28T00:00:00+00:00"
        upstream.advance(2)
        today += timedelta(days=1)
        assert upstream.order("GET /state", b"")["day"] == 2, "it is ahead"
        today += timedelta(days=3)
        assert session.get(f"{upstream.url}/api/v1/unique-tournament/17/seasons", timeout=60).ok
        assert upstream.state()["data_version"] == "2028-03-03T00:00:00+00:00"
        told = session.post(f"{upstream.url}/_sandbox/advance", timeout=60).json()
        assert told["data_version"] == "2028-03-04T00:00:00+00:00"
        before = entries(upstream)
    again = SampleUpstream(size=60, seed=5, state=file, today=lambda: today)
    assert (again.state()["first"], again.state()["day"]) == ("2028-02-28", 5)
    assert entries(again) == before


def test_a_score_can_be_corrected_by_hand(upstream: SampleUpstream, session: requests.Session) -> None:
    match = next(
        each.id
        for each in upstream.matches().values()
        if each.code == 100 and {"incidents", "statistics"} <= upstream.bodies(each.id).keys()
    )
    before = upstream.listed(match)
    upstream.correct(match, 5, 0)
    after, bodies = upstream.listed(match), upstream.bodies(match)
    assert (after["homeScore"]["display"], after["awayScore"]["display"], after["winnerCode"]) == (5, 0, 1)
    assert after["changes"]["changeTimestamp"] > before["changes"]["changeTimestamp"]
    goals = [each for each in bodies["incidents"]["incidents"] if each["incidentType"] == "goal"]
    assert [each["isHome"] for each in goals] == [True] * 5
    assert bodies["event"]["event"]["homeScore"] == after["homeScore"]
    order = {"match": match, "home": 0, "away": 2}
    assert session.post(f"{upstream.url}/_sandbox/correct", json=order, timeout=60).status_code == 200
    assert upstream.listed(match)["awayScore"]["display"] == 2
    coming = next(each.id for each in upstream.matches().values() if each.code == 0)
    for order in ({"match": coming, "home": 1, "away": 0}, {"match": match, "home": 99, "away": 0}):
        refused = session.post(f"{upstream.url}/_sandbox/correct", json=order, timeout=60)
        assert refused.status_code == 400
