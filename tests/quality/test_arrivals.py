"""What a run brought is judged by itself, however much was there before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from include.publishing.manifest import ColumnEntry, TableEntry
from include.publishing.verdict import Level
from include.quality import arrivals

Rows = Sequence[Mapping[str, Any]]

TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "list<string>": pa.list_(pa.string()),
}


def entry(name: str, key: tuple[str, ...], of_kind: tuple[str, ...] = (), **columns: str) -> TableEntry:
    return TableEntry(
        name=name,
        key=key,
        rows=0,
        files=(),
        serve=True,
        schema_version=1,
        kind=of_kind,
        columns=tuple(
            ColumnEntry(name=column, type=type_, required=False) for column, type_ in columns.items()
        ),
    )


STUDIES = entry(
    "studies", ("id",), ("kind",), id="int64", kind="string", title="string", places="int64", open="bool"
)
CONDITIONS = entry("conditions", ("id", "position"), id="int64", position="int64", words="list<string>")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as found:
        yield found


def study(
    number: int, kind: str = "trial", *, title: str | None = "a", places: int = 2, open_: bool = True
) -> Any:
    return {"id": number, "kind": kind, "title": title, "places": places, "open": open_}


def condition(number: int, *words: str) -> Any:
    return {"id": number, "position": 1, "words": list(words)}


def measured(
    connection: duckdb.DuckDBPyConnection,
    table: TableEntry,
    *,
    before: Mapping[str, Rows],
    now: Mapping[str, Rows],
    levels: Sequence[Level] = (),
) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of `arrivals`, by kind and column; which rows arrived follows from the two versions."""
    for each in (STUDIES, CONDITIONS):
        schema = pa.schema([(column.name, TYPES[column.type]) for column in each.columns])
        old, new = (list(rows.get(each.name, ())) for rows in (before, now))
        for name, rows in ((each.name, new), (f"previous_{each.name}", old)):
            connection.register(name, pa.Table.from_pylist(rows, schema))
        keys = [tuple(row[name] for name in each.key) for row in [*old, *new] if (row in old) != (row in new)]
        connection.register(
            arrivals.changed_keys(each.name),
            pa.Table.from_pylist(
                [dict(zip(each.key, key, strict=True)) for key in dict.fromkeys(keys)],
                pa.schema([schema.field(name) for name in each.key]),
            ),
        )
    found = arrivals.measure(connection, [STUDIES, CONDITIONS], table, levels)
    return {(row["of_kind"], row["column_name"]): row for row in found}


OLD = [study(number) for number in range(300)]


def test_a_column_that_new_rows_no_longer_fill_stands_out(connection: duckdb.DuckDBPyConnection) -> None:
    new = [study(number, title=None) for number in range(300, 306)]
    found = measured(connection, STUDIES, before={"studies": OLD}, now={"studies": OLD + new})
    lost, kept = found["kind trial", "title"], found["kind trial", "places"]
    assert (lost["arrived"], lost["filled_percent"]) == (6, 0)
    assert lost["usual_percent"] == pytest.approx(99, abs=1)
    assert lost["chance"] < 1e-6 and kept["chance"] == 1


@pytest.mark.parametrize("gone", [{"places": 0}, {"open_": False}, {"title": ""}])
def test_zero_false_and_an_empty_text_fill_nothing(
    connection: duckdb.DuckDBPyConnection, gone: dict[str, Any]
) -> None:
    new = [study(number, **gone) for number in range(300, 306)]
    found = measured(connection, STUDIES, before={"studies": OLD}, now={"studies": OLD + new})
    assert found["kind trial", next(iter(gone)).rstrip("_")]["chance"] < 1e-6


def test_a_row_that_was_there_is_compared_with_itself(connection: duckdb.DuckDBPyConnection) -> None:
    old = [study(number, title="a" if number < 10 else None) for number in range(300)]
    now = [study(row["id"], title=None) if row["id"] < 6 else row for row in old]
    found = measured(connection, STUDIES, before={"studies": old}, now={"studies": now})
    lost = found["kind trial", "title"]
    assert (lost["arrived"], lost["usual_percent"], lost["filled_percent"]) == (6, 100, 0)
    assert lost["chance"] < 1e-6


def test_what_came_again_unchanged_is_no_arrival(connection: duckdb.DuckDBPyConnection) -> None:
    assert measured(connection, STUDIES, before={"studies": OLD}, now={"studies": OLD}) == {}


def test_rows_of_another_table_that_new_things_lack_stand_out(connection: duckdb.DuckDBPyConnection) -> None:
    conditions = [condition(number, "flu") for number in range(300)]
    new = [study(number) for number in range(300, 306)]
    before = {"studies": OLD, "conditions": conditions}
    found = measured(
        connection, CONDITIONS, before=before, now={"studies": OLD + new, "conditions": conditions}
    )
    assert found["kind trial", arrivals.ROWS]["chance"] < 1e-6


