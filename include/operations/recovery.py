"""Recovery: what a failure left half done is finished, what a dead run left behind is removed.

Every act finds what is to be done in the registry and the store, so a second run right after the first does nothing.
Nothing here touches a run under way: a promotion is claimed under its lease, and a source whose latest is being moved
at this moment is left for the next time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg

from include.alerting.alert import SYSTEM
from include.pipeline import BUILT_FROM
from include.publishing import hold, pointers, promotion
from include.publishing import manifest as manifests
from include.publishing.promotion import Overtaken, PromotionFailed, PromotionRefused
from include.registry import actions, run_history, transitions, versions
from include.registry.actions import insert_action
from include.registry.connection import error_summary
from include.registry.locks import is_moving
from include.registry.registry import Registry
from include.registry.versions import Latest, Unpublished
from include.sources import source as sources
from include.sources.source import Spec
from include.storage.listing import listing
from include.storage.store import Store

OWNER = "recovery"
ROUNDS = 3
"""So often a failed promotion is tried again."""
FIRST_WAIT = timedelta(minutes=10)
"""Between the last attempt and the first round; doubled for each further one."""
FOLLOWS_WITHIN = timedelta(minutes=5)
"""A promotion tells derived sources by itself. Whoever has not begun to follow by then was not told: latest was moved
in a shell, say, or its DAG was paused."""
ANNOUNCED_FOR = timedelta(hours=1)
"""So long a derived source has to begin before it is told again."""
ANNOUNCE = "tell the derived"
"""What lastgood.action calls that."""
RETRY = "publish again"
"""What lastgood.action calls a round."""
AT_ONCE = 500
"""So many folders of runs that are over are looked at in one go; the next one goes on."""
UNKNOWN_RUN_TIMEOUT = timedelta(hours=48)
"""For the versions of a source that is no longer in the project."""
MIRRORED = {"published", "held", "superseded", "rolled_back", "failed"}
"""States that state.json follows; a candidate's own are known from its verdict."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StalledPromotion(Unpublished):
    """A candidate that could still become latest, whose publishing failed, stopped half way or never began, and whose
    run is over: while that is under way, Airflow tries again."""

    @property
    def given_up(self) -> bool:
        """Whether a person has to look."""
        return self.rounds >= ROUNDS

    @property
    def due(self) -> datetime:
        """When it is tried again. A lease is wait enough."""
        return self.last if self.expired else self.last + FIRST_WAIT * 2**self.rounds

    @property
    def why(self) -> str:
        """What it is tried again for."""
        if self.expired:
            return "its lease ran out while it was being published"
        return f"publishing failed: {self.error or 'no error was noted'}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was done; empty where there was nothing to do. Versions are named SOURCE/VERSION."""

    promoted: dict[str, str] = field(default_factory=dict)
    """Sources that have another latest now, and which."""
    announced: dict[str, str] = field(default_factory=dict)
    """Sources whose derived ones do not follow what is latest, and which version that is: to be told again."""
    tried: list[str] = field(default_factory=list)
    """Candidates that a promotion was tried of, and how each ended."""
    ended: list[str] = field(default_factory=list)
    """Candidates of dead runs that can never become latest."""
    repaired: list[str] = field(default_factory=list)
    """Keys of pointers and states that were written again."""
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
            "announced": dict(self.announced),
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
) -> Report:
    """Do all there is to do for every source; `who` is kept with each act in lastgood.action.

    One source's trouble does not stop the others: it stands in the report's errors.
    """
    specs = {name: sources.spec(name) for name in sources.names()} if specs is None else specs
    report = Report()
    with registry.session():
        _recover(store, registry, specs, now, who, report)
    return report


def _recover(
    store: Store, registry: Registry, specs: Mapping[str, Spec], now: datetime, who: str, report: Report
) -> None:
    for source in sorted({*specs, *registry.sources()}):
        case = _Case(store, registry, source, specs.get(source), now, who, report)
        for act in (_promotions, _outdated, _pointers, _versions, _derived):
            try:
                act(case)
            except (psycopg.Error, OSError, ValueError, LookupError) as error:
                log.warning("recovery of %s: %s", source, error_summary(error))
                report.errors.append(f"{source}: {type(error).__name__}: {error_summary(error)}")
    try:
        _sweep(store, registry, specs.values(), now, who, report)
    except (psycopg.Error, OSError) as error:
        report.errors.append(f"leftovers on the disk: {type(error).__name__}: {error_summary(error)}")


