"""The row counts of 33 real runs that once were published one after the other, through the -2 % rule.

docs/upstreams/pubchem.md: two collapses were published then; here neither is, nor any half-recovered step.
"""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from include.publishing import promotion
from include.publishing.candidate import Candidate
from include.publishing.manifest import manifest_key, require
from include.publishing.policy import Policy
from include.publishing.promotion import PromotionRefused
from include.quality import figures
from include.quality.contract import Metric
from include.registry.registry import Registry
from include.storage.store import Store
from include.version import version_id
from tests import toy
from tests.soda import harness

pytestmark = pytest.mark.recordings
GOOD_BEFORE_THE_NEW_LEVEL = [
    "2026-02-23",
    "2026-02-27",
    "2026-03-21",
    "2026-04-28",
    "2026-05-27",
    "2026-05-28",
]
NEW_LEVEL = "2026-06-09"


def candidate(store: Store, registry: Registry, at: datetime, rows: int) -> str:
    latest = registry.latest(toy.SOURCE)
    previous = require(store, toy.SOURCE, latest.version) if latest else None
    version = version_id(at, at.isoformat())
    with Candidate(store, toy.SOURCE, version, [toy.THINGS], 1, previous) as made:
        columns = [pa.array(range(rows), pa.int64()), pa.nulls(rows, pa.string()), pa.array(["x"] * rows)]
        made.write("things", pa.Table.from_arrays(columns, schema=toy.THINGS.schema).to_batches())
        manifest = made.seal(
            run_id=at.isoformat(),
            as_of=at,
            created_at=at,
            code_version="test",
            cursors={},
            counts={"received": rows},
            upstream={},
        )
    registry.stage(manifest, store.sha256(manifest_key(toy.SOURCE, version)))
    toy.judge(store, registry, manifest)
    return version


def test_collapses_are_rejected_recoveries_pass_and_a_new_level_needs_one_acceptance(
    store: Store, registry: Registry, recordings: Path
) -> None:
    with (recordings / "pubchem/peer/row_count_history.csv").open() as handle:
        runs = [(row["last_collected_at"], int(row["trials_rows"])) for row in csv.DictReader(handle)]
    assert len(runs) == 33
    promoted: list[str] = []
    for stamp, rows in runs:
        day = stamp[:10]
        before = registry.latest(toy.SOURCE)
        version = candidate(store, registry, datetime.fromisoformat(stamp), rows)
        try:
            done = promotion.promote(store, registry, toy.SOURCE, version, policy=Policy(), owner=day)
            assert done.latest == version
            promoted.append(day)
        except PromotionRefused:
            assert registry.latest(toy.SOURCE) == before, "latest is unchanged"
            if day == NEW_LEVEL:
                assert promoted == GOOD_BEFORE_THE_NEW_LEVEL
                promotion.accept(
                    store, registry, toy.SOURCE, version, who="operator", reason="6 % lower for good"
                )
                promoted.append(day)
    later = [stamp[:10] for stamp, _ in runs if stamp[:10] > NEW_LEVEL]
    assert promoted == [*GOOD_BEFORE_THE_NEW_LEVEL, NEW_LEVEL, *later]


def test_without_an_acceptance_the_new_level_stays_out(
    store: Store, registry: Registry, recordings: Path
) -> None:
    with (recordings / "pubchem/peer/row_count_history.csv").open() as handle:
        runs = {row["last_collected_at"][:10]: int(row["trials_rows"]) for row in csv.DictReader(handle)}
    start = toy.START
    first = candidate(store, registry, start, runs["2026-05-28"])
    promotion.promote(store, registry, toy.SOURCE, first, policy=Policy(), owner="t")
    for day, rows in enumerate([runs["2026-06-09"], runs["2026-07-19"]], start=1):
        version = candidate(store, registry, start + timedelta(days=day), rows)
        with pytest.raises(PromotionRefused, match="percent"):
            promotion.promote(store, registry, toy.SOURCE, version, policy=Policy(), owner="t")


def row_rule(source: str, table: str) -> Metric:
    """The rule of a contract on the rows against the last good version."""
    body = harness.declared_checks(source)[f"{table}.checks.metric.change_rows"].body
    assert isinstance(body, Metric)
    return body


def holds(rule: Metric, table: str, rows: int, previous_rows: int | None) -> bool:
    """Whether so many rows pass after so many in the last good version."""
    delta = figures.rows_delta_percent(rows, previous_rows)
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE changes (table_name VARCHAR, rows BIGINT, previous_rows BIGINT, "
            "rows_delta_percent DOUBLE)"
        )
        connection.execute("INSERT INTO changes VALUES (?, ?, ?, ?)", [table, rows, previous_rows, delta])
        (value,) = connection.execute(str(rule.query)).fetchone() or (None,)
    least = rule.threshold.must_be_greater_than_or_equal
    assert least is not None and value is not None
    return bool(value >= least)


@pytest.mark.parametrize(
    ("source", "table"),
    [("pubchem", "trials"), ("pubchem", "trial_compounds"), ("clinical", "clinical_compound_trials")],
)
def test_the_real_contracts_decide_like_the_rule_of_the_toy_table(
    recordings: Path, source: str, table: str
) -> None:
    with (recordings / "pubchem/peer/row_count_history.csv").open() as handle:
        runs = [(row["last_collected_at"][:10], int(row["trials_rows"])) for row in csv.DictReader(handle)]
    rule, last_good = row_rule(source, table), None
    promoted = []
    for day, rows in runs:
        if holds(rule, table, rows, last_good) or day == NEW_LEVEL:
            promoted.append(day)
            last_good = rows
    assert promoted == [*GOOD_BEFORE_THE_NEW_LEVEL, NEW_LEVEL, *(day for day, _ in runs if day > NEW_LEVEL)]
    assert not holds(rule, table, dict(runs)[NEW_LEVEL], dict(runs)["2026-05-28"]), "accepted, not passed"
