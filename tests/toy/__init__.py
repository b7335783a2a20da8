"""A source of one small table, to test the publishing core without any upstream."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from include.publishing import manifest as manifests
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.publishing.tables import Column, Table
from include.quality import gate
from include.quality.gate import Verdict

SOURCE = "toy"
THINGS = Table(
    "things",
    "Things.",
    ("id",),
    (
        Column("id", pa.int64(), "Number of the thing.", required=True),
        Column("value", pa.string(), "What it is."),
        Column("content_hash", pa.string(), "Hash of the value.", required=True),
    ),
    serve=True,
)
CONTRACTS = {"things": Path(__file__).parent / "things.yml"}
START = datetime(2026, 3, 1, tzinfo=UTC)


def stage(
    store: Store,
    registry: Registry,
    values: Mapping[int, str | None] | int,
    *,
    day: int,
    run: str = "",
    built_upon: str | None = "latest",
    cursors: Mapping[str, object] | None = None,
) -> Manifest:
    """Seal and stage a candidate of things; an int stands for that many of them."""
    if isinstance(values, int):
        values = {number: f"thing {number}" for number in range(values)}
    as_of = START + timedelta(days=day)
    version = manifests.version_id(as_of, f"run-{day}-{run}")
    latest = registry.latest(SOURCE)
    upon = (latest.version if latest else None) if built_upon == "latest" else built_upon
    previous = manifests.require(store, SOURCE, upon) if upon else None
    with Candidate(store, SOURCE, version, [THINGS], 1, previous) as candidate:
        rows = [
            {"id": key, "value": value, "content_hash": hashlib.md5(str(value).encode()).hexdigest()}
            for key, value in sorted(values.items())
        ]
        candidate.write("things", pa.Table.from_pylist(rows, THINGS.schema).to_batches())
        manifest = candidate.seal(
            run_id=f"run-{day}-{run}",
            as_of=as_of,
            created_at=as_of,
            code_version="test",
            cursors=cursors if cursors is not None else {"day": day},
            counts={"received": len(rows)},
            upstream={},
        )
    registry.stage(manifest, store.sha256(manifests.manifest_key(SOURCE, version)))
    return manifest


def judge(store: Store, registry: Registry, manifest: Manifest) -> Verdict:
    """Run the gate on a candidate of things."""
    previous = manifests.require(store, SOURCE, manifest.previous) if manifest.previous else None
    verdict = gate.judge(store, manifest, previous, CONTRACTS, registry.history(SOURCE))
    registry.record_verdict(verdict)
    return verdict


def publish(
    store: Store, registry: Registry, values: Mapping[int, str | None] | int, *, day: int
) -> Manifest:
    """Stage, judge and promote."""
    from include.publishing import promotion

    manifest = stage(store, registry, values, day=day)
    judge(store, registry, manifest)
    promotion.promote(store, registry, SOURCE, manifest.version, owner="test")
    return manifest


def served(registry: Registry) -> dict[int, str | None]:
    """What SQL readers see."""
    with registry.cursor() as cursor:
        cursor.execute("SELECT id, value FROM published.toy_things")
        return {row["id"]: row["value"] for row in cursor.fetchall()}


def read(store: Store, manifest: Manifest) -> dict[int, str | None]:
    """What the files of a version hold."""
    files = [file.path for file in manifest.table("things").files]
    return {row["id"]: row["value"] for row in store.dataset(files).to_table().to_pylist()}
