"""The figures of a week: as plain Python counts them, and the faults of the system before this one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.comments_weekly import analysis, tables
from include.storage import duckdb_session
from tests.sources.comments_weekly.inputs import (
    MONDAY,
    START,
    Inputs,
    comment,
    entity,
    register,
    session,
    signal,
)
from tests.sources.comments_weekly.oracle import Oracle

Row = dict[str, Any]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANN = [entity("ann")]


@pytest.fixture
def week(tmp_path: Path) -> Any:
    """The rows of a table for a week of some inputs."""

    def rows(name: str, inputs: Inputs, monday: date = MONDAY) -> list[Row]:
        (table,) = (each for each in tables.FIGURES if each.name == name)
        with session(tmp_path, inputs, monday) as con:
            return pa.Table.from_batches(analysis.rows(con, table), table.values).to_pylist()

    return rows


def about(name: str, count: int, at: datetime, first: int = 0, **values: Any) -> dict[str, list[Row]]:
    """So many comments at a moment that name one entity."""
    comments = [comment(first + n, at, **values) for n in range(count)]
    return {"comments": comments, "signals": [signal(c, name) for c in comments]}


def together(*parts: dict[str, list[Row]], entities: list[Row] | None = None) -> Inputs:
    """Several inputs as one."""
    return {
        "comments": [row for part in parts for row in part["comments"]],
        "signals": [row for part in parts for row in part["signals"]],
        "monitored_entities": ANN if entities is None else entities,
    }


# --- against plain Python ---

MOMENTS = st.one_of(
    st.none(),
    st.integers(-36 * 24 * 3600, 8 * 24 * 3600).map(lambda s: START + timedelta(seconds=s)),
    st.sampled_from(
        [START + n * DAY + d for n in range(-7, 8) for d in (timedelta(0), -timedelta(microseconds=1))]
    ),
    st.integers(24 * 3600, 7 * 24 * 3600 - 1).map(lambda s: START + timedelta(seconds=s)),
)
COMMENTS = st.fixed_dictionaries(
    {
        "platform": st.sampled_from(["instagram", "youtube"]),
        "post_id": st.sampled_from([None, "p1", "p2"]),
        "context": st.sampled_from(["direct", "reply"]),
        "author": st.sampled_from([None, "x", "y"]),
        "created_at": MOMENTS,
        "likes": st.sampled_from([None, 0, 1, 250, 10**9]),
        "sentiment": st.one_of(
            st.none(),
            st.sampled_from([-0.7, -0.3, 0.3, 0.7, 0.0]),
            st.integers(-(10**9), 10**9).map(lambda n: n / 10**9),
        ),
        "score_state": st.sampled_from(["scored"] * 5 + ["failed", "other_language", "no_text", None]),
        "first_seen": st.sampled_from([START, START - DAY, START + 9 * DAY]),
        "vanished_at": st.sampled_from([None, START]),
    }
)
NAMED = st.lists(st.sampled_from(["ann", "bob", "cy", "Dee", ""]), max_size=4)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(COMMENTS, NAMED, st.integers(1, 30)), max_size=25))
def test_every_table_is_as_plain_python_counts_it(found: list[tuple[Row, list[str], int]]) -> None:
    rows, signals = [], []
    for values, names, times in found:
        for _ in range(times):
            rows.append({**comment(len(rows)), **values})
            signals += [signal(rows[-1], name, f"kind-{n % 2}") for n, name in enumerate(names)]
    inputs = {
        "comments": rows,
        "signals": signals,
        "monitored_entities": [entity("ann"), entity("bob"), entity("cy")],
    }
    oracle = Oracle(inputs, MONDAY)
    with duckdb_session.session(Path("/nowhere")) as con:
        register(con, inputs)
        analysis.prepare(con, MONDAY)
        for table in tables.FIGURES:
            made = pa.Table.from_batches(analysis.rows(con, table), table.values).to_pylist()
            wanted = getattr(oracle, table.name)()
            shown = [{name: row[name] for name in want} for row, want in zip(made, wanted, strict=True)]
            assert [_close(row) for row in shown] == wanted, table.name


def _close(row: Row) -> Row:
    """A row whose means equal those that differ in what is not published."""
    return {name: pytest.approx(v, abs=1.1e-4) if isinstance(v, float) else v for name, v in row.items()}


def test_the_same_comments_in_another_order_give_the_same_figures_to_the_last_digit(tmp_path: Path) -> None:
    comments = [
        comment(n, START + n * HOUR / 9, sentiment=(n * 7919 % 2001 - 1000) / 1000, likes=n % 97)
        for n in range(1200)
    ]
    signals = [signal(c, "ann") for c in comments]
    found = []
    for inputs in (
        {"comments": comments, "signals": signals, "monitored_entities": ANN},
        {"comments": comments[::-1], "signals": signals[7:] + signals[:7], "monitored_entities": ANN},
    ):
        with session(tmp_path, inputs) as con:
            found.append([pa.Table.from_batches(analysis.rows(con, t), t.values) for t in tables.FIGURES])
    assert found[0] == found[1]
    assert found[0][0].num_rows == 1


# --- what went wrong before (contract of the comments, its last section) ---


def test_velocity_is_that_of_the_weeks_end_and_not_of_the_moment_when_it_is_computed(week: Any) -> None:
    """Case 1: a brief of a past week carried today's alerts."""
    inputs = together(
        about("ann", 10, START + 2 * DAY, sentiment=0.5),
        about("ann", 10, START + 5 * DAY, first=100, sentiment=-0.5),
        about("ann", 500, START + 8 * DAY, first=1000, sentiment=0.9),
    )
    (alert,) = week("velocity_alerts", inputs)
    assert (alert["change_percent"], alert["level"], alert["direction"]) == (-200, "critical", "down")
    assert alert["window_end"] == datetime(2026, 11, 30, tzinfo=UTC)
    assert (alert["recent_comments"], alert["earlier_comments"]) == (10, 10)


