"""While the registry does not answer, nobody can ask it what was told. Small files remember it instead.

Several processes notice at once, and a file that must be new is made by one of them only: whoever makes `told-N` does
the Nth telling. The files lie in the store; where that is away too, in the log folder of the machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from include.alerting.alert import Alert
from include.publishing.store import Store

FOLDER = "alerts/registry-down"
NOTICED = 50
_T = TypeVar("_T")


class Noticed(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that met a registry which did not answer."""

    at: datetime
    alert: Alert


class Outage:
    """What is known of an outage of the registry in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, alert: Alert, now: datetime, pause: Callable[[int], timedelta]) -> int | None:
        """Keep that an alert met the outage. Answers how often people have been told, with this time.

        None where it is not to be told now. `pause` is how long to wait after so many tellings. Raises OSError where
        the store is away.
        """
        digest = hashlib.sha256(f"{alert.fingerprint}|{alert.occurrence}".encode()).hexdigest()[:16]
        keys = self._store.list(FOLDER)
        if sum("/noticed-" in key for key in keys) < NOTICED:
            self._create(f"noticed-{digest}", Noticed(at=now, alert=alert))
        told = sum("/told-" in key for key in keys)
        if told:
            last = self._read(f"told-{told}", datetime)
            # None is being written at this moment, so people are being told.
            if last is None or now - last < pause(told):
                return None
        return told + 1 if self._create(f"told-{told + 1}", now) else None

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
        full = self._store.full(f"{FOLDER}/{name}")
        if self._store.local:
            self._store.fs.makedirs(full.rsplit("/", 1)[0], exist_ok=True)
        try:
            self._store.fs.pipe_file(full, msgspec.json.encode(value), mode="create")
        except FileExistsError:
            return False
        return True

    def _read(self, name: str, type_: type[_T]) -> _T | None:
        """What a file holds; None where its writer has not finished, or was killed."""
        try:
            return msgspec.json.decode(self._store.read_bytes(f"{FOLDER}/{name}"), type=type_)
        except msgspec.DecodeError:
            return None
