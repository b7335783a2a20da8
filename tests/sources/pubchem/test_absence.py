"""That PubChem has nothing is only believed where it still has what it is known to have, and where it says so twice."""

from __future__ import annotations

from typing import Any

import pytest

from include import pipeline
from include.publishing.manifest import Manifest
from include.sources.pubchem import extract
from include.storage.landing import Landed
from include.upstream.answers import Transient
from tests.sources.daily import DailyRuns
from tests.sources.pubchem.test_names import (
    BY_NAME,
    drug,
    keep,
    named,
    publish_interventions,
    some_cids,
    states,
)

__all__ = ["named"]

NAMES = {"kind": "not_found", "path": BY_NAME}
ENDLESS: dict[str, Any] = {"times": None}


def landed(daily: DailyRuns, day: float, kind: str) -> list[bytes]:
    """What a run of a day landed of a kind."""
    run = daily.resumed(day)
    found = Landed.present(run.store, f"raw/pubchem/{run.version}")
    return list(found.read(kind)) if found else []


def not_believed(daily: DailyRuns, day: float, what: str, *, kind: str = "names", **params: Any) -> None:
    """A run must end as an outage, with latest, cursors and landing without a word of absence."""
    latest, cursors = daily.registry.latest("pubchem"), daily.registry.watermarks("pubchem")
    run = daily.run(day, **params)
    with pytest.raises(Transient, match=what):
        pipeline.extract(run, daily.session())
    assert daily.registry.latest("pubchem") == latest
    assert daily.registry.watermarks("pubchem") == cursors
    assert not [line for line in landed(daily, day, kind) if b'"none"' in line]


# --- names


@pytest.mark.parametrize("known", [True, False], ids=["after a good version", "first run"])
def test_names_that_are_all_not_found_are_an_outage(named: DailyRuns, known: bool) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {"alphacil": [cid], "betacil": [cid]}
    if known:
        publish_interventions(named, drug("Alphacil"))
        keep(named, 1)
    publish_interventions(named, drug("Alphacil"), drug("Betacil"), drug("Gammacil"), day=1)
    named.upstream.faults([{**NAMES, **ENDLESS}])
    not_believed(named, 2, r"names \(by path\): .*alphacil" if known else r"names \(by path\): .*aspirin")
    named.upstream.faults([])
    assert states(named, keep(named, 2)) == {"alphacil": "found", "betacil": "found", "gammacil": "none"}


def test_an_outage_of_one_way_to_ask_for_names_is_met_by_a_control_in_that_way(named: DailyRuns) -> None:
    publish_interventions(named, drug("Abacavir/Lamivudine"), drug("Alphacil"))
    named.upstream.faults([{"kind": "not_found", "path": f"{BY_NAME}cids", **ENDLESS}])
    not_believed(named, 1, r"names \(by POST\)")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_outage_that_is_over_before_the_control_shows_in_the_second_answers(
    named: DailyRuns, times: int
) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {f"alphacil-{n:02}": [cid] for n in range(3)}
    publish_interventions(named, *(drug(f"Alphacil-{n:02}") for n in range(4)))
    named.upstream.faults([{**NAMES, "times": times}])
    manifest = named.candidate(1)[1]
    assert list(states(named, manifest).values()) == ["found"] * 3 + ["none"]


@pytest.mark.parametrize("first", [2, 5, 8])
def test_an_outage_that_begins_in_the_middle_leaves_no_trace(named: DailyRuns, first: int) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {f"alphacil-{n:02}": [cid] for n in range(8)}
    publish_interventions(named, *(drug(f"Alphacil-{n:02}") for n in range(8)))
    named.upstream.faults([{**NAMES, **ENDLESS, "first": first}])
    not_believed(named, 1, r"names \(by path\)")
    assert len(landed(named, 1, "names")) == first - 1, "what was found before is kept"
    named.upstream.faults([])
    assert set(states(named, named.candidate(1)[1]).values()) == {"found"}


def test_an_outage_of_half_of_the_answers_is_not_believed(named: DailyRuns) -> None:
    (cid,) = some_cids(named.upstream, 1)
    named.upstream.stands_for = {f"alphacil-{n:03}": [cid] for n in range(100)}
    publish_interventions(named, *(drug(f"Alphacil-{n:03}") for n in range(100)))
    named.upstream.faults([{**NAMES, **ENDLESS, "probability": 0.5}])
    not_believed(named, 1, "names")


def test_a_known_name_that_was_really_deleted_stops_nothing(named: DailyRuns) -> None:
    cids = some_cids(named.upstream, 1)
    named.upstream.stands_for = {"alphacil": cids, "betacil": cids}
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))
    keep(named, 1)
    named.upstream.stands_for = {}
    publish_interventions(named, drug("Gammacil"), day=1)
    assert states(named, keep(named, 2))["gammacil"] == "none"


def test_a_run_that_is_killed_between_an_absence_and_its_control_asks_again(
    named: DailyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_interventions(named, drug("Alphacil"), drug("Betacil"))

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(extract, "_is_there", killed)
        pipeline.extract(named.run(1), named.session())
    assert not landed(named, 1, "names")
    named.upstream.faults([{**NAMES, **ENDLESS}])
    not_believed(named, 1, "names")
    named.upstream.faults([])
    assert states(named, named.candidate(1)[1]) == {"alphacil": "none", "betacil": "none"}


# --- properties and trials


def tables(daily: DailyRuns, manifest: Manifest) -> dict[str, list[dict[str, Any]]]:
    return {name: daily.rows(manifest, name) for name in ("compounds", "trials", "trial_compounds")}


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("properties", {"kind": "not_found", "path": "/rest/pug/compound/cid"}),
        ("properties", {"kind": "lost", "keep": 0.0}),
        ("trials", {"kind": "no_rows"}),
        ("trials", {"kind": "no_rows", "collection": "clinicaltrials_eu"}),
        ("trials", {"kind": "not_found", "path": "/rest/pug/classification/hnid/3647574"}),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["after a good version", "first run"])
def test_one_kind_of_question_that_finds_nothing_is_an_outage(
    named: DailyRuns, kind: str, fault: dict[str, Any], known: bool
) -> None:
    before = keep(named, 1) if known else None
    named.upstream.faults([{**fault, **ENDLESS}])
    not_believed(named, 2, "known to be there|no node", kind=kind, full_refresh=True)
    named.upstream.faults([])
    manifest = named.candidate(2, full_refresh=True)[1]
    if before:
        assert tables(named, manifest) == tables(named, before)
    assert tables(named, manifest)["trials"]


def test_a_batch_of_which_a_part_is_lost_for_once_loses_nothing(named: DailyRuns) -> None:
    before = keep(named, 1)
    named.upstream.faults([{"kind": "lost", "keep": 0.5}])
    assert tables(named, named.candidate(2, full_refresh=True)[1]) == tables(named, before)


def test_compounds_that_left_the_list_make_a_run_worth_while(named: DailyRuns) -> None:
    """Else a list that lost half of them is told as "none of them due" and counts as current."""
    keep(named, 1)
    assert not pipeline.probe(named.run(1.1), named.session()).new
    named.upstream.faults([{"kind": "shrunk_list", "keep": 0.5, **ENDLESS}])
    assert pipeline.probe(named.run(1.2), named.session()).new


def test_what_a_control_costs(named: DailyRuns) -> None:
    publish_interventions(named, *(drug(f"Alphacil-{n:03}") for n in range(30)))
    named.candidate(1)
    assert named.upstream.count("names") == 2 * 30 + 1
