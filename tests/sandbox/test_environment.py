"""The local Airflow's environment: complete, private, and apart from the user's own."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sandbox import environment, postgres, services, ui
from sandbox.comments.api import TOKEN
from sandbox.comments.datasets import IDS
from sandbox.comments.entities import FILE
from sandbox.environment import Environment
from sandbox.errors import SetupError

UPSTREAM = """
import argparse, http.server, pathlib
options = argparse.ArgumentParser()
for name in ("--port", "--size", "--seed"):
    options.add_argument(name, type=int)
options.add_argument("--state", type=pathlib.Path)
chosen = options.parse_args()
chosen.state.write_text(f"{chosen.size} {chosen.seed}")
server = http.server.HTTPServer(("127.0.0.1", chosen.port), http.server.BaseHTTPRequestHandler)
print(f"READY http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one sample upstream, `toy`, in a folder with a space in its name."""
    project = tmp_path / "a project"
    (project / "sandbox" / "toy").mkdir(parents=True)
    (project / "sandbox" / "toy" / "__main__.py").write_text(UPSTREAM)
    (project / "sandbox" / "helpers").mkdir()
    return project


@pytest.fixture
def state(project: Path) -> Iterator[Path]:
    state = project / ".lastgood"
    state.mkdir()
    yield state
    services.stop_all(state)


def describe(project: Path) -> Environment:
    return environment.describe(project, ui_port=8123)


def test_the_folders_of_a_runnable_module_are_the_sources(project: Path) -> None:
    assert environment.sample_sources(project) == ["toy"]


def test_a_sample_that_only_writes_files_is_not_served(project: Path) -> None:
    (project / "sandbox" / "dsa110").mkdir()
    (project / "sandbox" / "dsa110" / "__main__.py").touch()
    assert environment.sample_sources(project) == ["toy"]


def test_the_sandbox_has_a_name(project: Path) -> None:
    assert describe(project).variables["LASTGOOD_ENV"] == "sandbox"


def test_everything_of_airflow_lies_in_the_project(project: Path) -> None:
    variables = describe(project).variables
    assert variables["AIRFLOW_HOME"] == str(project / ".lastgood" / "home")
    assert variables["AIRFLOW__CORE__DAGS_FOLDER"] == str(project / "dags")
    assert variables["AIRFLOW__CORE__PLUGINS_FOLDER"] == str(project / "plugins")
    assert variables["AIRFLOW_VAR_LASTGOOD_ROOT"] == f"file://{project / '.lastgood' / 'store'}"
    assert variables["PYTHONPATH"] == str(project)
    assert variables["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8123"


def test_nothing_is_told_to_anybody(project: Path) -> None:
    variables = describe(project).variables
    assert variables["SODA_CORE_TELEMETRY_ENABLED"] == "false"
    assert variables["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    assert variables["SCARF_ANALYTICS"] == "false"
    assert variables["AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS"] == "False"


def test_what_airflow_notices_late_by_itself_it_notices_in_time_wherever_it_is_run(project: Path) -> None:
    compose = yaml.safe_load((environment.PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
    document = (environment.PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert environment.PROMPT
    for name, value in environment.PROMPT.items():
        assert describe(project).variables[name] == compose["x-airflow"]["environment"][name] == value
        assert f"| `{name}` | `{value}`" in document


def test_secrets_are_made_once_and_are_readable_by_the_owner_only(project: Path) -> None:
    first, second = describe(project), describe(project)
    assert first == second
    files = [first.state / "secrets.json", first.state / "home" / "passwords.json"]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert json.loads(files[1].read_text()) == {"admin": first.password}
    assert len(first.password) >= 16
    other = describe(project.parent / "another")
    keys = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY")
    assert not any(first.variables[key] == other.variables[key] for key in keys)


def test_the_fernet_key_is_one(project: Path) -> None:
    from cryptography.fernet import Fernet

    key = Fernet(describe(project).variables["AIRFLOW__CORE__FERNET_KEY"])
    assert key.decrypt(key.encrypt(b"secret")) == b"secret"


def test_a_process_has_the_users_variables_without_those_of_another_airflow(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CTGOV_API", "http://production.example")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD", "steal")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    variables = describe(project).process_variables()
    assert "AIRFLOW_CONN_CTGOV_API" not in variables
    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD" not in variables
    assert variables["AWS_PROFILE"] == "mine"


def test_activating_makes_this_process_one_of_that_airflow(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = describe(project)
    before = dict(os.environ)
    try:
        monkeypatch.delitem(sys.modules, "airflow", raising=False)
        found.activate()
        assert os.environ["AIRFLOW_HOME"] == str(project / ".lastgood" / "home")
        assert "AIRFLOW__CORE__UNIT_TEST_MODE" not in os.environ
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_activating_after_airflow_was_imported_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "airflow", sys)
    with pytest.raises(RuntimeError, match="Airflow was imported before"):
        describe(project).activate()


def test_a_proxy_is_not_asked_the_way_to_this_machine(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet")
    assert describe(project).variables["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_an_upstream_that_runs_has_its_connection(project: Path, state: Path) -> None:
    assert "AIRFLOW_CONN_TOY_API" not in describe(project).variables
    service = environment.start_upstream("toy", project=project, state=state, size=5, seed=6)
    connection = json.loads(describe(project).variables["AIRFLOW_CONN_TOY_API"])
    assert f"{connection['schema']}://{connection['host']}:{connection['port']}" == service.address
    assert connection["conn_type"] == "http"
    assert connection["extra"] == environment.SAMPLE_LIMITS
    assert (state / "toy.json").read_text() == "5 6"


def test_a_sample_says_what_else_its_connection_holds(project: Path, state: Path) -> None:
    folder = project / "sandbox" / "comments"
    folder.mkdir()
    (folder / "__main__.py").write_text(UPSTREAM)
    environment.start_upstream("comments", project=project, state=state)
    connection = json.loads(describe(project).variables["AIRFLOW_CONN_COMMENTS_API"])
    assert connection["password"] == TOKEN
    assert connection["extra"] == {**environment.SAMPLE_LIMITS, "datasets": list(IDS), "catalogue": str(FILE)}


def test_an_upstream_comes_back_on_its_port(project: Path, state: Path) -> None:
    first = environment.start_upstream("toy", project=project, state=state)
    services.stop_all(state)
    assert environment.start_upstream("toy", project=project, state=state).address == first.address


def test_an_upstream_whose_port_was_taken_meanwhile_gets_another(project: Path, state: Path) -> None:
    import socket

    first = environment.start_upstream("toy", project=project, state=state)
    services.stop_all(state)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", environment.port_of(first.address or "")))
        taken.listen()
        second = environment.start_upstream("toy", project=project, state=state)
    assert second.address != first.address


def test_an_unknown_source_is_refused_and_the_known_are_named(project: Path) -> None:
    with pytest.raises(SetupError, match=r"no sample upstream 'ctgvo'; there are: toy\."):
        environment.prepare(["ctgvo"], project=project)


def test_a_folder_that_cannot_be_written_is_named(project: Path) -> None:
    (project / ".lastgood").write_text("a file")
    with pytest.raises(SetupError, match=r"\.lastgood cannot be written"):
        describe(project)
    with pytest.raises(SetupError, match=r"\.lastgood cannot be made"):
        environment.prepare(project=project)


def test_a_full_disk_is_told_before_anything_starts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 3 * 2**20

    monkeypatch.setattr(environment.shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(SetupError, match="has 3 MB left and the sandbox needs 500 MB: make room"):
        environment.prepare(project=project)


def test_down_where_nothing_was_started_does_nothing(project: Path) -> None:
    assert environment.down(project) == []


def test_what_is_printed_meanwhile_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    os.write(1, b"before\n")
    with environment.output_to(tmp_path / "logs" / "x.log"):
        os.write(1, b"inside\n")
        os.system("echo from a child >&2")
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "before\nafter\n"
    assert (tmp_path / "logs" / "x.log").read_text() == "inside\nfrom a child\n"


@pytest.mark.parametrize(
    "arguments", [["airflow", "dags", "list"], ["lastgood", "status"], ["sql", "SELECT 1"]]
)
def test_where_the_sandbox_is_down_each_command_says_how_to_start_it(
    arguments: list[str], state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    described = environment.describe(state=state)
    monkeypatch.setattr(environment, "describe", lambda *_, **__: described)
    assert ui.main(arguments) == 1
    assert capsys.readouterr() == ("", "The sandbox is down: start it with `make run` or `make ui`.\n")


def test_help_is_had_while_the_sandbox_is_down(capfd: pytest.CaptureFixture[str], state: Path) -> None:
    assert ui.lastgood(["--help"], state=state).returncode == 0
    assert "rollback" in capfd.readouterr().out


def test_a_statement_is_run_by_psql(capfd: pytest.CaptureFixture[str], state: Path) -> None:
    postgres.start(state / "postgres")
    try:
        assert ui.sql("SELECT 'it''s' AS said", state=state).returncode == 0
        assert capfd.readouterr().out == " said \n------\n it's\n(1 row)\n\n"
        assert ui.sql("SELECT nothing", state=state).returncode == 1
    finally:
        postgres.stop(state / "postgres")


def test_the_ui_says_where_it_is_and_how_a_paused_dag_is_started(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    described = environment.describe(state=state, ui_port=8123)
    monkeypatch.setattr(ui, "up", lambda **_: described)
    assert ui.main(["up", "--port", "8123"]) == 0
    said = capsys.readouterr().out
    assert "http://127.0.0.1:8123" in said and f"admin / {described.password}" in said
    assert "paused" in said and 'make airflow ARGS="dags unpause ctgov"' in said
