"""From ClinicalTrials.gov to raw: which pages to ask for, and proof that everything came (docs/upstreams/ctgov.md).

A run lands the studies updated since the last committed date less three days, or all of them. Once a week it
also lists every id: what we hold and the list lacks is asked for one by one before it counts as gone, what the
list has and we lack is fetched. Each run also reads again a slice of the studies that it holds, in the order of their
ids, since some change without a date of update (docs/upstreams/ctgov.md). If the upstream's data version moves
meanwhile, everything starts over.
"""

from __future__ import annotations

import logging
import math
import re
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec

from include.publishing import manifest as manifests
from include.sources.ctgov.tables import SCHEMA_VERSION
from include.sources.source import Probe, Run
from include.storage.landing import Landing
from include.upstream.answers import ContractBreak, Kind
from include.upstream.limits import BadSetting
from include.upstream.session import UpstreamSession

PATH = "api/v2"
PAGE_SIZE = 250
ID_PAGE_SIZE = 1000
ID_BATCH = 100
OVERLAP = timedelta(days=3)
LISTING_EVERY = timedelta(days=7)
REREAD_WITHIN = timedelta(days=28)
"""Slices are so large that every study is read anew within so long; consumers are promised 30 days."""
REREAD_EVERY = timedelta(hours=20)
"""A slice is due so long after the last one even though the data version has not moved; less than a day, so that a
daily run that begins somewhat earlier than yesterday's does not leave one out."""
PART_BYTES = 16 * 2**20
RESTARTS = 3
MISSING_SHARE = 0.01
MISSING_ALWAYS_CONFIRMED = 100
GAPS_MAX = 10_000
_NCT_ID = re.compile(r"NCT[0-9]{8}")
log = logging.getLogger(__name__)


class ApiVersion(msgspec.Struct, frozen=True):
    """/version: `dataTimestamp` names the data version; it has no zone and is only ever compared."""

    apiVersion: str  # noqa: N815 - the API's names
    dataTimestamp: str  # noqa: N815


class Page(msgspec.Struct, frozen=True):
    """/studies: each study as the bytes it came in."""

    studies: list[msgspec.Raw]
    nextPageToken: str | None = None  # noqa: N815
    totalCount: int | None = None  # noqa: N815


class _Identification(msgspec.Struct):
    nctId: str = ""  # noqa: N815
    nctIdAliases: Any = None  # noqa: N815 - whatever it is, it must not keep the id from being read


class _Protocol(msgspec.Struct):
    identificationModule: _Identification = msgspec.field(default_factory=_Identification)  # noqa: N815


class _Identified(msgspec.Struct):
    protocolSection: _Protocol = msgspec.field(default_factory=_Protocol)  # noqa: N815


_identify = msgspec.json.Decoder(_Identified).decode


class Confirmation(msgspec.Struct, frozen=True):
    """What /studies/{id} says of an id that the list lacks: removed, merged into another, or present after all.

    `study` is the study as received where it is present, else `null`.
    """

    nct_id: str
    outcome: Literal["removed", "merged", "present"]
    merged_into: str | None = None
    study: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))


@dataclass(frozen=True, slots=True)
class Plan:
    """What this run asks for. `since` is None for all studies; `limit` bounds how many are taken."""

    since: str | None
    limit: int | None
    list_ids: bool
    reread: float
    """Which share of the studies in base is read again."""

    @property
    def query(self) -> dict[str, str]:
        """The parameters that every page repeats."""
        asked = {"format": "json", "markupFormat": "markdown"}
        if self.since:
            asked["filter.advanced"] = f"AREA[LastUpdatePostDate]RANGE[{self.since},MAX]"
        if self.limit:
            # Oldest first, so that the next run goes on where this one stopped.
            asked["sort"] = "LastUpdatePostDate:asc"
        return asked


class _Moved(Exception):
    """The upstream changed under the crawl; what was landed does not belong together."""