def test_a_tiny_mean_before_does_not_explode_the_percentage(week: Any) -> None:
    """Case 1: 0.001 to 0.02 was 1,900 percent."""
    before = about("ann", 10, START + 2 * DAY, sentiment=0.001)
    assert (
        week(
            "velocity_alerts", together(before, about("ann", 10, START + 5 * DAY, first=100, sentiment=0.02))
        )
        == []
    )
    (alert,) = week(
        "velocity_alerts", together(before, about("ann", 10, START + 5 * DAY, first=100, sentiment=0.061))
    )
    assert (alert["change_percent"], alert["floor_used"], alert["level"]) == (60.0, True, "critical")


@pytest.mark.parametrize(
    ("recent", "levels"),
    [(0.65, []), (0.66, ["alert"]), (0.75, ["alert"]), (0.76, ["critical"]), (0.35, []), (0.34, ["alert"])],
)
def test_an_alert_begins_above_30_percent_and_is_critical_above_50(
    week: Any, recent: float, levels: list[str]
) -> None:
    inputs = together(
        about("ann", 10, START + 2 * DAY, sentiment=0.5),
        about("ann", 10, START + 5 * DAY, first=100, sentiment=recent),
    )
    assert [row["level"] for row in week("velocity_alerts", inputs)] == levels


@pytest.mark.parametrize(("recent", "previous"), [(9, 10), (10, 9)])
def test_velocity_needs_ten_scored_comments_on_both_sides(week: Any, recent: int, previous: int) -> None:
    inputs = together(
        about("ann", previous, START + 2 * DAY, sentiment=0.5),
        about("ann", recent, START + 5 * DAY, first=100, sentiment=-0.5),
        about("ann", 20, START + 5 * DAY, first=200, sentiment=None, score_state="failed"),
        about("ann", 20, START + 2 * DAY, first=300, sentiment=None, score_state="other_language"),
    )
    assert week("velocity_alerts", inputs) == []


