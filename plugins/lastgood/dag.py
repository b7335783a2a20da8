"""What every source DAG has in common: steps, retries, timeouts, owner, alerts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

from airflow.configuration import conf
from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TriggerRule

from include.sources import source as sources
from lastgood.assets import DECIDED, asset_of
from lastgood.notifiers.alert import AlertNotifier
from lastgood.operators.decisions import DecisionOperator
from lastgood.operators.doctor import DoctorOperator
from lastgood.operators.operations import OperationOperator
from lastgood.operators.steps import (
    BuildOperator,
    DiscoverOperator,
    ExportOperator,
    ExtractOperator,
    GateOperator,
    ProbeOperator,
    PromoteOperator,
    WatcherOperator,
)

SYSTEM_OWNER = "lastgood"
MOVES_LATEST = {"accept", "rollback", "release", "retry", "replay"}
"""Decisions that may give a source another latest version, so that derived sources are told."""
START = datetime(2026, 1, 1, tzinfo=UTC)
NOTIFIES: dict[str, Any] = {
    "on_failure_callback": AlertNotifier("failure"),
    "on_success_callback": AlertNotifier("success"),
}
"""What every DAG notifies people of: that a run failed, and that all is well again. That one is late, the watch finds:
Airflow 3.3 cannot clear a run whose deadline of its own lies ahead (apache/airflow#70368)."""


def source_dag(source: str, doc_md: str, params: Mapping[str, Param] | None = None) -> DAG:
    """probe → discover → extract → build → gate → promote → export, and the watcher, for one source.

    A derived source has no extract, and without a schedule runs when one of its inputs was promoted; export is there
    where the source has other forms. Where its spec names units, discover finds them and extract is mapped over them.
    Everything that differs between sources stands in its spec; `doc_md` is the runbook, `params` are what a person may
    ask for when triggering a run.
    """
    spec = sources.spec(source)
    defaults: dict[str, Any] = {
        "owner": spec.owner,
        "retries": spec.retries,
        "retry_delay": spec.retry_delay,
        "retry_exponential_backoff": True,
        "max_retry_delay": spec.max_retry_delay,
        "execution_timeout": spec.step_timeout,
        "on_failure_callback": AlertNotifier("failure"),
    }
    with DAG(
        dag_id=spec.name,
        owner_links=_owner_links(spec.owner),
        dag_display_name=spec.title,
        description=f"{spec.title}: from its API to the last good dataset",
        doc_md=_linked(doc_md),
        schedule=_schedule(spec),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=spec.run_timeout,
        default_args=defaults,
        params=dict(params or {}),
        tags={"lastgood", "source", *spec.tags},
        **NOTIFIES,
    ) as dag:
        # One task at a time asks an upstream, by its lease: those of other runs need not hold a worker meanwhile.
        asks: dict[str, Any] = {"source": source, "max_active_tis_per_dag": 1}
        steps: list[Any] = [ProbeOperator(task_id="probe", **asks)]
        asks["execution_timeout"] = spec.extract_timeout
        build = BuildOperator(task_id="build", source=source)
        if spec.units:
            discover = DiscoverOperator(task_id="discover", **asks)
            mapped = ExtractOperator.partial(
                task_id="extract", map_index_template="{{ task.unit['label'] }}", **asks
            )
            steps += [discover, mapped.expand(unit=discover.output)]
            # Lists alone may have changed, and then there is no unit to ask for.
            build.trigger_rule = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
            discover >> build
        elif not spec.derived:
            steps.append(ExtractOperator(task_id="extract", **asks))
        steps += [
            build,
            GateOperator(task_id="gate", source=source),
            PromoteOperator(
                task_id="promote",
                source=source,
                asset=asset_of(source),
                on_success_callback=AlertNotifier("promoted"),
            ),
        ]
        if sources.exports(source):
            steps.append(ExportOperator(task_id="export", source=source))
        for before, after in pairwise(steps):
            before >> after
        steps >> WatcherOperator(task_id="watcher", trigger_rule=TriggerRule.ONE_FAILED, retries=0)
    return dag


def _linked(doc_md: str) -> str:
    """A runbook whose links to other DAGs, `[ctgov](dag:ctgov)`, lead there from whichever page shows it."""
    return doc_md.replace("](dag:", f"]({conf.get('api', 'base_url', fallback='').rstrip('/')}/dags/")


def _owner_links(owner: str) -> dict[str, str]:
    """Where the owner's name in the UI leads; Airflow refuses a DAG whose link is none."""
    link = os.environ.get("LASTGOOD_OWNER_LINK", "")
    return {owner: link} if link.startswith(("mailto:", "https://", "http://")) else {}


def _schedule(spec: sources.Spec) -> Any:
    if spec.schedule is None:
        return reduce(or_, map(asset_of, spec.inputs))
    return CronDataIntervalTimetable(spec.schedule, timezone=spec.timezone)


def _system_dag(name: str, doc_md: str, params: Mapping[str, Param] | None) -> dict[str, Any]:
    """What Lastgood's own DAGs have in common; title and description are the heading and first sentence of doc_md."""
    heading, _, rest = doc_md.strip().partition("\n")
    sentence = " ".join(rest.strip().partition("\n\n")[0].split()).partition(". ")[0]
    return {
        "dag_id": f"lastgood_{name}",
        "dag_display_name": heading.lstrip("# "),
        "description": sentence.rstrip(".").replace("*", "").replace("`", ""),
        "owner_links": _owner_links(SYSTEM_OWNER),
        "doc_md": doc_md,
        "params": dict(params or {}),
        "start_date": START,
        "catchup": False,
        "max_active_runs": 1,
        # So that a deployment of which nobody unpaused anything is told of, and a form does not wait in vain.
        "is_paused_upon_creation": False,
        "tags": {"lastgood", "operations"},
    }


def operation_dag(
    name: str,
    operator: type[OperationOperator],
    schedule: str,
    doc_md: str,
    params: Mapping[str, Param] | None = None,
    timeout: timedelta = timedelta(hours=1),
    retries: int = 0,
) -> DAG:
    """A DAG of Lastgood's own on a schedule (cron, UTC): one task, one run at a time, nothing caught up."""
    with DAG(
        schedule=CronDataIntervalTimetable(schedule, timezone="UTC"),
        dagrun_timeout=(retries + 1) * timeout + timedelta(minutes=10),
        default_args={
            "owner": SYSTEM_OWNER,
            "retries": retries,
            "retry_delay": timedelta(minutes=1),
            "execution_timeout": timeout,
            "on_failure_callback": AlertNotifier("failure"),
            # The run's own callback would be another process, a quarter of what these frequent runs cost.
            "on_success_callback": AlertNotifier("success"),
        },
        on_failure_callback=AlertNotifier("failure"),
        **_system_dag(name, doc_md, params),
    ) as dag:
        operator(task_id=name)
    return dag


def decision_dag(
    name: str, doc_md: str, params: Mapping[str, Param] | None = None, decision: str | None = None
) -> DAG:
    """A DAG without a schedule whose form is an operator's decision: one task, tried once."""
    with DAG(
        schedule=None,
        dagrun_timeout=timedelta(hours=2),
        default_args={
            "owner": SYSTEM_OWNER,
            "retries": 0,
            "execution_timeout": timedelta(hours=1),
            "on_failure_callback": AlertNotifier("failure"),
        },
        **_system_dag(name, doc_md, params),
        **NOTIFIES,
    ) as dag:
        outlets = [DECIDED] if name in MOVES_LATEST else []
        DecisionOperator(task_id=name, decision=decision or name, outlets=outlets)
    return dag


def doctor_dag(name: str, doc_md: str, params: Mapping[str, Param]) -> DAG:
    """The doctor when somebody asks. It tells nobody else: what it finds the watch tells once a day."""
    with DAG(
        schedule=None,
        dagrun_timeout=timedelta(minutes=20),
        default_args={"owner": SYSTEM_OWNER, "retries": 0, "execution_timeout": timedelta(minutes=10)},
        **_system_dag(name, doc_md, params),
    ) as dag:
        DoctorOperator(task_id=name)
    return dag
