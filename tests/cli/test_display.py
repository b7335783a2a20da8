"""How results look on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.cli import display
from include.operations.diff import RowDiff, TableDiff

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VERSION = "20261120T060000Z-1a2b3c4d"


def run(hours: float, minutes: float | None, **facts: Any) -> dict[str, Any]:
    started = NOW - timedelta(hours=hours)
    ended = None if minutes is None else started + timedelta(minutes=minutes)
    row = {"source": "ctgov", "status": "ok", "failed_step": None, "version": VERSION, "published": None}
    return {**row, "started": started, "ended": ended, "steps": {}, **facts}


@pytest.fixture
def look(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a terminal of so many columns shows."""

    def look(shown: Any, width: int = 100) -> str:
        display.put(shown, width)
        return "\n" + capsys.readouterr().out

    return look


Look = Callable[..., str]


def test_runs_tell_time_status_failed_step_and_what_came_out_at_a_glance(look: Look) -> None:
    changed = {"rows": 1_234_567, "new": 12_345, "changed": 34, "deleted": 0}
    nothing = {"rows": 5, "new": 0, "changed": 0, "deleted": 0}
    rows = [
        run(0.01, None, status=None, source="clinical"),
        run(1, None, status=None, steps={"probe": {}, "build": {"started": "2026", "tried_again": True}}),
        run(3, 0.7, status="fail", failed_step="extract Premier League 2025-26", source="sofascore"),
        run(6, 185, published=changed),
        run(30, 12, published=nothing),
        run(54, 1, status="skipped"),
    ]
    assert (
        look(display.runs(rows, NOW))
        == """
STARTED   TOOK        SOURCE     STATUS                       VERSION                    PUBLISHED
just now  36 s        clinical   running                      20261120T060000Z-1a2b3c4d  -
1 h ago   1 h 00 min  ctgov      build, tried again           20261120T060000Z-1a2b3c4d  -
3 h ago   42 s        sofascore  fail at extract Premier      20261120T060000Z-1a2b3c4d  -
                                 League 2025-26
6 h ago   3 h 05 min  ctgov      ok                           20261120T060000Z-1a2b3c4d  +12k ~34 -0
1 d ago   12 min      ctgov      ok                           20261120T060000Z-1a2b3c4d  no change
2 d ago   1 min       ctgov      skipped                      20261120T060000Z-1a2b3c4d  -
"""
    )


def test_status_shows_each_source_the_totals_and_what_is_open(look: Look) -> None:
    ago = {hours: (NOW - timedelta(hours=hours)).isoformat() for hours in (6, 30)}
    failed = {"started": ago[6], "ended": ago[6], "status": "fail", "failed_step": "gate"}
    nothing = dict.fromkeys(("latest", "as_of", "last_run", "success_rate_percent"))
    result = {
        "well": False,
        "set_up": [],
        "set_up_at": None,
        "total_published": 12,
        "total_staging": 1,
        "total_publishing": 0,
        "total_held": 0,
        "holds": {},
        "recent_failures_24h": 3,
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
SOURCE     LATEST                     DATA     LAST RUN               RUNS WELL
ctgov      20261120T060000Z-1a2b3c4d  1 d ago  fail at gate, 6 h ago  96.7 % of 30
sofascore  -                          -        -                      -

Publishing: 12 versions published (92.3 %), 1 failed, 1 staged, 3 attempts failed in the last 24
hours
Open alerts: 1
  error: ctgov.gate: it did not pass (since 6 h ago, 2x)
"""
    )


def test_diff_shows_counts_and_then_rows_with_values_before_and_after(look: Look) -> None:
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


@pytest.mark.parametrize("width", [80, 200])
def test_a_table_fits_the_terminal_and_cuts_nothing(look: Look, width: int) -> None:
    shown = look([display.table(("A", "LONG"), [("x" * 20, "many words " * 30)], wraps=("LONG",))], width)
    assert max(map(len, shown.splitlines())) <= width
    assert shown.count("many") == 30 and "…" not in shown


def test_a_pipe_has_a_row_on_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    display.put([display.table(("A", "LONG"), [("x", "many words " * 30)], wraps=("LONG",))])
    assert len(capsys.readouterr().out.splitlines()) == 2


@given(st.text())
def test_nothing_that_a_terminal_obeys_gets_out(value: str) -> None:
    assert display.text(value).isprintable()


def test_versions_and_failed_say_why_in_full(look: Look) -> None:
    version = {"version": VERSION, "state": "failed", "as_of": NOW, "published_at": None}
    notes = {"pinned_reason": "of the paper", "publish_error": "no space left on device " * 9}
    shown = look(display.versions([{**version, **notes}], NOW))
    assert "pinned: of the paper; no" in shown and shown.count("device") == 9
    staged = {"data_id": f"ctgov/{VERSION}", "staged_at": NOW.isoformat(), "publish_attempts": 3}
    assert look(display.failed([{**staged, "publish_error": "no space " * 9}], NOW)).count("space") == 9


def test_checks_show_what_failed_with_full_names_rounded_values_and_a_few_rows(look: Look) -> None:
    check = {"table_name": "studies", "rule": "change", "threshold": "must be: 0"}
    failed = {
        **check,
        "outcome": "FAILED",
        "name": "no more than 2 percent are gone",
        "value": 9.59244532803181,
    }
    rows = [{"nct_id": f"NCT{n}", "phases": None} for n in range(7)]
    result = {"passed": 195, "everything": False, "checks": [{**failed, "samples": rows}]}
    assert (
        look(display.checks(result, NOW), 80)
        == """
OUTCOME  TABLE    CHECK                            RULE    VALUE  THRESHOLD
FAILED   studies  no more than 2 percent are gone  change  9.592  must be: 0
195 checks passed (--all lists them)

studies: no more than 2 percent are gone
  nct_id=NCT0  phases=-
  nct_id=NCT1  phases=-
  nct_id=NCT2  phases=-
  nct_id=NCT3  phases=-
  nct_id=NCT4  phases=-
  … and 2 more (--all)
"""
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.0, "0"), (1234567.0, "1,234,567"), (0.123456, "0.1235"), (98765.4, "98,765")],
)
def test_a_measured_value_is_rounded(value: float | None, shown: str) -> None:
    assert display.figure(value) == shown


def test_a_refused_row_tells_whose_it_is_and_whether_its_content_was_kept(look: Look) -> None:
    row = {"kind": "studies", "key": "NCT1", "reason": "not_json", "detail": "cut off", "raw": "raw/x:7"}
    row = {**row, "sha256": "ab", "bytes": 1_234, "content": '{"a\n'}
    of_before = {**row, "kind": None, "key": None, "content": None}
    assert (
        look(display.quarantined([row, of_before], NOW))
        == """
studies NCT1: not_json: cut off
  raw/x:7  sha256 ab  1,234 bytes
  {"a\\n
without a key: not_json: cut off
  raw/x:7  sha256 ab  1,234 bytes
  (not kept: the version's budget for refused rows was used up)
"""
    )
