"""From a content to its rows: CSV and JSON of any length, in constant memory, with the line at which each row began.

Of the three readers of CSV at hand (Python's csv module, pyarrow.csv and DuckDB) Python's alone tells the line of each
row and goes on behind a damaged one; tests/recordings/comments has the comparison. A quote that is opened and never
closed would swallow the rows behind it: a row of several lines that does not come out with the header's number of
columns costs its first line, and reading goes on with the second.

pyarrow is many times as fast. So a block of lines is looked at first: where every quote stands at an end of its cell or
is doubled, all readers read the same, and where rows end can be told by counting quotes. Such rows come as Rows, column
by column; from the first line on that is not so clear, the rest of the block is read by Python's module.
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

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from include.sources.comments.envelopes import Bounded, Content, FileRefused, Survey
from include.sources.comments.formats import Format, Header, detect
from include.sources.comments.values import post_of

RECORD_CHARACTERS = 32 * 2**20
"""No row is longer; the longest comment of a platform has some ten thousand characters."""
HEAD_LINES, HEAD_CHARACTERS = 400, 2**20
"""Where a header is looked for, behind a preamble."""
DELIMITERS = (",", ";", "\t")
BLOCK_CHARACTERS = 2 * 2**20
"""So much of a CSV is looked at together, up to the end of a line."""
SHOWN = 2_000
"""Characters of a damaged row that are kept."""
_SAMPLED = 50
"""Items of JSON by whose keys its format is told."""
_BLANK = "\ufeff \t\r\n\0"


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
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows of a CSV that have all of its columns."""

    lines: Numbers
    """The line at which each begins."""
    columns: dict[int, pa.StringArray]
    """By their place, those that Header.wanted names."""
    text: bytes
    starts: Numbers
    ends: Numbers
    """Of each row within the text."""
    delimiter: str

    def __len__(self) -> int:
        return len(self.lines)

    def cells(self, number: int) -> list[str]:
        """One of the rows, whole."""
        text = self.text[self.starts[number] : self.ends[number]].decode()
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter, strict=True))

    def __iter__(self) -> Iterator[Row]:
        return ((int(line), self.cells(number)) for number, line in enumerate(self.lines))


@dataclass(slots=True)
class Table:
    """A content whose format is known. `cut` tells, once all rows were read, whether it ended before its end."""

    format: Format
    rows: Iterator[Row | Rows]
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
        self._text = text
        self._block = io.StringIO()
        """What is left of the last block."""
        self._left = 0
        """So many characters."""
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

    def _read(self, most: int) -> str:
        line = self._block.readline(most) if self._left else ""
        self._left -= len(line)
        if self._left or line[-1:] in {"\r", "\n"}:
            return line
        return line + self._text.readline(most - len(line))

    def block(self) -> str:
        """The lines that come next, at least BLOCK_CHARACTERS of them; none where lines of the last block are left."""
        if self._left or self._back:
            return ""
        return self._text.read(BLOCK_CHARACTERS) + self._text.readline(RECORD_CHARACTERS)

    def take(self, block: str, lines: int, characters: int) -> None:
        """Of a block so many lines were taken, which are so many characters; the others are given one by one."""
        self.number += lines
        self._block = io.StringIO(block[characters:], newline="")
        self._left = len(block) - characters

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
) -> Iterator[Row | Rows]:
    """The rows below the header. Blank lines and repeated headers are none."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width, first_column = len(columns), columns[0]
    lost: tuple[int, Damaged] | None = None
    while True:
        if header.format.kind == "comments" and (block := lines.block()):
            plain, taken, characters = _plain_rows(block, lines.number + 1, columns, header, delimiter)
            lines.take(block, taken, characters)
            if plain is not None:
                yield from filter(None, (lost,))
                lost = None
                yield plain
                continue
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


_QUOTE, _NEWLINE, _RETURN = b'"\n\r'


def _plain_rows(
    block: str, line: int, columns: Sequence[str], header: Header, delimiter: str
) -> tuple[Rows | None, int, int]:
    """The rows at the beginning of a block that every reader reads alike; of how many lines and characters they are.

    `line` is the number of the block's first one.
    """
    none = None, 0, 0
    try:
        text = block.encode()
        columns[0].encode()  # it is looked for among the cells
    except UnicodeEncodeError:  # bytes that are no text
        return none
    if b"\0" in text or text.count(b"\r") != text.count(b"\r\n") or block[0] == "\ufeff":
        return none
    data = np.frombuffer(text, np.uint8)
    newlines = np.flatnonzero(data == _NEWLINE)
    quotes = np.flatnonzero(data == _QUOTE)
    at_end = np.searchsorted(quotes, newlines) % 2 == 0
    if (odd := _first_odd_quote(data, quotes, ord(delimiter))) is not None:
        at_end &= newlines < odd
    (ending,) = np.nonzero(at_end)
    if not ending.size:
        return none
    ends = newlines[ending] + 1
    text = text[: ends[-1]]
    starts = np.concatenate([[0], ends[:-1]])
    begin = line + np.concatenate([[0], ending[:-1] + 1])
    if (ends - starts).max() >= RECORD_CHARACTERS:
        return none
    filled = ends - starts > 1 + (data[ends - 2] == _RETURN)
    places = header.wanted
    names = [str(place) for place in range(len(columns))]
    wanted = [names[place] for place in places]
    try:
        table = pacsv.read_csv(
            pa.py_buffer(text),
            pacsv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
            pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), include_columns=wanted),
        )
    except pa.ArrowInvalid:  # a row with another number of columns
        return none
    found = {
        place: column.combine_chunks() for place, column in zip(places, table.itercolumns(), strict=True)
    }
    if not table.num_rows == np.count_nonzero(filled) > 0 or _may_be_no_row(found, columns[0]):
        return none
    rows = Rows(begin[filled], found, text, starts[filled], ends[filled], delimiter)
    characters = len(block) if len(text) == len(data) else len(text.decode())
    return rows, int(ending[-1]) + 1, characters


def _first_odd_quote(data: npt.NDArray[np.uint8], quotes: Numbers, delimiter: int) -> int | None:
    """Where the first quote stands that neither begins nor ends a cell and is not doubled."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, data[opening - 1], _NEWLINE)
    behind = data[np.minimum(closing + 1, len(data) - 1)]
    odd = [
        *opening[~np.isin(before, (delimiter, _NEWLINE, _QUOTE))][:1],
        *closing[~np.isin(behind, (delimiter, _NEWLINE, _RETURN, _QUOTE))][:1],
    ]
    return min(odd, default=None)


def _may_be_no_row(found: dict[int, pa.StringArray], first_column: str) -> bool:
    """Whether a row may have nothing in it, or be the header once more."""
    empty = pc.equal(pc.binary_length(found[0]), 0)
    for column in found.values():
        if not pc.any(empty).as_py():
            break
        empty = pc.and_(empty, pc.equal(pc.binary_length(column), 0))
    headers = pc.equal(found[0], first_column)
    return bool(pc.any(empty).as_py() or pc.any(headers).as_py())


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
