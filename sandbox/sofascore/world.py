"""What the sample SofaScore knows at a data version: fixtures, what came of them, moves and corrections.

The data version of day d is what can be seen at midnight UTC of the first day plus d days. It is a pure function of
size, seed, first day and number of advances; what was asked for by hand (corrections, other seasons, teams that changed
sides) comes on top and does not outlive the process.

In here the first day is always DAY_0, so that the first day a world is given changes nothing of what happens in it:
times, births and names of seasons are moved by as much when they are told.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TypeVar

import msgspec

from sandbox.sample.chance import rng, share
from sandbox.sofascore.competitions import Competition
from sandbox.sofascore.fixtures import (
    CURRENT_YEAR,
    DAY,
    DAY_0,
    FIRST_MATCH,
    HOUR,
    Fixture,
    Plan,
    Season,
    spelled,
)
from sandbox.sofascore.outcomes import (
    AFTER_PENALTIES,
    CANCELED,
    ENDED,
    FIRST_HALF,
    HALF_TIME,
    INTERRUPTED,
    POSTPONED,
    SCHEDULED,
    SECOND_HALF,
    Outcome,
    outcome,
)
from sandbox.sofascore.people import People, Team

T = TypeVar("T")

PARTS_OF_MATCH = (
    "event",
    "lineups",
    "statistics",
    "incidents",
    "managers",
    "graph",
    "shotmap",
    "best_players",
    "head_to_head",
)
_MISSING = {
    "lineups": 0.05,
    "statistics": 0.04,
    "incidents": 0.01,
    "managers": 0.02,
    "graph": 0.03,
    "shotmap": 0.2,
    "best_players": 0.08,
    "head_to_head": 0.01,
}
"""Shares of the matches that lack a part."""
_MISSING_IF_COVERED = _MISSING | {"graph": 0.01}
_GOLDEN = 0.6180339887498949
_WITHOUT_ATTENDANCE, _WITHOUT_REFEREE = 0.24, 0.05

BOUND = 1_000
"""The longest list in a summary."""

# Minutes after kick-off at which each state ends
_HALF, _PAUSE, _FULL, _DECIDED = 48, 63, 115, 160
_MOST_GOALS = 15
_CORRECTED_A_DAY, _MOVED_A_DAY = 2, 2
_LEAST_TO_POSTPONE = 3
_CORRECTED_WITHIN = 30 * HOUR
_RESCHEDULED_AFTER, _RESCHEDULED_BY = 2 * DAY, 6 * DAY
_LIVE = frozenset({FIRST_HALF, SECOND_HALF, HALF_TIME})

FIRST_DAY = datetime.fromtimestamp(DAY_0, UTC).date()
_SEASON_TURNS = 7
"""The month from which on the current season is named after the year."""


class Advance(msgspec.Struct, frozen=True):
    """What one call of `World.advance` did; the numbers of matches stop at 1,000 each, `counts` are exact.

    played: came to an end; moved: have another kick-off, postponed ones that got a new one among them; postponed:
    did not take place; corrected: have another score; rated: one player has another rating, and nothing in the event
    lists tells; announced: were not known before.
    """

    data_version: str
    counts: dict[str, int]
    played: list[int]
    moved: list[int]
    postponed: list[int]
    corrected: list[int]
    rated: list[int]
    announced: list[int]


class World:
    """One sample at its current data version. Not safe for threads.

    day: advances to replay; first: the date of day 0; covered: no season lacks all line-ups, and no competition
    expected goals, so that no check of the gate warns.
    """

    def __init__(
        self, size: int, seed: int, day: int = 0, *, first: date = FIRST_DAY, covered: bool = False
    ) -> None:
        self.seed = seed
        self.day = 0
        self._later = (first - FIRST_DAY).days * DAY
        self._years_later = first.year - (first.month < _SEASON_TURNS) - CURRENT_YEAR
        self._missing = _MISSING_IF_COVERED if covered else _MISSING
        self.people = People(seed, self._later)
        plan = Plan(size, seed, self.people, lambda fixture: outcome(seed, fixture))
        self.fixtures: list[Fixture] = plan.fixtures
        self.seasons: dict[int, Season] = {season.id: season for season in plan.seasons}
        self.competitions: dict[int, Competition] = {
            season.competition.id: season.competition for season in plan.seasons
        }
        of_form = {
            form: [each for each in self.competitions.values() if each.form == form]
            for form in ("league", "cup")
        }
        # The least of the leagues; a world of two has a cup for it
        self.low_coverage = None if covered else (of_form["league"][2:] or of_form["cup"])[-1].id
        if covered:
            for season in plan.seasons:
                season.without_lineups = False
        self._current = [fixture for fixture in self.fixtures if fixture.season.current]
        self._moved: dict[int, int] = {}
        self._postponed: set[int] = set()
        self._corrections: Counter[int] = Counter()
        self._set: dict[int, tuple[int, int]] = {}
        self._rated: Counter[int] = Counter()
        self._changed: dict[int, int] = {}
        self._reassigned: dict[int, Season] = {}
        for _ in range(day):
            self._step()

    # --- now

    @property
    def now(self) -> int:
        """Seconds since 1970 at which this data version is seen."""
        return DAY_0 + self.day * DAY

    @property
    def data_version(self) -> str:
        """The time at which this data version is seen."""
        return datetime.fromtimestamp(self.told(self.now), UTC).isoformat()

    def told(self, moment: int) -> int:
        """A time of this world, in seconds since 1970, as it is told."""
        return moment + self._later

    def heard(self, moment: int) -> int:
        """A time as it is told, in this world."""
        return moment - self._later

    def year(self, competition: Competition, begin: int) -> str:
        """A season that begins in this year of the world, as the upstream spells it."""
        return spelled(competition, begin + self._years_later)

    def find(self, match: int) -> Fixture | None:
        """A match that is known at this data version."""
        number = match - FIRST_MATCH
        if not 0 <= number < len(self.fixtures):
            return None
        fixture = self.fixtures[number]
        return fixture if fixture.announced <= self.now else None

    def known(self, season: Season) -> list[Fixture]:
        """A season's matches that are known at this data version, by kick-off."""
        came = [fixture for fixture in map(self.find, self._reassigned) if fixture is not None]
        found = [
            fixture
            for fixture in {*season.fixtures, *came}
            if fixture.announced <= self.now and self.season_of(fixture) is season
        ]
        return sorted(found, key=lambda fixture: (self.kickoff(fixture), fixture.id))

    def season_of(self, fixture: Fixture) -> Season:
        """The season that a match is listed in now; who plays in it follows from the one it was planned for."""
        return self._reassigned.get(fixture.id, fixture.season)

    def kickoff(self, fixture: Fixture) -> int:
        """Kick-off as announced now."""
        return self._moved.get(fixture.id, fixture.kickoff)

    def outcome(self, fixture: Fixture) -> Outcome:
        """What came of a match so far."""
        if fixture.id in self._postponed:
            return Outcome(POSTPONED, end=0)
        minutes = (self.now - self.kickoff(fixture)) // 60
        if minutes < 0:
            return Outcome(SCHEDULED, end=0)
        final = self.final(fixture)
        if fixture.fate:
            return final
        if minutes < _HALF:
            return final.until(FIRST_HALF, min(45, minutes))
        if minutes < _PAUSE:
            return final.until(HALF_TIME, 45)
        if minutes < (_FULL if final.code == ENDED else _DECIDED):
            return final.until(SECOND_HALF, min(90, 45 + minutes - _PAUSE))
        return final

    def final(self, fixture: Fixture) -> Outcome:
        """What comes of a match in the end, as far as it was corrected."""
        return outcome(self.seed, fixture, self._corrections[fixture.id], self._set.get(fixture.id))

    def rated(self, fixture: Fixture) -> int:
        """How often a rating of the match was corrected."""
        return self._rated[fixture.id]

    def changed(self, fixture: Fixture) -> int:
        """When the match was last changed; 0 if it never was."""
        changed = self._changed.get(fixture.id, 0)
        kickoff = self.kickoff(fixture)
        if kickoff <= self.now and fixture.id not in self._postponed:
            length = _FULL if not fixture.decides else _DECIDED
            return max(changed, min(self.now, kickoff + length * 60 + fixture.id % 600))
        return changed

    def has(self, fixture: Fixture, part: str) -> bool:
        """Whether there is this part of a match."""
        if part == "event":
            return True
        ended = self.outcome(fixture)
        if ended.code in {SCHEDULED, POSTPONED, CANCELED} or not ended.end:
            return part in {"managers", "head_to_head"} and not self._lacks(fixture, part)
        if ended.code in _LIVE | {INTERRUPTED} and part not in {"incidents", "managers", "head_to_head"}:
            return False
        if (
            part in {"lineups", "best_players"} and fixture.season.without_lineups
        ):  # the best are rated in them
            return False
        return not self._lacks(fixture, part)

    def _lacks(self, fixture: Fixture, part: str) -> bool:
        # A golden sequence: every run of matches lacks its share, and no season much more of it
        place = share(self.seed, "lacks", part) + (fixture.id - FIRST_MATCH) * _GOLDEN
        return place % 1 < self._missing[part]

    def has_xg(self, season: Season) -> bool:
        """Whether a season is covered so far that shots have expected goals."""
        return season.competition.id != self.low_coverage

    def attendance(self, fixture: Fixture) -> int | None:
        """Spectators of a match that took place, where they are known."""
        draw = share(self.seed, "attendance", fixture.id)
        if draw < _WITHOUT_ATTENDANCE or self.outcome(fixture).code < ENDED:
            return None
        return int(draw * fixture.home.venue["capacity"])

    def has_referee(self, fixture: Fixture) -> bool:
        """Whether the referee of a match is known."""
        return share(self.seed, "referee", fixture.id) >= _WITHOUT_REFEREE

    # --- data versions

    def advance(self, days: int = 1) -> Advance:
        """Go to the data version `days` days later and tell what that changed."""
        if days < 1:
            raise ValueError(f"days is {days}; a data version only moves forward")
        before = self.now
        waiting = [
            fixture
            for fixture in self._current
            if self.outcome(fixture).code in {SCHEDULED, POSTPONED, *_LIVE}
        ]
        found: dict[str, set[int]] = {kind: set() for kind in ("moved", "postponed", "corrected", "rated")}
        for _ in range(days):
            for kind, matches in self._step().items():
                found[kind] |= matches
        found["played"] = {
            each.id for each in waiting if self.outcome(each).code in {ENDED, 110, AFTER_PENALTIES}
        }
        found["announced"] = {each.id for each in self._current if before < each.announced <= self.now}
        counts = {kind: len(matches) for kind, matches in found.items()}
        lists = {kind: sorted(matches)[:BOUND] for kind, matches in found.items()}
        return Advance(self.data_version, counts, **lists)

    def correct(self, match: int, home: int, away: int) -> None:
        """Let a match that ended in a league or group have had another score all along.

        Raises ValueError for a match that did not end so, that decided over a tie, or for more than 15 goals.
        """
        fixture = self.find(match)
        if fixture is None or fixture.stage or self.outcome(fixture).code != ENDED:
            raise ValueError(
                f"match {match} is none of a league or group that ended; only those are corrected"
            )
        if not (0 <= home <= _MOST_GOALS and 0 <= away <= _MOST_GOALS):
            raise ValueError(
                f"{home}:{away} is no score of a match; a side has from 0 to {_MOST_GOALS} goals"
            )
        self._set[match] = home, away
        self._changed[match] = max(self.now, self.changed(fixture) + 1)

    def reassign(self, match: int, season: int) -> None:
        """Let a match belong to another season, of its competition or of another; nothing else tells of it.

        Raises KeyError for a match or a season that is not there.
        """
        fixture = self.find(match)
        if fixture is None:
            raise KeyError(match)
        self._reassigned[match] = self.seasons[season]

    def swap(self, match: int) -> None:
        """Let the teams of a match have changed sides. Raises KeyError for a match that is not there."""
        fixture = self.find(match)
        if fixture is None:
            raise KeyError(match)
        fixture.home, fixture.away = fixture.away, fixture.home

    def rename(self, team: int, name: str) -> None:
        """Let a team be called otherwise, in all of its matches; nothing else tells of it."""
        for fixture in self.fixtures:
            for side in ("home", "away"):
                called: Team = getattr(fixture, side)
                if called.id == team:
                    fields = called.fields | {"name": name, "shortName": name}
                    public = msgspec.Raw(msgspec.json.encode(fields))
                    setattr(fixture, side, replace(called, name=name, fields=fields, public=public))

    def _step(self) -> dict[str, set[int]]:
        """Let a day pass; the matches that were moved, postponed, corrected and rated again."""
        seen = self.now
        chance = rng(self.seed, "day", self.day)
        self.day += 1
        found = {
            "postponed": self._postpone(seen, chance.random()),
            "moved": self._reschedule(seen) | self._move(chance.random()),
            "corrected": set(),
            "rated": set(),
        }
        recent = self._ended_before(seen)
        correctable = [each for each in recent if not each.stage and each.id not in self._set]
        for number, fixture in enumerate(_some(correctable, _CORRECTED_A_DAY, chance.random())):
            self._corrections[fixture.id] += 1
            self._changed[fixture.id] = self.now - (number + 1) * HOUR
            found["corrected"].add(fixture.id)
        others = [each for each in recent if each.id not in found["corrected"] and self.has(each, "lineups")]
        for fixture in _some(others, 1, chance.random()):
            self._rated[fixture.id] += 1
            found["rated"].add(fixture.id)
        return found

    def _postpone(self, since: int, draw: float) -> set[int]:
        """Let one match of the day that passed not have taken place."""
        today = [fixture for fixture in self._current if since < self.kickoff(fixture) < self.now]
        if len(today) < _LEAST_TO_POSTPONE:
            return set()
        postponed = {
            fixture.id
            for fixture in _some([each for each in today if not each.stage], 1, draw)
            if fixture.id not in self._postponed
        }
        self._postponed |= postponed
        for match in postponed:
            self._changed[match] = self.kickoff(self.fixtures[match - FIRST_MATCH]) - 5 * HOUR
        return postponed

    def _reschedule(self, seen: int) -> set[int]:
        """Give matches that were postponed a while ago a new kick-off."""
        due = {
            match
            for match in self._postponed
            if self.kickoff(self.fixtures[match - FIRST_MATCH]) < seen - _RESCHEDULED_AFTER
        }
        for match in due:
            old = self.kickoff(self.fixtures[match - FIRST_MATCH])
            self._move_to(match, old % DAY + self.now + _RESCHEDULED_BY)
        self._postponed -= due
        return due

    def _move(self, draw: float) -> set[int]:
        """Give a few matches to come another hour, or day."""
        coming = [
            fixture
            for fixture in self._current
            if self.now + DAY < self.kickoff(fixture) < self.now + 10 * DAY
            and not fixture.stage
            and fixture.id not in self._postponed
        ]
        chosen = _some(coming, _MOVED_A_DAY, draw)
        for number, fixture in enumerate(chosen):
            self._move_to(fixture.id, self.kickoff(fixture) + (DAY if number else HOUR // 2))
        return {fixture.id for fixture in chosen}

    def _move_to(self, match: int, kickoff: int) -> None:
        self._moved[match] = kickoff
        self._changed[match] = self.now - 7 * HOUR

    def _ended_before(self, seen: int) -> list[Fixture]:
        """Matches that a reader of the data version before saw ended, and not long ago."""
        return [
            fixture
            for fixture in self._current
            if seen - _CORRECTED_WITHIN < self.kickoff(fixture) < seen - _DECIDED * 60
            and self.outcome(fixture).code in {ENDED, 110, AFTER_PENALTIES}
        ]

    # --- what is counted

    def played(self) -> int:
        """How many matches were played to their end."""
        return sum(number for code, number in self.states().items() if int(code) >= ENDED)

    def states(self) -> dict[str, int]:
        """How many matches there are of each status code, of those that are known."""
        codes = Counter(
            self.outcome(fixture).code for fixture in self.fixtures if fixture.announced <= self.now
        )
        return {str(code): codes[code] for code in sorted(codes)}


def _some(values: Sequence[T], amount: int, draw: float) -> list[T]:
    """So many neighbouring values from a drawn place on, fewer where there are not enough."""
    if not values:
        return []
    start = int(draw * len(values))
    rotated: Iterable[T] = [*values[start:], *values[:start]]
    return list(rotated)[:amount]
