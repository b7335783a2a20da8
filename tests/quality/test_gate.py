"""The gate fails closed, shows the rows, and knows what an operator may accept."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pyarrow as pa
import pytest

from include.publishing import manifest as manifests
from include.publishing import promotion
from include.publishing import verdict as verdicts
from include.publishing.candidate import Candidate
from include.publishing.manifest import Manifest, Quarantine
from include.publishing.policy import Policy
from include.publishing.verdict import Verdict
from include.quality import contract as contract_files
from include.quality import gate
from include.quality.contract import InvalidContract
from include.quality.tolerance import Tolerance
from include.registry.registry import Registry
from include.storage.store import Store
from include.storage.tables import Column, Table
from tests import toy
from tests.publishing import quick


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
    assert verdicts.read(store, toy.SOURCE, manifest.version) == verdict
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


# --- what arrived and was refused ---


def refusing(store: Store, registry: Registry, **kept: Any) -> Verdict:
    """The verdict on three good things beside which others were refused."""
    manifest = toy.stage(store, registry, 3, day=1)
    kept = {"rows": sum(kept.get("refused", {}).values()), "reasons": {"odd": 5}, **kept}
    return gate.judge(
        store,
        msgspec.structs.replace(manifest, quarantine=Quarantine(**kept)),
        None,
        toy.CONTRACTS,
        [],
        tolerance=Tolerance(share=0.1, least=5),
    )


@pytest.mark.parametrize(
    ("arrived", "refused", "passes", "acceptable"),
    [
        ({"things": 0}, {}, True, False),
        ({"things": 2}, {"things": 1}, True, False),
        ({"things": 4}, {"things": 4}, True, False),
        ({"things": 50}, {"things": 5}, True, False),
        ({"things": 49}, {"things": 5}, False, True),
        ({"things": 10}, {"things": 5}, False, True),
        ({"things": 9}, {"things": 5}, False, False),
        ({"things": 320}, {"things": 320}, False, False),
        ({"things": 1_000_000, "names": 20}, {"names": 10}, False, True),
    ],
)
def test_too_large_a_share_of_refused_records_of_any_kind_blocks(
    store: Store,
    registry: Registry,
    arrived: dict[str, int],
    refused: dict[str, int],
    passes: bool,
    acceptable: bool,
) -> None:
    verdict = refusing(store, registry, arrived=arrived, refused=refused)
    assert (verdict.passed, verdict.acceptable) == (passes, acceptable)
    assert len([check for check in verdict.checks if check.table == gate.QUARANTINE]) == len(arrived)


def test_what_blocks_says_how_many_of_which_kind_and_why(store: Store, registry: Registry) -> None:
    verdict = refusing(store, registry, arrived={"things": 320}, refused={"things": 320})
    assert verdict.contract_failures == [
        "_quarantine: few of the things that arrived are refused (100; percent, at most 10% from 5 on; "
        "320 of 320 were)"
    ]
    (failed,) = [check for check in verdict.checks if not check.passed]
    assert failed.samples == [{"reason": "odd", "rows": 5}]
    verdicts.keep(store, registry, verdict)
    assert registry.version(toy.SOURCE, verdict.version).state == "rejected"


def test_refused_rows_of_which_nobody_counted_the_arrivals_cannot_be_judged(
    store: Store, registry: Registry
) -> None:
    verdict = refusing(store, registry, refused={"things": 1})
    assert not verdict.passed and not verdict.acceptable
    assert "1 were, of an unknown number) could not be evaluated" in verdict.reasons[0]
    assert refusing(store, registry, rows=0, reasons={}).passed, "a manifest of before that refused nothing"


# --- numbers and times that no comparison catches ---

MEASURED = Table(
    "things",
    "Things.",
    ("id",),
    (
        Column("id", pa.int64(), "Number of the thing.", required=True),
        Column("weight", pa.float64(), "Weight in grams."),
        Column("seen_at", pa.timestamp("us", "UTC"), "When it was seen last."),
        Column("content_hash", pa.string(), "Hash of the rest.", required=True),
    ),
    serve=False,
)
MEASURED_CONTRACT = """dataset: wh/main/things
columns:
  - {name: id, data_type: bigint}
  - name: weight
    data_type: double
    checks: [{invalid: {name: nothing weighs less than nothing, valid_min: 0}}]
  - {name: seen_at, data_type: timestamp with time zone}
  - {name: content_hash, data_type: varchar}
