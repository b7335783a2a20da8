"""The heartbeat: whoever stands outside sees when the watch last went through."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from include.monitoring import heartbeat
from include.storage.store import Store
from tests.monitoring.conftest import NOW


def test_a_heartbeat_is_fresh_until_two_runs_were_missed(store: Store) -> None:
    assert heartbeat.is_stale(heartbeat.read(store), NOW), "one that never was is stale"
    written = heartbeat.beat(store, NOW, code_version="1.0", findings=0, complete=True)
    assert heartbeat.read(store) == written and written.state == "well"
    assert not heartbeat.is_stale(written, NOW + timedelta(minutes=11))
    assert heartbeat.is_stale(written, NOW + timedelta(minutes=16))


@pytest.mark.parametrize(
    ("findings", "complete", "state"), [(0, True, "well"), (2, True, "findings"), (0, False, "incomplete")]
)
def test_it_says_how_things_are(store: Store, findings: int, complete: bool, state: str) -> None:
    heartbeat.beat(store, NOW, code_version="1.0", findings=findings, complete=complete)
    read = json.loads(store.read_bytes("monitoring/heartbeat.json"))
    assert (read["state"], read["findings"], read["code_version"]) == (state, findings, "1.0")
    assert read["expected_by"] > read["at"]


def test_a_heartbeat_that_cannot_be_read_says_which_file(store: Store) -> None:
    store.write_bytes(heartbeat.KEY, b"{}")
    with pytest.raises(ValueError, match=r"monitoring/heartbeat\.json is not a heartbeat"):
        heartbeat.read(store)
