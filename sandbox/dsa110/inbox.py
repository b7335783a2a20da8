"""The inbox: where the correlator's files appear, and what is known of them beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
from msgspec import structs

from sandbox.dsa110 import oracle, pointing, uvh5
from sandbox.dsa110.correlator import Tile
from sandbox.dsa110.faults import GAP_SECONDS, NORTHWARDS, OUTLIER, SHARE, Fault, Kind, checked, state
from sandbox.dsa110.instrument import SUBBANDS, frequencies
from sandbox.dsa110.oracle import FileTruth, TileTruth, Truth
from sandbox.dsa110.world import Settings, World
from sandbox.sample import chance

_QUIET = timedelta(minutes=5)
_STATE, _TRUTH = "state.json", "truth.json"
_LATEST_STAMP = 3
_TWIN = timedelta(seconds=1)
# What strikes a twin as it strikes its elder: what is wrong with files is theirs alone
_OF_TWINS = ("twin", "declination", "storm")
# Of the beam: a source that is stronger than this in a tile is near its middle
_NEAR = 0.6
_IN_THE_MIDDLE = 0.9


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
        """A new world and its catalogue.

        Raises:
            ValueError: there is one, whose first day was observed to its end.
        """
        if (beside(folder) / _STATE).exists():
            raise ValueError(
                f"{folder} has a sample: order it to advance, or remove it and {beside(folder)}."
            )
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
        world.sky.write(beside(folder) / "catalogue.csv", {})
        return cls(folder, world, truth, report)

    @classmethod
    def again(cls, folder: Path, report: Callable[[str], None]) -> tuple[Inbox, State]:
        """An inbox as it was left, and its state.

        Raises:
            ValueError: there is none.
        """
        kept = beside(folder) / _STATE
        if not kept.exists():
            raise ValueError(
                f"There is no sample in {folder}: make one with python -m sandbox.dsa110 {folder}"
            )
        state = msgspec.json.decode(kept.read_bytes(), type=State)
        return cls(folder, World(state.settings), oracle.read(beside(folder)), report), state

    def observe(self, day: int, faults: Iterable[Fault] = ()) -> None:
        """Put the tiles of a day there, and note it. A day that was not observed to its end is observed again.

        Raises:
            ValueError: a fault strikes a tile that is not observed.
        """
        settings = self.world.settings
        struck = checked(faults, settings.tiles)
        self.truth.tiles = [tile for tile in self.truth.tiles if tile.day < day]
        delay = timedelta()
        for number in range(settings.tiles):
            kinds = [fault.kind for fault in struck if fault.tile == number]
            delay += timedelta(seconds=GAP_SECONDS) * kinds.count("gap")
            begins = settings.starts(day, number) + delay
            self._deliver(day, number, begins, kinds)
            if "twin" in kinds:
                self._deliver(day, number, begins + _TWIN, [kind for kind in kinds if kind in _OF_TWINS], 1)
        self._keep(_STATE, State(settings, day))

    def bring_late(self) -> int:
        """Put there what came late, and make whole what was growing; returns how many files these were."""
        found = 0
        for tile in self.truth.tiles:
            for number, file in enumerate(tile.files):
                withheld = self._withheld / file.name
                if file.state not in ("late", "growing") or not withheld.exists():
                    continue
                path = self.folder / file.name
                with path.open("ab") as grown, withheld.open("rb") as rest:
                    rest.seek(grown.tell())
                    shutil.copyfileobj(rest, grown)
                self._age(path, tile.begins + self.world.settings.length())
                withheld.unlink()
                tile.files[number] = structs.replace(file, state="whole")
                found += 1
        self._keep(_TRUTH, self.truth)
        return found

    def _deliver(self, day: int, number: int, begins: datetime, kinds: list[Kind], brother: int = 0) -> None:
        """Put a tile there; brother: 1 for the twin of a tile."""
        settings = self.world.settings
        north = NORTHWARDS if "declination" in kinds else 0.0
        turn = 2 * (day * settings.tiles + number) + brother
        tile = self.world.tile(turn, begins, settings.declination + north, storm="storm" in kinds)
        self.report(
            f"tile {number + 1} of {settings.tiles}, {begins:%Y-%m-%d %H:%M:%S} {' '.join(kinds)}".strip()
        )
        files = self._write(tile, begins, kinds)
        true = self._true(day, number, begins, tile, kinds, files)
        if "outlier" in kinds:
            self._misprint(true)
        self.truth.tiles.append(true)
        self._keep(_TRUTH, self.truth)

    def _write(self, tile: Tile, begins: datetime, kinds: list[Kind]) -> list[FileTruth]:
        correlator = self.world.correlator()
        which = correlator.in_sight(tile)
        seen = correlator.seen(tile, which)
        ended = begins + self.world.settings.length()
        files = []
        for subband in range(SUBBANDS):
            name = uvh5.name(self._stamp(tile, begins, subband), subband)
            how = state(kinds, subband)
            if how == "missing":
                files.append(FileTruth(name, subband, how, 0))
                continue
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
            if how in ("late", "growing"):
                self._withheld.mkdir(exist_ok=True)
                shutil.copyfile(unfinished, self._withheld / name)
            if how == "late":
                unfinished.unlink()
            else:
                os.truncate(unfinished, int(size * SHARE.get(how, 1)))
                unfinished.rename(path)
                if how != "growing":
                    self._age(path, ended)
            files.append(FileTruth(name, subband, how, size))
        return files

    @property
    def _withheld(self) -> Path:
        return beside(self.folder) / "withheld"

    def _misprint(self, tile: TileTruth) -> None:
        """Have the catalogue tell a wrong flux of the brightest source near the middle of a tile."""
        near = [each for each in tile.sources if each.name != self.truth.calibrator and each.beam > _NEAR]
        if not near:
            raise ValueError(f"Tile {tile.number} has no source near its middle that could be an outlier.")
        brightest = max(near, key=lambda each: each.flux_jy)
        self.truth.outliers[brightest.name] = round(brightest.flux_jy / OUTLIER, 5)
        self.world.sky.write(beside(self.folder) / "catalogue.csv", self.truth.outliers)

    def _stamp(self, tile: Tile, begins: datetime, subband: int) -> datetime:
        """What the file of a sub-band says of its start: machines open their files within some seconds.

        Twins are as late as each other, so that no two files have one name.
        """
        key = (self.world.settings.seed, "stamp", tile.number // 2)
        if chance.share(*key) < 1 / 3:
            return begins
        late = chance.pick(_LATEST_STAMP + 1, *key, subband)
        return begins + timedelta(seconds=late)

    def _true(
        self,
        day: int,
        number: int,
        begins: datetime,
        tile: Tile,
        kinds: list[Kind],
        files: list[FileTruth],
    ) -> TileTruth:
        centre = pointing.on_meridian(self.world.array, float(tile.jd.mean()), tile.declination)
        interference = self.world.correlator().interference(tile)
        sources = oracle.sources(self.world, tile)
        there = any(each.name == self.truth.calibrator and each.beam > _IN_THE_MIDDLE for each in sources)
        return TileTruth(
            day=day,
            number=number,
            turn=tile.number,
            begins=begins,
            declination_deg=float(np.degrees(tile.declination)),
            ra_deg=float(np.degrees(centre[0])),
            dec_deg=float(np.degrees(centre[1])),
            calibrator=there and number == self.world.calibrator_tile(),
            faults=kinds,
            files=files,
            interference=[(each.first, each.last, each.times, each.flux) for each in interference],
            sources=sources,
        )

    def _keep(self, name: str, content: object) -> None:
        path = beside(self.folder) / name
        partial = path.with_suffix(".tmp")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1))
        partial.replace(path)

    def _age(self, path: Path, at: datetime) -> None:
        stamp = min(at, datetime.now(UTC) - _QUIET).timestamp()
        os.utime(path, (stamp, stamp))
