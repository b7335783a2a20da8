"""The doctor on registries and stores in which something is wrong: what it says, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from include.alerting import episodes
from include.monitoring import doctor, heartbeat
from include.monitoring.doctor import Finding, Inspection
from include.registry import connection, run_log
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store
from tests import toy

NOW = datetime.now(UTC)


@pytest.fixture
def look(
    registry: Registry, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Inspection]:
    """A deployment in which all is well; what is given replaces a part."""
    monkeypatch.setenv("LASTGOOD_ENV", "test")
    monkeypatch.delenv("LASTGOOD_TEST_HOME", raising=False)
    heartbeat.beat(store, NOW, code_version="1", findings=0, complete=True)

    def make(**changed: Any) -> Inspection:
        backup = Store.from_uri((tmp_path / "elsewhere").as_uri())
        parts = {"registry": registry, "store": store, "backup": backup, "now": NOW, "specs": {}}
        return Inspection(**{**parts, **changed})

    return make


def found(look: Inspection, level: str = "wrong") -> dict[str, str]:
    """What was found of a level, with its remedy."""
    return {each.what: f"{each.says} {each.remedy}" for each in doctor.examine(look) if each.level == level}


def test_where_all_is_well_every_look_says_so(look: Callable[..., Inspection]) -> None:
    findings = doctor.examine(look())
    assert {each.level for each in findings} == {"well"}, list(doctor.lines(findings))
    assert {each.what for each in findings} >= {
        *("registry", "revision", "rights", "clock", "store and registry", "watch", "store", "backup"),
    }


def test_a_registry_that_is_away_is_one_finding_and_the_store_is_looked_at_all_the_same(
    look: Callable[..., Inspection],
) -> None:
    away = look(registry=Registry(lambda: psycopg.connect("postgresql:///x?host=/nowhere")))
    bad = found(away)
    assert list(bad) == ["registry"]
    assert "does not answer" in bad["registry"] and "AIRFLOW_CONN_LASTGOOD_REGISTRY" in bad["registry"]
    assert "store" in found(away, "well")


def test_the_schemas_revision_is_compared_with_the_release(
    look: Callable[..., Inspection], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.schema_version SET version_num = '0002'")
    assert f"this release needs {connection.revisions()[-1]}" in found(look(), "advice")["revision"]
    with registry.transaction() as cursor:
        cursor.execute("UPDATE lastgood.schema_version SET version_num = '9999'")
    assert "Deploy a release at least as new" in found(look())["revision"]


def test_an_empty_database_needs_no_more_than_the_right_to_make_schemas(
    look: Callable[..., Inspection], postgres: str
) -> None:
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute("CREATE DATABASE empty_one")
    try:
        empty = look(registry=Registry(lambda: psycopg.connect(postgres, dbname="empty_one")), specs={})
        assert "has no schema yet" in found(empty, "advice")["revision"]
        assert "registry" in found(empty, "well") and "rights" in found(empty, "well")
    finally:
        with psycopg.connect(postgres, autocommit=True) as server:
            server.execute("DROP DATABASE empty_one WITH (FORCE)")


@pytest.fixture
def poor(dsn: str, postgres: str) -> Iterator[Registry]:
    """The registry as a user sees it who was granted nothing."""
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute("CREATE ROLE poor LOGIN")
    yield Registry(lambda: psycopg.connect(make_conninfo(dsn, user="poor")))
    with psycopg.connect(dsn, autocommit=True) as server:
        server.execute("DROP OWNED BY poor")
        server.execute("DROP ROLE poor")


def test_each_right_that_is_missing_comes_with_the_sentence_that_grants_it(
    look: Callable[..., Inspection], poor: Registry, dsn: str
) -> None:
    said = [
        f"{each.says} {each.remedy}" for each in doctor.rights(look(registry=poor)) if each.level == "wrong"
    ]
    assert any("GRANT CREATE ON DATABASE" in each for each in said)
    assert any("GRANT USAGE, CREATE ON SCHEMA lastgood TO poor" in each for each in said)
    assert any("belong to another user than poor" in each for each in said)
    assert any("ALTER ROLE poor CREATEDB" in each for each in said)
    with psycopg.connect(dsn, autocommit=True) as owner:
        (name,) = owner.execute("SELECT current_user").fetchone() or ("",)
        owner.execute(f"GRANT {name} TO poor")
        (database,) = owner.execute("SELECT current_database()").fetchone() or ("",)
        owner.execute(f"GRANT CREATE ON DATABASE {database} TO poor")
    left = [each.remedy for each in doctor.rights(look(registry=poor)) if each.level == "wrong"]
    assert left == ["ALTER ROLE poor CREATEDB; or set the connection lastgood_scratch to an empty database."]
    assert [each.level for each in doctor.rights(look(registry=poor, scratch=True))] == ["well"]
    assert [each.level for each in doctor.rights(look(registry=poor, backup=None))] == ["well"]


@pytest.mark.parametrize(("seconds", "level"), [(0, "well"), (20, "advice"), (-90, "wrong")])
def test_a_clock_that_is_wrong_is_told_by_the_database(
    look: Callable[..., Inspection], monkeypatch: pytest.MonkeyPatch, seconds: int, level: str
) -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=seconds)

    monkeypatch.setattr(doctor, "datetime", Wrong)
    (finding,) = doctor.clock(look())
    assert finding.level == level
    if seconds:
        assert f"{abs(seconds)} seconds apart" in finding.says and "NTP" in finding.remedy


def test_a_store_of_another_registry_is_named(
    look: Callable[..., Inspection], store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 3, day=1)
    assert found(look()) == {}
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM lastgood.latest")
    assert "lastgood_root or lastgood_registry" in found(look())[f"store and registry, {toy.SOURCE}"]


def test_a_registry_whose_latest_the_store_does_not_have_is_named(
    look: Callable[..., Inspection], store: Store, registry: Registry, tmp_path: Path
) -> None:
    toy.publish(store, registry, 3, day=1)
    empty = Store.from_uri((tmp_path / "empty").as_uri())
    bad = found(look(store=empty, watching=True))
    assert "has no manifest of it" in bad[f"store and registry, {toy.SOURCE}"]


@pytest.mark.parametrize("act", ["write_bytes", "read_bytes", "list", "delete"])
def test_what_a_store_does_not_allow_is_said_with_what_to_grant(
    look: Callable[..., Inspection], store: Store, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    real = getattr(store, act)

    def refuse(*arguments: Any) -> Any:
        if act == "list" or "doctor-" in str(arguments[0]):
            raise PermissionError("403 Forbidden")
        return real(*arguments)

    monkeypatch.setattr(store, act, refuse)
    said = found(look(watching=True))["store"]
    doing = {"write_bytes": "written", "read_bytes": "read", "list": "listed", "delete": "deleted"}[act]
    assert f"a file cannot be {doing}: PermissionError: 403 Forbidden" in said and "security.md" in said


def test_the_doctor_leaves_nothing_behind_in_the_store(look: Callable[..., Inspection], store: Store) -> None:
    before = store.list("monitoring")
    doctor.examine(look())
    assert store.list("monitoring") == before


def test_roots_that_cannot_be_opened_and_one_within_the_other_are_named(
    look: Callable[..., Inspection], store: Store
) -> None:
    bad = found(look(store="ValueError: the Variable lastgood_root is None", backup="OSError: no bucket"))
    assert "AIRFLOW_VAR_LASTGOOD_ROOT" in bad["store"] and "no bucket" in bad["backup"]
    inner = Store.from_uri(f"{store.uri}/backup")
    assert "lies in the store" in found(look(backup=inner))["backup"]
    assert "No backup is taken" in found(look(backup=None), "advice")["backup"]


def begin(registry: Registry, source: str, *, hours_ago: float = 1, status: Any = None) -> None:
    at = NOW - timedelta(hours=hours_ago)
    run_log.start(
        registry,
        source=source,
        version=f"{source}-{hours_ago}",
        dag_id=source,
        run_id=f"scheduled__{hours_ago}",
        interval_start=at,
        interval_end=at,
        env="test",
        code_version="1",
    )
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.pipeline_run SET started = %s WHERE version = %s", (at, f"{source}-{hours_ago}")
        )
    if status:
        run_log.end(registry, source, f"{source}-{hours_ago}", status, failed_step="extract")


def of_ctgov(look: Callable[..., Inspection], **changed: Any) -> Finding:
    specs = {"ctgov": sources.spec("ctgov")}
    (finding,) = (
        each for each in doctor.published(look(specs=specs, **changed)) if each.what == "source ctgov"
    )
    return finding


def test_a_source_that_was_never_published_says_why_and_what_to_do(
    look: Callable[..., Inspection], registry: Registry
) -> None:
    first = of_ctgov(look)
    assert (first.level, first.remedy) == ("advice", "Trigger the DAG ctgov, or wait for its schedule.")
    asleep = of_ctgov(look, paused={"ctgov": True})
    assert asleep.level == "wrong" and "paused. Nothing of it was ever published." in asleep.says
    assert asleep.remedy == "Unpause the DAG ctgov."
    assert "no DAG ctgov" in of_ctgov(look, paused={"ctgov": None}).says
    assert of_ctgov(look, paused={"ctgov": True}, without_host=frozenset({"ctgov"})).level == "well"
    begin(registry, "lastgood_watch", hours_ago=72)
    waited = of_ctgov(look)
    assert waited.level == "wrong" and "has not run in 3 days" in waited.says
    begin(registry, "ctgov", hours_ago=2)
    assert of_ctgov(look).level == "well", "its first run goes on"
    run_log.end(registry, "ctgov", "ctgov-2", "fail", failed_step="extract")
    failed = of_ctgov(look)
    assert failed.level == "wrong" and "as fail at extract" in failed.says and "scheduled__2" in failed.remedy


def test_a_watch_that_does_not_run_is_told_to_who_asks(look: Callable[..., Inspection], store: Store) -> None:
    heartbeat.beat(store, NOW - timedelta(hours=2), code_version="1", findings=0, complete=True)
    assert "It has not run for 2 hours. Unpause the DAG lastgood_watch" in found(look())["watch"]
    assert "watch" not in found(look(watching=True)), "it is the watch that looks"


def test_a_deployment_without_a_name_and_a_variable_that_nothing_reads_are_told(
    look: Callable[..., Inspection], monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = look()
    monkeypatch.setenv("LASTGOOD_ENV", "")
    monkeypatch.setenv("LASTGOOD_COMIT", "abc")
    said = [each.says for each in doctor.names(ready)]
    assert any("unnamed" in each for each in said) and "Nothing reads LASTGOOD_COMIT." in said


def test_a_check_that_fails_is_a_finding_and_stops_no_other(look: Callable[..., Inspection]) -> None:
    def broken(look: Inspection) -> Iterator[Finding]:
        raise RuntimeError("what nobody foresaw")
        yield

    unchecked, good = doctor.safely({"one": broken, "environment": doctor.names}, look())
    assert (unchecked.level, unchecked.says) == ("unchecked", "RuntimeError: what nobody foresaw")
    assert good.level == "well"


FINDINGS = [
    doctor.well("clock"),
    doctor.advice("backup", "No backup is taken.", "Set a second root."),
    doctor.wrong("channels", "None is set up.", "Set one."),
    doctor.wrong("channels", "password=hunter2", "Mend it."),
    doctor.well("store"),
]


def test_what_is_wrong_comes_first_with_its_remedy_below() -> None:
    assert [line for _, line in doctor.lines(FINDINGS)] == [
        "WRONG (2)",
        "  channels: None is set up.",
        "    → Set one.",
        "  channels: password=hunter2",
        "    → Mend it.",
        "BETTER OTHERWISE (1)",
        "  backup: No backup is taken.",
        "    → Set a second root.",
        "WELL (2)",
        "  clock, store",
    ]


def test_all_that_is_wrong_is_one_alert_without_secrets_and_advice_is_none(registry: Registry) -> None:
    alert = doctor.alert(FINDINGS, NOW)
    assert alert is not None
    assert alert.cause.startswith("2 things are not as the promises need it: channels")
    assert "None is set up. Set one." in alert.facts["channels"] and "hunter2" not in str(alert)
    assert episodes.note(registry, alert, lambda _: timedelta(hours=1)).notify == "first"
    assert doctor.alert(FINDINGS[:2], NOW) is None


def test_it_looks_once_a_day_and_every_hour_while_something_is_wrong(store: Store) -> None:
    assert doctor.is_due(doctor.last_record(store), NOW)
    doctor.keep(store, FINDINGS[:2], NOW, "me")
    record = doctor.last_record(store)
    assert record is not None and record.findings == tuple(FINDINGS[:2])
    assert [doctor.is_due(record, NOW + timedelta(hours=hours)) for hours in (2, 25)] == [False, True]
    bad = doctor.keep(store, FINDINGS, NOW, "me")
    assert [doctor.is_due(bad, NOW + timedelta(minutes=minutes)) for minutes in (30, 61)] == [False, True]
    store.write_bytes(doctor.KEY, b"{")
    assert doctor.last_record(store) is None
