"""A week beside the others: built twice it has the same bytes, in whatever order weeks are built."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest
from include.sources.comments_weekly import tables
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

DAY = timedelta(days=1)
BEFORE = MONDAY - timedelta(days=7)
AT = datetime(2026, 12, 1, 3, tzinfo=UTC)


@pytest.fixture
def comments(store: Store) -> Manifest:
    """Two weeks of comments about one entity."""
    return publish_input(store, two_weeks(), AT)


def two_weeks() -> dict[str, Any]:
    rows = [comment(n, START + (n % 14 - 7) * DAY, sentiment=n / 100) for n in range(56)]
    return {
        "comments": rows,
        "signals": [signal(c, "ann") for c in rows],
        "monitored_entities": [entity("ann")],
    }


def rows(store: Store, manifest: Manifest, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = manifests.dataset(store, manifest.table(table)).to_table().to_pylist()
    return found


def files(manifest: Manifest, monday: date) -> dict[str, tuple[str, ...]]:
    """Hashes of the files that hold rows of a week. A table that has none at all has an empty file."""
    return {
        entry.name: tuple(f.sha256 for f in entry.files if f.part == monday.isoformat() and f.rows)
        for entry in manifest.tables
    }


def test_a_week_that_is_built_twice_is_equal_and_keeps_its_files(store: Store, comments: Manifest) -> None:
    first = build_week(store, comments, MONDAY, None)
    second = build_week(store, comments, MONDAY, first, "backfill")
    assert second.version != first.version and second.as_of == first.as_of
    assert [entry.files for entry in second.tables] == [entry.files for entry in first.tables], (
        "the very same files"
    )
    assert all((change.new, change.changed, change.deleted) == (0, 0, 0) for change in second.changes)


def test_weeks_are_equal_whatever_was_built_before_them(store: Store, comments: Manifest) -> None:
    older = build_week(store, comments, BEFORE, None, "first")
    both = build_week(store, comments, MONDAY, older, "second")
    newer = build_week(store, comments, MONDAY, None, "other")
    back = build_week(store, comments, BEFORE, newer, "backfill")
    for monday in (BEFORE, MONDAY):
        assert files(both, monday) == files(back, monday)
        assert all(files(both, monday)[name] for name in ("briefs", "entity_rankings", "platform_weeks"))
    assert [row["week"] for row in rows(store, back, "briefs")] == [BEFORE, MONDAY], "in order of the key"
    assert back.as_of == newer.as_of, "an older week becomes latest"


def test_what_came_late_changes_its_week_alone(store: Store, comments: Manifest) -> None:
    both = build_week(store, comments, MONDAY, build_week(store, comments, BEFORE, None))
    late = two_weeks()
    late["comments"].append(comment(999, START - DAY, sentiment=-1.0))
    again = build_week(store, publish_input(store, late, AT + DAY), BEFORE, both, "backfill")
    assert files(again, MONDAY) == files(both, MONDAY)
    counted = {row["week"]: row["comments"] for row in rows(store, again, "platform_weeks")}
    assert counted == {BEFORE: 29, MONDAY: 28}
    assert [row["comments_before"] for row in rows(store, again, "platform_weeks")][1] == 28, (
        "as it was built"
    )


def test_the_manifest_says_what_a_week_was_built_from(store: Store, comments: Manifest) -> None:
    made = build_week(store, comments, MONDAY, None)
    assert made.built_from == {"comments": comments.version}
    assert (made.upstream, made.counts) == ({"week": "2026-11-23"}, {"comments": 28})
    assert made.quarantine.arrived == {"comments": 28}
    (brief,) = rows(store, made, "briefs")
    assert brief["input_version"] == comments.version and comments.version in brief["twin"]
    assert hashlib.sha256(brief["pdf"]).hexdigest() == brief["pdf_sha256"]
    assert brief["pdf"].startswith(b"%PDF") and brief["pages"] >= 2
    assert brief["headline"] == "This week has 28 comments (posts: 1), 0 % against the 28 of the week before."


def test_a_week_without_comments_has_a_brief_and_no_other_rows(store: Store, comments: Manifest) -> None:
    made = build_week(store, comments, MONDAY + timedelta(days=70), None)
    assert {entry.name: entry.rows for entry in made.tables} == {
        table.name: int(table is tables.BRIEFS) for table in tables.TABLES
    }
    again = build_week(store, comments, MONDAY, made)
    assert [row["comments"] for row in rows(store, again, "briefs")] == [28, 0]


def test_without_comments_there_is_nothing_to_build_from(store: Store) -> None:
    with pytest.raises(LookupError, match="nothing of comments was published yet; run its DAG first"):
        build_week(store, None, MONDAY, None)
