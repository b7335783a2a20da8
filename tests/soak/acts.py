"""What processes of a round do to its world, one act each, and how an act may end."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from include.operations import backup, decisions, rebuild, recovery, retention
from include.operations.retention import PlanOutdated
from include.publishing import promotion
from include.publishing.promotion import Overtaken, PromotionFailed, PromotionRefused
from include.publishing.race import BeingPublished
from include.registry import connection, locks, run_log
from include.registry.versions import UnknownVersion
from include.sources.source import Retention
from include.storage import conditional
from include.storage.landing import LandingTaken, RawIncomplete
from tests import toy
from tests.soak.world import World
from tests.toy import source as toy_source

SIGNED: dict[str, Any] = {"who": "ana", "reason": "so it is"}
MUCH_LATER = timedelta(days=3)
"""When everything that may go by its age is old enough."""
REFUSED = (
    ValueError,
    OSError,
    UnknownVersion,
    run_log.RunNotOpen,
    backup.NoBackup,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.UndefinedTable,  # somebody has just lost the registry
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.IdleInTransactionSessionTimeout,  # it was frozen for too long
    Overtaken,
    PromotionFailed,
    BeingPublished,
    PlanOutdated,
    LandingTaken,
    RawIncomplete,
)
"""How an act may end that did not do what it was for; whatever else is raised is a fault."""


@dataclass(frozen=True)
class Act:
    """Something to do; of a run some of its steps."""

    name: str
    run: str = ""
    day: int = 0
    steps: tuple[str, ...] = ()
    quality: str = "good"
    choice: float = 0.0
    """From 0 to 1: which of the versions that there are then."""

    def __str__(self) -> str:
        about = f" {self.run} (day {self.day}, {self.quality}): {', '.join(self.steps)}" if self.run else ""
        return f"{self.name}{about}"


def shorten(patch: Callable[[Any, str, Any], None], lease: float) -> None:
    """Let leases and waits be over in seconds, in this process."""
    for module in (connection, locks, promotion, rebuild):
        patch(module, "LEASE_SECONDS", lease)
    bounds = {
        "lock_timeout": lease / 2,
        "statement_timeout": lease * 4,
        "idle_in_transaction_session_timeout": lease,
    }
    patch(connection, "_BOUNDS", {name: f"{int(seconds * 1000)}ms" for name, seconds in bounds.items()})
    patch(conditional, "LOCK_SECONDS", lease / 2)


def do(world: World, act: Act) -> None:
    """Do it. Raises one of REFUSED where it cannot be done just now."""
    DOES[act.name](world, act)


def _run(world: World, act: Act) -> None:
    store, registry_ = world.store(), world.registry()
    for step in act.steps:
        with registry_.session():
            opened = toy_source.open_run(
                store, registry_, act.run, act.day, opens=step == "extract", quality=act.quality
            )
            toy_source.do(opened, step)


def _accept(world: World, act: Act) -> None:
    store, registry_ = world.store(), world.registry()
    rejected = [row.version for row in registry_.versions(toy.SOURCE) if row.state == "rejected"]
    decisions.accept(store, registry_, toy.SOURCE, _chosen(rejected, act), **SIGNED)


def _roll_back(world: World, act: Act) -> None:
    store, registry_ = world.store(), world.registry()
    published = [row.version for row in registry_.versions(toy.SOURCE) if row.published_at]
    to = _chosen(published, act) if act.choice > 0.5 else None
    decisions.rollback(store, registry_, toy.SOURCE, to=to, **SIGNED)
    release(world)


def release(world: World) -> None:
    """End the hold that a rollback sets, else nothing more would be published; there may be none."""
    with suppress(PromotionRefused):
        decisions.release(world.store(), world.registry(), toy.SOURCE, **SIGNED)


def _pin(world: World, act: Act) -> None:
    store, registry_ = world.store(), world.registry()
    rows = registry_.versions(toy.SOURCE)
    version = _chosen([row.version for row in rows], act)
    pinned = next(row.pinned_reason for row in rows if row.version == version)
    (decisions.unpin if pinned else decisions.pin)(store, registry_, toy.SOURCE, version, **SIGNED)


def _chosen(versions: list[str], act: Act) -> str:
    if not versions:
        raise ValueError("there is none to choose")
    return sorted(versions)[min(int(act.choice * len(versions)), len(versions) - 1)]


def _retain(world: World, act: Act) -> None:
    store, registry_ = world.store(), world.registry()
    policy = Retention(versions=2 + int(act.choice * 2), raw=timedelta(hours=1))
    plan = retention.plan(store, registry_, toy.SOURCE, policy, now=datetime.now(UTC) + MUCH_LATER)
    retention.apply(store, registry_, plan, who="ana")


def _recover(world: World, _act: Act) -> None:
    recover(world, timedelta())


def recover(world: World, later: timedelta) -> recovery.Report:
    """Recovery as it comes so much later."""
    return recovery.recover(
        world.store(),
        world.registry(),
        now=datetime.now(UTC) + later,
        specs={toy.SOURCE: toy_source.SPEC},
    )


def _backup(world: World, _act: Act) -> None:
    backup.backup(
        world.store(), world.registry(), world.store("second"), now=datetime.now(UTC), code_version="soak"
    )


def _restore(world: World, act: Act) -> None:
    root = world.store("second")
    if not backup.backups(root):
        raise backup.NoBackup("there is none yet")
    _lose(world)
    backup.restore(root, world.store(), world.registry(), who="ana")


def _rebuild(world: World, _act: Act) -> None:
    _lose(world)
    decisions.rebuild_registry(world.store(), world.registry(), who="ana")


def _lose(world: World) -> None:
    """The registry is gone; consumers of SQL have their tables still."""
    with world.registry().transaction() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS lastgood CASCADE")


class HalfAVersion(AssertionError):
    """A reader's transaction saw two states."""


def _read_on(world: World, act: Act) -> None:
    """A consumer reads in a transaction that stays open for a while, and sees the same at its end."""
    with psycopg.connect(world.dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = connection.execute("SELECT id, value FROM published.toy_things ORDER BY id").fetchall()
        time.sleep(act.choice * 3)
        after = connection.execute("SELECT id, value FROM published.toy_things ORDER BY id").fetchall()
    if before != after:
        raise HalfAVersion(f"{len(before)} rows became {len(after)} within one transaction")


DOES: dict[str, Callable[[World, Act], None]] = {
    "run": _run,
    "accept": _accept,
    "roll back": _roll_back,
    "pin": _pin,
    "retain": _retain,
    "recover": _recover,
    "back up": _backup,
    "restore": _restore,
    "rebuild": _rebuild,
    "read on": _read_on,
}
LOSES = {"restore", "rebuild"}
"""What begins with the loss of the registry."""
