"""kill -9 anywhere: latest is intact meanwhile, and after a retry the end is that of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
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
    database: str
    upstream: SampleUpstream

    def run(self, steps: Sequence[str], day: int, where: str = "") -> int:
        ran = subprocess.run(
            [
                sys.executable,
                str(Path(__file__).with_name("steps_child.py")),
                *(",".join(steps), str(day), self.store.uri, self.dsn, self.upstream.url, where),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(ran.stderr[-3000:])
        return ran.returncode

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
    """Copies of a world that published day 0, whose upstream moved on, and that has done the steps before one."""
    from psycopg.conninfo import make_conninfo

    folder = tmp_path_factory.mktemp("worlds")
    number = count()
    with SampleUpstream(size=200, seed=5, mean_bytes=8_000, compress=False) as upstream:

        def copy(of: World | None) -> World:
            name = f"crash_{next(number)}"
            template = of.database if of else template_database
            with psycopg.connect(postgres, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
            if of:
                subprocess.run(["cp", "-a", of.store.root, str(folder / name)], check=True)
            dsn = make_conninfo(postgres, dbname=name)
            return World(
                Store.from_uri((folder / name).as_uri()),
                Registry(lambda: psycopg.connect(dsn)),
                dsn,
                name,
                upstream,
            )

        base = copy(None)
        assert base.run(STEPS, 0) == 0
        upstream.advance()
        before = {STEPS[0]: base}
        for step, following in pairwise(STEPS):
            before[following] = copy(before[step])
            assert before[following].run([step], 1) == 0
        undisturbed = copy(before["promote"])
        assert undisturbed.run(["promote"], 1) == 0
        yield lambda step: copy(before[step]), base.published(), undisturbed.published()


@pytest.mark.parametrize(("step", "where"), PLACES, ids=lambda value: value.rsplit(":", 1)[-1])
def test_a_kill_leaves_latest_intact_and_a_retry_ends_like_an_undisturbed_run(
    worlds: Any, step: str, where: str
) -> None:
    copy_before, before, undisturbed = worlds
    world: World = copy_before(step)
    assert world.run([step], 1, where) == -signal.SIGKILL, f"{where} was not reached"
    meanwhile = world.published()
    committed = meanwhile["latest"] == undisturbed["latest"]
    assert committed == where.startswith("include.publishing.mirror"), (
        "only the mirror comes after the commit"
    )
    if not committed:
        for seen in ("latest", "files", "served", "cursors", "pointer"):
            assert meanwhile[seen] == before[seen], seen
    assert world.run(STEPS[STEPS.index(step) :], 1) == 0
    assert world.published() == undisturbed
    left = Path(world.store.root) / ".scratch"
    assert not list(left.rglob("*.parquet")), "the retry cleans up after the one that was killed"
