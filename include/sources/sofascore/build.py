"""From what landed to tables: merge answers into the last good version part by part, then compute the rest again.

Which rows of a match stay is told in merging.py. Tables of matches are kept in one file for each year in which seasons
began, and years without an answer are taken over as they are. What is computed from matches is computed from all of
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from include.decoding import decoder
from include.publishing.candidate import Candidate
from include.publishing.refused import RefusedRow
from include.sources.parsing import lenient
from include.sources.sofascore import competitions, known_matches, match_tables, merging, shards
from include.sources.sofascore.competitions import season_label
from include.sources.sofascore.derive import derive
from include.sources.sofascore.derived_tables import DERIVED_TABLES
from include.sources.sofascore.discover import Season, seasons, units
from include.sources.source import Built, Run
from include.storage import duckdb_session
from include.storage.landing import Landed, Part
from include.storage.tables import Table


class NotReconciled(ValueError):
    """What was planned is not what landed."""


def build(run: Run, candidate: Candidate) -> Built:
    """Write every table of the candidate.

    Raises RawIncomplete where a unit of the plan has not landed, NotReconciled where a match was lost on the way.
    """
    discovery = run.raw.completed(known_matches.DISCOVERY)
    facts = discovery.progress.facts
    own = [run.raw.completed(unit["key"]) for unit in facts["units"]]
    adopted = known_matches.adopted(run, discovery)
    received, refused = _parse(candidate, [*adopted, discovery, *own])
    _quarantine_unreadable(candidate, discovery)
    _reconcile(discovery, own)
    con = candidate.connection
    shards.register(con, candidate.scratch)
    as_of = datetime.fromisoformat(facts["as_of"])
    _find_seasons(con, [*adopted, discovery], as_of)
    merging.choose(con, refreshed=facts["refreshed"])
    merging.carry(con, candidate.scratch)
    _write_matches(run, candidate)
    before = candidate.previous.as_of if candidate.previous else as_of
    for table in match_tables.NAMED:
        candidate.write(
            table.name, duckdb_session.batches(con, _as_said_last(table, before, as_of), table.values)
        )
    _write_seasons(run, candidate)
    _write_derived(run, candidate)
    return Built(
        cursors=_cursors(run, discovery),
        counts={
            "declared": sum(unit["items"] for unit in facts["units"]),
            "received": received,
            "refused": refused,
            "failed": sum(landing.progress.facts["failed"] for landing in own),
            "adopted_runs": len(facts["adopted"]),
            "listed": facts.get("entries", 0),
            "unreadable": facts.get("odd", 0),
        },
        upstream={"competitions_absent": facts["absent"], "window": facts["window"]},
        full=facts["full"],
        asked=facts["window"] or _begins_a_season(run, discovery),
        raw=tuple(part.path for landing in [*adopted, discovery, *own] for part in landing.progress.parts),
    )


# --- reading what landed ---


def _parse(candidate: Candidate, landings: Iterable[Landed]) -> tuple[int, int]:
    """Landed parts to shards, in order of age; returns how many records came and how many were refused."""
    files: list[shards.PartFile] = []
    first = 0
    for kind, number, landing, part in _parts(landings):
        # Parts of different landings bear the same names.
        folder = candidate.scratch / f"landed-{number}"
        folder.mkdir(exist_ok=True)
        files.append(shards.PartFile(landing.fetch(part, folder), part.path, kind, first))
        first += part.rows
    received = refused = 0
    candidate.arrived("matches", 0)
    for report in shards.parse_all(files, candidate.scratch):
        received += report.received
        refused += len(report.refused)
        for what, records in report.arrived.items():
            candidate.arrived(what, records)
        for each in report.refused:
            candidate.quarantine(each)
    if received != first:
        raise NotReconciled(f"{first} records were landed, and {received} were read")
    return received, refused


def _parts(landings: Iterable[Landed]) -> Iterator[tuple[shards.Kind, int, Landed, Part]]:
    """The parts that hold records, lists before replies: of one run, a reply says more than a list's entry."""
    numbered = list(enumerate(landings))
    kinds: tuple[shards.Kind, ...] = ("listing", "matches")
    for kind in kinds:
        for number, landing in numbered:
            yield from ((kind, number, landing, part) for part in landing.progress.parts if part.kind == kind)


