"""Which lists a run reads, and what it asks for: as little as is enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from include import pipeline
from include.pipeline import OpenRun
from include.sources.sofascore import competitions, known_matches, listings
from include.sources.sofascore.competitions import Competition, season_year
from include.sources.sofascore.discover import ASKED
from include.sources.sofascore.known_matches import Known
from include.sources.sofascore.listings import Lister
from include.sources.sofascore.match_tables import PARTS, STATES
from include.sources.source import Run
from include.storage.landing import Landed
from include.upstream.answers import ContractBreak, Refused
from include.upstream.limits import BadSetting
from sandbox.sofascore import api
from sandbox.sofascore.server import Match, SampleUpstream
from tests.sources.daily import START, DailyRuns
from tests.sources.sofascore.conftest import (
    ABSENT,
    CUP,
    CUP_BEFORE,
    CUP_NOW,
    LEAGUE,
    LEAGUE_BEFORE,
    LEAGUE_NOW,
    asked,
    discovery,
    lists,
    plan,
    there,
)

DAY = timedelta(days=1)
Change = Callable[[dict[int, Known]], None]


def discovered(daily: DailyRuns, day: float, **params: Any) -> OpenRun:
    """A run of a day after its discovery, of which alone the requests are counted."""
    daily.upstream.forget()
    run = daily.run(day, **params)
    pipeline.discover(run, daily.session())
    return run


def begun(upstream: SampleUpstream, season: int) -> list[Match]:
    """The matches of a season that its lists of played ones hold, newest first."""
    now = datetime.fromisoformat(upstream.state()["data_version"])
    of = [match for match in upstream.matches().values() if match.season == season]
    return sorted((m for m in of if m.kickoff <= now), key=lambda m: (m.kickoff, m.id), reverse=True)


def over(upstream: SampleUpstream) -> dict[int, Match]:
    """The matches that have parts."""
    return {n: match for n, match in upstream.matches().items() if STATES[match.code] in ASKED}


@pytest.fixture
def knows(monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], None]:
    """Let runs know something else of the matches than was published."""

    def change(by: Change) -> None:
        load = known_matches.load

        def changed(run: Run, landings: list[Landed]) -> dict[int, Known]:
            known = load(run, landings)
            by(known)
            return known

        monkeypatch.setattr(known_matches, "load", changed)

    return change


# --- which lists are read ---


def test_the_seasons_from_the_configured_year_on_are_read(
    daily: DailyRuns, configured: tuple[Competition, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tuple(msgspec.structs.replace(c, since=2026 if c.id == LEAGUE else c.since) for c in configured)
    monkeypatch.setattr(competitions, "load", lambda: late)
    offered = {
        each.id: max(c.since - season_year(each.year), 0)
        for c in late
        for each in Lister(daily.session(), lambda _: None).seasons(c.id) or []
    }
    run = discovered(daily, 1)
    assert {season for season, _ in lists(daily.upstream)} == {n for n, early in offered.items() if not early}
    assert sum(early > 0 for early in offered.values()) > 10
    assert {daily.upstream.matches()[match].season for match in plan(run)} == {
        LEAGUE_NOW,
        CUP_BEFORE,
        CUP_NOW,
    }


def test_what_was_played_is_asked_for_whole_and_nothing_else(daily: DailyRuns) -> None:
    run = discovered(daily, 1)
    assert plan(run) == dict.fromkeys(over(daily.upstream), PARTS)
    assert not asked(daily.upstream)


def test_a_competition_that_the_upstream_does_not_have_is_no_failure(daily: DailyRuns) -> None:
    run = daily.run(1)
    found = pipeline.discover(run, daily.session())
    assert found.new
    assert "of 2 competitions; 1 more are not there" in found.reason
    assert discovery(run).progress.facts["absent"] == [ABSENT]
    assert len(found.units) == 4


def test_a_closed_season_is_not_read_again_while_open_ones_are(published: DailyRuns) -> None:
    published.upstream.advance()
    discovered(published, 2)
    read = {season for season, _ in lists(published.upstream)}
    assert {LEAGUE_NOW, CUP_NOW} <= read
    assert CUP_BEFORE not in read
    discovered(published, 2.5, full_refresh=True)
    assert CUP_BEFORE in {season for season, _ in lists(published.upstream)}


def _close(known: dict[int, Known]) -> None:
    for one in known.values():
        if one.season == LEAGUE_BEFORE:
            one.state = "ended"


def _postpone(known: dict[int, Known]) -> None:
    _first(known).state = "postponed"


def _fail(known: dict[int, Known]) -> None:
    _first(known).open = {"lineups"}


def _first(known: dict[int, Known]) -> Known:
    return next(one for one in known.values() if one.season == LEAGUE_BEFORE)


def _play_late(known: dict[int, Known]) -> None:
    _first(known).kickoff = START + 2 * DAY - timedelta(days=30) + timedelta(seconds=1)


def _play_in_time(known: dict[int, Known]) -> None:
    _first(known).kickoff = START + 2 * DAY - timedelta(days=30)


@pytest.mark.parametrize(
    ("change", "read"),
    [
        (lambda _: None, False),
        (_play_in_time, False),
        (_play_late, True),
        (_postpone, True),
        (_fail, True),
    ],
    ids=["over", "30 days over", "not 30 days over", "a match to be played", "a part to be asked for"],
)
def test_a_season_before_the_newest_is_open_while_something_may_come(
    published: DailyRuns, knows: Callable[[Change], None], change: Change, read: bool
) -> None:
    knows(_close)
    knows(change)
    discovered(published, 2)
    assert (LEAGUE_BEFORE in {season for season, _ in lists(published.upstream)}) is read


def test_a_season_is_read_whole_once_and_then_back_to_three_days_before_the_last_run(
    published: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PAGE", 2)
    upstream = published.upstream
    upstream.advance()
    pages = dict.fromkeys((LEAGUE_BEFORE, LEAGUE_NOW, CUP_NOW), 0)
    for season in pages:
        matches = begun(upstream, season)
        while matches:
            page, matches = matches[:2], matches[2:]
            pages[season] += 1
            if page[-1].kickoff < START + 1 * DAY - 3 * DAY:
                break
    discovered(published, 2)
    read = lists(upstream)
    assert {
        season: sum(which.startswith("events/last/") for number, which in read if number == season)
        for season in pages
    } == pages
    assert pages[LEAGUE_NOW] > pages[LEAGUE_BEFORE] == 1 < len(begun(upstream, LEAGUE_BEFORE)) / 2
    discovered(published, 2.5, full_refresh=True)
    whole = lists(upstream)
    for season in upstream.seasons():
        last = (len(begun(upstream, season)) - 1) // 2
        assert whole[season, f"events/last/{last}"] == 1
        assert not whole[season, f"events/last/{last + 1}"]
    assert set(whole.values()) == {1}


@pytest.mark.parametrize("repeats", [True, False], ids=["repeating pages", "pages without end"])
def test_pages_that_never_end_break_the_contract(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch, repeats: bool
) -> None:
    page = api.Api._page

    def endless(self: api.Api, fixtures: Any, number: int, **how: Any) -> bytes:
        answer = msgspec.json.decode(page(self, fixtures, 0, **how) or b"{}")
        if not repeats:
            for place, event in enumerate(answer["events"]):
                event["id"] = number * 100 + place
        return msgspec.json.encode({**answer, "hasNextPage": True})

    monkeypatch.setattr(api.Api, "_page", endless)
    monkeypatch.setattr(listings, "PAGES_MAX", 12)
    with pytest.raises(ContractBreak, match=r"events/last repeats its matches or has more than 12 pages"):
        discovered(daily, 1)
    assert daily.upstream.count("last") == (2 if repeats else 12)


def test_a_discovery_that_was_stopped_goes_on_with_the_next_competition(daily: DailyRuns) -> None:
    daily.upstream.faults([{"kind": "challenge", "season": CUP_NOW, "times": None}])
    with pytest.raises(Refused):
        discovered(daily, 1)
    assert LEAGUE_NOW in {season for season, _ in lists(daily.upstream)}
    daily.upstream.faults([])
    run = discovered(daily, 1)
    assert {season // 1000 for season, _ in lists(daily.upstream)} == {CUP}
    assert plan(run).keys() == over(daily.upstream).keys()
    discovered(daily, 1)
    assert not daily.upstream.requests


# --- which matches are asked for ---


def is_young(match: Match) -> bool:
    """Whether the run of day 1 looked at it within 48 hours of its kick-off."""
    return match.kickoff > START + DAY - 2 * DAY


def test_new_changed_and_young_matches_are_asked_for(published: DailyRuns) -> None:
    upstream = published.upstream
    before = over(upstream)
    young = {n for n, match in before.items() if is_young(match)}
    moved = upstream.advance()
    old = next(n for n, match in before.items() if match.season == LEAGUE_BEFORE and match.code == 100)
    upstream.correct(old, 7, 1)
    wanted = plan(discovered(published, 2))
    assert wanted.keys() == {*moved.played, *moved.corrected, *young, old}
    assert moved.played and moved.corrected and young
    assert all(wanted[match] == PARTS for match in moved.played)
    assert wanted[old] == there(upstream, old)


@pytest.mark.parametrize(("minutes", "again"), [(59, False), (60, True)])
def test_a_run_right_after_another_does_not_look_at_young_matches_again(
    published: DailyRuns, minutes: int, again: bool
) -> None:
    young = {n for n, match in over(published.upstream).items() if is_young(match)}
    assert young
    assert plan(discovered(published, 1 + minutes / (24 * 60))).keys() == (young if again else set())


@pytest.mark.parametrize(
    ("after", "again"),
    [(timedelta(hours=48) - timedelta(microseconds=1), True), (timedelta(hours=48), False)],
)
def test_a_match_is_asked_for_until_a_look_came_48_hours_after_its_kickoff(
    published: DailyRuns, knows: Callable[[Change], None], after: timedelta, again: bool
) -> None:
    def look(known: dict[int, Known]) -> None:
        for one in known.values():
            assert one.kickoff is not None
            one.checked_at = one.kickoff + after

    knows(look)
    wanted = plan(discovered(published, 9))
    assert wanted.keys() == (over(published.upstream).keys() if again else set())


def test_a_second_look_at_the_same_time_asks_for_nothing(published: DailyRuns) -> None:
    run = published.run(1)
    assert run.version != run.pins.base, "the run was cleared after it was published"
    found = pipeline.discover(run, published.session())
    assert (found.units, found.new) == ((), False)


def test_what_a_settled_match_lacks_is_asked_for_by_a_full_refresh_only(published: DailyRuns) -> None:
    upstream = published.upstream
    lacking = {match: set(PARTS) - {*there(upstream, match)} for match in over(upstream)}
    assert sum(map(len, lacking.values())) > 5
    upstream.advance()
    settled = {n for n, m in over(upstream).items() if m.season == LEAGUE_BEFORE and m.code == 100}
    for match in settled:
        upstream.correct(match, 5, 5)
    run = discovered(published, 2)
    wanted = plan(run)
    again = {match for match in settled if lacking[match]}
    assert again
    assert all(not lacking[match] & {*wanted[match]} for match in again)
    pipeline.extract(run, published.session())
    assert not {(match, part) for match in again for part in lacking[match]} & asked(upstream).keys()
    assert plan(discovered(published, 2.5, full_refresh=True)) == dict.fromkeys(over(upstream), PARTS)


@pytest.mark.parametrize("hours", [47, 48])
def test_what_a_match_lacks_is_asked_for_again_until_a_look_came_48_hours_after_its_kickoff(
    published: DailyRuns, knows: Callable[[Change], None], hours: int
) -> None:
    match = next(
        n for n, m in over(published.upstream).items() if m.season == LEAGUE_BEFORE and m.code == 100
    )

    def look(known: dict[int, Known]) -> None:
        kickoff = known[match].kickoff
        assert kickoff is not None
        known[match].checked_at = kickoff + timedelta(hours=hours)
        known[match].none = {"shotmap"}

    knows(look)
    published.upstream.correct(match, 4, 4)
    assert ("shotmap" in plan(discovered(published, 9))[match]) is (hours < 48)


def test_a_match_that_was_not_there_is_asked_for_whole_once_its_entry_changes(
    published: DailyRuns, knows: Callable[[Change], None]
) -> None:
    match = next(
        n for n, m in over(published.upstream).items() if m.season == LEAGUE_BEFORE and m.code == 100
    )

    def vanish(known: dict[int, Known]) -> None:
        known[match].none = set(PARTS)

    knows(vanish)
    assert match not in plan(discovered(published, 2))
    published.upstream.correct(match, 4, 4)
    assert plan(discovered(published, 3))[match] == PARTS


def test_an_overdue_match_that_no_list_names_any_more_is_asked_for_by_its_number(
    published: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PAGE", 1)
    upstream = published.upstream
    never = {n for n, match in upstream.matches().items() if match.code in {60, 80}}
    read = begun(upstream, LEAGUE_BEFORE)[0].id
    assert len(never) == 2
    wanted = plan(discovered(published, 3))
    assert {n for n in never if wanted.get(n) == ("event",)} == never - {read}
    closed = {n for n, match in upstream.matches().items() if match.code in {70, 91}}
    assert not closed & wanted.keys()


def test_an_entry_that_cannot_be_read_is_quarantined_and_holds_up_no_other(daily: DailyRuns) -> None:
    upstream = daily.upstream
    upstream.faults([{"kind": "garbage", "part": "last", "season": LEAGUE_NOW, "times": None}])
    lost = begun(upstream, LEAGUE_NOW)[-1].id  # a page begins with its oldest match
    # A run from a day on reads no lists of rounds, in which the match stands once more.
    _, manifest = daily.candidate(1, season="2026-27", **{"from": "2026-01-01"})
    season = {n for n, match in upstream.matches().items() if match.season == LEAGUE_NOW}
    assert {row["match_id"] for row in daily.rows(manifest, "matches")} == season - {lost}
    assert manifest.quarantine.reasons == {"unreadable_entry": 1}
    assert manifest.quarantine.refused == {"listing": 1}
    assert manifest.quarantine.arrived is not None and manifest.quarantine.arrived["listing"] > len(season)


# --- runs that are about something ---


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("params", "part", "belongs"),
    [
        ({"competition": "fifa-world-cup"}, "last", lambda m: m.competition == CUP),
        ({"competition": "17"}, "last", lambda m: m.competition == LEAGUE),
        ({"season": "2025-26"}, "last", lambda m: m.season == LEAGUE_BEFORE),
        pytest.param(
            {"season": str(CUP_BEFORE)},
            "last",
            lambda m: m.season == CUP_BEFORE,
        ),
        ({"season": "2026", "competition": "17"}, None, lambda _: False),
        (
            {"from": "2026-11-14", "to": "2026-11-16"},
            "day",
            lambda m: at(date(2026, 11, 14)) <= m.kickoff < at(date(2026, 11, 17)),
        ),
        (
            {"from": "2026-11-15", "to": "2026-11-15", "competition": "17"},
            "day",
            lambda m: m.competition == LEAGUE and m.kickoff.date() == date(2026, 11, 15),
        ),
        (
            {"from": "2025-09-01", "to": "2026-02-28"},
            "last",
            lambda m: at(date(2025, 9, 1)) <= m.kickoff < at(date(2026, 3, 1)),
        ),
        ({"from": "2026-11-01"}, "last", lambda m: m.kickoff >= at(date(2026, 11, 1))),
        ({"to": "2025-12-31"}, "last", lambda m: m.kickoff < at(date(2026, 1, 1))),
        (
            {"season": "2025-26", "to": "2025-12-31"},
            "last",
            lambda m: m.season == LEAGUE_BEFORE and m.kickoff < at(date(2026, 1, 1)),
        ),
    ],
    ids=lambda value: "_".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_a_run_for_something_asks_for_exactly_that(
    published: DailyRuns, params: dict[str, str], part: str | None, belongs: Callable[[Match], bool]
) -> None:
    upstream = published.upstream
    run = discovered(published, 1.5, **params)
    expected = {
        n: PARTS if is_young(match) else there(upstream, n)
        for n, match in over(upstream).items()
        if belongs(match)
    }
    assert plan(run) == expected
    assert bool(expected) is (part is not None)
    for other in ("last", "day"):
        assert bool(upstream.count(other)) is (other == part)


def test_a_backfill_makes_its_interval_anew(published: DailyRuns) -> None:
    upstream = published.upstream
    run = replace(published.run(-1), backfill=True)
    pipeline.discover(run, published.session())
    assert run.interval_start is not None
    expected = {
        n: there(upstream, n)
        for n, match in over(upstream).items()
        if run.interval_start <= match.kickoff < run.interval_end
    }
    assert expected
    assert plan(run) == expected
    facts = discovery(run).progress.facts
    assert facts["window"]
    assert datetime.fromisoformat(facts["as_of"]) == START + DAY


def test_a_dated_run_sees_matches_of_a_day_that_its_list_has_from_the_days_beside_it(
    published: DailyRuns,
) -> None:
    """Contract, endpoints: scheduled-events may hold matches of neighbouring days."""
    upstream = published.upstream
    run = discovered(published, 1.5, **{"from": "2026-11-16", "to": "2026-11-16"})
    assert {upstream.matches()[n].kickoff.date() for n in plan(run)} == {date(2026, 11, 16)}
    assert upstream.count("day") == 3, "one for each competition"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"competition": "premier"}, r"competition .*'premier'; near matches: .*england-premier-league"),
        ({"from": "2026-11-16", "to": "2026-11-15"}, r"`from` 2026-11-16 is after `to` 2026-11-15"),
        ({"season": "last year"}, r"`season` is 'last year'"),
        pytest.param(
            {"from": "16.11.2026"},
            r"`from`",
        ),
        pytest.param(
            {"to": "2026-11-31"},
            r"`to`",
        ),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, dict) else "",
)
def test_a_parameter_that_makes_no_sense_is_named(
    published: DailyRuns, params: dict[str, str], message: str
) -> None:
    with pytest.raises(BadSetting, match=message):
        discovered(published, 1.5, **params)
