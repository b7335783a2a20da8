"""Policy: what holds for every DAG, whoever adds one."""

from __future__ import annotations

import ast
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from include.sources import source as sources

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = {f"lastgood_{name}" for name in ("watch", "recovery", "retention", "backup")}
DECISIONS = {
    f"lastgood_{name}"
    for name in ("accept", "rollback", "rebuild_registry", "retry", "pin", "replay", "verify")
}
FILES = sorted((ROOT / "dags").rglob("*.py"))


def test_there_are_exactly_the_expected_dags(dags: dict[str, Any]) -> None:
    assert set(dags) == set(sources.names()) | OPERATIONS | DECISIONS
    assert {"ctgov", "pubchem", "clinical", "sofascore"} <= set(dags)


def steps_of(source: str) -> list[str]:
    spec, exports = sources.spec(source), sources.exports(source)
    extract = [] if spec.derived else ["extract"]
    discover = ["discover"] if spec.units else []
    return ["probe", *discover, *extract, "build", "gate", "promote", *(["export"] if exports else [])]


def test_only_a_derived_source_has_no_extract_and_only_clinical_exports() -> None:
    assert steps_of("pubchem") == ["probe", "extract", "build", "gate", "promote"]
    assert steps_of("sofascore") == ["probe", "discover", "extract", "build", "gate", "promote"]
    assert steps_of("clinical") == ["probe", "build", "gate", "promote", "export"]


@pytest.mark.parametrize("source", sources.names())
def test_a_source_dag_goes_probe_extract_build_gate_promote_export(dags: dict[str, Any], source: str) -> None:
    dag = dags[source]
    for before, after in pairwise(steps_of(source)):
        assert after in dag.get_task(before).downstream_task_ids
    assert {task.task_id for task in dag.tasks} == {*steps_of(source), "watcher"}
    assert "gate" in dag.get_task("promote").get_flat_relative_ids(upstream=True)
    assert [asset.name for asset in dag.get_task("promote").outlets] == [f"lastgood_{source}"]
    assert all(not task.outlets for task in dag.tasks if task.task_id != "promote")


@pytest.mark.parametrize("source", sources.names())
def test_a_source_dag_ends_in_a_watcher_of_every_step(dags: dict[str, Any], source: str) -> None:
    watcher = dags[source].get_task("watcher")
    assert watcher.trigger_rule == "one_failed" and watcher.retries == 0
    assert watcher.upstream_task_ids == set(steps_of(source))
    assert not watcher.downstream_task_ids


@pytest.mark.parametrize("source", sources.names())
def test_a_source_dag_never_catches_up_nor_runs_twice_at_once(dags: dict[str, Any], source: str) -> None:
    dag, spec = dags[source], sources.spec(source)
    assert dag.catchup is False and dag.max_active_runs == 1
    timetable = "AssetTriggeredTimetable" if spec.derived else "CronDataIntervalTimetable"
    assert type(dag.timetable).__name__ == timetable
    assert dag.dagrun_timeout == spec.run_timeout
    for task in dag.tasks:
        assert task.pool == spec.pool, task.task_id
        assert task.depends_on_past is False


@pytest.mark.parametrize("source", [name for name in sources.names() if sources.spec(name).derived])
def test_a_derived_source_runs_whenever_one_of_its_inputs_was_promoted(
    dags: dict[str, Any], source: str
) -> None:
    condition = dags[source].timetable.asset_condition
    assert type(condition).__name__ in {"AssetAny", "SerializedAssetAny"}
    assert {asset.name for asset in condition.objects} == {
        f"lastgood_{name}" for name in sources.spec(source).inputs
    }


@pytest.mark.parametrize("source", sources.names())
def test_steps_are_retried_with_exponential_back_off(dags: dict[str, Any], source: str) -> None:
    for task in dags[source].tasks:
        if task.task_id != "watcher":
            assert task.retries >= 2, task.task_id
            assert task.retry_exponential_backoff
            assert timedelta(0) < task.retry_delay < task.max_retry_delay


def test_every_task_has_owner_timeout_and_alert_and_every_dag_an_alert_a_runbook_and_tags(
    dags: dict[str, Any],
) -> None:
    from lastgood.notifiers.alert import AlertNotifier

    for dag_id, dag in dags.items():
        assert _tell(dag.on_failure_callback, AlertNotifier) == ["failure"], dag_id
        assert _tell(dag.on_success_callback, AlertNotifier) == ["success"], dag_id
        assert dag.dagrun_timeout and dag.doc_md and "lastgood" in dag.tags, dag_id
        for task in dag.tasks:
            assert task.owner not in ("", "airflow"), task.task_id
            assert task.execution_timeout and task.execution_timeout < dag.dagrun_timeout, task.task_id
            assert _tell(task.on_failure_callback, AlertNotifier) == ["failure"], task.task_id
            warns = ["gate"] if task.task_id == "gate" else []
            assert _tell(task.on_success_callback, AlertNotifier) == warns, task.task_id


