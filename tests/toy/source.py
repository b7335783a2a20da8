"""Toy as a source with steps of its own: what its upstream holds depends on the day alone.

So whoever knows a version's day knows the rows that it must hold, whatever happened on the way there.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pyarrow as pa

from include import pipeline
from include.pipeline import OpenRun
from include.publishing import manifest as manifests
from include.publishing import race
from include.publishing import verdict as verdicts
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.publishing.promotion import PromotionRefused
from include.quality import contract, gate
from include.registry import run_log
from include.registry.registry import Registry
from include.sources import source as sources
from include.sources.source import Built, Probe, Retention, Run, Schema, Spec
from include.storage.store import Store
from tests import toy
from tests.publishing import quick

IDS = 40
PART = 10
"""Ids of one part of the table: most parts are kept from version to version, as the same files."""
SCHEMA_VERSION = 1
SPEC = Spec(
    name=toy.SOURCE,
    title="Toy",
    owner="tests",
    schedule="0 0 * * *",
    step_timeout=timedelta(hours=1),
    extract_timeout=timedelta(hours=1),
    run_timeout=timedelta(hours=12),
    done_within=timedelta(hours=8),
    fresh_within=timedelta(hours=36),
    retention=Retention(versions=3, raw=timedelta(days=1)),
)
QUALITIES: dict[str, tuple[verdicts.Outcome, quick.Rule]] = {
    "good": ("PASSED", "contract"),
    "level": ("FAILED", "change"),
    "bad": ("FAILED", "contract"),
}
"""What the gate says of a run's candidate, by its param `quality`: only `level` can be accepted."""


# --- the upstream ---


@cache
def changed(day: int) -> dict[int, str | None]:
    """What the upstream changed on a day; None where it took a thing away."""
    if day == 0:
        return {key: f"{key} of day 0" for key in range(IDS)}
    rng = random.Random(day)
    added, *others = rng.sample(range(IDS), 3)
    news = {key: None if rng.random() < 0.2 else f"{key} of day {day}" for key in others}
    return {added: f"{added} of day {day}", **news}


@cache
def rows(day: int) -> dict[int, str]:
    """What the upstream holds at the end of a day, and so the rows of every version of that day."""
    found = {**(rows(day - 1) if day else {}), **changed(day)}
    return {key: value for key, value in sorted(found.items()) if value is not None}


def day_of(moment: datetime) -> int:
    """The day that ends a run's interval."""
    return (moment - toy.START).days


# --- its steps ---


def extract(run: Run, _upstream: object) -> Mapping[str, Any]:
    """Land what changed since the watermark, in two parts; of a day before that, all that there was."""
    since, until = run.watermarks.get("day"), day_of(run.interval_end)
    landing = run.raw.open({"since": since}, str(until))
    if not landing.progress.complete:
        full = since is None or until < since
        news = (
            rows(until)
            if full
            else {k: v for day in range(since + 1, until + 1) for k, v in changed(day).items()}
        )
        lines = [json.dumps(item).encode() for item in news.items()]
        half = len(lines) // 2
        for number, some in enumerate((lines[:half], lines[half:])):
            if number >= len(landing.progress.parts):
                landing.write_part("things", some, number)
        landing.finish({"since": since, "full": full})
    return landing.progress.facts


def build(run: Run, candidate: Candidate) -> Built:
    """Base and what landed on top of it, part by part."""
    landed = run.raw.completed()
    facts = landed.progress.facts
    base = run.base
    if facts["since"] != (base.cursors["day"] if base else None):
        raise AssertionError(
            f"what landed since day {facts['since']} does not belong upon {base and base.version}"
        )
    news = {int(key): value for key, value in map(json.loads, landed.read("things"))}
    found = candidate.connection.execute("SELECT id, value FROM previous_things").fetchall()
    merged = {**({} if facts["full"] else dict(found)), **news}
    for first in range(0, IDS, PART):
        ids = range(first, first + PART)
        if base and not facts["full"] and not news.keys() & set(ids):
            candidate.keep("things", str(first))
        else:
            candidate.write("things", _batches(merged, ids), str(first))
    candidate.arrived("thing", max(len(news), 1))
    quality = list(QUALITIES).index(run.params["quality"])
    return Built(
        cursors={"day": day_of(run.interval_end)},
        counts={"received": len(news), "quality": quality},
        upstream={},
        full=facts["full"],
        raw=tuple(part.path for part in landed.progress.parts),
    )


