"""An inbox: what stands there is listed and read as it is, and nothing outside it is."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.storage.inbox import Inbox, InboxFile
from include.storage.store import Store, StoreError
from tests.storage.conftest import FaultyS3

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def local(folder: Path) -> Inbox:
    return Inbox(Store.from_uri(folder.as_uri()))


def read(inbox: Inbox) -> dict[str, bytes]:
    found = {}
    for file in inbox.files():
        with inbox.open(file) as handle:
            found[file.path] = handle.read()
    return found


def test_files_are_listed_with_size_and_time_and_read_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "day one").mkdir()
    (tmp_path / "day one" / "a b.csv").write_bytes(b"\xff\x00\r\n")
    os.utime(tmp_path / "day one" / "a b.csv", (NOW.timestamp(), NOW.timestamp()))
    inbox = local(tmp_path)
    assert inbox.files() == [InboxFile(path="day one/a b.csv", bytes=4, modified=NOW)]
    assert read(inbox) == {"day one/a b.csv": b"\xff\x00\r\n"}


def test_markers_hidden_files_and_unfinished_names_are_no_data(tmp_path: Path) -> None:
    for name in ("a.csv", "a.csv.done", ".hidden.csv", "b.csv.part", "c.TMP", "d.csv.crdownload"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "e.csv").write_bytes(b"x")
    (found,) = local(tmp_path).files()
    assert found.path == "a.csv" and found.marked


def test_a_file_is_quiet_a_minute_after_it_was_written_or_once_it_is_marked() -> None:
    file = InboxFile(path="a.csv", bytes=1, modified=NOW)
    assert not file.is_quiet(NOW + timedelta(seconds=59))
    assert file.is_quiet(NOW + timedelta(seconds=60))
    assert InboxFile(path="a.csv", bytes=1, modified=NOW, marked=True).is_quiet(NOW)


def test_links_and_what_is_no_file_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.csv").write_bytes(b"secret")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "link.csv").symlink_to(tmp_path / "outside" / "secret.csv")
    (inbox / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(inbox / "pipe.csv")
    assert local(inbox).files() == []


def test_a_file_that_became_a_link_or_a_pipe_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_bytes(b"secret")
    inbox = tmp_path / "inbox"
    (inbox / "sub").mkdir(parents=True)
    (inbox / "a.csv").write_bytes(b"a")
    (inbox / "sub" / "secret.csv").write_bytes(b"a")
    here = local(inbox)
    first, second = here.files()
    (inbox / "a.csv").unlink()
    (inbox / "a.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(OSError):
        here.open(first)
    (inbox / "a.csv").unlink()
    os.mkfifo(inbox / "a.csv")
    with pytest.raises(FileNotFoundError):
        here.open(first)
    (inbox / "sub" / "secret.csv").unlink()
    (inbox / "sub").rmdir()
    (inbox / "sub").symlink_to(tmp_path)
    with pytest.raises(FileNotFoundError):
        here.open(second)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(min_size=1, max_size=40).filter(lambda name: not set(name) & set(b"/\0") and name[:1] != b".")
)
def test_a_file_of_any_name_is_told_as_text_and_found_again(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.urandom(8).hex()
    folder.mkdir()
    path = os.fsencode(folder) + b"/" + name
    Path(os.fsdecode(path)).write_bytes(name)
    for file, content in read(local(folder)).items():
        file.encode()
        assert content == name


def test_an_inbox_that_is_gone_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not there"):
        local(tmp_path / "away").files()


def test_a_bucket_is_listed_and_read_likewise(faulty_s3: FaultyS3, faulty_store: Store) -> None:
    for key in ("inbox/a.csv", "inbox/b/c.csv", "inbox/b/c.csv.done", "beside/d.csv"):
        faulty_store.write_bytes(key, key.encode())
    inbox = Inbox(Store(faulty_store.fs, f"{faulty_store.root}/inbox"))
    assert [(file.path, file.bytes, file.marked) for file in inbox.files()] == [
        ("a.csv", 11, False),
        ("b/c.csv", 13, True),
    ]
    assert read(inbox) == {"a.csv": b"inbox/a.csv", "b/c.csv": b"inbox/b/c.csv"}
    assert all(datetime.now(UTC) - file.modified < timedelta(hours=1) for file in inbox.files())
    faulty_s3.fault = "error"
    with pytest.raises(StoreError):
        inbox.files()
