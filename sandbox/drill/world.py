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

from include import steps
from include.monitoring import thresholds, watch
from include.publishing import recovery, runlog
from include.publishing.manifest import Manifest
from include.publishing.promotion import Promotion
from include.publishing.recovery import Report
from include.publishing.registry import Registry
from include.publishing.store import Store
from include.sources.source import Run, Spec
from sandbox import postgres
from sandbox.drill.reader import Reader
from sandbox.environment import PROJECT
from sandbox.pipeline import Pipeline

DATABASE = "lastgood"
WHO = "drill"


@dataclass(frozen=True)
class World:
    """One machine. `server` is the folder of its PostgreSQL, `pipeline` runs its source."""

    server: Path
    dsn: str
    store: Store
    backups: Store
    pipeline: Pipeline
    reader: Reader
    spec: Spec

    @property
    def registry(self) -> Registry:
        return self.pipeline.registry

    @property
    def source(self) -> str:
        return self.pipeline.source

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

    def blind(self) -> set[str]:
        """The kinds of trouble that it could not look for."""
        return set(_watched(self.store, self.registry, self.spec).blind)

    def prepare(self, day: int) -> tuple[Run, Manifest]:
        """A run up to its passed gate; the reader is told what the candidate holds."""
        run = begin(self.pipeline, day)
        with logged(run, "extract"):
            steps.extract(run, self.pipeline.session())
        with logged(run, "build"):
            manifest = steps.build(run)
        with logged(run, "gate"):
            verdict = steps.judge(run)
        if not verdict.passed:
            raise RuntimeError(f"the gate refused the drill's own data: {'; '.join(verdict.reasons)}")
        self.reader.expect(manifest)
        return run, manifest

    def publish(self, day: int) -> Manifest:
        """A whole run, logged as Airflow's are."""
        run, manifest = self.prepare(day)
        finish(run)
        return manifest


def begin(pipeline: Pipeline, day: int) -> Run:
    """Enter a run of a day in the run log."""
    run = pipeline.run(day)
    runlog.start(
        run.registry,
        source=run.source,
        version=run.version,
        dag_id=run.source,
        run_id=run.run_id,
        interval_start=run.interval_start,
        interval_end=run.interval_end,
        env="drill",
        code_version=steps.code_version(),
    )
    return run


@contextmanager
def logged(run: Run, step: str) -> Iterator[None]:
    """A step in the run log."""
    with runlog.step(run.registry, run.source, run.version, step):
        yield


def finish(run: Run) -> Promotion:
    """Promote and end the run."""
    with logged(run, "promote"):
        done = steps.promote(run)
    runlog.end(run.registry, run.source, run.version, "ok")
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
