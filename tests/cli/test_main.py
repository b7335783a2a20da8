"""The operator's commands, as typed."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.cli.commands import COMMANDS
from include.cli.main import main
from include.monitoring import heartbeat
from include.publishing import manifest as manifests
from include.publishing import runlog
from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy
from tests.cli.conftest import Typed

REASON = ("--reason", "wrong unit")


def actions(registry: Registry) -> list[tuple[str, str, str]]:
    with registry.cursor() as cursor:
        cursor.execute("SELECT what, who, reason FROM lastgood.action ORDER BY id")
        return [(row["what"], row["who"], row["reason"]) for row in cursor.fetchall()]


def a_run(
    registry: Registry, source: str, name: str, *steps: str, status: Any = "ok", version: str | None = None
) -> str:
    """A run in the log with these steps, of which the last is the one that failed where it is to fail."""
    version = version or manifests.version_id(toy.START, name)
    runlog.start(
        registry,
        source=source,
        version=version,
        dag_id=source,
        run_id=name,
        interval_start=None,
        interval_end=toy.START,
        env="test",
        code_version="1",
    )
    for step in steps:
        with runlog.step(registry, source, version, step):
            pass
    if status is not None:
        runlog.end(registry, source, version, status, failed_step=steps[-1] if status == "fail" else None)
    return version


def test_a_rejected_version_is_found_looked_into_and_accepted_with_a_reason(
    lastgood: Typed, store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 1000, day=1)
    lower = toy.stage(store, registry, 900, day=2)
    toy.judge(store, registry, lower)
    code, out, _ = lastgood("versions", toy.SOURCE)
    assert code == 0 and out.splitlines()[1].split()[:2] == [lower.version, "rejected"]
    code, out, _ = lastgood("--json", "checks", toy.SOURCE, lower.version)
    assert json.loads(out)[0]["name"] == "rows against the last good version in percent"
    code, out, _ = lastgood("accept", toy.SOURCE, lower.version, *REASON, "--yes")
    assert code == 0 and "promoted" in out
    code, out, _ = lastgood("latest", toy.SOURCE, "--json")
    assert json.loads(out)["version"] == lower.version
    assert actions(registry) == [("accept", "ana", "wrong unit")]


def test_retain_verify_rollback_and_rebuild(lastgood: Typed, store: Store, registry: Registry) -> None:
    versions = [toy.publish(store, registry, 100 + day, day=day) for day in range(3)]
    retain = ("--json", "retain", toy.SOURCE, "--keep", "2", "--days", "0")
    code, out, _ = lastgood(*retain, "--dry-run")
    assert code == 0 and json.loads(out)["versions"] == [versions[0].version]
    assert store.exists(f"versions/toy/{versions[0].version}/manifest.json"), "a dry run only lists"
    assert lastgood(*retain, "--yes")[0] == 0
    assert not store.exists(f"versions/toy/{versions[0].version}/manifest.json")
    code, out, _ = lastgood("rollback", toy.SOURCE, *REASON, "--yes")
    assert code == 0 and versions[1].version in out
    assert lastgood("verify", toy.SOURCE)[0] == 0
    with registry.cursor() as cursor:
        cursor.execute("TRUNCATE lastgood.latest, lastgood.dataset_version CASCADE")
    assert lastgood("migrate")[0] == lastgood("rebuild-registry", "--yes")[0] == 0
    assert [what for what, *_ in actions(registry)][-3:] == ["rollback", "migrate", "rebuild registry"]


def test_the_last_run_tells_its_status_and_failed_step(
    lastgood: Typed, store: Store, registry: Registry
) -> None:
    manifest = toy.publish(store, registry, 5, day=1)
    a_run(registry, toy.SOURCE, "run-1-", "extract", "promote", version=manifest.version)
    failed = a_run(registry, toy.SOURCE, "second", "extract", "gate", status="fail")
    a_run(registry, "lastgood_watch", "watching", "watch")
    code, out, _ = lastgood("runs", "--json", "-n", "5")
    last, first = json.loads(out)
    assert code == 0 and (last["version"], last["status"], last["failed_step"]) == (failed, "fail", "gate")
    assert first["version"] == manifest.version and last["published"] is None
    assert first["published"] == {"rows": 5, "new": 5, "changed": 0, "deleted": 0}
    assert lastgood("runs")[1].splitlines()[1].split() == f"just now 0 s toy fail gate {failed} -".split()
    assert json.loads(lastgood("runs", "--all", "--json")[1])[0]["source"] == "lastgood_watch"
    assert len(json.loads(lastgood("runs", "--source", "lastgood_watch", "--json")[1])) == 1
    assert len(json.loads(lastgood("runs", "--source", toy.SOURCE, "--json", "-n", "1")[1])) == 1


def test_the_whole_history_comes_as_csv_with_the_columns_of_pipeline_runs(
    lastgood: Typed, registry: Registry, tmp_path: Path
) -> None:
    a_run(registry, toy.SOURCE, "scheduled__1", "probe", "extract", "build", "gate", status="fail")
    a_run(registry, toy.SOURCE, "manual__2", "probe", status=None)
    a_run(registry, "lastgood_watch", "watching", "watch")
    code, out, _ = lastgood("runs", "--csv", "-")
    lines = out.splitlines()
    assert code == 0 and lines[0] == "run_id,started_utc,ended_utc,steps_run,status,failed_step,env"
    first, second = csv.DictReader(io.StringIO(out))
    time = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(time, first["started_utc"]) and re.fullmatch(time, first["ended_utc"])
    assert lines[1].startswith("scheduled__1,") and lines[1].endswith(
        ',"probe,extract,build,gate",fail,gate,test'
    )
    assert second["run_id"] == "manual__2" and lines[2].endswith(",,probe,,,test")
    assert lastgood("runs", "--all", "--csv", str(tmp_path / "runs.csv"))[:2] == (0, "")
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 4
    assert [path.name for path in tmp_path.glob("*runs.csv")] == ["runs.csv"]


def test_diff_names_the_rows(lastgood: Typed, store: Store, registry: Registry) -> None:
    before = toy.publish(store, registry, {1: "a", 2: "b"}, day=1)
    after = toy.publish(store, registry, {1: "a", 2: "B", 3: "c"}, day=2)
    code, out, _ = lastgood("diff", toy.SOURCE, before.version, after.version)
    assert code == 0 and "id=2\n             value: b → B" in out
    code, out, _ = lastgood("--json", "diff", toy.SOURCE, before.version, after.version, "--limit", "1")
    (table,) = json.loads(out)
    assert (table["new"], table["changed"], table["deleted"]) == (1, 1, 0)
    assert table["rows"] == [{"change": "changed", "key": {"id": 2}, "columns": {"value": ["b", "B"]}}]


def test_each_damaged_file_is_named(lastgood: Typed, store: Store, registry: Registry) -> None:
    oldest, second, last = (toy.publish(store, registry, 3 + day, day=day) for day in range(3))
    store.write_bytes(last.files[0].path, b"rubbish")
    store.delete(oldest.files[0].path)
    code, out, err = lastgood("verify", "--json")
    found = json.loads(out)
    assert (
        code == 1
        and not found["intact"]
        and [each["path"] for each in found["damaged"]] == [last.files[0].path]
    )
    assert err.startswith(f"verify: {last.files[0].path} was altered") and err.count("\n") == 1
    code, _, err = lastgood("verify", toy.SOURCE, "--all-versions")
    assert code == 1 and f"{oldest.files[0].path} is missing; of toy {oldest.version}" in err
    assert second.version not in err


def test_another_registrys_store_is_not_taken_for_damage(
    lastgood: Typed, store: Store, registry: Registry, tmp_path: Path
) -> None:
    version = toy.publish(store, registry, 3, day=1).version
    code, out, err = lastgood("--root", (tmp_path / "other").as_uri(), "verify")
    assert (code, out) == (1, "") and "is this the store of this registry?" in err
    assert f"versions/toy/{version}/manifest.json" in err and len(err.splitlines()) == 1


def test_a_heartbeat_that_is_overdue_ends_with_1_and_needs_no_registry(
    lastgood: Typed, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LASTGOOD_REGISTRY")
    assert lastgood("heartbeat")[0] == 1
    now = datetime.now().astimezone()
    heartbeat.beat(store, now, code_version="1", findings=0, complete=True)
    assert lastgood("heartbeat")[0] == 0
    heartbeat.beat(store, now - timedelta(hours=1), code_version="1", findings=0, complete=True)
    code, _, err = lastgood("heartbeat")
    assert code == 1 and "the scheduler or the watch is down" in err


def test_status_failed_and_alerts_read_an_empty_registry(lastgood: Typed, registry: Registry) -> None:
    code, out, _ = lastgood("status")
    assert code == 0 and "open alerts: 0" in out
    assert lastgood("failed")[1] == lastgood("alerts", "--open")[1] == "(none)\n"


def test_pinning_and_unpinning_leave_who_and_why(lastgood: Typed, store: Store, registry: Registry) -> None:
    version = toy.publish(store, registry, 3, day=1).version
    assert lastgood("pin", toy.SOURCE, version, "--reason", "of the paper")[0] == 0
    assert lastgood("versions", toy.SOURCE)[1].count("of the paper") == 1
    assert lastgood("unpin", toy.SOURCE, version, *REASON, "--yes")[0] == 0
    assert actions(registry) == [("pin", "ana", "of the paper"), ("unpin", "ana", "wrong unit")]


# --- asking ---

DESTRUCTIVE = {name for name, command in COMMANDS.items() if command.asks}


def test_these_ask() -> None:
    decided = {"accept", "rollback", "unpin", "retry", "retry-all"}
    repaired = {"replay", "quarantine replay", "rebuild-registry", "restore", "retain"}
    assert decided | repaired == DESTRUCTIVE
    assert all("--yes" in COMMANDS[name].arguments for name in DESTRUCTIVE)


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 2)])
def test_a_rollback_asks_on_a_terminal(
    lastgood: Typed,
    store: Store,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
) -> None:
    first, second = (toy.publish(store, registry, 3 + day, day=day) for day in (1, 2))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: answer))
    done, _, err = lastgood("rollback", toy.SOURCE, *REASON)
    assert done == code
    assert err.startswith(f"Make {first.version} latest of toy in place of {second.version}? [y/N]")
    latest = registry.latest(toy.SOURCE)
    assert latest is not None and latest.version == (second if code else first).version


@pytest.mark.parametrize("command", ["rollback", "retain"])
def test_without_a_terminal_and_without_yes_nothing_is_done(
    lastgood: Typed, store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for day in range(2):
        toy.publish(store, registry, 3 + day, day=day)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    reason = REASON if command == "rollback" else ("--keep", "2", "--days", "0")
    code, out, err = lastgood(command, toy.SOURCE, *reason)
    assert (code, out) == (2, "") and "--yes" in err and len(err.splitlines()) == 1
    assert actions(registry) == []


# --- what goes wrong ---


IMPOSSIBLE = (
    (("accept", "toy", "20260101T000000Z-00000000", *REASON, "--yes"), "has no version"),
    (("rollback", "toy", *REASON, "--yes"), "no earlier version"),
    (("pin", "toy", "20260101T000000Z-00000000", *REASON), "never sealed"),
    (("latest", "nothing"), "there is no source 'nothing'; there are: clinical, ctgov"),
    (("latest", "ctgov"), "nothing of ctgov was published yet"),
    (("runs", "--source", "ctgvo"), "there is no source 'ctgvo'"),
    (("checks", "toy", "../../etc/passwd"), "not a path inside the store"),
    (("replay", "ctgov", "yesterday", *REASON, "--yes"), "'yesterday' is not a version"),
    (("replay", "ctgov", *REASON, "--yes"), "Name the version of ctgov"),
    (("replay", "clinical", "20260101T000000Z-00000000", *REASON, "--yes"), "leave the version out"),
    (("quarantine", "show", "toy", "20260101T000000Z-00000000"), "never sealed"),
    (("runs", "--csv", "/no/such/folder/runs.csv"), "No such file"),
    (("--root", "magic://x", "latest", "ctgov"), "Protocol not known"),
)


def test_what_cannot_be_done_is_said_in_one_line_with_exit_code_1(
    lastgood: Typed, store: Store, registry: Registry
) -> None:
    toy.stage(store, registry, 3, day=1)
    for arguments, message in IMPOSSIBLE:
        code, out, err = lastgood(*arguments)
        assert (code, out) == (1, "") and message in err and len(err.splitlines()) == 1, (arguments, err)


@pytest.mark.parametrize(
    "uri",
    ["postgresql://ana:s3cret@127.0.0.1:1/x", "ana:s3cret@127.0.0.1", "postgresql://ana:s3cret@h:port/x"],
)
def test_a_database_that_is_away_is_one_sentence_without_its_password(lastgood: Typed, uri: str) -> None:
    code, out, err = lastgood("--registry", uri, "runs")
    assert (code, out) == (1, "") and len(err.splitlines()) == 1
    assert err.startswith("runs: ") and "s3cret" not in err


def test_an_empty_database_says_that_it_is_to_be_migrated(
    lastgood: Typed, postgres: str, registry: Registry
) -> None:
    code, _, err = lastgood("--registry", postgres, "runs")
    assert code == 1 and "run `migrate` first" in err


@pytest.mark.parametrize(
    "arguments", [("latest",), ("lates", "ctgov"), ("runs", "-n", "-1"), ("rollback", "toy"), ()]
)
def test_bad_use_ends_with_2(
    lastgood: Typed, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as ended:
        lastgood(*arguments)
    assert ended.value.code == 2 and "usage" in capsys.readouterr().err


def test_without_a_store_the_command_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LASTGOOD_ROOT", raising=False)
    assert main(["latest", "ctgov"]) == 2
    assert "LASTGOOD_ROOT" in capsys.readouterr().err


def test_help_lists_every_command_in_its_group_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    for name, command in COMMANDS.items():
        assert sum(line.split("  ")[1:2] == [name] and line.endswith(command.does) for line in lines) == 1, (
            name
        )
    assert all(len(line) <= 120 for line in lines)
    assert [line for line in lines if line in {"Look:", "Decide:", "Repair:", "Keep:"}] == [
        "Look:",
        "Decide:",
        "Repair:",
        "Keep:",
    ]
