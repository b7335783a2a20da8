"""A line in the log every minute or so while an upstream is asked: a long pause is not a task that hangs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from include.upstream.session import UpstreamSession

EVERY_SECONDS = 90.0
log = logging.getLogger(__name__)


@contextmanager
def told(source: str, session: UpstreamSession, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Log how far a session has come, every so many seconds until the block ends."""
    ended = Event()

    def tell() -> None:
        while not ended.wait(every):
            stats = session.stats
            log.info(
                "%s: %s questions asked so far, %d of them again, %.1f MB came, %.0f s were spent on waiting",
                source,
                f"{stats.requests:,}",
                stats.retries,
                stats.bytes / 1e6,
                stats.waited_seconds,
            )

    thread = Thread(target=tell, name=f"progress of {source}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
