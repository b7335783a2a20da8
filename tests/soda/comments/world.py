"""A sound set of the tables of comments, of any size: the same numbers give the same tables."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from include.sources.comments.enrich.discovery import JOINS_AT
from include.sources.comments.tables import TABLES
from tests.soda.harness import Tables, table_of

BY_NAME = {table.name: table for table in TABLES}
SEEN = datetime(2026, 10, 30, tzinfo=UTC)
TAKEN = datetime(2026, 10, 31, tzinfo=UTC)
A_POST = 20
STRANGERS = tuple(f"stranger {number}" for number in range(40))
JO = {
    "entity_id": "jo_day",
    "name": "Jo Day",
    "canonical_name": "Josephine Day",
    "type": "person",
    "aliases": ["JD"],
    "handles": ["joday"],
    "active": True,
    "catalogue": "0123456789abcdef",
}


def world(comments: int = 400) -> Tables:
    """Tables of so many comments on a twentieth of as many posts, out of one file."""
    rows = [comment(number) for number in range(comments)]
    posts = [
        post(number, sum(row["post_id"] == str(number) for row in rows))
        for number in range(-(-comments // A_POST))
    ]
    file = {
        "sha256": "ab" * 32,
        "name": "export.csv",
        "format": "apify_raw",
        "bytes": 100 * comments,
        "encoding": "utf-8",
        "rows": comments + 2,
        "kept": comments,
        "merged": 1,
        "quarantined": 1,
        "complete": True,
        "seen_at": SEEN,
        "taken_at": TAKEN,
    }
    inbox = {"path": "export.csv", "bytes": 100 * comments, "modified_at": SEEN, "sha256": "ab" * 32}
    found = {
        "posts": posts,
        "comments": rows,
        "files": [file],
        "inbox": [inbox],
        "monitored_entities": [JO],
        **about(rows),
    }
    return {name: table_of(BY_NAME[name], part) for name, part in found.items()}


def about(comments: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What the comments say: every second of Jo Day, every third of somebody unknown, every seventh of some Kim."""
    signals, doubts = [], []
    for number, row in enumerate(comments):
        key = {"platform": row["platform"], "comment_id": row["comment_id"]}
        if number % 2 == 0:
            signals += [
                signal(row, "jo_day", "mention", "name", 0.9),
                signal(row, "jo_day", "sentiment", row["sentiment_label"], 0.9, row["sentiment"]),
            ]
        if number % 3 == 0:
            signals.append(signal(row, STRANGERS[number % len(STRANGERS)], "discovered", "Stranger", 0.5))
        if number % 7 == 0:
            doubts.append({**key, "kind": "ambiguous_alias", "item": "kim", "reason": "kim may be two"})
    counts = Counter(each["entity_id"] for each in signals if each["signal_type"] == "discovered")
    queue = [("unknown_name", name, count) for name, count in counts.items() if count >= JOINS_AT]
    queue += [("ambiguous_alias", "kim", len(doubts))] if doubts else []
    return {
        "signals": signals,
        "doubts": doubts,
        "discovered_entities": [
            {
                "name": name,
                "spelling": name.title(),
                "mentions": count,
                "status": "joined" if count >= JOINS_AT else "candidate",
            }
            for name, count in counts.items()
        ],
        "review_queue": [
            {"kind": kind, "item": item, "reason": "so it is", "comments": count, "examples": ["instagram/1"]}
            for kind, item, count in queue
        ],
    }


def signal(
    row: dict[str, Any], entity: str, kind: str, value: str, confidence: float, score: float | None = None
) -> dict[str, Any]:
    """A signal of a comment."""
    return {
        "platform": row["platform"],
        "comment_id": row["comment_id"],
        "entity_id": entity,
        "signal_type": kind,
        "value": value,
        "numeric_value": score,
        "weight": 1 + row["likes"] / 100,
        "confidence": confidence,
        "model": "a model 1",
    }


def post(number: int, captured: int) -> dict[str, Any]:
    """A post; every second was told of by an export of posts."""
    told = number % 2 == 0
    return {
        "platform": "instagram",
        "post_id": str(number),
        "id_rounded": False,
        "url": f"https://www.instagram.com/p/P{number:05}/",
        "caption": f"caption {number}",
        "posted_at": SEEN - timedelta(days=3) if told else None,
        "likes": 1000 if told else None,
        "comments_declared": 2 * captured if told else None,
        "comments_captured": captured,
        "part": f"202610-{number % 8}",
        "first_seen": SEEN,
        "last_seen": SEEN,
    }


def comment(number: int) -> dict[str, Any]:
    """A comment; every tenth without an id, every fifth a reply."""
    given = number % 10 != 0
    return {
        "platform": "instagram",
        "comment_id": f"{17_000_000 + number}" if given else f"derived-{number:032x}",
        "post_id": str(number // A_POST),
        "parent_id": "17000001" if number % 5 == 1 and number > 1 else None,
        "context": "reply" if number % 5 == 1 and number > 1 else "direct",
        "author": f"{number:020x}",
        "author_key": "0123abcd",
        "text": f"text {number}",
        "created_at": SEEN - timedelta(hours=number % 48),
        "likes": number % 7,
        "reply_count": 0,
        "id_given": given,
        "first_seen": SEEN,
        "last_seen": SEEN,
        "language": "en",
        "sentiment": 0.5 if number % 2 else -0.5,
        "sentiment_label": "positive" if number % 2 else "negative",
        "score_state": "scored",
        "scorer": "lexicon 1",
    }
