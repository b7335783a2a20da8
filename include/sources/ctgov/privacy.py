"""No person's name, phone number or mail address leaves the upstream's records for a table.

The upstream publishes contacts, officials and investigators as structured data, which no table takes. What is left
are the places where they leak: a person who is the sponsor, a doctor's practice as a facility, and free text.

- A sponsor that is a person becomes `[individual]` (`is_individual`).
- In free text, mail addresses, phone numbers and the names of the people whom the same study names become
  `[mail]`, `[phone]` and `[name]`; in prose so does every name behind the title Dr or Prof. (`Redactor`).
- Institutions that bear a person's name keep it, e.g. "Prof. Dr. Cemil Tascioglu City Hospital".

Text without any of these is returned as it is, and most studies are told apart by substring tests alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

INDIVIDUAL = "[individual]"
MAIL = "[mail]"
PHONE = "[phone]"
NAME = "[name]"

INSTITUTIONAL = frozenset({"INDUSTRY", "NIH", "FED", "OTHER_GOV", "NETWORK"})
"""Classes of sponsors that are no persons (contract section A, AgencyClass)."""

# --- Who is a person ------------------------------------------------------------------------------------------

_DEGREES = frozenset(
    """
    md phd do mbbs mbchb mbbch msc ms mph rn bsn msn dds dmd pharmd drph dnp scd dsc psyd dpt od dvm facp facs frcp
    frcs frcpc frcsc facc faan faha fesc mba mhs mhsc mrcp bsc ma edd dpm mmed lcsw fracp msce msci mscr mscs aprn crna
    arnp np drmed drph habil jr sr ii iii prof dr professor mpharm rph meng faap fccp fidsa cnm ccrc ccrp mbe mas frcpch
    """.split()
)
_TITLE = r"(?:Assoc(?:iate|\.)? |Asst\.? |Assistant |Univ\.-?)?(?:Prof(?:essor|\.)?|Dra?\b\.?|Priv\.-Doz\.)"
_LEADING_TITLES = re.compile(rf"^(?:(?:{_TITLE}|M(?:r|rs|s|me|iss)\b\.?|med\.)[\s.,]*)+", re.IGNORECASE)
_NO_PERSON = re.compile(
    r"pharm|medic|clinic|clíni|klini|klinik|hospi|hôpit|hopit|ospedal|universi|université|college|school|institu|foundat"
    r"|fundaci|fondaz|fondation|center|centre|centro|research|trial|stud(?:y|ies)\b|department|division|office|service"
    r"|associat|societ|societ|consorti|corporat|compan|industr|laborator|biotech|biolog|therapeut|scien|health|council"
    r"|ministr|authorit|agency|network|program|project|registr|transparen|disclosure|operation|develop|global"
    r"|internation|national|federal|commission|committee|alliance|cooperative|coordinat|director|manager|contact\b"
    r"|informat|support|representat|investigat|sponsor|recruit|enrol|enroll|administrat|responsible|hotline|helpdesk"
    r"|oncolog|cardiolog|surgery|academy|\b(?:inc|llc|ltd|gmbh|corp|ag|plc|team|unit|group|desk|lab|labs|site|chair|head"
    r"|line|care|trust|the|of|and|for|und|et|y|central|general|nurse|physician|patients?|principal|public|labor"
    r"|bv|nv|kg|kk|kgaa|spa|srl)\b|[&@\d]",
    re.IGNORECASE,
)
_COMPANY_FORM = frozenset({"SA", "AB", "SE", "AS", "A/S", "S.A.", "B.V.", "N.V.", "K.K.", "S.p.A."})
_MOST_WORDS = 5


class Person(NamedTuple):
    """A person's name in its words, without titles and degrees."""

    words: tuple[str, ...]
    has_degree: bool

    @property
    def key(self) -> tuple[str, ...]:
        """What two spellings of the name have in common: its long words, in any order."""
        return tuple(sorted(word.casefold() for word in self.words if len(word.strip(".")) > 1))


@lru_cache(maxsize=1 << 13)
def person(name: str) -> Person | None:
    """Read a name as that of a person; None where it is an office, a company or one word only."""
    text = " ".join(name.split())
    bare = _LEADING_TITLES.sub("", text)
    titled = bare != text
    head, *rest = re.split(r"\s*[,/;]\s*", bare.rstrip(".,; "))
    tail = [word for part in rest for word in part.split()]
    degrees = [word for word in tail if _is_degree(word)]
    words = [word for word in head.split() if not _is_degree(word)]
    if len(words) == 1 and tail and len(degrees) < len(tail):  # "Smith, John A., MD"
        words = [word for word in tail if not _is_degree(word)] + words
    has_degree = titled or bool(degrees) or len(words) < len(head.split())
    if not 1 < len(words) <= _MOST_WORDS or words[-1] in _COMPANY_FORM or _NO_PERSON.search(" ".join(words)):
        return None
    if not all(word[0].isalpha() for word in words) or all(len(word.strip(".")) == 1 for word in words):
        return None
    return Person(tuple(words), has_degree)


