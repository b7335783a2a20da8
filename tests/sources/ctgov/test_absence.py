"""That ClinicalTrials.gov has not what it is known to have is believed nowhere without a control."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from include import pipeline
from include.publishing.manifest import Manifest
from include.sources.ctgov import extract as ctgov
from include.storage.landing import Landed
from include.upstream.answers import ContractBreak, Transient
from tests.sources.daily import DailyRuns

ENDLESS: dict[str, Any] = {"times": None}
NO_PAGES = {"kind": "error", "status": 404, "path": "/api/v2/studies/NCT", **ENDLESS}
"""Each study's own page answers as one of a removed study does."""


def lost(asked: str, *ids: str, **more: Any) -> dict[str, Any]:
    return {"kind": "lost", "asked": asked, "ids": ids, **ENDLESS, **more}


def ids(daily: DailyRuns, manifest: Manifest, table: str = "studies") -> set[str]:
    return {row["nct_id"] for row in daily.rows(manifest, table)}


def not_believed(daily: DailyRuns, day: float, what: str) -> None:
    """A run must end as an outage, with latest and cursors as they were and no study said to be gone."""
    latest, cursors = daily.registry.latest("ctgov"), daily.registry.watermarks("ctgov")
    run = daily.run(day)
    with pytest.raises(Transient, match=what):
        pipeline.extract(run, daily.session())
    assert daily.registry.latest("ctgov") == latest
    assert daily.registry.watermarks("ctgov") == cursors
    found = Landed.present(run.store, f"raw/ctgov/{run.version}")
    assert found is None or not list(found.read("confirmations"))


