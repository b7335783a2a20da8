"""What a scrape sees of the world."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from sandbox.comments.scrapes import Scrape, Seen, see
from sandbox.comments.world import World


def every(comments: tuple[Seen, ...]) -> Iterator[Seen]:
    for seen in comments:
        yield seen
        yield from every(seen.replies)


def test_a_whole_scrape_sees_every_comment_that_is_there_as_it_is(world: World) -> None:
    at = world.midnight(0)
    for on in see(world, Scrape(1, at, range(world.count(0)), 1.0)):
        seen = {each.comment.id: each for each in every(on.comments)}
        there = {each.id: each for each in world.comments(on.post) if each.there(at)}
        assert set(seen) == set(there)
        for ident, each in seen.items():
            comment = there[ident]
            assert each.author == world.username(comment.user, at)
            assert (each.likes, each.reply_count) == (comment.likes_at(at), comment.replies_at(at))
        assert on.declared >= len(seen)
        assert on.caption == on.post.caption(at)
        times = [each.comment.created_at for each in on.comments]
        assert times == sorted(times, reverse=True)


def test_other_scrapes_capture_24_to_97_percent_of_a_post(world: World) -> None:
    shares = []
    for on in see(world, Scrape(5, world.midnight(0), range(world.count(0)))):
        if on.declared > 60:
            shares.append(sum(1 for _ in every(on.comments)) / on.declared)
    assert len(shares) > 10
    assert 0.1 < min(shares) < 0.5
    assert 0.7 < max(shares) < 1


def test_no_reply_is_captured_without_what_it_replies_to(world: World) -> None:
    for on in see(world, Scrape(6, world.midnight(0), range(world.count(0)), 0.5)):
        direct = {each.comment.id for each in on.comments}
        for each in every(on.comments):
            parent = each.comment.parent
            assert each.comment.id in direct if parent is None else parent.id in direct


def test_a_scrape_stops_when_it_has_enough(world: World) -> None:
    scrape = Scrape(7, world.midnight(0), range(world.count(0)), 1.0, most=50)
    assert sum(1 for on in see(world, scrape) for _ in every(on.comments)) == 50


@pytest.mark.parametrize("days", [1, 3])
def test_between_two_scrapes_comments_come_go_and_change(days: int) -> None:
    world = World(20_000, 3)
    before = world.midnight(0)
    after = before + timedelta(days=days)
    scrapes = [Scrape(number, at, range(world.count(0)), 1.0) for number, at in enumerate((before, after))]
    first, second = (
        {each.comment.id: each for on in see(world, scrape) for each in every(on.comments)}
        for scrape in scrapes
    )
    both = first.keys() & second.keys()
    assert second.keys() - both and first.keys() - both
    assert all(second[ident].likes >= first[ident].likes for ident in both)
    assert any(second[ident].likes > first[ident].likes for ident in both)
    assert any(second[ident].author != first[ident].author for ident in both)


def test_a_post_that_is_not_there_yet_is_not_seen(world: World) -> None:
    post = world.post(10)
    assert list(see(world, Scrape(1, post.posted_at - timedelta(seconds=1), (10,)))) == []
    assert [on.post for on in see(world, Scrape(1, post.posted_at, (10,)))] == [post]
