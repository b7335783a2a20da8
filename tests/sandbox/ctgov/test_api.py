"""The API as a client sees it (docs/upstreams/ctgov.md)."""

import gzip
import json
from collections.abc import Callable
from contextlib import closing
from datetime import date
from http.client import HTTPConnection
from itertools import pairwise
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.ctgov.api import Api
from sandbox.ctgov.corpus import LISTED, Corpus
from sandbox.ctgov.generator import Generator
from sandbox.ctgov.query import BadRequestError, read_token, write_token
from sandbox.ctgov.server import SampleUpstream

Get = Callable[..., requests.Response]
Study = dict[str, Any]
Truth = dict[str, Study]


def nct_id(study: Study) -> str:
    return str(study["protocolSection"]["identificationModule"]["nctId"])


def status(study: Study) -> Study:
    return dict(study["protocolSection"]["statusModule"])


def posted(study: Study) -> str:
    """LastUpdatePostDate, empty where there is none."""
    return str(status(study).get("lastUpdatePostDateStruct", {}).get("date", ""))


def ids(response: requests.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [nct_id(study) for study in response.json()["studies"]]


def refused(response: requests.Response) -> str:
    assert (response.status_code, response.headers["Content-Type"]) == (400, "text/plain; charset=UTF-8")
    return response.text


# --- version, one study, sizes


def test_version(get: Get) -> None:
    response = get("/version")
    assert response.json()["apiVersion"] == "2.0.5"
    assert response.json()["dataTimestamp"].startswith("2026-11-16T09:00:0")
    assert response.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_one_study_is_the_one_of_the_list(get: Get, truth: Truth) -> None:
    name, study = next(iter(truth.items()))
    assert get(f"/studies/{name}").json() == study
    assert get(f"/studies/nct0{name[3:]}").json() == study
    assert get(f"/studies/{name}", fields="OverallStatus").json() == {
        "protocolSection": {"statusModule": {"overallStatus": status(study)["overallStatus"]}}
    }


def test_an_alias_is_redirected_to_its_study(get: Get, truth: Truth) -> None:
    name, alias = next(
        (nct_id, module["nctIdAliases"][0])
        for nct_id, study in truth.items()
        if "nctIdAliases" in (module := study["protocolSection"]["identificationModule"])
    )
    response = get(f"/studies/{alias}")
    assert (response.status_code, response.headers["Location"]) == (301, f"/api/v2/studies/{name}")


def test_a_study_that_is_none(get: Get) -> None:
    response = get("/studies/NCT99999999")
    assert (response.status_code, response.text) == (404, "NCT number NCT99999999 not found")
    assert response.headers["Content-Type"] == "text/plain; charset=UTF-8"


@pytest.mark.parametrize("name", ["NCT", "NCT00000000", "NCT123456789", "X01234567", "NCT0123456a"])
def test_an_id_of_another_form_is_refused(get: Get, name: str) -> None:
    assert refused(get(f"/studies/{name}")) == "Parameter `nctId` has incorrect format"


def test_sizes(get: Get, truth: Truth) -> None:
    sizes = get("/stats/size").json()
    assert sizes["totalStudies"] == len(truth)
    assert sizes["averageSizeBytes"] == pytest.approx(8_000, rel=0.5)
    assert sizes["largestStudies"][0]["id"] in truth


@pytest.mark.parametrize("path", ["/studies/enums/x", "/nothing", "/stats"])
def test_what_is_not_served(get: Get, path: str) -> None:
    assert get(path).status_code in (400, 404)


# --- the list


def test_a_page_without_parameters_holds_ten_whole_studies_one_per_line(get: Get, truth: Truth) -> None:
    response = get("/studies")
    body = response.json()
    assert list(body) == ["studies", "nextPageToken"]
    assert [truth[nct_id(study)] for study in body["studies"]] == body["studies"]
    first, *lines, last = response.content.split(b"\n")
    assert first == b'{"studies":['
    assert [json.loads(line.removesuffix(b",")) for line in lines] == body["studies"]
    assert last.startswith(b'],"nextPageToken":"')
    assert len(lines) == 10


@pytest.mark.parametrize(
    ("asked", "given"), [("0", 10), ("1", 1), ("250", 250), ("5000", 300), ("999999999", 300)]
)
def test_page_size_zero_is_ten_and_large_ones_are_cut_silently(get: Get, asked: str, given: int) -> None:
    response = get("/studies", pageSize=asked, fields="NCTId")
    assert len(ids(response)) == given
    assert ("nextPageToken" in response.json()) == (given < 300)


def test_page_size_ends_at_a_thousand() -> None:
    api = Api(corpus := Corpus(1_200, 1), Generator(corpus))
    page = json.loads(
        b"".join(api.answer("/api/v2/studies", {"pageSize": "1200", "fields": "NCTId"}, None, {}).parts)
    )
    assert len(page["studies"]) == 1_000


def test_the_total_is_on_the_first_page_only_and_exact(get: Get, truth: Truth) -> None:
    first = get("/studies", countTotal="true", pageSize=299, fields="NCTId").json()
    assert list(first) == ["totalCount", "studies", "nextPageToken"]
    assert first["totalCount"] == len(truth) == 300
    second = get(
        "/studies", countTotal="true", pageSize=299, fields="NCTId", pageToken=first["nextPageToken"]
    ).json()
    assert "totalCount" not in second
    assert len(second["studies"]) == 1


def test_a_full_last_page_has_a_token_and_the_page_after_it_is_empty(get: Get) -> None:
    first = get("/studies", pageSize=300, fields="NCTId").json()
    empty = get("/studies", pageSize=300, fields="NCTId", pageToken=first["nextPageToken"])
    assert empty.text == '{"studies":[  ]}'


def test_a_token_used_with_other_parameters_gives_the_other_query_at_the_old_offset(get: Get) -> None:
    token = get("/studies", pageSize=7, sort="LastUpdatePostDate", fields="NCTId").json()["nextPageToken"]
    other = {"sort": "StudyFirstPostDate:asc", "fields": "NCTId"}
    assert (
        ids(get("/studies", pageSize=5, pageToken=token, **other))
        == ids(get("/studies", pageSize=12, **other))[7:]
    )


@pytest.mark.parametrize("token", ["", "abc", "x" * 11, "%%%", "A" * 51, "é"])
def test_a_token_that_is_none_is_refused(get: Get, token: str) -> None:
    assert refused(get("/studies", pageToken=token)) == "Parameter `pageToken` has incorrect format"


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1), st.integers(0, 2**63))
def test_tokens_are_opaque_text_of_11_to_50_characters(offset: int, day: int, seed: int) -> None:
    token = write_token(offset, day, seed)
    assert 11 <= len(token) <= 50
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert read_token(token, seed) == offset


