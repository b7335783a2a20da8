"""From raw studies to tables: parse what was landed, merge it into the last good version, note what is gone.

The raw parts are parsed one by one into Parquet shards on the scratch disk; DuckDB then merges and sorts them,
so memory does not grow with the number of studies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from include.decoding import decoder
from include.publishing.candidate import Candidate
from include.sources.ctgov import shards
from include.sources.ctgov import study as studies
from include.sources.ctgov.extract import Confirmation, window_start
from include.sources.ctgov.tables import ALIASES, REMOVALS, STUDIES, TABLES
from include.sources.parsing import RawFile
from include.sources.source import Built, Run
from include.storage import duckdb_session
from include.storage.landing import Landed
from include.storage.tables import CONTENT_HASH, Table

STUDY_KINDS = ("studies", "overlap", "gaps", "reread")
RANGE_STUDIES = 100_000
"""Studies whose rows are sorted at once; more of them would not fit the session's memory."""
DERIVED = {"removals"}
"""Tables that no study holds rows of."""


class NotReconciled(ValueError):
    """Rows in are not rows out plus rows quarantined."""


@dataclass(slots=True)
class Parsed:
    """What parsing found in all parts together."""

    received: int = 0
    quarantined: int = 0
    """Studies; what of a study alone was refused is not among them."""
    last_update_posted: date | None = None
    withheld: list[str] = field(default_factory=list)


def build(run: Run, candidate: Candidate) -> Built:
    """Write every table of the candidate. Raises NotReconciled where a study was lost on the way."""
    landing = run.raw.completed()
    facts = landing.progress.facts
    confirmations = list(map(decoder(Confirmation).decode, landing.read("confirmations")))
    parsed = _parse(candidate, landing, confirmations)
    con = candidate.connection
    _register_shards(con, candidate.scratch)
    distinct = _drop_duplicates(con)
    landed = sum(part.rows for part in landing.progress.parts if part.kind in STUDY_KINDS)
    landed += sum(item.outcome == "present" for item in confirmations)
    duplicates = parsed.received - parsed.quarantined - distinct
    if parsed.received != landed or duplicates < 0:
        raise NotReconciled(
            f"{run.version}: {landed} studies were landed, but {distinct} distinct, {duplicates} duplicate and "
            f"{parsed.quarantined} quarantined ones add up to something else. Nothing is published."
        )
    _find_gone(con, confirmations)
    _find_withheld(con, parsed)
    con.execute("CREATE TABLE applied AS SELECT nct_id FROM kept ANTI JOIN withheld USING (nct_id)")
    _find_touched(con)
    ranges = _id_ranges(con)
    # The hash of a study covers its rows in the other tables, so these come first.
    for table in [*(each for each in TABLES if each.name in STUDIES.covers), STUDIES]:
        candidate.write(table.name, _merged(con, table, ranges))
    candidate.write("removals", _removals(con, facts["data_version"]))
    return Built(
        cursors=_cursors(run, facts, parsed),
        counts={
            "declared": facts["studies_declared"],
            "received": parsed.received,
            "distinct": distinct,
            "duplicates": duplicates,
            "quarantined": parsed.quarantined,
            "reread": facts.get("reread", 0),
            "gone": _count(con, "gone SEMI JOIN previous_studies USING (nct_id)"),
            "absent": facts.get("absent", 0),
        },
        upstream={name: facts[name] for name in ("data_version", "api_version", "full", "truncated")},
        full=facts["full"],
        asked=bool(run.params.get("since")),
        raw=tuple(part.path for part in landing.progress.parts),
    )


def _parse(candidate: Candidate, landing: Landed, confirmations: Iterable[Confirmation]) -> Parsed:
    """Raw parts to shards; what cannot be read is quarantined."""
    parts = [part for part in landing.progress.parts if part.kind in STUDY_KINDS]
    files = [RawFile(landing.fetch(part, candidate.scratch), part.path) for part in parts]
    present = [bytes(item.study) for item in confirmations if item.outcome == "present"]
    parsed = Parsed()
    for report in chain(
        shards.parse_all(files, candidate.scratch),
        [shards.parse(present, "confirmations", candidate.scratch, "present")],
    ):
        parsed.received += report.received
        candidate.arrived("studies", report.received)
        candidate.arrived("interventions", report.interventions)
        parsed.quarantined += sum(refused.kind == "studies" for refused in report.refused)
        parsed.withheld += report.withheld
        if report.last_update_posted is not None:
            so_far = parsed.last_update_posted or report.last_update_posted
            parsed.last_update_posted = max(so_far, report.last_update_posted)
        for refused in report.refused:
            candidate.quarantine(refused)
    return parsed


