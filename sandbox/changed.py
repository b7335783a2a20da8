"""Which tests belong to what changed since a commit: tests mirror the tree, so a file's path tells.

`make check` runs them. What starts an Airflow, kills processes or reads the recordings is left to `make test`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

QUICK = "not soak and not airflow and not crash and not recordings and not imaging and not imaging_long"
"""The marks of tests that answer at once."""
ROOTS = {
    "include": "tests",
    "plugins/lastgood": "tests/plugins",
    "plugins": "tests/plugins",
    "sandbox": "tests/sandbox",
    "imaging": "tests/imaging",
    "soda": "tests/soda",
    "dags": "tests/dags",
    "deploy": "tests/deploy",
    "docs": "tests/docs",
    "web": "tests/web",
}
"""Where the tests of a folder are; the first that fits counts."""


class NoCommit(LookupError):
    """Git knows no such commit here; the sentence says what to do."""


def since(project: Path, commit: str) -> list[str]:
    """Files that differ from a commit, or that git does not know yet. Raises NoCommit."""
    lines: list[str] = []
    for command in (("diff", "--name-only", commit, "--"), ("ls-files", "--others", "--exclude-standard")):
        ran = subprocess.run(["git", *command], cwd=project, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise NoCommit(
                f"What changed since {commit!r} cannot be told: {ran.stderr.strip().splitlines()[0]}. "
                "Name a commit that git log shows, as in make check SINCE=HEAD, or run make test."
            )
        lines += ran.stdout.splitlines()
    return sorted(set(lines))


def tests_of(project: Path, changed: Iterable[str]) -> list[str]:
    """The files and folders of tests that mirror changed files, without those inside of another."""
    found = {test for path in changed if (test := _mirror(project, PurePosixPath(path))) is not None}
    return sorted(str(test) for test in found if not any(parent in found for parent in test.parents))


def _mirror(project: Path, path: PurePosixPath) -> PurePosixPath | None:
    """The nearest test of a file: its own, else its folder's, or that of the folder above; None where there is none."""
    if path.parts[0] == "tests":
        own = path if path.name.startswith("test_") else path.parent
        return own if (project / own).exists() and own != PurePosixPath("tests") else None
    for root, tests in ROOTS.items():
        if not path.is_relative_to(root):
            continue
        inside = path.relative_to(root)
        name = inside.stem.removeprefix("lastgood_")
        own = PurePosixPath(tests) / inside.parent / f"test_{name}.py"
        for candidate in (own, *own.parents):
            if candidate == PurePosixPath("tests"):
                return None
            if (project / candidate).exists():
                return candidate
    return None
