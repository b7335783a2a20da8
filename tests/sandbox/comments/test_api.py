"""Apify's dataset API, as docs/upstreams/comments.md says it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.comments.api import NO_LIMIT, TOKEN
from sandbox.comments.datasets import IDS, USER
from sandbox.comments.rows import CommentRow, OtherRow, PostRow
from sandbox.comments.server import SampleUpstream


class Client:
    """Asks a sample as a collector would."""

    def __init__(self, upstream: SampleUpstream, session: requests.Session) -> None:
        self.upstream = upstream
        self._session = session

    def get(self, path: str, token: str | None = TOKEN, **params: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._session.get(f"{self.upstream.url}{path}", params=params, headers=headers, timeout=60)

    def items(self, dataset: str, **params: Any) -> requests.Response:
        return self.get(f"/v2/datasets/{dataset}/items", **params)


@pytest.fixture(scope="module")
def client(session: requests.Session) -> Iterator[Client]:
    with SampleUpstream(size=3_000, seed=7) as upstream:
        yield Client(upstream, session)


def pages(client: Client, dataset: str, limit: int, **params: Any) -> list[Any]:
    found: list[Any] = []
    while True:
        answer = client.items(dataset, offset=len(found), limit=limit, **params)
        found += answer.json()
        if len(found) >= int(answer.headers["X-Apify-Pagination-Total"]):
            return found


def test_every_dataset_is_listed_and_described(client: Client) -> None:
    listed = client.get("/v2/datasets").json()["data"]
    assert [each["id"] for each in listed["items"]] == list(IDS)
    assert (listed["total"], listed["count"], listed["offset"]) == (len(IDS), len(IDS), 0)
    for dataset in IDS:
        described = client.get(f"/v2/datasets/{dataset}").json()["data"]
        items = client.items(dataset).json()
        assert described["itemCount"] == len(items)
        assert described["cleanItemCount"] == sum(bool(item) for item in items)


def test_a_dataset_may_be_asked_for_by_its_name(client: Client) -> None:
    name = client.get(f"/v2/datasets/{IDS[0]}").json()["data"]["name"]
    assert client.items(f"{USER}~{name}").content == client.items(IDS[0]).content


@pytest.mark.parametrize("dataset", IDS)
def test_pages_of_any_size_together_are_the_whole(client: Client, dataset: str) -> None:
    whole = client.items(dataset).json()
    assert len(whole) > 20
    assert pages(client, dataset, 7) == pages(client, dataset, 1000) == whole


def test_headers_tell_which_page_it_is(client: Client) -> None:
    total = str(len(client.items(IDS[0]).json()))
    answer = client.items(IDS[0], offset=5, limit=10)
    told = {
        name.rpartition("-")[2]: value for name, value in answer.headers.items() if name.startswith("X-Apify")
    }
    assert told == {"Total": total, "Offset": "5", "Limit": "10", "Count": "10", "Desc": "false"}
    assert client.items(IDS[0]).headers["X-Apify-Pagination-Limit"] == str(NO_LIMIT)


def test_beyond_the_end_there_is_nothing(client: Client) -> None:
    answer = client.items(IDS[0], offset=10**6, limit=10)
    assert answer.json() == [] and answer.headers["X-Apify-Pagination-Count"] == "0"


def test_descending_is_the_other_way_round(client: Client) -> None:
    whole = client.items(IDS[3]).json()
    assert pages(client, IDS[3], 11, desc="true") == whole[::-1]


def test_lines_have_the_same_items(client: Client) -> None:
    lines = client.items(IDS[0], format="jsonl", limit=30).text
    assert lines.endswith("\n") and len(lines.splitlines()) == 30
    assert lines.splitlines()[1] == client.items(IDS[0], limit=30).text.splitlines()[1].rstrip(",")


def test_clean_drops_empty_items_and_hidden_fields_so_that_offsets_no_longer_fit(client: Client) -> None:
    dropped = 0
    for dataset in IDS:
        whole, clean = client.items(dataset).json(), client.items(dataset, clean="true").json()
        assert any("#debug" in item for item in whole) and not any("#debug" in item for item in clean)
        dropped += len(whole) - len(clean)
        assert len(clean) == sum(bool(item) for item in whole)
    assert dropped > 0
    short = next(each for each in IDS if not all(client.items(each).json()))
    place = client.items(short).json().index({})
    page = client.items(short, offset=place, limit=2, clean=1)
    assert (len(page.json()), page.headers["X-Apify-Pagination-Count"]) == (1, "2")


@pytest.mark.parametrize("dataset", IDS)
def test_rows_tell_what_each_item_is(client: Client, dataset: str) -> None:
    rows = list(client.upstream.dataset_rows(dataset))
    for item, row in zip(client.items(dataset).json(), rows, strict=True):
        match row:
            case CommentRow():
                found = item.get("id") or item.get("pk") or item.get("cid")
                assert found == row.comment_id
            case PostRow():
                assert item["id"] == row.post_id
            case OtherRow():
                assert item == {} or "error" in item
    assert not all(isinstance(row, OtherRow) for row in rows)


def test_without_the_token_nothing_is_told(client: Client) -> None:
    for path in ("/v2/datasets", f"/v2/datasets/{IDS[0]}/items", "/v2/users/me"):
        without, wrong = client.get(path, token=None), client.get(path, token="apify_api_other")
        assert (without.status_code, without.json()["error"]["type"]) == (401, "token-not-provided")
        assert (wrong.status_code, wrong.json()["error"]["type"]) == (401, "user-or-token-not-found")
    assert client.get("/v2/users/me").json()["data"]["username"] == USER
    assert client.get("/v2/browser-info", token=None).json()["method"] == "GET"


@pytest.mark.parametrize("path", ["/v2/datasets/unknown", "/v2/datasets/unknown/items", "/v2/other", "/"])
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "record-not-found")


@pytest.mark.parametrize("params", [{"offset": -1}, {"limit": "x"}, {"format": "xlsx"}])
def test_what_cannot_be_asked_for_is_refused(client: Client, params: dict[str, Any]) -> None:
    assert client.items(IDS[0], **params).status_code == 400
