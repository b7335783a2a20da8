"""Switches that make the sample upstream misbehave in the ways the real one has, or may."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from sandbox.pubchem.trials import Collection
from sandbox.sample.switches import Hit, Switch

Kind = Literal[
    "busy",
    "refused",
    "busy_as_404",
    "fault_200",
    "timeout",
    "server_error",
    "html",
    "outage",
    "not_found",
    "cut_off",
    "slow",
    "load",
    "no_header",
    "poison",
    "lost",
    "cut_list",
    "empty_list",
    "shrunk_list",
    "ignored_filter",
    "moving_rows",
    "wrong_total",
    "no_rows",
    "rejected",
    "broken_json",
]
Percent = Annotated[int, Meta(ge=0, le=100)]


class Fault(Switch, frozen=True, kw_only=True):
    """One switch: what goes wrong (`kind`), and for which requests.

    Kinds that leave nothing of the right answer, with the fields that only they read:
    - busy: 503 PUGREST.ServerBusy with Retry-After: `retry_after` (seconds or an HTTP date; None leaves it out);
    - refused: the same, all Green in X-Throttling-Control but for the suffix that says it is a refusal;
    - busy_as_404: PUGREST.ServerBusy behind 404;
    - fault_200: PUGREST.ServerBusy behind 200;
    - timeout: 504 PUGREST.Timeout;
    - server_error: 500 PUGREST.ServerError;
    - html: an HTML page with `status` (503, 200, 404, ...), as an edge server sends it;
    - outage: the connection is closed without an answer;
    - not_found: 404 PUGREST.NotFound, word for word as for what PubChem does not know; shows where PUG REST is asked.

    Kinds that change it:
    - cut_off: Content-Length of the whole body, half of the body, then the connection is closed;
    - slow: the answer begins after `delay` seconds;
    - load: X-Throttling-Control says `count`, `time` and `service` percent: Green below 50, Yellow to 75, Red
      above; at 100 it is Black, and the request is refused;
    - no_header: X-Throttling-Control is missing;
    - poison: a batch of properties with the compound `cid` in it (any if None) is a 500 PUGREST.ServerError;
    - lost: of a batch of properties only the first `keep` are known, as if the others did not exist;
    - cut_list: the classification's list ends within a number, after the share `keep` of it;
    - empty_list, shrunk_list: it is empty, or only its first `keep` are there;
    - ignored_filter: trials of whatever compound, as if nothing had been asked about a cid;
    - moving_rows: before a later page is read, `rows` rows came on top of all others (or that many went, if
      negative), so that the page repeats rows (or leaves some out); totalCount tells it if `counted`;
    - wrong_total: totalCount is wrong by `rows`;
    - no_rows: a query for trials finds nothing, in the form of a true answer;
    - rejected: a query for trials is rejected with status.code -4 and HTTP `status`, 200 too;
    - broken_json: a quote in a title is not escaped; shows where all columns are asked for.

    Requests can be told apart by path (see Switch), by `collection` (of a query for trials) and by `cid` (of a
    query for trials or properties). See Switch for how often a fault strikes.
    """

    kind: Kind
    collection: Collection | None = None
    cid: int | None = None
    retry_after: int | str | None = 1
    status: Annotated[int, Meta(ge=200, le=599)] = 503
    delay: Annotated[float, Meta(ge=0, le=600)] = 0.1
    count: Percent = 0
    time: Percent = 0
    service: Percent = 20
    keep: Annotated[float, Meta(ge=0, le=1)] = 0.5
    rows: int = 1
    counted: bool = True


Hits = Mapping[str, Hit[Fault]]
"""What strikes a request, by kind."""


class Subject(NamedTuple):
    """What a request is about, as far as a fault depends on it.

    kind: classification, properties, names, trials or other; later: not the first page of trials; whole: all
    columns are asked for.
    """

    kind: str
    collection: str | None = None
    cids: frozenset[int] = frozenset()
    later: bool = False
    whole: bool = False


PUG_KINDS = ("classification", "properties", "names")
"""What PUG REST is asked for."""
_SHOWN_IN = {
    "poison": "properties",
    "lost": "properties",
    "cut_list": "classification",
    "empty_list": "classification",
    "shrunk_list": "classification",
    "ignored_filter": "trials",
    "moving_rows": "trials",
    "wrong_total": "trials",
    "no_rows": "trials",
    "rejected": "trials",
    "broken_json": "trials",
}


def can_show(fault: Fault, path: str, subject: Subject) -> bool:
    """Whether a fault can show in the answer to this request."""
    return (
        path.startswith(fault.path)
        and fault.collection in (None, subject.collection)
        and (fault.cid is None or fault.cid in subject.cids)
        and _SHOWN_IN.get(fault.kind, subject.kind) == subject.kind
        and (fault.kind != "not_found" or subject.kind in PUG_KINDS)
        and (fault.kind != "moving_rows" or subject.later)
        and (fault.kind != "broken_json" or subject.whole)
    )