class IdSet:
    """A set of NCT ids in 12.5 MB, however many there are: one bit for each of the 10^8 possible numbers."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._bits = bytearray(10**8 // 8)
        self.count = 0
        for nct_id in ids:
            self.add(nct_id)

    def add(self, nct_id: str) -> None:
        """Add an id. Raises ValueError where it is none."""
        number = _number(nct_id)
        mask = 1 << (number & 7)
        if not self._bits[number >> 3] & mask:
            self._bits[number >> 3] |= mask
            self.count += 1

    def __contains__(self, nct_id: str) -> bool:
        number = _number(nct_id)
        return bool(self._bits[number >> 3] & (1 << (number & 7)))

    def minus(self, *others: IdSet) -> Iterator[str]:
        """Ids that are in this set and in none of the others, in order."""
        import numpy as np

        left = np.frombuffer(self._bits, np.uint8)
        for other in others:
            left = left & ~np.frombuffer(other._bits, np.uint8)
        for byte in np.flatnonzero(left):
            for bit in range(8):
                if left[byte] >> bit & 1:
                    yield f"NCT{byte * 8 + bit:08}"


def _number(nct_id: str) -> int:
    if not _NCT_ID.fullmatch(nct_id):
        raise ValueError(f"{nct_id[:40]!r} is not NCT and eight digits")
    return int(nct_id[3:])


def data_version(upstream: UpstreamSession) -> ApiVersion:
    """The upstream's data version. Raises ContractBreak where /version is not as it always was."""
    return upstream.get(f"{PATH}/version").json(ApiVersion)


def probe(run: Run, upstream: UpstreamSession) -> Probe:
    """Whether the data version moved since the last committed one, and whether a study still has an id."""
    version = data_version(upstream)
    facts = msgspec.to_builtins(version)
    committed = run.watermarks.get("data_timestamp")
    asked = sorted(name for name in ("full_refresh", "since", "limit") if run.params.get(name))
    idle = committed == version.dataTimestamp and not asked
    if idle and (run.base is None or _since_reread(run) < REREAD_EVERY):
        return Probe(False, f"Nothing new: the upstream still has data version {committed}.", facts)
    page = upstream.get(f"{PATH}/studies", {"format": "json", "pageSize": 1}).json(Page)
    if not page.studies or not _id_of(page.studies[0]):
        raise ContractBreak(
            f"{upstream.base_url}/{PATH}/studies answered a page of {len(page.studies)} studies without "
            "protocolSection.identificationModule.nctId. The response shape has changed; latest stays."
        )
    why = f"asked for with {', '.join(asked)}" if asked else f"last committed: {committed or 'none'}"
    if idle:
        why = "not moved, but some studies are due to be read again"
    return Probe(True, f"Data version {version.dataTimestamp} ({why}).", facts)


def plan(run: Run, version: ApiVersion) -> Plan:
    """Decide what to ask for from the run's parameters and its watermarks.

    Raises BadSetting naming the parameter that makes no sense.
    """
    limit = run.params.get("limit")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise BadSetting(f"the parameter limit is {limit!r}; it must be a whole number above zero, or empty")
    since = _since(run)
    listed = run.watermarks.get("ids_listed")
    due = listed is None or _day(version.dataTimestamp) - _day(listed) >= LISTING_EVERY
    ordinary = since is not None and limit is None
    share = _since_reread(run) / REREAD_WITHIN if ordinary else 0.0
    return Plan(since=since, limit=limit, list_ids=ordinary and due, reread=min(share, 1.0))


def _since_reread(run: Run) -> timedelta:
    """How long ago the last slice was read, a day where none was; nothing in a backfill, which is about the past."""
    if run.backfill:
        return timedelta(0)
    at = run.watermarks.get("reread", {}).get("at")
    passed = run.data_time - datetime.fromisoformat(at) if at else timedelta(days=1)
    return max(passed, timedelta(0))


