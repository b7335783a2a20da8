"""The contracts of clinical by really running Soda: they pass on sound tables, and name what is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from tests.soda import harness
from tests.soda.clinical.world import BY_NAME, FIRST_CID, intervention, nct_id, study, world
from tests.soda.harness import Tables, edited, not_passed, past, replaced, spoilt, with_rows, without

verify = partial(harness.verify, "clinical")
Damage = Callable[[Tables], Tables]
TRIALS, INTERVENTIONS = "clinical_compound_trials", "intervention_compounds"


@pytest.fixture(scope="module")
def sound() -> Tables:
    """Tables of 300 studies; never changed in place."""
    return world()


@pytest.fixture(scope="module")
def large() -> Tables:
    """Tables of 2,600 studies, enough for every rule; never changed in place."""
    return world(2_600)


@pytest.mark.parametrize(("studies", "resolved"), [(1, True), (20, False), (2_600, True)])
def test_first_tables_of_any_size_pass_every_check(studies: int, resolved: bool) -> None:
    assert not_passed(verify(world(studies, resolved))) == {}


@pytest.mark.parametrize(("studies", "resolved"), [(4, True), (300, True), (2_600, False)])
def test_tables_of_any_size_pass_against_themselves_and_their_history(studies: int, resolved: bool) -> None:
    tables = world(studies, resolved)

    assert not_passed(verify(tables, tables, past(tables))) == {}


def test_no_interventions_at_all_pass() -> None:
    tables = world(300, resolved=False)
    tables |= {INTERVENTIONS: tables[INTERVENTIONS].slice(0, 0)}

    assert not_passed(verify(tables, tables)) == {}


def test_first_names_pass_after_a_version_without_names() -> None:
    found = not_passed(verify(world(300), world(300, resolved=False)))

    assert found == {f"{INTERVENTIONS}.checks.metric.change_content": "WARN"}


def test_many_studies_with_names_not_asked_yet_pass_after_a_few_with_answers() -> None:
    few, many = world(300), world(3_000, resolved=False)
    later = few | {
        TRIALS: pa.concat_tables([few[TRIALS], many[TRIALS].slice(600)]),
        INTERVENTIONS: pa.concat_tables([few[INTERVENTIONS], many[INTERVENTIONS].slice(300)]),
    }

    assert not_passed(verify(later, few, only=[INTERVENTIONS])) == {}


def test_nothing_at_all_is_refused() -> None:
    outcomes = verify({name: table.schema.empty_table() for name, table in BY_NAME.items()})

    assert not_passed(outcomes) == {f"{TRIALS}.checks.row_count": "FAILED"}


REQUIRED = {
    f"{table.name}.columns.{column.name}.checks.missing": table.name
    for table in BY_NAME.values()
    for column in table.columns
    if column.required
}


@pytest.mark.parametrize("table", list(BY_NAME))
def test_nulls_in_required_columns_row_that_stands_twice_and_cut_hash_are_found(
    sound: Tables, table: str
) -> None:
    outcomes = verify(spoilt(sound, table), only=[table])

    expected = [check for check, where in REQUIRED.items() if where == table]
    expected += [f"{table}.checks.duplicate", f"{table}.columns.content_hash.checks.invalid"]
    assert {check: outcomes[check] for check in expected} == dict.fromkeys(expected, "FAILED")


@pytest.mark.parametrize("table", list(BY_NAME))
def test_missing_column_is_found(sound: Tables, table: str) -> None:
    lost = sound | {table: sound[table].drop_columns(["content_hash"])}

    assert verify(lost, only=[table])[f"{table}.checks.schema"] == "FAILED"


BY_LINK = {"link_rules", "link_names"}
OPTIONAL = {
    name: {column.name for column in table.columns if not column.required} - BY_LINK
    for name, table in BY_NAME.items()
}
"""Columns that may be null in a row, but never in all; the link says when its rules and names are."""


@pytest.mark.parametrize("table", list(OPTIONAL))
def test_every_column_that_is_empty_everywhere_is_named(large: Tables, table: str) -> None:
    empty = large
    for column in OPTIONAL[table]:
        empty = replaced(empty, table, column, None)
    check = f"{table}.checks.failed_rows.empty"

    assert {row["column_name"] for row in harness.samples("clinical", empty, check) or []} == OPTIONAL[table]
    assert verify(empty, only=[table])[check] == "FAILED"


def first(row: dict[str, Any]) -> bool:
    return (row["nct_id"], row.get("cid")) == (nct_id(0), FIRST_CID)


def one(column: str, value: Any) -> Damage:
    """A value in the row of the first study and its first compound, which are linked by name."""
    return lambda tables: edited(tables, TRIALS, first, **{column: value})


BROKEN: dict[str, tuple[Damage, dict[str, str]]] = {
    "cid 0": (
        lambda t: with_rows(t, BY_NAME[TRIALS], [study(0, 0, "pubchem")]),
        {f"{TRIALS}.columns.cid.checks.invalid": "FAILED"},
    ),
    "NCT id cut": (
        lambda t: with_rows(
            t,
            BY_NAME[TRIALS],
            [
                study(0, FIRST_CID, "pubchem")
                | {"nct_id": "NCT1"}
                | dict.fromkeys(["ctgov_url", "source_url"], "https://clinicaltrials.gov/study/NCT1")
            ],
        ),
        {f"{TRIALS}.columns.nct_id.checks.invalid": "FAILED"},
    ),
    "name of nothing": (
        one("compound_name", "None"),
        {f"{TRIALS}.columns.compound_name.checks.invalid": "WARN"},
    ),
    "phase as PubChem writes it": (
        one("phase", "Phase 1/Phase 2"),
        {f"{TRIALS}.columns.phase.checks.invalid": "WARN"},
    ),
    "new status": (
        one("overall_status", "PAUSED"),
        {f"{TRIALS}.columns.overall_status.checks.invalid": "WARN"},
    ),
    "link made up": (
        lambda t: edited(t, TRIALS, first, link="guess"),
        {f"{TRIALS}.columns.link.checks.invalid": "FAILED"},
    ),
    "conditions lost in a fifth": (
        lambda t: replaced(t, TRIALS, "conditions", None, 120),
        {f"{TRIALS}.checks.failed_rows.filled": "FAILED"},
    ),
    "names of compounds lost in a tenth": (
        lambda t: replaced(t, TRIALS, "compound_name", None, 60),
        {f"{TRIALS}.checks.failed_rows.filled": "FAILED"},
    ),
    "address of another study": (
        lambda t: edited(
            t,
            TRIALS,
            first,
            **dict.fromkeys(["ctgov_url", "source_url"], "https://clinicaltrials.gov/study/NCT1"),
        ),
        {f"{TRIALS}.checks.failed_rows.urls": "FAILED"},
    ),
    "alias that differs": (
        one("source_url", "https://pubchem.ncbi.nlm.nih.gov/compound/1000"),
        {f"{TRIALS}.checks.failed_rows.urls": "FAILED"},
    ),
    "address of another compound": (
        one("pubchem_url", "https://pubchem.ncbi.nlm.nih.gov/compound/1"),
        {f"{TRIALS}.checks.failed_rows.urls": "FAILED"},
    ),
    "link by name without a rule": (
        one("link_rules", None),
        {f"{TRIALS}.checks.failed_rows.links": "FAILED"},
    ),
    "link by another rule": (
        one("link_rules", ["trial"]),
        {f"{TRIALS}.checks.failed_rows.links": "FAILED"},
    ),
    "link by name without a name": (
        one("link_names", None),
        {f"{TRIALS}.checks.failed_rows.links": "FAILED"},
    ),
    "link of PubChem that a name makes too": (
        one("link", "pubchem"),
        {f"{TRIALS}.checks.failed_rows.links": "FAILED"},
    ),
    "link by a name that nothing resolved": (
        lambda t: without(t, INTERVENTIONS, lambda row: row["nct_id"] == nct_id(0)),
        {f"{TRIALS}.checks.failed_rows.links": "FAILED"},
    ),
    "list without elements": (one("targets", []), {f"{TRIALS}.checks.failed_rows.lists": "FAILED"}),
    "empty element": (one("conditions", [""]), {f"{TRIALS}.checks.failed_rows.lists": "FAILED"}),
    "element twice": (one("interventions", ["a", "a"]), {f"{TRIALS}.checks.failed_rows.lists": "FAILED"}),
    "updated in the future": (
        one("last_update_date", date(2200, 1, 1)),
        {f"{TRIALS}.checks.failed_rows.date_range": "WARN"},
    ),
    "dates misread": (
        lambda t: replaced(t, TRIALS, "start_date", date(1970, 1, 1), 40),
        {f"{TRIALS}.checks.metric.date_plausible": "WARN"},
    ),
    "ends in a far future": (
        lambda t: replaced(t, TRIALS, "completion_date", date(2999, 1, 1), 40),
        {f"{TRIALS}.checks.metric.date_plausible": "WARN"},
    ),
    "same study under many ids": (
        lambda t: edited(
            t,
            TRIALS,
            lambda row: int(row["nct_id"][3:]) < 30,
            title="Study",
            conditions=["x"],
            interventions=["y"],
            phase="NA",
            start_date=date(2015, 1, 1),
            completion_date=date(2016, 1, 1),
        ),
        {f"{TRIALS}.checks.metric.repeated": "WARN"},
    ),
    "NCT id of an intervention cut": (
        lambda t: with_rows(t, BY_NAME[INTERVENTIONS], [intervention(1, None, True) | {"nct_id": "NCT1"}]),
        {f"{INTERVENTIONS}.columns.nct_id.checks.invalid": "FAILED"},
    ),
    "ordinal 0": (
        lambda t: replaced(t, INTERVENTIONS, "ordinal", 0, 1),
        {f"{INTERVENTIONS}.columns.ordinal.checks.invalid": "FAILED"},
    ),
    "part 13": (
        lambda t: replaced(t, INTERVENTIONS, "part", 13, 1),
        {f"{INTERVENTIONS}.columns.part.checks.invalid": "FAILED"},
    ),
    "name empty": (
        lambda t: replaced(t, INTERVENTIONS, "name", "", 1),
        {f"{INTERVENTIONS}.columns.name.checks.invalid": "FAILED"},
    ),
    "chosen CID 0": (
        lambda t: replaced(replaced(t, INTERVENTIONS, "cid", 0, 1), INTERVENTIONS, "candidates", [0], 1),
        {
            f"{INTERVENTIONS}.columns.cid.checks.invalid": "FAILED",
            f"{INTERVENTIONS}.checks.failed_rows.links": "FAILED",
        },
    ),
    "rule made up": (
        lambda t: edited(t, INTERVENTIONS, lambda row: row["nct_id"] == nct_id(1), rule="guess"),
        {f"{INTERVENTIONS}.columns.rule.checks.invalid": "FAILED"},
    ),
    "chosen by a rule that does not choose": (
        lambda t: replaced(t, INTERVENTIONS, "rule", "ambiguous", 1),
        {f"{INTERVENTIONS}.checks.failed_rows.rules": "FAILED"},
    ),
    "nothing chosen by a rule that chooses": (
        lambda t: edited(t, INTERVENTIONS, lambda row: row["nct_id"] == nct_id(1), rule="single"),
        {f"{INTERVENTIONS}.checks.failed_rows.rules": "FAILED"},
    ),
    "candidates not kept": (
        lambda t: replaced(t, INTERVENTIONS, "candidates", None, 1),
        {f"{INTERVENTIONS}.checks.failed_rows.candidates": "FAILED"},
    ),
    "chosen beside the candidates": (
        lambda t: replaced(t, INTERVENTIONS, "candidates", [5], 1),
        {f"{INTERVENTIONS}.checks.failed_rows.candidates": "FAILED"},
    ),
    "matched name not kept": (
        lambda t: replaced(t, INTERVENTIONS, "matched_name", None, 1),
        {f"{INTERVENTIONS}.checks.failed_rows.candidates": "FAILED"},
    ),
    "none in spite of candidates": (
        lambda t: edited(t, INTERVENTIONS, lambda row: row["nct_id"] == nct_id(1), candidates=[5]),
        {f"{INTERVENTIONS}.checks.failed_rows.candidates": "FAILED"},
    ),
    "chosen compound without a row": (
        lambda t: without(t, TRIALS, first),
        {f"{INTERVENTIONS}.checks.failed_rows.links": "FAILED"},
    ),
    "chosen compound that is linked by PubChem alone": (
        lambda t: edited(t, TRIALS, first, link="pubchem"),
        {f"{INTERVENTIONS}.checks.failed_rows.links": "FAILED"},
    ),
    "look-ups that failed": (
        lambda t: edited(
            t, INTERVENTIONS, lambda row: row["cid"] is None and int(row["nct_id"][3:]) < 30, rule="failed"
        ),
        {f"{INTERVENTIONS}.checks.metric.failed": "WARN"},
    ),
}


@pytest.mark.parametrize(("damage", "expected"), BROKEN.values(), ids=list(BROKEN))
def test_damage_is_found_by_the_checks_that_name_it_and_by_no_other_and_its_rows_are_shown(
    sound: Tables, damage: Damage, expected: dict[str, str]
) -> None:
    table, broken = next(iter(expected)).split(".", 1)[0], damage(sound)

    assert not_passed(verify(broken, only=[table])) == expected
    assert all(harness.samples("clinical", broken, check) != [] for check in expected)


def same(tables: Tables) -> Tables:
    return tables


def one_study_each(tables: Tables) -> Tables:
    """Every compound with the last of its studies only."""
    last = {row["cid"]: row for row in tables[TRIALS].to_pylist()}
    return tables | {TRIALS: pa.Table.from_pylist(list(last.values()), BY_NAME[TRIALS].schema)}


def other_ids(tables: Tables) -> Tables:
    """Other studies in the place of a quarter of them."""
    rows = [
        row | ({"nct_id": f"NCT9{row['nct_id'][4:]}"} if at % 4 == 0 else {})
        for at, row in enumerate(tables[TRIALS].to_pylist())
    ]
    return tables | {TRIALS: pa.Table.from_pylist(rows, BY_NAME[TRIALS].schema)}


# What stood in the last good version, what stands now, and what is said about it.
CHANGED: dict[str, tuple[Damage, Damage, dict[str, str]]] = {
    "3 percent of the rows lost": (
        same,
        lambda t: without(t, TRIALS, lambda row: row["nct_id"] < nct_id(9)),
        {f"{TRIALS}.checks.metric.change_rows": "FAILED"},
    ),
    "one study for each compound": (
        same,
        one_study_each,
        {
            f"{TRIALS}.checks.metric.change_rows": "FAILED",
            f"{TRIALS}.checks.metric.change_per_compound": "FAILED",
            f"{TRIALS}.checks.metric.change_deleted": "FAILED",
            f"{TRIALS}.checks.failed_rows.change_links": "WARN",
        },
    ),
    "other studies": (other_ids, same, {f"{TRIALS}.checks.metric.change_deleted": "FAILED"}),
    "links by name lost": (
        lambda t: world(300),
        lambda t: world(300, resolved=False),
        {
            f"{TRIALS}.checks.failed_rows.change_links": "WARN",
            f"{TRIALS}.checks.failed_rows.change_fill": "FAILED",
        },
    ),
    "targets lost": (
        same,
        lambda t: replaced(t, TRIALS, "targets", None),
        {f"{TRIALS}.checks.failed_rows.change_fill": "FAILED"},
    ),
    "newest studies lost": (
        same,
        lambda t: without(t, TRIALS, lambda row: row["nct_id"] == nct_id(299)),
        {f"{TRIALS}.checks.failed_rows.change_newest": "WARN"},
    ),
    "interventions lost": (
        same,
        lambda t: without(t, INTERVENTIONS, lambda row: row["nct_id"] < nct_id(9)),
        {f"{INTERVENTIONS}.checks.metric.change_rows": "FAILED"},
    ),
    "names that were resolved are not": (
        same,
        lambda t: edited(
            t,
            INTERVENTIONS,
            lambda row: row["nct_id"] < nct_id(60),
            cid=None,
            rule="none",
            matched_name=None,
            candidates=None,
        ),
        {f"{INTERVENTIONS}.checks.failed_rows.change_fill": "FAILED"},
    ),
}


@pytest.mark.parametrize(("before", "now", "expected"), CHANGED.values(), ids=list(CHANGED))
def test_change_is_found_by_the_rules_that_name_it_and_by_no_other(
    sound: Tables, before: Damage, now: Damage, expected: dict[str, str]
) -> None:
    table = next(iter(expected)).split(".", 1)[0]

    assert not_passed(verify(now(sound), before(sound), only=[table])) == expected


@pytest.mark.parametrize("table", list(BY_NAME))
def test_content_that_changed_everywhere_and_a_low_level_are_warned_of(sound: Tables, table: str) -> None:
    other = replaced(sound, table, "content_hash", "0" * 32)

    assert not_passed(verify(other, sound, past(sound, 1.1), only=[table])) == {
        f"{table}.checks.metric.change_content": "WARN",
        f"{table}.checks.metric.change_level": "WARN",
    }


@pytest.mark.parametrize("table", list(BY_NAME))
def test_few_rows_less_in_a_small_table_pass_and_a_collapse_of_it_does_not(table: str) -> None:
    before = world(30)
    check = f"{table}.checks.metric.change_rows"
    rows = before[table].num_rows

    def of(keep: int) -> str:
        return verify(before | {table: before[table].slice(0, keep)}, before, only=[table])[check]

    assert of(rows - 1) == "PASSED"
    assert of(rows // 2) == "FAILED"


def test_one_row_for_each_of_many_compounds_is_refused_without_any_history() -> None:
    rows = [study(number, FIRST_CID + number, "pubchem") for number in range(1_000)]
    tables = world(1, resolved=False)
    placeholders = tables | {TRIALS: harness.table_of(BY_NAME[TRIALS], rows)}

    assert not_passed(verify(placeholders, only=[TRIALS])) == {
        f"{TRIALS}.checks.metric.placeholders": "FAILED"
    }


# What was published on 2026-05-01 and 2026-06-01 in the place of so many rows.
@pytest.mark.parametrize(("good", "collapsed"), [(110_847, 12_010), (109_599, 11_912)])
def test_the_collapses_that_once_were_published_are_refused_and_the_recovery_passes(
    good: int, collapsed: int
) -> None:
    tables, check = world(1, resolved=False), f"{TRIALS}.checks.metric.change_rows"
    row, schema = study(0, FIRST_CID, "pubchem"), BY_NAME[TRIALS].schema
    columns = {name: pa.array([row.get(name)] * good, schema.field(name).type) for name in schema.names}
    columns["cid"] = pa.array([number % collapsed for number in range(good)])
    columns["nct_id"] = pa.array([nct_id(number) for number in range(good)])
    full = tables | {TRIALS: pa.table(columns)}
    broken = tables | {TRIALS: full[TRIALS].slice(0, collapsed)}

    assert verify(broken, full, only=[TRIALS])[check] == "FAILED"
    assert verify(full, broken, only=[TRIALS])[check] == "PASSED"


def test_change_rules_are_the_checks_an_operator_may_accept() -> None:
    rules = {check: body.rule for check, body in harness.declared_checks("clinical").items()}

    assert all((rule == "change") == (".change_" in check) for check, rule in rules.items())
    assert all(f"{table}.checks.metric.change_rows" in rules for table in BY_NAME)


def test_every_check_of_every_contract_is_seen_to_fail_by_a_test_above() -> None:
    tested = {check for _, expected in BROKEN.values() for check in expected}
    tested |= {check for _, _, expected in CHANGED.values() for check in expected} | set(REQUIRED)
    for table in BY_NAME:
        for check in (
            "schema",
            "duplicate",
            "metric.change_level",
            "metric.change_content",
            "failed_rows.empty",
        ):
            tested.add(f"{table}.checks.{check}")
        tested.add(f"{table}.columns.content_hash.checks.invalid")
    tested |= {f"{TRIALS}.checks.row_count", f"{TRIALS}.checks.metric.placeholders"}
    declared = set(harness.declared_checks("clinical"))
    # Rules that every table of every source has are tested in tests/quality/test_arrivals.py and test_figures.py.
    tested |= {check for check in declared if check.endswith((".change_arrivals", ".change_rise"))}

    assert declared - tested == {f"{INTERVENTIONS}.checks.row_count"}, "this table may be empty"
    assert tested - declared == set()
