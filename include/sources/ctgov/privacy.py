"""No person whom a study's record names, and no phone number or mail address, leaves it for a table.

The upstream publishes contacts, officials and investigators as structured data, which no table takes. The same people
stand in texts that tables do take: titles, summaries, facilities, sponsors. There a name is hidden where the record
names that person (`people.py`), in whatever form (`naming.py`), and nowhere else: words alone do not tell a person from
a place, a company, a disease or a drug. Mail addresses and phone numbers are hidden wherever they stand
(`include/sources/contact_details.py`).

What the version before knew of a study's people is not looked up: no table holds a name, and what landed is deleted
after 30 days. So a name that leaves the record's contacts and stays in its texts is published from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from include.sources.contact_details import (
    hide_mails,
    hide_phones,
    may_hold_details,
    replaced,
    tail,
)
from include.sources.ctgov.naming import Names
from include.sources.ctgov.people import Person

INDIVIDUAL = "[individual]"
NAME = "[name]"


class Redactor:
    """Takes private data out of one study's texts, each kind of text with the rules that fit it."""

    __slots__ = ("_names", "_tails")

    def __init__(self, persons: Collection[Person] = (), phones: Iterable[str] = ()) -> None:
        """`phones` are the numbers of the record's contacts, which are hidden in any form."""
        self._names = Names(persons)
        self._tails = frozenset(map(tail, phones)) - {None}

    def suspects(self, text: str) -> bool:
        """Whether a text, or many that are joined by line breaks, may hold anything to hide.

        A text that holds nothing comes out of every other method as it is; this is much cheaper.
        """
        return self._names.may_be_in(text) or may_hold_details(text, self._tails)

    def text(self, text: str) -> str:
        """Titles, summaries, reasons, sponsors, facilities: everything is hidden."""
        return hide_phones(self._hide_names(hide_mails(text)), self._tails)

    def label(self, text: str) -> str:
        """Conditions, interventions, arms: as `text`, but "Dr. Roe's" is a brand there."""
        return hide_phones(self._hide_names(hide_mails(text), of_things=True), self._tails)

    def identifier(self, text: str) -> str:
        """Numbers of studies and grants, which may look like phone numbers: mail addresses and names."""
        return self._hide_names(hide_mails(text))

    def place(self, text: str) -> str:
        """Cities and states: as `text`, but one that is called as a person of the record is a place all the same."""
        hidden = self.text(text)
        return text if hidden == NAME else hidden

    def _hide_names(self, text: str, *, of_things: bool = False) -> str:
        if not self._names.may_be_in(text):
            return text
        return replaced(text, self._names.spans(text, of_things=of_things), NAME)
