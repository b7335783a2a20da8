"""Resolve the requirements into exact versions: `make lock`, or `make lock LOCK=--upgrade` for the newest ones.

Three kinds of lock are written to deploy/locks/:

- `sandbox.txt` and `dev.txt` for this machine: every Python from 3.11 up and every system, `dev.txt` being
  `sandbox.txt` plus the tests and linters.
- `airflow-X-python-Y.txt`, one for each Airflow and Python of a managed platform. It is used as pip's
  constraints: no Soda version installs under Airflow's official ones (ruamel.yaml, requests). Amazon MWAA
  takes the one for its Python as `constraints.txt` in the DAG folder, see deploy/layout.py.

- `dev-airflow-X.txt`, one for each Airflow but the newest: `dev.txt` with the packages of that platform, for
  `make test-airflow`.

A platform's image holds the packages of the day its Airflow was released, and its own parts were tested with
those. So an older Airflow is resolved as of that day, except for what no image brings
(`NOT_IN_THE_IMAGE`); that also puts both ends of the ranges in requirements.txt under test.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LOCKS = PROJECT / "deploy" / "locks"

PYTHONS = ("3.11", "3.12")
NOT_IN_THE_IMAGE = ("duckdb", "nltk-vader-sentiment", "py3langid", "soda-core", "soda-duckdb")
# The images carry these, so what is pinned must fit beside them
IN_THE_IMAGE = (
    "apache-airflow-providers-celery",
    "apache-airflow-providers-fab",
    # Airflow's executor imports celery.backends.database.retry, which 5.7 has no more
    "celery<5.7",
)


@dataclass(frozen=True)
class Platform:
    """One Airflow release as managed platforms run it."""

    airflow: str
    as_of: str | None = None
    """Day of its release (YYYY-MM-DD), None for the newest packages."""
    also: tuple[str, ...] = ()
    """Bounds of its image that the day alone does not give."""


PLATFORMS = (
    # Airflow's own constraints for 3.2.1 hold pandas 2 and pyarrow 23
    Platform("3.2.1", as_of="2026-04-29", also=("pandas<3", "pyarrow<24")),
    Platform("3.3.2"),
)


@dataclass(frozen=True)
class Lock:
    """One file in deploy/locks/ and what it is resolved from."""

    name: str
    purpose: str
    inputs: tuple[str, ...]
    """Requirement files, relative to the project."""
    extra: tuple[str, ...] = ()
    """Requirements that stand in no file."""
    arguments: tuple[str, ...] = field(default=())
    """Further arguments of `uv pip compile`."""

    @property
    def path(self) -> Path:
        return LOCKS / self.name

    def digest(self) -> str:
        """Hash of the requirements it is resolved from: comments and blank lines do not count."""
        lines = [*requirement_lines(self.inputs), *self.extra]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def header(self) -> str:
        return f"# {self.purpose}\n# Made by `make lock`, do not edit. Requirements: sha256 {self.digest()}\n"


def requirement_lines(inputs: tuple[str, ...]) -> list[str]:
    """The requirements in these files, `-r` lines followed, without comments."""
    lines: list[str] = []
    for name in inputs:
        path = PROJECT / name
        for raw in path.read_text(encoding="utf-8").splitlines():
            line = raw.split("#", 1)[0].strip()
            if line.startswith("-r "):
                included = (path.parent / line[3:].strip()).resolve().relative_to(PROJECT)
                lines += requirement_lines((included.as_posix(),))
            elif line:
                lines.append(line)
    return lines


def locks() -> tuple[Lock, ...]:
    """Every lock, in the order in which they are made."""
    local = ("--universal", "--python-version", "3.11")
    found = [
        Lock(
            "dev.txt", "This machine: sandbox, tests and linters.", ("requirements-dev.txt",), arguments=local
        ),
        # The versions of dev.txt, so that going from `make run` to `make test` only adds packages
        Lock(
            "sandbox.txt",
            "This machine: what `make run` and `make ui` need.",
            ("deploy/sandbox.in",),
            arguments=(*local, "--constraints", str(LOCKS / "dev.txt")),
        ),
        # An environment of its own, which shares nothing with the others: what is held back there would hold back here
        Lock(
            "imaging.txt",
            "This machine: what images radio data, apart from Airflow.",
            ("requirements-imaging.txt",),
            arguments=local,
        ),
    ]
    found += [_platform_lock(platform, python) for platform in PLATFORMS for python in PYTHONS]
    found += [_test_lock(platform) for platform in PLATFORMS if platform.as_of]
    return tuple(found)


def platform_lock_name(airflow: str, python: str) -> str:
    """File name of the lock for one Airflow and Python."""
    return f"airflow-{airflow}-python-{python}.txt"


def _platform_lock(platform: Platform, python: str) -> Lock:
    arguments = ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
    if platform.as_of:
        arguments += ["--exclude-newer", f"{platform.as_of}T00:00:00Z"]
        for package in NOT_IN_THE_IMAGE:
            arguments += ["--exclude-newer-package", f"{package}=false"]
    return Lock(
        platform_lock_name(platform.airflow, python),
        f"Constraints for Airflow {platform.airflow} on Python {python}.",
        ("requirements.txt",),
        extra=(f"apache-airflow=={platform.airflow}", *IN_THE_IMAGE, *platform.also),
        arguments=tuple(arguments),
    )


def _test_lock(platform: Platform) -> Lock:
    """This machine again, for `make test-airflow`: an older Airflow with the packages of its platform's lock."""
    constraints = LOCKS / platform_lock_name(platform.airflow, PYTHONS[0])
    return Lock(
        f"dev-airflow-{platform.airflow}.txt",
        f"This machine: sandbox, tests and linters on Airflow {platform.airflow}.",
        ("requirements-dev.txt",),
        extra=(f"apache-airflow=={platform.airflow}",),
        arguments=("--universal", "--python-version", PYTHONS[0], "--constraints", str(constraints)),
    )


