"""What every source DAG has in common: steps, pool, retries, timeouts, owner, alerts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, TriggerRule

from include.sources import source as sources
from lastgood.assets import DECIDED, asset_of
from lastgood.notifiers.alert import AlertNotifier
from lastgood.operators.decisions import DecisionOperator
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

try:
    from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference  # type: ignore[attr-defined]
except ImportError:  # before Airflow 3.1; the watch DAG still tells of stale data
    DeadlineAlert = None

START = datetime(2026, 1, 1, tzinfo=UTC)


def source_dag(source: str, doc_md: str, params: Mapping[str, Param] | None = None) -> DAG:
    """probe → discover → extract → build → gate → promote → export, and the watcher, for one source.

    A derived source has no extract and runs when one of its inputs was promoted; export is there where the source
    has other forms. Where its spec names units, discover finds them and extract is mapped over them. Everything that
    differs between sources stands in its spec; `doc_md` is the runbook, `params` are what a person may ask for when
    triggering a run.
    """
    spec = sources.spec(source)
    defaults: dict[str, Any] = {
        "owner": spec.owner,
        "pool": spec.pool,
        "retries": spec.retries,
        "retry_delay": spec.retry_delay,
        "retry_exponential_backoff": True,
        "max_retry_delay": spec.max_retry_delay,
        "execution_timeout": spec.step_timeout,
        "on_failure_callback": AlertNotifier("failure"),
    }
    with DAG(
        dag_id=spec.name,
        dag_display_name=spec.title,
        description=f"{spec.title}: from its API to the last good dataset",
        doc_md=doc_md,
        schedule=_schedule(spec),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=spec.run_timeout,
        default_args=defaults,
        params=dict(params or {}),
        tags={"lastgood", "source", *spec.tags},
        **_alerts(spec.done_within),
    ) as dag:
        steps: list[Any] = [ProbeOperator(task_id="probe", source=source)]
        extract: dict[str, Any] = {
            "task_id": "extract",
            "source": source,
            "execution_timeout": spec.extract_timeout,
        }
        build = BuildOperator(task_id="build", source=source)
        if spec.units:
            discover = DiscoverOperator(
                task_id="discover", source=source, execution_timeout=spec.extract_timeout
            )
            mapped = ExtractOperator.partial(**extract, map_index_template="{{ unit_label }}")
            steps += [discover, mapped.expand(unit=discover.output)]
            # Lists alone may have changed, and then there is no unit to ask for.
            build.trigger_rule = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
            discover >> build
        elif not spec.derived:
            steps.append(ExtractOperator(**extract))
        steps += [
            build,
            GateOperator(task_id="gate", source=source, on_success_callback=AlertNotifier("gate")),
            PromoteOperator(task_id="promote", source=source, asset=asset_of(source)),
        ]
        if sources.exports(source):
            steps.append(ExportOperator(task_id="export", source=source))
        for before, after in pairwise(steps):
            before >> after
        steps >> WatcherOperator(task_id="watcher", trigger_rule=TriggerRule.ONE_FAILED, retries=0)
    return dag


def _alerts(done_within: timedelta | None = None) -> dict[str, Any]:
    """What every DAG tells of its runs: that one failed, that one is late, and that all is well again."""
    arguments: dict[str, Any] = {
        "on_failure_callback": AlertNotifier("failure"),
        "on_success_callback": AlertNotifier("success"),
    }
    if done_within is not None and DeadlineAlert is not None:
        # On the triggerer, which every platform has, while not every executor runs callbacks.
        arguments["deadline"] = DeadlineAlert(
            reference=DeadlineReference.DAGRUN_QUEUED_AT,
            interval=done_within,
            callback=AsyncCallback(AlertNotifier, kwargs={"on": "late"}),
        )
    return arguments


def _schedule(spec: sources.Spec) -> Any:
    if spec.schedule is None:
        return reduce(or_, map(asset_of, spec.inputs))
    return CronDataIntervalTimetable(spec.schedule, timezone=spec.timezone)


def operation_dag(
    name: str,
    operator: type[OperationOperator],
    schedule: str,
    doc_md: str,
    params: Mapping[str, Param] | None = None,
    timeout: timedelta = timedelta(hours=1),
    retries: int = 0,
) -> DAG:
    """A DAG of the house's own on a schedule (cron, UTC): one task, one run at a time, nothing caught up."""
    with DAG(
        dag_id=f"lastgood_{name}",
        doc_md=doc_md,
        schedule=CronDataIntervalTimetable(schedule, timezone="UTC"),
        start_date=START,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=(retries + 1) * timeout + timedelta(minutes=10),
        default_args={
            "owner": "lastgood",
            "retries": retries,
            "retry_delay": timedelta(minutes=1),
            "execution_timeout": timeout,
            "on_failure_callback": AlertNotifier("failure"),
        },
        params=dict(params or {}),
        tags={"lastgood", "operations"},
        **_alerts((retries + 1) * timeout + timedelta(minutes=5)),
    ) as dag:
        operator(task_id=name)
    return dag


def decision_dag(
    name: str, doc_md: str, params: Mapping[str, Param] | None = None, decision: str | None = None
) -> DAG:
    """A DAG without a schedule whose form is an operator's decision: one task, tried once."""
    with DAG(
        dag_id=f"lastgood_{name}",
        doc_md=doc_md,
        schedule=None,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=timedelta(hours=2),
        default_args={
            "owner": "lastgood",
            "retries": 0,
            "execution_timeout": timedelta(hours=1),
            "on_failure_callback": AlertNotifier("failure"),
        },
        params=dict(params or {}),
        tags={"lastgood", "operations"},
        **_alerts(),
    ) as dag:
        DecisionOperator(task_id=name, decision=decision or name, outlets=[DECIDED])
    return dag
