"""Local folders for work in progress: each use has its own, and what a kill leaves of one goes by its age."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

SCRATCH = ".scratch"


def base(disk: Path) -> Path:
    """Where this user's folders on a disk lie.

    Deployments of several users share the folder of temporary files, so one of another user is left alone.
    """
    mine = os.getuid()
    with suppress(FileNotFoundError):
        if (disk / SCRATCH).lstat().st_uid != mine:
            return disk / f"{SCRATCH}-{mine}"
    return disk / SCRATCH


@contextmanager
def folder(base: Path, name: str) -> Iterator[Path]:
    """A new folder, removed at exit. Its name begins with `name`, for whoever finds what a kill left."""
    base.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{name.replace('/', '-')[:100]}-", dir=base))
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def sweep(base: Path, before: datetime) -> tuple[Path, ...]:
    """Remove this user's files that were last written before a time, and folders emptied by then; the files.

    Links are removed and never followed.
    """
    gone, mine, limit = [], os.getuid(), before.timestamp()
    for parent, _, names in os.walk(base):
        for path in (Path(parent, name) for name in names):
            # Its owner may end meanwhile and take it away.
            with suppress(FileNotFoundError):
                found = path.lstat()
                if found.st_mtime < limit and found.st_uid == mine:
                    path.unlink()
                    gone.append(path)
    # A folder that was emptied just now waits for its turn.
    for parent, _, _ in os.walk(base, topdown=False):
        path = Path(parent)
        with suppress(OSError):  # not empty, or gone
            if path != base and path.lstat().st_mtime < limit and path.lstat().st_uid == mine:
                path.rmdir()
    return tuple(gone)
