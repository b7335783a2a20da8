"""The tables that SofaScore becomes: what it says of each match, and what is computed from that."""

from __future__ import annotations

from include.sources.sofascore.derived_tables import DERIVED_TABLES
from include.sources.sofascore.match_tables import MATCH_TABLES

SCHEMA_VERSION = 2

MIGRATIONS: dict[int, str] = {
    2: "`yellow_cards`, `second_yellow_cards` and `red_cards` of `player_seasons` and `player_careers` are null where "
    "no match of the player has incidents; they were 0. Take null for unknown: leave such rows out of sums and means, "
    "or read `coalesce(yellow_cards, 0)` for what it was. Where some of his matches have none, the cards are of the "
    "others, and `player_seasons.partly_known` names them.",
}
"""For each schema version that broke readers of the one before: what they must change."""

TABLES = (*MATCH_TABLES, *DERIVED_TABLES)
