"""Worlds: a store and a registry together, copied for each test from one in which something is published already."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pytest_httpserver import HTTPServer

from include.registry.registry import Registry
from include.storage.store import Store
from tests.recordings.ctgov.test_publish import serve
from tests.recordings.pubchem import replay
from tests.sources.daily import DailyRuns


@dataclass(frozen=True)
class World:
    """A store with its registry."""

    database: str
    folder: Path
    store: Store
    registry: Registry


Tables = dict[str, list[dict[str, Any]]]
Worlds = Callable[[World | None], World]


@pytest.fixture(scope="session")
def worlds(
    postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worlds]:
    """Makes copies of a world, or empty ones."""
    made: list[str] = []
    numbers = itertools.count()

    def make(model: World | None = None) -> World:
        name = f"world_{next(numbers)}_{abs(hash(tmp_path_factory.getbasetemp())):x}"
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE {model.database if model else template_database}"
            )
        made.append(name)
        folder = tmp_path_factory.mktemp(name) / "store"
        if model:
            shutil.copytree(model.folder, folder)
        dsn = make_conninfo(postgres, dbname=name)
        return World(name, folder, Store.from_uri(folder.as_uri()), Registry(lambda: psycopg.connect(dsn)))

    yield make
    with psycopg.connect(postgres, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _blank_database(worlds: Worlds) -> World:
    return worlds(None)


@pytest.fixture
def blank(_blank_database: World, tmp_path: Path) -> World:
    """An empty world, cheaper than a copy: nothing may be promoted in it."""
    world = _blank_database
    with world.registry.transaction() as cursor:
        cursor.execute(
            "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') AS names FROM pg_tables "
            "WHERE schemaname = 'lastgood' AND tablename <> 'alembic_version'"
        )
        cursor.execute(f"TRUNCATE {(cursor.fetchone() or {})['names']} CASCADE")
    folder = tmp_path / "store"
    return replace(world, folder=folder, store=Store.from_uri(folder.as_uri()))


@pytest.fixture(scope="session")
def with_studies(worlds: Worlds, recordings: Path) -> World:
    """A world in which 30 recorded studies are published as ctgov."""
    world = worlds(None)
    studies = json.loads((recordings / "ctgov/studies/nsclc_100.json").read_text(encoding="utf-8"))[:30]
    with HTTPServer(host="127.0.0.1", port=0) as server:
        serve(server, studies)
        upstream = SimpleNamespace(url=server.url_for("").rstrip("/"))
        DailyRuns("ctgov", world.store, world.registry, upstream).publish(0)
    return world


@pytest.fixture(scope="session")
def published(worlds: Worlds, recordings: Path) -> World:
    """A world in which the recorded PubChem is published on day 1.

    A test that promotes takes a copy of it; one that only builds in it does so on a day of its own, 3 to 6.
    """
    world = worlds(None)
    with replay.recorded_pubchem(recordings) as upstream:
        DailyRuns("pubchem", world.store, world.registry, upstream).publish(1)
    return world


@pytest.fixture
def pubchem(recordings: Path) -> Iterator[replay.PubChem]:
    """The recorded PubChem."""
    with replay.recorded_pubchem(recordings) as upstream:
        yield upstream


def _small(recordings: Path) -> replay.PubChem:
    upstream = replay.recorded_pubchem(recordings, many=3)
    upstream.listed = {
        replay.ALL: [6, 38, 51, *replay.listed(recordings)[100:103]],
        replay.CTGOV: [6, 38, 51],
        replay.EU: [6],
        replay.JAPAN: [51],
    }
    return upstream


@pytest.fixture
def small(recordings: Path) -> Iterator[replay.PubChem]:
    """The recorded PubChem with six compounds, three of which have trials."""
    with _small(recordings) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def undisturbed(worlds: Worlds, recordings: Path) -> Tables:
    """The tables of a first run that asks `small` without any fault."""
    world = worlds(None)
    with _small(recordings) as upstream:
        daily = DailyRuns("pubchem", world.store, world.registry, upstream)
        _, manifest = daily.candidate(1)
        return {entry.name: daily.rows(manifest, entry.name) for entry in manifest.tables}
