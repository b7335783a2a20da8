"""The one way to people: the notifier, the watch and the listener say what happened, this says it to whom it concerns.

The registry knows what was told (include/alerting/episodes.py), the routing to whom and when to be silent, the channels
how. The log file is a channel that always belongs to the route and comes first.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from html import escape
from threading import Thread, Timer
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from airflow.sdk.exceptions import AirflowException

from include.alerting import episodes, message, redact, routing
from include.alerting.alert import HOUSE, Alert
from include.alerting.episodes import Episode, Reason
from include.alerting.message import Message
from include.alerting.routing import Routing
from include.alerting.words import moment
from include.publishing.store import Store
from lastgood.notifiers import channels
from lastgood.notifiers.outage import Noticed, Outage

if TYPE_CHECKING:
    from include.publishing.registry import Registry

LOG = "log"
REDELIVERED = 20
"""So many messages at once are told again; the others wait for the next watch."""
SHOWN = 15
"""So many of what failed in an outage of the registry are named when it is over."""
CONNECT_SECONDS = "4"
STORE_SECONDS = 3.0
PATIENCE_SECONDS = 10.0
"""Airflow ends a failed task 20 seconds later, with what it tells."""

log = logging.getLogger(__name__)
_T = TypeVar("_T")


def open_registry() -> Registry:
    """The registry. Raises soon where it does not answer, whatever is wrong with it."""
    from lastgood.hooks.registry import RegistryHook

    os.environ.setdefault("PGCONNECT_TIMEOUT", CONNECT_SECONDS)
    return RegistryHook().registry()


def _rules() -> Routing:
    """alerts.yml, and everybody is told of everything where it cannot be read."""
    try:
        return routing.load()
    except (routing.InvalidRouting, OSError):
        log.exception("alerts.yml cannot be used: every channel is told of everything")
        return routing.EVERYTHING


@contextmanager
def patiently(alert: Alert) -> Iterator[None]:
    """Where what stands within takes long, write the alert to the log file before Airflow ends the telling."""
    timer = Timer(PATIENCE_SECONDS, lambda: _to_log_file(alert, "slow", datetime.now(UTC)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def tell(
    alert: Alert,
    registry: Registry | None = None,
    *,
    began: datetime | None = None,
    outage: Exception | None = None,
) -> None:
    """Tell people of an alert unless they know, or it is silenced. `began` is when its run began.

    Without a registry they are told of that instead, once; `outage` is why there is none, where the caller has tried.
    Raises RuntimeError where no channel took what was to be told, not even the log file.
    """
    rules, now = _rules(), datetime.now(UTC)
    silence = rules.silence(alert, now)
    if outage is not None:
        _tell_of_outage(alert, outage, rules, now)
        return
    try:
        registry = registry or open_registry()
        if _met_outage(alert, began):
            log.info("%s: told together with the outage of the registry", alert.title)
            return
        episode = episodes.note(registry, alert, rules.pause, silenced=silence is not None, began=began)
    except Exception as error:  # noqa: BLE001
        # It is away, newer than this release, its migration fails, or what nobody foresaw: people are told anyhow.
        _tell_of_outage(alert, error, rules, now)
        return
    if silence is not None and episode.tell == "no":
        _to_log_file(alert, "silenced", now, silenced=silence.reason)
    if episode.tell != "no":
        _deliver(registry, episode, episode.tell, rules, now)


def tell_recovered(over: Iterable[Episode], registry: Registry | None = None) -> None:
    """Tell people that episodes are over, where nobody silenced them."""
    rules, now = _rules(), datetime.now(UTC)
    for episode in over:
        silence = rules.silence(episode.alert, now)
        if silence is None:
            _deliver(registry, episode, "recovered", rules, now)
        else:
            _to_log_file(episode.alert, "recovered", now, silenced=silence.reason)
            _keep(registry, episode, {LOG: None})  # else it counts as lost and is told by the next watch


def redeliver(registry: Registry) -> int:
    """Tell again what some channel had refused, newest first; answers how many messages are through now.

    What is silenced waits. Also closes the episodes of broken channels that take messages again, or have none waiting.
    """
    rules, now = _rules(), datetime.now(UTC)
    waiting = {episode.id: episode for episode in episodes.undelivered(registry)}
    loud = [episode for episode in waiting.values() if rules.silence(episode.alert, now) is None]
    through, took, broken = 0, set[str](), set[str]()
    for episode in reversed(loud[-REDELIVERED:]):
        del waiting[episode.id]
        refused = _refused_by(episode)
        # One that does not answer costs seconds, so it is asked once in a round.
        results = _send(episode, episode.reason, rules, now, only=refused or None, without=broken)
        # A channel that is no longer set up, or no longer in the route, has nothing to catch up with.
        gone = dict.fromkeys(name for name in refused if name not in broken)
        episodes.delivered(registry, episode.id, {**gone, **results})
        took |= {name for name, error in results.items() if error is None}
        broken |= {name for name, error in results.items() if error is not None}
        through += broken.isdisjoint({*results, *refused})
    behind = {name for episode in waiting.values() for name in _refused_by(episode)} - took
    for name in channels.CONNECTIONS.keys() - broken - behind:
        tell_recovered(episodes.close(registry, _broken(name, "", now).fingerprint, observed=now), registry)
    return through


def registry_is_back(registry: Registry, store: Store) -> bool:
    """Tell that an outage of the registry is over, if there was one, and which runs failed meanwhile.

    Answers whether people know now. Where no channel took it, the next watch tells it.
    """
    rules, now = _rules(), datetime.now(UTC)
    outages: list[Outage] = []
    noticed: list[Noticed] = []
    for outage in (Outage(store), Outage(_log_store())):
        try:
            noticed += outage.noticed()
        except Exception:
            # Every file system has errors of its own, and botocore's are no OSError. The watch looks at the rest.
            log.exception("what is remembered of an outage cannot be read")
        else:
            outages.append(outage)
    if not noticed:
        return False
    runs = {(one.alert.source, one.alert.run_id): one for one in reversed(noticed)}  # the first word of each
    met = [
        f"{one.alert.title} ({one.alert.run_id or 'no run'}, {moment(one.at)})"
        for one in list(reversed(runs.values()))[:SHOWN]
    ]
    if len(runs) > SHOWN:
        met.append(f"and {len(runs) - SHOWN} more")
    alert = _registry_down(
        f"It answers again. Meanwhile: {'; '.join(met)}",
        noticed[-1].at,
        consumers="Consumers keep reading the last good version of every source.",
    )
    silence = rules.silence(alert, now)
    if silence is not None:
        _to_log_file(alert, "recovered", now, silenced=silence.reason)
    else:
        results = _send(_unkept(alert, noticed[0].at, len(noticed), over=now), "recovered", rules, now)
        others = [error for name, error in results.items() if name != LOG]
        if others and None not in others:
            return False
    for one in noticed:
        # People know; what Airflow still says of these runs is to find that they do.
        episodes.note(registry, one.alert, rules.pause, silenced=True)
    for outage in outages:
        try:
            outage.over()
        except Exception:
            # As above; it is told once more.
            log.exception("an outage that is over cannot be forgotten")
    return True


# --- the registry does not answer ---


def _tell_of_outage(alert: Alert, error: Exception, rules: Routing, now: datetime) -> None:
    log.error("the registry does not answer: %s", redact.text(str(error)))
    met = {"Met by": alert.title, "Its error": alert.cause}
    if alert.run_id:
        met["Its run"] = alert.run_id
    down = _registry_down(
        redact.text(f"{type(error).__name__}: {' '.join(str(error).split())}"),
        now,
        consumers="Files of the last good version stay readable; what reads SQL may have to wait.",
        facts=met,
        links=alert.links,
    )
    # First, since the store may take longer than there is time.
    _to_log_file(alert, "registry-down", now)
    times = _times_told(alert, rules, now)
    if times is None or rules.silence(down, now) is not None:
        return
    reason: Reason = "first" if times == 1 else "again"
    _require_one(down, _send(_unkept(down, now, times), reason, rules, now))


def _times_told(alert: Alert, rules: Routing, now: datetime) -> int | None:
    """How often people have been told of the outage, with now; None where they are not to be told now."""
    from lastgood.hooks.store import store

    for place in (store, _log_store):
        try:
            return _remembered(place, lambda outage: outage.note(alert, now, rules.pause))
        except Exception as error:  # noqa: BLE001 - every file system has errors of its own
            log.warning("an outage cannot be remembered there: %s", redact.text(repr(error)))
    return 1  # nobody can remember, so everybody is told


def _met_outage(alert: Alert, began: datetime | None) -> bool:
    """Whether this attempt of the alert's run met an outage of the registry of which people were told."""
    from lastgood.hooks.store import store

    if alert.run_id is None:
        return False
    for place in (store, _log_store):
        try:
            noticed = _remembered(place, Outage.noticed)
        except Exception as error:  # noqa: BLE001 - every file system has errors of its own
            log.warning("whether there was an outage cannot be read there: %s", redact.text(repr(error)))
            continue
        for one in noticed:
            same = (one.alert.source, one.alert.run_id) == (alert.source, alert.run_id)
            if same and (began is None or one.at >= began):
                return True
    return False


