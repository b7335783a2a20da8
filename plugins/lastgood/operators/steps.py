"""The steps of a source DAG as operators: each opens the run, does one step of include/steps.py, notes its end.

Heavy imports stand inside execute(), since the dag-processor imports this file again and again.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

    from include.publishing import runlog
    from include.publishing.registry import Registry
    from include.sources.source import Run
    from include.upstream.session import UpstreamSession

BACKFILL = "backfill"
"""Airflow's run type."""
ENVIRONMENT = "LASTGOOD_ENV"


def open_run(source: str, context: Context, *, opens: bool) -> Run:
    """The run a task belongs to, as include sees it; `opens` is for its first step."""
    from include.publishing import runlog
    from include.sources.source import Run
    from lastgood.hooks.registry import RegistryHook
    from lastgood.hooks.store import store

    dag_run = context["dag_run"]
    end = interval_end(dag_run)
    registry = RegistryHook().registry()
    return Run(
        source=source,
        version=runlog.version_of(registry, source, dag_run.run_id, end, opens=opens),
        run_id=dag_run.run_id,
        interval_start=dag_run.data_interval_start,
        interval_end=end,
        params=dict(context["params"]),
        store=store(),
        registry=registry,
        backfill=dag_run.run_type == BACKFILL,
    )


def interval_end(dag_run: Any) -> datetime:
    """Where a run stands in time; one without an interval stands at its run_after."""
    end: datetime = dag_run.data_interval_end or dag_run.run_after
    return end


def run_type(dag_run: Any) -> str:
    """How a run came to be, in Airflow's words: scheduled, manual, backfill, …; Airflow gives an enum or its value."""
    return str(getattr(dag_run.run_type, "value", dag_run.run_type))


def open_upstream(run: Run) -> UpstreamSession | None:
    """The session with the run's upstream, by the source's connection; None for a derived source."""
    from include.sources.source import spec
    from include.upstream.breaker import Breaker
    from lastgood.hooks.upstream import UpstreamHook

    chosen = spec(run.source)
    if chosen.derived:
        return None
    breaker = Breaker(run.registry.connect, chosen.connection)
    hook = UpstreamHook(chosen.connection, chosen.limits, breaker, chosen.classifier, chosen.courtesy)
    return hook.session()


