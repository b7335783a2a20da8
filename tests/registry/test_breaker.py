"""The breaker in a real registry: opens, half-opens for exactly one, closes; costs a crawl nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.registry.breaker import RECHECK_SECONDS, Breaker
from include.registry.connection import Connect
from include.registry.registry import Registry
from include.upstream.answers import BreakerOpen


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def row(registry: Registry) -> Callable[[], dict[str, Any]]:
    def read() -> dict[str, Any]:
        with registry.transaction() as cursor:
            cursor.execute("SELECT * FROM lastgood.breaker WHERE name = 'ctgov_api'")
            return cursor.fetchone() or {}

    return read


@pytest.fixture
def let_pass(registry: Registry) -> Callable[[float], None]:
    """Let seconds pass for the breaker: everything it noted moves into the past."""

    def back(seconds: float) -> None:
        with registry.transaction() as cursor:
            cursor.execute(
                "UPDATE lastgood.breaker SET open_until = open_until - make_interval(secs => %s)", (seconds,)
            )

    return back


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(connect: Connect, registry: Registry, clock: Clock) -> Breaker:
    return Breaker(connect, "ctgov_api", threshold=3, open_seconds=300, clock=clock)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.before()
        breaker.failure("GET h/x failed 6 times, the last time with: 503.")


def test_it_opens_after_the_threshold_and_says_until_when_and_why(
    breaker: Breaker, row: Callable[[], dict[str, Any]]
) -> None:
    fail(breaker, 2)
    assert (row()["state"], row()["failures"], row()["open_until"]) == ("closed", 2, None)
    fail(breaker, 1)
    with pytest.raises(BreakerOpen) as caught:
        breaker.before()
    assert row()["state"] == "open"
    assert caught.value.until == row()["open_until"] == row()["opened_at"] + timedelta(seconds=300)
    assert abs(caught.value.until - datetime.now(UTC) - timedelta(seconds=300)) < timedelta(seconds=60)
    assert "503" in caught.value.why
    message = str(caught.value)
    assert "ctgov_api is not asked before" in message
    assert "3 calls in a row failed" in message
    assert "503" in message


def test_a_success_in_between_starts_the_count_again(
    breaker: Breaker, row: Callable[[], dict[str, Any]]
) -> None:
    fail(breaker, 2)
    breaker.before()
    breaker.success()
    assert row()["failures"] == 0
    fail(breaker, 2)
    assert row()["state"] == "closed"


def test_an_open_breaker_closes_with_the_success_of_its_trial(
    breaker: Breaker, row: Callable[[], dict[str, Any]], let_pass: Callable[[float], None]
) -> None:
    fail(breaker, 3)
    let_pass(301)
    breaker.before()
    assert row()["state"] == "half_open"
    breaker.success()
    assert (row()["state"], row()["failures"], row()["open_until"]) == ("closed", 0, None)
    breaker.before()


def test_an_open_breaker_opens_anew_with_the_failure_of_its_trial(
    breaker: Breaker, row: Callable[[], dict[str, Any]], let_pass: Callable[[float], None]
) -> None:
    fail(breaker, 3)
    let_pass(301)
    fail(breaker, 1)
    assert (row()["state"], row()["failures"]) == ("open", 4)
    assert row()["open_until"] > row()["updated_at"]
    with pytest.raises(BreakerOpen):
        breaker.before()


def test_exactly_one_of_many_callers_gets_the_trial(
    breaker: Breaker, connect: Connect, let_pass: Callable[[float], None]
) -> None:
    fail(breaker, 3)
    let_pass(301)
    barrier = threading.Barrier(8)
    leave: list[bool] = []

    def call() -> None:
        mine = Breaker(connect, "ctgov_api", threshold=3, open_seconds=300)
        barrier.wait()
        try:
            mine.before()
        except BreakerOpen:
            leave.append(False)
        else:
            leave.append(True)

    threads = [threading.Thread(target=call, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(leave) == [False] * 7 + [True]


def test_while_a_trial_runs_the_others_are_told_so(
    breaker: Breaker, connect: Connect, let_pass: Callable[[float], None]
) -> None:
    fail(breaker, 3)
    let_pass(301)
    breaker.before()
    with pytest.raises(BreakerOpen, match="one trial call is under way"):
        Breaker(connect, "ctgov_api").before()


def test_a_trial_whose_caller_was_killed_is_taken_by_the_next_one(
    breaker: Breaker, connect: Connect, let_pass: Callable[[float], None]
) -> None:
    fail(breaker, 3)
    let_pass(301)
    breaker.before()  # and never heard of again
    let_pass(301)
    other = Breaker(connect, "ctgov_api", threshold=3, open_seconds=300)
    other.before()
    other.success()
    breaker.before()


def test_a_late_answer_of_a_call_from_before_does_not_close_it(
    breaker: Breaker, row: Callable[[], dict[str, Any]]
) -> None:
    fail(breaker, 3)
    breaker.success()
    assert row()["state"] == "open"


def test_failures_while_it_is_open_do_not_move_its_end(
    breaker: Breaker, row: Callable[[], dict[str, Any]]
) -> None:
    fail(breaker, 3)
    until = row()["open_until"]
    breaker.failure("a call from before")
    assert (row()["state"], row()["open_until"], row()["failures"]) == ("open", until, 4)


def test_a_threshold_of_one_opens_at_the_first_failure(connect: Connect, registry: Registry) -> None:
    breaker = Breaker(connect, "ctgov_api", threshold=1)
    fail(breaker, 1)
    with pytest.raises(BreakerOpen):
        breaker.before()


def test_breakers_of_other_upstreams_are_not_touched(breaker: Breaker, connect: Connect) -> None:
    fail(breaker, 3)
    Breaker(connect, "pubchem_api").before()


def test_what_an_upstream_said_is_kept_as_one_harmless_line(
    breaker: Breaker, row: Callable[[], dict[str, Any]]
) -> None:
    breaker.failure("a\x00b\nc" + "x" * 5000)
    assert row()["last_error"].startswith("a b cxxx")
    assert len(row()["last_error"]) <= 1000


@pytest.fixture
def counted(connect: Connect) -> tuple[Connect, list[int]]:
    calls: list[int] = []

    @contextmanager
    def counting() -> Iterator[Any]:
        calls.append(1)
        with connect() as connection:
            yield connection

    return counting, calls  # type: ignore[return-value]


def test_a_crawl_without_failures_asks_the_database_once_in_a_while(
    registry: Registry, counted: tuple[Connect, list[int]], clock: Clock
) -> None:
    connect, calls = counted
    breaker = Breaker(connect, "ctgov_api", clock=clock)
    for _ in range(1000):
        breaker.before()
        breaker.success()
    assert len(calls) == 1
    clock.now += RECHECK_SECONDS
    breaker.before()
    breaker.success()
    assert len(calls) == 2


def test_trouble_of_another_process_is_noticed_at_the_next_look(
    breaker: Breaker, connect: Connect, clock: Clock
) -> None:
    breaker.before()
    fail(Breaker(connect, "ctgov_api", threshold=3), 3)
    breaker.before()  # still taken to be closed
    clock.now += RECHECK_SECONDS
    with pytest.raises(BreakerOpen):
        breaker.before()
