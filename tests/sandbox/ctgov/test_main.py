"""The command line: it serves until told to stop, and comes back where it was."""

import signal
from pathlib import Path

import requests

from tests.sandbox.command import Command

COMMAND = Command("ctgov")
run, serving = COMMAND.run, COMMAND.serving


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
        assert session.get(f"{url}/api/v2/version", timeout=60).status_code == 500
        refused = run("faults", url, '[{"kind": "earthquake"}]')
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "earthquake" in refused.stderr and "Traceback" not in refused.stderr
        version = session.get(f"{url}/api/v2/version", timeout=60).json()["dataTimestamp"]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")

    with serving("--state", str(state)) as (url, _):  # size and seed stand in the state
        kept = session.get(f"{url}/_sandbox/state", timeout=60).json()
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
