"""Serving tables hold every type as it is, keep what consumers built upon them, and follow the schema."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.publishing import manifest as manifests
from include.publishing import serving
from include.publishing.candidate import Candidate
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.publishing.tables import Column, Table

TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "flag": pa.bool_(),
    "small": pa.int16(),
    "number": pa.int32(),
    "big": pa.int64(),
    "ratio": pa.float64(),
    "day": pa.date32(),
    "moment": pa.timestamp("us", "UTC"),
    "texts": pa.list_(pa.string()),
    "numbers": pa.list_(pa.int64()),
}
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | WORDS,
            "flag": st.none() | st.booleans(),
            "small": st.none() | st.integers(-(2**15), 2**15 - 1),
            "number": st.none() | st.integers(-(2**31), 2**31 - 1),
            "big": st.none() | st.integers(-(2**63), 2**63 - 1),
            "ratio": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "day": st.none() | st.dates(date(1000, 1, 1)),
            "moment": st.none() | st.datetimes(datetime(1970, 1, 1), timezones=st.just(UTC)),
            "texts": st.none() | st.lists(WORDS, max_size=4),
            "numbers": st.none() | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
        }
    ),
    max_size=8,
)


def table(*names: str) -> Table:
    columns = [Column("id", pa.int64(), "Key.", required=True)]
    columns += [Column(name, TYPES[name], name) for name in names]
    columns += [Column("content_hash", pa.string(), "Hash.", required=True)]
    return Table("things", "Things.", ("id",), tuple(columns), serve=True)


def candidate(
    store: Store, shape: Table, rows: list[dict[str, Any]], day: int, previous: manifests.Manifest | None
) -> manifests.Manifest:
    at = datetime(2026, 3, day, tzinfo=UTC)
    version = manifests.version_id(at, "run")
    store.delete_tree(f"versions/toy/{version}")
    listed = [{"id": n, "content_hash": str(hash(str(row))), **row} for n, row in enumerate(rows)]
    with Candidate(store, "toy", version, [shape], 1, previous) as made:
        made.write("things", pa.Table.from_pylist(listed, shape.schema).to_batches())
        return made.seal(
            run_id="run", as_of=at, created_at=at, code_version="t", cursors={}, counts={}, upstream={}
        )


def serve(registry: Registry, store: Store, manifest: manifests.Manifest) -> dict[str, str]:
    with registry.cursor() as cursor:
        return serving.serve(cursor, store, manifest)


def read(registry: Registry) -> list[dict[str, Any]]:
    with registry.cursor() as cursor:
        cursor.execute("SELECT * FROM published.toy_things ORDER BY id")
        return [
            {k: v for k, v in row.items() if k not in ("id", "content_hash")} for row in cursor.fetchall()
        ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ROWS, after=ROWS)
def test_every_type_arrives_as_it_is_by_copy_and_by_change_list(
    store: Store, registry: Registry, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> None:
    shape = table(*TYPES)
    with registry.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS published.toy_things; DELETE FROM lastgood.serving")
    first = candidate(store, shape, before, 1, None)
    assert serve(registry, store, first) == {"things": "copy"}
    assert read(registry) == before
    second = candidate(store, shape, after, 2, first)
    # However large the change: what is applied as a list must be what a copy gives.
    serving.DELTA_SHARE, share = 100.0, serving.DELTA_SHARE
    try:
        assert serve(registry, store, second)["things"] in ("changes", "unchanged")
    finally:
        serving.DELTA_SHARE = share
    assert read(registry) == after


def test_an_added_column_keeps_the_views_of_consumers(store: Store, registry: Registry) -> None:
    first = candidate(store, table("text"), [{"text": "a"}], 1, None)
    serve(registry, store, first)
    with registry.cursor() as cursor:
        cursor.execute("CREATE VIEW mine AS SELECT id, text FROM published.toy_things")
    second = candidate(store, table("text", "number"), [{"text": "a", "number": 1}], 2, first)
    serve(registry, store, second)
    assert read(registry) == [{"text": "a", "number": 1}]
    with registry.cursor() as cursor:
        cursor.execute("SELECT * FROM mine")
        assert cursor.fetchall() == [{"id": 0, "text": "a"}]


def test_a_changed_type_makes_the_table_anew(store: Store, registry: Registry) -> None:
    serve(registry, store, candidate(store, table("text"), [{"text": "7"}], 1, None))
    changed = Table(
        "things",
        "Things.",
        ("id",),
        (
            Column("id", pa.int64(), "Key.", required=True),
            Column("text", pa.int64(), "Now a number."),
            Column("content_hash", pa.string(), "Hash.", required=True),
        ),
        serve=True,
    )
    serve(registry, store, candidate(store, changed, [{"text": 7}], 2, None))
    assert read(registry) == [{"text": 7}]


def test_a_serving_table_that_holds_another_version_is_copied_in_full(
    store: Store, registry: Registry
) -> None:
    rows = [{"text": str(n)} for n in range(50)]
    first = candidate(store, table("text"), rows, 1, None)
    second = candidate(store, table("text"), [*rows, {"text": "x"}], 2, first)
    assert serve(registry, store, second) == {"things": "copy"}
    assert len(read(registry)) == 51


def test_a_table_no_longer_served_is_dropped(store: Store, registry: Registry) -> None:
    manifest = candidate(store, table("text"), [{"text": "a"}], 1, None)
    serve(registry, store, manifest)
    entries = tuple(
        manifests.TableEntry(**{n: getattr(e, n) for n in e.__struct_fields__} | {"serve": False})
        for e in manifest.tables
    )
    fields = {n: getattr(manifest, n) for n in manifest.__struct_fields__}
    serve(registry, store, manifests.Manifest(**fields | {"tables": entries}))
    with registry.cursor() as cursor:
        cursor.execute("SELECT to_regclass('published.toy_things') AS found")
        assert cursor.fetchone() == {"found": None}
