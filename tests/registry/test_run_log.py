"""The run log: which version a run makes, what it stands on, and how it ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.publishing import promotion
from include.registry import run_log
from include.registry.registry import Registry
from include.registry.run_log import Pins, RunNotOpen
from include.storage.store import Store
from tests import toy

END = toy.START
RUN = "run-1-"


def begin(registry: Registry, version: str, began: datetime | None = None) -> None:
    run_log.start(
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
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET started = started - interval '2 hours', "
            "ended = ended - interval '2 hours'"
        )


def end_unended(registry: Registry, step: str | None = None, **known: Any) -> None:
    run_log.end_unended(registry, toy.SOURCE, RUN, step, **{"interval_end": END, **known})


def opened(registry: Registry, run_id: str = RUN, **known: Any) -> Pins:
    """What the first step of a run finds."""
    return run_log.open_run(
        registry,
        **{
            "source": toy.SOURCE,
            "dag_id": toy.SOURCE,
            "run_id": run_id,
            "interval_start": None,
            "interval_end": END,
            "data_time": END,
            "env": "test",
            "code_version": "test",
            "inputs": ("grain", "water"),
            **known,
        },
    )


def pinned(registry: Registry) -> Pins:
    """What a later step of the run finds."""
    return run_log.pinned(registry, toy.SOURCE, RUN)


def same(one: Pins, other: Pins) -> bool:
    """Whether two tries stand on the same, the second as the later one."""
    return one.attempt < other.attempt and replace(one, attempt=0) == replace(other, attempt=0)


def test_what_a_run_collects_is_as_of_now_whatever_its_interval(store: Store, registry: Registry) -> None:
    """The form fills in a logical date, and a DAG that was paused gets an interval that is over."""
    before = datetime.now(UTC) - timedelta(seconds=5)
    pins = opened(registry, data_time=None)
    assert before < pins.data_time and before > END
    assert pins.version.startswith(f"{pins.data_time:%Y%m%dT%H%M%SZ}-")
    assert pinned(registry).data_time == pins.data_time
    assert opened(registry, data_time=None).data_time == pins.data_time, "a run that goes on keeps it"


def test_what_a_run_collects_is_never_older_than_what_it_is_built_upon(
    store: Store, registry: Registry
) -> None:
    ahead = toy.publish(store, registry, 3, day=4000)
    assert ahead.as_of > datetime.now(UTC)
    assert opened(registry, data_time=None).data_time == ahead.as_of


def test_a_backfill_and_a_replay_are_as_of_what_they_are_about(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 3, day=4000)
    assert opened(registry, data_time=END).data_time == END


def set_state(registry: Registry, version: str, state: str) -> None:
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.dataset_version SET state = %s WHERE version = %s", (state, version))


# --- what a run stands on ---


def test_the_first_step_pins_what_the_run_stands_on(store: Store, registry: Registry) -> None:
    base = toy.publish(store, registry, 3, day=1)
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.dataset_version (source, version, as_of, state, manifest_sha256) "
            "VALUES ('grain', 'g1', now(), 'published', '')"
        )
        cursor.execute(
            "INSERT INTO lastgood.latest (source, version) VALUES ('grain', 'g1'), ('water', NULL)"
        )
    found = opened(registry)
    assert (found.base, found.watermarks, found.inputs) == (base.version, {"day": 1}, {"grain": "g1"})
    toy.publish(store, registry, 4, day=2)
    assert same(found, pinned(registry)), "whatever became latest since"
    assert found.attempt < pinned(registry).attempt


def test_nothing_is_latest_before_the_first_promotion(registry: Registry) -> None:
    found = opened(registry)
    assert (found.base, found.watermarks, found.inputs) == (None, {}, {})
    assert same(found, opened(registry))


def test_a_step_whose_run_is_not_in_the_log_says_what_to_do(registry: Registry) -> None:
    begin(registry, "v")  # by a release that pinned nothing
    with pytest.raises(RunNotOpen, match=f"{RUN} of toy .*Clear the run from its first task"):
        pinned(registry)


# --- which version it makes ---


def test_a_run_makes_one_version_however_often_its_steps_are_tried(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 3, day=1)
    first = opened(registry)
    assert same(first, opened(registry))
    assert same(first, pinned(registry))
    run_log.end(registry, toy.SOURCE, first.version, "fail", failed_step="extract")
    assert same(first, opened(registry)), "it was cleared"
    assert run_log.runs(registry)[0]["ended"] is None


def test_no_name_comes_a_second_time_though_everything_about_it_is_forgotten(registry: Registry) -> None:
    first = opened(registry).version
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM lastgood.pipeline_run")
    second = opened(registry).version
    assert first != second
    assert first[:17] == second[:17] == "20260301T000000Z-"
    assert opened(registry, "another").version not in {first, second}


@pytest.mark.parametrize("state", ["published", "superseded", "rolled_back", "rejected", "failed"])
def test_a_run_that_is_cleared_after_its_candidate_came_to_an_end_makes_another(
    store: Store, registry: Registry, state: str
) -> None:
    first = opened(registry)
    _sealed(store, registry, first.version)
    assert same(first, opened(registry)), "a sealed candidate that may go on is gone on with"
    set_state(registry, first.version, state)
    assert pinned(registry).version == first.version, "what is cleared alone belongs to the old one"
    again = opened(registry)
    assert again.version != first.version and again.attempt > first.attempt
    assert same(again, opened(registry))
    assert same(again, pinned(registry))


@pytest.mark.parametrize("moved", ["promotion", "rollback"])
def test_a_run_that_is_cleared_after_latest_moved_begins_anew_upon_what_is_latest(
    store: Store, registry: Registry, moved: str
) -> None:
    for day in (1, 2):
        toy.publish(store, registry, day, day=day)
    first = opened(registry)
    if moved == "promotion":
        toy.publish(store, registry, 3, day=3)
    else:
        promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong")
    again = opened(registry)
    latest = registry.latest(toy.SOURCE)
    assert latest is not None
    assert again.version != first.version and first.base != again.base == latest.version
    assert again.watermarks == {"day": 3 if moved == "promotion" else 1}
    old = next(run for run in run_log.runs(registry) if run["version"] == first.version)
    assert (old["status"], old["ended"] is not None) == ("fail", True), "nobody takes it for under way"


def test_a_run_that_found_nothing_to_do_looks_again_when_it_is_cleared(registry: Registry) -> None:
    first = opened(registry)
    run_log.end(registry, toy.SOURCE, first.version, "skipped")
    assert opened(registry).version != first.version


@pytest.mark.parametrize("removed", ["its own", "an input's"])
def test_a_run_that_is_cleared_after_retention_removed_what_it_needs_begins_anew(
    registry: Registry, removed: str
) -> None:
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.dataset_version (source, version, as_of, state, manifest_sha256) "
            "VALUES ('grain', 'g1', now(), 'published', '')"
        )
        cursor.execute("INSERT INTO lastgood.latest (source, version) VALUES ('grain', 'g1')")
    first = opened(registry)
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.removed_version (source, version, as_of, state) VALUES (%s, %s, now(), 'x')",
            (toy.SOURCE, first.version) if removed == "its own" else ("grain", "g1"),
        )
    assert opened(registry).version != first.version


def test_first_steps_at_the_same_moment_find_one_version(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 3, day=1)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: opened(registry), range(24)))
    assert len({pins.version for pins in found}) == 1
    assert len({pins.attempt for pins in found}) == 24
    assert len(run_log.runs(registry)) == 1


def test_numbers_of_tries_grow_though_the_clock_goes_back_or_the_registry(registry: Registry) -> None:
    ahead = 2**60
    first = opened(registry)
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.pipeline_run SET attempt = %s", (ahead,))
    assert (pinned(registry).attempt, opened(registry).attempt) == (ahead + 1, ahead + 2)
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.pipeline_run SET attempt = 1")  # as it was in a backup
    assert pinned(registry).attempt > first.attempt


def _sealed(store: Store, registry: Registry, version: str) -> None:
    """Let a version be in the registry as a candidate that was sealed."""
    manifest = toy.stage(store, registry, 3, day=1, run="other")
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET version = %s WHERE version = %s", (version, manifest.version)
        )


# --- the log ---


def test_a_run_that_is_cleared_counts_from_its_new_beginning(registry: Registry) -> None:
    first, second = "20260301T000000Z-00000001", "20260301T000000Z-00000002"
    begin(registry, first)
    begin(registry, second)
    run_log.end(registry, toy.SOURCE, second, "fail")
    age(registry)
    begin(registry, second)
    latest, older = run_log.runs(registry)
    now = datetime.now(UTC)
    assert now - latest["started"] < timedelta(hours=1) < now - older["started"]
    assert (latest["version"], latest["ended"], latest["status"]) == (second, None, None)
    assert run_log.version_of(registry, toy.SOURCE, RUN) == second


def test_a_step_that_is_tried_again_does_not_move_the_beginning_of_its_run(registry: Registry) -> None:
    began = datetime.now(UTC) - timedelta(hours=3)
    begin(registry, "v", began)
    run_log.end(registry, toy.SOURCE, "v", "fail", failed_step="probe")
    age(registry)
    (before,) = run_log.runs(registry)
    begin(registry, "v", began)
    assert run_log.runs(registry)[0]["started"] == before["started"]
    cleared = datetime.now(UTC)
    begin(registry, "v", cleared)
    assert run_log.runs(registry)[0]["started"] == cleared, "though nobody had closed it"


def test_a_run_that_died_before_it_wrote_anything_is_entered_once_and_can_be_cleared(
    registry: Registry,
) -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    end_unended(registry, interval_end=None)
    assert run_log.runs(registry) == [], "a run without its interval has no version"
    end_unended(registry, "probe", run_type="scheduled", began=began)
    end_unended(registry)
    (run,) = run_log.runs(registry)
    assert (run["source"], run["dag_id"], run["run_id"]) == (toy.SOURCE, toy.SOURCE, RUN)
    assert (run["status"], run["failed_step"], run["run_type"]) == ("fail", "probe", "scheduled")
    assert (run["interval_end"], run["started"]) == (END, began) and run["ended"] > began
    assert opened(registry).version == run["version"]
    assert run_log.runs(registry)[0]["ended"] is None


def test_a_run_that_never_began_is_entered_as_it_ended_and_one_that_ended_stays(registry: Registry) -> None:
    end_unended(registry)
    (run,) = run_log.runs(registry)
    assert run["started"] == run["ended"] and run["failed_step"] is None
    begin(registry, run["version"])
    run_log.end(registry, toy.SOURCE, run["version"], "ok")
    end_unended(registry, "probe")
    (run,) = run_log.runs(registry)
    assert run["status"] == "ok"


def failing(registry: Registry, step: str, *, again: bool = False) -> None:
    with (
        pytest.raises(ValueError, match="boom"),
        run_log.step(registry, toy.SOURCE, "v", step, tried_again=lambda _: again),
    ):
        raise ValueError("boom")


def test_a_run_ends_once(registry: Registry) -> None:
    begin(registry, "v")
    run_log.end(registry, toy.SOURCE, "v", "partial", failed_step="extract A")
    before = run_log.runs(registry)
    run_log.end(registry, toy.SOURCE, "v", "ok")
    end_unended(registry, "build")
    assert run_log.runs(registry) == before
    begin(registry, "v")
    run_log.end(registry, toy.SOURCE, "v", "ok")
    assert run_log.runs(registry)[0]["status"] == "ok"


@pytest.mark.parametrize(
    ("done", "failed", "told", "step", "status"),
    [
        ("discover", "extract A", "extract", "extract", "partial"),
        ("discover", "extract A", None, "extract A", "partial"),
        ("probe", "discover", None, "discover", "partial"),
        ("probe", "extract", None, "extract", "fail"),
        ("discover", "build", None, "build", "fail"),
        ("probe", None, "discover", "discover", "partial"),
        ("discover", None, None, None, "fail"),
    ],
)
def test_a_run_that_nobody_closed_ends_at_the_step_that_is_told_or_noted(
    registry: Registry, done: str, failed: str | None, told: str | None, step: str | None, status: str
) -> None:
    begin(registry, "v")
    with run_log.step(registry, toy.SOURCE, "v", done):
        pass
    if failed:
        failing(registry, failed, again=True)
    end_unended(registry, told)
    (run,) = run_log.runs(registry)
    assert (run["failed_step"], run["status"]) == (step, status) and run["ended"]


def test_a_run_that_is_dead_ends_at_the_step_it_noted(registry: Registry) -> None:
    begin(registry, "v")
    failing(registry, "build", again=True)
    later = datetime.now(UTC) + timedelta(hours=2)
    assert run_log.end_dead(registry, {toy.SOURCE: timedelta(hours=3)}, timedelta(hours=1), later) == []
    assert run_log.end_dead(registry, {}, timedelta(hours=1), later) == [f"{toy.SOURCE} {RUN}"]
    assert run_log.runs(registry)[0]["failed_step"] == "build"


def test_what_is_all_of_a_run_ends_it(registry: Registry) -> None:
    begin(registry, "v")
    with pytest.raises(ValueError, match="boom"), run_log.until_end(registry, toy.SOURCE, "v"):
        with run_log.step(registry, toy.SOURCE, "v", "build"):
            pass
        with run_log.step(registry, toy.SOURCE, "v", "gate"):
            raise ValueError("boom")
    (run,) = run_log.runs(registry)
    assert (run["status"], run["failed_step"]) == ("fail", "gate")
    begin(registry, "v")
    with run_log.until_end(registry, toy.SOURCE, "v"):
        pass
    assert run_log.runs(registry)[0]["status"] == "ok"
