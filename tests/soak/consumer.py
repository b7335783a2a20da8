"""A consumer who never stops reading, and what was wrong with what it got.

It is the disaster drill's reader, who knows what each version of toy must hold by the version's day.
"""

from __future__ import annotations

import select
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from include.publishing import pointers
from sandbox.drill.reader import PAUSE_SECONDS, Reader, Reading, digest
from tests import toy
from tests.soak.world import World
from tests.toy import source as toy_source

DAYS = 400
"""No round has so many."""
LONGEST_WAIT = 10.0
LONGEST_PARTING = 120.0
"""Readers of SQL and of files may see different versions for so long: until recovery ran, where a mover was killed."""
SHOWN = 20


class _Days(dict[str, dict[str, str]]):
    """What each version must hold: that of its day."""

    def get(self, version: str, default: Any = None) -> Any:
        return self[name_of(version)]

    def items(self) -> Any:
        return list(super().items())


def name_of(version: str) -> str:
    """The day of a version, which begins with it."""
    end = datetime.strptime(version.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return f"day {toy_source.day_of(end)}"


def days() -> _Days:
    return _Days(
        {
            f"day {day}": {"things": digest([toy.hash_of(value) for value in toy_source.rows(day).values()])}
            for day in range(DAYS)
        }
    )


@dataclass
class Seen:
    """All that a consumer saw."""

    readings: int = 0
    bad: list[str] = field(default_factory=list)
    longest_wait: float = 0.0
    """Seconds that one look took."""
    longest_parting: float = 0.0
    """Seconds for which SQL and files showed different days."""
    parted_since: float | None = None


class Consumer(Reader):
    """Reads latest of toy both ways until something arrives on a pipe."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store(), world.dsn, toy.SOURCE)
        self._expected, self._served = days(), ("things",)
        self.saw = Seen()
        self._generation = 0

    def read_until(self, stop: int) -> Seen:
        """Read on until a byte, or the end, comes from this file descriptor."""
        while not select.select([stop], [], [], PAUSE_SECONDS)[0]:
            self.look()
        return self.saw

    def look(self) -> None:
        """One look each way."""
        before = self._pointed()
        files, sql = self._timed("files"), self._timed("SQL")
        after = self._pointed()
        for reading in (files, sql):
            # Who meets a file that is gone looks where latest leads by now, as everybody who reads files must.
            if reading.error and not (reading.way == "files" and before != after):
                self._bad(f"{reading.way}: {reading.error}")
        if sql.version and files.version:
            self._compare(
                sql.version, {name_of(files.version), *(name_of(each) for each in (before, after) if each)}
            )

    def _timed(self, way: Any) -> Reading:
        began = time.monotonic()
        reading = self.read(way)
        took = reading.at - began
        self.saw.readings += 1
        self.saw.longest_wait = max(self.saw.longest_wait, took)
        if took > LONGEST_WAIT:
            self._bad(f"{way}: a look took {took:.1f} s")
        return reading

    def _pointed(self) -> str | None:
        pointer = pointers.read_pointer(self._store, toy.SOURCE)
        if pointer is None:
            self._bad("files: the pointer is gone")
            return None
        if pointer.generation < self._generation:
            self._bad(f"files: the pointer went back from move {self._generation} to {pointer.generation}")
        self._generation = max(self._generation, pointer.generation)
        return pointer.version

    def _compare(self, in_sql: str, in_files: set[str]) -> None:
        saw, now = self.saw, time.monotonic()
        if in_sql in in_files:
            saw.parted_since = None
            return
        saw.parted_since = saw.parted_since or now
        parted = now - saw.parted_since
        if saw.longest_parting <= LONGEST_PARTING < parted:
            self._bad(f"SQL shows {in_sql} and the files {sorted(in_files)} for {parted:.0f} s")
        saw.longest_parting = max(saw.longest_parting, parted)

    def _bad(self, what: str) -> None:
        if len(self.saw.bad) < SHOWN:
            self.saw.bad.append(what)
