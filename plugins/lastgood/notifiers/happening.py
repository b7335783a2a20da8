"""What happened, in the words of an alert: read from what Airflow hands a callback, and from the registry.

Airflow's contexts differ: a task's has the task and its exception (none where it was killed); a run's has a reason and
perhaps the task that is to blame, or nothing but the run's id; a deadline's has the run as a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from include.alerting import redact
from include.alerting.alert import Alert, FailedCheck
from include.alerting.words import moment
from include.monitoring.consumers import consumers
from include.publishing import runlog
from include.sources import source as sources

if TYPE_CHECKING:
    from include.publishing.registry import Registry

GATE = "gate"
WATCHER = "watcher"
BACKFILL = "backfill"
TIMED_OUT = "timed_out"
CHECKS = 5
ROWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """A callback's context, as far as it holds anything."""

    dag_id: str
    run_id: str
    at: datetime
    began: datetime | None = None
    """The run's start, which is another one once the run was cleared."""
    interval_end: datetime | None = None
    run_type: str | None = None
    reason: str | None = None
    """Why the run as a whole ended; None where a task calls."""
    step: str | None = None
    unit: str | None = None
    map_index: int = -1
    try_number: int | None = None
    tries: int | None = None
    exception: BaseException | None = None
    log_url: str | None = None
    due: datetime | None = None
    """The deadline that passed."""
    queued: datetime | None = None
    excused: bool = False
    """Whether nobody minds that the deadline passed: it is a backfill, or over by now."""

    @classmethod
    def of(cls, context: Mapping[str, Any], at: datetime) -> Happening:
        """Read a context."""
        return cls._of_deadline(context, at) if "deadline" in context else cls._of_task_or_run(context, at)

    @classmethod
    def _of_task_or_run(cls, context: Mapping[str, Any], at: datetime) -> Happening:
        task = context.get("task_instance") or context.get("ti")
        run = context.get("dag_run")
        error = context.get("exception")
        retries, index = getattr(task, "max_tries", None), getattr(task, "map_index", None)
        return cls(
            dag_id=next(thing.dag_id for thing in (run, context.get("dag"), task) if thing is not None),
            run_id=str(context.get("run_id") or getattr(run or task, "run_id", "")),
            at=at,
            began=getattr(run, "start_date", None),
            interval_end=getattr(run, "data_interval_end", None) or getattr(run, "run_after", None),
            run_type=_word(getattr(run, "run_type", None)),
            reason=context.get("reason"),
            step=getattr(task, "task_id", None),
            unit=getattr(task, "rendered_map_index", None) or context.get("unit_label"),
            map_index=-1 if index is None else index,
            try_number=getattr(task, "try_number", None),
            tries=None if retries is None else retries + 1,
            exception=error if isinstance(error, BaseException) else None,
            log_url=getattr(task, "log_url", None),
        )

    @classmethod
    def _of_deadline(cls, context: Mapping[str, Any], at: datetime) -> Happening:
        run = context["dag_run"]
        return cls(
            dag_id=run["dag_id"],
            run_id=run["dag_run_id"],
            at=at,
            began=_time(run.get("start_date")),
            due=_time(context["deadline"].get("deadline_time")),
            queued=_time(run.get("queued_at")),
            excused=run["run_type"] == BACKFILL or run["state"] in ("success", "failed"),
        )

    @property
    def of_task(self) -> bool:
        """Whether a task calls, and not the run as a whole."""
        return self.step is not None and self.reason is None

    def alert(self, kind: str, registry: Registry | None, cause: str, **more: Any) -> Alert:
        """An alert of this kind with what the context tells."""
        # A run that was cleared fails anew under the same id, with another start or try.
        of_run = (self.reason, self.began, self.due)
        which = (self.step, self.map_index, self.try_number) if self.of_task else of_run
        links = {"Run": run_url(self.dag_id, self.run_id)}
        of_task: dict[str, Any] = {}
        if self.of_task and self.step != WATCHER:
            links = {**({"Log of the task": self.log_url} if self.log_url else {}), **links}
            of_task = {
                "step": self.step,
                "unit": self.unit,
                "try_number": self.try_number,
                "tries": self.tries if (self.tries or 0) >= (self.try_number or 0) else None,
            }
        return Alert(
            **{
                "kind": kind,
                "source": self.dag_id,
                "at": self.at,
                "occurrence": "|".join(str(part) for part in (self.run_id, *which)),
                "cause": cause,
                "run_id": self.run_id,
                "consumers": consumers(registry, self.dag_id, self.at)
                if registry is not None
                else "The registry was not asked; files of the last good version stay readable.",
                "links": links,
                **of_task,
                **more,
            }
        )


def failure(found: Happening, registry: Registry | None) -> Alert:
    """The alert of a failed task or run."""
    from lastgood.operators.steps import CandidateRejected, StepsKilled

    error = found.exception
    if not found.of_task:
        return _of_run(found, registry)
    if isinstance(error, StepsKilled):
        names = ", ".join(error.steps)[:200]
        return found.alert("task-killed", registry, str(error), what=names, step=names)
    if found.step == WATCHER:
        cause = cause_of(error) if error else "a step failed"
        return found.alert("run-failed", registry, cause, step=WATCHER)
    if isinstance(error, CandidateRejected):
        checks = _checks(registry, found, {"FAILED", "NOT_EVALUATED"})
        return found.alert("gate-rejected", registry, cause_of(error), checks=checks)
    if error is None:
        return found.alert(
            "task-killed", registry, "Airflow lost the task; nothing was heard of an error", what=found.step
        )
    return found.alert("task-failed", registry, cause_of(error), what=found.step)


