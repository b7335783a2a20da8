"""The sky: sources of known flux and position in the strip that drifts through the beam."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

from sandbox.dsa110.array import DISH, Floats

LIGHT = 299792458.0
REFERENCE = 1400e6
"""Frequency in Hz at which fluxes are told."""
_FAINTEST, _BRIGHTEST = 0.02, 2.0
_SLOPE = -0.9
_PER_SQUARE_DEGREE = 6.0
_HALF_STRIP = 3.2
"""Degrees in declination on either side of the pointing."""
_NEAREST = 0.05
"""Degrees: no two sources are nearer to each other, so that what is measured of one is not another's."""
_CALIBRATOR_FLUX = 9.0
_AROUND_CALIBRATOR = 0.25

COLUMNS = ("name", "ra_deg", "dec_deg", "flux_jy", "spectral_index", "calibrator")


@dataclass(frozen=True)
class Sky:
    """Point sources.

    Attributes:
        name: by position, as surveys name them.
        ra, dec: ICRS in radians.
        flux: Jy at 1,400 MHz.
        index: flux goes as frequency to its power.
        calibrator: which one is the calibrator.
    """

    name: tuple[str, ...]
    ra: Floats
    dec: Floats
    flux: Floats
    index: Floats
    calibrator: int

    def fluxes(self, frequencies: Floats, which: NDArray[np.int64]) -> Floats:
        """Jy of some of them, shape (frequencies, some)."""
        flux: Floats = self.flux[which] * (frequencies[:, None] / REFERENCE) ** self.index[which]
        return flux

    def write(self, path: Path, told: Mapping[str, float]) -> None:
        """Write the catalogue that a survey would have of them; told: fluxes in Jy that it has wrong, by name."""
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for number, name in enumerate(self.name):
                rows.writerow(
                    (
                        name,
                        f"{np.degrees(self.ra[number]):.6f}",
                        f"{np.degrees(self.dec[number]):.6f}",
                        f"{told.get(name, self.flux[number]):.5f}",
                        f"{self.index[number]:.2f}",
                        int(number == self.calibrator),
                    )
                )


def make(seed: int, dec: float, calibrator: tuple[float, float]) -> Sky:
    """The sky of a seed: all right ascensions around a declination, and a calibrator at a place (ICRS, radians).

    Numbers go as flux to the power -0.9, 6 a square degree from 20 mJy to 2 Jy.
    """
    chance = np.random.default_rng((seed, 1))
    low, high = np.sin(dec - np.radians(_HALF_STRIP)), np.sin(dec + np.radians(_HALF_STRIP))
    area = 2 * np.pi * (high - low) * np.degrees(1) ** 2
    count = int(area * _PER_SQUARE_DEGREE)
    ra = chance.uniform(0, 2 * np.pi, count)
    place = np.arcsin(chance.uniform(low, high, count))
    most, least = _FAINTEST**_SLOPE, _BRIGHTEST**_SLOPE
    flux = (least + chance.uniform(0, 1, count) * (most - least)) ** (1 / _SLOPE)
    index = np.clip(chance.normal(-0.7, 0.2, count), -1.3, 0.1).round(2)
    ra, place, flux, index = (each[np.argsort(ra)] for each in (ra, place, flux, index))
    keep = _alone(ra, place) & (_distance(ra, place, *calibrator) > np.radians(_AROUND_CALIBRATOR))
    ra, place = np.append(ra[keep], calibrator[0]), np.append(place[keep], calibrator[1])
    # As the catalogue's decimals tell them: what it says is then true of the data
    ra, place = np.radians(np.degrees(ra).round(6)), np.radians(np.degrees(place).round(6))
    names = tuple(_name(*each) for each in zip(ra, place, strict=True))
    return Sky(
        names,
        ra,
        place,
        np.append(flux[keep], _CALIBRATOR_FLUX).round(5),
        np.append(index[keep], -0.5),
        len(names) - 1,
    )


def beam(direction: Floats, pointing: Floats, frequencies: Floats) -> Floats:
    """Power pattern of a dish of 4.65 m, evenly illuminated: (2 J1(x) / x)^2 with x = pi D sin(angle) f / c.

    Args:
        direction: unit vectors, shape (sources, 3).
        pointing: one unit vector.
        frequencies: Hz.

    Returns:
        Shape (frequencies, sources).
    """
    sine = np.linalg.norm(np.cross(direction, pointing), axis=-1)
    x = np.pi * DISH / LIGHT * frequencies[:, None] * np.maximum(sine, 1e-9)
    pattern: Floats = (2 * j1(x) / x) ** 2
    return pattern


def _name(ra: float, dec: float) -> str:
    hours, degrees = np.degrees(ra) / 15, np.degrees(dec)
    minutes, parts = hours % 1 * 60, abs(degrees) % 1 * 60
    seconds = int(minutes % 1 * 60)
    sign = "-" if degrees < 0 else "+"
    return (
        f"J{int(hours):02d}{int(minutes):02d}{seconds:02d}"
        f"{sign}{int(abs(degrees)):02d}{int(parts):02d}{int(parts % 1 * 60):02d}"
    )


def _distance(ra: Floats, dec: Floats, to_ra: float, to_dec: float) -> Floats:
    cosine = np.sin(dec) * np.sin(to_dec) + np.cos(dec) * np.cos(to_dec) * np.cos(ra - to_ra)
    angle: Floats = np.arccos(np.clip(cosine, -1, 1))
    return angle


def _alone(ra: Floats, dec: Floats) -> NDArray[np.bool_]:
    """Of sources in order of right ascension, those that no earlier one is near to."""
    near = np.radians(_NEAREST)
    alone = np.ones(len(ra), np.bool_)
    behind = 1
    while behind < len(ra):
        apart = ra[behind:] - ra[:-behind]
        close = (apart * np.cos(dec[behind:]) < near) & (np.abs(dec[behind:] - dec[:-behind]) < near)
        alone[behind:] &= ~close
        if apart.min() > 2 * near:
            break
        behind += 1
    return alone
