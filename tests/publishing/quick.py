"""Publishing versions of toy without running its gate, for tests that need many of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from include.publishing import manifest as manifests
from include.publishing import promotion
from include.publishing import verdict as verdicts
from include.publishing.manifest import Manifest
from include.publishing.policy import Policy
from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy

Rule = Literal["contract", "change"]


def publish(
    store: Store, registry: Registry, values: Mapping[int, str | None] | int, *, day: int
) -> Manifest:
    """Stage, judge and promote."""
    return promote(store, registry, toy.stage(store, registry, values, day=day))


def promote(store: Store, registry: Registry, manifest: Manifest) -> Manifest:
    """Judge and promote."""
    judge(store, registry, manifest)
    promotion.promote(store, registry, toy.SOURCE, manifest.version, policy=Policy(), owner="test")
    return manifest


def judge(
    store: Store,
    registry: Registry,
    manifest: Manifest,
    outcome: verdicts.Outcome = "PASSED",
    rule: Rule = "contract",
) -> verdicts.Verdict:
    """Give a candidate a verdict of one check."""
    given = verdict(store, manifest, outcome, rule)
    verdicts.keep(store, registry, given)
    return given


def verdict(store: Store, manifest: Manifest, outcome: verdicts.Outcome, rule: Rule) -> verdicts.Verdict:
    """A verdict of one check, which nobody has written anywhere yet."""
    check = verdicts.CheckOutcome(
        table="things", id="1", name="a check", rule=rule, outcome=outcome, value=0, threshold="none"
    )
    return verdicts.Verdict(
        source=manifest.source,
        version=manifest.version,
        previous=manifest.previous,
        checked_at=manifest.created_at,
        checks=[check],
        errors=[],
        stamps=manifests.verify(store, manifest, lists=True),
    )
