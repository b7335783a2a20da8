"""The tables of comments as far as the weekly figures read them, and sessions that have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.sources.comments import tables as collected
from include.sources.comments_weekly import analysis, build, tables
from include.sources.source import Run
from include.storage import duckdb_session
from include.storage.landing import Landings
from include.storage.reading import ReadOnly
from include.storage.store import Store
from include.storage.tables import CONTENT_HASH, Table
from include.version import VersionRef, version_id

MONDAY = date(2026, 11, 23)
START = datetime(2026, 11, 23, tzinfo=UTC)
READ = {
    "comments": (
        "platform comment_id post_id context author text created_at likes reply_count language sentiment score_state "
        "first_seen vanished_at"
    ),
    "posts": ("platform post_id url caption subject posted_at likes comments_declared comments_captured"),
    "signals": "platform comment_id entity_id signal_type confidence",
    "monitored_entities": "entity_id name type",
}
"""The columns of each table of comments that the weekly figures and the dashboard read."""


def _as_read(table: Table) -> Table:
    """A table of comments as far as it is read; a test need not fill what is no key."""
    columns = tuple(
        replace(column, required=column.name in table.key)
        for column in table.columns
        if column.name in READ[table.name].split()
    )
    return Table(table.name, "As far as it is read.", table.key, (*columns, CONTENT_HASH), serve=False)


TABLES = tuple(_as_read(table) for table in collected.TABLES if table.name in READ)
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
        (table,) = (each for each in TABLES if each.name == name)
        filled = pa.Table.from_pylist(list(inputs.get(name, ())), table.values)
        con.register(f"comments_{name}", filled)


@contextmanager
def session(tmp_path: Path, inputs: Inputs, monday: date = MONDAY) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session with a week prepared."""
    with duckdb_session.session(tmp_path) as con:
        register(con, inputs)
        analysis.prepare(con, monday)
        yield con


# --- versions ---


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
