"""Lists of matches: what ends them, what they must hold, and entries that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from include.sources.sofascore.listings import PAGES_MAX, Lister
from include.upstream.answers import Answer, ContractBreak, Kind, Transient

LAST = "api/v1/unique-tournament/17/season/1/events/last"


class Upstream:
    """Answers from a dict of bodies by path; what is not there is a 404."""

    def __init__(self, bodies: Callable[[str], Any]) -> None:
        self.bodies = bodies

    def get(self, path: str) -> Answer:
        body = self.bodies(path)
        kind, status = (Kind.EMPTY, 404) if body is None else (Kind.OK, 200)
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return Answer(kind, "GET", f"http://host/{path}", status, {}, content)


def lister(bodies: Callable[[str], Any] | dict[str, Any]) -> tuple[Lister, list[bytes]]:
    unreadable: list[bytes] = []
    upstream: Any = Upstream(bodies.get if isinstance(bodies, dict) else bodies)
    return Lister(upstream, lambda raw: unreadable.append(bytes(raw))), unreadable


def entry(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "startTimestamp": 1_790_000_000,
        "status": {"code": 100},
        "tournament": {"id": 1},
        "season": {"id": 1, "year": "26/27"},
        "homeTeam": {"id": 1, "name": "Home"},
        "awayTeam": {"id": 2, "name": "Away"},
        **changes,
    }


def ids(pages: Any) -> list[list[int]]:
    return [[found.id for found, _ in page] for page in pages]


def test_pages_are_read_until_one_says_that_it_is_the_last_and_a_match_on_two_of_them_counts_once() -> None:
    asked, _ = lister(
        {
            f"{LAST}/0": {"events": [entry(3), entry(2)], "hasNextPage": True},
            f"{LAST}/1": {"events": [entry(2), entry(1)], "hasNextPage": False},
        }
    )
    assert ids(asked.played(17, 1)) == [[3, 2], [1]]
    assert ids(asked.coming(17, 1)) == [[]], "a 404 for the first page is a list without matches"


def test_a_page_that_was_announced_and_is_not_there_may_come_later() -> None:
    asked, _ = lister({f"{LAST}/0": {"events": [entry(1)], "hasNextPage": True}})
    with pytest.raises(Transient, match=r"events/last/1 is not there, which the page before it announced"):
        list(asked.played(17, 1))


@pytest.mark.parametrize("body", [{"events": []}, {"hasNextPage": False}, {"error": 1}, []])
def test_a_page_without_its_keys_breaks_the_contract(body: Any) -> None:
    asked, _ = lister({f"{LAST}/0": body})
    with pytest.raises(ContractBreak):
        list(asked.played(17, 1))
    asked, _ = lister({"api/v1/unique-tournament/17/season/1/rounds": {"error": 1}})
    with pytest.raises(ContractBreak):
        asked.rounds(17, 1)


@pytest.mark.parametrize("number", [lambda page: 1, lambda page: page])
def test_pages_without_end_break_the_contract(number: Callable[[int], int]) -> None:
    def endless(path: str) -> Any:
        page = int(path.rpartition("/")[2])
        assert page < PAGES_MAX
        return {"events": [entry(number(page))], "hasNextPage": True}

    asked, _ = lister(endless)
    with pytest.raises(ContractBreak, match="the number of the page is ignored"):
        list(asked.played(17, 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 2**63},
        {"id": None},
        {"startTimestamp": 99_999_999_999_999},
        {"status": {}},
        {"tournament": "none"},
        {"season": {"id": 1}},
        {"homeTeam": {}},
    ],
)
def test_an_entry_that_tells_no_match_is_kept_apart(changes: dict[str, Any]) -> None:
    asked, unreadable = lister(
        {f"{LAST}/0": {"events": [entry(1, **changes), entry(2)], "hasNextPage": False}}
    )
    assert ids(asked.played(17, 1)) == [[2]]
    assert [msgspec.json.decode(raw) for raw in unreadable] == [entry(1, **changes)]


def test_bytes_that_are_no_text_are_kept_apart_too() -> None:
    bad = msgspec.json.encode(entry(1)).replace(b"26/27", b"26/\xff7")
    body = b'{"hasNextPage": false, "events": [' + bad + b"," + msgspec.json.encode(entry(2)) + b"]}"
    asked, unreadable = lister({f"{LAST}/0": body})
    assert (ids(asked.played(17, 1)), unreadable) == ([[2]], [bad])


# --- lists of seasons and rounds

SEASONS, ROUNDS = "api/v1/unique-tournament/17/seasons", "api/v1/unique-tournament/17/season/1/rounds"
SEASON = {"id": 1, "year": "26/27"}


@pytest.mark.parametrize(
    "odd",
    [{"id": "garbage", "year": "25/26"}, {"id": 2}, {"id": 2, "year": 2025}, {}, 7, None],
    ids=str,
)
def test_a_season_that_cannot_be_read_holds_up_no_other(odd: Any) -> None:
    asked, unreadable = lister({SEASONS: {"seasons": [odd, SEASON]}})
    assert [each.id for each in asked.seasons(17) or ()] == [1]
    assert (unreadable, asked.odd, asked.refused) == ([msgspec.json.encode(odd)], 1, 0)
    asked.check_shape()


@pytest.mark.parametrize("odd", [{"round": "Final"}, {"round": 1.5}, {"round": [1]}, "Final"], ids=str)
def test_a_round_that_cannot_be_read_holds_up_no_other(odd: Any) -> None:
    body = {"currentRound": {"round": 3}, "rounds": [{"round": 1}, odd, {"name": "Final"}, {"round": "3"}]}
    asked, unreadable = lister({ROUNDS: body})
    rounds = asked.rounds(17, 1)
    assert ([each.round for each in rounds.rounds], rounds.current) == ([1, None, 3], 3)
    assert (unreadable, asked.odd) == ([msgspec.json.encode(odd)], 1)


@pytest.mark.parametrize(("current", "odd"), [({"round": "Final"}, 1), ({}, 0), (None, 0)], ids=str)
def test_nor_does_the_current_round(current: Any, odd: int) -> None:
    asked, unreadable = lister({ROUNDS: {"currentRound": current, "rounds": [{"round": 1}]}})
    rounds = asked.rounds(17, 1)
    assert ([each.round for each in rounds.rounds], rounds.current) == ([1], None)
    assert len(unreadable) == asked.odd == odd


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_of_which_no_season_or_round_can_be_read_breaks_the_contract(count: int) -> None:
    asked, _ = lister(
        {
            SEASONS: {"seasons": [{"id": "garbage"}] * count},
            ROUNDS: {"rounds": [{"round": "garbage"}] * count},
        }
    )
    with pytest.raises(ContractBreak, match=r"none of the entries .* the last of GET host/api.*/seasons"):
        asked.seasons(17)
    with pytest.raises(ContractBreak, match=r"none of the entries .*/rounds"):
        asked.rounds(17, 1)


@pytest.mark.parametrize("body", [{"seasons": {}}, {"rounds": 1}, {"message": "ok"}], ids=str)
def test_nor_may_it_be_something_else(body: Any) -> None:
    asked, _ = lister({SEASONS: body, ROUNDS: body})
    with pytest.raises(ContractBreak):
        asked.seasons(17)
    with pytest.raises(ContractBreak):
        asked.rounds(17, 1)
