"""What PubChem says about its load in every answer, and when it refuses (docs/upstreams/pubchem.md)."""

import time
from collections.abc import Callable

HEADER = "X-Throttling-Control"
PER_SECOND = 5
_REFUSED = ", too many requests per second or blacklisted"
_LIGHTS = ((100, "Black"), (76, "Red"), (50, "Yellow"), (0, "Green"))

Load = tuple[int, int, int]
"""Percent of the allowed number of requests, of the allowed running time, and of the whole service."""
USUAL: Load = (0, 0, 20)


def header(load: Load, *, refused: bool = False) -> str:
    """The value of X-Throttling-Control; it says nothing of a refusal but for a suffix."""
    names = ("Request Count status", "Request Time status", "Service status")
    parts = [f"{name}: {_light(percent)} ({percent}%)" for name, percent in zip(names, load, strict=True)]
    return ", ".join(parts) + (_REFUSED if refused else "")


def _light(percent: int) -> str:
    return next(light for least, light in _LIGHTS if percent >= least)


class Quota:
    """5 requests a second, as a bucket that holds 5 and fills at this rate. Not safe for threads.

    The other limit of 400 requests a minute is kept by everybody who keeps this one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._level, self._at = float(PER_SECOND), clock()

    def takes(self) -> bool:
        """Whether one more request is within the quota; one that is not costs nothing."""
        now = self._clock()
        self._level = min(PER_SECOND, self._level + (now - self._at) * PER_SECOND)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True