def _is_degree(word: str) -> bool:
    return word.replace(".", "").replace("-", "").casefold() in _DEGREES


class People:
    """The people whom one study names, and their phone numbers and mail addresses."""

    __slots__ = ("details", "persons")

    def __init__(
        self, names: Iterable[str], organizations: Sequence[str] = (), details: Iterable[str] = ()
    ) -> None:
        """Offices and companies among the names are left out.

        A name without a degree that is part of one of the organizations' names is taken for an office of it:
        companies name themselves as contacts ("Boehringer Ingelheim").
        """
        companies = "\n".join(organizations).casefold()
        self.persons: tuple[Person, ...] = tuple(
            found
            for found in map(person, dict.fromkeys(names))
            if found is not None and (found.has_degree or " ".join(found.words).casefold() not in companies)
        )
        self.details = tuple(detail for detail in dict.fromkeys(details) if len(detail) >= _SHORTEST_DETAIL)

    def include(self, name: str) -> bool:
        """Whether the name is that of one of them, however it is ordered and decorated."""
        found = person(name)
        return found is not None and any(found.key == one.key for one in self.persons)


_SHORTEST_DETAIL = 6
NOBODY = People(())


def is_individual(name: str, agency_class: str | None, people: People, *, sponsor_investigator: bool = False) -> bool:
    """Whether a sponsor or organization is a person.

    That is: its class is INDIV; or its name carries a title or degree and reads as a person's; or, where its
    class leaves it open, it is one of the study's people, or the lead sponsor of a study whose responsible party
    is a SPONSOR_INVESTIGATOR, who is the sponsor in person.
    """
    if agency_class == "INDIV":
        return True
    found = person(name)
    if found is None:
        return False
    if found.has_degree:
        return True
    return agency_class not in INSTITUTIONAL and (sponsor_investigator or people.include(name))


# --- What stands in free text ---------------------------------------------------------------------------------

_MAIL = re.compile(r"[\w.%+'-]+@[\w-]+(?:\.[\w-]+)+")
_DIGITS = re.compile(r"[+(0-9][0-9 \t\u00a0().\-/]{5,}[0-9]")
_INTERNATIONAL = re.compile(
    # +49 30 1234567, +1 (555) 010-0199
    r"(?<![\w+])\+\s?[1-9]\d{0,2}[\s.\-/]{0,2}(?:\(\d{1,4}\)[\s.\-/]{0,2})?\d(?:[\s.\-/]?\d){5,12}(?![\w%])"
)
_NORTH_AMERICAN = re.compile(
    # 555-010-0199, (555) 010-0199, 1-800-555-0199
    r"(?<![\w.\-/+])(?:1[.\-])?(?:\(\d{3}\)\s?|\d{3}[.\-])\d{3}[.\-]\d{4}(?![\w\-/]|\.\d)"
)
_ANNOUNCED = re.compile(
    r"\b(?:tel(?:ephone|\.)?|phone|fax|mobile|hotline|whatsapp|call(?:ing)?|dial|contact(?: us)?)"
    r"(?:\s+(?:no|number|at|on|us at|is|call))?[\s.:#(]{0,4}$",
    re.IGNORECASE,
)
_YEARS = re.compile(r"(?:19|20)\d\d\s?[-/.]\s?(?:(?:19|20)\d\d|\d\d?(?:\s?[-/.]\s?\d\d?)?)")
_DECIMALS = re.compile(r"\d\.\d+\s")
_UPPER = r"[A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶŁĻŃŅŇŌŐŘŚŞŠŤŪŮŰŹŻŽ]"
_WORD = rf"(?!(?:Of|The|And|At|In|For)\b){_UPPER}[\w'’.-]*"
_TITLED = re.compile(
    rf"(?<!\w)(?:{_TITLE}[\s.]+(?:med\.\s+)?)+({_WORD}(?:\s+(?:{_WORD}|van|von|der|den|de|del|da|di|la|el|al|bin))*)"
    r"(?:,?\s+(?:MD|PhD|M\.D\.|Ph\.D\.))*"
)
_WITH_DEGREE = re.compile(
    rf"{_WORD}(?:\s+{_WORD}){{1,4}},?\s+(?:M\.?D\.?|Md|D\.?O\.?|MBBS|Ph\.?D\.?)(?![\w.])(?:,?\s+(?:MD|PhD))*"
)
_INSTITUTION = re.compile(
    r"hosp|hôpit|hopit|ospedal|szpital|spital|hastane|krankenhaus|klinikum|universi|institu|cent(?:er|re|ro|rum)|zentrum"
    r"|foundation|fundaci|\bcity\b|memorial|milit|network|trust|school|college|faculty|group|umhat|mhat|policlin|polyclin"
    r"|award|method|scale|protocol|program",
    re.IGNORECASE,
)
_PRACTICE = re.compile(r"ordination|praxis|gabinet|kabinet|cabinet|consultorio|practice|\boffice\b|ambulatori", re.IGNORECASE)
# Substrings without which no title and no degree can stand in a text: much cheaper to look for.
_TITLES = ("Dr.", "Dr ", "Dra.", "Prof.", "Prof ", "Professor ", "Priv.-Doz.")
_DEGREES_SHORT = ("MD", "Md", "M.D", " DO", "D.O", "MBBS", "Ph")


