"""The primary beam of a dish: an unblocked, evenly lit aperture (Airy), the same for both polarisations."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import j1

LIGHT = 299_792_458.0
TINY = 1e-6
"""Below it the pattern is 1 in double precision."""
Floats = npt.NDArray[np.floating]


def power(separation: Any, frequency: Any, dish: float) -> Floats:
    """Share of a source's flux that visibilities hold, 0 to 1.

    `separation` is the angle from the pointing in radians, `frequency` in Hz, `dish` the diameter in metres; arrays are
    broadcast. The square of the voltage beam, since both antennas of a baseline are equal.
    """
    x = np.pi * dish * np.sin(np.asarray(separation)) * np.asarray(frequency) / LIGHT
    small = np.abs(x) < TINY
    safe = np.where(small, 1.0, x)
    return np.asarray(np.where(small, 1.0, (2 * j1(safe) / safe) ** 2))


def separation(ra: Any, dec: Any, ra0: Any, dec0: Any) -> Floats:
    """Angle between directions in radians; all in degrees, arrays are broadcast."""
    a, d, a0, d0 = (np.radians(np.asarray(each, float)) for each in (ra, dec, ra0, dec0))
    half = np.sin((d - d0) / 2) ** 2 + np.cos(d) * np.cos(d0) * np.sin((a - a0) / 2) ** 2
    return np.asarray(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


def mean_power(
    ra: Any, dec: Any, pointing_ra: Floats, pointing_dec: Floats, frequencies: Floats, dish: float
) -> Floats:
    """The beam that an image of a drifting tile has: the mean over its times and frequencies.

    `ra` and `dec` may have any shape. It is the beam of sources at rest on the sky: each visibility counts the same.
    """
    ra, dec = np.asarray(ra), np.asarray(dec)
    total = np.zeros(np.broadcast(ra, dec).shape)
    some = np.linspace(frequencies.min(), frequencies.max(), 5)
    for ra0, dec0 in zip(pointing_ra, pointing_dec, strict=True):
        away = separation(ra, dec, ra0, dec0)
        for frequency in some:
            total += power(away, frequency, dish)
    return total / (len(pointing_ra) * len(some))
