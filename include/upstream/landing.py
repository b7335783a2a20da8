"""Raw landing: what an upstream answered, as received, in parts that survive a kill.

    raw/SOURCE/RUN/part-00000.jsonl.zst   one record a line, compressed
    raw/SOURCE/RUN/progress.json          what is complete, and where to go on

A part counts once progress.json names it, and progress.json is replaced as a whole, so a kill at any moment
leaves a landing from which the next try goes on. The bytes depend on the lines alone: an interrupted run ends
with the same files as an undisturbed one.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import zstandard

from include.publishing.store import Store, StoredFile

log = logging.getLogger(__name__)

FORMAT = 1
PROGRESS = "progress.json"
# Fast enough to keep up with any upstream on one core; a higher level saves a tenth of the space.
_LEVEL = 1
_BLOCK = 1 << 20
_IN_MEMORY = 1 << 26  # a part's compressed bytes are checked in memory up to here, then on disk


class RawAltered(ValueError):
    """Landed files are not what was written; the message names the file."""


class RawIncomplete(LookupError):
    """The landing is not there or not complete."""


class Part(StoredFile, frozen=True, kw_only=True):
    """A complete part: its key, compressed size, SHA-256, what kind of records it holds and how many."""

    kind: str
    rows: int


class Progress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What progress.json says. `cursor` is whatever the source needs to go on after the last part."""

    format: int = FORMAT
    parameters_sha256: str
    upstream_version: str
    cursor: Any = None
    parts: tuple[Part, ...] = ()
    facts: dict[str, Any] = {}
    complete: bool = False