def _remembered(place: Callable[[], Store], ask: Callable[[Outage], _T]) -> _T:
    """What a place knows of an outage. Raises whatever its file system does; TimeoutError where it hangs."""
    outage = Outage(place())  # not in the thread, which cannot ask Airflow for a Variable or a connection
    answer: Future[_T] = Future()

    def work() -> None:
        try:
            answer.set_result(ask(outage))
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            answer.set_exception(error)

    Thread(target=work, name="outage", daemon=True).start()
    return answer.result(STORE_SECONDS)


def _log_store() -> Store:
    folder = channels.log_folder() / "lastgood"
    return Store.from_uri(folder.absolute().as_uri())


def _registry_down(cause: str, at: datetime, **more: Any) -> Alert:
    return Alert(kind="registry-down", source=HOUSE, at=at, occurrence=at.isoformat(), cause=cause, **more)


def _unkept(alert: Alert, first: datetime, count: int, over: datetime | None = None) -> Episode:
    """An episode that no registry holds."""
    return Episode(
        id=0,
        alert=alert,
        count=count,
        first_seen=first,
        last_seen=alert.at,
        told=count,
        last_told=None,
        recovered_at=over,
        delivered={},
        runs={},
    )


# --- channels ---


def _deliver(
    registry: Registry | None, episode: Episode, reason: Reason, rules: Routing, now: datetime
) -> None:
    """Send a message, keep what became of it, and tell through the others of channels that did not take it."""
    results = _send(episode, reason, rules, now)
    _keep(registry, episode, results)
    _require_one(episode.alert, results)
    broken = {name: error for name, error in results.items() if error is not None and name != LOG}
    if registry is not None:
        _tell_of_broken(registry, broken, rules, now)


