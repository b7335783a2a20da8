"""A version of a source: one value, and how it gets its name."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import msgspec


class VersionRef(msgspec.Struct, frozen=True):
    """Which version of which source."""

    source: str
    version: str

    def __str__(self) -> str:
        return f"{self.source} {self.version}"


def version_id(interval_end: datetime, run_id: str) -> str:
    """The version a run builds: a retry of the run meets its own candidate under the same name."""
    if interval_end.tzinfo is None:
        raise ValueError(f"the interval end {interval_end.isoformat()} has no time zone")
    digest = hashlib.sha256(run_id.encode()).hexdigest()[:8]
    return f"{interval_end.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}"
