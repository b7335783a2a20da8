"""The contracts of ctgov by really running Soda: they pass on sound tables, and name what is broken."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.quality import contract
from include.sources.ctgov.study import Batch, parse, removal
from include.sources.ctgov.tables import TABLES
from sandbox.ctgov.corpus import Corpus
from sandbox.ctgov.generator import Generator
from tests.soda.ctgov.harness import hashed, verify

Tables = dict[str, pa.Table]
STUDIES = 1_200
SCHEMAS = {table.name: table.schema for table in TABLES}


def generated(size: int) -> Tables:
    generator, batch = Generator(Corpus(size, seed=5), mean_bytes=8_000), Batch()
    for index in range(size):
        batch.add(parse(generator.encode(index)))
    return hashed(batch.to_tables())


@pytest.fixture(scope="module")
def sound() -> Tables:
    """Tables of a sample of studies; never changed in place."""
    return generated(STUDIES)


def replaced(tables: Tables, table: str, column: str, value: Any, rows: int | None = None) -> Tables:
    """The tables with a value in the first rows of a column (all rows where `rows` is None)."""
    values = tables[table][column].to_pylist()
    count = len(values) if rows is None else rows
    position = SCHEMAS[table].get_field_index(column)
    array = pa.array([value] * count + values[count:], type=SCHEMAS[table].field(column).type)
    return tables | {table: tables[table].set_column(position, SCHEMAS[table].field(column), array)}


def with_rows(tables: Tables, table: str, rows: list[tuple[Any, ...]]) -> Tables:
    hashed_rows = [(*row, "0" * 32) for row in rows]  # as each row that is written has one
    added = pa.Table.from_arrays(
        [
            pa.array(column, type=field.type)
            for column, field in zip(zip(*hashed_rows, strict=True), SCHEMAS[table], strict=True)
        ],
        schema=SCHEMAS[table],
    )
    return tables | {table: pa.concat_tables([tables[table], added])}


def only_studies(tables: Tables, keep: int) -> Tables:
    """The first studies and their children."""
    ids = tables["studies"]["nct_id"].slice(0, keep).combine_chunks()
    return {
        name: rows.filter(pc.is_in(rows["nct_id"], ids)) if name != "removals" else rows
        for name, rows in tables.items()
    }


def not_passed(outcomes: dict[str, str]) -> dict[str, str]:
    return {check: outcome for check, outcome in outcomes.items() if outcome != "PASSED"}


@pytest.mark.parametrize("size", [10, STUDIES])
def test_sound_tables_of_any_size_pass_every_check(size: int) -> None:
    assert not_passed(verify(generated(size))) == {}


def test_sound_tables_pass_against_themselves_and_their_history(sound: Tables) -> None:
    history = [
        {"version": str(day), "as_of": datetime(2026, 10, day, tzinfo=UTC), "table_name": name}
        | {"rows": rows.num_rows, "new": 0, "changed": 0, "deleted": 0}
        for day in range(1, 4)
        for name, rows in sound.items()
    ]
    assert not_passed(verify(sound, sound, history)) == {}


def test_empty_optional_tables_are_evaluated(sound: Tables) -> None:
    empty = sound | {name: SCHEMAS[name].empty_table() for name in ("aliases", "removals")}
    outcomes = verify(empty, empty)

    assert {outcome for check, outcome in outcomes.items() if check.startswith(("aliases", "removals"))} == {
        "PASSED"
    }


def test_no_studies_at_all_are_refused() -> None:
    outcomes = verify({name: schema.empty_table() for name, schema in SCHEMAS.items()})

    assert not_passed(outcomes) == {"studies.checks.row_count": "FAILED"}


BAD_DAY = date(1066, 10, 14)
BROKEN: dict[str, tuple[str, str, Callable[[Tables], Tables]]] = {
    "title empty": (
        "studies.checks.failed_rows.filled",
        "FAILED",
        lambda t: replaced(t, "studies", "brief_title", None),
    ),
    "title empty in a tenth": (
        "studies.checks.failed_rows.filled",
        "FAILED",
        lambda t: replaced(t, "studies", "brief_title", None, STUDIES // 10),
    ),
    "masking empty": (
        "studies.checks.failed_rows.filled_interventional",
        "FAILED",
        lambda t: replaced(t, "studies", "masking", None),
    ),
    "keywords empty": (
        "studies.checks.failed_rows.empty",
        "FAILED",
        lambda t: replaced(t, "studies", "keywords", None),
    ),
    "wrong module read": (
        "studies.checks.metric.interventions",
        "FAILED",
        lambda t: replaced(
            t | {"interventions": t["interventions"].slice(0, 0)}, "studies", "n_interventions", 0
        ),
    ),
    "children lost": (
        "studies.checks.failed_rows.parts",
        "FAILED",
        lambda t: t | {"conditions": t["conditions"].slice(0, t["conditions"].num_rows - 1)},
    ),
    "study twice": (
        "studies.checks.duplicate",
        "FAILED",
        lambda t: t | {"studies": pa.concat_tables([t["studies"], t["studies"].slice(0, 1)])},
    ),
    "no id": (
        "studies.columns.nct_id.checks.missing",
        "FAILED",
        lambda t: replaced(t, "studies", "nct_id", None, 1),
    ),
    "bad id": (
        "studies.columns.nct_id.checks.invalid",
        "FAILED",
        lambda t: replaced(t, "studies", "nct_id", "NCT1", 1),
    ),
    "sentinel": (
        "studies.columns.enrollment_count.checks.invalid.sentinel",
        "FAILED",
        lambda t: replaced(t, "studies", "enrollment_count", 99_999_999, 1),
    ),
    "negative enrollment": (
        "studies.columns.enrollment_count.checks.invalid",
        "FAILED",
        lambda t: replaced(t, "studies", "enrollment_count", -1, 1),
    ),
    "new status": (
        "studies.columns.overall_status.checks.invalid",
        "WARN",
        lambda t: replaced(t, "studies", "overall_status", "PAUSED", 1),
    ),
    "new phase": (
        "studies.checks.failed_rows.list_values",
        "WARN",
        lambda t: replaced(t, "studies", "phases", ["PHASE9"], 1),
    ),
    "date out of range": (
        "studies.checks.failed_rows.date_range",
        "WARN",
        lambda t: replaced(t, "studies", "start_date", BAD_DAY, 1),
    ),
    "dates in no order": (
        "studies.checks.metric.date_order",
        "WARN",
        lambda t: replaced(t, "studies", "study_first_submit_date", date(2100, 1, 1), 100),
    ),
    "date without text": (
        "studies.checks.failed_rows.partial_dates",
        "FAILED",
        lambda t: replaced(t, "studies", "start_date_text", None, 100),
    ),
    "precision made up": (
        "studies.columns.start_date_precision.checks.invalid",
        "FAILED",
        lambda t: replaced(t, "studies", "start_date_precision", "hour", 1),
    ),
    "age not understood": (
        "studies.checks.failed_rows.ages",
        "WARN",
        lambda t: replaced(t, "studies", "minimum_age_years", None, 100),
    ),
    "individual named": (
        "studies.checks.failed_rows.individuals",
        "FAILED",
        lambda t: replaced(
            replaced(t, "studies", "lead_sponsor_class", "INDIV", 1),
            *("studies", "lead_sponsor_name", "Jane Roe", 1),
        ),
    ),
    "mail in the summary": (
        "studies.checks.failed_rows.mail",
        "FAILED",
        lambda t: replaced(t, "studies", "brief_summary", "Write to a@b.example.", 1),
    ),
    "mail in a keyword": (
        "studies.checks.failed_rows.mail",
        "FAILED",
        lambda t: replaced(t, "studies", "keywords", ["x", "a@b.example"], 1),
    ),
    "phone in the title": (
        "studies.checks.failed_rows.phone",
        "FAILED",
        lambda t: replaced(t, "studies", "brief_title", "Call +49 30 555 0100", 1),
    ),
    "phone at a facility": (
        "locations.checks.failed_rows.phone",
        "FAILED",
        lambda t: replaced(t, "locations", "facility", "Office, (555) 010-0199", 1),
    ),
    "latitude": (
        "locations.columns.lat.checks.invalid",
        "FAILED",
        lambda t: replaced(t, "locations", "lat", 91.0, 1),
    ),
    "one coordinate": (
        "locations.checks.failed_rows.coordinates",
        "FAILED",
        lambda t: replaced(t, "locations", "lon", None, 50),
    ),
    "locations without a city": (
        "locations.checks.failed_rows.filled",
        "FAILED",
        lambda t: replaced(t, "locations", "city", None),
    ),
    "no locations": (
        "locations.checks.metric.coverage",
        "FAILED",
        lambda t: replaced(t | {"locations": t["locations"].slice(0, 0)}, "studies", "n_locations", 0),
    ),
    "orphan": (
        "conditions.columns.nct_id.checks.invalid.reference",
        "FAILED",
        lambda t: with_rows(t, "conditions", [("NCT99999999", 1, "x", "x")]),
    ),
    "clean names lost": (
        "interventions.checks.metric.clean_names",
        "FAILED",
        lambda t: replaced(t, "interventions", "clean_name", None),
    ),
    "part missing": (
        "interventions.checks.failed_rows.parts",
        "FAILED",
        lambda t: replaced(t, "interventions", "part", 3, 1),
    ),
    "hash cut": (
        "interventions.columns.content_hash.checks.invalid",
        "FAILED",
        lambda t: replaced(t, "interventions", "content_hash", "abc", 1),
    ),
    "sponsor named": (
        "sponsors.checks.failed_rows.individuals",
        "FAILED",
        lambda t: replaced(t, "sponsors", "class", "INDIV", 5),
    ),
    "role made up": (
        "sponsors.columns.role.checks.invalid",
        "FAILED",
        lambda t: replaced(t, "sponsors", "role", "FRIEND", 1),
    ),
    "removed study is back": (
        "removals.checks.failed_rows.gone",
        "FAILED",
        lambda t: with_rows(
            t,
            "removals",
            [removal(t["studies"]["nct_id"][0].as_py(), "removed", None, "2026-11-01T09:00:05", None)],
        ),
    ),
    "merged into nothing": (
        "removals.checks.failed_rows.merged_into",
        "FAILED",
        lambda t: with_rows(
            t, "removals", [removal("NCT99999999", "merged", None, "2026-11-01T09:00:05", None)]
        ),
    ),
    "merged into an unknown study": (
        "removals.checks.failed_rows.replacement",
        "WARN",
        lambda t: with_rows(
            t, "removals", [removal("NCT99999999", "merged", "NCT99999998", "2026-11-01T09:00:05", None)]
        ),
    ),
    "alias of an unknown study": (
        "aliases.columns.nct_id.checks.invalid.reference",
        "WARN",
        lambda t: replaced(t, "aliases", "nct_id", "NCT99999999", 1),
    ),
}


@pytest.mark.parametrize(("check", "outcome", "damage"), BROKEN.values(), ids=list(BROKEN))
def test_damage_is_found_by_the_check_that_names_it(
    sound: Tables, check: str, outcome: str, damage: Callable[[Tables], Tables]
) -> None:
    assert verify(damage(sound), only=[check.split(".", 1)[0]])[check] == outcome


@pytest.mark.parametrize("table", list(SCHEMAS))
def test_missing_column_and_other_type_are_found(sound: Tables, table: str) -> None:
    lost = sound[table].drop_columns([SCHEMAS[table].names[-2]])
    assert verify(sound | {table: lost}, only=[table])[f"{table}.checks.schema"] == "FAILED"

    name = SCHEMAS[table].names[-2]
    other = sound[table].set_column(
        SCHEMAS[table].get_field_index(name), name, pa.array([b"x"] * sound[table].num_rows)
    )
    assert verify(sound | {table: other}, only=[table])[f"{table}.checks.schema"] == "FAILED"


@pytest.mark.parametrize(
    ("keep", "outcome"), [(STUDIES - 24, "PASSED"), (STUDIES - 25, "FAILED"), (STUDIES // 2, "FAILED")]
)
def test_fall_of_more_than_two_percent_is_a_change(sound: Tables, keep: int, outcome: str) -> None:
    fewer = only_studies(sound, keep)

    assert verify(fewer, sound, only=["studies"])["studies.checks.metric.change_rows"] == outcome
    many_gone = "FAILED" if STUDIES - keep > 100 else "PASSED"
    assert verify(fewer, sound, only=["studies"])["studies.checks.metric.change_deleted"] == many_gone
    assert verify(sound, fewer, only=["studies"])["studies.checks.metric.change_rows"] == "PASSED"


def test_change_rules_are_the_checks_an_operator_may_accept() -> None:
    for path in contract.load_all("ctgov", list(SCHEMAS)).values():
        rules = {check.id: check.rule for check in contract.load(path).all_checks()}
        assert "change" in rules.values()
        assert all((rule == "change") == (".change_" in check) for check, rule in rules.items())


def test_study_that_vanished_is_named_unless_removals_tell_of_it(sound: Tables) -> None:
    fewer = only_studies(sound, STUDIES - 1)
    gone = sound["studies"]["nct_id"][-1].as_py()
    check = "studies.checks.failed_rows.change_gone"

    assert verify(fewer, sound, only=["studies"])[check] == "FAILED"
    told = with_rows(fewer, "removals", [removal(gone, "removed", None, "2026-11-01T09:00:05", None)])
    assert verify(told, sound, only=["studies"])[check] == "PASSED"


def test_child_table_of_few_rows_may_move_but_not_collapse(sound: Tables) -> None:
    check = "locations.checks.metric.change_rows"
    rows = sound["locations"].num_rows
    some = sound | {"locations": sound["locations"].slice(0, rows - min(1000, rows // 10))}
    half = sound | {"locations": sound["locations"].slice(0, rows // 2)}

    assert verify(some, sound, only=["locations"])[check] == "PASSED"
    assert verify(half, sound, only=["locations"])[check] == "FAILED"
    assert verify(sound, half, only=["locations"])[check] == "PASSED"


def test_column_that_lost_its_values_since_the_last_good_version_is_named(sound: Tables) -> None:
    poorer = replaced(sound, "studies", "acronym", None)
    outcomes = verify(poorer, sound, only=["studies"])

    assert outcomes["studies.checks.failed_rows.change_fill"] == "FAILED"


def test_content_that_changed_everywhere_and_a_low_level_are_warned_of(sound: Tables) -> None:
    other = replaced(sound, "studies", "content_hash", "0" * 32)
    history = [
        {"version": str(day), "as_of": datetime(2026, 10, day, tzinfo=UTC), "table_name": "studies"}
        | {"rows": STUDIES * 2, "new": 0, "changed": 0, "deleted": 0}
        for day in range(1, 4)
    ]
    outcomes = verify(other, sound, history, only=["studies"])

    assert outcomes["studies.checks.metric.change_content"] == "WARN"
    assert outcomes["studies.checks.metric.change_level"] == "WARN"
    older = replaced(sound, "studies", "last_update_post_date", date(2000, 1, 1))
    assert verify(older, sound, only=["studies"])["studies.checks.failed_rows.change_newest"] == "WARN"