@given(st.text(max_size=60))
def test_a_token_is_read_or_refused(text: str) -> None:
    try:
        read_token(text, 7)
    except BadRequestError as refusal:
        assert str(refusal) == "Parameter `pageToken` has incorrect format"


# --- filters


def test_ids_are_found_by_comma_or_pipe_and_by_alias(get: Get, truth: Truth) -> None:
    names = list(truth)[3:6]
    assert set(ids(get("/studies", filter__ids=",".join(names)))) == set(names)
    assert set(ids(get("/studies", filter__ids="|".join(name.lower() for name in names)))) == set(names)
    assert ids(get("/studies", filter__ids=f"{names[0]},{names[0]}, {names[0]}")) == names[:1]
    name, alias = next(
        (name, study["protocolSection"]["identificationModule"]["nctIdAliases"][0])
        for name, study in truth.items()
        if "nctIdAliases" in study["protocolSection"]["identificationModule"]
    )
    assert ids(get("/studies", filter__ids=alias)) == [name]


def test_unknown_ids_are_no_error(get: Get) -> None:
    response = get("/studies", filter__ids="NCT99999999", countTotal="true")
    assert (response.status_code, response.text) == (200, '{"totalCount":0,"studies":[  ]}')


@pytest.mark.parametrize(("text", "item"), [("x", 1), ("NCT00000102,NCT", 2), ("", 1), ("NCT00000102,", 2)])
def test_malformed_ids_are_refused(get: Get, text: str, item: int) -> None:
    assert (
        refused(get("/studies", filter__ids=text))
        == f"Item {item} in parameter `filter.ids` has incorrect format"
    )


