"""What is known of each match before a run asks: from the version it builds upon, and from what landed since.

A run that ended before its candidate was sealed, or whose candidate passed its gate and lost to another one, has
landed answers that no version holds. The next run takes them over instead of asking again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from include.decoding import decoder
from include.publishing import manifest as manifests
from include.sources.sofascore import match_tables
from include.sources.sofascore.records import Reply
from include.sources.source import Run
from include.storage.landing import Landed, Part

DISCOVERY = "discover"
"""Where the lists and the plan of a run land, as units land under their keys."""
MATCHES = "matches"
"""The kind of the parts that hold replies."""
ADOPTED = "adopted"
"""The kind of the part that says what a run takes over of others."""
TAKEN = "taken"
"""Cursor: runs that were never published and whose landings a version took over."""
_reply = msgspec.json.Decoder(Reply)


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """What had landed of a unit of another run when it was taken over."""

    version: str
    unit: str
    parts: tuple[Part, ...]


@dataclass(slots=True)
class Known:
    """A match as last seen. `none`: parts that are not there; `open`: parts to be asked for again."""

    competition: int
    season: int
    season_year: int
    state: str | None
    kickoff: datetime | None
    listing: str
    checked_at: datetime
    asked: bool = False
    none: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    published_open: set[str] = field(default_factory=set)
    """Those of them that latest holds as failed or refused."""

    @property
    def place(self) -> tuple[int, int, int]:
        """Its competition, season, and the season's year."""
        return self.competition, self.season, self.season_year


class Names(NamedTuple):
    """What a team is called; None for what is not said."""

    name: str | None
    short_name: str | None

    def differ(self, known: Names) -> bool:
        """Whether something is said that is not what was known."""
        return any(now is not None and now != before for now, before in zip(self, known, strict=True))


def adoptable(run: Run) -> list[Adopted]:
    """What landed of other runs and no version holds, oldest run first."""
    taken = set(run.watermarks.get(TAKEN, []))
    found = [
        Adopted(version=version, unit=unit, parts=landed.progress.parts)
        for version in run.left_over()
        if version not in taken
        for unit, landed in run.raw.units(version)
    ]
    useful = {each.version for each in found if any(part.kind == MATCHES for part in each.parts)}
    return [each for each in found if each.version in useful]


def adopted(run: Run, discovery: Landed) -> list[Landed]:
    """What a run has taken over of others: it noted that before it asked anything, so every step finds the same."""
    return [run.raw.of_parts(each.version, each.unit, each.parts) for each in noted(discovery)]


def noted(discovery: Landed) -> list[Adopted]:
    """What a run has noted that it takes over."""
    return list(map(decoder(Adopted).decode, discovery.read(ADOPTED)))


def load(run: Run, landings: Iterable[Landed]) -> dict[int, Known]:
    """Every known match: of the version that the run builds upon, and of these landings."""
    known = _published(run)
    for landed in landings:
        for line in landed.read(MATCHES):
            _learn(known, _reply.decode(line))
    return known


def spelt(run: Run) -> dict[int, str]:
    """How the upstream spells the year of each published season."""
    return dict(_rows(run, match_tables.COMPETITION_SEASONS.name, "season_id", "upstream_year"))


def names(run: Run) -> dict[int, Names]:
    """What every team is called in the version that the run builds upon."""
    return {
        team: Names(*called)
        for team, *called in _rows(run, match_tables.TEAMS.name, "team_id", *Names._fields)
    }


def _rows(run: Run, table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Columns of a table of the version that the run builds upon; no rows where there is none."""
    if run.base is not None:
        for batch in manifests.dataset(run.read, run.base.table(table)).to_batches(columns=list(columns)):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _published(run: Run) -> dict[int, Known]:
    columns = (
        "match_id",
        "competition_id",
        "season_id",
        "season_year",
        "state",
        "kickoff_at",
        "listing_hash",
    )
    known = {
        match: Known(*described)
        for match, *described in _rows(run, match_tables.MATCHES.name, *columns, "checked_at")
    }
    answered: dict[int, set[str]] = {}
    for match, part, state in _rows(run, match_tables.MATCH_PARTS.name, "match_id", "part", "state"):
        if match in known:
            answered.setdefault(match, set()).update([part] if state in {"done", "none"} else [])
            if state == "none":
                known[match].none.add(part)
    for match, parts in answered.items():
        one = known[match]
        one.asked = True
        one.open = set(match_tables.PARTS) - parts if one.state in match_tables.PLAYED else set()
        one.published_open = set(one.open)
    return known


def _learn(known: dict[int, Known], reply: Reply) -> None:
    """Take a landed reply into account, unless it lacks its event and gives no rows, or something newer is known.

    That a part is not there lands by itself, after the reply with the event.
    """
    old = known.get(reply.match)
    if old is not None and old.asked and old.checked_at > reply.asked_at:
        return
    if "event" not in reply.parts:
        if old is not None and old.asked and old.checked_at == reply.asked_at:
            old.none |= set(reply.none)
            old.open -= set(reply.none)
        return
    known[reply.match] = Known(
        reply.competition,
        reply.season,
        reply.season_year,
        old.state if old else None,
        old.kickoff if old else None,
        reply.listing,
        reply.asked_at,
        asked=True,
        none={*(old.none if old else ()), *reply.none} - reply.parts.keys(),
        open={*(old.open if old else ()), *reply.failed} - reply.parts.keys() - set(reply.none),
        published_open=old.published_open if old else set(),
    )
