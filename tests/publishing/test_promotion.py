"""Promotion: latest moves as a whole, forwards, once; or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from include.publishing import pointers, promotion
from include.publishing import verdict as verdicts
from include.publishing.manifest import Manifest
from include.publishing.policy import Policy
from include.publishing.promotion import Outcome, PromotionFailed, PromotionRefused
from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy
from tests.publishing import quick


def promote(store: Store, registry: Registry, version: str, owner: str = "run") -> promotion.Promotion:
    return promotion.promote(store, registry, toy.SOURCE, version, policy=Policy(), owner=owner)


def test_a_promoted_candidate_is_latest_for_sql_readers_file_readers_and_the_registry(
    store: Store, registry: Registry
) -> None:
    manifest = toy.publish(store, registry, {1: "a", 2: None, 3: ""}, day=1)
    latest = registry.latest(toy.SOURCE)
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert latest is not None and latest.version == manifest.version
    assert pointer is not None and pointer.version == manifest.version
    assert pointer.tables == manifest.tables
    assert toy.served(registry) == {1: "a", 2: None, 3: ""} == toy.read(store, manifest)
    assert registry.watermarks(toy.SOURCE) == {"day": 1}
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
    listed = store.parquet(changes.keys.path).to_table().to_pylist()
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
    assert (done.outcome, done.latest) == (Outcome.OUT_OF_ORDER, newest.version)
    assert len(toy.served(registry)) == 10
    assert registry.watermarks(toy.SOURCE) == {"day": 5}


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

    threads = [threading.Thread(target=run, args=(rival.version,), daemon=True) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes.values()) == [Outcome.CONFLICT, Outcome.PROMOTED]
    winner = next(rival for rival in rivals if outcomes[rival.version] is Outcome.PROMOTED)
    assert toy.served(registry) == toy.read(store, winner)
    pointer = pointers.read_pointer(store, toy.SOURCE)
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


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let every attempt to publish fail while it serves."""

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(promotion.serving, "serve", broken)


