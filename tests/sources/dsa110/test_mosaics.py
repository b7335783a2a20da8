"""The safeguards before a mosaic begins; each is exact, and none stops what lies behind it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.dsa110 import mosaics
from include.sources.dsa110.mosaics import ImagedTile, Window
from include.upstream.observations import Stage

START = datetime(2026, 1, 25, 22, 0, 10, tzinfo=UTC)
LATER = START + timedelta(days=2)
CADENCE = 309.0


def tile(seconds: float, *, declination: float = 16.1, stage: Stage = "imaged") -> ImagedTile:
    begins = START + timedelta(seconds=seconds)
    name = f"{begins:%H%M%S%f}"
    return ImagedTile(
        group_id=name, begins=begins, declination_deg=declination, stage=stage, image=f"tiles/{name}.fits"
    )


def run(count: int, start: float = 0, cadence: float = CADENCE) -> list[ImagedTile]:
    return [tile(start + number * cadence) for number in range(count)]


def sizes(planned: mosaics.Planned) -> list[int]:
    return [len(window.tiles) for window in planned.windows]


# --- test plan: time span


@pytest.mark.parametrize(("minutes", "passes"), [(59, True), (60, True), (60.001, False), (61, False)])
def test_a_span_of_sixty_minutes_passes_and_more_fails(minutes: float, passes: bool) -> None:
    tiles = [tile(minutes * 60 * number / 11) for number in range(12)]
    found = mosaics.why_not(tiles)
    assert (found is None) == passes
    assert passes or (found is not None and "60 are allowed" in found)


def test_a_span_of_sixty_one_minutes_says_so() -> None:
    tiles = [tile(305 * number) for number in range(13)]
    assert mosaics.why_not(tiles) == "its tiles span 61 minutes, and no more than 60 are allowed"


@pytest.mark.parametrize(("seconds", "passes"), [(309, True), (360, True), (360.001, False), (618, False)])
def test_a_gap_of_six_minutes_passes_and_more_fails(seconds: float, passes: bool) -> None:
    assert (mosaics.why_not([tile(0), tile(seconds)]) is None) == passes


@pytest.mark.parametrize(("apart", "passes"), [(0.0, True), (0.2, True), (0.21, False), (-0.21, False)])
def test_declinations_within_a_tenth_of_a_degree_of_their_mean_pass(apart: float, passes: bool) -> None:
    tiles = [tile(0, declination=16.0), tile(CADENCE, declination=16.0 + apart)]
    assert (mosaics.why_not(tiles) is None) == passes


def test_a_declination_that_is_no_number_fails() -> None:
    assert mosaics.why_not([tile(0, declination=float("nan"))]) is not None


def test_tiles_out_of_order_fail() -> None:
    found = mosaics.why_not([tile(CADENCE), tile(0)])
    assert found is not None and "order of time" in found


def test_no_tiles_are_no_mosaic() -> None:
    assert mosaics.why_not([]) == "there are no tiles"


# --- test plan: stage


@pytest.mark.parametrize("stage", ["grouped", "converted", "flagged", "calibrated", "refused", "quarantined"])
def test_a_tile_that_is_not_imaged_enters_no_mosaic(stage: Stage) -> None:
    tiles = [tile(0), tile(CADENCE, stage=stage)]
    found = mosaics.why_not(tiles)
    assert found is not None and f"is {stage}" in found
    assert sizes(mosaics.plan(tiles, LATER)) == [1]


@pytest.mark.parametrize("stage", ["imaged", "done"])
def test_an_imaged_tile_does(stage: Stage) -> None:
    assert mosaics.why_not([tile(0, stage=stage)]) is None


# --- test plan: image file


def test_every_tile_needs_its_image_and_the_sentence_names_those_without() -> None:
    tiles = run(3)
    there = {each.image for each in tiles}
    assert mosaics.why_not(tiles, there) is None
    found = mosaics.why_not(tiles, there - {tiles[1].image})
    assert found == f"the image of {tiles[1].group_id} is missing"


# --- plans


def test_ten_tiles_are_a_mosaic_and_the_eleventh_begins_the_next() -> None:
    assert sizes(mosaics.plan(run(25), LATER)) == [10, 10, 5]


def test_the_last_tiles_wait_for_those_after_them() -> None:
    tiles = run(13)
    planned = mosaics.plan(tiles, tiles[-1].begins + mosaics.WAIT - timedelta(seconds=1))
    assert (sizes(planned), list(planned.waiting)) == ([10], tiles[10:])
    assert sizes(mosaics.plan(tiles, tiles[-1].begins + mosaics.WAIT)) == [10, 3]


def test_a_full_mosaic_waits_for_nobody() -> None:
    tiles = run(10)
    assert sizes(mosaics.plan(tiles, tiles[-1].begins)) == [10]


def test_a_gap_a_refused_tile_and_another_declination_block_nothing_behind_them() -> None:
    tiles = run(30)
    tiles[4] = msgspec.structs.replace(tiles[4], stage="refused")
    tiles[15] = msgspec.structs.replace(tiles[15], declination_deg=54.6)
    del tiles[20]
    planned = mosaics.plan(tiles, LATER)
    assert sizes(planned) == [4, 10, 1, 4, 9]
    for window in planned.windows:
        assert mosaics.why_not(window.tiles) is None


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([16.0, 16.1, 16.15, 54.0])), max_size=40),
    st.randoms(use_true_random=False),
)
def test_every_imaged_tile_is_in_one_mosaic_that_passes_whatever_came(
    chosen: list[tuple[int, float]], chance: random.Random
) -> None:
    tiles = {number: tile(number * CADENCE, declination=dec) for number, dec in chosen}
    ordered = [tiles[number] for number in sorted(tiles)]
    planned = mosaics.plan(ordered, LATER)
    assert [each for window in planned.windows for each in window.tiles] == ordered
    for window in planned.windows:
        assert len(window.tiles) <= mosaics.TILES
        assert mosaics.why_not(window.tiles) is None
    shuffled = list(ordered)
    chance.shuffle(shuffled)
    assert mosaics.plan(shuffled, LATER) == planned


# --- names


def test_the_name_of_a_mosaic_is_read_by_the_next_step() -> None:
    window = Window(tiles=tuple(run(10)))
    assert window.name == "20260125T220010-10"
    assert mosaics.read_name(window.name) == (START.replace(tzinfo=None), 10)


@pytest.mark.parametrize(
    "name", ["", "0123456789ab", "20260125T220010", "20261325T220010-10", "20260125T220010-x"]
)
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a mosaic"):
        mosaics.read_name(name)
