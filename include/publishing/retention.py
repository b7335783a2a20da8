"""Retention: what of a source may go, by its Spec's policy, and removing it.

Never latest, its predecessor, a pinned version, one that is still under way, one that another source's kept
version was built from, nor a file that any kept version or the store's pointer references; and nothing at all where
the registry knows less than the store. docs/retention.md says what each age means.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from psycopg import sql

from include.publishing import manifest as manifests
from include.publishing import mirror
from include.publishing.listing import Entry, listing
from include.publishing.manifest import Manifest
from include.publishing.registry import Latest, Registry, Version, insert_action
from include.publishing.store import Store
from include.sources import source as sources
from include.sources.source import Retention

UNDER_WAY = {"staged", "publishing"}
HOUSE_LOG = timedelta(days=90)
"""Runs of the house's own DAGs, some of which come every few minutes, and alerts about no source."""
LOG_BYTES = 10_000_000
LOG_FILES = 5
UNKNOWN_TASK = timedelta(days=1)
"""For a source that is no longer in the project."""


class PlanOutdated(RuntimeError):
    """Since the plan was made somebody pinned or rolled back to a version that it would remove."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes of one version or run, and why."""

    version: str
    reason: str
    keys: tuple[str, ...]
    bytes: int


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
    def bytes(self) -> int:
        """Their size together."""
        return sum(removal.bytes for removal in self.removals)


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


def longest_task(names: Iterable[str]) -> timedelta:
    """No task of these sources lasts longer, so what nobody has written to for so long belongs to none under way."""
    known = sources.names()
    specs = [sources.spec(name) if name in known else None for name in names]
    return max(
        (max(spec.step_timeout, spec.extract_timeout) if spec else UNKNOWN_TASK for spec in specs),
        default=UNKNOWN_TASK,
    )


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
    pointer or manifest that cannot be read, mirror.OlderRegistry, and FileNotFoundError where the manifest of a
    version that stays is gone.
    """
    if policy.versions < 2:  # noqa: PLR2004
        raise ValueError(
            f"{source} would keep {policy.versions} versions; latest and its predecessor always stay: at least 2"
        )
    policy = replace(policy, raw=max(policy.raw, longest_task([source])))
    # The files first: what is sealed from now on is not among them.
    view = view or View(store)
    landed = listing(store, f"raw/{source}")
    pointer = mirror.agreed(store, registry, source)
    rows, latest = registry.versions(source), registry.latest(source)
    held = _held(rows, latest) | _open(registry, source)
    kept = held | _kept_by_age(rows, policy, now) | _built_from(view, source)
    gone = {row.version: _why(row, policy) for row in rows if row.version not in kept}
    read = _manifests(view, source, kept, rows)
    referenced = {file.path for manifest in read.values() for file in manifest.files}
    referenced |= {file.path for table in (pointer.tables if pointer else ()) for file in table.files}
    # A landing may be of another run than the version: what landed before a failure is taken over.
    landings = held | {key.split("/")[2] for version in held & read.keys() for key in read[version].raw}
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
    no half version looks whole. What a kill leaves of the files goes by its age later. Raises PlanOutdated, and
    nothing is removed, where a version is needed again by now; mirror.OlderRegistry where the registry was lost since.
    """
    mirror.agreed(store, registry, chosen.source)
    _forget_versions(registry, chosen, who)
    for removal in chosen.removals:
        for key in sorted(removal.keys, key=lambda key: not key.endswith("/manifest.json")):
            store.delete(key)
    _forget_old(registry, chosen)


def forget_house(registry: Registry, sources: Collection[str], now: datetime) -> int:
    """Remove old runs and closed alerts that belong to none of the sources; returns how many rows went."""
    gone = 0
    with registry.cursor() as cursor:
        for statement in (
            "DELETE FROM lastgood.pipeline_run WHERE NOT source = ANY(%s) AND started < %s",
            "DELETE FROM lastgood.alert WHERE NOT source = ANY(%s) AND recovered_at < %s",
        ):
            cursor.execute(statement, (list(sources), now - HOUSE_LOG))
            gone += cursor.rowcount
    return gone


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


def _open(registry: Registry, source: str) -> set[str]:
    """Versions whose run is not over."""
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT version FROM lastgood.pipeline_run WHERE source = %s AND ended IS NULL", (source,)
        )
        return {row["version"] for row in cursor.fetchall()}


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
    """Versions of this source that a candidate of any other source names as its origin."""
    found = set()
    for key in view.files:
        parts = key.split("/")
        if len(parts) == 4 and parts[3] == "manifest.json" and parts[1] != source:  # noqa: PLR2004
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
    with registry.cursor() as cursor:
        # Whoever rolls back holds this row, and afterwards finds the version gone, or we find it needed.
        cursor.execute(
            "SELECT version, previous FROM lastgood.latest WHERE source = %s FOR UPDATE", (chosen.source,)
        )
        cursor.execute(
            "DELETE FROM lastgood.dataset_version v WHERE source = %s AND version = ANY(%s) "
            "AND pinned_reason IS NULL AND NOT state = ANY(%s) AND NOT EXISTS (SELECT FROM lastgood.latest l "
            "WHERE l.source = v.source AND v.version IN (l.version, l.previous))",
            (chosen.source, gone, sorted(UNDER_WAY)),
        )
        if cursor.rowcount != len(gone):
            raise PlanOutdated(
                f"Of the {len(gone)} versions of {chosen.source} that were to go, {len(gone) - cursor.rowcount} are "
                "pinned, latest or under way by now, or gone already. Nothing was removed; plan again."
            )
        for table in ("change_summary", "quarantine_summary"):
            cursor.execute(
                sql.SQL("DELETE FROM {} WHERE source = %s AND version = ANY(%s)").format(
                    sql.Identifier("lastgood", table)
                ),
                (chosen.source, gone),
            )
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
                },
            )


def _forget_old(registry: Registry, chosen: Plan) -> None:
    with registry.cursor() as cursor:
        for statement in (
            "DELETE FROM lastgood.pipeline_run WHERE source = %s AND started < %s",
            "DELETE FROM lastgood.alert WHERE source = %s AND recovered_at < %s",
            "DELETE FROM lastgood.publish_attempt WHERE source = %s AND at < %s",
            "DELETE FROM lastgood.check_result c WHERE source = %s AND checked_at < %s AND NOT EXISTS "
            "(SELECT FROM lastgood.dataset_version v WHERE (v.source, v.version) = (c.source, c.version))",
        ):
            cursor.execute(statement, (chosen.source, chosen.log_before))
