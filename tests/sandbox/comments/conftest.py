"""A small world, which no test changes."""

from __future__ import annotations

import pytest

from sandbox.comments.world import World


@pytest.fixture(scope="session")
def world() -> World:
    return World(3_000, 7)
