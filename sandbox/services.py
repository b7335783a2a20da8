"""Background processes of the sandbox: start, find again, stop, and nothing of anybody else's.

A process is known by a file in STATE/pids that holds its pid and its start time, so that a recycled pid is never
taken for it, and by the variable `LASTGOOD_SANDBOX=STATE` in its environment, which its children inherit: what lost
its parent is found by that. Each process leads its own group, so that Ctrl-C at the terminal does not reach it, and
writes one log, STATE/logs/NAME.log.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from sandbox.errors import SetupError

MARK = "LASTGOOD_SANDBOX"

STOP_SECONDS = 20
_POLL_SECONDS = 0.1
_LOG_TAIL_LINES = 20
# The system's clock may be set between two readings of the same process's start
_START_TIME_TOLERANCE = 2.0


@dataclass(frozen=True)
class Service:
    """One background process."""

    name: str
    pid: int
    started: float
    """Start time in seconds since 1970, as the system records it."""
    address: str
    """Where it is reached, e.g. `http://127.0.0.1:8080`; empty for a process that has no address."""


Ready = Callable[[Path], str | None]
"""Given the process's log, its address (or an empty string) once it is ready, None before."""


def start(  # noqa: PLR0913
    state: Path,
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    ready: Ready,
    seconds: float,
    working_folder: Path,
) -> Service:
    """Start a process, or find it running, and wait until it is ready.

    Args:
        state: the sandbox's state folder.
        name: name of the process, of its log and of its pid file.
        command: program and arguments.
        environment: the whole environment of the process.
        ready: tells when it is ready.
        seconds: how long to wait for that.
        working_folder: the process's working folder.

    Raises:
        SetupError: it ended or was not ready in time; the message ends with the end of its log.
    """
    running = find(state, name)
    if running is not None:
        return running
    log = log_file(state, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=working_folder,
            env={**environment, MARK: str(state)},
            start_new_session=True,
        )
    started = psutil.Process(process.pid).create_time()
    deadline = time.monotonic() + seconds
    try:
        while (address := ready(log)) is None:
            if process.poll() is not None:
                raise SetupError(f"{name} ended with code {process.returncode}. {_end_of(log)}")
            if time.monotonic() > deadline:
                raise SetupError(f"{name} was not ready after {seconds:.0f} s. {_end_of(log)}")
            time.sleep(_POLL_SECONDS)
    except BaseException:
        _end([psutil.Process(process.pid)] if process.poll() is None else [])
        raise
    service = Service(name, process.pid, started, address)
    _write(pid_file(state, name), json.dumps(asdict(service)))
    return service


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
    """The running process of this name, or None."""
    try:
        service = Service(**json.loads(pid_file(state, name).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return service if _process(service) is not None else None


def running(state: Path) -> list[Service]:
    """Every running process of this sandbox that was recorded, in the order of their names."""
    names = sorted(path.stem for path in (state / "pids").glob("*.json"))
    return [service for name in names if (service := find(state, name)) is not None]


def stop_all(state: Path) -> list[str]:
    """Stop every process of this sandbox, also those that lost their parent.

    Returns:
        The names of the recorded processes that were running.

    Raises:
        SetupError: a process could not be ended.
    """
    services = running(state)
    leaders = [process for service in services if (process := _process(service)) is not None]
    _end(leaders)
    _end(_marked(state))
    for path in (state / "pids").glob("*.json"):
        path.unlink(missing_ok=True)
    return [service.name for service in services]


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


def pid_file(state: Path, name: str) -> Path:
    """The file that records a process."""
    return state / "pids" / f"{name}.json"


def _process(service: Service) -> psutil.Process | None:
    try:
        process = psutil.Process(service.pid)
        same = abs(process.create_time() - service.started) <= _START_TIME_TOLERANCE
        alive = process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same and alive else None


def _marked(state: Path) -> list[psutil.Process]:
    """Processes started for this sandbox, except the one that asks and those it runs in."""
    me = psutil.Process()
    mine = {me.pid, *(parent.pid for parent in me.parents())}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid not in mine and process.environ().get(MARK) == str(state):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
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
        left = ", ".join(f"{process.pid}" for process in alive)
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
        handle.seek(max(0, log.stat().st_size - 64 * 1024))
        lines = handle.read().decode("utf-8", "replace").strip().splitlines()
    if any("No space left on device" in line for line in lines):
        return f"The disk of {log.parent} is full: make room and try again."
    return "\n".join([f"The end of {log}:", *lines[-_LOG_TAIL_LINES:]])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)  # noqa: PTH105
