"""What a telescope delivers: files that arrive one by one, groups of them that are one tile, and how far a tile got.

The registry keeps these records (include/registry/observations.py), and a source gets them through its run as the
protocol Observations. All of it can be made again: arrivals from the files of the inbox, groups from the landings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

ID_DIGITS = 12

GroupState = Literal["complete", "padded", "rejected"]
"""Every sub-band came; some are missing and are taken as flagged; too few came to make a tile of them."""
Stage = Literal["grouped", "converted", "flagged", "calibrated", "imaged", "done", "refused", "quarantined"]
"""How far a tile got. `refused`: its data cannot be used; `quarantined`: trying it again was given up."""


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A file of one sub-band. Written to again it is another arrival."""

    path: str
    """Below the inbox."""
    bytes: int
    modified: datetime
    begins: datetime
    """When its observation began, as its name says."""
    subband: int
    seen: datetime
    """When a run first saw it as it is."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Arrivals of one tile. `begins` is the earliest of theirs."""

    id: str
    begins: datetime
    state: GroupState
    members: tuple[Arrival, ...]
    """In order of their sub-bands."""
    reason: str
    """Why it is padded or rejected; empty where it is complete."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its members, sorted: what its id is made of."""
        return tuple(sorted(member.path for member in self.members))


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """How far a group that is a tile got."""

    group_id: str
    stage: Stage
    attempts: int = 0
    error: str | None = None
    """Why it is refused or quarantined, or what the last attempt ended with."""
    figures: Mapping[str, Any] = {}
    """What was measured of it, by stage."""
    version: str | None = None
    """The run that did the last of it."""


Identify = Callable[[Sequence[str], datetime], str]


def identify(paths: Sequence[str], stamp: datetime) -> str:
    """The id of a group: the first 12 hex digits of the SHA-256 of its sorted paths and a stamp in microseconds."""
    text = "\n".join([*sorted(paths), stamp.isoformat(timespec="microseconds")])
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


class Observations(Protocol):
    """What a source may know and note of arrivals, groups and tiles of its own."""

    def arrived(self, arrivals: Sequence[Arrival]) -> None:
        """Note files; those that are known as they are keep when they were first seen."""

    def refuse(self, arrival: Arrival, reason: str) -> None:
        """Note a file that is of no use as it is; one that is in a group stays there."""

    def known(self, paths: Collection[str]) -> Collection[Arrival]:
        """The files under these paths that were noted, whatever became of them."""

    def ungrouped(self) -> Sequence[Arrival]:
        """Files that are neither refused nor in a group."""

    def form(self, groups: Sequence[Group], version: str) -> Sequence[Group]:
        """Keep groups; returns them with the ids that they have from now on.

        The same members are never two groups, and a group whose members are in other groups by now is left out.
        """

    def groups(self) -> Sequence[Group]:
        """All groups, by the time at which they begin."""

    def tiles(self) -> Sequence[Tile]:
        """How far each group got that is a tile."""

    def begin(self, group_id: str, version: str) -> Tile:
        """Count one more attempt at a tile."""

    def note(self, tile: Tile) -> None:
        """Keep how far a tile got, with its figures."""
