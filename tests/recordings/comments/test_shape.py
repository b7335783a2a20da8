"""The sample's exports have the shape of the recorded ones: header, quotes, ends of lines, and what cells hold."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.comments import ids
from sandbox.comments.esuit import HEADER
from sandbox.comments.exports import FORMATS, Export
from sandbox.comments.instagram import RAW_NARROW, RAW_USUAL, RAW_WIDE
from sandbox.comments.instagram_posts import POST_COLUMNS
from sandbox.comments.scrapes import Scrape
from sandbox.comments.world import World
from sandbox.comments.youtube import COMMENT_COLUMNS, VIDEO_COLUMNS

_PREAMBLE = "instagram_preamble_format_et_v1/dataset_instagram-comments-scraper"
RECORDED = {
    "esuit": "instagram_apify_posts_et/sample_esuit.csv",
    "apify_raw": "instagram_apify_raw_et/dataset_instagram-comments-scraper_2025-11-26_04-18-53-697.csv",
    "apify_posts": "instagram_apify_posts_et/dataset_instagram-post-scraper_2025-11-26_04-34-50-076.csv",
    "apify_metadata": "instagram_apify_posts_et/dataset_instagram-post-metadata-scraper_2025-11-26_05-43-22-399.csv",
    "youtube_comments": "youtube_product_wh1000xm5/youtube_comments.csv",
    "youtube_videos": "youtube_product_wh1000xm5/youtube_videos.csv",
    "raw_preamble wide": f"{_PREAMBLE}_2025-11-23_05-10-02-585.csv",
    "raw_preamble": f"{_PREAMBLE}_2025-11-23_05-16-50-355.csv",
}
HEADERS = {
    "esuit": HEADER,
    "apify_raw": RAW_NARROW,
    "apify_posts": POST_COLUMNS,
    "youtube_comments": COMMENT_COLUMNS,
    "youtube_videos": VIDEO_COLUMNS,
    "raw_preamble wide": RAW_WIDE,
    "raw_preamble": RAW_USUAL,
}
KINDS = (
    ("empty", r""),
    ("boolean", r"true|false"),
    ("seconds", r"1[67]\d{8}"),
    ("whole", r"-?\d+"),
    ("decimal", r"-?\d+\.\d+"),
    ("time", r"\d{4}-\d\d-\d\d[T ][\d:.]+(Z|\+00:00)?"),
    ("address", r"https?://\S+"),
    ("text", r"(?s).+"),
)


@dataclass
class Shape:
    """A CSV file as its bytes are, read by hand: Python's reader does not tell quotes and ends of lines."""

    mark: bool
    preamble: list[str]
    header: list[str] = field(default_factory=list)
    lengths: set[int] = field(default_factory=set)
    ends: set[str] = field(default_factory=set)
    last_end: str = ""
    blank_lines: int = 0
    quoted_without_need: int = 0
    bare: int = 0
    kinds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def shape(data: bytes) -> Shape:
    text = data.decode("utf-8-sig")
    start = re.search(r'^"[\w/]+"(,"[\w/]+"){5}', text, re.MULTILINE) if text.startswith("http") else None
    above, text = (text[: start.start()], text[start.start() :]) if start else ("", text)
    found = Shape(data.startswith(b"\xef\xbb\xbf"), above.split("\n")[:-1])
    place, row = 0, list[str]()
    cell = re.compile(r'"((?:[^"]|"")*)"|([^",\r\n]*)')
    while place < len(text) or row:
        match = cell.match(text, place)
        assert match is not None
        quoted, plain = match[1], match[2]
        if quoted is None:
            found.bare += bool(row)
        elif not re.search('[",\r\n]', quoted):
            found.quoted_without_need += 1
        row.append(plain if quoted is None else quoted.replace('""', '"'))
        place = match.end()
        end = re.compile(r",|\r\n|\n|\r|\Z").match(text, place)
        assert end is not None, text[place - 20 : place + 20]
        place = end.end()
        if end[0] != ",":
            found.ends.add(end[0])
            found.last_end = end[0]
            _take(found, row)
            row = []
    return found


