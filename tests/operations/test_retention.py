"""Retention takes what is old, and never what somebody still reads or needs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from include.operations import decisions, rebuild, removed, replay, retention
from include.publishing import manifest as manifests
from include.publishing import pointers, promotion
from include.registry import run_log
from include.registry.registry import Registry
from include.registry.versions import RemovedVersion
from include.sources.source import Retention
from include.storage.store import Store
from tests import toy
from tests.publishing import quick

LATER = toy.START + timedelta(days=365)
TWO = Retention(versions=2)
FAR = timedelta(days=500)
"""Files of these tests were written today by the clock."""


def plan(store: Store, registry: Registry, policy: Retention = TWO, now: datetime = LATER) -> retention.Plan:
    return retention.plan(store, registry, toy.SOURCE, policy, now=now)


def retain(
    store: Store, registry: Registry, policy: Retention = TWO, now: datetime = LATER
) -> retention.Plan:
    chosen = plan(store, registry, policy, now)
    retention.apply(store, registry, chosen, who="ana")
    return chosen


def run(registry: Registry, statement: str, *values: Any) -> list[dict[str, Any]]:
    with registry.transaction() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def pin(registry: Registry, version: str) -> None:
    run(registry, "UPDATE lastgood.dataset_version SET pinned_reason = 'golden' WHERE version = %s", version)


def land(store: Store, version: str, written: datetime | None = None) -> str:
    key = store.write_bytes(f"raw/toy/{version}/part-00000.jsonl.zst", b"x").path
    if written:
        os.utime(store.full(key), (written.timestamp(), written.timestamp()))
    return key


def test_old_versions_and_their_raw_go_and_the_newest_stay(store: Store, registry: Registry) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(5)]
    for manifest in published:
        land(store, manifest.version)
    chosen = retain(store, registry)
    assert set(chosen.versions) == {m.version for m in published[:3]}
    assert {v.version for v in registry.versions(toy.SOURCE)} == {m.version for m in published[3:]}
    for manifest in published[:3]:
        assert (
            store.list(f"versions/toy/{manifest.version}") == store.list(f"raw/toy/{manifest.version}") == []
        )
    for manifest in published[3:]:
        manifests.verify(store, manifest)
        assert store.list(f"raw/toy/{manifest.version}"), "raw of latest and its predecessor stays"


def test_a_removal_says_why_and_how_much_and_is_kept_with_who_did_it(
    store: Store, registry: Registry
) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(3)]
    rejected = toy.stage(store, registry, {1: "rubbish"}, day=4)
    quick.judge(store, registry, rejected, "FAILED")
    chosen = plan(store, registry)
    assert {removal.version: removal.reason for removal in chosen.removals} == {
        published[0].version: "not among the newest 2 published versions",
        rejected.version: "rejected, older than 30 days",
    }
    assert chosen.bytes > published[0].files[0].bytes
    first, _, last = retention.lines(chosen)
    assert first.startswith(
        f"toy {published[0].version}: not among the newest 2 published versions: 4 files, "
    )
    assert last.startswith("toy: 2 versions go and 2 stay, ")
    assert run(registry, "SELECT * FROM lastgood.action") == [], "a plan leaves no trace"
    retention.apply(store, registry, chosen, who="ana")
    rows = run(
        registry, "SELECT who, what, source, version, reason, details FROM lastgood.action ORDER BY id"
    )
    assert [(row["who"], row["what"], row["version"], row["reason"]) for row in rows] == [
        ("ana", "retain", removal.version, removal.reason) for removal in chosen.removals
    ]
    assert all(row["details"]["version_removed"] and row["details"]["files"] > 1 for row in rows)
    retain(store, registry)
    assert len(run(registry, "SELECT * FROM lastgood.action")) == len(rows), "nothing went, nothing is kept"


def test_latest_and_its_predecessor_stay_even_after_a_rollback_to_an_old_version(
    store: Store, registry: Registry
) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(5)]
    promotion.rollback(
        store, registry, toy.SOURCE, who="ana", reason="all newer are wrong", to=published[1].version
    )
    assert not {published[0].version, published[1].version} & set(plan(store, registry).versions)


def test_a_file_that_a_kept_version_references_stays_until_nobody_references_it(
    store: Store, registry: Registry
) -> None:
    first = quick.publish(store, registry, 100, day=0)
    unchanged = [quick.publish(store, registry, 100, day=day) for day in (1, 2, 3)]
    assert first.version in retain(store, registry).versions
    assert unchanged[-1].files == first.files
    manifests.verify(store, unchanged[-1])
    for day in (4, 5):
        quick.publish(store, registry, 100 + day, day=day)
    far = plan(store, registry, now=datetime.now(UTC) + FAR)
    assert first.files[0].path in far.keys
    assert any(removal.reason == "left over, older than 30 days" for removal in far.removals)


def test_what_is_pinned_under_way_or_young_stays(store: Store, registry: Registry) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(4)]
    staged = toy.stage(store, registry, 3, day=0, run="staged", built_upon=None)
    rejected = toy.stage(store, registry, {1: "rubbish"}, day=5)
    quick.judge(store, registry, rejected, "FAILED")
    pin(registry, published[0].version)
    kept = [land(store, each.version) for each in (published[0], staged)]
    assert set(plan(store, registry).versions) == {published[1].version, rejected.version}
    assert not set(kept) & set(plan(store, registry).keys)
    young = plan(store, registry, now=toy.START + timedelta(days=20))
    assert rejected.version in young.kept and staged.version in young.kept


def test_raw_goes_by_its_age_and_not_with_its_version(store: Store, registry: Registry) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(5)]
    raw = [land(store, manifest.version, manifest.as_of) for manifest in published]
    dead = land(store, "20250101T000000Z-dead0000", LATER - timedelta(days=20))
    policy = Retention(versions=4, raw=timedelta(days=30))
    early = retain(store, registry, policy, now=toy.START + timedelta(days=10))
    assert early.versions == (published[0].version,) and early.keys and raw[0] not in early.keys
    late = plan(store, registry, policy)
    assert late.versions == () and set(late.keys) == set(raw[:3]), "that of latest and its predecessor stays"
    assert dead in plan(store, registry, policy, now=LATER + timedelta(days=20)).keys


def test_a_landing_of_another_run_stays_while_latest_was_built_from_it(
    store: Store, registry: Registry
) -> None:
    adopted = land(store, "20250101T000000Z-dead0000")
    manifest = quick.publish(store, registry, 3, day=1)
    key = manifests.manifest_key(toy.SOURCE, manifest.version)
    store.write_bytes(key, store.read_bytes(key).replace(b'"raw": []', b'"raw": ["%s"]' % adopted.encode()))
    assert manifests.require(store, toy.SOURCE, manifest.version).raw == (adopted,)
    assert adopted not in plan(store, registry, now=datetime.now(UTC) + FAR).keys


def test_refused_rows_outlive_their_version(store: Store, registry: Registry) -> None:
    for day in range(3):
        version = quick.publish(store, registry, 100 + day, day=day).version
        store.write_bytes(f"versions/toy/{version}/_quarantine.parquet", b"rows")
    chosen = retain(store, registry, now=toy.START + timedelta(days=60))
    (gone,) = chosen.versions
    assert store.list(f"versions/toy/{gone}") == [f"versions/toy/{gone}/_quarantine.parquet"]
    retain(store, registry, now=datetime.now(UTC) + timedelta(days=80))
    assert store.list(f"versions/toy/{gone}")
    retain(store, registry, now=datetime.now(UTC) + timedelta(days=91))
    assert not store.list(f"versions/toy/{gone}")
    assert len(store.list("versions/toy")) >= 2, "those of kept versions stay with them"


def test_a_version_that_another_source_was_built_from_stays(store: Store, registry: Registry) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(4)]
    child = manifests.Manifest(
        **{n: getattr(published[0], n) for n in published[0].__struct_fields__}
        | {"source": "child", "built_from": {"toy": published[0].version}}
    )
    manifests.write(store, child)
    assert plan(store, registry).versions == (published[1].version,)


@pytest.mark.parametrize("lost", ["before the plan", "after the plan"])
def test_a_registry_that_does_not_know_latest_removes_nothing(
    store: Store, registry: Registry, lost: str
) -> None:
    first, latest = (quick.publish(store, registry, 100 + day, day=day) for day in range(2))
    far = datetime.now(UTC) + FAR

    def lose() -> retention.Plan:
        run(registry, "TRUNCATE lastgood.dataset_version, lastgood.latest CASCADE")
        return retention.Plan(toy.SOURCE, (), (), (), far)

    if lost == "before the plan":
        lose()
        with pytest.raises(pointers.OlderRegistry, match="the registry is older than the store"):
            plan(store, registry, now=far)
    else:
        with pytest.raises(pointers.OlderRegistry, match="the registry is older than the store"):
            retention.apply(store, registry, lose(), who="ana")
    for manifest in (first, latest):
        manifests.verify(store, manifest)


def test_what_the_pointer_leads_to_stays_although_the_registry_is_further(
    store: Store, registry: Registry
) -> None:
    manifest = quick.publish(store, registry, 100, day=0)
    pointer = store.read_bytes(pointers.pointer_key(toy.SOURCE))
    for day in range(1, 4):
        quick.publish(store, registry, 100 + day, day=day)
    store.write_bytes(pointers.pointer_key(toy.SOURCE), pointer)
    assert retain(store, registry).versions
    manifests.verify(store, manifest)


def test_a_version_that_stays_and_has_lost_its_manifest_keeps_everything_of_its_source(
    store: Store, registry: Registry
) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(4)]
    store.delete(manifests.manifest_key(toy.SOURCE, published[2].version))
    with pytest.raises(
        FileNotFoundError, match=rf"{published[2].version}.*is to stay. Nothing of toy is removed"
    ):
        plan(store, registry)
    store.delete(manifests.manifest_key(toy.SOURCE, published[0].version))
    for day in (4, 5):
        quick.publish(store, registry, 100 + day, day=day)
    assert set(plan(store, registry).versions) == {each.version for each in published}, (
        "none that goes needs its own"
    )


def test_however_short_the_policy_runs_under_way_and_what_a_task_may_have_written_stay(
    store: Store, registry: Registry
) -> None:
    quick.publish(store, registry, 10, day=0)
    now, nothing = datetime.now(UTC), Retention(raw=timedelta(0))
    version = "20260701T000000Z-aaaaaaaa"
    keys = [
        land(store, version),
        store.write_bytes(f"versions/toy/{version}/things/part-00000.parquet", b"x").path,
    ]
    assert not set(keys) & set(plan(store, registry, nothing, now + timedelta(hours=23)).keys)
    later = now + timedelta(hours=25)
    assert set(keys) <= set(plan(store, registry, nothing, later).keys)
    run_log.start(
        registry,
        source=toy.SOURCE,
        version=version,
        dag_id="toy",
        run_id="r",
        interval_start=None,
        interval_end=now,
        env="e",
        code_version="c",
    )
    assert not set(keys) & set(plan(store, registry, nothing, later).keys)
    run_log.end(registry, toy.SOURCE, version, "fail")
    assert set(keys) <= set(plan(store, registry, nothing, later).keys)


def test_what_a_run_under_way_stands_on_stays_until_it_ends(store: Store, registry: Registry) -> None:
    base = quick.publish(store, registry, 100, day=0)
    about = {"interval_start": None, "interval_end": toy.START, "env": "e", "code_version": "c"}
    own = run_log.open_run(registry, source=toy.SOURCE, dag_id="toy", run_id="own", **about)
    reader = run_log.open_run(
        registry, source="bread", dag_id="bread", run_id="of another", inputs=(toy.SOURCE,), **about
    )
    assert own.base == reader.inputs[toy.SOURCE] == base.version
    for day in range(1, 5):
        quick.publish(store, registry, 100 + day, day=day)
    for source, version in ((toy.SOURCE, own.version), ("bread", reader.version)):
        assert base.version not in plan(store, registry).versions
        run_log.end(registry, source, version, "fail")
    assert base.version in plan(store, registry).versions


def opened(registry: Registry, run_id: str) -> str:
    return run_log.open_run(
        registry,
        source=toy.SOURCE,
        dag_id="toy",
        run_id=run_id,
        interval_start=None,
        interval_end=toy.START,
        env="e",
        code_version="c",
    ).version


def test_raw_that_a_run_under_way_reads_of_others_stays_until_it_ends(
    store: Store, registry: Registry
) -> None:
    quick.publish(store, registry, 100, day=0)
    left = ["20250101T000000Z-dead0000", "20250102T000000Z-dead0000"]
    landed = {land(store, version) for version in left}
    far = datetime.now(UTC) + FAR
    reader = opened(registry, "reader")
    assert run_log.hold_raw(registry, toy.SOURCE, reader, [*left, reader]) == {*left}
    assert run_log.hold_raw(registry, toy.SOURCE, reader, left[:1]) == {left[0]}, "asked by its next try"
    assert not landed & set(plan(store, registry, now=far).keys)
    run_log.end(registry, toy.SOURCE, reader, "fail")
    assert landed <= set(plan(store, registry, now=far).keys)


def test_a_run_that_begins_to_read_raw_that_is_to_go_outdates_the_plan(
    store: Store, registry: Registry
) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(4)]
    left = "20250101T000000Z-dead0000"
    key = land(store, left)
    chosen = plan(store, registry, now=datetime.now(UTC) + FAR)
    assert key in chosen.keys and chosen.versions
    reader = opened(registry, "reader")
    run_log.hold_raw(registry, toy.SOURCE, reader, [left])
    with pytest.raises(
        retention.PlanOutdated, match=f"Raw of toy {left} was to go, and a run that began meanwhile"
    ):
        retention.apply(store, registry, chosen, who="ana")
    assert store.exists(key) and len(registry.versions(toy.SOURCE)) == len(published)


def test_raw_whose_removal_has_begun_is_given_to_nobody(store: Store, registry: Registry) -> None:
    quick.publish(store, registry, 100, day=0)
    left, other = "20250101T000000Z-dead0000", "20250102T000000Z-dead0000"
    land(store, left)
    retain(store, registry, now=datetime.now(UTC) + FAR)
    reader = opened(registry, "reader")
    assert run_log.hold_raw(registry, toy.SOURCE, reader, [left, other]) == {other}
    again = opened(registry, "lands again")
    run(
        registry,
        "UPDATE lastgood.pipeline_run SET version = %s, ended = now() WHERE version = %s",
        *(left, again),
    )
    assert run_log.hold_raw(registry, toy.SOURCE, reader, [left]) == {left}, (
        "cleared since, it has landed again"
    )


def test_fewer_than_two_versions_cannot_be_asked_for(store: Store, registry: Registry) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        plan(store, registry, Retention(versions=1))


@pytest.mark.parametrize("meanwhile", ["pinned", "rolled back to"])
def test_a_plan_that_is_outdated_removes_nothing(store: Store, registry: Registry, meanwhile: str) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(4)]
    chosen = plan(store, registry)
    if meanwhile == "pinned":
        pin(registry, published[0].version)
    else:
        promotion.rollback(store, registry, toy.SOURCE, who="eva", reason="r", to=published[1].version)
    with pytest.raises(retention.PlanOutdated, match="plan again"):
        retention.apply(store, registry, chosen, who="ana")
    for manifest in published:
        manifests.verify(store, manifest)
    assert len(registry.versions(toy.SOURCE)) == 4


def test_versions_are_listed_and_each_manifest_is_read_once_for_all_plans(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(3):
        quick.publish(store, registry, 100 + day, day=day)
    asked: list[str] = []
    read = manifests.read
    monkeypatch.setattr(manifests, "read", lambda *of: (asked.append(of[2]), read(*of))[1])
    listed: list[str] = []
    listing = retention.listing
    monkeypatch.setattr(
        retention, "listing", lambda of, prefix: (listed.append(prefix), listing(of, prefix))[1]
    )
    view = retention.View(store)
    for source in ("toy", "other", "third"):
        retention.plan(store, registry, source, TWO, now=LATER, view=view)
    assert len(asked) == len(set(asked)) == 3
    assert listed == ["versions", "raw/toy", "raw/other", "raw/third"]


def test_old_rows_of_the_log_go_and_open_episodes_actions_and_kept_verdicts_stay(
    store: Store, registry: Registry
) -> None:
    quick.publish(store, registry, 100, day=1)
    gone = "20200101T000000Z-00000000"
    for source in (toy.SOURCE, "lastgood_watch"):
        for version, started in ((gone, toy.START - FAR), ("new", LATER)):
            run(
                registry,
                "INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_end, started, env, "
                "code_version) VALUES (%s, %s, 'd', 'r', %s, %s, 'e', 'c')",
                *(source, version, started, started),
            )
        for number, recovered in enumerate((toy.START - FAR, None, LATER)):
            run(
                registry,
                "INSERT INTO lastgood.alert (fingerprint, kind, source, severity, title, occurrence, first_seen, "
                "last_seen, recovered_at, message) VALUES (%s, 'k', %s, 's', 't', 'o', %s, %s, %s, '{}')",
                *(f"{source}{number}", source, toy.START - FAR, toy.START - FAR, recovered),
            )
    old = toy.START - FAR
    run(
        registry,
        "INSERT INTO lastgood.publish_attempt (source, version, at) VALUES ('toy', %s, %s)",
        gone,
        old,
    )
    run(registry, "UPDATE lastgood.check_result SET checked_at = %s", old)
    run(
        registry,
        "INSERT INTO lastgood.check_result SELECT source, %s, table_name, check_id, name, rule, outcome, value, "
        "threshold, samples, checked_at FROM lastgood.check_result",
        gone,
    )
    run(
        registry,
        "INSERT INTO lastgood.action (at, who, what, source, reason) VALUES (%s, 'a', 'w', 'toy', 'r')",
        old,
    )
    checks = len(run(registry, "SELECT 1 FROM lastgood.check_result"))
    retain(store, registry)
    assert retention.forget_system(registry, [toy.SOURCE], LATER) == 2
    assert {
        (row["source"], row["version"]) for row in run(registry, "SELECT * FROM lastgood.pipeline_run")
    } == {
        (toy.SOURCE, "new"),
        ("lastgood_watch", "new"),
    }
    alerts = run(registry, "SELECT fingerprint FROM lastgood.alert ORDER BY fingerprint")
    assert [row["fingerprint"] for row in alerts] == ["lastgood_watch1", "lastgood_watch2", "toy1", "toy2"]
    assert len(run(registry, "SELECT 1 FROM lastgood.check_result")) == checks / 2
    assert len(run(registry, "SELECT 1 FROM lastgood.publish_attempt")) == 1
    assert len(run(registry, "SELECT 1 FROM lastgood.action")) == 1


def test_what_the_store_keeps_of_what_people_were_told_goes_after_90_days(store: Store) -> None:
    kept = ["alerts/told/2026-08-24/000000-aa.jsonl", "alerts/told/2026-11-22/101500-bb.jsonl"]
    others = ["alerts/registry-down/told-1", "monitoring/heartbeat.json"]
    for key in (
        *kept,
        *others,
        "alerts/told/2026-08-23/235959-cc.jsonl",
        "alerts/told/2025-12-31/1-dd.jsonl",
    ):
        store.write_bytes(key, b"{}")
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert retention.forget_told(store, now) == 2
    assert store.list("alerts/told") == kept and all(map(store.exists, others))
    assert not Path(store.full("alerts/told/2026-08-23")).exists()
    assert retention.forget_told(store, now) == 0


def test_a_log_is_put_aside_when_it_is_full_and_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    assert not retention.rotate(path, limit=10)
    for number in range(6):
        path.write_text(f"line {number} and more")
        assert not retention.rotate(path, limit=100)
        assert retention.rotate(path, limit=10, files=3)
    assert {each.name: each.read_text()[5] for each in tmp_path.iterdir()} == {
        "alerts.jsonl.1": "5",
        "alerts.jsonl.2": "4",
    }


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(3, 4)),
        st.tuples(st.sampled_from(["rollback", "pin", "unpin"]), st.integers(0, 9)),
        st.tuples(st.just("retain"), st.sampled_from([10, 60, 400])),
    ),
    min_size=6,
    max_size=12,
)


@settings(
    max_examples=5,
    deadline=None,
    # A sequence that fails is short enough to be read as it is.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(acts=[("publish", 3), ("rollback", 1), ("publish", 4), ("rollback", 0)])
@given(acts=ACTS)
def test_whatever_happens_every_kept_version_is_whole(
    registry: Registry, acts: list[tuple[str, int]]
) -> None:
    run(
        registry,
        "TRUNCATE lastgood.latest, lastgood.dataset_version, lastgood.removed_version, lastgood.hold CASCADE",
    )
    run(registry, "DROP SCHEMA IF EXISTS published CASCADE; DELETE FROM lastgood.serving")
    pinned: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        store = Store.from_uri(Path(folder).as_uri())
        for day, (act, value) in enumerate([("publish", 3), *acts]):
            versions = [each.version for each in registry.versions(toy.SOURCE)]
            if act == "publish":
                quick.publish(store, registry, dict.fromkeys(range(value), str(day % 2)), day=day)
            elif act == "retain":
                retain(store, registry, now=datetime.now(UTC) + timedelta(days=value))
            elif act == "rollback":
                try:
                    to = versions[value % len(versions)]
                    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="r", to=to)
                except promotion.PromotionRefused as error:
                    # What was published while a rollback holds the source waits, and was never latest.
                    refused = ("no earlier version", "already", "never published")
                    assert any(words in str(error) for words in refused)
            else:
                chosen = versions[value % len(versions)]
                why = "golden" if act == "pin" else None
                run(
                    registry,
                    "UPDATE lastgood.dataset_version SET pinned_reason = %s WHERE version = %s",
                    why,
                    chosen,
                )
                (pinned.add if why else pinned.discard)(chosen)
            left = {each.version for each in registry.versions(toy.SOURCE)}
            latest = registry.latest(toy.SOURCE)
            assert latest is not None and pinned | {latest.version} <= left
            assert latest.previous is None or latest.previous in left
            for version in left:
                manifests.verify(store, manifests.require(store, toy.SOURCE, version))


# --- what is remembered of versions that went ---


def test_history_is_the_last_30_good_versions_whatever_retention_took(
    store: Store, registry: Registry
) -> None:
    published = [quick.publish(store, registry, 10 + day, day=day) for day in range(33)]
    before = registry.history(toy.SOURCE)
    assert [row["rows"] for row in before] == [42 - number for number in range(30)]
    retain(store, registry)
    assert registry.history(toy.SOURCE) == before
    figures = run(registry, "SELECT version FROM lastgood.change_summary")
    assert {row["version"] for row in figures} == {m.version for m in published[3:]}, "older figures go"
    quick.publish(store, registry, 99, day=40)
    retain(store, registry)
    assert [row["rows"] for row in registry.history(toy.SOURCE)] == [
        99,
        *(row["rows"] for row in before[:29]),
    ]
    assert len(run(registry, "SELECT version FROM lastgood.change_summary")) == 30


def test_a_version_that_was_rolled_back_is_no_history_until_it_comes_back(
    store: Store, registry: Registry
) -> None:
    first, second, third = (quick.publish(store, registry, 10 + day, day=day) for day in range(3))
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong")
    assert {row["version"] for row in registry.history(toy.SOURCE)} == {first.version, second.version}
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="it was right", to=third.version)
    assert third.version in {row["version"] for row in registry.history(toy.SOURCE)}
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="no", to=first.version)
    toy.release(store, registry)
    for day in (4, 5):
        quick.publish(store, registry, 20 + day, day=day)
    assert third.version in retain(store, registry).versions
    assert third.version not in {row["version"] for row in registry.history(toy.SOURCE)}, "removed since"


def test_a_name_that_retention_removed_is_never_used_again(store: Store, registry: Registry) -> None:
    gone, *_ = (quick.publish(store, registry, 100 + day, day=day) for day in range(4))
    assert gone.version in retain(store, registry).versions
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    with pytest.raises(
        RemovedVersion, match=f"{gone.version}: retention removed it on {today}.*not used again"
    ):
        toy.stage(store, registry, 3, day=0, built_upon=None)
    assert gone.version not in {row.version for row in registry.versions(toy.SOURCE)}
    assert run(registry, "SELECT version FROM lastgood.change_summary WHERE version = %s", gone.version)


def test_who_asks_for_a_version_that_retention_removed_is_told_when(store: Store, registry: Registry) -> None:
    gone, *_ = (quick.publish(store, registry, 100 + day, day=day) for day in range(4))
    retain(store, registry)
    signed: dict[str, Any] = {"who": "ana", "reason": "why not"}
    asked: list[Callable[[], Any]] = [
        lambda: registry.version(toy.SOURCE, gone.version),
        lambda: decisions.accept(store, registry, toy.SOURCE, gone.version, **signed),
        lambda: decisions.rollback(store, registry, toy.SOURCE, to=gone.version, **signed),
        lambda: decisions.retry(store, registry, toy.SOURCE, gone.version, **signed),
        lambda: decisions.pin(store, registry, toy.SOURCE, gone.version, **signed),
        lambda: replay._landings(store, registry, toy.SOURCE, gone.version),
    ]
    for ask in asked:
        with pytest.raises(RemovedVersion, match="retention removed it on"):
            ask()
    assert run(registry, "SELECT * FROM lastgood.action WHERE who = 'ana' AND what <> 'retain'") == []


def test_a_version_that_a_rebuild_brings_back_while_retention_stands_still_stays_whole(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = [quick.publish(store, registry, 100 + day, day=day) for day in range(4)]
    unseal = retention._unseal

    def late(*args: Any) -> None:
        with registry.connect() as connection:
            connection.execute("DROP SCHEMA lastgood CASCADE")
        rebuild.rebuild(store, Registry(registry.connect))
        unseal(*args)

    monkeypatch.setattr(retention, "_unseal", late)
    with pytest.raises(retention.PlanOutdated, match="was brought back meanwhile"):
        retain(store, registry)
    assert len(registry.versions(toy.SOURCE)) == 4
    for manifest in published:
        manifests.verify(store, manifest)


def test_a_rebuilt_registry_remembers_what_retention_removed(store: Store, registry: Registry) -> None:
    published = [quick.publish(store, registry, 10 + day, day=day) for day in range(33)]
    retain(store, registry)
    before = registry.history(toy.SOURCE)
    run(
        registry,
        "TRUNCATE lastgood.latest, lastgood.dataset_version, lastgood.removed_version, lastgood.change_summary CASCADE",
    )
    assert rebuild.rebuild(store, registry).damaged == ()
    assert registry.history(toy.SOURCE) == before
    with pytest.raises(RemovedVersion, match="retention removed it on"):
        registry.version(toy.SOURCE, published[0].version)


def test_a_removal_that_was_cut_off_leaves_a_version_and_a_damaged_memory_is_told(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = [quick.publish(store, registry, 10 + day, day=day) for day in range(3)]

    def killed(*_keys: str) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete", killed)
        with pytest.raises(SystemExit):
            retain(store, registry)
    empty = "TRUNCATE lastgood.latest, lastgood.dataset_version, lastgood.removed_version CASCADE"
    run(registry, empty)
    rebuild.rebuild(store, registry)
    assert registry.version(toy.SOURCE, published[0].version).state == "superseded"
    run(registry, empty)
    store.write_bytes(removed.key(toy.SOURCE), b"?")
    (sentence,) = rebuild.rebuild(store, registry).damaged
    assert sentence.startswith("removed/toy.json is left out: ")
