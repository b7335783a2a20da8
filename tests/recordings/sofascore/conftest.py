"""The recorded SofaScore, and a store and a registry of their own for each story that is told about it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from include.registry.registry import Registry
from include.storage.store import Store
from tests.recordings.sofascore import replay
from tests.sources.daily import DailyRuns

Pipelines = Callable[[replay.SofaScore], DailyRuns]


@pytest.fixture(scope="session")
def pipelines(postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Pipelines:
    """Makes pipelines that have published nothing yet; their databases go with the server."""
    numbers = itertools.count()

    def make(upstream: replay.SofaScore) -> DailyRuns:
        name = f"sofascore_{next(numbers)}_{abs(hash(tmp_path_factory.getbasetemp())):x}"
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}")
        folder = tmp_path_factory.mktemp(name) / "store"
        dsn = make_conninfo(postgres, dbname=name)
        return DailyRuns(
            "sofascore", Store.from_uri(folder.as_uri()), Registry(lambda: psycopg.connect(dsn)), upstream
        )

    return make
