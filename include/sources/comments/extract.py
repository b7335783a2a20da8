"""From inbox and datasets to raw: what is new there, byte for byte.

A file is taken once it is complete, and known by the SHA-256 of its bytes, under whatever name it comes again. It is
complete when nobody wrote to it within a minute and it is as the run's probe saw it, or when a marker NAME.done stands
beside it. What is still being written is left to the next run. A run takes up to FILES_PER_RUN files, those that were
written first; the next one goes on.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from include.decoding import decoder
from include.publishing import manifest as manifests
from include.sources.comments import datasets, enriching
from include.sources.comments.source import AUTHORS, SOURCE
from include.sources.comments.tables import FILES, INBOX
from include.sources.source import Probe, Run
from include.storage.inbox import Inbox, InboxFile
from include.storage.landing import Landing
from include.upstream.session import UpstreamSession

FILES_PER_RUN = 2_000
LISTING = "listing"
FILE = "file"
"""How kinds of parts that hold a file begin; the number of its line in the listing follows."""
_NOTE = "probed"
_BLOCK = 1 << 20
log = logging.getLogger(__name__)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the inbox as a run found it; `sha256` is filled where it was taken before."""

    file: InboxFile
    sha256: str | None = None


class _Known(Exception):
    """A file that is being read is one that was taken before."""


class _Changing(Exception):
    """A file is not as it was listed."""


def probe(run: Run, upstream: UpstreamSession) -> Probe:
    """Whether a file or an item is new. Raises BadSetting where the key of author hashes is missing."""
    named = datasets.named(run)
    if run.inbox is None and not named:
        assert SOURCE.spec.without_host is not None
        return Probe(False, SOURCE.spec.without_host, {"without_host": True})
    run.key(AUTHORS)
    found = _look(run)
    run.raw.write_note(_NOTE, [msgspec.to_builtins(each.file) for each in found.quiet + found.waiting])
    grown, gone = 0, []
    before = datasets.known(run)
    for dataset in named:
        read = before.get(dataset, 0)
        total = datasets.total(upstream, dataset, read)
        if total is None:
            gone.append(dataset)
        grown += max(0, (total or 0) - read)
    told = [f"{len(found.new)} new files"] if run.inbox else []
    told += [f"{len(found.waiting)} that are still being written"] if found.waiting else []
    told += [f"{grown} new items in {len(named)} datasets"] if named else []
    told += [f"without {', '.join(gone)}, which Apify has no more"] if gone else []
    facts = {"files": len(found.new), "waiting": len(found.waiting), "items": grown}
    reason = f"There are {', '.join(told)}."
    if again := enriching.due(run):
        reason += f" Comments are enriched once more: {again}."
    return Probe(bool(found.new) or grown > 0 or again is not None, reason, facts)


def extract(run: Run, upstream: UpstreamSession) -> Mapping[str, Any]:
    """Land every file and item that is new; returns the landing's facts in short."""
    seen = run.raw.read_note(_NOTE)
    landing = run.raw.open({"datasets": datasets.named(run)}, "unversioned")
    if not landing.progress.complete:
        if not landing.progress.parts:
            _land_listing(run, landing, seen.says if seen else None)
        listed = listing(landing)
        taken, changing = _land_files(run, landing, listed)
        pulls = datasets.land(run, upstream, landing, landing.progress.cursor or {})
        items = sum(pull.next - pull.first for pull in pulls.values())
        landing.finish(
            {
                "taken": taken,
                "changing": changing,
                "files": len(taken),
                "items": items,
                "datasets": {name: msgspec.to_builtins(pull) for name, pull in pulls.items()},
                "summary": f"{len(taken)} files and {items} items"
                + (
                    f"; {len(changing)} files changed meanwhile and are left to the next run"
                    if changing
                    else ""
                ),
            }
        )
    return {name: landing.progress.facts[name] for name in ("summary", "files", "items")}


class _Found(msgspec.Struct):
    """What stands in the inbox: complete files, those of them that are new, and those that may still grow."""

    quiet: list[Listed]
    new: list[Listed]
    waiting: list[Listed]