@pytest.mark.parametrize("state", ["failed", "other_language", "no_text", None])
def test_a_comment_that_was_not_scored_is_no_neutral_one(week: Any, state: str | None) -> None:
    """Case 2: a failed model call was stored as neutral sentiment."""
    inputs = together(
        about("ann", 3, START, sentiment=0.9),
        about("ann", 5, START, first=10, sentiment=None, score_state=state),
    )
    (row,) = week("platform_weeks", inputs)
    assert (row["comments"], row["scored"], row["average_sentiment"], row["neutral"]) == (8, 3, 0.9, 0)
    assert row[state or "unscored"] == 5
    (ranked,) = week("entity_rankings", inputs)
    assert (ranked["comments"], ranked["scored"], ranked["weighted_sentiment"]) == (8, 3, 0.9)


def test_only_what_was_scored_counts_whatever_a_failed_row_holds(week: Any) -> None:
    """Case 2, where a scorer left a number in a row that it did not score."""
    inputs = together(about("ann", 5, START, sentiment=0.0, score_state="failed"))
    (row,) = week("entity_rankings", inputs)
    assert (row["comments"], row["scored"], row["average_sentiment"]) == (5, 0, None)


def test_an_entity_is_ranked_by_what_enrichment_matched_and_by_no_text(week: Any) -> None:
    """Case 3: "ben" matched "benefit". Nothing here looks for names in texts."""
    inputs = {
        "comments": [comment(1, text="What a benefit for Ben")],
        "signals": [],
        "monitored_entities": [entity("ben")],
    }
    assert week("entity_rankings", inputs) == []


@pytest.mark.parametrize(("mentions", "ranked"), [(9, ["ann"]), (10, ["Getty Images", "ann"])])
def test_a_discovered_entity_joins_from_ten_distinct_comments_on(
    week: Any, mentions: int, ranked: list[str]
) -> None:
    """Case 4, as far as it is ours: 7,123 signals of few comments lead nothing."""
    junk = about("Getty Images", mentions, START)
    junk["signals"] += [signal(c, "Getty Images", f"kind-{n}") for c in junk["comments"] for n in range(50)]
    rows = week("entity_rankings", together(junk, about("ann", 1, START, first=100)))
    assert [row["entity_id"] for row in sorted(rows, key=lambda row: row["rank"])] == ranked
    assert {row["entity_id"]: row["monitored"] for row in rows}["ann"] is True


def test_a_guess_whom_a_comment_is_about_counts_for_no_entity(week: Any) -> None:
    """Each comment that names nobody has a signal for its post's entity, of a confidence of 0.2."""
    sure = about("ann", 12, START)
    guessed = [comment(100 + number) for number in range(5)]
    inputs = together(
        sure, {"comments": guessed, "signals": [signal(c, "ann", "mention", 0.2) for c in guessed]}
    )
    (row,) = week("entity_rankings", inputs)
    assert row["comments"] == 12
    (row,) = week("platform_weeks", inputs)
    assert (row["comments"], row["without_entity"]) == (17, 5)


def test_a_comment_counts_once_however_many_signals_it_gave_and_one_without_any_counts_too(week: Any) -> None:
    """Case 5: counts were per signal, and comments without an entity were dropped."""
    one = about("ann", 2, START, likes=7)
    one["signals"] += [
        signal(c, "ann", kind) for c in one["comments"] for kind in ("sentiment", "emoji", "topic")
    ]
    inputs = together(
        one, {"comments": [comment(50, sentiment=-0.5), comment(51, sentiment=-0.5)], "signals": []}
    )
    (row,) = week("platform_weeks", inputs)
    assert (row["comments"], row["scored"], row["without_entity"]) == (4, 4, 2)
    assert (
        sum(row[name] for name in ("very_positive", "positive", "neutral", "negative", "very_negative")) == 4
    )
    days = {
        row["entity_id"]: (row["comments"], row["average_sentiment"])
        for row in week("sentiment_days", inputs)
    }
    assert days == {"(all)": (4, 0.0), "(none)": (2, -0.5), "ann": (2, 0.5)}
    (ranked,) = week("entity_rankings", inputs)
    assert (ranked["comments"], ranked["total_likes"]) == (2, 14)


