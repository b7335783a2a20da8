"""Which tiles become one mosaic: the safeguards before a mosaic begins.

Tiles follow each other every 309 s. Up to 10 of them, in order of time, are one mosaic. Where the next one is more than
6 minutes after the last, looks at another declination, or would make the whole longer than 60 minutes, a new mosaic
begins with it: what is wrong in one place stops nothing behind it. docs/upstreams/dsa110.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from include.upstream.observations import Stage

TILES = 10
"""A mosaic has no more."""
LONGEST_SPAN = timedelta(minutes=60)
"""From the first tile to the last; exactly so long passes."""
LONGEST_GAP = timedelta(minutes=6)
"""From one tile to the next."""
DECLINATION_DEG = 0.1
"""No tile is farther from the mean declination."""
IMAGED: frozenset[Stage] = frozenset({"imaged", "done"})
"""Only tiles that got so far have an image."""
_ROUNDING = 1e-9
WAIT = timedelta(hours=1)
"""So long after the last tile of a mosaic that could have more, another one may still come."""


class ImagedTile(msgspec.Struct, frozen=True, kw_only=True):
    """A tile as a mosaic sees it."""

    group_id: str
    begins: datetime
    declination_deg: float
    stage: Stage
    image: str
    """Where its image is."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Tiles that follow each other."""

    tiles: tuple[ImagedTile, ...]

    @property
    def name(self) -> str:
        """The name of its mosaic: when it begins, and of how many tiles it is. read_name() reads it."""
        return f"{self.tiles[0].begins:%Y%m%dT%H%M%S}-{len(self.tiles):02}"


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """Mosaics to be made, and tiles that wait for those after them."""

    windows: tuple[Window, ...]
    waiting: tuple[ImagedTile, ...]


def read_name(name: str) -> tuple[datetime, int]:
    """When a mosaic begins (without a zone: UTC) and of how many tiles it is. Raises ValueError for another name."""
    begins, _, count = name.partition("-")
    try:
        return datetime.strptime(begins, "%Y%m%dT%H%M%S"), int(count)  # noqa: DTZ007 (UTC by definition)
    except ValueError as error:
        raise ValueError(f"{name!r} is no name of a mosaic (YYYYMMDDTHHMMSS-NN): {error}") from error


def plan(tiles: Iterable[ImagedTile], now: datetime, most: int = TILES) -> Planned:
    """Find the mosaics among tiles that are in none yet.

    Tiles without an image are left out, so one that was refused is a gap. The last window waits for more tiles until
    WAIT has passed since it began to be able to have another one.
    """
    windows: list[list[ImagedTile]] = []
    for tile in sorted(tiles, key=lambda each: (each.begins, each.group_id)):
        if tile.stage not in IMAGED:
            continue
        if windows and len(windows[-1]) < most and why_not([*windows[-1], tile]) is None:
            windows[-1].append(tile)
        else:
            windows.append([tile])
    waiting: list[ImagedTile] = []
    if windows and len(windows[-1]) < most and windows[-1][-1].begins + WAIT > now:
        waiting = windows.pop()
    return Planned(windows=tuple(Window(tiles=tuple(each)) for each in windows), waiting=tuple(waiting))


def why_not(tiles: Sequence[ImagedTile], there: Collection[str] | None = None) -> str | None:
    """Why these tiles, in order of time, cannot be one mosaic, as a sentence; None where they can.

    With `there`, the images that exist, each tile must have one.
    """
    if not tiles:
        return "there are no tiles"
    for tile in tiles:
        if tile.stage not in IMAGED:
            return f"the tile {tile.group_id} is {tile.stage}; only imaged or done tiles enter a mosaic"
    span = tiles[-1].begins - tiles[0].begins
    if span > LONGEST_SPAN:
        return (
            f"its tiles span {_minutes(span)} minutes, and no more than {_minutes(LONGEST_SPAN)} are allowed"
        )
    for before, after in pairwise(tiles):
        gap = after.begins - before.begins
        if gap < timedelta(0):
            return f"the tile {after.group_id} begins before {before.group_id}: they are not in order of time"
        if gap > LONGEST_GAP:
            return (
                f"{_minutes(gap)} minutes lie between {before.group_id} and {after.group_id}, and no more than "
                f"{_minutes(LONGEST_GAP)} are allowed"
            )
    mean = sum(tile.declination_deg for tile in tiles) / len(tiles)
    for tile in tiles:
        if not abs(tile.declination_deg - mean) <= DECLINATION_DEG + _ROUNDING:
            return (
                f"the tile {tile.group_id} looks at a declination of {tile.declination_deg:.3f}°, the mean of all is "
                f"{mean:.3f}°: more than {DECLINATION_DEG}° apart"
            )
    missing = [tile for tile in tiles if there is not None and tile.image not in there]
    if missing:
        return f"the image of {', '.join(tile.group_id for tile in missing)} is missing"
    return None


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.2f}".rstrip("0").rstrip(".")
