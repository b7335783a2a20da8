"""A version rebuilt from its raw landing with today's code, without the upstream: build, gate, promote, export.

What a run asked for is settled in its landing, so the landing and the end of its interval are all that a replay needs;
of the params a build reads only that it is a replay (`replay_of`), which takes every landed record again. It is built
upon latest, as a run is; the landing is referred to and not copied, so its parts keep their age.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from include import arguments, pipeline, release
from include.operations.decisions import NotExported
from include.pipeline import OpenRun
from include.publishing import manifest as manifests
from include.publishing import race
from include.publishing.manifest import Manifest
from include.publishing.promotion import Promotion, PromotionRefused
from include.registry import run_history, run_log
from include.registry.actions import insert_action
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.landing import PROGRESS, Progress
from include.storage.store import Store

DAG_ID = "lastgood_replay"
"""Under which a replay stands in the run log, also one that was started in a shell."""
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
    keys: Mapping[str, bytes] | None = None,
    options: Mapping[str, Any] | None = None,
    report: Report = lambda _: None,
) -> Replay:
    """Make a new version from the landing of another; a derived source is built from its inputs' latest instead.

    A replay of what is older than latest ends as a version that never becomes latest, as any older interval does,
    unless the source merges by time. `keys` and `options` are what Airflow's connections hold for the source
    (Spec.keys, Spec.options); None where the caller knows no connections. Raises LookupError for an unknown source,
    NotReplayable where the raw is gone or not complete or the caller knows too little, PromotionRefused where the gate
    refuses the candidate or another version was faster, NotExported where it did all but the last.
    """
    arguments.check(source=source, version=of, who=who, reason=reason)
    _check_asked(source, of)
    _check_known(source, keys, options)
    end = now if of is None else _data_time(store, registry, source, of)
    landings = [] if of is None else _landings(store, registry, source, of)
    opened = _open(store, registry, source, of, now, end, env)
    run = replace(opened, keys=keys or {}, options=options or {})
    with registry.transaction() as cursor:
        details = {"of": of} if of else {}
        insert_action(
            cursor, who=who, what="replay", source=source, version=run.version, reason=reason, details=details
        )
    with run_log.until_end(registry, source, run.version):
        if of is not None:
            _hold(store, registry, run, of, landings)
        for key, progress in landings:
            _refer(store, key.replace(f"/{of}/", f"/{run.version}/", 1), progress)
        manifest, done = _made(run, of, report)
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


def _made(run: OpenRun, of: str | None, report: Report) -> tuple[Manifest, Promotion]:
    """Build, gate, promote, export, each noted as a step."""

    def step(name: str) -> AbstractContextManager[dict[str, Any]]:
        report(f"{run.source}: {name}")
        return run_log.step(run.registry, run.source, run.version, name)

    with step("build") as facts:
        manifest = pipeline.build(run)
        facts.update(manifest.counts, quarantined=manifest.quarantine.rows)
    with step("gate") as facts:
        verdict = pipeline.judge(run)
        if not verdict.passed:
            raise PromotionRefused(
                f"{run.version}, made from {of or 'the latest inputs'}, did not pass its gate; latest stays. "
                f"{'; '.join(verdict.reasons)}"
            )
        facts.update(passed=verdict.count("PASSED"), warned=verdict.count("WARN"))
    with step("promote") as facts:
        done = race.won(run.registry, pipeline.promote(run))
        facts.update(outcome=done.outcome.value, latest=done.latest)
    try:
        with step("export") as facts:
            facts.update(pipeline.export(run.store, run.registry, run.source))
    except Exception as error:
        raise NotExported(done, error) from error
    return manifest, done


def _check_asked(source: str, of: str | None) -> None:
    """Raise NotReplayable where a version is missing, or named for a derived source."""
    derived = sources.spec(source).derived
    if derived and of is not None:
        raise NotReplayable(
            f"{source} is derived and has no raw: leave the version out, and it is built from the latest versions "
            f"of {', '.join(sources.spec(source).inputs)}."
        )
    if not derived and of is None:
        raise NotReplayable(f"Name the version of {source} whose raw landing is to be used.")


def _check_known(source: str, keys: Mapping[str, bytes] | None, options: Mapping[str, Any] | None) -> None:
    """Raise NotReplayable where a build reads what connections hold, and the caller knows none.

    Without them it would end for want of a key, or build by settings that no run of the deployment has.
    """
    spec = sources.spec(source)
    if (spec.keys and keys is None) or (spec.options and options is None):
        read = [f"the key in {name}" for name in spec.keys]
        read += [f"{', '.join(spec.options)} in the extra of {spec.connection}"] if spec.options else []
        raise NotReplayable(
            f"A build of {source} reads what Airflow's connections hold ({'; '.join(read)}), and nothing outside "
            f"Airflow has these: replay it by the DAG {DAG_ID}. Nothing was changed."
        )


def _open(
    store: Store,
    registry: Registry,
    source: str,
    of: str | None,
    now: datetime,
    end: datetime,
    env: str,
) -> OpenRun:
    """The run that a replay is, entered in the run log."""
    run_id = f"{run_log.REPLAY}__{now.astimezone(UTC).isoformat()}"
    pins = run_log.open_run(
        registry,
        source=source,
        dag_id=DAG_ID,
        run_id=run_id,
        interval_start=None,
        interval_end=end,
        data_time=None if of is None else end,
        env=env or release.environment(),
        code_version=release.code_version(),
        inputs=sources.inputs(source),
        run_type=run_log.REPLAY,
    )
    return OpenRun(
        source=source,
        pins=pins,
        run_id=run_id,
        interval_start=None,
        interval_end=end,
        params={"replay_of": of},
        store=store,
        registry=registry,
        moves_watermarks=of is None or _was_upon(store, registry, source, of, pins.base),
    )


def _was_upon(store: Store, registry: Registry, source: str, version: str, base: str | None) -> bool:
    """Whether a landing was collected upon a version: what lies between another one and it was not asked for."""
    manifest = manifests.read(store, source, version)
    if manifest is not None:
        return manifest.previous == base
    with registry.transaction() as cursor:
        return run_history.stood_upon(cursor, source, version, base)


def _data_time(store: Store, registry: Registry, source: str, version: str) -> datetime:
    """What the landing of a version is as of. Raises NotReplayable for what is no version.

    The version bears it in its name, but to the second, and a replay that is older by less would not become latest.
    """
    try:
        named = datetime.strptime(version.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotReplayable(
            f"{version!r} is not a version, which looks like 20261117T000000Z-1a2b3c4d."
        ) from None
    with registry.transaction() as cursor:
        landed = run_history.data_time(cursor, source, version)
    if landed is not None:
        return landed
    manifest = manifests.read(store, source, version)
    return manifest.as_of if manifest else named


def _landings(store: Store, registry: Registry, source: str, version: str) -> list[tuple[str, Progress]]:
    """The progress of every landing of a version, by its key; several where the source has units.

    Raises NotReplayable unless all of them are complete and their parts are there, RemovedVersion where retention
    removed the version with them.
    """
    present = set(store.list(store.key("raw", source, version)))
    keys = sorted(key for key in present if key.endswith(f"/{PROGRESS}"))
    if not keys:
        registry.refuse_removed(source, version)
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


def _hold(
    store: Store, registry: Registry, run: OpenRun, of: str, landings: list[tuple[str, Progress]]
) -> None:
    """Have retention keep all raw that the replay reads until it is over. Raises NotReplayable where some of it goes.

    A landing may be of several runs: a replay refers to another's, and a run takes over what earlier ones left.
    """
    manifest = manifests.read(store, run.source, of)
    keys = [part.path for _, progress in landings for part in progress.parts]
    keys += manifest.raw if manifest else ()
    wanted = {of, *(key.split("/")[2] for key in keys), *run_log.raw_of(registry, run.source, of)}
    if gone := wanted - run_log.hold_raw(registry, run.source, run.version, wanted):
        raise NotReplayable(
            f"Retention removes the raw landing of {run.source} {', '.join(sorted(gone))}, of which {of} was made, or "
            "has removed it. Trigger a run that asks the upstream again."
        )


def _refer(store: Store, key: str, progress: Progress) -> None:
    """Another landing of the same parts: they bear their whole keys, so progress.json alone is one."""
    store.write_bytes(
        key, msgspec.json.format(msgspec.json.encode(progress, order="deterministic"), indent=1)
    )
