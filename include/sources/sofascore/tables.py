"""The tables that SofaScore becomes: what it says of each match, and what is computed from that."""

from __future__ import annotations

from include.sources.sofascore.derived_tables import DERIVED_TABLES
from include.sources.sofascore.match_tables import MATCH_TABLES

SCHEMA_VERSION = 1

MIGRATIONS: dict[int, str] = {}
"""For each schema version that broke readers of the one before: what they must change."""

TABLES = (*MATCH_TABLES, *DERIVED_TABLES)
