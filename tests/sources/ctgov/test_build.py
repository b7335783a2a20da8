"""Building ctgov: merged into the last good version, nothing lost, the same raw the same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from include import pipeline
from include.publishing import refused
from include.sources.ctgov import build as ctgov_build
from include.sources.ctgov import extract as ctgov
from include.sources.ctgov import study as studies
from include.storage import duckdb_session
from include.upstream.answers import ContractBreak
from sandbox.ctgov import vocabulary
from sandbox.ctgov.server import SampleUpstream
from tests.sources.daily import DailyRuns, landing


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["nct_id"] for row in rows}


def truth(daily: DailyRuns) -> set[str]:
    return {s["protocolSection"]["identificationModule"]["nctId"] for s in daily.upstream.studies()}


def test_a_first_run_publishes_every_study(daily: DailyRuns) -> None:
    manifest = daily.publish(1)
    studies = daily.rows(manifest, "studies")
    assert ids(studies) == truth(daily)
    assert [row["nct_id"] for row in studies] == sorted(row["nct_id"] for row in studies)
    assert manifest.counts["declared"] == manifest.counts["received"] == len(studies)
    assert manifest.quarantine.rows == 0
    assert daily.registry.watermarks("ctgov")["data_timestamp"] == daily.upstream.data_version


def test_a_first_run_publishes_what_every_study_says(
    pipeline_of: Callable[[SampleUpstream], DailyRuns],
) -> None:
    with SampleUpstream(size=80, seed=3, mean_bytes=4_000, compress=False) as upstream:
        daily = pipeline_of(upstream)
        manifest = daily.candidate(1)[1]
        said = {
            study["protocolSection"]["identificationModule"]["nctId"]: study["protocolSection"]
            for study in upstream.studies()
        }
    children: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for table in ("interventions", "conditions", "locations"):
        for row in daily.rows(manifest, table):
            children.setdefault((table, row["nct_id"]), []).append(row)
    published = {row["nct_id"]: row for row in daily.rows(manifest, "studies")}
    assert published.keys() == said.keys()
    for nct_id, study in said.items():
        row, status, design = published[nct_id], study["statusModule"], study.get("designModule", {})
        # Texts in which people are named are those of test_privacy.py.
        assert row["overall_status"] == status["overallStatus"]
        assert row["start_date_text"] == status.get("startDateStruct", {}).get("date")
        assert str(row["last_update_post_date"]) == status["lastUpdatePostDateStruct"]["date"]
        assert row["phases"] == design.get("phases")
        assert row["study_type"] == design.get("studyType")
        conditions = study.get("conditionsModule", {}).get("conditions", [])
        assert [one["condition"] for one in children.get(("conditions", nct_id), [])] == conditions
        given = study.get("armsInterventionsModule", {}).get("interventions", [])
        names = {one["ordinal"]: one["name"] for one in children.get(("interventions", nct_id), [])}
        assert [names[number] for number in sorted(names)] == [one["name"] for one in given]
        sites = study.get("contactsLocationsModule", {}).get("locations", [])
        assert [one["city"] for one in children.get(("locations", nct_id), [])] == [
            site.get("city") for site in sites
        ]
    assert len(children) > 2 * len(said)


@pytest.mark.whole_gate
def test_an_incremental_run_ends_in_the_same_tables_as_a_full_one(daily: DailyRuns) -> None:
    daily.publish(1)
    in_no_feed: set[str] = set()
    for day in (2, 3, 4):
        advance = daily.upstream.advance()
        in_no_feed |= {*advance.removed, *advance.withheld_unlisted}
        incremental = daily.publish(day)
        assert set(advance.new) <= ids(daily.rows(incremental, "studies"))
    assert incremental.upstream["full"] is False
    assert incremental.counts["received"] < len(truth(daily))
    full = daily.publish(5, full_refresh=True)
    for table in ("studies", "interventions", "conditions", "locations", "sponsors"):
        old, new = (
            {str(row) for row in daily.rows(version, table) if row["nct_id"] not in in_no_feed}
            for version in (incremental, full)
        )
        assert old == new, table


def test_derived_only_changes_are_no_changes(daily: DailyRuns) -> None:
    daily.publish(1)
    advance = daily.upstream.advance()
    manifest = daily.publish(2, full_refresh=True)
    (changes,) = [c for c in manifest.changes if c.table == "studies"]
    assert changes.keys is not None
    listed = daily.store.parquet(changes.keys.path).to_table().to_pylist()
    changed = {row["nct_id"] for row in listed if row["change"] == "changed"}
    assert advance.derived_only and advance.type_only
    assert not changed & (set(advance.derived_only) | set(advance.type_only))
    assert set(advance.changed) <= changed
    assert {row["nct_id"] for row in listed if row["change"] == "new"} == set(advance.new)


def test_a_new_recipe_of_the_hash_alone_changes_no_study(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(duckdb_session, "row_hash", lambda names: f"md5('other' || {names[0]})")
        patch.setattr(duckdb_session, "RECIPE", 0)
        before = daily.publish(1)
    after = daily.publish(2, since="2026-11-01")
    assert 0 < after.counts["received"] < before.counts["received"]
    assert [(each.table, each.total) for each in after.changes if each.total] == []
    full = daily.publish(3, full_refresh=True)
    assert [(each.table, each.total) for each in full.changes if each.total] == []
    assert [file.sha256 for file in full.files] == [file.sha256 for file in after.files]


def test_what_is_published_of_a_study_is_what_changes_it(daily: DailyRuns) -> None:
    """A date that was ESTIMATED, a site in another country: in the study's hash, in its row or its children's."""
    first = daily.publish(1)
    country = daily.rows(first, "locations")[0]["country"]
    moved = {row["nct_id"] for row in daily.rows(first, "locations") if row["country"] == country}
    estimated = {
        row["nct_id"] for row in daily.rows(first, "studies") if row["completion_date_type"] == "ESTIMATED"
    }
    before = {row["nct_id"]: row["content_hash"] for row in daily.rows(first, "studies")}
    texts = {f'"country":"{country}"': '"country":"Utopia"'}
    daily.upstream.faults([{"kind": "replaced", "texts": texts, "times": None}])
    second = daily.publish(2, full_refresh=True)
    after = {row["nct_id"]: row["content_hash"] for row in daily.rows(second, "studies")}
    assert {nct_id for nct_id in before if before[nct_id] != after[nct_id]} == moved
    texts |= {'"type":"ESTIMATED"': '"type":"ACTUAL"'}
    daily.upstream.faults([{"kind": "replaced", "texts": texts, "times": None}])
    third = daily.publish(3, since="1999-01-01")
    rows = daily.rows(third, "studies")
    assert {row["nct_id"] for row in rows if row["completion_date_type"] == "ESTIMATED"} == set()
    assert estimated <= {row["nct_id"] for row in rows if row["content_hash"] != after[row["nct_id"]]}


def test_a_merged_study_leaves_its_tables_and_stands_in_aliases_and_removals(daily: DailyRuns) -> None:
    daily.publish(1)
    advance = daily.upstream.advance()
    manifest = daily.publish(2)
    assert advance.merged
    aliases = {row["alias_id"]: row["nct_id"] for row in daily.rows(manifest, "aliases")}
    removals = {row["nct_id"]: row for row in daily.rows(manifest, "removals")}
    for gone, canonical in advance.merged.items():
        assert aliases[gone] == canonical
        assert (removals[gone]["kind"], removals[gone]["merged_into"]) == ("merged", canonical)
        assert removals[gone]["detected_at"] == daily.upstream.data_version
        for table in ("studies", "interventions", "conditions", "locations", "sponsors"):
            assert gone not in ids(daily.rows(manifest, table))


@pytest.mark.whole_gate
def test_a_study_that_another_claims_as_its_alias_is_gone_only_where_its_own_page_says_so(
    daily: DailyRuns,
) -> None:
    before = daily.publish(1)
    known = sorted(ids(daily.rows(before, "studies")))
    claimed, claimer = known[7], daily.upstream.study(known[9])["protocolSection"]["identificationModule"]
    assert "nctIdAliases" not in claimer
    old = f'"nctId":"{claimer["nctId"]}",'
    new = f'{old}"nctIdAliases":["{claimed}"],'
    daily.upstream.faults([{"kind": "replaced", "texts": {old: new}, "times": None}])
    daily.upstream.requests.clear()
    manifest = daily.publish(2, since="1999-01-01")

    assert f"/api/v2/studies/{claimed}" in [request.path for request in daily.upstream.requests]
    assert claimed in ids(daily.rows(manifest, "studies"))
    assert claimed not in ids(daily.rows(manifest, "removals"))
    assert claimed not in {row["alias_id"] for row in daily.rows(manifest, "aliases")}


def test_an_intervention_without_a_name_is_quarantined_and_its_study_published(daily: DailyRuns) -> None:
    name = next(
        one["name"]
        for study in daily.upstream.studies()
        for one in study["protocolSection"].get("armsInterventionsModule", {}).get("interventions", [])
    )
    fault = {"kind": "replaced", "texts": {f'"name":"{name}"': '"name":""'}, "times": None}
    daily.upstream.faults([fault])
    manifest = daily.publish(1)

    assert manifest.quarantine.reasons == {"no_name": manifest.quarantine.refused["interventions"]}
    assert manifest.counts["quarantined"] == 0
    assert ids(daily.rows(manifest, "studies")) == truth(daily)
    assert "" not in {row["name"] for row in daily.rows(manifest, "interventions")}


def test_what_changes_without_a_date_of_update_arrives_within_the_time_that_is_promised(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A country of another name, and studies that are withheld now: nobody updates such studies."""
    monkeypatch.setattr(ctgov, "REREAD_WITHIN", timedelta(days=3))
    first = daily.publish(1)
    before = {row["nct_id"]: row for row in daily.rows(first, "studies")}
    country = daily.rows(first, "locations")[0]["country"]
    withheld = {nct_id for nct_id, row in before.items() if row["overall_status"] == "TERMINATED"}
    moved = {nct_id for nct_id, row in before.items() if country in (row["countries"] or ())} - withheld
    assert withheld and moved
    texts = {
        f'"country":"{country}"': '"country":"Utopia"',
        '"overallStatus":"TERMINATED"': '"overallStatus":"WITHHELD"',
    }
    daily.upstream.faults([{"kind": "replaced", "texts": texts, "times": None}])
    changed: list[str] = []
    read = 0
    for day in (2, 3, 4):
        assert pipeline.probe(daily.run(day), daily.session()).new, (
            "due though the data version has not moved"
        )
        manifest = daily.publish(day)
        assert manifest.counts["reread"] <= len(before) / 3 + 1
        read += manifest.counts["reread"]
        (changes,) = [each for each in manifest.changes if each.table == "studies"]
        assert changes.keys is not None
        listed = daily.store.parquet(changes.keys.path).to_table().to_pylist()
        changed += [row["nct_id"] for row in listed]
    assert sorted(changed) == sorted(moved | withheld), "nothing else is reported, and each of them once"
    assert read > len(before) * 0.9, "all but what the window brought"
    after = {row["nct_id"]: row for row in daily.rows(manifest, "studies")}
    assert {nct_id for nct_id, row in after.items() if "Utopia" in (row["countries"] or ())} == moved
    assert all(after[nct_id]["withheld"] for nct_id in withheld)
    assert all(after[nct_id]["countries"] == before[nct_id]["countries"] for nct_id in withheld)