def _batches(merged: Mapping[int, str | None], ids: Iterable[int]) -> list[pa.RecordBatch]:
    found = [
        {"id": key, "value": merged[key], "content_hash": toy.hash_of(merged[key])}
        for key in ids
        if merged.get(key) is not None
    ]
    return pa.Table.from_pylist(found, toy.THINGS.schema).to_batches() if found else []


# --- as the project knows it ---


class Toy:
    """Toy as a source."""

    spec = SPEC

    def schema(self) -> Schema:
        """Its one table."""
        return Schema((toy.THINGS,), SCHEMA_VERSION, {})

    def probe(self, _run: Run, _upstream: object) -> Probe:
        """Every day brings something."""
        return Probe(True, "a new day")

    def extract(self, run: Run, upstream: object) -> Mapping[str, Any]:
        """See extract."""
        return extract(run, upstream)

    def build(self, run: Run, candidate: Candidate) -> Built:
        """See build."""
        return build(run, candidate)


def install(patch: Callable[[Any, str, Any], None]) -> None:
    """Make toy a source beside the others, and its gate one that says what the run's params want, without Soda."""
    load, names = sources.load, sources.names
    patch(sources, "load", lambda source: Toy() if source == toy.SOURCE else load(source))
    patch(sources, "names", lambda: sorted([*names(), toy.SOURCE]))
    patch(contract, "load_all", lambda *_: toy.CONTRACTS)
    patch(gate, "judge", lambda store, manifest, *_: verdict(store, manifest))


def _judge(run: OpenRun) -> verdicts.Verdict:
    verdict = pipeline.judge(run)
    if not verdict.passed:
        raise PromotionRefused("; ".join(verdict.reasons))
    return verdict


def verdict(store: Store, manifest: Manifest) -> verdicts.Verdict:
    """What the gate says of a candidate."""
    outcome, rule = list(QUALITIES.values())[manifest.counts["quality"]]
    return quick.verdict(store, manifest, outcome, rule)


def open_run(
    store: Store, registry: Registry, run_id: str, day: int, *, opens: bool = True, quality: str = "good"
) -> OpenRun:
    """A run of a day as its first task opens it, or (`opens` is false) as a later one finds it."""
    end = toy.START + timedelta(days=day)
    about: dict[str, Any] = {
        "source": toy.SOURCE,
        "run_id": run_id,
        "interval_start": end - timedelta(days=1),
        "interval_end": end,
    }
    if opens:
        pins = run_log.open_run(
            registry,
            **about,
            dag_id=toy.SOURCE,
            env="test",
            code_version="test",
            run_type="scheduled",
            data_time=end,
        )
    else:
        pins = run_log.pinned(registry, toy.SOURCE, run_id)
    return OpenRun(**about, pins=pins, params={"quality": quality}, store=store, registry=registry)


STEPS: dict[str, Callable[[OpenRun], Any]] = {
    "extract": lambda run: pipeline.extract(run, None),  # type: ignore[arg-type]
    "build": pipeline.build,
    "gate": _judge,
    "promote": lambda run: race.won(run.registry, pipeline.promote(run)),
}
"""The steps of a run in their order."""


def do(run: OpenRun, name: str) -> Any:
    """One step as its task does it, which nobody tries again: noted in the run log, and the run ends with it."""
    if name != "extract":
        run_log.reopen(run.registry, run.source, run.version, name, None)
    try:
        with run_log.step(run.registry, run.source, run.version, name):
            done = STEPS[name](run)
    except Exception:
        run_log.end(run.registry, run.source, run.version, "fail", failed_step=name)
        raise
    if name == "promote":
        run_log.end(run.registry, run.source, run.version, "ok")
    return done


def held(store: Store, version: str) -> dict[int, str]:
    """What the files of a version hold, each proven by its checksum."""
    manifest = manifests.require(store, toy.SOURCE, version)
    manifests.verify(store, manifest)
    return toy.read(store, manifest)  # type: ignore[return-value]
