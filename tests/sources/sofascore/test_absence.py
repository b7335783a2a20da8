"""That SofaScore has no matches, seasons or parts is only believed where it still has what it is known to have."""

from __future__ import annotations

from typing import Any

import pytest

from include import pipeline
from include.sources.sofascore.match_tables import STATES
from include.upstream.answers import ContractBreak, Transient
from sandbox.sofascore import api
from tests.sources.daily import DailyRuns
from tests.sources.sofascore.conftest import (
    ABSENT,
    CUP,
    CUP_NOW,
    LEAGUE,
    LEAGUE_BEFORE,
    LEAGUE_NOW,
    discovery,
    lists,
)

RENAMED = {"kind": "replaced", "texts": {'"startTimestamp"': '"startTime"'}}
LAST_PAGE = {"kind": "replaced", "texts": {'"hasNextPage":true': '"hasNextPage":false'}}
ENDLESS: dict[str, Any] = {"times": None}


def discover(daily: DailyRuns, day: float, **params: Any) -> Any:
    return pipeline.discover(daily.run(day, **params), daily.session())


def not_believed(
    daily: DailyRuns,
    day: float,
    faults: list[dict[str, Any]],
    what: str,
    error: type[Exception] = Transient,
    **params: Any,
) -> None:
    """A run with these faults must end with an error, and the next one without them finds what there is."""
    latest, cursors = daily.registry.latest("sofascore"), daily.registry.watermarks("sofascore")
    daily.upstream.faults([{**fault, **ENDLESS} for fault in faults])
    with pytest.raises(error, match=what):
        discover(daily, day, **params)
    assert daily.registry.latest("sofascore") == latest
    assert daily.registry.watermarks("sofascore") == cursors
    daily.upstream.faults([])
    assert discover(daily, day, **params).new


def missing(*parts: str, **about: Any) -> list[dict[str, Any]]:
    """The faults that these lists are 404."""
    return [{"kind": "missing", "part": part, **about} for part in parts]


# --- lists that are not there


@pytest.mark.parametrize("about", [{}, {"season": LEAGUE_NOW}, {"season": CUP_NOW}], ids=str)
@pytest.mark.parametrize("day", [2, 40])
def test_all_lists_of_a_season_that_has_published_matches_are_never_empty(
    published: DailyRuns, about: dict[str, Any], day: float
) -> None:
    published.upstream.advance()
    not_believed(
        published,
        day,
        missing("last", "next", "rounds", "round", **about),
        "the lists of season .* are all empty",
    )


def test_not_even_where_the_matches_are_not_there_by_their_numbers(published: DailyRuns) -> None:
    published.upstream.advance()
    faults = missing("last", "next", "rounds", "round", "event", season=LEAGUE_NOW)
    not_believed(published, 2, faults, "not there by their numbers either")


def test_a_first_run_in_which_no_list_has_a_match_is_an_outage(daily: DailyRuns) -> None:
    not_believed(
        daily,
        1,
        missing("last", "next", "rounds", "round"),
        "none of the lists of 2 competitions has a match",
    )


def test_the_list_of_played_matches_alone_is_not_empty_either(published: DailyRuns) -> None:
    published.upstream.advance()
    not_believed(
        published, 2, missing("last", season=LEAGUE_NOW), "the list of played matches of season .* lacks"
    )


def test_a_list_of_matches_to_come_is_empty_only_where_none_is_to_come(published: DailyRuns) -> None:
    upstream = published.upstream
    upstream.advance()
    coming = {each.season for each in upstream.matches().values() if STATES[each.code] == "scheduled"}
    assert LEAGUE_NOW in coming and LEAGUE_BEFORE not in coming
    not_believed(
        published, 2, missing("next", season=LEAGUE_NOW), "the list of matches to come of season .* lacks"
    )
    assert discover(published, 3, full_refresh=True).new, "that of a season that is over is rightly empty"


def test_matches_to_come_that_are_called_off_stop_nothing(published: DailyRuns) -> None:
    upstream = published.upstream
    upstream.advance()
    coming = [n for n, each in upstream.matches().items() if (each.season, each.code) == (LEAGUE_NOW, 0)]
    for match in coming:
        upstream._world.find(match).announced = 2**40  # type: ignore[union-attr]
    assert discover(published, 2).new


@pytest.mark.parametrize("params", [{}, {"full_refresh": True}], ids=["daily", "full"])
def test_a_list_that_ends_early_is_not_believed(
    published: DailyRuns, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]
) -> None:
    monkeypatch.setattr(api, "PAGE", 1)
    published.upstream.advance()
    # The rounds of a full read hold the same matches, so that nothing is lost without that page.
    faults = [
        {**LAST_PAGE, "part": "last", "season": LEAGUE_NOW},
        *missing("rounds", season=LEAGUE_NOW),
    ]
    published.upstream.faults([{**fault, **ENDLESS} for fault in faults])
    not_believed(published, 2, faults, "lacks .* known ones, and match", **params)


