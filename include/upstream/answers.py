"""What an upstream's answer means: one classification for all sources, and the errors that come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, overload
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from include.decoding import decoder
from include.errors import NonRetryable

T = TypeVar("T")

SUCCESS = range(200, 300)
_SERVER_ERROR = range(500, 1000)
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_HTML_STARTS = (b"<!doctype html", b"<html")
_JSON = "application/json"
SECRET_PARAMETERS = frozenset(
    {
        "access_token",
        "api-key",
        "api_key",
        "apikey",
        "auth",
        "authorization",
        "client_secret",
        "key",
        "password",
        "secret",
        "sig",
        "signature",
        "token",
    }
)


class Kind(StrEnum):
    """What an answer means for the run."""

    OK = "ok"
    EMPTY = "empty"  # the upstream knows that there is nothing: remember it, do not ask again
    NOT_MODIFIED = "not_modified"
    REFUSED = "refused"  # we may not have it: stop
    CONTRACT_BREAK = "contract_break"  # asked or answered in a way nobody agreed on: stop, a person must look
    TRANSIENT = "transient"  # may pass: try again


_BY_STATUS = {
    204: Kind.EMPTY,
    304: Kind.NOT_MODIFIED,
    401: Kind.REFUSED,
    403: Kind.REFUSED,
    404: Kind.EMPTY,
    408: Kind.TRANSIENT,
    425: Kind.TRANSIENT,
    429: Kind.TRANSIENT,
    451: Kind.REFUSED,
}


class UpstreamError(Exception):
    """Something about an upstream went wrong; the message says what was asked, what came, and what to do."""


class Refused(NonRetryable, UpstreamError):
    """The upstream refuses to serve us (401, 403, 451, a challenge). Not tried again, not worked around."""


class ContractBreak(NonRetryable, UpstreamError):
    """Request or answer is not what was agreed on. Never tried again: it would be the same."""


class Transient(UpstreamError):
    """The upstream did not answer properly in any of the tries.

    `attempts` is how many tries were made, `cause` what the last one met, in words (the exception itself may
    hold a URL with secrets).
    """

    def __init__(self, message: str, attempts: int = 1, cause: str = "") -> None:
        super().__init__(message)
        self.attempts = attempts
        self.cause = cause


class BreakerOpen(UpstreamError):
    """The upstream failed so often that it is not asked before `until`; `why` is the last failure."""

    def __init__(self, message: str, until: datetime, why: str) -> None:
        super().__init__(message)
        self.until = until
        self.why = why


class LeaseHeld(UpstreamError):
    """Another task asks this upstream, and went on for as long as the caller would wait."""


class LeaseLost(UpstreamError):
    """This task held the lease, said nothing for too long, and another one has it now. Trying again is right."""


# (status, headers, body) -> the kind, or None for the default rules. Called for every answer but redirects.
# The headers' names are case-insensitive.
Classifier = Callable[[int, Mapping[str, str], bytes], Kind | None]

# headers -> seconds for which nobody should ask this host, 0 for none. Called for every answer but redirects.
ThrottleHint = Callable[[Mapping[str, str]], float]


def classify(status: int, content_type: str | None, body_start: bytes, expected_type: str) -> Kind:
    """The default rules, the status first: a 404 is empty and a 400 a contract break in whatever format.

    An HTML page with 200 where something else was expected comes from the edge and not from the API:
    transient (docs/upstreams/ctgov.md). Redirects that could be followed do not come here.
    """
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in _SERVER_ERROR:
        return Kind.TRANSIENT
    if status not in SUCCESS:
        return Kind.CONTRACT_BREAK
    actual = media_type(content_type)
    if expected_type not in _HTML and (actual in _HTML or _looks_like_html(body_start)):
        return Kind.TRANSIENT
    matches = actual == expected_type or (expected_type == _JSON and is_json(actual))
    return Kind.OK if matches else Kind.CONTRACT_BREAK


def media_type(content_type: str | None) -> str:
    """`application/json` of `Application/JSON; charset=utf-8`; empty where there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def is_json(media: str) -> bool:
    """Whether a media type is JSON or built on it (RFC 6839)."""
    return media == _JSON or media.endswith("+json")


def _looks_like_html(body_start: bytes) -> bool:
    return body_start[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_HTML_STARTS)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came, decompressed; `url` is where it came from in the end.

    `redirects` are the URLs that led there, the one asked for first; empty when there was no redirect.
    """

    kind: Kind
    method: str
    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    redirects: tuple[str, ...] = ()
    conceal: Callable[[str], str] = field(default=str, repr=False, compare=False)
    """Masks what the session sends of its own, where the answer says it back."""

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, type: type[T], *, strict: bool = True) -> T: ...
    def json(self, type: Any = Any, *, strict: bool = True) -> Any:  # noqa: A002 - msgspec's own name for it
        """The body decoded as `type`; unless `strict`, a number may come as text.

        Raises ContractBreak with the URL and the path of the bad value.
        """
        try:
            return decoder(type, strict=strict).decode(self.body)
        except msgspec.DecodeError as error:
            problem = self.conceal(str(error))  # it may quote a value
        raise ContractBreak(
            f"{self.describe()}, which is not what its contract says: {problem}. Compare the contract with "
            "the upstream's documentation; the code must follow before the next run."
        )

    def describe(self) -> str:
        """Request, status and the start of the body in one line, without secrets."""
        reply = describe_reply(self.status, self.headers, self.body, self.conceal)
        return f"{self.conceal(describe_request(self.method, self.url))} answered {reply}"


def describe_request(method: str, url: str) -> str:
    """`GET host/path?query` with the values of secret parameters masked, in one line of bounded length."""
    parts = urlsplit(url)
    query = urlencode(
        [
            (name, "***" if name.lower() in SECRET_PARAMETERS else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ],
        safe="*,:[]|",
    )
    host = parts.netloc.rpartition("@")[2]
    return one_line(f"{method} {host}{parts.path}{'?' if query else ''}{query}", 300)


def describe_reply(
    status: int, headers: Mapping[str, str], body: bytes, conceal: Callable[[str], str] = str
) -> str:
    """`503 text/html "first 200 characters of the body"` in one line, masked before it is cut."""
    line = one_line(f"{status} {conceal(media_type(headers.get('Content-Type')))}", 100)
    start = one_line(conceal(body[:4000].decode("utf-8", "replace")), 200)
    return f'{line} "{start}"' if start else line


def one_line(text: str, limit: int) -> str:
    """Text from outside made fit for a log line: no control characters, at most `limit` characters."""
    clean = "".join(c if c.isprintable() else " " for c in text[: 10 * limit])
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
