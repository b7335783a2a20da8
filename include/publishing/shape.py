"""What must change about the serving tables of a source so that they can take a version, and what cannot.

Only PostgreSQL's catalog is read, nothing is changed: the gate asks here before anything moves, the promotion once
more. A published table is never dropped or recreated, since consumers have views and grants on it. Columns are added
and may become nullable; whatever would rewrite a table, or take from consumers what they built upon it, is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest, TableEntry
from include.registry import served_tables
from include.storage.store import Store
from include.storage.tables import type_name

SCHEMA = "published"
Cursor = psycopg.Cursor[dict[str, Any]]
_HOLDERS = {
    "string": ("text", "character varying"),
    "bool": ("boolean",),
    "int16": ("smallint", "integer", "bigint", "numeric", "real", "double precision"),
    "int32": ("integer", "bigint", "numeric", "double precision"),
    "int64": ("bigint", "numeric"),
    "float": ("real", "double precision"),
    "double": ("double precision",),
    "date32[day]": ("date",),
    "timestamp[us, tz=UTC]": ("timestamp with time zone",),
    "list<string>": ("text[]",),
    "list<int64>": ("bigint[]",),
}
"""PostgreSQL types that hold every value of an Arrow type, in the words of tables.type_name and of PostgreSQL's
format_type. A new table gets the first; a table that has another of them already keeps it."""
_IDENTIFIER_LENGTH = 63


class ServingRefused(ValueError):
    """The serving tables cannot take the version without harm to their readers."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a table cannot take a version; `rule` tells refusals of one table apart."""

    table: str
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class TableShape:
    """One serving table as it is, and what it needs.

    `alterations` keep readers out for as long as PostgreSQL takes to note them, and need no look at the rows.
    """

    entry: TableEntry
    schema: pa.Schema
    name: str
    present: bool = True
    alterations: tuple[sql.Composed, ...] = ()
    keyed: bool = True
    """Whether an index guards the key; the switch makes it where there is none."""
    adoption: sql.Composed | None = None
    """Makes that index the primary key, where it is not yet."""
    stand_in: sql.Composed | None = None
    """Drops the index that serves look-ups by a former key, where there is one."""

    @property
    def identifier(self) -> sql.Identifier:
        """The table, quoted."""
        return sql.Identifier(SCHEMA, self.name)

    @property
    def key_index(self) -> sql.Identifier:
        """The index that guards the key of a table whose key changed."""
        return sql.Identifier(_key_index(self.name))

    def creation(self) -> sql.Composed:
        """Makes the table, without its key."""
        columns = [
            sql.SQL("{} {}{}").format(
                sql.Identifier(field.name),
                sql.SQL(_HOLDERS[type_name(field.type)][0]),
                sql.SQL("" if field.nullable else " NOT NULL"),
            )
            for field in self.schema
        ]
        return sql.SQL("CREATE TABLE {} ({})").format(self.identifier, sql.SQL(", ").join(columns))


@dataclass(frozen=True, slots=True)
class Shape:
    """What the serving tables of a version need. `gone`: served until now and not part of the version."""

    tables: tuple[TableShape, ...]
    gone: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    schema_missing: bool

    @property
    def alterations(self) -> list[tuple[str, sql.Composed]]:
        """Statements that must have run before the switch, each with the table that it locks."""
        return [(each.name, statement) for each in self.tables for statement in each.alterations]

    def require(self) -> Shape:
        """Itself, where nothing is refused. Raises ServingRefused."""
        if self.refusals:
            raise ServingRefused(" ".join(refusal.sentence for refusal in self.refusals))
        return self


def table_name(source: str, table: str) -> str:
    """Name of a serving table in schema `published`."""
    return f"{source}_{table}"


