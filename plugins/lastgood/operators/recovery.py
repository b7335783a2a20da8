"""Recovery as a task: what it promoted is told to the derived sources and written in its other forms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from lastgood.assets import DECIDED, asset_of
from lastgood.operators.operations import OperationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.publishing.registry import Registry
    from include.publishing.store import Store


class RecoveryOperator(OperationOperator):
    """Does all there is to recover. Fails where something could not be done, unless it published something."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[DECIDED], **kwargs)

    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        from include.publishing import recovery

        report = recovery.recover(store, registry, now=datetime.now(UTC), who=self.dag_id)
        for error in report.errors:
            self.log.error("%s", error)
        if report.errors and not report.promoted:
            raise AirflowException(f"Recovery is incomplete: {'; '.join(report.errors)}")
        # A failed task tells no derived source anything; what is wrong still fails the next run.
        for source, version in report.promoted.items():
            context["outlet_events"][DECIDED].add(asset_of(source), extra={"version": version})
            _export(store, registry, source, version)
        return report.facts


def _export(store: Store, registry: Registry, source: str, version: str) -> None:
    """Bring the other forms along; that they could not be written is told, since the promotion stands."""
    from include import steps
    from include.alerting import redact
    from include.alerting.alert import Alert
    from include.monitoring import status
    from lastgood.notifiers import tell

    now = datetime.now(UTC)
    try:
        steps.export(store, registry, source)
    except (OSError, ValueError, LookupError) as error:
        alert = Alert(
            kind="task-failed",
            source=source,
            what="export",
            at=now,
            occurrence=f"{version} export after recovery",
            cause=redact.text(
                f"Recovery published {version}, but its other forms could not be written: "
                f"{type(error).__name__}: {error}"
            ),
            step="export",
            consumers=status.consumers(registry, source, now),
        )
        tell.tell(alert, registry)
