"""`make ui`, `make airflow`, `make advance` and `make down`, with the real Airflow; docs/backfill.md in it."""

import json
import re
import shlex
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import requests

from include.publishing.registry import Registry
from include.publishing.store import Store
from include.sources.source import names
from sandbox import environment, postgres, services, ui
from sandbox.environment import Environment
from sandbox.errors import SetupError
from tests.running import Api, processes_of, start, wait_until
from tests.sources.pipeline import Pipeline

pytestmark = pytest.mark.airflow
PAGE = (environment.PROJECT / "docs" / "backfill.md").read_text(encoding="utf-8")
DAY = ("2026-02-22 05:00Z", "2026-02-23 05:00Z")
"""The first of the two days that the backfill of the page is about; a run takes half a minute."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ui") / ".lastgood"


@pytest.fixture(scope="module")
def started(state: Path) -> Iterator[Environment]:
    """The whole Airflow, started as `make ui` does."""
    yield start(state)
    environment.down(state=state)


def test_a_person_logs_in_and_finds_every_dag(started: Environment) -> None:
    api = Api(started)
    wait_until(
        lambda: set(names()) <= {dag["dag_id"] for dag in api.get("dags")["dags"]}, "the DAGs are there"
    )
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


def page_commands() -> list[list[str]]:
    """What docs/backfill.md gives to Airflow's command line, as a shell and make hand it over."""
    given = re.findall(r"^make airflow (ARGS=.*)$", PAGE, re.MULTILINE)
    return [shlex.split(shlex.split(each)[0].removeprefix("ARGS=")) for each in given]


def test_airflow_takes_every_command_of_the_page_on_backfill(started: Environment) -> None:
    from airflow.cli import cli_parser

    details = Api(started).get("dags/sofascore/details")
    chosen = []
    for command in page_commands():
        parsed = cli_parser.get_parser().parse_args(command)
        chosen.append(tuple(command[:2]))
        asked = json.loads(getattr(parsed, "conf", None) or getattr(parsed, "dag_run_conf", None) or "{}")
        assert asked.keys() <= details["params"].keys()
    assert set(chosen) == {("dags", "unpause"), ("dags", "trigger"), ("backfill", "create")}


@pytest.fixture(scope="module")
def published(started: Environment) -> str:
    """Where the sample upstream of SofaScore is, of which a first version was published."""
    upstream = environment.upstream("sofascore", started.state)
    assert upstream is not None and upstream.address
    registry = Registry(lambda: psycopg.connect(started.registry_dsn))
    registry.migrate()
    pipeline = Pipeline(
        "sofascore", Store.from_uri(started.store_uri), registry, SimpleNamespace(url=upstream.address)
    )
    pipeline.publish(1)
    return upstream.address


def test_the_backfill_of_the_page_asks_again_for_a_day_and_stores_a_match_once(
    started: Environment, published: str, capfd: pytest.CaptureFixture[str]
) -> None:
    api = Api(started)
    # Today's run counts as done, so that the first moment without a pause does not start it.
    day = api.get("dags/sofascore")["next_dagrun_logical_date"]
    api.send("POST", "dags/sofascore/dagRuns", {"dag_run_id": "today", "logical_date": day})
    api.send("PATCH", "dags/sofascore/dagRuns/today", {"state": "success"})
    api.send("PATCH", "dags/sofascore", {"is_paused": False})
    before = matches_of_the_day(started)
    corrected = before[-1][0]
    answer = requests.post(
        f"{published}/_sandbox/correct", json={"match": corrected, "home": 7, "away": 1}, timeout=30
    )
    assert answer.ok
    requests.post(f"{published}/_sandbox/forget", timeout=30)
    capfd.readouterr()

    create = next(command for command in page_commands() if command[0] == "backfill")
    create[create.index("--to-date") + 1] = "2026-02-23"
    assert ui.airflow(create, state=started.state).returncode == 0
    said = "".join(capfd.readouterr())
    (shown,) = re.findall(r"<!-- output of backfill create -->\n```\n(.*?)```", PAGE, re.DOTALL)
    for message in (
        "creating dag run",
        "run_id=backfill__2026-02-23T05:00:00+00:00",
        "Created backfill Dag run.",
    ):
        assert message in said and message in shown
    wait_for_runs(api, 2)

    counts = requests.get(f"{published}/_sandbox/requests", timeout=30).json()
    assert counts["event"] == {"200": len(before)}
    after = matches_of_the_day(started)
    assert [match for match, *_ in after] == [match for match, *_ in before]
    assert {row[0]: row[1:3] for row in after}[corrected] == (7, 1)
    with psycopg.connect(started.registry_dsn) as database:
        for query, table in re.findall(r"```sql\n(.*?)```\n+```\n(.*?)```", PAGE, re.DOTALL):
            cursor = database.execute(query)
            assert cursor.description is not None
            heading = [name.strip() for name in table.splitlines()[0].split("|")]
            assert [column.name for column in cursor.description] == heading
            assert cursor.fetchall(), query
        latest = database.execute(
            "SELECT v.as_of, c.value FROM lastgood.latest JOIN lastgood.dataset_version v USING (source, version) "
            "JOIN lastgood.cursor c USING (source) WHERE source = 'sofascore' AND c.name = 'until'"
        ).fetchall()
        runs = database.execute(
            "SELECT v.as_of, v.published_at IS NOT NULL FROM lastgood.dataset_version v "
            "WHERE source = 'sofascore' ORDER BY staged_at"
        ).fetchall()
    assert runs == [(latest[0][0], True)] * 2, (
        "no version is older than the one before, and each was promoted"
    )
    assert latest[0][0] == datetime.fromisoformat(latest[0][1]), "the daily run goes on where it stopped"


def matches_of_the_day(started: Environment) -> list[tuple[Any, ...]]:
    """The published matches of that day, in order, with score and number of parts."""
    with psycopg.connect(started.registry_dsn) as database:
        return database.execute(
            "SELECT match_id, home_goals, away_goals, count(*) FROM published.sofascore_matches "
            "JOIN published.sofascore_match_parts USING (match_id) "
            "WHERE kickoff_at >= %s AND kickoff_at < %s GROUP BY match_id, home_goals, away_goals "
            "ORDER BY kickoff_at, match_id",
            DAY,
        ).fetchall()


def wait_for_runs(api: Api, number: int) -> None:
    """Wait until the DAG has made so many runs and all of them succeeded."""
    deadline = time.monotonic() + 180
    while True:
        states = [run["state"] for run in api.get("dags/sofascore/dagRuns")["dag_runs"]]
        assert "failed" not in states
        if len(states) >= number and set(states) == {"success"}:
            return
        assert time.monotonic() < deadline, states
        time.sleep(0.2)


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
