"""The one way to people: notifier, watch and listener say what happened, the dispatcher says it to whom it concerns.

The registry knows who was notified of what (episodes.py, decided.py), the routing to whom it goes and when to be silent
(routing.py), the delivery how (delivery.py). Without a registry people hear of that instead (outage.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Timer
from typing import TYPE_CHECKING

import msgspec

from include.alerting import episodes, links, routing, silences
from include.alerting.alert import SYSTEM, Alert
from include.alerting.delivery import LOG, Delivery, require_one
from include.alerting.episodes import Episode, Reason
from include.alerting.outage import Outage

if TYPE_CHECKING:
    from include.alerting.decided import Decision
    from include.alerting.deployment import Deployment
    from include.alerting.routing import Routing
    from include.registry.registry import Registry
    from include.storage.store import Store

BROKEN = "channel-broken"
REDELIVERED = 20
"""So many messages at once are sent again; the others wait for the next watch."""
HELD = timedelta(minutes=30)
"""So long units that failed wait for others of a run that does not end."""
SLOW_SECONDS = 10.0
"""Airflow ends a failed task 20 seconds later, with what notifies of it."""

log = logging.getLogger(__name__)


class Dispatcher:
    """Notifies people of alerts, of their end and of decisions."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._delivery = Delivery(deployment)
        self._outage = Outage(self._delivery)

    # --- alerts ---

    @contextmanager
    def logged_if_slow(self, alert: Alert) -> Iterator[None]:
        """Where what stands within takes long, write the alert to the log file before Airflow ends the process."""
        timer = Timer(SLOW_SECONDS, lambda: self._delivery.to_log_file(alert, "slow", datetime.now(UTC)))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def notify(
        self,
        alert: Alert,
        registry: Registry | None = None,
        *,
        began: datetime | None = None,
        outage: Exception | None = None,
        hold: bool = False,
        run_is_over: bool = False,
    ) -> None:
        """Notify people of an alert unless they know, or it is silenced. `began` is when its run began.

        `hold` is for a unit of a mapped step: people hear of it with the others of its run, from whoever says that
        `run_is_over`, or from the watch.

        Without a registry they hear of that instead, once; `outage` is why there is none, where the caller has tried.
        Raises RuntimeError where no channel took the message, not even the log file.
        """
        rules, now = _rules(), datetime.now(UTC)
        if outage is not None:
            self._outage.notify(alert, outage, rules, now)
            return
        try:
            registry = registry or self._deployment.open_registry()
            rules = _rules(registry)
            silence = rules.silence(alert, now)
            if self._outage.met(alert, began):
                log.info("%s: told together with the outage of the registry", alert.title)
                return
            episode = episodes.note(
                registry, alert, rules.pause, silenced=silence is not None, began=began, hold=hold
            )
            if run_is_over and alert.run_id in episode.held:
                self._notify_held(registry, episode.alert, alert.run_id, rules, now)
                return
        except Exception as error:  # noqa: BLE001
            # It is away, newer than this release, its migration fails, or what nobody foresaw: people hear it anyhow.
            self._outage.notify(alert, error, rules, now)
            return
        if silence is not None and episode.notify == "no":
            self._delivery.to_log_file(alert, "silenced", now, silenced=silence.reason)
        if episode.notify != "no":
            self._deliver(registry, episode, episode.notify, rules, now)

    def notify_held(self, registry: Registry) -> None:
        """Notify of what is held back of runs that are over by now, or of which nothing new came for a while."""
        rules, now = _rules(registry), datetime.now(UTC)
        for episode, run_id in episodes.held_back(registry, HELD):
            self._notify_held(registry, episode.alert, run_id, rules, now)

    def _notify_held(
        self, registry: Registry, alert: Alert, run_id: str, rules: Routing, now: datetime
    ) -> None:
        silence = rules.silence(alert, now)
        episode = episodes.release(
            registry, alert.source, run_id, rules.pause, at=now, silenced=silence is not None
        )
        if episode is None:
            return
        if silence is not None:
            self._delivery.to_log_file(episode.alert, "silenced", now, silenced=silence.reason)
        elif episode.notify != "no":
            self._deliver(registry, episode, episode.notify, rules, now)

    def notify_recovered(self, over: Iterable[Episode], registry: Registry | None = None) -> None:
        """Say that episodes are over, where nobody silenced them; those of one source together."""
        rules, now = _rules(registry), datetime.now(UTC)
        together: dict[tuple[str, str], list[Episode]] = {}
        for episode in over:
            silence = rules.silence(episode.alert, now)
            if silence is None:
                way = (episode.alert.source, repr(rules.route(episode.alert)))
                together.setdefault(way, []).append(episode)
            else:
                self._delivery.to_log_file(episode.alert, "recovered", now, silenced=silence.reason)
                _keep(registry, episode, {LOG: None})  # else it counts as lost and the next watch sends it
        for first, *others in together.values():
            self._deliver(registry, first, "recovered", rules, now, also=others)

    def registry_is_back(self, registry: Registry, store: Store) -> bool:
        """Say that an outage of the registry is over, if there was one; answers whether people know now."""
        return self._outage.end(registry, store, _rules(registry), datetime.now(UTC))

    # --- what channels did not take ---

    def redeliver(self, registry: Registry) -> int:
        """Send again what some channel had refused, newest first; answers how many messages are through now.

        What is silenced waits. Also closes the episodes of broken channels that take messages again, or are taken away.
        """
        rules, now = _rules(registry), datetime.now(UTC)
        waiting = {episode.id: episode for episode in episodes.undelivered(registry)}
        loud = [episode for episode in waiting.values() if rules.silence(episode.alert, now) is None]
        through, took, broken = 0, set[str](), set[str]()
        for episode in reversed(loud[-REDELIVERED:]):
            del waiting[episode.id]
            refused = _refused_by(episode)
            # One that does not answer costs seconds, so it is asked once in a round.
            results = self._delivery.send(
                registry, episode, episode.reason, rules, now, only=refused or None, without=broken
            )
            # A channel that is no longer set up, or no longer in the route, has nothing to catch up with.
            gone = dict.fromkeys(name for name in refused if name not in broken)
            episodes.delivered(registry, episode.id, {**gone, **results})
            took |= {name for name, error in results.items() if error is None}
            broken |= {name for name, error in results.items() if error is not None}
            through += broken.isdisjoint({*results, *refused})
        behind = {name for episode in waiting.values() for name in _refused_by(episode)} - took
        for episode in episodes.open_episodes(registry, SYSTEM):
            name = episode.alert.what
            if (
                episode.alert.kind != BROKEN
                or name in broken | behind
                or name not in self._deployment.connections
            ):
                continue
            # That nothing waits for it proves nothing.
            if (
                name in took
                or not self._deployment.is_set_up(name)
                or episodes.took_since(registry, name, episode.last_seen)
            ):
                over = episodes.close(registry, episode.alert.fingerprint, observed=now)
                self.notify_recovered(over, registry)
        return through

    # --- news ---

    def notify_news(self, news: Iterable[Alert], registry: Registry) -> int:
        """Notify people of news, each once, whoever notifies of it first; answers of how many that were new.

        What a channel did not take `redeliver` sends again. Raises RuntimeError where no channel took one.
        """
        rules, now, new = _rules(registry), datetime.now(UTC), 0
        for alert in news:
            silence = rules.silence(alert, now)
            episode = episodes.note_news(registry, alert, silenced=silence is not None)
            if episode is None:
                continue
            new += 1
            if silence is None:
                self._deliver(registry, episode, "news", rules, now)
            else:
                self._delivery.to_log_file(alert, "news", now, silenced=silence.reason)
        return new

    # --- decisions ---

    def notify_decisions(self, registry: Registry) -> tuple[int, list[str]]:
        """Notify the others on call of decisions; answers how many everybody knows now, and what nobody took.

        A decision that a channel did not take waits for the next call, and then for that channel alone.
        """
        from include.alerting import decided

        rules, now = _rules(registry), datetime.now(UTC)
        seen: list[int] = []
        broken: dict[str, str] = {}
        untaken: list[str] = []
        through = 0
        while len(seen) < REDELIVERED:
            with decided.claim_next(registry, seen) as claim:
                if claim is None:
                    break
                seen.append(claim.decision.id)
                alert = self._decision(registry, claim.decision, now)
                silence = rules.silence(alert, now)
                if silence is not None:
                    self._delivery.to_log_file(alert, "news", now, silenced=silence.reason)
                    through += claim.keep({LOG: None})
                    continue
                refused = [name for name, error in claim.decision.delivered.items() if error is not None]
                results = self._delivery.send(
                    registry,
                    episodes.unkept(alert, alert.at, 1),
                    "news",
                    rules,
                    now,
                    only=refused or None,
                    without=broken,
                )
                broken |= {name: error for name, error in results.items() if error is not None}
                # One that does not answer costs seconds, so it is asked once in a round. One that was taken away has
                # nothing to catch up with.
                due = refused or [name for name in rules.route(alert).channels if name in broken]
                through += claim.keep({**{name: broken.get(name) for name in due}, **results})
                if all(error is not None for error in results.values()) and not refused:
                    untaken.append(f"no channel took {alert.title!r}")
        self._notify_of_broken(
            registry, {name: error for name, error in broken.items() if name != LOG}, rules, now
        )
        return through, untaken

    def _decision(self, registry: Registry, decision: Decision, now: datetime) -> Alert:
        from include.alerting import decided

        if decision.source == SYSTEM:
            read = self._deployment.all_consumers(registry)
        else:
            read = self._deployment.consumers(registry, decision.source, now, moved_to=decision.version)
        of_form: dict[str, str] = {}
        if decision.run:
            try:
                of_form = {"Run of the form": links.run_url(self._deployment.ui_url(), *decision.run)}
            except Exception:
                # A message that lacks a link is better than none, whatever the reason is.
                log.exception("where it was decided could not be found")
        return decided.alert_of(decision, read, of_form)

    # --- through the channels, and what became of it ---

    def _deliver(
        self,
        registry: Registry | None,
        episode: Episode,
        reason: Reason,
        rules: Routing,
        now: datetime,
        also: Sequence[Episode] = (),
    ) -> None:
        """Send a message, keep what became of it, and say through the others which channels did not take it."""
        results = self._delivery.send(registry, episode, reason, rules, now, also=also)
        for each in (episode, *also):
            _keep(registry, each, results)
        require_one(episode.alert, results)
        broken = {name: error for name, error in results.items() if error is not None and name != LOG}
        if registry is not None:
            self._notify_of_broken(registry, broken, rules, now)

    def _notify_of_broken(
        self, registry: Registry, broken: Mapping[str, str], rules: Routing, now: datetime
    ) -> None:
        """What fails here waits for the next watch and makes no message in its turn, which would have no end."""
        for name, error in broken.items():
            alert = channel_broken(name, self._deployment.connections.get(name, "none"), error, now)
            silenced = rules.silence(alert, now) is not None
            try:
                episode = episodes.note(registry, alert, rules.pause, silenced=silenced)
            except Exception:
                # Whatever it is, the message itself is out.
                log.exception("channel %s is broken, and the registry could not be told", name)
                continue
            if episode.notify != "no":
                results = self._delivery.send(registry, episode, episode.notify, rules, now, without=broken)
                _keep(registry, episode, results)


