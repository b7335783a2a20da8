"""Arrivals, groups and tiles in the registry: two runs at once make no group twice, and no id is overwritten."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from include.registry.observations import NoFreeId, StoredObservations
from include.registry.registry import Registry
from include.upstream.observations import Arrival, Group, GroupState, Observations, Tile, identify

START = datetime(2026, 1, 25, 22, 26, 5, tzinfo=UTC)
VERSION = "20260125T230000Z-00000001"


def arrivals(number: int = 0, count: int = 16) -> tuple[Arrival, ...]:
    begins = START + timedelta(seconds=309 * number)
    return tuple(
        Arrival(
            path=f"{begins:%Y-%m-%dT%H:%M:%S}_sb{subband:02}.hdf5",
            bytes=100 + subband,
            modified=begins + timedelta(minutes=6, microseconds=subband),
            begins=begins,
            subband=subband,
            seen=begins + timedelta(minutes=10),
        )
        for subband in range(count)
    )


def group(members: Sequence[Arrival], state: GroupState = "complete", reason: str = "") -> Group:
    return Group(id="", begins=members[0].begins, state=state, members=tuple(members), reason=reason)


@pytest.fixture
def noted(registry: Registry) -> StoredObservations:
    return StoredObservations(registry, "telescope")


def test_the_registry_keeps_what_a_source_may_note(noted: StoredObservations) -> None:
    protocol: Observations = noted
    assert (protocol.ungrouped(), protocol.groups(), protocol.tiles()) == ([], [], [])


def test_a_file_is_first_seen_once_and_written_to_again_it_is_another_arrival(
    noted: StoredObservations,
) -> None:
    first = arrivals(count=1)[0]
    again = msgspec.structs.replace(first, seen=first.seen + timedelta(hours=1))
    grown = msgspec.structs.replace(again, bytes=first.bytes + 1)
    noted.arrived([first])
    noted.arrived([again, grown])
    assert sorted(noted.ungrouped(), key=lambda each: each.bytes) == [first, grown]


def test_what_is_refused_is_in_no_group(noted: StoredObservations) -> None:
    files = arrivals()
    noted.arrived(files)
    noted.refuse(files[3], "it has no bytes")
    assert files[3] not in noted.ungrouped()
    assert noted.form([group(files)], VERSION) == []
    assert noted.groups() == []
    assert len(noted.ungrouped()) == 15


def test_a_group_comes_back_as_it_was_formed(noted: StoredObservations) -> None:
    files = arrivals(count=14)
    noted.arrived(files)
    (formed,) = noted.form([group(files, "padded", "14 of 16")], VERSION)
    assert len(formed.id) == 12
    assert noted.groups() == [formed]
    assert noted.ungrouped() == []
    assert noted.tiles() == [Tile(group_id=formed.id, stage="grouped")]


def test_a_rejected_group_is_no_tile(noted: StoredObservations) -> None:
    files = arrivals(count=2)
    noted.arrived(files)
    noted.form([group(files, "rejected", "2 of 16")], VERSION)
    assert [each.state for each in noted.groups()] == ["rejected"]
    assert noted.tiles() == []


def test_the_same_members_are_one_group_however_often_it_is_formed(noted: StoredObservations) -> None:
    files = arrivals()
    noted.arrived(files)
    first = noted.form([group(files)], VERSION)
    assert noted.form([group(files)], "another run") == first
    assert noted.groups() == first


def test_a_group_that_shares_a_file_with_another_one_is_left_out_and_binds_nothing(
    noted: StoredObservations,
) -> None:
    files = arrivals()
    noted.arrived(files)
    noted.form([group(files[:12], "padded")], VERSION)
    assert noted.form([group(files)], VERSION) == []
    assert noted.ungrouped() == list(files[12:])


def test_an_id_that_another_group_has_is_never_taken_again(registry: Registry) -> None:
    """test plan: collision. Ids of one digit collide all the time, and 16 groups get 16 of them."""
    short = StoredObservations(registry, "telescope", lambda paths, stamp: identify(paths, stamp)[:1])
    for number in range(16):
        files = arrivals(number)
        short.arrived(files)
        assert short.form([group(files)], VERSION)
    groups = short.groups()
    assert {each.id for each in groups} == set("0123456789abcdef")
    assert [each.members for each in groups] == [arrivals(number) for number in range(16)]
    files = arrivals(16)
    short.arrived(files)
    with pytest.raises(NoFreeId, match="tile_group"):
        short.form([group(files)], VERSION)
    assert len(short.groups()) == 16 and len(short.ungrouped()) == 16, "nothing was overwritten"


def test_ids_differ_though_their_groups_are_formed_at_the_same_moment(noted: StoredObservations) -> None:
    files = [arrivals(number) for number in range(5)]
    for each in files:
        noted.arrived(each)
    formed = noted.form([group(each) for each in files], VERSION)
    assert len({each.id for each in formed}) == 5


def test_two_runs_that_form_at_once_make_each_group_once(registry: Registry) -> None:
    files = [arrivals(number) for number in range(12)]
    for each in files:
        StoredObservations(registry, "telescope").arrived(each)
    results: list[list[Group]] = []
    begin = threading.Barrier(4)

    def form() -> None:
        own = StoredObservations(Registry(registry.connect), "telescope")
        begin.wait()
        results.append(own.form([group(each) for each in files], VERSION))

    threads = [threading.Thread(target=form) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    groups = StoredObservations(registry, "telescope").groups()
    assert results == [groups] * 4
    assert len(groups) == 12


def test_attempts_are_counted_and_figures_kept(noted: StoredObservations) -> None:
    files = arrivals()
    noted.arrived(files)
    (formed,) = noted.form([group(files)], VERSION)
    assert noted.begin(formed.id, VERSION).attempts == 1
    second = noted.begin(formed.id, "second run")
    assert (second.attempts, second.stage, second.version) == (2, "grouped", "second run")
    done = msgspec.structs.replace(
        second, stage="imaged", figures={"image": {"rms_mjy": 1.5, "cpu_seconds": 40}}
    )
    noted.note(done)
    assert noted.tiles() == [done]


def test_a_tile_that_is_not_there_is_an_error(noted: StoredObservations) -> None:
    with pytest.raises(LookupError, match="0123456789ab"):
        noted.begin("0123456789ab", VERSION)
    with pytest.raises(LookupError, match="0123456789ab"):
        noted.note(Tile(group_id="0123456789ab", stage="done"))


def test_sources_do_not_see_each_other(registry: Registry) -> None:
    one, other = (StoredObservations(registry, name) for name in ("one", "other"))
    files = arrivals()
    for each in (one, other):
        each.arrived(files)
    one.form([group(files)], VERSION)
    assert other.ungrouped() == list(files)
    assert (other.groups(), other.tiles()) == ([], [])


def test_a_killed_formation_leaves_nothing_half_done(registry: Registry) -> None:
    files = arrivals()

    class Dies(Exception):
        pass

    def dying(paths: Sequence[str], stamp: datetime) -> str:
        raise Dies

    noted = StoredObservations(registry, "telescope", dying)
    noted.arrived(files)
    with pytest.raises(Dies):
        noted.form([group(files)], VERSION)
    assert noted.ungrouped() == list(files)


def test_the_database_itself_refuses_a_stage_that_is_none(
    registry: Registry, noted: StoredObservations
) -> None:
    files = arrivals()
    noted.arrived(files)
    (formed,) = noted.form([group(files)], VERSION)
    with pytest.raises(psycopg.errors.CheckViolation):
        noted.note(Tile(group_id=formed.id, stage="lost"))  # type: ignore[arg-type]
