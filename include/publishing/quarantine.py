"""The rows that a version refused: which, why, and whether today's code takes them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.publishing import frames, replay
from include.publishing import manifest as manifests
from include.publishing.candidate import QUARANTINE_SCHEMA
from include.publishing.registry import Registry
from include.publishing.replay import Replay
from include.publishing.store import Store

CONTENT_BYTES = 2_000
"""As much of a refused record as is read to be shown."""


class NothingRefused(LookupError):
    """A version without refused rows, or whose refused rows are gone."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay, and what became of the records that the version before had refused, told by their SHA-256."""

    replay: Replay
    refused_before: int
    came_through: int
    remain: int
    refused_anew: int
    """Records that only the new version refuses."""


def summary(
    registry: Registry, source: str, version: str | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """Refused rows by version and reason: of one version, or of the newest ones that refused anything."""
    with registry.cursor() as cursor:
        cursor.execute(
            "SELECT version, state, reason, rows FROM lastgood.quarantine_summary q "
            "JOIN lastgood.dataset_version v USING (source, version) "
            "WHERE source = %(source)s AND (version = %(version)s OR %(version)s::text IS NULL) "
            "AND version IN (SELECT version FROM lastgood.dataset_version w WHERE w.source = %(source)s AND EXISTS ("
            "  SELECT FROM lastgood.quarantine_summary e WHERE e.source = w.source AND e.version = w.version) "
            "  ORDER BY as_of DESC, staged_at DESC LIMIT %(limit)s) "
            "ORDER BY v.as_of DESC, v.staged_at DESC, rows DESC, reason",
            {"source": source, "version": version, "limit": None if version else limit},
        )
        return cursor.fetchall()


def show(
    store: Store, source: str, version: str, *, reason: str | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """The first refused rows of a version: reason, detail, raw file, SHA-256 and the record's first bytes as text.

    Raises NothingRefused.
    """
    key = _file(store, source, version)
    with store.scratch(f"quarantine-{uuid.uuid4().hex}") as scratch, frames.session(scratch) as connection:
        frames.register(connection, "refused", store, [key], QUARANTINE_SCHEMA)
        query = (
            f"SELECT reason, detail, raw, sha256, octet_length(content) AS bytes, content[:{CONTENT_BYTES}] AS content "  # noqa: S608
            "FROM refused WHERE $reason IS NULL OR reason = $reason LIMIT $limit"
        )
        found = connection.sql(query, params={"reason": reason, "limit": limit}).to_arrow_table().to_pylist()
    return [{**row, "content": row["content"].decode(errors="replace")} for row in found]


def replay_version(
    store: Store,
    registry: Registry,
    source: str,
    version: str,
    *,
    who: str,
    reason: str,
    now: datetime,
    report: Callable[[str], None] = lambda _: None,
) -> Replayed:
    """Replay a version and tell how many of its refused rows came through.

    Raises NothingRefused, and what replay.replay raises.
    """
    before = _hashes(store, source, version)
    done = replay.replay(store, registry, source, version, who=who, reason=reason, now=now, report=report)
    after = _hashes(store, source, done.version) if done.quarantined else set()
    return Replayed(
        replay=done,
        refused_before=len(before),
        came_through=len(before - after),
        remain=len(before & after),
        refused_anew=len(after - before),
    )


def _file(store: Store, source: str, version: str) -> str:
    """Key of the refused rows of a version. Raises NothingRefused."""
    key = store.key(manifests.folder(source, version), "_quarantine.parquet")
    if store.exists(key):
        return key
    manifest = manifests.require(store, source, version)
    if manifest.quarantine.rows:
        raise NothingRefused(
            f"The {manifest.quarantine.rows} rows that {source} {version} refused are gone ({key})."
        )
    raise NothingRefused(f"{source} {version} refused no row.")


def _hashes(store: Store, source: str, version: str) -> set[str]:
    dataset = store.dataset([_file(store, source, version)])
    return {
        value for batch in dataset.to_batches(columns=["sha256"]) for value in batch.column(0).to_pylist()
    }
