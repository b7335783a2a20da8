"""Reads the parameters of /studies and /studies/{nctId} and finds the matching studies (docs/upstreams/ctgov.md).

Served in full: fields, filter.ids, filter.overallStatus, sort, countTotal, pageSize, pageToken and the same
filters as postFilter.*. filter.advanced understands AREA[..]RANGE[..,..] on the two posting dates, joined by
AND. What upstream knows and the sample does not serve (query.*, csv, other areas) is a 400 that says so; what
upstream does not know is a 400 in upstream's words.
"""

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.ctgov.corpus import LISTED, MISSING, STATUS_CODE, Corpus, scramble, scramble_column
from sandbox.ctgov.fields import FIELDS, Mask, mask_of

DEFAULT_PAGE_SIZE = 10
MAX_PAGE_SIZE = 1_000
MAX_SORT_FIELDS = 2

_NCT_ID = re.compile(r"[Nn][Cc][Tt]0*([1-9]\d{0,7})")
_SEPARATOR = re.compile(r"[,|]")
_RANGE = re.compile(r"AREA\[(\w+)\]\s*RANGE\[\s*([^,\[\]]*?)\s*,\s*([^,\[\]]*?)\s*\]")
_AREA = re.compile(r"AREA\[(\w+)\]")

_FILTERS = ("ids", "overallStatus", "advanced")
_STUDY_PARAMETERS = {"format", "markupFormat", "fields"}
_LIST_PARAMETERS = (
    _STUDY_PARAMETERS
    | {"sort", "countTotal", "pageSize", "pageToken"}
    | {f"{prefix}.{name}" for prefix in ("filter", "postFilter") for name in _FILTERS}
)
_NOT_SERVED = re.compile(
    r"query\.(cond|term|locn|titles|intr|outc|spons|lead|id|patient)"
    r"|(filter|postFilter)\.(geo|synonyms)|aggFilters|geoDecay"
)
_AREAS = {"LastUpdatePostDate": "last_update", "StudyFirstPostDate": "first_post"}
# Path of a sortable field -> column, and whether it is descending unless told otherwise (dates are).
_SORTABLE = {
    FIELDS["LastUpdatePostDate"]: ("last_update", True),
    FIELDS["StudyFirstPostDate"]: ("first_post", True),
    FIELDS["StartDate"]: ("start", True),
    FIELDS["EnrollmentCount"]: ("enrollment", False),
}


class BadRequestError(ValueError):
    """A request that upstream answers with 400; the message is the text of the answer."""


@dataclass(frozen=True)
class Selection:
    """Which studies, in which order. ranges: (column, first day, last day); sort: (column, descending).

    ids: NCT numbers, canonical or alias. statuses: codes of overallStatus. None filters nothing.
    """

    ranges: tuple[tuple[str, int, int], ...] = ()
    ids: frozenset[int] | None = None
    statuses: frozenset[int] | None = None
    sort: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class ListQuery:
    """One request for a page. offset: number of matching studies before it; first: no token was given."""

    selection: Selection
    mask: Mask
    page_size: int
    offset: int
    first: bool
    count_total: bool


def parse_list_query(parameters: Mapping[str, str], seed: int) -> ListQuery:
    """Read the parameters of /studies; raises BadRequestError."""
    _check_parameters(parameters, _LIST_PARAMETERS)
    ranges: list[tuple[str, int, int]] = []
    ids: list[frozenset[int]] = []
    statuses: list[frozenset[int]] = []
    for prefix in ("filter", "postFilter"):
        if (text := parameters.get(f"{prefix}.advanced")) is not None:
            ranges += _parse_advanced(text)
        if (text := parameters.get(f"{prefix}.ids")) is not None:
            ids.append(_parse_ids(text, f"{prefix}.ids"))
        if (text := parameters.get(f"{prefix}.overallStatus")) is not None:
            statuses.append(_parse_statuses(text))
    token = parameters.get("pageToken")
    return ListQuery(
        selection=Selection(
            ranges=tuple(ranges),
            ids=frozenset.intersection(*ids) if ids else None,
            statuses=frozenset.intersection(*statuses) if statuses else None,
            sort=_parse_sort(parameters["sort"]) if "sort" in parameters else (),
        ),
        mask=parse_fields(parameters),
        page_size=_parse_page_size(parameters.get("pageSize", "0")),
        offset=0 if token is None else read_token(token, seed),
        first=token is None,
        count_total=_parse_flag("countTotal", parameters.get("countTotal", "false")),
    )


def parse_study_query(parameters: Mapping[str, str]) -> Mask:
    """Read the parameters of /studies/{nctId}; raises BadRequestError."""
    _check_parameters(parameters, _STUDY_PARAMETERS)
    return parse_fields(parameters)


def parse_nct_id(text: str) -> int | None:
    """The number of an NCT id, None if the text is none."""
    match = _NCT_ID.fullmatch(text)
    return int(match[1]) if match else None


def _check_parameters(parameters: Mapping[str, str], known: set[str]) -> None:
    for name in parameters:
        if name not in known:
            if known is _LIST_PARAMETERS and _NOT_SERVED.fullmatch(name):
                raise BadRequestError(f"Parameter `{name}` is not served by the sample upstream")
            raise BadRequestError(f"`{name}` is unknown parameter")
    for name, served in (("format", "json"), ("markupFormat", "markdown")):
        if parameters.get(name, served) != served:
            raise BadRequestError(f"Invalid value in parameter `{name}`: `{parameters[name]}`")


def parse_fields(parameters: Mapping[str, str]) -> Mask:
    """The mask that `fields` asks for; empty (everything) without the parameter."""
    if "fields" not in parameters:
        return {}
    try:
        return mask_of([name.strip() for name in _SEPARATOR.split(parameters["fields"])])
    except KeyError as unknown:
        raise BadRequestError(f"Parameter 'fields' contains invalid field name: {unknown}") from None


