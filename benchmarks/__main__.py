"""`make bench`: how fast and how large a run is, on studies of the sample upstream over local HTTP.

Each step runs in a process of its own, as Airflow's tasks do, with the pace switched off. Printed per step: wall
seconds, CPU seconds, peak memory of the step's largest process. Absolute figures depend on the machine, so sizes
and step shares are printed side by side; docs/performance.md keeps a run.

    make bench BENCH="100000 600000"
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import requests

from include import steps
from include.publishing import serving
from include.publishing.manifest import version_id
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.sources.source import Run
from include.upstream.breaker import Breaker
from include.upstream.limits import Limits
from include.upstream.session import UpstreamSession

STEPS = ("extract", "build", "gate", "promote")
START = datetime(2026, 11, 17, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]


def run_step(step: str, day: int, root: str, dsn: str, url: str) -> dict[str, Any]:
    """One step in this process; returns its figures."""
    registry = Registry(lambda: psycopg.connect(dsn))
    run = Run(
        source="ctgov",
        version=version_id(START + timedelta(days=day), f"bench-{day}"),
        run_id=f"bench-{day}",
        interval_start=None,
        interval_end=START + timedelta(days=day),
        params={},
        store=Store.from_uri(root),
        registry=registry,
    )
    facts: dict[str, Any] = {}
    began = time.perf_counter()
    if step == "extract":
        http = requests.Session()
        http.trust_env = False
        session = UpstreamSession(http, url, Limits(per_second=None), Breaker(registry.connect, "bench"))
        steps.extract(run, session)
        facts["MB"] = session.stats.bytes / 1e6
    elif step == "build":
        facts["studies"] = steps.build(run).table("studies").rows
    elif step == "gate":
        verdict = steps.judge(run)
        assert verdict.passed, verdict.reasons
        facts["checks"] = len(verdict.checks)
    else:
        copying = _timed_serving()
        steps.promote(run)
        facts["serving_s"] = copying[0]
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": time.perf_counter() - began,
        "cpu_s": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        "peak_mb": max(own.ru_maxrss, children.ru_maxrss) / 1024,
        **facts,
    }


def _timed_serving() -> list[float]:
    """Seconds spent on serving copies, so that what a promotion costs besides can be told."""
    spent, original = [0.0], serving.serve

    def timed(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return original(*args, **kwargs)
        finally:
            spent[0] += time.perf_counter() - began

    serving.serve = timed
    return spent


def child(*arguments: str) -> dict[str, Any]:
    """Run a step in a new interpreter."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "step", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"step {arguments[0]} failed:\n{ran.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return figures


def measure(size: int) -> None:
    """A full run and an incremental one over `size` generated studies."""
    from sandbox import postgres

    with tempfile.TemporaryDirectory(prefix="lastgood-bench-") as name:
        folder = Path(name)
        dsn = postgres.start(folder / "pg", databases=("lastgood",))
        Registry(lambda: psycopg.connect(dsn)).migrate()
        command = [sys.executable, "-m", "sandbox.ctgov", "--port", "0", "--size", str(size), "--seed", "1"]
        upstream = subprocess.Popen(
            [*command, "--no-gzip", "--state", str(folder / "upstream.json")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert upstream.stdout is not None
            url = upstream.stdout.readline().removeprefix("READY ").strip()
            for day, kind in enumerate(("full", "incremental")):
                if day:
                    requests.post(f"{url}/_sandbox/advance", timeout=600).raise_for_status()
                _report(
                    size, kind, {s: child(s, str(day), (folder / "store").as_uri(), dsn, url) for s in STEPS}
                )
        finally:
            upstream.terminate()
            upstream.wait()
            postgres.stop(folder / "pg")


def _report(size: int, kind: str, figures: dict[str, dict[str, Any]]) -> None:
    total = sum(figure["wall_s"] for figure in figures.values())
    rows = figures["build"]["studies"]
    print(f"\n{kind} run, {rows} studies: {total:.1f} s, {rows / total:.0f} studies/s")
    print(f"{'step':<9}{'wall s':>8}{'share':>7}{'cpu s':>8}{'peak MB':>9}")
    for step, figure in figures.items():
        more = {
            "extract": lambda f: f"{f['MB']:.0f} MB received",
            "build": lambda f: f"{f['studies']} studies",
            "gate": lambda f: f"{f['checks']} checks",
            "promote": lambda f: (
                f"{f['serving_s']:.2f} s serving copies, {f['wall_s'] - f['serving_s']:.2f} s besides"
            ),
        }[step](figure)
        print(
            f"{step:<9}{figure['wall_s']:>8.2f}{figure['wall_s'] / total:>7.0%}{figure['cpu_s']:>8.2f}"
            f"{figure['peak_mb']:>9.0f}  {more}",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["step"]:
        step, day, root, dsn, url = sys.argv[2:]
        print(json.dumps(run_step(step, int(day), root, dsn, url)))
    else:
        for wanted in sys.argv[1:] or ["100000"]:
            measure(int(wanted))
