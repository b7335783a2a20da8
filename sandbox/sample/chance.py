"""Seeded chance: the same numbers for the same key, whatever was drawn before."""

from collections.abc import Callable
from hashlib import blake2b
from math import exp
from random import Random


class Chance(Random):
    """A stream of random numbers."""

    def happens(self, share: float) -> bool:
        """Whether it is one of the cases of which there is this share."""
        return self.random() < share


def rng(*key: object) -> Chance:
    """A stream of random numbers of its own for a key."""
    return Chance("/".join(map(str, key)))


def share(*key: object) -> float:
    """One number of [0, 1) for a key."""
    digest = blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def pick(below: int, *key: object) -> int:
    """One number from 0 to below - 1 for a key."""
    return int(share(*key) * below)


def poisson(mean: float, draw: Callable[[], float]) -> int:
    """A Poisson number of a small mean."""
    limit, product, count = exp(-mean), draw(), 0
    while product > limit:
        product *= draw()
        count += 1
    return count
