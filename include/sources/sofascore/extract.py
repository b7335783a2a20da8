"""From SofaScore to raw: what a run wants to know is found by `discover`, what came of each match lands here.

A unit is a season of a competition. Its matches are asked for part by part; a match lands with everything that
came, so a kill costs the matches under way and no other. A part that is not there (404) lands as failed until that is
confirmed at the end of the unit, by a second answer and by matches that are known to have it (part_controls.py); from
then on it is remembered, and no failure. A refusal or a break of the contract stops the run at once: the units that
are left see the mark and ask nothing. What fails although the upstream answers other questions is asked for again,
twice, and then by the next try; a run whose tries are over ends as partial, and the next run takes over what has
landed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from include.decoding import decoder
from include.sources.sofascore import competitions, known_matches
from include.sources.sofascore.discover import PlannedUnit, Wanted, units
from include.sources.sofascore.listings import Lister
from include.sources.sofascore.match_tables import PARTS
from include.sources.sofascore.part_controls import PartControls
from include.sources.sofascore.records import Reply
from include.sources.source import Probe, Run
from include.storage.landing import Landed, Landing
from include.upstream import control
from include.upstream.answers import ContractBreak, Kind, Refused, Transient
from include.upstream.session import UpstreamSession

CHUNK = 20
"""Matches between two parts: at 2 requests a second a kill loses a minute and a half."""
PASSES = 3
FAILED_ALWAYS, FAILED_SHARE = 5, 0.05
"""More matches that failed than both are the upstream's failure."""
STOPPED = "stopped.json"
UNCONFIRMED = "It is not there (404), and nothing has confirmed that yet."

PATHS = {
    "event": "",
    "lineups": "/lineups",
    "statistics": "/statistics",
    "incidents": "/incidents",
    "managers": "/managers",
    "graph": "/graph",
    "shotmap": "/shotmap",
    "best_players": "/best-players/summary",
    "head_to_head": "/h2h",
}
EXPECTED: dict[str, tuple[str, ...]] = {
    "event": ("event",),
    "lineups": ("home", "away"),
    "statistics": ("statistics",),
    "incidents": ("incidents",),
    "managers": ("homeManager", "awayManager"),
    "graph": ("graphPoints",),
    "shotmap": ("shotmap",),
    "best_players": ("bestHomeTeamPlayers", "bestAwayTeamPlayers"),
    "head_to_head": ("teamDuel", "managerDuel"),
}
"""Keys of which an answer has at least one; without any it is not what was agreed on."""

log = logging.getLogger(__name__)


class _Stopped(Exception):
    """Another thread met what stops the run."""


def probe(run: Run, upstream: UpstreamSession) -> Probe:
    """Whether the upstream answers as agreed: the seasons of the first competition that it has.

    Whether there is anything new, only the lists tell. A mark that stopped an earlier try of the run counts no more,
    since this is the question whether to go on.
    """
    lister = Lister(upstream, lambda _: None)
    for competition in competitions.load():
        found = lister.seasons(competition.id)
        if found is not None:
            run.raw.write_note(STOPPED, None)
            return Probe(True, f"{competition.name}: {len(found)} seasons listed")
    raise ContractBreak(
        "the upstream has none of the configured competitions (include/sources/sofascore/competitions.yml): the "
        "connection sofascore_api does not lead to SofaScore's API"
    )


def extract_unit(run: Run, upstream: UpstreamSession, unit: str) -> Mapping[str, Any]:
    """Land the matches of a unit; its facts hold `stopped` where another unit met what stops the run.

    Raises Transient where some could not be had in any try, Refused and ContractBreak for what stops the run.
    """
    discovery = run.raw.completed(known_matches.DISCOVERY)
    planned = next((each for each in units(discovery) if each.key == unit), None)
    if planned is None:
        raise LookupError(f"{run.version}: there is no unit {unit!r} in the plan of this run")
    tolerated = int(run.params.get("tolerate_failed") or 0)
    # The plan's own bytes tell whether what landed belongs to it.
    plan = {"plan": msgspec.json.encode(planned).decode()}
    landing = run.raw.open(plan, "any", unit)
    if not landing.progress.complete:
        mark = _read_mark(run)
        if mark is not None and mark.unit != unit:
            return {"stopped": mark.sentence, "summary": mark.sentence}
        if mark is not None:
            raise Refused(mark.sentence)
        if landing.progress.facts.get(STOPPED):  # of an earlier try, and void by now
            landing.remark({STOPPED: None})
        try:
            landing.finish(_Crawl(run, upstream, landing, planned, discovery, tolerated).run_passes())
        except (Refused, ContractBreak) as error:
            _stop(run, landing, _Mark(unit=unit, kind=type(error).__name__, why=str(error)[:2000]))
            raise
    return landing.progress.facts


