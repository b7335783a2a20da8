"""A small machine whose disk fills up while it builds: a child of the drill, on a disk of its own where it can.

The disk is a tmpfs in a mount namespace of this process, so it is really full and nobody else's. Where the machine
allows no such thing, a limit on the size of every file takes its place (RLIMIT_FSIZE).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

from include import pipeline
from include.operations import rebuild
from include.publishing import manifest as manifests
from include.sources import source as sources
from include.storage.scratch import SCRATCH
from include.storage.store import Store
from sandbox.daily import DailyRuns
from sandbox.drill.reader import WAYS, Reader
from sandbox.drill.world import COMMAND_SECONDS, begin, connected, finish, found_by_watch, logged
from sandbox.environment import PROJECT

DISK_MB = 64
LEFT_BYTES = 64 * 1024
"""What a full disk has left: enough to begin a build, not enough to end one."""


@dataclass(frozen=True)
class Job:
    """What the child is to do: copy a store, and run a day of a source upon it."""

    folder: str
    store: str
    dsn: str
    """Of an empty database."""
    url: str
    source: str
    day: int
    versions: tuple[str, ...]
    """That the store holds, oldest first."""
    mounted: bool
    """Whether this process may mount a disk of its own."""


@dataclass(frozen=True)
class Result:
    """What happened."""

    how: str
    """What was done, for people."""
    error: str
    """Of the build."""
    named_in_log: bool
    """Whether the run log has the step and the error."""
    alerts: tuple[str, ...]
    """The kinds of trouble that the watch found then."""
    latest_kept: bool
    left_over: tuple[str, ...]
    """Files of the dead build."""
    failed_readings: int
    torn_readings: int
    promoted: str
    """How the same run ended after there was room."""
    read_again: bool
    seconds: float
    """From making room until consumers read the new version."""


def namespace() -> list[str] | None:
    """The command before a command that lets it mount disks of its own; None where the machine allows none."""
    if shutil.which("unshare") is None:
        return None
    # Root needs no user namespace, in which it could no longer open what belongs to the server's user.
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    prefix = ["unshare", *user, "--mount"]
    probe = [*prefix, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"]
    return prefix if subprocess.run(probe, capture_output=True, check=False).returncode == 0 else None


def play(job: Job, prefix: list[str]) -> Result:
    """Run the child. Raises RuntimeError with the end of what it said."""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "sandbox.drill.disk", json.dumps(asdict(job))],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"the scene of the full disk broke: {done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return Result(**{**found, **{name: tuple(found[name]) for name in ("alerts", "left_over")}})


def main(job: Job) -> Result:
    folder = Path(job.folder)
    folder.mkdir(parents=True)
    if job.mounted:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
        subprocess.run(mount, check=True)
    shutil.copytree(job.store, folder / "store")
    store, registry = Store.from_uri(f"file://{folder / 'store'}"), connected(job.dsn)
    rebuild.rebuild(store, registry)
    before = registry.latest(job.source)
    with Reader(store, job.dsn, job.source) as reader:
        for version in job.versions:
            reader.expect(manifests.require(store, job.source, version))
        daily = DailyRuns(job.source, store, registry, SimpleNamespace(url=job.url))
        run = begin(daily, job.day)
        with logged(run, "extract"):
            pipeline.extract(run, daily.session())
        began = time.monotonic()
        error = "the build went through, the disk was not full enough"
        full = _Full(folder, mounted=job.mounted)
        try:
            with logged(run, "build"):
                pipeline.build(run)
        except Exception as problem:  # noqa: BLE001 (which one, is what the scene shows)
            error = f"{type(problem).__name__}: {problem}"
        kept = registry.latest(job.source) == before
        left = [*store.list(manifests.folder(job.source, run.version)), *store.list(SCRATCH)]
        alerts = found_by_watch(store, registry, sources.spec(job.source))
        room = time.monotonic()
        full.make_room()
        with logged(run, "build"):
            reader.expect(pipeline.build(run))
        with logged(run, "gate"):
            pipeline.judge(run)
        done = finish(run)
        again = reader.wait_for(run.version)
        seconds = time.monotonic() - room
        seen = [reader.seen(way, began) for way in WAYS]
    with registry.transaction() as cursor:
        cursor.execute(
            "SELECT steps -> 'build' ->> 'tries' AS tries FROM lastgood.pipeline_run WHERE version = %s",
            (run.version,),
        )
        tried = cursor.fetchone()
    return Result(
        how=f"filled a disk of {DISK_MB} MB (tmpfs) to its last {LEFT_BYTES // 1024} kB"
        if job.mounted
        else f"let no file grow beyond {LEFT_BYTES // 1024} kB, since no disk can be mounted here",
        error=error,
        named_in_log=tried == {"tries": "2"},
        alerts=tuple(sorted(alerts)),
        latest_kept=kept,
        left_over=tuple(left),
        failed_readings=sum(one.failed for one in seen),
        torn_readings=sum(one.torn for one in seen),
        promoted=done.outcome.value,
        read_again=again,
        seconds=seconds,
    )


class _Full:
    """A full disk."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self._ballast = folder / "ballast" if mounted else None
        if self._ballast is not None:
            free = shutil.disk_usage(folder).free
            with self._ballast.open("wb") as handle:
                os.posix_fallocate(handle.fileno(), 0, free - LEFT_BYTES)
            return
        # Otherwise the signal would end the process.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # noqa: TID251 (no handler)
        self._hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (LEFT_BYTES, self._hard))

    def make_room(self) -> None:
        if self._ballast is not None:
            self._ballast.unlink()
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._hard, self._hard))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(asdict(main(Job(**{**given, "versions": tuple(given["versions"])})))))
