"""The tables of compounds in clinical studies. docs/data_contract.md is generated from this file.

Everything about a study is ClinicalTrials.gov's (see ctgov.studies), everything about a compound is PubChem's.
"""

from __future__ import annotations

import pyarrow as pa

from include.storage.tables import CONTENT_HASH, Column, Table

SCHEMA_VERSION = 1

MIGRATIONS: dict[int, str] = {}
"""For each schema version that broke readers of the one before: what they must change."""

_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())
_COUNT = pa.int32()
_DATE = pa.date32()

_NCT_ID = Column("nct_id", _TEXT, "The study: NCT and eight digits. See ctgov.studies.", required=True)

CLINICAL_COMPOUND_TRIALS = Table(
    "clinical_compound_trials",
    "One row per compound and study in which it is tried.",
    ("cid", "nct_id"),
    (
        Column("cid", pa.int64(), "PubChem's number of the compound. See pubchem.compounds.", required=True),
        _NCT_ID,
        Column(
            "compound_name",
            _TEXT,
            "Name that PubChem shows for the compound, else its IUPAC name.",
            of_thing=True,
        ),
        Column("title", _TEXT, "Short title of the study, else the title of its protocol."),
        Column("phase", _TEXT, "Phases joined by a slash, e.g. PHASE1/PHASE2; NA; null where there is none."),
        Column("overall_status", _TEXT, "Recruitment status. See ctgov.studies."),
        Column("conditions", _TEXTS, "Conditions of the study, each once."),
        Column("interventions", _TEXTS, "Names of the study's interventions as received, each once."),
        Column(
            "targets",
            _TEXTS,
            "Molecular targets (gene or protein symbols, e.g. EGFR) that the study's interventions, title or "
            "keywords name; null where they name none. What they say is absent or unaltered (HER2-negative, KRAS "
            "wild type) is none; HER2-low is HER2.",
        ),
        Column("start_date", _DATE, "First participant enrolled; the first day of a month known only."),
        Column("completion_date", _DATE, "Last participant's last visit; likewise."),
        Column("last_update_date", _DATE, "Last public posting of a change of the study."),
        Column("ctgov_url", _TEXT, "The study's page.", required=True),
        Column("pubchem_url", _TEXT, "The compound's page.", required=True),
        Column(
            "source_url",
            _TEXT,
            "Alias of ctgov_url, kept for readers of the table before 2026; always equal to it.",
            required=True,
        ),
        Column(
            "link",
            _TEXT,
            "How compound and study were linked: pubchem (PubChem links them), name (the name of an "
            "intervention resolves to the compound), both.",
            required=True,
        ),
        Column(
            "link_rules",
            _TEXTS,
            "Rules by which names were resolved to this compound (see intervention_compounds.rule), each "
            "once; null for link = pubchem.",
        ),
        Column("link_names", _TEXTS, "The names that resolved to it, each once; null for link = pubchem."),
        CONTENT_HASH,
    ),
    serve=True,
)

INTERVENTION_COMPOUNDS = Table(
    "intervention_compounds",
    "One row per drug, biological or combination product of a study that is no placebo or control: which "
    "compound its name stands for, or why none was chosen.",
    ("nct_id", "ordinal", "part"),
    (
        _NCT_ID,
        Column("ordinal", _COUNT, "Position of the intervention. See ctgov.interventions.", required=True),
        Column("part", _COUNT, "Part of a split combination. See ctgov.interventions.", required=True),
        Column("name", _TEXT, "The cleaned name (ctgov.interventions.clean_name).", required=True),
        Column("cid", pa.int64(), "The compound; null where none was chosen."),
        Column(
            "rule",
            _TEXT,
            "The rule that chose: single, trial, structure, other_name; or why none was chosen: none, "
            "ambiguous, refused, not_asked, failed. docs/name_resolution.md explains them.",
            required=True,
        ),
        Column("matched_name", _TEXT, "The name that was looked up for it (pubchem.names); null where none."),
        Column(
            "candidates",
            pa.list_(pa.int64()),
            "All compounds that the name or its synonyms may stand for, in PubChem's order; null for none.",
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

TABLES: tuple[Table, ...] = (CLINICAL_COMPOUND_TRIALS, INTERVENTION_COMPOUNDS)
