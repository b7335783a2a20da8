"""Showing refused rows: whose they are, and what they held as far as it was kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.operations import quarantine
from include.publishing import refused
from include.publishing.candidate import Candidate
from include.publishing.refused import RefusedRow
from include.storage.store import Store
from tests import toy

VERSION = "20260301T000000Z-00000000"


def refuse(store: Store, *contents: bytes) -> None:
    """A candidate that refused rows of these bytes."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with Candidate(store, toy.SOURCE, VERSION, [toy.THINGS], 1, None) as candidate:
        candidate.write("things", [])
        candidate.arrived("things", len(contents))
        for number, content in enumerate(contents):
            candidate.quarantine(
                RefusedRow("things", f"thing {number}", "odd", "$.id", f"raw/x:{number}", content)
            )
        candidate.seal(
            run_id="r", as_of=now, created_at=now, code_version="t", cursors={}, counts={}, upstream={}
        )


def test_rows_are_shown_in_order_and_equal_ones_with_the_bytes_that_were_kept_once(store: Store) -> None:
    refuse(store, b"one", b"two", b"one", b"\xff")
    shown = quarantine.show(store, toy.SOURCE, VERSION)
    assert [(row["key"], row["content"], row["bytes"]) for row in shown] == [
        ("thing 0", "one", 3),
        ("thing 1", "two", 3),
        ("thing 2", "one", 3),
        ("thing 3", "\ufffd", 1),
    ]
    assert [row["key"] for row in quarantine.show(store, toy.SOURCE, VERSION, limit=2)] == [
        "thing 0",
        "thing 1",
    ]


def test_what_was_not_kept_is_shown_without_bytes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused, "CONTENT_BUDGET", 1)
    refuse(store, b"one")
    (row,) = quarantine.show(store, toy.SOURCE, VERSION)
    assert (row["key"], row["content"], row["bytes"]) == ("thing 0", None, 3)


def test_files_of_before_keys_were_kept_are_read(store: Store) -> None:
    text = [pa.field(name, pa.string(), nullable=False) for name in ("reason", "detail", "raw", "sha256")]
    schema = pa.schema([*text, pa.field("content", pa.binary(), nullable=False)])
    row = {"reason": "odd", "detail": "$.id", "raw": "raw/x", "sha256": "ab", "content": b"{"}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([row, row], schema), sink)
    store.write_bytes(f"versions/toy/{VERSION}/_quarantine.parquet", sink.getvalue().to_pybytes())
    shown = quarantine.show(store, toy.SOURCE, VERSION)
    assert shown == [{**row, "kind": None, "key": None, "bytes": 1, "content": "{"}] * 2
