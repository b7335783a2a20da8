"""What landed of a match, turned into rows of the base tables. Pure: records in, tuples out.

Tuples are in the order of the table's columns, content_hash last, which is None until the row is written. An odd
value is null and refused alone (payloads.py).
A part that cannot be read is refused alone, except the event: without it nobody knows the teams, so the other parts of
the same reply cannot be placed. Where the upstream says the same thing twice (a player, a shot, a minute), the first
one counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import astuple

from include.sources.sofascore import payloads
from include.sources.sofascore.match_tables import (
    GOALS,
    PARTS,
    PLAYED,
    PLAYER_STATISTICS,
    RATING,
    RATING_LABEL,
    SUCCEEDED,
    state_of,
)
from include.sources.sofascore.payloads import Event, Odd, Person, Score, Unreadable, read
from include.sources.sofascore.records import Listed, Reply

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
"""Rows by table."""
People = list[Person | None]

NO_MINUTE = 999
"""What the upstream sends as the minute of a shoot-out and as the added minute of a period (contract, incidents)."""
_SIDES = {1: "home", 2: "away"}
_WINNERS = {**_SIDES, 3: "draw"}
DETAIL_LENGTH = 500

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_FIGURES = (None,) * len(PLAYER_STATISTICS)
_COLUMNS = {figure.key: figure.column for figure in PLAYER_STATISTICS}
_MINUTES_PLAYED = [figure.column for figure in PLAYER_STATISTICS].index("minutes_played")
# What an absent object reads as. Shared, therefore never changed.
_NO_NAME = payloads.Named()
_NOBODY = Person()
_NO_SCORE = Score()
_NO_ROUND = payloads.Round()
_NO_VENUE = payloads.Venue()
_NO_CHANGES = payloads.Changes()
_NO_PLACE = payloads.Place()
_NO_DUEL = payloads.Duel()


@dataclass(frozen=True, slots=True)
class Refused:
    """A part that came and cannot be read. `detail` names match, part and the place in the body."""

    part: str
    detail: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OddRow:
    """The odd values of a row that is taken without them. `kind` is that of the table's values; `content`: by place."""

    kind: str
    key: str
    detail: str
    content: bytes


@dataclass(slots=True)
class Parsed:
    """What a reply gave. `arrived` counts rows by the kind of their values, to compare `odd` with."""

    rows: Rows = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    odd: list[OddRow] = field(default_factory=list)
    arrived: Counter[str] = field(default_factory=Counter)

    def take(self, record: Listed | Reply, part: str, table: str, rows: list[Row], odd: list[Odd]) -> None:
        """Take the rows of a part and what was left out of them."""
        self.rows[table] = _to_be_hashed(rows)
        found = _odd_rows(f"match {record.match}", part, f"{table}_values", odd)
        self.odd += found
        self.arrived[f"{table}_values"] += max(len(rows), len(found))


@dataclass(frozen=True, slots=True)
class _Match:
    """What the parts need of their match. `season` is its competition, season and the season's year."""

    record: Listed | Reply
    event: Event
    id: int
    season: tuple[int, int, int]
    kickoff: datetime

    def side(self, is_home: bool) -> tuple[int, str]:
        """The team of a side, and the side's name."""
        return (self.event.home_team.id, "home") if is_home else (self.event.away_team.id, "away")


# --- Records -----------------------------------------------------------------------------------------


def of_listed(listed: Listed) -> Parsed:
    """The rows of an entry of an event list: the match, unless only names are of interest, and its teams.

    Raises Unreadable.
    """
    parsed, odd = Parsed(), list[Odd]()
    match = _match(listed, read(listed.event, Event, odd))
    if not listed.only_names:
        parsed.take(listed, "entry of a list", "matches", [_match_row(match)], odd)
    parsed.rows["teams"] = _to_be_hashed(_team_rows(match))
    return parsed


