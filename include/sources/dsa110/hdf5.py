"""Whether an HDF5 file is all there, by its first bytes: the worker has no HDF5 library, and needs none for that.

The superblock says at which address the file ends (HDF5 File Format Specification 3.0, II.A, "Disk Format: Level 0A").
A file that was cut, or whose writer has not come to the end, is shorter. The imaging environment opens it later.
"""

from __future__ import annotations

from typing import IO

SIGNATURE = b"\x89HDF\r\n\x1a\n"
HEAD = 96
"""No superblock is longer."""
_ADDRESS = 8
_WHERE = {0: (13, 24), 1: (13, 28), 2: (9, 12), 3: (9, 12)}
"""By the version of the superblock: where the size of addresses stands, and the first address."""
_END = 2
"""Base address, extension or free space, end of file: the third address, in every version."""


def why_unusable(handle: IO[bytes], size: int) -> str | None:
    """What is wrong with a file of so many bytes, as a sentence for people; None where it is all there."""
    if size == 0:
        return "it has no bytes"
    head = handle.read(HEAD)
    if not head.startswith(SIGNATURE):
        return f"it is no HDF5 file: it begins with {head[:8].hex(' ')}"
    version = head[len(SIGNATURE)] if len(head) > len(SIGNATURE) else None
    if version not in _WHERE:
        return f"its HDF5 superblock has version {version}, and 0 to 3 are known"
    width, first = _WHERE[version]
    end = first + (_END + 1) * _ADDRESS
    if len(head) < end:
        return f"it is cut within its first {end} bytes"
    if head[width] != _ADDRESS:
        return f"its HDF5 addresses have {head[width]} bytes instead of {_ADDRESS}"
    declared = int.from_bytes(head[end - _ADDRESS : end], "little")
    if size < declared:
        return f"it is cut: {size:,} of {declared:,} bytes are there"
    return None
