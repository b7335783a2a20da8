"""A hold: what is built and judged meanwhile waits for an operator, and one act releases it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from include.operations import decisions, rebuild, recovery
from include.publishing import hold, promotion, serving
from include.publishing import verdict as verdicts
from include.publishing.manifest import Manifest
from include.publishing.policy import Approval
from include.publishing.promotion import Outcome, Promotion, PromotionRefused
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store
from tests import toy
from tests.publishing import quick
from tests.toy import source as toy_source

SIGNED: dict[str, Any] = {"who": "ana", "reason": "trial counts doubled"}
Hours = Callable[[float], datetime]


@pytest.fixture
def hours(registry: Registry) -> Hours:
    """So many hours from now, by the registry's clock."""
    with registry.transaction() as cursor:
        cursor.execute("SELECT clock_timestamp() AS now")
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row["now"]
    return lambda number: now + timedelta(hours=number)


def candidate(store: Store, registry: Registry, rows: int, day: int, **more: Any) -> Manifest:
    manifest = toy.stage(store, registry, rows, day=day, **more)
    assert quick.judge(store, registry, manifest).passed
    return manifest


def promote(store: Store, registry: Registry, manifest: Manifest) -> Promotion:
    return promotion.promote(
        store, registry, toy.SOURCE, manifest.version, policy=sources.policy(toy.SOURCE), owner="run"
    )


def state(registry: Registry, manifest: Manifest) -> str:
    return registry.version(toy.SOURCE, manifest.version).state


def rolled_back(store: Store, registry: Registry, **more: Any) -> tuple[Manifest, Manifest]:
    """The version that is latest after a rollback, and the bad one before it."""
    good, bad = (quick.publish(store, registry, 10 + day, day=day) for day in (1, 2))
    decisions.rollback(store, registry, toy.SOURCE, **SIGNED, **more)
    return good, bad


def test_what_comes_after_a_rollback_is_held_and_says_why(store: Store, registry: Registry) -> None:
    good, bad = rolled_back(store, registry)
    again = candidate(store, registry, 20, day=3)
    done = promote(store, registry, again)
    assert (done.outcome, done.latest) == (Outcome.HELD, good.version)
    assert state(registry, again) == "held"
    assert len(toy.served(registry)) == 11, "consumers read what was rolled back to"
    for words in (
        f"{again.version} passed its checks and is held",
        f"ana rolled back from {bad.version}",
        "doubled",
    ):
        assert words in done.sentence
    assert done.sentence.removeprefix(f"toy {again.version} passed its checks and is ").startswith("held: ")
    assert promote(store, registry, again).outcome is Outcome.HELD, "another try changes nothing"


def test_a_release_publishes_the_candidate_that_is_named_and_ends_the_hold(
    store: Store, registry: Registry
) -> None:
    rolled_back(store, registry)
    held = candidate(store, registry, 20, day=3)
    promote(store, registry, held)
    done = decisions.release_version(store, registry, toy.SOURCE, held.version, **SIGNED)
    assert done.outcome is Outcome.PROMOTED
    assert len(toy.served(registry)) == 20 and hold.all_of(registry) == []
    assert promote(store, registry, candidate(store, registry, 21, day=4)).outcome is Outcome.PROMOTED
    with pytest.raises(PromotionRefused, match=r"ana has decided so .* already, and it is published"):
        decisions.release_version(store, registry, toy.SOURCE, held.version, **SIGNED)


def test_a_release_of_the_source_alone_lets_the_next_run_publish(store: Store, registry: Registry) -> None:
    rolled_back(store, registry)
    decisions.release(store, registry, toy.SOURCE, **SIGNED)
    assert promote(store, registry, candidate(store, registry, 20, day=3)).outcome is Outcome.PROMOTED
    with pytest.raises(PromotionRefused, match="toy is not on hold"):
        decisions.release(store, registry, toy.SOURCE, **SIGNED)


def test_a_hold_ends_at_its_time(store: Store, registry: Registry, hours: Hours) -> None:
    rolled_back(store, registry, until=hours(1))
    held = candidate(store, registry, 20, day=3)
    assert "until" in promote(store, registry, held).why
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.hold SET until = clock_timestamp()")
    assert promote(store, registry, held).outcome is Outcome.PROMOTED


