"""Another server that answers the same with other habits ends in the same tables, or in a failure that says why.

Each habit is one that the contract leaves open, or that a server of other people's may well have.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from include import pipeline
from include.sources.pubchem import client, extract
from include.sources.pubchem.client import Asker
from include.sources.pubchem.records import Unit
from include.upstream.answers import ContractBreak, Transient
from tests.recordings.pubchem import replay
from tests.recordings.pubchem.conftest import Tables, World, Worlds
from tests.recordings.pubchem.replay import PRALSETINIB, Asked, PubChem, Reply, cids_of
from tests.sources.daily import DailyRuns

Habit = Callable[[Asked, Reply], Reply]


def is_json(reply: Reply) -> bool:
    return reply.body.startswith(b"{")


def of_json(change: Callable[[Any], Any]) -> Habit:
    """A habit about every JSON body."""
    return lambda _, reply: reply.with_data(change(reply.data())) if is_json(reply) else reply


def of_sets(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Habit:
    """A habit about the set in an answer of the SDQ interface."""

    def habit(asked: Asked, reply: Reply) -> Reply:
        if asked.kind != "trials" or reply.status != 200:
            return reply
        return reply.with_data({"SDQOutputSet": [change(one) for one in reply.data()["SDQOutputSet"]]})

    return habit


def of_rows(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Habit:
    """A habit about each row of trials."""
    return of_sets(lambda one: {**one, "rows": [change(row) for row in one["rows"]]})


def of_properties(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Habit:
    """A habit about the properties of each compound."""

    def habit(asked: Asked, reply: Reply) -> Reply:
        if asked.kind != "properties" or reply.status != 200:
            return reply
        rows = reply.data()["PropertyTable"]["Properties"]
        return reply.with_data({"PropertyTable": {"Properties": [change(row) for row in rows]}})

    return habit


def of_lists(change: Callable[[Reply], Reply]) -> Habit:
    """A habit about the lists of the classification."""
    return lambda asked, reply: change(reply) if asked.kind == "list" else reply


def typed(content_type: str | None, *, lists: bool) -> Habit:
    """A habit of calling JSON, or else the lists, something else."""
    return lambda asked, reply: (
        reply.with_header("Content-Type", content_type) if (asked.kind == "list") == lists else reply
    )


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


def with_unknown_keys(value: Any) -> Any:
    if isinstance(value, dict):
        known = {key: with_unknown_keys(item) for key, item in value.items()}
        return {"_new": [{"a": None}], **known, "zz": 1.5}
    return [with_unknown_keys(item) for item in value] if isinstance(value, list) else value


def without(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {key: value for key, value in row.items() if key not in names}


def rewritten_headers(change: Callable[[str], str]) -> Habit:
    return lambda _, reply: replace(
        reply, headers={change(name): text for name, text in reply.headers.items()}
    )


def hyphenated(row: dict[str, Any]) -> dict[str, Any]:
    column = "updatedate" if "updatedate" in row else "date"
    day = str(row[column]).replace("-", "")
    return {**row, column: f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00"}


def first_try(fault: Reply) -> Habit:
    return lambda asked, reply: fault if asked.number == 0 else reply


def both(*habits: Habit) -> Habit:
    """Several habits at once."""

    def habit(asked: Asked, reply: Reply) -> Reply:
        for one in habits:
            reply = one(asked, reply)
        return reply

    return habit


def renamed(**names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {names.get(key, key): value for key, value in row.items()}


HTML = replay.text("<!DOCTYPE html>\n<html><body>Service unavailable</body></html>", "text/html", 503)
SOON = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
REFUSALS = (
    HTML,
    HTML.with_header("Retry-After", SOON),
    HTML.with_header("Retry-After", "0"),
    HTML.with_header("Retry-After", "soon"),
    Reply(503, b"", {}),
    replay.text("Too many requests", status=429),
    replace(HTML, status=404),
)
"""One after the other, before the answer."""

HABITS: dict[str, Habit] = {
    "chunked, gzip, pretty JSON, header names in upper case": both(
        lambda _, reply: (
            replace(reply, body=json.dumps(reply.data(), indent=2).encode()) if is_json(reply) else reply
        ),
        lambda _, reply: replace(reply.with_header("Content-Encoding", "gzip"), chunked=True),
        rewritten_headers(str.upper),
    ),
    "no length, a final newline, a charset, no throttle header, header names in lower case": both(
        lambda _, reply: replace(reply, body=reply.body + b"\r\n") if is_json(reply) else reply,
        typed("application/json;charset=UTF-8", lists=False),
        typed("Text/Plain", lists=True),
        lambda _, reply: replace(reply.with_header("X-Throttling-Control", None), close=True),
        rewritten_headers(str.lower),
    ),
    "chunked": lambda _, reply: replace(reply, chunked=True),
    "lists with CRLF": of_lists(lambda reply: replace(reply, body=reply.body.replace(b"\n", b"\r\n"))),
    "lists in another order, with doubles, without a final newline": of_lists(
        lambda reply: replace(reply, body=b"\n".join(reply.body.split()[::-1] + reply.body.split()[:1]))
    ),
    "keys in another order, unknown keys, all columns": both(
        of_rows(lambda row: {**row, "gid": 17, "cid": 6, "phase_int": 3}),
        of_json(with_unknown_keys),
        of_json(reversed_keys),
    ),
    "no hits with a warning, error null, lists as arrays, cids of text, dates as numbers, null for empty": both(
        of_sets(
            lambda one: {**one, "status": {"code": 0, "error": None, "warning": ["eNoHitsFound (227.22)"]}}
        ),
        of_rows(lambda row: {**row, "cids": [str(cid) for cid in cids_of(row)]}),
        of_rows(lambda row: {**row, "conditions": row["conditions"].split("|")}),
        of_rows(
            lambda row: {
                **row,
                **{
                    name: int(str(row[name]).replace("-", ""))
                    for name in ("date", "updatedate")
                    if name in row
                },
            }
        ),
        of_rows(lambda row: {key: value if value != "" else None for key, value in row.items()}),
    ),
    "no hits without rows, cids with pipes and spaces, dates with a time and another name, no key for empty": both(
        of_sets(lambda one: one if one["rows"] else {**one, "rows": []}),
        of_rows(lambda row: {**row, "cids": " | ".join(map(str, cids_of(row))) + "|"}),
        of_rows(hyphenated),
        of_rows(renamed(updatedate="date")),
        of_rows(lambda row: {key: value for key, value in row.items() if value != ""}),
    ),
    "a single cid as number, cids twice, empty for absent": both(
        of_rows(lambda row: {**row, "cids": cids_of(row)[0] if len(cids_of(row)) == 1 else cids_of(row) * 2}),
        of_rows(lambda row: {"diseaseids": "", **row}),
    ),
    "properties in another order, masses as numbers, null for what is not computed": both(
        lambda asked, reply: (
            reply.with_data(
                {"PropertyTable": {"Properties": reply.data()["PropertyTable"]["Properties"][::-1]}}
            )
            if asked.kind == "properties" and reply.status == 200
            else reply
        ),
        of_properties(
            lambda row: {
                key: float(value) if key in {"MolecularWeight", "ExactMass", "MonoisotopicMass"} else value
                for key, value in row.items()
            }
        ),
        of_properties(lambda row: {"XLogP": None, "IUPACName": None, **row}),
    ),
    "both names of SMILES": of_properties(
        lambda row: {
            **row,
            **renamed(IsomericSMILES="SMILES", CanonicalSMILES="ConnectivitySMILES")(row),
            **renamed(SMILES="IsomericSMILES", ConnectivitySMILES="CanonicalSMILES")(row),
        }
    ),
    "seven kinds of refusals before every answer": lambda asked, reply: dict(enumerate(REFUSALS)).get(
        asked.number, reply
    ),
    "first a fault without a code": first_try(replay.answer({"Fault": {"Message": "busy"}}, 503)),
    "first a fault in text/plain with 200": first_try(
        replay.answer({"Fault": {"Code": "PUGREST.ServerBusy"}}, 200, {"Content-Type": "text/plain"})
    ),
    "first a fault that nobody knows behind 503": first_try(
        replay.answer({"Fault": {"Code": "PUGREST.Overloaded", "Message": "try later"}}, 503)
    ),
    "JSON as text/plain": typed("text/plain; charset=utf-8", lists=False),
    "JSON as application/octet-stream": typed("application/octet-stream", lists=False),
    "JSON as text/html": typed("text/html; charset=utf-8", lists=False),
    "JSON without a content type": typed(None, lists=False),
    "lists as application/json": typed("application/json", lists=True),
    "lists as application/octet-stream": typed("application/octet-stream", lists=True),
    "lists as text/html": typed("text/html; charset=utf-8", lists=True),
    "lists without a content type": typed(None, lists=True),
    "no hits with rows null": of_sets(lambda one: one if one["rows"] else {**one, "rows": None}),
    "a count as text": of_sets(lambda one: {**one, "totalCount": str(one["totalCount"])}),
    "a count as float": of_sets(lambda one: {**one, "totalCount": float(one["totalCount"])}),
    "a code as text": of_sets(lambda one: {**one, "status": {"code": "0"}}),
    "numbers of properties as text": of_properties(
        lambda row: {
            key: str(value) if isinstance(value, int | float) and key != "CID" else value
            for key, value in row.items()
        }
    ),
    "counts of properties as float": of_properties(
        lambda row: {
            key: float(value) if isinstance(value, int) and key != "CID" else value
            for key, value in row.items()
        }
    ),
    "empty for a property that is not computed": of_properties(lambda row: {"XLogP": "", **row}),
}


@pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS)
def test_the_tables_are_the_same(blank: World, small: PubChem, undisturbed: Tables, habit: Habit) -> None:
    small.habit = habit
    daily = daily_in(blank, small)
    _, manifest = daily.candidate(1)
    for name, expected in undisturbed.items():
        assert daily.rows(manifest, name) == expected, name
    assert manifest.quarantine.rows == 0


# --- Pages ------------------------------------------------------------------------------------------


def daily_in(world: World, upstream: PubChem) -> DailyRuns:
    return DailyRuns("pubchem", world.store, world.registry, upstream, attempts=8)


def all_at_once(asked: Asked, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


def two_at_most(asked: Asked, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows[asked.query["start"] - 1 :][: min(2, asked.query["limit"])]


def from_the_first(asked: Asked, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows[: asked.query["limit"]]


def paged(pubchem: PubChem, page: Callable[[Asked, list[dict[str, Any]]], list[dict[str, Any]]]) -> Habit:
    """A habit of giving other pages than those that were asked for, all columns and the declared count with them."""

    def habit(asked: Asked, reply: Reply) -> Reply:
        if asked.kind != "trials":
            return reply
        cid = int(asked.query["where"]["ands"][0]["cid"])
        rows = [row for row in pubchem.trials[asked.query["collection"]] if cid in cids_of(row)]
        if not rows:
            return reply
        data = {"status": {"code": 0}, "totalCount": len(rows), "rows": page(asked, rows)}
        return replay.answer({"SDQOutputSet": [data]})

    return habit


@pytest.mark.parametrize("page", [all_at_once, two_at_most])
def test_a_server_with_its_own_limit_gives_the_same_tables(
    blank: World,
    small: PubChem,
    undisturbed: Tables,
    page: Callable[[Asked, list[dict[str, Any]]], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "PAGE_ROWS", 1 if page is all_at_once else 1000)
    small.habit = paged(small, page)
    daily = daily_in(blank, small)
    _, manifest = daily.candidate(1)
    for name, expected in undisturbed.items():
        assert daily.rows(manifest, name) == expected, name


def test_a_server_that_ignores_start_gives_no_row_twice_and_no_part(
    blank: World, small: PubChem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE_ROWS", 2)
    small.habit = paged(small, from_the_first)
    daily = daily_in(blank, small)
    _, manifest = daily.candidate(1)
    states = {(row["cid"], row["collection"]): row["state"] for row in daily.rows(manifest, "work_list")}
    assert states[51, "clinicaltrials"] == "failed", "four rows were declared, two of them came"
    assert states[38, "clinicaltrials"] == "done"


# --- Nothing is not absence -------------------------------------------------------------------------

NOTHING: dict[str, Any] = {
    "an empty object": {},
    "no set": {"SDQOutputSet": []},
    "an empty set": {"SDQOutputSet": [{}]},
    "a set without a count": {"SDQOutputSet": [{"status": {"code": 0}, "collection": "clinicaltrials"}]},
    "a set with rows but no count": {"SDQOutputSet": [{"status": {"code": 0}, "rows": []}]},
    "an error beside code 0": {
        "SDQOutputSet": [{"status": {"code": 0, "error": "query timed out"}, "totalCount": 0, "rows": []}]
    },
    "an error without a code": {
        "SDQOutputSet": [{"status": {"error": "query timed out"}, "totalCount": 0, "rows": []}]
    },
    "the error of code -4 with 200": {
        "SDQOutputSet": [{"status": {"code": -4, "error": "..."}, "totalCount": 0}]
    },
}


@pytest.mark.parametrize("body", NOTHING.values(), ids=NOTHING)
def test_only_a_declared_count_of_0_says_that_a_compound_has_no_trials(
    blank: World, small: PubChem, body: dict[str, Any]
) -> None:
    small.habit = lambda asked, reply: replay.answer(body) if asked.kind == "trials" else reply
    asker = Asker(daily_in(blank, small).session())
    with pytest.raises((ContractBreak, Transient)):
        asker.trials(Unit(6, "clinicaltrials"))


@pytest.mark.parametrize("body", [{}, {"PropertyTable": {}}, {"PropertyTable": {"Properties": []}}], ids=str)
def test_an_empty_table_of_properties_does_not_say_that_pubchem_knows_none_of_them(
    blank: World, small: PubChem, body: dict[str, Any]
) -> None:
    small.habit = lambda asked, reply: replay.answer(body)
    found = Asker(daily_in(blank, small).session()).properties([6, 38, 51])
    assert {one.state for one in found} == {"failed"}


@pytest.mark.parametrize("body", [{}, {"IdentifierList": {}}, {"IdentifierList": {"CID": []}}], ids=str)
def test_only_not_found_is_remembered_as_the_absence_of_a_name(
    blank: World, small: PubChem, body: dict[str, Any]
) -> None:
    small.habit = lambda asked, reply: replay.answer(body)
    asker = Asker(daily_in(blank, small).session())
    with pytest.raises((ContractBreak, Transient)):
        asker.name("aspirin")


def test_rows_without_a_count_cannot_be_reconciled_and_the_reason_says_so(
    blank: World, small: PubChem
) -> None:
    small.habit = of_sets(without("totalCount"))
    asker = Asker(daily_in(blank, small).session())
    with pytest.raises(ContractBreak, match="totalCount"):
        asker.trials(Unit(6, "clinicaltrials"))


# --- What is not offered ----------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["clinicaltrials_eu", "clinicaltrials_jp"])
def test_a_sibling_that_is_not_offered_fails_alone(blank: World, small: PubChem, route: str) -> None:
    small.habit = lambda asked, reply: (
        replay.text("404 page not found", status=404)
        if asked.kind == "trials" and asked.query["collection"] == route
        else reply
    )
    daily = daily_in(blank, small)
    run, manifest = daily.candidate(1)
    states = {(row["cid"], row["collection"]): row["state"] for row in daily.rows(manifest, "work_list")}
    assert {key for key, state in states.items() if state == "failed"} == {
        key for key in states if key[1] == route
    }
    assert not pipeline.judge(run).passed


def test_names_that_cannot_be_asked_do_not_hold_up_the_trials(
    worlds: Worlds, with_studies: World, small: PubChem
) -> None:
    """Neither route of names is there: every name fails, and all the rest is published."""
    small.habit = lambda asked, reply: (
        replay.text("404 page not found", status=404) if asked.kind == "name" else reply
    )
    daily = daily_in(worlds(with_studies), small)
    _, manifest = daily.candidate(1)
    assert {row["state"] for row in daily.rows(manifest, "names")} == {"failed"}
    assert daily.rows(manifest, "trials")


# --- Data that a first version may have -------------------------------------------------------------


def test_compounds_without_a_title_as_recorded_are_published(blank: World, pubchem: PubChem) -> None:
    """No recorded answer with properties has a Title, and the contract says that it may be absent."""
    pubchem.habit = of_properties(without("Title"))
    daily = daily_in(blank, pubchem)
    run, _ = daily.candidate(1)
    assert pipeline.judge(run).reasons == []


def test_a_list_of_which_most_compounds_have_no_trials_is_published(
    recordings: Path, blank: World, pubchem: PubChem
) -> None:
    """The recorded rows are of 52 compounds, the recorded list has 11,851: here the first 200 of it."""
    more = replay.listed(recordings)[:200]
    pubchem.listed[replay.ALL] = sorted({*pubchem.listed[replay.ALL], *more})
    pubchem.listed[replay.CTGOV] = pubchem.listed[replay.ALL]
    for cid in more:
        pubchem.properties.setdefault(cid, replay.made_properties(recordings, cid))
    daily = daily_in(blank, pubchem)
    run, manifest = daily.candidate(1)
    assert {row["state"] for row in daily.rows(manifest, "work_list")} == {"done", "none"}
    assert pipeline.judge(run).reasons == []


def recorded_with(cid: int, row: dict[str, Any]) -> bool:
    """Whether a row was recorded among those of a compound: the twelve of the download all under one CID."""
    return cid in cids_of(row) and (PRALSETINIB not in cids_of(row) or cid == PRALSETINIB)


@pytest.mark.parametrize("only_as_recorded", [False, True], ids=["every compound of a row", "as recorded"])
def test_a_daily_run_on_an_upstream_that_did_not_change_changes_nothing(
    worlds: Worlds,
    published: World,
    pubchem: PubChem,
    only_as_recorded: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PubChem may list a trial under fewer compounds than its `cids` name; a day later that is no news."""
    monkeypatch.setattr(extract, "ROUND_DAYS", 1.3)  # most units, but not that of the highest CIDs
    if only_as_recorded:
        pubchem.belongs = recorded_with
        daily = daily_in(worlds(None), pubchem)
        before = daily.publish(1)
    else:
        daily = daily_in(published, pubchem)
        latest = daily.run(6).base
        assert latest is not None
        before = latest
    pubchem.forget()
    _, after = daily.candidate(6)
    asked = {each.about for each, _ in pubchem.asked if each.kind == "trials"}
    assert not after.full and 0 < len(asked) < 110
    for table in ("trial_compounds", "trials", "compounds"):
        assert daily.rows(after, table) == daily.rows(before, table), table


def test_each_row_is_a_link_with_the_compound_that_was_asked_for(blank: World, small: PubChem) -> None:
    """One trial, whose row names other compounds depending on whom it is asked for."""
    rows = [
        {**small.trials["clinicaltrials"][0], "ctid": "NCT00000009", "cids": [6, 38]},
        {**small.trials["clinicaltrials"][0], "ctid": "NCT00000009", "cids": [51]},
    ]
    small.trials["clinicaltrials"] = rows
    daily = daily_in(blank, small)
    _, manifest = daily.candidate(1)
    found = {
        row["cid"] for row in daily.rows(manifest, "trial_compounds") if row["trial_id"] == "NCT00000009"
    }
    assert found == {6, 38, 51}
