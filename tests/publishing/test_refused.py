"""Refused rows: streamed, each kept with what tells it, its bytes once and within a budget."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from include.publishing import refused
from include.publishing.refused import NearlyAllRefused, RefusedRow, RefusedRows


def rows_of(found: RefusedRows) -> list[dict[str, Any]]:
    path = found.file()
    return pq.read_table(path).to_pylist() if path else []


def refuse(found: RefusedRows, content: bytes, key: str | None = "k", **known: str) -> None:
    given = {"reason": "odd", "detail": "$.id", "raw": "raw/x:7", **known}
    found.add(RefusedRow("things", key, content=content, **given))


@pytest.fixture
def found(tmp_path: Path) -> RefusedRows:
    rows = RefusedRows(tmp_path, "toy v1")
    rows.arrived["things"] = 10_000
    return rows


def test_nothing_refused_is_no_file(found: RefusedRows, tmp_path: Path) -> None:
    assert rows_of(found) == [] and list(tmp_path.iterdir()) == []


def test_every_row_is_kept_with_what_tells_it_and_counted(found: RefusedRows) -> None:
    for number in range(2_500):
        refuse(found, b"%d" % number, key=None if number else "first", reason="odd" if number % 2 else "even")
    assert (found.rows, found.refused, found.reasons) == (
        2_500,
        {"things": 2_500},
        {"odd": 1_250, "even": 1_250},
    )
    rows = rows_of(found)
    assert [row["content"] for row in rows] == [b"%d" % number for number in range(2_500)]
    assert rows[0] == {
        "kind": "things",
        "key": "first",
        "reason": "even",
        "detail": "$.id",
        "raw": "raw/x:7",
        "sha256": hashlib.sha256(b"0").hexdigest(),
        "bytes": 1,
        "content": b"0",
        "left_out": None,
    }
    assert rows[1]["key"] is None


def test_equal_bytes_are_kept_once(found: RefusedRows) -> None:
    for content in (b"a", b"b", b"a"):
        refuse(found, content)
    assert [(row["content"], row["left_out"]) for row in rows_of(found)] == [
        (b"a", None),
        (b"b", None),
        (None, "same"),
    ]


def test_beyond_the_budget_all_but_the_bytes_is_kept(
    found: RefusedRows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(refused, "CONTENT_BUDGET", 5_000)
    found = RefusedRows(tmp_path, "toy v1")
    found.arrived["things"] = 100
    for number in range(4):
        refuse(found, b"%d" % number * 2_000)
    refuse(found, b"small enough")
    kept = [(row["bytes"], row["content"] is not None, row["left_out"]) for row in rows_of(found)]
    assert kept == [
        (2_000, True, None),
        (2_000, True, None),
        (2_000, False, "budget"),
        (2_000, False, "budget"),
        (12, True, None),
    ]


def test_texts_that_no_file_can_hold_keep_no_row_out(found: RefusedRows) -> None:
    refuse(found, b"{", key="NCT\ud800\0", detail="half a pair \ud83d", raw="r")
    (row,) = rows_of(found)
    assert (row["key"], row["detail"]) == ("NCT? ", "half a pair ?")


def test_a_build_stops_once_most_of_what_arrives_is_refused(tmp_path: Path) -> None:
    found = RefusedRows(tmp_path, "toy v1")
    found.arrived["others"] = 1_000_000
    found.arrived["things"] = 1_999
    for number in range(999):
        refuse(found, b"%d" % number)
    with pytest.raises(NearlyAllRefused) as caught:
        refuse(found, b"last", key="thing 1000")
    assert "toy v1: 1,000 of the 1,999 things that arrived so far were refused (50%)" in str(caught.value)
    assert "latest stays" in str(caught.value) and "raw/x:7, thing 1000, odd: $.id" in str(caught.value)


def test_many_refused_rows_of_still_more_that_came_do_not_stop_a_build(found: RefusedRows) -> None:
    for number in range(5_000):
        refuse(found, b"%d" % number)
    assert found.rows == 5_000


def test_a_build_that_does_not_say_what_arrived_cannot_refuse_any_of_it(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"1 things were refused and 0 are said to have arrived.*candidate\.arrived"
    ):
        refuse(RefusedRows(tmp_path, "toy v1"), b"x")
