"""What lies below a prefix of the store, with sizes and times, from one listing instead of a look at each file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from include.storage.store import Store


@dataclass(frozen=True, slots=True)
class Entry:
    """A file's size in bytes, and when it was written."""

    bytes: int
    modified: datetime


def listing(store: Store, prefix: str) -> dict[str, Entry]:
    """Every file below a prefix by its key, sorted; empty where there is none."""
    store.fs.invalidate_cache()
    full = store.full(prefix)
    start = len(full) - len(prefix)
    found: dict[str, dict[str, Any]] = store.fs.find(full, detail=True)
    return {path[start:]: Entry(int(info["size"]), _modified(info)) for path, info in sorted(found.items())}


def _modified(info: dict[str, Any]) -> datetime:
    """The time as fsspec's file systems give it: `mtime` on a disk, `LastModified` in S3."""
    time = info.get("mtime", info.get("LastModified"))
    if isinstance(time, int | float):
        return datetime.fromtimestamp(time, UTC)
    if not isinstance(time, datetime):
        raise TypeError(f"{info.get('name')}: this file system does not tell when a file was written.")
    return time if time.tzinfo else time.replace(tzinfo=UTC)
