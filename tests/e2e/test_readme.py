"""README's first screen: `make run` three times, in a fresh copy of the project, says what README shows."""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("dags", "plugins", "include", "soda", "sandbox", "deploy")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of what `make run` needs, in a folder with a space in its name; stopped at the end."""
    folder = tmp_path_factory.mktemp("fresh") / "a clone"
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    yield folder
    _sandbox(folder, "sandbox.ui", "down")


def _sandbox(project: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=project,
        env={**environment, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def _shape(output: str) -> list[str]:
    """The lines with every figure, version and place taken out; Airflow takes mapped tasks in any order."""
    text = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{8}|\d{4}-\d\d-\d\dT[\d:]+|/\S+|\.lastgood\S+|\d[\d.]*", "#", output)
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    runs = groupby(lines, key=lambda line: line.startswith("extract "))
    return [line for extracts, run in runs for line in (sorted(run) if extracts else run)]


def _is_trimmed(shown: list[str], full: list[str]) -> bool:
    """Whether the shown lines are the full ones, or some of them where a line says … for those left out."""
    if "…" not in shown:
        return shown == full
    position = shown.index("…")
    head, rest = shown[:position], shown[position + 1 :]
    return full[:position] == head and any(
        _is_trimmed(rest, full[start:]) for start in range(position, len(full) + 1)
    )


@pytest.mark.timeout(3000)
def test_three_runs_publish_everything_then_the_change_then_nothing(project: Path) -> None:
    first = _sandbox(project, "sandbox.run")
    assert first.returncode == 0, first.stdout + first.stderr
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"<!-- output of make run -->\n```\n(.*?)```", readme, re.DOTALL)
    wanted, printed = _shape(shown), _shape(first.stdout)
    assert _is_trimmed(wanted, printed), "README shows another output: paste the new one\n" + "\n".join(
        difflib.unified_diff(wanted, printed, "README.md", "make run", n=1, lineterm="")
    )
    assert re.findall(r"passed, (\d+) warned", first.stdout) == ["0"] * 12, (
        "a newcomer is not warned, on any date"
    )
    pointer = json.loads((project / ".lastgood/store/latest/sofascore.json").read_text(encoding="utf-8"))
    assert pointer["version"] in first.stdout

    # One source tells as much as all of them; the others' later runs are tested by themselves.
    second = _sandbox(project, "sandbox.run", "sofascore")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "the sample upstream moved on by a day" in second.stdout
    assert "passed, 0 warned, 0 failed" in second.stdout
    assert f"(before: {pointer['version']})" in second.stdout

    third = _sandbox(project, "sandbox.run", "sofascore")
    assert third.returncode == 0, third.stdout + third.stderr
    assert third.stdout.count("nothing new: skipped") == 1

    site = json.loads((project / ".lastgood/store/site/clinical/latest.json").read_text(encoding="utf-8"))
    clinical = json.loads((project / ".lastgood/store/latest/clinical.json").read_text(encoding="utf-8"))
    assert site["version"] == clinical["version"]

    unknown = _sandbox(project, "sandbox.run", "nothing")
    assert unknown.returncode == 2 and len(unknown.stderr.strip().splitlines()) == 1
