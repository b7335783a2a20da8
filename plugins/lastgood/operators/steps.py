"""The steps of a source DAG as operators: each opens the run, does one step of include/pipeline.py, notes its end.

Heavy imports stand inside execute(), since the dag-processor imports this file again and again.
"""

from __future__ import annotations

import os
import socket
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
)

from include.errors import NonRetryable
from lastgood.errors import CandidateRejected, StepsKilled

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.pipeline import OpenRun
    from include.registry import run_log
    from include.registry.lease import Lease
    from include.registry.registry import Registry
    from include.upstream.session import UpstreamSession

PATIENCE_SECONDS = 300.0
"""So long a task waits for its turn at the upstream; then it frees its worker and comes back."""
BACK_IN = timedelta(seconds=30)


def open_run(source: str, context: Context, registry: Registry, *, opens: bool) -> OpenRun:
    """The run a task belongs to, as include sees it; its first step `opens` it. Raises RunNotOpen in any other."""
    from include import release
    from include.pipeline import OpenRun
    from include.registry import run_log
    from include.sources import source as sources
    from lastgood.hooks.keys import keys
    from lastgood.hooks.store import inbox, store
    from lastgood.hooks.upstream import options

    spec = sources.spec(source)
    dag_run = context["dag_run"]
    end, backfill = interval_end(dag_run), run_type(dag_run) == run_log.BACKFILL
    if opens:
        pins = run_log.open_run(
            registry,
            source=source,
            dag_id=source,
            run_id=dag_run.run_id,
            interval_start=dag_run.data_interval_start,
            interval_end=end,
            env=release.environment(),
            code_version=release.code_version(),
            inputs=sources.inputs(source),
            run_type=run_type(dag_run),
            began=getattr(dag_run, "start_date", None),
            data_time=end if backfill else None,
        )
    else:
        pins = run_log.pinned(registry, source, dag_run.run_id)
    return OpenRun(
        source=source,
        pins=pins,
        run_id=dag_run.run_id,
        interval_start=dag_run.data_interval_start,
        interval_end=end,
        params=dict(context["params"]),
        store=store(),
        registry=registry,
        backfill=backfill,
        inbox=inbox(spec.inbox) if spec.inbox else None,
        keys=keys(spec.keys),
        options=options(spec.connection, spec.options),
    )


def interval_end(dag_run: Any) -> datetime:
    """Where a run stands in time; one without an interval stands at its run_after."""
    end: datetime = dag_run.data_interval_end or dag_run.run_after
    return end


def run_type(dag_run: Any) -> str:
    """How a run came to be, in Airflow's words: scheduled, manual, backfill, …; Airflow gives an enum or its value."""
    return str(getattr(dag_run.run_type, "value", dag_run.run_type))


def open_upstream(run: OpenRun, lease: Lease | None) -> UpstreamSession | None:
    """The session with the run's upstream, by the source's connection; None for a derived source.

    Nothing can be asked without the lease of the upstream. A source with an inbox needs no host: what it asks without
    one says so then.
    """
    from include.registry.breaker import Breaker
    from include.sources.source import spec
    from include.upstream.session import Unconnected
    from lastgood.hooks.upstream import NoHost, UpstreamHook

    chosen = spec(run.source)
    if chosen.derived:
        return None
    assert lease is not None, "the step does not wait for its turn"
    breaker = Breaker(run.registry.connect, chosen.connection)
    hook = UpstreamHook(
        chosen.connection,
        chosen.limits,
        breaker,
        lease,
        chosen.classifier,
        chosen.throttle_hint,
        chosen.options,
    )
    try:
        return hook.session()
    except NoHost as error:
        if chosen.inbox is None:
            raise
        return Unconnected(chosen.limits, error)


