"""What a record of an export tells, in the terms of the tables: what a reader of the file can know, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sandbox.comments.world import Comment, Platform, Post


@dataclass(frozen=True, slots=True)
class CommentRow:
    """A comment as a record tells it; None is what the record does not tell.

    Attributes:
        platform: of the post.
        comment_id: the platform's, None where the format has none.
        post_id: the true one, whatever the record says of it.
        told_post_id: the record's own, where it is another: a media id that was rounded to a float64.
        parent_id: what it replies to, None for a direct comment and where the format cannot tell.
        author: account or name of the author.
        text: as the encoding of the file left it; empty where there is none.
        created_at: in UTC.
        likes, reply_count: as the platform counts them.
        nested: replies within the same record.
        comment: what is true of it.
    """

    platform: Platform
    comment_id: str | None
    post_id: str
    author: str
    text: str
    comment: Comment
    told_post_id: str | None = None
    parent_id: str | None = None
    created_at: datetime | None = None
    likes: int | None = None
    reply_count: int | None = None
    nested: tuple[CommentRow, ...] = ()


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post as a record tells it; None is what the record does not tell.

    rounded: likes and time are told as in "46k" and "November 20, 2025", and mean the value here.
    """

    platform: Platform
    post_id: str
    url: str
    post: Post
    caption: str | None = None
    posted_at: datetime | None = None
    likes: int | None = None
    views: int | None = None
    comments_declared: int | None = None
    rounded: bool = False


@dataclass(frozen=True, slots=True)
class OtherRow:
    """A record that is neither: an empty item, or what a scraper says of a page that it could not read."""

    content: str


Row = CommentRow | PostRow | OtherRow
