"""Landed parts to shards: a few part files at a time become one Parquet file per table on the scratch disk.

Parsing is most of a build's work and every file stands alone, so they are spread over the machine's cores.
"""

from __future__ import annotations

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

from include.publishing.refused import RefusedRow
from include.sources.parsing import RawFile, Report, no_cycles, spread
from include.sources.sofascore import rows
from include.sources.sofascore.match_tables import COMPETITION_SEASONS, MATCH_TABLES
from include.sources.sofascore.payloads import Unreadable
from include.sources.sofascore.records import Listed, Reply
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
class PartFile(RawFile):
    """A part file; what its lines are (`Reply` for matches, `Listed` for a listing), the number of the first."""

    kind: Kind
    first: int


@dataclass(slots=True)
class PartReport(Report):
    """Of a part file also what `arrived`: lines, and parts of matches by kind."""

    arrived: Counter[str] = field(default_factory=Counter)


def parse_all(files: list[PartFile], scratch: Path) -> Iterator[PartReport]:
    """Parse every part file into shards scratch/TABLE/NAME.parquet; reports come in the order of the files."""
    size = sum(file.local.stat().st_size for file in files)
    for reports in spread(parse_files, list(_groups(files)), scratch, size):
        yield from reports


def _groups(files: list[PartFile]) -> Iterator[list[PartFile]]:
    """Neighbouring files together, since a shard for each of many small files costs more than parsing them."""
    group: list[PartFile] = []
    size = 0
    for file in files:
        group.append(file)
        size += file.local.stat().st_size
        if size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def parse_files(files: list[PartFile], scratch: Path) -> list[PartReport]:
    """Parse part files together; their shards are named by the first one's sequence number."""
    reports = []
    with ExitStack() as opened, no_cycles():
        writers: dict[str, pq.ParquetWriter] = {}
        for file in files:
            report = PartReport()
            reports.append(report)
            with file.local.open("rb") as handle:
                records = _records(read_lines(handle), file, report)
                while batch := list(islice(records, RECORDS_AT_ONCE)):
                    for table, fresh in _gathered(batch):
                        if table.name not in writers:
                            writers[table.name] = opened.enter_context(
                                _shard(table, scratch, f"{files[0].first:012d}")
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


def _records(lines: Iterable[bytes], file: PartFile, report: PartReport) -> Iterator[tuple[int, rows.Rows]]:
    """Sequence number and rows of each record. What cannot be read is reported, not dropped."""
    for number, line in enumerate(lines, start=file.first):
        report.received += 1
        report.arrived[file.kind] += 1
        try:
            if file.kind == "matches":
                reply = _replies.decode(line)
                parsed = rows.of_reply(reply)
                report.arrived.update(reply.parts.keys())
            else:
                parsed = rows.of_listed(_listed.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Unreadable) as error:
            detail = f"Record {number}: {error}"[: rows.DETAIL_LENGTH]
            told = _MATCH.match(line)
            key = f"match {told[1].decode()}" if told else None
            report.refused.append(RefusedRow(file.kind, key, "unreadable_record", detail, file.origin, line))
            continue
        for refused in parsed.refused:
            key = f"match {reply.match} {refused.part}"
            report.refused.append(
                RefusedRow(refused.part, key, "unreadable_part", refused.detail, file.origin, refused.content)
            )
        report.arrived.update(parsed.arrived)
        for odd in parsed.odd:
            report.refused.append(
                RefusedRow(odd.kind, odd.key, "odd_value", odd.detail, file.origin, odd.content)
            )
        yield number, parsed.rows


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