def _tell_of_broken(registry: Registry, broken: Mapping[str, str], rules: Routing, now: datetime) -> None:
    """What fails here is kept for the next watch and not told of in its turn, which would have no end."""
    for name, error in broken.items():
        alert = _broken(name, error, now)
        silenced = rules.silence(alert, now) is not None
        try:
            episode = episodes.note(registry, alert, rules.pause, silenced=silenced)
        except Exception:
            # Whatever it is, the message itself is out.
            log.exception("channel %s is broken, and the registry could not be told", name)
            continue
        if episode.tell != "no":
            _keep(registry, episode, _send(episode, episode.tell, rules, now, without=broken))


def _broken(name: str, error: str, now: datetime) -> Alert:
    return Alert(
        kind="channel-broken",
        source=HOUSE,
        what=name,
        at=now,
        occurrence=now.isoformat(),
        cause=error,
        consumers="Consumers keep reading the last good version of every source.",
        facts={"Connection": channels.CONNECTIONS.get(name, "none")},
    )


def _send(
    episode: Episode,
    reason: Reason,
    rules: Routing,
    now: datetime,
    *,
    only: Sequence[str] | None = None,
    without: Iterable[str] = (),
) -> dict[str, str | None]:
    """Give an episode's message to the log file, then to the channels of its route; answers what became of it."""
    results: dict[str, str | None] = {}
    if only is None or LOG in only:
        results[LOG] = _to_log_file(episode.alert, reason, now)
    route = rules.route(episode.alert)
    skipped = {LOG, *without}
    names = [name for name in route.channels if name not in skipped and (only is None or name in only)]
    results |= channels.send(names, _compose(episode, reason, rules, now), route.to)
    for name, error in results.items():
        if error is not None:
            log.error("%r did not reach %s: %s", episode.alert.title, name, error)
    return results


def _compose(episode: Episode, reason: Reason, rules: Routing, now: datetime) -> Message:
    try:
        return message.compose(episode, reason, rules.runbook, now)
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


def _to_log_file(alert: Alert, event: str, now: datetime, silenced: str | None = None) -> str | None:
    """Write the alert's line; answers why where it could not be written."""
    line = {"told_at": now.isoformat(), "event": event, "silenced": silenced, "title": alert.title}
    try:
        channels.to_log_file({**line, **msgspec.to_builtins(alert)})
    except (OSError, AirflowException) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _keep(registry: Registry | None, episode: Episode, results: Mapping[str, str | None]) -> None:
    if registry is None:
        return
    try:
        episodes.delivered(registry, episode.id, results)
    except Exception:
        # Whatever it is, the message itself is out.
        log.exception("what became of a message could not be kept")


def _refused_by(episode: Episode) -> list[str]:
    """The channels that did not take its last message; none where its teller died before it tried."""
    return [name for name, error in episode.delivered.items() if error is not None]


def _require_one(alert: Alert, results: Mapping[str, str | None]) -> None:
    if all(error is not None for error in results.values()):
        raise RuntimeError(f"no channel took the alert {alert.title!r}: {dict(results)}")