def test_a_hold_that_would_be_over_already_is_refused(store: Store, registry: Registry, hours: Hours) -> None:
    quick.publish(store, registry, 10, day=1)
    with pytest.raises(PromotionRefused, match="is over already"):
        decisions.put_on_hold(store, registry, toy.SOURCE, until=hours(-1), **SIGNED)
    with pytest.raises(PromotionRefused, match="no time zone"):
        decisions.put_on_hold(store, registry, toy.SOURCE, until=datetime(2030, 1, 1), **SIGNED)


def test_other_data_of_the_upstream_may_pass_and_the_same_may_not(store: Store, registry: Registry) -> None:
    quick.publish(store, registry, 11, day=1)
    bad = candidate(store, registry, 12, day=2, upstream={"data_version": "2026-03-02"})
    promote(store, registry, bad)
    decisions.rollback(store, registry, toy.SOURCE, lets_new=True, **SIGNED)
    for day, said in ((3, "2026-03-02"), (4, None)):
        upstream = {"data_version": said} if said else {}
        same = candidate(store, registry, 10 + day, day=day, upstream=upstream)
        assert promote(store, registry, same).outcome is Outcome.HELD, said
    other = candidate(store, registry, 20, day=5, upstream={"data_version": "2026-03-03"})
    assert promote(store, registry, other).outcome is Outcome.PROMOTED
    assert hold.all_of(registry) == [], "what was held back is over"


def test_going_forward_to_the_version_that_was_rolled_back_from_ends_the_hold(
    store: Store, registry: Registry
) -> None:
    _, bad = rolled_back(store, registry)
    done = decisions.rollback(store, registry, toy.SOURCE, to=bad.version, **SIGNED)
    assert hold.all_of(registry) == [] and "on hold" not in done.sentence


def test_going_forward_a_part_of_the_way_does_not(store: Store, registry: Registry) -> None:
    first, second, bad = (quick.publish(store, registry, 10 + day, day=day) for day in (1, 2, 3))
    for to in (first, second):
        decisions.rollback(store, registry, toy.SOURCE, to=to.version, **SIGNED)
    (found,) = hold.all_of(registry)
    assert found.version == bad.version


def test_an_operator_holds_a_source_once(store: Store, registry: Registry) -> None:
    quick.publish(store, registry, 10, day=1)
    decisions.put_on_hold(store, registry, toy.SOURCE, who="ben", reason="the upstream is rebuilt")
    assert promote(store, registry, candidate(store, registry, 11, day=2)).outcome is Outcome.HELD
    with pytest.raises(PromotionRefused, match=r"ben put toy on hold at .*: the upstream is rebuilt"):
        decisions.put_on_hold(store, registry, toy.SOURCE, **SIGNED)


def test_an_acceptance_is_a_decision_for_that_version_and_passes_a_hold(
    store: Store, registry: Registry
) -> None:
    quick.publish(store, registry, 100, day=1)
    decisions.put_on_hold(store, registry, toy.SOURCE, **SIGNED)
    lower = toy.stage(store, registry, 50, day=2)
    assert not toy.judge(store, registry, lower).passed
    done = decisions.accept(store, registry, toy.SOURCE, lower.version, **SIGNED)
    assert done.outcome is Outcome.PROMOTED and hold.all_of(registry) == []


@pytest.mark.parametrize(
    ("approval", "outcome", "held"),
    [
        ("never", "WARN", False),
        ("warnings", "WARN", True),
        ("warnings", "PASSED", False),
        ("always", "PASSED", True),
    ],
)
def test_a_source_may_want_its_candidates_approved(
    store: Store,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    approval: Approval,
    outcome: verdicts.Outcome,
    held: bool,
) -> None:
    toy_source.install(monkeypatch.setattr)
    spec = replace(toy_source.SPEC, approval=approval)
    monkeypatch.setattr(sources, "spec", lambda _: spec)
    manifest = toy.stage(store, registry, 10, day=1)
    verdicts.keep(store, registry, quick.verdict(store, manifest, outcome, "contract"))
    done = promote(store, registry, manifest)
    assert (done.outcome is Outcome.HELD) == held
    if held:
        assert "approval" in done.why
        released = decisions.release_version(store, registry, toy.SOURCE, manifest.version, **SIGNED)
        assert released.outcome is Outcome.PROMOTED


