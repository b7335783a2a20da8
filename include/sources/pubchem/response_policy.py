"""How PubChem wants to be asked and what its answers mean (docs/upstreams/pubchem.md).

Faults, in JSON or in plain text, are read by their code before the status, since ServerBusy has come behind a 404 and
a refusal can look all green. Only a NotFound says that there is nothing; any other 404 may pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from include.decoding import decoder
from include.upstream.answers import SUCCESS, Kind

THROTTLE = "X-Throttling-Control"
_LOOK_AT = 512
_PENDING, _NOT_FOUND = 202, 404
_SERVER_ERROR = 500
_NUMBERS = re.compile(rb"[0-9\s]+")
_TEXT_FAULT = re.compile(rb"\s*(?:Status: *[0-9]+\s+)?Code: *([A-Za-z.]+)")
"""How a request for TXT is answered: lines Status, Code, Message and Detail."""
_KINDS = {
    "NotFound": Kind.EMPTY,
    "ServerBusy": Kind.TRANSIENT,
    "ServerError": Kind.TRANSIENT,
    "Timeout": Kind.TRANSIENT,
    "Unknown": Kind.TRANSIENT,
    "BadRequest": Kind.CONTRACT_BREAK,
    "NotAllowed": Kind.CONTRACT_BREAK,
    "Unimplemented": Kind.CONTRACT_BREAK,
}
_PAUSES = {"green": 0.0, "yellow": 1.0, "red": 5.0, "black": 60.0}
"""Seconds for which nobody asks after an answer with that colour: below 1 request/s from Yellow on."""
_REFUSED_PAUSE = 30.0
_STATUS = re.compile(r"(?:Request Count|Request Time|Service) status: *([A-Za-z]+)")
_REFUSED = re.compile(r"too many requests|blacklisted", re.IGNORECASE)


class _Fault(msgspec.Struct):
    Code: str


class _FaultBody(msgspec.Struct):
    Fault: _Fault


class SdqStatus(msgspec.Struct, frozen=True):
    """What the SDQ interface says of a query: code 0 is good, below 0 rejected."""

    code: int
    error: str | None = None

    @property
    def rejected(self) -> bool:
        """Whether the query was not answered."""
        return self.code != 0 or bool(self.error)


class SdqSet(msgspec.Struct, frozen=True):
    """The answer to an SDQ query; rows as received."""

    status: SdqStatus
    # Required: without a declared count nothing may be taken for absence.
    totalCount: int  # noqa: N815 - the API's name
    rows: list[msgspec.Raw] | None = None


class Sdq(msgspec.Struct, frozen=True):
    """The body around it."""

    SDQOutputSet: list[SdqSet]


class _RejectedSet(msgspec.Struct):
    status: SdqStatus


class _Rejection(msgspec.Struct):
    SDQOutputSet: list[_RejectedSet]


def classify(status: int, headers: Mapping[str, str], body: bytes) -> Kind | None:
    """What an answer of PubChem means; None where the default rules hold."""
    start = body[:_LOOK_AT]
    if in_text := _TEXT_FAULT.match(start):
        return _kind_of_fault(in_text[1].decode(), status)
    if b'"Fault"' in start:
        try:
            return _kind_of_fault(decoder(_FaultBody).decode(body).Fault.Code, status)
        except msgspec.DecodeError:
            return Kind.TRANSIENT
    if status not in SUCCESS and b'"SDQOutputSet"' in start:
        return Kind.CONTRACT_BREAK if _is_rejected(body) else Kind.TRANSIENT
    if status in (_PENDING, _NOT_FOUND):
        return Kind.TRANSIENT
    # Nothing is agreed on about content types: an answer is what it reads like.
    is_data = start.lstrip().startswith(b"{") or _NUMBERS.fullmatch(body) is not None
    return Kind.OK if status in SUCCESS and is_data else None


def _kind_of_fault(code: str, status: int) -> Kind:
    """What a code means, e.g. PUGREST.NotFound; one that nobody knows is as bad as its status."""
    unknown = Kind.TRANSIENT if status >= _SERVER_ERROR else Kind.CONTRACT_BREAK
    return _KINDS.get(code.rpartition(".")[2], unknown)


def _is_rejected(body: bytes) -> bool:
    try:
        return any(item.status.code < 0 for item in decoder(_Rejection).decode(body).SDQOutputSet)
    except msgspec.DecodeError:
        return False


def pause(headers: Mapping[str, str]) -> float:
    """Seconds for which nobody should ask PubChem after an answer with these headers; 0 for none.

    The worst of the three states of X-Throttling-Control counts, and the suffix by which it refuses while all
    three read Green. No header, no pause.
    """
    stated = headers.get(THROTTLE, "")
    pauses = [_PAUSES.get(colour.lower(), 0.0) for colour in _STATUS.findall(stated)]
    if _REFUSED.search(stated):
        # How long exactly, Retry-After says; this is for answers that lack it.
        pauses.append(0.0 if headers.get("Retry-After") else _REFUSED_PAUSE)
    return max(pauses, default=0.0)
