"""Which competitions a world holds, and what kind of contest each of them is."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from include.sources.sofascore import competitions
from sandbox.sofascore.people import nation_number, of_calendar_year, slug
from sandbox.sofascore.vocabulary import NATIONS

Form = Literal["league", "cup", "single"]
"""A double round-robin; groups, then knock-out rounds; one match a season."""

_CONTINENTS = frozenset(nation.continent for nation in NATIONS)
_CUPS = ("cup", "copa", "coppa", "coupe", "pokal", "taca", "kupas", "beker")
_SINGLES = (
    "supercup", "super-cup", "supercopa", "supercoppa", "supertaca", "super-kupa", "shield", "schaal", "trophee",
)  # fmt: skip
_STAGES = 900_000


@dataclass(frozen=True, slots=True)
class Competition:
    """A competition. id: its unique tournament; tournament: of matches without a group; ordinal: number among
    the leagues of its country."""

    id: int
    tournament: int
    name: str
    country: str
    national: bool
    form: Form
    ordinal: int = 0

    @property
    def slug(self) -> str:
        """The name as in addresses."""
        return slug(self.name)

    @property
    def nation(self) -> int:
        """Number of its country; of an international one a nation that lends its name to nothing but an id."""
        return nation_number(self.country)

    @property
    def international(self) -> bool:
        """Whether teams of several countries take part."""
        return self.national or self.country in _CONTINENTS

    @property
    def calendar_year(self) -> bool:
        """Whether its season is a calendar year."""
        return self.national or of_calendar_year(self.country)

    def group(self, number: int) -> int:
        """Tournament id of a group, which is not that of the knock-out stage."""
        return _STAGES + self.id * 20 + number

    def nations(self) -> list[int]:
        """Numbers of the nations whose teams take part."""
        if not self.international:
            return [self.nation]
        return [
            number
            for number, nation in enumerate(NATIONS)
            if self.country not in _CONTINENTS or nation.continent == self.country
        ]


def configured() -> list[Competition]:
    """The competitions that the project collects by default, in the order in which a growing world has them.

    Leagues and cups take turns, two leagues for a cup, and every other cup is of national teams.
    """
    leagues: list[Competition] = []
    cups: list[Competition] = []
    for each in competitions.load():
        form = _form(each.kind, each.country, slug(each.name))
        ordinal = sum(league.country == each.country for league in leagues)
        found = Competition(
            each.id,
            each.tournament_id or _STAGES + each.id * 20 + 19,
            each.name,
            each.country,
            each.kind == "national",
            form,
            ordinal if form == "league" else 0,
        )
        (leagues if form == "league" else cups).append(found)
    mixed = _in_turns(
        [cup for cup in cups if cup.national],
        [cup for cup in cups if not cup.national and cup.form == "cup"],
    )
    return [*_in_turns(leagues[::2], leagues[1::2], mixed), *(cup for cup in cups if cup.form == "single")]


def _in_turns(*lists: Sequence[Competition]) -> list[Competition]:
    return [each for turn in zip_longest(*lists) for each in turn if each is not None]


def _form(kind: str, country: str, name: str) -> Form:
    if any(word in name for word in _SINGLES):
        return "single"
    if kind == "national" or country in _CONTINENTS or any(word in name for word in _CUPS):
        return "cup"
    return "league"
