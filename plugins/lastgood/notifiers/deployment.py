"""This Airflow as the dispatcher sees it: channels by connections, registry and store by hooks, the runbook, the UI.

What alerting may not know of sources and freshness it gets here, too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from include.alerting.dispatch import Dispatcher
from include.monitoring.consumers import all_consumers, consumers
from include.monitoring.schedule import next_run
from lastgood.notifiers import channels
from lastgood.ui import ui_url

if TYPE_CHECKING:
    from include.alerting.deployment import Results
    from include.alerting.message import Message
    from include.registry.registry import Registry
    from include.storage.store import Store

RUNBOOK = "lastgood_runbook"
CONNECT_SECONDS = "4"


class AirflowDeployment:
    """Satisfies include.alerting.deployment.Deployment."""

    connections: Mapping[str, str] = channels.CONNECTIONS
    consumers = staticmethod(consumers)
    all_consumers = staticmethod(all_consumers)
    next_run = staticmethod(next_run)
    ui_url = staticmethod(ui_url)

    def send(self, names: Sequence[str], message: Message, to: Sequence[str] | None) -> Results:
        """Through the channels' connections."""
        return channels.send(names, message, to)

    def is_set_up(self, channel: str) -> bool:
        """Whether a channel has a connection; also where that cannot be told."""
        return channels.is_set_up(channel)

    def log_folder(self) -> Path:
        """Where Airflow writes its logs."""
        return channels.log_folder()

    def open_registry(self) -> Registry:
        """The registry, for which whoever notifies of a failure cannot wait long."""
        from lastgood.hooks.registry import RegistryHook

        os.environ.setdefault("PGCONNECT_TIMEOUT", CONNECT_SECONDS)
        return RegistryHook().registry()

    def open_store(self) -> Store:
        """The store that the Variable names."""
        from lastgood.hooks.store import store

        return store()

    def runbook(self, otherwise: str) -> str:
        """The Variable `lastgood_runbook`, else what alerts.yml says, else this Airflow's page."""
        from airflow.sdk import Variable

        from lastgood import pages

        found = str(Variable.get(RUNBOOK, default=None) or otherwise)
        if found.startswith(("http://", "https://")) or pages.runbook() is None:
            return found
        return f"{ui_url()}{pages.PREFIX}/runbook"


def dispatcher() -> Dispatcher:
    """The one way to people, through this Airflow."""
    return Dispatcher(AirflowDeployment())
