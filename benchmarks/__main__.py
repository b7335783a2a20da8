"""`make bench`: how fast and how large a run is, of every source, on sample upstreams over local HTTP.

Each step runs in a process of its own, as Airflow's tasks do, with the pace switched off. Printed per step: wall
seconds, CPU seconds, peak memory of the step's largest process. Absolute figures depend on the machine, so sizes
and step shares are printed side by side; docs/performance.md keeps a run.

    make bench BENCH="100000 600000"        studies of ClinicalTrials.gov; PubChem's sample fits them
    make bench BENCH="100000 ctgov"         of one source alone
    make bench BENCH=operations             the house's own acts over a year of runs, see benchmarks/operations.py
    make bench BENCH=serving                a serving table by change list and by copy, see benchmarks/serving.py
    make bench BENCH=comments_weekly        the figures of a week beside pandas, see benchmarks/comments_weekly.py
    make bench BENCH="alarms 60 ctgov"      how often change rules are wrong, see benchmarks/alarms.py
    make bench BENCH=parsing                how fast studies are parsed, see benchmarks/parsing.py
    make bench BENCH="comments 100000"      comments a second from exports to tables, see benchmarks/comments.py
    make bench BENCH="enrich 100000"        comments a second that are enriched, see benchmarks/comments_enrich.py
    make bench BENCH=comments_dashboard     the dashboard of a million comments in a browser, see its module
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import requests

from benchmarks import (
    alarms,
    comments,
    comments_dashboard,
    comments_enrich,
    comments_weekly,
    operations,
    parsing,
)
from benchmarks import serving as serving_tables
from include import pipeline, release
from include.pipeline import OpenRun
from include.publishing import serving
from include.registry import run_log
from include.registry.breaker import Breaker
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store
from include.upstream.session import UpstreamSession

START = datetime(2026, 11, 17, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]
MAIN_TABLE = {
    "ctgov": "studies",
    "pubchem": "trial_compounds",
    "clinical": "clinical_compound_trials",
    "sofascore": "matches",
    "comments_weekly": "entity_rankings",
}
NAMES = 20_000
"""Look-ups of names in a run of pubchem; at PubChem's own pace they would take 70 minutes."""


def steps_of(source: str) -> list[str]:
    """The steps that are measured."""
    spec = sources.spec(source)
    extract, export = [] if spec.derived else ["extract"], ["export"] if sources.exports(source) else []
    return [*extract, "build", "gate", "promote", *export]


