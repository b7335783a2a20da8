"""When a calibrator passes the telescope, which looks at the meridian and lets the sky drift by.

A few seconds are exact enough for choosing among tiles of 309 s, and need no library that the worker has not: sidereal
time of Greenwich by the U.S. Naval Observatory's approximation ("Approximate Sidereal Time"), precession by the
approximate formulae of the Astronomical Almanac (section B).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

LONGITUDE_DEG: Final = -118.283405
"""Of the array's centre, eastward."""
TILE = timedelta(seconds=24 * 12.885)
"""A tile's data are so long."""
_EPOCH = datetime(2000, 1, 1, 12, tzinfo=UTC)
_DEGREES_A_DAY = 360.98564736629
"""The sky turns so far in a day of the clock."""


class Calibrator(msgspec.Struct, frozen=True, kw_only=True):
    """A bright source whose flux is known. Its place is that of the ICRS, in degrees."""

    name: str
    ra_deg: float
    dec_deg: float


def transit(calibrator: Calibrator, near: datetime) -> datetime:
    """The passage of the meridian that is nearest to a moment, right to within 5 seconds between 2000 and 2050."""
    years = (near - _EPOCH) / timedelta(days=365.25)
    ra, dec = math.radians(calibrator.ra_deg), math.radians(calibrator.dec_deg)
    apparent = calibrator.ra_deg + years * (3.07496 + 1.33621 * math.sin(ra) * math.tan(dec)) / 240
    days = (near - _EPOCH) / timedelta(days=1)
    local = 280.46061837 + _DEGREES_A_DAY * days + LONGITUDE_DEG
    ahead = (apparent - local + 180) % 360 - 180
    return near + timedelta(days=ahead / _DEGREES_A_DAY)


def seen_in(tiles: Sequence[datetime], calibrator: Calibrator) -> datetime | None:
    """Of tiles that begin at these moments the one in which a calibrator passes; None where it passes in none.

    Of several, on several days, the one in which it passes nearest to the middle.
    """

    def off(begins: datetime) -> timedelta:
        middle = begins + TILE / 2
        return abs(transit(calibrator, middle) - middle)

    nearest = min(tiles, key=off, default=None)
    return nearest if nearest is not None and off(nearest) <= TILE / 2 else None
