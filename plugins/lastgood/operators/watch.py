"""The watch as a task: it notifies people of what the rules find, ends what they no longer find, and beats."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from lastgood.operators.operations import OperationOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.alerting.alert import Alert
    from include.monitoring.doctor import Record
    from include.registry.registry import Registry
    from include.storage.store import Store

log = logging.getLogger(__name__)
DEADMAN = "lastgood_deadman"
OTHER_RUN_TIMEOUT = timedelta(hours=12)
"""A run of Lastgood's own DAGs is over by then."""
IMPORT_ERROR, BACKUP_OLD = "import-error", "backup-old"


class WatchOperator(OperationOperator):
    """Looks at everything once. Fails, and so makes a message, where a rule could not look or no channel took one."""

    def work(self, store: Store, registry: Registry, context: Context) -> dict[str, Any]:
        from include import release
        from include.alerting import episodes
        from include.monitoring import doctor, heartbeat, status, thresholds, watch
        from include.registry import run_log
        from include.sources import source as sources
        from lastgood.notifiers.deployment import dispatcher

        dispatch = dispatcher()
        limits, now = thresholds.load(), datetime.now(UTC)
        specs = {name: sources.spec(name) for name in sources.names()}
        dispatch.registry_is_back(registry, store)
        closed = run_log.end_dead(
            registry, {name: spec.run_timeout for name, spec in specs.items()}, OTHER_RUN_TIMEOUT, now
        )
        backup, unopened = _backup_root()
        found = watch.observe(registry, store, limits, now, backup, folders=_folders(), specs=specs)
        if unopened:
            found.failed_rules[BACKUP_OLD] = unopened
        record, looked = _doctor(store, registry, context, now)
        if isinstance(record, str):
            found.failed_rules[doctor.KIND] = record
        trouble = [f"the rule {kind} could not look: {error}" for kind, error in found.failed_rules.items()]
        trouble += _notify_all(found.alerts, registry)
        dispatch.notify_held(registry)
        present = {alert.fingerprint for alert in found.alerts} | watch.import_errors(registry, limits, now)
        setup, kinds = None, {*found.seen, IMPORT_ERROR}
        if not isinstance(record, str):
            kinds.add(doctor.KIND)
            setup = doctor.alert(record.findings, now)
        if setup is not None:
            present.add(setup.fingerprint)
            trouble += _notify_all([setup] if looked else [], registry)
        over = episodes.recover_absent(registry, present, kinds, observed=now)
        over += episodes.recover_accepted(registry)
        dispatch.notify_recovered(over, registry)
        decisions, untaken = _notify_decisions(registry)
        trouble += untaken
        news, untold = _notify_news(store, registry)
        trouble += untold
        through = dispatch.redeliver(registry)
        complete = not trouble
        heartbeat.beat(
            store,
            now,
            code_version=release.code_version(),
            findings=len(found.alerts) + (setup is not None),
            complete=complete,
        )
        if not complete:
            raise AirflowException(f"The watch is incomplete: {'; '.join(trouble)}")
        rates = status.success_rates(registry, specs, limits.success_rate_runs)
        return {
            "findings": found.found,
            "doctor": f"{len(setup.facts) if setup else 0} wrong",
            "recovered": len(over),
            "decisions_told": decisions,
            "news_told": news,
            "redelivered": through,
            "runs_closed": closed,
            "success_rates": {name: round(rate.percent, 1) for name, rate in rates.items()},
            "success_rate_goal": limits.success_rate_goal_percent,
            "deadman": _notify_of_deadman(registry),
        }


def _doctor(store: Store, registry: Registry, context: Context, now: datetime) -> tuple[Record | str, bool]:
    """What the doctor found last, and whether that was now: once a day, and every hour while something is wrong.

    Where it could not look, why: that must keep nobody from looking at the rest.
    """
    from include.alerting import redact
    from include.monitoring import doctor
    from lastgood.doctor import look_at_all

    try:
        last = doctor.last_record(store)
        if last is not None and not doctor.is_due(last, now):
            return last, False
        findings, _ = look_at_all(registry, context, now, watching=True)
        return doctor.keep(store, findings, now, context["dag_run"].run_id), True
    except Exception as error:
        log.exception("the doctor could not look")
        return redact.text(f"{type(error).__name__}: {error}"), False


def _notify_all(alerts: list[Alert], registry: Registry) -> list[str]:
    """Notify of each; answers what no channel took, which must not keep the others from people."""
    from lastgood.notifiers.deployment import dispatcher

    untaken = []
    for alert in alerts:
        try:
            dispatcher().notify(alert, registry)
        except RuntimeError as error:
            untaken.append(str(error))
    return untaken


def _notify_decisions(registry: Registry) -> tuple[int, list[str]]:
    """Notify of what was decided in a shell, or by a form that could not do it."""
    from include.alerting import redact
    from lastgood.notifiers.deployment import dispatcher

    try:
        return dispatcher().notify_decisions(registry)
    except Exception as error:
        # It must not keep the rest from people.
        log.exception("what was decided could not be told")
        return 0, [f"what was decided could not be told: {redact.text(f'{type(error).__name__}: {error}')}"]


def _notify_news(store: Store, registry: Registry) -> tuple[int, list[str]]:
    """Notify of what is new in latest of the sources, where the step export has not: others move latest too."""
    from include.alerting import redact
    from include.sources import source as sources
    from lastgood.operators.published import notify_news

    told, trouble = 0, []
    for source in sources.names():
        try:
            told += notify_news(store, registry, source)
        except Exception as error:
            # It must not keep the rest from people.
            log.exception("the news of %s could not be told", source)
            trouble.append(
                f"the news of {source} could not be told: {redact.text(f'{type(error).__name__}: {error}')}"
            )
    return told, trouble


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


def _notify_of_deadman(registry: Registry) -> str:
    """Ask the endpoint, if there is one; people hear where it cannot be reached, but the watch does not fail of it."""
    from include.alerting import episodes
    from include.alerting.dispatch import channel_broken
    from lastgood.notifiers import channels
    from lastgood.notifiers.deployment import dispatcher

    now = datetime.now(UTC)
    try:
        if not ping():
            return "not set up"
    except channels.NotDelivered as error:
        cause = f"the endpoint of {DEADMAN} was not reached: {error}"
        dispatcher().notify(channel_broken("deadman", DEADMAN, cause, now), registry)
        return cause
    reached = channel_broken("deadman", DEADMAN, "", now).fingerprint
    dispatcher().notify_recovered(episodes.close(registry, reached, observed=now), registry)
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
