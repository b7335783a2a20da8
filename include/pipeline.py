"""The steps of a run, for every source and without Airflow: probe, discover, extract, build, gate, promote.

Each may be killed and called again: it finds what is done and ends in the same state. An OpenRun is a run in the hands
of the pipeline: what it stands on, whether that still holds, and what its source gets to see.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include import release
from include.publishing import manifest as manifests
from include.publishing import pointers, promotion, race, serving
from include.publishing import verdict as verdicts
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.publishing.promotion import Promotion, PromotionRefused
from include.publishing.verdict import Level, Verdict
from include.quality import contract, gate
from include.registry import run_history, run_log
from include.sources import source as sources
from include.sources.source import Built, Collected, Discovered, Divided, Exported, Probe, Probed, Run
from include.storage.landing import Landings
from include.storage.reading import ReadOnly
from include.upstream import progress
from include.version import VersionRef

if TYPE_CHECKING:
    from include.registry.registry import Registry
    from include.storage.inbox import Inbox
    from include.storage.store import Store
    from include.upstream.session import UpstreamSession

log = logging.getLogger(__name__)

BUILT_FROM = "built_from"
"""The cursor of a derived source: the versions of its inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run in the hands of the pipeline: what its source sees, and the store and registry, which that does not.

    `pins` are what its first step found; every step reads them here and looks nothing of them up again.
    """

    source: str
    pins: run_log.Pins
    run_id: str
    interval_start: datetime | None
    interval_end: datetime
    params: Mapping[str, Any]
    store: Store
    registry: Registry
    backfill: bool = False
    inbox: Inbox | None = None
    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the deployment has for the source besides its upstream: see Run."""
    moves_watermarks: bool = True
    """False for a replay of what was collected upon another version than base: it may leave a gap between them."""

    @property
    def version(self) -> str:
        """The version that it makes."""
        return self.pins.version

    @property
    def ref(self) -> VersionRef:
        """Source and version."""
        return VersionRef(self.source, self.version)

    @property
    def base(self) -> Manifest | None:
        """The version it builds upon; None where nothing was latest."""
        return manifests.require(self.store, self.source, self.pins.base) if self.pins.base else None

    def for_source(self) -> Run:
        """The run as its source sees it. Raises FileNotFoundError where what it stands on is gone from the store."""
        base, data_time = self.base, self.pins.data_time
        return Run(
            ref=self.ref,
            run_id=self.run_id,
            interval_start=self.interval_start,
            interval_end=self.interval_end,
            data_time=max(data_time, base.as_of)
            if base and sources.policy(self.source).merges
            else data_time,
            params=self.params,
            backfill=self.backfill,
            base=base,
            watermarks=self.pins.watermarks,
            inputs={
                source: manifests.require(self.store, source, version)
                for source, version in self.pins.inputs.items()
            },
            read=ReadOnly(self.store),
            raw=Landings(self.store, self.source, self.version, self.pins.attempt),
            left_over=lambda: left_over(self.store, self.registry, self.ref),
            inbox=self.inbox,
            keys=self.keys,
            options=self.options,
        )


class BaseMoved(PromotionRefused):
    """Latest is no longer what a run was begun upon, and the run could only lose or leave holes."""


def check_base(run: OpenRun) -> None:
    """Raise BaseMoved where the run would become latest, and latest is no longer what it stands on.

    Raises pointers.OlderRegistry where the store knows a later promotion than the registry by which the run would go.

    A candidate that is older than what is latest now goes on: it becomes a version and never latest, unless its
    source merges, whose candidates are never older than their base.
    """
    pointers.settle_at_rest(run.store, run.registry, run.source)
    latest = run.registry.latest(run.source)
    if (latest.version if latest else None) in {run.pins.base, run.version}:
        return
    if latest is not None and not sources.policy(run.source).merges and run.pins.data_time < latest.as_of:
        return
    again = (
        "Replay it again"
        if "replay_of" in run.params
        else "The next run collects upon that; to have this one do so, clear it from its first task"
    )
    raise BaseMoved(
        f"When the run {run.run_id} of {run.source} began, {run.pins.base or 'nothing'} was latest, but by now "
        f"{race.moved(run.registry, run.source)}. What this run brings belongs upon the former, so it ends here; "
        f"nothing was changed. {again}."
    )


