"""A version made anew from its raw landing with today's code, without the upstream: build, gate, promote, export.

What a run asked for is settled in its landing, so the landing and the end of its interval are all that a replay needs;
of the params a build reads only that it is a replay (`replay_of`), which takes every landed record anew. It is built
upon latest, as a run is; the landing is referred to and not copied, so its parts keep their age.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from include import steps
from include.publishing import manifest as manifests
from include.publishing import runlog
from include.publishing.decisions import NotExported
from include.publishing.promotion import PromotionRefused
from include.publishing.registry import Registry, insert_action
from include.publishing.store import Store
from include.sources import source as sources
from include.sources.source import Run
from include.upstream.landing import PROGRESS, Progress

DAG_ID = "lastgood_replay"
"""Under which a replay stands in the run log, also one that was started in a shell."""
RUN_TYPE = "replay"
Report = Callable[[str], None]


class NotReplayable(ValueError):
    """There is nothing to make the version from."""


@dataclass(frozen=True, slots=True)
class Replay:
    """How a replay ended."""

    source: str
    of: str | None
    """The version whose landing was used; None for a derived source."""
    version: str
    """The new version."""
    outcome: str
    """promoted, or why not (promotion.Outcome)."""
    latest: str
    as_of: datetime
    rows: Mapping[str, int]
    quarantined: int


def replay(
    store: Store,
    registry: Registry,
    source: str,
    of: str | None,
    *,
    who: str,
    reason: str,
    now: datetime,
    env: str = "",
    report: Report = lambda _: None,
) -> Replay:
    """Make a new version from the landing of another; a derived source is built from its inputs' latest instead.

    A replay of what is older than latest ends as a version that never becomes latest, as any older interval does,
    unless the source merges by time. Raises LookupError for an unknown source, NotReplayable where the raw is gone or
    not complete, PromotionRefused where the gate refuses the candidate, NotExported where it did all but the last.
    """
    run = _run_of(store, registry, source, of, now)
    landings = [] if of is None else _landings(store, source, of)
    with registry.cursor() as cursor:
        details = {"of": of} if of else {}
        insert_action(
            cursor, who=who, what="replay", source=source, version=run.version, reason=reason, details=details
        )
    for key, progress in landings:
        _refer(store, key.replace(f"/{of}/", f"/{run.version}/", 1), progress)
    runlog.start(
        registry,
        source=source,
        version=run.version,
        dag_id=DAG_ID,
        run_id=run.run_id,
        interval_start=None,
        interval_end=run.interval_end,
        env=env or os.environ.get("LASTGOOD_ENV", "unnamed"),
        code_version=steps.code_version(),
        run_type=RUN_TYPE,
    )

    def step(name: str) -> AbstractContextManager[dict[str, Any]]:
        report(f"{source}: {name}")
        return runlog.step(registry, source, run.version, name)

    with step("build") as facts:
        manifest = steps.build(run)
        facts.update(manifest.counts, quarantined=manifest.quarantine.rows)
    with step("gate") as facts:
        verdict = steps.judge(run)
        if not verdict.passed:
            raise PromotionRefused(
                f"{run.version}, made from {of or 'the latest inputs'}, did not pass its gate; latest stays. "
                f"{'; '.join(verdict.reasons)}"
            )
        facts.update(passed=verdict.count("PASSED"), warned=verdict.count("WARN"))
    with step("promote") as facts:
        done = steps.promote(run)
        facts.update(outcome=done.outcome.value, latest=done.latest)
    try:
        with step("export") as facts:
            facts.update(steps.export(store, registry, source))
    except Exception as error:
        raise NotExported(done, error) from error
    runlog.end(registry, source, run.version, "ok")
    return Replay(
        source=source,
        of=of,
        version=run.version,
        outcome=done.outcome.value,
        latest=done.latest,
        as_of=done.as_of,
        rows={entry.name: entry.rows for entry in manifest.tables},
        quarantined=manifest.quarantine.rows,
    )


def _run_of(store: Store, registry: Registry, source: str, of: str | None, now: datetime) -> Run:
    """The run that a replay is. Raises NotReplayable where a version is missing, or named for a derived source."""
    derived = sources.spec(source).derived
    if derived and of is not None:
        raise NotReplayable(
            f"{source} is derived and has no raw: leave the version out, and it is built from the latest versions "
            f"of {', '.join(sources.spec(source).inputs)}."
        )
    if not derived and of is None:
        raise NotReplayable(f"Name the version of {source} whose raw landing is to be used.")
    end = now if of is None else _interval_end(store, registry, source, of)
    run_id = f"{RUN_TYPE}__{now.astimezone(UTC).isoformat()}"
    return Run(
        source=source,
        version=manifests.version_id(end, run_id),
        run_id=run_id,
        interval_start=None,
        interval_end=end,
        params={"replay_of": of},
        store=store,
        registry=registry,
    )


def _interval_end(store: Store, registry: Registry, source: str, version: str) -> datetime:
    """The end of the interval of the run that landed a version. Raises NotReplayable for what is no version.

    The version bears it in its name, but to the second, and a replay that is older by less would not become latest.
    """
    try:
        named = datetime.strptime(version.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotReplayable(
            f"{version!r} is not a version, which looks like 20261117T000000Z-1a2b3c4d."
        ) from None
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT interval_end FROM lastgood.pipeline_run WHERE source = %s AND version = %s",
            (source, version),
        )
        logged = cursor.fetchone()
    if logged is not None:
        end: datetime = logged["interval_end"]
        return end
    manifest = manifests.read(store, source, version)
    return manifest.as_of if manifest else named


def _landings(store: Store, source: str, version: str) -> list[tuple[str, Progress]]:
    """The progress of every landing of a version, by its key; several where the source has units.

    Raises NotReplayable unless all of them are complete and their parts are there.
    """
    present = set(store.list(store.key("raw", source, version)))
    keys = sorted(key for key in present if key.endswith(f"/{PROGRESS}"))
    if not keys:
        raise NotReplayable(
            f"The raw landing of {source} {version} is gone or never was (raw/{source}/{version}): retention keeps "
            f"raw for {sources.spec(source).retention.raw.days} days. Trigger a run that asks the upstream again."
        )
    found = [(key, msgspec.json.decode(store.read_bytes(key), type=Progress)) for key in keys]
    for key, progress in found:
        if not progress.complete:
            raise NotReplayable(
                f"{key} speaks of a landing that is not complete: clear the run of {version}, so that its extract "
                "goes on where it was."
            )
        for part in progress.parts:
            if part.path not in present and not store.exists(part.path):
                raise NotReplayable(f"{part.path}, a part of the raw landing of {version}, is gone.")
    return found


def _refer(store: Store, key: str, progress: Progress) -> None:
    """Another landing of the same parts: they bear their whole keys, so progress.json alone is one."""
    store.write_bytes(
        key, msgspec.json.format(msgspec.json.encode(progress, order="deterministic"), indent=1)
    )
