"""What consumers read meanwhile, for every alert.

A module of its own, since whatever tells of a failure must be light: a task that ran out of time or memory has 20
seconds left for it, and pyarrow and pandas, which stand behind status.py, take most of them on a busy machine.
"""

from __future__ import annotations

from datetime import datetime

from include.alerting.words import moment, span
from include.publishing.registry import Registry
from include.sources import source as sources


def consumers(registry: Registry, source: str, now: datetime) -> str:
    """What consumers of a source read at this moment, and how old its data are, as a sentence.

    `source` may be what is no source (a DAG of the house). Raises psycopg.Error where the registry does not answer.
    """
    latest = registry.latest(source)
    if latest is not None:
        return (
            f"Consumers keep reading version {latest.version}, with data as of {moment(latest.as_of)} "
            f"({span(now - latest.as_of)} old), published {moment(latest.since)}."
        )
    if source in sources.names():
        return f"Nothing of {source} was published yet."
    return "Consumers keep reading the last good version of every source."
