"""An operator's decision as a task: who did it, what it tells the derived sources, and how it is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from include import pipeline
from include.alerting.dispatch import Dispatcher
from include.operations import replay
from include.pipeline import OpenRun
from include.publishing import hold, promotion
from include.publishing import verdict as verdicts
from include.publishing.manifest import Manifest
from include.publishing.policy import Policy
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
from lastgood.notifiers.deployment import dispatcher
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


BACK: dict[str, Any] = {"to": "previous", "until": None, "lets_new": False}
"""A form of a rollback that nobody has touched."""


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
        "ti": SimpleNamespace(try_number=1, max_tries=0),
        "outlet_events": events,
    }
    return DecisionOperator(task_id=decision, decision=decision).execute(context)


def test_a_rollback_tells_the_derived_sources_which_version_is_latest_now(
    store: Store, registry: Registry
) -> None:
    first = toy.publish(store, registry, 3, day=1)
    toy.publish(store, registry, 4, day=2)
    events = Events()
    done = decide("rollback", events, **BACK)
    assert done["latest"] == first.version and done["as_of"] == first.as_of.isoformat()
    assert events.told == [("lastgood_toy", {"version": first.version})]
    assert len(toy.served(registry)) == 3


def test_what_is_held_is_released_by_its_form_and_derived_sources_follow(
    store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 3, day=1)
    decide("hold", Events(), until="2199-01-01T08:00")
    (held_until,) = hold.all_of(registry)
    assert held_until.until == datetime(2199, 1, 1, 8, tzinfo=UTC)
    held = toy.stage(store, registry, 4, day=2)
    toy.judge(store, registry, held)
    assert (
        promotion.promote(
            store, registry, toy.SOURCE, held.version, policy=Policy(), owner="run"
        ).outcome.value
        == "held"
    )
    events = Events()
    assert decide("release", events, version=held.version)["latest"] == held.version
    assert events.told == [("lastgood_toy", {"version": held.version})] and hold.all_of(registry) == []


def test_a_release_without_a_version_ends_the_hold_alone(store: Store, registry: Registry) -> None:
    for day in (1, 2):
        toy.publish(store, registry, 2 + day, day=day)
    decide("rollback", Events(), **BACK)
    events = Events()
    assert decide("release", events, version="none") == {"source": toy.SOURCE, "version": None}
    assert events.told == [] and hold.all_of(registry) == []


def test_the_log_of_a_decision_says_what_was_done(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lastgood.operators.decisions import DecisionOperator

    log = Mock()
    monkeypatch.setattr(DecisionOperator, "log", log)

    def said() -> str:
        return str(log.info.call_args.args[0] % log.info.call_args.args[1:])

    first, second = (toy.publish(store, registry, 2 + day, day=day) for day in (1, 2))
    decide("rollback", Events(), **BACK)
    assert (
        f"latest of toy is {first.version}. toy is on hold: ann rolled back from {second.version}" in said()
    )
    assert "release it (DAG lastgood_release)" in said()
    decide("release", Events(), version="none")
    assert "toy is not on hold any more" in said()
    decide("hold", Events(), until=None)
    assert "toy is on hold: ann put toy on hold at" in said()
    decide("pin", Events(), version=first.version, unpin=False)
    assert f"toy {first.version} is kept until it is unpinned" in said()
    decide("pin", Events(), version=first.version, unpin=True)
    assert f"toy {first.version} is left to retention again" in said()
    decide("verify", Events(), all_versions=False)
    assert "toy is as it was published: 1 version, " in said()


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
    decide("rollback", Events(), user, **BACK)
    with registry.transaction() as cursor:
        cursor.execute("SELECT who, what, reason FROM lastgood.action")
        assert cursor.fetchall() == [{"who": kept, "what": "rollback", "reason": "wrong data"}]


@pytest.mark.parametrize(
    ("decision", "params", "reason"),
    [
        ("rollback", BACK, "no earlier version to go back to"),
        ("rollback", {**BACK, "to": "20260101T000000Z-00000000"}, "has no version"),
        ("accept", {"version": "20260101T000000Z-00000000"}, "has no version"),
        ("retry", {"version": "20260101T000000Z-00000000"}, "has no version"),
        ("retry", {"source": None, "version": "20260101T000000Z-00000000"}, "Name the source"),
        ("pin", {"version": "20260101T000000Z-00000000", "unpin": False}, "never sealed"),
        ("rollback", {**BACK, "to": ""}, "The version '' is none"),
        ("rollback", {**BACK, "to": " "}, "The version ' ' is none"),
        ("rollback", {**BACK, "reason": " \u200b "}, "says nothing"),
        ("accept", {"version": "2026\x00"}, "The version '2026.x00' is none"),
        ("retry", {"source": "", "version": "all"}, "The source '' is none"),
        ("retry", {"version": ""}, "The version '' is none"),
        ("replay", {"source": "ctgov", "version": ""}, "The version '' is none"),
        ("verify", {"source": "", "all_versions": False}, "The source '' is none"),
        ("pin", {"version": "x" * 500, "unpin": True}, "The version 'x{60}...' is none"),
        ("replay", {"source": "nothing", "version": "inputs"}, "there is no source 'nothing'"),
        ("replay", {"source": "ctgov", "version": "inputs"}, "Name the version of ctgov"),
    ],
)
def test_a_refusal_fails_the_task_with_its_reason_and_tells_nobody(
    store: Store, registry: Registry, decision: str, params: dict[str, Any], reason: str
) -> None:
    from lastgood.errors import DecisionRefused

    first = toy.publish(store, registry, 3, day=1)
    events = Events()
    with pytest.raises(DecisionRefused, match=reason):
        decide(decision, events, **params)
    assert events.told == []
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == first.version


def test_a_form_tells_the_others_at_once_where_it_was_decided(
    store: Store, registry: Registry, mailbox: list[EmailMessage]
) -> None:
    for day in (1, 2):
        toy.publish(store, registry, 2 + day, day=day)
    decide("rollback", Events(), **BACK)
    (mail,) = mailbox
    assert "[lastgood] toy: ann rolled back to 2026" in mail["Subject"]
    body = mail.get_body(("plain",))
    assert body is not None and "Run of the form: http" in body.get_content()
    assert dispatcher().notify_decisions(registry) == (0, [])


def test_a_decision_that_was_refused_is_told_to_who_asked_alone(
    store: Store, registry: Registry, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    from lastgood.errors import DecisionRefused

    with pytest.raises(DecisionRefused):
        decide("rollback", Events(), **BACK)
    decide("hold", Events(), until=None)
    with pytest.raises(DecisionRefused, match="on hold already"):
        decide("hold", Events(), "ben", until=None)
    assert dispatcher().notify_decisions(registry) == (0, [])
    assert [mail["Subject"] for mail in mailbox] == ["[lastgood] toy: ann put it on hold"]
    assert len(alert_log.read_text(encoding="utf-8").splitlines()) == 1


def test_a_decision_that_stands_though_its_form_failed_is_told(
    store: Store, registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = failed(store, registry, 3, day=1)
    monkeypatch.setattr(promotion, "_publish", no_room)
    with pytest.raises(OSError, match="no space left"):
        decide("retry", Events(), version=version)
    # What it began is not over: its lease runs out by itself.
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.dataset_version SET lease_until = now() - interval '1 second'")
    assert dispatcher().notify_decisions(registry) == (1, [])
    (mail,) = mailbox
    assert f"ann had {version} published again" in mail["Subject"]


def test_where_nobody_can_be_told_the_decision_stands_and_the_watch_tells(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, mailbox: list[EmailMessage]
) -> None:
    toy.publish(store, registry, 3, day=1)
    with monkeypatch.context() as broken:
        broken.setattr(Dispatcher, "notify_decisions", lambda *_: 1 / 0)
        assert decide("hold", Events(), until=None) == {"source": toy.SOURCE, "until": None}
    assert len(hold.all_of(registry)) == 1 and mailbox == []
    assert dispatcher().notify_decisions(registry) == (1, []) and len(mailbox) == 1


def test_a_registry_that_was_rebuilt_tells_nothing(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 3, day=1)
    with registry.transaction() as cursor:
        cursor.execute("TRUNCATE lastgood.latest, lastgood.dataset_version CASCADE")
    events = Events()
    assert decide("rebuild", events)
    assert events.told == []
    assert registry.latest(toy.SOURCE) is not None


def failed(store: Store, registry: Registry, rows: int, day: int) -> str:
    """A candidate that passed its gate and failed to be published."""
    manifest = toy.stage(store, registry, rows, day=day)
    toy.judge(store, registry, manifest)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'failed' WHERE version = %s", (manifest.version,)
        )
    return manifest.version


@pytest.mark.parametrize("one", [True, False])
def test_a_retry_of_one_version_or_of_all_tells_what_is_latest_now(
    store: Store, registry: Registry, one: bool
) -> None:
    version, events = failed(store, registry, 3, day=1), Events()
    done = decide("retry", events, version=version if one else "all")
    assert done["outcome" if one else "successful"] == ("promoted" if one else 1)
    assert events.told == [("lastgood_toy", {"version": version})]


@pytest.mark.parametrize("decision", ["rollback", "accept", "retry", "retry all"])
def test_an_export_that_fails_is_told_and_the_derived_sources_follow_all_the_same(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, alert_log: Path, decision: str
) -> None:
    first = toy.publish(store, registry, 1000, day=1)
    if decision == "rollback":
        toy.publish(store, registry, 1001, day=2)
        version, params = first.version, dict(BACK)
    elif decision == "accept":
        lower = toy.stage(store, registry, 900, day=2)
        toy.judge(store, registry, lower)
        version, params = lower.version, {"version": lower.version}
    else:
        version = failed(store, registry, 1001, day=2)
        params = {"version": version if decision == "retry" else None}
    monkeypatch.setattr(pipeline, "export", no_room)
    events = Events()
    decide(decision.split(maxsplit=1)[0], events, **params)
    assert events.told == [("lastgood_toy", {"version": version})]
    line, news = map(json.loads, alert_log.read_text(encoding="utf-8").splitlines())
    assert (line["source"], line["step"]) == ("toy", "export") and "no space left" in line["cause"]
    assert (news["event"], news["version"]) == ("news", version)
    assert run_log.runs(registry)[0]["status"] == "ok"


def no_room(*_args: Any) -> None:
    raise OSError("no space left")


def test_a_replay_whose_export_fails_is_told_too(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, alert_log: Path
) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    quick.judge(store, registry, manifest, "PASSED")
    spec = SimpleNamespace(derived=True, inputs=(), keys=(), options=(), connection="toy_api")
    monkeypatch.setattr("include.sources.source.spec", lambda _name: spec)
    monkeypatch.setattr(replay, "_open", lambda *_: toy_run(store, registry, manifest))
    monkeypatch.setattr(pipeline, "build", lambda _run: manifest)
    monkeypatch.setattr(pipeline, "judge", lambda _run: verdicts.read(store, toy.SOURCE, manifest.version))
    monkeypatch.setattr(pipeline, "export", no_room)
    events = Events()
    done = decide("replay", events, version=None)
    assert done == {"version": manifest.version, "outcome": "promoted", "latest": manifest.version}
    assert events.told == [("lastgood_toy", {"version": manifest.version})]
    assert alert_log.read_text(encoding="utf-8").count("no space left") == 1
    made = next(run for run in run_log.runs(registry) if run["version"] == manifest.version)
    assert (made["status"], made["failed_step"]) == ("fail", "export")


def toy_run(store: Store, registry: Registry, manifest: Manifest) -> OpenRun:
    """The run of a version that was staged, entered in the run log."""
    run_log.start(
        registry,
        source=toy.SOURCE,
        version=manifest.version,
        dag_id="lastgood_replay",
        run_id="replay__1",
        interval_start=None,
        interval_end=manifest.as_of,
        env="test",
        code_version="test",
    )
    return OpenRun(
        source=toy.SOURCE,
        pins=run_log.Pins(
            version=manifest.version,
            data_time=manifest.as_of,
            base=None,
            watermarks={},
            inputs={},
            attempt=1,
        ),
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
    (run,) = run_log.runs(registry)
    assert (run["run_type"], run["status"], list(run["steps"])) == ("manual", "ok", ["pin"])
    with pytest.raises(AirflowFailException):
        decide("pin", Events(), version="20260101T000000Z-00000000", unpin=False)
    (run,) = run_log.runs(registry)
    assert (run["status"], run["failed_step"]) == ("fail", "pin")


def test_the_forms_propose_the_sources_and_take_others_that_have_versions() -> None:
    from include.sources import source as sources
    from lastgood import forms

    for param in (forms.source(), forms.source(empty="every source")):
        assert param.schema["examples"] == sources.names()
        assert param.resolve("toy") == "toy"
