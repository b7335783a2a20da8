"""`make bench BENCH=parsing`: how fast studies of ClinicalTrials.gov are parsed, in this checkout and in another one.

    make bench BENCH=parsing                              generated studies
    make bench BENCH="parsing STUDIES.jsonl"              those of a file, one a line
    make bench BENCH="parsing STUDIES.jsonl /a/checkout"  in turns with the code of another checkout

Printed: studies a second and CPU time of a study, of one thread and without writing tables, the least of ROUNDS. Each
round is a process of its own, so that no cache of the one before helps.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sandbox.ctgov.server import SampleUpstream

ROOT = Path(__file__).resolve().parents[1]
GENERATED = 2_000
ROUNDS = 5
ROUND = """
import sys, time
from pathlib import Path
from include.sources.ctgov import study
lines = Path(sys.argv[1]).read_bytes().splitlines()
study.parse(lines[0])
began = time.process_time()
for line in lines:
    study.parse(line)
print(time.process_time() - began)
"""
"""What a round does; it needs nothing that a release of before had not."""


def cpu_seconds(checkout: Path, studies: Path) -> float:
    """CPU seconds for parsing a file of studies once with the code of a checkout."""
    command = [sys.executable, "-c", ROUND, str(studies.resolve())]
    done = subprocess.run(
        command, cwd=checkout, env={"PYTHONPATH": str(checkout)}, check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def generate(path: Path) -> None:
    """Studies of the sample upstream, one a line."""
    with SampleUpstream(size=GENERATED, seed=3) as upstream, path.open("wb") as file:
        file.writelines(msgspec.json.encode(study) + b"\n" for study in upstream.studies())


def main(arguments: Sequence[str]) -> None:
    """Measure a file of studies, or generated ones, with this checkout and one that is named."""
    with tempfile.TemporaryDirectory(prefix="lastgood-bench-") as folder:
        if arguments:
            studies = Path(arguments[0])
        else:
            studies = Path(folder) / "studies.jsonl"
            generate(studies)
        checkouts = [ROOT, *map(Path, arguments[1:])]
        count, size = len(studies.read_bytes().splitlines()), studies.stat().st_size
        rounds = [[cpu_seconds(checkout, studies) for checkout in checkouts] for _ in range(ROUNDS)]
        least = [min(seconds) for seconds in zip(*rounds, strict=True)]
    print(f"{count} studies of {size / count / 1000:.1f} KB, the least of {ROUNDS} rounds")
    for checkout, seconds in zip(checkouts, least, strict=True):
        rate = f"{count / seconds:6.0f} studies/s  {1e6 * seconds / count:6.0f} µs of CPU a study"
        print(f"{rate}  {least[0] / seconds:5.2f} times the first's rate  {checkout}")
