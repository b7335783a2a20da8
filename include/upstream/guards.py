"""What a session asks before it asks an upstream. The registry has both, so that they hold for all processes."""

from __future__ import annotations

from typing import Protocol


class Breaker(Protocol):
    """Leaves an upstream that keeps failing alone for a while."""

    def before(self) -> None:
        """Ask for leave to call the upstream. Raises BreakerOpen."""

    def success(self) -> None:
        """A call was answered."""

    def failure(self, error: object) -> None:
        """A call failed in all its tries; `error` is what a person will read about it."""


class Lease(Protocol):
    """The right of one task to ask an upstream."""

    def confirm(self) -> None:
        """Before each question: it still holds. Raises LeaseLost."""
