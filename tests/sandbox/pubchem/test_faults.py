"""Every way in which the sample upstream can misbehave, and when it does."""

import json
import time
from typing import Any

import msgspec
import pytest
import requests

from sandbox.pubchem.faults import Fault
from sandbox.pubchem.server import SampleUpstream

THROTTLING = "X-Throttling-Control"
GREEN = "Request Count status: Green (0%), Request Time status: Green (0%), Service status: Green (20%)"
BUSY = {"Fault": {"Code": "PUGREST.ServerBusy", "Message": "Too many requests or server too busy"}}


def names_of(found: dict[str, Any]) -> list[str]:
    return [row["ctid"] for row in found["rows"]]


# --- refusals


def test_busy_with_and_without_retry_after(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "busy", "times": 2, "retry_after": 7}])
    for _ in range(2):
        response = ask_own.name("aspirin")
        assert (response.status_code, response.json()) == (503, BUSY)
        assert (response.headers["Retry-After"], response.headers[THROTTLING]) == ("7", GREEN)
    assert ask_own.name("aspirin").status_code == 200
    upstream.faults([{"kind": "busy", "retry_after": None}])
    assert "Retry-After" not in ask_own.name("aspirin").headers
    upstream.faults([{"kind": "busy", "retry_after": "Wed, 18 Nov 2026 07:28:00 GMT"}])
    assert ask_own.name("aspirin").headers["Retry-After"] == "Wed, 18 Nov 2026 07:28:00 GMT"


def test_a_refusal_that_is_all_green(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "refused", "retry_after": 30}])
    response = ask_own.query()
    assert (response.status_code, response.json(), response.headers["Retry-After"]) == (503, BUSY, "30")
    assert response.headers[THROTTLING] == f"{GREEN}, too many requests per second or blacklisted"
    assert ask_own.query().headers[THROTTLING] == GREEN


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("busy_as_404", 404, "PUGREST.ServerBusy"),
        ("fault_200", 200, "PUGREST.ServerBusy"),
        ("timeout", 504, "PUGREST.Timeout"),
        ("server_error", 500, "PUGREST.ServerError"),
    ],
)
def test_faults_with_their_code_and_status(
    upstream: SampleUpstream, ask_own: Any, kind: str, status: int, code: str
) -> None:
    upstream.faults([{"kind": kind}])
    response = ask_own.name("aspirin")
    assert (response.status_code, response.json()["Fault"]["Code"]) == (status, code)
    assert ask_own.name("aspirin").json() == {"IdentifierList": {"CID": [2244]}}


@pytest.mark.parametrize("status", [200, 403, 404, 502, 503])
def test_a_page_in_place_of_the_answer(upstream: SampleUpstream, ask_own: Any, status: int) -> None:
    upstream.faults([{"kind": "html", "status": status}])
    response = ask_own.properties([2244])
    assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html; charset=UTF-8")
    assert response.text.startswith("<!DOCTYPE html>") and "Fault" not in response.text


def test_an_outage_leaves_everything_without_an_answer(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "outage", "times": None}])
    for attempt in (ask_own.list, ask_own.query, lambda: ask_own.name("aspirin")):
        with pytest.raises(requests.ConnectionError):
            attempt()
    assert ask_own.get("/_sandbox/state").status_code == 200
    assert upstream.count("trials", 0) == 1
    upstream.faults([])
    assert ask_own.list().status_code == 200


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_that_is_cut_off(
    upstream: SampleUpstream, session: requests.Session, encoding: str, ask_own: Any
) -> None:
    upstream.faults([{"kind": "cut_off"}])
    url = f"{upstream.url}/rest/pug/classification/hnid/1856916/cids/TXT"
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        session.get(url, headers={"Accept-Encoding": encoding}, timeout=60)
    assert ask_own.list().status_code == 200


def test_a_slow_answer(upstream: SampleUpstream, ask_own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    upstream.faults([{"kind": "slow", "delay": 3.5}])
    assert ask_own.name("aspirin").status_code == ask_own.name("aspirin").status_code == 200
    assert waited == [3.5]


# --- the throttle header


@pytest.mark.parametrize(
    ("load", "lights"),
    [
        ({"count": 60}, ("Yellow (60%)", "Green (0%)", "Green (20%)")),
        ({"time": 80}, ("Green (0%)", "Red (80%)", "Green (20%)")),
        ({"service": 55}, ("Green (0%)", "Green (0%)", "Yellow (55%)")),
    ],
)
def test_the_load_can_be_set(
    upstream: SampleUpstream, ask_own: Any, load: dict[str, int], lights: tuple[str, str, str]
) -> None:
    upstream.faults([{"kind": "load", **load}])
    response = ask_own.name("aspirin")
    count, running, service = lights
    assert response.status_code == 200
    assert response.headers[THROTTLING] == (
        f"Request Count status: {count}, Request Time status: {running}, Service status: {service}"
    )
    assert ask_own.name("aspirin").headers[THROTTLING] == GREEN


@pytest.mark.parametrize("which", ["count", "time", "service"])
def test_black_is_a_refusal(upstream: SampleUpstream, ask_own: Any, which: str) -> None:
    upstream.faults([{"kind": "load", which: 100}])
    response = ask_own.name("aspirin")
    assert (response.status_code, response.json()) == (503, BUSY)
    assert "Black (100%)" in response.headers[THROTTLING]


def test_the_header_can_be_missing(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "no_header", "times": 2}, {"kind": "busy", "first": 2}])
    assert THROTTLING not in ask_own.name("aspirin").headers
    refused = ask_own.name("aspirin")
    assert refused.status_code == 503 and THROTTLING not in refused.headers


