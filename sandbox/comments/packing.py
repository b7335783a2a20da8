"""Files as people pack them, block by block."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import IO, cast

Pack = Callable[[str, Iterable[bytes]], Iterator[bytes]]
"""Packs a file of a name that has these blocks."""


def gzipped(name: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A gzip file, the same every time."""
    packer = zlib.compressobj(wbits=31)
    for block in blocks:
        yield packer.compress(block)
    yield packer.flush()


def zipped(name: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A zip file with one member of that name, the same every time."""
    sink = _Sink()
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(cast(IO[bytes], sink), "w") as archive,
        archive.open(member, "w", force_zip64=True) as file,
    ):
        for block in blocks:
            file.write(block)
            yield sink.taken()
    yield sink.taken()


class _Sink:
    """Where a zip file is written to that nobody can seek in."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing: what was written is there to be taken."""

    def taken(self) -> bytes:
        """What was written since it was asked the last time."""
        data = bytes(self._held)
        self._held.clear()
        return data
