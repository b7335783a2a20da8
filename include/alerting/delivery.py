"""One message on its way: into the log file first, then through the channels of its route, last into the store."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from functools import partial
from html import escape
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from include import release
from include.alerting import links, message, redact
from include.alerting.alert import SENT_FOLDER, Alert
from include.alerting.message import Attachment, Message, Place

if TYPE_CHECKING:
    from include.alerting.deployment import Deployment, Results
    from include.alerting.episodes import Episode, Reason
    from include.alerting.routing import Routing
    from include.registry.registry import Registry
    from include.storage.store import Store

LOG = "log"
"""The log file as a channel: it belongs to every route."""
LOG_FILE = "lastgood/alerts.jsonl"
"""Below the folder of Airflow's logs."""
STORE_SECONDS = 3.0
ATTACHED_BYTES = 5_000_000
"""More than a server on the way may take."""

log = logging.getLogger(__name__)
_S = TypeVar("_S")
_T = TypeVar("_T")


class Delivery:
    """Sends messages; it decides neither whether nor how often."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def send(
        self,
        registry: Registry | None,
        episode: Episode,
        reason: Reason,
        rules: Routing,
        now: datetime,
        *,
        only: Sequence[str] | None = None,
        without: Iterable[str] = (),
        also: Sequence[Episode] = (),
    ) -> Results:
        """Give an episode's message to the log file and the channels of its route; answers what became of it."""
        results: Results = {}
        if only is None or LOG in only:
            results[LOG] = self.to_log_file(episode.alert, reason, now)
            for each in also:
                self.to_log_file(each.alert, reason, now)
        route = rules.route(episode.alert)
        skipped = {LOG, *without}
        names = [name for name in route.channels if name not in skipped and (only is None or name in only)]
        place = self._place(registry, episode.alert, rules, now)
        composed = _compose(episode, reason, place, now, also)
        if "mail" in names and reason != "recovered":
            composed = replace(composed, attachments=self._attachments(episode.alert))
        results |= self.deployment.send(names, composed, route.to)
        for name, error in results.items():
            if error is not None:
                log.error("%r did not reach %s: %s", episode.alert.title, name, error)
        if only is None:
            # Last, since the store may take longer than there is time.
            self._to_store([_line(each.alert, reason, now) for each in (episode, *also)], now)
        return results

    def to_log_file(self, alert: Alert, event: str, now: datetime, silenced: str | None = None) -> str | None:
        """Write the alert's line, which needs nothing but a disk; answers why where it could not be written."""
        line = json.dumps(_line(alert, event, now, silenced), ensure_ascii=False, default=str)
        try:
            path = self.deployment.log_folder() / LOG_FILE
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as handle:
                handle.write(line + "\n")
        except Exception as error:  # noqa: BLE001 - whatever it is, the other channels come next
            return f"{type(error).__name__}: {error}"
        return None

    def _to_store(self, lines: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Keep in the store what was sent: a worker's disk may be gone with the worker, and the log file with it.

        One file for each message, which nobody else writes. Nobody hears of what fails here: the registry has it too.
        """
        key = f"{SENT_FOLDER}/{now:%Y-%m-%d}/{now:%H%M%S}-{secrets.token_hex(4)}.jsonl"
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        try:
            within(self.deployment.open_store(), lambda store: store.write_bytes(key, data))
        except Exception as error:  # noqa: BLE001 - every file system has errors of its own
            log.warning("an alert could not be kept in the store: %s", redact.text(repr(error)))

    def _attachments(self, alert: Alert) -> tuple[Attachment, ...]:
        """The files that go with an alert; the message goes without one that cannot be read, or is too large."""
        found = []
        for name, key in alert.attachments.items():
            try:
                content = within(self.deployment.open_store(), partial(_read, key=key))
            except Exception as error:  # noqa: BLE001 - every file system has errors of its own
                log.warning("%s could not be attached: %s", key, redact.text(repr(error)))
                continue
            if len(content) <= ATTACHED_BYTES:
                found.append(Attachment(name, content))
            else:
                log.warning("%s is not attached: it has %s bytes", key, len(content))
        return tuple(found)

    def _place(self, registry: Registry | None, alert: Alert, rules: Routing, now: datetime) -> Place:
        """What the message says of this deployment; what cannot be had is left out."""
        found: dict[str, Any] = {"runbook": rules.runbook}
        asked: dict[str, Callable[[], Any]] = {
            "runbook": lambda: self.deployment.runbook(rules.runbook),
            "env": environment,
            "links": lambda: links.of_alert(self.deployment.ui_url(), alert),
            "next_run": lambda: self.deployment.next_run(alert.source, now),
            "reads": lambda: self.deployment.consumers(registry, alert.source, now) if registry else None,
        }
        for name, ask in asked.items():
            try:
                found[name] = ask()
            except Exception:
                # A message that lacks a line is better than none, whatever the reason is.
                log.exception("%s of the message could not be found", name)
        return Place(**found)


def _read(store: Store, key: str) -> bytes:
    return store.read_bytes(key)


def environment() -> str | None:
    """The deployment's name; None where it has none."""
    found = release.environment()
    return None if found == release.UNNAMED else found


def require_one(alert: Alert, results: Mapping[str, str | None]) -> None:
    """Raise RuntimeError where no channel took an alert, not even the log file."""
    if all(error is not None for error in results.values()):
        raise RuntimeError(f"no channel took the alert {alert.title!r}: {dict(results)}")


def within(thing: _S, ask: Callable[[_S], _T]) -> _T:
    """Ask a thing that may hang. It is made before: a thread cannot ask Airflow for a Variable or a connection.

    Raises whatever it raises; TimeoutError where it hangs.
    """
    answer: Future[_T] = Future()

    def work() -> None:
        try:
            answer.set_result(ask(thing))
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            answer.set_exception(error)

    Thread(target=work, name="store", daemon=True).start()
    return answer.result(STORE_SECONDS)


def _compose(
    episode: Episode, reason: Reason, place: Place, now: datetime, also: Sequence[Episode]
) -> Message:
    try:
        return message.compose(episode, reason, place, now, also)
    except Exception:
        # A plain message is better than none, whatever the reason is.
        log.exception("the message could not be composed in full")
        alert = episode.alert
        text = f"{alert.title}\n\n{redact.text(alert.cause)}\n\n{alert.consumers}"
        return Message(
            subject=f"[{reason}] {alert.title}",
            text=text,
            html=f"<pre>{escape(text)}</pre>",
            slack={"text": text},
            plain={"title": alert.title, "text": text},
        )


def _line(alert: Alert, event: str, now: datetime, silenced: str | None = None) -> dict[str, Any]:
    recovered = event == "recovered"
    line = {
        "told_at": now.isoformat(),
        "event": event,
        "silenced": silenced,
        "title": alert.past_title if recovered else alert.title,
    }
    kept = msgspec.to_builtins(alert)
    if recovered:  # what they read then is no longer so, and the log file asks no database what they read now
        kept["consumers_then"] = kept.pop("consumers")
    return {**line, **kept}
