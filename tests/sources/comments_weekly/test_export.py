"""The briefs as files, and what people hear of them."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.publishing.manifest import AlteredFile, Manifest
from include.sources.comments_weekly import export as exports
from include.sources.comments_weekly.export import POINTER, SITE
from include.sources.comments_weekly.news import news
from include.storage.reading import ReadOnly
from include.storage.store import Store
from tests.sources.comments_weekly.inputs import (
    MONDAY,
    START,
    build_week,
    comment,
    entity,
    publish_input,
    signal,
)

DAY, WEEK = timedelta(days=1), timedelta(days=7)
AT = datetime(2026, 12, 1, 3, tzinfo=UTC)
BEFORE = MONDAY - WEEK


@pytest.fixture
def comments(store: Store) -> Manifest:
    """Two weeks in both of which the sentiment about one entity falls from 0.5 to -0.5 towards the end."""
    rows = []
    for monday in (START - WEEK, START):
        rows += [comment(len(rows) + n, monday + 2 * DAY, sentiment=0.5) for n in range(12)]
        rows += [comment(len(rows) + n, monday + 5 * DAY, sentiment=-0.5) for n in range(12)]
    signals = [signal(c, "ann") for c in rows]
    return publish_input(
        store, {"comments": rows, "signals": signals, "monitored_entities": [entity("ann", "Ann Lee")]}, AT
    )


def export(store: Store, manifest: Manifest, moves: int = 1) -> dict[str, Any]:
    exports.export(store, manifest, AT, moves)
    found: dict[str, Any] = json.loads(store.read_bytes(POINTER))
    return found


def named(shown: dict[str, Any]) -> list[str]:
    return [f"{SITE}/{brief[kind]['path']}" for brief in shown["briefs"] for kind in ("pdf", "twin")]


def age(store: Store, hours: float) -> None:
    """Make every brief so old."""
    for key in store.list(f"{SITE}/briefs"):
        path = Path(store.full(key))
        past = path.stat().st_mtime - hours * 3600
        os.utime(path, (past, past))


def test_every_file_that_the_pointer_names_is_there_with_its_bytes(store: Store, comments: Manifest) -> None:
    made = build_week(store, comments, MONDAY, build_week(store, comments, BEFORE, None))
    shown = export(store, made)
    assert (shown["version"], [brief["week"] for brief in shown["briefs"]]) == (
        made.version,
        ["2026-11-23", "2026-11-16"],
    )
    for brief in shown["briefs"]:
        for kind in ("pdf", "twin"):
            data = store.read_bytes(f"{SITE}/{brief[kind]['path']}")
            assert len(data) == brief[kind]["bytes"]
            assert store.sha256(f"{SITE}/{brief[kind]['path']}") == brief[kind]["sha256"]
    twin = json.loads(store.read_bytes(named(shown)[1]))
    assert (twin["week"], twin["built_from"]) == ("2026-11-23", {"comments": comments.version})
    assert exports.export(store, made, AT, 1)["files"] == 4


def test_readers_of_the_pointer_before_still_find_what_it_named_and_the_rest_goes(
    store: Store, comments: Manifest
) -> None:
    first = export(store, build_week(store, comments, MONDAY, None), 1)
    other = publish_input(store, {"comments": [comment(1)]}, AT + DAY)
    second = export(store, build_week(store, other, MONDAY, None, "second"), 2)
    assert not {*named(first)} & {*named(second)}
    age(store, 2)
    # The export is called again, after a kill say.
    assert export(store, build_week(store, other, MONDAY, None, "second"), 2) == second
    assert {*named(first), *named(second)} == {*store.list(f"{SITE}/briefs")}
    third = export(store, build_week(store, publish_input(store, {}, AT + 2 * DAY), MONDAY, None, "third"), 3)
    assert {*named(second), *named(third)} == {*store.list(f"{SITE}/briefs")}


def test_an_export_of_an_earlier_move_that_wakes_shows_nothing(store: Store, comments: Manifest) -> None:
    old = build_week(store, comments, BEFORE, None)
    shown = export(store, build_week(store, comments, MONDAY, old), 7)
    assert export(store, old, 6) == shown


def test_a_damaged_table_is_not_shown(store: Store, comments: Manifest) -> None:
    made = build_week(store, comments, MONDAY, None)
    (file,) = made.table("briefs").files
    with Path(store.full(file.path)).open("ab") as handle:
        handle.write(b"x")
    with pytest.raises(AlteredFile):
        exports.export(store, made, AT, 1)
    assert not store.exists(POINTER)


def test_a_pointer_that_cannot_be_read_says_what_to_do(store: Store, comments: Manifest) -> None:
    store.write_bytes(POINTER, b"{}")
    with pytest.raises(ValueError, match=r"latest\.json cannot be read .* remove it and export again"):
        exports.export(store, build_week(store, comments, MONDAY, None), AT, 1)


# --- news ---


def heard(store: Store, manifest: Manifest, now: datetime) -> list[tuple[str, str]]:
    return [(each.kind, each.what) for each in news(ReadOnly(store), manifest, now)]


def test_the_brief_of_the_last_full_week_and_its_alerts_are_news(store: Store, comments: Manifest) -> None:
    made = build_week(store, comments, MONDAY, build_week(store, comments, BEFORE, None))
    shown = export(store, made)
    brief, alert = news(ReadOnly(store), made, AT)
    assert (brief.kind, brief.what, brief.headline) == (
        "brief",
        "2026-11-23",
        "the brief of 23 to 29 November 2026",
    )
    assert brief.attachments == {"weekly-brief-2026-11-23.pdf": named(shown)[0]}
    assert brief.said.startswith("This week has 24 comments")
    assert (alert.kind, alert.what, alert.severity) == ("velocity", "2026-11-23 ann", "warning")
    assert alert.headline == "the sentiment about Ann Lee moved by −200 % within 72 hours"
    assert "in 12 comments" in alert.said and "critical" in alert.said


def test_a_backfill_of_an_older_week_is_no_news(store: Store, comments: Manifest) -> None:
    newer = build_week(store, comments, MONDAY, None)
    export(store, newer)
    told = heard(store, newer, AT)
    back = build_week(store, comments, BEFORE, newer, "backfill")
    export(store, back, 2)
    assert heard(store, back, AT) == told, "the same, which people have heard"
    only = build_week(store, comments, BEFORE, None, "backfill")
    export(store, only, 3)
    assert heard(store, only, AT) == []


def test_a_week_is_news_until_the_next_one_is_over(store: Store, comments: Manifest) -> None:
    made = build_week(store, comments, MONDAY, None)
    export(store, made)
    end = datetime(2026, 11, 30, tzinfo=UTC)
    for now, told in [
        (end - timedelta(seconds=1), 0),
        (end, 2),
        (end + WEEK - timedelta(seconds=1), 2),
        (end + WEEK, 0),
    ]:
        assert len(heard(store, made, now)) == told


def test_nothing_is_told_before_it_is_exported(store: Store, comments: Manifest) -> None:
    made = build_week(store, comments, MONDAY, None)
    assert heard(store, made, AT) == []
    export(store, made)
    later = build_week(store, comments, MONDAY, made, "later")
    assert heard(store, later, AT) == [], "its files may be others"