def of_reply(reply: Reply) -> Parsed:
    """The rows of every part of a reply that can be read, of whom it names, and of how each part ended."""
    parsed = Parsed()
    ended: dict[str, tuple[str, int, str | None]] = dict.fromkeys(reply.none, ("none", 0, None))
    ended |= {part: ("failed", 0, error[:DETAIL_LENGTH]) for part, error in reply.failed.items()}
    match: _Match | None = None
    named: dict[str, People] = {}
    for part in PARTS:
        if part not in reply.parts:
            continue
        body, odd = reply.parts[part], list[Odd]()
        try:
            if part == "event":
                match = _match(reply, read(body, payloads.EventBody, odd).event)
                table, rows = "matches", [_match_row(match)]
            else:
                table, shape, rows_of = _PARTS[part]
                known = _known(match)
                rows, named[part] = rows_of(read(body, shape, odd), known, odd)
        except Unreadable as unreadable:
            detail = f"Match {reply.match}, {part}: {unreadable}"[:DETAIL_LENGTH]
            parsed.refused.append(Refused(part, detail, bytes(body)))
            ended[part] = ("refused", 0, detail)
        else:
            ended[part] = ("done", len(rows), None)
            parsed.take(reply, part, table, rows, odd)
    parsed.rows["match_parts"] = _to_be_hashed(
        (reply.match, part, *_season(reply), state, count, reply.asked_at, error)
        for part, (state, count, error) in ended.items()
    )
    if match:
        managers = named.pop("managers", [])
        players = [person for people in named.values() for person in people]
        parsed.rows["teams"] = _to_be_hashed(_team_rows(match))
        parsed.rows["players"] = _to_be_hashed(_player_rows(players, match))
        parsed.rows["managers"] = _to_be_hashed(_manager_rows(managers, match))
    return parsed


def _to_be_hashed(rows: Iterable[Row]) -> list[Row]:
    return [(*row, None) for row in rows]


def _odd_rows(match: str, part: str, kind: str, odd: list[Odd]) -> list[OddRow]:
    """The odd values of a part, one for each row that they stand in."""
    found: dict[str, list[Odd]] = {}
    for each in odd:
        found.setdefault(each.row, []).append(each)
    return [_odd_row(match, part, kind, values) for values in found.values()]


def _odd_row(match: str, part: str, kind: str, values: list[Odd]) -> OddRow:
    key = f"{match} {part}" + (f" player {values[0].player}" if values[0].player else "")
    said = "; ".join(
        f"{each.why} - at `{each.place}`, which says {str(each.value)[:50]!r}" for each in values
    )
    content = json.dumps({each.place: each.value for each in values}).encode()
    return OddRow(kind, key, f"{key.capitalize()}: {said}"[:DETAIL_LENGTH], content)


def _season(record: Listed | Reply) -> tuple[int, int, int]:
    return record.competition, record.season, record.season_year


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


# --- Events ------------------------------------------------------------------------------------------


def _match(record: Listed | Reply, event: Event) -> _Match:
    if event.id != record.match:
        raise Unreadable(f"it is match {event.id}, which was not asked for")
    return _Match(record, event, event.id, _season(record), _time(event.start_timestamp))


def _known(match: _Match | None) -> _Match:
    if match is None:
        raise Unreadable("the event, which tells the teams, is not there or cannot be read")
    return match


def _match_row(match: _Match) -> Row:
    event = match.event
    state = state_of(event.status.code, event.status.type)
    played = state in PLAYED
    home, away = event.home_score or _NO_SCORE, event.away_score or _NO_SCORE
    round_ = event.round_info or _NO_ROUND
    venue, referee = event.venue or _NO_VENUE, event.referee or _NOBODY
    changed = (event.changes or _NO_CHANGES).change_timestamp
    return (
        match.id,
        *match.season,
        event.tournament.id,
        event.tournament.group_name if event.tournament.is_group else None,
        round_.round,
        round_.name,
        match.kickoff,
        event.status.code,
        state,
        played,
        event.home_team.id,
        event.away_team.id,
        *_score(home, event.home_red_cards),
        *_score(away, event.away_red_cards),
        _result(_goals(home), _goals(away)) if played else None,
        _WINNERS.get(event.winner_code or 0),
        _SIDES.get(event.aggregated_winner_code or 0),
        event.previous_leg_event_id,
        venue.id,
        venue.name,
        (venue.city or _NO_NAME).name,
        event.attendance,
        referee.id,
        referee.name,
        event.has_xg,
        _time(changed) if changed else None,
        match.record.listing,
        match.record.asked_at,
    )


