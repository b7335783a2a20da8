"""The upstream's bodies, as far as they are used: one struct per object (contract, event and what follows it).

What the contract says may be missing is optional, and an object that is absent may also come as {}: then it is one
without an id. Numbers may come as 42, 42.0 or "42". A value of another type or beyond what its column can hold is odd:
it reads as absent and is reported, with its place in the body. Where it is needed, or tells who or which side it was,
the body is Unreadable.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from include.decoding import decoder
from include.sources.parsing import may_hold_blank, without_blank, without_nul
from include.sources.sofascore.match_tables import (
    CHANCE,
    GOALS,
    PLAYER_STATISTICS,
    RANGES,
    TEAM_RATIOS,
    TEAM_STATISTICS,
    Range,
    Statistic,
)

Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, Meta(ge=-500_000, le=500_000)]
Number = Annotated[float, Meta(ge=-1e5, le=1e5)]
"""No figure of a match is beyond these; what is would overflow the sums of a career."""
Goals = Annotated[int, Meta(ge=int(GOALS.least), le=int(GOALS.most))]
Chance = Annotated[float, Meta(ge=CHANCE.least, le=CHANCE.most)]
Text = Annotated[str, Meta(max_length=500)]
Moment = Annotated[int, Meta(ge=-5_364_662_400, le=4_102_444_800)]
"""Seconds since 1970, from 1800 to 2100: any other time is a mistake."""

Body = TypeVar("Body", bound=msgspec.Struct)
_NUL = rb"\u0000"
_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")
_DIGITS = 19
"""Whole numbers of more digits are beyond every column."""
ODD_MOST = 100
"""So many odd values of one body are left out; of one that has more nothing is believed."""
_WHO_AND_WHERE = frozenset(
    {
        "player",
        "playerIn",
        "playerOut",
        "assist1",
        "goalkeeper",
        "playerOfTheMatch",
        "homeManager",
        "awayManager",
        "isHome",
        "substitute",
    }
)
"""Fields whose absence would say something else: a card of nobody is a manager's, a goal of no side is nobody's."""
_OF_NOBODY_ELSE = frozenset({"venue", "referee", "manager"})
"""Objects whose id nothing else in a body hangs on."""


class Unreadable(ValueError):
    """A body that cannot be taken for what was asked for; the message names the place."""


class Odd(NamedTuple):
    """A value that its place in a body cannot hold. `row`: the place of the list's entry that it stands in."""

    place: str
    why: str
    value: Any
    row: str = "$"
    player: int | None = None


class _Object(msgspec.Struct, rename="camel", gc=False):
    """An object of a body. Unknown fields are ignored."""


# --- Figures, declared in match_tables.py ------------------------------------------------------------


def _figures(
    name: str, ranges: dict[str, Range], figures: Iterable[tuple[Statistic, str]]
) -> type[msgspec.Struct]:
    """A struct with a field for each figure, named as its column, and as given where it is received."""
    return msgspec.defstruct(
        name,
        [
            (
                figure.column,
                _number(figure, ranges.get(figure.column)) | None,
                msgspec.field(default=None, name=key),
            )
            for figure, key in figures
        ],
        gc=False,
    )


def _number(figure: Statistic, range_: Range | None) -> Any:
    if range_ is None:
        return Count if figure.whole else Number
    kind = int if figure.whole else float
    return Annotated[kind, Meta(ge=kind(range_.least), le=kind(range_.most))]


TOTAL = ".total"
"""What is appended to a ratio's key for its total, in TeamStatistics."""

if TYPE_CHECKING:
    PlayerStatistics = msgspec.Struct
    TeamStatistics = msgspec.Struct
else:
    PlayerStatistics = _figures(
        "PlayerStatistics", RANGES["appearances"], ((figure, figure.key) for figure in PLAYER_STATISTICS)
    )
    TeamStatistics = _figures(
        "TeamStatistics",
        RANGES["match_statistics"],
        [
            *((figure, figure.key) for figure in TEAM_STATISTICS),
            *(
                pair
                for ratio in TEAM_RATIOS
                for pair in (
                    (ratio, ratio.key + TOTAL),
                    (ratio._replace(column=f"{ratio.column}_won"), ratio.key),
                )
            ),
        ],
    )


# --- What several bodies hold ------------------------------------------------------------------------


class Named(_Object):
    """A country or city: what has a name."""

    name: Text | None = None


class Person(_Object):
    """A player, manager or referee. Absent where it has no id."""

    id: Id | None = None
    name: Text | None = None
    short_name: Text | None = None
    slug: Text | None = None
    country: Named | None = None
    position: Text | None = None
    date_of_birth_timestamp: Moment | None = None
    height: Count | None = None
    gender: Text | None = None


# --- event -------------------------------------------------------------------------------------------


