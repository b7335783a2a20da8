"""An operator's decision through the form of a DAG, where there is no shell."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_lasting_new_level_is_accepted_and_a_broken_contract_is_not(
    run_dag: Run, store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 1000, day=1)
    broken = toy.stage(store, registry, {1: "rubbish"}, day=2)
    toy.judge(store, registry, broken)
    lower = toy.stage(store, registry, 900, day=3)
    toy.judge(store, registry, lower)

    conf = {"source": toy.SOURCE, "reason": "one registry was closed"}
    refused = run_dag("lastgood_accept", "http://127.0.0.1:9", **conf, version=broken.version)
    assert refused.returncode == 1 and "can never be accepted" in refused.stdout + refused.stderr

    accepted = run_dag("lastgood_accept", "http://127.0.0.1:9", **conf, version=lower.version)
    assert accepted.returncode == 0, accepted.stdout[-3000:]
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == lower.version
    with registry.transaction() as cursor:
        cursor.execute("SELECT what, version, reason FROM lastgood.action")
        assert cursor.fetchall() == [
            {"what": "accept", "version": lower.version, "reason": "one registry was closed"}
        ]
