"""The pace never lets more through than it promises, whatever the callers do."""

import threading
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.upstream.pace import Pace

GAPS = st.lists(st.floats(0, 3), min_size=1, max_size=60)


class Time:
    """A clock that sleeping moves; each sleep may take longer than asked for, as real ones do."""

    def __init__(self, oversleep: float = 0.0) -> None:
        self.now = 5000.0
        self.oversleep = oversleep
        self.slept = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.oversleep
        self.slept += seconds


def starts_of(pace: Pace, time: Time, gaps: list[float]) -> list[float]:
    starts = []
    for gap in gaps:
        time.now += gap
        pace.wait()
        starts.append(time.now)
    return starts


@given(
    gaps=GAPS,
    rate=st.floats(0.05, 50),
    burst=st.integers(1, 10),
    oversleep=st.sampled_from([0.0, 0.01, 0.7]),
)
def test_no_window_holds_more_than_burst_plus_rate_times_its_length(
    gaps: list[float], rate: float, burst: int, oversleep: float
) -> None:
    time = Time(oversleep)
    starts = starts_of(Pace(rate, burst, time.clock, time.sleep), time, gaps)
    for first, start in enumerate(starts):
        for last in range(first, len(starts)):
            assert last - first + 1 <= burst + rate * (starts[last] - start) + 1e-6


@given(gaps=GAPS, per_minute=st.integers(1, 20), rate=st.sampled_from([None, 0, 5.0]))
def test_no_minute_holds_more_than_its_ceiling(
    gaps: list[float], per_minute: int, rate: float | None
) -> None:
    time = Time()
    starts = starts_of(Pace(rate, 10, time.clock, time.sleep, per_minute=per_minute), time, gaps)
    for first in range(len(starts) - per_minute):
        assert starts[first + per_minute] - starts[first] >= 60 - 1e-6


@given(gaps=GAPS, rate=st.floats(0.05, 50), burst=st.integers(1, 10))
def test_nobody_waits_longer_than_the_pace_asks(gaps: list[float], rate: float, burst: int) -> None:
    time = Time()
    pace = Pace(rate, burst, time.clock, time.sleep)
    for gap in gaps:
        time.now += gap
        assert pace.wait() <= 1 / rate + 1e-5


def test_a_burst_passes_at_once_and_the_next_waits_for_its_token() -> None:
    time = Time()
    pace = Pace(2.0, 3, time.clock, time.sleep)
    assert [pace.wait() for _ in range(5)] == pytest.approx([0, 0, 0, 0.5, 0.5])


@pytest.mark.parametrize("off", [None, 0, 0.0])
def test_a_rate_of_none_or_nought_is_no_limit(off: Any) -> None:
    time = Time()
    pace = Pace(off, 1, time.clock, time.sleep, per_minute=off)
    assert [pace.wait() for _ in range(1000)] == [0.0] * 1000


@pytest.mark.parametrize("rate", [None, 4.0])
def test_nobody_starts_during_a_pause(rate: float | None) -> None:
    time = Time()
    pace = Pace(rate, 3, time.clock, time.sleep)
    pace.wait()
    pace.pause(30)
    pace.pause(10)  # a shorter one does not end it
    assert pace.wait() == pytest.approx(30)


def test_after_a_pause_there_is_no_burst() -> None:
    time = Time()
    pace = Pace(2.0, 3, time.clock, time.sleep)
    pace.pause(30)
    starts = starts_of(pace, time, [0.0] * 4)
    assert starts[0] == pytest.approx(5030)
    assert [b - a for a, b in pairwise(starts)] == pytest.approx([0.5, 0.5, 0.5])


def test_a_pause_holds_back_a_thread_that_is_waiting_already() -> None:
    time = Time()
    pace = Pace(1.0, 1, time.clock, time.sleep)
    pace.wait()
    paused = []

    def sleep_and_be_paused(seconds: float) -> None:
        if not paused:
            paused.append(True)
            pace.pause(20)
        time.sleep(seconds)

    pace._sleep = sleep_and_be_paused
    assert pace.wait() == pytest.approx(20)


def test_threads_share_one_pace() -> None:
    lock = threading.Lock()
    time = Time()

    def sleep(seconds: float) -> None:
        with lock:
            time.now += seconds

    pace = Pace(10.0, 5, time.clock, sleep)
    threads = [
        threading.Thread(target=lambda: [pace.wait() for _ in range(10)], daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.now - 5000 >= (40 - 5) / 10 - 1e-6


@pytest.mark.parametrize(("rate", "burst", "per_minute"), [(-1, 1, None), (1, 0, None), (1, 1, -5)])
def test_a_pace_that_cannot_be_kept_is_refused(rate: float, burst: int, per_minute: int | None) -> None:
    with pytest.raises(ValueError, match="cannot be kept"):
        Pace(rate, burst, per_minute=per_minute)
