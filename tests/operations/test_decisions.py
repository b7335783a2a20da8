"""What an operator decides, beside accepting and rolling back: retries and pins."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from include import pipeline
from include.operations import decisions, rebuild
from include.publishing import pointers, promotion
from include.publishing.manifest import Manifest
from include.publishing.promotion import Outcome, PromotionRefused
from include.registry import run_log
from include.registry.registry import Registry
from include.registry.versions import UnknownVersion
from include.storage.store import Store
from tests import toy
from tests.publishing import quick

SIGNED: dict[str, Any] = {"who": "ana", "reason": "the disk has room again"}


def candidate(store: Store, registry: Registry, rows: int, day: int, run: str = "") -> Manifest:
    """Staged, with a passed verdict."""
    manifest = toy.stage(store, registry, rows, day=day, run=run)
    assert toy.judge(store, registry, manifest).passed
    return manifest


def retryable(store: Store, registry: Registry, source: str | None = None) -> list[tuple[str, str]]:
    return decisions.retryable(store, registry, source, now=datetime.now(UTC))


def retry_all(store: Store, registry: Registry) -> decisions.RetriedAll:
    return decisions.retry_all(store, registry, now=datetime.now(UTC), **SIGNED)


def fail(registry: Registry, manifest: Manifest) -> None:
    """All attempts to publish have failed."""
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'failed', publish_attempts = 3, publish_error = 'full' "
            "WHERE version = %s",
            (manifest.version,),
        )


def test_what_failed_to_be_published_is_published_by_a_retry(store: Store, registry: Registry) -> None:
    manifest = candidate(store, registry, 3, day=1)
    fail(registry, manifest)
    done = decisions.retry(store, registry, toy.SOURCE, manifest.version, **SIGNED)
    assert done.outcome is Outcome.PROMOTED and len(toy.served(registry)) == 3
    with pytest.raises(PromotionRefused, match="is published; only what"):
        decisions.retry(store, registry, toy.SOURCE, manifest.version, **SIGNED)
    with registry.transaction() as cursor:
        cursor.execute("SELECT who, what, reason FROM lastgood.action")
        assert cursor.fetchall() == [{**SIGNED, "what": "retry"}]


def test_a_live_promotion_is_left_alone(store: Store, registry: Registry) -> None:
    manifest = candidate(store, registry, 3, day=1)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = 'retry by ana', "
            "lease_until = now() + interval '5 minutes'"
        )
    assert retryable(store, registry) == []
    with pytest.raises(PromotionRefused, match="being published by another process"):
        decisions.retry(store, registry, toy.SOURCE, manifest.version, **SIGNED)
    assert registry.latest(toy.SOURCE) is None
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.dataset_version SET lease_until = now()")
    assert retryable(store, registry) == [(toy.SOURCE, manifest.version)], "its lease ran out"


def test_two_retries_of_one_person_at_once_publish_it_once(store: Store, registry: Registry) -> None:
    manifest = candidate(store, registry, 3, day=1)
    fail(registry, manifest)
    barrier, ends = threading.Barrier(2), []

    def run() -> None:
        barrier.wait()
        try:
            ends.append(decisions.retry(store, registry, toy.SOURCE, manifest.version, **SIGNED).outcome)
        except PromotionRefused:
            ends.append(None)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends.count(Outcome.PROMOTED) == 1
    with registry.transaction() as cursor:
        cursor.execute("SELECT error FROM lastgood.publish_attempt")
        assert cursor.fetchall() == [{"error": None}]


def test_retry_all_publishes_the_newest_of_what_failed_or_was_left(store: Store, registry: Registry) -> None:
    failed, later, running = (candidate(store, registry, 3 + day, day=day) for day in (1, 2, 3))
    toy.stage(store, registry, 9, day=4)  # its gate has not run
    fail(registry, failed)
    run_log.start(
        registry,
        source=toy.SOURCE,
        version=running.version,
        dag_id=toy.SOURCE,
        run_id="running",
        interval_start=None,
        interval_end=running.as_of,
        env="test",
        code_version="1",
    )
    assert retryable(store, registry) == [(toy.SOURCE, m.version) for m in (later, failed)]
    assert retryable(store, registry, "other") == []
    assert retry_all(store, registry).as_dict() == {
        "total_attempted": 1,
        "successful": 1,
        "failed": 0,
        "results": [{"source": "toy", "version": later.version, "outcome": "promoted", "error": None}],
    }
    assert registry.version(toy.SOURCE, running.version).state == "staged"
    assert retryable(store, registry) == [], "the older one was built upon what is no longer latest"


def test_what_could_only_not_be_exported_is_published(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = candidate(store, registry, 3, day=1)
    fail(registry, manifest)

    def full(*_args: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(pipeline, "export", full)
    done = retry_all(store, registry)
    (each,) = done.results
    assert (done.successful, each.outcome) == (1, "promoted")
    assert "The decision stands" in str(each.error) and "OSError: no space left" in str(each.error)


def test_one_that_fails_again_stops_no_other(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = (candidate(store, registry, 3, day=day, run=str(day)) for day in (1, 2))
    switch = promotion._switch

    def breaks(cursor: Any, store: Store, manifest: Manifest, *rest: Any) -> promotion.Promotion:
        if manifest.version == bad.version:
            raise psycopg.OperationalError("no room")
        return switch(cursor, store, manifest, *rest)

    monkeypatch.setattr(promotion, "_switch", breaks)
    with pytest.raises(psycopg.OperationalError, match="no room"):
        decisions.retry(store, registry, toy.SOURCE, bad.version, **SIGNED)
    done = retry_all(store, registry)
    assert [(each.version, each.outcome) for each in done.results] == [
        (bad.version, None),
        (good.version, "promoted"),
    ]
    assert "no room" in str(done.results[0].error)


def test_a_pin_outlives_the_registry_until_it_is_taken_off(store: Store, registry: Registry) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    decisions.pin(store, registry, toy.SOURCE, manifest.version, who="ana", reason="of the paper")
    state = pointers.read_state(store, toy.SOURCE, manifest.version)
    assert state is not None and state.pinned_reason == "of the paper"
    with registry.transaction() as cursor:
        cursor.execute("TRUNCATE lastgood.latest, lastgood.dataset_version CASCADE")
    rebuild.rebuild(store, registry)
    assert registry.version(toy.SOURCE, manifest.version).pinned_reason == "of the paper"
    decisions.unpin(store, registry, toy.SOURCE, manifest.version, who="ana", reason="it is out")
    state = pointers.read_state(store, toy.SOURCE, manifest.version)
    assert state is not None and state.pinned_reason is None
    with pytest.raises(PromotionRefused, match="is not pinned any more by ana"):
        decisions.unpin(store, registry, toy.SOURCE, manifest.version, who="ben", reason="it is out")


def test_of_two_who_pin_the_same_the_second_is_told_who_did(store: Store, registry: Registry) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    with pytest.raises(PromotionRefused, match=r"is not pinned\.$"):
        decisions.unpin(store, registry, toy.SOURCE, manifest.version, **SIGNED)
    decisions.pin(store, registry, toy.SOURCE, manifest.version, who="ana", reason="of the paper")
    with pytest.raises(PromotionRefused, match=r"is pinned already by ana at"):
        decisions.pin(store, registry, toy.SOURCE, manifest.version, who="ben", reason="of a book")
    assert registry.version(toy.SOURCE, manifest.version).pinned_reason == "of the paper"
    with registry.transaction() as cursor:
        cursor.execute("SELECT who, what FROM lastgood.action")
        assert cursor.fetchall() == [{"who": "ana", "what": "pin"}]


def test_only_what_there_is_can_be_pinned_or_retried(store: Store, registry: Registry) -> None:
    with pytest.raises(FileNotFoundError, match="never sealed"):
        decisions.pin(store, registry, toy.SOURCE, "20260101T000000Z-00000000", **SIGNED)
    with pytest.raises(UnknownVersion, match="has no version"):
        decisions.retry(store, registry, toy.SOURCE, "20260101T000000Z-00000000", **SIGNED)


def test_a_registry_that_knows_less_than_the_store_pins_nothing_and_writes_nothing_there(
    store: Store, registry: Registry
) -> None:
    first = quick.publish(store, registry, 3, day=1)
    second = quick.publish(store, registry, 4, day=2)
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.latest SET version = %s, generation = generation - 1", (first.version,)
        )
        cursor.execute("DELETE FROM lastgood.dataset_version WHERE version = %s", (second.version,))
    before = {key: store.read_bytes(key) for key in store.list("versions") if key.endswith(".json")}
    with pytest.raises(pointers.OlderRegistry):
        decisions.pin(store, registry, toy.SOURCE, first.version, **SIGNED)
    with pytest.raises(pointers.OlderRegistry):
        pointers.write(store, registry, toy.SOURCE)
    assert {key: store.read_bytes(key) for key in before} == before
    assert registry.version(toy.SOURCE, first.version).pinned_reason is None
