"""Backup: the registry and what latest needs, in a second root; proven by a restore every time, and the way back.

    backups/STAMP/registry/TABLE.csv.zst   every table of the registry, from one snapshot
    backups/STAMP/backup.json              written last, once the tables were restored elsewhere and compared
    store/                                 a store of its own: manifests, verdicts, states, pointers, and the files of
                                           latest and of the version before it

A backup without backup.json counts as none. The files of a version never change, so a backup copies only those that
no earlier one did, and each is compared with its checksum on the way. Raw is not copied: it is what a candidate is
built from, not what consumers read, and can be had from the upstream again.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from include import arguments
from include.operations import rebuild
from include.publishing import manifest as manifests
from include.publishing import pointers, serving, shape
from include.publishing.manifest import AlteredFile, Manifest, TableEntry
from include.registry import actions, dump, versions
from include.registry.actions import insert_action
from include.registry.connection import Connect
from include.registry.dump import DumpedTable
from include.registry.registry import Registry
from include.registry.versions import Latest
from include.storage.listing import Entry, listing
from include.storage.store import Store, StoredFile, safe_key

BACKUPS = "backups"
RECORD = "backup.json"
KEEP = 30
"""So many backups stay."""
YOUNG = timedelta(days=7)
"""None younger than this goes, however many there are."""
SKEW = timedelta(hours=1)
"""The clocks of two stores may differ by less than this."""
_SMALL = {"manifest.json", "gate.json", "state.json"}
_BACKUP_LOCK = 0x6C676261  # any constant of our own: two backups at once could remove each other's files
log = logging.getLogger(__name__)

Progress = Callable[[str], None]


class BackupRefused(ValueError):
    """A backup may not be taken: it would replace good ones with less, or has no place of its own."""


class RestoreRefused(ValueError):
    """A restore would take consumers back without need, or cannot be done by this code."""


class LostFile(AlteredFile):
    """A file is gone."""


class NoBackup(LookupError):
    """There is no such backup, or none that holds the file."""


class Seconds(msgspec.Struct, frozen=True, kw_only=True):
    """How long the parts of a backup took."""

    dump: float
    copy: float
    verify: float


class Good(msgspec.Struct, frozen=True, kw_only=True):
    """The version of a source that was latest."""

    version: str
    previous: str | None
    """The version before it, where its files are in the backup too."""
    as_of: datetime
    manifest_sha256: str


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """backup.json: a backup that was restored once and found equal."""

    stamp: str
    """Its name: when it was begun, as 20260731T020000Z."""
    taken_at: datetime
    revision: str
    """Revision of the registry's schema."""
    code_version: str
    tables: tuple[DumpedTable, ...]
    """In an order in which they can be loaded."""
    latest: dict[str, Good]
    """What consumers read then, by source."""
    files: int
    """What latest and the version before it reference, and the size together."""
    bytes: int
    copied_files: int
    """Those that no earlier backup had."""
    copied_bytes: int
    seconds: Seconds
    damaged: tuple[str, ...] = ()
    """What was not copied, a sentence each: files that were altered, of versions that are not latest."""

    @property
    def rows(self) -> int:
        """Rows of the registry."""
        return sum(table.rows for table in self.tables)

    @property
    def dumped_bytes(self) -> int:
        """Size of the registry's dump, compressed."""
        return sum(table.file.bytes for table in self.tables)

    @property
    def facts(self) -> dict[str, Any]:
        """What a person wants to know of it: JSON types only."""
        return {
            "stamp": self.stamp,
            "rows": self.rows,
            "dumped_bytes": self.dumped_bytes,
            "files": self.files,
            "bytes": self.bytes,
            "copied_files": self.copied_files,
            "copied_bytes": self.copied_bytes,
            "versions": {source: good.version for source, good in self.latest.items()},
            "took": msgspec.to_builtins(self.seconds),
            "damaged": list(self.damaged),
        }

    def age(self, now: datetime) -> timedelta:
        """What would be lost if everything but the backup were."""
        return now - self.taken_at


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore brought back for latest, and the seconds until consumers could read again."""

    stamp: str
    taken_at: datetime
    latest: dict[str, str]
    rows: int
    files: int
    bytes: int
    seconds: float


def store_of(root: Store) -> Store:
    """The store that the second root holds: readable, and restorable by rebuild-registry, by itself."""
    return Store(root.fs, f"{root.root}/store")


def backups(root: Store) -> list[Backup]:
    """All verified backups, newest first."""
    return [_read(root, stamp) for stamp, whole in _stamps(root).items() if whole]


def newest(root: Store) -> Backup | None:
    """The newest verified backup, or None where there is none."""
    found = next((stamp for stamp, whole in _stamps(root).items() if whole), None)
    return _read(root, found) if found else None


def backup(
    store: Store,
    registry: Registry,
    root: Store,
    *,
    now: datetime,
    code_version: str,
    scratch: Connect | None = None,
    keep: int = KEEP,
    progress: Progress = log.info,
) -> Backup:
    """Dump the registry, copy what latest needs, restore the dump elsewhere and compare, then remove old backups.

    The dump is restored into a database made for it on the registry's server, for which the registry's user needs
    CREATEDB; or, where `scratch` is given, into schema `lastgood` of that database, in a transaction that is rolled
    back. Memory is constant.

    Raises BackupRefused (the registry has lost what the newest backup holds, another backup is under way, the root
    is inside the store, no scratch database), dump.DamagedDump where the restore differs, AlteredFile where a file
    of latest is damaged. A damaged file of another version stands in the backup's `damaged`; what the root has of it
    from before stays.
    """
    _check_place(store, root)
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    if root.exists(_record_key(stamp)):
        raise BackupRefused(f"There is a backup {stamp} already; wait a second.")
    with _alone(registry) as connection:
        began = time.monotonic()
        with dump.snapshot(connection) as cursor:
            _refuse_less(cursor, root)
            revision, latest, known = (
                dump.revision(cursor),
                versions.all_latest(cursor),
                versions.manifests(cursor),
            )
            root.delete_tree(safe_key(BACKUPS, stamp))
            tables = dump.write(cursor, root, safe_key(BACKUPS, stamp, "registry"))
        dumped = time.monotonic()
        progress(f"dumped {sum(table.rows for table in tables)} rows of the registry")
        copied = _copy_store(store, store_of(root), latest, known, progress)
        there = time.monotonic()
        _prove(registry, root, tables, revision, scratch, now)
        done = Backup(
            stamp=stamp,
            taken_at=now,
            revision=revision,
            code_version=code_version,
            tables=tables,
            latest=copied.latest,
            files=len(copied.needed),
            bytes=sum(file.bytes for file in copied.needed),
            copied_files=len(copied.new),
            copied_bytes=sum(file.bytes for file in copied.new),
            seconds=Seconds(
                dump=round(dumped - began, 2),
                copy=round(there - dumped, 2),
                verify=round(time.monotonic() - there, 2),
            ),
            damaged=tuple(copied.damaged),
        )
        root.write_bytes(_record_key(stamp), msgspec.json.format(msgspec.json.encode(done), indent=1))
        progress(f"backup {stamp} was restored into a scratch database and is equal")
        _prune(root, known, keep, now)
        for each in (root, store_of(root)):
            each.sweep_scratch(now - dump.LEFT_BEHIND)
    return done


def restore(
    root: Store,
    store: Store,
    registry: Registry,
    *,
    who: str,
    stamp: str | None = None,
    progress: Progress = log.info,
) -> Restored:
    """Bring back a backup (by default the newest) into an empty registry and an empty or partial store.

    Files first, each against its checksum; then, in one transaction, the registry and the serving tables; then the
    pointers. A kill anywhere leaves an empty registry, and doing it again goes on. At the end latest of every
    source is read from the store and the database and compared. The act is kept in lastgood.action under `who`.
    Other forms of a source (site/…) are not part of it: call steps.export for each source of `latest` afterwards.

    Raises NoBackup, rebuild.RegistryInUse, RestoreRefused where the store is ahead of the backup, dump.DamagedDump
    or AlteredFile where the backup itself is damaged.
    """
    arguments.check(who=who, stamp=stamp)
    began = time.monotonic()
    chosen = _choose(root, stamp)
    held = store_of(root)
    with registry.transaction() as cursor:
        rebuild.require_empty(cursor)
    _refuse_ahead(store, chosen)
    files = _bring_files(held, store, chosen, progress)
    _restore_registry(root, store, registry, chosen, who)
    for source in chosen.latest:
        pointers.write(store, registry, source)
    _prove_readable(store, registry, chosen)
    seconds = time.monotonic() - began
    progress(f"consumers can read again after {seconds:.1f} s")
    _bring_others(held, store, registry, chosen, progress)
    return Restored(
        stamp=chosen.stamp,
        taken_at=chosen.taken_at,
        latest={source: good.version for source, good in chosen.latest.items()},
        rows=chosen.rows,
        files=len(files),
        bytes=sum(file.bytes for file in files),
        seconds=round(seconds, 2),
    )


def restore_file(root: Store, store: Store, key: str) -> StoredFile:
    """Bring back one damaged or lost file: a data file of latest or of the version before it, or any manifest.

    Raises NoBackup where no backup holds it, AlteredFile or ValueError where the backup's copy is damaged too.
    """
    held = store_of(root)
    source, version, rest = _parts(key)
    for one in backups(root):
        if source not in one.latest:
            continue
        good = one.latest[source]
        sealed = manifests.manifest_key(source, good.version)
        if key == sealed:
            size = held.size(key)
            found: StoredFile | None = StoredFile(path=key, bytes=size, sha256=good.manifest_sha256)
        elif rest == "manifest.json":
            found = _manifest_file(held, source, version)
        else:
            versions = [name for name in (good.version, good.previous) if name]
            files = [each for name in versions for each in _references(manifests.require(held, source, name))]
            found = next((file for file in files if file.path == key), None)
        if found is not None:
            with store.scratch("restore-file") as folder:
                _copy(held, store, found, folder)
            return found
    raise NoBackup(
        f"No backup at {root.uri} holds {key!r}: it keeps the files of what was latest, by their key "
        "(versions/SOURCE/VERSION/TABLE/part-00000.parquet). Roll back, or run the DAG again."
    )


def _manifest_file(held: Store, source: str, version: str) -> StoredFile | None:
    """The manifest of any version, as the backup has it; that it can be read is its only proof."""
    if manifests.read(held, source, version) is None:
        return None
    key = manifests.manifest_key(source, version)
    return StoredFile(path=key, bytes=held.size(key), sha256=held.sha256(key))


# --- what a backup does ---


def _check_place(store: Store, root: Store) -> None:
    inner, outer = f"{root.uri}/", f"{store.uri}/"
    if inner.startswith(outer) or outer.startswith(inner):
        raise BackupRefused(
            f"The backup's root {root.uri} and the store {store.uri} lie within one another; what destroys the one "
            "destroys the other. Set lastgood_backup_root to another disk or bucket."
        )


@contextmanager
def _alone(registry: Registry) -> Iterator[psycopg.Connection[Any]]:
    """A connection that keeps other backups out to the end of the block, or until a kill closes it."""
    with registry.connect() as connection:
        connection.autocommit = True
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_BACKUP_LOCK,)).fetchone()
        if row != (True,):
            raise BackupRefused("Another backup of this registry is under way; wait for it.")
        try:
            yield connection
        finally:
            # The server may notice the connection's end only after the next backup asked for the lock. Where it is
            # broken, its lock ends with it, and why it broke is what is told.
            with suppress(psycopg.Error):
                connection.execute("SELECT pg_advisory_unlock(%s)", (_BACKUP_LOCK,))


def _refuse_less(cursor: dump.Cursor, root: Store) -> None:
    """A backup that is taken after a loss must not push out those from before it."""
    before = newest(root)
    lost = before.latest.keys() - {one.source for one in versions.all_latest(cursor)} if before else set()
    if before and lost:
        raise BackupRefused(
            f"The registry knows no last good version of {', '.join(sorted(lost))}, but the backup {before.stamp} "
            "does: it was lost since then. Restore it first; or, where it is meant, give the backup an empty root."
        )


@dataclass
class _Copied:
    """What the copying came to: latest of each source, the files that it and its predecessor need, the new ones, and
    what is damaged of other versions."""

    latest: dict[str, Good] = field(default_factory=dict)
    needed: list[StoredFile] = field(default_factory=list)
    new: list[StoredFile] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def _copy_store(
    store: Store,
    held: Store,
    latest: Iterable[Latest],
    known: Mapping[tuple[str, str], str],
    progress: Progress,
) -> _Copied:
    """Bring the second root's store up to date."""
    there = listing(held, "versions")
    done = _Copied()
    last: list[pointers.Pointer] = []
    good = {(one.source, one.version) for one in latest}
    with held.scratch("backup") as folder:
        done.damaged += _copy_small(store, held, there, known, good, folder)
        for one in latest:
            manifest = manifests.require(held, one.source, one.version)
            files = {file.path: file for file in _references(manifest)}
            new = _copy_new(store, held, there, files.values(), folder)
            before = manifests.read(held, one.source, one.previous) if one.previous else None
            if before:
                of_before = {file.path: file for file in _references(before) if file.path not in files}
                try:
                    new += _copy_new(store, held, there, of_before.values(), folder)
                    files |= of_before
                except AlteredFile as error:
                    # It may go missing without harm to consumers; that it was altered people are told.
                    before = None
                    done.damaged += [] if isinstance(error, LostFile) else [str(error)]
            progress(f"{one.source}: {len(new)} of {len(files)} files were new")
            done.needed += files.values()
            done.new += new
            done.latest[one.source] = Good(
                version=one.version,
                previous=one.previous if before else None,
                as_of=one.as_of,
                manifest_sha256=known[one.source, one.version],
            )
            last.append(
                pointers.Pointer(
                    **asdict(one),
                    schema_version=manifest.schema_version,
                    tables=manifest.tables,
                    attachments=manifest.attachments,
                )
            )
    # Last: a reader of this store never meets a pointer whose files are still to come.
    for pointer in last:
        held.write_bytes(pointers.pointer_key(pointer.source), msgspec.json.encode(pointer))
    return done