def test_the_same_id_on_two_platforms_are_two_comments_and_each_keeps_its_entity(week: Any) -> None:
    """Case 6: comments had no key. Theirs is platform and id."""
    first, second = comment(1), comment(1, platform="youtube", sentiment=-0.5)
    inputs = {"comments": [first, second], "signals": [signal(second, "ann")], "monitored_entities": ANN}
    (ranked,) = week("entity_rankings", inputs)
    assert (ranked["comments"], ranked["average_sentiment"]) == (1, -0.5)


# --- what a week is ---


def test_a_week_is_monday_to_sunday_in_utc(week: Any) -> None:
    moments = [
        START - timedelta(microseconds=1),
        START,
        START + 7 * DAY - timedelta(microseconds=1),
        START + 7 * DAY,
    ]
    inputs = together({"comments": [comment(n, at) for n, at in enumerate(moments)], "signals": []})
    (row,) = week("platform_weeks", inputs)
    assert (row["comments"], row["comments_before"]) == (2, 1)


def test_the_week_at_the_years_turn_is_one_week(week: Any) -> None:
    monday = date(2026, 12, 28)
    inputs = together(
        about("ann", 1, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        about("ann", 1, datetime(2027, 1, 3, 23, 59, 59, tzinfo=UTC), first=1),
        about("ann", 1, datetime(2026, 12, 27, 23, 59, 59, tzinfo=UTC), first=2),
    )
    (row,) = week("entity_rankings", inputs, monday)
    assert (row["week"], row["comments"], row["comments_before"]) == (monday, 2, 1)
    assert [row["day"] for row in week("sentiment_days", inputs, monday) if row["entity_id"] == "(all)"] == [
        date(2026, 12, 31),
        date(2027, 1, 3),
    ]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles", "UTC"])
def test_the_zone_of_a_session_and_a_change_of_clocks_do_not_matter(tmp_path: Path, zone: str) -> None:
    """Clocks went back on 25 October 2026 in Berlin, a Sunday: that week has seven days of 24 hours all the same."""
    monday = date(2026, 10, 19)
    moments = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1, 2, 22, 23)]
    inputs = together({"comments": [comment(n, at) for n, at in enumerate(moments)], "signals": []})
    with duckdb_session.session(tmp_path) as con:
        con.execute(f"SET TimeZone = '{zone}'")
        register(con, inputs)
        analysis.prepare(con, monday)
        assert con.sql("SELECT day, week, count(*) FROM seen GROUP BY ALL").fetchall() == [
            (date(2026, 10, 25), monday, 5)
        ]


def test_a_comment_without_a_time_belongs_to_no_week_and_is_counted(week: Any) -> None:
    undated = comment(2, None, first_seen=START + DAY)
    (row,) = week(
        "platform_weeks", {"comments": [comment(1), undated], "signals": [], "monitored_entities": []}
    )
    assert (row["comments"], row["undated"]) == (1, 1)


def test_what_is_no_monday_names_no_week(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="2026-11-24 is no Monday"),
        session(tmp_path, together(), date(2026, 11, 24)),
    ):
        pass


def test_a_week_without_comments_has_no_rows(week: Any) -> None:
    for table in tables.FIGURES:
        assert week(table.name, together()) == []


# --- null, and never 0, for what nobody states ---


def test_likes_that_nobody_states_are_null_and_weigh_nothing_more(week: Any) -> None:
    inputs = together(
        about("ann", 2, START, likes=None), about("ann", 1, START, first=5, likes=None, sentiment=-0.1)
    )
    (row,) = week("entity_rankings", inputs)
    assert row["total_likes"] is None
    assert row["weighted_sentiment"] == row["average_sentiment"] == 0.3


