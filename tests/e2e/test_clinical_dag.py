"""The DAGs pubchem and clinical as Airflow runs them, and what an operator's rollback brings along."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include import pipeline
from include.publishing import pointers
from include.publishing.pointers import Pointer
from include.registry import run_log
from include.registry.registry import Registry
from include.sources import source as sources
from include.sources.clinical.export import SITE
from include.storage.store import Store
from sandbox.ctgov.server import SampleUpstream as SampleCtgov
from sandbox.pubchem.server import SampleUpstream as SamplePubchem
from tests.sources.daily import START, DailyRuns

Run = Callable[..., subprocess.CompletedProcess[str]]
Events = Callable[[str], list[dict[str, Any]]]
Alike = Callable[[subprocess.CompletedProcess[str], str], None]
SIZE, SEED = 60, 5
NOWHERE = "http://127.0.0.1:9"
"""For DAGs that ask no upstream."""


def day(days: float) -> float:
    """So many days from now, as runs without Airflow count them: those of Airflow begin now."""
    return (datetime.now(UTC) - START) / timedelta(days=1) + days


@pytest.fixture
def pubchem() -> Iterator[SamplePubchem]:
    with SamplePubchem(size=SIZE, seed=SEED) as upstream:
        yield upstream


@pytest.fixture
def studies(store: Store, registry: Registry) -> str:
    """A version of ctgov that was published yesterday."""
    with SampleCtgov(size=SIZE, seed=SEED) as upstream:
        return DailyRuns("ctgov", store, registry, upstream).publish(day(-1)).version


@pytest.fixture
def events(asset_events: Events) -> Events:
    """What this test's runs told of a source's asset; Airflow is shared with other tests."""
    before = {source: len(asset_events(f"lastgood_{source}")) for source in sources.names()}
    return lambda source: asset_events(f"lastgood_{source}")[before[source] :]


@pytest.fixture
def triggers_clinical(
    airflow_database: dict[str, str], postgres: str
) -> Callable[[], AbstractContextManager[None]]:
    """A block in which something must make the scheduler run clinical next, as it does for a DAG that is not paused."""

    @contextmanager
    def block() -> Iterator[None]:
        with psycopg.connect(postgres, dbname="airflow_meta", autocommit=True) as airflow:
            airflow.execute("UPDATE dag SET is_paused = false WHERE dag_id = 'clinical'")
            yield
            queued = "DELETE FROM asset_dag_run_queue RETURNING target_dag_id"
            assert airflow.execute(queued).fetchall() == [("clinical",)]
            airflow.execute("UPDATE dag SET is_paused = true WHERE dag_id = 'clinical'")

    return block


def pointer(store: Store, source: str) -> Pointer:
    found = pointers.read_pointer(store, source)
    assert found is not None
    return found


def shown(store: Store) -> dict[str, Any]:
    """What readers of the table page get; every file of it is whole."""
    latest: dict[str, Any] = json.loads(store.read_bytes(f"{SITE}/latest.json"))
    for file in (latest["files"]["csv"], latest["files"]["jsonl"], *latest["files"]["parts"]):
        assert store.sha256(f"{SITE}/{file['path']}") == file["sha256"]
    return latest


def ok(ran: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    return ran


def test_pubchem_and_clinical_are_promoted_and_rollbacks_bring_site_and_derived_data_along(
    run_dag: Run,
    store: Store,
    registry: Registry,
    studies: str,
    pubchem: SamplePubchem,
    events: Events,
    triggers_clinical: Callable[[], AbstractContextManager[None]],
    told_alike: Alike,
) -> None:
    told_alike(ok(run_dag("pubchem", pubchem.url)), "pubchem")
    compounds = pointer(store, "pubchem")
    (event,) = events("pubchem")
    assert event["version"] == compounds.version
    assert event["rows"] == {table.name: table.rows for table in compounds.tables}
    assert event["rows"]["names"] > 0, "ctgov was there before"
    (run,) = run_log.runs(registry, "pubchem")
    assert (run["status"], set(run["steps"])) == ("ok", {"probe", "extract", "build", "gate", "promote"})

    told_alike(ok(run_dag("clinical", NOWHERE)), "clinical")
    first, built_from = pointer(store, "clinical"), {"ctgov": studies, "pubchem": compounds.version}
    assert registry.watermarks("clinical") == {"built_from": built_from}
    assert [event["version"] for event in events("clinical")] == [first.version]
    site = shown(store)
    assert (site["version"], site["built_from"]) == (first.version, built_from)
    (run,) = run_log.runs(registry, "clinical")
    assert (run["status"], set(run["steps"])) == ("ok", {"probe", "build", "gate", "promote", "export"})
    with registry.transaction() as cursor:
        cursor.execute("SELECT count(*) AS n FROM published.clinical_clinical_compound_trials")
        assert cursor.fetchone() == {"n": site["rows"]}

    DailyRuns("pubchem", store, registry, pubchem).publish(day(1))
    second = DailyRuns("clinical", store, registry).publish(day(1.1))
    pipeline.export(store, registry, "clinical")
    assert shown(store)["version"] == second.version
    ok(run_dag("lastgood_rollback", NOWHERE, source="clinical", to="previous", reason="wrong compounds"))
    assert pointer(store, "clinical").version == shown(store)["version"] == first.version
    assert [event["version"] for event in events("clinical")] == [first.version] * 2

    with triggers_clinical():
        ok(run_dag("lastgood_rollback", NOWHERE, source="pubchem", to="previous", reason="wrong compounds"))
    assert [event["version"] for event in events("pubchem")] == [compounds.version] * 2
    assert not events("ctgov"), "nothing was decided about ctgov"


def test_a_full_refresh_in_an_outage_leaves_latest_and_the_alert_says_why_and_what_consumers_see(
    run_dag: Run,
    store: Store,
    registry: Registry,
    pubchem: SamplePubchem,
    airflow_database: dict[str, str],
    events: Events,
) -> None:
    good = DailyRuns("pubchem", store, registry, pubchem).publish(day(-1))
    before, cursors = pointer(store, "pubchem"), registry.watermarks("pubchem")
    log = Path(airflow_database["AIRFLOW_HOME"]) / "logs" / "lastgood" / "alerts.jsonl"
    lines = len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0

    pubchem.faults([{"kind": "busy", "retry_after": None, "first": 20, "times": None}])
    ran = run_dag("pubchem", pubchem.url, full_refresh=True)
    assert ran.returncode == 1, ran.stdout[-4000:]

    assert pointer(store, "pubchem") == before and before.version == good.version
    assert registry.watermarks("pubchem") == cursors
    assert not events("pubchem")
    (run,) = run_log.runs(registry, "pubchem", limit=1)
    assert (run["status"], run["failed_step"]) == ("fail", "extract")
    (alert,) = map(json.loads, log.read_text(encoding="utf-8").splitlines()[lines:])
    assert alert["title"] == "pubchem: the upstream does not answer"
    assert "ServerBusy" in alert["cause"] and "503" in alert["cause"]
    assert alert["consumers"].startswith(f"Consumers keep reading version {good.version}, with data as of ")
