"""The dashboard's export: the figures of the tables, every comment, and an index that finds each of its words."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from include.publishing import manifest as manifests
from include.publishing.manifest import AlteredFile, Manifest
from include.sources.comments_weekly import dashboard
from include.sources.comments_weekly.dashboard import SITE, write_site
from include.storage.store import Store, StoredFile
from tests.sources.comments_weekly.inputs import entity, signal
from tests.web.comments import (
    AS_OF,
    MONDAY,
    comment,
    generated,
    post,
    seal,
    weeks_until,
)

PUBLISHED = AS_OF + timedelta(minutes=10)
LATEST = f"{SITE}/latest.json"
SCRIPTS = r"[\u2E80-\u2FFF\u3005-\u30FF\u3400-\u9FFF\uF900-\uFAFF\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF]"


def export(store: Store, manifest: Manifest, moves: int = 0) -> dict[str, Any]:
    """What latest.json says after an export."""
    described: dict[str, Any] = json.loads(msgspec.json.encode(write_site(store, manifest, PUBLISHED, moves)))
    return described


def read(store: Store, file: Mapping[str, Any]) -> Any:
    return json.loads(store.read_bytes(f"{SITE}/{file['path']}"))


def rows(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def parquet(store: Store, file: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.parquet(f"{SITE}/{file['path']}").to_table().to_pylist()
    assert len(found) == file["rows"]
    return found


def exported(store: Store, described: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """The comments of each part."""
    return [parquet(store, part) for part in read(store, described["files"]["comments"])["parts"]]


def files(store: Store, described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    named = described["files"]
    yield from (named["overview"], *named["weeks"], named["trends"], named["comments"])
    catalogue = read(store, named["comments"])
    yield from (*catalogue["parts"], *catalogue["words"])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several parts and several files of words of few comments."""
    monkeypatch.setattr(dashboard, "FIRST_ROWS", 50)
    monkeypatch.setattr(dashboard, "PART_ROWS", 400)
    monkeypatch.setattr(dashboard, "WORD_ROWS", 100)


def test_latest_json_says_what_there_is_and_every_file_is_there(store: Store, small: None) -> None:
    manifest = seal(store, generated(1_000, 3), weeks_until(MONDAY, 3))
    described = export(store, manifest)
    assert described == json.loads(store.read_bytes(LATEST))
    assert described | {"files": 0} == {
        "format": 1,
        "version": manifest.version,
        "previous": None,
        "as_of": "2026-03-02T06:00:00Z",
        "published_at": "2026-03-02T06:10:00Z",
        "built_from": manifest.built_from,
        "stale_after_hours": 192,
        "moves": 0,
        "comments": 1_000,
        "files": 0,
    }
    assert [file["week"] for file in described["files"]["weeks"]] == [
        "2026-02-09",
        "2026-02-16",
        "2026-02-23",
    ]
    named = list(files(store, described))
    for file in named:
        assert file["path"].startswith(f"data/{manifest.version}/")
        assert store.sha256(f"{SITE}/{file['path']}") == file["sha256"]
        assert store.size(f"{SITE}/{file['path']}") == file["bytes"]
    assert sorted(store.list(f"{SITE}/data")) == sorted(f"{SITE}/{file['path']}" for file in named)


def test_an_export_tells_the_run_log_where_the_site_is_and_what_it_shows(store: Store) -> None:
    manifest = seal(store, generated(50, 2), weeks_until(MONDAY, 2))
    told = dashboard.export(store, manifest, PUBLISHED)
    assert told == {"site": SITE, "version": manifest.version, "weeks": 2, "comments": 50}


