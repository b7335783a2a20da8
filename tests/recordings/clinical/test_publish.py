"""Recorded studies, recorded rows of PubChem and a server of names become the clinical table, value by value.

What is expected is made of the recordings here once more. The recorded rows are of trials that are not among the
recorded studies, so rows in their shape are served for some of these besides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pytest_httpserver import HTTPServer

from include import pipeline
from include.publishing.manifest import Manifest
from include.registry.registry import Registry
from include.storage.store import Store
from include.upstream.answers import Transient
from tests.recordings.ctgov.test_publish import recorded, serve
from tests.recordings.pubchem import replay
from tests.recordings.pubchem.replay import ASPIRIN, PRALSETINIB, PubChem, Row
from tests.sources.daily import DailyRuns

NAMES = {
    "osimertinib": [71496458],
    "gefitinib": [123631],
    "docetaxel": [148124],
    "carboplatin": [426756],
    "pemetrexed": [135410875],
    "lenvatinib": [9823820],
    "thalidomide": [5426],
    "gadobutrol": [15814656],
    "dapagliflozin": [9887712],
    "gemcitabine": [60750, ASPIRIN],
}
"""What PubChem answers; no other name is known. Gemcitabine stands for two compounds of different structure."""
AMBIGUOUS = "gemcitabine"
TYPES = {"DRUG", "BIOLOGICAL", "COMBINATION_PRODUCT"}
ALIAS, CANONICAL = "NCT01734031", "NCT01788527"
Study = dict[str, Any]


def eligible(study: Study) -> list[dict[str, Any]]:
    """The drugs of a study."""
    given = study["protocolSection"].get("armsInterventionsModule", {}).get("interventions", [])
    return [one for one in given if one["type"] in TYPES]


def called(study: Study, name: str) -> bool:
    """Whether a drug of the study has exactly this name."""
    return any(one["name"].casefold() == name for one in eligible(study))


def mentions(study: Study, name: str) -> bool:
    """Whether a drug's name, or another name of it, holds this name."""
    return any(
        name in text.casefold()
        for one in eligible(study)
        for text in (one["name"], *one.get("otherNames", []))
    )


def linked_rows(studies: dict[str, Study]) -> list[Row]:
    """Rows in both recorded shapes for recorded studies: some whose names say the same, some that say nothing."""
    by_name = [nct for name in ("docetaxel", "osimertinib") for nct in studies if called(studies[nct], name)]
    silent = [nct for nct in studies if not any(mentions(studies[nct], name) for name in NAMES)][:5]
    gemcitabine = [nct for nct in studies if called(studies[nct], AMBIGUOUS)][:1]
    assert len(by_name) >= 8 and len(silent) == 5 and gemcitabine
    cids = {
        **{nct: [148124, 71496458] for nct in by_name[::2]},
        **{nct: [ASPIRIN, 51] for nct in silent},
        gemcitabine[0]: [60750],
        ALIAS: [38],
        CANONICAL: [38, 6],
    }
    return [
        {
            "ctid": nct,
            "cids": found if number % 2 else "|".join(map(str, found)),
            "updatedate": "2025-06-22" if number % 2 else "20250622",
            "link": f"https://clinicaltrials.gov/ct2/show/{nct}",
            "title": "What PubChem has for a title",
            "conditions": "Cough",
            "interventions": "Placebo",
            "phase": "Phase 4",
            "status": "Recruiting",
        }
        for number, (nct, found) in enumerate(sorted(cids.items()))
    ]


@dataclass(frozen=True)
class Published:
    """All three sources, published in turn."""

    studies: dict[str, Study]
    rows: list[Row]
    clinical: DailyRuns
    pubchem: DailyRuns
    manifest: Manifest
    versions: dict[str, str]

    @property
    def table(self) -> dict[tuple[int, str], dict[str, Any]]:
        """The clinical table by its key."""
        found = self.clinical.rows(self.manifest, "clinical_compound_trials")
        return {(row["cid"], row["nct_id"]): row for row in found}


@pytest.fixture(scope="module")
def upstream(recordings: Path) -> Iterator[PubChem]:
    """PubChem with the recorded rows, those of recorded studies, and names."""
    server = replay.recorded_pubchem(recordings, many=0)
    rows = linked_rows(recorded(recordings))
    server.trials["clinicaltrials"] += rows
    server.names = dict(NAMES)
    linked = {cid for row in rows for cid in replay.cids_of(row)}
    for node in (replay.ALL, replay.CTGOV):
        server.listed[node] = sorted({*server.listed[node], *linked})
    for cid in linked | {cid for cids in NAMES.values() for cid in cids}:
        server.properties.setdefault(cid, replay.made_properties(recordings, cid))
    with server:
        yield server


