"""Versions of ctgov and pubchem to build clinical from: those of the samples, or a few rows that a test states."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pyarrow as pa
import pytest
from psycopg.conninfo import make_conninfo

from include.publishing import manifest as manifests
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.registry import watermarks
from include.registry.registry import Registry
from include.sources import source as sources
from include.storage.store import Store
from sandbox.ctgov.server import SampleUpstream as SampleCtgov
from sandbox.pubchem.server import SampleUpstream as SamplePubchem
from tests.sources.daily import DailyRuns, make_run

SIZE, SEED = 400, 5
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class World:
    """The three pipelines on one store and registry."""

    ctgov: DailyRuns
    pubchem: DailyRuns
    clinical: DailyRuns

    @classmethod
    def of(cls, store: Store, registry: Registry, ctgov: Any = None, pubchem: Any = None) -> World:
        return cls(
            DailyRuns("ctgov", store, registry, ctgov),
            DailyRuns("pubchem", store, registry, pubchem),
            DailyRuns("clinical", store, registry),
        )

    @property
    def store(self) -> Store:
        return self.clinical.store

    @property
    def registry(self) -> Registry:
        return self.clinical.registry

    def latest(self, source: str) -> Manifest:
        """The manifest of what consumers of a source read."""
        latest = self.registry.latest(source)
        assert latest is not None
        return manifests.require(self.store, source, latest.version)

    def input(self, source: str, table: str) -> list[dict[str, Any]]:
        """A table of the latest version of an input."""
        return self.clinical.rows(self.latest(source), table)

    def state(self, source: str, day: float, tables: Mapping[str, Rows]) -> Manifest:
        """Make a version of an input latest that holds these rows in order of their keys, and none in its
        other tables. No gate looks at it: it may be a version that nobody would promote."""
        run = make_run(source, self.store, self.registry, day)
        declared = sources.load(source).schema()
        assert tables.keys() <= {table.name for table in declared.tables}
        with Candidate(self.store, source, run.version, declared.tables, declared.version, None) as candidate:
            for table in declared.tables:
                rows = [_filled(table.schema, row) for row in tables.get(table.name, ())]
                candidate.write(table.name, pa.Table.from_pylist(rows, table.schema).to_batches())
            sealed = candidate.seal(
                run_id=run.run_id,
                as_of=run.interval_end,
                created_at=run.interval_end,
                code_version="test",
                cursors={},
                counts={},
                upstream={},
            )
        self.registry.stage(sealed, "0" * 64)
        with self.registry.transaction() as cursor:
            cursor.execute(
                "INSERT INTO lastgood.latest (source, version) VALUES (%(source)s, %(version)s) "
                "ON CONFLICT (source) DO UPDATE SET version = %(version)s",
                {"source": source, "version": sealed.version},
            )
            watermarks.set_to(cursor, sealed.source, sealed.version, sealed.cursors)
        return sealed


def _filled(schema: pa.Schema, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose required columns have some value, and whose keys are all columns."""
    assert row.keys() <= set(schema.names), row.keys() - set(schema.names)
    some: dict[str, Any] = {"int32": 0, "int64": 0, "bool": False, "string": "-"}
    required = {field.name: some.get(str(field.type)) for field in schema if not field.nullable}
    return {**required, **row}


@pytest.fixture
def world(store: Store, registry: Registry) -> World:
    """Pipelines where nothing was published yet."""
    return World.of(store, registry)


@pytest.fixture(scope="module")
def copies(
    postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], World]]:
    """Makes copies of a world whose ctgov and pubchem published their samples on day 0; nobody may advance those.

    PubChem knows some studies by an id that ctgov knows as an alias.
    """
    folder = tmp_path_factory.mktemp("clinical")
    made: list[str] = []

    def database(template: str) -> str:
        made.append(f"clinical_{folder.name}_{len(made)}".replace("-", "_"))
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {made[-1]} TEMPLATE {template}")
        return make_conninfo(postgres, dbname=made[-1])

    def opened(path: Path, dsn: str) -> World:
        registry = Registry(lambda: psycopg.connect(dsn))
        return World.of(Store.from_uri(path.as_uri()), registry, ctgov, pubchem)

    with (
        SampleCtgov(size=SIZE, seed=SEED, compress=False) as ctgov,
        SamplePubchem(size=SIZE, seed=SEED, compress=False) as pubchem,
    ):
        rename_to_aliases(ctgov, pubchem)
        base = opened(folder / "base", database(template_database))
        base.ctgov.publish(0)
        base.pubchem.publish(0)
        template = made[-1]

        def copy() -> World:
            shutil.copytree(folder / "base", folder / f"copy-{len(made)}")
            return opened(folder / f"copy-{len(made)}", database(template))

        yield copy
    with psycopg.connect(postgres, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def rename_to_aliases(ctgov: SampleCtgov, pubchem: SamplePubchem) -> None:
    """Let PubChem list trials by the former ids of their studies, which its sample does not."""
    held, world = pubchem.trials(), pubchem._world
    for study in ctgov.studies():
        identification = study["protocolSection"]["identificationModule"]
        key = ("clinicaltrials", identification["nctId"])
        for alias in identification.get("nctIdAliases", [])[:1]:
            if key in held:
                world._delete(key)
                world._add(msgspec.structs.replace(held[key], id=alias))


@pytest.fixture
def samples(copies: Callable[[], World]) -> World:
    """A world whose ctgov and pubchem published their samples on day 0; clinical published nothing."""
    return copies()
