"""What the drill works on: a store, a database, a second root for backups, a sample upstream, a consumer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from include import pipeline
from include.monitoring import thresholds, watch
from include.operations import recovery
from include.operations.recovery import Report
from include.pipeline import OpenRun
from include.publishing.manifest import Manifest
from include.publishing.promotion import Promotion
from include.registry import run_log
from include.registry.registry import Registry
from include.sources.source import Spec
from include.storage.store import Store
from sandbox import postgres
from sandbox.daily import DailyRuns
from sandbox.drill.reader import Reader
from sandbox.environment import PROJECT

DATABASE = "lastgood"
WHO = "drill"
COMMAND_SECONDS = 600.0
"""Longer than a command may take on any machine: one that hangs ends its scene and not the drill."""


@dataclass(frozen=True)
class World:
    """One machine. `server` is the folder of its PostgreSQL, `daily` runs its source."""

    server: Path
    dsn: str
    store: Store
    backups: Store
    daily: DailyRuns
    reader: Reader
    spec: Spec

    @property
    def registry(self) -> Registry:
        return self.daily.registry

    @property
    def source(self) -> str:
        return self.daily.source

    @property
    def latest(self) -> str:
        """The version that is latest. Raises LookupError where there is none."""
        found = self.registry.latest(self.source)
        if found is None:
            raise LookupError(f"nothing of {self.source} was published")
        return found.version

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of the operator's commands, as in a shell."""
        return subprocess.run(
            [sys.executable, "-m", "include.cli", "--who", WHO, *arguments],
            cwd=PROJECT,
            env={
                **os.environ,
                "PYTHONPATH": str(PROJECT),
                "LASTGOOD_ROOT": self.store.uri,
                "LASTGOOD_REGISTRY": self.dsn,
                "LASTGOOD_BACKUP_ROOT": self.backups.uri,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )

    def do(self, *arguments: str) -> str:
        """A command that must succeed; returns what it printed. Raises RuntimeError with what it said."""
        done = self.command(*arguments)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def recover(self) -> Report:
        """What the DAG lastgood_recovery does."""
        return recovery.recover(
            self.store, self.registry, now=datetime.now(UTC), specs={self.source: self.spec}
        )

    def alerts(self) -> set[str]:
        """The kinds of trouble that the DAG lastgood_watch finds now."""
        return found_by_watch(self.store, self.registry, self.spec)

    def failed_rules(self) -> set[str]:
        """The kinds of trouble that it could not look for."""
        return set(_watched(self.store, self.registry, self.spec).failed_rules)

    def prepare(self, day: int) -> tuple[OpenRun, Manifest]:
        """A run up to its passed gate; the reader is told what the candidate holds."""
        run = begin(self.daily, day)
        with logged(run, "extract"):
            pipeline.extract(run, self.daily.session())
        with logged(run, "build"):
            manifest = pipeline.build(run)
        with logged(run, "gate"):
            verdict = pipeline.judge(run)
        if not verdict.passed:
            raise RuntimeError(f"the gate refused the drill's own data: {'; '.join(verdict.reasons)}")
        self.reader.expect(manifest)
        return run, manifest

    def publish(self, day: int) -> Manifest:
        """A whole run, logged as Airflow's are."""
        run, manifest = self.prepare(day)
        finish(run)
        return manifest


def begin(daily: DailyRuns, day: int) -> OpenRun:
    """A run of a day, entered in the run log."""
    return daily.run(day)


@contextmanager
def logged(run: OpenRun, step: str) -> Iterator[None]:
    """A step in the run log."""
    with run_log.step(run.registry, run.source, run.version, step):
        yield


def finish(run: OpenRun) -> Promotion:
    """Promote and end the run."""
    with logged(run, "promote"):
        done = pipeline.promote(run)
    run_log.end(run.registry, run.source, run.version, "ok")
    return done


def found_by_watch(store: Store, registry: Registry, spec: Spec) -> set[str]:
    """The kinds of trouble that the watch finds at one source and at the disk of the store."""
    return {alert.kind for alert in _watched(store, registry, spec).alerts}


def _watched(store: Store, registry: Registry, spec: Spec) -> watch.Observation:
    return watch.observe(
        registry, store, thresholds.load(), datetime.now(UTC), None, folders={}, specs={spec.name: spec}
    )


def make_database(server: Path, name: str = DATABASE) -> str:
    """An empty database in place of the one of that name; returns its address."""
    drop_database(server, name)
    with psycopg.connect(postgres.dsn(server, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return postgres.dsn(server, name)


def drop_database(server: Path, name: str = DATABASE) -> None:
    """Drop a database whoever is connected to it."""
    with psycopg.connect(postgres.dsn(server, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def connected(dsn: str) -> Registry:
    """The registry at an address."""
    return Registry(lambda: psycopg.connect(dsn))