class StepOperator(BaseOperator):
    """One step of a source's run."""

    def __init__(self, *, source: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source

    def execute(self, context: Context) -> dict[str, Any]:
        """Do the step and note it in the run log; what it returns is the task's XCom."""
        from include.publishing import runlog

        run = open_run(self.source, context, opens=self.opens_run)
        if self.opens_run:
            runlog.start(
                run.registry,
                source=run.source,
                version=run.version,
                dag_id=self.dag_id,
                run_id=run.run_id,
                interval_start=run.interval_start,
                interval_end=run.interval_end,
                env=os.environ.get(ENVIRONMENT, "unnamed"),
                code_version=_code_version(),
                run_type=run_type(context["dag_run"]),
                began=getattr(context["dag_run"], "start_date", None),
            )
        try:
            with runlog.step(
                run.registry, run.source, run.version, self.step_name(), failure=self.failure
            ) as facts:
                facts.update(self.work(run, context))
        except _hopeless() as error:
            raise AirflowFailException(f"{type(error).__name__}: {error}") from error
        self.after(run, facts)
        return facts

    opens_run = False
    failure: runlog.Status = "fail"
    """How a run ends that this step fails."""

    def step_name(self) -> str:
        """What the run log calls this step."""
        return str(self.task_id)

    @abstractmethod
    def work(self, run: Run, context: Context) -> dict[str, Any]:
        """The step itself; returns facts for the run log and XCom."""

    def after(self, run: Run, facts: dict[str, Any]) -> None:
        """What follows once the step is noted."""

    def skip_unless_new(self, run: Run, facts: dict[str, Any]) -> None:
        """End the run as skipped where a step found nothing to do."""
        from include.publishing import runlog

        if not facts["new"]:
            runlog.end(run.registry, run.source, run.version, "skipped")
            raise AirflowSkipException(facts["reason"])


def _hopeless() -> tuple[type[Exception], ...]:
    """What would end the same way in every further try, and needs a person."""
    from include.publishing.manifest import AlteredFile
    from include.publishing.promotion import PromotionFailed, PromotionRefused
    from include.quality.contract import InvalidContract
    from include.upstream.answers import ContractBreak, Refused
    from include.upstream.limits import BadSetting

    return Refused, ContractBreak, BadSetting, InvalidContract, AlteredFile, PromotionFailed, PromotionRefused


def _code_version() -> str:
    from include.steps import code_version

    return code_version()


class ProbeOperator(StepOperator):
    """Asks whether the upstream has anything new; skips the run where it has not."""

    opens_run = True

    def work(self, run: Run, context: Context) -> dict[str, Any]:
        from include import steps
        from include.sources import source as sources
        from include.sources.source import Probe
        from lastgood.hooks.upstream import NoHost

        try:
            upstream = open_upstream(run)
        except NoHost:
            without_host = sources.spec(run.source).without_host
            if without_host is None:
                raise
            found = Probe(False, without_host, {"without_host": True})
        else:
            found = steps.probe(run, upstream)
        self.log.info("%s", found.reason)
        return {"new": found.new, "reason": found.reason, **found.upstream}

    def after(self, run: Run, facts: dict[str, Any]) -> None:
        self.skip_unless_new(run, facts)


class DiscoverOperator(StepOperator):
    """Finds out what the run has to ask for; its XCom is the list of units that extract is mapped over."""

    failure: runlog.Status = "partial"

    def execute(self, context: Context) -> list[dict[str, Any]]:  # type: ignore[override]
        """Do the step; returns the units as dicts."""
        units: list[dict[str, Any]] = super().execute(context)["units"]
        return units

    def work(self, run: Run, context: Context) -> dict[str, Any]:
        from dataclasses import asdict

        from include import steps

        upstream = open_upstream(run)
        assert upstream is not None, "a derived source has no units"
        found = steps.discover(run, upstream)
        self.log.info("%s", found.reason)
        return {"new": found.new, "reason": found.reason, "units": [asdict(unit) for unit in found.units]}

    def after(self, run: Run, facts: dict[str, Any]) -> None:
        self.skip_unless_new(run, facts)


class ExtractOperator(StepOperator):
    """Lands what the upstream has, raw, going on from the last complete part; of a unit where there are any."""

    def __init__(self, *, unit: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = unit

    @property
    def failure(self) -> runlog.Status:  # type: ignore[override]
        """What other units landed is taken over by the next run."""
        return "partial" if self.unit else "fail"

    def step_name(self) -> str:
        return f"{self.task_id} {self.unit['label']}" if self.unit else self.task_id

    def work(self, run: Run, context: Context) -> dict[str, Any]:
        from include import steps

        upstream = open_upstream(run)
        assert upstream is not None, "a derived source has no extract step"
        if self.unit is None:
            return dict(steps.extract(run, upstream))
        context["unit_label"] = self.unit["label"]  # type: ignore[typeddict-unknown-key]
        return dict(steps.extract(run, upstream, self.unit["key"]))

    def after(self, run: Run, facts: dict[str, Any]) -> None:
        # The unit that met what stops the run has failed and was alerted; one alert is enough.
        if "stopped" in facts:
            raise AirflowSkipException(facts["stopped"])


class BuildOperator(StepOperator):
    """Makes the candidate and seals it with its manifest."""

    def work(self, run: Run, context: Context) -> dict[str, Any]:
        from include import steps

        manifest = steps.build(run)
        return {
            **manifest.counts,
            "version": manifest.version,
            "rows": {entry.name: entry.rows for entry in manifest.tables},
            "quarantined": manifest.quarantine.rows,
        }


class CandidateRejected(AirflowFailException):
    """The gate's no: the alert shows the failing checks with their rows."""


class GateOperator(StepOperator):
    """Verifies every contract on the candidate; one that does not pass ends the run, and latest stays."""

    def work(self, run: Run, context: Context) -> dict[str, Any]:
        from include import steps

        verdict = steps.judge(run)
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
                f"{run.source} {run.version} did not pass its gate, consumers keep reading what they read. "
                f"{accept} {'; '.join(verdict.reasons)}"
            )
        return {"passed": verdict.count("PASSED"), "warned": verdict.count("WARN")}


class PromoteOperator(StepOperator):
    """Makes the candidate latest and tells the asset's consumers: version, interval and counts."""

    def __init__(self, *, asset: Asset, **kwargs: Any) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.asset = asset

    def work(self, run: Run, context: Context) -> dict[str, Any]:
        from include import steps
        from include.publishing import manifest as manifests

        done = steps.promote(run)
        manifest = manifests.require(run.store, run.source, run.version)
        facts = {"outcome": done.outcome.value, "latest": done.latest, "served": done.served}
        if done.latest == run.version:
            context["outlet_events"][self.asset].extra = {
                "version": run.version,
                "interval_start": run.interval_start.isoformat() if run.interval_start else None,
                "interval_end": run.interval_end.isoformat(),
                "rows": {entry.name: entry.rows for entry in manifest.tables},
                "changes": {c.table: [c.new, c.changed, c.deleted] for c in manifest.changes},
            }
        return facts

    def after(self, run: Run, facts: dict[str, Any]) -> None:
        from include.publishing import runlog

        runlog.end(run.registry, run.source, run.version, "ok")
        if facts["latest"] != run.version:
            raise AirflowSkipException(
                f"{run.version}: {facts['outcome']}; latest of {run.source} is {facts['latest']}."
            )


class ExportOperator(StepOperator):
    """Writes latest in the source's other forms; consumers of those switch when it is done."""

    def work(self, run: Run, context: Context) -> dict[str, Any]:
        from include import steps

        return dict(steps.export(run.store, run.registry, run.source))

    def after(self, run: Run, facts: dict[str, Any]) -> None:
        from include.publishing import runlog

        runlog.end(run.registry, run.source, run.version, "ok")


class StepsKilled(AirflowException):
    """What the watcher found: steps that failed without a word of their own."""

    def __init__(self, steps: tuple[str, ...]) -> None:
        super().__init__(f"{', '.join(steps)}: killed, or its worker was lost; no error was noted")
        self.steps = steps


class WatcherOperator(BaseOperator):
    """The leaf that fails when any step failed, so that no cleaning-up leaf can turn a failed run green.

    A step that was killed has said nothing, neither to people nor to the run log: this one finds it and closes the
    run in the run log.
    """

    def execute(self, context: Context) -> None:
        """Fail. Raises StepsKilled for what was silent, else AirflowException with the names of what failed."""
        from include.publishing import runlog
        from lastgood.hooks.registry import RegistryHook

        dag_run = context["dag_run"]
        run_id = dag_run.run_id
        states = context["ti"].get_task_states(dag_id=self.dag_id, run_ids=[run_id]).get(run_id, {})
        failed = {self._step_of(key) for key, state in states.items() if state == "failed"} - {self.task_id}
        registry = RegistryHook().registry()
        silent = tuple(sorted(failed - self._noted(registry, run_id)))
        runlog.end_unended(
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
        """Steps of the run that have noted an error; a mapped one is noted as `extract LABEL`."""
        with registry.cursor() as cursor:
            cursor.execute(
                "SELECT key FROM lastgood.pipeline_run, jsonb_each(steps) "
                "WHERE dag_id = %s AND run_id = %s AND value ? 'error'",
                (self.dag_id, run_id),
            )
            return {row["key"].split(" ")[0] for row in cursor.fetchall()}
