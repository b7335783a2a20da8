"""The command line: every command by its group, in the order in which help lists them."""

from __future__ import annotations

from collections.abc import Sequence

from include.cli.command import app

# They make the commands; those that only look come first.
# isort: split
from include.cli import reading  # noqa: F401

# isort: split
from include.cli import acting  # noqa: F401


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 refused, impossible or bad news, 2 used wrongly."""
    try:
        app(argv, prog_name="lastgood")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0
