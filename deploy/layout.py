"""Lay the package out as the managed platforms run it.

    python -m deploy.layout mwaa FOLDER     what goes to the S3 bucket of an Amazon MWAA environment
    python -m deploy.layout astro FOLDER    the project folder of an Astronomer deployment

Amazon MWAA runs dags/ from the bucket, unpacks plugins.zip to a folder that is on sys.path, and knows no
include/: so the zip carries plugins/*, include/ and soda/ at its root. It adds constraints of its own, under
which no Soda installs, to a requirements.txt that names none; so the shipped one names ours, which lies in
the DAG folder.

Astronomer runs the project folder as it is, being PYTHONPATH. Nothing else is deployed: sandbox/, tests/ and
benchmarks/ stay at home.

A deployment knows its name (`--name production`) and its commit by environment variables. MWAA sets those of
startup.sh, which the environment must name as its startup script; those of lastgood.env go to Astronomer by
`astro deployment variable create --load --env lastgood.env`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from deploy.lock import PROJECT, platform_lock_name

MWAA_AIRFLOW = "3.2.1"
MWAA_PYTHON = "3.12"
MWAA_CONSTRAINTS = "/usr/local/airflow/dags/constraints.txt"

NAME = "production"

DAGS = "dags"
PLUGINS = "plugins"
LIBRARIES = ("include", "soda")
RUNBOOK = {"include/runbook.md": "docs/runbook.md"}
"""Of the documents this one is deployed, under a name within include/: messages link to it."""

# The oldest time a zip can hold: the same files give the same bytes, and MWAA restarts only on a change
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_ZIP_MODE = 0o644 << 16


def mwaa(
    target: Path,
    *,
    project: Path = PROJECT,
    airflow: str = MWAA_AIRFLOW,
    name: str = NAME,
    commit: str | None = None,
) -> None:
    """Write dags/, plugins.zip, requirements.txt and startup.sh for Amazon MWAA into a new or empty folder.

    Raises:
        ValueError: the folder holds something, plugins/ has a name that a library takes, or the name is none.
    """
    variables = _variables(name, commit)
    _require_empty(target)
    exports = "".join(f"export {line}\n" for line in variables)
    (target / "startup.sh").write_text(f"#!/bin/sh\n{exports}", encoding="utf-8")
    _copy(project, DAGS, target)
    lock = project / "deploy" / "locks" / platform_lock_name(airflow, MWAA_PYTHON)
    shutil.copyfile(lock, target / DAGS / "constraints.txt")
    requirements = (project / "requirements.txt").read_text(encoding="utf-8")
    named = f'--constraint "{MWAA_CONSTRAINTS}"\n\n{requirements}'
    (target / "requirements.txt").write_text(named, encoding="utf-8")
    with zipfile.ZipFile(target / "plugins.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, path in sorted(_plugins_zip(project).items()):
            entry = zipfile.ZipInfo(inside, _ZIP_TIME)
            entry.external_attr = _ZIP_MODE
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def astro(target: Path, *, project: Path = PROJECT, name: str = NAME, commit: str | None = None) -> None:
    """Write the project folder of Astronomer, and its variables in lastgood.env, into a new or empty folder.

    Raises:
        ValueError: the folder holds something, or the name is none.
    """
    variables = _variables(name, commit)
    _require_empty(target)
    (target / "lastgood.env").write_text("".join(f"{line}\n" for line in variables), encoding="utf-8")
    for folder in (DAGS, PLUGINS, *LIBRARIES):
        _copy(project, folder, target)
    for inside, path in {**RUNBOOK, "requirements.txt": "requirements.txt"}.items():
        shutil.copyfile(project / path, target / inside)


def commit_of(project: Path) -> str | None:
    """The commit that is checked out, with -dirty where files were changed since; None outside of git."""
    command = ["git", "-C", str(project), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def _variables(name: str, commit: str | None) -> list[str]:
    """What tells a deployment from others, one NAME=value each."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", name):
        raise ValueError(f"{name!r} is no name of a deployment: use letters, digits and -.")
    return [f"LASTGOOD_ENV={name}", *([f"LASTGOOD_COMMIT={commit}"] if commit else [])]


def files(folder: Path) -> Iterator[Path]:
    """What is deployed of a folder: no caches, and of the hidden files only .airflowignore."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts) and path.name != ".airflowignore"
        if path.is_file() and not hidden and "__pycache__" not in parts and path.suffix != ".pyc":
            yield path


def _plugins_zip(project: Path) -> dict[str, Path]:
    entries = {path.relative_to(project / PLUGINS).as_posix(): path for path in files(project / PLUGINS)}
    taken = {name.split("/", 1)[0] for name in entries}
    for library in LIBRARIES:
        if library in taken:
            raise ValueError(f"plugins/{library} would be mixed with {library}/ in plugins.zip: rename it.")
        entries |= {path.relative_to(project).as_posix(): path for path in files(project / library)}
    return entries | {inside: project / path for inside, path in RUNBOOK.items()}


def _copy(project: Path, folder: str, target: Path) -> None:
    for path in files(project / folder):
        copy = target / path.relative_to(project)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _require_empty(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise ValueError(f"{target} holds something already: name a new folder.")


def main() -> int:
    """Write one layout; 1 and one sentence on stderr when it could not be written."""
    parser = argparse.ArgumentParser(prog="python -m deploy.layout", description=__doc__)
    platforms = parser.add_subparsers(dest="platform", required=True)
    for_mwaa = platforms.add_parser("mwaa", help="for an Amazon MWAA environment")
    for_mwaa.add_argument("--airflow", default=MWAA_AIRFLOW, help=f"Airflow's version ({MWAA_AIRFLOW})")
    for_mwaa.add_argument("folder", type=Path)
    for_astro = platforms.add_parser("astro", help="for an Astronomer deployment")
    for_astro.add_argument("folder", type=Path)
    for platform in (for_mwaa, for_astro):
        platform.add_argument("--name", default=NAME, help=f"what the deployment is called ({NAME})")
    chosen = parser.parse_args()
    known = {"name": chosen.name, "commit": commit_of(PROJECT)}
    try:
        if chosen.platform == "mwaa":
            mwaa(chosen.folder, airflow=chosen.airflow, **known)
        else:
            astro(chosen.folder, **known)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
