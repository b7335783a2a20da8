"""The table page: the promoted table as a static site, with the whole table as CSV and JSONL beside it.

Everything a reader fetches stands below site/clinical/ in the store. The data of a version lies in a folder of its
own, the assets have a hash of their content in their names, and latest.json, which names the version to read, is
replaced last: whoever has the page open goes on reading the version they began with. docs/table_page.md.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.decoding import decoder
from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest
from include.sources.clinical.tables import CLINICAL_COMPOUND_TRIALS as TABLE
from include.storage import duckdb_session
from include.storage.listing import listing
from include.storage.store import Store, safe_key
from include.storage.tables import Column, type_name

SITE = "site/clinical"
FORMAT = 1
"""Of latest.json; the page asks for a reload when it meets another one."""
STALE_AFTER_HOURS = 48
PAGE = Path(__file__).parent / "page"
"""The built page (web/ holds its sources)."""
SOURCES = "SOURCES.sha256"

KEPT_AT_LEAST = timedelta(hours=1)
"""No export takes longer, so younger data may be of one that has not shown it yet."""
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
skips (OWASP, "CSV Injection"). web/src/csv.ts has the same rule."""


class SiteColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the table, for people."""

    name: str
    title: str
    type: str
    meaning: str


class SiteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the site; its path is relative to latest.json."""

    path: str
    rows: int
    bytes: int
    sha256: str


class SiteFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The whole table twice for download, and in parts for the page: newest update first."""

    csv: SiteFile
    jsonl: SiteFile
    parts: tuple[SiteFile, ...]


class Latest(msgspec.Struct, frozen=True, kw_only=True):
    """latest.json: the version that readers of the site get."""

    format: int
    version: str
    previous: str | None
    """The version that the site showed before; its data still stands there."""
    as_of: datetime
    published_at: datetime
    built_from: dict[str, str]
    rows: int
    stale_after_hours: int
    columns: tuple[SiteColumn, ...]
    files: SiteFiles
    moves: int = 0
    """How often latest was moved until then: what an export of an earlier move writes too late is not shown."""


class _Shown(msgspec.Struct, frozen=True):
    """What an export needs to know of the latest.json that it replaces."""

    version: str
    previous: str | None
    moves: int = 0


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
    if published_at.tzinfo is None:
        raise ValueError(f"published_at {published_at.isoformat()} has no time zone")
    entry = manifest.table(TABLE.name)
    manifests.verify(store, msgspec.structs.replace(manifest, tables=(entry,)))
    keys = [file.path for file in entry.files]
    with (
        store.scratch(f"site-{manifest.source}-{manifest.version}") as scratch,
        duckdb_session.session(scratch) as connection,
    ):
        duckdb_session.register(connection, "rows", store, keys, TABLE.schema)

        def table() -> Iterator[pa.RecordBatch]:
            return duckdb_session.batches(connection, "SELECT * FROM rows", TABLE.schema)

        _put_page(store, scratch)
        latest = Latest(
            format=FORMAT,
            version=manifest.version,
            previous=_previous(store, manifest.version),
            as_of=manifest.as_of,
            published_at=published_at,
            built_from=manifest.built_from,
            rows=entry.rows,
            stale_after_hours=STALE_AFTER_HOURS,
            columns=tuple(_describe(column) for column in TABLE.columns),
            files=SiteFiles(
                csv=_put_lines(store, scratch, manifest.version, "csv", csv_blocks(table()), entry.rows),
                jsonl=_put_lines(
                    store, scratch, manifest.version, "jsonl", jsonl_blocks(table()), entry.rows
                ),
                parts=tuple(_put_parts(store, scratch, manifest.version, connection)),
            ),
            moves=moves,
        )
        data = msgspec.json.format(msgspec.json.encode(latest), indent=1)
        if not store.swap(f"{SITE}/latest.json", data, lambda present: _moves(present) <= moves):
            return decoder(Latest).decode(store.read_bytes(f"{SITE}/latest.json"))
    _remove_data(store)
    return latest


def _moves(present: bytes | None) -> int:
    """Which move of latest the site shows; -1 where it shows nothing."""
    return -1 if present is None else _decoded(present).moves


def _previous(store: Store, version: str) -> str | None:
    """The version that the site shows, or where that is the given one already, the one before."""
    key = f"{SITE}/latest.json"
    if not store.exists(key):
        return None
    shown = _decoded(store.read_bytes(key))
    return shown.previous if shown.version == version else shown.version


def _decoded(latest: bytes) -> _Shown:
    """Raises ValueError."""
    try:
        return decoder(_Shown).decode(latest)
    except msgspec.DecodeError as error:
        raise ValueError(
            f"{SITE}/latest.json cannot be read ({error}); remove it and export again."
        ) from error


def _describe(column: Column) -> SiteColumn:
    return SiteColumn(
        name=column.name, title=TITLES[column.name], type=type_name(column.type), meaning=column.meaning
    )


def _put_page(store: Store, scratch: Path) -> None:
    """Copy the page, index.html last. Assets of earlier pages stay for the readers of those."""
    index = PAGE / "index.html"
    if not index.is_file():
        raise FileNotFoundError(f"{index} does not exist: build the page (docs/table_page.md).")
    others = sorted(
        path for path in PAGE.rglob("*") if path.is_file() and path not in {index, PAGE / SOURCES}
    )
    for path in [*others, index]:
        local = Path(shutil.copyfile(path, scratch / path.name))
        store.put(local, safe_key(SITE, path.relative_to(PAGE).as_posix()))


def _put_lines(
    store: Store, scratch: Path, version: str, kind: str, blocks: Iterable[bytes], rows: int
) -> SiteFile:
    local = scratch / f"{TABLE.name}.{kind}"
    with local.open("wb") as handle:
        handle.writelines(blocks)
    return _put(store, local, version, local.name, rows)


def _put(store: Store, local: Path, version: str, name: str, rows: int) -> SiteFile:
    path = safe_key("data", version, name)
    stored = store.put(local, f"{SITE}/{path}")
    return SiteFile(path=path, rows=rows, bytes=stored.bytes, sha256=stored.sha256)


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


def _put_parts(
    store: Store, scratch: Path, version: str, connection: duckdb.DuckDBPyConnection
) -> Iterator[SiteFile]:
    """What the page loads: Parquet files whose names change with their content, newest update first."""
    schema = pa.schema([field for field in TABLE.schema if field.name not in LEFT_OUT])
    newest = duckdb_session.batches(
        connection,
        f"SELECT {duckdb_session.identifiers(schema.names)} FROM rows "  # noqa: S608
        "ORDER BY last_update_date DESC NULLS LAST, cid, nct_id",
        schema,
    )
    for number, rows in enumerate(_cut(newest, schema)):
        local = scratch / "part.parquet"
        pq.write_table(rows, local, compression="snappy", write_statistics=False, store_schema=False)
        with local.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        yield _put(store, local, version, f"part-{number:05}-{digest[:12]}.parquet", rows.num_rows)


def _cut(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Batches as tables of FIRST_ROWS and then PART_ROWS rows each; at least one, which may be empty."""
    pending, wanted = schema.empty_table(), FIRST_ROWS
    for batch in batches:
        pending = pa.concat_tables([pending, pa.Table.from_batches([batch])])
        while pending.num_rows >= wanted:
            yield pending.slice(0, wanted)
            pending, wanted = pending.slice(wanted), PART_ROWS
    if pending.num_rows or wanted == FIRST_ROWS:
        yield pending


def _remove_data(store: Store) -> None:
    """Remove data of versions that latest.json does not name, unless somebody may be writing it for the next one."""
    root = f"{SITE}/data"
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    for key, entry in listing(store, root).items():
        found[key.removeprefix(f"{root}/").split("/")[0]][key] = entry.modified
    # Read after the listing, so what is named by now is among what was listed.
    shown = _decoded(store.read_bytes(f"{SITE}/latest.json"))
    before = datetime.now(UTC) - KEPT_AT_LEAST
    for version, files in found.items():
        if version not in {shown.version, shown.previous} and max(files.values()) < before:
            store.delete(*files)
