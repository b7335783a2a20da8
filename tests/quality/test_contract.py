"""Contracts: whatever Soda would silently ignore is refused here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from include.quality import contract
from include.quality.contract import InvalidContract
from include.sources import source as sources
from include.storage.tables import type_name

SQL_TYPES = {
    "string": "varchar",
    "list<string>": "varchar[]",
    "list<int64>": "bigint[]",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamp with time zone",
    "bool": "boolean",
    "int32": "integer",
    "int64": "bigint",
    "double": "double",
    "binary": "blob",
}
GOOD = (Path(__file__).parents[1] / "toy" / "things.yml").read_text(encoding="utf-8")


def load(tmp_path: Path, text: str) -> contract.Contract:
    path = tmp_path / "things.yml"
    path.write_text(text, encoding="utf-8")
    return contract.load(path)


def test_a_contract_lists_its_checks_by_the_ids_soda_reports(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)
    assert [(c.id, c.rule) for c in loaded.all_checks()] == [
        ("columns.id.checks.missing", "contract"),
        ("columns.value.checks.invalid", "contract"),
        ("checks.schema", "contract"),
        ("checks.row_count", "contract"),
        ("checks.duplicate", "contract"),
        ("checks.metric.change_rows", "change"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("must_be_greater_than: 0", "must_be_gt: 0", "must_be_gt"),
        ("must_be_greater_than: 0", "must_be_greater_than: many", "float"),
        (
            "must_be_greater_than: 0",
            "must_be_greater_than: 0, must_be_less_than: 9",
            "exactly one comparison",
        ),
        ("invalid_values: [rubbish]", "invalid_valeus: [rubbish]", "invalid_valeus"),
        ("row_count:", "row_cuont:", "row_cuont"),
        ("dataset: wh/main/things", "dataset: wh/main/other", "file's name"),
        ("dataset: wh/main/things", "dataset: wh/main/things\nfilter: id > 3", "filter"),
        ("dataset: wh/main/things", "dataset: wh/main/things\nvariables: {a: {default: 1}}", "variables"),
        ("{name: every thing has an id}", "", "exactly one check"),
        ("{name: every thing has an id}", "{}", "name"),
        ("  - schema: {name: columns are the declared ones}\n", "", "needs a schema check"),
        ("qualifier: change_rows", "qualifier: rows", "marks the checks that read"),
        ("      query: SELECT", "      expression: a\n      query: SELECT", "exactly one of"),
        ("threshold: {must_be_greater_than_or_equal: -2}", "threshold: {level: wrn, must_be: 1}", "wrn"),
        ("- schema:", "- - schema:", "Expected `object`"),
        ("checks:\n  - schema", "checks: [\n  - schema", "things.yml"),
        ("must_be_greater_than: 0", "must_be_greater_than: 010", "line .*'010' without quotes"),
        ("must_be_greater_than: 0", "must_be_greater_than: .nan", "'.nan' without quotes"),
        ("must_be_greater_than: 0", "must_be_greater_than: '.inf'", "Expected `int | float"),
        ("invalid_values: [rubbish]", "valid_min: -.inf", "'-.inf' without quotes"),
        ("invalid_values: [rubbish]", "valid_max: 1.0e+999", "beyond what a number can hold"),
        ("invalid_values: [rubbish]", "invalid_values: [1:00]", "'1:00' without quotes"),
        ("invalid_values: [rubbish]", "filter: value > '3'", "nothing says which values are invalid"),
        ("invalid_values: [rubbish]", "invalid_values: [rubbish]\n          filter: false", "Expected `str"),
        (
            "invalid_values: [rubbish]",
            "invalid_values: [rubbish]\n          filter: 'false'",
            "names no column",
        ),
        (
            "invalid_values: [rubbish]",
            "invalid_values: [rubbish]\n          filter: 1 = 2",
            "filter '1 = 2' names no column",
        ),
        ("must_be_greater_than: 0", "must_be_between: {}", "bounds are one of"),
        ("must_be_greater_than: 0", "must_be_between: {greater_than: 1}", "bounds are one of"),
        (
            "must_be_greater_than: 0",
            "level: warn, must_be_greater_than: 0",
            "needs a row_count check that can fail",
        ),
        (
            "{name: columns are the declared ones}",
            "{name: columns are the declared ones, threshold: {level: warn}}",
            "schema check that can fail|exactly one comparison",
        ),
        ("dataset: wh", "dataset: wh/main/things\ndataset: wh", "line 2: the key 'dataset' stands twice"),
    ],
)
def test_a_mistake_is_refused_with_file_and_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(InvalidContract, match=message) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert "things.yml" in str(caught.value)


def test_a_contract_without_row_count_is_refused(tmp_path: Path) -> None:
    lines = [line for line in GOOD.splitlines() if "row_count" not in line]
    with pytest.raises(InvalidContract, match="needs a row_count check"):
        load(tmp_path, "\n".join(lines))


def test_two_checks_of_one_kind_need_qualifiers(tmp_path: Path) -> None:
    with pytest.raises(InvalidContract, match=r"checks\.row_count stands twice"):
        load(tmp_path, GOOD + "  - row_count: {name: again, threshold: {must_be_less_than: 9}}\n")


def test_every_table_has_exactly_one_contract(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "things.yml").write_text(GOOD, encoding="utf-8")
    assert set(contract.load_all("toy", ["things"], tmp_path)) == {"things"}
    for tables in (["things", "more"], []):
        with pytest.raises(InvalidContract, match="every table has one contract"):
            contract.load_all("toy", tables, tmp_path)


@pytest.mark.parametrize("source", sources.names())
def test_the_contracts_of_every_source_pass_the_strict_schema(source: str) -> None:
    tables = [table.name for table in sources.load(source).schema().tables]
    for path in contract.load_all(source, tables).values():
        assert contract.load(path).all_checks()


@pytest.mark.parametrize("source", sources.names())
def test_contracts_declare_the_columns_types_and_required_columns_of_the_tables(source: str) -> None:
    tables = sources.load(source).schema().tables
    contracts = contract.load_all(source, [table.name for table in tables])
    for table in tables:
        declared = contract.load(contracts[table.name])
        assert [(column.name, column.data_type) for column in declared.columns] == [
            (column.name, SQL_TYPES[type_name(column.type)]) for column in table.columns
        ]
        # With a threshold the check lets some be missing.
        required = {
            column.name
            for column in declared.columns
            if any(check.missing and check.missing.threshold is None for check in column.checks)
        }
        assert required == {column.name for column in table.columns if column.required}


def test_a_condition_that_looks_at_no_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidContract, match="expression 'false' names no column of things"):
        load(tmp_path, GOOD + "  - failed_rows: {name: never, qualifier: never, expression: 'false'}\n")


def test_a_contract_that_only_warns_is_refused(tmp_path: Path) -> None:
    warns = "{name: %s, threshold: {level: warn, must_be_greater_than: 0}}"
    text = (
        "dataset: wh/main/things\ncolumns: [{name: id, data_type: bigint}]\nchecks:\n"
        f"  - row_count: {warns % 'there are some'}\n  - schema: {warns % 'columns are there'}\n"
    )
    with pytest.raises(InvalidContract, match="row_count check that can fail and not only warn"):
        load(tmp_path, text)


def test_a_check_that_warns_first_and_fails_later_can_fail(tmp_path: Path) -> None:
    old = "threshold: {must_be_greater_than: 0}"
    assert old in GOOD
    both = "threshold: {level: warn, must_be_greater_than: 9, additional: {level: fail, must_be_greater_than: 0}}"
    assert load(tmp_path, GOOD.replace(old, both, 1)).all_checks()


def _words_of_a_fall(check: contract.Metric) -> str:
    """What a rule on the fall of a table's rows says, from its numbers."""
    query = str(check.query)
    threshold = check.threshold
    assert threshold is not None and threshold.must_be_greater_than_or_equal is not None
    percent = f"{-threshold.must_be_greater_than_or_equal:g}"
    tenth = re.search(r"least\((\d+), ceil\(previous_rows / 10\)\)", query)
    fifth = re.search(r"previous_rows - rows <= (\d+) AND rows_delta_percent >= -20", query)
    besides = ""
    if tenth:
        besides = f" and {tenth[1]} rows, nor by over a tenth rounded up,"
    elif fifth:
        besides = f" and {fifth[1]} rows, nor by over a fifth,"
    else:
        assert "CASE" not in query
    return f"rows do not fall by more than {percent} percent{besides} against the last good version"


@pytest.mark.parametrize("source", sources.names())
def test_a_rule_on_a_fall_of_rows_says_what_it_lets_pass(source: str) -> None:
    tables = [table.name for table in sources.load(source).schema().tables]
    rules = [
        check.metric
        for path in contract.load_all(source, tables).values()
        for check in contract.load(path).checks
        if check.metric is not None and check.metric.qualifier == "change_rows"
    ]
    assert rules
    assert [rule.name for rule in rules] == [_words_of_a_fall(rule) for rule in rules]
