"""Exports of Apify's scrapers of Instagram: comments in four shapes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from sandbox.comments import ids
from sandbox.comments.csv_text import flat, quoted
from sandbox.comments.esuit import preamble
from sandbox.comments.formats import (
    CRLF,
    Form,
    Item,
    Items,
    Piece,
    milliseconds,
    told_time,
    with_repeats,
    with_replies,
)
from sandbox.comments.instagram_posts import as_posted
from sandbox.comments.rows import CommentRow, Row
from sandbox.comments.scrapes import Scrape, Seen, SeenPost, see
from sandbox.comments.world import Comment, Platform, World
from sandbox.sample.chance import pick

_INSTAGRAM: tuple[Platform, ...] = ("instagram",)
_RANKED = 90


class ApifySimple(Items):
    """Comments without ids, each with its post. Replies stand among direct comments, and nothing tells them."""

    name = "apify_simple"
    platforms = _INSTAGRAM
    title = "dataset_instagram-scraper"

    def columns(self, world: World, scrape: Scrape) -> list[str]:
        return ["shortCode", "url", "caption", "ownerUsername", "text", "timestamp", "likesCount"]

    def items(self, world: World, scrape: Scrape) -> Iterator[tuple[Item, Row]]:
        for on in see(world, scrape):
            for seen, _ in with_replies(on.comments):
                at = told_time(scrape, seen.comment)
                yield (
                    {
                        "shortCode": on.post.short_code,
                        "url": on.post.url,
                        "caption": as_posted(on.caption),
                        "ownerUsername": seen.author,
                        "text": seen.comment.text,
                        "timestamp": milliseconds(at),
                        "likesCount": seen.likes,
                    },
                    CommentRow(
                        "instagram",
                        None,
                        on.post.id,
                        seen.author,
                        seen.comment.text,
                        seen.comment,
                        created_at=at,
                        likes=seen.likes,
                    ),
                )


class ApifyComments(Items):
    """Comments with ids, as the comment scraper documents its items; replies within the comment they reply to."""

    name = "apify_comments"
    platforms = _INSTAGRAM
    title = "dataset_instagram-comment-scraper"

    def items(self, world: World, scrape: Scrape) -> Iterator[tuple[Item, Row]]:
        for on in see(world, scrape):
            yield from with_repeats(scrape, (self._item(world, scrape, on, seen) for seen in on.comments))

    def _item(self, world: World, scrape: Scrape, on: SeenPost, seen: Seen) -> tuple[Item, CommentRow]:
        comment, at = seen.comment, told_time(scrape, seen.comment)
        replies = [self._item(world, scrape, on, reply) for reply in seen.replies]
        user = world.user_id(comment.user)
        item = {
            "postUrl": on.post.url,
            "commentUrl": f"{on.post.url}c/{comment.id}",
            "id": comment.id,
            "text": comment.text,
            "ownerUsername": seen.author,
            "ownerProfilePicUrl": f"https://cdn.example/{user}.jpg",
            "timestamp": milliseconds(at),
            "repliesCount": seen.reply_count,
            "replies": [reply for reply, _ in replies],
            "likesCount": seen.likes,
            "owner": {"id": user, "username": seen.author, "is_private": _odd(comment, 2)},
        }
        row = CommentRow(
            "instagram",
            comment.id,
            on.post.id,
            seen.author,
            comment.text,
            comment,
            parent_id=comment.parent.id if comment.parent else None,
            created_at=at,
            likes=seen.likes,
            reply_count=seen.reply_count,
            nested=tuple(reply for _, reply in replies),
        )
        return item, row


RAW_NARROW = (
    "bit_flags", "comment_like_count", "content_type", "created_at", "created_at_for_fb_app", "created_at_utc",
    "did_report_as_spam", "has_disliked_comment", "has_liked", "has_liked_comment", "has_translation",
    "inline_composer_display_condition", "is_covered", "is_photo_comments_enabled_for_comment_author",
    "is_ranked_comment", "like_count", "media_id", "pk", "private_reply_status", "share_enabled", "status",
    "strong_id__", "text", "type", "user/fbid_v2", "user/full_name", "user/id", "user/is_mentionable",
    "user/is_private", "user/is_verified", "user/latest_reel_media", "user/pk", "user/pk_id", "user/strong_id__",
    "user/username", "user_id",
)  # fmt: skip
RAW_USUAL = (
    "bit_flags", "child_comment_count", "comment_index", "comment_like_count", "content_type", "created_at",
    "created_at_for_fb_app", "created_at_utc", "did_report_as_spam", "has_disliked_comment", "has_liked_comment",
    "has_more_head_child_comments", "has_more_tail_child_comments", "has_translation",
    "inline_composer_display_condition", "is_covered", "is_ranked_comment", "media_id", "num_head_child_comments",
    "pk", "private_reply_status", "share_enabled", "status", "strong_id__", "text", "type", "user/fbid_v2",
    "user/full_name", "user/id", "user/is_mentionable", "user/is_private", "user/is_verified",
    "user/latest_reel_media", "user/pk", "user/pk_id", "user/strong_id__", "user/username", "user_id",
)  # fmt: skip
RAW_WIDE = (
    "background_color", "background_color_alpha", "bit_flags", "carousel_child_mentions", "child_comment_count",
    "child_comment_index", "comment_has_a_visual_reply_media", "comment_index", "comment_like_count", "content_type",
    "created_at", "created_at_for_fb_app", "created_at_utc", "did_report_as_spam", "fb_mentioned_users",
    "giphy_media_info", "has_disliked_comment", "has_liked_comment", "has_more_head_child_comments",
    "has_more_tail_child_comments", "has_translation", "imagine_create_media_info",
    "inline_composer_display_condition", "is_covered", "is_created_by_media_owner", "is_liked_by_media_owner",
    "is_pinned", "is_ranked_comment", "media_id", "next_max_child_cursor", "next_min_child_cursor",
    "num_head_child_comments", "num_tail_child_comments", "parent_comment_id", "parent_comment_index", "pk",
    "private_reply_status", "replied_to_comment_id", "reply_root_comment_id", "restricted_status", "share_enabled",
    "show_fanclub_badge", "status", "strong_id__", "text", "text_app_xpost_permalink", "text_app_xposted_media_id",
    "text_color", "text_size", "type", "user/coeff_weight", "user/fbid_v2", "user/full_name",
    "user/has_onboarded_to_text_post_app", "user/id", "user/is_active", "user/is_mentionable", "user/is_private",
    "user/is_verified", "user/latest_reel_media", "user/pk", "user/pk_id", "user/social_context",
    "user/strong_id__", "user/username", "user_id",
)  # fmt: skip
_OF_REPLIES = ("parent_comment_id", "replied_to_comment_id", "reply_root_comment_id", "child_comment_index")
_NEVER_FILLED = [name for name in RAW_WIDE if name not in {*RAW_USUAL, *_OF_REPLIES}]


def _drift(number: int) -> tuple[str, ...]:
    """The columns of an export: 36, 38, or up to 56, as the app's answers happen to be."""
    with_replies_too = {*RAW_USUAL, *_OF_REPLIES}
    variants: tuple[Iterable[str], ...] = (
        RAW_NARROW,
        RAW_USUAL,
        with_replies_too | {*_NEVER_FILLED[:6]},
        with_replies_too | {*_NEVER_FILLED[:14]},
    )
    return tuple(sorted(variants[pick(len(variants), "drift", number)]))


