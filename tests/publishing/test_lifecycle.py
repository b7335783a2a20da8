"""The whole life of versions, on a folder and in a bucket alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from include.operations import rebuild, retention
from include.publishing import manifest as manifests
from include.publishing import pointers, promotion
from include.publishing.policy import Policy
from include.publishing.promotion import PromotionRefused
from include.registry.registry import Registry
from include.sources.source import Retention
from include.storage.store import Store
from tests import toy


def test_publish_change_reject_accept_roll_back_rebuild_and_retain(
    any_store: Store, registry: Registry, dsn: str
) -> None:
    store = any_store
    first = toy.publish(store, registry, 100, day=1)
    second = toy.publish(store, registry, 101, day=2)
    lower = toy.stage(store, registry, 50, day=3)
    toy.judge(store, registry, lower)
    with pytest.raises(PromotionRefused, match="percent"):
        promotion.promote(store, registry, toy.SOURCE, lower.version, policy=Policy(), owner="run")
    promotion.accept(store, registry, toy.SOURCE, lower.version, who="ana", reason="new level")
    assert toy.served(registry) == toy.read(store, lower)
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="no, it was wrong")
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.version == second.version
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA lastgood CASCADE")
    assert rebuild.rebuild(store, registry).versions == {toy.SOURCE: 3}
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and (latest.version, latest.previous) == (second.version, first.version)
    held = toy.stage(store, registry, 102, day=4)
    assert toy.judge(store, registry, held).passed
    done = promotion.promote(store, registry, toy.SOURCE, held.version, policy=Policy(), owner="run")
    assert done.outcome is promotion.Outcome.HELD, "a rebuild does not forget the hold that a rollback set"
    toy.release(store, registry)
    third = toy.publish(store, registry, 103, day=5)
    plan = retention.plan(
        store,
        registry,
        toy.SOURCE,
        Retention(versions=2, raw=timedelta(days=1)),
        now=datetime.now(UTC) + timedelta(days=9),
    )
    retention.apply(store, registry, plan, who="ana")
    assert third.version not in plan.versions and second.version not in plan.versions
    manifests.verify(store, third)
    assert toy.served(registry) == toy.read(store, third)


def test_an_altered_object_is_refused(any_store: Store, registry: Registry) -> None:
    manifest = toy.stage(any_store, registry, 100, day=1)
    toy.judge(any_store, registry, manifest)
    data = bytearray(any_store.read_bytes(manifest.files[0].path))
    data[len(data) // 2] ^= 1
    any_store.write_bytes(manifest.files[0].path, bytes(data))
    with pytest.raises(PromotionRefused, match="altered after the manifest"):
        promotion.promote(any_store, registry, toy.SOURCE, manifest.version, policy=Policy(), owner="run")