def _quarantine_unreadable(candidate: Candidate, discovery: Landed) -> None:
    """Entries of lists that cannot be read: nobody knows which match, or which season, they are."""
    candidate.arrived("listing", discovery.progress.facts.get("entries", 0))
    for part in discovery.progress.parts:
        if part.kind == "unreadable":
            candidate.arrived("listing", part.rows)
            for line in discovery.read_part(part):
                candidate.quarantine(
                    RefusedRow(
                        kind="listing",
                        key=_entry_key(line),
                        reason="unreadable_entry",
                        detail="an entry of a list that does not tell which match, or which season, it is",
                        raw=part.path,
                        content=line,
                    )
                )


def _entry_key(line: bytes) -> str | None:
    """What an entry of a list of matches, or of seasons, claims to be."""
    entry = lenient(line)
    number = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return f"{'season' if 'year' in entry else 'match'} {number}"


def _reconcile(discovery: Landed, own: list[Landed]) -> None:
    """Raise NotReconciled unless every match of the plan has landed."""
    planned = {match.match for unit in units(discovery) for match in unit.matches}
    head = decoder(_Head)
    landed = {head.decode(line).match for landing in own for line in landing.read(known_matches.MATCHES)}
    if planned != landed:
        odd = sorted(planned ^ landed)
        raise NotReconciled(
            f"{len(planned)} matches were planned and {len(landed)} landed; they differ in {len(odd)}, "
            f"{', '.join(map(str, odd[:5]))} among them. Nothing is published; clear the run from its probe."
        )


class _Head(msgspec.Struct):
    match: int


# --- tables of matches ---


def _write_matches(run: Run, candidate: Candidate) -> None:
    """Write the years that have an answer, keep the others."""
    con = candidate.connection
    touched = {year for (year,) in con.execute("SELECT season_year FROM touched").fetchall()}
    before = {int(file.part) for file in candidate.previous_files("matches") if file.part}
    for year in sorted(before | touched):
        for table in match_tables.OF_MATCHES:
            if year in touched:
                candidate.register_previous(f"before_{year}_{table.name}", table.name, str(year))
                candidate.write(
                    table.name,
                    duckdb_session.batches(con, merging.merged(table, year), table.schema),
                    str(year),
                )
            else:
                candidate.keep(table.name, str(year))


def _as_said_last(table: Table, before: datetime, as_of: datetime) -> str:
    """SQL for a table of what matches name: each column as it was said last, by the newest match of those that say it.

    What a run was told goes before what the version before (as of `before`) has, whichever match it is of: the upstream
    tells of a team or person of today. Names that landed for themselves are as of the run.
    """
    (key,) = table.key
    said = [name for name in table.names if name not in {key, "seen_at", "content_hash"}]
    columns = ", ".join(
        f"{_newest_name(table) if name == 'name' else f'arg_max({name}, moment)'} AS {name}" for name in said
    )
    stated = duckdb_session.identifiers([key, *said])
    return (
        f"SELECT {key}, {columns}, max(seen_at) AS seen_at FROM ("  # noqa: S608
        f"SELECT {stated}, f.seen_at, ROW(coalesce(m.checked_at, {_moment(as_of)}), f.seen_at, seq) AS moment "
        f"FROM fresh_{table.name} f LEFT JOIN (SELECT seq, checked_at FROM fresh_matches) m USING (seq) UNION ALL "
        f"SELECT {stated}, seen_at, ROW({_moment(before)}, seen_at, -1) FROM previous_{table.name}) "
        f"GROUP BY {key} ORDER BY {key}"
    )


def _newest_name(table: Table) -> str:
    """SQL for a name: the newest one that is a name. Who bears none in a match is called by his slug, or his number."""
    (key,) = table.key
    is_name = f"name <> CAST({key} AS VARCHAR)"
    names = [is_name + " AND name IS DISTINCT FROM slug"] if "slug" in table.names else []
    called = [f"arg_max(name, moment) FILTER ({each})" for each in (*names, is_name)]
    return f"coalesce({', '.join(called)}, arg_max(name, moment))"


def _moment(time: datetime) -> str:
    return f"TIMESTAMPTZ '{time.isoformat()}'"


# --- seasons and what is computed ---


