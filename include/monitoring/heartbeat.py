"""The watch's heartbeat: monitoring/heartbeat.json in the store, for a monitor that stands outside.

Whoever reads it needs neither Airflow nor the database: past `expected_by`, the scheduler or the watch is down.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from include.storage.store import Store

KEY = "monitoring/heartbeat.json"
PATIENCE = timedelta(minutes=15)
"""The watch runs every five minutes: two may be missed, say by a restart of the scheduler."""

State = Literal["well", "findings", "incomplete"]
"""`incomplete`: a rule could not look, so more may be wrong than was found."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """What the watch left when it last went through."""

    at: datetime
    expected_by: datetime
    """When the next one is there at the latest."""
    code_version: str
    findings: int
    state: State


def beat(store: Store, now: datetime, *, code_version: str, findings: int, complete: bool) -> Heartbeat:
    """Write the heartbeat and return it."""
    state: State = "incomplete" if not complete else "findings" if findings else "well"
    heartbeat = Heartbeat(
        at=now, expected_by=now + PATIENCE, code_version=code_version, findings=findings, state=state
    )
    store.write_bytes(KEY, msgspec.json.format(msgspec.json.encode(heartbeat), indent=1))
    return heartbeat


def read(store: Store) -> Heartbeat | None:
    """The last heartbeat, or None where the watch has never run. Raises ValueError where it cannot be read."""
    if not store.exists(KEY):
        return None
    try:
        return msgspec.json.decode(store.read_bytes(KEY), type=Heartbeat)
    except msgspec.DecodeError as error:
        raise ValueError(
            f"{KEY} is not a heartbeat: {error}. The next run of the watch writes it again."
        ) from error


def is_stale(heartbeat: Heartbeat | None, now: datetime) -> bool:
    """Whether the next heartbeat should be there by now; one that never was is stale too."""
    return heartbeat is None or now > heartbeat.expected_by
