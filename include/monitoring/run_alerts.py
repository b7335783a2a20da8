"""The alerts of runs: what a task or a run that ended says to people, from what Airflow handed its callback.

A room above alerting, like watch.py: a message says what consumers read, until when that is fresh, and what a failing
row may show of a source's tables.

Airflow's contexts differ: a task's has the task and its exception (none where it was killed); a run's has a reason and
perhaps the task that is to blame, or nothing but the run's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from include.alerting import links, redact
from include.alerting.alert import Alert, FailedCheck
from include.alerting.episodes import WATCHER, Proof
from include.alerting.remedies import remedy
from include.monitoring.consumers import consumers
from include.monitoring.freshness import fresh_until
from include.registry import run_log
from include.sources import source as sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from include.operations.recovery import Report
    from include.publishing.verdict import CheckOutcome, Verdict
    from include.registry.registry import Registry
    from include.storage.tables import Table

TIMED_OUT = "timed_out"
REFUSED = "DecisionRefused"
ACCEPT = (
    "Look at the failing rows. If the upstream means it and the new level is right, accept the version with a reason; "
    "where it does not, wait: each further run is judged again."
)
CHECKS = 5
ROWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What Airflow handed a callback, as far as it held anything; the plugin's callback_context.py reads it."""

    dag_id: str
    run_id: str
    at: datetime
    ui: str
    """Airflow's UI."""
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
    log_url: str | None = None
    error: BaseException | None = None
    cause: str | None = None
    """The last line of its traceback, without secrets."""
    given_up: bool = False
    """Airflow does not try it again, whatever tries are left."""
    refused: bool = False
    """The error is a decision's refusal, which whoever asked for it can read."""
    rejected: Verdict | None = None
    """The gate's no, if the error is one."""
    killed: tuple[str, ...] = ()
    """Steps that the watcher found to have failed without a word."""

    @property
    def of_unit(self) -> bool:
        """Whether a task calls that is one of several of its step."""
        return self.of_task and self.map_index >= 0

    @property
    def of_task(self) -> bool:
        """Whether a task calls, and not the run as a whole."""
        return self.step is not None and self.reason is None

    def alert(self, kind: str, registry: Registry | None, cause: str, **more: Any) -> Alert:
        """An alert of this kind with what the callback tells."""
        # A run that was cleared fails again under the same id, with another start or try.
        of_run = (self.reason, self.began)
        which = (self.step, self.map_index, self.try_number) if self.of_task else of_run
        to = {"Run": links.run_url(self.ui, self.dag_id, self.run_id)}
        of_task: dict[str, Any] = {}
        if self.of_task and self.step != WATCHER:
            to = {**({"Log of the task": self.log_url} if self.log_url else {}), **to}
            of_task = {"step": self.step, **self._tries(), **self._unit(registry, cause)}
        return Alert(
            **{
                "kind": kind,
                "source": self.dag_id,
                "at": self.at,
                "occurrence": "|".join(str(part) for part in (self.run_id, *which)),
                "cause": cause,
                "run_id": self.run_id,
                **_read(registry, self.dag_id, self.at),
                "links": to,
                **of_task,
                **more,
            }
        )

    def _tries(self) -> dict[str, int]:
        """How often it was tried, where it was tried again: another try is no cure of what Airflow gave up at once."""
        made, all_ = self.try_number or 0, self.tries or 0
        if self.given_up or not 1 < made <= all_:
            return {}
        return {"try_number": made, "tries": all_}

    def _unit(self, registry: Registry | None, cause: str) -> dict[str, Any]:
        """Which unit it is, of how many."""
        if not self.of_unit:
            return {}
        unit = self.unit or f"unit {self.map_index + 1}"
        planned = None if registry is None else run_log.units_planned(registry, self.dag_id, self.run_id)
        return {"unit": unit, "units": {unit: cause}, "units_planned": planned}


def _read(registry: Registry | None, source: str, now: datetime) -> dict[str, Any]:
    """What consumers of a source read, and until when that is as fresh as promised."""
    if registry is None:
        return {"consumers": "The registry was not asked; files of the last good version stay readable."}
    spec = sources.spec(source) if source in sources.names() else None
    return {
        "consumers": consumers(registry, source, now),
        "fresh_until": None if spec is None else fresh_until(registry, source, spec),
    }


def failure(of: Callback, registry: Registry | None) -> Alert | None:
    """The alert of a failed task or run; None of a decision that was refused, which who asked for it can see."""
    speaks_for_others = not of.of_task or of.step == WATCHER
    if of.refused or (
        speaks_for_others
        and registry is not None
        and run_log.failed_with(registry, of.dag_id, of.run_id) == REFUSED
    ):
        return None
    if not of.of_task:
        return _of_run(of, registry)
    if of.killed:
        names = ", ".join(of.killed)[:200]
        return of.alert("task-killed", registry, of.cause or "", what=names, step=names)
    if of.step == WATCHER:
        return of.alert("run-failed", registry, of.cause or "a step failed", step=WATCHER)
    if of.rejected is not None:
        return _rejected(of, of.rejected, registry)
    if of.error is None:
        return of.alert(
            "task-killed", registry, "Airflow lost the task; nothing was heard of an error", what=of.step
        )
    asks = remedy(of.error)
    what = "" if asks.of_source else of.step
    return of.alert(asks.kind, registry, of.cause or "", what=what, todo=asks.todo)


def _rejected(of: Callback, verdict: Verdict, registry: Registry | None) -> Alert:
    checks = _shown_checks(of.dag_id, [check for check in verdict.checks if not check.passed])
    todo, to = None, {}
    if verdict.acceptable:
        todo, to = ACCEPT, {"Accept the version": links.accept_url(of.ui, of.dag_id, verdict.version)}
    alert = of.alert(
        "gate-rejected", registry, of.cause or "", checks=checks, todo=todo, version=verdict.version
    )
    return msgspec.structs.replace(alert, links={**to, **alert.links})


