"""A DAG file that cannot be read makes no run that could fail, so the dag-processor's listener notifies people of it.

Airflow loads this file in every one of its processes; what is heavy is imported once people are to be notified.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from include.alerting.alert import Alert

SECONDS = 5
"""The dag-processor waits no longer for a message, which goes on without it."""
SEEN_AGAIN = timedelta(minutes=5)
"""It parses a file twice a minute. What was seen counts this often, by which the watch knows that it is still there."""
LOOK_SECONDS = 20.0
"""So often the listener asks whether files of which it notified people can be read again."""
KEPT_SECONDS = 60.0
"""Airflow has kept an import error by then: its transaction was still open when it called the listener."""

log = logging.getLogger(__name__)
_notified_at: dict[str, datetime] = {}
"""When this process last notified people of a file, or tried to."""
_broken: dict[str, datetime] = {}
"""Files of which it did, and that cannot be read as far as this process knows; and since when."""
_kept: set[str] = set()
"""Those of them that Airflow has kept as import errors."""
_looks = Event()
"""Whether a thread looks for the end of them."""


class ImportErrorListener:
    """Notifies of import errors, new ones and those that are still there."""

    @hookimpl  # type: ignore[untyped-decorator]
    def on_new_dag_import_error(self, filename: str, stacktrace: str) -> None:
        """Called when a file cannot be read for the first time."""
        notify(filename, stacktrace)

    @hookimpl  # type: ignore[untyped-decorator]
    def on_existing_dag_import_error(self, filename: str, stacktrace: str) -> None:
        """Called whenever it was parsed again and still cannot be read."""
        notify(filename, stacktrace)


def notify(filename: str, stacktrace: str) -> None:
    """Notify of an import error, in a thread: the caller's has a transaction open, which a connection's lookup ends.

    Of a file this is done every five minutes at most: where the ways to people are away, each message takes long.
    """
    now = datetime.now(UTC)
    for file in [file for file, at in _notified_at.items() if now - at >= SEEN_AGAIN]:
        del _notified_at[file]
    if filename in _notified_at:
        return
    _notified_at[filename] = now
    thread = Thread(target=_notify, args=(filename, stacktrace, now), name="import-error", daemon=True)
    thread.start()
    thread.join(SECONDS)


def _notify(filename: str, stacktrace: str, now: datetime) -> None:
    try:
        # Within, since what made the file unreadable may be a module of ours.
        from lastgood.notifiers.deployment import dispatcher

        dispatcher().notify(_alert(filename, stacktrace, now))
        _broken.setdefault(filename, now)
        if not _looks.is_set():
            _looks.set()
            Thread(target=_look, name="import-errors", daemon=True).start()
    except Exception:
        # The dag-processor goes on, whatever happens here.
        log.exception("the import error of %s could not be told", filename)


def _alert(filename: str, stacktrace: str, now: datetime) -> Alert:
    from airflow.configuration import conf

    from include.monitoring import import_errors

    return import_errors.alert_of(
        filename, stacktrace, now, dags=Path(conf.get("core", "dags_folder")), every=SEEN_AGAIN
    )


# --- when it is over ---


def _look() -> None:
    """Ask until no file of which people were notified is broken any more."""
    try:
        while _broken:
            Event().wait(LOOK_SECONDS)
            try:
                over()
            except Exception:
                # It is asked again; what this process never learns the watch closes after a while.
                log.exception("whether broken files can be read again could not be asked")
    finally:
        _looks.clear()


def over() -> None:
    """Notify of the files that can be read again. Raises whatever keeps it from asking or notifying."""
    from include.alerting import episodes
    from lastgood.notifiers.deployment import AirflowDeployment, dispatcher

    now = datetime.now(UTC)
    kept = _import_errors()
    _kept.update(kept & _broken.keys())
    for filename, since in list(_broken.items()):
        new = filename not in _kept and (now - since).total_seconds() < KEPT_SECONDS
        if filename in kept or new:
            continue
        registry = AirflowDeployment().open_registry()
        fingerprint = _alert(filename, "", now).fingerprint
        dispatcher().notify_recovered(episodes.close(registry, fingerprint), registry)
        for known in (_broken, _notified_at):
            known.pop(filename, None)
        _kept.discard(filename)


def _import_errors() -> set[str]:
    """The files that Airflow cannot read; the dag-processor, where this runs, has its database at hand."""
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session(scoped=False) as session:
        return {error.full_file_path() for error in session.scalars(select(ParseImportError))}


class LastgoodPlugin(AirflowPlugin):
    """Registers the listener."""

    name = "lastgood"
    listeners = [ImportErrorListener()]  # noqa: RUF012 - Airflow's own form