@pytest.mark.parametrize("text", ["RECRUITING", "COMPLETED,UNKNOWN", "WITHHELD|AVAILABLE"])
def test_statuses_are_filtered(get: Get, truth: Truth, text: str) -> None:
    wanted = set(text.replace("|", ",").split(","))
    expected = {name for name, study in truth.items() if status(study)["overallStatus"] in wanted}
    assert expected
    assert set(ids(get("/studies", filter__overallStatus=text, pageSize=1000))) == expected


def test_an_unknown_status_is_refused(get: Get) -> None:
    text = refused(get("/studies", filter__overallStatus="COMPLETED,NOT_A_STATUS"))
    assert text == "Invalid value in parameter `overallStatus`: `NOT_A_STATUS`"


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("AREA[LastUpdatePostDate]RANGE[2020-01-01,MAX]", lambda last, _: last >= "2020-01-01"),
        ("AREA[LastUpdatePostDate]RANGE[MIN, 2010-12-31]", lambda last, _: last <= "2010-12-31"),
        ("AREA[StudyFirstPostDate]RANGE[2015-01-01,2019-12-31]", lambda _, first: "2015" <= first < "2020"),
        ("AREA[LastUpdatePostDate]RANGE[MIN,MAX]", lambda *_: True),
        (
            "AREA[StudyFirstPostDate]RANGE[MIN,2012-01-01]"
            " AND AREA[LastUpdatePostDate] RANGE[2020-06-01, MAX]",
            lambda last, first: first <= "2012-01-01" and last >= "2020-06-01",
        ),
    ],
)
@pytest.mark.parametrize("parameter", ["filter__advanced", "postFilter__advanced"])
def test_date_ranges_are_filtered_with_both_ends(
    get: Get, truth: Truth, text: str, holds: Callable[[str, str], bool], parameter: str
) -> None:
    expected = {
        name
        for name, study in truth.items()
        if (last := posted(study)) and holds(last, status(study)["studyFirstPostDateStruct"]["date"])
    }
    assert 0 < len(expected) < len(truth)  # one study has no dates, so that not even MIN to MAX finds it
    assert set(ids(get("/studies", pageSize=1000, **{parameter: text}))) == expected


def test_a_range_holds_its_ends(get: Get, truth: Truth) -> None:
    day = max(map(posted, truth.values()))
    text = f"AREA[LastUpdatePostDate]RANGE[{day},{day}]"
    found = ids(get("/studies", filter__advanced=text, pageSize=1000))
    assert found and set(found) == {name for name, study in truth.items() if posted(study) == day}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AREA[NotARealField]RANGE[MIN,MAX]", "Unknown area name: `NotARealField`"),
        ("AREA[StartDate]RANGE[MIN,MAX]", "area `StartDate` is not served by the sample upstream"),
        ("AREA[LastUpdatePostDate]RANGE[2026-13-01,MAX]", "Invalid date: `2026-13-01`"),
        ("AREA[LastUpdatePostDate]RANGE[min,MAX]", "Invalid date: `min`"),
        ("AREA[LastUpdatePostDate]RANGE[MAX,MIN]", "Invalid date: `MAX`"),
        ("heart attack", "cannot read `heart attack`"),
        ("", "cannot read ``"),
        ("AREA[LastUpdatePostDate]RANGE[MIN,MAX] and AREA[LastUpdatePostDate]RANGE[MIN,MAX]", "cannot read"),
        ("AREA[LastUpdatePostDate]RANGE[MIN,MAX] OR AREA[LastUpdatePostDate]RANGE[MIN,MAX]", "cannot read"),
    ],
)
def test_advanced_filters_beyond_the_subset_are_refused(get: Get, text: str, message: str) -> None:
    answer = refused(get("/studies", filter__advanced=text))
    assert answer.startswith(f"Error parsing query in advanced filter: {message}")


def test_filters_hold_together(get: Get, truth: Truth) -> None:
    names = list(truth)[:200]
    expected = {
        name
        for name in names[50:]
        if status(truth[name])["overallStatus"] == "COMPLETED" and posted(truth[name]) >= "2015-01-01"
    }
    found = get(
        "/studies",
        filter__ids=",".join(names),
        postFilter__ids=",".join(list(truth)[50:]),
        filter__overallStatus="COMPLETED,UNKNOWN",
        postFilter__overallStatus="COMPLETED",
        filter__advanced="AREA[LastUpdatePostDate]RANGE[2015-01-01,MAX]",
        pageSize=1000,
    )
    assert expected and set(ids(found)) == expected