def test_rows_of_another_table_that_changed_things_lost_stand_out(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    conditions = [condition(number, "flu") for number in range(300)]
    before = {"studies": OLD, "conditions": conditions}
    found = measured(
        connection, CONDITIONS, before=before, now={"studies": OLD, "conditions": conditions[6:]}
    )
    lost = found["kind trial", arrivals.ROWS]
    assert (lost["arrived"], lost["filled_percent"]) == (6, 0)
    assert lost["chance"] < 1e-6


def test_rows_that_no_answer_of_the_run_touched_hide_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    """The studies changed, their conditions did not; six new ones have none."""
    conditions = [condition(number, "flu") for number in range(300)]
    changed = [study(row["id"], title="another") for row in OLD]
    new = [study(number) for number in range(300, 306)]
    before = {"studies": OLD, "conditions": conditions}
    found = measured(
        connection, CONDITIONS, before=before, now={"studies": changed + new, "conditions": conditions}
    )
    assert found["kind trial", arrivals.ROWS]["arrived"] == 6


def test_what_is_usual_is_told_by_the_same_kind(connection: duckdb.DuckDBPyConnection) -> None:
    old = [*OLD, *(study(number, "survey", title=None) for number in range(1_000, 1_300))]
    new = [study(number, "survey", title=None) for number in range(2_000, 2_050)]
    found = measured(connection, STUDIES, before={"studies": old}, now={"studies": old + new})
    assert found["kind survey", "title"]["chance"] == 1
    new = [study(number, "trial", title=None) for number in range(2_000, 2_006)]
    found = measured(connection, STUDIES, before={"studies": old}, now={"studies": old + new})
    assert found["kind trial", "title"]["chance"] < 1e-6


def test_what_became_of_another_kind_is_compared_with_that(connection: duckdb.DuckDBPyConnection) -> None:
    plans = [study(number, "planned", title=None) for number in range(1_000, 1_006)]
    begun = [study(row["id"], "trial", title=None) for row in plans]
    found = measured(connection, STUDIES, before={"studies": OLD + plans}, now={"studies": OLD + begun})
    assert found["kind trial", "title"]["chance"] < 1e-6


def test_a_kind_that_nobody_knows_is_not_judged(connection: duckdb.DuckDBPyConnection) -> None:
    new = [study(number, "survey", title=None) for number in range(300, 400)]
    found = measured(connection, STUDIES, before={"studies": OLD}, now={"studies": OLD + new})
    assert found["kind survey", "title"]["chance"] == 1


def test_few_of_each_kind_are_judged_together(connection: duckdb.DuckDBPyConnection) -> None:
    kinds = ["trial", "survey", "access"]
    old = [study(100 * place + number, kind) for place, kind in enumerate(kinds) for number in range(100)]
    new = [study(1_000 + number, kinds[number % 3], title=None) for number in range(6)]
    found = measured(connection, STUDIES, before={"studies": old}, now={"studies": old + new})
    assert found["kind survey", "title"]["chance"] > 1e-6
    assert found[arrivals.ALL, "title"]["arrived"] == 6
    assert found[arrivals.ALL, "title"]["chance"] < 1e-6


def test_an_accepted_level_is_the_usual_one(connection: duckdb.DuckDBPyConnection) -> None:
    new = [study(number, title=None) for number in range(300, 330)]
    level = Level(table="studies", kind="kind trial", column="title", percent=0)
    before, now = {"studies": OLD}, {"studies": OLD + new}
    found = measured(connection, STUDIES, before=before, now=now, levels=[level])
    assert (found["kind trial", "title"]["usual_percent"], found["kind trial", "title"]["chance"]) == (0, 1)
    every = Level(table="studies", kind=arrivals.ALL, column="title", percent=0)
    found = measured(connection, STUDIES, before=before, now=now, levels=[every])
    assert found["kind trial", "title"]["chance"] == 1
    other = Level(table="conditions", kind="kind trial", column="title", percent=0)
    found = measured(connection, STUDIES, before=before, now=now, levels=[other])
    assert found["kind trial", "title"]["chance"] < 1e-6


def test_an_accepted_level_rises_with_what_arrives_and_never_sinks() -> None:
    level = Level(table="studies", kind="all", column="title", percent=10)
    row = {"table_name": "studies", "of_kind": "all", "column_name": "title"}
    assert arrivals.raised([level], [row | {"arrived": 30, "filled_percent": 80}])[0].percent == 80
    assert arrivals.raised([level], [row | {"arrived": 3, "filled_percent": 100}]) == [level]
    assert arrivals.raised([level], [row | {"arrived": 30, "filled_percent": 0}]) == [level]
    assert arrivals.raised([level], []) == [level]
