"""What all tests share: a real PostgreSQL from its wheel, a store, and an Airflow home away from the user's.

Sockets are blocked except to this machine, so a test that reaches out fails at once.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Airflow reads its configuration at import; nothing of the user's may be touched.
_HOME = Path(os.environ.get("LASTGOOD_TEST_HOME") or tempfile.mkdtemp(prefix="lastgood-tests-"))
ROOT = Path(__file__).resolve().parents[1]
os.environ.update(
    {
        "AIRFLOW_HOME": str(_HOME / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SODA_CORE_TELEMETRY_ENABLED": "false",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
        "NO_PROXY": "*",
    }
)
sys.dont_write_bytecode = True

import psycopg  # noqa: E402
import pytest  # noqa: E402
from pytest_socket import socket_allow_hosts  # noqa: E402

from include.publishing.registry import Connect, Registry  # noqa: E402
from include.publishing.store import Store  # noqa: E402


@pytest.fixture(autouse=True)
def _only_this_machine() -> None:
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this test session; the URI of its database `postgres`."""
    from sandbox import postgres as embedded

    folder = Path(tempfile.mkdtemp(prefix="lg-pg-"))
    embedded.start(folder, databases=("registry_template",))
    yield embedded.dsn(folder, "postgres")
    embedded.stop(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def template_database(postgres: str) -> str:
    """A database with the registry's schema, copied for each test that wants one."""
    Registry(lambda: psycopg.connect(postgres, dbname="registry_template")).migrate()
    return "registry_template"


@pytest.fixture
def dsn(postgres: str, template_database: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Connection string of a registry database of this test alone."""
    from psycopg.conninfo import make_conninfo

    name = f"t{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}")
    yield make_conninfo(postgres, dbname=name)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def connect(dsn: str) -> Connect:
    """What include uses to reach the registry."""
    return lambda: psycopg.connect(dsn)


@pytest.fixture
def registry(connect: Connect) -> Registry:
    """A migrated, empty registry."""
    return Registry(connect)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store on the local disk."""
    return Store.from_uri((tmp_path / "store").as_uri())
