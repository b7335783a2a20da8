"""Whatever an upstream makes of our own headers, and wherever it cuts them, no message says them."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
import requests
from hypothesis import assume, example, given
from hypothesis import strategies as st
from requests.auth import HTTPBasicAuth

from include.upstream.conceal import MASK, PIECE, Concealer, sent

HEADER = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)
WORDS = st.text(st.sampled_from("xyz ,.<{"), max_size=30)
"""Of no letter that a secret's piece could be made of by chance; assume() sees to the rest."""
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "URL": lambda value: quote(value, safe=""),
    "URL, lower case": lambda value: "".join(f"%{byte:02x}" for byte in value.encode()),
    "form": quote_plus,
    "URL in URL": lambda value: quote(quote(value, safe=""), safe=""),
    "base 64": lambda value: base64.b64encode(value.encode()).decode(),
    "base 64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "base 64 of a line": lambda value: base64.b64encode(f"Key: {value}\r\n".encode()).decode(),
    "JSON": lambda value: json.dumps({"a": value}),
    "JSON with escaped slashes": lambda value: json.dumps(value).replace("/", "\\/"),
    "JSON in JSON": lambda value: json.dumps(json.dumps({"a": value})),
    "all escaped": lambda value: "".join(f"\\u{ord(character):04x}" for character in value),
    "HTML": html.escape,
    "HTML by number": lambda value: "".join(f"&#{ord(character)};" for character in value),
    "HTML in JSON": lambda value: json.dumps(html.escape(value)),
    "Python": lambda value: repr(value.encode()),
    "two bytes a character": "\0".join,
}


def pieces(form: str) -> set[str]:
    """What must not be left of a form, in which an escape has up to six characters."""
    size = 6 * PIECE
    return {form[at : at + size] for at in range(max(1, len(form) - size + 1))}


@pytest.mark.parametrize("form", FORMS)
@given(secret=HEADER, before=WORDS, after=WORDS, data=st.data())
def test_no_form_of_a_value_comes_through(
    form: str, secret: str, before: str, after: str, data: st.DataObject
) -> None:
    echoed = FORMS[form](secret)
    assume(secret.lower() not in (before + after).lower())
    concealed = Concealer([secret])(f"{before} {echoed} {after}")
    assert MASK in concealed
    assert secret.lower() not in concealed.lower() and echoed not in concealed
    cut = data.draw(st.integers(0, len(echoed)))
    for part in (echoed[:cut], echoed[cut:]):
        left = Concealer([secret])(f"{before} {part}")
        assert not any(piece in left for piece in pieces(echoed) if len(piece) >= 6 * PIECE)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", ["000000\\/", "pass%41word", "a&amp;b&lt;c", "x\\u0041\\\\y", '00\\"00'])
def test_a_value_that_looks_escaped_itself_does_not_come_through(form: str, secret: str) -> None:
    echoed = FORMS[form](secret)
    concealed = Concealer([secret])(f"before {echoed} after")
    assert MASK in concealed and echoed not in concealed


@given(secret=HEADER, data=st.data())
def test_of_a_value_that_is_cut_anywhere_fewer_than_eight_characters_are_left(
    secret: str, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(secret)))
    last = data.draw(st.integers(first, len(secret)))
    concealed = Concealer([secret])(f"<{secret[first:last]}>").lower()
    assert not any(secret[at : at + PIECE].lower() in concealed for at in range(len(secret) - PIECE + 1))


@given(secret=HEADER, data=st.data())
def test_where_the_text_ends_in_a_value_its_start_goes(secret: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(3, len(secret)))
    assert Concealer([secret])(f"~~ {secret[:cut]}").endswith(MASK)


@given(st.text(max_size=200), HEADER)
@example("an answer of 12 bytes", "abcdefgh")
def test_what_has_nothing_of_it_stays_as_it_is(text: str, secret: str) -> None:
    concealed = Concealer([secret])(text)
    assert concealed == text or MASK in concealed
    assert Concealer([])(text) == text


@given(st.binary(max_size=300))
def test_a_body_keeps_the_bytes_that_are_no_text(body: bytes) -> None:
    assume(b"\x80sesame-" not in body)
    assert Concealer(["sesame-opens-it"]).body(b"\x80sesame-opens-it\xff" + body) == b"\x80***\xff" + body


def request(headers: dict[str, str] | None = None, url: str = "http://h/", auth: object = None) -> object:
    return requests.Request("GET", url, headers=headers or {}, auth=auth).prepare()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("echo", "left"),
    [
        ("ann:open sesame", MASK),
        (base64.b64encode(b"ann:open sesame").decode(), MASK),
        ("password=open sesame;", f"password={MASK};"),
        ("password=open+sesame;", f"password={MASK};"),
        ("proxy word-of-proxy", f"proxy {MASK}"),
        ("p%40ss of k", f"{MASK} of k"),
        ("a-key-for-the-house", MASK),
        ("token t0ken in the URL", f"token {MASK} in the URL"),
        ("Accept: application/json", "Accept: application/json"),
    ],
)
def test_login_headers_parameters_and_the_login_of_a_proxy_are_known(echo: str, left: str) -> None:
    auth = HTTPBasicAuth("ann", "open sesame")
    made = request(
        {"X-Api-Key": "a-key-for-the-house", "Accept": "application/json"}, "http://h/?token=t0ken&a=b", auth
    )
    proxies = ["http://per:word-of-proxy@proxy:3128", "http://k:p%40ss@other"]
    conceal = Concealer(*sent(made, auth, proxies, frozenset({"token"})))  # type: ignore[arg-type]
    assert conceal(echo) == left


def test_a_short_password_is_masked_where_it_stands_alone() -> None:
    conceal = Concealer([], ["pw"])
    assert conceal("password pw, not spwn") == f"password {MASK}, not spwn"
