"""An upstream that answers the same in another form gives the same tables, and what it cannot answer fails alone.

Each form is one that docs/upstreams/pubchem.md leaves open, or that a server of other people's may well have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from include import pipeline
from include.publishing.manifest import Manifest
from include.registry.registry import Registry
from include.sources.pubchem import extract
from include.storage.store import Store
from sandbox.pubchem.api import subject_of
from sandbox.pubchem.server import SampleUpstream
from sandbox.sample.server import Answer, Incoming
from tests.sources.daily import DailyRuns
from tests.sources.worlds import Worlds

Row = dict[str, Any]
Tables = dict[str, list[Row]]
Habit = Callable[[Incoming, Answer], Answer]


def as_usual(request: Incoming, answer: Answer) -> Answer:
    return answer


class Strange(SampleUpstream):
    """The sample, but its answers have a habit."""

    def __init__(self) -> None:
        super().__init__(size=30, seed=5, compress=False)
        self.habit: Habit = as_usual

    def respond(self, request: Incoming) -> Answer:
        return self.habit(request, super().respond(request))


@pytest.fixture
def daily(store: Store, registry: Registry) -> Iterator[DailyRuns]:
    with Strange() as upstream:
        yield DailyRuns("pubchem", store, registry, upstream)


def tables(daily: DailyRuns, manifest: Manifest) -> Tables:
    return {entry.name: daily.rows(manifest, entry.name) for entry in manifest.tables}


@pytest.fixture(scope="module")
def usual(postgres: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The tables of a first run that is answered as usual."""
    folder = tmp_path_factory.mktemp("usual_pubchem")
    with Strange() as upstream:
        daily = Worlds(postgres, template_database, folder, {"pubchem": upstream}).copy().daily("pubchem")
        return tables(daily, daily.candidate(1)[1])


# --- other forms


def changed(answer: Answer, change: Callable[[Any], Any]) -> Answer:
    """The answer with other JSON."""
    value = change(msgspec.json.decode(b"".join(answer.parts)))
    return replace(answer, parts=[msgspec.json.encode(value)])


def of_rows(answer: Answer, change: Callable[[Row], Row], **about: Any) -> Answer:
    """The answer with other rows of trials, and with something else said about all of them."""

    def change_all(body: Any) -> Any:
        (found,) = body["SDQOutputSet"]
        return {"SDQOutputSet": [{**found, **about, "rows": [change(row) for row in found["rows"]]}]}

    return changed(answer, change_all)


def of_compounds(answer: Answer, change: Callable[[Row], Row]) -> Answer:
    """The answer with other properties, in another order."""
    return changed(
        answer,
        lambda body: {
            "PropertyTable": {"Properties": [change(r) for r in body["PropertyTable"]["Properties"][::-1]]}
        },
    )


def cids_of(row: Row) -> list[int]:
    cids = row["cids"]
    return [int(cid) for cid in cids.split("|")] if isinstance(cids, str) else cids


def day_of(row: Row) -> str:
    """The day of a row, as eight digits."""
    return str(row.get("updatedate", row.get("date"))).replace("-", "")


def without_date(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("updatedate", "date")}


def loose(request: Incoming, answer: Answer) -> Answer:
    """Unknown keys before the others, lists with bars, texts as lists, days as numbers, null for nothing, counts as
    text, masses as numbers, everything called a page."""
    answer = replace(answer, content_type="text/html; charset=utf-8")

    def row(given: Row) -> Row:
        values = {**given, "cids": " | ".join(map(str, cids_of(given))) + "|"}
        values["conditions"] = given["conditions"].split("|")
        values["updatedate" if "updatedate" in given else "date"] = int(day_of(given))
        filled = {name: None if value == "" else value for name, value in reversed(values.items())}
        return {"_new": [{"a": None}], **filled}

    def compound(given: Row) -> Row:
        masses = {name: float(given[name]) for name in given if name.endswith(("Mass", "Weight"))}
        return {"_new": 1.5, "XLogP": None, "IUPACName": None, **given, **masses}

    match subject_of(request.path, request.params).kind:
        case "trials":
            total = msgspec.json.decode(b"".join(answer.parts))["SDQOutputSet"][0]["totalCount"]
            return of_rows(answer, row, totalCount=str(total), status={"code": "0", "error": None})
        case "properties":
            return of_compounds(answer, compound)
    return answer


def terse(request: Incoming, answer: Answer) -> Answer:
    """Compounds as texts and twice, one of them alone as a number, days with a time under another name, no key for
    nothing, numbers as texts, the names of SMILES before 2025, lists backwards with doubles, nothing called JSON."""

    def row(given: Row) -> Row:
        cids = cids_of(given)
        filled = {name: value for name, value in without_date(given).items() if value != ""}
        day = day_of(given)
        filled["date"] = f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00"
        return {**filled, "cids": cids[0] if len(cids) == 1 else [str(cid) for cid in cids * 2]}

    def compound(given: Row) -> Row:
        old = {"SMILES": "IsomericSMILES", "ConnectivitySMILES": "CanonicalSMILES"}
        return {
            old.get(name, name): str(value) if name != "CID" and isinstance(value, int | float) else value
            for name, value in given.items()
        }

    match subject_of(request.path, request.params).kind:
        case "classification":
            cids = b"".join(answer.parts).split()[::-1]
            return replace(answer, content_type="application/json", parts=[b"\r\n".join(cids + cids[:1])])
        case "trials":
            return replace(of_rows(answer, row), content_type="text/plain")
        case "properties":
            return replace(of_compounds(answer, compound), content_type="application/octet-stream")
    return answer


