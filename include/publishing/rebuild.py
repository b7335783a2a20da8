"""Rebuild the registry from the store alone: manifests, verdicts, state records and the pointers to latest."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import psycopg

from include.publishing import manifest as manifests
from include.publishing import mirror, promotion, serving
from include.publishing.manifest import Manifest
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.quality import gate


class RegistryInUse(ValueError):
    """The registry has versions, with decisions about them that the store may not know."""


def require_empty(cursor: psycopg.Cursor[dict[str, Any]]) -> None:
    """Raises RegistryInUse for a registry that knows a version; it may also be one that was never migrated."""
    cursor.execute("SELECT to_regclass('lastgood.dataset_version') IS NOT NULL AS present")
    if cursor.fetchone() == {"present": False}:
        return
    cursor.execute("SELECT count(*) AS versions FROM lastgood.dataset_version")
    row = cursor.fetchone()
    if row and row["versions"]:
        raise RegistryInUse(
            f"The registry knows {row['versions']} versions already; only an empty one is filled. Point "
            "lastgood_registry to a new database, or drop the schema lastgood there if it really is to be replaced."
        )


def rebuild(store: Store, registry: Registry) -> dict[str, int]:
    """Fill an empty registry with what the store knows and return how many versions of each source came back.

    Serving tables are filled again from latest. Raises RegistryInUse; also where an earlier rebuild was killed: then
    drop the schema and begin anew.
    """
    with registry.cursor() as cursor:
        require_empty(cursor)
    registry.migrate()
    found = Counter[str]()
    for key in store.list("versions"):
        parts = key.split("/")
        if len(parts) == 4 and parts[3] == "manifest.json":  # noqa: PLR2004
            _restore_version(store, registry, manifests.require(store, parts[1], parts[2]))
            found[parts[1]] += 1
    for source in found:
        _restore_latest(store, registry, source)
    return dict(found)


def _restore_version(store: Store, registry: Registry, manifest: Manifest) -> None:
    key = manifests.manifest_key(manifest.source, manifest.version)
    registry.stage(manifest, hashlib.sha256(store.read_bytes(key)).hexdigest())
    verdict = gate.read(store, manifest.source, manifest.version)
    if verdict is not None:
        registry.record_verdict(verdict)
    state = mirror.read_state(store, manifest.source, manifest.version)
    if state is None:
        return
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = %s, published_at = %s, publish_attempts = %s, "
            "publish_error = %s, accepted_by = %s, accepted_reason = %s, pinned_reason = %s "
            "WHERE source = %s AND version = %s",
            (
                state.state,
                state.published_at,
                state.publish_attempts,
                state.publish_error,
                state.accepted_by,
                state.accepted_reason,
                state.pinned_reason,
                manifest.source,
                manifest.version,
            ),
        )


def _restore_latest(store: Store, registry: Registry, source: str) -> None:
    pointer = mirror.read_pointer(store, source)
    if pointer is None:
        return
    manifest = manifests.require(store, source, pointer.version)
    with registry.cursor() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'published', "
            "published_at = coalesce(published_at, %s) WHERE source = %s AND version = %s",
            (pointer.since, source, pointer.version),
        )
        cursor.execute(
            "INSERT INTO lastgood.latest (source, version, previous, since) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (source) DO UPDATE SET version = excluded.version, previous = excluded.previous, "
            "since = excluded.since WHERE latest.version IS NULL",
            (source, pointer.version, pointer.previous, pointer.since),
        )
        promotion.set_cursors(cursor, manifest)
        serving.serve(cursor, store, manifest, forward=False)
