"""Recovery: what a failure left half done is finished, what a dead run left behind is removed.

Every act finds what is to be done in the registry and the store, so a second run right after the first does nothing.
Nothing here touches a run under way: a promotion is claimed under its lease, and a source whose latest is being moved
at this moment is left for the next time.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from include.alerting.alert import HOUSE
from include.publishing import manifest as manifests
from include.publishing import mirror, promotion
from include.publishing.listing import Entry, listing
from include.publishing.promotion import PromotionFailed, PromotionRefused
from include.publishing.registry import Registry, insert_action, said
from include.publishing.store import SCRATCH, Store, safe_key
from include.sources import source as sources
from include.sources.source import Spec

OWNER = "recovery"
ROUNDS = 3
"""So often a failed promotion is tried again, each time with the attempts of any promotion."""
FIRST_WAIT = timedelta(minutes=10)
"""Between the last attempt and the first round; doubled for each further one."""
RETRY = "publish again"
"""What lastgood.action calls a round."""
UNKNOWN_RUN_TIMEOUT = timedelta(hours=48)
"""For the versions of a source that is no longer in the project."""
MIRRORED = {"published", "superseded", "rolled_back"}
"""States that the mirror follows; a candidate's own are known from its verdict."""
log = logging.getLogger(__name__)


_UNDER_WAY = "p.ended IS NULL AND p.started >= %(over)s"
"""Runs (p) that nobody closed and that are not too old to be under way."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A candidate that could still become latest, and whose publishing failed, stopped half way or never began."""

    source: str
    version: str
    expired: bool
    """It was being published when its lease ran out; else every attempt failed."""
    tried: bool
    """Whether anybody began to publish it; else its run ended before, perhaps even before its gate."""
    staged_at: datetime
    error: str | None
    attempts: int
    last: datetime
    """When it was tried last."""
    rounds: int
    """How often it was tried again already."""

    @property
    def given_up(self) -> bool:
        """Whether a person has to look."""
        return self.rounds >= ROUNDS

    @property
    def due(self) -> datetime:
        """When it is tried again. A lease is wait enough."""
        return self.last if self.expired else self.last + FIRST_WAIT * 2**self.rounds


@dataclass(frozen=True, slots=True)
class Report:
    """What was done; empty where there was nothing to do. Versions are named SOURCE/VERSION."""

    promoted: dict[str, str] = field(default_factory=dict)
    """Sources that have another latest now, and which."""
    tried: list[str] = field(default_factory=list)
    """Candidates that a promotion was tried of, and how each ended."""
    ended: list[str] = field(default_factory=list)
    """Candidates of dead runs that can never become latest."""
    repaired: list[str] = field(default_factory=list)
    """Keys of the mirror."""
    removed: list[str] = field(default_factory=list)
    """Files and folders that dead runs left."""
    errors: list[str] = field(default_factory=list)
    """What could not be done, a sentence each; the next run tries again."""

    @property
    def facts(self) -> dict[str, Any]:
        """For the run log: counts, and names as far as a person reads them."""
        counts = {name: len(getattr(self, name)) for name in ("ended", "repaired", "removed")}
        return {
            "promoted": dict(self.promoted),
            "tried": self.tried[:50],
            **counts,
            "errors": self.errors[:20],
        }


