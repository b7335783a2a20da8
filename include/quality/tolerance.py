"""How much of what arrives may be refused before the gate takes it for a fault rather than for bad records."""

from __future__ import annotations

from dataclasses import dataclass

ALWAYS = 0.5
"""Above this share nobody may accept the candidate: upstream or parser changed, and hardly anything new is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """Part of a source's spec. Each kind of record that its build counts is judged by itself."""

    share: float = 0.05
    """At most this part of a kind, from 0 to 1."""
    least: int = 10
    """Fewer refused records than this never block, since 1 of 2 says nothing."""

    def too_many(self, refused: int, arrived: int) -> bool:
        """Whether the gate blocks."""
        return refused >= self.least and refused > self.share * arrived


USUAL = Tolerance()
"""Where a source has no reason for another."""
