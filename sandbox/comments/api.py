"""The answers of Apify's API: datasets, their items page by page, and errors in its form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from sandbox.comments.datasets import Dataset, Datasets, cleaned, described
from sandbox.comments.faults import Hits
from sandbox.comments.formats import Item, milliseconds
from sandbox.comments.world import World
from sandbox.sample.server import JSON, Answer, Incoming

TOKEN = "apify_api_sandbox"  # noqa: S105  (of the sample, which guards nothing)
NO_LIMIT = 999_999_999_999
"""What the API says was the limit when none was asked for."""
OPEN = "/v2/browser-info"
"""What the API tells everybody: how it sees a request."""
LINES = "application/jsonl; charset=utf-8"
_PATH = re.compile(r"/v2/datasets/([^/]+)(/items)?/?")
_TRUE = {"1", "true"}


def subject_of(path: str) -> tuple[str | None, bool]:
    """The dataset that a path is about, and whether it asks for items."""
    found = _PATH.fullmatch(path)
    return (found[1], bool(found[2])) if found else (None, False)


def error(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error as the API tells it."""
    body = {"error": {"type": kind, "message": message}}
    return Answer(status, JSON, [msgspec.json.encode(body)], dict(headers or {}))


def refused(request: Incoming) -> Answer | None:
    """The answer to a request without the account's token; None for one with it, or that needs none."""
    if request.path == OPEN:
        return None
    given = request.headers.get("Authorization", "")
    token = given.removeprefix("Bearer ") if given.startswith("Bearer ") else request.params.get("token", "")
    if not token:
        return error(401, "token-not-provided", "Authentication token was not provided")
    if token != TOKEN:
        return error(
            401, "user-or-token-not-found", "User was not found or authentication token is not valid"
        )
    return None


class Api:
    """Answers at a day of the world; see docs/upstreams/comments.md for what it keeps of the real one."""

    def __init__(self, world: World, datasets: Datasets) -> None:
        self._world = world
        self._datasets = datasets

    def answer(self, request: Incoming, day: int, hits: Hits) -> Answer:
        """The answer to a request that has the token."""
        if request.path == OPEN:
            seen = {"method": request.method, "clientIp": "127.0.0.1", "countryCode": "PT", "bodyLength": 0}
            return Answer(200, JSON, [msgspec.json.encode(seen)])
        if request.path == "/v2/users/me":
            return _data({"id": "lAnTeRn0000000000", "username": "lantern"})
        if request.path == "/v2/datasets":
            return _data(self._listed(request.params, day))
        name, items = subject_of(request.path)
        dataset = self._datasets.find(name) if name else None
        if dataset is None:
            return error(404, "record-not-found", "Dataset was not found")
        if not items:
            return _data(self._described(dataset, day))
        return self._items(dataset, request.params, day, hits)

    def _listed(self, params: Mapping[str, str], day: int) -> dict[str, Any]:
        found = [self._described(dataset, day) for dataset in self._datasets]
        offset, limit = int(params.get("offset", 0)), int(params.get("limit", 1000))
        page = found[offset : offset + limit]
        about = {"total": len(found), "offset": offset, "limit": limit, "count": len(page), "desc": False}
        return {**about, "items": page}

    def _described(self, dataset: Dataset, day: int) -> dict[str, Any]:
        count = self._datasets.count(dataset, day)
        empty = sum(not item for item in self._datasets.items(dataset, 0, count))
        return described(dataset, count, count - empty, milliseconds(self._world.midnight(day)) or "")

    def _items(self, dataset: Dataset, params: Mapping[str, str], day: int, hits: Hits) -> Answer:
        kind = params.get("format", "json")
        if kind not in {"json", "jsonl"}:
            return error(400, "invalid-value", "This sample has the formats json and jsonl")
        try:
            offset, limit = int(params.get("offset", 0)), int(params.get("limit", NO_LIMIT))
        except ValueError:
            return error(400, "invalid-parameter", "Offset and limit must be numbers")
        if offset < 0 or limit < 0:
            return error(400, "invalid-parameter", "Offset and limit must not be negative")
        total = self._total(dataset, day, hits)
        descending = params.get("desc") in _TRUE
        stop = min(total, offset + (limit or NO_LIMIT))
        if descending:
            page = self._datasets.items(dataset, max(0, total - stop), max(0, total - offset))[::-1]
        else:
            page = self._datasets.items(dataset, offset, stop)
        if "empty_page" in hits:
            page = []
        headers = {
            "X-Apify-Pagination-Total": str(total),
            "X-Apify-Pagination-Offset": str(offset),
            "X-Apify-Pagination-Limit": str(limit or NO_LIMIT),
            # Of the items that were stored, whatever is left of them
            "X-Apify-Pagination-Count": str(len(page)),
            "X-Apify-Pagination-Desc": str(descending).lower(),
        }
        if "wrong_total" in hits:
            headers["X-Apify-Pagination-Total"] = str(total + hits["wrong_total"].fault.items)
        if "no_total" in hits:
            del headers["X-Apify-Pagination-Total"]
        if "garbage" in hits and page:
            page[0] = {key: {"garbage": True} for key in page[0]}
        return _page(_chosen(page, params), kind, headers)

    def _total(self, dataset: Dataset, day: int, hits: Hits) -> int:
        """How many items are there: not all of the last run while it is under way."""
        total = self._datasets.count(dataset, day)
        if "growing" not in hits:
            return total
        hit = hits["growing"]
        before = self._datasets.count(dataset, day - 1) if day else 0
        there = int((total - before) * hit.fault.keep) + hit.fault.items * (hit.number - 1)
        return min(total, before + there)


def _chosen(page: list[Item], params: Mapping[str, str]) -> list[Item]:
    """What the parameters leave of a page: without hidden fields, without what is empty."""
    clean = params.get("clean") in _TRUE
    if clean or params.get("skipHidden") in _TRUE:
        page = [cleaned(item) for item in page]
    if clean or params.get("skipEmpty") in _TRUE:
        page = [item for item in page if item]
    return page


def _page(page: list[Item], kind: str, headers: dict[str, str]) -> Answer:
    encoded = [msgspec.json.encode(item) for item in page]
    if kind == "jsonl":
        return Answer(200, LINES, [line + b"\n" for line in encoded], headers)
    parts = [b"["]
    for number, item in enumerate(encoded):
        parts.append(b",\n" + item if number else item)
    return Answer(200, JSON, [*parts, b"]"], headers)


def _data(body: Any) -> Answer:
    return Answer(200, JSON, [msgspec.json.encode({"data": body})])