class ApifyRaw(Items):
    """Comments as the app's own answers have them: media_id rounded to a float64, and no address of the post.

    Which columns there are drifts from file to file. Only those with a column for what is replied to have replies.
    """

    name = "apify_raw"
    platforms = _INSTAGRAM
    title = "dataset_instagram-comments-scraper"
    exact: ClassVar[bool] = False

    def drift(self, scrape: Scrape) -> tuple[str, ...]:
        return _drift(scrape.number)

    def columns(self, world: World, scrape: Scrape) -> list[str]:
        return list(self.drift(scrape))

    def items(self, world: World, scrape: Scrape) -> Iterator[tuple[Item, Row]]:
        columns = self.drift(scrape)
        for on in see(world, scrape):
            for item, row in with_repeats(scrape, self.of_post(world, scrape, on)):
                yield _selected(item, columns), row

    def lines(self, world: World, scrape: Scrape) -> Iterator[tuple[dict[str, str], Row]]:
        for on in see(world, scrape):
            for item, row in with_repeats(scrape, self.of_post(world, scrape, on)):
                yield flat(item), row

    def of_post(self, world: World, scrape: Scrape, on: SeenPost) -> Iterator[tuple[Item, CommentRow]]:
        """Each comment with everything that the app may tell of it."""
        columns = self.drift(scrape)
        replies = "parent_comment_id" in columns
        for index, (seen, depth) in enumerate(with_replies(on.comments)):
            if depth and not replies:
                continue
            comment = seen.comment
            at = comment.created_at
            media = on.post.id if self.exact else ids.rounded(on.post.id)
            parent = comment.parent.id if comment.parent else None
            row = CommentRow(
                "instagram",
                comment.id,
                on.post.id,
                seen.author,
                comment.text,
                comment,
                told_post_id=media if media != on.post.id else None,
                parent_id=parent,
                created_at=at,
                likes=seen.likes,
                reply_count=seen.reply_count if "child_comment_count" in columns else None,
            )
            yield _raw(world, seen, index, media, parent), row


