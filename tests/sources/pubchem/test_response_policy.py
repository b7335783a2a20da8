"""What PubChem's answers mean, and how long they ask to be left alone."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.pubchem.response_policy import THROTTLE, classify, pause
from include.upstream.answers import Kind

GREEN = "Request Count status: Green (0%), Request Time status: Green (0%), Service status: Green (20%)"


def fault(code: str) -> bytes:
    return json.dumps({"Fault": {"Code": code, "Message": "m", "Details": ["d"]}}).encode()


def in_text(code: str) -> bytes:
    return f"Status: 404\nCode: {code}\nMessage: m\nDetail: d".encode()


@pytest.mark.parametrize("written", [fault, in_text])
@pytest.mark.parametrize("status", [200, 202, 404, 500, 503])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("PUGREST.NotFound", Kind.EMPTY),
        ("PUGVIEW.NotFound", Kind.EMPTY),
        ("PUGREST.ServerBusy", Kind.TRANSIENT),
        ("PUGREST.ServerError", Kind.TRANSIENT),
        ("PUGREST.Timeout", Kind.TRANSIENT),
        ("PUGREST.Unknown", Kind.TRANSIENT),
        ("PUGREST.BadRequest", Kind.CONTRACT_BREAK),
        ("PUGREST.NotAllowed", Kind.CONTRACT_BREAK),
        ("PUGREST.Unimplemented", Kind.CONTRACT_BREAK),
    ],
)
def test_the_code_of_a_fault_decides_whatever_the_status(
    status: int, code: str, kind: Kind, written: Callable[[str], bytes]
) -> None:
    assert classify(status, {}, written(code)) is kind


@pytest.mark.parametrize(
    "body",
    [
        b"Status: 404\r\nCode: PUGREST.NotFound\r\nMessage: No CID found\r\n",
        b"Code: PUGREST.NotFound\nMessage: No CID found",
        b"\n Status: 404\n Code: PUGREST.NotFound",
    ],
)
def test_a_fault_in_plain_text_is_read_with_any_ends_of_lines(body: bytes) -> None:
    assert classify(404, {"Content-Type": "text/plain"}, body) is Kind.EMPTY


@pytest.mark.parametrize(
    ("status", "kind"), [(200, Kind.CONTRACT_BREAK), (404, Kind.CONTRACT_BREAK), (503, Kind.TRANSIENT)]
)
def test_a_code_that_nobody_knows_is_as_bad_as_its_status(status: int, kind: Kind) -> None:
    assert classify(status, {}, fault("PUGREST.SomethingNew")) is kind
    assert classify(status, {}, in_text("PUGREST.SomethingNew")) is kind


@pytest.mark.parametrize("body", [b"<html>404</html>", b"", b"Not Found", b'{"error": "no"}'])
def test_a_404_that_is_no_fault_may_pass_and_is_never_remembered_as_absence(body: bytes) -> None:
    assert classify(404, {}, body) is Kind.TRANSIENT


def test_a_fault_that_cannot_be_read_may_pass() -> None:
    assert classify(503, {}, b'{"Fault": {"Code": "PUGREST.Ser') is Kind.TRANSIENT


def test_a_query_that_sdq_rejects_is_not_tried_again() -> None:
    rejected = b'{"SDQOutputSet":[{"status":{"code":-4,"error":"bad column"},"totalCount":0}]}'
    assert classify(500, {}, rejected) is Kind.CONTRACT_BREAK
    assert classify(502, {}, b'{"SDQOutputSet":[{"status":{"code":0}}]}') is Kind.TRANSIENT
    assert classify(500, {}, b'{"SDQOutputSet":[{"status":') is Kind.TRANSIENT


def test_everything_else_is_left_to_the_default_rules() -> None:
    assert classify(503, {}, b"<html>busy</html>") is None
    assert classify(200, {}, b"<html>hello</html>") is None
    assert classify(403, {}, b"no") is None


@pytest.mark.parametrize("body", [b"2\n6\n", b' {"SDQOutputSet":[{"status":{"code":0},"totalCount":0}]}'])
def test_data_is_taken_for_data_whatever_its_content_type(body: bytes) -> None:
    assert classify(200, {"Content-Type": "text/html"}, body) is Kind.OK


def test_an_answer_that_is_still_being_made_may_pass() -> None:
    assert classify(202, {}, b'{"Waiting": {"ListKey": "1"}}') is Kind.TRANSIENT


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        (GREEN, 0.0),
        (GREEN.replace("Request Count status: Green (0%)", "Request Count status: Yellow (60%)"), 1.0),
        (GREEN.replace("Request Time status: Green (0%)", "Request Time status: Red (90%)"), 5.0),
        (GREEN.replace("Service status: Green (20%)", "Service status: Black (100%)"), 60.0),
        ("", 0.0),
    ],
)
def test_the_worst_colour_of_the_throttle_header_says_how_long_to_wait(stated: str, seconds: float) -> None:
    assert pause({THROTTLE: stated}) == seconds


def test_a_refusal_that_reads_all_green_is_told_by_its_suffix() -> None:
    refused = GREEN + ", too many requests per second or blacklisted"
    assert pause({THROTTLE: refused}) == 30
    assert pause({THROTTLE: refused, "Retry-After": "30"}) == 0, "Retry-After says it already"


def test_no_header_asks_for_no_pause() -> None:
    assert pause({}) == 0


@given(st.text(), st.binary(max_size=600), st.integers(100, 599))
def test_no_answer_breaks_the_rules(header: str, body: bytes, status: int) -> None:
    assert pause({THROTTLE: header}) >= 0
    assert classify(status, {}, body) in {*Kind, None}
