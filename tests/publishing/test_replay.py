"""A version made anew from its raw landing with mended code, and what became of the rows it had refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include import steps
from include.publishing import manifest as manifests
from include.publishing import quarantine, replay, runlog
from include.publishing.promotion import PromotionRefused
from include.publishing.quarantine import NothingRefused
from include.publishing.registry import Registry
from include.publishing.replay import NotReplayable
from include.publishing.store import Store
from include.quality import contract
from include.sources.ctgov import study as studies
from include.sources.ctgov.tables import TABLES
from sandbox.ctgov.server import SampleUpstream
from tests import toy
from tests.sources.pipeline import START, Pipeline

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
def pipeline(store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A small sample, judged by one contract."""
    light = {"studies": contract.CONTRACTS / "ctgov" / "studies.yml"}
    monkeypatch.setattr(contract, "load_all", lambda *_: light)
    with SampleUpstream(size=40, seed=3, mean_bytes=3_000, compress=False) as upstream:
        yield Pipeline("ctgov", store, registry, upstream)


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A parser with a fault: it refuses so many of a landing's studies, or with 0 none any more."""

    def set_fault(count: int) -> None:
        seen: list[bytes] = []

        def parse(line: bytes) -> Any:
            seen.append(line)
            if len(seen) <= count:
                raise studies.Refused("odd", "this code cannot read it")
            return PARSE(line)

        monkeypatch.setattr(studies, "parse", parse)

    return set_fault


def test_what_was_refused_comes_through_with_mended_code_and_without_the_upstream(
    pipeline: Pipeline, refuse: Callable[[int], None]
) -> None:
    store, registry = pipeline.store, pipeline.registry
    refuse(3)
    # A run by hand ends at no whole second.
    before = pipeline.publish(1.0000001)
    assert before.as_of.microsecond
    (shown,) = quarantine.show(store, "ctgov", before.version, limit=1)
    assert shown["reason"] == "odd" and shown["content"].startswith('{"protocolSection"')
    assert quarantine.show(store, "ctgov", before.version, reason="other") == []
    (listed,) = quarantine.summary(registry, "ctgov")
    assert (listed["version"], listed["reason"], listed["rows"]) == (before.version, "odd", 3)

    refuse(1)
    asked = len(pipeline.upstream.requests)
    done = quarantine.replay_version(store, registry, "ctgov", before.version, **SIGNED)
    assert len(pipeline.upstream.requests) == asked
    assert (done.refused_before, done.came_through, done.remain, done.refused_anew) == (3, 2, 1, 0)
    latest = registry.latest("ctgov")
    assert latest is not None and done.replay.outcome == "promoted"
    assert latest.version == done.replay.version != before.version
    after = manifests.require(store, "ctgov", latest.version)
    assert after.table("studies").rows == before.table("studies").rows + 2
    assert (after.as_of, after.raw, after.cursors) == (before.as_of, before.raw, before.cursors)
    assert store.list(f"raw/ctgov/{latest.version}") == [f"raw/ctgov/{latest.version}/progress.json"]

    (run,) = runlog.runs(registry, "ctgov")
    assert (run["dag_id"], run["run_type"], run["status"]) == ("lastgood_replay", "replay", "ok")
    assert set(run["steps"]) == {"build", "gate", "promote", "export"}
    with registry.cursor() as cursor:
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
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    older = pipeline.publish(1)
    pipeline.upstream.advance()
    newer = pipeline.publish(2)
    done = replay.replay(pipeline.store, pipeline.registry, "ctgov", older.version, **SIGNED)
    assert (done.outcome, done.latest) == ("kept as version", newer.version)

    strict = tmp_path / "studies.yml"
    strict.write_text(STRICT)
    monkeypatch.setattr(contract, "load_all", lambda *_: {"studies": strict})
    later = {**SIGNED, "now": NOW + timedelta(hours=1)}
    with pytest.raises(PromotionRefused, match="did not pass its gate; latest stays"):
        replay.replay(pipeline.store, pipeline.registry, "ctgov", newer.version, **later)
    latest = pipeline.registry.latest("ctgov")
    assert latest is not None and latest.version == newer.version
    last = runlog.runs(pipeline.registry, "ctgov")[0]
    assert (last["status"], last["failed_step"]) == ("fail", "gate")


def test_mended_code_reaches_every_landed_study_and_its_serving_row_also_without_a_change(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.publish(1)
    pipeline.upstream.advance()
    windowed = pipeline.publish(2)
    assert not windowed.upstream["full"]
    place = next(t for t in TABLES if t.name == "studies").names.index("brief_title")

    def mended(line: bytes) -> Any:
        study = PARSE(line)
        ((*row,),) = study.rows["studies"]
        row[place] = "MENDED"
        study.rows["studies"] = [tuple(row)]
        return study

    monkeypatch.setattr(studies, "parse", mended)
    done = replay.replay(pipeline.store, pipeline.registry, "ctgov", windowed.version, **SIGNED)
    made = manifests.require(pipeline.store, "ctgov", done.version)
    titles = [row["brief_title"] for row in pipeline.rows(made, "studies")]
    landed = windowed.counts["distinct"]
    assert titles.count("MENDED") == landed and 0 < landed < len(titles)
    with pipeline.registry.cursor() as cursor:
        cursor.execute("SELECT count(*) AS n FROM published.ctgov_studies WHERE brief_title = 'MENDED'")
        assert cursor.fetchone() == {"n": landed}


def test_raw_that_is_gone_or_not_complete_is_said_before_anything_is_done(pipeline: Pipeline) -> None:
    store, run = pipeline.store, pipeline.run(1)
    steps.extract(run, pipeline.session())
    progress = f"raw/ctgov/{run.version}/progress.json"
    complete = store.read_bytes(progress)

    def refused(match: str) -> None:
        with pytest.raises(NotReplayable, match=match):
            replay.replay(store, pipeline.registry, "ctgov", run.version, **SIGNED)

    store.write_bytes(progress, complete.replace(b'"complete": true', b'"complete": false'))
    refused("not complete: clear the run")
    store.write_bytes(progress, complete)
    store.delete(f"raw/ctgov/{run.version}/part-00000.jsonl.zst")
    refused("part-00000.jsonl.zst, a part of the raw landing of .* is gone")
    store.delete_tree(f"raw/ctgov/{run.version}")
    refused("retention keeps raw for 30 days")
    assert runlog.runs(pipeline.registry) == []
    with pipeline.registry.cursor() as cursor:
        cursor.execute("SELECT FROM lastgood.action")
        assert cursor.fetchall() == []


def test_a_version_that_refused_nothing_or_lost_its_refused_rows_says_so(
    store: Store, registry: Registry
) -> None:
    manifest = toy.stage(store, registry, 3, day=1)
    with pytest.raises(NothingRefused, match="refused no row"):
        quarantine.show(store, toy.SOURCE, manifest.version)
    with pytest.raises(FileNotFoundError, match="never sealed"):
        quarantine.show(store, toy.SOURCE, "20260101T000000Z-00000000")
