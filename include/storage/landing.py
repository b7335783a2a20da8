"""Raw landing: what an upstream answered, as received, in parts that survive a kill.

    raw/SOURCE/VERSION/part-00000-TRY.jsonl.zst   one record a line, compressed
    raw/SOURCE/VERSION/part-00000-TRY.bin.zst     a file that was received, its bytes as they were, compressed
    raw/SOURCE/VERSION/progress.json              what is complete, and where to go on
    raw/SOURCE/VERSION/UNIT/…                     the same, of each unit where a source has units

A part counts once progress.json names it, and progress.json is replaced as a whole, so a kill at any moment
leaves a landing from which the next try goes on. The bytes of a part depend on its lines, or its file, alone.

A landing belongs to one try at a time, the one whose number progress.json bears. A later try takes it over; one that
was frozen meanwhile wakes with a smaller number, and every write of its ends with LandingTaken. Since each try names
its parts by its number, it cannot have overwritten one of another before it learns that.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import msgspec
import zstandard

from include.errors import NonRetryable
from include.storage.conditional import Replaces
from include.storage.store import Store, StoredFile

log = logging.getLogger(__name__)
_T = TypeVar("_T", bound=msgspec.Struct)

FORMAT = 1
PROGRESS = "progress.json"
# Fast enough to keep up with any upstream on one core; a higher level saves a tenth of the space.
_LEVEL = 1
_TRIES = 5
"""So often a try looks at a landing again that another one writes to at the same moment."""
_BLOCK = 1 << 20
_IN_MEMORY = 1 << 26  # a part's compressed bytes are checked in memory up to here, then on disk


class RawAltered(NonRetryable, ValueError):
    """Landed files are not what was written; the message names the file."""


class RawIncomplete(NonRetryable, LookupError):
    """The landing is not there or not complete."""


class LandingTaken(RuntimeError):
    """A later try of the run has taken the landing over; this one may not write to it any more."""


class Part(StoredFile, frozen=True, kw_only=True):
    """A complete part: its key, compressed size, SHA-256, what kind of records it holds and how many."""

    kind: str
    rows: int


class Progress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What progress.json says. `cursor` is whatever the source needs to go on after the last part."""

    format: int = FORMAT
    owner: int = 0
    """The try that may write; the larger number is the later one."""
    parameters_sha256: str
    upstream_version: str
    cursor: Any = None
    parts: tuple[Part, ...] = ()
    facts: dict[str, Any] = {}
    complete: bool = False


class Note(msgspec.Struct, frozen=True):
    """A small file beside landings: what it says, and the number of the try that left it."""

    owner: int = 0
    says: Any = None


class Landed:
    """What has landed in one place, for reading; `progress` says what that is."""

    def __init__(self, store: Store, prefix: str, progress: Progress) -> None:
        self.progress = progress
        self._store = store
        self._prefix = prefix

    @classmethod
    def completed(cls, store: Store, prefix: str) -> Landed:
        """A finished landing. Raises RawIncomplete."""
        found = _load(store, store.key(prefix, PROGRESS))
        if found is None or not found.complete:
            raise RawIncomplete(
                f"{prefix} in {store.uri} holds no finished extract: run this run's extract to its end."
            )
        return Landed(store, prefix, found)

    @classmethod
    def present(cls, store: Store, prefix: str) -> Landed | None:
        """What has landed below the prefix so far; None where nothing has."""
        found = _load(store, store.key(prefix, PROGRESS))
        return Landed(store, prefix, found) if found else None

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

    @contextmanager
    def open_file(self, part: Part, folder: Path) -> Iterator[IO[bytes]]:
        """The bytes of a file that write_file() landed, as a stream; a remote part is copied to the folder meanwhile.

        Raises RawAltered before the first byte where the part is not as written.
        """
        local = self.fetch(part, folder)
        try:
            with local.open("rb") as handle:
                reader = zstandard.ZstdDecompressor().stream_reader(handle)
                yield io.BufferedReader(cast("io.RawIOBase", reader), _BLOCK)
        finally:
            if not self._store.local:
                local.unlink()

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

    @property
    def _remedy(self) -> str:
        """Also where another run took this landing over: it plans again without it."""
        return f"delete the folder {self._prefix}, then clear the run from its first task, so that it lands again."

    def _copy_checked(self, part: Part, copy: IO[bytes]) -> None:
        digest = hashlib.sha256()
        try:
            with self._store.open(part.path) as stored:
                while block := stored.read(_BLOCK):
                    digest.update(block)
                    copy.write(block)
        except FileNotFoundError:
            raise RawAltered(f"{part.path} is gone from {self._store.uri}: {self._remedy}") from None
        if digest.hexdigest() != part.sha256:
            raise RawAltered(
                f"{part.path} in {self._store.uri} is not the file that was landed (its SHA-256 differs from "
                f"{PROGRESS}): {self._remedy}"
            )


