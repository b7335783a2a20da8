"""What happens in a round, chosen by its seed alone: kills one after the other, or actors at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from tests.soak.acts import Act
from tests.soak.disturb import Disturbance
from tests.toy.source import STEPS

CALM = Disturbance("none")
LONGEST = 300
"""So many operations no act has."""
ORDER = tuple(STEPS)
LONG = {"restore": 5.0, "rebuild": 2.0, "back up": 5.0}
"""About so many seconds an act takes; others one."""


@dataclass(frozen=True)
class Move:
    """An act of a process, and what comes over it."""

    act: Act
    disturbance: Disturbance
    again: bool = False
    """Whether it is done again at once where it was killed, as Airflow does it."""
    meanwhile: tuple[Act, ...] = ()
    """What others do while it is frozen."""
    sleeps: bool = False
    """Whether it stays frozen until the round is over, which ends well without it."""


@dataclass(frozen=True)
class Round:
    """One round: moves one after the other, then schedules of some actors each."""

    number: int
    seed: int
    s3: bool
    moves: tuple[Move, ...] = ()
    schedules: tuple[tuple[tuple[Move, ...], ...], ...] = ()
    """Of each schedule its actors, of each actor its moves."""

    def __str__(self) -> str:
        what = f"{len(self.moves)} moves" if self.moves else f"{len(self.schedules)} schedules"
        return f"round {self.number} ({what}{', S3' if self.s3 else ''})"


@dataclass
class _Chooser:
    rng: random.Random
    loses: bool
    """Whether the registry may be lost in this round."""
    day: int = 0
    runs: list[Act] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def act(self, *, alone: bool) -> Act:
        """Anything that may happen; `alone` allows what no operator does beside others."""
        names = ["run"] * 9 + ["clear"] * 5 + ["roll back"] * 2 + ["accept"] * 2 + ["recover"] * 3
        names += ["retain"] * 2 + ["pin", "read on"] + (["back up"] if alone else [])
        # Losing the registry ends all runs, so not every round has it.
        names += ["rebuild", *(["restore"] * 2 if alone else [])] if self.loses else []
        name = self.rng.choice(names)
        if name == "run":
            return self.run()
        if name == "clear" and self.runs:
            return self.cleared(self.rng.choice(self.runs))
        return Act(name if name != "clear" else "recover", choice=self.rng.random())

    def run(self) -> Act:
        """A new run, mostly of a new day."""
        self.day += self.rng.choice([0, 1, 1, 2])
        day = max(self.day - self.rng.choice([0] * 6 + [1, 3]), 0)
        quality = self.rng.choice(["good"] * 5 + ["level"])
        last = self.rng.choice([1, 2, 3, 4, 4, 4, 4, 4])
        act = Act("run", f"run-{next(self.numbers)}", day, ORDER[:last], quality)
        self.runs.append(act)
        return act

    def cleared(self, run: Act) -> Act:
        """A run again from one of its steps, to its end."""
        first = self.rng.randrange(len(ORDER))
        return Act("run", run.run, run.day, ORDER[first:], run.quality)

    def disturbance(self, kinds: list[str], act: Act, slow: float = 0.0) -> Disturbance:
        kind, seed = self.rng.choice(kinds), self.rng.getrandbits(32)
        if kind == "kill" and self.rng.random() < 0.25:
            longest = LONG.get(act.name, 0.4 * max(len(act.steps), 1))
            return Disturbance(kind, None, after=self.rng.random() * longest, slow=slow, seed=seed)
        # Early operations as often as the many late ones.
        at = (
            int(LONGEST ** self.rng.random())
            if self.rng.random() < 0.3
            else self.rng.randrange(40 * max(len(act.steps), 1))
        )
        return Disturbance(kind, at=at, slow=slow, seed=seed)

    def move(self) -> Move:
        act = self.act(alone=True)
        disturbance = self.disturbance(["kill"] * 5 + ["freeze"], act)
        meanwhile: tuple[Act, ...] = ()
        if disturbance.kind == "freeze":
            meanwhile = (act, *(self.act(alone=True) for _ in range(self.rng.choice([1, 1, 2]))))
        return Move(act, disturbance, self.rng.random() < 0.6, meanwhile, self.rng.random() < 0.3)

    def schedule(self) -> tuple[tuple[Move, ...], ...]:
        actors = self.rng.choice([2, 2, 3, 4])
        return tuple(
            tuple(self._of_actor() for _ in range(self.rng.choice([1, 1, 2]))) for _ in range(actors)
        )

    def _of_actor(self) -> Move:
        act = self.act(alone=False)
        kinds = ["none"] * 8 + ["kill", "freeze"]
        disturbance = self.disturbance(kinds, act, slow=self.rng.choice([0.0, 0.05, 0.2]))
        return Move(act, disturbance, sleeps=self.rng.random() < 0.3)


def chosen(seed: int, number: int, *, moves: int, schedules: int, s3: bool) -> Round:
    """The round of a number: by turns one of moves and one of schedules, one in five of them in S3 where it may be."""
    rng = random.Random(f"{seed} {number}")
    s3 = rng.random() < 0.2 and s3
    chooser = _Chooser(rng, loses=rng.random() < 0.3)
    if number % 2:
        return Round(number, seed, s3, schedules=tuple(chooser.schedule() for _ in range(schedules)))
    return Round(number, seed, s3, moves=tuple(chooser.move() for _ in range(moves)))
