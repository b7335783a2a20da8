"""Background processes of the sandbox: start, find again, stop, and nothing of anybody else's.

Each process leads a session of its own, so that Ctrl-C at the terminal does not reach it, works in STATE/work
and writes one log, STATE/logs/NAME.log. STATE/pids/NAME.json holds its pid and its start time, so that a
recycled pid is never taken for it. Children whose parent was killed are found by the session and the working
folder.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from sandbox.errors import SetupError

STOP_SECONDS = 10
_POLL_SECONDS = 0.1
_LOG_TAIL_LINES = 20
_LOG_TAIL_BYTES = 64 * 1024
# The system's clock may be set between two readings of the same process's start
_START_TIME_TOLERANCE = 2.0


@dataclass(frozen=True)
class Service:
    """One background process."""

    name: str
    pid: int
    started: float
    """Start time in seconds since 1970, as the system records it."""
    address: str | None = None
    """Where it is reached, e.g. `http://127.0.0.1:8080`; empty for one without address, None until ready."""


Ready = Callable[[Path], str | None]
"""Given the process's log, its address (or an empty string) once it is ready, None before."""


def start(
    state: Path,
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    ready: Ready,
    seconds: float,
) -> Service:
    """Start a process, or find it running, and wait until it is ready.

    Args:
        state: the sandbox's state folder.
        name: name of the process, of its log and of its pid file.
        command: program and arguments.
        environment: the whole environment of the process.
        ready: tells when it is ready.
        seconds: how long to wait for that.

    Raises:
        SetupError: it ended or was not ready in time; the message ends with the end of its log.
    """
    running = find(state, name)
    if running is not None and running.address is not None:
        return running
    stop(state, name)
    log = log_file(state, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    _work_folder(state).mkdir(exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=_work_folder(state),
            env=dict(environment),
            start_new_session=True,
        )
    service = Service(name, process.pid, psutil.Process(process.pid).create_time())
    _record(state, service)
    try:
        address = _await(process, name, log, ready, seconds)
    except BaseException:
        stop(state, name)
        raise
    service = replace(service, address=address)
    _record(state, service)
    return service


def fork(state: Path, name: str, job: Callable[[], int]) -> Service:
    """Start a process that does a job and ends with its exit code; it has what this process has loaded.

    This process must have no thread at work. The job's process has a session and a log of its own, as any other.
    """
    stop(state, name)
    log = log_file(state, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    _work_folder(state).mkdir(exist_ok=True)
    pid = os.fork()
    if not pid:
        _be_child(state, log, job)
    service = Service(name, pid, psutil.Process(pid).create_time(), address="")
    _record(state, service)
    return service


def _be_child(state: Path, log: Path, job: Callable[[], int]) -> None:
    """Do the job; never returns."""
    code = 1
    try:
        os.setsid()
        os.chdir(_work_folder(state))
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
            os.dup2(source, target)
        # Whatever stood for the parent's
        sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1)
        code = job()
    except BaseException:  # noqa: BLE001 (the log has it; nothing of the parent's may go on here)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _await(process: subprocess.Popen[bytes], name: str, log: Path, ready: Ready, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while (address := ready(log)) is None:
        if process.poll() is not None:
            raise SetupError(f"{name} ended with code {process.returncode}. {_end_of(log)}")
        if time.monotonic() > deadline:
            raise SetupError(f"{name} was not ready after {seconds:.0f} s. {_end_of(log)}")
        time.sleep(_POLL_SECONDS)
    return address


def wait(state: Path, names: Sequence[str], done: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so, as long as all of these processes run.

    Raises:
        SetupError: one of them ended, or the time is over; the message ends with the end of a log.
    """
    deadline = time.monotonic() + seconds
    while not done():
        ended = [name for name in names if find(state, name) is None]
        if ended:
            raise SetupError(f"{ended[0]} ended. {_end_of(log_file(state, ended[0]))}")
        if time.monotonic() > deadline:
            raise SetupError(f"Not ready after {seconds:.0f} s. {_end_of(log_file(state, names[-1]))}")
        time.sleep(10 * _POLL_SECONDS)


def find(state: Path, name: str) -> Service | None:
    """The running process of this name, or None. It may not be ready: then it has no address."""
    service = _recorded(state, name)
    return service if service is not None and _process(service) is not None else None


def stop(state: Path, *names: str) -> list[str]:
    """Stop processes and their children, all at once, and return the names of those that were running.

    Raises:
        SetupError: a process could not be ended.
    """
    recorded = [service for name in names if (service := _recorded(state, name)) is not None]
    running = {service.name: process for service in recorded if (process := _process(service)) is not None}
    # They end their own children in order; what is left follows
    _end(list(running.values()))
    _end([process for service in recorded for process in _session(state, service)])
    for service in recorded:
        _pid_file(state, service.name).unlink(missing_ok=True)
    return list(running)


def stop_all(state: Path) -> list[str]:
    """Stop every process of this sandbox and return the names of those that were running.

    Raises:
        SetupError: a process could not be ended.
    """
    return stop(state, *sorted(path.stem for path in (state / "pids").glob("*.json")))


def port_is_free(port: int) -> bool:
    """Whether a server of ours could listen on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still winding down is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def log_file(state: Path, name: str) -> Path:
    """The log of a process."""
    return state / "logs" / f"{name}.log"


def _pid_file(state: Path, name: str) -> Path:
    return state / "pids" / f"{name}.json"


def _work_folder(state: Path) -> Path:
    return state / "work"


def _recorded(state: Path, name: str) -> Service | None:
    try:
        return Service(**json.loads(_pid_file(state, name).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _record(state: Path, service: Service) -> None:
    path = _pid_file(state, service.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(service)), encoding="utf-8")
    temporary.replace(path)


def _process(service: Service) -> psutil.Process | None:
    try:
        process = psutil.Process(service.pid)
        same = abs(process.create_time() - service.started) <= _START_TIME_TOLERANCE
        alive = process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same and alive else None


def _session(state: Path, service: Service) -> list[psutil.Process]:
    """What belongs to a process and lives, also after its own end.

    The session alone would not do: its number is a pid and may be a stranger's by now.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == service.pid and Path(process.cwd()) == _work_folder(state).resolve():
                found.append(process)
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _end(processes: Sequence[psutil.Process]) -> None:
    """Ask processes to end, and end those that do not."""
    for process in processes:
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
    for process in alive:
        _signal(process, kill=True)
    _, alive = psutil.wait_procs(alive, timeout=STOP_SECONDS)
    if alive:
        left = ", ".join(str(process.pid) for process in alive)
        raise SetupError(f"These processes could not be ended: {left}.")


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return


def _end_of(log: Path) -> str:
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        lines = handle.read().decode("utf-8", "replace").strip().splitlines()
    if any("No space left on device" in line for line in lines):
        return f"The disk of {log.parent} is full: make room and try again."
    return "\n".join([f"The end of {log}:", *lines[-_LOG_TAIL_LINES:]])
