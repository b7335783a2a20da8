"""From what landed to tables: read every file and every dataset, merge what they tell, account for every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from include.publishing.candidate import Candidate
from include.publishing.refused import RefusedRow
from include.sources.comments import datasets, enriching, merging, shards
from include.sources.comments.extract import FILE, Listed, known_files, listing
from include.sources.comments.people import fingerprint
from include.sources.comments.shards import FileReport, Job
from include.sources.comments.source import AUTHORS
from include.sources.comments.tables import FILES, INBOX
from include.sources.source import Built, Run
from include.storage import duckdb_session
from include.storage.landing import Landed, Part
from include.storage.tables import CONTENT_HASH


class NotReconciled(ValueError):
    """Rows were lost between a file and the tables."""


def build(run: Run, candidate: Candidate) -> Built:
    """Write every table of the candidate. Raises NotReconciled where a row of a file is nowhere."""
    landed = run.raw.completed()
    facts = landed.progress.facts
    key, plan = run.key(AUTHORS), enriching.plan(run)
    jobs, seen = _jobs(run, candidate, landed, key, enriching.monitored_handles(plan.by))
    replayed = "replay_of" in run.params
    known = set() if replayed else known_files(run)
    reports = _accepted(shards.parse_all(jobs, candidate.scratch), known)
    con = candidate.connection
    times = {report.file: seen[report.file // shards.MEMBERS] for report in reports}
    merging.register_shards(con, candidate.scratch, {file: at.isoformat() for file, at in times.items()})
    merging.find_posts(con, f"{run.data_time:%Y%m}")
    merging.find_conflicts(con)
    lost = _quarantine(candidate, reports)
    merging.count_posts(con)
    merging.write_comments(run, candidate, fingerprint(key), plan)
    merging.write_posts(candidate)
    states = enriching.write_entities(run, candidate, plan.by)
    totals = _write_files(run, candidate, reports, times, lost)
    _write_inbox(candidate, listing(landed), facts["taken"])
    return Built(
        cursors={
            "datasets": _read_so_far(run, facts["datasets"]),
            "enriched": enriching.made_by(plan.by),
            "score_failed": states.get("score_failed", 0),
        },
        counts={"files": len(reports), **totals, **states},
        upstream={"datasets": sorted(facts["datasets"])},
        asked=replayed,
        raw=tuple(part.path for part in landed.progress.parts),
    )


# --- what landed ---


def _jobs(
    run: Run, candidate: Candidate, landed: Landed, key: bytes, public: frozenset[str]
) -> tuple[list[Job], dict[int, datetime]]:
    """What is to be read, in the order of its time, and the time of each by its number."""
    listed = listing(landed)
    found: list[tuple[tuple[datetime, str, int], str, str, int, Part]] = []
    for taken in landed.progress.facts["taken"]:
        if taken["landed"]:
            part = next(part for part in landed.progress.parts if part.kind == f"{FILE}-{taken['line']}")
            file = listed[taken["line"]].file
            found.append(((file.modified, file.path, 0), file.path, taken["sha256"], file.bytes, part))
    for dataset, pull in landed.progress.facts["datasets"].items():
        first = pull["first"]
        for part in landed.progress.parts:
            if part.kind == datasets.kind_of(dataset):
                name = f"dataset {dataset}, items {first} to {first + part.rows - 1}"
                found.append(((run.data_time, dataset, first), name, part.sha256, part.bytes, part))
                first += part.rows
    jobs, seen = [], {}
    for number, ((at, *_), name, sha256, size, part) in enumerate(sorted(found, key=lambda each: each[:3])):
        folder = candidate.scratch / f"landed-{number}"
        folder.mkdir()
        jobs.append(
            Job(
                number=number,
                local=landed.fetch(part, folder),
                origin=part.path,
                name=name,
                sha256=sha256,
                size=size,
                key=key,
                public=public,
            )
        )
        # Whoever wrote a file may have a clock that is ahead.
        seen[number] = min(at, run.data_time)
    return jobs, seen


def _accepted(reports: Iterator[FileReport], known: set[str]) -> list[FileReport]:
    """The contents that are not known, each once."""
    fresh = []
    for report in reports:
        if report.sha256 not in known:
            known.add(report.sha256)
            fresh.append(report)
    return fresh


def _read_so_far(run: Run, pulls: dict[str, Any]) -> dict[str, int]:
    """How many items of each dataset the version has; one that is gone is forgotten."""
    so_far = datasets.known(run)
    for dataset, pull in pulls.items():
        if pull["gone"]:
            so_far.pop(dataset, None)
        else:
            so_far[dataset] = pull["next"]
    return so_far


# --- what cannot be read ---


def _quarantine(candidate: Candidate, reports: list[FileReport]) -> Counter[int]:
    """Keep what was refused; returns how many rows of each content were refused only when they were merged."""
    candidate.arrived("files", len(reports))
    for kind in shards.KINDS:
        candidate.arrived(kind, sum(report.rows for report in reports if report.kind == kind))
    for report in reports:
        if report.problem is not None:
            reason, detail, line = report.problem
            candidate.quarantine(
                RefusedRow(
                    kind="files",
                    key=report.sha256,
                    reason=reason,
                    detail=detail,
                    raw=f"{report.origin} ({report.name}), line {line}",
                    content=report.name.encode("utf-8", "replace"),
                )
            )
        for refused in shards.refused_rows(report):
            candidate.quarantine(refused)
    by_number = {report.file: report for report in reports}
    lost: Counter[int] = Counter()
    for file, platform, comment, post, home in merging.conflicts(candidate.connection):
        lost[file] += 1
        candidate.quarantine(
            RefusedRow(
                kind="comments",
                key=f"{platform} {comment}",
                reason="comment of another post",
                detail=f"it is told of post {post}, and known of post {home}",
                raw=f"{by_number[file].origin} ({by_number[file].name})",
                content=msgspec.json.encode({"platform": platform, "comment_id": comment, "post_id": post}),
            )
        )
    return lost


# --- files ---


def _write_files(
    run: Run, candidate: Candidate, reports: list[FileReport], times: dict[int, datetime], lost: Counter[int]
) -> dict[str, int]:
    """Write files and inbox's memory of them; returns the sums over this run's. Raises NotReconciled."""
    accounts = merging.accounts(candidate.connection)
    rows, totals = [], Counter({"rows": 0, "kept": 0, "merged": 0, "quarantined": 0})
    for report in reports:
        kept, merged = accounts.get(report.file, (0, 0))
        quarantined = report.refused + lost[report.file]
        if report.rows != kept + merged + quarantined:
            raise NotReconciled(
                f"{report.name}: {report.rows} rows were read, and {kept} are new, {merged} merged, {quarantined} "
                "refused. Nothing is published; this is a fault of the build."
            )
        totals.update(rows=report.rows, kept=kept, merged=merged, quarantined=quarantined)
        rows.append(
            {
                "sha256": report.sha256,
                "name": report.name,
                "inside": report.inside,
                "format": None if report.problem else report.format,
                "bytes": report.bytes,
                "encoding": report.encoding,
                "rows": report.rows,
                "kept": kept,
                "merged": merged,
                "quarantined": quarantined,
                "complete": report.complete,
                "refused": report.problem[0] if report.problem else None,
                "seen_at": times[report.file],
                "taken_at": run.data_time,
            }
        )
    con = candidate.connection
    con.register("taken_now", pa.Table.from_pylist(rows, FILES.values))
    columns = duckdb_session.identifiers(FILES.names)
    query = (
        f"SELECT {columns} FROM (SELECT *, NULL AS {CONTENT_HASH.name} FROM taken_now UNION ALL BY NAME "  # noqa: S608
        "SELECT * FROM previous_files ANTI JOIN taken_now USING (sha256)) ORDER BY sha256"
    )
    candidate.write(FILES.name, duckdb_session.batches(con, query, FILES.schema))
    return dict(totals)


def _write_inbox(candidate: Candidate, listed: list[Listed], taken: list[dict[str, Any]]) -> None:
    shas = {each["line"]: each["sha256"] for each in taken}
    rows = [
        {
            "path": each.file.path,
            "bytes": each.file.bytes,
            "modified_at": each.file.modified,
            "sha256": each.sha256 or shas[number],
        }
        for number, each in enumerate(listed)
        if each.sha256 or number in shas
    ]
    rows.sort(key=lambda row: str(row["path"]).encode())
    candidate.write(INBOX.name, pa.Table.from_pylist(rows, INBOX.values).to_batches())
