"""What the instrument does to the sky: gains, bandpasses, noise, interference, dead antennas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.dsa110.array import Floats

Complexes = NDArray[np.complexfloating[Any, Any]]

SUBBANDS = 16
POLARISATIONS = 2
TOP = 1498.75e6
"""Upper edge of the band in Hz: that of sub-band 0."""
SUBBAND_WIDTH = 48 * 244140.625
SYSTEM = 5800.0
"""Jy: system equivalent flux density of one antenna, from 25 K and 70 percent of a dish of 4.65 m."""
_GAIN = 0.07
_DEAD_GAIN = 0.03
_DAY_SECONDS = 86400.0
# Of one in so many antennas the signal never arrives, but never in the smallest arrays
_ONE_DEAD_IN = 24
# Of channels, how many somebody transmits in all the time, and of integrations, how many have a burst somewhere
_TRANSMITTED = 0.01
_BURSTS = 0.04
_BURST_WIDTH = 0.01
_STORM = (0.2, 0.8)
_STORM_FLUX = 2000.0


@dataclass(frozen=True)
class Interference:
    """A signal from the ground in some channels and integrations, the same for each baseline but for its phase.

    Attributes:
        first, last: the channels it is in, of the whole band from the top; `last` is in it.
        times: the integrations it is in.
        flux: Jy.
    """

    first: int
    last: int
    times: tuple[int, ...]
    flux: float


def frequencies(subband: int, channels: int) -> Floats:
    """Middles of a sub-band's channels in Hz, descending; sub-band 0 is the highest."""
    width = SUBBAND_WIDTH / channels
    return TOP - subband * SUBBAND_WIDTH - (np.arange(channels) + 0.5) * width


class Instrument:
    """The receivers of a seed.

    Args:
        seed: another one is another instrument.
        antennas: how many are correlated.
        dead: whether some of them are dead.
        interference: whether somebody transmits.
    """

    def __init__(self, seed: int, antennas: int, *, dead: bool = True, interference: bool = True) -> None:
        self.seed = seed
        self.antennas = antennas
        self._interference = interference
        chance = np.random.default_rng((seed, 2))
        shape = (antennas, POLARISATIONS)
        self._amplitude = _GAIN * np.clip(chance.normal(1, 0.15, shape), 0.6, 1.4)
        self._phase = chance.uniform(-np.pi, np.pi, shape)
        self._period = chance.uniform(4, 8, shape) * 3600
        self._swing = chance.uniform(0, 2 * np.pi, shape)
        self._delay = chance.uniform(-10e-9, 10e-9, shape)
        self._ripple = chance.uniform(0.02, 0.06, (3, *shape))
        self._waves = chance.uniform(1, 6, (3, *shape))
        self._turn = chance.uniform(0, 2 * np.pi, (3, *shape))
        count = antennas // _ONE_DEAD_IN if dead else 0
        self.dead: tuple[int, ...] = tuple(sorted(chance.choice(antennas, count, replace=False).tolist()))

    def gains(self, jd: Floats, frequency: Floats) -> Complexes:
        """What multiplies the voltage of each antenna: slow in time, a bandpass in frequency.

        Amplitudes swing by 1 percent and phases by 2 degrees within 4 to 8 hours.

        Returns:
            Shape (times, frequencies, antennas, polarisations). Dead antennas have some too: of their noise.
        """
        swing = 2 * np.pi * ((jd * _DAY_SECONDS)[:, None, None] % self._period) / self._period + self._swing
        slow = (
            self._amplitude * (1 + 0.01 * np.cos(swing)) * np.exp(1j * (self._phase + 0.035 * np.sin(swing)))
        )
        slow[:, list(self.dead)] *= _DEAD_GAIN
        place = ((TOP - frequency) / (SUBBANDS * SUBBAND_WIDTH))[:, None, None]
        ripple = np.sum(
            [
                depth * np.cos(2 * np.pi * waves * place + turn)
                for depth, waves, turn in zip(self._ripple, self._waves, self._turn, strict=True)
            ],
            axis=0,
        )
        from_middle = (frequency - TOP + SUBBANDS * SUBBAND_WIDTH / 2)[:, None, None]
        band = (1 + ripple) * np.exp(2j * np.pi * self._delay * from_middle + 0.5j * ripple)
        gains: Complexes = slow[:, None] * band[None]
        return gains

    def interference(
        self, tile: int, integrations: int, channels: int, *, storm: bool = False
    ) -> list[Interference]:
        """Who transmits while a tile is observed; channels: of the whole band; storm: in most of it."""
        everywhere = tuple(range(integrations))
        found = []
        if storm:
            low, high = (int(share * channels) for share in _STORM)
            found.append(Interference(low, high - 1, everywhere, _STORM_FLUX))
        if not self._interference:
            return found
        steady = np.random.default_rng((self.seed, 3))
        found += [
            Interference(channel, channel, everywhere, flux)
            for channel, flux in zip(
                steady.choice(channels, max(1, round(_TRANSMITTED * channels)), replace=False).tolist(),
                steady.uniform(100, 1000, channels).tolist(),
                strict=False,
            )
        ]
        chance = np.random.default_rng((self.seed, 4, tile))
        width = max(1, round(_BURST_WIDTH * channels))
        for _ in range(max(1, round(_BURSTS * integrations))):
            first = int(chance.integers(channels))
            time = int(chance.integers(integrations))
            flux = float(chance.uniform(300, 3000))
            found.append(Interference(first, min(channels, first + width) - 1, (time,), flux))
        return found
