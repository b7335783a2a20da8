"""What the tests of all sources share: a gate that costs little, where the verdict is not what a test is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from include.quality import contract


def lighten(patch: pytest.MonkeyPatch) -> None:
    """Judge each source by its shortest contract, until the patch is undone.

    All of them take longer than all other steps of a small run.
    """

    def shortest(source: str, tables: Sequence[str]) -> dict[str, Path]:
        found = [contract.CONTRACTS / source / f"{table}.yml" for table in tables]
        path = min(found, key=lambda each: each.stat().st_size)
        return {path.stem: path}

    patch.setattr(contract, "load_all", shortest)


@pytest.fixture
def light_gate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge by one contract, unless the test bears the mark `whole_gate`."""
    if request.node.get_closest_marker("whole_gate") is None:
        lighten(monkeypatch)
