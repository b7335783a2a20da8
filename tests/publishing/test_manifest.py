"""A version's columns are those that its manifest names, whichever of its files lacks one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from include.operations import diff
from include.publishing import manifest as manifests
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.quality import gate
from include.storage import duckdb_session
from include.storage.store import Store
from include.storage.tables import Column, InvalidTable, Table, type_name, type_of
from include.version import version_id
from tests import toy

COLOUR = Column("colour", pa.string(), "Added later.", since=2)


def shape(*columns: Column) -> Table:
    *others, content_hash = toy.THINGS.columns
    return Table("things", "Things.", ("id",), (*others, *columns, content_hash), serve=True)


def seal(
    store: Store,
    table: Table,
    parts: dict[str, list[dict[str, Any]] | None],
    day: int,
    previous: Manifest | None,
) -> Manifest:
    """A candidate of parts by name; None keeps that of the version before."""
    at = datetime(2026, 3, day, tzinfo=UTC)
    with Candidate(store, toy.SOURCE, version_id(at, "run"), [table], 1, previous) as made:
        for part, rows in parts.items():
            if rows is None:
                made.keep("things", part)
            else:
                listed = [{"content_hash": str(row), **row} for row in rows]
                made.write("things", pa.Table.from_pylist(listed, table.schema).to_batches(), part)
        return made.seal(
            run_id="run", as_of=at, created_at=at, code_version="t", cursors={}, counts={}, upstream={}
        )


def of_before(manifest: Manifest) -> Manifest:
    """The manifest as one was written before it held columns."""
    tables = tuple(msgspec.structs.replace(entry, columns=()) for entry in manifest.tables)
    return msgspec.structs.replace(manifest, tables=tables)


@pytest.fixture
def grown(any_store: Store) -> tuple[Manifest, Manifest]:
    """A version without and one with a column, which keeps a part of the first."""
    old = {"id": 1, "value": "one"}
    first = seal(any_store, shape(), {"a": [old], "b": [{"id": 2, "value": "two"}]}, 1, None)
    second = seal(
        any_store, shape(COLOUR), {"a": None, "b": [{"id": 2, "value": "2", "colour": "red"}]}, 2, first
    )
    return first, second


def test_a_manifest_says_the_columns_of_each_table(store: Store) -> None:
    manifest = seal(store, shape(COLOUR), {"a": []}, 1, None)
    assert manifests.require(store, toy.SOURCE, manifest.version) == manifest
    (entry,) = manifest.tables
    assert [(each.name, each.type, each.required) for each in entry.columns] == [
        ("id", "int64", True),
        ("value", "string", False),
        ("colour", "string", False),
        ("content_hash", "string", True),
    ]
    assert manifests.entry_schema(store, entry) == shape(COLOUR).schema


@pytest.mark.parametrize("written", ["now", "before"])
def test_a_part_from_before_a_column_does_not_hide_it(
    any_store: Store, grown: tuple[Manifest, Manifest], written: str
) -> None:
    first, second = grown if written == "now" else [of_before(each) for each in grown]
    (entry,) = second.tables
    assert manifests.entry_schema(any_store, entry).names == list(shape(COLOUR).names)
    assert manifests.entry_schema(any_store, entry).field("id").nullable is False
    assert manifests.entry_schema(any_store, entry).field("colour").nullable is True
    rows = manifests.dataset(any_store, entry).to_table().to_pylist()
    assert [(row["id"], row["colour"]) for row in rows] == [(1, None), (2, "red")]
    assert manifests.entry_schema(any_store, first.tables[0]).names == list(shape().names)


def test_duckdb_sees_the_column_of_later_files(any_store: Store, grown: tuple[Manifest, Manifest]) -> None:
    (entry,) = grown[1].tables
    keys = [file.path for file in entry.files]
    with any_store.scratch("test") as scratch, duckdb_session.session(scratch) as connection:
        duckdb_session.register(connection, "rows", any_store, keys, shape(COLOUR).schema)
        found = connection.sql("SELECT id, colour FROM rows ORDER BY id").fetchall()
    assert found == [(1, None), (2, "red")]


def test_the_gate_finds_the_column(store: Store, tmp_path: Path) -> None:
    text = toy.CONTRACTS["things"].read_text()
    contract = tmp_path / "things.yml"
    contract.write_text(
        text.replace(
            "  - name: content_hash", "  - {name: colour, data_type: varchar}\n  - name: content_hash"
        )
    )
    first = seal(store, shape(), {"a": [{"id": 1, "value": "one"}], "b": []}, 1, None)
    second = seal(store, shape(COLOUR), {"a": None, "b": [{"id": 2, "colour": "red"}]}, 2, first)
    for manifest in (second, of_before(second)):
        verdict = gate.judge(store, manifest, first, {"things": contract}, [])
        assert verdict.passed, verdict.reasons


def test_the_difference_of_two_versions_shows_the_column(store: Store) -> None:
    first = seal(store, shape(), {"a": [{"id": 1}], "b": [{"id": 2}]}, 1, None)
    second = seal(store, shape(COLOUR), {"a": None, "b": [{"id": 2, "colour": "red"}]}, 2, first)
    (found,) = diff.compare(store, toy.SOURCE, first.version, second.version)
    assert found.changed == 1
    assert found.rows[0].columns == {"colour": (None, "red")}


def test_files_that_disagree_about_a_type_are_refused(store: Store) -> None:
    number = Column("value", pa.int64(), "Now a number.")
    *_, content_hash = toy.THINGS.columns
    other = Table("things", "Things.", ("id",), (toy.THINGS.columns[0], number, content_hash), serve=True)
    first = seal(store, shape(), {"a": [{"id": 1, "value": "one"}]}, 1, None)
    second = of_before(seal(store, other, {"b": [{"id": 2, "value": 2}]}, 2, first))
    (entry,) = second.tables
    both = msgspec.structs.replace(entry, files=first.files + entry.files)
    with pytest.raises(ValueError, match="its column value as string and as int64"):
        manifests.entry_schema(store, both)


@pytest.mark.parametrize(
    "type_",
    [pa.int16(), pa.float64(), pa.date32(), pa.timestamp("us", "UTC"), pa.list_(pa.list_(pa.string()))],
)
def test_a_type_comes_back_from_its_words(type_: pa.DataType) -> None:
    assert type_of(type_name(type_)) == type_


def test_a_type_without_words_is_no_type_of_a_column() -> None:
    column = Column("long", pa.large_string(), "Long.")
    with pytest.raises(InvalidTable, match="'large_string' is no type of a column"):
        shape(column)