def _since(run: Run) -> str | None:
    due = window_start(run.watermarks)
    if run.params.get("full_refresh") or due is None or run.base is None:
        return None
    if run.base.schema_version != SCHEMA_VERSION:
        log.info("the tables have a new schema version: all studies are fetched once")
        return None
    given = run.params.get("since")
    if given:
        try:
            return date.fromisoformat(str(given)).isoformat()
        except ValueError as error:
            raise BadSetting(
                f"the parameter since is {given!r}; it must be a date like 2026-11-20"
            ) from error
    return due


def next_slice(ids: list[str], after: str, share: float) -> list[str]:
    """The share of ids, sorted ones, that follow on `after`; behind the last one the first ones follow.

    So what was read longest ago comes first, without a note beside each study that would change with every read.
    """
    start = bisect_right(ids, after)
    return [*ids[start:], *ids[:start]][: math.ceil(share * len(ids))]


def window_start(watermarks: Mapping[str, Any]) -> str | None:
    """From which date of update on a run must ask so that none is left out; None where it is all of them."""
    posted = watermarks.get("last_update_posted")
    return (date.fromisoformat(posted) - OVERLAP).isoformat() if posted else None


def _day(timestamp: str) -> date:
    return date.fromisoformat(timestamp[:10])


def extract(run: Run, upstream: UpstreamSession) -> Mapping[str, Any]:
    """Land everything this run needs, going on where a killed try stopped.

    Raises ContractBreak where what came cannot be reconciled with what the upstream declares, or the upstream
    kept changing under the crawl.
    """
    reason = ""
    for _ in range(RESTARTS):
        version = data_version(upstream)
        asked = plan(run, version)
        landing = run.raw.open({**asdict(asked), "query": asked.query}, version.dataTimestamp)
        if landing.progress.complete:
            return landing.progress.facts
        crawl = Crawl(run, upstream, landing, asked, version)
        try:
            facts = crawl.run_phases()
            _check_unmoved(upstream, version)
        except _Moved as moved:
            reason = str(moved)
            log.warning("%s: %s; starting over", run.source, reason)
            landing.discard()
            continue
        kind = "all studies" if facts["full"] else "what was updated"
        facts["summary"] = f"{kind}: {facts['studies_received']} of {facts['studies_declared']} declared"
        landing.finish(facts)
        return facts
    raise ContractBreak(
        f"{upstream.base_url}: {reason}, {RESTARTS} times in a row. Nothing was taken over; latest stays. "
        "Look at the upstream's /studies, then clear the extract task."
    )


def _check_unmoved(upstream: UpstreamSession, version: ApiVersion) -> None:
    now = data_version(upstream)
    if now.dataTimestamp != version.dataTimestamp:
        raise _Moved(f"the data version moved from {version.dataTimestamp} to {now.dataTimestamp}")


