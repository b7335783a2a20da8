"""`make drill`: all scenes one after the other, with a consumer who reads all the time, and the protocol of it.

python -m sandbox.drill.main [--to docs/drills] [--size 200]
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from include.sources import source as sources
from include.storage.store import Store
from sandbox import postgres
from sandbox.ctgov.server import SampleUpstream
from sandbox.daily import DailyRuns
from sandbox.drill import protocol, scenes
from sandbox.drill.reader import Reader
from sandbox.drill.scenes import Scene
from sandbox.drill.world import DATABASE, World, connected
from sandbox.environment import PROJECT

SOURCE = "ctgov"
SIZE, SEED = 200, 5


@contextmanager
def world(folder: Path, upstream: SampleUpstream) -> Iterator[World]:
    """A machine that has published nothing yet, with its consumer."""
    server = folder / "postgres"
    dsn = postgres.start(server, databases=(DATABASE,))
    registry = connected(dsn)
    registry.migrate()
    store, backups = (Store.from_uri(f"file://{folder / name}") for name in ("store", "backups"))
    with Reader(store, dsn, SOURCE) as reader:
        try:
            daily = DailyRuns(SOURCE, store, registry, upstream)
            yield World(server, dsn, store, backups, daily, reader, sources.spec(SOURCE))
        finally:
            postgres.stop(server)


def play(folder: Path, size: int, show: Callable[[str], None]) -> tuple[list[Scene], protocol.Facts]:
    """Play every scene in a folder of its own."""
    began = time.monotonic()
    played: list[Scene] = []
    with SampleUpstream(size=size, seed=SEED, mean_bytes=8_000, compress=False) as upstream:
        with world(folder, upstream) as machine:
            for day in (0, 1):
                machine.publish(day)
                upstream.advance()
            show(f"published two versions of {SOURCE}; {time.monotonic() - began:.0f} s")
            acts: tuple[partial[Scene], ...] = (
                partial(scenes.registry_restored, machine),
                partial(scenes.registry_rebuilt, machine, 2),
                partial(scenes.pointer_lost, machine),
                partial(scenes.file_damaged, machine),
                partial(scenes.rollback_refused, machine),
                partial(scenes.disk_full, machine, 3),
                partial(scenes.database_killed, machine, 4),
                partial(scenes.machine_killed, machine, 5),
                partial(scenes.only_the_backup, machine, 6, folder / "elsewhere"),
            )
            for act in acts:
                scene = _played(act)
                played.append(scene)
                show(f"{scene.title:<58} {'BROKEN' if scene.faults else 'held':<7} {scene.seconds:5.1f} s")
                for fault in scene.faults:
                    show(f"    {fault}")
                upstream.advance()
        studies = sum(1 for _ in upstream.studies())
    return played, protocol.Facts(time.monotonic() - began, studies)


def _played(act: partial[Scene]) -> Scene:
    """What a scene showed; one that breaks off has broken a guarantee."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001 (it stands in the protocol, and the next scene may still tell something)
        name = act.func.__name__.replace("_", " ").capitalize()
        return Scene(name, "", faults=[f"the scene broke off: {type(error).__name__}: {error}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, show, write the protocol; 0 when every guarantee held."""
    parser = argparse.ArgumentParser(prog="make drill", description=__doc__)
    parser.add_argument("--to", type=Path, default=PROJECT / "docs" / "drills", help="folder of the protocol")
    parser.add_argument("--size", type=int, default=SIZE, help="records of the sample upstream")
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="lastgood-drill-"))
    try:
        played, facts = play(folder, chosen.size, lambda line: print(f"  {line}", flush=True))
        written = protocol.write(chosen.to, played, facts, datetime.now(UTC))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    broken = sum(bool(scene.faults) for scene in played)
    print(f"\n{len(played) - broken} of {len(played)} scenes held every guarantee; {facts.seconds:.0f} s")
    print(f"protocol    {written}")
    return 1 if broken else 0


if __name__ == "__main__":
    # Things break on purpose; what was said of it stands in the protocol.
    logging.disable()
    sys.exit(main())
