"""The sample upstream: what it serves, and its controls."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from sandbox.sample.server import (
    DEFAULT_SEED,
    TEXT,
    Answer,
    Incoming,
    Request,
    Sample,
    SampleState,
    html_page,
)
from sandbox.sofascore.api import Api, as_json, error
from sandbox.sofascore.bodies import Bodies
from sandbox.sofascore.competitions import Competition
from sandbox.sofascore.faults import Fault, Hits, can_show, lose_season, put, spoil
from sandbox.sofascore.fixtures import Fixture, Season
from sandbox.sofascore.outcomes import CANCELED, POSTPONED, SCHEDULED, WALKOVER
from sandbox.sofascore.world import FIRST_DAY, PARTS_OF_MATCH, Advance, World

DEFAULT_MATCHES = 240
CHALLENGE = {"error": {"code": 403, "reason": "challenge"}}


class State(SampleState, kw_only=True):
    """What a restart needs to serve the same data version; the content of the state file."""

    size: int = DEFAULT_MATCHES
    first: date = FIRST_DAY


@dataclass(frozen=True, slots=True)
class Match:
    """A match as it is at this data version. home_goals, away_goals: without a shoot-out, None where there is no
    score; year: of the season, as the upstream spells it."""

    id: int
    competition: int
    season: int
    year: str
    round: int
    home_team: int
    away_team: int
    kickoff: datetime
    code: int
    home_goals: int | None
    away_goals: int | None


class SampleUpstream(Sample[State, Fault]):
    """A SofaScore of our own making, for tests and demonstrations.

    >>> with SampleUpstream(size=240, seed=7) as up:
    ...     requests.get(f"{up.url}/api/v1/unique-tournament/17/seasons")

    - size: matches in all, from 30 on; competitions, seasons and teams grow with it: at 240 two leagues and a cup of
      national teams with two seasons each, at 16,400 all configured competitions with up to five.
    - seed: another one is another world.
    - state: a small JSON file that keeps the data version over a restart; one that was written for another size or
      seed is refused with ValueError.
    - host, port: where to listen; port 0 takes a free one.
    - compress: gzip for clients that accept it.
    - today: the clock to follow: a new sample begins on that day, and one that a request finds on an earlier day moves
      to it. Without it day 0 is 2026-11-17, and the sample only moves when it is told to.
    - covered: no season lacks all line-ups, and no competition expected goals.

    The data version of day d is what is seen at midnight UTC of day 0 plus d days. The server runs in threads of this
    process from the start of the `with` block to its end.

    - `url`: http://HOST:PORT, without /api/v1.
    - `advance(days)`: go to a later data version; tells what was played, moved, postponed and corrected: see Advance.
    - `faults([...])`: make it misbehave, see Fault; `faults([])` ends that.
    - `correct(match, home, away)`: let a match have another score; lost when the process ends.
    - `reassign(match, season)`: let a match belong to another season; `swap(match)`: let its teams change sides;
      `rename(team, name)`: let a team be called otherwise. They are lost when the process ends.
    - `competitions()`, `seasons()`, `matches()`, `bodies(match)`, `listed(match)`: the truth at this data version.
    - `requests`: the last 10,000 requests, oldest first. `count(part, status)`: how many there were of seasons,
      rounds, round, last, next, day, a part of a match, or other; `counts()` has all of them. `forget()` empties both.
      A request is counted before its answer is sent.

    Over HTTP: GET /_sandbox/state, POST /_sandbox/advance (optional {"days": n}), POST /_sandbox/faults, POST
    /_sandbox/correct ({"match": id, "home": n, "away": n}), GET /_sandbox/requests (counts by part and status),
    POST /_sandbox/forget.
    """

    def __init__(
        self,
        size: int = DEFAULT_MATCHES,
        seed: int = DEFAULT_SEED,
        state: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        compress: bool = True,
        today: Callable[[], date] | None = None,
        covered: bool = False,
    ) -> None:
        numbers = State(size=size, seed=seed, first=today() if today else FIRST_DAY)
        super().__init__(numbers, state, Fault, host=host, port=port, compress=compress)
        self._today = today
        self._world = World(size, seed, self._state.day, first=self._state.first, covered=covered)
        self._bodies = Bodies(self._world)
        self._api = Api(self._world, self._bodies)
        self._counts: Counter[tuple[str, int]] = Counter()
        self._save()

    # --- control

    def advance(self, days: int = 1) -> Advance:
        """Go to the data version `days` days later; tells what changed against the present one."""
        with self._lock:
            summary = self._world.advance(days)
            self._bodies.forget()
            self._state.day = self._world.day
            self._save()
            return summary

    def _follow(self) -> None:
        """Go to the day of the clock that the sample follows, unless it is there or ahead."""
        if self._today is None:
            return
        with self._lock:
            behind = (self._today() - self._state.first).days - self._world.day
            if behind > 0:
                self.advance(behind)

    def correct(self, match: int, home: int, away: int) -> None:
        """Let a match that ended in a league or group have had another score; see World.correct."""
        with self._lock:
            self._world.correct(match, home, away)
            self._bodies.forget()

    def reassign(self, match: int, season: int) -> None:
        """Let a match belong to another season; see World.reassign."""
        with self._lock:
            self._world.reassign(match, season)
            self._bodies.forget()

    def swap(self, match: int) -> None:
        """Let the teams of a match have changed sides; see World.swap."""
        with self._lock:
            self._world.swap(match)
            self._bodies.forget()

    def rename(self, team: int, name: str) -> None:
        """Let a team be called otherwise; see World.rename."""
        with self._lock:
            self._world.rename(team, name)
            self._bodies.forget()

    def state(self) -> dict[str, Any]:
        with self._lock:
            return {
                **msgspec.to_builtins(self._state),
                "data_version": self._world.data_version,
                "competitions": len(self._world.competitions),
                "seasons": len(self._world.seasons),
                "matches": len(self._world.fixtures),
                "played": self._world.played(),
                "states": self._world.states(),
                "faults": [msgspec.to_builtins(each) for each in self._faults.current()],
            }

    def order(self, name: str, body: bytes) -> Any:
        self._follow()
        match name:
            case "POST /correct":
                wanted = msgspec.json.decode(body, type=_CorrectOrder)
                self.correct(wanted.match, wanted.home, wanted.away)
                return self.state()
            case "GET /requests":
                return self.counts()
            case "POST /forget":
                self.forget()
                return self.counts()
        return super().order(name, body)

    # --- requests

    def log(self, request: Request) -> None:
        super().log(request)
        part = self._api.subject(request.path).part
        with self._lock:
            self._counts[part, request.status] += 1

    def count(self, part: str, status: int | None = None) -> int:
        """How many requests there were for this; 0 is the status of one that was left without answer."""
        with self._lock:
            counts = self._counts.items()
            return sum(n for (each, code), n in counts if each == part and status in (None, code))

    def counts(self) -> dict[str, dict[str, int]]:
        """How many requests there were, by what they asked for and by status."""
        with self._lock:
            found: dict[str, dict[str, int]] = {}
            for (part, status), count in sorted(self._counts.items()):
                found.setdefault(part, {})[str(status)] = count
            return found

    def forget(self) -> None:
        """Begin to count and log again."""
        with self._lock:
            self.requests.clear()
            self._counts.clear()

    # --- the truth

    def competitions(self) -> dict[int, Competition]:
        """The competitions of the world, by unique tournament id."""
        return dict(self._world.competitions)

    def seasons(self) -> dict[int, Season]:
        """Seasons with matches, by id."""
        return dict(self._world.seasons)

    def without_xg(self) -> int | None:
        """The competition whose shots have no expected goals."""
        return self._world.low_coverage

    def matches(self) -> dict[int, Match]:
        """Every match that is known, by id."""
        with self._lock:
            known = (each for each in self._world.fixtures if each.announced <= self._world.now)
            return {fixture.id: self._match(fixture) for fixture in known}

    def bodies(self, match: int, parts: Iterable[str] = PARTS_OF_MATCH) -> dict[str, Any]:
        """What is served of a match, by part; parts that are not there are missing. KeyError if it is unknown."""
        with self._lock:
            fixture = self._fixture(match)
            found = {part: self._bodies.part(fixture, part) for part in parts}
            return {part: msgspec.json.decode(body) for part, body in found.items() if body is not None}

    def listed(self, match: int) -> Any:
        """A match's entry in event lists. KeyError if it is unknown."""
        with self._lock:
            return msgspec.json.decode(msgspec.json.encode(self._bodies.entry(self._fixture(match))))

    def _fixture(self, match: int) -> Fixture:
        fixture = self._world.find(match)
        if fixture is None:
            raise KeyError(match)
        return fixture

    def _match(self, fixture: Fixture) -> Match:
        ended = self._world.outcome(fixture)
        season = self._world.season_of(fixture)
        scored = ended.code not in {SCHEDULED, POSTPONED, CANCELED, WALKOVER}
        return Match(
            fixture.id,
            season.competition.id,
            season.id,
            self._world.year(season.competition, season.begin),
            fixture.round,
            fixture.home.id,
            fixture.away.id,
            datetime.fromtimestamp(self._world.told(self._world.kickoff(fixture)), UTC),
            ended.code,
            ended.count(True) if scored else None,
            ended.count(False) if scored else None,
        )

    # --- answering

    def respond(self, request: Incoming) -> Answer:
        """Answer a request, with the faults that hit it."""
        self._follow()
        subject = self._api.subject(request.path)
        hits = self._faults.strike(lambda each: can_show(each, request.path, subject))
        if "slow" in hits:
            time.sleep(hits["slow"].fault.delay)
        answer = _refuse(hits)
        if answer is None:
            with self._lock:
                answer = self._api.answer(request.path)
        if "garbage" in hits and answer.status == HTTPStatus.OK:
            answer = as_json(spoil(b"".join(answer.parts), subject.part))
        if "replaced" in hits:
            for old, new in hits["replaced"].fault.texts.items():
                answer.parts = [part.replace(old.encode(), new.encode()) for part in answer.parts]
        if "odd" in hits and answer.status == HTTPStatus.OK:
            fault = hits["odd"].fault
            answer = as_json(put(b"".join(answer.parts), fault.place, fault.value))
        if "lost_season" in hits and answer.status == HTTPStatus.OK:
            answer = as_json(lose_season(b"".join(answer.parts)))
        return replace(answer, cut_off=True) if "cut_off" in hits else answer


class _CorrectOrder(msgspec.Struct, forbid_unknown_fields=True):
    match: int
    home: int
    away: int


def _refuse(hits: Hits) -> Answer | None:
    """The answer of a fault that leaves nothing of the real one."""
    if "hang_up" in hits:
        return Answer(0, TEXT, [])
    if "challenge" in hits:
        return as_json(msgspec.json.encode(CHALLENGE), 403)
    if "busy" in hits:
        after = hits["busy"].fault.retry_after
        headers = {} if after is None else {"Retry-After": str(after)}
        return replace(error(429, "Too Many Requests"), headers=headers)
    if "error" in hits:
        return error(hits["error"].fault.status, "Service Unavailable")
    if "missing" in hits:
        return error(404, "Not Found")
    if "html" in hits:
        status = hits["html"].fault.status
        return html_page(status, f"Error {status}", "Something went wrong")
    if "wrong_shape" in hits:
        return as_json(b'{"message":"ok"}')
    if "not_json" in hits:
        return as_json(b"upstream connect error or disconnect/reset before headers")
    return None
