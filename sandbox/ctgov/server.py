"""The sample upstream: what it serves, and its controls."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from sandbox.ctgov.api import Api
from sandbox.ctgov.corpus import LISTED, Advance, Corpus
from sandbox.ctgov.faults import Fault, Hits, can_show
from sandbox.ctgov.generator import DEFAULT_MEAN_BYTES, Generator
from sandbox.ctgov.query import parse_nct_id
from sandbox.sample.server import (
    DEFAULT_SEED,
    DEFAULT_SIZE,
    TEXT,
    Answer,
    Incoming,
    Sample,
    SampleState,
    html_page,
)


class State(SampleState, kw_only=True):
    """What a restart needs to serve the same data version; the content of the state file."""

    mean_bytes: int = DEFAULT_MEAN_BYTES


class SampleUpstream(Sample[State, Fault]):
    """A ClinicalTrials.gov of our own making, for tests and demonstrations.

    >>> with SampleUpstream(size=200, seed=7) as up:
    ...     requests.get(f"{up.url}/api/v2/studies", params={"pageSize": 100})

    - size: studies at the first data version (2026-11-16), 10 to 600,000.
    - seed: another seed, another sample.
    - state: a small JSON file that keeps the data version over a restart; one that was written for another
      size, seed or mean_bytes is refused with ValueError.
    - host, port: where to listen; port 0 takes a free one.
    - mean_bytes: mean size of a study's JSON, at least about 7,400.
    - compress: gzip for clients that accept it, about 80 us a study; off to measure a client.

    The server runs in threads of this process from the start of the `with` block to its end.

    - `url`: http://HOST:PORT, without /api/v2.
    - `data_version`: dataTimestamp as in /version.
    - `advance(days)`: go to a later data version; tells which ids are new, changed, merged, ...: see Advance.
    - `faults([...])`: make it misbehave, see Fault; `faults([])` ends that.
    - `studies()`: the truth, every listed study in the order of ids; `study(nct_id)`: one of them.
    - `requests`: the last 10,000 GETs below /api/v2, oldest first; `requests.clear()` empties it. A request
      is in it before its answer is sent.

    Persons in the studies are invented and can be recognised: vocabulary.person_traces(text).
    Over HTTP: GET /_sandbox/state, POST /_sandbox/advance (optional {"days": n}), POST /_sandbox/faults.
    """

    def __init__(
        self,
        size: int = DEFAULT_SIZE,
        seed: int = DEFAULT_SEED,
        state: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        mean_bytes: int = DEFAULT_MEAN_BYTES,
        compress: bool = True,
    ) -> None:
        numbers = State(size=size, seed=seed, mean_bytes=mean_bytes)
        super().__init__(numbers, state, Fault, host=host, port=port, compress=compress)
        self._corpus = Corpus(size, seed, self._state.day)
        self._generator = Generator(self._corpus, mean_bytes)
        self._api = Api(self._corpus, self._generator)
        self._save()

    # --- control

    @property
    def data_version(self) -> str:
        return self._corpus.data_version

    def advance(self, days: int = 1) -> Advance:
        """Go to the data version `days` weekdays later; tells what changed against the present one."""
        with self._lock:
            summary = self._corpus.advance(days)
            self._state.day = self._corpus.day
            self._save()
            return summary

    def state(self) -> dict[str, Any]:
        """What GET /_sandbox/state answers."""
        with self._lock:
            return {
                **msgspec.to_builtins(self._state),
                "data_version": self.data_version,
                "studies": int((self._corpus.column("state") == LISTED).sum()),
                "faults": [msgspec.to_builtins(fault) for fault in self._faults.current()],
            }

    def studies(self) -> Iterator[dict[str, Any]]:
        """Every listed study at this data version, in the order of ids; do not advance meanwhile."""
        for index, state in enumerate(self._corpus.column("state").tolist()):
            if state == LISTED:
                yield self._generator.study(index)

    def study(self, nct_id: str) -> dict[str, Any]:
        """The study that answers for an id, be it alias or unlisted; raises KeyError if none does."""
        number = parse_nct_id(nct_id)
        index = None if number is None else self._corpus.find(number)
        if index is None:
            raise KeyError(nct_id)
        return self._generator.study(index)

    # --- answering

    def respond(self, request: Incoming) -> Answer:
        """Answer a GET below /api/v2, with the faults that hit it."""
        hits = self._faults.strike(lambda fault: can_show(fault, request.path, request.params))
        if "slow" in hits:
            time.sleep(hits["slow"].fault.delay)
        if "moving_version" in hits:
            self.advance()
        answer = _refuse(hits)
        if answer is None:
            with self._lock:
                etag = request.headers.get("If-None-Match")
                answer = self._api.answer(request.path, request.params, etag, hits)
            if "wrong_content_type" in hits:
                answer.content_type = hits["wrong_content_type"].fault.content_type
            if "replaced" in hits:
                for old, new in hits["replaced"].fault.texts.items():
                    answer.parts = [part.replace(old.encode(), new.encode()) for part in answer.parts]
        return replace(answer, cut_off="cut_off" in hits)


def _refuse(hits: Hits) -> Answer | None:
    """The answer of a fault that leaves nothing of the real one."""
    if "too_many_requests" in hits:
        after = hits["too_many_requests"].fault.retry_after
        return Answer(429, TEXT, [b"Too many requests"], {} if after is None else {"Retry-After": str(after)})
    if "error" in hits:
        fault = hits["error"].fault
        title = f"Error {fault.status}"
        if fault.body == "html":
            return html_page(fault.status, title, title)
        return Answer(fault.status, TEXT, [title.encode()])
    if "html_page" in hits:
        return html_page(200, "ClinicalTrials.gov", "Please wait")
    return None
