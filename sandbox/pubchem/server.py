"""The sample upstream: what it serves, and its controls."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from sandbox.pubchem.api import Api, fault, subject_of
from sandbox.pubchem.faults import Fault, Hits, can_show
from sandbox.pubchem.throttling import HEADER, USUAL, Quota, header
from sandbox.pubchem.trials import Collection, Trial
from sandbox.pubchem.world import ALL, Advance, Key, Node, World
from sandbox.sample.server import (
    DEFAULT_SEED,
    DEFAULT_SIZE,
    TEXT,
    Answer,
    Incoming,
    Request,
    Sample,
    SampleState,
    html_page,
)

_BLACK = 100
_REFUSED_SECONDS = 30


class State(SampleState, kw_only=True):
    """What a restart needs to serve the same data version; the content of the state file."""

    compounds: int = 0


class SampleUpstream(Sample[State, Fault]):
    """A PubChem of our own making, for tests and demonstrations.

    >>> with SampleUpstream(size=200, seed=7) as up:
    ...     requests.get(f"{up.url}/rest/pug/compound/name/aspirin/cids/JSON")

    - size, seed: of the sample of sandbox.ctgov that its compounds and trials fit.
    - state: a small JSON file that keeps the data version over a restart; one that was written for another
      size, seed or compounds is refused with ValueError.
    - host, port: where to listen; port 0 takes a free one.
    - compounds: fill up to so many compounds with ones that no study of the ctgov sample tests, at about 9.2
      trial rows each; 12,000 are the real number. 0 adds none.
    - quota: refuse what exceeds 5 requests a second.
    - compress: gzip for clients that accept it.

    The server runs in threads of this process from the start of the `with` block to its end.

    - `url`: http://HOST:PORT, without /rest/pug and /sdq.
    - `advance(days)`: go to a later data version; tells what came, changed and went: see Advance.
    - `faults([...])`: make it misbehave, see Fault; `faults([])` ends that.
    - `quota(on)`: switch the quota.
    - `listed(node)`, `compounds()`, `trials()`, `links()`, `names()`, `resolve(name)`: the truth at this data
      version.
    - `requests`: the last 10,000 requests, oldest first. `count(kind, status)`: how many there were of
      classification, properties, names, trials or other. `forget()` empties both. A request is counted before
      its answer is sent.

    Over HTTP: GET /_sandbox/state, POST /_sandbox/advance (optional {"days": n}), POST /_sandbox/faults,
    POST /_sandbox/quota ({"on": true}), GET /_sandbox/requests (counts by kind and status), POST
    /_sandbox/forget.
    """

    posts = True

    def __init__(
        self,
        size: int = DEFAULT_SIZE,
        seed: int = DEFAULT_SEED,
        state: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        compounds: int = 0,
        quota: bool = False,
        compress: bool = True,
    ) -> None:
        numbers = State(size=size, seed=seed, compounds=compounds)
        super().__init__(numbers, state, Fault, host=host, port=port, compress=compress)
        self._world = World(size, seed, compounds, self._state.day)
        self._api = Api(self._world)
        self._quota = Quota() if quota else None
        self._counts: Counter[tuple[str, int]] = Counter()
        self._save()

    # --- control

    def advance(self, days: int = 1) -> Advance:
        """Go to the data version `days` weekdays later; tells what changed against the present one."""
        with self._lock:
            summary = self._world.advance(days)
            self._state.day = self._world.day
            self._save()
            return summary

    def quota(self, on: bool) -> None:
        """Switch the quota on, as if nothing had been asked before, or off."""
        with self._lock:
            self._quota = Quota() if on else None

    def state(self) -> dict[str, Any]:
        with self._lock:
            return {
                **msgspec.to_builtins(self._state),
                "data_version": self._world.data_version,
                "listed": {node: len(cids) for node, cids in self._world.listed.items()},
                "trials": len(self._world.trials),
                "quota": self._quota is not None,
                "faults": [msgspec.to_builtins(each) for each in self._faults.current()],
            }

    def order(self, name: str, body: bytes) -> Any:
        match name:
            case "POST /quota":
                self.quota(msgspec.json.decode(body, type=_QuotaOrder).on)
                return self.state()
            case "GET /requests":
                return self._counted()
            case "POST /forget":
                self.forget()
                return self._counted()
        return super().order(name, body)

    # --- requests

    def log(self, request: Request) -> None:
        super().log(request)
        kind = subject_of(request.path, request.params).kind
        with self._lock:
            self._counts[kind, request.status] += 1

    def count(self, kind: str, status: int | None = None) -> int:
        """How many requests of this kind there were; 0 is the status of one that was left without answer."""
        with self._lock:
            counts = self._counts.items()
            return sum(n for (each, code), n in counts if each == kind and status in (None, code))

    def forget(self) -> None:
        """Begin to count and log again."""
        with self._lock:
            self.requests.clear()
            self._counts.clear()

    def _counted(self) -> dict[str, dict[str, int]]:
        with self._lock:
            found: dict[str, dict[str, int]] = {}
            for (kind, status), count in sorted(self._counts.items()):
                found.setdefault(kind, {})[str(status)] = count
            return found

    # --- the truth

    def listed(self, node: Node = ALL) -> set[int]:
        """The compounds that the classification lists, in all or for a registry."""
        with self._lock:
            return set(self._world.listed[node])

    def compounds(self) -> dict[int, dict[str, Any]]:
        """Every compound that has properties, listed or not, with all of them, by CID."""
        with self._lock:
            found = {cid: self._world.compounds.properties(cid) for cid in self._world.compounds}
            return {cid: properties for cid, properties in found.items() if properties is not None}

    def trials(self) -> dict[Key, Trial]:
        """Every trial by (collection, id)."""
        with self._lock:
            return dict(self._world.trials)

    def links(self) -> set[tuple[Collection, str, int]]:
        """Every (collection, trial, compound), those of compounds that no list names among them."""
        with self._lock:
            return {(*key, cid) for key, trial in self._world.trials.items() for cid in trial.cids}

    def names(self) -> dict[str, tuple[int, ...]]:
        """Every name that the sample has met, in lower case, and what it resolves to; unknown ones to none."""
        with self._lock:
            return dict(self._world.compounds.names())

    def resolve(self, name: str) -> tuple[int, ...]:
        """The CIDs of a name, in PubChem's order; none for an unknown name."""
        with self._lock:
            return self._world.compounds.resolve(name)

    def meant(self, name: str) -> int | None:
        """The one compound that a name truly means, whatever it resolves to; None for an unknown name."""
        with self._lock:
            return next(iter(self._world.compounds.family(name)), None)

    # --- answering

    def respond(self, request: Incoming) -> Answer:
        """Answer a request, with the faults that hit it."""
        with self._lock:
            over = self._quota is not None and not self._quota.takes()
        if over:
            return _refused(_REFUSED_SECONDS)
        subject = subject_of(request.path, request.params)
        hits = self._faults.strike(lambda each: can_show(each, request.path, subject))
        if "slow" in hits:
            time.sleep(hits["slow"].fault.delay)
        answer = _refuse(hits)
        if answer is None:
            with self._lock:
                answer = self._api.answer(request, hits)
        headers = _throttling(hits) | answer.headers
        if "no_header" in hits:
            del headers[HEADER]
        return replace(answer, headers=headers, cut_off="cut_off" in hits)


