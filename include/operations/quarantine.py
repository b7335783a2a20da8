"""The rows that a version refused: which, why, and whether today's code takes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include import arguments
from include.operations import replay
from include.operations.replay import Replay
from include.publishing import manifest as manifests
from include.publishing import refused
from include.publishing.candidate import QUARANTINE
from include.registry import quarantine as refusals
from include.registry.registry import Registry
from include.storage import duckdb_session
from include.storage.store import Store

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
    with registry.transaction() as cursor:
        return refusals.summary(cursor, source, version, limit)


def show(
    store: Store, source: str, version: str, *, reason: str | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """The first refused rows of a version: kind, key, reason, detail, raw file, SHA-256, bytes and the first of them.

    `content` is text, taken from an equal row where it was kept there; None where it was not kept, beyond the budget
    of the version. Raises NothingRefused.
    """
    key = _file(store, source, version)
    with store.scratch("quarantine") as scratch, duckdb_session.session(scratch) as connection:
        # Of a version of before, a row has neither kind nor key, and always its content.
        duckdb_session.register(connection, "refused", store, [key], refused.SCHEMA)
        query = (
            "WITH shown AS (SELECT row_number() OVER () AS number, * FROM refused "  # noqa: S608
            "               WHERE $reason IS NULL OR reason = $reason LIMIT $limit), "
            f"kept AS (SELECT sha256, any_value(content[:{CONTENT_BYTES}]) AS content, "
            "          any_value(octet_length(content)) AS bytes "
            "          FROM refused SEMI JOIN shown USING (sha256) WHERE content IS NOT NULL GROUP BY sha256) "
            "SELECT kind, key, reason, detail, raw, sha256, coalesce(shown.bytes, kept.bytes) AS bytes, "
            "kept.content FROM shown LEFT JOIN kept USING (sha256) ORDER BY number"
        )
        found = connection.sql(query, params={"reason": reason, "limit": limit}).to_arrow_table().to_pylist()
    return [
        {**row, "content": None if row["content"] is None else row["content"].decode(errors="replace")}
        for row in found
    ]


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
    """Key of the refused rows of a version, which may outlive it. Raises NothingRefused."""
    arguments.check(source=source, version=version)
    manifest = manifests.read(store, source, version)
    if manifest is None:
        left = [
            key for key in store.list(manifests.folder(source, version)) if key.endswith(f"/{QUARANTINE}")
        ]
        if not left:
            manifests.require(store, source, version)
        return left[-1]
    refused = manifest.quarantine
    if refused.file is None:
        raise NothingRefused(f"{source} {version} refused no row.")
    if not store.exists(refused.file.path):
        raise NothingRefused(
            f"The {refused.rows} rows that {source} {version} refused are gone ({refused.file.path})."
        )
    return refused.file.path


def _hashes(store: Store, source: str, version: str) -> set[str]:
    dataset = store.parquet(_file(store, source, version))
    return {
        value for batch in dataset.to_batches(columns=["sha256"]) for value in batch.column(0).to_pylist()
    }
