"""kill -9 anywhere: latest is intact meanwhile, and after a retry the end is that of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.publishing import manifest as manifests
from include.publishing import mirror
from include.publishing.registry import Registry
from include.publishing.store import Store
from sandbox.ctgov.server import SampleUpstream

pytestmark = pytest.mark.crash
STEPS = ("extract", "build", "gate", "promote")
ROOT = Path(__file__).resolve().parents[2]

# step, where: function#calls let through
PLACES = [
    ("extract", "include.publishing.store:Store.put#0"),
    ("extract", "include.publishing.store:Store.put#1"),
    ("extract", "include.upstream.landing:Landing._save#1"),
    ("extract", "include.upstream.landing:Landing.finish#0"),
    ("build", "include.sources.ctgov.build:_drop_duplicates#0"),
    ("build", "include.publishing.store:Store.put#2"),
    ("build", "include.publishing.manifest:write#0"),
    ("build", "include.publishing.registry:Registry.stage#0"),
    ("gate", "include.quality.gate:_verify#3"),
    ("gate", "include.publishing.registry:Registry.record_verdict#0"),
    ("promote", "include.publishing.promotion:_claim#0"),
    ("promote", "include.publishing.promotion:_switch#0"),
    ("promote", "include.publishing.serving:_copy#2"),
    ("promote", "include.publishing.promotion:set_cursors#0"),
    ("promote", "include.publishing.mirror:write#0"),
    ("promote", "include.publishing.mirror:_replace#1"),
]


@dataclass
class World:
    """A registry, a store and an upstream of its own; steps run in processes of their own."""

    store: Store
    registry: Registry
    dsn: str
    upstream: SampleUpstream
    environment: dict[str, str] = field(default_factory=dict)

    def step(self, step: str, day: int, where: str = "") -> int:
        ran = subprocess.run(
            [
                sys.executable,
                str(Path(__file__).with_name("steps_child.py")),
                *(step, str(day), self.store.uri, self.dsn, self.upstream.url, where),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(ran.stderr[-3000:])
        return ran.returncode

    def run(self, day: int) -> None:
        for step in STEPS:
            assert self.step(step, day) == 0

    def published(self) -> dict[str, Any]:
        """What consumers of both kinds read, and where the next run goes on."""
        pointer = mirror.read_pointer(self.store, "ctgov")
        latest = self.registry.latest("ctgov")
        assert pointer is not None and latest is not None
        manifest = manifests.require(self.store, "ctgov", latest.version)
        manifests.verify(self.store, manifest)
        with self.registry.cursor() as cursor:
            served = {}
            for entry in manifest.tables:
                if entry.serve:
                    cursor.execute(
                        f"SELECT count(*) AS rows, md5(string_agg(t::text, ',' ORDER BY t::text)) AS digest "
                        f"FROM published.ctgov_{entry.name} t"
                    )
                    served[entry.name] = cursor.fetchone()
        return {
            "latest": latest.version,
            "files": {entry.name: [file.sha256 for file in entry.files] for entry in manifest.tables},
            "served": served,
            "cursors": self.registry.cursors("ctgov"),
            "states": {v.version: v.state for v in self.registry.versions("ctgov")},
            "pointer": pointer.version,
            "changes": [(c.table, c.new, c.changed, c.deleted) for c in manifest.changes],
        }


@pytest.fixture(scope="module")
def worlds(postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Makes worlds that have published day 0 and whose upstream then moved on by a day."""
    from psycopg.conninfo import make_conninfo

    folder = tmp_path_factory.mktemp("worlds")
    with SampleUpstream(size=300, seed=5, mean_bytes=8_000, compress=False) as upstream:

        def world(name: str, template: str, source: Path | None) -> World:
            with psycopg.connect(postgres, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            root = folder / name
            if source is not None:
                subprocess.run(["cp", "-a", str(source), str(root)], check=True)
            dsn = make_conninfo(postgres, dbname=name)
            return World(Store.from_uri(root.as_uri()), Registry(lambda: psycopg.connect(dsn)), dsn, upstream)

        base = world("crash_base", template_database, None)
        base.run(0)
        upstream.advance()
        undisturbed = world("crash_undisturbed", "crash_base", folder / "crash_base")
        undisturbed.run(1)
        number = iter(range(1000))
        yield (
            lambda: world(f"crash_{next(number)}", "crash_base", folder / "crash_base"),
            base.published(),
            undisturbed.published(),
        )


@pytest.mark.parametrize(("step", "where"), PLACES, ids=lambda value: value.rsplit(":", 1)[-1])
def test_a_kill_leaves_latest_intact_and_a_retry_ends_like_an_undisturbed_run(
    worlds: Any, step: str, where: str
) -> None:
    make, before, undisturbed = worlds
    world: World = make()
    for earlier in STEPS[: STEPS.index(step)]:
        assert world.step(earlier, 1) == 0
    assert world.step(step, 1, where) == -signal.SIGKILL, f"{where} was not reached"
    meanwhile = world.published()
    committed = meanwhile["latest"] == undisturbed["latest"]
    assert committed == where.startswith("include.publishing.mirror"), (
        "only the mirror comes after the commit"
    )
    if not committed:
        for seen in ("latest", "files", "served", "cursors", "pointer"):
            assert meanwhile[seen] == before[seen], seen
    for again in STEPS[STEPS.index(step) :]:
        assert world.step(again, 1) == 0
    assert world.published() == undisturbed
    assert not (Path(world.store.root) / ".scratch").exists() or not list(
        (Path(world.store.root) / ".scratch").rglob("*.parquet")
    )