def _goals(score: Score) -> int | None:
    """Goals without a shoot-out. `current` has those of the shoot-out and is never read (contract, event)."""
    if score.display is not None or score.normaltime is None:
        return score.display
    goals = score.normaltime + (score.overtime or 0)
    return goals if GOALS.holds(goals) else None


def _score(score: Score, red_cards: int | None) -> Row:
    return (
        _goals(score),
        score.period1,
        score.period2,
        score.normaltime,
        score.overtime,
        score.extra1,
        score.extra2,
        score.penalties,
        score.aggregated,
        red_cards,
    )


def _result(home: int | None, away: int | None) -> str | None:
    if home is None or away is None:
        return None
    return "H" if home > away else "A" if home < away else "D"


# --- Whom a match names ------------------------------------------------------------------------------


def _team_rows(match: _Match) -> list[Row]:
    return [
        (
            team.id,
            team.name or team.short_name or team.slug or str(team.id),
            team.short_name,
            team.name_code,
            team.slug,
            (team.country or _NO_NAME).name,
            team.gender,
            team.national,
            match.kickoff,
        )
        for team in (match.event.home_team, match.event.away_team)
    ]


def _player_rows(people: People, match: _Match) -> list[Row]:
    return [
        (
            id_,
            name or short_name or slug or str(id_),
            short_name,
            slug,
            position,
            country,
            _day(born),
            height,
            gender,
            match.kickoff,
        )
        for id_, (name, short_name, slug, position, country, born, height, gender) in _details(people).items()
    ]


def _manager_rows(people: People, match: _Match) -> list[Row]:
    """Managers of the match. Their country stands in the event only, with the teams' managers of today."""
    known = {manager.id for manager in people if manager}
    today = [match.event.home_team.manager, match.event.away_team.manager]
    people = [*people, *(manager for manager in today if manager and manager.id in known)]
    return [
        (id_, name or short_name or slug or str(id_), short_name, country, match.kickoff)
        for id_, (name, short_name, slug, _, country, *_) in _details(people).items()
    ]


def _details(people: People) -> dict[int, Row]:
    """What is said of each person: by column what the first of those said who say anything."""
    found: dict[int, Row] = {}
    for person in people:
        if person is None or person.id is None:
            continue
        known = found.get(person.id)
        if known is not None and None not in known:
            continue
        detail: Row = (
            person.name,
            person.short_name,
            person.slug,
            person.position,
            person.country.name if person.country else None,
            person.date_of_birth_timestamp,
            person.height,
            person.gender,
        )
        if known is not None and known != detail:
            detail = tuple(new if old is None else old for old, new in zip(known, detail, strict=True))
        found[person.id] = detail
    return found


@lru_cache(maxsize=1 << 16)
def _day(seconds: int | None) -> date | None:
    return None if seconds is None else _time(seconds).date()


def _id(person: Person | None, place: str) -> int:
    if person is None or person.id is None:
        raise Unreadable(f"no player is named - at `{place}`")
    return person.id


# --- Parts of a match --------------------------------------------------------------------------------


def _appearances(body: payloads.Lineups, match: _Match, odd: list[Odd]) -> tuple[list[Row], People]:
    rows: dict[int, Row] = {}
    people: People = []
    refused = _refused_figures(odd)
    stated = _stated([*body.home.players, *body.away.players])
    for is_home, lineup in ((True, body.home), (False, body.away)):
        team, side = match.side(is_home)
        for number, entry in enumerate(lineup.players):
            place = f"$.{side}.players[{number}]"
            player = _id(entry.player, f"{place}.player")
            people.append(entry.player)
            if player in rows:
                continue
            of_player = refused.get(place, [])
            if entry.statistics:
                none = stated.difference(of_player) if of_player else stated
                for column, each in _more_than_tried("appearances", entry.statistics, place, none):
                    odd.append(each._replace(player=player))
                    of_player = [*of_player, column]
            figures = astuple(entry.statistics) if entry.statistics else _NO_FIGURES
            started = entry.substitute is False
            rows[player] = (
                match.id,
                player,
                *match.season,
                team,
                side,
                entry.position,
                entry.shirt_number,
                started,
                started or (figures[_MINUTES_PLAYED] or 0) > 0,
                entry.captain is True,
                *figures,
                of_player or None,
            )
    return list(rows.values()), people


