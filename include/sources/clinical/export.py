"""The table page: the promoted table as a static site, with the whole table as CSV and JSONL beside it.

Everything a reader fetches stands below site/clinical/ in the store (include/sources/pages.py). docs/table_page.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest
from include.sources import pages
from include.sources.clinical.tables import CLINICAL_COMPOUND_TRIALS as TABLE
from include.sources.pages import Pointer, Site, SiteFile
from include.storage import duckdb_session
from include.storage.store import Store
from include.storage.tables import Column, type_name

SITE = "site/clinical"
FORMAT = 1
STALE_AFTER_HOURS = 48
PAGE = Path(__file__).parent / "page"
"""The built page (web/ holds its sources)."""
FIRST_ROWS = 1_000
"""Rows of the first part: small, since the first screen waits for it."""
PART_ROWS = 8_192
"""Rows of each other part: the page decodes one in a tenth of a second and answers in between."""
LEFT_OUT = ("ctgov_url", "pubchem_url", "source_url", "content_hash")
"""Columns that the parts do without: the page makes the links from the ids and needs no hash."""
TITLES = {
    "cid": "CID",
    "nct_id": "NCT number",
    "compound_name": "Compound",
    "title": "Study title",
    "phase": "Phase",
    "overall_status": "Status",
    "conditions": "Conditions",
    "interventions": "Interventions",
    "targets": "Targets",
    "start_date": "Start",
    "completion_date": "Completion",
    "last_update_date": "Last update",
    "ctgov_url": "Study page",
    "pubchem_url": "Compound page",
    "source_url": "Source",
    "link": "Linked by",
    "link_rules": "Name rules",
    "link_names": "Matched names",
    "content_hash": "Content hash",
}
"""What each column is called where people read it."""

_BLANKS = r"\x00-\x20\x7F-\x{A0}\x{1680}\x{2000}-\x{200F}\x{2028}-\x{202F}\x{205F}-\x{2064}\x{3000}\x{FEFF}"
_STARTS = r"=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}"
FORMULA = f"^([{_BLANKS}]*[{_STARTS}])"
"""A cell that a spreadsheet may run: = + - @ TAB CR LF or a full-width form of them, also after blanks that it
skips (OWASP, "CSV Injection"). web/table/files.ts has the same rule."""


class SiteColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the table, for people."""

    name: str
    title: str
    type: str
    meaning: str


class SiteFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The whole table twice for download, and in parts for the page: newest update first."""

    csv: SiteFile
    jsonl: SiteFile
    parts: tuple[SiteFile, ...]


class Latest(Pointer, frozen=True, kw_only=True):
    """latest.json: the version that readers of the site get, and the columns and files of its table."""

    rows: int
    columns: tuple[SiteColumn, ...]
    files: SiteFiles


def export(store: Store, manifest: Manifest, published_at: datetime, moves: int = 0) -> dict[str, Any]:
    """Make the site show a promoted version (see write_site); returns where it is and how large, for the run log."""
    shown = write_site(store, manifest, published_at, moves)
    files = [shown.files.csv, shown.files.jsonl, *shown.files.parts]
    return {
        "site": SITE,
        "version": shown.version,
        "rows": shown.rows,
        "files": len(files),
        "bytes": sum(file.bytes for file in files),
    }


def write_site(store: Store, manifest: Manifest, published_at: datetime, moves: int = 0) -> Latest:
    """Make the site show a promoted version, and return what latest.json then says.

    `moves` counts how often latest was moved: an export that was frozen and wakes shows nothing that is older than
    what the site shows by then, and removes nothing.

    May be called again at any time, above all after a kill: readers see the version before until latest.json is
    replaced. Data of versions other than the two that it names is removed an hour after it was written. Memory is the
    same for any number of rows. Raises AlteredFile where a file of the table is not the manifest's, and ValueError
    where the latest.json that stands there cannot be read or the time has no zone.
    """
    pages.require_zone(published_at)
    entry = manifest.table(TABLE.name)
    manifests.verify(store, msgspec.structs.replace(manifest, tables=(entry,)))
    keys = [file.path for file in entry.files]
    site = Site(store, SITE, PAGE)
    with (
        store.scratch(f"site-{manifest.source}-{manifest.version}") as scratch,
        duckdb_session.session(scratch) as connection,
    ):
        duckdb_session.register(connection, "rows", store, keys, TABLE.schema)

        def table() -> Iterator[pa.RecordBatch]:
            return duckdb_session.batches(connection, "SELECT * FROM rows", TABLE.schema)

        def lines(kind: str, blocks: Iterable[bytes]) -> SiteFile:
            local = scratch / f"{TABLE.name}.{kind}"
            with local.open("wb") as handle:
                handle.writelines(blocks)
            return site.put(local, manifest.version, local.name, entry.rows)

        site.put_page(scratch)
        latest = Latest(
            format=FORMAT,
            version=manifest.version,
            previous=site.previous(manifest.version),
            as_of=manifest.as_of,
            published_at=published_at,
            built_from=manifest.built_from,
            stale_after_hours=STALE_AFTER_HOURS,
            moves=moves,
            rows=entry.rows,
            columns=tuple(_describe(column) for column in TABLE.columns),
            files=SiteFiles(
                csv=lines("csv", csv_blocks(table())),
                jsonl=lines("jsonl", jsonl_blocks(table())),
                parts=tuple(
                    site.put_parquet(rows, scratch, manifest.version, f"part-{number:05}")
                    for number, rows in enumerate(_parts(connection))
                ),
            ),
        )
        return site.show(latest)


def _describe(column: Column) -> SiteColumn:
    return SiteColumn(
        name=column.name, title=TITLES[column.name], type=type_name(column.type), meaning=column.meaning
    )


def jsonl_blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """One object for each row: lists as lists, nulls as null, dates as YYYY-MM-DD, text as it is."""
    encoder = msgspec.json.Encoder()
    for batch in batches:
        yield encoder.encode_lines(batch.to_pylist())


def csv_blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """RFC 4180 in UTF-8: a header, CRLF, text in quotes, null as nothing, lists joined by "; "."""
    yield (",".join(TABLE.names) + "\r\n").encode()
    for batch in batches:
        if batch.num_rows:
            cells = [_cells(column) for column in batch.columns]
            lines = pc.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
            whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
            yield pc.binary_join(whole, "\r\n")[0].as_py().encode() + b"\r\n"


def _cells(column: pa.Array) -> pa.Array:
    """A column as CSV cells; text that a spreadsheet may take for a formula begins with an apostrophe."""
    if pa.types.is_list(column.type):
        # binary_join makes a list null that holds one
        filled = pa.ListArray.from_arrays(column.offsets, pc.fill_null(column.values, ""))
        column = pc.if_else(column.is_valid(), pc.binary_join(filled, "; "), None)
    elif not pa.types.is_string(column.type):
        return column.cast(pa.string())
    harmless = pc.replace_substring_regex(column, FORMULA, r"'\1")
    return pc.binary_join_element_wise('"', pc.replace_substring(harmless, '"', '""'), '"', "")


def _parts(connection: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
    """What the page loads: newest update first."""
    schema = pa.schema([field for field in TABLE.schema if field.name not in LEFT_OUT])
    newest = duckdb_session.batches(
        connection,
        f"SELECT {duckdb_session.identifiers(schema.names)} FROM rows "  # noqa: S608
        "ORDER BY last_update_date DESC NULLS LAST, cid, nct_id",
        schema,
    )
    return pages.cut(newest, schema, FIRST_ROWS, PART_ROWS)
