"""Policy: what holds for every DAG, whoever adds one."""

from __future__ import annotations

import ast
import re
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
    for name in (
        "accept",
        "rollback",
        "hold",
        "release",
        "rebuild_registry",
        "retry",
        "pin",
        "replay",
        "verify",
    )
}
DOCTOR = "lastgood_doctor"
FILES = sorted((ROOT / "dags").rglob("*.py"))


def test_there_are_exactly_the_expected_dags(dags: dict[str, Any]) -> None:
    assert set(dags) == set(sources.names()) | OPERATIONS | DECISIONS | {DOCTOR}
    assert {"comments", "ctgov", "pubchem", "clinical", "sofascore"} <= set(dags)


def steps_of(source: str) -> list[str]:
    spec, exports = sources.spec(source), sources.exports(source)
    extract = [] if spec.derived else ["extract"]
    discover = ["discover"] if spec.units else []
    return ["probe", *discover, *extract, "build", "gate", "promote", *(["export"] if exports else [])]


def test_only_a_derived_source_has_no_extract_and_others_export_where_they_have_other_forms() -> None:
    assert steps_of("pubchem") == ["probe", "extract", "build", "gate", "promote"]
    assert steps_of("sofascore") == ["probe", "discover", "extract", "build", "gate", "promote"]
    assert steps_of("clinical") == ["probe", "build", "gate", "promote", "export"]
    assert steps_of("comments_weekly") == steps_of("clinical")


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
    timetable = "AssetTriggeredTimetable" if spec.follows_inputs else "CronDataIntervalTimetable"
    assert type(dag.timetable).__name__ == timetable
    assert dag.dagrun_timeout == spec.run_timeout
    for task in dag.tasks:
        assert task.pool == "default_pool", task.task_id
        assert task.depends_on_past is False


@pytest.mark.parametrize("source", [name for name in sources.names() if not sources.spec(name).derived])
def test_steps_that_ask_an_upstream_wait_for_their_turn_and_take_no_workers_meanwhile(
    dags: dict[str, Any], source: str
) -> None:
    from lastgood.operators.steps import AskingOperator

    for name in {"probe", "discover", "extract"} & set(dags[source].task_ids):
        task = dags[source].get_task(name)
        assert task.max_active_tis_per_dag == 1, name
        kind = getattr(task, "operator_class", type(task))
        assert issubclass(kind, AskingOperator), name


@pytest.mark.parametrize("source", [name for name in sources.names() if sources.spec(name).follows_inputs])
def test_a_source_without_a_schedule_runs_whenever_one_of_its_inputs_was_promoted(
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
        if dag_id == DOCTOR:  # which tells only who asked
            assert not dag.on_failure_callback and not dag.get_task("doctor").on_failure_callback
            continue
        assert _tell(dag.on_failure_callback, AlertNotifier) == ["failure"], dag_id
        # Of one task that runs every few minutes the task tells: a callback of the run is a process of its own.
        by_task = dag_id in OPERATIONS
        assert _tell(dag.on_success_callback, AlertNotifier) == ([] if by_task else ["success"]), dag_id
        assert dag.dagrun_timeout and dag.doc_md and "lastgood" in dag.tags, dag_id
        for task in dag.tasks:
            assert task.owner not in ("", "airflow"), task.task_id
            assert task.execution_timeout and task.execution_timeout < dag.dagrun_timeout, task.task_id
            assert _tell(task.on_failure_callback, AlertNotifier) == ["failure"], task.task_id
            told = ["promoted"] if task.task_id == "promote" else ["success"] if by_task else []
            assert _tell(task.on_success_callback, AlertNotifier) == told, task.task_id


def test_every_dag_of_the_house_says_what_it_is_for(dags: dict[str, Any]) -> None:
    house = [dags[dag_id] for dag_id in (*OPERATIONS, *DECISIONS)]
    for words in ("dag_display_name", "description", "doc_md"):
        said = [getattr(dag, words) for dag in house]
        assert all(said) and len(set(said)) == len(house), f"{words} is each DAG's own"
    for dag in house:
        assert dag.doc_md.strip().startswith(f"### {dag.dag_display_name}\n")
        assert "**It failed:**" in dag.doc_md, f"{dag.dag_id} does not say what to do where it failed"


def test_links_in_runbooks_lead_to_dags_that_there_are(dags: dict[str, Any]) -> None:
    from airflow.configuration import conf

    base = conf.get("api", "base_url", fallback="").rstrip("/")
    found = {
        (dag_id, target)
        for dag_id, dag in dags.items()
        for target in re.findall(r"\]\(([^)]*)\)", dag.doc_md)
        if not target.startswith("https://")
    }
    assert {target for _, target in found} == {
        f"{base}/dags/{name}" for name in ("comments", "ctgov", "pubchem")
    }
    assert {"comments", "ctgov", "pubchem"} <= dags.keys()


def test_only_a_decision_that_may_move_latest_tells_derived_sources(dags: dict[str, Any]) -> None:
    told = {dag_id for dag_id in DECISIONS if any(task.outlets for task in dags[dag_id].tasks)}
    assert told == {f"lastgood_{name}" for name in ("accept", "rollback", "release", "retry", "replay")}


def test_an_owner_leads_where_the_deployment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from lastgood.dag import _owner_links

    assert _owner_links("clinical-data") == {}
    monkeypatch.setenv("LASTGOOD_OWNER_LINK", "mailto:data@example.org")
    assert _owner_links("clinical-data") == {"clinical-data": "mailto:data@example.org"}
    monkeypatch.setenv("LASTGOOD_OWNER_LINK", "ask Ana")
    assert _owner_links("clinical-data") == {}, "Airflow would refuse every DAG"


def test_lateness_is_the_watchs_to_tell_and_no_dag_has_a_deadline_of_airflows(dags: dict[str, Any]) -> None:
    """Airflow 3.3 cannot clear a run whose deadline lies ahead; the watch also sees runs that were cleared."""
    assert not [dag_id for dag_id, dag in dags.items() if dag.deadline]
    for source in sources.names():
        assert sources.spec(source).done_within < dags[source].dagrun_timeout, (
            f"{source}: a run that is ended is not told of as late"
        )


def test_the_houses_own_dags_run_without_being_asked_to_and_those_of_sources_when_somebody_wants_them(
    dags: dict[str, Any],
) -> None:
    for dag_id in OPERATIONS | DECISIONS | {DOCTOR}:
        assert dags[dag_id].is_paused_upon_creation is False, dag_id
    assert {dags[source].is_paused_upon_creation for source in sources.names()} == {None}


def test_the_doctor_knows_every_dag_of_the_house() -> None:
    from lastgood import doctor

    assert {*doctor.SYSTEM_DAGS, doctor.BACKUP_DAG} == OPERATIONS
    assert set(doctor.FORM_DAGS) == DECISIONS | {DOCTOR}


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
    assert extract.is_mapped and extract.map_index_template == "{{ task.unit['label'] }}", "before it ends"
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
        f"import clinical, comments_weekly, ctgov, pubchem, sofascore, {operations}\n"
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
