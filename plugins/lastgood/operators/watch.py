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
CONNECT_SECONDS, ANSWER_SECONDS = 4, 8
OTHER_RUN_TIMEOUT = timedelta(hours=12)
"""A run of the house's own DAGs is over by then."""
IMPORT_ERROR, CHANNEL_BROKEN, BACKUP_OLD = "import-error", "channel-broken", "backup-old"


class NotReached(RuntimeError):
    """The dead man's endpoint did not answer well; the sentence names no URL, which is a secret."""


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
    except (ValueError, OSError, AirflowException) as error:
        return None, f"{type(error).__name__}: {error}"


# --- the dead man's endpoint: an outside monitor that sounds the alarm when it is not asked for a while ---


def _tell_deadman(registry: Registry) -> str:
    """Ask the endpoint, if there is one; that it cannot be reached is told, but is no failure of the watch."""
    from include.alerting import episodes
    from lastgood.notifiers import tell

    now = datetime.now(UTC)
    try:
        if not ping():
            return "not set up"
    except NotReached as error:
        tell.tell(_broken(str(error), now), registry)
        return str(error)
    mine = _broken("", now).fingerprint
    others = {each.alert.fingerprint for each in episodes.open_episodes(registry)} - {mine}
    tell.tell_recovered(episodes.recover_absent(registry, others, [CHANNEL_BROKEN], observed=now), registry)
    return "reached"


def ping() -> bool:
    """GET the URL of the connection `lastgood_deadman`; False where there is none. Raises NotReached."""
    import requests
    from airflow.sdk import BaseHook

    from lastgood.notifiers.channels import NotDelivered, webhook_url

    try:
        connection = BaseHook.get_connection(DEADMAN)
    except AirflowNotFoundException:
        return False
    try:
        url = webhook_url(connection)
    except NotDelivered:
        raise NotReached(
            f"the connection {DEADMAN} makes no URL: give a host, the secret part as password"
        ) from None
    try:
        with (
            requests.Session() as session,
            session.get(
                url,
                auth=lambda request: request,  # else a .netrc would add a login
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
                stream=True,  # the answer's body is of no use and stays unread
            ) as answer,
        ):
            status = answer.status_code
    except (requests.RequestException, ValueError) as error:
        raise NotReached(f"the endpoint of {DEADMAN} was not reached: {type(error).__name__}") from None
    if not requests.codes.ok <= status < requests.codes.multiple_choices:
        raise NotReached(f"the endpoint of {DEADMAN} answered {status}")
    return True


def _broken(error: str, now: datetime) -> Alert:
    from include.alerting.alert import HOUSE, Alert

    return Alert(
        kind=CHANNEL_BROKEN,
        source=HOUSE,
        what="deadman",
        at=now,
        occurrence=now.isoformat(),
        cause=error,
        consumers="Consumers keep reading the last good version of every source.",
        facts={"Connection": DEADMAN},
    )
