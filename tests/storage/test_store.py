"""The store, on a local disk and on a real S3 protocol server."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.publishing import manifest as manifests
from include.registry.registry import Registry
from include.storage.conditional import Busy
from include.storage.store import StillReferenced, Store, UnsafePath, safe_key
from tests import toy
from tests.publishing import quick


def test_what_is_written_is_read_back_and_listed(any_store: Store) -> None:
    stored = any_store.write_bytes("a/b/one.json", b"1")
    any_store.write_bytes("a/b/one.json", b"22")
    any_store.write_bytes("a/two.json", b"3")
    assert any_store.read_bytes("a/b/one.json") == b"22"
    assert any_store.list("a") == ["a/b/one.json", "a/two.json"]
    assert any_store.list("nothing/here") == []
    assert (stored.bytes, any_store.sha256("a/two.json")[:8]) == (1, "4e074085")
    assert any_store.exists("a/two.json") and not any_store.exists("a")
    assert not any_store.exists("a/three.json") and not any_store.exists("nothing/here")


def test_what_cannot_be_told_is_an_error_and_not_an_absence(
    any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_store.write_bytes("a/b", b"x")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("forbidden")

    monkeypatch.setattr(any_store.fs, "info", refuse)
    monkeypatch.setattr(any_store.fs, "isfile", lambda _: False)
    with pytest.raises(PermissionError, match="forbidden"):
        any_store.exists("a/b")


def test_files_that_were_never_put_in_their_place_go_by_their_age(store: Store, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    for key in ("versions/toy/.new-1", "latest/.new-2", "latest/toy.json"):
        path = Path(store.write_bytes(key, b"x").path)
        if key != "latest/.new-2":
            os.utime(store.full(str(path)), (0, 0))
    (tmp_path / ".new-outside").write_text("x")
    (Path(store.root) / "link").symlink_to(tmp_path, target_is_directory=True)
    os.utime(tmp_path / ".new-outside", (0, 0))
    assert store.sweep(now - timedelta(hours=1)) == ("versions/toy/.new-1",)
    assert store.list("latest") == ["latest/.new-2", "latest/toy.json"]
    assert (tmp_path / ".new-outside").exists()


def test_a_put_file_moves_into_the_store_with_its_checksum(any_store: Store, tmp_path: Path) -> None:
    local = tmp_path / "x.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3]}), local)
    stored = any_store.put(local, "t/part-00000.parquet")
    assert not local.exists()
    assert any_store.sha256(stored.path) == stored.sha256
    assert any_store.parquet(stored.path).to_table().column("n").to_pylist() == [1, 2, 3]


def test_a_stamp_changes_whenever_the_file_does(any_store: Store) -> None:
    any_store.write_bytes("a", b"same length")
    first = any_store.stamp("a")
    assert any_store.stamp("a") == first
    any_store.write_bytes("a", b"other bytes")
    assert any_store.stamp("a") != first


def test_a_deleted_tree_is_gone_and_its_neighbour_stays(any_store: Store) -> None:
    for key in ("v/1/a", "v/1/b/c", "v/10/a"):
        any_store.write_bytes(key, b"x")
    assert any_store.delete_tree("v/1") == 2
    assert any_store.delete_tree("v/1") == 0
    assert any_store.list("v") == ["v/10/a"]
    any_store.delete("v/10/a")
    any_store.delete("v/10/a")
    assert any_store.list("v") == []


def test_scratch_is_empty_at_entry_and_gone_at_exit(any_store: Store) -> None:
    with any_store.scratch("job") as folder:
        (folder / "left-over").write_text("x")
        with any_store.scratch("job") as again:
            assert list(again.iterdir()) == []
    assert not folder.exists()


@pytest.mark.parametrize(
    "key",
    [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "",
        ".",
        "a/.",
        "a\\b",
        "a\0b",
        "a b",
        "~",
        "ä",
        "a/" + "x" * 201,
    ],
)
def test_a_key_that_could_leave_the_root_is_refused(any_store: Store, key: str) -> None:
    for act in (any_store.read_bytes, any_store.exists, any_store.list, any_store.delete, any_store.open):
        with pytest.raises(UnsafePath, match="not a path inside the store"):
            act(key)
    with pytest.raises(UnsafePath):
        any_store.write_bytes(key, b"x")


def test_a_symbolic_link_out_of_the_root_is_refused(store: Store, tmp_path: Path) -> None:
    store.write_bytes("a", b"x")
    (tmp_path / "outside").mkdir()
    (Path(store.root) / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafePath, match="symbolic link"):
        store.write_bytes("link/x", b"x")
    assert list((tmp_path / "outside").iterdir()) == []


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_whatever_the_parts_a_key_stays_below_the_root_or_is_refused(parts: list[str]) -> None:
    try:
        key = safe_key(*parts)
    except UnsafePath:
        return
    root = "/root/of/store"
    assert os.path.normpath(f"{root}/{key}") == f"{root}/{key}"


def test_a_write_that_is_cut_leaves_the_old_bytes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write_bytes("a", b"old")
    monkeypatch.setattr("include.storage.store._replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        store.write_bytes("a", b"new")
    assert store.read_bytes("a") == b"old"


def test_whoever_may_read_a_new_file_may_read_what_the_store_writes(store: Store, tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"x")
    store.write_bytes("latest/toy.json", b"{}")
    written = Path(store.full("latest/toy.json"))
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("key", ["raw/toy/v/progress.json", "versions/toy/v/_quarantine.parquet"])
def test_what_an_upstream_said_is_for_its_owner_alone(store: Store, tmp_path: Path, key: str) -> None:
    store.write_bytes(key, b"{}")
    modes = [Path(store.full(key)).stat().st_mode & 0o777]
    (tmp_path / "part").write_bytes(b"x")
    (tmp_path / "part").chmod(0o644)
    store.put(tmp_path / "part", key)
    modes.append(Path(store.full(key)).stat().st_mode & 0o777)
    assert modes == [0o600, 0o600]
    if key.startswith("raw/"):
        assert Path(store.root, "raw").stat().st_mode & 0o777 == 0o700


def test_a_raw_folder_that_is_there_keeps_its_mode(store: Store) -> None:
    folder = Path(store.root, "raw")
    folder.mkdir(parents=True)
    folder.chmod(0o750)
    store.write_bytes("raw/toy/v/progress.json", b"{}")
    assert folder.stat().st_mode & 0o777 == 0o750


def test_a_file_is_created_once(any_store: Store) -> None:
    created = any_store.create("a/b/one", b"first")
    with pytest.raises(FileExistsError):
        any_store.create("a/b/one", b"second")
    assert any_store.read_bytes("a/b/one") == b"first"
    assert created.bytes == 5
    assert any_store.list("a") == ["a/b/one"]


def test_of_many_that_create_a_file_at_once_exactly_one_does(any_store: Store) -> None:
    def create(number: int) -> int:
        try:
            any_store.create("one", str(number).encode())
        except FileExistsError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1


def test_of_many_that_count_up_at_once_none_is_lost(any_store: Store) -> None:
    """Each reads what stands there, and replaces it only while it still does."""
    any_store.write_bytes("count", b"0 nobody")

    def counted_up(who: int) -> bool:
        seen = any_store.read_bytes("count")
        mine = f"{int(seen.split()[0]) + 1} {who}".encode()
        try:
            return any_store.swap("count", mine, lambda present: present == seen)
        except Busy:
            return False

    def count_up(who: int) -> None:
        while not counted_up(who):
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(12)))
    assert any_store.read_bytes("count").split()[0] == b"12"


def test_what_was_prepared_and_not_put_in_its_place_leaves_nothing(any_store: Store) -> None:
    any_store.write_bytes("latest/toy.json", b"old")
    with pytest.raises(ZeroDivisionError), any_store.prepare("latest/toy.json", b"new"):
        raise ZeroDivisionError
    with any_store.prepare("latest/toy.json", b"new") as prepared:
        assert not prepared.switch(lambda present: present != b"old")
    assert any_store.read_bytes("latest/toy.json") == b"old"
    assert any_store.list("latest") == ["latest/toy.json"] and any_store.list("pending") == []


def test_a_store_without_conditional_puts_is_asked_first(
    s3_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe_file = s3_store.fs.pipe_file

    def plain(path: str, data: bytes, **kwargs: str) -> None:
        if {"IfMatch", "IfNoneMatch"} & kwargs.keys():
            error = OSError("not known here")
            error.__cause__ = Refused("NotImplemented")
            raise error
        pipe_file(path, data, **kwargs)

    monkeypatch.setattr(s3_store.fs, "pipe_file", plain, raising=False)
    s3_store.create("a", b"1")
    with pytest.raises(FileExistsError):
        s3_store.create("a", b"2")
    assert not s3_store.swap("a", b"3", lambda present: present is None)
    assert s3_store.swap("a", b"3", lambda present: present == b"1")
    assert s3_store.read_bytes("a") == b"3"


class Refused(Exception):
    """An error as botocore gives it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}}


