"""What goes wrong with tiles, in the ways in which it has gone wrong at the telescope."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

Kind = Literal[
    "missing",
    "few",
    "late",
    "empty",
    "truncated",
    "growing",
    "twin",
    "gap",
    "declination",
    "storm",
    "outlier",
]
"""What may happen to a tile:

- missing: 2 of its 16 sub-bands never come, so that it can be padded;
- few: 5 never come, which leaves too few;
- late: 3 come when `late` is ordered, or never;
- empty: a file has no bytes;
- truncated: a file ends after 60 percent of its bytes;
- growing: a file has half of its bytes and was touched just now; `late` makes it whole;
- twin: a second set of files, with noise of its own, begins one second after the first;
- gap: it and those behind it begin 7 minutes late;
- declination: the telescope points 1.5 degrees further north;
- storm: somebody transmits in 60 percent of the band all the time;
- outlier: of the brightest source near its middle, but for the calibrator, the catalogue tells a 40th of the flux.
"""


class Fault(msgspec.Struct, frozen=True):
    """A kind, and the number of the tile within its day that it strikes, from 0."""

    kind: Kind
    tile: int


ABSENT: dict[str, tuple[int, ...]] = {"missing": (3, 11), "few": (0, 3, 6, 9, 12), "late": (1, 7, 14)}
"""Sub-bands that are not there, by kind."""
EMPTY, TRUNCATED, GROWING = 5, 9, 2
"""The sub-bands that those kinds strike."""
SHARE = {"empty": 0.0, "truncated": 0.6, "growing": 0.5}
"""Of a file's bytes that are there, by kind."""
GAP_SECONDS = 420
NORTHWARDS = 1.5
OUTLIER = 40.0


def parse(text: str) -> Fault:
    """A fault from KIND@TILE. Raises ValueError for any other text."""
    kind, _, tile = text.partition("@")
    if kind not in get_args(Kind) or not tile.isdecimal():
        raise ValueError(
            f"{text!r} is no fault: write KIND@TILE, as in missing@1, tiles from 0 and the kind one of "
            f"{', '.join(get_args(Kind))}."
        )
    return Fault(kind, int(tile))  # type: ignore[arg-type]  # it was looked up just now


def checked(faults: Iterable[Fault], tiles: int) -> tuple[Fault, ...]:
    """These faults. Raises ValueError where one strikes a tile that is not observed."""
    found = tuple(faults)
    for fault in found:
        if fault.tile >= tiles:
            raise ValueError(
                f"{fault.kind}@{fault.tile} strikes no tile: there are {tiles} a day, numbered from 0."
            )
    return found


def state(kinds: Iterable[Kind], subband: int) -> str:
    """How the file of a sub-band of a tile is delivered: see oracle.FileTruth."""
    for kind in kinds:
        if subband in ABSENT.get(kind, ()):
            return "late" if kind == "late" else "missing"
        if (kind, subband) in (("empty", EMPTY), ("truncated", TRUNCATED), ("growing", GROWING)):
            return kind
    return "whole"
