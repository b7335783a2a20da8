"""DuckDB over a store whose file system is Python's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
