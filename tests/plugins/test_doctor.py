"""What the doctor sees through Airflow, and the task that somebody triggers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowRuntimeError
from pytest_httpserver import HTTPServer

from include.monitoring import doctor
from include.monitoring.doctor import Finding
from include.registry import run_log
from include.registry.lease import Lease, held
from include.registry.registry import Registry
from include.storage.store import Store

pytestmark = pytest.mark.usefixtures("airflow_connections")
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _a_deployment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, httpserver: HTTPServer) -> None:
    """Connections of every upstream, which answer; Airflow's parts are healthy."""
    for name in ("CTGOV_API", "PUBCHEM_API"):
        connection = {"conn_type": "http", "host": httpserver.host, "port": httpserver.port}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_BACKUP_ROOT", (tmp_path / "backup").as_uri())
    monkeypatch.setenv("AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT", "60")
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL", "60")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", httpserver.url_for("/execution/"))
    healthy = {"scheduler": {"status": "healthy"}, "dag_processor": {"status": "healthy"}}
    httpserver.expect_request("/api/v2/monitor/health").respond_with_json(healthy)
    httpserver.expect_request("/api/v2/version").respond_with_json({"apiVersion": "2.0.5"})
    httpserver.expect_request("/rest/pug/compound/cid/2244/property/Title/JSON").respond_with_json({})


def context(paused: Callable[[str], bool | None] = lambda _: False, *, test_message: bool = False) -> Any:
    """A task's context; the DAGs are paused as told, None for one that is not there."""

    def get_dag(dag_id: str) -> Any:
        if (found := paused(dag_id)) is None:
            raise AirflowRuntimeError(
                SimpleNamespace(error=SimpleNamespace(value="DAG_NOT_FOUND"), detail={})
            )  # type: ignore[arg-type]
        return SimpleNamespace(is_paused=found)

    return {
        "ti": SimpleNamespace(get_dag=get_dag, try_number=1, max_tries=0),
        "params": {"test_message": test_message},
        "dag_run": SimpleNamespace(run_id="manual__1"),
    }


def findings(registry: Registry, **more: Any) -> list[Finding]:
    from lastgood.doctor import look_at_all

    asked = context(**more)
    return look_at_all(registry, asked, NOW, watching=True, test_message=asked["params"]["test_message"])[0]


def said(registry: Registry, level: str = "wrong", **more: Any) -> dict[str, str]:
    return {
        each.what: f"{each.says} {each.remedy}" for each in findings(registry, **more) if each.level == level
    }


def test_where_all_is_set_up_nothing_is_wrong(
    registry: Registry, webhook: list[Any], mailbox: list[EmailMessage]
) -> None:
    found = findings(registry)
    assert not [each for each in found if each.level in ("wrong", "unchecked")], list(doctor.lines(found))
    good = {each.what for each in found if each.level == "well"}
    assert good >= {
        *("connection ctgov_api", "upstream ctgov", "upstream pubchem", "channel mail", "channel webhook"),
        *(
            "option refresh_interval",
            "scheduler",
            "dag_processor",
            "DAGs",
            "store on a disk",
            "source sofascore",
        ),
    }
    assert not webhook and not mailbox, "nobody asked for a message"