class Redactor:
    """Takes private data out of one study's texts, each kind of text with the rules that fit it."""

    __slots__ = ("_details", "_own")

    def __init__(self, own: re.Pattern[str] | None, details: tuple[str, ...]) -> None:
        self._own = own
        self._details = details

    def prose(self, text: str) -> str:
        """Titles, summaries, reasons: everything, and every name behind Dr or Prof."""
        return _TITLED.sub(_hide_titled, self.label(text))

    def label(self, text: str) -> str:
        """Names of things: mail addresses, phone numbers, the study's own people."""
        return _DIGITS.sub(_hide_phones, self.identifier(text))

    def facility(self, text: str) -> str:
        """A facility: as a label, and the doctor whose practice it is."""
        text = self.label(text)
        if _INSTITUTION.search(text):
            return text
        text = _WITH_DEGREE.sub(NAME, text)
        titled = _TITLED.search(text)
        if titled and (titled.start() == 0 or _PRACTICE.search(text)):
            text = _TITLED.sub(NAME, text)
        return text

    def identifier(self, text: str) -> str:
        """Numbers of studies and grants, which may look like phone numbers: the rest."""
        for detail in self._details:
            text = text.replace(detail, MAIL if "@" in detail else PHONE)
        if "@" in text:
            text = _MAIL.sub(MAIL, text)
        return self._own.sub(_hide_own, text) if self._own else text


def redactor(texts: str, facilities: str = "", people: People = NOBODY) -> Redactor | None:
    """What to apply to one study's texts, or None where there is nothing to hide.

    `texts` holds every text but the facilities, `facilities` those, each joined by line breaks.
    """
    both = f"{texts}\n{facilities}"
    details = tuple(detail for detail in people.details if detail in both)
    found: tuple[Person, ...] = ()
    if people.persons:
        folded = both.casefold()
        found = tuple(one for one in people.persons if _stands_in(one.words[-1].casefold(), folded))
    if (
        found
        or details
        or "@" in both
        or any(title in both for title in _TITLES)
        or (any(degree in facilities for degree in _DEGREES_SHORT) and _WITH_DEGREE.search(facilities))
        or any(_hide_phones(run) != run[0] for run in _DIGITS.finditer(both))
    ):
        return Redactor(_own(found) if found else None, details)
    return None


def _stands_in(word: str, text: str) -> bool:
    """Whether a word stands in a text as a whole word."""
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
            return True
        start = text.find(word, end)
    return False


@lru_cache(maxsize=256)
def _own(persons: tuple[Person, ...]) -> re.Pattern[str]:
    """Every way in which the people may be written: "Jane A. Roe", "Roe, Jane", "J. Roe", "Dr. Roe"."""
    ways: list[str] = []
    for one in persons:
        first, last = (re.escape(word).replace(r"\-", r"[\s-]?") for word in (one.words[0], one.words[-1]))
        middle = r"(?:[\w'’-]+\.?\s+){0,3}?"
        ways += [
            rf"(?:{_TITLE}\s*)*{first}\.?[\s-]+{middle}{last}",
            rf"{last},?\s+{first}(?:\s+\w\.)?",
            rf"{re.escape(one.words[0][0])}\.\s?(?:\w\.\s?)*{last}",
            rf"{_TITLE}\s*{middle}{last}",
        ]
    return re.compile(rf"(?<!\w)(?:{'|'.join(ways)})(?!\w)(?:,?\s+(?:M\.?D|Ph\.?D)\b\.?)*", re.IGNORECASE)


def _hide_own(match: re.Match[str]) -> str:
    # "will power" is not Will Power.
    return match[0] if match[0].islower() else NAME


def _hide_titled(match: re.Match[str]) -> str:
    return match[0] if _INSTITUTION.search(match[1]) else NAME


def _hide_phones(run: re.Match[str]) -> str:
    """The phone numbers in a run of digits and separators."""
    text = run[0]
    start, end = run.span()
    hidden = text
    for pattern in (_INTERNATIONAL, _NORTH_AMERICAN):
        for match in pattern.finditer(run.string, start, end):
            if not _DECIMALS.search(match[0]):
                hidden = hidden.replace(match[0], PHONE)
    if hidden != text:
        return hidden
    digits = sum(char.isdigit() for char in text)
    if 7 <= digits <= 15 and not _YEARS.fullmatch(text) and _ANNOUNCED.search(run.string, max(0, start - 40), start):  # noqa: PLR2004 ITU-T E.164
        return PHONE
    return text
