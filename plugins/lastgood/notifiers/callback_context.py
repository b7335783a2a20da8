"""What Airflow hands a callback, read into a value that include composes the alert from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from include.alerting import redact
from include.monitoring.run_alerts import Callback
from lastgood.errors import CandidateRejected, DecisionRefused, StepsKilled
from lastgood.ui import ui_url


def read(context: Mapping[str, Any], at: datetime) -> Callback:
    """Read a context of a task or of a run, which may lack most of it."""
    task = context.get("task_instance") or context.get("ti")
    run = context.get("dag_run")
    error = context.get("exception")
    error = error if isinstance(error, BaseException) else None
    retries, index = getattr(task, "max_tries", None), getattr(task, "map_index", None)
    run_type = getattr(run, "run_type", None)
    return Callback(
        dag_id=next(thing.dag_id for thing in (run, context.get("dag"), task) if thing is not None),
        run_id=str(context.get("run_id") or getattr(run or task, "run_id", "")),
        at=at,
        ui=ui_url(),
        began=getattr(run, "start_date", None),
        interval_end=getattr(run, "data_interval_end", None) or getattr(run, "run_after", None),
        run_type=None if run_type is None else str(getattr(run_type, "value", run_type)),
        reason=context.get("reason"),
        step=getattr(task, "task_id", None),
        unit=getattr(task, "rendered_map_index", None),
        map_index=-1 if index is None else index,
        try_number=getattr(task, "try_number", None),
        tries=None if retries is None else retries + 1,
        log_url=getattr(task, "log_url", None),
        error=error,
        cause=None if error is None else cause_of(error),
        given_up=isinstance(error, AirflowFailException),
        refused=isinstance(error, DecisionRefused),
        rejected=error.verdict if isinstance(error, CandidateRejected) else None,
        killed=error.steps if isinstance(error, StepsKilled) else (),
    )


def cause_of(error: BaseException) -> str:
    """The last entry of an error's traceback in one line, without secrets."""
    text = " ".join(str(error).split())
    # Airflow's own type says nothing; the steps wrap an error in it together with the error's name.
    named = text if isinstance(error, AirflowException) and text else f"{type(error).__name__}: {text}"
    return redact.text(named)