def channel_broken(name: str, connection: str, error: str, now: datetime) -> Alert:
    """The alert of a channel that takes nothing."""
    return Alert(
        kind=BROKEN,
        source=SYSTEM,
        what=name,
        at=now,
        occurrence=now.isoformat(),
        cause=error,
        consumers="Consumers keep reading the last good version of every source.",
        facts={"Connection": connection},
    )


def _rules(registry: Registry | None = None) -> Routing:
    """alerts.yml with the registry's silences; everybody hears of everything where the file cannot be read."""
    try:
        rules = routing.load()
    except (routing.InvalidRouting, OSError):
        log.exception("alerts.yml cannot be used: every channel is told of everything")
        rules = routing.EVERYTHING
    if registry is None:
        return rules
    held = silences.held(registry, datetime.now(UTC))
    return msgspec.structs.replace(rules, silences=[*rules.silences, *held])


def _keep(registry: Registry | None, episode: Episode, results: Mapping[str, str | None]) -> None:
    if registry is None:
        return
    try:
        episodes.delivered(registry, episode.id, results)
    except Exception:
        # Whatever it is, the message itself is out.
        log.exception("what became of a message could not be kept")


def _refused_by(episode: Episode) -> list[str]:
    """The channels that did not take its last message; none where its sender died before it tried."""
    return [name for name, error in episode.delivered.items() if error is not None]
