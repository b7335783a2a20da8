"""Apify's datasets: every item is taken once, whatever the API does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import requests

from include import pipeline
from include.publishing.manifest import Manifest
from include.registry.breaker import Breaker
from include.sources import source as sources
from include.sources.comments import datasets
from include.upstream.answers import Answer, ContractBreak, Refused, Transient
from include.upstream.limits import BadSetting
from include.upstream.session import UpstreamSession
from sandbox.comments.api import TOKEN
from sandbox.comments.datasets import IDS
from sandbox.comments.oracle import unnested
from sandbox.comments.rows import CommentRow
from sandbox.comments.server import SampleUpstream
from tests.sources.comments.conftest import Social

DATASET = IDS[0]


class Watched(UpstreamSession):
    """Notes what is asked for."""

    def __init__(self, offsets: list[int], *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._offsets = offsets

    def get(self, path: str, params: Any = None, *arguments: Any, **more: Any) -> Answer:
        if path.endswith("/items") and params["limit"] == datasets.PAGE:
            assert "clean" not in params
            self._offsets.append(params["offset"])
        return super().get(path, params, *arguments, **more)


@dataclass
class Account(Social):
    """The source over datasets of the sample upstream."""

    upstream: Any = None
    attempts: int = 2
    offsets: list[int] = field(default_factory=list)
    """From where pages were asked for."""

    def session(self) -> UpstreamSession:
        spec = sources.spec("comments")
        http = requests.Session()
        http.trust_env = False
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        return Watched(
            self.offsets,
            http,
            self.upstream.url,
            replace(spec.limits, per_second=None, attempts=self.attempts),
            Breaker(self.daily.registry.connect, spec.connection),
            sleep=lambda _: None,
        )

    def names(self, *ids: str) -> None:
        """The datasets that the connection's extra names."""
        self.daily.beside["options"] = {"datasets": list(ids)}


@pytest.fixture
def account(social: Social, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """One dataset is named; a page has 50 items."""
    monkeypatch.setattr(datasets, "PAGE", 50)
    social.daily.beside["inbox"] = None
    with SampleUpstream(size=600, seed=3) as upstream:
        found = Account(social.daily, social.folder, upstream)
        found.names(DATASET)
        yield found


def told(account: Account, dataset: str = DATASET) -> set[str]:
    """The ids of comments that the items of a dataset tell."""
    return {
        str(each.comment_id)
        for row in account.upstream.dataset_rows(dataset)
        if isinstance(row, CommentRow)
        for each in unnested(row)
        if each.comment_id
    }


def ids(account: Account, manifest: Manifest) -> set[str]:
    return {ident for ident, row in account.comments(manifest).items() if row["id_given"]}


def rows(account: Account, manifest: Manifest) -> int:
    return sum(file["rows"] for file in account.rows(manifest, "files"))


def test_every_item_is_taken_page_by_page_and_only_new_ones_later(account: Account) -> None:
    first = account.publish(1)
    assert ids(account, first) == told(account)
    total = first.cursors["datasets"][DATASET]
    assert total == len(list(account.upstream.dataset_rows(DATASET)))
    _, probe = account.probe(1.5)
    assert not probe.new, probe.reason
    account.upstream.advance()
    account.offsets.clear()
    second = account.publish(2)
    assert ids(account, second) == told(account)
    assert second.cursors["datasets"][DATASET] > total
    assert account.offsets and min(account.offsets) == total


def test_a_total_that_grows_meanwhile_is_followed(account: Account) -> None:
    account.upstream.advance()
    account.upstream.faults([{"kind": "growing", "keep": 0.1, "items": 10, "times": None}])
    manifest = account.publish(1)
    assert manifest.cursors["datasets"][DATASET] > 0
    account.upstream.faults([])
    if account.probe(1.5)[1].new:
        manifest = account.publish(2)
    assert ids(account, manifest) == told(account)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "busy"},
        {"kind": "error", "status": 503},
        {"kind": "html"},
        {"kind": "hang_up"},
        {"kind": "cut_off"},
        {"kind": "empty_page"},
        {"kind": "missing"},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_what_passes_costs_nothing(account: Account, fault: dict[str, Any]) -> None:
    run, _ = account.probe(1)
    account.upstream.faults([{**fault, "times": 1, "path": "/v2/datasets"}])
    pipeline.extract(run, account.session())
    manifest = pipeline.build(run)
    assert ids(account, manifest) == told(account)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "revoked"}, Refused),
        ({"kind": "no_total"}, ContractBreak),
        ({"kind": "not_json"}, Transient),
        ({"kind": "empty_page"}, Transient),
        ({"kind": "error", "status": 500}, Transient),
    ],
    ids=lambda each: str(each.get("kind")) if isinstance(each, dict) else "",
)
def test_what_does_not_pass_ends_the_task_and_the_next_one_goes_on(
    account: Account, fault: dict[str, Any], error: type[Exception]
) -> None:
    run, _ = account.probe(1)
    account.upstream.faults([{**fault, "times": None, "path": "/v2/datasets"}])
    with pytest.raises(error):
        pipeline.extract(run, account.session())
    account.upstream.faults([])
    again = account.daily.resumed(1)
    again = replace(again, options=account.daily.beside["options"])
    pipeline.extract(again, account.session())
    assert ids(account, pipeline.build(again)) == told(account)


