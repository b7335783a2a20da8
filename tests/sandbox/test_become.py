"""Becoming another user: only the right to pass through closed folders goes along, and everything asks it."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import become

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

NOBODY = pwd.getpwnam("nobody")
DAC_OVERRIDE = 1 << 1


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder that only root may enter, with a program in it."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    program = folder / "program"
    program.write_text("#!/bin/sh\necho it runs as $(id -u)\n")
    program.chmod(0o700)
    return folder


def run(*command: str, wrapper: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-I", "-S", become.__file__, str(NOBODY.pw_uid), str(NOBODY.pw_gid), *command]
    return subprocess.run([*wrapper, *line], capture_output=True, text=True, check=False, timeout=60)


def test_the_program_runs_as_that_user_with_that_right_alone() -> None:
    status = dict(
        line.split(":\t", 1)
        for line in run("/bin/cat", "/proc/self/status").stdout.splitlines()
        if ":\t" in line
    )
    assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4
    assert status["Gid"].split() == [str(NOBODY.pw_gid)] * 4
    assert status["Groups"].strip() == ""
    rights = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    assert set(rights.values()) == {DAC_OVERRIDE}


def test_it_passes_through_a_closed_folder_and_access_says_so(closed: Path) -> None:
    assert run(str(closed / "program")).stdout == f"it runs as {NOBODY.pw_uid}\n"
    asks = "import os, sys; print(os.access(sys.argv[1], os.X_OK))"
    assert run(sys.executable, "-I", "-c", asks, str(closed / "program")).stdout == "True\n"


@pytest.mark.skipif(
    shutil.which("setpriv") is None, reason="setpriv, which takes rights away, is not installed"
)
@pytest.mark.parametrize("missing", ["setpcap", "dac_override"])
def test_without_a_right_of_its_own_it_goes_on_with_what_is_open(missing: str) -> None:
    taken = ("setpriv", f"--bounding-set=-{missing}", "--inh-caps=-all")
    assert run("/bin/sh", "-c", "id -u", wrapper=taken).stdout == f"{NOBODY.pw_uid}\n"


@pytest.mark.skipif(
    shutil.which("setpriv") is None, reason="setpriv, which takes rights away, is not installed"
)
def test_a_root_that_may_not_change_its_user_is_told_so_in_a_sentence() -> None:
    done = run("/bin/true", wrapper=("setpriv", "--bounding-set=-setuid", "--inh-caps=-all"))
    assert done.returncode == 1
    assert done.stderr == (
        f"This root may not become user {NOBODY.pw_uid} (Operation not permitted): use another user.\n"
    )
