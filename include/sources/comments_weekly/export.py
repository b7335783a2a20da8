"""The briefs of latest as files, for people: site/comments_weekly/briefs, and latest.json, which names them.

A file has a hash of its content in its name, and latest.json is replaced last: whoever has read it goes on reading what
it named. docs/weekly_brief.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from include.decoding import decoder
from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest
from include.sources.comments_weekly import week
from include.sources.comments_weekly.tables import BRIEFS
from include.storage.listing import listing
from include.storage.store import Store, safe_key

SITE = "site/comments_weekly"
POINTER = f"{SITE}/latest.json"
FORMAT = 1
KEPT_AT_LEAST = timedelta(hours=1)
"""No export takes longer, so younger files may be of one that has not shown them yet."""


class SiteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the site; its path is relative to latest.json."""

    path: str
    bytes: int
    sha256: str


class SiteBrief(msgspec.Struct, frozen=True, kw_only=True):
    """The brief of a week."""

    week: date
    period: str
    headline: str
    pages: int
    pdf: SiteFile
    twin: SiteFile


class Latest(msgspec.Struct, frozen=True, kw_only=True):
    """latest.json: the briefs of the version that is latest, the newest week first."""

    format: int
    version: str
    as_of: datetime
    published_at: datetime
    briefs: tuple[SiteBrief, ...]
    before: tuple[str, ...]
    """Files that the latest.json before this one named and this one does not: its readers may fetch them yet."""
    moves: int
    """How often latest was moved until then: what an export of an earlier move writes too late is not shown."""


def export(store: Store, manifest: Manifest, published_at: datetime, moves: int) -> dict[str, Any]:
    """Make the site show the briefs of a promoted version; returns where it is and how large, for the run log.

    May be killed and called again: readers see those of the version before until latest.json is replaced. Raises
    AlteredFile where a file of the table is not the manifest's, ValueError where the latest.json that stands there
    cannot be read.
    """
    entry = manifest.table(BRIEFS.name)
    manifests.verify(store, msgspec.structs.replace(manifest, tables=(entry,)))
    briefs = tuple(sorted(_put(store, manifest), key=lambda brief: brief.week, reverse=True))
    shown = decoded(store.read_bytes(POINTER)) if store.exists(POINTER) else None
    named = _named(briefs)
    latest = Latest(
        format=FORMAT,
        version=manifest.version,
        as_of=manifest.as_of,
        published_at=published_at,
        briefs=briefs,
        before=_before(shown, named),
        moves=moves,
    )
    data = msgspec.json.format(msgspec.json.encode(latest), indent=1)
    if store.swap(POINTER, data, lambda present: present is None or decoded(present).moves <= moves):
        _remove(store)
    return {
        "site": SITE,
        "version": manifest.version,
        "files": 2 * len(briefs),
        "bytes": sum(brief.pdf.bytes + brief.twin.bytes for brief in briefs),
    }


def _put(store: Store, manifest: Manifest) -> Iterator[SiteBrief]:
    """Write the files of every week that are not there."""
    for batch in manifests.dataset(store, manifest.table(BRIEFS.name)).to_batches(batch_size=8):
        for row in batch.to_pylist():
            twin = row["twin"].encode()
            yield SiteBrief(
                week=row["week"],
                period=week.words(row["week"]),
                headline=row["headline"],
                pages=row["pages"],
                pdf=_file(store, row["week"], "pdf", row["pdf"]),
                twin=_file(store, row["week"], "json", twin),
            )


def _file(store: Store, monday: date, kind: str, content: bytes) -> SiteFile:
    sha256 = hashlib.sha256(content).hexdigest()
    path = safe_key("briefs", monday.isoformat(), f"brief-{sha256[:16]}.{kind}")
    key = f"{SITE}/{path}"
    if not store.exists(key):
        store.write_bytes(key, content)
    return SiteFile(path=path, bytes=len(content), sha256=sha256)


def _named(briefs: tuple[SiteBrief, ...]) -> set[str]:
    return {file.path for brief in briefs for file in (brief.pdf, brief.twin)}


def _before(shown: Latest | None, named: set[str]) -> tuple[str, ...]:
    """What readers of the present latest.json may fetch yet; where it names the same, what it says of its own."""
    if shown is None:
        return ()
    present = _named(shown.briefs)
    return tuple(sorted(({*shown.before} if present == named else present) - named))


def decoded(latest: bytes) -> Latest:
    """What a latest.json says. Raises ValueError where it cannot be read."""
    try:
        return decoder(Latest).decode(latest)
    except msgspec.DecodeError as error:
        raise ValueError(f"{POINTER} cannot be read ({error}); remove it and export again.") from error


def _remove(store: Store) -> None:
    """Remove files that latest.json names no more, unless somebody may be writing them for the next one."""
    found = listing(store, f"{SITE}/briefs")
    # Read after the listing, so what is named by now is among what was listed.
    shown = decoded(store.read_bytes(POINTER))
    kept, before = _named(shown.briefs) | {*shown.before}, datetime.now(UTC) - KEPT_AT_LEAST
    gone = [
        key
        for key, entry in found.items()
        if key.removeprefix(f"{SITE}/") not in kept and entry.modified < before
    ]
    if gone:
        store.delete(*gone)