@pytest.mark.parametrize("habit", [loose, terse])
def test_answers_in_another_form_give_the_same_tables(daily: DailyRuns, usual: Tables, habit: Habit) -> None:
    daily.upstream.habit = habit
    _, manifest = daily.candidate(1)
    found = tables(daily, manifest)
    assert found.keys() == usual.keys()
    for name, rows in usual.items():
        assert found[name] == rows, name


# --- which compounds a row names


def links(rows: Tables) -> set[tuple[str, str, int]]:
    return {(row["collection"], row["trial_id"], row["cid"]) for row in rows["trial_compounds"]}


def asked_alone(request: Incoming, answer: Answer) -> Answer:
    """A row names no compound but the one that was asked for."""
    subject = subject_of(request.path, request.params)
    return (
        of_rows(answer, lambda row: {**row, "cids": [*subject.cids]}) if subject.kind == "trials" else answer
    )


def test_a_row_is_a_link_with_the_compound_that_was_asked_for_whatever_it_names(daily: DailyRuns) -> None:
    upstream = daily.upstream
    upstream.habit = asked_alone
    found = tables(daily, daily.candidate(1)[1])
    asked = {(row["collection"], row["cid"]) for row in found["work_list"]}
    known = upstream.compounds().keys()
    assert links(found) == {
        link for link in upstream.links() if (link[0], link[2]) in asked and link[2] in known
    }


def asked_for(upstream: Strange) -> set[tuple[str | None, frozenset[int]]]:
    """The units whose trials were asked for, however often."""
    subjects = [subject_of(request.path, request.params) for request in upstream.requests]
    return {(each.collection, each.cids) for each in subjects if each.kind == "trials"}


def listed_once(request: Incoming, answer: Answer) -> Answer:
    """A trial of several compounds is listed under the first of them alone, though its row names all.

    The compound with more than a page of trials keeps all of them.
    """
    subject = subject_of(request.path, request.params)
    if subject.kind != "trials":
        return answer

    def change(body: Any) -> Any:
        (found,) = body["SDQOutputSet"]
        if found["totalCount"] > len(found["rows"]) or subject.later:
            return body
        rows = [row for row in found["rows"] if cids_of(row)[0] in subject.cids]
        return {"SDQOutputSet": [{**found, "totalCount": len(rows), "rows": rows}]}

    return changed(answer, change)


@pytest.mark.parametrize("habit", [as_usual, listed_once])
def test_a_daily_run_on_an_upstream_that_did_not_change_changes_nothing(
    daily: DailyRuns, light_gate: None, monkeypatch: pytest.MonkeyPatch, habit: Habit
) -> None:
    monkeypatch.setattr(extract, "ROUND_DAYS", 1.3)  # most units, but not those of the highest CIDs
    daily.upstream.habit = habit
    before = tables(daily, daily.publish(1))
    units = sum(row["collection"] != "properties" for row in before["work_list"])
    daily.upstream.forget()
    _, manifest = daily.candidate(2)
    assert not manifest.full and units / 2 < len(asked_for(daily.upstream)) < units
    after = tables(daily, manifest)
    for name in ("compounds", "trials", "trial_compounds"):
        assert after[name] == before[name], name


# --- what cannot be asked


@pytest.mark.whole_gate
@pytest.mark.parametrize(
    "fault",
    [{"kind": "rejected", "status": 500}, {"kind": "html", "status": 404}, {"kind": "ignored_filter"}],
    ids=["rejected", "not there", "answers for others"],
)
def test_a_collection_that_cannot_be_asked_fails_alone_and_is_not_promoted_as_empty(
    daily: DailyRuns, light_gate: None, fault: dict[str, Any]
) -> None:
    daily.upstream.faults([{**fault, "collection": "clinicaltrials_eu", "times": None}])
    run, manifest = daily.candidate(1)
    states = {(row["cid"], row["collection"]): row["state"] for row in daily.rows(manifest, "work_list")}
    failed = {key for key, state in states.items() if state == "failed"}
    assert failed == {key for key in states if key[1] == "clinicaltrials_eu"} != set()
    assert {row["collection"] for row in daily.rows(manifest, "trial_compounds")} == {
        "clinicaltrials",
        "clinicaltrials_jp",
    }
    if fault["kind"] != "html":
        assert daily.waits == [], "the same query would be answered in the same way"
    assert not pipeline.judge(run).passed