class _Crawl:
    """A unit's way through its matches; what has landed tells how far an earlier try came."""

    def __init__(
        self,
        run: Run,
        upstream: UpstreamSession,
        landing: Landing,
        planned: PlannedUnit,
        discovery: Landed,
        tolerated: int,
    ) -> None:
        self.upstream, self.landing, self.planned, self.tolerated = upstream, landing, planned, tolerated
        self.as_of = datetime.fromisoformat(discovery.progress.facts["as_of"])
        self.stop = threading.Event()
        self.answered = False
        self.controls = PartControls(
            run, discovery, planned, lambda match, part: self._part(match, part) is not None
        )
        self.wanted = {each.match: each for each in planned.matches}
        self.open = {each.match: list(each.ask) for each in planned.matches}
        self.found: dict[str, set[int]] = {part: set() for part in PARTS}
        """The matches of which a part came."""
        self.absent: dict[str, set[int]] = {part: set() for part in PARTS}
        """Those of which it was not there in this try; it stays open until that is confirmed."""
        self.errors: dict[int, str] = {}
        for line in landing.read(known_matches.MATCHES):
            self._note(decoder(Reply).decode(line))

    def run_passes(self) -> dict[str, Any]:
        """Ask for everything that is open, in up to PASSES passes; returns what is known of the landing."""
        for number in range(PASSES):
            self._pass(self.wanted, again=number > 0)
        there_after_all = {match for part in PARTS for match in self._confirm_absent(part)}
        self._pass(there_after_all, again=True)
        unanswered = [each for each in self.planned.matches if self.open[each.match]]
        failed = sorted(each.match for each in unanswered if not each.again)
        if len(failed) > self.tolerated:
            listed = ", ".join(f"{match} ({', '.join(self.open[match])})" for match in failed[:5])
            last = self.errors.get(failed[-1], UNCONFIRMED)
            raise Transient(
                f"{self.planned.label}: {len(failed)} of {len(self.open)} matches could not be had whole: {listed}"
                f"{' and others' if len(failed) > 5 else ''}; the last failed with: {last} "  # noqa: PLR2004
                "What came is kept, latest stays, and the next try asks for the rest. To publish without them, run "
                "with `tolerate_failed`.",
                PASSES,
                last,
            )
        return {
            "matches": len(self.open),
            "failed": len(unanswered),
            "summary": f"{len(self.open)} matches asked for, {len(unanswered)} failed",
        }

    def _to_ask(self, match: int) -> list[str]:
        """The parts of a match that are open, but for those that were not there a moment ago."""
        if match in self.absent["event"]:  # nothing is below a match that is not there
            return []
        return [part for part in self.open[match] if match not in self.absent[part]]

    def _pass(self, matches: Collection[int], *, again: bool) -> None:
        todo = [each for each in self.planned.matches if each.match in matches and self._to_ask(each.match)]
        began, failed = time.monotonic(), 0
        for start in range(0, len(todo), CHUNK):
            chunk = todo[start : start + CHUNK]
            for reply in self._chunk(chunk):
                self._note(_unconfirmed(reply))
                for part in reply.none:
                    self.absent[part].add(reply.match)
                if reply.failed:
                    self.errors[reply.match] = next(iter(reply.failed.values()))
            failed += sum(bool(self._to_ask(each.match)) and not each.again for each in chunk)
            done = start + len(chunk)
            seen = len(self.open) - len(todo) + done
            rate = done / max(time.monotonic() - began, 1e-9)
            log.info(
                f"{self.planned.label}{' again' if again else ''}: {done} of {len(todo)} matches "
                f"({done / len(todo):.0%}), {rate:.1f}/s, about {(len(todo) - done) / rate / 60:.0f} min left, "
                f"{failed} failed"
            )
            if failed > max(FAILED_ALWAYS, self.tolerated, FAILED_SHARE * seen):
                last = next(reversed(self.errors.values()))
                raise Transient(
                    f"{self.planned.label}: {failed} of {done} matches failed, the last with: {last} What came is "
                    "kept; latest stays. The next try goes on from here.",
                    1,
                    last,
                )

    def _chunk(self, wanted: list[Wanted]) -> list[Reply]:
        """Ask for some matches at once and land what came, also where something stops the run in between."""
        with ThreadPoolExecutor(max_workers=self.upstream.limits.concurrency) as pool:
            first, *others = wanted
            asked = [pool.submit(self._ask_unless_stopped, first)]
            try:
                if not self.answered:
                    # After an outage the breaker lets one call through; the other threads wait for how it ends.
                    wait(asked)
                    self.answered = True
                asked += [pool.submit(self._ask_unless_stopped, each) for each in others]
                wait(asked)
            finally:
                if not all(future.done() for future in asked):  # the task's own time is over
                    self.stop.set()
                    wait(asked)
                came = [future.result() for future in asked if future.exception() is None]
                self._land(map(_unconfirmed, came))
        errors = [error for error in (future.exception() for future in asked) if error is not None]
        for error in errors:
            if not isinstance(error, _Stopped):
                raise error
        return came

    def _land(self, replies: Iterable[Reply]) -> None:
        lines = [msgspec.json.encode(reply).replace(b"\n", b" ") for reply in replies]
        if lines:
            self.landing.write_part(known_matches.MATCHES, lines, {"matches": {"declared": len(self.open)}})

    def _ask_unless_stopped(self, wanted: Wanted) -> Reply:
        """The reply to a match. What stops the run stops every thread before its next question."""
        try:
            return self._ask(wanted)
        except Exception:
            self.stop.set()
            raise

    def _ask(self, wanted: Wanted) -> Reply:
        """Everything that is still open of a match; the event itself comes with it, since the rest needs it."""
        parts: dict[str, msgspec.Raw] = {}
        none: list[str] = []
        failed: dict[str, str] = {}
        for part in ("event", *(part for part in self._to_ask(wanted.match) if part != "event")):
            if self.stop.is_set():
                raise _Stopped
            try:
                body = self._part(wanted.match, part)
            except Transient as error:
                failed[part] = str(error)[:1000]
            else:
                if body is None:
                    none.append(part)
                else:
                    parts[part] = body
            if part == "event" and part not in parts:
                break
        return self._reply(wanted, parts=parts, none=tuple(none), failed=failed)

    def _reply(self, wanted: Wanted, **came: Any) -> Reply:
        return Reply(
            match=wanted.match,
            competition=wanted.competition,
            season=wanted.season,
            season_year=wanted.season_year,
            listing=wanted.listing,
            asked_at=self.as_of,
            **came,
        )

    def _part(self, match: int, part: str) -> msgspec.Raw | None:
        """The body of a part; None where there is none. Raises ContractBreak for a body of another shape."""
        answer = self.upstream.get(f"api/v1/event/{match}{PATHS[part]}")
        if answer.kind is Kind.EMPTY:
            return None
        if not answer.json(dict[str, msgspec.Raw]).keys() & set(EXPECTED[part]):
            raise ContractBreak(
                f"{answer.describe()}, which has none of the keys {', '.join(EXPECTED[part])}. Latest stays; compare "
                "the contract with what the upstream answers."
            )
        return msgspec.Raw(answer.body)

    def _note(self, reply: Reply) -> None:
        """Take off what a reply that landed answered."""
        answered = {*reply.parts, *reply.none}
        self.open[reply.match] = [part for part in self.open[reply.match] if part not in answered]
        for part in reply.parts:
            self.found[part].add(reply.match)

    # --- what is not there ---

    def _confirm_absent(self, part: str) -> set[int]:
        """Land that a part is not there of the matches of which it was not, where that may be believed.

        Else it stays open. Returns the matches that have it by now: they are to be asked for it once more, with the
        event that its rows need.
        """
        absent, found = sorted(self.absent[part]), self.found[part]
        try:
            none = control.confirmed(
                f"{part} of {self.planned.label}",
                absent,
                lambda: self.controls.check(part, self.absent[part], found),
                partial(self._still_absent, part),
            )
            if none:
                self.controls.check_share(part, none, found)
        except Transient as error:
            self.errors |= dict.fromkeys(absent, str(error))
        else:
            replies = [self._reply(self.wanted[match], none=self._with_it(match, part)) for match in none]
            self._land(replies)
            for reply in replies:
                self._note(reply)
        return {*absent} - self.absent[part]

    def _still_absent(self, part: str, matches: Collection[int]) -> list[int]:
        """Those of some matches of which a part is not there when it is asked for again."""
        with ThreadPoolExecutor(max_workers=self.upstream.limits.concurrency) as pool:
            gone = list(pool.map(partial(self._is_absent, part), matches))
        self.absent[part] = {match for match, is_absent in zip(matches, gone, strict=True) if is_absent}
        return sorted(self.absent[part])

    def _is_absent(self, part: str, match: int) -> bool:
        try:
            return self._part(match, part) is None
        except Transient:  # it is asked for once more
            return False

    def _with_it(self, match: int, part: str) -> tuple[str, ...]:
        """What is not there where a part is not: nothing is below a match that is not there."""
        return tuple(dict.fromkeys(["event", *self.open[match]])) if part == "event" else (part,)


