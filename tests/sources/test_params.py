"""No param makes a run leave a hole: a watermark never moves past what was not asked for.

Whatever a run was asked for, an ordinary run after it publishes what one undisturbed run of everything would.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from include import pipeline
from include.publishing.manifest import Manifest
from include.sources import source as sources
from include.sources.ctgov.extract import OVERLAP
from include.sources.pubchem import extract as pubchem_extract
from tests.sources.daily import DailyRuns
from tests.sources.worlds import World, small_worlds

DAGS = Path(__file__).resolve().parents[2] / "dags"
Params = dict[str, Any]
FIRST: dict[str, list[Params]] = {
    "ctgov": [{"limit": 40}, {"since": "2099-01-01"}, {"full_refresh": True, "limit": 40}],
    "pubchem": [{"limit": 10}, {"names": 0}, {"names": 5}, {"full_refresh": True, "limit": 10}],
    "sofascore": [
        {"limit": 5},
        {"competition": "17"},
        {"competition": "17", "limit": 5},
        {"season": "2026-27"},
        {"from": "2026-10-01"},
        {"to": "2026-10-01"},
    ],
}
"""What the very first run of a source is asked for."""
LATER: dict[str, list[Params]] = {
    "ctgov": [
        {"since": "the data version's day"},
        {"since": "one day past the window's beginning"},
        {"since": "2099-01-01"},
        {"since": "2001-01-01"},
        {"since": "the data version's day", "limit": 1},
        {"limit": 1},
        {"limit": 40},
        {"full_refresh": True},
        {"full_refresh": True, "limit": 40},
    ],
    "pubchem": [
        {"limit": 3},
        {"names": 0},
        {"full_refresh": True},
        {"full_refresh": True, "limit": 3, "names": 0},
    ],
    "sofascore": [
        {"limit": 1},
        {"competition": "16"},
        {"competition": "17", "season": "2026-27", "limit": 2},
        {"season": "2025-26"},
        {"from": "2026-11-17", "to": "2026-11-17"},
        {"from": "2026-11-18"},
        {"to": "2026-10-01"},
        {"full_refresh": True},
        {"full_refresh": True, "limit": 3},
        {"full_refresh": True, "competition": "16"},
        {"tolerate_failed": 3},
    ],
}
"""What a run is asked for that comes between two ordinary ones."""
WHEN_ASKED = {"checked_at", "asked_at"}
"""Columns that tell when somebody asked; the hash over such a row tells it too."""


def asked_by(source: str) -> set[str]:
    """The names of the params of a source's DAG."""
    tree = ast.parse((DAGS / f"{source}.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    given = [word.value for call in calls for word in call.keywords if word.arg == "params"]
    return {key.value for each in given for key in each.keys}  # type: ignore[attr-defined]


@pytest.mark.parametrize("source", sources.names())
def test_every_param_of_a_dag_has_its_case(source: str) -> None:
    cases = [*FIRST.get(source, ()), *LATER.get(source, ())]
    assert {name for params in cases for name in params} == asked_by(source)


@dataclass(frozen=True)
class Known:
    """What the tests begin with, and what they must end with."""

    empty: Callable[[str], World]
    """Makes worlds in which a source has published nothing, and ctgov has, whose names pubchem looks up."""
    published: Callable[[], World]
    """Makes worlds in which every source was published; its upstream has moved on since."""
    whole: Callable[[str, bool], dict[str, list[str]]]
    """The tables that an undisturbed run of everything makes, as the first one or as a later one."""
    in_no_feed: set[str]
    """Studies whose end only the list of all ids tells."""


@pytest.fixture(scope="module")
def known(postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    with (
        pytest.MonkeyPatch.context() as patch,
        small_worlds(postgres, template_database, tmp_path_factory.mktemp("params")) as worlds,
    ):
        # Otherwise what PubChem was asked for before has its turn within a week, and names within half a year.
        patch.setattr(pubchem_extract, "ROUND_DAYS", 1)
        patch.setattr(pubchem_extract, "NAME_AGE", pubchem_extract.RESTED)
        in_no_feed: set[str] = set()
        empty, published = worlds.copy(), worlds.copy()
        empty.daily("ctgov").publish(0)
        for source in FIRST:
            published.daily(source).publish(0)
        for _ in range(2):
            moved = {source: upstream.advance() for source, upstream in worlds.upstreams.items()}
            in_no_feed |= {*moved["ctgov"].removed, *moved["ctgov"].withheld_unlisted}

        def begun(source: str) -> World:
            return worlds.copy() if source == "ctgov" else worlds.copy(empty)

        @cache
        def whole(source: str, first: bool) -> dict[str, list[str]]:
            daily = (begun(source) if first else worlds.copy(published)).daily(source)
            daily.publish(2, full_refresh=True)
            # What PubChem says of names leads to further ones.
            ordinary(daily, 3)
            return latest(daily, in_no_feed)

        yield Known(begun, lambda: worlds.copy(published), whole, in_no_feed)


def tables(daily: DailyRuns, manifest: Manifest, in_no_feed: set[str]) -> dict[str, list[str]]:
    """Every table that is not about the past, row by row, without what tells only when it was asked for."""
    found: dict[str, list[str]] = {}
    for entry in manifest.tables:
        if entry.name != "removals":
            rows = [row for row in daily.rows(manifest, entry.name) if row.get("nct_id") not in in_no_feed]
            dated = any(WHEN_ASKED & row.keys() for row in rows)
            left_out = {*WHEN_ASKED, "content_hash"} if dated else set()
            found[entry.name] = sorted(
                str({name: value for name, value in row.items() if name not in left_out}) for row in rows
            )
    return found


def ordinary(daily: DailyRuns, day: float) -> None:
    """What the scheduler does: a run that ends where its probe finds nothing new."""
    run = daily.run(day)
    if not pipeline.probe(run, daily.session()).new:
        return
    pipeline.extract(run, daily.session())
    pipeline.build(run)
    assert pipeline.judge(run).passed
    pipeline.promote(run)


def latest(daily: DailyRuns, in_no_feed: set[str]) -> dict[str, list[str]]:
    base = daily.run(9).base
    assert base is not None
    return tables(daily, base, in_no_feed)


def same(found: dict[str, list[str]], expected: dict[str, list[str]]) -> None:
    """Fail with the rows that differ."""
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        assert sorted({*found[table]} ^ {*rows}) == [], table


def filled_in(daily: DailyRuns, params: Params) -> Params:
    """Params whose dates depend on what is there."""
    if daily.source != "ctgov" or "since" not in params:
        return params
    posted = daily.registry.watermarks("ctgov").get("last_update_posted", "2026-01-01")
    dates = {
        "the data version's day": daily.upstream.data_version[:10],
        "one day past the window's beginning": str(date.fromisoformat(posted) - OVERLAP + timedelta(days=1)),
    }
    return {**params, "since": dates.get(params["since"], params["since"])}


def cases(given: dict[str, list[Params]]) -> list[Any]:
    return [
        pytest.param(source, params, id=f"{source} {' '.join(f'{k}={v}' for k, v in params.items())}")
        for source, some in given.items()
        for params in some
    ]


@pytest.mark.parametrize(("source", "params"), cases(FIRST))
def test_an_ordinary_run_after_a_first_one_that_was_asked_for_something_completes_it(
    known: Known, source: str, params: Params
) -> None:
    daily = known.empty(source).daily(source)
    daily.publish(2, **filled_in(daily, params))
    ordinary(daily, 3)
    same(latest(daily, known.in_no_feed), known.whole(source, True))


@pytest.mark.parametrize(("source", "params"), cases(LATER))
def test_an_ordinary_run_after_one_that_was_asked_for_something_publishes_what_an_undisturbed_one_would(
    known: Known, source: str, params: Params
) -> None:
    daily = known.published().daily(source)
    if "tolerate_failed" in params:
        match = max(n for n, each in daily.upstream.matches().items() if each.code == 100)
        daily.upstream.faults([{"kind": "error", "match": match, "part": "lineups", "times": None}])
    daily.publish(2, **filled_in(daily, params))
    daily.upstream.faults([])
    ordinary(daily, 3)
    same(latest(daily, known.in_no_feed), known.whole(source, False))
