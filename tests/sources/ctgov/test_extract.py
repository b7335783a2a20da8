"""Extracting ClinicalTrials.gov: everything comes exactly once, or nothing counts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include import pipeline
from include.sources.ctgov import extract as ctgov
from include.sources.ctgov.extract import IdSet, next_slice
from include.storage.landing import Landed
from include.upstream.answers import ContractBreak, Transient
from tests.sources.daily import DailyRuns

MOVES = [
    {"kind": "duplicate_page"},
    {"kind": "repeated_token"},
    {"kind": "moving_total"},
    {"kind": "moving_version", "first": 3},
]
PASSES = [
    {"kind": "too_many_requests", "retry_after": 7},
    {"kind": "error", "status": 500},
    {"kind": "error", "status": 503, "body": "html"},
    {"kind": "html_page"},
    {"kind": "cut_off"},
    {"kind": "slow", "delay": 0.05},
]


def landed(daily: DailyRuns, day: int, kind: str = "studies") -> list[dict[str, Any]]:
    landing = Landed.completed(daily.store, f"raw/ctgov/{daily.run(day).version}")
    return [msgspec.json.decode(line) for line in landing.read(kind)]


def nct_id(study: dict[str, Any]) -> str:
    found: str = study["protocolSection"]["identificationModule"]["nctId"]
    return found


def test_a_first_run_lands_every_study_as_the_upstream_holds_it(daily: DailyRuns) -> None:
    facts = pipeline.extract(daily.run(1), daily.session())
    got = {nct_id(study): study for study in landed(daily, 1)}
    assert got == {nct_id(study): study for study in daily.upstream.studies()}
    assert facts["studies_declared"] == facts["studies_received"] == facts["studies_distinct"] == len(got)
    assert facts["full"] and not facts["truncated"]


def test_only_the_first_page_asks_for_the_count_and_every_page_repeats_the_query(daily: DailyRuns) -> None:
    pipeline.extract(daily.run(1), daily.session())
    pages = [request.params for request in daily.upstream.requests if request.path.endswith("/studies")]
    assert [page.get("countTotal") for page in pages] == ["true", None, None]
    own = {"countTotal", "pageToken"}
    assert len({tuple(sorted((k, v) for k, v in page.items() if k not in own)) for page in pages}) == 1
    assert pages[0]["pageSize"] == "250"


def test_an_empty_last_page_is_the_end(daily: DailyRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctgov, "PAGE_SIZE", len(list(daily.upstream.studies())))
    facts = pipeline.extract(daily.run(1), daily.session())
    pages = [request for request in daily.upstream.requests if request.path.endswith("/studies")]
    assert len(pages) == 2 and facts["studies_received"] == facts["studies_declared"]


@pytest.mark.parametrize("fault", PASSES, ids=lambda fault: "-".join(str(v) for v in fault.values()))
def test_a_passing_disturbance_changes_nothing(daily: DailyRuns, fault: dict[str, Any]) -> None:
    daily.upstream.faults([{**fault, "first": 2}])
    pipeline.extract(daily.run(1), daily.session())
    assert sorted(map(nct_id, landed(daily, 1))) == sorted(map(nct_id, daily.upstream.studies()))


@pytest.mark.parametrize("fault", MOVES, ids=lambda fault: fault["kind"])
def test_a_crawl_that_does_not_add_up_is_discarded_and_done_again(
    daily: DailyRuns, fault: dict[str, Any]
) -> None:
    daily.upstream.faults([fault])
    facts = pipeline.extract(daily.run(1), daily.session())
    got = landed(daily, 1)
    assert sorted(map(nct_id, got)) == sorted(map(nct_id, daily.upstream.studies()))
    assert facts["data_version"] == daily.upstream.data_version
    holders = {study["derivedSection"]["miscInfoModule"]["versionHolder"] for study in got}
    assert holders == {daily.upstream.data_version[:10]}


@pytest.mark.parametrize("fault", MOVES[:3], ids=lambda fault: fault["kind"])
def test_an_upstream_that_never_adds_up_is_an_error_and_nothing_counts_as_landed(
    daily: DailyRuns, fault: dict[str, Any]
) -> None:
    daily.upstream.faults([{**fault, "times": None}])
    with pytest.raises(ContractBreak, match="3 times in a row"):
        pipeline.extract(daily.run(1), daily.session())
    assert Landed.present(daily.store, f"raw/ctgov/{daily.run(1).version}").progress.parts == ()


def test_an_outage_ends_the_task_and_the_next_try_goes_on_from_the_last_part(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctgov, "PART_BYTES", 1)
    daily.upstream.faults([{"kind": "error", "first": 4, "times": None}])
    with pytest.raises(Transient):
        pipeline.extract(daily.run(1), daily.session())
    daily.upstream.faults([])
    daily.upstream.requests.clear()
    pipeline.extract(daily.run(1), daily.session())
    asked = [r.params for r in daily.upstream.requests if r.path.endswith("/studies")]
    assert len(asked) == 1 and asked[0]["pageToken"]
    assert sorted(map(nct_id, landed(daily, 1))) == sorted(map(nct_id, daily.upstream.studies()))


def test_parts_of_another_data_version_are_not_gone_on_with(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctgov, "PART_BYTES", 1)
    daily.upstream.faults([{"kind": "error", "first": 4, "times": None}])
    with pytest.raises(Transient):
        pipeline.extract(daily.run(1), daily.session())
    daily.upstream.faults([])
    daily.upstream.advance()
    pipeline.extract(daily.run(1), daily.session())
    holders = {s["derivedSection"]["miscInfoModule"]["versionHolder"] for s in landed(daily, 1)}
    assert holders == {daily.upstream.data_version[:10]}


def test_a_second_extract_of_a_finished_run_asks_for_the_version_only(daily: DailyRuns) -> None:
    first = pipeline.extract(daily.run(1), daily.session())
    daily.upstream.requests.clear()
    assert pipeline.extract(daily.run(1), daily.session()) == first
    assert [request.path for request in daily.upstream.requests] == ["/api/v2/version"]


def test_probe_says_that_there_is_something_new(daily: DailyRuns) -> None:
    found = pipeline.probe(daily.run(1), daily.session())
    assert found.new and daily.upstream.data_version in found.reason


@pytest.mark.parametrize(
    ("params", "message"),
    [({"limit": 0}, "limit"), ({"limit": "x"}, "limit")],
)
def test_parameters_that_make_no_sense_are_refused_by_name(
    daily: DailyRuns, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pipeline.extract(daily.run(1, **params), daily.session())


def test_a_limit_takes_the_oldest_updates_first(daily: DailyRuns) -> None:
    facts = pipeline.extract(daily.run(1, limit=40), daily.session())
    got = [
        study["protocolSection"]["statusModule"]["lastUpdatePostDateStruct"]["date"]
        for study in landed(daily, 1)
    ]
    every = sorted(
        study["protocolSection"]["statusModule"]["lastUpdatePostDateStruct"]["date"]
        for study in daily.upstream.studies()
        if "lastUpdatePostDateStruct" in study["protocolSection"]["statusModule"]
    )
    assert got == every[:40]
    assert facts["truncated"] and not facts["full"]


@given(
    st.sets(st.integers(0, 10**8 - 1), max_size=30),
    st.sets(st.integers(0, 10**8 - 1), max_size=30),
)
def test_an_id_set_is_a_set(left: set[int], right: set[int]) -> None:
    def ids(numbers: set[int]) -> list[str]:
        return [f"NCT{number:08}" for number in sorted(numbers)]

    one, two = IdSet(ids(left) * 2), IdSet(ids(right))
    assert one.count == len(left)
    assert list(one.minus(two)) == ids(left - right)
    assert all(nct_id in one for nct_id in ids(left))


@pytest.mark.parametrize("bad", ["NCT1", "nct00000001", "NCT0000000x", "NCT000000001", "", "NCT٠٠٠٠٠٠٠١"])
def test_an_id_set_takes_nct_ids_only(bad: str) -> None:
    with pytest.raises(ValueError, match="eight digits"):
        IdSet().add(bad)


# --- reading again ---


def test_every_study_is_read_again_within_28_days_of_runs_at_any_hours() -> None:
    ids = [f"NCT{number:08}" for number in range(1000)]
    after, day, read = "", 0.0, []
    for passed in [0.9, 1.1, 3.0, 0.2, 1.0, 1.0, 1.0, 4.8] * 2 + [2.0]:
        day += passed
        some = next_slice(ids, after, passed / 28)
        after = some[-1]
        read += some
    assert day == 28.0 and set(read) == set(ids)
    assert len(read) < 1000 + 17, "one more a run at most"
    assert next_slice(ids, "NCT00000997", 0.004) == [*ids[998:], *ids[:2]]
    assert next_slice([], "", 0.5) == next_slice(ids, "", 0.0) == []


@pytest.mark.parametrize("first", [2, 4, 7])
def test_a_slice_that_was_cut_short_goes_on_where_it_stopped(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    daily.publish(1)
    monkeypatch.setattr(ctgov, "ID_BATCH", 5)
    monkeypatch.setattr(ctgov, "PART_BYTES", 1)
    daily.upstream.faults([{"kind": "error", "first": first, "times": None}])
    with pytest.raises(Transient):
        pipeline.extract(daily.run(2), daily.session())
    daily.upstream.faults([])
    daily.upstream.requests.clear()
    facts = pipeline.extract(daily.run(2), daily.session())
    again = [nct_id(study) for study in landed(daily, 2, "reread")]
    assert len(again) == len(set(again)) == facts["reread"] > 15
    assert facts["reread_to"]["after"] >= max(again)
    asked = [r.params["filter.ids"] for r in daily.upstream.requests if "filter.ids" in r.params]
    assert len(asked) == -(-facts["reread"] // 5) - max(first - 3, 0)


def test_studies_that_no_answer_to_their_ids_holds_are_asked_for_one_by_one(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    daily.publish(1)
    monkeypatch.setattr(ctgov.Crawl, "_fetch", lambda self, kind, *_: ctgov.Tally(kind))
    facts = pipeline.extract(daily.run(2), daily.session())
    assert facts["missing"] > 15
    monkeypatch.setattr(ctgov, "MISSING_ALWAYS_CONFIRMED", 0)
    monkeypatch.setattr(ctgov, "MISSING_SHARE", 0.0)
    with pytest.raises(ContractBreak, match="nothing was taken for removed"):
        pipeline.extract(daily.run(3), daily.session())
