"""An operator's decision as a task: who did it, what it tells the derived sources, and how it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include import steps
from include.publishing import replay, runlog
from include.publishing.manifest import Manifest
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.quality import gate
from include.sources.source import Run
from tests import toy
from tests.publishing import quick

pytestmark = pytest.mark.usefixtures("airflow_connections", "alert_log")


class Events:
    """What Airflow gives a task to tell of assets; keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def __getitem__(self, alias: Any) -> Events:
        assert alias.name == "lastgood_decided"
        return self

    def add(self, asset: Any, extra: Any = None) -> None:
        self.told.append((asset.name, extra))


def decide(decision: str, events: Events, user: str | None = "ann", **params: Any) -> dict[str, Any]:
    from lastgood.operators.decisions import DecisionOperator

    run = SimpleNamespace(
        run_id="manual__1",
        triggering_user_name=user,
        run_after=toy.START,
        data_interval_start=None,
        data_interval_end=None,
        run_type="manual",
    )
    context: Any = {
        "params": {"source": toy.SOURCE, "reason": "wrong data", **params},
        "dag_run": run,
        "outlet_events": events,
    }
    return DecisionOperator(task_id=decision, decision=decision).execute(context)


def test_a_rollback_tells_the_derived_sources_which_version_is_latest_now(
    store: Store, registry: Registry
) -> None:
    first = toy.publish(store, registry, 3, day=1)
    toy.publish(store, registry, 4, day=2)
    events = Events()
    done = decide("rollback", events, to=None)
    assert done["latest"] == first.version and done["as_of"] == first.as_of.isoformat()
    assert events.told == [("lastgood_toy", {"version": first.version})]
    assert len(toy.served(registry)) == 3


def test_an_acceptance_tells_it_too(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 1000, day=1)
    lower = toy.stage(store, registry, 900, day=2)
    toy.judge(store, registry, lower)
    events = Events()
    decide("accept", events, version=lower.version)
    assert events.told == [("lastgood_toy", {"version": lower.version})]


@pytest.mark.parametrize(("user", "kept"), [("ann", "ann"), (None, "DAG run manual__1")])
def test_who_triggered_the_run_is_kept_with_the_reason(
    store: Store, registry: Registry, user: str | None, kept: str
) -> None:
    for day in (1, 2):
        toy.publish(store, registry, 3 + day, day=day)
    decide("rollback", Events(), user, to=None)
    with registry.cursor() as cursor:
        cursor.execute("SELECT who, what, reason FROM lastgood.action")
        assert cursor.fetchall() == [{"who": kept, "what": "rollback", "reason": "wrong data"}]


@pytest.mark.parametrize(
    ("decision", "params", "reason"),
    [
        ("rollback", {"to": None}, "no earlier version to go back to"),
        ("rollback", {"to": "20260101T000000Z-00000000"}, "was never published"),
        ("accept", {"version": "20260101T000000Z-00000000"}, "has no version"),
        ("retry", {"version": "20260101T000000Z-00000000"}, "has no version"),
        ("retry", {"source": None, "version": "20260101T000000Z-00000000"}, "Name the source"),
        ("pin", {"version": "20260101T000000Z-00000000", "unpin": False}, "never sealed"),
        ("replay", {"source": "nothing", "version": None}, "there is no source 'nothing'"),
        ("replay", {"source": "ctgov", "version": None}, "Name the version of ctgov"),
    ],
)
def test_a_refusal_fails_the_task_with_its_reason_and_tells_nobody(
    store: Store, registry: Registry, decision: str, params: dict[str, Any], reason: str
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    first = toy.publish(store, registry, 3, day=1)
    events = Events()
    with pytest.raises(AirflowFailException, match=reason):
        decide(decision, events, **params)
    assert events.told == []
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == first.version


def test_a_registry_that_was_rebuilt_tells_nothing(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 3, day=1)
    with registry.cursor() as cursor:
        cursor.execute("TRUNCATE lastgood.latest, lastgood.dataset_version CASCADE")
    events = Events()
    assert decide("rebuild", events)
    assert events.told == []
    assert registry.latest(toy.SOURCE) is not None


def failed(store: Store, registry: Registry, rows: int, day: int) -> str:
    """A candidate that passed its gate and failed to be published."""
    manifest = toy.stage(store, registry, rows, day=day)
    toy.judge(store, registry, manifest)
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'failed' WHERE version = %s", (manifest.version,)
        )
    return manifest.version


@pytest.mark.parametrize("one", [True, False])
def test_a_retry_of_one_version_or_of_all_tells_what_is_latest_now(
    store: Store, registry: Registry, one: bool
) -> None:
    version, events = failed(store, registry, 3, day=1), Events()
    done = decide("retry", events, version=version if one else None)
    assert done["outcome" if one else "successful"] == ("promoted" if one else 1)
    assert events.told == [("lastgood_toy", {"version": version})]


