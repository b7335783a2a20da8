"""From PubChem to raw: which compounds have trials, their trials in each registry, their properties, and names.

A run works off a list of units, one for each compound and registry that its classification lists, and one for
each name of an intervention. Every answer lands with the unit it answers, so a killed run goes on with the rest;
what failed is asked again up to PASSES times, then recorded as failed and asked again by the next run. A full run
asks for every unit; a daily one for new compounds, for what failed, and for the seventh that was asked longest
ago. PubChem's lists have no version, so a run of every day is the only way to learn of a change.

That there is nothing lands only where it was said twice, and in between PubChem knew something else that was asked
for in the same way (include/upstream/control.py); until then it is as if it had not been asked.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any, TypeVar

import msgspec
import pyarrow.compute as pc

from include.decoding import decoder
from include.publishing import manifest as manifests
from include.publishing.manifest import Manifest
from include.sources.ctgov import tables as ctgov
from include.sources.pubchem import lookup, rows, tables
from include.sources.pubchem.client import ALL_NODE, Asker, goes_by_post
from include.sources.pubchem.records import (
    COLLECTIONS,
    Lookup,
    NameLookup,
    Plan,
    Properties,
    Reply,
    State,
    Unit,
)
from include.sources.source import Probe, Run
from include.storage.landing import Landing
from include.storage.tables import Table
from include.upstream import control
from include.upstream.answers import ContractBreak, Transient
from include.upstream.limits import BadSetting
from include.upstream.session import UpstreamSession

BATCH_CIDS = 250
CHUNK = 200
"""Units between two parts: at 5 requests a second a kill loses less than a minute."""
PASSES = 3
FULL_EVERY = timedelta(days=30)
ROUND_DAYS = 7
RESTED = timedelta(hours=20)
"""A unit is not asked twice within this time, so that a second run on one day has nothing to do."""
NAMES_PER_RUN = 5000
NAME_AGE = timedelta(days=180)
FAILED_ALWAYS, FAILED_SHARE = 50, 0.05
"""More failures than both in one pass are the upstream's, not those of the items."""
MISSING_ALWAYS, MISSING_SHARE = 100, 0.01
"""More known compounds than both that left the classification are its mistake."""
KNOWN_NAMES, KNOWN_CIDS = ("aspirin", "ibuprofen", "metformin"), (2244, 3672, 4091)
"""Names and their compounds that PubChem has known since it began, for the controls of a first run."""
BY_PATH, BY_POST = "by path", "by POST"
RESOLVED_TYPES = ("DRUG", "BIOLOGICAL", "COMBINATION_PRODUCT")
log = logging.getLogger(__name__)

R = TypeVar("R", bound=Reply)


