"""When the answer that there is nothing is believed: only where the same question finds what is known to be there.

An upstream that is ill may answer "not found" to everything, in the words and with the status of a true answer. So
whoever takes absence for an answer asks, after the last one, for something of the same kind that is known to exist,
and then a second time for what was absent: an outage that ended in between shows in the second answers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeVar

from include.upstream.answers import Transient

T = TypeVar("T")

ASKED = 3
"""So many controls are asked at most: one that is there is enough, so one that was really deleted stops nothing."""
ROUNDS = 3
"""So often what is absent is asked for again, until nothing of it turns out to be there."""
_NAMED = 5
log = logging.getLogger(__name__)


class Control(NamedTuple):
    """A question for something that is known to be there; `thing` names it in a message."""

    thing: str
    is_there: Callable[[], bool]


def check(question: str, controls: Sequence[Control], *, at_most: int = ASKED) -> None:
    """Raise Transient unless one of the first controls is there; `question` says what kind was asked."""
    for control in controls[:at_most]:
        if control.is_there():
            return
    things = (
        ", ".join(control.thing for control in controls[:at_most]) or "nothing of which could be asked for"
    )
    raise Transient(
        f"{question}: the upstream says that there is nothing, and says so too of what is known to be there "
        f"({things}). That is an outage and no answer: nothing of it is remembered, and latest stays. The next try "
        "asks again; if it stays so, compare what the upstream answers with the documents in docs/upstreams.",
        cause=f"{question}: what is known to be there ({things}) is not found",
    )


def confirmed(
    question: str,
    absent: Collection[T],
    control: Callable[[], None],
    ask_again: Callable[[Collection[T]], list[T]],
) -> Collection[T]:
    """Those of some items that are absent indeed.

    After `control`, which raises where the question finds nothing at all, `ask_again` says which of the items are
    absent still. Where some turned out to be there, the rest is asked for once more. Raises Transient where every
    round finds some.
    """
    for _ in range(ROUNDS):
        if not absent:
            return absent
        control()
        still = ask_again(absent)
        if len(still) == len(absent):
            return still
        log.warning(
            "%s: %d of %d that were not there a moment ago are there",
            question,
            len(absent) - len(still),
            len(absent),
        )
        absent = still
    raise Transient(
        f"{question}: of what is not there some is there in the next answer, {ROUNDS} times in a row, "
        f"{', '.join(map(str, list(absent)[:_NAMED]))} among the rest. The upstream is ill: nothing that is absent is "
        "remembered, and latest stays. The next try asks again.",
        cause=f"{question}: what is not there in one answer is there in the next",
    )
