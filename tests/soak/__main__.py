"""A soak: kills, freezes and schedules of the core in such numbers that what can go wrong does. `make soak` runs it.

    python -m tests.soak --seed 7 --kills 1000 --schedules 1000
    python -m tests.soak --seed 7 --from 12 --rounds 1

Each round has a world of its own and follows from the seed and its number, so one that found something is run again
alone; a soak that was stopped goes on with --from. How processes meet is the machine's, so a round may need several
goes to fail again.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sandbox import postgres
from tests.soak import closing, consumer
from tests.soak.acts import LOSES, Act, do, shorten
from tests.soak.closing import Found
from tests.soak.consumer import Seen
from tests.soak.processes import FAULT, Child, fork
from tests.soak.rounds import CALM, Move, Round, chosen
from tests.soak.world import BUCKET, World
from tests.toy import source as toy_source

TEMPLATE = "soak_template"
PATIENCE = 120.0
"""Seconds after which a process that nobody froze is stuck."""
ALONE = "End that process if it is frozen"
"""What is said of a process that holds the lock of a file (conditional.Busy)."""
TRIES = 3
"""So often an act is done again where it was killed or refused for a while, as Airflow does."""


@dataclass
class Total:
    """What a soak did and found."""

    rounds: int = 0
    kills: int = 0
    freezes: int = 0
    schedules: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    readings: int = 0
    bad: int = 0
    lost: int = 0
    stuck: int = 0
    faults: int = 0
    """Acts that ended with an error that nobody expects."""
    longest_wait: float = 0.0
    longest_parting: float = 0.0
    failed: list[int] = field(default_factory=list)
    """Rounds that found something."""

    @property
    def is_well(self) -> bool:
        return not self.failed

    def lines(self, seed: int) -> list[str]:
        """The report."""
        found = [
            f"{self.rounds} rounds: {self.kills} kills, {self.freezes} freezes, {self.schedules} schedules, "
            f"{self.acts['done']} acts done, {self.acts['refused']} refused",
            f"{self.readings} readings: {self.bad} bad; {self.lost} lost files; {self.stuck} stuck states; "
            f"{self.faults} unexpected errors",
            f"longest wait of a reader {self.longest_wait:.1f} s; SQL and files parted for at most "
            f"{self.longest_parting:.1f} s",
        ]
        return found + [
            f'Round {number} found something: make soak SOAK="--seed {seed} --from {number} --rounds 1"'
            for number in self.failed
        ]


class Soak:
    """The process that all others are forked from; it opens no store and starts no thread."""

    def __init__(self, options: argparse.Namespace, server: str, folder: Path) -> None:
        self.options, self.server, self.folder = options, server, folder
        self.total = Total()
        self.s3: str | None = None
        self.numbers = iter(range(10**9))

    # --- processes ---

    def fork(self, name: str, what: Callable[[], object]) -> Child:
        return fork(name, self.place / f"{next(self.numbers)}.txt", what)

    def begin(self, world: World, move: Move) -> Child:
        """Begin a move in a process of its own."""

        def what() -> None:
            move.disturbance.install()
            do(world, move.act)

        child = self.fork(f"{move.act}, {move.disturbance}", what)
        if move.disturbance.after is not None:
            child.stop, child.after = move.disturbance.signal, move.disturbance.after
        return child

    def alone(self, world: World, act: Act) -> Child:
        """An act that nobody disturbs, to its end; again where another one was in its way for a while."""
        for _ in range(TRIES):
            child = self.begin(world, Move(act, CALM))
            self.end(child)
            if child.code == 0 or not self.temporary(child):
                break
        return child

    @staticmethod
    def temporary(child: Child) -> bool:
        words = (
            "LatestHeld",
            "Busy",
            "OperationalError",
            "AdminShutdown",
            "LockNotAvailable",
            "BeingPublished",
        )
        return child.said.rstrip().splitlines()[-1:] != [] and any(word in child.said for word in words)

    def end(self, child: Child) -> None:
        """Wait for the end of a process that is not frozen, and count it."""
        if not child.wait(PATIENCE):
            child.send(signal.SIGKILL)
            child.wait(10)
            self.wrong("stuck", f"{child.name}: did not end within {PATIENCE:.0f} s")
        if child.killed:
            self.total.kills += 1
        elif child.code == FAULT or (child.code or 0) < 0:
            self.total.faults += 1
            self.wrong("faults", f"{child.name}: {child.said[-2000:]}", count=0)
        else:
            self.total.acts["refused" if child.code else "done"] += 1
        if self.options.verbose:
            print(f"    {child.name}: {child.code} {child.said.strip()[-200:]}", flush=True)

    def disturbed(self, world: World, move: Move) -> Child:
        """A move until it ended, was killed, or stands still."""
        child = self.begin(world, move)
        if not child.wait(PATIENCE, frozen_too=True):
            self.end(child)
        return child

    # --- rounds ---

    def run(self, chosen_round: Round) -> None:
        """One round, and what it found."""
        began, before = time.monotonic(), asdict(self.total)
        self.found: list[str] = []
        self.asleep: list[Child] = []
        name = f"soak_{chosen_round.seed}_{chosen_round.number}_{os.getpid()}"
        world = World(self.server, name, self.folder / name, self.bucket() if chosen_round.s3 else None)
        self.place = self.folder / f"{name}_said"
        self.place.mkdir()
        world.create(TEMPLATE)
        first = self.alone(world, Act("run", "the first run", 0, tuple(toy_source.STEPS)))
        if first.code:
            self.wrong("stuck", f"the first run: {first.said}")
        stop, watch = self.watch(world)
        for move in chosen_round.moves:
            self.move(world, move)
        for schedule in chosen_round.schedules:
            self.schedule(world, schedule)
        time.sleep(self.options.lease + 0.5)  # nobody clears a lease
        last = 1 + max((act.day for act in _acts(chosen_round)), default=0)
        found = self.close(world, last)
        if any(ALONE in each for each in found.stuck):
            # Only the end of a process frees the lock of a file that it holds, and recovery ends none.
            self.awaken(self.asleep)
            self.asleep, found = [], self.close(world, last)
        if self.asleep:
            self.awaken(self.asleep)
            found = self.close(world, last + 1, found)
        for kind in ("lost", "stuck", "bad"):
            for each in getattr(found, kind):
                self.wrong(kind, each)
        os.write(stop, b".")
        self.look_at(watch)
        world.drop()
        shutil.rmtree(world.folder)
        self.total.rounds += 1
        if self.found:
            self.total.failed.append(chosen_round.number)
        else:
            shutil.rmtree(self.place)
        now = asdict(self.total)
        did = ", ".join(
            f"{now[key] - before[key]} {key}" for key in ("kills", "freezes", "schedules", "readings")
        )
        print(f"{chosen_round}: {did}, {time.monotonic() - began:.0f} s", flush=True)
        for each in self.found:
            print(f"  {each}", flush=True)

    def move(self, world: World, move: Move) -> None:
        """One move; what it began is tried again, by Airflow or by who lost the registry."""
        child = self.disturbed(world, move)
        if child.frozen:
            self.total.freezes += 1
            for act in move.meanwhile:
                self.settled(world, act, self.alone(world, act))
            if move.sleeps:
                self.asleep.append(child)
                return
            child.wake()
        self.end(child)
        if child.killed and move.again:
            child = self.alone(world, move.act)
        self.settled(world, move.act, child)

    def settled(self, world: World, act: Act, child: Child) -> None:
        """Who lost the registry does not leave it so."""
        if act.name in LOSES and child.code != 0:
            self.alone(world, Act("rebuild"))

    def schedule(self, world: World, actors: tuple[tuple[Move, ...], ...]) -> None:
        """Some actors at once, each of which does its moves one after the other."""
        waiting, sleeps = [list(moves) for moves in actors], set[int]()
        working: dict[int, Child] = {}
        frozen: list[Child] = []
        lost = False
        while any(waiting) or working:
            for number, moves in enumerate(waiting):
                if number not in working and moves:
                    working[number] = self.begin(world, move := moves.pop(0))
                    lost |= move.act.name in LOSES
                    sleeps |= {working[number].pid} if move.sleeps else set()
            for number, child in list(working.items()):
                child.look()
                child.strike()
                if child.frozen:
                    self.total.freezes += 1
                    frozen.append(working.pop(number))
                elif child.code is not None or time.monotonic() > child.began + PATIENCE:
                    self.end(working.pop(number))
            time.sleep(0.005)
        self.asleep += [child for child in frozen if child.pid in sleeps]
        self.awaken([child for child in frozen if child.pid not in sleeps])
        if lost:
            self.alone(world, Act("rebuild"))
        self.total.schedules += 1

    def awaken(self, children: list[Child]) -> None:
        """Let frozen processes go on, to their end."""
        for child in children:
            child.wake()
        for child in children:
            self.end(child)

    # --- who looks ---

    def watch(self, world: World) -> tuple[int, Child]:
        """The consumer of a round: what stops it, and its process."""
        reads, writes = os.pipe()
        said = self.place / "consumer.json"

        def what() -> None:
            said.write_text(json.dumps(asdict(consumer.Consumer(world).read_until(reads))))

        child = self.fork("the consumer", what)
        os.close(reads)
        return writes, child

    def look_at(self, child: Child) -> None:
        said = self.place / "consumer.json"
        if not child.wait(PATIENCE) or child.code:
            child.send(signal.SIGKILL)
            self.wrong("bad", f"the consumer did not come to an end: {child.code} {child.said[-2000:]}")
            return
        seen = Seen(**json.loads(said.read_text()))
        self.total.readings += seen.readings
        self.total.longest_wait = max(self.total.longest_wait, seen.longest_wait)
        self.total.longest_parting = max(self.total.longest_parting, seen.longest_parting)
        for each in seen.bad:
            self.wrong("bad", each)
        if seen.parted_since is not None:
            self.wrong("stuck", "SQL and files show different versions at the end")

    def close(self, world: World, day: int, before: Found | None = None) -> Found:
        """The end of a round; what is found now and what was found before."""
        said = self.place / "closing.json"
        child = self.fork("the end", lambda: said.write_text(json.dumps(asdict(closing.close(world, day)))))
        if not child.wait(PATIENCE) or child.code:
            child.send(signal.SIGKILL)
            child.wait(10)
            return Found(stuck=[f"the round did not come to an end: {child.code} {child.said[-3000:]}"])
        found = Found(**json.loads(said.read_text()))
        return found if before is None else before + found

    def wrong(self, kind: str, what: str, count: int = 1) -> None:
        setattr(self.total, kind, getattr(self.total, kind) + count)
        self.found.append(f"{kind}: {what}")

    def bucket(self) -> str:
        """The S3 server, in a process of its own since it has threads."""
        if self.s3 is None:
            reads, writes = os.pipe()
            self.place = self.folder
            self.fork("S3", lambda: _serve_s3(writes))
            self.s3 = os.read(reads, 200).decode()
        return self.s3


def _serve_s3(writes: int) -> None:
    import fsspec

    from tests import s3

    parent = os.getppid()
    with s3.serving() as endpoint:
        fsspec.filesystem("s3", key="k", secret="s", endpoint_url=endpoint).mkdir(BUCKET)
        os.write(writes, endpoint.encode())
        while os.getppid() == parent:
            time.sleep(1)


def _acts(chosen_round: Round) -> list[Act]:
    moves = [*chosen_round.moves, *(m for s in chosen_round.schedules for actor in s for m in actor)]
    return [act for move in moves for act in (move.act, *move.meanwhile)]


def _load() -> None:
    """What processes need, once; nothing of it may start a thread, since the others are forked."""
    for name in (
        "include.pipeline",
        "include.publishing.candidate",
        "pyarrow.dataset",
        "pyarrow.parquet",
        "duckdb",
        "s3fs",
        "alembic.command",
        "sqlalchemy.dialects.postgresql.psycopg",
    ):
        importlib.import_module(name)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument(
        "--from", type=int, default=0, dest="first", metavar="ROUND", help="number of the first round"
    )
    parser.add_argument(
        "--rounds", type=int, default=0, help="so many and no more, whatever the numbers below"
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--moves", type=int, default=12, help="of a round of kills")
    parser.add_argument("--at-once", type=int, default=6, help="schedules of a round of those")
    parser.add_argument("--lease", type=float, default=5.0, help="seconds")
    parser.add_argument("--files-only", action="store_true", help="no round in S3")
    parser.add_argument("--verbose", action="store_true", help="every process, and how it ended")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lastgood-soak-"))
    # A round sweeps scratch by ages of seconds, which are none of another soak's on this machine
    tempfile.tempdir = str(folder)
    print(
        f"Seed {options.seed}; what processes say is in {folder} where a round finds something.", flush=True
    )
    toy_source.install(setattr)
    shorten(setattr, options.lease)
    _load()
    postgres.start(folder / "pg", databases=(TEMPLATE,))
    server = postgres.dsn(folder / "pg", "postgres")
    try:
        World(server, TEMPLATE, folder / "template").registry().migrate()
        soak = Soak(options, server, folder)
        number = options.first
        while not _enough(soak.total, options):
            soak.run(
                chosen(
                    options.seed,
                    number,
                    moves=options.moves,
                    schedules=options.at_once,
                    s3=not options.files_only,
                )
            )
            number += 1
    except KeyboardInterrupt:
        print(f'Stopped; it goes on with: make soak SOAK="--seed {options.seed} --from {number}"')
    finally:
        postgres.stop(folder / "pg")
    print("\n".join(soak.total.lines(options.seed)))
    if soak.total.is_well:
        shutil.rmtree(folder)
    return 0 if soak.total.is_well else 1


def _enough(total: Total, options: argparse.Namespace) -> bool:
    if options.rounds:
        return total.rounds >= options.rounds
    return total.kills >= options.kills and total.schedules >= options.schedules


if __name__ == "__main__":
    sys.exit(main())
