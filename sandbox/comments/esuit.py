"""Exports of ESUIT's browser extension: plain CSV, and CSV below the post's address and caption."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta, timezone

from sandbox.comments.csv_text import needed, quoted
from sandbox.comments.formats import CRLF, LF, Form, Format, Piece, plain, told_time, with_replies
from sandbox.comments.rows import CommentRow
from sandbox.comments.scrapes import Scrape, Seen, SeenPost, see
from sandbox.comments.world import World

HEADER = ("Post URL", "Caption", "Subject", "Username", "Comment", "Timestamp", "Likes")
PREAMBLE_HEADER = (
    "Id", "UserId", "Avatar", "Author", "Content", "CommentAt", "ReactionsCount", "SubCommentsCount", "Depth",
)  # fmt: skip
_ZONES = (None, UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=5)))


class Esuit(Format):
    """Direct comments of any platform, without ids. It ends with an empty line."""

    name = "esuit"
    platforms = ("facebook", "reddit", "instagram", "tiktok", "youtube")
    title = "esuit_comments"

    def pieces(self, world: World, scrape: Scrape, form: Form = "csv") -> Iterator[Piece]:
        yield Piece(needed(HEADER, LF))
        for on in see(world, scrape):
            for seen in on.comments:
                yield self._line(scrape, on, seen)
        yield Piece(LF)

    @staticmethod
    def _line(scrape: Scrape, on: SeenPost, seen: Seen) -> Piece:
        post, text = on.post, seen.comment.text
        at = told_time(scrape, seen.comment)
        cells = (post.url, on.caption, post.subject, seen.author, text, plain(at), str(seen.likes))
        row = CommentRow(
            post.platform, None, post.id, seen.author, text, seen.comment, created_at=at, likes=seen.likes
        )
        return Piece(needed(cells, LF), row)


class EsuitPreamble(Format):
    """Comments of one post with their ids, replies below what they reply to, after address and caption.

    Times have a zone in some exports, and are UTC without saying so in others.
    """

    name = "esuit_preamble"
    platforms = ("facebook", "instagram")
    single = True
    title = "esuit_export"

    def pieces(self, world: World, scrape: Scrape, form: Form = "csv") -> Iterator[Piece]:
        zone = _ZONES[scrape.number % len(_ZONES)]
        for on in see(world, scrape):
            yield Piece(preamble(on))
            yield Piece(quoted(PREAMBLE_HEADER, CRLF))
            for seen, depth in with_replies(on.comments):
                comment = seen.comment
                at = told_time(scrape, comment)
                told = plain(at) if zone is None or at is None else at.astimezone(zone).isoformat()
                user = world.user_id(comment.user)
                cells = (
                    comment.id,
                    user,
                    f"https://cdn.example/avatar/{user}.jpg",
                    seen.author,
                    comment.text,
                    told,
                    str(seen.likes),
                    str(seen.reply_count),
                    str(depth),
                )
                row = CommentRow(
                    on.post.platform,
                    comment.id,
                    on.post.id,
                    seen.author,
                    comment.text,
                    comment,
                    parent_id=comment.parent.id if comment.parent else None,
                    created_at=at,
                    likes=seen.likes,
                    reply_count=seen.reply_count,
                )
                yield Piece(quoted(cells, CRLF), row)


def preamble(on: SeenPost) -> str:
    """What stands above the header: a byte order mark, the address, and the caption as it was copied."""
    return "\n".join(("\ufeff" + on.post.url.rstrip("/"), *on.caption.splitlines(), ""))
