"""A tile gets the newest calibration that is valid for the time at which it was observed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.sources.dsa110.calibrations import Calibrated, choose

TRANSIT = datetime(2026, 1, 25, 22, 0, tzinfo=UTC)


def table(hours: float, *, name: str = "", declination: float = 16.1) -> Calibrated:
    return Calibrated(
        id=name or f"at {hours}",
        transit=TRANSIT + timedelta(hours=hours),
        declination_deg=declination,
        path=f"calibrations/{hours}",
    )


@pytest.mark.parametrize(
    ("hours", "valid"), [(0, True), (24, True), (-24, True), (24.001, False), (-24.001, False), (1000, False)]
)
def test_a_calibration_holds_a_day_before_and_after_its_transit(hours: float, valid: bool) -> None:
    assert (choose([table(0)], TRANSIT + timedelta(hours=hours), 16.1) is not None) == valid


def test_the_newest_that_is_valid_wins_and_not_the_newest_of_all() -> None:
    tables = [table(-20), table(-3), table(40)]
    found = choose(tables, TRANSIT, 16.1)
    assert found == tables[1]
    assert choose(reversed(tables), TRANSIT, 16.1) == found


def test_of_the_same_moment_the_choice_does_not_depend_on_their_order() -> None:
    one, other = table(0, name="a"), table(0, name="b")
    assert choose([one, other], TRANSIT, 16.1) == choose([other, one], TRANSIT, 16.1) == other


def test_one_of_another_pointing_is_not_used() -> None:
    assert choose([table(0, declination=54.6)], TRANSIT, 16.1) is None


def test_without_one_there_is_none() -> None:
    assert choose([], TRANSIT, 16.1) is None
