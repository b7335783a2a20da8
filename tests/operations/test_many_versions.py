"""However many versions a source has, a promotion, a recovery and a watch look at a few of them.

Counted, not timed: the rows that PostgreSQL reads, and the files of the store that are listed or read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.monitoring import thresholds, watch
from include.operations import recovery
from include.publishing import manifest as manifests
from include.publishing import pointers, promotion
from include.publishing.policy import Policy
from include.registry.registry import Registry
from include.storage.store import Store
from sandbox import past
from tests import toy
from tests.counting import counted, reading
from tests.operations.test_recovery import SPEC
from tests.publishing import quick

VERSIONS = 50_000
FEW = 1_000
"""Rows: what is looked at is a constant of some dozens."""


def staged(store: Store, registry: Registry, day: int) -> str:
    manifest = toy.stage(store, registry, 10 + day, day=day)
    assert quick.judge(store, registry, manifest).passed
    return manifest.version


def recover(store: Store, registry: Registry) -> recovery.Report:
    return recovery.recover(store, registry, now=datetime.now(UTC), specs={toy.SOURCE: SPEC})


def test_50000_versions_cost_a_promotion_a_recovery_and_a_watch_no_more_rows_than_a_few(
    store: Store, dsn: str, registry: Registry
) -> None:
    past.fill(registry, toy.SOURCE, VERSIONS)
    for day in (1, 2):
        quick.publish(store, registry, day, day=day)
    version = staged(store, registry, 3)
    asked, read = reading(dsn)

    def rows(act: Callable[[], Any]) -> int:
        before = read()
        act()
        return read() - before

    assert (
        rows(lambda: promotion.promote(store, asked, toy.SOURCE, version, policy=Policy(), owner="run")) < FEW
    )
    assert rows(lambda: recover(store, asked)) < FEW
    limits = thresholds.load()
    found = rows(
        lambda: watch.observe(asked, store, limits, datetime.now(UTC), None, specs={toy.SOURCE: SPEC})
    )
    assert found < FEW
    assert rows(lambda: asked.history(toy.SOURCE)) < FEW
    assert rows(lambda: asked.versions(toy.SOURCE)) > VERSIONS, "what is counted is what is read"


def test_recovery_looks_at_the_files_of_latest_and_its_predecessor_whatever_else_is_there(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.fill(registry, toy.SOURCE, 3_000)
    for row in registry.versions(toy.SOURCE):
        folder = Path(store.root, manifests.folder(toy.SOURCE, row.version))
        folder.mkdir(parents=True)
        for name in ("manifest.json", "gate.json", "state.json"):
            (folder / name).write_text("{}")
    for day in (1, 2, 3):
        quick.publish(store, registry, day, day=day)
    recover(store, registry)
    listed, read = [], []
    find, cat_file = store.fs.find, store.fs.cat_file

    def finding(path: str, *args: Any, **options: Any) -> Any:
        found = find(path, *args, **options)
        listed.extend(found)
        return found

    def reading_file(path: str, *args: Any, **options: Any) -> Any:
        read.append(path)
        return cat_file(path, *args, **options)

    monkeypatch.setattr(store.fs, "find", finding)
    monkeypatch.setattr(store.fs, "cat_file", reading_file)
    report = recover(store, registry)
    assert report.repaired == report.removed == report.errors == []
    assert len(listed) < 20 and len(read) < 20


@pytest.mark.parametrize("versions", [1, 30])
def test_an_idle_recovery_and_a_promotion_use_one_connection_each(
    store: Store, dsn: str, registry: Registry, versions: int
) -> None:
    for day in range(versions):
        quick.publish(store, registry, 1 + day, day=day)
    version = staged(store, registry, 40)
    asked, opened = counted(dsn)
    promotion.promote(store, asked, toy.SOURCE, version, policy=Policy(), owner="run")
    assert len(opened) == 1
    opened.clear()
    assert recover(store, asked).errors == []
    assert len(opened) == 1


def test_a_state_record_is_written_where_the_registry_says_other_things_than_it_did(
    store: Store, registry: Registry
) -> None:
    old, *_ = (quick.publish(store, registry, 1 + day, day=day) for day in range(4))
    assert registry.unrecorded(toy.SOURCE, recovery.MIRRORED) == []
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET pinned_reason = 'golden' WHERE version = %s", (old.version,)
        )
    assert registry.unrecorded(toy.SOURCE, recovery.MIRRORED) == [old.version]
    assert recover(store, registry).repaired == [pointers.state_key(toy.SOURCE, old.version)]
    state = pointers.read_state(store, toy.SOURCE, old.version)
    assert state is not None and state.pinned_reason == "golden"
    assert registry.unrecorded(toy.SOURCE, recovery.MIRRORED) == []


def test_what_changes_a_state_record_changes_its_hash(store: Store, registry: Registry) -> None:
    manifest = quick.publish(store, registry, 3, day=1)
    seen = {registry.version(toy.SOURCE, manifest.version).record}
    at = datetime.now(UTC) + timedelta(days=1)
    values = {"state": "rolled_back", "published_at": at, "publish_attempts": 9}
    for name in pointers.State.__struct_fields__:
        with registry.transaction() as cursor:
            cursor.execute(
                f"UPDATE lastgood.dataset_version SET {name} = %s",
                (values.get(name, "another"),),
            )
        seen.add(registry.version(toy.SOURCE, manifest.version).record)
    assert len(seen) == 1 + len(pointers.State.__struct_fields__)
