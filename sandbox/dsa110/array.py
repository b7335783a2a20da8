"""The array: where its stations stand and which of them are correlated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units
from astropy.coordinates import EarthLocation
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

LATITUDE, LONGITUDE, HEIGHT = 37.233387, -118.283405, 1188.0
"""Of the array's centre: degrees on WGS 84 and metres."""
DISH = 4.65
"""Diameter in metres."""
_STATIONS = Path(__file__).with_name("stations.csv")
_FEWEST = 3
# Outriggers in the order in which a small choice takes them: the near ones first, so that its beam is wide and round
_OUTRIGGERS = (103, 104, 105, 115, 116, 106, 112, 110, 108, 114, 107, 109, 111, 113)
_ONE_OUTRIGGER_IN = 6
_LAST_EAST_WEST, _LAST_NORTH_SOUTH = 51, 102


@dataclass(frozen=True)
class Array:
    """The stations of the telescope.

    Attributes:
        numbers: as painted on them, from 1; shape (stations).
        east_north_up: metres from the centre; shape (stations, 3).
        active: whether each is correlated at all.
    """

    numbers: NDArray[np.int64]
    east_north_up: Floats
    active: NDArray[np.bool_]

    @property
    def location(self) -> EarthLocation:
        """The centre."""
        return EarthLocation.from_geodetic(LONGITUDE * units.deg, LATITUDE * units.deg, HEIGHT * units.m)

    def terrestrial(self) -> Floats:
        """Positions from the centre in metres along the axes of ITRF, shape (stations, 3)."""
        lat, lon = np.radians([LATITUDE, LONGITUDE])
        east, north, up = self.east_north_up.T
        outwards = np.cos(lat) * up - np.sin(lat) * north
        return np.stack(
            [
                np.cos(lon) * outwards - np.sin(lon) * east,
                np.sin(lon) * outwards + np.cos(lon) * east,
                np.cos(lat) * north + np.sin(lat) * up,
            ],
            axis=1,
        )

    def meridional(self) -> Floats:
        """Positions in metres towards the meridian on the equator, the east and the pole, shape (stations, 3)."""
        lat = np.radians(LATITUDE)
        east, north, up = self.east_north_up.T
        towards, pole = np.cos(lat) * up - np.sin(lat) * north, np.cos(lat) * north + np.sin(lat) * up
        return np.stack([towards, east, pole], axis=1)

    def chosen(self, count: int) -> NDArray[np.int64]:
        """Indices of so many active stations, ascending: spread evenly over both arms, and some outriggers.

        The beam of 24 of them is about 40 by 28 seconds of arc (Briggs 0.5), as that of all 96.

        Raises:
            ValueError: fewer than 3, or more than are active.
        """
        if not _FEWEST <= count <= self.active.sum():
            raise ValueError(
                f"{count} antennas: choose {_FEWEST} to {self.active.sum()}, which is how many are correlated."
            )
        number = self.numbers
        east_west = np.flatnonzero(self.active & (number <= _LAST_EAST_WEST))
        north_south = np.flatnonzero(self.active & (number > _LAST_EAST_WEST) & (number <= _LAST_NORTH_SOUTH))
        far = _OUTRIGGERS[: round(count / _ONE_OUTRIGGER_IN)]
        rest = count - len(far)
        across = round(rest * len(east_west) / (len(east_west) + len(north_south)))
        parts = (
            _spread(east_west, across),
            _spread(north_south, rest - across),
            np.flatnonzero(np.isin(number, far)),
        )
        return np.sort(np.concatenate(parts))


def _spread(arm: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return arm[np.rint(np.linspace(0, len(arm) - 1, count)).astype(np.int64)]


def load() -> Array:
    """The telescope as stations.csv tells it."""
    numbers, east, north, up, active = np.genfromtxt(_STATIONS, delimiter=",", skip_header=5, unpack=True)
    return Array(numbers.astype(np.int64), np.stack([east, north, up], axis=1), active.astype(np.bool_))
