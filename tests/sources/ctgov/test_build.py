"""Building ctgov: merged into the last good version, nothing lost, the same raw the same bytes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from include import steps
from include.sources.ctgov import build as ctgov_build
from include.sources.ctgov import extract as ctgov
from include.upstream.answers import ContractBreak
from include.upstream.landing import Landing
from sandbox.ctgov import vocabulary
from tests.sources.pipeline import Pipeline


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["nct_id"] for row in rows}


def truth(pipeline: Pipeline) -> set[str]:
    return {s["protocolSection"]["identificationModule"]["nctId"] for s in pipeline.upstream.studies()}


def test_a_first_run_publishes_every_study(pipeline: Pipeline) -> None:
    manifest = pipeline.publish(1)
    studies = pipeline.rows(manifest, "studies")
    assert ids(studies) == truth(pipeline)
    assert [row["nct_id"] for row in studies] == sorted(row["nct_id"] for row in studies)
    assert manifest.counts["declared"] == manifest.counts["received"] == len(studies)
    assert manifest.quarantine.rows == 0
    assert pipeline.registry.cursors("ctgov")["data_timestamp"] == pipeline.upstream.data_version


def test_an_incremental_run_ends_in_the_same_tables_as_a_full_one(pipeline: Pipeline) -> None:
    pipeline.publish(1)
    in_no_feed: set[str] = set()
    for day in (2, 3, 4):
        advance = pipeline.upstream.advance()
        in_no_feed |= {*advance.removed, *advance.withheld_unlisted}
        incremental = pipeline.publish(day)
        assert set(advance.new) <= ids(pipeline.rows(incremental, "studies"))
    assert incremental.upstream["full"] is False
    assert incremental.counts["received"] < len(truth(pipeline))
    full = pipeline.publish(5, full_refresh=True)
    for table in ("studies", "interventions", "conditions", "locations", "sponsors"):
        old, new = (
            {str(row) for row in pipeline.rows(version, table) if row["nct_id"] not in in_no_feed}
            for version in (incremental, full)
        )
        assert old == new, table


def test_derived_only_changes_are_no_changes(pipeline: Pipeline) -> None:
    pipeline.publish(1)
    advance = pipeline.upstream.advance()
    manifest = pipeline.publish(2, full_refresh=True)
    (changes,) = [c for c in manifest.changes if c.table == "studies"]
    assert changes.keys is not None
    listed = pipeline.store.dataset([changes.keys.path]).to_table().to_pylist()
    changed = {row["nct_id"] for row in listed if row["change"] == "changed"}
    assert advance.derived_only and advance.type_only
    assert not changed & (set(advance.derived_only) | set(advance.type_only))
    assert set(advance.changed) <= changed
    assert {row["nct_id"] for row in listed if row["change"] == "new"} == set(advance.new)


def test_a_merged_study_leaves_its_tables_and_stands_in_aliases_and_removals(pipeline: Pipeline) -> None:
    pipeline.publish(1)
    advance = pipeline.upstream.advance()
    manifest = pipeline.publish(2)
    assert advance.merged
    aliases = {row["alias_id"]: row["nct_id"] for row in pipeline.rows(manifest, "aliases")}
    removals = {row["nct_id"]: row for row in pipeline.rows(manifest, "removals")}
    for gone, canonical in advance.merged.items():
        assert aliases[gone] == canonical
        assert (removals[gone]["kind"], removals[gone]["merged_into"]) == ("merged", canonical)
        assert removals[gone]["detected_at"] == pipeline.upstream.data_version
        for table in ("studies", "interventions", "conditions", "locations", "sponsors"):
            assert gone not in ids(pipeline.rows(manifest, table))


def test_removals_are_found_by_the_weekly_list_and_confirmed_one_by_one(pipeline: Pipeline) -> None:
    pipeline.publish(1)
    removed: set[str] = set()
    still_held: set[str] = set()
    day = 1
    listed = []
    for _ in range(6):
        day += 1
        advance = pipeline.upstream.advance()
        removed |= set(advance.removed)
        still_held |= set(advance.removed)
        pipeline.upstream.requests.clear()
        manifest = pipeline.publish(day)
        asked = {r.path.rsplit("/", 1)[-1] for r in pipeline.upstream.requests if "/studies/NCT" in r.path}
        lists = any(r.params.get("fields") == "NCTId" for r in pipeline.upstream.requests)
        listed.append(lists)
        if not lists:
            assert not asked
            held = ids(pipeline.rows(manifest, "studies"))
            assert still_held <= held, "gone from no feed: kept until confirmed"
            continue
        assert still_held <= asked
        still_held.clear()
        found = {row["nct_id"]: row["kind"] for row in pipeline.rows(manifest, "removals")}
        assert {nct_id for nct_id, kind in found.items() if kind == "removed"} == removed
        assert not removed & ids(pipeline.rows(manifest, "studies"))
    assert listed.count(True) == 1, "once in seven days"
    assert removed


def test_a_withheld_study_keeps_its_last_content_and_is_marked(pipeline: Pipeline) -> None:
    first = pipeline.publish(1)
    before = {row["nct_id"]: row for row in pipeline.rows(first, "studies")}
    withheld: set[str] = set()
    unlisted: set[str] = set()
    for day in range(2, 5):
        advance = pipeline.upstream.advance()
        withheld |= set(advance.withheld) & before.keys()
        unlisted |= set(advance.withheld_unlisted) & before.keys()
        pipeline.publish(day)
    manifest = pipeline.publish(5, full_refresh=True)
    assert withheld and unlisted
    after = {row["nct_id"]: row for row in pipeline.rows(manifest, "studies")}
    for nct_id in withheld | unlisted:
        assert after[nct_id]["withheld"] and not before[nct_id]["withheld"]
        assert after[nct_id]["brief_title"] == before[nct_id]["brief_title"]


def test_the_same_raw_gives_the_same_bytes(pipeline: Pipeline) -> None:
    run = pipeline.run(1)
    ctgov.extract(run, pipeline.session())
    first = steps.build(run)
    pipeline.store.delete_tree(f"versions/ctgov/{run.version}")
    second = steps.build(run)
    assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files]


def test_a_record_that_cannot_be_read_is_quarantined_and_the_rest_is_published(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = pipeline.run(1)
    monkeypatch.setattr(ctgov, "_check_unmoved", lambda *_: None)
    ctgov.extract(run, pipeline.session())
    landing = Landing.completed(pipeline.store, f"raw/ctgov/{run.version}")
    lines = list(landing.read("studies"))
    facts = landing.progress.facts
    lines[3] = lines[3].replace(b'"briefTitle":"', b'"briefTitle":["', 1).replace(b'"', b'"', 1)
    lines[5] = b'{"protocolSection":{"statusModule":{}}}'
    landing.discard()
    landing.write_part("studies", lines, None)
    landing.finish(facts)
    manifest = steps.build(run)
    assert manifest.quarantine.rows == 2
    assert set(manifest.quarantine.reasons) == {"not_json", "no_nct_id"}
    assert manifest.table("studies").rows == len(lines) - 2
    assert manifest.quarantine.file is not None
    kept = pipeline.store.dataset([manifest.quarantine.file.path]).to_table().to_pylist()
    assert {row["content"] for row in kept} == {lines[3], lines[5]}
    assert all(row["raw"].startswith(f"raw/ctgov/{run.version}/part-00000") for row in kept)


def test_a_study_that_came_twice_is_published_once(pipeline: Pipeline) -> None:
    run = pipeline.run(1)
    ctgov.extract(run, pipeline.session())
    landing = Landing.completed(pipeline.store, f"raw/ctgov/{run.version}")
    lines, facts = list(landing.read("studies")), landing.progress.facts
    landing.discard()
    landing.write_part("studies", lines, None)
    landing.write_part("gaps", [*lines[:7], lines[3]], None)
    landing.finish(facts)
    manifest = steps.build(run)
    assert (manifest.counts["duplicates"], manifest.counts["distinct"]) == (8, len(lines))
    assert manifest.table("studies").rows == len(lines)
    keys = [(r["nct_id"], r["ordinal"]) for r in pipeline.rows(manifest, "conditions")]
    assert len(keys) == len(set(keys))


def test_rows_that_do_not_add_up_stop_the_build(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    run = pipeline.run(1)
    ctgov.extract(run, pipeline.session())
    monkeypatch.setattr(ctgov_build.shards, "parse_all", lambda *_: iter(()))
    with pytest.raises(ctgov_build.NotReconciled, match="add up to something else"):
        steps.build(run)


def test_an_id_list_that_lost_many_studies_removes_none(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.publish(1)
    pipeline.upstream.advance()
    monkeypatch.setattr(ctgov, "MISSING_ALWAYS_CONFIRMED", 0)
    monkeypatch.setattr(ctgov, "MISSING_SHARE", 0.0)
    with pytest.raises(ContractBreak, match="nothing was taken for removed"):
        ctgov.extract(pipeline.run(2, full_refresh=True), pipeline.session())


def test_limited_runs_go_on_where_the_one_before_stopped_until_everything_is_there(
    pipeline: Pipeline,
) -> None:
    total = len(truth(pipeline))
    seen = 0
    for day in range(1, 20):
        manifest = pipeline.publish(day, limit=150)
        rows = manifest.table("studies").rows
        assert rows > seen
        seen = rows
        if not manifest.upstream["truncated"]:
            break
        assert "data_timestamp" not in pipeline.registry.cursors("ctgov")
    assert total - seen <= 1, "all but the withheld study that has no date of update"
    assert pipeline.publish(20, since="2026-11-01").table("studies").rows == total, (
        "the list of ids brings it"
    )
    assert not ctgov.probe(pipeline.run(99), pipeline.session()).new


def test_since_fetches_again_from_a_date_and_does_not_move_the_cursor_back(pipeline: Pipeline) -> None:
    pipeline.publish(1)
    cursors = pipeline.registry.cursors("ctgov")
    manifest = pipeline.publish(2, since="2026-11-01")
    asked = [
        r.params.get("filter.advanced") for r in pipeline.upstream.requests if "filter.advanced" in r.params
    ]
    assert set(asked) == {"AREA[LastUpdatePostDate]RANGE[2026-11-01,MAX]"}
    assert pipeline.registry.cursors("ctgov") == cursors
    assert manifest.counts["received"] < len(truth(pipeline))


def test_the_window_overlaps_the_last_committed_date_by_three_days(pipeline: Pipeline) -> None:
    pipeline.publish(1)
    posted = pipeline.registry.cursors("ctgov")["last_update_posted"]
    pipeline.upstream.advance()
    pipeline.upstream.requests.clear()
    pipeline.publish(2)
    (asked,) = {
        r.params["filter.advanced"] for r in pipeline.upstream.requests if "filter.advanced" in r.params
    }
    from datetime import date, timedelta

    assert asked == f"AREA[LastUpdatePostDate]RANGE[{date.fromisoformat(posted) - timedelta(days=3)},MAX]"


def test_a_date_of_update_in_the_future_does_not_close_the_window(pipeline: Pipeline) -> None:
    pipeline.publish(1)
    cursors = pipeline.registry.cursors("ctgov")
    assert cursors["last_update_posted"] <= pipeline.upstream.data_version[:10]


def test_nothing_new_is_nothing_new(pipeline: Pipeline) -> None:
    pipeline.publish(1)
    found = ctgov.probe(pipeline.run(2), pipeline.session())
    assert not found.new and "still has data version" in found.reason
    assert ctgov.probe(pipeline.run(2, full_refresh=True), pipeline.session()).new


def test_no_invented_person_reaches_any_table(pipeline: Pipeline) -> None:
    manifest = pipeline.publish(1)
    for entry in manifest.tables:
        # "Drummelow Clinic" names an institution, as "Mayo Clinic" does, and no person of the study.
        text = re.sub(r"'\w+ Clinic'", "", str(pipeline.rows(manifest, entry.name)))
        assert not vocabulary.person_traces(text), entry.name
    raw = str(list(pipeline.upstream.studies()))
    assert vocabulary.person_traces(raw), "the sample must give the rule something to do"


def test_many_ranges_of_ids_give_the_same_rows_as_one(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = pipeline.run(1)
    ctgov.extract(run, pipeline.session())
    one = steps.build(run)
    pipeline.store.delete_tree(f"versions/ctgov/{run.version}")
    monkeypatch.setattr(ctgov_build, "RANGE_STUDIES", 7)
    many = steps.build(run)
    assert [entry.rows for entry in one.tables] == [entry.rows for entry in many.tables]
    for table in ("studies", "locations", "aliases"):
        assert pipeline.rows(one, table) == pipeline.rows(many, table)
