"""That a match lacks a part is only believed where matches that are known to have it still do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from include import pipeline
from include.pipeline import OpenRun
from include.sources.sofascore import extract, part_controls
from include.sources.sofascore.discover import PlannedUnit, Wanted
from include.sources.sofascore.match_tables import PARTS
from include.sources.sofascore.records import Reply
from include.upstream.answers import Refused, Transient
from sandbox.sofascore.server import SampleUpstream
from tests.sources.daily import START, DailyRuns
from tests.sources.sofascore.conftest import (
    LEAGUE_BEFORE,
    LEAGUE_NOW,
    Base,
    asked,
    landed,
    plan,
    states,
    there,
    unit_keys,
)

BELOW = [part for part in PARTS if part != "event"]
ENDLESS: dict[str, Any] = {"times": None}


def missing(part: str, **about: Any) -> dict[str, Any]:
    """The fault that a part is 404."""
    return {"kind": "missing", "part": part, **ENDLESS, **about}


def replies(run: OpenRun) -> list[Reply]:
    """What landed of a run's matches so far."""
    return [reply for unit in unit_keys(run) for reply in landed(run, unit)]


def believed(run: OpenRun) -> set[tuple[int, str]]:
    """The matches and parts that a run holds to be absent."""
    return {(reply.match, part) for reply in replies(run) for part in reply.none}


def lacking(upstream: SampleUpstream, wanted: dict[int, tuple[str, ...]]) -> set[tuple[int, str]]:
    """What the upstream lacks indeed of what was asked for."""
    return {(match, part) for match, parts in wanted.items() for part in {*parts} - {*there(upstream, match)}}


def new_matches(daily: DailyRuns, days: int) -> dict[int, Any]:
    """The matches that are played within some days from now on; the upstream is as it is then."""
    before = {n for n, each in daily.upstream.matches().items() if each.code >= 100}
    daily.upstream.advance(days)
    return {n: each for n, each in daily.upstream.matches().items() if each.code >= 100 and n not in before}


def discovered(daily: DailyRuns, day: float, **params: Any) -> OpenRun:
    """A run whose discovery is over."""
    run = daily.run(day, **params)
    pipeline.discover(run, daily.session())
    daily.upstream.forget()
    return run


# --- a part that is gone for a while


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_no_match_has_for_a_day_is_not_believed_to_be_absent(
    published: DailyRuns, part: str
) -> None:
    assert new_matches(published, 1)
    latest = published.registry.latest("sofascore")
    published.upstream.faults([missing(part)])
    run = discovered(published, 2)
    with pytest.raises(
        Transient, match=rf"{part} of .*known to be there \(match \d+, match \d+, match \d+\)"
    ):
        pipeline.extract(run, published.session())
    assert part not in {each for _, each in believed(run)}
    assert published.registry.latest("sofascore") == latest
    published.upstream.faults([])
    after = discovered(published, 3)
    wanted = {match for match, parts in plan(run).items() if part in parts}
    assert all(part in plan(after)[match] for match in wanted)
    pipeline.extract(after, published.session())
    assert believed(after) <= lacking(published.upstream, plan(after))


def test_the_next_try_of_the_same_run_asks_again(published: DailyRuns) -> None:
    new_matches(published, 1)
    published.upstream.faults([missing("shotmap")])
    run = discovered(published, 2)
    with pytest.raises(Transient):
        pipeline.extract(run, published.session())
    published.upstream.faults([])
    pipeline.extract(run, published.session())
    assert believed(run) == lacking(published.upstream, plan(run))


def test_what_is_not_there_for_once_is_had_by_the_second_question(published: DailyRuns) -> None:
    match = next(n for n in new_matches(published, 1) if "shotmap" in there(published.upstream, n))
    published.upstream.faults([missing("shotmap", match=match, times=1)])
    run, manifest = published.candidate(2)
    assert states(published, manifest)[match, "shotmap"] == "done"
    assert (match, "shotmap") not in believed(run)


def test_one_control_that_is_there_is_enough_and_it_is_of_the_same_competition(
    published: DailyRuns, base: Base
) -> None:
    match, played = next(
        (n, m) for n, m in new_matches(published, 1).items() if "graph" in there(published.upstream, n)
    )
    published.upstream.faults([missing("graph", match=match)])
    run = discovered(published, 2)
    pipeline.extract(run, published.session(), f"{played.competition}-{played.season}")
    assert (match, "graph") in believed(run)
    more = Counter(n for n, part in asked(published.upstream).elements() if part == "graph")
    more -= Counter(n for n, parts in plan(run).items() if "graph" in parts)
    assert more.pop(match) == 1, "it is asked for twice"
    ((control, once),) = more.items()
    (known,) = (
        row
        for row in published.rows(base.manifest, "match_parts")
        if (row["match_id"], row["part"]) == (control, "graph")
    )
    assert (once, known["competition_id"], known["state"]) == (1, played.competition, "done")


