"""The watch's rules: each finds its trouble beyond the threshold, not at it, and says figure and threshold."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from include.alerting import episodes
from include.alerting.alert import KINDS, Alert
from include.monitoring import thresholds, watch
from include.operations import recovery
from include.registry import run_log
from include.registry.locks import lock_latest
from include.registry.registry import Registry
from include.sources.source import Spec
from include.storage.store import Store
from tests import toy
from tests.counting import counted
from tests.monitoring.conftest import NOW, Past

SPECS = {
    "toy": Spec(
        name="toy",
        title="Toy",
        owner="tests",
        schedule="0 0 * * *",
        done_within=timedelta(hours=8),
        fresh_within=timedelta(hours=36),
    ),
    "derived": Spec(
        name="derived",
        title="Derived",
        owner="tests",
        schedule=None,
        derived=True,
        inputs=("toy",),
        done_within=timedelta(hours=2),
        fresh_within=timedelta(hours=6),
    ),
}
Look = Callable[..., list[Alert]]


@pytest.fixture
def look(registry: Registry, store: Store, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Find the alerts of one kind; no other rule may find any, nor fail."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(total=100, free=50))
    limits = thresholds.load()

    def alerts(
        kind: str, backup: Store | None = None, folders: Mapping[str, Path] | None = None
    ) -> list[Alert]:
        found = watch.observe(registry, store, limits, NOW, backup, folders=folders, specs=SPECS)
        assert found.failed_rules == {}
        # Most of these versions are in the registry only, which the rule of damaged files tells of; a run that
        # is open for days is late too.
        assert {alert.kind for alert in found.alerts} <= {kind, "file-damaged", "late"}
        return [alert for alert in found.alerts if alert.kind == kind]

    return alerts


def only(alerts: list[Alert]) -> Alert:
    (alert,) = alerts
    assert alert.consumers and alert.cause.endswith((".", "full", "gone"))
    return alert


def test_every_kind_the_watch_finds_is_a_watched_one_and_nothing_is_found_in_peace(look: Look) -> None:
    # A run that is late is over when one succeeds, and not because it failed.
    assert {kind for kind in watch.RULES if not KINDS[kind].watched} == {"late"}
    assert look("none") == []


def test_a_watch_asks_over_one_connection(store: Store, dsn: str, past: Past) -> None:
    past.latest("toy", "v1")
    past.version("toy", "v2", "publishing", lease_owner="run", lease_until=NOW - timedelta(minutes=20))
    registry, opened = counted(dsn)
    found = watch.observe(registry, store, thresholds.load(), NOW, None, specs=SPECS)
    assert found.alerts and found.failed_rules == {} and len(opened) == 1


# --- stale ---


@pytest.mark.parametrize(
    ("status", "run_type", "steps", "fresh"),
    [
        ("ok", "scheduled", {"promote": {"latest": "v1"}}, True),
        ("ok", "manual", {"promote": {"latest": "v1"}}, True),
        ("ok", "scheduled", {"promote": {"latest": "v0"}}, False),
        ("ok", "replay", {"promote": {"latest": "v1"}}, False),
        ("ok", "backfill", {"promote": {"latest": "v1"}}, False),
        ("ok", "scheduled", {}, False),
        ("skipped", "scheduled", {"probe": {"new": False}}, True),
        ("skipped", "scheduled", {"probe": {"new": False, "without_host": True}}, False),
        ("fail", "scheduled", {}, False),
        ("partial", "scheduled", {}, False),
        (None, "scheduled", {}, False),
    ],
)
def test_latest_is_stale_unless_a_run_replaced_it_or_found_it_current(
    past: Past, look: Look, status: str | None, run_type: str, steps: dict[str, Any], fresh: bool
) -> None:
    past.latest("toy", "v1", hours=50)
    past.run("toy", status, hours=35, run_type=run_type, **steps)
    found = look("stale")
    if fresh:
        assert found == []
    else:
        alert = only(found)
        assert (alert.source, alert.fingerprint) == ("toy", "stale|toy|")
        assert "2 days 2 hours ago, at 2026-07-29 10:00 UTC; at most 1 day 12 hours" in alert.cause
        assert "version v1" in alert.consumers


def test_latest_is_fresh_until_the_promised_time_is_over(past: Past, look: Look) -> None:
    past.latest("toy", "v1", hours=36)
    assert look("stale") == []
    past.sql("UPDATE lastgood.dataset_version SET published_at = published_at - interval '1 second'")
    assert only(look("stale"))


def test_what_an_operator_published_is_fresh_without_any_run(past: Past, look: Look) -> None:
    past.run("toy", "ok", hours=90)
    past.latest("toy", "v1", hours=35)
    assert look("stale") == []


def test_what_a_replay_published_is_no_fresher_than_before(past: Past, look: Look) -> None:
    past.latest("toy", "v0", hours=50)
    past.run("toy", "ok", hours=1, run_type="replay", promote={"latest": "v1"})
    past.latest("toy", "v1", hours=1)
    assert "2 days 2 hours ago" in only(look("stale")).cause
    past.sql("DELETE FROM lastgood.dataset_version WHERE version = 'v0'")
    past.sql("UPDATE lastgood.dataset_version SET as_of = %(at)s", at=NOW - timedelta(hours=60))
    assert "2 days 12 hours ago" in only(look("stale")).cause, "nothing else is known of it"


def test_a_source_that_has_never_published_is_not_stale(past: Past, look: Look) -> None:
    past.run("toy", "fail", hours=300)
    past.run("derived", "skipped", hours=300)
    assert look("stale") == []


@pytest.mark.parametrize(
    ("hours", "built_from", "fresh"), [(7, "v1", False), (7, "v2", True), (5, "v1", True)]
)
def test_a_derived_source_is_stale_once_an_input_has_waited_for_too_long(
    past: Past, look: Look, hours: float, built_from: str, fresh: bool
) -> None:
    past.run("toy", "ok", hours=1)
    past.latest("toy", "v1", hours=300)
    past.latest("derived", "d1", hours=299)
    past.latest("toy", "v2", hours=hours)
    past.sql(
        "INSERT INTO lastgood.cursor (source, name, value, version) "
        "VALUES ('derived', 'built_from', jsonb_build_object('toy', %(upon)s::text), 'd1')",
        upon=built_from,
    )
    found = look("stale")
    if fresh:
        assert found == []
    else:
        assert "Version v2 of toy has waited for 7 hours" in only(found).cause
        assert found[0].source == "derived"


@pytest.fixture
def growing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SPECS, "toy", replace(SPECS["toy"], grows=("things", timedelta(days=6))))


def test_an_upstream_that_stands_still_is_told_though_every_run_goes_well(
    past: Past, look: Look, growing: None
) -> None:
    def grew(version: str, new: int) -> None:
        past.sql(
            "UPDATE lastgood.change_summary SET new = %(new)s WHERE version = %(version)s AND table_name = 'things'",
            new=new,
            version=version,
        )

    past.latest("toy", "v1", hours=24 * 6 + 1, rows={"things": 7, "notes": 7})
    past.latest("toy", "v2", hours=24 * 6, rows={"things": 8, "notes": 7})
    past.latest("toy", "v3", hours=2, rows={"things": 8, "notes": 8})
    past.sql("UPDATE lastgood.change_summary SET new = 1 WHERE table_name = 'notes'")
    past.run("toy", "skipped", hours=1)
    grew("v1", 7)
    grew("v2", 1)
    assert look("upstream-still") == []
    grew("v2", 0)
    alert = only(look("upstream-still"))
    assert alert.what == "things"
    assert "2026-07-25 11:00 UTC, 6 days 1 hour ago; its upstream never stood still" in alert.cause
    grew("v3", 1)
    assert look("upstream-still") == []
    past.sql("UPDATE lastgood.dataset_version SET state = 'rolled_back' WHERE version = 'v3'")
    assert only(look("upstream-still"))


def test_an_upstream_that_never_brought_a_row_is_told_from_the_first_version_on(
    past: Past, look: Look, growing: None
) -> None:
    assert look("upstream-still") == []
    past.latest("toy", "v1", hours=24 * 6 + 1)
    past.latest("toy", "v2", hours=2)
    assert only(look("upstream-still"))


# --- rows ---


def test_a_table_that_is_empty_now_and_had_rows_is_found_until_empty_is_the_new_level(
    past: Past, look: Look
) -> None:
    past.version("toy", "v1", "superseded", hours=9, rows={"things": 7, "notes": 0})
    past.latest("toy", "v2", hours=3, rows={"things": 0, "notes": 0})
    alert = only(look("zero-rows"))
    assert (alert.what, alert.cause) == ("things", "Table things has 0 rows in latest; version v1 had 7.")
    past.latest("toy", "v3", hours=2, rows={"things": 0, "notes": 0})
    assert only(look("zero-rows")), "the next empty version does not make it good"
    past.sql(
        "INSERT INTO lastgood.dataset_version (source, version, as_of, state, published_at, manifest_sha256) "
        "SELECT 'toy', 'w' || n, %(at)s, 'superseded', %(at)s, '0' FROM generate_series(1, 29) n",
        at=NOW - timedelta(hours=2.5),
    )
    assert look("zero-rows") == []


def candidate(
    store: Store,
    registry: Registry,
    *,
    good: int,
    refused: int,
    received: int | None,
    arrived: dict[str, int] | None = None,
) -> None:
    """A candidate of things with a quarantine."""
    manifest = toy.stage(store, registry, good, day=150)
    from include.publishing import manifest as manifests
    from include.publishing.manifest import Quarantine

    altered = {
        "quarantine": Quarantine(rows=refused, reasons={"bad": refused}, arrived=arrived),
        "counts": {} if received is None else {"received": received},
    }
    import msgspec

    key = manifests.manifest_key(toy.SOURCE, manifest.version)
    store.write_bytes(key, msgspec.json.encode(msgspec.structs.replace(manifest, **altered)))


@pytest.mark.parametrize(
    ("good", "refused", "received", "says"),
    [
        (99, 1, None, None),
        (98, 2, None, "2 of 100 records"),
        (1000, 2, 100, "2 of 100 records"),
        (1000, 1, 100, None),
        (0, 0, 0, None),
        (0, 3, None, None),
        (17, 3, None, "3 of 20 records"),
        (16, 3, None, None),
    ],
)
def test_refused_records_are_compared_with_what_came(
    store: Store,
    registry: Registry,
    look: Look,
    past: Past,
    good: int,
    refused: int,
    received: int | None,
    says: str | None,
) -> None:
    candidate(store, registry, good=good, refused=refused, received=received)
    past.sql("UPDATE lastgood.dataset_version SET staged_at = %(at)s", at=NOW)
    assert look("error-rate") == [], "a candidate that nobody reads has said so itself"
    past.newest_is_latest("toy")
    found = look("error-rate")
    if says is None:
        assert found == []
    else:
        assert says in only(found).cause and "at most 1 % are accepted" in found[0].cause


def test_what_a_candidate_says_of_its_arrivals_goes_before_what_its_source_counts(
    store: Store, registry: Registry, look: Look, past: Past
) -> None:
    candidate(store, registry, good=1, refused=3, received=1000, arrived={"things": 60, "names": 40})
    past.sql("UPDATE lastgood.dataset_version SET staged_at = %(at)s", at=NOW)
    past.newest_is_latest("toy")
    assert "3 of 100 records" in only(look("error-rate")).cause


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"extract": {"matches": 100, "failed": 1}}, None),
        (
            {
                "extract Cup 24/25": {"matches": 60, "failed": 1},
                "extract League": {"matches": 40, "failed": 1},
            },
            "2 of 100",
        ),
        ({"extract": {"trials": {"asked": 10, "failed": 3}, "names": {"asked": 30, "failed": 0}}}, "3 of 40"),
        ({"extract": {"items": 20, "failed": 1}}, "1 of 20"),
        ({"extract": {"items": 1, "failed": 1}}, None),
        ({"extract": {"studies_received": 10}}, None),
        ({"extract": {"asked": 0, "failed": 0}}, None),
        ({"extract": {"asked": "many", "failed": ["x"]}}, None),
        ({"build": {"asked": 10, "failed": 9}}, None),
    ],
)
def test_questions_without_an_answer_are_counted_over_the_units_of_the_run_that_made_latest(
    past: Past, look: Look, steps: dict[str, Any], says: str | None
) -> None:
    many = {"asked": 100, "failed": 90}
    past.run("toy", "ok", hours=50, version="v1", extract=many)
    past.latest("toy", "v1", hours=50)
    if not any(name.startswith("extract") for name in steps):
        steps = {**steps, "extract": {"asked": 100, "failed": 0}}
    past.run("toy", "ok", hours=2, version="v2", **steps)
    past.latest("toy", "v2", hours=2)
    past.run("toy", "fail", hours=1.5, extract=many)
    past.run("toy", "skipped", hours=1, probe={"new": False})
    past.run("toy", None, hours=0.1, extract=many)
    found = look("error-rate")
    assert (found == []) if says is None else (says in only(found).cause)


def test_what_an_operator_rolled_back_to_is_neither_empty_nor_erroneous_anew(past: Past, look: Look) -> None:
    past.run("toy", "ok", hours=9, version="v1", extract={"asked": 100, "failed": 90})
    past.latest("toy", "v1", hours=9, rows={"things": 0})
    past.latest("toy", "v2", hours=3, rows={"things": 7})
    past.sql("UPDATE lastgood.dataset_version SET state = 'rolled_back' WHERE version = 'v2'")
    past.sql("UPDATE lastgood.latest SET version = 'v1', previous = 'v2'")
    assert look("zero-rows") == [] and look("error-rate") == []
    past.latest("toy", "v3", hours=1, rows={"things": 0})
    assert look("zero-rows") == [], "it had rows in what was rolled back from alone"


# --- publishing ---


def test_more_than_five_failures_to_publish_within_an_hour_are_found(past: Past, look: Look) -> None:
    past.attempt("toy", "v1", "the disk is full", hours=1.1)
    for minute in range(5):
        past.attempt("toy", "v1", "password=hunter2 was refused", hours=minute / 60)
    past.attempt("toy", "v1", None, hours=0.1)
    assert look("publish-failures") == []
    past.attempt("toy", "v2", "timed out", hours=0.5)
    (alert,) = look("publish-failures")
    assert "Publishing failed 6 times in the last hour; at most 5 are accepted." in alert.cause
    assert "hunter2" not in alert.cause


def test_failures_to_publish_are_over_once_publishing_succeeds_and_not_after_an_hour(
    past: Past, look: Look, registry: Registry
) -> None:
    for minute in range(6):
        past.attempt("toy", "v1", "the disk is full", hours=minute / 60)
    (alert,) = look("publish-failures")
    past.sql("UPDATE lastgood.publish_attempt SET at = at - interval '3 hours'")
    assert look("publish-failures") == [], "nobody was told"
    episodes.note(registry, alert, lambda _: timedelta(hours=1))
    assert look("publish-failures") != []
    past.attempt("toy", "v1", None, hours=0.1)
    assert look("publish-failures") == []


def test_a_candidate_that_is_staged_for_more_than_a_day_is_found(past: Past, look: Look) -> None:
    past.version("toy", "v1", "staged", hours=24)
    assert look("staged-too-long") == []
    past.version("toy", "v2", "staged", hours=25)
    alert = only(look("staged-too-long"))
    assert alert.what == "v2"
    assert "staged for 1 day 1 hour, without a verdict; at most 24 hours" in alert.cause


def test_a_version_that_is_published_beyond_its_lease_is_found(past: Past, look: Look) -> None:
    past.version("toy", "v1", "publishing", lease_owner="run 1", lease_until=NOW + timedelta(minutes=1))
    assert look("lease-expired") == []
    past.sql("UPDATE lastgood.dataset_version SET lease_until = %(at)s", at=NOW - timedelta(minutes=20))
    alert = only(look("lease-expired"))
    assert "published by run 1, whose lease ran out 20 minutes ago, at 2026-07-31 11:40 UTC" in alert.cause


def test_a_promotion_that_is_at_work_beyond_its_lease_is_no_finding(
    registry: Registry, past: Past, look: Look
) -> None:
    past.latest("toy", "v1")
    past.version("toy", "v2", "publishing", lease_owner="run", lease_until=NOW - timedelta(minutes=1))
    with registry.transaction() as cursor:
        lock_latest(cursor, "toy", "promote")
        assert look("lease-expired") == []
    assert only(look("lease-expired"))


def test_what_recovery_has_given_up_is_found_until_something_newer_is_latest(past: Past, look: Look) -> None:
    past.latest("toy", "v1", hours=9)
    past.run("toy", hours=9)
    past.run("toy", "fail", hours=1)
    past.sql("UPDATE lastgood.pipeline_run SET failed_step = 'promote' WHERE version = 'v2'")
    past.version("toy", "v2", "failed", previous="v1", publish_attempts=6, publish_error="the disk is full")
    for _ in range(recovery.ROUNDS):
        assert look("publish-given-up") == []
        past.sql(
            "INSERT INTO lastgood.action (who, what, source, version, reason) "
            "VALUES ('lastgood_recovery', 'publish again', 'toy', 'v2', 'it failed')"
        )
    alert = only(look("publish-given-up"))
    assert alert.what == "v2"
    assert (
        "in all 3 rounds of recovery. 6 attempts failed in all. The last said: the disk is full"
        in alert.cause
    )
    past.latest("toy", "v3", hours=0.5)
    assert look("publish-given-up") == []


@pytest.mark.parametrize("failed_step", ["gate", None])
def test_the_third_failure_of_an_acceptance_or_a_command_is_found_since_no_run_tells_of_it(
    past: Past, look: Look, failed_step: str | None
) -> None:
    past.latest("toy", "v1", hours=9)
    past.version(
        "toy", "v2", "staged", previous="v1", publish_attempts=2, publish_error="full", accepted_by="ana"
    )
    assert look("publish-given-up") == []
    past.sql(
        "UPDATE lastgood.dataset_version SET state = 'failed', publish_attempts = 3 WHERE version = 'v2'"
    )
    alert = only(look("publish-given-up"))
    assert "in 0 of 3 rounds of recovery; the next is to come. 3 attempts failed in all" in alert.cause
    past.run("toy", hours=9)
    past.run("toy", "fail", hours=1)
    past.sql("UPDATE lastgood.pipeline_run SET failed_step = %(step)s WHERE version = 'v2'", step=failed_step)
    assert only(look("publish-given-up")).fingerprint == alert.fingerprint


# --- runs ---


def test_a_day_without_a_run_does_not_mend_groups_that_failed(past: Past, look: Look) -> None:
    past.run("toy", "ok", hours=60, discover={"groups": 10, "groups_failed": 0})
    past.run("toy", "ok", hours=30, discover={"groups": 10, "groups_failed": 5})
    assert only(look("groups-failing"))
    past.run("toy", "ok", hours=1, discover={"groups": 10, "groups_failed": 0})
    assert look("groups-failing") == []


def test_groups_that_fail_are_counted_over_a_day(past: Past, look: Look) -> None:
    past.run("toy", "ok", hours=25, discover={"groups": 10, "groups_failed": 10})
    past.run("toy", "ok", hours=5, discover={"groups": 90, "groups_failed": 10, "extra": "x"})
    past.run("toy", "ok", hours=4, discover={"groups": 10, "groups_failed": 0})
    past.run("toy", "ok", hours=3, discover={"groups": "ten", "groups_failed": 9})
    assert look("groups-failing") == []
    past.run("toy", "fail", hours=2, **{"extract a": {"groups": 10, "groups_failed": 2}})
    assert (
        "12 of 110 groups of a day could not be formed (10.9 %); at most 10 %"
        in only(look("groups-failing")).cause
    )


def test_a_success_rate_below_95_percent_is_found_once_there_are_enough_runs(past: Past, look: Look) -> None:
    for hours in range(17):
        past.run("toy", "ok", hours=hours + 10)
    for hours in (9, 8):
        past.run("toy", "fail", hours=hours)
    assert look("success-rate") == [], "of 19 runs nothing is said"
    past.run("toy", "ok", hours=7)
    alert = only(look("success-rate"))
    assert alert.cause == (
        "18 of the last 20 scheduled runs succeeded (90.0 %); at least 95 % are expected, 98 % is the goal."
    )
    past.sql(
        "UPDATE lastgood.pipeline_run SET status = 'ok' WHERE started = %(at)s", at=NOW - timedelta(hours=9)
    )
    assert look("success-rate") == [], "95 % is not below 95 %"


# --- files ---


def test_files_of_latest_that_are_gone_cut_or_altered_are_found_until_they_are_back(
    store: Store, registry: Registry, look: Look
) -> None:
    manifest = toy.publish(store, registry, 3, day=1)
    assert look("file-damaged") == []
    (file,) = manifest.files
    path = Path(store.full(file.path))
    whole = path.read_bytes()
    path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    alert = only(look("file-damaged"))
    assert f"{file.path} was written at" in alert.cause and "other bytes" in alert.cause
    path.write_bytes(whole[:-1])
    assert (
        f"{file.path} has {len(whole) - 1} bytes instead of {len(whole)}" in only(look("file-damaged")).cause
    )
    path.unlink()
    assert f"{file.path} is missing" in only(look("file-damaged")).cause
    path.write_bytes(whole)
    assert look("file-damaged") == []


def test_damage_of_the_version_before_latest_is_found_since_it_is_the_way_back(
    store: Store, registry: Registry, look: Look
) -> None:
    (before,) = toy.publish(store, registry, 3, day=1).files
    latest = toy.publish(store, registry, 4, day=2)
    Path(store.full(before.path)).unlink()
    alert = only(look("file-damaged"))
    assert alert.cause.startswith("of the version before latest, ") and alert.cause.count("missing") == 1
    toy.lose(store, latest.files[0].path)
    cause = only(look("file-damaged")).cause
    assert cause.startswith(f"of latest, {latest.version}: ") and cause.count("missing") == 2


def test_damage_that_is_known_stays_found_while_bytes_are_otherwise_read_for_an_hour(
    store: Store, registry: Registry
) -> None:
    (file,) = toy.publish(store, registry, 3, day=1).files
    Path(store.full(file.path)).write_bytes(bytes(file.bytes))
    late = watch.Inspection(
        registry=registry,
        store=store,
        thresholds=thresholds.load(),
        now=store.modified(file.path) + timedelta(hours=2),
        backup=None,
        folders={},
        specs=SPECS,
    )
    assert list(watch.file_damaged(late)) == []
    (found,) = watch.file_damaged(replace(late, now=store.modified(file.path)))
    episodes.note(registry, found, lambda _told: timedelta(hours=1))
    assert "other bytes" in only(list(watch.file_damaged(late))).cause


# --- the system ---


def test_a_disk_that_is_nearly_full_is_found_once_however_many_folders_it_holds(
    store: Store, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {"temporary files": tmp_path, "logs": tmp_path / "not" / "yet" / "there"}
    for free, found in ((20, False), (19, True)):
        usage = SimpleNamespace(total=100 * 10**9, free=free * 10**9)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, usage=usage: usage)
        alerts = look("disk-low", None, folders)
        if not found:
            assert alerts == []
        else:
            alert = only(alerts)
            assert (alert.source, alert.what) == ("lastgood", "store")
            assert "19.0 of 100.0 GB free (19 %); at least 20 %" in alert.cause


def test_a_backup_that_is_too_old_is_found_where_backups_are_set_up(
    store: Store, past: Past, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.latest("toy", "v1", hours=27)
    assert look("backup-old") == [], "not set up"
    assert (
        "There is no verified backup, and data have been published for 1 day 3 hours; at most 26 hours"
        in only(look("backup-old", store)).cause
    )
    for hours, found in ((26, False), (27, True)):
        backup = SimpleNamespace(
            taken_at=NOW - timedelta(hours=hours), age=lambda now, hours=hours: timedelta(hours=hours)
        )
        monkeypatch.setattr(watch.backups, "newest", lambda _root, backup=backup: backup)
        alerts = look("backup-old", store)
        assert (["1 day 3 hours ago" in alert.cause for alert in alerts]) == ([True] if found else [])


def test_a_first_backup_is_waited_for(store: Store, past: Past, look: Look) -> None:
    past.latest("toy", "v1", hours=25)
    assert look("backup-old", store) == []


# --- all of them ---


def test_a_rule_that_fails_is_named_and_does_not_stop_the_others(
    registry: Registry, store: Store, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.latest("toy", "v1", hours=50)
    monkeypatch.delitem(watch.RULES, "file-damaged")  # type: ignore[arg-type] # v1 is in the registry only

    def fails(_path: object) -> None:
        raise PermissionError("token=abc123 is not allowed")

    monkeypatch.setattr(shutil, "disk_usage", fails)
    found = watch.observe(registry, store, thresholds.load(), NOW, None, specs=SPECS)
    assert [alert.kind for alert in found.alerts] == ["stale"]
    assert found.failed_rules.keys() == {"disk-low"} and "PermissionError" in found.failed_rules["disk-low"]
    assert "abc123" not in found.failed_rules["disk-low"]
    assert found.seen == watch.RULES.keys() - {"disk-low", "late"}
    assert found.found == {"stale": 1}


def test_the_same_trouble_keeps_its_fingerprint_at_each_look(
    registry: Registry, store: Store, past: Past
) -> None:
    past.latest("toy", "v1", hours=50)
    first, second = (
        next(
            alert
            for alert in watch.observe(registry, store, thresholds.load(), at, None, specs=SPECS).alerts
            if alert.kind == "stale"
        )
        for at in (NOW, NOW + timedelta(minutes=5))
    )
    assert first.fingerprint == second.fingerprint and first.occurrence != second.occurrence


def test_an_import_error_that_was_not_seen_for_ten_minutes_is_left_out(
    registry: Registry, past: Past
) -> None:
    for name, minutes, over in (("new", 9, None), ("old", 11, None), ("over", 1, NOW)):
        past.sql(
            "INSERT INTO lastgood.alert (fingerprint, kind, source, severity, title, occurrence, first_seen, "
            "last_seen, recovered_at, message) "
            "VALUES (%(name)s, 'import-error', 'x', 'critical', 't', 'o', %(at)s, %(at)s, %(over)s, '{}')",
            name=name,
            at=NOW - timedelta(minutes=minutes),
            over=over,
        )
    assert watch.import_errors(registry, thresholds.load(), NOW) == {"new"}


def test_what_waits_for_an_operator_is_told_once_however_many_wait(look: Look, past: Past) -> None:
    past.latest("toy", "v1", hours=30)
    past.run("toy", "skipped", hours=1)
    why = "held: ana rolled back from v2 at 2026-11-19 12:00 UTC: trial counts doubled"
    for hours, version in ((20, "v3"), (4, "v4")):
        past.version("toy", version, "held", hours=hours, previous="v1", publish_error=why)
    past.version("toy", "v0", "held", hours=40, previous="gone", publish_error=why)
    assert only(look("held")).cause == (
        "Version v4 passed its checks and waits for 4 hours (so do 1 older ones). ana rolled back from v2 at "
        "2026-11-19 12:00 UTC: trial counts doubled."
    )


@pytest.mark.parametrize(
    ("hours", "run_type", "published", "late"),
    [
        (8.1, "scheduled", True, True),
        (8.1, "manual", True, True),
        (7.9, "scheduled", True, False),
        (99, "backfill", True, False),
        (99, "scheduled", False, False),  # the first run of a source may take days
    ],
)
def test_a_run_that_is_not_done_as_promised_is_late(
    look: Look, past: Past, hours: float, run_type: str, published: bool, late: bool
) -> None:
    if published:
        past.latest("toy", "v0", hours=20)
        past.run("toy", "ok", hours=20, promote={"latest": "v0"})
    past.run("toy", None, hours=hours, run_id="slow", run_type=run_type)
    found = look("late")
    assert [(alert.source, alert.run_id) for alert in found] == ([("toy", "slow")] if late else [])
    if late:
        assert only(found).cause.endswith("None of its steps has come to an end.")


def test_a_late_run_says_how_far_it_has_come(look: Look, past: Past) -> None:
    past.latest("toy", "v0", hours=20)
    past.run("toy", "ok", hours=20, promote={"latest": "v0"})
    at = (NOW - timedelta(hours=5)).isoformat()
    before = (NOW - timedelta(hours=30)).isoformat()  # of the try before it was cleared
    steps = {"build": {"started": before, "seconds": 9.0}, "extract": {"started": at, "seconds": 3600.0}}
    past.run("toy", None, hours=9, run_id="slow", **steps)
    assert only(look("late")).cause.endswith("Its last step that came to an end was extract, 4 hours ago.")
    failed = {"extract": {"started": at, "seconds": 0.0, "error": "OSError: away.", "tried_again": True}}
    past.sql("UPDATE lastgood.pipeline_run SET steps = %(steps)s WHERE run_id = 'slow'", steps=Jsonb(failed))
    assert only(look("late")).cause.endswith(
        "extract failed 5 hours ago and is to be tried again. It said: OSError: away."
    )


def test_runs_that_must_be_over_and_were_never_closed_end_as_failed(registry: Registry, past: Past) -> None:
    late = {"extract": {"started": (NOW - timedelta(hours=11)).isoformat()}}
    past.run("toy", None, hours=13, run_id="dead")
    past.run("toy", None, hours=11, run_id="alive")
    past.run("toy", None, hours=99, run_id="cleared", **late)
    past.run("toy", "ok", hours=99, run_id="done")
    past.run("lastgood_watch", None, hours=3, run_id="killed")
    closed = run_log.end_dead(registry, {"toy": timedelta(hours=12)}, timedelta(hours=2), NOW)
    assert closed == ["lastgood_watch killed", "toy dead"]
    ended = past.sql("SELECT run_id, ended FROM lastgood.pipeline_run WHERE status = 'fail' ORDER BY run_id")
    assert ended == [{"run_id": "dead", "ended": NOW}, {"run_id": "killed", "ended": NOW}]
    assert run_log.end_dead(registry, {"toy": timedelta(hours=12)}, timedelta(hours=2), NOW) == []
