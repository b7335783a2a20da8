"""What is written down of a player in a match, and of a shot."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.sofascore.outcomes import Goal
from sandbox.sofascore.people import Member, Player

Figures = dict[str, Any]
SIDES = (True, False)
"""Home, away."""

_BOX_DEPTH, _BOX_WIDTH = 16, 58
"""The penalty area, in percent of the pitch."""


@dataclass(slots=True)
class Sheet:
    """A player of a line-up. on, off: minutes between which he was on the pitch, None if he never was."""

    member: Member
    home: bool
    position: str
    substitute: bool
    captain: bool = False
    on: int | None = None
    off: int | None = None
    booked: bool = False
    figures: Figures = field(default_factory=dict)

    @property
    def player(self) -> Player:
        """Who it is."""
        return self.member.player

    @property
    def minutes(self) -> int:
        """How long he was on the pitch; at least 1 if he was."""
        return 0 if self.on is None or self.off is None else max(1, self.off - self.on)

    def add(self, figure: str, amount: float = 1) -> None:
        """Count something for him."""
        self.figures[figure] = self.figures.get(figure, 0) + amount


@dataclass(slots=True)
class Shot:
    """A shot. kind: goal, save, miss, post or block; goal: the one that it was."""

    home: bool
    sheet: Sheet
    kind: str
    situation: str
    period: int
    time: int
    added: int
    xg: float
    big: bool
    x: float
    y: float
    keeper: Sheet
    body_part: str
    mouth: str
    goal: Goal | None = None

    @property
    def on_target(self) -> bool:
        """Whether it would have gone in but for the goalkeeper."""
        return self.kind in {"goal", "save"}

    @property
    def inside(self) -> bool:
        """Whether it came from the penalty area."""
        return self.x <= _BOX_DEPTH and abs(self.y - 50) <= _BOX_WIDTH / 2

    @property
    def xgot(self) -> float:
        """Expected goals on target."""
        return round(min(0.99, self.xg * 1.4 + 0.02), 4) if self.on_target else 0.0