def test_a_day_without_the_matches_that_are_known_of_it_is_not_believed(published: DailyRuns) -> None:
    played = next(m for m in published.upstream.matches().values() if (m.season, m.code) == (LEAGUE_NOW, 100))
    day = {
        "from": f"{played.kickoff:%Y-%m-%d}",
        "to": f"{played.kickoff:%Y-%m-%d}",
        "competition": str(LEAGUE),
    }
    not_believed(published, 2, missing("day"), "the lists of days of .* lacks", **day)


# --- seasons and competitions


def test_a_competition_with_published_matches_does_not_vanish(published: DailyRuns) -> None:
    published.upstream.advance()
    faults = [{"kind": "missing", "path": f"/api/v1/unique-tournament/{CUP}/seasons"}]
    not_believed(published, 2, faults, "no seasons of it, of which 2 are published")


def test_a_competition_is_absent_where_another_one_is_there(daily: DailyRuns) -> None:
    not_believed(daily, 1, missing("seasons"), "seasons of .*known to be there")
    assert discovery(daily.resumed(1)).progress.facts["absent"] == [ABSENT]


def test_one_that_is_not_there_for_once_is_read(daily: DailyRuns) -> None:
    path = f"/api/v1/unique-tournament/{LEAGUE}/seasons"
    daily.upstream.faults([{"kind": "missing", "path": path}])
    discover(daily, 1)
    assert {LEAGUE_NOW, LEAGUE_BEFORE} <= {season for season, _ in lists(daily.upstream)}


def test_a_season_that_its_list_lacks_is_read_by_its_number(published: DailyRuns) -> None:
    played = published.upstream.advance().played
    published.upstream.faults([{"kind": "lost_season", "part": "seasons", **ENDLESS}])
    discover(published, 2)
    assert LEAGUE_NOW in {season for season, _ in lists(published.upstream)}
    assert played


# --- entries that cannot be read


def test_a_key_that_is_renamed_in_all_entries_stops_the_run(published: DailyRuns) -> None:
    faults = [{**RENAMED, "part": part} for part in ("last", "next", "round", "day")]
    published.upstream.advance()
    not_believed(
        published, 2, faults, r"none of the entries of a list can be read.*startTimestamp", ContractBreak
    )


def test_also_where_every_list_has_a_single_entry(
    published: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.upstream.advance()
    monkeypatch.setattr(api, "PAGE", 1)
    faults = [{**RENAMED, "part": part} for part in ("last", "next", "round")]
    not_believed(published, 2, faults, r"none of the entries of a list can be read", ContractBreak)


def test_one_entry_that_cannot_be_read_is_told_on_a_quiet_day(published: DailyRuns) -> None:
    assert not discover(published, 1.01).new
    published.upstream.faults([{"kind": "garbage", "part": "next", "season": LEAGUE_NOW, **ENDLESS}])
    found = discover(published, 1.02)
    assert found.new and not found.units and "1 entries cannot be read" in found.reason
    run, manifest = published.candidate(1.02)
    assert pipeline.judge(run).passed
    assert manifest.quarantine.reasons == {"unreadable_entry": 1}
    assert manifest.counts["unreadable"] == 1 and manifest.counts["listed"] > 10
    arrived = manifest.quarantine.arrived
    assert arrived is not None and arrived["listing"] == manifest.counts["listed"] + 1


@pytest.mark.parametrize("part", ["seasons", "rounds"])
def test_one_season_or_round_that_cannot_be_read_stops_nothing_and_is_told(
    published: DailyRuns, part: str
) -> None:
    played = published.upstream.advance().played
    season = {} if part == "seasons" else {"season": LEAGUE_NOW}
    path = f"/api/v1/unique-tournament/{LEAGUE}/"
    published.upstream.faults([{"kind": "garbage", "part": part, "path": path, **season, **ENDLESS}])
    run, manifest = published.candidate(2)
    assert "1 entries cannot be read" in pipeline.discover(run, published.session()).reason
    assert pipeline.judge(run).passed
    assert manifest.quarantine.reasons == {"unreadable_entry": 1}
    assert manifest.counts["unreadable"] == 1
    read = {row["match_id"] for row in published.rows(manifest, "matches") if row["played"]}
    assert {*played} <= read


@pytest.mark.parametrize("part", ["seasons", "rounds"])
def test_a_list_of_seasons_or_rounds_of_another_shape_stops_the_run(published: DailyRuns, part: str) -> None:
    published.upstream.advance()
    texts = {'"id"': '"number"'} if part == "seasons" else {'"round":': '"round":"garbage","_":'}
    faults = [{"kind": "replaced", "part": part, "texts": texts}]
    not_believed(published, 2, faults, "none of the entries of a list can be read", ContractBreak)
