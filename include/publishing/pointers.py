"""What the store repeats of the registry: latest/SOURCE.json for readers, state.json beside each manifest.

Readers of files need one read of latest/SOURCE.json to know every file of every table. The state records are
what rebuild.py restores the registry from; both are written after the transaction that they speak of, and
writing them again repairs what a kill left undone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec

from include.errors import NonRetryable
from include.publishing import manifest as manifests
from include.publishing.manifest import Attachment, Manifest, TableEntry
from include.registry.locks import is_moving, lock_latest
from include.registry.registry import Registry
from include.registry.versions import Latest, Version
from include.storage.conditional import Replaces
from include.storage.store import NotAFile, Store, StoredFile, UnsafePath, safe_key


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """latest/SOURCE.json: what consumers of files read."""

    source: str
    version: str
    previous: str | None
    as_of: datetime
    since: datetime
    schema_version: int
    tables: tuple[TableEntry, ...]
    attachments: tuple[Attachment, ...] = ()
    generation: int = 0
    """How often latest was moved until then: a pointer of a smaller number is older. 0 where none was counted yet."""
    beside: tuple[str, ...] = ()
    """Files of the version that no reader of tables needs, but that stay as long as it is latest."""

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """All that consumers of files may read."""
        return (*(file for table in self.tables for file in table.files), *self.attachments)


class OlderRegistry(NonRetryable, ValueError):
    """The registry does not know what consumers of the store read."""


class UnreadablePointer(ValueError):
    """What stands in the pointer's place is no pointer."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """state.json: what the registry knows of a version beyond its manifest."""

    state: str
    published_at: datetime | None
    publish_attempts: int
    publish_error: str | None
    accepted_by: str | None
    accepted_reason: str | None
    pinned_reason: str | None
    accepted_verdict_sha256: str | None = None


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
    """What consumers of files see, or None before the first promotion.

    Raises UnreadablePointer for whatever else stands in its place: other bytes, a folder, a pipe.
    """
    key = pointer_key(source)
    try:
        return msgspec.json.decode(store.read_bytes(key), type=Pointer)
    except FileNotFoundError:
        return None
    except (NotAFile, UnsafePath, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise UnreadablePointer(f"{key} cannot be read as a pointer to latest: {error}") from error


def agreed(store: Store, registry: Registry, source: str) -> Pointer | None:
    """The pointer, proven to be no newer than the registry; None where there is none.

    Raises OlderRegistry where the store knows of a later promotion: the registry was lost, restored or mixed up, and
    whoever acted by it would take from readers what they read. Raises UnreadablePointer.
    """
    # In this order, since a promotion writes the registry first: one that comes between looks like no trouble.
    pointer, latest = read_pointer(store, source), registry.latest(source)
    if pointer is not None:
        _refuse_newer(store, registry, pointer, latest)
    return pointer


def settle(store: Store, registry: Registry, source: str) -> list[str]:
    """Make the pointer lead to the registry's latest, before a run begins and before anybody moves latest.

    One that is missing, cannot be read or is behind is written again; a folder in its place is put aside. Returns the
    pointer's key where it was written. Raises OlderRegistry where the pointer is ahead of the registry, or where the
    registry knows nothing of this source.
    """
    with registry.session(), registry.transaction() as cursor:
        lock_latest(cursor, source, "look at the pointer of")
        return settle_locked(store, registry, source)


def settle_locked(store: Store, registry: Registry, source: str) -> list[str]:
    """The same for who holds the lock of latest."""
    latest = registry.latest(source)
    try:
        pointer = read_pointer(store, source)
    except UnreadablePointer as error:
        if latest is None:
            raise OlderRegistry(
                f"{error}; the registry knows no version of {source} either. {_REMEDY}"
            ) from error
        pointer = None
    if pointer is not None:
        _refuse_newer(store, registry, pointer, latest)
    elif latest is not None and not store.exists(manifests.manifest_key(source, latest.version)):
        raise OlderRegistry(
            f"{store.uri} is the store of another registry, or was emptied: it has neither {pointer_key(source)} nor "
            f"the manifest of {latest.version}, which is latest. {_WRONG} Or bring the files back: docs/backup.md."
        )
    if latest is not None and (
        pointer is None or (pointer.version, pointer.generation) != (latest.version, latest.generation)
    ):
        wanted = pointer_of(latest, manifests.require(store, source, latest.version))
        if store.swap(pointer_key(source), encoded(wanted), older_than(wanted)):
            return [pointer_key(source)]
    return []


def settle_at_rest(store: Store, registry: Registry, source: str) -> None:
    """The same for a step of a run: where somebody moves latest at this moment, their pointer is left to them.

    Raises OlderRegistry, and UnreadablePointer while somebody is about to mend it.
    """
    if is_moving(registry, source):
        agreed(store, registry, source)
    else:
        settle(store, registry, source)


_REMEDY = (
    "If the registry was lost or restored from a backup, run rebuild-registry on an empty one (docs/runbook.md); if "
    "this is the store of another registry, set lastgood_root or lastgood_registry right. Until then nothing changes."
)


_WRONG = "Set lastgood_root or lastgood_registry right. Until then nothing changes."


def _refuse_newer(store: Store, registry: Registry, pointer: Pointer, latest: Latest | None) -> None:
    """Raise OlderRegistry for a pointer that the registry has not written."""
    if latest is not None and registry.knows(pointer.source, pointer.version):
        if pointer.generation == 0:  # written before latest was counted
            newer = pointer.version != latest.version and pointer.since > latest.since
        else:
            newer = pointer.generation > latest.generation or (
                pointer.generation == latest.generation and pointer.version != latest.version
            )
        if not newer:
            return
    elif latest is not None and not store.exists(manifests.manifest_key(latest.source, latest.version)):
        raise OlderRegistry(
            f"{store.uri} is the store of another registry: its {pointer_key(pointer.source)} speaks of "
            f"{pointer.version}, which this registry never knew, and {latest.version}, which this registry has as "
            f"latest, is not in it. {_WRONG}"
        )
    known = f"{latest.version}, move {latest.generation}" if latest else "nothing"
    raise OlderRegistry(
        f"{pointer_key(pointer.source)} speaks of {pointer.version}, published {pointer.since:%Y-%m-%d %H:%M} UTC, "
        f"move {pointer.generation} of latest; the registry of {known}: the registry is older than the store. {_REMEDY}"
    )


def pointer_of(latest: Latest, manifest: Manifest) -> Pointer:
    """What latest/SOURCE.json says while a version is latest."""
    return Pointer(
        source=latest.source,
        version=latest.version,
        previous=latest.previous,
        as_of=latest.as_of,
        since=latest.since,
        schema_version=manifest.schema_version,
        tables=manifest.tables,
        attachments=manifest.attachments,
        generation=latest.generation,
        beside=tuple(change.keys.path for change in manifest.changes if change.keys),
    )


def encoded(record: msgspec.Struct) -> bytes:
    """A record as it stands in the store."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1)


def older_than(pointer: Pointer) -> Replaces:
    """Whether what stands in the pointer's place may make way: all but the same, and one of a later move of latest.

    So a process that was frozen before it could write its pointer does not take latest back when it wakes.
    """
    data = encoded(pointer)

    def replaces(present: bytes | None) -> bool:
        if present is None:
            return True
        try:
            return (
                present != data
                and msgspec.json.decode(present, type=Pointer).generation <= pointer.generation
            )
        except (UnicodeDecodeError, msgspec.DecodeError):
            return True

    return replaces


def read_state(store: Store, source: str, version: str) -> State | None:
    """The state record of a version, or None where none was written yet."""
    key = state_key(source, version)
    return msgspec.json.decode(store.read_bytes(key), type=State) if store.exists(key) else None


def write(
    store: Store, registry: Registry, source: str, versions: Collection[str] | None = None
) -> list[str]:
    """Bring the pointer and the state records of versions (by default all) to what the registry says.

    Only what differs is written, so doing it again repairs what a kill left undone; returns the keys that were.
    Latest is locked meanwhile, and who has lost the lock (it was frozen for too long) writes nothing more. Raises
    OlderRegistry, see settle().
    """
    with registry.session(), registry.transaction() as cursor:
        lock_latest(cursor, source, "write the pointer of")
        written = settle_locked(store, registry, source)

        def differs(data: bytes) -> Replaces:
            def replaces(present: bytes | None) -> bool:
                cursor.execute("SELECT 1")
                return present != data

            return replaces

        latest = registry.latest(source)
        recorded = []
        for version in registry.versions(source, among=versions):
            if store.exists(manifests.manifest_key(source, version.version)):
                key, data = state_key(source, version.version), encoded(state_of(version))
                if not _stands(store, key, data) and store.swap(key, data, differs(data)):
                    written.append(key)
                recorded.append(version)
        registry.note_recorded(recorded)
        if latest is not None:
            pointer = pointer_of(latest, manifests.require(store, source, latest.version))
            key, data = pointer_key(source), encoded(pointer)
            if not _stands(store, key, data) and store.swap(key, data, older_than(pointer)):
                written.append(key)
    return written


def _stands(store: Store, key: str, data: bytes) -> bool:
    """Whether these bytes stand there already."""
    try:
        return store.read_bytes(key) == data
    except (FileNotFoundError, NotAFile, UnsafePath):
        return False
