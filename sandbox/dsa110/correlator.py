"""The correlator: visibilities of a tile, one sub-band at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.dsa110.array import Array, Floats
from sandbox.dsa110.instrument import (
    POLARISATIONS,
    SUBBAND_WIDTH,
    SUBBANDS,
    SYSTEM,
    Complexes,
    Instrument,
    Interference,
    frequencies,
)
from sandbox.dsa110.pointing import INTEGRATION, directions, on_meridian, towards
from sandbox.dsa110.sky import LIGHT, Sky, beam
from sandbox.dsa110.uvh5 import pairs

_FARTHEST = np.radians(4.0)
"""From the middle of a tile: the first null of the beam and half of what drifts by in a tile lie within it."""

_FAINTEST = 0.001
_LOOKS = 4


@dataclass(frozen=True)
class Tile:
    """One tile as it is observed.

    Attributes:
        number: that of no other tile: its chance goes by it.
        jd: middles of its integrations.
        declination: apparent, of the pointing, in radians.
        storm: whether somebody transmits in most of the band.
    """

    number: int
    jd: Floats
    declination: float
    storm: bool = False


class Correlator:
    """Correlates a sky.

    Args:
        array: the telescope.
        antennas: indices of the stations that are correlated.
        sky: what is in the sky.
        instrument: what receives it; its antennas are those.
        channels: of each sub-band.
        noise: whether the receivers are noisy.
    """

    def __init__(
        self,
        array: Array,
        antennas: NDArray[np.int64],
        sky: Sky,
        instrument: Instrument,
        channels: int,
        *,
        noise: bool = True,
    ) -> None:
        self._array = array
        self._antennas = antennas
        self._sky = sky
        self._instrument = instrument
        self._channels = channels
        self._noise = noise

    def in_sight(self, tile: Tile) -> NDArray[np.int64]:
        """Indices of the sources that are near enough to a tile to be in it with 1 mJy at any time."""
        ra, dec = on_meridian(self._array, float(tile.jd.mean()), tile.declination)
        cosine = np.sin(self._sky.dec) * np.sin(dec) + np.cos(self._sky.dec) * np.cos(dec) * np.cos(
            self._sky.ra - ra
        )
        near = np.flatnonzero(cosine > np.cos(_FARTHEST))
        band = frequencies(0, 1), frequencies(SUBBANDS - 1, 1)
        middle = towards(np.array(0.0), np.array(tile.declination))
        some = Tile(tile.number, tile.jd[:: max(1, len(tile.jd) // _LOOKS)], tile.declination)
        strongest = np.max(
            [
                self._sky.fluxes(frequency, near)[0] * beam(direction, middle, frequency)[0]
                for direction in self.seen(some, near)
                for frequency in band
            ],
            axis=0,
        )
        found: NDArray[np.int64] = near[strongest > _FAINTEST]
        return found

    def seen(self, tile: Tile, which: NDArray[np.int64]) -> Floats:
        """Directions of some sources at each integration, see pointing.directions."""
        return directions(self._array, tile.jd, self._sky.ra[which], self._sky.dec[which])

    def interference(self, tile: Tile) -> list[Interference]:
        """Who transmits during a tile."""
        return self._instrument.interference(
            tile.number, len(tile.jd), SUBBANDS * self._channels, storm=tile.storm
        )

    def subband(
        self, tile: Tile, which: NDArray[np.int64], seen: Floats, subband: int
    ) -> Iterator[Complexes]:
        """Visibilities of each integration, as uvh5.write takes them.

        Args:
            tile: which one.
            which: of in_sight.
            seen: of seen.
            subband: from 0, the highest.
        """
        frequency = frequencies(subband, self._channels)
        chance = np.random.default_rng((self._instrument.seed, 5, tile.number, subband))
        gains = self._instrument.gains(tile.jd, frequency)
        middle = towards(np.array(0.0), np.array(tile.declination))
        place = self._array.meridional()[self._antennas]
        flux = self._sky.fluxes(frequency, which)
        interference = self._interference(tile, subband)
        for time, direction in enumerate(seen):
            apparent = (flux * beam(direction, middle, frequency)).astype(np.float32)
            voltages = _phases(place @ (direction - middle).T, frequency)
            voltages[:, list(self._instrument.dead)] = 0
            weighted = voltages.conj() * apparent[:, None, :]
            vis = weighted @ voltages.transpose(0, 2, 1)
            vis += interference[time]
            yield self._received(vis, gains[time], chance)

    def _received(self, vis: Complexes, gains: Complexes, chance: np.random.Generator) -> Complexes:
        """What the correlator tells: shape (baselines, channels, polarisations).

        Args:
            vis: of the sky, shape (channels, antennas, antennas).
            gains: shape (channels, antennas, polarisations).
            chance: where the noise comes from.
        """
        first, second = pairs(len(self._antennas))
        same = first == second
        sky = vis[:, first, second].T[:, :, None]
        received = np.repeat(sky, POLARISATIONS, axis=2)
        received[same] = received[same].real
        if self._noise:
            scale = SYSTEM / np.sqrt(2 * SUBBAND_WIDTH / self._channels * INTEGRATION)
            noise = chance.standard_normal((*received.shape, 2), np.float32) * np.float32(scale)
            noise[same, ..., 1] = 0
            noise[same, ..., 0] *= np.float32(np.sqrt(2))
            received += noise.view(np.complex64)[..., 0]
        received[same] += np.float32(SYSTEM)
        turned = gains.astype(np.complex64).transpose(1, 0, 2)
        product: Complexes = received * turned[first] * turned[second].conj()
        return product

    def _interference(self, tile: Tile, subband: int) -> Complexes:
        """Shape (integrations, channels, antennas, antennas); where there is none, all but the first are 1."""
        times, channels = len(tile.jd), self._channels
        found = [
            each
            for each in self.interference(tile)
            if each.last >= subband * channels and each.first < (subband + 1) * channels
        ]
        if not found:
            return np.zeros((times, 1, 1, 1), np.complex64)
        antennas = len(self._antennas)
        added = np.zeros((times, channels, antennas, antennas), np.complex64)
        chance = np.random.default_rng((self._instrument.seed, 6, tile.number, subband))
        for each in found:
            # It comes over the ground from one side, so that each antenna has it with a phase of its own
            phase = np.exp(2j * np.pi * chance.uniform(0, 1, antennas)).astype(np.complex64)
            phase[list(self._instrument.dead)] = 0
            there = np.float32(each.flux) * np.outer(phase.conj(), phase)
            low = max(0, each.first - subband * channels)
            high = min(channels - 1, each.last - subband * channels)
            for time in each.times:
                added[time, low : high + 1] += there
        return added


def _phases(metres: Floats, frequency: Floats) -> Complexes:
    """exp(2 pi i f d / c) for distances of shape (antennas, sources); shape (frequencies, antennas, sources).

    Turns are counted in double precision and whole ones dropped, so that single precision is enough for the rest.
    """
    turns = frequency[:, None, None] / LIGHT * metres
    turns -= np.rint(turns)
    angle = (2 * np.pi * turns).astype(np.float32)
    result = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=result.real)
    np.sin(angle, out=result.imag)
    return result
