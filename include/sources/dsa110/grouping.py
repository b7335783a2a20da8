"""Which files of sub-bands are one tile.

The correlator writes one file for each of 16 sub-bands, and their time stamps differ by seconds. Files within 60 s of
the first of them are one tile. 16 are complete; 12 to 15 are padded with flagged sub-bands once nobody has brought
another one for a while; fewer are rejected then. docs/upstreams/dsa110.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from include.upstream.observations import Arrival, Group, GroupState

SUBBANDS = 16
LEAST = 12
"""With fewer sub-bands no tile is made."""
TOLERANCE = timedelta(seconds=60)
"""Of the files of one tile none begins later after the first one."""
WAIT = timedelta(minutes=30)
"""So long after the last file of a group was seen another one may still come."""
_NAME = re.compile(
    r"(?P<begins>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)_sb(?P<subband>\d\d)\.hdf5", re.ASCII
)


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What the name of a file says of it."""

    begins: datetime
    subband: int


class Grouping(msgspec.Struct, frozen=True, kw_only=True):
    """Groups to be formed, and the files that wait for others."""

    groups: tuple[Group, ...]
    waiting: tuple[Arrival, ...]


def named(path: str) -> Named:
    """What `YYYY-MM-DDTHH:MM:SS_sbNN.hdf5` says. Raises ValueError for another name, with what is wrong."""
    name = path.rpartition("/")[2]
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"the name {name!r} is not YYYY-MM-DDTHH:MM:SS_sbNN.hdf5")
    subband = int(found["subband"])
    if subband >= SUBBANDS:
        raise ValueError(f"the name {name!r} speaks of sub-band {subband}; there are 00 to {SUBBANDS - 1}")
    try:
        begins = datetime.fromisoformat(found["begins"]).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"the name {name!r} has no time that there is: {error}") from error
    return Named(begins=begins, subband=subband)


def group(arrivals: Iterable[Arrival], now: datetime, wait: timedelta = WAIT) -> Grouping:
    """Find the groups among files that are in none yet, whatever order they came in.

    A sub-band is in a group once, so that of two tiles at nearly the same time each gets its own files: one goes to the
    group that has the nearest file in time. Groups that are not complete wait for the rest, until `wait` after the last
    of their files was seen.
    """
    groups: list[list[Arrival]] = []
    open_groups: list[list[Arrival]] = []
    for arrival in sorted(arrivals, key=lambda each: (each.begins, each.subband, each.path)):
        open_groups = [each for each in open_groups if arrival.begins - each[0].begins <= TOLERANCE]
        fitting = [each for each in open_groups if all(arrival.subband != of.subband for of in each)]
        if fitting:
            min(fitting, key=lambda each: arrival.begins - each[-1].begins).append(arrival)
        else:
            groups.append([arrival])
            open_groups.append(groups[-1])
    formed, waiting = [], []
    for members in groups:
        if len(members) < SUBBANDS and max(each.seen for each in members) + wait > now:
            waiting += members
        else:
            formed.append(_formed(members))
    return Grouping(groups=tuple(formed), waiting=tuple(waiting))


def _formed(members: Sequence[Arrival]) -> Group:
    there = {member.subband for member in members}
    missing = [f"sb{subband:02}" for subband in range(SUBBANDS) if subband not in there]
    state: GroupState = "complete" if not missing else "padded" if len(there) >= LEAST else "rejected"
    reason = ""
    if missing:
        reason = f"{len(there)} of {SUBBANDS} sub-bands came; {', '.join(missing)} did not"
    return Group(
        id="",
        begins=members[0].begins,
        state=state,
        members=tuple(sorted(members, key=lambda member: member.subband)),
        reason=reason,
    )
