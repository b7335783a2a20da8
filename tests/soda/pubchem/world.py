"""A sound set of the tables of pubchem, of any size: the same numbers give the same tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from include.sources.pubchem.tables import TABLES
from tests.soda.harness import Tables, table_of

BY_NAME = {table.name: table for table in TABLES}
COLLECTIONS = {"clinicaltrials": 1, "clinicaltrials_eu": 4, "clinicaltrials_jp": 10}
"""Every so many compounds are listed under the registry."""
ASKED = datetime(2026, 10, 31, tzinfo=UTC)
FIRST_CID = 1_000
FIRST_RESOLVED_CID = 900_000
TRIALS_PER_COMPOUND = 3


def world(compounds: int = 300, names: int = 240) -> Tables:
    """Tables of so many compounds with trials; half of so many names stand for one or two compounds."""
    listed = {
        collection: [FIRST_CID + number for number in range(0, compounds, every)]
        for collection, every in COLLECTIONS.items()
    }
    trials, links = _trials(listed)
    asked, candidates = _names(names, compounds)
    cids = [*range(FIRST_CID, FIRST_CID + compounds)]
    cids += sorted({row["cid"] for row in candidates if row["cid"] >= FIRST_RESOLVED_CID})
    rows = {
        "compounds": [compound(cid, listed) for cid in cids],
        "trials": trials,
        "trial_compounds": links,
        "work_list": _work_list(cids, listed, links),
        "names": asked,
        "name_candidates": candidates,
    }
    return {name: table_of(BY_NAME[name], part) for name, part in rows.items()}


def compound(cid: int, listed: dict[str, list[int]]) -> dict[str, Any]:
    """One compound; every fifth has no XLogP, every tenth no IUPAC name."""
    letters = "".join(chr(ord("A") + int(digit)) for digit in f"{cid:014d}")
    return {
        "cid": cid,
        "title": f"Compound {cid}",
        "molecular_formula": f"C{cid % 40 + 1}H{cid % 50 + 4}NO2",
        "molecular_weight": 100.0 + cid % 400,
        "exact_mass": 99.9 + cid % 400,
        "monoisotopic_mass": 99.9 + cid % 400,
        "smiles": "C" * (cid % 40 + 1),
        "connectivity_smiles": "C" * (cid % 40 + 1),
        "inchi": f"InChI=1S/C{cid % 40 + 1}H{cid % 50 + 4}NO2/c{cid}",
        "inchikey": f"{letters}-UHFFFAOYSA-N",
        "iupac_name": f"{cid}-methane" if cid % 10 else None,
        "xlogp": cid % 60 / 10 - 1 if cid % 5 else None,
        "tpsa": 20.0,
        "complexity": 100.0,
        "charge": cid % 3 - 1,
        "h_bond_donor_count": cid % 5,
        "h_bond_acceptor_count": 2,
        "rotatable_bond_count": 3,
        "heavy_atom_count": 20,
        "isotope_atom_count": 0,
        "atom_stereo_count": 1,
        "bond_stereo_count": 0,
        "covalent_unit_count": 1,
        "has_trials": cid < FIRST_RESOLVED_CID,
        **{f"in_{collection}": cid in cids for collection, cids in listed.items()},
        "pubchem_url": f"https://pubchem.ncbi.nlm.nih.gov/compound/{cid}",
    }


def _trials(listed: dict[str, list[int]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Trials in each registry, and their links: every trial has one compound or two."""
    trials, links = [], []
    for collection, cids in listed.items():
        for number in range(len(cids) * TRIALS_PER_COMPOUND):
            mine = {cids[number % len(cids)], cids[(number * 7 + 1) % len(cids)]}
            row = trial(collection, number) | {"n_compounds": len(mine)}
            trials.append(row)
            links += [
                {"collection": collection, "trial_id": row["trial_id"], "cid": cid, "confirmed": True}
                for cid in sorted(mine)
            ]
    return trials, links


def trial(collection: str, number: int) -> dict[str, Any]:
    """One trial of a registry; every fourth has no phase, four of five have no disease."""
    forms = {
        "clinicaltrials": f"NCT{number:08d}",
        "clinicaltrials_eu": f"2010-{number:06d}-11",
        "clinicaltrials_jp": f"JPRN-jRCT{number:07d}",
    }
    return {
        "collection": collection,
        "trial_id": forms[collection],
        "title": f"Trial {number} of {collection}",
        "conditions": ["Asthma", f"Condition {number % 50}"],
        "interventions": f"Drug {number % 90}",
        "phase": f"Phase {number % 4}" if number % 4 else None,
        "status": "Completed",
        "updated": date(2020, 1, 1) + timedelta(days=number % 2_000),
        "updated_precision": "day",
        "disease_ids": ["9765"] if number % 5 == 0 else None,
        "url": f"https://registry.example/{forms[collection]}",
        "n_compounds": 1,
    }


def _work_list(
    cids: list[int], listed: dict[str, list[int]], links: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    came = {collection: dict.fromkeys(listed[collection], 0) for collection in listed}
    for link in links:
        came[link["collection"]][link["cid"]] += 1
    units = [unit(cid, "properties", 1) for cid in cids]
    return units + [
        unit(cid, collection, rows) for collection in came for cid, rows in came[collection].items()
    ]


def unit(cid: int, collection: str, rows: int) -> dict[str, Any]:
    """What was asked about a compound, and answered with so many rows."""
    return {
        "cid": cid,
        "collection": collection,
        "state": "done" if rows else "none",
        "rows": rows,
        "declared": rows,
        "checked_at": ASKED,
        "failures": 0,
    }


def _names(names: int, compounds: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Names that PubChem was asked about: every second stands for a compound, every sixth for a second one."""
    asked, candidates = [], []
    for number in range(names):
        name = f"drug {number}"
        cids = [FIRST_CID + number % compounds] if number % 2 == 0 else []
        cids += [FIRST_RESOLVED_CID + number] if number % 6 == 0 else []
        asked.append(
            {
                "name": name,
                "state": "found" if cids else "none",
                "asked_at": ASKED,
                "n_candidates": len(cids),
            }
        )
        candidates += [
            {"name": name, "position": place, "cid": cid} for place, cid in enumerate(cids, start=1)
        ]
    return asked, candidates