@dataclass(slots=True)
class Tally:
    """How far the pages of one kind have come, and whether they add up. The first fields go into the cursor."""

    kind: str
    declared: int | None = None
    token: str | None = None
    done: bool = False
    truncated: bool = False
    rows: int = 0
    unidentified: int = 0
    ids: IdSet = field(default_factory=IdSet)
    aliases: set[str] = field(default_factory=set)
    used: set[str | None] = field(default_factory=set)

    def take(self, line: bytes) -> None:
        """Count a study; one without an id is for the build to quarantine."""
        self.rows += 1
        nct_id, aliases = _identified(line)
        self.aliases |= aliases
        if nct_id:
            self.ids.add(nct_id)
        else:
            self.unidentified += 1

    def turn(self, page: Page, limit: int | None) -> None:
        """Take note of a page's end. Raises _Moved where the walk leads nowhere."""
        self.declared = page.totalCount if self.declared is None else self.declared
        assert self.declared is not None, "the first page is refused without a count"
        self.used.add(self.token)
        self.token, self.done = page.nextPageToken, page.nextPageToken is None
        if limit and self.rows >= limit:
            self.done, self.truncated = True, self.rows < self.declared
        if not self.done and (self.token in self.used or self.rows > self.declared):
            raise _Moved(
                f"the pages of {self.kind} do not end: {self.rows} rows came of {self.declared} declared"
            )

    def state(self) -> dict[str, Any]:
        """For the landing's cursor."""
        return {name: getattr(self, name) for name in ("declared", "token", "done", "truncated")}

    def facts(self) -> dict[str, Any]:
        """For the landing's facts."""
        counts = {"declared": self.declared, "received": self.rows, "distinct": self.ids.count}
        found = {f"{self.kind}_{name}": value for name, value in counts.items()}
        return {**found, "truncated": self.truncated} if self.kind == "studies" else found

    def reconcile(self) -> None:
        """Raise _Moved where rows and distinct ids are not what the first page declared."""
        distinct = self.ids.count + self.unidentified
        if not self.truncated and not self.rows == self.declared == distinct:
            raise _Moved(
                f"{self.declared} {self.kind} were declared, but {self.rows} rows with {distinct} distinct ids came"
            )

    def progress(self, limit: int | None, rate: float) -> str:
        """For the log: how much is there, and how long the rest takes at `rate` rows a second."""
        total = min(limit or self.declared or 0, self.declared or 0)
        left = max(total - self.rows, 0) / rate / 60
        share = self.rows / total if total else 1.0
        return f"{self.rows} of {total} {self.kind} ({share:.0%}), {rate:.0f}/s, about {left:.0f} min left"


