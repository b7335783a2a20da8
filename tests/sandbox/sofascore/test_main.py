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
COMMAND = [sys.executable, "-m", "sandbox.sofascore"]


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


def test_it_serves_until_terminated_and_goes_on_where_it_was(
    tmp_path: Path, session: requests.Session
) -> None:
    state = tmp_path / "state.json"
    with serving("--port", "0", "--size", "64", "--seed", "9", "--state", str(state)) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        assert '"counts":{' in run("advance", url, "--days", "2").stdout
        assert run("faults", url, '[{"kind": "challenge"}]').returncode == 0
        assert session.get(f"{url}/api/v1/unique-tournament/17/seasons", timeout=10).status_code == 403
        kept = session.get(f"{url}/_sandbox/state", timeout=10).json()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")
    with serving("--state", str(state)) as (url, _):  # the numbers stand in the state
        now = session.get(f"{url}/_sandbox/state", timeout=10).json()
        assert (now["size"], now["seed"], now["day"], now["played"]) == (64, 9, 2, kept["played"])


@pytest.mark.parametrize("arguments", [["--size", "29"]])
def test_mistakes_end_in_one_sentence(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert "at least 30 matches" in done.stderr and len(done.stderr.splitlines()) == 1