def _refused_figures(odd: list[Odd]) -> dict[str, list[str]]:
    """The columns of figures that were left out, by the place of their player."""
    found: dict[str, list[str]] = {}
    for each in odd:
        holder, _, key = each.place.rpartition(".")
        if holder == f"{each.row}.statistics":
            found.setdefault(each.row, []).append(_COLUMNS[key])
    return found


def _stated(players: list[payloads.LinedUp]) -> set[str]:
    """What was tried, as far as the figure of a player who lacks it is 0: others of the match have it."""
    return {
        tried
        for tried in SUCCEEDED["appearances"].values()
        if any(each.statistics and getattr(each.statistics, tried) for each in players)
    }


def _more_than_tried(table: str, figures: msgspec.Struct, row: str, none: set[str]) -> list[tuple[str, Odd]]:
    """Take out what succeeded more often than it was tried, which is 0 for what is in `none` and absent."""
    found = []
    for succeeded, tried in SUCCEEDED[table].items():
        value, most = getattr(figures, succeeded), getattr(figures, tried)
        if value is None or value <= (most or 0) or (most is None and tried not in none):
            continue
        setattr(figures, succeeded, None)
        found.append((succeeded, Odd(f"{row}.{succeeded}", f"more than {most or 0} {tried}", value, row)))
    return found


def _match_statistics(body: payloads.Statistics, match: _Match, odd: list[Odd]) -> tuple[list[Row], People]:
    rows: dict[tuple[str, str], Row] = {}
    for period in body.statistics:
        sides: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for group in period.groups:
            for item in group.statistics_items:
                if item.key in sides[0]:  # "Total shots" stands in two groups
                    continue
                for values, value, total in (
                    (sides[0], item.home_value, item.home_total),
                    (sides[1], item.away_value, item.away_total),
                ):
                    values[item.key] = value
                    values[item.key + payloads.TOTAL] = total
        for is_home, values in zip((True, False), sides, strict=True):
            team, side = match.side(is_home)
            row = f"{period.period} {side}"
            figures = payloads.figures(values, odd, row)
            odd += [each for _, each in _more_than_tried("match_statistics", figures, row, set())]
            rows.setdefault(
                (period.period, side), (match.id, period.period, side, *match.season, team, *astuple(figures))
            )
    return list(rows.values()), []


def _incidents(body: payloads.Incidents, match: _Match, _: list[Odd]) -> tuple[list[Row], People]:
    """Incidents from the first to the last. Of an own goal isHome is the side it counts for (contract, incidents)."""
    rows: list[Row] = []
    people: People = []
    for position, incident in enumerate(reversed(body.incidents), start=1):
        player = incident.player_in or incident.player or _NOBODY
        out, assist = incident.player_out or _NOBODY, incident.assist1 or _NOBODY
        people += (player, out, assist)
        if player.name is None and player is incident.player and incident.player_name:
            people.append(Person(id=player.id, name=incident.player_name))
        team, side = (None, None) if incident.is_home is None else match.side(incident.is_home)
        in_shootout = incident.incident_type == "penaltyShootout" or incident.time == NO_MINUTE
        rows.append(
            (
                match.id,
                position,
                *match.season,
                incident.id,
                incident.incident_type,
                incident.incident_class,
                None if in_shootout else incident.time,
                None if incident.added_time == NO_MINUTE else incident.added_time,
                side,
                team,
                player.id,
                out.id,
                assist.id,
                (incident.player_name or (incident.manager or _NOBODY).name) if player.id is None else None,
                incident.home_score,
                incident.away_score,
                incident.text,
                incident.from_,
                incident.reason,
                incident.confirmed,
                incident.rescinded,
                incident.injury,
                incident.length,
                incident.sequence,
            )
        )
    return rows, people


