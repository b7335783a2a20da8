"""A sound set of the tables of clinical, of any size: the same number gives the same tables."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from include.sources.clinical.tables import TABLES
from tests.soda.harness import Tables, table_of

BY_NAME = {table.name: table for table in TABLES}
FIRST_CID = 1_000
COMPOUNDS_PER_STUDY = 2


def world(studies: int = 300, resolved: bool = True) -> Tables:
    """Tables of so many studies with two compounds each; without names that were answered if not `resolved`.

    By name: the first compound of every second study; of every fourth, PubChem does not link it.
    """
    rows, interventions = [], []
    compounds = max(2, studies // 5)
    for number in range(studies):
        cids = [FIRST_CID + (number + step) % compounds for step in range(COMPOUNDS_PER_STUDY)]
        named = resolved and number % 2 == 0
        link = "name" if number % 4 == 0 else "both"
        rows += [study(number, cid, link if named and cid == cids[0] else "pubchem") for cid in cids]
        interventions.append(intervention(number, cids[0] if named else None, resolved))
    return {
        "clinical_compound_trials": table_of(BY_NAME["clinical_compound_trials"], rows),
        "intervention_compounds": table_of(BY_NAME["intervention_compounds"], interventions),
    }


def nct_id(number: int) -> str:
    """The id of a study."""
    return f"NCT{number:08d}"


def study(number: int, cid: int, link: str) -> dict[str, Any]:
    """One compound of a study; every fifth study has no phase, every third names targets."""
    day = timedelta(days=number % 2_000)
    by_name = link != "pubchem"
    return {
        "cid": cid,
        "nct_id": nct_id(number),
        "compound_name": f"Compound {cid}",
        "title": f"Study {number}",
        "phase": ("PHASE1/PHASE2" if number % 2 else "NA") if number % 5 else None,
        "overall_status": "COMPLETED",
        "conditions": ["Asthma", f"Condition {number % 50}"],
        "interventions": [f"Drug {number % 90}", "Placebo"],
        "targets": ["EGFR"] if number % 3 == 0 else None,
        "start_date": date(2015, 1, 1) + day,
        "completion_date": date(2017, 1, 1) + day,
        "last_update_date": date(2018, 1, 1) + day,
        "ctgov_url": f"https://clinicaltrials.gov/study/{nct_id(number)}",
        "pubchem_url": f"https://pubchem.ncbi.nlm.nih.gov/compound/{cid}",
        "source_url": f"https://clinicaltrials.gov/study/{nct_id(number)}",
        "link": link,
        "link_rules": ["single"] if by_name else None,
        "link_names": [f"drug {number}"] if by_name else None,
    }


def intervention(number: int, cid: int | None, answered: bool) -> dict[str, Any]:
    """The product of a study: resolved to a compound, unknown to PubChem, or not asked yet."""
    return {
        "nct_id": nct_id(number),
        "ordinal": 1,
        "part": 0,
        "name": f"drug {number}",
        "cid": cid,
        "rule": "single" if cid is not None else "none" if answered else "not_asked",
        "matched_name": f"drug {number}" if cid is not None else None,
        "candidates": [cid] if cid is not None else None,
    }
