"""What consumers read meanwhile, for every alert.

A module of its own, since whatever tells of a failure must be light: a task that ran out of time or memory has 20
seconds left for it, and pyarrow and pandas, which stand behind status.py, take most of them on a busy machine.
"""

from __future__ import annotations

from datetime import datetime

from include.formatting import moment, span
from include.registry.registry import Registry
from include.sources import source as sources

SOURCES = 10
"""So many are named in one sentence."""


def consumers(registry: Registry, source: str, now: datetime, *, moved_to: str | None = None) -> str:
    """What consumers of a source read at this moment, and how old its data are, as a sentence.

    `moved_to` is the version that somebody has just made latest, if that is so. `source` may be what is no source (a
    DAG of Lastgood's own). Raises psycopg.Error where the registry does not answer.
    """
    latest = registry.latest(source)
    if latest is not None:
        read = "now read" if latest.version == moved_to else "keep reading"
        return (
            f"Consumers {read} version {latest.version}, with data as of {moment(latest.as_of)} "
            f"({span(now - latest.as_of)} old), published {moment(latest.since)}."
        )
    if source in sources.names():
        return f"Nothing of {source} was published yet."
    return "Consumers keep reading the last good version of every source."


def all_consumers(registry: Registry) -> str:
    """What consumers of every source read at this moment, as a sentence."""
    latest = [found for source in registry.sources() if (found := registry.latest(source)) is not None]
    if not latest:
        return "Nothing is published."
    named = ", ".join(f"{each.version} of {each.source}" for each in latest[:SOURCES])
    more = f" and {len(latest) - SOURCES} more" if len(latest) > SOURCES else ""
    return f"Consumers now read {named}{more}."
