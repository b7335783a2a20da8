"""The gate fails closed, shows the rows, and knows what an operator may accept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.publishing.registry import Registry
from include.publishing.store import Store
from include.quality import gate
from include.quality.contract import InvalidContract
from include.quality.gate import Verdict
from tests import toy


def judged(store: Store, registry: Registry, tmp_path: Path, extra: str) -> Verdict:
    """The verdict on three good things under the toy contract with more checks."""
    path = tmp_path / "things.yml"
    path.write_text(toy.CONTRACTS["things"].read_text(encoding="utf-8") + extra, encoding="utf-8")
    manifest = toy.stage(store, registry, {1: "a", 2: "b", 3: None}, day=1)
    return gate.judge(store, manifest, None, {"things": path}, [])


def test_a_good_candidate_passes_with_every_check_listed(store: Store, registry: Registry) -> None:
    manifest = toy.stage(store, registry, 10, day=1)
    verdict = toy.judge(store, registry, manifest)
    assert verdict.passed and not verdict.reasons
    assert [check.outcome for check in verdict.checks] == ["PASSED"] * 6
    assert gate.read(store, toy.SOURCE, manifest.version) == verdict
    stored = registry.check_results(toy.SOURCE, manifest.version)
    assert {row["check_id"]: row["value"] for row in stored}["checks.row_count"] == 10
    assert registry.version(toy.SOURCE, manifest.version).state == "staged"


def test_failing_rows_are_shown_up_to_twenty_with_their_key(store: Store, registry: Registry) -> None:
    manifest = toy.stage(store, registry, dict.fromkeys(range(30), "rubbish"), day=1)
    verdict = toy.judge(store, registry, manifest)
    (failed,) = [check for check in verdict.checks if not check.passed]
    assert (failed.name, failed.value, failed.threshold) == ("no value is rubbish", 30, "must be: 0")
    assert len(failed.samples) == 20
    assert failed.samples[0] == {"id": failed.samples[0]["id"], "value": "rubbish"}
    assert verdict.reasons == ["things: no value is rubbish (30; must be: 0)"]
    assert not verdict.acceptable
    assert registry.version(toy.SOURCE, manifest.version).state == "rejected"


def test_an_empty_candidate_fails(store: Store, registry: Registry) -> None:
    verdict = toy.judge(store, registry, toy.stage(store, registry, 0, day=1))
    assert verdict.contract_failures == ["things: there is at least one thing (0; must be greater than: 0)"]


@pytest.mark.parametrize(
    ("extra", "unevaluated"),
    [
        ("  - failed_rows: {name: bad sql, query: SELEKT * FROM things}\n", "checks.failed_rows"),
        ("  - failed_rows: {name: no table, query: SELECT * FROM nothing}\n", "checks.failed_rows"),
        ("  - metric: {name: no column, expression: sum(nope), threshold: {must_be: 0}}\n", "checks.metric"),
        (
            "  - metric: {name: no value, query: SELECT NULL::int, threshold: {must_be: 0}}\n",
            "checks.metric",
        ),
    ],
)
def test_a_check_that_cannot_be_evaluated_has_failed(
    store: Store, registry: Registry, tmp_path: Path, extra: str, unevaluated: str
) -> None:
    verdict = judged(store, registry, tmp_path, extra)
    assert not verdict.passed and not verdict.acceptable
    assert {c.id for c in verdict.checks if c.outcome == "NOT_EVALUATED"} >= {unevaluated}
    assert any("could not be evaluated" in reason for reason in verdict.reasons)


def test_a_change_rule_that_cannot_be_evaluated_cannot_be_accepted(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    verdict = judged(
        store,
        registry,
        tmp_path,
        "  - metric: {name: nothing, qualifier: change_x, query: SELECT nope FROM changes, threshold: {must_be: 0}}\n",
    )
    assert not verdict.passed and not verdict.acceptable


def test_a_contract_for_a_column_that_is_missing_fails(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "things.yml"
    text = toy.CONTRACTS["things"].read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "  - name: content_hash", "  - name: extra\n    data_type: date\n  - name: content_hash"
        ),
        encoding="utf-8",
    )
    manifest = toy.stage(store, registry, 3, day=1)
    verdict = gate.judge(store, manifest, None, {"things": path}, [])
    assert not verdict.passed
    assert any("columns are the declared ones" in reason for reason in verdict.contract_failures)


def test_a_warning_passes_and_is_recorded(store: Store, registry: Registry, tmp_path: Path) -> None:
    verdict = judged(
        store,
        registry,
        tmp_path,
        "  - failed_rows: {name: no nulls, qualifier: nulls, expression: value IS NULL, "
        "threshold: {level: warn, must_be: 0}}\n",
    )
    assert verdict.passed
    (warned,) = [check for check in verdict.checks if check.outcome == "WARN"]
    assert warned.samples == [{"id": 3, "value": None, "content_hash": warned.samples[0]["content_hash"]}]


def test_rules_see_the_version_before_the_changes_and_the_history(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    toy.publish(store, registry, 10, day=1)
    toy.publish(store, registry, 11, day=2)
    path = tmp_path / "things.yml"
    path.write_text(
        toy.CONTRACTS["things"].read_text(encoding="utf-8")
        + """
  - metric:
      name: rows before
      qualifier: change_before
      query: SELECT count(*) FROM previous_things
      threshold: {must_be: 11}
  - metric:
      name: new and deleted
      qualifier: change_counts
      query: SELECT new * 100 + changed * 10 + deleted FROM changes
      threshold: {must_be: 201}
  - metric:
      name: history
      qualifier: change_history
      query: SELECT sum(rows) FROM history WHERE table_name = 'things'
      threshold: {must_be: 21}
""",
        encoding="utf-8",
    )
    values: dict[int, str | None] = {n: f"thing {n}" for n in range(1, 13)}
    manifest = toy.stage(store, registry, values, day=3)
    from include.publishing import manifest as manifests

    assert manifest.previous is not None
    previous = manifests.require(store, toy.SOURCE, manifest.previous)
    verdict = gate.judge(store, manifest, previous, {"things": path}, registry.history(toy.SOURCE))
    assert verdict.passed, verdict.reasons


def test_a_contract_that_the_strict_schema_refuses_stops_the_gate(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(InvalidContract, match="must_be_gt"):
        judged(
            store,
            registry,
            tmp_path,
            "  - metric: {name: mmm, expression: sum(id), threshold: {must_be_gt: 0}}\n",
        )


def test_soda_sends_no_telemetry_wherever_the_gate_runs() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "SODA_CORE_TELEMETRY_ENABLED"}
    code = (
        "import include.quality.gate\n"
        "from soda_core.telemetry.soda_telemetry import SodaTelemetry\n"
        "print(bool(SodaTelemetry()._SodaTelemetry__send))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"
