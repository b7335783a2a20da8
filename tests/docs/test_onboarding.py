"""docs/onboarding.md as a new operator follows it: each command, in order, in one sandbox, says what the page shows."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from include.cli.main import main
from sandbox import environment
from tests.forks import Forks

pytestmark = pytest.mark.airflow
ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "onboarding.md"
COPIED = ("dags", "plugins", "include", "soda", "sandbox", "deploy")
VERSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
MASKS = (
    (r"\btry-[0-9a-f]+", "TRY"),
    (r"\bpart-(\d+)-[0-9a-f]+", r"part-\1"),
    (r'"bytes": \d+', "BYTES"),
    (r"(?:file://)?(?<![\w.])/\S+", "PATH"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: UTC|Z|\+00(?::00)?)?", "TIME"),
    (r"just now|\d+ \w+ (?:\d+ \w+ )?ago|\(\d+ \w+ old\)|\(less than a minute old\)", "AGO"),
    (r"\b\d+(?:\.\d+)? s\b|(?<=seconds )\s*\d+\.\d+", "SECONDS"),
    (r"\d+(?:\.\d+)? [kM]B", "SIZE"),
    (r"-{3,}[-+]*", "---"),
    (r"\s+", " "),
)
SKIPPED = "…"


@dataclass
class Exercise:
    """The sandbox, and what stands for the versions and variables of the page."""

    project: Path
    runs: Forks
    ids: dict[str, str] = field(default_factory=dict)
    variables: list[str] = field(default_factory=list)

    def do(self, command: str, capsys: pytest.CaptureFixture[str]) -> str:
        """What a command of the page prints."""
        command = VERSION.sub(lambda found: self.ids[found[0]], command)
        words = shlex.split(command, comments=True)
        if words[:2] == ["make", "run"]:
            (sources,) = words[2:]
            arguments = sources.removeprefix("SOURCES=").split()
            return self.runs.run(arguments, self.project / "output-of-run").stdout
        if words[0] == "bin/lastgood":
            typed, _, rest = command.partition(" | ")
            capsys.readouterr()
            main(shlex.split(typed)[1:])
            printed = "".join(capsys.readouterr())
            return self._shell(rest, printed) if rest else printed
        if words[:2] == ["make", "sql"]:
            command = f"{sys.executable} -m sandbox.ui sql {shlex.quote(words[2].removeprefix('SQL='))}"
        elif re.match(r"[A-Z]+=", command):
            self.variables.append(command)
        command = re.sub(r"(?<!\S)\.venv/bin/python", sys.executable, command)
        return self._shell("\n".join([*self.variables, command]), "")

    def _shell(self, line: str, given: str) -> str:
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.project,
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.stdout + done.stderr

    def compare(self, shown: str, printed: str) -> None:
        """Raise AssertionError where a command printed something else; learn the versions."""
        wanted, said = ([line for line in text.splitlines() if line.strip()] for text in (shown, printed))
        position = 0
        for number, line in enumerate(wanted):
            if line.strip() == SKIPPED:
                follows = masked(wanted[number + 1]) if number + 1 < len(wanted) else None
                rest = [masked(each) for each in said[position:]]
                position += rest.index(follows) if follows in rest else len(rest)
                continue
            assert position < len(said), f"the page shows {line!r}, and nothing more came:\n{printed}"
            found = said[position]
            whole, new = masked(line), masked(found.replace(getpass.getuser(), "root"))
            same = new.startswith(whole.rstrip(SKIPPED)) if whole.endswith(SKIPPED) else new == whole
            assert same, f"the page shows\n{whole}\nand it printed\n{new}\nin\n{printed}"
            self.ids.update(zip(VERSION.findall(line), VERSION.findall(found), strict=False))
            position += 1
        assert position == len(said), f"the page shows {shown}\nand it printed\n{printed}"


def masked(line: str) -> str:
    """A line without what differs each time."""
    line = VERSION.sub("VERSION", line)
    for pattern, name in MASKS:
        line = re.sub(pattern, name, line)
    return line.strip()


def steps() -> list[tuple[str, str]]:
    """The page's commands in order, each with the output that is pasted below it."""
    blocks = re.findall(r"^```\n(\$ .*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [
        (command, output)
        for block in blocks
        for command, _, output in (part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.M)[1:])
    ]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exercise]:
    """A copy of the project with its sandbox; the runs of its sources are forked from one process."""
    project = tmp_path_factory.mktemp("onboarding")
    for name in COPIED:
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "forks.py", project / "tests")
    shutil.copy(Path(__file__).with_name("ready_run.py"), project)
    try:
        with (
            contextlib.chdir(project),
            Forks("ready_run", {**os.environ, "PYTHONPATH": str(project)}) as runs,
        ):
            yield Exercise(project, runs)
    finally:
        environment.down(project)


def test_six_exercises_with_commands_that_teach_something() -> None:
    text = PAGE.read_text(encoding="utf-8")
    exercises = re.split(r"^## \d\. ", text, flags=re.MULTILINE)[1:]
    assert len(exercises) == 6
    for exercise in exercises:
        assert "\n$ " in exercise and "**What it teaches.**" in exercise


@pytest.mark.timeout(900)
def test_the_exercises_print_what_the_page_shows(
    sandbox: Exercise, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    described: environment.Environment | None = None
    for command, output in steps():
        if described is None and command.startswith("bin/lastgood"):
            described = environment.describe(sandbox.project)
            monkeypatch.setenv("LASTGOOD_ROOT", described.store_uri)
            monkeypatch.setenv("LASTGOOD_REGISTRY", described.registry_dsn)
        printed = sandbox.do(command, capsys)
        try:
            sandbox.compare(output, printed)
        except AssertionError as error:
            error.add_note(f"docs/onboarding.md: {command}")
            raise
    _, second, *_ = sorted(sandbox.ids)
    assert _files(sandbox.project, sandbox.ids[second]) == _tree_of_the_architecture()


def _files(project: Path, version: str) -> set[str]:
    """What a version of ctgov has in the store, without what differs each time."""
    store = project / ".lastgood" / "store"
    folders = [store / "raw" / "ctgov" / version, store / "versions" / "ctgov" / version]
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {masked(str(path.relative_to(store))) for path in [*found, store / "latest" / "ctgov.json"]}


def _tree_of_the_architecture() -> set[str]:
    """The files that docs/architecture.md shows of a second run."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"<!-- files of a run -->\n```\n(.*?)```", text, re.DOTALL)
    folders: list[str] = []
    found = set()
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        folders = [*folders[:depth], line.strip()]
        if not line.endswith("/"):
            found.add(masked("".join(folders)))
    return found
