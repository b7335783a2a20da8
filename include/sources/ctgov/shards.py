"""Raw parts to shards: each landed part becomes one Parquet file per table on the scratch disk.

Parsing is most of a build's work and every part stands alone, so they are spread over the machine's cores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from include.publishing.refused import RefusedRow
from include.sources.ctgov import study as studies
from include.sources.parsing import RawFile, Report, no_cycles, spread
from include.storage.landing import read_lines


@dataclass(slots=True)
class StudyReport(Report):
    """Of a file of studies, also what the build asks about all of them. `received` counts studies."""

    interventions: int = 0
    """How many came with them."""
    last_update_posted: date | None = None
    withheld: list[str] = field(default_factory=list)


def parse_all(files: list[RawFile], folder: Path) -> Iterator[StudyReport]:
    """Parse every raw file into shards below the folder; reports come in the order of the files."""
    return spread(parse_file, files, folder, sum(file.local.stat().st_size for file in files))


def parse_file(file: RawFile, folder: Path) -> StudyReport:
    """Parse one raw file; its shards are named like it."""
    with file.local.open("rb") as handle, no_cycles():
        return parse(read_lines(handle), file.origin, folder, file.local.name.partition(".")[0])


def parse(lines: Iterable[bytes], origin: str, folder: Path, name: str) -> StudyReport:
    """Parse studies, one a line, into the shards of this name. What cannot be read is reported, not dropped."""
    report, batch = StudyReport(), studies.Batch()
    for number, line in enumerate(lines, start=1):
        report.received += 1
        place = f"{origin}:{number}"
        try:
            study = studies.parse(line)
        except studies.Refused as refused:
            report.refused.append(
                RefusedRow("studies", refused.nct_id, refused.reason, refused.detail, place, line)
            )
            continue
        batch.add(study)
        report.interventions += study.interventions
        report.refused += [
            RefusedRow(
                "interventions",
                study.nct_id,
                "no_name",
                f"{study.nct_id}: intervention {one.position} has no name",
                place,
                one.content,
            )
            for one in study.nameless
        ]
        if study.withheld:
            report.withheld.append(study.nct_id)
        posted = study.last_update_post_date
        if posted and (report.last_update_posted is None or posted > report.last_update_posted):
            report.last_update_posted = posted
    for table, rows in batch.to_tables().items():
        (folder / table).mkdir(exist_ok=True)
        pq.write_table(rows, folder / table / f"{name}.parquet", compression="lz4")
    return report
