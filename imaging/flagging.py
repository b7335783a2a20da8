"""Which samples are bad: interference, and antennas without a signal.

Interference is common to most baselines, so the median over all of them shows it above the noise of any single one.
Gains are not known yet, so every baseline is measured in units of its own median.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

NORMAL = 1.4826
"""Standard deviation of a normal distribution with a median absolute deviation of 1."""
NEIGHBOURS = 9
"""Channels over which a bandpass is smooth; interference is narrower than half of them."""
COMMON_SIGMA = 6.0
COMMON_LEAST = 0.15
"""A time and channel is bad in all baselines above this excess of its median amplitude, and COMMON_SIGMA."""
SAMPLE_SIGMA = 12.0
"""A sample is bad by itself above this many robust standard deviations of its baseline."""
DEAD_BELOW, DEAD_ABOVE = 0.05, 20.0
"""An antenna is dead whose power is outside of this share of the median antenna's."""

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]


def robust(values: Floats, axis: int | tuple[int, ...] | None = None) -> tuple[Floats, Floats]:
    """Median and robust standard deviation along `axis`, which stays as an axis of length 1; NaN is left out."""
    with warnings.catch_warnings():
        # A slice that is all NaN has neither, and numpy says so
        warnings.simplefilter("ignore", RuntimeWarning)
        middle = np.nanmedian(values, axis=axis, keepdims=True)
        return middle, NORMAL * np.nanmedian(np.abs(values - middle), axis=axis, keepdims=True)


def amplitudes(data: npt.NDArray[np.complexfloating], flags: Bools) -> Floats:
    """Amplitudes in units of each baseline's median, NaN where flagged; (time, baseline, channel)."""
    found: Floats = np.abs(data).astype(np.float32)
    found[flags | (found == 0) | ~np.isfinite(found)] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found /= np.nanmedian(found, axis=(0, 2), keepdims=True)
    return found


def common(amplitude: Floats) -> Bools:
    """Times and channels at which most baselines stand out, (time, channel), from `amplitudes`.

    Found twice: a channel against its neighbours, for what lasts all the tile, and a time against the others, for what
    comes and goes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        waterfall = np.nanmedian(amplitude, axis=1)
        spectrum = np.nanmedian(waterfall, axis=0)
    filled = np.where(
        np.isfinite(spectrum), spectrum, np.nanmedian(spectrum) if np.isfinite(spectrum).any() else 1.0
    )
    smooth = median_filter(filled, size=min(NEIGHBOURS, len(filled)), mode="nearest")
    lasting = _stands_out(np.where(np.isfinite(spectrum), filled / smooth - 1, np.nan))
    steady = np.where(lasting, smooth, filled)
    coming = _stands_out(waterfall / steady - 1)
    return np.asarray(coming | lasting[None, :])


def _stands_out(excess: Floats) -> Bools:
    middle, scatter = robust(excess)
    away = np.abs(excess - middle)
    return np.asarray((away > COMMON_LEAST) & (away > COMMON_SIGMA * scatter))


def interference(data: npt.NDArray[np.complexfloating], flags: Bools) -> Bools:
    """New flags of (time, baseline, channel, polarisation): what was flagged, and what stands out.

    A time and channel that is bad in one polarisation is bad in the other.
    """
    found = flags.copy()
    bad = np.zeros((data.shape[0], data.shape[2]), bool)
    for polarisation in range(data.shape[3]):
        amplitude = amplitudes(data[..., polarisation], flags[..., polarisation])
        bad |= common(amplitude)
        amplitude[np.broadcast_to(bad[:, None, :], amplitude.shape)] = np.nan
        middle, scatter = robust(amplitude, axis=(0, 2))
        with np.errstate(invalid="ignore"):
            found[..., polarisation] |= amplitude > middle + SAMPLE_SIGMA * scatter
    found |= bad[:, None, :, None]
    found |= found.any(axis=-1, keepdims=True)
    return found


def dead(power: Floats, silent: Bools) -> Bools:
    """Antennas without a signal: `power` is the median autocorrelation of each (NaN where unknown), `silent` says that
    all of its baselines are 0 or flagged."""
    if not np.isfinite(power).any():
        return silent
    usual = np.nanmedian(np.where(silent, np.nan, power))
    with np.errstate(invalid="ignore"):
        return np.asarray(silent | (power < DEAD_BELOW * usual) | (power > DEAD_ABOVE * usual))


@dataclass(frozen=True)
class Share:
    """How much is flagged, among antennas that are neither absent nor dead."""

    flagged: int
    samples: int

    @property
    def percent(self) -> float:
        return 100.0 * self.flagged / self.samples if self.samples else 100.0


def share(flags: Bools, first: npt.NDArray[np.integer], second: npt.NDArray[np.integer], out: Bools) -> Share:
    """Flagged samples of the baselines without an antenna that is `out`; flags are (time, baseline, …)."""
    alive = ~(out[first] | out[second])
    kept = flags[:, alive]
    return Share(int(np.count_nonzero(kept)), int(kept.size))
