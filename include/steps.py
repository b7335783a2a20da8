"""The steps of a run, for every source and without Airflow: probe, discover, extract, build, gate, promote.

Each may be killed and called again: it finds what is done and ends in the same state.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from include import __version__
from include.publishing import manifest as manifests
from include.publishing import promotion
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.publishing.promotion import Promotion
from include.quality import contract, gate
from include.quality.gate import Verdict
from include.sources import source as sources
from include.sources.source import Discovered, Probe, Run

if TYPE_CHECKING:
    from include.publishing.registry import Registry
    from include.publishing.store import Store
    from include.upstream.session import UpstreamSession

BUILT_FROM = "built_from"
"""The cursor of a derived source: the versions of its inputs."""


def code_version() -> str:
    """The release, and the commit where the deployment names it in LASTGOOD_COMMIT."""
    commit = os.environ.get("LASTGOOD_COMMIT", "")
    return f"{__version__}+{commit[:12]}" if commit else __version__


def latest_manifest(run: Run) -> Manifest | None:
    """The version this run builds upon: latest, or None before the first promotion."""
    latest = run.registry.latest(run.source)
    return manifests.require(run.store, run.source, latest.version) if latest else None


def probe(run: Run, upstream: UpstreamSession | None) -> Probe:
    """Whether there is anything new since the last committed cursor.

    A source with an upstream asks it; a derived one, which has none, looks at the latest versions of its inputs.
    """
    if upstream is None:
        return _probe_inputs(run)
    found: Probe = sources.module(run.source, "extract").probe(run, upstream)
    return found


def _probe_inputs(run: Run) -> Probe:
    versions = {}
    for source in sources.spec(run.source).inputs:
        latest = run.registry.latest(source)
        if latest is None:
            return Probe(False, f"Nothing of {source} was published yet; {run.source} is built from it.")
        versions[source] = latest.version
    listed = ", ".join(f"{source} {version}" for source, version in versions.items())
    if run.registry.cursors(run.source).get(BUILT_FROM) == versions:
        return Probe(False, f"Latest was built from {listed} already.", versions)
    return Probe(True, f"To be built from {listed}.", versions)


def discover(run: Run, upstream: UpstreamSession) -> Discovered:
    """Find out what this run has to ask for, split into units; only for a source whose spec names them."""
    found: Discovered = sources.module(run.source, "extract").discover(run, upstream)
    return found


def extract(run: Run, upstream: UpstreamSession, unit: str | None = None) -> Mapping[str, Any]:
    """Land what the upstream has, raw, going on from the last complete part; returns the landing's facts.

    Of a source with units this is one of them, by its key, or without one all of them in turn.
    """
    module = sources.module(run.source, "extract")
    facts: Mapping[str, Any]
    if sources.spec(run.source).units is None:
        facts = module.extract(run, upstream)
    elif unit is None:
        facts = {each.key: module.extract(run, upstream, each.key) for each in discover(run, upstream).units}
    else:
        facts = module.extract(run, upstream, unit)
    return facts


def build(run: Run) -> Manifest:
    """Make the candidate from what was landed. A candidate that is sealed already is not built again."""
    manifest = manifests.read(run.store, run.source, run.version)
    if manifest is None:
        manifest = _build(run)
    key = manifests.manifest_key(run.source, run.version)
    run.registry.stage(manifest, hashlib.sha256(run.store.read_bytes(key)).hexdigest())
    return manifest


def _build(run: Run) -> Manifest:
    tables = sources.module(run.source, "tables")
    previous = latest_manifest(run)
    with Candidate(
        run.store, run.source, run.version, tables.TABLES, tables.SCHEMA_VERSION, previous
    ) as candidate:
        built: sources.Built = sources.module(run.source, "build").build(run, candidate)
        return candidate.seal(
            run_id=run.run_id,
            as_of=built.as_of or run.interval_end,
            created_at=datetime.now(UTC),
            code_version=code_version(),
            cursors={**built.cursors, **({BUILT_FROM: dict(built.built_from)} if built.built_from else {})},
            counts=built.counts,
            upstream=built.upstream,
            full=built.full,
            raw=built.raw,
            built_from=built.built_from,
        )


def judge(run: Run) -> Verdict:
    """Run the gate on the candidate; the verdict is kept in gate.json and in the registry."""
    manifest = manifests.require(run.store, run.source, run.version)
    previous = (
        manifests.require(run.store, run.source, manifest.previous) if manifest.previous is not None else None
    )
    verdict = gate.judge(
        run.store,
        manifest,
        previous,
        contract.load_all(run.source, [entry.name for entry in manifest.tables]),
        run.registry.history(run.source),
    )
    run.registry.record_verdict(verdict)
    return verdict


def promote(run: Run) -> Promotion:
    """Make the candidate latest, if it passed and nobody was faster."""
    return promotion.promote(run.store, run.registry, run.source, run.version, owner=run.run_id)


def export(store: Store, registry: Registry, source: str) -> Mapping[str, Any]:
    """Bring the other forms of a source's latest version up to date; nothing where it has none.

    Follows whatever moved latest: a promotion, an acceptance, a rollback. Returns what was written.
    """
    latest = registry.latest(source)
    if latest is None or not sources.exports(source):
        return {}
    manifest = manifests.require(store, source, latest.version)
    written: Mapping[str, Any] = sources.module(source, "export").export(store, manifest, latest.since)
    return written
