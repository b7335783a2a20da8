"""Rows of any text are read back, each with its line, and damage costs nothing but itself."""

from __future__ import annotations

import csv
import io
import json
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from include.sources.comments import reading
from include.sources.comments.envelopes import Content, survey
from include.sources.comments.formats import FORMATS, Header, detect
from include.sources.comments.reading import Damaged, Rows, open_table

HEADER = ["pk", "media_id", "text", "created_at_utc", "comment_like_count"]
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
ROWS = st.lists(st.tuples(st.integers(1, 10**17).map(str), TEXTS), min_size=1, max_size=12)


def content(data: bytes) -> Content:
    @contextmanager
    def opened() -> Any:
        stream = io.BytesIO(data)
        stream.broken = None  # type: ignore[attr-defined]
        yield stream

    return Content(label="", open=opened)


def read(data: bytes) -> tuple[list[tuple[int, Any]], bool]:
    """Rows with their lines, and whether the content was cut."""
    found = content(data)
    with open_table(found, survey(found)) as table:
        assert table is not None
        rows: list[tuple[int, Any]] = []
        for found in table.rows:
            rows += found if isinstance(found, Rows) else [found]
        return rows, table.cut


def written(rows: list[tuple[str, str]], end: str, quoting: Any, preamble: str = "") -> str:
    text = io.StringIO()
    text.write(preamble)
    writer = csv.writer(text, lineterminator=end, quoting=quoting)
    writer.writerow(HEADER)
    writer.writerows([pk, "1", said, "1763703292", "3"] for pk, said in rows)
    return text.getvalue()


@settings(deadline=None)
@given(
    ROWS, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.booleans()
)
def test_rows_of_any_text_are_read_back_with_their_lines(
    rows: list[tuple[str, str]], end: str, quoting: Any, told: bool
) -> None:
    assume(end == "\r\n" or quoting == csv.QUOTE_ALL or not any("\r" in said for _, said in rows))
    preamble = 'https://www.instagram.com/p/DRSssyVEuwk\nA "caption", of two\nlines\n' if told else ""
    text = written(rows, end, quoting, preamble)
    found, cut = read(text.encode())
    assert [(cells[0], cells[2]) for _, cells in found] == rows and not cut
    lines = io.StringIO(text, newline="").readlines()
    for line, cells in found:
        assert lines[line - 1].lstrip('"').startswith(cells[0])


@settings(deadline=None)
@given(
    ROWS,
    ROWS,
    st.sampled_from(['9,1,"never closed,2,3', "9,1", "9,1,2,3,4,5,6", 'x "y" z"', "no columns at all"]),
)
def test_a_damaged_line_costs_no_neighbour(
    before: list[tuple[str, str]], after: list[tuple[str, str]], damage: str
) -> None:
    # What is within quotes behind a stray quote may close it: undecidable, and then two rows are one.
    assume(not any(mark in said for _, said in after for mark in '"\n\r,'))
    assume(not any("\r" in said for _, said in before))
    text = written(before, "\n", csv.QUOTE_MINIMAL) + damage + "\n"
    text += written(after, "\n", csv.QUOTE_MINIMAL).partition("\n")[2]
    found, _ = read(text.encode())
    whole = [(cells[0], cells[2]) for _, cells in found if not isinstance(cells, Damaged)]
    damaged = [(line, each) for line, each in found if isinstance(each, Damaged)]
    assert whole == [*before, *after]
    assert len(damaged) == 1
    assert io.StringIO(text, newline="").readlines()[damaged[0][0] - 1] == damage + "\n"


@settings(deadline=None)
@given(ROWS, st.integers(1, 400))
def test_a_file_that_is_cut_anywhere_keeps_what_stands_before_the_cut(
    rows: list[tuple[str, str]], share: int
) -> None:
    text = written(rows, "\n", csv.QUOTE_ALL)
    head = len(",".join(f'"{name}"' for name in HEADER)) + 1
    cut = text[: head + (len(text) - head) * share // 400]
    found, _ = read(cut.encode("utf-8"))
    whole = [(cells[0], cells[2]) for _, cells in found if not isinstance(cells, Damaged)]
    assert whole == rows[: len(whole)] or whole[:-1] == rows[: len(whole) - 1]
    assert len(rows) - len(whole) <= len(rows) and len(found) - len(whole) <= 1


@settings(deadline=None)
@given(ROWS, st.sampled_from(["array", "lines", "indented"]))
def test_items_of_any_text_are_read_back(rows: list[tuple[str, str]], form: str) -> None:
    items = [
        {"pk": pk, "media_id": 10**18 + 1, "text": said, "created_at_utc": 1763703292.5} for pk, said in rows
    ]
    text = {
        "array": json.dumps(items),
        "lines": "\n".join(map(json.dumps, items)),
        "indented": json.dumps(items, indent=2),
    }[form]
    found, cut = read(text.encode())
    assert [(item["pk"], item["text"], item["media_id"]) for _, item in found] == [
        (pk, said, str(10**18 + 1)) for pk, said in rows
    ]
    assert not cut


def test_a_damaged_item_costs_no_neighbour_and_an_array_without_end_is_cut() -> None:
    good = '{"pk": "%s", "media_id": "1", "text": "t", "created_at_utc": "1"}'
    text = f'[{good % 1},\n{{"pk": nonsense}},\n{good % 2},\n7,\n{good % 3}'
    found, cut = read(text.encode())
    assert [item["pk"] for _, item in found if isinstance(item, dict)] == ["1", "2", "3"]
    assert [line for line, item in found if isinstance(item, Damaged)] == [2, 4] and cut


def test_an_item_that_is_longer_than_a_block_is_read() -> None:
    text = json.dumps([{"pk": "1", "media_id": "1", "text": "x" * 3_000_000, "created_at_utc": "1"}])
    ((_, item),), _ = read(text.encode())
    assert len(item["text"]) == 3_000_000


def test_stray_quotes_in_every_second_line_cost_these_lines_and_linear_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_lines = 0
    step = reading.Lines.__next__

    def counted(lines: reading.Lines) -> str:
        nonlocal given_lines
        given_lines += 1
        return step(lines)

    monkeypatch.setattr(reading.Lines, "__next__", counted)
    found, _ = read((",".join(HEADER) + "\n" + '1,1,"a,1,1\n2,2,b,2,2\n' * 5_000).encode())
    assert sum(not isinstance(cells, Damaged) for _, cells in found) == 5_000
    assert given_lines < 5 * 10_000


@pytest.mark.parametrize("found", FORMATS, ids=lambda each: each.name)
def test_a_format_is_told_by_what_it_needs_alone(found: Any) -> None:
    columns = [group[0] for group in found.needs]
    told = detect([*columns, "something else"])
    assert told is not None and (
        told is found or set(found.needs) >= set(told.needs) or told.platform == found.platform
    )


def test_the_order_of_columns_and_their_letters_do_not_matter() -> None:
    one = Header.of(["Post URL", "Username", "Comment", "Timestamp", "Likes"])
    other = Header.of(["LIKES", " post  url ", "comment", "TimeStamp", "USERNAME"])
    assert one is not None and other is not None and one.format is other.format