checks:
  - schema: {name: columns are the declared ones}
  - row_count: {name: there is at least one thing, threshold: {must_be_greater_than: 0}}
  - freshness: {name: things are fresh, column: seen_at, threshold: {unit: day, must_be_less_than: 3}}
"""


def measured(
    store: Store, tmp_path: Path, *weights: float | None, seen: timedelta = timedelta(), late: float = 0
) -> Verdict:
    """The verdict on things, seen last at `seen` after data time, of a candidate made `late` hours after it."""
    path, now = tmp_path / "things.yml", datetime(2026, 3, 1, tzinfo=UTC)
    path.write_text(MEASURED_CONTRACT, encoding="utf-8")
    rows = [
        {"id": number, "weight": weight, "seen_at": now + seen, "content_hash": str(weight)}
        for number, weight in enumerate(weights)
    ]
    with Candidate(store, toy.SOURCE, "20260301T000000Z-00000000", [MEASURED], 1, None) as candidate:
        candidate.write("things", pa.Table.from_pylist(rows, MEASURED.schema).to_batches())
        manifest: Manifest = candidate.seal(
            run_id="r",
            as_of=now,
            created_at=now + timedelta(hours=late),
            code_version="t",
            cursors={},
            counts={},
            upstream={},
        )
    return gate.judge(store, manifest, None, {"things": path}, [])


def test_a_number_that_is_none_fails_though_it_would_pass_as_the_greatest(
    store: Store, tmp_path: Path
) -> None:
    verdict = measured(store, tmp_path, 1.5, float("nan"), None, float("-inf"))
    (below, odd) = [check for check in verdict.checks if not check.passed]
    assert (below.id, below.value) == ("columns.weight.checks.invalid", 1)
    assert (odd.id, odd.value, odd.rule) == ("finite", 2, "contract")
    assert odd.samples == [{"id": 1, "weight": "nan"}, {"id": 3, "weight": "-inf"}]
    store.write_bytes(verdicts.key_of(toy.SOURCE, verdict.version), msgspec.json.encode(verdict))
    assert verdicts.read(store, toy.SOURCE, verdict.version) == verdict


@pytest.mark.parametrize("nested", [False, True])
def test_numbers_in_lists_are_looked_at_as_well(store: Store, tmp_path: Path, nested: bool) -> None:
    type_ = pa.list_(pa.list_(pa.float64())) if nested else pa.list_(pa.float64())
    lists: list[list[float | None] | None] = [
        [1.5, float("nan")],
        [float("-inf"), 2.0],
        [float("inf")],
        [None, float("nan")],
        [None, 1.0],
        [],
        None,
    ]
    rows = [
        {"id": n, "weights": [[0.5], None, each] if nested else each, "content_hash": str(n)}
        for n, each in enumerate(lists)
    ]
    shape = Table(
        "things",
        "Things.",
        ("id",),
        (
            Column("id", pa.int64(), "Key.", required=True),
            Column("weights", type_, "Weights."),
            Column("content_hash", pa.string(), "Hash.", required=True),
        ),
        False,
    )
    path, now = tmp_path / "things.yml", datetime(2026, 3, 1, tzinfo=UTC)
    path.write_text(
        "dataset: wh/main/things\ncolumns: [{name: id, data_type: bigint}]\nchecks:\n"
        "  - schema: {name: columns are there, allow_extra_columns: true}\n"
        "  - row_count: {name: there are some, threshold: {must_be_greater_than: 0}}\n",
        encoding="utf-8",
    )
    with Candidate(store, toy.SOURCE, "20260301T000000Z-00000000", [shape], 1, None) as candidate:
        candidate.write("things", pa.Table.from_pylist(rows, shape.schema).to_batches())
        manifest = candidate.seal(
            run_id="r", as_of=now, created_at=now, code_version="t", cursors={}, counts={}, upstream={}
        )
    verdict = gate.judge(store, manifest, None, {"things": path}, [])
    (odd,) = [check for check in verdict.checks if not check.passed]
    assert (odd.id, odd.value) == ("finite", 4)
    assert [sample["id"] for sample in odd.samples] == [0, 1, 2, 3]


# --- checks that look at nothing ---


@pytest.mark.parametrize(
    "condition", ["id = id AND false", "id = id AND 1 = 0", "id > 3 AND id < 2", "NOT (id = id OR true)"]
)
def test_a_condition_that_no_row_can_fulfil_is_an_error(
    store: Store, registry: Registry, tmp_path: Path, condition: str
) -> None:
    told = f"{condition!r} is true of no row, whatever it holds"
    never = f"  - duplicate: {{name: n, qualifier: f, columns: [id], filter: {condition}}}\n".replace(
        "name: n", "name: none twice"
    )
    verdict = judged(store, registry, tmp_path, never)
    assert verdict.errors == [f"things: checks.duplicate.f: filter {told}"] and not verdict.acceptable
    verdict = judged(
        store, registry, tmp_path, f"  - failed_rows: {{name: never, expression: {condition}}}\n"
    )
    assert verdict.errors == [f"things: checks.failed_rows: expression {told}"]


@pytest.mark.parametrize("condition", ["id = 77", "value = 'zzz'", "id <> id"])
def test_a_filter_that_chooses_no_row_warns(
    store: Store, registry: Registry, tmp_path: Path, condition: str
) -> None:
    more = f"  - duplicate: {{name: none twice, qualifier: f, columns: [id], filter: {condition}}}\n"
    verdict = judged(store, registry, tmp_path, more)
    assert verdict.passed
    (warned,) = [check for check in verdict.checks if check.outcome == "WARN"]
    assert warned.threshold.endswith("; its filter chose none of the 3 rows")
    assert judged(store, registry, tmp_path, more.replace(condition, "id > 2")).count("WARN") == 0


def test_a_filter_on_no_rows_and_an_expression_that_nothing_fulfils_are_as_good_as_before(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    more = (
        "  - duplicate: {name: none twice, qualifier: f, columns: [id], filter: id > 2}\n"
        "  - failed_rows: {name: none is old, expression: id > 1000000}\n"
    )
    assert judged(store, registry, tmp_path, more).count("WARN", "FAILED") == 0
    path = tmp_path / "things.yml"
    empty = toy.stage(store, registry, 0, day=2)
    verdict = gate.judge(store, empty, None, {"things": path}, [])
    assert verdict.errors == [] and verdict.count("WARN") == 0


def test_fractions_and_nulls_are_numbers_enough(store: Store, tmp_path: Path) -> None:
    assert measured(store, tmp_path, 1.5, 0.0, None).passed


@pytest.mark.parametrize(
    ("seen", "late", "passes"),
    [
        (timedelta(days=-4), 0, False),
        (timedelta(days=-2), 0, True),
        (timedelta(), 0, True),
        (timedelta(hours=1), 0, False),
        (timedelta(hours=1), 2, True),
        (timedelta(days=30_000), 2, False),
    ],
)
def test_what_was_seen_after_it_was_fetched_is_wrong_and_not_fresh(
    store: Store, tmp_path: Path, seen: timedelta, late: float, passes: bool
) -> None:
    assert measured(store, tmp_path, 1.0, seen=seen, late=late).passed == passes


def test_a_figure_that_is_no_number_could_not_be_evaluated(
    store: Store, registry: Registry, tmp_path: Path
) -> None:
    verdict = judged(
        store,
        registry,
        tmp_path,
        "  - metric: {name: odd, query: \"SELECT 'nan'::double FROM things LIMIT 1\", "
        "threshold: {must_be_greater_than: 0}}\n",
    )
    (failed,) = [check for check in verdict.checks if not check.passed]
    assert (failed.outcome, failed.value) == ("NOT_EVALUATED", None)


def test_soda_is_handed_what_was_read_and_not_the_file(
    store: Store, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THINGS", "1")
    with pytest.raises(InvalidContract, match=r"line \d+: 'SELECT \$\{env.THINGS\}' holds a variable"):
        judged(
            store,
            registry,
            tmp_path,
            "  - metric: {name: some, query: 'SELECT ${env.THINGS}', threshold: {must_be: 1}}\n",
        )
    path = tmp_path / "things.yml"
    path.write_text(toy.CONTRACTS["things"].read_text(encoding="utf-8"), encoding="utf-8")
    read = contract_files.read

    def read_and_alter(given: Path) -> Any:
        document = read(given)
        given.write_text("altered: meanwhile", encoding="utf-8")
        return document

    monkeypatch.setattr(contract_files, "read", read_and_alter)
    manifest = toy.stage(store, registry, 3, day=2)
    assert gate.judge(store, manifest, None, {"things": path}, []).passed


def two_verdicts(store: Store, registry: Registry) -> tuple[Verdict, Verdict]:
    manifest = toy.stage(store, registry, 3, day=1)
    first = quick.judge(store, registry, manifest)
    return first, msgspec.structs.replace(first, checked_at=first.checked_at + timedelta(hours=1))


def assert_kept(store: Store, registry: Registry, verdict: Verdict) -> None:
    found = verdicts.read_sealed(store, verdict.source, verdict.version)
    assert found is not None and found[0] == verdict
    assert registry.version(verdict.source, verdict.version).verdict_sha256 == found[1]


def test_of_two_gates_of_one_candidate_the_second_waits_for_the_first(
    any_store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_verdicts(any_store, registry)
    swap, threads = Store.swap, list[threading.Thread]()

    def meanwhile(self: Store, *args: Any) -> bool:
        if not threads:
            other = threading.Thread(
                target=lambda: verdicts.keep(any_store, Registry(registry.connect), second)
            )
            threads.append(other)
            other.start()
            other.join(1)
            assert other.is_alive(), "it waits"
        return swap(self, *args)

    monkeypatch.setattr(Store, "swap", meanwhile)
    verdicts.keep(any_store, registry, first)
    threads[0].join(30)
    assert_kept(any_store, registry, second)


def test_a_gate_that_stood_still_while_its_retry_judged_keeps_nothing(
    any_store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_verdicts(any_store, registry)
    swap = Store.swap

    def frozen(self: Store, *args: Any) -> bool:
        monkeypatch.setattr(Store, "swap", swap)
        with registry.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' "
                "AND datname = current_database()"
            )
        verdicts.keep(any_store, Registry(registry.connect), second)
        return swap(self, *args)

    monkeypatch.setattr(Store, "swap", frozen)
    with pytest.raises(psycopg.OperationalError):
        verdicts.keep(any_store, registry, first)
    assert_kept(any_store, registry, second)


# --- what a run brought ---

ARRIVALS = """  - failed_rows:
      name: what arrived fills the columns that are usually filled
      qualifier: change_arrivals
      query: |
        SELECT * FROM arrivals
        WHERE table_name = 'things' AND filled_percent < usual_percent / 2 AND chance < 0.000001
