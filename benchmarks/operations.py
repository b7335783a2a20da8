"""`make bench BENCH=operations`: what watching, recovering and backing up cost once a year of runs is in the registry.

The registry holds a run log like that of a year (the watch alone makes 105,000 runs), and one source's versions with
their verdicts; the store a small source. Printed: wall seconds and peak memory of each act, in a process of its own.

Then what 50,000 versions of a source cost: a promotion, a recovery and others over 100 and over 50,000 of them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from include import pipeline
from include.monitoring import status, thresholds, watch
from include.operations import backup, recovery, retention
from include.registry import run_log
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store
from sandbox import past
from sandbox.daily import DailyRuns

DAYS = 365
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

_RUNS = """
    INSERT INTO lastgood.pipeline_run (source, version, dag_id, run_id, interval_end, started, ended, status, steps,
        env, code_version, run_type)
    SELECT name, 'v' || at, name, 'scheduled__' || at, at, at, at + interval '1 minute',
        CASE WHEN random() < 0.01 THEN 'fail' ELSE 'ok' END,
        jsonb_build_object('probe', jsonb_build_object('seconds', 1.5, 'tries', 1, 'new', true)),
        'bench', '0', 'scheduled'
    FROM (VALUES ('lastgood_watch', 5), ('lastgood_recovery', 10), ('ctgov', 1440), ('pubchem', 1440),
        ('sofascore', 1440), ('clinical', 720)) AS dag (name, minutes)
    CROSS JOIN LATERAL generate_series(%(now)s - make_interval(days => %(days)s), %(now)s,
        make_interval(mins => minutes)) AS at
"""
_VERDICTS = """
    INSERT INTO lastgood.check_result (source, version, table_name, check_id, name, rule, outcome, threshold)
    SELECT 'ctgov', 'v' || n / 700, 'studies', 'check ' || n, 'a check', 'contract', 'PASSED', 'must be 0'
    FROM generate_series(1, 100000) AS n
"""


def acts(store: Store, second: Store, registry: Registry) -> dict[str, Callable[[], object]]:
    """What is measured, by its name."""
    limits = thresholds.load()

    def remove() -> object:
        return [
            retention.plan(store, registry, name, sources.spec(name).retention, now=NOW)
            for name in sources.names()
        ]

    return {
        "watch": lambda: watch.observe(registry, store, limits, NOW, second),
        "status": lambda: status.status(registry, NOW),
        "last 20 runs": lambda: run_log.runs(registry, limit=20),
        "recovery": lambda: recovery.recover(store, registry, now=NOW),
        "retention, plan": remove,
        "backup": lambda: backup.backup(store, registry, second, now=NOW, code_version="bench"),
    }


def main() -> None:
    """Fill a registry, then run each act in a process of its own and print its figures."""
    from sandbox import postgres

    with tempfile.TemporaryDirectory(prefix="lg-bench-") as folder:
        base = Path(folder)
        postgres.start(base / "postgres", databases=("lastgood", *map(_database, MANY)))
        try:
            dsn = postgres.dsn(base / "postgres", "lastgood")
            Registry(lambda: psycopg.connect(dsn)).migrate()
            with psycopg.connect(dsn) as connection:
                runs = connection.execute(_RUNS, {"now": NOW, "days": DAYS}).rowcount
                checks = connection.execute(_VERDICTS).rowcount
                connection.execute("ANALYZE")
            print(f"run log of {DAYS} days: {runs} runs, {checks} checks")
            print(f"{'act':<18}{'wall s':>8}{'peak MB':>9}")
            for name in acts(*_stores(base), Registry(lambda: psycopg.connect(dsn))):
                ran = subprocess.run(
                    [sys.executable, "-m", "benchmarks.operations", name, folder, dsn],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                figures = json.loads(ran.stdout.splitlines()[-1])
                print(f"{name:<18}{figures['seconds']:>8.2f}{figures['megabytes']:>9.0f}")
            many(base)
        finally:
            postgres.stop(base / "postgres")


MANY = (100, 50_000)
"""Versions of a source."""
TIMES = 5
"""So often each act is timed; the fastest counts."""


def many(base: Path) -> None:
    """Time promotions of a small sample and the house's acts over few and over many versions; print the ratio."""
    from sandbox import postgres
    from sandbox.ctgov.server import SampleUpstream

    found = []
    for versions in MANY:
        dsn = postgres.dsn(base / "postgres", _database(versions))
        registry = Registry(lambda dsn=dsn: psycopg.connect(dsn))  # type: ignore[misc]
        registry.migrate()
        past.fill(registry, "ctgov", versions)
        store = Store.from_uri(f"file://{base / f'versions_{versions}'}")
        with SampleUpstream(size=200, seed=1, mean_bytes=2_000) as upstream:
            found.append(_times(DailyRuns("ctgov", store, registry, upstream), upstream.advance))
    few, most = MANY
    print(f"{'act':<18}{f'{few} versions':>14}{f'{most} versions':>17}{'ratio':>7}")
    for name, seconds in found[0].items():
        print(f"{name:<18}{seconds:>12.3f} s{found[1][name]:>15.3f} s{found[1][name] / seconds:>7.2f}")


def _database(versions: int) -> str:
    return f"versions_{versions}"


def _times(daily: DailyRuns, advance: Callable[[], object]) -> dict[str, float]:
    limits, promotions = thresholds.load(), []
    for day in range(TIMES + 1):
        run, _ = daily.candidate(day)
        if not pipeline.judge(run).passed:
            raise RuntimeError(f"the sample of day {day} did not pass its gate")
        promotions.append(_seconds(lambda run=run: pipeline.promote(run)))  # type: ignore[misc]
        advance()
    store, registry, specs = daily.store, daily.registry, {"ctgov": sources.spec("ctgov")}
    now = datetime.now(UTC)
    others: dict[str, Callable[[], object]] = {
        "recovery": lambda: recovery.recover(store, registry, now=now, specs=specs),
        "watch": lambda: watch.observe(registry, store, limits, now, None, specs=specs),
        "status": lambda: status.status(registry, now),
        "history": lambda: registry.history("ctgov"),
    }
    return {
        "promotion": min(promotions[1:]),
        **{name: min(_seconds(act) for _ in range(TIMES)) for name, act in others.items()},
    }


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _stores(base: Path) -> tuple[Store, Store]:
    return Store.from_uri(f"file://{base / 'store'}"), Store.from_uri(f"file://{base / 'second'}")


def measure(name: str, folder: str, dsn: str) -> None:
    """One act in this process; prints its figures as JSON."""
    seconds = _seconds(acts(*_stores(Path(folder)), Registry(lambda: psycopg.connect(dsn)))[name])
    print(
        json.dumps(
            {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        )
    )


if __name__ == "__main__":
    measure(*sys.argv[1:])
