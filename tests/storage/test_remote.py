"""A store in S3 whose server fails in many ways: every failure is an OSError, and none looks like an absence."""

from __future__ import annotations

import copy
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.alerting.alert import Alert
from include.alerting.outage import Memory
from include.monitoring import thresholds, watch
from include.operations import backup, decisions, recovery, retention
from include.publishing import verdict as verdicts
from include.quality import gate
from include.registry.registry import Registry
from include.sources.source import Retention
from include.storage.listing import listing
from include.storage.remote import Remote, RemoteFileSystem, StoreError
from include.storage.store import Store
from tests import toy
from tests.publishing import quick
from tests.storage.conftest import FaultyS3

NOW = datetime.now(UTC)
SCHEMA = pa.schema([("n", pa.int64())])
ACTS: dict[str, Callable[[Store], object]] = {
    "exists": lambda store: store.exists("a/b"),
    "list": lambda store: store.list("a"),
    "listing": lambda store: listing(store, "a"),
    "read": lambda store: store.read_bytes("a/b"),
    "open": lambda store: store.open("a/b").read(),
    "write": lambda store: store.write_bytes("a/b", b"y"),
    "sha256": lambda store: store.sha256("a/b"),
    "stamp": lambda store: store.stamp("a/b"),
    "modified": lambda store: store.modified("a/b"),
    "delete": lambda store: store.delete("a/b"),
    "delete tree": lambda store: store.delete_tree("a"),
    "dataset": lambda store: store.dataset(["t.parquet"], SCHEMA).to_table(),
}


def fail(server: FaultyS3, fault: str, keys: str = "") -> None:
    server.fault, server.keys = fault, keys
    if fault == "away":
        server.stop()


@pytest.fixture
def filled(faulty_store: Store, tmp_path: Path) -> Store:
    faulty_store.write_bytes("a/b", b"x")
    pq.write_table(pa.table({"n": range(10)}, SCHEMA), tmp_path / "t.parquet")
    faulty_store.put(tmp_path / "t.parquet", "t.parquet")
    return faulty_store


@pytest.mark.parametrize("fault", FaultyS3.FAULTS)
def test_whatever_the_store_does_its_failure_is_one_exception_that_names_the_file(
    filled: Store, faulty_s3: FaultyS3, fault: str, tmp_path: Path
) -> None:
    fail(faulty_s3, fault)
    for name, act in ACTS.items():
        with pytest.raises(StoreError, match=r"^s3://bucket-\w+/pre/(a|a/b|t\.parquet): \w+: ") as caught:
            act(filled)
        assert isinstance(caught.value, OSError) and not isinstance(caught.value, FileNotFoundError), name
    (tmp_path / "u").write_bytes(b"u")
    with pytest.raises(StoreError, match=r"^s3://bucket-\w+/pre/a/u: "):
        filled.put(tmp_path / "u", "a/u")
    assert (tmp_path / "u").exists(), "what could not be put is still there"


@pytest.mark.parametrize("fault", FaultyS3.FAULTS)
def test_reading_on_in_what_was_opened_before_fails_alike(
    filled: Store, faulty_s3: FaultyS3, fault: str
) -> None:
    data, handle = filled.dataset(["t.parquet"], SCHEMA), filled.open("a/b")
    fail(faulty_s3, fault)
    with pytest.raises(StoreError, match=r"s3://bucket-\w+/pre/t.parquet: "):
        list(data.to_batches())
    with handle, pytest.raises(StoreError, match=r"s3://bucket-\w+/pre/a/b: "):
        handle.read()


def test_a_file_that_is_not_there_is_no_trouble_of_the_store(filled: Store) -> None:
    assert not filled.exists("a/c") and filled.list("c") == []
    for act in (filled.read_bytes, filled.open, filled.sha256, filled.stamp, filled.modified):
        with pytest.raises(FileNotFoundError) as caught:
            act("a/c")
        assert not isinstance(caught.value, StoreError)
    data = filled.dataset(["t.parquet"], SCHEMA)
    filled.delete("t.parquet")
    with pytest.raises(FileNotFoundError):
        data.to_table()


def test_files_that_the_store_keeps_although_it_was_told_to_delete_them_are_told_of(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filled.fs, "rm", lambda *_, **__: [])
    with pytest.raises(StoreError, match="1 files were not removed, the first is a/b"):
        filled.delete_tree("a")


def test_a_store_that_never_answers_is_an_error_in_bounded_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://login:word@127.0.0.1:{silent.getsockname()[1]}"
        options = {"key": "k", "secret": "s", "endpoint_url": url, "config_kwargs": {"read_timeout": 1}}
        store, began = Store.from_uri("s3://bucket/pre", **options), time.monotonic()
        with pytest.raises(StoreError) as caught:
            store.read_bytes("a/b")
    assert time.monotonic() - began < 30, "three requests of a second each, and the pauses between them"
    assert "word" not in str(caught.value)


READS: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read_bytes("a/b"),
    "open": lambda store: store.open("a/b").read(),
    "sha256": lambda store: store.sha256("a/b"),
    "dataset": lambda store: store.dataset(["t.parquet"], SCHEMA).to_table().num_rows,
}


