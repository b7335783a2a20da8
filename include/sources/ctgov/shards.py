"""Raw parts to shards: each landed part becomes one Parquet file per table on the scratch disk.

Parsing is most of a build's work and every part stands alone, so they are spread over the machine's cores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from include.sources.ctgov import study as studies
from include.sources.workers import no_cycles, spread
from include.storage.landing import read_lines


@dataclass(frozen=True, slots=True)
class Job:
    """A raw file to parse: a local copy, and the key it is known by in the store."""

    local: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that was refused, as Candidate.quarantine() takes it."""

    key: str | None
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
    return spread(parse_file, jobs, folder, sum(job.local.stat().st_size for job in jobs))


def parse_file(job: Job, folder: Path) -> Report:
    """Parse one raw file; its shards are named like it."""
    with job.local.open("rb") as handle, no_cycles():
        return parse(read_lines(handle), job.origin, folder, job.local.name.partition(".")[0])


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
            report.quarantined.append(
                Quarantined(refused.nct_id, refused.reason, refused.detail, place, digest, line)
            )
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
