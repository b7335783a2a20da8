"""The local Airflow: its state folder, its environment variables, and everything it needs running.

    .lastgood/
        home/           AIRFLOW_HOME
        postgres/       the embedded PostgreSQL: databases `airflow` and `lastgood`
        store/          raw, versions and latest, as on S3
        logs/ pids/     one file for each background process
        secrets.json    made once, readable by its owner only
        SOURCE.json     where the sample upstream of a source stands
        inbox/SOURCE/   where files are put for a source

Nothing outside this folder is written, and no account, connection or variable of the user's own Airflow is
read.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from include.sources import source as source_specs
from sandbox import postgres, services
from sandbox.errors import SetupError

PROJECT = Path(__file__).resolve().parent.parent

UI_PORT = 8080
UI_USER = "admin"

# The sample upstreams have no quota; production's connections hold the real pace. 0 a minute is no limit.
SAMPLE_LIMITS = {"pace": 500, "per_minute": 0}
# Records of a sample upstream that is started for the first time; None is its own default
SAMPLE_SIZE: int | None = None

# People are promised to hear within two minutes; Airflow by itself waits for five. docs/operations.md has the reasons.
PROMPT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
}

# Samples that only write files, in an environment of their own: nothing of them is served
_UNSERVED = frozenset({"dsa110"})

_NEEDED_BYTES = 500 * 2**20
_UPSTREAM_SECONDS = 60.0
_READY = "READY "

Report = Callable[[str], None]
"""Shows one line of progress to the person at the terminal."""


@dataclass(frozen=True)
class Environment:
    """A local Airflow with its state folder. Made by `describe` or `prepare`."""

    project: Path
    state: Path
    variables: Mapping[str, str]
    """What a process of this Airflow has in its environment besides the user's own variables."""
    password: str
    """Of the UI's user `admin`."""

    @property
    def registry_dsn(self) -> str:
        """libpq URI of the registry and serving database."""
        return postgres.dsn(self.state / "postgres", "lastgood")

    @property
    def store_uri(self) -> str:
        """Root of the store."""
        return self.variables["AIRFLOW_VAR_LASTGOOD_ROOT"]

    def process_variables(self) -> dict[str, str]:
        """The whole environment of a process of this Airflow: the user's, without his Airflow, and ours."""
        return {**_without_airflow(os.environ), **self.variables}

    def activate(self) -> None:
        """Make this process one of this Airflow. Airflow reads its configuration when it is imported, once.

        Raises:
            RuntimeError: Airflow was imported before.
        """
        if "airflow" in sys.modules and os.environ.get("AIRFLOW_HOME") != self.variables["AIRFLOW_HOME"]:
            raise RuntimeError("Airflow was imported before its sandbox was activated: import it afterwards.")
        wanted = self.process_variables()
        for name in set(os.environ) - set(wanted):
            del os.environ[name]
        os.environ.update(wanted)


def sample_sources(project: Path = PROJECT) -> list[str]:
    """Sources that have a sample upstream: the folders of sandbox/ that can be run and serve."""
    found = {path.parent.name for path in (project / "sandbox").glob("*/__main__.py")}
    return sorted(found - _UNSERVED)


