"""The store: raw, candidates and the pointer to latest, on a local disk or in S3.

Every key is relative to the store's root and passes one safe join, so nothing that comes from data or a
parameter can name a file outside it. Writes are atomic: a reader sees the old bytes or the new ones.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import fsspec
import msgspec
from fsspec.implementations.local import LocalFileSystem

from include.storage import scratch
from include.storage.conditional import UNFINISHED, Disk, ObjectStore, Replaces
from include.storage.remote import Remote, RemoteFileSystem, StoreError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.fs as pafs

VERSIONS = "versions"
POINTERS = "latest"
RAW = "raw"
"""Folder of what upstreams said, unredacted. On a disk its owner alone may enter it."""
OWNER_ONLY = 0o600
REFUSED = "_quarantine"
"""How files of refused records begin, which are such too; on a disk their owner alone may read them."""
_SEGMENT = re.compile(r"[A-Za-z0-9._=@+-]{1,200}")


class UnsafePath(ValueError):
    """A key that could leave the store's root, or that no file system of ours can hold."""


class StillReferenced(ValueError):
    """What was to be deleted belongs to latest, as its pointer says."""


class NotAFile(OSError):
    """Something else stands where a file should."""


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as the store holds it: its key, size in bytes and SHA-256 in hex."""

    path: str
    bytes: int
    sha256: str


def safe_key(*parts: str) -> str:
    """Join parts to a key below the root.

    Raises UnsafePath for absolute parts, `..`, empty segments and characters outside A-Z a-z 0-9 . _ = @ + -.
    """
    key = "/".join(parts)
    for segment in key.split("/"):
        if segment in {".", ".."} or not _SEGMENT.fullmatch(segment):
            raise UnsafePath(
                f"{key!r} is not a path inside the store: the segment {segment!r} is refused. "
                "Use letters, digits and . _ = @ + - between single slashes."
            )
    return key


def is_private(key: str) -> bool:
    """Whether a file holds what an upstream said, as it came: raw landings and refused records."""
    return key.startswith(f"{RAW}/") or key.rpartition("/")[2].startswith(REFUSED)


class Store:
    """Files below one root, through any fsspec file system (file:// and s3:// are tested).

    Whatever fails raises an OSError: FileNotFoundError only where a file is not there, for a remote store StoreError.
    """

    def __init__(self, fs: fsspec.AbstractFileSystem | Remote, root: str) -> None:
        self.local = isinstance(fs, LocalFileSystem)
        self.fs: Any = fs if self.local or isinstance(fs, Remote) else RemoteFileSystem(fs)
        self.root = os.path.realpath(root) if self.local else root.rstrip("/")

    @classmethod
    def from_uri(cls, uri: str, **options: Any) -> Store:
        """Open `file:///path` or `s3://bucket/prefix`; options go to fsspec (endpoint, key, secret, …).

        The path stands there as it is: `%20` is no blank (Path.as_uri writes it so; of_folder takes a path).
        """
        if "://" not in uri:  # fsspec would take it for a folder beside the working one
            raise ValueError(f"{uri!r} is no root of a store; give file:///a/folder or s3://bucket/prefix.")
        fs, root = fsspec.core.url_to_fs(uri, **options)
        return cls(fs, root)

    @classmethod
    def of_folder(cls, folder: Path) -> Store:
        """Open a folder of this machine, whatever letters its path has."""
        return cls.from_uri(f"file://{folder.absolute()}")

    @property
    def uri(self) -> str:
        """The root as a person writes it."""
        return str(self.fs.unstrip_protocol(self.root))

    @property
    def faults(self) -> int:
        """How often the file system has failed so far, where it is remote."""
        return 0 if self.local else int(self.fs.faults)

    def key(self, *parts: str) -> str:
        """Join parts to a safe key (see safe_key)."""
        return safe_key(*parts)

    def full(self, key: str) -> str:
        """The file system's own path of a key, proven to lie below the root (symbolic links resolved)."""
        path = f"{self.root}/{safe_key(key)}"
        if self.local and not os.path.realpath(path).startswith(self.root + os.sep):
            raise UnsafePath(f"{key!r} leads out of the store at {self.root} through a symbolic link.")
        return path

    def _place(self, key: str) -> str:
        """The path that a key is written at or removed from: its folder is proven, a link there not followed."""
        folder, _, name = key.rpartition("/")
        return f"{self.full(folder)}/{safe_key(name)}" if folder else self.full(key)

    def size(self, key: str) -> int:
        """Bytes of the file at the key. Raises FileNotFoundError."""
        return int(self.fs.size(self.full(key)))

    def exists(self, key: str) -> bool:
        """Whether a file stands at the key now. Raises OSError where that cannot be told."""
        self.fs.invalidate_cache()
        # Not isfile, which takes every error for an answer: a disk or bucket that fails would look empty.
        try:
            return bool(self.fs.info(self.full(key))["type"] == "file")
        except FileNotFoundError:
            return False

    def list(self, prefix: str) -> list[str]:
        """Keys of all files below a prefix, sorted; empty where there are none."""
        self.fs.invalidate_cache()
        start = len(self.full(prefix)) - len(prefix)
        return sorted(str(path)[start:] for path in self.fs.find(self.full(prefix)))

    def read_bytes(self, key: str) -> bytes:
        """The whole file. Raises FileNotFoundError, and NotAFile for a folder, or a pipe that would never end."""
        if self.local and not stat.S_ISREG(os.stat(self.full(key)).st_mode):  # noqa: PTH116
            raise NotAFile(f"{key} is no file")
        return bytes(self.fs.cat_file(self.full(key)))

    def open(self, key: str) -> IO[bytes]:
        """The file for streaming reads. Raises FileNotFoundError."""
        handle: IO[bytes] = self.fs.open(self.full(key), "rb")
        return handle

    def write_bytes(self, key: str, data: bytes) -> StoredFile:
        """Replace a file as a whole."""
        if self.local:
            target = self._target(key)
            # Not tempfile: its files are for one user, and consumers and web servers are others.
            fresh = target.parent / f"{UNFINISHED}{uuid.uuid4().hex}"
            fresh.touch(mode=_mode(key))
            fresh.write_bytes(data)
            _replace(fresh, target)
        else:
            self.fs.pipe_file(self._place(key), data)
        return StoredFile(path=key, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def create(self, key: str, data: bytes) -> StoredFile:
        """Write a file that must not be there. Raises FileExistsError."""
        if self.local:
            Disk(self.root).create(self._target(key), data, _mode(key))
        else:
            ObjectStore(self.fs, self.root).create(self._place(key), data)
        return StoredFile(path=key, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def prepare(self, key: str, data: bytes) -> Prepared:
        """Lay bytes down beside a file's place, ready to take it; a store that takes no writes fails here."""
        if self.local:
            disk, target = Disk(self.root), self._target(key)
            fresh = disk.prepare(target, data, _mode(key))
            return Prepared(
                lambda replaces: disk.switch(fresh, target, replaces), lambda: fresh.unlink(missing_ok=True)
            )
        full = self._place(key)
        objects = ObjectStore(self.fs, self.root)
        pending = objects.prepare(full, data)
        return Prepared(
            lambda replaces: objects.switch(full, data, replaces), lambda: self.fs.rm_file(pending)
        )

    def swap(self, key: str, data: bytes, replaces: Replaces) -> bool:
        """Replace a file if what stands there may be replaced, with nobody in between; whether it was."""
        if not self.local:
            return ObjectStore(self.fs, self.root).switch(self._place(key), data, replaces)
        with self.prepare(key, data) as prepared:
            return prepared.switch(replaces)

    def put(self, local: Path, key: str) -> StoredFile:
        """Move a local file into the store as a whole; the local file is gone afterwards."""
        with local.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        stored = StoredFile(path=key, bytes=local.stat().st_size, sha256=sha256)
        if self.local:
            target = self._target(key)
            if is_private(key):
                local.chmod(OWNER_ONLY)
            if local.stat().st_dev != target.parent.stat().st_dev:
                local = Path(shutil.move(local, target.parent / f"{UNFINISHED}{target.name}"))
            _replace(local, target)
        else:
            self.fs.put_file(str(local), self._place(key))
            local.unlink()
        return stored

    def _target(self, key: str) -> Path:
        """Where a file is to stand on the disk, in a folder that is there."""
        target = Path(self._place(key))
        if key.startswith(f"{RAW}/"):
            Path(self.root).mkdir(parents=True, exist_ok=True)
            # A folder that is there keeps its mode: an operator may have opened it to a group.
            Path(self.root, RAW).mkdir(mode=0o700, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def sha256(self, key: str) -> str:
        """SHA-256 of the bytes that stand at the key now, in hex."""
        with self.open(key) as handle:
            digest = hashlib.sha256()
            while block := handle.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()

    def stamp(self, key: str) -> str:
        """A cheap mark that changes whenever the file does (inode and change time, or ETag)."""
        self.fs.invalidate_cache()
        return str(self.fs.ukey(self.full(key)))

    def modified(self, key: str) -> datetime:
        """When the file was written."""
        found: datetime = self.fs.modified(self.full(key))
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def delete(self, *keys: str) -> None:
        """Remove files, of which some may not be there. Raises StillReferenced, and nothing goes, for latest's own."""
        self._spare_latest(keys)
        self.fs.invalidate_cache()
        paths = [self._place(key) for key in keys]
        if self.local:
            for path in paths:
                Path(path).unlink(missing_ok=True)
        elif paths:
            # Many in one request; those that are not there are no error. S3 refuses single files of many within an
            # answer that s3fs takes for a good one.
            self.fs.rm(paths)
            if left := [key for key in keys if self.exists(key)]:
                raise StoreError(f"{self.uri}: {len(left)} files were not removed, the first is {min(left)}.")

    def delete_tree(self, prefix: str) -> int:
        """Remove every file below a prefix and return how many there were. Raises StillReferenced, see delete()."""
        keys = self.list(prefix)
        self.delete(*keys)
        if self.local:
            for folder, _, _ in os.walk(self.full(prefix), topdown=False):
                # Not empty: somebody wrote meanwhile.
                with suppress(OSError):
                    Path(folder).rmdir()
        return len(keys)

    def _spare_latest(self, keys: Sequence[str]) -> None:
        owners = {parts[1] for key in keys if (parts := key.split("/"))[0] == VERSIONS and len(parts) > 2}  # noqa: PLR2004
        for source in owners:
            if spared := self._of_latest(source) & set(keys):
                raise StillReferenced(
                    f"{min(spared)} belongs to latest of {source}, as {POINTERS}/{source}.json says; nothing was "
                    "deleted."
                )

    def _of_latest(self, source: str) -> set[str]:
        """The files that readers of a source need, by its pointer. Raises StillReferenced where nobody can tell."""
        pointer = f"{POINTERS}/{source}.json"
        try:
            pointed = msgspec.json.decode(self.read_bytes(pointer), type=_Pointed)
        except FileNotFoundError:
            return set()
        except (NotAFile, UnsafePath, UnicodeDecodeError, msgspec.DecodeError) as error:
            raise StillReferenced(
                f"{pointer} cannot be read ({error}), so nobody knows what latest of {source} needs; nothing was "
                "deleted. Recovery writes it again from the registry."
            ) from error
        own = {f"{VERSIONS}/{source}/{pointed.version}/{name}.json" for name in ("manifest", "gate", "state")}
        files = [*(file for table in pointed.tables for file in table.files), *pointed.attachments]
        return own | {file.path for file in files} | set(pointed.beside)

    def sweep(self, before: datetime) -> tuple[str, ...]:
        """Remove files that a kill kept from being put in their place, if last written before a time; their keys.

        Only a disk has such files. Looks at every file of the store; links are not followed.
        """
        gone = []
        for parent, _, names in os.walk(self.root) if self.local else ():
            for path in (Path(parent, name) for name in names if name.startswith(UNFINISHED)):
                # Its writer may put it in its place meanwhile.
                with suppress(FileNotFoundError):
                    if path.lstat().st_mtime < before.timestamp():
                        path.unlink()
                        gone.append(str(path.relative_to(self.root)))
        return tuple(sorted(gone))

    def dataset(self, keys: Sequence[str], schema: pa.Schema) -> ds.Dataset:
        """The Parquet files at the keys as one Arrow dataset of a schema; a column that a file lacks is null.

        The schema of a table is manifest.entry_schema's: Arrow would take that of the first file, which may be a
        part from before a column was added.
        """
        return self._dataset(keys, schema)

    def parquet(self, key: str) -> ds.Dataset:
        """One Parquet file, with the columns that it has."""
        return self._dataset([key], None)

    def _dataset(self, keys: Sequence[str], schema: pa.Schema | None) -> ds.Dataset:
        import pyarrow.dataset as ds

        # Pre-buffering would hold whole files of any size in memory.
        streamed = ds.ParquetFileFormat(
            default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False)
        )
        return ds.dataset(
            [self.full(key) for key in keys], schema=schema, format=streamed, filesystem=self._arrow()
        )

    def _arrow(self) -> pafs.FileSystem:
        import pyarrow.fs as pafs

        return pafs.LocalFileSystem() if self.local else pafs.PyFileSystem(pafs.FSSpecHandler(self.fs))

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A local folder of this use alone for work in progress, removed at exit."""
        with scratch.folder(self._scratch, safe_key(name)) as folder:
            yield folder

    def sweep_scratch(self, before: datetime) -> tuple[Path, ...]:
        """Remove what kills left of scratch folders, if last written before a time; the files."""
        return scratch.sweep(self._scratch, before)

    @property
    def _scratch(self) -> Path:
        # On the store's own disk where it has one, so that put() is a rename.
        return scratch.base(Path(self.root if self.local else tempfile.gettempdir()))


def _mode(key: str) -> int:
    """How a file is made on a disk; the process's umask takes away from it."""
    return OWNER_ONLY if is_private(key) else 0o666


class Prepared:
    """Bytes that lie in the store and wait to take a file's place. Closing it throws away what did not."""

    def __init__(self, switch: Callable[[Replaces], bool], discard: Callable[[], None]) -> None:
        self.switch = switch
        """Take the place if what stands there may be replaced; whether it did. Raises conditional.Busy."""
        self._discard = discard

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        # An unfinished file more is no reason to fail; sweep() removes it.
        with suppress(OSError):
            self._discard()


class _PointedFile(msgspec.Struct, frozen=True):
    path: str


class _PointedTable(msgspec.Struct, frozen=True):
    files: tuple[_PointedFile, ...]


class _Pointed(msgspec.Struct, frozen=True):
    """As much of a pointer as tells what must not be deleted."""

    version: str
    tables: tuple[_PointedTable, ...]
    attachments: tuple[_PointedFile, ...] = ()
    beside: tuple[str, ...] = ()


def _replace(source: Path, target: Path) -> None:
    """Rename over the target; both the bytes and the name survive a power cut."""
    with source.open("rb") as handle:
        os.fsync(handle.fileno())
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
