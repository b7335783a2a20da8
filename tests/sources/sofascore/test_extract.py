"""A unit's way through its matches, with an upstream that fails, refuses and is away."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from include import pipeline
from include.pipeline import OpenRun
from include.publishing.manifest import Manifest
from include.registry import run_log
from include.registry.registry import Registry
from include.sources.sofascore import extract
from include.sources.sofascore.match_tables import PARTS
from include.storage.landing import Landing, LandingTaken
from include.upstream.answers import BreakerOpen, ContractBreak, Refused, Transient
from sandbox.sofascore.server import SampleUpstream
from sandbox.sofascore.world import World
from tests.sources.daily import DailyRuns
from tests.sources.sofascore.conftest import (
    CUP_BEFORE,
    LEAGUE_BEFORE,
    Base,
    asked,
    landed,
    plan,
    states,
    there,
    unit_keys,
)

LEAGUE_UNIT, CUP_UNIT = f"17-{LEAGUE_BEFORE}", f"16-{CUP_BEFORE}"


def planned(daily: DailyRuns, day: float = 1, **params: Any) -> OpenRun:
    """A run whose discovery is over, of whose extract alone the requests are counted."""
    run = daily.run(day, **params)
    pipeline.discover(run, daily.session())
    daily.upstream.forget()
    return run


def in_the_middle(run: OpenRun) -> int:
    """A match of the plan with others before and after it."""
    matches = [*plan(run)]
    return matches[len(matches) // 2]


def broken(match: int, part: str, times: int | None = None) -> dict[str, Any]:
    """The fault that a part of a match is answered with 500."""
    return {"kind": "error", "status": 500, "match": match, "part": part, "times": times}


def came(run: OpenRun) -> Counter[tuple[int, str]]:
    """Each part that an answer landed of."""
    replies = [reply for unit in unit_keys(run) for reply in landed(run, unit)]
    return Counter((reply.match, part) for reply in replies for part in (*reply.parts, *reply.none))


def rows_of(daily: DailyRuns, manifest: Manifest, match: int) -> dict[str, list[dict[str, Any]]]:
    """What a version says of a match."""
    return {
        table: [row for row in daily.rows(manifest, table) if row["match_id"] == match]
        for table in ("matches", "appearances", "momentum")
    }


def failures(registry: Registry) -> tuple[str, int]:
    """State and failures of the breaker."""
    with registry.transaction() as cursor:
        cursor.execute("SELECT state, failures FROM lastgood.breaker")
        row = cursor.fetchone()
    return (row["state"], row["failures"]) if row else ("closed", 0)


def let_time_pass(registry: Registry) -> None:
    """The breaker lets one caller try again."""
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.breaker SET open_until = now() WHERE state = 'open'")


def of(wanted: dict[int, tuple[str, ...]]) -> Counter[tuple[int, str]]:
    """Each part of a plan once."""
    return Counter((match, part) for match, parts in wanted.items() for part in parts)


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every match has every part, so that nothing needs to be confirmed."""
    monkeypatch.setattr(World, "has", lambda *_: True)


def confirming(upstream: SampleUpstream, matches: Collection[int]) -> Counter[tuple[int, str]]:
    """What confirms that a unit's matches lack parts: a second question each, and one for a match that has the part."""
    found = Counter[tuple[int, str]]()
    for part in PARTS:
        absent = [match for match in matches if part not in there(upstream, match)]
        found.update((match, part) for match in absent)
        if absent:
            found[min({*matches} - {*absent}), part] += 1
    return found


# --- what is asked ---


def test_every_part_of_the_plan_is_asked_for_once_and_lands_as_received(daily: DailyRuns) -> None:
    upstream = daily.upstream
    run = planned(daily, competition="17", season="2025-26")
    facts = pipeline.extract(run, daily.session(), LEAGUE_UNIT)
    again = confirming(upstream, plan(run))
    assert len(again) > 3
    assert asked(upstream) == of(plan(run)) + again
    assert len(upstream.requests) == len(PARTS) * len(plan(run)) + again.total()
    replies = landed(run, LEAGUE_UNIT)
    for match in plan(run):
        came, *confirmed = (reply for reply in replies if reply.match == match)
        bodies = {part: msgspec.json.decode(body) for part, body in came.parts.items()}
        assert bodies == upstream.bodies(match)
        lacking = {*PARTS} - {*there(upstream, match)}
        assert {part for reply in confirmed for part in reply.none} == lacking
        assert came.failed == dict.fromkeys(lacking, extract.UNCONFIRMED)
        assert not came.none
        assert not any(reply.failed or reply.parts for reply in confirmed)
    assert {reply.match for reply in replies} == plan(run).keys()
    assert (facts["matches"], facts["failed"]) == (len(plan(run)), 0)
    upstream.forget()
    pipeline.extract(run, daily.session(), LEAGUE_UNIT)
    assert not upstream.requests, "a unit that is complete asks nothing"


