"""From ClinicalTrials.gov to raw: which pages to ask for, and proof that everything came (docs/upstreams/ctgov.md).

A run lands the studies updated since the last committed date less three days, or all of them. Once a week it
also lists every id: what we hold and the list lacks is asked for one by one before it counts as gone, what the
list has and we lack is fetched. Each run also reads again a slice of the studies that it holds, in the order of their
ids, since some change without a date of update (docs/upstreams/ctgov.md). If the upstream's data version moves
meanwhile, everything starts over.

That something is not there is believed nowhere without a control (include/upstream/control.py): a window must hold the
studies that are known of its days, and what is asked for by id, or by its page, is asked for twice.
"""

from __future__ import annotations

import logging
import math
import random
import re
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Literal, NamedTuple

import msgspec

from include.publishing import manifest as manifests
from include.sources.ctgov.tables import SCHEMA_VERSION
from include.sources.source import Probe, Run
from include.storage.landing import Landing
from include.upstream import control
from include.upstream.answers import ContractBreak, Kind, Transient
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
FEW, FEW_SHARE = 2, 0.1
"""So many of the studies that are known of its days a window may lack, or this share of them, before it is doubted.

From one run to the next a few in 100,000 leave it (removed, merged, withheld), so the share is far above what happens;
the number is for samples, whose windows are small."""
_NAMED = 5
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
    statusModule: Any = None  # noqa: N815 - likewise


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


def data_version(run: Run, upstream: UpstreamSession) -> ApiVersion:
    """The upstream's data version. Raises ContractBreak where /version is not as it always was.

    Raises Transient where it is older than the committed one: a server that lags behind would take studies back.
    """
    version = upstream.get(f"{PATH}/version").json(ApiVersion)
    committed = run.watermarks.get("data_timestamp", "")
    if version.dataTimestamp < committed:
        raise Transient(
            f"{upstream.base_url}/{PATH}/version says {version.dataTimestamp}, which is before {committed}, the data "
            "version of latest. A server that lags behind was asked: nothing of it is taken, and latest stays. The "
            "next try asks again.",
            cause=f"the data version went back from {committed} to {version.dataTimestamp}",
        )
    return version


