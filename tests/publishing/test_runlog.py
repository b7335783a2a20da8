"""The run log: which version a run builds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.publishing import promotion, runlog
from include.publishing.manifest import version_id
from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy

END = toy.START
RUN = "run-1-"


def begin(registry: Registry, version: str, began: datetime | None = None) -> None:
    runlog.start(
        registry,
        source=toy.SOURCE,
        version=version,
        dag_id=toy.SOURCE,
        run_id=RUN,
        interval_start=None,
        interval_end=END,
        env="test",
        code_version="test",
        began=began,
    )


def age(registry: Registry) -> None:
    """Let all that is in the log have happened two hours earlier."""
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET started = started - interval '2 hours', "
            "ended = ended - interval '2 hours'"
        )


def end_unended(registry: Registry, step: str | None = None, **known: Any) -> None:
    runlog.end_unended(registry, toy.SOURCE, RUN, step, **{"interval_end": END, **known})


def version_of(registry: Registry, *, opens: bool) -> str:
    return runlog.version_of(registry, toy.SOURCE, RUN, END, opens=opens)


def test_a_run_builds_one_version_however_often_its_steps_are_tried(registry: Registry) -> None:
    first = version_of(registry, opens=True)
    assert first == version_id(END, RUN)
    begin(registry, first)
    assert version_of(registry, opens=True) == version_of(registry, opens=False) == first


@pytest.mark.parametrize("published", [True, False])
def test_a_run_that_is_cleared_after_it_was_published_builds_another_version(
    store: Store, registry: Registry, published: bool
) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    begin(registry, manifest.version)
    if published:
        toy.judge(store, registry, manifest)
        promotion.promote(store, registry, toy.SOURCE, manifest.version, owner="test")
    again = version_of(registry, opens=True)
    assert (again == manifest.version) is not published, "a sealed candidate that may go on is gone on with"
    assert version_of(registry, opens=False) == manifest.version, (
        "what is cleared alone belongs to the old one"
    )
    if published:
        assert again == version_id(END, f"{RUN} 2")
        begin(registry, again)
        assert version_of(registry, opens=True) == version_of(registry, opens=False) == again


def test_a_run_that_is_cleared_counts_from_its_new_beginning(registry: Registry) -> None:
    first, second = "20260301T000000Z-00000001", "20260301T000000Z-00000002"
    begin(registry, first)
    begin(registry, second)
    runlog.end(registry, toy.SOURCE, second, "fail")
    age(registry)
    begin(registry, second)
    latest, older = runlog.runs(registry)
    now = datetime.now(UTC)
    assert now - latest["started"] < timedelta(hours=1) < now - older["started"]
    assert (latest["version"], latest["ended"], latest["status"]) == (second, None, None)
    assert version_of(registry, opens=False) == second


def test_a_step_that_is_tried_again_does_not_move_the_beginning_of_its_run(registry: Registry) -> None:
    began = datetime.now(UTC) - timedelta(hours=3)
    begin(registry, "v", began)
    runlog.end(registry, toy.SOURCE, "v", "fail", failed_step="probe")
    age(registry)
    (before,) = runlog.runs(registry)
    begin(registry, "v", began)
    assert runlog.runs(registry)[0]["started"] == before["started"]
    cleared = datetime.now(UTC)
    begin(registry, "v", cleared)
    assert runlog.runs(registry)[0]["started"] == cleared, "though nobody had closed it"


def test_a_run_that_died_before_it_wrote_anything_is_entered_once_and_can_be_cleared(
    registry: Registry,
) -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    end_unended(registry, interval_end=None)
    assert runlog.runs(registry) == [], "a run without its interval has no version"
    end_unended(registry, "probe", run_type="scheduled", began=began)
    end_unended(registry)
    (run,) = runlog.runs(registry)
    assert (run["source"], run["dag_id"], run["run_id"]) == (toy.SOURCE, toy.SOURCE, RUN)
    assert (run["status"], run["failed_step"], run["run_type"]) == ("fail", "probe", "scheduled")
    assert (run["interval_end"], run["started"]) == (END, began) and run["ended"] > began
    assert version_of(registry, opens=True) == run["version"] == version_id(END, RUN)
    begin(registry, run["version"])
    assert runlog.runs(registry)[0]["ended"] is None


def test_a_run_that_never_began_is_entered_as_it_ended_and_one_that_ended_stays(registry: Registry) -> None:
    end_unended(registry)
    (run,) = runlog.runs(registry)
    assert run["started"] == run["ended"] and run["failed_step"] is None
    begin(registry, run["version"])
    runlog.end(registry, toy.SOURCE, run["version"], "ok")
    end_unended(registry, "probe")
    (run,) = runlog.runs(registry)
    assert run["status"] == "ok"