def test_every_scheduled_dag_has_a_deadline_that_is_told_of_and_the_decisions_of_a_person_have_none(
    dags: dict[str, Any],
) -> None:
    for dag_id, dag in dags.items():
        deadlines = _list(dag.deadline) if dag.deadline else []
        assert len(deadlines) == (dag_id not in DECISIONS), dag_id
        for deadline in deadlines:
            assert deadline.callback.path == "lastgood.notifiers.alert.AlertNotifier"
            assert deadline.callback.kwargs == {"on": "late"}
            assert deadline.interval < dag.dagrun_timeout, (
                f"{dag_id}: a run that is ended is not told of as late"
            )
    for source in sources.names():
        assert _list(dags[source].deadline)[0].interval == sources.spec(source).done_within


def test_an_operation_of_the_house_runs_on_a_schedule_alone_and_catches_nothing_up(
    dags: dict[str, Any],
) -> None:
    for dag_id in OPERATIONS:
        dag = dags[dag_id]
        assert type(dag.timetable).__name__ == "CronDataIntervalTimetable", dag_id
        assert dag.catchup is False and dag.max_active_runs == 1
        assert [task.task_id for task in dag.tasks] == [dag_id.removeprefix("lastgood_")]


@pytest.mark.parametrize("source", sources.names())
def test_what_a_person_may_ask_for_is_described_in_the_form(dags: dict[str, Any], source: str) -> None:
    for name in dags[source].params:
        param = dags[source].params.get_param(name)
        assert param.schema.get("title") and len(param.description or "") > 20, name


def test_the_ctgov_form_offers_full_refresh_since_and_limit(dags: dict[str, Any]) -> None:
    assert set(dags["ctgov"].params) == {"full_refresh", "since", "limit"}
    assert dict(dags["ctgov"].params) == {"full_refresh": False, "since": None, "limit": None}


def test_the_pubchem_form_offers_full_refresh_limit_and_names(dags: dict[str, Any]) -> None:
    assert dict(dags["pubchem"].params) == {"full_refresh": False, "limit": None, "names": 5000}


def test_the_sofascore_form_offers_a_part_to_make_anew(dags: dict[str, Any]) -> None:
    assert dict(dags["sofascore"].params) == {
        **dict.fromkeys(("competition", "season", "from", "to", "limit")),
        "full_refresh": False,
        "tolerate_failed": 0,
    }


def test_sofascore_extracts_season_by_season_and_builds_also_where_only_lists_changed(
    dags: dict[str, Any],
) -> None:
    extract, build = (dags["sofascore"].get_task(name) for name in ("extract", "build"))
    assert extract.is_mapped and extract.map_index_template == "{{ unit_label }}"
    assert build.trigger_rule == "none_failed_min_one_success"
    assert build.upstream_task_ids == {"discover", "extract"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_is_wiring_only(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert all(name.split(".")[0] in {"airflow", "lastgood", "datetime"} for name in imported), imported
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert "get" not in called, "a Variable or connection must not be read when a file is parsed"


def test_parsing_the_dag_files_and_loading_the_plugin_imports_nothing_heavy() -> None:
    import os
    import subprocess
    import sys

    operations = ", ".join(f"operations.{path.stem}" for path in FILES if path.parent.name == "operations")
    code = (
        "import airflow.sdk, sys; before = set(sys.modules)\n"
        f"import clinical, ctgov, pubchem, sofascore, {operations}\n"
        "heavy = {'pyarrow', 'duckdb', 'pandas', 'soda_core', 'requests', 'psycopg', 'sqlalchemy', 'alembic',"
        " 'aiosmtplib', 'asgiref', 'yaml'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))\n"
        "import airflow.listeners, airflow.plugins_manager; before = set(sys.modules)\n"
        "import lastgood_listener\n"
        "print(sorted(set(sys.modules) - before))"
    )
    path = os.pathsep.join(str(ROOT / part) for part in ("dags", "plugins", ""))
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    dags, plugin = ran.stdout.splitlines()[-2:]
    assert dags == "[]"
    assert plugin == "['lastgood_listener']", "every process of Airflow loads it"


def _tell(callbacks: Any, notifier: type[Any]) -> list[str]:
    return [callback.on for callback in _list(callbacks) if isinstance(callback, notifier)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list | tuple) else [value]