def _of_run(of: Callback, registry: Registry | None) -> Alert:
    """Heard only where no task of the run has said anything."""
    step = of.step if of.step != WATCHER else None
    if registry is not None:
        run_log.end_unended(
            registry,
            of.dag_id,
            of.run_id,
            step,
            interval_end=of.interval_end,
            run_type=of.run_type,
            began=of.began,
        )
    if of.reason == TIMED_OUT:
        facts = {"Step that was under way": step} if step else {}
        return of.alert("run-timed-out", registry, "the run's time was over", facts=facts)
    if step:
        return of.alert(
            "task-killed", registry, f"{step} failed without a word of its own", what=step, step=step
        )
    return of.alert("run-failed", registry, f"Airflow says: {of.reason}")


def warned(of: Callback, registry: Registry | None) -> Alert | None:
    """The alert of a version that was promoted although checks warned; None where none did."""
    checks = _shown_checks(of.dag_id, _warnings(registry, of))
    if not checks:
        return None
    return of.alert("gate-warned", registry, "; ".join(c.sentence for c in checks), checks=checks)


def proof(of: Callback, registry: Registry) -> Proof | None:
    """What a run that ended well proves; None where nobody knows when it began."""
    run = run_log.ended(registry, of.dag_id, of.run_id)
    began = of.began or (run.started if run else None)
    if began is None:
        return None
    if run is None:
        return Proof(run_id=of.run_id, began=began)
    probe, promoted = run.steps.get("probe"), run.steps.get("promote")
    return Proof(
        run_id=of.run_id,
        began=began,
        whole=run.status != "skipped",
        steps=frozenset(name.split(" ")[0] for name, note in run.steps.items() if note.error is None),
        asked=probe is not None and probe.error is None and not probe.without_host,
        published=promoted is None or promoted.latest == run.version,
    )


def minimal(of: Callback, kind: str | None = None) -> Alert:
    """What can be said without asking anybody; of a failure where no kind is given."""
    return of.alert(
        kind or ("task-failed" if of.of_task else "run-failed"),
        None,
        "see the log" if of.cause is None else of.cause,
        what=of.step or "",
    )


# --- what an operation could not do beside what it did; its own task must not fail, since latest has moved ---


def not_exported(registry: Registry, source: str, version: str, why: str, now: datetime) -> Alert:
    """The other forms of latest could not be written; the next run of the source writes them."""
    return Alert(
        kind="task-failed",
        source=source,
        what="export",
        at=now,
        occurrence=f"{version} export",
        cause=redact.text(f"{version} is latest, but its other forms could not be written: {why}"),
        step="export",
        consumers=consumers(registry, source, now),
    )


def recovery_incomplete(
    report: Report, *, dag_id: str, task_id: str, run_id: str, ui: str, now: datetime
) -> Alert:
    """Recovery published something, and could not do everything."""
    published = ", ".join(f"{version} of {source}" for source, version in report.promoted.items())
    return Alert(
        kind="task-failed",
        source=dag_id,
        what=task_id,
        at=now,
        occurrence=f"{run_id} beside",
        cause=redact.text(
            f"Recovery published {published}. It could not do everything: {'; '.join(report.errors)}"
        ),
        todo="Mend what the cause names; recovery tries again every ten minutes.",
        run_id=run_id,
        step=task_id,
        consumers="Consumers read what was published, and of all else the last good version.",
        links={"Run": links.run_url(ui, dag_id, run_id)},
    )


# --- checks with a few of their rows ---


def _warnings(registry: Registry | None, of: Callback) -> list[CheckOutcome]:
    """The checks that warned of what a run published: its gate was another task."""
    from include.publishing.verdict import CheckOutcome

    version = None if registry is None else run_log.version_of(registry, of.dag_id, of.run_id)
    if registry is None or version is None:
        return []
    return [
        CheckOutcome(
            table=row["table_name"],
            id=row["check_id"],
            name=row["name"],
            rule=row["rule"],
            outcome=row["outcome"],
            value=row["value"],
            threshold=row["threshold"],
            samples=row["samples"],
        )
        for row in registry.check_results(of.dag_id, version)
        if row["outcome"] == "WARN"
    ]


def _shown_checks(source: str, checks: Sequence[CheckOutcome]) -> tuple[FailedCheck, ...]:
    """The first few of them, each with a few rows as far as they may be shown."""
    tables = _tables(source)
    return tuple(
        FailedCheck(
            sentence=check.sentence,
            rows=tuple(
                redact.row(sample, *_shown(tables, check.table, sample)) for sample in check.samples[:ROWS]
            ),
        )
        for check in checks[:CHECKS]
    )


def _tables(source: str) -> dict[str, Table]:
    if source not in sources.names():
        return {}
    return {table.name: table for table in sources.load(source).schema().tables}


def _shown(
    tables: Mapping[str, Table], name: str, columns: Iterable[str]
) -> tuple[tuple[str, ...], set[str]]:
    """The key of a table, and which columns of a failing row name things.

    A check's own query may have columns of other tables: those count that name things wherever they stand. And it may
    have those of the gate's figures.
    """
    from include.publishing.verdict import NAMES

    own = tables.get(name)
    things = set[str]()
    for column in columns:
        of_own = [each.of_thing for each in own.columns if each.name == column] if own else []
        of_all = [each.of_thing for table in tables.values() for each in table.columns if each.name == column]
        if all(of_own or of_all or [column in NAMES]):
            things.add(column)
    return own.key if own else (), things