def recover(
    store: Store,
    registry: Registry,
    *,
    now: datetime,
    who: str = OWNER,
    specs: Mapping[str, Spec] | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Report:
    """Do all there is to do for every source; `who` is kept with each act in lastgood.action.

    One source's trouble does not stop the others: it stands in the report's errors.
    """
    specs = {name: sources.spec(name) for name in sources.names()} if specs is None else specs
    report = Report()
    for source in sorted({*specs, *_known(registry)}):
        case = _Case(store, registry, source, specs.get(source), now, who, wait, report)
        for act in (_promotions, _outdated, _mirror, _versions):
            try:
                act(case)
            except (psycopg.Error, OSError, ValueError, LookupError) as error:
                log.warning("recovery of %s: %s", source, said(error))
                report.errors.append(f"{source}: {type(error).__name__}: {said(error)}")
    try:
        _sweep(store, registry, specs.values(), now, who, report)
    except OSError as error:
        report.errors.append(f"leftovers on the disk: {type(error).__name__}: {said(error)}")
    return report


@dataclass(frozen=True, slots=True)
class _Case:
    """One source, and all that an act needs. `spec` is None for one that is no longer in the project."""

    store: Store
    registry: Registry
    source: str
    spec: Spec | None
    now: datetime
    who: str
    wait: Callable[[float], None]
    report: Report

    @property
    def over(self) -> datetime:
        """A run that began before this is over, whatever the run log says."""
        return self.now - (self.spec.run_timeout if self.spec else UNKNOWN_RUN_TIMEOUT)

    def note(self, what: str, version: str | None, reason: str, **details: Any) -> None:
        with self.registry.cursor() as cursor:
            insert_action(
                cursor,
                who=self.who,
                what=what,
                source=self.source,
                version=version,
                reason=reason,
                details=details,
            )


def _known(registry: Registry) -> set[str]:
    with registry.cursor() as cursor:
        cursor.execute("SELECT DISTINCT source FROM lastgood.dataset_version")
        return {row["source"] for row in cursor.fetchall()}


# --- promotions that failed or stopped ---


def stuck(registry: Registry, now: datetime, source: str | None = None) -> list[Stuck]:
    """All that failed to be published and still can be, newest first within each source.

    It was built upon what is latest, and its attempts failed, its process died, or its run ended without publishing it
    (`tried` is false, and nobody has looked whether it passed its gate).
    """
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT v.source, v.version, v.state = 'publishing' AS expired, v.publish_error AS error, v.staged_at, "
            "  v.state <> 'staged' OR v.publish_error IS NOT NULL AS tried, "
            "  v.publish_attempts AS attempts, coalesce(rounds.n, 0) AS rounds, "
            "  greatest(v.staged_at, tried.at, rounds.at) AS last "
            "FROM lastgood.dataset_version v LEFT JOIN lastgood.latest l USING (source) "
            "LEFT JOIN lastgood.pipeline_run r ON (r.source, r.version) = (v.source, v.version) "
            "CROSS JOIN LATERAL (SELECT max(at) AS at FROM lastgood.publish_attempt a "
            "  WHERE a.source = v.source AND a.version = v.version) tried "
            "CROSS JOIN LATERAL (SELECT count(*) AS n, max(at) AS at FROM lastgood.action d "
            "  WHERE d.source = v.source AND d.version = v.version AND d.what = %(retry)s) rounds "
            "WHERE v.published_at IS NULL AND v.previous IS NOT DISTINCT FROM l.version "
            "AND (%(source)s::text IS NULL OR v.source = %(source)s) "
            "AND (v.state = 'failed' "
            "  OR (v.state = 'staged' AND v.lease_until IS NULL "
            "    AND (v.publish_error IS NOT NULL OR r.version IS NULL OR r.ended IS NOT NULL)) "
            "  OR (v.state = 'publishing' AND v.lease_until <= %(now)s)) "
            "ORDER BY v.source, v.as_of DESC, v.staged_at DESC",
            {"retry": RETRY, "source": source, "now": now},
        )
        return [Stuck(**row) for row in cursor.fetchall()]


def _promotions(case: _Case) -> None:
    """Try again what is due, the newest candidate first: once it is latest, the others are outdated."""
    for each in stuck(case.registry, case.now, case.source):
        if not each.tried or each.given_up or each.due > case.now:
            continue
        # What is published now would make that run lose the race; it publishes newer data than this by itself.
        if is_moving(case.registry, case.source) or _other_run(case, each.version):
            continue
        # Before the try, so that one which kills its process is counted too.
        case.note(
            RETRY,
            each.version,
            "its lease ran out while it was being published"
            if each.expired
            else f"publishing failed: {each.error or 'no error was noted'}",
            round=each.rounds + 1,
            of=ROUNDS,
        )
        case.report.tried.append(f"{each.source}/{each.version}: {_promote(case, each.version)}")
        if case.source in case.report.promoted:
            break


def _promote(case: _Case, version: str) -> str:
    """How the promotion ended."""
    try:
        done = promotion.promote(case.store, case.registry, case.source, version, owner=OWNER, wait=case.wait)
    except PromotionFailed as error:
        return str(error)
    except (PromotionRefused, FileNotFoundError) as error:
        # It will be refused in every round; this is what people read when they are told.
        with case.registry.cursor() as cursor:
            cursor.execute(
                "UPDATE lastgood.dataset_version SET publish_error = %s, state = 'failed', lease_owner = NULL, "
                "lease_until = NULL WHERE source = %s AND version = %s AND published_at IS NULL "
                "AND state IN ('staged', 'publishing', 'failed') AND (lease_until IS NULL OR lease_until <= now())",
                (said(error), case.source, version),
            )
        return f"refused: {said(error)}"
    if done.latest == version:
        case.report.promoted[case.source] = version
    return done.outcome.value


def _other_run(case: _Case, version: str) -> bool:
    """Whether a run of the source is under way that makes another version."""
    with case.registry.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM lastgood.pipeline_run p WHERE p.source = %(source)s AND p.version <> %(version)s "  # noqa: S608
            f"AND {_UNDER_WAY} LIMIT 1",
            {"source": case.source, "version": version, "over": case.over},
        )
        return cursor.fetchone() is not None


def is_moving(registry: Registry, source: str) -> bool:
    """Whether somebody holds the row of latest at this moment: who wants to move it would have to wait."""
    with registry.cursor() as cursor:
        cursor.execute("SELECT 1 FROM lastgood.latest WHERE source = %s", (source,))
        if cursor.fetchone() is None:
            return False
        cursor.execute("SELECT 1 FROM lastgood.latest WHERE source = %s FOR UPDATE SKIP LOCKED", (source,))
        return cursor.fetchone() is None


