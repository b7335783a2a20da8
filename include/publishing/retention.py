"""Retention: which versions and raw landings of a source may go.

Never latest, its predecessor, a pinned version, one that is still under way, one that another source's kept
version was built from, nor a file that any kept version references.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from include.publishing import manifest as manifests
from include.publishing.registry import Registry
from include.publishing.store import Store, safe_key

UNDER_WAY = {"staged", "publishing"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What would go: versions by name, and the keys of every file, raw landings included."""

    source: str
    kept: tuple[str, ...]
    versions: tuple[str, ...]
    keys: tuple[str, ...]


def plan(
    store: Store,
    registry: Registry,
    source: str,
    *,
    keep_versions: int,
    keep_raw: timedelta,
    now: datetime,
) -> Plan:
    """Decide without touching anything.

    The newest `keep_versions` published versions stay, and everything younger than `keep_raw`, so that what
    failed can be looked into and replayed. Raises ValueError for fewer than two versions.
    """
    if keep_versions < 2:  # noqa: PLR2004
        raise ValueError(
            f"keep_versions is {keep_versions}; latest and its predecessor always stay: at least 2"
        )
    rows = registry.versions(source)
    latest = registry.latest(source)
    kept = {latest.version, latest.previous} if latest else set()
    published = sorted(
        (row for row in rows if row.published_at),
        key=lambda row: row.published_at or row.staged_at,
        reverse=True,
    )
    kept |= {row.version for row in published[:keep_versions]}
    kept |= {row.version for row in rows if row.pinned_reason or row.state in UNDER_WAY}
    kept |= {row.version for row in rows if row.staged_at > now - keep_raw}
    kept |= _built_from(store, source)
    gone = [row.version for row in rows if row.version not in kept]
    referenced = {
        file.path
        for version in kept
        if version and (manifest := manifests.read(store, source, version))
        for file in manifest.files
    }
    known = {row.version for row in rows}
    keys = [
        key
        for root in (safe_key("versions", source), safe_key("raw", source))
        for key in store.list(root)
        if key not in referenced
        # What no registered version owns is the rest of a dead run, or of a version removed earlier whose
        # files were still referenced then. A run under way is told from a dead one by its age.
        and (
            (owner := key.split("/")[2]) in gone
            or (owner not in known and store.modified(key) < now - keep_raw)
        )
    ]
    return Plan(source, tuple(sorted(filter(None, kept))), tuple(gone), tuple(keys))


def apply(store: Store, registry: Registry, chosen: Plan) -> None:
    """Remove what a plan names: the manifest first, so that no half version looks whole."""
    for key in sorted(chosen.keys, key=lambda key: not key.endswith("/manifest.json")):
        store.delete(key)
    with registry.cursor() as cursor:
        for version in chosen.versions:
            for table in ("check_result", "change_summary", "quarantine_summary", "dataset_version"):
                cursor.execute(
                    f"DELETE FROM lastgood.{table} WHERE source = %s AND version = %s",  # noqa: S608
                    (chosen.source, version),
                )


def _built_from(store: Store, source: str) -> set[str]:
    """Versions of this source that a kept candidate of any source names as its origin."""
    found = set()
    for key in store.list("versions"):
        parts = key.split("/")
        if parts[-1] == "manifest.json" and parts[1] != source:
            manifest = manifests.require(store, parts[1], parts[2])
            if origin := manifest.built_from.get(source):
                found.add(origin)
    return found
