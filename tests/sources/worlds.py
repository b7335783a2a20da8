"""Stores and registries that many tests begin with: made once in a module, copied for each of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from include.registry.registry import Registry
from include.sources.comments.source import AUTHORS
from include.sources.sofascore import build, competitions, match_tables, tables
from include.storage.inbox import Inbox
from include.storage.store import Store
from sandbox.comments.server import SampleUpstream as SampleComments
from sandbox.ctgov.server import SampleUpstream as SampleCtgov
from sandbox.pubchem.server import SampleUpstream as SamplePubchem
from sandbox.sofascore.server import SampleUpstream as SampleSofascore
from tests.sources.conftest import lighten
from tests.sources.daily import DailyRuns


@dataclass(frozen=True)
class World:
    """A registry and a store of its own, and the upstreams that all worlds of a module share."""

    store: Store
    registry: Registry
    database: str
    upstreams: dict[str, Any]

    beside: dict[str, dict[str, Any]]
    """What a source has besides its upstream, by the source."""

    def daily(self, source: str) -> DailyRuns:
        """Runs of a source in this world."""
        return DailyRuns(
            source,
            self.store,
            self.registry,
            self.upstreams.get(source),
            beside=dict(self.beside.get(source, {})),
        )


class Worlds:
    """Makes worlds, empty ones and copies."""

    def __init__(
        self,
        postgres: str,
        template_database: str,
        folder: Path,
        upstreams: dict[str, Any],
        beside: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.upstreams, self._beside = upstreams, beside or {}
        self._postgres, self._empty, self._folder = postgres, template_database, folder
        self._numbers = count()

    def copy(self, of: World | None = None) -> World:
        """A copy of a world, or one in which nothing has happened."""
        name = f"{self._folder.name}_{next(self._numbers)}".replace("-", "_")
        with psycopg.connect(self._postgres, autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE {of.database if of else self._empty} STRATEGY FILE_COPY"
            )
        if of:
            subprocess.run(["cp", "-a", of.store.root, str(self._folder / name)], check=True)
        dsn = make_conninfo(self._postgres, dbname=name)
        store = Store.of_folder(self._folder / name)
        return World(store, Registry(lambda: psycopg.connect(dsn)), name, self.upstreams, self._beside)


@contextmanager
def small_worlds(postgres: str, template_database: str, folder: Path) -> Iterator[Worlds]:
    """Worlds of small samples, few competitions and a light gate: no verdict is looked at.

    Of SofaScore they have the tables of matches, from which all others are computed whatever a run was asked for.
    """
    few = tuple(each for each in competitions.load() if each.id in {17, 16})
    with (
        pytest.MonkeyPatch.context() as patch,
        SampleCtgov(size=150, seed=5, mean_bytes=6_000, compress=False) as ctgov,
        SamplePubchem(size=100, seed=5, compress=False) as pubchem,
        SampleSofascore(size=40, seed=3, compress=False) as sofascore,
        SampleComments(size=150, seed=5, inbox=folder / "inbox", compress=False) as comments,
    ):
        patch.setattr(competitions, "load", lambda: few)
        patch.setattr(tables, "TABLES", match_tables.MATCH_TABLES)
        patch.setattr(build, "_write_derived", lambda run, candidate: None)
        lighten(patch)
        upstreams = {"ctgov": ctgov, "pubchem": pubchem, "sofascore": sofascore, "comments": comments}
        inbox = Inbox(Store.of_folder(folder / "inbox"))
        beside = {"comments": {"inbox": inbox, "keys": {AUTHORS: b"a key of the tests alone"}}}
        yield Worlds(postgres, template_database, folder, upstreams, beside)
