"""The declared tables, and the policy by which a change of them breaks readers."""

import copy
import json
from typing import Any

import pyarrow as pa
import pytest

from include.sources.ctgov.study import Batch
from include.sources.ctgov.tables import MIGRATIONS, SCHEMA_VERSION, STUDIES, TABLES
from include.storage.tables import Column, InvalidTable, Table, breaking_changes, describe, type_name

ID = Column("id", pa.string(), "Its id.", required=True)
HASH = Column("content_hash", pa.string(), "Hash of the rest.", required=True)


def table(
    *columns: Column, key: tuple[str, ...] = ("id",), serve: bool = True, name: str = "things"
) -> Table:
    return Table(name, "Things.", key, columns, serve)


def test_schema_carries_meaning_since_and_nullability() -> None:
    note = Column("note", pa.list_(pa.string()), "Notes, oldest first.", since=2)
    schema = table(ID, note, HASH).schema

    assert schema.names == ["id", "note", "content_hash"]
    assert [field.nullable for field in schema] == [False, True, False]
    assert schema.field("note").metadata == {b"meaning": b"Notes, oldest first.", b"since": b"2"}
    assert type_name(schema.field("note").type) == "list<string>"


@pytest.mark.parametrize(
    ("columns", "key", "what"),
    [
        ((ID, ID, HASH), ("id",), "id more than once"),
        ((ID, HASH), ("other",), "required column other"),
        ((ID, Column("day", pa.date32(), "A day."), HASH), ("day",), "required column day"),
        ((ID,), ("id",), "required column content_hash"),
        ((ID, HASH), (), "a key of distinct columns"),
        ((ID, HASH), ("id", "id"), "a key of distinct columns"),
    ],
)
def test_contradicting_declaration_is_refused(
    columns: tuple[Column, ...], key: tuple[str, ...], what: str
) -> None:
    with pytest.raises(InvalidTable, match=what):
        table(*columns, key=key)


def changed(**columns: Any) -> dict[str, Any]:
    """The description of `things`, with columns replaced (None removes one)."""
    found = copy.deepcopy(describe([table(ID, Column("size", pa.int32(), "Metres."), HASH)]))
    for name, column in columns.items():
        if column is None:
            del found["things"]["columns"][name]
        else:
            found["things"]["columns"][name] = column
    return found


INTEGER = {"type": "int32", "required": False, "since": 1, "meaning": "Metres."}


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ({}, "table things was removed"),
        (changed(size=None), "column things.size was removed"),
        (changed(size=INTEGER | {"type": "int64"}), "things.size changed its type from int32 to int64"),
        (
            changed(id={"type": "string", "required": False, "since": 1, "meaning": "Its id."}),
            "things.id was required and may now be null",
        ),
        (
            describe([table(ID, Column("size", pa.int32(), "Metres."), HASH, key=("id", "content_hash"))]),
            "the key of things changed from (id) to (id, content_hash)",
        ),
        (
            describe([table(ID, Column("size", pa.int32(), "Metres."), HASH, serve=False)]),
            "table things is no longer served to SQL",
        ),
    ],
)
def test_what_a_reader_relied_on_is_named_when_it_goes(new: dict[str, Any], sentence: str) -> None:
    assert breaking_changes(changed(), new) == [sentence]


def test_additions_and_better_words_are_compatible() -> None:
    new = changed(
        size=INTEGER | {"required": True, "meaning": "Length in metres."},
        colour={"type": "string", "required": False, "since": 2, "meaning": "Colour."},
    )
    new |= describe([table(ID, HASH, name="others")])

    assert breaking_changes(changed(), new) == []


def test_description_survives_json() -> None:
    described = describe(TABLES)

    assert json.loads(json.dumps(described)) == described
    assert breaking_changes(described, described) == []
    assert list(described) == [
        "studies",
        "interventions",
        "conditions",
        "locations",
        "sponsors",
        "aliases",
        "removals",
    ]


def test_every_column_is_explained_and_of_a_known_version() -> None:
    for one in TABLES:
        assert one.meaning.endswith(".")
        for column in one.columns:
            assert column.meaning.endswith("."), f"{one.name}.{column.name}"
            assert 1 <= column.since <= SCHEMA_VERSION, f"{one.name}.{column.name}"
    assert set(MIGRATIONS) <= set(range(2, SCHEMA_VERSION + 1))


def test_no_column_is_for_a_person() -> None:
    words = {"contact", "contacts", "phone", "email", "mail", "officials", "investigator"}
    for one in TABLES:
        for name in one.names:
            assert not words & set(name.split("_")), f"{one.name}.{name}"


def test_every_child_row_leads_to_its_study() -> None:
    assert STUDIES.key == ("nct_id",)
    assert all("nct_id" in one.names for one in TABLES)


def test_empty_batch_has_every_table_with_its_schema() -> None:
    tables = Batch().to_tables()

    for one in TABLES:
        assert tables[one.name].num_rows == 0
        assert tables[one.name].schema.equals(one.values, check_metadata=True)
