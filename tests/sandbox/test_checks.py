"""The closing lines of `make test`: what ran, what failed, and whether the recordings were there."""

from pathlib import Path

import pytest

from sandbox import checks
from sandbox.checks import Counts, Outcome, counts, summary

RESULTS = """<?xml version="1.0" encoding="utf-8"?>
<testsuites>
  <testsuite name="pytest" errors="1" failures="2" skipped="3" tests="20" time="1.5"></testsuite>
</testsuites>
"""


def test_a_test_that_broke_before_it_began_has_failed(tmp_path: Path) -> None:
    (tmp_path / "results.xml").write_text(RESULTS)
    assert counts(tmp_path / "results.xml") == Counts(passed=14, failed=3, skipped=3)


def test_the_last_line_is_the_counts_alone() -> None:
    text = summary([Outcome("lint", True, 1.0), Outcome("tests", False, 2.0)], Counts(14, 3, 3))
    assert text.splitlines()[-1] == "tests: 14 passed, 3 failed, 3 skipped"
    assert "lint      passed in    1.0 s" in text
    assert "tests     FAILED in    2.0 s" in text


@pytest.mark.parametrize(("there", "words"), [(True, "found in"), (False, "NOT found in")])
def test_it_says_whether_the_recordings_were_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool, words: str
) -> None:
    monkeypatch.setattr(checks, "RECORDINGS", tmp_path if there else tmp_path / "absent")
    assert f"\nrecordings {words} " in summary([], Counts(1, 0, 0))


@pytest.mark.parametrize(("found", "words"), [("/usr/bin/chromium", "found in /usr"), (None, "NOT found")])
def test_it_says_whether_there_was_a_browser(
    monkeypatch: pytest.MonkeyPatch, found: str | None, words: str
) -> None:
    monkeypatch.setattr(checks, "chromium", lambda: found)
    assert f"\nbrowser   {words}" in summary([], Counts(1, 0, 0))


@pytest.mark.parametrize(("there", "words"), [(True, "found in .venv-imaging"), (False, "NOT found")])
def test_it_says_whether_there_was_an_environment_for_imaging(
    monkeypatch: pytest.MonkeyPatch, there: bool, words: str
) -> None:
    monkeypatch.setattr(checks, "can_image", lambda: there)
    assert f"\nimaging   {words}" in summary([], Counts(1, 0, 0))


def test_without_tests_there_are_no_counts() -> None:
    assert "tests:" not in summary([Outcome("lint", True, 1.0)], None)


def test_a_check_fails_when_one_of_its_commands_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checks.CHECKS, "lint", (("-c", "raise SystemExit(1)"), ("-c", "pass")))
    monkeypatch.setitem(checks.CHECKS, "types", (("-c", "pass"), ("-c", "pass")))
    assert not checks.run("lint", []).passed
    assert checks.run("types", []).passed


def test_only_the_tests_are_given_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with_arguments = (("-c", "import sys; sys.exit(len(sys.argv) - 1)"),)
    for name in ("lint", "tests"):
        monkeypatch.setitem(checks.CHECKS, name, fails_with_arguments)
    assert checks.run("lint", ["-k", "x"]).passed
    assert not checks.run("tests", ["-k", "x"]).passed


def test_coverage_is_measured_where_it_is_asked_for_and_its_floor_is_a_check(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[tuple[str, list[str]]] = []

    def run(name: str, arguments: list[str]) -> Outcome:
        ran.append((name, arguments))
        return Outcome(name, name != "coverage", 1.0)

    monkeypatch.setattr(checks, "run", run)
    monkeypatch.setattr(checks, "RESULTS", tmp_path / "results.xml")
    monkeypatch.setattr("sys.argv", ["checks", "tests/quality"])
    assert checks.main() == 0
    assert [name for name, _ in ran] == ["lint", "types", "imports", "tests"]
    assert ran[-1] == ("tests", ["tests/quality"])
    ran.clear()
    monkeypatch.setattr("sys.argv", ["checks", "--coverage", "tests/quality"])
    assert checks.main() == 1
    assert [name for name, _ in ran] == ["lint", "types", "imports", "tests", "coverage"]
    assert ran[-2] == ("tests", [*checks.MEASURED, "tests/quality"])


def test_what_publishes_and_what_judges_has_a_higher_floor_than_the_rest() -> None:
    reports = [" ".join(command) for command in checks.CHECKS["coverage"]]
    assert any("--include=include/publishing/* --fail-under=95" in each for each in reports)
    assert any("--include=include/quality/* --fail-under=95" in each for each in reports)
    assert any("--include=* --fail-under=85" in each for each in reports)
