"""Every way in which the sample upstream can misbehave, and when it does."""

import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import requests

from sandbox.ctgov.faults import Fault
from sandbox.ctgov.server import SampleUpstream

Get = Callable[..., requests.Response]


def names(response: requests.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [s["protocolSection"]["identificationModule"]["nctId"] for s in response.json()["studies"]]


def walk(get: Get, pages: int = 50, **parameters: Any) -> list[list[str]]:
    """The ids of each page, at most so many pages."""
    met: list[list[str]] = []
    token: dict[str, str] = {}
    while len(met) < pages:
        response = get("/studies", fields="NCTId", pageSize=25, **parameters, **token)
        met.append(names(response))
        if "nextPageToken" not in response.json():
            break
        token = {"pageToken": response.json()["nextPageToken"]}
    return met


# --- what goes wrong


def test_too_many_requests_with_and_without_retry_after(upstream: SampleUpstream, get_own: Get) -> None:
    upstream.faults([{"kind": "too_many_requests", "times": 2, "retry_after": 7}])
    for _ in range(2):
        response = get_own("/version")
        assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert get_own("/version").status_code == 200
    upstream.faults([{"kind": "too_many_requests", "retry_after": None}])
    assert "Retry-After" not in get_own("/version").headers
    upstream.faults([{"kind": "too_many_requests", "retry_after": "Wed, 18 Nov 2026 07:28:00 GMT"}])
    assert get_own("/version").headers["Retry-After"] == "Wed, 18 Nov 2026 07:28:00 GMT"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(("body", "content_type"), [("text", "text/plain"), ("html", "text/html")])
def test_errors_in_text_or_html(
    upstream: SampleUpstream, get_own: Get, status: int, body: str, content_type: str
) -> None:
    upstream.faults([Fault(kind="error", status=status, body=body)])  # type: ignore[arg-type]
    response = get_own("/studies")
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith(content_type)
    assert str(status) in response.text
    assert get_own("/studies").status_code == 200


def test_an_html_page_with_200(upstream: SampleUpstream, get_own: Get) -> None:
    upstream.faults([{"kind": "html_page"}])
    response = get_own("/studies")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    assert response.text.startswith("<!DOCTYPE html>")


def test_a_wrong_content_type_over_the_right_body(upstream: SampleUpstream, get_own: Get) -> None:
    upstream.faults([{"kind": "wrong_content_type", "content_type": "application/octet-stream"}])
    response = get_own("/studies", pageSize=20)
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert len(json.loads(response.content)["studies"]) == 20


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_body_that_is_cut_off(upstream: SampleUpstream, get_own: Get, encoding: str) -> None:
    upstream.faults([{"kind": "cut_off"}])
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        get_own("/studies", pageSize=50, headers={"Accept-Encoding": encoding})
    assert len(names(get_own("/studies", pageSize=50))) == 50


def test_a_page_that_comes_twice_so_that_another_is_missing(upstream: SampleUpstream, get_own: Get) -> None:
    right = walk(get_own)
    upstream.faults([{"kind": "duplicate_page", "first": 2}])
    wrong = walk(get_own)
    assert [len(page) for page in wrong] == [len(page) for page in right] == [25, 25, 25, 25, 20]
    assert wrong[2] == right[1]
    assert wrong[:2] + wrong[3:] == right[:2] + right[3:]


def test_a_token_that_repeats(upstream: SampleUpstream, get_own: Get) -> None:
    right = walk(get_own)
    upstream.faults([{"kind": "repeated_token", "first": 3, "times": None}])
    wrong = walk(get_own, pages=12)
    assert wrong == right[:2] + [right[2]] * 10
    upstream.faults([{"kind": "repeated_token"}])
    assert walk(get_own) == [right[0], *right]


def test_a_repeated_token_is_the_very_same(upstream: SampleUpstream, get_own: Get) -> None:
    token = get_own("/studies", pageSize=25).json()["nextPageToken"]
    upstream.faults([{"kind": "repeated_token"}])
    assert get_own("/studies", pageSize=25, pageToken=token).json()["nextPageToken"] == token


def test_a_title_that_is_a_number(upstream: SampleUpstream, get_own: Get) -> None:
    def titles() -> list[str | int | None]:
        studies = get_own("/studies", pageSize=25).json()["studies"]
        return [study["protocolSection"]["identificationModule"].get("briefTitle") for study in studies]

    right = titles()
    upstream.faults([{"kind": "wrong_type", "every": 4, "times": None}])
    # A study that is withheld has no title
    assert titles() == [
        len(title) if place % 4 == 0 and isinstance(title, str) else title
        for place, title in enumerate(right, 1)
    ]
    assert titles() != right
    assert walk(get_own, pages=1) == [names(get_own("/studies", pageSize=25, fields="NCTId"))]


def test_a_total_that_moves(upstream: SampleUpstream, get_own: Get) -> None:
    def total() -> int:
        return int(get_own("/studies", countTotal="true", fields="NCTId").json()["totalCount"])

    right = total()
    upstream.faults([{"kind": "moving_total", "times": 3, "first": 2}])
    get_own("/studies", fields="NCTId")  # asks for no total and does not count
    assert [total() for _ in range(5)] == [right, right + 1, right + 2, right + 3, right]


def test_a_version_that_moves_mid_crawl(upstream: SampleUpstream, get_own: Get) -> None:
    upstream.faults([{"kind": "moving_version", "path": "/api/v2/studies", "first": 3}])
    before = get_own("/version").json()["dataTimestamp"]
    pages = walk(get_own)
    after = get_own("/version").json()["dataTimestamp"]
    assert (before[:10], after[:10]) == ("2026-11-16", "2026-11-17")
    met = [name for page in pages for name in page]
    assert len(set(met)) < len(met)


def test_a_slow_answer(upstream: SampleUpstream, get_own: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    upstream.faults([{"kind": "slow", "delay": 3.5}])
    assert get_own("/version").status_code == 200
    assert get_own("/version").status_code == 200
    assert waited == [3.5]


def test_faults_of_several_kinds_add_up(upstream: SampleUpstream, get_own: Get) -> None:
    upstream.faults([{"kind": "moving_version"}, {"kind": "error", "status": 500}])
    assert get_own("/version").status_code == 500
    assert get_own("/version").json()["dataTimestamp"].startswith("2026-11-17")


# --- when it does


def statuses(get: Get, count: int, path: str = "/version") -> str:
    return "".join("." if get(path).status_code == 200 else "x" for _ in range(count))


@pytest.mark.parametrize(
    ("switch", "expected"),
    [
        ({}, "x......."),
        ({"times": 3}, "xxx....."),
        ({"first": 4}, "...x...."),
        ({"first": 3, "times": 2}, "..xx...."),
        ({"first": 6, "times": None}, ".....xxx"),
        ({"probability": 0.0, "times": None}, "........"),
    ],
)
def test_the_requests_that_are_hit(
    upstream: SampleUpstream, get_own: Get, switch: dict[str, Any], expected: str
) -> None:
    upstream.faults([{"kind": "error", **switch}])
    assert statuses(get_own, 8) == expected


def test_chance_is_seeded(upstream: SampleUpstream, get_own: Get) -> None:
    switch = [{"kind": "error", "probability": 0.4, "times": None}]
    upstream.faults(switch)
    once = statuses(get_own, 60)
    upstream.faults(switch)
    assert statuses(get_own, 60) == once
    assert 10 < once.count("x") < 40
    upstream.faults([{"kind": "error", "probability": 0.4, "times": 5}])
    assert statuses(get_own, 60).count("x") == 5


def test_a_switch_can_be_kept_to_a_path(upstream: SampleUpstream, get_own: Get) -> None:
    upstream.faults([{"kind": "error", "path": "/api/v2/studies", "times": None}])
    assert statuses(get_own, 3) == "..."
    assert statuses(get_own, 3, "/studies") == "xxx"


def test_a_fault_that_cannot_show_waits_for_a_request_where_it_can(
    upstream: SampleUpstream, get_own: Get
) -> None:
    right = walk(get_own)
    upstream.faults([{"kind": "duplicate_page"}, {"kind": "repeated_token"}])
    get_own("/version")
    assert walk(get_own)[0] == right[0]


def test_switches_are_replaced_and_cleared(upstream: SampleUpstream, get_own: Get) -> None:
    upstream.faults([{"kind": "error", "times": None}])
    upstream.faults([{"kind": "too_many_requests", "times": None}])
    assert get_own("/version").status_code == 429
    upstream.faults([])
    assert get_own("/version").status_code == 200


def test_the_control_api_sets_switches_and_is_never_hit(
    upstream: SampleUpstream, session: requests.Session, get_own: Get
) -> None:
    url = f"{upstream.url}/_sandbox/faults"
    switches = [{"kind": "error", "path": "/", "times": None}]
    assert session.post(url, json=switches, timeout=60).status_code == 200
    assert get_own("/version").status_code == 503
    state = get_own("/_sandbox/state").json()
    assert [fault["kind"] for fault in state["faults"]] == ["error"]
    assert session.post(url, json=[], timeout=60).json()["faults"] == []
    assert get_own("/version").status_code == 200


@pytest.mark.parametrize(
    "switch",
    [
        {"kind": "earthquake"},
        {"kind": "error", "status": 200},
        {"kind": "error", "times": 0},
        {"kind": "error", "probability": 1.5},
        {"kind": "error", "often": 3},
        {},
    ],
)
def test_a_switch_that_makes_no_sense_is_refused_and_the_old_ones_stay(
    upstream: SampleUpstream, session: requests.Session, get_own: Get, switch: dict[str, Any]
) -> None:
    upstream.faults([{"kind": "error", "status": 500, "times": None}])
    with pytest.raises(msgspec.ValidationError):
        upstream.faults([switch])
    response = session.post(f"{upstream.url}/_sandbox/faults", json=[switch], timeout=60)
    assert response.status_code == 400 and response.text
    assert get_own("/version").status_code == 500


def test_requests_that_were_hit_are_in_the_log(upstream: SampleUpstream, get_own: Get) -> None:
    upstream.faults([{"kind": "too_many_requests"}])
    statuses(get_own, 2)
    assert [request.status for request in upstream.requests] == [429, 200]
