"""Raw parts to shards: each landed part becomes one Parquet file per table on the scratch disk.

Parsing is most of a build's work and every part stands alone, so they are spread over the machine's cores. The
workers are processes of loky, which neither fork the task's threads nor import Airflow's main module again.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from include.sources.ctgov import study as studies
from include.upstream.landing import read_lines

WORKERS_MAX = 4
IN_PROCESS_BYTES = 8 * 2**20
"""Below so many compressed bytes starting workers takes longer than parsing."""
WORKER_IDLE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Job:
    """A raw file to parse: a local copy, and the key it is known by in the store."""

    local: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that was refused, as Candidate.quarantine() takes it."""

    reason: str
    detail: str
    raw: str
    sha256: str
    content: bytes


@dataclass(slots=True)
class Report:
    """What parsing found, beside the shards."""

    received: int = 0
    last_update_posted: date | None = None
    withheld: list[str] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)


def parse_all(jobs: list[Job], folder: Path) -> Iterator[Report]:
    """Parse every raw file into shards below the folder; reports come in the order of the jobs."""
    workers = min(len(os.sched_getaffinity(0)), len(jobs), WORKERS_MAX)
    if workers < 2 or sum(job.local.stat().st_size for job in jobs) < IN_PROCESS_BYTES:  # noqa: PLR2004
        yield from (parse_file(job, folder) for job in jobs)
        return
    from loky import ProcessPoolExecutor

    with ProcessPoolExecutor(max_workers=workers, timeout=WORKER_IDLE_SECONDS) as pool:
        yield from pool.map(parse_file, jobs, [folder] * len(jobs))


def parse_file(job: Job, folder: Path) -> Report:
    """Parse one raw file; its shards are named like it."""
    with job.local.open("rb") as handle, _no_cycles():
        return parse(read_lines(handle), job.origin, folder, job.local.name.partition(".")[0])


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Records are trees: looking for cycles among millions of fresh containers would double the time to decode."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def parse(lines: Iterable[bytes], origin: str, folder: Path, name: str) -> Report:
    """Parse studies, one a line, into the shards of this name. What cannot be read is reported, not dropped."""
    report, batch = Report(), studies.Batch()
    for number, line in enumerate(lines, start=1):
        report.received += 1
        try:
            study = studies.parse(line)
        except studies.Refused as refused:
            digest = hashlib.sha256(line).hexdigest()
            place = f"{origin}:{number}"
            report.quarantined.append(Quarantined(refused.reason, refused.detail, place, digest, line))
            continue
        batch.add(study)
        if study.withheld:
            report.withheld.append(study.nct_id)
        posted = study.last_update_post_date
        if posted and (report.last_update_posted is None or posted > report.last_update_posted):
            report.last_update_posted = posted
    for table, rows in batch.to_tables().items():
        (folder / table).mkdir(exist_ok=True)
        pq.write_table(rows, folder / table / f"{name}.parquet", compression="lz4")
    return report