class _QuotaOrder(msgspec.Struct, forbid_unknown_fields=True):
    on: bool


def _throttling(hits: Hits) -> dict[str, str]:
    load = USUAL
    if "load" in hits:
        set_to = hits["load"].fault
        load = set_to.count, set_to.time, set_to.service
    return {HEADER: header(load)}


def _retry_after(value: int | str | None) -> dict[str, str]:
    return {} if value is None else {"Retry-After": str(value)}


def _busy(status: int, headers: Mapping[str, str]) -> Answer:
    return replace(fault(status, "ServerBusy", "Too many requests or server too busy"), headers=dict(headers))


def _refused(retry_after: int | str | None) -> Answer:
    return _busy(503, _retry_after(retry_after) | {HEADER: header(USUAL, refused=True)})


def _refuse(hits: Hits) -> Answer | None:
    """The answer of a fault that leaves nothing of the real one."""
    if "outage" in hits:
        return Answer(0, TEXT, [])
    if "html" in hits:
        status = hits["html"].fault.status
        return html_page(status, f"Error {status}", "PubChem is not available")
    if "refused" in hits:
        return _refused(hits["refused"].fault.retry_after)
    if "busy" in hits:
        return _busy(503, _retry_after(hits["busy"].fault.retry_after))
    if "load" in hits and _BLACK in (
        hits["load"].fault.count,
        hits["load"].fault.time,
        hits["load"].fault.service,
    ):
        return _busy(503, _retry_after(hits["load"].fault.retry_after))
    if "not_found" in hits:
        return fault(404, "NotFound", "No CID found", "No CID found that matches the given input")
    if "busy_as_404" in hits:
        return _busy(404, {})
    if "fault_200" in hits:
        return _busy(200, {})
    if "timeout" in hits:
        return fault(504, "Timeout", "The request timed out")
    if "server_error" in hits:
        return fault(500, "ServerError", "Unexpected server error")
    return None
