"""Programs of the environment for imaging, which tests start: its packages are not in the environment of the tests."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from sandbox.checks import IMAGING
from sandbox.environment import PROJECT

SECONDS = 600


def start(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run its Python with these arguments and the project on its path, and wait for the end."""
    return subprocess.run(
        [str(IMAGING), *map(str, arguments)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def told(program: Path, *arguments: str | Path) -> Any:
    """What a program tells: JSON on the last line of what it prints. Its failure fails the test with its words."""
    done = start(program, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
