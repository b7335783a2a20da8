"""The watch as a task: what it finds is told once, what is over too, and an outside monitor hears that it runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from include.alerting import episodes
from include.alerting.dispatch import Dispatcher
from include.monitoring import doctor, heartbeat, watch
from include.operations import decisions
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store

pytestmark = pytest.mark.usefixtures("airflow_connections")
SECRET = "3f1c9ea7b2d84c55"


@pytest.fixture(autouse=True)
def _a_disk_with_room_and_versions_in_the_registry_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(total=100, free=50))
    monkeypatch.delitem(watch.RULES, "file-damaged")  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _the_doctor_has_looked(store: Store) -> None:
    doctor.keep(store, [], datetime.now(UTC), "test")


@pytest.fixture
def look(alert_log: Path) -> Callable[[], dict[str, Any]]:
    """Run the task once, as Airflow would."""
    runs = iter(range(100))

    def run() -> dict[str, Any]:
        from lastgood.operators.watch import WatchOperator

        at = datetime.now(UTC)
        dag_run = SimpleNamespace(
            run_id=f"scheduled__{next(runs)}",
            run_after=at,
            data_interval_start=at,
            data_interval_end=at,
            run_type="scheduled",
        )
        operator = WatchOperator(task_id="watch", dag=DAG("lastgood_watch", schedule=None))
        return operator.execute({"dag_run": dag_run, "ti": SimpleNamespace(try_number=1, max_tries=0)})  # type: ignore[typeddict-item]

    return run


@pytest.fixture
def told(alert_log: Path) -> Callable[[], list[tuple[str, str]]]:
    """What the log file channel was told so far: the event, and kind of the alert."""

    def read() -> list[tuple[str, str]]:
        lines = alert_log.read_text(encoding="utf-8").splitlines() if alert_log.exists() else []
        return [(line["event"], line["kind"]) for line in map(json.loads, lines)]

    return read


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> SimpleNamespace:
    """The dead man's endpoint: how often it was asked, and what it answers."""
    state = SimpleNamespace(asked=0, answer=200)

    def take(_request: Request) -> Response:
        state.asked += 1
        return Response("ok", state.answer)

    httpserver.expect_request(f"/ping/{SECRET}", method="GET").respond_with_handler(take)
    connection = {"conn_type": "http", "host": f"http://{httpserver.host}/ping", "password": SECRET}
    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_DEADMAN", json.dumps({**connection, "port": httpserver.port}))
    return state


def publish_ctgov(registry: Registry, *, hours_ago: float) -> None:
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.dataset_version (source, version, as_of, state, published_at, manifest_sha256) "
            "VALUES ('ctgov', %(version)s, %(at)s, 'published', %(at)s, '0')",
            {"version": f"v-{hours_ago}", "at": at},
        )
        cursor.execute(
            "INSERT INTO lastgood.latest VALUES ('ctgov', %(version)s, NULL, %(at)s) "
            "ON CONFLICT (source) DO UPDATE SET version = excluded.version, since = excluded.since",
            {"version": f"v-{hours_ago}", "at": at},
        )


def test_stale_data_are_told_once_and_so_is_their_recovery(
    store: Store,
    registry: Registry,
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
) -> None:
    publish_ctgov(registry, hours_ago=60)
    assert look()["findings"] == {"stale": 1}
    found = heartbeat.read(store)
    assert found is not None and (found.state, found.findings) == ("findings", 1)
    assert look()["findings"] == {"stale": 1}
    assert told() == [("first", "stale")], "one message for one episode"
    publish_ctgov(registry, hours_ago=1)
    facts = look()
    assert (facts["findings"], facts["recovered"]) == ({}, 1)
    assert look()["recovered"] == 0
    assert told() == [("first", "stale"), ("recovered", "stale")]
    found = heartbeat.read(store)
    assert found is not None and found.state == "well"


def test_what_the_doctor_finds_is_told_once_a_day_and_over_when_it_looked_again(
    store: Store,
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
    alert_log: Path,
) -> None:
    now = datetime.now(UTC)
    doctor.keep(store, [], now - timedelta(hours=25), "test")
    assert "wrong" in look()["doctor"]
    assert told() == [("first", "setup")]
    (line,) = map(json.loads, alert_log.read_text(encoding="utf-8").splitlines())
    assert "ctgov_api" in str(line) and "channels" in str(line)
    look()
    assert told() == [("first", "setup")], "it looked a moment ago"
    record = doctor.last_record(store)
    assert record is not None and record.findings
    doctor.keep(store, [doctor.well("channels")], now, "the DAG that somebody triggered")
    assert look()["recovered"] == 1
    assert told() == [("first", "setup"), ("recovered", "setup")]


