"""Each fault switch shows what it says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
import requests

from sandbox.comments.api import TOKEN
from sandbox.comments.datasets import IDS
from sandbox.comments.faults import Fault
from sandbox.comments.server import SampleUpstream

Ask = Callable[..., requests.Response]
"""Asks for items of a dataset."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[SampleUpstream]:
    with SampleUpstream(size=1_000, seed=7, compress=False) as sample:
        sample.advance()
        yield sample


@pytest.fixture(autouse=True)
def calm(upstream: SampleUpstream) -> Iterator[None]:
    yield
    upstream.faults([])


@pytest.fixture
def items(upstream: SampleUpstream, session: requests.Session) -> Ask:
    def ask(dataset: str = IDS[0], **params: int) -> requests.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{upstream.url}/v2/datasets/{dataset}/items"
        return session.get(url, params=params, headers=headers, timeout=30)

    return ask


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (Fault(kind="busy"), 429, "rate-limit-exceeded"),
        (Fault(kind="error"), 503, "internal-server-error"),
        (Fault(kind="error", status=502), 502, "internal-server-error"),
        (Fault(kind="revoked"), 401, "user-or-token-not-found"),
        (Fault(kind="missing"), 404, "record-not-found"),
    ],
)
def test_an_error_in_the_place_of_the_answer_and_then_the_answer(
    upstream: SampleUpstream, items: Ask, fault: Fault, status: int, kind: str
) -> None:
    upstream.faults([fault])
    answer = items()
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert items().status_code == 200


def test_busy_says_for_how_long(upstream: SampleUpstream, items: Ask) -> None:
    upstream.faults([Fault(kind="busy", retry_after=7)])
    assert items().headers["Retry-After"] == "7"
    upstream.faults([Fault(kind="busy", retry_after=None)])
    assert "Retry-After" not in items().headers


def test_a_page_for_people(upstream: SampleUpstream, items: Ask) -> None:
    upstream.faults([Fault(kind="html", status=200)])
    answer = items()
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")


def test_what_is_declared_as_json_and_is_none(upstream: SampleUpstream, items: Ask) -> None:
    upstream.faults([Fault(kind="not_json")])
    with pytest.raises(json.JSONDecodeError):
        items().json()


def test_hang_up(upstream: SampleUpstream, items: Ask) -> None:
    upstream.faults([Fault(kind="hang_up")])
    with pytest.raises(requests.ConnectionError):
        items()


def test_cut_off(upstream: SampleUpstream, items: Ask) -> None:
    upstream.faults([Fault(kind="cut_off")])
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        items()


def test_slow(upstream: SampleUpstream, items: Ask) -> None:
    upstream.faults([Fault(kind="slow", delay=0.3)])
    began = time.monotonic()
    assert items().status_code == 200
    assert time.monotonic() - began >= 0.3


def test_garbage_in_one_item(upstream: SampleUpstream, items: Ask) -> None:
    whole = items().json()
    upstream.faults([Fault(kind="garbage")])
    spoilt = items().json()
    assert set(spoilt[0]) == set(whole[0]) and spoilt[0]["id"] == {"garbage": True}
    assert spoilt[1:] == whole[1:]


def test_a_key_bears_another_name(upstream: SampleUpstream, items: Ask) -> None:
    upstream.faults([Fault(kind="replaced", texts={'"text"': '"content"'})])
    assert "content" in items().json()[0]


def test_totals_grow_while_a_scrape_is_under_way(upstream: SampleUpstream, items: Ask) -> None:
    whole = items().json()
    upstream.faults([Fault(kind="growing", times=None, keep=0.2, items=5)])
    totals, found = [], []
    while len(totals) < 100:
        answer = items(offset=len(found), limit=20)
        totals.append(int(answer.headers["X-Apify-Pagination-Total"]))
        found += answer.json()
        if not answer.json():
            break
    assert totals == sorted(totals) and totals[0] < totals[-1] == len(whole)
    assert found == whole


def test_totals_that_are_wrong_or_missing(upstream: SampleUpstream, items: Ask) -> None:
    whole = len(items().json())
    upstream.faults([Fault(kind="wrong_total", items=3)])
    assert items().headers["X-Apify-Pagination-Total"] == str(whole + 3)
    upstream.faults([Fault(kind="no_total")])
    assert "X-Apify-Pagination-Total" not in items().headers


def test_an_empty_page_before_the_end(upstream: SampleUpstream, items: Ask) -> None:
    upstream.faults([Fault(kind="empty_page")])
    answer = items(limit=5)
    assert answer.json() == [] and int(answer.headers["X-Apify-Pagination-Total"]) > 5


def test_a_fault_of_one_dataset_spares_the_others(upstream: SampleUpstream, items: Ask) -> None:
    upstream.faults([Fault(kind="error", dataset=IDS[1], times=None)])
    assert items(IDS[0]).status_code == 200
    assert items(IDS[1]).status_code == 503


def test_a_switch_that_does_not_exist_is_refused(upstream: SampleUpstream) -> None:
    with pytest.raises(msgspec.ValidationError):
        upstream.faults([{"kind": "on fire"}])
