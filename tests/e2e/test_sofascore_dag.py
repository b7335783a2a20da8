"""The DAG sofascore as Airflow runs it: off without a host, season by season with one, stopped by a challenge."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from include.publishing import pointers
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
from sandbox.sofascore.server import SampleUpstream

Run = Callable[..., subprocess.CompletedProcess[str]]
Alike = Callable[[subprocess.CompletedProcess[str], str], None]


def test_it_is_off_without_a_host_extracts_season_by_season_with_one_and_ends_as_partial_when_challenged(
    run_dag: Run, registry: Registry, store: Store, told_alike: Alike
) -> None:
    ran = run_dag("sofascore", None)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    (run,) = run_log.runs(registry, "sofascore")
    assert (run["status"], set(run["steps"])) == ("skipped", {"probe"})
    assert run["steps"]["probe"]["reason"].startswith(
        "Live collection of SofaScore is off, since it publishes"
    )
    assert "make run SOURCES=sofascore" in run["steps"]["probe"]["reason"]

    with SampleUpstream(size=60, seed=3) as upstream:
        ran = run_dag("sofascore", upstream.url, limit=12)
        assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-4000:]
        told_alike(ran, "sofascore")
        first = pointers.read_pointer(store, "sofascore")
        assert first is not None
        run = run_log.runs(registry, "sofascore")[0]
        units = run["steps"]["discover"]["units"]
        assert run["status"] == "ok"
        assert sum(unit["items"] for unit in units) == 12
        assert {f"extract {unit['label']}" for unit in units} == {
            n for n in run["steps"] if n.startswith("extract")
        }

        upstream.faults([{"kind": "challenge", "path": "/api/v1/event/", "first": 6, "times": None}])
        before = len(upstream.requests)
        ran = run_dag("sofascore", upstream.url)
        assert ran.returncode == 1
        refused = [request for request in list(upstream.requests)[before:] if request.status == 403]
        assert 1 <= len(refused) <= 2, "the other thread may have been asking, and nobody asks afterwards"
        assert pointers.read_pointer(store, "sofascore") == first
        run = run_log.runs(registry, "sofascore")[0]
        assert run["status"] == "partial" and run["failed_step"].startswith("extract ")
        extracts = {name: step for name, step in run["steps"].items() if name.startswith("extract ")}
        assert [name for name, step in extracts.items() if "error" in step] == [run["failed_step"]]
        others = [step["stopped"] for name, step in extracts.items() if name != run["failed_step"]]
        assert len(others) == len(extracts) - 1 > 0
        assert all(text.startswith("not asked: the run was stopped before (Refused)") for text in others)
        with registry.transaction() as cursor:
            cursor.execute("SELECT title FROM lastgood.alert WHERE kind <> 'gate-warned'")
            assert [row["title"] for row in cursor.fetchall()] == ["sofascore: the upstream refuses us"]
