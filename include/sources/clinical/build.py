"""Which compound is tried in which study: PubChem's own links, and the names of the studies' interventions.

Everything is joined from the latest good versions of ctgov and pubchem, so nothing here is ever half of one version
and half of another; the manifest names both.
"""

from __future__ import annotations

from collections import Counter

import duckdb
import pyarrow as pa

from include.publishing.candidate import Candidate
from include.sources.clinical import tables
from include.sources.clinical.resolve import Missing, resolve
from include.sources.clinical.source import SOURCE
from include.sources.clinical.targets import targets
from include.sources.ctgov import tables as ctgov
from include.sources.pubchem import lookup
from include.sources.pubchem import tables as pubchem
from include.sources.pubchem.extract import RESOLVED_TYPES
from include.sources.source import Built, Run
from include.storage import duckdb_session
from include.storage.tables import Table

READ: dict[str, tuple[Table, ...]] = {
    "ctgov": (ctgov.STUDIES, ctgov.INTERVENTIONS, ctgov.CONDITIONS, ctgov.ALIASES),
    "pubchem": (pubchem.COMPOUNDS, pubchem.TRIAL_COMPOUNDS, pubchem.NAMES, pubchem.NAME_CANDIDATES),
}
_RESOLVED = pa.schema([f for f in tables.INTERVENTION_COMPOUNDS.schema if f.name != "content_hash"])
_TARGETS = pa.schema([("nct_id", pa.string()), ("targets", pa.list_(pa.string()))])
LINKED = """CREATE TABLE linked AS
    SELECT DISTINCT cid, coalesce(a.nct_id, t.trial_id) AS nct_id
    FROM pubchem_trial_compounds t LEFT JOIN ctgov_aliases a ON a.alias_id = t.trial_id
    WHERE t.collection = 'clinicaltrials'"""
# The other names of a combination are not those of its parts.
INTERVENTIONS = f"""SELECT i.nct_id, i.ordinal, i.part, i.clean_name,
        if(i.part = 0, i.other_names, NULL) AS other_names, i.type, l.cids
    FROM ctgov_interventions i
    LEFT JOIN (SELECT nct_id, list(cid ORDER BY cid) AS cids FROM linked GROUP BY nct_id) l USING (nct_id)
    WHERE i.type IN {RESOLVED_TYPES} AND NOT i.is_control AND i.clean_name IS NOT NULL
    ORDER BY i.nct_id, i.ordinal, i.part"""  # noqa: S608
PAIRS = """CREATE TABLE pairs AS
    SELECT cid, nct_id, if(l.cid IS NULL, 'name', if(n.cid IS NULL, 'pubchem', 'both')) AS link,
        n.link_rules, n.link_names
    FROM linked l FULL JOIN (
        SELECT cid, nct_id, list_sort(list_distinct(list(rule))) AS link_rules,
            list_sort(list_distinct(list(name))) AS link_names
        FROM resolved WHERE cid IS NOT NULL GROUP BY cid, nct_id) n USING (cid, nct_id)"""
TEXTS = """SELECT s.nct_id, [s.brief_title, s.official_title] || coalesce(s.keywords, [])
        || coalesce(i.texts, []) AS texts
    FROM ctgov_studies s SEMI JOIN pairs USING (nct_id)
    LEFT JOIN (
        SELECT nct_id, flatten(list([name] || coalesce(other_names, []))) AS texts
        FROM ctgov_interventions SEMI JOIN pairs USING (nct_id) GROUP BY nct_id) i USING (nct_id)"""
# Conditions and interventions are gathered once a study, not once a pair: a study has up to dozens of compounds.
STUDIES = """CREATE TABLE studies AS
    SELECT s.nct_id, coalesce(s.brief_title, s.official_title) AS title, array_to_string(s.phases, '/') AS phase,
        s.overall_status, c.conditions, i.interventions, t.targets, s.start_date, s.completion_date,
        s.last_update_post_date AS last_update_date
    FROM ctgov_studies s SEMI JOIN pairs USING (nct_id)
    LEFT JOIN (
        SELECT nct_id, list(condition ORDER BY ordinal) AS conditions FROM (
            SELECT nct_id, condition, min(ordinal) AS ordinal FROM ctgov_conditions
            SEMI JOIN pairs USING (nct_id) WHERE condition <> ''
            GROUP BY nct_id, condition) GROUP BY nct_id) c USING (nct_id)
    LEFT JOIN (
        SELECT nct_id, list(name ORDER BY ordinal) AS interventions FROM (
            SELECT nct_id, name, min(ordinal) AS ordinal FROM ctgov_interventions
            SEMI JOIN pairs USING (nct_id) WHERE name <> '' GROUP BY nct_id, name) GROUP BY nct_id) i
        USING (nct_id)
    LEFT JOIN study_targets t USING (nct_id)"""