def describe(project: Path = PROJECT, *, state: Path | None = None, ui_port: int = UI_PORT) -> Environment:
    """The environment as it is now, without starting anything: upstreams that run have their connection.

    Args:
        project: root of the project.
        state: the state folder, `.lastgood` in the project by default.
        ui_port: port of the UI.

    Raises:
        SetupError: the state folder cannot be written.
    """
    state = (state or project / ".lastgood").absolute()
    try:
        kept = _secrets(state)
    except OSError as error:
        raise SetupError(f"The folder {state} cannot be written: {error.strerror or error}.") from error
    home = state / "home"
    home.mkdir(exist_ok=True)
    variables = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": kept["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{UI_USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords_file(state, kept["ui_password"])),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.dsn(state / "postgres", "airflow", "psycopg2"),
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(ui_port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{ui_port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": kept["api_secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": kept["jwt_secret"],
        **PROMPT,
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SCARF_ANALYTICS": "false",
        "SODA_CORE_TELEMETRY_ENABLED": "false",
        "LASTGOOD_ENV": "sandbox",
        "AIRFLOW_VAR_LASTGOOD_ROOT": f"file://{state / 'store'}",
        "AIRFLOW_CONN_LASTGOOD_REGISTRY": _connection(
            conn_type="postgres",
            host=str(postgres.socket_folder(state / "postgres")),
            login=postgres.USER,
            schema="lastgood",
        ),
        # As on Astronomer; Airflow itself adds the plugins folder, as on MWAA
        "PYTHONPATH": str(project),
        # A proxy of the user's network is no way to this machine
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"])),
        # Some of the processes find `airflow` and `python` by name
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    }
    for spec in map(source_specs.spec, source_specs.names()):
        variables |= _beside(spec, state, kept["source_key"])
    for source in sample_sources(project):
        running = upstream(source, state)
        if running is not None and running.address:
            variables[f"AIRFLOW_CONN_{source.upper()}_API"] = _upstream_connection(source, running.address)
    return Environment(project, state, variables, kept["ui_password"])


def prepare(
    sources: Sequence[str] | None = None,
    *,
    project: Path = PROJECT,
    state: Path | None = None,
    ui_port: int = UI_PORT,
    size: int | None = SAMPLE_SIZE,
    seed: int | None = None,
    report: Report = print,
) -> Environment:
    """Bring up what a run needs and make this process part of it.

    That is PostgreSQL, the sample upstreams, and both databases at this code's revision. What already runs is
    left as it is, so a second call takes a moment.

    Args:
        sources: sources whose sample upstream to start, every one by default.
        project: root of the project.
        state: the state folder, `.lastgood` in the project by default.
        ui_port: port of the UI.
        size: records of a sample upstream that is started for the first time; its own default where None.
        seed: its seed; its own default where None.
        report: shows a line of progress.

    Raises:
        SetupError: something could not be started; the message is for the person at the terminal.
    """
    wanted = checked_sources(sources, project)
    state = (state or project / ".lastgood").absolute()
    _check_disk(state)
    with _step("PostgreSQL", report):
        postgres.start(state / "postgres")
    for source in wanted:
        with _step(f"sample upstream of {source}", report):
            start_upstream(source, project=project, state=state, size=size, seed=seed)
    environment = describe(project, state=state, ui_port=ui_port)
    environment.activate()
    with _step("databases", report):
        _migrate_registry(environment)
        _migrate_airflow(environment)
    return environment


def start_upstream(
    source: str, *, project: Path, state: Path, size: int | None = None, seed: int | None = None
) -> services.Service:
    """Start the sample upstream of a source, or find it running.

    It comes back on the port it had before where that is free: what already runs knows it by that.
    """
    remembered = state / "ports.json"
    ports: dict[str, int] = json.loads(remembered.read_text(encoding="utf-8")) if remembered.exists() else {}
    port = ports.get(source, 0)
    if port and upstream(source, state) is None and not services.port_is_free(port):
        port = 0
    options = {"port": port, "size": size, "seed": seed, "state": state / f"{source}.json"}
    arguments = [f"--{name}={value}" for name, value in options.items() if value is not None]
    service = services.start(
        state,
        _service_name(source),
        [sys.executable, "-m", f"sandbox.{source}", *arguments],
        environment={**os.environ, "PYTHONPATH": str(project), "PYTHONUNBUFFERED": "1"},
        ready=_printed_address,
        seconds=_UPSTREAM_SECONDS,
    )
    assert service.address is not None, "a process is ready when it has printed its address"
    ports[source] = port_of(service.address)
    remembered.write_text(json.dumps(ports), encoding="utf-8")
    return service


def down(project: Path = PROJECT, *, state: Path | None = None) -> list[str]:
    """Stop all that the sandbox started, and nothing else.

    Returns:
        The names of what was running.

    Raises:
        SetupError: something did not stop.
    """
    state = (state or project / ".lastgood").absolute()
    stopped = services.stop_all(state)
    if postgres.stop(state / "postgres"):
        stopped.append("PostgreSQL")
    return stopped


def upstream(source: str, state: Path) -> services.Service | None:
    """The running sample upstream of a source, or None."""
    return services.find(state, _service_name(source))


def _service_name(source: str) -> str:
    return f"upstream-{source}"


def checked_sources(sources: Sequence[str] | None, project: Path = PROJECT) -> list[str]:
    """These sources, or every one that has a sample upstream.

    Raises:
        SetupError: one of them has none.
    """
    known = sample_sources(project)
    unknown = [source for source in sources or () if source not in known]
    if unknown:
        raise SetupError(
            f"There is no sample upstream {unknown[0]!r}; there are: {', '.join(known) or 'none'}."
        )
    return list(sources) if sources else known


def _check_disk(state: Path) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(state).free
    except OSError as error:
        raise SetupError(f"The folder {state} cannot be made: {error.strerror or error}.") from error
    if free < _NEEDED_BYTES:
        raise SetupError(
            f"The disk of {state} has {free // 2**20} MB left and the sandbox needs "
            f"{_NEEDED_BYTES // 2**20} MB: make room and try again."
        )


def _migrate_registry(environment: Environment) -> None:
    from include.registry.registry import Registry

    Registry(lambda: psycopg.connect(environment.registry_dsn)).migrate()


def _migrate_airflow(environment: Environment) -> None:
    """Bring Airflow's database up to date.

    Airflow takes seconds to import and seconds more to find that there is nothing to do, so what was done is
    kept.
    """
    from importlib.metadata import version

    done = environment.state / "migrated.json"
    cluster = environment.state / "postgres" / "data" / "PG_VERSION"
    wanted = {
        "airflow": version("apache-airflow-core"),
        # A new cluster, a new database
        "cluster": cluster.stat().st_mtime,
    }
    if done.exists() and json.loads(done.read_text(encoding="utf-8")) == wanted:
        return

    with output_to(services.log_file(environment.state, "migrate")):
        from airflow.utils.db import initdb

        initdb()
    done.write_text(json.dumps(wanted), encoding="utf-8")


@contextmanager
def _step(what: str, report: Report) -> Iterator[None]:
    begun = time.monotonic()
    yield
    report(f"  {what:<32} ready in {time.monotonic() - begun:5.1f} s")


@contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Send what this process prints, through whatever library, to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    try:
        with log.open("wb") as output:
            for descriptor in kept:
                os.dup2(output.fileno(), descriptor)
            yield
    finally:
        for descriptor, original in kept.items():
            os.dup2(original, descriptor)
            os.close(original)


def _printed_address(log: Path) -> str | None:
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(_READY):
            return line.removeprefix(_READY).strip()
    return None


def port_of(address: str) -> int:
    """The port in `http://127.0.0.1:8080`."""
    port = urlsplit(address).port
    if port is None:
        raise SetupError(f"The address {address!r} has no port.")
    return port


def _connection(**fields: object) -> str:
    return json.dumps(fields)


def _upstream_connection(source: str, address: str) -> str:
    url = urlsplit(address)
    own = _sample_fields(source)
    fields = {"conn_type": "http", "schema": url.scheme, "host": url.hostname, "port": port_of(address)}
    return _connection(**{**fields, **own, "extra": {**SAMPLE_LIMITS, **own.get("extra", {})}})


def _sample_fields(source: str) -> dict[str, Any]:
    """What the connection of a sample holds besides its address, where its folder has a module that says so."""
    name = f"sandbox.{source}"
    if find_spec(name) is None or find_spec(f"{name}.connection") is None:
        return {}
    fields: dict[str, Any] = import_module(f"{name}.connection").FIELDS
    return fields


def _without_airflow(variables: Mapping[str, str]) -> dict[str, str]:
    """The user's variables without those of another Airflow, whose database and secrets are not ours."""
    return {name: value for name, value in variables.items() if not name.startswith("AIRFLOW_")}


def _beside(spec: source_specs.Spec, state: Path, key: str) -> dict[str, str]:
    """What a source has besides its upstream: an inbox below the state folder, and its keys."""
    variables = {
        f"AIRFLOW_CONN_{name.upper()}": _connection(conn_type="generic", password=key) for name in spec.keys
    }
    if spec.inbox:
        folder = state / "inbox" / spec.name
        folder.mkdir(parents=True, exist_ok=True)
        variables[f"AIRFLOW_VAR_{spec.inbox.upper()}"] = f"file://{folder}"
    return variables


def _secrets(state: Path) -> dict[str, str]:
    """The keys of this sandbox, made once."""
    path = state / "secrets.json"
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        made = {
            "source_key": secrets.token_urlsafe(32),
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(64),
            "api_secret_key": secrets.token_urlsafe(32),
            "ui_password": secrets.token_urlsafe(12),
        }
        _write_private(path, made)
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    if "source_key" not in kept:
        kept["source_key"] = secrets.token_urlsafe(32)
        _write_private(path, kept)
    return kept


def _passwords_file(state: Path, password: str) -> Path:
    """The file in which Airflow's SimpleAuthManager looks for the passwords of its users."""
    path = state / "home" / "passwords.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_private(path, {UI_USER: password})
    return path


def _write_private(path: Path, content: Mapping[str, str]) -> None:
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")
    temporary.replace(path)
