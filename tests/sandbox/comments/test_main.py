"""The command line: it serves until told to stop, and comes back where it was."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import requests

from sandbox.comments.connection import FIELDS
from tests.sandbox.command import Command

COMMAND = Command("comments")
run, serving = COMMAND.run, COMMAND.serving


def test_it_serves_until_terminated_and_goes_on_where_it_was(
    tmp_path: Path, session: requests.Session
) -> None:
    state = tmp_path / "comments.json"
    inbox = tmp_path / "inbox" / "comments"
    headers = {"Authorization": f"Bearer {FIELDS['password']}"}
    with serving("--port", "0", "--size", "300", "--seed", "9", "--state", str(state)) as (url, process):
        before = {path.name for path in inbox.iterdir()}
        assert '"counts":{' in run("advance", url, "--days", "2").stdout
        assert before < {path.name for path in inbox.iterdir()}
        assert run("faults", url, '[{"kind": "error"}]').returncode == 0
        assert session.get(f"{url}/v2/datasets", headers=headers, timeout=60).status_code == 503
        assert session.get(f"{url}/v2/datasets", headers=headers, timeout=60).status_code == 200
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")
    with serving("--state", str(state)) as (url, _):  # the numbers stand in the state
        now = session.get(f"{url}/_sandbox/state", timeout=60).json()
        assert (now["size"], now["seed"], now["day"], now["inbox"]) == (300, 9, 2, str(inbox))


def test_it_begins_on_the_day_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, session: requests.Session
) -> None:
    monkeypatch.setenv("SANDBOX_TODAY", "2026-11-17")
    with serving("--size", "300") as (url, _):
        now = session.get(f"{url}/_sandbox/state", timeout=60).json()
        assert (now["first"], now["day"], now["inbox"]) == ("2026-11-17", 0, None)


@pytest.mark.parametrize(("arguments", "said"), [(["--size", "0"], "a world of 0 comments cannot be")])
def test_mistakes_end_in_one_sentence(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert said in done.stderr and len(done.stderr.splitlines()) == 1
