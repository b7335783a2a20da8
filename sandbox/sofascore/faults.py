"""Switches that make the sample upstream misbehave in the ways the real one has, or may."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from sandbox.sample.switches import Hit, Switch

Kind = Literal[
    "challenge",
    "busy",
    "error",
    "missing",
    "wrong_shape",
    "html",
    "not_json",
    "cut_off",
    "hang_up",
    "slow",
    "garbage",
    "replaced",
    "odd",
    "lost_season",
]


class Fault(Switch, frozen=True, kw_only=True):
    """One switch: what goes wrong (`kind`), and for which requests.

    Kinds that leave nothing of the right answer, with the fields that only they read:
    - challenge: 403 {"error": {"code": 403, "reason": "challenge"}};
    - busy: 429 with Retry-After: `retry_after` (seconds or an HTTP date; None leaves it out);
    - error: a JSON error with `status` (503, 500, 404, ...);
    - missing: 404 as for a part that is not there;
    - wrong_shape: 200 and a JSON object without the key that was asked for;
    - html: an HTML page with `status`, as an edge server sends it;
    - not_json: 200, declared as JSON, that is none;
    - hang_up: the connection is closed without an answer.

    Kinds that change it:
    - cut_off: Content-Length of the whole body, half of the body, then the connection is closed;
    - slow: the answer begins after `delay` seconds;
    - garbage: a number in the body is text (a rating, a kick-off, a minute; of a list the first entry's id);
    - replaced: `texts` in the body are others: a key bears another name.
    - odd: the value at `place` (keys and numbers of entries, as in ["home", "players", 0]) is `value`; a body without
      such a place stays as it is;
    - lost_season: the list of seasons lacks the newest one.

    Requests can be told apart by path (see Switch), by `part` (what is asked for: seasons, rounds, round, last, next,
    day, or a part of a match), by `match` and by `season`. See Switch for how often a fault strikes.
    """

    kind: Kind
    part: str | None = None
    match: int | None = None
    season: int | None = None
    retry_after: int | str | None = 1
    status: Annotated[int, Meta(ge=200, le=599)] = 503
    delay: Annotated[float, Meta(ge=0, le=600)] = 0.1
    texts: dict[str, str] = msgspec.field(default_factory=dict)
    place: tuple[str | int, ...] = ()
    value: Any = None


Hits = Mapping[str, Hit[Fault]]
"""What strikes a request, by kind."""


class Subject(NamedTuple):
    """What a request is about, as far as a fault depends on it. part: seasons, rounds, round, last, next, day, a part
    of a match, or other."""

    part: str
    match: int | None = None
    season: int | None = None


def can_show(fault: Fault, path: str, subject: Subject) -> bool:
    """Whether a fault can show in the answer to this request."""
    return (
        path.startswith(fault.path)
        and fault.part in (None, subject.part)
        and fault.match in (None, subject.match)
        and fault.season in (None, subject.season)
    )


def lose_season(body: bytes) -> bytes:
    """A list of seasons without its first; another body as it is."""
    whole: Any = msgspec.json.decode(body)
    return msgspec.json.encode({**whole, "seasons": whole["seasons"][1:]}) if "seasons" in whole else body


_SPOILT: dict[str, tuple[str | int, ...]] = {
    "event": ("event", "startTimestamp"),
    "lineups": ("home", "players", 0, "statistics", "rating"),
    "statistics": ("statistics", 0, "groups", 0, "statisticsItems", 0, "homeValue"),
    "incidents": ("incidents", 0, "time"),
    "managers": ("homeManager", "id"),
    "graph": ("graphPoints", 0, "minute"),
    "shotmap": ("shotmap", 0, "time"),
    "best_players": ("bestHomeTeamPlayers", 0, "value"),
    "head_to_head": ("teamDuel", "homeWins"),
    "seasons": ("seasons", 0, "id"),
    "rounds": ("rounds", 0, "round"),
}
_SPOILT_ENTRY: tuple[str | int, ...] = ("events", 0, "id")


def spoil(body: bytes, part: str) -> bytes:
    """A body with text where a number belongs; as it is if there is no such number."""
    return put(body, _SPOILT.get(part, _SPOILT_ENTRY), "garbage")


def put(body: bytes, place: tuple[str | int, ...], value: Any) -> bytes:
    """A body with this value at a place; as it is if there is no such place."""
    whole: Any = msgspec.json.decode(body)
    *way, last = place
    inner = whole
    try:
        for step in way:
            inner = inner[step]
        inner[last] = value
    except (KeyError, IndexError, TypeError):
        return body
    return msgspec.json.encode(whole)