# --- order


@pytest.mark.parametrize(
    ("sort", "key", "descending"),
    [
        ("LastUpdatePostDate", "lastUpdatePostDateStruct", True),
        ("LastUpdatePostDate:asc", "lastUpdatePostDateStruct", False),
        ("StudyFirstPostDate:desc", "studyFirstPostDateStruct", True),
        ("StartDate:asc", "startDateStruct", False),
        ("protocolSection.statusModule.startDateStruct.date:desc", "startDateStruct", True),
    ],
)
def test_dates_are_sorted_newest_first_unless_told_and_missing_ones_last(
    get: Get, sort: str, key: str, descending: bool
) -> None:
    studies = get("/studies", sort=sort, pageSize=1000, fields="NCTId,StatusModule").json()["studies"]
    values = [status(study).get(key, {}).get("date") for study in studies]
    known = [value for value in values if value is not None]
    assert 0 < values.count(None) < 10
    assert values[len(known) :] == [None] * values.count(None)
    months = [
        value[:7] for value in known
    ]  # a month-only date counts as its first or as any day of the month
    assert months == sorted(months, reverse=descending)


def test_numbers_are_sorted_smallest_first_unless_told(get: Get) -> None:
    def counts(sort: str) -> list[int]:
        studies = get("/studies", sort=sort, pageSize=1000, fields="EnrollmentCount").json()["studies"]
        found = [s.get("protocolSection", {}) for s in studies]
        return [s["designModule"]["enrollmentInfo"]["count"] if s else -1 for s in found]

    up, down = counts("EnrollmentCount"), counts("EnrollmentCount:desc")
    missing = up.count(-1)
    assert missing and up[-missing:] == down[-missing:] == [-1] * missing
    assert up[:-missing] == sorted(up[:-missing]) == down[:-missing][::-1]


def test_the_second_sort_field_breaks_ties(get: Get) -> None:
    parameters = {"sort": "EnrollmentCount,LastUpdatePostDate:asc", "pageSize": 1000}
    found = get("/studies", **parameters, fields="NCTId,EnrollmentCount,LastUpdatePostDate").json()
    keys = [
        (s["protocolSection"]["designModule"]["enrollmentInfo"]["count"], posted(s))
        for s in found["studies"]
        if "designModule" in s["protocolSection"]
    ]
    ties = [(a[1], b[1]) for a, b in pairwise(keys) if a[0] == b[0]]
    assert ties and all(a <= b for a, b in ties)


@pytest.mark.parametrize(
    ("sort", "message"),
    [
        ("BriefTitle", "Unsupported sort field type: text"),
        ("NCTId:asc", "Unsupported sort field type: text"),
        ("NoSuchField", "Unknown sort field: NoSuchField"),
        ("StartDate:up", "Invalid sort direction: up"),
        ("StartDate,EnrollmentCount,LastUpdatePostDate", "Too many sort fields: 3"),
        ("CompletionDate", "Sort field CompletionDate is not served by the sample upstream"),
    ],
)
def test_other_orders_are_refused(get: Get, sort: str, message: str) -> None:
    assert refused(get("/studies", sort=sort)) == message


def test_without_sort_the_order_means_nothing_but_is_stable_within_a_data_version(
    get: Get, truth: Truth
) -> None:
    first, second = (ids(get("/studies", pageSize=300, fields="NCTId")) for _ in range(2))
    assert first == second
    assert first not in (sorted(first), sorted(first, reverse=True))
    assert ids(get("/studies", pageSize=300, fields="NCTId", sort="@relevance")) == first


# --- fields and other parameters


def test_fields_take_pieces_modules_and_paths(get: Get, truth: Truth) -> None:
    fields = "NCTId|StatusModule,protocolSection.designModule.enrollmentInfo.count,HasResults"
    for study in get("/studies", fields=fields, pageSize=50).json()["studies"]:
        whole = truth[nct_id(study)]
        assert study["hasResults"] == whole["hasResults"]
        protocol = study["protocolSection"]
        assert protocol["statusModule"] == whole["protocolSection"]["statusModule"]
        assert set(protocol) <= {"identificationModule", "statusModule", "designModule"}
        if "designModule" in protocol:
            assert list(protocol["designModule"]["enrollmentInfo"]) == ["count"]