@pytest.mark.parametrize("name", READS)
def test_an_answer_that_breaks_off_within_its_body_is_asked_for_again_within_the_bound(
    filled: Store, faulty_s3: FaultyS3, name: str
) -> None:
    filled.write_bytes("a/b", b"x" * 100_000)
    options = {"key": "k", "secret": "s", "endpoint_url": faulty_s3.url}
    store = Store.from_uri(f"s3://{filled.root}", **options, skip_instance_cache=True)
    whole, faulty_s3.break_off = READS[name](store), 2
    assert READS[name](store) == whole and store.faults == 0
    faulty_s3.break_off = 3
    with pytest.raises(StoreError, match=r"^s3://bucket-\w+/pre/(a/b|t\.parquet): "):
        READS[name](store)
    assert (faulty_s3.break_off, store.faults) == (0, 1)
    assert READS[name](store) == whole
    faulty_s3.break_off = 1
    with pytest.raises(StoreError):
        READS[name](filled)  # which asks once
    assert faulty_s3.break_off == 0


def test_what_the_connection_says_of_retries_is_kept() -> None:
    said = {"retries": {"total_max_attempts": 1}}
    store = Store.from_uri("s3://other/pre", key="k", secret="s", config_kwargs=said)
    assert store.fs.config_kwargs["retries"] == {"total_max_attempts": 1}
    assert Store.from_uri("s3://third/pre", key="k", secret="s").fs.config_kwargs["retries"] == {
        "mode": "standard",
        "total_max_attempts": 3,
    }


def test_a_store_that_is_made_of_the_file_system_of_another_is_guarded_once(filled: Store) -> None:
    again = Store(filled.fs, f"{filled.root}/store")
    assert again.fs is filled.fs and isinstance(copy.copy(filled.fs), RemoteFileSystem)
    with filled.open("a/b") as handle:
        assert isinstance(handle, Remote) and list(handle) == [b"x"]


@pytest.mark.parametrize("fault", ["error", "denied", "no bucket", "away"])
def test_recovery_goes_on_with_the_other_sources_and_finds_nothing_absent(
    faulty_store: Store, faulty_s3: FaultyS3, registry: Registry, fault: str
) -> None:
    quick.publish(faulty_store, registry, 3, day=1)
    staged = toy.stage(faulty_store, registry, 4, day=2)
    quick.judge(faulty_store, registry, staged)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = 'dead', "
            "lease_until = now() - interval '1 hour' WHERE version = %s",
            (staged.version,),
        )
        cursor.execute("INSERT INTO lastgood.latest (source) VALUES ('zoo')")
    fail(faulty_s3, fault)
    report = recovery.recover(faulty_store, registry, now=datetime.now(UTC), specs={})
    assert report.removed == [] and report.promoted == {}
    assert any(error.startswith("toy: StoreError: s3://bucket-") for error in report.errors), report
    states = {row.version: row.state for row in registry.versions(toy.SOURCE)}
    assert states[staged.version] == "publishing", "it is tried again when the store is back"


@pytest.mark.parametrize("fault", ["error", "denied", "no bucket"])
def test_a_retry_of_all_tells_what_the_store_kept_it_from(
    faulty_store: Store, faulty_s3: FaultyS3, registry: Registry, fault: str
) -> None:
    quick.publish(faulty_store, registry, 3, day=1)
    staged = toy.stage(faulty_store, registry, 4, day=2)
    quick.judge(faulty_store, registry, staged)
    fail(faulty_s3, fault, staged.version)
    all_of_them = decisions.retry_all(faulty_store, registry, who="me", reason="test", now=datetime.now(UTC))
    (one,) = all_of_them.results
    assert one.outcome is None and one.error is not None and staged.version in one.error


@pytest.mark.parametrize("fault", ["slow down", "denied", "no bucket", "cut"])
def test_watch_retention_backup_and_the_memory_of_an_outage_meet_an_os_error(
    faulty_store: Store, faulty_s3: FaultyS3, registry: Registry, store: Store, fault: str
) -> None:
    quick.publish(faulty_store, registry, 3, day=1)
    alert = Alert(kind="task-failed", source=toy.SOURCE, at=NOW, occurrence="1", cause="c", consumers="c")
    Memory(faulty_store).note(alert, NOW, lambda _: timedelta())
    fail(faulty_s3, fault)
    seen = watch.observe(registry, faulty_store, thresholds.load(), NOW, faulty_store, specs={})
    assert "StoreError" in seen.failed_rules["backup-old"], "and no backup was found missing"
    assert len(seen.failed_rules) < len(watch.RULES) / 2, "the other rules look"
    with pytest.raises(StoreError):
        retention.plan(faulty_store, registry, toy.SOURCE, Retention(), now=NOW)
    with pytest.raises(StoreError):
        backup.backup(store, registry, faulty_store, now=NOW, code_version="1")
    with pytest.raises(StoreError):
        Memory(faulty_store).noticed()
    with pytest.raises(StoreError):
        Memory(faulty_store).note(alert, NOW, lambda _: timedelta())


def test_a_store_that_fails_while_the_gate_reads_makes_no_verdict(
    faulty_store: Store, faulty_s3: FaultyS3, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = toy.stage(faulty_store, registry, 3, day=1)
    verify = gate._verify

    def failing(*args: Any) -> Any:
        fail(faulty_s3, "error", ".parquet")
        return verify(*args)

    monkeypatch.setattr(gate, "_verify", failing)
    with pytest.raises(StoreError):
        toy.judge(faulty_store, registry, staged)
    faulty_s3.fault = None
    assert verdicts.read(faulty_store, toy.SOURCE, staged.version) is None
    monkeypatch.undo()
    assert toy.judge(faulty_store, registry, staged).passed
