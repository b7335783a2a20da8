"""Passages of calibrators, beside those that astropy 8.0 computes for the array's place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.sources.dsa110.transit import TILE, Calibrator, seen_in, transit

THREE_C_48 = Calibrator(name="3C48", ra_deg=24.4220808, dec_deg=33.1597594)
PASSES = datetime(2026, 1, 26, 1, 10, 54, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "ra", "dec", "near", "passes"),
    [
        ("3C48", 24.4220808, 33.1597594, "2026-01-25T22:00:00", "2026-01-26T01:10:54"),
        ("3C48", 24.4220808, 33.1597594, "2026-07-01T00:00:00", "2026-06-30T14:57:33"),
        ("3C48", 24.4220808, 33.1597594, "2027-03-31T12:00:00", "2027-03-31T20:56:20"),
        ("3C147", 85.6505746, 49.8520094, "2026-01-25T22:00:00", "2026-01-26T05:15:42"),
        ("3C147", 85.6505746, 49.8520094, "2027-03-31T12:00:00", "2027-03-31T01:05:05"),
        ("3C286", 202.7845329, 30.509155, "2026-01-25T22:00:00", "2026-01-25T13:06:03"),
        ("3C286", 202.7845329, 30.509155, "2026-07-01T00:00:00", "2026-07-01T02:48:47"),
        ("before the equinox", 359.9, 16.1, "2026-01-25T22:00:00", "2026-01-25T23:32:55"),
        ("before the equinox", 359.9, 16.1, "2026-07-01T00:00:00", "2026-06-30T13:19:35"),
        ("of the south", 120.0, -30.0, "2027-03-31T12:00:00", "2027-03-31T03:21:06"),
    ],
)
def test_a_passage_is_right_to_within_seconds(
    name: str, ra: float, dec: float, near: str, passes: str
) -> None:
    found = transit(Calibrator(name=name, ra_deg=ra, dec_deg=dec), datetime.fromisoformat(f"{near}+00:00"))
    assert abs(found - datetime.fromisoformat(f"{passes}+00:00")) <= timedelta(seconds=5)


def test_the_next_passage_is_a_sidereal_day_later() -> None:
    later = transit(THREE_C_48, PASSES + timedelta(days=1))
    assert later - transit(THREE_C_48, PASSES) == pytest.approx(
        timedelta(seconds=86_164.1), abs=timedelta(seconds=1)
    )


def test_the_tile_is_found_in_which_a_calibrator_passes() -> None:
    first = PASSES - 3 * TILE - timedelta(seconds=100)
    tiles = [first + number * TILE for number in range(10)]
    assert seen_in(tiles, THREE_C_48) == tiles[3]
    assert seen_in([*tiles[:3], *tiles[4:]], THREE_C_48) is None
    assert seen_in([], THREE_C_48) is None


def test_of_two_days_the_tile_with_the_calibrator_nearest_to_its_middle_is_taken() -> None:
    today = PASSES - timedelta(seconds=20)
    tomorrow = PASSES + timedelta(seconds=86_164.1) - TILE / 2
    assert seen_in([today, tomorrow], THREE_C_48) == tomorrow