@dataclass(frozen=True, slots=True)
class _Case:
    """One source, and all that an act needs. `spec` is None for one that is no longer in the project."""

    store: Store
    registry: Registry
    source: str
    spec: Spec | None
    now: datetime
    who: str
    report: Report

    @property
    def over(self) -> datetime:
        """A run that began before this is over, whatever the run log says."""
        return self.now - (self.spec.run_timeout if self.spec else UNKNOWN_RUN_TIMEOUT)

    def note(self, what: str, version: str | None, reason: str, **details: Any) -> None:
        with self.registry.transaction() as cursor:
            insert_action(
                cursor,
                who=self.who,
                what=what,
                source=self.source,
                version=version,
                reason=reason,
                details=details,
            )


# --- promotions that failed or stopped ---


def stuck(
    registry: Registry, now: datetime, source: str | None = None, *, over: datetime | None = None
) -> list[StalledPromotion]:
    """All that failed to be published and still can be, newest first within each source.

    It was built upon what is latest, and its attempts failed, its process died, or its run ended without publishing it
    (`tried` is false, and nobody has looked whether it passed its gate). What a run under way may publish by itself is
    not among them; a run that began before `over` is none.
    """
    with registry.transaction() as cursor:
        found = versions.unpublished(cursor, source, again=RETRY, now=now, over=over)
    return [StalledPromotion(**asdict(each)) for each in found]


def _promotions(case: _Case) -> None:
    """Try again what is due, the newest candidate first: once it is latest, the others are outdated."""
    for each in stuck(case.registry, case.now, case.source, over=case.over):
        if not each.tried or each.given_up or each.due > case.now:
            continue
        # What is published now would make that run lose the race; it publishes newer data than this by itself.
        if is_moving(case.registry, case.source) or _other_run(case, each.version):
            continue
        # Before the try, so that one which kills its process is counted too.
        case.note(RETRY, each.version, each.why, round=each.rounds + 1, of=ROUNDS)
        case.report.tried.append(f"{each.source}/{each.version}: {_promote(case, each.version)}")
        if case.source in case.report.promoted:
            break


def _promote(case: _Case, version: str) -> str:
    """How the promotion ended."""
    try:
        done = promotion.promote(
            case.store, case.registry, case.source, version, policy=sources.policy(case.source), owner=OWNER
        )
    except (PromotionRefused, FileNotFoundError) as error:
        # It will be refused in every round; this is what people read when they are told.
        with case.registry.transaction() as cursor:
            transitions.give_up(cursor, case.source, version, error_summary(error))
        return f"refused: {error_summary(error)}"
    except (PromotionFailed, Overtaken, psycopg.Error, OSError) as error:
        return error_summary(error)
    if done.latest == version:
        case.report.promoted[case.source] = version
    return done.outcome.value


def _other_run(case: _Case, version: str) -> bool:
    """Whether a run of the source is under way that makes another version."""
    with case.registry.transaction() as cursor:
        return run_history.other_under_way(cursor, case.source, version, case.over)


def _outdated(case: _Case) -> None:
    """End candidates of dead runs that were built upon what is no longer latest; retention keeps staged ones."""
    if is_moving(case.registry, case.source):
        return
    for version in promotion.end_outdated(case.registry, case.source, case.over):
        case.report.ended.append(f"{case.source}/{version}")
        case.note("end candidate", version, "its run is over, and latest has moved on")


# --- pointer and states in the store ---


def _pointers(case: _Case) -> None:
    """Write the pointer, and state records that the registry does not know to stand in the store as they should.

    Of latest and its predecessor it looks at the files themselves.

    Raises pointers.OlderRegistry where the store knows a later promotion than the registry, which was restored from a
    backup then: the pointer must not follow it back.
    """
    if is_moving(case.registry, case.source):
        return
    settled = pointers.settle(case.store, case.registry, case.source)
    latest = case.registry.latest(case.source)
    read = {latest.version, latest.previous} if latest else set()
    looked_at = {*case.registry.unrecorded(case.source, MIRRORED), *(each for each in read if each)}
    repaired = settled + pointers.write(case.store, case.registry, case.source, looked_at)
    repaired += hold.write(case.store, case.registry, case.source)
    if repaired:
        case.report.repaired.extend(repaired)
        case.note("repair pointer", None, "missing, or not what the registry says", keys=repaired[:50])


