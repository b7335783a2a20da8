"""Samples made on the command line, and the truth beside them."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import imaging_environment

ORDERS = Path(__file__).with_name("orders.py")


def order(*orders: Sequence[str | Path]) -> list[tuple[int, str]]:
    """Give orders, each an inbox and its arguments, one after the other in one process, which imports for seconds.

    Returns:
        For each its exit code, and what it said on standard output and error.
    """
    given = [[str(argument) for argument in each] for each in orders]
    return [(code, said) for code, said in imaging_environment.told(ORDERS, json.dumps(given))]


def make(*orders: Sequence[str | Path]) -> None:
    """Give orders that succeed."""
    for code, said in order(*orders):
        assert code == 0, said


def truth(inbox: Path) -> Any:
    """What truth.json says."""
    return json.loads(beside(inbox, "truth.json").read_text())


def beside(inbox: Path, name: str) -> Path:
    """A file of the folder beside an inbox."""
    return inbox.with_name(f"{inbox.name}-sky") / name


def contents(inbox: Path) -> dict[str, str]:
    """SHA-256 of each file by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(inbox.iterdir())}