def _outdated(case: _Case) -> None:
    """End candidates of dead runs that were built upon what is no longer latest; retention keeps staged ones."""
    if is_moving(case.registry, case.source):
        return
    for version in promotion.end_outdated(case.registry, case.source, case.over):
        case.report.ended.append(f"{case.source}/{version}")
        case.note("end candidate", version, "its run is over, and latest has moved on")


# --- the mirror ---


def _mirror(case: _Case) -> None:
    """Write pointer and state records that are missing or differ.

    Raises mirror.OlderRegistry where the store knows a later promotion than the registry, which was restored from a
    backup then: the mirror must not follow it back.
    """
    if is_moving(case.registry, case.source):
        return
    with suppress(msgspec.DecodeError, UnicodeDecodeError):  # a corrupted pointer is written anew
        mirror.agreed(case.store, case.registry, case.source)
    ended = [row.version for row in case.registry.versions(case.source) if row.state in MIRRORED]
    repaired = mirror.write(case.store, case.registry, case.source, ended)
    if repaired:
        case.report.repaired.extend(repaired)
        case.note("repair mirror", None, "missing, or not what the registry says", keys=repaired[:50])


# --- what dead runs left ---


def _longest_task(specs: Iterable[Spec]) -> timedelta:
    """No task lasts longer, so what nobody has written to for so long belongs to none that is under way."""
    return max((max(spec.step_timeout, spec.extract_timeout) for spec in specs), default=timedelta(days=1))


def _versions(case: _Case) -> None:
    """Remove the files of candidates that were never sealed and whose run is over.

    A folder without a manifest may also be what retention left of an old version: files that newer ones reference,
    and the quarantine. Those stay.
    """
    folders: dict[str, dict[str, Entry]] = defaultdict(dict)
    for key, entry in listing(case.store, safe_key("versions", case.source)).items():
        folders[key.split("/")[2]][key] = entry
    sealed = {
        version for version, files in folders.items() if manifests.manifest_key(case.source, version) in files
    }
    dead = _dead(case, {version: files for version, files in folders.items() if version not in sealed})
    if not dead:
        return
    read = {version: manifests.read(case.store, case.source, version) for version in sealed}
    # What was listed may be gone by now: retention forgets a version first, then removes its manifest.
    for row in case.registry.versions(case.source):
        if row.version in read and read[row.version] is None:
            manifests.require(case.store, case.source, row.version)
    referenced = {file.path for manifest in read.values() if manifest for file in manifest.files}
    for version in sorted(dead):
        gone = [
            key
            for key in folders[version]
            if key not in referenced and not key.endswith("/_quarantine.parquet")
        ]
        for key in gone:
            case.store.delete(key)
        if gone:
            case.report.removed.extend(gone)
            case.note("remove leftovers", version, "its run is over and never sealed it", files=len(gone))


def _dead(case: _Case, unsealed: Mapping[str, Mapping[str, Entry]]) -> set[str]:
    """Versions whose run ended, or should have by now, and to which nobody has written for as long as a task lasts."""
    specs = [case.spec] if case.spec else []
    quiet = [
        version
        for version, files in unsealed.items()
        if max(entry.modified for entry in files.values()) < case.now - _longest_task(specs)
    ]
    if not quiet:
        return set()
    with case.registry.cursor() as cursor:
        cursor.execute(
            "SELECT u.version FROM unnest(%(versions)s::text[]) AS u (version) "  # noqa: S608
            "WHERE NOT EXISTS (SELECT FROM lastgood.dataset_version v "
            "  WHERE v.source = %(source)s AND v.version = u.version) "
            "AND NOT EXISTS (SELECT FROM lastgood.pipeline_run p WHERE p.source = %(source)s "
            f"  AND p.version = u.version AND {_UNDER_WAY})",
            {"versions": quiet, "source": case.source, "over": case.over},
        )
        return {row["version"] for row in cursor.fetchall()}


def _sweep(
    store: Store, registry: Registry, specs: Iterable[Spec], now: datetime, who: str, report: Report
) -> None:
    """Remove work in progress that nobody works on."""
    before = (now - _longest_task(specs)).timestamp()
    base = Path(store.root if store.local else tempfile.gettempdir())
    gone = _remove_older(base / SCRATCH, before)
    _remove_empty(base / SCRATCH, before)
    if gone:
        report.removed.extend(str(path.relative_to(base)) for path in gone)
        with registry.cursor() as cursor:
            insert_action(
                cursor,
                who=who,
                what="remove leftovers",
                source=HOUSE,
                version=None,
                reason="no task lasts as long as nobody has written to them",
                details={"files": len(gone)},
            )


def _remove_older(folder: Path, before: float) -> list[Path]:
    """Remove the files below a folder that were last written before a time; links too, which are never followed."""
    gone = []
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            # Its owner may end meanwhile and take it away.
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime < before:
                    path.unlink()
                    gone.append(path)
    return gone


def _remove_empty(folder: Path, before: float) -> None:
    """Remove the folders below a folder that are empty and as old; one that was emptied just now waits for its turn."""
    for parent, _, _ in os.walk(folder, topdown=False):
        path = Path(parent)
        with suppress(OSError):  # not empty, or gone
            if path != folder and path.lstat().st_mtime < before:
                path.rmdir()
