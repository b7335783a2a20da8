"""Rebuild the registry from the store alone: manifests, verdicts, state records and the pointers to latest.

All in one transaction: a rebuild that is killed leaves nothing. Latest of every source comes first, then the other
versions; one that is damaged is left out and named.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg

from include.operations import removed
from include.publishing import hold, pointers, serving
from include.publishing import manifest as manifests
from include.publishing import verdict as verdicts
from include.publishing.manifest import Manifest
from include.publishing.pointers import Pointer
from include.registry import transitions, versions, watermarks
from include.registry.connection import LEASE_SECONDS
from include.registry.locks import lock_all_latest, lock_latest
from include.registry.registry import Registry
from include.storage.store import Store


class RegistryInUse(ValueError):
    """The registry has versions, with decisions about them that the store may not know."""


def require_empty(cursor: psycopg.Cursor[dict[str, Any]]) -> None:
    """Raises RegistryInUse for a registry that knows a version; it may also be one that was never migrated."""
    known = versions.count(cursor)
    if known:
        raise RegistryInUse(
            f"The registry knows {known} versions already; only an empty one is filled. Point "
            "lastgood_registry to a new database, or drop the schema lastgood there if it really is to be replaced."
        )


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came back."""

    versions: dict[str, int]
    """How many versions of each source."""
    damaged: tuple[str, ...]
    """What could not be read, a sentence each; these versions are left out."""


def rebuild(store: Store, registry: Registry) -> Rebuilt:
    """Fill an empty registry, and the serving tables, with what the store knows.

    Waits for promotions under way and holds off others. Raises RegistryInUse, and ValueError naming the file where
    latest itself cannot be read: that needs a backup, and nothing is changed until then.
    """
    with registry.session():
        with registry.transaction() as cursor:
            require_empty(cursor)
        registry.migrate()
        sealed = _sealed(store)
        served = [
            manifests.require(store, source, pointer.version)
            for source, pointer in _pointers(store, sealed).items()
        ]
        for manifest in served:
            serving.prepare(registry, store, manifest, forward=False)
        with registry.transaction() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LEASE_SECONDS}s",))
            for source in sorted(sealed):
                lock_latest(cursor, source, "rebuild")
            # Whoever moves latest of yet another source writes this table; reading it stays possible.
            lock_all_latest(cursor)
            require_empty(cursor)
            led = _pointers(store, sealed)
            for pointer in led.values():
                _restore_latest(cursor, store, registry, pointer)
            damaged = _restore_others(store, registry, sealed, led)
            found = Counter({source: len(names) for source, names in sealed.items()}) - Counter(
                source for source, _ in damaged
            )
            forgotten = [*removed.restore(cursor, store, sealed).values(), *hold.restore(cursor, store)]
        for manifest in served:
            serving.finish(registry, store, manifest)
        return Rebuilt(dict(found), (*damaged.values(), *forgotten))


def _pointers(store: Store, sources: Iterable[str]) -> dict[str, Pointer]:
    """What readers of files read of each source that was ever published."""
    return {source: pointer for source in sources if (pointer := pointers.read_pointer(store, source))}


def _sealed(store: Store) -> dict[str, list[str]]:
    """The versions of each source that have a manifest."""
    found = defaultdict(list)
    for key in store.list("versions"):
        parts = key.split("/")
        if len(parts) == 4 and parts[3] == "manifest.json":  # noqa: PLR2004
            found[parts[1]].append(parts[2])
    return dict(found)


def _restore_others(
    store: Store, registry: Registry, sealed: dict[str, list[str]], led: dict[str, Pointer]
) -> dict[tuple[str, str], str]:
    """Every version but latest; returns what of them is damaged, in a sentence each."""
    damaged = {}
    for source, names in sealed.items():
        for version in names:
            if source in led and led[source].version == version:
                continue
            try:
                _restore_version(store, registry, manifests.require(store, source, version))
            except (ValueError, FileNotFoundError, psycopg.DataError, psycopg.IntegrityError) as error:
                damaged[source, version] = f"{source} {version} is left out: {error}"
    return damaged


def _restore_version(store: Store, registry: Registry, manifest: Manifest) -> None:
    """Enter one version, all of it or nothing. Raises ValueError for records beside it that cannot be read."""
    key = manifests.manifest_key(manifest.source, manifest.version)
    verdict = verdicts.read_sealed(store, manifest.source, manifest.version)
    try:
        state = pointers.read_state(store, manifest.source, manifest.version)
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise ValueError(f"{pointers.state_key(manifest.source, manifest.version)}: {error}") from error
    with registry.transaction() as cursor:
        registry.stage(manifest, hashlib.sha256(store.read_bytes(key)).hexdigest())
        if verdict is not None:
            registry.record_verdict(*verdict)
        if state is not None:
            transitions.restore_state(
                cursor,
                manifest.source,
                manifest.version,
                # Latest alone is published, and is set below: what came before it was perhaps not noted any more.
                state="superseded" if state.state == "published" else state.state,
                published_at=state.published_at,
                publish_attempts=state.publish_attempts,
                publish_error=state.publish_error,
                accepted_by=state.accepted_by,
                accepted_reason=state.accepted_reason,
                pinned_reason=state.pinned_reason,
                accepted_verdict_sha256=state.accepted_verdict_sha256,
            )


def _restore_latest(
    cursor: psycopg.Cursor[dict[str, Any]], store: Store, registry: Registry, pointer: Pointer
) -> None:
    manifest = manifests.require(store, pointer.source, pointer.version)
    _restore_version(store, registry, manifest)
    transitions.restore_latest(
        cursor,
        pointer.source,
        pointer.version,
        previous=pointer.previous,
        since=pointer.since,
        generation=max(pointer.generation, 1),
    )
    watermarks.set_to(cursor, manifest.source, manifest.version, manifest.cursors)
    serving.serve(cursor, store, manifest, forward=False)