def run_step(source: str, step: str, day: int, root: str, dsn: str, url: str) -> dict[str, Any]:
    """One step in this process; returns its figures, and in `note` what a person wants to know."""
    registry = Registry(lambda: psycopg.connect(dsn))
    about: dict[str, Any] = {
        "source": source,
        "run_id": f"bench-{day}",
        "interval_start": None,
        "interval_end": START + timedelta(days=day),
    }
    if step == steps_of(source)[0]:
        inputs = sources.inputs(source)
        pins = run_log.open_run(
            registry, **about, dag_id=source, env="bench", code_version=release.code_version(), inputs=inputs
        )
    else:
        pins = run_log.pinned(registry, source, about["run_id"])
    run = OpenRun(
        **about,
        pins=pins,
        params={"names": NAMES},
        store=Store.from_uri(root),
        registry=registry,
    )
    began = time.perf_counter()
    rows, note = 0, ""
    if step == "extract":
        spec = sources.spec(source)
        http = requests.Session()
        http.trust_env = False
        session = UpstreamSession(
            http,
            url,
            replace(spec.limits, per_second=None, per_minute=None),
            Breaker(registry.connect, "bench"),
            classifier=spec.classifier,
            throttle_hint=spec.throttle_hint,
        )
        http.headers["Accept-Encoding"] = "identity"  # the sample would compress on the same cores
        pipeline.extract(run, session)
        note = f"{session.stats.bytes / 1e6:.0f} MB received in {session.stats.requests} requests"
    elif step == "build":
        rows = pipeline.build(run).table(MAIN_TABLE[source]).rows
        note = f"{rows} {MAIN_TABLE[source]}"
    elif step == "gate":
        verdict = pipeline.judge(run)
        assert verdict.passed, verdict.reasons
        note = f"{len(verdict.checks)} checks"
    elif step == "promote":
        copying = _timed_serving()
        pipeline.promote(run)
        besides = time.perf_counter() - began - copying[0]
        note = f"{copying[0]:.2f} s serving copies, {besides:.2f} s besides"
    else:
        note = f"{pipeline.export(run.store, registry, source)['bytes'] / 1e6:.0f} MB written"
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": time.perf_counter() - began,
        "cpu_s": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        "peak_mb": max(own.ru_maxrss, children.ru_maxrss) / 1024,
        "rows": rows,
        "note": note,
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
        raise SystemExit(f"{' '.join(arguments[:2])} failed:\n{ran.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return figures


@contextmanager
def sample_upstream(source: str, size: int, folder: Path) -> Iterator[str]:
    """The sample upstream of a source in a process of its own; its address, empty for a derived source."""
    if sources.spec(source).derived:
        yield ""
        return
    command = [
        sys.executable,
        "-m",
        f"sandbox.{source}",
        "--port=0",
        f"--size={size}",
        "--seed=1",
    ]
    upstream = subprocess.Popen(
        [*command, f"--state={folder / source}.json"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert upstream.stdout is not None
        yield upstream.stdout.readline().removeprefix("READY ").strip()
    finally:
        upstream.kill()
        upstream.wait()


def measure(size: int, chosen: Sequence[str]) -> None:
    """A full run and an incremental one of each source over a sample of `size` studies."""
    from sandbox import postgres

    with tempfile.TemporaryDirectory(prefix="lastgood-bench-") as name:
        folder = Path(name)
        dsn = postgres.start(folder / "pg", databases=("lastgood",))
        Registry(lambda: psycopg.connect(dsn)).migrate()
        try:
            for day, kind in enumerate(("full", "incremental")):
                for source in chosen:
                    with sample_upstream(source, size, folder) as url:
                        if day and url:
                            requests.post(f"{url}/_sandbox/advance", timeout=600).raise_for_status()
                        places = (str(day), (folder / "store").as_uri(), dsn, url)
                        _report(source, kind, {s: child(source, s, *places) for s in steps_of(source)})
        finally:
            postgres.stop(folder / "pg")


def _report(source: str, kind: str, figures: dict[str, dict[str, Any]]) -> None:
    total = sum(figure["wall_s"] for figure in figures.values())
    rows = figures["build"]["rows"]
    print(f"\n{source}, {kind} run, {rows} {MAIN_TABLE[source]}: {total:.1f} s, {rows / total:.0f}/s")
    print(f"{'step':<9}{'wall s':>8}{'share':>7}{'cpu s':>8}{'peak MB':>9}")
    for step, figure in figures.items():
        print(
            f"{step:<9}{figure['wall_s']:>8.2f}{figure['wall_s'] / total:>7.0%}{figure['cpu_s']:>8.2f}"
            f"{figure['peak_mb']:>9.0f}  {figure['note']}",
            flush=True,
        )


def main(arguments: Sequence[str]) -> None:
    """Measure each size, of the sources that are named, or of all."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what",
        nargs="*",
        help=f"sizes (100000) and sources ({', '.join(MAIN_TABLE)}), or operations, serving, comments_weekly, alarms, "
        "parsing, comments, enrich, comments_dashboard",
    )
    chosen = parser.parse_args(arguments).what
    alone = {
        "operations": operations.main,
        "serving": serving_tables.main,
        "comments_weekly": comments_weekly.main,
    }
    if len(chosen) == 1 and chosen[0] in alone:
        alone[chosen[0]]()
        return
    parts = {
        "alarms": alarms,
        "parsing": parsing,
        "comments": comments,
        "enrich": comments_enrich,
        "comments_dashboard": comments_dashboard,
    }
    if chosen and chosen[0] in parts:
        parts[chosen[0]].main(chosen[1:])
        return
    named = [each for each in chosen if not each.isdecimal()]
    if unknown := set(named) - set(MAIN_TABLE):
        parser.error(f"there is no source {min(unknown)!r}; there are: {', '.join(MAIN_TABLE)}")
    for size in [int(each) for each in chosen if each.isdecimal()] or [100_000]:
        measure(size, sources.in_order(named or list(MAIN_TABLE)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["step"]:
        source, step, day, root, dsn, url = sys.argv[2:]
        print(json.dumps(run_step(source, step, int(day), root, dsn, url)))
    else:
        main(sys.argv[1:])
