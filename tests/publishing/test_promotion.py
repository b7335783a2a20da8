"""Promotion: latest moves as a whole, forwards, once; or not at all."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.publishing import mirror, promotion
from include.publishing.promotion import Outcome, PromotionFailed, PromotionRefused
from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy


def promote(store: Store, registry: Registry, version: str, owner: str = "run") -> promotion.Promotion:
    return promotion.promote(store, registry, toy.SOURCE, version, owner=owner, wait=lambda _s: None)


def test_a_promoted_candidate_is_latest_for_sql_readers_file_readers_and_the_registry(
    store: Store, registry: Registry
) -> None:
    manifest = toy.publish(store, registry, {1: "a", 2: None, 3: ""}, day=1)
    latest = registry.latest(toy.SOURCE)
    pointer = mirror.read_pointer(store, toy.SOURCE)
    assert latest is not None and latest.version == manifest.version
    assert pointer is not None and pointer.version == manifest.version
    assert pointer.tables == manifest.tables
    assert toy.served(registry) == {1: "a", 2: None, 3: ""} == toy.read(store, manifest)
    assert registry.cursors(toy.SOURCE) == {"day": 1}
    assert registry.version(toy.SOURCE, manifest.version).state == "published"


def test_a_small_change_reaches_sql_readers_by_its_change_list(store: Store, registry: Registry) -> None:
    values: dict[int, str | None] = dict.fromkeys(range(100), "x")
    toy.publish(store, registry, values, day=1)
    values |= {5: 'new "quoted" {text}', 100: "added"}
    del values[7]
    manifest = toy.stage(store, registry, values, day=2)
    toy.judge(store, registry, manifest)
    done = promote(store, registry, manifest.version)
    assert done.served == {"things": "changes"}
    assert toy.served(registry) == values
    (changes,) = manifest.changes
    assert (changes.new, changes.changed, changes.deleted) == (1, 1, 1)
    assert changes.keys is not None
    listed = store.dataset([changes.keys.path]).to_table().to_pylist()
    assert {(row["change"], row["id"]) for row in listed} == {("new", 100), ("changed", 5), ("deleted", 7)}


def test_a_large_change_is_copied_and_an_unchanged_table_is_left_alone(
    store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 10, day=1)
    manifest = toy.stage(store, registry, dict.fromkeys(range(10), "other"), day=2)
    toy.judge(store, registry, manifest)
    assert promote(store, registry, manifest.version).served == {"things": "copy"}
    assert set(toy.served(registry).values()) == {"other"}
    again = toy.stage(store, registry, dict.fromkeys(range(10), "other"), day=3)
    toy.judge(store, registry, again)
    assert again.files == manifest.files, "an unchanged file is referenced, not stored twice"
    assert promote(store, registry, again.version).served == {"things": "unchanged"}


def test_a_candidate_of_an_older_interval_becomes_a_version_but_never_latest(
    store: Store, registry: Registry
) -> None:
    newest = toy.publish(store, registry, 10, day=5)
    older = toy.stage(store, registry, 11, day=2)
    toy.judge(store, registry, older)
    done = promote(store, registry, older.version)
    assert (done.outcome, done.latest) == (Outcome.KEPT, newest.version)
    assert len(toy.served(registry)) == 10
    assert registry.cursors(toy.SOURCE) == {"day": 5}


def test_two_promotions_at_once_one_wins_and_the_other_ends_cleanly(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 10, day=1)
    rivals = [toy.stage(store, registry, 10 + n, day=2, run=str(n)) for n in range(2)]
    for rival in rivals:
        toy.judge(store, registry, rival)
    barrier = threading.Barrier(2)
    outcomes: dict[str, Outcome] = {}

    def run(version: str) -> None:
        barrier.wait()
        outcomes[version] = promote(store, registry, version, owner=version).outcome

    threads = [threading.Thread(target=run, args=(rival.version,)) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == [Outcome.LOST, Outcome.PROMOTED]
    winner = next(rival for rival in rivals if outcomes[rival.version] is Outcome.PROMOTED)
    assert toy.served(registry) == toy.read(store, winner)
    pointer = mirror.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.version == winner.version


def test_a_rejected_candidate_changes_nothing(store: Store, registry: Registry) -> None:
    good = toy.publish(store, registry, 10, day=1)
    bad = toy.stage(store, registry, {1: "rubbish"}, day=2)
    assert not toy.judge(store, registry, bad).passed
    with pytest.raises(PromotionRefused, match="no value is rubbish"):
        promote(store, registry, bad.version)
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == good.version
    assert len(toy.served(registry)) == 10


def test_a_candidate_without_a_verdict_is_refused(store: Store, registry: Registry) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    with pytest.raises(PromotionRefused, match="no verdict"):
        promote(store, registry, manifest.version)


@pytest.mark.parametrize("when", ["before the gate", "after the gate"])
def test_a_file_that_was_altered_after_the_manifest_is_refused(
    store: Store, registry: Registry, when: str
) -> None:
    from include.publishing.manifest import AlteredFile

    manifest = toy.stage(store, registry, 3, day=1)
    if when == "after the gate":
        toy.judge(store, registry, manifest)
    path = Path(store.full(manifest.files[0].path))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    stat = path.stat()
    path.write_bytes(data)
    # Not even somebody who puts the old time back gets past.
    import os

    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises((PromotionRefused, AlteredFile), match="altered after the manifest"):
        toy.judge(store, registry, manifest) if when == "before the gate" else promote(
            store, registry, manifest.version
        )
    assert registry.latest(toy.SOURCE) is None


def test_an_altered_manifest_is_refused(store: Store, registry: Registry) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    toy.judge(store, registry, manifest)
    path = Path(store.full(f"versions/toy/{manifest.version}/manifest.json"))
    path.write_bytes(path.read_bytes().replace(b'"received": 3', b'"received": 4'))
    with pytest.raises(PromotionRefused, match="not the one that was staged"):
        promote(store, registry, manifest.version)


def test_a_failing_publish_is_tried_three_times_then_failed_and_latest_stays(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = toy.publish(store, registry, 10, day=1)
    manifest = toy.stage(store, registry, 11, day=2)
    toy.judge(store, registry, manifest)
    waits: list[float] = []

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise psycopg.OperationalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(promotion.serving, "serve", broken)
        with pytest.raises(PromotionFailed, match=r"3 attempts.*the disk is full"):
            promotion.promote(store, registry, toy.SOURCE, manifest.version, owner="run", wait=waits.append)
    row = registry.version(toy.SOURCE, manifest.version)
    assert (row.state, row.publish_attempts, row.publish_error) == ("failed", 3, "the disk is full")
    assert len(waits) == 2 and waits[1] > waits[0] > 0
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == good.version
    assert len(toy.served(registry)) == 10
    assert promote(store, registry, manifest.version).outcome is Outcome.PROMOTED, "an operator may try again"


def test_what_is_kept_of_a_failure_has_no_row_of_the_data(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, {1: "one"}, day=1)
    with registry.cursor() as cursor:
        cursor.execute("ALTER TABLE published.toy_things ADD CONSTRAINT short CHECK (length(value) < 9)")
    manifest = toy.stage(store, registry, {1: "Jane Roe of 1 High Street"}, day=2)
    toy.judge(store, registry, manifest)
    with pytest.raises(PromotionFailed, match='violates check constraint "short"') as failed:
        promote(store, registry, manifest.version)
    row = registry.version(toy.SOURCE, manifest.version)
    assert "short" in (row.publish_error or "")
    assert "Jane" not in f"{failed.value}{row.publish_error}"
    with registry.cursor() as cursor:
        cursor.execute("SELECT error FROM lastgood.publish_attempt WHERE version = %s", (manifest.version,))
        assert ["Jane" in each["error"] for each in cursor.fetchall()] == [False] * promotion.ATTEMPTS


def test_an_attempt_that_fails_once_returns_to_staged_and_succeeds_the_second_time(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = toy.stage(store, registry, 11, day=2)
    toy.judge(store, registry, manifest)
    serve, states = promotion.serving.serve, []

    def flaky(*args: Any, **kwargs: Any) -> Any:
        if not states:
            states.append("failed once")
            raise psycopg.OperationalError("connection lost")
        row = registry.version(toy.SOURCE, manifest.version)
        states.append((row.state, row.publish_attempts))
        return serve(*args, **kwargs)

    monkeypatch.setattr(promotion.serving, "serve", flaky)
    assert promote(store, registry, manifest.version).outcome is Outcome.PROMOTED
    assert states == ["failed once", ("staged", 1)]


def test_another_owners_lease_is_respected_until_it_expires(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    toy.judge(store, registry, manifest)

    def set_lease(seconds: int) -> None:
        with registry.cursor() as cursor:
            cursor.execute(
                "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = 'other', "
                "lease_until = now() + make_interval(secs => %s)",
                (seconds,),
            )

    set_lease(60)
    assert promote(store, registry, manifest.version).outcome is Outcome.BUSY
    assert registry.latest(toy.SOURCE) is None
    set_lease(-1)
    assert promote(store, registry, manifest.version).outcome is Outcome.PROMOTED


def test_a_retry_after_a_kill_between_commit_and_mirror_writes_the_mirror(
    store: Store, registry: Registry
) -> None:
    manifest = toy.publish(store, registry, 3, day=1)
    store.delete(mirror.pointer_key(toy.SOURCE))
    store.delete(mirror.state_key(toy.SOURCE, manifest.version))
    assert promote(store, registry, manifest.version).outcome is Outcome.ALREADY
    pointer = mirror.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.version == manifest.version


def test_an_operator_accepts_a_lasting_new_level_with_a_reason_and_it_is_recorded(
    store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 1000, day=1)
    lower = toy.stage(store, registry, 900, day=2)
    verdict = toy.judge(store, registry, lower)
    assert verdict.acceptable and registry.version(toy.SOURCE, lower.version).state == "rejected"
    with pytest.raises(ValueError, match="needs who does it and a reason"):
        promotion.accept(store, registry, toy.SOURCE, lower.version, who="ana", reason=" ")
    done = promotion.accept(
        store, registry, toy.SOURCE, lower.version, who="ana", reason="the upstream dropped a registry"
    )
    assert done.outcome is Outcome.PROMOTED
    row = registry.version(toy.SOURCE, lower.version)
    assert (row.state, row.accepted_by) == ("published", "ana")
    with registry.cursor() as cursor:
        cursor.execute("SELECT who, what, version, reason FROM lastgood.action")
        assert cursor.fetchall() == [
            {
                "who": "ana",
                "what": "accept",
                "version": lower.version,
                "reason": "the upstream dropped a registry",
            }
        ]


def test_an_acceptance_whose_promotion_was_killed_is_finished_by_the_same_command(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.publish(store, registry, 1000, day=1)
    lower = toy.stage(store, registry, 900, day=2)
    toy.judge(store, registry, lower)
    with monkeypatch.context() as patch:
        patch.setattr(
            promotion, "promote", lambda *_args, **_kwargs: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            promotion.accept(store, registry, toy.SOURCE, lower.version, who="ana", reason="new level")
    done = promotion.accept(store, registry, toy.SOURCE, lower.version, who="ben", reason="again")
    assert done.outcome is Outcome.PROMOTED
    assert registry.version(toy.SOURCE, lower.version).accepted_by == "ana"
    with registry.cursor() as cursor:
        cursor.execute("SELECT count(*) AS n FROM lastgood.action")
        assert cursor.fetchone() == {"n": 1}, "one decision, kept once"


def test_a_candidate_that_fails_its_contract_can_never_be_accepted(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 1000, day=1)
    bad = toy.stage(store, registry, {1: "rubbish"}, day=2)
    toy.judge(store, registry, bad)
    with pytest.raises(PromotionRefused, match=r"can never be accepted.*rubbish"):
        promotion.accept(store, registry, toy.SOURCE, bad.version, who="ana", reason="please")


def test_a_candidate_compared_with_an_outdated_latest_cannot_be_accepted(
    store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 1000, day=1)
    lower = toy.stage(store, registry, 900, day=2)
    toy.judge(store, registry, lower)
    toy.publish(store, registry, 1001, day=3)
    with pytest.raises(PromotionRefused, match="Run the DAG again"):
        promotion.accept(store, registry, toy.SOURCE, lower.version, who="ana", reason="new level")


def test_rollback_brings_back_data_cursors_and_mirror_of_the_version_before(
    store: Store, registry: Registry
) -> None:
    first = toy.publish(store, registry, 100, day=1)
    second = toy.publish(store, registry, 105, day=2)
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong unit")
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == first.version
    assert len(toy.served(registry)) == 100
    assert registry.cursors(toy.SOURCE) == {"day": 1}
    assert registry.version(toy.SOURCE, second.version).state == "rolled_back"
    pointer = mirror.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.version == first.version
    third = toy.publish(store, registry, 106, day=3)
    assert toy.served(registry) == toy.read(store, third)


def test_there_is_no_rollback_beyond_the_first_version(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 10, day=1)
    with pytest.raises(PromotionRefused, match="no earlier version"):
        promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="why not")


def test_a_retry_of_a_version_that_was_rolled_back_does_not_bring_it_back(
    store: Store, registry: Registry
) -> None:
    first = toy.publish(store, registry, 100, day=1)
    second = toy.publish(store, registry, 105, day=2)
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong unit")
    assert promote(store, registry, second.version).latest == first.version


def test_readers_see_the_old_version_until_the_promotion_commits(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.publish(store, registry, 10, day=1)
    manifest = toy.stage(store, registry, dict.fromkeys(range(10), "other"), day=2)
    toy.judge(store, registry, manifest)
    seen: list[Any] = []
    serve = promotion.serving.serve

    def observed(*args: Any, **kwargs: Any) -> Any:
        done = serve(*args, **kwargs)
        seen.append(set(toy.served(registry).values()))
        return done

    monkeypatch.setattr(promotion.serving, "serve", observed)
    promote(store, registry, manifest.version)
    assert "other" not in seen[0] and len(seen[0]) == 10
    assert set(toy.served(registry).values()) == {"other"}
