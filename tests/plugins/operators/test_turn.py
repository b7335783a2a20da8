"""A backfill beside a scheduled run: their tasks ask the upstream in turns, and say for whom they wait."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.registry import run_log
from include.registry.lease import Lease, held
from include.registry.registry import Registry
from sandbox.ctgov.server import SampleUpstream
from sandbox.sample.server import Answer, Incoming

CHILD = Path(__file__).with_name("turn_child.py")


class Counting(SampleUpstream):
    """Counts how many questions are on their way at once."""

    at_once = most_at_once = 0
    guard = threading.Lock()

    def respond(self, request: Incoming) -> Answer:
        with self.guard:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.01)
        try:
            return super().respond(request)
        finally:
            with self.guard:
                self.at_once -= 1


@pytest.fixture
def upstream(airflow_connections: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counting]:
    with Counting(size=1500, seed=3, mean_bytes=1_000, compress=False) as found:
        host, _, port = found.url.removeprefix("http://").partition(":")
        connection = {"conn_type": "http", "host": host, "port": int(port), "extra": {"pace": 0}}
        monkeypatch.setenv("AIRFLOW_CONN_CTGOV_API", json.dumps(connection))
        yield found


def tasks_of(kind: str, day: int, patience: float = 60) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), kind, str(day), str(patience)],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_backfill_beside_a_scheduled_run_never_asks_at_the_same_time(
    upstream: Counting, registry: Registry
) -> None:
    both = [tasks_of("scheduled", 5), tasks_of("backfill", 1)]
    for process in both:
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said[-3000:]
    assert upstream.most_at_once == 1
    runs = {run["run_type"]: run["steps"] for run in run_log.runs(registry)}
    assert runs.keys() == {"scheduled", "backfill"}
    assert all("error" not in steps["extract"] for steps in runs.values())


def test_a_task_whose_turn_does_not_come_frees_its_worker_and_opens_no_run_until_it_does(
    upstream: Counting, registry: Registry
) -> None:
    with held(Lease(registry, "ctgov_api", "ctgov extract of run scheduled__5"), patience=0):
        process = tasks_of("backfill", 1, patience=0.1)
        assert process.stdout is not None
        said = ""
        while "comes back at" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        assert "ctgov extract of run scheduled__5 has asked it since" in said
        assert run_log.runs(registry) == [] and not upstream.requests
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said[-3000:]
