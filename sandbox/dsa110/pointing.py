"""Where the sky is: directions towards sources while the telescope stands still and the sky drifts by."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from astropy import units
from astropy.coordinates import ICRS, HADec, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from sandbox.dsa110.array import Array, Floats

# Earth orientation comes with astropy-iers-data: nothing is fetched, and a date after its end takes the last
iers.conf.auto_download = False
iers.conf.auto_max_age = None
iers.conf.iers_degraded_accuracy = "ignore"

INTEGRATION = 12.885
"""Seconds that one integration takes."""
_UNIX_EPOCH_JD = 2440587.5
_DAY = 86400.0


def julian(moment: datetime) -> float:
    """Julian date in UTC of a moment."""
    return moment.timestamp() / _DAY + _UNIX_EPOCH_JD


def moment(jd: float) -> datetime:
    """The moment of a Julian date in UTC."""
    return datetime.fromtimestamp((jd - _UNIX_EPOCH_JD) * _DAY, UTC)


def middles(start: datetime, count: int) -> Floats:
    """Julian dates of the middles of so many integrations from `start`."""
    return julian(start) + (np.arange(count) + 0.5) * (INTEGRATION / _DAY)


def directions(array: Array, jd: Floats, ra: Floats, dec: Floats) -> Floats:
    """Unit vectors towards sources, along the axes of Array.meridional; shape (times, sources, 3).

    Precession, nutation, aberration and the Earth's orientation are in them; refraction is not.

    Args:
        array: where it is seen from.
        jd: Julian dates in UTC, shape (times).
        ra, dec: ICRS in radians, shape (sources).
    """
    frame = HADec(obstime=Time(jd[:, None], format="jd", scale="utc"), location=array.location)
    sky = SkyCoord(ra[None, :] * units.rad, dec[None, :] * units.rad, frame=ICRS())
    # astropy wants one shape; it works out the Earth's part once for each time all the same
    seen = sky.transform_to(frame)
    return towards(seen.ha.to_value(units.rad), seen.dec.to_value(units.rad))


def towards(hour_angle: Floats, declination: Floats) -> Floats:
    """Unit vectors of hour angles and apparent declinations in radians, the axes last."""
    along = np.cos(declination)
    return np.stack([along * np.cos(hour_angle), -along * np.sin(hour_angle), np.sin(declination)], axis=-1)


def on_meridian(array: Array, jd: float, declination: float) -> tuple[float, float]:
    """ICRS right ascension and declination, in radians, of hour angle 0 and an apparent declination."""
    frame = HADec(obstime=Time(jd, format="jd", scale="utc"), location=array.location)
    sky = SkyCoord(0 * units.rad, declination * units.rad, frame=frame).transform_to(ICRS())
    return float(sky.ra.to_value(units.rad)), float(sky.dec.to_value(units.rad))


def uvw(array: Array, declination: float) -> Floats:
    """Positions of the stations in metres along u, v, w at hour angle 0 and this apparent declination in radians."""
    towards_meridian, east, pole = array.meridional().T
    cos, sin = np.cos(declination), np.sin(declination)
    return np.stack([east, cos * pole - sin * towards_meridian, cos * towards_meridian + sin * pole], axis=1)