class Team(_Object):
    """A team of an event. `manager` is its manager today, who need not be the one of the match."""

    id: Id
    name: Text | None = None
    short_name: Text | None = None
    name_code: Text | None = None
    slug: Text | None = None
    country: Named | None = None
    gender: Text | None = None
    national: bool | None = None
    manager: Person | None = None


class Score(_Object):
    """Goals of a side; {} before the match."""

    display: Goals | None = None
    period1: Count | None = None
    period2: Count | None = None
    normaltime: Count | None = None
    overtime: Count | None = None
    extra1: Count | None = None
    extra2: Count | None = None
    penalties: Count | None = None
    aggregated: Count | None = None


class Tournament(_Object):
    """The stage or group of a competition that a match belongs to."""

    id: Id
    is_group: bool | None = None
    group_name: Text | None = None


class Round(_Object):
    """The round of a match."""

    round: Count | None = None
    name: Text | None = None


class Status(_Object):
    """The state of a match, by its code and by the type that several codes share."""

    code: Count
    type: Text | None = None


class Venue(_Object):
    """Where a match is played."""

    id: Id | None = None
    name: Text | None = None
    city: Named | None = None


class Changes(_Object):
    """When the upstream last changed an event; 0 where it never did."""

    change_timestamp: Moment | None = None


class Event(_Object):
    """A match, as in event lists and, with more detail, in its own body."""

    id: Id
    start_timestamp: Moment
    tournament: Tournament
    status: Status
    home_team: Team
    away_team: Team
    home_score: Score | None = None
    away_score: Score | None = None
    round_info: Round | None = None
    winner_code: Count | None = None
    aggregated_winner_code: Count | None = None
    previous_leg_event_id: Id | None = None
    venue: Venue | None = None
    attendance: Count | None = None
    referee: Person | None = None
    home_red_cards: Count | None = None
    away_red_cards: Count | None = None
    has_xg: bool | None = None
    changes: Changes | None = None


class EventBody(_Object):
    """The answer to /event/{id}."""

    event: Event


# --- lineups -----------------------------------------------------------------------------------------


class LinedUp(_Object):
    """A player in a line-up. `substitute` is false for the starting eleven."""

    player: Person
    position: Text | None = None
    shirt_number: Count | None = None
    substitute: bool | None = None
    captain: bool | None = None
    statistics: PlayerStatistics | None = None


class Lineup(_Object):
    """A side's line-up."""

    players: list[LinedUp] = []


class Lineups(_Object):
    """The answer to /event/{id}/lineups."""

    home: Lineup
    away: Lineup


# --- statistics --------------------------------------------------------------------------------------


class Item(_Object):
    """A figure of both teams. Values of keys that nobody knows may be anything."""

    key: Text
    home_value: Any = None
    away_value: Any = None
    home_total: Any = None
    away_total: Any = None


class Group(_Object):
    """Figures under one heading; the same figure may stand in two groups."""

    statistics_items: list[Item] = []


class Period(_Object):
    """Figures of a period: ALL, 1ST, 2ND."""

    period: Text
    groups: list[Group] = []


class Statistics(_Object):
    """The answer to /event/{id}/statistics."""

    statistics: list[Period]


# --- incidents ---------------------------------------------------------------------------------------


class Incident(_Object):
    """Something that happened in a match; which fields it has depends on its type."""

    incident_type: Text
    id: Id | None = None
    incident_class: Text | None = None
    time: Count | None = None
    added_time: Count | None = None
    is_home: bool | None = None
    player: Person | None = None
    player_in: Person | None = None
    player_out: Person | None = None
    assist1: Person | None = None
    manager: Person | None = None
    player_name: Text | None = None
    home_score: Count | None = None
    away_score: Count | None = None
    text: Text | None = None
    from_: Text | None = msgspec.field(default=None, name="from")
    reason: Text | None = None
    confirmed: bool | None = None
    rescinded: bool | None = None
    injury: bool | None = None
    length: Count | None = None
    sequence: Count | None = None


class Incidents(_Object):
    """The answer to /event/{id}/incidents, newest first."""

    incidents: list[Incident]


# --- the other parts ---------------------------------------------------------------------------------


class Managers(_Object):
    """The answer to /event/{id}/managers: of the match, without countries."""

    home_manager: Person | None = None
    away_manager: Person | None = None


class Point(_Object):
    """Momentum of a minute."""

    minute: Number
    value: Count | None


class Graph(_Object):
    """The answer to /event/{id}/graph."""

    graph_points: list[Point]


class Place(_Object):
    """Coordinates in percent."""

    x: Number | None = None
    y: Number | None = None
    z: Number | None = None


