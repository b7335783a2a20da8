"""The command line: it serves until told to stop, and comes back where it was."""

import signal
from pathlib import Path

import pytest
import requests

from tests.sandbox.command import Command

COMMAND = Command("sofascore")
run, serving = COMMAND.run, COMMAND.serving


def test_it_serves_until_terminated_and_goes_on_where_it_was(
    tmp_path: Path, session: requests.Session
) -> None:
    state = tmp_path / "state.json"
    with serving("--port", "0", "--size", "64", "--seed", "9", "--state", str(state)) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        assert '"counts":{' in run("advance", url, "--days", "2").stdout
        assert run("faults", url, '[{"kind": "challenge"}]').returncode == 0
        assert session.get(f"{url}/api/v1/unique-tournament/17/seasons", timeout=60).status_code == 403
        kept = session.get(f"{url}/_sandbox/state", timeout=60).json()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")
    with serving("--state", str(state)) as (url, _):  # the numbers stand in the state
        now = session.get(f"{url}/_sandbox/state", timeout=60).json()
        assert (now["size"], now["seed"], now["day"], now["played"]) == (64, 9, 2, kept["played"])


@pytest.mark.parametrize("arguments", [["--size", "29"]])
def test_mistakes_end_in_one_sentence(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert "at least 30 matches" in done.stderr and len(done.stderr.splitlines()) == 1