@pytest.fixture(scope="module")
def published(
    recordings: Path,
    upstream: PubChem,
    postgres: str,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Published]:
    """ctgov, pubchem and clinical in turn, in a registry of this module."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE clinical_recordings TEMPLATE {template_database}")
    dsn = make_conninfo(postgres, dbname="clinical_recordings")
    registry = Registry(lambda: psycopg.connect(dsn))
    store = Store.from_uri((tmp_path_factory.mktemp("clinical") / "store").as_uri())
    studies = recorded(recordings)
    with HTTPServer(host="127.0.0.1", port=0) as server:
        serve(server, list(studies.values()))
        base = SimpleNamespace(url=server.url_for("").rstrip("/"))
        ctgov = DailyRuns("ctgov", store, registry, base).publish(0)
    pubchem = DailyRuns("pubchem", store, registry, upstream)
    trials = pubchem.publish(1)
    clinical = DailyRuns("clinical", store, registry)
    manifest = clinical.publish(2)
    versions = {"ctgov": ctgov.version, "pubchem": trials.version}
    yield Published(studies, upstream.trials["clinicaltrials"], clinical, pubchem, manifest, versions)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP DATABASE clinical_recordings WITH (FORCE)")


# --- What the recordings say ------------------------------------------------------------------------


def links_of_pubchem(published: Published) -> set[tuple[int, str]]:
    """Compounds and recorded studies that rows link, an old id of a study being the study."""
    return {
        (cid, nct)
        for row in published.rows
        for cid in replay.cids_of(row)
        if (nct := CANONICAL if row["ctid"] == ALIAS else row["ctid"]) in published.studies
    }


def day(module: dict[str, Any], name: str) -> date | None:
    """A date that may be of a month only."""
    text = module.get(name, {}).get("date")
    return date.fromisoformat(f"{text}-01" if len(text) == 7 else text) if text else None


def expected_of(study: Study) -> dict[str, Any]:
    """The columns of the clinical table that are the study's."""
    protocol = study["protocolSection"]
    status = protocol["statusModule"]
    phases = protocol.get("designModule", {}).get("phases")
    given = protocol.get("armsInterventionsModule", {}).get("interventions", [])
    url = f"https://clinicaltrials.gov/study/{protocol['identificationModule']['nctId']}"
    return {
        "title": protocol["identificationModule"]["briefTitle"],
        "phase": "/".join(phases) if phases else None,
        "overall_status": status["overallStatus"],
        "conditions": list(dict.fromkeys(protocol.get("conditionsModule", {}).get("conditions", []))) or None,
        "interventions": list(dict.fromkeys(one["name"] for one in given)) or None,
        "start_date": day(status, "startDateStruct"),
        "completion_date": day(status, "completionDateStruct"),
        "last_update_date": day(status, "lastUpdatePostDateStruct"),
        "ctgov_url": url,
        "source_url": url,
    }


# --- The table --------------------------------------------------------------------------------------


def test_everything_about_a_study_is_what_was_recorded(published: Published) -> None:
    assert len(published.table) > 40
    for (cid, nct_id), row in published.table.items():
        expected = expected_of(published.studies[nct_id])
        assert {name: row[name] for name in expected} == expected
        assert row["pubchem_url"] == f"https://pubchem.ncbi.nlm.nih.gov/compound/{cid}"
        named = "2-acetyloxybenzoic acid" if cid == ASPIRIN else f"Compound {cid}"
        assert row["compound_name"] == named, "the title, else the IUPAC name"


