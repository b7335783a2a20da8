"""Which files people make on which day."""

from __future__ import annotations

from collections import Counter

from sandbox.comments import plan
from sandbox.comments.exports import FORMATS
from sandbox.comments.world import World


def test_the_first_days_have_every_format_and_form(world: World) -> None:
    exports = [export for day in range(6) for export in plan.exports(world, day)]
    made = {(export.format, export.form) for export in exports}
    assert made >= {
        (name, form) for name, format_ in FORMATS.items() if len(format_.forms) == 1 for form in ("csv",)
    }
    assert {name for name, _ in made} == set(FORMATS)
    assert {form for _, form in made} == {"csv", "json", "jsonl"}
    assert {export.encoding for export in exports} == {"utf-8", "utf-8-sig", "utf-16", "cp1252"}


def test_day_0_has_every_post_and_later_days_those_that_are_young(world: World) -> None:
    at = world.midnight(0) - plan.BEFORE_MIDNIGHT
    scraped = {number for export in plan.exports(world, 0) for number in export.scrape.posts}
    assert scraped == {post.number for post in world.posts(0) if post.posted_at <= at}
    for day in (1, 4):
        numbers = {number for export in plan.exports(world, day) for number in export.scrape.posts}
        oldest = world.midnight(day - plan.YOUNG_DAYS)
        assert all(world.post(number).posted_at >= oldest for number in numbers)


def test_scrapes_of_two_days_overlap_and_most_comments_are_seen_twice(world: World) -> None:
    posts = [
        {number for export in plan.exports(world, day) for number in export.scrape.posts} for day in (1, 2)
    ]
    assert len(posts[0] & posts[1]) > len(posts[0]) / 2


def test_a_file_has_posts_of_one_platform_and_names_of_files_do_not_repeat(world: World) -> None:
    exports = [export for day in range(4) for export in plan.exports(world, day)]
    for export in exports:
        assert {world.post(number).platform for number in export.scrape.posts} <= set(
            FORMATS[export.format].platforms
        )
        assert not FORMATS[export.format].single or len(export.scrape.posts) == 1
    assert max(Counter(export.filename for export in exports).values()) == 1
    assert max(Counter(export.scrape.number for export in exports).values()) == 1


def test_of_a_large_world_no_file_has_more_posts_than_a_file_may() -> None:
    world = World(100_000, 7)
    exports = list(plan.exports(world, 0))
    assert max(len(export.scrape.posts) for export in exports) <= plan.POSTS_IN_FILE
    assert len(exports) > 10