class Shot(_Object):
    """A shot."""

    id: Id
    player: Person
    is_home: bool
    shot_type: Text
    situation: Text | None = None
    body_part: Text | None = None
    goal_type: Text | None = None
    time: Count | None = None
    added_time: Count | None = None
    player_coordinates: Place | None = None
    goal_mouth_location: Text | None = None
    goal_mouth_coordinates: Place | None = None
    xg: Chance | None = None
    xgot: Chance | None = None
    goalkeeper: Person | None = None


class Shotmap(_Object):
    """The answer to /event/{id}/shotmap."""

    shotmap: list[Shot]


class BestPlayer(_Object):
    """A player whom the upstream calls one of the best; the value comes as text ("7.6")."""

    player: Person | None = None
    label: Text | None = None
    value: Number | None = None


class BestPlayers(_Object):
    """The answer to /event/{id}/best-players/summary, the best of a side first."""

    best_home_team_players: list[BestPlayer] = []
    best_away_team_players: list[BestPlayer] = []
    player_of_the_match: BestPlayer | None = None


class Duel(_Object):
    """How earlier meetings ended."""

    home_wins: Count | None = None
    away_wins: Count | None = None
    draws: Count | None = None


class HeadToHead(_Object):
    """The answer to /event/{id}/h2h."""

    team_duel: Duel | None = None
    manager_duel: Duel | None = None


# --- Reading -----------------------------------------------------------------------------------------


def read(body: msgspec.Raw, shape: type[Body], odd: list[Odd]) -> Body:
    """A body as its struct, without U+0000, which databases cannot hold, and without empty texts.

    Adds to `odd` what was left out. Raises Unreadable.
    """
    raw = bytes(body)
    found = _read(raw, shape, odd)
    return without_blank(found) if may_hold_blank(raw) else found


def _read(raw: bytes, shape: type[Body], odd: list[Odd]) -> Body:
    try:
        if _NUL not in raw:
            found: Body = decoder(shape, strict=False).decode(raw)
            return found
        problem = "it is no JSON"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = str(error)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    try:
        tree = without_nul(json.loads(raw.decode(), parse_int=_whole))
        json.dumps(tree, ensure_ascii=False).encode()  # half a surrogate pair cannot be written
        return _without_odd(tree, shape, odd)
    except Unreadable:
        raise
    except ValueError:
        raise Unreadable(problem) from None
    except RecursionError:
        raise Unreadable("nested too deeply") from None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def _without_odd(tree: Any, shape: type[Body], odd: list[Odd]) -> Body:
    """A decoded body as its struct, one odd value after the other taken for absent."""
    taken: dict[str, Odd] = {}
    while True:
        try:
            found = msgspec.convert(tree, shape, strict=False)
        except msgspec.ValidationError as error:
            why, _, place = str(error).rstrip("`").partition(" - at `")
            if place in taken:  # absent it is no better
                raise Unreadable(f"{taken[place].why} - at `{place}`") from None
            if not place or len(taken) == ODD_MOST or _is_needed(place):
                raise Unreadable(str(error)) from None
            taken[place] = _take(tree, place, why)
        else:
            odd.extend(each for each in taken.values() if not _is_blank(each.value))
            return found


def _is_blank(value: Any) -> bool:
    """Whether it is a text that says nothing, which is no odd value but an absent one."""
    return isinstance(value, str) and not value.strip()


def _is_needed(place: str) -> bool:
    """Whether a value tells who or which it is."""
    names = [name for name, _ in _STEP.findall(place) if name]
    holder, key = ["", *names][-2:]
    return key in _WHO_AND_WHERE or (key == "id" and holder not in _OF_NOBODY_ELSE)


def _take(tree: Any, place: str, why: str) -> Odd:
    """Make the value at a place null; returns what it was, with the player whose entry it stands in."""
    *steps, last = [name or int(number) for name, number in _STEP.findall(place)]
    holder, player = tree, None
    for step in steps:
        holder = holder[step]
        if isinstance(holder, dict):
            player = _player(holder) or player
    value, holder[last] = holder[last], None
    return Odd(place, why, value, place[: place.rfind("]") + 1] or "$", player)


def _player(holder: dict[str, Any]) -> int | None:
    """The player of an entry of a line-up, an incident, a shot."""
    for name in ("player", "playerIn"):
        person = holder.get(name)
        if isinstance(person, dict) and isinstance(person.get("id"), int):
            number: int = person["id"]
            return number
    return None


def figures(values: dict[str, Any], odd: list[Odd], row: str) -> TeamStatistics:
    """Figures of a team by the upstream's keys. Adds to `odd` what was left out; `row` tells where they stand."""
    while True:
        try:
            return msgspec.convert(values, TeamStatistics, strict=False)
        except msgspec.ValidationError as error:
            why, _, place = str(error).rstrip("`").partition(" - at `$.")
            if not _is_blank(values[place]):
                odd.append(Odd(f"{row}.{place}", why, values[place], row))
            values[place] = None