def test_a_part_that_was_there_and_is_gone_keeps_its_rows_and_is_no_failure(
    published: DailyRuns, base: Base
) -> None:
    upstream = published.upstream
    match = next(
        n
        for n, m in upstream.matches().items()
        if (m.season, m.code) == (LEAGUE_BEFORE, 100) and "lineups" in there(upstream, n)
    )
    upstream.correct(match, 6, 2)
    upstream.faults([missing("lineups", match=match)])
    run, manifest = published.candidate(2)
    assert (match, "lineups") in believed(run)
    assert states(published, manifest)[match, "lineups"] == "done"
    before, after = (
        [row for row in published.rows(version, "appearances") if row["match_id"] == match]
        for version in (base.manifest, manifest)
    )
    assert before == after != []


# --- a unit that is stopped half way


@pytest.mark.parametrize("kind", ["challenge", "wrong_shape"])
def test_what_stops_a_unit_leaves_nothing_absent_that_was_not_confirmed(
    published: DailyRuns, kind: str
) -> None:
    new_matches(published, 3)
    # The parts are asked for in their order: line-ups are missing before the last one stops the run.
    published.upstream.faults(
        [missing("lineups"), {"kind": kind, "part": "head_to_head", "first": 4, **ENDLESS}]
    )
    run = discovered(published, 4)
    with pytest.raises(Exception, match=r"403|none of the keys"):
        pipeline.extract(run, published.session())
    came = [reply for reply in replies(run) if "lineups" in plan(run)[reply.match]]
    assert came
    assert not believed(run)
    assert all(reply.failed["lineups"] == extract.UNCONFIRMED for reply in came)
    published.upstream.faults([])
    after = discovered(published, 5)
    assert all("lineups" in plan(after)[reply.match] for reply in came)


