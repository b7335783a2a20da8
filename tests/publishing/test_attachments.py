"""Files of a version that are no tables are proven, kept, copied and removed like its tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from include.operations import backup as backups
from include.operations import decisions, rebuild, retention, verification
from include.publishing import manifest as manifests
from include.publishing import pointers
from include.publishing.candidate import Candidate
from include.publishing.manifest import AlteredFile, Manifest
from include.registry.registry import Registry
from include.sources.source import Retention
from include.storage.store import StillReferenced, Store, UnsafePath
from include.version import version_id
from tests import toy
from tests.publishing import quick

LATER = toy.START + timedelta(days=365)


def publish(store: Store, registry: Registry, day: int, attachments: Mapping[str, bytes]) -> Manifest:
    return quick.promote(
        store, registry, toy.stage(store, registry, 5 + day, day=day, attachments=attachments)
    )


def held(store: Store, manifest: Manifest) -> dict[str, bytes]:
    return {each.name: store.read_bytes(each.path) for each in manifest.attachments}


def test_a_version_holds_its_attachments_and_readers_find_them_by_the_pointer(
    store: Store, registry: Registry
) -> None:
    images = {"sky/one.fits": b"one", "sky/one.png": b"drawn"}
    manifest = publish(store, registry, 1, images)
    assert held(store, manifest) == images
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.attachments == manifest.attachments
    assert {each.path for each in manifest.attachments} <= manifest.paths


def test_bytes_that_base_has_are_not_copied_and_others_are(store: Store, registry: Registry) -> None:
    first = publish(store, registry, 1, {"a.fits": b"same", "b.fits": b"old"})
    second = publish(store, registry, 2, {"a.fits": b"same", "b.fits": b"new", "c.fits": b"more"})
    (a, b, _), (a_before, b_before) = second.attachments, first.attachments
    assert a == a_before
    assert (b.path, b.sha256) != (b_before.path, b_before.sha256)
    assert held(store, second) == {"a.fits": b"same", "b.fits": b"new", "c.fits": b"more"}
    assert held(store, first)["b.fits"] == b"old"


def test_an_attachment_is_taken_over_without_being_read(store: Store, registry: Registry) -> None:
    base = publish(store, registry, 1, {"a.fits": b"same"})
    version = version_id(toy.START + timedelta(days=2), "next")
    with Candidate(store, toy.SOURCE, version, [toy.THINGS], 1, base) as candidate:
        store.fs.rm(store.full(base.attachments[0].path))
        assert candidate.keep_attachment("a.fits") == base.attachments[0]
        with pytest.raises(KeyError):
            candidate.keep_attachment("b.fits")


@pytest.mark.parametrize("name", ["../up.fits", "/root.fits", "a//b", "", "a b", "é.fits", "a/../../b"])
def test_a_name_that_leads_elsewhere_is_refused(store: Store, registry: Registry, name: str) -> None:
    with pytest.raises(UnsafePath):
        toy.stage(store, registry, 1, day=1, attachments={name: b"x"})
    assert store.list(f"versions/{toy.SOURCE}") == []


def test_a_name_names_one_attachment(store: Store, tmp_path: Path) -> None:
    local = tmp_path / "x"
    local.write_bytes(b"x")
    with Candidate(store, toy.SOURCE, version_id(toy.START, "one"), [toy.THINGS], 1, None) as candidate:
        attached = candidate.attach("a.fits", local)
        local.write_bytes(b"another")
        with pytest.raises(ValueError, match="already"):
            candidate.attach("a.fits", local)
        assert store.read_bytes(attached.path) == b"x"


@pytest.mark.parametrize("harm", ["altered", "gone"])
def test_one_that_is_not_what_was_sealed_is_never_published(
    store: Store, registry: Registry, harm: str
) -> None:
    manifest = toy.stage(store, registry, 3, day=1, attachments={"a.fits": b"right"})
    path = Path(store.full(manifest.attachments[0].path))
    path.unlink()
    if harm == "altered":
        path.write_bytes(b"wrong")
    with pytest.raises(AlteredFile, match=r"_attachments/a\.fits"):
        quick.promote(store, registry, manifest)
    assert registry.latest(toy.SOURCE) is None


def test_verify_names_one_that_was_damaged_later(store: Store, registry: Registry) -> None:
    manifest = publish(store, registry, 1, {"a.fits": b"right"})
    Path(store.full(manifest.attachments[0].path)).write_bytes(b"wrong")
    found = verification.verify(store, registry, toy.SOURCE)
    assert [each.path for each in found.damaged] == [manifest.attachments[0].path]


def test_nobody_deletes_what_latest_holds(store: Store, registry: Registry) -> None:
    manifest = publish(store, registry, 1, {"a.fits": b"x"})
    with pytest.raises(StillReferenced):
        store.delete(manifest.attachments[0].path)


def test_retention_takes_them_with_their_version_but_not_what_a_later_one_holds(
    store: Store, registry: Registry
) -> None:
    published = [
        publish(store, registry, day, {"kept.fits": b"same", f"of_day_{day}.fits": b"x"})
        for day in range(1, 6)
    ]
    plan = retention.plan(store, registry, toy.SOURCE, Retention(versions=2), now=LATER)
    retention.apply(store, registry, plan, who="ana")
    *gone, before, latest = published
    for manifest in (before, latest):
        manifests.verify(store, manifest)
    assert latest.attachments[0].path == published[0].attachments[0].path
    for manifest in gone:
        assert not store.exists(manifest.attachments[1].path)


def test_a_rollback_brings_them_back(store: Store, registry: Registry) -> None:
    first = publish(store, registry, 1, {"a.fits": b"first"})
    publish(store, registry, 2, {"a.fits": b"second"})
    decisions.rollback(store, registry, toy.SOURCE, who="ana", reason="the second is wrong")
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.attachments == first.attachments


def test_a_backup_holds_them_and_its_reader_finds_them(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    manifest = publish(store, registry, 1, {"a.fits": b"x"})
    second = Store.of_folder(tmp_path / "second")
    backups.backup(store, registry, second, now=LATER, code_version="test")
    held = backups.store_of(second)
    pointer = pointers.read_pointer(held, toy.SOURCE)
    assert pointer is not None and pointer.attachments == manifest.attachments
    assert held.read_bytes(manifest.attachments[0].path) == b"x"


def test_the_registry_is_rebuilt_with_their_versions(store: Store, registry: Registry) -> None:
    manifest = publish(store, registry, 1, {"a.fits": b"x"})
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM lastgood.latest; DELETE FROM lastgood.dataset_version")
    rebuild.rebuild(store, registry)
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == manifest.version