def plan(cursor: Cursor, store: Store, manifest: Manifest, *, forward: bool = True) -> Shape:
    """What the serving tables need for a version, and why they cannot take it.

    `forward` is False for a rollback or a rebuild: then a table that the version does not have is emptied rather than
    refused, since whoever goes back means it.
    """
    source = manifest.source
    served = [entry for entry in manifest.tables if entry.serve]
    listed = set(served_tables.tables(cursor, source)) - {entry.name for entry in served}
    relations = _relations(
        cursor, [table_name(source, name) for name in (*(e.name for e in served), *listed)]
    )
    gone = tuple(sorted(name for name in listed if table_name(source, name) in relations))
    tables: list[TableShape] = []
    refusals: list[Refusal] = []
    for entry in served:
        name, schema = table_name(source, entry.name), manifests.entry_schema(store, entry)
        refusals += _unknown_types(entry, schema)
        if name in relations:
            shape, refused = _of_present(cursor, relations[name], entry, schema)
            tables.append(shape)
            refusals += refused
        else:
            tables.append(TableShape(entry, schema, name, present=False))
    names = {table_name(source, name): name for name in (*(entry.name for entry in served), *gone)}
    refusals += [_referenced(relation, names, key) for relation, key in _foreign_keys(cursor, relations)]
    if forward:
        refusals += [_no_longer_served(cursor, relations[table_name(source, name)], name) for name in gone]
    cursor.execute("SELECT to_regnamespace(%s) IS NULL AS missing", (SCHEMA,))
    row = cursor.fetchone()
    assert row is not None
    return Shape(tuple(tables), gone, tuple(refusals), row["missing"])


# --- what PostgreSQL has ---


@dataclass(frozen=True, slots=True)
class _Index:
    """A unique index over plain columns, and its constraint where it belongs to one."""

    oid: int
    name: str
    order: tuple[str, ...]
    """Its columns, as they stand in it."""
    primary: bool
    constraint: str | None
    constraint_oid: int | None

    @property
    def columns(self) -> frozenset[str]:
        """Its columns, in any order."""
        return frozenset(self.order)


@dataclass(frozen=True, slots=True)
class _Relation:
    oid: int
    name: str
    kind: str
    columns: Mapping[str, tuple[int, str, bool]]
    """By name: number, type, and whether it is NOT NULL."""
    indexes: tuple[_Index, ...]
    stand_in: bool
    """Whether there is an index for look-ups by a former key."""


def _relations(cursor: Cursor, names: list[str]) -> dict[str, _Relation]:
    cursor.execute(
        "SELECT c.oid::bigint AS oid, c.relname AS name, c.relkind::text AS kind, "
        "  (SELECT json_object_agg(a.attname, "
        "     json_build_array(a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull)) "
        "   FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns, "
        "  (SELECT json_agg(json_build_object('oid', i.indexrelid::bigint, 'name', x.relname, "
        "     'primary', i.indisprimary, 'constraint', k.conname, 'constraint_oid', k.oid::bigint, 'order', "
        "     (SELECT json_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum)) "
        "        FROM pg_attribute a WHERE a.attrelid = c.oid "
        "        AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])))) "
        "   FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid "
        "   LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u') "
        "   WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate "
        "     AND i.indpred IS NULL AND i.indexprs IS NULL) AS indexes, "
        "  (SELECT coalesce(json_agg(x.relname), '[]') FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid "
        "   WHERE i.indrelid = c.oid) AS index_names "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = ANY (%s)",
        (SCHEMA, names),
    )
    return {
        row["name"]: _Relation(
            row["oid"],
            row["name"],
            row["kind"],
            {name: tuple(column) for name, column in (row["columns"] or {}).items()},
            tuple(_Index(**each | {"order": tuple(each["order"])}) for each in row["indexes"] or []),
            _stand_in(row["name"]) in row["index_names"],
        )
        for row in cursor.fetchall()
    }


def _dependents(cursor: Cursor, *references: tuple[str, int, int | None]) -> str:
    """What consumers built upon objects (catalog, oid, column or None for any), in PostgreSQL's words."""
    found: set[str] = set()
    for catalog, oid, column in references:
        cursor.execute(
            "SELECT CASE WHEN d.classid = 'pg_rewrite'::regclass THEN pg_describe_object('pg_class'::regclass, "
            "  (SELECT ev_class FROM pg_rewrite WHERE oid = d.objid), 0) "
            "ELSE pg_describe_object(d.classid, d.objid, 0) END AS object "
            "FROM pg_depend d WHERE d.refclassid = %s::regclass AND d.refobjid = %s::bigint::oid AND d.deptype = 'n' "
            "AND (%s::int IS NULL OR d.refobjsubid = %s)",
            (catalog, oid, column, column),
        )
        found.update(row["object"] for row in cursor.fetchall())
    return ", ".join(sorted(found))


