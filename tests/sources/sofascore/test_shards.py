"""Landed part files to shards: rows with the number of their record, and what is quarantined."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest
import zstandard

from include.sources import parsing
from include.sources.sofascore import shards
from include.sources.sofascore.shards import PartFile

RECORD = {
    "competition": 17,
    "season": 76986,
    "season_year": 2025,
    "listing": "cafe",
    "asked_at": "2026-11-18T00:00:00Z",
}


def event(match: int) -> dict[str, Any]:
    return {
        "id": match,
        "startTimestamp": 1_770_000_000,
        "tournament": {"id": 1},
        "status": {"code": 0},
        "homeTeam": {"id": 1, "name": "Harbour"},
        "awayTeam": {"id": 2, "name": "Quarry"},
    }


def listed(match: int, **fields: Any) -> bytes:
    return json.dumps({"match": match, **RECORD, "event": event(match), **fields}).encode()


def reply(match: int, **parts: Any) -> bytes:
    return json.dumps(
        {"match": match, **RECORD, "parts": {"event": {"event": event(match)}, **parts}}
    ).encode()


def job(
    folder: Path, lines: Iterable[bytes], first: int = 0, kind: Literal["matches", "listing"] = "matches"
) -> PartFile:
    path = folder / f"part-{first:05d}.jsonl.zst"
    path.write_bytes(zstandard.compress(b"".join(line + b"\n" for line in lines)))
    return PartFile(path, f"raw/sofascore/v1/{path.name}", kind, first)


def query(scratch: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        shards.register(con, scratch)
        found: list[tuple[Any, ...]] = con.execute(sql).fetchall()
        return found


def test_rows_carry_the_sequence_number_of_their_record(tmp_path: Path) -> None:
    graph = {"graphPoints": [{"minute": 1, "value": 2}, {"minute": 2, "value": 3}]}
    jobs = [
        job(tmp_path, [listed(5), listed(6)], 0, "listing"),
        job(tmp_path, [reply(6), reply(5, graph=graph)], 2),
    ]
    reports = list(shards.parse_all(jobs, tmp_path / "scratch"))
    assert [(report.received, report.refused) for report in reports] == [(2, []), (2, [])]
    matches = query(tmp_path / "scratch", "SELECT match_id, seq FROM fresh_matches ORDER BY seq")
    assert matches == [(5, 0), (6, 1), (6, 2), (5, 3)]
    assert query(tmp_path / "scratch", "SELECT minute, seq FROM fresh_momentum ORDER BY 1") == [
        (1.0, 3),
        (2.0, 3),
    ]
    parts = query(
        tmp_path / "scratch", "SELECT part, state, rows, seq FROM fresh_match_parts ORDER BY seq, part"
    )
    assert parts == [("event", "done", 1, 2), ("event", "done", 1, 3), ("graph", "done", 2, 3)]


def test_every_table_is_there_with_its_columns_though_nothing_came(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        shards.register(con, tmp_path)
        for table in shards.TABLES:
            cursor = con.execute(f"SELECT * FROM fresh_{table.name}")
            assert [column[0] for column in cursor.description] == [*table.names, shards.SEQ]
            assert cursor.fetchall() == []
    assert "competition_seasons" not in {table.name for table in shards.TABLES}


def test_more_records_than_are_held_at_once_all_come_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "RECORDS_AT_ONCE", 2)
    report = shards.parse_files([job(tmp_path, map(listed, range(1, 6)), 10, "listing")], tmp_path)[0]
    assert report.received == 5
    assert query(tmp_path, "SELECT match_id, seq FROM fresh_matches ORDER BY 1") == [
        (number, 9 + number) for number in range(1, 6)
    ]


def test_one_bad_record_does_not_hold_up_the_others(tmp_path: Path) -> None:
    broken, foreign = b'{"match": 5', listed(6, event=event(7))
    lines = [listed(4), broken, foreign, listed(8)]
    report = shards.parse_files([job(tmp_path, lines, 100, "listing")], tmp_path)[0]
    assert report.received == 4
    assert [(item.reason, item.content) for item in report.refused] == [
        ("unreadable_record", broken),
        ("unreadable_record", foreign),
    ]
    assert [(item.kind, item.key) for item in report.refused] == [
        ("listing", None),
        ("listing", "match 6"),
    ]
    assert report.arrived == {"listing": 4, "matches_values": 2}
    assert report.refused[0].raw == "raw/sofascore/v1/part-00100.jsonl.zst"
    assert [item.detail.partition(":")[0] for item in report.refused] == ["Record 101", "Record 102"]
    assert "match 7" in report.refused[1].detail
    assert query(tmp_path, "SELECT match_id, seq FROM fresh_matches ORDER BY 1") == [(4, 100), (8, 103)]


def test_a_part_that_cannot_be_read_is_quarantined_and_the_rest_of_its_match_is_kept(tmp_path: Path) -> None:
    graph = {"graphPoints": [{"minute": 1, "value": "high"}]}
    report = shards.parse_files([job(tmp_path, [reply(5, graph=graph)])], tmp_path)[0]
    (item,) = report.refused
    assert (item.reason, json.loads(item.content)) == ("unreadable_part", graph)
    assert (item.kind, item.key) == ("graph", "match 5 graph")
    assert report.arrived == {"matches": 1, "event": 1, "graph": 1, "matches_values": 1}
    assert item.detail.startswith("Match 5, graph: ")
    assert "$.graphPoints" in item.detail
    assert query(tmp_path, "SELECT part, state, error FROM fresh_match_parts ORDER BY 1") == [
        ("event", "done", None),
        ("graph", "refused", item.detail),
    ]
    assert query(tmp_path, "SELECT match_id FROM fresh_matches") == [(5,)]


def test_an_odd_value_is_quarantined_and_counted_beside_the_rows_that_came(tmp_path: Path) -> None:
    graph = {"graphPoints": [{"minute": 1, "value": "high"}, {"minute": 2, "value": 3}]}
    report = shards.parse_files([job(tmp_path, [reply(5, graph=graph)])], tmp_path)[0]
    (item,) = report.refused
    assert (item.kind, item.key, item.reason) == ("momentum_values", "match 5 graph", "odd_value")
    assert json.loads(item.content) == {"$.graphPoints[0].value": "high"}
    assert (report.arrived["graph"], report.arrived["momentum_values"]) == (1, 1)
    assert query(tmp_path, "SELECT minute, value FROM fresh_momentum") == [(2.0, 3)]


def test_workers_find_what_one_process_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [job(tmp_path, [reply(5), b"{"], 0), job(tmp_path, [reply(6)], 2)]
    alone = list(shards.parse_all(jobs, tmp_path / "alone"))
    monkeypatch.setattr(shards, "GROUP_BYTES", 0)
    monkeypatch.setattr(parsing, "IN_PROCESS_BYTES", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert list(shards.parse_all(jobs, tmp_path / "shared")) == alone
    assert len(list((tmp_path / "shared" / "matches").iterdir())) == 2, "each worker made shards of its own"
    rows = "SELECT * FROM fresh_match_parts ORDER BY seq"
    assert query(tmp_path / "shared", rows) == query(tmp_path / "alone", rows)
