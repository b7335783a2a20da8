"""Exports of Apify's scrapers of Instagram: comments in three shapes, posts in two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from typing import Any, ClassVar

from sandbox.comments import ids
from sandbox.comments.csv_text import flat, needed, quoted
from sandbox.comments.esuit import preamble
from sandbox.comments.formats import (
    CRLF,
    Form,
    Format,
    Item,
    Items,
    Piece,
    milliseconds,
    told_time,
    with_repeats,
    with_replies,
)
from sandbox.comments.rows import CommentRow, PostRow, Row
from sandbox.comments.scrapes import Scrape, Seen, SeenPost, see
from sandbox.comments.world import Comment, Platform, World
from sandbox.sample.chance import pick, rng, share

_INSTAGRAM: tuple[Platform, ...] = ("instagram",)
_OWNER_ID = "221900000"
_HIDDEN_LIKES = 0.02
_RANKED = 90
_PRECISE_BELOW = 10


def as_posted(caption: str) -> str:
    """A caption as the scrapers find it: a word joiner at each end of a line, and empty lines between paragraphs."""
    return "\u2060\n\u2060\n".join(caption.split("\n"))


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


POST_COLUMNS = (
    "id", "shortCode", "url", "inputUrl", "type", "productType", "caption", "timestamp", "commentsCount",
    "likesCount", "isCommentsDisabled", "isSponsored", "ownerUsername", "ownerId", "ownerFullName", "videoDuration",
    "videoPlayCount", "videoViewCount", "hashtags/0", "mentions/0",
)  # fmt: skip
_TAGGED = 10


class ApifyPosts(Items):
    """Posts. As CSV with chosen columns, or (every third export) with every one: up to a thousand of them.

    Hidden likes are told as -1. The latest comments in an item are no records of their own.
    """

    name = "apify_posts"
    platforms = _INSTAGRAM
    title = "dataset_instagram-post-scraper"

    def columns(self, world: World, scrape: Scrape) -> list[str]:
        return list(POST_COLUMNS) if scrape.number % 3 else super().columns(world, scrape)

    def items(self, world: World, scrape: Scrape) -> Iterator[tuple[Item, Row]]:
        for on in see(world, scrape):
            post = on.post
            hidden = share("hidden", post.id) < _HIDDEN_LIKES
            row = PostRow(
                "instagram",
                post.id,
                post.url,
                post,
                as_posted(on.caption),
                post.posted_at,
                None if hidden else on.likes,
                on.views,
                on.declared,
            )
            yield _post(world, on, hidden), row


def _post(world: World, on: SeenPost, hidden: bool) -> Item:
    post = on.post
    chance = rng("post's", post.id)
    video = post.media == "Video"
    children = chance.randint(2, 10) if post.media == "Sidecar" else 0
    item: Item = {
        "id": post.id,
        "shortCode": post.short_code,
        "url": post.url,
        "inputUrl": f"https://www.instagram.com/{post.owner}/",
        "type": post.media,
        "productType": "clips" if video else None,
        "caption": as_posted(on.caption),
        "timestamp": milliseconds(post.posted_at),
        "commentsCount": on.declared,
        "likesCount": -1 if hidden else on.likes,
        "isCommentsDisabled": False,
        "isSponsored": False,
        "ownerUsername": post.owner,
        "ownerId": _OWNER_ID,
        "ownerFullName": "Lantern Weekly",
        "videoDuration": chance.randint(5_000, 90_000) / 1000 if video else None,
        "videoPlayCount": 3 * on.views if on.views is not None else None,
        "videoViewCount": on.views,
        "hashtags": [entity.hashtag for entity in post.subjects] if chance.happens(0.1) else [],
        "mentions": [post.subjects[0].handle] if chance.happens(0.1) else [],
        "firstComment": on.comments[-1].comment.text if on.comments else "",
        "latestComments": [_latest(world, seen) for seen in on.comments[:10]],
        "dimensionsHeight": 1350,
        "dimensionsWidth": 1080,
        "displayUrl": f"https://cdn.example/{post.id}.jpg",
        "images": [f"https://cdn.example/{post.id}/{number}.jpg" for number in range(children)],
        "alt": None,
        "taggedUsers": _tagged(post.id, 5 * children),
        "childPosts": [_child(post.id, post.short_code, number) for number in range(children)],
    }
    if video:
        item["musicInfo"] = {"artist_name": "MC Fjordlight", "song_name": "Tide", "uses_original_audio": True}
    return item


def _latest(world: World, seen: Seen) -> Item:
    comment = seen.comment
    user = world.user_id(comment.user)
    return {
        "id": comment.id,
        "text": comment.text,
        "ownerUsername": seen.author,
        "ownerProfilePicUrl": f"https://cdn.example/{user}.jpg",
        "timestamp": milliseconds(comment.created_at),
        "repliesCount": seen.reply_count,
        "replies": [],
        "likesCount": seen.likes,
        "owner": {"id": user, "is_verified": False, "profile_pic_url": "", "username": seen.author},
    }


def _tagged(of: str, count: int) -> list[Item]:
    return [
        {
            "full_name": f"Guest {number}",
            "id": str(ids.spread(int(of) % 10**9 + number)),
            "is_verified": False,
            "profile_pic_url": f"https://cdn.example/{number}.jpg",
            "username": f"guest.{number}",
        }
        for number in range(count)
    ]


def _child(of: str, code: str, number: int) -> dict[str, Any]:
    ident = str(int(of) + number + 1)
    return {
        "id": ident,
        "type": "Image",
        "shortCode": ids.short_code(ident),
        "caption": "",
        "hashtags": [],
        "mentions": [],
        "url": f"https://www.instagram.com/p/{code}/",
        "commentsCount": 0,
        "firstComment": "",
        "latestComments": [],
        "dimensionsHeight": 1350,
        "dimensionsWidth": 1080,
        "displayUrl": f"https://cdn.example/{ident}.jpg",
        "images": [],
        "alt": f"Photo {number}",
        "likesCount": None,
        "timestamp": None,
        "childPosts": [],
        "ownerId": _OWNER_ID,
        "taggedUsers": _tagged(ident, _TAGGED),
    }


_PREFIX = "Post_Metadata/"


class ApifyMetadata(Format):
    """Posts as their page's head tells them: likes as "46k", and the day as "November 20, 2025"."""

    name = "apify_metadata"
    platforms = _INSTAGRAM
    title = "dataset_instagram-post-metadata-scraper"

    def pieces(self, world: World, scrape: Scrape, form: Form = "csv") -> Iterator[Piece]:
        header = False
        for on in see(world, scrape):
            cells = _metadata(on)
            if not header:
                header = True
                yield Piece(needed(cells, CRLF))
            post = on.post
            day = datetime.combine(post.posted_at.date(), time(), UTC)
            row = PostRow(
                "instagram",
                post.id,
                post.url,
                post,
                cells["description"],
                day,
                _told(short(on.likes)),
                None,
                on.declared,
                rounded=True,
            )
            yield Piece(needed(cells.values(), CRLF), row)