@pytest.mark.parametrize("name", ["StudyDesign", "nctid", "protocolSection.nothing", ""])
@pytest.mark.parametrize("path", ["/studies", "/studies/NCT00000102"])
def test_unknown_fields_are_refused(get: Get, name: str, path: str) -> None:
    assert (
        refused(get(path, fields=f"NCTId,{name}"))
        == f"Parameter 'fields' contains invalid field name: '{name}'"
    )


@pytest.mark.parametrize("name", ["filter.phase", "filter.hasResults", "query.recrs", "filter", "pagesize"])
def test_unknown_parameters_are_refused(get: Get, name: str) -> None:
    assert refused(get("/studies", **{name: "1"})) == f"`{name}` is unknown parameter"


@pytest.mark.parametrize(
    "name", ["query.cond", "query.term", "aggFilters", "filter.geo", "postFilter.synonyms"]
)
def test_parameters_of_upstream_that_the_sample_lacks_are_refused_as_such(get: Get, name: str) -> None:
    assert (
        refused(get("/studies", **{name: "1"})) == f"Parameter `{name}` is not served by the sample upstream"
    )


def test_format_and_markup_have_one_value_each(get: Get) -> None:
    assert ids(get("/studies", format="json", markupFormat="markdown", pageSize=1))
    assert refused(get("/studies", format="csv")) == "Invalid value in parameter `format`: `csv`"
    assert (
        refused(get("/studies", markupFormat="legacy"))
        == "Invalid value in parameter `markupFormat`: `legacy`"
    )


@pytest.mark.parametrize(("name", "value"), [("pageSize", "-1"), ("pageSize", "x"), ("countTotal", "yes")])
def test_values_of_the_wrong_type_are_refused(get: Get, name: str, value: str) -> None:
    assert refused(get("/studies", **{name: value})) == f"Invalid value in parameter `{name}`: `{value}`"


# --- HTTP


def test_one_tag_serves_the_whole_dataset_until_the_version_moves(
    upstream: SampleUpstream, get_own: Get
) -> None:
    tag = get_own("/version").headers["ETag"]
    paths: list[tuple[str, dict[str, Any]]] = [
        ("/version", {}), ("/studies", {"pageSize": 3}), ("/stats/size", {}),
        (f"/studies/{nct_id(next(upstream.studies()))}", {}),
    ]  # fmt: skip
    for path, parameters in paths:
        response = get_own(path, headers={"If-None-Match": tag}, **parameters)
        assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", tag)
        assert get_own(path, headers={"If-None-Match": '"other"'}, **parameters).status_code == 200
    assert get_own("/studies", headers={"If-None-Match": tag}, fields="x").status_code == 400
    upstream.advance()
    moved = get_own("/version", headers={"If-None-Match": tag})
    assert moved.status_code == 200 and moved.headers["ETag"] != tag


def test_answers_are_compressed_for_those_who_ask(
    get: Get, session: requests.Session, served: SampleUpstream
) -> None:
    url = f"{served.url}/api/v2/studies"
    with session.get(url, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=60) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        content = packed.raw.read(decode_content=False)
    with session.get(url, headers={"Accept-Encoding": "identity"}, timeout=60) as plain:
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(content) == plain.content


def test_compression_can_be_switched_off(session: requests.Session) -> None:
    with SampleUpstream(size=10, compress=False) as upstream:
        response = session.get(
            f"{upstream.url}/api/v2/version", headers={"Accept-Encoding": "gzip"}, timeout=60
        )
        assert "Content-Encoding" not in response.headers


def test_only_get_is_allowed(session: requests.Session, served: SampleUpstream) -> None:
    response = session.post(f"{served.url}/api/v2/studies", data=b"x" * 1000, timeout=60)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET")


def test_one_connection_serves_many_requests(served: SampleUpstream) -> None:
    with closing(HTTPConnection(served.url.removeprefix("http://"), timeout=60)) as connection:
        sockets = set()
        for path in ("/version", "/studies", "/nothing", "/studies?fields=x"):
            connection.request("GET", f"/api/v2{path}")
            connection.getresponse().read()
            sockets.add(connection.sock)
        assert len(sockets) == 1 and None not in sockets


