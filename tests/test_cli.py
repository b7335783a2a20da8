"""The operator's commands, as typed."""

from __future__ import annotations

import json

import pytest

from include import cli
from include.publishing.registry import Registry
from include.publishing.store import Store
from tests import toy


@pytest.fixture
def lastgood(store: Store, dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("LASTGOOD_ROOT", store.uri)
    monkeypatch.setenv("LASTGOOD_REGISTRY", dsn)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["--who", "ana", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_rejected_version_is_found_looked_into_and_accepted_with_a_reason(  # type: ignore[no-untyped-def]
    lastgood, store: Store, registry: Registry
) -> None:
    toy.publish(store, registry, 1000, day=1)
    lower = toy.stage(store, registry, 900, day=2)
    toy.judge(store, registry, lower)
    code, out, _ = lastgood("versions", toy.SOURCE)
    assert code == 0 and out.splitlines()[1].split()[:2] == [lower.version, "rejected"]
    code, out, _ = lastgood("--json", "checks", toy.SOURCE, lower.version)
    assert json.loads(out)[0]["name"] == "rows against the last good version in percent"
    code, out, _ = lastgood("accept", toy.SOURCE, lower.version, "--reason", "one registry was closed")
    assert code == 0 and "promoted" in out
    code, out, _ = lastgood("--json", "latest", toy.SOURCE)
    assert json.loads(out)["version"] == lower.version
    with registry.cursor() as cursor:
        cursor.execute("SELECT who, reason FROM lastgood.action")
        assert cursor.fetchall() == [{"who": "ana", "reason": "one registry was closed"}]


def test_rollback_verify_retain_and_rebuild(lastgood, store: Store, registry: Registry) -> None:  # type: ignore[no-untyped-def]
    versions = [toy.publish(store, registry, 100 + day, day=day) for day in range(4)]
    code, out, _ = lastgood("rollback", toy.SOURCE, "--reason", "wrong unit")
    assert code == 0 and versions[2].version in out
    assert lastgood("verify", toy.SOURCE)[0] == 0
    code, out, _ = lastgood("--json", "retain", toy.SOURCE, "--keep", "2", "--days", "0")
    assert code == 0 and versions[0].version in json.loads(out)["would remove"]
    assert store.exists(f"versions/toy/{versions[0].version}/manifest.json"), "without --yes it only lists"
    assert lastgood("migrate")[0] == lastgood("rebuild-registry")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("accept", "toy", "20260101T000000Z-00000000", "--reason", "x y"), "has no version"),
        (("rollback", "toy", "--reason", "x y"), "no earlier version"),
        (("latest", "nothing"), "nothing of nothing was published yet"),
        (("checks", "toy", "../../etc/passwd"), "not a path inside the store"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_with_exit_code_1(  # type: ignore[no-untyped-def]
    lastgood, registry: Registry, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = lastgood(*arguments)
    assert (code, out) == (1, "") and message in err and len(err.splitlines()) == 1


def test_without_a_store_the_command_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LASTGOOD_ROOT", raising=False)
    assert cli.main(["latest", "ctgov"]) == 2
    assert "LASTGOOD_ROOT" in capsys.readouterr().err