class Landing(Landed):
    """A landing that one try writes to. Every write raises LandingTaken once a later try has taken it over."""

    def __init__(self, store: Store, prefix: str, progress: Progress, owner: int) -> None:
        super().__init__(store, prefix, progress)
        self._owner = owner

    @classmethod
    def open(
        cls, store: Store, prefix: str, parameters: Mapping[str, Any], upstream_version: str, owner: int
    ) -> Landing:
        """Take over what has landed below the prefix and go on with it, or start over. `owner` is the try's number.

        It goes on only with the same parameters and the same data version of the upstream, since cursors are tied to
        both (docs/upstreams/ctgov.md); else everything below the prefix is deleted. Where a later try has the landing,
        a finished one that this try would have gone on with is given for reading, and else LandingTaken is raised.
        """
        fresh = Progress(
            owner=owner, parameters_sha256=_sha256_of(parameters), upstream_version=upstream_version
        )
        key = store.key(prefix, PROGRESS)
        for _ in range(_TRIES):
            present = set(store.list(prefix))
            stands = _read(store, key)
            found = _decoded(key, stands, Progress)
            goes_on = (
                found is not None
                and _same_run(found, fresh)
                and {part.path for part in found.parts} <= present
            )
            if found is not None and found.owner > owner:
                if goes_on and found.complete:
                    return cls(store, prefix, found, owner)
                raise LandingTaken(_taken(store, prefix))
            if found is not None and not goes_on:
                log.info("Starting over in %s: this run cannot go on from what is there.", prefix)
            progress = msgspec.structs.replace(found, owner=owner) if found and goes_on else fresh
            if progress == found or store.swap(key, _encoded(progress), _if_still(stands)):
                landing = cls(store, prefix, progress, owner)
                landing._remove_strays(present)
                return landing
        raise LandingTaken(_taken(store, prefix))

    def discard(self) -> None:
        """Delete everything that has landed; the landing is as if just begun."""
        present = set(self._store.list(self._prefix))
        self._save(
            Progress(
                owner=self._owner,
                parameters_sha256=self.progress.parameters_sha256,
                upstream_version=self.progress.upstream_version,
            )
        )
        self._remove_strays(present)

    def write_part(self, kind: str, lines: Iterable[bytes], cursor: Any) -> Part:
        """Land lines (without their newlines) as the next part and remember the cursor that follows it.

        Nothing is kept when `lines` raises. Raises ValueError for a line with a newline in it.
        """
        return self._write(kind, _joined(lines), "jsonl", lambda: cursor)

    def write_file(self, kind: str, blocks: Iterable[bytes], cursor: Callable[[], Any]) -> Part:
        """Land the bytes of a file as the next part, however many; `cursor` is asked for when they have been read.

        Nothing is kept when `blocks` raises. The part counts as one row.
        """
        counted = ((int(number == 0), block) for number, block in enumerate(chain([b""], blocks)))
        return self._write(kind, counted, "bin", cursor)

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Declare the landing complete, with what the upstream said about the whole (counts, versions)."""
        self._save(msgspec.structs.replace(self.progress, facts=dict(facts), complete=True))

    def remark(self, facts: Mapping[str, Any]) -> None:
        """Keep facts beside what has landed so far; those of finish() take their place."""
        self._save(msgspec.structs.replace(self.progress, facts={**self.progress.facts, **facts}))

    def _write(
        self, kind: str, blocks: Iterator[tuple[int, bytes]], form: str, cursor: Callable[[], Any]
    ) -> Part:
        if self.progress.complete:
            raise RuntimeError(f"{self._prefix} is complete: nothing can be added to it.")
        name = f"part-{len(self.progress.parts):05d}-{self._owner:x}.{form}.zst"
        rows = 0
        with self._store.scratch(self._prefix) as folder:
            local = folder / name
            with zstandard.ZstdCompressor(level=_LEVEL, threads=1).stream_writer(local.open("wb")) as out:
                for count, block in blocks:
                    out.write(block)
                    rows += count
            stored = self._store.put(local, self._store.key(self._prefix, name))
        part = Part(path=stored.path, bytes=stored.bytes, sha256=stored.sha256, kind=kind, rows=rows)
        self._save(
            msgspec.structs.replace(self.progress, parts=(*self.progress.parts, part), cursor=cursor())
        )
        return part

    def _save(self, progress: Progress) -> None:
        key = self._store.key(self._prefix, PROGRESS)

        def is_mine(present: bytes | None) -> bool:
            found = _decoded(key, present, Progress)
            return found is not None and found.owner == self._owner

        if not self._store.swap(key, _encoded(progress), is_mine):
            raise LandingTaken(_taken(self._store, self._prefix))
        self.progress = progress

    def _remove_strays(self, present: Iterable[str]) -> None:
        """Delete those of some files that progress.json does not name: nobody will ever read them."""
        named = {part.path for part in self.progress.parts}
        named.add(self._store.key(self._prefix, PROGRESS))
        for stray in sorted(set(present) - named):
            self._store.delete(stray)


class Landings:
    """Where the runs of a source land: those of all of them for reading, of one run and try for writing."""

    def __init__(self, store: Store, source: str, version: str, owner: int) -> None:
        self._store = store
        self._root = store.key("raw", source)
        self._version = version
        self._owner = owner

    def open(self, parameters: Mapping[str, Any], upstream_version: str, unit: str | None = None) -> Landing:
        """The run's own landing, or that of one of its units, to write to (see Landing.open)."""
        return Landing.open(
            self._store, self._place(self._version, unit), parameters, upstream_version, self._owner
        )

    def completed(self, unit: str | None = None) -> Landed:
        """The run's own finished landing, or that of one of its units. Raises RawIncomplete."""
        return Landed.completed(self._store, self._place(self._version, unit))

    def units(self, version: str) -> Iterator[tuple[str, Landed]]:
        """What has landed of the units of any run of the source, complete or not, by the unit."""
        root = self._store.key(self._root, version)
        below = (key.removeprefix(f"{root}/") for key in self._store.list(root))
        for unit in sorted({key.split("/")[0] for key in below if "/" in key}):
            landed = Landed.present(self._store, self._place(version, unit))
            if landed is not None:
                yield unit, landed

    def of_parts(self, version: str, unit: str, parts: tuple[Part, ...]) -> Landed:
        """Some parts of a unit of any run, which are proven to be these when they are read."""
        progress = Progress(parameters_sha256="", upstream_version="", parts=parts)
        return Landed(self._store, self._place(version, unit), progress)

    def are_there(self, parts: Iterable[Part]) -> bool:
        """Whether the files of all these parts still stand."""
        return all(self._store.exists(part.path) for part in parts)

    def versions(self) -> set[str]:
        """The versions of the source of which anything has landed."""
        return {key.split("/")[2] for key in self._store.list(self._root)}

    def write_note(self, name: str, says: Any) -> bool:
        """Leave a small file beside the run's landings, unless a later try has left one of this name; whether it did.

        None says nothing, and keeps earlier tries from saying anything.
        """
        key = self._place(self._version, name)
        note = msgspec.json.encode(Note(owner=self._owner, says=says))

        def is_earlier(present: bytes | None) -> bool:
            found = _decoded(key, present, Note)
            return found is None or found.owner <= self._owner

        return self._store.swap(key, note, is_earlier)

    def read_note(self, name: str) -> Note | None:
        """A small file beside the run's landings; None where there is none."""
        key = self._place(self._version, name)
        return _decoded(key, _read(self._store, key), Note)

    def present(self, unit: str) -> Landed | None:
        """What has landed of one of the run's units so far; None where nothing has."""
        return Landed.present(self._store, self._place(self._version, unit))

    def _place(self, version: str, below: str | None) -> str:
        return self._store.key(self._root, version, *([below] if below else []))


