"""Until when latest is as fresh as promised. Light, as consumers.py is: every alert asks it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from include.registry import run_history
from include.registry.registry import Registry
from include.sources.source import Spec


def fresh_until(registry: Registry, source: str, spec: Spec) -> datetime | None:
    """When the promise of a source's spec ends unless a run publishes, or finds latest current, before.

    None where nothing was published yet, and of a source that follows its inputs and has the latest of each built in.
    Raises psycopg.Error where the registry does not answer.
    """
    if spec.follows_inputs:
        since = [since for _, _, since in waiting(registry, source, spec)]
        return min(since) + spec.fresh_within if since else None
    last = last_good_run(registry, source)
    return None if last is None else last + spec.fresh_within


def last_good_run(registry: Registry, source: str) -> datetime | None:
    """When a version was last published from what the upstream had then, or latest was found current.

    A backfill or a replay is neither, whatever it published, nor a run that had no host to ask, or whose candidate did
    not become latest. The time of latest's data stands in where nothing else is known; None without a latest.
    """
    with registry.transaction() as cursor:
        return run_history.last_good(cursor, source)


def waiting(registry: Registry, source: str, spec: Spec) -> Iterator[tuple[str, str, datetime]]:
    """Inputs whose latest version is not the one that a source was built from, that version, and since when."""
    from include.pipeline import BUILT_FROM

    built_from = registry.watermarks(source).get(BUILT_FROM) or {}
    for name in spec.inputs:
        latest = registry.latest(name)
        if latest is not None and built_from.get(name) != latest.version:
            yield name, latest.version, latest.since