# --- what is derived ---


def _derived(case: _Case) -> None:
    """See that a source that follows its inputs has followed what is latest of them, whoever moved it.

    One whose run is under way, or that has been tried from just these inputs, is left alone: how that ended was told.
    """
    if case.spec is None or not case.spec.follows_inputs:
        return
    latest = {source: found for source in case.spec.inputs if (found := case.registry.latest(source))}
    wanted = {source: found.version for source, found in latest.items()}
    if len(wanted) < len(case.spec.inputs) or _tried_from(case, wanted):
        return
    for source, found in latest.items():
        if case.now - found.since < FOLLOWS_WITHIN or _announced(case, found):
            continue
        why = f"{case.source} does not follow it"
        replace(case, source=source).note(ANNOUNCE, found.version, why, derived=case.source)
        case.report.announced[source] = found.version


def _tried_from(case: _Case, inputs: Mapping[str, str]) -> bool:
    """Whether latest was built from these inputs, the newest run was, or one is under way."""
    if case.registry.watermarks(case.source).get(BUILT_FROM) == inputs:
        return True
    with case.registry.transaction() as cursor:
        return run_history.tried_from(cursor, case.source, inputs, case.over)


def _announced(case: _Case, latest: Latest) -> bool:
    """Whether that was told lately."""
    with case.registry.transaction() as cursor:
        since = max(latest.since, case.now - ANNOUNCED_FOR)
        return actions.noted_since(
            cursor, ANNOUNCE, latest.source, latest.version, since, derived=case.source
        )


# --- what dead runs left ---


def _versions(case: _Case) -> None:
    """Remove the files of tries that sealed nothing, once their run has been over for as long as a task may last.

    Found by the run log, and looked at once for each end of a run, so it costs the same however many versions there
    are. What the log does not know is retention's.
    """
    before = case.now - sources.longest_task([case.spec])
    looked_at = []
    with case.registry.transaction() as cursor:
        over = run_history.over(cursor, case.source, before, under_way=case.over, limit=AT_ONCE)
    for row in over:
        version = row.version
        if row.removed:
            looked_at.append(version)
            continue
        files = listing(case.store, manifests.folder(case.source, version))
        sealed = manifests.read(case.store, case.source, version) if files else None
        if sealed is None and row.registered:
            # Retention forgets a version first, then removes its manifest. Without one nobody knows what it needs.
            if case.registry.versions(case.source, among=[version]):
                manifests.require(case.store, case.source, version)
            continue
        own = sealed.paths if sealed else frozenset()
        left = {key: entry for key, entry in files.items() if key not in own and not _beside_tries(key)}
        gone = [key for key, entry in left.items() if entry.modified < before]
        if gone:
            case.store.delete(*gone)
            case.report.removed.extend(gone)
            why = "its run is over, and no manifest names them"
            case.note("remove leftovers", version, why, files=len(gone))
        if len(gone) == len(left):
            looked_at.append(version)
    with case.registry.transaction() as cursor:
        run_history.note_tidied(cursor, case.source, looked_at)


def _beside_tries(key: str) -> bool:
    """Whether a file lies in the folder of the version itself: manifest, verdict, state record."""
    return key.count("/") == 3  # noqa: PLR2004


def _sweep(
    store: Store, registry: Registry, specs: Iterable[Spec], now: datetime, who: str, report: Report
) -> None:
    """Remove work in progress that nobody works on."""
    gone = store.sweep_scratch(now - sources.longest_task(specs))
    if gone:
        report.removed.extend(map(str, gone))
        with registry.transaction() as cursor:
            insert_action(
                cursor,
                who=who,
                what="remove leftovers",
                source=SYSTEM,
                version=None,
                reason="no task lasts as long as nobody has written to them",
                details={"files": len(gone)},
            )
