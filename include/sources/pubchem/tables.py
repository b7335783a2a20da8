"""The tables that PubChem becomes. docs/data_contract.md is generated from this file.

Values are as received but for three things: a list that comes as an array or as a pipe string is a list, a date
that comes as 2005-06-24 or as 20050624 is a date (with its precision, as in ctgov), numbers that PubChem sends as text
are numbers. U+0000, which
PostgreSQL cannot hold, is taken out of text.
"""

from __future__ import annotations

import pyarrow as pa

from include.storage.tables import CONTENT_HASH, Column, Table

SCHEMA_VERSION = 1

MIGRATIONS: dict[int, str] = {}
"""For each schema version that broke readers of the one before: what they must change."""

_REDACTED = "Mail addresses and phone numbers are replaced by [mail] and [phone]; names stay."

_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())
_COUNT = pa.int32()
_NUMBER = pa.float64()
_FLAG = pa.bool_()
_TIME = pa.timestamp("us", tz="UTC")

_CID = Column("cid", pa.int64(), "PubChem's number of the compound (CID), above 0.", required=True)
_COLLECTION = Column(
    "collection",
    _TEXT,
    "Registry: clinicaltrials (ClinicalTrials.gov), clinicaltrials_eu (EU Clinical Trials Register) or "
    "clinicaltrials_jp (NIPH Clinical Trials Search of Japan).",
    required=True,
)
_TRIAL_ID = Column(
    "trial_id",
    _TEXT,
    "The trial's number in its registry: NCT and eight digits, a EudraCT number, or a Japanese number.",
    required=True,
)

COMPOUNDS = Table(
    "compounds",
    "One row per compound: those with clinical trials, and those that names of interventions resolve to.",
    ("cid",),
    (
        _CID,
        Column("title", _TEXT, "Name that PubChem shows for the compound.", of_thing=True),
        Column("molecular_formula", _TEXT, "Molecular formula, in Hill order.", of_thing=True),
        Column("molecular_weight", _NUMBER, "Molecular weight in g/mol."),
        Column("exact_mass", _NUMBER, "Mass of the most likely isotopic composition in Da."),
        Column("monoisotopic_mass", _NUMBER, "Mass of the molecule's most abundant isotopes in Da."),
        Column("smiles", _TEXT, "SMILES with stereochemistry and isotopes (before 2025: IsomericSMILES)."),
        Column("connectivity_smiles", _TEXT, "SMILES without them (before 2025: CanonicalSMILES)."),
        Column("inchi", _TEXT, "Standard InChI."),
        Column("inchikey", _TEXT, "InChIKey: 14, 10 and 1 capital letters, joined by hyphens."),
        Column("iupac_name", _TEXT, "Computed IUPAC name; null where PubChem computes none.", of_thing=True),
        Column("xlogp", _NUMBER, "Computed octanol-water partition coefficient (XLogP3); null where none."),
        Column("tpsa", _NUMBER, "Topological polar surface area in square angstroms."),
        Column("complexity", _NUMBER, "Bertz complexity of the structure, without unit."),
        Column("charge", _COUNT, "Formal charge in elementary charges."),
        Column("h_bond_donor_count", _COUNT, "Number of hydrogen-bond donors."),
        Column("h_bond_acceptor_count", _COUNT, "Number of hydrogen-bond acceptors."),
        Column("rotatable_bond_count", _COUNT, "Number of rotatable bonds."),
        Column("heavy_atom_count", _COUNT, "Number of atoms other than hydrogen."),
        Column("isotope_atom_count", _COUNT, "Number of atoms of a stated isotope."),
        Column("atom_stereo_count", _COUNT, "Number of stereocentres, defined or not."),
        Column("bond_stereo_count", _COUNT, "Number of stereogenic bonds, defined or not."),
        Column("covalent_unit_count", _COUNT, "Number of covalently bound parts: 2 or more for a salt."),
        Column(
            "has_trials",
            _FLAG,
            "PubChem's classification lists the compound under clinical trials; false for compounds that "
            "only names of interventions resolve to, or that only another compound's trial mentions.",
            required=True,
        ),
        Column("in_clinicaltrials", _FLAG, "Listed under ClinicalTrials.gov.", required=True),
        Column("in_clinicaltrials_eu", _FLAG, "Listed under the EU register.", required=True),
        Column("in_clinicaltrials_jp", _FLAG, "Listed under the Japanese registers.", required=True),
        Column("pubchem_url", _TEXT, "The compound's page.", required=True),
        CONTENT_HASH,
    ),
    serve=True,
    kind=("has_trials",),
)

