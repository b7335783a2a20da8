"""Every format can be read back, and says cell by cell what its rows say."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from sandbox.comments import ids
from sandbox.comments.exports import FORMATS, Encoding, Export
from sandbox.comments.formats import Form
from sandbox.comments.instagram import RAW_USUAL, RAW_WIDE
from sandbox.comments.instagram_posts import POST_COLUMNS
from sandbox.comments.rows import CommentRow, PostRow
from sandbox.comments.scrapes import Scrape
from sandbox.comments.world import Platform, World
from sandbox.comments.youtube import FULL_COLUMNS
from tests.sandbox.comments import reading

EVERY = [(name, form) for name, format_ in FORMATS.items() for form in format_.forms]


def export(
    world: World,
    name: str,
    form: Form = "csv",
    number: int = 0,
    encoding: Encoding = "utf-8",
    platform: str = "",
) -> Export:
    """The fullest export of a format: of all posts of a platform, or of the one of which most is said."""
    platform = platform or FORMATS[name].platforms[0]
    posts = [post for post in world.posts(0) if post.platform == platform]
    if FORMATS[name].single:
        posts = sorted(posts, key=lambda post: -post.comments)[:1]
    scrape = Scrape(number, world.midnight(0), [post.number for post in posts], 1.0)
    return Export(name, scrape, form, encoding)


def comment_rows(export: Export, world: World) -> list[CommentRow]:
    return [row for row in export.rows(world) if isinstance(row, CommentRow)]


def post_rows(export: Export, world: World) -> list[PostRow]:
    return [row for row in export.rows(world) if isinstance(row, PostRow)]


def flat(rows: list[CommentRow]) -> Iterator[CommentRow]:
    for row in rows:
        yield row
        yield from row.nested


@pytest.mark.parametrize(("name", "form"), EVERY)
def test_every_record_is_a_row_in_the_same_order(world: World, name: str, form: Form) -> None:
    file = export(world, name, form)
    text = reading.text_of(file, world)
    rows = list(file.rows(world))
    if form != "csv":
        records: list[Any] = reading.items(text, form)
    else:
        text = text.removeprefix("\ufeff")
        above = next((n for n, line in enumerate(text.split("\n")) if line.startswith(('"Id"', '"b'))), 0)
        records = reading.table(text, above if FORMATS[name].single else 0).records
    assert len(records) == len(rows) > 5
    for record, row in zip(records, rows, strict=True):
        content = json.dumps(record, ensure_ascii=False)
        known = row.comment.id if isinstance(row, CommentRow) and row.comment_id else None
        assert known is None or known in content
        if isinstance(row, CommentRow):
            assert json.dumps(row.text, ensure_ascii=False) in content


ENDS = {
    "esuit": "\n", "esuit_preamble": "\r\n", "apify_simple": "\r\n", "apify_comments": "\r\n", "apify_raw": "\r\n",
    "raw_preamble": "\r\n", "apify_posts": "\r\n", "apify_metadata": "\r\n", "youtube_comments": "\r\n",
    "youtube_videos": "\n", "youtube_full": "\n", "tiktok": "\r\n",
}  # fmt: skip
"""How each format ends its lines."""


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_quotes_and_ends_of_lines(world: World, name: str) -> None:
    whole = reading.text_of(export(world, name), world)
    header = (
        whole[whole.index('"Id"' if name == "esuit_preamble" else '"b') :] if FORMATS[name].single else whole
    )
    first = header.split("\n")[0] + "\n"
    assert first.endswith(ENDS[name]) and first.endswith("\r\n") == ENDS[name].endswith("\r\n")
    assert (first[0] == '"') == FORMATS[name].single
    unquoted = re.sub(r'"[^"]*"', "", header)
    assert ('"' in unquoted) is False
    ends = {re.sub(r"[^\r\n]", "", line) for line in unquoted.splitlines(keepends=True)}
    assert ends - {""} == {ENDS[name]}


@pytest.mark.parametrize("platform", FORMATS["esuit"].platforms)
def test_esuit(world: World, platform: Platform) -> None:
    file = export(world, "esuit", platform=platform)
    text = reading.text_of(file, world)
    assert text.endswith("\n\n") and "\n" in text.splitlines(keepends=True)[0]
    table = reading.table(text)
    assert table.header == ["Post URL", "Caption", "Subject", "Username", "Comment", "Timestamp", "Likes"]
    rows = comment_rows(file, world)
    for record, row in zip(table.records, rows, strict=True):
        assert record["Post URL"] == row.comment.post.url
        assert record["Caption"] == row.comment.post.caption(file.scrape.at)
        assert record["Username"] == row.author
        assert record["Comment"] == row.text == row.comment.text
        assert reading.moment(record["Timestamp"]) == row.created_at
        assert int(record["Likes"]) == row.likes
        assert row.comment_id is None and row.comment.parent is None


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("platform", FORMATS["esuit_preamble"].platforms)
def test_esuit_below_a_preamble(world: World, platform: Platform, number: int) -> None:
    file = export(world, "esuit_preamble", number=number, platform=platform)
    post = world.post(file.scrape.posts[0])
    text = reading.text_of(file, world)
    lines = post.caption(file.scrape.at).split("\n")
    assert text.startswith(f"\ufeff{post.url.rstrip('/')}\n{lines[0]}\n")
    table = reading.table(text, 1 + len(lines))
    assert table.preamble[1:] == lines
    assert table.header == [
        "Id", "UserId", "Avatar", "Author", "Content", "CommentAt", "ReactionsCount", "SubCommentsCount", "Depth",
    ]  # fmt: skip
    rows = comment_rows(file, world)
    assert {record["Depth"] for record in table.records} == {"0", "1"}
    above = None
    for record, row in zip(table.records, rows, strict=True):
        above = above if record["Depth"] == "1" else record["Id"]
        assert record["Id"] == row.comment_id == row.comment.id
        assert record["UserId"] == world.user_id(row.comment.user)
        assert (record["Author"], record["Content"]) == (row.author, row.text)
        assert reading.moment(record["CommentAt"]) == row.created_at
        assert (int(record["ReactionsCount"]), int(record["SubCommentsCount"])) == (
            row.likes,
            row.reply_count,
        )
        assert row.parent_id == (above if record["Depth"] == "1" else None)
    zones = {record["CommentAt"][19:] for record in table.records if record["CommentAt"]}
    assert zones == ({""}, {"+00:00"}, {"+02:00"}, {"-05:00"})[number]


@pytest.mark.parametrize("form", FORMATS["apify_simple"].forms)
def test_apify_simple(world: World, form: Form) -> None:
    file = export(world, "apify_simple", form)
    text = reading.text_of(file, world)
    records: list[Any] = reading.table(text).records if form == "csv" else reading.items(text, form)
    assert list(records[0]) == [
        "shortCode", "url", "caption", "ownerUsername", "text", "timestamp", "likesCount",
    ]  # fmt: skip
    for record, row in zip(records, comment_rows(file, world), strict=True):
        post = row.comment.post
        assert (record["shortCode"], record["url"]) == (post.short_code, post.url)
        assert (record["ownerUsername"], record["text"]) == (row.author, row.text)
        assert reading.moment(record["timestamp"]) == row.created_at
        assert int(record["likesCount"]) == row.likes


def test_apify_comments_have_replies_within_them(world: World) -> None:
    file = export(world, "apify_comments", "json")
    records = reading.items(reading.text_of(file, world), "json")
    rows = comment_rows(file, world)
    nested = 0
    for record, row in zip(records, rows, strict=True):
        for item, told in [(record, row), *zip(record["replies"], row.nested, strict=True)]:
            assert item["id"] == told.comment_id
            assert item["postUrl"] == told.comment.post.url and item["commentUrl"].endswith(item["id"])
            assert (item["ownerUsername"], item["text"]) == (told.author, told.text)
            assert (item["likesCount"], item["repliesCount"]) == (told.likes, told.reply_count)
            assert reading.moment(item["timestamp"]) == told.created_at
        nested += len(row.nested)
        assert all(reply.parent_id == row.comment_id for reply in row.nested)
    assert nested > 10


@pytest.mark.parametrize("number", range(8))
def test_apify_raw_drifts_and_rounds_media_ids(world: World, number: int) -> None:
    file = export(world, "apify_raw", number=number)
    table = reading.table(reading.text_of(file, world))
    assert table.header == sorted(table.header)
    assert 36 <= len(table.header) <= 56
    rows = comment_rows(file, world)
    for record, row in zip(table.records, rows, strict=True):
        assert record["pk"] == record["strong_id__"] == row.comment_id
        assert record["media_id"] == ids.rounded(row.post_id) == (row.told_post_id or row.post_id)
        assert datetime.fromtimestamp(int(record["created_at_utc"]), UTC) == row.created_at
        assert int(record["comment_like_count"]) == row.likes
        assert (record["user/username"], record["text"]) == (row.author, row.text)
        assert record["user/id"] == record["user_id"] == world.user_id(row.comment.user)
        assert record.get("parent_comment_id", "") == (row.parent_id or "")
        assert ("child_comment_count" in record) == (row.reply_count is not None)
    assert sum(row.told_post_id is not None for row in rows) > len(rows) / 2
    assert any(row.parent_id for row in rows) == ("parent_comment_id" in table.header)


def test_apify_raw_has_every_number_of_columns(world: World) -> None:
    found = {
        len(reading.table(reading.text_of(export(world, "apify_raw", number=n), world)).header)
        for n in range(20)
    }
    assert found == {36, 38, 48, 56}


@pytest.mark.parametrize("number", range(6))
def test_raw_below_a_preamble_has_the_exact_media_id(world: World, number: int) -> None:
    file = export(world, "raw_preamble", number=number)
    post = world.post(file.scrape.posts[0])
    text = reading.text_of(file, world)
    table = reading.table(text, 1 + len(post.caption(file.scrape.at).split("\n")))
    assert table.header in (list(RAW_USUAL), list(RAW_WIDE))
    for record, row in zip(table.records, comment_rows(file, world), strict=True):
        assert (record["media_id"], row.told_post_id) == (post.id, None)
        assert (record["pk"], record["text"]) == (row.comment_id, row.text)


def test_the_same_items_are_raw_as_json_and_as_csv(world: World) -> None:
    csv, json_, lines = (export(world, "apify_raw", form) for form in FORMATS["apify_raw"].forms)
    items = reading.items(reading.text_of(json_, world), "json")
    assert items == reading.items(reading.text_of(lines, world), "jsonl")
    for record, item in zip(reading.table(reading.text_of(csv, world)).records, items, strict=True):
        assert record["user/username"] == item["user"]["username"]
        assert int(record["media_id"]) == item["media_id"]
        assert isinstance(item["pk"], str) and record["pk"] == item["pk"]


def test_apify_posts_narrow_and_wide(world: World) -> None:
    wide, narrow = (export(world, "apify_posts", number=number) for number in (0, 1))
    tables = [reading.table(reading.text_of(file, world)) for file in (wide, narrow)]
    assert tables[1].header == list(POST_COLUMNS)
    assert 500 < len(tables[0].header) <= 2_000
    for table, file in zip(tables, (wide, narrow), strict=True):
        for record, row in zip(table.records, post_rows(file, world), strict=True):
            assert (record["id"], record["shortCode"]) == (row.post_id, ids.short_code(row.post_id))
            assert (record["url"], record["caption"]) == (row.url, row.caption)
            assert reading.moment(record["timestamp"]) == row.posted_at
            assert int(record["commentsCount"]) == row.comments_declared
            assert int(record["likesCount"]) == (-1 if row.likes is None else row.likes)
            assert record["videoViewCount"] == ("" if row.views is None else str(row.views))


def test_apify_metadata_tells_counts_and_days_as_people_read_them(world: World) -> None:
    file = export(world, "apify_metadata")
    table = reading.table(reading.text_of(file, world))
    assert len(table.header) == 37
    units = {"k": 1_000, "m": 1_000_000}
    for record, row in zip(table.records, post_rows(file, world), strict=True):
        likes = record["likes"]
        number = float(likes[:-1]) * units[likes[-1]] if likes[-1] in units else int(likes)
        assert round(number) == row.likes
        assert row.rounded and abs(number - row.post.likes_at(file.scrape.at)) <= 0.05 * number + 50
        assert datetime.strptime(record["upload_date"], "%B %d, %Y").replace(tzinfo=UTC) == row.posted_at
        assert record["Post_Metadata/shortcode"] == row.post.short_code
        assert int(record["comments"]) == row.comments_declared


def test_youtube_comments_have_no_ids(world: World) -> None:
    file = export(world, "youtube_comments")
    table = reading.table(reading.text_of(file, world))
    assert table.header == ["", "videoId", "comment", "author"]
    for number, (record, row) in enumerate(zip(table.records, comment_rows(file, world), strict=True)):
        assert record == {"": str(number), "videoId": row.post_id, "comment": row.text, "author": row.author}
        assert (row.comment_id, row.created_at, row.likes) == (None, None, None)


def test_youtube_videos_end_early_where_figures_are_hidden() -> None:
    world = World(12_000, 7)
    file = export(world, "youtube_videos")
    text = reading.text_of(file, world)
    assert not text.endswith("\n") and "\r" not in text
    rows = post_rows(file, world)
    for record, row in zip(reading.table(text).records, rows, strict=True):
        assert (record["id"], record["description"]) == (row.post_id, row.caption)
        assert reading.moment(record["publishedAt"]) == row.posted_at
        assert ("views" in record) == (row.views is not None)
        assert int(record.get("likes", -1)) == (-1 if row.likes is None else row.likes)
    assert any(row.likes is None for row in rows) and any(row.likes for row in rows)


def test_youtube_full(world: World) -> None:
    csv, json_ = (export(world, "youtube_full", form) for form in ("csv", "json"))
    table = reading.table(reading.text_of(csv, world))
    assert table.header == list(FULL_COLUMNS)
    for record, row in zip(table.records, comment_rows(csv, world), strict=True):
        assert (record["commentId"], record["videoId"]) == (row.comment_id, row.post_id)
        assert record["parentId"] == (row.parent_id or "")
        assert (record["authorDisplayName"], record["textOriginal"]) == (row.author, row.text)
        assert int(record["likeCount"]) == row.likes
        assert reading.moment(record["publishedAt"]) == row.created_at
    nested = 0
    for item, row in zip(
        reading.items(reading.text_of(json_, world), "json"), comment_rows(json_, world), strict=True
    ):
        assert item["snippet"]["totalReplyCount"] == row.reply_count
        replies = item.get("replies", {"comments": []})["comments"]
        assert len(replies) == len(row.nested) <= 5
        for told, of in [(item["snippet"]["topLevelComment"], row), *zip(replies, row.nested, strict=True)]:
            assert (told["id"], told["snippet"].get("parentId")) == (of.comment_id, of.parent_id)
            assert told["snippet"]["textOriginal"] == of.text
            assert reading.unescaped(told["snippet"]["textDisplay"]) == of.text.replace("\r\n", "\n")
        nested += len(replies)
    assert nested > 5


@pytest.mark.parametrize("number", [0, 1])
def test_tiktok_nests_replies_or_lists_them(world: World, number: int) -> None:
    csv, json_ = (export(world, "tiktok", form, number) for form in ("csv", "json"))
    records = reading.table(reading.text_of(csv, world)).records
    items = reading.items(reading.text_of(json_, world), "json")
    rows = comment_rows(csv, world)
    for record, item, row in zip(records, items, rows, strict=True):
        replies = json.loads(record.get("replies") or "[]")
        assert replies == item.get("replies", [])
        assert (record["cid"], record["uniqueId"], record["text"]) == (row.comment_id, row.author, row.text)
        assert record["repliesToId"] == (row.parent_id or "")
        assert (int(record["diggCount"]), int(record["replyCommentTotal"])) == (row.likes, row.reply_count)
        assert reading.moment(record["createTimeISO"]) == row.created_at
        assert [reply["cid"] for reply in replies] == [reply.comment_id for reply in row.nested]
        assert row.post_id in record["videoWebUrl"]
    assert any(row.nested for row in rows) == (number == 0)
    assert any(row.parent_id for row in rows) == (number == 1)


@pytest.mark.parametrize("encoding", get_args(Encoding))
def test_every_encoding_can_be_read_and_rows_say_what_it_left(world: World, encoding: Encoding) -> None:
    file = export(world, "esuit", encoding=encoding)
    raw = b"".join(file.content(world))
    marks = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe", "utf-8": b"Post", "cp1252": b"Post"}
    assert raw.startswith(marks[encoding])
    rows = comment_rows(file, world)
    records = reading.table(raw.decode(encoding)).records
    assert [record["Comment"] for record in records] == [row.text for row in rows]
    lost = sum(row.text != row.comment.text for row in rows)
    assert (lost > 0) == (encoding == "cp1252")


def test_a_preamble_in_another_encoding_has_one_mark_at_most(world: World) -> None:
    for encoding, marks in (("utf-8", 1), ("utf-8-sig", 0), ("utf-16", 0), ("cp1252", 0)):
        text = reading.text_of(export(world, "esuit_preamble", encoding=encoding), world)
        assert text.count("\ufeff") == marks


def test_some_times_are_missing_and_another_scrape_tells_them(world: World) -> None:
    rows = {number: comment_rows(export(world, "tiktok", number=number), world) for number in (1, 3, 5)}
    missing = {
        number: {row.comment_id for row in found if row.created_at is None} for number, found in rows.items()
    }
    assert any(missing.values())
    assert not set.intersection(*missing.values())


@pytest.mark.parametrize("name", ["apify_raw", "apify_comments", "tiktok"])
def test_a_few_records_come_twice_in_a_file(name: str) -> None:
    world = World(12_000, 7)
    rows = comment_rows(export(world, name, number=3), world)
    counts = Counter(row.comment_id for row in rows)
    assert 0 < sum(count > 1 for count in counts.values()) < 0.02 * len(rows)