def test_the_third_failed_attempt_makes_a_version_failed_and_latest_stays(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = toy.publish(store, registry, 10, day=1)
    manifest = toy.stage(store, registry, 11, day=2)
    toy.judge(store, registry, manifest)
    with monkeypatch.context() as patch:
        failing(patch, psycopg.OperationalError("the disk is full"))
        for number in (1, 2):
            with pytest.raises(psycopg.OperationalError, match="the disk is full"):
                promote(store, registry, manifest.version)
            row = registry.version(toy.SOURCE, manifest.version)
            assert (row.state, row.publish_attempts) == ("staged", number), "whoever tried may try again"
        with pytest.raises(PromotionFailed, match=r"3 attempts.*the disk is full"):
            promote(store, registry, manifest.version, owner="somebody else")
    row = registry.version(toy.SOURCE, manifest.version)
    assert (row.state, row.publish_attempts, row.publish_error) == ("failed", 3, "the disk is full")
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == good.version
    assert len(toy.served(registry)) == 10
    assert promote(store, registry, manifest.version).outcome is Outcome.PROMOTED, "an operator may try again"


@pytest.mark.parametrize(
    "error", [pa.ArrowInvalid("truncated"), KeyError("a bug"), SystemExit(1), TypeError("another")]
)
def test_whatever_ends_an_attempt_is_noted_and_the_claim_let_go(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    manifest = toy.stage(store, registry, 11, day=2)
    toy.judge(store, registry, manifest)
    with monkeypatch.context() as patch:
        failing(patch, error)
        with pytest.raises(type(error)):
            promote(store, registry, manifest.version)
    row = registry.version(toy.SOURCE, manifest.version)
    assert (row.state, row.publish_attempts) == ("staged", 1)
    assert promote(store, registry, manifest.version, owner="other").outcome is Outcome.PROMOTED


def test_what_is_kept_of_a_failure_has_no_row_of_the_data(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, {1: "one"}, day=1)
    with registry.transaction() as cursor:
        cursor.execute("ALTER TABLE published.toy_things ADD CONSTRAINT short CHECK (length(value) < 9)")
    manifest = toy.stage(store, registry, {1: "Jane Roe of 1 High Street"}, day=2)
    toy.judge(store, registry, manifest)
    for _ in range(promotion.ATTEMPTS - 1):
        with pytest.raises(psycopg.errors.CheckViolation):
            promote(store, registry, manifest.version)
    with pytest.raises(PromotionFailed, match='violates check constraint "short"') as failed:
        promote(store, registry, manifest.version)
    row = registry.version(toy.SOURCE, manifest.version)
    assert "short" in (row.publish_error or "")
    assert "Jane" not in f"{failed.value}{row.publish_error}"
    with registry.transaction() as cursor:
        cursor.execute("SELECT error FROM lastgood.publish_attempt WHERE version = %s", (manifest.version,))
        assert ["Jane" in each["error"] for each in cursor.fetchall()] == [False] * promotion.ATTEMPTS


def test_another_owners_lease_is_respected_until_it_expires(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    toy.judge(store, registry, manifest)

    def set_lease(seconds: int) -> None:
        with registry.transaction() as cursor:
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


def test_a_retry_after_a_kill_between_commit_and_pointer_writes_the_pointer(
    store: Store, registry: Registry
) -> None:
    manifest = toy.publish(store, registry, 3, day=1)
    store.delete(pointers.pointer_key(toy.SOURCE))
    store.delete(pointers.state_key(toy.SOURCE, manifest.version))
    assert promote(store, registry, manifest.version).outcome is Outcome.NO_OP
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.version == manifest.version


def test_an_operator_accepts_a_lasting_new_level_with_a_reason_and_it_is_recorded(
    store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 1000, day=1)
    lower = toy.stage(store, registry, 900, day=2)
    verdict = toy.judge(store, registry, lower)
    assert verdict.acceptable and registry.version(toy.SOURCE, lower.version).state == "rejected"
    with pytest.raises(ValueError, match="says nothing: write"):
        promotion.accept(store, registry, toy.SOURCE, lower.version, who="ana", reason=" ")
    done = promotion.accept(
        store, registry, toy.SOURCE, lower.version, who="ana", reason="the upstream dropped a registry"
    )
    assert done.outcome is Outcome.PROMOTED
    row = registry.version(toy.SOURCE, lower.version)
    assert (row.state, row.accepted_by) == ("published", "ana")
    with registry.transaction() as cursor:
        cursor.execute("SELECT who, what, version, reason FROM lastgood.action")
        assert cursor.fetchall() == [
            {
                "who": "ana",
                "what": "accept",
                "version": lower.version,
                "reason": "the upstream dropped a registry",
            }
        ]


def test_collapses_are_refused_recoveries_pass_and_a_new_level_stays_out_until_it_is_accepted(
    store: Store, registry: Registry
) -> None:
    """Every candidate is compared with what was published last, so coming again makes no level a good one."""
    promoted = []
    for day, rows in enumerate([1000, 1010, 40, 1005, 940, 940, 700, 945], start=1):
        manifest = toy.stage(store, registry, rows, day=day)
        toy.judge(store, registry, manifest)
        before = registry.latest(toy.SOURCE)
        try:
            promote(store, registry, manifest.version)
        except PromotionRefused as refusal:
            assert "percent" in str(refusal)
            assert registry.latest(toy.SOURCE) == before
            if day == 6:
                promotion.accept(
                    store, registry, toy.SOURCE, manifest.version, who="ana", reason="lower for good"
                )
                promoted.append(rows)
        else:
            promoted.append(rows)
    assert promoted == [1000, 1010, 1005, 940, 945]
    assert len(toy.served(registry)) == 945


def test_an_acceptance_whose_promotion_was_killed_is_finished_by_the_same_command(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.publish(store, registry, 1000, day=1)
    lower = toy.stage(store, registry, 900, day=2)
    toy.judge(store, registry, lower)
    with monkeypatch.context() as patch:
        failing(patch, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            promotion.accept(store, registry, toy.SOURCE, lower.version, who="ana", reason="new level")
    done = promotion.accept(store, registry, toy.SOURCE, lower.version, who="ben", reason="again")
    assert done.outcome is Outcome.PROMOTED
    assert registry.version(toy.SOURCE, lower.version).accepted_by == "ana"
    with registry.transaction() as cursor:
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


def test_rollback_brings_back_data_cursors_and_pointer_of_the_version_before(
    store: Store, registry: Registry
) -> None:
    first = toy.publish(store, registry, 100, day=1)
    second = toy.publish(store, registry, 105, day=2)
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong unit")
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == first.version
    assert len(toy.served(registry)) == 100
    assert registry.watermarks(toy.SOURCE) == {"day": 1}
    assert registry.version(toy.SOURCE, second.version).state == "rolled_back"
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.version == first.version
    toy.release(store, registry)
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
        seen.append(set(toy.served(Registry(registry.connect)).values()))
        return done

    monkeypatch.setattr(promotion.serving, "serve", observed)
    promote(store, registry, manifest.version)
    assert "other" not in seen[0] and len(seen[0]) == 10
    assert set(toy.served(registry).values()) == {"other"}


# --- what is believed is bound ---


def acts(registry: Registry) -> list[tuple[str, str]]:
    with registry.transaction() as cursor:
        cursor.execute("SELECT who, what FROM lastgood.action ORDER BY id")
        return [(row["who"], row["what"]) for row in cursor.fetchall()]


def rejected(store: Store, registry: Registry) -> Manifest:
    """A candidate that only a change rule refuses."""
    quick.publish(store, registry, 100, day=1)
    manifest = toy.stage(store, registry, 10, day=2)
    assert quick.judge(store, registry, manifest, "FAILED", "change").acceptable
    return manifest


def test_an_acceptance_holds_for_the_verdict_that_it_was_given_for_and_for_no_other(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = rejected(store, registry)
    with monkeypatch.context() as patch:
        failing(patch, OSError("no room"))
        with pytest.raises(OSError, match="no room"):
            promotion.accept(store, registry, toy.SOURCE, manifest.version, who="ana", reason="new level")
    quick.judge(store, registry, manifest, "FAILED")
    row = registry.version(toy.SOURCE, manifest.version)
    assert (row.state, row.accepted_by) == ("rejected", None)
    with pytest.raises(PromotionRefused, match="did not pass its gate"):
        promote(store, registry, manifest.version)
    with pytest.raises(PromotionRefused, match="can never be accepted"):
        promotion.accept(store, registry, toy.SOURCE, manifest.version, who="ana", reason="new level")
    assert len(toy.served(registry)) == 100


def test_a_gate_that_runs_again_while_its_candidate_is_published_has_the_last_word(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.publish(store, registry, 10, day=1)
    manifest = toy.stage(store, registry, 11, day=2)
    quick.judge(store, registry, manifest)
    prepare = promotion.serving.prepare

    def and_the_gate(*args: Any, **kwargs: Any) -> None:
        prepare(*args, **kwargs)
        quick.judge(store, Registry(registry.connect), manifest, "FAILED")

    with monkeypatch.context() as patch:
        patch.setattr(promotion.serving, "prepare", and_the_gate)
        with pytest.raises(promotion.Overtaken, match="its gate ran again"):
            promote(store, registry, manifest.version)
    assert registry.version(toy.SOURCE, manifest.version).state == "rejected"
    assert len(toy.served(registry)) == 10


def test_a_promotion_that_stood_still_beyond_its_lease_changes_nothing_when_it_wakes(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = toy.stage(store, registry, 11, day=2)
    quick.judge(store, registry, manifest)
    prepare = promotion.serving.prepare

    def asleep(*args: Any, **kwargs: Any) -> None:
        prepare(*args, **kwargs)
        monkeypatch.undo()
        with Registry(registry.connect).transaction() as cursor:
            cursor.execute("UPDATE lastgood.dataset_version SET lease_until = now() - interval '1 second'")
        other = promotion.promote(
            store, Registry(registry.connect), toy.SOURCE, manifest.version, policy=Policy(), owner="recovery"
        )
        assert other.outcome is Outcome.PROMOTED
        with Registry(registry.connect).transaction() as cursor:
            cursor.execute("UPDATE lastgood.latest SET version = NULL")

    monkeypatch.setattr(promotion.serving, "prepare", asleep)
    with pytest.raises(promotion.Overtaken, match="is published by now"):
        promote(store, registry, manifest.version)
    assert registry.version(toy.SOURCE, manifest.version).state == "published"


FORGERIES = {
    "a verdict that passed": (b'"FAILED"', b'"PASSED"'),
    "another threshold": (b'"threshold": "none"', b'"threshold": "nope"'),
    "another stamp": (b'"stamps": {', b'"stamps": { '),
}


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("act", ["promote", "accept"])
def test_a_verdict_that_was_altered_is_refused(
    store: Store, registry: Registry, forgery: str, act: str
) -> None:
    manifest = rejected(store, registry)
    path = Path(store.full(verdicts.key_of(toy.SOURCE, manifest.version)))
    path.write_bytes(path.read_bytes().replace(*FORGERIES[forgery]))
    with pytest.raises(PromotionRefused, match=r"gate\.json is not the verdict that the gate"):
        if act == "promote":
            promote(store, registry, manifest.version)
        else:
            promotion.accept(store, registry, toy.SOURCE, manifest.version, who="ana", reason="new level")
    assert acts(registry) == []


@pytest.mark.parametrize("damage", [b"", b"\xff", b'{"source": "toy"}'])
def test_a_verdict_that_cannot_be_read_is_refused_in_a_sentence(
    store: Store, registry: Registry, damage: bytes
) -> None:
    manifest = rejected(store, registry)
    store.write_bytes(verdicts.key_of(toy.SOURCE, manifest.version), damage)
    with pytest.raises(PromotionRefused, match=r"gate\.json is not a verdict.*Run the gate again"):
        promote(store, registry, manifest.version)


def test_a_list_of_changes_that_was_altered_is_refused(store: Store, registry: Registry) -> None:
    quick.publish(store, registry, 100, day=1)
    manifest = toy.stage(store, registry, 101, day=2)
    quick.judge(store, registry, manifest)
    (change,) = manifest.changes
    assert change.keys is not None
    path = Path(store.full(change.keys.path))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PromotionRefused, match=r"_changes/things\.parquet was altered"):
        promote(store, registry, manifest.version)
    assert len(toy.served(registry)) == 100


# --- two who decide the same ---


def test_of_two_who_accept_the_same_one_acts_and_the_other_is_told_who_did(
    store: Store, registry: Registry
) -> None:
    manifest = rejected(store, registry)
    barrier = threading.Barrier(2)

    def accept(who: str) -> str:
        barrier.wait()
        try:
            done = promotion.accept(
                store, Registry(registry.connect), toy.SOURCE, manifest.version, who=who, reason="new level"
            )
        except PromotionRefused as refused:
            return str(refused)
        return done.outcome.value

    with ThreadPoolExecutor(2) as pool:
        ended = dict(zip(("ana", "ben"), pool.map(accept, ("ana", "ben")), strict=True))
    ((winner, _),) = acts(registry)
    loser = "ben" if winner == "ana" else "ana"
    assert ended[winner] == "promoted"
    assert f"{winner} has decided so" in ended[loser]
    assert len(toy.served(registry)) == 10


def test_of_two_who_roll_back_at_once_latest_goes_back_one_step_and_the_other_is_told_who_did(
    store: Store, registry: Registry
) -> None:
    _, second, _ = (quick.publish(store, registry, 10 + day, day=day) for day in (1, 2, 3))
    barrier = threading.Barrier(2)

    def roll_back(who: str) -> str:
        barrier.wait()
        try:
            promotion.rollback(store, Registry(registry.connect), toy.SOURCE, who=who, reason="bad")
        except PromotionRefused as refused:
            return str(refused)
        return ""

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(roll_back, ("ana", "ben")))
    ((winner, _),) = acts(registry)
    (refusal,) = filter(None, ended)
    assert winner in refusal
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == second.version


def test_who_rolls_back_after_somebody_else_did_must_name_the_version(
    store: Store, registry: Registry
) -> None:
    first, second, _ = (quick.publish(store, registry, 10 + day, day=day) for day in (1, 2, 3))
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="bad")
    with pytest.raises(PromotionRefused, match=rf"ana rolled back from .* name the version.*{first.version}"):
        promotion.rollback(store, registry, toy.SOURCE, who="ben", reason="bad")
    with pytest.raises(PromotionRefused, match=rf"is {second.version} already \(ana rolled back"):
        promotion.rollback(store, registry, toy.SOURCE, who="ben", reason="bad", to=second.version)
    promotion.rollback(store, registry, toy.SOURCE, who="ben", reason="worse", to=first.version)
    assert acts(registry) == [("ana", "rollback"), ("ben", "rollback")]
    toy.release(store, registry)
    quick.publish(store, registry, 20, day=4)
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="bad again")
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == first.version


def test_a_candidate_that_merges_into_its_base_has_lost_where_its_base_moved(
    store: Store, registry: Registry
) -> None:
    """A backfill of such a source has its base's data time; kept as an older interval, what it brings would be lost."""
    base = quick.publish(store, registry, 10, day=1)
    merged = toy.stage(store, registry, 12, day=1, run="backfill")
    assert merged.as_of == base.as_of
    quick.judge(store, registry, merged)
    quick.publish(store, registry, 11, day=2)
    assert promote(store, registry, merged.version).outcome is Outcome.CONFLICT
