"""The contracts of comments by really running Soda: they pass on sound tables, and name what is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.soda import harness
from tests.soda.comments.world import BY_NAME, JO, SEEN, comment, world
from tests.soda.harness import Tables, edited, not_passed, past, replaced, spoilt, with_rows

verify = partial(harness.verify, "comments")
Damage = Callable[[Tables], Tables]


@pytest.fixture(scope="module")
def sound() -> Tables:
    """Tables of 400 comments; never changed in place."""
    return world()


def first(row: dict[str, Any]) -> bool:
    numbered = row.get("comment_id") in {"17000001", "17000002", "17000007"}
    return numbered or row.get("post_id") == "0" or "name" in row or "item" in row


def one(row: dict[str, Any]) -> bool:
    return row.get("comment_id") == "17000003"


@pytest.mark.parametrize("comments", [1, 60, 2_000])
def test_first_tables_of_any_size_pass_every_check(comments: int) -> None:
    assert not_passed(verify(world(comments))) == {}


def test_tables_pass_against_themselves_and_their_history(sound: Tables) -> None:
    assert not_passed(verify(sound, sound, past(sound))) == {}


def test_nothing_at_all_is_refused() -> None:
    outcomes = verify({name: table.schema.empty_table() for name, table in BY_NAME.items()})
    assert not_passed(outcomes) == {
        f"{name}.checks.row_count": "FAILED" for name in ("posts", "files", "monitored_entities")
    }


REQUIRED = {
    f"{table.name}.columns.{column.name}.checks.missing": table.name
    for table in BY_NAME.values()
    for column in table.columns
    if column.required
}


@pytest.mark.parametrize("table", list(BY_NAME))
def test_nulls_in_required_columns_row_that_stands_twice_and_cut_hash_are_found(
    sound: Tables, table: str
) -> None:
    outcomes = verify(spoilt(sound, table), only=[table])
    expected = [check for check, where in REQUIRED.items() if where == table]
    expected += [f"{table}.checks.duplicate", f"{table}.columns.content_hash.checks.invalid"]
    assert {check: outcomes[check] for check in expected} == dict.fromkeys(expected, "FAILED")


def set_to(table: str, **values: Any) -> Damage:
    """One row of a table has these values."""
    return lambda tables: edited(tables, table, one if table == "comments" else first, **values)


DAMAGES: dict[str, tuple[Damage, str]] = {
    "comments.columns.platform.checks.invalid": (set_to("comments", platform="myspace"), "FAILED"),
    "comments.columns.comment_id.checks.invalid": (set_to("comments", comment_id="1 7"), "FAILED"),
    "comments.columns.context.checks.invalid": (set_to("comments", context="aside"), "FAILED"),
    "comments.columns.author.checks.invalid": (set_to("comments", author="jo.doe"), "FAILED"),
    "comments.columns.author_key.checks.invalid": (set_to("comments", author_key="the key"), "FAILED"),
    "comments.columns.likes.checks.invalid": (set_to("comments", likes=-1), "FAILED"),
    "comments.columns.reply_count.checks.invalid": (set_to("comments", reply_count=-1), "FAILED"),
    "comments.columns.author.checks.missing": (lambda t: _nulls(t, "author", "author_key"), "WARN"),
    "comments.columns.text.checks.missing": (lambda t: _nulls(t, "text"), "WARN"),
    "comments.columns.created_at.checks.missing": (lambda t: _nulls(t, "created_at"), "WARN"),
    "comments.checks.failed_rows.post": (set_to("comments", post_id="none"), "FAILED"),
    "comments.checks.failed_rows.author_key": (set_to("comments", author_key=None), "FAILED"),
    "comments.checks.failed_rows.derived": (set_to("comments", id_given=False), "FAILED"),
    "comments.checks.failed_rows.times": (
        set_to("comments", created_at=datetime(1970, 1, 1, tzinfo=UTC)),
        "FAILED",
    ),
    "comments.checks.failed_rows.seen": (set_to("comments", vanished_at=SEEN), "FAILED"),
    "comments.checks.failed_rows.parent": (set_to("comments", parent_id="17000003"), "FAILED"),
    "comments.checks.failed_rows.duplicates": (lambda t: _one_post(t, 300, "same"), "WARN"),
    "comments.checks.failed_rows.unmatched": (lambda t: _one_post(t, 200, "same"), "WARN"),
    "comments.columns.language.checks.invalid": (set_to("comments", language="English"), "FAILED"),
    "comments.columns.sentiment.checks.invalid": (set_to("comments", sentiment=1.5), "FAILED"),
    "comments.columns.sentiment_label.checks.invalid": (set_to("comments", sentiment_label="good"), "FAILED"),
    "comments.columns.score_state.checks.invalid": (set_to("comments", score_state="done"), "FAILED"),
    "comments.checks.failed_rows.scored": (set_to("comments", sentiment=None), "FAILED"),
    "comments.checks.failed_rows.unscored": (lambda t: _unscored(t, "failed"), "FAILED"),
    "comments.checks.failed_rows.score_failed": (
        set_to("comments", score_state="failed", sentiment=None, sentiment_label=None),
        "WARN",
    ),
    "comments.checks.failed_rows.language_mix": (
        lambda _: _unscored(world(600), "other_language"),
        "WARN",
    ),
    "signals.columns.platform.checks.invalid": (set_to("signals", platform="myspace"), "FAILED"),
    "signals.columns.signal_type.checks.invalid": (set_to("signals", signal_type="hint"), "FAILED"),
    "signals.columns.numeric_value.checks.invalid": (set_to("signals", numeric_value=2.0), "FAILED"),
    "signals.columns.weight.checks.invalid": (set_to("signals", weight=0.5), "FAILED"),
    "signals.columns.confidence.checks.invalid": (set_to("signals", confidence=1.5), "FAILED"),
    "signals.checks.failed_rows.comment": (set_to("signals", comment_id="none"), "FAILED"),
    "signals.checks.failed_rows.entity": (set_to("signals", entity_id="nobody"), "FAILED"),
    "signals.checks.failed_rows.discovered": (
        set_to("signals", entity_id="nobody", signal_type="discovered"),
        "FAILED",
    ),
    "signals.checks.failed_rows.score": (set_to("signals", numeric_value=0.1), "FAILED"),
    "signals.checks.failed_rows.sentiment": (
        lambda t: edited(t, "signals", lambda row: row["signal_type"] == "sentiment", numeric_value=0.1),
        "FAILED",
    ),
    "monitored_entities.columns.type.checks.invalid": (set_to("monitored_entities", type="cat"), "FAILED"),
    "monitored_entities.checks.failed_rows.catalogue": (
        lambda t: with_rows(
            t, BY_NAME["monitored_entities"], [{**JO, "entity_id": "other", "catalogue": "another"}]
        ),
        "FAILED",
    ),
    "discovered_entities.columns.mentions.checks.invalid": (
        set_to("discovered_entities", mentions=0),
        "FAILED",
    ),
    "discovered_entities.columns.status.checks.invalid": (
        set_to("discovered_entities", status="new"),
        "FAILED",
    ),
    "discovered_entities.checks.failed_rows.joined": (
        lambda t: replaced(t, "discovered_entities", "status", "joined"),
        "FAILED",
    ),
    "discovered_entities.checks.failed_rows.mentions": (
        set_to("discovered_entities", mentions=7_123),
        "FAILED",
    ),
    "discovered_entities.checks.failed_rows.junk": (
        lambda t: edited(t, "discovered_entities", lambda row: row["name"] == "stranger 0", mentions=7_123),
        "WARN",
    ),
    "review_queue.columns.kind.checks.invalid": (set_to("review_queue", kind="what"), "FAILED"),
    "review_queue.columns.comments.checks.invalid": (set_to("review_queue", comments=0), "FAILED"),
    "review_queue.checks.failed_rows.joined": (
        lambda t: replaced(t, "discovered_entities", "status", "joined"),
        "FAILED",
    ),
    "doubts.columns.platform.checks.invalid": (set_to("doubts", platform="myspace"), "FAILED"),
    "doubts.columns.kind.checks.invalid": (set_to("doubts", kind="what"), "FAILED"),
    "doubts.checks.failed_rows.comment": (set_to("doubts", comment_id="none"), "FAILED"),
    "posts.columns.platform.checks.invalid": (set_to("posts", platform="myspace"), "FAILED"),
    "posts.columns.url.checks.invalid": (set_to("posts", url="javascript:alert(1)"), "FAILED"),
    "posts.columns.part.checks.invalid": (set_to("posts", part="../x"), "FAILED"),
    "posts.columns.likes.checks.invalid": (set_to("posts", likes=-1), "FAILED"),
    "posts.columns.views.checks.invalid": (set_to("posts", views=-1), "FAILED"),
    "posts.columns.comments_declared.checks.invalid": (set_to("posts", comments_declared=-1), "FAILED"),
    "posts.columns.comments_captured.checks.invalid": (set_to("posts", comments_captured=-1), "FAILED"),
    "posts.checks.failed_rows.captured": (set_to("posts", comments_captured=3), "FAILED"),
    "posts.checks.failed_rows.times": (set_to("posts", posted_at=SEEN + timedelta(days=3)), "FAILED"),
    "posts.checks.failed_rows.captured_share": (set_to("posts", comments_declared=1_000), "WARN"),
    "posts.checks.failed_rows.rounded": (set_to("posts", id_rounded=True), "WARN"),
    "files.checks.failed_rows.accounted": (set_to("files", merged=0), "FAILED"),
    "files.checks.failed_rows.refused": (set_to("files", format=None), "FAILED"),
    "files.checks.failed_rows.times": (set_to("files", seen_at=SEEN + timedelta(days=9)), "FAILED"),
    "files.checks.failed_rows.kept": (set_to("files", kept=1, merged=400), "FAILED"),
    "files.checks.failed_rows.unreadable": (
        set_to("files", format=None, refused="unknown format", rows=0, kept=0, merged=0, quarantined=0),
        "WARN",
    ),
    "files.checks.failed_rows.complete": (set_to("files", complete=False), "WARN"),
    "files.columns.bytes.checks.invalid": (set_to("files", bytes=-1), "FAILED"),
    "files.columns.rows.checks.invalid": (set_to("files", rows=-1), "FAILED"),
    "files.columns.kept.checks.invalid": (set_to("files", kept=-1), "FAILED"),
    "files.columns.merged.checks.invalid": (set_to("files", merged=-1), "FAILED"),
    "files.columns.quarantined.checks.invalid": (set_to("files", quarantined=-1), "FAILED"),
    "inbox.columns.bytes.checks.invalid": (lambda t: replaced(t, "inbox", "bytes", -1), "FAILED"),
    "inbox.checks.failed_rows.taken": (lambda t: replaced(t, "inbox", "sha256", "cd" * 32), "FAILED"),
}


def _unscored(tables: Tables, state: str) -> Tables:
    """Most comments are not scored, for this reason."""
    return edited(
        tables,
        "comments",
        lambda row: row["likes"] != 1,
        score_state=state,
        sentiment=None,
        sentiment_label=None,
    )


def _nulls(tables: Tables, *columns: str) -> Tables:
    for column in columns:
        tables = replaced(tables, "comments", column, None)
    return tables


def _one_post(tables: Tables, count: int, text: str) -> Tables:
    """So many comments more on one post, half of them without an id, all with the same text."""
    rows = [{**comment(10_000 + number), "post_id": "0", "text": text} for number in range(count)]
    for number, row in enumerate(rows):
        row["id_given"] = number % 2 == 0
        row["comment_id"] = f"{number}" if number % 2 == 0 else f"derived-{number:032x}"
        row["parent_id"] = None
    return with_rows(tables, BY_NAME["comments"], rows)


@pytest.mark.parametrize("check", list(DAMAGES))
def test_each_check_finds_what_it_is_there_for(sound: Tables, check: str) -> None:
    damage, outcome = DAMAGES[check]
    assert verify(damage(sound), only=[check.partition(".")[0]])[check] == outcome


def test_no_check_is_without_a_test() -> None:
    covered = {*DAMAGES, *REQUIRED, *BY_CHANGE}
    covered |= {f"{name}.checks.{kind}" for name in BY_NAME for kind in ("schema", "row_count", "duplicate")}
    covered |= {f"{name}.columns.content_hash.checks.invalid" for name in BY_NAME}
    assert set(harness.declared_checks("comments")) == covered


def weeks(tables: Tables) -> list[dict[str, Any]]:
    """Nine good versions: enough to know what is usual."""
    three = past(tables)
    return [
        {**each, "version": f"{each['version']}{turn}", "as_of": each["as_of"] - timedelta(days=10 * turn)}
        for turn in range(3)
        for each in three
    ]


BY_CHANGE = {
    "comments.checks.metric.change_rows": lambda sound: (world(300), sound, ()),
    "posts.checks.metric.change_rows": lambda sound: (world(200), sound, ()),
    "files.checks.metric.change_rows": lambda sound: (_without_files(sound), _more_files(sound, 8), ()),
    "comments.checks.failed_rows.change_rise": lambda sound: (world(3_000), sound, weeks(sound)),
    "posts.checks.failed_rows.change_rise": lambda sound: (world(6_000), sound, weeks(sound)),
    "files.checks.failed_rows.change_rise": lambda sound: (_more_files(sound, 500), sound, weeks(sound)),
    "signals.checks.metric.change_rows": lambda sound: (world(300), sound, ()),
    "signals.checks.failed_rows.change_rise": lambda sound: (world(3_000), sound, weeks(sound)),
    "signals.checks.failed_rows.change_arrivals": lambda sound: (
        edited(
            world(800), "signals", lambda row: int(row["comment_id"][-4:], 16) > 0x400, numeric_value=None
        ), sound, (),
    ),
    "comments.checks.failed_rows.change_arrivals": lambda sound: (
        edited(world(500), "comments", lambda row: int(row["comment_id"][-4:], 16) > 0x400, text=None), sound, (),
    ),
    "posts.checks.failed_rows.change_arrivals": lambda sound: (
        edited(world(1_200), "posts", lambda row: int(row["post_id"]) >= 20, url=None), sound, (),
    ),
    "comments.checks.failed_rows.change_vanished": lambda sound: (
        edited(sound, "comments", lambda row: row["likes"] == 1, vanished_at=SEEN + timedelta(hours=1)), sound, (),
    ),
}  # fmt: skip
"""Tables, those before, and the history, in which a rule on changes fails."""


def _more_files(tables: Tables, count: int) -> Tables:
    (row,) = tables["files"].to_pylist()
    rows = [{**row, "sha256": f"{number:064}"} for number in range(count)]
    return with_rows(tables, BY_NAME["files"], rows)


def _without_files(tables: Tables) -> Tables:
    return tables | {"files": tables["files"].slice(0, 1)}


@pytest.mark.parametrize("check", list(BY_CHANGE))
def test_each_rule_on_changes_finds_what_it_is_there_for(sound: Tables, check: str) -> None:
    tables, before, history = BY_CHANGE[check](sound)
    assert verify(tables, before, history, only=[check.partition(".")[0]])[check] == "FAILED"