def test_as_many_matches_are_asked_for_at_once_as_the_limits_allow_and_no_more(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned(daily, competition="17", season="2025-26")
    session = daily.session()
    allowed = session.limits.concurrency
    together, lock, at_once = threading.Barrier(allowed, timeout=60), threading.Lock(), [0]
    # The first match is asked for alone: it tells whether the upstream is there. Then as many wait for each other.
    first = [len(PARTS) + allowed]
    most = [0]
    respond = SampleUpstream.respond

    def counted(self: SampleUpstream, request: Any) -> Any:
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
            wait = 0 < first[0] <= allowed
            first[0] -= 1
        if wait:
            together.wait()
        try:
            return respond(self, request)
        finally:
            with lock:
                at_once[0] -= 1

    monkeypatch.setattr(SampleUpstream, "respond", counted)
    pipeline.extract(run, session, LEAGUE_UNIT)
    assert most == [allowed] == [2]


def test_a_unit_that_the_plan_does_not_have_is_named(daily: DailyRuns) -> None:
    run = planned(daily, competition="17")
    with pytest.raises(LookupError, match=f"no unit '{CUP_UNIT}' in the plan"):
        pipeline.extract(run, daily.session(), CUP_UNIT)


# --- what may pass ---


@pytest.mark.usefixtures("whole")
def test_a_part_that_fails_for_a_while_is_had_by_the_next_pass(daily: DailyRuns) -> None:
    run = planned(daily, competition="17", season="2025-26")
    match = in_the_middle(run)
    daily.upstream.faults([broken(match, "incidents", times=daily.attempts)])
    facts = pipeline.extract(run, daily.session(), LEAGUE_UNIT)
    assert facts["failed"] == 0
    # The event comes with every pass, since the other parts need it.
    again = {(match, "incidents"): daily.attempts + 1, (match, "event"): 2}
    assert asked(daily.upstream) == {**of(plan(run)), **again}


@pytest.mark.usefixtures("whole")
def test_a_part_that_fails_fails_alone_and_the_next_try_asks_for_it_alone(daily: DailyRuns) -> None:
    upstream = daily.upstream
    run = planned(daily, competition="17", season="2025-26")
    match = in_the_middle(run)
    upstream.faults([broken(match, "lineups")])
    with pytest.raises(
        Transient, match=rf"1 of \d+ matches could not be had whole: {match} \(lineups\); .*500"
    ):
        pipeline.extract(run, daily.session(), LEAGUE_UNIT)
    passes = {(match, "lineups"): extract.PASSES * daily.attempts, (match, "event"): extract.PASSES}
    assert asked(upstream) == {**of(plan(run)), **passes}
    assert failures(daily.registry) == ("closed", 1), "what is answered in between makes up for it"
    upstream.faults([])
    upstream.forget()
    facts = pipeline.extract(run, daily.session(), LEAGUE_UNIT)
    assert asked(upstream) == {(match, "event"): 1, (match, "lineups"): 1}
    assert facts["failed"] == 0


@pytest.mark.usefixtures("whole")
def test_a_unit_that_is_killed_goes_on_with_the_matches_that_did_not_land(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "CHUNK", 3)
    upstream = daily.upstream
    run = planned(daily, competition="17", season="2025-26")
    write, left = Landing.write_part, [2]

    def killed(self: Landing, *args: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return write(self, *args)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Landing, "write_part", killed)
        pipeline.extract(run, daily.session(), LEAGUE_UNIT)
    done = {reply.match for reply in landed(run, LEAGUE_UNIT)}
    assert len(done) == 6
    upstream.forget()
    pipeline.extract(run, daily.session(), LEAGUE_UNIT)
    assert asked(upstream) == of({match: parts for match, parts in plan(run).items() if match not in done})


def test_many_failures_end_a_pass_early(daily: DailyRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "CHUNK", 3)
    monkeypatch.setattr(extract, "FAILED_ALWAYS", 2)
    run = planned(daily, competition="17", season="2025-26")
    daily.upstream.faults([{"kind": "error", "status": 502, "part": "graph", "times": None}])
    with pytest.raises(Transient, match=r"3 of 3 matches failed, the last with: .*502"):
        pipeline.extract(run, daily.session(), LEAGUE_UNIT)
    assert len({match for match, _ in asked(daily.upstream)}) == 3


@pytest.mark.usefixtures("whole")
def test_an_outage_opens_the_breaker_and_afterwards_only_the_rest_is_asked_for(daily: DailyRuns) -> None:
    upstream = daily.upstream
    run = planned(daily)
    upstream.faults([{"kind": "error", "path": "/api/v1/event", "first": 60, "times": None}])
    with pytest.raises(BreakerOpen):
        pipeline.extract(run, daily.session())
    assert failures(daily.registry)[0] == "open"
    refused = sum(request.status == 503 for request in upstream.requests)
    # Five calls in a row that fail open it; two threads ask, so one more may be under way.
    assert 5 * daily.attempts <= refused <= 6 * daily.attempts
    before = came(run)
    assert len(before) > 3 * len(PARTS)
    upstream.forget()
    for unit in unit_keys(run):
        with pytest.raises(BreakerOpen):
            pipeline.extract(run, daily.session(), unit)
    assert not upstream.requests
    upstream.faults([])
    let_time_pass(daily.registry)
    pipeline.probe(run, daily.session())
    pipeline.extract(run, daily.session())
    rest = of(plan(run)) - before
    events = {(match, "event"): 1 for match, _ in rest}
    assert asked(upstream) == {**rest, **events}


def test_a_try_after_an_outage_goes_on_although_only_one_question_is_let_through_at_first(
    daily: DailyRuns,
) -> None:
    run = planned(daily, competition="17", season="2025-26")
    daily.upstream.faults([{"kind": "error", "path": "/api/v1/event", "times": None}])
    with pytest.raises(BreakerOpen):
        pipeline.extract(run, daily.session(), LEAGUE_UNIT)
    # The first answer takes as long as the other thread needs to come.
    daily.upstream.faults([{"kind": "slow", "delay": 0.2}])
    let_time_pass(daily.registry)
    pipeline.extract(run, daily.session(), LEAGUE_UNIT)


def test_a_run_that_tolerates_failed_matches_publishes_without_them_and_the_next_run_asks_again(
    published: DailyRuns, base: Base
) -> None:
    upstream = published.upstream
    match = next(
        n
        for n, each in upstream.matches().items()
        if (each.season, each.code) == (LEAGUE_BEFORE, 100) and {"lineups", "graph"} <= {*there(upstream, n)}
    )
    upstream.correct(match, 6, 2)
    before = rows_of(published, base.manifest, match)
    upstream.faults([broken(match, "lineups"), broken(match, "graph")])
    run, manifest = published.candidate(2, tolerate_failed=1)
    assert manifest.counts["failed"] == 1
    assert pipeline.judge(run).passed
    pipeline.promote(run)
    after = rows_of(published, manifest, match)
    assert after["appearances"] == before["appearances"]
    assert after["momentum"] == before["momentum"]
    assert (after["matches"][0]["home_goals"], after["matches"][0]["away_goals"]) == (6, 2)
    ended = {
        part: state for (of_match, part), state in states(published, manifest).items() if of_match == match
    }
    assert {part for part, state in ended.items() if state == "failed"} == {"lineups", "graph"}
    upstream.faults([])
    assert plan(planned(published, 3))[match] == ("event", "lineups", "graph")


def test_as_many_matches_may_fail_as_are_tolerated(daily: DailyRuns) -> None:
    upstream = daily.upstream
    matches = [
        n for n, each in upstream.matches().items() if (each.season, each.code) == (LEAGUE_BEFORE, 100)
    ][:6]
    assert len(matches) == 6, "more than may fail before the upstream is held to be away"
    upstream.faults([broken(match, "incidents") for match in matches])
    _, manifest = daily.candidate(1, competition="17", season="2025-26", tolerate_failed=6)
    assert manifest.counts["failed"] == 6
    with pytest.raises(Transient):
        daily.candidate(1.1, competition="17", season="2025-26", tolerate_failed=5)


def test_what_was_published_as_failed_and_fails_again_stops_no_later_run(published: DailyRuns) -> None:
    upstream = published.upstream
    match = next(
        n for n, each in upstream.matches().items() if (each.season, each.code) == (LEAGUE_BEFORE, 100)
    )
    upstream.correct(match, 6, 2)
    upstream.faults([broken(match, "incidents")])
    with pytest.raises(Transient):
        published.candidate(2)
    run, _ = published.candidate(2.1, tolerate_failed=1)
    assert pipeline.judge(run).passed
    pipeline.promote(run)
    _, manifest = published.candidate(3)
    assert manifest.counts["failed"] == 1
    assert states(published, manifest)[match, "incidents"] == "failed"


# --- what stops the run ---


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize(("kind", "error"), [("challenge", Refused), ("wrong_shape", ContractBreak)])
def test_a_challenge_or_a_wrong_shape_stops_every_thread_and_unit_until_the_probe(
    daily: DailyRuns, kind: str, error: type[Exception]
) -> None:
    upstream = daily.upstream
    run = planned(daily)
    first, *others = unit_keys(run)
    upstream.faults([{"kind": kind, "path": "/api/v1/event", "first": 40, "times": None}])
    with pytest.raises(error):
        pipeline.extract(run, daily.session(), first)
    # The other thread may have had a question under way.
    assert 40 <= len(upstream.requests) <= 41
    before = came(run)
    assert len(before) >= 2 * len(PARTS)
    upstream.faults([])
    upstream.forget()
    told = rf"stopped before \({error.__name__}\): .* clear the whole run"
    with pytest.raises(Refused, match=told):
        pipeline.extract(run, daily.session(), first)
    for unit in others:
        assert re.search(told, pipeline.extract(run, daily.session(), unit)["stopped"])
    assert not upstream.requests
    assert pipeline.probe(run, daily.session()).new
    assert (len(upstream.requests), upstream.count("seasons")) == (1, 1)
    upstream.forget()
    pipeline.extract(run, daily.session())
    assert asked(upstream) == of(plan(run)) - before


def test_a_probe_that_is_refused_leaves_the_mark(daily: DailyRuns) -> None:
    run = planned(daily)
    daily.upstream.faults([{"kind": "challenge", "times": None}])
    with pytest.raises(Refused):
        pipeline.extract(run, daily.session())
    with pytest.raises(Refused):
        pipeline.probe(run, daily.session())
    daily.upstream.faults([])
    with pytest.raises(Refused, match="stopped before"):
        pipeline.extract(run, daily.session())


@pytest.mark.parametrize("since", ["its retry", "the probe", "its retry, when it had begun to stop the run"])
def test_a_try_that_was_lost_stops_nobody(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch, since: str
) -> None:
    """It was frozen with a refusal in its hand, and wakes when others have long gone on."""
    run = planned(daily)
    first, second, *_ = unit_keys(run)
    stop, late = extract._stop, "begun" in since

    def again() -> OpenRun:
        return replace(run, pins=run_log.pinned(run.registry, run.source, run.run_id))

    def frozen(seen: Any, landing: Landing, mark: Any) -> None:
        monkeypatch.setattr(extract, "_stop", stop)
        daily.upstream.faults([])
        if late:
            landing.remark({extract.STOPPED: msgspec.to_builtins(mark)})
        if since == "the probe":
            pipeline.probe(again(), daily.session())
        else:
            pipeline.extract(again(), daily.session(), first)
        if late:
            seen.raw.write_note(extract.STOPPED, mark.unit)
        else:
            stop(seen, landing, mark)

    monkeypatch.setattr(extract, "_stop", frozen)
    daily.upstream.faults([{"kind": "challenge", "times": 1}])
    with pytest.raises((Refused, LandingTaken)):
        pipeline.extract(run, daily.session(), first)
    assert "stopped" not in pipeline.extract(again(), daily.session(), second)
    assert "stopped" not in pipeline.extract(again(), daily.session(), first)


def test_a_probe_that_was_lost_frees_nobody(daily: DailyRuns) -> None:
    run = planned(daily)
    first, second, *_ = unit_keys(run)
    daily.upstream.faults([{"kind": "challenge", "times": 1}])
    later = replace(run, pins=run_log.pinned(run.registry, run.source, run.run_id))
    with pytest.raises(Refused):
        pipeline.extract(later, daily.session(), first)
    pipeline.probe(run, daily.session())
    assert "stopped" in pipeline.extract(later, daily.session(), second)


# --- what is not there ---


def test_parts_that_are_not_there_are_no_failure_however_many_follow_one_another(daily: DailyRuns) -> None:
    """Contract, what went wrong: a breaker that counted 404 stopped a season without shot maps."""
    missing = [part for part in PARTS if part != "event"]
    daily.upstream.faults(
        [{"kind": "missing", "part": part, "season": LEAGUE_BEFORE, "times": None} for part in missing]
    )
    run = planned(daily)
    pipeline.extract(run, daily.session())
    replies = landed(run, LEAGUE_UNIT)
    lacking = {reply.match for reply in replies}
    absent = sum(request.status == 404 for request in daily.upstream.requests)
    assert absent >= 2 * 8 * len(lacking) > 80
    assert {(reply.match, part) for reply in replies for part in reply.none} == {
        (match, part) for match in lacking for part in missing
    }
    assert failures(daily.registry) == ("closed", 0)


def test_below_a_match_that_is_not_there_nothing_is_asked(daily: DailyRuns) -> None:
    daily.upstream.faults([{"kind": "missing", "part": "event", "season": LEAGUE_BEFORE, "times": None}])
    run = planned(daily)
    pipeline.extract(run, daily.session())
    replies = landed(run, LEAGUE_UNIT)
    gone = {reply.match for reply in replies}
    assert {each: n for each, n in asked(daily.upstream).items() if each[0] in gone} == {
        (match, "event"): 2 for match in gone
    }
    assert {reply.match: {*reply.none} for reply in replies if reply.none} == {
        match: {*PARTS} for match in gone
    }
    assert failures(daily.registry) == ("closed", 0)
