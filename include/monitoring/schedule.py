"""When a source is collected next."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from include.sources import source as sources


def next_run(source: str, now: datetime) -> datetime | None:
    """When a source is collected next, if its DAG is not paused; None of one that has no schedule."""
    from croniter import croniter  # type: ignore[import-untyped]

    spec = sources.spec(source) if source in sources.names() else None
    if spec is None or spec.schedule is None:
        return None
    due: datetime = croniter(spec.schedule, now.astimezone(ZoneInfo(spec.timezone))).get_next(datetime)
    return due
