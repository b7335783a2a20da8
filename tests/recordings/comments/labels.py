"""The labels of the recorded comments: by file, row and SHA-256 of the text, which stays in the recordings.

labels.csv has a random sample of 520 comments, drawn before any of the code was run, in four parts by file. Their half
is told by the hash, so that nobody chose it: the tuning half was looked at while lexicon and rules were written, the
held-out half was measured at the end. Whoever wrote the catalogue had read all 520, so names.csv has 200 more, drawn
and read for the entities that they name when catalogue and rules were done. languages.csv has 170 for which py3langid
or lingua doubted English.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from include.sources.comments.enrich import load
from tests.sources.comments.enrich.quality import Labelled, entities, languages

HERE = Path(__file__).parent
Half = Literal["tuning half", "held-out half"]
HALVES: tuple[Half, ...] = ("tuning half", "held-out half")
POSTS = "instagram_apify_posts_et/dataset_instagram-post-scraper_2025-11-26_04-34-50-076.csv"
VIDEOS = "youtube_product_wh1000xm5/youtube_videos.csv"
ROUNDING = 600
"""The media ids of one export are floats: so far they may be from the id."""


def labelled(recordings: Path, half: Half | None = None) -> list[Labelled]:
    """The labelled comments of a half, or of both. `recordings`: the folder that has `comments`."""
    exports = Exports(recordings)
    return [
        Labelled(
            exports.text(row),
            exports.caption(row),
            row["language"],
            row["sentiment"],
            frozenset(row["named"].split()),
            frozenset(row["about"].split()),
        )
        for row in rows("labels.csv")
        if half is None or half_of(row["sha256"]) == half
    ]


def half_of(sha256: str) -> Half:
    """The half of the comment whose text has this hash."""
    return HALVES[int(sha256, 16) % 2]


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a file of labels."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fresh(recordings: Path) -> list[Labelled]:
    """The comments that were drawn when the catalogue was done; of them only the named entities are labelled."""
    exports = Exports(recordings)
    return [
        Labelled(
            exports.text(row),
            exports.caption(row),
            "none",
            "neutral",
            frozenset(row["named"].split()),
            frozenset(),
        )
        for row in rows("names.csv")
    ]


def fresh_lines(recordings: Path) -> Iterator[str]:
    """The figures of named entities in them."""
    comments = fresh(recordings)
    yield f"recordings, drawn when the catalogue was done: {len(comments)} comments"
    yield from list(entities(comments, load()).lines())[:NAMED_LINES]


NAMED_LINES = 5
"""Lines of Entities that tell of named ones."""


def language_lines(recordings: Path) -> Iterator[str]:
    """The figures of the texts whose language is hard to tell."""
    from include.sources.comments.enrich.language import language_of

    exports = Exports(recordings)
    hard = [(exports.text(row), row["language"]) for row in rows("languages.csv")]
    yield f"recordings, hard languages: {len(hard)} comments"
    yield from languages(hard, language_of).lines()


class Exports:
    """The exports that labels point into, each read once."""

    def __init__(self, recordings: Path) -> None:
        self._folder = recordings / "comments"
        self._read: dict[str, tuple[str, list[dict[str, str]]]] = {}
        self._posts = {int(row["id"]): row["caption"] for row in self._rows(POSTS)[1]}
        self._videos = {row["id"]: row["title"] for row in self._rows(VIDEOS)[1]}

    def text(self, label: Mapping[str, str]) -> str:
        """The text that a label is of. Raises ValueError where it is another one than was labelled."""
        row = self._rows(label["file"])[1][int(label["row"])]
        text = row["text"] if "text" in row else row["comment"]
        if hashlib.sha256(text.encode()).hexdigest() != label["sha256"]:
            raise ValueError(
                f"row {label['row']} of {label['file']} has another text than the one that was labelled"
            )
        return text

    def caption(self, label: Mapping[str, str]) -> str:
        """The caption of the post, or the title of the video, under which the comment stands."""
        preamble, table = self._rows(label["file"])
        row = table[int(label["row"])]
        if preamble:
            return preamble.partition("\n")[2]
        if "videoId" in row:
            return self._videos[row["videoId"]]
        near = int(row["media_id"])
        return next(caption for post, caption in self._posts.items() if abs(post - near) < ROUNDING)

    def _rows(self, name: str) -> tuple[str, list[dict[str, str]]]:
        """What stands before the header of an export, and its rows."""
        if name not in self._read:
            text = (self._folder / name).read_bytes().decode("utf-8-sig")
            begins = text.index('\n"b') + 1 if "preamble" in name else 0
            table = list(csv.DictReader(io.StringIO(text[begins:], newline="")))
            self._read[name] = (text[:begins], table)
        return self._read[name]