def _match_managers(body: payloads.Managers, match: _Match, _: list[Odd]) -> tuple[list[Row], People]:
    rows: list[Row] = []
    for is_home, manager in ((True, body.home_manager), (False, body.away_manager)):
        if manager and manager.id is not None:
            team, side = match.side(is_home)
            rows.append((match.id, side, *match.season, team, manager.id))
    return rows, [body.home_manager, body.away_manager]


def _momentum(body: payloads.Graph, match: _Match, _: list[Odd]) -> tuple[list[Row], People]:
    values: dict[float, int] = {}
    for point in body.graph_points:
        if point.value is not None:
            values.setdefault(point.minute, point.value)
    if body.graph_points and not values:
        raise Unreadable("no point has a value - at `$.graphPoints`")
    return [(match.id, minute, *match.season, value) for minute, value in values.items()], []


def _shots(body: payloads.Shotmap, match: _Match, _: list[Odd]) -> tuple[list[Row], People]:
    rows: dict[int, Row] = {}
    people: People = []
    for number, shot in enumerate(body.shotmap):
        player = _id(shot.player, f"$.shotmap[{number}].player")
        people += (shot.player, shot.goalkeeper)
        if shot.id in rows:
            continue
        start = shot.player_coordinates or _NO_PLACE
        mouth = shot.goal_mouth_coordinates or _NO_PLACE
        rows[shot.id] = (
            match.id,
            shot.id,
            *match.season,
            player,
            *match.side(shot.is_home),
            shot.shot_type,
            shot.situation,
            shot.body_part,
            shot.goal_type,
            shot.time,
            shot.added_time,
            start.x,
            start.y,
            shot.goal_mouth_location,
            mouth.y,
            mouth.z,
            shot.xg,
            shot.xgot,
            (shot.goalkeeper or _NOBODY).id,
        )
    return list(rows.values()), people


def _best_players(body: payloads.BestPlayers, match: _Match, odd: list[Odd]) -> tuple[list[Row], People]:
    of_the_match = (body.player_of_the_match or payloads.BestPlayer()).player
    rows: list[Row] = []
    people: People = [of_the_match]
    for is_home, chosen in ((True, body.best_home_team_players), (False, body.best_away_team_players)):
        team, side = match.side(is_home)
        for rank, entry in enumerate(chosen, start=1):
            player = _id(entry.player, f"$.best{side.capitalize()}TeamPlayers[{rank - 1}].player")
            people.append(entry.player)
            value = entry.value
            if value is not None and entry.label == RATING_LABEL and not RATING.holds(value):
                place = f"$.best{side.capitalize()}TeamPlayers[{rank - 1}]"
                odd.append(Odd(f"{place}.value", f"a rating is {RATING}", value, place, player))
                value = None
            is_best = of_the_match is not None and of_the_match.id == player
            rows.append((match.id, side, rank, *match.season, team, player, entry.label, value, is_best))
    return rows, people


def _head_to_head(body: payloads.HeadToHead, match: _Match, _: list[Odd]) -> tuple[list[Row], People]:
    teams, managers = body.team_duel or _NO_DUEL, body.manager_duel or _NO_DUEL
    return [(match.id, *match.season, *astuple(teams), *astuple(managers))], []


_PARTS: dict[str, tuple[str, Any, Callable[[Any, _Match, list[Odd]], tuple[list[Row], People]]]] = {
    "lineups": ("appearances", payloads.Lineups, _appearances),
    "statistics": ("match_statistics", payloads.Statistics, _match_statistics),
    "incidents": ("incidents", payloads.Incidents, _incidents),
    "managers": ("match_managers", payloads.Managers, _match_managers),
    "graph": ("momentum", payloads.Graph, _momentum),
    "shotmap": ("shots", payloads.Shotmap, _shots),
    "best_players": ("best_players", payloads.BestPlayers, _best_players),
    "head_to_head": ("head_to_head", payloads.HeadToHead, _head_to_head),
}
"""Table, shape and rows of every part but the event."""