class StepOperator(BaseOperator):
    """One step of a source's run."""

    def __init__(self, *, source: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context: Context) -> dict[str, Any]:
        """Do the step and note it in the run log; what it returns is the task's XCom."""
        from lastgood.hooks.registry import RegistryHook

        with failing_at_once():
            registry = RegistryHook().registry()
            with registry.session(), self.turn(registry, context):
                return self._noted(registry, context)

    @contextmanager
    def turn(self, registry: Registry, context: Context) -> Iterator[None]:
        """Wait until the step may work, and keep others out meanwhile."""
        yield

    def _noted(self, registry: Registry, context: Context) -> dict[str, Any]:
        from include.pipeline import words
        from include.registry import run_log

        run = open_run(self.source, context, registry, opens=self.opens_run)
        if not self.opens_run:
            began = getattr(context["dag_run"], "start_date", None)
            run_log.reopen(run.registry, run.source, run.version, self.step_name(), began)
        again = partial(tried_again, context)
        try:
            with run_log.step(
                run.registry, run.source, run.version, self.step_name(), tried_again=again
            ) as facts:
                facts.update(self.work(run, context))
        except BaseException as error:
            if not again(error):
                run_log.end(run.registry, run.source, run.version, self.failure, failed_step=self.step_name())
            raise
        self.log.info("%s: %s", self.step_name(), words(facts))
        self.after(run, facts)
        return facts

    opens_run = False
    failure: run_log.Status = "fail"
    """How a run ends that this step fails."""

    def step_name(self) -> str:
        """What the run log calls this step."""
        return str(self.task_id)

    @abstractmethod
    def work(self, run: OpenRun, context: Context) -> dict[str, Any]:
        """The step itself; returns facts for the run log and XCom."""

    def after(self, run: OpenRun, facts: dict[str, Any]) -> None:
        """What follows once the step is noted."""

    def skip_unless_new(self, run: OpenRun, facts: dict[str, Any]) -> None:
        """End the run as skipped where a step found nothing to do."""
        from include.registry import run_log

        if not facts["new"]:
            run_log.end(run.registry, run.source, run.version, "skipped")
            raise AirflowSkipException(facts["reason"])


@contextmanager
def failing_at_once() -> Iterator[None]:
    """Ends a task without another try at an error that every further one would meet."""
    try:
        yield
    except NonRetryable as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


def tried_again(context: Context, error: BaseException) -> bool:
    """Whether Airflow will try the task again after this error; told from what Airflow itself decides it by.

    `max_tries` is one less than the tries that there are, and is raised when a task is cleared.
    """
    task = context["ti"]
    final = isinstance(error, (AirflowFailException, NonRetryable))
    return not final and task.try_number <= task.max_tries


class AskingOperator(StepOperator):
    """A step that asks the upstream. It waits for its turn before it begins, since one task at a time asks."""

    lease: Lease | None = None

    @contextmanager
    def turn(self, registry: Registry, context: Context) -> Iterator[None]:
        """Hold the upstream's lease. Frees the worker for a while where another task holds it for long."""
        from include.registry import lease as leases
        from include.sources.source import spec
        from include.upstream.answers import LeaseHeld

        if spec(self.source).derived:
            yield
            return
        task = context["ti"]
        holder = (
            f"{self.source} {self.step_name()} of run {context['dag_run'].run_id} (try {task.try_number}, "
            f"process {os.getpid()} on {socket.gethostname()})"
        )
        self.lease = leases.Lease(registry, spec(self.source).connection, holder)
        try:
            with leases.held(self.lease, PATIENCE_SECONDS):
                yield
        except LeaseHeld as held:
            self.log.info("Still waiting, and meanwhile another task may have this worker: %s", held)
            raise AirflowRescheduleException(datetime.now(UTC) + BACK_IN) from None


class ProbeOperator(AskingOperator):
    """Asks whether the upstream has anything new; skips the run where it has not."""

    opens_run = True

    def work(self, run: OpenRun, context: Context) -> dict[str, Any]:
        from include import pipeline
        from include.sources import source as sources
        from include.sources.source import Probe
        from lastgood.hooks.upstream import NoHost

        try:
            upstream = open_upstream(run, self.lease)
        except NoHost:
            without_host = sources.spec(run.source).without_host
            if without_host is None:
                raise
            found = Probe(False, without_host, {"without_host": True})
        else:
            found = pipeline.probe(run, upstream)
        return {"new": found.new, "reason": found.reason, **found.upstream}

    def after(self, run: OpenRun, facts: dict[str, Any]) -> None:
        self.skip_unless_new(run, facts)


