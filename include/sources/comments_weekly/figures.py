# ruff: noqa: RUF001  (a minus and a dash as people read them)
"""Figures of a week: looked up in its tables, with where they are from, and shown as people read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import duckdb

from include.sources.comments_weekly import tables
from include.sources.comments_weekly.twin import Figure, Sentence, Series, Value
from include.storage.duckdb_session import identifiers, quoted

UNKNOWN = "–"
"""What is shown of a value that nobody states."""
Row = Mapping[str, Any]
Show = Callable[[Any], str]


_SPELLED = {"tiktok": "TikTok", "youtube": "YouTube"}


def platform(name: str) -> str:
    """A platform as it spells itself, and any other label with a capital."""
    return _SPELLED.get(name, name.capitalize())


def number(value: float) -> str:
    """1,234."""
    return f"{round(value):,}"


def sentiment(value: float) -> str:
    """+0.42; a true minus, and no sign at zero."""
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text in ("+0.00", "−0.00") else text


def percent(value: float) -> str:
    """+33 %."""
    text = f"{value:+,.0f}".replace("-", "−")
    return f"{'0' if text in ('+0', '−0') else text} %"


def share(value: float) -> str:
    """33 %; below one percent with a digit more."""
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"


def places(value: int) -> str:
    """▲ 2, ▼ 1, or = for an unchanged place."""
    return "=" if value == 0 else f"{'▲' if value > 0 else '▼'} {abs(value)}"


def text(value: Any) -> str:
    """As it is."""
    return str(value)


class Figures:
    """The tables of one week, in a session where they are views by their names."""

    def __init__(self, con: duckdb.DuckDBPyConnection, week: date) -> None:
        self._con, self.week = con, week
        self._tables = {table.name: table for table in tables.FIGURES}
        self._rows: dict[str, list[dict[str, Any]]] = {}
        for table in tables.FIGURES:
            order = f"{identifiers(table.names[:-1])} FROM {quoted(table.name)} WHERE week = DATE '{week}'"
            found = con.sql(f"SELECT {order} ORDER BY {identifiers(table.key)}").to_arrow_table()
            self._rows[table.name] = found.to_pylist()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of the week, in order of the key."""
        return self._rows[table]

    def cell(self, table: str, row: Row, column: str, show: Show = text) -> Figure:
        """The value of a column in a row."""
        value = row[column]
        key = {name: _scalar(row[name]) for name in self._tables[table].key}
        return Figure(
            value=_value(value),
            shown=UNKNOWN if value is None else show(value),
            table=table,
            column=column,
            key=key,  # type: ignore[arg-type]
        )

    def ask(self, table: str, what: str, show: Show = number, where: str = "") -> Figure:
        """What an expression over the week's rows of a table is, e.g. sum(comments); `where` narrows them."""
        query = self._query(table, what, where)
        ((value,),) = self._con.execute(query).fetchall()
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = int(value) if float(value).is_integer() and "/" not in what else float(value)
        return Figure(
            value=_value(value), shown=UNKNOWN if value is None else show(value), table=table, query=query
        )

    def series(self, name: str, table: str, what: str, tail: str, where: str = "") -> Series:
        """Points (a label, a value) that a query answers; `tail` groups and orders them."""
        query = f"{self._query(table, what, where)} {tail}"
        points = tuple(
            (str(_scalar(label)), None if value is None else _plain(value))
            for label, value in self._con.execute(query).fetchall()
        )
        return Series(name=name, table=table, query=query, points=points)

    def _query(self, table: str, what: str, where: str) -> str:
        condition = f"week = DATE '{self.week}'" + (f" AND {where}" if where else "")
        return f"SELECT {what} FROM {table} WHERE {condition}"  # noqa: S608


def say(template: str, *figures: Figure, lead: str = "") -> Sentence:
    """A sentence from a template with {} for each figure."""
    return Sentence(text=template.format(*(figure.shown for figure in figures)), figures=figures, lead=lead)


def _plain(value: Any) -> float | int:
    return int(value) if float(value).is_integer() else float(value)


def _scalar(value: Any) -> str | int:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value if isinstance(value, int) else str(value)


def _value(value: Any) -> Value:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value  # type: ignore[no-any-return]
