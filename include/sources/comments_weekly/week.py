"""The week of a run: seven whole days in UTC, Monday to Sunday, named by the date of its Monday."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

WEEK = timedelta(days=7)


def last_full_week(end: datetime) -> date:
    """The Monday of the last week that was over at `end`, a moment with a zone: that of an interval's end, or now.

    Raises ValueError for a moment without a zone.
    """
    if end.tzinfo is None:
        raise ValueError(f"{end.isoformat()} has no time zone, so its week is not known")
    day = end.astimezone(UTC).date()
    return day - timedelta(days=day.weekday()) - WEEK


def start_of(week: date) -> datetime:
    """When a week begins. Raises ValueError where the date is no Monday."""
    if week.weekday() != 0:
        raise ValueError(f"{week.isoformat()} is no Monday: a week is named by the date of its Monday")
    return datetime.combine(week, time(), UTC)


def end_of(week: date) -> datetime:
    """The first moment after a week."""
    return start_of(week) + WEEK


def words(week: date) -> str:
    """A week for people: 23 to 29 November 2026."""
    last = week + timedelta(days=6)
    first = f"{week.day}"
    if week.year != last.year:
        first += f" {week:%B %Y}"
    elif week.month != last.month:
        first += f" {week:%B}"
    return f"{first} to {last.day} {last:%B %Y}"
