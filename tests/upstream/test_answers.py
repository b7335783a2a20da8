"""What an answer means, and what people read about it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.upstream.answers import (
    Answer,
    ContractBreak,
    Kind,
    classify,
    describe_reply,
    describe_request,
    one_line,
)

JSON = "application/json"


@pytest.mark.parametrize(
    ("status", "content_type", "body", "expected", "kind"),
    [
        (200, JSON, b"{}", JSON, Kind.OK),
        (200, "Application/JSON; charset=UTF-8", b"{}", JSON, Kind.OK),
        (200, "application/problem+json", b"{}", JSON, Kind.OK),
        (202, JSON, b'{"Waiting":{"ListKey":"1"}}', JSON, Kind.OK),
        (200, "text/csv", b"a,b", "text/csv", Kind.OK),
        (200, "text/html", b"<html>", "text/html", Kind.OK),
        (204, None, b"", JSON, Kind.EMPTY),
        (404, "text/plain", b"NCT number NCT99999999 not found", JSON, Kind.EMPTY),
        (404, "text/html", b"<html>", JSON, Kind.EMPTY),
        (304, None, b"", JSON, Kind.NOT_MODIFIED),
        (401, JSON, b"{}", JSON, Kind.REFUSED),
        (403, JSON, b'{"error":{"code":403,"reason":"challenge"}}', JSON, Kind.REFUSED),
        (451, "text/html", b"<html>", JSON, Kind.REFUSED),
        (400, "text/plain", b"`filter.phase` is unknown parameter", JSON, Kind.CONTRACT_BREAK),
        (400, "text/html", b"<html>", JSON, Kind.CONTRACT_BREAK),
        (405, JSON, b"{}", JSON, Kind.CONTRACT_BREAK),
        (410, JSON, b"{}", JSON, Kind.CONTRACT_BREAK),
        (302, None, b"", JSON, Kind.CONTRACT_BREAK),
        (100, None, b"", JSON, Kind.CONTRACT_BREAK),
        (408, None, b"", JSON, Kind.TRANSIENT),
        (425, None, b"", JSON, Kind.TRANSIENT),
        (429, "text/plain", b"slow down", JSON, Kind.TRANSIENT),
        (500, JSON, b"{}", JSON, Kind.TRANSIENT),
        (503, "text/html", b"<html>", JSON, Kind.TRANSIENT),
        (599, None, b"", JSON, Kind.TRANSIENT),
        (200, "text/html; charset=utf-8", b"<html>busy</html>", JSON, Kind.TRANSIENT),
        (200, "application/xhtml+xml", b"<x/>", "text/csv", Kind.TRANSIENT),
        (200, JSON, b"\xef\xbb\xbf \n<!DOCTYPE html><html>", JSON, Kind.TRANSIENT),
        (200, "text/plain", b"<HTML><body>", "text/plain", Kind.TRANSIENT),
        (200, "text/plain", b"ok", JSON, Kind.CONTRACT_BREAK),
        (200, None, b"{}", JSON, Kind.CONTRACT_BREAK),
        (200, JSON, b"{}", "text/csv", Kind.CONTRACT_BREAK),
    ],
)
def test_classification(
    status: int, content_type: str | None, body: bytes, expected: str, kind: Kind
) -> None:
    assert classify(status, content_type, body, expected) is kind


@given(
    st.integers(100, 999),
    st.none() | st.text(max_size=40) | st.just("text/html") | st.just(JSON),
    st.binary(max_size=60),
)
def test_only_a_success_of_the_expected_type_is_ok(
    status: int, content_type: str | None, body: bytes
) -> None:
    kind = classify(status, content_type, body, JSON)
    if kind is Kind.OK:
        assert 200 <= status < 300
        assert content_type is not None
        assert "json" in content_type.lower()
    if status in {400, 404, 410, 422}:
        assert kind is not Kind.TRANSIENT


class Study(msgspec.Struct):
    nct_id: str


class Page(msgspec.Struct):
    studies: list[Study]


def answer(body: bytes, url: str = "https://api.example.org/v2/studies?pageSize=2") -> Answer:
    return Answer(Kind.OK, "GET", url, 200, {"Content-Type": JSON}, body)


def test_json_decodes_to_the_type_asked_for() -> None:
    body = b'{"studies":[{"nct_id":"NCT1"}]}'
    assert answer(body).json() == {"studies": [{"nct_id": "NCT1"}]}
    assert answer(body).json(Page) == Page([Study("NCT1")])


def test_json_of_another_shape_names_the_request_and_the_path_of_the_bad_value() -> None:
    with pytest.raises(ContractBreak) as caught:
        answer(b'{"studies":[{"nct_id":"NCT1"},{"nct_id":7}]}').json(Page)
    message = str(caught.value)
    assert "GET api.example.org/v2/studies?pageSize=2 answered 200" in message
    assert "$.studies[1].nct_id" in message


def test_an_answer_shows_neither_body_nor_headers_when_printed() -> None:
    shown = repr(Answer(Kind.OK, "GET", "https://h/x", 200, {"Set-Cookie": "abc"}, b"body" * 1000))
    assert "abc" not in shown
    assert "bodybody" not in shown


@pytest.mark.parametrize("name", ["api_key", "API_KEY", "token", "access_token", "key", "password", "sig"])
def test_a_secret_in_the_query_is_masked(name: str) -> None:
    shown = describe_request("GET", f"https://user:pw@h.example/x?{name}=hush&page=2")
    assert "hush" not in shown
    assert "pw" not in shown
    assert shown == f"GET h.example/x?{name}=***&page=2"


def test_a_page_token_is_no_secret_and_stays_readable() -> None:
    shown = describe_request("GET", "https://h/x?pageToken=abc&filter.advanced=AREA%5BA%5DRANGE%5B1%2CMAX%5D")
    assert shown == "GET h/x?pageToken=abc&filter.advanced=AREA[A]RANGE[1,MAX]"


def test_a_reply_is_described_in_one_line_with_the_start_of_its_body() -> None:
    shown = describe_reply(
        503, {"Content-Type": "text/html; x"}, b"<html>\n\tToo\x00 busy \xff" + b"a" * 5000
    )
    assert shown.startswith('503 text/html "<html> Too busy \ufffdaaa')
    assert len(shown) < 250
    assert "\n" not in shown


@given(st.text(), st.integers(1, 300))
def test_one_line_is_one_printable_line_of_bounded_length(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
