"""Runs the contracts of a source over Arrow tables, as the gate does over a candidate, and damages tables."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from include.publishing.changes import CHANGE
from include.publishing.manifest import ColumnEntry, TableEntry
from include.quality import arrivals, contract, figures
from include.quality.failing_rows import failing_rows
from include.sources import source as sources
from include.storage.duckdb_session import row_hash
from include.storage.tables import Table, type_name

Tables = dict[str, pa.Table]
DATA_TIME = datetime(2026, 11, 1, tzinfo=UTC)


def hashed(source: str, tables: Mapping[str, pa.Table]) -> Tables:
    """The tables as they are written: each row with the hash of its own values."""
    found = {}
    with duckdb.connect() as connection:
        for table in declared_tables(source):
            connection.register("rows", tables[table.name])
            query = f"SELECT *, {row_hash(table.values.names)} AS content_hash FROM rows"
            columns = ", ".join(table.names)
            found[table.name] = (
                connection.sql(f"SELECT {columns} FROM ({query})").to_arrow_table().cast(table.schema)
            )
            connection.unregister("rows")
    return found


def verify(
    source: str,
    tables: Mapping[str, pa.Table],
    previous: Mapping[str, pa.Table] | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    only: Iterable[str] | None = None,
    *,
    asked: bool = False,
) -> dict[str, str]:
    """Outcome of every check by `table.id` (PASSED, WARN, FAILED, NOT_EVALUATED or MISSING).

    A check of the contract that Soda does not report is MISSING, as it is NOT_EVALUATED for the gate.
    """
    from include.quality import verification

    logging.getLogger("soda").setLevel(logging.CRITICAL)
    outcomes = {}
    with session(source, tables, previous or {}, history, asked=asked) as connection, quick():
        for name in only or [table.name for table in declared_tables(source)]:
            path = contract.CONTRACTS / source / f"{name}.yml"
            result = verification.verify(connection, contract.read(path), str(path), DATA_TIME)
            reported = {
                item.check.relative_path: item.outcome.name
                for verification in result.contract_verification_results
                for item in verification.check_results
            }
            for check in checks_of(path):
                outcomes[f"{name}.{check.id}"] = reported.get(check.id, "MISSING")
    return outcomes


@contextmanager
def quick() -> Iterator[None]:
    """Soda without the text of each check, which it writes for its cloud: a third of its time.

    No outcome depends on that (tests/soda/test_harness.py).
    """
    from soda_core.contracts.impl.contract_verification_impl import CheckImpl

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckImpl, "_build_definition", lambda check: "")
        yield


def samples(source: str, tables: Mapping[str, pa.Table], check_id: str) -> list[dict[str, Any]] | None:
    """The rows that a check finds wrong, as people are shown them; None for a figure over the whole table."""
    check = declared_checks(source)[check_id]
    (table,) = (table for table in declared_tables(source) if table.name == check.table)
    query = failing_rows(check, table.key)
    if query is None:
        return None
    with session(source, tables, {}, ()) as connection:
        rows: list[dict[str, Any]] = connection.sql(query).to_arrow_table().to_pylist()
    return rows


@contextmanager
def session(
    source: str,
    tables: Mapping[str, pa.Table],
    previous: Mapping[str, pa.Table],
    history: Sequence[Mapping[str, Any]],
    *,
    asked: bool = False,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views that the gate registers: every table, what it was before, and the figures beside them."""
    declared = declared_tables(source)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in declared:
            old = previous.get(table.name, table.schema.empty_table())
            for name, rows in ((table.name, tables[table.name]), (f"previous_{table.name}", old)):
                connection.register(f"_{name}", rows)
                connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM "_{name}"')
        changes = [_changes(connection, table, tables, previous) for table in declared]
        figures.register(connection, changes, history, asked=asked)
        entries = [_entry(table) for table in declared]
        arrived = [row for entry in entries for row in arrivals.measure(connection, entries, entry)]
        connection.register("arrivals", pa.Table.from_pylist(arrived, arrivals.SCHEMA))
        yield connection


@cache
def checks_of(path: Path) -> list[contract.Check]:
    """Every check of a contract file."""
    return contract.load(path).all_checks()