TRIALS = """SELECT p.cid, s.nct_id, coalesce(c.title, c.iupac_name) AS compound_name, s.title, s.phase,
        s.overall_status, s.conditions, s.interventions, s.targets, s.start_date, s.completion_date,
        s.last_update_date, 'https://clinicaltrials.gov/study/' || s.nct_id AS ctgov_url, c.pubchem_url,
        'https://clinicaltrials.gov/study/' || s.nct_id AS source_url, p.link, p.link_rules, p.link_names
    FROM pairs p JOIN studies s USING (nct_id) JOIN pubchem_compounds c USING (cid)
    ORDER BY p.cid, s.nct_id"""


def build(run: Run, candidate: Candidate) -> Built:
    """Write both tables of the candidate from the versions of the inputs that the run stands on."""
    con = candidate.connection
    built_from = _register_inputs(run, con)
    con.execute(LINKED)
    rules = _resolve(candidate)
    con.execute(PAIRS)
    _find_targets(candidate)
    con.execute(STUDIES)
    table = tables.CLINICAL_COMPOUND_TRIALS
    pairs = sum(
        file.rows for file in candidate.write(table.name, duckdb_session.batches(con, TRIALS, table.values))
    )
    table = tables.INTERVENTION_COMPOUNDS
    order = f"SELECT * FROM resolved ORDER BY {duckdb_session.identifiers(table.key)}"  # noqa: S608
    candidate.write(table.name, duckdb_session.batches(con, order, table.values))
    ((linked, strange),) = con.execute(
        "SELECT count(*), count(*) FILTER (s.nct_id IS NULL) FROM linked LEFT JOIN ctgov_studies s USING (nct_id)"
    ).fetchall()
    # Its rows come from tables that passed their own gates: none is refused here.
    candidate.arrived("pubchem_links", linked)
    return Built(
        cursors={},
        counts={
            "pubchem_links": linked,
            "links_to_other_studies": strange,
            "pairs": pairs,
            **{f"interventions_{rule}": count for rule, count in sorted(rules.items())},
        },
        upstream={},
        built_from=built_from,
    )


def _register_inputs(run: Run, con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Views SOURCE_TABLE of what is read; returns the versions they show.

    Raises LookupError where nothing of an input was published yet.
    """
    for source in SOURCE.spec.inputs:
        if source not in run.inputs:
            raise LookupError(f"nothing of {source} was published yet; run its DAG first")
        for table in READ[source]:
            files = [file.path for file in run.inputs[source].table(table.name).files]
            duckdb_session.register(con, f"{source}_{table.name}", run.read, files, table.schema)
    return {source: manifest.version for source, manifest in run.inputs.items()}


def _resolve(candidate: Candidate) -> Counter[str]:
    """View resolved: a compound, or the reason for none, for every intervention; returns how often which rule."""
    con = candidate.connection
    answers = _answers(con)
    skeletons = dict(
        con.execute("SELECT cid, inchikey[:14] FROM pubchem_compounds WHERE inchikey IS NOT NULL").fetchall()
    )
    resolved = duckdb_session.Shards(con, candidate.scratch, "resolved", _RESOLVED)
    rules: Counter[str] = Counter()
    for batch in con.sql(INTERVENTIONS).to_arrow_reader(duckdb_session.BATCH_ROWS):
        for row in batch.to_pylist():
            keys = lookup.keys(row["clean_name"], row["other_names"] or [], row["type"])
            found = resolve(
                keys.primary,
                keys.others,
                lambda key: answers.get(key, Missing.NOT_ASKED),
                skeletons.get,
                frozenset(row["cids"] or ()),
            )
            rules[found.rule] += 1
            resolved.add(
                {
                    **{name: row[name] for name in ("nct_id", "ordinal", "part")},
                    "name": row["clean_name"],
                    "cid": found.cid,
                    "rule": found.rule,
                    "matched_name": found.matched,
                    "candidates": found.candidates or None,
                }
            )
    resolved.register()
    return rules


def _answers(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, ...] | Missing]:
    """What PubChem said of each name: its compounds in its order, or that the look-up failed."""
    query = (
        "SELECT name, n.state, list(c.cid ORDER BY c.position) FILTER (c.cid IS NOT NULL) "
        "FROM pubchem_names n LEFT JOIN pubchem_name_candidates c USING (name) GROUP BY name, n.state"
    )
    return {
        # A look-up that failed again keeps the answer it had before, if there is one.
        name: Missing.FAILED if state == "failed" and not cids else tuple(cids or ())
        for name, state, cids in con.execute(query).fetchall()
    }


def _find_targets(candidate: Candidate) -> None:
    """View study_targets: the molecular targets that a study's interventions, titles and keywords name."""
    con = candidate.connection
    found = duckdb_session.Shards(con, candidate.scratch, "study_targets", _TARGETS)
    for batch in con.sql(TEXTS).to_arrow_reader(duckdb_session.BATCH_ROWS):
        for nct_id, texts in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if named := targets(texts):
                found.add({"nct_id": nct_id, "targets": named})
    found.register()
