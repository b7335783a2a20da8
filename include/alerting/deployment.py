"""What dispatch asks of the deployment around it: ways to people, and what rooms above alerting know.

Alerting imports neither Airflow nor sources and monitoring, so it is handed an object that answers. The plugin's
(plugins/lastgood/notifiers/deployment.py) answers by Airflow's connections, Variables and options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from include.alerting.message import Message
    from include.registry.registry import Registry
    from include.storage.store import Store

Results = dict[str, str | None]
"""What became of a message, by channel: None where it was taken, else why not."""


class Deployment(Protocol):
    """Any of these may raise whatever it likes; a message then lacks a line, and is sent all the same."""

    @property
    def connections(self) -> Mapping[str, str]:
        """The channels that there are, and the connection that sets up each."""

    def send(self, names: Sequence[str], message: Message, to: Sequence[str] | None) -> Results:
        """Give a message to channels at once; leaves out what is not set up. `to` replaces the mail's recipients."""

    def is_set_up(self, channel: str) -> bool:
        """Whether a channel has a connection; also where that cannot be told."""

    def log_folder(self) -> Path:
        """Where Airflow's logs are, and the alerts with them."""

    def open_registry(self) -> Registry:
        """The registry. Raises soon where it does not answer, whatever is wrong with it."""

    def open_store(self) -> Store:
        """The store."""

    def runbook(self, otherwise: str) -> str:
        """The runbook's address; `otherwise` is what alerts.yml says."""

    def ui_url(self) -> str:
        """Airflow's UI."""

    def next_run(self, source: str, now: datetime) -> datetime | None:
        """When a source is collected next; None of one that has no schedule."""

    def consumers(
        self, registry: Registry, source: str, now: datetime, *, moved_to: str | None = None
    ) -> str:
        """What consumers of a source read at this moment, as a sentence; `moved_to` was just made latest."""

    def all_consumers(self, registry: Registry) -> str:
        """What consumers of every source read at this moment, as a sentence."""
