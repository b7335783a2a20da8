"""What lands of SofaScore: entries of event lists, and one record for what came of a match."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of an event list, as received. `listing` is its hash, `asked_at` the run's data time.

    `only_names`: it lands for what it calls the teams, and says nothing new of its match.
    """

    match: int
    competition: int
    season: int
    season_year: int
    listing: str
    asked_at: datetime
    event: msgspec.Raw
    only_names: bool = False


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a match that was asked for: bodies as received by part, parts that are not there, failed ones.

    A part that was not asked for is in none of the three. A later reply to the same match replaces the parts that
    it brings or calls `none`.
    """

    match: int
    competition: int
    season: int
    season_year: int
    listing: str
    asked_at: datetime
    parts: dict[str, msgspec.Raw] = {}
    none: tuple[str, ...] = ()
    failed: dict[str, str] = {}
