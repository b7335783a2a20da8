"""Which matches a run asks for, and for which parts of them.

A daily run reads the lists of the seasons that can have changed, and asks for matches that are new, that changed,
whose earlier answers failed, and once more for those that were last looked at within SETTLED of their kick-off,
since results are corrected for some hours and some parts come late. A run for a competition, a season or some days
rebuilds exactly that.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import msgspec

from include.decoding import decoder
from include.sources.sofascore import competitions, known_matches
from include.sources.sofascore.competitions import Competition, season_label, season_year
from include.sources.sofascore.known_matches import Known, Names
from include.sources.sofascore.list_controls import ListControl
from include.sources.sofascore.listings import Entry, Found, Lister, SeasonEntry
from include.sources.sofascore.match_tables import PARTS, PLAYED
from include.sources.sofascore.records import Listed
from include.sources.source import Discovered, Run, Unit
from include.storage.landing import Landed, Landing
from include.upstream import control
from include.upstream.answers import Transient
from include.upstream.limits import BadSetting
from include.upstream.session import UpstreamSession

SETTLED = timedelta(hours=48)
"""Results were corrected up to 5.4 hours after kick-off (contract, event); line-ups and figures take longer."""
JUST_LOOKED = timedelta(hours=1)
"""So soon nothing is looked at again without a reason, so that a run right after another has nothing new."""
LOOK_BACK = timedelta(days=3)
"""Lists of played matches are read back to so long before the last published run."""
QUIET = timedelta(days=30)
"""A season whose matches are all final is closed so long after the last of them, unless it is the newest."""
OVERDUE = timedelta(days=1)
"""A match that should have been played so long ago and is in no list any more is asked for by itself."""
OVERDUE_AGAIN = timedelta(days=7)
"""So long it then rests: postponed and interrupted ones may stay so for good."""
DAY_LISTS = 7
"""Up to so many days are found by the lists of days, more of them by those of seasons."""
UNITS_MAX = 1000
"""Airflow maps over 1,024 at most."""
ASKED = PLAYED | {"abandoned"}
"""States in which a match has parts."""
FINAL = PLAYED | {"abandoned", "canceled", "walkover"}

log = logging.getLogger(__name__)


class Season(msgspec.Struct, frozen=True, kw_only=True):
    """A season whose lists were read. `whole`: all of them, so that a daily run need not go back to its start."""

    competition: int
    season: int
    season_year: int
    year: str
    whole: bool
    rounds: int | None = None
    current_round: int | None = None

    @property
    def key(self) -> str:
        """Its unit's key."""
        return f"{self.competition}-{self.season}"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A match of a season's lists: as listed, where it is new or changed, and the parts to ask for.

    `again`: only for parts that were published as failed; should they fail again, nothing got worse. `only_names`: the
    match is as it was, and a team of it is called otherwise.
    """

    match: int
    competition: int
    season: int
    season_year: int
    listing: str
    kickoff: datetime
    ask: tuple[str, ...] = ()
    again: bool = False
    only_names: bool = False
    listed: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def is_listed(self) -> bool:
        """Whether it comes with its entry of a list."""
        return bytes(self.listed) != b"null"


class PlannedUnit(msgspec.Struct, frozen=True, kw_only=True):
    """What one task asks for: the matches of a season."""

    key: str
    label: str
    matches: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """What a run was asked to rebuild; all of it None for a daily run. `until` is not part of it."""

    competition: Competition | None = None
    season: str | None = None
    """Its label, or SofaScore's number."""
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, run: Run, configured: tuple[Competition, ...]) -> Window:
        """What the run's params, or its backfill, ask for. Raises BadSetting."""
        params = run.params
        since, until = (_day(name, params.get(name)) for name in ("from", "to"))
        try:
            named = params.get("competition")
            competition = competitions.find(configured, str(named)) if named else None
        except ValueError as error:
            raise BadSetting(str(error)) from None
        if until is not None:
            until += timedelta(days=1)
        if run.backfill and since is None and until is None:
            since, until = run.interval_start, run.interval_end
        if since and until and since >= until:
            raise BadSetting(f"`from` {since.date()} is after `to` {until.date() - timedelta(days=1)}")
        return cls(competition, _season(params.get("season")), since, until)

    @property
    def dated(self) -> bool:
        """Whether it is about some days."""
        return self.since is not None or self.until is not None

    @property
    def everything(self) -> bool:
        """Whether nothing in particular was asked for."""
        return not (self.dated or self.competition or self.season)

    def days(self) -> list[date] | None:
        """The days it is about, where the lists of days are the shorter way."""
        if self.since is None or self.until is None or self.until - self.since > timedelta(days=DAY_LISTS):
            return None
        first, last = self.since.date(), (self.until - timedelta(microseconds=1)).date()
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]

    def holds(self, kickoff: datetime) -> bool:
        """Whether a match of this kick-off is part of it."""
        return (self.since is None or kickoff >= self.since) and (self.until is None or kickoff < self.until)

    def holds_season(self, season: SeasonEntry) -> bool:
        """Whether matches of a season can be part of it."""
        if self.season not in {None, str(season.id), season_label(season.year)}:
            return False
        began = season_year(season.year)
        return (self.since is None or began >= self.since.year - 1) and (
            self.until is None or began <= self.until.year
        )