def test_what_was_decided_in_a_shell_is_told_by_the_watch_once(
    store: Store,
    registry: Registry,
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decisions.put_on_hold(store, registry, "toy", who="ana", reason="the upstream moves")
    with monkeypatch.context() as broken:
        broken.setattr(Dispatcher, "notify_decisions", lambda *_: 1 / 0)
        with pytest.raises(AirflowException, match="what was decided could not be told: ZeroDivisionError"):
            look()
    assert [look()["decisions_told"] for _ in range(2)] == [1, 0]
    assert told() == [("news", "decision")]


def test_what_stays_wrong_is_told_once_a_day_and_what_is_wrong_beside_it_sooner(
    store: Store,
    registry: Registry,
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lastgood import doctor as inside

    found = [doctor.wrong("channels", "None.", "Set one.")]
    monkeypatch.setattr(inside, "look_at_all", lambda *_, **__: (list(found), store))

    def pass_an_hour() -> None:
        with registry.transaction() as cursor:
            cursor.execute(
                "UPDATE lastgood.alert SET first_seen = first_seen - interval '1 hour', "
                "last_seen = last_seen - interval '1 hour', last_notified = last_notified - interval '1 hour'"
            )
        record = doctor.last_record(store)
        assert record is not None
        doctor.keep(store, record.findings, record.at - timedelta(hours=1), record.by)
        look()

    doctor.keep(store, [], datetime.now(UTC) - timedelta(hours=25), "test")
    look()
    for _ in range(23):
        pass_an_hour()
    assert told() == [("first", "setup")]
    pass_an_hour()
    assert told() == [("first", "setup"), ("again", "setup")]
    found.append(doctor.wrong("backup", "None.", "Set a root."))
    for _ in range(23):
        pass_an_hour()
    assert told()[2:] == [("again", "setup")], (
        "what is new is told after the usual pause, and then waits a day"
    )


def test_a_doctor_that_cannot_look_keeps_nobody_from_looking_at_the_rest(
    store: Store,
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lastgood import doctor as inside

    now = datetime.now(UTC)
    doctor.keep(store, [doctor.wrong("channels", "None.", "Set one.")], now - timedelta(hours=25), "test")
    monkeypatch.setattr(inside, "look_at_all", lambda *_, **__: 1 / 0)
    publish_ctgov(registry, hours_ago=60)
    with pytest.raises(AirflowException, match="the rule setup could not look: ZeroDivisionError"):
        look()
    assert told() == [("first", "stale")]
    found = heartbeat.read(store)
    assert found is not None and found.state == "incomplete"


def test_the_run_log_has_the_findings_and_the_success_rates(
    registry: Registry, look: Callable[[], dict[str, Any]]
) -> None:
    at = datetime.now(UTC)
    for number, status in enumerate(("ok", "fail")):
        run_log.start(
            registry,
            source="ctgov",
            version=str(number),
            dag_id="ctgov",
            run_id=str(number),
            interval_start=at,
            interval_end=at,
            env="test",
            code_version="1",
            run_type="scheduled",
        )
        run_log.end(registry, "ctgov", str(number), status)  # type: ignore[arg-type]
    look()
    (run,) = run_log.runs(registry, "lastgood_watch")
    assert run["status"] == "ok"
    assert run["steps"]["watch"]["success_rates"] == {"ctgov": 50.0}
    assert run["steps"]["watch"]["success_rate_goal"] == 98


def test_a_rule_that_cannot_look_fails_the_task_after_everything_else_was_told(
    store: Store,
    registry: Registry,
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
    endpoint: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_ctgov(registry, hours_ago=60)
    usage = SimpleNamespace(total=100, free=5)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    look()
    assert endpoint.asked == 1

    def broken(_inspection: watch.Inspection) -> Any:
        raise RuntimeError("cannot look")

    monkeypatch.setattr(watch, "RULES", {**watch.RULES, "disk-low": broken})
    publish_ctgov(registry, hours_ago=1)
    with pytest.raises(AirflowException, match="rule disk-low could not look: RuntimeError: cannot look"):
        look()
    assert told() == [("first", "stale"), ("first", "disk-low"), ("recovered", "stale")]
    assert [each.alert.kind for each in episodes.open_episodes(registry)] == ["disk-low"]
    assert endpoint.asked == 1, "the outside monitor hears only of a watch that went through"
    found = heartbeat.read(store)
    assert found is not None and found.state == "incomplete"
    (run, _) = run_log.runs(registry, "lastgood_watch")
    assert (run["status"], run["failed_step"]) == ("fail", "watch")


def test_a_finding_that_no_channel_takes_does_not_keep_the_next_one_from_being_told(
    registry: Registry,
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_ctgov(registry, hours_ago=60)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(total=100, free=5))
    through = Dispatcher.notify

    def refuses_stale(self: Dispatcher, alert: Any, *args: Any) -> None:
        if alert.kind == "stale":
            raise RuntimeError("no channel took the alert")
        through(self, alert, *args)

    monkeypatch.setattr(Dispatcher, "notify", refuses_stale)
    with pytest.raises(AirflowException, match="no channel took the alert"):
        look()
    assert told() == [("first", "disk-low")]


def test_a_second_root_that_cannot_be_opened_fails_one_rule_only(
    registry: Registry,
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_ctgov(registry, hours_ago=60)
    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_BACKUP_ROOT", "/no/scheme")
    with pytest.raises(AirflowException, match="backup-old could not look: BadSetting: the Variable"):
        look()
    assert told() == [("first", "stale")]


def test_a_second_root_whose_file_system_has_errors_of_its_own_fails_one_rule_only(
    registry: Registry, look: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoCredentials(Exception):
        """As botocore's errors, which are no OSError."""

    def refuses() -> Any:
        raise NoCredentials("no key")

    monkeypatch.setattr("lastgood.hooks.store.backup_root", refuses)
    with pytest.raises(AirflowException, match="backup-old could not look: NoCredentials: no key"):
        look()


def test_an_import_error_is_over_once_the_dag_processor_no_longer_says_so(
    registry: Registry, look: Callable[[], dict[str, Any]], told: Callable[[], list[tuple[str, str]]]
) -> None:
    from include.alerting.alert import Alert
    from lastgood.notifiers.deployment import dispatcher

    now = datetime.now(UTC)
    for name in ("mended.py", "broken.py"):
        alert = Alert(
            kind="import-error",
            source="lastgood",
            what=name,
            at=now,
            occurrence="1",
            cause="SyntaxError",
            consumers="They read what they read.",
        )
        dispatcher().notify(alert, registry)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.alert SET last_seen = last_seen - interval '11 minutes' "
            "WHERE fingerprint LIKE '%mended.py'"
        )
    look()
    assert told()[2:] == [("recovered", "import-error")]
    (left,) = episodes.open_episodes(registry)
    assert left.alert.what == "broken.py"


def test_a_rejection_that_was_accepted_in_a_shell_is_told_to_be_over(
    registry: Registry, look: Callable[[], dict[str, Any]], told: Callable[[], list[tuple[str, str]]]
) -> None:
    from include.alerting.alert import Alert
    from lastgood.notifiers.deployment import dispatcher

    publish_ctgov(registry, hours_ago=1)
    rejected = Alert(
        kind="gate-rejected",
        source="ctgov",
        at=datetime.now(UTC),
        occurrence="1",
        cause="rows fell by 7 %",
        version="v-1",
        consumers="They read what they read.",
    )
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.dataset_version SET published_at = NULL")
    dispatcher().notify(rejected, registry)
    look()
    assert told() == [("first", "gate-rejected")]
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.dataset_version SET published_at = now()")
    look()
    assert told() == [("first", "gate-rejected"), ("recovered", "gate-rejected")]


# --- the dead man's endpoint ---


def test_the_endpoint_is_asked_after_each_watch(
    look: Callable[[], dict[str, Any]], endpoint: SimpleNamespace
) -> None:
    assert look()["deadman"] == look()["deadman"] == "reached"
    assert endpoint.asked == 2


def test_without_an_endpoint_nothing_is_asked(look: Callable[[], dict[str, Any]]) -> None:
    assert look()["deadman"] == "not set up"


@pytest.mark.parametrize("answer", [404, 500, 302])
def test_an_endpoint_that_does_not_answer_well_is_told_once_without_its_url(
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
    endpoint: SimpleNamespace,
    alert_log: Path,
    answer: int,
) -> None:
    endpoint.answer = answer
    assert f"answered {answer}" in look()["deadman"], "the watch itself went through"
    look()
    assert told() == [("first", "channel-broken")]
    endpoint.answer = 200
    look()
    assert told() == [("first", "channel-broken"), ("recovered", "channel-broken")]
    assert SECRET not in alert_log.read_text(encoding="utf-8")


def test_an_endpoint_that_cannot_be_reached_or_makes_no_url_gives_nothing_away(
    look: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, alert_log: Path
) -> None:
    for host in ("http://127.0.0.1:9/ping", "ftp://127.0.0.1/ping", "no host at all"):
        connection = {"conn_type": "http", "host": host, "password": SECRET}
        monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_DEADMAN", json.dumps(connection))
        assert "lastgood_deadman" in look()["deadman"]
    assert SECRET not in alert_log.read_text(encoding="utf-8")


def test_news_that_nobody_was_told_of_are_told_by_the_watch_once(
    look: Callable[[], dict[str, Any]],
    told: Callable[[], list[tuple[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from include.alerting.alert import Alert
    from include.monitoring import news

    def found(_store: Store, _registry: Registry, source: str, now: datetime) -> list[Alert]:
        brief = Alert(
            kind="brief", source=source, what="48", at=now, occurrence="48", cause="a brief", consumers="c"
        )
        return [brief] if source == "ctgov" else []

    with monkeypatch.context() as broken:
        broken.setattr(news, "of", lambda *_: 1 / 0)
        with pytest.raises(AirflowException, match="the news of ctgov could not be told: ZeroDivisionError"):
            look()
    monkeypatch.setattr(news, "of", found)
    assert [look()["news_told"] for _ in range(2)] == [1, 0]
    assert told() == [("news", "brief")]
