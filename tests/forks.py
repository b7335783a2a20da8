"""Processes that are loaded already: `python -m tests.forks MODULE` loads once, and forks a process for each job.

Loading Airflow takes eight seconds and Soda two, of every process. The module has `load()`, which leaves no thread
behind, and `main(*arguments)`, which a job calls. Jobs see nothing of one another: each process begins as the loaded
one was before any ran. Jobs come as lines of JSON, one at a time, and the exit code of each is printed.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Forks:
    """The loaded process, from the pytest side; started by `with`."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self._module = module
        self._environment = dict(environment)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forks", self._module],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # it holds nothing, and Airflow takes seconds to end
        self._process.communicate()

    def run(
        self, arguments: list[str], output: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Call the module's main() in a process of its own; all it prints comes as stdout."""
        assert self._process.stdin is not None and self._process.stdout is not None
        job = {"arguments": arguments, "environment": environment, "output": str(output)}
        print(json.dumps(job), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        said = output.read_text(encoding="utf-8", errors="replace")
        return subprocess.CompletedProcess(arguments, code, said, "")


def _serve(name: str) -> None:
    module = importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is printed by loading is no answer
    module.load()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _do(module, json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _do(module: Any, job: dict[str, Any]) -> None:
    """Be the process of one job; never returns."""
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(source, target)
    if job["environment"] is not None:
        os.environ.clear()
        os.environ.update(job["environment"])
    code = 1
    try:
        code = module.main(*job["arguments"]) or 0
    except BaseException:  # noqa: BLE001 (whatever it is, the test sees it in the output)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
