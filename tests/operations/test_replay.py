"""A version rebuilt from its raw landing with mended code, and what became of the rows it had refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include import pipeline
from include.operations import quarantine, replay, retention
from include.operations.quarantine import NothingRefused
from include.operations.replay import NotReplayable
from include.publishing import manifest as manifests
from include.publishing.promotion import PromotionRefused
from include.quality import contract
from include.registry import run_log
from include.registry.registry import Registry
from include.sources.ctgov import study as studies
from include.sources.ctgov.tables import TABLES
from include.sources.source import Retention
from include.storage.store import Store
from sandbox.ctgov.server import SampleUpstream
from tests import toy
from tests.sources.daily import START, DailyRuns

NOW = START + timedelta(days=20)
SIGNED: dict[str, Any] = {"who": "ana", "reason": "the parser was mended", "now": NOW}
PARSE = studies.parse
STRICT = """dataset: wh/main/studies
columns: [{name: nct_id, data_type: varchar}]
checks:
  - schema: {name: columns are the declared ones}
  - row_count: {name: there are many studies, threshold: {must_be_greater_than: 1000000}}
"""


@pytest.fixture
def daily(store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[DailyRuns]:
    """A small sample, judged by one contract."""
    light = {"studies": contract.CONTRACTS / "ctgov" / "studies.yml"}
    monkeypatch.setattr(contract, "load_all", lambda *_: light)
    with SampleUpstream(size=40, seed=3, mean_bytes=3_000, compress=False) as upstream:
        yield DailyRuns("ctgov", store, registry, upstream)


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A parser with a fault: it refuses so many of a landing's studies, or with 0 none any more."""

    def set_fault(count: int) -> None:
        seen: list[bytes] = []

        def parse(line: bytes) -> Any:
            seen.append(line)
            if len(seen) <= count:
                raise studies.Refused("odd", "this code cannot read it", PARSE(line).nct_id)
            return PARSE(line)

        monkeypatch.setattr(studies, "parse", parse)

    return set_fault


def test_what_was_refused_comes_through_with_mended_code_and_without_the_upstream(
    daily: DailyRuns, refuse: Callable[[int], None]
) -> None:
    store, registry = daily.store, daily.registry
    refuse(3)
    # A run by hand ends at no whole second.
    before = daily.publish(1.0000001)
    assert before.as_of.microsecond
    (shown,) = quarantine.show(store, "ctgov", before.version, limit=1)
    assert shown["reason"] == "odd" and shown["content"].startswith('{"protocolSection"')
    assert (shown["kind"], shown["key"][:3]) == ("studies", "NCT")
    assert quarantine.show(store, "ctgov", before.version, reason="other") == []
    (listed,) = quarantine.summary(registry, "ctgov")
    assert (listed["version"], listed["reason"], listed["rows"]) == (before.version, "odd", 3)

    refuse(1)
    asked = len(daily.upstream.requests)
    done = quarantine.replay_version(store, registry, "ctgov", before.version, **SIGNED)
    assert len(daily.upstream.requests) == asked
    assert (done.refused_before, done.came_through, done.remain, done.refused_anew) == (3, 2, 1, 0)
    latest = registry.latest("ctgov")
    assert latest is not None and done.replay.outcome == "promoted"
    assert latest.version == done.replay.version != before.version
    after = manifests.require(store, "ctgov", latest.version)
    assert after.table("studies").rows == before.table("studies").rows + 2
    assert (after.as_of, after.raw, after.cursors) == (before.as_of, before.raw, before.cursors)
    assert store.list(f"raw/ctgov/{latest.version}") == [f"raw/ctgov/{latest.version}/progress.json"]

    run, _ = run_log.runs(registry, "ctgov")
    assert (run["dag_id"], run["run_type"], run["status"]) == ("lastgood_replay", "replay", "ok")
    assert set(run["steps"]) == {"build", "gate", "promote", "export"}
    with registry.transaction() as cursor:
        cursor.execute("SELECT who, what, version, reason, details FROM lastgood.action")
        assert cursor.fetchall() == [
            {
                "who": "ana",
                "what": "replay",
                "version": latest.version,
                "reason": "the parser was mended",
                "details": {"of": before.version},
            }
        ]

    refuse(0)
    again = {**SIGNED, "now": NOW + timedelta(hours=1)}
    last = quarantine.replay_version(store, registry, "ctgov", latest.version, **again)
    assert (last.came_through, last.remain) == (1, 0), "a replay can be replayed"
    with pytest.raises(NothingRefused, match="refused no row"):
        quarantine.replay_version(store, registry, "ctgov", last.replay.version, **again)


