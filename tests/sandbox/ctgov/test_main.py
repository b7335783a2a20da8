"""The command line: it serves until told to stop, and comes back where it was."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

PROJECT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "sandbox.ctgov"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address that a served sample prints, and its process, which is ended."""
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ready, _, url = process.stdout.readline().strip().partition(" ")
            assert ready == "READY"
            yield url, process
        finally:
            process.terminate()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_it_serves_until_terminated_and_goes_on_where_it_was(
    tmp_path: Path, session: requests.Session
) -> None:
    state = tmp_path / "state.json"
    with serving("--port", "0", "--size", "110", "--seed", "9", "--state", str(state)) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        advanced = run("advance", url, "--days", "2")
        assert '"data_version":"2026-11-18' in advanced.stdout
        faulty = run("faults", url, '[{"kind": "error", "status": 500}]')
        assert faulty.returncode == 0
        assert session.get(f"{url}/api/v2/version", timeout=10).status_code == 500
        refused = run("faults", url, '[{"kind": "earthquake"}]')
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "earthquake" in refused.stderr and "Traceback" not in refused.stderr
        version = session.get(f"{url}/api/v2/version", timeout=10).json()["dataTimestamp"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")

    with serving("--state", str(state)) as (url, _):  # size and seed stand in the state
        kept = session.get(f"{url}/_sandbox/state", timeout=10).json()
        assert (kept["size"], kept["seed"], kept["data_version"]) == (110, 9, version)
        taken = run("--port", url.rpartition(":")[2])
        assert taken.returncode == 1
        assert "in use" in taken.stderr and "Traceback" not in taken.stderr


def test_mistakes_end_in_one_sentence(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text('{"size": 10, "seed": 1, "mean_bytes": 17000}')
    for arguments, words in [
        (["--state", str(state), "--size", "20"], "was written for size 10, seed 1"),
        (["--size", "0"], "at least 1 study"),
        (["advance", "127.0.0.1:1"], "begins with http://"),
    ]:
        done = run(*arguments)
        assert done.returncode == 1
        assert words in done.stderr and len(done.stderr.splitlines()) == 1
