"""Which rows made a check fail: Soda's open version counts them, people want to see them."""

from __future__ import annotations

from collections.abc import Sequence

from include.quality.contract import Check, Duplicate, FailedRows, Filtered, Invalid, Missing
from include.storage.duckdb_session import identifiers, quoted


def failing_rows(check: Check, key: Sequence[str]) -> str | None:
    """SQL for the rows a check found wrong: the table's key and the column it looked at.

    None for checks of a figure over the whole table (row_count, aggregate, metric, schema, freshness).
    """
    body, table = check.body, quoted(check.table)
    if isinstance(body, FailedRows) and body.query is not None:
        return body.query.rstrip().rstrip(";")
    if isinstance(body, FailedRows):
        return f"SELECT * FROM {table} WHERE {body.expression}"  # noqa: S608
    if isinstance(body, Duplicate):
        return _duplicates(table, body.columns, body.filter)
    if check.column is None:
        return None
    column = quoted(check.column)
    if check.kind == "duplicate":
        assert isinstance(body, Filtered)
        return _duplicates(table, [check.column], body.filter)
    if isinstance(body, Missing):
        condition = f"{column} IS NULL"
        if body.missing_values:
            condition += f" OR {column} IN ({_literals(body.missing_values)})"
    elif isinstance(body, Invalid):
        condition = " OR ".join(_invalid(column, body))
    else:
        return None
    columns = identifiers(list(dict.fromkeys([*key, check.column])))
    return f"SELECT {columns} FROM {table} WHERE ({condition}) AND ({body.filter or 'true'})"  # noqa: S608


def _duplicates(table: str, columns: Sequence[str], condition: str | None) -> str:
    names = identifiers(columns)
    return (
        f"SELECT {names}, count(*) AS times FROM {table} WHERE {condition or 'true'} "  # noqa: S608
        f"GROUP BY {names} HAVING count(*) > 1"
    )


def _invalid(column: str, body: Invalid) -> list[str]:
    found = []
    if body.valid_values is not None:
        found.append(f"{column} NOT IN ({_literals(body.valid_values)})")
    if body.invalid_values is not None:
        found.append(f"{column} IN ({_literals(body.invalid_values)})")
    if body.valid_format is not None:
        found.append(f"NOT regexp_matches({column}, {_literal(body.valid_format.regex)})")
    if body.invalid_format is not None:
        found.append(f"regexp_matches({column}, {_literal(body.invalid_format.regex)})")
    if body.valid_reference_data is not None:
        reference = body.valid_reference_data
        other = quoted(reference.dataset.rsplit("/", 1)[-1])
        known = f"SELECT {quoted(reference.column)} FROM {other} WHERE {quoted(reference.column)} IS NOT NULL"  # noqa: S608
        found.append(f"({column} IS NOT NULL AND {column} NOT IN ({known}))")
    bounds = {
        "<": (column, body.valid_min),
        ">": (column, body.valid_max),
        "< ": (f"length({column})", body.valid_min_length),
        "> ": (f"length({column})", body.valid_max_length),
        "<>": (f"length({column})", body.valid_length),
    }
    found += [f"{what} {sign} {bound}" for sign, (what, bound) in bounds.items() if bound is not None]
    return found or ["false"]


def _literals(values: Sequence[str | int | float]) -> str:
    return ", ".join(_literal(value) for value in values)


def _literal(value: str | float) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
