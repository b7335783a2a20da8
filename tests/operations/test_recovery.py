"""Recovery: what was left half done is finished once, and nothing that is under way is touched."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from include.operations import recovery
from include.operations.recovery import Report
from include.publishing import manifest as manifests
from include.publishing import pointers, promotion
from include.publishing.manifest import Manifest
from include.publishing.policy import Policy
from include.registry import run_history, run_log
from include.registry.locks import lock_latest
from include.registry.registry import Registry
from include.sources.source import Spec
from include.storage.store import Store
from tests import toy
from tests.publishing import quick

SPEC = Spec(
    name=toy.SOURCE,
    title="Toy",
    owner="tests",
    schedule="0 0 * * *",
    step_timeout=timedelta(hours=1),
    extract_timeout=timedelta(hours=2),
    run_timeout=timedelta(hours=12),
    done_within=timedelta(hours=8),
    fresh_within=timedelta(hours=36),
)
OLD = timedelta(hours=3)
"""Longer than any task may take."""


@pytest.fixture(autouse=True)
def _gate_without_soda(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about what comes after the gate, so its verdict is given."""
    monkeypatch.setattr(toy, "judge", quick.judge)


def recover(store: Store, registry: Registry, later: timedelta = timedelta()) -> Report:
    return recovery.recover(
        store,
        registry,
        now=datetime.now(UTC) + later,
        who="lastgood_recovery",
        specs={toy.SOURCE: SPEC},
    )


def judged(store: Store, registry: Registry, rows: int, *, day: int, run: str = "") -> Manifest:
    manifest = toy.stage(store, registry, rows, day=day, run=run)
    assert toy.judge(store, registry, manifest).passed
    return manifest


def sql(registry: Registry, query: str, *parameters: Any) -> list[dict[str, Any]]:
    with registry.transaction() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []


def broken(*_args: Any, **_kwargs: Any) -> None:
    raise psycopg.OperationalError("the disk is full")


