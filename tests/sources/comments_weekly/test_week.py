"""Which week a run is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from include.sources.comments_weekly import week


@pytest.mark.parametrize(
    ("end", "monday"),
    [
        (datetime(2026, 11, 30, 9, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 30, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC), date(2026, 11, 16)),
        (datetime(2026, 12, 3, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2027, 1, 4, 9, tzinfo=UTC), date(2026, 12, 28)),
        (datetime(2026, 11, 30, 1, tzinfo=timezone(timedelta(hours=2))), date(2026, 11, 16)),
    ],
)
def test_it_is_the_last_one_that_was_over_at_the_end_of_the_interval(end: datetime, monday: date) -> None:
    assert week.last_full_week(end) == monday
    assert week.end_of(monday) <= end < week.end_of(monday) + week.WEEK


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        week.last_full_week(datetime(2026, 11, 30, 9))
