"""The store: raw, candidates and the pointer to latest, on a local disk or in S3.

Every key is relative to the store's root and passes one safe join, so nothing that comes from data or a
parameter can name a file outside it. Writes are atomic: a reader sees the old bytes or the new ones.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import fsspec
import msgspec
from fsspec.implementations.local import LocalFileSystem

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.fs as pafs

SCRATCH = ".scratch"
UNFINISHED = ".new-"
"""How a file is named on a disk until it is whole."""
_SEGMENT = re.compile(r"[A-Za-z0-9._=@+-]{1,200}")


class UnsafePath(ValueError):
    """A key that could leave the store's root, or that no file system of ours can hold."""


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


class Store:
    """Files below one root, through any fsspec file system (file:// and s3:// are tested)."""

    def __init__(self, fs: fsspec.AbstractFileSystem, root: str) -> None:
        self.fs = fs
        self.local = isinstance(fs, LocalFileSystem)
        self.root = os.path.realpath(root) if self.local else root.rstrip("/")

    @classmethod
    def from_uri(cls, uri: str, **options: Any) -> Store:
        """Open `file:///path` or `s3://bucket/prefix`; options go to fsspec (endpoint, key, secret, …)."""
        fs, root = fsspec.core.url_to_fs(uri, **options)
        return cls(fs, root)

    @property
    def uri(self) -> str:
        """The root as a person writes it."""
        return str(self.fs.unstrip_protocol(self.root))

    def key(self, *parts: str) -> str:
        """Join parts to a safe key (see safe_key)."""
        return safe_key(*parts)

    def full(self, key: str) -> str:
        """The file system's own path of a key, proven to lie below the root (symbolic links resolved)."""
        path = f"{self.root}/{safe_key(key)}"
        if self.local and not os.path.realpath(path).startswith(self.root + os.sep):
            raise UnsafePath(f"{key!r} leads out of the store at {self.root} through a symbolic link.")
        return path

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
        """The whole file. Raises FileNotFoundError."""
        return bytes(self.fs.cat_file(self.full(key)))

    def open(self, key: str) -> IO[bytes]:
        """The file for streaming reads. Raises FileNotFoundError."""
        handle: IO[bytes] = self.fs.open(self.full(key), "rb")
        return handle

    def write_bytes(self, key: str, data: bytes) -> StoredFile:
        """Replace a file as a whole."""
        full = self.full(key)
        if self.local:
            target = Path(full)
            target.parent.mkdir(parents=True, exist_ok=True)
            # Not tempfile: its files are for one user, and consumers and web servers are others.
            fresh = target.parent / f"{UNFINISHED}{uuid.uuid4().hex}"
            fresh.write_bytes(data)
            _replace(fresh, target)
        else:
            self.fs.pipe_file(full, data)
        return StoredFile(path=key, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def put(self, local: Path, key: str) -> StoredFile:
        """Move a local file into the store as a whole; the local file is gone afterwards."""
        full = self.full(key)
        with local.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        stored = StoredFile(path=key, bytes=local.stat().st_size, sha256=sha256)
        if self.local:
            target = Path(full)
            target.parent.mkdir(parents=True, exist_ok=True)
            if local.stat().st_dev != target.parent.stat().st_dev:
                local = Path(shutil.move(local, target.parent / f"{UNFINISHED}{target.name}"))
            _replace(local, target)
        else:
            self.fs.put_file(str(local), full)
            local.unlink()
        return stored

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

    def delete(self, key: str) -> None:
        """Remove a file; nothing happens where there is none."""
        if self.exists(key):
            self.fs.rm_file(self.full(key))

    def delete_tree(self, prefix: str) -> int:
        """Remove every file below a prefix and return how many there were."""
        keys = self.list(prefix)
        if keys:
            self.fs.rm(self.full(prefix), recursive=True)
        return len(keys)

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

    def dataset(self, keys: Sequence[str], schema: pa.Schema | None = None) -> ds.Dataset:
        """The Parquet files at the keys as one Arrow dataset."""
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
        """A local folder for work in progress, emptied at entry and removed at exit.

        It lies on the store's own disk where the store is local, so that put() is a rename.
        """
        base = self.root if self.local else tempfile.gettempdir()
        folder = Path(base) / SCRATCH / safe_key(name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


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
