# ruff: noqa: RUF001, SIM905  (apostrophes as people type them; word lists read better as text)
"""No person's name, phone number or mail address leaves the upstream's records for a table.

The upstream publishes contacts, officials and investigators as structured data, which no table takes. What
is left are the places where they leak: a person who is the sponsor, a doctor's practice, free text.

- A sponsor that is a person becomes `[individual]` (`is_individual`).
- In free text, mail addresses, phone numbers and the names of the people whom the same study names become
  `[mail]`, `[phone]` and `[name]`; in prose so does every name behind the title Dr or Prof. (`Redactor`).
- Institutions that bear a person's name keep it, e.g. "Prof. Dr. Cemil Tascioglu City Hospital".

Text without any of these is returned as it is, and most studies are told apart by substring tests alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

INDIVIDUAL = "[individual]"
MAIL = "[mail]"
PHONE = "[phone]"
NAME = "[name]"

INSTITUTIONAL = frozenset({"INDUSTRY", "NIH", "FED", "OTHER_GOV", "NETWORK"})
"""Classes of sponsors that are no persons (AgencyClass, docs/upstreams/ctgov.md)."""

# --- Who is a person ---------------------------------------------------------------------------------

_DEGREE_WORDS = frozenset(
    """
    md phd do mbbs mbchb mbbch msc ms mph rn bsn msn dds dmd pharmd drph dnp scd dsc psyd dpt od dvm facp facs
    frcp frcs frcpc frcsc frcpch facc faan faap faha fccp fesc fidsa fracp mba mbe mhs mhsc mrcp msce msci mscr
    mscs mas meng mmed mpharm bsc ma edd dpm lcsw aprn crna arnp np cnm rph ccrc ccrp drmed habil jr sr ii iii
    prof professor dr
    """.split()
)
_GENERATIONS = frozenset({"jr", "sr", "ii", "iii"})
_UNMISTAKABLE = _GENERATIONS | {"md", "phd", "mbbs", "pharmd", "msc", "dds"}
_TITLE = r"(?:Assoc(?:iate|\.)? |Asst\.? |Assistant |Univ\.-?)?(?:Prof(?:essor)?\b\.?|Dra?\b\.?|Priv\.-Doz\.)"
_LEADING_TITLES = re.compile(rf"^(?:(?:{_TITLE}|(?-i:M(?:r|rs|s|me|iss)\b)\.?|med\.)[\s.,]*)+", re.IGNORECASE)
_NO_PERSON = re.compile(
    r"pharm|medic|clinic|clíni|klini|hospi|hôpit|hopit|ospedal|universi|college|school|institu|foundat"
    r"|fundaci|fondaz|fondation|center|centre|centro|research|trial|stud(?:y|ies)\b|department|division"
    r"|office|service|associat|societ|consorti|corporat|compan|industr|laborator|biotech|biolog|therapeut"
    r"|scien|health|council|ministr|authorit|agency|network|program|project|registr|transparen|disclosure"
    r"|operation|develop|global|internation|national|federal|commission|committee|alliance|cooperative"
    r"|coordinat|director|manager|contact\b|informat|support|representat|investigat|sponsor|recruit|enrol"
    r"|administrat|responsible|hotline|toll[- ]free|helpdesk|oncolog|cardiolog|surgery|academy|[&@\d]"
    r"|\b(?:inc|llc|ltd|gmbh|corp|plc|kgaa|srl|team|unit|union|groupe?|desk|labs?|site|chair|head|line|care|trust"
    r"|the|of|and|for|und|et|central|general|nurse|physician|patients?|principal|public)\b",
    re.IGNORECASE,
)
_COMPANY_FORM = frozenset("AG SA AB SE AS KG KK BV NV A/S S.A. B.V. N.V. K.K. S.p.A. SpA Co Co.".split())
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
    head, *rest = re.split(r"\s*[,/;]\s*", bare.rstrip(".,; "))
    tail = [word for part in rest for word in part.split()]
    degrees = [word for word in tail if _plain(word) in _DEGREE_WORDS]
    words = head.split()
    if len(words) == 1 and len(degrees) < len(tail):  # "Smith, John A., MD"
        words = [word for word in tail if word not in degrees] + words
    while len(words) > 2 and _is_behind_a_name(words[-1]):  # noqa: PLR2004 "Jun Ma" has no degree
        degrees.append(words.pop())
    has_degree = bare != text or any(_plain(word) not in _GENERATIONS for word in degrees)
    if not 1 < len(words) <= _MOST_WORDS or words[-1] in _COMPANY_FORM or _NO_PERSON.search(" ".join(words)):
        return None
    if not all(word[0].isalpha() for word in words) or all(len(word.strip(".")) == 1 for word in words):
        return None
    return Person(tuple(words), has_degree)


def _plain(word: str) -> str:
    return word.replace(".", "").replace("-", "").casefold()


def _is_behind_a_name(word: str) -> bool:
    """Whether a word is a degree and no surname: written in capitals, with dots, or as Md and PhD."""
    return _plain(word) in _DEGREE_WORDS and (word.isupper() or "." in word or _plain(word) in _UNMISTAKABLE)


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


def is_individual(
    name: str, agency_class: str | None, people: People, *, sponsor_investigator: bool = False
) -> bool:
    """Whether a sponsor or organization is a person.

    That is: its class is INDIV; or its name carries a title or degree and reads as a person's; or, where its
    class leaves it open, it is one of the study's people, or the lead sponsor of a study whose responsible
    party is a SPONSOR_INVESTIGATOR, who is the sponsor in person.
    """
    if agency_class == "INDIV":
        return True
    found = person(name)
    if found is None:
        return False
    if found.has_degree:
        return True
    return agency_class not in INSTITUTIONAL and (sponsor_investigator or people.include(name))


# --- What stands in free text ------------------------------------------------------------------------

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
    r"(?:\s+(?:no|number|at|on|us at|is|call)|[^.!?\n]{0,60}\s(?:at|on|under))?"
    r"[\s.:#(]{0,4}$",
    re.IGNORECASE,
)
_YEARS = re.compile(r"(?:19|20)\d\d\s?[-/.]\s?(?:(?:19|20)\d\d|\d\d?(?:\s?[-/.]\s?\d\d?)?)")
_DECIMALS = re.compile(r"\d\.\d+\s")

_UPPER = r"[A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶŁĻŃŅŇŌŐŘŚŞŠŤŪŮŰŹŻŽ]"
_WORD = rf"(?!(?:Of|The|And|At|In|For)\b){_UPPER}[\w'’.-]*"
_PARTICLE = r"(?:van|von|der|den|de|del|da|di|la|el|al|bin|ten|ter|zu)"
_DEGREES_BEHIND = r"(?:,?\s+(?:M\.?\s?D|Ph\.?\s?D|MBBS|FRCP|RN|PharmD|DDS|Prof)\b\.?)"
_FULL_NAME = rf"({_WORD}(?:\s+(?:{_WORD}|{_PARTICLE}))*){_DEGREES_BEHIND}*"
_TITLED = re.compile(rf"(?<!\w)(?:{_TITLE}[\s.]+(?:med\.\s+)?)+{_FULL_NAME}")
# In prose DR is diabetic retinopathy.
_TITLED_AT_FACILITY = re.compile(rf"(?<!\w)(?:(?:{_TITLE}|DR\.?)[\s.]+(?:med\.\s+)?)+{_FULL_NAME}")
_WITH_DEGREE = re.compile(
    rf"{_WORD}(?:\s+(?:{_WORD}|{_PARTICLE})){{1,4}},?\s+"
    rf"(?:M\.?\s?D|Md|D\.?O|MBBS|Ph\.?\s?D|RN|PharmD|DDS|Prof)\b(?!\.?\s+{_UPPER})\.?{_DEGREES_BEHIND}*"
)
_RUN = re.compile(rf"(?<![\w\[]){_WORD}(?:\s+(?:{_WORD}|{_PARTICLE}))+")
_SENTENCE_END = re.compile(r"(?<=[a-z\])]{2})[.!?]\s|\n")
_OFFICE_OF = re.compile(
    rf"\b((?:[Oo]ffice|OFFICE) (?:[Oo]f|OF) )({_WORD}(?:\s+{_WORD}){{0,3}})(?=\s*(?:[,/(\[-]|$))"
)
_INSTITUTION = re.compile(
    r"hosp|hôpit|hopit|ospedal|spital|szpital|hastane|krankenhaus|klinikum|universi|institu|cent(?:er|re|ro|rum)"
    r"|zentrum|foundation|fundaci|\bcity\b|memorial|milit|network|trust|school|college|faculty|group|mhat"
    r"|policlin|polyclin|award|method|scale|protocol|program",
    re.IGNORECASE,
)
_NUMBER_AT_FACILITY = re.compile(
    r"(?<![\w#.-])(?:\d{9,15}|\+?\d{1,4}(?:[ .-]\(?\d{1,4}\)?){1,5}|\(\d{3}\) ?\d{3}-\d{4})(?![\w-])"
)

# Without these no title and no degree stands in a text.
_TITLE_MARK = re.compile(r"Dr[.\s]|DR[.\s]|Prof[.\s]|Professor[.\s]|Dra[.\s]|Priv\.-Doz\.")
_DEGREE_MARK = re.compile(r"(?:M\.?\s?D|Md|D\.?O|MBBS|Ph\.?\s?D|RN|PharmD|DDS|Prof)\b(?! Anderson)")

_PHONE_DIGITS = range(7, 16)
"""How many digits a phone number has (ITU-T E.164, and local ones)."""


class Redactor:
    """Takes private data out of one study's texts, each kind of text with the rules that fit it."""

    __slots__ = ("_details", "_needles", "_people")

    def __init__(self, people: People = NOBODY) -> None:
        self._details = people.details
        self._needles = {_spelled(one.words[-1]) for one in people.persons}
        self._people: dict[str, list[Person]] = {}
        for one in people.persons:
            self._people.setdefault(_folded(one.words[-1]), []).append(one)

    def suspects(self, texts: str) -> Iterator[int]:
        """Positions in many texts, joined by line breaks, of what may have to be hidden.

        A text that holds none of them comes out of every other method as it is; this is much cheaper.
        """
        for detail in self._details:
            yield from _positions(detail, texts)
        if self._needles:
            spelled = _spelled(texts)
            found = [at for needle in self._needles for at in _positions(needle, spelled, whole_word=True)]
            # Some letters fold to two, and then positions differ: look at every text.
            yield from found if not found or len(spelled) == len(texts) else range(len(texts))
        yield from _positions("@", texts)
        if "Dr" in texts or "Prof" in texts or "DR" in texts or "Doz" in texts:
            yield from (match.start() for match in _TITLE_MARK.finditer(texts))
        yield from (match.start() for match in _DEGREE_MARK.finditer(texts))
        yield from _positions("ffice", texts)
        yield from _positions("FFICE", texts)
        for run in _DIGITS.finditer(texts):
            if _hide_phones(run) != run[0] or _phone_at_facility(run):
                yield run.start()

    def prose(self, text: str) -> str:
        """Titles, summaries, reasons: as a label, and names with a title, a degree or contact details."""
        text = self.identifier(text)
        if _TITLE_MARK.search(text):
            text = _TITLED.sub(_hide_titled, text)
        if _DEGREE_MARK.search(text):
            text = _WITH_DEGREE.sub(_hide_with_degree, text)
        text = _DIGITS.sub(_hide_phones, text)
        return _beside_details(text) if MAIL in text or PHONE in text else text

    def label(self, text: str) -> str:
        """Names of things: mail addresses, phone numbers, the study's own people."""
        return _DIGITS.sub(_hide_phones, self.identifier(text))

    def facility(self, text: str) -> str:
        """A facility: as a label; where it is no institution, also the doctor whose practice it is."""
        text = self.label(text)
        if _INSTITUTION.search(text):
            return text
        text = _WITH_DEGREE.sub(NAME, _TITLED_AT_FACILITY.sub(NAME, text))
        text = _OFFICE_OF.sub(_hide_office, text)
        text = self._hide_own(text, surnames=True)
        return _NUMBER_AT_FACILITY.sub(_hide_number, text)

    def identifier(self, text: str) -> str:
        """Numbers of studies and grants, which may look like phone numbers: mail addresses and own people."""
        for detail in self._details:
            text = text.replace(detail, MAIL if "@" in detail else PHONE)
        if "@" in text:
            text = _MAIL.sub(MAIL, text)
        return self._hide_own(text)

    def _hide_own(self, text: str, *, surnames: bool = False) -> str:
        """The study's own people, however they are written; with `surnames` even their surnames alone."""
        folded = _spelled(text)
        if not any(needle in folded for needle in self._needles):
            return text
        words = list(_NAME_WORD.finditer(text))
        hidden, done = [], 0
        for index, word in enumerate(words):
            surname = _folded(word[0])
            for one in self._people.get(surname, ()):
                span = _span(one, words, index, text)
                if span is None and surnames and len(surname) >= _SHORTEST_SURNAME and word[0][0].isupper():
                    span = word.span()
                if span is not None and span[0] >= done:
                    hidden += [text[done : span[0]], NAME]
                    degrees = _DEGREES.match(text, span[1])
                    done = degrees.end() if degrees else span[1]
        return "".join([*hidden, text[done:]])


