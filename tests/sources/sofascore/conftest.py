"""Runs of sofascore against a small sample upstream, without Airflow."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from include.pipeline import OpenRun
from include.publishing.manifest import Manifest
from include.registry.registry import Registry
from include.sources.sofascore import build, competitions, match_tables, tables
from include.sources.sofascore.competitions import Competition
from include.sources.sofascore.discover import units
from include.sources.sofascore.extract import PATHS
from include.sources.sofascore.known_matches import DISCOVERY
from include.sources.sofascore.records import Reply
from include.storage.landing import Landed
from include.storage.store import Store
from sandbox.sofascore.server import SampleUpstream
from tests.sources.conftest import lighten
from tests.sources.daily import DailyRuns

SIZE, SEED = 40, 3
LEAGUE, CUP = 17, 16
ABSENT = 679
"""A configured competition that so small a sample does not have."""
LEAGUE_BEFORE, LEAGUE_NOW, CUP_BEFORE, CUP_NOW = 17125, 17126, 16124, 16126
"""Seasons of the sample: in those before everything is over, but for some matches that were never played."""

_PART_OF = {path: part for part, path in PATHS.items()}
_number = count()


def asked(upstream: SampleUpstream) -> Counter[tuple[int, str]]:
    """How often each part of each match was asked for."""
    below = [each.path.partition("/event/")[2] for each in upstream.requests]
    split = [path.partition("/") for path in below if path]
    return Counter((int(match), _PART_OF[slash + rest]) for match, slash, rest in split)


def lists(upstream: SampleUpstream) -> Counter[tuple[int, str]]:
    """How often each list of each season was asked for: its season, and rounds, events/last/0 and so on."""
    below = [each.path.partition("/season/")[2].partition("/") for each in upstream.requests]
    return Counter((int(season), rest) for season, _, rest in below if season)


def discovery(run: OpenRun) -> Landed:
    """What a run's finished discovery landed."""
    return Landed.completed(run.store, f"raw/sofascore/{run.version}/{DISCOVERY}")


def plan(run: OpenRun) -> dict[int, tuple[str, ...]]:
    """The parts that a run's plan asks for, by match."""
    return {match.match: match.ask for unit in units(discovery(run)) for match in unit.matches}


def unit_keys(run: OpenRun) -> list[str]:
    """The keys of the units of a run's plan."""
    return [unit.key for unit in units(discovery(run))]


def landed(run: OpenRun, unit: str) -> list[Reply]:
    """What landed of a unit so far."""
    found = Landed.present(run.store, f"raw/{run.source}/{run.version}/{unit}")
    return [msgspec.json.decode(line, type=Reply) for line in found.read("matches")] if found else []


def there(upstream: SampleUpstream, match: int) -> tuple[str, ...]:
    """The parts that the upstream has of a match."""
    return tuple(part for part in match_tables.PARTS if part in upstream.bodies(match))


def states(daily: DailyRuns, manifest: Manifest) -> dict[tuple[int, str], str]:
    """How each part of each match ended, as published."""
    return {(row["match_id"], row["part"]): row["state"] for row in daily.rows(manifest, "match_parts")}


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> tuple[Competition, ...]:
    """Of the configured competitions those that the sample has, and one that it does not have."""
    return _configure(monkeypatch)


def _configure(patch: pytest.MonkeyPatch) -> tuple[Competition, ...]:
    chosen = tuple(each for each in competitions.load() if each.id in {LEAGUE, ABSENT, CUP})
    patch.setattr(competitions, "load", lambda: chosen)
    return chosen


@pytest.fixture
def only_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute nothing from the matches: for tests that are about the matches themselves."""
    monkeypatch.setattr(tables, "TABLES", match_tables.MATCH_TABLES)
    monkeypatch.setattr(build, "_write_derived", lambda *_: None)


@pytest.fixture
def upstream() -> Iterator[SampleUpstream]:
    """A sample of its first day."""
    with SampleUpstream(size=SIZE, seed=SEED, compress=False) as sample:
        yield sample


@pytest.fixture
def daily(
    store: Store,
    registry: Registry,
    upstream: SampleUpstream,
    configured: tuple[Competition, ...],
    light_gate: None,
    only_matches: None,
) -> DailyRuns:
    """A pipeline that has published nothing yet."""
    return DailyRuns("sofascore", store, registry, upstream, attempts=2)


@dataclass(frozen=True)
class Base:
    """A store and a registry in which the run of day 1 is published; `manifest` is its."""

    root: Path
    database: str
    manifest: Manifest


@pytest.fixture(scope="session")
def base(postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """What is copied for every test that begins after day 1."""
    root = tmp_path_factory.mktemp("sofascore") / "store"
    database = "sofascore_base"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database} TEMPLATE {template_database}")
    dsn = make_conninfo(postgres, dbname=database)
    registry = Registry(lambda: psycopg.connect(dsn))
    with (
        pytest.MonkeyPatch.context() as patch,
        SampleUpstream(size=SIZE, seed=SEED, compress=False) as upstream,
    ):
        _configure(patch)
        lighten(patch)
        manifest = DailyRuns("sofascore", Store.from_uri(root.as_uri()), registry, upstream).publish(1)
    return Base(root, database, manifest)


@pytest.fixture
def copied(
    base: Base,
    postgres: str,
    tmp_path: Path,
    upstream: SampleUpstream,
    configured: tuple[Competition, ...],
    light_gate: None,
) -> Iterator[DailyRuns]:
    """A pipeline that has published day 1; its upstream is still that of then."""
    database = f"sofascore_copy_{next(_number)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database} TEMPLATE {base.database}")
    subprocess.run(["cp", "-a", str(base.root), str(tmp_path / "copy")], check=True)
    dsn = make_conninfo(postgres, dbname=database)
    store = Store.from_uri((tmp_path / "copy").as_uri())
    yield DailyRuns("sofascore", store, Registry(lambda: psycopg.connect(dsn)), upstream, attempts=2)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture
def published(copied: DailyRuns, only_matches: None) -> DailyRuns:
    """The same, of which only the matches are rebuilt.

    A table that is no longer served is dropped by a person, or the gate refuses: here are those that are computed.
    """
    made = {table.name for table in match_tables.MATCH_TABLES}
    with copied.registry.transaction() as cursor:
        cursor.execute(
            "SELECT table_name FROM lastgood.serving WHERE NOT table_name = ANY(%s)", (list(made),)
        )
        for row in cursor.fetchall():
            cursor.execute(
                sql.SQL("DROP TABLE {}").format(sql.Identifier("published", f"sofascore_{row['table_name']}"))
            )
    return copied