def test_removals_are_found_by_the_weekly_list_and_confirmed_one_by_one(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctgov, "_since_reread", lambda _: timedelta(0))
    daily.publish(1)
    removed: set[str] = set()
    still_held: set[str] = set()
    merged: set[str] = set()
    day = 1
    listed = []
    for _ in range(6):
        day += 1
        advance = daily.upstream.advance()
        merged |= {*advance.merged, *advance.merged.values()}
        removed |= set(advance.removed)
        still_held |= set(advance.removed)
        daily.upstream.requests.clear()
        manifest = daily.publish(day)
        asked = {r.path.rsplit("/", 1)[-1] for r in daily.upstream.requests if "/studies/NCT" in r.path}
        lists = any(r.params.get("fields") == "NCTId" for r in daily.upstream.requests)
        listed.append(lists)
        if not lists:
            assert asked <= merged, "an alias that was a study is asked for, and leads to the other"
            held = ids(daily.rows(manifest, "studies"))
            assert still_held <= held, "gone from no feed: kept until confirmed"
            continue
        assert still_held <= asked
        still_held.clear()
        found = {row["nct_id"]: row["kind"] for row in daily.rows(manifest, "removals")}
        assert {nct_id for nct_id, kind in found.items() if kind == "removed"} == removed
        assert not removed & ids(daily.rows(manifest, "studies"))
    assert listed.count(True) == 1, "once in seven days"
    assert removed


