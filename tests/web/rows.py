"""Made-up rows of the clinical table, and sealed versions of them, to test and measure the table page with."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pyarrow as pa

from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.sources.clinical.tables import CLINICAL_COMPOUND_TRIALS, INTERVENTION_COMPOUNDS, SCHEMA_VERSION
from include.storage.store import Store
from include.version import version_id

AS_OF = datetime(2026, 3, 1, 6, tzinfo=UTC)
BUILT_FROM = {"ctgov": "20260301T040000Z-c7900000", "pubchem": "20260301T050000Z-9bc00000"}

_PHASES = (
    "PHASE2",
    "PHASE1",
    "PHASE3",
    "PHASE4",
    "NA",
    "PHASE1/PHASE2",
    "PHASE2/PHASE3",
    "EARLY_PHASE1",
    None,
)
_STATUSES = (
    "COMPLETED",
    "COMPLETED",
    "COMPLETED",
    "UNKNOWN",
    "RECRUITING",
    "TERMINATED",
    "NOT_YET_RECRUITING",
    "ACTIVE_NOT_RECRUITING",
    "WITHDRAWN",
)
_DISEASES = (
    "Acute Myeloid Leukemia",
    "Asthma",
    "Breast Cancer",
    "COVID-19",
    "Chronic Kidney Disease",
    "Hypertension",
    "Major Depressive Disorder",
    "Ménière Disease",
    "Non-small Cell Lung Cancer",
    "Sjögren Syndrome",
    "Type 2 Diabetes",
)
_TARGETS = ("EGFR", "HER2", "PD-1", "VEGF", "JAK2", "TNF", "IL-6", "BRAF", "mTOR", "CD20", "β2-AR", "SGLT2")
_VERBS = (
    "Efficacy and Safety of",
    "Study of",
    "Pharmacokinetics of",
    "Long-term Extension of",
    "Trial Comparing",
)
_SYLLABLES = (
    "ab",
    "ra",
    "ci",
    "ta",
    "do",
    "lo",
    "me",
    "ni",
    "xi",
    "pra",
    "zu",
    "tin",
    "mab",
    "vir",
    "zole",
    "pril",
)


def row(cid: int, number: int, **values: Any) -> dict[str, Any]:
    """One row: a compound, the number of its study, and what is not as usual."""
    nct_id = f"NCT{number:08}"
    usual: dict[str, Any] = {
        "cid": cid,
        "nct_id": nct_id,
        "compound_name": f"Compound {cid}",
        "title": f"Study {number} of compound {cid}",
        "phase": "PHASE2",
        "overall_status": "COMPLETED",
        "conditions": ["Pain"],
        "interventions": [f"Compound {cid} 10 mg"],
        "targets": None,
        "start_date": date(2020, 1, 1),
        "completion_date": date(2021, 1, 1),
        "last_update_date": date(2022, 1, 1),
        "ctgov_url": f"https://clinicaltrials.gov/study/{nct_id}",
        "pubchem_url": f"https://pubchem.ncbi.nlm.nih.gov/compound/{cid}",
        "source_url": f"https://clinicaltrials.gov/study/{nct_id}",
        "link": "pubchem",
        "link_rules": None,
        "link_names": None,
    }
    made = usual | values
    return made | {"content_hash": hashlib.md5(repr(made).encode()).hexdigest()}


def generated(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """So many rows in order of their key, about nine to a compound and 1.6 to a study, as in the real table."""
    chance = random.Random(seed)
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(4_000)]
    studies = [_study(chance, words) for _ in range(max(count * 6 // 10, 20))]
    cid, made = 1, 0
    while made < count:
        cid += chance.randint(1, 4_000)
        name = chance.choice(words).title()
        for number in sorted(chance.sample(range(len(studies)), min(chance.randint(1, 17), count - made))):
            link = chance.choice(("pubchem", "pubchem", "name", "both"))
            named = None if link == "pubchem" else [name]
            study = studies[number] | {
                "title": f"{studies[number]['title']} {name}",
                "interventions": [name, *studies[number]["interventions"]],
                "compound_name": name,
                "link": link,
                "link_rules": named and ["single"],
                "link_names": named,
            }
            yield row(cid, 1_000_000 + number * 83, **study)
            made += 1


def _study(chance: random.Random, words: list[str]) -> dict[str, Any]:
    start = date(2000, 1, 1) + timedelta(days=chance.randrange(9_500))
    conditions = chance.sample(_DISEASES, chance.choice((1, 1, 1, 2, 2, 3, 5)))
    others = chance.choices(words, k=chance.choice((0, 0, 1, 1, 2, 4)))
    return {
        "title": f"{' '.join(chance.choices(words, k=5)).capitalize()}: {chance.choice(_VERBS)} {conditions[0]}",
        "phase": chance.choice(_PHASES),
        "overall_status": chance.choice(_STATUSES),
        "conditions": conditions,
        "interventions": [f"{word} {chance.choice((5, 10, 50, 200))} mg" for word in others],
        "targets": chance.choice((None, None, None, [chance.choice(_TARGETS)])),
        "start_date": start if chance.random() > 0.01 else None,
        "completion_date": start + timedelta(days=chance.randrange(90, 3_000))
        if chance.random() > 0.03
        else None,
        "last_update_date": min(start + timedelta(days=chance.randrange(30, 9_000)), AS_OF.date()),
    }


def seal(
    store: Store,
    rows: Iterable[Mapping[str, Any]],
    *,
    as_of: datetime = AS_OF,
    run: str = "run",
    previous: Manifest | None = None,
) -> Manifest:
    """A sealed candidate of the clinical source that holds the rows, which are in order of the key."""
    version = version_id(as_of, run)
    tables = (CLINICAL_COMPOUND_TRIALS, INTERVENTION_COMPOUNDS)
    with Candidate(store, "clinical", version, tables, SCHEMA_VERSION, previous) as candidate:
        written = candidate.write(CLINICAL_COMPOUND_TRIALS.name, _batches(rows))
        candidate.write(INTERVENTION_COMPOUNDS.name, [])
        return candidate.seal(
            run_id=run,
            as_of=as_of,
            created_at=as_of,
            code_version="test",
            cursors={},
            counts={"received": sum(file.rows for file in written)},
            upstream={},
            built_from=BUILT_FROM,
        )


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[pa.RecordBatch]:
    remaining = iter(rows)
    while some := list(islice(remaining, 8_192)):
        yield pa.RecordBatch.from_pylist(some, CLINICAL_COMPOUND_TRIALS.schema)
