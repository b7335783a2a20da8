"""The structured-data query interface of PubChem's web pages (docs/upstreams/pubchem.md): rows of trials."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import msgspec

from sandbox.pubchem.chemistry import draws
from sandbox.pubchem.faults import Hits
from sandbox.pubchem.trials import COLLECTIONS, CTGOV, EU, JAPAN, Collection, Trial
from sandbox.pubchem.world import World

MAX_LIMIT = 10_000
_NO_HITS = "eNoHitsFound (227.22)"
_REJECTED_CODE = -4


class RejectedError(ValueError):
    """The query is no good; the message says why."""


class Query(msgspec.Struct):
    """A query as it is sent; keys that are not here (`width`, `nullatbottom`) change nothing."""

    collection: str
    select: str | list[str] | None = None
    hide: str | None = None
    where: dict[str, list[dict[str, Any]]] = {}
    order: list[str] = []
    start: int = 1
    limit: int = 10

    @property
    def cids(self) -> frozenset[int]:
        """The compounds that are asked for; any other condition is silently ignored, as upstream."""
        asked = [each["cid"] for each in self.where.get("ands", []) if "cid" in each]
        return frozenset(int(cid) for cid in asked if str(cid).isdecimal())


def parse(parameters: Mapping[str, str]) -> Query:
    """The query of a request; raises RejectedError if it is none."""
    try:
        query = msgspec.json.decode(parameters.get("query", ""), type=Query)
    except msgspec.DecodeError as error:
        raise RejectedError(f"Query cannot be read: {error}") from error
    if query.start < 1 or query.limit < 1:
        raise RejectedError("start and limit begin at 1")
    return query


def rejection(message: str) -> bytes:
    """The body that says why a query is rejected."""
    status = {"code": _REJECTED_CODE, "error": message}
    return _encoded({"status": status, "totalCount": 0})


def answer(world: World, query: Query, hits: Hits) -> bytes:
    """The body that answers a query. hits: faults that change it. Raises RejectedError for a query that names
    an unknown collection or column."""
    if query.collection == "*" and query.hide == "*":
        found = {name: len(world.rows(name, query.cids or None)) for name in COLLECTIONS}
        counts = [
            {"status": {"code": 0}, "totalCount": count, "collection": name}
            for name, count in found.items()
            if count
        ]
        return _encoded(*counts)
    collection = next((name for name in COLLECTIONS if name == query.collection), None)
    if collection is None:
        raise RejectedError(f"Unknown collection: {query.collection}")
    columns = _selected(collection, query)

    trials = world.rows(collection, None if "ignored_filter" in hits else query.cids or None)
    if "no_rows" in hits:
        trials = []
    _sort(trials, collection, query.order)
    start, total = query.start - 1, len(trials)
    if "moving_rows" in hits:
        moved = hits["moving_rows"].fault
        start, total = max(0, start - moved.rows), total + moved.rows * moved.counted
    page = trials[start : start + min(query.limit, MAX_LIMIT)]
    status: dict[str, Any] = {"code": 0}
    if not page:
        status["warning"], total = [_NO_HITS], 0
    if "wrong_total" in hits:
        total = max(0, total + hits["wrong_total"].fault.rows)
    rows = [_row(trial, columns) for trial in page]
    body = _encoded(
        {"status": status, "totalCount": total, "collection": collection, "type": "rows", "rows": rows}
    )
    if "broken_json" in hits:
        body = body.replace(b'"title":"', b'"title":"A "double-blind" trial: ', 1)
    return body


def _encoded(*sets: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"SDQOutputSet": sets})


# --- rows


def _id_column(collection: Collection) -> str:
    return "eudractnumber" if collection == EU else "ctid"


def _date_column(collection: Collection) -> str:
    return "updatedate" if collection == CTGOV else "date"


def _cids(trial: Trial) -> list[int] | str:
    """An array, but a text with bars in the Japanese collection and for one in ten trials elsewhere."""
    as_text = trial.collection == JAPAN or draws("cids", trial.id)[0] % 10 == 0
    return "|".join(map(str, trial.cids)) if as_text else list(trial.cids)


def _date(trial: Trial) -> str | int:
    """2005-06-24, or for one in six trials 20050624, as text or as a number."""
    day = date.fromordinal(trial.updated)
    form = draws("date", trial.id)[0] % 12
    return int(f"{day:%Y%m%d}") if form == 0 else f"{day:%Y%m%d}" if form == 1 else day.isoformat()


_VALUES: dict[str, Callable[[Trial], Any]] = {
    "gid": lambda trial: draws("gid", trial.id)[0] * 65536 + draws("gid", trial.id)[1],
    "ctid": lambda trial: trial.id,
    "eudractnumber": lambda trial: trial.id,
    "cids": _cids,
    "link": lambda trial: trial.link,
    "title": lambda trial: trial.title,
    "conditions": lambda trial: trial.conditions,
    "interventions": lambda trial: trial.interventions,
    "phase": lambda trial: trial.phase,
    "status": lambda trial: trial.status,
    "updatedate": _date,
    "date": _date,
    "diseaseids": lambda trial: "|".join(map(str, trial.disease_ids)),
}


def columns_of(collection: Collection) -> list[str]:
    """The columns that a row of this collection has."""
    absent = {
        *({"ctid", "eudractnumber"} - {_id_column(collection)}),
        *({"updatedate", "date"} - {_date_column(collection)}),
    }
    return [name for name in _VALUES if name not in absent]


def _selected(collection: Collection, query: Query) -> list[str]:
    known = columns_of(collection)
    wanted = known if query.select == "*" else query.select
    if not isinstance(wanted, list) or not wanted:
        raise RejectedError("select is a list of columns or *")
    for name in wanted:
        if name not in known:
            raise RejectedError(f"Unknown column in select: {name}")
    return wanted


def _row(trial: Trial, columns: list[str]) -> dict[str, Any]:
    """Columns without a value are left out of a row, as diseaseids often are."""
    values = {name: _VALUES[name](trial) for name in columns}
    return values if trial.disease_ids else {name: v for name, v in values.items() if name != "diseaseids"}


def _sort(trials: list[Trial], collection: Collection, order: list[str]) -> None:
    """Sort by columns like `updatedate,desc`, and by id where they are equal."""
    trials.sort(key=lambda trial: trial.id)
    for each in reversed(order):
        column, _, direction = each.partition(",")
        if column not in columns_of(collection) or direction not in ("", "asc", "desc"):
            raise RejectedError(f"Unknown column in order: {each}")
        trials.sort(key=_sort_key(column), reverse=direction == "desc")


def _sort_key(column: str) -> Callable[[Trial], Any]:
    if column in ("updatedate", "date"):
        return lambda trial: trial.updated
    if column == "cids":
        return lambda trial: trial.cids
    return _VALUES[column]
