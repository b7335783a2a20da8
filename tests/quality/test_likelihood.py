"""How likely a loss is by chance."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.quality import likelihood


@given(arrived=st.integers(1, 60), filled=st.integers(0, 60), usual=st.floats(0, 1, allow_nan=False))
def test_the_chance_bounds_that_of_the_binomial_distribution(arrived: int, filled: int, usual: float) -> None:
    filled = min(filled, arrived)
    found = likelihood.chance(arrived, filled, usual)
    share = min(usual, likelihood.SUREST)
    exact = math.fsum(
        math.comb(arrived, each) * share**each * (1 - share) ** (arrived - each) for each in range(filled + 1)
    )
    assert 0 <= found <= 1
    assert found >= exact - 1e-12


@pytest.mark.parametrize(("usual", "least"), [(1.0, 5), (0.8, 9), (0.5, 20)])
def test_so_many_things_must_arrive_until_a_loss_shows(usual: float, least: int) -> None:
    assert likelihood.chance(least, 0, usual) < 1e-6 <= likelihood.chance(least - 1, 0, usual)
