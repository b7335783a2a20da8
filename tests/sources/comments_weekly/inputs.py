"""The tables of comments as far as the weekly figures read them, and sessions that have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from include.sources.comments_weekly import analysis
from include.storage import duckdb_session

MONDAY = date(2026, 11, 23)
START = datetime(2026, 11, 23, tzinfo=UTC)
_TIME = pa.timestamp("us", tz="UTC")
SCHEMAS = {
    "comments": pa.schema(
        [
            ("platform", pa.string()),
            ("comment_id", pa.string()),
            ("post_id", pa.string()),
            ("context", pa.string()),
            ("author", pa.string()),
            ("text", pa.string()),
            ("created_at", _TIME),
            ("likes", pa.int64()),
            ("sentiment", pa.float64()),
            ("score_state", pa.string()),
            ("first_seen", _TIME),
            ("vanished_at", _TIME),
        ]
    ),
    "posts": pa.schema(
        [
            ("platform", pa.string()),
            ("post_id", pa.string()),
            ("url", pa.string()),
            ("caption", pa.string()),
            ("subject", pa.string()),
            ("posted_at", _TIME),
            ("likes", pa.int64()),
            ("comments_declared", pa.int64()),
            ("comments_captured", pa.int64()),
        ]
    ),
    "signals": pa.schema(
        [
            ("platform", pa.string()),
            ("comment_id", pa.string()),
            ("entity_id", pa.string()),
            ("signal_type", pa.string()),
        ]
    ),
    "monitored_entities": pa.schema(
        [("entity_id", pa.string()), ("name", pa.string()), ("type", pa.string())]
    ),
}
Inputs = Mapping[str, Sequence[Mapping[str, Any]]]


def comment(number: int, at: datetime | None = START, **values: Any) -> dict[str, Any]:
    """A comment on Instagram, scored 0.5 unless `values` say otherwise."""
    return {
        "platform": "instagram",
        "comment_id": f"c{number:07}",
        "post_id": "p1",
        "context": "direct",
        "author": f"author-{number % 7}",
        "text": "A comment",
        "created_at": at,
        "likes": 0,
        "sentiment": 0.5,
        "score_state": "scored",
        "first_seen": (at or START) + timedelta(hours=2),
        **values,
    }


def signal(of: Mapping[str, Any], entity: str, kind: str = "mention") -> dict[str, Any]:
    """That a comment names an entity."""
    return {
        "platform": of["platform"],
        "comment_id": of["comment_id"],
        "entity_id": entity,
        "signal_type": kind,
    }


def entity(id_: str, name: str | None = None, type_: str = "person") -> dict[str, Any]:
    """An entity of the catalogue."""
    return {"entity_id": id_, "name": name or id_.title(), "type": type_}


def register(con: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    """Views comments_TABLE of rows."""
    for name in analysis.READ:
        filled = pa.Table.from_pylist(list(inputs.get(name, ())), SCHEMAS[name])
        con.register(f"comments_{name}", filled)


@contextmanager
def session(tmp_path: Path, inputs: Inputs, monday: date = MONDAY) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session with a week prepared."""
    with duckdb_session.session(tmp_path) as con:
        register(con, inputs)
        analysis.prepare(con, monday)
        yield con