def _register_shards(con: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    for table in TABLES:
        if table.name not in DERIVED:
            files = [str(path) for path in sorted((scratch / table.name).glob("*.parquet"))]
            # The shards of a part bear the same name in the folder of each table.
            named = con.read_parquet(files, filename=True).project(
                "* REPLACE (parse_filename(filename) AS filename), NULL::VARCHAR AS content_hash"
            )
            named.create_view(f"fresh_{table.name}")


def _drop_duplicates(con: duckdb.DuckDBPyConnection) -> int:
    """Keep the first of studies that came twice at one data version; returns how many distinct ones there are.

    A study comes twice where pages overlap or it was asked for again; within a part the first is kept already.
    """
    con.execute(
        "CREATE TABLE kept AS SELECT nct_id, min(filename) AS filename FROM fresh_studies GROUP BY nct_id"
    )
    rows, distinct = _count(con, "fresh_studies"), _count(con, "kept")
    if rows != distinct:
        for table in TABLES:
            if table.name not in DERIVED:
                view = f"fresh_{table.name}"
                con.execute(f"ALTER VIEW {view} RENAME TO all_{view}")
                con.execute(
                    f"CREATE VIEW {view} AS SELECT f.* FROM all_{view} f "  # noqa: S608
                    "SEMI JOIN kept k ON f.nct_id = k.nct_id AND f.filename = k.filename"
                )
    return distinct


def _find_gone(con: duckdb.DuckDBPyConnection, confirmations: Iterable[Confirmation]) -> None:
    """Table gone: ids we held that their own page said are removed or merged. Table held: ids of this version.

    View confirmed_aliases: the aliases that the confirmed merges make, since their other half need not be among
    the studies of this run.
    """
    confirmed = [c for c in confirmations if c.outcome != "present"]
    aliases = [studies.alias(c.nct_id, c.merged_into) for c in confirmed if c.merged_into]
    con.register("confirmed_aliases", _table_of(aliases, ALIASES))
    text = pa.string()
    columns = {
        name: pa.array([getattr(c, name) for c in confirmed], text) for name in ("nct_id", "merged_into")
    }
    con.register("confirmed", pa.table({**columns, "kind": pa.array([c.outcome for c in confirmed], text)}))
    con.execute(
        "CREATE TABLE gone AS SELECT nct_id, any_value(kind) AS kind, any_value(merged_into) AS merged_into "
        "FROM confirmed ANTI JOIN kept USING (nct_id) GROUP BY nct_id"
    )
    con.execute(
        "CREATE TABLE held AS SELECT nct_id FROM kept UNION "
        "SELECT nct_id FROM previous_studies ANTI JOIN gone USING (nct_id)"
    )


def _find_withheld(con: duckdb.DuckDBPyConnection, parsed: Parsed) -> None:
    """Table withheld: studies that were withheld since; their last content is kept and marked."""
    con.execute("CREATE TABLE withheld (nct_id VARCHAR)")
    if parsed.withheld:
        con.register("withheld_now", pa.table({"nct_id": parsed.withheld}))
        con.execute(
            "INSERT INTO withheld SELECT DISTINCT nct_id FROM withheld_now "
            "SEMI JOIN previous_studies USING (nct_id)"
        )


def _find_touched(con: duckdb.DuckDBPyConnection) -> None:
    """Table touched: studies that keep their row but whose hash is made anew, since an alias of theirs came or went."""
    columns, now = "alias_id, nct_id", f"({_merge(ALIASES)})"
    con.execute(
        f"CREATE TABLE touched AS SELECT DISTINCT nct_id FROM ("  # noqa: S608
        f"(SELECT {columns} FROM {now} EXCEPT SELECT {columns} FROM previous_aliases) UNION ALL "
        f"(SELECT {columns} FROM previous_aliases EXCEPT SELECT {columns} FROM {now}))"
    )


def _id_ranges(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Conditions that cut the studies into ranges of ids, in order; each is small enough to be sorted in memory."""
    numbered = "SELECT nct_id, row_number() OVER (ORDER BY nct_id) AS number FROM held"
    starts = con.execute(
        f"SELECT nct_id FROM ({numbered}) WHERE number > 1 AND number % {RANGE_STUDIES} = 1 ORDER BY 1"  # noqa: S608
    ).fetchall()
    ranges = []
    for low, high in pairwise([None, *(nct_id for (nct_id,) in starts), None]):
        bounds = [f"nct_id >= '{low}'"] if low else []
        bounds += [f"nct_id < '{high}'"] if high else []
        ranges.append(" AND ".join(bounds) or "true")
    return ranges


def _merged(con: duckdb.DuckDBPyConnection, table: Table, ranges: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a table in order of its key, one range of ids after the other."""
    order = duckdb_session.identifiers(table.key)
    for condition in ranges if table.key[0] == "nct_id" else ["true"]:
        query = f"SELECT * FROM ({_merge(table)}) WHERE {condition} ORDER BY {order}"  # noqa: S608
        yield from duckdb_session.batches(con, query, table.schema)


def _merge(table: Table) -> str:
    """SQL for a table: what is unchanged since the last good version, and what came now."""
    columns = duckdb_session.identifiers(table.names)
    replaced = "(SELECT nct_id FROM applied UNION ALL SELECT nct_id FROM gone)"
    fresh = f"SELECT {columns} FROM fresh_{table.name} SEMI JOIN applied USING (nct_id)"  # noqa: S608
    before = f"SELECT {columns} FROM previous_{table.name} ANTI JOIN {replaced} USING (nct_id)"  # noqa: S608
    if table.name == "studies":
        before = (
            f"SELECT {columns} FROM (SELECT p.* REPLACE (p.withheld OR w.nct_id IS NOT NULL AS withheld, "  # noqa: S608
            "CASE WHEN w.nct_id IS NULL AND t.nct_id IS NULL THEN p.content_hash END AS content_hash) "
            "FROM previous_studies p LEFT JOIN withheld w USING (nct_id) LEFT JOIN touched t USING (nct_id)) "
            f"ANTI JOIN {replaced} USING (nct_id)"
        )
    if table.name == "aliases":
        # Two studies may claim one alias: the same one of them is chosen each time.
        fresh = (
            f"SELECT {columns} FROM ({fresh} UNION ALL SELECT {columns} FROM confirmed_aliases) "  # noqa: S608
            "QUALIFY row_number() OVER (PARTITION BY alias_id ORDER BY nct_id) = 1"
        )
        before = f"SELECT * FROM ({before}) ANTI JOIN ({fresh}) USING (alias_id)"  # noqa: S608
        # An id that has a study of its own stands for that one, whoever else claims it.
        own = "ANTI JOIN held h ON h.nct_id = alias_id"
        return f"SELECT * FROM ({before} UNION ALL {fresh}) {own}"  # noqa: S608
    return f"{before} UNION ALL {fresh}"


def _removals(con: duckdb.DuckDBPyConnection, data_version: str) -> Iterator[pa.RecordBatch]:
    """Removals of before, less the studies that came back, and those found now."""
    found = con.execute(
        "SELECT g.nct_id, g.kind, g.merged_into, p.last_update_post_date FROM gone g "
        "JOIN previous_studies p USING (nct_id)"
    ).fetchall()
    now = [
        studies.removal(nct_id, kind, merged_into, data_version, posted)
        for nct_id, kind, merged_into, posted in found
    ]
    con.register("removals_now", _table_of(now, REMOVALS))
    columns = duckdb_session.identifiers(REMOVALS.values.names)
    query = (
        f"SELECT {columns} FROM previous_removals ANTI JOIN kept USING (nct_id) "  # noqa: S608
        f"ANTI JOIN removals_now USING (nct_id) UNION ALL SELECT {columns} FROM removals_now ORDER BY nct_id"
    )
    return duckdb_session.batches(con, query, REMOVALS.values)


def _table_of(rows: Iterable[studies.Row], table: Table) -> pa.Table:
    """A few rows as Arrow."""
    names = table.values.names
    found = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], table.values)
    return found.append_column(CONTENT_HASH.name, pa.nulls(found.num_rows, pa.string()))


