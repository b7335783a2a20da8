"""The figures beside a candidate's tables: how far a table may rise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pytest

from include.quality import contract, figures
from include.quality.failing_rows import failing_rows
from include.sources import source as sources

RISE = "checks.failed_rows.change_rise"


def history(*rows: int) -> list[dict[str, Any]]:
    """Good versions of one table, oldest first; what a version has more than the one before is new in it."""
    before = (0, *rows)
    return [
        {
            "version": f"v{place}",
            "as_of": None,
            "table_name": "conditions",
            "rows": each,
            "new": max(each - before[place], 0),
            "changed": 0,
            "deleted": 0,
        }
        for place, each in enumerate(rows)
    ]


def rises_too_far(now: int, then: Sequence[dict[str, Any]], *, asked: bool = False) -> bool:
    """Whether a contract's rule blocks a table of `now` rows after such versions."""
    rule = next(
        check
        for check in contract.load(contract.CONTRACTS / "ctgov" / "conditions.yml").all_checks()
        if check.id == RISE
    )
    query = failing_rows(rule, ["nct_id"])
    assert query is not None and rule.rule == "change"
    previous = then[-1]["rows"] if then else None
    changes = [
        {
            "table_name": "conditions",
            "rows": now,
            "previous_rows": previous,
            "new": 0,
            "changed": 0,
            "deleted": 0,
        }
    ]
    with duckdb.connect() as connection:
        figures.register(connection, changes, then, asked=asked)
        return bool(connection.sql(query).fetchall())


WEEK = (10_000, 10_010, 10_020, 10_500, 10_520, 10_530, 10_540)


def test_a_table_that_doubles_blocks() -> None:
    assert rises_too_far(20_000, history(*WEEK))


def test_a_rise_as_large_as_a_few_of_those_before_passes() -> None:
    assert not rises_too_far(10_540 + 4 * 480, history(*WEEK))
    assert rises_too_far(10_540 + 4 * 480 + 1, history(*WEEK))


def test_a_return_to_a_level_of_a_good_version_passes() -> None:
    assert not rises_too_far(20_000, history(20_000, *WEEK))


def test_a_level_that_was_accepted_passes_from_then_on() -> None:
    assert not rises_too_far(20_100, history(*WEEK, 20_000))


def test_the_first_load_does_not_tell_what_a_run_brings() -> None:
    assert rises_too_far(30_000, history(*[10_000] * 10))


def test_a_rise_that_was_asked_for_passes() -> None:
    assert not rises_too_far(20_000, history(*WEEK), asked=True)


def test_nothing_blocks_before_there_is_a_week_of_versions() -> None:
    assert not rises_too_far(20_000, history(*WEEK[:6]))
    assert not rises_too_far(20_000, history())


def test_a_hundred_rows_of_a_small_table_are_no_rise() -> None:
    assert not rises_too_far(110, history(*[10] * 10))
    assert rises_too_far(111, history(*[10] * 10))


@pytest.mark.parametrize("source", sources.names())
def test_every_table_whose_fall_blocks_has_a_rise_that_blocks(source: str) -> None:
    tables = [table.name for table in sources.load(source).schema().tables]
    for path in contract.load_all(source, tables).values():
        ids = {check.id for check in contract.load(path).all_checks()}
        assert (RISE in ids) == ("checks.metric.change_rows" in ids), path
