"""Retention: what of a source may go, by its Spec's policy, and removing it.

Never latest, its predecessor, a pinned version, one that is still under way, one that another source's kept
version was built from, nor a file that any kept version or the store's pointer references; and nothing at all where
the registry knows less than the store. docs/retention.md says what each age means.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.alerting.alert import SENT_FOLDER
from include.operations import removed
from include.publishing import manifest as manifests
from include.publishing import pointers
from include.publishing.manifest import Manifest
from include.registry import alerts, checks, run_history, run_log, transitions, versions
from include.registry import removed as forgotten
from include.registry.actions import insert_action
from include.registry.locks import lock_latest
from include.registry.registry import Registry
from include.registry.versions import Latest, Version
from include.sources import source as sources
from include.sources.source import Retention
from include.storage.listing import Entry, listing
from include.storage.store import RAW, Store

if TYPE_CHECKING:
    import psycopg

UNDER_WAY = {"staged", "publishing"}
SYSTEM_LOG = timedelta(days=90)
"""Runs of Lastgood's own DAGs, some of which come every few minutes, alerts about no source, and what the store keeps
of what people were told."""
LOG_BYTES = 10_000_000
LOG_FILES = 5


class PlanOutdated(RuntimeError):
    """Since the plan was made somebody needs again what it would remove: a pin, a rollback, a run that reads raw."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes of one version or run, and why."""

    version: str
    reason: str
    keys: tuple[str, ...]
    bytes: int

    @property
    def has_raw(self) -> bool:
        """Whether raw is among it."""
        return any(key.startswith(f"{RAW}/") for key in self.keys)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go of a source."""

    source: str
    kept: tuple[str, ...]
    """Versions that stay."""
    versions: tuple[str, ...]
    """Versions that go; files of theirs that a kept version references stay."""
    removals: tuple[Removal, ...]
    """The files, raw landings included, by the version or run they belong to."""
    log_before: datetime
    """Runs, verdicts, attempts to publish and closed alerts older than this go from the registry."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Every file that goes."""
        return tuple(key for removal in self.removals for key in removal.keys)

    @property
    def raw_of(self) -> tuple[str, ...]:
        """Versions of which raw goes."""
        return tuple(removal.version for removal in self.removals if removal.has_raw)

    @property
    def bytes(self) -> int:
        """Their size together."""
        return sum(removal.bytes for removal in self.removals)


_MANIFEST = "/manifest.json"


