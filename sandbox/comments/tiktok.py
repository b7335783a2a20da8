"""Exports of Apify's scraper of TikTok's comments."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sandbox.comments.csv_text import flat
from sandbox.comments.formats import Item, Items, milliseconds, told_time, with_repeats, with_replies
from sandbox.comments.rows import CommentRow, Row
from sandbox.comments.scrapes import Scrape, Seen, SeenPost, see
from sandbox.comments.world import World

COLUMNS = (
    "text", "diggCount", "replyCommentTotal", "createTimeISO", "uniqueId", "videoWebUrl", "uid", "cid",
    "avatarThumbnail", "createTime", "repliesToId", "likedByAuthor", "pinnedByAuthor", "input", "submittedVideoUrl",
)  # fmt: skip


class Tiktok(Items):
    """Comments with ids. Replies are items of their own, or (every other export) JSON within what they reply to."""

    name = "tiktok"
    platforms = ("tiktok",)
    title = "dataset_tiktok-comments-scraper"

    def columns(self, world: World, scrape: Scrape) -> list[str]:
        return [*COLUMNS, "replies"] if _nests(scrape) else list(COLUMNS)

    def lines(self, world: World, scrape: Scrape) -> Iterator[tuple[dict[str, str], Row]]:
        """Replies are JSON in a cell."""
        for item, row in self.items(world, scrape):
            replies = item.get("replies")
            yield flat({**item, "replies": msgspec.json.encode(replies).decode() if replies else None}), row

    def items(self, world: World, scrape: Scrape) -> Iterator[tuple[Item, Row]]:
        for on in see(world, scrape):
            yield from with_repeats(
                scrape, _nested(world, scrape, on) if _nests(scrape) else _listed(world, scrape, on)
            )


def _nested(world: World, scrape: Scrape, on: SeenPost) -> Iterator[tuple[Item, CommentRow]]:
    for seen in on.comments:
        replies = [_item(world, scrape, on, reply) for reply in seen.replies]
        item, row = _item(world, scrape, on, seen, tuple(told for _, told in replies))
        yield {**item, "replies": [reply for reply, _ in replies]}, row


def _listed(world: World, scrape: Scrape, on: SeenPost) -> Iterator[tuple[Item, CommentRow]]:
    return (_item(world, scrape, on, seen) for seen, _ in with_replies(on.comments))


def _nests(scrape: Scrape) -> bool:
    return scrape.number % 2 == 0


def _item(
    world: World, scrape: Scrape, on: SeenPost, seen: Seen, nested: tuple[CommentRow, ...] = ()
) -> tuple[Item, CommentRow]:
    comment = seen.comment
    at = told_time(scrape, comment)
    parent = comment.parent.id if comment.parent else None
    item = {
        "text": comment.text,
        "diggCount": seen.likes,
        "replyCommentTotal": seen.reply_count,
        "createTimeISO": milliseconds(at),
        "uniqueId": seen.author,
        "videoWebUrl": on.post.url,
        "uid": world.user_id(comment.user),
        "cid": comment.id,
        "avatarThumbnail": "https://cdn.example/a.jpg",
        "createTime": int(at.timestamp()) if at else None,
        "repliesToId": parent,
        "likedByAuthor": False,
        "pinnedByAuthor": False,
        "input": on.post.url,
        "submittedVideoUrl": on.post.url,
    }
    row = CommentRow(
        "tiktok",
        comment.id,
        on.post.id,
        seen.author,
        comment.text,
        comment,
        parent_id=parent,
        created_at=at,
        likes=seen.likes,
        reply_count=seen.reply_count,
        nested=nested,
    )
    return item, row