def _day(name: str, text: str | None) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC) if text else None
    except ValueError:
        raise BadSetting(f"`{name}` is {text!r}; write it like 2025-11-30") from None


def _season(text: str | None) -> str | None:
    """A season's label, or its number."""
    try:
        return season_label(str(text)) if text else None
    except ValueError:
        if str(text).isdigit():
            return str(text)
        raise BadSetting(
            f"`season` is {text!r}; write it like 2025-26, 2026, or as SofaScore's number"
        ) from None


def discover(run: Run, upstream: UpstreamSession) -> Discovered:
    """Read the lists and land the plan; a try after a kill goes on with the next competition.

    Raises BadSetting for params that make no sense, and what the session raises.
    """
    landing = run.raw.open({"params": dict(run.params)}, "any", known_matches.DISCOVERY)
    if not run.raw.are_there(part for each in known_matches.noted(landing) for part in each.parts):
        log.info("what the run took over of others is gone since: it plans again")
        landing.discard()
    if not landing.progress.complete:
        discovery = _Discovery(run, upstream, landing)
        discovery.read_lists()
        discovery.plan()
    facts = landing.progress.facts
    units = tuple(Unit(each["key"], each["label"], each["items"]) for each in facts["units"])
    return Discovered(units, facts["new"], facts["reason"])


def units(landing: Landed) -> Iterator[PlannedUnit]:
    """The plan of a run whose discovery is complete."""
    return map(decoder(PlannedUnit).decode, landing.read("units"))


@dataclass(slots=True)
class _Lists:
    """What the lists of one competition gave."""

    seasons: list[Season] = field(default_factory=list)
    entries: dict[int, tuple[Entry, msgspec.Raw]] = field(default_factory=dict)
    unreadable: list[bytes] = field(default_factory=list)
    odd: int = 0
    """How many of the unreadable ones are no entries; the others are seasons whose year is none."""

    def take(self, found: Collection[Found]) -> int:
        """Keep entries; returns how many there are."""
        self.entries.update({entry.id: (entry, raw) for entry, raw in found})
        return len(found)

    def of_season(self, season: int) -> dict[int, Entry]:
        """The entries of a season."""
        return {match: entry for match, (entry, _) in self.entries.items() if entry.season.id == season}


