"""SQL is compared with the files of latest by contents: every row, every column."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from include.operations import contents, verification
from include.operations.contents import Compared
from include.publishing import manifest as manifests
from include.registry.registry import Registry
from include.storage.store import Store
from include.storage.tables import Column
from tests.publishing.shapes import NUMBER, TEXT, ask, publish, seal, things

EVERY = (
    TEXT,
    Column("flag", pa.bool_(), "Flag."),
    Column("small", pa.int16(), "Small."),
    NUMBER,
    Column("big", pa.int64(), "Big."),
    Column("single", pa.float32(), "Single."),
    Column("ratio", pa.float64(), "Ratio."),
    Column("day", pa.date32(), "Day."),
    Column("moment", pa.timestamp("us", "UTC"), "Moment."),
    Column("texts", pa.list_(pa.string()), "Texts."),
    Column("numbers", pa.list_(pa.int64()), "Numbers."),
)
ROWS: list[dict[str, Any]] = [
    {"id": 1},
    {
        "id": 2,
        "text": "",
        "flag": False,
        "small": 0,
        "number": 0,
        "big": 0,
        "single": 0.0,
        "ratio": 0.0,
        "day": date(1970, 1, 1),
        "moment": datetime(1970, 1, 1, tzinfo=UTC),
        "texts": [],
        "numbers": [],
    },
    {
        "id": 3,
        "text": 'a "b",\n\\N é \U0001f600',
        "flag": True,
        "small": -(2**15),
        "number": 2**31 - 1,
        "big": -(2**63),
        "single": 0.1,
        "ratio": 0.1 + 0.2,
        "day": date(1, 1, 1),
        "moment": datetime(2026, 11, 22, 12, 30, 1, 123456, tzinfo=UTC),
        "texts": ["", None, 'x "y"', "{z,\\}\t\n"],
        "numbers": [2**63 - 1, None],
    },
    {"id": 4, "ratio": float("nan"), "single": float("inf")},
]


def compared(store: Store, registry: Registry) -> list[Compared]:
    return list(contents.compare(store, registry, "toy"))


def test_every_type_is_equal_as_it_was_served(any_store: Store, registry: Registry) -> None:
    manifest = seal(any_store, {things(*EVERY): ROWS, things(TEXT, name="empty"): []})
    publish(any_store, registry, manifest)
    assert compared(any_store, registry) == [
        Compared("published.toy_things", "toy", manifest.version, 4),
        Compared("published.toy_empty", "toy", manifest.version, 0),
    ]


@pytest.mark.parametrize(
    "change",
    [
        "text = NULL WHERE id = 2",
        "text = '' WHERE id = 1",
        "flag = true WHERE id = 2",
        "small = 1 WHERE id = 2",
        "single = 0.1000001 WHERE id = 3",
        "ratio = 0.3 WHERE id = 3",
        "day = day + 1 WHERE id = 3",
        "moment = moment + interval '1 microsecond' WHERE id = 3",
        "texts = NULL WHERE id = 2",
        "texts[2] = 'NULL' WHERE id = 3",
        "numbers[1] = 7 WHERE id = 3",
        "ratio = NULL WHERE id = 4",
    ],
)
def test_one_value_that_differs_is_found(store: Store, registry: Registry, change: str) -> None:
    publish(store, registry, seal(store, {things(*EVERY): ROWS}))
    ask(registry, f"UPDATE published.toy_things SET {change}")
    (found,) = compared(store, registry)
    assert (found.equal, found.differing) == (False, 1)
    assert found.keys == ({"id": int(change[-1])},)


def test_lost_and_foreign_rows_are_counted_and_the_first_are_named(store: Store, registry: Registry) -> None:
    manifest = seal(store, {things(TEXT): [{"id": n, "text": str(n)} for n in range(40)]})
    publish(store, registry, manifest)
    ask(
        registry,
        "DELETE FROM published.toy_things WHERE id < 10; UPDATE published.toy_things SET id = id + 1000 "
        "WHERE id = 39",
    )
    (found,) = compared(store, registry)
    assert found.differing == 12
    assert found.sentence == (
        f"published.toy_things differs from the files of toy {manifest.version} in 12 rows, the first are id=0; id=1; "
        "id=2; id=3; id=4"
    )


def test_a_column_that_holds_a_wider_type_is_compared_by_value(store: Store, registry: Registry) -> None:
    wide = seal(store, {things(Column("number", pa.int64(), "Wide.")): [{"id": 1, "number": 2**40}]})
    publish(store, registry, wide)
    publish(store, registry, seal(store, {things(NUMBER): [{"id": 1, "number": 7}]}, wide))
    assert [each.equal for each in compared(store, registry)] == [True]
    ask(registry, f"UPDATE published.toy_things SET number = {2**40}")
    assert [each.differing for each in compared(store, registry)] == [1]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("DROP TABLE published.toy_things", "the table is not there"),
        ("ALTER TABLE published.toy_things DROP COLUMN text", "it has no text"),
        ("UPDATE lastgood.serving SET version = 'before'", "it holds before"),
        ("DELETE FROM lastgood.serving", "it holds no version"),
    ],
)
def test_a_table_that_cannot_be_compared_says_why(
    store: Store, registry: Registry, damage: str, why: str
) -> None:
    publish(store, registry, seal(store, {things(TEXT): [{"id": 1}]}))
    ask(registry, damage)
    (found,) = compared(store, registry)
    assert (found.equal, found.why) == (False, why)
    assert found.sentence.endswith(f": {why}")


def test_a_source_without_latest_has_nothing_to_compare(store: Store, registry: Registry) -> None:
    assert compared(store, registry) == []


def test_verify_tells_of_both_and_compares_no_damaged_file(store: Store, registry: Registry) -> None:
    tables = {things(TEXT): [{"id": 1}], things(TEXT, name="others"): [{"id": 1}]}
    manifest = seal(store, tables)
    publish(store, registry, manifest)
    assert verification.verify(store, registry).troubles == []
    ask(registry, "UPDATE published.toy_others SET text = 'x'; UPDATE published.toy_things SET text = 'x'")
    store.write_bytes(manifest.table("things").files[0].path, b"rubbish")
    found = verification.verify(store, registry, "toy")
    assert [each.path for each in found.damaged] == [manifest.table("things").files[0].path]
    assert [each.table for each in found.served] == ["published.toy_others"]
    assert len(found.troubles) == 2
    store.write_bytes(manifests.manifest_key("toy", manifest.version), b"rubbish")
    assert verification.verify(store, registry, "toy").served == ()


def test_a_promotion_may_alter_tables_between_two_that_are_compared(
    store: Store, registry: Registry, dsn: str
) -> None:
    publish(
        store, registry, seal(store, {things(TEXT): [{"id": 1}], things(TEXT, name="others"): [{"id": 1}]})
    )
    for _ in contents.compare(store, registry, "toy"):
        with psycopg.connect(dsn) as other:
            other.execute("SET lock_timeout = '2s'")
            other.execute("LOCK TABLE published.toy_things, published.toy_others IN ACCESS EXCLUSIVE MODE")
