"""Clubs, national teams, players, managers, referees and venues: each a pure function of seed and number.

A squad has 25 places. A player holds a place for some seasons and another one follows him; players of a few places
change to the neighbouring club every season, so that careers go over clubs.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from sandbox.sample.chance import pick, rng, share
from sandbox.sofascore.vocabulary import CALENDAR_YEAR, HOSTILE_NAMES, INJURIES, NATIONS, Nation

KEYS_OF_NATION = 48
NATIONAL = KEYS_OF_NATION - 1
"""Number of a nation's own team among its teams; the others are clubs."""

PLACES = "GGG" + "D" * 8 + "M" * 8 + "F" * 6
"""Positions of a squad's places."""

_TEAM_IDS, _VENUE_IDS, _MANAGER_IDS, _REFEREE_IDS, _PLAYER_IDS = 2_000, 9_000, 780_000, 740_000, 1_000_000
_HOLDERS = 16
_REFEREES = 24
_FIRST_YEAR = 2000
_NATIONAL_PLACES = (0, 0, 0, *(3,) * 8, *(11,) * 8, *(19,) * 6)
"""Place of the club's squad that each place of a national squad is filled from."""

# Of 1,000 ...
_SWAPPING, _HOSTILE, _NO_HEIGHT, _NO_BIRTH, _ABROAD = 160, 3, 40, 15, 300
_SHARED_MANAGER = 300


@dataclass(frozen=True, slots=True)
class Team:
    """A team. key: nation * 48 + number in it; public: as bodies hold it; detail: with manager-free venue."""

    key: int
    id: int
    name: str
    slug: str
    nation: Nation
    national: bool
    strength: float
    public: msgspec.Raw
    fields: dict[str, Any]
    venue: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Player:
    """A player. club: key of the club that he belongs to by his number; quality: about 0.7 to 1.3."""

    id: int
    name: str
    position: str
    quality: float
    public: msgspec.Raw
    short: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Member:
    """A player in a squad; club: id of his club, who need not be the team in internationals."""

    player: Player
    club: int
    number: int


