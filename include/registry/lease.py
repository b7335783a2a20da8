"""The lease of an upstream: one task at a time asks it, on whatever worker, of whatever run.

It is a row of lastgood.upstream_lease that a thread of the holder renews. A holder that was killed or frozen loses it
when it runs out; one that wakes then finds so before its next question. The database's clock decides who has it.

A row rather than an advisory lock: that would need a session of the database for as long as an extract lasts, which
a pooler or a failover takes away without a word, and which a frozen process keeps for ever.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from threading import Event, Lock, Thread

import psycopg

from include.registry.connection import Database
from include.upstream.answers import LeaseHeld, LeaseLost

SECONDS = 60.0
"""So long nobody else gets the lease of a holder that says nothing."""
POLL_SECONDS = 2.0
TELL_SECONDS = 60.0
"""How often one that waits says for whom."""
log = logging.getLogger(__name__)

_TAKE = """
    INSERT INTO lastgood.upstream_lease AS l (name, token, holder, until)
    VALUES (%(name)s, %(token)s, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s))
    ON CONFLICT (name) DO UPDATE
    SET token = excluded.token, holder = excluded.holder, since = clock_timestamp(), until = excluded.until
    WHERE l.until <= clock_timestamp()
    RETURNING token
"""
_RENEW = """
    UPDATE lastgood.upstream_lease SET until = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE name = %(name)s AND token = %(token)s RETURNING token
"""
_RELEASE = "DELETE FROM lastgood.upstream_lease WHERE name = %(name)s AND token = %(token)s"
_LOOK = "SELECT holder, since FROM lastgood.upstream_lease WHERE name = %s"
# Goes on while the machine sleeps, which monotonic does not.
_clock = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """The right to ask an upstream, by the name of its connection. Threads of the holder may share it.

    `holder` is who asks, in words that others read while they wait. Of `seconds`, which a renewal is good for, the
    last quarter is left to questions that are on their way.
    """

    def __init__(self, registry: Database, name: str, holder: str, seconds: float = SECONDS) -> None:
        self.name = name
        self._registry = registry
        self._values = {"name": name, "token": uuid.uuid4(), "holder": holder[:500], "seconds": seconds}
        self._seconds = seconds
        self._good_until = float("-inf")
        self._lock = Lock()

    def take(self) -> bool:
        """Take it if nobody has it; whether that is so."""
        return self._write(_TAKE)

    def confirm(self) -> None:
        """Before each question: return at once while the last renewal is fresh, else renew. Raises LeaseLost."""
        if _clock() < self._good_until:
            return
        with self._lock:
            if _clock() >= self._good_until:
                self.renew()

    def renew(self) -> None:
        """Keep it for as long again. Raises LeaseLost where another task has taken it."""
        if not self._write(_RENEW):
            raise LeaseLost(
                f"This task said nothing for longer than {self._seconds:g} s (it was frozen, or the registry away) "
                f"and lost its turn at {self.name}: {self.held_by() or 'nobody asks it at the moment'}. It asks "
                "nothing more; the next try goes on from what has landed."
            )

    def release(self) -> None:
        """Let the next one have it; where the registry is away it runs out by itself."""
        self._good_until = float("-inf")
        try:
            with self._registry.transaction() as cursor:
                cursor.execute(_RELEASE, self._values)
        except psycopg.Error as error:
            log.warning(
                "The lease of %s runs out in %g s, since it could not be released: %s",
                self.name,
                self._seconds,
                type(error).__name__,
            )

    def held_by(self) -> str | None:
        """Who has it and since when, for people; None where nobody has."""
        with self._registry.transaction() as cursor:
            cursor.execute(_LOOK, (self.name,))
            row = cursor.fetchone()
        return f"{row['holder']} has asked it since {_words(row['since'])}" if row else None

    def _write(self, statement: str) -> bool:
        asked = _clock()
        with self._registry.transaction() as cursor:
            cursor.execute(statement, self._values)
            mine = cursor.fetchone() is not None
        self._good_until = asked + 0.75 * self._seconds if mine else float("-inf")
        return mine

    def keep(self, until: Event) -> None:
        """Renew it now and then, until the event or until it is lost."""
        with self._registry.session():
            while not until.wait(self._seconds / 4):
                try:
                    self.renew()
                except LeaseLost as lost:
                    log.warning("%s", lost)
                    return
                except psycopg.Error as error:  # one that is away for a moment ends nothing
                    log.warning("The lease of %s could not be renewed: %s", self.name, type(error).__name__)


@contextmanager
def held(lease: Lease, patience: float, sleep: Callable[[float], None] = time.sleep) -> Iterator[Lease]:
    """Hold a lease, waiting for it at most `patience` seconds. Raises LeaseHeld that names who has it."""
    _wait(lease, patience, sleep)
    ended = Event()
    keeper = Thread(target=lease.keep, args=(ended,), name=f"lease {lease.name}", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        ended.set()
        keeper.join(POLL_SECONDS)
        lease.release()


def _wait(lease: Lease, patience: float, sleep: Callable[[float], None]) -> None:
    waited, told = 0.0, float("-inf")
    while not lease.take():
        if waited >= patience:
            raise LeaseHeld(f"{lease.name}: {lease.held_by() or 'somebody has just let go'}.")
        if waited - told >= TELL_SECONDS:
            log.info(
                "Waiting for %s, which one task asks at a time: %s.",
                lease.name,
                lease.held_by() or "somebody has just let go",
            )
            told = waited
        pause = min(POLL_SECONDS, patience - waited)
        sleep(pause)
        waited += pause


def _words(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