@pytest.fixture
def no_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read again beside the window."""
    monkeypatch.setattr(ctgov, "_since_reread", lambda _: timedelta(0))


@pytest.fixture
def listed_daily(monkeypatch: pytest.MonkeyPatch, no_slice: None) -> None:
    monkeypatch.setattr(ctgov, "LISTING_EVERY", timedelta(0))


# --- the window of updates


@pytest.mark.parametrize("keep", [0.0, 0.4], ids=["empty", "cut short"])
def test_a_window_that_lacks_what_is_known_of_its_days_is_an_outage(
    daily: DailyRuns, no_slice: None, keep: float
) -> None:
    for day in (1, 2):
        daily.publish(day)
        advance = daily.upstream.advance()
    daily.upstream.faults([lost("window", keep=keep)])
    not_believed(daily, 3, "window of updates .* which says that it was updated")
    daily.upstream.faults([])
    assert set(advance.new) <= ids(daily, daily.publish(3)), "the next try asks for the window again"


def test_a_window_that_is_cut_by_a_limit_need_not_have_all_and_an_empty_one_is_none(
    daily: DailyRuns, no_slice: None
) -> None:
    daily.publish(1)
    daily.upstream.advance(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctgov.Crawl, "_ask", lambda *_: pytest.fail("nothing is doubtful"))
        facts = pipeline.extract(daily.run(2, limit=9), daily.session())
    assert facts["truncated"] and facts["overlap"] == 0
    daily.upstream.faults([lost("window")])
    with pytest.raises(Transient, match="window of updates"):
        pipeline.extract(daily.run(3, limit=9), daily.session())


def test_what_a_window_lacks_for_a_good_reason_is_asked_for_by_id(daily: DailyRuns, no_slice: None) -> None:
    before = daily.publish(1)
    since = ctgov.window_start(daily.registry.watermarks("ctgov"))
    inside = sorted(
        row["nct_id"]
        for row in daily.rows(before, "studies")
        if str(row["last_update_post_date"]) >= str(since)
    )
    assert len(inside) > 3
    moved, gone = inside[0], inside[1]
    daily.upstream.faults(
        [
            lost("window", moved, gone),
            lost("ids", gone),
            {**NO_PAGES, "path": f"/api/v2/studies/{gone}"},
        ]
    )
    daily.upstream.advance()
    manifest = daily.publish(2)
    assert moved in ids(daily, manifest) and gone not in ids(daily, manifest)
    assert gone in ids(daily, manifest, "removals")


def test_a_window_without_studies_that_were_merged_into_others_of_it_is_an_answer(
    daily: DailyRuns, no_slice: None
) -> None:
    """The id of a merged study is answered by the other, whose last update lies in the window."""
    for day in (1, 2):
        before = daily.publish(day)
        daily.upstream.advance()
    since = str(ctgov.window_start(daily.registry.watermarks("ctgov")))
    due = sorted(
        row["nct_id"]
        for row in daily.rows(before, "studies")
        if str(row["last_update_post_date"]) >= since and not row["withheld"]
    )
    gone, other = due[:4], due[4]
    own = f'"nctId":"{other}",'
    aliased = own + f'"nctIdAliases":{msgspec.json.encode(gone).decode()},'
    assert len(gone) > max(ctgov.FEW, ctgov.FEW_SHARE * len(due))
    # Whoever asks for one of the four by id gets the other one.
    merged = {f'"nctId":"{nct_id}",': own for nct_id in gone}
    daily.upstream.faults(
        [
            lost("window", *gone),
            {"kind": "replaced", "path": "/api/v2/studies", "texts": merged | {own: aliased}, **ENDLESS},
        ]
    )
    manifest = daily.publish(3)
    assert {
        row["nct_id"]: row["merged_into"] for row in daily.rows(manifest, "removals")
    }.items() >= dict.fromkeys(gone, other).items()


def test_a_window_and_answers_to_ids_that_are_both_empty_are_an_outage(
    daily: DailyRuns, no_slice: None
) -> None:
    daily.publish(1)
    daily.upstream.advance()
    daily.upstream.faults([{"kind": "lost", **ENDLESS}, NO_PAGES])
    not_believed(daily, 2, "studies by their ids.*known to be there")


# --- what is asked for by id


def test_a_listed_study_that_no_answer_holds_is_asked_for_again_and_told(
    daily: DailyRuns, listed_daily: None, caplog: pytest.LogCaptureFixture
) -> None:
    daily.publish(1)
    new = daily.upstream.advance().new
    late, nowhere = new[0], new[1]
    daily.upstream.faults(
        [
            lost("window", late, nowhere),
            lost("ids", late, times=1),
            lost("ids", nowhere),
            {**NO_PAGES, "path": f"/api/v2/studies/{nowhere}"},
        ]
    )
    with caplog.at_level(logging.WARNING):
        manifest = daily.publish(2)
    assert late in ids(daily, manifest), "it was there when it was asked for again"
    assert nowhere not in ids(daily, manifest) | ids(daily, manifest, "removals")
    assert manifest.counts["absent"] == 1
    assert f"found neither by id nor by page: {nowhere}" in caplog.text
    landing = Landed.completed(daily.store, f"raw/ctgov/{manifest.version}")
    assert "1 studies are listed, but found neither" in landing.progress.facts["summary"]


def test_a_listed_study_that_only_its_page_holds_is_published(daily: DailyRuns, listed_daily: None) -> None:
    daily.publish(1)
    (one, *_) = daily.upstream.advance().new
    daily.upstream.faults([lost("window", one), lost("ids", one)])
    assert one in ids(daily, daily.publish(2))


@pytest.mark.parametrize("known", ["gaps", "reread"])
def test_answers_to_ids_that_are_all_empty_are_an_outage(
    daily: DailyRuns, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    daily.publish(1)
    new = daily.upstream.advance().new
    if known == "gaps":
        monkeypatch.setattr(ctgov, "_since_reread", lambda _: timedelta(0))
        monkeypatch.setattr(ctgov, "LISTING_EVERY", timedelta(0))
    daily.upstream.faults([lost("window", *new), lost("ids")])
    not_believed(daily, 2, "studies by their ids.*known to be there")
    daily.upstream.faults([])
    assert set(new) <= ids(daily, daily.publish(2, since="2026-11-01"))


# --- pages


def test_pages_that_are_all_not_found_are_an_outage(daily: DailyRuns, listed_daily: None) -> None:
    before = daily.publish(1)
    some = sorted(ids(daily, before))[20:25]
    daily.upstream.faults([lost("list", *some), NO_PAGES])
    not_believed(daily, 2, "studies by their pages.*known to be there")
    daily.upstream.faults([lost("list", *some)])
    assert set(some) <= ids(daily, daily.publish(2)), "their pages say that they are there"


def test_a_page_that_is_not_found_for_once_is_asked_for_again(daily: DailyRuns, listed_daily: None) -> None:
    before = daily.publish(1)
    some = sorted(ids(daily, before))[20:25]
    daily.upstream.faults([lost("list", *some), {**NO_PAGES, "times": 3}])
    manifest = daily.publish(2)
    assert set(some) <= ids(daily, manifest) and not ids(daily, manifest, "removals") & set(some)


def test_a_list_that_lost_many_studies_is_asked_for_again_by_the_next_try(
    daily: DailyRuns, listed_daily: None
) -> None:
    daily.publish(1)
    daily.upstream.advance()
    daily.upstream.faults([lost("list", keep=0.5)])
    with pytest.raises(ContractBreak, match="nothing was taken for removed"):
        pipeline.extract(daily.run(2), daily.session())
    daily.upstream.faults([])
    assert daily.publish(2).counts["gone"] < 3


# --- nothing new


def test_an_upstream_without_any_study_is_an_outage(daily: DailyRuns) -> None:
    daily.upstream.faults([{"kind": "lost"}])
    with pytest.raises(Transient, match="no studies at all"):
        pipeline.probe(daily.run(1), daily.session())


@pytest.mark.parametrize("step", [pipeline.probe, pipeline.extract])
def test_a_server_that_lags_behind_takes_no_study_back(daily: DailyRuns, step: Any) -> None:
    old = daily.upstream.data_version
    daily.upstream.advance()
    daily.publish(1)
    new = daily.upstream.data_version
    daily.upstream.faults([{"kind": "replaced", "texts": {new: old}, **ENDLESS}])
    with pytest.raises(Transient, match="lags behind"):
        step(daily.run(2), daily.session())


# --- what it costs


def test_what_the_controls_cost(daily: DailyRuns, no_slice: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing on a day on which nothing is absent, else one question more for what is absent and one control."""
    daily.publish(1)
    monkeypatch.setattr(ctgov, "LISTING_EVERY", timedelta(0))
    daily.upstream.requests.clear()
    pipeline.extract(daily.run(2), daily.session())
    quiet = [request.path.rsplit("/", 1)[-1] for request in daily.upstream.requests]
    assert quiet == ["version", "studies", "studies", "version"]
    removed = daily.upstream.advance().removed
    daily.upstream.requests.clear()
    pipeline.extract(daily.run(3), daily.session())
    pages = [r.path.rsplit("/", 1)[-1] for r in daily.upstream.requests if "/studies/NCT" in r.path]
    assert {page: pages.count(page) for page in removed} == dict.fromkeys(removed, 2)


def test_a_study_says_when_it_was_updated_whatever_else_it_is() -> None:
    def study(status: Any) -> bytes:
        protocol = {"identificationModule": {"nctId": "NCT00000001"}, "statusModule": status}
        return msgspec.json.encode({"protocolSection": protocol})

    assert (
        ctgov._identified(study({"lastUpdatePostDateStruct": {"date": "2026-11-16"}})).posted == "2026-11-16"
    )
    for odd in (None, [], 7, {"lastUpdatePostDateStruct": "x"}, {"lastUpdatePostDateStruct": {"date": 3}}):
        assert ctgov._identified(study(odd)) == ("NCT00000001", set(), "")