def probe(run: Run, upstream: UpstreamSession) -> Probe:
    """Whether there is anything to ask for, and whether a record still looks as agreed on.

    Raises ContractBreak where it does not.
    """
    asker = Asker(upstream)
    listed = asker.compounds_below(ALL_NODE)
    _check_shape(asker, [listed[0], listed[len(listed) // 2], listed[-1]])
    due = _Base.of(run).due(run, set(listed))
    facts = {"listed": len(listed), "due": due}
    studies, marks = run.inputs.get("ctgov"), run.watermarks
    if studies and (marks.get("ctgov") != studies.version or marks.get("names_left")):
        return Probe(
            True, f"{len(listed)} compounds are listed, {due} of them due, and names to look up.", facts
        )
    if due:
        return Probe(True, f"{len(listed)} compounds are listed, {due} of them due.", facts)
    return Probe(False, f"{len(listed)} compounds are listed, none of them due today.", facts)


def _check_shape(asker: Asker, cids: list[int]) -> None:
    """Raise the last ContractBreak where none of some compounds is answered as agreed on."""
    broken = None
    for cid in cids:
        try:
            asker.trials(Unit(cid, "clinicaltrials"))
        except ContractBreak as error:
            broken = error
        else:
            return
    if broken is not None:
        raise broken


def extract(run: Run, upstream: UpstreamSession) -> Mapping[str, Any]:
    """Land everything this run needs, going on where a killed try stopped; returns the landing's facts.

    Raises ContractBreak, or Transient, where so many units fail that the upstream itself must be wrong.
    """
    landing = run.raw.open(_parameters(run), "unversioned")
    if not landing.progress.complete:
        landing.finish(Crawl(run, upstream, landing).run_phases())
    return landing.progress.facts


def _parameters(run: Run) -> dict[str, Any]:
    """What a person asked for. Raises BadSetting naming the parameter that makes no sense."""
    asked = {name: run.params.get(name) for name in ("full_refresh", "limit", "names")}
    for name in ("limit", "names"):
        value, least = asked[name], 1 if name == "limit" else 0
        if value is not None and (not isinstance(value, int) or value < least):
            raise BadSetting(
                f"the parameter {name} is {value!r}; it must be a whole number from {least}, or empty"
            )
    return asked


@dataclass(frozen=True, slots=True)
class _Base:
    """What the version that the run builds upon knows of units and names."""

    manifest: Manifest | None
    asked: dict[Unit, tuple[str, datetime | None]]
    """Units of trials: how they ended last, and when they were answered last."""
    described: dict[Unit, tuple[str, datetime | None]]
    """Compounds whose properties were asked for, likewise."""

    @classmethod
    def of(cls, run: Run) -> _Base:
        asked: dict[Unit, tuple[str, datetime | None]] = {}
        described: dict[Unit, tuple[str, datetime | None]] = {}
        for row in _rows(run, run.base, tables.WORK_LIST, ("cid", "collection", "state", "checked_at")):
            cid, collection, state, checked_at = row
            units = asked if collection in COLLECTIONS else described
            units[Unit(cid, collection)] = (state, checked_at)
        return cls(run.base, asked, described)

    def is_full(self, run: Run) -> bool:
        """Whether this run asks for everything: never done, a month ago, wanted, or the tables changed."""
        done = run.watermarks.get("full_at")
        return (
            self.manifest is None
            or done is None
            or bool(run.params.get("full_refresh"))
            or self.manifest.schema_version != tables.SCHEMA_VERSION
            or run.data_time - datetime.fromisoformat(done) >= FULL_EVERY
        )

    def due(self, run: Run, listed: set[int]) -> int:
        """How many compounds there is something to ask for."""
        if self.is_full(run):
            return len(listed)
        known = {unit.cid for unit in self.asked}
        left = {unit.cid for unit in self.held} - listed
        return len((listed - known) | left | {unit.cid for unit in stale(self.asked, run)})

    @property
    def held(self) -> set[Unit]:
        """Units that have trials, or may have some."""
        return {unit for unit, (state, _) in self.asked.items() if state != "none"}


def stale(asked: Mapping[Unit, tuple[str, datetime | None]], run: Run) -> set[Unit]:
    """Units that failed, and the seventh that was answered longest ago, unless that was today."""
    failed = {unit for unit, (state, _) in asked.items() if state == "failed"}
    rested = sorted(
        (at, unit.cid, unit.collection)
        for unit, (state, at) in asked.items()
        if state != "failed" and at is not None and run.data_time - at >= RESTED
    )
    share = ceil(len(asked) / ROUND_DAYS)
    return failed | {Unit(cid, collection) for _, cid, collection in rested[:share]}


def _rows(
    run: Run, manifest: Manifest | None, table: Table, columns: tuple[str, ...]
) -> Iterator[tuple[Any, ...]]:
    """The rows of a table of a version, as tuples of some columns; none where there is no version."""
    if manifest is not None:
        rows = manifests.dataset(run.read, manifest.table(table.name))
        for batch in rows.to_batches(columns=list(columns)):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@dataclass(frozen=True, slots=True)
class _Job:
    """How items of one kind are asked for: `ask` takes one of them, or where `group` is above 1 a list of them."""

    kind: str
    reply: type[Reply]
    ask: Callable[[Any], Any]
    failed: Callable[[Any, str], Reply]
    pulse: Callable[[], None]
    way: Callable[[Any], str]
    """In which way an item is asked for: what is there in one way says nothing of another."""
    control: Callable[[Any, str], Reply]
    """Asks for an item in a way."""
    known: Callable[[str], Collection[Any]]
    """What the last good version knows to be there in a way."""
    always: Callable[[str], Collection[Any]]
    """What PubChem has always had in a way."""
    group: int = 1
    chunk: int = field(default_factory=lambda: CHUNK)

    def ask_group(self, items: list[Any]) -> list[Reply]:
        """The replies to a group; one that fails by itself is a reply too.

        It does so only if the upstream answers something else right afterwards, which also tells the breaker that
        it is well; otherwise the error is the upstream's and goes on to the caller.
        """
        try:
            replies: list[Reply] = self.ask(items) if self.group > 1 else [self.ask(items[0])]
        except (Transient, ContractBreak) as error:
            replies = [self.failed(item, str(error)[:1000]) for item in items]
            self.pulse()
        return replies


class Crawl:
    """One run's way through its work list; what has landed tells how far an earlier try came."""

    def __init__(self, run: Run, upstream: UpstreamSession, landing: Landing) -> None:
        self.run, self.upstream, self.landing = run, upstream, landing
        self.asker = Asker(upstream)
        self.base = _Base.of(run)

    def run_phases(self) -> dict[str, Any]:
        """Every phase, each going on where an earlier try stopped; returns what is known of the landing."""
        # Alone, before the threads: after an outage the breaker lets one call through.
        self.asker.pulse()
        plan = self._plan()
        trials = self._work(
            _Job(
                "trials",
                Lookup,
                self.asker.trials,
                lambda u, why: Lookup(u.cid, u.collection, "failed", [], why),
                self.asker.pulse,
                way=lambda unit: unit.collection,
                control=lambda unit, _: self.asker.trials(unit),
                known=self._known_units,
                always=lambda collection: [Unit(cid, collection) for cid in KNOWN_CIDS],
            ),
            plan.units,
        )
        names, left = self._names(plan)
        compounds = self._work(
            _Job(
                "properties",
                Properties,
                self.asker.properties,
                lambda cid, why: Properties(cid, "failed", error=why),
                self.asker.pulse,
                way=lambda _: "by CID",
                control=lambda cid, _: self.asker.properties([cid])[0],
                known=lambda _: self._known_compounds(),
                always=lambda _: KNOWN_CIDS,
                group=BATCH_CIDS,
                chunk=8 * BATCH_CIDS,
            ),
            self._undescribed(plan),
        )
        every = "everything: " if plan.full else ""
        return {
            "full": plan.full and not plan.truncated,
            "truncated": plan.truncated,
            "ctgov": plan.ctgov,
            "listed": len(plan.listed["all"]),
            "trials": trials,
            "names": names,
            "names_left": left,
            "properties": compounds,
            "summary": f"{every}{trials['asked']} look-ups of trials, {names['asked']} of names, "
            f"{compounds['asked']} compounds; {sum(k['failed'] for k in (trials, names, compounds))} failed",
        }

    # --- the work list ---

    def _plan(self) -> Plan:
        """The work list, landed before anything else, so that every try works off the same one."""
        for line in self.landing.read("plan"):
            return decoder(Plan).decode(line)
        nodes = {"all": ALL_NODE} | {name: registry.hnid for name, registry in COLLECTIONS.items()}
        listed = {name: self.asker.compounds_below(node) for name, node in nodes.items()}
        units, truncated = self._units({name: set(cids) for name, cids in listed.items()})
        studies = self.run.inputs.get("ctgov")
        plan = Plan(
            full=self.base.is_full(self.run),
            truncated=truncated,
            listed=listed,
            units=units,
            ctgov=studies.version if studies else None,
        )
        self.landing.write_part("plan", [msgspec.json.encode(plan)], {})
        return plan

    def _units(self, listed: dict[str, set[int]]) -> tuple[list[Unit], bool]:
        """What to ask for, and whether the run's `limit` cut it short.

        A compound that left the lists is asked for once more: only its own empty answer says that it has no
        trials. Raises ContractBreak where so many left that the list itself must be wrong.
        """
        asked = self.base.asked
        held = self.base.held
        known = {unit.cid for unit in held}
        missing = known - set().union(*listed.values())
        if len(missing) > max(MISSING_ALWAYS, MISSING_SHARE * len(known)):
            raise ContractBreak(
                f"the classification lacks {len(missing)} of {len(known)} known compounds; no upstream removes so "
                "many at once, so nothing was taken for removed and latest stays. Look at the node "
                f"{ALL_NODE} of PubChem's classification."
            )
        units = {Unit(cid, name) for name in COLLECTIONS for cid in listed[name]}
        # One that no registry claims is asked for in each of them.
        unclaimed = listed["all"].difference(*(listed[name] for name in COLLECTIONS))
        units |= {Unit(cid, name) for name in COLLECTIONS for cid in unclaimed}
        gone = held - units
        chosen = units | gone
        if not self.base.is_full(self.run):
            chosen = (units - asked.keys()) | gone | stale(asked, self.run)
        limit = self.run.params.get("limit")
        met = {unit.cid for unit in asked}
        cids = sorted({unit.cid for unit in chosen}, key=lambda cid: (cid in met, cid))[:limit]
        taken = {unit for unit in chosen if unit.cid in set(cids)}
        return sorted(taken, key=lambda unit: (unit.cid, unit.collection)), len(taken) < len(chosen)

    # --- asking ---

    def _work(self, job: _Job, items: list[Any]) -> dict[str, int]:
        """Ask for every item that has no answer yet, in up to PASSES passes; returns how many ended how.

        Raises Transient where too many of a pass fail.
        """
        state, tries = self._answered(job)
        for number in range(PASSES):
            todo = [item for item in items if state.get(item, "failed") == "failed" and tries[item] <= number]
            failed, began = 0, time.monotonic()
            for start in range(0, len(todo), job.chunk):
                for reply in self._chunk(job, todo[start : start + job.chunk], len(items)):
                    state[reply.item] = reply.state
                    tries[reply.item] += 1
                    if reply.state == "failed":
                        failed, last = failed + 1, reply.error
                done = min(start + job.chunk, len(todo))
                rate = done / max(time.monotonic() - began, 1e-9)
                left = (len(todo) - done) / rate / 60
                log.info(
                    f"{self.run.source}: {job.kind}{' again' if number else ''}: {done} of {len(todo)} asked "
                    f"({done / len(todo):.0%}), {rate:.1f}/s, about {left:.0f} min left, {failed} failed"
                )
                if failed > max(FAILED_ALWAYS, FAILED_SHARE * done):
                    raise Transient(
                        f"{failed} of {done} {job.kind} failed, the last with: {last} What came is kept; latest "
                        "stays. The next try goes on from here.",
                        number + 1,
                        str(last),
                    )
        ends: Counter[str] = Counter(state[item] for item in items)
        return {"asked": len(items), **{end: ends[end] for end in ("done", "none", "failed")}}

    def _answered(self, job: _Job) -> tuple[dict[Any, State], Counter[Any]]:
        """How each item ended so far, and how often it was asked."""
        state: dict[Any, State] = {}
        tries: Counter[Any] = Counter()
        for reply in self._landed(job.kind, job.reply):
            state[reply.item] = reply.state
            tries[reply.item] += 1
        return state, tries

    def _landed(self, kind: str, reply: type[R]) -> Iterator[R]:
        decode = decoder(reply).decode
        return map(decode, self.landing.read(kind))

    def _chunk(self, job: _Job, items: list[Any], declared: int) -> list[Reply]:
        """Ask for some items at once and land what came, also when the upstream refuses in between.

        What is not there lands only once that is confirmed.
        """
        came: dict[Any, Reply] = {}
        confirmed = False
        pool = ThreadPoolExecutor(max_workers=self.upstream.limits.concurrency)

        def ask(wanted: Collection[Any]) -> list[Any]:
            """Ask; returns what is not there."""
            chosen = list(wanted)
            groups = [chosen[start : start + job.group] for start in range(0, len(chosen), job.group)]
            for replies in pool.map(job.ask_group, groups):
                came.update({reply.item: reply for reply in replies})
            return [item for item in chosen if came[item].state == "none"]

        try:
            control.confirmed(job.kind, ask(items), lambda: self._control(job, came.values()), ask)
            confirmed = True
        finally:
            pool.shutdown(cancel_futures=True)
            landing = [reply for reply in came.values() if confirmed or reply.state != "none"]
            if landing:
                lines = [msgspec.json.encode(reply).replace(b"\n", b" ") for reply in landing]
                cursor = {**(self.landing.progress.cursor or {}), job.kind: {"declared": declared}}
                self.landing.write_part(job.kind, lines, cursor)
        return landing

    # --- what is known to be there ---

    def _control(self, job: _Job, came: Iterable[Reply]) -> None:
        """Ask for what is known to be there in each way in which something was not. Raises Transient."""
        replies = list(came)
        for way in sorted({job.way(reply.item) for reply in replies if reply.state == "none"}):
            just_now = [r.item for r in replies if r.state == "done" and job.way(r.item) == way]
            # Where the last good version knows too few: what was found just now, and what everybody knows.
            known = dict.fromkeys([*self._drawn(job.known(way)), *just_now, *job.always(way)])
            controls = [control.Control(str(item), partial(_is_there, job, way, item)) for item in known]
            control.check(f"{job.kind} ({way})", controls)

    def _drawn(self, known: Collection[Any]) -> list[Any]:
        """A few of what the last good version knows, others in every run: what was deleted is no control for long."""
        chance = random.Random(self.run.version)  # noqa: S311 - a choice, not a secret
        return chance.sample(sorted(known, key=str), min(control.ASKED, len(known)))

    def _known_units(self, collection: str) -> list[Unit]:
        """Units that have trials."""
        return [
            unit
            for unit, (state, _) in self.base.asked.items()
            if state == "done" and unit.collection == collection
        ]

    def _known_compounds(self) -> list[int]:
        """Compounds that have properties."""
        return [unit.cid for unit, (state, _) in self.base.described.items() if state == "done"]

    def _known_names(self) -> list[str]:
        """Names that stand for a compound."""
        rows = _rows(self.run, self.base.manifest, tables.NAMES, ("name", "state", "n_candidates"))
        return [name for name, state, count in rows if state == "found" and count]

    # --- names ---

    def _names(self, plan: Plan) -> tuple[dict[str, int], int]:
        """Resolve names of the interventions of a ctgov version; returns how they ended and how many are left.

        First the names themselves, those of the most studies first; then the other names of interventions whose
        own name stands for no compound or for several. The budget bounds both together.
        """
        given = self.run.params.get("names")
        budget = NAMES_PER_RUN if given is None else int(given)
        if plan.ctgov is None:
            return {"asked": 0, "done": 0, "none": 0, "failed": 0}, 0
        job = _Job(
            "names",
            NameLookup,
            self.asker.name,
            lambda name, why: NameLookup(name, "failed", error=why),
            self.asker.pulse,
            way=lambda name: BY_POST if goes_by_post(name) else BY_PATH,
            control=lambda name, way: self.asker.name(name, by_post=way == BY_POST),
            known=lambda _: self._known_names(),
            always=lambda _: KNOWN_NAMES,
        )
        manifest = self.run.inputs["ctgov"]
        known = self._cached_names()
        own = _by_use(self._own_names(manifest), known)
        self._work(job, own[:budget])
        landed = self._landed("names", NameLookup)
        answered = known | {reply.name: len(reply.cids) for reply in landed if reply.state != "failed"}
        other = _by_use(self._other_names(manifest, answered), known.keys() | set(own))
        chosen = (own + other)[:budget]
        return self._work(job, chosen), len(own) + len(other) - len(chosen)

    def _cached_names(self) -> dict[str, int]:
        """Names that need not be asked again, and how many compounds they stand for."""
        fresh_since = self.run.data_time - NAME_AGE
        columns = ("name", "state", "asked_at", "n_candidates")
        return {
            name: count
            for name, state, asked_at, count in _rows(self.run, self.base.manifest, tables.NAMES, columns)
            if state != "failed" and asked_at is not None and asked_at >= fresh_since
        }

    def _interventions(self, manifest: Manifest) -> Iterator[tuple[str, list[str], str]]:
        """Clean name, other names and type of every intervention that may be a compound.

        The other names of a combination are not those of its parts.
        """
        interventions = manifests.dataset(self.run.read, manifest.table(ctgov.INTERVENTIONS.name))
        eligible = (
            pc.field("type").isin(RESOLVED_TYPES)
            & ~pc.field("is_control")
            & pc.field("clean_name").is_valid()
        )
        columns = ["clean_name", "other_names", "type", "part"]
        for batch in interventions.to_batches(columns=columns, filter=eligible):
            for name, others, kind, part in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                yield name, [] if part else others or [], kind

    def _own_names(self, manifest: Manifest) -> Counter[str]:
        keys = (lookup.keys(*found).primary for found in self._interventions(manifest))
        return Counter(key for key in keys if key is not None)

    def _other_names(self, manifest: Manifest, answered: Mapping[str, int]) -> Counter[str]:
        found: Counter[str] = Counter()
        for name, others, kind in self._interventions(manifest):
            key = lookup.key(name)
            # A name that was left for a later run may still stand for one compound: its others wait for that.
            if key is None or answered.get(key, 1) != 1 or lookup.is_abbreviation(key):
                found.update(lookup.keys(name, others, kind).others)
        return found

    # --- properties ---

    def _cids(self, plan: Plan) -> list[int]:
        """Every compound that something refers to: work lists, rows of trials, names, the last good version."""
        cids = {unit.cid for unit in self.base.asked} | {unit.cid for unit in plan.units}
        for reply in self._landed("trials", Lookup):
            cids.update(*map(rows.cids_of, reply.rows))
        for found in self._landed("names", NameLookup):
            cids.update(found.cids)
        for table in (tables.TRIAL_COMPOUNDS, tables.NAME_CANDIDATES):
            cids.update(cid for (cid,) in _rows(self.run, self.base.manifest, table, ("cid",)))
        return sorted(cids)

    def _undescribed(self, plan: Plan) -> list[int]:
        """The compounds whose properties are to be asked for: new ones, and as many others as of trials."""
        cids = self._cids(plan)
        if plan.full:
            return cids
        described = self.base.described
        fresh = {unit.cid for unit in described.keys() - stale(described, self.run)}
        return [cid for cid in cids if cid not in fresh]


def _is_there(job: _Job, way: str, item: Any) -> bool:
    """Whether PubChem has what it is known to have. What it answers to this one item alone decides nothing."""
    try:
        return job.control(item, way).state == "done"
    except ContractBreak as error:
        log.warning("%s (%s) is no control: %s", job.kind, way, error)
        return False


def _by_use(wanted: Counter[str], known: Container[str]) -> list[str]:
    """Names that are not known, those of the most interventions first."""
    return sorted((name for name in wanted if name not in known), key=lambda name: (-wanted[name], name))
