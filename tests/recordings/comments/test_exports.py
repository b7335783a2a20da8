"""Real exports through the whole pipeline: every row is accounted for, and what was measured on them is found."""

from __future__ import annotations

import csv
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from include.publishing.manifest import Manifest
from include.sources.comments.values import of_shortcode
from tests.sources.comments.conftest import Social, social

__all__ = ["social"]
FIRST = "dataset_instagram-comments-scraper_2025-11-23_05-10-02-585.csv"
SECOND = "dataset_instagram-comments-scraper_2025-11-23_05-16-50-355.csv"
LATER = "dataset_instagram-comments-scraper_2025-11-26_04-18-53-697.csv"


@pytest.fixture
def exports(recordings: Path) -> list[Path]:
    return sorted((recordings / "comments").glob("*/*.csv"))


def put(social: Social, file: Path) -> None:
    """Put an export into the inbox, with the time that its name tells, or else the tests' first day."""
    social.put(file.name, file.read_bytes(), day=0.1)
    stamp = file.stem.rpartition("dataset_")[2].partition("_2025")[2]
    if stamp:
        at = datetime.strptime(f"2025{stamp[:-4]}", "%Y-%m-%d_%H-%M-%S").replace(tzinfo=UTC)
        os.utime(social.folder / file.name, (at.timestamp(), at.timestamp()))


def account(social: Social, manifest: Manifest) -> dict[str, tuple[int, int, int, int]]:
    return {
        each["name"]: (each["rows"], each["kept"], each["merged"], each["quarantined"])
        for each in social.rows(manifest, "files")
    }


@pytest.mark.whole_gate
def test_every_row_of_every_export_is_kept_merged_or_quarantined(social: Social, exports: list[Path]) -> None:
    for file in exports:
        put(social, file)
    manifest = social.publish(1)
    found = account(social, manifest)
    rows = {name: each[0] for name, each in found.items()}
    assert rows == {
        FIRST: 1475, SECOND: 582, LATER: 2168, "sample_esuit.csv": 5, "youtube_comments.csv": 895,
        "youtube_videos.csv": 50, "dataset_instagram-post-scraper_2025-11-26_04-34-50-076.csv": 100,
        "dataset_instagram-post-metadata-scraper_2025-11-26_05-43-22-399.csv": 1,
    }  # fmt: skip
    assert all(rows == kept + merged + refused for rows, kept, merged, refused in found.values())
    assert not any(each[3] for each in found.values())
    assert len(social.rows(manifest, "comments")) == sum(
        each[1] for name, each in found.items() if name not in {"youtube_videos.csv"} and "post-" not in name
    )


GONE, LIKED, RENAMED = 30, 146, 5


def scraped_again(export: Path) -> bytes:
    """The export as it would be some days later: comments are gone, liked, and of people with another name."""
    lines = export.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    head = next(number for number, line in enumerate(lines) if line.startswith('"background_color'))
    rows = list(csv.DictReader(lines[head:]))
    for number, row in enumerate(rows):
        if number < LIKED:
            row["comment_like_count"] = str(int(row["comment_like_count"]) + 1)
        if number < RENAMED:
            row["user/username"] += "_new"
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows[:-GONE])
    return "".join([*lines[:head], text.getvalue()]).encode("utf-8-sig")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_scrape_of_the_same_post_is_one_row_a_comment(
    social: Social, exports: list[Path], at_once: bool
) -> None:
    (export,) = (file for file in exports if file.name == FIRST)
    social.put("first.csv", export.read_bytes(), day=0.1)
    if not at_once:
        before = social.comments(social.publish(0.5))
        assert len(before) == 1475
    social.put("second.csv", scraped_again(export), day=0.6)
    manifest = social.publish(1)
    assert account(social, manifest) == {
        "first.csv": (1475, 1475, 0, 0),
        "second.csv": (1475 - GONE, 0, 1475 - GONE, 0),
    }
    rows = social.comments(manifest)
    assert sum(each["vanished_at"] is not None for each in rows.values()) == GONE
    if not at_once:
        changed = [pk for pk, each in rows.items() if each["likes"] != before[pk]["likes"]]
        renamed = [pk for pk, each in rows.items() if each["author"] != before[pk]["author"]]
        assert (len(changed), len(renamed)) == (LIKED, RENAMED)
    (post,) = social.rows(manifest, "posts")
    assert (post["post_id"], post["id_rounded"], post["comments_captured"]) == (
        of_shortcode("DRSssyVEuwk"), False, 1475 - GONE,
    )  # fmt: skip


def test_of_the_three_readers_python_s_own_tells_lines_and_goes_on_behind_damage(
    exports: list[Path], tmp_path: Path
) -> None:
    """Why reading.py reads as it does: on whole exports all three agree, on a damaged one two of them give up."""
    (export,) = (file for file in exports if file.name == LATER)
    with export.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    options = pacsv.ParseOptions(newlines_in_values=True)
    texts = pacsv.ConvertOptions(column_types=dict.fromkeys(rows[0], pa.string()))
    assert pacsv.read_csv(export, parse_options=options, convert_options=texts).num_rows == len(rows) - 1
    asked = f"SELECT count(*) FROM read_csv('{export}', header = true, all_varchar = true)"
    assert duckdb.sql(asked).fetchall() == [(len(rows) - 1,)]
    lines = export.read_bytes().split(b"\r\n")
    damaged = tmp_path / "damaged.csv"
    damaged.write_bytes(b"\r\n".join([*lines[:100], b'"never closed,' + lines[100], *lines[101:]]))
    with pytest.raises(pa.ArrowInvalid):
        pacsv.read_csv(damaged, parse_options=options, convert_options=texts)
    with pytest.raises(duckdb.Error):
        duckdb.sql(asked.replace(str(export), str(damaged))).fetchall()