def test_a_withheld_study_keeps_its_last_content_and_is_marked(daily: DailyRuns) -> None:
    first = daily.publish(1)
    before = {row["nct_id"]: row for row in daily.rows(first, "studies")}
    withheld: set[str] = set()
    unlisted: set[str] = set()
    for day in range(2, 5):
        advance = daily.upstream.advance()
        withheld |= set(advance.withheld) & before.keys()
        unlisted |= set(advance.withheld_unlisted) & before.keys()
        daily.publish(day)
    manifest = daily.publish(5, full_refresh=True)
    assert withheld and unlisted
    after = {row["nct_id"]: row for row in daily.rows(manifest, "studies")}
    for nct_id in withheld | unlisted:
        assert after[nct_id]["withheld"] and not before[nct_id]["withheld"]
        assert after[nct_id]["brief_title"] == before[nct_id]["brief_title"]


def test_the_same_raw_gives_the_same_bytes(daily: DailyRuns) -> None:
    run = daily.run(1)
    pipeline.extract(run, daily.session())
    first = pipeline.build(run)
    daily.store.delete_tree(f"versions/ctgov/{run.version}")
    second = pipeline.build(run)
    assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files]


def test_a_record_that_cannot_be_read_is_quarantined_and_the_rest_is_published(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = daily.run(1)
    monkeypatch.setattr(ctgov, "_check_unmoved", lambda *_: None)
    pipeline.extract(run, daily.session())
    landed = landing(run)
    lines, facts = list(landed.read("studies")), landed.progress.facts
    lines[3] = lines[3].replace(b'"briefTitle":"', b'"briefTitle":["', 1).replace(b'"', b'"', 1)
    lines[5] = b'{"protocolSection":{"statusModule":{}}}'
    landed.discard()
    landed.write_part("studies", lines, None)
    landed.finish(facts)
    manifest = pipeline.build(run)
    assert manifest.quarantine.rows == 2
    assert set(manifest.quarantine.reasons) == {"not_json", "no_nct_id"}
    assert manifest.table("studies").rows == len(lines) - 2
    assert manifest.quarantine.arrived is not None
    assert manifest.quarantine.arrived["studies"] == len(lines)
    assert manifest.quarantine.file is not None
    kept = daily.store.parquet(manifest.quarantine.file.path).to_table().to_pylist()
    assert {row["content"] for row in kept} == {lines[3], lines[5]}
    assert [(row["kind"], row["key"] is None) for row in kept] == [("studies", False), ("studies", True)]
    assert all(row["raw"].startswith(f"raw/ctgov/{run.version}/part-00000") for row in kept)


def test_a_study_that_came_twice_is_published_once(daily: DailyRuns) -> None:
    run = daily.run(1)
    pipeline.extract(run, daily.session())
    landed = landing(run)
    lines, facts = list(landed.read("studies")), landed.progress.facts
    landed.discard()
    landed.write_part("studies", lines, None)
    landed.write_part("gaps", [*lines[:7], lines[3]], None)
    landed.finish(facts)
    manifest = pipeline.build(run)
    assert (manifest.counts["duplicates"], manifest.counts["distinct"]) == (8, len(lines))
    assert manifest.table("studies").rows == len(lines)
    keys = [(r["nct_id"], r["ordinal"]) for r in daily.rows(manifest, "conditions")]
    assert len(keys) == len(set(keys)) == sum(r["n_conditions"] for r in daily.rows(manifest, "studies"))


def test_rows_that_do_not_add_up_stop_the_build(daily: DailyRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    run = daily.run(1)
    pipeline.extract(run, daily.session())
    monkeypatch.setattr(ctgov_build.shards, "parse_all", lambda *_: iter(()))
    with pytest.raises(ctgov_build.NotReconciled, match="add up to something else"):
        pipeline.build(run)


def test_an_id_list_that_lost_many_studies_removes_none(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    daily.publish(1)
    daily.upstream.advance()
    monkeypatch.setattr(ctgov, "MISSING_ALWAYS_CONFIRMED", 0)
    monkeypatch.setattr(ctgov, "MISSING_SHARE", 0.0)
    with pytest.raises(ContractBreak, match="nothing was taken for removed"):
        pipeline.extract(daily.run(2, full_refresh=True), daily.session())


def test_limited_runs_go_on_where_the_one_before_stopped_until_everything_is_there(
    daily: DailyRuns,
) -> None:
    total = len(truth(daily))
    seen = 0
    for day in range(1, 20):
        manifest = daily.publish(day, limit=150)
        rows = manifest.table("studies").rows
        assert rows > seen
        seen = rows
        if not manifest.upstream["truncated"]:
            break
        assert "data_timestamp" not in daily.registry.watermarks("ctgov")
    assert total - seen <= 1, "all but the withheld study that has no date of update"
    assert daily.publish(20, since="2026-11-01").table("studies").rows == total, "the list of ids brings it"
    assert not pipeline.probe(daily.run(20.1), daily.session()).new


def test_since_fetches_again_from_a_date_and_does_not_move_the_cursor_back(daily: DailyRuns) -> None:
    daily.publish(1)
    cursors = daily.registry.watermarks("ctgov")
    manifest = daily.publish(2, since="2026-11-01")
    asked = [
        r.params.get("filter.advanced") for r in daily.upstream.requests if "filter.advanced" in r.params
    ]
    assert set(asked) == {"AREA[LastUpdatePostDate]RANGE[2026-11-01,MAX]"}
    assert daily.registry.watermarks("ctgov") | {"reread": None} == cursors | {"reread": None}
    assert manifest.counts["received"] < len(truth(daily))


def test_the_window_overlaps_the_last_committed_date_by_three_days(daily: DailyRuns) -> None:
    daily.publish(1)
    posted = daily.registry.watermarks("ctgov")["last_update_posted"]
    daily.upstream.advance()
    daily.upstream.requests.clear()
    daily.publish(2)
    (asked,) = {r.params["filter.advanced"] for r in daily.upstream.requests if "filter.advanced" in r.params}
    from datetime import date, timedelta

    assert asked == f"AREA[LastUpdatePostDate]RANGE[{date.fromisoformat(posted) - timedelta(days=3)},MAX]"


def test_a_date_of_update_in_the_future_does_not_close_the_window(daily: DailyRuns) -> None:
    daily.publish(1)
    cursors = daily.registry.watermarks("ctgov")
    assert cursors["last_update_posted"] <= daily.upstream.data_version[:10]


def test_nothing_new_is_nothing_new(daily: DailyRuns) -> None:
    daily.publish(1)
    found = pipeline.probe(daily.run(1.8), daily.session())
    assert not found.new and "still has data version" in found.reason
    assert pipeline.probe(daily.run(1.81, full_refresh=True), daily.session()).new
    found = pipeline.probe(daily.run(1.9), daily.session())
    assert found.new and "due to be read again" in found.reason


def test_no_person_whom_a_study_names_reaches_any_table(daily: DailyRuns) -> None:
    manifest = daily.publish(1)
    tables = {entry.name: daily.rows(manifest, entry.name) for entry in manifest.tables}
    for table, rows in tables.items():
        # Mail addresses and phone numbers are hidden whosoever they are.
        traces = vocabulary.person_traces(str(rows))
        assert set(traces) <= set(vocabulary.SURNAMES), (table, traces)
    published: dict[str, str] = {}
    for rows in tables.values():
        for row in rows:
            published[row["nct_id"]] = published.get(row["nct_id"], "") + str(row)
    named, given = 0, 0
    for study in daily.upstream.studies():
        nct_id = study["protocolSection"]["identificationModule"]["nctId"]
        for name in people_of(study):
            bare = re.split(r",| Prof\.", name)[0]
            given += str(study).count(bare)
            for form in (bare, f"Dr. {bare.split()[-1]}"):
                named += published.get(nct_id, "").count(form)
    assert named == 0
    assert given > 50, "the sample must give the rule something to do"


def people_of(study: dict[str, Any]) -> Iterator[str]:
    """Whom a study of the sample names as contact, official, investigator or individual sponsor."""
    protocol = study["protocolSection"]
    sites = protocol.get("contactsLocationsModule", {})
    for place in (sites, *sites.get("locations", [])):
        for kind in ("centralContacts", "overallOfficials", "contacts"):
            yield from (one["name"] for one in place.get(kind, []))
    sponsors = protocol.get("sponsorCollaboratorsModule", {})
    party = sponsors.get("responsibleParty", {})
    yield from (party[key] for key in ("investigatorFullName", "oldNameTitle") if key in party)
    for agency in (sponsors.get("leadSponsor", {}), *sponsors.get("collaborators", [])):
        if agency.get("class") == "INDIV":
            yield agency["name"]


def test_many_ranges_of_ids_give_the_same_rows_as_one(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = daily.run(1)
    pipeline.extract(run, daily.session())
    one = pipeline.build(run)
    tables = ("studies", "locations", "aliases")
    rows = {table: daily.rows(one, table) for table in tables}
    daily.store.delete_tree(f"versions/ctgov/{run.version}")
    monkeypatch.setattr(ctgov_build, "RANGE_STUDIES", 7)
    many = pipeline.build(run)
    assert [entry.rows for entry in one.tables] == [entry.rows for entry in many.tables]
    assert {table: daily.rows(many, table) for table in tables} == rows


@pytest.fixture
def mistaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that takes no study any more, as after a field that the upstream renamed."""

    def refuse(line: bytes) -> studies.ParsedStudy:
        raise studies.Refused("wrong_type", "a field moved", "NCT00000001")

    monkeypatch.setattr(studies, "parse", refuse)


def test_a_full_refresh_of_which_every_study_is_refused_is_not_promoted(
    daily: DailyRuns, request: pytest.FixtureRequest
) -> None:
    before = daily.publish(1)
    daily.upstream.advance()
    request.getfixturevalue("mistaken")
    run, manifest = daily.candidate(2, full_refresh=True)
    came = manifest.counts["received"]
    assert manifest.quarantine.refused == {"studies": came}
    assert manifest.quarantine.arrived == {"studies": came, "interventions": 0}
    verdict = pipeline.judge(run)
    assert not verdict.passed and not verdict.acceptable
    assert f"{came:,} of {came:,} were" in verdict.contract_failures[-1]
    latest = daily.registry.latest("ctgov")
    assert latest is not None and latest.version == before.version


def test_a_build_that_reads_hardly_anything_ends_at_once_and_leaves_nothing(
    daily: DailyRuns, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "STOP_AFTER", 20)
    request.getfixturevalue("mistaken")
    run = daily.run(1)
    pipeline.extract(run, daily.session())
    with pytest.raises(refused.NearlyAllRefused, match=r"301 of the 600 studies .*NCT00000001, wrong_type"):
        pipeline.build(run)
    assert daily.store.list(f"versions/ctgov/{run.version}") == []
