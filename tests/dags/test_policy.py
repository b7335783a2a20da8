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
DECISIONS = {"lastgood_accept", "lastgood_rollback", "lastgood_rebuild_registry"}
FILES = sorted((ROOT / "dags").rglob("*.py"))


def test_there_are_exactly_the_expected_dags(dags: dict[str, Any]) -> None:
    assert set(dags) == set(sources.names()) | DECISIONS
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
        assert any(isinstance(c, AlertNotifier) for c in _list(dag.on_failure_callback)), dag_id
        assert dag.dagrun_timeout and dag.doc_md and "lastgood" in dag.tags, dag_id
        for task in dag.tasks:
            assert task.owner not in ("", "airflow"), task.task_id
            assert task.execution_timeout and task.execution_timeout < dag.dagrun_timeout, task.task_id
            assert any(isinstance(c, AlertNotifier) for c in _list(task.on_failure_callback)), task.task_id


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


def test_parsing_the_dag_files_imports_nothing_heavy() -> None:
    import os
    import subprocess
    import sys

    code = (
        "import airflow.sdk, sys; before = set(sys.modules)\n"
        "import clinical, ctgov, pubchem, sofascore, operations.decisions\n"
        "heavy = {'pyarrow', 'duckdb', 'pandas', 'soda_core', 'requests', 'psycopg', 'sqlalchemy', 'alembic'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    path = os.pathsep.join(str(ROOT / part) for part in ("dags", "plugins", ""))
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list | tuple) else [value]