def _copy_new(
    store: Store, held: Store, there: Mapping[str, Entry], files: Iterable[StoredFile], folder: Path
) -> list[StoredFile]:
    """Copy the files that the second root does not have, and return which. Raises AlteredFile."""
    new = [file for file in files if _differs(there, file)]
    for file in new:
        _copy(store, held, file, folder)
    return new


def _references(manifest: Manifest) -> list[StoredFile]:
    """Every file that a manifest speaks of, raw apart: tables, lists of changes, refused rows."""
    beside = (manifest.quarantine.file, *(change.keys for change in manifest.changes))
    return [*manifest.files, *(file for file in beside if file)]


def _copy_small(
    store: Store,
    held: Store,
    there: Mapping[str, Entry],
    known: Mapping[tuple[str, str], str],
    good: Collection[tuple[str, str]],
    folder: Path,
) -> list[str]:
    """Manifests, verdicts and state records of every version the registry knows; returns what is damaged of them.

    Raises AlteredFile for those of a good version. Others may be gone since they were listed, by retention.
    """
    damaged = []
    for key, entry in listing(store, "versions").items():
        source, version, rest = _parts(key)
        if (source, version) not in known or rest not in _SMALL:
            continue
        copy = there.get(key)
        # A manifest never changes; the others may without changing their size.
        changes = rest != "manifest.json"
        if copy and copy.bytes == entry.bytes and not (changes and entry.modified > copy.modified - SKEW):
            continue
        try:
            if changes:
                held.write_bytes(key, store.read_bytes(key))
            else:
                sealed = known[source, version]
                _copy(store, held, StoredFile(path=key, bytes=entry.bytes, sha256=sealed), folder)
        except (FileNotFoundError, AlteredFile) as error:
            if (source, version) in good:
                raise
            damaged += [] if isinstance(error, FileNotFoundError | LostFile) else [str(error)]
    return damaged