def _take(found: Shape, row: list[str]) -> None:
    if row == [""]:
        found.blank_lines += 1
    elif not found.header:
        found.header = row
    else:
        found.lengths.add(len(row))
        for name, value in zip(found.header, row, strict=False):
            found.kinds[name].add(next(kind for kind, form in KINDS if re.fullmatch(form, value)))


@pytest.fixture(scope="module")
def world() -> World:
    return World(60_000, 7)


def exported(world: World, name: str, columns: int) -> Shape:
    """The sample's export of this format that has so many columns."""
    format_ = FORMATS[name]
    posts = [post for post in world.posts(0) if post.platform == format_.platforms[0]]
    most = sorted(posts, key=lambda post: -post.comments)[: 1 if format_.single else 60]
    for number in range(1, 20):
        export = Export(name, Scrape(number, world.midnight(0), [post.number for post in most], 1.0))
        found = shape(b"".join(export.content(world)))
        if len(found.header) == columns:
            return found
    raise AssertionError(f"no {name} with {columns} columns")


@pytest.fixture(scope="module", params=list(RECORDED))
def pair(request: pytest.FixtureRequest, recordings: Path, world: World) -> tuple[str, Shape, Shape]:
    """A format, the recorded export of it and the sample's."""
    recorded = shape((recordings / "comments" / RECORDED[request.param]).read_bytes())
    return request.param, recorded, exported(world, request.param.split()[0], len(recorded.header))


def test_the_header_is_the_recorded_one(pair: tuple[str, Shape, Shape]) -> None:
    name, recorded, made = pair
    assert made.header == recorded.header
    if name in HEADERS:
        assert list(HEADERS[name]) == recorded.header


def test_marks_quotes_and_ends_of_lines_are_the_recorded_ones(pair: tuple[str, Shape, Shape]) -> None:
    name, recorded, made = pair
    assert (made.mark, made.ends, made.blank_lines) == (recorded.mark, recorded.ends, recorded.blank_lines)
    assert made.last_end == recorded.last_end
    assert made.lengths <= recorded.lengths
    assert (
        bool(made.quoted_without_need)
        == bool(recorded.quoted_without_need)
        == name.startswith("raw_preamble")
    )
    assert bool(made.bare) == bool(recorded.bare)


def test_the_preamble_is_made_of_the_same_lines(pair: tuple[str, Shape, Shape]) -> None:
    name, recorded, made = pair
    assert bool(made.preamble) == bool(recorded.preamble) == name.startswith("raw_preamble")
    for found in (recorded, made) if recorded.preamble else ():
        assert re.fullmatch(r"https://www\.instagram\.com/p/[\w-]+", found.preamble[0])
        assert len(found.preamble) > 2 and all(found.preamble)
        assert any('"' in line and "," in line for line in found.preamble[1:]) or found is made


def test_cells_hold_what_the_recorded_ones_hold(pair: tuple[str, Shape, Shape]) -> None:
    name, recorded, made = pair
    # What the sample has and the recordings happen not to: replies, comments of a text alone, hidden likes
    told = {"parent_comment_id", "replied_to_comment_id", "reply_root_comment_id", "child_comment_index"}
    for column in recorded.header:
        if column in told:
            continue
        ours, theirs = made.kinds[column], recorded.kinds[column]
        if theirs == {"empty"}:
            assert ours == {"empty"}, column
        elif "text" not in theirs:
            assert ours - {"empty"} <= theirs | ({"whole"} if "seconds" in theirs else set()), (
                name,
                column,
                ours,
            )
            assert "empty" in theirs or "empty" not in ours or column == "Timestamp", (name, column, ours)


def test_recorded_media_ids_are_rounded_as_the_sample_rounds_them(recordings: Path) -> None:
    text = (recordings / "comments" / RECORDED["apify_raw"]).read_text(encoding="utf-8")
    found = set(re.findall(r",(37\d{17}),", text))
    assert len(found) > 10
    assert all(ids.rounded(number) == number for number in found)


def test_recorded_short_codes_are_the_recorded_ids(recordings: Path) -> None:
    text = (recordings / "comments" / RECORDED["apify_posts"]).read_text(encoding="utf-8")
    found = re.findall(r"^(\d{19}),([\w-]+),https", text, re.MULTILINE)
    assert len(found) == 100
    assert all(ids.short_code(number) == code for number, code in found)
