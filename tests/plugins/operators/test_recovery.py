"""Recovery as a task: derived sources follow what it published, and what it could not do is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException

from include import pipeline
from include.publishing import pointers
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy
from tests.plugins.operators.test_decisions import Events

pytestmark = pytest.mark.usefixtures("airflow_connections", "alert_log")


def recover(events: Events) -> dict[str, Any]:
    from lastgood.operators.recovery import RecoveryOperator

    at = datetime.now(UTC)
    dag_run = SimpleNamespace(
        run_id="scheduled__1",
        run_after=at,
        data_interval_start=at,
        data_interval_end=at,
        run_type="scheduled",
    )
    operator = RecoveryOperator(task_id="recovery", dag=DAG("lastgood_recovery", schedule=None))
    assert [outlet.name for outlet in operator.outlets] == ["lastgood_decided"]
    tried = SimpleNamespace(try_number=1, max_tries=0)
    return operator.execute({"dag_run": dag_run, "outlet_events": events, "ti": tried})  # type: ignore[typeddict-item]


def killed_while_publishing(store: Store, registry: Registry) -> str:
    """A judged candidate whose lease ran out; its version."""
    manifest = toy.stage(store, registry, 3, day=1)
    assert toy.judge(store, registry, manifest).passed
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = 'run', lease_until = %s",
            (datetime.now(UTC) - timedelta(minutes=1),),
        )
    return manifest.version


def test_what_it_published_is_told_to_the_derived_sources_and_exported(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = killed_while_publishing(store, registry)
    exported: list[str] = []
    monkeypatch.setattr(pipeline, "export", lambda _store, _registry, source: exported.append(source))
    events = Events()
    facts = recover(events)
    assert events.told == [("lastgood_toy", {"version": version})]
    assert exported == ["toy"]
    assert facts["promoted"] == {"toy": version}
    (run,) = run_log.runs(registry, "lastgood_recovery")
    assert run["status"] == "ok" and run["steps"]["recovery"]["promoted"] == {"toy": version}
    with registry.transaction() as cursor:
        cursor.execute("SELECT DISTINCT who FROM lastgood.action")
        assert cursor.fetchall() == [{"who": "lastgood_recovery"}]
    again = Events()
    assert recover(again)["promoted"] == {} and again.told == []


def test_an_export_that_fails_is_told_and_the_derived_sources_follow_all_the_same(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, alert_log: Path
) -> None:
    version = killed_while_publishing(store, registry)

    def full(*_args: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(pipeline, "export", full)
    events = Events()
    recover(events)
    assert events.told == [("lastgood_toy", {"version": version})]
    (line,) = map(json.loads, alert_log.read_text(encoding="utf-8").splitlines())
    assert (line["source"], line["step"]) == ("toy", "export") and "no space left" in line["cause"]


def test_what_could_not_be_done_fails_the_task_with_its_reason(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 3, day=1)
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.latest SET generation = generation - 1")
    events = Events()
    with pytest.raises(AirflowException, match=r"toy: \w+: latest/toy\.json speaks of"):
        recover(events)
    assert events.told == []
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None
    (run,) = run_log.runs(registry, "lastgood_recovery")
    assert (run["status"], run["failed_step"]) == ("fail", "recovery")


def test_what_it_published_and_what_it_could_not_do_are_told_in_one_message(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, alert_log: Path
) -> None:
    from include.operations import recovery

    version = killed_while_publishing(store, registry)

    def full(*_args: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(recovery, "_sweep", full)
    events = Events()
    recover(events)
    assert events.told == [("lastgood_toy", {"version": version})]
    (line,) = map(json.loads, alert_log.read_text(encoding="utf-8").splitlines())
    assert (line["source"], line["step"]) == ("lastgood_recovery", "recovery")
    assert f"published {version} of toy" in line["cause"] and "no space left" in line["cause"]