def _differs(there: Mapping[str, Entry], file: StoredFile) -> bool:
    return file.path not in there or there[file.path].bytes != file.bytes


def _copy(source: Store, target: Store, file: StoredFile, folder: Path) -> None:
    """Copy one file and prove it before it takes its place. Raises AlteredFile."""
    local, digest = folder / "copy", hashlib.sha256()
    try:
        with source.open(file.path) as reader, local.open("wb") as writer:
            while block := reader.read(1 << 20):
                digest.update(block)
                writer.write(block)
    except FileNotFoundError as error:
        raise LostFile(f"{source.uri}/{file.path} is missing.") from error
    if digest.hexdigest() != file.sha256:
        raise AlteredFile(
            f"{source.uri}/{file.path} was altered: SHA-256 {digest.hexdigest()[:12]}… instead of "
            f"{file.sha256[:12]}…."
        )
    target.put(local, file.path)


def _prove(
    registry: Registry,
    root: Store,
    tables: tuple[DumpedTable, ...],
    revision: str,
    scratch: Connect | None,
    now: datetime,
) -> None:
    if scratch is not None:
        dump.check(scratch, root, tables, revision)
        return
    with dump.scratch_database(registry.connect, now) as fresh:
        dump.check(fresh, root, tables, revision)


def _prune(root: Store, known: Iterable[tuple[str, str]], keep: int, now: datetime) -> None:
    """Remove old backups, the rest of those that were killed, and files that no backup needs any more."""
    kept = [one for rank, one in enumerate(backups(root)) if rank < keep or one.age(now) < YOUNG]
    stamps = {one.stamp for one in kept}
    for stamp in _stamps(root):
        if stamp not in stamps:
            # The record first, so that half a backup does not look whole.
            root.delete(_record_key(stamp))
            root.delete_tree(safe_key(BACKUPS, stamp))
    held = store_of(root)
    good = {
        (source, version)
        for backup in kept
        for source, one in backup.latest.items()
        for version in (one.version, one.previous)
        if version
    }
    needed = {
        file.path
        for source, version in good
        for file in _references(manifests.require(held, source, version))
    }
    small = good | set(known)
    for key in held.list("versions"):
        source, version, rest = _parts(key)
        if key not in needed and not (rest in _SMALL and (source, version) in small):
            held.delete(key)


