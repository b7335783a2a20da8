"""Read in columns or row by row, a file tells the same: rows, their lines and order, posts, and what is refused."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.sources.comments import columns, reading, shards
from include.sources.comments.people import People
from include.sources.comments.values import Unreadable, identifier, moment
from sandbox.comments import hostile, plan
from sandbox.comments.exports import FORMATS, Encoding, Export
from sandbox.comments.scrapes import Scrape
from sandbox.comments.world import FIRST_DAY, World
from tests.sources.comments.conftest import KEY

Told = tuple[list[dict[str, Any]], dict[str, list[Any]], list[str]]
WORLD = World(600, 3, FIRST_DAY)
HOSTILE = [kind for kind in get_args(hostile.Kind) if kind not in {"gzip_bomb", "zip_bomb", "names"}]


def tells(data: bytes) -> Told:
    """Reports of the contents of a file, its rows by their shard in order of their numbers, and its refused rows."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "landed").write_bytes(zstandard.compress(data))
        job = shards.Job(
            number=1,
            local=folder / "landed",
            origin="raw",
            name="a file",
            sha256="0",
            size=len(data),
            key=KEY,
            public=frozenset({"star"}),
        )
        reports, refused = [], []
        for report in shards.parse(job, folder):
            refused += report.spool.read_text().splitlines() if report.spool else []
            reports.append({**asdict(report), "spool": None})
        rows = {
            path.stem: pq.read_table(path).sort_by("seq").to_pylist() for path in folder.glob("*.parquet")
        }
        return reports, rows, refused


@contextmanager
def row_by_row() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_plain_rows", lambda *_: (None, 0, 0))
        yield


@contextmanager
def blocks_of(characters: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK_CHARACTERS", characters)
        yield


@contextmanager
def counted() -> Iterator[list[int]]:
    """How many rows were read in columns, and how many of these were doubtful, of each block."""
    found: list[int] = []
    plain = columns.comments

    def watched(*given: Any) -> columns.Many:
        many = plain(*given)
        found.extend([len(many.doubtful), -int(many.doubtful.sum())])
        return many

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "comments", watched)
        yield found


def export(name: str, encoding: Encoding = "utf-8") -> bytes:
    """A file of a format of the sample upstream."""
    platform = FORMATS[name].platforms[0]
    posts = [post.number for post in WORLD.posts(0) if post.platform == platform]
    scrape = Scrape(1, WORLD.midnight(0), posts[: 1 if FORMATS[name].single else 4], 1.0)
    return b"".join(Export(name, scrape, "csv", encoding).content(WORLD))


@pytest.mark.parametrize("encoding", get_args(Encoding))
@pytest.mark.parametrize("name", FORMATS)
def test_an_export_of_any_format_tells_the_same(name: str, encoding: Encoding) -> None:
    data = export(name, encoding)
    with row_by_row():
        told = tells(data)
    assert tells(data) == told
    with blocks_of(5_000):
        assert tells(data) == told


@pytest.mark.parametrize(
    "name",
    ["esuit", "apify_simple", "apify_comments", "apify_raw", "youtube_comments", "youtube_full", "tiktok"],
)
def test_nearly_all_rows_of_a_sound_export_are_read_in_columns(name: str) -> None:
    with counted() as found:
        reports, _, _ = tells(export(name))
    assert sum(found) > 0.8 * reports[0]["rows"]


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_tells_the_same(kind: hostile.Kind) -> None:
    for file in hostile.files(WORLD, kind):
        data = b"".join(file.content())
        with row_by_row():
            told = tells(data)
        assert tells(data) == told


def test_files_of_a_week_tell_the_same() -> None:
    for day in range(7):
        for each in plan.exports(WORLD, day):
            data = b"".join(each.content(WORLD))
            with row_by_row():
                told = tells(data)
            assert tells(data) == told


