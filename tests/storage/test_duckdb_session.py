"""DuckDB over a store whose file system is Python's."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from include.storage import duckdb_session

ROOT = Path(__file__).resolve().parents[2]
FAILING_SCANS = """
import sys
import fsspec, pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem
from pathlib import Path
from pyarrow.fs import FSSpecHandler, PyFileSystem
from include.storage import duckdb_session

class Failing(LocalFileSystem):
    cachable = False
    def _open(self, *args, **kwargs):
        raise OSError("the store is away")

schema, folder = pa.schema([("n", pa.int64())]), Path(sys.argv[1])
files = [str(folder / f"t{number}.parquet") for number in range(8)]
for file in files:
    pq.write_table(pa.table({"n": range(10)}, schema), file)
streamed = ds.ParquetFileFormat(default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False))
remote = PyFileSystem(FSSpecHandler(Failing()))
dataset = ds.dataset(files, schema=schema, format=streamed, filesystem=remote)
with duckdb_session.session(folder) as connection:
    connection.register("rows", duckdb_session._Yielding.of(dataset))
    for _ in range(1500):
        try:
            connection.execute("SELECT sum(n) FROM rows").fetchall()
        except Exception as error:
            assert "the store is away" in str(error), error
        else:
            raise AssertionError("it was read")
print("through")
"""


def test_scans_of_a_store_that_fails_never_stand_still(tmp_path: Path) -> None:
    """pyarrow holds Python's lock while a scan begins, and what it waits for may want that lock."""
    done = subprocess.run(
        [sys.executable, "-c", FAILING_SCANS, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "through\n"), done.stderr[-3000:]


ROW = pa.schema(
    [
        ("id", pa.int64()),
        ("text", pa.string()),
        ("texts", pa.list_(pa.string())),
        ("number", pa.float64()),
        ("flag", pa.bool_()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", "UTC")),
        ("content_hash", pa.string()),
    ]
)
DAY = date(2026, 11, 20)
ROWS = [
    (
        1,
        'a "b"\n\u00e4\U0001f600',
        ["x", None, ""],
        0.1,
        True,
        DAY,
        datetime(2026, 11, 20, 5, 6, 7, 89, UTC),
        "old",
    ),
    (2, None, None, None, None, None, None, None),
    (3, "", [], -1e300, False, date(1, 1, 1), datetime(1969, 12, 31, tzinfo=UTC), None),
]
RECIPE_1 = [
    "7bb65d2dcdd44bfc45ca0fa0173f8ca2",
    "b2d05fa868a9737d81f2246266125478",
    "d59c58b41e2b45c0266c843b160b766f",
]


def hashes(rows: list[tuple[Any, ...]]) -> list[str]:
    table = pa.Table.from_pylist([dict(zip(ROW.names, row, strict=True)) for row in rows], ROW)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("made", table)
        found = connection.sql(f"SELECT {duckdb_session.row_hash(ROW.names)} FROM made").fetchall()
    return [digest for (digest,) in found]


def test_the_recipe_of_this_number_makes_these_hashes() -> None:
    """Whoever changes what the recipe makes, be it by a new DuckDB, raises RECIPE."""
    assert (duckdb_session.RECIPE, hashes(ROWS)) == (1, RECIPE_1)


def test_every_value_counts_and_the_hash_of_before_does_not() -> None:
    (first, *_) = ROWS
    same = (*first[:-1], None)
    others = [(*first[:place], None, *first[place + 1 :]) for place in range(len(first) - 1)] + [
        (*first[:2], ["x", "", None], *first[3:]),
        (*first[:2], ["x"], *first[3:]),
    ]
    found = hashes([first, same, *others])
    assert found[0] == found[1]
    assert len(set(found)) == len(others) + 1


def test_the_zone_of_the_machine_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with duckdb_session.session(tmp_path) as connection:
            zones = [
                each.sql("SELECT current_setting('TimeZone')").fetchall()
                for each in (connection, duckdb_session.cursor(connection))
            ]
    finally:
        monkeypatch.undo()
        time.tzset()
    assert zones == [[("UTC",)], [("UTC",)]]