# --- what a restore does ---


def _choose(root: Store, stamp: str | None) -> Backup:
    if stamp is None:
        found = newest(root)
        if found is None:
            raise NoBackup(f"There is no verified backup at {root.uri}.")
        return found
    if not root.exists(_record_key(stamp)):
        names = ", ".join(one.stamp for one in backups(root)) or "none"
        raise NoBackup(f"There is no verified backup {stamp} at {root.uri}; there are: {names}.")
    return _read(root, stamp)


def _refuse_ahead(store: Store, chosen: Backup) -> None:
    """Where the store is newer than the backup, a restore would take consumers back without need."""
    for source, good in chosen.latest.items():
        pointer = pointers.read_pointer(store, source)
        if pointer is not None and pointer.version != good.version and pointer.since > chosen.taken_at:
            raise RestoreRefused(
                f"In the store at {store.uri} latest of {source} is {pointer.version}, published after the backup "
                f"{chosen.stamp} was taken. Where the store is whole, rebuild-registry loses nothing; where that "
                f"version is damaged, remove {pointers.pointer_key(source)} and restore again."
            )


def _bring_files(held: Store, store: Store, chosen: Backup, progress: Progress) -> list[StoredFile]:
    """The small files of all versions, and the data files of latest, as far as the store does not have them."""
    there = listing(store, "versions")
    for key, entry in listing(held, "versions").items():
        if _parts(key)[2] in _SMALL and (key not in there or there[key].bytes != entry.bytes):
            store.write_bytes(key, held.read_bytes(key))
    wanted: list[StoredFile] = []
    with store.scratch("restore") as folder:
        for source, good in chosen.latest.items():
            sealed = manifests.manifest_key(source, good.version)
            if held.sha256(sealed) != good.manifest_sha256:
                raise AlteredFile(f"{held.uri}/{sealed} was altered; choose another backup.")
            store.write_bytes(sealed, held.read_bytes(sealed))
            files = _references(manifests.require(store, source, good.version))
            for number, file in enumerate(files, 1):
                if _differs(there, file) or store.sha256(file.path) != file.sha256:
                    _copy(held, store, file, folder)
                if number % 100 == 0:
                    progress(f"{source}: {number} of {len(files)} files")
            progress(f"{source}: the {len(files)} files of {good.version} are there")
            wanted += files
    return wanted


