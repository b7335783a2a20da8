"""The scenes: each breaks one thing, recovers as docs/runbook.md says, and tells what consumers saw meanwhile.

What must hold in every scene: no consumer ever reads a torn version, whoever is not hit reads on, nothing published
is lost for good, and after the recovery both ways lead to the version that should be latest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from include.monitoring import watch
from include.publishing import manifest as manifests
from include.publishing import pointers
from include.publishing.promotion import Outcome
from include.registry import run_log
from include.registry.connection import LEASE_SECONDS
from include.storage.store import Store
from sandbox import postgres
from sandbox.drill import disk, held
from sandbox.drill.reader import WAYS, Reader, Seen, Way
from sandbox.drill.world import DATABASE, World, connected, drop_database, make_database
from sandbox.environment import PROJECT

RECOVERY = "DAG `lastgood_recovery`, which runs by itself every few minutes"


@dataclass
class Scene:
    """What a scene showed; `faults` says which guarantees were broken."""

    title: str
    broke: str
    noticed: str = ""
    recovered: str = ""
    seconds: float = 0.0
    """Until consumers could read again, both ways; 0 where they could all the time."""
    saw: str = ""
    lost: str = "nothing"
    faults: list[str] = field(default_factory=list)

    def must(self, holds: bool, otherwise: str) -> None:
        """Note a guarantee that was broken."""
        if not holds:
            self.faults.append(otherwise)

    def observe(self, found: Collection[str], kind: str) -> None:
        """Note that the watch found this kind of trouble, which is a guarantee."""
        self.must(kind in found, f"the watch did not find `{kind}` but {sorted(found) or 'nothing'}")
        if kind in found:
            self.noticed = f"the watch, alert `{kind}`"

    def end(
        self, reader: Reader, began: float, version: str, *, hit: Collection[Way] = (), also: str = ""
    ) -> None:
        """Wait until consumers read a version both ways, and tell what they saw since the scene began.

        `hit` are the ways that could fail meanwhile; `also` is a version that they may have read before.
        """
        self.must(reader.wait_for(version), f"consumers do not read {reader.name(version)}")
        found = [reader.seen(way, began) for way in WAYS]
        for seen in found:
            self.must(not seen.torn, f"{seen.torn} readings of {seen.way} were torn: {seen.errors}")
            self.must(seen.way in hit or not seen.failed, f"{seen.way} failed and was not hit: {seen.errors}")
            strange = set(seen.versions) - {version, also}
            self.must(not strange, f"{seen.way} gave {', '.join(map(reader.name, strange))}")
            order = [one for one in (also, version) if one in seen.versions]
            self.must(list(seen.versions) == order, f"{seen.way} gave a version again after the next one")
        self.seconds = max(seen.outage for seen in found)
        self.saw = "; ".join(_sentence(reader, seen) for seen in found)


def _sentence(reader: Reader, seen: Seen) -> str:
    versions = ", then ".join(map(reader.name, seen.versions)) or "nothing"
    if not seen.failed:
        return f"{seen.way}: {versions}, without a gap ({seen.readings} readings)"
    return f"{seen.way}: {versions}, after {seen.outage:.1f} s without an answer (“{seen.errors[0]}”)"


# --- the registry ---


def registry_restored(world: World) -> Scene:
    """The database is gone; the newest backup is as new as latest."""
    world.do("backup", "--to", world.backups.uri)
    world.do("pin", world.source, world.latest, "--reason", "the drill: after the backup")
    scene = Scene("The registry is lost", "dropped the database of registry and serving tables")
    version, before = world.latest, _log(world)
    began = _drop(world, scene)
    make_database(world.server)
    command = ["restore", "--from", world.backups.uri, "--yes"]
    world.do(*command)
    scene.recovered = f"an empty database, `{_shown(world, command)}`"
    scene.end(world.reader, began, version, hit={"SQL"})
    scene.lost = _missing(before, _log(world), "since the backup")
    return scene


def registry_rebuilt(world: World, day: int) -> Scene:
    """The database is gone, and something was published since the newest backup."""
    version = world.publish(day).version
    scene = Scene(
        "The registry is lost, and latest is newer than the backup",
        "dropped the database after another version was published",
    )
    world.reader.wait_for(version)
    before = _log(world)
    began = _drop(world, scene)
    make_database(world.server)
    refused = world.command("restore", "--from", world.backups.uri, "--yes")
    scene.must(refused.returncode == 1, "a restore took consumers back to the older backup without a word")
    world.do("rebuild-registry", "--yes")
    scene.recovered = "an empty database; `restore` refuses, since the store is newer; `rebuild-registry`"
    scene.end(world.reader, began, version, hit={"SQL"})
    scene.lost = _missing(before, _log(world), "all of them")
    return scene


def _drop(world: World, scene: Scene) -> float:
    began = time.monotonic()
    drop_database(world.server)
    scene.must(world.reader.wait_for_failure("SQL"), "SQL still answered without its database")
    failed = world.failed_rules()
    scene.must(bool(failed), "the watch looked at a registry that is gone")
    scene.noticed = (
        f"the watch, {len(failed)} of whose {len(watch.RULES)} rules cannot look; `latest {world.source}` says: "
        f"“{_error(world, 'latest')}”"
    )
    return began


# --- the store ---


def pointer_lost(world: World) -> Scene:
    """latest/SOURCE.json is gone."""
    key = pointers.pointer_key(world.source)
    scene = Scene("The pointer to latest is lost", f"deleted `{key}`", recovered=RECOVERY)
    version, began = world.latest, time.monotonic()
    world.store.delete(key)
    scene.must(world.reader.wait_for_failure("files"), "files could still be read without their pointer")
    report = world.recover()
    scene.must(key in report.repaired, f"recovery did not repair it: {report}")
    scene.noticed = (
        f"the recovery itself, in `action`: repaired {', '.join(f'`{one}`' for one in report.repaired)}"
    )
    scene.end(world.reader, began, version, hit={"files"})
    return scene


def file_damaged(world: World) -> Scene:
    """A byte of a published file is another one."""
    world.do("backup", "--to", world.backups.uri)
    version = world.latest
    manifest = manifests.require(world.store, world.source, version)
    key = max(manifest.files, key=lambda file: file.bytes).path
    scene = Scene("A published file is damaged", f"flipped a byte of the largest file of {world.source}")
    began = time.monotonic()
    _flip(world, key)
    scene.must(world.reader.wait_for_failure("files"), "readers that compare checksums did not notice")
    _verify_names(world, scene, key)
    world.do("restore", "--from", world.backups.uri, "--file", key, "--yes")
    scene.recovered = f"`{_shown(world, ['restore', '--from', world.backups.uri, '--file', 'KEY', '--yes'])}`"
    scene.end(world.reader, began, version, hit={"files"})
    scene.must(world.command("verify", world.source).returncode == 0, "verify still finds it damaged")
    return scene


def rollback_refused(world: World) -> Scene:
    """The version one would roll back to is damaged."""
    version = world.latest
    manifest = manifests.require(world.store, world.source, version)
    assert manifest.previous is not None
    before = manifests.require(world.store, world.source, manifest.previous)
    shared = {file.path for file in manifest.files}
    key = next(file.path for file in before.files if file.path not in shared)
    scene = Scene(
        "The version to roll back to is damaged",
        "flipped a byte of the version before latest, then rolled back",
    )
    began = time.monotonic()
    _flip(world, key)
    refused = world.command("rollback", world.source, "--reason", "the drill", "--yes")
    scene.must(refused.returncode == 1, "the rollback made a damaged version latest")
    scene.must(world.latest == version, "the refused rollback moved latest")
    _verify_names(world, scene, key)
    world.do("restore", "--from", world.backups.uri, "--file", key, "--yes")
    scene.recovered = "the rollback refuses by itself; `restore --file KEY`"
    scene.end(world.reader, began, version)
    scene.must(world.command("verify", world.source).returncode == 0, "verify still finds it damaged")
    return scene


def _flip(world: World, key: str) -> None:
    path = Path(world.store.full(key))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _verify_names(world: World, scene: Scene, key: str) -> None:
    scene.observe(world.alerts(), "file-damaged")
    found = world.command("verify", world.source)
    named = found.returncode == 1 and key in found.stderr
    scene.must(named, f"verify did not name {key}: {found.stderr}")
    if named:
        scene.noticed += f"; `verify {world.source}` names `{key}`"


def disk_full(world: World, day: int) -> Scene:
    """The disk fills up during a build. Plays on a small disk with a copy of the store and a database of its own."""
    prefix = disk.namespace()
    folder = world.server.parent / "small disk"
    latest = world.registry.latest(world.source)
    assert latest is not None and latest.previous is not None
    job = disk.Job(
        folder=str(folder),
        store=world.store.root,
        dsn=make_database(world.server, "small"),
        url=world.daily.upstream.url,
        source=world.source,
        day=day,
        versions=(latest.previous, latest.version),
        mounted=prefix is not None,
    )
    found = disk.play(job, prefix or [])
    scene = Scene(
        "The disk is full during a build", found.how, recovered="made room; the next try of the same run"
    )
    if job.mounted:  # a limit on files is no full disk
        scene.observe(found.alerts, "disk-low")
    scene.noticed = "; ".join(filter(None, (scene.noticed, f"the run, whose build says: “{found.error}”")))
    full = ("No space left", "File too large", "not enough space")
    scene.must(any(words in found.error for words in full), f"the error does not say so: {found.error}")
    scene.must(found.named_in_log, "the run log does not have the failed try")
    scene.must(found.latest_kept, "a failed build moved latest")
    scene.must(not found.left_over, f"the dead build left {found.left_over}")
    scene.must(not found.torn_readings, f"{found.torn_readings} readings were torn")
    scene.must(not found.failed_readings, f"{found.failed_readings} readings failed")
    scene.must(found.promoted == Outcome.PROMOTED.value, f"the next try ended as {found.promoted}")
    scene.must(found.read_again, "consumers do not read the new version")
    scene.saw = f"latest all the time, and the new version {found.seconds:.1f} s after there was room"
    drop_database(world.server, "small")
    shutil.rmtree(folder, ignore_errors=True)
    return scene


# --- the database in the middle of a promotion ---


def database_killed(world: World, day: int) -> Scene:
    """The database dies under a promotion, and comes back."""
    scene = Scene(
        "The database dies in the middle of a promotion",
        "SIGKILL to every process of PostgreSQL while serving tables were being filled",
        recovered="the database starts again; the promotion, by itself",
    )
    before = world.latest
    run, _ = world.prepare(day)
    with _held_promotion(world, day) as promotion:
        began = time.monotonic()
        postgres.kill(world.server)
        print(file=promotion.stdin, flush=True)
        scene.must(world.reader.wait_for_failure("SQL"), "SQL answered without its database")
        postgres.start(world.server, databases=(DATABASE,))
        said, logged = promotion.communicate(timeout=120)
    scene.must(said.strip() == Outcome.PROMOTED.value, f"the promotion ended as {said.strip()!r}")
    failed = [line for line in logged.splitlines() if "attempt 1 of" in line]
    scene.must(bool(failed), "the promotion did not say that its first attempt failed")
    scene.noticed = "; ".join(f"the promotion itself: “{line.partition(': ')[2]}”" for line in failed)
    scene.end(world.reader, began, run.version, hit={"SQL"}, also=before)
    _published_once(world, scene, run.version, before)
    return scene


def machine_killed(world: World, day: int) -> Scene:
    """Database and promotion die together, as when the power goes."""
    scene = Scene(
        "The power goes in the middle of a promotion",
        "SIGKILL to PostgreSQL and to the promoting process at once",
        recovered=f"the database starts again; {RECOVERY}",
    )
    before = world.latest
    run, _ = world.prepare(day)
    with _held_promotion(world, day) as promotion:
        began = time.monotonic()
        postgres.kill(world.server)
        promotion.kill()
    scene.must(world.reader.wait_for_failure("SQL"), "SQL answered without its database")
    postgres.start(world.server, databases=(DATABASE,))
    scene.must(world.latest == before, "half a promotion became latest")
    # Nobody waits a quarter of an hour in a drill.
    with world.registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET lease_until = clock_timestamp() WHERE version = %s "
            "AND state = 'publishing' AND lease_until > now()",
            (run.version,),
        )
        scene.must(cursor.rowcount == 1, "the dead promotion holds no lease")
    scene.observe(world.alerts(), "lease-expired")
    scene.noticed += f", {LEASE_SECONDS // 60} minutes later (here the lease was ended at once)"
    scene.must(not world.recover().tried, "recovery touched what Airflow may still try again")
    # What the watcher does once Airflow has found the worker gone, and tries it no more.
    run_log.end_unended(world.registry, run.source, run.run_id, "promote", interval_end=run.interval_end)
    report = world.recover()
    scene.must(report.promoted == {world.source: run.version}, f"recovery did not finish it: {report}")
    scene.end(world.reader, began, run.version, hit={"SQL"}, also=before)
    _published_once(world, scene, run.version, before)
    again = world.recover()
    scene.must(not again.promoted and not again.tried, f"recovery did it again: {again}")
    return scene


@contextmanager
def _held_promotion(world: World, day: int) -> Iterator[subprocess.Popen[str]]:
    """A process that is in the middle of promoting the day's candidate, and goes on with a line of its input."""
    arguments = [world.store.uri, world.dsn, world.source, str(day)]
    with subprocess.Popen(
        [sys.executable, "-m", held.__name__, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as promotion:
        assert promotion.stdout is not None
        try:
            if promotion.stdout.readline().strip() != held.HELD:
                raise RuntimeError("the promotion ended before it could be held")
            yield promotion
        finally:
            promotion.kill()


def _published_once(world: World, scene: Scene, version: str, before: str) -> None:
    with world.registry.transaction() as cursor:
        cursor.execute(
            "SELECT count(*) AS n FROM lastgood.publish_attempt WHERE version = %s AND error IS NULL",
            (version,),
        )
        scene.must(cursor.fetchone() == {"n": 1}, f"{version} was published more than once, or never")
    latest = world.registry.latest(world.source)
    scene.must(
        latest is not None and (latest.version, latest.previous) == (version, before),
        f"latest is {latest}, not {version} after {before}",
    )


# --- everything ---


def only_the_backup(world: World, day: int, elsewhere: Path) -> Scene:
    """Nothing is left but the second root: another machine with an empty disk and an empty database."""
    world.do("backup", "--to", world.backups.uri)
    version = world.latest
    lost = world.publish(day).version
    scene = Scene(
        "The machine is lost; only the backup is left",
        "stopped the database and removed it with the store; began on an empty store and an empty database server",
    )
    world.reader.wait_for(lost)
    postgres.stop(world.server)
    shutil.rmtree(world.server)
    shutil.rmtree(world.store.root)
    server = elsewhere / "postgres"
    dsn = postgres.start(server, databases=(DATABASE,))
    store = Store.from_uri(f"file://{elsewhere / 'store'}")
    with Reader(store, dsn, world.source, world.reader) as reader:
        daily = replace(world.daily, store=store, registry=connected(dsn))
        other = replace(world, server=server, dsn=dsn, store=store, daily=daily, reader=reader)
        try:
            gone = [way for way in WAYS if reader.wait_for_failure(way)]
            scene.must(len(gone) == len(WAYS), "something was there to read")
            scene.noticed = f"consumers: {' and '.join(gone)} do not answer"
            began = time.monotonic()
            command = ["restore", "--from", world.backups.uri, "--yes"]
            other.do(*command)
            scene.recovered = f"`{_shown(world, command)}`"
            scene.end(reader, began, version, hit=WAYS)
            scene.must(other.command("verify").returncode == 0, "verify finds damage in what was restored")
            again = other.publish(day + 1)
            scene.must(again.previous == version, "the next run did not go on from what was restored")
            scene.must(reader.wait_for(again.version), "the next run's version cannot be read")
        finally:
            postgres.stop(server)
    scene.lost = (
        f"{world.reader.name(lost)}, published after the backup: the next run had its changes again "
        "from the upstream"
    )
    return scene


# --- words ---


def _log(world: World) -> dict[str, set[str]]:
    """What the registry remembers besides the data, by kind."""
    queries = {
        "version": "SELECT source || version FROM lastgood.dataset_version",
        "pin": "SELECT source || version FROM lastgood.dataset_version WHERE pinned_reason IS NOT NULL",
        "run": "SELECT source || version FROM lastgood.pipeline_run",
        "action": "SELECT who || what || at FROM lastgood.action WHERE what NOT IN ('restore', 'rebuild registry')",
        "publishing attempt": "SELECT version || at FROM lastgood.publish_attempt",
    }
    with psycopg.connect(world.dsn) as connection:
        return {kind: {row[0] for row in connection.execute(query)} for kind, query in queries.items()}


def _missing(before: dict[str, set[str]], after: dict[str, set[str]], which: str) -> str:
    gone = {kind: len(before[kind] - after[kind]) for kind in before}
    named = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in gone.items() if count]
    return f"no data; of what the registry remembers {', '.join(named)} ({which})" if named else "nothing"


def _shown(world: World, command: list[str]) -> str:
    """A command as the protocol names it, without this machine's folders."""
    return " ".join(
        ["python -m include.cli", *("ROOT" if one == world.backups.uri else one for one in command)]
    )


def _error(world: World, command: str) -> str:
    return world.command(command, world.source).stderr.strip().splitlines()[-1].rpartition("failed: ")[2]
