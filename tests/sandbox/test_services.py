"""Background processes: started, found again, stopped with their children, and never a stranger's."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox import services
from sandbox.errors import SetupError
from sandbox.services import Service

SERVER = """
import sys, time
print("READY http://127.0.0.1:4711", flush=True)
time.sleep(60)
"""
# Its child outlives it when it is killed
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("READY", child.pid, flush=True)
time.sleep(60)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("READY x", flush=True)
time.sleep(60)
"""


def ready(log: Path) -> str | None:
    text = log.read_text()
    return text.split(maxsplit=1)[1].strip() if text.startswith("READY") else None


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    state = tmp_path / "a state"
    state.mkdir()
    yield state
    services.stop_all(state)


def start(state: Path, code: str, name: str = "toy", seconds: float = 60) -> Service:
    return services.start(
        state, name, [sys.executable, "-c", code], environment=dict(os.environ), ready=ready, seconds=seconds
    )


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_is_started_waited_for_and_found_again(state: Path) -> None:
    started = start(state, SERVER)
    assert started.address == "http://127.0.0.1:4711"
    assert services.find(state, "toy") == started
    assert start(state, SERVER) == started
    assert services.log_file(state, "toy").read_text().startswith("READY")


def test_it_leads_a_session_of_its_own_so_that_the_terminal_does_not_end_it(state: Path) -> None:
    started = start(state, SERVER)
    assert os.getsid(started.pid) == started.pid != os.getsid(0)


def test_a_job_has_a_process_and_a_log_of_its_own_and_ends_with_its_code(state: Path) -> None:
    def job() -> int:
        os.system("echo from a child")
        print(os.getpid(), os.getsid(0), Path.cwd() == state / "work")
        return 3

    forked = services.fork(state, "job", job)
    _, status = os.waitpid(forked.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 3
    assert services.log_file(state, "job").read_text() == f"from a child\n{forked.pid} {forked.pid} True\n"


def test_a_job_that_breaks_says_so_in_its_log(state: Path) -> None:
    def job() -> int:
        raise RuntimeError("broken")

    _, status = os.waitpid(services.fork(state, "job", job).pid, 0)
    assert os.waitstatus_to_exitcode(status) == 1
    assert services.log_file(state, "job").read_text().endswith("RuntimeError: broken\n")


def test_a_job_is_stopped_as_any_process(state: Path) -> None:
    forked = services.fork(state, "job", lambda: time.sleep(60) or 0)
    assert services.find(state, "job") == forked
    assert services.stop_all(state) == ["job"]
    assert not alive(forked.pid)


def test_stop_ends_it_and_forgets_it(state: Path) -> None:
    started = start(state, SERVER)
    assert services.stop_all(state) == ["toy"]
    assert not alive(started.pid)
    assert services.find(state, "toy") is None
    assert services.stop_all(state) == []


def test_a_process_that_ignores_the_request_is_killed(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = start(state, DEAF)
    monkeypatch.setattr(services, "STOP_SECONDS", 0.2)
    assert services.stop(state, "toy")
    wait_gone(started.pid)


def test_children_of_a_killed_process_are_stopped(state: Path) -> None:
    started = start(state, PARENT)
    child = int(started.address or 0)
    os.kill(started.pid, signal.SIGKILL)
    wait_gone(started.pid)
    assert alive(child)
    assert services.stop_all(state) == []
    wait_gone(child)


def test_a_new_start_ends_the_children_that_the_killed_one_left(state: Path) -> None:
    child = int(start(state, PARENT).address or 0)
    started = services.find(state, "toy")
    assert started is not None
    os.kill(started.pid, signal.SIGKILL)
    wait_gone(started.pid)
    start(state, SERVER)
    wait_gone(child)


def test_a_stranger_with_a_recycled_pid_is_not_taken_for_it_and_not_stopped(state: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.DEVNULL, start_new_session=True
    ) as other:
        recorded = Service("toy", other.pid, psutil.Process(other.pid).create_time() - 3600, "")
        (state / "pids").mkdir()
        (state / "pids" / "toy.json").write_text(json.dumps(recorded.__dict__))
        assert services.find(state, "toy") is None
        assert services.stop_all(state) == []
        assert alive(other.pid)
        other.kill()


def test_processes_of_another_sandbox_are_left_alone(state: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    started = start(other, SERVER)
    start(state, SERVER)
    services.stop_all(state)
    assert services.find(other, "toy") == started
    services.stop_all(other)


def test_one_that_ends_at_once_shows_the_end_of_its_log(state: Path) -> None:
    with pytest.raises(SetupError, match=r"toy ended with code 3\. The end of .*toy\.log:\nwhat is wrong"):
        start(state, "print('what is wrong', flush=True); raise SystemExit(3)")
    assert services.find(state, "toy") is None


def test_one_that_is_never_ready_is_ended(state: Path) -> None:
    with pytest.raises(SetupError, match="was not ready after 0 s"):
        start(state, "import time; time.sleep(60)", seconds=0.2)
    assert services.find(state, "toy") is None


def test_a_full_disk_is_one_sentence(state: Path) -> None:
    with pytest.raises(SetupError, match=r"The disk of .* is full: make room and try again\.$"):
        start(state, "raise SystemExit('OSError: [Errno 28] No space left on device')")


def test_one_whose_start_was_interrupted_is_started_afresh(state: Path) -> None:
    started = start(state, SERVER)
    unready = Service("toy", started.pid, started.started, None)
    (state / "pids" / "toy.json").write_text(json.dumps(unready.__dict__))
    again = start(state, SERVER)
    assert again.pid != started.pid
    assert not alive(started.pid)


def test_waiting_ends_when_one_of_the_processes_ends(state: Path) -> None:
    started = start(state, SERVER)
    os.kill(started.pid, signal.SIGKILL)
    wait_gone(started.pid)
    with pytest.raises(SetupError, match="toy ended"):
        services.wait(state, ["toy"], lambda: False, 60)


def test_waiting_ends_when_the_time_is_over(state: Path) -> None:
    start(state, SERVER)
    with pytest.raises(SetupError, match="Not ready after 0 s"):
        services.wait(state, ["toy"], lambda: False, 0)


def test_a_damaged_pid_file_means_nothing_runs(state: Path) -> None:
    (state / "pids").mkdir()
    (state / "pids" / "toy.json").write_text('{"pid": ')
    assert services.find(state, "toy") is None


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not services.port_is_free(port)
    assert services.port_is_free(port)
