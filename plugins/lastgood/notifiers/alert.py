"""What Airflow calls when something went wrong, or right again: happening.py finds the words, tell.py the people.

Airflow calls on a task's worker (an exception, a timeout), in the dag-processor (a lost heartbeat, the run as a whole)
and on the triggerer (a deadline). A task killed by SIGKILL reaches only its run, a run that timed out none of its
tasks, and a lost heartbeat calls twice; so the notifier hangs everywhere, and episodes keep it to one message.

Nothing is told while tries are left: Airflow calls a task's failure callback after the last one, and what the next try
mends needs nobody.

The dag-processor imports this file again and again, so imports stand where they are needed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from airflow.sdk import BaseNotifier

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.alerting.alert import Alert
    from include.publishing.registry import Registry
    from lastgood.notifiers.happening import Happening

Event = Literal["failure", "success", "late", "gate"]


class AlertNotifier(BaseNotifier):
    """Tells people of what it hangs on, through every channel of the route.

    `on` is "failure" of a task or a run; "success" of a run, which ends its DAG's episodes; "late", a deadline; or
    "gate", success of the step gate, whose checks may have warned. Telling raises RuntimeError where no channel at
    all took it.
    """

    def __init__(self, on: Event = "failure", context: Context | None = None) -> None:
        super().__init__(context=context)
        self.on = on

    def notify(self, context: Context) -> None:
        """Do what this notifier is for."""
        from lastgood.notifiers import happening, tell
        from lastgood.notifiers.happening import Happening

        found = Happening.of(context, datetime.now(UTC))
        if self.on == "success":
            self._recover(found)
        elif self.on == "failure":
            with tell.patiently(happening.minimal(found)):
                self._tell(found)
        else:
            self._tell(found)

    async def async_notify(self, context: Context) -> None:
        """The same on the triggerer, whose loop must not wait for a mail server."""
        # Not asyncio.to_thread: the thread asks for connections through the loop that it was started from.
        from asgiref.sync import sync_to_async

        await sync_to_async(self.notify, thread_sensitive=False)(context)

    def _tell(self, found: Happening) -> None:
        from include.alerting import episodes
        from lastgood.notifiers import happening, tell

        registry, outage = self._registry()
        try:
            alert = self._alert(found, registry)
        except Exception:
            # Half a message is better than silence, whatever the reason is.
            self.log.exception("the alert could not be composed in full")
            alert = happening.minimal(found, {"late": "late", "gate": "gate-warned"}.get(self.on))
        if alert is not None:
            tell.tell(alert, registry, began=found.began, outage=outage)
        elif self.on == "gate" and registry is not None and happening.passed(found, registry):
            over = episodes.close(registry, found.alert("gate-warned", None, "").fingerprint)
            tell.tell_recovered(over, registry)

    def _alert(self, found: Happening, registry: Registry | None) -> Alert | None:
        from lastgood.notifiers import happening

        if self.on == "late":
            return happening.late(found, registry)
        if self.on == "gate":
            return happening.warned(found, registry)
        return happening.failure(found, registry)

    def _recover(self, found: Happening) -> None:
        from include.alerting import episodes
        from lastgood.notifiers import happening, tell

        registry, _ = self._registry()
        if registry is None:
            self.log.warning(
                "the registry does not answer: a later run ends the episodes of %s", found.dag_id
            )
        elif began := found.began or happening.began(found, registry):
            tell.tell_recovered(episodes.recover(registry, found.dag_id, began=began), registry)

    def _registry(self) -> tuple[Registry | None, Exception | None]:
        """The registry, or why there is none."""
        from lastgood.notifiers import tell

        try:
            return tell.open_registry(), None
        except Exception as error:  # noqa: BLE001
            # It is away, newer than this release, its migration fails, or what nobody foresaw: people are told anyhow.
            self.log.warning("the registry does not answer: %s", type(error).__name__)
            return None, error
