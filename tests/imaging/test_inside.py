"""Runs tests/imaging/inside with the interpreter for imaging, which has no pytest of its own: it borrows this one's."""

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from sandbox.checks import IMAGING
from sandbox.environment import PROJECT

RUN = """
import sys
sys.path.append(sys.argv.pop(1))  # behind its own packages, which have other versions
import pytest
raise SystemExit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.imaging
def test_in_the_environment_for_imaging() -> None:
    spec = find_spec("pytest")
    assert spec is not None
    assert spec.origin is not None
    done = subprocess.run(
        [
            *(IMAGING, "-W", "ignore", "-c", RUN, Path(spec.origin).parents[1]),
            *("-q", "--noconftest", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib"),
            "tests/imaging/inside",
        ],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