def _changes(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    tables: Mapping[str, pa.Table],
    before: Mapping[str, pa.Table],
) -> dict[str, Any]:
    """How a table differs from before; makes the view of its keys that do, empty where there was none before."""

    def hashes(rows: pa.Table) -> dict[tuple[Any, ...], Any]:
        columns = [rows[column].to_pylist() for column in table.key]
        values = (
            rows["content_hash"].to_pylist()
            if "content_hash" in rows.column_names
            else [None] * rows.num_rows
        )
        return dict(zip(zip(*columns, strict=True), values, strict=True))

    now = hashes(tables[table.name])
    old = hashes(before[table.name]) if table.name in before else {}
    keys = {
        "new": now.keys() - old.keys(),
        "changed": {one for one in now.keys() & old.keys() if now[one] != old[one]},
        "deleted": old.keys() - now.keys(),
    }
    listed = [
        {CHANGE: change, **dict(zip(table.key, key, strict=True))}
        for change, found in keys.items()
        for key in found
    ]
    schema = pa.schema([(CHANGE, pa.string()), *(table.schema.field(name) for name in table.key)])
    connection.register(
        arrivals.changed_keys(table.name),
        pa.Table.from_pylist(listed if table.name in before else [], schema),
    )
    return {
        "table_name": table.name,
        "rows": tables[table.name].num_rows,
        "previous_rows": before[table.name].num_rows if table.name in before else None,
        **{change: len(found) for change, found in keys.items()},
    }


def _entry(table: Table) -> TableEntry:
    """The table as a manifest has it."""
    return TableEntry(
        name=table.name,
        key=table.key,
        rows=0,
        files=(),
        serve=table.serve,
        schema_version=1,
        kind=table.kind,
        columns=tuple(
            ColumnEntry(name=column.name, type=type_name(column.type), required=column.required)
            for column in table.columns
        ),
    )


def declared_tables(source: str) -> tuple[Table, ...]:
    """The tables of a source, from its tables.py."""
    return sources.load(source).schema().tables


def declared_checks(source: str) -> dict[str, contract.Check]:
    """Every check of every contract of a source by `table.id`."""
    contracts = contract.load_all(source, [table.name for table in declared_tables(source)])
    return {f"{table}.{check.id}": check for table, path in contracts.items() for check in checks_of(path)}


def table_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as a table in order of the key; a column that a row does not name is null, its hash is made."""
    filled = [
        {"content_hash": blake2b(repr(row).encode(), digest_size=16).hexdigest(), **row} for row in rows
    ]
    filled.sort(key=lambda row: tuple(row[column] for column in table.key))
    return pa.Table.from_pylist(filled, table.schema)


def replaced(tables: Tables, table: str, column: str, value: Any, rows: int | None = None) -> Tables:
    """The tables with a value in the first rows of a column (all rows where `rows` is None)."""
    old = tables[table]
    values = old[column].to_pylist()
    count = len(values) if rows is None else rows
    field = old.schema.field(column)
    array = pa.array([value] * count + values[count:], type=field.type)
    return tables | {table: old.set_column(old.schema.get_field_index(column), field, array)}


def with_rows(tables: Tables, table: Table, rows: Sequence[Mapping[str, Any]]) -> Tables:
    """The tables with further rows in one of them."""
    return tables | {table.name: pa.concat_tables([tables[table.name], table_of(table, rows)])}


def edited(
    tables: Tables, table: str, where: Callable[[dict[str, Any]], bool] = lambda row: True, **values: Any
) -> Tables:
    """The tables with other values in the rows of one of them that a condition holds for; keeps their hashes."""
    rows = [row | values if where(row) else row for row in tables[table].to_pylist()]
    return tables | {table: pa.Table.from_pylist(rows, tables[table].schema)}


def without(tables: Tables, table: str, where: Callable[[dict[str, Any]], bool]) -> Tables:
    """The tables without the rows of one of them that a condition holds for."""
    rows = [row for row in tables[table].to_pylist() if not where(row)]
    return tables | {table: pa.Table.from_pylist(rows, tables[table].schema)}


def spoilt(tables: Tables, table: str) -> Tables:
    """The tables with further rows in one of them: the first again, with a cut hash, and one of nothing but nulls."""
    row, schema = tables[table].slice(0, 1).to_pylist()[0], tables[table].schema
    added = pa.Table.from_pylist([row, row | {"content_hash": "abc"}, dict.fromkeys(row)], schema)
    return tables | {table: pa.concat_tables([tables[table], added])}


def past(tables: Tables, factor: float = 1.0) -> list[dict[str, Any]]:
    """A history of three good versions with `factor` times the rows."""
    return [
        {"version": str(day), "as_of": datetime(2026, 10, day, tzinfo=UTC), "table_name": name}
        | {"rows": int(rows.num_rows * factor), "new": 0, "changed": 0, "deleted": 0}
        for day in range(1, 4)
        for name, rows in tables.items()
    ]


def not_passed(outcomes: Mapping[str, str]) -> dict[str, str]:
    """The checks that did not simply pass."""
    return {check: outcome for check, outcome in outcomes.items() if outcome != "PASSED"}