def _restore_registry(root: Store, store: Store, registry: Registry, chosen: Backup, who: str) -> None:
    """Tables as they were, the schema of this code, and the serving tables, all in one transaction."""
    latest = [manifests.require(store, source, good.version) for source, good in chosen.latest.items()]
    for manifest in latest:
        serving.prepare(registry, store, manifest, forward=False)
    with dump.transaction(registry.connect, keep=True) as (cursor, upgrade):
        rebuild.require_empty(cursor)
        dump.clear(cursor)
        try:
            upgrade(chosen.revision)
        except dump.UnknownRevision as error:
            raise RestoreRefused(
                f"The backup {chosen.stamp} was taken at revision {chosen.revision} of the registry by release "
                f"{chosen.code_version}, which this release does not know. Restore with that one or a newer one."
            ) from error
        dump.load(cursor, root, chosen.tables)
        upgrade("head")
        # What was decided before the backup is no news: who took it, or the watch of that time, has told of it.
        actions.mark_told(cursor)
        for manifest in latest:
            serving.serve(cursor, store, manifest, forward=False)
        insert_action(
            cursor,
            who=who,
            what="restore",
            source="lastgood",
            version=None,
            reason=f"backup {chosen.stamp} at {root.uri}",
        )


def _prove_readable(store: Store, registry: Registry, chosen: Backup) -> None:
    """Consumers of files and of SQL find latest of every source. Raises AlteredFile or dump.DamagedDump."""
    for source, good in chosen.latest.items():
        pointer = pointers.read_pointer(store, source)
        if pointer is None or pointer.version != good.version:
            raise dump.DamagedDump(f"{pointers.pointer_key(source)} does not lead to {good.version}.")
        manifests.verify(store, manifests.require(store, source, good.version))
        with registry.transaction() as cursor:
            for entry in pointer.tables:
                if entry.serve:
                    _prove_served(cursor, source, entry)


