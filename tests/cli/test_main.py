"""The operator's commands, as typed."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.alerting import silences
from include.cli.command import app, quarantine
from include.cli.main import main
from include.monitoring import doctor, heartbeat
from include.publishing import promotion
from include.publishing.policy import Policy
from include.registry import run_log
from include.registry.registry import Registry
from include.storage.store import Store
from include.version import version_id
from tests import toy
from tests.cli.conftest import Typed

REASON = ("--reason", "wrong unit")


def actions(registry: Registry) -> list[tuple[str, str, str]]:
    with registry.transaction() as cursor:
        cursor.execute("SELECT what, who, reason FROM lastgood.action ORDER BY id")
        return [(row["what"], row["who"], row["reason"]) for row in cursor.fetchall()]


def a_run(
    registry: Registry, source: str, name: str, *steps: str, status: Any = "ok", version: str | None = None
) -> str:
    """A run in the log with these steps, of which the last is the one that failed where it is to fail."""
    version = version or version_id(toy.START, name)
    run_log.start(
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
        with run_log.step(registry, source, version, step):
            pass
    if status is not None:
        run_log.end(registry, source, version, status, failed_step=steps[-1] if status == "fail" else None)
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
    found = json.loads(out)
    assert [each["name"] for each in found["checks"]] == ["rows against the last good version in percent"]
    code, out, _ = lastgood("checks", toy.SOURCE, lower.version)
    assert code == 0 and f"{found['passed']} checks passed (--all lists them)" in out
    every = lastgood("checks", toy.SOURCE, lower.version, "--all")[1].splitlines()
    assert (
        every[1].startswith("FAILED") and sum(line.startswith("PASSED") for line in every) == found["passed"]
    )
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
    with registry.transaction() as cursor:
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
    assert lastgood("runs")[1].splitlines()[1].split() == f"just now 0 s toy fail at gate {failed} -".split()
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


@pytest.mark.parametrize(
    "command",
    [
        ("diff", "20260101T000000Z-00000000", "20260101T000000Z-00000000"),
        ("checks", "20260101T000000Z-00000000"),
    ],
)
def test_what_retention_removed_is_not_only_unknown(
    lastgood: Typed, registry: Registry, command: tuple[str, ...]
) -> None:
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.removed_version (source, version, as_of, state) "
            "VALUES ('ctgov', '20260101T000000Z-00000000', now(), 'superseded')"
        )
    code, _, err = lastgood(command[0], "ctgov", *command[1:])
    assert code == 1 and "ctgov 20260101T000000Z-00000000: retention removed it on 20" in err


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


def test_the_doctor_shows_what_is_wrong_first_and_what_tasks_saw_when_they_last_looked(
    lastgood: Typed, store: Store, registry: Registry
) -> None:
    code, out, err = lastgood("doctor")
    assert code == 1 and "1 of " in err
    assert out.index("WRONG (1)\n  watch: It has never run.\n    → Unpause the DAG lastgood_watch") == 0
    assert "→ Trigger the DAG lastgood_doctor." in out
    now = datetime.now().astimezone()
    heartbeat.beat(store, now, code_version="1", findings=0, complete=True)
    seen = [doctor.wrong("channels", "None is set up.", "Set one."), doctor.well("registry")]
    doctor.keep(store, doctor.from_inside(seen[:1]) + seen[1:], now - timedelta(hours=3), "scheduled__1")
    code, out, _ = lastgood("doctor")
    assert code == 1 and out.startswith("WRONG (1)\n  channels: None is set up.\n    → Set one.\n")
    assert "as tasks saw them 3 h ago (scheduled__1)" in out
    assert json.loads(lastgood("--json", "doctor")[1])["findings"][0]["what"] == "registry"
    doctor.keep(store, [], now, "scheduled__2")
    assert lastgood("doctor")[0] == 0


def test_the_doctor_says_what_is_wrong_with_a_registry_that_is_away(lastgood: Typed, store: Store) -> None:
    code, out, _ = lastgood("--registry", "postgresql:///x?host=/nowhere", "doctor")
    assert code == 1 and "registry: It does not answer: OperationalError" in out and "  store" in out


def test_status_failed_and_alerts_read_an_empty_registry(lastgood: Typed, registry: Registry) -> None:
    code, out, _ = lastgood("status")
    assert code == 0 and "Open alerts: 0" in out
    assert lastgood("failed")[1] == lastgood("alerts", "--open")[1] == "(none)\n"


def test_pinning_and_unpinning_leave_who_and_why(lastgood: Typed, store: Store, registry: Registry) -> None:
    version = toy.publish(store, registry, 3, day=1).version
    assert lastgood("pin", toy.SOURCE, version, "--reason", "of the paper")[0] == 0
    assert lastgood("versions", toy.SOURCE)[1].count("of the paper") == 1
    assert lastgood("unpin", toy.SOURCE, version, *REASON, "--yes")[0] == 0
    assert actions(registry) == [("pin", "ana", "of the paper"), ("unpin", "ana", "wrong unit")]


def test_a_rollback_holds_its_source_and_a_release_ends_it(
    lastgood: Typed, store: Store, registry: Registry
) -> None:
    for day in (1, 2):
        toy.publish(store, registry, 2 + day, day=day)
    code, out, _ = lastgood("rollback", toy.SOURCE, "--until", "2199-01-01T08:00Z", *REASON, "--yes")
    assert code == 0 and re.search(
        r"^on hold +ana rolled back from .* until 2199-01-01 08:00 UTC", out, re.MULTILINE
    )
    _, out, _ = lastgood("status")
    assert (
        "On hold: toy. ana rolled back from" in out
        and "until 2199-01-01 08:00 UTC: wrong unit" in " ".join(out.split())
    )
    held = toy.stage(store, registry, 5, day=3)
    toy.judge(store, registry, held)
    promotion.promote(store, registry, toy.SOURCE, held.version, policy=Policy(), owner="run")
    assert "1 held" in lastgood("status")[1]
    code, out, _ = lastgood("release", toy.SOURCE, held.version, *REASON, "--yes")
    assert code == 0 and held.version in out and "promoted" in out
    assert "On hold" not in lastgood("status")[1]
    assert lastgood("hold", toy.SOURCE, *REASON, "--yes")[0] == 0
    code, out, _ = lastgood("release", toy.SOURCE, *REASON, "--yes")
    assert code == 0 and "no longer: the next run publishes what it brings" in out


@pytest.mark.parametrize(
    "uri", ["postgresql://ana:pa%ZZssword@host/db", "host='pa%ssword", "postgresql://[pa%ssword"]
)
def test_a_registrys_uri_that_cannot_be_read_is_refused_without_its_password(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, uri: str
) -> None:
    assert main(["--root", tmp_path.as_uri(), "--registry", uri, "status"]) == 1
    said = capsys.readouterr().err
    assert "cannot be read: write postgresql://user:password@host/database" in said
    assert "ssword" not in said.replace("user:password@", "").replace("in the password", "")


def test_what_the_code_logs_is_a_line_on_stderr_from_warnings_on_without_secrets(
    lastgood: Typed, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(*_: Any) -> list[Any]:
        log = logging.getLogger("include.publishing.promotion")
        log.info("nobody needs this")
        log.warning("left to the recovery:\npostgresql://ana:s3cret@db/x \x1b[2J")
        return []

    monkeypatch.setattr("include.monitoring.status.failed", failed)
    code, out, err = lastgood("failed")
    assert (code, out) == (0, "(none)\n")
    assert err.startswith("failed: warning: left to the recovery: postgresql://") and "s3cret" not in err
    assert len(err.splitlines()) == 1 and "\x1b" not in err and "nobody" not in err


def test_a_silence_is_kept_with_who_and_why_and_ended_by_another(lastgood: Typed, registry: Registry) -> None:
    why = ("--reason", "the upstream moves")
    code, out, _ = lastgood("silence", "ctgov", "--kind", "late", "--hours", "4", *why)
    assert code == 0 and "silenced until" in out and "late" in out
    now = datetime.now(UTC)
    (held,) = silences.held(registry, now)
    assert (held.sources, held.kinds, held.reason) == (["ctgov"], ["late"], "the upstream moves")
    assert timedelta(hours=3) < held.until - now < timedelta(hours=5)
    assert actions(registry) == [("silence", "ana", "the upstream moves")]
    assert lastgood("silence", "ctgov", "--kind", "late", "--hours", "0", *why)[0] == 0
    assert silences.held(registry, datetime.now(UTC)) == []
    assert lastgood("silence", "lastgood_watch", "--hours", "1", *why)[0] == 0


# --- asking ---

NEVER = "20260101T000000Z-00000000"
DESTRUCTIVE: tuple[tuple[str, ...], ...] = (
    ("accept", "toy", NEVER, *REASON),
    ("rollback", "toy", *REASON),
    ("hold", "toy", *REASON),
    ("release", "toy", *REASON),
    ("release", "toy", NEVER, *REASON),
    ("unpin", "toy", NEVER, *REASON),
    ("retry", "toy", NEVER, *REASON),
    ("replay", "toy", NEVER, *REASON),
    ("quarantine", "replay", "toy", NEVER, *REASON),
    ("rebuild-registry",),
    ("restore", "--from", "file:///nowhere"),
    ("restore", "--from", "file:///nowhere", "--file", "x"),
    ("retain", "toy", "--keep", "2", "--days", "0"),
)


@pytest.mark.parametrize("command", DESTRUCTIVE, ids=" ".join)
def test_without_a_terminal_and_without_yes_nothing_is_done(
    lastgood: Typed,
    store: Store,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    for day in range(3):
        toy.publish(store, registry, 3 + day, day=day)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, out, err = lastgood(*command)
    assert (code, out) == (2, "") and "--yes" in err and len(err.splitlines()) == 1
    assert actions(registry) == []


def test_what_decides_or_repairs_takes_yes() -> None:
    for made in (app, quarantine):
        for each in made.registered_commands:
            takes = "yes" in each.callback.__signature__.parameters  # type: ignore[union-attr]
            assert takes or each.rich_help_panel not in {"Decide", "Repair"}, each.name


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


# --- what goes wrong ---


IMPOSSIBLE = (
    (("accept", "toy", "20260101T000000Z-00000000", *REASON, "--yes"), "has no version"),
    (("rollback", "toy", *REASON, "--yes"), "no earlier version"),
    (("pin", "toy", "20260101T000000Z-00000000", *REASON), "never sealed"),
    (("latest", "nothing"), "there is no source 'nothing'; there are: clinical, comments, "),
    (("latest", "ctgov"), "nothing of ctgov was published yet"),
    (("runs", "--source", "ctgvo"), "there is no source 'ctgvo'"),
    (("silence", "ctgov", "--hours", "1", "--kind", "stael", *REASON), "no kind of alert 'stael'"),
    (("silence", "ctgov", "--hours", "1", "--reason", "why"), "say in a few words why"),
    (("checks", "toy", "../../etc/passwd"), "The version '../../etc/passwd' is none"),
    (("checks", "toy", ""), "The version '' is none"),
    (("diff", "toy", "20260101T000000Z-00000000", "latest"), "The version 'latest' is none"),
    (("quarantine", "list", "toy", ""), "The version '' is none"),
    (("quarantine", "show", "toy", "\u202e"), "The version '\\u202e' is none"),
    (("latest", ""), "The source '' is none"),
    (("verify", " "), "The source ' ' is none"),
    (("replay", "ctgov", "yesterday", *REASON, "--yes"), "The version 'yesterday' is none"),
    (("replay", "ctgov", "", *REASON, "--yes"), "The version '' is none"),
    (("rollback", "toy", "--to", "", *REASON, "--yes"), "The version '' is none"),
    (("rollback", "toy", "--to", "\x1b[2J", *REASON, "--yes"), "The version '\\x1b[2J' is none"),
    (("rollback", "toy", "--reason", " ", "--yes"), "The reason ' ' says nothing"),
    (
        ("hold", "toy", "--until", "tomorrow", *REASON, "--yes"),
        "'tomorrow' is no time; write 2026-12-01T08:00Z",
    ),
    (("hold", "toy", "--until", "2020-01-01", *REASON, "--yes"), "is over already"),
    (("release", "toy", *REASON, "--yes"), "toy is not on hold"),
    (("--who", "", "rollback", "toy", *REASON, "--yes"), "The name of who does it '' says nothing"),
    (("retry-all", "--reason", "a\x00b", "--yes"), "The reason 'a\\x00b' has characters"),
    (("restore", "--from", "file:///nowhere", "--stamp", "", "--yes"), "The stamp '' is none"),
    (("restore", "--from", "", "--yes"), "'' is no root of a store"),
    (("backup", "--to", ""), "'' is no root of a store"),
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
    "arguments",
    [
        ("latest",),
        ("lates", "ctgov"),
        ("runs", "-n", "-1"),
        ("runs", "-n", "9" * 30),
        ("rollback", "toy"),
        (),
    ],
)
def test_bad_use_ends_with_2(lastgood: Typed, arguments: tuple[str, ...]) -> None:
    code, out, err = lastgood(*arguments)
    assert (code, out) == (2, "") and "Usage: lastgood" in err


def test_without_a_store_the_command_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LASTGOOD_ROOT", raising=False)
    assert main(["latest", "ctgov"]) == 2
    assert "LASTGOOD_ROOT" in capsys.readouterr().err


def test_help_lists_every_command_in_its_group(lastgood: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, out, _ = lastgood("--help")
    assert code == 0
    listed = re.findall(r"^│ ([a-z][a-z-]+) ", out, re.MULTILINE)
    assert {each.name for each in app.registered_commands} | {"quarantine"} == set(listed)
    assert re.findall(r"─ (Look|Decide|Repair|Keep) ─", out) == ["Look", "Decide", "Repair", "Keep"]


def test_options_of_every_command_stand_before_its_name_or_after_it(lastgood: Typed, store: Store) -> None:
    other = "magic://x"
    for arguments in (("--root", other, "latest", "ctgov"), ("latest", "ctgov", "--root", other)):
        assert "Protocol not known" in lastgood(*arguments)[2]


def test_status_has_a_verdict_and_its_exit_code(lastgood: Typed, store: Store, registry: Registry) -> None:
    toy.publish(store, registry, 5, day=1)
    a_run(registry, toy.SOURCE, "first", "gate")
    code, out, _ = lastgood("status")
    assert code == 0 and "Publishing: 1 versions published (100.0 %)" in out and "All is well." in out
    a_run(registry, toy.SOURCE, "__airflow_temporary_run_2026__", "gate", status="fail")
    assert lastgood("status")[0] == 0, "a trial at Airflow's command line is no run"
    a_run(registry, toy.SOURCE, "second", "gate", status="fail")
    code, out, err = lastgood("status")
    assert code == 1 and "fail at gate, just now" in out and "All is well" not in out
    assert err == "status: the last run of toy failed at gate\n"
    assert json.loads(lastgood("status", "--json")[1])["well"] is False
    third = toy.publish(store, registry, 6, day=2).version
    a_run(registry, toy.SOURCE, "third", "gate", status="fail", version=third)
    assert lastgood("status")[0] == 0, "its version was accepted or published again since"


def test_status_tells_what_of_the_set_up_is_wrong_a_paused_dag_say(
    lastgood: Typed, store: Store, registry: Registry
) -> None:
    found = [doctor.wrong("ctgov", "Its DAG is paused.", "Unpause it."), doctor.well("clock")]
    doctor.keep(store, found, datetime.now(UTC), by="lastgood_watch")
    code, out, err = lastgood("status")
    assert code == 1 and "Set-up, looked at just now:\n  ctgov: Its DAG is paused.\n" in out
    assert err == "status: 1 thing of the set-up is wrong (`doctor` says what to do)\n"


def test_trials_at_airflows_command_line_are_listed_only_with_all(
    lastgood: Typed, registry: Registry
) -> None:
    a_run(registry, toy.SOURCE, "__airflow_temporary_run_2026__", "probe")
    assert lastgood("runs")[1] == "(none)\n" and len(lastgood("runs", "--csv", "-")[1].splitlines()) == 1
    assert len(lastgood("runs", "--all")[1].splitlines()) == 2


def test_history_tells_what_was_published_and_what_people_decided(
    lastgood: Typed, store: Store, registry: Registry
) -> None:
    first, second = (toy.publish(store, registry, 3 + day, day=day) for day in (1, 2))
    assert lastgood("rollback", toy.SOURCE, *REASON, "--yes")[0] == 0
    code, out, _ = lastgood("history", toy.SOURCE)
    head, last, *others = (line.split() for line in out.splitlines())
    assert code == 0 and head == ["WHEN", "WHAT", "VERSION", "CHANGES", "WHO", "WHY"]
    assert last == ["just", "now", "rollback", first.version, "-", "ana", "wrong", "unit"]
    assert [line[2:4] for line in others] == [["published", second.version], ["published", first.version]]
    assert others[1][4:] == ["+4", "~0", "-0", "-", "-"]


def test_follow_tells_each_change_of_a_run_once(
    lastgood: Typed, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = a_run(registry, toy.SOURCE, "one", "probe", status=None)
    looks = iter([None, None, lambda: run_log.end(registry, toy.SOURCE, version, "ok")])

    def sleep(_: float) -> None:
        act = next(looks, "over")
        if act == "over":
            raise KeyboardInterrupt
        if callable(act):
            act()

    monkeypatch.setattr("include.cli.reading.time.sleep", sleep)
    code, out, _ = lastgood("runs", "--follow")
    assert code == 130
    assert [line.split("  ", 1)[1] for line in out.splitlines()] == [
        f"toy  {version}  probe",
        f"toy  {version}  ok",
    ]


def test_a_shell_completes_commands_sources_and_versions(
    lastgood: Typed, store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = toy.publish(store, registry, 3, day=1).version
    monkeypatch.setenv("_LASTGOOD_COMPLETE", "complete_bash")
    for typed, wanted in (("hist", "history"), ("latest ct", "ctgov"), ("checks toy ", version)):
        monkeypatch.setenv("COMP_WORDS", f"lastgood {typed}")
        monkeypatch.setenv("COMP_CWORD", str(len(f"lastgood {typed}".split(" ")) - 1))
        assert wanted in main_said(lastgood)


def test_one_word_runs_a_command_from_any_folder(
    lastgood: Typed, store: Store, registry: Registry, tmp_path: Path
) -> None:
    version = toy.publish(store, registry, 3, day=1).version
    (tmp_path / "lastgood").symlink_to(Path(__file__).resolve().parents[2] / "bin" / "lastgood")
    done = subprocess.run(
        ["./lastgood", "versions", toy.SOURCE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "") and version in done.stdout


def main_said(lastgood: Typed) -> list[str]:
    return lastgood()[1].split()
