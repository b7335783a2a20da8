"""Serving tables hold every type as it is, keep what consumers built upon them, and follow the schema."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.publishing import manifest as manifests
from include.publishing import promotion, serving
from include.publishing.candidate import Candidate
from include.publishing.policy import Policy
from include.publishing.promotion import PromotionRefused
from include.registry import connection as registry_connection
from include.registry.registry import Registry
from include.storage.store import Store
from include.storage.tables import Column, Table
from include.version import version_id
from tests import toy
from tests.publishing.shapes import NUMBER, TEXT, ask, publish, seal, stage, things

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
            "texts": st.none() | st.lists(st.none() | WORDS, max_size=4),
            "numbers": st.none() | st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=4),
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
    version = version_id(at, "run")
    store.delete_tree(f"versions/toy/{version}")
    listed = [{"id": n, "content_hash": str(hash(str(row))), **row} for n, row in enumerate(rows)]
    with Candidate(store, "toy", version, [shape], 1, previous) as made:
        made.write("things", pa.Table.from_pylist(listed, shape.schema).to_batches())
        return made.seal(
            run_id="run", as_of=at, created_at=at, code_version="t", cursors={}, counts={}, upstream={}
        )


def serve(registry: Registry, store: Store, manifest: manifests.Manifest) -> dict[str, str]:
    serving.prepare(registry, store, manifest)
    with registry.transaction() as cursor:
        return serving.serve(cursor, store, manifest)


def read(registry: Registry) -> list[dict[str, Any]]:
    with registry.transaction() as cursor:
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
    with registry.transaction() as cursor:
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


def test_a_serving_table_that_holds_another_version_is_copied_in_full(
    store: Store, registry: Registry
) -> None:
    rows = [{"text": str(n)} for n in range(50)]
    first = candidate(store, table("text"), rows, 1, None)
    second = candidate(store, table("text"), [*rows, {"text": "x"}], 2, first)
    assert serve(registry, store, second) == {"things": "copy"}
    assert len(read(registry)) == 51


def roll_back(store: Store, registry: Registry) -> dict[str, str]:
    return promotion.rollback(store, registry, "toy", who="ana", reason="wrong").served


@pytest.fixture
def reader(registry: Registry) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """A consumer with a role of its own: asks a query, and has the schema `reports` for views."""
    name = f"reader_{uuid.uuid4().hex}"
    ask(registry, f"CREATE ROLE {name}; CREATE SCHEMA reports AUTHORIZATION {name}")
    ask(registry, "CREATE SCHEMA IF NOT EXISTS published")
    ask(registry, f"GRANT USAGE ON SCHEMA published TO {name}")
    ask(
        registry,
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA published GRANT SELECT, REFERENCES ON TABLES TO {name}",
    )

    def run(query: str) -> list[tuple[Any, ...]]:
        with registry.connect() as connection:
            connection.execute(f"SET ROLE {name}")
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    yield run
    ask(registry, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


Reader = Callable[[str], list[tuple[Any, ...]]]


def nullable(registry: Registry, table: str = "toy_things") -> set[str]:
    found = ask(
        registry,
        "SELECT attname FROM pg_attribute WHERE attrelid = 'published."
        f"{table}'::regclass AND attnum > 0 AND NOT attisdropped AND NOT attnotnull",
    )
    return {name for (name,) in found}


def keys(registry: Registry) -> list[tuple[bool, list[str]]]:
    """Whether it is the primary one, and the columns, of every unique index."""
    return ask(
        registry,
        "SELECT i.indisprimary, (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a "
        "WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) "
        "FROM pg_index i WHERE i.indrelid = 'published.toy_things'::regclass AND i.indisunique",
    )


# --- a published table lives on ---


def test_an_added_column_leaves_views_and_grants_as_they_are(
    store: Store, registry: Registry, reader: Reader
) -> None:
    first = seal(store, {things(TEXT): [{"id": 1, "text": "a"}]})
    publish(store, registry, first)
    reader("CREATE VIEW reports.mine AS SELECT id, text FROM published.toy_things")
    reader("CREATE MATERIALIZED VIEW reports.kept AS SELECT count(*) FROM published.toy_things")
    publish(
        store, registry, seal(store, {things(TEXT, NUMBER): [{"id": 1, "text": "a", "number": 7}]}, first)
    )
    assert reader("SELECT * FROM reports.mine") == [(1, "a")]
    assert reader("SELECT id, number FROM published.toy_things") == [(1, 7)]
    reader("REFRESH MATERIALIZED VIEW reports.kept")


def test_a_required_column_that_is_added_may_be_null_in_sql(store: Store, registry: Registry) -> None:
    first = seal(store, {things(TEXT): [{"id": 1, "text": "a"}]})
    publish(store, registry, first)
    required = replace(NUMBER, required=True)
    publish(store, registry, seal(store, {things(TEXT, required): [{"id": 1, "number": 7}]}, first))
    assert nullable(registry) == {"text", "number"}
    assert ask(registry, "SELECT number FROM published.toy_things") == [(7,)]


def test_a_column_that_is_no_more_stays_and_is_null(store: Store, registry: Registry, reader: Reader) -> None:
    required = replace(NUMBER, required=True)
    first = seal(store, {things(TEXT, required): [{"id": 1, "text": "a", "number": 7}]})
    publish(store, registry, first)
    reader("CREATE VIEW reports.mine AS SELECT id, number FROM published.toy_things")
    publish(store, registry, seal(store, {things(TEXT): [{"id": 1, "text": "b"}, {"id": 2}]}, first))
    assert sorted(reader("SELECT * FROM reports.mine")) == [(1, None), (2, None)]


def test_what_was_required_may_become_null_and_back(store: Store, registry: Registry) -> None:
    required = replace(TEXT, required=True)
    first = seal(store, {things(required): [{"id": 1, "text": "a"}]})
    publish(store, registry, first)
    assert nullable(registry) == set()
    second = seal(store, {things(TEXT): [{"id": 1}]}, first)
    publish(store, registry, second)
    assert ask(registry, "SELECT text FROM published.toy_things") == [(None,)]
    publish(store, registry, seal(store, {things(required): [{"id": 1, "text": "c"}]}, second))
    assert ask(registry, "SELECT text FROM published.toy_things") == [("c",)]


def test_a_column_that_can_hold_the_new_type_keeps_its_own(
    store: Store, registry: Registry, reader: Reader
) -> None:
    wide = Column("number", pa.int64(), "Wide."), Column("ratio", pa.float64(), "Double.")
    narrow = Column("number", pa.int16(), "Narrow."), Column("ratio", pa.float32(), "Single.")
    first = seal(store, {things(*wide): [{"id": 1, "number": 2**40, "ratio": 0.1}]})
    publish(store, registry, first)
    reader("CREATE VIEW reports.mine AS SELECT number, ratio FROM published.toy_things")
    publish(store, registry, seal(store, {things(*narrow): [{"id": 1, "number": 7, "ratio": 0.5}]}, first))
    assert reader("SELECT *, pg_typeof(number)::text FROM reports.mine") == [(7, 0.5, "bigint")]


def test_a_type_that_would_rewrite_the_table_is_refused_with_who_reads_it_and_the_way_out(
    store: Store, registry: Registry, reader: Reader
) -> None:
    first = seal(store, {things(NUMBER): [{"id": 1, "number": 7}]})
    publish(store, registry, first)
    reader("CREATE VIEW reports.mine AS SELECT id, number FROM published.toy_things")
    wide = Column("number", pa.int64(), "Now wide.")
    second = seal(store, {things(wide): [{"id": 1, "number": 2**40}]}, first)
    (refusal,) = serving.refusals(registry, store, second)
    assert (refusal.table, refusal.rule) == ("things", "type/number")
    for words in (
        "published.toy_things.number is integer and cannot hold int64",
        "view reports.mine",
        "ALTER TABLE published.toy_things ALTER COLUMN number TYPE bigint",
    ):
        assert words in refusal.sentence
    stage(store, registry, second)
    with pytest.raises(PromotionRefused, match="cannot hold int64"):
        promotion.promote(store, registry, "toy", second.version, policy=Policy(), owner="test")
    assert registry.version("toy", second.version).state == "staged"
    assert ask(registry, "SELECT number FROM published.toy_things") == [(7,)]
    # The way out, as it is told.
    reader("DROP VIEW reports.mine")
    ask(registry, "ALTER TABLE published.toy_things ALTER COLUMN number TYPE bigint")
    assert promotion.promote(
        store, registry, "toy", second.version, policy=Policy(), owner="test"
    ).served == {"things": "copy"}
    assert ask(registry, "SELECT number FROM published.toy_things") == [(2**40,)]


def test_a_type_that_serving_tables_do_not_know_is_refused(store: Store, registry: Registry) -> None:
    manifest = seal(store, {things(Column("value", pa.binary(), "Bytes.")): []})
    (refusal,) = serving.refusals(registry, store, manifest)
    assert "things.value has type binary, which serving tables do not know" in refusal.sentence


def test_a_view_in_the_place_of_a_table_is_refused(store: Store, registry: Registry) -> None:
    ask(registry, "CREATE SCHEMA published; CREATE VIEW published.toy_things AS SELECT 1 AS id")
    (refusal,) = serving.refusals(registry, store, seal(store, {things(TEXT): []}))
    assert "published.toy_things is no table" in refusal.sentence


# --- the key ---

PAIR = replace(NUMBER, required=True)


def test_a_changed_key_is_guarded_from_the_switch_on(
    store: Store, registry: Registry, reader: Reader
) -> None:
    row = {"id": 1, "number": 1, "text": "a"}
    first = seal(store, {things(TEXT, PAIR): [row]})
    publish(store, registry, first)
    reader("CREATE VIEW reports.mine AS SELECT id, text FROM published.toy_things")
    second = seal(store, {things(TEXT, PAIR, key=("id", "number")): [row, {**row, "number": 2}]}, first)
    assert publish(store, registry, second) == {"things": "copy"}
    assert keys(registry) == [(True, ["id", "number"])], "the index became the primary key after the switch"
    assert len(reader("SELECT * FROM reports.mine")) == 2
    # And back: two rows of one id are one again.
    assert roll_back(store, registry) == {"things": "copy"}
    assert keys(registry) == [(True, ["id"])]
    assert reader("SELECT * FROM reports.mine") == [(1, "a")]


def test_a_key_of_a_column_that_may_be_null_in_sql_is_guarded_by_an_index_alone(
    store: Store, registry: Registry
) -> None:
    first = seal(store, {things(TEXT): [{"id": 1}]})
    publish(store, registry, first)
    second = seal(store, {things(TEXT, PAIR, key=("id", "number")): [{"id": 1, "number": 2}]}, first)
    publish(store, registry, second)
    assert keys(registry) == [(False, ["id", "number"])]
    with pytest.raises(psycopg.errors.UniqueViolation):
        ask(registry, "INSERT INTO published.toy_things SELECT * FROM published.toy_things")
    third = seal(store, {things(TEXT, PAIR, key=("number",)): [{"id": 1, "number": 2}]}, second)
    publish(store, registry, third)
    assert keys(registry) == [(False, ["number"])]


def indexes(registry: Registry) -> set[str]:
    return {
        name for (name,) in ask(registry, "SELECT indexname FROM pg_indexes WHERE tablename = 'toy_things'")
    }


def test_look_ups_by_the_old_key_have_an_index_until_the_switch_and_while_it_does_not_come(
    store: Store, registry: Registry, reader: Reader
) -> None:
    rows = [{"id": n, "number": n % 7, "text": "a"} for n in range(3_000)]

    def keyed_by(*key: str) -> manifests.Manifest:
        chosen = rows[:7] if key == ("number",) else rows
        shape = things(replace(TEXT, required=True), PAIR, key=key)
        return seal(store, {shape: chosen}, first, day=len(sealed) + 2)

    def way() -> str:
        ask(registry, "ANALYZE published.toy_things")
        return str(reader("EXPLAIN SELECT * FROM published.toy_things WHERE id = 5"))

    sealed: list[manifests.Manifest] = []
    first = seal(store, {things(replace(TEXT, required=True), PAIR): rows})
    publish(store, registry, first)
    for key in (("number",), ("id", "text"), ("number", "id")):
        sealed.append(keyed_by(*key))
    by_number, with_text, with_number = sealed

    serving.prepare(registry, store, by_number)
    assert keys(registry) == [], "its promotion did not come to the switch"
    assert "Index Scan using toy_things_former_key" in way()
    serving.prepare(registry, store, by_number)
    assert "toy_things_former_key" in way()
    publish(store, registry, with_text)
    assert keys(registry) == [(True, ["id", "text"])] and indexes(registry) == {"toy_things_key"}

    serving.prepare(registry, store, with_number)
    serve(registry, store, with_number)
    with registry.connect() as idle:
        idle.execute("SELECT count(*) FROM published.toy_things")
        serving.finish(registry, store, with_number)
    assert indexes(registry) == {"toy_things_key", "toy_things_former_key"}, "left for the next"
    serving.prepare(registry, store, by_number)
    assert indexes(registry) == {"toy_things_former_key"} and keys(registry) == []
    serve(registry, store, first)
    serving.finish(registry, store, first)
    assert keys(registry) == [(True, ["id"])] and indexes(registry) == {"toy_things_key"}


def test_a_primary_key_that_did_not_come_to_it_comes_with_the_next_promotion(
    store: Store, registry: Registry
) -> None:
    row = {"id": 1, "number": 1, "text": "a"}
    first = seal(store, {things(TEXT, PAIR): [row]})
    publish(store, registry, first)
    second = seal(store, {things(TEXT, PAIR, key=("id", "number")): [row]}, first)
    stage(store, registry, second)
    with registry.connect() as idle:
        serving.prepare(registry, store, second)
        idle.execute("SELECT count(*) FROM published.toy_things")
        assert (
            promotion.promote(store, registry, "toy", second.version, policy=Policy(), owner="test").latest
            == second.version
        )
        assert keys(registry) == [(False, ["id", "number"])]
    publish(store, registry, seal(store, {things(TEXT, PAIR, key=("id", "number")): [row]}, second))
    assert keys(registry) == [(True, ["id", "number"])]


def test_a_key_that_consumers_built_upon_is_not_changed(
    store: Store, registry: Registry, reader: Reader
) -> None:
    first = seal(store, {things(TEXT, PAIR): [{"id": 1, "number": 1}]})
    publish(store, registry, first)
    reader("CREATE VIEW reports.mine AS SELECT id, text FROM published.toy_things GROUP BY id")
    second = seal(store, {things(TEXT, PAIR, key=("id", "number")): [{"id": 1, "number": 1}]}, first)
    (refusal,) = serving.refusals(registry, store, second)
    assert "changes from (id) to (id, number)" in refusal.sentence
    assert "view reports.mine" in refusal.sentence
    stage(store, registry, second)
    with pytest.raises(PromotionRefused, match="needs the old one"):
        promotion.promote(store, registry, "toy", second.version, policy=Policy(), owner="test")
    assert keys(registry) == [(True, ["id"])]


# --- what references a table ---

ON_DELETE = {
    "": "fail",
    "DEFERRABLE INITIALLY DEFERRED": "fail",
    "ON DELETE CASCADE": "delete rows there",
    "ON DELETE SET NULL": "empty columns there",
}


@pytest.mark.parametrize("rows", [60, 1], ids=["by a copy", "by its changes"])
@pytest.mark.parametrize("on_delete", ON_DELETE)
def test_a_foreign_key_onto_a_table_is_refused_at_the_gate_and_no_row_of_a_consumer_goes(
    store: Store, registry: Registry, reader: Reader, on_delete: str, rows: int
) -> None:
    old = [{"id": n, "text": "a"} for n in range(60)]
    first = seal(store, {things(TEXT): old})
    second = seal(store, {things(TEXT): [{**row, "text": "b"} for row in old[:rows]] + old[rows:]}, first)
    publish(store, registry, first)
    publish(store, registry, second)
    reader(f"CREATE TABLE reports.notes (id bigint REFERENCES published.toy_things {on_delete})")
    reader("INSERT INTO reports.notes SELECT id FROM published.toy_things")
    third = seal(store, {things(TEXT): old}, second)
    (refusal,) = serving.refusals(registry, store, third)
    assert (refusal.table, refusal.rule) == ("things", "foreign_key/reports.notes.notes_id_fkey")
    assert ON_DELETE[on_delete] in refusal.sentence
    stage(store, registry, third)
    with pytest.raises(PromotionRefused, match=r"notes_id_fkey on table reports\.notes references"):
        promotion.promote(store, registry, "toy", third.version, policy=Policy(), owner="test")
    with pytest.raises(PromotionRefused, match=r"ALTER TABLE reports\.notes DROP CONSTRAINT notes_id_fkey"):
        roll_back(store, registry)
    assert reader("SELECT count(id) FROM reports.notes") == [(60,)]
    reader("ALTER TABLE reports.notes DROP CONSTRAINT notes_id_fkey")
    roll_back(store, registry)
    assert reader("SELECT count(id) FROM reports.notes") == [(60,)]


def test_a_foreign_key_that_comes_while_a_version_is_served_waits_or_is_seen(
    store: Store, registry: Registry, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = seal(store, {things(TEXT): [{"id": 1}, {"id": 2}]})
    publish(store, registry, first)
    second = stage(store, registry, seal(store, {things(TEXT): [{"id": 1}]}, first))
    plan, plans = serving.plan, count()
    reader("CREATE TABLE reports.notes (id bigint)")
    refer = "ALTER TABLE reports.notes ADD FOREIGN KEY (id) REFERENCES published.toy_things ON DELETE CASCADE"

    def late(*args: Any, **kwargs: Any) -> Any:
        planned = plan(*args, **kwargs)
        if next(plans) == 1:  # the first within the switch
            reader("INSERT INTO reports.notes SELECT id FROM published.toy_things")
            reader(refer)
        return planned

    monkeypatch.setattr(serving, "plan", late)
    with pytest.raises(PromotionRefused, match="notes_id_fkey"):
        promotion.promote(store, registry, "toy", second.version, policy=Policy(), owner="test")
    assert reader("SELECT count(id) FROM reports.notes") == [(2,)]
    reader("ALTER TABLE reports.notes DROP CONSTRAINT notes_id_fkey")
    with registry.transaction() as cursor:
        serving.serve(cursor, store, second)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            reader(f"SET lock_timeout = '200ms'; {refer}")


# --- going back ---

OTHERS = things(TEXT, name="others")
WAYS: dict[str, tuple[dict[Table, list[dict[str, Any]]], dict[Table, list[dict[str, Any]]]]] = {
    "an added column": (
        {things(TEXT): [{"id": 1, "text": "a"}]},
        {things(TEXT, NUMBER): [{"id": 1, "text": "b", "number": 7}]},
    ),
    "a required column": (
        {things(replace(TEXT, required=True)): [{"id": 1, "text": "a"}]},
        {things(TEXT): [{"id": 1, "text": None}]},
    ),
    "a removed column": (
        {things(TEXT, PAIR): [{"id": 1, "text": "a", "number": 7}]},
        {things(TEXT): [{"id": 1, "text": "b"}]},
    ),
    "a new table": (
        {things(TEXT): [{"id": 1, "text": "a"}]},
        {things(TEXT): [{"id": 1, "text": "b"}], OTHERS: [{"id": 5, "text": "other"}]},
    ),
    "another key": (
        {things(TEXT, PAIR): [{"id": 1, "text": "a", "number": 7}]},
        {things(TEXT, PAIR, key=("number",)): [{"id": 1, "text": "b", "number": 7}]},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_rollback_and_the_way_forth_leave_consumers_what_they_built(
    store: Store, registry: Registry, reader: Reader, way: str
) -> None:
    before, after = WAYS[way]
    first = seal(store, before)
    publish(store, registry, first)
    second = seal(store, after, first)
    publish(store, registry, second)
    everything = {f"toy_{shape.name}": list(shape.names) for shape in after}
    for table, columns in everything.items():
        reader(f"CREATE VIEW reports.{table} AS SELECT {', '.join(columns)} FROM published.{table}")
        reader(f"CREATE MATERIALIZED VIEW reports.m_{table} AS SELECT * FROM reports.{table}")
    then = reader("SELECT id, text FROM reports.toy_things")
    roll_back(store, registry)
    assert reader("SELECT id, text FROM reports.toy_things") == [(1, "a")]
    if way == "a new table":
        assert reader("SELECT * FROM reports.toy_others") == []
        assert ask(registry, "SELECT table_name FROM lastgood.serving") == [("things",)]
    toy.release(store, registry)
    third = seal(store, after, first, day=9)
    publish(store, registry, third)
    assert reader("SELECT id, text FROM reports.toy_things") == then
    for table in everything:
        reader(f"REFRESH MATERIALIZED VIEW reports.m_{table}")
        assert reader(f"SELECT count(*) FROM reports.m_{table}") == [(1,)]


# --- a table that is no longer served ---


def test_a_table_is_served_until_it_was_dropped_deliberately(
    store: Store, registry: Registry, reader: Reader
) -> None:
    first = seal(store, {things(TEXT): [{"id": 1}], OTHERS: [{"id": 5}]})
    publish(store, registry, first)
    reader("CREATE VIEW reports.mine AS SELECT id FROM published.toy_others")
    files_only = things(TEXT, name="others", serve=False)
    second = seal(store, {things(TEXT): [{"id": 1}], files_only: [{"id": 5}]}, first)
    (refusal,) = serving.refusals(registry, store, second)
    assert (refusal.table, refusal.rule) == ("others", "served")
    assert "view reports.mine" in refusal.sentence
    assert "DROP TABLE published.toy_others" in refusal.sentence
    stage(store, registry, second)
    with pytest.raises(PromotionRefused, match=r"toy_others is served"):
        promotion.promote(store, registry, "toy", second.version, policy=Policy(), owner="test")
    assert reader("SELECT * FROM reports.mine") == [(5,)]
    ask(registry, "DROP TABLE published.toy_others CASCADE")
    promotion.promote(store, registry, "toy", second.version, policy=Policy(), owner="test")
    assert ask(registry, "SELECT table_name FROM lastgood.serving") == [("things",)]


# --- waits are bounded ---


def test_a_reader_who_idles_in_a_transaction_stops_the_promotion_and_nobody_else(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "PAUSE_SECONDS", 0.5)
    first = seal(store, {things(TEXT): [{"id": 1, "text": "a"}]})
    publish(store, registry, first)
    second = seal(store, {things(TEXT, NUMBER): [{"id": 1, "text": "b", "number": 7}]}, first)
    stage(store, registry, second)
    ended, waited = threading.Event(), []

    def read() -> None:
        while not ended.is_set():
            began = time.monotonic()
            assert ask(registry, "SELECT text FROM published.toy_things") == [("a",)]
            waited.append(time.monotonic() - began)

    with registry.connect() as idle:
        idle.execute("SELECT set_config('application_name', 'the report of March', false)")
        idle.execute("SELECT * FROM published.toy_things")
        others = threading.Thread(target=read)
        others.start()
        began = time.monotonic()
        try:
            with pytest.raises(serving.TableLocked) as refused:
                serving.prepare(registry, store, second)
        finally:
            ended.set()
            others.join()
        assert time.monotonic() - began < 60
        words = str(refused.value)
        assert "published.toy_things could not be had" in words
        assert f"the report of March (process {idle.info.backend_pid} of the database" in words
        assert "idle in transaction, since 20" in words
        assert f"pg_terminate_backend({idle.info.backend_pid})" in words
        assert "SELECT * FROM" not in words, "what they ask is theirs"
    assert len(waited) > 3
    assert max(waited) < 5, "a try lasts a second"
    assert (
        promotion.promote(store, registry, "toy", second.version, policy=Policy(), owner="test").latest
        == second.version
    )
    assert ask(registry, "SELECT text, number FROM published.toy_things") == [("b", 7)]


def test_a_promotion_fails_in_bounded_time_and_says_who_holds_the_table(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "LOCK_TRIES", 1)
    first = seal(store, {things(TEXT): [{"id": 1, "text": "a"}]})
    publish(store, registry, first)
    second = seal(store, {things(TEXT, NUMBER): [{"id": 1, "number": 7}]}, first)
    stage(store, registry, second)
    with registry.connect() as idle:
        idle.execute("SELECT * FROM published.toy_things")
        with pytest.raises(serving.TableLocked, match=r"held by lastgood .*idle in transaction"):
            promotion.promote(
                store, registry, "toy", second.version, policy=Policy(), owner="test", wait=lambda _: None
            )
    assert "idle in transaction" in (registry.version("toy", second.version).publish_error or "")
    latest = registry.latest("toy")
    assert latest is not None and latest.version == first.version


def test_nothing_is_held_between_two_tries(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = seal(store, {things(TEXT): [{"id": 1}], OTHERS: [{"id": 1}]})
    publish(store, registry, first)
    grown = {things(TEXT, NUMBER): [{"id": 1}], things(TEXT, NUMBER, name="others"): [{"id": 1}]}
    second = seal(store, grown, first)
    held: list[Any] = []
    with registry.connect() as idle:
        idle.execute("SELECT * FROM published.toy_things")

        def look(_seconds: float) -> None:
            held.extend(
                ask(
                    registry,
                    "SELECT relation::regclass, mode FROM pg_locks WHERE relation::regclass::text LIKE 'published.%' "
                    f"AND pid <> {idle.info.backend_pid}",
                )
            )
            idle.rollback()

        serving.prepare(registry, store, second, wait=look)
    assert held == []
    assert nullable(registry) == nullable(registry, "toy_others") == {"text", "number"}


def test_no_lock_keeps_readers_out_while_rows_are_copied(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"id": 1, "number": 1, "text": "a"}
    first = seal(store, {things(TEXT, PAIR): [row]})
    publish(store, registry, first)
    second = seal(store, {things(TEXT, PAIR, key=("id", "number")): [row], OTHERS: [{"id": 1}]}, first)
    serving.prepare(registry, store, second)
    with registry.transaction() as cursor:
        assert serving.serve(cursor, store, second) == {"things": "copy", "others": "copy"}
        locks = ask(
            registry,
            "SELECT DISTINCT mode FROM pg_locks WHERE relation = 'published.toy_things'::regclass AND granted",
        )
        assert ("AccessExclusiveLock",) not in locks
        assert ask(registry, "SELECT text FROM published.toy_things") == [("a",)]


def test_a_writer_who_holds_a_table_is_named_by_the_switch(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = seal(store, {things(TEXT): [{"id": 1, "text": "a"}]})
    publish(store, registry, first)
    second = stage(store, registry, seal(store, {things(TEXT): [{"id": 1, "text": "b"}]}, first))
    monkeypatch.setitem(registry_connection._BOUNDS, "lock_timeout", "200ms")
    with registry.connect() as holder:
        holder.execute("LOCK TABLE published.toy_things IN SHARE MODE")
        with pytest.raises(serving.TableLocked, match=f"process {holder.info.backend_pid} of the database"):
            promotion.promote(
                store, registry, "toy", second.version, policy=Policy(), owner="test", wait=lambda _: None
            )
        assert ask(registry, "SELECT text FROM published.toy_things") == [("a",)]


def test_a_holder_who_has_just_let_go_is_not_made_up(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "LOCK_TRIES", 1)
    first = seal(store, {things(TEXT): [{"id": 1}]})
    publish(store, registry, first)
    held = serving._held
    with registry.connect() as idle:
        idle.execute("SELECT * FROM published.toy_things")

        def let_go(*given: Any, **named: Any) -> str:
            idle.rollback()
            return held(*given, **named)

        with monkeypatch.context() as patch, pytest.raises(serving.TableLocked, match="has just let go"):
            patch.setattr(serving, "_held", let_go)
            serving.prepare(registry, store, seal(store, {things(TEXT, NUMBER): [{"id": 1}]}, first))
    with pytest.raises(psycopg.errors.LockNotAvailable), serving.naming_holders(registry, first):
        raise psycopg.errors.LockNotAvailable("canceling statement due to lock timeout")


def test_what_was_altered_after_the_preparation_is_not_served_and_the_next_try_prepares_it(
    store: Store, registry: Registry
) -> None:
    first = seal(store, {things(TEXT): [{"id": 1, "text": "a"}]})
    publish(store, registry, first)
    second = seal(store, {things(TEXT, NUMBER): [{"id": 1, "number": 7}]}, first)
    with (
        pytest.raises(serving.Unprepared, match=r"published\.toy_things was altered"),
        registry.transaction() as cursor,
    ):
        serving.serve(cursor, store, second)
    assert publish(store, registry, second) == {"things": "copy"}


# --- the change list, and the count of what came out ---


def rows_of(count: int, **others: Any) -> list[dict[str, Any]]:
    return [{"id": n, "text": f"thing {n}", **others} for n in range(count)]


def test_a_change_list_of_a_composite_key_and_lists_is_joined_with_the_files_of_any_store(
    any_store: Store, registry: Registry
) -> None:
    lists = (
        Column("texts", pa.list_(pa.string()), "Texts."),
        Column("day", pa.date32(), "Day.", required=True),
    )
    table = things(TEXT, *lists, key=("id", "day"))
    days = [date(2026, 1, 1), date(2026, 1, 2)]
    rows = [
        {"id": n, "day": day, "text": str(n), "texts": [f'a "{n}"', None, "x,{y}\\"]}
        for n in range(50)
        for day in days
    ]
    first = seal(any_store, {table: rows})
    publish(any_store, registry, first)
    changed = [dict(row) for row in rows[2:]] + [{**rows[0], "id": 99}]
    changed[4]["texts"] = None
    changed[5]["text"] = "other"
    second = seal(any_store, {table: changed}, first)
    assert publish(any_store, registry, second) == {"things": "changes"}
    with registry.transaction() as cursor:
        cursor.execute("SELECT id, day, text, texts FROM published.toy_things ORDER BY id, day")
        assert cursor.fetchall() == sorted(changed, key=lambda row: (row["id"], row["day"]))


def test_only_files_that_are_new_are_joined(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = things(TEXT)

    def sealed(
        parts: dict[str, list[dict[str, Any]] | None], previous: manifests.Manifest | None, day: int
    ) -> Any:
        at = datetime(2026, 3, day, tzinfo=UTC)
        with Candidate(store, "toy", version_id(at, "run"), [table], 1, previous) as made:
            for part, rows in parts.items():
                if rows is None:
                    made.keep("things", part)
                else:
                    listed = [{"content_hash": str(row), **row} for row in rows]
                    made.write("things", pa.Table.from_pylist(listed, table.schema).to_batches(), part)
            return made.seal(
                run_id="run", as_of=at, created_at=at, code_version="t", cursors={}, counts={}, upstream={}
            )

    first = sealed({"a": rows_of(50), "b": [{"id": 99, "text": "b"}]}, None, 1)
    publish(store, registry, first)
    second = sealed({"a": None, "b": [{"id": 99, "text": "c"}]}, first, 2)
    stage(store, registry, second)
    read: list[str] = []
    register = serving.duckdb_session.register
    monkeypatch.setattr(
        serving.duckdb_session, "register", lambda *given: read.extend(given[3]) or register(*given)
    )
    assert promotion.promote(
        store, registry, "toy", second.version, policy=Policy(), owner="test"
    ).served == {"things": "changes"}
    assert read == [second.files[-1].path]
    assert ask(registry, "SELECT text FROM published.toy_things WHERE id = 99") == [("c",)]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM published.toy_things WHERE id = 3",
        "DELETE FROM published.toy_things WHERE id = 40",
        "INSERT INTO published.toy_things VALUES (60, 'foreign', 'x')",
        "INSERT INTO published.toy_things VALUES (77, 'foreign', 'x')",
        "DELETE FROM published.toy_things WHERE id = 40; INSERT INTO published.toy_things VALUES (60, 'foreign', 'x')",
    ],
)
@pytest.mark.parametrize("change", ["some rows", "none"])
def test_a_table_that_the_change_list_does_not_bring_right_is_copied_whole(
    store: Store, registry: Registry, damage: str, change: str
) -> None:
    table = things(TEXT)
    first = seal(store, {table: rows_of(50)})
    publish(store, registry, first)
    ask(registry, damage)
    rows = rows_of(50)
    if change == "some rows":
        rows[3]["text"] = "changed"
        rows.append({"id": 60, "text": "new"})
    counts_equal = change == "none" and ";" in damage
    way = "unchanged" if counts_equal else "copy"
    assert publish(store, registry, seal(store, {table: rows}, first)) == {"things": way}
    if not counts_equal:
        found = ask(registry, "SELECT id, text FROM published.toy_things ORDER BY id")
        assert found == [(row["id"], row["text"]) for row in rows]


def test_a_table_that_a_whole_copy_does_not_bring_right_is_an_error_with_both_counts(
    store: Store, registry: Registry
) -> None:
    first = seal(store, {things(TEXT): rows_of(5)})
    publish(store, registry, first)
    ask(
        registry,
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
        "CREATE TRIGGER lose BEFORE INSERT ON published.toy_things FOR EACH ROW WHEN (NEW.id = 2) "
        "EXECUTE FUNCTION lose()",
    )
    second = stage(store, registry, seal(store, {things(TEXT): rows_of(5)[::-1][:4][::-1]}, first))
    with pytest.raises(serving.WrongRows, match=r"published.toy_things has 3 rows .* has 4"):
        promotion.promote(store, registry, "toy", second.version, policy=Policy(), owner="test")
    assert len(ask(registry, "SELECT * FROM published.toy_things")) == 5
    latest = registry.latest("toy")
    assert latest is not None and latest.version == first.version
    assert registry.version("toy", second.version).state == "staged"


@pytest.mark.parametrize("how", ["truncated", "altered"])
def test_a_change_list_that_is_not_the_sealed_one_is_refused(
    store: Store, registry: Registry, how: str
) -> None:
    table = things(TEXT)
    first = seal(store, {table: rows_of(50)})
    publish(store, registry, first)
    changed = [{**row, "text": "other"} if row["id"] < 5 else row for row in rows_of(50)]
    second = stage(store, registry, seal(store, {table: changed}, first))
    (change,) = second.changes
    assert change.keys is not None
    if how == "truncated":
        path = Path(store.full(change.keys.path))
        path.write_bytes(path.read_bytes()[:-20])
    else:
        listed = store.parquet(change.keys.path).to_table().slice(1)
        pq.write_table(listed, store.full(change.keys.path))
    with pytest.raises(PromotionRefused, match=r"_changes/things\.parquet was altered after the manifest"):
        promotion.promote(store, registry, "toy", second.version, policy=Policy(), owner="test")
    assert ("thing 0",) in ask(registry, "SELECT text FROM published.toy_things")
    assert registry.version("toy", second.version).state == "staged"


FROZEN = """
import sys, psycopg
from include.publishing import manifest, serving
from include.registry.registry import Registry
from include.storage.store import Store
root, dsn, version = sys.argv[1:]
store = Store.from_uri(root)
print("begins", flush=True)
serving.prepare(Registry(lambda: psycopg.connect(dsn)), store, manifest.require(store, "toy", version))
"""


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.5, 1.5])
def test_a_promoter_that_freezes_while_it_prepares_keeps_nobody_out(
    store: Store, registry: Registry, dsn: str, seconds: float
) -> None:
    first = seal(store, {things(TEXT): [{"id": 1, "text": "a"}]})
    publish(store, registry, first)
    second = seal(store, {things(TEXT, NUMBER): [{"id": 1}]}, first)
    with registry.connect() as idle:
        idle.execute("SELECT * FROM published.toy_things")
        promoter = subprocess.Popen(
            [sys.executable, "-c", FROZEN, store.uri, dsn, second.version], stdout=subprocess.PIPE, text=True
        )
        try:
            assert promoter.stdout is not None and promoter.stdout.readline() == "begins\n"
            time.sleep(seconds)
            promoter.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            assert ask(registry, "SELECT text FROM published.toy_things") == [("a",)]
            idle.rollback()
            assert ask(registry, "SELECT text FROM published.toy_things") == [("a",)]
            assert time.monotonic() - began < 10
        finally:
            promoter.kill()
            promoter.wait()
    # Whatever it came to, the next one goes on from there.
    assert publish(store, registry, second) == {"things": "copy"}
