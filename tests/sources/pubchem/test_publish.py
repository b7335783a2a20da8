"""Whole runs: what is published is what PubChem has, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

from include import pipeline
from include.publishing.manifest import Manifest
from include.sources.pubchem import extract, rows
from include.upstream.answers import BreakerOpen, ContractBreak, Refused, Transient
from sandbox.pubchem.server import SampleUpstream
from tests.sources.daily import DailyRuns

DATA = ("compounds", "trials", "trial_compounds")
COLLECTIONS = ("clinicaltrials", "clinicaltrials_eu", "clinicaltrials_jp")


def links(daily: DailyRuns, manifest: Manifest) -> set[tuple[str, str, int]]:
    rows = daily.rows(manifest, "trial_compounds")
    return {(row["collection"], row["trial_id"], row["cid"]) for row in rows}


def true_links(upstream: SampleUpstream, left: set[int] | None = None) -> set[tuple[str, str, int]]:
    """The links that can be found: of trials of a listed compound, with compounds that have properties.

    `left` are compounds that were listed once.
    """
    known = upstream.compounds().keys()
    listed = {collection: upstream.listed(collection) | (left or set()) for collection in COLLECTIONS}
    found = {key for key, trial in upstream.trials().items() if listed[trial.collection] & set(trial.cids)}
    return {link for link in upstream.links() if link[2] in known and link[:2] in found}


def tables(daily: DailyRuns, manifest: Manifest, names: tuple[str, ...] = DATA) -> dict[str, Any]:
    return {name: daily.rows(manifest, name) for name in names}


def work_list(daily: DailyRuns, manifest: Manifest) -> dict[tuple[int, str], dict[str, Any]]:
    return {(row["cid"], row["collection"]): row for row in daily.rows(manifest, "work_list")}


def test_everything_that_pubchem_has_is_published(daily: DailyRuns) -> None:
    manifest = daily.publish(1)
    upstream = daily.upstream
    assert links(daily, manifest) == true_links(upstream)
    published = {row["cid"]: row for row in daily.rows(manifest, "compounds")}
    referenced = upstream.listed() | {link[2] for link in true_links(upstream)}
    assert published.keys() == referenced & upstream.compounds().keys()
    for cid, truth in upstream.compounds().items():
        if cid in published:
            row = published[cid]
            assert (row["inchikey"], row["title"]) == (truth["InChIKey"], truth.get("Title"))
            assert row["molecular_weight"] == float(truth["MolecularWeight"])
            assert row["has_trials"] == (cid in upstream.listed())
            for collection in COLLECTIONS:
                assert row[f"in_{collection}"] == (cid in upstream.listed(collection))
    trials = {(row["collection"], row["trial_id"]): row for row in daily.rows(manifest, "trials")}
    assert trials.keys() == {link[:2] for link in true_links(upstream)}
    for key, trial in upstream.trials().items():
        if key not in trials:
            continue
        assert trials[key]["updated"].toordinal() == trial.updated
        assert trials[key]["title"] == trial.title.replace("\0", "").strip()
        assert trials[key]["n_compounds"] == sum(link[:2] == key for link in links(daily, manifest))
    counts = manifest.counts
    assert counts["received"] == sum(
        row["rows"] for row in daily.rows(manifest, "work_list") if row["collection"] != "properties"
    )


def test_a_compound_with_more_trials_than_a_page_has_them_all(daily: DailyRuns) -> None:
    manifest = daily.publish(1)
    most = max(work_list(daily, manifest).values(), key=lambda row: row["rows"])
    assert most["rows"] > extract.CHUNK and most["rows"] > 1000
    pages = [
        r
        for r in daily.upstream.requests
        if f'"{most["cid"]}"' in str(r.params) and 'clinicaltrials"' in str(r.params)
    ]
    assert len(pages) >= ceil(most["rows"] / 1000)


def test_thirty_percent_of_refusals_lead_to_the_same_tables(daily: DailyRuns, ctgov: DailyRuns) -> None:
    ctgov.publish(0)
    undisturbed = daily.candidate(1)[1]
    before = tables(daily, undisturbed, tuple(entry.name for entry in undisturbed.tables))
    daily.store.delete_tree(f"raw/pubchem/{undisturbed.version}")
    daily.store.delete_tree(f"versions/pubchem/{undisturbed.version}")
    daily.upstream.faults([{"kind": "refused", "probability": 0.3, "times": None, "retry_after": 1}])
    run = daily.run(1)
    facts = pipeline.extract(run, daily.session())
    daily.upstream.faults([])
    assert daily.upstream.count("trials", 503) > 30
    assert facts["trials"]["failed"] == facts["names"]["failed"] == facts["properties"]["failed"] == 0
    from include.publishing.candidate import Candidate
    from include.sources.pubchem.build import build
    from include.sources.pubchem.tables import SCHEMA_VERSION, TABLES

    with Candidate(daily.store, "pubchem", run.version, TABLES, SCHEMA_VERSION, None) as candidate:
        build(run.for_source(), candidate)
        after = {
            name: daily.store.dataset([file.path for file in candidate.files(name)], table.schema)
            .to_table()
            .to_pylist()
            for name, table in candidate.tables.items()
        }
    assert after == before


@pytest.mark.parametrize("told", [True, False])
def test_a_trial_whose_row_cannot_be_read_any_more_keeps_its_last_good_content(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    first = daily.publish(1)
    before = tables(daily, first)
    (chosen, *_), (other, *_) = (
        sorted(row["trial_id"] for row in before["trials"] if row["collection"] == collection)
        for collection in ("clinicaltrials", "clinicaltrials_eu")
    )
    read, key = rows.trial, rows.trial_key

    def trial(row: Any, **about: Any) -> dict[str, Any]:
        found = read(row, **about)
        if found["trial_id"] in {chosen, other}:
            raise rows.Refused("odd", "cannot be read")
        return found

    monkeypatch.setattr(rows, "trial", trial)
    monkeypatch.setattr(rows, "trial_key", key if told else lambda *_: None)
    run, manifest = daily.candidate(2, full_refresh=True)
    assert manifest.quarantine.reasons["odd"] >= 2
    assert tables(daily, manifest) == before
    assert run.version != first.version


@pytest.mark.whole_gate
def test_days_of_daily_runs_end_where_a_full_refresh_does(daily: DailyRuns) -> None:
    daily.publish(1)
    left: set[int] = set()
    for day in range(2, 6):
        left |= set(daily.upstream.advance().dropped_compounds)
        daily.publish(day)
    for day in range(6, 14):  # nothing changes any more, and every unit's turn comes
        newest = daily.publish(day)
    assert left and links(daily, newest) == true_links(daily.upstream, left)
    full = daily.publish(14, full_refresh=True)
    assert full.full and not newest.full
    assert tables(daily, full) == tables(daily, newest)


def test_a_daily_run_asks_for_a_seventh_of_the_units_and_for_new_compounds_at_once(
    daily: DailyRuns,
) -> None:
    first = daily.publish(1)
    units = sum(row["collection"] != "properties" for row in daily.rows(first, "work_list"))
    advance = daily.upstream.advance()
    daily.upstream.forget()
    second = daily.publish(2)
    asked = daily.upstream.count("trials")
    assert units / 7 <= asked <= units / 7 + 3 * len(advance.new_compounds) + 10
    assert set(advance.new_compounds) <= {link[2] for link in links(daily, second)}


def test_what_pubchem_deletes_is_gone_after_a_round(daily: DailyRuns) -> None:
    before = daily.publish(1)
    advance = daily.upstream.advance(4)
    assert advance.deleted_trials and advance.emptied_compounds
    after = daily.publish(40)  # a month later: everything is asked
    assert after.full
    gone = {link[:2] for link in links(daily, before)} - {link[:2] for link in links(daily, after)}
    assert set(advance.deleted_trials) == gone
    states = work_list(daily, after)
    emptied = [row for (cid, _), row in states.items() if cid in advance.emptied_compounds]
    assert {row["state"] for row in emptied if row["collection"] != "properties"} == {"none"}
    assert all(row["rows"] == 0 for row in emptied if row["state"] == "none")


def test_a_compound_without_trials_is_a_state_and_no_row(daily: DailyRuns) -> None:
    emptied = daily.upstream.advance(4).emptied_compounds
    manifest = daily.publish(1)
    assert emptied and not {link[2] for link in links(daily, manifest)} & set(emptied)
    rows = daily.rows(manifest, "work_list")
    assert {row["state"] for row in rows if row["cid"] in emptied and row["collection"] != "properties"} == {
        "none"
    }
    assert all(row["declared"] == row["rows"] for row in rows)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "busy_as_404", "probability": 0.2, "times": None},
        {"kind": "fault_200", "probability": 0.2, "times": None},
        {"kind": "timeout", "probability": 0.2, "times": None},
        {"kind": "server_error", "probability": 0.2, "times": None},
        {"kind": "html", "status": 503, "probability": 0.2, "times": None},
        {"kind": "html", "status": 404, "probability": 0.2, "times": None},
        {"kind": "html", "status": 200, "probability": 0.2, "times": None},
        {"kind": "outage", "probability": 0.2, "times": None},
        {"kind": "cut_off", "probability": 0.2, "times": None},
        {"kind": "no_header", "times": None},
        {"kind": "load", "count": 90, "times": None},
        {"kind": "moving_rows", "times": 1},
        {"kind": "wrong_total", "times": 2},
        {"kind": "rejected", "status": 200, "times": 2},
        {"kind": "ignored_filter", "times": 2},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}",
)
def test_what_passes_leaves_no_trace(daily: DailyRuns, fault: dict[str, Any]) -> None:
    daily.upstream.faults([fault])
    daily.attempts = 8
    _, manifest = daily.candidate(1)
    assert links(daily, manifest) == true_links(daily.upstream)
    assert not [row for row in daily.rows(manifest, "work_list") if row["state"] == "failed"]


@pytest.mark.parametrize("kind", ["moving_rows", "wrong_total", "ignored_filter", "server_error"])
def test_a_unit_that_fails_keeps_what_was_known_and_is_asked_again(daily: DailyRuns, kind: str) -> None:
    first = daily.publish(1)
    units = [row for row in daily.rows(first, "work_list") if row["collection"] == "clinicaltrials"]
    cid = max(units, key=lambda row: row["rows"])["cid"]
    daily.upstream.faults([{"kind": kind, "cid": cid, "collection": "clinicaltrials", "times": None}])
    second = daily.publish(2, full_refresh=True)
    assert links(daily, second) == links(daily, first)
    failed = {key: row for key, row in work_list(daily, second).items() if row["state"] == "failed"}
    assert failed.keys() == {(cid, "clinicaltrials")}
    (row,) = failed.values()
    before = work_list(daily, first)[cid, "clinicaltrials"]
    assert (row["rows"], row["checked_at"], row["failures"]) == (before["rows"], before["checked_at"], 1)
    assert row["error"]
    third = daily.publish(3)
    assert work_list(daily, third)[cid, "clinicaltrials"]["failures"] == 2
    daily.upstream.faults([])
    fourth = daily.publish(4)
    assert work_list(daily, fourth)[cid, "clinicaltrials"]["state"] == "done"


def test_a_collection_that_ignores_the_filter_gives_no_row_and_stops_the_promotion(
    daily: DailyRuns,
) -> None:
    daily.upstream.faults([{"kind": "ignored_filter", "collection": "clinicaltrials_eu", "times": None}])
    try:
        run, manifest = daily.candidate(1)
    except Transient as error:
        assert "filter is ignored" in str(error)
    else:
        assert not [link for link in links(daily, manifest) if link[0] == "clinicaltrials_eu"]
        assert not pipeline.judge(run).passed
    assert daily.registry.latest("pubchem") is None


def test_a_full_refresh_during_an_outage_leaves_latest_as_it_was(daily: DailyRuns) -> None:
    first = daily.publish(1)
    cursors = daily.registry.watermarks("pubchem")
    daily.upstream.faults([{"kind": "busy", "retry_after": 1, "times": None}])
    run = daily.run(2, full_refresh=True)
    with pytest.raises((Transient, BreakerOpen), match=r"ServerBusy|503"):
        pipeline.probe(run, daily.session())
    for _ in range(6):
        with pytest.raises((Transient, BreakerOpen)):
            pipeline.extract(run, daily.session())
    latest = daily.registry.latest("pubchem")
    assert latest is not None and latest.version == first.version
    assert daily.registry.watermarks("pubchem") == cursors


def test_an_outage_in_the_middle_is_survived_by_the_next_try(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "CHUNK", 20)
    run = daily.run(1)
    daily.upstream.faults([{"kind": "html", "status": 403, "path": "/sdq", "first": 150, "times": None}])
    with pytest.raises(Refused):
        pipeline.extract(run, daily.session())
    answered = daily.upstream.count("trials", 200)
    assert answered >= 100
    daily.upstream.faults([])
    daily.upstream.forget()
    manifest = daily.publish(1)
    units = sum(row["collection"] != "properties" for row in daily.rows(manifest, "work_list"))
    assert daily.upstream.count("trials", 200) <= units + 3 - answered + extract.BATCH_CIDS // 10
    assert links(daily, manifest) == true_links(daily.upstream)


def test_a_poison_compound_fails_alone(daily: DailyRuns) -> None:
    first = daily.publish(1)
    cid = min(link[2] for link in links(daily, first))
    daily.upstream.faults([{"kind": "poison", "cid": cid, "times": None}])
    second = daily.publish(2, full_refresh=True)
    assert tables(daily, second, ("compounds",)) == tables(daily, first, ("compounds",))
    failed = [row for row in daily.rows(second, "work_list") if row["state"] == "failed"]
    assert [(row["cid"], row["collection"]) for row in failed] == [(cid, "properties")]


def test_a_projection_that_is_rejected_is_given_up_for_all_columns(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.sources.pubchem import client, records

    wrong = records.COLLECTIONS["clinicaltrials_eu"]._replace(id="number")
    monkeypatch.setitem(records.COLLECTIONS, "clinicaltrials_eu", wrong)
    assert client.COLLECTIONS is records.COLLECTIONS
    manifest = daily.publish(1)
    assert links(daily, manifest) == true_links(daily.upstream)


def test_a_classification_that_lost_half_its_compounds_is_not_believed(
    pipeline_of: Callable[[SampleUpstream], DailyRuns],
) -> None:
    with SampleUpstream(size=600, seed=5, compress=False) as upstream:
        daily = pipeline_of(upstream)
        first = daily.publish(1)
        upstream.faults([{"kind": "shrunk_list", "keep": 0.3, "times": None}])
        with pytest.raises(ContractBreak, match=r"the classification lacks \d+ of \d+ known compounds"):
            pipeline.extract(daily.run(2), daily.session())
        upstream.faults([{"kind": "empty_list", "times": None}])
        with pytest.raises(Transient, match="lists no compound below node"):
            pipeline.extract(daily.run(3), daily.session())
        latest = daily.registry.latest("pubchem")
        assert latest is not None and latest.version == first.version


@pytest.mark.whole_gate
def test_compounds_that_left_the_list_are_asked_once_more_before_they_go(daily: DailyRuns) -> None:
    first = daily.publish(1)
    daily.upstream.faults([{"kind": "shrunk_list", "keep": 0.8, "times": None}])
    run, second = daily.candidate(2)
    assert links(daily, second) == links(daily, first)
    verdict = pipeline.judge(run)
    assert verdict.acceptable, "a shorter list needs an operator, who may accept it"


def test_properties_are_asked_in_batches(pipeline_of: Callable[[SampleUpstream], DailyRuns]) -> None:
    with SampleUpstream(size=50, seed=5, compounds=1500, compress=False) as upstream:
        daily = pipeline_of(upstream)
        _, manifest = daily.candidate(1)
        states = [r["state"] for r in daily.rows(manifest, "work_list") if r["collection"] == "properties"]
        compounds, absent = len(states), states.count("none")
        assert compounds >= 1500 and 0 < absent < 250
        # What PubChem does not know is asked for once more, after a control.
        assert upstream.count("properties") == ceil(compounds / 250) + 2
        assert ceil(12_000 / 250) <= 100


def test_the_throttle_header_slows_everybody_down(daily: DailyRuns) -> None:
    daily.upstream.faults([{"kind": "load", "time": 60, "times": None}])
    pipeline.extract(daily.run(1, limit=5), daily.session())
    assert len([wait for wait in daily.waits if wait > 0.9]) >= 5


def test_limited_runs_add_up_to_everything(daily: DailyRuns) -> None:
    for day in range(1, 5):
        run, manifest = daily.candidate(day, limit=50)
        cids = {row["cid"] for row in daily.rows(manifest, "work_list") if row["collection"] != "properties"}
        assert len(cids) == min(50 * day, len(daily.upstream.listed()))
        assert daily.registry.watermarks("pubchem").get("full_at") is None
        pipeline.judge(run)
        pipeline.promote(run)
    assert links(daily, manifest) == true_links(daily.upstream)


def test_nothing_is_due_again_on_the_same_day(daily: DailyRuns) -> None:
    daily.publish(1)
    again = pipeline.probe(daily.run(1.2), daily.session())
    assert not again.new and "none of them due" in again.reason
    assert pipeline.probe(daily.run(2), daily.session()).new
    daily.upstream.advance()
    assert pipeline.probe(daily.run(1.3), daily.session()).new, "new compounds are due at once"


@pytest.mark.parametrize(("name", "value"), [("limit", 0), ("limit", "3"), ("names", -1)])
def test_a_parameter_that_makes_no_sense_is_named(daily: DailyRuns, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"the parameter {name} is {value!r}"):
        pipeline.extract(daily.run(1, **{name: value}), daily.session())