class Crawl:
    """One pass over the upstream at one data version, phase by phase; the landing's cursor tells how far."""

    def __init__(
        self, run: Run, upstream: UpstreamSession, landing: Landing, asked: Plan, version: ApiVersion
    ) -> None:
        self.run, self.upstream, self.landing, self.asked, self.version = (
            run,
            upstream,
            landing,
            asked,
            version,
        )
        self.facts: dict[str, Any] = {}

    def run_phases(self) -> dict[str, Any]:
        """All phases, each skipped where an earlier try completed it; returns what is known of the landing."""
        self.facts = {
            "data_version": self.version.dataTimestamp,
            "api_version": self.version.apiVersion,
            "since": self.asked.since,
        }
        studies = self._pages("studies", {**self.asked.query}, PAGE_SIZE, limit=self.asked.limit)
        self.facts["full"] = self.asked.since is None and not self.facts["truncated"]
        known, withheld = self._known()
        claimed = studies.aliases
        missing: list[str] = []
        if self.asked.list_ids or self.facts["full"]:
            listed = studies.ids
            if self.asked.list_ids:
                listed = self._pages("ids", {"format": "json", "fields": "NCTId"}, ID_PAGE_SIZE).ids
            self.facts["listed"] = listed.count
            claimed |= self._fetch("gaps", self._gaps(listed, known, studies.ids)).aliases
            missing = list(known.minus(listed))
        if share := self.asked.reread:
            ids = next_slice(
                list(known.minus()), self.run.watermarks.get("reread", {}).get("after", ""), share
            )
            came = self._fetch("reread", [nct_id for nct_id in ids if nct_id not in studies.ids])
            claimed |= came.aliases
            # One that is withheld may answer on its own page alone, and is asked there once a week.
            missing += IdSet(ids).minus(studies.ids, came.ids, withheld)
            after = ids[-1] if ids else ""
            self.facts["reread_to"] = {"after": after, "at": self.run.data_time.isoformat()}
        self._confirm(known, withheld, missing, claimed)
        return self.facts

    def _pages(self, kind: str, query: dict[str, str], page_size: int, limit: int | None = None) -> Tally:
        """Walk all pages of a query into parts of a kind; returns what came.

        Raises _Moved where rows, distinct ids and the declared count do not agree: a page came twice, a token
        led in circles, or the count moved.
        """
        tally = self._resume(kind)
        pending: list[bytes] = []
        began, resumed = time.monotonic(), tally.rows
        for page in self._walk(query, page_size, tally) if not tally.done else ():
            studies = page.studies[: limit - tally.rows] if limit else page.studies
            for study in studies:
                line = bytes(study).replace(b"\n", b" ")
                tally.take(line)
                pending.append(line)
            tally.turn(page, limit)
            if pending and (tally.done or sum(map(len, pending)) >= PART_BYTES):
                cursor = {**(self.landing.progress.cursor or {}), kind: tally.state()}
                self.landing.write_part(kind, pending, cursor)
                pending.clear()
                rate = (tally.rows - resumed) / (time.monotonic() - began)
                log.info("%s: %s", self.run.source, tally.progress(limit, rate))
            if tally.done:
                break
        self.facts |= tally.facts()
        tally.reconcile()
        return tally

    def _resume(self, kind: str) -> Tally:
        """How far an earlier try came: the landing's cursor, and the ids of the parts that are complete."""
        tally = Tally(kind, **self._cursor(kind))
        for line in self.landing.read(kind):
            tally.take(line)
        return tally

    def _walk(self, query: dict[str, str], page_size: int, tally: Tally) -> Iterator[Page]:
        """Pages from where a tally stands, each next one asked for while the one before is being landed."""

        def ask(token: str | None, *, count: bool) -> Page:
            parameters: dict[str, str | int | float] = {**query, "pageSize": page_size}
            if count:
                parameters["countTotal"] = "true"
            if token:
                parameters["pageToken"] = token
            page = self.upstream.get(f"{PATH}/studies", parameters).json(Page)
            if count and page.totalCount is None:
                raise ContractBreak(
                    f"{self.upstream.base_url}/{PATH}/studies declared no totalCount on its first page although "
                    "countTotal was asked for; nothing can be reconciled. Latest stays."
                )
            return page

        with ThreadPoolExecutor(max_workers=1) as ahead:
            coming: Future[Page] | None = ahead.submit(ask, tally.token, count=tally.declared is None)
            while coming is not None:
                page = coming.result()
                coming = ahead.submit(ask, page.nextPageToken, count=False) if page.nextPageToken else None
                yield page

    def _known(self) -> tuple[IdSet, IdSet]:
        """The ids of the studies in base, and of those among them that are withheld already."""
        known, withheld = IdSet(), IdSet()
        if self.run.base is not None:
            studies = manifests.dataset(self.run.read, self.run.base.table("studies"))
            for batch in studies.to_batches(columns=["nct_id", "withheld"]):
                for nct_id, is_withheld in zip(
                    *(column.to_pylist() for column in batch.columns), strict=True
                ):
                    known.add(nct_id)
                    if is_withheld:
                        withheld.add(nct_id)
        return known, withheld

    def _gaps(self, listed: IdSet, known: IdSet, fetched: IdSet) -> list[str]:
        """What the list has and neither base nor this run's pages hold."""
        gaps = list(listed.minus(known, fetched))
        if len(gaps) > GAPS_MAX:
            raise ContractBreak(
                f"{len(gaps)} listed studies are neither in latest nor among the updated ones; that is no gap "
                "but another dataset. Trigger the DAG with full_refresh."
            )
        return gaps

    def _fetch(self, kind: str, ids: list[str]) -> Tally:
        """Fetch studies by their ids into parts of a kind, going on where an earlier try stopped; returns what came."""
        self.facts[kind] = len(ids)
        lines: list[bytes] = []
        for start in range(self._cursor(kind).get("asked", 0), len(ids), ID_BATCH):
            parameters: dict[str, str | int | float] = {
                "format": "json",
                "markupFormat": "markdown",
                "filter.ids": ",".join(ids[start : start + ID_BATCH]),
                "pageSize": ID_PAGE_SIZE,
            }
            page = self.upstream.get(f"{PATH}/studies", parameters).json(Page)
            lines += [bytes(study).replace(b"\n", b" ") for study in page.studies]
            asked = start + ID_BATCH
            if asked >= len(ids) or sum(map(len, lines)) >= PART_BYTES:
                cursor = {**(self.landing.progress.cursor or {}), kind: {"asked": asked}}
                self.landing.write_part(kind, lines, cursor)
                lines.clear()
                log.info(
                    "%s: %s: %s of %s asked by id", self.run.source, kind, min(asked, len(ids)), len(ids)
                )
        came = Tally(kind)
        for line in self.landing.read(kind):
            came.take(line)
        return came

    def _cursor(self, kind: str) -> dict[str, Any]:
        """How far an earlier try came with a kind."""
        state: dict[str, Any] = (self.landing.progress.cursor or {}).get(kind, {})
        return state

    def _confirm(self, known: IdSet, withheld: IdSet, missing: list[str], claimed: set[str]) -> None:
        """Ask for every id that we hold and that does not come where it should, or that a study claims as its alias.

        Only the study's own page can say that it is gone. Withheld studies may leave the list for good and are asked
        for again each time. Raises ContractBreak where so many others are missing, or claimed, that the answers
        themselves must be wrong.
        """
        if self._is_done("confirmations"):
            return
        doubtful = {
            "lists and answers to ids lack": [nct_id for nct_id in missing if nct_id not in withheld],
            "other studies claim as their aliases": sorted(alias for alias in claimed if alias in known),
        }
        for what, ids in doubtful.items():
            if len(ids) > max(MISSING_ALWAYS_CONFIRMED, MISSING_SHARE * known.count):
                raise ContractBreak(
                    f"{what} {len(ids)} of {known.count} known studies; no upstream removes so many at once, so "
                    "nothing was taken for removed and latest stays. Look at the upstream's /studies."
                )
        lines: list[bytes] = []
        for nct_id in sorted({*missing, *doubtful["other studies claim as their aliases"]}):
            answer = self.upstream.get(f"{PATH}/studies/{nct_id}", {"format": "json"})
            if answer.kind is Kind.EMPTY:
                lines.append(msgspec.json.encode(Confirmation(nct_id, "removed")))
                continue
            found = _id_of(answer.body)
            if not found:
                raise ContractBreak(f"{answer.describe()}: a study without nctId; latest stays.")
            if found != nct_id:
                lines.append(msgspec.json.encode(Confirmation(nct_id, "merged", found)))
            else:
                study = msgspec.Raw(answer.body.replace(b"\n", b" "))
                lines.append(msgspec.json.encode(Confirmation(nct_id, "present", study=study)))
        self._finish_phase("confirmations", {"missing": len(missing)}, lines)

    def _is_done(self, kind: str) -> bool:
        state = self._cursor(kind)
        self.facts |= state.get("facts", {})
        return bool(state.get("done"))

    def _finish_phase(self, kind: str, facts: dict[str, Any], lines: list[bytes]) -> None:
        self.facts |= facts
        state = {"done": True, "facts": facts}
        self.landing.write_part(kind, lines, {**(self.landing.progress.cursor or {}), kind: state})


def _id_of(study: bytes | msgspec.Raw) -> str | None:
    return _identified(study)[0]


def _identified(study: bytes | msgspec.Raw) -> tuple[str | None, set[str]]:
    """The id of a study, and the other ids that it claims as its aliases; those that are none are left out."""
    try:
        claimed = _identify(study).protocolSection.identificationModule
    except (msgspec.DecodeError, ValueError):
        return None, set()
    given = claimed.nctIdAliases if isinstance(claimed.nctIdAliases, list) else []
    nct_id = claimed.nctId if _is_id(claimed.nctId) else None
    return nct_id, {alias for alias in given if _is_id(alias)} - {nct_id}


def _is_id(claimed: Any) -> bool:
    return isinstance(claimed, str) and _NCT_ID.fullmatch(claimed) is not None
