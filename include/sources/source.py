"""What a source is to the rest of the project: one object behind the protocol Source, found by its folder's name.

include/sources/NAME/source.py holds it as SOURCE. Each of its methods is one step of a run and imports what it needs
by itself, since a DAG file reads the spec alone and must parse fast. What a source can do beside its build it shows by
the protocol that it satisfies: Collected or Divided where it has an upstream of its own (a derived source has none),
Exported where latest is also written in other forms, Announcing where it has news for people. Nothing else in the
project lists sources: a new folder is a new source.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from include.publishing.policy import Approval, Policy
from include.quality.tolerance import USUAL, Tolerance
from include.upstream.answers import Classifier, ThrottleHint
from include.upstream.limits import BadSetting, Limits

if TYPE_CHECKING:
    from include.alerting.alert import Severity
    from include.publishing.candidate import Candidate
    from include.publishing.manifest import Manifest
    from include.storage.inbox import Inbox
    from include.storage.landing import Landings
    from include.storage.reading import Reader, ReadOnly
    from include.storage.store import Store
    from include.storage.tables import Table
    from include.upstream.session import UpstreamSession
    from include.version import VersionRef

FOLDER = Path(__file__).parent
UNKNOWN_TASK = timedelta(days=1)
"""What a task may have lasted of a source that is no longer in the project."""
KEY_BYTES = 16
"""A secret key has so many bytes at least: less could be found by trying."""


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

    `schedule` is a cron expression in `timezone`; None is for a derived source that runs whenever one of its inputs has
    a new version. The timeouts bound each task and the whole run. Raises ValueError for what cannot be.
    """

    name: str
    title: str
    owner: str
    schedule: str | None
    timezone: str = "UTC"
    inputs: tuple[str, ...] = ()
    """Sources whose latest version is read; a run reads no other."""
    derived: bool = False
    """It has no upstream of its own and is built from its inputs alone: it is no Probed. With a schedule it is built
    for an interval, and `airflow backfill` builds past ones."""
    merges: bool = False
    """A run for an older interval is made upon latest and has its data time, so it becomes latest, or has lost where
    that was moved meanwhile: its upstream tells only how things are now, or its tables hold all intervals."""
    host: str | None = None
    """Where its upstream is; None where an operator must name one."""
    small: str | None = None
    """A path that its upstream answers with little: the doctor asks it whether the upstream can be reached."""
    limits: Limits = field(default_factory=Limits)
    classifier: Classifier | None = None
    """What the upstream's answers mean where the default rules (answers.classify) do not tell."""
    throttle_hint: ThrottleHint | None = None
    """How long an answer's headers ask everybody to wait."""
    retries: int = 3
    # Doubled each time: three retries last longer than an open breaker.
    retry_delay: timedelta = timedelta(minutes=2)
    max_retry_delay: timedelta = timedelta(minutes=30)
    units: str | None = None
    """What its extract is split into, in words (competition-season); it is Divided then."""
    without_host: str | None = None
    """Why it is not collected while its connection names no host; a run is skipped with this sentence then. With an
    inbox: what is missing then; the inbox is read all the same."""
    inbox: str | None = None
    """The Airflow Variable that names a place where files are put for it (Run.inbox)."""
    keys: tuple[str, ...] = ()
    """Airflow connections whose passwords are secret keys of its (Run.keys)."""
    options: tuple[str, ...] = ()
    """What its connection's extra may hold for the source itself (Run.options)."""
    step_timeout: timedelta = timedelta(hours=1)
    extract_timeout: timedelta = timedelta(hours=6)
    run_timeout: timedelta = timedelta(hours=12)
    done_within: timedelta
    """A run that is not done so long after it was queued is late, and people are told."""
    fresh_within: timedelta
    """Latest is stale when no run has found it current or replaced it for so long. Of a source that follows its inputs:
    when a new version of one has waited for so long."""
    grows: tuple[str, timedelta] | None = None
    """A table that gets new rows at least so often, since its upstream never stands still for longer; where it does
    not, the watch tells of it. None where nothing is known."""
    retention: Retention = field(default_factory=Retention)
    approval: Approval = "never"
    """Which of its candidates that passed wait for an operator: none, those with a warning, or each."""
    tolerance: Tolerance = USUAL
    """How much of what arrives may be refused before the gate blocks."""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.schedule is None and not self.derived:
            raise ValueError(f"{self.name} has no schedule, and is not derived: give its spec one of them")
        if self.derived and not self.inputs:
            raise ValueError(f"{self.name} is derived, and its spec names no inputs to build it from")

    @property
    def follows_inputs(self) -> bool:
        """Whether it is built again whenever one of its inputs has another latest, and not on a schedule."""
        return self.schedule is None

    @property
    def connection(self) -> str:
        """The Airflow connection of its upstream; its breaker and its lease bear the same name."""
        return f"{self.name}_api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as its source sees it: what was asked for, and what the run stands on, pinned by its first step.

    There is no way from here to the registry or to a file that consumers read: whatever a source wants to know that
    may change while it runs is a value here, the same one in every step.
    """

    ref: VersionRef
    run_id: str
    interval_start: datetime | None
    interval_end: datetime
    data_time: datetime
    """When the run began to collect; of a backfill the end of its interval, but never before base of a source that
    merges. It is what a source calls now: the same in every step and try, and right in a run for an older interval."""
    params: Mapping[str, Any]
    backfill: bool = False
    """Asked for by a backfill: a source that merges rebuilds its interval."""
    base: Manifest | None
    """The version that was latest when the run began, and that its candidate is built upon."""
    watermarks: Mapping[str, Any]
    """Where this run goes on, by name: what base's build returned as `Built.cursors`."""
    inputs: Mapping[str, Manifest]
    """Of each source in Spec.inputs the version that was latest when the run began; none of one without any."""
    read: ReadOnly
    """The store, for the files that manifests name."""
    raw: Landings
    """Where runs of the source land; this one can be written to."""
    left_over: Callable[[], Sequence[str]] = tuple
    """Other runs that landed what no version holds, oldest first, as they are at this moment."""
    inbox: Inbox | None = None
    """Where files are put for the source (Spec.inbox); None where the deployment names no such place."""
    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The keys that Spec.keys names, as far as they are set. They stay in the process: nothing that is kept or shown
    may hold one."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What Spec.options names in the connection's extra, as far as it is set."""

    def key(self, name: str) -> bytes:
        """A secret key. Raises BadSetting where it is not set, or too short to be one."""
        key = self.keys.get(name, b"")
        if len(key) < KEY_BYTES:
            raise BadSetting(
                f"the connection {name} {'has a key that is too short' if key else 'is not there or has no password'}: "
                f"set its password to a random text of {KEY_BYTES} characters or more (docs/operations.md, settings)."
            )
        return key

    @property
    def source(self) -> str:
        """Whose run it is."""
        return self.ref.source

    @property
    def version(self) -> str:
        """The version that it makes."""
        return self.ref.version


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
    """All watermarks of the version. One moves only up to where nothing is left unasked between base's and it,
    whatever was asked for besides (docs/adding_a_source.md)."""
    counts: Mapping[str, int]
    upstream: Mapping[str, Any]
    full: bool = False
    """Every row was rebuilt rather than taken over from the version before."""
    asked: bool = False
    """More was asked for than what a scheduled run brings (a full refresh, a season), so a rise is no surprise."""
    raw: tuple[str, ...] = ()
    built_from: Mapping[str, str] = field(default_factory=dict)


