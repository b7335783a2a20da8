"""What a value of the upstream can be is the same to parser and contracts: else one row holds all competitions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.quality import contract
from include.quality.contract import Check, Contract, FailedRows, Invalid
from include.sources.sofascore.match_tables import (
    COUNTED,
    MATCH_TABLES,
    RANGES,
    RATING_LABEL,
    SUCCEEDED,
    Range,
)

OURS = {
    ("best_players", "rank"),
    ("match_parts", "rows"),
    ("competition_seasons", "season_year"),
}
"""Columns with bounds that no value of a match is read into: they are counted, or come from the list of seasons."""
OF_OUR_OWN_MAKING = {
    ("appearances", "played"),
    ("competition_seasons", "labels"),
    ("match_parts", "states"),
    ("matches", "results"),
    ("matches", "states"),
}
"""Rules about a row that block and hold whatever the upstream says: the parser computes what they compare."""


def contract_of(table: str) -> Contract:
    return contract.load(contract.CONTRACTS / "sofascore" / f"{table}.yml")


def blocking(table: str) -> Iterator[Check]:
    return (check for check in contract_of(table).all_checks() if check.body.blocks)


@pytest.mark.parametrize("table", [table.name for table in MATCH_TABLES])
def test_what_the_parser_takes_is_what_the_contract_allows(table: str) -> None:
    bounds = {
        check.column: Range(check.body.valid_min, check.body.valid_max)
        for check in blocking(table)
        if isinstance(check.body, Invalid) and {check.body.valid_min, check.body.valid_max} != {None}
        if (table, check.column) not in OURS
    }
    expected = {column: range_ for column, range_ in RANGES.get(table, {}).items() if range_ != COUNTED}
    assert bounds == expected


@pytest.mark.parametrize("table", [table.name for table in MATCH_TABLES])
def test_no_other_rule_about_one_row_blocks(table: str) -> None:
    found = {
        (table, str(check.body.qualifier))
        for check in blocking(table)
        if isinstance(check.body, FailedRows)
        and check.body.expression is not None
        and check.rule == "contract"
    }
    assert found <= OF_OUR_OWN_MAKING


@pytest.mark.parametrize("table", SUCCEEDED)
def test_counts_that_the_contract_warns_of_are_never_taken(table: str) -> None:
    rules = {check.body.qualifier: check.body for check in contract_of(table).all_checks()}
    negative, tried = (" ".join(str(rules[name].expression).split()) for name in ("negative", "tried"))
    counts = {name.strip() for name in negative.split("least(")[1].split(")")[0].split(",")}
    floats = {"expected_goals"}
    assert counts - floats <= {column for column, range_ in RANGES[table].items() if range_.least == 0}
    for succeeded, of in SUCCEEDED[table].items():
        assert f"{succeeded} > {of}" in tried or succeeded == "long_balls"


def test_the_rating_of_a_best_player_is_the_value_of_that_label() -> None:
    (check,) = (each for each in blocking("best_players") if each.column == "value")
    assert isinstance(check.body, Invalid)
    assert check.body.filter == f"label = '{RATING_LABEL}'"
