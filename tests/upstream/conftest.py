"""A clock that only sleeping moves, and sessions on a real HTTP server of this machine."""

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer

from include.upstream.guards import Breaker
from include.upstream.limits import Limits
from include.upstream.session import UpstreamSession


class FakeTime:
    """A clock and the sleep that belongs to it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []
        self._lock = threading.Lock()

    def clock(self) -> float:
        with self._lock:
            return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds
            self.sleeps.append(seconds)


class RecordingBreaker(Breaker):
    """Remembers what the session told it, without a database."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def before(self) -> None:
        self.told.append("before")

    def success(self) -> None:
        self.told.append("success")

    def failure(self, error: object) -> None:
        self.told.append(f"failure: {error}")


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def breaker() -> RecordingBreaker:
    return RecordingBreaker()


@pytest.fixture
def make_session(
    httpserver: HTTPServer, fake_time: FakeTime, breaker: RecordingBreaker
) -> Callable[..., UpstreamSession]:
    """A session on the test's server: no pace, three tries, back-off of 1, 2, 4 … s in a fake time."""
    usual = Limits(per_second=None, attempts=3, timeout_seconds=(5, 5), backoff_first=1, backoff_max=60)

    def make(
        *,
        base_url: str | None = None,
        classifier: Any = None,
        throttle_hint: Any = None,
        clock: Any = None,
        **limits: Any,
    ) -> UpstreamSession:
        return UpstreamSession(
            requests.Session(),
            base_url or httpserver.url_for("/"),
            replace(usual, **limits),
            breaker,
            classifier=classifier,
            throttle_hint=throttle_hint,
            clock=clock or fake_time.clock,
            sleep=fake_time.sleep,
            rng=random.Random(7),
        )

    return make