# --- properties


def test_a_poisoned_compound_spoils_every_batch_that_it_is_in(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "poison", "cid": 4091, "times": None}])
    for _ in range(2):
        assert ask_own.properties([2244, 4091]).status_code == 500
    assert ask_own.properties([4091]).json()["Fault"]["Code"] == "PUGREST.ServerError"
    assert ask_own.properties([2244]).status_code == 200
    assert ask_own.query(cid=4091).status_code == 200


# --- the classification


def test_a_list_that_ends_within_a_number(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "cut_list", "keep": 0.7}])
    cut, right = ask_own.list().text, ask_own.list().text
    assert right.startswith(cut) and 0.6 < len(cut) / len(right) <= 0.7
    assert cut[-1].isdigit() and right[len(cut)].isdigit()


@pytest.mark.parametrize(
    ("switch", "share"), [({"kind": "empty_list"}, 0), ({"kind": "shrunk_list", "keep": 0.9}, 0.9)]
)
def test_a_list_that_has_shrunk(
    upstream: SampleUpstream, ask_own: Any, switch: dict[str, Any], share: float
) -> None:
    upstream.faults([switch])
    response = ask_own.list()
    assert response.status_code == 200
    found = [int(line) for line in response.text.splitlines()]
    truth = sorted(upstream.listed())
    assert found == truth[: int(share * len(truth))]


def test_faults_of_the_list_wait_for_the_list(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "empty_list"}])
    ask_own.query()
    ask_own.name("aspirin")
    assert ask_own.list().text == ""
    assert ask_own.list().text != ""


# --- trials


def test_a_collection_that_ignores_the_filter(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "ignored_filter", "collection": "clinicaltrials_jp", "times": None}])
    everything = sum(key[0] == "clinicaltrials_jp" for key in upstream.trials())
    for cid in (2244, 1):
        found = ask_own.trials(cid=cid, collection="clinicaltrials_jp")
        assert found["totalCount"] == len(found["rows"]) == everything
    assert ask_own.trials(cid=1)["totalCount"] == 0


@pytest.mark.parametrize(("moved", "missing", "twice"), [(1, 0, 1), (3, 0, 3), (-2, 2, 0)])
def test_rows_that_move_between_two_pages(
    upstream: SampleUpstream, ask_own: Any, moved: int, missing: int, twice: int
) -> None:
    query = {"order": ["updatedate,desc"], "limit": 600}
    right = names_of(ask_own.trials(**query | {"limit": 2000}))
    upstream.faults([{"kind": "moving_rows", "rows": moved}])
    first = ask_own.trials(**query)
    later = ask_own.trials(**query, start=601)
    assert (first["totalCount"], later["totalCount"]) == (len(right), len(right) + moved)
    met = names_of(first) + names_of(later)
    assert len(met) - len(set(met)) == twice
    assert len(set(right) - set(met)) == missing
    assert names_of(ask_own.trials(**query, start=601)) == right[600:1200]


def test_rows_that_move_need_not_change_the_total(upstream: SampleUpstream, ask_own: Any) -> None:
    right = ask_own.trials(start=301, limit=300)
    upstream.faults([{"kind": "moving_rows", "counted": False}])
    moved = ask_own.trials(start=301, limit=300)
    assert moved["totalCount"] == right["totalCount"]
    assert names_of(moved)[1:] == names_of(right)[:-1]


def test_a_total_that_is_wrong(upstream: SampleUpstream, ask_own: Any) -> None:
    right = ask_own.trials()
    for rows in (3, -10, -100_000):
        upstream.faults([{"kind": "wrong_total", "rows": rows}])
        wrong = ask_own.trials()
        assert wrong["totalCount"] == max(0, right["totalCount"] + rows)
        assert wrong["rows"] == right["rows"]


@pytest.mark.parametrize("status", [200, 500, 503])
def test_a_good_query_that_is_rejected(upstream: SampleUpstream, ask_own: Any, status: int) -> None:
    upstream.faults([{"kind": "rejected", "status": status}])
    response = ask_own.query()
    assert response.status_code == status
    (found,) = response.json()["SDQOutputSet"]
    assert found["status"]["code"] == -4 and found["status"]["error"]


