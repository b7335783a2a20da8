"""Landed parts to shards: a few part files at a time become one Parquet file per table on the scratch disk.

Parsing is most of a build's work and every file stands alone, so they are spread over the machine's cores.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from include.sources.sofascore import rows
from include.sources.sofascore.match_tables import COMPETITION_SEASONS, MATCH_TABLES
from include.sources.sofascore.payloads import Unreadable
from include.sources.sofascore.records import Listed, Reply
from include.sources.workers import no_cycles, spread
from include.storage.landing import read_lines
from include.storage.tables import Table

if TYPE_CHECKING:  # workers have no use for it
    import duckdb

Kind = Literal["matches", "listing"]
"""What the lines of a part are: `Reply` or `Listed`."""

TABLES = tuple(table for table in MATCH_TABLES if table is not COMPETITION_SEASONS)
SEQ = "seq"
"""The shards' last column: the number of the record that a row is from. Of the same row the highest one counts."""

GROUP_BYTES = 2 * 2**20
"""Compressed bytes that one shard holds at least: some hundred matches."""
RECORDS_AT_ONCE = 200
"""Records whose rows are held in memory: 40 MB where all parts of the matches came."""

_replies = msgspec.json.Decoder(Reply)
_listed = msgspec.json.Decoder(Listed)
_MATCH = re.compile(rb'\{\s*"match"\s*:\s*([0-9]{1,18})\s*[,}]')
"""How a record that we landed begins."""


@dataclass(frozen=True, slots=True)
class Job:
    """A part file to parse: a local copy, the key it is known by in the store, what its lines are (`Reply` for
    matches, `Listed` for a listing) and the sequence number of the first of them.
    """

    path: Path
    raw: str
    kind: Kind
    first: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """What was refused, as Candidate.quarantine() takes it: a whole record, or a part of a match."""

    kind: str
    key: str | None
    reason: Literal["unreadable_record", "unreadable_part"]
    detail: str
    raw: str
    sha256: str
    content: bytes


@dataclass(slots=True)
class Report:
    """What parsing found, beside the shards. `received` counts lines, `arrived` lines and parts of matches by kind."""

    received: int = 0
    arrived: Counter[str] = field(default_factory=Counter)
    quarantined: list[Quarantined] = field(default_factory=list)


def parse_all(jobs: list[Job], scratch: Path) -> Iterator[Report]:
    """Parse every part file into shards scratch/TABLE/NAME.parquet; reports come in the order of the jobs."""
    size = sum(job.path.stat().st_size for job in jobs)
    for reports in spread(parse_files, list(_groups(jobs)), scratch, size):
        yield from reports


def _groups(jobs: list[Job]) -> Iterator[list[Job]]:
    """Neighbouring jobs together, since a shard for each of many small files costs more than parsing them."""
    group: list[Job] = []
    size = 0
    for job in jobs:
        group.append(job)
        size += job.path.stat().st_size
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def parse_files(jobs: list[Job], scratch: Path) -> list[Report]:
    """Parse part files together; their shards are named by the first one's sequence number."""
    reports = []
    with ExitStack() as opened, no_cycles():
        writers: dict[str, pq.ParquetWriter] = {}
        for job in jobs:
            report = Report()
            reports.append(report)
            with job.path.open("rb") as handle:
                records = _records(read_lines(handle), job, report)
                while batch := list(islice(records, RECORDS_AT_ONCE)):
                    for table, fresh in _gathered(batch):
                        if table.name not in writers:
                            writers[table.name] = opened.enter_context(
                                _shard(table, scratch, f"{jobs[0].first:012d}")
                            )
                        writers[table.name].write_table(fresh)
    return reports


def register(con: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Views fresh_TABLE over the shards below the folder, also of tables that no shard has rows of."""
    for table in TABLES:
        with _shard(table, scratch, "none"):  # a Parquet file without rows
            pass
        files = [str(path) for path in sorted((scratch / table.name).glob("*.parquet"))]
        con.read_parquet(files).create_view(f"fresh_{table.name}")


def _records(lines: Iterable[bytes], job: Job, report: Report) -> Iterator[tuple[int, rows.Rows]]:
    """Sequence number and rows of each record. What cannot be read is reported, not dropped."""
    for number, line in enumerate(lines, start=job.first):
        report.received += 1
        report.arrived[job.kind] += 1
        try:
            if job.kind == "matches":
                reply = _replies.decode(line)
                parsed = rows.of_reply(reply)
                report.arrived.update(reply.parts.keys())
            else:
                parsed = rows.Parsed(rows.of_listed(_listed.decode(line)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Unreadable) as error:
            detail = f"Record {number}: {error}"[: rows.DETAIL_LENGTH]
            told = _MATCH.match(line)
            key = f"match {told[1].decode()}" if told else None
            report.quarantined.append(_quarantined(job.kind, key, "unreadable_record", detail, job, line))
            continue
        for refused in parsed.refused:
            key = f"match {reply.match} {refused.part}"
            report.quarantined.append(
                _quarantined(refused.part, key, "unreadable_part", refused.detail, job, refused.content)
            )
        yield number, parsed.rows


def _quarantined(
    kind: str,
    key: str | None,
    reason: Literal["unreadable_record", "unreadable_part"],
    detail: str,
    job: Job,
    content: bytes,
) -> Quarantined:
    return Quarantined(kind, key, reason, detail, job.raw, sha256(content), content)


def sha256(content: bytes) -> str:
    """Its SHA-256 as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def _gathered(records: list[tuple[int, rows.Rows]]) -> Iterator[tuple[Table, pa.Table]]:
    """The records' rows by table, with the numbers of the records they are from; tables without rows are left out."""
    for table in TABLES:
        found = [row for _, parsed in records for row in parsed.get(table.name, ())]
        if found:
            numbers = [number for number, parsed in records for _ in parsed.get(table.name, ())]
            schema = _schema(table)
            columns = zip((*zip(*found, strict=True), numbers), schema.types, strict=True)
            yield table, pa.table([pa.array(values, type_) for values, type_ in columns], schema=schema)


def _schema(table: Table) -> pa.Schema:
    return pa.schema([(column.name, column.type) for column in table.columns] + [(SEQ, pa.int64())])


def _shard(table: Table, scratch: Path, name: str) -> pq.ParquetWriter:
    folder = scratch / table.name
    folder.mkdir(parents=True, exist_ok=True)
    return pq.ParquetWriter(folder / f"{name}.parquet", _schema(table), compression="lz4")