def test_nor_does_a_kill(published: DailyRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    new_matches(published, 3)
    published.upstream.faults([missing("lineups", times=200)])
    run = discovered(published, 4)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(part_controls.PartControls, "check", killed)
        pipeline.extract(run, published.session())
    assert replies(run)
    assert not believed(run)


def test_a_refusal_while_it_is_confirmed_leaves_what_was_confirmed_before(
    published: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [
        missing(part, match=match) for match in new_matches(published, 3) for part in ("lineups", "shotmap")
    ]
    published.upstream.faults(faults)
    run = discovered(published, 4)
    check = part_controls.PartControls.check

    def refused(self: Any, part: str, *args: Any) -> None:
        if part == "shotmap":
            raise Refused("403")
        check(self, part, *args)

    monkeypatch.setattr(part_controls.PartControls, "check", refused)
    monkeypatch.setattr(part_controls.PartControls, "check_share", lambda *_: None)
    with pytest.raises(Refused):
        pipeline.extract(run, published.session())
    assert {part for _, part in believed(run)} >= {"lineups"}
    assert "shotmap" not in {part for _, part in believed(run)}


def test_a_run_that_tolerates_it_publishes_them_as_failed_and_the_next_one_asks_again(
    published: DailyRuns,
) -> None:
    new_matches(published, 1)
    published.upstream.faults([missing("lineups")])
    run, manifest = published.candidate(2, limit=1, tolerate_failed=1)
    (match,) = plan(run)
    assert manifest.counts["failed"] == 1
    assert states(published, manifest)[match, "lineups"] == "failed"
    assert pipeline.judge(run).passed
    pipeline.promote(run)
    published.upstream.faults([])
    assert "lineups" in plan(discovered(published, 3))[match]


# --- more of them than is likely


def test_so_many_new_matches_hardly_ever_lack_a_part(
    published: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_controls, "UNLIKELY", 0.01)  # the sample has few matches
    new = [n for n, m in new_matches(published, 40).items() if m.season == LEAGUE_NOW]
    assert len(new) >= 6
    # The controls, matches that were published before, have it.
    published.upstream.faults([missing("incidents", match=match) for match in new])
    run = discovered(published, 41)
    with pytest.raises(Transient, match=r"incidents of .*: \d+ of \d+ matches have none, and usually \d+%"):
        pipeline.extract(run, published.session())
    assert "incidents" not in {part for match, part in believed(run) if match in new}
    published.upstream.faults([])
    pipeline.extract(run, published.session())
    assert believed(run) == lacking(published.upstream, plan(run))


def test_a_few_may_lack_it(published: DailyRuns) -> None:
    new = [n for n, m in new_matches(published, 40).items() if m.season == LEAGUE_NOW][:2]
    published.upstream.faults([missing("incidents", match=match) for match in new])
    run = discovered(published, 41)
    pipeline.extract(run, published.session())
    assert {(match, "incidents") for match in new} <= believed(run)


def share(
    monkeypatch: pytest.MonkeyPatch,
    known: dict[int, tuple[int, int, str]],
    absent: int,
    found: int = 0,
    **params: Any,
) -> None:
    """Judge the matches 1000, 1001 and so on of competition 17 and 2026, of which `absent` lack the shots.

    `known` are competition, year and state of matches in the last good version.
    """
    ended = [part_controls._Ended(match, *about) for match, about in known.items()]
    monkeypatch.setattr(part_controls.PartControls, "_ended", lambda *_: ended)
    wanted = Wanted(match=1, competition=17, season=1, season_year=2026, listing="", kickoff=START)
    unit = PlannedUnit(key="17-1", label="a season", matches=(wanted,))
    run: Any = SimpleNamespace(params=params)
    nothing: Any = None
    controls = part_controls.PartControls(run, nothing, unit, nothing)
    matches = range(1000, 1000 + absent + found)
    controls.check_share("shotmap", matches[:absent], matches[absent:])


ALWAYS = dict.fromkeys(range(100), (17, 2026, "done"))


def test_it_takes_five_where_all_have_the_part_usually(monkeypatch: pytest.MonkeyPatch) -> None:
    share(monkeypatch, ALWAYS, 4)
    with pytest.raises(Transient, match="5 of 5 matches have none, and usually 95% have one"):
        share(monkeypatch, ALWAYS, 5)
    share(monkeypatch, ALWAYS, 10, found=10)


def test_it_takes_more_where_some_lack_it_usually(monkeypatch: pytest.MonkeyPatch) -> None:
    half = {match: (17, 2026, "done" if match % 2 else "none") for match in range(100)}
    share(monkeypatch, half, 21)
    with pytest.raises(Transient, match="22 of 22"):
        share(monkeypatch, half, 22)


@pytest.mark.parametrize(
    "about", [(16, 2026, "done"), (17, 2024, "done"), (17, 2027, "done"), (17, 2026, "none")]
)
def test_other_competitions_and_years_say_nothing_of_what_is_usual(
    monkeypatch: pytest.MonkeyPatch, about: tuple[int, int, str]
) -> None:
    """Coverage grows from year to year: an older season may lack what the next one has."""
    share(monkeypatch, dict.fromkeys(range(100), about), 30)


def test_what_a_full_refresh_believed_is_usual_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    share(monkeypatch, ALWAYS, 10, full_refresh=True)
    believed = dict.fromkeys(range(500, 510), (17, 2026, "none"))
    share(monkeypatch, {**ALWAYS, **believed}, 10)


def test_what_a_match_lacked_before_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    lacked = dict.fromkeys(range(1000, 1030), (17, 2026, "none"))
    share(monkeypatch, {**ALWAYS, **lacked}, 30)
    had = dict.fromkeys(range(1000, 1030), (17, 2026, "done"))
    with pytest.raises(Transient, match="usually 100%"):
        share(monkeypatch, had, 30)


# --- where nothing is known yet


@pytest.mark.parametrize("part", PARTS)
def test_a_first_run_in_which_no_match_has_a_part_is_refused(daily: DailyRuns, part: str) -> None:
    daily.upstream.faults([missing(part)])
    run = discovered(daily, 1)
    with pytest.raises(
        Transient, match=rf"{part} of .*none of \d\d matches has it, .*none is known that had it"
    ):
        pipeline.extract(run, daily.session())
    assert part not in {each for _, each in believed(run)}


def test_a_part_that_only_other_seasons_have_is_believed_to_be_absent_in_a_first_run(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_controls, "FEW", 3)
    daily.upstream.faults([missing("lineups", season=LEAGUE_BEFORE)])
    run = discovered(daily, 1)
    pipeline.extract(run, daily.session(), f"17-{LEAGUE_BEFORE}")
    assert {match for match, part in believed(run) if part == "lineups"} == {
        reply.match for reply in landed(run, f"17-{LEAGUE_BEFORE}")
    }


def test_of_a_few_matches_none_need_have_it(daily: DailyRuns) -> None:
    daily.upstream.faults([missing("lineups")])
    run = discovered(daily, 1, limit=5)
    pipeline.extract(run, daily.session())
    assert len({match for match, part in believed(run) if part == "lineups"}) == 5


# --- young matches


def looks(daily: DailyRuns, match: int, days: Iterable[float]) -> list[bool]:
    """On which of some days a daily run asks for the shots of a match."""
    found = []
    for day in days:
        run, _ = daily.candidate(day)
        found.append("shotmap" in plan(run).get(match, ()))
        assert pipeline.judge(run).passed
        pipeline.promote(run)
    return found


def test_what_a_young_match_lacks_is_asked_for_again_until_it_has_settled(published: DailyRuns) -> None:
    match = next(n for n, m in new_matches(published, 1).items() if "shotmap" in there(published.upstream, n))
    published.upstream.faults([missing("shotmap", match=match)])
    # It kicked off 24 to 48 hours before the first of these looks, so the second is the last one.
    assert looks(published, match, [2, 3, 4]) == [True, True, False]


def test_shots_that_come_a_day_late_arrive(published: DailyRuns) -> None:
    match = next(n for n, m in new_matches(published, 1).items() if "shotmap" in there(published.upstream, n))
    published.upstream.faults([missing("shotmap", match=match)])
    looks(published, match, [2])
    published.upstream.faults([])
    assert states(published, published.publish(3))[match, "shotmap"] == "done"
