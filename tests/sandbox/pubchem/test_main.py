"""The command line: it serves until told to stop, and comes back where it was."""

import signal
from pathlib import Path

import pytest
import requests

from tests.sandbox.command import Command

COMMAND = Command("pubchem")
run, serving = COMMAND.run, COMMAND.serving


def test_it_serves_until_terminated_and_goes_on_where_it_was(
    tmp_path: Path, session: requests.Session
) -> None:
    state = tmp_path / "state.json"
    numbers = ("--size", "110", "--seed", "9", "--compounds", "250", "--quota")
    with serving("--port", "0", *numbers, "--state", str(state)) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        assert '"counts":{' in run("advance", url, "--days", "2").stdout
        assert run("faults", url, '[{"kind": "timeout"}]').returncode == 0
        name = f"{url}/rest/pug/compound/name/aspirin/cids/JSON"
        assert session.get(name, timeout=60).status_code == 504
        refused = run("faults", url, '[{"kind": "earthquake"}]')
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "earthquake" in refused.stderr and "Traceback" not in refused.stderr
        kept = session.get(f"{url}/_sandbox/state", timeout=60).json()
        assert kept["quota"] is True
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")

    with serving("--state", str(state)) as (url, _):  # the numbers stand in the state, flags do not
        now = session.get(f"{url}/_sandbox/state", timeout=60).json()
        assert (now["size"], now["seed"], now["compounds"], now["day"]) == (110, 9, 250, 2)
        assert (now["listed"], now["quota"]) == (kept["listed"], False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "0"], "at least 1 study"),
        (["--compounds", "99999"], "a sample has from 0"),
        (["advance", "127.0.0.1:1"], "begins with http://"),
    ],
)
def test_mistakes_end_in_one_sentence(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert words in done.stderr and len(done.stderr.splitlines()) == 1
