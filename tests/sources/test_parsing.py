"""Jobs spread over processes: in order, and not further ahead than memory allows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from include.sources import parsing


def note(job: int, folder: Path) -> int:
    (folder / str(job)).touch()
    return job * job


@pytest.mark.parametrize("cores", [1, 2])
def test_results_come_in_order_and_few_wait_for_whoever_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    found = parsing.spread(note, range(20), tmp_path, parsing.IN_PROCESS_BYTES)
    assert next(found) == 0
    assert len(list(tmp_path.iterdir())) <= parsing.AHEAD * cores
    assert list(found) == [n * n for n in range(1, 20)]


class Item(msgspec.Struct):
    label: str
    note: str | None = None
    notes: list[str] | None = None
    items: list[Item] = []


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u00a0", "\u2003"])
def test_a_text_of_white_space_is_absent_wherever_it_may_be(blank: str) -> None:
    given = Item(blank, blank, [blank, "a"], [Item("b", blank, [blank]), Item("c", "d")])
    for ensure_ascii in (True, False):
        raw = json.dumps(msgspec.to_builtins(given), ensure_ascii=ensure_ascii).encode()
        assert parsing.may_hold_blank(raw)
        found = parsing.without_blank(msgspec.json.decode(raw, type=Item))
        assert found == Item(blank, None, ["a"], [Item("b", None, []), Item("c", "d")])
    assert not parsing.may_hold_blank(b'{"a": "b", "c": ["d", "e"]}')