def test_a_connection_that_is_missing_and_no_channel_at_all_are_wrong(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_PUBCHEM_API")
    bad = said(registry)
    assert "Nothing of pubchem can be collected." in bad["connection pubchem_api"]
    assert "AIRFLOW_CONN_PUBCHEM_API" in bad["connection pubchem_api"]
    assert "nobody hears of anything" in bad["channels"] and "lastgood_smtp" in bad["channels"]
    assert "nobody hears of it" in said(registry, "advice")["dead man's endpoint"]
    assert "connection sofascore_api" not in bad, "it is off on purpose"


def test_an_upstream_is_asked_once_and_what_it_says_is_told(
    registry: Registry, httpserver: HTTPServer
) -> None:
    httpserver.clear()
    httpserver.expect_request("/api/v2/version").respond_with_data("busy", status=503)
    httpserver.expect_request("/rest/pug/compound/cid/2244/property/Title/JSON").respond_with_data(
        "no", status=403
    )
    bad = said(registry)
    assert "503" in bad["upstream ctgov"] and "proxy and firewall" in bad["upstream ctgov"]
    assert "403" in bad["upstream pubchem"]
    assert len([request for request, _ in httpserver.log if request.path == "/api/v2/version"]) == 1


def test_an_upstream_that_a_task_asks_at_the_moment_is_left_alone(
    registry: Registry, httpserver: HTTPServer
) -> None:
    with held(Lease(registry, "ctgov_api", "ctgov extract of run 7"), patience=0):
        assert "ctgov extract of run 7" in said(registry, "well")["upstream ctgov"]
    assert not [request for request, _ in httpserver.log if request.path == "/api/v2/version"]


def test_an_option_of_a_connection_that_nobody_knows_is_wrong(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "http", "host": "127.0.0.1", "extra": {"pase": 1}}
    monkeypatch.setenv("AIRFLOW_CONN_CTGOV_API", json.dumps(connection))
    assert "unknown key `pase`" in said(registry)["upstream ctgov"]


def test_a_channel_that_could_not_send_is_wrong(
    registry: Registry, define_webhook: Callable[..., None]
) -> None:
    define_webhook(extra={"form": "teams"})
    assert "has the form 'teams'" in said(registry)["channel webhook"]


def test_a_test_message_goes_through_every_channel_when_it_is_asked_for(
    registry: Registry, webhook: list[Any], mailbox: list[EmailMessage], httpserver: HTTPServer
) -> None:
    good = said(registry, "well", test_message=True)
    assert {"test message by mail", "test message by webhook"} <= set(good)
    assert len(webhook) == len(mailbox) == 1
    assert "Test message" in mailbox[0]["Subject"] and webhook[0]["event"] == "test"
    httpserver.clear()
    assert "It was not taken" in said(registry, test_message=True)["test message by webhook"]


def test_options_that_are_too_slow_for_the_promises_are_wrong(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT", "300")
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://localhost:8080")
    bad = said(registry)["option task_instance_heartbeat_timeout"]
    assert (
        "It is 300 seconds. A lost worker" in bad
        and "Set AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT to 60" in bad
    )
    assert "localhost" in said(registry, "advice")["option base_url"]


def test_a_store_on_the_disk_of_one_of_several_workers_is_wrong(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda path: path == Path("/"))
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    assert "store on a disk" not in said(registry)
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    assert "CeleryExecutor runs tasks on several" in said(registry)["store on a disk"]
    monkeypatch.setattr(Path, "is_mount", lambda path: path == path.parent or path.name == "store")
    assert "store on a disk" not in said(registry)


def test_a_part_of_airflow_that_is_down_is_wrong_and_one_that_is_not_known_is_said_to_be(
    registry: Registry, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.clear()
    states = {"scheduler": {"status": "healthy"}, "dag_processor": {"status": "unhealthy"}}
    httpserver.expect_request("/api/v2/monitor/health").respond_with_json(states)
    assert "unhealthy" in said(registry)["dag_processor"]
    httpserver.clear()
    assert "was not answered" in said(registry, "unchecked")["Airflow's parts"]


def test_dags_that_are_paused_or_gone_are_told(registry: Registry) -> None:
    bad = said(registry, paused={"ctgov": True, "lastgood_watch": True}.get)
    assert bad["source ctgov"] == (
        "Its DAG is paused. Nothing of it was ever published. Unpause the DAG ctgov."
    )
    assert "Airflow has no DAG clinical" in bad["source clinical"]
    paused = said(registry, paused=lambda dag: dag in ("lastgood_recovery", "lastgood_accept"))
    assert paused["DAGs"].startswith("Paused: lastgood_recovery.")
    assert "lastgood_accept" in said(registry, "advice", paused=lambda dag: dag == "lastgood_accept")["DAGs"]


def task() -> Any:
    from lastgood.operators.doctor import DoctorOperator

    return DoctorOperator(task_id="doctor", dag=DAG("lastgood_doctor", schedule=None))


def test_the_task_writes_what_it_found_into_its_log_and_the_store(
    registry: Registry, store: Store, webhook: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AirflowFailException, match="watch: It has never run"):
        task().execute(context())
    written = capsys.readouterr().out
    assert 0 < written.index("WRONG (1)") < written.index("watch: It has never run.")
    assert written.index("→ Unpause the DAG lastgood_watch") < written.index("BETTER OTHERWISE")
    record = doctor.last_record(store)
    assert record is not None and record.by == "manual__1"
    assert not webhook, "only who asked is told"


def test_the_task_says_what_is_wrong_with_a_registry_that_is_away(no_registry: None) -> None:
    with pytest.raises(AirflowFailException, match="registry: It does not answer"):
        task().execute(context())


def test_the_task_says_what_is_wrong_with_a_store_that_is_not_set(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_VAR_LASTGOOD_ROOT")
    with pytest.raises(AirflowFailException, match="AIRFLOW_VAR_LASTGOOD_ROOT"):
        task().execute(context())
    assert run_log.runs(registry) == []
