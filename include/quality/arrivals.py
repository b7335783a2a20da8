"""What a run brought, column by column, beside what such rows held before: the gate's table `arrivals`.

A rule on the merged table sees little of what came today, since most rows were there before. So the rows that a run
brought are judged by themselves. They are counted by thing: a thing is what a row of the source's leading table stands
for (a study, a match), and a table fills a column for it where one of its rows there says something. Rows of one thing
come from one answer of the upstream and fail together; things do not.

What is usual for a thing that was there before is what it had; for a new one, and for one that became of another kind
(a match that was played since), the share among the last good things of its kind (Table.kind). One that came again
unchanged is no arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from include.publishing.manifest import TableEntry
from include.publishing.verdict import Level
from include.quality.likelihood import chance
from include.storage.duckdb_session import identifiers, literal, quoted

ROWS = "(rows)"
"""Stands for a column: whether the table has any row of a thing."""
ALL = "all"
"""Stands for a kind: all of them together."""
REFERENCE = 200
"""So many things of a kind, those with the highest keys, tell what is usual for a new one: the newest where numbers are
given in order. Their share is then known to a few points, and they are read fast however long the table is."""
TELLING = 20
"""Arrivals of fewer things do not raise a level that was accepted."""

_NUMBERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"})
SCHEMA = pa.schema(
    [
        ("table_name", pa.string()),
        ("of_kind", pa.string()),
        ("column_name", pa.string()),
        ("arrived", pa.int64()),
        ("usual_percent", pa.float64()),
        ("filled_percent", pa.float64()),
        ("chance", pa.float64()),
    ]
)
"""`arrived`: things; `chance`: at most so likely are so few of them filled, were they as usual."""


@dataclass(frozen=True, slots=True)
class _Filled:
    """Of the things of one kind that arrived: how many fill a column, and how many would as usual."""

    kind: str
    column: str
    arrived: int
    usual: float
    filled: int


def changed_keys(table: str) -> str:
    """The view of the keys of a table that are new, changed or deleted."""
    return f"changed_{table}"


def leading(tables: Sequence[TableEntry], table: TableEntry) -> TableEntry:
    """The table whose rows are the things that a table is about: the first whose key its own begins with."""
    return next(each for each in tables if table.key[: len(each.key)] == each.key)


def measure(
    connection: duckdb.DuckDBPyConnection,
    tables: Sequence[TableEntry],
    table: TableEntry,
    levels: Iterable[Level] = (),
) -> Iterator[dict[str, Any]]:
    """The rows of `arrivals` for a table, from the views TABLE, previous_TABLE and changed_TABLE of `tables`.

    `levels` were accepted as the new usual ones: nothing above them is expected.
    """
    accepted = {(each.kind, each.column): each.percent / 100 for each in levels if each.table == table.name}
    together: dict[str, list[_Filled]] = {}
    for found in _filled(connection, leading(tables, table), table):
        bounds = [accepted.get((kind, found.column), 1.0) for kind in (found.kind, ALL)]
        usual = min(found.usual, *(found.arrived * bound for bound in bounds))
        together.setdefault(found.column, []).append(
            _Filled(found.kind, found.column, found.arrived, usual, found.filled)
        )
    for column, kinds in together.items():
        yield from (_row(table.name, each) for each in kinds)
        if len(kinds) > 1:
            yield _row(
                table.name,
                _Filled(
                    ALL,
                    column,
                    sum(each.arrived for each in kinds),
                    sum(each.usual for each in kinds),
                    sum(each.filled for each in kinds),
                ),
            )


def _row(table: str, found: _Filled) -> dict[str, Any]:
    return {
        "table_name": table,
        "of_kind": found.kind,
        "column_name": found.column,
        "arrived": found.arrived,
        "usual_percent": round(100 * found.usual / found.arrived, 1),
        "filled_percent": round(100 * found.filled / found.arrived, 1),
        "chance": chance(found.arrived, found.filled, found.usual / found.arrived),
    }


def raised(levels: Iterable[Level], arrivals: Iterable[Mapping[str, Any]]) -> list[Level]:
    """The accepted levels, each as high as what arrived by now shows: what came back and goes again is a fall again."""
    seen = {
        (row["table_name"], row["of_kind"], row["column_name"]): float(row["filled_percent"])
        for row in arrivals
        if row["arrived"] >= TELLING
    }
    return [
        msgspec.structs.replace(
            each, percent=max(each.percent, seen.get((each.table, each.kind, each.column), 0))
        )
        for each in levels
    ]


# --- in SQL ---


def _filled(connection: duckdb.DuckDBPyConnection, lead: TableEntry, table: TableEntry) -> Iterator[_Filled]:
    """Per kind and column, of the things that arrived."""
    keys = identifiers(lead.key)
    described = connection.execute(f"DESCRIBE {quoted(table.name)}").fetchall()
    types = {name: type_ for name, type_, *_ in described if name not in {*table.key, "content_hash"}}
    columns = list(types)
    filled = [f"bool_or({says_something(name, type_)})" for name, type_ in types.items()]
    presence = ", ".join(
        [f"count(t.{quoted(table.key[0])}) > 0 AS {quoted(ROWS)}"]
        + [f"coalesce({rule}, false) AS {quoted(name)}" for name, rule in zip(columns, filled, strict=True)]
    )
    every = [ROWS, *columns] if table.name != lead.name else columns
    shares = ", ".join(
        # A few things say little of a share: as if two more had been seen that do not fill it.
        f"count_if({quoted(name)}) / (count(*) + 2) AS {quoted(name)}"
        for name in every
    )
    sums = ", ".join(
        f"sum(coalesce(CAST(b.{quoted(name)} AS int), u.{quoted(name)}, 0)) AS {quoted('usual ' + name)}, "
        f"count_if(n.{quoted(name)}) AS {quoted('now ' + name)}"
        for name in every
    )
    now, before = _kind(lead, "n"), _kind(lead, "p")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE arrived AS SELECT {keys}, _kind, _there FROM ("  # noqa: S608
        f"  SELECT {keys}, {now} AS _kind, {now} IS NOT DISTINCT FROM {before} AS _there, _own"
        f"  FROM (SELECT {keys}, bool_or(_own) AS _own FROM ("
        f"    SELECT {keys}, false AS _own FROM {quoted(changed_keys(lead.name))} UNION ALL"
        f"    SELECT {keys}, true AS _own FROM {quoted(changed_keys(table.name))}) GROUP BY ALL)"
        f"  JOIN {quoted(lead.name)} AS n USING ({keys})"
        f"  LEFT JOIN {quoted(f'previous_{lead.name}')} AS p USING ({keys})"
        # Of a thing that was there, what no answer of this run changed is not judged once more.
        ") WHERE _own OR NOT _there"
    )
    if connection.execute("SELECT count(*) FROM arrived").fetchall() == [(0,)]:
        return
    rows = connection.execute(
        f"WITH now AS (SELECT {keys}, any_value(_kind) AS _kind, {presence} FROM arrived a"  # noqa: S608
        f"  LEFT JOIN {quoted(table.name)} AS t USING ({keys}) GROUP BY {keys}), "
        f"before AS (SELECT {keys}, {presence} FROM arrived a"
        f"  JOIN {quoted(f'previous_{table.name}')} AS t USING ({keys}) WHERE _there GROUP BY {keys}), "
        f"reference AS (SELECT {keys}, {before} AS _kind FROM {quoted(f'previous_{lead.name}')} AS p"
        f"  WHERE {before} IN (SELECT _kind FROM arrived WHERE NOT _there)"
        f"  QUALIFY row_number() OVER (PARTITION BY {before}"
        f"    ORDER BY {', '.join(f'{quoted(name)} DESC' for name in lead.key)}) <= {REFERENCE}), "
        f"usual AS (SELECT _kind, {shares} FROM (SELECT {keys}, any_value(_kind) AS _kind, {presence}"
        f"  FROM reference r LEFT JOIN {quoted(f'previous_{table.name}')} AS t USING ({keys}) GROUP BY {keys})"
        "   GROUP BY _kind) "
        f"SELECT n._kind, count(*), {sums} FROM now n LEFT JOIN before b USING ({keys})"
        "  LEFT JOIN usual u ON u._kind = n._kind GROUP BY n._kind ORDER BY n._kind"
    ).fetchall()
    for kind, arrived, *figures in rows:
        for place, name in enumerate(every):
            yield _Filled(kind, name, arrived, float(figures[2 * place]), int(figures[2 * place + 1]))


def _kind(lead: TableEntry, alias: str) -> str:
    """SQL for the kind of a thing in words, e.g. `competition_id 17, played true`; null where there is no row."""
    if not lead.kind:
        return f"CASE WHEN {alias}.{quoted(lead.key[0])} IS NOT NULL THEN {literal(ALL)} END"
    words = ", ".join(
        f"{literal(f'{name} ')} || coalesce(CAST({alias}.{quoted(name)} AS text), 'none')"
        for name in lead.kind
    )
    return f"CASE WHEN {alias}.{quoted(lead.key[0])} IS NOT NULL THEN concat_ws(', ', {words}) END"


def says_something(name: str, type_: str) -> str:
    """SQL for whether a value is more than null, 0, false or empty: what became of a key that is gone."""
    column = f"t.{quoted(name)}"
    if type_.endswith("[]"):
        return f"len({column}) > 0"
    if type_ == "VARCHAR":
        return f"{column} <> ''"
    if type_ == "BOOLEAN":
        return column
    if type_ in _NUMBERS:
        return f"{column} <> 0"
    return f"{column} IS NOT NULL"
