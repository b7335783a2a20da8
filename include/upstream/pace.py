"""How often a host is asked: a token bucket with an optional ceiling per minute.

One Pace belongs to one host and is shared by every thread that asks it. Processes do not share it: by the
upstream's lease (lease.py) one task at a time asks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

_MINUTE = 60.0
# A wait shorter than the clock can tell would be slept for ever.
_SHORTEST_SLEEP = 1e-6


class Pace:
    """Lets at most `burst + per_second * t` requests start in any window of t seconds.

    `per_minute` caps every window of 60 seconds on top of that (PubChem: 5 a second and 400 a minute,
    docs/upstreams/pubchem.md). None or 0 switches a limit off. `clock` and `sleep` belong together: sleeping must
    advance the clock. Threads may share a pace.
    """

    def __init__(
        self,
        per_second: float | None = None,
        burst: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        *,
        per_minute: int | None = None,
    ) -> None:
        if (per_second or 0) < 0 or (per_minute or 0) < 0 or burst < 1:
            raise ValueError(
                f"A pace of {per_second} a second and {per_minute} a minute with a burst of {burst} cannot "
                "be kept: the rates must be 0 (off) or more and the burst at least 1."
            )
        self._interval = 1 / per_second if per_second else 0.0
        self._burst_ahead = (burst - 1) * self._interval
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._full_at = float("-inf")  # when the bucket is full again; each request moves it one interval on
        self._silent_until = float("-inf")
        self._last_minute: deque[float] | None = deque(maxlen=per_minute) if per_minute else None

    def wait(self) -> float:
        """Return when the caller may send its request, with the seconds it had to wait."""
        waited = 0.0
        # The token is taken at the moment of leaving, not when joining the queue: a thread that oversleeps
        # never leaves together with the next one, and one that sleeps when a pause begins obeys the pause.
        while (delay := self._take()) > 0:
            self._sleep(delay)
            waited += delay
        return waited

    def pause(self, seconds: float) -> None:
        """Let nobody start for so many seconds (Retry-After), and then one by one, without a burst."""
        with self._lock:
            until = self._clock() + seconds
            self._silent_until = max(self._silent_until, until)
            self._full_at = max(self._full_at, until + self._burst_ahead)

    def _take(self) -> float:
        """Take a token and return 0, or return the seconds until there may be one."""
        with self._lock:
            now = self._clock()
            free_at = max(self._silent_until, self._full_at - self._burst_ahead)
            if self._last_minute is not None and len(self._last_minute) == self._last_minute.maxlen:
                free_at = max(free_at, self._last_minute[0] + _MINUTE)
            if free_at > now:
                return max(free_at - now, _SHORTEST_SLEEP)
            self._full_at = max(self._full_at, now) + self._interval
            if self._last_minute is not None:
                self._last_minute.append(now)
            return 0.0
