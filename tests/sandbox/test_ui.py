"""`make ui`, `make advance` and `make down`, with the real Airflow."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from include.sources.source import names
from sandbox import environment, postgres, services, ui
from sandbox.environment import Environment
from sandbox.errors import SetupError

pytestmark = pytest.mark.airflow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


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


class Api:
    """Airflow's API as a logged-in person uses it."""

    def __init__(self, started: Environment) -> None:
        self.url = started.variables["AIRFLOW__API__BASE_URL"]
        login = {"username": "admin", "password": started.password}
        answer = requests.post(f"{self.url}/auth/token", json=login, timeout=30)
        answer.raise_for_status()
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def get(self, path: str) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/api/v2/{path}", headers=self.headers, timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ui") / ".lastgood"


@pytest.fixture(scope="module")
def started(state: Path) -> Iterator[Environment]:
    """The whole Airflow, started as `make ui` does, in a process of its own as it changes its environment."""
    import multiprocessing

    port = free_port()
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        found: Environment = pool.apply(_up, (state, port))
    yield found
    environment.down(state=state)


def _up(state: Path, port: int) -> Environment:
    return ui.up(state=state, port=port)


def test_a_person_logs_in_and_finds_every_dag(started: Environment) -> None:
    api = Api(started)
    deadline = time.monotonic() + 60
    while not set(names()) <= (dags := {dag["dag_id"] for dag in api.get("dags")["dags"]}):
        assert time.monotonic() < deadline, dags
        time.sleep(0.2)
    assert api.get("importErrors")["total_entries"] == 0


def test_a_wrong_password_is_refused(started: Environment) -> None:
    login = {"username": "admin", "password": "wrong"}
    url = started.variables["AIRFLOW__API__BASE_URL"]
    assert requests.post(f"{url}/auth/token", json=login, timeout=30).status_code == 401


def test_there_is_one_pool_for_each_source_and_no_example_connection(started: Environment) -> None:
    api = Api(started)
    pools = {pool["name"]: pool["slots"] for pool in api.get("pools")["pools"]}
    assert {name: pools[name] for name in names()} == dict.fromkeys(names(), 1)
    assert api.get("connections")["total_entries"] == 0


def test_every_part_has_a_log(started: Environment) -> None:
    for name in ui.COMPONENTS:
        assert services.log_file(started.state, name).exists()


def test_a_second_start_finds_it_running(started: Environment) -> None:
    before = {name: services.find(started.state, name) for name in ui.COMPONENTS}
    found = environment.describe(state=started.state, ui_port=int(started.variables["AIRFLOW__API__PORT"]))
    assert found.variables == started.variables
    assert before == {name: services.find(started.state, name) for name in ui.COMPONENTS}


def test_the_sample_upstreams_advance(started: Environment) -> None:
    answers = ui.advance(state=started.state)
    assert set(answers) == set(environment.sample_sources())


def test_down_stops_all_of_it_and_nothing_else(started: Environment) -> None:
    assert {name for name in ui.COMPONENTS if services.find(started.state, name)} == set(ui.COMPONENTS)
    stopped = environment.down(state=started.state)
    assert {*ui.COMPONENTS, "PostgreSQL"} <= set(stopped)
    assert processes_of(started.state) == []
    assert not postgres.is_running(started.state / "postgres")
    assert environment.down(state=started.state) == []


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(SetupError, match=rf"Port {port} is taken.*make ui PORT={port + 1}"):
            ui.up(state=tmp_path, port=port)


def test_advancing_what_does_not_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"does not run: start it with `make run`"):
        ui.advance(state=tmp_path)


def test_a_failure_at_the_terminal_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> list[str]:
        raise SetupError("One sentence.")

    monkeypatch.setattr(environment, "down", fail)
    assert ui.main(["down"]) == 1
    assert capsys.readouterr() == ("", "One sentence.\n")
