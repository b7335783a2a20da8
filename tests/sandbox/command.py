"""The command line of a sample upstream, as a person runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Command:
    """`python -m sandbox.SOURCE`."""

    source: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._line(arguments), cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
        )

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
        """The address that a served sample prints, and its process, which is killed at the end."""
        with subprocess.Popen(
            self._line(arguments), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                ready, _, url = process.stdout.readline().strip().partition(" ")
                assert ready == "READY"
                yield url, process
            finally:
                process.kill()

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", f"sandbox.{self.source}", *arguments]
