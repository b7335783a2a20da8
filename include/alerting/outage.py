"""While the registry does not answer, nobody can ask it who was notified. Small files remember it instead.

Several processes notice at once, and a file that must be new is made by one of them only: whoever makes `told-N` sends
the Nth message. The files lie in the store; where that is away too, in the log folder of the machine.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from include.alerting import episodes, redact
from include.alerting.alert import SYSTEM, Alert
from include.alerting.delivery import LOG, Delivery, require_one, within
from include.formatting import moment
from include.storage.store import Store

if TYPE_CHECKING:
    from include.alerting.routing import Routing
    from include.registry.registry import Registry

FOLDER = "alerts/registry-down"
NOTICED = 50
SHOWN = 15
"""So many of what failed in an outage are named when it is over."""

log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Noticed(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that met a registry which did not answer."""

    at: datetime
    alert: Alert


class Memory:
    """What one store remembers of an outage of the registry."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, alert: Alert, now: datetime, pause: Callable[[int], timedelta]) -> int | None:
        """Keep that an alert met the outage. Answers how often people were notified, with this time.

        None where nobody is to be notified now. `pause` is how long to wait after so many messages. Raises OSError
        where the store is away.
        """
        digest = hashlib.sha256(f"{alert.fingerprint}|{alert.occurrence}".encode()).hexdigest()[:16]
        keys = self._store.list(FOLDER)
        if sum("/noticed-" in key for key in keys) < NOTICED:
            self._create(f"noticed-{digest}", Noticed(at=now, alert=alert))
        sent = sum("/told-" in key for key in keys)
        if sent:
            last = self._read(f"told-{sent}", datetime)
            # None cannot be read; whoever made it has sent it.
            if last is None or now - last < pause(sent):
                return None
        return sent + 1 if self._create(f"told-{sent + 1}", now) else None

    def noticed(self) -> list[Noticed]:
        """What met the outage, oldest first, up to 50; empty where there is none."""
        names = [key.rsplit("/", 1)[-1] for key in self._store.list(FOLDER)]
        found = [self._read(name, Noticed) for name in names if name.startswith("noticed-")]
        return sorted((one for one in found if one), key=lambda one: one.at)

    def over(self) -> None:
        """Forget it."""
        self._store.delete_tree(FOLDER)

    def _create(self, name: str, value: Any) -> bool:
        """Write a file that must be new; False where somebody else has made it."""
        try:
            self._store.create(f"{FOLDER}/{name}", msgspec.json.encode(value))
        except FileExistsError:
            return False
        return True

    def _read(self, name: str, type_: type[_T]) -> _T | None:
        """What a file holds; None where it cannot be read."""
        try:
            return msgspec.json.decode(self._store.read_bytes(f"{FOLDER}/{name}"), type=type_)
        except msgspec.DecodeError:
            return None


class Outage:
    """An outage of the registry as people hear of it: once while it lasts, and once when it is over."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def notify(self, alert: Alert, error: Exception, rules: Routing, now: datetime) -> None:
        """Say that an alert met it, unless people know."""
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
        self._delivery.to_log_file(alert, "registry-down", now)
        times = self._times_notified(alert, rules, now)
        if times is None or rules.silence(down, now) is not None:
            return
        reason: episodes.Reason = "first" if times == 1 else "again"
        require_one(down, self._delivery.send(None, episodes.unkept(down, now, times), reason, rules, now))

    def met(self, alert: Alert, began: datetime | None) -> bool:
        """Whether this attempt of the alert's run met an outage of which people were notified."""
        if alert.run_id is None:
            return False
        for place in self._places():
            try:
                noticed = within(Memory(place()), Memory.noticed)
            except Exception as error:  # noqa: BLE001 - every file system has errors of its own
                log.warning("whether there was an outage cannot be read there: %s", redact.text(repr(error)))
                continue
            for one in noticed:
                same = (one.alert.source, one.alert.run_id) == (alert.source, alert.run_id)
                if same and (began is None or one.at >= began):
                    return True
        return False

    def end(self, registry: Registry, store: Store, rules: Routing, now: datetime) -> bool:
        """Say that it is over, if there was one, and which runs failed meanwhile.

        Answers whether people know now. Where no channel took it, the next watch says it.
        """
        memories: list[Memory] = []
        noticed: list[Noticed] = []
        for memory in (Memory(store), Memory(self._log_store())):
            try:
                noticed += memory.noticed()
            except OSError:
                # The watch looks at the rest.
                log.exception("what is remembered of an outage cannot be read")
            else:
                memories.append(memory)
        if not noticed:
            return False
        alert = _registry_down(
            f"It answers again. Meanwhile: {_named(noticed)}",
            noticed[-1].at,
            consumers="Consumers keep reading the last good version of every source.",
        )
        silence = rules.silence(alert, now)
        if silence is not None:
            self._delivery.to_log_file(alert, "recovered", now, silenced=silence.reason)
        else:
            episode = episodes.unkept(alert, noticed[0].at, len(noticed), over=now)
            results = self._delivery.send(registry, episode, "recovered", rules, now)
            others = [error for name, error in results.items() if name != LOG]
            if others and None not in others:
                return False
        for one in noticed:
            # People know; what Airflow still says of these runs is to find that they do.
            episodes.note(registry, one.alert, rules.pause, silenced=True)
        for memory in memories:
            try:
                memory.over()
            except OSError:
                # It is said once more.
                log.exception("an outage that is over cannot be forgotten")
        return True

    def _times_notified(self, alert: Alert, rules: Routing, now: datetime) -> int | None:
        """How often people were notified of the outage, with now; None where nobody is to be notified now."""
        for place in self._places():
            try:
                return within(Memory(place()), lambda memory: memory.note(alert, now, rules.pause))
            except Exception as error:  # noqa: BLE001 - every file system has errors of its own
                log.warning("an outage cannot be remembered there: %s", redact.text(repr(error)))
        return 1  # nobody can remember, so everybody is notified

    def _places(self) -> tuple[Callable[[], Store], ...]:
        return self._delivery.deployment.open_store, self._log_store

    def _log_store(self) -> Store:
        return Store.of_folder(self._delivery.deployment.log_folder() / "lastgood")


def _named(noticed: list[Noticed]) -> str:
    """What met the outage, each run by the first word that it said."""
    runs = {(one.alert.source, one.alert.run_id): one for one in reversed(noticed)}
    met = [
        f"{one.alert.title} ({one.alert.run_id or 'no run'}, {moment(one.at)})"
        for one in list(reversed(runs.values()))[:SHOWN]
    ]
    return "; ".join([*met, *([f"and {len(runs) - SHOWN} more"] if len(runs) > SHOWN else [])])


def _registry_down(cause: str, at: datetime, **more: Any) -> Alert:
    return Alert(kind="registry-down", source=SYSTEM, at=at, occurrence=at.isoformat(), cause=cause, **more)
