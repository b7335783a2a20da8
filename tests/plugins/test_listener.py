"""A DAG file that cannot be read: what the dag-processor's listener makes of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import time_machine

from include.alerting import episodes
from include.publishing.registry import Registry

pytestmark = pytest.mark.usefixtures("airflow_connections", "alert_log")

ROOT = Path(__file__).resolve().parents[2]
TRACE = "Traceback (most recent call last):\n  File \"x\", line 1\nModuleNotFoundError: No module named 'nothing'\n"


@pytest.fixture(autouse=True)
def _nothing_was_told_yet_and_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.listeners.listener import get_listener_manager

    get_listener_manager()  # which loads plugins, ours anew among them
    import lastgood_listener

    monkeypatch.setattr(lastgood_listener, "_told_at", {})
    monkeypatch.setattr(lastgood_listener, "SECONDS", 60)


def call(trace: str = TRACE, file: Path = ROOT / "dags/operations/broken.py", *, new: bool = False) -> None:
    from airflow.listeners.listener import get_listener_manager

    from lastgood_listener import ImportErrorListener

    manager = get_listener_manager()
    manager.clear()
    manager.add_listener(ImportErrorListener())
    hook = manager.hook.on_new_dag_import_error if new else manager.hook.on_existing_dag_import_error
    hook(filename=str(file), stacktrace=trace)
    manager.clear()


def test_a_broken_file_is_told_once_however_often_it_is_parsed(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    began = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with time_machine.travel(began, tick=False) as clock:
        call(new=True)
        for _ in range(20):
            clock.shift(timedelta(seconds=30))
            call()
    assert len(mailbox) == 1
    (episode,) = episodes.open_episodes(registry)
    assert (episode.alert.kind, episode.alert.what) == ("import-error", "operations/broken.py")
    assert episode.alert.cause == "ModuleNotFoundError: No module named 'nothing'"
    assert began + timedelta(minutes=10) == episode.last_seen, "the watch sees that it is still there"


def test_two_broken_files_are_two_messages(registry: Registry, mailbox: list[EmailMessage]) -> None:
    call()
    call(file=ROOT / "dags/ctgov.py")
    assert len(mailbox) == 2


def test_a_trace_of_nothing_and_a_file_elsewhere_are_told_too(
    registry: Registry, mailbox: list[EmailMessage]
) -> None:
    call("", file=Path("/elsewhere.py"))
    (episode,) = episodes.open_episodes(registry)
    assert (episode.alert.what, episode.alert.cause) == ("elsewhere.py", "no reason given")


def test_what_fails_in_telling_does_not_reach_the_dag_processor(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "file"))
    call()


def test_a_mistake_in_our_own_modules_does_not_reach_the_dag_processor(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "include.alerting.alert", None)
    call()
    assert "could not be told" in caplog.text


def test_a_file_that_could_not_be_told_does_not_hold_up_every_parse(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lastgood.notifiers import tell

    tried: list[datetime] = []

    def fails(*_: object) -> None:
        tried.append(datetime.now(UTC))
        raise RuntimeError("no channel took the alert")

    monkeypatch.setattr(tell, "tell", fails)
    began = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with time_machine.travel(began, tick=False) as clock:
        for _ in range(20):
            call()
            clock.shift(timedelta(seconds=30))
    assert tried == [began, began + timedelta(minutes=5)]
