"""The watch as a task: what the rules find is told, what they no longer find is over, and the heartbeat goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from lastgood.operators.operations import OperationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.alerting.alert import Alert
    from include.publishing.registry import Registry
    from include.publishing.store import Store

DEADMAN = "lastgood_deadman"
OTHER_RUN_TIMEOUT = timedelta(hours=12)
"""A run of the house's own DAGs is over by then."""
IMPORT_ERROR, BACKUP_OLD = "import-error", "backup-old"


class WatchOperator(OperationOperator):
    """Looks at everything once. Fails, and is told of, where a rule could not look or a finding could not be told."""

    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        from include import steps
        from include.alerting import episodes
        from include.monitoring import heartbeat, status, thresholds, watch
        from include.publishing import runlog
        from include.sources import source as sources
        from lastgood.notifiers import tell

        limits, now = thresholds.load(), datetime.now(UTC)
        specs = {name: sources.spec(name) for name in sources.names()}
        tell.registry_is_back(registry, store)
        closed = runlog.end_dead(
            registry, {name: spec.run_timeout for name, spec in specs.items()}, OTHER_RUN_TIMEOUT, now
        )
        backup, unopened = _backup_root()
        found = watch.observe(registry, store, limits, now, backup, folders=_folders(), specs=specs)
        if unopened:
            found.blind[BACKUP_OLD] = unopened
        trouble = [f"the rule {kind} could not look: {error}" for kind, error in found.blind.items()]
        trouble += _tell_all(found.alerts, registry)
        present = {alert.fingerprint for alert in found.alerts} | watch.import_errors(registry, limits, now)
        over = episodes.recover_absent(registry, present, {*found.seen, IMPORT_ERROR}, observed=now)
        tell.tell_recovered(over, registry)
        through = tell.redeliver(registry)
        complete = not trouble
        heartbeat.beat(
            store, now, code_version=steps.code_version(), findings=len(found.alerts), complete=complete
        )
        if not complete:
            raise AirflowException(f"The watch is incomplete: {'; '.join(trouble)}")
        rates = status.success_rates(registry, specs, limits.success_rate_runs)
        return {
            "findings": found.found,
            "recovered": len(over),
            "redelivered": through,
            "runs_closed": closed,
            "success_rates": {name: round(rate.percent, 1) for name, rate in rates.items()},
            "success_rate_goal": limits.success_rate_goal_percent,
            "deadman": _tell_deadman(registry),
        }


def _tell_all(alerts: list[Alert], registry: Registry) -> list[str]:
    """Tell of each; answers what no channel took, which must not keep the others from being told."""
    from lastgood.notifiers import tell

    untold = []
    for alert in alerts:
        try:
            tell.tell(alert, registry)
        except RuntimeError as error:
            untold.append(str(error))
    return untold


def _folders() -> dict[str, Any]:
    import tempfile
    from pathlib import Path

    from lastgood.notifiers import channels

    return {"temporary files": Path(tempfile.gettempdir()), "logs": channels.log_folder()}


def _backup_root() -> tuple[Store | None, str | None]:
    """The second root, or None where backups are not set up; and why it cannot be opened."""
    from lastgood.hooks.store import backup_root

    try:
        return backup_root(), None
    except Exception as error:  # noqa: BLE001 - every file system has errors of its own
        return None, f"{type(error).__name__}: {error}"


# --- the dead man's endpoint: an outside monitor that sounds the alarm when it is not asked for a while ---


def _tell_deadman(registry: Registry) -> str:
    """Ask the endpoint, if there is one; that it cannot be reached is told, but is no failure of the watch."""
    from include.alerting import episodes
    from lastgood.notifiers import channels, tell

    now = datetime.now(UTC)
    try:
        if not ping():
            return "not set up"
    except channels.NotDelivered as error:
        cause = f"the endpoint of {DEADMAN} was not reached: {error}"
        tell.tell(_broken(cause, now), registry)
        return cause
    tell.tell_recovered(episodes.close(registry, _broken("", now).fingerprint, observed=now), registry)
    return "reached"


def ping() -> bool:
    """GET the URL of the connection `lastgood_deadman`; False where there is none. Raises NotDelivered."""
    from airflow.sdk import BaseHook

    from lastgood.notifiers import channels

    try:
        connection = BaseHook.get_connection(DEADMAN)
    except AirflowNotFoundException:
        return False
    channels.ask("GET", channels.webhook_url(connection))
    return True


def _broken(error: str, now: datetime) -> Alert:
    from include.alerting.alert import HOUSE, Alert

    return Alert(
        kind="channel-broken",
        source=HOUSE,
        what="deadman",
        at=now,
        occurrence=now.isoformat(),
        cause=error,
        consumers="Consumers keep reading the last good version of every source.",
        facts={"Connection": DEADMAN},
    )
