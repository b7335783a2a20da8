"""How a match ends: status, goals, red cards and the shoot-out. A pure function of seed, match and correction."""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from sandbox.sample.chance import poisson, rng
from sandbox.sofascore.fixtures import Fixture

SCHEDULED, FIRST_HALF, SECOND_HALF, HALF_TIME = 0, 6, 7, 31
POSTPONED, CANCELED, INTERRUPTED, ABANDONED, WALKOVER = 60, 70, 80, 90, 91
ENDED, AFTER_EXTRA_TIME, AFTER_PENALTIES = 100, 110, 120

LENGTHS = {1: 45, 2: 90, 3: 105, 4: 120}
"""Minute at which each period ends; 3 and 4 are extra time."""

_HOME, _AWAY = 1.5, 1.15
_FIRST_HALF = 0.45
_EXTRA_TIME = 0.3
_PER_RED = 0.055
_SCORED = 0.75


class Goal(NamedTuple):
    """A goal that counts for a side. added: minutes of added time, 0 before it."""

    period: int
    time: int
    added: int
    home: bool


class Red(NamedTuple):
    """A player sent off."""

    period: int
    time: int
    home: bool
    second_yellow: bool


class Kick(NamedTuple):
    """A kick of a shoot-out, in order."""

    home: bool
    scored: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a match. end: the minute at which play stopped, without added time; added: minutes of added time
    of both halves. winner: 1 home, 2 away, 3 draw."""

    code: int
    goals: tuple[Goal, ...] = ()
    reds: tuple[Red, ...] = ()
    kicks: tuple[Kick, ...] = ()
    end: int = 90
    added: tuple[int, int] = (0, 0)
    winner: Literal[1, 2, 3] | None = None

    def count(self, home: bool, *periods: int) -> int:
        """Goals of a side, in these periods or in all."""
        return sum(goal.home is home and (not periods or goal.period in periods) for goal in self.goals)

    def shootout(self, home: bool) -> int:
        """Goals of a side in the shoot-out."""
        return sum(kick.home is home and kick.scored for kick in self.kicks)

    def until(self, code: int, minute: int) -> "Outcome":
        """What had come of it at a minute."""
        return replace(
            self,
            code=code,
            goals=tuple(goal for goal in self.goals if goal.time <= minute),
            reds=tuple(red for red in self.reds if red.time < minute),
            kicks=(),
            end=minute,
            winner=None,
        )


def outcome(
    seed: int, fixture: Fixture, corrections: int = 0, score: tuple[int, int] | None = None
) -> Outcome:
    """What comes of a match when it is played. corrections: how often its score was corrected since; score: the
    one that it was set to."""
    return _Played(seed, fixture, corrections, score).outcome()


class _Played:
    """A match being played. What one draws from is its own, so that a correction leaves the rest alone."""

    def __init__(self, seed: int, fixture: Fixture, corrections: int, score: tuple[int, int] | None) -> None:
        self.seed = seed
        self.fixture = fixture
        self.chance = rng(seed, "outcome", fixture.id)
        self.added = (self.chance.randint(1, 4), self.chance.randint(2, 8))
        self.goals = self._goals()
        for number in range(corrections):
            self._correct(number)
        if score is not None:
            self._set(score)

    def outcome(self) -> Outcome:
        fixture = self.fixture
        if fixture.fate in (INTERRUPTED, ABANDONED):
            return self._ended(ENDED).until(fixture.fate, self.chance.randint(20, 85))
        if fixture.fate == WALKOVER:
            return Outcome(WALKOVER, end=0, winner=1 if self.chance.happens(0.5) else 2)
        if fixture.fate in (POSTPONED, CANCELED):
            return Outcome(fixture.fate, end=0)
        if not fixture.decides:
            return self._ended(ENDED)
        return self._decided()

    def _ended(self, code: int) -> Outcome:
        home, away = self._score()
        return Outcome(
            code,
            tuple(sorted(self.goals)),
            self._reds(),
            end=90,
            added=self.added,
            winner=3 if home == away else 1 if home > away else 2,
        )

    def _decided(self) -> Outcome:
        """One that must have a winner, over both legs if there were two."""
        before = (0, 0)
        if self.fixture.first_leg is not None:
            first = outcome(self.seed, self.fixture.first_leg)
            before = first.count(False), first.count(True)  # its home side is the other one now
        wish = self.fixture.wish
        if wish:
            self._level()
        if self._lead(before):
            return self._ended(ENDED)
        extra = [self._extra_goal() for _ in range(poisson(0.5, self.chance.random))]
        if wish:
            extra = [self._extra_goal()] if wish == AFTER_EXTRA_TIME else []
        self.goals += extra
        code = AFTER_EXTRA_TIME if self._lead(before) else AFTER_PENALTIES
        kicks = () if code == AFTER_EXTRA_TIME else self._shootout()
        played = replace(self._ended(code), kicks=kicks, end=120)
        if not kicks:
            return played
        return replace(played, winner=1 if played.shootout(True) > played.shootout(False) else 2)

    # --- goals

    def _goals(self) -> list[Goal]:
        home, away = self.fixture.home.strength, self.fixture.away.strength
        means = (True, _HOME * home / away), (False, _AWAY * away / home)
        return [
            self._goal(1 if self.chance.happens(_FIRST_HALF) else 2, side)
            for side, mean in means
            for _ in range(min(9, poisson(mean, self.chance.random)))
        ]

    def _goal(self, period: int, home: bool) -> Goal:
        return _placed(period, self.chance.randint(1, 45 + self.added[period - 1]), home)

    def _extra_goal(self) -> Goal:
        minute = self.chance.randint(91, 119)
        return Goal(3 if minute <= LENGTHS[3] else 4, minute, 0, self.chance.happens(0.5))

    def _score(self) -> tuple[int, int]:
        home = sum(goal.home for goal in self.goals)
        return home, len(self.goals) - home

    def _lead(self, before: tuple[int, int]) -> int:
        home, away = self._score()
        return home + before[0] - away - before[1]

    def _level(self) -> None:
        goals = min(self._score())
        self._set((goals, goals))

    def _set(self, score: tuple[int, int]) -> None:
        """Take the latest goals of a side away, or add some in the second half."""
        chance = rng(self.seed, "set", self.fixture.id, *score)
        kept = []
        for home, wanted in ((True, score[0]), (False, score[1])):
            kept += sorted(goal for goal in self.goals if goal.home is home)[:wanted]
            missing = wanted - sum(goal.home is home for goal in kept)
            kept += [_placed(2, chance.randint(1, 44), home) for _ in range(missing)]
        self.goals = kept

    def _correct(self, number: int) -> None:
        """A goal of the second half did not count after all, or one was missed."""
        chance = rng(self.seed, "correction", self.fixture.id, number)
        late = [goal for goal in self.goals if goal.time > LENGTHS[1]]
        if late and chance.happens(0.5):
            self.goals.remove(max(late))
        else:
            self.goals.append(_placed(2, chance.randint(1, 44), chance.happens(0.5)))

    # --- the rest

    def _reds(self) -> tuple[Red, ...]:
        chance = rng(self.seed, "reds", self.fixture.id)
        found = []
        for home in (True, False):
            if chance.happens(_PER_RED):
                time = chance.randint(30, 89)
                found.append(Red(1 if time <= LENGTHS[1] else 2, time, home, chance.happens(0.5)))
        return tuple(sorted(found))

    def _shootout(self) -> tuple[Kick, ...]:
        """Five kicks each until one side cannot be reached, then pair by pair."""
        kicks: list[Kick] = []
        scored = {True: 0, False: 0}
        first = self.chance.happens(0.5)
        best_of = 5
        while True:
            for home in (first, not first):
                kicks.append(Kick(home, self.chance.happens(_SCORED)))
                scored[home] += kicks[-1].scored
                left = {side: best_of - sum(kick.home is side for kick in kicks) for side in (True, False)}
                if any(scored[side] > scored[not side] + left[not side] for side in (True, False)):
                    return tuple(kicks)
            if sum(kick.home for kick in kicks) == best_of:
                best_of += 1


def _placed(period: int, minute: int, home: bool) -> Goal:
    """A goal at a minute of a half, added time included."""
    start = LENGTHS[period] - 45
    return Goal(period, start + min(minute, 45), max(0, minute - 45), home)
