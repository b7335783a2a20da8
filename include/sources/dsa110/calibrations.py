"""Which calibration a tile gets: by the time of its observation, never by the clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

VALID = timedelta(hours=24)
"""A calibration holds so long before and after the transit of its calibrator."""
DECLINATION_DEG = 1.0
"""A calibration is of the same pointing as a tile whose declination is no farther from its own."""


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """A calibration table that was made."""

    id: str
    transit: datetime
    """When the calibrator was observed."""
    declination_deg: float
    path: str
    """Where the table is."""

    def fits(self, observed: datetime, declination_deg: float) -> bool:
        """Whether it is valid for an observation; exactly 24 hours away is."""
        apart = abs(self.declination_deg - declination_deg)
        return abs(observed - self.transit) <= VALID and apart <= DECLINATION_DEG


def choose(tables: Iterable[Calibrated], observed: datetime, declination_deg: float) -> Calibrated | None:
    """The newest calibration that is valid for an observation; None where none is."""
    fitting = [each for each in tables if each.fits(observed, declination_deg)]
    return max(fitting, key=lambda each: (each.transit, each.id), default=None)