def resolve(lock: Lock, uv: str, upgrade: bool = False) -> None:
    """Write one lock. What it pins today stays as far as the requirements allow it, unless `upgrade`.

    Raises:
        SystemExit: the requirements cannot be met together, or the package index cannot be reached.
    """
    command = [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"]
    command += [*lock.arguments, "-", *(str(PROJECT / name) for name in lock.inputs)]
    # Folders of wheels are a matter of one machine: nothing may be pinned to what only lies there
    environment = {name: value for name, value in os.environ.items() if name != "UV_FIND_LINKS"}
    with tempfile.TemporaryDirectory() as folder:
        # uv prefers the versions that stand in its output file
        made = Path(folder) / lock.name
        if lock.path.exists() and not upgrade:
            shutil.copy(lock.path, made)
        command += ["--output-file", str(made)]
        done = subprocess.run(
            command, input="\n".join(lock.extra), capture_output=True, text=True, check=False, env=environment
        )
        if done.returncode != 0:
            raise SystemExit(f"{lock.name}: uv could not resolve it.\n{done.stderr.strip()}")
        lock.path.write_text(lock.header() + made.read_text(encoding="utf-8"), encoding="utf-8")


def main() -> None:
    """Resolve every lock, or those named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.lock", description=main.__doc__)
    parser.add_argument("names", nargs="*", help="file names in deploy/locks, every lock by default")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions instead of today's")
    chosen = parser.parse_args()
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit("`make lock` needs uv: install it with `pip install uv` and run it again.")
    LOCKS.mkdir(exist_ok=True)
    for lock in locks():
        if chosen.names and lock.name not in chosen.names:
            continue
        resolve(lock, uv, chosen.upgrade)
        pins = sum(1 for line in lock.path.read_text(encoding="utf-8").splitlines() if "==" in line)
        sys.stdout.write(f"deploy/locks/{lock.name}: {pins} packages\n")


if __name__ == "__main__":
    main()
