"""One trouble, one message: every callback of Airflow, in every order, through real SMTP and HTTP servers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import permutations
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from include.alerting import episodes
from include.publishing import runlog
from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy

pytestmark = pytest.mark.usefixtures("airflow_connections", "alert_log")

BEGAN = datetime.now(UTC) - timedelta(minutes=5)
CANARY = "s3cr3tcanary"


def dag_run(run_id: str = "scheduled__1", began: datetime = BEGAN) -> SimpleNamespace:
    return SimpleNamespace(
        dag_id=toy.SOURCE, run_id=run_id, start_date=began, data_interval_end=began, run_after=began
    )


def task_context(
    step: str = "extract",
    error: Any = None,
    *,
    try_number: int = 4,
    map_index: int = -1,
    run: SimpleNamespace | None = None,
) -> dict[str, Any]:
    task = SimpleNamespace(
        dag_id=toy.SOURCE,
        task_id=step,
        try_number=try_number,
        max_tries=3,
        map_index=map_index,
        log_url="http://airflow/log?a=1&b=2",
    )
    context = {"dag_run": run or dag_run(), "run_id": (run or dag_run()).run_id, "task_instance": task}
    return context if error is None else {**context, "exception": error}


def run_context(reason: str = "task_failure", last: str | None = "watcher") -> dict[str, Any]:
    """As the dag-processor gives it: with the task to blame, or with next to nothing."""
    from airflow.sdk import DAG

    if last is None:
        return {"dag": DAG(dag_id=toy.SOURCE, schedule=None), "run_id": "scheduled__1", "reason": reason}
    return {**task_context(last), "reason": reason}


def late_context(**changed: Any) -> dict[str, Any]:
    """As the triggerer gives it."""
    run = {
        "dag_id": toy.SOURCE,
        "dag_run_id": "scheduled__1",
        "queued_at": "2026-03-01T01:00:00Z",
        "start_date": BEGAN.isoformat(),
        "run_type": "scheduled",
        "state": "running",
    }
    return {
        "dag_run": {**run, **changed},
        "deadline": {"id": "1", "deadline_time": datetime(2026, 3, 1, 9, tzinfo=UTC)},
    }


def notify(context: dict[str, Any], on: Any = "failure") -> None:
    from lastgood.notifiers.alert import AlertNotifier

    AlertNotifier(on)(context)


def killed(*steps: str) -> Exception:
    from lastgood.operators.steps import StepsKilled

    return StepsKilled(steps)


def kinds(registry: Registry) -> list[str]:
    return [episode.alert.kind for episode in episodes.open_episodes(registry)]


def lines(alert_log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in alert_log.read_text(encoding="utf-8").splitlines()]


def body(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


# --- what a message says ---


def test_a_message_says_what_broke_why_what_consumers_read_and_where_to_look(
    store: Store, registry: Registry, mailbox: list[EmailMessage], webhook: list[Any], alert_log: Path
) -> None:
    good = toy.publish(store, registry, 3, day=1)
    notify(task_context(error=ValueError("upstream <script>alert(1)</script>\n & co")))
    (mail,) = mailbox
    for text in (body(mail), body(mail, "html"), json.dumps(webhook)):
        assert f"Consumers keep reading version {good.version}" in text
        assert re.search(r"\(\d+ days?( \d+ hours?)? old\)", " ".join(text.split()))
        assert "/dags/toy/runs/scheduled__1" in text
    assert "ValueError: upstream <script>alert(1)</script> & co" in body(mail)
    assert "upstream &lt;script&gt;" in body(mail, "html") and "<script>" not in body(mail, "html")
    assert "toy.extract" in mail["Subject"]
    (line,) = lines(alert_log)
    assert (line["kind"], line["step"], line["try_number"], line["tries"]) == ("task-failed", "extract", 4, 4)
    assert line["event"] == "first" and line["silenced"] is None
    assert line["links"] == {
        "Log of the task": "http://airflow/log?a=1&b=2",
        "Run": "http://localhost:8080/dags/toy/runs/scheduled__1",
    }


def rejected(store: Store, registry: Registry, values: dict[int, str | None], level: str) -> None:
    """A candidate of the run whose check found rows."""
    manifest = toy.stage(store, registry, values, day=2)
    verdict = toy.judge(store, registry, manifest)
    runlog.start(
        registry,
        source=toy.SOURCE,
        version=verdict.version,
        dag_id=toy.SOURCE,
        run_id="scheduled__1",
        interval_start=None,
        interval_end=BEGAN,
        env="test",
        code_version="test",
    )
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.check_result SET outcome = %s, samples = %s "
            "WHERE check_id = (SELECT min(check_id) FROM lastgood.check_result)",
            (level, json.dumps([{"id": 7, "value": f"Jane Doe {CANARY}"}] * 5)),
        )


def test_a_rejection_shows_its_checks_with_rows_and_no_text_of_them(
    store: Store, registry: Registry, mailbox: list[EmailMessage], webhook: list[Any]
) -> None:
    from lastgood.operators.steps import CandidateRejected

    rejected(store, registry, {7: "x"}, "FAILED")
    notify(task_context("gate", CandidateRejected("toy did not pass its gate")))
    assert kinds(registry) == ["gate-rejected"]
    (episode,) = episodes.open_episodes(registry)
    (check,) = episode.alert.checks
    assert check.sentence.startswith("things: ") and len(check.rows) == 3
    assert check.rows[0]["id"] == 7
    assert "things: " in body(mailbox[0])
    for text in (body(mailbox[0]), body(mailbox[0], "html"), json.dumps(webhook)):
        assert CANARY not in text and "Jane" not in text


def test_a_gate_that_warns_tells_of_it_and_one_that_does_not_is_silent(
    store: Store, registry: Registry, mailbox: list[EmailMessage]
) -> None:
    rejected(store, registry, {7: "x"}, "PASSED")
    notify(task_context("gate"), "gate")
    assert mailbox == []
    with registry.cursor() as cursor:
        cursor.execute("UPDATE lastgood.check_result SET outcome = 'WARN'")
    notify(task_context("gate"), "gate")
    assert kinds(registry) == ["gate-warned"] and len(mailbox) == 1


def test_a_warning_ends_with_a_gate_that_does_not_warn_and_not_with_a_run_that_had_nothing_to_check(
    store: Store, registry: Registry, mailbox: list[EmailMessage]
) -> None:
    rejected(store, registry, {7: "x"}, "WARN")
    notify(task_context("gate"), "gate")
    later = dag_run("scheduled__2", datetime.now(UTC))
    notify({**run_context("success"), "dag_run": later}, "success")
    notify(task_context("gate", run=later), "gate")
    assert kinds(registry) == ["gate-warned"] and len(mailbox) == 1, "no check has passed since"
    with registry.cursor() as cursor:
        cursor.execute("UPDATE lastgood.check_result SET outcome = 'PASSED'")
    for _ in range(2):
        notify(task_context("gate"), "gate")
    assert kinds(registry) == [] and len(mailbox) == 2
    assert "recovered" in mailbox[1]["Subject"].lower()


# --- how many messages ---


def call(name: str) -> dict[str, Any]:
    """What Airflow hands over when it calls about this run."""
    match name:
        case "step":
            return task_context(error=ValueError("boom"))
        case "heartbeat":
            return task_context()
        case "watcher":
            return task_context("watcher", killed("extract"), try_number=1)
        case "watcher of two":
            return task_context("watcher", killed("build", "extract"), try_number=1)
        case "watcher without a registry":
            return task_context("watcher", ValueError("the registry is away"), try_number=1)
        case "run":
            return run_context()
        case "run without a watcher":
            return run_context(last="extract")
        case "run, its id alone":
            return run_context(last=None)
        case "time is over":
            return run_context("timed_out", "extract")
    raise AssertionError(name)


ORDERS = [
    *permutations(["step", "watcher", "run"]),
    ("heartbeat", "heartbeat", "watcher", "run"),
    ("watcher", "heartbeat", "heartbeat", "run"),
    ("watcher", "run"),
    ("step", "run, its id alone"),
    ("run, its id alone", "run"),
    ("time is over", "time is over"),
]


def forget(registry: Registry) -> None:
    with registry.cursor() as cursor:
        cursor.execute("TRUNCATE lastgood.alert")


def test_a_failed_run_is_one_message_whoever_calls_first(
    registry: Registry, mailbox: list[EmailMessage], webhook: list[Any], alert_log: Path
) -> None:
    for told, order in enumerate(ORDERS, start=1):
        for name in order:
            notify(call(name))
        assert len(mailbox) == len(webhook) == len(lines(alert_log)) == told, order
        forget(registry)


KIND_OF = {
    "step": ("task-failed", "extract"),
    "heartbeat": ("task-killed", "extract"),
    "watcher": ("task-killed", "extract"),
    "watcher of two": ("task-killed", "build, extract"),
    "watcher without a registry": ("run-failed", ""),
    "time is over": ("run-timed-out", ""),
    "run without a watcher": ("task-killed", "extract"),
    "run": ("run-failed", ""),
    "run, its id alone": ("run-failed", ""),
}


def test_the_kind_says_whether_a_step_failed_was_killed_or_the_run_ended(registry: Registry) -> None:
    found = {}
    for name in KIND_OF:
        notify(call(name))
        (episode,) = episodes.open_episodes(registry)
        found[name] = (episode.alert.kind, episode.alert.what)
        forget(registry)
    assert found == KIND_OF


def test_the_units_of_a_mapped_step_are_one_message(registry: Registry, mailbox: list[EmailMessage]) -> None:
    for index in range(3):
        notify(task_context(error=ValueError(f"unit {index}"), map_index=index))
    assert len(mailbox) == 1


def test_a_run_that_fails_again_after_it_was_cleared_is_the_same_trouble(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    for number in range(2):
        run = dag_run(began=BEGAN + timedelta(minutes=number))
        notify(task_context(error=ValueError("boom"), try_number=4 * (number + 1), run=run))
    (episode,) = episodes.open_episodes(registry)
    assert episode.count == 2 and len(mailbox) == 1, "the pause before it is told again is not over"


def test_a_success_that_began_later_is_told_once(registry: Registry, mailbox: list[EmailMessage]) -> None:
    notify(task_context(error=ValueError("boom")))
    notify(run_context("success"), "success")
    assert len(mailbox) == 1, "this run began before the failure"
    later = {**run_context("success"), "dag_run": dag_run("scheduled__2", datetime.now(UTC))}
    for _ in range(2):
        notify(dict(later), "success")
    assert len(mailbox) == 2
    assert "recovered" in mailbox[1]["Subject"].lower()
    assert kinds(registry) == []


def test_a_success_of_which_airflow_tells_only_the_run_is_found_in_the_run_log(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    notify(task_context(error=ValueError("boom")))
    runlog.start(
        registry,
        source=toy.SOURCE,
        version="v",
        dag_id=toy.SOURCE,
        run_id="scheduled__2",
        interval_start=None,
        interval_end=BEGAN,
        env="test",
        code_version="test",
    )
    notify({**run_context("success", last=None), "run_id": "scheduled__2"}, "success")
    assert len(mailbox) == 2 and kinds(registry) == []


def test_a_run_that_was_killed_is_closed_in_the_run_log(registry: Registry) -> None:
    runlog.start(
        registry,
        source=toy.SOURCE,
        version="v",
        dag_id=toy.SOURCE,
        run_id="scheduled__1",
        interval_start=None,
        interval_end=BEGAN,
        env="test",
        code_version="test",
    )
    notify(run_context("timed_out", "extract"))
    (run,) = runlog.runs(registry)
    assert (run["status"], run["failed_step"]) == ("fail", "extract") and run["ended"]


# --- late ---


def test_a_late_run_is_told_also_on_the_triggerer_whose_loop_goes_on(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    import asyncio

    from lastgood.notifiers.alert import AlertNotifier

    async def on_the_triggerer() -> None:
        await AlertNotifier(on="late", context=late_context())

    asyncio.run(on_the_triggerer())
    assert kinds(registry) == ["late"] and len(mailbox) == 1
    assert "it was to be done by 2026-03-01 09:00 UTC" in body(mailbox[0])


@pytest.mark.parametrize(("on", "kind"), [("gate", "gate-warned"), ("late", "late")])
def test_an_alert_that_cannot_be_composed_is_told_as_what_it_is(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, on: str, kind: str
) -> None:
    from lastgood.notifiers import happening

    def fails(*_args: Any) -> None:
        raise KeyError("what nobody foresaw")

    for name in ("failure", "warned", "late"):
        monkeypatch.setattr(happening, name, fails)
    notify(late_context() if on == "late" else task_context("gate", ValueError("boom")), on)
    assert kinds(registry) == [kind] and len(mailbox) == 1


def test_nobody_is_told_of_a_late_backfill_nor_of_a_run_that_is_over(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    for changed in ({"run_type": "backfill"}, {"state": "success"}, {"state": "failed"}):
        notify(late_context(**changed), "late")
    assert mailbox == [] and kinds(registry) == []


def test_a_late_run_that_fails_is_told_as_failed_too_and_its_success_ends_both(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    notify(late_context(start_date=None), "late")
    notify(task_context(error=ValueError("boom")))
    assert sorted(kinds(registry)) == ["late", "task-failed"] and len(mailbox) == 2


# --- when something of the house itself is broken ---


def test_an_alert_that_cannot_be_composed_is_told_all_the_same(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lastgood.notifiers import happening

    def broken(*_: Any) -> Any:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(happening, "failure", broken)
    notify(task_context(error=ValueError("boom")))
    assert "ValueError: boom" in body(mailbox[0])


def test_no_secret_reaches_mail_webhook_or_log_file(
    registry: Registry,
    mailbox: list[EmailMessage],
    webhook: list[Any],
    alert_log: Path,
    define_webhook: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AIRFLOW_CONN_LASTGOOD_SMTP", "AIRFLOW_CONN_LASTGOOD_REGISTRY"):
        monkeypatch.setenv(name, json.dumps({**json.loads(os.environ[name]), "password": CANARY}))
    error = (
        f"GET https://user:{CANARY}@api.example/x?api_key={CANARY} Authorization: Bearer {CANARY}1 "
        f"password={CANARY} jane.doe@example.org"
    )
    notify(task_context(error=ValueError(error)))
    define_webhook(password=f"other/{CANARY}")
    notify(task_context("build", error=ValueError(error), run=dag_run("scheduled__2")))
    assert len(mailbox) == 3, "two failures and the channel that is broken"
    told = json.dumps(webhook) + alert_log.read_text(encoding="utf-8")
    told += "".join(mail.as_string() + body(mail) + body(mail, "html") for mail in mailbox)
    assert "api.example" in told
    for secret in (CANARY, "hooksecretcanary", "jane.doe"):
        assert secret not in told


def test_a_registry_that_is_newer_is_told_by_the_notifier_too(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    with registry.cursor() as cursor:
        cursor.execute("UPDATE lastgood.schema_version SET version_num = '9999'")
    notify(task_context(error=ValueError("boom")))
    (mail,) = mailbox
    assert "NewerRegistry" in body(mail) and "ValueError: boom" in body(mail)


def test_what_takes_long_is_in_the_log_file_before_airflow_may_kill_it(
    registry: Registry, alert_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lastgood.notifiers import tell

    written, write = Event(), tell.channels.to_log_file

    def to_log_file(line: Any) -> None:
        write(line)
        written.set()

    def hangs() -> Registry:
        assert written.wait(30)
        return registry

    monkeypatch.setattr(tell, "PATIENCE_SECONDS", 0.02)
    monkeypatch.setattr(tell.channels, "to_log_file", to_log_file)
    monkeypatch.setattr(tell, "open_registry", hangs)
    notify(task_context(error=ValueError("boom")))
    assert [(line["event"], line["title"], line["cause"]) for line in lines(alert_log)] == [
        ("slow", "toy.extract: the step failed in all its tries", "ValueError: boom"),
        ("first", "toy.extract: the step failed in all its tries", "ValueError: boom"),
    ]
