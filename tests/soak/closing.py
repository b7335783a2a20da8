"""The end of a round: recovery alone ends whatever is stuck, and then everything is as it should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from include.operations import recovery
from include.publishing import manifest as manifests
from include.publishing import pointers
from include.publishing.pointers import OlderRegistry
from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy
from tests.soak.acts import Act, do, recover, release
from tests.soak.consumer import name_of
from tests.soak.world import World
from tests.toy import source as toy_source

LATER = timedelta(hours=13)
"""When every run that was killed counts as over, and every wait of recovery too."""


@dataclass
class Found:
    """What is wrong at a round's end."""

    lost: list[str] = field(default_factory=list)
    """Files that are missing or altered."""
    stuck: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    """Readers would see something wrong."""

    def __add__(self, other: Found) -> Found:
        return Found(self.lost + other.lost, self.stuck + other.stuck, self.bad + other.bad)


def close(world: World, day: int) -> Found:
    """Recover, look at everything, and do an ordinary run of a day."""
    found = Found()
    lost = _registry_is_lost(world)
    if lost:
        # Not recovery's to mend: the operator who began the rebuild, or the restore, does it again.
        do(world, Act("rebuild"))
    release(world)
    for _ in range(2):
        report = recover(world, LATER)
    found.stuck += [f"recovery: {error}" for error in report.errors]
    store, registry = world.store(), world.registry()
    _look_at_readers(store, registry, found)
    _look_at_versions(store, registry, found)
    try:
        do(world, Act("run", f"the run after it all, of day {day}", day, tuple(toy_source.STEPS)))
    except Exception as error:  # noqa: BLE001 (whatever it is, the source is stuck)
        found.stuck.append(f"the next run: {type(error).__name__}: {error}")
    _look_at_readers(store, registry, found)
    latest = registry.latest(toy.SOURCE)
    if latest is None or name_of(latest.version) != f"day {day}":
        found.stuck.append(f"the next run, of day {day}, is not latest: {latest}")
    return found


def _registry_is_lost(world: World) -> bool:
    registry = world.registry()
    registry.migrate()
    try:
        pointers.settle(world.store(), registry, toy.SOURCE)
    except OlderRegistry:
        return True
    return False


def _look_at_readers(store: Store, registry: Registry, found: Found) -> None:
    latest, pointer = registry.latest(toy.SOURCE), pointers.read_pointer(store, toy.SOURCE)
    if latest is None or pointer is None:
        found.bad.append(f"latest is {latest}, its pointer {pointer}")
        return
    if (latest.version, latest.generation) != (pointer.version, pointer.generation):
        found.stuck.append(f"the pointer says {pointer.version}, latest is {latest.version}")
    for version in {latest.version, pointer.version}:
        day = name_of(version).removeprefix("day ")
        expected = toy_source.rows(int(day))
        try:
            if toy_source.held(store, version) != expected:
                found.bad.append(f"the files of {version} do not hold the rows of day {day}")
        except (ValueError, FileNotFoundError) as error:
            found.lost.append(str(error))
    served = toy.served(registry)
    day = int(name_of(latest.version).removeprefix("day "))
    if served != toy_source.rows(day):
        found.bad.append(f"SQL does not hold the rows of {latest.version}")
    if registry.watermarks(toy.SOURCE) != manifests.require(store, toy.SOURCE, latest.version).cursors:
        found.bad.append(f"watermarks {registry.watermarks(toy.SOURCE)} are not those of {latest.version}")


def _look_at_versions(store: Store, registry: Registry, found: Found) -> None:
    for row in registry.versions(toy.SOURCE):
        try:
            manifests.verify(store, manifests.require(store, toy.SOURCE, row.version))
        except (ValueError, FileNotFoundError) as error:
            found.lost.append(f"{row.version} ({row.state}): {error}")
        if row.state == "publishing":
            found.stuck.append(f"{row.version} is being published for ever")
    later = datetime.now(UTC) + LATER
    for each in recovery.stuck(registry, later, toy.SOURCE, over=later):
        # What nobody began to publish is left to the retry of its run, and what is refused to people.
        if each.tried and not (each.error and "refused" in each.error):
            found.stuck.append(f"{each.version} could be published, and is not: {each.error}")
