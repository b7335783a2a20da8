"""Runs the contracts of ctgov over Arrow tables, as the gate does over a candidate."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from include.quality import contract
from include.quality.gate import rows_delta_percent
from include.sources.ctgov.tables import TABLES

CHANGES = pa.schema(
    [
        ("table_name", pa.string()),
        ("rows", pa.int64()),
        ("previous_rows", pa.int64()),
        ("rows_delta_percent", pa.float64()),
        ("new", pa.int64()),
        ("changed", pa.int64()),
        ("deleted", pa.int64()),
    ]
)
HISTORY = pa.schema(
    [
        ("version", pa.string()),
        ("as_of", pa.timestamp("us", "UTC")),
        ("table_name", pa.string()),
        ("rows", pa.int64()),
        ("new", pa.int64()),
        ("changed", pa.int64()),
        ("deleted", pa.int64()),
    ]
)


def verify(
    tables: Mapping[str, pa.Table],
    previous: Mapping[str, pa.Table] | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    only: Iterable[str] | None = None,
) -> dict[str, str]:
    """Outcome of every check by `table.id` (PASSED, WARN, FAILED, NOT_EVALUATED or MISSING).

    A check of the contract that Soda does not report is MISSING, as it is NOT_EVALUATED for the gate.
    """
    from soda_core.contracts import verify_contract_locally
    from soda_duckdb.common.data_sources.duckdb_data_source import DuckDBDataSourceImpl

    logging.getLogger("soda").setLevel(logging.CRITICAL)
    before = previous or {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in TABLES:
            old = before.get(table.name, table.schema.empty_table())
            for name, rows in ((table.name, tables[table.name]), (f"previous_{table.name}", old)):
                connection.register(f"_{name}", rows)
                connection.execute(f'CREATE VIEW "{name}" AS SELECT * FROM "_{name}"')
        changes = [_changes(table.name, table.key, tables, before) for table in TABLES]
        connection.register("changes", pa.Table.from_pylist(changes, CHANGES))
        connection.register("history", pa.Table.from_pylist([dict(row) for row in history], HISTORY))
        outcomes = {}
        for name in only or [table.name for table in TABLES]:
            path = contract.CONTRACTS / "ctgov" / f"{name}.yml"
            result = verify_contract_locally(
                data_sources=[DuckDBDataSourceImpl.from_existing_cursor(connection, name="wh")],
                contract_file_path=str(path),
                data_timestamp="2026-11-01T00:00:00+00:00",
            )
            reported = {
                item.check.relative_path: item.outcome.name
                for verification in result.contract_verification_results
                for item in verification.check_results
            }
            for check in contract.load(path).all_checks():
                outcomes[f"{name}.{check.id}"] = reported.get(check.id, "MISSING")
    return outcomes


def _changes(
    name: str, key: tuple[str, ...], tables: Mapping[str, pa.Table], before: Mapping[str, pa.Table]
) -> dict[str, Any]:
    def hashes(rows: pa.Table) -> dict[tuple[Any, ...], Any]:
        columns = [rows[column].to_pylist() for column in key]
        values = (
            rows["content_hash"].to_pylist()
            if "content_hash" in rows.column_names
            else [None] * rows.num_rows
        )
        return dict(zip(zip(*columns, strict=True), values, strict=True))

    now, old = hashes(tables[name]), hashes(before[name]) if name in before else {}
    previous_rows = before[name].num_rows if name in before else None
    return {
        "table_name": name,
        "rows": tables[name].num_rows,
        "previous_rows": previous_rows,
        "rows_delta_percent": rows_delta_percent(tables[name].num_rows, previous_rows),
        "new": len(now.keys() - old.keys()),
        "changed": sum(now[one] != old[one] for one in now.keys() & old.keys()),
        "deleted": len(old.keys() - now.keys()),
    }
