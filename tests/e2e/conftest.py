"""A real Airflow on a real PostgreSQL: runs DAGs in processes of their own, start to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from include import pipeline
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
from tests.forks import Forks

ROOT = Path(__file__).resolve().parents[2]
SECRET = "canary-of-the-key"
"""Of the upstream, in its connection."""
NOTED_BESIDES = {"seconds", "started", "tries"}
"""What the run log has of every step beside its facts."""


@pytest.fixture(scope="session")
def airflow_database(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of an Airflow whose metadata database is initialised."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE airflow_meta")
    parts = conninfo_to_dict(postgres)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{parts['user']}@/airflow_meta?host={parts['host']}",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }
    code = "from airflow.utils.db import initdb; initdb()"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    return environment


@pytest.fixture(scope="session")
def forks(airflow_database: dict[str, str]) -> Iterator[Forks]:
    """A process from which runs of this project's DAGs are forked."""
    with Forks("sandbox.dagrun", airflow_database) as process:
        yield process


@pytest.fixture
def run_dag(
    airflow_database: dict[str, str], forks: Forks, dsn: str, store: Store, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a DAG of a project tree once against an upstream, or with a connection that has no host.

    The connections are this test's own.
    """
    parts = conninfo_to_dict(dsn)

    def run(
        dag_id: str, upstream: str | None, project: Path = ROOT, **conf: object
    ) -> subprocess.CompletedProcess[str]:
        host, _, port = (upstream or "").removeprefix("http://").partition(":")
        connections = {
            "LASTGOOD_REGISTRY": {
                "conn_type": "postgres",
                "host": parts["host"],
                "login": parts["user"],
                "schema": parts["dbname"],
            },
            f"{dag_id.upper()}_API": {
                "conn_type": "http",
                "schema": "http",
                "host": host,
                "port": int(port.rstrip("/") or 0),
                "extra": {"pace": 0, "backoff_first": 0.1, "backoff_max": 0.2, "X-Api-Key": SECRET},
            },
        }
        environment = {
            **airflow_database,
            **{f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in connections.items()},
            "AIRFLOW_VAR_LASTGOOD_ROOT": store.uri,
            "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
            "PYTHONPATH": os.pathsep.join([str(project), str(project / "plugins"), str(ROOT)]),
        }
        arguments = [dag_id, json.dumps(conf)]
        if project == ROOT:
            return _sound(forks.run(arguments, tmp_path / "output-of-run", environment))
        ran = subprocess.run(
            [sys.executable, "-m", "sandbox.dagrun", *arguments],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return _sound(ran)

    return run


@pytest.fixture
def told_alike(
    airflow_database: dict[str, str], postgres: str, registry: Registry
) -> Callable[[subprocess.CompletedProcess[str], str], None]:
    """Sees to it that log, run log and XCom say the same of every step of a source's newest run, which published."""

    def check(ran: subprocess.CompletedProcess[str], source: str) -> None:
        run = run_log.runs(registry, source)[0]
        with psycopg.connect(postgres, dbname="airflow_meta") as connection:
            rows = connection.execute(
                "SELECT task_id, value FROM xcom WHERE dag_id = %s AND run_id = %s AND key = 'return_value'",
                (source, run["run_id"]),
            ).fetchall()
        returned: dict[str, list[Any]] = {}
        for task, value in rows:
            returned.setdefault(task, []).append(json.loads(value) if isinstance(value, str) else value)
        noted: dict[str, list[Any]] = {}
        for name, step in run["steps"].items():
            assert f"{name}: {pipeline.words(step)}" in ran.stdout
            task = name.partition(" ")[0]
            facts = {name: value for name, value in step.items() if name not in NOTED_BESIDES}
            # What extract is mapped over is discover's XCom
            noted.setdefault(task, []).append(facts["units"] if task == "discover" else facts)
        assert returned.keys() == noted.keys()
        for task, facts in noted.items():
            assert sorted(map(_text, returned[task])) == sorted(map(_text, facts)), task

    return check


def _text(facts: Any) -> str:
    return json.dumps(facts, sort_keys=True)


def _sound(ran: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """The run, in whose log no callback has failed (Airflow only logs that) and no secret stands."""
    said = ran.stdout + ran.stderr
    assert "Callback failed" not in said and SECRET not in said and "[debug" not in said
    return ran


@pytest.fixture
def asset_events(airflow_database: dict[str, str], postgres: str) -> Callable[[str], list[dict[str, Any]]]:
    """What the events of an asset told its consumers, oldest first."""

    def read(asset: str) -> list[dict[str, Any]]:
        with psycopg.connect(postgres, dbname="airflow_meta") as connection:
            rows = connection.execute(
                "SELECT e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id "
                "WHERE a.name = %s ORDER BY e.id",
                (asset,),
            ).fetchall()
        return [row[0] if isinstance(row[0], dict) else json.loads(row[0]) for row in rows]

    return read
