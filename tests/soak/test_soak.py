"""A slice of the soak, and that it finds what it looks for: a soak that sees nothing proves nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from include.publishing import manifest as manifests
from include.publishing import pointers
from include.registry.registry import Registry
from include.storage.store import Store
from sandbox.environment import PROJECT
from tests import toy
from tests.soak import closing
from tests.soak.acts import Act, do
from tests.soak.consumer import Consumer
from tests.soak.rounds import chosen
from tests.soak.world import World
from tests.toy import source as toy_source

STEPS = tuple(toy_source.STEPS)


@pytest.mark.crash
def test_a_slice_of_the_soak_finds_nothing() -> None:
    asked = "--seed 11 --rounds 2 --moves 18 --at-once 18 --lease 4 --files-only"
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", *asked.split()],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 bad; 0 lost files; 0 stuck states; 0 unexpected errors" in done.stdout
    assert " 18 schedules" in done.stdout.splitlines()[-3]


def test_a_round_follows_from_its_seed_and_number() -> None:
    first, again = (chosen(5, 8, moves=30, schedules=0, s3=True) for _ in range(2))
    assert first == again != chosen(5, 10, moves=30, schedules=0, s3=True)
    acts = {
        move.act.name
        for number in range(0, 60, 2)
        for move in chosen(5, number, moves=30, schedules=0, s3=True).moves
    }
    assert acts == {
        "run",
        "accept",
        "roll back",
        "pin",
        "retain",
        "recover",
        "back up",
        "restore",
        "rebuild",
        "read on",
    }


@pytest.fixture
def world(
    postgres: str, template_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A round that has published two versions."""
    toy_source.install(monkeypatch.setattr)
    world = World(postgres, f"soaked_{tmp_path.name}".replace("-", "_").lower()[:60], tmp_path / "round")
    world.create(template_database)
    for day in (1, 2):
        do(world, Act("run", f"run-{day}", day, STEPS))
    yield world
    world.drop()


def lost_file(store: Store, _registry: Registry) -> None:
    latest = pointers.read_pointer(store, toy.SOURCE)
    assert latest is not None
    toy.lose(store, latest.tables[0].files[0].path)


def half_a_version(_store: Store, registry: Registry) -> None:
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM published.toy_things WHERE id < 5")


def pointer_back(store: Store, registry: Registry) -> None:
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.previous is not None
    manifest = manifests.require(store, toy.SOURCE, latest.previous)
    pointer = pointers.Pointer(
        source=toy.SOURCE,
        version=manifest.version,
        previous=None,
        as_of=manifest.as_of,
        since=latest.since,
        schema_version=1,
        tables=manifest.tables,
        generation=1,
    )
    store.write_bytes(pointers.pointer_key(toy.SOURCE), pointers.encoded(pointer))


@pytest.mark.parametrize("wrong", [lost_file, half_a_version, pointer_back])
def test_the_consumer_sees_what_is_wrong(world: World, wrong: Callable[[Store, Registry], None]) -> None:
    consumer = Consumer(world)
    consumer.look()
    assert consumer.saw.bad == [] and consumer.saw.readings == 2 and consumer.saw.parted_since is None
    wrong(world.store(), world.registry())
    consumer.look()
    assert consumer.saw.bad
    assert (consumer.saw.parted_since is not None) == (wrong is pointer_back)


def never_ending(_store: Store, registry: Registry) -> None:
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'publishing', lease_owner = 'x', published_at = NULL, "
            "lease_until = now() + interval '1 day' WHERE version <> (SELECT version FROM lastgood.latest)"
        )


@pytest.mark.parametrize("wrong", [lost_file, half_a_version, never_ending])
def test_the_end_of_a_round_finds_what_is_wrong(
    world: World, wrong: Callable[[Store, Registry], None]
) -> None:
    wrong(world.store(), world.registry())
    found = closing.close(world, 3)
    assert bool(found.lost) == (wrong is lost_file)
    assert bool(found.bad) == (wrong is half_a_version)
    assert bool(found.stuck) == (wrong is not half_a_version)


def test_the_end_of_an_undisturbed_round_finds_nothing_and_mends_the_pointer(world: World) -> None:
    toy.lose(world.store(), pointers.pointer_key(toy.SOURCE))
    assert closing.close(world, 3) == closing.Found()
