"""Scratch folders: nobody is given another's, a kill's rest goes by its age, and what is not ours stays."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.storage import scratch
from include.storage.store import Store

NOW = datetime.now(UTC)
HOLDER = """
import sys, time
from include.storage.store import Store
with Store.from_uri(sys.argv[1]).scratch("build-toy-v1") as folder:
    (folder / "half").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_two_deployments_do_not_delete_each_others_work(
    s3_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    other = Store(s3_store.fs, "another-bucket")
    with s3_store.scratch("build-toy-v1") as first:
        (first / "half").write_bytes(b"x")
        with other.scratch("build-toy-v1") as second:
            assert first != second and list(second.iterdir()) == []
        assert (first / "half").exists() and not second.exists()
    assert list((tmp_path / ".scratch").iterdir()) == []


def test_threads_that_use_one_name_have_a_folder_each(store: Store) -> None:
    met = threading.Barrier(8)
    found: list[Path] = []

    def work() -> None:
        with store.scratch("raw/toy/v1") as folder:
            met.wait(10)
            found.append(folder)
            met.wait(10)
            assert folder.exists()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8 and all(folder.name.startswith("raw-toy-v1-") for folder in found)


def test_what_a_kill_leaves_is_swept_once_it_is_old_and_not_before(store: Store) -> None:
    killed = subprocess.Popen([sys.executable, "-c", HOLDER, store.uri], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    left = Path(killed.stdout.readline().strip())
    killed.kill()
    killed.wait()
    killed.stdout.close()
    with store.scratch("build-toy-v1") as folder:
        (folder / "half").write_bytes(b"y")
        assert store.sweep_scratch(NOW - timedelta(hours=1)) == () and (left / "half").exists()
        os.utime(left / "half", (0, 0))
        os.utime(left, (0, 0))
        assert store.sweep_scratch(NOW - timedelta(hours=1)) == (left / "half",)
        assert (folder / "half").read_bytes() == b"y"
    os.utime(left, (0, 0))
    store.sweep_scratch(NOW - timedelta(hours=1))
    assert not left.exists()


def test_a_long_name_makes_a_folder_too(store: Store) -> None:
    with store.scratch("/".join(["x" * 200] * 3)) as folder:
        assert folder.is_dir()


def test_a_folder_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / scratch.SCRATCH / "build"
    theirs.mkdir(parents=True)
    (theirs / "half").write_bytes(b"x")
    os.utime(theirs / "half", (0, 0))
    another = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: another)
    with scratch.folder(scratch.base(tmp_path), "build") as folder:
        assert folder.parent == tmp_path / f".scratch-{another}"
    assert scratch.sweep(tmp_path / scratch.SCRATCH, NOW) == () and (theirs / "half").exists()
