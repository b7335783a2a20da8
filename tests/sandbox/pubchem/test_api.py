"""PUG REST as a client sees it (docs/upstreams/pubchem.md)."""

from typing import Any
from urllib.parse import quote

import pytest
import requests

from sandbox.pubchem.server import SampleUpstream

GREEN = "Request Count status: Green (0%), Request Time status: Green (0%), Service status: Green (20%)"
ALL_PROPERTIES = (
    "Title,MolecularFormula,MolecularWeight,CanonicalSMILES,IsomericSMILES,InChI,InChIKey,IUPACName,XLogP,"
    "ExactMass,MonoisotopicMass,TPSA,Complexity,Charge,HBondDonorCount,HBondAcceptorCount,RotatableBondCount,"
    "HeavyAtomCount,IsotopeAtomCount,AtomStereoCount,DefinedAtomStereoCount,UndefinedAtomStereoCount,"
    "BondStereoCount,DefinedBondStereoCount,UndefinedBondStereoCount,CovalentUnitCount"
)


def fault(response: requests.Response, status: int) -> tuple[str, str]:
    """Code and message of a fault."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"].startswith("application/json")
    (body,) = response.json().values()
    assert set(body) <= {"Code", "Message", "Details"}
    return body["Code"], body["Message"]


def table(response: requests.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return list(response.json()["PropertyTable"]["Properties"])


def test_every_answer_tells_the_load(ask: Any) -> None:
    for response in (ask.list(), ask.name("aspirin"), ask.name("nothing"), ask.query(), ask.get("/rest/x")):
        assert response.headers["X-Throttling-Control"] == GREEN


# --- the classification


@pytest.mark.parametrize("node", ["all", "clinicaltrials", "clinicaltrials_eu", "clinicaltrials_jp"])
def test_a_list_has_one_number_a_line_in_order(ask: Any, served: SampleUpstream, node: Any) -> None:
    response = ask.list(node)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.text == "".join(f"{cid}\n" for cid in sorted(served.listed(node)))
    assert len(response.text.splitlines()) > 30


def test_a_list_that_does_not_exist_is_not_found(ask: Any) -> None:
    unknown = ask.get("/rest/pug/classification/hnid/1/cids/TXT")
    assert (unknown.status_code, unknown.text.split("\n")[:2]) == (
        404,
        ["Status: 404", "Code: PUGREST.NotFound"],
    )


# --- properties


def test_properties_come_for_known_compounds_in_another_order_than_asked(
    ask: Any, served: SampleUpstream
) -> None:
    truth = served.compounds()
    asked = sorted(served.listed())[:250]
    rows = table(ask.properties(asked, ALL_PROPERTIES))
    came = [row["CID"] for row in rows]
    assert set(came) == set(asked) & truth.keys()
    assert len(came) < len(asked)
    assert came != [cid for cid in asked if cid in truth]
    for row in rows:
        assert row == truth[row["CID"]]


def test_only_the_properties_that_were_asked_for_come(ask: Any, served: SampleUpstream) -> None:
    (row,) = table(ask.properties([2244], "MolecularFormula,InChIKey"))
    truth = served.compounds()[2244]
    assert row == {name: truth[name] for name in ("CID", "MolecularFormula", "InChIKey")}


def test_old_names_of_properties_answer_by_their_new_ones(ask: Any, served: SampleUpstream) -> None:
    (row,) = table(ask.properties([2244], "CanonicalSMILES,IsomericSMILES"))
    truth = served.compounds()[2244]
    assert row == {name: truth[name] for name in ("CID", "ConnectivitySMILES", "SMILES")}


def test_a_compound_comes_once_however_often_it_is_asked_for(ask: Any) -> None:
    assert [row["CID"] for row in table(ask.properties([2244, 2244, 4091, 2244]))].count(2244) == 1


def test_properties_can_be_asked_for_in_the_path(ask: Any) -> None:
    response = ask.get("/rest/pug/compound/cid/2244,4091/property/Title/JSON")
    assert {row["CID"] for row in table(response)} == {2244, 4091}


def test_unknown_compounds_alone_are_not_found(ask: Any) -> None:
    assert fault(ask.properties([5, 7]), 404)[0] == "PUGREST.NotFound"


def test_a_property_that_does_not_exist_is_a_bad_request(ask: Any) -> None:
    assert fault(ask.properties([2244], "Title,Colour"), 400)[0] == "PUGREST.BadRequest"


@pytest.mark.parametrize("cids", [["x"], [0], [-1], [999_999_999_999], [2244, ""], [""]])
def test_what_is_no_cid_is_a_bad_request(ask: Any, cids: list[Any]) -> None:
    assert fault(ask.properties(cids), 400) == (
        "PUGREST.BadRequest",
        "Invalid ID, must be positive integer",
    )


def test_a_body_that_is_no_form_is_a_bad_request(ask: Any) -> None:
    path = "/rest/pug/compound/cid/property/Title/JSON"
    response = ask.post(path, "cid=2244", headers={"Content-Type": "text/plain"})
    assert fault(response, 400)[0] == "PUGREST.BadRequest"


def test_a_body_that_is_too_large_is_refused(ask: Any) -> None:
    assert ask.properties(range(1, 200_000)).status_code == 413


# --- names


def test_names_resolve_to_their_compounds(ask: Any, served: SampleUpstream) -> None:
    for name, cids in list(served.names().items())[::9]:
        if cids and "/" not in name:
            response = ask.name(quote(name, safe=""))
            assert response.json() == {"IdentifierList": {"CID": list(cids)}}
            assert served.resolve(name) == cids


def test_an_unknown_name_is_not_found(ask: Any, served: SampleUpstream) -> None:
    unknown = [name for name, cids in served.names().items() if not cids]
    assert len(unknown) > 50
    for name in unknown[:10]:
        assert fault(ask.name(name), 404) == ("PUGREST.NotFound", "No CID found")
        assert served.resolve(name) == () and served.meant(name) is None


def test_a_name_with_a_slash_must_be_posted(ask: Any) -> None:
    assert fault(ask.name("vitamin%2Fd"), 400)[0] == "PUGREST.BadRequest"
    path = "/rest/pug/compound/name/cids/JSON"
    assert fault(ask.post(path, {"name": "vitamin/d"}), 404)[0] == "PUGREST.NotFound"
    assert ask.post(path, {"name": "Vitamin D"}).json() == {"IdentifierList": {"CID": [5280793, 5280795]}}


def test_a_name_that_is_missing_is_a_bad_request(ask: Any) -> None:
    assert fault(ask.post("/rest/pug/compound/name/cids/JSON", {}), 400)[0] == "PUGREST.BadRequest"


# --- the rest


@pytest.mark.parametrize(
    "path", ["compound", "compound/cid/2244/cids/JSON", "compound/name/aspirin/cids/XML", "", "substance/x/y"]
)
def test_other_operations_are_bad_requests(ask: Any, path: str) -> None:
    assert fault(ask.get(f"/rest/pug/{path}"), 400)[0] == "PUGREST.BadRequest"


def test_other_paths_are_not_found(ask: Any) -> None:
    assert ask.get("/rest/pug_view/data/compound/2244/JSON").status_code == 404


# --- the log


def test_requests_are_counted_by_kind_and_status(upstream: SampleUpstream, ask_own: Any) -> None:
    ask_own.list()
    ask_own.properties([2244])
    ask_own.properties([2244, 4091])
    ask_own.properties([5])
    ask_own.name("aspirin")
    ask_own.query()
    ask_own.get("/somewhere")
    assert upstream.count("properties") == 3
    assert upstream.count("properties", 200) == 2
    assert ask_own.get("/_sandbox/requests").json() == {
        "classification": {"200": 1},
        "names": {"200": 1},
        "other": {"404": 1},
        "properties": {"200": 2, "404": 1},
        "trials": {"200": 1},
    }
    posted = upstream.requests[2]
    assert (posted.method, posted.params) == ("POST", {"cid": "2244,4091"})
    assert ask_own.post("/_sandbox/forget").json() == {}
    assert not upstream.requests and upstream.count("trials") == 0


def test_the_state_tells_the_data_version(upstream: SampleUpstream, ask_own: Any) -> None:
    state = ask_own.get("/_sandbox/state").json()
    assert (state["size"], state["seed"], state["compounds"], state["day"]) == (120, 11, 0, 0)
    assert state["data_version"] == "2026-11-16"
    assert state["listed"]["all"] == len(upstream.listed())
    assert state["trials"] == len(upstream.trials())


def test_links_are_those_of_the_trials(served: SampleUpstream) -> None:
    found = {(*key, cid) for key, trial in served.trials().items() for cid in trial.cids}
    assert served.links() == found
