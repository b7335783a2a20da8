"""The watcher finds the steps that were killed, and closes the run that nobody closed."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from include.registry import run_log
from include.registry.registry import Registry
from tests import toy

pytestmark = pytest.mark.usefixtures("airflow_connections")

RUN = "scheduled__1"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def begun(registry: Registry) -> Registry:
    """A run that its probe has entered into the run log."""
    run_log.start(
        registry,
        source=toy.SOURCE,
        version="v",
        dag_id=toy.SOURCE,
        run_id=RUN,
        interval_start=None,
        interval_end=NOW,
        env="test",
        code_version="test",
    )
    return registry


def watch(states: dict[str, str]) -> Any:
    """What the watcher raises, given the states as Airflow's execution API gives them."""
    from airflow.sdk import DAG
    from airflow.sdk.bases.operator import BaseOperator
    from airflow.sdk.exceptions import AirflowException

    from lastgood.operators.steps import WatcherOperator

    with DAG(dag_id=toy.SOURCE, schedule=None):
        watcher = WatcherOperator(task_id="watcher")
        for step in ("probe", "extract", "build"):
            BaseOperator(task_id=step) >> watcher
    asked = SimpleNamespace(get_task_states=lambda dag_id, run_ids: {run_ids[0]: states})
    dag_run = SimpleNamespace(
        run_id=RUN, data_interval_end=None, run_after=NOW, run_type="scheduled", start_date=NOW
    )
    context: Any = {"dag_run": dag_run, "ti": asked}
    with pytest.raises(AirflowException) as caught:
        watcher.execute(context)
    return caught.value


def failing(registry: Registry, step: str, *, again: bool = False) -> None:
    with (
        pytest.raises(ValueError, match="boom"),
        run_log.step(registry, toy.SOURCE, "v", step, tried_again=lambda _: again),
    ):
        raise ValueError("boom")


def test_a_step_that_noted_no_error_was_killed_and_the_run_is_closed(begun: Registry) -> None:
    found = watch({"probe": "success", "extract": "failed", "build": "upstream_failed", "watcher": "running"})
    assert found.steps == ("extract",) and "killed" in str(found)
    (run,) = run_log.runs(begun)
    assert (run["status"], run["failed_step"]) == ("fail", "extract") and run["ended"]


def test_a_step_that_noted_its_error_was_not_killed_and_the_run_stays_as_it_ended(begun: Registry) -> None:
    failing(begun, "extract")
    run_log.end(begun, toy.SOURCE, "v", "fail", failed_step="extract")
    ended = run_log.runs(begun)[0]["ended"]
    found = watch({"extract": "failed", "build": "upstream_failed"})
    assert str(found) == "extract failed; the run log has the error"
    assert run_log.runs(begun)[0]["ended"] == ended


def test_a_step_whose_last_try_was_killed_is_killed_whatever_an_earlier_one_noted(begun: Registry) -> None:
    failing(begun, "extract", again=True)
    assert watch({"extract": "failed"}).steps == ("extract",)
    assert run_log.runs(begun)[0]["failed_step"] == "extract"


def test_units_of_a_mapped_step_are_that_step(begun: Registry) -> None:
    found = watch({"extract_0": "success", "extract_1": "failed", "extract_11": "failed"})
    assert found.steps == ("extract",) and "killed" in str(found)
    failing(begun, "extract Premier League 24/25")
    assert str(watch({"extract_1": "failed"})) == "extract failed; the run log has the error"


def test_a_run_that_never_reached_the_run_log_fails_and_is_entered(registry: Registry) -> None:
    assert watch({"probe": "failed"}).steps == ("probe",)
    (run,) = run_log.runs(registry)
    assert (run["run_id"], run["interval_end"], run["started"]) == (RUN, NOW, NOW)
    assert (run["status"], run["failed_step"], run["run_type"]) == ("fail", "probe", "scheduled")


def test_a_run_whose_time_was_over_before_any_task_began_is_entered(registry: Registry) -> None:
    from include.monitoring.run_alerts import failure
    from lastgood.notifiers.callback_context import read

    run = SimpleNamespace(
        dag_id=toy.SOURCE,
        run_id=RUN,
        start_date=None,
        data_interval_end=NOW,
        run_after=NOW,
        run_type="scheduled",
    )
    context = {"dag_run": run, "run_id": RUN, "reason": "timed_out"}
    assert failure(read(context, NOW), registry).kind == "run-timed-out"
    (entered,) = run_log.runs(registry)
    assert (entered["status"], entered["run_type"], entered["interval_end"]) == ("fail", "scheduled", NOW)
