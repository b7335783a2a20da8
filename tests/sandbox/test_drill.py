"""The drill's parts: its consumer knows a torn version, a scene tells what broke, and so does the protocol."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest

from include.operations.recovery import Report
from include.publishing import pointers
from include.publishing.pointers import Pointer
from include.registry.registry import Registry
from include.sources.source import Spec
from include.storage.store import Store
from sandbox.daily import DailyRuns
from sandbox.drill import main, protocol, scenes
from sandbox.drill.reader import WAYS, Reader, Reading, longest_outage
from sandbox.drill.scenes import Scene
from sandbox.drill.world import World, connected
from tests import running, toy

NOW = datetime(2026, 3, 9, 12, 30, tzinfo=UTC)


@pytest.fixture
def reader(store: Store, registry: Registry, dsn: str) -> Reader:
    """A consumer of things who knows both versions that were published, and has not begun."""
    found = Reader(store, dsn, toy.SOURCE)
    for day, values in enumerate(({1: "one", 2: "two"}, {1: "uno", 3: "tre"})):
        found.expect(toy.publish(store, registry, values, day=day))
    return found


@pytest.fixture
def world(store: Store, registry: Registry, dsn: str, reader: Reader, tmp_path: Path) -> Iterator[World]:
    """A machine that published things, and whose consumer reads."""
    spec = Spec(
        name=toy.SOURCE,
        title="Things",
        owner="tests",
        schedule="0 0 * * *",
        done_within=timedelta(hours=8),
        fresh_within=timedelta(hours=36),
    )
    with reader:
        daily = DailyRuns(toy.SOURCE, store, registry)
        yield World(tmp_path / "postgres", dsn, store, store, daily, reader, spec)


def pointer(store: Store) -> Pointer:
    found = pointers.read_pointer(store, toy.SOURCE)
    assert found is not None
    return found


def test_a_whole_version_is_read_both_ways(reader: Reader, store: Store) -> None:
    assert [reader.read(way).version for way in WAYS] == [pointer(store).version] * 2


def test_rows_of_two_versions_are_torn(reader: Reader, registry: Registry) -> None:
    with registry.transaction() as cursor:
        cursor.execute("UPDATE published.toy_things SET content_hash = md5('one') WHERE id = 1")
    found = reader.read("SQL")
    assert (found.version, found.torn) == (None, True)


def test_a_pointer_to_another_versions_files_is_torn(reader: Reader, store: Store) -> None:
    mixed = msgspec.structs.replace(pointer(store), version=pointer(store).previous)
    store.write_bytes(pointers.pointer_key(toy.SOURCE), msgspec.json.encode(mixed))
    found = reader.read("files")
    assert (found.version, found.torn) == (None, True)


def test_a_flipped_byte_is_damage(reader: Reader, store: Store) -> None:
    path = Path(store.full(pointer(store).tables[0].files[0].path))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = reader.read("files")
    assert not found.torn
    assert found.error is not None and found.error.endswith("is not the file that was published")


@pytest.mark.parametrize(
    ("versions", "seconds"),
    [
        (["a", "a", "b"], 0),
        (["a", None, None, "a", None, "b"], 3),
        ([None, "a"], 2),
        (["a", None, None], 2),
    ],
)
def test_an_outage_lasts_from_the_last_good_reading_to_the_next(
    versions: list[str | None], seconds: int
) -> None:
    readings = [Reading(at, "SQL", version) for at, version in enumerate(versions, 1)]
    assert longest_outage(readings, since=0) == seconds


def test_a_lost_pointer_is_repaired_and_nothing_else_is_hit(world: World) -> None:
    scene = scenes.pointer_lost(world)
    assert scene.faults == []
    assert scene.seconds > 0
    assert re.search(r"files: version 2, after \d+\.\d s", scene.saw), scene.saw
    assert "SQL: version 2, without a gap" in scene.saw


def test_a_recovery_that_does_nothing_is_a_broken_guarantee(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(World, "recover", lambda _: Report())
    monkeypatch.setattr(Reader, "wait_for", lambda *_: False)
    scene = scenes.pointer_lost(world)
    assert any("did not repair it" in fault for fault in scene.faults)
    assert "consumers do not read version 2" in scene.faults


def test_a_version_that_is_not_the_one_it_should_be_is_a_broken_guarantee(
    world: World, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reader, "wait_for", lambda *_: True)
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.previous is not None
    assert world.reader.wait_for_failure("files", 0) is False
    scene = Scene("A scene", "nothing")
    running.wait_until(lambda: world.reader.seen("SQL", 0).readings, "the reader reads")
    scene.end(world.reader, 0, latest.previous)
    assert scene.faults[:2] == [
        "files gave version 2",
        "files gave a version again after the next one",
    ]
    whole = Scene("A scene", "nothing")
    whole.end(world.reader, 0, latest.version)
    assert (whole.faults, whole.seconds) == ([], 0)


def test_what_the_watch_did_not_find_is_not_claimed(world: World) -> None:
    scene = Scene("A scene", "nothing")
    scene.observe(world.alerts(), "file-damaged")
    assert (scene.noticed, len(scene.faults)) == ("", 1)
    Path(world.store.full(pointer(world.store).tables[0].files[0].path)).unlink()
    scene.observe(world.alerts(), "file-damaged")
    assert scene.noticed == "the watch, alert `file-damaged`"


def test_a_watch_without_its_registry_has_failed_rules(world: World) -> None:
    assert world.failed_rules() == set()
    lost = dataclasses.replace(world.daily, registry=connected("host=127.0.0.1 port=1"))
    assert "stale" in dataclasses.replace(world, daily=lost).failed_rules()


def test_the_protocol_tells_a_broken_scene_first_and_names_no_place(tmp_path: Path) -> None:
    good = Scene("All is well", "nothing", "a | b", "`command`", 1.25, "version 1 all the time")
    bad = Scene("All is lost", "everything", seconds=9.0, faults=["files gave version 1 | again"])
    facts = protocol.Facts(61.4, 190)
    text = protocol.write(tmp_path, [good], facts, NOW).read_text(encoding="utf-8")
    assert (
        "**All 1 scenes held every guarantee**" in text and "| 1. All is well | nothing | a \\| b |" in text
    )
    path = protocol.write(tmp_path, [good, bad], facts, NOW)
    assert path.name == "2026-03-09.md"
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[2] == "**1 of 2 scenes broke a guarantee**; see the end."
    assert text.endswith("## All is lost: broken\n\n- files gave version 1 \\| again\n")
    assert "9.0 s (all is lost)" in text
    assert "/tmp" not in text and str(Path.home()) not in text


def test_a_scene_that_breaks_off_is_a_broken_guarantee() -> None:
    def registry_restored(reason: str) -> Scene:
        raise RuntimeError(reason)

    scene = main._played(partial(registry_restored, "no way"))
    assert (scene.title, scene.faults) == (
        "Registry restored",
        ["the scene broke off: RuntimeError: no way"],
    )


@pytest.mark.parametrize("faults", [[], ["something"]])
def test_a_broken_guarantee_is_the_commands_failure(
    faults: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene("A scene", "something", faults=faults)
    monkeypatch.setattr(main, "play", lambda *_: ([scene], protocol.Facts(1.0, 10)))
    assert main.main(["--to", str(tmp_path)]) == len(faults)
    assert f"{1 - len(faults)} of 1 scenes held every guarantee" in capsys.readouterr().out
