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
from typing import Any, Literal

import pytest

from include.alerting import episodes
from include.publishing.verdict import CheckOutcome, Verdict
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
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
    unit: str | None = None,
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
        rendered_map_index=unit,
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


def notify(context: dict[str, Any], on: Any = "failure") -> None:
    from lastgood.notifiers.alert import AlertNotifier

    AlertNotifier(on)(context)


def killed(*steps: str) -> Exception:
    from lastgood.errors import StepsKilled

    return StepsKilled(steps)


def kinds(registry: Registry) -> list[str]:
    return [episode.alert.kind for episode in episodes.open_episodes(registry)]


def lines(alert_log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in alert_log.read_text(encoding="utf-8").splitlines()]


def body(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_trial_at_the_command_line_tells_nobody_whatever_it_meets(
    registry: Registry, mailbox: list[EmailMessage], webhook: list[Any], alert_log: Path
) -> None:
    trial = dag_run(f"{run_log.TRIAL}2026-11-30T00:00:00+00:00__")
    notify(task_context(error=ValueError("a bad setting"), run=trial))
    notify({**task_context("watcher", run=trial), "reason": "task_failure"})
    notify(task_context(run=trial), "success")
    assert not mailbox and not webhook and not alert_log.exists()
    assert not kinds(registry)


# --- what a message says ---


def test_the_last_line_of_a_failed_tasks_log_is_the_cause_whole_and_without_secrets(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lastgood.notifiers.alert import AlertNotifier

    lines: list[str] = []
    written = SimpleNamespace(error=lambda text, *values: lines.append(text % values))
    monkeypatch.setattr(AlertNotifier, "log", written)
    cause = f"{'a long story, ' * 50}and then password=s3cr3tcanary was wrong"
    notify(task_context(error=ValueError(cause)))
    assert len(mailbox) == 1
    (last,) = lines
    assert last.startswith("ValueError: a long story, a long story") and last.endswith("was wrong")
    assert len(last) > 700 and "s3cr3tcanary" not in last


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


def no(rule: Literal["contract", "change"] = "contract") -> Verdict:
    """The gate's no to a version of toy, which failed a check of this rule."""
    rows = [{"id": 7, "value": f"Jane Doe {CANARY}"}] * 5
    failed = CheckOutcome(
        table="things", id="checks.odd", name="no value is odd", rule=rule, outcome="FAILED", value=5,
        threshold="must be: 0", samples=rows,
    )  # fmt: skip
    return Verdict(
        source=toy.SOURCE, version="v2", previous=None, checked_at=datetime(2026, 3, 2, tzinfo=UTC),
        checks=[failed], errors=[], stamps={},
    )  # fmt: skip


def judged(store: Store, registry: Registry) -> None:
    """A candidate of the run, which passed its gate."""
    manifest = toy.stage(store, registry, {7: "x"}, day=2)
    verdict = toy.judge(store, registry, manifest)
    run_log.start(
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


def test_a_rejection_shows_its_checks_with_rows_and_no_text_of_them(
    registry: Registry, mailbox: list[EmailMessage], webhook: list[Any]
) -> None:
    from lastgood.errors import CandidateRejected

    notify(task_context("gate", CandidateRejected("toy did not pass its gate", no()), try_number=1))
    assert kinds(registry) == ["gate-rejected"]
    (episode,) = episodes.open_episodes(registry)
    (check,) = episode.alert.checks
    assert check.sentence.startswith("things: ") and len(check.rows) == 3
    assert check.rows[0]["id"] == 7
    assert "things: " in body(mailbox[0])
    for text in (body(mailbox[0]), body(mailbox[0], "html"), json.dumps(webhook)):
        assert CANARY not in text and "Jane" not in text


def test_the_only_task_of_a_run_tells_as_well_as_the_run_that_all_is_well_again(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    def of_the_house(run: SimpleNamespace, error: Any = None) -> dict[str, Any]:
        context = task_context("watch", error, run=run)
        run.dag_id = context["task_instance"].dag_id = "lastgood_watch"
        return context

    notify(of_the_house(dag_run(), ValueError("a rule could not look")))
    assert kinds(registry) == ["task-failed"] and len(mailbox) == 1
    notify(of_the_house(dag_run("scheduled__2", datetime.now(UTC))), "success")
    assert kinds(registry) == [] and "recovered" in mailbox[1]["Subject"].lower()


def test_a_warning_is_told_once_the_version_is_promoted_and_ends_with_one_that_has_none(
    store: Store, registry: Registry, mailbox: list[EmailMessage]
) -> None:
    judged(store, registry)
    notify(task_context("promote"), "promoted")
    assert mailbox == []
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.check_result SET outcome = 'WARN'")
    notify(task_context("promote"), "promoted")
    assert kinds(registry) == ["gate-warned"] and len(mailbox) == 1
    notify({**run_context("success"), "dag_run": dag_run("scheduled__2", datetime.now(UTC))}, "success")
    assert kinds(registry) == ["gate-warned"], "nothing was promoted since"
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.check_result SET outcome = 'PASSED'")
    for _ in range(2):
        notify(task_context("promote"), "promoted")
    assert kinds(registry) == [] and len(mailbox) == 2
    assert "recovered" in mailbox[1]["Subject"].lower()


def test_a_rejection_that_may_be_accepted_says_so_and_leads_to_the_form(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    from lastgood.errors import CandidateRejected

    answers: list[tuple[Literal["contract", "change"], bool]] = [("change", True), ("contract", False)]
    for rule, acceptable in answers:
        error = CandidateRejected("toy v2 did not pass its gate", no(rule))
        notify(task_context("gate", error, try_number=1))
        text = " ".join(body(mailbox[-1]).split())
        assert ("Accept the version" in text) == acceptable == ("accept the version with a reason" in text)
        assert ("/lastgood/accept?source=toy&version=v2" in text) == acceptable
        assert "Version: v2" in text
        forget(registry)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        ("Transient", "upstream-down", "Wait: the next run goes on"),
        ("Refused", "upstream-refused", "Settle login, key or rights"),
        ("ContractBreak", "upstream-changed", "Compare the answer with the upstream's documentation"),
    ],
)
def test_what_the_upstream_does_is_one_trouble_in_every_step_and_says_what_to_do(
    registry: Registry, mailbox: list[EmailMessage], error: str, kind: str, says: str
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from include.upstream import answers

    raised: Exception = getattr(answers, error)(f"GET /studies: {CANARY[:3]}")
    notify(task_context(error=raised))
    hopeless = AirflowFailException(f"{error}: GET /studies")
    hopeless.__cause__ = raised
    later = dag_run("scheduled__2", datetime.now(UTC))
    notify(task_context("probe", hopeless, try_number=1, run=later))
    assert kinds(registry) == [kind] and len(mailbox) == 1
    assert says in " ".join(body(mailbox[0]).split())


@pytest.mark.parametrize(
    ("try_number", "hopeless", "counted"), [(4, False, True), (1, True, False), (4, True, False)]
)
def test_tries_are_counted_only_where_it_was_tried_again(
    registry: Registry, mailbox: list[EmailMessage], try_number: int, hopeless: bool, counted: bool
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    error = AirflowFailException("BadSetting: no host") if hopeless else ValueError("boom")
    notify(task_context(error=error, try_number=try_number))
    text = body(mailbox[0])
    assert ("It was tried 4 times" in text) == ("Try: 4 of 4" in text) == counted
    assert "is not tried again in this run" in text


def in_run_log(registry: Registry, run_id: str, status: Any = None, **steps: dict[str, Any]) -> None:
    """Enter a run with its steps, and its end."""
    run_log.start(
        registry,
        source=toy.SOURCE,
        version=f"version of {run_id}",
        dag_id=toy.SOURCE,
        run_id=run_id,
        interval_start=None,
        interval_end=BEGAN,
        env="test",
        code_version="test",
    )
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET steps = %s WHERE run_id = %s", (json.dumps(steps), run_id)
        )
    if status is not None:
        run_log.end(registry, toy.SOURCE, f"version of {run_id}", status)


@pytest.mark.parametrize(
    ("status", "steps", "left"),
    [
        ("skipped", {"probe": {"new": False}}, ["gate-rejected", "task-failed"]),
        (
            "skipped",
            {"probe": {"new": False, "without_host": True}},
            ["gate-rejected", "task-failed", "upstream-down"],
        ),
        ("ok", {"promote": {"latest": "another"}}, ["gate-rejected"]),
        ("ok", {"promote": {"latest": "version of scheduled__9"}}, []),
        ("ok", {}, []),
    ],
)
def test_a_run_that_ended_well_ends_what_the_run_log_says_it_proved(
    registry: Registry, mailbox: list[EmailMessage], status: str, steps: dict[str, Any], left: list[str]
) -> None:
    from include.upstream.answers import Transient
    from lastgood.errors import CandidateRejected

    rejection = CandidateRejected("toy did not pass its gate", no())
    failures = {"scheduled__1": ("gate", rejection), "scheduled__2": ("build", ValueError("boom")),
                "scheduled__3": ("extract", Transient("503"))}  # fmt: skip
    for run_id, (step, error) in failures.items():
        notify(task_context(step, error, run=dag_run(run_id)))
    in_run_log(registry, "scheduled__9", status, **steps)
    later = dag_run("scheduled__9", datetime.now(UTC))
    notify({**run_context("success"), "run_id": "scheduled__9", "dag_run": later}, "success")
    assert sorted(kinds(registry)) == left
    assert len(mailbox) == 3 + (len(left) < 3), "what is over at once is one message"


def test_a_decision_that_was_refused_is_told_to_nobody_else_whoever_calls(
    registry: Registry, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    from lastgood.errors import DecisionRefused

    in_run_log(registry, "scheduled__1", "fail", accept={"error": "DecisionRefused: toy has no version 'x'"})
    notify(task_context("accept", DecisionRefused("toy has no version 'x'"), try_number=1))
    notify(run_context(last="accept"))
    notify(call("watcher without a registry"))
    assert mailbox == [] and kinds(registry) == [] and not alert_log.exists()


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
    with registry.transaction() as cursor:
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


def test_the_units_of_a_mapped_step_are_one_message_once_the_run_is_over(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    from include.upstream.answers import Transient

    in_run_log(registry, "scheduled__1", discover={"units": [{}] * 5})
    for index, unit in enumerate(("Cup 24/25", "League 25/26", None)):
        notify(task_context(error=Transient(f"503 of {index}"), map_index=index, unit=unit))
    notify(call("watcher without a registry"))
    assert mailbox == []
    notify(run_context(last="extract"))
    assert [mail["Subject"] for mail in mailbox] == [
        "[lastgood] toy: 3 of 5 units failed, the upstream did not answer"
    ]
    text = " ".join(body(mailbox[0]).split())
    for part in (
        "Cup 24/25: Transient: 503 of 0",
        "League 25/26: Transient: 503 of 1",
        "unit 3: Transient: 503 of 2",
    ):
        assert part in text
    notify(run_context())
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
    run_log.start(
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
    run_log.start(
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
    (run,) = run_log.runs(registry)
    assert (run["status"], run["failed_step"]) == ("fail", "extract") and run["ended"]


def test_a_warning_that_cannot_be_composed_is_told_as_what_it_is(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.monitoring import run_alerts

    def fails(*_args: Any) -> None:
        raise KeyError("what nobody foresaw")

    for name in ("failure", "warned"):
        monkeypatch.setattr(run_alerts, name, fails)
    notify(task_context("promote", ValueError("boom")), "promoted")
    assert kinds(registry) == ["gate-warned"] and len(mailbox) == 1


# --- when something of the system itself is broken ---


def test_an_alert_that_cannot_be_composed_is_told_all_the_same(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.monitoring import run_alerts

    def broken(*_: Any) -> Any:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(run_alerts, "failure", broken)
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
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.schema_version SET version_num = '9999'")
    notify(task_context(error=ValueError("boom")))
    (mail,) = mailbox
    assert "NewerRegistry" in body(mail) and "ValueError: boom" in body(mail)


def test_what_takes_long_is_in_the_log_file_before_airflow_may_kill_it(
    registry: Registry, alert_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.alerting import dispatch
    from include.alerting.delivery import Delivery
    from lastgood.notifiers.deployment import AirflowDeployment

    written, write = Event(), Delivery.to_log_file

    def to_log_file(*line: Any) -> str | None:
        result = write(*line)
        written.set()
        return result

    def hangs(_: AirflowDeployment) -> Registry:
        assert written.wait(30)
        return registry

    monkeypatch.setattr(dispatch, "SLOW_SECONDS", 0.02)
    monkeypatch.setattr(Delivery, "to_log_file", to_log_file)
    monkeypatch.setattr(AirflowDeployment, "open_registry", hangs)
    notify(task_context(error=ValueError("boom")))
    assert [(line["event"], line["title"], line["cause"]) for line in lines(alert_log)] == [
        ("slow", "toy.extract: the step failed", "ValueError: boom"),
        ("first", "toy.extract: the step failed", "ValueError: boom"),
    ]
