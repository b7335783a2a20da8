"""Jobs spread over processes: in order, and not further ahead than memory allows."""

from __future__ import annotations

import os
from pathlib import Path

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
