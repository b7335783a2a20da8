"""What changed tells which tests to run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sandbox import changed
from sandbox.environment import PROJECT


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("include/publishing/promotion.py", "tests/publishing/test_promotion.py"),
        ("include/publishing/policy.py", "tests/publishing"),
        ("include/pipeline.py", "tests/test_pipeline.py"),
        ("include/sources/ctgov/study.py", "tests/sources/ctgov/test_study.py"),
        ("include/sources/ctgov/source.py", "tests/sources/ctgov"),
        ("plugins/lastgood/operators/steps.py", "tests/plugins/operators/test_steps.py"),
        ("plugins/lastgood_listener.py", "tests/plugins/test_listener.py"),
        ("dags/operations/hold.py", "tests/dags"),
        ("soda/pubchem/compounds.yml", "tests/soda/pubchem"),
        ("sandbox/pubchem/world.py", "tests/sandbox/pubchem/test_world.py"),
        ("docs/runbook.md", "tests/docs/test_runbook.py"),
        ("tests/toy/source.py", "tests/toy"),
    ],
)
def test_a_file_has_the_tests_that_mirror_it(path: str, test: str) -> None:
    assert changed.tests_of(PROJECT, [path]) == [test]


def test_what_has_no_tests_and_what_is_gone_asks_for_none() -> None:
    assert changed.tests_of(PROJECT, ["README.md", "tests/test_that_went.py", "tests/conftest.py"]) == []


def test_a_folder_stands_for_what_is_in_it() -> None:
    paths = ["include/publishing/policy.py", "include/publishing/promotion.py"]
    assert changed.tests_of(PROJECT, paths) == ["tests/publishing"]


def test_files_that_git_does_not_know_yet_have_changed_too(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=tmp_path, check=True
        )

    git("init", "-q")
    (tmp_path / "kept.py").write_text("1")
    git("add", "kept.py")
    git("commit", "-qm", "first")
    assert changed.since(tmp_path, "HEAD") == []
    (tmp_path / "kept.py").write_text("2")
    (tmp_path / "new.py").write_text("3")
    assert changed.since(tmp_path, "HEAD") == ["kept.py", "new.py"]
    with pytest.raises(
        changed.NoCommit, match=r"'no-such-commit' cannot be told: fatal: .*make check SINCE=HEAD"
    ):
        changed.since(tmp_path, "no-such-commit")
