"""The truth to compare results with: what was put into the files, and which files there are."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np

from sandbox.dsa110 import pointing
from sandbox.dsa110.correlator import Tile
from sandbox.dsa110.faults import Kind
from sandbox.dsa110.instrument import Complexes, frequencies
from sandbox.dsa110.sky import beam
from sandbox.dsa110.world import Settings, World


class SourceTruth(msgspec.Struct, frozen=True):
    """A source in a tile.

    Attributes:
        name: as in the catalogue.
        ra_deg, dec_deg: ICRS.
        flux_jy: at 1,400 MHz, without any beam.
        spectral_index: flux goes as frequency to its power.
        beam: the mean over the tile's integrations of the power beam in the middle of the band.
    """

    name: str
    ra_deg: float
    dec_deg: float
    flux_jy: float
    spectral_index: float
    beam: float


class FileTruth(msgspec.Struct, frozen=True):
    """A file of a tile.

    Attributes:
        name: in the inbox.
        subband: from 0, the highest.
        state: whole, late (not there before it is asked for), missing, empty, truncated or growing.
        bytes: that it has when it is whole.
    """

    name: str
    subband: int
    state: str
    bytes: int


class TileTruth(msgspec.Struct, frozen=True):
    """A tile.

    Attributes:
        day, number: from 0; `number` within the day.
        turn: that of no other tile.
        begins: UTC.
        declination_deg: apparent, of the pointing.
        ra_deg, dec_deg: ICRS of hour angle 0 at its middle.
        calibrator: whether it is the one that has the calibrator in its middle; a delay may leave a day without one.
        faults: see faults.Kind. A twin is a tile of its own with the same number, behind its elder.
        files: all 16 sub-bands.
        interference: channels of the whole band from the top, integrations and Jy.
        sources: that are in it with a beam of 0.05 and more.
    """

    day: int
    number: int
    turn: int
    begins: datetime
    declination_deg: float
    ra_deg: float
    dec_deg: float
    calibrator: bool
    faults: list[Kind]
    files: list[FileTruth]
    interference: list[tuple[int, int, tuple[int, ...], float]]
    sources: list[SourceTruth]


class Truth(msgspec.Struct):
    """Everything.

    Attributes:
        settings: from which `World(settings)` makes it all again.
        stations: numbers, as painted, of those that are correlated; the others are absent from the data.
        dead: of these, those that receive nothing.
        calibrator: its name in the catalogue.
        outliers: fluxes in Jy that the catalogue tells of sources which have another, by name.
        tiles: that were observed, in order.
    """

    settings: Settings
    stations: list[int]
    dead: list[int]
    calibrator: str
    outliers: dict[str, float] = {}
    tiles: list[TileTruth] = []


_LEAST_BEAM = 0.05


def read(folder: Path) -> Truth:
    """The truth beside an inbox: see the package."""
    return msgspec.json.decode((folder / "truth.json").read_bytes(), type=Truth)


def observed(world: World, tile: TileTruth) -> Tile:
    """A tile as the correlator has it."""
    return world.tile(tile.turn, tile.begins, tile.declination_deg, storm="storm" in tile.faults)


def gains(world: World, tile: Tile, subband: int) -> Complexes:
    """What was injected: shape (integrations, channels, antennas, polarisations), channels from the highest."""
    return world.instrument.gains(tile.jd, frequencies(subband, world.settings.channels))


def sources(world: World, tile: Tile) -> list[SourceTruth]:
    """Of a tile, those with a beam of 0.05 and more."""
    correlator = world.correlator()
    which = correlator.in_sight(tile)
    middle = pointing.towards(np.array(0.0), np.array(tile.declination))
    band = np.array([frequencies(7, 1)[0] / 2 + frequencies(8, 1)[0] / 2])
    mean = np.mean([beam(seen, middle, band)[0] for seen in correlator.seen(tile, which)], axis=0)
    sky = world.sky
    return [
        SourceTruth(
            sky.name[number],
            float(np.degrees(sky.ra[number]).round(6)),
            float(np.degrees(sky.dec[number]).round(6)),
            float(sky.flux[number]),
            float(sky.index[number]),
            float(strength.round(4)),
        )
        for number, strength in zip(which, mean, strict=True)
        if strength >= _LEAST_BEAM
    ]
