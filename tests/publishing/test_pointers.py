"""The pointer of the store: never ahead of the registry, healed where behind, never taken back by a late writer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import psycopg
import pytest

from include.publishing import manifest as manifests
from include.publishing import pointers, promotion
from include.publishing.pointers import OlderRegistry, Pointer, UnreadablePointer
from include.publishing.policy import Policy
from include.registry.registry import Registry
from include.registry.versions import Latest
from include.storage.store import Store
from tests import toy
from tests.publishing import quick


def pointed(store: Store) -> str:
    """The version that readers of files read."""
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None
    return pointer.version


def sql(registry: Registry, statement: str) -> None:
    with registry.transaction() as cursor:
        cursor.execute(statement)


def test_the_pointer_agrees_until_the_registry_knows_less(store: Store, registry: Registry) -> None:
    assert pointers.agreed(store, registry, toy.SOURCE) is None
    manifest = quick.publish(store, registry, 3, day=1)
    pointer = pointers.agreed(store, registry, toy.SOURCE)
    assert pointer is not None and pointer.version == manifest.version
    sql(registry, "UPDATE lastgood.latest SET generation = generation + 1")
    assert pointers.agreed(store, registry, toy.SOURCE) == pointer, (
        "the pointer is written after the registry"
    )
    for statement in (
        "UPDATE lastgood.latest SET generation = generation - 2",
        "DELETE FROM lastgood.latest",
    ):
        sql(registry, statement)
        with pytest.raises(OlderRegistry, match=r"the registry is older than the store.*rebuild-registry"):
            pointers.agreed(store, registry, toy.SOURCE)


def test_another_registrys_store_is_named_as_such(store: Store, registry: Registry, tmp_path: Path) -> None:
    manifest = quick.publish(store, registry, 3, day=1)
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None
    other = Store.from_uri((tmp_path / "other").as_uri())
    with pytest.raises(OlderRegistry, match="is the store of another registry, or was emptied"):
        pointers.settle(other, registry, toy.SOURCE)
    foreign = msgspec.structs.replace(pointer, version="20260101T000000Z-f0000000")
    other.write_bytes(pointers.pointer_key(toy.SOURCE), pointers.encoded(foreign))
    named = rf"is the store of another registry.*f0000000.*{manifest.version}.*Set lastgood_root or"
    for look in (pointers.agreed, pointers.settle):
        with pytest.raises(OlderRegistry, match=named) as said:
            look(other, registry, toy.SOURCE)
        assert "rebuild-registry" not in str(said.value), (
            "that would give this store's readers another's versions"
        )


def test_a_clock_that_was_set_back_by_hours_is_no_disagreement(store: Store, registry: Registry) -> None:
    quick.publish(store, registry, 3, day=1)
    sql(registry, "UPDATE lastgood.latest SET since = since - interval '5 hours'")
    assert pointers.agreed(store, registry, toy.SOURCE) is not None
    assert pointers.settle(store, registry, toy.SOURCE) == []
    later = quick.publish(store, registry, 4, day=2)
    assert pointed(store) == later.version


def test_a_promotion_at_the_same_moment_is_no_disagreement(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = quick.publish(store, registry, 3, day=1)
    latest = Registry.latest

    def and_then_another(self: Registry, source: str) -> Latest | None:
        found = latest(self, source)
        monkeypatch.undo()
        quick.publish(store, registry, 4, day=2)
        return found

    monkeypatch.setattr(Registry, "latest", and_then_another)
    pointer = pointers.agreed(store, registry, toy.SOURCE)
    assert pointer is not None and pointer.version == before.version


def folder(path: Path) -> None:
    path.mkdir()
    (path / "somebody's file").write_text("kept")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": lambda _: None,
    "empty": lambda path: path.write_bytes(b""),
    "rubbish": lambda path: path.write_bytes(b"\xff\x00{"),
    "another JSON": lambda path: path.write_bytes(b'{"version": 3}'),
    "a folder": folder,
    "a pipe": os.mkfifo,
    "a link into nothing": lambda path: path.symlink_to("nothing"),
    "a link out of the store": lambda path: path.symlink_to("/etc/hostname"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_pointer_that_cannot_be_read_is_healed_before_anybody_moves_latest(
    store: Store, registry: Registry, damage: str
) -> None:
    quick.publish(store, registry, 3, day=1)
    path = Path(store.root) / pointers.pointer_key(toy.SOURCE)
    path.unlink()
    DAMAGE[damage](path)
    assert pointers.settle(store, registry, toy.SOURCE) == [pointers.pointer_key(toy.SOURCE)]
    path.unlink()
    DAMAGE[damage](path)
    later = quick.publish(store, registry, 4, day=2)
    assert pointed(store) == later.version
    assert len(toy.served(registry)) == 4
    if damage == "a folder":
        kept = list(path.parent.rglob("somebody's file"))
        assert len(kept) == 2, "put aside, not removed"


@pytest.mark.parametrize("damage", [each for each in DAMAGE if each != "missing"])
def test_where_the_registry_knows_nothing_an_unreadable_pointer_is_not_taken_for_none(
    store: Store, registry: Registry, damage: str
) -> None:
    path = Path(store.root) / pointers.pointer_key(toy.SOURCE)
    path.parent.mkdir(parents=True)
    DAMAGE[damage](path)
    if damage == "a link into nothing":
        return
    with pytest.raises(UnreadablePointer):
        pointers.read_pointer(store, toy.SOURCE)
    with pytest.raises(OlderRegistry, match=r"knows no version of toy.*rebuild-registry"):
        pointers.settle(store, registry, toy.SOURCE)


def test_a_pointer_that_is_behind_is_healed(any_store: Store, registry: Registry) -> None:
    quick.publish(any_store, registry, 3, day=1)
    old = any_store.read_bytes(pointers.pointer_key(toy.SOURCE))
    later = quick.publish(any_store, registry, 4, day=2)
    any_store.write_bytes(pointers.pointer_key(toy.SOURCE), old)
    pointers.settle(any_store, registry, toy.SOURCE)
    assert pointed(any_store) == later.version


@pytest.mark.parametrize("act", ["promote", "accept", "roll back"])
@pytest.mark.parametrize("lost", ["older", "empty"])
def test_nobody_moves_latest_by_a_registry_that_knows_less_than_the_store(
    store: Store, registry: Registry, act: str, lost: str
) -> None:
    for day in (1, 2, 3):
        quick.publish(store, registry, 10 + day, day=day)
    latest = registry.latest(toy.SOURCE)
    assert latest is not None
    if lost == "older":
        sql(
            registry,
            "UPDATE lastgood.latest SET version = previous, previous = NULL, generation = generation - 1",
        )
        sql(registry, f"DELETE FROM lastgood.dataset_version WHERE version = '{latest.version}'")
    else:
        for table in ("latest", "dataset_version", "cursor"):
            sql(registry, f"DELETE FROM lastgood.{table}")
    candidate = toy.stage(store, registry, 2, day=9)
    quick.judge(store, registry, candidate, "PASSED" if act == "promote" else "FAILED")
    if act == "accept":
        sql(
            registry,
            "UPDATE lastgood.dataset_version SET accepted_by = 'ana', state = 'staged', "
            "accepted_verdict_sha256 = verdict_sha256 WHERE published_at IS NULL",
        )
    acts: dict[str, Callable[[], object]] = {
        "promote": lambda: promotion.promote(
            store, registry, toy.SOURCE, candidate.version, policy=Policy(), owner="run"
        ),
        "accept": lambda: promotion.accept(
            store, registry, toy.SOURCE, candidate.version, who="ana", reason="new"
        ),
        "roll back": lambda: promotion.rollback(
            store, registry, toy.SOURCE, who="ana", reason="bad", to=None
        ),
    }
    with pytest.raises(OlderRegistry):
        acts[act]()
    assert pointed(store) == latest.version
    assert len(toy.served(registry)) == 13, "readers of SQL keep what they read too"


def test_a_late_writer_does_not_take_the_pointer_back(any_store: Store, registry: Registry) -> None:
    first = quick.publish(any_store, registry, 3, day=1)
    latest = registry.latest(toy.SOURCE)
    assert latest is not None
    late = pointers.pointer_of(latest, manifests.require(any_store, toy.SOURCE, first.version))
    with any_store.prepare(pointers.pointer_key(toy.SOURCE), pointers.encoded(late)) as prepared:
        later = quick.publish(any_store, registry, 4, day=2)
        assert not prepared.switch(pointers.older_than(late))
    assert pointed(any_store) == later.version


def test_a_writer_that_lost_its_lock_writes_nothing_more(store: Store, registry: Registry) -> None:
    """It was frozen while it held latest; the database took it for dead, and others went on."""
    first = quick.publish(store, registry, 3, day=1)
    swap = Store.swap

    def frozen(self: Store, key: str, data: bytes, replaces: Callable[[bytes | None], bool]) -> bool:
        sql(
            Registry(registry.connect),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'lastgood write%'",
        )
        return swap(self, key, data, replaces)

    sql(registry, "UPDATE lastgood.dataset_version SET pinned_reason = 'late'")
    before = store.read_bytes(pointers.state_key(toy.SOURCE, first.version))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "swap", frozen)
        with pytest.raises(psycopg.OperationalError):
            pointers.write(store, registry, toy.SOURCE)
    assert store.read_bytes(pointers.state_key(toy.SOURCE, first.version)) == before


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_store_that_takes_no_pointer_moves_latest_neither_in_sql_nor_in_files(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    first = quick.publish(store, registry, 3, day=1)
    later = toy.stage(store, registry, 4, day=2)
    quick.judge(store, registry, later)

    def refused(*_: object) -> None:
        raise OSError(28 if trouble == "full" else 30, trouble)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "prepare", refused)
        with pytest.raises(OSError, match=trouble):
            promotion.promote(store, registry, toy.SOURCE, later.version, policy=Policy(), owner="run")
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and (latest.version, pointed(store)) == (first.version, first.version)
    assert len(toy.served(registry)) == 3
    promotion.promote(store, registry, toy.SOURCE, later.version, policy=Policy(), owner="run")
    assert pointed(store) == later.version


def test_a_pointer_that_could_not_take_its_place_is_written_by_the_next_try(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.publish(store, registry, 3, day=1)
    later = toy.stage(store, registry, 4, day=2)
    quick.judge(store, registry, later)
    with monkeypatch.context() as patch:
        patch.setattr(
            "include.storage.conditional.Disk.switch", lambda *_: (_ for _ in ()).throw(OSError("gone"))
        )
        with pytest.raises(promotion.PointerBehind, match="readers of files still read the version before"):
            promotion.promote(store, registry, toy.SOURCE, later.version, policy=Policy(), owner="run")
    assert len(toy.served(registry)) == 4
    assert (
        promotion.promote(store, registry, toy.SOURCE, later.version, policy=Policy(), owner="run").latest
        == later.version
    )
    assert pointed(store) == later.version


def test_a_pointer_of_an_earlier_release_is_read(store: Store, registry: Registry) -> None:
    quick.publish(store, registry, 3, day=1)
    plain = msgspec.json.decode(store.read_bytes(pointers.pointer_key(toy.SOURCE)))
    del plain["generation"], plain["beside"]
    store.write_bytes(pointers.pointer_key(toy.SOURCE), msgspec.json.encode(plain))
    assert pointers.settle(store, registry, toy.SOURCE), "it is brought up to date"
    pointer = msgspec.json.decode(store.read_bytes(pointers.pointer_key(toy.SOURCE)), type=Pointer)
    assert pointer.generation == 1
