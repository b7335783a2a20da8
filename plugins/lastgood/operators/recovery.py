"""Recovery as a task: what it promoted is told to the derived sources and written in its other forms."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from lastgood.assets import DECIDED
from lastgood.operators.operations import OperationOperator
from lastgood.operators.published import tell_derived, tell_not_exported

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.publishing.registry import Registry
    from include.publishing.store import Store

log = logging.getLogger(__name__)


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
            tell_derived(context, source, version)
            _export(store, registry, source, version)
        return report.facts


def _export(store: Store, registry: Registry, source: str, version: str) -> None:
    """Bring the other forms along."""
    from include import steps
    from include.publishing.registry import said

    try:
        steps.export(store, registry, source)
    except Exception as error:
        log.exception("the export of %s failed", source)
        tell_not_exported(registry, source, version, f"{type(error).__name__}: {said(error)}")
