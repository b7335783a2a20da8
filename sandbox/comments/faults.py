"""Switches that make Apify's API misbehave in the ways the real one has, or may."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sandbox.sample.switches import Hit, Switch

Kind = Literal[
    "busy",
    "error",
    "revoked",
    "missing",
    "html",
    "not_json",
    "hang_up",
    "cut_off",
    "slow",
    "garbage",
    "replaced",
    "growing",
    "wrong_total",
    "no_total",
    "empty_page",
]


class Fault(Switch, frozen=True, kw_only=True):
    """One switch: what goes wrong (`kind`), and for which requests.

    Kinds that leave nothing of the right answer, with the fields that only they read:
    - busy: 429 rate-limit-exceeded with Retry-After: `retry_after` (seconds or an HTTP date; None leaves it out);
    - error: a JSON error with `status` (500, 502, 503, ...);
    - revoked: 401 user-or-token-not-found, whatever the token;
    - missing: 404 record-not-found, as for a dataset that was deleted;
    - html: an HTML page with `status`, as an edge server sends it;
    - not_json: 200, declared as JSON, that is none;
    - hang_up: the connection is closed without an answer.

    Kinds that change it, and show where items are asked for:
    - cut_off: Content-Length of the whole body, half of the body, then the connection is closed;
    - slow: the answer begins after `delay` seconds;
    - garbage: the first item has an object where each of its values belongs;
    - replaced: `texts` in the body are others: a key bears another name;
    - growing: the last scrape is under way: only the share `keep` of its items is there, and with each request
      that this strikes come `items` more (so set `times` to null);
    - wrong_total, no_total: X-Apify-Pagination-Total is wrong by `items`, or missing;
    - empty_page: no items, though the total says that there are more.

    Requests can be told apart by path (see Switch) and by `dataset`. See Switch for how often a fault strikes.
    """

    kind: Kind
    dataset: str | None = None
    retry_after: int | str | None = 1
    status: Annotated[int, Meta(ge=200, le=599)] = 503
    delay: Annotated[float, Meta(ge=0, le=600)] = 0.1
    texts: dict[str, str] = msgspec.field(default_factory=dict)
    keep: Annotated[float, Meta(ge=0, le=1)] = 0.5
    items: int = 10


Hits = Mapping[str, Hit[Fault]]
"""What strikes a request, by kind."""
_OF_ITEMS = {"cut_off", "garbage", "replaced", "growing", "wrong_total", "no_total", "empty_page"}


def can_show(fault: Fault, path: str, dataset: str | None, items: bool) -> bool:
    """Whether a fault can show in the answer to this request. items: whether it asks for items."""
    return (
        path.startswith(fault.path)
        and fault.dataset in (None, dataset)
        and (items or fault.kind not in _OF_ITEMS)
    )
