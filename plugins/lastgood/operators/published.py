"""What follows where latest was given another version, above all beside the source's own run.

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

    from include.alerting.alert import Alert
    from include.registry.registry import Registry
    from include.storage.store import Store

log = logging.getLogger(__name__)


def notify_derived(context: Context, source: str, version: str) -> None:
    """Have the DAGs run that are built from a source; which one it is, is known only now, so through the alias."""
    extra: Mapping[str, Any] = {"version": version}
    context["outlet_events"][DECIDED].add(asset_of(source), extra=extra)


def notify_not_exported(registry: Registry, source: str, version: str, why: str) -> None:
    """Notify people that the other forms of latest could not be written; the next run of the source writes them."""
    from include.monitoring import run_alerts

    notify(run_alerts.not_exported(registry, source, version, why, datetime.now(UTC)), registry)


def notify_news(store: Store, registry: Registry, source: str) -> int:
    """Notify people of what is new in latest of a source, once; answers of how much."""
    from include.monitoring import news
    from lastgood.notifiers.deployment import dispatcher

    return dispatcher().notify_news(news.of(store, registry, source, datetime.now(UTC)), registry)


def notify(alert: Alert, registry: Registry) -> None:
    """Notify people of what could not be done beside what was."""
    from lastgood.notifiers.deployment import dispatcher

    try:
        dispatcher().notify(alert, registry)
    except RuntimeError:
        log.exception("no channel took it; the watch tells it again")
