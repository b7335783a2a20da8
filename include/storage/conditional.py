"""Writes that take place only while nobody was faster: on a disk by link and flock, in S3 by conditional puts.

A process may be frozen at any line and wake when another one has long gone on. What it writes then must not take the
place of what is newer, so each write here says what it may replace. An object store without conditional puts is asked
first and written then: who writes there holds the registry's lock of the source as well.
"""

from __future__ import annotations

import fcntl
import mimetypes
import os
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.storage.remote import codes

if TYPE_CHECKING:
    import fsspec

UNFINISHED = ".new-"
"""How a file is named on a disk until it is whole."""
LOCKS = ".locks"
PENDING = "pending"
"""Where the next bytes of a file lie in an object store until they take its place."""
LOCK_SECONDS = 10.0
_TRIES = 5
Replaces = Callable[[bytes | None], bool]
"""Whether the bytes that stand there now (None: no file, or none that can be read) may be replaced."""


class Busy(OSError):
    """Another process is in the middle of replacing this file."""


class Disk:
    """Conditional writes on a local disk."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def create(self, target: Path, data: bytes, mode: int) -> None:
        """Write a file that must not be there, in a folder that is. Raises FileExistsError."""
        fresh = self.prepare(target, data, mode)
        try:
            # A link fails where the name is taken, in one step with making it.
            os.link(fresh, target)
        finally:
            fresh.unlink()
        _sync_folder(target.parent)

    def prepare(self, target: Path, data: bytes, mode: int) -> Path:
        """The bytes on the disk beside their place, under a name that nobody reads."""
        # Not tempfile: its files are for one user, and consumers and web servers are others.
        fresh = target.parent / f"{UNFINISHED}{uuid.uuid4().hex}"
        fresh.touch(mode)
        try:
            with fresh.open("wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        return fresh

    def switch(self, fresh: Path, target: Path, replaces: Replaces) -> bool:
        """Put prepared bytes in their place if they may replace what stands there; whether they did."""
        with self._alone(target):
            if not replaces(_present(target)):
                fresh.unlink()
                return False
            if target.is_dir() and not target.is_symlink():
                target.rename(target.with_name(f"{target.name}.aside-{uuid.uuid4().hex[:8]}"))
            fresh.replace(target)
        _sync_folder(target.parent)
        return True

    @contextmanager
    def _alone(self, target: Path) -> Iterator[None]:
        """Nobody else looks at and replaces files of this folder of the store meanwhile. Raises Busy."""
        locks = self._root / LOCKS
        locks.mkdir(parents=True, exist_ok=True)
        name = "-".join(target.relative_to(self._root).parts[:2])
        until = time.monotonic() + LOCK_SECONDS
        with (locks / name).open("ab") as handle:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise Busy(
                            f"{target} is being replaced by another process for more than {LOCK_SECONDS:.0f} s; it "
                            f"holds {locks / name}. End that process if it is frozen, and try again."
                        ) from None
                    time.sleep(0.05)
            yield  # closing the file lets go, and so does the end of the process


def _present(target: Path) -> bytes | None:
    try:
        return target.read_bytes() if stat.S_ISREG(target.lstat().st_mode) else None
    except FileNotFoundError:
        return None


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class ObjectStore:
    """Conditional writes through fsspec: puts with If-None-Match and If-Match where the store knows them."""

    def __init__(self, fs: fsspec.AbstractFileSystem, root: str) -> None:
        self._fs, self._root = fs, root

    def create(self, path: str, data: bytes) -> None:
        """Write an object that must not be there. Raises FileExistsError."""
        try:
            self._put(path, data, IfNoneMatch="*")
        except _Refused:
            # Its own first try may have come through although the answer was lost.
            if self._fs.cat_file(path) != data:
                raise FileExistsError(f"{path} exists") from None

    def prepare(self, path: str, data: bytes) -> str:
        """The bytes in the store already, so that a store that takes no writes says so now."""
        pending = f"{self._root}/{PENDING}/{path.removeprefix(self._root + '/').replace('/', '-')}"
        self._fs.pipe_file(pending, data)
        return pending

    def switch(self, path: str, data: bytes, replaces: Replaces) -> bool:
        """Put the bytes in their place if they may replace what stands there; whether they did. Raises Busy."""
        for number in range(_TRIES):
            etag, present = self._look(path)
            if number and present == data:
                return True  # the try before came through although its answer was lost
            if not replaces(present):
                return False
            try:
                self._put(path, data, **_unchanged(etag))
            except _Refused:
                continue
            return True
        raise Busy(f"{path} was replaced by others {_TRIES} times while it was to be written; try again.")

    def _look(self, path: str) -> tuple[str | None, bytes | None]:
        """The object's mark and bytes, or None for both; the mark is the older one where it changes in between."""
        self._fs.invalidate_cache()
        try:
            etag = self._fs.info(path).get("ETag", "")
            return etag, bytes(self._fs.cat_file(path))
        except (FileNotFoundError, IsADirectoryError):
            return None, None

    def _put(self, path: str, data: bytes, **condition: Any) -> None:
        try:
            self._fs.pipe_file(path, data, **condition, **self._type(path))
        except OSError as error:
            if _LOST.intersection(codes(error)):
                raise _Refused from error
            if not condition or not _unknown(error):
                raise
            if condition.get("IfNoneMatch") and self._fs.exists(path):
                raise _Refused from error
            self._fs.pipe_file(path, data)

    def _type(self, path: str) -> dict[str, str]:
        """What a browser is told that the object is; only S3 is asked to keep it."""
        kind = mimetypes.guess_type(path)[0]
        return {"ContentType": kind} if kind and hasattr(self._fs, "call_s3") else {}


def _unchanged(etag: str | None) -> dict[str, str]:
    """The condition that an object is as it was; none where the store gives it no mark."""
    if etag is None:
        return {"IfNoneMatch": "*"}
    return {"IfMatch": etag} if etag else {}


class _Refused(Exception):
    """The condition did not hold."""


_LOST = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_UNKNOWN = {"NotImplemented", "501"}
_UNTAKEN = {"ParamValidationError", "TypeError"}


def _unknown(error: BaseException) -> bool:
    """Whether the store, its library or its fsspec file system knows no conditional puts."""
    if _UNKNOWN.intersection(codes(error)):
        return True
    cause: BaseException | None = error
    while cause is not None:
        if type(cause).__name__ in _UNTAKEN:
            return True
        cause = cause.__cause__
    return False
