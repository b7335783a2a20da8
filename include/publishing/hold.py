"""Holds: a source's candidates are built and judged, and wait for an operator instead of becoming latest.

A rollback sets one, since the next run would bring the same data again; so may an operator at any time. What a source's
spec wants approved (`Spec.approval`) is held one by one. The store has a copy of each hold, held/SOURCE.json, so that a
rebuild of the registry does not forget it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import psycopg

from include.publishing.manifest import Manifest
from include.publishing.policy import Approval
from include.publishing.verdict import Verdict
from include.registry import holds
from include.registry.holds import Hold
from include.registry.registry import Registry
from include.storage.store import Store, safe_key

FOLDER = "held"
Cursor = psycopg.Cursor[dict[str, Any]]


def applies(found: Hold, manifest: Manifest) -> bool:
    """Whether a candidate has to wait; one whose upstream does not name its data is not known to be another."""
    other = found.data_version is not None and data_version(manifest) not in {None, found.data_version}
    return not (found.lets_new and other)


def told(source: str, sentence: str) -> str:
    """That a source is on hold, what that means, and how it ends."""
    return (
        f"{source} is on hold: {sentence}. Its runs go on to the gate and end as held; to publish what they bring, "
        "release it (DAG lastgood_release)."
    )


def data_version(manifest: Manifest) -> str | None:
    """What the upstream calls the data that a version was made from; None of one that gives them no name."""
    found = manifest.upstream.get("data_version")
    return None if found is None else str(found)


def all_of(registry: Registry) -> list[Hold]:
    """Every hold there is at this moment, by source."""
    with registry.transaction() as cursor:
        return holds.active(cursor)


def why_held(cursor: Cursor, manifest: Manifest, verdict: Verdict, approval: Approval) -> str | None:
    """Why a candidate that could become latest waits for an operator; None where it does not."""
    found = holds.of(cursor, manifest.source)
    if found is not None and applies(found, manifest):
        return found.sentence
    if approval == "always":
        return f"each version of {manifest.source} waits for an approval"
    warned = verdict.count("WARN")
    if approval == "warnings" and warned:
        return f"{warned} check{'s' * (warned > 1)} warned, which wants an approval for {manifest.source}"
    return None


def set_on(
    cursor: Cursor,
    source: str,
    *,
    who: str,
    reason: str,
    until: datetime | None,
    lets_new: bool = False,
    rolled_back: Manifest | None = None,
) -> None:
    """Hold a source; instead of the hold that there may be."""
    holds.put(
        cursor,
        source,
        who=who,
        reason=reason,
        until=until,
        version=rolled_back.version if rolled_back else None,
        data_version=data_version(rolled_back) if rolled_back else None,
        lets_new=lets_new,
    )


def end(cursor: Cursor, source: str) -> Hold | None:
    """End the hold on a source; returns the one that was still in force."""
    found = holds.of(cursor, source)
    holds.remove(cursor, source)
    return found


# --- the store's copy ---


def key(source: str) -> str:
    """Where the store keeps it."""
    return safe_key(FOLDER, f"{source}.json")


def write(store: Store, registry: Registry, source: str) -> list[str]:
    """Bring the store's copy to what the registry says; returns its key where it was written or removed."""
    with registry.transaction() as cursor:
        # Whoever sets or ends a hold does both: with the row, and with this.
        holds.lock_copy(cursor, source)
        found = holds.of(cursor, source)
        present = store.read_bytes(key(source)) if store.exists(key(source)) else None
        wanted = msgspec.json.format(msgspec.json.encode(found), indent=1) if found else None
        if present == wanted:
            return []
        if wanted is None:
            store.delete(key(source))
        else:
            store.write_bytes(key(source), wanted)
        return [key(source)]


def restore(cursor: Cursor, store: Store) -> list[str]:
    """Enter what the store remembers into an empty registry; returns a sentence for each file that cannot be read."""
    damaged = []
    for path in store.list(FOLDER):
        try:
            found = msgspec.json.decode(store.read_bytes(path), type=Hold)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            damaged.append(f"{path} is left out, so its source is not on hold: {error}")
            continue
        # A hold that was set since the registry was lost is newer.
        holds.restore(cursor, found)
    return damaged
