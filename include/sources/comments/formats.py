"""The formats of exports, told by the columns that they have: which column says what.

A format is found by its columns alone, whatever the file is called. Scrapers drift: columns come and go, so a format
needs only those that make it what it is, and of each thing that it tells the first column that is there and filled
counts. Columns are compared in lower case; those of JSON items are their paths, `user/username`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from include.sources.comments.values import FACEBOOK, INSTAGRAM, REDDIT, TIKTOK, YOUTUBE

Kind = Literal["comments", "posts"]

COMMENT_ROLES = (
    "id", "post", "code", "url", "parent", "depth", "author", "text", "time", "likes", "replies", "caption",
    "subject", "nested",
)  # fmt: skip
POST_ROLES = ("id", "code", "url", "caption", "subject", "time", "likes", "views", "declared")
LEFT_OUT = frozenset({"likes", "replies", "views", "declared", "nested", "depth", "parent"})
"""What a row may lack that ends early: all else would make another row of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One kind of export."""

    name: str
    platform: str
    kind: Kind
    needs: tuple[tuple[str, ...], ...]
    """Groups of columns; at least one of each group is there."""
    lacks: tuple[str, ...] = ()
    """Columns of another format, which has all that this one needs besides."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of each role the columns that may tell it, the best first."""

    def fits(self, columns: frozenset[str]) -> bool:
        """Whether an export with these columns (in lower case) is of this format."""
        return all(columns.intersection(group) for group in self.needs) and not columns.intersection(
            self.lacks
        )


FORMATS = (
    Format(
        name="esuit",
        platform=INSTAGRAM,
        kind="comments",
        needs=(("post url",), ("username",), ("comment",)),
        columns={
            "id": ("comment id",),
            "url": ("post url",),
            "caption": ("caption",),
            "subject": ("subject",),
            "author": ("username",),
            "text": ("comment",),
            "time": ("timestamp",),
            "likes": ("likes",),
        },
    ),
    Format(
        name="esuit_export",
        platform=INSTAGRAM,
        kind="comments",
        needs=(("id",), ("content",), ("commentat",)),
        columns={
            "id": ("id",),
            "url": ("post url", "posturl"),
            "depth": ("depth",),
            "author": ("author",),
            "text": ("content",),
            "time": ("commentat",),
            "likes": ("reactionscount",),
            "replies": ("subcommentscount",),
        },
    ),
    Format(
        name="tiktok",
        platform=TIKTOK,
        kind="comments",
        needs=(("cid",), ("text",), ("videoweburl", "diggcount", "createtimeiso")),
        columns={
            "id": ("cid",),
            "post": ("awemeid", "aweme_id", "videoid"),
            "url": ("videoweburl", "submittedvideourl"),
            "parent": ("repliestoid", "replies_to_id"),
            "author": ("uniqueid", "user/uniqueid", "user/unique_id"),
            "text": ("text",),
            "time": ("createtimeiso", "createtime"),
            "likes": ("diggcount", "digg_count"),
            "replies": ("replycommenttotal", "reply_comment_total"),
            "nested": ("replies", "replycomments", "reply_comments"),
        },
    ),
    Format(
        name="apify_raw",
        platform=INSTAGRAM,
        kind="comments",
        needs=(
            ("pk",),
            ("text",),
            ("created_at_utc", "created_at"),
            ("media_id", "comment_like_count", "user_id"),
        ),
        columns={
            "id": ("pk", "strong_id__"),
            "post": ("media_id",),
            "code": ("shortcode", "code", "media/code"),
            "url": ("post_url", "posturl", "url", "inputurl"),
            "parent": ("parent_comment_id", "reply_root_comment_id"),
            "author": ("user/username", "username", "user.username"),
            "text": ("text",),
            "time": ("created_at_utc", "created_at"),
            "likes": ("comment_like_count", "like_count"),
            "replies": ("child_comment_count",),
            "nested": ("child_comments", "preview_child_comments"),
        },
    ),
    Format(
        name="facebook",
        platform=FACEBOOK,
        kind="comments",
        needs=(("facebookurl", "facebookid"), ("text",), ("date", "timestamp")),
        columns={
            "id": ("id", "commentid"),
            "post": ("facebookid", "postid"),
            "url": ("facebookurl", "posturl", "inputurl"),
            "depth": ("threadingdepth",),
            "parent": ("replytocommentid",),
            "author": ("profileid", "profilename", "profileurl"),
            "text": ("text",),
            "time": ("date", "timestamp"),
            "likes": ("likescount",),
            "replies": ("commentscount",),
            "caption": ("posttitle",),
        },
    ),
    Format(
        name="reddit",
        platform=REDDIT,
        kind="comments",
        needs=(("body",), ("link_id", "postid", "permalink", "posturl", "url"), ("created_utc", "createdat")),
        columns={
            "id": ("id", "parsedid", "name"),
            "post": ("link_id", "postid"),
            "url": ("posturl", "permalink", "url"),
            "parent": ("parent_id", "parentid"),
            "author": ("author", "username"),
            "text": ("body",),
            "time": ("created_utc", "createdat"),
            "likes": ("score", "upvotes", "ups"),
            "replies": ("numberofreplies", "num_replies"),
            "caption": ("link_title",),
        },
    ),
    Format(
        name="youtube",
        platform=YOUTUBE,
        kind="comments",
        needs=(
            ("videoid", "video_id", "video id", "video url"),
            ("comment", "text", "textdisplay", "textoriginal", "content", "comment text"),
            ("author", "authordisplayname", "author_name", "username", "author name"),
        ),
        columns={
            "id": ("commentid", "comment_id", "comment id", "cid", "id"),
            "post": ("videoid", "video_id", "video id"),
            "url": ("pageurl", "video url", "videourl", "url"),
            "parent": ("parentid", "parent_id", "parent id", "replytocid"),
            "author": ("author", "authordisplayname", "author_name", "author name", "username"),
            "text": ("comment", "text", "textoriginal", "textdisplay", "content", "comment text"),
            "time": (
                "publishedat",
                "published_at",
                "published time",
                "published",
                "updatedat",
                "updated_at",
                "date",
            ),
            "likes": ("likecount", "like_count", "likes", "votecount", "like count"),
            "replies": ("replycount", "reply_count", "totalreplycount", "reply count"),
            "caption": ("title", "video title", "videotitle"),
            "nested": ("replies",),
        },
    ),
    Format(
        name="apify_comments",
        platform=INSTAGRAM,
        kind="comments",
        needs=(("posturl", "commenturl"), ("id",), ("ownerusername",), ("text",), ("timestamp",)),
        columns={
            "id": ("id",),
            "url": ("posturl", "commenturl", "inputurl"),
            "parent": ("parentcommentid",),
            "author": ("ownerusername",),
            "text": ("text",),
            "time": ("timestamp",),
            "likes": ("likescount",),
            "replies": ("repliescount",),
            "nested": ("replies",),
        },
    ),
    Format(
        name="apify_simple",
        platform=INSTAGRAM,
        kind="comments",
        needs=(("shortcode", "posturl", "url"), ("ownerusername",), ("text",), ("timestamp",)),
        columns={
            "id": ("id", "commentid"),
            "code": ("shortcode",),
            "url": ("posturl", "url", "inputurl"),
            "parent": ("parentcommentid",),
            "caption": ("caption",),
            "author": ("ownerusername",),
            "text": ("text",),
            "time": ("timestamp",),
            "likes": ("likescount",),
            "replies": ("repliescount",),
        },
    ),
    Format(
        name="apify_posts",
        platform=INSTAGRAM,
        kind="posts",
        needs=(("shortcode",), ("timestamp",), ("commentscount", "likescount")),
        lacks=("text",),
        columns={
            "id": ("id",),
            "code": ("shortcode",),
            "url": ("url",),
            "caption": ("caption",),
            "time": ("timestamp",),
            "likes": ("likescount",),
            "views": ("videoplaycount", "videoviewcount"),
            "declared": ("commentscount",),
        },
    ),
    Format(
        name="apify_post_metadata",
        platform=INSTAGRAM,
        kind="posts",
        needs=(("original_url",), ("upload_date",)),
        columns={
            "code": ("post_metadata/shortcode",),
            "url": ("original_url", "post_metadata/og:url"),
            "caption": ("description",),
            "time": ("upload_date",),
            "likes": ("likes",),
            "declared": ("comments",),
        },
    ),
    Format(
        name="youtube_videos",
        platform=YOUTUBE,
        kind="posts",
        needs=(
            ("id", "videoid", "video_id"),
            ("title",),
            ("publishedat", "published_at", "date"),
            ("views", "viewcount", "view_count"),
        ),
        lacks=("comment", "text"),
        columns={
            "id": ("videoid", "video_id", "id"),
            "url": ("url",),
            "caption": ("title",),
            "time": ("publishedat", "published_at", "date"),
            "likes": ("likes", "likecount", "like_count"),
            "views": ("views", "viewcount", "view_count"),
            "declared": ("commentscount", "commentcount", "comment_count"),
        },
    ),
)
BY_NAME = {each.name: each for each in FORMATS}


