"""From a content to its rows: CSV and JSON of any length, in constant memory, with the line at which each row began.

Python's own csv module reads CSV, since of the three at hand (pyarrow.csv and DuckDB are the others) it alone tells the
line of each row and goes on behind a damaged one; tests/recordings/comments has the comparison. A quote that is opened
and never closed would swallow the rows behind it: a row of several lines that does not come out with the header's
number of columns costs its first line, and reading goes on with the second.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from include.sources.comments.envelopes import Bounded, Content, FileRefused, Survey
from include.sources.comments.formats import Format, Header, detect
from include.sources.comments.values import post_of

RECORD_CHARACTERS = 32 * 2**20
"""No row is longer; the longest comment of a platform has some ten thousand characters."""
HEAD_LINES, HEAD_CHARACTERS = 400, 2**20
"""Where a header is looked for, behind a preamble."""
DELIMITERS = (",", ";", "\t")
SHOWN = 2_000
"""Characters of a damaged row that are kept."""
_SAMPLED = 50
_BLANK = "\ufeff \t\r\n\0"
"""Items of JSON by whose keys its format is told."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A row that cannot be told apart into its columns."""

    reason: str
    detail: str
    text: str


@dataclass(frozen=True, slots=True)
class Preamble:
    """What an export says of its post before its header."""

    url: str | None = None
    caption: str | None = None


Row = tuple[int, "list[str] | dict[str, Any] | Damaged"]
"""The line at which it begins, and its cells, its JSON item, or what is wrong with it."""


@dataclass(slots=True)
class Table:
    """A content whose format is known. `cut` tells, once all rows were read, whether it ended before its end."""

    format: Format
    rows: Iterator[Row]
    header: Header | None = None
    """Of a CSV; items of JSON tell their columns themselves."""
    preamble: Preamble = Preamble()
    cut: bool = False


@contextmanager
def open_table(content: Content, surveyed: Survey) -> Iterator[Table | None]:
    """A content as a table; None for one without a single character but blanks.

    Raises FileRefused where its format is not known.
    """
    with _text(content, surveyed) as text:
        begins = text.read(HEAD_CHARACTERS).lstrip(_BLANK)[:1]
        if not begins:
            if text.read(1):
                raise FileRefused("unknown format", f"its first {HEAD_CHARACTERS:,} characters are blank")
            yield None
            return
    with _text(content, surveyed) as text:
        table = _json_table(text) if begins in "[{" else _csv_table(Lines(text))
        # A short array of items was read to its end already, to know its format.
        table.cut = table.cut or surveyed.broken is not None
        yield table


@contextmanager
def _text(content: Content, surveyed: Survey) -> Iterator[io.TextIOWrapper]:
    wide = surveyed.encoding.startswith(("utf-16", "utf-32"))
    with content.open() as stream:
        yield io.TextIOWrapper(
            io.BufferedReader(_Raw(stream), 1 << 18),
            surveyed.encoding,
            errors="replace" if wide else "surrogateescape",
            newline="",
        )


class _Raw(io.RawIOBase):
    """A bounded stream as the layers of io want one."""

    def __init__(self, stream: Bounded) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._stream.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


class _TooLong(Exception):
    """A row goes on and on."""


