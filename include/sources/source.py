"""What a source is to the rest of the house: a spec, and four modules found by its folder's name.

include/sources/NAME/ holds spec.py (SPEC), tables.py (TABLES, SCHEMA_VERSION), extract.py (probe, extract) and
build.py (build). Nothing else in the project lists sources: a new folder is a new source.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.upstream.limits import Limits

if TYPE_CHECKING:
    from include.publishing.registry import Registry
    from include.publishing.store import Store

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a source's DAG needs to know at parse time; kept free of heavy imports.

    `schedule` is a cron expression in `timezone`; the timeouts bound each task and the whole run.
    """

    name: str
    title: str
    owner: str
    schedule: str
    timezone: str = "UTC"
    limits: Limits = field(default_factory=Limits)
    retries: int = 3
    retry_delay: timedelta = timedelta(seconds=30)
    max_retry_delay: timedelta = timedelta(minutes=30)
    step_timeout: timedelta = timedelta(hours=1)
    extract_timeout: timedelta = timedelta(hours=6)
    run_timeout: timedelta = timedelta(hours=12)
    tags: tuple[str, ...] = ()

    @property
    def connection(self) -> str:
        """The Airflow connection of its upstream; also the pool's subject."""
        return f"{self.name}_api"

    @property
    def pool(self) -> str:
        """The Airflow pool that bounds how many tasks talk to the upstream at once."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a source, as every step sees it."""

    source: str
    version: str
    run_id: str
    interval_start: datetime | None
    interval_end: datetime
    params: Mapping[str, Any]
    store: Store
    registry: Registry


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether the upstream has anything new, and the sentence that says so."""

    new: bool
    reason: str
    upstream: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a source's build knows beyond its rows: cursors for the next run, counts, where it came from."""

    cursors: Mapping[str, Any]
    counts: Mapping[str, int]
    upstream: Mapping[str, Any]
    full: bool = False
    """Every row was made anew rather than taken over from the version before."""
    raw: tuple[str, ...] = ()
    built_from: Mapping[str, str] = field(default_factory=dict)


def names() -> list[str]:
    """All sources: the folders beside this file that hold a spec."""
    return sorted(path.parent.name for path in FOLDER.glob("*/spec.py"))


def module(source: str, name: str) -> Any:
    """A module of a source. Raises LookupError for a source that does not exist."""
    if source not in names():
        raise LookupError(f"there is no source {source!r}; there are: {', '.join(names())}")
    return importlib.import_module(f"include.sources.{source}.{name}")


def spec(source: str) -> Spec:
    """The spec of a source."""
    found: Spec = module(source, "spec").SPEC
    return found