def _prove_served(cursor: dump.Cursor, source: str, entry: TableEntry) -> None:
    table = sql.Identifier(shape.SCHEMA, shape.table_name(source, entry.name))
    cursor.execute(sql.SQL("SELECT count(*) AS rows FROM {}").format(table))
    row = cursor.fetchone()
    if row != {"rows": entry.rows}:
        raise dump.DamagedDump(
            f"the serving table of {source}.{entry.name} has {row} instead of {entry.rows} rows."
        )


def _bring_others(held: Store, store: Store, registry: Registry, chosen: Backup, progress: Progress) -> None:
    """The other published versions, to roll back to and to compare with, as far as the backup holds them whole."""
    here, there = listing(store, "versions"), listing(held, "versions")
    with store.scratch("restore") as folder:
        for source in chosen.latest:
            for row in registry.versions(source):
                manifest = manifests.read(held, source, row.version) if row.published_at else None
                if manifest is None or not all(file.path in there for file in _references(manifest)):
                    continue
                missing = [file for file in _references(manifest) if file.path not in here]
                try:
                    for file in missing:
                        _copy(held, store, file, folder)
                except AlteredFile as error:
                    # Consumers read latest already, and a restore cannot be done twice.
                    progress(f"{source}: {row.version} is not whole: {error}")
                    continue
                here |= {file.path: there[file.path] for file in missing}
                progress(f"{source}: {row.version} is whole")


def _record_key(stamp: str) -> str:
    return safe_key(BACKUPS, stamp, RECORD)


def _stamps(root: Store) -> dict[str, bool]:
    """Names of all backups, newest first, and whether each is whole."""
    keys = set(root.list(BACKUPS))
    names = sorted({key.split("/")[1] for key in keys}, reverse=True)
    return {name: f"{BACKUPS}/{name}/{RECORD}" in keys for name in names}


def _parts(key: str) -> tuple[str, str, str]:
    """Source, version and the rest of a key below versions/."""
    _, source, version, rest = [*key.split("/", 3), "", "", ""][:4]
    return source, version, rest


def _read(root: Store, stamp: str) -> Backup:
    key = _record_key(stamp)
    try:
        return msgspec.json.decode(root.read_bytes(key), type=Backup)
    except msgspec.DecodeError as error:
        raise ValueError(f"{root.uri}/{key} is not a record of a backup: {error}") from error