class Lines:
    """The physical lines of a text, with their ends; those of the row under way can be put back."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._read = text.readline
        self._back: deque[str] = deque()
        self.number = 0
        """Of the line that was given last."""
        self.taken: list[str] = []
        """Lines since begin()."""
        self._characters = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._read(RECORD_CHARACTERS)
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        self._characters += len(line)
        if self._characters >= RECORD_CHARACTERS:
            if line[-1] not in "\r\n":
                while (rest := self._read(RECORD_CHARACTERS)) and rest[-1] not in "\r\n":
                    pass
            raise _TooLong
        return line

    def begin(self) -> None:
        """A row begins with the next line."""
        self.taken.clear()
        self._characters = 0

    def put_back(self, keep: int) -> str:
        """Give the lines since begin() once more but the first `keep`; returns those.

        No line is given more than a few times: the next quote in it ends what an earlier line began.
        """
        kept, back = self.taken[:keep], self.taken[keep:]
        self._back.extendleft(reversed(back))
        self.number -= len(back)
        self.begin()
        return "".join(kept)


# --- CSV ---


def _csv_table(lines: Lines) -> Table:
    """Find the header, behind a preamble where there is one."""
    csv.field_size_limit(RECORD_CHARACTERS)
    seen: list[str] = []
    characters = 0
    while len(seen) < HEAD_LINES and characters < HEAD_CHARACTERS:
        lines.begin()
        try:
            line = next(lines, None)
        except _TooLong:
            break
        if line is None:
            break
        for delimiter in DELIMITERS:
            header = _header(line, delimiter)
            if header is not None:
                columns, found = header
                table = Table(found.format, iter(()), found, _preamble(seen))
                table.rows = _records(lines, columns, found, delimiter, table)
                lines.begin()
                return table
        seen.append(line)
        characters += len(line)
    shown = next((line.strip() for line in seen if line.strip()), "")[:200]
    raise FileRefused(
        "unknown format", f"no line of its beginning is a header that is known; it begins with {shown!r}"
    )


def _header(line: str, delimiter: str) -> tuple[list[str], Header] | None:
    if delimiter not in line:
        return None
    try:
        columns = next(csv.reader([line.lstrip("\ufeff")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None
    found = Header.of(columns)
    return (columns, found) if found else None


def _preamble(lines: Sequence[str]) -> Preamble:
    """Its first line is the address of the post, the others are the caption."""
    told = [line.strip("\ufeff\r\n") for line in lines]
    told = [line for line in told if line.strip()]
    if not told:
        return Preamble()
    url = told[0].strip().strip('"')
    if post_of(url) is None:
        return Preamble(caption="\n".join(told))
    return Preamble(url, "\n".join(told[1:]) or None)


def _records(
    lines: Lines, columns: Sequence[str], header: Header, delimiter: str, table: Table
) -> Iterator[Row]:
    """The rows below the header. Blank lines and repeated headers are none."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width, first_column = len(columns), columns[0]
    lost: tuple[int, Damaged] | None = None
    while True:
        begin = lines.number + 1
        lines.begin()
        damaged: Damaged | None = None
        cells: list[str] = []
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            cells, damaged = _sloppy(lines.taken, width, delimiter), Damaged("damaged row", str(error), "")
        except _TooLong:
            damaged = Damaged("row without end", f"it is longer than {RECORD_CHARACTERS:,} characters", "")
        ended = lines.taken[-1][-1] in "\r\n" if lines.taken else True
        if cells:
            damaged = None
            if len(cells) != width:
                cells, damaged = _of_width(cells, header, width, ended)
        if damaged is not None:
            if not ended:
                table.cut = True
            several = len(lines.taken) > 1
            text = lines.put_back(1) if several else "".join(lines.taken)
            if lost is not None and len(cells) < header.least:
                # The rest of a row whose quotes are wrong.
                number, before = lost
                lost = number, Damaged(before.reason, before.detail, (before.text + text)[:SHOWN])
                continue
            yield from filter(None, (lost,))
            lost = begin, Damaged(damaged.reason, damaged.detail, text[:SHOWN])
            continue
        if not cells or not any(cells) or (cells[0] == first_column and cells == columns):
            continue
        yield from filter(None, (lost,))
        lost = None
        yield begin, cells
    yield from filter(None, (lost,))


def _sloppy(taken: Sequence[str], width: int, delimiter: str) -> list[str]:
    """The cells of a row in one line that doubles its quotes wrongly and is clear all the same; else none."""
    if len(taken) != 1 or taken[0].count('"') % 2:
        return []
    cells = next(csv.reader(taken, delimiter=delimiter), [])
    return cells if len(cells) == width else []


def _of_width(cells: list[str], header: Header, width: int, ended: bool) -> tuple[list[str], Damaged | None]:
    """A row with another number of cells than the header, if nothing but counts is missing, or nothing too many."""
    if len(cells) > width and not any(cells[width:]):
        return cells[:width], None
    if header.least <= len(cells) < width and ended:
        return cells + [""] * (width - len(cells)), None
    if header.least < len(cells) < width:
        # The last line of a file without an end: its last cell may be cut, and is none of those that count.
        return [*cells[:-1], *[""] * (width - len(cells) + 1)], None
    cut = "" if ended or len(cells) > width else "; the file ends within it"
    return cells, Damaged("number of columns", f"{len(cells)} columns where the header has {width}{cut}", "")


