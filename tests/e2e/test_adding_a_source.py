"""docs/adding_a_source.md, followed to the letter: its code in a copy of the project, run by Airflow."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from include.publishing import mirror
from include.publishing.registry import Registry
from include.publishing.store import Store

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = ("dags", "plugins", "include", "soda")
FILE = re.compile(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", re.DOTALL)


def test_the_pages_source_runs_and_is_promoted_without_an_edit_elsewhere(
    tmp_path: Path,
    run_dag: Callable[..., subprocess.CompletedProcess[str]],
    store: Store,
    registry: Registry,
    httpserver: HTTPServer,
) -> None:
    project = tmp_path / "project"
    for folder in DEPLOYED:
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = {path for path in project.rglob("*") if path.is_file()}
    page = (ROOT / "docs" / "adding_a_source.md").read_text(encoding="utf-8")
    files = dict(FILE.findall(page))
    assert set(files) == {
        *(f"include/sources/stations/{name}.py" for name in ("spec", "tables", "extract", "build")),
        "soda/stations/stations.yml",
        "dags/stations.py",
    }
    for name, text in {**files, "include/sources/stations/__init__.py": '"""Stations."""\n'}.items():
        path = project / name
        assert path not in before, "a new source edits nothing that is there"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    stations = [{"id": number, "name": f"Station {number}"} for number in range(1, 8)]

    def answer(request: Request) -> Response:
        page = int(request.args["page"])
        chosen = stations[(page - 1) * 3 : page * 3]
        following = page + 1 if page * 3 < len(stations) else None
        body = {"total": len(stations), "stations": chosen, "next": following}
        return Response(json.dumps(body), content_type="application/json")

    httpserver.expect_request("/stations").respond_with_handler(answer)
    ran = run_dag("stations", httpserver.url_for(""), project)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    pointer = mirror.read_pointer(store, "stations")
    assert pointer is not None
    files_of = [file.path for table in pointer.tables for file in table.files]
    assert [row["name"] for row in store.dataset(files_of).to_table().to_pylist()] == [
        s["name"] for s in stations
    ]
    with registry.cursor() as cursor:
        cursor.execute("SELECT count(*) AS n FROM published.stations_stations")
        assert cursor.fetchone() == {"n": 7}
