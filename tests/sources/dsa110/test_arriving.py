"""Files of an inbox become groups once they are whole, in whatever order they come and however often one looks."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest

from include.registry.observations import StoredObservations
from include.registry.registry import Registry
from include.sources.dsa110 import arriving, grouping
from include.sources.dsa110.arriving import Taken
from include.storage.inbox import QUIET, Inbox, InboxFile
from include.storage.store import Store
from include.upstream.observations import Arrival
from tests.sources.dsa110.test_hdf5 import file as hdf5_file

START = datetime(2026, 1, 25, 22, 0, 10, tzinfo=UTC)
NOW = START + timedelta(hours=6)
VERSION = "20260126T040000Z-00000001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "incoming").mkdir()
    return tmp_path / "incoming"


@pytest.fixture
def noted(registry: Registry) -> StoredObservations:
    return StoredObservations(registry, "dsa110")


def name(number: int, subband: int, late: float = 0) -> str:
    begins = START + timedelta(seconds=309 * number + late)
    return f"{begins:%Y-%m-%dT%H:%M:%S}_sb{subband:02}.hdf5"


def put(
    folder: Path,
    names: Iterable[str],
    content: bytes | None = None,
    written: datetime = NOW - timedelta(hours=1),
) -> list[str]:
    there = []
    for each in names:
        path = folder / each
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(hdf5_file(0) if content is None else content)
        os.utime(path, (written.timestamp(), written.timestamp()))
        there.append(each)
    return there


def tile(number: int, subbands: Sequence[int] = range(16)) -> list[str]:
    return [name(number, subband, late=subband % 3) for subband in subbands]


def take(folder: Path, noted: StoredObservations, now: datetime = NOW, version: str = VERSION) -> Taken:
    return arriving.take(Inbox(Store.of_folder(folder)), noted, now, version)


def test_tiles_are_grouped_and_the_sentence_says_how_many(folder: Path, noted: StoredObservations) -> None:
    put(folder, [*tile(0), *tile(1, range(14)), *tile(2, range(5))])
    first = take(folder, noted)
    assert first.sentence == "1 groups formed (1 complete, 0 padded, 0 rejected), 19 files wait, 0 refused"
    second = take(folder, noted, NOW + grouping.WAIT)
    assert second.facts == {
        "groups": 2,
        "complete": 0,
        "padded": 1,
        "groups_failed": 1,
        "waiting": 0,
        "unreadable": 0,
        "refused": 0,
    }
    assert take(folder, noted, NOW + timedelta(days=1)).groups == ()
    assert len(noted.groups()) == 3


def test_files_of_other_names_empty_and_cut_ones_are_refused_with_the_reason(
    folder: Path, noted: StoredObservations
) -> None:
    empty, cut, whole = tile(0)[:3]
    put(folder, [empty], b"")
    put(folder, [cut], hdf5_file(0)[:-100])
    put(folder, ["notes.txt", whole])
    found = take(folder, noted)
    assert {each.file.path: each.reason for each in found.refused} == {
        empty: "it has no bytes",
        cut: "it is cut: 3,996 of 4,096 bytes are there",
        "notes.txt": "the name 'notes.txt' is not YYYY-MM-DDTHH:MM:SS_sbNN.hdf5",
    }
    assert [each.path for each in noted.ungrouped()] == [whole]
    assert [each.file.path for each in take(folder, noted).refused] == ["notes.txt"], (
        "the others were told before"
    )


def test_a_file_that_is_still_written_is_left_to_a_later_look(
    folder: Path, noted: StoredObservations
) -> None:
    put(folder, tile(0, range(15)))
    last = tile(0)[15]
    put(folder, [last], hdf5_file(0)[:2000], written=NOW - QUIET / 2)
    assert take(folder, noted).waiting == 16
    put(folder, [last], written=NOW)
    assert [group.state for group in take(folder, noted, NOW + QUIET).groups] == ["complete"]


def test_a_marker_makes_a_file_whole_at_once(folder: Path, noted: StoredObservations) -> None:
    put(folder, tile(0), written=NOW)
    assert take(folder, noted).waiting == 16
    put(folder, [f"{each}.done" for each in tile(0)], b"")
    assert [group.state for group in take(folder, noted).groups] == ["complete"]


def test_one_that_was_cut_and_comes_again_whole_completes_its_tile(
    folder: Path, noted: StoredObservations
) -> None:
    *whole, last = tile(0)
    put(folder, whole)
    put(folder, [last], hdf5_file(0)[:50])
    assert take(folder, noted).facts["refused"] == 1
    put(folder, [last], written=NOW)
    (group,) = take(folder, noted, NOW + timedelta(minutes=5)).groups
    assert (group.state, len(group.members)) == ("complete", 16)


def test_files_may_come_one_by_one_in_any_order(folder: Path, noted: StoredObservations) -> None:
    names = [each for pair in zip(reversed(tile(0)), tile(1), strict=True) for each in pair]
    formed = []
    for number, each in enumerate(names):
        put(folder, [each])
        formed += take(folder, noted, NOW + timedelta(seconds=number)).groups
    assert [group.state for group in formed] == ["complete", "complete"]
    assert len({group.id for group in formed}) == 2


def test_what_an_earlier_try_noted_before_it_was_killed_is_gone_on_with(
    folder: Path, noted: StoredObservations, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, tile(0))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StoredObservations, "form", killed)
        with pytest.raises(KeyboardInterrupt):
            take(folder, noted)
    assert len(noted.ungrouped()) == 16
    assert [group.state for group in take(folder, noted).groups] == ["complete"]


def test_two_runs_at_once_form_each_group_once(folder: Path, registry: Registry) -> None:
    put(folder, [each for number in range(6) for each in tile(number)])
    begin, found = threading.Barrier(2), []

    def look(version: str) -> None:
        begin.wait()
        found.append(take(folder, StoredObservations(Registry(registry.connect), "dsa110"), version=version))

    threads = [threading.Thread(target=look, args=(f"run {number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    groups = StoredObservations(registry, "dsa110").groups()
    assert len(groups) == 6
    members = Counter(member.path for group in groups for member in group.members)
    assert set(members.values()) == {1} and len(members) == 96
    assert {group.id for each in found for group in each.groups} == {group.id for group in groups}


def test_a_lost_registry_is_filled_again_from_the_inbox(folder: Path, registry: Registry) -> None:
    put(folder, [*tile(0), *tile(1)])
    before = StoredObservations(registry, "dsa110")
    take(folder, before)
    after = StoredObservations(registry, "dsa110_as_new")
    take(folder, after)

    def members(noted: StoredObservations) -> list[tuple[Arrival, ...]]:
        return [group.members for group in noted.groups()]

    assert members(after) == members(before)


def test_a_file_that_cannot_be_read_stops_no_other_and_is_tried_again(
    folder: Path, noted: StoredObservations, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, [*tile(0), *tile(1)])
    bad, opened = tile(0)[3], Inbox.open

    def failing(inbox: Inbox, file: InboxFile) -> IO[bytes]:
        if file.path == bad:
            raise PermissionError(f"{bad} may not be read")
        return opened(inbox, file)

    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "open", failing)
        found = take(folder, noted)
    assert (found.facts["complete"], found.unreadable, found.refused) == (1, 1, ())
    assert "1 cannot be read" in found.sentence
    assert [group.state for group in take(folder, noted).groups] == ["complete"]


def test_an_inbox_that_is_gone_is_an_error_and_no_empty_one(
    tmp_path: Path, noted: StoredObservations
) -> None:
    with pytest.raises(FileNotFoundError):
        take(tmp_path / "nowhere", noted)
