"""What a source is to the rest of the house: a spec, and four modules found by its folder's name.

include/sources/NAME/ holds spec.py (SPEC), tables.py (TABLES, SCHEMA_VERSION), extract.py (probe, extract, and
discover where the spec names units) and build.py (build); export.py (export) where latest is also written in other
forms. A source without an upstream of its own is derived from other sources and has no extract.py. Nothing else in
the project lists sources: a new folder is a new source.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.upstream.answers import Classifier, Courtesy
from include.upstream.limits import Limits

if TYPE_CHECKING:
    from include.publishing.registry import Registry
    from include.publishing.store import Store

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what a source made is kept; latest, the version before it and pinned versions always stay."""

    versions: int = 10
    """So many published versions."""
    raw: timedelta = timedelta(days=30)
    """Raw landings, and versions that were not published."""
    quarantine: timedelta = timedelta(days=90)
    """Refused rows, also of versions that are gone."""
    log: timedelta = timedelta(days=400)
    """Runs, verdicts and alerts in the registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a source's DAG needs to know at parse time; kept free of heavy imports.

    `schedule` is a cron expression in `timezone`; None is for a source without an upstream of its own, which runs
    whenever one of its inputs has a new version. The timeouts bound each task and the whole run.
    """

    name: str
    title: str
    owner: str
    schedule: str | None
    timezone: str = "UTC"
    inputs: tuple[str, ...] = ()
    """Sources whose latest version is read."""
    limits: Limits = field(default_factory=Limits)
    classifier: Classifier | None = None
    """What the upstream's answers mean where the default rules (answers.classify) do not tell."""
    courtesy: Courtesy | None = None
    """How long an answer's headers ask everybody to wait."""
    retries: int = 3
    # Doubled each time: three retries last longer than an open breaker.
    retry_delay: timedelta = timedelta(minutes=2)
    max_retry_delay: timedelta = timedelta(minutes=30)
    units: str | None = None
    """What its extract is split into, in words (competition-season); its extract.py then has `discover`."""
    without_host: str | None = None
    """Why it is not collected while its connection names no host; a run is skipped with this sentence then."""
    step_timeout: timedelta = timedelta(hours=1)
    extract_timeout: timedelta = timedelta(hours=6)
    run_timeout: timedelta = timedelta(hours=12)
    done_within: timedelta
    """A run that is not done so long after it was queued is late, and people are told."""
    fresh_within: timedelta
    """Latest is stale when no run has found it current or replaced it for so long. Of a derived source: when an
    input's new version has waited for so long."""
    retention: Retention = field(default_factory=Retention)
    tags: tuple[str, ...] = ()

    @property
    def derived(self) -> bool:
        """Whether it has no upstream of its own."""
        return self.schedule is None

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
    backfill: bool = False
    """Asked for by a backfill: a source that merges makes its interval anew."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether the upstream has anything new, and the sentence that says so."""

    new: bool
    reason: str
    upstream: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of a run's extract that is a task of its own. `key` is safe in a path, `label` is for people."""

    key: str
    label: str
    items: int
    """How many things are to be asked for."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a run has to do: its units, whether there is anything to publish, and the sentence that says so."""

    units: tuple[Unit, ...]
    new: bool
    reason: str


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
    as_of: datetime | None = None
    """Data time, where it is not the end of the run's interval."""


def names() -> list[str]:
    """All sources: the folders beside this file that hold a spec."""
    return sorted(path.parent.name for path in FOLDER.glob("*/spec.py"))


def in_order(chosen: Iterable[str]) -> list[str]:
    """Sources in the order in which they can be run: each after those of its inputs that are chosen too."""
    wanted = sorted(set(chosen))
    inputs = {name: [one for one in spec(name).inputs if one in wanted] for name in wanted}
    return list(TopologicalSorter(inputs).static_order())


def exports(source: str) -> bool:
    """Whether latest of a source is also written in other forms."""
    return (FOLDER / source / "export.py").exists()


def module(source: str, name: str) -> Any:
    """A module of a source. Raises LookupError for a source that does not exist."""
    if source not in names():
        raise LookupError(f"there is no source {source!r}; there are: {', '.join(names())}")
    return importlib.import_module(f"include.sources.{source}.{name}")


def spec(source: str) -> Spec:
    """The spec of a source."""
    found: Spec = module(source, "spec").SPEC
    return found
