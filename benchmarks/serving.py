"""`make bench BENCH=serving`: what it costs to bring a serving table to a version, by its change list and by a copy.

One table of 720,000 rows under a key of two columns, with a list and two texts; of the next version 143,000 rows
differ. Printed: wall seconds and peak memory of each act, in a process of its own, and its share of a whole copy.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa

from include.operations import contents
from include.publishing import manifest as manifests
from include.publishing import serving
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest
from include.registry.registry import Registry
from include.storage.store import Store
from include.storage.tables import Column, Table
from include.version import version_id

ACTS = ("new table", "whole copy", "change list", "of it the join", "compared with files")
ROWS, CHANGED, PARTS = 720_000, 143_000, 4
START = datetime(2026, 11, 22, tzinfo=UTC)
TABLE = Table(
    "rows",
    "Rows.",
    ("id", "part"),
    (
        Column("id", pa.string(), "Key.", required=True),
        Column("part", pa.int32(), "Key.", required=True),
        Column("texts", pa.list_(pa.string()), "A list."),
        Column("name", pa.string(), "A text."),
        Column("content_hash", pa.string(), "Hash.", required=True),
    ),
    serve=True,
)


def seal(store: Store, day: int, previous: Manifest | None) -> Manifest:
    """A version; from the second on every fifth row is another one."""
    at = START + timedelta(days=day)
    every = ROWS // CHANGED

    def batches() -> Iterator[pa.RecordBatch]:
        for first in range(0, ROWS, 16_384):
            numbers = range(first, min(first + 16_384, ROWS))
            states = [day if n % every == 0 and n // every < CHANGED else 0 for n in numbers]
            columns = [
                pa.array([f"N{n // PARTS:08}" for n in numbers]),
                pa.array([n % PARTS for n in numbers], pa.int32()),
                pa.array([[f"a text {n}", str(state)] for n, state in zip(numbers, states, strict=True)]),
                pa.array([f"the name of number {n}, which is longer than a word or two" for n in numbers]),
                pa.array([f"{n:028x}{state:04x}" for n, state in zip(numbers, states, strict=True)]),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=TABLE.schema)

    with Candidate(store, "bench", version_id(at, "bench"), [TABLE], 1, previous) as candidate:
        candidate.write(TABLE.name, batches())
        return candidate.seal(
            run_id="bench", as_of=at, created_at=at, code_version="bench", cursors={}, counts={}, upstream={}
        )


def acts(store: Store, registry: Registry, versions: Sequence[str]) -> dict[str, Callable[[], object]]:
    """What is measured, by its name."""
    first, second = (manifests.require(store, "bench", version) for version in versions)

    def serve(manifest: Manifest, *, forward: bool) -> dict[str, str]:
        serving.prepare(registry, store, manifest, forward=forward)
        with registry.transaction() as cursor:
            return serving.serve(cursor, store, manifest, forward=forward)

    def join() -> int:
        entry = second.table(TABLE.name)
        with serving._ChangeLists(store, second) as lists:
            _, come = lists.rows(entry, manifests.entry_schema(store, entry))
            return sum(batch.num_rows for batch in come)

    return {
        "new table": lambda: serve(first, forward=True),
        "whole copy": lambda: serve(first, forward=False),
        "change list": lambda: serve(second, forward=True),
        "of it the join": join,
        "compared with files": lambda: [each.equal for each in contents.compare(store, registry, "bench")],
    }


def main() -> None:
    """Make two versions, then run each act in a process of its own and print its figures."""
    from sandbox import postgres

    with tempfile.TemporaryDirectory(prefix="lg-bench-") as folder:
        base = Path(folder)
        postgres.start(base / "postgres")
        try:
            dsn = postgres.dsn(base / "postgres", "lastgood")
            root = f"file://{base / 'store'}"
            # Not in this process: the peak of its memory would count as that of its children.
            versions = _child("make", root, dsn)["versions"]
            print(f"a table of {ROWS:,} rows, {CHANGED:,} of them changed")
            print(f"{'act':<22}{'wall s':>8}{'of a copy':>11}{'peak MB':>9}")
            copied = 0.0
            for name in ACTS:
                figures = _child(name, root, dsn, *versions)
                copied = figures["seconds"] if name == "whole copy" else copied
                share = f"{figures['seconds'] / copied:.0%}" if copied else ""
                print(
                    f"{name:<22}{figures['seconds']:>8.2f}{share:>11}{figures['megabytes']:>9.0f}", flush=True
                )
        finally:
            postgres.stop(base / "postgres")


def _child(*arguments: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.serving", *arguments], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SystemExit(f"{arguments[0]} failed:\n{ran.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return figures


def make(store: Store, registry: Registry) -> list[str]:
    """The two versions, of which the registry takes the second for latest."""
    registry.migrate()
    first = seal(store, 1, None)
    second = seal(store, 2, first)
    for manifest in (first, second):
        registry.stage(manifest, store.sha256(manifests.manifest_key("bench", manifest.version)))
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.latest (source, version, since) VALUES ('bench', %s, now())",
            (second.version,),
        )
    return [first.version, second.version]


def measure(name: str, root: str, dsn: str, *versions: str) -> dict[str, Any]:
    """One act in this process, and its figures."""
    store, registry = Store.from_uri(root), Registry(lambda: psycopg.connect(dsn))
    if name == "make":
        return {"versions": make(store, registry)}
    act = acts(store, registry, versions)[name]
    began = time.perf_counter()
    act()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:])))
