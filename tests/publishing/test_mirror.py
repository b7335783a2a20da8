"""The store's pointer is no newer than the registry, else nobody acts by the registry."""

from __future__ import annotations

import pytest

from include.publishing import mirror
from include.publishing.registry import Latest, Registry
from include.publishing.store import Store
from tests import toy
from tests.publishing import quick


def test_the_pointer_agrees_until_the_registry_knows_less(store: Store, registry: Registry) -> None:
    assert mirror.agreed(store, registry, toy.SOURCE) is None
    manifest = quick.publish(store, registry, 3, day=1)
    pointer = mirror.agreed(store, registry, toy.SOURCE)
    assert pointer is not None and pointer.version == manifest.version
    with registry.cursor() as cursor:
        cursor.execute("UPDATE lastgood.latest SET since = since + interval '1 day'")
    assert mirror.agreed(store, registry, toy.SOURCE) == pointer, "the mirror is written after the registry"
    for statement in (
        "UPDATE lastgood.latest SET since = since - interval '2 days'",
        "DELETE FROM lastgood.latest",
    ):
        with registry.cursor() as cursor:
            cursor.execute(statement)
        with pytest.raises(mirror.OlderRegistry, match="the registry is older than the store"):
            mirror.agreed(store, registry, toy.SOURCE)


def test_a_promotion_at_the_same_moment_is_no_disagreement(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = quick.publish(store, registry, 3, day=1)
    latest = Registry.latest

    def and_then_another(self: Registry, source: str) -> Latest | None:
        found = latest(self, source)
        monkeypatch.undo()
        quick.publish(store, registry, 4, day=2)
        return found

    monkeypatch.setattr(Registry, "latest", and_then_another)
    pointer = mirror.agreed(store, registry, toy.SOURCE)
    assert pointer is not None and pointer.version == before.version
