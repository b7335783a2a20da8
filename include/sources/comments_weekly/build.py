"""A week's figures and its brief, beside the weeks of the version before, which keep their files.

The week is computed from the comments alone: built twice from the same version of them it has the same bytes, and the
second time its files are those that latest has already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date

import duckdb
import pyarrow as pa

from include.publishing import manifest as manifests
from include.publishing.candidate import Candidate
from include.sources.comments_weekly import analysis, compose, pdf, tables, twin, week
from include.sources.source import Built, Run
from include.storage import duckdb_session
from include.storage.duckdb_session import identifiers, quoted
from include.storage.tables import Table

INPUT = "comments"


def build(run: Run, candidate: Candidate) -> Built:
    """Write the last full week before the end of the run's interval, and take all others over.

    Raises LookupError where nothing of comments was published yet.
    """
    con, monday = candidate.connection, week.last_full_week(run.interval_end)
    version = _register_input(run, con)
    analysis.prepare(con, monday)
    for table in tables.FIGURES:
        con.execute(f"CREATE TABLE {quoted(table.name)} AS {analysis.query(table)}")
        made = f"SELECT * FROM {quoted(table.name)} ORDER BY {identifiers(table.key)}"  # noqa: S608
        _write(candidate, table, monday, duckdb_session.batches(con, made, table.values))
    brief = compose.compose(con, monday, {INPUT: version})
    _write(candidate, tables.BRIEFS, monday, [_row(brief, monday, version)])
    ((counted,),) = con.execute("SELECT count(*) FROM seen WHERE week = this_week()").fetchall()
    # They passed the gate of their source: none is refused here.
    candidate.arrived("comments", counted)
    return Built(
        cursors={},
        counts={"comments": counted},
        upstream={"week": monday.isoformat()},
        built_from={INPUT: version},
    )


def _register_input(run: Run, con: duckdb.DuckDBPyConnection) -> str:
    if INPUT not in run.inputs:
        raise LookupError(f"nothing of {INPUT} was published yet; run its DAG first")
    manifest = run.inputs[INPUT]
    for name in analysis.READ:
        entry = manifest.table(name)
        files, schema = [file.path for file in entry.files], manifests.entry_schema(run.read, entry)
        duckdb_session.register(con, f"{INPUT}_{name}", run.read, files, schema)
    return manifest.version


def _write(candidate: Candidate, table: Table, monday: date, batches: Iterable[pa.RecordBatch]) -> None:
    """Write a week of a table, and keep the others; weeks are parts, in order of the key."""
    this = monday.isoformat()
    kept = {file.part for file in candidate.previous_files(table.name) if file.part is not None}
    for part in sorted({*kept, this}):
        if part == this:
            candidate.write(table.name, batches, this)
        else:
            candidate.keep(table.name, part)


def _row(brief: twin.Brief, monday: date, version: str) -> pa.RecordBatch:
    data, pages = pdf.draw(brief)
    numbers, summary = brief.sections[0], brief.sections[1]
    row = {
        "week": monday,
        "comments": numbers.numbers[0].figure.value,
        "input_version": version,
        "headline": summary.sentences[0].text,
        "pages": pages,
        "twin": twin.encode(brief).decode(),
        "pdf_sha256": hashlib.sha256(data).hexdigest(),
        "pdf": data,
    }
    (batch,) = pa.Table.from_pylist([row], tables.BRIEFS.values).to_batches()
    return batch
