"""Whether parts of matches may be believed that are not there: only where matches that are known to have them still do.

A part that is 404 is an answer (many a match has no shot map), and is what an outage of that part looks like too. So
matches of the last good version that have the part are asked along, and what a unit's matches lack is compared with
what such matches lack usually (docs/decisions/037).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import msgspec
import pyarrow.compute as pc

from include.decoding import decoder
from include.publishing import manifest as manifests
from include.quality.likelihood import chance
from include.sources.sofascore import known_matches, match_tables
from include.sources.sofascore.discover import PlannedUnit, units
from include.sources.source import Run
from include.storage.landing import Landed
from include.upstream import control
from include.upstream.answers import Transient

FEW, OTHERS = 10, 20
"""Of FEW matches at least one has a part that the upstream has at all; up to OTHERS of other units are asked for it."""
RECENT = 40
"""So many of the newest matches of a competition, those with the highest numbers, tell what is usual for a new one."""
UNLIKELY = 1e-6
"""What is less likely is no chance, as in the rules on arrivals (docs/adding_a_source.md)."""

IsThere = Callable[[int, str], bool]
"""Asks the upstream whether a match has a part."""


class _Ended(NamedTuple):
    """How the last good version holds a part of a match."""

    match: int
    competition: int
    season_year: int
    state: str


class _Came(msgspec.Struct):
    match: int
    parts: dict[str, msgspec.Raw] = {}


class PartControls:
    """What is known of the parts of matches when those of a unit are asked for."""

    def __init__(self, run: Run, discovery: Landed, planned: PlannedUnit, is_there: IsThere) -> None:
        self._run, self._discovery, self._planned, self._is_there = run, discovery, planned, is_there
        self._place = next((each.competition, each.season_year) for each in planned.matches)

    def check(self, part: str, absent: Collection[int], found: Collection[int]) -> None:
        """Raise Transient unless a match has the part that is known to have it.

        `found` are the unit's matches that had it just now. Where no match is known to have it (in a first version),
        some of the run's other units are asked; where none of these has it either, fewer than FEW may lack it.
        """
        question = f"{part} of {self._planned.label}"
        known = [
            match for match in dict.fromkeys([*self._drawn(part), *sorted(found)]) if match not in absent
        ]
        known = known or list(islice(self._found_elsewhere(part), control.ASKED))
        if known:
            controls = [
                control.Control(f"match {match}", partial(self._is_there, match, part)) for match in known
            ]
            control.check(question, controls)
            return
        others = self._others()
        lacking = len(absent) + len(others)
        if lacking >= FEW and not any(self._is_there(match, part) for match in others):
            raise Transient(
                f"{question}: none of {lacking} matches has it, {len(others)} of other seasons among them, and none is "
                "known that had it. That is no answer: nothing of it is remembered. The next try asks again; if it "
                "stays so, compare what the upstream answers with docs/upstreams/sofascore.md. To publish without it, "
                "run with `tolerate_failed`.",
                cause=f"{question}: none of {lacking} matches has it",
            )

    def check_share(self, part: str, absent: Collection[int], found: Collection[int]) -> None:
        """Raise Transient where so many of a unit's matches hardly ever lack the part, unless in a full refresh.

        What is usual of a match is what it had; of a new one how many of the newest of its competition have the part,
        in its season and the one before. Where nothing is known of these, nothing is usual. A full refresh believes
        what the upstream says (merging.py), and leaves it to the gate and its operator.
        """
        if self._run.params.get("full_refresh"):
            return
        competition, season_year = self._place
        had = {
            one.match: one.state == "done"
            for one in self._ended(part)
            if one.competition == competition and season_year - 1 <= one.season_year <= season_year
        }
        newest = [had[match] for match in sorted(had)[-RECENT:]]
        usual_of_new = sum(newest) / (len(newest) + 2)  # as if two more had been seen that lack it
        asked = [*absent, *found]
        usual = sum(had.get(match, usual_of_new) for match in asked) / len(asked)
        if len(found) / len(asked) < usual / 2 and chance(len(asked), len(found), usual) < UNLIKELY:
            raise Transient(
                f"{part} of {self._planned.label}: {len(absent)} of {len(asked)} matches have none, and usually "
                f"{usual:.0%} have one. That is an outage and no answer: nothing of it is remembered, and latest "
                "stays. The next try asks again. Where the upstream has stopped to have it, a run of the competition "
                "with `full_refresh` believes that.",
                cause=f"{part} of {self._planned.label}: {len(absent)} of {len(asked)} matches have none",
            )

    # --- what is known to be there ---

    def _drawn(self, part: str) -> Iterator[int]:
        """Matches of the last good version that have a part: a few of the competition, then of others.

        Others in each run, so that what was deleted is no control for long.
        """
        draw = random.Random(self._run.version)  # noqa: S311 - a choice, not a secret
        done = [one for one in self._ended(part) if one.state == "done"]
        for own in (True, False):
            known = sorted(one.match for one in done if (one.competition == self._place[0]) is own)
            yield from draw.sample(known, min(control.ASKED, len(known)))

    def _ended(self, part: str) -> list[_Ended]:
        """How a part ended of every match of the last good version that has it, or has none."""
        if self._run.base is None:
            return []
        table = manifests.dataset(self._run.read, self._run.base.table(match_tables.MATCH_PARTS.name))
        columns = ["match_id", "competition_id", "season_year", "state"]
        rows = table.to_table(
            columns, filter=(pc.field("part") == part) & pc.field("state").isin(["done", "none"])
        )
        return list(map(_Ended, *(rows[name].to_pylist() for name in columns)))

    def _found_elsewhere(self, part: str) -> Iterator[int]:
        """Matches of this run's other units of which the part has landed."""
        decode = decoder(_Came).decode
        for unit, landed in self._run.raw.units(self._run.version):
            if unit != self._planned.key:
                came = map(decode, landed.read(known_matches.MATCHES))
                yield from (reply.match for reply in came if part in reply.parts)

    def _others(self) -> list[int]:
        """Matches of the run's other units: the newest of each, then the next ones, those of the competition first."""
        ranked = [
            (rank, each.competition != self._place[0], each.match)
            for unit in units(self._discovery)
            if unit.key != self._planned.key
            for rank, each in enumerate(reversed(unit.matches))
        ]
        return [match for *_, match in sorted(ranked)[:OTHERS]]
