"""What people are to hear of the data that were published: news of sources, as alerts that are told once.

Whoever moved latest, a run, a decision or recovery: the step export and the watch ask, and what was told is known.
"""

from __future__ import annotations

from datetime import datetime

from include.alerting.alert import Alert
from include.monitoring.consumers import consumers
from include.publishing import manifest as manifests
from include.registry.registry import Registry
from include.sources import source as sources
from include.sources.source import Announcing
from include.storage.reading import ReadOnly
from include.storage.store import Store


def of(store: Store, registry: Registry, source: str, now: datetime) -> list[Alert]:
    """The news of a source's latest version; none of one that has no version, or tells nothing."""
    found, latest = sources.load(source), registry.latest(source)
    if latest is None or not isinstance(found, Announcing):
        return []
    manifest = manifests.require(store, source, latest.version)
    return [
        Alert(
            kind=each.kind,
            source=source,
            what=each.what,
            at=now,
            occurrence=each.what,
            cause=each.said,
            headline=each.headline,
            severity=each.severity,
            version=latest.version,
            facts=each.facts,
            attachments=each.attachments,
            consumers=consumers(registry, source, now),
        )
        for each in found.news(ReadOnly(store), manifest, now)
    ]