def test_a_release_is_for_what_is_held_and_an_acceptance_for_what_is_rejected(
    store: Store, registry: Registry
) -> None:
    rolled_back(store, registry)
    held = candidate(store, registry, 20, day=3)
    promote(store, registry, held)
    with pytest.raises(
        PromotionRefused, match="is held, not rejected: there is nothing to accept; release it"
    ):
        decisions.accept(store, registry, toy.SOURCE, held.version, **SIGNED)
    lower = toy.stage(store, registry, 2, day=4)
    toy.judge(store, registry, lower)
    with pytest.raises(PromotionRefused, match=r"is rejected, not held: .*; accept it"):
        decisions.release_version(store, registry, toy.SOURCE, lower.version, **SIGNED)


def test_a_hold_that_is_set_while_a_candidate_is_copied_still_holds_it(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.publish(store, registry, 10, day=1)
    manifest = candidate(store, registry, 11, day=2)
    prepare = serving.prepare

    def meanwhile(*args: Any, **kwargs: Any) -> None:
        prepare(*args, **kwargs)
        decisions.put_on_hold(store, Registry(registry.connect), toy.SOURCE, **SIGNED)

    monkeypatch.setattr(serving, "prepare", meanwhile)
    assert promote(store, registry, manifest).outcome is Outcome.HELD
    assert len(toy.served(registry)) == 10


def test_a_release_that_was_killed_before_its_promotion_is_finished_by_recovery(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled_back(store, registry)
    held = candidate(store, registry, 20, day=3)
    promote(store, registry, held)

    class Killed(BaseException):
        pass

    def dies(*_args: Any, **_kwargs: Any) -> None:
        raise Killed

    monkeypatch.setattr(promotion, "_publish", dies)
    with pytest.raises(Killed):
        decisions.release_version(store, registry, toy.SOURCE, held.version, **SIGNED)
    monkeypatch.undo()
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.dataset_version SET lease_until = now() WHERE state = 'publishing'")
    later = datetime.now(UTC) + timedelta(hours=1)
    report = recovery.recover(store, registry, now=later, specs={toy.SOURCE: toy_source.SPEC})
    assert report.promoted == {toy.SOURCE: held.version}


def test_what_is_held_is_tried_again_by_nobody(store: Store, registry: Registry) -> None:
    rolled_back(store, registry)
    held = candidate(store, registry, 20, day=3)
    promote(store, registry, held)
    later = datetime.now(UTC) + timedelta(days=2)
    report = recovery.recover(store, registry, now=later, specs={toy.SOURCE: toy_source.SPEC})
    assert report.tried == [] and state(registry, held) == "held"
    with pytest.raises(PromotionRefused, match="is held"):
        decisions.retry(store, registry, toy.SOURCE, held.version, **SIGNED)


def test_a_rebuild_does_not_forget_a_hold_and_says_where_its_copy_cannot_be_read(
    store: Store, registry: Registry, dsn: str
) -> None:
    _, bad = rolled_back(store, registry)
    (before,) = hold.all_of(registry)

    def lost() -> Registry:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DROP SCHEMA lastgood CASCADE")
        return registry

    assert rebuild.rebuild(store, lost()).damaged == ()
    assert hold.all_of(registry) == [before] and before.version == bad.version
    store.write_bytes(hold.key(toy.SOURCE), b"{")
    (said,) = rebuild.rebuild(store, lost()).damaged
    assert said.startswith("held/toy.json is left out, so its source is not on hold")


def test_recovery_brings_the_copy_in_the_store_to_what_the_registry_says(
    store: Store, registry: Registry
) -> None:
    rolled_back(store, registry)
    key = hold.key(toy.SOURCE)
    store.delete(key)
    now = datetime.now(UTC)
    assert key in recovery.recover(store, registry, now=now, specs={toy.SOURCE: toy_source.SPEC}).repaired
    with registry.transaction() as cursor:
        hold.end(cursor, toy.SOURCE)
    assert key in recovery.recover(store, registry, now=now, specs={toy.SOURCE: toy_source.SPEC}).repaired
    assert not store.exists(key)
