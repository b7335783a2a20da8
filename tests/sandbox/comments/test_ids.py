"""Ids look like the platforms' own, and those of two things are never alike."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sandbox.comments import ids
from sandbox.comments.world import World

FORMS = {
    "instagram": (r"\d{19}", r"1[78]\d{15}|18\d{15}"),
    "youtube": (r"[\w-]{11}", r"Ugx[\w-]{16}4AaABAg(\.[\w-]{16})?"),
    "tiktok": (r"7\d{18}", r"7\d{18}"),
    "facebook": (r"1\d{15}", r"1\d{15}_1\d{15}"),
    "reddit": (r"[0-9a-z]{1,11}", r"[0-9a-z]{1,11}"),
}


def decoded(code: str) -> int:
    number = 0
    for character in code:
        number = number * 64 + ids.BASE64URL.index(character)
    return number


def test_a_short_code_is_the_media_id_in_another_alphabet() -> None:
    assert ids.short_code("3770272429806644260") == "DRSssyVEuwk"
    assert decoded("DRSssyVEuwk") == 3770272429806644260


def test_a_media_id_tells_when_its_post_was_made() -> None:
    at = datetime(2025, 11, 25, 21, 35, 3, tzinfo=UTC)
    # Of a post of that minute
    assert abs(int(ids.media_id(at, 1)) - 3773920856741438614) >> 23 < 60_000


def test_a_number_that_went_through_a_float_ends_in_zeros() -> None:
    assert ids.rounded("3770272429806644260") == "3770272429806644000"
    assert ids.rounded("3770794239115552301") == "3770794239115552300"


def test_no_two_numbers_are_spread_to_the_same() -> None:
    numbers = [*range(50_000), *(post << 22 for post in range(50_000, 100_000))]
    assert len({ids.spread(number) for number in numbers}) == len(numbers)


def test_ids_have_the_form_of_their_platform_and_are_unique(world: World) -> None:
    posts, comments, total = set(), set(), 0
    for post in world.posts(0):
        of_post, of_comment = FORMS[post.platform]
        assert re.fullmatch(of_post, post.id), post
        assert post.id in post.url or decoded(post.short_code) == int(post.id)
        posts.add((post.platform, post.id))
        for comment in world.comments(post):
            assert re.fullmatch(of_comment, comment.id), comment.id
            comments.add((post.platform, comment.id))
            total += 1
    assert len(posts) == world.count(0)
    assert len(comments) == total > 2_500
