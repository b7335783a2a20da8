"""Gains taken out of the data, silent antennas found, bright sources subtracted: Stokes I to image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imaging import model
from imaging.catalogue import Source
from imaging.flagging import NORMAL
from imaging.visibilities import Header, Visibilities
from include.sources.dsa110.jobs import Parameters

SILENT = 0.3
"""An antenna whose correlation with the model is below this share of the median antenna's has no signal."""
SILENT_SOURCES = 20
"""Brightest sources that silent antennas are looked for with."""

Complex = npt.NDArray[np.complexfloating]
Bools = npt.NDArray[np.bool_]


@dataclass
class Intensity:
    """Calibrated Stokes I, (time, baseline, channel), in Jy."""

    data: npt.NDArray[np.complex64]
    flags: Bools
    noise_jy: float
    """Standard deviation of real or imaginary part of one sample, measured on what is no sky."""


def intensity(visibilities: Visibilities, gains: Complex | None) -> Intensity:
    """(XX + YY)/2, with `gains` (polarisation, channel, antenna) taken out where they are given.

    A sample counts where both polarisations do. The noise is that of the difference of both between neighbouring
    channels, which has no unpolarised sky in it.
    """
    shape = visibilities.data.shape[:3]
    data, flags = np.zeros(shape, np.complex64), np.ones(shape, bool)
    first, second = visibilities.first, visibilities.second
    factors = None
    if gains is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            factors = np.stack(
                [(1 / (each[:, first] * each[:, second].conj())).T for each in gains], axis=-1
            ).astype(np.complex64)
    scatter = []
    for time in range(shape[0]):
        values = np.asarray(visibilities.data[time])
        good = ~visibilities.flags[time].any(axis=-1)
        if factors is not None:
            values = values * factors
            good &= np.isfinite(values).all(axis=-1)
        data[time] = np.where(good, values.mean(axis=-1), 0)
        flags[time] = ~good
        half = (values[..., 0] - values[..., 1]) / 2
        pairs = good[:, 1:] & good[:, :-1]
        step = (half[:, 1:] - half[:, :-1])[pairs]
        if step.size:
            scatter.append(NORMAL * np.median(np.abs(np.concatenate([step.real, step.imag]))) / np.sqrt(2))
    return Intensity(data, flags, float(np.median(scatter)) if scatter else float("nan"))


def silent(
    header: Header, uvw: npt.NDArray[np.float64], found: Intensity, sources: Sequence[Source], dish: float
) -> Bools:
    """Antennas of calibrated data that do not see what the others see: they have noise alone since calibration."""
    first, second = np.asarray(header.first), np.asarray(header.second)
    count = len(header.antennas)
    above, below = np.zeros(count), np.zeros(count)
    bright = sorted(sources, key=lambda each: -model.apparent(header, each, dish).mean())[:SILENT_SOURCES]
    for time in range(0, len(header.times_mjd), 4):
        predicted = model.predict(header, uvw[time], time, bright, dish)
        good = ~found.flags[time]
        agreed = np.where(good, (found.data[time] * predicted.conj()).real, 0).sum(axis=1)
        power = np.where(good, np.abs(predicted) ** 2, 0).sum(axis=1)
        for ends in (first, second):
            above += np.bincount(ends, agreed, count)
            below += np.bincount(ends, power, count)
    seen = below > 0
    if not seen.any():
        return np.zeros(count, bool)
    share = np.divide(above, below, out=np.zeros(count), where=seen)
    return np.asarray(seen & (share < SILENT * np.median(share[seen])))


def disturbing(header: Header, catalogue: Sequence[Source], parameters: Parameters) -> tuple[Source, ...]:
    """Sources so bright through the primary beam that cleaning would leave side lobes of theirs.

    An image has one flux for a source, while that of the visibilities changes: by the beam that the source drifts
    through, and with frequency.
    """
    return tuple(
        each
        for each in catalogue
        if model.apparent(header, each, parameters.dish_m).mean() >= parameters.subtract_above_jy
    )


@dataclass(frozen=True)
class Subtracted:
    """A source that was taken out, and the mean flux that an image of it would have had."""

    source: Source
    flux_jy: float
    factor: complex
    """Mean of fitted over expected; 1 where catalogue, beam and calibration are right."""


def subtract(
    header: Header,
    uvw: npt.NDArray[np.float64],
    found: Intensity,
    sources: Sequence[Source],
    others: Sequence[Source],
    dish: float,
    threads: int,
) -> tuple[Subtracted, ...]:
    """Fit `sources` to the visibilities, all together, and take them out in place.

    Each has a complex factor that changes evenly over the tile's time, since beam and catalogue are not exact. `others`
    are what else is bright: they are in the data that are fitted, so their model is taken off there.
    """
    if not sources:
        return ()
    times, count = len(header.times_mjd), len(sources)
    slope = np.linspace(-1, 1, times) if times > 1 else np.zeros(1)
    expected = np.stack([model.apparent(header, each, dish) for each in sources])
    rest = model.predict_all(header, uvw, others, dish, threads)
    normal, right = np.zeros((2 * count, 2 * count), np.complex128), np.zeros(2 * count, np.complex128)

    def waves(time: int) -> npt.NDArray[np.complex64]:
        """(source, baseline, channel)."""
        return np.stack(
            [
                model.fringe(header, uvw[time], each) * expected[number, time].astype(np.float32)
                for number, each in enumerate(sources)
            ]
        )

    for time in range(times):
        good = ~found.flags[time]
        base = np.where(good, waves(time), 0).reshape(count, -1)
        values = found.data[time] - rest[time]
        straight = base.conj() @ np.where(good, values, 0).reshape(-1)
        pairs = base.conj() @ base.T
        terms = np.array([1, slope[time]])
        right += np.outer(terms, straight).reshape(-1)
        normal += np.kron(np.outer(terms, terms), pairs)
    constant, changing = np.linalg.lstsq(normal, right, rcond=1e-9)[0].reshape(2, count)
    for time in range(times):
        factor = (constant + slope[time] * changing).astype(np.complex64)
        found.data[time] -= np.tensordot(factor, waves(time), axes=1)
    found.data[found.flags] = 0
    factors = constant[:, None] + changing[:, None] * slope
    flux = (expected.mean(axis=2) * factors.real).mean(axis=1)
    return tuple(
        Subtracted(source, float(flux[number]), complex(constant[number]))
        for number, source in enumerate(sources)
    )
