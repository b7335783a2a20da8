"""Apify's datasets: their items page by page, as they stand there.

`GET /v2/datasets/{id}/items?offset=&limit=` gives items in the order in which a scrape stored them and never changes
one, so what was read before is not asked for again. X-Apify-Pagination-Total may grow while the scrape runs. Not
`clean=true`, which leaves items out. docs/upstreams/comments.md has what else the code relies on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from include.sources.source import Run
from include.storage.landing import Landing
from include.upstream import control
from include.upstream.answers import Answer, ContractBreak, Kind, Transient
from include.upstream.limits import BadSetting
from include.upstream.session import UpstreamSession

PAGE = 1_000
TOTAL = "X-Apify-Pagination-Total"
MOST_DATASETS = 100
AGAIN = 2
"""So often in a row an empty page is asked for again."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_~.-]{0,127}")
log = logging.getLogger(__name__)


class Pull(msgspec.Struct, frozen=True):
    """What a run has of a dataset: the items from `first` up to `next`; `total` is what Apify said last."""

    dataset: str
    first: int
    next: int
    total: int
    done: bool = False
    gone: bool = False


def named(run: Run) -> list[str]:
    """The datasets to read. Raises BadSetting for what is no list of ids."""
    asked = run.options.get("datasets") or []
    ids = asked.replace(",", " ").split() if isinstance(asked, str) else asked
    if not isinstance(ids, list) or not all(isinstance(each, str) and _ID.fullmatch(each) for each in ids):
        raise BadSetting(
            f"`datasets` in the extra of the connection comments_api is {asked!r}; give ids of datasets: "
            '["id", "id"]'
        )
    if len(ids) > MOST_DATASETS:
        raise BadSetting(f"`datasets` names {len(ids)} datasets; {MOST_DATASETS} are read at most")
    return list(dict.fromkeys(ids))


def known(run: Run) -> dict[str, int]:
    """How many items of each dataset base has."""
    return dict(run.watermarks.get("datasets") or {})


@dataclass(frozen=True, slots=True)
class _Page:
    items: list[msgspec.Raw]
    total: int


def _ask(upstream: UpstreamSession, dataset: str, offset: int, limit: int) -> _Page | None:
    """A page of a dataset; None where Apify knows no such one. Raises ContractBreak for an answer of another shape."""
    answer = upstream.get(
        f"v2/datasets/{quote(dataset, safe='')}/items", {"offset": offset, "limit": limit, "format": "json"}
    )
    if answer.kind == Kind.EMPTY:
        return None
    return _Page(answer.json(list[msgspec.Raw]), _total(answer))


def _total(answer: Answer) -> int:
    said = answer.headers.get(TOTAL, "")
    if not re.fullmatch(r"[0-9]{1,15}", said):
        raise ContractBreak(f"{answer.describe()} without the number of items in {TOTAL}")
    return int(said)


def total(upstream: UpstreamSession, dataset: str, before: int) -> int | None:
    """How many items a dataset has; None where it is certain that it is gone or has fewer than were read."""
    page = _ask(upstream, dataset, 0, 1)
    if page is not None and page.total >= before:
        return page.total
    return None if _is_gone(upstream, dataset, before) else before


def _is_gone(upstream: UpstreamSession, dataset: str, before: int) -> bool:
    """Whether Apify knows us, and says a second time that the dataset is not what it was.

    Raises Transient where it knows nothing else either.
    """

    def answers() -> bool:
        return upstream.get("v2/users/me").kind == Kind.OK

    def still(_: Iterable[str]) -> list[str]:
        again = _ask(upstream, dataset, 0, 1)
        return [dataset] if again is None or again.total < before else []

    question = f"items of the dataset {dataset}"
    gone = control.confirmed(
        question,
        [dataset],
        lambda: control.check(question, [control.Control("v2/users/me", answers)]),
        still,
    )
    return bool(gone)


def kind_of(dataset: str) -> str:
    """The kind of the parts that hold a dataset's items."""
    return f"items-{dataset}"


def land(run: Run, upstream: UpstreamSession, landing: Landing, cursor: Mapping[str, Any]) -> dict[str, Pull]:
    """Land what each dataset has beyond what base has, going on where an earlier try stopped."""
    pulls = {name: msgspec.convert(said, Pull) for name, said in (cursor.get("datasets") or {}).items()}
    before = known(run)
    for dataset in named(run):
        read = before.get(dataset, 0)
        pull = pulls.get(dataset) or Pull(dataset, read, read, read)
        for landed in _pages(upstream, pull):
            pulls[dataset] = landed[0]
            if landed[1]:
                # The cursor that follows a part stands beside it, so a killed try goes on behind it.
                state = {
                    **cursor,
                    "datasets": {name: msgspec.to_builtins(each) for name, each in pulls.items()},
                }
                landing.write_part(kind_of(dataset), landed[1], state)
    return pulls


def _pages(upstream: UpstreamSession, pull: Pull) -> Iterator[tuple[Pull, list[bytes]]]:
    """The pages that are left of a pull. Raises Transient where items that are said to be there do not come."""
    empty = 0
    while not pull.done:
        page = _ask(upstream, pull.dataset, pull.next, PAGE)
        if page is None or page.total < pull.next:
            if _is_gone(upstream, pull.dataset, pull.next):
                log.warning("the dataset %s is gone, or has fewer items than were read of it", pull.dataset)
                yield msgspec.structs.replace(pull, done=True, gone=True), []
                return
            empty += 1
        elif not page.items and page.total > pull.next:
            empty += 1
        else:
            after = pull.next + len(page.items)
            pull = msgspec.structs.replace(pull, next=after, total=page.total, done=after >= page.total)
            yield pull, [_one_line(item) for item in page.items]
            empty = 0
        if empty > AGAIN:
            raise Transient(
                f"the dataset {pull.dataset} is said to have more than {pull.next} items, and {empty} times none of "
                "them came. Nothing of that is remembered; the next try asks from there. If it stays so, take the "
                "dataset out of `datasets` in the extra of the connection comments_api.",
                cause=f"items of the dataset {pull.dataset} do not come",
            )


def _one_line(item: msgspec.Raw) -> bytes:
    text = bytes(item)
    return msgspec.json.format(text, indent=-1) if b"\n" in text else text