def test_a_replay_of_what_is_older_than_latest_or_is_refused_by_its_gate_leaves_latest(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    older = daily.publish(1)
    daily.upstream.advance()
    newer = daily.publish(2)
    done = replay.replay(daily.store, daily.registry, "ctgov", older.version, **SIGNED)
    assert (done.outcome, done.latest) == ("kept as version", newer.version)

    strict = tmp_path / "studies.yml"
    strict.write_text(STRICT)
    monkeypatch.setattr(contract, "load_all", lambda *_: {"studies": strict})
    later = {**SIGNED, "now": NOW + timedelta(hours=1)}
    with pytest.raises(PromotionRefused, match="did not pass its gate; latest stays"):
        replay.replay(daily.store, daily.registry, "ctgov", newer.version, **later)
    latest = daily.registry.latest("ctgov")
    assert latest is not None and latest.version == newer.version
    last = run_log.runs(daily.registry, "ctgov")[0]
    assert (last["status"], last["failed_step"]) == ("fail", "gate")


def test_mended_code_reaches_every_landed_study_and_its_serving_row_also_without_a_change(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    daily.publish(1)
    daily.upstream.advance()
    windowed = daily.publish(2)
    assert not windowed.upstream["full"]
    place = next(t for t in TABLES if t.name == "studies").names.index("brief_title")

    def mended(line: bytes) -> Any:
        study = PARSE(line)
        ((*row,),) = study.rows["studies"]
        row[place] = "MENDED"
        study.rows["studies"] = [tuple(row)]
        return study

    monkeypatch.setattr(studies, "parse", mended)
    done = replay.replay(daily.store, daily.registry, "ctgov", windowed.version, **SIGNED)
    made = manifests.require(daily.store, "ctgov", done.version)
    titles = [row["brief_title"] for row in daily.rows(made, "studies")]
    landed = windowed.counts["distinct"]
    assert titles.count("MENDED") == landed and 0 < landed < len(titles)
    with daily.registry.transaction() as cursor:
        cursor.execute("SELECT count(*) AS n FROM published.ctgov_studies WHERE brief_title = 'MENDED'")
        assert cursor.fetchone() == {"n": landed}


def test_raw_that_is_gone_or_not_complete_is_said_before_anything_is_done(daily: DailyRuns) -> None:
    store, run = daily.store, daily.run(1)
    pipeline.extract(run, daily.session())
    progress = f"raw/ctgov/{run.version}/progress.json"
    complete = store.read_bytes(progress)

    def refused(match: str) -> None:
        with pytest.raises(NotReplayable, match=match):
            replay.replay(store, daily.registry, "ctgov", run.version, **SIGNED)

    store.write_bytes(progress, complete.replace(b'"complete": true', b'"complete": false'))
    refused("not complete: clear the run")
    store.write_bytes(progress, complete)
    (part,) = (key for key in store.list(f"raw/ctgov/{run.version}") if "/part-00000" in key)
    store.delete(part)
    refused(f"{part}, a part of the raw landing of .* is gone")
    store.delete_tree(f"raw/ctgov/{run.version}")
    refused("retention keeps raw for 30 days")
    assert [each["version"] for each in run_log.runs(daily.registry)] == [run.version]
    with daily.registry.transaction() as cursor:
        cursor.execute("SELECT FROM lastgood.action")
        assert cursor.fetchall() == []


def test_retention_keeps_raw_that_a_replay_reads(daily: DailyRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    store, registry = daily.store, daily.registry
    old, *_ = (daily.publish(day) for day in (1, 2, 3, 4))
    seen: list[bool] = []
    build = pipeline.build

    def retained(run: Any) -> Any:
        keys = retention.plan(
            store, registry, "ctgov", Retention(), now=datetime.now(UTC) + timedelta(days=99)
        ).keys
        seen.append(any(key.startswith(f"raw/ctgov/{old.version}/") for key in keys))
        return build(run)

    monkeypatch.setattr(pipeline, "build", retained)
    replay.replay(store, registry, "ctgov", old.version, **SIGNED)
    assert seen == [False]
    with registry.transaction() as cursor:
        cursor.execute(
            "INSERT INTO lastgood.action (who, what, source, version, reason, details) "
            "VALUES ('ana', 'retain', 'ctgov', %s, 'old', '{\"raw\": true}')",
            (old.version,),
        )
    with pytest.raises(NotReplayable, match=f"Retention removes the raw landing of ctgov {old.version}"):
        replay.replay(store, registry, "ctgov", old.version, **SIGNED | {"now": NOW + timedelta(days=2)})


def test_a_version_that_refused_nothing_or_lost_its_refused_rows_says_so(
    store: Store, registry: Registry
) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    with pytest.raises(NothingRefused, match="refused no row"):
        quarantine.show(store, toy.SOURCE, manifest.version)
    with pytest.raises(FileNotFoundError, match="never sealed"):
        quarantine.show(store, toy.SOURCE, "20260101T000000Z-00000000")