def _of_run(found: Happening, registry: Registry | None) -> Alert:
    """Heard only where no task of the run has told anything."""
    step = found.step if found.step != WATCHER else None
    if registry is not None:
        runlog.end_unended(
            registry,
            found.dag_id,
            found.run_id,
            step,
            interval_end=found.interval_end,
            run_type=found.run_type,
            began=found.began,
        )
    if found.reason == TIMED_OUT:
        facts = {"Step that was under way": step} if step else {}
        return found.alert("run-timed-out", registry, "the run's time was over", facts=facts)
    if step:
        return found.alert(
            "task-killed", registry, f"{step} failed without a word of its own", what=step, step=step
        )
    return found.alert("run-failed", registry, f"Airflow says: {found.reason}")


def warned(found: Happening, registry: Registry | None) -> Alert | None:
    """The alert of a gate that passed with warnings; None where no check warned."""
    checks = _checks(registry, found, {"WARN"})
    if not checks:
        return None
    return found.alert("gate-warned", registry, "; ".join(c.sentence for c in checks), checks=checks)


def passed(found: Happening, registry: Registry) -> bool:
    """Whether the run had checks that passed; a gate may have had nothing to check."""
    return bool(_checks(registry, found, {"PASSED"}))


def late(found: Happening, registry: Registry | None) -> Alert | None:
    """The alert of a deadline that passed; None where nobody minds."""
    # A first run collects everything there is, which may take days.
    if found.excused or (
        registry is not None and found.dag_id in sources.names() and registry.latest(found.dag_id) is None
    ):
        return None
    state = f"has been running since {_words(found.began)}" if found.began else "has not begun"
    return found.alert(
        "late",
        registry,
        f"it was to be done by {_words(found.due)} and {state}",
        facts={"Queued": _words(found.queued)},
    )


def began(found: Happening, registry: Registry) -> datetime | None:
    """When a run began of which Airflow has told only the id; None where the run log does not know it."""
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT max(started) AS began FROM lastgood.pipeline_run WHERE dag_id = %s AND run_id = %s",
            (found.dag_id, found.run_id),
        )
        row = cursor.fetchone()
    return row["began"] if row else None


def minimal(found: Happening, kind: str | None = None) -> Alert:
    """What can be said without asking anybody; of a failure where no kind is given."""
    return found.alert(
        kind or ("task-failed" if found.of_task else "run-failed"),
        None,
        cause_of(found.exception) if found.exception else "see the log",
        what=found.step or "",
    )


def cause_of(error: BaseException) -> str:
    """The last entry of an error's traceback in one line, without secrets."""
    from airflow.sdk.exceptions import AirflowException

    text = " ".join(str(error).split())
    # Airflow's own type says nothing; the steps wrap an error in it together with the error's name.
    named = text if isinstance(error, AirflowException) and text else f"{type(error).__name__}: {text}"
    return redact.text(named)


def run_url(dag_id: str, run_id: str) -> str:
    """The run in Airflow's UI."""
    from airflow.configuration import conf

    base = conf.get("api", "base_url", fallback="http://localhost:8080")
    return f"{base.rstrip('/')}/dags/{quote(dag_id)}/runs/{quote(run_id)}"


def _checks(registry: Registry | None, found: Happening, outcomes: set[str]) -> tuple[FailedCheck, ...]:
    """A few of the checks with such an outcome, each with a few rows as far as they may be shown."""
    from include.quality.gate import CheckOutcome

    if registry is None or found.interval_end is None:
        return ()
    version = runlog.version_of(registry, found.dag_id, found.run_id, found.interval_end, opens=False)
    keys = _keys(found.dag_id)
    rows = [row for row in registry.check_results(found.dag_id, version) if row["outcome"] in outcomes]
    return tuple(
        FailedCheck(
            sentence=CheckOutcome(
                table=row["table_name"],
                id=row["check_id"],
                name=row["name"],
                rule=row["rule"],
                outcome=row["outcome"],
                value=row["value"],
                threshold=row["threshold"],
            ).sentence,
            rows=tuple(
                redact.row(sample, keys.get(row["table_name"], ())) for sample in row["samples"][:ROWS]
            ),
        )
        for row in rows[:CHECKS]
    )


def _keys(source: str) -> dict[str, tuple[str, ...]]:
    if source not in sources.names():
        return {}
    return {table.name: table.key for table in sources.module(source, "tables").TABLES}


def _word(value: Any) -> str | None:
    """An enum of Airflow's, or what is in one."""
    return None if value is None else str(getattr(value, "value", value))


def _time(value: Any) -> datetime | None:
    """A time of a deadline's context, which comes as text where it went through JSON."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _words(when: datetime | None) -> str:
    return "an unknown time" if when is None else moment(when)
