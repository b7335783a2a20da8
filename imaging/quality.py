"""Catalogue sources measured where they should be, and the figures that contracts judge."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label, maximum
from scipy.optimize import least_squares

from imaging import maps
from imaging.beam import separation
from imaging.catalogue import Source
from include.sources.dsa110.jobs import Figure, SourceRow

DETECTED = 5.0
"""A source is found at this many times the local noise, and nearer than half a beam to its place."""
PRECISE = 10.0
"""Positions are judged by sources at this many times the local noise: fainter ones have errors of their own."""
COMPLETE_ABOVE_JY = 0.05
COMPLETE_LEAST = 5
RATIO_LEAST = 3
SAME_PLACE = 1e-6
"""Radians: a position that comes back from pixels as another one is on the far side of the sky."""
OUTLIER = 0.2
"""A flux is an outlier that is off by more than this share of the catalogue's and three times its error."""
CORE = 0.6
"""Share of a source's peak down to which it is fitted: noise is alike over a beam, so wings add only neighbours."""
PEAK = 7.0
AWAY_BEAMS = 1.5
"""A peak belongs to a catalogue source within so many beams."""

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Field:
    """An image corrected for the primary beam, its noise and the beam, pixel by pixel; NaN where it is blank."""

    picture: maps.Picture
    noise: Floats
    beam: Floats
    frequency_hz: float


def measure(
    field: Field, catalogue: Sequence[Source], subtracted: Collection[str] = ()
) -> tuple[SourceRow, ...]:
    """Every catalogue source that lies on pixels with an image, brightest first.

    The flux is that of a point source at the catalogue's position; the offset is that of a free fit, where it is found.
    """
    picture = field.picture
    x, y = picture.wcs.all_world2pix([each.ra for each in catalogue], [each.dec for each in catalogue], 0)
    rows = []
    for source, column, row in zip(catalogue, x, y, strict=True):
        if not (math.isfinite(column) and math.isfinite(row)):
            continue
        i, j = round(float(row)), round(float(column))
        height, width = picture.values.shape
        # A projection shows the far side of the sky on top of this one
        ra, dec = picture.wcs.all_pix2world(column, row, 0)
        if not (0 <= i < height and 0 <= j < width) or not np.isfinite(picture.values[i, j]):
            continue
        if float(separation(ra, dec, source.ra, source.dec)) > SAME_PLACE:
            continue
        rows.append(_measured(field, source, float(column), float(row), source.name in subtracted))
    return tuple(rows)


def _measured(field: Field, source: Source, column: float, row: float, subtracted: bool) -> SourceRow:
    picture, beam = field.picture, field.picture.beam
    pixel = picture.pixel_arcsec
    reach = math.ceil(1.2 * beam.major / pixel)
    i, j = round(row), round(column)
    low_i, low_j = max(0, i - reach), max(0, j - reach)
    cut = picture.values[low_i : i + reach + 1, low_j : j + reach + 1].astype(float)
    dy, dx = np.indices(cut.shape, dtype=float)
    dx, dy = (dx + low_j - column) * pixel, (dy + low_i - row) * pixel
    shape = maps.gaussian(beam, dx, dy)
    noise = float(field.noise[i, j])
    catalogue_flux = float(source.flux_at(field.frequency_hz))
    near = (shape > CORE) & np.isfinite(cut)
    flux = float((shape * cut)[near].sum() / (shape[near] ** 2).sum()) if near.any() else None
    row_of: dict[str, Any] = {
        "name": source.name,
        "ra_deg": source.ra,
        "dec_deg": source.dec,
        "catalogue_flux_jy": catalogue_flux,
        "beam": float(field.beam[i, j]),
        "subtracted": subtracted,
    }
    if flux is None or not (math.isfinite(noise) and noise > 0):
        nothing: dict[str, Any] = dict.fromkeys(
            ("flux_jy", "flux_error_jy", "local_rms_jy", "snr", "offset_ra_arcsec", "offset_dec_arcsec"), None
        )
        return SourceRow(**row_of, **nothing, offset_arcsec=None, flux_ratio=None, matched=False)
    snr = flux / noise
    place = _place(cut, dx, dy, beam, flux) if snr >= DETECTED else None
    away = math.hypot(*place) if place else None
    matched = away is not None and away <= beam.major / 2
    return SourceRow(
        **row_of,
        flux_jy=flux,
        flux_error_jy=noise,
        local_rms_jy=noise,
        snr=snr,
        offset_ra_arcsec=-place[0] if place else None,
        offset_dec_arcsec=place[1] if place else None,
        offset_arcsec=away,
        flux_ratio=flux / catalogue_flux,
        matched=matched,
    )


