"""News of what was published, as alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from include.monitoring import news
from include.publishing.manifest import Manifest
from include.registry.registry import Registry
from include.sources import source as sources
from include.sources.source import News
from include.storage.reading import Reader
from include.storage.store import Store
from tests import toy
from tests.publishing import quick

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


class Telling:
    """A source that tells which version is latest."""

    spec = SimpleNamespace(name=toy.SOURCE)

    def schema(self) -> Any:
        raise NotImplementedError

    def build(self, run: Any, candidate: Any) -> Any:
        raise NotImplementedError

    def news(self, read: Reader, manifest: Manifest, now: datetime) -> Sequence[News]:
        return [
            News(
                kind="brief",
                what=f"{now:%Y-%m-%d}",
                headline="the brief of a week",
                said=f"made of {manifest.version}",
                severity="warning",
                facts={"Week": "48"},
                attachments={"brief.pdf": "site/toy/brief.pdf"},
            )
        ]


def test_what_a_source_tells_of_latest_is_an_alert(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "load", lambda _name: Telling())
    assert news.of(store, registry, toy.SOURCE, NOW) == [], "nothing was published yet"
    latest = quick.publish(store, registry, 3, day=1)
    (told,) = news.of(store, registry, toy.SOURCE, NOW)
    assert (told.fingerprint, told.level, told.at) == ("brief|toy|2026-12-01", "warning", NOW)
    assert told.title == "toy: the brief of a week"
    assert (told.cause, told.version) == (f"made of {latest.version}", latest.version)
    assert (told.facts, told.attachments) == ({"Week": "48"}, {"brief.pdf": "site/toy/brief.pdf"})
    assert latest.version in told.consumers


def test_a_source_that_has_nothing_to_tell_tells_nothing(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.publish(store, registry, 3, day=1)
    monkeypatch.setattr(sources, "load", lambda _name: SimpleNamespace())
    assert news.of(store, registry, toy.SOURCE, NOW) == []
