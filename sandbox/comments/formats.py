"""What every format of export has in common: a stream of text, and of what each record in it tells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec

from sandbox.comments.csv_text import flat, needed
from sandbox.comments.rows import CommentRow, Row
from sandbox.comments.scrapes import Scrape, Seen
from sandbox.comments.world import Comment, Platform, World
from sandbox.sample.chance import share

Form = Literal["csv", "json", "jsonl"]
CRLF, LF = "\r\n", "\n"
_UNTIMED = 0.01
_REPEATED = 0.004

Item = dict[str, Any]


class Piece(NamedTuple):
    """A part of a file, and the record that it is; None for a header and the like."""

    text: str
    row: Row | None = None


class Format(ABC):
    """One of the formats of the contract.

    Attributes:
        name: of the format.
        platforms: those whose posts it can have; a file has posts of one.
        forms: how a file of it may be written.
        single: whether a file is about one post.
        title: how the names of its files begin.
    """

    name: ClassVar[str]
    platforms: ClassVar[tuple[Platform, ...]]
    forms: ClassVar[tuple[Form, ...]] = ("csv",)
    single: ClassVar[bool] = False
    title: ClassVar[str]

    @abstractmethod
    def pieces(self, world: World, scrape: Scrape, form: Form = "csv") -> Iterator[Piece]:
        """The file of a scrape. Raises ValueError for a form that the format has not."""


class Items(Format):
    """A format whose records are JSON items, and whose CSV is made of them."""

    forms: ClassVar[tuple[Form, ...]] = ("csv", "json", "jsonl")
    end: ClassVar[str] = CRLF

    @abstractmethod
    def items(self, world: World, scrape: Scrape) -> Iterator[tuple[Item, Row]]:
        """Each item and what it tells."""

    def columns(self, world: World, scrape: Scrape) -> list[str]:
        """The header: every column that some item of the file fills, in the order in which they come."""
        found: dict[str, None] = {}
        for cells, _ in self.lines(world, scrape):
            found |= dict.fromkeys(cells)
        return list(found)

    def lines(self, world: World, scrape: Scrape) -> Iterator[tuple[dict[str, str], Row]]:
        """Each item as cells of CSV by their column, and what it tells. Cells without a column are left out."""
        return ((flat(item), row) for item, row in self.items(world, scrape))

    def pieces(self, world: World, scrape: Scrape, form: Form = "csv") -> Iterator[Piece]:
        if form == "csv":
            columns = self.columns(world, scrape)
            yield Piece(needed(columns, self.end))
            for cells, row in self.lines(world, scrape):
                yield Piece(needed([cells.get(column, "") for column in columns], self.end), row)
            return
        before, between, after = ("[", ",\n", "]") if form == "json" else ("", "\n", "\n")
        yield Piece(before)
        for number, (item, row) in enumerate(self.items(world, scrape)):
            yield Piece((between if number else "") + msgspec.json.encode(item).decode(), row)
        yield Piece(after)


def told_time(scrape: Scrape, comment: Comment) -> datetime | None:
    """When a comment was written, where the scrape tells it: of one in a hundred it does not."""
    untimed = share("untimed", scrape.number, comment.id) < _UNTIMED
    return None if untimed else comment.created_at


def with_repeats(
    scrape: Scrape, pairs: Iterable[tuple[Item, CommentRow]]
) -> Iterator[tuple[Item, CommentRow]]:
    """Each item, some twice in a row: while a scraper pages, what it has read moves onto the next page."""
    for item, row in pairs:
        yield item, row
        if share("repeated", scrape.number, row.comment.id) < _REPEATED:
            yield item, row


def with_replies(comments: tuple[Seen, ...]) -> Iterator[tuple[Seen, int]]:
    """Each comment with its depth, replies right below what they reply to."""
    for seen in comments:
        yield seen, 0
        for reply in seen.replies:
            yield reply, 1


def milliseconds(at: datetime | None) -> str | None:
    """A time as JavaScript writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z") if at else None


def seconds(at: datetime | None) -> str | None:
    """A time in UTC as the API of YouTube writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def plain(at: datetime | None) -> str:
    """A time in UTC that does not say so; empty for none."""
    return at.strftime("%Y-%m-%d %H:%M:%S") if at else ""
