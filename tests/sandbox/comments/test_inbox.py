"""Files appear in a folder day by day, as people and programs leave them there."""

from __future__ import annotations

import gzip
import hashlib
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from include.storage.inbox import MARKER
from include.storage.store import Store
from sandbox.comments import plan
from sandbox.comments.inbox import Inbox
from sandbox.comments.world import World


@pytest.fixture
def inbox(world: World, tmp_path: Path) -> Inbox:
    return Inbox(world, tmp_path / "inbox")


def test_the_files_of_a_day_stand_in_the_folder_with_their_bytes(inbox: Inbox, world: World) -> None:
    delivered = inbox.deliver(0)
    assert {path.name for path in inbox.folder.iterdir()} == {file.name for file in delivered}
    for file in delivered:
        data = (inbox.folder / file.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)
        assert file.export is not None and data == b"".join(file.export.content(world))
        assert file.complete and file.again is None


def test_the_same_world_leaves_the_same_files(world: World, tmp_path: Path) -> None:
    one, two = (Inbox(World(3_000, 7), tmp_path / name).deliver(2) for name in ("one", "two"))
    assert one == two


def test_files_were_left_alone_for_a_while(inbox: Inbox) -> None:
    for file in inbox.deliver(0):
        modified = datetime.fromtimestamp((inbox.folder / file.name).stat().st_mtime, UTC)
        assert (datetime.now(UTC) - modified).total_seconds() > 200


def test_on_day_1_a_file_comes_again_under_another_name(inbox: Inbox) -> None:
    before = {file.name: file for file in inbox.deliver(0)}
    (again,) = (file for file in inbox.deliver(1) if file.again)
    assert again.again is not None and before[again.again].sha256 == again.sha256
    assert again.name not in before


def test_a_file_is_growing_on_day_2_and_whole_on_day_3(inbox: Inbox, world: World) -> None:
    (growing,) = (file for file in inbox.deliver(2) if not file.complete)
    path = inbox.folder / growing.name
    assert path.stat().st_size == growing.bytes
    assert (datetime.now(UTC) - datetime.fromtimestamp(path.stat().st_mtime, UTC)).total_seconds() < 100
    whole = b"".join(next(plan.exports(world, 2)).content(world))
    assert whole.startswith(path.read_bytes()) and len(whole) > growing.bytes
    inbox.deliver(3)
    assert path.read_bytes() == whole


def test_on_day_3_a_marker_says_that_a_file_that_was_just_written_is_whole(inbox: Inbox) -> None:
    delivered = {file.name for file in inbox.deliver(3)}
    (marker,) = inbox.folder.glob(f"*{MARKER}")
    assert marker.name.removesuffix(MARKER) in delivered
    assert marker.read_bytes() == b""


def test_a_file_is_gzipped_on_day_5_and_zipped_on_day_6(inbox: Inbox, world: World) -> None:
    packed = [inbox.deliver(day)[0] for day in (5, 6)]
    assert [Path(file.name).suffix for file in packed] == [".gz", ".zip"]
    whole = [b"".join(next(plan.exports(world, day)).content(world)) for day in (5, 6)]
    assert gzip.decompress((inbox.folder / packed[0].name).read_bytes()) == whole[0]
    archive = zipfile.ZipFile(inbox.folder / packed[1].name)
    assert archive.namelist() == [packed[1].name.removesuffix(".zip")]
    assert archive.read(archive.namelist()[0]) == whole[1]
    for file in packed:
        data = (inbox.folder / file.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)


def test_files_of_earlier_days_stay(inbox: Inbox) -> None:
    for day in range(3):
        before = {path.name for path in inbox.folder.iterdir()}
        inbox.deliver(day)
        assert before < {path.name for path in inbox.folder.iterdir()}


def test_the_same_files_stand_below_a_store(inbox: Inbox) -> None:
    inbox.deliver(0)
    inbox.drop("names")
    inbox.copy_to(Store.from_uri("memory://inbox/prefix"))
    memory = fsspec.filesystem("memory")
    found = {str(path).removeprefix("/inbox/prefix/") for path in memory.find("/inbox/prefix")}
    there = {path.relative_to(inbox.folder).as_posix() for path in inbox.folder.rglob("*") if path.is_file()}
    assert found == there
    assert all(
        memory.cat_file(f"/inbox/prefix/{name}") == (inbox.folder / name).read_bytes() for name in there
    )