@pytest.mark.parametrize("decision", ["rollback", "accept", "retry", "retry all"])
def test_an_export_that_fails_is_told_and_the_derived_sources_follow_all_the_same(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, alert_log: Path, decision: str
) -> None:
    first = toy.publish(store, registry, 1000, day=1)
    if decision == "rollback":
        toy.publish(store, registry, 1001, day=2)
        version, params = first.version, {"to": None}
    elif decision == "accept":
        lower = toy.stage(store, registry, 900, day=2)
        toy.judge(store, registry, lower)
        version, params = lower.version, {"version": lower.version}
    else:
        version = failed(store, registry, 1001, day=2)
        params = {"version": version if decision == "retry" else None}
    monkeypatch.setattr(steps, "export", no_room)
    events = Events()
    decide(decision.split(maxsplit=1)[0], events, **params)
    assert events.told == [("lastgood_toy", {"version": version})]
    (line,) = map(json.loads, alert_log.read_text(encoding="utf-8").splitlines())
    assert (line["source"], line["step"]) == ("toy", "export") and "no space left" in line["cause"]
    assert runlog.runs(registry)[0]["status"] == "ok"


def no_room(*_args: Any) -> None:
    raise OSError("no space left")


def test_a_replay_whose_export_fails_is_told_too(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, alert_log: Path
) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    quick.judge(store, registry, manifest, "PASSED")
    spec = SimpleNamespace(derived=True, inputs=())
    monkeypatch.setattr("include.sources.source.spec", lambda _name: spec)
    monkeypatch.setattr(replay, "_run_of", lambda *_: toy_run(store, registry, manifest))
    monkeypatch.setattr(steps, "build", lambda _run: manifest)
    monkeypatch.setattr(steps, "judge", lambda _run: gate.read(store, toy.SOURCE, manifest.version))
    monkeypatch.setattr(steps, "export", no_room)
    events = Events()
    done = decide("replay", events, version=None)
    assert done == {"version": manifest.version, "outcome": "promoted", "latest": manifest.version}
    assert events.told == [("lastgood_toy", {"version": manifest.version})]
    assert alert_log.read_text(encoding="utf-8").count("no space left") == 1
    made = next(run for run in runlog.runs(registry) if run["version"] == manifest.version)
    assert (made["status"], made["failed_step"]) == ("fail", "export")


def toy_run(store: Store, registry: Registry, manifest: Manifest) -> Run:
    return Run(
        source=toy.SOURCE,
        version=manifest.version,
        run_id="replay__1",
        interval_start=None,
        interval_end=manifest.as_of,
        params={},
        store=store,
        registry=registry,
    )


def test_a_version_is_pinned_and_unpinned_by_a_flag(store: Store, registry: Registry) -> None:
    version = toy.stage(store, registry, 3, day=1).version
    assert decide("pin", Events(), version=version, unpin=False)["pinned"] == "wrong data"
    assert registry.version(toy.SOURCE, version).pinned_reason == "wrong data"
    assert decide("pin", Events(), version=version, unpin=True)["pinned"] is None
    assert registry.version(toy.SOURCE, version).pinned_reason is None


def test_damaged_files_fail_the_verification_and_are_named(store: Store, registry: Registry) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    manifest = toy.publish(store, registry, 3, day=1)
    assert decide("verify", Events(), source=None, all_versions=False)["versions"] == 1
    store.write_bytes(manifest.files[0].path, b"rubbish")
    with pytest.raises(AirflowFailException, match=f"{manifest.files[0].path} was altered"):
        decide("verify", Events(), all_versions=True)


def test_a_decision_stands_in_the_run_log(store: Store, registry: Registry) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    version = toy.stage(store, registry, 3, day=1).version
    decide("pin", Events(), version=version, unpin=False)
    (run,) = runlog.runs(registry)
    assert (run["run_type"], run["status"], list(run["steps"])) == ("manual", "ok", ["pin"])
    with pytest.raises(AirflowFailException):
        decide("pin", Events(), version="20260101T000000Z-00000000", unpin=False)
    (run,) = runlog.runs(registry)
    assert (run["status"], run["failed_step"]) == ("fail", "pin")


def test_the_forms_propose_the_sources_and_take_others_that_have_versions() -> None:
    from include.sources import source as sources
    from lastgood import forms

    for param in (forms.source(), forms.source(empty="every source")):
        assert param.schema["examples"] == sources.names()
        assert param.resolve("toy") == "toy"