def _cursors(run: Run, facts: dict[str, Any], parsed: Parsed) -> dict[str, Any]:
    """Where the next run goes on.

    A run cut short by `limit` commits no data version: the next one has work. A run that asked from a later date than
    it had to (`since`) commits neither: the next one asks for what lies between.
    """
    cursors = {**run.watermarks, **_reread(run, facts)}
    # What landed before `since` was noted is believed only where it is everything.
    due, asked = window_start(cursors), facts.get("since", None if facts["full"] else date.max.isoformat())
    if due is not None and asked is not None and asked > due:
        return {name: value for name, value in cursors.items() if name != "data_timestamp"}
    seen = [date_ for date_ in [cursors.get("last_update_posted")] if date_]
    if parsed.last_update_posted is not None:
        # A date of update beyond the data version's own day would make every later window empty.
        seen.append(min(parsed.last_update_posted.isoformat(), facts["data_version"][:10]))
    if facts["truncated"]:
        cursors.pop("data_timestamp", None)
    else:
        cursors["data_timestamp"] = facts["data_version"]
    if seen:
        cursors["last_update_posted"] = max(seen)
    if "listed" in facts:
        cursors["ids_listed"] = facts["data_version"]
    return cursors


def _reread(run: Run, facts: dict[str, Any]) -> dict[str, Any]:
    """Up to where, and when, studies were read again; a full run has just read all of them."""
    if facts["full"]:
        return {"reread": {"after": "", "at": run.data_time.isoformat()}}
    return {"reread": facts["reread_to"]} if "reread_to" in facts else {}


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    ((count,),) = con.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608
    return int(count)
