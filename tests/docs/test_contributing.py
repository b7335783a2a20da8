"""docs/contributing.md: its commands run and its migration applies. That its places exist, test_references.py says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from include.registry import connection
from include.registry.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
WHOLE = "tests/test_formatting.py"
"""What is run as it stands; other tests are run by `make test`, so it is enough that they are there."""


def commands() -> list[str]:
    """Every line of the page's blocks of shell."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("command", commands())
def test_a_command_runs(command: str) -> None:
    words = shlex.split(command)
    settings = dict(word.split("=", 1) for word in words if re.match(r"[A-Z]+=", word))
    program, *arguments = words[len(settings) :]
    assert program.startswith(".venv/bin/")
    if "pytest" in arguments and WHOLE not in arguments:
        assert all((ROOT / word).exists() for word in arguments if word.startswith("tests/"))
        return
    if "pytest" in arguments:
        arguments += ["-p", "no:cacheprovider", "-q"]
    elif "mypy" in arguments:
        arguments += ["--version"]  # `make test` checks the types
    elif arguments[:1] == ["format"]:
        arguments += ["--check"]
    here = Path(sys.executable).parent
    done = subprocess.run(
        [here / program.removeprefix(".venv/bin/"), *(word for word in arguments if word != "--fix")],
        cwd=ROOT,
        env={**os.environ, **settings, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_make_knows_what_the_page_calls() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)", PAGE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_ten_changes_have_a_place() -> None:
    table = PAGE.split("## Where to put what", 1)[1].split("\n## ", 1)[0]
    assert table.count("\n| ") - 1 >= 10


def test_the_migration_of_the_page_applies_as_the_next_one(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (text,) = re.findall(r"^   ```python\n   # NNNN_what\.py\n(.*?)^   ```", PAGE, re.MULTILINE | re.DOTALL)
    last = connection.revisions()[-1]
    following = f"{int(last) + 1:04d}"
    code = re.sub("^ {3}", "", text, flags=re.MULTILINE).replace("NNNN", following).replace("MMMM", last)
    copy = tmp_path / "migrations"
    shutil.copytree(connection.MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "versions" / f"{following}_what.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(connection, "MIGRATIONS", copy)

    assert Registry(lambda: psycopg.connect(dsn)).migrate() == following
    with psycopg.connect(dsn) as opened:
        assert opened.execute("SELECT note FROM lastgood.pipeline_run").fetchall() == []
