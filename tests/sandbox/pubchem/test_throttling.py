"""The quota, and what the throttle header says."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.pubchem.server import SampleUpstream
from sandbox.pubchem.throttling import Quota, header

SUFFIX = ", too many requests per second or blacklisted"


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def taken(quota: Quota, clock: Clock, seconds: float, step: float) -> int:
    """How many requests are let through when one comes every `step` seconds."""
    count, end = 0, clock.now + seconds
    while clock.now < end:
        count += quota.takes()
        clock.now += step
    return count


def test_five_a_second_are_never_refused() -> None:
    clock = Clock()
    quota = Quota(clock)
    assert taken(quota, clock, 120, 0.2) == pytest.approx(600, abs=1)


def test_a_sixth_at_once_is_refused() -> None:
    quota = Quota(Clock())
    assert [quota.takes() for _ in range(7)] == [True] * 5 + [False] * 2


def test_what_is_refused_costs_nothing() -> None:
    clock = Clock()
    quota = Quota(clock)
    taken(quota, clock, 10, 0.01)
    clock.now += 1.0
    assert [quota.takes() for _ in range(6)] == [True] * 5 + [False]


@settings(max_examples=25)
@given(st.floats(0.002, 0.19))
def test_no_more_than_five_a_second_come_through_for_long(step: float) -> None:
    clock = Clock()
    assert 5 * 10 - 1 <= taken(Quota(clock), clock, 10, step) <= 5 * 10 + 6


def test_the_limit_of_a_minute_is_kept_with_that_of_a_second() -> None:
    clock = Clock()
    assert taken(Quota(clock), clock, 60, 0.01) <= 400


def test_the_quota_refuses_while_all_lights_are_green(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.quota(True)
    responses = [ask_own.name("aspirin") for _ in range(12)]
    refused = [response for response in responses if response.status_code == 503]
    assert len(refused) >= 5 and responses[0].status_code == 200
    for response in refused:
        assert response.json()["Fault"]["Code"] == "PUGREST.ServerBusy"
        assert response.headers["Retry-After"] == "30"
        assert response.headers["X-Throttling-Control"] == (
            "Request Count status: Green (0%), Request Time status: Green (0%), Service status: Green (20%)"
            + SUFFIX
        )
    assert upstream.count("names", 503) == len(refused)
    upstream.quota(False)
    assert all(ask_own.name("aspirin").status_code == 200 for _ in range(12))


def test_the_quota_is_off_unless_switched_on_and_can_be_switched_over_http(ask_own: Any) -> None:
    assert all(ask_own.name("aspirin").status_code == 200 for _ in range(12))
    assert ask_own.get("/_sandbox/state").json()["quota"] is False
    assert ask_own.post("/_sandbox/quota", '{"on": true}').json()["quota"] is True
    assert 503 in {ask_own.name("aspirin").status_code for _ in range(12)}
    assert ask_own.get("/_sandbox/state").status_code == 200  # the controls have no quota
    assert ask_own.post("/_sandbox/quota", '{"on": 3}').status_code == 400


def test_a_refusal_uses_up_no_fault(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.quota(True)
    for _ in range(8):
        ask_own.name("aspirin")
    upstream.faults([{"kind": "timeout"}])
    ask_own.name("aspirin")
    upstream.quota(False)
    assert ask_own.name("aspirin").status_code in (504, 200)
    assert upstream.count("names", 504) == 1


@pytest.mark.parametrize(
    ("percent", "light"),
    [(0, "Green"), (49, "Green"), (50, "Yellow"), (75, "Yellow"), (76, "Red"), (99, "Red"), (100, "Black")],
)
def test_lights_change_at_their_percent(percent: int, light: str) -> None:
    assert header((percent, 0, 20)).startswith(f"Request Count status: {light} ({percent}%), ")


@given(st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100)), st.booleans())
def test_the_header_has_three_states_and_perhaps_a_suffix(load: tuple[int, int, int], refused: bool) -> None:
    found = header(load, refused=refused)
    assert [int(percent) for percent in re.findall(r"(\d+)%", found)] == list(load)
    assert found.endswith(SUFFIX) == refused
