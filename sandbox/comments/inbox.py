"""An inbox: a folder in which files appear day by day, as people and programs leave them there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from include.storage.inbox import MARKER
from include.storage.store import Store
from sandbox.comments import hostile, plan
from sandbox.comments.exports import Export
from sandbox.comments.packing import Pack, gzipped, zipped
from sandbox.comments.rows import Row
from sandbox.comments.world import World

_QUIET = timedelta(minutes=5)
_TWICE, _GROWING, _MARKED, _GZIPPED, _ZIPPED = 1, 2, 3, 5, 6
_PACKS: dict[int, tuple[Pack, str]] = {_GZIPPED: (gzipped, ".gz"), _ZIPPED: (zipped, ".zip")}


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file that stands in the inbox.

    Attributes:
        name: within the inbox.
        bytes, sha256: of the file as it is, packed or not.
        export: whose rows it has; None for a hostile file, which has none that count.
        complete: False for one that is still growing, or was cut.
        again: the name of the file whose bytes it repeats.
    """

    name: str
    bytes: int
    sha256: str
    export: Export | None
    complete: bool = True
    again: str | None = None

    def rows(self, world: World) -> Iterator[Row]:
        """What its records tell, were it complete."""
        return iter(()) if self.export is None else self.export.rows(world)


class Inbox:
    """Files of the days of a world in a folder, which is made if it is not there.

    - Day 1 and every seventh day after: a file of the day before comes again, under another name.
    - Day 2 and so on: one file is still growing; the day after it is whole.
    - Day 3 and so on: a marker `NAME.done` says that a file that was written just now is whole.
    - Day 5 and so on: a file is packed with gzip, day 6 and so on: one with zip.

    Files bear the time of their scrape, so that they were left alone for a while; those that grow bear the present.
    """

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def deliver(self, day: int) -> list[Delivered]:
        """Put the files of a day there; those that were there before stay."""
        exports = list(plan.exports(self._world, day))
        found = []
        for turn, export in enumerate(exports):
            grows = day % 7 == _GROWING and turn == 0
            packs = day % 7 in _PACKS and turn == 0
            found.append(
                self._packed(export, *_PACKS[day % 7]) if packs else self.put(export, 0.5 if grows else 1.0)
            )
        if day and (day - 1) % 7 == _GROWING:
            found.append(self.put(next(plan.exports(self._world, day - 1))))
        if day % 7 == _TWICE:
            first = next(plan.exports(self._world, day - 1))
            found.append(self._again(first))
        if day % 7 == _MARKED:
            self._mark(found[-1].name)
        return found

    def put(self, export: Export, share: float = 1.0) -> Delivered:
        """Write a file; share: how much of it, below 1 for one that is still growing, and is touched just now."""
        name = export.filename
        size, digest = self.write(name, export.content(self._world))
        if share < 1:
            size = int(size * share)
            os.truncate(self.folder / name, size)
            digest = hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        else:
            self._age(name, export.scrape.at)
        return Delivered(name, size, digest, export, share >= 1)

    def _again(self, export: Export) -> Delivered:
        """Write a file that was there before, under another name."""
        name = f"copy of {export.filename}"
        size, digest = self.write(name, export.content(self._world))
        self._age(name, export.scrape.at)
        return Delivered(name, size, digest, export, again=export.filename)

    def _packed(self, export: Export, pack: Pack, ending: str) -> Delivered:
        """Write a file packed."""
        name = export.filename + ending
        size, digest = self.write(name, pack(export.filename, export.content(self._world)))
        self._age(name, export.scrape.at)
        return Delivered(name, size, digest, export)

    def copy_to(self, store: Store) -> None:
        """Put every file that stands there now below a store's root, under the name that it has."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                store.fs.put_file(str(path), f"{store.root}/{path.relative_to(self.folder).as_posix()}")

    def drop(self, kind: hostile.Kind) -> list[Delivered]:
        """Put hostile files of a kind there: see hostile.Kind."""
        found = []
        for file in hostile.files(self._world, kind):
            size, digest = self.write(file.name, file.content())
            self._age(file.name, self._world.midnight(0))
            found.append(Delivered(file.name, size, digest, None, file.complete))
        return found

    def write(self, name: str, blocks: Iterable[bytes]) -> tuple[int, str]:
        """Write a file block by block; returns its size and SHA-256."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with path.open("wb") as file:
            for block in blocks:
                file.write(block)
                digest.update(block)
                size += len(block)
        return size, digest.hexdigest()

    def _mark(self, name: str) -> None:
        path = self.folder / name
        path.touch()
        path.with_name(path.name + MARKER).touch()

    def _age(self, name: str, at: datetime) -> None:
        stamp = min(at, datetime.now(UTC) - _QUIET).timestamp()
        os.utime(self.folder / name, (stamp, stamp))
