"""What an operator may ask for, and what no act takes for its default."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from include import arguments
from include.arguments import NotUnderstood
from include.operations import backup, decisions, diff, quarantine, replay, verification
from include.publishing import promotion
from include.version import version_id

WHOLE: dict[str, Any] = {
    "source": "toy",
    "version": "20260101T000000Z-00000000",
    "who": "ann",
    "reason": "wrong data",
    "stamp": "20260101T000000Z",
}
BAD = {
    "source": ("", " ", "Toy", "to y", "toy\n", "tö", "../toy", "x" * 64, "\x00"),
    "version": (
        "",
        " ",
        "latest",
        "20260101T000000Z",
        " 20260101T000000Z-00000000",
        "20260101T000000Z-1\n",
        "２",
    ),
    "who": ("", "\t", "\u200b", "a\x1b[2J", "x" * 301),
    "reason": ("", "  ", "...", "\u200b\u202e", "a\x00b", "two\nlines", "a\ud800", "x" * 1001),
    "stamp": ("", "newest", "20260101"),
}
Act = Callable[[dict[str, Any]], object]
NOTHING: Any = None
"""No store and no registry: a refusal needs neither."""
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def signed(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in ("who", "reason")}


def named(given: dict[str, Any]) -> tuple[Any, ...]:
    return NOTHING, NOTHING, given["source"], given["version"]


SIGNED_ACTS: dict[str, Act] = {
    "accept": lambda given: decisions.accept(*named(given), **signed(given)),
    "promotion.accept": lambda given: promotion.accept(*named(given), **signed(given)),
    "rollback": lambda given: decisions.rollback(
        NOTHING, NOTHING, given["source"], to=given["version"], **signed(given)
    ),
    "retry": lambda given: decisions.retry(*named(given), **signed(given)),
    "pin": lambda given: decisions.pin(*named(given), **signed(given)),
    "unpin": lambda given: decisions.unpin(*named(given), **signed(given)),
    "replay": lambda given: replay.replay(*named(given), **signed(given), now=NOW),
}
OTHER_ACTS: dict[str, tuple[set[str], Act]] = {
    "retry_all": (
        {"source", "who", "reason"},
        lambda given: decisions.retry_all(NOTHING, NOTHING, given["source"], **signed(given), now=NOW),
    ),
    "rebuild": ({"who"}, lambda given: decisions.rebuild_registry(NOTHING, NOTHING, who=given["who"])),
    "verify": ({"source"}, lambda given: verification.verify(NOTHING, NOTHING, given["source"])),
    "quarantine": (
        {"source", "version"},
        lambda given: quarantine.show(NOTHING, given["source"], given["version"]),
    ),
    "diff": (
        {"source", "version"},
        lambda given: list(diff.compare(NOTHING, given["source"], WHOLE["version"], given["version"])),
    ),
    "restore": (
        {"who", "stamp"},
        lambda given: backup.restore(NOTHING, NOTHING, NOTHING, who=given["who"], stamp=given["stamp"]),
    ),
}
ACTS = {
    **{name: ({"source", "version", "who", "reason"}, act) for name, act in SIGNED_ACTS.items()},
    **OTHER_ACTS,
}


@pytest.mark.parametrize("name", ACTS)
def test_what_cannot_be_meant_is_refused_in_one_sentence_before_anything_is_looked_at(name: str) -> None:
    takes, act = ACTS[name]
    for field in takes:
        for value in BAD[field]:
            with pytest.raises(NotUnderstood) as refused:
                act({**WHOLE, field: value})
            sentence = str(refused.value)
            assert sentence.isprintable() and len(sentence) < 500, (field, value)


@given(st.text(max_size=300))
@example("20260101T000000Z-00000000")
def test_every_version_that_a_run_makes_passes(run_id: str) -> None:
    arguments.check(**{**WHOLE, "version": version_id(NOW, run_id.encode("utf-8", "replace").decode())})


@given(st.sampled_from(sorted(WHOLE)), st.text(alphabet=st.characters(), max_size=80))
def test_a_refusal_prints_whatever_was_asked_for(field: str, value: str) -> None:
    try:
        arguments.check(**{field: value})
    except NotUnderstood as refused:
        assert str(refused).isprintable() and str(refused).isascii()


def test_what_is_left_out_is_no_mistake_and_people_write_in_their_own_words() -> None:
    arguments.check()
    arguments.check(
        who="DAG run manual__2026-01-01T00:00:00+00:00", reason="prüfe: ½ der Werte fehlt – 再試行 🙈"
    )