@pytest.mark.parametrize("how", ["file", "tree"])
def test_no_deletion_takes_what_latest_needs(any_store: Store, registry: Registry, how: str) -> None:
    quick.publish(any_store, registry, {1: "one"}, day=1)
    latest = quick.publish(any_store, registry, {1: "one", 2: "two"}, day=2)
    folder = manifests.folder(toy.SOURCE, latest.version)
    (change,) = latest.changes
    assert change.keys is not None
    before = any_store.list("versions")
    for key in (
        latest.files[0].path,
        change.keys.path,
        *(f"{folder}/{name}.json" for name in ("manifest", "gate", "state")),
    ):
        with pytest.raises(StillReferenced, match="belongs to latest of toy"):
            any_store.delete("raw/toy/x", key) if how == "file" else any_store.delete_tree(folder)
    assert any_store.list("versions") == before


def test_where_the_pointer_cannot_be_read_nothing_is_deleted(store: Store, registry: Registry) -> None:
    first = quick.publish(store, registry, {1: "one"}, day=1)
    quick.publish(store, registry, {1: "two"}, day=2)
    store.write_bytes("latest/toy.json", b"rubbish")
    with pytest.raises(StillReferenced, match=r"latest/toy\.json cannot be read"):
        store.delete(first.files[0].path)
    store.delete("raw/toy/anything", "versions/other/v/file")


def test_folder_may_have_any_letters_in_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "a füll %20 of letters"
    Store.of_folder(folder).write_bytes("here/it.txt", b"is")
    assert (folder / "here" / "it.txt").read_bytes() == b"is"
    assert [each.name for each in tmp_path.iterdir()] == [folder.name]
