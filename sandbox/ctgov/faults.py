"""Switches that make the sample upstream misbehave in the ways the real one has, or may."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, field

from sandbox.sample.switches import Hit, Switch

Kind = Literal[
    "too_many_requests",
    "error",
    "html_page",
    "cut_off",
    "duplicate_page",
    "repeated_token",
    "moving_total",
    "moving_version",
    "slow",
    "wrong_content_type",
    "wrong_type",
    "replaced",
    "lost",
]


class Fault(Switch, frozen=True, kw_only=True):
    """One switch: what goes wrong (`kind`), and for which requests.

    Kinds, with the fields that only they read:
    - too_many_requests: 429 with Retry-After: `retry_after` (seconds or an HTTP date; None leaves it out);
    - error: `status` (500, 503, ...) with a `body` in text or html;
    - html_page: 200 with an HTML page in place of JSON, as an edge server does;
    - cut_off: Content-Length of the whole body, half of the body, then the connection is closed;
    - duplicate_page: a later page holds the studies of the page before it once more, its own are lost;
    - repeated_token: nextPageToken is the token of the very same page, so the walk never ends;
    - moving_total: totalCount is one too large at the first hit, two at the second, ...;
    - moving_version: the data version advances by one day before the request is answered;
    - slow: the answer begins after `delay` seconds;
    - wrong_content_type: the right body, declared as `content_type`;
    - wrong_type: the brief title of every `every`-th study of a page is a number;
    - replaced: `texts` in the body are others: a country got another name, an id is claimed as an alias;
    - lost: /studies answers with `keep` of what it has (0: nothing), or with all but `ids`, and counts no more:
      to windows of updates, lists of ids or questions by id alone where `asked` says so.

    duplicate_page shows only on pages asked for with a token, repeated_token and wrong_type only on /studies,
    moving_total only where totalCount is asked for, lost only on /studies. See Switch for how often a fault strikes.
    """

    kind: Kind
    path: str = "/api/v2/"
    retry_after: int | str | None = 1
    status: Annotated[int, Meta(ge=400, le=599)] = 503
    body: Literal["text", "html"] = "text"
    delay: Annotated[float, Meta(ge=0, le=600)] = 0.1
    content_type: str = "text/plain; charset=UTF-8"
    every: Annotated[int, Meta(ge=1)] = 5
    texts: dict[str, str] = field(default_factory=dict)
    asked: Literal["window", "list", "ids"] | None = None
    keep: Annotated[float, Meta(ge=0, le=1)] = 0.0
    ids: tuple[str, ...] = ()


Hits = Mapping[str, Hit[Fault]]
"""What strikes a request, by kind."""


def can_show(fault: Fault, path: str, parameters: Mapping[str, str]) -> bool:
    """Whether a fault can show in the answer to this request."""
    is_list = path.endswith("/studies")
    asked = {
        "window": "filter.advanced" in parameters,
        "list": "fields" in parameters,
        "ids": "filter.ids" in parameters,
    }
    shows = {
        "duplicate_page": is_list and "pageToken" in parameters,
        "repeated_token": is_list,
        "wrong_type": is_list,
        "lost": is_list and (fault.asked is None or asked[fault.asked]),
        "moving_total": is_list and parameters.get("countTotal") == "true" and "pageToken" not in parameters,
    }
    return path.startswith(fault.path) and shows.get(fault.kind, True)
