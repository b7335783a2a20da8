"""One failure, one message, through a real SMTP server and the log file."""

from __future__ import annotations

import json
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy

pytestmark = pytest.mark.usefixtures("airflow_connections")


def task_context(try_number: int = 1, task_id: str = "extract", error: str = "boom") -> dict[str, Any]:
    return {
        "dag_run": SimpleNamespace(dag_id=toy.SOURCE, run_id="scheduled__1"),
        "task_instance": SimpleNamespace(
            task_id=task_id, try_number=try_number, log_url="http://airflow/log?a=1&b=2"
        ),
        "exception": ValueError(error),
    }


def run_context(reason: str = "task_failure") -> dict[str, Any]:
    return {"dag_run": SimpleNamespace(dag_id=toy.SOURCE, run_id="scheduled__1"), "reason": reason}


def notify(context: dict[str, Any]) -> None:
    from lastgood.notifiers.alert import AlertNotifier

    AlertNotifier().notify(context)


def test_a_mail_says_what_broke_why_and_what_consumers_read(
    store: Store, registry: Registry, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    good = toy.publish(store, registry, 3, day=1)
    notify(task_context(error="upstream <script>alert(1)</script> & co"))
    (mail,) = mailbox
    assert (mail["Subject"], mail["To"]) == ("Lastgood: toy.extract failed", "oncall@test.example")
    body = mail.get_body(("html",))
    assert body is not None
    text = body.get_content()
    assert f"Consumers keep reading version {good.version}" in text
    assert "upstream &lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in text and "<script>" not in text
    (line,) = alert_log.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["error"] == "upstream <script>alert(1)</script> & co"


def test_the_same_try_is_told_once_and_another_try_again(
    registry: Registry, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    for _ in range(2):
        notify(task_context(1))
    notify(task_context(2))
    assert len(mailbox) == 2
    with registry.cursor() as cursor:
        cursor.execute("SELECT count FROM lastgood.alert ORDER BY fingerprint")
        assert [row["count"] for row in cursor.fetchall()] == [2, 1]


def test_the_run_and_the_watcher_are_told_only_where_no_task_spoke(
    registry: Registry, mailbox: list[EmailMessage], alert_log: Path
) -> None:
    notify(run_context("timed_out"))
    notify(task_context(task_id="watcher"))
    assert [mail["Subject"] for mail in mailbox] == ["Lastgood: toy failed"]
    mailbox.clear()
    with registry.cursor() as cursor:
        cursor.execute("DELETE FROM lastgood.alert")
    notify(task_context(1))
    notify(run_context())
    notify(task_context(task_id="watcher"))
    assert [mail["Subject"] for mail in mailbox] == ["Lastgood: toy.extract failed"]


def test_without_a_mail_server_the_log_file_still_gets_the_alert(
    registry: Registry, alert_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_LASTGOOD_SMTP", raising=False)
    notify(task_context())
    assert len(alert_log.read_text(encoding="utf-8").splitlines()) == 1


def test_without_a_registry_the_alert_is_sent_all_the_same(
    mailbox: list[EmailMessage], alert_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_LASTGOOD_REGISTRY",
        json.dumps({"conn_type": "postgres", "host": "/nowhere", "schema": "x"}),
    )
    notify(task_context())
    body = mailbox[0].get_body(("html",))
    assert body is not None and "The registry does not answer" in body.get_content()


def test_an_alert_that_no_channel_takes_is_an_error(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_LASTGOOD_SMTP", raising=False)
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "file"))
    with pytest.raises(RuntimeError, match="no channel took the alert"):
        notify(task_context())
