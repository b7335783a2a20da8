"""From PubChem's answers to tables: merge what was asked into the last good version, and note how it was asked.

A unit that was answered replaces what was known of it; one that failed, or was not asked, keeps it. So a trial is
gone once the compounds it was linked with have been asked and none of them lists it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

import duckdb
import msgspec
import pyarrow as pa

from include.decoding import decoder
from include.publishing.candidate import Candidate
from include.publishing.refused import RefusedRow
from include.sources.pubchem import rows, tables
from include.sources.pubchem.records import COLLECTIONS, Lookup, NameLookup, Plan, Properties, Reply
from include.sources.source import Built, Run
from include.storage import duckdb_session
from include.storage.landing import Landed

PROPERTIES = "properties"
R = TypeVar("R", bound=Reply)
_OBSERVED = pa.schema(
    [
        *(f for f in tables.TRIALS.schema if f.name not in {"n_compounds", "content_hash"}),
        pa.field("cids", pa.list_(pa.int64())),
        pa.field("asked", pa.int64()),
    ]
)
_PROPERTY_COLUMNS = [
    name
    for name in tables.COMPOUNDS.names
    if name not in {"has_trials", *(f"in_{c}" for c in COLLECTIONS), "pubchem_url", "content_hash"}
]
_CAME = pa.schema([tables.COMPOUNDS.schema.field(name) for name in _PROPERTY_COLUMNS])
_NAMED = pa.schema([("name", pa.string()), ("state", pa.string()), ("error", pa.string())])
_STANDS_FOR = pa.schema([("name", pa.string()), ("position", pa.int32()), ("cid", pa.int64())])
_ASKED = pa.schema(
    [
        ("cid", pa.int64()),
        ("collection", pa.string()),
        ("state", pa.string()),
        ("rows", pa.int32()),
        ("error", pa.string()),
    ]
)


_UNREAD = pa.schema([("collection", pa.string()), ("trial_id", pa.string()), ("cid", pa.int64())])


def build(run: Run, candidate: Candidate) -> Built:
    """Write every table of the candidate."""
    landing = run.raw.completed()
    facts = landing.progress.facts
    con = candidate.connection
    (line,) = landing.read("plan")
    plan = decoder(Plan).decode(line)
    counts = _stage(run, candidate, landing)
    _register_listing(con, plan)
    properties = duckdb_session.identifiers(_PROPERTY_COLUMNS)
    con.execute(f"CREATE VIEW previous_properties AS SELECT {properties} FROM previous_compounds")  # noqa: S608
    con.execute("CREATE MACRO as_of() AS TIMESTAMPTZ '" + run.data_time.isoformat() + "'")
    for statement in MERGE:
        con.execute(statement)
    counts["unknown_compounds"] = _quarantine_unknown(candidate)
    for table in tables.TABLES:
        columns, order = duckdb_session.identifiers(table.names[:-1]), duckdb_session.identifiers(table.key)
        query = f"SELECT {columns} FROM new_{table.name} ORDER BY {order}"  # noqa: S608
        candidate.write(table.name, duckdb_session.batches(con, query, table.values))
    return Built(
        cursors=_cursors(run, facts),
        counts={**counts, "listed": facts["listed"], "failed": facts["trials"]["failed"]},
        upstream={name: facts[name] for name in ("full", "truncated", "ctgov")},
        full=facts["full"],
        raw=tuple(part.path for part in landing.progress.parts),
    )


def _stage(run: Run, candidate: Candidate, landing: Landed) -> dict[str, int]:
    """Views of what came: observed (trials), came (properties), asked (units), named and stands_for (names).

    An item that was asked several times counts with its last reply. What cannot be read is quarantined; such trials
    are in unread, without a number where the row does not tell it.
    """
    today = run.data_time.date()
    asked, observed, unread, came, named, stands_for = (
        duckdb_session.Shards(candidate.connection, candidate.scratch, name, schema)
        for name, schema in (
            ("asked", _ASKED),
            ("observed", _OBSERVED),
            ("unread", _UNREAD),
            ("came", _CAME),
            ("named", _NAMED),
            ("stands_for", _STANDS_FOR),
        )
    )
    received = refused = 0
    for found in _last(landing, "trials", Lookup):
        asked.add({**msgspec.structs.asdict(found), "rows": len(found.rows)})
        for row in found.rows:
            received += 1
            key = partial(rows.trial_key, row, found.collection)
            trial = _read(
                candidate, "trials", row, partial(rows.trial, collection=found.collection, today=today), key
            )
            if trial is None:
                refused += 1
                number = (key() or "").partition(" ")[2] or None
                unread.add({"collection": found.collection, "trial_id": number, "cid": found.cid})
            else:
                observed.add({**trial, "asked": found.cid})
    for answer in _last(landing, "properties", Properties):
        unit = {
            "cid": answer.cid,
            "collection": PROPERTIES,
            "state": answer.state,
            "rows": 0,
            "error": answer.error,
        }
        if answer.state == "done":
            compound = _read(
                candidate, "properties", answer.row, rows.compound, partial(str, f"CID {answer.cid}")
            )
            if compound is None:
                unit |= {"state": "failed", "error": "the answer cannot be read; it is in the quarantine"}
            else:
                unit["rows"] = 1
                came.add(compound)
        asked.add(unit)
    for name in _last(landing, "names", NameLookup):
        named.add(msgspec.structs.asdict(name))
        for position, cid in enumerate(name.cids, start=1):
            stands_for.add({"name": name.name, "position": position, "cid": cid})
    for shards in (asked, observed, unread, came, named, stands_for):
        shards.register()
    return {"received": received, "refused": refused}


def _last(landing: Landed, kind: str, reply: type[R]) -> Iterator[R]:
    """The last reply to each item, in the order they landed."""
    decode = decoder(reply).decode
    last = {decode(line).item: number for number, line in enumerate(landing.read(kind))}
    for number, line in enumerate(landing.read(kind)):
        answer = decode(line)
        if last[answer.item] == number:
            yield answer


def _read(
    candidate: Candidate,
    kind: str,
    row: msgspec.Raw,
    parse: Callable[[msgspec.Raw], dict[str, Any]],
    key: Callable[[], str | None],
) -> dict[str, Any] | None:
    """A row as parsed; None where it was refused and is in the quarantine, under what `key` tells."""
    candidate.arrived(kind)
    try:
        return parse(row)
    except rows.Refused as refused:
        candidate.quarantine(
            RefusedRow(kind, key(), refused.reason, refused.detail, raw=kind, content=bytes(row))
        )
        return None


def _register_listing(con: duckdb.DuckDBPyConnection, plan: Plan) -> None:
    """View listing: compounds by collection, and by `all`, as the classification lists them."""
    parts = [
        pa.table({"cid": pa.array(cids, pa.int64()), "collection": pa.array([name] * len(cids), pa.string())})
        for name, cids in plan.listed.items()
    ]
    con.register("listing", pa.concat_tables(parts))


MERGE = (
    # Units: answered ones replace what was known, failed ones keep it and count their failures.
    """CREATE TABLE answered AS SELECT cid, collection FROM asked WHERE state <> 'failed'""",
    """CREATE TABLE units AS
    SELECT a.cid, a.collection, a.state, if(a.state = 'failed', coalesce(p.rows, 0), a.rows) AS rows,
        if(a.state = 'failed', coalesce(p.declared, 0), a.rows) AS declared,
        if(a.state = 'failed', p.checked_at, as_of()) AS checked_at,
        if(a.state = 'failed', coalesce(p.failures, 0) + 1, 0) AS failures, a.error
    FROM asked a LEFT JOIN previous_work_list p USING (cid, collection)
    UNION ALL
    SELECT p.* EXCLUDE (content_hash) FROM previous_work_list p ANTI JOIN asked USING (cid, collection)""",
    # What no list names any more and has no trials is forgotten.
    """CREATE TABLE trial_units AS
    SELECT u.* FROM units u WHERE u.collection <> 'properties' AND (
        u.state <> 'none' OR EXISTS (FROM listing l WHERE l.cid = u.cid AND l.collection IN (u.collection, 'all')))""",
    # Compounds: those whose properties came, and those known before unless PubChem says it has none.
    """CREATE TABLE known AS
    SELECT * FROM came
    UNION ALL BY NAME
    SELECT * FROM previous_properties p
    WHERE p.cid NOT IN (SELECT cid FROM came)
        AND p.cid NOT IN (SELECT cid FROM asked WHERE collection = 'properties' AND state = 'none')""",
    # Trials: of several answers that hold one, the newest; its links are those of all of them together.
    """CREATE TABLE seen AS
    SELECT * FROM observed
    QUALIFY row_number() OVER (
        PARTITION BY collection, trial_id
        ORDER BY updated DESC NULLS LAST, len(cids) DESC, cids, title, status, phase, conditions, url) = 1""",
    # A row that cannot be read keeps the trial that it is about, or any of its answer where it does not tell which.
    """CREATE TABLE given AS
    SELECT DISTINCT collection, trial_id, asked AS cid FROM observed
    UNION
    SELECT p.collection, p.trial_id, p.cid FROM previous_trial_compounds p
    ANTI JOIN answered USING (cid, collection) WHERE p.confirmed
    UNION
    SELECT p.collection, p.trial_id, p.cid FROM previous_trial_compounds p
    JOIN unread u ON (u.collection, u.cid) = (p.collection, p.cid) AND coalesce(u.trial_id, p.trial_id) = p.trial_id
    WHERE p.confirmed""",
    # A trial that was not seen is gone once all of the compounds that it was given for have answered without it;
    # until then its other compounds stay too.
    """CREATE TABLE links AS
    SELECT *, (collection, trial_id, cid) IN (SELECT (collection, trial_id, cid) FROM given) AS confirmed FROM (
        SELECT DISTINCT collection, trial_id, unnest(cids) AS cid FROM observed
        UNION ALL
        SELECT p.collection, p.trial_id, p.cid FROM previous_trial_compounds p
        ANTI JOIN seen USING (collection, trial_id) SEMI JOIN given USING (collection, trial_id)
        WHERE NOT p.confirmed
            OR (p.collection, p.trial_id, p.cid) IN (SELECT (collection, trial_id, cid) FROM given))""",
    """CREATE TABLE new_trial_compounds AS SELECT * FROM links SEMI JOIN known USING (cid)""",
    """CREATE TABLE new_trials AS
    SELECT t.*, n.n_compounds FROM (
        SELECT * EXCLUDE (cids, asked) FROM seen
        UNION ALL BY NAME
        -- Versions that did not tell the precision took days only.
        SELECT * EXCLUDE (n_compounds, content_hash)
            REPLACE (if(updated IS NULL, NULL, coalesce(updated_precision, 'day')) AS updated_precision)
        FROM previous_trials ANTI JOIN seen USING (collection, trial_id)) t
    JOIN (SELECT collection, trial_id, count(*)::INTEGER AS n_compounds FROM new_trial_compounds GROUP BY ALL) n
        USING (collection, trial_id)""",
    # Names: as units.
    """CREATE TABLE candidates AS
    SELECT name, position, cid FROM stands_for
    UNION ALL
    SELECT name, position, cid FROM previous_name_candidates
    WHERE name NOT IN (SELECT name FROM named WHERE state <> 'failed')""",
    """CREATE TABLE new_name_candidates AS
    SELECT name, row_number() OVER (PARTITION BY name ORDER BY position)::INTEGER AS position, cid
    FROM candidates SEMI JOIN known USING (cid)""",
    """CREATE TABLE new_names AS
    SELECT name, if(state = 'done', if(n_candidates > 0, 'found', 'none'), state) AS state, asked_at,
        n_candidates, error
    FROM (
        SELECT n.name, n.state, if(n.state = 'failed', p.asked_at, as_of()) AS asked_at, n.error
        FROM named n LEFT JOIN previous_names p USING (name)
        UNION ALL
        SELECT name, if(state = 'found', 'done', state), asked_at, error
        FROM previous_names ANTI JOIN named USING (name))
    LEFT JOIN (SELECT name, count(*)::INTEGER AS n FROM new_name_candidates GROUP BY name) USING (name),
    LATERAL (SELECT coalesce(n, 0) AS n_candidates)""",
    """CREATE TABLE new_compounds AS
    SELECT k.*, k.cid IN (SELECT cid FROM listing WHERE collection = 'all') AS has_trials,
        k.cid IN (SELECT cid FROM listing WHERE collection = 'clinicaltrials') AS in_clinicaltrials,
        k.cid IN (SELECT cid FROM listing WHERE collection = 'clinicaltrials_eu') AS in_clinicaltrials_eu,
        k.cid IN (SELECT cid FROM listing WHERE collection = 'clinicaltrials_jp') AS in_clinicaltrials_jp,
        'https://pubchem.ncbi.nlm.nih.gov/compound/' || k.cid AS pubchem_url
    FROM known k
    WHERE k.cid IN (SELECT cid FROM trial_units UNION SELECT cid FROM new_trial_compounds
        UNION SELECT cid FROM new_name_candidates)""",
    """CREATE TABLE new_work_list AS
    SELECT * FROM trial_units
    UNION ALL
    SELECT * FROM units WHERE collection = 'properties' AND cid IN (SELECT cid FROM trial_units
        UNION SELECT cid FROM links UNION SELECT cid FROM candidates)""",
)
"""From what came and the last good version to the new one, step by step."""


def _quarantine_unknown(candidate: Candidate) -> int:
    """Keep what refers to compounds whose properties PubChem does not know; returns how many references."""
    ((references,),) = candidate.connection.execute(
        "SELECT (SELECT count(*) FROM links) + (SELECT count(*) FROM candidates)"
    ).fetchall()
    candidate.arrived("references", references)
    unknown = candidate.connection.execute(
        "SELECT 'trial', collection || ' ' || trial_id, cid FROM links ANTI JOIN known USING (cid) UNION ALL "
        "SELECT 'name', name, cid FROM candidates ANTI JOIN known USING (cid) ORDER BY ALL"
    ).fetchall()
    for kind, key, cid in unknown:
        candidate.quarantine(
            RefusedRow(
                kind="references",
                key=f"{key} CID {cid}",
                reason="unknown compound",
                detail=f"CID {cid} of {key}: PubChem has no properties of it",
                raw="trials" if kind == "trial" else "names",
                content=msgspec.json.encode({kind: key, "cid": cid}),
            )
        )
    return len(unknown)


def _cursors(run: Run, facts: Mapping[str, Any]) -> dict[str, Any]:
    """When everything was asked last, and whose names were resolved up to where."""
    full_at = run.data_time.isoformat() if facts["full"] else run.watermarks.get("full_at")
    return {"full_at": full_at, "ctgov": facts["ctgov"], "names_left": facts["names_left"]}