def column(name: str) -> str:
    """A column's name as formats compare it."""
    return " ".join(name.replace("\ufeff", "").split()).lower()


def detect(columns: Iterable[str]) -> Format | None:
    """The format of an export with these columns; None for one that is not known."""
    there = frozenset(map(column, columns))
    return next((each for each in FORMATS if each.fits(there)), None)


@dataclass(frozen=True, slots=True)
class Header:
    """A format as one file has it: the places of its columns, by role, and how many columns a row has."""

    format: Format
    places: tuple[tuple[int, ...], ...]
    """Of each role of the format's kind, in order; empty where no column tells it."""
    width: int
    least: int
    """So many cells a row has at least in which nothing is missing but counts."""
    nested: tuple[tuple[tuple[str, int], ...], ...] = ()
    """Of each reply that may stand within a row, replies/0/text and so on: its columns and their places."""

    @property
    def wanted(self) -> list[int]:
        """The places of all columns that tell something, and of the first."""
        told = {place for where in self.places for place in where}
        return sorted({0} | told | {place for reply in self.nested for _, place in reply})

    @classmethod
    def of(cls, columns: Sequence[str]) -> Header | None:
        """The header of a table; None where it is that of no format."""
        found = detect(columns)
        if found is None:
            return None
        place: dict[str, int] = {}
        for index, name in enumerate(columns):
            place.setdefault(column(name), index)
        roles = roles_of(found)
        places = tuple(
            tuple(place[name] for name in found.columns.get(role, ()) if name in place) for role in roles
        )
        needed = [
            max(where) for role, where in zip(roles, places, strict=True) if where and role not in LEFT_OUT
        ]
        inner: dict[str, list[tuple[str, int]]] = {}
        for name, index in place.items():
            outer, _, rest = name.partition("/")
            number, _, of_reply = rest.partition("/")
            if outer in found.columns.get("nested", ()) and number.isdecimal() and of_reply:
                inner.setdefault(f"{outer}/{number}", []).append((of_reply, index))
        nested = tuple(map(tuple, inner.values()))
        return cls(found, places, len(columns), max(needed, default=0) + 1, nested)


def roles_of(found: Format) -> tuple[str, ...]:
    """What a row of a format may tell."""
    return COMMENT_ROLES if found.kind == "comments" else POST_ROLES
