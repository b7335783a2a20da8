"""A source of one small table, to test the publishing core without any upstream."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from include.operations import decisions
from include.publishing import manifest as manifests
from include.publishing import verdict as verdicts
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.publishing.policy import Policy
from include.publishing.verdict import Verdict
from include.quality import gate
from include.registry.registry import Registry
from include.storage.store import Store
from include.storage.tables import Column, Table
from include.version import version_id

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
    version: str | None = None,
    upstream: Mapping[str, object] | None = None,
    as_of: datetime | None = None,
    attachments: Mapping[str, bytes] | None = None,
) -> Manifest:
    """Seal and stage a candidate of things; an int stands for that many of them."""
    if isinstance(values, int):
        values = {number: f"thing {number}" for number in range(values)}
    as_of = as_of or START + timedelta(days=day)
    version = version or version_id(as_of, f"run-{day}-{run}")
    latest = registry.latest(SOURCE)
    upon = (latest.version if latest else None) if built_upon == "latest" else built_upon
    previous = manifests.require(store, SOURCE, upon) if upon else None
    with Candidate(store, SOURCE, version, [THINGS], 1, previous) as candidate:
        rows = [
            {"id": key, "value": value, "content_hash": hash_of(value)}
            for key, value in sorted(values.items())
        ]
        candidate.write("things", pa.Table.from_pylist(rows, THINGS.schema).to_batches())
        for number, (name, content) in enumerate((attachments or {}).items()):
            local = candidate.scratch / f"attached-{number}"
            local.write_bytes(content)
            candidate.attach(name, local)
        manifest = candidate.seal(
            run_id=f"run-{day}-{run}",
            as_of=as_of,
            created_at=as_of,
            code_version="test",
            cursors=cursors if cursors is not None else {"day": day},
            counts={"received": len(rows)},
            upstream=dict(upstream or {}),
        )
    registry.stage(manifest, store.sha256(manifests.manifest_key(SOURCE, version)))
    return manifest


def hash_of(value: str | None) -> str:
    """The content hash of a thing."""
    return hashlib.md5(str(value).encode()).hexdigest()


def judge(store: Store, registry: Registry, manifest: Manifest) -> Verdict:
    """Run the gate on a candidate of things."""
    previous = manifests.require(store, SOURCE, manifest.previous) if manifest.previous else None
    verdict = gate.judge(store, manifest, previous, CONTRACTS, registry.history(SOURCE))
    verdicts.keep(store, registry, verdict)
    return verdict


def publish(
    store: Store, registry: Registry, values: Mapping[int, str | None] | int, *, day: int
) -> Manifest:
    """Stage, judge and promote."""
    from include.publishing import promotion

    manifest = stage(store, registry, values, day=day)
    judge(store, registry, manifest)
    promotion.promote(store, registry, SOURCE, manifest.version, policy=Policy(), owner="test")
    return manifest


def lose(store: Store, *keys: str) -> None:
    """Files or whole folders are gone, as by an accident: nobody asked the store."""
    for key in keys:
        store.fs.rm(store.full(key), recursive=True)


def served(registry: Registry) -> dict[int, str | None]:
    """What SQL readers see."""
    with registry.transaction() as cursor:
        cursor.execute("SELECT id, value FROM published.toy_things")
        return {row["id"]: row["value"] for row in cursor.fetchall()}


def read(store: Store, manifest: Manifest) -> dict[int, str | None]:
    """What the files of a version hold."""
    rows = manifests.dataset(store, manifest.table("things")).to_table()
    return {row["id"]: row["value"] for row in rows.to_pylist()}


def release(store: Store, registry: Registry) -> None:
    """Somebody ends the hold that a rollback set, so that what comes next is published again."""
    decisions.release(store, registry, SOURCE, who="ana", reason="the upstream is right again")
