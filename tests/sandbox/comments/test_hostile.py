"""Broken and hostile files are what they are called."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import get_args

import pytest

from sandbox.comments import hostile
from sandbox.comments.hostile import GIGABYTE, Kind
from sandbox.comments.inbox import Inbox
from sandbox.comments.world import World
from tests.sandbox.comments import reading


def contents(world: World, kind: Kind) -> dict[str, bytes]:
    return {file.name: b"".join(file.content()) for file in hostile.files(world, kind)}


@pytest.mark.parametrize("kind", [kind for kind in get_args(Kind) if kind != "zip_bomb"])
def test_a_folder_can_hold_every_kind(world: World, tmp_path: Path, kind: Kind) -> None:
    inbox = Inbox(world, tmp_path)
    for file in inbox.drop(kind):
        assert (tmp_path / file.name).stat().st_size == file.bytes
        assert file.export is None and list(file.rows(world)) == []


def test_empty_files_have_nothing_and_header_only_ones_a_header(world: World) -> None:
    assert sorted(contents(world, "empty").values()) == [b"", b"[]", b"\xef\xbb\xbf"]
    for name, data in contents(world, "header_only").items():
        text = data.decode("utf-8-sig")
        assert reading.table(text, 2 if "preamble" in name else 0).records == []


def test_a_cut_file_ends_within_a_quoted_field(world: World) -> None:
    (data,) = contents(world, "cut").values()
    assert data.count(b'"') % 2 == 1
    with pytest.raises(csv.Error, match="unexpected end of data"):
        list(csv.reader(io.StringIO(data.decode("utf-8", "ignore"), newline=""), strict=True))
    (data,) = contents(world, "cut_json").values()
    with pytest.raises(json.JSONDecodeError):
        json.loads(data.decode("utf-8", "ignore"))


def test_a_large_comment_has_ten_megabytes(world: World) -> None:
    (data,) = contents(world, "large_comment").values()
    records = reading.table(data.decode()).records
    assert [len(record["Comment"]) for record in records] == pytest.approx([5, 10_000_000, 11], abs=20)


@pytest.mark.parametrize(("kind", "texts"), [("formulas", hostile.ATTACKS), ("markup", hostile.MARKUP)])
def test_texts_and_authors_are_attacks(world: World, kind: Kind, texts: tuple[str, ...]) -> None:
    (data,) = contents(world, kind).values()
    records = reading.table(data.decode()).records
    assert [record["Comment"] for record in records] == list(texts)
    assert [record["Username"] for record in records] == list(texts)


def test_a_small_file_becomes_a_gigabyte(world: World) -> None:
    (data,) = contents(world, "gzip_bomb").values()
    assert len(data) < 3_000_000
    size = 0
    with gzip.open(io.BytesIO(data)) as file:
        while block := file.read(1 << 24):
            size += len(block)
    assert size > GIGABYTE


def test_a_zip_declares_a_gigabyte(world: World) -> None:
    (data,) = contents(world, "zip_bomb").values()
    assert len(data) < 10_000_000
    (member,) = zipfile.ZipFile(io.BytesIO(data)).infolist()
    assert member.file_size == GIGABYTE


def test_members_of_an_archive_lead_out_of_it(world: World) -> None:
    (data,) = contents(world, "zip_slip").values()
    assert "../x.csv" in zipfile.ZipFile(io.BytesIO(data)).namelist()


def test_a_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    link = hostile.link_out(folder)
    assert link.is_symlink() and link.resolve().parent == tmp_path


def test_text_that_is_broken_is_no_utf_8(world: World) -> None:
    (data,) = contents(world, "broken_text").values()
    with pytest.raises(UnicodeDecodeError):
        data.decode()
    assert b"\x00" in data and "\u202e".encode() in data


def test_good_records_stand_among_broken_ones(world: World) -> None:
    counts = {file.name: file.records for file in hostile.files(world, "broken_rows")}
    data = contents(world, "broken_rows")
    records = reading.table(data["broken-rows.csv"].decode()).records
    whole = [record for record in records if record.get("Likes", "").isdigit() and reading_time(record)]
    assert len(records) == 7
    assert len([record for record in whole if record["Post URL"].startswith("https")]) == 3
    assert counts["broken-rows.csv"] == 2, "of these one has cells too many"
    assert len(json.loads(data["broken-items.json"])) == 7


def reading_time(record: dict[str, str]) -> bool:
    try:
        return reading.moment(record["Timestamp"]) is not None
    except ValueError:
        return False
