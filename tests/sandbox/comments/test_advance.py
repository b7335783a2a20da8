"""Days pass: files appear, datasets grow, and a restart goes on where it was."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import requests

from sandbox.comments.api import TOKEN
from sandbox.comments.datasets import IDS
from sandbox.comments.server import SampleUpstream


def every_item(upstream: SampleUpstream, dataset: str, session: requests.Session) -> list[object]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{upstream.url}/v2/datasets/{dataset}/items"
    found: list[object] = session.get(url, headers=headers, timeout=60).json()
    return found


def test_a_day_brings_posts_files_and_items_and_takes_none(tmp_path: Path, session: requests.Session) -> None:
    with SampleUpstream(size=1_000, seed=7, inbox=tmp_path) as upstream:
        before = {dataset: every_item(upstream, dataset, session) for dataset in IDS}
        files = {path.name for path in tmp_path.iterdir()}
        moved = upstream.advance()
        assert moved.counts == {
            "new_posts": upstream.world.posts_a_day,
            "files": len(upstream.delivered) - len(files),
        }
        assert files < {path.name for path in tmp_path.iterdir()}
        for dataset, items in before.items():
            after = every_item(upstream, dataset, session)
            assert after[: len(items)] == items
        assert any(
            len(every_item(upstream, dataset, session)) > len(items) for dataset, items in before.items()
        )


def test_several_days_at_once_are_as_one_after_the_other(tmp_path: Path) -> None:
    one = SampleUpstream(size=1_000, seed=7, inbox=tmp_path / "one")
    two = SampleUpstream(size=1_000, seed=7, inbox=tmp_path / "two")
    one.advance(3)
    for _ in range(3):
        two.advance()
    assert one.delivered == two.delivered
    names = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("one", "two")]
    assert names[0] == names[1]


def test_the_inbox_stands_beside_the_state_file_and_a_restart_goes_on(tmp_path: Path) -> None:
    state = tmp_path / "comments.json"
    first = SampleUpstream(size=1_000, seed=7, state=state)
    first.advance(2)
    inbox = tmp_path / "inbox" / "comments"
    before = {path.name: path.stat().st_mtime_ns for path in inbox.iterdir()}
    again = SampleUpstream(size=1_000, seed=7, state=state)
    assert again.day == 2
    assert {path.name: path.stat().st_mtime_ns for path in inbox.iterdir()} == before
    again.advance()
    assert len(list(inbox.iterdir())) > len(before)
    with pytest.raises(ValueError, match="was written for size 1000, seed 7, not for 2000, 7"):
        SampleUpstream(size=2_000, seed=7, state=state)


def test_it_follows_the_clock_when_asked(tmp_path: Path, session: requests.Session) -> None:
    days = iter([date(2026, 12, 1), date(2026, 12, 1), date(2026, 12, 3), date(2026, 12, 3)])
    with SampleUpstream(size=1_000, seed=7, inbox=tmp_path, today=lambda: next(days)) as upstream:
        assert upstream.world.first == date(2026, 12, 1)
        every_item(upstream, IDS[0], session)
        assert upstream.day == 0
        every_item(upstream, IDS[0], session)
        assert upstream.day == 2


def test_orders_come_over_http(tmp_path: Path, session: requests.Session) -> None:
    with SampleUpstream(size=1_000, seed=7) as upstream:
        control = f"{upstream.url}/_sandbox"
        assert session.get(f"{control}/state", timeout=30).json()["inbox"] is None
        refused = session.post(f"{control}/drop", json={"kind": "cut"}, timeout=30)
        assert refused.status_code == 400 and "this sample has no inbox" in refused.text
        assert session.post(f"{control}/advance", json={"days": 2}, timeout=60).json()["counts"]["files"] == 0
        told = session.post(f"{control}/inbox", json={"folder": str(tmp_path / "in")}, timeout=60).json()
        assert told["inbox"] == str(tmp_path / "in") and told["day"] == 2
        (dropped,) = session.post(f"{control}/drop", json={"kind": "cut"}, timeout=30).json()
        assert dropped["name"] == "cut.csv" and not dropped["complete"]
        files = session.get(f"{control}/files", timeout=30).json()
        assert {each["name"] for each in files} == {path.name for path in (tmp_path / "in").iterdir()}
        assert session.post(f"{control}/drop", json={"kind": "odd"}, timeout=30).status_code == 400