# --- what a source does ---


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a source, and which version of them this is; `migrations` tells readers what a version changed."""

    tables: tuple[Table, ...]
    version: int
    migrations: Mapping[int, str]


@runtime_checkable
class Source(Protocol):
    """A source; SOURCE in its source.py is one."""

    spec: Spec

    def schema(self) -> Schema:
        """Its tables, and which version of their schema this is."""

    def build(self, run: Run, candidate: Candidate) -> Built:
        """Write every table of the candidate from what was landed, and say what arrived (Candidate.arrived)."""


@runtime_checkable
class Probed(Source, Protocol):
    """A source with an upstream of its own."""

    def probe(self, run: Run, upstream: UpstreamSession) -> Probe:
        """Whether there is anything new, from a question or two. Raises ContractBreak for an unknown shape."""


@runtime_checkable
class Collected(Probed, Protocol):
    """A source that one task collects."""

    def extract(self, run: Run, upstream: UpstreamSession) -> Mapping[str, Any]:
        """Land what is new, raw, going on from the last complete part; returns the facts of the landing."""


@runtime_checkable
class Divided(Probed, Protocol):
    """A source that is collected in units (Spec.units), each by a task of its own."""

    def discover(self, run: Run, upstream: UpstreamSession) -> Discovered:
        """What the run has to ask for, split into units."""

    def extract_unit(self, run: Run, upstream: UpstreamSession, unit: str) -> Mapping[str, Any]:
        """Land one unit, by its key; returns the facts of its landing."""


@runtime_checkable
class Exported(Source, Protocol):
    """A source whose latest version is also written in other forms."""

    def export(
        self, store: Store, manifest: Manifest, published_at: datetime, moves: int
    ) -> Mapping[str, Any]:
        """Write a version that is latest since `published_at`; `moves` is how often latest was moved.

        May be killed and called again. Returns what was written.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that people are to hear once, of what a version holds."""

    kind: str
    """A kind of alert that is news (include/alerting/alert.py): routes and silences go by it."""
    what: str
    """Which one of its kind, for ever: people hear of it once."""
    headline: str
    said: str
    severity: Severity | None = None
    """How much it matters, where it is not as much as its kind."""
    facts: Mapping[str, str] = field(default_factory=dict)
    attachments: Mapping[str, str] = field(default_factory=dict)
    """Files that go with a mail: their names, and where the store has them."""


@runtime_checkable
class Announcing(Source, Protocol):
    """A source whose latest version may hold news for people."""

    def news(self, read: Reader, manifest: Manifest, now: datetime) -> Sequence[News]:
        """What people are to hear of the version that is latest at `now`, if they have not heard it.

        It is asked again and again, whoever moved latest: what is no news any more at `now` is not in it.
        """


# --- which there are ---


def names() -> list[str]:
    """All sources: the folders beside this file that hold a source.py."""
    return sorted(path.parent.name for path in FOLDER.glob("*/source.py"))


def load(source: str) -> Source:
    """The source of that name. Raises LookupError where there is none, TypeError where its SOURCE is no Source."""
    if source not in names():
        raise LookupError(f"there is no source {source!r}; there are: {', '.join(names())}")
    found = importlib.import_module(f"include.sources.{source}.source").SOURCE
    if not isinstance(found, Source):
        raise TypeError(
            f"SOURCE in include/sources/{source}/source.py needs spec, schema and build (docs/adding_a_source.md)"
        )
    return found


def spec(source: str) -> Spec:
    """The spec of a source."""
    return load(source).spec


def longest_task(specs: Iterable[Spec | None]) -> timedelta:
    """No task of these sources lasts longer, so what nobody has written to for so long belongs to none under way.

    None stands for a source that is no longer in the project.
    """
    known = [max(spec.step_timeout, spec.extract_timeout) if spec else UNKNOWN_TASK for spec in specs]
    return max(known, default=UNKNOWN_TASK)


def in_order(chosen: Iterable[str]) -> list[str]:
    """Sources in the order in which they can be run: each after those of its inputs that are chosen too."""
    wanted = sorted(set(chosen))
    inputs = {name: [one for one in spec(name).inputs if one in wanted] for name in wanted}
    return list(TopologicalSorter(inputs).static_order())


def exports(source: str) -> bool:
    """Whether latest of a source is also written in other forms; not of one that is unknown."""
    return source in names() and isinstance(load(source), Exported)


def inputs(source: str) -> tuple[str, ...]:
    """The sources that a source reads (Spec.inputs); none of one that is unknown."""
    return spec(source).inputs if source in names() else ()


def policy(source: str) -> Policy:
    """How candidates of a source become latest (Spec.merges, Spec.approval); the usual of one that is unknown."""
    if source not in names():
        return Policy()
    found = spec(source)
    return Policy(merges=found.merges, approval=found.approval)