class Landing:
    """The landed parts of one run, for one writer at a time; `progress` says where it stands."""

    def __init__(self, store: Store, prefix: str, progress: Progress) -> None:
        self.progress = progress
        self._store = store
        self._prefix = prefix

    @classmethod
    def open(cls, store: Store, prefix: str, parameters: Mapping[str, Any], upstream_version: str) -> Landing:
        """Go on with what has landed below the prefix, or start over.

        It goes on only with the same parameters and the same data version of the upstream, since cursors are
        tied to both (contract section A, step 8); else everything below the prefix is deleted.
        """
        fresh = Progress(parameters_sha256=_sha256_of(parameters), upstream_version=upstream_version)
        present = set(store.list(prefix))
        found = _load(store, store.key(prefix, PROGRESS)) if present else None
        if found is not None and _same_run(found, fresh) and {part.path for part in found.parts} <= present:
            landing = cls(store, prefix, found)
            # Written by a try that was killed before it could say so.
            for stray in present - {part.path for part in found.parts} - {store.key(prefix, PROGRESS)}:
                store.delete(stray)
            return landing
        landing = cls(store, prefix, fresh)
        if present:
            log.info("Starting over in %s: this run cannot go on from what is there.", prefix)
            landing.discard()
        return landing

    @classmethod
    def completed(cls, store: Store, prefix: str) -> Landing:
        """A finished landing, for reading. Raises RawIncomplete."""
        found = _load(store, store.key(prefix, PROGRESS))
        if found is None or not found.complete:
            raise RawIncomplete(
                f"{prefix} in {store.uri} holds no finished extract: run this run's extract to its end."
            )
        return cls(store, prefix, found)

    @classmethod
    def present(cls, store: Store, prefix: str) -> Landing | None:
        """What has landed below the prefix so far, for reading; None where nothing has."""
        found = _load(store, store.key(prefix, PROGRESS))
        return cls(store, prefix, found) if found else None

    def discard(self) -> None:
        """Delete everything that has landed; the landing is as if just begun."""
        # Killed halfway this leaves a progress that names parts which are gone: open() starts over then.
        self._store.delete_tree(self._prefix)
        self.progress = Progress(
            parameters_sha256=self.progress.parameters_sha256, upstream_version=self.progress.upstream_version
        )

    def write_part(self, kind: str, lines: Iterable[bytes], cursor: Any) -> Part:
        """Land lines (without their newlines) as the next part and remember the cursor that follows it.

        Nothing is kept when `lines` raises. Raises ValueError for a line with a newline in it.
        """
        return self._write(kind, _joined(lines), cursor)

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Declare the landing complete, with what the upstream said about the whole (counts, versions)."""
        self._save(msgspec.structs.replace(self.progress, facts=dict(facts), complete=True))

    def read(self, kind: str) -> Iterator[bytes]:
        """The lines of all parts of a kind, in the order they landed. Raises RawAltered."""
        for part in self.progress.parts:
            if part.kind == kind:
                yield from self.read_part(part)

    def read_part(self, part: Part) -> Iterator[bytes]:
        """The lines of a part. Raises RawAltered before the first line where the file is not as written."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
            self._copy_checked(part, cast("IO[bytes]", copy))
            copy.seek(0)
            yield from read_lines(cast("IO[bytes]", copy))

    def fetch(self, part: Part, folder: Path) -> Path:
        """A part as a local file for read_lines(), proven to be as written; a remote one is copied to the folder.

        For readers in other processes, which cannot have this one's store. Raises RawAltered.
        """
        if self._store.local:
            with Path(os.devnull).open("wb") as nowhere:
                self._copy_checked(part, nowhere)
            return Path(self._store.full(part.path))
        local = folder / part.path.rpartition("/")[2]
        with local.open("wb") as copy:
            self._copy_checked(part, copy)
        return local

    def _copy_checked(self, part: Part, copy: IO[bytes]) -> None:
        digest = hashlib.sha256()
        try:
            with self._store.open(part.path) as stored:
                while block := stored.read(_BLOCK):
                    digest.update(block)
                    copy.write(block)
        except FileNotFoundError:
            raise RawAltered(f"{part.path} is gone from {self._store.uri}: run the extract again.") from None
        if digest.hexdigest() != part.sha256:
            raise RawAltered(
                f"{part.path} in {self._store.uri} is not the file that was landed (its SHA-256 differs from "
                f"{PROGRESS}): delete {self._prefix} and run the extract again."
            )

    def _write(self, kind: str, blocks: Iterator[tuple[int, bytes]], cursor: Any) -> Part:
        if self.progress.complete:
            raise RuntimeError(f"{self._prefix} is complete: nothing can be added to it.")
        name = f"part-{len(self.progress.parts):05d}.jsonl.zst"
        rows = 0
        with self._store.scratch(self._prefix) as folder:
            local = folder / name
            with zstandard.ZstdCompressor(level=_LEVEL, threads=1).stream_writer(local.open("wb")) as out:
                for count, block in blocks:
                    out.write(block)
                    rows += count
            stored = self._store.put(local, self._store.key(self._prefix, name))
        part = Part(path=stored.path, bytes=stored.bytes, sha256=stored.sha256, kind=kind, rows=rows)
        self._save(msgspec.structs.replace(self.progress, parts=(*self.progress.parts, part), cursor=cursor))
        return part

    def _save(self, progress: Progress) -> None:
        text = msgspec.json.format(msgspec.json.encode(progress, order="deterministic"), indent=1)
        self._store.write_bytes(self._store.key(self._prefix, PROGRESS), text)
        self.progress = progress


def read_lines(handle: IO[bytes]) -> Iterator[bytes]:
    """The lines of a part's compressed bytes, without their newlines, with bounded memory."""
    reader = zstandard.ZstdDecompressor().stream_reader(handle)
    for line in io.BufferedReader(cast("io.RawIOBase", reader), _BLOCK):
        yield line[:-1]


def _load(store: Store, key: str) -> Progress | None:
    """What progress.json says; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(store.read_bytes(key), type=Progress)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        log.warning("%s cannot be read (%s): taken as if it were not there.", key, error)
        return None


def _same_run(found: Progress, fresh: Progress) -> bool:
    return (found.format, found.parameters_sha256, found.upstream_version) == (
        fresh.format,
        fresh.parameters_sha256,
        fresh.upstream_version,
    )


def _sha256_of(parameters: Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(parameters, order="sorted")).hexdigest()


def _joined(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines gathered to blocks of about a megabyte, each with its number of lines."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if b"\n" in line:
            raise ValueError(f"A line to land has a newline in it: {line[:100]!r}. Encode it on one line.")
        batch.append(line)
        size += len(line) + 1
        if size >= _BLOCK:
            yield _block(batch)
            batch, size = [], 0
    if batch:
        yield _block(batch)


def _block(batch: list[bytes]) -> tuple[int, bytes]:
    return len(batch), b"\n".join([*batch, b""])
