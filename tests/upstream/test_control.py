"""That there is nothing is believed where something else is there, and where it was said twice."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from include.upstream import control
from include.upstream.answers import Transient
from include.upstream.control import Control


def controls(*there: bool) -> tuple[list[Control], list[str]]:
    """Controls that are there or not, and those that were asked for."""
    asked: list[str] = []

    def one(number: int, is_there: bool) -> Control:
        return Control(f"thing {number}", lambda: asked.append(f"thing {number}") or is_there)  # type: ignore[func-returns-value]

    return [one(number, is_there) for number, is_there in enumerate(there)], asked


@pytest.mark.parametrize("there", [(True, False, False), (False, True, True), (False, False, True)])
def test_one_of_three_is_enough_so_that_what_was_deleted_stops_nothing(there: tuple[bool, ...]) -> None:
    chosen, asked = controls(*there)
    control.check("names", chosen)
    assert len(asked) == there.index(True) + 1, "none is asked after the first that is there"


@pytest.mark.parametrize("there", [(), (False,), (False, False, False, True)])
def test_without_any_it_is_an_outage_that_names_what_is_missing(there: tuple[bool, ...]) -> None:
    chosen, asked = controls(*there)
    with pytest.raises(Transient, match=r"^names: .* known to be there \(.*nothing of it is remembered"):
        control.check("names", chosen)
    assert len(asked) == min(len(there), control.ASKED)


def test_what_is_absent_twice_is_absent_and_is_asked_for_after_the_control() -> None:
    happened: list[str] = []

    def again(absent: Collection[str]) -> list[str]:
        happened.append(f"again {', '.join(absent)}")
        return list(absent)

    assert control.confirmed("names", ["a", "b"], lambda: happened.append("control"), again) == ["a", "b"]
    assert happened == ["control", "again a, b"]
    assert control.confirmed("names", [], lambda: pytest.fail("nothing is absent"), again) == []


def test_where_some_turn_out_to_be_there_the_rest_is_asked_for_until_it_says_the_same() -> None:
    left, rounds = ["a", "b", "c"], []

    def again(absent: Collection[str]) -> list[str]:
        rounds.append(list(absent))
        return [item for item in absent if len(rounds) > 1 and item != "a"] or ["b", "c"]

    assert control.confirmed("names", left, lambda: None, again) == ["b", "c"]
    assert rounds == [["a", "b", "c"], ["b", "c"]]


def test_an_upstream_that_says_something_else_each_time_is_not_believed() -> None:
    with pytest.raises(Transient, match="some is there in the next answer"):
        control.confirmed("names", list("abcde"), lambda: None, lambda absent: list(absent)[1:])
