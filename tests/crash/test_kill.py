"""kill -9 anywhere: latest is intact meanwhile, and after a retry the end is that of an undisturbed run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from include.publishing import manifest as manifests
from include.publishing import pointers
from include.registry.registry import Registry
from include.sources import source as sources
from include.sources.clinical.export import SITE
from include.sources.comments_weekly import dashboard
from include.sources.comments_weekly import export as briefs
from include.storage.store import Store
from sandbox.comments.server import SampleUpstream as SampleComments
from sandbox.ctgov.server import SampleUpstream as SampleCtgov
from sandbox.pubchem.server import SampleUpstream as SamplePubchem
from sandbox.sofascore.server import SampleUpstream as SampleSofascore
from tests.crash import steps_child
from tests.forks import Forks
from tests.sources.daily import DailyRuns

pytestmark = pytest.mark.crash
ROOT = Path(__file__).resolve().parents[2]
STEPS = {
    "ctgov": ("open", "extract", "build", "gate", "promote"),
    "pubchem": ("open", "extract", "build", "gate", "promote"),
    "clinical": ("open", "build", "gate", "promote", "export"),
    "sofascore": ("open", "extract", "build", "gate", "promote"),
    "comments": ("open", "extract", "build", "gate", "promote"),
    "comments_weekly": ("open", "build", "gate", "promote", "export"),
}
"""Sources in the order in which they run, with their steps; the first opens the run, as probe does."""
ORDER = [(source, step) for source, steps in STEPS.items() for step in steps]

# source, step, where: function#calls let through
PLACES = [
    ("ctgov", "extract", "include.storage.store:Store.put#0"),
    ("ctgov", "extract", "include.storage.store:Store.put#1"),
    ("ctgov", "extract", "include.storage.landing:Landing._save#1"),
    ("ctgov", "extract", "include.storage.landing:Landing.finish#0"),
    ("ctgov", "build", "include.sources.ctgov.build:_drop_duplicates#0"),
    ("ctgov", "build", "include.storage.store:Store.put#2"),
    ("ctgov", "build", "include.publishing.manifest:write#0"),
    ("ctgov", "build", "include.registry.registry:Registry.stage#0"),
    ("ctgov", "gate", "include.quality.gate:_verify#3"),
    ("ctgov", "gate", "include.registry.registry:Registry.record_verdict#0"),
    ("ctgov", "promote", "include.publishing.promotion:_claim#0"),
    ("ctgov", "promote", "include.publishing.promotion:_switch#0"),
    ("ctgov", "promote", "include.publishing.serving:_copy#2"),
    ("ctgov", "promote", "include.registry.watermarks:set_to#0"),
    ("ctgov", "promote", "include.publishing.pointers:write#0"),
    ("ctgov", "promote", "include.publishing.pointers:_stands#1"),
    # the plan has landed, and nothing else
    ("pubchem", "extract", "include.storage.landing:Landing.write_part#1"),
    # a part is there that progress.json does not name yet
    ("pubchem", "extract", "include.storage.landing:Landing._save#2"),
    ("pubchem", "extract", "include.sources.pubchem.client:Asker.name#25"),
    ("pubchem", "extract", "include.sources.pubchem.client:Asker.properties#9"),
    ("pubchem", "build", "include.sources.pubchem.build:_quarantine_unknown#0"),
    ("pubchem", "promote", "include.registry.watermarks:set_to#0"),
    ("clinical", "build", "include.sources.clinical.build:_find_targets#0"),
    ("clinical", "promote", "include.publishing.pointers:write#0"),
    # CSV and JSONL of the new version are there, the parts that the page reads are not
    ("clinical", "export", "include.sources.pages:Site.put_parquet#0"),
    # the site shows the new version, and the one before last is there still
    ("clinical", "export", "include.sources.pages:sweep#0"),
    # discover: the lists of one competition have landed
    ("sofascore", "extract", "include.sources.sofascore.discover:_Discovery._lists#1"),
    # replies of a unit are there that its progress.json does not name yet
    ("sofascore", "extract", "include.storage.landing:Landing._save#9"),
    # the years before are taken over, and of this year some tables are written
    ("sofascore", "build", "include.publishing.candidate:Candidate.write#4"),
    ("sofascore", "promote", "include.registry.watermarks:set_to#0"),
    # one file of the inbox has landed, and of the next one nothing
    ("comments", "extract", "include.storage.landing:Landing.write_file#1"),
    # a file is there that progress.json does not name yet
    ("comments", "extract", "include.storage.landing:Landing._save#2"),
    # one part of the comments is merged and enriched, the others are not
    ("comments", "build", "include.sources.comments.enriching:enrich#1"),
    ("comments", "build", "include.sources.comments.enriching:write_entities#0"),
    ("comments", "promote", "include.registry.watermarks:set_to#0"),
    # the figures of the week are there, its brief is not
    ("comments_weekly", "build", "include.sources.comments_weekly.compose:compose#0"),
    # the briefs are there, and latest.json does not name them
    ("comments_weekly", "export", "include.sources.pages:show#0"),
    # both the briefs and the dashboard are shown, and data of the one before last is there still
    ("comments_weekly", "export", "include.sources.pages:sweep#1"),
]


@dataclass(frozen=True)
class World:
    """A registry and a store of its own."""

    store: Store
    registry: Registry
    dsn: str
    database: str
    upstreams: dict[str, Any]
    forks: Forks

    def inbox(self, source: str) -> str:
        """The folder in which its sample puts files; empty of a source without."""
        return str(self.upstreams[source].state()["inbox"]) if source == "comments" else ""

    def run(self, source: str, steps: Sequence[str], day: int) -> None:
        """Do steps of a run, undisturbed."""
        upstream = self.upstreams.get(source)
        beside = steps_child.beside(source, self.inbox(source))
        daily = DailyRuns(source, self.store, self.registry, upstream, beside=beside)
        with pytest.MonkeyPatch.context() as patch:
            steps_child.cut_small(source, patch.setattr)
            steps_child.do(",".join(steps), daily, day)

    def kill(self, source: str, step: str, day: int, where: str) -> int:
        """Do a step in a process that kills itself; returns how that ended."""
        upstream = self.upstreams.get(source)
        place = [self.store.uri, self.dsn, upstream.url if upstream else "", self.inbox(source), where]
        ran = self.forks.run([source, step, str(day), *place], Path(f"{self.store.root}.output"))
        if ran.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(ran.stdout[-3000:])
        return ran.returncode

    def published(self, source: str) -> dict[str, Any]:
        """What consumers of every kind read, and where the next run goes on."""
        pointer = pointers.read_pointer(self.store, source)
        latest = self.registry.latest(source)
        assert pointer is not None and latest is not None
        manifest = manifests.require(self.store, source, latest.version)
        manifests.verify(self.store, manifest)
        with self.registry.transaction() as cursor:
            served = {}
            for entry in manifest.tables:
                if entry.serve:
                    cursor.execute(
                        f"SELECT count(*) AS rows, md5(string_agg(t::text, ',' ORDER BY t::text)) AS digest "
                        f"FROM published.{source}_{entry.name} t"
                    )
                    served[entry.name] = cursor.fetchone()
        return {
            "latest": latest.version,
            "files": {entry.name: [file.sha256 for file in entry.files] for entry in manifest.tables},
            "served": served,
            "cursors": self.registry.watermarks(source),
            "states": {v.version: v.state for v in self.registry.versions(source)},
            "pointer": pointer.version,
            "changes": [(c.table, c.new, c.changed, c.deleted) for c in manifest.changes],
            "site": {"clinical": self.table_page, "comments_weekly": self.briefs}[source]()
            if sources.exports(source)
            else None,
        }

    def briefs(self) -> dict[str, Any]:
        """What readers of the briefs and of the dashboard get: whole files of one version each."""
        read = {}
        for root in (dashboard.SITE, briefs.SITE):
            shown = json.loads(self.store.read_bytes(f"{root}/latest.json"))
            for file in files_of(shown):
                assert self.store.sha256(f"{root}/{file['path']}") == file["sha256"]
            read[root] = {name: shown[name] for name in shown if name != "published_at"}
        assert self.store.exists(f"{dashboard.SITE}/index.html")
        return {
            "version": read[dashboard.SITE]["version"],
            "previous": read[dashboard.SITE]["previous"],
            **read,
        }

    def table_page(self) -> dict[str, Any]:
        """What readers of the table page get: whole files of one version."""
        shown = json.loads(self.store.read_bytes(f"{SITE}/latest.json"))
        files = [shown["files"]["csv"], shown["files"]["jsonl"], *shown["files"]["parts"]]
        for file in files:
            assert self.store.sha256(f"{SITE}/{file['path']}") == file["sha256"]
        assert self.store.exists(f"{SITE}/index.html")
        return {**{name: shown[name] for name in ("version", "previous", "built_from")}, "files": files}


def files_of(shown: Any) -> Iterator[dict[str, Any]]:
    """Everything in a latest.json that is a file."""
    if isinstance(shown, dict) and "sha256" in shown:
        yield shown
    elif isinstance(shown, dict | list):
        for each in shown.values() if isinstance(shown, dict) else shown:
            yield from files_of(each)


@pytest.fixture(scope="module")
def worlds(postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Worlds that published day 0, whose upstreams moved on, and that have done so many steps of day 1.

    A function that makes a copy of one, and a function that tells what one published.
    """
    folder = tmp_path_factory.mktemp("worlds")
    number = count()
    with (
        Forks(steps_child.__name__, {**os.environ, "PYTHONPATH": str(ROOT)}) as forks,
        SampleCtgov(size=200, seed=5, mean_bytes=8_000, compress=False) as ctgov,
        SamplePubchem(size=200, seed=5, compress=False) as pubchem,
        SampleSofascore(size=40, seed=3, compress=False) as sofascore,
        SampleComments(size=300, seed=5, inbox=folder / "inbox", compress=False) as comments,
    ):
        upstreams = {"ctgov": ctgov, "pubchem": pubchem, "sofascore": sofascore, "comments": comments}

        def copy(of: World | None) -> World:
            name = f"crash_{next(number)}"
            template = of.database if of else template_database
            with psycopg.connect(postgres, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
            if of:
                subprocess.run(["cp", "-a", of.store.root, str(folder / name)], check=True)
            dsn = make_conninfo(postgres, dbname=name)
            store = Store.from_uri((folder / name).as_uri())
            return World(store, Registry(lambda: psycopg.connect(dsn)), dsn, name, upstreams, forks)

        @cache
        def after(done: int) -> World:
            """The world that has done the first so many steps of ORDER on day 1."""
            world = copy(after(done - 1) if done else None)
            if done:
                source, step = ORDER[done - 1]
                world.run(source, [step], 1)
                return world
            # pubchem before ctgov, so that all names are looked up on day 1.
            for source in ("pubchem", "ctgov", "clinical", "sofascore", "comments", "comments_weekly"):
                world.run(source, STEPS[source], 0)
            ctgov.advance()
            pubchem.advance()
            sofascore.advance()
            comments.advance()
            return world

        yield lambda done: copy(after(done)), cache(lambda source, done: after(done).published(source))


@pytest.mark.parametrize(("source", "step", "where"), PLACES, ids=lambda value: value.rsplit(":", 1)[-1])
def test_a_kill_leaves_latest_intact_and_a_retry_ends_like_an_undisturbed_run(
    worlds: Any, source: str, step: str, where: str
) -> None:
    copy_after, published_after = worlds
    steps = STEPS[source]
    first = ORDER.index((source, steps[0]))
    done = ORDER.index((source, step))
    world: World = copy_after(done)
    before, undisturbed = published_after(source, first), published_after(source, first + len(steps))
    assert before["latest"] != undisturbed["latest"]

    assert world.kill(source, step, 1, where) == -signal.SIGKILL, f"{where} was not reached"
    meanwhile = world.published(source)
    committed = meanwhile["latest"] == undisturbed["latest"]
    assert committed == (step == "export" or where.startswith("include.publishing.pointers")), (
        "only the pointer and the export come after the commit"
    )
    if not committed:
        for seen in ("latest", "files", "served", "cursors", "pointer"):
            assert meanwhile[seen] == before[seen], seen
    switched = "pages:sweep" in where
    assert meanwhile["site"] == (undisturbed if switched else before)["site"]

    world.run(source, steps[steps.index(step) :], 1)
    assert world.published(source) == undisturbed
    world.store.sweep_scratch(datetime.now(UTC) + timedelta(seconds=1))
    assert list((Path(world.store.root) / ".scratch").rglob("*")) == [], "recovery can sweep what a kill left"
    if sources.exports(source):
        root = SITE if source == "clinical" else dashboard.SITE
        kept = {key.removeprefix(f"{root}/data/").split("/")[0] for key in world.store.list(f"{root}/data")}
        assert kept == {undisturbed["site"]["version"], undisturbed["site"]["previous"]}
