"""Landed files to shards: what each tells of comments and posts, on the scratch disk, by where it will be merged.

Every landed file stands alone, so they are spread over the machine's cores; a file that packs others is one job. What
is told of comments is split by the bucket of their post, so that a merge sees an eighth of it at a time.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from include.publishing.refused import RefusedRow
from include.sources.comments.columns import Many, comments
from include.sources.comments.envelopes import Content, FileRefused, Survey, contents, survey
from include.sources.comments.people import People
from include.sources.comments.reading import Damaged, Numbers, Row, Rows, Table, open_table
from include.sources.comments.rows import Comment, Post, Reader
from include.sources.comments.values import EXACT_DIGITS, Unreadable
from include.sources.parsing import no_cycles, spread

BUCKETS = 8
"""A merge holds the comments of one bucket in memory, so this bounds it; what was written keeps its bucket."""
MEMBERS = 1 << 10
"""Numbers of contents are those of their job times this, and their own within it."""
ROW_BITS = 33
FLUSH_ROWS, FLUSH_CHARACTERS = 16_384, 16 * 2**20
HOPELESS, HOPELESS_SHARE = 1_000, 0.5
"""A file of which so many rows, and more than this share, cannot be read is refused as a whole."""
KINDS = ("comments", "posts")
_TIME = pa.timestamp("us", "UTC")
COMMENTS = pa.schema(
    [
        ("seq", pa.int64()),
        ("line", pa.int64()),
        ("platform", pa.string()),
        ("comment_id", pa.string()),
        ("post_id", pa.string()),
        ("parent_id", pa.string()),
        ("reply", pa.bool_()),
        ("author", pa.string()),
        ("text", pa.string()),
        ("created_at", _TIME),
        ("likes", pa.int64()),
        ("reply_count", pa.int64()),
    ]
)
"""`seq` orders all rows of a run, and is `file` in its upper bits; the id is null where the export gave none."""
POSTS = pa.schema(
    [
        ("seq", pa.int64()),
        ("bucket", pa.int32()),
        ("platform", pa.string()),
        ("post_id", pa.string()),
        ("rounded", pa.bool_()),
        ("implied", pa.bool_()),
        ("url", pa.string()),
        ("caption", pa.string()),
        ("subject", pa.string()),
        ("posted_at", _TIME),
        ("exact_time", pa.bool_()),
        ("likes", pa.int64()),
        ("views", pa.int64()),
        ("declared", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A landed file: a local copy, the key of its part, and what is known of it. `number` is its place in time."""

    number: int
    local: Path
    origin: str
    name: str
    sha256: str
    size: int
    key: bytes = field(repr=False)
    public: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class FileReport:
    """One content of a landed file, or a file that packs some; `file` numbers it."""

    file: int
    name: str
    sha256: str
    inside: str | None
    """SHA-256 of the file that it was packed in."""
    format: str | None
    bytes: int
    encoding: str | None
    kind: str
    """What its rows are: comments or posts."""
    rows: int = 0
    refused: int = 0
    complete: bool = True
    problem: tuple[str, str, int] | None = None
    """Reason, detail and line, where it was refused as a whole."""
    spool: Path | None = None
    """Its refused rows, a JSON list a line: key, reason, detail, line, content."""
    origin: str = ""


def bucket_of(platform: str, post_id: str) -> int:
    """Where comments of a post are merged; the same for its id and for what a float64 leaves of that."""
    if post_id.isdecimal() and len(post_id) > EXACT_DIGITS:
        post_id = repr(float(post_id[:40]))
    return zlib.crc32(f"{platform} {post_id}".encode()) % BUCKETS


def parse_all(jobs: list[Job], scratch: Path) -> Iterator[FileReport]:
    """Parse every landed file into shards below the folder; reports come in the order of the files."""
    size = sum(job.local.stat().st_size for job in jobs)
    for reports in spread(parse, jobs, scratch, size):
        yield from reports


def parse(job: Job, scratch: Path) -> list[FileReport]:
    """Parse one landed file, and what is packed in it."""

    @contextmanager
    def landed() -> Iterator[Any]:
        with job.local.open("rb") as handle:
            yield zstandard.ZstdDecompressor().stream_reader(handle)

    whole = FileReport(
        file=job.number * MEMBERS,
        name=job.name,
        sha256=job.sha256,
        inside=None,
        format=None,
        bytes=job.size,
        encoding=None,
        kind="comments",
        origin=job.origin,
    )
    people = People(job.key, job.public)
    folder = scratch / f"job-{job.number}"
    folder.mkdir()
    reports: list[FileReport] = []
    try:
        with contents(landed, job.size, folder) as (packed, found), no_cycles():
            whole.format = packed
            for number, content in enumerate(found, start=1 if packed else 0):
                report = _parse_content(job, whole, content, number, people, scratch)
                reports.append(report)
    except FileRefused as refusal:
        whole.problem = (refusal.reason, str(refusal), refusal.line)
        return [whole, *reports]
    return [whole, *reports] if whole.format else reports


