"""Recovery as a task: what it promoted is told to the derived sources and written in its other forms."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from lastgood.assets import DECIDED
from lastgood.operators.operations import OperationOperator
from lastgood.operators.published import notify, notify_derived, notify_not_exported
from lastgood.ui import ui_url

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.registry.registry import Registry
    from include.storage.store import Store

log = logging.getLogger(__name__)


class RecoveryOperator(OperationOperator):
    """Does all there is to recover. Fails where something could not be done, unless it published something; then it
    tells people of both."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[DECIDED], **kwargs)

    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        from include.monitoring import run_alerts
        from include.operations import recovery

        report = recovery.recover(store, registry, now=datetime.now(UTC), who=self.dag_id)
        for error in report.errors:
            self.log.error("%s", error)
        if report.errors and not report.promoted:
            raise AirflowException(f"Recovery is incomplete: {'; '.join(report.errors)}")
        # A failed task tells no derived source anything; what is wrong still fails the next run.
        for source, version in report.promoted.items():
            notify_derived(context, source, version)
            _export(store, registry, source, version)
        for source, version in report.announced.items():
            notify_derived(context, source, version)
        if report.errors:
            incomplete = run_alerts.recovery_incomplete(
                report,
                dag_id=self.dag_id,
                task_id=self.task_id,
                run_id=context["dag_run"].run_id,
                ui=ui_url(),
                now=datetime.now(UTC),
            )
            notify(incomplete, registry)
        return report.facts


def _export(store: Store, registry: Registry, source: str, version: str) -> None:
    """Bring the other forms along."""
    from include import pipeline
    from include.registry.connection import error_summary

    try:
        pipeline.export(store, registry, source)
    except Exception as error:
        log.exception("the export of %s failed", source)
        notify_not_exported(registry, source, version, f"{type(error).__name__}: {error_summary(error)}")
