"""What a scrape sees: which comments below which posts, as they are at its time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.comments.world import Comment, Post, World
from sandbox.sample.chance import rng, share

LEAST_CAPTURED, MOST_CAPTURED = 0.24, 0.97


@dataclass(frozen=True, slots=True)
class Scrape:
    """One visit to some posts.

    Attributes:
        number: tells two scrapes of the same posts at the same time apart.
        at: when it was.
        posts: numbers of the posts, all of a platform.
        coverage: which share of the comments it captured; None for one of its own for each post, from 24 to 97 percent.
        most: it stops after so many comments; None never.
    """

    number: int
    at: datetime
    posts: Sequence[int]
    coverage: float | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A comment as a scrape saw it. replies: those below it that the scrape captured too."""

    comment: Comment
    author: str
    likes: int
    reply_count: int
    replies: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenPost:
    """A post as a scrape saw it. comments: direct ones, the newest first. declared: the platform's own count."""

    post: Post
    caption: str
    likes: int
    views: int | None
    declared: int
    comments: tuple[Seen, ...]


def see(world: World, scrape: Scrape) -> Iterator[SeenPost]:
    """The posts that were there, one by one."""
    left = scrape.most
    for number in scrape.posts:
        post = world.post(number)
        if post.posted_at > scrape.at:
            continue
        seen = _see_post(world, scrape, post, left)
        if left is not None:
            left -= sum(1 + len(each.replies) for each in seen.comments)
        yield seen


def _see_post(world: World, scrape: Scrape, post: Post, most: int | None) -> SeenPost:
    coverage = scrape.coverage
    if coverage is None:
        at = share(world.seed, "coverage", scrape.number, post.number)
        coverage = LEAST_CAPTURED + (MOST_CAPTURED - LEAST_CAPTURED) * at
    chance = rng(world.seed, "captured", scrape.number, post.number).random
    there, captured = 0, set[int]()
    comments = world.comments(post)
    for comment in comments:
        visible = comment.there(scrape.at)
        there += visible
        # A reply is shown below what it replies to, so that one is captured too
        known = comment.parent is None or comment.parent.number in captured
        if chance() < coverage and visible and known and (most is None or len(captured) < most):
            captured.add(comment.number)

    def seen(comment: Comment) -> Seen:
        return Seen(
            comment,
            world.username(comment.user, scrape.at),
            comment.likes_at(scrape.at),
            comment.replies_at(scrape.at),
            tuple(seen(reply) for reply in comment.replies if reply.number in captured),
        )

    direct = (
        comment for comment in reversed(comments) if comment.parent is None and comment.number in captured
    )
    return SeenPost(
        post,
        post.caption(scrape.at),
        post.likes_at(scrape.at),
        post.views_at(scrape.at),
        there + (there + 19) // 20,
        tuple(map(seen, direct)),
    )
