"""A DAG file that cannot be read makes no run that could fail, so the dag-processor's listener tells of it.

Airflow loads this file in every one of its processes; what is heavy is imported once something is to be told.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

SECONDS = 5
"""The dag-processor waits no longer for a telling, which goes on without it."""
SEEN_AGAIN = timedelta(minutes=5)
"""It parses a file twice a minute. What was seen counts this often, by which the watch knows that it is still there."""

log = logging.getLogger(__name__)
_told_at: dict[str, datetime] = {}
"""When this process last told of a file, or tried to."""


class ImportErrorListener:
    """Tells of import errors, new ones and those that are still there."""

    @hookimpl  # type: ignore[untyped-decorator]
    def on_new_dag_import_error(self, filename: str, stacktrace: str) -> None:
        """Called when a file cannot be read for the first time."""
        told(filename, stacktrace)

    @hookimpl  # type: ignore[untyped-decorator]
    def on_existing_dag_import_error(self, filename: str, stacktrace: str) -> None:
        """Called whenever it was parsed again and still cannot be read."""
        told(filename, stacktrace)


def told(filename: str, stacktrace: str) -> None:
    """Tell of an import error, in a thread: the caller's has a transaction open, which a connection's lookup ends.

    A file is told of every five minutes at most: where the ways to people are away, each telling takes long.
    """
    now = datetime.now(UTC)
    for file in [file for file, at in _told_at.items() if now - at >= SEEN_AGAIN]:
        del _told_at[file]
    if filename in _told_at:
        return
    _told_at[filename] = now
    thread = Thread(target=_tell, args=(filename, stacktrace, now), name="import-error", daemon=True)
    thread.start()
    thread.join(SECONDS)


def _tell(filename: str, stacktrace: str, now: datetime) -> None:
    try:
        # Within, since what made the file unreadable may be a module of ours.
        from airflow.configuration import conf

        from include.alerting import redact
        from include.alerting.alert import HOUSE, Alert
        from lastgood.notifiers import tell

        path, folder = Path(filename), Path(conf.get("core", "dags_folder"))
        last = ([line.strip() for line in stacktrace.splitlines() if line.strip()] or ["no reason given"])[-1]
        bucket = int(now.timestamp() // SEEN_AGAIN.total_seconds())
        tell.tell(
            Alert(
                kind="import-error",
                source=HOUSE,
                what=str(path.relative_to(folder) if path.is_relative_to(folder) else path.name),
                at=now,
                occurrence=f"{hashlib.sha256(last.encode()).hexdigest()[:16]} {bucket}",
                cause=redact.text(last),
                consumers="Consumers keep reading the last good version; nothing newer comes while it lasts.",
            )
        )
    except Exception:
        # The dag-processor goes on, whatever happens here.
        log.exception("the import error of %s could not be told", filename)


class LastgoodPlugin(AirflowPlugin):
    """Registers the listener."""

    name = "lastgood"
    listeners = [ImportErrorListener()]  # noqa: RUF012 - Airflow's own form
