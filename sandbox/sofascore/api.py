"""The API's paths and what each of them answers."""

import re
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from sandbox.sample.server import Answer
from sandbox.sofascore.bodies import Bodies
from sandbox.sofascore.faults import Subject
from sandbox.sofascore.fixtures import CURRENT_YEAR, DAY, HOUR, Fixture, Season, season_id
from sandbox.sofascore.world import World

JSON = "application/json; charset=utf-8"
PAGE = 30
"""Matches of a page."""

PATHS = {
    "event": "",
    "lineups": "/lineups",
    "statistics": "/statistics",
    "incidents": "/incidents",
    "managers": "/managers",
    "graph": "/graph",
    "shotmap": "/shotmap",
    "best_players": "/best-players/summary",
    "head_to_head": "/h2h",
}
"""What stands behind /api/v1/event/{id} for each part of a match."""

_PARTS = {path: part for part, path in PATHS.items()}
_EVENT = re.compile(r"/api/v1/event/(?P<match>\d{1,12})(?P<part>(?:/[a-z0-9-]+)*)")
_OF_SEASON = re.compile(
    r"/api/v1/unique-tournament/(?P<competition>\d{1,9})/season/(?P<season>\d{1,9})/"
    r"(?P<part>rounds|events/(?:last|next|round)/(?P<number>\d{1,4}))"
)
_OF_COMPETITION = re.compile(
    r"/api/v1/unique-tournament/(?P<competition>\d{1,9})/"
    r"(?P<part>seasons|scheduled-events/(?P<day>\d{4}-\d{2}-\d{2}))"
)
_OLDER_YEARS = 12
"""Seasons without matches that are listed before the first one with some."""
_OLDEST = (2008, 1999, 1992, 1970, 1969)
"""Further ones, for the spellings of their years."""
_NEIGHBOURS = 6 * HOUR
"""Of the days before and after, so much is in the list of a day."""


def error(status: int, message: str) -> Answer:
    """An error as the API tells it."""
    return as_json(msgspec.json.encode({"error": {"code": status, "message": message}}), status)


def as_json(body: bytes, status: int = 200) -> Answer:
    """A JSON answer."""
    return Answer(status, JSON, [body])


class Api:
    """Answers requests from the world as it is at the time."""

    def __init__(self, world: World, bodies: Bodies) -> None:
        self._world = world
        self._bodies = bodies

    def subject(self, path: str) -> Subject:
        """What a request is about."""
        found = _EVENT.fullmatch(path)
        if found is not None:
            match = int(found["match"])
            fixture = self._world.find(match)
            return Subject(_PARTS.get(found["part"], "other"), match, fixture.season.id if fixture else None)
        found = _OF_SEASON.fullmatch(path)
        if found is not None:
            return Subject(found["part"].removeprefix("events/").split("/")[0], season=int(found["season"]))
        found = _OF_COMPETITION.fullmatch(path)
        if found is not None:
            return Subject("day" if found["day"] else "seasons")
        return Subject("other")

    def answer(self, path: str) -> Answer:
        """The right answer to a request; 404 for whatever is not there."""
        body = self._body(path)
        return error(404, "Not Found") if body is None else as_json(body)

    def _body(self, path: str) -> bytes | None:
        found = _EVENT.fullmatch(path)
        if found is not None:
            fixture = self._world.find(int(found["match"]))
            part = _PARTS.get(found["part"])
            return self._bodies.part(fixture, part) if fixture is not None and part is not None else None
        found = _OF_SEASON.fullmatch(path)
        if found is not None:
            return self._of_season(found)
        found = _OF_COMPETITION.fullmatch(path)
        if found is None or int(found["competition"]) not in self._world.competitions:
            return None
        if found["day"]:
            return self._day(int(found["competition"]), found["day"])
        return msgspec.json.encode({"seasons": self._seasons(int(found["competition"]))})

    # --- seasons

    def _seasons(self, competition: int) -> list[dict[str, Any]]:
        """A competition's seasons, newest first, those without matches among them."""
        of = self._world.competitions[competition]
        played = {each.begin: each for each in self._world.seasons.values() if each.competition is of}
        years = {*played, *_OLDEST, *range(CURRENT_YEAR - _OLDER_YEARS, min(played))}
        return [
            self._bodies.season(played[year])
            if year in played
            else {
                "name": f"{of.name} {self._world.year(of, year)}",
                "year": self._world.year(of, year),
                "editor": False,
                "seasonCoverageInfo": {},
                "id": season_id(of, year),
            }
            for year in sorted(years, reverse=True)
        ]

    def _of_season(self, found: re.Match[str]) -> bytes | None:
        of = self._world.seasons.get(int(found["season"]))
        if of is None or of.competition.id != int(found["competition"]):
            return None
        fixtures = self._world.known(of)
        match found["part"].split("/"):
            case ["rounds"]:
                return msgspec.json.encode(self._rounds(of, fixtures))
            case ["events", "last", page]:
                begun = [each for each in fixtures if self._world.kickoff(each) <= self._world.now]
                return self._page(begun[::-1], int(page), newest_first=True)
            case ["events", "next", page]:
                coming = [each for each in fixtures if self._world.kickoff(each) > self._world.now]
                return self._page(coming, int(page))
            case ["events", "round", number]:
                return self._events([each for each in fixtures if each.round == int(number)])
        return None

    def _rounds(self, of: Season, fixtures: list[Fixture]) -> dict[str, Any]:
        rounds: dict[int, dict[str, Any]] = {}
        for fixture in sorted(fixtures, key=lambda each: each.id):
            entry: dict[str, Any] = {"round": fixture.round}
            if fixture.round_name:
                entry |= self._bodies.entry(fixture)["roundInfo"]
            rounds.setdefault(fixture.round, entry)
        coming = [each for each in fixtures if self._world.kickoff(each) > self._world.now]
        current = (coming or fixtures[::-1])[0].round
        return {"currentRound": rounds[current], "rounds": list(rounds.values())}

    # --- event lists

    def _page(self, fixtures: list[Fixture], page: int, *, newest_first: bool = False) -> bytes | None:
        """A page of matches, which is in order of kick-off whatever the order of the pages."""
        shown = fixtures[page * PAGE : (page + 1) * PAGE]
        more = len(fixtures) > (page + 1) * PAGE
        return self._events(shown[::-1] if newest_first else shown, more=more)

    def _day(self, competition: int, day: str) -> bytes | None:
        try:
            midnight = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
        except ValueError:
            return None
        start = self._world.heard(int(midnight.timestamp()))
        found = [
            fixture
            for of in self._world.seasons.values()
            if of.competition.id == competition
            for fixture in self._world.known(of)
            if start - _NEIGHBOURS <= self._world.kickoff(fixture) < start + DAY + _NEIGHBOURS
        ]
        return self._events(found)

    def _events(self, fixtures: list[Fixture], *, more: bool | None = None) -> bytes | None:
        if not fixtures:
            return None
        body: dict[str, Any] = {"events": [self._bodies.entry(fixture) for fixture in fixtures]}
        if more is not None:
            body["hasNextPage"] = more
        return msgspec.json.encode(body)
