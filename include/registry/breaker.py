"""The circuit breaker: an upstream that keeps failing is left alone for a while, by all processes.

Its state is a row of lastgood.breaker, and only the database's clock decides when it opens and closes. It
counts whole calls whose every try failed; refusals and contract breaks are answers, so they close it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING, Any

from include.upstream.answers import BreakerOpen, one_line

if TYPE_CHECKING:
    import psycopg

# How long a breaker that was seen closed without failures is taken to be so: a crawl of thousands of good
# answers costs a query each half minute, and learns of another process's trouble as late as that.
RECHECK_SECONDS = 30.0

# A trial has an end of its own, so that one whose process was killed can be taken again.
_CLAIM_TRIAL = """
    UPDATE lastgood.breaker
    SET state = 'half_open', open_until = now() + make_interval(secs => %s), updated_at = now()
    WHERE name = %s AND state IN ('open', 'half_open') AND open_until <= now()
    RETURNING name
"""
_LOOK = "SELECT state, failures, open_until, last_error FROM lastgood.breaker WHERE name = %s"
_SUCCESS = """
    UPDATE lastgood.breaker
    SET state = 'closed', failures = 0, opened_at = NULL, open_until = NULL, updated_at = now()
    WHERE name = %s AND (state = 'half_open' OR (state = 'closed' AND failures > 0))
    RETURNING name
"""
_COUNT_FAILURE = """
    INSERT INTO lastgood.breaker AS b (name, failures, last_error) VALUES (%s, 1, %s)
    ON CONFLICT (name) DO UPDATE
    SET failures = b.failures + 1, last_error = excluded.last_error, updated_at = now()
"""
_OPEN = """
    UPDATE lastgood.breaker
    SET state = 'open', opened_at = now(), open_until = now() + make_interval(secs => %s)
    WHERE name = %s AND (state = 'half_open' OR (state = 'closed' AND failures >= %s))
"""


class Breaker:
    """Guards one upstream, by name.

    Opens after `threshold` failed calls in a row and lets exactly one caller try again once `open_seconds`
    have passed; its success closes the breaker, its failure opens it again. A trial that nobody ended (its
    process was killed) may be taken by the next caller after another `open_seconds`. Threads may share an
    instance.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        name: str,
        threshold: int = 5,
        open_seconds: float = 300,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._connect = connect
        self._threshold = threshold
        self._open_seconds = open_seconds
        self._clock = clock  # only for how long a look stays fresh
        self._calm_until = float("-inf")
        # Failures that this instance counted, and those that a success has made up for since.
        self._counted = self._forgiven = 0

    def before(self) -> None:
        """Ask for leave to call the upstream. Raises BreakerOpen."""
        if self._is_calm():
            return
        with self._connect() as connection:
            if connection.execute(_CLAIM_TRIAL, (self._open_seconds, self.name)).fetchone():
                return
            row = connection.execute(_LOOK, (self.name,)).fetchone()
        state, failures, until, error = row or ("closed", 0, None, None)
        if state == "closed":
            if failures == 0:
                self._stay_calm()
            return
        assert until is not None  # an open breaker has an end
        until = until.astimezone(UTC)
        trial = " (one trial call is under way)" if state == "half_open" else ""
        raise BreakerOpen(
            f"The upstream {self.name} is not asked before {until:%Y-%m-%d %H:%M:%S} UTC{trial}: {failures} "
            f"calls in a row failed, the last with: {error} Look at the upstream's own status; the first "
            "call after that time tries again by itself.",
            until,
            str(error),
        )

    def success(self) -> None:
        """A call was answered."""
        counted = self._counted
        # Another thread may have found all calm just before a failure was counted.
        if self._is_calm() and counted == self._forgiven:
            return
        with self._connect() as connection:
            self._forgiven = counted
            if connection.execute(_SUCCESS, (self.name,)).fetchone():
                self._stay_calm()

    def failure(self, error: object) -> None:
        """A call failed in all its tries; `error` is what a person will read about it."""
        self._calm_until = float("-inf")
        with self._connect() as connection:
            connection.execute(_COUNT_FAILURE, (self.name, one_line(str(error), 1000)))
            connection.execute(_OPEN, (self._open_seconds, self.name, self._threshold))
        # Only now: who sees it in this number can make up for it in the database.
        self._counted += 1

    def _is_calm(self) -> bool:
        return self._clock() < self._calm_until

    def _stay_calm(self) -> None:
        self._calm_until = self._clock() + RECHECK_SECONDS
