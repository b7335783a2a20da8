"""docs/adding_a_source.md, followed to the letter: its code in a copy of the project, run by Airflow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from include.publishing import manifest as manifests
from include.publishing import pointers
from include.registry.registry import Registry
from include.storage.store import Store

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("dags", "plugins", "include", "soda", "sandbox")
FILE = re.compile(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", re.DOTALL)


def test_the_pages_source_runs_and_is_promoted_without_an_edit_elsewhere(
    tmp_path: Path,
    run_dag: Callable[..., subprocess.CompletedProcess[str]],
    store: Store,
    registry: Registry,
) -> None:
    project = tmp_path / "project"
    for folder in COPIED:
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path for path in project.rglob("*") if path.is_file()}
    page = (ROOT / "docs" / "adding_a_source.md").read_text(encoding="utf-8")
    files = dict(FILE.findall(page))
    assert set(files) == {
        *(f"include/sources/stations/{name}.py" for name in ("source", "tables", "extract", "build")),
        "soda/stations/stations.yml",
        "dags/stations.py",
        "sandbox/stations/__main__.py",
    }
    for folder in ("include/sources/stations", "sandbox/stations"):
        files[f"{folder}/__init__.py"] = '"""Stations."""\n'
    for name, text in files.items():
        path = project / name
        assert path not in before, "a new source edits nothing that is there"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    with sample_upstream(project, tmp_path / "stations.json") as url:
        ran = run_dag("stations", url, project)
        assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
        assert names(store) == [f"Station {number}" for number in range(1, 251)]
        assert requests.get(f"{url}/_sandbox/state", timeout=30).json()["day"] == 0
        moved = requests.post(f"{url}/_sandbox/advance", timeout=30).json()
        assert moved == {"counts": {"new": 1}}
        assert run_dag("stations", url, project).returncode == 0
        assert names(store)[-1] == "Station 251"
    with registry.transaction() as cursor:
        cursor.execute("SELECT count(*) AS n FROM published.stations_stations")
        assert cursor.fetchone() == {"n": 251}


def names(store: Store) -> list[str]:
    pointer = pointers.read_pointer(store, "stations")
    assert pointer is not None
    (entry,) = pointer.tables
    return [row["name"] for row in manifests.dataset(store, entry).to_table().to_pylist()]


@contextmanager
def sample_upstream(project: Path, state: Path) -> Iterator[str]:
    """The page's sample upstream, as `make run` starts it; its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.stations", "--port=0", f"--state={state}"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("READY ").strip()
        finally:
            process.terminate()
