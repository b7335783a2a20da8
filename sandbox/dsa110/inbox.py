"""The inbox: where the correlator's files appear, and what is known of them beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np

from sandbox.dsa110 import oracle, pointing, uvh5
from sandbox.dsa110.correlator import Tile
from sandbox.dsa110.instrument import SUBBANDS, frequencies
from sandbox.dsa110.oracle import FileTruth, TileTruth, Truth
from sandbox.dsa110.world import Settings, World
from sandbox.sample import chance

_QUIET = timedelta(minutes=5)
_LATEST_STAMP = 3


class State(msgspec.Struct):
    """What a later day goes on from.

    Attributes:
        settings: of the world.
        day: the last one that was observed.
    """

    settings: Settings
    day: int = 0


def beside(inbox: Path) -> Path:
    """The folder of the catalogue, the truth and the state of an inbox."""
    return inbox.with_name(f"{inbox.name}-sky")


@dataclass
class Inbox:
    """An inbox of a world.

    Attributes:
        folder: where files appear; it is made when it is not there.
        world: what is observed.
        truth: what was put there.
        report: shows one line of progress.
    """

    folder: Path
    world: World
    truth: Truth
    report: Callable[[str], None]

    @classmethod
    def new(cls, folder: Path, settings: Settings, report: Callable[[str], None]) -> Inbox:
        """A new world and its catalogue."""
        world = World(settings)
        stations = world.array.numbers[world.antennas]
        truth = Truth(
            settings,
            stations.tolist(),
            stations[list(world.instrument.dead)].tolist(),
            world.sky.name[world.sky.calibrator],
        )
        folder.mkdir(parents=True, exist_ok=True)
        beside(folder).mkdir(parents=True, exist_ok=True)
        world.sky.write(beside(folder) / "catalogue.csv")
        return cls(folder, world, truth, report)

    @classmethod
    def again(cls, folder: Path, report: Callable[[str], None]) -> tuple[Inbox, State]:
        """An inbox as it was left, and its state.

        Raises:
            FileNotFoundError: there is none.
        """
        state = msgspec.json.decode((beside(folder) / "state.json").read_bytes(), type=State)
        return cls(folder, World(state.settings), oracle.read(beside(folder)), report), state

    def observe(self, day: int) -> None:
        """Put the tiles of a day there, and note it."""
        settings = self.world.settings
        for number in range(settings.tiles):
            begins = settings.starts(day, number)
            tile = self.world.tile(day, number, begins, settings.declination)
            self.report(f"tile {number + 1} of {settings.tiles}, {begins:%Y-%m-%d %H:%M:%S}")
            files = self._write(tile, begins)
            self.truth.tiles.append(self._true(day, number, begins, tile, files))
            self._note(day)

    def _write(self, tile: Tile, begins: datetime) -> list[FileTruth]:
        correlator = self.world.correlator()
        which = correlator.in_sight(tile)
        seen = correlator.seen(tile, which)
        files = []
        for subband in range(SUBBANDS):
            name = uvh5.name(self._stamp(tile, begins, subband), subband)
            path = self.folder / name
            unfinished = path.with_name(f"{path.stem}_incomplete{path.suffix}")
            unfinished.unlink(missing_ok=True)
            size = uvh5.write(
                unfinished,
                self.world.array,
                self.world.antennas,
                tile.declination,
                tile.jd,
                frequencies(subband, self.world.settings.channels),
                correlator.subband(tile, which, seen, subband),
                begins,
            )
            unfinished.rename(path)
            self._age(path, begins + self.world.settings.length())
            files.append(FileTruth(name, subband, "whole", size))
        return files

    def _stamp(self, tile: Tile, begins: datetime, subband: int) -> datetime:
        """What the file of a sub-band says of its start: machines open their files within some seconds."""
        if chance.share(self.world.settings.seed, "stamps", tile.number) < 1 / 3:
            return begins
        late = chance.pick(_LATEST_STAMP + 1, self.world.settings.seed, "stamp", tile.number, subband)
        return begins + timedelta(seconds=late)

    def _true(self, day: int, number: int, begins: datetime, tile: Tile, files: list[FileTruth]) -> TileTruth:
        settings = self.world.settings
        centre = pointing.on_meridian(self.world.array, float(tile.jd.mean()), tile.declination)
        interference = self.world.instrument.interference(
            tile.number, settings.integrations, SUBBANDS * settings.channels
        )
        return TileTruth(
            day=day,
            number=number,
            begins=begins,
            declination_deg=float(np.degrees(tile.declination)),
            ra_deg=float(np.degrees(centre[0])),
            dec_deg=float(np.degrees(centre[1])),
            calibrator=number == self.world.calibrator_tile(),
            faults=[],
            files=files,
            interference=[(each.first, each.last, each.times, each.flux) for each in interference],
            sources=oracle.sources(self.world, tile),
        )

    def _note(self, day: int) -> None:
        state = State(self.world.settings, day)
        for name, content in (("truth.json", self.truth), ("state.json", state)):
            path = beside(self.folder) / name
            partial = path.with_suffix(".tmp")
            partial.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))
            partial.replace(path)

    def _age(self, path: Path, at: datetime) -> None:
        stamp = min(at, datetime.now(UTC) - _QUIET).timestamp()
        os.utime(path, (stamp, stamp))
