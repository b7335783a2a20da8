"""Asking SofaScore which seasons, rounds and matches a competition has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from include.decoding import decoder
from include.sources.sofascore.known_matches import Names
from include.sources.sofascore.match_tables import state_of
from include.sources.sofascore.payloads import Event, Text, Unreadable, read
from include.upstream.answers import Answer, ContractBreak, Kind, Transient
from include.upstream.session import UpstreamSession

API = "api/v1"
PAGES_MAX = 200
"""More pages of 30 matches than any season has; an upstream that has more ignores the page's number."""


_NULL = b"null"


class SeasonEntry(msgspec.Struct, frozen=True):
    """A season of a competition's list; `year` as the upstream spells it."""

    id: int
    year: str


class _Seasons(msgspec.Struct):
    """The answer of /unique-tournament/{ut}/seasons."""

    seasons: list[msgspec.Raw]


class Round(msgspec.Struct):
    """A round of a season's list; a knock-out round may have a name only."""

    round: int | None = None


class _Rounds(msgspec.Struct):
    """The answer of …/rounds."""

    rounds: list[msgspec.Raw]
    currentRound: msgspec.Raw = msgspec.Raw(_NULL)  # noqa: N815 - the API's names


class Rounds(NamedTuple):
    """The rounds of a season, and the one that the upstream calls current."""

    rounds: list[Round]
    current: int | None = None


class _List(msgspec.Struct):
    events: list[msgspec.Raw]


class _Page(_List):
    hasNextPage: bool  # noqa: N815


class _Status(msgspec.Struct):
    code: int
    type: str | None = None


class _Team(msgspec.Struct):
    id: int
    name: Text | None = None
    shortName: Text | None = None  # noqa: N815

    @property
    def names(self) -> Names:
        """What it is called."""
        return Names(self.name, self.shortName)


class _Season(msgspec.Struct):
    id: int
    year: str


class _Round(msgspec.Struct):
    round: int | None = None


class _Changes(msgspec.Struct):
    changeTimestamp: int | None = None  # noqa: N815


class Entry(msgspec.Struct):
    """What is read of an entry of an event list; the rest of it lands as received."""

    id: int
    startTimestamp: int  # noqa: N815
    status: _Status
    homeTeam: _Team  # noqa: N815
    awayTeam: _Team  # noqa: N815
    season: _Season
    homeScore: dict[str, Any] | None = None  # noqa: N815
    awayScore: dict[str, Any] | None = None  # noqa: N815
    winnerCode: int | None = None  # noqa: N815
    roundInfo: _Round | None = None  # noqa: N815
    changes: _Changes | None = None

    @property
    def kickoff(self) -> datetime:
        """Kick-off."""
        return datetime.fromtimestamp(self.startTimestamp, UTC)

    @property
    def state(self) -> str:
        """What its status means."""
        return state_of(self.status.code, self.status.type)

    @property
    def listing(self) -> str:
        """Hash of everything by which an entry tells that its match changed."""
        told = msgspec.json.encode(
            [
                self.status.code,
                self.startTimestamp,
                self.homeTeam.id,
                self.awayTeam.id,
                sorted((self.homeScore or {}).items()),
                sorted((self.awayScore or {}).items()),
                self.winnerCode,
                self.roundInfo.round if self.roundInfo else None,
                self.changes.changeTimestamp if self.changes else None,
            ]
        )
        return hashlib.blake2b(told, digest_size=16).hexdigest()


Found = tuple[Entry, msgspec.Raw]
T = TypeVar("T")


