"""An inbox: a folder or bucket where others put files for a source. It is listed and read, and never written to.

What stands there was named by others and may still be written while it is looked at, so a file is known by its path,
size and time of writing, and opened only by a path that a listing gave.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import msgspec

from include.storage.store import Store

QUIET = timedelta(minutes=1)
"""A file that was written to within this time may still be written to."""
MARKER = ".done"
"""A file NAME.done beside NAME says that NAME is whole."""
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
"""How programs that copy or download call a file until it is whole."""
PATH_CHARACTERS = 1_000


class InboxFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of an inbox as a listing saw it."""

    path: str
    """Below the inbox. Never to be joined to a path of our own."""
    bytes: int
    modified: datetime
    marked: bool = False
    """Whether a marker says that it is whole."""

    def is_quiet(self, at: datetime) -> bool:
        """Whether nothing suggests that it is still being written at a time."""
        return self.marked or self.modified <= at - QUIET


class Inbox:
    """The files below a root. Links are not followed, and nothing but regular files is listed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def uri(self) -> str:
        """The root as a person writes it."""
        return self._store.uri

    def files(self) -> list[InboxFile]:
        """The files that stand there now, by their paths; not markers, hidden files and what bears an unfinished name.

        Raises OSError where the inbox itself cannot be listed: a place that is gone is no empty one.
        """
        seen = list(self._local() if self._store.local else self._remote())
        markers = {file.path for file in seen if file.path.endswith(MARKER)}
        return sorted(
            (
                msgspec.structs.replace(file, marked=f"{file.path}{MARKER}" in markers)
                for file in seen
                if _is_data(file.path)
            ),
            key=lambda file: file.path,
        )

    def open(self, file: InboxFile) -> IO[bytes]:
        """A listed file for streaming reads. Raises FileNotFoundError where it is gone, or is no regular file now."""
        if not self._store.local:
            handle: IO[bytes] = self._store.fs.open(f"{self._store.root}/{file.path}", "rb")
            return handle
        # The folder's links are resolved and must stay below the root; the name itself must be no link.
        full = Path(self._store.root, os.fsdecode(_raw(file.path)))
        parent = os.path.realpath(full.parent)
        if parent != self._store.root and not parent.startswith(self._store.root + os.sep):
            raise FileNotFoundError(f"{file.path} leads out of the inbox")
        descriptor = os.open(Path(parent, full.name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(f"{file.path} is no file any more")
        return os.fdopen(descriptor, "rb")

    def _local(self) -> Iterator[InboxFile]:
        def fail(error: OSError) -> None:
            raise error

        root = Path(self._store.root)
        if not root.is_dir():
            raise FileNotFoundError(f"the inbox {self.uri} is not there")
        for parent, _, names in os.walk(root, onerror=fail):
            for name in names:
                full = Path(parent, name)
                try:
                    found = full.lstat()
                except FileNotFoundError:  # taken away since it was listed
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield InboxFile(
                        path=_shown(full.relative_to(root)),
                        bytes=found.st_size,
                        modified=datetime.fromtimestamp(found.st_mtime, UTC),
                    )

    def _remote(self) -> Iterator[InboxFile]:
        self._store.fs.invalidate_cache()
        root = self._store.root
        found: dict[str, dict[str, Any]] = self._store.fs.find(root, detail=True)
        for path, about in found.items():
            if about["type"] == "file" and path.startswith(f"{root}/"):
                yield InboxFile(
                    path=path[len(root) + 1 :], bytes=int(about["size"] or 0), modified=_written(about)
                )


def _is_data(path: str) -> bool:
    name = path.rpartition("/")[2]
    # ..csv is a name that somebody gave; .x.csv.Ab3d9K is what a program copies to at first.
    hidden = any(part.startswith(".") and not part.startswith("..") for part in path.split("/"))
    return (
        bool(name)
        and not hidden
        and not name.lower().endswith((MARKER, *UNFINISHED))
        and len(path) <= PATH_CHARACTERS
    )


def _written(about: dict[str, Any]) -> datetime:
    for key in ("LastModified", "last_modified", "mtime", "created"):
        said = about.get(key)
        if isinstance(said, datetime):
            return said if said.tzinfo else said.replace(tzinfo=UTC)
        if isinstance(said, int | float):
            return datetime.fromtimestamp(said, UTC)
    raise OSError(f"the inbox does not tell when {about.get('name')} was written")


def _shown(path: Path) -> str:
    """A path as text; bytes that are no UTF-8 become `\\xNN`, as a backslash becomes `\\x5c`, so that none is lost."""
    escaped = str(path).replace("\\", "\\x5c")
    return escaped.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _raw(path: str) -> bytes:
    """The bytes of a path that _shown() made."""
    out, rest = bytearray(), path.encode()
    while rest:
        before, mark, rest = rest.partition(b"\\x")
        out += before
        if mark:
            out.append(int(rest[:2], 16))
            rest = rest[2:]
    return bytes(out)