def test_the_pointer_comes_last_and_the_page_after_its_assets(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = seal(store, generated(50, 1))
    put, keys = Store.put, list[str]()

    def recorded(store: Store, local: Any, key: str) -> StoredFile:
        assert not store.exists(LATEST)
        keys.append(key)
        return put(store, local, key)

    monkeypatch.setattr(Store, "put", recorded)
    export(store, manifest)
    index = keys.index(f"{SITE}/index.html")
    assert all(f"{SITE}/assets/" in key or "LICENSES" in key for key in keys[:index])
    assert all(f"{SITE}/data/" in key for key in keys[index + 1 :])


def test_an_export_of_an_earlier_move_does_not_take_the_page_back(store: Store) -> None:
    one = seal(store, generated(20, 1), run="one")
    two = seal(store, generated(30, 1), run="two")
    export(store, two, moves=2)
    assert export(store, one, moves=1)["version"] == two.version
    assert json.loads(store.read_bytes(LATEST))["version"] == two.version


def test_the_same_version_again_gives_the_same_files(store: Store, small: None) -> None:
    manifest = seal(store, generated(600, 2), weeks_until(MONDAY, 2))
    assert export(store, manifest) == export(store, manifest)


def test_a_version_that_does_not_say_what_it_was_built_from_is_refused(store: Store) -> None:
    manifest = msgspec.structs.replace(seal(store, generated(20, 1)), built_from={})
    with pytest.raises(ValueError, match="of comments_weekly does not say which comments"):
        export(store, manifest)


def test_a_version_of_comments_that_is_gone_is_named(store: Store) -> None:
    manifest = seal(store, generated(20, 1))
    gone = manifest.built_from["comments"]
    store.delete(manifests.manifest_key("comments", gone))
    with pytest.raises(FileNotFoundError, match=gone):
        export(store, manifest)


@pytest.mark.parametrize(("source", "table"), [("comments_weekly", "post_weeks"), ("comments", "signals")])
def test_a_file_that_is_not_its_manifests_is_refused(store: Store, source: str, table: str) -> None:
    manifest = seal(store, generated(200, 1))
    of = (
        manifest
        if source == manifest.source
        else manifests.require(store, source, manifest.built_from[source])
    )
    key = of.table(table).files[0].path
    store.write_bytes(key, store.read_bytes(key)[:-1] + b"?")
    with pytest.raises(AlteredFile):
        export(store, manifest)
    assert not store.exists(LATEST)


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        write_site(store, seal(store, {}), datetime(2026, 3, 2))


# Figures


def test_each_week_has_the_rows_of_its_tables(store: Store) -> None:
    weeks = weeks_until(MONDAY, 3)
    manifest = seal(store, generated(2_000, 3), weeks)
    described = export(store, manifest)
    wanted = {
        "rankings": "entity_rankings",
        "alerts": "velocity_alerts",
        "posts": "post_weeks",
        "storylines": "storylines",
        "days": "sentiment_days",
    }
    for week, file in zip(weeks, described["files"]["weeks"], strict=True):
        content = read(store, file)
        assert sum(len(rows(content[name])) for name in wanted) == file["rows"]
        for name, table in wanted.items():
            every = manifests.dataset(store, manifest.table(table)).to_table().to_pylist()
            own = [row for row in every if row["week"] == week]
            plain = json.loads(
                msgspec.json.encode(
                    [{k: v for k, v in row.items() if k not in dashboard.LEFT_OUT} for row in own]
                )
            )
            assert sorted(map(repr, rows(content[name]))) == sorted(map(repr, plain)), name


def test_the_overview_has_each_platforms_week_and_the_entities_by_name(store: Store) -> None:
    manifest = seal(store, generated(2_000, 3), weeks_until(MONDAY, 3))
    overview = read(store, export(store, manifest)["files"]["overview"])
    every = manifests.dataset(store, manifest.table("platform_weeks")).to_table().to_pylist()
    found = rows(overview["platforms"])
    assert [(row["week"], row["platform"], row["comments"]) for row in found] == [
        (row["week"].isoformat(), row["platform"], row["comments"]) for row in every
    ]
    assert [row["week"] for row in rows(overview["weeks"])] == ["2026-02-09", "2026-02-16", "2026-02-23"]
    names = {row["entity_id"]: (row["name"], row["monitored"]) for row in rows(overview["entities"])}
    assert names["ines-okafor"] == ("Inés Okafor", True)
    assert names["Paper Moon Tour"] == ("Paper Moon Tour", False)


def test_the_trend_of_a_week_is_the_mean_of_its_scored_comments(store: Store) -> None:
    first, other = comment(1, sentiment=0.9), comment(2, sentiment=0.1)
    later = comment(3, sentiment=-0.4, created_at=datetime(2026, 2, 25, tzinfo=UTC))
    unscored = comment(4, sentiment=None, score_state="failed")
    manifest = seal(store, {"comments": [first, other, later, unscored]})
    trends = parquet(store, export(store, manifest)["files"]["trends"])
    (total,) = [row for row in trends if row["entity_id"] == "(all)"]
    assert (total["week"], total["comments"], total["scored"]) == ("2026-02-23", 4, 3)
    assert total["average_sentiment"] == pytest.approx(0.2)


def test_a_week_without_comments_is_there_and_empty(store: Store) -> None:
    described = export(store, seal(store, {}))
    (week,) = described["files"]["weeks"]
    assert (week["week"], week["rows"]) == (MONDAY.isoformat(), 0)
    assert all(rows(table) == [] for table in read(store, week).values())
    assert described["comments"] == 0
    assert exported(store, described) == [[]]


def test_no_week_at_all_is_no_error(store: Store) -> None:
    described = export(store, seal(store, {}, weeks=()))
    assert described["files"]["weeks"] == []


# Comments


def test_every_comment_is_exported_once_newest_first_and_those_without_a_time_last(
    store: Store, small: None
) -> None:
    manifest = seal(store, generated(1_000, 3), weeks_until(MONDAY, 3))
    parts = exported(store, export(store, manifest))
    assert [len(part) for part in parts] == [50, 400, 400, 150]
    found = [row for part in parts for row in part]
    collected = manifests.require(store, "comments", manifest.built_from["comments"])
    given = manifests.dataset(store, collected.table("comments")).to_table().to_pylist()
    assert Counter((row["platform"], row["text"]) for row in found) == Counter(
        (row["platform"], row["text"]) for row in given
    )
    times = [row["created"] for row in found]
    known = [time for time in times if time is not None]
    assert known == sorted(known, reverse=True)
    assert times[len(known) :] == [None] * (len(times) - len(known))
    assert len(known) < len(times)


def test_nothing_says_who_wrote_a_comment(store: Store) -> None:
    described = export(store, seal(store, {"comments": [comment(1)], "posts": [post()]}))
    for part in read(store, described["files"]["comments"])["parts"]:
        with store.open(f"{SITE}/{part['path']}") as handle:
            assert set(pq.read_schema(handle).names) == set(dashboard.COMMENT.names)
    assert not {"author", "author_key", "comment_id"} & set(dashboard.COMMENT.names)


def test_a_comment_has_what_the_page_shows_of_it(store: Store) -> None:
    at = datetime(2026, 2, 24, 10, 30, tzinfo=UTC)
    given = comment(
        1,
        "Second Summer!",
        created_at=at,
        likes=7,
        reply_count=2,
        context="reply",
        language="en",
        sentiment=0.75,
        vanished_at=at,
    )
    world = {
        "comments": [given],
        "posts": [post()],
        "signals": [signal(given, "b"), signal(given, "a"), signal(given, "")],
        "monitored_entities": [entity("a"), entity("b")],
    }
    ((row,),) = exported(store, export(store, seal(store, world)))
    assert row == {
        "platform": "instagram",
        "post_id": "p1",
        "text": "Second Summer!",
        "characters": None,
        "created": at.timestamp() * 1000,
        "likes": 7,
        "replies": 2,
        "reply": True,
        "language": "en",
        "sentiment": 0.75,
        "mood": "very_positive",
        "vanished": True,
        "entities": ["a", "b"],
        "subject": "Subject 1",
        "url": "https://www.instagram.com/p/p1/",
    }


def test_a_long_text_is_cut_and_its_length_told(store: Store) -> None:
    given = [comment(1, "é" * 2_000), comment(2, "é" * 2_001), comment(3, None)]
    ((none, longer, whole),) = exported(store, export(store, seal(store, {"comments": given})))
    assert (whole["text"], whole["characters"]) == ("é" * 2_000, None)
    assert (longer["text"], longer["characters"]) == ("é" * 2_000, 2_001)
    assert (none["text"], none["characters"]) == (None, None)


@pytest.mark.parametrize(
    ("sentiment", "state", "mood"),
    [
        (1.0, "scored", "very_positive"),
        (0.7, "scored", "very_positive"),
        (0.69, "scored", "positive"),
        (0.3, "scored", "positive"),
        (0.29, "scored", "neutral"),
        (-0.29, "scored", "neutral"),
        (-0.3, "scored", "negative"),
        (-0.69, "scored", "negative"),
        (-0.7, "scored", "very_negative"),
        (None, "other_language", "other_language"),
        (None, "no_text", "no_text"),
        (None, "failed", "failed"),
        (0.0, "failed", "failed"),
        (None, None, "unscored"),
        (None, "scored", "unscored"),
    ],
)
def test_a_comments_mood_is_the_column_of_platform_weeks_that_counts_it(
    store: Store, sentiment: float | None, state: str | None, mood: str
) -> None:
    described = export(store, seal(store, {"comments": [comment(1, sentiment=sentiment, score_state=state)]}))
    ((row,),) = exported(store, described)
    assert row["mood"] == mood
    (week,) = rows(read(store, described["files"]["overview"])["platforms"])
    assert week[mood] == 1


def test_the_catalogue_counts_what_is_in_each_part(store: Store, small: None) -> None:
    described = export(store, seal(store, generated(1_000, 3), weeks_until(MONDAY, 3)))
    catalogue = read(store, described["files"]["comments"])
    assert catalogue["rows"] == 1_000
    for part, found in zip(catalogue["parts"], exported(store, described), strict=True):
        times = [row["created"] for row in found if row["created"] is not None]
        assert (part["first"], part["last"]) == (min(times), max(times))
        assert part["platforms"] == Counter(row["platform"] for row in found)
        assert part["moods"] == Counter(row["mood"] for row in found)
        assert part["entities"] == Counter(each for row in found for each in row["entities"])


# The index of words


def words(text: str) -> set[str]:
    """The words of a text, told in another way than by the regular expressions of the export."""
    plain = "".join(
        c for c in unicodedata.normalize("NFKD", text) if not unicodedata.category(c).startswith("M")
    )
    folded = "".join(c.lower() for c in plain).replace("ς", "σ")
    spaced = re.sub(SCRIPTS, lambda match: f" {match[0]} ", folded)
    found, word = set[str](), ""
    for character in [*spaced, " "]:
        if unicodedata.category(character)[0] in "LN":
            word += character
            continue
        found |= {word[:40]} - {""}
        word = ""
        if unicodedata.category(character) == "So":
            found.add(character)
    return found


def index(store: Store, described: Mapping[str, Any]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for file in read(store, described["files"]["comments"])["words"]:
        entries = parquet(store, file)
        assert file["first"] == (entries[0]["word"] if entries else "")
        found |= {each["word"]: each["parts"] for each in entries}
    assert list(found) == sorted(found), "in the order of code points"
    return found


def test_the_index_says_for_each_word_and_post_which_parts_have_it(store: Store, small: None) -> None:
    described = export(store, seal(store, generated(1_000, 3), weeks_until(MONDAY, 3)))
    wanted: dict[str, set[int]] = {}
    for number, part in enumerate(exported(store, described)):
        for row in part:
            for word in {*words(row["text"]), f" {row['platform']} {row['post_id']}"}:
                wanted.setdefault(word, set()).add(number)
    assert index(store, described) == {word: sorted(parts) for word, parts in wanted.items()}
    assert len(read(store, described["files"]["comments"])["words"]) > 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Can't STOP", {"can", "t", "stop"}),
        ("#HarbourLights @me", {"harbourlights", "me"}),
        ("Ménière ÅNGSTRÖM ẞ", {"meniere", "angstrom", "ß"}),
        ("ΟΔΟΣ οδος", {"οδοσ"}),
        ("İstanbul", {"istanbul"}),
        ("ﬁne 𝐁𝐎𝐋𝐃 ①", {"fine", "bold", "1"}),
        ("漢字テスト", {"漢", "字", "テ", "ス", "ト"}),
        ("รัก", {"ร", "ก"}),
        ("مُحَمَّد", {"محمد"}),
        ("love😂😂🔥", {"love", "😂", "🔥"}),
        ("<b>x</b>", {"b", "x"}),
        ("=1+1", {"1"}),
        ("a" * 50, {"a" * 40}),
        (" \u202e\u200b ", set[str]()),
    ],
)
def test_words_are_without_case_accents_and_forms_of_letters(
    store: Store, text: str, found: set[str]
) -> None:
    described = export(store, seal(store, {"comments": [comment(1, text)]}))
    assert {word for word in index(store, described) if not word.startswith(" ")} == found
