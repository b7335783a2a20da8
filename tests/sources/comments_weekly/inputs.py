"""The tables of comments as far as the weekly figures read them, and sessions that have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.sources.comments_weekly import analysis, build, tables
from include.sources.source import Run
from include.storage import duckdb_session
from include.storage.landing import Landings
from include.storage.reading import ReadOnly
from include.storage.store import Store
from include.storage.tables import CONTENT_HASH, Column, Table
from include.version import VersionRef, version_id

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
            ("reply_count", pa.int64()),
            ("language", pa.string()),
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
            ("confidence", pa.float64()),
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


def signal(
    of: Mapping[str, Any], entity: str, kind: str = "mention", confidence: float = 0.9
) -> dict[str, Any]:
    """That a comment names an entity."""
    return {
        "platform": of["platform"],
        "comment_id": of["comment_id"],
        "entity_id": entity,
        "signal_type": kind,
        "confidence": confidence,
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


# --- versions ---

KEYS = {
    "comments": ("platform", "comment_id"),
    "posts": ("platform", "post_id"),
    "signals": ("platform", "comment_id", "entity_id", "signal_type"),
    "monitored_entities": ("entity_id",),
}
TABLES = tuple(
    Table(
        name,
        "As far as it is read.",
        KEYS[name],
        (*(Column(f.name, f.type, "Read.", required=f.name in KEYS[name]) for f in schema), CONTENT_HASH),
        serve=False,
    )
    for name, schema in SCHEMAS.items()
)


def publish_input(store: Store, inputs: Inputs, at: datetime) -> Manifest:
    """A version of comments that holds these rows."""
    ref = version_id(at, "comments")
    with Candidate(store, "comments", ref, TABLES, 1, None) as candidate:
        for table in TABLES:
            rows = sorted(inputs.get(table.name, ()), key=lambda row: tuple(row[name] for name in table.key))
            candidate.write(table.name, pa.Table.from_pylist(rows, table.values).to_batches())
        candidate.arrived("comments")
        return candidate.seal(
            run_id="comments", as_of=at, created_at=at, code_version="t", cursors={}, counts={}, upstream={}
        )


def build_week(
    store: Store, comments: Manifest | None, monday: date, base: Manifest | None, run_id: str = "weekly"
) -> Manifest:
    """A candidate of the weekly figures, built as a run for that week builds it."""
    end = datetime.combine(monday, datetime.min.time(), UTC) + timedelta(days=7, hours=9)
    version = version_id(end, f"{run_id} {base.version if base else ''}")
    run = Run(
        ref=VersionRef("comments_weekly", version),
        run_id=run_id,
        interval_start=end - timedelta(days=7),
        interval_end=end,
        data_time=max(end, base.as_of) if base else end,
        params={},
        base=base,
        watermarks={},
        inputs={"comments": comments} if comments else {},
        read=ReadOnly(store),
        raw=Landings(store, "comments_weekly", version, 1),
    )
    with Candidate(store, "comments_weekly", version, tables.TABLES, 1, base) as candidate:
        built = build.build(run, candidate)
        return candidate.seal(
            run_id=run_id,
            as_of=run.data_time,
            created_at=run.data_time,
            code_version="t",
            cursors=built.cursors,
            counts=built.counts,
            upstream=built.upstream,
            built_from=built.built_from,
        )
