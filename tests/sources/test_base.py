"""A run owns its base: whatever moves latest between two steps, no run publishes a hole.

For every source a run is taken to each of its steps in turn. Then latest is moved under it: rolled back, or given to
another candidate by an operator or a run. The next step ends the run with the reason, and consumers read what the act
made latest; only a run that is older than what is latest now goes on, and ends as a version beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from include import pipeline
from include.pipeline import BaseMoved
from include.publishing import manifest as manifests
from include.publishing import promotion, race
from include.publishing import verdict as verdicts
from include.publishing.promotion import Outcome
from include.publishing.race import LostRace
from include.sources import source as sources
from tests.sources.worlds import World, small_worlds

STEPS = ("open", "extract", "build", "gate", "promote")
EARLIER, DAY, LATER = 1.5, 2, 2.5
"""Runs of one source: one that others find done and not published, the one that is looked at, and one after it."""


def do(world: World, source: str, step: str, day: float = DAY) -> Any:
    """Do a step of a run of a day."""
    daily = world.daily(source)
    if step == "open":
        return daily.run(day)
    run = daily.resumed(day)
    acts: dict[str, Callable[[], object]] = {
        "extract": lambda: sources.spec(source).derived or pipeline.extract(run, daily.session()),
        "build": lambda: pipeline.build(run),
        "gate": lambda: pipeline.judge(run),
        "promote": lambda: race.won(run.registry, pipeline.promote(run)),
    }
    return acts[step]()


def latest_of(world: World, source: str) -> str:
    found = world.registry.latest(source)
    assert found is not None
    return found.version


def read(world: World, source: str) -> dict[str, Any]:
    """What consumers read of a source, and where its next run goes on."""
    manifest = manifests.require(world.store, source, latest_of(world, source))
    manifests.verify(world.store, manifest)
    return {
        "latest": manifest.version,
        "files": [file.sha256 for file in manifest.files],
        "watermarks": world.registry.watermarks(source),
    }


def roll_back(world: World, source: str) -> str:
    promotion.rollback(world.store, world.registry, source, who="ana", reason="day 1 is wrong")
    return "ana .rollback."


def accept(world: World, source: str) -> str:
    """Accept the candidate of an earlier run, which a change rule had refused."""
    run = world.daily(source).resumed(EARLIER)
    check = verdicts.CheckOutcome(
        table="x", id="1", name="rows", rule="change", outcome="FAILED", value=0, threshold="none"
    )
    manifest = manifests.require(world.store, source, run.version)
    verdict = verdicts.Verdict(
        source=source,
        version=run.version,
        previous=manifest.previous,
        checked_at=manifest.created_at,
        checks=[check],
        errors=[],
        stamps=manifests.verify(world.store, manifest, lists=True),
    )
    verdicts.keep(world.store, world.registry, verdict)
    promotion.accept(world.store, world.registry, source, run.version, who="bo", reason="it is right")
    return "bo .accept."


def promote_earlier(world: World, source: str) -> str:
    assert do(world, source, "promote", EARLIER).outcome is Outcome.PROMOTED
    return f"run run-{EARLIER}"


def promote_later(world: World, source: str) -> str:
    assert do(world, source, "promote", LATER).outcome is Outcome.PROMOTED
    return f"run run-{LATER}"


@pytest.fixture(scope="module")
def world_after(
    postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, int], World]]:
    """Makes copies of a world in which the run of a source has done so many of its steps.

    Every source has published days 0 and 1, and its upstream has moved on after each of them.
    """
    with small_worlds(postgres, template_database, tmp_path_factory.mktemp("base")) as worlds:

        @cache
        def published() -> World:
            world = worlds.copy()
            for day in (0, 1):
                for source in sources.in_order(sources.names()):
                    world.daily(source).publish(day)
                for upstream in worlds.upstreams.values():
                    upstream.advance()
            return world

        @cache
        def after(source: str, done: int) -> World:
            if done == 0:
                world = worlds.copy(published())
                for day in (EARLIER, LATER):
                    for step in STEPS[:-1]:
                        do(world, source, step, day)
                return world
            world = worlds.copy(after(source, done - 1))
            do(world, source, STEPS[done - 1])
            return world

        yield lambda source, done: worlds.copy(after(source, done))


@pytest.mark.parametrize("move", [roll_back, accept, promote_earlier, promote_later])
@pytest.mark.parametrize("source", sources.names())
@pytest.mark.parametrize("done", range(1, len(STEPS)), ids=lambda done: f"before {STEPS[done]}")
def test_latest_is_moved_between_two_steps(
    world_after: Callable[[str, int], World], source: str, done: int, move: Callable[[World, str], str]
) -> None:
    world = world_after(source, done)
    base = latest_of(world, source)
    by_whom = move(world, source)
    made = read(world, source)
    assert made["latest"] != base
    if sources.spec(source).derived and STEPS[done] == "extract":
        return
    if move is promote_later and not sources.spec(source).merges:
        for step in STEPS[done:]:
            ended = do(world, source, step)
        assert ended.outcome is Outcome.OUT_OF_ORDER
    else:
        with pytest.raises((BaseMoved, LostRace)) as told:
            do(world, source, STEPS[done])
        assert told.match(f"upon {base}|{base} was latest")
        assert told.match(f"{made['latest']} is latest since .*, made so by {by_whom}")
        assert told.match("clear this run from its first task|clear it from its first task")
    assert read(world, source) == made
