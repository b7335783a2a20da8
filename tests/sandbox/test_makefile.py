"""The Makefile: its list of targets, and that it works where nothing was prepared."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.lock import PROJECT

TARGETS = {
    "airflow",
    "drill",
    "lastgood",
    "help",
    "run",
    "sql",
    "advance",
    "ui",
    "down",
    "clean",
    "test",
    "coverage",
    "check",
    "test-airflow",
    "test-imaging",
    "setup-imaging",
    "soak",
    "lint",
    "types",
    "imports",
    "bench",
    "docs",
    "page",
    "lock",
    "env",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a space in its name that holds the Makefile only."""
    project = tmp_path / "my project"
    project.mkdir()
    shutil.copy(PROJECT / "Makefile", project)
    return project


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # `make test` runs these tests: its own make must not speak to this one
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=project,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_a_target_it_shows_every_target_with_a_line(project: Path) -> None:
    lines = make(project).stdout.splitlines()
    assert {line.split()[1] for line in lines} == TARGETS
    assert all(re.fullmatch(r"make [a-z-]+ +[A-Z].+", line) for line in lines)


def test_no_target_is_mistaken_for_a_file_of_its_name(project: Path) -> None:
    phony = re.findall(r"(?m)^\.PHONY: (.*)$", (project / "Makefile").read_text())
    assert set(phony[0].split()) >= TARGETS


def test_down_and_clean_work_where_nothing_was_started(project: Path) -> None:
    assert make(project, "down").stdout == "Nothing was running.\n"
    (project / ".venv").mkdir()
    done = make(project, "clean")
    assert done.returncode == 0
    assert done.stdout == "Nothing was running.\nRemoved .lastgood and .venv.\n"
    assert sorted(path.name for path in project.iterdir()) == ["Makefile"]


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["run"], ".venv/bin/python -m sandbox.run  "),
        (
            ["run", "SOURCES=ctgov pubchem", "SIZE=9"],
            ".venv/bin/python -m sandbox.run --size 9 ctgov pubchem",
        ),
        (["ui", "PORT=9090"], ".venv/bin/python -m sandbox.ui up --port 9090"),
        (["airflow", "ARGS=dags list -o json"], ".venv/bin/python -m sandbox.ui airflow dags list -o json"),
        (
            ["lastgood", "ARGS=rollback ctgov --reason 'wrong unit'"],
            ".venv/bin/python -m sandbox.ui lastgood rollback ctgov --reason 'wrong unit'",
        ),
        (["drill"], ".venv/bin/python -m sandbox.drill.main"),
        (["soak"], ".venv/bin/python -m tests.soak "),
        (
            ["soak", "SOAK=--seed 7 --from 12 --rounds 1"],
            ".venv/bin/python -m tests.soak --seed 7 --from 12 --rounds 1",
        ),
        (["docs"], ".venv/bin/python -m docs.generate"),
        (["sql"], '.venv/bin/python -m sandbox.ui sql "$SQL"'),
        (["advance", "SOURCES=ctgov"], ".venv/bin/python -m sandbox.ui advance ctgov"),
        (
            ["test-airflow", "TESTS=tests/dags"],
            ".venv-airflow-3.2.1/bin/python -m sandbox.checks --only tests tests/dags",
        ),
        (["test-airflow"], "sh sandbox/setup.sh dev-airflow-3.2.1 .venv-airflow-3.2.1"),
        (["setup-imaging"], "sh sandbox/setup.sh imaging .venv-imaging"),
        (["test-imaging"], '.venv/bin/python -m sandbox.checks --only tests -m "imaging or imaging_long" '),
        (["test", "TESTS=tests/publishing -x"], ".venv/bin/python -m sandbox.checks tests/publishing -x"),
        (
            ["coverage", "TESTS=tests/quality"],
            ".venv/bin/python -m sandbox.checks --coverage tests/quality",
        ),
        (["lock"], ".venv/bin/python -m deploy.lock "),
        (["lock", "LOCK=--upgrade"], ".venv/bin/python -m deploy.lock --upgrade"),
    ],
)
def test_variables_reach_the_commands(project: Path, arguments: list[str], command: str) -> None:
    assert command in make(project, "--dry-run", *arguments).stdout.splitlines()


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_variable_of_a_target_is_defined(project: Path, target: str) -> None:
    done = make(project, "--dry-run", "--warn-undefined-variables", target)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_program_of_the_makefile_starts_where_nothing_is_on_pythons_path(project: Path) -> None:
    recipes = make(project, "--dry-run", *sorted(TARGETS - {"clean", "down"})).stdout
    given = re.findall(r"^\.venv/bin/python (?:-m (\S+)|.*)", recipes, re.MULTILINE)
    modules = set(given) - {"pytest"}
    assert len(modules) > 7 and "" not in modules, "a program that is named by its file finds no other module"
    # As `python -m` does, but without doing what they are for
    code = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-c", code, *sorted(modules)],
        cwd=PROJECT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_users_own_modules_and_choice_of_python_do_not_get_in_the_way(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PYTHON", "/usr/bin/python3")
    (project / "sandbox").mkdir()
    (project / "sandbox" / "setup.sh").write_text('echo "${PYTHONPATH-none} $PYTHON $1"\n')
    assert make(project, "setup").stdout == "none /usr/bin/python3 sandbox\n"
    assert make(project, "--dry-run", "lint").stdout.splitlines()[-1].startswith(".venv/bin/python ")


def test_ci_installs_a_browser_and_runs_make_test_on_both_airflows_and_what_images() -> None:
    script = (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert commands[:2] == ["set -eu", 'cd "$(dirname "$0")/.."']
    assert commands[-3:] == [
        "make test COVERAGE=yes",
        "make test-airflow AIRFLOW=3.2.1",
        "exec make test-imaging",
    ]
    (browser,) = re.findall(r"(?s)\nif (.*?)\nfi\n", script)
    assert "command -v chromium" in browser and len(commands) == 5 + len(browser.splitlines()) + 1
