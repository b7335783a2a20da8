"""What an answer is taken for: pages add up whatever the server's limit, and only what says so is absence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from include.registry.breaker import Breaker
from include.sources.pubchem import client
from include.sources.pubchem.client import PUG, SDQ, Asker
from include.sources.pubchem.records import Unit
from include.sources.pubchem.response_policy import classify
from include.upstream.answers import ContractBreak, Transient
from include.upstream.limits import Limits
from include.upstream.session import UpstreamSession

Row = dict[str, Any]
Page = Callable[[int, int], list[Row]]

UNIT = Unit(6, "clinicaltrials")
ROWS: list[Row] = [
    {"ctid": f"NCT{number:08}", "cids": [6], "title": f"Trial {number}"} for number in range(5)
]
NOT_FOUND = {"Fault": {"Code": "PUGREST.NotFound", "Message": "No CID found"}}


class Calm(Breaker):
    """Never open, and without a database."""

    def __init__(self) -> None:
        pass

    def before(self) -> None:
        pass

    def success(self) -> None:
        pass

    def failure(self, error: object) -> None:
        pass


@pytest.fixture
def asker(httpserver: HTTPServer) -> Asker:
    """Asks the test's server, twice where an answer may pass, and waits for nothing."""
    limits = Limits(per_second=None, attempts=2)
    return Asker(
        UpstreamSession(
            requests.Session(),
            httpserver.url_for("/"),
            limits,
            Calm(),
            classifier=classify,
            sleep=lambda _: None,
        )
    )


def always(server: HTTPServer, body: Any, status: int = 200) -> None:
    """Whatever is asked, this is the answer."""
    server.expect_request("/" + SDQ).respond_with_json(body, status=status)
    for path in (
        "/classification/hnid/1856916/cids/TXT",
        "/compound/name/aspirin/cids/JSON",
        f"/compound/cid/property/{','.join(client.PROPERTIES)}/JSON",
    ):
        server.expect_request(f"/{PUG}{path}").respond_with_json(body, status=status)


# --- pages


def serve(server: HTTPServer, page: Page) -> list[int]:
    """Serve ROWS by pages of the server's own; returns where the pages that were asked for start."""
    starts: list[int] = []

    def answer(request: Request) -> Response:
        query = json.loads(request.args["query"])
        starts.append(query["start"])
        shown = page(query["start"], query["limit"])
        found = {"status": {"code": 0}, "totalCount": len(ROWS), "rows": shown}
        return Response(json.dumps({"SDQOutputSet": [found]}), content_type="application/json")

    server.expect_request("/" + SDQ).respond_with_handler(answer)
    return starts


def as_asked(start: int, limit: int) -> list[Row]:
    return ROWS[start - 1 :][:limit]


def all_at_once(start: int, limit: int) -> list[Row]:
    return ROWS


def one_at_most(start: int, limit: int) -> list[Row]:
    return as_asked(start, 1)


def from_the_first(start: int, limit: int) -> list[Row]:
    return ROWS[:limit]


@pytest.mark.parametrize(
    ("page", "starts"), [(as_asked, [1, 3, 5]), (all_at_once, [1]), (one_at_most, [1, 2, 3, 4, 5])]
)
def test_pages_are_asked_for_until_the_declared_count_whatever_the_limit_of_the_server(
    asker: Asker, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, page: Page, starts: list[int]
) -> None:
    monkeypatch.setattr(client, "PAGE_ROWS", 2)
    asked = serve(httpserver, page)
    found = asker.trials(UNIT)
    assert (found.state, [json.loads(bytes(row)) for row in found.rows]) == ("done", ROWS)
    assert asked == starts


def test_a_server_that_ignores_start_gives_no_row_twice_and_no_part_of_the_rows(
    asker: Asker, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, from_the_first)
    monkeypatch.setattr(client, "PAGE_ROWS", 1)  # else what comes twice would not add up to the count
    with pytest.raises(ContractBreak, match="changed between their pages"):
        asker.trials(UNIT)
    monkeypatch.setattr(client, "PAGE_ROWS", len(ROWS))
    assert len(asker.trials(UNIT).rows) == len(ROWS), "all that is on one page is there"


