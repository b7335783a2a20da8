"""Which competitions of SofaScore are collected, and what its spellings of a season mean.

The list is competitions.yml beside this module. It is read strictly: a typing mistake there must not quietly
collect another competition, or none.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

DEFAULT = Path(__file__).with_name("competitions.yml")

FIRST_YEAR, LAST_YEAR = 1850, 2099
"""Start years a season can have. The first league season was 1888-89."""
CENTURY_TURN = 50
"""Two-digit years from here on are of the 20th century: the oldest season spelled so is "70/71"."""

_SEASON = re.compile(
    r"(?P<start>[0-9]{4})(?:[/-](?P<end>[0-9]{2}|[0-9]{4}))?|(?P<short>[0-9]{2})/(?P<next>[0-9]{2})"
)

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Id = Annotated[int, msgspec.Meta(ge=1)]
Year = Annotated[int, msgspec.Meta(ge=FIRST_YEAR, le=LAST_YEAR)]


class Competition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One competition, over all its seasons.

    `id` is the unique tournament id that requests use; `tournament_id` is that of a single stage, a different number
    (contract, Endpoints), and None where no single one is known. `country` may be a continent or World. `since` is
    the start year of the first season collected.
    """

    slug: Slug
    name: Text
    country: Text
    kind: Literal["club", "national"]
    id: Id = msgspec.field(name="unique_tournament_id")
    tournament_id: Id | None = None
    since: Year


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: Year
    competitions: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]


def load(path: Path = DEFAULT) -> tuple[Competition, ...]:
    """The competitions of a file, in its order.

    Raises ValueError naming file, competition and field for an unknown or missing key, a value of the wrong type,
    or a slug or id that stands twice.
    """
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        file = msgspec.convert(document, type=_File)
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
    competitions: list[Competition] = []
    for number, entry in enumerate(file.competitions, start=1):
        try:
            competition = msgspec.convert({"since": file.since, **entry}, type=Competition)
        except msgspec.ValidationError as error:
            raise ValueError(
                f"{path}: competition {number} ({entry.get('slug', 'no slug')}): {error}"
            ) from error
        for other in competitions:
            if competition.slug == other.slug:
                raise ValueError(f"{path}: competition {number}: the slug {competition.slug} stands twice")
            if competition.id == other.id:
                raise ValueError(
                    f"{path}: competition {number} ({competition.slug}): unique_tournament_id {competition.id} is "
                    f"that of {other.slug} too"
                )
        competitions.append(competition)
    return tuple(competitions)


def find(competitions: Iterable[Competition], text: str) -> Competition:
    """The competition whose slug or unique tournament id `text` is. Raises ValueError listing the near matches."""
    wanted = text.strip().casefold()
    slugs: dict[str, str] = {}
    for competition in competitions:
        if wanted in (competition.slug, str(competition.id)):
            return competition
        slugs |= {competition.slug: competition.slug, competition.name.casefold(): competition.slug}
    close = difflib.get_close_matches(wanted, slugs, n=5)
    inside = [spelling for spelling in slugs if wanted and wanted in spelling]
    near = list(dict.fromkeys(slugs[spelling] for spelling in [*close, *inside]))[:5]
    raise ValueError(
        f"no configured competition has the slug or unique tournament id {text!r}; "
        + (f"near matches: {', '.join(near)}" if near else f"add it to {DEFAULT.name}")
    )


def season_year(text: str) -> int:
    """Start year of a season as SofaScore spells it: 2025 for "25/26", "2025/2026" and "2025".

    Raises ValueError for anything else.
    """
    return _season(text)[0]


def season_label(text: str) -> str:
    """Our spelling of a season: "2025-26", or "2026" for one of a calendar year. Labels sort by time.

    Reads its own spelling too. Raises ValueError for anything else than a season.
    """
    start, calendar = _season(text)
    return str(start) if calendar else f"{start}-{(start + 1) % 100:02d}"


def _season(text: str) -> tuple[int, bool]:
    """Start year, and whether the season is a calendar year."""
    match = _SEASON.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a season: spell it 25/26, 2025/2026, 2025-26 or, for a calendar year, 2026"
        )
    if match["short"] is not None:
        short, end = int(match["short"]), match["next"]
        start = short + (1900 if short >= CENTURY_TURN else 2000)
    else:
        start, end = int(match["start"]), match["end"]
    if end is not None and not str(start + 1).endswith(end):
        raise ValueError(f"{text!r} is not a season: its second year does not follow the first")
    if not FIRST_YEAR <= start <= LAST_YEAR:
        raise ValueError(f"{text!r} is not a season: it starts outside {FIRST_YEAR} to {LAST_YEAR}")
    return start, end is None
