"""A whole Airflow as tests start it and ask it."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import requests

from sandbox import environment, services, ui
from sandbox.environment import Environment

POLL_SECONDS = 0.2


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to whoever asks for any.

    Airflow listens on it some seconds later: one of the system's might be somebody else's by then.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        if services.port_is_free(port):
            return port


def start(
    state: Path, project: Path = environment.PROJECT, settings: Mapping[str, str] | None = None
) -> Environment:
    """Start it as `make ui` does, in a process of its own as that changes its environment; `settings` are added."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found: Environment = pool.apply(_up, (project, state, free_port(), dict(settings or {})))
    return found


def _up(project: Path, state: Path, port: int, settings: dict[str, str]) -> Environment:
    describe = environment.describe

    def described(*args: Any, **kwargs: Any) -> Environment:
        found = describe(*args, **kwargs)
        return replace(found, variables={**found.variables, **settings})

    environment.describe = described
    return ui.up(project=project, state=state, port=port)


def processes_of(state: Path) -> list[psutil.Process]:
    """Every live process that works somewhere in this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(state):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def kill(state: Path) -> None:
    """End all of it at once; environment.down() ends it in order, which takes ten seconds."""
    for process in processes_of(state):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    environment.down(state=state)


def wait_until(condition: Callable[[], object], what: str, seconds: float = 600) -> None:
    """Wait until something is so, for so long at most."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(POLL_SECONDS)


class Api:
    """Airflow's API as a logged-in person uses it."""

    def __init__(self, started: Environment) -> None:
        self.url = started.variables["AIRFLOW__API__BASE_URL"]
        login = {"username": environment.UI_USER, "password": started.password}
        answer = requests.post(f"{self.url}/auth/token", json=login, timeout=120)
        answer.raise_for_status()
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def get(self, path: str) -> dict[str, Any]:
        """Look at something."""
        return self._ask("GET", path)

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change something."""
        return self._ask(method, path, json=body)

    def trigger(self, dag_id: str) -> str:
        """Trigger a run and answer its id."""
        run: str = self.send("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"]
        return run

    def wait_for_run(self, dag_id: str, run_id: str, state: str) -> None:
        """Wait until a run is in this state; of a DAG that is paused none ever begins."""
        assert not self.get(f"dags/{dag_id}")["is_paused"], f"{dag_id} is paused"

        def reached() -> bool:
            found: bool = self.get(f"dags/{dag_id}/dagRuns/{run_id}")["state"] == state
            return found

        wait_until(reached, f"{dag_id} {run_id} is {state}")

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = requests.request(
            method, f"{self.url}/api/v2/{path}", headers=self.headers, timeout=120, **options
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
