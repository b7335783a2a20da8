"""Files of sub-bands become tiles, whatever order they come in and however many are missing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.dsa110 import grouping
from include.upstream.observations import Arrival, Group, identify

START = datetime(2026, 1, 25, 22, 26, 5, tzinfo=UTC)
LATER = START + timedelta(days=1)


def arrival(subband: int, seconds: float = 0, *, seen: datetime = START, folder: str = "") -> Arrival:
    begins = START + timedelta(seconds=seconds)
    return Arrival(
        path=f"{folder}{begins:%Y-%m-%dT%H:%M:%S}_sb{subband:02}.hdf5",
        bytes=1_000,
        modified=seen,
        begins=begins,
        subband=subband,
        seen=seen,
    )


def tile(seconds: float = 0, subbands: Sequence[int] = range(16), spread: float = 0.4) -> list[Arrival]:
    return [arrival(subband, seconds + spread * subband) for subband in subbands]


def shape(groups: Sequence[Group]) -> list[tuple[str, int]]:
    return [(group.state, len(group.members)) for group in groups]


@pytest.mark.parametrize(
    ("count", "state"), [(16, "complete"), (15, "padded"), (12, "padded"), (11, "rejected"), (1, "rejected")]
)
def test_how_many_subbands_came_decides_what_becomes_of_them(count: int, state: str) -> None:
    found = grouping.group(tile(subbands=range(count)), LATER)
    assert shape(found.groups) == [(state, count)]
    assert found.waiting == ()


def test_the_reason_names_what_is_missing() -> None:
    subbands = [subband for subband in range(16) if subband not in {3, 11}]
    (group,) = grouping.group(tile(subbands=subbands), LATER).groups
    assert group.reason == "14 of 16 sub-bands came; sb03, sb11 did not"


def test_members_are_in_order_of_their_subbands_and_the_group_begins_with_the_first_file() -> None:
    members = [arrival(subband, 15 - subband) for subband in range(16)]
    (group,) = grouping.group(reversed(members), LATER).groups
    assert [member.subband for member in group.members] == list(range(16))
    assert group.begins == START


@pytest.mark.parametrize(("seconds", "groups"), [(60, 1), (60.001, 2), (61, 2)])
def test_sixty_seconds_after_the_first_file_is_the_limit(seconds: float, groups: int) -> None:
    files = [*tile(subbands=range(15), spread=0), arrival(15, seconds)]
    assert len(grouping.group(files, LATER).groups) == groups


def test_the_limit_is_counted_from_the_first_file_and_not_from_the_one_before() -> None:
    files = tile(subbands=range(16), spread=10)
    assert shape(grouping.group(files, LATER).groups) == [("rejected", 7), ("rejected", 7), ("rejected", 2)]


def test_an_incomplete_group_waits_for_the_rest_until_none_has_come_for_a_while() -> None:
    files = [arrival(subband, seen=START) for subband in range(13)]
    last = START + timedelta(minutes=9)
    files.append(arrival(13, seen=last))
    waits = grouping.group(files, last + grouping.WAIT - timedelta(seconds=1))
    assert (waits.groups, len(waits.waiting)) == ((), 14)
    over = grouping.group(files, last + grouping.WAIT)
    assert shape(over.groups) == [("padded", 14)]


def test_a_complete_group_waits_for_nobody() -> None:
    assert shape(grouping.group(tile(), START).groups) == [("complete", 16)]


def test_one_that_waits_does_not_stop_those_behind_it() -> None:
    found = grouping.group([*tile(subbands=range(3)), *tile(309), *tile(618)], START)
    assert shape(found.groups) == [("complete", 16), ("complete", 16)]
    assert len(found.waiting) == 3


def test_two_tiles_within_one_second_of_each_other_get_their_own_files() -> None:
    one = [arrival(subband, 0) for subband in range(16)]
    other = [arrival(subband, 1) for subband in range(16)]
    groups = grouping.group([*other, *one], LATER).groups
    assert shape(groups) == [("complete", 16), ("complete", 16)]
    assert [{member.begins for member in group.members} for group in groups] == [
        {START},
        {START + timedelta(seconds=1)},
    ]


def test_a_second_file_of_a_subband_makes_no_tile_of_seventeen() -> None:
    found = grouping.group([*tile(), arrival(4, 20)], LATER)
    assert shape(found.groups) == [("complete", 16), ("rejected", 1)]


files = st.lists(
    st.builds(arrival, st.integers(0, 15), st.integers(0, 400)), unique_by=lambda each: each.path, max_size=60
)


@settings(deadline=None)
@given(files, st.randoms(use_true_random=False))
def test_any_order_gives_the_same_groups_and_each_file_is_in_one(
    arrivals: list[Arrival], chance: random.Random
) -> None:
    found = grouping.group(arrivals, LATER)
    shuffled = list(arrivals)
    chance.shuffle(shuffled)
    assert grouping.group(shuffled, LATER) == found
    members = Counter(member.path for group in found.groups for member in group.members)
    assert members == Counter(each.path for each in arrivals)
    for group in found.groups:
        assert len({member.subband for member in group.members}) == len(group.members)
        assert max(member.begins for member in group.members) - group.begins <= grouping.TOLERANCE


def test_a_season_of_arrivals_gives_its_tiles() -> None:
    """As the telescope's inventory has it: spread over up to a minute, some with late or lost sub-bands."""
    chance = random.Random(5)
    made: Counter[str] = Counter()
    arrivals: list[Arrival] = []
    for number in range(800):
        subbands = list(range(16))
        lost = chance.choices([0, 1, 4, 5, 15], [95, 2, 1, 1, 1])[0]
        for _ in range(lost):
            subbands.remove(chance.choice(subbands))
        made["complete" if not lost else "padded" if lost <= 4 else "rejected"] += 1
        begins = number * 309
        arrivals += [arrival(subbands[0], begins)]
        arrivals += [arrival(subband, begins + chance.randint(0, 60)) for subband in subbands[1:]]
    chance.shuffle(arrivals)
    found = grouping.group(arrivals, LATER + timedelta(days=4))
    assert Counter(group.state for group in found.groups) == made
    assert set(made) == {"complete", "padded", "rejected"}


# --- names


def test_a_name_says_when_and_which_subband() -> None:
    found = grouping.named("2026-01-25/2026-01-25T22:26:05_sb07.hdf5")
    assert found == grouping.Named(begins=START, subband=7)


@pytest.mark.parametrize(
    "name",
    [
        "2026-01-25T22:26:05_sb16.hdf5",
        "2026-01-25T22:26:05_sb7.hdf5",
        "2026-13-25T22:26:05_sb07.hdf5",
        "2026-01-25T22:26:05_sb07.hdf5.tmp",
        "2026-01-25T22:26:05_sb٠٧.hdf5",
        "2026-01-25T22:26:05_sb07.hdf5\n",
        "notes.txt",
        "",
    ],
)
def test_another_name_is_refused_with_what_is_wrong(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        grouping.named(name)


# --- ids


def test_an_id_is_twelve_digits_of_the_hash_of_sorted_paths_and_a_stamp() -> None:
    stamp = datetime(2026, 1, 25, 22, 26, 5, 123, tzinfo=UTC)
    found = identify(["b", "a"], stamp)
    assert found == identify(["a", "b"], stamp) == "de8573cc2673"
    assert found != identify(["a", "b"], stamp + timedelta(microseconds=1))
    assert found != identify(["a", "c"], stamp)
