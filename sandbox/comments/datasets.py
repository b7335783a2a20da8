"""Apify's datasets: each is filled by a scraper that runs every day, and never loses an item."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from sandbox.comments.exports import FORMATS
from sandbox.comments.formats import Item, Items
from sandbox.comments.plan import BEFORE_MIDNIGHT, YOUNG_DAYS
from sandbox.comments.rows import OtherRow, Row
from sandbox.comments.scrapes import Scrape
from sandbox.comments.world import Platform, World
from sandbox.sample.chance import share

_EMPTY, _UNREADABLE = 0.15, 0.1


@dataclass(frozen=True, slots=True)
class Segment:
    """What the scraper of a day stored of one post: so many items, from the `start`-th on."""

    day: int
    post: int
    start: int
    count: int


@dataclass(slots=True)
class Dataset:
    """A dataset of one format.

    Attributes:
        id: as in addresses.
        name: after `USER~`, which may stand for the id.
        actor: the scraper's name.
        until: how many items there were after each day so far.
    """

    id: str
    name: str
    actor: str
    platform: Platform
    format: str
    number: int
    segments: list[Segment] = field(default_factory=list)
    until: list[int] = field(default_factory=list)


_SCRAPERS: tuple[tuple[str, str, str, Platform, str], ...] = (
    ("Q7fXk2LmPa9RsT4wZ", "instagram-comments", "instagram-comment-scraper", "instagram", "apify_comments"),
    ("b3NvYh8Uc1JdE6gKo", "instagram-raw", "instagram-comments-scraper", "instagram", "apify_raw"),
    ("zM5pWq0XiF2tCl7Dn", "instagram-posts", "instagram-post-scraper", "instagram", "apify_posts"),
    ("H9aRe4SvB6yOj1GuT", "tiktok-comments", "tiktok-comments-scraper", "tiktok", "tiktok"),
    ("L2kVn7CxQ8mIw3ZfP", "youtube-threads", "youtube-comments-api", "youtube", "youtube_full"),
)


IDS = tuple(each[0] for each in _SCRAPERS)
"""For the extra of the connection: `{"datasets": [...]}`."""
USER = "lantern"


class Datasets:
    """The datasets of a world, up to a day. Items are made when they are asked for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._all = tuple(Dataset(*about, number) for number, about in enumerate(_SCRAPERS, 1))

    def __iter__(self) -> Iterator[Dataset]:
        return iter(self._all)

    def find(self, name: str) -> Dataset | None:
        """The dataset of an id or of USER~NAME."""
        return next((each for each in self._all if name in {each.id, f"{USER}~{each.name}"}), None)

    def count(self, dataset: Dataset, day: int) -> int:
        """How many items there are after a day."""
        while len(dataset.until) <= day:
            self._run(dataset, len(dataset.until))
        return dataset.until[day]

    def items(self, dataset: Dataset, start: int, stop: int) -> list[Item]:
        """The items from number `start` to before `stop`, as they are stored."""
        return [item for item, _ in self.stored(dataset, start, stop)]

    def stored(self, dataset: Dataset, start: int, stop: int) -> Iterator[tuple[Item, Row]]:
        """The same with what each of them tells."""
        first = max(0, bisect_right([segment.start for segment in dataset.segments], start) - 1)
        for segment in dataset.segments[first:]:
            if segment.start >= stop:
                return
            for place, pair in enumerate(self._of_post(dataset, segment.day, segment.post), segment.start):
                if start <= place < stop:
                    yield pair

    def _run(self, dataset: Dataset, day: int) -> None:
        """The scraper's run of a day: at first of every post, then of those that are young."""
        known = self._world.count(day)
        posts = range(0 if day == 0 else max(0, known - YOUNG_DAYS * self._world.posts_a_day), known)
        chosen = [number for number in posts if self._world.post(number).platform == dataset.platform]
        counts = [sum(1 for _ in self._of_post(dataset, day, number)) for number in chosen]
        before = dataset.until[-1] if dataset.until else 0
        for number, count, total in zip(chosen, counts, accumulate(counts, initial=before), strict=False):
            dataset.segments.append(Segment(day, number, total, count))
        dataset.until.append(before + sum(counts))

    def _of_post(self, dataset: Dataset, day: int, number: int) -> Iterator[tuple[Item, Row]]:
        """What a run stores of a post: its items, the first with a hidden field; some are empty, some tell an error."""
        at = self._world.midnight(day) - BEFORE_MIDNIGHT
        scrape = Scrape(1_000_000 * dataset.number + day, at, (number,), 1.0 if day % 2 else None)
        format_ = FORMATS[dataset.format]
        assert isinstance(format_, Items)
        for place, (item, row) in enumerate(format_.items(self._world, scrape)):
            yield item if place else {**item, "#debug": {"day": day, "requestId": f"r{number}"}}, row
        if share("empty", dataset.id, day, number) < _EMPTY:
            yield {}, OtherRow("{}")
        if share("unreadable", dataset.id, day, number) < _UNREADABLE:
            item = {
                "url": self._world.post(number).url,
                "error": "no_items",
                "errorDescription": "Empty or private data",
            }
            yield item, OtherRow(str(item))


def cleaned(item: Item) -> Item:
    """An item without hidden fields."""
    return {key: value for key, value in item.items() if not key.startswith("#")}


def described(dataset: Dataset, count: int, clean: int, modified_at: str) -> dict[str, Any]:
    """What the API tells of a dataset itself."""
    return {
        "id": dataset.id,
        "name": dataset.name,
        "userId": "lAnTeRn0000000000",
        "createdAt": "2026-10-01T08:00:00.000Z",
        "modifiedAt": modified_at,
        "accessedAt": modified_at,
        "itemCount": count,
        "cleanItemCount": clean,
        "actId": dataset.actor,
        "actRunId": None,
        "stats": {"readCount": 0, "writeCount": count, "storageBytes": 0},
    }