def test_a_row_that_moves_onto_the_next_page_is_not_counted_twice(
    asker: Asker, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two pages a row comes and the oldest goes: the count is the same, but the pages overlap."""
    monkeypatch.setattr(client, "PAGE_ROWS", 2)
    rows = [*ROWS]

    def moving(start: int, limit: int) -> list[Row]:
        if start > 1 and rows == ROWS:
            rows[:] = [{**ROWS[0], "ctid": "NCT00000009"}, *ROWS[:-1]]
        return rows[start - 1 :][:limit]

    asked = serve(httpserver, moving)
    assert [json.loads(bytes(row)) for row in asker.trials(UNIT).rows] == rows != ROWS
    assert asked == [1, 3, 1, 3, 5]


# --- nothing is not absence


def of_trials(**found: Any) -> dict[str, Any]:
    return {"SDQOutputSet": [found]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"SDQOutputSet": []},
        of_trials(),
        of_trials(status={"code": 0}),
        of_trials(status={"code": 0}, rows=[]),
        of_trials(status={"code": 0, "error": "query timed out"}, totalCount=0, rows=[]),
        of_trials(status={"error": "query timed out"}, totalCount=0, rows=[]),
        of_trials(status={"code": -4, "error": "rejected"}, totalCount=0),
    ],
    ids=str,
)
def test_what_declares_no_count_or_an_error_does_not_say_that_a_compound_has_no_trials(
    asker: Asker, httpserver: HTTPServer, body: Any
) -> None:
    always(httpserver, body)
    with pytest.raises((ContractBreak, Transient)):
        asker.trials(UNIT)


@pytest.mark.parametrize("rows", [{}, {"rows": []}, {"rows": None}], ids=str)
def test_a_declared_count_of_0_says_that_a_compound_has_no_trials(
    asker: Asker, httpserver: HTTPServer, rows: dict[str, Any]
) -> None:
    always(httpserver, of_trials(status={"code": 0, "warning": ["no hits"]}, totalCount=0, **rows))
    assert asker.trials(UNIT).state == "none"


def test_rows_without_a_count_are_not_taken_and_the_reason_says_so(
    asker: Asker, httpserver: HTTPServer
) -> None:
    always(httpserver, of_trials(status={"code": 0}, rows=ROWS))
    with pytest.raises(ContractBreak, match="totalCount"):
        asker.trials(UNIT)


@pytest.mark.parametrize("body", [{}, {"PropertyTable": {}}, {"PropertyTable": {"Properties": []}}], ids=str)
def test_an_empty_table_of_properties_does_not_say_that_pubchem_knows_none_of_them(
    asker: Asker, httpserver: HTTPServer, body: Any
) -> None:
    always(httpserver, body)
    assert {found.cid: found.state for found in asker.properties([6, 38])} == {6: "failed", 38: "failed"}


def test_properties_are_joined_by_cid_and_never_by_position(asker: Asker, httpserver: HTTPServer) -> None:
    always(httpserver, {"PropertyTable": {"Properties": [{"CID": 51}, {"CID": 6}]}})
    found = asker.properties([6, 38, 51])
    assert [(one.cid, one.state) for one in found] == [(6, "done"), (38, "none"), (51, "done")]
    assert [json.loads(bytes(one.row)) for one in found if one.state == "done"] == [{"CID": 6}, {"CID": 51}]


@pytest.mark.parametrize("body", [{}, {"IdentifierList": {}}, {"IdentifierList": {"CID": []}}], ids=str)
def test_an_empty_list_of_compounds_does_not_say_that_pubchem_does_not_know_a_name(
    asker: Asker, httpserver: HTTPServer, body: Any
) -> None:
    always(httpserver, body)
    with pytest.raises((ContractBreak, Transient)):
        asker.name("aspirin")


def test_an_answer_that_is_still_being_made_is_asked_for_again(asker: Asker, httpserver: HTTPServer) -> None:
    path = f"/{PUG}/compound/name/aspirin/cids/JSON"
    httpserver.expect_ordered_request(path).respond_with_json({"Waiting": {"ListKey": "1"}}, status=202)
    httpserver.expect_ordered_request(path).respond_with_json({"IdentifierList": {"CID": [2244]}})
    assert asker.name("aspirin").cids == [2244]


def test_not_found_is_absence_of_a_name_and_of_properties_and_of_nothing_else(
    asker: Asker, httpserver: HTTPServer
) -> None:
    always(httpserver, NOT_FOUND, 404)
    assert asker.name("aspirin").state == "none"
    assert [found.state for found in asker.properties([6])] == ["none"]
    assert len(httpserver.log) == 2, "what is not there is not asked for again"
    with pytest.raises(ContractBreak, match="the interface is not there"):
        asker.trials(UNIT)
    with pytest.raises(Transient, match="no node 1856916 any more"):
        asker.compounds_below(client.ALL_NODE)