class Lister:
    """Asks for lists. An entry that cannot be read goes to `unreadable` and does not hold up the others.

    `entries` and `refused` count what lists of matches held: what could be read, and what could not; `odd` what could
    not be read in lists of seasons and rounds. A list of several matches of which none can be read is a ContractBreak;
    whether a single one is a bad record or a new shape, the other lists tell (check_shape). A list of seasons or rounds
    without one that can be read is one too.
    """

    def __init__(self, upstream: UpstreamSession, unreadable: Callable[[msgspec.Raw], None]) -> None:
        self.upstream = upstream
        self._unreadable = unreadable
        self.entries = self.refused = self.odd = 0
        self._last_refused = ""

    def seasons(self, competition: int) -> list[SeasonEntry] | None:
        """The seasons of a competition, newest first; None where the upstream has no such competition."""
        answer = self.upstream.get(f"{API}/unique-tournament/{competition}/seasons")
        return (
            None
            if answer.kind is Kind.EMPTY
            else self._some(answer, answer.json(_Seasons).seasons, SeasonEntry)
        )

    def rounds(self, competition: int, season: int) -> Rounds:
        """The rounds of a season; none where it has none."""
        answer = self.upstream.get(f"{self._season(competition, season)}/rounds")
        if answer.kind is Kind.EMPTY:
            return Rounds([])
        body = answer.json(_Rounds)
        rounds = self._some(answer, body.rounds, Round)
        told = bytes(body.currentRound) != _NULL
        current = self._one(answer, body.currentRound, Round) if told else None
        return Rounds(rounds, current.round if current else None)

    def round(self, competition: int, season: int, number: int) -> list[Found]:
        """The matches of a round."""
        return self._list(f"{self._season(competition, season)}/events/round/{number}")

    def played(self, competition: int, season: int) -> Iterator[list[Found]]:
        """Matches that are over or under way, page by page, the newest page first."""
        return self._pages(f"{self._season(competition, season)}/events/last")

    def coming(self, competition: int, season: int) -> Iterator[list[Found]]:
        """Matches to come, page by page, the next ones first."""
        return self._pages(f"{self._season(competition, season)}/events/next")

    def day(self, competition: int, day: date) -> list[Found]:
        """A competition's matches of a day; neighbouring days may be among them (contract, endpoints)."""
        return self._list(f"{API}/unique-tournament/{competition}/scheduled-events/{day.isoformat()}")

    @staticmethod
    def _season(competition: int, season: int) -> str:
        return f"{API}/unique-tournament/{competition}/season/{season}"

    def _pages(self, path: str) -> Iterator[list[Found]]:
        seen: set[int] = set()
        for number in range(PAGES_MAX):
            answer = self.upstream.get(f"{path}/{number}")
            if answer.kind is Kind.EMPTY and number:
                raise Transient(
                    f"{path}/{number} is not there, which the page before it announced: try again later"
                )
            page = _Page([], False) if answer.kind is Kind.EMPTY else answer.json(_Page)
            found = self._read(answer, page.events)
            fresh = [each for each in found if each[0].id not in seen]
            seen |= {entry.id for entry, _ in fresh}
            yield fresh
            if not (page.hasNextPage and page.events):
                return
            if found and not fresh:
                break
        raise ContractBreak(
            f"{path} repeats its matches or has more than {PAGES_MAX} pages: the number of the page is ignored. "
            "Latest stays; compare the contract with what the upstream answers."
        )

    def _list(self, path: str) -> list[Found]:
        answer = self.upstream.get(path)
        return [] if answer.kind is Kind.EMPTY else self._read(answer, answer.json(_List).events)

    def _some(self, answer: Answer, entries: list[msgspec.Raw], shape: type[T]) -> list[T]:
        """The entries that can be read. Raises ContractBreak where there are some and none can."""
        found = [each for each in (self._one(answer, raw, shape) for raw in entries) if each is not None]
        if entries and not found:
            raise self.broken()
        return found

    def _one(self, answer: Answer, raw: msgspec.Raw, shape: type[T]) -> T | None:
        """An entry of a list of seasons or rounds; None where it cannot be read, which is counted and told."""
        try:
            return decoder(shape, strict=False).decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.odd += 1
            self._last_refused = f"{answer.describe()}: {error}"
            self._unreadable(raw)
            return None

    def _read(self, answer: Answer, events: list[msgspec.Raw]) -> list[Found]:
        """The entries that are what a match needs, in their own reading and in that of the rows.

        An odd value counts as absent; the rows report it. Raises ContractBreak where of several entries there is none.
        """
        found = []
        for raw in events:
            try:
                read(raw, Event, [])
                found.append((read(raw, Entry, []), raw))
            except (msgspec.DecodeError, UnicodeDecodeError, Unreadable) as error:
                self._last_refused = f"{answer.describe()}: {error}"
                self._unreadable(raw)
        self.entries += len(found)
        self.refused += len(events) - len(found)
        if not found and len(events) > 1:
            raise self.broken()
        return found

    def check_shape(self) -> None:
        """Raise ContractBreak where entries came and none of them could be read."""
        if self.refused and not self.entries:
            raise self.broken()

    def broken(self) -> ContractBreak:
        """The error that lists have another shape than was agreed on."""
        return ContractBreak(
            f"none of the entries of a list can be read, the last of {self._last_refused}. The shape of the lists has "
            "changed: nothing is taken for absent, and latest stays. Compare SeasonEntry, Round and Entry in "
            "include/sources/sofascore/listings.py, and Event in payloads.py, with what the upstream answers."
        )
