"""Files: a scrape in a format, an encoding, and under a name. Content and what it tells come from one stream."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from sandbox.comments.esuit import Esuit, EsuitPreamble
from sandbox.comments.formats import Form, Format
from sandbox.comments.instagram import ApifyComments, ApifyRaw, ApifySimple, RawPreamble
from sandbox.comments.instagram_posts import ApifyMetadata, ApifyPosts
from sandbox.comments.rows import CommentRow, OtherRow, PostRow, Row
from sandbox.comments.scrapes import Scrape
from sandbox.comments.tiktok import Tiktok
from sandbox.comments.world import World
from sandbox.comments.youtube import YoutubeComments, YoutubeFull, YoutubeVideos

Encoding = Literal["utf-8", "utf-8-sig", "utf-16", "cp1252"]

_ALL: tuple[Format, ...] = (
    Esuit(),
    EsuitPreamble(),
    ApifySimple(),
    ApifyComments(),
    ApifyRaw(),
    RawPreamble(),
    ApifyPosts(),
    ApifyMetadata(),
    YoutubeComments(),
    YoutubeVideos(),
    YoutubeFull(),
    Tiktok(),
)
FORMATS = {format_.name: format_ for format_ in _ALL}
_BLOCK = 1 << 20
_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Export:
    """A file to be. encoding: what it cannot hold becomes a question mark, in the rows too."""

    format: str
    scrape: Scrape
    form: Form = "csv"
    encoding: Encoding = "utf-8"
    name: str = ""

    @property
    def filename(self) -> str:
        """Its own name, or one as the scrapers give them."""
        if self.name:
            return self.name
        title = FORMATS[self.format].title
        return f"{title}_{self.scrape.at:%Y-%m-%d_%H-%M-%S}-{self.scrape.number:03}.{self.form}"

    def content(self, world: World) -> Iterator[bytes]:
        """The bytes, in blocks of about a megabyte; nothing more is held than the comments of a post."""
        encoder = codecs.getincrementalencoder(self.encoding)(errors="replace")
        held, size = [], 0
        for text in self._texts(world):
            held.append(text)
            size += len(text)
            if size >= _BLOCK:
                yield encoder.encode("".join(held))
                held, size = [], 0
        yield encoder.encode("".join(held), final=True)

    def rows(self, world: World) -> Iterator[Row]:
        """What each record tells, in the order of the file."""
        pieces = FORMATS[self.format].pieces(world, self.scrape, self.form)
        rows = (piece.row for piece in pieces if piece.row is not None)
        return rows if self.encoding.startswith("utf") else (_left(row, self.encoding) for row in rows)

    def _texts(self, world: World) -> Iterator[str]:
        pieces = FORMATS[self.format].pieces(world, self.scrape, self.form)
        first = True
        for piece in pieces:
            # Only UTF-8 has the mark of a preamble; other encodings have their own or none
            yield piece.text.removeprefix(_MARK) if first and self.encoding != "utf-8" else piece.text
            first = False


_R = TypeVar("_R", bound=Row)


def _left(row: _R, encoding: str) -> _R:
    """What an encoding leaves of a record."""

    def left(text: str) -> str:
        return text.encode(encoding, "replace").decode(encoding)

    match row:
        case CommentRow():
            nested = tuple(_left(reply, encoding) for reply in row.nested)
            return replace(row, text=left(row.text), author=left(row.author), nested=nested)
        case PostRow():
            return replace(row, caption=None if row.caption is None else left(row.caption))
        case OtherRow():
            return row
