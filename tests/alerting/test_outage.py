"""What is remembered while the registry does not answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.alerting.alert import Alert
from include.alerting.outage import NOTICED, Memory
from include.storage.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def alert(number: int) -> Alert:
    return Alert(
        kind="task-failed",
        source="toy",
        what="extract",
        at=NOW,
        occurrence=f"run-{number}",
        cause="boom",
        run_id=f"run-{number}",
        consumers="",
    )


def pause(told: int) -> timedelta:
    return timedelta(hours=told)


@pytest.fixture
def interleaved() -> Iterator[None]:
    """Threads that take turns a thousand times as often as they do."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    yield
    sys.setswitchinterval(usual)


def test_one_of_those_who_notice_at_once_tells(tmp_path: Path, interleaved: None) -> None:
    for outage in range(20):
        memory = Memory(Store.from_uri((tmp_path / str(outage)).as_uri()))
        with ThreadPoolExecutor(8) as pool:
            told = [pool.submit(memory.note, alert(number), NOW, pause) for number in range(8)]
        assert sorted((each.result() for each in told), key=str) == [1, *[None] * 7]
        runs = {one.alert.run_id for one in memory.noticed()}
        assert runs == {f"run-{number}" for number in range(8)}


def test_people_are_told_again_after_pauses_that_grow(store: Store) -> None:
    memory = Memory(store)
    hours = [0, 0.5, 1, 2.9, 3, 5.9, 6]
    told = [memory.note(alert(0), NOW + timedelta(hours=hour), pause) for hour in hours]
    assert told == [1, None, 2, None, 3, None, 4]


def test_it_remembers_no_more_than_fifty_and_forgets_when_it_is_over(store: Store) -> None:
    memory = Memory(store)
    for number in range(NOTICED + 3):
        memory.note(alert(number), NOW + timedelta(seconds=number), pause)
    noticed = memory.noticed()
    assert [one.alert.run_id for one in noticed] == [f"run-{number}" for number in range(NOTICED)]
    memory.over()
    assert memory.noticed() == []
    assert memory.note(alert(0), NOW, pause) == 1


def test_a_store_that_is_away_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="file"):
        Memory(Store.from_uri((tmp_path / "file").as_uri())).note(alert(0), NOW, pause)