def _if_still(read: bytes | None) -> Replaces:
    """Nobody has written since this was read."""
    return lambda now: now == read


def _taken(store: Store, prefix: str) -> str:
    return (
        f"{prefix} in {store.uri} belongs to a later try of this run by now, or was removed. This try was given up "
        "and has changed nothing there; look at the try after it."
    )


def read_lines(handle: IO[bytes]) -> Iterator[bytes]:
    """The lines of a part's compressed bytes, without their newlines, with bounded memory."""
    reader = zstandard.ZstdDecompressor().stream_reader(handle)
    for line in io.BufferedReader(cast("io.RawIOBase", reader), _BLOCK):
        yield line[:-1]


def _load(store: Store, key: str) -> Progress | None:
    """What progress.json says; None where there is none, or none that can be read."""
    return _decoded(key, _read(store, key), Progress)


def _read(store: Store, key: str) -> bytes | None:
    try:
        return store.read_bytes(key)
    except FileNotFoundError:
        return None


def _decoded(key: str, text: bytes | None, kind: type[_T]) -> _T | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        log.warning("%s cannot be read (%s): taken as if it were not there.", key, error)
        return None


def _encoded(progress: Progress) -> bytes:
    return msgspec.json.format(msgspec.json.encode(progress, order="deterministic"), indent=1)


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
