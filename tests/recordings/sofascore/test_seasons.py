"""Every season of the recorded lists gets the right year and label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from include.sources.sofascore.competitions import season_label, season_year


class Season(NamedTuple):
    """One season of a recorded list."""

    competition: str
    name: str
    year: str


@pytest.fixture(scope="module")
def seasons(recordings: Path) -> list[Season]:
    found = [
        Season(path.stem, season["name"], season["year"])
        for path in sorted((recordings / "sofascore" / "seasons").glob("*.json"))
        for season in json.loads(path.read_text(encoding="utf-8"))["seasons"]
    ]
    assert len(found) > 250
    return found


def independent(text: str) -> tuple[int, str]:
    """Year and label read digit by digit: no season of the lists is older than 1960 or as late as 2060."""
    start, _, end = text.partition("/")
    year = int(start) if len(start) == 4 else next(y for y in range(1960, 2060) if str(y).endswith(start))
    return year, f"{year}-{end[-2:]}" if end else str(year)


def test_every_season_gets_the_year_and_label_of_an_independent_reading(seasons: list[Season]) -> None:
    wrong = [
        season
        for season in seasons
        if (season_year(season.year), season_label(season.year)) != independent(season.year)
    ]
    assert wrong == []


def test_the_lists_hold_all_spellings(seasons: list[Season]) -> None:
    assert {(len(season.year), "/" in season.year) for season in seasons} == {
        (5, True),
        (4, False),
        (9, True),
    }


def test_no_season_of_a_competition_shares_its_label_with_another(seasons: list[Season]) -> None:
    labels = [(season.competition, season_label(season.year)) for season in seasons]
    assert len(labels) == len(set(labels))


def test_the_lists_run_from_the_newest_season_to_the_oldest(seasons: list[Season]) -> None:
    for competition in {season.competition for season in seasons}:
        years = [season_year(season.year) for season in seasons if season.competition == competition]
        assert years == sorted(years, reverse=True)