def _parse_advanced(text: str) -> list[tuple[str, int, int]]:
    where = "Error parsing query in advanced filter"
    ranges = []
    for clause in re.split(r"\s+AND\s+", text.strip()):
        for area in _AREA.findall(clause):
            if area not in FIELDS:
                raise BadRequestError(f"{where}: Unknown area name: `{area}`")
        match = _RANGE.fullmatch(clause)
        if match is None:
            raise BadRequestError(f"{where}: cannot read `{clause}`")
        area, low, high = match.groups()
        if area not in _AREAS:
            raise BadRequestError(f"{where}: area `{area}` is not served by the sample upstream")
        first = date.min.toordinal() if low == "MIN" else _parse_day(low, where)
        last = date.max.toordinal() if high == "MAX" else _parse_day(high, where)
        ranges.append((_AREAS[area], first, last))
    return ranges


def _parse_day(text: str, where: str) -> int:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadRequestError(f"{where}: Invalid date: `{text}`") from None
    return day.toordinal()


def _parse_ids(text: str, parameter: str) -> frozenset[int]:
    numbers = []
    for position, item in enumerate(_SEPARATOR.split(text), start=1):
        number = parse_nct_id(item.strip())
        if number is None:
            raise BadRequestError(f"Item {position} in parameter `{parameter}` has incorrect format")
        numbers.append(number)
    return frozenset(numbers)


def _parse_statuses(text: str) -> frozenset[int]:
    for name in _SEPARATOR.split(text):
        if name not in STATUS_CODE:
            raise BadRequestError(f"Invalid value in parameter `overallStatus`: `{name}`")
    return frozenset(STATUS_CODE[name] for name in _SEPARATOR.split(text))


def _parse_sort(text: str) -> tuple[tuple[str, bool], ...]:
    items = _SEPARATOR.split(text)
    if len(items) > MAX_SORT_FIELDS:
        raise BadRequestError(f"Too many sort fields: {len(items)}")
    keys = []
    for item in items:
        name, _, direction = item.partition(":")
        if direction not in ("", "asc", "desc"):
            raise BadRequestError(f"Invalid sort direction: {direction}")
        if name == "@relevance":
            continue
        if name not in FIELDS:
            raise BadRequestError(f"Unknown sort field: {name}")
        if FIELDS[name] not in _SORTABLE:
            if name.endswith("Date"):
                raise BadRequestError(f"Sort field {name} is not served by the sample upstream")
            raise BadRequestError("Unsupported sort field type: text")
        column, descends = _SORTABLE[FIELDS[name]]
        keys.append((column, direction == "desc" if direction else descends))
    return tuple(keys)


def _parse_page_size(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise BadRequestError(f"Invalid value in parameter `pageSize`: `{text}`")
    return min(int(text) or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def _parse_flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise BadRequestError(f"Invalid value in parameter `{name}`: `{text}`")
    return text == "true"


# --- page tokens

_TOKEN = struct.Struct(">IHH")


def write_token(offset: int, day: int, seed: int) -> str:
    """An opaque token of 11 to 50 characters for the page that begins at `offset` in data version number
    `day`.

    Nothing in it names the query, so a token used with other parameters gives the new query at the old
    offset. In another data version it does the same: a client that keeps its token across versions misses and
    repeats studies without being told (the worst that upstream may do).
    """
    check = scramble(seed, offset, day)
    plain = _TOKEN.pack(offset, day & 0xFFFF, check & 0xFFFF)
    hidden = bytes(a ^ b for a, b in zip(plain, _pad(seed), strict=True))
    filler = check.to_bytes(8, "big") * 4
    return base64.urlsafe_b64encode(hidden + filler[: check % 30]).rstrip(b"=").decode()


def read_token(text: str, seed: int) -> int:
    """The offset in a token, of whatever data version; raises BadRequestError for anything that is none of
    ours."""
    try:
        token = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        plain = bytes(a ^ b for a, b in zip(token[: _TOKEN.size], _pad(seed), strict=True))
        offset, day, _ = _TOKEN.unpack(plain)
    except (ValueError, binascii.Error, struct.error):
        raise BadRequestError("Parameter `pageToken` has incorrect format") from None
    if write_token(offset, day, seed) != text:
        raise BadRequestError("Parameter `pageToken` has incorrect format")
    return int(offset)


def _pad(seed: int) -> bytes:
    return scramble(seed, 104).to_bytes(8, "big")


# --- finding


def select(corpus: Corpus, selection: Selection) -> NDArray[np.int32]:
    """Indices of the matching studies in the order of the answer.

    Without `sort` the order is arbitrary, and another one in every data version. Ties are in that order, too;
    studies without the sort field come last in either direction.
    """
    matching = corpus.column("state") == LISTED
    for column, first, last in selection.ranges:
        values = corpus.column(column)
        matching &= (values != MISSING) & (values >= first) & (values <= last)
    if selection.statuses is not None:
        matching &= np.isin(corpus.column("status"), list(selection.statuses))
    if selection.ids is not None:
        found = [corpus.find(number) for number in selection.ids]
        named = np.zeros(len(corpus), np.bool_)
        named[[index for index in found if index is not None]] = True
        matching &= named
    indices = np.flatnonzero(matching)
    keys: list[NDArray[Any]] = [scramble_column(indices.astype(np.uint64), corpus.seed, 105, corpus.day)]
    for column, descending in reversed(selection.sort):
        values = corpus.column(column)[indices].astype(np.int64)
        missing = values == MISSING
        keys += [-values if descending else values, missing]
    return indices[np.lexsort(keys)].astype(np.int32)