# --- what that means for a version ---


def _key_index(table: str) -> str:
    return f"{table[: _IDENTIFIER_LENGTH - 4]}_key"


def _stand_in(table: str) -> str:
    return f"{table[: _IDENTIFIER_LENGTH - 11]}_former_key"


def _unknown_types(entry: TableEntry, schema: pa.Schema) -> Iterator[Refusal]:
    for field in schema:
        if type_name(field.type) not in _HOLDERS:
            yield Refusal(
                entry.name,
                f"type/{field.name}",
                f"The column {entry.name}.{field.name} has type {field.type}, which serving tables do not know: add it "
                "to shape._HOLDERS, or declare the table with serve=False.",
            )


def _of_present(
    cursor: Cursor, relation: _Relation, entry: TableEntry, schema: pa.Schema
) -> tuple[TableShape, list[Refusal]]:
    if relation.kind not in {"r", "p"}:
        sentence = (
            f"{SCHEMA}.{relation.name} is no table, so {entry.name} cannot be served: somebody else made it. Rename it "
            f"(ALTER … RENAME TO …); the schema {SCHEMA} belongs to Lastgood."
        )
        return TableShape(entry, schema, relation.name), [Refusal(entry.name, "relation", sentence)]
    refusals = [*_refused_types(cursor, relation, entry, schema), *_refused_key(cursor, relation, entry)]
    table = sql.Identifier(SCHEMA, relation.name)
    stale = [index for index in relation.indexes if _is_stale(relation, index, entry)]
    parts = [
        sql.SQL("DROP CONSTRAINT {}").format(sql.Identifier(i.constraint)) for i in stale if i.constraint
    ]
    parts += [
        sql.SQL("ALTER COLUMN {} DROP NOT NULL").format(sql.Identifier(name))
        for name, (_, _, required) in relation.columns.items()
        if required and (name not in schema.names or schema.field(name).nullable)
    ]
    parts += [
        sql.SQL("ADD COLUMN {} {}").format(
            sql.Identifier(field.name), sql.SQL(_HOLDERS[type_name(field.type)][0])
        )
        for field in schema
        if field.name not in relation.columns and type_name(field.type) in _HOLDERS
    ]
    stand_in = sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(SCHEMA, _stand_in(relation.name)))
    alterations: list[sql.Composed] = []
    if stale:
        # Before the old key goes: whoever looks rows up by it goes on to find them by an index, however long it takes
        # until the switch, or whether it comes at all. To make it keeps nobody from reading.
        if relation.stand_in:
            alterations.append(stand_in)
        alterations.append(
            sql.SQL("CREATE INDEX {} ON {} ({})").format(
                sql.Identifier(_stand_in(relation.name)),
                table,
                sql.SQL(", ").join(sql.Identifier(name) for name in stale[0].order),
            )
        )
    alterations += [
        sql.SQL("DROP INDEX {}").format(sql.Identifier(SCHEMA, i.name)) for i in stale if not i.constraint
    ]
    if parts:
        alterations.append(sql.SQL("ALTER TABLE {} {}").format(table, sql.SQL(", ").join(parts)))
    guards = [index for index in relation.indexes if index.columns == frozenset(entry.key)]
    shape = TableShape(
        entry,
        schema,
        relation.name,
        alterations=tuple(alterations),
        keyed=bool(guards),
        adoption=_adoption(relation, guards, entry),
        stand_in=stand_in if relation.stand_in and guards and not stale else None,
    )
    return shape, refusals


def _is_stale(relation: _Relation, index: _Index, entry: TableEntry) -> bool:
    """Whether an index of ours guards another key than the version's."""
    ours = index.primary or index.name == _key_index(relation.name)
    return ours and index.columns != frozenset(entry.key)


def _adoption(relation: _Relation, guards: list[_Index], entry: TableEntry) -> sql.Composed | None:
    """Only over columns that are NOT NULL: PostgreSQL would look at every row for others, with readers kept out."""
    if any(index.primary for index in guards) or not all(
        name in relation.columns and relation.columns[name][2] for name in entry.key
    ):
        return None
    for index in guards:
        if index.constraint is None:
            return sql.SQL("ALTER TABLE {} ADD PRIMARY KEY USING INDEX {}").format(
                sql.Identifier(SCHEMA, relation.name), sql.Identifier(index.name)
            )
    return None