class DiscoverOperator(AskingOperator):
    """Finds out what the run has to ask for; its XCom is the list of units that extract is mapped over."""

    failure: run_log.Status = "partial"

    def execute(self, context: Context) -> list[dict[str, Any]]:  # type: ignore[override]
        """Do the step; returns the units as dicts."""
        units: list[dict[str, Any]] = super().execute(context)["units"]
        return units

    def work(self, run: OpenRun, context: Context) -> dict[str, Any]:
        from dataclasses import asdict

        from include import pipeline

        upstream = open_upstream(run, self.lease)
        assert upstream is not None, "a derived source has no units"
        found = pipeline.discover(run, upstream)
        return {"new": found.new, "reason": found.reason, "units": [asdict(unit) for unit in found.units]}

    def after(self, run: OpenRun, facts: dict[str, Any]) -> None:
        self.skip_unless_new(run, facts)


class ExtractOperator(AskingOperator):
    """Lands what the upstream has, raw, going on from the last complete part; of a unit where there are any."""

    def __init__(self, *, unit: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = unit

    @property
    def failure(self) -> run_log.Status:  # type: ignore[override]
        """What other units landed is taken over by the next run."""
        return "partial" if self.unit else "fail"

    def step_name(self) -> str:
        return f"{self.task_id} {self.unit['label']}" if self.unit else self.task_id

    def work(self, run: OpenRun, context: Context) -> dict[str, Any]:
        from include import pipeline

        upstream = open_upstream(run, self.lease)
        assert upstream is not None, "a derived source has no extract step"
        if self.unit is None:
            return dict(pipeline.extract(run, upstream))
        return dict(pipeline.extract(run, upstream, self.unit["key"]))

    def after(self, run: OpenRun, facts: dict[str, Any]) -> None:
        # The unit that met what stops the run has failed and was alerted; one alert is enough.
        if "stopped" in facts:
            raise AirflowSkipException(facts["stopped"])


class BuildOperator(StepOperator):
    """Makes the candidate and seals it with its manifest."""

    def work(self, run: OpenRun, context: Context) -> dict[str, Any]:
        from include import pipeline

        manifest = pipeline.build(run)
        return {
            **manifest.counts,
            "version": manifest.version,
            "rows": {entry.name: entry.rows for entry in manifest.tables},
            "quarantined": manifest.quarantine.rows,
        }


class GateOperator(StepOperator):
    """Verifies every contract on the candidate; one that does not pass ends the run, and latest stays."""

    def work(self, run: OpenRun, context: Context) -> dict[str, Any]:
        from include import pipeline

        verdict = pipeline.judge(run)
        for check in verdict.checks:
            if check.outcome != "PASSED":
                self.log.warning("%s %s: %s", check.outcome, check.sentence, check.samples)
        if not verdict.passed:
            accept = (
                "If the new level is right, an operator can accept it with a reason (DAG lastgood_accept)."
                if verdict.acceptable
                else "It cannot be accepted as it is."
            )
            raise CandidateRejected(
                f"{'; '.join(verdict.reasons)}. {run.source} {run.version} did not pass its gate, consumers keep "
                f"reading what they read. {accept}",
                verdict,
            )
        return {"passed": verdict.count("PASSED"), "warned": verdict.count("WARN")}


class PromoteOperator(StepOperator):
    """Makes the candidate latest and tells the asset's consumers: version, interval and counts.

    A version whose data are older than latest's (a backfill) is kept, one that waits for an operator is held: the task
    is skipped then, and log, XCom and run log say so in one sentence. One that lost the race fails.
    """

    def __init__(self, *, asset: Asset, **kwargs: Any) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.asset = asset

    def work(self, run: OpenRun, context: Context) -> dict[str, Any]:
        from include import pipeline
        from include.publishing import manifest as manifests
        from include.publishing import race
        from include.publishing.promotion import Outcome

        done = pipeline.promote(run)
        if done.outcome is not Outcome.HELD:
            race.won(run.registry, done)
        manifest = manifests.require(run.store, run.source, run.version)
        facts = {
            "outcome": done.outcome.value,
            "latest": done.latest,
            "served": done.served,
            "said": done.sentence,
        }
        if done.latest == run.version:
            context["outlet_events"][self.asset].extra = {
                "version": run.version,
                "interval_start": run.interval_start.isoformat() if run.interval_start else None,
                "interval_end": run.interval_end.isoformat(),
                "rows": {entry.name: entry.rows for entry in manifest.tables},
                "changes": {c.table: [c.new, c.changed, c.deleted] for c in manifest.changes},
            }
        return facts

    def after(self, run: OpenRun, facts: dict[str, Any]) -> None:
        from include.publishing.promotion import Outcome
        from include.registry import run_log
        from include.sources import source as sources

        published = facts["latest"] == run.version
        if not published or not sources.exports(run.source):  # else the export ends the run
            held = facts["outcome"] == Outcome.HELD.value
            run_log.end(run.registry, run.source, run.version, "held" if held else "ok")
        if not published:
            self.log.warning("%s", facts["said"])
            raise AirflowSkipException(facts["said"])


class ExportOperator(StepOperator):
    """Writes latest in the source's other forms; consumers of those switch when it is done."""

    def work(self, run: OpenRun, context: Context) -> dict[str, Any]:
        from include import pipeline

        return dict(pipeline.export(run.store, run.registry, run.source))

    def after(self, run: OpenRun, facts: dict[str, Any]) -> None:
        from include.registry import run_log
        from lastgood.operators.published import notify_news

        run_log.end(run.registry, run.source, run.version, "ok")
        try:
            notify_news(run.store, run.registry, run.source)
        except Exception:
            # Whatever it is, the version stands.
            self.log.exception("what is new in it could not be told; the watch does it")


class WatcherOperator(BaseOperator):
    """The leaf that fails when any step failed, so that no cleaning-up leaf can turn a failed run green.

    A step that was killed has said nothing, neither to people nor to the run log: this one finds it and closes the
    run in the run log.
    """

    def execute(self, context: Context) -> None:
        """Fail. Raises StepsKilled for what was silent, else AirflowException with the names of what failed."""
        from include.registry import run_log
        from lastgood.hooks.registry import RegistryHook

        dag_run = context["dag_run"]
        run_id = dag_run.run_id
        states = context["ti"].get_task_states(dag_id=self.dag_id, run_ids=[run_id]).get(run_id, {})
        failed = {self._step_of(key) for key, state in states.items() if state == "failed"} - {self.task_id}
        registry = RegistryHook().registry()
        silent = tuple(sorted(failed - self._noted(registry, run_id)))
        run_log.end_unended(
            registry,
            self.dag_id,
            run_id,
            silent[0] if silent else None,
            interval_end=interval_end(dag_run),
            run_type=run_type(dag_run),
            began=dag_run.start_date,
        )
        if silent:
            raise StepsKilled(silent)
        raise AirflowException(f"{', '.join(sorted(failed))} failed; the run log has the error")

    def _step_of(self, key: str) -> str:
        """The step of a task instance as Airflow names it: `extract`, or `extract_3` where it is mapped."""
        return key if key in self.upstream_task_ids else key.rpartition("_")[0]

    def _noted(self, registry: Registry, run_id: str) -> set[str]:
        """Steps whose last try noted its error; a mapped one is noted as `extract LABEL`."""
        from include.registry import run_history

        with registry.transaction() as cursor:
            return {key.split(" ")[0] for key in run_history.failed_steps(cursor, self.dag_id, run_id)}
