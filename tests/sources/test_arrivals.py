"""A key that the upstream renames from one day on stops the run that brings it, however much was there before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from include import pipeline
from include.publishing.verdict import CheckOutcome
from include.quality import contract
from include.registry.registry import Registry
from include.storage.store import Store
from sandbox.ctgov.server import SampleUpstream as Studies
from sandbox.sofascore.server import SampleUpstream as Matches
from tests.sources.conftest import lighten
from tests.sources.daily import DailyRuns

WEEK = 7
"""Days of the sample until the run that is judged: it brings a dozen matches, or three dozen studies."""
LEFT = 20
"""Percent: a few studies that were withheld keep what they had."""


@pytest.fixture(scope="module")
def registry_of_module(postgres: str, template_database: str) -> Iterator[Registry]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE arrivals TEMPLATE {}").format(sql.Identifier(template_database))
        )
    dsn = make_conninfo(postgres, dbname="arrivals")
    yield Registry(lambda: psycopg.connect(dsn))


def published(source: str, upstream: Studies | Matches, registry: Registry, folder: Path) -> DailyRuns:
    """A source with one good version, whose upstream went on by a week."""
    daily = DailyRuns(source, Store.from_uri(folder.as_uri()), registry, upstream)
    with pytest.MonkeyPatch.context() as patch:
        lighten(patch)
        daily.publish(1)
    upstream.advance(WEEK)
    return daily


@pytest.fixture(scope="module")
def matches(registry_of_module: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DailyRuns]:
    with Matches(size=240, covered=True, compress=False) as upstream:
        yield published("sofascore", upstream, registry_of_module, tmp_path_factory.mktemp("matches"))


@pytest.fixture(scope="module")
def studies(registry_of_module: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DailyRuns]:
    with Studies(size=1_000, mean_bytes=8_000, compress=False) as upstream:
        yield published("ctgov", upstream, registry_of_module, tmp_path_factory.mktemp("studies"))


def failed(
    monkeypatch: pytest.MonkeyPatch, daily: DailyRuns, table: str, renamed: str | None = None
) -> list[CheckOutcome]:
    """What the contract of a table refuses of a run in which a key of the upstream bears another name."""
    monkeypatch.setattr(
        contract,
        "load_all",
        lambda source, *_: {table: contract.CONTRACTS / source / f"{table}.yml"},
    )
    if renamed:
        texts = {f'"{renamed}"': f'"{renamed}Renamed"'}
        daily.upstream.faults([{"kind": "replaced", "times": None, "texts": texts}])
    run, _ = daily.candidate(WEEK + 1 + len(daily.registry.versions(daily.source)) / 100)
    daily.upstream.faults([])
    return [check for check in pipeline.judge(run).checks if not check.passed]


@pytest.mark.parametrize(
    ("table", "key", "column"),
    [
        ("appearances", "goalAssist", "assists"),
        ("appearances", "saves", "saves"),
        ("appearances", "keyPass", "key_passes"),
        ("appearances", "totalPass", "passes"),
        ("appearances", "minutesPlayed", "minutes_played"),
        ("appearances", "rating", "rating"),
        ("match_statistics", "cornerKicks", "corners"),
        ("incidents", "incidentClass", "class"),
        ("shots", "xg", "xg"),
    ],
)
def test_a_figure_of_matches(
    monkeypatch: pytest.MonkeyPatch, matches: DailyRuns, table: str, key: str, column: str
) -> None:
    found = failed(monkeypatch, matches, table, key)
    (arrived,) = [check for check in found if check.id == "checks.failed_rows.change_arrivals"]
    assert arrived.rule == "change"
    assert any(row["column_name"] == column and row["filled_percent"] < LEFT for row in arrived.samples)


@pytest.mark.parametrize(
    ("table", "key", "column"),
    [
        ("conditions", "conditionsModule", "(rows)"),
        ("studies", "conditionsModule", "n_conditions"),
        ("studies", "enrollmentInfo", "enrollment_count"),
        ("sponsors", "sponsorCollaboratorsModule", "(rows)"),
    ],
)
def test_a_module_of_studies(
    monkeypatch: pytest.MonkeyPatch, studies: DailyRuns, table: str, key: str, column: str
) -> None:
    found = failed(monkeypatch, studies, table, key)
    (arrived,) = [check for check in found if check.id == "checks.failed_rows.change_arrivals"]
    assert any(row["column_name"] == column and row["filled_percent"] < LEFT for row in arrived.samples)


def test_a_week_of_matches_as_usual_passes(monkeypatch: pytest.MonkeyPatch, matches: DailyRuns) -> None:
    assert failed(monkeypatch, matches, "appearances") == []


def test_a_week_of_studies_as_usual_passes(monkeypatch: pytest.MonkeyPatch, studies: DailyRuns) -> None:
    assert failed(monkeypatch, studies, "studies") == []
