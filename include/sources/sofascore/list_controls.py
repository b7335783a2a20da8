"""Whether lists may be believed that lack what they must hold: matches that are known, asked for by their numbers.

A list that is 404 is an answer (a season that is over has no next matches), and so is one that ends. But the lists of a
season that has published matches never have none, and what was played leaves no list but by a move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from include.sources.sofascore.known_matches import Known
from include.sources.sofascore.listings import API, Entry
from include.sources.sofascore.match_tables import PLAYED
from include.upstream import control
from include.upstream.answers import Answer, Kind, Transient
from include.upstream.session import UpstreamSession

FEW, FEW_SHARE = 2, 0.1
"""So many known matches a list may lack, or this share of them, since now and then one is moved or removed."""
SOON = timedelta(hours=6)
"""A match that begins within this time may stand in either list."""

Matches = Mapping[int, Known]
Belongs = Callable[[Entry, Known], bool]


class _Body(msgspec.Struct):
    event: Entry


class ListControl:
    """Asks for some of the matches that lists lack; raises Transient where these still belong to them."""

    def __init__(self, upstream: UpstreamSession, now: datetime) -> None:
        self._upstream, self._now = upstream, now

    def all_lists(self, name: str, known: Matches, listed: Mapping[int, Entry]) -> None:
        """All lists of a season together are not empty where matches of it are known."""
        if known and not listed:
            self._ask(
                f"the lists of {name} are all empty", known, lambda entry, one: entry.season.id == one.season
            )

    def played(
        self, name: str, known: Matches, listed: Mapping[int, Entry], since: datetime | None, *, empty: bool
    ) -> None:
        """The list of played matches, read back to `since` (None: to its end), has those that are known."""
        due = {
            match: one
            for match, one in known.items()
            if one.state in PLAYED and one.kickoff is not None and (since is None or one.kickoff >= since)
        }
        self._compare(f"the list of played matches of {name}", due, listed, _was_played, empty=empty)

    def coming(self, name: str, known: Matches, listed: Mapping[int, Entry], *, empty: bool) -> None:
        """The list of matches to come has those that are known. They may be called off, and be gone."""
        begins = self._now + SOON
        due = {
            match: one
            for match, one in known.items()
            if one.state == "scheduled" and one.kickoff is not None and one.kickoff > begins
        }

        def is_to_come(entry: Entry, one: Known) -> bool:
            return entry.season.id == one.season and entry.state == "scheduled" and entry.kickoff > begins

        self._compare(
            f"the list of matches to come of {name}", due, listed, is_to_come, empty=empty, others=listed
        )

    def days(
        self,
        name: str,
        known: Matches,
        listed: Mapping[int, Entry],
        holds: Callable[[datetime], bool],
        *,
        empty: bool,
    ) -> None:
        """The lists of some days have the played matches that are known of them."""
        due = {
            m: one for m, one in known.items() if one.state in PLAYED and one.kickoff and holds(one.kickoff)
        }
        self._compare(
            f"the lists of days of {name}", due, listed, lambda entry, _: holds(entry.kickoff), empty=empty
        )

    def _compare(
        self,
        what: str,
        due: Matches,
        listed: Mapping[int, Entry],
        belongs: Belongs,
        *,
        empty: bool,
        others: Mapping[int, Entry] | None = None,
    ) -> None:
        lacking = {match: one for match, one in due.items() if match not in listed}
        if lacking and (empty or len(lacking) > max(FEW, FEW_SHARE * len(due))):
            self._ask(f"{what} lacks {len(lacking)} of {len(due)} known ones", lacking, belongs, others)

    def _ask(
        self, what: str, lacking: Matches, belongs: Belongs, others: Mapping[int, Entry] | None = None
    ) -> None:
        """Raise Transient unless some of the matches say that they are elsewhere now, and none that it is not.

        That they are gone counts as such only where `others` are given and one of these is there.
        """
        by_kickoff = sorted(lacking, key=lambda match: (str(lacking[match].kickoff), match))
        # The first, the last and one between: what ended early lacks one end.
        chosen = dict.fromkeys([by_kickoff[-1], by_kickoff[0], by_kickoff[len(by_kickoff) // 2]])
        elsewhere = 0
        for match in chosen:
            entry = self._event(match)
            if entry is not None and belongs(entry, lacking[match]):
                raise Transient(
                    f"{what}, and match {match} among them says that it still belongs there. A list that is cut or "
                    "empty is no answer: nothing of it is remembered, and latest stays. The next try asks again.",
                    cause=what,
                )
            elsewhere += entry is not None
        if elsewhere:
            return
        controls = [
            control.Control(f"match {match}", lambda match=match: self._event(match) is not None)  # type: ignore[misc]
            for match in others or ()
        ]
        control.check(f"{what}, which are not there by their numbers either", controls)

    def _event(self, match: int) -> Entry | None:
        """A match by its number, as an entry; None where it is not there."""
        answer: Answer = self._upstream.get(f"{API}/event/{match}")
        if answer.kind is Kind.EMPTY:
            return None
        return answer.json(_Body, strict=False).event


def _was_played(entry: Entry, one: Known) -> bool:
    return entry.season.id == one.season and entry.state in PLAYED
