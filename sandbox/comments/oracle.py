"""The truth to compare a build with: what is known of each comment and post after some files were taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.comments.rows import CommentRow, OtherRow, PostRow, Row
from sandbox.comments.world import Comment, Platform, Post

Key = tuple[Platform, str]


@dataclass(slots=True)
class KnownComment:
    """A comment after some files. Times are those of scrapes; None is what no file told.

    Attributes:
        comment: what is true of it: its meaning too, in `comment.said`.
        id_given: whether a record had the platform's id.
        texts: as the records tell it: one, but where an encoding lost something.
        authors: names in order of the scrapes, each once.
        likes, reply_count: by the newest scrape that told them.
    """

    comment: Comment
    first_seen: datetime
    last_seen: datetime
    id_given: bool = False
    texts: set[str] = field(default_factory=set)
    authors: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    parent_id: str | None = None
    likes: int | None = None
    reply_count: int | None = None


@dataclass(slots=True)
class KnownPost:
    """A post after some files; figures and caption by the newest scrape that told them."""

    post: Post
    first_seen: datetime
    last_seen: datetime
    row: PostRow | None = None


@dataclass(slots=True)
class Known:
    """Everything after some files, in memory: for worlds of some thousand comments.

    Attributes:
        comments: by platform and the platform's own id, whether a file told it or not.
        posts: those that some record is of, and those below which some comment is.
        records: how many each file has, nested replies not counted, by its name.
        nested: how many replies stand within records, by file.
        others: how many records are neither comment nor post, by file.
    """

    comments: dict[Key, KnownComment] = field(default_factory=dict)
    posts: dict[Key, KnownPost] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    nested: dict[str, int] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)


def know(taken: Iterable[tuple[str, datetime, Iterable[Row]]]) -> Known:
    """What is known after these: each a name, when its scrape was, and its rows, in order of the scrapes."""
    known = Known()
    for name, at, rows in taken:
        known.records[name] = known.nested[name] = known.others[name] = 0
        for row in rows:
            known.records[name] += 1
            match row:
                case CommentRow():
                    for each in unnested(row):
                        _take_comment(known, at, each)
                    known.nested[name] += sum(1 for _ in unnested(row)) - 1
                case PostRow():
                    _seen_post(known, row.post, at).row = row
                case OtherRow():
                    known.others[name] += 1
    return known


def unnested(row: CommentRow) -> Iterator[CommentRow]:
    """A comment and every reply within its record."""
    yield row
    for reply in row.nested:
        yield from unnested(reply)


def _take_comment(known: Known, at: datetime, row: CommentRow) -> None:
    comment = row.comment
    _seen_post(known, comment.post, at)
    key = (comment.post.platform, comment.id)
    found = known.comments.get(key)
    if found is None:
        found = known.comments[key] = KnownComment(comment, at, at)
    found.last_seen = at
    found.id_given |= row.comment_id is not None
    found.texts.add(row.text)
    if row.author not in found.authors:
        found.authors.append(row.author)
    found.created_at = found.created_at or row.created_at
    found.parent_id = found.parent_id or row.parent_id
    found.likes = found.likes if row.likes is None else row.likes
    found.reply_count = found.reply_count if row.reply_count is None else row.reply_count


def _seen_post(known: Known, post: Post, at: datetime) -> KnownPost:
    key = (post.platform, post.id)
    found = known.posts.get(key)
    if found is None:
        found = known.posts[key] = KnownPost(post, at, at)
    found.last_seen = at
    return found