# --- JSON ---

_BETWEEN = re.compile(r"[\s,\[\]\ufeff]*")
_AGAIN = re.compile(r"\n\s*(?=\{)|\}\s*,\s*(?=\{)")


def _json_table(text: io.TextIOWrapper) -> Table:
    table = Table(cast("Format", None), iter(()))
    rows = _items(text, table)
    head = list(islice(rows, _SAMPLED))
    names = {name for _, item in head if isinstance(item, dict) for name in paths(item)}
    found = detect(names)
    if found is None:
        shown = ", ".join(sorted(names)[:12])
        raise FileRefused(
            "unknown format", f"its items have no keys of a format that is known; they have {shown!r}"
        )
    table.format = found

    def all_rows() -> Iterator[Row]:
        yield from head
        yield from rows

    table.rows = all_rows()
    return table


def unwrapped(item: dict[str, Any]) -> dict[str, Any]:
    """An item of YouTube's Data API as a plain one: a thread with its replies, or a comment. Any other as it is."""
    kind = item.get("kind")
    if kind not in {"youtube#commentThread", "youtube#comment"}:
        return item
    snippet = item.get("snippet")
    if not isinstance(snippet, dict):
        return item
    top = snippet.get("topLevelComment") if kind == "youtube#commentThread" else item
    inner = top.get("snippet") if isinstance(top, dict) else None
    if not isinstance(top, dict) or not isinstance(inner, dict):
        return item
    replies = item.get("replies")
    told = {key: value for key, value in snippet.items() if not isinstance(value, dict | list)}
    told |= {key: value for key, value in inner.items() if not isinstance(value, dict | list)}
    return {
        **told,
        "commentId": top.get("id"),
        "replies": replies.get("comments") if isinstance(replies, dict) else None,
    }


def paths(item: dict[str, Any]) -> Iterator[str]:
    """The columns of an item as a CSV of it would call them: key, or key/key."""
    for name, value in item.items():
        yield name
        if isinstance(value, dict):
            yield from (f"{name}/{inner}" for inner in value)


def _items(text: io.TextIOWrapper, table: Table) -> Iterator[Row]:
    """One value after the other, of an array or one a line; a damaged one ends where the next one begins."""
    # Every leaf stays the text that it is: an id must not pass through a number.
    decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).raw_decode
    buffer, at, line, more = "", 0, 1, True
    array = closed = False
    while True:
        match = _BETWEEN.match(buffer, at)
        assert match is not None
        skipped = match[0]
        array = array or "[" in skipped
        closed = closed or "]" in skipped
        line += skipped.count("\n")
        at = match.end()
        if at == len(buffer):
            if not more:
                break
            buffer, at, more = _more(text, "")
            continue
        try:
            item, end = decode(buffer, at)
            problem = None
        except (ValueError, RecursionError) as error:
            item, end, problem = None, at, error
            if more and _may_go_on(error, buffer) and len(buffer) - at < RECORD_CHARACTERS:
                buffer, at, more = _more(text, buffer[at:])
                continue
        if problem is None and end == len(buffer) and more and not isinstance(item, dict | list):
            buffer, at, more = _more(text, buffer[at:])  # a number may go on
            continue
        began = line
        if problem is not None:
            again = _AGAIN.search(buffer, at + 1)
            end = again.end() if again else len(buffer)
            if again is None:
                table.cut = True
        line += buffer.count("\n", at, end)
        shown = buffer[at : min(end, at + SHOWN)]
        at = end
        if isinstance(item, dict):
            yield began, unwrapped(item)
        elif problem is not None:
            yield began, Damaged("damaged item", f"{type(problem).__name__}: {problem}"[:500], shown)
        else:
            yield began, Damaged("damaged item", f"a {type(item).__name__} where an item should be", shown)
    table.cut = table.cut or (array and not closed)


def _may_go_on(error: Exception, buffer: str) -> bool:
    """Whether a value is only not at its end yet."""
    where = getattr(error, "pos", 0)
    return where >= len(buffer) - 16 or str(error).startswith("Unterminated string")


def _more(text: io.TextIOWrapper, rest: str) -> tuple[str, int, bool]:
    """What is left of the text and at least as much again; whether there may be more behind it."""
    block = text.read(max(1 << 18, len(rest)))
    return rest + block, 0, bool(block)
