"""The registry comes back from the store alone."""

from __future__ import annotations

import re
import threading
from typing import Any

import psycopg
import pytest

from include.operations import rebuild
from include.publishing import manifest as manifests
from include.publishing import pointers, promotion
from include.publishing.policy import Policy
from include.registry.locks import lock_latest
from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy
from tests.publishing import quick


def facts(registry: Registry) -> dict[str, Any]:
    with registry.transaction() as cursor:
        cursor.execute(
            "SELECT source, table_name, check_id, outcome, value FROM lastgood.check_result ORDER BY 1,2,3"
        )
        checks = cursor.fetchall()
    return {
        "versions": [
            (
                v.version,
                v.state,
                v.as_of,
                v.published_at,
                v.publish_attempts,
                v.accepted_by,
                v.manifest_sha256,
            )
            for v in registry.versions(toy.SOURCE)
        ],
        "latest": registry.latest(toy.SOURCE),
        "cursors": registry.watermarks(toy.SOURCE),
        "history": registry.history(toy.SOURCE),
        "checks": len(checks),
        "served": toy.served(registry),
    }


@pytest.mark.parametrize("lost", ["the whole database", "the schema lastgood"])
def test_a_lost_registry_is_rebuilt_from_the_manifests(
    store: Store, registry: Registry, dsn: str, lost: str
) -> None:
    toy.publish(store, registry, 1000, day=1)
    toy.publish(store, registry, 1001, day=2)
    bad = toy.stage(store, registry, {1: "rubbish"}, day=3)
    toy.judge(store, registry, bad)
    lower = toy.stage(store, registry, 500, day=4)
    toy.judge(store, registry, lower)
    promotion.accept(store, registry, toy.SOURCE, lower.version, who="ana", reason="new level")
    toy.publish(store, registry, 501, day=5)
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong")
    before = facts(registry)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA lastgood CASCADE")
        if lost == "the whole database":
            connection.execute("DROP SCHEMA published CASCADE")
    assert rebuild.rebuild(store, registry) == rebuild.Rebuilt({toy.SOURCE: 5}, ())
    assert facts(registry) == before
    with pytest.raises(rebuild.RegistryInUse, match="knows 5 versions already; only an empty one"):
        rebuild.rebuild(store, registry)
    assert facts(registry) == before
    toy.release(store, registry)
    next_day = toy.publish(store, registry, 502, day=6)
    assert toy.served(registry) == toy.read(store, next_day)


def lose(registry: Registry) -> None:
    with registry.connect() as connection:
        connection.execute("DROP SCHEMA lastgood CASCADE")


def counted(registry: Registry) -> int:
    with registry.transaction() as cursor:
        cursor.execute("SELECT count(*) AS n FROM lastgood.dataset_version")
        row = cursor.fetchone()
    assert row is not None
    return int(row["n"])


@pytest.mark.parametrize("where", ["_restore_latest", "_restore_others", "_restore_version"])
def test_a_rebuild_that_is_killed_leaves_nothing_and_is_done_again(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    for day in (1, 2, 3):
        quick.publish(store, registry, 10 + day, day=day)
    before = facts(registry)
    lose(registry)
    act = getattr(rebuild, where)

    def and_killed(*args: Any, **kwargs: Any) -> None:
        act(*args, **kwargs)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(rebuild, where, and_killed)
        with pytest.raises(SystemExit):
            rebuild.rebuild(store, registry)
    assert counted(registry) == 0 and registry.latest(toy.SOURCE) is None
    assert rebuild.rebuild(store, registry).versions == {toy.SOURCE: 3}
    assert facts(registry) == before


@pytest.mark.parametrize("file", ["manifest.json", "gate.json", "state.json"])
@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b'{"source": "toy"}'])
def test_one_damaged_old_version_is_left_out_and_named(
    store: Store, registry: Registry, file: str, damage: bytes
) -> None:
    first, second, third = (quick.publish(store, registry, 10 + day, day=day) for day in (1, 2, 3))
    store.write_bytes(f"{manifests.folder(toy.SOURCE, second.version)}/{file}", damage)
    lose(registry)
    done = rebuild.rebuild(store, registry)
    assert done.versions == {toy.SOURCE: 2}
    (sentence,) = done.damaged
    assert second.version in sentence and file in sentence
    assert {each.version for each in registry.versions(toy.SOURCE)} == {first.version, third.version}
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == third.version
    assert len(toy.served(registry)) == 13


