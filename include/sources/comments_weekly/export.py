"""The briefs of latest as files, for people: site/comments_weekly/briefs, and latest.json, which names them.

A file has a hash of its content in its name, and latest.json is replaced last, as that of a site with a page is
(include/sources/pages.py): whoever has read it goes on reading what it named. docs/weekly_brief.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec

from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest
from include.sources import pages
from include.sources.comments_weekly import week
from include.sources.comments_weekly.tables import BRIEFS
from include.sources.pages import File
from include.storage.store import Store, safe_key

SITE = "site/comments_weekly"
POINTER = f"{SITE}/latest.json"
FOLDER = "briefs"
FORMAT = 1


class SiteBrief(msgspec.Struct, frozen=True, kw_only=True):
    """The brief of a week."""

    week: date
    period: str
    headline: str
    pages: int
    pdf: File
    twin: File


class Latest(pages.Shown, frozen=True, kw_only=True):
    """latest.json: the briefs of the version that is latest, the newest week first."""

    briefs: tuple[SiteBrief, ...]
    before: tuple[str, ...]
    """Files that the latest.json before this one named and this one does not: its readers may fetch them yet."""


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
    if pages.show(store, POINTER, latest) is latest:
        pages.sweep(store, f"{SITE}/{FOLDER}", lambda path: path, lambda: _kept(store))
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


def _file(store: Store, monday: date, kind: str, content: bytes) -> File:
    sha256 = hashlib.sha256(content).hexdigest()
    path = safe_key(FOLDER, monday.isoformat(), f"brief-{sha256[:16]}.{kind}")
    key = f"{SITE}/{path}"
    if not store.exists(key):
        store.write_bytes(key, content)
    return File(path=path, bytes=len(content), sha256=sha256)


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
    return pages.decoded(POINTER, latest, Latest)


def _kept(store: Store) -> set[str]:
    """The files that latest.json names for its readers or those before, below their folder."""
    shown = decoded(store.read_bytes(POINTER))
    return {path.removeprefix(f"{FOLDER}/") for path in (*_named(shown.briefs), *shown.before)}