def _parse_content(
    job: Job, whole: FileReport, content: Content, number: int, people: People, scratch: Path
) -> FileReport:
    name = f"{job.name}!{content.label}" if content.label else job.name
    report = FileReport(
        file=job.number * MEMBERS + number,
        name=name,
        sha256=f"{job.sha256}!{number}",
        inside=job.sha256 if whole.format else None,
        format=None,
        bytes=0,
        encoding=None,
        kind="comments",
        origin=job.origin,
    )
    shards = _Shards(scratch, report.file)
    try:
        if content.refused is not None:
            raise content.refused
        surveyed = survey(content)
        report.sha256, report.bytes, report.encoding = surveyed.sha256, surveyed.bytes, surveyed.encoding
        _read(content, surveyed, report, people, shards)
    except FileRefused as refusal:
        report.problem = (refusal.reason, str(refusal), refusal.line)
        report.rows = report.refused = 0
        shards.discard()
    else:
        shards.close()
        report.spool = shards.spool
    return report


def _read(content: Content, surveyed: Survey, report: FileReport, people: People, shards: _Shards) -> None:
    with open_table(content, surveyed) as table:
        if table is None:
            report.format = "empty"
            report.complete = surveyed.broken is None
            return
        report.format, report.kind = table.format.name, table.format.kind
        reader = Reader(table.format, table.header, table.preamble, people)
        (_read_comments if table.format.kind == "comments" else _read_posts)(table, reader, report, shards)
        report.complete = not table.cut


def _read_comments(table: Table, reader: Reader, report: FileReport, shards: _Shards) -> None:
    for found in table.rows:
        if not isinstance(found, Rows):
            _read_comment(found, reader, report, shards)
        elif reader.in_columns:
            _read_columns(found, reader, report, shards)
        else:
            for row in found:
                _read_comment(row, reader, report, shards)
    for post in reader.implied.values():
        shards.post(post)


def _read_comment(found: Row, reader: Reader, report: FileReport, shards: _Shards) -> None:
    line, row = found
    if isinstance(row, Damaged):
        report.rows += 1
        shards.refuse(report, line, row.reason, row.detail, row.text)
        return
    for told in reader.comments(row):
        report.rows += 1
        if isinstance(told, Unreadable):
            shards.refuse(report, line, told.reason, str(told), row)
        else:
            shards.comment(line, told)


def _read_columns(rows: Rows, reader: Reader, report: FileReport, shards: _Shards) -> None:
    """Rows as a whole, but those that are doubtful one by one, all numbered in their order."""
    many = comments(reader, rows)
    numbers, done = np.zeros(len(rows), np.int64), 0
    for doubtful in [*map(int, np.flatnonzero(many.doubtful)), len(rows)]:
        numbers[done:doubtful] = shards.number(doubtful - done)
        report.rows += doubtful - done
        if doubtful < len(rows):
            _read_comment((int(rows.lines[doubtful]), rows.cells(doubtful)), reader, report, shards)
        done = doubtful + 1
    shards.comments(numbers, rows.lines, many)


def _read_posts(table: Table, reader: Reader, report: FileReport, shards: _Shards) -> None:
    for found in table.rows:
        assert not isinstance(found, Rows)
        line, row = found
        report.rows += 1
        if isinstance(row, Damaged):
            shards.refuse(report, line, row.reason, row.detail, row.text)
            continue
        try:
            shards.post(reader.post(row))
        except Unreadable as error:
            shards.refuse(report, line, error.reason, str(error), row)


class _Refused(NamedTuple):
    reason: str
    detail: str
    line: int
    content: str


