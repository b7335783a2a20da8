"""docker-compose.yaml, without a Docker engine: its form, its secrets, and what its commands run."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from deploy.lock import PROJECT
from sandbox import postgres
from sandbox.comments.connection import FIELDS
from sandbox.environment import sample_sources

SCHEMA = json.loads(
    (Path(__file__).parent / "compose-spec" / "compose-spec.json").read_text(encoding="utf-8")
)
TEXT = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[-?]([^}]*))?\}")
SECRETS = {
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_API_SECRET_KEY",
    "AIRFLOW_ADMIN_PASSWORD",
    "POSTGRES_PASSWORD",
    "COMMENTS_AUTHORS_KEY",
}
AIRFLOW_SERVICES = {"init", "api-server", "scheduler", "dag-processor", "worker"}


def filled_in(text: str) -> str:
    """The text as compose reads it: variables have their default or a value, $$ is $."""

    def value(match: re.Match[str]) -> str:
        is_default = (match[2] or "").startswith(":-")
        return match[3] if is_default else "of-the-machine"

    return VARIABLE.sub(value, text).replace("$$", "$")


COMPOSE: dict[str, Any] = yaml.safe_load(filled_in(TEXT))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def errors(compose: dict[str, Any]) -> list[str]:
    return [f"{list(error.path)}: {error.message}" for error in Draft7Validator(SCHEMA).iter_errors(compose)]


def test_it_follows_the_compose_specification() -> None:
    assert errors(yaml.safe_load(TEXT)) == []


def test_the_schema_would_tell_a_mistake() -> None:
    wrong = yaml.safe_load(TEXT)
    wrong["services"]["redis"]["helthcheck"] = {}
    assert len(errors(wrong)) == 1


def test_it_holds_airflow_with_celery_and_a_sample_upstream_for_each_source() -> None:
    upstreams = {f"upstream-{source}" for source in sample_sources()}
    assert set(SERVICES) == {"postgres", "redis", *AIRFLOW_SERVICES, *upstreams}
    assert COMPOSE["x-airflow"]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert COMPOSE["x-airflow"]["environment"]["LASTGOOD_ENV"] == "compose"
    assert not COMPOSE["x-airflow"]["environment"]["LASTGOOD_COMMIT"], "none that nobody gave"


def test_every_image_is_pinned() -> None:
    dockerfile = (PROJECT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    images = [service["image"] for service in SERVICES.values()] + re.findall(r"(?m)^FROM (\S+)", dockerfile)
    for image in images:
        assert re.search(r":[^:/]*\d+\.\d+", image), f"{image} can become another version"


def test_every_service_has_a_memory_limit_and_all_but_init_a_health_check() -> None:
    for name, service in SERVICES.items():
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert "healthcheck" in service or name == "init", name


def test_the_services_wait_for_what_they_need() -> None:
    for name in AIRFLOW_SERVICES - {"init"}:
        needs = SERVICES[name]["depends_on"]
        assert needs["init"]["condition"] == "service_completed_successfully", name
        assert needs["postgres"]["condition"] == needs["redis"]["condition"] == "service_healthy", name


def test_every_volume_is_declared_and_every_mounted_folder_or_file_is_there() -> None:
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert (PROJECT / source).exists(), source
            else:
                assert source in COMPOSE["volumes"], source


def test_what_writes_to_a_volume_finds_its_folder_in_the_image() -> None:
    dockerfile = (PROJECT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    made = re.findall(r"/opt/airflow/(\w+)", re.findall(r"(?m)^RUN mkdir.*$", dockerfile)[0])
    mounted = {
        mount.split(":")[1].removeprefix("/opt/airflow/")
        for service in SERVICES.values()
        for mount in service.get("volumes", [])
        if not mount.startswith("./") and ":/opt/airflow/" in mount
    }
    # Airflow's image has its own folder for logs
    assert mounted == {*made, "logs"}


def test_it_holds_no_secret_and_asks_for_each_with_the_way_to_make_it() -> None:
    asked = {match[1]: match[2] or "" for match in VARIABLE.finditer(TEXT) if match[2]}
    assert {name for name, rest in asked.items() if rest.startswith(":?")} == SECRETS
    for name in SECRETS:
        assert "make env" in asked[name]
    literal = re.compile(r"(?im)^\s*\w*(password|secret|key|token)\w*:\s*(?!\$\{|/)(\S+)")
    assert [match[0] for match in literal.finditer(TEXT)] == []


def test_make_env_makes_every_secret_once_for_the_owner_only(tmp_path: Path) -> None:
    from cryptography.fernet import Fernet

    (tmp_path / "deploy").mkdir()
    shutil.copy(PROJECT / "deploy" / "env.sh", tmp_path / "deploy")
    subprocess.run(["sh", str(tmp_path / "deploy" / "env.sh")], check=True, capture_output=True)
    made = (tmp_path / ".env").read_text()
    values = dict(line.split("=", 1) for line in made.splitlines() if not line.startswith("#"))
    assert set(values) == SECRETS
    assert len(set(values.values())) == len(SECRETS)
    Fernet(values["AIRFLOW_FERNET_KEY"])
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    again = subprocess.run(
        ["sh", str(tmp_path / "deploy" / "env.sh")], check=True, capture_output=True, text=True
    )
    assert "is kept" in again.stdout
    assert (tmp_path / ".env").read_text() == made


def test_only_the_ui_is_reached_from_outside_and_from_this_machine_alone() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"api-server": ["127.0.0.1:8080:8080"]}


def test_the_image_installs_under_the_constraints_of_its_airflow_and_python() -> None:
    dockerfile = (PROJECT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    image = re.search(r"FROM apache/airflow:([\d.]+)-python([\d.]+)", dockerfile)
    assert image is not None
    lock = f"deploy/locks/airflow-{image[1]}-python-{image[2]}.txt"
    assert f"COPY {lock} /tmp/constraints.txt" in dockerfile
    assert (PROJECT / lock).exists()
    assert SERVICES["worker"]["image"].endswith(f":{image[1]}")


def test_the_connections_are_what_airflow_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import Connection

    environment = COMPOSE["x-airflow"]["environment"]
    registry = Connection.from_uri(environment["AIRFLOW_CONN_LASTGOOD_REGISTRY"], conn_id="lastgood_registry")
    assert (registry.conn_type, registry.host, registry.schema) == ("postgres", "postgres", "lastgood")
    for source in sample_sources():
        upstream = Connection.from_json(
            environment[f"AIRFLOW_CONN_{source.upper()}_API"], conn_id=f"{source}_api"
        )
        command = SERVICES[f"upstream-{source}"]["command"]
        assert (upstream.conn_type, upstream.host) == ("http", f"upstream-{source}")
        assert f"--port={upstream.port}" in command


# --- what the commands run ---


def airflow_commands() -> list[list[str]]:
    """Every `airflow …` that a service or a health check starts, as its arguments."""
    texts = [
        " ".join(words)
        for service in SERVICES.values()
        for words in (service.get("command", []), service.get("healthcheck", {}).get("test", []))
    ]
    started = [
        match[1] for text in texts for match in re.finditer(r"(?<!\S)airflow ([a-z][\w \"$:@=./-]*)", text)
    ]
    return [[word.strip('"') for word in words.split()] for words in started]


def test_the_connection_of_comments_is_that_of_its_sample_whose_inbox_the_tasks_read() -> None:
    environment = COMPOSE["x-airflow"]["environment"]
    connection = json.loads(environment["AIRFLOW_CONN_COMMENTS_API"])
    assert connection["password"] == FIELDS["password"]
    assert connection["extra"]["datasets"] == FIELDS["extra"]["datasets"]
    catalogue = Path(FIELDS["extra"]["catalogue"]).relative_to(PROJECT)
    assert f"./{catalogue}:{connection['extra']['catalogue']}:ro" in SERVICES["worker"]["volumes"]
    state = SERVICES["upstream-comments"]["command"][-1].removeprefix("--state=")
    inbox = Path(state).parent / "inbox" / "comments"
    assert environment["AIRFLOW_VAR_COMMENTS_INBOX"] == inbox.as_uri()
    assert "samples:/opt/airflow/samples:ro" in SERVICES["worker"]["volumes"]


def test_airflow_knows_every_command() -> None:
    commands = airflow_commands()
    assert len(commands) == 6, commands
    script = (
        "import json, sys\n"
        "from airflow.cli.cli_parser import get_parser\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    get_parser().parse_args(arguments)\n"
    )
    environment = {
        **os.environ,
        # The celery command is there for this executor only
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    }
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(commands)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr


def test_celery_finds_the_app_that_the_health_check_asks() -> None:
    check = SERVICES["worker"]["healthcheck"]["test"][1]
    app = re.search(r"--app (\S+)", check)
    assert app is not None
    module, _, attribute = app[1].rpartition(".")
    done = subprocess.run(
        [sys.executable, "-c", f"from {module} import {attribute}; print({attribute}.main)"],
        env={**os.environ, "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "celery_executor" in done.stdout


@pytest.mark.parametrize("source", sample_sources())
def test_a_sample_upstream_starts_with_its_command(source: str, tmp_path: Path) -> None:
    program, *arguments = SERVICES[f"upstream-{source}"]["command"]
    assert program == "python"
    own = {
        "--port": "--port=0",
        "--state": f"--state={tmp_path / 'state.json'}",
        "--host": "--host=127.0.0.1",
    }
    arguments = [own.get(argument.split("=")[0], argument) for argument in arguments]
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            assert line.startswith("READY http://127.0.0.1:"), line + process.stdout.read()
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()


def test_the_ui_is_given_its_password(tmp_path: Path) -> None:
    command = SERVICES["api-server"]["command"]
    assert command[:2] == ["bash", "-c"]
    passwords = tmp_path / "passwords.json"
    subprocess.run(
        ["bash", "-c", command[2].replace("exec airflow api-server", "true")],
        env={
            "PATH": os.environ["PATH"],
            "AIRFLOW_ADMIN_PASSWORD": "of-the-machine",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        },
        check=True,
    )
    assert json.loads(passwords.read_text()) == {"admin": "of-the-machine"}
    assert passwords.stat().st_mode & 0o077 == 0


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Path]:
    """An empty server with the databases that compose makes."""
    folder = tmp_path / "postgres"
    made = re.findall(r"CREATE DATABASE (\w+)", COMPOSE["configs"]["databases"]["content"])
    postgres.start(folder, ["airflow", *made])
    yield folder
    postgres.stop(folder)


@pytest.mark.airflow
def test_init_migrates_airflows_database(databases: Path, tmp_path: Path) -> None:
    import psycopg

    command = SERVICES["init"]["command"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment = {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "plugins")]),
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.dsn(databases, "airflow", "psycopg2"),
    }
    done = subprocess.run(
        command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(postgres.dsn(databases, "airflow")) as connection:
        assert connection.execute("SELECT count(*) FROM dag_run").fetchone() == (0,)