def _place(cut: Floats, dx: Floats, dy: Floats, beam: maps.Beam, flux: float) -> tuple[float, float] | None:
    """Where a point source fits best, as rising pixels (west) and north in arcsec; None where a fit finds no place."""
    near = (maps.gaussian(beam, dx, dy) > CORE) & np.isfinite(cut)

    def away(parameters: Floats) -> Floats:
        amplitude, x, y = parameters
        return np.asarray(amplitude * maps.gaussian(beam, dx[near] - x, dy[near] - y) - cut[near])

    # In units of the source and of the beam, so that one step size suits all
    found = least_squares(away, [flux, 0.0, 0.0], x_scale=[abs(flux), beam.minor, beam.minor], max_nfev=50)
    x, y = float(found.x[1]), float(found.x[2])
    return (x, y) if found.success and math.hypot(x, y) <= 2 * beam.major else None


def figures(field: Field, rows: Sequence[SourceRow]) -> list[Figure]:
    """What catalogue and image say of each other."""
    found = [row for row in rows if row.matched]
    precise = [row for row in found if row.snr is not None and row.snr >= PRECISE]
    offsets = [row.offset_arcsec for row in precise if row.offset_arcsec is not None]
    ratios = [row.flux_ratio for row in found if row.flux_ratio is not None]
    bright = [row for row in rows if row.catalogue_flux_jy >= COMPLETE_ABOVE_JY]
    complete = sum(row.matched for row in bright)
    values = field.picture.values
    finite = np.isfinite(values)
    return [
        _figure("sources", len(rows)),
        _figure("detections", len(found)),
        _some("astrometry_arcsec", offsets, 1, "arcsec", "No source was found at 10 times the noise."),
        _some("flux_ratio_median", ratios, RATIO_LEAST, "", f"Fewer than {RATIO_LEAST} sources were found."),
        _figure("flux_ratio_outliers", sum(map(outlier, rows))),
        _figure(
            "completeness_percent",
            100 * complete / len(bright) if len(bright) >= COMPLETE_LEAST else None,
            "%",
            ""
            if len(bright) >= COMPLETE_LEAST
            else f"{len(bright)} catalogue sources of 50 mJy and more are in the image, too few to judge.",
        ),
        _figure("low_snr_sources", sum(row.snr is not None and row.snr < DETECTED for row in rows)),
        _figure("unmatched_peaks", unmatched(field, rows)),
        _figure("mad_rms_mjy", 1e3 * _mad(values[finite]) if finite.any() else None, "mJy/beam"),
        _figure("finite_percent", 100 * float(finite.mean()), "%"),
    ]


def outlier(row: SourceRow) -> bool:
    """Whether a flux disagrees with the catalogue's, one that should have been found and was not among them."""
    if row.flux_jy is None or row.flux_error_jy is None:
        return False
    away = abs(row.flux_jy - row.catalogue_flux_jy)
    return away > OUTLIER * row.catalogue_flux_jy + 3 * row.flux_error_jy


def unmatched(field: Field, rows: Sequence[SourceRow]) -> int:
    """Islands that peak above PEAK times the local noise and are no catalogue source: mostly side lobes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.nan_to_num(field.picture.values / field.noise)
    islands, count = label(ratio > DETECTED)
    if not count:
        return 0
    peaks = maximum(ratio, islands, range(1, count + 1))
    reach = math.ceil(AWAY_BEAMS * field.picture.beam.major / field.picture.pixel_arcsec)
    known: set[int] = set()
    if rows:
        x, y = field.picture.wcs.all_world2pix([row.ra_deg for row in rows], [row.dec_deg for row in rows], 0)
        for column, row in zip(np.rint(x).astype(int), np.rint(y).astype(int), strict=True):
            around = islands[
                max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1
            ]
            known |= set(np.unique(around).tolist())
    return sum(bool(peak > PEAK) and number not in known for number, peak in enumerate(peaks, start=1))


def _mad(values: Floats) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def _figure(name: str, value: float | None, unit: str = "", note: str = "") -> Figure:
    return Figure(name=name, value=None if value is None else float(value), unit=unit, note=note)


def _some(name: str, values: Sequence[float], least: int, unit: str, note: str) -> Figure:
    if len(values) < least:
        return _figure(name, None, unit, note)
    return _figure(name, float(np.median(values)), unit)
