"""Reads the text back from a PDF of ours: what its pages draw, by the tables that say which letter a glyph is."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\n(.*)\nendstream", re.DOTALL)
_DRAWN = re.compile(rb"/(F\d+) [\d.]+ Tf|\(((?:[^()\\]|\\.)*)\) Tj", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_RAW = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


@dataclass(frozen=True)
class Pdf:
    """A document, read."""

    pages: tuple[str, ...]
    """The text of each."""
    about: bytes
    """What it says of itself: title, dates."""

    @property
    def text(self) -> str:
        """All text, without any white space."""
        return "".join("".join(self.pages).split())


def read(data: bytes) -> Pdf:
    """Read a document. Raises KeyError where a glyph or a font is not declared."""
    objects = {int(number): body for number, body in _OBJECT.findall(data)}
    fonts = {
        name.decode(): _letters(_stream(objects[_reference(objects[int(font)], b"ToUnicode")]))
        for body in objects.values()
        for name, font in re.findall(rb"/(F\d+) (\d+) 0 R", body)
    }
    (tree,) = (body for body in objects.values() if b"/Type /Pages" in body)
    kids = [int(number) for number in re.findall(rb"(\d+) 0 R", tree)]
    contents = [_stream(objects[_reference(objects[kid], b"Contents")]) for kid in kids]
    (about,) = (body for body in objects.values() if b"/CreationDate" in body)
    return Pdf(tuple(_text(content, fonts) for content in contents), about)


def _reference(body: bytes, name: bytes) -> int:
    found = re.search(rb"/%s (\d+) 0 R" % name, body)
    if found is None:
        raise KeyError(name)
    return int(found[1])


def _stream(body: bytes) -> bytes:
    found = _STREAM.search(body)
    if found is None:
        raise KeyError("stream")
    return zlib.decompress(found[1]) if b"/FlateDecode" in body else found[1]


def _letters(table: bytes) -> dict[int, str]:
    """Which text each glyph stands for."""
    (pairs,) = re.findall(rb"beginbfchar\n(.*?)endbfchar", table, re.DOTALL) or [b""]
    return {
        int(glyph, 16): bytes.fromhex(letter.decode()).decode("utf-16-be")
        for glyph, letter in re.findall(rb"<([0-9A-Fa-f]+)> <([0-9A-Fa-f]+)>", pairs)
    }


def _text(content: bytes, fonts: dict[str, dict[int, str]]) -> str:
    said, letters = [], dict[int, str]()
    for font, drawn in _DRAWN.findall(content):
        if font:
            letters = fonts[font.decode()]
            continue
        raw = _ESCAPED.sub(lambda match: _RAW.get(match[1], match[1]), drawn)
        said.append("".join(letters[int.from_bytes(raw[n : n + 2])] for n in range(0, len(raw), 2)))
    return "\n".join(said)