def _positions(word: str, text: str, *, whole_word: bool = False) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not whole_word or not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
            yield start
        start = text.find(word, end)


_NAME_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_DEGREES = re.compile(rf"{_DEGREES_BEHIND}*")
_TITLE_WORDS = frozenset({"dr", "dra", "prof", "professor"})
_SHORTEST_SURNAME = 4
_MOST_BETWEEN = 4


def _spelled(text: str) -> str:
    folded = text.casefold()
    return folded.replace("’", "'") if "’" in folded else folded


def _folded(word: str) -> str:
    return "".join(filter(str.isalnum, word)).casefold()


def _span(one: Person, words: list[re.Match[str]], index: int, text: str) -> tuple[int, int] | None:
    """Where a name stands whose surname is words[index]: "Jane A. Roe", "J. Roe", "Dr. Roe", "Roe, Jane"."""
    surname = words[index]
    first = _folded(one.words[0])
    start = None
    joined = ""
    for position in range(index - 1, max(-1, index - 1 - _MOST_BETWEEN), -1):
        before = words[position]
        if text[before.end() : words[position + 1].start()].strip(". \u00a0"):
            break
        folded = _folded(before[0])
        joined = folded + joined
        initial = len(folded) == 1 and folded == first[0] and text[before.end()] == "."
        if first in {folded, joined} or initial or folded in _TITLE_WORDS:
            start = before.start()
        elif start is not None or (before[0][0].islower() and not re.fullmatch(_PARTICLE, before[0])):
            break
    if start is not None:
        span = start, surname.end()
    elif index + 1 < len(words) and _folded(words[index + 1][0]) == first:
        if text[surname.end() : words[index + 1].start()].strip(", \u00a0"):
            return None
        span = surname.start(), words[index + 1].end()
    else:
        return None
    # "will power" is not Will Power.
    return None if text[span[0] : span[1]].islower() else span