def probe(run: Run, upstream: UpstreamSession) -> Probe:
    """Whether the data version moved since the last committed one, and whether a study still has an id."""
    version = data_version(run, upstream)
    facts = msgspec.to_builtins(version)
    committed = run.watermarks.get("data_timestamp")
    asked = sorted(name for name in ("full_refresh", "since", "limit") if run.params.get(name))
    idle = committed == version.dataTimestamp and not asked
    if idle and (run.base is None or _since_reread(run) < REREAD_EVERY):
        return Probe(False, f"Nothing new: the upstream still has data version {committed}.", facts)
    page = upstream.get(f"{PATH}/studies", {"format": "json", "pageSize": 1}).json(Page)
    if not page.studies:
        raise Transient(
            f"{upstream.base_url}/{PATH}/studies answered that there are no studies at all. That is an outage and no "
            "answer; latest stays. The next try asks again.",
            cause="the list of all studies is empty",
        )
    if not _identified(page.studies[0]).nct_id:
        raise ContractBreak(
            f"{upstream.base_url}/{PATH}/studies answered a study without "
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
        version = data_version(run, upstream)
        asked = plan(run, version)
        landing = run.raw.open({**asdict(asked), "query": asked.query}, version.dataTimestamp)
        if landing.progress.complete:
            return landing.progress.facts
        crawl = Crawl(run, upstream, landing, asked, version)
        try:
            facts = crawl.run_phases()
            _check_unmoved(run, upstream, version)
        except _Moved as moved:
            reason = str(moved)
            log.warning("%s: %s; starting over", run.source, reason)
            landing.discard()
            continue
        kind = "all studies" if facts["full"] else "what was updated"
        facts["summary"] = f"{kind}: {facts['studies_received']} of {facts['studies_declared']} declared"
        if facts.get("absent"):
            facts["summary"] += f"; {facts['absent']} studies are listed, but found neither by id nor by page"
        landing.finish(facts)
        return facts
    raise ContractBreak(
        f"{upstream.base_url}: {reason}, {RESTARTS} times in a row. Nothing was taken over; latest stays. "
        "Look at the upstream's /studies, then clear the extract task."
    )


def _check_unmoved(run: Run, upstream: UpstreamSession, version: ApiVersion) -> None:
    now = data_version(run, upstream)
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
    newest: str = ""
    """The last date of update among them."""
    used: set[str | None] = field(default_factory=set)

    def take(self, line: bytes) -> None:
        """Count a study; one without an id is for the build to quarantine."""
        self.rows += 1
        nct_id, aliases, posted = _identified(line)
        self.aliases |= aliases
        self.newest = max(self.newest, posted)
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


@dataclass(slots=True)
class Known:
    """The ids of the studies in base: all, those that are withheld, those whose last update lies in the window."""

    ids: IdSet = field(default_factory=IdSet)
    withheld: IdSet = field(default_factory=IdSet)
    due: IdSet = field(default_factory=IdSet)


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
        inside = self._window(studies)
        known = self._known(inside)
        came, claimed, missing = IdSet(), studies.aliases, list[str]()

        def fetch(kind: str, ids: list[str]) -> None:
            got = self._fetch(kind, ids, known)
            claimed.update(got.aliases)
            for nct_id in ids:
                if nct_id in got.ids:
                    came.add(nct_id)
                elif nct_id not in known.withheld:
                    # One that is withheld may answer on its own page alone, and is asked there once a week.
                    missing.append(nct_id)

        lacking = list(known.due.minus(studies.ids, known.withheld))
        self._check_window(studies, known, lacking, inside)
        fetch("overlap", lacking)
        if self.asked.list_ids or self.facts["full"]:
            listed = studies.ids
            if self.asked.list_ids:
                listed = self._pages("ids", {"format": "json", "fields": "NCTId"}, ID_PAGE_SIZE).ids
            self.facts["listed"] = listed.count
            fetch("gaps", self._gaps(listed, known.ids, studies.ids))
            missing += known.ids.minus(listed, came)
        if share := self.asked.reread:
            ids = next_slice(
                list(known.ids.minus()), self.run.watermarks.get("reread", {}).get("after", ""), share
            )
            fetch("reread", [nct_id for nct_id in ids if nct_id not in studies.ids and nct_id not in came])
            after = ids[-1] if ids else ""
            self.facts["reread_to"] = {"after": after, "at": self.run.data_time.isoformat()}
        self._confirm(known, sorted(set(missing)), claimed)
        return self.facts

    # --- the window ---

    def _window(self, studies: Tally) -> Callable[[str], bool]:
        """Whether a study with a date of update belongs to what was asked for; none does where it was no window."""
        since = self.asked.since
        # Where `limit` cut it short, the oldest came: of the last day some may be left.
        until = studies.newest if studies.truncated else "9999"
        return lambda posted: since is not None and since <= posted < until

    def _check_window(
        self, studies: Tally, known: Known, lacking: list[str], inside: Callable[[str], bool]
    ) -> None:
        """Raise Transient where a window lacks so many of the known studies that it is no answer, or all of them.

        It is none where one of those that it lacks, asked for by id, says that its last update is in the window. Then
        the landing begins anew, so that the next try asks for the window again.
        """
        if not lacking or (studies.rows and len(lacking) <= max(FEW, FEW_SHARE * known.due.count)):
            return
        some = lacking[:: math.ceil(len(lacking) / ID_BATCH)]
        for study in self._ask(some):
            nct_id, _, posted = _identified(study)
            # What answers for one that was merged need not be missing.
            if nct_id in some and inside(posted):
                self.landing.discard()
                lacks = f"{len(lacking)} of {known.due.count} known studies"
                raise Transient(
                    f"{self.upstream.base_url}/{PATH}/studies: the window of updates since {self.asked.since} brought "
                    f"{studies.rows} studies and lacks {lacks}, {nct_id} among them, which says that it was updated on "
                    f"{posted}. An answer that is cut or empty is an outage: nothing of it is taken, and latest stays. "
                    "The next try asks again.",
                    cause=f"the window of updates lacks {lacks} that belong to it",
                )

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

    def _known(self, inside: Callable[[str], bool]) -> Known:
        """What base holds; `inside` tells of a date of update whether it is in the window."""
        known = Known()
        if self.run.base is not None:
            studies = manifests.dataset(self.run.read, self.run.base.table("studies"))
            for batch in studies.to_batches(columns=["nct_id", "withheld", "last_update_post_date"]):
                for nct_id, is_withheld, posted in zip(
                    *(column.to_pylist() for column in batch.columns), strict=True
                ):
                    known.ids.add(nct_id)
                    if is_withheld:
                        known.withheld.add(nct_id)
                    if posted is not None and inside(posted.isoformat()):
                        known.due.add(nct_id)
        return known

    def _gaps(self, listed: IdSet, known: IdSet, fetched: IdSet) -> list[str]:
        """What the list has and neither base nor this run's pages hold."""
        gaps = list(listed.minus(known, fetched))
        if len(gaps) > GAPS_MAX:
            raise ContractBreak(
                f"{len(gaps)} listed studies are neither in latest nor among the updated ones; that is no gap "
                "but another dataset. Trigger the DAG with full_refresh."
            )
        return gaps

    def _fetch(self, kind: str, ids: list[str], known: Known) -> Tally:
        """Fetch studies by their ids into parts of a kind, going on where an earlier try stopped; returns what came.

        What no answer holds is asked for once more, beside a control; withheld studies need not have an answer. Raises
        Transient where the question finds nothing at all.
        """
        self.facts[kind] = len(ids)
        self._land(kind, ids, self._cursor(kind).get("asked", 0))
        came = self._came(kind)

        def absent(wanted: Collection[str]) -> list[str]:
            answered = (came.ids, came.aliases, known.withheld)
            return [nct_id for nct_id in wanted if not any(nct_id in those for those in answered)]

        def ask_again(wanted: Collection[str]) -> list[str]:
            nonlocal came
            for start in range(0, len(wanted), ID_BATCH):
                found = self._ask(list(wanted)[start : start + ID_BATCH])
                self.landing.write_part(kind, found, self.landing.progress.cursor)
            came = self._came(kind)
            return absent(wanted)

        lost = absent(ids)
        controls = partial(self._control, "studies by their ids", known, lost, self._is_found)
        control.confirmed("studies by their ids", lost, controls, ask_again)
        return came

    def _land(self, kind: str, ids: list[str], begin: int) -> None:
        """Land the studies of some ids, from the one at `begin` on."""
        lines: list[bytes] = []
        for start in range(begin, len(ids), ID_BATCH):
            lines += self._ask(ids[start : start + ID_BATCH])
            asked = start + ID_BATCH
            if asked >= len(ids) or sum(map(len, lines)) >= PART_BYTES:
                cursor = {**(self.landing.progress.cursor or {}), kind: {"asked": asked}}
                self.landing.write_part(kind, lines, cursor)
                lines.clear()
                log.info(
                    "%s: %s: %s of %s asked by id", self.run.source, kind, min(asked, len(ids)), len(ids)
                )

    def _ask(self, ids: list[str]) -> list[bytes]:
        """The studies that answer to up to ID_BATCH ids, a line for each."""
        parameters: dict[str, str | int | float] = {
            "format": "json",
            "markupFormat": "markdown",
            "filter.ids": ",".join(ids),
            "pageSize": ID_PAGE_SIZE,
        }
        page = self.upstream.get(f"{PATH}/studies", parameters).json(Page)
        return [bytes(study).replace(b"\n", b" ") for study in page.studies]

    def _came(self, kind: str) -> Tally:
        came = Tally(kind)
        for line in self.landing.read(kind):
            came.take(line)
        return came

    # --- what is known to be there ---

    def _control(
        self, question: str, known: Known, lost: Collection[str], is_there: Callable[[str], bool]
    ) -> None:
        """Ask for studies of base that are not among the lost ones, others in each run. Raises Transient."""
        chance = random.Random(self.run.version)  # noqa: S311 - a choice, not a secret
        there = list(known.ids.minus(known.withheld, IdSet(lost)))
        drawn = chance.sample(there, min(control.ASKED, len(there)))
        control.check(question, [control.Control(nct_id, partial(is_there, nct_id)) for nct_id in drawn])

    def _is_found(self, nct_id: str) -> bool:
        """Whether an id finds its study, or the one that it was merged into."""
        found = [_identified(study) for study in self._ask([nct_id])]
        return any(nct_id == each.nct_id or nct_id in each.aliases for each in found)

    def _has_page(self, nct_id: str) -> bool:
        return self._page_of(nct_id).outcome != "removed"

    def _cursor(self, kind: str) -> dict[str, Any]:
        """How far an earlier try came with a kind."""
        state: dict[str, Any] = (self.landing.progress.cursor or {}).get(kind, {})
        return state

    def _confirm(self, known: Known, missing: list[str], claimed: set[str]) -> None:
        """Ask for every id that does not come where it should, or that we hold and a study claims as its alias.

        Only the study's own page can say that it is gone, and says it twice, beside a control. Withheld studies may
        leave the list for good and are asked for again each time. Raises ContractBreak where so many others are
        missing, or claimed, that the answers themselves must be wrong; the landing, which holds these, begins anew.
        """
        if self._is_done("confirmations"):
            return
        doubtful = {
            "lists and answers to ids lack": [nct_id for nct_id in missing if nct_id not in known.withheld],
            "other studies claim as their aliases": sorted(alias for alias in claimed if alias in known.ids),
        }
        for what, ids in doubtful.items():
            if len(ids) > max(MISSING_ALWAYS_CONFIRMED, MISSING_SHARE * known.ids.count):
                self.landing.discard()
                raise ContractBreak(
                    f"{what} {len(ids)} of {known.ids.count} known studies; no upstream removes so many at once, so "
                    "nothing was taken for removed and latest stays. Look at the upstream's /studies."
                )
        pages: dict[str, Confirmation] = {}

        def ask(wanted: Collection[str]) -> list[str]:
            pages.update({nct_id: self._page_of(nct_id) for nct_id in wanted})
            return [nct_id for nct_id in wanted if pages[nct_id].outcome == "removed"]

        lost = ask(sorted({*missing, *doubtful["other studies claim as their aliases"]}))
        controls = partial(self._control, "studies by their pages", known, lost, self._has_page)
        gone = control.confirmed("studies by their pages", lost, controls, ask)
        absent = [nct_id for nct_id in gone if nct_id not in known.ids]
        if absent:
            log.warning(
                "%s: %d studies are listed, but found neither by id nor by page: %s",
                self.run.source,
                len(absent),
                ", ".join(absent[:_NAMED]),
            )
        lines = [msgspec.json.encode(page) for page in pages.values()]
        self._finish_phase("confirmations", {"missing": len(missing), "absent": len(absent)}, lines)

    def _page_of(self, nct_id: str) -> Confirmation:
        """What a study's own page says of it. Raises ContractBreak where that is a study without a number."""
        answer = self.upstream.get(f"{PATH}/studies/{nct_id}", {"format": "json"})
        if answer.kind is Kind.EMPTY:
            return Confirmation(nct_id, "removed")
        found = _identified(answer.body).nct_id
        if not found:
            raise ContractBreak(f"{answer.describe()}: a study without nctId; latest stays.")
        if found != nct_id:
            return Confirmation(nct_id, "merged", found)
        return Confirmation(nct_id, "present", study=msgspec.Raw(answer.body.replace(b"\n", b" ")))

    def _is_done(self, kind: str) -> bool:
        state = self._cursor(kind)
        self.facts |= state.get("facts", {})
        return bool(state.get("done"))

    def _finish_phase(self, kind: str, facts: dict[str, Any], lines: list[bytes]) -> None:
        self.facts |= facts
        state = {"done": True, "facts": facts}
        self.landing.write_part(kind, lines, {**(self.landing.progress.cursor or {}), kind: state})


class Identified(NamedTuple):
    """The id of a study, None where it has none; the other ids that it claims; its date of update, "" where unknown."""

    nct_id: str | None
    aliases: set[str]
    posted: str


def _identified(study: bytes | msgspec.Raw) -> Identified:
    """What a study says of itself. Aliases that are no ids are left out."""
    try:
        protocol = _identify(study).protocolSection
    except (msgspec.DecodeError, ValueError):
        return Identified(None, set(), "")
    claimed = protocol.identificationModule
    given = claimed.nctIdAliases if isinstance(claimed.nctIdAliases, list) else []
    nct_id = claimed.nctId if _is_id(claimed.nctId) else None
    aliases = {alias for alias in given if _is_id(alias)} - {nct_id}
    return Identified(nct_id, aliases, _posted(protocol.statusModule))


def _posted(status: Any) -> str:
    struct = status.get("lastUpdatePostDateStruct") if isinstance(status, dict) else None
    posted = struct.get("date") if isinstance(struct, dict) else None
    return posted if isinstance(posted, str) else ""


def _is_id(claimed: Any) -> bool:
    return isinstance(claimed, str) and _NCT_ID.fullmatch(claimed) is not None
