"""What is observed when: a run of tiles each sidereal day, by a seed and a size."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import numpy as np

from sandbox.dsa110 import array, pointing, sky
from sandbox.dsa110.correlator import Correlator, Tile
from sandbox.dsa110.instrument import Instrument
from sandbox.dsa110.pointing import INTEGRATION

SIDEREAL_DAY = timedelta(seconds=86164.0905)
_CALIBRATOR_OFFSET = np.radians(0.1)
"""In declination, so that a beam that is forgotten shows."""

# What the dishes can point at, and a strip of sky with both of its edges on this side of the pole
_FARTHEST_SOUTH, _FARTHEST_NORTH = 30.0, 80.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A world. Another seed is another sky and another instrument.

    Attributes:
        seed: of everything that is chance.
        antennas: that are correlated, 3 to 96.
        channels: of each of the 16 sub-bands, which are as wide whatever their number.
        integrations: of a tile.
        tiles: of each day.
        every: seconds from the start of one to the next; None is one after the other without a pause.
        start: of the first tile, UTC.
        declination: apparent, of the pointing, in degrees.
        noise, dead, interference: whether there is any.
    """

    seed: int = 7
    antennas: int = 24
    channels: int = 8
    integrations: int = 24
    tiles: int = 3
    every: float | None = None
    start: datetime
    declination: float = 16.3
    noise: bool = True
    dead: bool = True
    interference: bool = True

    def __post_init__(self) -> None:
        for name in ("channels", "integrations", "tiles"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: choose 1 or more.")
        if not -_FARTHEST_SOUTH <= self.declination <= _FARTHEST_NORTH:
            raise ValueError(
                f"declination is {self.declination}: choose -{_FARTHEST_SOUTH} to {_FARTHEST_NORTH} degrees."
            )

    def length(self) -> timedelta:
        """How long a tile takes."""
        return timedelta(seconds=self.integrations * INTEGRATION)

    def starts(self, day: int, number: int) -> datetime:
        """When a tile of a day begins, if nothing delays it; both from 0."""
        step = self.length() if self.every is None else timedelta(seconds=self.every)
        return self.start + day * SIDEREAL_DAY + number * step


class World:
    """Everything that is true, made from settings alone.

    Attributes:
        array, antennas, sky, instrument: see their modules.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.array = array.load()
        self.antennas = self.array.chosen(settings.antennas)
        self.instrument = Instrument(
            settings.seed, settings.antennas, dead=settings.dead, interference=settings.interference
        )
        self.sky = sky.make(settings.seed, *self._places())

    def correlator(self) -> Correlator:
        return Correlator(
            self.array,
            self.antennas,
            self.sky,
            self.instrument,
            self.settings.channels,
            noise=self.settings.noise,
        )

    def tile(self, turn: int, begins: datetime, declination: float, *, storm: bool = False) -> Tile:
        """A tile.

        Args:
            turn: that of no other tile: its chance goes by it.
            begins: UTC.
            declination: apparent, in degrees.
            storm: see Tile.
        """
        jd = pointing.middles(begins, self.settings.integrations)
        return Tile(turn, jd, float(np.radians(declination)), storm)

    def calibrator_tile(self) -> int:
        """Number of the tile of each day that has the calibrator in its middle."""
        return self.settings.tiles // 2

    def _places(self) -> tuple[float, tuple[float, float]]:
        """Declination of the strip and place of the calibrator, ICRS in radians."""
        settings = self.settings
        begins = settings.starts(0, self.calibrator_tile())
        middle = float(pointing.middles(begins, settings.integrations).mean())
        down = float(np.radians(settings.declination))
        calibrator = pointing.on_meridian(self.array, middle, down + _CALIBRATOR_OFFSET)
        return pointing.on_meridian(self.array, middle, down)[1], calibrator
