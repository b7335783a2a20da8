"""Times in words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from include import formatting


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(seconds=-5), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=61), "1 hour 1 minute"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(days=1, minutes=30), "1 day"),
        (timedelta(days=2, hours=3, minutes=9), "2 days 3 hours"),
        (timedelta(days=400, hours=23), "400 days 23 hours"),
    ],
)
def test_a_span_is_said_in_two_units(time: timedelta, said: str) -> None:
    assert formatting.span(time) == said


def test_a_moment_is_said_in_utc() -> None:
    noon = datetime(2026, 11, 22, 12, 0, 59, tzinfo=timezone(timedelta(hours=3)))
    assert formatting.moment(noon) == "2026-11-22 09:00 UTC"