def _unconfirmed(reply: Reply) -> Reply:
    """A reply as it lands: that a part is not there is no answer yet."""
    return msgspec.structs.replace(
        reply, none=(), failed={**reply.failed, **dict.fromkeys(reply.none, UNCONFIRMED)}
    )


class _Mark(msgspec.Struct, frozen=True):
    """What stopped a run, and the unit that met it."""

    unit: str
    kind: str
    why: str

    @property
    def sentence(self) -> str:
        """What those are told who come after it."""
        return (
            f"not asked: the run was stopped before ({self.kind}): {self.why} To go on, clear the whole run from its "
            "probe."
        )


def _stop(run: Run, landing: Landing, mark: _Mark) -> None:
    """Leave the mark: first in the unit's own landing, which a try that was lost cannot write to (LandingTaken)."""
    landing.remark({STOPPED: msgspec.to_builtins(mark)})
    run.raw.write_note(STOPPED, mark.unit)


def _read_mark(run: Run) -> _Mark | None:
    """What stopped the run, since it was last asked whether to go on."""
    note = run.raw.read_note(STOPPED)
    landed = run.raw.present(note.says) if note is not None and note.says is not None else None
    found = landed.progress.facts.get(STOPPED) if landed is not None else None
    return None if found is None else msgspec.convert(found, type=_Mark)