def test_likes_weigh(week: Any) -> None:
    inputs = together(
        about("ann", 1, START, likes=300, sentiment=1.0), about("ann", 1, START, first=5, sentiment=0.0)
    )
    (row,) = week("entity_rankings", inputs)
    assert (row["average_sentiment"], row["weighted_sentiment"]) == (0.5, 0.8)


def test_movement_is_null_for_who_was_not_ranked_before(week: Any) -> None:
    inputs = together(
        about("ann", 5, START),
        about("bob", 3, START, first=10),
        about("bob", 9, START - DAY, first=20),
        about("cy", 4, START - DAY, first=40),
        entities=[entity("ann"), entity("bob"), entity("cy")],
    )
    rows = {row["entity_id"]: row for row in week("entity_rankings", inputs)}
    assert [
        (rows[e]["rank"], rows[e]["rank_before"], rows[e]["rank_change"]) for e in ("ann", "bob", "cy")
    ] == [
        (1, None, None),
        (2, 1, -1),
        (None, 2, None),
    ]
    assert rows["ann"]["sentiment_change"] is None and rows["cy"]["average_sentiment"] is None


def test_a_post_says_how_much_of_it_was_captured_where_the_platform_tells(week: Any) -> None:
    inputs = {
        "comments": [comment(n, post_id=f"p{n}") for n in range(3)],
        "posts": [
            {"platform": "instagram", "post_id": "p0", "comments_declared": 8, "comments_captured": 2},
            {"platform": "instagram", "post_id": "p1", "comments_declared": 0, "comments_captured": 1},
        ],
    }
    found = {row["post_id"]: row["captured_percent"] for row in week("post_weeks", inputs)}
    assert found == {"p0": 25.0, "p1": None, "p2": None}


# --- storylines ---


def pair(count: int, at: datetime, first: int, *names: str, **values: Any) -> dict[str, list[Row]]:
    comments = [comment(first + n, at, **values) for n in range(count)]
    return {"comments": comments, "signals": [signal(c, name) for c in comments for name in names]}


THREE = [entity("ann"), entity("bob"), entity("cy")]


def test_pairs_that_rise_and_share_an_entity_are_one_storyline_with_the_words_that_are_new(week: Any) -> None:
    inputs = together(
        pair(12, START, 0, "ann", "bob", text="the wedding of ann and bob #wedding @0123456789abcdef0123"),
        pair(11, START, 100, "bob", "cy", text="Wedding guest list!"),
        pair(3, START - 7 * DAY, 200, "ann", "bob", text="a nice film"),
        entities=THREE,
    )
    (row,) = week("storylines", inputs)
    assert (row["entities"], row["names"]) == (["ann", "bob", "cy"], ["Ann", "Bob", "Cy"])
    assert (row["comments"], row["comments_before"], row["growth"]) == (
        23,
        3,
        pytest.approx(23 / 3, abs=1e-4),
    )
    assert row["terms"] == ["wedding", "#wedding", "guest", "list"]


@pytest.mark.parametrize(
    ("now", "before", "told"), [(10, 5, 1), (9, 1, 0), (10, 6, 0), (20, 10, 1), (19, 10, 0)]
)
def test_a_pair_rises_from_ten_comments_and_twice_the_mean_week_before(
    week: Any, now: int, before: int, told: int
) -> None:
    inputs = together(
        pair(now, START, 0, "ann", "bob"), pair(before, START - 7 * DAY, 100, "ann", "bob"), entities=THREE
    )
    assert len(week("storylines", inputs)) == told


def test_without_a_week_before_nobody_can_tell_what_rises(week: Any) -> None:
    assert week("storylines", together(pair(50, START, 0, "ann", "bob"), entities=THREE)) == []
