"""Retention as a task: every source by its own policy, a list only where that is asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.registry.registry import Registry
from include.sources import source as sources
from include.sources.source import Retention
from include.storage.store import Store
from tests import toy
from tests.publishing import quick

pytestmark = pytest.mark.usefixtures("airflow_connections")


@pytest.fixture(autouse=True)
def two_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """toy, and before it one whose policy cannot be followed."""
    spec = sources.spec("ctgov")
    policies = {"broken": Retention(versions=1), toy.SOURCE: Retention(versions=2)}
    monkeypatch.setattr(sources, "names", lambda: list(policies))
    monkeypatch.setattr(sources, "spec", lambda name: replace(spec, name=name, retention=policies[name]))


def run(source: str | None = None, *, dry_run: bool = False, user: str | None = "ann") -> Any:
    from lastgood.operators.retention import RetentionOperator

    context: Any = {
        "ti": SimpleNamespace(try_number=1, max_tries=0),
        "dag_run": SimpleNamespace(
            run_id="manual__1",
            run_after=toy.START,
            data_interval_start=None,
            data_interval_end=None,
            run_type="manual",
            triggering_user_name=user,
        ),
        "params": {"dry_run": dry_run, "source": source},
    }
    return RetentionOperator(task_id="retention").execute(context)


def actions(registry: Registry) -> list[dict[str, Any]]:
    with registry.transaction() as cursor:
        cursor.execute("SELECT who, what, version FROM lastgood.action")
        return cursor.fetchall()


def test_a_dry_run_only_lists_and_a_real_one_keeps_who_asked(
    store: Store, registry: Registry, alert_log: Path
) -> None:
    published = [quick.publish(store, registry, 3 + day, day=day) for day in range(3)]
    alert_log.parent.mkdir(parents=True)
    alert_log.write_bytes(b"x" * 10_000_001)
    facts = run(toy.SOURCE, dry_run=True)
    assert facts["toy"]["versions"] == 1 and facts["toy"]["bytes"] > 0
    assert len(registry.versions(toy.SOURCE)) == 3 and actions(registry) == [] and alert_log.exists()
    store.write_bytes("alerts/told/2020-01-01/093000-aa.jsonl", b"{}")
    facts = run(toy.SOURCE)
    assert facts["log_rotated"] is True and facts["told_files"] == 1
    assert [each.version for each in registry.versions(toy.SOURCE)] == [m.version for m in published[:0:-1]]
    assert actions(registry) == [{"who": "ann", "what": "retain", "version": published[0].version}]
    assert alert_log.with_name("alerts.jsonl.1").exists()


def test_a_source_that_fails_does_not_keep_the_others_from_theirs(
    store: Store, registry: Registry, alert_log: Path
) -> None:
    for day in range(3):
        quick.publish(store, registry, 3 + day, day=day)
    with pytest.raises(AirflowFailException, match="failed for 1 sources: broken would keep 1 versions"):
        run(user=None)
    assert len(registry.versions(toy.SOURCE)) == 2
    assert actions(registry)[0]["who"] == "DAG run manual__1"
