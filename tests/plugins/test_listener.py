"""A DAG file that cannot be read: what the dag-processor's listener makes of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import time_machine

from include.alerting import episodes
from include.registry.registry import Registry

pytestmark = pytest.mark.usefixtures("airflow_connections", "alert_log")

ROOT = Path(__file__).resolve().parents[2]
TRACE = "Traceback (most recent call last):\n  File \"x\", line 1\nModuleNotFoundError: No module named 'nothing'\n"


@pytest.fixture(autouse=True)
def _nothing_was_told_yet_and_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.listeners.listener import get_listener_manager

    get_listener_manager()  # which loads plugins, ours again among them
    import lastgood_listener

    monkeypatch.setattr(lastgood_listener, "_notified_at", {})
    monkeypatch.setattr(lastgood_listener, "_broken", {})
    monkeypatch.setattr(lastgood_listener, "_kept", set())
    monkeypatch.setattr(lastgood_listener, "_look", lambda: None)
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
    assert episode.alert.cause == "ModuleNotFoundError: No module named 'nothing'\nx, line 1"
    assert began + timedelta(minutes=10) == episode.last_seen, "the watch sees that it is still there"


ELSEWHERE = (
    "Traceback (most recent call last):\n"
    '  File "/opt/airflow/dags/operations/broken.py", line 7, in <module>\n'
    "    from lastgood.dag import no_such_dag\n"
    "    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
    "ImportError: cannot import name 'no_such_dag' from 'lastgood.dag' (/opt/airflow/plugins/lastgood/dag.py)\n"
)
SYNTAX = (
    '  File "/opt/airflow/dags/others.py", line 3\n'
    "    def broken(:\n"
    "               ^\n"
    "SyntaxError: invalid syntax\n"
)


@pytest.mark.parametrize(
    ("trace", "file", "says", "severity"),
    [
        (
            ELSEWHERE,
            "operations/broken.py",
            "operations/broken.py, line 7: from lastgood.dag import no_such_dag",
            None,
        ),
        (SYNTAX, "others.py", "others.py, line 3: def broken(:", "warning"),
        (SYNTAX.replace("others", "ctgov"), "ctgov.py", "ctgov.py, line 3: def broken(:", None),
        (SYNTAX, "uses_us.py", "airflow/dags/others.py, line 3: def broken(:", None),
    ],
)
def test_the_file_the_line_and_the_code_are_told_and_only_our_own_files_are_critical(
    registry: Registry,
    mailbox: list[EmailMessage],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trace: str,
    file: str,
    says: str,
    severity: str | None,
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path))
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        "from lastgood.dag import source_dag\n" if "us" in file else "import os\n", encoding="utf-8"
    )
    call(trace.replace("/opt/airflow/dags/" + file, str(path)), file=path)
    (episode,) = episodes.open_episodes(registry)
    assert (episode.alert.severity, episode.alert.cause.splitlines()[1]) == (severity, says)
    part = mailbox[0].get_body(("plain",))
    assert part is not None
    text = part.get_content()
    assert (
        says in text and f"[{severity or 'critical'}]" in text and f"File: {says.partition(',')[0]}" in text
    )


def test_a_code_line_with_a_secret_keeps_it(registry: Registry, mailbox: list[EmailMessage]) -> None:
    call(TRACE.replace("line 1\n", 'line 1\n    connect(password="s3cr3tcanary")\n'))
    assert "s3cr3tcanary" not in mailbox[0].as_string() and "connect(password=" in mailbox[0].as_string()


def test_a_file_that_can_be_read_again_is_told_once_and_one_that_airflow_has_not_kept_yet_is_not(
    registry: Registry, mailbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    import lastgood_listener

    file = ROOT / "dags/operations/broken.py"
    errors = set[str]()
    monkeypatch.setattr(lastgood_listener, "_import_errors", lambda: set(errors))
    call(new=True)
    lastgood_listener.over()
    assert len(mailbox) == 1, "its transaction is open"
    errors.add(str(file))
    lastgood_listener.over()
    assert len(mailbox) == 1
    errors.clear()
    for _ in range(2):
        lastgood_listener.over()
    assert len(mailbox) == 2 and "Recovered: lastgood.operations/broken.py" in mailbox[1]["Subject"]
    call(new=True)
    assert len(mailbox) == 3, "what breaks again is news"
    monkeypatch.setattr(lastgood_listener, "KEPT_SECONDS", 0)
    lastgood_listener.over()
    assert len(mailbox) == 4, "it was mended before Airflow was asked"


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
    monkeypatch.setitem(sys.modules, "lastgood.notifiers.deployment", None)
    call()
    assert "could not be told" in caplog.text


def test_a_file_that_could_not_be_told_does_not_hold_up_every_parse(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.alerting.dispatch import Dispatcher

    tried: list[datetime] = []

    def fails(*_: object) -> None:
        tried.append(datetime.now(UTC))
        raise RuntimeError("no channel took the alert")

    monkeypatch.setattr(Dispatcher, "notify", fails)
    began = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with time_machine.travel(began, tick=False) as clock:
        for _ in range(20):
            call()
            clock.shift(timedelta(seconds=30))
    assert tried == [began, began + timedelta(minutes=5)]
