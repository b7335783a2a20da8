"""Where the next run of a source goes on: lastgood.cursor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.types.json import Jsonb


def set_to(cursor: psycopg.Cursor[Any], source: str, version: str, values: Mapping[str, Any]) -> None:
    """Set the watermarks of a source to those of a version, and to no others."""
    cursor.execute("DELETE FROM lastgood.cursor WHERE source = %s", (source,))
    cursor.executemany(
        "INSERT INTO lastgood.cursor (source, name, value, version) VALUES (%s, %s, %s, %s)",
        [(source, name, Jsonb(value), version) for name, value in values.items()],
    )
