"""What follows where latest was given another version beside the source's own run: by a decision or by recovery.

A task that fails tells no derived source anything, so nothing here may fail it: latest has moved.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lastgood.assets import DECIDED, asset_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.publishing.registry import Registry

log = logging.getLogger(__name__)


def tell_derived(context: Context, source: str, version: str) -> None:
    """Have the DAGs run that are built from a source; which one it is, is known only now, so through the alias."""
    extra: Mapping[str, Any] = {"version": version}
    context["outlet_events"][DECIDED].add(asset_of(source), extra=extra)


def tell_not_exported(registry: Registry, source: str, version: str, why: str) -> None:
    """Tell people that the other forms of latest could not be written; the next run of the source writes them."""
    from include.alerting import redact
    from include.alerting.alert import Alert
    from include.monitoring.consumers import consumers
    from lastgood.notifiers import tell

    now = datetime.now(UTC)
    alert = Alert(
        kind="task-failed",
        source=source,
        what="export",
        at=now,
        occurrence=f"{version} export",
        cause=redact.text(f"{version} is latest, but its other forms could not be written: {why}"),
        step="export",
        consumers=consumers(registry, source, now),
    )
    try:
        tell.tell(alert, registry)
    except RuntimeError:
        log.exception("no channel took it; the watch tells it again")
