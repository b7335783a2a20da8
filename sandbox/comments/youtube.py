"""Exports of YouTube: two tables without ids of comments, and what the Data API tells."""

from __future__ import annotations

import html
from collections.abc import Iterator

from sandbox.comments.csv_text import needed
from sandbox.comments.formats import (
    CRLF,
    LF,
    Form,
    Format,
    Item,
    Items,
    Piece,
    seconds,
    told_time,
    with_replies,
)
from sandbox.comments.rows import CommentRow, PostRow, Row
from sandbox.comments.scrapes import Scrape, Seen, SeenPost, see
from sandbox.comments.world import Platform, World
from sandbox.sample.chance import share

_YOUTUBE: tuple[Platform, ...] = ("youtube",)
_CUT_SHORT = 0.06
COMMENT_COLUMNS = ("", "videoId", "comment", "author")
VIDEO_COLUMNS = ("", "id", "channel", "publishedAt", "title", "description", "views", "likes", "dislikes")
FULL_COLUMNS = (
    "commentId", "videoId", "parentId", "authorDisplayName", "authorChannelId", "textOriginal", "likeCount",
    "totalReplyCount", "publishedAt", "updatedAt",
)  # fmt: skip


class YoutubeComments(Format):
    """Direct comments and nothing of them but video, text and author."""

    name = "youtube_comments"
    platforms = _YOUTUBE
    title = "youtube_comments"

    def pieces(self, world: World, scrape: Scrape, form: Form = "csv") -> Iterator[Piece]:
        yield Piece(needed(COMMENT_COLUMNS, CRLF))
        number = 0
        for on in see(world, scrape):
            for seen in on.comments:
                text = seen.comment.text
                line = needed((str(number), on.post.id, text, seen.author), CRLF)
                number += 1
                yield Piece(line, CommentRow("youtube", None, on.post.id, seen.author, text, seen.comment))


class YoutubeVideos(Format):
    """Videos. Where figures are hidden the line ends after the description, and the last line has no end."""

    name = "youtube_videos"
    platforms = _YOUTUBE
    title = "youtube_videos"

    def pieces(self, world: World, scrape: Scrape, form: Form = "csv") -> Iterator[Piece]:
        before = needed(VIDEO_COLUMNS, LF)
        for number, on in enumerate(see(world, scrape)):
            yield Piece(before)
            post = on.post
            hidden = share("hidden", post.id) < _CUT_SHORT
            cells = [
                str(number),
                post.id,
                post.owner,
                post.posted_at.isoformat(sep=" "),
                post.subject,
                " ".join(on.caption.split()),
            ]
            if not hidden:
                cells += [str(on.views), str(on.likes), "0"]
            row = PostRow(
                "youtube",
                post.id,
                post.url,
                post,
                cells[5],
                post.posted_at,
                None if hidden else on.likes,
                None if hidden else on.views,
            )
            yield Piece(needed(cells, ""), row)
            before = LF


class YoutubeFull(Items):
    """What the Data API tells: as JSON its threads with up to five replies in them, as CSV a line for each comment.

    textDisplay is HTML, textOriginal what was written.
    """

    name = "youtube_full"
    platforms = _YOUTUBE
    title = "youtube_comment_threads"
    end = LF

    def columns(self, world: World, scrape: Scrape) -> list[str]:
        return list(FULL_COLUMNS)

    def pieces(self, world: World, scrape: Scrape, form: Form = "csv") -> Iterator[Piece]:
        if form != "csv":
            yield from super().pieces(world, scrape, form)
            return
        yield Piece(needed(FULL_COLUMNS, LF))
        for on in see(world, scrape):
            for seen, _ in with_replies(on.comments):
                row = _row(scrape, on, seen)
                at = seconds(row.created_at) or ""
                cells = (
                    seen.comment.id,
                    on.post.id,
                    row.parent_id or "",
                    seen.author,
                    _channel(world, seen),
                    row.text,
                    str(seen.likes),
                    "" if row.parent_id else str(seen.reply_count),
                    at,
                    at,
                )
                yield Piece(needed(cells, LF), row)

    def items(self, world: World, scrape: Scrape) -> Iterator[tuple[Item, Row]]:
        for on in see(world, scrape):
            for seen in on.comments:
                shown = seen.replies[:5]
                item = {
                    "kind": "youtube#commentThread",
                    "etag": seen.comment.id[::-1],
                    "id": seen.comment.id,
                    "snippet": {
                        "channelId": "UClanternweekly000000000",
                        "videoId": on.post.id,
                        "topLevelComment": _comment(world, scrape, on, seen),
                        "canReply": True,
                        "totalReplyCount": seen.reply_count,
                        "isPublic": True,
                    },
                }
                if shown:
                    item["replies"] = {"comments": [_comment(world, scrape, on, reply) for reply in shown]}
                yield item, _row(scrape, on, seen, tuple(_row(scrape, on, reply) for reply in shown))


def _row(scrape: Scrape, on: SeenPost, seen: Seen, nested: tuple[CommentRow, ...] = ()) -> CommentRow:
    comment = seen.comment
    return CommentRow(
        "youtube",
        comment.id,
        on.post.id,
        seen.author,
        comment.text,
        comment,
        parent_id=comment.parent.id if comment.parent else None,
        created_at=told_time(scrape, comment),
        likes=seen.likes,
        reply_count=None if comment.parent else seen.reply_count,
        nested=nested,
    )


def _comment(world: World, scrape: Scrape, on: SeenPost, seen: Seen) -> Item:
    comment = seen.comment
    at = seconds(told_time(scrape, comment))
    snippet: Item = {
        "channelId": "UClanternweekly000000000",
        "videoId": on.post.id,
        "textDisplay": html.escape(comment.text).replace("\r\n", "<br>").replace("\n", "<br>"),
        "textOriginal": comment.text,
        "authorDisplayName": seen.author,
        "authorProfileImageUrl": "https://cdn.example/a.jpg",
        "authorChannelUrl": f"http://www.youtube.com/@{seen.author}",
        "authorChannelId": {"value": _channel(world, seen)},
        "canRate": True,
        "viewerRating": "none",
        "likeCount": seen.likes,
        "publishedAt": at,
        "updatedAt": at,
    }
    if comment.parent:
        snippet["parentId"] = comment.parent.id
    return {"kind": "youtube#comment", "etag": comment.id[::-1], "id": comment.id, "snippet": snippet}


def _channel(world: World, seen: Seen) -> str:
    return f"UC{world.user_id(seen.comment.user):0>22}"