def test_requests_are_logged(upstream: SampleUpstream, get_own: Get) -> None:
    get_own("/version")
    get_own("/studies", filter__ids="x")
    get_own("/_sandbox/state")
    log = [(r.method, r.path, r.params, r.status) for r in upstream.requests]
    assert log == [("GET", "/api/v2/version", {}, 200), ("GET", "/api/v2/studies", {"filter.ids": "x"}, 400)]
    assert upstream.requests.maxlen == 10_000


def test_nothing_answers_after_the_end(session: requests.Session) -> None:
    with SampleUpstream(size=10) as upstream:
        url = f"{upstream.url}/api/v2/version"
        assert session.get(url, timeout=60).ok
    with pytest.raises(requests.ConnectionError):
        session.get(url, timeout=60)
    with pytest.raises(RuntimeError, match="context manager"):
        _ = upstream.url


# --- walks


class Walker:
    """Walks through one corpus without HTTP."""

    def __init__(self, size: int, day: int) -> None:
        self.corpus = Corpus(size, 7, day)
        self.generator = Generator(self.corpus, 0)
        self.api = Api(self.corpus, self.generator)
        listed = [i for i in range(len(self.corpus)) if self.corpus.row(i).state == LISTED]
        self.truth = {nct_id(study): status(study) for study in map(self.generator.study, listed)}

    def page(self, parameters: dict[str, str]) -> dict[str, Any]:
        answer = self.api.answer("/api/v2/studies", parameters, None, {})
        assert answer.status == 200, answer.parts
        return dict(json.loads(b"".join(answer.parts)))


@pytest.fixture(scope="module")
def walker() -> Walker:
    return Walker(230, 4)


DAYS = st.dates(date(1999, 1, 1), date(2026, 12, 1))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_walk_meets_every_matching_study_exactly_once(walker: Walker, data: st.DataObject) -> None:
    low, high = sorted((data.draw(DAYS).isoformat(), data.draw(DAYS).isoformat()))
    wanted = data.draw(st.sets(st.sampled_from(["COMPLETED", "UNKNOWN", "RECRUITING"])))
    parameters = {"fields": "NCTId", "countTotal": "true"}
    ranged = data.draw(st.booleans())
    if ranged:
        parameters["filter.advanced"] = f"AREA[LastUpdatePostDate]RANGE[{low},{high}]"
    if wanted:
        parameters["filter.overallStatus"] = "|".join(wanted)
    if data.draw(st.booleans()):
        parameters["sort"] = data.draw(
            st.sampled_from(["LastUpdatePostDate", "EnrollmentCount:desc,StartDate"])
        )
    expected = [
        name
        for name, module in walker.truth.items()
        if (not wanted or module["overallStatus"] in wanted)
        and (not ranged or low <= module.get("lastUpdatePostDateStruct", {}).get("date", "") <= high)
    ]

    met: list[str] = []
    total = None
    token = None
    while True:
        size = data.draw(st.sampled_from([1, 7, 50, 100, 1000]) if len(met) > 3 else st.just(50))
        page = walker.page(parameters | {"pageSize": str(size)} | ({"pageToken": token} if token else {}))
        total = page.get("totalCount", total)
        met += [nct_id(study) for study in page["studies"]]
        assert ("nextPageToken" in page) == (len(page["studies"]) == size)
        if "nextPageToken" not in page:
            break
        token = page["nextPageToken"]
    assert sorted(met) == sorted(expected)
    assert total == len(expected)


def test_month_slices_by_first_post_date_cover_everything_dated(walker: Walker) -> None:
    edges = [f"{year}-{month:02d}-01" for year in range(1999, 2028) for month in (1, 7)]
    met: list[str] = []
    for low, high in pairwise(edges):
        text = f"AREA[StudyFirstPostDate]RANGE[{low},{high}]"
        met += [nct_id(s) for s in walker.page({"filter.advanced": text, "pageSize": "1000"})["studies"]]
    dated = [name for name, module in walker.truth.items() if "studyFirstPostDateStruct" in module]
    assert set(met) == set(dated)
