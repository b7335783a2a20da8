"""A file that was cut is found by its first bytes, whichever superblock it has."""

from __future__ import annotations

import io
import struct

import pytest

from include.sources.dsa110.hdf5 import SIGNATURE, why_unusable

SIZE = 4_096


def file(version: int, *, declared: int = SIZE, width: int = 8) -> bytes:
    """An HDF5 file as far as its superblock tells (File Format Specification 3.0, II.A)."""
    addresses = struct.pack("<QQQ", 0, 0xFFFFFFFFFFFFFFFF, declared)
    if version < 2:
        fields = bytes([version, 0, 0, 0, 0, width, 8, 0]) + struct.pack("<HHI", 4, 16, 0)
        fields += struct.pack("<HH", 32, 0) if version else b""
    else:
        fields = bytes([version, width, 8, 0])
    return (SIGNATURE + fields + addresses).ljust(SIZE, b"\0")


def said(content: bytes) -> str | None:
    return why_unusable(io.BytesIO(content), len(content))


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_a_whole_file_is_usable(version: int) -> None:
    assert said(file(version)) is None
    assert said(file(version) + b"more") is None


@pytest.mark.parametrize("version", [0, 1, 2, 3])
@pytest.mark.parametrize("left", [1, 7, 8, 9, 12, 20, 35, 47, 51, 100, SIZE - 1])
def test_a_file_that_is_cut_anywhere_is_not(version: int, left: int) -> None:
    found = said(file(version)[:left])
    assert found is not None
    assert "cut" in found or "HDF5" in found


def test_the_sentence_says_how_much_is_there() -> None:
    assert said(file(2)[:-96]) == "it is cut: 4,000 of 4,096 bytes are there"
    assert said(b"") == "it has no bytes"
    assert said(b"<html>not found") == "it is no HDF5 file: it begins with 3c 68 74 6d 6c 3e 6e 6f"


def test_a_superblock_that_is_not_known_is_refused_with_what_it_says() -> None:
    assert said(file(4)) == "its HDF5 superblock has version 4, and 0 to 3 are known"
    assert said(file(0, width=4)) == "its HDF5 addresses have 4 bytes instead of 8"
