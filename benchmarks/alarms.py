"""`make bench BENCH=alarms`: how often the change rules are wrong, over days of the sample upstreams.

Each source is collected day by day, as its DAG does, while its sample upstream moves on as on quiet days; whatever a
check says then is a false alarm. And for every column that arrivals usually fill it is asked whether its loss on that
day would have been noticed (the rule of the contracts on `arrivals`); where not, too few things arrived. Printed:
false alarms by check, and the share of losses that would have gone unseen, by how many things arrived.

    make bench BENCH=alarms                 60 days of every source
    make bench BENCH="alarms 10 sofascore"  of one, for 10 days
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg

from include import pipeline
from include.publishing.promotion import Outcome
from include.quality import gate, likelihood
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
from sandbox import postgres
from sandbox.ctgov.server import SampleUpstream as Studies
from sandbox.daily import DailyRuns
from sandbox.pubchem.server import SampleUpstream as Compounds
from sandbox.sofascore.server import SampleUpstream as Matches

DAYS = 60
CHANCE = 1e-6
"""That of the contracts' rules on `arrivals`."""
USUAL = 50
"""Percent: columns that are filled more rarely need many arrivals, and are left out of the count."""
GROUPS = (1, 5, 10, 20, 50)
SAMPLES: Mapping[str, Any] = {
    "ctgov": partial(Studies, size=2_000, mean_bytes=6_000, compress=False),
    "pubchem": partial(Compounds, size=600, compress=False),
    "sofascore": partial(Matches, size=240, covered=True),
}


def main(arguments: Sequence[str] = ()) -> None:
    """Print both error rates of each source that is named, or of all that have an upstream of their own."""
    days = next((int(each) for each in arguments if each.isdecimal()), DAYS)
    for source in [each for each in arguments if each in SAMPLES] or SAMPLES:
        with _pipeline(source) as daily:
            _report(source, days, *_watch(daily, days))


@contextmanager
def _pipeline(source: str) -> Iterator[DailyRuns]:
    with tempfile.TemporaryDirectory(prefix="lg-bench-") as folder:
        base = Path(folder)
        postgres.start(base / "postgres", databases=("lastgood",))
        try:
            dsn = postgres.dsn(base / "postgres", "lastgood")
            registry = Registry(lambda: psycopg.connect(dsn))
            registry.migrate()
            with SAMPLES[source]() as upstream:
                yield DailyRuns(source, Store.from_uri((base / "store").as_uri()), registry, upstream)
        finally:
            postgres.stop(base / "postgres")


def _watch(daily: DailyRuns, days: int) -> tuple[Counter[str], Counter[tuple[int, bool]]]:
    """What checks said on quiet days, and whether a column's loss would have been noticed: (group, noticed)."""
    said: Counter[str] = Counter()
    losses: Counter[tuple[int, bool]] = Counter()
    for day in range(1, days + 1):
        run = daily.run(day)
        if not pipeline.probe(run, daily.session()).new:
            run_log.end(daily.registry, run.source, run.version, "skipped")
        else:
            pipeline.extract(run, daily.session())
            pipeline.build(run)
            with _seen() as measured:
                verdict = pipeline.judge(run)
            for check in verdict.checks:
                if check.outcome != "PASSED":
                    said[f"{check.outcome} {check.sentence}"] += 1
                    print(f"  day {day}: {check.outcome} {check.sentence} {check.samples[:2]}", flush=True)
            for row in measured:
                if row["usual_percent"] >= USUAL:
                    lost = likelihood.chance(row["arrived"], 0, row["usual_percent"] / 100) < CHANCE
                    losses[max(group for group in GROUPS if group <= row["arrived"]), lost] += 1
            if pipeline.promote(run).outcome is not Outcome.PROMOTED:
                raise SystemExit(f"{run.source} was not promoted on day {day}: {verdict.reasons}")
            run_log.end(daily.registry, run.source, run.version, "ok")
        print(f"{daily.source}: day {day} of {days}", file=sys.stderr, flush=True)
        daily.upstream.advance(1)
    return said, losses


@contextmanager
def _seen() -> Iterator[list[dict[str, Any]]]:
    """The rows of `arrivals` that the gate makes meanwhile."""
    measured: list[dict[str, Any]] = []
    measure = gate._measure_arrivals

    def noted(*arguments: Any) -> list[dict[str, Any]]:
        measured.extend(found := measure(*arguments))
        return found

    with mock.patch.object(gate, "_measure_arrivals", noted):
        yield measured


def _report(source: str, days: int, said: Counter[str], losses: Counter[tuple[int, bool]]) -> None:
    print(f"{source}: {days} days, {sum(said.values())} false alarms")
    for sentence, times in said.most_common():
        print(f"  {times:4} {sentence}")
    for group, last in zip(GROUPS, [*(each - 1 for each in GROUPS[1:]), None], strict=True):
        noticed, unseen = losses[group, True], losses[group, False]
        if noticed + unseen:
            things = f"{group} to {last}" if last else f"{group} and more"
            share = f"{100 * unseen / (noticed + unseen):5.1f} %"
            print(f"  {things:>12} things arrived: {share} of {noticed + unseen:,} losses unseen", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
