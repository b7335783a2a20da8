"""The difference between two versions, row by row."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.operations import diff
from include.operations.diff import RowDiff
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.registry.registry import Registry
from include.storage.store import Store
from include.storage.tables import Column, Table
from include.version import version_id
from tests import toy

THINGS = st.dictionaries(st.integers(0, 20), st.none() | st.text(max_size=3), max_size=12)


def compare(store: Store, before: Manifest, after: Manifest, **options: Any) -> diff.TableDiff:
    (found,) = diff.compare(store, toy.SOURCE, before.version, after.version, **options)
    return found


def test_new_changed_and_deleted_rows_come_with_key_and_values_before_and_after(any_store: Store) -> None:
    before = seal(any_store, "a", {1: "kept", 2: "old", 3: "gone", 4: None})
    after = seal(any_store, "b", {1: "kept", 2: "new", 4: "now", 5: "came"})
    found = compare(any_store, before, after)
    assert (found.before, found.after, found.new, found.changed, found.deleted) == (4, 4, 1, 2, 1)
    assert found.rows == (
        RowDiff("changed", {"id": 2}, {"value": ("old", "new")}),
        RowDiff("deleted", {"id": 3}, {}),
        RowDiff("changed", {"id": 4}, {"value": (None, "now")}),
        RowDiff("new", {"id": 5}, {}),
    )


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    then=THINGS,
    now=THINGS,
    limit=st.integers(0, 5),
)
def test_it_is_what_two_dictionaries_differ_in(
    store: Store, then: dict[int, str | None], now: dict[int, str | None], limit: int
) -> None:
    store.delete_tree("versions")
    found = compare(store, seal(store, "a", then), seal(store, "b", now), limit=limit)
    new, deleted = now.keys() - then.keys(), then.keys() - now.keys()
    changed = {key for key in then.keys() & now.keys() if then[key] != now[key]}
    assert (found.new, found.changed, found.deleted) == (len(new), len(changed), len(deleted))
    expected = {**dict.fromkeys(new, "new"), **dict.fromkeys(deleted, "deleted")}
    expected |= dict.fromkeys(changed, "changed")
    assert [(row.key["id"], row.change) for row in found.rows] == sorted(expected.items())[:limit]
    assert all(
        row.columns["value"] == (then[row.key["id"]], now[row.key["id"]]) for row in found.rows if row.columns
    )


def test_a_file_that_both_versions_share_is_not_read(store: Store, registry: Registry) -> None:
    before = toy.publish(store, registry, 5, day=1)
    after = toy.publish(store, registry, 5, day=2)
    assert before.files == after.files
    store.write_bytes(before.files[0].path, b"no Parquet at all")
    assert compare(store, before, after).total == 0


def test_rows_are_compared_by_their_values_and_not_by_their_hash(store: Store) -> None:
    # Two versions may have made their hashes in different ways.
    before = seal(store, "a", {1: "x", 2: "y"}, hashes={1: "same", 2: "h"})
    after = seal(store, "b", {1: "X", 2: "y"}, hashes={1: "same", 2: "H"})
    assert compare(store, before, after).rows == (RowDiff("changed", {"id": 1}, {"value": ("x", "X")}),)


def test_a_column_that_was_added_or_changed_its_type_is_compared_all_the_same(store: Store) -> None:
    added = (*toy.THINGS.columns[:1], Column("value", pa.int64(), "A number now."), *toy.THINGS.columns[2:])
    wider = Table("things", "Things.", ("id",), (*added, Column("change", pa.string(), "New.")), serve=True)
    before = seal(store, "a", {1: "7", 2: "8"}, hashes={1: "h", 2: "h"})
    after = seal(store, "b", {1: 7, 2: 9}, hashes={1: "h", 2: "h"}, table=wider)
    rows = compare(store, before, after).rows
    assert rows == (RowDiff("changed", {"id": 2}, {"value": ("8", "9")}),)


def test_no_list_an_empty_one_and_one_of_a_null_are_three_values(store: Store) -> None:
    column = Column("value", pa.list_(pa.string()), "Some.")
    table = Table(
        "things", "Things.", ("id",), (toy.THINGS.columns[0], column, toy.THINGS.columns[2]), serve=True
    )
    then = seal(store, "then", {1: None, 2: [], 3: [None], 4: ["a", None]}, table=table)
    now = seal(store, "now", {1: [], 2: [None], 3: None, 4: ["a"]}, table=table)
    (found,) = diff.compare(store, toy.SOURCE, then.version, now.version)
    assert found.changed == 4


def test_tables_without_a_counterpart_or_with_another_key_are_counted_and_say_why(store: Store) -> None:
    other = Table("others", "Others.", ("id",), toy.THINGS.columns, serve=False)
    columns = (toy.THINGS.columns[0], Column("value", pa.string(), "Now of the key.", required=True))
    keyed = Table("things", "Things.", ("id", "value"), (*columns, toy.THINGS.columns[2]), serve=True)
    before = seal(store, "a", {1: "x"})
    renamed = seal(store, "b", {1: "x", 2: "y"}, table=other)
    found = {each.table: each for each in diff.compare(store, toy.SOURCE, before.version, renamed.version)}
    assert (found["others"].new, found["others"].note) == (2, "only in the later version")
    assert (found["things"].deleted, found["things"].note) == (1, "only in the earlier version")
    rekeyed = seal(store, "c", {1: "x"}, table=keyed)
    assert compare(store, before, rekeyed).note == "its key changed from (id) to (id, value)"


def test_an_unknown_version_or_table_is_named(store: Store) -> None:
    sealed = seal(store, "a", {1: "x"})
    with pytest.raises(FileNotFoundError, match="never sealed"):
        compare(
            store, sealed, sealed.__class__(**{**_fields(sealed), "version": "20260101T000000Z-00000000"})
        )
    with pytest.raises(LookupError, match=r"no table 'nothing'; there are: things"):
        compare(store, sealed, sealed, table="nothing")


def _fields(sealed: Manifest) -> dict[str, Any]:
    return {name: getattr(sealed, name) for name in sealed.__struct_fields__}


def seal(
    store: Store,
    run: str,
    values: dict[int, Any],
    *,
    hashes: dict[int, str] | None = None,
    table: Table = toy.THINGS,
) -> Manifest:
    """A version of one table with these values by id."""
    version = version_id(toy.START, run)
    with Candidate(store, toy.SOURCE, version, [table], 1, None) as candidate:
        rows = [
            {"id": key, "value": value, "content_hash": (hashes or {}).get(key, f"hash of {value!r}")}
            for key, value in sorted(values.items())
        ]
        candidate.write(table.name, pa.Table.from_pylist(rows, table.schema).to_batches())
        return candidate.seal(
            run_id=run,
            as_of=toy.START,
            created_at=toy.START,
            code_version="test",
            cursors={},
            counts={},
            upstream={},
        )
