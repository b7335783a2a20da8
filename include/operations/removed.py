"""What the store remembers of versions that retention removed: names that are not used again, and figures of the past.

One file for each source, removed/SOURCE.json, written by retention and read by a rebuild of the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import psycopg

from include.registry import removed
from include.registry.registry import Registry
from include.registry.removed import Removed
from include.storage.store import Store, safe_key

FOLDER = "removed"


def key(source: str) -> str:
    """Where the store keeps them."""
    return safe_key(FOLDER, f"{source}.json")


def write(store: Store, registry: Registry, source: str) -> None:
    """Bring the file to what the registry remembers."""
    with registry.transaction() as cursor:
        records = removed.of(cursor, source)
    data = msgspec.json.encode(records)
    if records and not (store.exists(key(source)) and store.read_bytes(key(source)) == data):
        store.write_bytes(key(source), data)


def restore(cursor: psycopg.Cursor[Any], store: Store, there: Mapping[str, list[str]]) -> dict[str, str]:
    """Enter what the store remembers into an empty registry; returns a sentence for each file that cannot be read.

    `there` are the versions of each source that have a manifest: one whose removal was cut off is no removed one.
    """
    damaged = {}
    for path in store.list(FOLDER):
        source = path.removeprefix(f"{FOLDER}/").removesuffix(".json")
        try:
            records = msgspec.json.decode(store.read_bytes(path), type=list[Removed])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            damaged[source] = f"{path} is left out: {error}"
            continue
        left = set(there.get(source, ()))
        gone = [record for record in records if record.version not in left]
        removed.enter(cursor, source, gone)
    return damaged
