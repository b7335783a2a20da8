"""`make test`: every check in one go, and at the end what each one said.

python -m sandbox.checks [--only lint|types|imports|tests] [--since COMMIT] [--coverage] [arguments of pytest]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from sandbox import changed
from sandbox.environment import PROJECT

RECORDINGS = PROJECT.parent / "shared" / "data"
IMAGING = PROJECT / ".venv-imaging" / "bin" / "python"
RESULTS = PROJECT / ".pytest_cache" / "results.xml"

# Whole files to each process, in the order of tests/conftest.py
SHARED_OUT = ("--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile", "--no-loadscope-reorder")
PYTEST = ("pytest", *SHARED_OUT, f"--junitxml={RESULTS}")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
IMPORT_LINTER = "from importlinter.cli import lint_imports_command; lint_imports_command()"

MEASURED = ("--cov=include", "--cov=plugins", "--cov-report=")
# The least share of lines and branches that tests must run, in percent, by what is looked at
FLOORS = {"include/publishing/*": 95, "include/quality/*": 95, "*": 85}
REPORT = ("-m", "coverage", "report", "--skip-covered", "--skip-empty")

# Checks by name, each a list of commands of this Python
CHECKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "lint": (("-m", "ruff", "check", "."), ("-m", "ruff", "format", "--check", ".")),
    "types": (("-m", "mypy"),),
    "imports": (("-c", IMPORT_LINTER),),
    "tests": (("-m", *PYTEST),),
    "coverage": tuple(
        (*REPORT, f"--include={paths}", f"--fail-under={percent}") for paths, percent in FLOORS.items()
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What one check said."""

    name: str
    passed: bool
    seconds: float


@dataclass(frozen=True)
class Counts:
    """How many tests ended how."""

    passed: int
    failed: int
    skipped: int

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run(name: str, arguments: list[str]) -> Outcome:
    """Run one check, its output going to the terminal."""
    print(f"\n== {name} ==", flush=True)
    begun = time.monotonic()
    search_path = os.pathsep.join([str(PROJECT), str(PROJECT / "plugins")])
    codes = [
        subprocess.run(
            [sys.executable, *command, *(arguments if name == "tests" else [])],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": search_path},
            check=False,
        ).returncode
        for command in CHECKS[name]
    ]
    return Outcome(name, not any(codes), time.monotonic() - begun)


def counts(results: Path) -> Counts:
    """Read pytest's result file; a test that broke before it began has failed."""
    suites = list(ElementTree.parse(results).getroot().iter("testsuite"))  # noqa: S314 (pytest wrote it)

    def total(attribute: str) -> int:
        return sum(int(suite.get(attribute, "0")) for suite in suites)

    failed, skipped = total("failures") + total("errors"), total("skipped")
    return Counts(total("tests") - failed - skipped, failed, skipped)


def summary(outcomes: list[Outcome], found: Counts | None) -> str:
    """The closing lines."""
    lines = ["", "== summary =="]
    for outcome in outcomes:
        verdict = "passed" if outcome.passed else "FAILED"
        lines.append(f"{outcome.name:<9} {verdict} in {outcome.seconds:6.1f} s")
    if found is not None:
        where = os.path.relpath(RECORDINGS, PROJECT)
        there = f"found in {where}, their tests ran"
        absent = f"NOT found in {where}, their tests were skipped"
        lines.append(f"recordings {there if RECORDINGS.is_dir() else absent}")
        browser = chromium()
        lines.append(
            f"browser   found in {browser}, the tests of pages ran"
            if browser
            else "browser   NOT found, the tests of pages were skipped: install chromium"
        )
        lines.append(
            f"imaging   found in {os.path.relpath(IMAGING.parents[1], PROJECT)}, its tests ran"
            if can_image()
            else "imaging   NOT found, its tests were skipped: make setup-imaging"
        )
        lines.append(f"tests: {found}")
    return "\n".join(lines)


def chromium() -> str | None:
    """The Chromium or Chrome of this machine, which the tests of pages drive; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def can_image() -> bool:
    """Whether the environment for imaging is there, with the program that makes images."""
    return IMAGING.exists() and shutil.which("wsclean") is not None


def main() -> int:
    """Run the checks; 0 when every one passed."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.checks", description=__doc__)
    parser.add_argument("--only", choices=CHECKS, help="run this check alone")
    parser.add_argument(
        "--coverage", action="store_true", help="measure which lines and branches the tests run"
    )
    parser.add_argument(
        "--since", metavar="COMMIT", help="of the tests, those of what changed since a commit"
    )
    chosen, arguments = parser.parse_known_args()
    names = [chosen.only] if chosen.only else [name for name in CHECKS if name != "coverage"]
    if chosen.since:
        try:
            tests = changed.tests_of(PROJECT, changed.since(PROJECT, chosen.since))
        except changed.NoCommit as error:
            print(error, file=sys.stderr)
            return 2
        print(f"Tests of what changed since {chosen.since}: {' '.join(tests) or 'none'}")
        arguments = ["-m", changed.QUICK, *tests, *arguments]
        if not tests:
            names.remove("tests")
    if chosen.coverage:
        arguments = [*MEASURED, *arguments]
        names.append("coverage")
    RESULTS.unlink(missing_ok=True)
    outcomes = [run(name, arguments) for name in names]
    found = counts(RESULTS) if RESULTS.exists() else None
    print(summary(outcomes, found))
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
