"""What all tests share: a real PostgreSQL from its wheel, a store, and an Airflow home away from the user's.

Sockets are blocked except to this machine, so a test that reaches out fails at once.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from hypothesis import HealthCheck, settings  # noqa: E402
from psycopg.conninfo import conninfo_to_dict  # noqa: E402
from pytest_socket import socket_allow_hosts  # noqa: E402

from include.registry.connection import Connect  # noqa: E402
from include.registry.registry import Registry  # noqa: E402
from include.storage.store import Store  # noqa: E402
from sandbox import checks  # noqa: E402
from tests.running import free_port  # noqa: E402

if TYPE_CHECKING:
    from email.message import EmailMessage

    from pytest_httpserver import HTTPServer
    from werkzeug import Request, Response

# Of a loaded machine no example takes as long as another.
settings.register_profile("lastgood", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lastgood")


LONGEST_FIRST = (
    "sandbox/test_ui.py",
    "sources/test_params.py",
    "e2e/test_provoked_failures.py",
    "sources/pubchem/test_publish.py",
    "e2e/test_readme.py",
    "sources/ctgov/test_build.py",
    "e2e/test_adding_a_source.py",
    "recordings/pubchem/test_publish.py",
    "crash/test_kill.py",
    "publishing/test_model.py",
    "sources/sofascore/test_clock.py",
    "sources/test_base.py",
    "soak/test_soak.py",
    "docs/test_onboarding.py",
    "e2e/test_clinical_dag.py",
    "sources/sofascore/test_publish.py",
    "web/test_page.py",
    "plugins/notifiers/test_quiet.py",
    "sandbox/test_newcomers.py",
    "operations/test_retention.py",
)
"""Files that take long. A process takes whole files, so that what all tests of one begin with is made once; with these
at the front none is left with a long one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the tests of the longest files to the front."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST_FIRST)}
    if gone := [str(path) for path in places if not path.exists()]:
        raise pytest.UsageError(
            f"LONGEST_FIRST in {__file__} names {', '.join(gone)}: take out what is gone."
        )
    if not checks.can_image():
        absent = pytest.mark.skip(reason="there is no environment for imaging: make setup-imaging")
        for item in items:
            if item.get_closest_marker("imaging") or item.get_closest_marker("imaging_long"):
                item.add_marker(absent)
    items.sort(key=lambda item: places.get(item.path, len(places)))


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
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY")
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


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of an S3 server."""
    from tests import s3

    with s3.serving() as endpoint:
        yield endpoint


@pytest.fixture
def s3_store(s3_endpoint: str, request: pytest.FixtureRequest) -> Store:
    """A store below a prefix of a bucket of this test alone."""
    options = {"key": "k", "secret": "s", "endpoint_url": s3_endpoint}
    store = Store.from_uri(f"s3://bucket-{abs(hash(request.node.nodeid))}/pre/fix", **options)
    store.fs.mkdir(store.root.split("/")[0])
    return store


@pytest.fixture(params=["file", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store of each kind in turn."""
    if request.param == "file":
        return Store.from_uri((tmp_path / "store").as_uri())
    found: Store = request.getfixturevalue("s3_store")
    return found


# --- connections and Variables, as a managed Airflow would have them ---

WEBHOOK_SECRET = "T0CANARY/B0CANARY/hooksecretcanary"


@pytest.fixture
def airflow_connections(monkeypatch: pytest.MonkeyPatch, dsn: str, store: Store) -> Store:
    """The registry's connection and the store's Variable, in the environment."""
    parts = conninfo_to_dict(dsn)
    registry = {
        "conn_type": "postgres",
        "host": parts["host"],
        "login": parts["user"],
        "schema": parts["dbname"],
    }
    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_REGISTRY", json.dumps(registry))
    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_ROOT", store.uri)
    return store


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[list["EmailMessage"]]:
    """The mails that a real SMTP server received; the connection lastgood_smtp leads to it."""
    from email import message_from_bytes, policy

    from aiosmtpd.controller import Controller

    received: list[Any] = []

    class Handler:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            received.append(message_from_bytes(envelope.content, policy=policy.default))
            return "250 OK"

    port = free_port()  # aiosmtpd cannot choose one itself
    controller = Controller(Handler(), hostname="127.0.0.1", port=port, ready_timeout=60)
    controller.start()
    connection = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "extra": {
            "from_email": "lastgood@test.example",
            "to": "oncall@test.example",
            "disable_ssl": True,
            "disable_tls": True,
        },
    }
    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_SMTP", json.dumps(connection))
    yield received
    controller.stop()


@pytest.fixture
def alert_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the log file channel writes."""
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path / "logs"))
    return tmp_path / "logs" / "lastgood" / "alerts.jsonl"


@pytest.fixture
def define_webhook(monkeypatch: pytest.MonkeyPatch, httpserver: "HTTPServer") -> Callable[..., None]:
    """Defines the connection lastgood_webhook, which leads to the HTTP server; what is given replaces a field."""

    def define(**changed: Any) -> None:
        connection = {
            "conn_type": "http",
            "host": f"http://{httpserver.host}/services",
            "port": httpserver.port,
            "password": WEBHOOK_SECRET,
            "extra": {"form": "json"},
            **changed,
        }
        monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_WEBHOOK", json.dumps(connection))

    return define


@pytest.fixture
def webhook(httpserver: "HTTPServer", define_webhook: Callable[..., None]) -> list[Any]:
    """The JSON bodies that a real HTTP server received; the connection lastgood_webhook leads to it."""
    from werkzeug import Response

    received: list[Any] = []

    def take(request: "Request") -> "Response":
        received.append(request.get_json())
        return Response("ok")

    httpserver.expect_request(f"/services/{WEBHOOK_SECRET}", method="POST").respond_with_handler(take)
    define_webhook()
    return received


@pytest.fixture
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection of the registry leads nowhere."""
    connection = {"conn_type": "postgres", "host": "/nowhere", "schema": "x"}
    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_REGISTRY", json.dumps(connection))
