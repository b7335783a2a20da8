"""The contracts of pubchem by really running Soda: they pass on sound tables, and name what is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from tests.soda import harness
from tests.soda.harness import (
    Tables,
    edited,
    not_passed,
    past,
    replaced,
    spoilt,
    table_of,
    with_rows,
    without,
)
from tests.soda.pubchem.world import ASKED, BY_NAME, FIRST_CID, compound, trial, unit, world

verify = partial(harness.verify, "pubchem")
Damage = Callable[[Tables], Tables]
OPTIONAL = {
    "compounds": [column.name for column in BY_NAME["compounds"].columns if not column.required],
    "trials": [column.name for column in BY_NAME["trials"].columns if not column.required],
}
"""Columns that may be null in a row, but never in all; in the other tables the state says when they are."""


@pytest.fixture(scope="module")
def sound() -> Tables:
    """Tables of 300 compounds with trials; never changed in place."""
    return world()


def first(row: dict[str, Any]) -> bool:
    return row.get("cid") == FIRST_CID


def failed(tables: Tables, units: int, collection: str | None = None) -> Tables:
    """The first units of the work list (of one collection) failed in their last run."""
    rows = tables["work_list"].to_pylist()
    keys = [(row["cid"], row["collection"]) for row in rows if collection in {None, row["collection"]}]
    chosen = set(keys[:units])
    return edited(
        tables,
        "work_list",
        lambda row: (row["cid"], row["collection"]) in chosen,
        state="failed",
        failures=1,
        error="503 ServerBusy",
    )


def names_failed(tables: Tables, count: int) -> Tables:
    """So many of the names without candidates failed in their last look-up."""
    unknown = [row["name"] for row in tables["names"].to_pylist() if row["state"] == "none"]
    chosen = set(unknown[:count])
    return edited(tables, "names", lambda row: row["name"] in chosen, state="failed", error="503 ServerBusy")


def unknown_names(tables: Tables, count: int) -> Tables:
    """The tables after look-ups of so many names that PubChem does not know."""
    rows = [
        {"name": f"unknown {number}", "state": "none", "asked_at": ASKED, "n_candidates": 0}
        for number in range(count)
    ]
    return with_rows(tables, BY_NAME["names"], rows)


@pytest.mark.parametrize(("compounds", "names"), [(1, 0), (20, 15), (1_200, 0)])
def test_first_tables_of_any_size_pass_every_check(compounds: int, names: int) -> None:
    assert not_passed(verify(world(compounds, names))) == {}


@pytest.mark.parametrize(("compounds", "names"), [(5, 3), (300, 240), (1_200, 900)])
def test_tables_of_any_size_pass_against_themselves_and_their_history(compounds: int, names: int) -> None:
    tables = world(compounds, names)

    assert not_passed(verify(tables, tables, past(tables))) == {}


def test_first_tables_without_titles_of_which_most_compounds_have_no_trials_pass_with_warnings(
    sound: Tables,
) -> None:
    untitled = replaced(sound, "compounds", "title", None)
    listed = [unit(2_000 + number, "clinicaltrials", 0) for number in range(1_200)]
    described = [unit(row["cid"], "properties", 1) for row in listed]
    empty = {
        "clinicaltrials": [row["cid"] for row in listed],
        "clinicaltrials_eu": [],
        "clinicaltrials_jp": [],
    }
    more = [compound(row["cid"], empty) | {"title": None} for row in listed]
    tables = with_rows(untitled, BY_NAME["compounds"], more)
    tables = with_rows(tables, BY_NAME["work_list"], listed + described)

    assert not_passed(verify(tables)) == {
        "compounds.checks.failed_rows.empty": "WARN",
        "trial_compounds.checks.metric.coverage": "WARN",
    }


def test_first_names_pass_after_a_version_without_names() -> None:
    assert not_passed(verify(world(300, 240), world(300, 0))) == {}


def test_nothing_at_all_is_refused() -> None:
    outcomes = verify({name: table.schema.empty_table() for name, table in BY_NAME.items()})

    asked = ("compounds", "trials", "trial_compounds", "work_list")
    assert not_passed(outcomes) == {f"{name}.checks.row_count": "FAILED" for name in asked}


REQUIRED = {
    f"{table.name}.columns.{column.name}.checks.missing": table.name
    for table in BY_NAME.values()
    for column in table.columns
    if column.required
}
NOT_EMPTY = ("compounds", "trials", "trial_compounds", "work_list")


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


@pytest.mark.parametrize("table", NOT_EMPTY)
def test_empty_table_is_refused(sound: Tables, table: str) -> None:
    empty = sound | {table: sound[table].slice(0, 0)}

    assert verify(empty, only=[table])[f"{table}.checks.row_count"] == "FAILED"


@pytest.mark.parametrize("table", list(OPTIONAL))
def test_every_column_that_is_empty_everywhere_is_named(sound: Tables, table: str) -> None:
    empty = sound
    for column in OPTIONAL[table]:
        empty = replaced(empty, table, column, None)
    checks = [f"{table}.checks.failed_rows.{name}" for name in ("filled", "empty")]
    declared = [check for check in checks if check in harness.declared_checks("pubchem")]
    named = {
        row["column_name"] for check in declared for row in harness.samples("pubchem", empty, check) or []
    }

    assert named == set(OPTIONAL[table])
    outcomes = verify(empty, only=[table])
    # A compound without a title is known by its IUPAC name.
    found = {"FAILED", "WARN"} if table == "compounds" else {"FAILED"}
    assert {outcomes[check] for check in declared} == found


TRIAL = {"collection": "clinicaltrials", "trial_id": "NCT99999999"}
BROKEN: dict[str, tuple[Damage, dict[str, str]]] = {
    "cid 0": (
        lambda t: edited(
            t, "compounds", first, cid=0, pubchem_url="https://pubchem.ncbi.nlm.nih.gov/compound/0"
        ),
        {
            "compounds.columns.cid.checks.invalid": "FAILED",
        },
    ),
    "title of nothing": (
        lambda t: edited(t, "compounds", first, title="nan"),
        {"compounds.columns.title.checks.invalid": "WARN"},
    ),
    "InChI that is a SMILES": (
        lambda t: edited(t, "compounds", first, inchi="CCO"),
        {"compounds.columns.inchi.checks.invalid": "FAILED"},
    ),
    "InChIKey cut": (
        lambda t: edited(t, "compounds", first, inchikey="AAAAAAAAAAAAAA-UHFFFAOYSA"),
        {"compounds.columns.inchikey.checks.invalid": "FAILED"},
    ),
    "tenth of the formulas lost": (
        lambda t: edited(t, "compounds", lambda row: row["cid"] % 10 == 0, molecular_formula=None),
        {"compounds.checks.failed_rows.filled": "FAILED"},
    ),
    "every title lost": (
        lambda t: edited(t, "compounds", title=None),
        {"compounds.checks.failed_rows.empty": "WARN"},
    ),
    "third of the compounds without a name": (
        lambda t: edited(t, "compounds", lambda row: row["cid"] % 3 == 0, title=None, iupac_name=None),
        {"compounds.checks.metric.named": "FAILED"},
    ),
    "weight 0": (
        lambda t: edited(t, "compounds", first, molecular_weight=0.0),
        {"compounds.checks.failed_rows.ranges": "FAILED"},
    ),
    "negative count": (
        lambda t: edited(t, "compounds", first, heavy_atom_count=-1),
        {"compounds.checks.failed_rows.ranges": "FAILED"},
    ),
    "page of another compound": (
        lambda t: edited(t, "compounds", first, pubchem_url="https://pubchem.ncbi.nlm.nih.gov/compound/1"),
        {"compounds.checks.failed_rows.url": "FAILED"},
    ),
    "InChIKeys the same": (
        lambda t: edited(
            t, "compounds", lambda row: row["cid"] % 8 == 0, inchikey="A" * 14 + "-UHFFFAOYSA-N"
        ),
        {"compounds.checks.metric.inchikeys": "FAILED"},
    ),
    "listed without trials": (
        lambda t: edited(t, "compounds", first, has_trials=False),
        {"compounds.checks.failed_rows.listed": "WARN"},
    ),
    "registries not read": (
        lambda t: edited(
            t, "compounds", in_clinicaltrials=False, in_clinicaltrials_eu=False, in_clinicaltrials_jp=False
        ),
        {"compounds.checks.metric.registries": "WARN"},
    ),
    "compound of nothing": (
        lambda t: with_rows(
            t,
            BY_NAME["compounds"],
            [
                {
                    **t["compounds"].slice(t["compounds"].num_rows - 1).to_pylist()[0],
                    "cid": 999_999,
                    "pubchem_url": "https://pubchem.ncbi.nlm.nih.gov/compound/999999",
                }
            ],
        ),
        {"compounds.checks.failed_rows.known_for": "WARN"},
    ),
    "collection made up": (
        lambda t: replaced(t, "trials", "collection", "sibling", 1),
        {
            "trials.columns.collection.checks.invalid": "FAILED",
            "trials.checks.failed_rows.n_compounds": "FAILED",
        },
    ),
    "trial without a number": (
        lambda t: edited(t, "trials", lambda row: row["trial_id"] == "JPRN-jRCT0000000", trial_id=""),
        {
            "trials.columns.trial_id.checks.invalid.length": "FAILED",
            "trials.checks.failed_rows.n_compounds": "FAILED",
        },
    ),
    "NCT id cut": (
        lambda t: edited(t, "trials", lambda row: row["trial_id"] == "NCT00000000", trial_id="NCT1"),
        {
            "trials.columns.trial_id.checks.invalid.nct": "FAILED",
            "trials.checks.failed_rows.n_compounds": "FAILED",
        },
    ),
    "NCT id in the EU register": (
        lambda t: edited(
            t, "trials", lambda row: row["trial_id"] == "2010-000000-11", trial_id="NCT99999999"
        ),
        {
            "trials.columns.trial_id.checks.invalid.eudract": "WARN",
            "trials.checks.failed_rows.n_compounds": "FAILED",
        },
    ),
    "trial title of nothing": (
        lambda t: replaced(t, "trials", "title", "", 1),
        {"trials.columns.title.checks.invalid": "WARN"},
    ),
    "phase N/A": (
        lambda t: replaced(t, "trials", "phase", "N/A", 1),
        {"trials.columns.phase.checks.invalid": "FAILED"},
    ),
    "script for an address": (
        lambda t: replaced(t, "trials", "url", "javascript:alert(1)", 1),
        {"trials.columns.url.checks.invalid": "FAILED"},
    ),
    "http address": (
        lambda t: replaced(t, "trials", "url", "http://registry.example/1", 1),
        {"trials.columns.url.checks.invalid": "FAILED"},
    ),
    "placeholder for a compound without trials": (
        lambda t: with_rows(t, BY_NAME["trials"], [trial("clinicaltrials", 99_999) | {"n_compounds": 0}]),
        {"trials.columns.n_compounds.checks.invalid": "FAILED"},
    ),
    "trial that nothing links": (
        lambda t: with_rows(t, BY_NAME["trials"], [trial("clinicaltrials", 99_999)]),
        {"trials.checks.failed_rows.n_compounds": "FAILED"},
    ),
    "wrong number of compounds": (
        lambda t: replaced(t, "trials", "n_compounds", 9, 1),
        {"trials.checks.failed_rows.n_compounds": "FAILED"},
    ),
    "conditions lost in a third": (
        lambda t: replaced(t, "trials", "conditions", None, 400),
        {"trials.checks.failed_rows.filled": "FAILED"},
    ),
    "no diseases": (
        lambda t: replaced(t, "trials", "disease_ids", None),
        {"trials.checks.failed_rows.empty": "FAILED"},
    ),
    "list without elements": (
        lambda t: replaced(t, "trials", "conditions", [], 1),
        {"trials.checks.failed_rows.lists": "FAILED"},
    ),
    "blank element": (
        lambda t: replaced(t, "trials", "disease_ids", ["9765", " "], 1),
        {"trials.checks.failed_rows.lists": "FAILED"},
    ),
    "pipe string not split": (
        lambda t: replaced(t, "trials", "conditions", ["Solid Tumor|Advanced Solid Tumor"], 1),
        {"trials.checks.failed_rows.pipes": "WARN"},
    ),
    "an unknown precision of a date": (
        lambda t: replaced(t, "trials", "updated_precision", "hour", 1),
        {"trials.columns.updated_precision.checks.invalid": "FAILED"},
    ),
    "a date without a precision": (
        lambda t: replaced(t, "trials", "updated_precision", None, 1),
        {"trials.checks.failed_rows.precision": "FAILED"},
    ),
    "a month that is not its first day": (
        lambda t: replaced(
            replaced(t, "trials", "updated_precision", "month", 1), "trials", "updated", date(2024, 12, 5), 1
        ),
        {"trials.checks.failed_rows.precision": "FAILED"},
    ),
    "updated before the web": (
        lambda t: replaced(t, "trials", "updated", date(1066, 10, 14), 1),
        {"trials.checks.failed_rows.date_range": "WARN"},
    ),
    "updated in the future": (
        lambda t: replaced(t, "trials", "updated", date(2200, 1, 1), 1),
        {"trials.checks.failed_rows.date_range": "WARN"},
    ),
    "one title on most": (
        lambda t: replaced(t, "trials", "title", "Not found", 700),
        {"trials.checks.metric.titles": "FAILED"},
    ),
    "same trial under many ids": (
        lambda t: (
            t
            | {
                "trials": table_of(
                    BY_NAME["trials"],
                    [
                        row
                        | {
                            "title": f"T {at // 2}",
                            "conditions": ["x"],
                            "interventions": "y",
                            "phase": "Phase 1",
                        }
                        | {"updated": date(2020, 1, 1)}
                        for at, row in enumerate(t["trials"].to_pylist())
                    ],
                )
            }
        ),
        {"trials.checks.metric.repeated": "WARN"},
    ),
    "link in an unknown collection": (
        lambda t: replaced(t, "trial_compounds", "collection", "sibling", 1),
        {
            "trial_compounds.columns.collection.checks.invalid": "FAILED",
            "trial_compounds.checks.failed_rows.trials": "FAILED",
        },
    ),
    "link with CID 0": (
        lambda t: replaced(t, "trial_compounds", "cid", 0, 1),
        {
            "trial_compounds.columns.cid.checks.invalid": "FAILED",
            "trial_compounds.columns.cid.checks.invalid.reference": "FAILED",
        },
    ),
    "link with an unknown compound": (
        lambda t: replaced(t, "trial_compounds", "cid", 77, 1),
        {"trial_compounds.columns.cid.checks.invalid.reference": "FAILED"},
    ),
    "link with an unknown trial": (
        lambda t: with_rows(t, BY_NAME["trial_compounds"], [TRIAL | {"cid": FIRST_CID, "confirmed": True}]),
        {"trial_compounds.checks.failed_rows.trials": "FAILED"},
    ),
    "most compounds without a link": (
        lambda t: without(t, "trial_compounds", lambda row: row["cid"] >= FIRST_CID + 150),
        {"trial_compounds.checks.metric.coverage": "WARN"},
    ),
    "unit of CID 0": (
        lambda t: with_rows(t, BY_NAME["work_list"], [unit(0, "properties", 1)]),
        {"work_list.columns.cid.checks.invalid": "FAILED"},
    ),
    "unit of an unknown collection": (
        lambda t: with_rows(t, BY_NAME["work_list"], [unit(FIRST_CID, "sibling", 0)]),
        {"work_list.columns.collection.checks.invalid": "FAILED"},
    ),
    "state made up": (
        lambda t: replaced(t, "work_list", "state", "skipped", 1),
        {"work_list.columns.state.checks.invalid": "FAILED"},
    ),
    "negative rows": (
        lambda t: with_rows(t, BY_NAME["work_list"], [unit(1, "clinicaltrials", -1)]),
        {
            "work_list.columns.rows.checks.invalid": "FAILED",
            "work_list.columns.declared.checks.invalid": "FAILED",
        },
    ),
    "negative failures": (
        lambda t: replaced(t, "work_list", "failures", -1, 1),
        {
            "work_list.columns.failures.checks.invalid": "FAILED",
            "work_list.checks.failed_rows.states": "FAILED",
        },
    ),
    "a few units failed": (
        lambda t: failed(t, 5),
        {"work_list.checks.failed_rows.any_failed": "WARN"},
    ),
    "more than 2 percent failed": (
        lambda t: failed(t, 16),
        {
            "work_list.checks.metric.failed": "FAILED",
            "work_list.checks.failed_rows.any_failed": "WARN",
        },
    ),
    "a whole registry failed": (
        lambda t: failed(t, 30, "clinicaltrials_jp"),
        {
            "work_list.checks.failed_rows.collections": "FAILED",
            "work_list.checks.metric.failed": "FAILED",
            "work_list.checks.failed_rows.any_failed": "WARN",
        },
    ),
    "failed again and again": (
        lambda t: edited(failed(t, 1), "work_list", lambda row: row["state"] == "failed", failures=4),
        {
            "work_list.checks.failed_rows.failures": "WARN",
            "work_list.checks.failed_rows.any_failed": "WARN",
        },
    ),
    "answered at no time": (
        lambda t: replaced(t, "work_list", "checked_at", None, 1),
        {"work_list.checks.failed_rows.states": "FAILED"},
    ),
    "done with an error": (
        lambda t: replaced(t, "work_list", "error", "x", 1),
        {"work_list.checks.failed_rows.states": "FAILED"},
    ),
    "failed without a reason": (
        lambda t: edited(failed(t, 1), "work_list", error=None),
        {
            "work_list.checks.failed_rows.states": "FAILED",
            "work_list.checks.failed_rows.any_failed": "WARN",
        },
    ),
    "cut at the limit": (
        lambda t: replaced(t, "work_list", "declared", 1_044, 1),
        {"work_list.checks.failed_rows.rows": "FAILED"},
    ),
    "done with nothing": (
        lambda t: with_rows(t, BY_NAME["work_list"], [unit(1, "clinicaltrials", 0) | {"state": "done"}]),
        {"work_list.checks.failed_rows.rows": "FAILED"},
    ),
    "none with rows": (
        lambda t: replaced(t, "work_list", "state", "none", 1),
        {"work_list.checks.failed_rows.rows": "FAILED"},
    ),
    "compound skipped": (
        lambda t: without(
            t, "work_list", lambda row: first(row) and row["collection"] == "clinicaltrials_jp"
        ),
        {"work_list.checks.failed_rows.asked": "WARN"},
    ),
    "properties skipped": (
        lambda t: without(t, "work_list", lambda row: first(row) and row["collection"] == "properties"),
        {"work_list.checks.failed_rows.properties": "FAILED"},
    ),
    "trials came and were lost": (
        lambda t: without(t, "trial_compounds", lambda row: row["cid"] < FIRST_CID + 10),
        {"work_list.checks.metric.links": "FAILED"},
    ),
    "some of many trials were lost": (
        lambda t: edited(t, "work_list", lambda row: row["collection"] != "properties", rows=99, declared=99),
        {"work_list.checks.metric.fewer_links": "WARN"},
    ),
    "answers of last summer": (
        lambda t: replaced(t, "work_list", "checked_at", ASKED - timedelta(days=90), 100),
        {"work_list.checks.metric.stale": "WARN"},
    ),
    "empty name": (
        lambda t: replaced(t, "names", "name", "", 1),
        {"names.columns.name.checks.invalid": "FAILED", "names.checks.failed_rows.n_candidates": "FAILED"},
    ),
    "name in capitals": (
        lambda t: with_rows(
            t,
            BY_NAME["names"],
            [{"name": "Aspirin", "state": "none", "asked_at": ASKED, "n_candidates": 0}],
        ),
        {"names.checks.failed_rows.normalized": "WARN"},
    ),
    "name in an unknown state": (
        lambda t: replaced(t, "names", "state", "maybe", 1),
        {"names.columns.state.checks.invalid": "FAILED"},
    ),
    "negative candidates": (
        lambda t: replaced(t, "names", "n_candidates", -1, 1),
        {
            "names.columns.n_candidates.checks.invalid": "FAILED",
            "names.checks.failed_rows.n_candidates": "FAILED",
        },
    ),
    "none with candidates": (
        lambda t: edited(t, "names", lambda row: row["name"] == "drug 0", state="none"),
        {"names.checks.failed_rows.states": "FAILED"},
    ),
    "found without candidates": (
        lambda t: edited(t, "names", lambda row: row["name"] == "drug 1", state="found"),
        {"names.checks.failed_rows.states": "FAILED"},
    ),
    "candidate lost": (
        lambda t: without(t, "name_candidates", lambda row: row["name"] == "drug 0" and row["position"] == 2),
        {"names.checks.failed_rows.n_candidates": "FAILED"},
    ),
    "many names failed": (
        lambda t: names_failed(t, 30),
        {"names.checks.metric.failed": "FAILED"},
    ),
    "no name is known": (
        lambda t: unknown_names(world(300, 0), 300),
        {"names.checks.metric.found": "WARN"},
    ),
    "candidate of an unknown name": (
        lambda t: with_rows(t, BY_NAME["name_candidates"], [{"name": "?", "position": 1, "cid": FIRST_CID}]),
        {"name_candidates.columns.name.checks.invalid.reference": "FAILED"},
    ),
    "position 0": (
        lambda t: edited(
            t, "name_candidates", lambda row: row["name"] == "drug 0" and row["position"] == 1, position=0
        ),
        {"name_candidates.columns.position.checks.invalid": "FAILED"},
    ),
    "gap in the positions": (
        lambda t: edited(
            t, "name_candidates", lambda row: row["name"] == "drug 0" and row["position"] == 2, position=3
        ),
        {"name_candidates.checks.failed_rows.positions": "FAILED"},
    ),
    "candidate 0": (
        lambda t: replaced(t, "name_candidates", "cid", 0, 1),
        {
            "name_candidates.columns.cid.checks.invalid": "FAILED",
            "name_candidates.columns.cid.checks.invalid.reference": "FAILED",
        },
    ),
    "candidate that is no compound": (
        lambda t: replaced(t, "name_candidates", "cid", 77, 1),
        {"name_candidates.columns.cid.checks.invalid.reference": "FAILED"},
    ),
    "candidate twice": (
        lambda t: edited(t, "name_candidates", lambda row: row["name"] == "drug 0", cid=FIRST_CID),
        {"name_candidates.checks.duplicate.candidates": "WARN"},
    ),
}


@pytest.mark.parametrize(("damage", "expected"), BROKEN.values(), ids=list(BROKEN))
def test_damage_is_found_by_the_checks_that_name_it_and_by_no_other_and_its_rows_are_shown(
    sound: Tables, damage: Damage, expected: dict[str, str]
) -> None:
    table, broken = next(iter(expected)).split(".", 1)[0], damage(sound)

    assert not_passed(verify(broken, only=[table])) == expected
    assert all(harness.samples("pubchem", broken, check) != [] for check in expected)


def fewer(table: str, where: Callable[[dict[str, Any]], bool]) -> Damage:
    return lambda tables: without(tables, table, where)


def same(tables: Tables) -> Tables:
    return tables


def vanished(tables: Tables, units: int) -> Tables:
    """The first units of a registry have no trials any more."""
    cids = set(range(FIRST_CID, FIRST_CID + units))
    return edited(
        tables,
        "work_list",
        lambda row: row["cid"] in cids and row["collection"] == "clinicaltrials",
        state="none",
        rows=0,
        declared=0,
    )


def forgotten(tables: Tables, names: int) -> Tables:
    """The first names that were found are not known any more."""
    found = [row["name"] for row in tables["names"].to_pylist() if row["state"] == "found"]
    chosen = set(found[:names])
    now = edited(tables, "names", lambda row: row["name"] in chosen, state="none", n_candidates=0)
    return without(now, "name_candidates", lambda row: row["name"] in chosen)


def rows_of(table: str, rows: Callable[[], list[dict[str, Any]]]) -> Damage:
    return lambda tables: with_rows(tables, BY_NAME[table], rows())


LAST_JAPANESE = {trial("clinicaltrials_jp", number)["trial_id"] for number in range(70, 90)}


# What stood in the last good version, what stands now, and what is said about it.
CHANGED: dict[str, tuple[Damage, Damage, dict[str, str]]] = {
    "3 percent of the compounds lost": (
        same,
        fewer("compounds", lambda row: 900_000 <= row["cid"] < 900_060),
        {"compounds.checks.metric.change_rows": "FAILED"},
    ),
    "compounds with trials lost among new ones": (
        lambda t: world(320, 0),
        same,
        {"compounds.checks.failed_rows.change_listed": "FAILED"},
    ),
    "a registry lists no compound": (
        same,
        lambda t: edited(t, "compounds", in_clinicaltrials_jp=False),
        {"compounds.checks.failed_rows.change_listed": "FAILED"},
    ),
    "XLogP of half of the compounds lost": (
        same,
        lambda t: edited(t, "compounds", lambda row: row["cid"] % 2 == 0, xlogp=None),
        {"compounds.checks.failed_rows.change_fill": "FAILED"},
    ),
    "3 percent of the trials lost": (
        same,
        fewer("trials", lambda row: "NCT00000000" <= row["trial_id"] < "NCT00000040"),
        {
            "trials.checks.metric.change_rows": "FAILED",
            "trials.checks.failed_rows.change_collections": "FAILED",
        },
    ),
    "Japanese trials lost within 2 percent": (
        same,
        fewer("trials", lambda row: row["trial_id"] in LAST_JAPANESE),
        {"trials.checks.failed_rows.change_collections": "FAILED"},
    ),
    "status of the EU trials lost": (
        same,
        lambda t: edited(t, "trials", lambda row: row["collection"] == "clinicaltrials_eu", status=None),
        {"trials.checks.failed_rows.change_fill": "FAILED"},
    ),
    "no trial updated since long": (
        lambda t: replaced(t, "trials", "updated", date(2026, 10, 30), 1),
        same,
        {"trials.checks.failed_rows.change_newest": "WARN"},
    ),
    "3 percent of the links lost": (
        same,
        fewer("trial_compounds", lambda row: "NCT00000000" <= row["trial_id"] < "NCT00000040"),
        {
            "trial_compounds.checks.metric.change_rows": "FAILED",
            "trial_compounds.checks.failed_rows.change_collections": "FAILED",
            "trial_compounds.checks.failed_rows.change_arrivals": "FAILED",
        },
    ),
    "Japanese links lost within 2 percent": (
        same,
        fewer("trial_compounds", lambda row: row["trial_id"] in LAST_JAPANESE),
        {
            "trial_compounds.checks.failed_rows.change_collections": "FAILED",
            "trial_compounds.checks.failed_rows.change_arrivals": "FAILED",
        },
    ),
    "one link for each compound": (
        same,
        lambda t: (
            t
            | {
                "trial_compounds": pa.Table.from_pylist(
                    list({row["cid"]: row for row in t["trial_compounds"].to_pylist()}.values()),
                    BY_NAME["trial_compounds"].schema,
                )
            }
        ),
        {
            "trial_compounds.checks.metric.change_per_compound": "FAILED",
            "trial_compounds.checks.metric.change_rows": "FAILED",
            "trial_compounds.checks.metric.change_deleted": "FAILED",
            "trial_compounds.checks.failed_rows.change_collections": "FAILED",
        },
    ),
    "units forgotten": (
        rows_of("work_list", lambda: [unit(cid, "properties", 1) for cid in range(1, 31)]),
        same,
        {"work_list.checks.metric.change_rows": "FAILED"},
    ),
    "trials vanished behind faults": (
        same,
        lambda t: vanished(t, 20),
        {"work_list.checks.failed_rows.change_vanished": "FAILED"},
    ),
    "names forgotten": (
        lambda t: unknown_names(t, 20),
        same,
        {"names.checks.metric.change_rows": "FAILED"},
    ),
    "names vanished behind faults": (
        same,
        lambda t: forgotten(t, 20),
        {"names.checks.failed_rows.change_vanished": "FAILED"},
    ),
    "candidates forgotten": (
        same,
        lambda t: forgotten(t, 20),
        {"name_candidates.checks.metric.change_rows": "FAILED"},
    ),
}


@pytest.mark.parametrize(("before", "now", "expected"), CHANGED.values(), ids=list(CHANGED))
def test_change_is_found_by_the_rules_that_name_it_and_by_no_other(
    sound: Tables, before: Damage, now: Damage, expected: dict[str, str]
) -> None:
    table = next(iter(expected)).split(".", 1)[0]

    assert not_passed(verify(now(sound), before(sound), only=[table])) == expected


def test_what_a_set_grew_by_is_poorer_than_usual_where_it_lost_nothing_itself(sound: Tables) -> None:
    before = edited(sound, "trials", phase="Phase 1")
    poor = [trial("clinicaltrials", number) | {"phase": None} for number in range(2_000, 5_000)]
    found = verify(with_rows(before, BY_NAME["trials"], poor), before, only=["trials"])

    assert not_passed(found) == {
        "trials.checks.failed_rows.n_compounds": "FAILED",  # nothing links them here
        "trials.checks.failed_rows.change_arrivals": "FAILED",
    }


@pytest.mark.parametrize("table", ["compounds", "trials", "trial_compounds"])
def test_other_keys_in_the_place_of_the_old_ones_are_found(sound: Tables, table: str) -> None:
    key = BY_NAME[table].key[-1]
    rows = [
        row | ({key: row[key] + 500_000 if key == "cid" else f"{row[key]}-old"} if at < 150 else {})
        for at, row in enumerate(sound[table].to_pylist())
    ]
    before = sound | {table: pa.Table.from_pylist(rows, BY_NAME[table].schema)}

    assert not_passed(verify(sound, before, only=[table])) == {
        f"{table}.checks.metric.change_deleted": "FAILED"
    }


CONTENT = ["compounds", "trials", "names", "name_candidates"]


@pytest.mark.parametrize("table", CONTENT)
def test_content_that_changed_everywhere_is_warned_of(sound: Tables, table: str) -> None:
    other = replaced(sound, table, "content_hash", "0" * 32)

    assert not_passed(verify(other, sound, only=[table])) == {f"{table}.checks.metric.change_content": "WARN"}


@pytest.mark.parametrize("table", list(BY_NAME))
def test_level_below_the_median_of_the_last_good_versions_is_warned_of(sound: Tables, table: str) -> None:
    assert not_passed(verify(sound, sound, past(sound, 1.1), only=[table])) == {
        f"{table}.checks.metric.change_level": "WARN"
    }


@pytest.mark.parametrize("table", list(BY_NAME))
def test_few_rows_less_in_a_small_table_pass_and_a_collapse_of_it_does_not(table: str) -> None:
    before = world(30, 30)
    check = f"{table}.checks.metric.change_rows"
    rows = before[table].num_rows

    def of(keep: int) -> str:
        return verify(before | {table: before[table].slice(0, keep)}, before, only=[table])[check]

    assert of(rows - 1) == "PASSED"
    assert of(rows // 2) == "FAILED"


def linked(rows: int, compounds: int) -> pa.Table:
    """So many links of so many compounds, each trial with one compound."""
    return pa.table(
        [
            ["clinicaltrials"] * rows,
            [f"NCT{number:08d}" for number in range(rows)],
            [FIRST_CID + number % compounds for number in range(rows)],
            [True] * rows,
            [f"{number:032x}" for number in range(rows)],
        ],
        schema=BY_NAME["trial_compounds"].schema,
    )


# What was published on 2026-05-01 and 2026-06-01, one placeholder for each compound.
@pytest.mark.parametrize(("good", "collapsed"), [(110_847, 12_010), (109_599, 11_912)])
def test_the_collapses_that_once_were_published_are_refused_and_the_recovery_passes(
    sound: Tables, good: int, collapsed: int
) -> None:
    full = sound | {"trial_compounds": linked(good, collapsed)}
    broken = sound | {"trial_compounds": linked(collapsed, collapsed)}
    found = verify(broken, full, only=["trial_compounds"])

    for rule in ("metric.change_rows", "metric.change_per_compound", "failed_rows.change_collections"):
        assert found[f"trial_compounds.checks.{rule}"] == "FAILED"
    assert found["trial_compounds.checks.metric.placeholders"] == "FAILED", "seen without any history too"
    recovered = verify(full, broken, only=["trial_compounds"])
    assert [check for check in not_passed(recovered) if "change" in check] == []
    assert recovered["trial_compounds.checks.metric.placeholders"] == "PASSED"


@pytest.mark.parametrize(("keep", "outcome"), [(2_382, "PASSED"), (2_381, "FAILED")])
def test_fall_of_exactly_two_percent_passes(sound: Tables, keep: int, outcome: str) -> None:
    assert sound["trial_compounds"].num_rows == 2_430
    less = sound | {"trial_compounds": sound["trial_compounds"].slice(0, keep)}

    found = verify(less, sound, only=["trial_compounds"])
    assert found["trial_compounds.checks.metric.change_rows"] == outcome


def test_change_rules_are_the_checks_an_operator_may_accept() -> None:
    rules = {check: body.rule for check, body in harness.declared_checks("pubchem").items()}

    assert all((rule == "change") == (".change_" in check) for check, rule in rules.items())
    assert all(f"{table}.checks.metric.change_rows" in rules for table in BY_NAME)


def test_every_check_of_every_contract_is_seen_to_fail_by_a_test_above() -> None:
    tested = {check for _, expected in BROKEN.values() for check in expected}
    tested |= {check for _, _, expected in CHANGED.values() for check in expected} | set(REQUIRED)
    for table in BY_NAME:
        tested |= {
            f"{table}.checks.schema",
            f"{table}.checks.duplicate",
            f"{table}.checks.metric.change_level",
        }
        tested |= {f"{table}.columns.content_hash.checks.invalid", f"{table}.checks.metric.change_rows"}
    tested |= {f"{table}.checks.metric.change_content" for table in CONTENT}
    tested |= {
        f"{table}.checks.metric.change_deleted" for table in ("compounds", "trials", "trial_compounds")
    }
    tested |= {f"{table}.checks.row_count" for table in NOT_EMPTY}
    tested |= {"trial_compounds.checks.metric.placeholders"}
    declared = set(harness.declared_checks("pubchem"))
    # Rules that every table of every source has are tested in tests/quality/test_arrivals.py and test_figures.py.
    tested |= {check for check in declared if check.endswith((".change_arrivals", ".change_rise"))}
    may_be_empty = {f"{table}.checks.row_count" for table in BY_NAME if table not in NOT_EMPTY}
    assert declared - tested == may_be_empty
    assert tested - declared == set()
