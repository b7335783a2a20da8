"""Retention takes what is old, and never what somebody still reads or needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.publishing import manifest as manifests
from include.publishing import promotion, retention
from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy

LATER = toy.START + timedelta(days=365)


def plan(store: Store, registry: Registry, keep: int = 2) -> retention.Plan:
    return retention.plan(
        store, registry, toy.SOURCE, keep_versions=keep, keep_raw=timedelta(days=30), now=LATER
    )


def test_old_versions_and_their_raw_go_and_the_newest_stay(store: Store, registry: Registry) -> None:
    published = [toy.publish(store, registry, 100 + day, day=day) for day in range(5)]
    for manifest in published:
        store.write_bytes(f"raw/toy/{manifest.version}/part-00000.jsonl.zst", b"x")
    chosen = plan(store, registry)
    assert set(chosen.versions) == {m.version for m in published[:3]}
    retention.apply(store, registry, chosen)
    assert {v.version for v in registry.versions(toy.SOURCE)} == {m.version for m in published[3:]}
    for manifest in published[:3]:
        assert (
            store.list(f"versions/toy/{manifest.version}") == store.list(f"raw/toy/{manifest.version}") == []
        )
    for manifest in published[3:]:
        manifests.verify(store, manifest)


def test_latest_and_its_predecessor_stay_even_after_a_rollback_to_an_old_version(
    store: Store, registry: Registry
) -> None:
    published = [toy.publish(store, registry, 100 + day, day=day) for day in range(5)]
    promotion.rollback(
        store, registry, toy.SOURCE, who="ana", reason="all newer are wrong", to=published[1].version
    )
    chosen = plan(store, registry)
    assert not {published[0].version, published[1].version} & set(chosen.versions)


def test_a_file_that_a_kept_version_references_stays(store: Store, registry: Registry) -> None:
    first = toy.publish(store, registry, 100, day=0)
    unchanged = [toy.publish(store, registry, 100, day=day) for day in (1, 2, 3)]
    chosen = plan(store, registry)
    assert first.version in chosen.versions
    retention.apply(store, registry, chosen)
    assert unchanged[-1].files == first.files
    manifests.verify(store, unchanged[-1])


def test_what_is_pinned_under_way_or_young_stays(store: Store, registry: Registry) -> None:
    published = [toy.publish(store, registry, 100 + day, day=day) for day in range(5)]
    staged = toy.stage(store, registry, 3, day=0, run="staged", built_upon=None)
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET pinned_reason = 'golden' WHERE version = %s",
            (published[0].version,),
        )
    assert set(plan(store, registry).versions) == {published[1].version, published[2].version}
    early = retention.plan(
        store,
        registry,
        toy.SOURCE,
        keep_versions=2,
        keep_raw=timedelta(days=30),
        now=toy.START + timedelta(days=20),
    )
    assert early.versions == ()
    assert staged.version in early.kept


def test_a_version_that_another_source_was_built_from_stays(store: Store, registry: Registry) -> None:
    published = [toy.publish(store, registry, 100 + day, day=day) for day in range(4)]
    child = manifests.Manifest(
        **{n: getattr(published[0], n) for n in published[0].__struct_fields__}
        | {"source": "child", "built_from": {"toy": published[0].version}}
    )
    manifests.write(store, child)
    assert plan(store, registry).versions == (published[1].version,)


def test_fewer_than_two_versions_cannot_be_asked_for(store: Store, registry: Registry) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        plan(store, registry, keep=1)


def test_what_a_removed_version_left_because_it_was_referenced_goes_once_nobody_references_it(
    store: Store, registry: Registry
) -> None:
    first = toy.publish(store, registry, 100, day=0)
    for day in (1, 2, 3):
        toy.publish(store, registry, 100, day=day)
    retention.apply(store, registry, plan(store, registry))
    for day in (4, 5):
        toy.publish(store, registry, 100 + day, day=day)
    # The files of this test were written today, which is after LATER only if the clock says so.
    far = retention.plan(
        store,
        registry,
        toy.SOURCE,
        keep_versions=2,
        keep_raw=timedelta(days=30),
        now=datetime.now(UTC) + timedelta(days=400),
    )
    assert first.files[0].path in far.keys


def test_the_landing_of_a_run_that_never_became_a_version_goes_when_it_is_old(
    store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 10, day=1)
    store.write_bytes("raw/toy/20250101T000000Z-dead0000/part-00000.jsonl.zst", b"x")
    for days, gone in ((1, ()), (400, ("raw/toy/20250101T000000Z-dead0000/part-00000.jsonl.zst",))):
        chosen = retention.plan(
            store,
            registry,
            toy.SOURCE,
            keep_versions=2,
            keep_raw=timedelta(days=30),
            now=datetime.now(UTC) + timedelta(days=days),
        )
        assert chosen.keys == gone
