"""Rows of trials as a client sees them (docs/upstreams/pubchem.md)."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.pubchem import sdq
from sandbox.pubchem.server import SampleUpstream
from sandbox.pubchem.trials import COLLECTIONS
from sandbox.pubchem.world import World

COMMON = ["cids", "link", "title", "conditions", "interventions", "phase", "status", "diseaseids"]
COLUMNS = {
    "clinicaltrials": ["ctid", *COMMON, "updatedate"],
    "clinicaltrials_eu": ["eudractnumber", *COMMON, "date"],
    "clinicaltrials_jp": ["ctid", *COMMON, "date"],
}


def cids_of(row: dict[str, Any]) -> list[int]:
    cids = row["cids"]
    return [int(cid) for cid in cids.split("|")] if isinstance(cids, str) else list(cids)


def date_of(row: dict[str, Any]) -> date:
    return date.fromisoformat(str(row.get("updatedate", row.get("date"))))


def id_of(row: dict[str, Any]) -> str:
    return str(row.get("ctid", row.get("eudractnumber")))


def walk(ask: Any, limit: int, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = ask.trials(start=len(rows) + 1, limit=limit, **query)
        if not page["rows"]:
            return rows
        rows += page["rows"]


# --- rows


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_rows_say_what_the_trials_are(ask: Any, served: SampleUpstream, collection: Any) -> None:
    truth = served.trials()
    compared = 0
    for cid in sorted(served.listed(collection))[::7]:
        found = ask.trials(cid=cid, collection=collection, select=COLUMNS[collection])
        trials = {name: trial for (c, name), trial in truth.items() if c == collection and cid in trial.cids}
        assert found["totalCount"] == len(found["rows"]) == len(trials)
        assert {id_of(row) for row in found["rows"]} == trials.keys()
        for row in found["rows"]:
            trial = trials[id_of(row)]
            assert tuple(cids_of(row)) == trial.cids and cid in trial.cids
            assert date_of(row).toordinal() == trial.updated
            for name in ("link", "title", "conditions", "interventions", "phase", "status"):
                assert row[name] == getattr(trial, name)
            assert row.get("diseaseids", "") == "|".join(map(str, trial.disease_ids))
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_row_has_the_columns_of_its_collection(ask: Any, collection: Any) -> None:
    everything = {name for row in walk(ask, 500, collection=collection) for name in row}
    assert everything == {*COLUMNS[collection], "gid"}
    some = ask.trials(collection=collection, select=["title", COLUMNS[collection][0]])["rows"][0]
    assert list(some) == ["title", COLUMNS[collection][0]]


def test_lists_and_dates_come_in_every_form(ask: Any) -> None:
    rows = walk(ask, 1000)
    assert {type(row["cids"]) for row in rows} == {list, str}
    dates = {(type(row["updatedate"]), len(str(row["updatedate"]))) for row in rows}
    assert dates == {(str, 10), (str, 8), (int, 8)}
    assert {type(row["cids"]) for row in walk(ask, 1000, collection="clinicaltrials_jp")} == {str}
    assert any("diseaseids" not in row for row in rows)
    assert {"", "N/A", "Phase 1/Phase 2"} <= {row["phase"] for row in rows}


def test_a_product_is_named_while_all_compounds_are_listed(ask: Any, served: SampleUpstream) -> None:
    collection = "clinicaltrials_eu"
    rows = [row for row in walk(ask, 1000, collection=collection, where={}) if len(cids_of(row)) > 2]
    assert rows
    assert all("|" not in row["interventions"] for row in rows)


def test_hostile_text_arrives_as_it_is(ask: Any) -> None:
    titles = [row["title"] for row in walk(ask, 1000, where={})]
    for text in ("\x00", "<script>", "=cmd|", '"quoted"', "高血圧症", "\x1b"):
        assert any(text in title for title in titles), text


# --- paging


@pytest.mark.parametrize("limit", [1000, 400, 7])
def test_pages_add_up_to_the_declared_count(ask: Any, served: SampleUpstream, limit: int) -> None:
    cid = 2244 if limit > 7 else 4091
    rows = walk(ask, limit, cid=cid, order=["updatedate,desc"])
    names = [id_of(row) for row in rows]
    truth = {name for collection, name, c in served.links() if collection == "clinicaltrials" and c == cid}
    assert len(names) == len(set(names)) == ask.trials(cid=cid)["totalCount"]
    assert set(names) == truth
    days = [date_of(row) for row in rows]
    assert days == sorted(days, reverse=True)


def test_ten_rows_come_unless_a_limit_is_given(ask: Any) -> None:
    query = {"select": "*", "collection": "clinicaltrials", "where": {"ands": [{"cid": "2244"}]}}
    assert len(ask.trials(**query, limit=10)["rows"]) == 10
    assert sdq.parse({"query": '{"collection": "clinicaltrials"}'}).limit == 10


@pytest.mark.parametrize("query", [{"start": 5_000}, {"cid": 1}, {"cid": 999_999_999}])
def test_past_the_end_nothing_is_declared(ask: Any, query: dict[str, Any]) -> None:
    found = ask.trials(**query)
    assert (found["totalCount"], found["rows"]) == (0, [])
    assert found["status"] == {"code": 0, "warning": ["eNoHitsFound (227.22)"]}


@pytest.mark.parametrize(
    "order", [["updatedate,asc"], ["status,desc", "updatedate,asc"], ["cids"], ["ctid,desc"]]
)
def test_rows_can_be_ordered(ask: Any, order: list[str]) -> None:
    rows = ask.trials(order=order, limit=300)["rows"]
    column, _, direction = order[0].partition(",")
    values: list[Any] = [
        date_of(row) if column == "updatedate" else cids_of(row) if column == "cids" else row[column]
        for row in rows
    ]
    assert values == sorted(values, reverse=direction == "desc")


# --- conditions


def test_several_compounds_must_all_be_in_a_row(ask: Any, served: SampleUpstream) -> None:
    pair = next(
        trial.cids[:2]
        for trial in served.trials().values()
        if len(trial.cids) > 1 and trial.collection == "clinicaltrials"
    )
    found = ask.trials(where={"ands": [{"cid": pair[0]}, {"cid": str(pair[1])}]})
    assert found["totalCount"] > 0
    assert all(set(pair) <= set(cids_of(row)) for row in found["rows"])


@pytest.mark.parametrize(
    "where", [{}, {"ands": []}, {"ands": [{"gene": "EGFR"}]}, {"ors": [{"cid": "2244"}]}]
)
def test_other_conditions_are_silently_ignored(ask: Any, served: SampleUpstream, where: Any) -> None:
    collection = "clinicaltrials_eu"
    everything = sum(key[0] == collection for key in served.trials())
    assert ask.trials(collection=collection, where=where)["totalCount"] == everything


def test_counts_of_all_collections(ask: Any, served: SampleUpstream) -> None:
    response = ask.query(collection="*", hide="*", select=None)
    links = served.links()
    assert response.json()["SDQOutputSet"] == [
        {"status": {"code": 0}, "totalCount": count, "collection": collection}
        for collection in COLLECTIONS
        if (count := sum(link[0] == collection and link[2] == 2244 for link in links))
    ]
    assert ask.query(collection="*", hide="*", select=None, cid=1).json() == {"SDQOutputSet": []}


# --- rejected queries


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"collection": "chembldrug"}, "chembldrug"),
        ({"collection": "*"}, "*"),
        ({"select": ["ctid", "sponsor"]}, "sponsor"),
        ({"select": ["ctid"], "collection": "clinicaltrials_eu"}, "ctid"),
        ({"select": ["date"]}, "date"),
        ({"select": []}, "select"),
        ({"select": None}, "select"),
        ({"select": "ctid"}, "select"),
        ({"order": ["date,desc"]}, "date"),
        ({"order": ["updatedate,down"]}, "down"),
        ({"start": 0}, "start"),
        ({"limit": 0}, "limit"),
        ({"start": "first"}, "start"),
        ({"where": [1]}, "where"),
    ],
)
def test_a_bad_query_is_rejected_with_the_reason(ask: Any, query: dict[str, Any], named: str) -> None:
    response = ask.query(**query)
    assert response.status_code == 500
    (found,) = response.json()["SDQOutputSet"]
    assert found["status"]["code"] == -4 and found["totalCount"] == 0
    assert named in found["status"]["error"]
    assert "rows" not in found


@pytest.mark.parametrize("parameters", [{}, {"query": ""}, {"query": "{"}, {"query": "[]"}])
def test_what_is_no_query_is_rejected(ask: Any, parameters: dict[str, str]) -> None:
    response = ask.get("/sdq/sdqagent.cgi", parameters)
    assert response.status_code == 500
    assert response.json()["SDQOutputSet"][0]["status"]["code"] == -4


@given(query=st.text(max_size=60))
def test_no_text_breaks_the_reader_of_queries(query: str) -> None:
    try:
        found = sdq.parse({"query": query})
    except sdq.RejectedError:
        return
    assert found.start >= 1


@settings(max_examples=60, deadline=None)
@given(
    start=st.integers(1, 1_200), limit=st.integers(1, 1_100), order=st.sampled_from([[], ["updatedate,desc"]])
)
def test_any_page_is_that_part_of_the_whole(start: int, limit: int, order: list[str]) -> None:
    world = _small()
    query = sdq.Query("clinicaltrials", ["ctid"], None, {"ands": [{"cid": "2244"}]}, order, 1, 10_000)
    whole = sdq.answer(world, query, {})
    query.start, query.limit = start, limit
    page = sdq.answer(world, query, {})
    names, total = _names(whole)
    assert _names(page)[0] == names[start - 1 : start - 1 + limit]
    assert _names(page)[1] == (total if start <= total else 0)


def _names(body: bytes) -> tuple[list[str], int]:
    import json

    (found,) = json.loads(body)["SDQOutputSet"]
    return [row["ctid"] for row in found["rows"]], found["totalCount"]


def _small(worlds: list[World] = []) -> World:  # noqa: B006  (made once)
    if not worlds:
        worlds.append(World(30, 3))
    return worlds[0]
