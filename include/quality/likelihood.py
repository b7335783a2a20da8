"""How likely it is by chance that so few of some things have what such things usually have."""

from __future__ import annotations

import math

SUREST = 0.95
"""Nothing counts as usual more surely: one in twenty may lack it for a reason of its own."""


def chance(arrived: int, filled: int, usual: float) -> float:
    """A bound on how likely no more than `filled` of `arrived` things are filled where the share `usual` of such is.

    Chernoff's bound for independent things, exp(-n KL(filled / n ‖ usual)); it holds for things of different shares
    too, by their mean (Hoeffding, 1956). 1 where not fewer are filled than usual.
    """
    usual, share = min(usual, SUREST), filled / arrived
    if share >= usual:
        return 1.0
    empty = (1 - share) * math.log((1 - share) / (1 - usual))
    return math.exp(-arrived * ((share * math.log(share / usual) if share else 0.0) + empty))