BASES = {
    name: export(name).decode("utf-8", "surrogateescape")[:6_000]
    for name in ("esuit", "esuit_preamble", "apify_raw", "apify_comments", "tiktok", "youtube_comments")
}
DAMAGE = st.one_of(
    st.sampled_from(
        ['"', '""', "\n", "\r", "\r\n", ",", "\0", "\udce9", "\ufeff", "@", "＠x", " ", "\n\n", ",,,,\n"]
    ),
    st.text(max_size=4),
)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(sorted(BASES)),
    st.lists(st.tuples(st.integers(0, 6_000), st.integers(0, 3), DAMAGE), max_size=4),
    st.sampled_from([1, 200, 1_500, reading.BLOCK_CHARACTERS]),
)
@example("apify_comments", [(0, 0, "\udce9")], 1)
def test_a_file_that_is_damaged_anywhere_tells_the_same(
    name: str, damages: list[tuple[int, int, str]], characters: int
) -> None:
    text = BASES[name]
    for place, gone, put in damages:
        text = text[:place] + put + text[place + gone :]
    data = text.encode("utf-8", "surrogateescape") if _is_utf8(text) else text.encode("utf-8", "replace")
    with row_by_row():
        told = tells(data)
    with blocks_of(characters):
        assert tells(data) == told


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


CELLS = ("1", "1763703292", "1763703292000", "", "null", "2025-11-21 05:34:52", "2025-02-30T00:00:00Z",
         "2025-11-21T05:34:52.000Z", "2025-11-21T05:34:52.5Z", "2025-11-21T24:00:00Z", "November 20, 2025", "-1",
         "1.5K", "x", "t1_abcdefghijk", "17847263706582740", "1.78472637E+16", "UgxKREWxIgDrw8w2e.9abcdefghijk",
         "undefined", "undefined00", "0", "3770272429806644260", "3770272429806644000", " 7 ", "\u00a0", "🔥", "é",
         "@star and @someone", "https://www.instagram.com/p/DRSssyVEuwk/", "[]",
         '[{"pk": "5", "text": "a"}]')  # fmt: skip
HEADERS = (
    "pk,media_id,text,created_at_utc,comment_like_count,parent_comment_id,user/username,child_comments",
    "Post URL,Caption,Subject,Username,Comment,Timestamp,Likes",
    "commentId,videoId,text,author,publishedAt,likeCount,replyCount,parentId",
    "id,link_id,body,author,created_utc,score,parent_id,permalink",
    "id,facebookUrl,text,date,likesCount,threadingDepth,replyToCommentId,profileName",
    "cid,text,createTimeISO,diggCount,uniqueId,videoWebUrl,awemeId,replies/0/cid,replies/0/text",
)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(HEADERS), st.data())
def test_whatever_stands_in_the_cells_the_rows_tell_the_same(header: str, data: st.DataObject) -> None:
    cell = st.sampled_from(CELLS)
    width = header.count(",") + 1
    rows = data.draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=12))
    text = header + "\n"
    for row in rows:
        text += ",".join('"' + each.replace('"', '""') + '"' for each in row) + "\n"
    with row_by_row():
        told = tells(text.encode())
    assert tells(text.encode()) == told


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from(CELLS), st.from_regex(columns._PLAIN_ID.replace("$", r"\Z"))), min_size=1
    )
)
def test_an_id_that_is_taken_as_it_is_is_what_the_rule_makes_of_it(cells: list[str]) -> None:
    made, doubtful = columns._ids(pa.array(cells))
    for cell, id_, in_doubt in zip(cells, made.to_pylist(), doubtful, strict=True):
        assert in_doubt or id_ == identifier(cell)


TIMES = st.one_of(
    st.from_regex(r"\A20[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{3})?Z?\Z"),
    st.from_regex(r"\A1[0-9]{9}\Z"),
)


@settings(deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=3))
def test_times_that_are_read_together_are_what_the_rule_makes_of_each(cells: list[str]) -> None:
    made, doubtful = columns._moments(pa.array(cells))
    for cell, at, in_doubt in zip(cells, made.cast(pa.int64()).to_pylist(), doubtful, strict=True):
        try:
            assert at == moment(cell) and not in_doubt
        except Unreadable:
            assert in_doubt


@settings(deadline=None)
@given(st.binary(max_size=200), st.from_regex(r"\A[a-z0-9_.]{10,90}\Z"))
def test_an_author_is_the_hmac_of_platform_and_handle(key: bytes, handle: str) -> None:
    made = hmac.new(key, f"tiktok:{handle}".encode(), hashlib.sha256).hexdigest()[:20]
    assert People(key).author("tiktok", handle) == made
