"""How results look on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.cli import display
from include.publishing.diff import RowDiff, TableDiff

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VERSION = "20261120T060000Z-1a2b3c4d"


def run(hours: float, minutes: float | None, **facts: Any) -> dict[str, Any]:
    started = NOW - timedelta(hours=hours)
    ended = None if minutes is None else started + timedelta(minutes=minutes)
    row = {"source": "ctgov", "status": "ok", "failed_step": None, "version": VERSION, "published": None}
    return {**row, "started": started, "ended": ended, **facts}


def look(lines: Any) -> str:
    return "\n" + "\n".join(lines) + "\n"


def test_runs_tell_time_status_failed_step_and_what_came_out_at_a_glance() -> None:
    changed = {"rows": 1_234_567, "new": 12_345, "changed": 34, "deleted": 0}
    nothing = {"rows": 5, "new": 0, "changed": 0, "deleted": 0}
    rows = [
        run(0.01, None, status=None, source="clinical"),
        run(3, 0.7, status="fail", failed_step="extract Premier League 2025-26", source="sofascore"),
        run(6, 185, published=changed),
        run(30, 12, published=nothing),
        run(54, 1, status="skipped"),
    ]
    assert (
        look(display.runs(rows, NOW))
        == """
STARTED      TOOK        SOURCE     STATUS   FAILED STEP      VERSION                    PUBLISHED
just now     36 s        clinical   running  -                20261120T060000Z-1a2b3c4d  -
3 hours ago  42 s        sofascore  fail     extract Premie…  20261120T060000Z-1a2b3c4d  -
6 hours ago  3 h 05 min  ctgov      ok       -                20261120T060000Z-1a2b3c4d  +12k ~34 -0
1 day ago    12 min      ctgov      ok       -                20261120T060000Z-1a2b3c4d  no change
2 days ago   1 min       ctgov      skipped  -                20261120T060000Z-1a2b3c4d  -
"""
    )


def test_status_shows_each_source_the_totals_and_what_is_open() -> None:
    ago = {hours: (NOW - timedelta(hours=hours)).isoformat() for hours in (6, 30)}
    failed = {"started": ago[6], "ended": ago[6], "status": "fail", "failed_step": "gate"}
    nothing = dict.fromkeys(("latest", "as_of", "last_run", "success_rate_percent"))
    result = {
        "total_published": 12,
        "failed_publishes": 1,
        "success_rate_percent": 92.3,
        "timestamp": NOW.isoformat(),
        "sources": [
            {
                "source": "ctgov",
                "latest": VERSION,
                "as_of": ago[30],
                "last_run": failed,
                "success_rate_percent": 96.7,
                "success_rate_runs": 30,
            },
            {"source": "sofascore", **nothing},
        ],
        "open_episodes": [
            {"severity": "error", "title": "ctgov.gate: it did not pass", "count": 2, "first_seen": ago[6]}
        ],
    }
    assert (
        look(display.status(result, NOW))
        == """
SOURCE     LATEST                     DATA       LAST RUN     STATUS  FAILED STEP  SUCCESS
ctgov      20261120T060000Z-1a2b3c4d  1 day ago  6 hours ago  fail    gate         96.7 % of 30
sofascore  -                          -          -            -       -            -

total published       12
failed publishes      1
success rate percent  92.3

open alerts: 1
  error: ctgov.gate: it did not pass (since 6 hours ago, 2x)
"""
    )


def test_diff_shows_counts_and_then_rows_with_values_before_and_after() -> None:
    rows = (
        RowDiff("changed", {"nct_id": "NCT1"}, {"status": ("RECRUITING", "DONE"), "phases": (None, ["1"])}),
        RowDiff("new", {"nct_id": "NCT2", "ordinal": 3}, {}),
        RowDiff("deleted", {"nct_id": "NCT\x1b[31m3"}, {}),
    )
    result = [
        TableDiff("studies", 600, 1611, 1012, 1, 1, rows),
        TableDiff("removals", 1, 1, 0, 0, 0),
        TableDiff("extra", None, 3, 3, 0, 0, note="only in the later version"),
    ]
    assert (
        look(display.diff(result, NOW))
        == """
TABLE     BEFORE  AFTER    NEW  CHANGED  DELETED
studies      600  1,611  1,012        1        1
removals       1      1      0        0        0
extra          -      3      3        0        0  only in the later version

studies
  changed  nct_id=NCT1
             status: RECRUITING → DONE
             phases: null → ['1']
  new      nct_id=NCT2  ordinal=3
  deleted  nct_id=NCT\\x1b[31m3
  … and 1,011 more (--limit)
"""
    )


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (9_949, "9.9k"),
        (9_950, "10k"),
        (999_499, "999k"),
        (999_600, "1.0M"),
    ],
)
def test_counts_are_short(number: int, shown: str) -> None:
    assert display.short(number) == shown


def test_nothing_is_wider_than_the_terminal_where_a_column_may_be_cut() -> None:
    lines = list(display.table(("A", "LONG"), [("x" * 20, "y" * 300)], flexible="LONG"))
    assert [len(line) for line in lines] == [26, 100] and lines[1].endswith("…")


@given(st.text())
def test_nothing_that_a_terminal_obeys_gets_out(value: str) -> None:
    assert display.text(value).isprintable()


def test_versions_checks_and_failed_fit_the_terminal_and_say_why() -> None:
    version = {"version": VERSION, "state": "failed", "as_of": NOW, "published_at": None}
    notes = {"pinned_reason": "of the paper", "publish_error": "no space left on device " * 9}
    lines = list(display.versions([{**version, **notes}], NOW))
    assert "pinned: of the paper; no space left" in lines[1]
    staged = {"data_id": f"ctgov/{VERSION}", "staged_at": NOW.isoformat(), "publish_attempts": 3}
    lines += display.failed([{**staged, "publish_error": "no space left on device " * 9}], NOW)
    check = {"outcome": "FAILED", "table_name": "studies", "rule": "contract", "value": 2.0}
    sample = {"name": "ids are unique " * 9, "threshold": "must be 0", "samples": [{"nct_id": "NCT1"}]}
    lines += display.checks([{**check, **sample}], NOW)
    assert lines[-1] == "  {'nct_id': 'NCT1'}"
    assert all(len(line) <= display.WIDTH for line in lines)
