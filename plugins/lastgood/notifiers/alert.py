"""What Airflow calls when something went wrong, or right again.

callback_context.py reads what it hands over, include/monitoring/run_alerts.py finds the words, and
include/alerting/dispatch.py the people.

Airflow calls on a task's worker (an exception, a timeout) and in the dag-processor (a lost heartbeat, the run as a
whole). A task killed by SIGKILL reaches only its run, a run that timed out none of its tasks, and a lost heartbeat
calls twice; so the notifier hangs everywhere, and episodes keep it to one message.

Nobody is notified while tries are left: Airflow calls a task's failure callback after the last one, and what the next
try mends needs nobody.

The dag-processor imports this file again and again, so imports stand where they are needed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseNotifier

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.alerting.alert import Alert
    from include.monitoring.run_alerts import Callback
    from include.registry.registry import Registry

Event = Literal["failure", "success", "promoted"]


class AlertNotifier(BaseNotifier):
    """Notifies people of what it hangs on, through every channel of the route.

    `on` is "failure" of a task or a run; "success" of a run, which ends what it proves to be over; or "promoted",
    success of the step promote, whose checks may have warned. It raises RuntimeError where no channel at all took the
    message.
    """

    def __init__(self, on: Event = "failure", context: Context | None = None) -> None:
        super().__init__(context=context)
        self.on = on

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        """Nothing here is a template, and the DAG that dag.test() hands over has no Jinja environment to give."""

    def notify(self, context: Context) -> None:
        """Do what this notifier is for; nothing for a trial at the command line, whose result who typed it sees."""
        from include.monitoring import run_alerts
        from include.registry import run_log
        from lastgood.notifiers import callback_context
        from lastgood.notifiers.deployment import dispatcher

        of = callback_context.read(context, datetime.now(UTC))
        if of.run_id.startswith(run_log.TRIAL):
            self.log.info("%s is a trial at the command line: nobody is told.", of.run_id)
        elif self.on == "success":
            self._recover(of)
        elif self.on == "promoted":
            self._notify(of)
        else:
            try:
                with dispatcher().logged_if_slow(run_alerts.minimal(of)):
                    self._notify(of)
            finally:
                if of.cause is not None:
                    # The last line of the task's log, after Airflow's traceback and what the channels said.
                    self.log.error("%s", of.cause)

    def _notify(self, of: Callback) -> None:
        from include.alerting import episodes
        from include.monitoring import run_alerts
        from lastgood.notifiers.deployment import dispatcher

        registry, outage = self._registry()
        try:
            alert = self._alert(of, registry)
        except Exception:
            # Half a message is better than silence, whatever the reason is.
            self.log.exception("the alert could not be composed in full")
            alert = run_alerts.minimal(of, episodes.WARNED if self.on == "promoted" else None)
        if alert is not None:
            dispatcher().notify(
                alert,
                registry,
                began=of.began,
                outage=outage,
                hold=of.of_unit,
                run_is_over=not of.of_task,
            )
        elif self.on == "promoted" and registry is not None:
            over = episodes.close(registry, of.alert(episodes.WARNED, None, "").fingerprint)
            dispatcher().notify_recovered(over, registry)

    def _alert(self, of: Callback, registry: Registry | None) -> Alert | None:
        from include.monitoring import run_alerts

        if self.on == "promoted":
            return run_alerts.warned(of, registry)
        return run_alerts.failure(of, registry)

    def _recover(self, of: Callback) -> None:
        from include.alerting import episodes
        from include.monitoring import run_alerts
        from lastgood.notifiers.deployment import dispatcher

        registry, _ = self._registry()
        if registry is None:
            self.log.warning("the registry does not answer: a later run ends the episodes of %s", of.dag_id)
        elif proof := run_alerts.proof(of, registry):
            dispatcher().notify_recovered(episodes.recover(registry, of.dag_id, proof), registry)

    def _registry(self) -> tuple[Registry | None, Exception | None]:
        """The registry, or why there is none."""
        from lastgood.notifiers.deployment import AirflowDeployment

        try:
            return AirflowDeployment().open_registry(), None
        except Exception as error:  # noqa: BLE001
            # It is away, newer than this release, its migration fails, or what nobody foresaw: people hear it anyhow.
            self.log.warning("the registry does not answer: %s", type(error).__name__)
            return None, error