class _Shards:
    """The shards of one content under way."""

    def __init__(self, scratch: Path, file: int) -> None:
        self._scratch = scratch
        self._file = file
        self._next = file << ROW_BITS
        self._stack = ExitStack()
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._tables: dict[str, list[pa.Table]] = {}
        self._pending = 0
        self._characters = 0
        self._buckets: dict[tuple[str, str], int] = {}
        self.spool: Path | None = None
        self._spooled: Any = None

    def number(self, rows: int) -> Numbers:
        """The numbers of the rows that come next."""
        self._next += rows
        return np.arange(self._next - rows, self._next)

    def comment(self, line: int, told: Comment) -> None:
        bucket = self._bucket((told.platform, told.post_id))
        self._rows.setdefault(f"comments-{bucket}", []).append((self._next, line, *told))
        self._next += 1
        self._pending += 1
        self._flush_if_many(len(told.text or ""))

    def comments(self, numbers: Numbers, lines: Numbers, many: Many) -> None:
        """Take what is not doubtful of many comments, each with its number and line."""
        buckets = np.array([self._bucket(post) for post in many.posts])[many.post]
        kept = np.flatnonzero(~many.doubtful)
        kept = kept[np.argsort(buckets[kept], kind="stable")]
        columns = {"seq": pa.array(numbers), "line": pa.array(lines), **many.values}
        rows = pa.table(columns, schema=COMMENTS).take(pa.array(kept))
        ends = np.searchsorted(buckets[kept], np.arange(BUCKETS + 1))
        for bucket, (begin, end) in enumerate(pairwise(ends)):
            if end > begin:
                self._tables.setdefault(f"comments-{bucket}", []).append(rows.slice(begin, end - begin))
        self._flush_if_many(rows.nbytes)

    def post(self, told: Post) -> None:
        row = self._next, self._bucket((told.platform, told.post_id)), *told
        self._rows.setdefault("posts", []).append(row)
        self._next += 1
        self._pending += 1
        self._flush_if_many(len(told.caption or ""))

    def _bucket(self, post: tuple[str, str]) -> int:
        bucket = self._buckets.get(post)
        if bucket is None:
            bucket = self._buckets[post] = bucket_of(*post)
        return bucket

    def _flush_if_many(self, characters: int) -> None:
        self._characters += characters
        if self._pending >= FLUSH_ROWS or self._characters >= FLUSH_CHARACTERS:
            self._flush()

    def refuse(self, report: FileReport, line: int, reason: str, detail: str, row: Any) -> None:
        report.refused += 1
        if report.refused >= HOPELESS and report.refused > HOPELESS_SHARE * report.rows:
            raise FileRefused(
                "nearly all rows",
                f"{report.refused:,} of its first {report.rows:,} rows cannot be read: {reason}",
                line,
            )
        if self._spooled is None:
            self.spool = self._scratch / f"refused-{self._file}.jsonl"
            self._spooled = self._stack.enter_context(self.spool.open("w", encoding="utf-8"))
        content = row if isinstance(row, str) else json.dumps(row, ensure_ascii=True)
        said = [reason, detail, line, content]
        self._spooled.write(json.dumps(said, ensure_ascii=True) + "\n")

    def _flush(self) -> None:
        for name, rows in self._rows.items():
            schema = POSTS if name == "posts" else COMMENTS
            columns = [
                pa.array(values, each.type)
                for values, each in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            self._tables.setdefault(name, []).append(pa.Table.from_arrays(columns, schema=schema))
        self._rows.clear()
        for name, tables in self._tables.items():
            if name not in self._writers:
                path = self._scratch / f"{name}-{self._file:012d}.parquet"
                self._writers[name] = self._stack.enter_context(
                    pq.ParquetWriter(
                        path,
                        tables[0].schema,
                        compression="lz4",
                        use_dictionary=["platform", "post_id"],
                        write_statistics=False,
                    )
                )
            self._writers[name].write_table(pa.concat_tables(tables))
        self._tables.clear()
        self._pending = self._characters = 0

    def close(self) -> None:
        """Write what is left."""
        self._flush()
        self._stack.close()

    def discard(self) -> None:
        """Leave nothing."""
        self._stack.close()
        for path in self._scratch.glob(f"*-{self._file:012d}.parquet"):
            path.unlink()
        if self.spool is not None:
            self.spool.unlink()


def refused_rows(report: FileReport) -> Iterator[RefusedRow]:
    """The refused rows of a content, as the quarantine keeps them."""
    if report.spool is None:
        return
    with report.spool.open(encoding="utf-8") as lines:
        for written in lines:
            reason, detail, line, content = cast("_Refused", json.loads(written))
            yield RefusedRow(
                kind=report.kind,
                key=None,
                reason=reason,
                detail=detail,
                raw=f"{report.origin} ({report.name}), line {line}",
                content=content.encode("utf-8", "surrogateescape"),
            )