"""


def arrived(
    store: Store, registry: Registry, contract: Path, values: dict[int, str | None], base: Verdict | None
) -> Verdict:
    """The verdict on things that become latest, be it since somebody accepts them."""
    manifest = toy.stage(store, registry, values, day=len(registry.versions(toy.SOURCE)) + 1)
    previous = manifests.require(store, toy.SOURCE, manifest.previous) if manifest.previous else None
    verdict = gate.judge(
        store,
        manifest,
        previous,
        {"things": contract},
        registry.history(toy.SOURCE),
        levels=base.usual_from_now if base else (),
    )
    verdicts.keep(store, registry, verdict)
    if not verdict.passed:
        assert verdict.acceptable
        promotion.accept(store, registry, toy.SOURCE, manifest.version, who="ana", reason="it is so")
        return verdict
    promotion.promote(store, registry, toy.SOURCE, manifest.version, policy=Policy(), owner="test")
    return verdict


@pytest.fixture
def judging_arrivals(tmp_path: Path) -> Path:
    path = tmp_path / "things.yml"
    path.write_text(toy.CONTRACTS["things"].read_text(encoding="utf-8") + ARRIVALS, encoding="utf-8")
    return path


def test_what_arrives_without_what_is_usual_blocks_until_it_is_accepted_once(
    store: Store, registry: Registry, judging_arrivals: Path
) -> None:
    values: dict[int, str | None] = {number: f"thing {number}" for number in range(300)}
    verdict = arrived(store, registry, judging_arrivals, values, None)
    assert verdict.passed

    values |= dict.fromkeys(range(300, 306))
    blocked = arrived(store, registry, judging_arrivals, values, verdict)
    (failed,) = [check for check in blocked.checks if not check.passed]
    assert failed.samples == [
        {
            "table_name": "things",
            "of_kind": "all",
            "column_name": "value",
            "arrived": 6,
            "usual_percent": 99.0,
            "filled_percent": 0.0,
            "chance": failed.samples[0]["chance"],
        }
    ]

    values |= dict.fromkeys(range(306, 330))
    accepted = arrived(store, registry, judging_arrivals, values, blocked)
    assert accepted.passed, "it is the usual level now"

    values |= dict.fromkeys(range(330, 360), "again")
    back = arrived(store, registry, judging_arrivals, values, accepted)
    assert back.passed
    values |= dict.fromkeys(range(360, 390))
    assert not arrived(store, registry, judging_arrivals, values, back).passed, "it came back, and went again"


def test_without_a_version_before_nothing_has_arrived(
    store: Store, registry: Registry, judging_arrivals: Path
) -> None:
    assert arrived(store, registry, judging_arrivals, dict.fromkeys(range(300)), None).passed