def short(count: int) -> str:
    """A count as people are shown it: 532, 5.4k, 46k, 1.2m."""
    for unit, letter in ((1_000_000, "m"), (1_000, "k")):
        if count >= unit:
            value = count / unit
            return f"{value:.0f}{letter}" if value >= _PRECISE_BELOW else f"{value:.1f}{letter}"
    return str(count)


def _told(text: str) -> int:
    units = {"k": 1_000, "m": 1_000_000}
    return round(float(text[:-1]) * units[text[-1]]) if text[-1] in units else int(text)


def _metadata(on: SeenPost) -> dict[str, str]:
    post = on.post
    url = post.url.rstrip("/")
    day = f"{post.posted_at:%B} {post.posted_at.day}, {post.posted_at.year}"
    likes = short(on.likes)
    caption = as_posted(on.caption)
    shown = f'{likes.upper()} likes, {on.declared} comments - {post.owner} on {day}: "{caption}"'
    heads = {
        "al:android:app_name": "Instagram",
        "al:android:package": "com.instagram.android",
        "al:android:url": post.url,
        "al:ios:app_name": "Instagram",
        "al:ios:app_store_id": "389801252",
        "al:ios:url": f"instagram://media?id={post.id}",
        "apple-mobile-web-app-status-bar-style": "default",
        "application-title": "Instagram",
        "bingbot": "noarchive",
        "caption": f'Lantern Weekly on Instagram: "{caption}"',
        "color-scheme": "light",
        "description": shown,
        "fb:app_id": "124024574287414",
        "instapp:owner_user_id": _OWNER_ID,
        "medium": "image",
        "mobile-web-app-capable": "yes",
        "og:description": shown,
        "og:site_name": "Instagram",
        "og:title": f'Lantern Weekly on Instagram: "{caption}"',
        "og:type": "article",
        "og:url": f"https://www.instagram.com/{post.owner}/p/{post.short_code}/",
        "owner_user_id": _OWNER_ID,
        "robots": "noarchive, noimageindex",
        "shortcode": post.short_code,
        "theme-color": "#ffffff",
        "twitter:card": "summary_large_image",
        "twitter:maxage": "86400",
        "twitter:site": "@instagram",
        "twitter:title": f"Lantern Weekly (@{post.owner}) • Instagram photos and videos",
        "viewport": "width=device-width, initial-scale=1, minimum-scale=1, maximum-scale=1, viewport-fit=cover",
    }
    return {
        **{_PREFIX + name: value for name, value in heads.items()},
        "author_username": post.owner,
        "comments": str(on.declared),
        "description": " ".join(caption.split()),
        "feedback": "Post metadata extracted.",
        "likes": likes,
        "original_url": url,
        "upload_date": day,
    }
