"""The registry comes back from the store alone."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from include.publishing import promotion, rebuild
from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy


def facts(registry: Registry) -> dict[str, Any]:
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT source, table_name, check_id, outcome, value FROM lastgood.check_result ORDER BY 1,2,3"
        )
        checks = cursor.fetchall()
    return {
        "versions": [
            (
                v.version,
                v.state,
                v.as_of,
                v.published_at,
                v.publish_attempts,
                v.accepted_by,
                v.manifest_sha256,
            )
            for v in registry.versions(toy.SOURCE)
        ],
        "latest": registry.latest(toy.SOURCE),
        "cursors": registry.cursors(toy.SOURCE),
        "history": registry.history(toy.SOURCE),
        "checks": len(checks),
        "served": toy.served(registry),
    }


@pytest.mark.parametrize("lost", ["the whole database", "the schema lastgood"])
def test_a_lost_registry_is_rebuilt_from_the_manifests(
    store: Store, registry: Registry, dsn: str, lost: str
) -> None:
    toy.publish(store, registry, 1000, day=1)
    toy.publish(store, registry, 1001, day=2)
    bad = toy.stage(store, registry, {1: "rubbish"}, day=3)
    toy.judge(store, registry, bad)
    lower = toy.stage(store, registry, 500, day=4)
    toy.judge(store, registry, lower)
    promotion.accept(store, registry, toy.SOURCE, lower.version, who="ana", reason="new level")
    toy.publish(store, registry, 501, day=5)
    promotion.rollback(store, registry, toy.SOURCE, who="ana", reason="wrong")
    before = facts(registry)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA lastgood CASCADE")
        if lost == "the whole database":
            connection.execute("DROP SCHEMA published CASCADE")
    assert rebuild.rebuild(store, registry) == {toy.SOURCE: 5}
    assert facts(registry) == before
    with pytest.raises(rebuild.RegistryInUse, match="knows 5 versions already; only an empty one"):
        rebuild.rebuild(store, registry)
    assert facts(registry) == before
    next_day = toy.publish(store, registry, 502, day=6)
    assert toy.served(registry) == toy.read(store, next_day)
