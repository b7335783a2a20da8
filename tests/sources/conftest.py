"""What the tests of all sources share: a gate that costs little, where the verdict is not what a test is about."""

from __future__ import annotations

import pytest

from include.quality import contract

ONE_OF = {"ctgov": "removals", "pubchem": "work_list", "sofascore": "match_parts"}
"""The contract by which a light gate judges a source. All of them take longer than all other steps of a small run."""


def lighten(patch: pytest.MonkeyPatch) -> None:
    """Judge by one contract of each source of ONE_OF, until the patch is undone."""
    patch.setattr(
        contract,
        "load_all",
        lambda source, *_: {ONE_OF[source]: contract.CONTRACTS / source / f"{ONE_OF[source]}.yml"},
    )


@pytest.fixture
def light_gate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge by one contract, unless the test bears the mark `whole_gate`."""
    if request.node.get_closest_marker("whole_gate") is None:
        lighten(monkeypatch)
