"""A new source is laid out from the page, under its own name."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import new_source

ROOT = Path(__file__).resolve().parents[2]


def test_every_file_of_the_page_is_written_under_the_new_name() -> None:
    made = new_source.files(ROOT, "river_levels")
    assert {str(path) for path in made} == {
        *(
            f"include/sources/river_levels/{name}.py"
            for name in ("__init__", "source", "tables", "extract", "build")
        ),
        "soda/river_levels/river_levels.yml",
        "dags/river_levels.py",
        *(f"sandbox/river_levels/{name}.py" for name in ("__init__", "__main__")),
        "tests/sources/river_levels/test_river_levels.py",
    }
    for path, text in made.items():
        assert "stations" not in text.replace("Weather stations", "").replace("weather stations", ""), path
        if path.suffix == ".py":
            ast.parse(text)
    assert "class RiverLevels:" in made[Path("include/sources/river_levels/source.py")]


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / new_source.PAGE).write_bytes((ROOT / new_source.PAGE).read_bytes())
    made = new_source.lay_out(tmp_path, "rivers")
    (tmp_path / made[0]).write_text("mine", encoding="utf-8")
    with pytest.raises(new_source.NotLaidOut, match="is there already; nothing was written"):
        new_source.lay_out(tmp_path, "rivers")
    assert (tmp_path / made[0]).read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("name", ["", "../x", "Rivers", "9lives", "a" * 40, "x"])
def test_a_name_that_cannot_be_one_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(new_source.NotLaidOut, match="cannot be a source's name"):
        new_source.lay_out(tmp_path, name)


def test_its_test_fails_until_the_example_is_gone(tmp_path: Path) -> None:
    for folder in ("include", "docs", "sandbox"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "images")
        )
    ran = subprocess.run(
        [sys.executable, "-m", "sandbox.new_source", "rivers"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "wrote include/sources/rivers/source.py\n" in ran.stdout
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 1
    assert "say in include/sources/rivers/source.py what the source is" in tested.stdout
    assert "write down one record of each kind" in tested.stdout
