"""Times as people are told them, the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def moment(time: datetime) -> str:
    """To the minute: 2026-11-22 09:30 UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def span(time: timedelta) -> str:
    """In the two units that a person would say, rounded down: 3 days 4 hours, 12 minutes."""
    minutes = max(0, int(time.total_seconds() // 60))
    units = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    while units and not units[0][0]:
        del units[0]
    named = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in units[:2] if count]
    return " ".join(named) or "less than a minute"
