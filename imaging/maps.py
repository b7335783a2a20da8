"""Images on a grid: reading and writing FITS, the primary beam, local noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import map_coordinates

from imaging.beam import mean_power
from imaging.flagging import NORMAL

Floats = npt.NDArray[np.floating]
COARSE = 16
"""Pixels between the points at which the primary beam is worked out; it is smooth over hundreds."""
BOX_BEAMS = 25
"""Side of the boxes that local noise is measured in, in beams."""
CLIPPED = 5.0


@dataclass(frozen=True)
class Beam:
    """A restoring beam: full widths at half maximum in arcsec, position angle in degrees east of north."""

    major: float
    minor: float
    angle: float


@dataclass(frozen=True)
class Picture:
    """An image, its grid and its restoring beam."""

    values: Floats
    wcs: Any
    beam: Beam
    pixel_arcsec: float


def read(path: Path) -> tuple[Picture, Any]:
    """An image of two axes with its header, whatever axes of length 1 it has beside them."""
    from astropy.io import fits
    from astropy.wcs import WCS

    with fits.open(path, memmap=False) as file:
        header = file[0].header
        values = np.asarray(file[0].data, np.float32).squeeze()
    beam = (
        Beam(3600 * header["BMAJ"], 3600 * header["BMIN"], header["BPA"])
        if "BMAJ" in header
        else Beam(0, 0, 0)
    )
    wcs = WCS(header).celestial
    return Picture(values, wcs, beam, float(3600 * abs(wcs.wcs.cdelt[1]))), header


def write(path: Path, values: Floats, wcs: Any, unit: str, beam: Beam | None, **cards: Any) -> None:
    """Write one image. Nothing in the header tells when it was written, so the same image is the same file."""
    from astropy.io import fits

    header = wcs.to_header()
    for card in ("DATE-OBS", "MJD-OBS", "DATEREF", "MJDREF"):
        header.remove(card, ignore_missing=True)
    header["BUNIT"] = unit
    if beam is not None:
        header["BMAJ"], header["BMIN"], header["BPA"] = beam.major / 3600, beam.minor / 3600, beam.angle
    header["TELESCOP"] = "DSA-110"
    for name, value in cards.items():
        header[name.upper().replace("_", "-")] = value
    fits.PrimaryHDU(np.asarray(values, np.float32), header).writeto(path)


def directions(wcs: Any, x: Any, y: Any) -> tuple[Floats, Floats]:
    """ICRS degrees of pixels, counted from 0; NaN outside of the projection."""
    ra, dec = wcs.all_pix2world(np.asarray(x, float), np.asarray(y, float), 0)
    return np.asarray(ra), np.asarray(dec)


def primary_beam(
    wcs: Any,
    shape: tuple[int, int],
    pointing_ra: Floats,
    pointing_dec: Floats,
    frequencies: Floats,
    dish: float,
) -> Floats:
    """The mean primary beam of each pixel: worked out on a coarse grid, with splines between."""
    rows, columns = (np.append(np.arange(0, side - 1, COARSE), side - 1).astype(float) for side in shape)
    x, y = np.meshgrid(columns, rows)
    ra, dec = directions(wcs, x, y)
    coarse = np.nan_to_num(mean_power(ra, dec, pointing_ra, pointing_dec, frequencies, dish))
    full = RectBivariateSpline(rows, columns, coarse)(np.arange(shape[0]), np.arange(shape[1]))
    return np.asarray(np.clip(full, 0, 1), np.float32)


def spread(values: Floats) -> float:
    """Robust standard deviation of what is no source: by the median absolute deviation, clipped. NaN without pixels."""
    left = values[np.isfinite(values)]
    scatter = float("nan")
    for _ in range(3):
        if not left.size:
            return float("nan")
        middle = np.median(left)
        scatter = float(NORMAL * np.median(np.abs(left - middle)))
        left = left[np.abs(left - middle) <= CLIPPED * scatter]
    return scatter


def local_noise(values: Floats, beam_pixels: float) -> Floats:
    """Noise around each pixel, from boxes of BOX_BEAMS; NaN where `values` has none nearby."""
    side = int(max(16, round(BOX_BEAMS * beam_pixels)))
    rows, columns = (max(1, round(length / side)) for length in values.shape)
    boxes = np.full((rows, columns), np.nan)
    row_edges = np.linspace(0, values.shape[0], rows + 1).astype(int)
    column_edges = np.linspace(0, values.shape[1], columns + 1).astype(int)
    for i in range(rows):
        for j in range(columns):
            box = values[row_edges[i] : row_edges[i + 1], column_edges[j] : column_edges[j + 1]]
            if np.isfinite(box).sum() >= max(32, 0.1 * box.size):
                boxes[i, j] = spread(box)
    good = np.isfinite(boxes) & (boxes > 0)
    if not good.any():
        return np.full(values.shape, np.nan, np.float32)
    boxes[~good] = np.median(boxes[good])
    y = (np.arange(values.shape[0]) + 0.5) * rows / values.shape[0] - 0.5
    x = (np.arange(values.shape[1]) + 0.5) * columns / values.shape[1] - 0.5
    grid = np.meshgrid(y, x, indexing="ij")
    full = map_coordinates(boxes, grid, order=1, mode="nearest")
    return np.where(np.isfinite(values), full, np.nan).astype(np.float32)


def gaussian(beam: Beam, dx: Any, dy: Any) -> Floats:
    """A restoring beam of height 1, at offsets in arcsec: `dx` to the west (rising pixels), `dy` to the north."""
    turn = np.radians(beam.angle)
    east = -np.asarray(dx, float)
    north = np.asarray(dy, float)
    along = east * np.sin(turn) + north * np.cos(turn)
    across = east * np.cos(turn) - north * np.sin(turn)
    return np.asarray(np.exp(-4 * np.log(2) * ((along / beam.major) ** 2 + (across / beam.minor) ** 2)))
