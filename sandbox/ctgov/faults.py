"""Switches that make the sample upstream misbehave in the ways the real one has, or may."""

import random
import threading
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

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
]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
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
    - wrong_content_type: the right body, declared as `content_type`.

    A request counts if its path begins with `path` and the kind can show in it: duplicate_page only on pages
    asked for with a token, repeated_token only on /studies, moving_total only where totalCount is asked for.
    Of the requests that count since the switch was set, numbered from 1, those from number `first` on are hit
    with `probability`, until there were `times` hits (None: no end). Chance is seeded and the same at every
    run.
    """

    kind: Kind
    path: str = "/api/v2/"
    first: Annotated[int, Meta(ge=1)] = 1
    times: Annotated[int, Meta(ge=1)] | None = 1
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    retry_after: int | str | None = 1
    status: Annotated[int, Meta(ge=400, le=599)] = 503
    body: Literal["text", "html"] = "text"
    delay: Annotated[float, Meta(ge=0, le=600)] = 0.1
    content_type: str = "text/plain; charset=UTF-8"


class Hit(msgspec.Struct, frozen=True):
    """A fault that strikes a request, for the `number`-th time."""

    fault: Fault
    number: int


class _Switch:
    def __init__(self, fault: Fault, seed: int) -> None:
        self.fault = fault
        self.seen = 0
        self.hits = 0
        self.chance = random.Random(seed)


class Faults:
    """The switches that are set, and their counters; safe for threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._switches: list[_Switch] = []
        self._lock = threading.Lock()

    def set(self, faults: Sequence[Fault | Mapping[str, Any]]) -> None:
        """Replace all switches and start their counters anew; raises msgspec.ValidationError for a bad
        one."""
        checked = [
            fault if isinstance(fault, Fault) else msgspec.convert(dict(fault), Fault, strict=True)
            for fault in faults
        ]
        with self._lock:
            self._switches = [_Switch(fault, self._seed + k) for k, fault in enumerate(checked)]

    def current(self) -> list[Fault]:
        """The switches that are set, spent ones too."""
        with self._lock:
            return [switch.fault for switch in self._switches]

    def strike(self, path: str, parameters: Mapping[str, str]) -> dict[str, Hit]:
        """Count a request and return what hits it, by kind."""
        with self._lock:
            return {
                switch.fault.kind: Hit(switch.fault, switch.hits)
                for switch in self._switches
                if _can_show(switch.fault, path, parameters) and _strikes(switch)
            }


def _can_show(fault: Fault, path: str, parameters: Mapping[str, str]) -> bool:
    is_list = path.endswith("/studies")
    shows = {
        "duplicate_page": is_list and "pageToken" in parameters,
        "repeated_token": is_list,
        "moving_total": is_list and parameters.get("countTotal") == "true" and "pageToken" not in parameters,
    }
    return path.startswith(fault.path) and shows.get(fault.kind, True)


def _strikes(switch: _Switch) -> bool:
    fault = switch.fault
    switch.seen += 1
    if switch.seen < fault.first or (fault.times is not None and switch.hits >= fault.times):
        return False
    if switch.chance.random() >= fault.probability:
        return False
    switch.hits += 1
    return True
