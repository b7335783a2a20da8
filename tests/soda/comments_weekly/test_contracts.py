"""The contracts of the weekly figures by really running Soda: they pass on sound tables, and name what is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from include.publishing import manifest as manifests
from include.sources.comments_weekly import tables
from include.storage.store import Store
from tests.soda import harness
from tests.soda.harness import Tables, edited, not_passed, past, spoilt, without
from tests.sources.comments_weekly.inputs import (
    MONDAY,
    START,
    build_week,
    comment,
    entity,
    publish_input,
    signal,
)

verify = partial(harness.verify, "comments_weekly")
AT = datetime(2026, 12, 1, 3, tzinfo=UTC)
Damage = Callable[[Tables], Tables]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Two weeks with an alert, a discovered entity, a storyline and gaps; never changed in place."""
    store = Store.from_uri((tmp_path_factory.mktemp("sound") / "store").as_uri())
    rows, signals = [], []
    for week in range(3):
        for n in range(240):
            at = START + timedelta(days=7 * (week - 2), hours=n * 167 / 240)
            late = n >= 140
            found = comment(
                len(rows),
                at,
                platform=("instagram", "youtube")[n % 2],
                post_id=f"p{n % 5}",
                likes=(None, 0, 7)[n % 3],
                sentiment=None if n % 20 == 0 else (-0.4 if late and week else 0.5),
                score_state="failed" if n % 20 == 0 else "scored",
            )
            rows.append(found)
            names = [["ann"], ["bob"], [], ["ann", "bob"] if week else ["ann"], ["velvet room"]][n % 5]
            signals += [signal(found, name) for name in names]
    comments = publish_input(
        store,
        {"comments": rows, "signals": signals, "monitored_entities": [entity("ann"), entity("bob")]},
        AT,
    )
    before = build_week(store, comments, MONDAY - timedelta(days=7), None)
    made = build_week(store, comments, MONDAY, before)
    found = {entry.name: manifests.dataset(store, entry).to_table() for entry in made.tables}
    return {table.name: found[table.name].cast(table.schema) for table in tables.TABLES}


def test_sound_tables_pass_every_check_alone_and_against_themselves(sound: Tables) -> None:
    assert all(sound[table.name].num_rows for table in tables.TABLES), "each has something to check"
    assert not_passed(verify(sound)) == {}
    assert not_passed(verify(sound, sound, past(sound))) == {}


def test_a_week_without_comments_passes(tmp_path: Path) -> None:
    store = Store.from_uri((tmp_path / "store").as_uri())
    made = build_week(store, publish_input(store, {}, AT), MONDAY, None)
    found = {
        e.name: manifests.dataset(store, e)
        .to_table()
        .cast(next(t.schema for t in tables.TABLES if t.name == e.name))
        for e in made.tables
    }
    assert not_passed(verify(found)) == {}


def test_no_brief_at_all_is_refused(sound: Tables) -> None:
    empty = {name: rows.slice(0, 0) for name, rows in sound.items()}
    assert not_passed(verify(empty)) == {"briefs.checks.row_count": "FAILED"}


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.name)
def test_nulls_and_rows_that_come_twice_are_named(sound: Tables, table: Any) -> None:
    found = verify(spoilt(sound, table.name), only=[table.name])
    wanted = {
        f"{table.name}.columns.{column.name}.checks.missing" for column in table.columns if column.required
    }
    wanted |= {f"{table.name}.checks.duplicate", f"{table.name}.columns.content_hash.checks.invalid"}
    assert {check for check, outcome in found.items() if outcome == "FAILED"} >= wanted


