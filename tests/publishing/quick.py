"""Publishing versions of toy without running its gate, for tests that need many of them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from include.publishing import manifest as manifests
from include.publishing import promotion
from include.publishing.manifest import Manifest
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.quality import gate
from tests import toy


def publish(
    store: Store, registry: Registry, values: Mapping[int, str | None] | int, *, day: int
) -> Manifest:
    """Stage and promote."""
    manifest = toy.stage(store, registry, values, day=day)
    judge(store, registry, manifest)
    promotion.promote(store, registry, toy.SOURCE, manifest.version, owner="test")
    return manifest


def judge(
    store: Store, registry: Registry, manifest: Manifest, outcome: gate.Outcome = "PASSED"
) -> gate.Verdict:
    """Give a candidate a verdict of one check."""
    check = gate.CheckOutcome(
        table="things", id="1", name="a check", rule="contract", outcome=outcome, value=0, threshold="none"
    )
    verdict = gate.Verdict(
        source=manifest.source,
        version=manifest.version,
        previous=manifest.previous,
        checked_at=manifest.created_at,
        checks=[check],
        errors=[],
        stamps=manifests.verify(store, manifest),
    )
    store.write_bytes(gate.verdict_key(manifest.source, manifest.version), msgspec.json.encode(verdict))
    registry.record_verdict(verdict)
    return verdict