def test_a_quote_in_a_title_breaks_the_answer_where_all_columns_are_asked_for(
    upstream: SampleUpstream, ask_own: Any
) -> None:
    upstream.faults([{"kind": "broken_json", "times": None}])
    response = ask_own.query()
    assert response.status_code == 200 and response.text.endswith("]}]}")
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.text)
    assert ask_own.trials(select=["ctid", "title"])["rows"]


# --- when it does


def statuses(ask: Any, count: int) -> str:
    return "".join("." if ask.name("aspirin").status_code == 200 else "x" for _ in range(count))


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ({}, "x......."),
        ({"times": 3}, "xxx....."),
        ({"first": 4}, "...x...."),
        ({"first": 6, "times": None}, ".....xxx"),
        ({"probability": 0.0, "times": None}, "........"),
    ],
)
def test_the_requests_that_are_hit(
    upstream: SampleUpstream, ask_own: Any, switch: dict[str, Any], expected: str
) -> None:
    upstream.faults([{"kind": "busy", **switch}])
    assert statuses(ask_own, 8) == expected


def test_a_share_of_the_requests_is_refused_the_same_at_every_run(
    upstream: SampleUpstream, ask_own: Any
) -> None:
    switch = [{"kind": "busy", "probability": 0.3, "times": None}]
    upstream.faults(switch)
    once = statuses(ask_own, 200)
    upstream.faults(switch)
    assert statuses(ask_own, 200) == once
    assert 40 < once.count("x") < 80


def test_a_switch_can_be_kept_to_a_path_a_collection_or_a_compound(
    upstream: SampleUpstream, ask_own: Any
) -> None:
    upstream.faults([{"kind": "busy", "path": "/rest/pug/compound/name/", "times": None}])
    assert ask_own.name("aspirin").status_code == 503
    assert ask_own.list().status_code == ask_own.query().status_code == 200
    upstream.faults([{"kind": "busy", "collection": "clinicaltrials_eu", "times": None}])
    assert ask_own.query(collection="clinicaltrials_eu").status_code == 503
    assert ask_own.query().status_code == ask_own.name("aspirin").status_code == 200
    upstream.faults([{"kind": "busy", "cid": 4091, "times": None}])
    assert ask_own.query(cid=4091).status_code == ask_own.properties([1983, 4091]).status_code == 503
    assert ask_own.query().status_code == ask_own.properties([1983]).status_code == 200
    assert ask_own.name("metformin").status_code == ask_own.list().status_code == 200


def test_a_compound_in_the_path_counts_too(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "poison", "cid": 4091, "times": None}])
    assert ask_own.get("/rest/pug/compound/cid/2244,4091/property/Title/JSON").status_code == 500
    assert ask_own.get("/rest/pug/compound/cid/2244/property/Title/JSON").status_code == 200


def test_faults_of_several_kinds_add_up(upstream: SampleUpstream, ask_own: Any) -> None:
    upstream.faults([{"kind": "load", "service": 80}, {"kind": "wrong_total", "rows": 5}])
    response = ask_own.query(cid=1983)
    truth = sum(link[0] == "clinicaltrials" and link[2] == 1983 for link in upstream.links())
    assert "Red (80%)" in response.headers[THROTTLING]
    assert response.json()["SDQOutputSet"][0]["totalCount"] == truth + 5


def test_switches_are_set_replaced_and_cleared_over_http(upstream: SampleUpstream, ask_own: Any) -> None:
    ask_own.post("/_sandbox/faults", '[{"kind": "busy", "times": null}]')
    assert ask_own.name("aspirin").status_code == 503
    ask_own.post("/_sandbox/faults", '[{"kind": "timeout", "times": null}]')
    assert ask_own.name("aspirin").status_code == 504
    assert [each["kind"] for each in upstream.state()["faults"]] == ["timeout"]
    assert ask_own.post("/_sandbox/faults", "[]").json()["faults"] == []
    assert ask_own.name("aspirin").status_code == 200


@pytest.mark.parametrize(
    "switch",
    [
        {"kind": "earthquake"},
        {"kind": "busy", "times": 0},
        {"kind": "busy", "probability": 1.5},
        {"kind": "html", "status": 700},
        {"kind": "busy", "collection": "chembldrug"},
        {"kind": "load", "count": 101},
        {"kind": "cut_list", "keep": -1},
        {"kind": "busy", "often": 3},
        {},
    ],
)
def test_a_switch_that_makes_no_sense_is_refused_and_the_old_ones_stay(
    upstream: SampleUpstream, ask_own: Any, switch: dict[str, Any]
) -> None:
    upstream.faults([Fault(kind="timeout", times=None)])
    with pytest.raises(msgspec.ValidationError):
        upstream.faults([switch])
    response = ask_own.post("/_sandbox/faults", json.dumps([switch]))
    assert response.status_code == 400 and response.text
    assert ask_own.name("aspirin").status_code == 504