def _hide_titled(match: re.Match[str]) -> str:
    return match[0] if _INSTITUTION.search(match[1]) else NAME


def _hide_with_degree(match: re.Match[str]) -> str:
    return match[0] if _NO_PERSON.search(match[0]) else NAME


def _hide_office(match: re.Match[str]) -> str:
    return match[0] if _NO_PERSON.search(match[2]) else match[1] + NAME


def _hide_phones(run: re.Match[str]) -> str:
    """The phone numbers in a run of digits and separators."""
    text = run[0]
    start, end = run.span()
    hidden = text
    for mark, pattern in (("+", _INTERNATIONAL), ("-", _NORTH_AMERICAN), (".", _NORTH_AMERICAN)):
        if mark not in text:
            continue
        for match in pattern.finditer(run.string, start, end):
            if not _DECIMALS.search(match[0]):
                hidden = hidden.replace(match[0], PHONE)
    if hidden != text or run.string[start - 1 : start].isalnum() or not _has_phone_size(text):
        return hidden  # NCT01234567 is no phone number
    return PHONE if _ANNOUNCED.search(run.string, max(0, start - 80), start) else text


def _has_phone_size(text: str) -> bool:
    return sum(map(str.isdigit, text)) in _PHONE_DIGITS and not _YEARS.fullmatch(text)


def _phone_at_facility(run: re.Match[str]) -> bool:
    return any(
        _hide_number(match) == PHONE for match in _NUMBER_AT_FACILITY.finditer(run.string, *run.span())
    )


def _hide_number(match: re.Match[str]) -> str:
    """A facility's name holds no number of that size, but for its phone number."""
    return PHONE if _has_phone_size(match[0]) else match[0]


def _beside_details(text: str) -> str:
    """A sentence that gives a phone number or mail address names whom to call or write to."""
    done, start = [], 0
    for end in [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]:
        sentence = text[start:end]
        if MAIL in sentence or PHONE in sentence:
            sentence = _RUN.sub(_hide_run, sentence)
        done.append(sentence)
        start = end
    return "".join(done)


def _hide_run(match: re.Match[str]) -> str:
    words = match[0].split()
    first = next((n for n, word in enumerate(words) if not _NO_PERSON.search(word)), len(words))
    name = " ".join(words[first:])
    if len(words) - first < 2 or _NO_PERSON.search(name):  # noqa: PLR2004
        return match[0]
    return " ".join([*words[:first], NAME])
