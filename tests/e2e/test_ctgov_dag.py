"""The DAG ctgov as Airflow runs it, from its API to what consumers read."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

from include.publishing import pointers
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
from sandbox.ctgov.server import SampleUpstream

Run = Callable[..., subprocess.CompletedProcess[str]]
Alike = Callable[[subprocess.CompletedProcess[str], str], None]


def test_a_full_run_an_incremental_one_a_skip_and_a_failure(
    run_dag: Run,
    store: Store,
    registry: Registry,
    asset_events: Callable[[str], list[dict[str, Any]]],
    told_alike: Alike,
) -> None:
    with SampleUpstream(size=300, seed=11, mean_bytes=8_000) as upstream:
        ran = run_dag("ctgov", upstream.url)
        assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
        first = pointers.read_pointer(store, "ctgov")
        assert first is not None
        assert next(t.rows for t in first.tables if t.name == "studies") == len(list(upstream.studies()))
        line = r"Z \[info +\] ctgov: 300 of 300 studies \(100%\).* \[include\.sources\.ctgov\.extract\]"
        assert re.search(line, ran.stdout), "what include logs comes with time, level and name"
        told_alike(ran, "ctgov")

        upstream.advance()
        assert run_dag("ctgov", upstream.url).returncode == 0
        second = pointers.read_pointer(store, "ctgov")
        assert second is not None and second.previous == first.version

        assert run_dag("ctgov", upstream.url).returncode == 0
        assert pointers.read_pointer(store, "ctgov") == second, "nothing new: skipped"

        upstream.advance()
        upstream.faults([{"kind": "error", "times": None, "path": "/api/v2/studies"}])
        assert run_dag("ctgov", upstream.url).returncode == 1
        assert pointers.read_pointer(store, "ctgov") == second, "a failed run leaves latest as it was"

    events = asset_events("lastgood_ctgov")
    assert [event["version"] for event in events] == [first.version, second.version]
    assert events[0]["rows"] == {table.name: table.rows for table in first.tables}
    assert {"interval_start", "interval_end", "changes"} <= set(events[1])

    runs = run_log.runs(registry, "ctgov")
    assert [run["status"] for run in runs] == ["fail", "skipped", "ok", "ok"]
    assert [run["failed_step"] for run in runs] == ["probe", None, None, None]
    assert set(runs[-1]["steps"]) == {"probe", "extract", "build", "gate", "promote"}
    with registry.transaction() as cursor:
        cursor.execute("SELECT count(*) AS n FROM published.ctgov_studies")
        assert cursor.fetchone() == {"n": next(t.rows for t in second.tables if t.name == "studies")}
        cursor.execute("SELECT title FROM lastgood.alert")
        assert {row["title"] for row in cursor.fetchall()} == {"ctgov: the upstream does not answer"}
