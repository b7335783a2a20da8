"""The figures that rules see beside a candidate's tables: `changes`, `history` and `growth`.

docs/adding_a_source.md, arrivals and growth, says what stands in the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb
import pyarrow as pa

_COUNTS = [(name, pa.int64()) for name in ("new", "changed", "deleted")]
CHANGES = pa.schema(
    [
        ("table_name", pa.string()),
        ("rows", pa.int64()),
        ("previous_rows", pa.int64()),
        ("rows_delta_percent", pa.float64()),
        *_COUNTS,
    ]
)
"""How each table differs from the last good version."""
HISTORY = pa.schema(
    [
        ("version", pa.string()),
        ("as_of", pa.timestamp("us", "UTC")),
        ("table_name", pa.string()),
        ("rows", pa.int64()),
        *_COUNTS,
    ]
)
"""Each table's figures in the last 30 good versions."""

GROWTH = """CREATE VIEW growth AS
SELECT c.table_name, c.rows, count(h.version) AS versions, max(h.rows) AS most_rows,
  -- What brought half of a table and more was its first load, or something as large that was asked for.
  coalesce(max(h.new) FILTER (h.new < h.rows / 2), 0) AS most_new, {asked} AS asked
FROM changes AS c LEFT JOIN history AS h USING (table_name) GROUP BY ALL"""
"""Each table's rows beside the most that the good versions had, and the most that one of them brought."""


def rows_delta_percent(rows: int, previous_rows: int | None) -> float | None:
    """Change of the row count in percent of the last good version; None where there is none or it was empty."""
    return None if not previous_rows else (rows - previous_rows) / previous_rows * 100


def register(
    connection: duckdb.DuckDBPyConnection,
    changes: Iterable[Mapping[str, Any]],
    history: Iterable[Mapping[str, Any]],
    *,
    asked: bool,
) -> None:
    """Make the figures views of a session; `asked` tells that a run was asked for more than a scheduled one brings."""
    with_share = [
        {**row, "rows_delta_percent": rows_delta_percent(row["rows"], row["previous_rows"])}
        for row in changes
    ]
    connection.register("changes", pa.Table.from_pylist(with_share, CHANGES))
    connection.register("history", pa.Table.from_pylist([dict(row) for row in history], HISTORY))
    connection.execute(GROWTH.format(asked="true" if asked else "false"))
