"""The mirror of the registry in the store: latest/SOURCE.json for readers, state.json beside each manifest.

Readers of files need one read of latest/SOURCE.json to know every file of every table. The state records are
what rebuild.py restores the registry from; both are written after the transaction that they speak of, and
writing them again repairs what a kill left undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from include.publishing import manifest as manifests
from include.publishing.manifest import TableEntry
from include.publishing.registry import Registry, Version
from include.publishing.store import Store, safe_key


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """latest/SOURCE.json: what consumers of files read."""

    source: str
    version: str
    previous: str | None
    as_of: datetime
    since: datetime
    schema_version: int
    tables: tuple[TableEntry, ...]


class OlderRegistry(ValueError):
    """The registry does not know what consumers of the store read."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """state.json: what the registry knows of a version beyond its manifest."""

    state: str
    published_at: datetime | None
    publish_attempts: int
    publish_error: str | None
    accepted_by: str | None
    accepted_reason: str | None
    pinned_reason: str | None


def pointer_key(source: str) -> str:
    """Key of the pointer to a source's latest version."""
    return safe_key("latest", f"{source}.json")


def state_key(source: str, version: str) -> str:
    """Key of a version's state record."""
    return safe_key(manifests.folder(source, version), "state.json")


def state_of(version: Version) -> State:
    """The record of a registry row."""
    return State(**{name: getattr(version, name) for name in State.__struct_fields__})


def read_pointer(store: Store, source: str) -> Pointer | None:
    """What consumers of files see, or None before the first promotion."""
    key = pointer_key(source)
    return msgspec.json.decode(store.read_bytes(key), type=Pointer) if store.exists(key) else None


def agreed(store: Store, registry: Registry, source: str) -> Pointer | None:
    """The pointer, proven to be no newer than the registry; None where there is none.

    Raises OlderRegistry where the store knows of a later promotion: the registry was lost, restored or mixed up, and
    whoever acted by it would take from readers what they read. Raises ValueError for a pointer that cannot be read.
    """
    # In this order, since a promotion writes the registry first: one that comes between looks like no trouble.
    pointer, latest = read_pointer(store, source), registry.latest(source)
    if pointer is not None and (latest is None or pointer.since > latest.since):
        raise OlderRegistry(
            f"{pointer_key(source)} speaks of {pointer.version}, published {pointer.since:%Y-%m-%d %H:%M} UTC, the "
            f"registry of {latest.version if latest else 'nothing'}: the registry is older than the store. Run "
            "rebuild-registry on an empty registry; until then what the store holds is left as it is."
        )
    return pointer


def read_state(store: Store, source: str, version: str) -> State | None:
    """The state record of a version, or None where none was written yet."""
    key = state_key(source, version)
    return msgspec.json.decode(store.read_bytes(key), type=State) if store.exists(key) else None


def write(store: Store, registry: Registry, source: str, versions: Iterable[str] | None = None) -> list[str]:
    """Bring the pointer and the state records of versions (by default all) to what the registry says.

    Only what differs is written, so doing it again repairs what a kill left undone; returns the keys that were.
    Two writers at once cannot leave the older pointer behind: the row of latest is locked meanwhile.
    """
    wanted: dict[str, msgspec.Struct] = {}
    with registry.cursor() as cursor:
        cursor.execute("SELECT version FROM lastgood.latest WHERE source = %s FOR UPDATE", (source,))
        latest = registry.latest(source)
        chosen = None if versions is None else set(versions)
        for version in registry.versions(source):
            if chosen is not None and version.version not in chosen:
                continue
            if store.exists(manifests.manifest_key(source, version.version)):
                wanted[state_key(source, version.version)] = state_of(version)
        if latest is not None:
            manifest = manifests.require(store, source, latest.version)
            wanted[pointer_key(source)] = Pointer(
                source=source,
                version=latest.version,
                previous=latest.previous,
                as_of=latest.as_of,
                since=latest.since,
                schema_version=manifest.schema_version,
                tables=manifest.tables,
            )
        return [key for key, record in wanted.items() if _replace(store, key, record)]


def _replace(store: Store, key: str, record: msgspec.Struct) -> bool:
    data = msgspec.json.format(msgspec.json.encode(record), indent=1)
    if store.exists(key) and store.read_bytes(key) == data:
        return False
    store.write_bytes(key, data)
    return True