def _refused_types(
    cursor: Cursor, relation: _Relation, entry: TableEntry, schema: pa.Schema
) -> Iterator[Refusal]:
    for field in schema:
        holders = _HOLDERS.get(type_name(field.type), ())
        if field.name not in relation.columns or not holders:
            continue
        number, type_, _ = relation.columns[field.name]
        if type_ not in holders:
            built = _dependents(cursor, ("pg_class", relation.oid, number))
            name = f"{SCHEMA}.{relation.name}"
            yield Refusal(
                entry.name,
                f"type/{field.name}",
                f"{name}.{field.name} is {type_} and cannot hold {type_name(field.type)}, as this version has it; "
                "PostgreSQL would rewrite the table, with readers kept out. "
                f"Built upon the column: {built or 'nothing'}. Publish the values under another name; or in a quiet "
                f"hour drop what is built upon it, run ALTER TABLE {name} ALTER COLUMN {field.name} TYPE {holders[0]} "
                "USING …, make it again, and run the DAG again.",
            )


def _refused_key(cursor: Cursor, relation: _Relation, entry: TableEntry) -> Iterator[Refusal]:
    for index in relation.indexes:
        if not _is_stale(relation, index, entry):
            continue
        references: list[tuple[str, int, int | None]] = [("pg_class", index.oid, None)]
        if index.constraint_oid is not None:
            references.append(("pg_constraint", index.constraint_oid, None))
        if built := _dependents(cursor, *references):
            yield Refusal(
                entry.name,
                f"key/{index.name}",
                f"The key of {SCHEMA}.{relation.name} changes from ({', '.join(sorted(index.columns))}) to "
                f"({', '.join(entry.key)}), and {built} needs the old one ({index.name}). Tell its owner, drop it, and "
                "run the DAG again; or publish the new rows as another table.",
            )


def _foreign_keys(
    cursor: Cursor, relations: Mapping[str, _Relation]
) -> Iterator[tuple[_Relation, tuple[str, str, str]]]:
    """The foreign keys onto tables: constraint, table that it stands on, and what it does there on a deletion."""
    by_oid = {relation.oid: relation for relation in relations.values()}
    cursor.execute(
        # A partition has a constraint of its own, which goes with its parent's.
        "SELECT k.confrelid::bigint AS oid, quote_ident(k.conname) AS conname, "
        "k.conrelid::regclass::text AS referencing, k.confdeltype::text AS deletes "
        "FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid = 0 "
        "AND k.confrelid = ANY (%s::bigint[]::oid[]) ORDER BY 1, 3, 2",
        (list(by_oid),),
    )
    for row in cursor.fetchall():
        yield by_oid[row["oid"]], (row["conname"], row["referencing"], row["deletes"])


def _referenced(relation: _Relation, names: Mapping[str, str], key: tuple[str, str, str]) -> Refusal:
    constraint, referencing, deletes = key
    does = {"c": "delete rows there", "n": "empty columns there", "d": "overwrite columns there"}
    return Refusal(
        names[relation.name],
        f"foreign_key/{referencing}.{constraint}",
        f"The constraint {constraint} on table {referencing} references {SCHEMA}.{relation.name}, whose rows are "
        f"deleted and written again when a version is published: that would {does.get(deletes, 'fail')}. Tell its "
        f"owner, keep the column and drop the constraint (ALTER TABLE {referencing} DROP CONSTRAINT {constraint}); "
        "then run the DAG again, or what was refused.",
    )


def _no_longer_served(cursor: Cursor, relation: _Relation, table: str) -> Refusal:
    built, name = _dependents(cursor, ("pg_class", relation.oid, None)), f"{SCHEMA}.{relation.name}"
    return Refusal(
        table,
        "served",
        f"{name} is served and this version has no such table. Built upon it: {built or 'nothing'}. Serve it still; or "
        f"tell its readers, then DROP TABLE {name} deliberately, and run the DAG again.",
    )