@pytest.mark.parametrize("damaged", ["the pointer", "its manifest"])
def test_where_latest_itself_is_damaged_nothing_is_rebuilt(
    store: Store, registry: Registry, damaged: str
) -> None:
    manifest = quick.publish(store, registry, 10, day=1)
    key = (
        pointers.pointer_key(toy.SOURCE)
        if damaged == "the pointer"
        else manifests.manifest_key(toy.SOURCE, manifest.version)
    )
    store.write_bytes(key, b"rubbish")
    lose(registry)
    with pytest.raises(ValueError, match=re.escape(key)):
        rebuild.rebuild(store, registry)
    assert counted(registry) == 0


def test_what_failed_to_be_published_stays_failed(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.publish(store, registry, 10, day=1)
    manifest = toy.stage(store, registry, 11, day=2)
    quick.judge(store, registry, manifest)

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(promotion.serving, "serve", broken)
        for error in (OSError, OSError, promotion.PromotionFailed):
            with pytest.raises(error):
                promotion.promote(store, registry, toy.SOURCE, manifest.version, policy=Policy(), owner="run")
    lose(registry)
    rebuild.rebuild(store, registry)
    row = registry.version(toy.SOURCE, manifest.version)
    assert (row.state, row.publish_attempts, row.publish_error) == ("failed", 3, "no room")


def test_a_rebuild_waits_for_whoever_moves_latest_and_holds_off_who_comes_after_it(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.publish(store, registry, 10, day=1)
    lose(registry)
    registry.migrate()
    ended: list[str] = []
    begun = threading.Event()

    def rebuilt() -> None:
        begun.set()
        rebuild.rebuild(store, Registry(registry.connect))
        ended.append("rebuild")

    with registry.transaction() as cursor:
        lock_latest(cursor, toy.SOURCE, "promote")
        thread = threading.Thread(target=rebuilt)
        thread.start()
        begun.wait(10)
        thread.join(1)
        assert thread.is_alive(), "it waits"
        ended.append("promotion")
    thread.join(30)
    assert ended == ["promotion", "rebuild"]
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and counted(registry) == 1


def test_a_run_that_comes_before_the_rebuild_is_told_to_wait_for_it(store: Store, registry: Registry) -> None:
    """The registry was lost, and an ordinary run begins with an empty one: it would be a first run, of a few rows."""
    latest = quick.publish(store, registry, 100, day=6)
    lose(registry)
    registry.migrate()
    candidate = toy.stage(store, registry, 3, day=7)
    quick.judge(store, registry, candidate)
    with pytest.raises(pointers.OlderRegistry, match="rebuild-registry"):
        promotion.promote(store, registry, toy.SOURCE, candidate.version, policy=Policy(), owner="run")
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.version == latest.version
    assert len(toy.served(registry)) == 100


def test_of_all_versions_only_latest_comes_back_as_published(
    store: Store, registry: Registry, dsn: str
) -> None:
    """Who moved latest was killed before the state record of the version before it was written."""
    first, key = toy.publish(store, registry, 10, day=1), "versions/toy/{}/state.json"
    stale = store.read_bytes(key.format(first.version))
    second = toy.publish(store, registry, 11, day=2)
    store.write_bytes(key.format(first.version), stale)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA lastgood CASCADE")
    rebuild.rebuild(store, registry)
    states = {row.version: row.state for row in registry.versions(toy.SOURCE)}
    assert states == {first.version: "superseded", second.version: "published"}
