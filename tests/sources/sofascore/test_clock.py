"""The sample that follows the clock: as `make run` has it, on any date, no check of the whole gate warns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from include import pipeline
from include.publishing.verdict import Verdict
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
from sandbox.sofascore.server import SampleUpstream
from tests.sources.daily import START, DailyRuns

MINUTES = 1 / (24 * 60)


@dataclass
class Calendar:
    """The day that it is."""

    today: date

    def __call__(self) -> date:
        return self.today


@pytest.fixture(params=["2026-12-31", "2028-06-15"])
def calendar(request: pytest.FixtureRequest) -> Calendar:
    return Calendar(date.fromisoformat(request.param))


@pytest.fixture
def following(store: Store, registry: Registry, calendar: Calendar) -> Iterator[DailyRuns]:
    """Runs against the sample that the sandbox serves."""
    with SampleUpstream(compress=False, today=calendar, covered=True) as upstream:
        yield DailyRuns("sofascore", store, registry, upstream)


def publish(daily: DailyRuns, day: float) -> Verdict:
    run, _ = daily.candidate(day)
    verdict = pipeline.judge(run)
    pipeline.promote(run)
    run_log.end(daily.registry, daily.source, run.version, "ok")
    return verdict


def warned(verdict: Verdict) -> list[str]:
    assert verdict.passed, verdict.reasons
    return [f"{check.id}: {check.samples}" for check in verdict.checks if check.outcome == "WARN"]


def test_on_any_date_the_runs_of_a_newcomer_have_no_warning(following: DailyRuns, calendar: Calendar) -> None:
    evening = (calendar.today - START.date()).days + 0.9
    assert warned(publish(following, evening)) == []
    following.upstream.advance()
    assert warned(publish(following, evening + 5 * MINUTES)) == []
    run = following.run(evening + 10 * MINUTES)
    assert not pipeline.discover(run, following.session()).new, "nothing new"
    calendar.today += timedelta(days=5)
    assert warned(publish(following, evening + 5)) == [], "it was not advanced for five days"