def changed(table: str, **values: Any) -> Damage:
    """One row of a table with other values."""

    def damage(sound: Tables) -> Tables:
        first = sound[table].slice(0, 1).to_pylist()[0]
        keys = next(each.key for each in tables.TABLES if each.name == table)
        return edited(sound, table, lambda row: all(row[key] == first[key] for key in keys), **values)

    return damage


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a rank that is missing": (
        changed("entity_rankings", rank=99),
        "entity_rankings.checks.failed_rows.ranks",
    ),
    "one who is named has no rank": (
        changed("entity_rankings", rank=None),
        "entity_rankings.checks.failed_rows.named",
    ),
    "a discovered entity with few comments": (
        changed("entity_rankings", monitored=False, comments=9),
        "entity_rankings.checks.failed_rows.discovered",
    ),
    "a mean of nothing": (changed("entity_rankings", scored=0), "entity_rankings.checks.failed_rows.means"),
    "more comments than there are": (
        changed("entity_rankings", comments=10**6),
        "entity_rankings.checks.failed_rows.totals",
    ),
    "a mean beyond the scale": (
        changed("entity_rankings", average_sentiment=1.5),
        "entity_rankings.columns.average_sentiment.checks.invalid",
    ),
    "an alert below its threshold": (
        changed("velocity_alerts", change_percent=12.0),
        "velocity_alerts.checks.failed_rows.levels",
    ),
    "a change that is not that of its means": (
        changed("velocity_alerts", recent_sentiment=0.9),
        "velocity_alerts.checks.failed_rows.formula",
    ),
    "too small a sample": (
        changed("velocity_alerts", recent_comments=9),
        "velocity_alerts.checks.failed_rows.samples",
    ),
    "today's window": (
        changed("velocity_alerts", window_end=AT),
        "velocity_alerts.checks.failed_rows.window",
    ),
    "an alert about nobody": (
        changed("velocity_alerts", entity_id="nobody"),
        "velocity_alerts.checks.failed_rows.entities",
    ),
    "a day of another week": (
        changed("sentiment_days", day=MONDAY + timedelta(days=30)),
        "sentiment_days.checks.failed_rows.days",
    ),
    "days that count per signal": (
        changed("sentiment_days", comments=999),
        "sentiment_days.checks.failed_rows.totals",
    ),
    "unmatched comments that are dropped": (
        lambda sound: without(sound, "sentiment_days", lambda row: row["entity_id"] == "(none)"),
        "sentiment_days.checks.failed_rows.unmatched",
    ),
    "a day's mean of nothing": (
        changed("sentiment_days", scored=0),
        "sentiment_days.checks.failed_rows.means",
    ),
    "comments of no state": (changed("platform_weeks", failed=0), "platform_weeks.checks.failed_rows.states"),
    "scored comments of no class": (
        changed("platform_weeks", neutral=10**4),
        "platform_weeks.checks.failed_rows.classes",
    ),
    "more replies than comments": (
        changed("platform_weeks", replies=10**6),
        "platform_weeks.checks.failed_rows.parts",
    ),
    "no mean of what is scored": (
        changed("platform_weeks", average_sentiment=None),
        "platform_weeks.checks.failed_rows.means",
    ),
    "a post without a rank of its own": (
        changed("post_weeks", rank=2),
        "post_weeks.checks.failed_rows.ranks",
    ),
    "posts with more comments than the week": (
        changed("post_weeks", comments=10**6),
        "post_weeks.checks.failed_rows.totals",
    ),
    "a post without comments": (changed("post_weeks", comments=0), "post_weeks.checks.failed_rows.counted"),
    "a storyline of one": (changed("storylines", entities=["ann"]), "storylines.checks.failed_rows.entities"),
    "storylines from the second on": (changed("storylines", rank=7), "storylines.checks.failed_rows.ranks"),
    "a storyline of many words": (
        changed("storylines", terms=list("abcdef")),
        "storylines.checks.failed_rows.terms",
    ),
    "another PDF": (changed("briefs", pdf=b"%PDF-1.3 of somebody else"), "briefs.checks.failed_rows.pdf"),
    "a twin of another week": (
        changed("briefs", twin='{"week": "2026-01-05"}'),
        "briefs.checks.failed_rows.twin",
    ),
    "a brief that counts otherwise": (changed("briefs", comments=1), "briefs.checks.failed_rows.totals"),
    "a week without a brief": (
        lambda sound: without(sound, "briefs", lambda row: row["week"] == MONDAY),
        "briefs.checks.failed_rows.complete",
    ),
    **{
        f"a Tuesday in {table.name}": (
            changed(table.name, week=MONDAY + timedelta(days=1)),
            f"{table.name}.checks.failed_rows.mondays",
        )
        for table in tables.TABLES
    },
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_broken_is_named(sound: Tables, name: str) -> None:
    damage, check = DAMAGES[name]
    assert verify(damage(sound), only=[check.split(".")[0]])[check] == "FAILED"


def test_every_rule_of_ours_has_a_damage_that_it_names() -> None:
    rules = {
        check
        for check in harness.declared_checks("comments_weekly")
        if ".failed_rows." in check and ".change_" not in check
    }
    warnings = {"entity_rankings.checks.failed_rows.leader", "platform_weeks.checks.failed_rows.unscored"}
    assert rules - warnings == {check for _, check in DAMAGES.values() if ".failed_rows." in check}


def test_a_week_that_is_led_by_a_discovered_entity_and_one_that_is_hardly_scored_warn(sound: Tables) -> None:
    led = edited(sound, "entity_rankings", lambda row: row["rank"] == 1, monitored=False)
    assert verify(led, only=["entity_rankings"])["entity_rankings.checks.failed_rows.leader"] == "WARN"
    failed = changed("platform_weeks", failed=100)(sound)
    assert verify(failed, only=["platform_weeks"])["platform_weeks.checks.failed_rows.unscored"] == "WARN"


def test_weeks_that_go_and_lose_comments_against_the_last_good_version_are_named(sound: Tables) -> None:
    gone = without(sound, "briefs", lambda row: row["week"] != MONDAY)
    assert verify(gone, sound, only=["briefs"])["briefs.checks.failed_rows.change_weeks"] == "FAILED"
    fewer = changed("platform_weeks", comments=12)(sound)
    found = verify(fewer, sound, only=["platform_weeks"])
    assert found["platform_weeks.checks.failed_rows.change_comments"] == "FAILED"
    half = without(sound, "sentiment_days", lambda row: row["week"] != MONDAY)
    assert (
        verify(half, sound, only=["sentiment_days"])["sentiment_days.checks.metric.change_rows"] == "FAILED"
    )