def probe(run: OpenRun, upstream: UpstreamSession | None) -> Probe:
    """Whether there is anything new since base.

    A source with an upstream asks it; a derived one, which has none, looks at the latest versions of its inputs. One
    that is built for intervals has each to build, whatever latest was built from.
    Raises pointers.OlderRegistry, before anything is begun by a registry that knows less than the store.
    """
    pointers.settle_at_rest(run.store, run.registry, run.source)
    source = sources.load(run.source)
    if upstream is None or not isinstance(source, Probed):
        return _probe_inputs(run)
    return source.probe(run.for_source(), upstream)


def _probe_inputs(run: OpenRun) -> Probe:
    versions = run.pins.inputs
    for source in sources.spec(run.source).inputs:
        if source not in versions:
            return Probe(False, f"Nothing of {source} was published yet; {run.source} is built from it.")
    listed = ", ".join(f"{source} {version}" for source, version in versions.items())
    if sources.spec(run.source).follows_inputs and run.pins.watermarks.get(BUILT_FROM) == versions:
        return Probe(False, f"Latest was built from {listed} already.", versions)
    return Probe(True, f"To be built from {listed}.", versions)


def discover(run: OpenRun, upstream: UpstreamSession) -> Discovered:
    """Find out what this run has to ask for, split into units; only for a source whose spec names them.

    Raises BaseMoved.
    """
    check_base(run)
    with progress.told(run.source, upstream):
        return _divided(run.source).discover(run.for_source(), upstream)


def _divided(name: str) -> Divided:
    source = sources.load(name)
    if not isinstance(source, Divided):
        raise TypeError(f"{name} is not collected in units: its source.py has no discover and extract_unit")
    return source


def extract(run: OpenRun, upstream: UpstreamSession, unit: str | None = None) -> Mapping[str, Any]:
    """Land what the upstream has, raw, going on from the last complete part; returns the landing's facts.

    Of a source with units this is one of them, by its key, or without one all of them in turn. Raises BaseMoved.
    """
    check_base(run)
    source, seen = sources.load(run.source), run.for_source()
    with progress.told(run.source, upstream):
        if isinstance(source, Collected):
            return source.extract(seen, upstream)
        divided = _divided(run.source)
        if unit is not None:
            return divided.extract_unit(seen, upstream, unit)
        units = discover(run, upstream).units
        return {each.key: divided.extract_unit(seen, upstream, each.key) for each in units}


def build(run: OpenRun) -> Manifest:
    """Make the candidate from what was landed. A candidate that is sealed already is not built again.

    Raises BaseMoved, and RemovedVersion where retention removed what the run had made: a sealed name is not used again.
    """
    run.registry.refuse_removed(run.source, run.version)
    manifest = manifests.read(run.store, run.source, run.version)
    if manifest is None:
        check_base(run)
        manifest = _build(run)
    key = manifests.manifest_key(run.source, run.version)
    run.registry.stage(manifest, hashlib.sha256(run.store.read_bytes(key)).hexdigest())
    return manifest


def _build(run: OpenRun) -> Manifest:
    source, seen = sources.load(run.source), run.for_source()
    schema = source.schema()
    with Candidate(run.store, run.source, run.version, schema.tables, schema.version, seen.base) as candidate:
        built = source.build(seen, candidate)
        if not candidate.refusals.arrived:
            raise ValueError(
                f"the build of {run.source} does not say what arrived (candidate.arrived): the gate could not tell "
                "how much of it was refused"
            )
        cursors = built.cursors if run.moves_watermarks else seen.watermarks
        return candidate.seal(
            run_id=run.run_id,
            as_of=seen.data_time,
            created_at=datetime.now(UTC),
            code_version=release.code_version(),
            cursors={**cursors, **({BUILT_FROM: dict(built.built_from)} if built.built_from else {})},
            counts=built.counts,
            upstream=built.upstream,
            full=built.full,
            asked=_asked(run, seen, built),
            raw=built.raw,
            built_from=built.built_from,
        )


