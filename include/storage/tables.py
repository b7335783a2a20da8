"""What a published table is: its columns in words and Arrow types, its key, and what may change.

A source declares its tables once, in its own tables.py. The Arrow schemas, docs/data_contract.md and the
check for breaking changes all come from that declaration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa


class InvalidTable(ValueError):
    """A table declaration that contradicts itself."""


@dataclass(frozen=True)
class Column:
    """One column. `since`: schema version that brought it; `meaning`: with units and allowed values.

    `of_thing`: its text names a thing and never a person, so a message may show it.
    """

    name: str
    type: pa.DataType
    meaning: str
    required: bool = False
    since: int = 1
    of_thing: bool = False

    @property
    def field(self) -> pa.Field:
        """The Arrow field, with meaning and since as its metadata."""
        return pa.field(
            self.name,
            self.type,
            nullable=not self.required,
            metadata={"meaning": self.meaning, "since": str(self.since)},
        )


CONTENT_HASH = Column(
    "content_hash",
    pa.string(),
    "MD5 of the row's other values, 32 hex digits. Equal hash, equal row.",
    required=True,
)
"""The last column of most tables, by which two versions of a row are compared. It is made where a row is written
(publishing/candidate.py), by the one recipe of storage/duckdb_session.py, and by no source."""


@dataclass(frozen=True)
class Table:
    """One table. `serve` asks for a copy in SQL (schema `published`) beside the Parquet files.

    `kind`: columns by whose values its rows are of one kind, so that the last good ones of it tell what is usual for a
    new one (docs/adding_a_source.md, arrivals); a declaration of the table whose key those of others begin with.
    `covers`: tables whose rows that bear a row's key are part of its content_hash as well.

    Every table has a required column `content_hash`, by which two versions of a row are compared.
    Raises InvalidTable when the declaration contradicts itself.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    serve: bool
    kind: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        required = {column.name for column in self.columns if column.required}
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidTable(f"table {self.name} declares {', '.join(twice)} more than once.")
        if not self.key or len(set(self.key)) != len(self.key):
            raise InvalidTable(f"table {self.name} needs a key of distinct columns, not {self.key!r}.")
        for column in self.columns:
            if type_of(type_name(column.type)) != column.type:
                raise InvalidTable(
                    f"{self.name}.{column.name} has type {column.type}, which no manifest can hold."
                )
        if unknown := sorted({*self.kind} - {*names}):
            raise InvalidTable(f"table {self.name} has no column {', '.join(unknown)}, which its kind names.")
        for name in (*self.key, "content_hash"):
            if name not in required:
                raise InvalidTable(f"table {self.name} needs a required column {name}.")

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema; fields carry their meaning, required ones are not nullable."""
        return pa.schema([column.field for column in self.columns], metadata={"meaning": self.meaning})

    @cached_property
    def values(self) -> pa.Schema:
        """The Arrow schema without content_hash, which a row gets where it is written."""
        return pa.schema([field for field in self.schema if field.name != CONTENT_HASH.name])

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)


def type_name(type_: pa.DataType) -> str:
    """An Arrow type in words that do not change with the pyarrow version, e.g. `list<string>`."""
    if pa.types.is_list(type_):
        return f"list<{type_name(type_.value_type)}>"
    return str(type_)


_TYPES = {
    str(each): each
    for each in (
        pa.bool_(),
        pa.int8(),
        pa.int16(),
        pa.int32(),
        pa.int64(),
        pa.float32(),
        pa.float64(),
        pa.string(),
        pa.binary(),
        pa.date32(),
        *(pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC")),
    )
}
_LIST = re.compile(r"list<(.+)>")


def type_of(name: str) -> pa.DataType:
    """The Arrow type that `type_name` named so. Raises InvalidTable for one that tables cannot have."""
    if inner := _LIST.fullmatch(name):
        return pa.list_(type_of(inner[1]))
    try:
        return _TYPES[name]
    except KeyError:
        raise InvalidTable(
            f"{name!r} is no type of a column; there are {', '.join(_TYPES)} and lists."
        ) from None


def describe(tables: Iterable[Table]) -> dict[str, Any]:
    """The tables as plain JSON: what consumers may rely on, and what `breaking_changes` compares."""
    return {
        table.name: {
            "meaning": table.meaning,
            "key": list(table.key),
            "serve": table.serve,
            "columns": {
                column.name: {
                    "type": type_name(column.type),
                    "required": column.required,
                    "since": column.since,
                    "meaning": column.meaning,
                }
                for column in table.columns
            },
        }
        for table in tables
    }


def breaking_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What a reader of `old` can no longer rely on in `new` (both from `describe`), one sentence each.

    Breaking: a table or column removed, a type or key changed, a required column that may now be null, a
    table no longer served to SQL. Compatible: a new table or column, a column that became required.
    """
    found: list[str] = []
    for name, table in old.items():
        if name not in new:
            found.append(f"table {name} was removed")
            continue
        if table["key"] != new[name]["key"]:
            was, now = ", ".join(table["key"]), ", ".join(new[name]["key"])
            found.append(f"the key of {name} changed from ({was}) to ({now})")
        if table["serve"] and not new[name]["serve"]:
            found.append(f"table {name} is no longer served to SQL")
        found += _breaking_columns(name, table["columns"], new[name]["columns"])
    return found


def _breaking_columns(table: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for name, column in old.items():
        now = new.get(name)
        if now is None:
            found.append(f"column {table}.{name} was removed")
            continue
        if column["type"] != now["type"]:
            found.append(f"{table}.{name} changed its type from {column['type']} to {now['type']}")
        if column["required"] and not now["required"]:
            found.append(f"{table}.{name} was required and may now be null")
    return found
