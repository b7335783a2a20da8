"""One task at a time asks an upstream: two processes, a frozen one, one that died, and what a waiting one says."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from include.registry.lease import Lease, held
from include.registry.registry import Registry
from include.upstream.answers import LeaseHeld, LeaseLost

CHILD = Path(__file__).with_name("lease_child.py")
ROOT = CHILD.parents[2]


class Upstream:
    """Answers after a moment, and counts who asked and how many at once."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        counts = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with counts._lock:
                    counts.asked[self.headers["X-Who"]] += 1
                    counts.at_once += 1
                    counts.most_at_once = max(counts.most_at_once, counts.at_once)
                time.sleep(0.02)
                with counts._lock:
                    counts.at_once -= 1
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    found = Upstream()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture
def task(dsn: str, upstream: Upstream) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a process that asks the upstream."""
    started: list[subprocess.Popen[str]] = []

    def start(who: str, *, seconds: float = 60, turns: int = 1, questions: int = 10) -> subprocess.Popen[str]:
        arguments = [dsn, upstream.url, who, str(seconds), str(turns), str(questions)]
        started.append(
            subprocess.Popen(
                [sys.executable, str(CHILD), *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def lease(registry: Registry, holder: str = "me", seconds: float = 60) -> Lease:
    return Lease(registry, "toy_api", holder, seconds)


@contextmanager
def kept_by(registry: Registry, holder: str) -> Iterator[None]:
    with held(lease(registry, holder), patience=0):
        yield


def test_two_processes_never_ask_at_the_same_time(
    task: Callable[..., subprocess.Popen[str]], upstream: Upstream
) -> None:
    both = [task(who, turns=3, questions=8) for who in ("scheduled", "backfill")]
    for process in both:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert upstream.asked == {"scheduled": 24, "backfill": 24}
    assert upstream.most_at_once == 1


def test_one_that_was_frozen_asks_nothing_once_another_has_its_turn(
    task: Callable[..., subprocess.Popen[str]], upstream: Upstream
) -> None:
    frozen = task("frozen", seconds=2, questions=100_000)
    until(lambda: upstream.asked["frozen"] > 3)
    os.kill(frozen.pid, signal.SIGSTOP)
    time.sleep(0.2)  # what it had sent is counted
    before = upstream.asked["frozen"]
    other = task("other", seconds=60, questions=100_000)
    until(lambda: upstream.asked["other"] > 3)
    os.kill(frozen.pid, signal.SIGCONT)
    said, _ = frozen.communicate(timeout=60)
    assert frozen.returncode == 3 and "other has asked it since" in said
    assert upstream.asked["frozen"] == before
    assert other.poll() is None


def test_one_that_was_killed_holds_others_up_for_no_longer_than_its_lease(
    task: Callable[..., subprocess.Popen[str]], upstream: Upstream
) -> None:
    killed = task("killed", seconds=2, questions=100_000)
    until(lambda: upstream.asked["killed"] > 3)
    killed.kill()
    said, _ = (other := task("other")).communicate(timeout=60)
    assert other.returncode == 0, said
    assert upstream.most_at_once == 1


def test_a_long_extract_keeps_its_lease_and_lets_it_go_at_its_end(registry: Registry) -> None:
    mine = lease(registry, seconds=0.4)
    with held(mine, patience=0):
        time.sleep(1.2)
        assert not lease(registry, "other").take()
        mine.confirm()
    assert lease(registry, "other").take()


def test_no_question_is_allowed_without_the_lease(registry: Registry) -> None:
    with pytest.raises(LeaseLost):
        lease(registry).confirm()
    with held(lease(registry), patience=0) as mine:
        mine.confirm()
    with pytest.raises(LeaseLost, match="nobody asks it at the moment"):
        mine.confirm()


def test_who_waits_says_every_minute_for_whom_and_not_for_ever(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []
    caplog.set_level(logging.INFO)
    with (
        kept_by(registry, "ctgov extract of run manual__1"),
        pytest.raises(LeaseHeld, match="ctgov extract of run manual__1 has asked it since 20"),
        held(lease(registry), 300, sleep=slept.append),
    ):
        raise AssertionError
    assert sum(slept) == 300
    lines = [line for line in caplog.messages if "ctgov extract of run manual__1 has asked it" in line]
    assert len(lines) == 5


def test_each_upstream_has_a_lease_of_its_own(registry: Registry) -> None:
    with kept_by(registry, "one"), held(Lease(registry, "other_api", "me"), patience=0):
        pass


def test_a_registry_that_is_away_for_a_moment_stops_no_question(
    registry: Registry, dsn: str, postgres: str
) -> None:
    with held(lease(registry, seconds=8), patience=0) as mine:
        with psycopg.connect(postgres, autocommit=True) as server:
            name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            time.sleep(3)
            mine.confirm()
            server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        time.sleep(4)
        mine.confirm()
        assert not lease(registry, "other").take()


def test_one_of_many_who_ask_at_once_gets_it(registry: Registry) -> None:
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda number: lease(registry, str(number)).take(), range(16)))
    assert taken.count(True) == 1