class View:
    """What the plans of several sources look at: all versions, listed once, and their manifests, each read once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.files = listing(store, "versions")
        self._manifests: dict[tuple[str, str], Manifest | None] = {}

    def manifest(self, source: str, version: str) -> Manifest | None:
        """The manifest of a version, or None where there is none (any more)."""
        if (source, version) not in self._manifests:
            self._manifests[source, version] = manifests.read(self.store, source, version)
        return self._manifests[source, version]


def plan(
    store: Store,
    registry: Registry,
    source: str,
    policy: Retention,
    *,
    now: datetime,
    view: View | None = None,
) -> Plan:
    """Decide without touching anything.

    `view` lets the plans of several sources share what they look at. However short the policy, nothing goes by its
    age that a task under way may have written. Raises ValueError for a policy that keeps fewer than two versions, a
    pointer or manifest that cannot be read, pointers.OlderRegistry, and FileNotFoundError where the manifest of a
    version that stays is gone.
    """
    if policy.versions < 2:  # noqa: PLR2004
        raise ValueError(
            f"{source} would keep {policy.versions} versions; latest and its predecessor always stay: at least 2"
        )
    spec = sources.spec(source) if source in sources.names() else None
    policy = replace(policy, raw=max(policy.raw, sources.longest_task([spec])))
    # The files first: what is sealed from now on is not among them.
    view = view or View(store)
    landed = listing(store, f"raw/{source}")
    pointer = pointers.agreed(store, registry, source)
    rows, latest = registry.versions(source), registry.latest(source)
    with registry.transaction() as cursor:
        in_use = run_history.open_versions(cursor, source)
    with registry.transaction() as cursor:
        in_use |= run_history.stood_on(cursor, source)
    held = _held(rows, latest) | in_use
    held |= {pointer.version} if pointer else set()
    kept = held | _kept_by_age(rows, policy, now) | _built_from(view, source)
    gone = {row.version: _why(row, policy) for row in rows if row.version not in kept}
    read = _manifests(view, source, kept, rows)
    referenced = {file.path for manifest in read.values() for file in manifest.files}
    referenced |= {file.path for file in pointer.files} if pointer else set()
    # A landing may be of another run than the version: what landed before a failure is taken over.
    landings = held | {key.split("/")[2] for version in held & read.keys() for key in read[version].raw}
    with registry.transaction() as cursor:
        landings |= run_log.raw_in_use(cursor, source)
    ages = {row.version: row.staged_at for row in rows}
    found: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(
        list, {each: [] for each in gone.items()}
    )
    for key, entry in {**_of(view.files, source), **landed}.items():
        owner = key.split("/")[2]
        if key in referenced or owner in (landings if key.startswith("raw/") else kept):
            continue
        if reason := _reason(key, entry, gone.get(owner), ages.get(owner), policy, now):
            found[owner, reason].append((key, entry.bytes))
    return Plan(
        source=source,
        kept=tuple(row.version for row in rows if row.version in kept),
        versions=tuple(gone),
        removals=tuple(
            Removal(owner, reason, tuple(key for key, _ in own), sum(size for _, size in own))
            for (owner, reason), own in sorted(found.items())
        ),
        log_before=now - policy.log,
    )


def apply(store: Store, registry: Registry, chosen: Plan, *, who: str) -> None:
    """Remove what a plan names and keep in lastgood.action who did it, and why, for each version or run.

    First the versions in the registry, which ends the ways back to them; then their files, manifests first, so that
    no half version looks whole. What a kill leaves of the files goes by its age later. Raises PlanOutdated, and no file
    is removed, where a version is needed again by now or was brought back; pointers.OlderRegistry where the registry
    was lost since.
    """
    pointers.agreed(store, registry, chosen.source)
    _forget_versions(registry, chosen, who)
    removed.write(store, registry, chosen.source)
    with registry.session():
        _unseal(store, registry, chosen)
    for removal in chosen.removals:
        _require_gone(registry, chosen)
        store.delete(*(key for key in removal.keys if not key.endswith(_MANIFEST)))
    _forget_old(registry, chosen)


def forget_system(registry: Registry, sources: Collection[str], now: datetime) -> int:
    """Remove old runs and closed alerts that belong to none of the sources; returns how many rows went."""
    gone = 0
    with registry.transaction() as cursor:
        gone += run_history.forget_others(cursor, sources, now - SYSTEM_LOG)
        gone += alerts.forget_others(cursor, sources, now - SYSTEM_LOG)
    return gone


def forget_told(store: Store, now: datetime) -> int:
    """Remove what the store keeps of what people were told long ago; returns how many files went."""
    before = f"{now - SYSTEM_LOG:%Y-%m-%d}"
    days = {key.removeprefix(f"{SENT_FOLDER}/").partition("/")[0] for key in store.list(SENT_FOLDER)}
    return sum(store.delete_tree(f"{SENT_FOLDER}/{day}") for day in sorted(days) if day < before)


def rotate(path: Path, limit: int = LOG_BYTES, files: int = LOG_FILES) -> bool:
    """Put a log that has reached its limit aside as NAME.1, older ones as NAME.2 and so on; true where it did."""
    if not path.exists() or path.stat().st_size < limit:
        return False
    aside = [path.with_name(f"{path.name}.{number}") for number in range(1, files)]
    for older, newer in zip(reversed(aside), [*reversed(aside[:-1]), path], strict=True):
        if newer.exists():
            newer.replace(older)
    return True


def lines(chosen: Plan) -> list[str]:
    """A plan for people: one line for each version or run, and a last one that adds them up."""
    shown = [
        f"{chosen.source} {removal.version}: {removal.reason}: {len(removal.keys)} files, "
        f"{removal.bytes / 1e6:.1f} MB"
        for removal in chosen.removals
    ]
    return [
        *shown,
        f"{chosen.source}: {len(chosen.versions)} versions go and {len(chosen.kept)} stay, {len(chosen.keys)} files, "
        f"{chosen.bytes / 1e6:.1f} MB; the registry's log from before {chosen.log_before:%Y-%m-%d}",
    ]


# --- deciding ---


def _held(rows: list[Version], latest: Latest | None) -> set[str]:
    """Versions that stay whole, raw included: latest, its predecessor, pinned ones, those under way."""
    held = {latest.version, latest.previous} if latest else set()
    held |= {row.version for row in rows if row.pinned_reason or row.state in UNDER_WAY}
    return {version for version in held if version}


def _kept_by_age(rows: list[Version], policy: Retention, now: datetime) -> set[str]:
    """The newest published versions, and what was not published while it is young."""
    published = sorted(
        (row for row in rows if row.published_at),
        key=lambda row: row.published_at or row.staged_at,
        reverse=True,
    )
    young = (row for row in rows if not row.published_at and row.staged_at > now - policy.raw)
    return {row.version for row in (*published[: policy.versions], *young)}


def _manifests(view: View, source: str, kept: Collection[str], rows: list[Version]) -> dict[str, Manifest]:
    """The manifests of the versions that stay; one that the registry knows must have its own."""
    found = {version: manifest for version in kept if (manifest := view.manifest(source, version))}
    for version in sorted({row.version for row in rows if row.version in kept} - found.keys()):
        raise FileNotFoundError(
            f"{manifests.manifest_key(source, version)} is missing, so nobody knows which files {version} needs, which "
            f"is to stay. Nothing of {source} is removed. Bring it back from a backup (docs/runbook.md, file-damaged)."
        )
    return found


def _built_from(view: View, source: str) -> set[str]:
    """Versions of this source that a candidate of another source names as its origin.

    Asked are sources that are built from this one, and those that are no longer in the project.
    """
    known, found = sources.names(), set()
    for key in view.files:
        parts = key.split("/")
        if len(parts) != 4 or parts[3] != "manifest.json" or parts[1] == source:  # noqa: PLR2004
            continue
        if parts[1] not in known or source in sources.spec(parts[1]).inputs:
            manifest = view.manifest(parts[1], parts[2])
            if manifest and (origin := manifest.built_from.get(source)):
                found.add(origin)
    return found


def _of(files: Mapping[str, Entry], source: str) -> dict[str, Entry]:
    return {key: entry for key, entry in files.items() if key.startswith(f"versions/{source}/")}


def _why(gone: Version, policy: Retention) -> str:
    if gone.published_at:
        return f"not among the newest {policy.versions} published versions"
    return f"{gone.state}, older than {policy.raw.days} days"


def _reason(
    key: str,
    entry: Entry,
    gone: str | None,
    staged_at: datetime | None,
    policy: Retention,
    now: datetime,
) -> str | None:
    """Why a file goes, or None where it stays. What no registered version owns is told by its own age."""
    age = now - (staged_at or entry.modified)
    if key.startswith("raw/"):
        return f"raw older than {policy.raw.days} days" if age > policy.raw else None
    name = key.rsplit("/", 1)[-1]
    if name.startswith("_quarantine") and name.endswith(".parquet"):
        return f"refused rows older than {policy.quarantine.days} days" if age > policy.quarantine else None
    return gone or (f"left over, older than {policy.raw.days} days" if age > policy.raw else None)


# --- removing ---


def _forget_versions(registry: Registry, chosen: Plan, who: str) -> None:
    gone = list(chosen.versions)
    with registry.transaction() as cursor:
        # Whoever rolls back holds this row, and afterwards finds the version gone, or we find it needed.
        lock_latest(cursor, chosen.source, "retain")
        went = transitions.forget(cursor, chosen.source, gone, unless=UNDER_WAY)
        if went != len(gone):
            raise PlanOutdated(
                f"Of the {len(gone)} versions of {chosen.source} that were to go, {len(gone) - went} are "
                "pinned, latest or under way by now, or gone already. Nothing was removed; plan again."
            )
        _require_unread(cursor, chosen)
        forgotten.forget_figures(cursor, chosen.source, gone)
        for removal in chosen.removals:
            insert_action(
                cursor,
                who=who,
                what="retain",
                source=chosen.source,
                version=removal.version,
                reason=removal.reason,
                details={
                    "files": len(removal.keys),
                    "bytes": removal.bytes,
                    "version_removed": removal.version in chosen.versions,
                    "raw": removal.has_raw,
                },
            )


def _require_unread(cursor: psycopg.Cursor[Any], chosen: Plan) -> None:
    """Raise PlanOutdated where a run under way writes or reads raw that is to go.

    Until the transaction ends no run begins to; afterwards it finds in lastgood.action that this raw goes.
    """
    run_log.lock_raw(cursor, chosen.source)
    if read := sorted(run_log.raw_in_use(cursor, chosen.source) & set(chosen.raw_of)):
        raise PlanOutdated(
            f"Raw of {chosen.source} {', '.join(read)} was to go, and a run that began meanwhile reads it. Nothing was "
            "removed; plan again."
        )


def _unseal(store: Store, registry: Registry, chosen: Plan) -> None:
    """Remove the manifests, unless a rebuild of the registry found one before it was gone and brought its version back.

    A rebuild holds the same lock, so afterwards it finds none of them. Raises PlanOutdated.
    """
    with registry.transaction() as cursor:
        lock_latest(cursor, chosen.source, "retain")
        for key in (key for key in chosen.keys if key.endswith(_MANIFEST)):
            # Asked again for each: who stood still and has lost the lock removes nothing more.
            _require_gone(registry, chosen)
            store.delete(key)


def _require_gone(registry: Registry, chosen: Plan) -> None:
    """Raise PlanOutdated where a version that was to go was brought back by a rebuild or a restore."""
    with registry.transaction() as cursor:
        if (back := versions.any_of(cursor, chosen.source, chosen.versions)) is not None:
            raise PlanOutdated(
                f"{chosen.source} {back} was to go and was brought back meanwhile, by a rebuild of the "
                "registry or from a backup. No more of it is removed; plan again."
            )


def _forget_old(registry: Registry, chosen: Plan) -> None:
    with registry.transaction() as cursor:
        run_history.forget(cursor, chosen.source, chosen.log_before)
        alerts.forget(cursor, chosen.source, chosen.log_before)
        transitions.forget_attempts(cursor, chosen.source, chosen.log_before)
        checks.forget(cursor, chosen.source, chosen.log_before)