class _Discovery:
    """One run's way through the configured competitions."""

    def __init__(self, run: Run, upstream: UpstreamSession, landing: Landing) -> None:
        self.run, self.upstream, self.landing = run, upstream, landing
        self.configured = competitions.load()
        self.window = Window.of(run, self.configured)
        self.full = bool(run.params.get("full_refresh"))
        self.now = run.data_time
        self.controls = ListControl(upstream, run.data_time)
        self.spelt = known_matches.spelt(run)
        if not landing.progress.parts:
            noted = known_matches.adoptable(run)
            landing.write_part(known_matches.ADOPTED, map(msgspec.json.encode, noted), None)
        self.known = known_matches.load(run, known_matches.adopted(run, landing))
        self.names = known_matches.names(run)
        self.adopted = list(dict.fromkeys(each.version for each in known_matches.noted(landing)))
        self.cursors = run.watermarks

    # --- lists ---

    def read_lists(self) -> None:
        """Read and land the lists of every competition that is asked for."""
        chosen = [c for c in self.configured if self.window.competition in (None, c)]
        done = {
            "competitions": [],
            "absent": [],
            "entries": 0,
            "odd": 0,
            **(self.landing.progress.cursor or {}),
        }
        for competition in chosen:
            if competition.id in done["competitions"]:
                continue
            lists = self._lists(competition)
            absent = [] if lists else [competition.id]
            done = {
                "competitions": [*done["competitions"], competition.id],
                "absent": [*done["absent"], *absent],
                "entries": done["entries"] + (len(lists.entries) if lists else 0),
                "odd": done["odd"] + (lists.odd if lists else 0),
            }
            self._land(competition, lists or _Lists(), done)
            count = len(done["competitions"])
            log.info(f"{self.run.source}: {count} of {len(chosen)} competitions read: {competition.name}")
        if self.window.everything and not self.known and not done["entries"]:
            self.landing.discard()
            raise Transient(
                f"none of the lists of {len(chosen) - len(done['absent'])} competitions has a match. Where nothing is "
                "known yet that is no answer either: nothing is remembered. The next try asks again.",
                cause="no list has a match",
            )

    def _land(self, competition: Competition, lists: _Lists, done: dict[str, Any]) -> None:
        # Each kind is a part of its own; the competition counts as read once the last of them landed.
        before = self.landing.progress.cursor
        if lists.unreadable:
            self.landing.write_part("unreadable", lists.unreadable, before)
        if lists.seasons:
            self.landing.write_part("seasons", map(msgspec.json.encode, lists.seasons), before)
        wanted = list(self._wanted(competition, lists))
        wanted += self._renamed(competition, lists, {each.match for each in wanted})
        self.landing.write_part("wanted", map(_line, wanted), done)

    def _lists(self, competition: Competition) -> _Lists | None:
        """What is to be known of a competition; None where the upstream does not have it.

        Raises Transient where lists lack what is known to be in them, ContractBreak where none of their entries can be
        read.
        """
        lists = _Lists()
        lister = Lister(self.upstream, lambda raw: lists.unreadable.append(bytes(raw).replace(b"\n", b" ")))
        if self.window.season is None and (days := self.window.days()) is not None:
            self._read_days(competition, lister, lists, days)
        else:
            offered = self._offered(competition, lister)
            if not offered:
                return None
            for position, entry in enumerate(offered):
                season = self._season(competition, entry, lists)
                if season is not None and self._is_due(competition, season, entry, newest=position == 0):
                    lists.seasons.append(self._read_season(lister, season, lists))
        lister.check_shape()
        lists.odd = lister.refused + lister.odd
        return lists

    def _read_days(self, competition: Competition, lister: Lister, lists: _Lists, days: list[date]) -> None:
        """Read the lists of some days, and make out the seasons that their matches are of."""
        for day in days:
            found = lister.day(competition.id, day)
            lists.take(found)
            start = datetime.combine(day, datetime.min.time(), UTC)
            self.controls.days(
                f"{competition.name} on {day}",
                {match: one for match, one in self.known.items() if one.competition == competition.id},
                {match: entry for match, (entry, _) in lists.entries.items()},
                lambda kickoff, start=start: start <= kickoff < start + timedelta(days=1),  # type: ignore[misc]
                empty=not found,
            )
        years = {(entry.season.id, entry.season.year) for entry, _ in lists.entries.values()}
        read = [self._season(competition, SeasonEntry(*year), lists) for year in sorted(years)]
        lists.seasons = [one for one in read if one and one.season_year >= competition.since]

    def _offered(self, competition: Competition, lister: Lister) -> list[SeasonEntry]:
        """The seasons of a competition, newest first; none where the upstream does not have it.

        A season with matches that are known is among them even where the list lacks it: its own lists tell more.
        Raises Transient where there is no list although matches of the competition are known.
        """
        offered = lister.seasons(competition.id) or []
        known = self._known_seasons(competition.id)
        if not offered and known:
            raise Transient(
                f"{competition.name}: the upstream has no seasons of it, of which {len(known)} are published. That is "
                "no answer: nothing of it is remembered, and latest stays. The next try asks again.",
                cause=f"{competition.name} has no seasons",
            )
        if not offered:
            offered = self._offered_after_all(competition, lister)
        listed = {entry.id for entry in offered}
        lost = [entry for entry in known if entry.id not in listed]
        return sorted([*lost, *offered], key=_year_or_none, reverse=True) if lost else offered

    def _offered_after_all(self, competition: Competition, lister: Lister) -> list[SeasonEntry]:
        """What is offered of a competition that was not there a moment ago; none where that is confirmed."""
        offered: list[SeasonEntry] = []

        def ask_again(absent: Collection[str]) -> list[str]:
            offered[:] = lister.seasons(competition.id) or []
            return [] if offered else list(absent)

        others = [each for each in self.configured if each != competition]
        # Those first that the last good version has matches of.
        others.sort(key=lambda other: not self._known_seasons(other.id))
        asker = Lister(
            self.upstream, lambda _: None
        )  # what of others cannot be read is told where they are read
        controls = [control.Control(each.name, partial(_has_seasons, asker, each)) for each in others]
        question = f"seasons of {competition.name}"
        control.confirmed(
            question,
            [competition.name],
            lambda: control.check(question, controls, at_most=len(controls)),
            ask_again,
        )
        return offered

    def _known_seasons(self, competition: int) -> list[SeasonEntry]:
        """The published seasons of a competition of which a match is known."""
        years = {
            (one.season, one.season_year) for one in self.known.values() if one.competition == competition
        }
        return [SeasonEntry(season, self.spelt.get(season, str(year))) for season, year in sorted(years)]

    @staticmethod
    def _season(competition: Competition, entry: SeasonEntry, lists: _Lists) -> Season | None:
        try:
            year = season_year(entry.year)
        except ValueError as error:
            log.warning("%s: season %d is left out: %s", competition.name, entry.id, error)
            lists.unreadable.append(msgspec.json.encode(entry))
            return None
        return Season(
            competition=competition.id, season=entry.id, season_year=year, year=entry.year, whole=False
        )

    def _is_due(self, competition: Competition, season: Season, entry: SeasonEntry, *, newest: bool) -> bool:
        """Whether a season's lists are to be read."""
        if not self.window.everything:
            named = self.window.season is not None
            return self.window.holds_season(entry) and (named or season.season_year >= competition.since)
        if season.season_year < competition.since:
            return False
        if newest or self.full or not self._is_whole(season):
            return True
        matches = [one for one in self.known.values() if one.season == season.season]
        last = max((one.kickoff for one in matches if one.kickoff), default=None)
        unsettled = any(one.state not in FINAL or one.open for one in matches)
        return unsettled or last is None or last > self.now - QUIET

    def _is_whole(self, season: Season) -> bool:
        return season.key in self.cursors.get("whole", ())

    def _read_season(self, lister: Lister, season: Season, lists: _Lists) -> Season:
        """Read a season's lists, as far back as needed."""
        ids = (season.competition, season.season)
        refused = lister.refused
        rounds = lister.rounds(*ids)
        whole = self.full or not self.window.everything or not self._is_whole(season)
        since = self.window.since if whole else self._read_back_to()
        played, back_to = 0, None
        for page in lister.played(*ids):
            played += lists.take(page)
            if since is not None and page and min(entry.kickoff for entry, _ in page) < since:
                back_to = since
                break
        coming = sum(lists.take(page) for page in lister.coming(*ids))
        if whole and not self.window.dated:
            # Which of the two lists has a match that was postponed or canceled nobody says; its round has it.
            for number in sorted({each.round for each in rounds.rounds if each.round}):
                lists.take(lister.round(*ids, number))
        listed = lists.of_season(season.season)
        known = {match: one for match, one in self.known.items() if one.season == season.season}
        if known and not listed and lister.refused > refused:
            raise lister.broken()
        name = f"season {season.year} ({season.season}) of competition {season.competition}"
        self.controls.all_lists(name, known, listed)
        self.controls.played(name, known, listed, back_to, empty=not played)
        self.controls.coming(name, known, listed, empty=not coming)
        return msgspec.structs.replace(
            season,
            # Where every list is 404 the upstream may just have been ill.
            whole=(whole and not self.window.dated and bool(listed)) or self._is_whole(season),
            rounds=len(rounds.rounds) or None,
            current_round=rounds.current,
        )

    def _read_back_to(self) -> datetime | None:
        """How far back a daily run reads lists that were read whole before; None for all of them."""
        until = self.cursors.get("until")
        return datetime.fromisoformat(until) - LOOK_BACK if until else None

    # --- the plan ---

    def _wanted(self, competition: Competition, lists: _Lists) -> Iterator[Wanted]:
        """The competition's matches that are new, changed or to be asked for, listed ones first."""
        years = {season.season: season.season_year for season in lists.seasons}
        for entry, raw in lists.entries.values():
            known = self.known.get(entry.id)
            year = years.get(entry.season.id)
            if year is None or not self.window.holds(entry.kickoff):
                continue
            ask = self._ask(entry.state, entry.kickoff, entry.listing, known)
            # The hash of an entry lacks its season.
            place = (competition.id, entry.season.id, year)
            changed = known is None or (known.listing, *known.place) != (entry.listing, *place)
            if ask or changed:
                yield Wanted(
                    match=entry.id,
                    competition=competition.id,
                    season=entry.season.id,
                    season_year=year,
                    listing=entry.listing,
                    kickoff=entry.kickoff,
                    ask=ask,
                    again=_is_again(ask, known),
                    listed=raw,
                )
        for match, one in self.known.items():
            if one.competition != competition.id or match in lists.entries or one.kickoff is None:
                continue
            ask = self._ask_unlisted(one, years)
            if ask:
                yield Wanted(
                    match=match,
                    competition=one.competition,
                    season=one.season,
                    season_year=one.season_year,
                    listing=one.listing,
                    kickoff=one.kickoff,
                    ask=ask,
                    again=_is_again(ask, one),
                )

    def _renamed(self, competition: Competition, lists: _Lists, wanted: set[int]) -> Iterator[Wanted]:
        """Of every team that is called otherwise than it was the newest entry, which nothing else may tell of.

        A name is in no hash of an entry: all matches of a team that was renamed would change at once.
        """
        years = {season.season: season.season_year for season in lists.seasons}
        newest: dict[int, tuple[Entry, msgspec.Raw, Names]] = {}
        for entry, raw in sorted(lists.entries.values(), key=lambda each: each[0].kickoff):
            if entry.season.id in years:
                for team in (entry.homeTeam, entry.awayTeam):
                    newest[team.id] = (entry, raw, team.names)
        renamed = {
            entry.id: (entry, raw)
            for team, (entry, raw, names) in newest.items()
            if team in self.names and names.differ(self.names[team])
        }
        for match, (entry, raw) in renamed.items():
            if match not in wanted:
                yield Wanted(
                    match=match,
                    competition=competition.id,
                    season=entry.season.id,
                    season_year=years[entry.season.id],
                    listing=entry.listing,
                    kickoff=entry.kickoff,
                    only_names=True,
                    listed=raw,
                )

    def _ask_unlisted(self, known: Known, years: dict[int, int]) -> tuple[str, ...]:
        """The parts to ask for of a match that is in none of the lists that were read."""
        assert known.kickoff is not None
        assert known.state is not None
        if not self.window.everything:
            due = self.window.holds(known.kickoff) and (self.window.season is None or known.season in years)
            return self._ask(known.state, known.kickoff, known.listing, known) if due else ()
        if known.state not in FINAL and known.season in years and known.kickoff < self.now - OVERDUE:
            rested = not known.asked or self.now - known.checked_at >= OVERDUE_AGAIN
            return ("event",) if rested else ()
        return self._ask(known.state, known.kickoff, known.listing, known)

    def _ask(self, state: str, kickoff: datetime, listing: str, known: Known | None) -> tuple[str, ...]:
        """The parts of a match to ask for; what a settled one does not have is only asked for by a full refresh."""
        if state not in ASKED:
            return ()
        if known is None or not known.asked or self.full:
            return PARTS
        young = known.checked_at - kickoff < SETTLED
        # A match that was not there at all may come with everything; and line-ups and shots come late.
        all_of_it = "event" in known.none or young
        rested = self.now - known.checked_at >= JUST_LOOKED
        if not self.window.everything or listing != known.listing or (young and rested):
            return PARTS if all_of_it else tuple(part for part in PARTS if part not in known.none)
        return tuple(part for part in PARTS if part in known.open or part == "event") if known.open else ()

    def plan(self) -> None:
        """Land what the run asks for, by unit, and finish the discovery."""
        decode = decoder(Wanted).decode
        found = list(map(decode, self.landing.read("wanted")))
        # A match that moved to another competition is missed in the lists of its old one: where it is listed counts.
        wanted = {
            each.match: each for each in sorted(found, key=lambda each: (each.is_listed, not each.only_names))
        }
        wanted |= {each.match: each for each in self._owed() if each.match not in wanted}
        limit = self.run.params.get("limit")
        newest_first = sorted(
            (w for w in wanted.values() if w.ask), key=lambda w: (w.kickoff, w.match), reverse=True
        )
        asked, left_out = (
            newest_first[:limit],
            {each.match for each in newest_first[limit:]} if limit else set(),
        )
        listed = [each for each in wanted.values() if each.is_listed and each.match not in left_out]
        self.landing.write_part(
            "listing", (_listed(each, self.now) for each in listed), self.landing.progress.cursor
        )
        planned = self._units(asked)
        self.landing.write_part("units", map(_line, planned), self.landing.progress.cursor)
        done = self.landing.progress.cursor
        absent = len(done["absent"])
        changed = sum(not each.ask for each in listed)
        reason = (
            f"{len(asked)} matches of {len(planned)} competition-seasons to ask for, {changed} others changed in the "
            f"lists of {len(done['competitions']) - absent} competitions"
            + (f"; {absent} more are not there" if absent else "")
            + (f"; {done['odd']} entries cannot be read" if done.get("odd") else "")
        )
        self.landing.finish(
            {
                "units": [{"key": u.key, "label": u.label, "items": len(u.matches)} for u in planned],
                # An entry that cannot be read is told in a version's figures, also where there is nothing else to tell.
                "new": bool(asked or listed or self.adopted or done.get("odd")),
                "reason": reason,
                "as_of": self.now.isoformat(),
                "window": not self.window.everything,
                "refreshed": self.full,
                "full": self.full and self.window.everything and not left_out,
                "left_out": sorted({f"{wanted[m].competition}-{wanted[m].season}" for m in left_out}),
                "adopted": self.adopted,
                "absent": done["absent"],
                "entries": done.get("entries", 0),
                "odd": done.get("odd", 0),
            }
        )

    def _owed(self) -> Iterator[Wanted]:
        """What failed in a run that is taken over and is in no list that was read: the version that takes it over would
        hold it as failed, whatever it is about."""
        configured = {each.id for each in self.configured}
        for match, one in self.known.items():
            if one.competition in configured and (owed := one.open - one.published_open):
                yield Wanted(
                    match=match,
                    competition=one.competition,
                    season=one.season,
                    season_year=one.season_year,
                    listing=one.listing,
                    kickoff=one.kickoff or self.now,
                    ask=tuple(part for part in PARTS if part in owed or part == "event"),
                )

    def _units(self, asked: list[Wanted]) -> list[PlannedUnit]:
        names = {each.id: each.name for each in self.configured}
        labels = {
            (season.competition, season.season): season_label(season.year) for season in seasons(self.landing)
        }

        def season(wanted: Wanted) -> tuple[int, int]:
            return wanted.competition, wanted.season

        planned = [
            PlannedUnit(
                key=f"{competition}-{number}",
                label=f"{names[competition]} {labels.get((competition, number), number)}",
                matches=tuple(
                    msgspec.structs.replace(each, listed=msgspec.Raw(b"null"))
                    for each in sorted(matches, key=lambda w: (w.kickoff, w.match))
                ),
            )
            for (competition, number), matches in groupby(sorted(asked, key=season), season)
        ]
        if len(planned) > UNITS_MAX:
            raise BadSetting(
                f"{len(planned)} competition-seasons are to be asked for, and Airflow maps over {UNITS_MAX} at most: "
                "run it for a competition, or with a limit, first"
            )
        return planned


def seasons(landing: Landed) -> list[Season]:
    """The seasons whose lists a run has read."""
    return list(map(decoder(Season).decode, landing.read("seasons")))


def _is_again(ask: tuple[str, ...], known: Known | None) -> bool:
    return (
        bool(ask)
        and known is not None
        and {*ask} - {"event"} <= known.published_open
        and "event" not in known.open
    )


def _has_seasons(lister: Lister, competition: Competition) -> bool:
    return bool(lister.seasons(competition.id))


def _year_or_none(entry: SeasonEntry) -> int:
    """The year in which a season began; -1 where that cannot be told."""
    try:
        return season_year(entry.year)
    except ValueError:
        return -1


def _line(record: msgspec.Struct) -> bytes:
    return msgspec.json.encode(record).replace(b"\n", b" ")


def _listed(wanted: Wanted, asked_at: datetime) -> bytes:
    return _line(
        Listed(
            match=wanted.match,
            competition=wanted.competition,
            season=wanted.season,
            season_year=wanted.season_year,
            listing=wanted.listing,
            asked_at=asked_at,
            event=wanted.listed,
            only_names=wanted.only_names,
        )
    )