def test_a_try_goes_on_behind_the_last_page_of_the_one_before(account: Account) -> None:
    run, _ = account.probe(1)
    asked, get = 0, Watched.get

    def gives_up(session: UpstreamSession, *arguments: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked > 2:
            raise Transient("away", 1, "away")
        return get(session, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Watched, "get", gives_up)
        with pytest.raises(Transient):
            pipeline.extract(run, account.session())
    account.offsets.clear()
    pipeline.extract(account.daily.resumed(1), account.session())
    assert account.offsets and min(account.offsets) == 2 * datasets.PAGE
    assert ids(account, pipeline.build(account.daily.resumed(1))) == told(account)


def test_a_dataset_that_is_gone_is_told_and_the_others_are_read(account: Account) -> None:
    account.names(DATASET, IDS[1])
    first = account.publish(1)
    account.upstream.advance()
    account.upstream.faults([{"kind": "missing", "dataset": DATASET, "times": None}])
    run, probe = account.probe(2)
    assert probe.new and f"without {DATASET}" in probe.reason
    pipeline.extract(run, account.session())
    second = pipeline.build(run)
    assert DATASET not in second.cursors["datasets"] and second.cursors["datasets"][IDS[1]] > 0
    assert ids(account, first) <= ids(account, second)


@pytest.mark.parametrize("backwards", [False, True])
def test_items_are_those_of_their_own_dataset_in_whatever_order_they_are_named(
    account: Account, backwards: bool
) -> None:
    named = sorted(IDS, reverse=backwards)
    account.names(*named)
    manifest = account.publish(1)
    pages: dict[str, list[tuple[int, int]]] = {name: [] for name in named}
    formats: dict[str, set[str]] = {name: set() for name in named}
    for file in account.rows(manifest, "files"):
        _, dataset, _, first, _, last = file["name"].replace(",", "").split(" ")
        pages[dataset].append((int(first), int(last)))
        formats[dataset].add(file["format"])
    for dataset, found in pages.items():
        ends = [-1, *(last for _, last in sorted(found))]
        assert [first for first, _ in sorted(found)] == [end + 1 for end in ends[:-1]], dataset
        assert ends[-1] + 1 == manifest.cursors["datasets"][dataset], dataset
        assert len(formats[dataset]) == 1, "all items of a dataset are of one format"


def test_where_everything_is_gone_that_is_an_outage(account: Account) -> None:
    account.publish(1)
    account.upstream.faults([{"kind": "missing", "times": None}])
    with pytest.raises((Transient, Refused, ContractBreak)):
        account.probe(2)


def test_what_is_no_list_of_ids_is_told(account: Account) -> None:
    for bad in ({"a": 1}, ["../x"], [1], ["id"] * 1 + ["a b"]):
        account.daily.beside["options"] = {"datasets": bad}
        with pytest.raises(BadSetting, match="datasets"):
            account.probe(1)
    account.daily.beside["options"] = {"datasets": f"{DATASET}, {IDS[1]}"}
    assert account.probe(1)[1].new