def _look(run: Run) -> _Found:
    if run.inbox is None:
        return _Found([], [], [])
    before = _taken_before(run)
    quiet: list[Listed] = []
    waiting: list[Listed] = []
    for file in run.inbox.files():
        sha256 = before.get((file.path, file.bytes, file.modified))
        # One that was taken is complete; a marker may be gone by now.
        into = quiet if sha256 or file.is_quiet(run.data_time) else waiting
        into.append(Listed(file=file, sha256=sha256))
    return _Found(quiet, [each for each in quiet if each.sha256 is None], waiting)


def _taken_before(run: Run) -> dict[tuple[str, int, Any], str]:
    if run.base is None:
        return {}
    rows = manifests.dataset(run.read, run.base.table(INBOX.name)).to_table()
    names = ("path", "bytes", "modified_at", "sha256")
    return {
        (path, size, modified): sha256
        for path, size, modified, sha256 in zip(*(rows[name].to_pylist() for name in names), strict=True)
    }


def known_files(run: Run) -> set[str]:
    """SHA-256 of every content that base has."""
    if run.base is None:
        return set()
    rows = manifests.dataset(run.read, run.base.table(FILES.name)).to_table(columns=["sha256"])
    return set(rows["sha256"].to_pylist())


def _land_listing(run: Run, landing: Landing, probed: Any) -> None:
    """Land what is to be taken, so that every try takes the same: oldest first, then by name."""
    found = _look(run)
    if probed is not None:
        as_probed = set(msgspec.convert(probed, list[InboxFile]))
        found.new = [each for each in found.new if each.file.marked or each.file in as_probed]
    new = sorted(found.new, key=lambda each: (each.file.modified, each.file.path))
    if len(new) > FILES_PER_RUN:
        log.warning(
            "%d files are new; %d are taken now, the others by the next runs", len(new), FILES_PER_RUN
        )
    taken = [each for each in found.quiet if each.sha256 is not None]
    landing.write_part(LISTING, map(msgspec.json.encode, [*new[:FILES_PER_RUN], *taken]), None)


def listing(landing: Any) -> list[Listed]:
    """What a run found in its inbox: first what it is to take."""
    return [decoder(Listed).decode(line) for line in landing.read(LISTING)]


def _land_files(run: Run, landing: Landing, listed: list[Listed]) -> tuple[list[dict[str, Any]], list[str]]:
    """Land the files of the listing that are new; returns what was taken, also what turned out to be known."""
    landed = {part.kind: part for part in landing.progress.parts}
    cursor: dict[str, Any] = dict(landing.progress.cursor or {})
    shas: dict[str, str] = dict(cursor.get("files") or {})
    known, taken, changing = known_files(run) | set(shas.values()), [], []
    for number, each in enumerate(listed):
        kind = f"{FILE}-{number}"
        if each.sha256 is not None:
            continue
        if kind not in landed:
            assert run.inbox is not None
            digest = hashlib.sha256()

            def noted(kind: str = kind, digest: Any = digest) -> dict[str, Any]:
                shas[kind] = digest.hexdigest()
                return {**cursor, "files": shas}

            try:
                landing.write_file(kind, _blocks(run.inbox, each.file, digest, known), noted)
            except _Known:
                log.info("%r was taken before under another name, or at another time", each.file.path)
                taken.append(_noted(number, digest.hexdigest(), landed=False))
                continue
            except (_Changing, FileNotFoundError):
                log.warning("%r is not as it was listed; it is left to the next run", each.file.path)
                changing.append(each.file.path)
                continue
        known.add(shas[kind])
        taken.append(_noted(number, shas[kind], landed=True))
    return taken, changing


def _noted(number: int, sha256: str, *, landed: bool) -> dict[str, Any]:
    return {"line": number, "sha256": sha256, "landed": landed}


def _blocks(inbox: Inbox, file: InboxFile, digest: Any, known: set[str]) -> Iterator[bytes]:
    size = 0
    with inbox.open(file) as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
            size += len(block)
            if size > file.bytes:
                raise _Changing
            yield block
    if size != file.bytes:
        raise _Changing
    if digest.hexdigest() in known:
        raise _Known