class People:
    """Everybody of one world. later: seconds by which births are told later."""

    def __init__(self, seed: int, later: int = 0) -> None:
        self.seed = seed
        self._later = later
        self.team = lru_cache(maxsize=None)(self._team)  # as many as there are keys, some 3,000
        self.player = lru_cache(maxsize=8192)(self._player)
        self.squad = lru_cache(maxsize=1024)(self._squad)

    # --- teams

    def _team(self, key: int) -> Team:
        number, nation = key % KEYS_OF_NATION, NATIONS[key // KEYS_OF_NATION]
        town = self._town(nation, key)
        name = (
            nation.name if number == NATIONAL else _formed(nation.tongue.clubs, self.seed, key).format(town)
        )
        code = "".join(
            letter for letter in _plain(town if number != NATIONAL else nation.alpha3) if letter.isalpha()
        )
        identity = _TEAM_IDS + key
        fields = {
            "name": name,
            "slug": slug(name),
            "shortName": name if number == NATIONAL else town,
            "gender": "M",
            "sport": {"name": "Football", "slug": "football", "id": 1},
            "userCount": 500 + pick(900_000, self.seed, "fans", key),
            "nameCode": code[:3].upper(),
            "disabled": False,
            "national": number == NATIONAL,
            "type": 0,
            "country": country(nation),
            "id": identity,
            "fullName": name,
            "subTeams": [],
            "teamColors": {
                "primary": self._colour(key, 0),
                "secondary": self._colour(key, 1),
                "text": "#ffffff",
            },
        }
        return Team(
            key,
            identity,
            name,
            slug(name),
            nation,
            number == NATIONAL,
            0.75 + 0.5 * share(self.seed, "strength", key),
            _raw(fields),
            fields,
            self._venue(key, nation, town),
        )

    def _town(self, nation: Nation, key: int) -> str:
        tongue = nation.tongue
        towns = len(tongue.towns) * len(tongue.town_ends)
        step = (key * 61 + self.seed) % towns  # neighbours in number have nothing in common
        start, end = divmod(step * 31 % towns, len(tongue.town_ends))
        return tongue.towns[start] + tongue.town_ends[end]

    def _venue(self, key: int, nation: Nation, town: str) -> dict[str, Any]:
        name = _formed(nation.tongue.grounds, self.seed, key + 1).format(town)
        capacity = 4_000 + 500 * pick(140, self.seed, "capacity", key)
        return {
            "city": {"name": town},
            "hidden": False,
            "slug": slug(name),
            "name": name,
            "capacity": capacity,
            "country": country(nation),
            "id": _VENUE_IDS + key,
            "stadium": {"name": name, "capacity": capacity},
        }

    def _colour(self, key: int, which: int) -> str:
        return f"#{pick(0xFFFFFF, self.seed, 'colour', which, key):06x}"

    # --- players

    def _squad(self, key: int, year: int) -> tuple[Member, ...]:
        """Who plays for a team in the season that begins in a year, in the order of PLACES."""
        if key % KEYS_OF_NATION == NATIONAL:
            return self._national_squad(key // KEYS_OF_NATION, year)
        club = _TEAM_IDS + key
        return tuple(
            Member(self.player(self._holder(key, place, year)), club, place + 1)
            for place in range(len(PLACES))
        )

    def _national_squad(self, nation: int, year: int) -> tuple[Member, ...]:
        members = []
        for place, wanted in enumerate(_NATIONAL_PLACES):
            club = nation * KEYS_OF_NATION + place % 18
            members.append(Member(self.player(self._holder(club, wanted, year)), _TEAM_IDS + club, place + 1))
        return tuple(members)

    def _holder(self, key: int, place: int, year: int) -> int:
        """Number of the player who holds a place of a club's squad in a season."""
        if year % 2 and share(self.seed, "swaps", key // 2, place) * 1000 < _SWAPPING:
            key ^= 1
        tenure, since = self._tenure(key, place)
        return _PLAYER_IDS + (key * len(PLACES) + place) * _HOLDERS + (year - _FIRST_YEAR + since) // tenure

    def _tenure(self, key: int, place: int) -> tuple[int, int]:
        """How many seasons a place is held, and how many of them were over in 2000."""
        draw = share(self.seed, "tenure", key, place)
        tenure = 3 + int(draw * 6)
        return tenure, int(draw * 1000) % tenure

    def _player(self, identity: int) -> Player:
        held, generation = divmod(identity - _PLAYER_IDS, _HOLDERS)
        key, place = divmod(held, len(PLACES))
        chance = rng(self.seed, "player", identity)
        nation = NATIONS[key // KEYS_OF_NATION]
        # Whom the national team calls is of its nation, the others need not be
        if place not in _NATIONAL_PLACES and chance.random() * 1000 < _ABROAD:
            nation = chance.choice(NATIONS)
        tongue = nation.tongue
        name = (
            f"{chance.choice(tongue.given)} {chance.choice(tongue.family)}{chance.choice(tongue.family_ends)}"
        )
        if chance.happens(0.06):
            name = name.rsplit(maxsplit=1)[-1]
        if chance.random() * 1000 < _HOSTILE:
            name = chance.choice(HOSTILE_NAMES)
        tenure, since = self._tenure(key, place)
        born = datetime(
            _FIRST_YEAR + generation * tenure - since - chance.randint(17, 31),
            chance.randint(1, 12),
            chance.randint(1, 28),
            tzinfo=UTC,
        )
        public: dict[str, Any] = {
            "name": name,
            "slug": slug(name),
            "shortName": _short(name),
            "position": PLACES[place],
            "jerseyNumber": str(place + 1),
            "height": chance.randint(166, 199),
            "userCount": chance.randint(10, 90_000),
            "gender": "M",
            "id": identity,
            "country": country(nation),
            "marketValueCurrency": "EUR",
            "dateOfBirthTimestamp": int(born.timestamp()) + self._later,
            "proposedMarketValueRaw": {"value": 50_000 * chance.randint(1, 900), "currency": "EUR"},
        }
        if chance.random() * 1000 < _NO_HEIGHT:
            del public["height"]
        if chance.random() * 1000 < _NO_BIRTH:
            del public["dateOfBirthTimestamp"]
        brief = ("name", "slug", "shortName", "position", "jerseyNumber", "gender", "id")
        short = {field: public[field] for field in brief}
        return Player(identity, name, PLACES[place], 0.75 + chance.random() * 0.5, _raw(public), _raw(short))

    @staticmethod
    def injury(draw: float) -> dict[str, Any]:
        """Why a player is missing."""
        number = int(draw * len(INJURIES))
        return {
            "type": "missing",
            "reason": number + 1,
            "description": INJURIES[number],
            "externalType": number,
        }

    # --- managers and referees

    def manager(self, key: int, at: datetime) -> dict[str, Any]:
        """Who manages a team at a time. Managers hold a post for two to eight half-years."""
        half = (at.year - _FIRST_YEAR) * 2 + (at.month - 1) // 6
        if half // 2 % 2 and share(self.seed, "shared manager", key // 2) * 1000 < _SHARED_MANAGER:
            key ^= key % KEYS_OF_NATION < NATIONAL - 1
        tenure = 2 + pick(7, self.seed, "post", key)
        return self._manager(_MANAGER_IDS + key * 64 + half // tenure, NATIONS[key // KEYS_OF_NATION])

    def _manager(self, identity: int, nation: Nation) -> dict[str, Any]:
        chance = rng(self.seed, "manager", identity)
        tongue = nation.tongue
        name = (
            f"{chance.choice(tongue.given)} {chance.choice(tongue.family)}{chance.choice(tongue.family_ends)}"
        )
        return {
            "name": name,
            "slug": slug(name),
            "shortName": _short(name),
            "country": country(nation),
            "id": identity,
        }

    def referee(self, nation: int, draw: float) -> dict[str, Any]:
        """One of a country's referees; of some the country is not known."""
        number = nation * _REFEREES + int(draw * _REFEREES)
        chance = rng(self.seed, "referee", number)
        tongue = NATIONS[nation].tongue
        name = (
            f"{chance.choice(tongue.given)} {chance.choice(tongue.family)}{chance.choice(tongue.family_ends)}"
        )
        return {
            "name": name,
            "slug": slug(name),
            "yellowCards": chance.randint(40, 900),
            "redCards": chance.randint(0, 30),
            "yellowRedCards": chance.randint(0, 25),
            "games": chance.randint(10, 300),
            "country": country(NATIONS[nation]) if number % 8 else {},
            "id": _REFEREE_IDS + number,
        }


def nation_number(name: str) -> int:
    """Number of a country among NATIONS; one that is not among them borrows the names of another."""
    names = [nation.name for nation in NATIONS]
    return names.index(name) if name in names else sum(name.encode()) % len(names)


def of_calendar_year(name: str) -> bool:
    """Whether a country's seasons are those of a calendar year."""
    return name in CALENDAR_YEAR


def country(nation: Nation) -> dict[str, str]:
    """A country as bodies hold it."""
    return {
        "alpha2": nation.alpha2, "alpha3": nation.alpha3, "name": nation.name, "slug": slug(nation.name)
    }  # fmt: skip


def slug(name: str) -> str:
    """A name as in addresses."""
    return re.sub(r"[^a-z0-9]+", "-", _plain(name).lower()).strip("-")


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()


def _short(name: str) -> str:
    first, _, last = name.partition(" ")
    return f"{first[:1]}. {last}" if last else name


def _formed(forms: Sequence[str], *key: object) -> str:
    return forms[pick(len(forms), "form", *key)]


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