def _asked(run: OpenRun, seen: Run, built: Built) -> bool:
    """Whether somebody asked for more than a scheduled run brings, of this run or of one that made an input new."""
    before = seen.base.built_from if seen.base else {}
    new_inputs = [each for name, each in seen.inputs.items() if before.get(name) != each.version]
    return (
        built.asked
        or built.full
        or run.backfill
        or "replay_of" in run.params
        or any(each.asked for each in new_inputs)
    )


def judge(run: OpenRun) -> Verdict:
    """Run the gate on the candidate; the verdict is kept in gate.json and in the registry. Raises BaseMoved."""
    manifest = manifests.require(run.store, run.source, run.version)
    check_base(run)
    verdict = gate.judge(
        run.store,
        manifest,
        run.base,
        contract.load_all(run.source, [entry.name for entry in manifest.tables]),
        run.registry.history(run.source),
        serving.refusals(run.registry, run.store, manifest),
        sources.spec(run.source).tolerance,
        _accepted_levels(run),
    )
    verdicts.keep(run.store, run.registry, verdict)
    return verdict


def _accepted_levels(run: OpenRun) -> Sequence[Level]:
    """The levels of arrivals that are usual since an operator accepted them with base, or with one before it."""
    if run.pins.base is None:
        return ()
    try:
        verdict = verdicts.read(run.store, run.source, run.pins.base)
    except ValueError as error:
        # It was judged long ago; what it had accepted is asked for once more.
        log.warning("%s: levels that were accepted with it are not known", error)
        return ()
    return verdict.usual_from_now if verdict else ()


def promote(run: OpenRun) -> Promotion:
    """Make the candidate latest, if it passed and nobody was faster."""
    return promotion.promote(
        run.store, run.registry, run.source, run.version, policy=sources.policy(run.source), owner=run.run_id
    )


def words(facts: Mapping[str, Any]) -> str:
    """What a step has done, in a line, from what it noted: its log, its XCom and the run log cannot differ."""
    for sentence in ("said", "summary", "reason"):
        if sentence in facts:
            return str(facts[sentence])
    if "quarantined" in facts:
        return f"{sum(facts['rows'].values())} rows in {len(facts['rows'])} tables, {facts['quarantined']} quarantined"
    if "passed" in facts:
        return f"{facts['passed']} checks passed, {facts['warned']} warned"
    if "site" in facts:
        return f"{facts['site']}: {facts['files']} files, {facts['bytes'] / 1e6:.1f} MB"
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def export(store: Store, registry: Registry, source: str) -> Mapping[str, Any]:
    """Bring the other forms of a source's latest version up to date; nothing where it has none.

    Follows whatever moved latest: a promotion, an acceptance, a rollback. Returns what was written.
    """
    latest = registry.latest(source)
    if latest is None or not sources.exports(source):
        return {}
    found = sources.load(source)
    assert isinstance(found, Exported)
    manifest = manifests.require(store, source, latest.version)
    return found.export(store, manifest, latest.since, latest.generation)


def left_over(store: Store, registry: Registry, own: VersionRef) -> tuple[str, ...]:
    """Other runs of a source whose landing no version holds, oldest first, as far as the registry can tell.

    Retention keeps their raw from now on, until the run that asks has ended.

    They ended before their candidate was sealed, or it passed its gate and lost to another one. That a version has no
    row and no manifest does not tell: retention forgets those that were published, also the wrong ones that somebody
    rolled back, before their raw goes. So their run must be known to have collected by itself, and not to have built.
    """
    with registry.transaction() as cursor:
        found = run_history.left_over(cursor, own.source, own.version)
    usable = [version for version, state in found if _may_be_taken_over(store, own.source, version, state)]
    held = run_log.hold_raw(registry, own.source, own.version, usable)
    return tuple(version for version in usable if version in held)


def _may_be_taken_over(store: Store, source: str, version: str, state: str | None) -> bool:
    if state is None:
        return manifests.read(store, source, version) is None
    verdict = verdicts.read(store, source, version)
    return verdict is not None and verdict.passed