TRIALS = Table(
    "trials",
    "One row per trial that PubChem links with a compound.",
    ("collection", "trial_id"),
    (
        _COLLECTION,
        _TRIAL_ID,
        Column("title", _TEXT, f"Title of the trial. {_REDACTED}"),
        Column("conditions", _TEXTS, f"Conditions; null where there are none. {_REDACTED}"),
        Column(
            "interventions",
            _TEXT,
            f"One product of the trial, by its name. It says nothing about which compound it is. {_REDACTED}",
        ),
        Column(
            "phase", _TEXT, "Phase as received, e.g. Phase 1/Phase 2; null for N/A or empty.", of_thing=True
        ),
        Column("status", _TEXT, "Status as received, e.g. Recruiting.", of_thing=True),
        Column(
            "updated",
            pa.date32(),
            "Date of the trial's last update in PubChem; the first day where only the month or year is known.",
        ),
        Column("updated_precision", _TEXT, "How exactly updated is known: day, month or year."),
        Column("disease_ids", _TEXTS, "PubChem's ids of the diseases; null where there are none."),
        Column("url", _TEXT, "The trial's page in its registry: https, else null."),
        Column("n_compounds", _COUNT, "Number of compounds linked with the trial, from 1.", required=True),
        CONTENT_HASH,
    ),
    serve=True,
    kind=("collection",),
)

TRIAL_COMPOUNDS = Table(
    "trial_compounds",
    "One row per compound of a trial, as PubChem links them.",
    ("collection", "trial_id", "cid"),
    (
        _COLLECTION,
        _TRIAL_ID,
        _CID,
        Column(
            "confirmed",
            _FLAG,
            "The trial is among those that PubChem gives for the compound itself; false where only the trial's "
            "list of compounds, as given for another one, has it.",
            required=True,
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

WORK_LIST = Table(
    "work_list",
    "What was asked about each compound, and how it ended: the summary of all runs' work lists.",
    ("cid", "collection"),
    (
        _CID,
        Column(
            "collection",
            _TEXT,
            "What was asked for: trials in clinicaltrials, clinicaltrials_eu or clinicaltrials_jp, or the "
            "compound's properties.",
            required=True,
        ),
        Column(
            "state",
            _TEXT,
            "done: answered; none: answered, there is nothing (no trials, unknown compound); failed: not "
            "answered, what was known before is kept, and the next run asks again.",
            required=True,
        ),
        Column(
            "rows", _COUNT, "Rows that came with the last answer: trials, or 1 for properties.", required=True
        ),
        Column(
            "declared", _COUNT, "Rows that PubChem declared in the last answer; equal to rows.", required=True
        ),
        Column(
            "checked_at", _TIME, "End of the data interval of the run with the last answer; null for never."
        ),
        Column("failures", _COUNT, "Runs in a row that ended without an answer.", required=True),
        Column("error", _TEXT, "Why the last run failed; null for done and none."),
        CONTENT_HASH,
    ),
    serve=True,
)

NAMES = Table(
    "names",
    "One row per name of an intervention that PubChem was asked about: the cache of name look-ups.",
    ("name",),
    (
        Column("name", _TEXT, "The name as asked for: lower case, single spaces.", required=True),
        Column(
            "state",
            _TEXT,
            "found, none (PubChem knows no such name), or failed (asked again).",
            required=True,
        ),
        Column(
            "asked_at", _TIME, "End of the data interval of the run with the last answer; null for never."
        ),
        Column("n_candidates", _COUNT, "Number of compounds that the name stands for.", required=True),
        Column("error", _TEXT, "Why the last look-up failed; null for found and none."),
        CONTENT_HASH,
    ),
    serve=True,
)

NAME_CANDIDATES = Table(
    "name_candidates",
    "One row per compound that a name stands for, in PubChem's order.",
    ("name", "position"),
    (
        Column("name", _TEXT, "See names.name.", required=True),
        Column("position", _COUNT, "Place in PubChem's answer, from 1.", required=True),
        _CID,
        CONTENT_HASH,
    ),
    serve=True,
)

TABLES: tuple[Table, ...] = (COMPOUNDS, TRIALS, TRIAL_COMPOUNDS, WORK_LIST, NAMES, NAME_CANDIDATES)