def test_every_link_of_pubchem_is_a_row_and_only_links_and_names_are(published: Published) -> None:
    linked = links_of_pubchem(published)
    assert len(linked) > 15
    by_name = {
        (cids[0], nct_id)
        for name, cids in NAMES.items()
        if name != AMBIGUOUS
        for nct_id, study in published.studies.items()
        if called(study, name)
    }
    assert len(by_name) > 15
    table = published.table
    assert linked | by_name <= table.keys()
    for cid, nct_id in table.keys() - linked - by_name:
        (name,) = (name for name, cids in NAMES.items() if cid in cids)
        assert mentions(published.studies[nct_id], name), "a name that was cleaned, or another name"
    for key, row in table.items():
        resolved = row["link_names"] is not None
        assert row["link"] == ("both" if resolved else "pubchem") if key in linked else row["link"] == "name"
        assert (row["link_rules"] is None) == (not resolved)
        if resolved:
            study = published.studies[key[1]]
            assert any(key[0] in cids and mentions(study, name) for name, cids in NAMES.items())
            assert all(mentions(study, name.casefold()) for name in row["link_names"])
    assert {key for key in linked & by_name if table[key]["link"] != "both"} == set()
    assert {row["link"] for row in table.values()} == {"pubchem", "name", "both"}


def test_an_ambiguous_name_is_mapped_only_where_pubchem_links_one_of_its_compounds(
    published: Published,
) -> None:
    linked = links_of_pubchem(published)
    with_name = [nct for nct, study in published.studies.items() if called(study, AMBIGUOUS)]
    assert len(with_name) >= 2
    rows = {
        (row["nct_id"], row["ordinal"]): row
        for row in published.clinical.rows(published.manifest, "intervention_compounds")
        if row["name"].casefold() == AMBIGUOUS
    }
    assert {nct for nct, _ in rows} >= set(with_name)
    for (nct, _), row in rows.items():
        assert row["candidates"] == NAMES[AMBIGUOUS]
        is_linked = (60750, nct) in linked
        assert (row["cid"], row["rule"]) == ((60750, "trial") if is_linked else (None, "ambiguous"))


def test_a_row_under_an_old_id_of_a_study_is_the_study(published: Published) -> None:
    assert (38, CANONICAL) in published.table
    assert not [key for key in published.table if key[1] == ALIAS]


def test_links_to_studies_that_are_not_there_are_counted_and_left_out(
    recordings: Path, published: Published
) -> None:
    recorded_rows = [*replay.json_rows(recordings), *replay.pipe_rows(recordings)]
    strange = {(cid, row["ctid"]) for row in recorded_rows for cid in replay.cids_of(row)}
    counts = published.manifest.counts
    assert counts["links_to_other_studies"] == len(strange)
    assert counts["pubchem_links"] == len(strange) + len(links_of_pubchem(published))
    assert not [key for key in published.table if key[0] == PRALSETINIB]


def test_the_manifest_names_the_versions_it_was_built_from(published: Published) -> None:
    assert published.manifest.built_from == published.versions
    again = pipeline.probe(published.clinical.run(2.5), None)
    assert not again.new


def test_readers_of_sql_see_the_same_rows(published: Published) -> None:
    with published.clinical.registry.transaction() as cursor:
        cursor.execute("SELECT cid, nct_id, title, link FROM published.clinical_clinical_compound_trials")
        found = {(row["cid"], row["nct_id"]): (row["title"], row["link"]) for row in cursor.fetchall()}
    assert found == {key: (row["title"], row["link"]) for key, row in published.table.items()}


def test_a_pubchem_that_knows_none_of_the_names_that_it_knew_is_out(
    published: Published, upstream: PubChem
) -> None:
    """The recorded answers to names are that there is none; it takes some that are there to believe them."""
    upstream.names = {}
    run = published.pubchem.run(200)
    try:
        with pytest.raises(Transient, match="of what is known to be there"):
            pipeline.extract(run, published.pubchem.session())
    finally:
        upstream.names = dict(NAMES)


def test_a_link_that_pubchem_withdraws_is_gone_with_the_next_versions(
    published: Published, upstream: PubChem
) -> None:
    nct_id = next(nct for cid, nct in sorted(links_of_pubchem(published)) if cid == 51)
    assert published.table[51, nct_id]["link"] == "pubchem"
    before = published.table
    upstream.trials["clinicaltrials"] = [row for row in published.rows if row["ctid"] != nct_id]
    published.pubchem.publish(3, full_refresh=True)
    assert pipeline.probe(published.clinical.run(4), None).new
    manifest = published.clinical.publish(4)
    rows = published.clinical.rows(manifest, "clinical_compound_trials")
    after = {(row["cid"], row["nct_id"]): row for row in rows}
    assert after == {key: row for key, row in before.items() if key not in {(51, nct_id), (ASPIRIN, nct_id)}}
