"""What the gate found of a version: lastgood.check_result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import psycopg


class Check(Protocol):
    """What the registry keeps of one check (publishing.verdict.CheckOutcome)."""

    @property
    def table(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def rule(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def threshold(self) -> str: ...
    @property
    def samples(self) -> list[dict[str, Any]]: ...


class Judged(Protocol):
    """What the registry keeps of a verdict (publishing.verdict.Verdict)."""

    @property
    def source(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def checked_at(self) -> datetime: ...
    @property
    def passed(self) -> bool: ...
    @property
    def checks(self) -> Sequence[Check]: ...


def forget(cursor: psycopg.Cursor[Any], source: str, before: datetime) -> None:
    """Remove checks from before a time of versions that are gone."""
    cursor.execute(
        "DELETE FROM lastgood.check_result c WHERE source = %s AND checked_at < %s AND NOT EXISTS "
        "(SELECT FROM lastgood.dataset_version v WHERE (v.source, v.version) = (c.source, c.version))",
        (source, before),
    )
