"""The package as Amazon MWAA and Astronomer lay it out: every DAG, plugin and module is imported there."""

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy import layout
from deploy.lock import PROJECT
from include.sources.source import names

ACTS = ("watch", "recovery", "retention", "backup")
DECISIONS = (
    "accept",
    "rollback",
    "hold",
    "release",
    "rebuild_registry",
    "retry",
    "pin",
    "replay",
    "verify",
    "doctor",
)
OPERATIONS = {f"lastgood_{name}" for name in (*ACTS, *DECISIONS)}
AT_HOME = ("sandbox", "tests", "benchmarks", "docs", "deploy")


@dataclass(frozen=True)
class Laid:
    """A layout on the disk and what Airflow found in it."""

    root: Path
    dags: Path
    plugins: Path
    found: dict[str, Any]


def inspect(root: Path, search_path: list[Path]) -> Laid:
    """Let a new Airflow look at dags/ and plugins/ in this folder, with only these folders on its path."""
    dags, plugins = root / "dags", root / "plugins"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    home = root.parent / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("inspect_layout.py")), str(dags), str(plugins)],
        env={
            **kept,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "SODA_CORE_TELEMETRY_ENABLED": "false",
            "PYTHONPATH": os.pathsep.join(map(str, search_path)),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return Laid(root, dags, plugins, json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def mwaa(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """/usr/local/airflow as MWAA makes it of a bucket: no project root on the path."""
    folder = tmp_path_factory.mktemp("mwaa")
    layout.mwaa(folder / "bucket")
    root = folder / "usr_local_airflow"
    root.mkdir()
    (folder / "bucket" / "dags").rename(root / "dags")
    with zipfile.ZipFile(folder / "bucket" / "plugins.zip") as archive:
        archive.extractall(root / "plugins")
    return inspect(root, [])


@pytest.fixture(scope="module")
def astro(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """/usr/local/airflow as Astronomer makes it of the project: PYTHONPATH."""
    root = tmp_path_factory.mktemp("astro") / "usr_local_airflow"
    layout.astro(root)
    return inspect(root, [root])


@pytest.fixture(params=["mwaa", "astro"])
def laid(request: pytest.FixtureRequest) -> Laid:
    found: Laid = request.getfixturevalue(request.param)
    return found


def test_every_dag_is_imported_without_errors(laid: Laid) -> None:
    assert laid.found["import_errors"] == {}
    assert set(laid.found["dags"]) == {*names(), *OPERATIONS}
    assert "ctgov" in laid.found["dags"]


def test_every_plugin_is_loaded_and_no_library_is_taken_for_one(laid: Laid) -> None:
    assert laid.found["plugin_errors"] == {}
    assert any("lastgood_listener.py" in source for source in laid.found["plugins"])
    for source in laid.found["plugins"]:
        assert source.count("/") == 1, f"{source} lies in a library's folder"


def test_every_module_is_imported_from_the_layout(laid: Laid) -> None:
    modules = laid.found["modules"]
    assert {"lastgood.dag", "include.storage.store", "include.sources.source"} <= set(modules)
    assert {f"include.sources.{source}.source" for source in names()} <= set(modules)
    assert [file for file in modules.values() if not Path(file).is_relative_to(laid.root)] == []


def test_the_project_is_not_on_the_path(laid: Laid) -> None:
    assert str(PROJECT) not in laid.found["path"]


def test_only_dags_and_plugins_are_on_the_path_of_mwaa(mwaa: Laid) -> None:
    own = [entry for entry in mwaa.found["path"] if Path(entry).is_relative_to(mwaa.root)]
    assert sorted(own) == [str(mwaa.dags), str(mwaa.plugins)]


def test_the_contracts_lie_beside_include(laid: Laid) -> None:
    include = Path(laid.found["modules"]["include"]).parent
    shipped = {
        path.relative_to(include.parent).as_posix() for path in (include.parent / "soda").rglob("*.yml")
    }
    assert shipped == {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "soda").rglob("*.yml")}
    for source in names():
        assert [name for name in shipped if name.startswith(f"soda/{source}/")]


def test_what_stays_at_home_is_not_deployed(laid: Laid) -> None:
    for folder in AT_HOME:
        assert not (laid.root / folder).exists()
        assert not (laid.plugins / folder).exists()
    names = {path.name for path in laid.root.rglob("*")}
    assert not {name for name in names if name.endswith(".pyc") or name in {"__pycache__", ".env", ".git"}}


def test_mwaa_installs_under_our_own_constraints(tmp_path: Path) -> None:
    layout.mwaa(tmp_path, airflow="3.3.2")
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert lines[0] == '--constraint "/usr/local/airflow/dags/constraints.txt"'
    assert "\n".join(lines[2:]) + "\n" == (PROJECT / "requirements.txt").read_text()
    constraints = (tmp_path / "dags" / "constraints.txt").read_text()
    assert constraints == (PROJECT / "deploy" / "locks" / "airflow-3.3.2-python-3.12.txt").read_text()


def test_the_same_files_give_the_same_zip(tmp_path: Path) -> None:
    for name in ("one", "two"):
        layout.mwaa(tmp_path / name)
    assert (tmp_path / "one" / "plugins.zip").read_bytes() == (tmp_path / "two" / "plugins.zip").read_bytes()


def test_the_zip_carries_the_list_of_what_is_no_plugin(tmp_path: Path) -> None:
    layout.mwaa(tmp_path)
    with zipfile.ZipFile(tmp_path / "plugins.zip") as archive:
        assert ".airflowignore" in archive.namelist()


@pytest.mark.parametrize(("lay", "file"), [(layout.mwaa, "startup.sh"), (layout.astro, "lastgood.env")])
def test_a_deployment_has_a_name_and_knows_its_commit(lay: Any, file: str, tmp_path: Path) -> None:
    lay(tmp_path / "laid", name="staging", commit="0123abc")
    text = (tmp_path / "laid" / file).read_text()
    script = f"set -a; . {tmp_path / 'laid' / file}; env"
    variables = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env={}
    ).stdout
    assert {"LASTGOOD_ENV=staging", "LASTGOOD_COMMIT=0123abc"} <= set(variables.splitlines()), text
    lay(tmp_path / "another", commit=None)
    assert "LASTGOOD_COMMIT" not in (tmp_path / "another" / file).read_text(), (
        "no commit is known outside of git"
    )
    with pytest.raises(ValueError, match="name of a deployment"):
        lay(tmp_path / "third", name="it's $HOME")


def test_the_commit_is_that_of_the_project(tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(tmp_path)]
    assert layout.commit_of(tmp_path) is None
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert layout.commit_of(tmp_path) == head
    (tmp_path / "x").write_text("")
    subprocess.run([*git, "add", "x"], check=True)
    assert layout.commit_of(tmp_path) == f"{head}-dirty", "what is deployed is no commit"


def test_a_plugin_named_as_a_library_is_refused(tmp_path: Path) -> None:
    for folder in ("dags", "plugins/include", "include", "soda", "deploy/locks"):
        (tmp_path / "project" / folder).mkdir(parents=True)
    (tmp_path / "project" / "plugins" / "include" / "x.py").write_text("")
    (tmp_path / "project" / "dags" / "d.py").write_text("")
    (tmp_path / "project" / "requirements.txt").write_text("")
    (tmp_path / "project" / "deploy" / "locks" / "airflow-3.2.1-python-3.12.txt").write_text("")
    with pytest.raises(ValueError, match="plugins/include would be mixed with include/"):
        layout.mwaa(tmp_path / "bucket", project=tmp_path / "project")


def test_a_folder_that_holds_something_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("")
    for lay in (layout.mwaa, layout.astro):
        with pytest.raises(ValueError, match="holds something already"):
            lay(tmp_path)
