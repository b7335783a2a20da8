"""From the bytes of a file to contents that can be read: what is packed is unpacked within bounds, hashed and measured.

A content is known by the SHA-256 of its unpacked bytes, so that an export is the same one plain, gzipped or in a zip,
under whatever name. Names within an archive are labels and never paths.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

GIB = 2**30
MOST_BYTES = 16 * GIB
"""Of one file, all of its contents together and unpacked."""
MOST_RATIO = 200
"""Exports compress to a tenth or a fortieth; what unpacks to more than this is a bomb."""
RATIO_FROM = 64 * 2**20
"""Below so many bytes nobody minds the ratio."""
MOST_MEMBERS = 1_000
BLOCK = 1 << 20
_GZIP, _ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)


class FileRefused(ValueError):
    """A file as a whole cannot be read; `reason` is the phrase that the quarantine counts by, `line` where it began."""

    def __init__(self, reason: str, detail: str, line: int = 1) -> None:
        super().__init__(detail)
        self.reason = reason
        self.line = line


class Bounded:
    """A stream of unpacked bytes that ends where its packing is broken, and refuses to grow without measure."""

    def __init__(self, stream: IO[bytes], packed: int, most: int) -> None:
        # What was unpacked before it broke off is worth having: read() would throw it away.
        self._take = getattr(stream, "read1", stream.read)
        self._packed = max(packed, 1)
        self._most = most
        self._read = 0
        self.broken: str | None = None
        """How the stream broke off, if it did."""

    def read(self, size: int = BLOCK) -> bytes:
        """The next bytes. Raises FileRefused for a bomb."""
        if self.broken:
            return b""
        try:
            block = self._take(size)
        except _BROKEN as error:
            self.broken = f"{type(error).__name__}: {error}"
            return b""
        self._read += len(block)
        if self._read > self._most:
            raise FileRefused("too large", f"it unpacks to more than {self._most:,} bytes")
        if self._read > RATIO_FROM and self._read > MOST_RATIO * self._packed:
            raise FileRefused(
                "bomb",
                f"{self._packed:,} bytes unpack to more than {MOST_RATIO} times as much ({self._read:,} so far)",
            )
        return block


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a first pass over a content tells."""

    sha256: str
    bytes: int
    encoding: str
    """As Python calls it."""
    broken: str | None
    """How its packing broke off, if it did."""


Open = Callable[[], Any]
"""Opens a stream of bytes as a context manager, each time from its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Something to read: a file as it is, or what was packed in one; where it cannot be opened, `refused` says why."""

    label: str
    """Of a member its name within the archive; empty of a file by itself."""
    open: Open
    refused: FileRefused | None = None


@contextmanager
def contents(open_file: Open, size: int, scratch: Path) -> Iterator[tuple[str | None, Iterator[Content]]]:
    """How a file is packed (gzip, zip or None), and its contents, of which each is read before the next is taken.

    Raises FileRefused for an archive that cannot be opened or has too many members.
    """
    with open_file() as handle:
        begins = handle.read(4)
    if begins.startswith(_GZIP):

        @contextmanager
        def unzipped() -> Iterator[Bounded]:
            with open_file() as handle, gzip.GzipFile(fileobj=handle) as stream:
                yield Bounded(stream, size, MOST_BYTES)  # type: ignore[arg-type]

        yield "gzip", iter([Content(label="", open=unzipped)])
    elif begins in {_ZIP, _EMPTY_ZIP}:
        with ExitStack() as opened:
            yield "zip", _members(open_file, scratch, opened)
    else:

        @contextmanager
        def plain() -> Iterator[Bounded]:
            with open_file() as handle:
                yield Bounded(handle, size, max(MOST_BYTES, size))

        yield None, iter([Content(label="", open=plain)])


def _members(open_file: Open, scratch: Path, opened: ExitStack) -> Iterator[Content]:
    # An archive is read from its end, and what landed is one stream.
    local = scratch / "archive.zip"
    opened.callback(local.unlink, missing_ok=True)
    with open_file() as handle, local.open("wb") as copy:
        shutil.copyfileobj(handle, copy, BLOCK)
    try:
        archive = opened.enter_context(zipfile.ZipFile(local))
        infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        _raise_if_of_the_machine(error)
        raise FileRefused("broken archive", f"{type(error).__name__}: {error}") from None
    if len(infos) > MOST_MEMBERS:
        raise FileRefused(
            "too many members", f"the archive has {len(infos):,} members; {MOST_MEMBERS:,} are read"
        )
    left = MOST_BYTES
    for info in infos:
        yield _member(archive, info, left)
        left -= min(info.file_size, left)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> Content:
    @contextmanager
    def unpacked() -> Iterator[Bounded]:
        with archive.open(info) as stream:
            yield Bounded(stream, info.compress_size, left)

    why = None
    try:
        with archive.open(info) as stream:
            begins = stream.read(4)
        if begins.startswith(_GZIP) or begins in {_ZIP, _EMPTY_ZIP}:
            why = FileRefused("archive within an archive", "what is packed twice is not read")
    except RuntimeError as error:  # encrypted
        why = FileRefused("encrypted", str(error))
    except (*_BROKEN, NotImplementedError, OSError, ValueError) as error:
        _raise_if_of_the_machine(error)
        why = FileRefused("broken archive", f"{type(error).__name__}: {error}")
    return Content(label=info.filename, open=unpacked, refused=why)


def _raise_if_of_the_machine(error: Exception) -> None:
    """Raise a full disk or a failed read again: a file that is refused is never read again, and this one may be sound.

    An archive that points outside itself has zipfile seek to where nothing is: EINVAL, or an error without a number.
    """
    if isinstance(error, OSError) and error.errno not in {None, errno.EINVAL}:
        raise error


def survey(content: Content) -> Survey:
    """Hash a content and find out its encoding, in one pass. Raises FileRefused."""
    digest, size = hashlib.sha256(), 0
    with content.open() as stream:
        block = stream.read(BLOCK)
        encoding = _by_its_beginning(block)
        check = codecs.getincrementaldecoder("utf-8")() if encoding == "utf-8" else None
        while block:
            digest.update(block)
            size += len(block)
            if check is not None:
                try:
                    check.decode(block)
                except UnicodeDecodeError:
                    encoding, check = _eight_bit_or_damaged(block), None
            block = stream.read(BLOCK)
        if check is not None and encoding == "utf-8" and check.getstate()[0]:
            # It ends within a character: cut, or a last letter of cp1252.
            encoding = "utf-8"
        return Survey(sha256=digest.hexdigest(), bytes=size, encoding=encoding, broken=stream.broken)


def _by_its_beginning(block: bytes) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if block.startswith(mark):
            return encoding
    # Without a mark: Latin letters in UTF-16 have a zero in every second byte.
    head = block[:1_000]
    if len(head) > 1:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if odd > len(head) // 5 and even < odd // 4:
            return "utf-16-le"
        if even > len(head) // 5 and odd < even // 4:
            return "utf-16-be"
    return "utf-8"


def _eight_bit_or_damaged(block: bytes) -> str:
    """Whether bytes that are no UTF-8 are Windows' cp1252, or UTF-8 in which some bytes are damaged."""
    text = block.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(1 for character in text if character > "\x7f") - bad
    return "cp1252" if bad > good else "utf-8"
