"""Which exports people make on which day: everything at first, then each day what is young, and some of what is old."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count

from sandbox.comments.exports import FORMATS, Encoding, Export
from sandbox.comments.formats import Form
from sandbox.comments.scrapes import Scrape
from sandbox.comments.world import Platform, World

YOUNG_DAYS = 5
"""Posts are scraped again until they are so old."""
POSTS_IN_FILE = 200
_LEADS: dict[Platform, tuple[str, ...]] = {
    "instagram": ("apify_raw", "apify_comments", "apify_simple"),
    "youtube": ("youtube_full", "youtube_comments"),
    "tiktok": ("tiktok",),
    "facebook": ("esuit",),
    "reddit": ("esuit",),
}
_OF_POSTS: dict[Platform, str] = {"instagram": "apify_posts", "youtube": "youtube_videos"}
_SINGLES: dict[Platform, tuple[str, ...]] = {
    "instagram": ("raw_preamble", "esuit_preamble", "raw_preamble"),
    "facebook": ("esuit_preamble",),
}
_ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-8", "utf-8-sig", "utf-8", "utf-16", "cp1252")
BEFORE_MIDNIGHT = timedelta(hours=2)


def exports(world: World, day: int) -> Iterator[Export]:
    """The files of a day. Each is of posts of one platform, and most were in a file of the days before."""
    at = world.midnight(day) - BEFORE_MIDNIGHT
    known = world.count(day)
    young = range(0 if day == 0 else max(0, known - YOUNG_DAYS * world.posts_a_day), known)
    numbers = count(1000 * day)
    of: dict[Platform, dict[int, int]] = {platform: {} for platform in _LEADS}
    for post in map(world.post, young):
        if post.posted_at <= at:
            of[post.platform][post.number] = post.comments
    for platform, said in of.items():
        posts = list(said)
        formats = _LEADS[platform]
        for turn, chunk in enumerate(_chunks(posts, len(formats) if day == 0 else 1)):
            name = formats[(day + turn) % len(formats)]
            # Some scrapes see everything, so that what vanished can be told
            coverage = 1.0 if (day + turn) % 2 else None
            number, form = next(numbers), _form(name, day + turn)
            yield Export(name, Scrape(number, at, chunk, coverage), form, _encoding(name, form, number))
        if posts and platform in _OF_POSTS:
            for chunk in _chunks(posts, 1):
                number, of_posts = next(numbers), _OF_POSTS[platform]
                yield Export(of_posts, Scrape(number, at, chunk), "csv", _encoding(of_posts, "csv", number))
        most_said = sorted(said, key=lambda post: -said[post])
        for name, one in zip(_SINGLES.get(platform, ()), most_said, strict=False):
            number = next(numbers)
            yield Export(name, Scrape(number, at, (one,), 1.0), "csv", _encoding(name, "csv", number))
    few = list(of["instagram"])[-3:]
    if few:
        yield Export("apify_metadata", Scrape(next(numbers), at, few), name=f"export ({day}).csv")


def _chunks(posts: Sequence[int], least: int) -> Iterator[tuple[int, ...]]:
    """Posts divided among files, at least so many where there are enough."""
    size = max(1, min(POSTS_IN_FILE, -(-len(posts) // least)))
    for start in range(0, len(posts), size):
        yield tuple(posts[start : start + size])


def _form(name: str, turn: int) -> Form:
    forms = FORMATS[name].forms
    return forms[turn % len(forms)]


def _encoding(name: str, form: Form, number: int) -> Encoding:
    """What a person saves the file as; programs write UTF-8, as CSV with a mark or without."""
    if name.startswith("esuit"):
        return _ENCODINGS[number % len(_ENCODINGS)]
    marked = form == "csv" and not FORMATS[name].single and number % 3 == 0
    return "utf-8-sig" if marked else "utf-8"