def failed(store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """A candidate on top of a good version, whose three attempts have failed."""
    toy.publish(store, registry, 10, day=1)
    manifest = judged(store, registry, 11, day=2)
    with monkeypatch.context() as patch:
        patch.setattr(promotion.serving, "serve", broken)
        for error in (psycopg.OperationalError, psycopg.OperationalError, promotion.PromotionFailed):
            with pytest.raises(error):
                promotion.promote(store, registry, toy.SOURCE, manifest.version, policy=Policy(), owner="run")
    return manifest


def lease(registry: Registry, version: str, seconds: int) -> None:
    sql(
        registry,
        "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = 'a run that was killed', "
        "lease_until = now() + make_interval(secs => %s) WHERE version = %s",
        seconds,
        version,
    )


def begun(registry: Registry, version: str, *, hours_ago: float, ended: bool) -> None:
    run_log.start(
        registry,
        source=toy.SOURCE,
        version=version,
        dag_id=toy.SOURCE,
        run_id=version,
        interval_start=None,
        interval_end=toy.START,
        env="test",
        code_version="test",
    )
    sql(
        registry,
        "UPDATE lastgood.pipeline_run SET started = now() - make_interval(secs => %s), "
        "ended = CASE WHEN %s THEN now() - make_interval(secs => %s) END WHERE version = %s",
        hours_ago * 3600,
        ended,
        hours_ago * 3600 / 2,
        version,
    )


def aged(path: Path, by: timedelta) -> Path:
    then = time.time() - by.total_seconds()
    os.utime(path, (then, then))
    return path


def written(store: Store, key: str, by: timedelta = OLD) -> Path:
    store.write_bytes(key, b"x")
    return aged(Path(store.full(key)), by)


def nothing(report: Report) -> bool:
    return not any(getattr(report, each.name) for each in fields(report))


# --- publishing that failed ---


def test_a_failed_publish_is_tried_again_after_a_wait_and_then_is_latest(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = failed(store, registry, monkeypatch)
    assert recover(store, registry, timedelta(minutes=9)).tried == []
    report = recover(store, registry, timedelta(minutes=11))
    assert report.promoted == {toy.SOURCE: manifest.version}
    assert len(toy.served(registry)) == 11
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.version == manifest.version
    (act,) = sql(registry, "SELECT who, what, version, reason FROM lastgood.action")
    assert (act["who"], act["what"], act["version"]) == (
        "lastgood_recovery",
        "publish again",
        manifest.version,
    )
    assert "the disk is full" in act["reason"]


def test_an_attempt_whose_process_died_between_two_tries_is_tried_again(
    store: Store, registry: Registry
) -> None:
    manifest = judged(store, registry, 3, day=1)
    sql(registry, "UPDATE lastgood.dataset_version SET publish_error = 'gone', publish_attempts = 1")
    sql(
        registry,
        "INSERT INTO lastgood.publish_attempt (source, version, error) VALUES (%s, %s, 'gone')",
        toy.SOURCE,
        manifest.version,
    )
    assert recover(store, registry).tried == [], "it may be waiting for its next try at this moment"
    assert recover(store, registry, timedelta(minutes=11)).promoted == {toy.SOURCE: manifest.version}


def test_a_candidate_that_airflow_will_try_again_is_left_to_it(store: Store, registry: Registry) -> None:
    manifest = judged(store, registry, 3, day=1)
    begun(registry, manifest.version, hours_ago=1, ended=False)
    sql(registry, "UPDATE lastgood.dataset_version SET publish_error = 'full', publish_attempts = 1")
    assert nothing(recover(store, registry, timedelta(minutes=11)))
    assert recovery.stuck(registry, datetime.now(UTC)) == [], "nobody has failed yet"
    lease(registry, manifest.version, -1)
    assert nothing(recover(store, registry, timedelta(minutes=11)))
    sql(registry, "UPDATE lastgood.pipeline_run SET ended = now(), status = 'fail'")
    assert recover(store, registry, timedelta(minutes=11)).promoted == {toy.SOURCE: manifest.version}


def test_an_acceptance_whose_process_was_killed_before_its_promotion_is_finished_when_its_lease_is_over(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.publish(store, registry, 100, day=1)
    manifest = toy.stage(store, registry, 10, day=2)
    assert quick.judge(store, registry, manifest, "FAILED", "change").acceptable
    begun(registry, manifest.version, hours_ago=1, ended=True)

    def killed(*_args: Any, **_kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(promotion, "_publish", killed)
        with pytest.raises(SystemExit):
            promotion.accept(store, registry, toy.SOURCE, manifest.version, who="ana", reason="so it is")
    assert recover(store, registry).promoted == {}
    lease(registry, manifest.version, -1)
    assert recover(store, registry).promoted == {toy.SOURCE: manifest.version}
    assert len(toy.served(registry)) == 10
    acts = sql(registry, "SELECT what, reason FROM lastgood.action ORDER BY id")
    assert [act["what"] for act in acts] == ["accept", "publish again"]
    assert nothing(recover(store, registry))


def test_after_three_rounds_with_doubled_waits_it_gives_up_and_says_so(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = failed(store, registry, monkeypatch)
    monkeypatch.setattr(promotion.serving, "serve", broken)
    for minutes in (10, 20, 40):
        (before,) = recovery.stuck(registry, datetime.now(UTC))
        assert before.due - before.last == timedelta(minutes=minutes) and not before.given_up
        assert recover(store, registry, timedelta(minutes=minutes - 1)).tried == []
        report = recover(store, registry, timedelta(minutes=minutes + 1))
        assert len(report.tried) == 1 and "the disk is full" in report.tried[0]
        assert report.errors == [], "the watch tells of what cannot be published"
    (given_up,) = recovery.stuck(registry, datetime.now(UTC))
    assert given_up.given_up and given_up.attempts == 6 and given_up.error == "the disk is full"
    assert nothing(recover(store, registry, timedelta(days=7)))
    assert registry.version(toy.SOURCE, manifest.version).state == "failed"
    assert len(toy.served(registry)) == 10


def test_a_candidate_that_was_altered_is_refused_in_every_round_and_people_can_read_why(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = failed(store, registry, monkeypatch)
    store.write_bytes(manifest.files[0].path, b"rubbish")
    report = recover(store, registry, timedelta(minutes=11))
    assert report.promoted == {} and report.errors == []
    (each,) = recovery.stuck(registry, datetime.now(UTC))
    assert each.error is not None and "altered after the manifest" in each.error
    assert len(toy.served(registry)) == 10


def test_a_failed_candidate_is_left_alone_once_another_one_is_latest(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = failed(store, registry, monkeypatch)
    toy.publish(store, registry, 12, day=3)
    assert nothing(recover(store, registry, timedelta(hours=1)))
    assert registry.version(toy.SOURCE, manifest.version).state == "failed"
    assert len(toy.served(registry)) == 12


def test_a_failed_candidate_waits_while_another_run_of_its_source_is_under_way(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = failed(store, registry, monkeypatch)
    begun(registry, manifest.version, hours_ago=1, ended=False)  # its own, which was killed
    begun(registry, "of-today", hours_ago=1, ended=False)
    assert recover(store, registry, timedelta(minutes=11)).tried == []
    sql(registry, "UPDATE lastgood.pipeline_run SET started = now() - interval '13 hours'")
    assert recover(store, registry, timedelta(minutes=11)).promoted == {toy.SOURCE: manifest.version}


def test_what_was_never_tried_is_left_to_people(store: Store, registry: Registry) -> None:
    manifest = judged(store, registry, 3, day=1)
    begun(registry, manifest.version, hours_ago=1, ended=True)
    (each,) = recovery.stuck(registry, datetime.now(UTC))
    assert not each.tried
    assert nothing(recover(store, registry, timedelta(days=1)))


def test_an_error_of_the_database_is_reported_without_the_row_it_is_about(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.publish(store, registry, 3, day=1)

    def refused(*_args: Any) -> None:
        sql(
            registry, "INSERT INTO lastgood.breaker (name, state) VALUES ('ann@example.org', 'no such state')"
        )

    monkeypatch.setattr(pointers, "write", refused)
    (error,) = recover(store, registry).errors
    assert "violates check constraint" in error and "ann@example.org" not in error


def test_an_expired_lease_is_taken_over_at_once_and_a_running_one_is_respected(
    store: Store, registry: Registry
) -> None:
    manifest = judged(store, registry, 3, day=1)
    lease(registry, manifest.version, 60)
    assert nothing(recover(store, registry))
    lease(registry, manifest.version, -1)
    assert recover(store, registry).promoted == {toy.SOURCE: manifest.version}
    assert len(toy.served(registry)) == 3


def test_an_expired_lease_on_a_candidate_that_lost_the_race_ends_it(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 10, day=1)
    late = judged(store, registry, 11, day=2)
    toy.publish(store, registry, 12, day=3)
    lease(registry, late.version, -1)
    report = recover(store, registry)
    assert (report.promoted, report.ended) == ({}, [f"toy/{late.version}"])
    row = registry.version(toy.SOURCE, late.version)
    assert (
        row.state == "superseded" and row.publish_error is not None and "lost the race" in row.publish_error
    )
    assert len(toy.served(registry)) == 12


def test_a_promotion_that_kills_its_process_each_time_is_given_up_too(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = judged(store, registry, 3, day=1)

    def killed(*_args: Any, **_kwargs: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(promotion.serving, "serve", killed)
    for _ in range(recovery.ROUNDS):
        lease(registry, manifest.version, -1)
        with pytest.raises(SystemExit):
            recover(store, registry)
    lease(registry, manifest.version, -1)
    assert recover(store, registry).tried == []
    (each,) = recovery.stuck(registry, datetime.now(UTC))
    assert each.given_up


def test_a_source_whose_latest_is_being_moved_is_left_for_the_next_time(
    store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 10, day=1)
    manifest = judged(store, registry, 11, day=2)
    lease(registry, manifest.version, -1)
    store.delete(pointers.pointer_key(toy.SOURCE))
    with registry.transaction() as cursor:
        lock_latest(cursor, toy.SOURCE, "promote")
        assert nothing(recover(store, registry)), "it neither waits nor repairs"
    assert recover(store, registry).promoted == {toy.SOURCE: manifest.version}


def test_recovery_and_the_promote_task_at_once_publish_once(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 10, day=1)
    manifest = judged(store, registry, 11, day=2)
    lease(registry, manifest.version, -1)
    tried = "SELECT error FROM lastgood.publish_attempt WHERE version = %s"
    barrier = threading.Barrier(2)
    ended: list[Any] = []

    def at_once(act: Callable[[], Any]) -> None:
        barrier.wait()
        ended.append(act())

    acts: list[Callable[[], Any]] = [
        lambda: recover(store, registry),
        lambda: (
            promotion.promote(
                store, registry, toy.SOURCE, manifest.version, policy=Policy(), owner="run"
            ).latest
        ),
    ]
    threads = [threading.Thread(target=at_once, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 2
    assert [row["error"] for row in sql(registry, tried, manifest.version)] == [None]
    assert recover(store, registry).errors == []
    assert registry.version(toy.SOURCE, manifest.version).state == "published"
    assert len(toy.served(registry)) == 11


# --- candidates of dead runs ---


@pytest.mark.parametrize(
    ("ended", "hours_ago", "over"), [(True, 1, True), (False, 13, True), (False, 1, False)]
)
def test_a_staged_candidate_that_is_outdated_is_ended_once_its_run_is_over(
    store: Store, registry: Registry, ended: bool, hours_ago: float, over: bool
) -> None:
    toy.publish(store, registry, 10, day=1)
    outdated = toy.stage(store, registry, 11, day=2)
    begun(registry, outdated.version, hours_ago=hours_ago, ended=ended)
    current = toy.publish(store, registry, 12, day=3)
    waiting = toy.stage(store, registry, 13, day=4)
    report = recover(store, registry)
    assert report.ended == ([f"toy/{outdated.version}"] if over else [])
    assert registry.version(toy.SOURCE, outdated.version).state == ("superseded" if over else "staged")
    assert registry.version(toy.SOURCE, waiting.version).state == "staged"
    assert registry.version(toy.SOURCE, current.version).state == "published"


# --- pointer and states in the store ---


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00 rubbish"])
def test_a_pointer_and_a_state_record_that_are_gone_or_corrupted_are_written_anew(
    store: Store, registry: Registry, content: bytes | None
) -> None:
    manifest = toy.publish(store, registry, 3, day=1)
    keys = [pointers.state_key(toy.SOURCE, manifest.version), pointers.pointer_key(toy.SOURCE)]
    before = {key: store.read_bytes(key) for key in keys}
    for key in keys:
        if content is None:
            toy.lose(store, key)
        else:
            store.write_bytes(key, content)
    assert sorted(recover(store, registry).repaired) == sorted(keys)
    assert {key: store.read_bytes(key) for key in keys} == before
    (act,) = sql(registry, "SELECT what, details FROM lastgood.action")
    assert (act["what"], sorted(act["details"]["keys"])) == ("repair pointer", sorted(keys))


def test_a_registry_that_is_older_than_the_store_does_not_lead_readers_back(
    store: Store, registry: Registry
) -> None:
    first = toy.publish(store, registry, 10, day=1)
    second = toy.publish(store, registry, 11, day=2)
    sql(
        registry,
        "UPDATE lastgood.latest SET version = %s, generation = generation - 1",
        first.version,
    )
    report = recover(store, registry)
    assert report.repaired == [] and "the registry is older than the store" in report.errors[0]
    pointer = pointers.read_pointer(store, toy.SOURCE)
    assert pointer is not None and pointer.version == second.version


def test_trouble_with_one_source_does_not_stop_the_others(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = failed(store, registry, monkeypatch)
    store.write_bytes("latest/aaa.json", store.read_bytes(pointers.pointer_key(toy.SOURCE)))
    report = recovery.recover(
        store,
        registry,
        now=datetime.now(UTC) + timedelta(minutes=11),
        specs={"aaa": SPEC, toy.SOURCE: SPEC},
    )
    assert len(report.errors) == 1 and report.errors[0].startswith("aaa: ")
    assert report.promoted == {toy.SOURCE: manifest.version}


# --- what dead runs left ---


@pytest.mark.parametrize(
    ("age", "run", "stays"),
    [
        (OLD, (5, True), False),
        (OLD, (1, True), True),
        (OLD, (13, False), False),
        (OLD, None, True),
        (OLD, (4, False), True),
        (timedelta(minutes=90), (5, True), True),
    ],
    ids=[
        "its run ended",
        "a task may go on",
        "its run must be over",
        "no run known",
        "its run is under way",
        "just written",
    ],
)
def test_files_of_a_candidate_that_was_never_sealed_go_once_nobody_can_work_on_them(
    store: Store, registry: Registry, age: timedelta, run: tuple[float, bool] | None, stays: bool
) -> None:
    good = toy.publish(store, registry, 3, day=1)
    if run is not None:
        begun(registry, "20260302T000000Z-dead", hours_ago=run[0], ended=run[1])
    key = "versions/toy/20260302T000000Z-dead/things/part-00000.parquet"
    raw = written(store, "raw/toy/20260302T000000Z-dead/part-00000.jsonl.zst")
    written(store, key, age)
    for file in good.files:
        aged(Path(store.full(file.path)), OLD)
    assert recover(store, registry).removed == ([] if stays else [key])
    assert store.exists(key) is stays
    assert raw.exists(), "raw is retention's"
    manifests.verify(store, good)


def test_what_retention_left_of_an_old_version_stays(store: Store, registry: Registry) -> None:
    first = toy.publish(store, registry, 10, day=1)
    second = toy.publish(store, registry, 10, day=2)
    assert second.files == first.files, "the newer version references the older one's files"
    quarantine = written(store, f"versions/toy/{first.version}/_quarantine.parquet")
    store.delete(manifests.manifest_key(toy.SOURCE, first.version))
    sql(registry, "UPDATE lastgood.latest SET previous = NULL")
    for table in ("check_result", "change_summary", "dataset_version"):
        sql(registry, f"DELETE FROM lastgood.{table} WHERE version = %s", first.version)
    for key in store.list(f"versions/toy/{first.version}"):
        aged(Path(store.full(key)), OLD)
    recover(store, registry)
    manifests.verify(store, second)
    assert quarantine.exists()


def test_what_a_killed_try_left_beside_the_one_that_sealed_goes(store: Store, registry: Registry) -> None:
    good = toy.publish(store, registry, 3, day=1)
    begun(registry, good.version, hours_ago=5, ended=True)
    for key in store.list(f"versions/toy/{good.version}"):
        aged(Path(store.full(key)), OLD)
    dead = f"versions/toy/{good.version}/try-000000000000/things/part-00000.parquet"
    written(store, dead, timedelta(minutes=90))
    assert recover(store, registry).removed == [], "its process may be at work"
    written(store, dead)
    kept = set(store.list(f"versions/toy/{good.version}")) - {dead}
    assert recover(store, registry).removed == [dead]
    written(store, dead)
    assert recover(store, registry).removed == [], "a run is looked at once"
    sql(registry, "UPDATE lastgood.pipeline_run SET ended = now()")
    assert recover(store, registry, OLD).removed == [dead], "and again once it was cleared and ended again"
    assert set(store.list(f"versions/toy/{good.version}")) == kept
    manifests.verify(store, good)


def test_a_version_that_retention_takes_meanwhile_is_no_trouble_and_a_lost_manifest_is(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = toy.publish(store, registry, 11, day=1)
    begun(registry, first.version, hours_ago=5, ended=True)
    toy.publish(store, registry, 12, day=2)
    toy.lose(store, manifests.manifest_key(toy.SOURCE, first.version))
    for key in store.list(f"versions/toy/{first.version}"):
        aged(Path(store.full(key)), OLD)
    monkeypatch.setattr(recovery, "_pointers", lambda _: None)
    files = store.list(f"versions/toy/{first.version}")
    (error,) = recover(store, registry).errors
    assert first.version in error and "does not exist" in error
    over = run_history.over

    def meanwhile(*args: Any, **kwargs: Any) -> list[run_history.Over]:
        found = over(*args, **kwargs)
        for table in ("check_result", "change_summary", "dataset_version"):
            sql(registry, f"DELETE FROM lastgood.{table} WHERE version = %s", first.version)
        return found

    sql(registry, "UPDATE lastgood.latest SET previous = NULL")
    monkeypatch.setattr(run_history, "over", meanwhile)
    assert nothing(recover(store, registry))
    assert store.list(f"versions/toy/{first.version}") == files


def test_scratch_goes_once_it_is_older_than_a_task_may_last(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    toy.publish(store, registry, 3, day=1)
    root = Path(store.root)
    scratch = root / ".scratch"
    dead = scratch / "raw/toy/v1/shard.parquet"
    alive = scratch / "build-toy-v2/shard.parquet"
    outside = tmp_path / "precious"
    for path in (dead, alive, outside):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (dead.parent / "link").symlink_to(outside)
    (dead.parent / "folder").symlink_to(tmp_path, target_is_directory=True)
    for path in (dead, outside):
        aged(path, OLD)
    report = recover(store, registry)
    assert report.removed == [str(dead)]
    assert alive.exists() and outside.exists() and not dead.exists()
    recover(store, registry, OLD)
    recover(store, registry, OLD)
    assert outside.exists() and not alive.exists()


def test_each_act_leaves_who_and_why(store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 10, day=1)
    outdated = toy.stage(store, registry, 11, day=2)
    toy.publish(store, registry, 12, day=3)
    store.delete(pointers.pointer_key(toy.SOURCE))
    written(store, ".scratch/gate-toy-v1/x")
    recover(store, registry)
    acts = sql(registry, "SELECT who, what, source, version, reason FROM lastgood.action ORDER BY id")
    assert [(act["what"], act["source"], act["version"]) for act in acts] == [
        ("end candidate", "toy", outdated.version),
        ("repair pointer", "toy", None),
        ("remove leftovers", "lastgood", None),
    ]
    assert all(act["who"] == "lastgood_recovery" and act["reason"] for act in acts)


WRONGS = ("failed", "expired", "leased", "outdated", "pointer", "state", "scratch", "unsealed")


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(wrongs=st.sets(st.sampled_from(WRONGS)), later=st.sampled_from([0, 15, 120]))
def test_recovering_twice_does_nothing_the_second_time(
    tmp_path: Path, registry: Registry, wrongs: set[str], later: int
) -> None:
    with registry.transaction() as cursor:
        cursor.execute(
            "TRUNCATE lastgood.latest, lastgood.dataset_version, lastgood.action, lastgood.publish_attempt, "
            "lastgood.pipeline_run, lastgood.change_summary, lastgood.check_result, lastgood.cursor, "
            "lastgood.serving CASCADE"
        )
        cursor.execute("DROP SCHEMA IF EXISTS published CASCADE")
    store = Store.from_uri((tmp_path / os.urandom(8).hex()).as_uri())
    base = toy.publish(store, registry, 10, day=1)
    if "outdated" in wrongs:
        toy.stage(store, registry, 11, day=2)
        base = toy.publish(store, registry, 12, day=3)
    for day, wrong in ((4, "failed"), (5, "expired"), (6, "leased")):
        if wrong in wrongs:
            candidate = judged(store, registry, 12, day=day)
            if wrong == "failed":
                sql(
                    registry,
                    "UPDATE lastgood.dataset_version SET state = 'failed', publish_error = 'x' WHERE version = %s",
                    candidate.version,
                )
            else:
                lease(registry, candidate.version, -1 if wrong == "expired" else 3600 * 5)
    if "pointer" in wrongs:
        store.delete(pointers.pointer_key(toy.SOURCE))
    if "state" in wrongs:
        store.write_bytes(pointers.state_key(toy.SOURCE, base.version), b"?")
    if "scratch" in wrongs:
        written(store, ".scratch/build-toy-v1/x")
    if "unsealed" in wrongs:
        begun(registry, "v1", hours_ago=5, ended=True)
        written(store, "versions/toy/v1/things/part-00000.parquet")
    first = recover(store, registry, timedelta(minutes=later))
    again = recover(store, registry, timedelta(minutes=later))
    assert first.errors == again.errors == []
    assert nothing(again)
    latest = registry.latest(toy.SOURCE)
    assert latest is not None
    assert toy.served(registry) == toy.read(store, manifests.require(store, toy.SOURCE, latest.version))


# --- what is derived ---

DERIVED = replace(SPEC, name="bread", schedule=None, derived=True, inputs=(toy.SOURCE,))


@pytest.fixture
def follow(store: Store, registry: Registry) -> Callable[..., dict[str, str]]:
    """What recovery announces so many minutes after latest of toy has moved."""

    def follow(minutes: float = 6) -> dict[str, str]:
        latest = registry.latest(toy.SOURCE)
        assert latest is not None
        now = latest.since + timedelta(minutes=minutes)
        report = recovery.recover(store, registry, now=now, specs={toy.SOURCE: SPEC, "bread": DERIVED})
        assert report.errors == []
        return report.announced

    return follow


Follow = Callable[..., dict[str, str]]


def baked(registry: Registry, **of: Any) -> None:
    """A run of the derived source from these inputs."""
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_end, env, code_version, "
            "attempt, inputs, status, ended) VALUES ('bread', %(version)s, 'bread', %(version)s, now(), 'e', 'c', "
            "1, %(inputs)s, %(status)s, %(ended)s)",
            {"status": "ok", "ended": datetime.now(UTC), **of, "inputs": Jsonb(of["inputs"])},
        )


def test_a_derived_source_that_does_not_follow_is_told_again_once_an_hour(
    store: Store, registry: Registry, follow: Follow
) -> None:
    first, second = (quick.publish(store, registry, 3 + day, day=day) for day in (1, 2))
    baked(registry, version="b1", inputs={toy.SOURCE: second.version})
    assert follow() == {}, "it was built from what is latest"
    # In a shell, where no event of Airflow can be raised.
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong")
    assert follow(minutes=4) == {}, "whoever moved latest may have told it"
    assert follow(minutes=6) == {toy.SOURCE: first.version}
    assert follow(minutes=16) == {}
    assert follow(minutes=67) == {toy.SOURCE: first.version}, "its DAG was paused"


def test_a_source_with_a_schedule_is_not_told_of_its_inputs(store: Store, registry: Registry) -> None:
    latest = quick.publish(store, registry, 3, day=1)
    weekly = replace(DERIVED, schedule="0 9 * * 1")
    collected = replace(weekly, derived=False)
    now = datetime.now(UTC) + timedelta(hours=1)
    for spec, told in [(DERIVED, {toy.SOURCE: latest.version}), (weekly, {}), (collected, {})]:
        assert recovery.recover(store, registry, now=now, specs={"bread": spec}).announced == told


@pytest.mark.parametrize(
    "run",
    [
        {"status": None, "ended": None, "inputs": {toy.SOURCE: "an earlier one"}},
        {"status": "fail", "inputs": "latest"},
        {"status": "skipped", "inputs": "latest"},
    ],
    ids=["is under way", "has failed from just these inputs", "found nothing new"],
)
def test_a_derived_source_that_has_tried_is_left_alone(
    store: Store, registry: Registry, follow: Follow, run: dict[str, Any]
) -> None:
    latest = quick.publish(store, registry, 3, day=1)
    inputs = {toy.SOURCE: latest.version} if run["inputs"] == "latest" else run["inputs"]
    baked(registry, version="b1", **{**run, "inputs": inputs})
    assert follow() == {}


def test_a_derived_source_waits_for_all_of_its_inputs(store: Store, registry: Registry) -> None:
    latest = quick.publish(store, registry, 3, day=1)
    spec = replace(DERIVED, inputs=(toy.SOURCE, "water"))
    now = datetime.now(UTC) + timedelta(hours=1)
    assert recovery.recover(store, registry, now=now, specs={"bread": spec}).announced == {}
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.dataset_version (source, version, as_of, state, manifest_sha256) "
            "VALUES ('water', 'w1', now(), 'published', '0')"
        )
        cursor.execute("INSERT INTO lastgood.latest (source, version, since) VALUES ('water', 'w1', now())")
    found = recovery.recover(store, registry, now=now, specs={"bread": spec})
    assert found.announced == {toy.SOURCE: latest.version, "water": "w1"}
