"""Gains of antennas from visibilities and a model: the StEFCal iteration of Salvini and Wijnholds (2014, A&A 571, A97).

A solution of any extent in time and frequency needs only three sums for each pair of antennas, so data of any size pass
through `Sums` in pieces, and all solutions are then found at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MINIMUM_BASELINES = 4
"""An antenna with fewer good baselines has no solution: amplitude and phase need three, and one to check them."""

Complex = npt.NDArray[np.complexfloating]
Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer]


class Sums:
    """Sums over the samples of each solution, for each pair of antennas: w·V·conj(M), w·|M|², w·|V|² and samples.

    `solutions` is the number of solutions, `antennas` that of antennas.
    """

    def __init__(self, solutions: int, antennas: int) -> None:
        shape = (solutions, antennas, antennas)
        self.cross = np.zeros(shape, np.complex128)
        self.model = np.zeros(shape)
        self.data = np.zeros(shape)
        self.samples = np.zeros(shape)

    def add(
        self,
        solutions: slice | Ints,
        first: Ints,
        second: Ints,
        data: Complex,
        model: Complex,
        weight: Floats | Bools,
    ) -> None:
        """Add samples: `data` (V of first × conj(second)), `model` and `weight` are (solutions, baselines, samples).

        Weight 0 stands for flagged; what is flagged may be anything, NaN too. No solution may stand twice in
        `solutions`, and no pair of antennas twice in `first` and `second`.
        """
        good = np.asarray(weight > 0)
        weight = np.where(good, weight, 0.0)
        data = np.where(good, data, 0)
        cross = np.einsum("sbn,sbn,sbn->sb", weight, data, model.conj(), optimize=True)
        power = np.einsum("sbn,sbn->sb", weight, model.real**2 + model.imag**2)
        seen = np.einsum("sbn,sbn->sb", weight, data.real**2 + data.imag**2)
        count = good.sum(axis=-1)
        where = np.arange(len(self.cross))[solutions][:, None]
        self.cross[where, first, second] += cross
        self.cross[where, second, first] += cross.conj()
        for total, part in ((self.model, power), (self.data, seen), (self.samples, count)):
            total[where, first, second] += part
            total[where, second, first] += part


@dataclass(frozen=True)
class Gains:
    """Solutions by (solution, antenna); NaN where there is none."""

    values: Complex
    errors: Floats
    """Standard error of real and imaginary part, from the residuals."""
    iterations: int
    converged: Bools
    """By solution."""

    @property
    def good(self) -> Bools:
        return np.isfinite(self.values)


def solve(sums: Sums, *, tolerance: float = 1e-7, most: int = 500) -> Gains:
    """Gains g with V(p,q) ≈ g(p)·conj(g(q))·M(p,q), in the sense of least squares.

    An antenna without enough baselines to others that have enough is left out. A solution that has not converged after
    `most` iterations is NaN. Phases are free up to one for all antennas of a solution: see `referred`.
    """
    cross, power = sums.cross, sums.model
    usable = _usable(power > 0)
    pairs = usable[:, :, None] & usable[:, None, :] & (power > 0)
    cross, power = np.where(pairs, cross, 0), np.where(pairs, power, 0)
    gains = np.where(usable, _start(cross, power)[:, None], 0).astype(np.complex128)
    pending = np.flatnonzero(usable.any(axis=1))
    iterations = 0
    while len(pending) and iterations < most:
        iterations += 1
        now = gains[pending]
        above = np.einsum("spq,sq->sp", cross[pending], now, optimize=True)
        below = np.einsum("spq,sq->sp", power[pending], now.real**2 + now.imag**2, optimize=True)
        new = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
        if iterations % 2 == 0:
            # The plain iteration swings about the solution; its mean over two steps does not
            step = np.linalg.norm(new - now, axis=1)
            done = step <= tolerance * np.linalg.norm(new, axis=1)
            gains[pending] = (new + now) / 2
            pending = pending[~done]
        else:
            gains[pending] = new
    converged = np.asarray(usable.any(axis=1))
    converged[pending] = False
    errors = _errors(sums, gains, pairs)
    good = usable & converged[:, None] & (np.abs(gains) > 0)
    return Gains(
        np.where(good, gains, complex(np.nan, np.nan)), np.where(good, errors, np.nan), iterations, converged
    )


def _usable(measured: Bools) -> Bools:
    """Antennas with enough baselines among themselves, by (solution, antenna)."""
    usable = np.asarray(measured.any(axis=2))
    while True:
        baselines = (measured & usable[:, None, :]).sum(axis=2)
        kept: Bools = usable & (baselines >= MINIMUM_BASELINES)
        if np.array_equal(kept, usable):
            return kept
        usable = kept


def _start(cross: Complex, power: Floats) -> Floats:
    """An amplitude to start from, of each solution."""
    return np.asarray(
        np.sqrt(
            np.abs(cross).sum(axis=(1, 2)) / np.maximum(power.sum(axis=(1, 2)), np.finfo(np.float64).tiny)
        )
    )


def _errors(sums: Sums, gains: Complex, pairs: Bools) -> Floats:
    """Standard errors of one component, from the scatter of the residuals in each solution."""
    product = gains[:, :, None] * gains[:, None, :].conj()
    residual = np.where(
        pairs,
        sums.data - 2 * (product.conj() * sums.cross).real + np.abs(product) ** 2 * sums.model,
        0.0,
    ).sum(axis=(1, 2))
    # Each sample counts twice in the symmetric sums, and has two components
    samples = np.where(pairs, sums.samples, 0).sum(axis=(1, 2))
    freedom = np.maximum(samples - 2 * (np.abs(gains) > 0).sum(axis=1), 1)
    variance = np.maximum(residual, 0) / freedom / 2
    information = np.einsum("spq,sq->sp", np.where(pairs, sums.model, 0), np.abs(gains) ** 2)
    scale = np.divide(1.0, information, out=np.full_like(information, np.nan), where=information > 0)
    return np.asarray(np.sqrt(variance[:, None] * scale))


def referred(values: Complex, reference: int) -> Complex:
    """Solutions by (…, antenna), turned so that antenna `reference` has phase 0; NaN where it has no solution."""
    anchor = values[..., reference : reference + 1]
    with np.errstate(invalid="ignore"):
        return np.asarray(values * (anchor.conj() / np.abs(anchor)))
