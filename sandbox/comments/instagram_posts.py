"""Exports of Apify's scrapers of Instagram: posts in two shapes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

from sandbox.comments import ids
from sandbox.comments.csv_text import needed
from sandbox.comments.formats import CRLF, Form, Format, Item, Items, Piece, milliseconds
from sandbox.comments.rows import PostRow, Row
from sandbox.comments.scrapes import Scrape, Seen, SeenPost, see
from sandbox.comments.world import Platform, World
from sandbox.sample.chance import rng, share

_INSTAGRAM: tuple[Platform, ...] = ("instagram",)
_OWNER_ID = "221900000"
_HIDDEN_LIKES = 0.02
_PRECISE_BELOW = 10


def as_posted(caption: str) -> str:
    """A caption as the scrapers find it: a word joiner at each end of a line, and empty lines between paragraphs."""
    return "\u2060\n\u2060\n".join(caption.split("\n"))


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
