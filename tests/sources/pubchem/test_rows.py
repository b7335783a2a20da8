"""Rows of PubChem in every shape they come in."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.pubchem import rows
from include.sources.pubchem.tables import COMPOUNDS, TRIALS

TODAY = date(2026, 11, 20)
ROW = {
    "ctid": "NCT00000001",
    "cids": [6, 38],
    "link": "https://clinicaltrials.gov/ct2/show/NCT00000001",
    "title": " A title\u0000 ",
    "conditions": "Asthma|Cough||",
    "interventions": "Product",
    "phase": "Phase 1/Phase 2",
    "status": "Recruiting",
    "updatedate": "2005-06-24",
    "diseaseids": "1|22",
}


def trial(collection: str = "clinicaltrials", **changes: Any) -> dict[str, Any]:
    return rows.trial(json.dumps({**ROW, **changes}).encode(), collection, TODAY)


def test_a_row_becomes_a_trial_with_its_compounds() -> None:
    assert trial() == {
        "collection": "clinicaltrials",
        "trial_id": "NCT00000001",
        "title": "A title",
        "conditions": ["Asthma", "Cough"],
        "interventions": "Product",
        "phase": "Phase 1/Phase 2",
        "status": "Recruiting",
        "updated": date(2005, 6, 24),
        "updated_precision": "day",
        "disease_ids": ["1", "22"],
        "url": "https://clinicaltrials.gov/study/NCT00000001",
        "cids": [6, 38],
    }
    assert set(trial()) == set(TRIALS.names) - {"n_compounds", "content_hash"} | {"cids"}


@pytest.mark.parametrize("cids", [[6, 38], ["6", "38"], "6|38", "6|38|", [6, 38, 6]])
def test_compounds_come_as_an_array_or_as_a_pipe_string(cids: Any) -> None:
    assert trial(cids=cids)["cids"] == [6, 38]
    assert rows.cids_of(json.dumps({"cids": cids}).encode()) == (6, 38)


@pytest.mark.parametrize("given", ["2024-12-05", "20241205", 20241205, "2024-12-05T10:00:00"])
def test_dates_come_in_both_forms(given: Any) -> None:
    assert trial(updatedate=given)["updated"] == date(2024, 12, 5)
    assert trial(updatedate=None, date=given)["updated"] == date(2024, 12, 5)


@pytest.mark.parametrize(
    ("given", "updated", "precision"),
    [
        ("2024-12", date(2024, 12, 1), "month"),
        ("202412", date(2024, 12, 1), "month"),
        (202412, date(2024, 12, 1), "month"),
        ("2024", date(2024, 1, 1), "year"),
        (2024, date(2024, 1, 1), "year"),
        ("20241205", date(2024, 12, 5), "day"),
        (None, None, None),
        ("0", None, None),
    ],
)
def test_a_date_keeps_its_precision(given: Any, updated: date | None, precision: str | None) -> None:
    found = trial(updatedate=given)
    assert (found["updated"], found["updated_precision"]) == (updated, precision)


@pytest.mark.parametrize("cids", ["0|6", [0, 6], ["0", "6"], "6|0", [6, 0, 0]])
def test_a_substance_without_a_compound_does_not_fail_the_others(cids: Any) -> None:
    assert trial(cids=cids)["cids"] == [6]
    assert rows.cids_of(json.dumps({"cids": cids}).encode()) == (6,)


@pytest.mark.parametrize("phase", ["N/A", "", None, "Not Applicable"])
def test_no_phase_is_null(phase: Any) -> None:
    assert trial(phase=phase)["phase"] is None


@pytest.mark.parametrize("given", ["", " ", "|", " | ", [], [""], ["\u0000", " "]])
def test_a_text_or_list_of_nothing_is_null(given: Any) -> None:
    found = trial(interventions=given, conditions=given, diseaseids=given)
    assert (found["interventions"], found["conditions"], found["disease_ids"]) == (None, None, None)


def test_a_eu_trial_is_known_by_its_eudract_number_and_keeps_its_link() -> None:
    link = "https://www.clinicaltrialsregister.eu/ctr-search/search?query=2004-000446-20"
    found = trial("clinicaltrials_eu", eudractnumber="2004-000446-20", link=link)
    assert (found["trial_id"], found["url"]) == ("2004-000446-20", link)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://plain.example", "https://a b", "", None])
def test_a_link_that_is_not_https_is_left_out(link: Any) -> None:
    assert trial("clinicaltrials_jp", ctid="jRCT1", link=link)["url"] is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ctid": None}, "no id"),
        ({"ctid": "NCT1"}, "bad id"),
        ({"cids": "6|x"}, "bad cids"),
        ({"cids": [-6]}, "bad cids"),
        ({"updatedate": "yesterday"}, "bad date"),
        ({"updatedate": "20261340"}, "bad date"),
        ({"updatedate": "2026-13"}, "bad date"),
        ({"updatedate": "2024-1"}, "bad date"),
        ({"updatedate": "20241"}, "bad date"),
        ({"updatedate": "29990101"}, "bad date"),
        ({"title": 5}, "wrong type"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(rows.Refused) as refused:
        trial(**changes)
    assert refused.value.reason == reason


@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=20))
def test_both_shapes_of_a_list_of_compounds_mean_the_same(cids: list[int]) -> None:
    array = rows.cids_of(json.dumps({"cids": cids}).encode())
    text = rows.cids_of(json.dumps({"cids": "|".join(map(str, cids))}).encode())
    assert array == text == tuple(dict.fromkeys(cids))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_read_or_refused(value: Any) -> None:
    for body in (value, {**ROW, "cids": value}, {**ROW, "title": value}, {**ROW, "updatedate": value}):
        raw = json.dumps(body).encode()
        rows.cids_of(raw)
        for read in (lambda raw: rows.trial(raw, "clinicaltrials", TODAY), rows.compound):
            with contextlib.suppress(rows.Refused):
                read(raw)


PROPERTIES = {
    "CID": 2244,
    "MolecularWeight": "180.16",
    "SMILES": "CC(=O)O",
    "ConnectivitySMILES": "CC(=O)O",
    "InChIKey": "ABCDEFGHIJKLMN-OPQRSTUVWX-N",
    "XLogP": 1.2,
    "HBondDonorCount": 1,
    "Title": "Aspirin",
}


def compound(**changes: Any) -> dict[str, Any]:
    return rows.compound(json.dumps({**PROPERTIES, **changes}).encode())


def test_numbers_that_come_as_text_are_numbers_and_what_is_absent_is_null() -> None:
    found = compound()
    assert (found["molecular_weight"], found["xlogp"], found["iupac_name"]) == (180.16, 1.2, None)
    assert found["h_bond_donor_count"] == 1
    assert set(found) <= set(COMPOUNDS.names)


def test_smiles_are_read_under_their_names_of_before_2025_too() -> None:
    old = {"SMILES": None, "ConnectivitySMILES": None, "IsomericSMILES": "iso", "CanonicalSMILES": "can"}
    found = compound(**old)
    assert (found["smiles"], found["connectivity_smiles"]) == ("iso", "can")


@pytest.mark.parametrize("value", ["3", 3, 3.0, "3.0"])
def test_a_number_is_a_number_in_whatever_form(value: Any) -> None:
    found = compound(HeavyAtomCount=value, XLogP=value, CID="2244", TPSA="")
    assert (found["heavy_atom_count"], found["xlogp"], found["cid"], found["tpsa"]) == (3, 3.0, 2244, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"InChIKey": "no key"}, "bad InChIKey"),
        ({"MolecularWeight": "heavy"}, "bad number"),
        ({"ExactMass": "NaN"}, "bad number"),
        ({"CID": "aspirin"}, "wrong type"),
        ({"Charge": 0.5}, "bad number"),
        ({"HeavyAtomCount": 1e300}, "bad number"),
    ],
)
def test_properties_that_cannot_be_read_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(rows.Refused) as refused:
        compound(**changes)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("row", "collection", "key"),
    [
        (b'{"ctid":"NCT00000001","title":5}', "clinicaltrials", "clinicaltrials NCT00000001"),
        (rb'{"ctid":" x1 ","title":"\ud83d"}', "clinicaltrials_jp", "clinicaltrials_jp x1"),
        (b'{"eudractnumber":"2004-1","ctid":"no"}', "clinicaltrials_eu", "clinicaltrials_eu 2004-1"),
        (b'{"ctid":5}', "clinicaltrials", None),
        (b"[1]", "clinicaltrials", None),
        (b'{"ctid":"NCT', "clinicaltrials", None),
    ],
)
def test_a_row_that_is_refused_keeps_the_number_that_it_tells(
    row: bytes, collection: str, key: str | None
) -> None:
    assert rows.trial_key(row, collection) == key


def test_mail_addresses_and_phone_numbers_are_hidden_and_names_stay() -> None:
    """ctgov hides the names that a study's record names as persons; a row of PubChem names nobody."""
    found = trial(
        title="Dr. Roe's Laboratories: call 617-555-0199, NCT01234567",
        conditions=["Write to jane\\_roe@nowhere.example"],
        interventions="Roe 2801-001|jane (at) nowhere.example",
    )
    assert found["title"] == "Dr. Roe's Laboratories: call [phone], NCT01234567"
    assert found["conditions"] == ["Write to [mail]"]
    assert found["interventions"] == "Roe 2801-001|[mail]"