class RawPreamble(ApifyRaw):
    """The same of one post, below its address and caption, every cell quoted, with the exact media_id."""

    name = "raw_preamble"
    forms = ("csv",)
    single = True
    exact = True

    def drift(self, scrape: Scrape) -> tuple[str, ...]:
        return (RAW_USUAL, RAW_WIDE)[pick(2, "drift", scrape.number)]

    def pieces(self, world: World, scrape: Scrape, form: Form = "csv") -> Iterator[Piece]:
        columns = self.drift(scrape)
        for on in see(world, scrape):
            yield Piece(preamble(on))
            yield Piece(quoted(columns, CRLF))
            for item, row in self.of_post(world, scrape, on):
                cells = flat(item)
                yield Piece(quoted([cells.get(column, "") for column in columns], CRLF), row)


def _raw(world: World, seen: Seen, index: int, media: str, parent: str | None) -> Item:
    comment = seen.comment
    created = int(comment.created_at.timestamp())
    user = world.user_id(comment.user)
    private = _odd(comment, 2)
    replies = seen.reply_count or None
    return {
        "bit_flags": 0,
        "child_comment_count": seen.reply_count,
        "child_comment_index": 0 if parent else None,
        "comment_index": index,
        "comment_like_count": seen.likes,
        "content_type": "comment",
        "created_at": created,
        "created_at_for_fb_app": created,
        "created_at_utc": created,
        "did_report_as_spam": False,
        "has_disliked_comment": False,
        "has_liked": False,
        "has_liked_comment": False,
        "has_more_head_child_comments": True if replies else None,
        "has_more_tail_child_comments": False if replies else None,
        "has_translation": True if comment.said.language not in {"en", None} else None,
        "inline_composer_display_condition": "never",
        "is_covered": _odd(comment, 5),
        "is_photo_comments_enabled_for_comment_author": False,
        "is_ranked_comment": index < _RANKED,
        "like_count": seen.likes,
        "media_id": int(media),
        "num_head_child_comments": replies,
        "parent_comment_id": parent,
        "pk": comment.id,
        "private_reply_status": 0,
        "replied_to_comment_id": parent,
        "reply_root_comment_id": parent,
        "share_enabled": True,
        "status": "Active",
        "strong_id__": comment.id,
        "text": comment.text,
        "type": 0 if parent is None else 2,
        "user": {
            "fbid_v2": f"1{user}5",
            "full_name": "",
            "id": user,
            "is_mentionable": not _odd(comment, 4),
            "is_private": private,
            "is_verified": _odd(comment, 33),
            "latest_reel_media": None if private else 0 if _odd(comment, 3) else created + 3600,
            "pk": user,
            "pk_id": user,
            "strong_id__": user,
            "username": seen.author,
        },
        "user_id": user,
    }


def _selected(item: Item, columns: tuple[str, ...]) -> Item:
    """The item with these of its columns, those that it lacks as null."""
    found: Item = {}
    for column in columns:
        outer, _, inner = column.partition("/")
        if inner:
            found.setdefault(outer, {})[inner] = item[outer].get(inner)
        else:
            found[outer] = item.get(outer)
    return found


def _odd(comment: Comment, one_in: int) -> bool:
    """Whether something is so of a comment's author, as it is of one in so many."""
    return ids.spread(comment.user) % one_in == 0
