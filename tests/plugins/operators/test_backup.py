"""The backup as a task: skipped with a sentence where it is not set up, and its figures stand in the run log."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from psycopg.conninfo import conninfo_to_dict

from include.operations import backup
from include.registry import dump, run_log
from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy
from tests.publishing import quick

pytestmark = pytest.mark.usefixtures("airflow_connections")


def run() -> Any:
    from lastgood.operators.backup import BackupOperator

    context: Any = {
        "dag_run": SimpleNamespace(
            run_id="scheduled__1",
            run_after=toy.START,
            data_interval_start=toy.START - timedelta(days=1),
            data_interval_end=toy.START,
            run_type="scheduled",
        ),
        "params": {},
        "ti": SimpleNamespace(try_number=1, max_tries=0),
    }
    operator = BackupOperator(task_id="backup")
    return operator.execute(context)


def test_without_a_second_root_it_is_skipped_and_says_what_to_set(registry: Registry) -> None:
    with pytest.raises(AirflowSkipException, match="set the Variable lastgood_backup_root"):
        run()
    assert run_log.runs(registry) == []


def test_a_backup_is_taken_and_its_figures_stand_in_the_run_log(
    store: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_BACKUP_ROOT", (tmp_path / "second").as_uri())
    quick.publish(store, registry, 3, day=1)
    facts = run()
    made = backup.newest(Store.from_uri((tmp_path / "second").as_uri()))
    assert made is not None and (facts["stamp"], facts["files"], facts["rows"]) == (made.stamp, 1, made.rows)
    assert facts["took"].keys() == {"dump", "copy", "verify"}
    (logged,) = run_log.runs(registry)
    assert logged["status"] == "ok" and logged["steps"]["backup"]["stamp"] == made.stamp


def test_a_backup_counts_although_the_task_fails_for_what_is_damaged_beside_latest(
    store: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_BACKUP_ROOT", (tmp_path / "second").as_uri())
    first = quick.publish(store, registry, 3, day=1)
    quick.publish(store, registry, 4, day=2)
    store.write_bytes(first.files[0].path, b"?")
    with pytest.raises(AirflowFailException, match=rf"is good, but .*{first.files[0].path} was altered"):
        run()
    made = backup.newest(Store.from_uri((tmp_path / "second").as_uri()))
    assert made is not None and len(made.damaged) == 1
    (logged,) = run_log.runs(registry)
    assert logged["status"] == "fail" and made.stamp in logged["steps"]["backup"]["error"]


def test_the_scratch_database_is_the_one_the_connection_names(
    store: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_LASTGOOD_BACKUP_ROOT", (tmp_path / "second").as_uri())
    parts = conninfo_to_dict(dsn)
    scratch = {"conn_type": "postgres", "host": parts["host"], "login": parts["user"]}
    # The registry itself, which is refused: so the connection was used.
    monkeypatch.setenv("AIRFLOW_CONN_LASTGOOD_SCRATCH", json.dumps({**scratch, "schema": parts["dbname"]}))
    quick.publish(store, registry, 3, day=1)
    with pytest.raises(dump.NoScratch, match="must not touch"):
        run()
    (logged,) = run_log.runs(registry)
    assert (logged["status"], logged["failed_step"]) == ("fail", "backup")
