"""Versions of tables of any shape, published without their gate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from include.publishing import manifest as manifests
from include.publishing import promotion
from include.publishing.candidate import Candidate
from include.publishing.policy import Policy
from include.registry.registry import Registry
from include.storage.store import Store
from include.storage.tables import Column, Table
from include.version import version_id
from tests.publishing import quick

ID = Column("id", pa.int64(), "Key.", required=True)
HASH = Column("content_hash", pa.string(), "Hash.", required=True)
TEXT = Column("text", pa.string(), "A text.")
NUMBER = Column("number", pa.int32(), "A number.")


def things(
    *columns: Column, key: tuple[str, ...] = ("id",), name: str = "things", serve: bool = True
) -> Table:
    return Table(name, "Things.", key, (ID, *columns, HASH), serve)


def seal(
    store: Store,
    tables: dict[Table, list[dict[str, Any]]],
    previous: manifests.Manifest | None = None,
    *,
    day: int | None = None,
) -> manifests.Manifest:
    """A candidate of tables with their rows."""
    day = day or (previous.as_of.day + 1 if previous else 1)
    at = datetime(2026, 3, day, tzinfo=UTC)
    with Candidate(store, "toy", version_id(at, "run"), list(tables), 1, previous) as made:
        for shape, rows in tables.items():
            listed = [{"content_hash": str(row), **row} for row in rows]
            made.write(shape.name, pa.Table.from_pylist(listed, shape.schema).to_batches())
        return made.seal(
            run_id="run", as_of=at, created_at=at, code_version="t", cursors={}, counts={}, upstream={}
        )


def stage(store: Store, registry: Registry, manifest: manifests.Manifest) -> manifests.Manifest:
    registry.stage(manifest, store.sha256(manifests.manifest_key("toy", manifest.version)))
    quick.judge(store, registry, manifest)
    return manifest


def publish(store: Store, registry: Registry, manifest: manifests.Manifest) -> dict[str, str]:
    stage(store, registry, manifest)
    return promotion.promote(
        store, registry, "toy", manifest.version, policy=Policy(), owner="test", wait=lambda _: None
    ).served


def ask(registry: Registry, query: str) -> list[tuple[Any, ...]]:
    with registry.transaction() as cursor:
        cursor.execute(query)
        return [tuple(row.values()) for row in cursor.fetchall()] if cursor.description else []
