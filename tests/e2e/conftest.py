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

from include.publishing.store import Store
from tests.forks import Forks

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def airflow_database(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of an Airflow whose metadata database is initialised, with a pool for every source."""
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
    code = (
        "from airflow.utils.db import initdb; initdb()\n"
        "from airflow.models.pool import Pool\n"
        "for name in ('ctgov', 'stations'):\n"
        "    Pool.create_or_update_pool(name=name, slots=1, description='', include_deferred=False)\n"
    )
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
                "extra": {"pace": 0, "backoff_first": 0.1, "backoff_max": 0.2},
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
            return forks.run(arguments, tmp_path / "output-of-run", environment)
        return subprocess.run(
            [sys.executable, "-m", "sandbox.dagrun", *arguments],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    return run


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
