"""The world is the same for a seed, and changes by days as the real one does."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import timedelta
from itertools import islice

import pytest

from sandbox.comments.exports import Export
from sandbox.comments.scrapes import Scrape
from sandbox.comments.world import FIRST_DAY, HISTORY, Comment, World


def told(comment: Comment) -> tuple[object, ...]:
    parent = comment.parent and comment.parent.id
    return comment.id, parent, comment.user, comment.said, comment.created_at, comment.likes, comment.gone_at


def all_comments(world: World, day: int = 0) -> list[Comment]:
    return [comment for post in world.posts(day) for comment in world.comments(post)]


def test_the_same_seed_makes_the_same_world_and_another_one_another(world: World) -> None:
    one, two = (list(map(told, all_comments(World(3_000, seed)))) for seed in (7, 8))
    assert list(map(told, all_comments(world))) == one != two


def test_a_post_is_the_same_whatever_was_made_before(world: World) -> None:
    assert World(3_000, 7).post(50) == world.post(50)


@pytest.mark.parametrize("size", [500, 3_000, 20_000])
def test_about_as_many_comments_as_asked_for_were_written_before_day_0(size: int) -> None:
    world = World(size, 3)
    now = world.midnight(0)
    written = sum(comment.created_at <= now for comment in all_comments(world))
    assert 0.6 * size < written < 1.6 * size


def test_a_world_without_comments_is_refused_and_one_with_few_has_its_posts() -> None:
    with pytest.raises(ValueError, match="a world of 0 comments cannot be"):
        World(0, 1)
    assert World(5, 1).count(0) == 2 * HISTORY


def test_every_platform_has_posts_on_day_0_and_new_ones_come_every_day(world: World) -> None:
    assert {post.platform for post in world.posts(0)} == {
        "instagram",
        "youtube",
        "tiktok",
        "facebook",
        "reddit",
    }
    assert world.count(1) - world.count(0) == world.posts_a_day
    assert world.midnight(0).date() == FIRST_DAY
    days = {(post.posted_at.date() - FIRST_DAY).days for post in world.posts(0)}
    assert days == set(range(-HISTORY, 0))


def test_likes_never_become_fewer_and_come_to_an_end(world: World) -> None:
    changed = 0
    for comment in all_comments(world):
        counts = [comment.likes_at(world.midnight(day)) for day in range(-HISTORY, 30)]
        assert counts == sorted(counts)
        assert counts[-1] == comment.likes
        changed += counts[HISTORY] != counts[HISTORY + 3]
    assert changed > 5


def test_most_comments_have_no_likes_and_a_few_have_many(world: World) -> None:
    likes = Counter(min(comment.likes, 100) for comment in all_comments(world))
    assert likes[0] > 0.6 * likes.total() and likes[100] > 3


def test_some_comments_vanish_and_their_replies_with_them(world: World) -> None:
    comments = all_comments(world)
    gone = [comment for comment in comments if comment.gone_at is not None]
    assert 0.01 < len(gone) / len(comments) < 0.06
    for comment in gone:
        assert comment.gone_at is not None and comment.gone_at >= comment.created_at
        assert not comment.there(comment.gone_at)
        assert all(reply.gone_at and reply.gone_at <= comment.gone_at for reply in comment.replies)


def test_replies_come_after_what_they_reply_to_and_are_counted_while_they_are_there(world: World) -> None:
    now = world.midnight(0)
    parents = [comment for comment in all_comments(world) if comment.replies]
    assert len(parents) > 100
    for comment in parents:
        assert comment.parent is None
        assert all(reply.created_at >= comment.created_at for reply in comment.replies)
        assert comment.replies_at(now) == sum(reply.there(now) for reply in comment.replies)


def test_comments_are_in_order_of_time_and_end_two_weeks_after_the_post(world: World) -> None:
    for post in world.posts(0):
        times = [comment.created_at for comment in world.comments(post)]
        assert times == sorted(times)
        assert not times or (post.posted_at <= times[0] and times[-1] <= post.posted_at + timedelta(days=14))


def test_users_are_renamed_and_no_two_are_ever_called_alike(world: World) -> None:
    users = [*range(5_000), *(comment.user for comment in all_comments(world))]
    days = [world.midnight(day) for day in (-20, 0, 3, 40)]
    names = {name: user for user in users for at in days for name in [world.username(user, at)]}
    assert all(world.username(user, at) in names for user in users for at in days)
    by_name = Counter(
        (name, user) for user in set(users) for name in {world.username(user, at) for at in days}
    )
    assert len({name for name, _ in by_name}) == len(by_name)
    renamed = sum(world.username(user, days[1]) != world.username(user, days[2]) for user in set(users))
    assert 0.0005 < renamed / len(set(users)) < 0.02


def test_some_captions_are_edited(world: World) -> None:
    edited = [post for post in world.posts(0) if post.edited_at is not None]
    assert edited
    for post in edited:
        assert post.edited_at is not None
        before, after = post.caption(post.posted_at), post.caption(post.edited_at)
        assert (before, after) == post.captions


def test_who_falls_from_grace_is_spoken_of_badly_from_then_on() -> None:
    world = World(40_000, 7)
    feelings: dict[bool, list[int]] = {True: [], False: []}
    begin, end = world.midnight(-3), world.midnight(0)
    for post in world.posts(0):
        if post.subjects[0].id == "ben-harlow":
            for comment in world.comments(post):
                for mention in comment.said.mentions:
                    if mention.entity == "ben-harlow" and comment.created_at < end:
                        feelings[comment.created_at >= begin].append(mention.sentiment)
    before, after = (sum(found) / len(found) for found in (feelings[False], feelings[True]))
    assert len(feelings[True]) > 20
    assert before > 0.3
    assert after < 0


def test_a_world_of_millions_is_made_post_by_post_without_being_held() -> None:
    world = World(5_000_000, 7)
    posts = [post.number for post in islice(world.posts(0), 80) if post.platform == "instagram"]
    export = Export("apify_raw", Scrape(1, world.midnight(0), posts, 1.0))
    tracemalloc.start()
    try:
        size = sum(map(len, export.content(world)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 1_500_000
    assert peak < 12_000_000
