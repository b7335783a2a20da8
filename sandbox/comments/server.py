"""The sample upstream: what it serves and leaves in the inbox, and its controls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from sandbox.comments.api import Api, error, refused, subject_of
from sandbox.comments.datasets import Dataset, Datasets
from sandbox.comments.faults import Fault, Hits, can_show
from sandbox.comments.hostile import Kind
from sandbox.comments.inbox import Delivered, Inbox
from sandbox.comments.oracle import Known, know
from sandbox.comments.rows import Row
from sandbox.comments.world import FIRST_DAY, World
from sandbox.sample.server import (
    DEFAULT_SEED,
    DEFAULT_SIZE,
    JSON,
    TEXT,
    Answer,
    Incoming,
    Sample,
    SampleState,
    html_page,
)


class State(SampleState, kw_only=True):
    """What a restart needs to serve the same data version; the content of the state file."""

    first: date = FIRST_DAY


class Advance(msgspec.Struct, frozen=True):
    """What the days brought: posts that are new, and files in the inbox."""

    counts: dict[str, int]


class SampleUpstream(Sample[State, Fault]):
    """Scrapes of social comments of our own making, for tests and demonstrations: an inbox, and Apify's dataset API.

    >>> with SampleUpstream(size=2000, seed=7, inbox=folder) as up:
    ...     requests.get(f"{up.url}/v2/datasets/{IDS[0]}/items?limit=100", headers={"Authorization": f"Bearer {TOKEN}"})

    - size: comments that were written before day 0, about.
    - seed: another one is another world.
    - state: a small JSON file that keeps the data version over a restart; one that was written for another size or
      seed is refused with ValueError.
    - inbox: the folder in which files appear: those of day 0 at once, those of later days with each advance. Without
      one it is `inbox/comments` beside the state file, and without that there is none.
    - host, port: where to listen; port 0 takes a free one.
    - today: the clock to follow: a new sample begins on that day, and one that a request finds on an earlier day moves
      to it. Without it day 0 is 2026-11-17, and the sample only moves when it is told to.
    - compress: gzip for clients that accept it.

    The data version of day d is what is seen two hours before midnight UTC of day 0 plus d days. The server runs in
    threads of this process from the start of the `with` block to its end.

    - `url`: http://HOST:PORT, without /v2.
    - `advance(days)`: go to a later data version.
    - `faults([...])`: make the API misbehave, see Fault; `faults([])` ends that.
    - `drop(kind)`: put hostile files into the inbox, see hostile.Kind.
    - `world`, `day`: of which everything is made.
    - `delivered`: the files that this process put into the inbox, oldest first, with what their rows tell.
    - `known()`: what is known of every comment once all of them are taken.
    - `dataset_rows(dataset)`: what each item of a dataset tells.
    - `requests`: the last 10,000 requests, oldest first.

    Over HTTP: GET /_sandbox/state, POST /_sandbox/advance (optional {"days": n}), POST /_sandbox/faults,
    POST /_sandbox/drop ({"kind": "cut"}), POST /_sandbox/inbox ({"folder": "/a/folder"}: the files of day 0 to today
    appear there, and those of later days), GET /_sandbox/files.
    """

    def __init__(
        self,
        size: int = DEFAULT_SIZE,
        seed: int = DEFAULT_SEED,
        state: Path | None = None,
        *,
        inbox: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        compress: bool = True,
        today: Callable[[], date] | None = None,
    ) -> None:
        known = state is not None and state.exists()
        numbers = State(size=size, seed=seed, first=today() if today else FIRST_DAY)
        super().__init__(numbers, state, Fault, host=host, port=port, compress=compress)
        self._today = today
        self.world = World(size, seed, self._state.first)
        self._datasets = Datasets(self.world)
        self._api = Api(self.world, self._datasets)
        if inbox is None and state is not None:
            inbox = state.parent / "inbox" / "comments"
        self._inbox = None if inbox is None else Inbox(self.world, inbox)
        self.delivered: list[Delivered] = []
        if not known:
            self._deliver(0, self._state.day)
        self._save()

    # --- control

    @property
    def day(self) -> int:
        return self._state.day

    def advance(self, days: int = 1) -> Advance:
        """Go to the data version `days` later; its files appear in the inbox."""
        with self._lock:
            before = self._state.day
            self._state.day += days
            files = self._deliver(before + 1, self._state.day)
            self._save()
            posts = self.world.count(self._state.day) - self.world.count(before)
            return Advance({"new_posts": posts, "files": files})

    def drop(self, kind: Kind) -> list[Delivered]:
        """Put hostile files of a kind into the inbox. Raises ValueError where there is none."""
        with self._lock:
            if self._inbox is None:
                raise ValueError(
                    "this sample has no inbox; name one when it starts, or by POST /_sandbox/inbox"
                )
            found = self._inbox.drop(kind)
            self.delivered += found
            return found

    def use_inbox(self, folder: Path) -> None:
        """Let the files appear in another folder; those of day 0 to today at once."""
        with self._lock:
            self._inbox = Inbox(self.world, folder)
            self._deliver(0, self._state.day)

    def _deliver(self, first: int, last: int) -> int:
        """Put the files of some days into the inbox; how many."""
        if self._inbox is None:
            return 0
        found = [file for day in range(first, last + 1) for file in self._inbox.deliver(day)]
        self.delivered += found
        return len(found)

    def _follow(self) -> None:
        """Go to the day of the clock that the sample follows, unless it is there or ahead."""
        if self._today is None:
            return
        with self._lock:
            behind = (self._today() - self._state.first).days - self._state.day
            if behind > 0:
                self.advance(behind)

    def state(self) -> dict[str, Any]:
        with self._lock:
            return {
                **msgspec.to_builtins(self._state),
                "posts": self.world.count(self._state.day),
                "inbox": None if self._inbox is None else str(self._inbox.folder),
                "datasets": {dataset.id: dataset.name for dataset in self._datasets},
                "faults": [msgspec.to_builtins(each) for each in self._faults.current()],
            }

    def order(self, name: str, body: bytes) -> Any:
        self._follow()
        match name:
            case "POST /drop":
                return [_told(file) for file in self.drop(msgspec.json.decode(body, type=_DropOrder).kind)]
            case "POST /inbox":
                self.use_inbox(Path(msgspec.json.decode(body, type=_InboxOrder).folder))
                return self.state()
            case "GET /files":
                return [_told(file) for file in self.delivered]
        return super().order(name, body)

    # --- the truth

    def known(self) -> Known:
        """What is known once every complete export in the inbox is taken, each of them once."""
        with self._lock:
            taken: dict[str, Delivered] = {}
            for file in self.delivered:
                if file.export is not None and file.complete and file.again is None:
                    taken[file.name] = file
        exports = [(file.name, file.export) for file in taken.values() if file.export is not None]
        exports.sort(key=lambda pair: pair[1].scrape.at)
        return know((name, export.scrape.at, export.rows(self.world)) for name, export in exports)

    def datasets(self) -> list[Dataset]:
        """The datasets of the account."""
        return list(self._datasets)

    def dataset_rows(self, dataset: str) -> Iterator[Row]:
        """What each item of a dataset tells at this data version. Raises KeyError for one that there is not."""
        with self._lock:
            found = self._datasets.find(dataset)
            if found is None:
                raise KeyError(dataset)
            rows = [row for _, row in self._datasets.stored(found, 0, self._datasets.count(found, self.day))]
        return iter(rows)

    # --- answering

    def respond(self, request: Incoming) -> Answer:
        """Answer a request, with the faults that hit it."""
        self._follow()
        dataset, items = subject_of(request.path)
        hits = self._faults.strike(lambda each: can_show(each, request.path, dataset, items))
        if "slow" in hits:
            time.sleep(hits["slow"].fault.delay)
        answer = _refuse(hits) or refused(request)
        if answer is None:
            with self._lock:
                answer = self._api.answer(request, self._state.day, hits)
        if "replaced" in hits:
            for old, new in hits["replaced"].fault.texts.items():
                answer.parts = [part.replace(old.encode(), new.encode()) for part in answer.parts]
        return replace(answer, cut_off="cut_off" in hits and answer.status == HTTPStatus.OK)


class _DropOrder(msgspec.Struct, forbid_unknown_fields=True):
    kind: Kind


class _InboxOrder(msgspec.Struct, forbid_unknown_fields=True):
    folder: str


def _told(file: Delivered) -> dict[str, Any]:
    about = {"name": file.name, "bytes": file.bytes, "sha256": file.sha256, "complete": file.complete}
    return {**about, "format": file.export and file.export.format, "again": file.again}


def _refuse(hits: Hits) -> Answer | None:
    """The answer of a fault that leaves nothing of the real one."""
    if "hang_up" in hits:
        return Answer(0, TEXT, [])
    if "busy" in hits:
        after = hits["busy"].fault.retry_after
        headers = {} if after is None else {"Retry-After": str(after)}
        message = "You have exceeded the rate limit of 60 requests per second"
        return error(429, "rate-limit-exceeded", message, headers)
    if "error" in hits:
        return error(hits["error"].fault.status, "internal-server-error", "Internal server error")
    if "revoked" in hits:
        return error(
            401, "user-or-token-not-found", "User was not found or authentication token is not valid"
        )
    if "missing" in hits:
        return error(404, "record-not-found", "Dataset was not found")
    if "html" in hits:
        return html_page(hits["html"].fault.status, "Error", "Something went wrong")
    if "not_json" in hits:
        return Answer(200, JSON, [b"upstream connect error or disconnect/reset before headers"])
    return None