def _find_seasons(con: duckdb.DuckDBPyConnection, discoveries: list[Landed], as_of: datetime) -> None:
    """Make `seasons_found`: the seasons whose lists were read, as these last said."""
    configured = {each.id: each for each in competitions.load()}
    found: dict[tuple[int, int], Season] = {}
    for each in chain.from_iterable(map(seasons, discoveries)):
        if each.competition in configured:
            found[each.competition, each.season] = each
    rows = [
        {
            "competition_id": each.competition,
            "season_id": each.season,
            "competition": configured[each.competition].name,
            "country": configured[each.competition].country,
            "kind": configured[each.competition].kind,
            "season": season_label(each.year),
            "season_year": each.season_year,
            "upstream_year": each.year,
            "rounds": each.rounds,
            "current_round": each.current_round,
            "checked_at": as_of,
        }
        for each in found.values()
    ]
    called = [
        {"competition_id": each.id, "competition": each.name, "country": each.country, "kind": each.kind}
        for each in configured.values()
    ]
    con.register("competitions_called", pa.Table.from_pylist(called))
    con.register("seasons_found", pa.Table.from_pylist(rows, match_tables.COMPETITION_SEASONS.values))


def _write_seasons(run: Run, candidate: Candidate) -> None:
    """Write the seasons of which a match is known, as their lists last said."""
    con, table = candidate.connection, match_tables.COMPETITION_SEASONS
    files = [file.path for file in candidate.files("matches")]
    duckdb_session.register(con, "known_matches", run.read, files, match_tables.MATCHES.schema)
    columns = duckdb_session.identifiers(table.values.names)
    now = (
        "SELECT f.* REPLACE (coalesce(f.rounds, p.rounds) AS rounds, "
        "coalesce(f.current_round, p.current_round) AS current_round) "
        "FROM seasons_found f LEFT JOIN previous_competition_seasons p USING (competition_id, season_id)"
    )
    before = (
        "SELECT * FROM previous_competition_seasons ANTI JOIN seasons_found USING (competition_id, season_id)"
    )
    # A competition is called in all of its seasons as it is configured now.
    called = ", ".join(
        f"coalesce(c.{name}, s.{name}) AS {name}" for name in ("competition", "country", "kind")
    )
    query = (
        f"SELECT {columns} FROM (SELECT s.* REPLACE ({called}) FROM ({now} UNION ALL BY NAME {before}) s "  # noqa: S608
        "LEFT JOIN competitions_called c USING (competition_id)) "
        "SEMI JOIN known_matches USING (competition_id, season_id) ORDER BY competition_id, season_id"
    )
    candidate.write(table.name, duckdb_session.batches(con, query, table.values))


def _write_derived(run: Run, candidate: Candidate) -> None:
    """Compute everything that follows from the matches."""
    con = candidate.connection
    for table in match_tables.MATCH_TABLES:
        files = [file.path for file in candidate.files(table.name)]
        duckdb_session.register(con, f"all_{table.name}", run.read, files, table.schema)
    derive(con)
    for table in DERIVED_TABLES:
        columns, order = (
            duckdb_session.identifiers(table.values.names),
            duckdb_session.identifiers(table.key),
        )
        query = f"SELECT {columns} FROM new_{table.name} ORDER BY {order}"  # noqa: S608
        candidate.write(table.name, duckdb_session.batches(con, query, table.values))


# --- where the next run goes on ---


def _begins_a_season(run: Run, discovery: Landed) -> bool:
    """Whether the lists of a season were read whole for the first time: all of its matches are new at once."""
    return any(
        season.whole and season.key not in run.watermarks.get("whole", ()) for season in seasons(discovery)
    )


def _cursors(run: Run, discovery: Landed) -> dict[str, Any]:
    """Seasons whose lists were read whole, how far a daily run has read, and landings that were taken over.

    A run that was cut short by `limit`, or was about something in particular, does not move the daily one.
    """
    cursors, facts = run.watermarks, discovery.progress.facts
    read_whole = {season.key for season in seasons(discovery) if season.whole}
    whole = ({*cursors.get("whole", ())} | read_whole) - set(facts["left_out"])
    moved = {} if facts["window"] or facts["left_out"] else {"until": facts["as_of"]}
    adopted = {each.version for each in known_matches.noted(discovery)}
    taken = {*cursors.get(known_matches.TAKEN, ()), *adopted} & run.raw.versions()
    return {**cursors, **moved, "whole": sorted(whole), known_matches.TAKEN: sorted(taken)}
