"""What documents show of commands is what the commands print: heads of tables, names of facts, messages."""

from __future__ import annotations

import re
import shlex
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.cli.main import main
from include.monitoring import heartbeat
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
from tests import toy

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^\$ python -m include\.cli (.+)\n((?:(?!\$ |```).*\n)*)", re.MULTILINE)
UNSHOWN = "…"


@dataclass
class World:
    """A store and a registry in which there is something to show of every command."""

    store: Store
    registry: Registry
    backups: Path
    rejected: str = ""
    unpublished: str = ""
    file: str = ""
    """Of latest."""


@pytest.fixture
def world(store: Store, registry: Registry, tmp_path: Path) -> World:
    made = World(store, registry, tmp_path / "backups")
    for day in range(4):
        latest = toy.publish(store, registry, 100 + day, day=day)
    made.file = latest.files[0].path
    lower = toy.stage(store, registry, 50, day=8)
    toy.judge(store, registry, lower)
    stuck = toy.stage(store, registry, 104, day=9)
    toy.judge(store, registry, stuck)
    made.rejected, made.unpublished = lower.version, stuck.version
    with registry.transaction() as cursor:
        cursor.execute(
            "UPDATE lastgood.dataset_version SET state = 'failed', publish_attempts = 3, publish_error = 'no room' "
            "WHERE version = %s",
            (stuck.version,),
        )
        cursor.execute(
            "INSERT INTO lastgood.quarantine_summary (source, version, reason, rows) VALUES ('toy', %s, 'odd', 24)",
            (latest.version,),
        )
    run_log.start(
        registry,
        source=toy.SOURCE,
        version=lower.version,
        dag_id=toy.SOURCE,
        run_id="one",
        interval_start=None,
        interval_end=toy.START,
        env="test",
        code_version="1",
    )
    run_log.end(registry, toy.SOURCE, lower.version, "fail", failed_step="gate")
    heartbeat.beat(store, datetime.now(UTC), code_version="1", findings=0, complete=True)
    return made


def shown() -> list[tuple[str, str, str]]:
    """Every command with the output that a document pastes below it: where, as typed, what."""
    return [
        (f"{path.name}:{text.count(chr(10), 0, found.start()) + 1}", found[1], found[2])
        for path in DOCUMENTS
        for text in [path.read_text(encoding="utf-8")]
        for found in COMMAND.finditer(text)
        if found[2].strip()
    ]


def test_documents_show_many_outputs() -> None:
    assert len(shown()) > 15


def heads(output: str) -> list[str]:
    """The head of a table, or the names of facts and the words of sentences, without what differs each time."""
    lines = [line for line in output.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if re.fullmatch(r"[A-Z][A-Z ]+", line):
            return [*map(_words, lines[:number]), " ".join(line.split())]
    names = [
        re.split(r"\s{2,}", line)[0] if re.search(r"\S\s{2,}\S", line) else _words(line) for line in lines
    ]
    return [re.sub(r"^(latest|versions) \w+$", r"\1 SOURCE", name) for name in names]


def _words(line: str) -> str:
    return line if line == UNSHOWN else re.sub(r"\S*[\d/…]\S*(?: [kMG]B)?", "#", line)


ACTING = ("accept", "retry", "rollback", "verify", "restore")


@pytest.mark.parametrize("command", [None, *ACTING])
def test_what_a_document_shows_of_a_command_is_what_it_prints(
    dsn: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    command: str | None,
) -> None:
    chosen = [each for each in shown() if shlex.split(each[1])[0] == command]
    if command is None:
        chosen = [each for each in shown() if shlex.split(each[1])[0] not in ACTING]
    assert chosen
    for place, typed, output in chosen:
        with monkeypatch.context() as here:
            here.delenv("COLUMNS", raising=False)
            here.setenv("LASTGOOD_ROOT", world.store.uri)
            here.setenv("LASTGOOD_REGISTRY", dsn)
            arguments = [_here(word, shlex.split(typed)[0], world) for word in shlex.split(typed)]
            _prepare(arguments, output, world, here)
            capsys.readouterr()
            main(arguments)
            said = "".join(capsys.readouterr()).replace(toy.SOURCE, "ctgov")
        printed, position = heads(said), 0
        for name in heads(output):
            if name != UNSHOWN:
                assert name in printed[position:], f"{place} shows {name!r}, and it prints:\n{said}"
                position = printed.index(name, position)


def _here(word: str, command: str, world: World) -> str:
    """A word of the command as it is in this world."""
    if re.fullmatch(r"\d{8}T\d{6}Z-\w+", word):
        return world.unpublished if command == "retry" else world.rejected
    if word.startswith("versions/"):
        return world.file
    if word in {"ctgov", "pubchem"}:
        return toy.SOURCE
    return word.replace("file:///backups", world.backups.as_uri())


def _wait_for_the_next_second() -> None:
    """A backup is named by its second, and the documents show several."""
    now = int(time.time())
    while int(time.time()) == now:
        time.sleep(0.02)


def _prepare(arguments: list[str], output: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has happened before, by what the command is and says."""
    if "connection failed" in output:
        monkeypatch.setenv("LASTGOOD_REGISTRY", "postgresql://127.0.0.1:1/lastgood")
    if arguments[0] in {"backup", "restore"}:
        _wait_for_the_next_second()
    if arguments[0] == "restore":
        assert main(["backup", "--to", world.backups.as_uri()]) == 0
        if "--file" not in arguments:
            monkeypatch.setenv("LASTGOOD_ROOT", world.backups.with_name("fresh").as_uri())
            with world.registry.transaction() as cursor:
                cursor.execute("DROP SCHEMA lastgood, published CASCADE")
    if "was altered" in output:
        world.store.write_bytes(world.file, b"rubbish")
