# ruff: noqa: RUF001, SIM905  (letters and apostrophes as people type them; word lists read better as text)
"""Whom a study's record names: contacts, officials, investigators, responsible parties, individual sponsors.

The upstream's field for a name holds offices, departments, diseases and companies as well ("Clinical Trials Office",
"Reparto di Radiologia", "Novo Nordisk"). Which entry is a person is decided here, first by what the record says of it
(its part in the study, the names of its organizations, its conditions), then by the words of the entry.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

INSTITUTIONAL = frozenset({"INDUSTRY", "NIH", "FED", "OTHER_GOV", "NETWORK"})
"""Classes of sponsors that are no persons (AgencyClass, docs/upstreams/ctgov.md)."""

# --- Words -------------------------------------------------------------------------------------------

WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f]|['’ʼ](?![sS]\b)(?=[^\W\d_]))*")
"""A word of a name. Hyphens part words, apostrophes do not, and the s of a possessive is no part of it."""
_SAME = (("ø", "o"), ("ł", "l"), ("đ", "d"), ("ı", "i"), ("æ", "ae"), ("œ", "oe"), ("’", "'"), ("ʼ", "'"))
_MARKS = re.compile(r"[\u0300-\u036f]")


def fold(text: str) -> str:
    """Text without case and accents: "Pérez" and "PEREZ" are one name."""
    if text.isascii():
        return text.lower()
    bare = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())))
    for letter, same in _SAME:
        if letter in bare:
            bare = bare.replace(letter, same)
    return bare


@lru_cache(maxsize=1 << 14)
def phrase(text: str) -> str:
    """The words of a text, folded and parted by one space, with a space around them."""
    return f" {' '.join(fold(word) for word in WORD.findall(text))} "


def has_case(text: str) -> bool:
    """Whether a script has capitals. Names in one that has none are matched as a whole."""
    return text.lower() != text.upper()


_COMPANY = r"\b(?:inc|llc|ltd|limited|gmbh|corp|plc|kgaa|srl|s\.p\.a|spa|a/s|b\.v|n\.v)\b"
INSTITUTION = re.compile(
    r"hospi|hôpit|hopit|ospedal|hastane|szpital|spital\b|krankenhaus|klinikum|policl|univer|institu|found?ati|fundaci|fondaz"
    r"|stiftung|cent(?:er|re|ro|rum)\b|zentrum|college|school|facult|academ|laborat|\blabs?\b|pharm|biotech|therapeut"
    r"|compan|corporat|industr|consorti|societ|associat|network|memorial|library|ministr|authorit|agenc"
    r"|больниц|институт|университет|центр|医院|病院|大学|學|研究|公司|병원|대학"
    rf"|\b(?:trust|group|city|medical)\b|{_COMPANY}",
    re.IGNORECASE,
)
"""Words of institutions and companies."""
PRODUCT = re.compile(
    r"\b(?:capsules?|tablets?|granules?|injections?|infusions?|pills?|decoction|cream|ointment|vaccine|solution|drops"
    r"|syrup|extract|oil|valve|stent|catheter|mg|ml|mcg)\b",
    re.IGNORECASE,
)
"""Words behind the name of a drug or a device."""
DISEASE = re.compile(
    r"cancer|carcinom|tumou?r|lymphom|leuk[ae]+mi|myelom|melanom|sclerosis|diabet|syndrom|disease|disorder|infection"
    r"|hepatitis|arthritis|asthma|dystroph|obesity|fibrosis|stenosis|psoriasis|epilep|migraine|fibrillation|failure"
    r"|stroke|an[a]?emia|sepsis|dementia|depression|schizophren|thrombosis|neuropath|glaucoma|hypertens|pneumonia"
    r"|tubercul|\b(?:pain|hiv|covid|malaria|influenza)\b",
    re.IGNORECASE,
)
"""Words of diseases."""
OFFICE = re.compile(
    r"medic|clinic|clíni|klini|research|trial|stud(?:y|ies)\b|depart|dipart|division|abteilung|repart|servi[czx]"
    r"|unidad|unit[éà]|\bunit\b|office|program|project|registr|transparen|disclosure|operation|develop|global|internation"
    r"|national|regi[oó]n\b|county|commission|committee|alliance|council|coordinat|director|manager|contact\b|informat"
    r"|president|recepti|secretar|chief|officer"
    r"|support|representat|investigat|sponsor|recruit|enrol|administrat|responsible|hotline|toll[- ]free|help"
    r"|olog|\wiatr|surgery|chirurg|cirug|recherch|ricerca|forschung|afdel|avdel|oddzia|ambulan|sekretari|studien"
    r"|direction|direzion|direcc|helse\b|assistance|publique|landsting|kommun|comune|azienda|provinc|prefect|municip|government"
    r"|отдел|клиник|[&@\d]"
    r"|\b(?:team|union|desk|site|line|care|the|of|and|for|und|et|nurse|physician|doctor|patients?|public|health"
    r"|science|call|email)\b",
    re.IGNORECASE,
)
"""Words of departments and of what people do there."""
_DETAILS = re.compile(r"(?<!\S)\S+@\S+|\bext\b\.?|[+(]?\d[\d\s().\-]*")
"""Phone numbers and mail addresses that people write beside their name."""
_ROLE_BEFORE = re.compile(
    r"(?:(?:study|research|principal)\s)?(?:nurse|investigator|coordinator|attn|attention|contact|pi)\b[\s.]+(?=\S+\s+\S)",
    re.IGNORECASE,
)
"""A part in the study before a full name: "Study Nurse Jane Roe"."""
_PARTNERS = re.compile(r"\band (?:company|co|sons|partners|associates)\b|&", re.IGNORECASE)
_COMPANIES = frozenset(
    phrase(name)
    for name in (
        *("AbbVie", "Abbott", "Allergan", "Amgen", "Astellas", "AstraZeneca", "Bayer", "BeiGene", "Biogen"),
        *(
            "Boehringer Ingelheim",
            "Bristol-Myers Squibb",
            "Chiesi",
            "Daiichi Sankyo",
            "Eisai",
            "Eli Lilly",
            "Ferring",
        ),
        *(
            "Genentech",
            "Gilead",
            "GlaxoSmithKline",
            "Grifols",
            "Hoffmann-La Roche",
            "Incyte",
            "Ipsen",
            "Janssen",
        ),
        *(
            "Kyowa Kirin",
            "Lilly",
            "Lundbeck",
            "Medtronic",
            "Merck",
            "Merck Sharp Dohme",
            "Moderna",
            "Novartis",
        ),
        *("Novo Nordisk", "Otsuka", "Pfizer", "Regeneron", "Roche", "Sanofi", "Servier", "Shire"),
        *("Takeda", "Teva", "UCB", "Vertex"),
    )
)
"""The largest industrial sponsors whose names read as people's. They enter themselves as contacts of others' studies,
where no organization of the record tells."""
_COMPANY_FORM = frozenset("AG SA AB SE AS KG KK BV NV SpA Co HF".split())
PARTICLES = frozenset(
    "van von der den de del da di du dos das do la las los le el al bin ibn ben ten ter zu zur y e st".split()
)
_TITLE = (
    r"(?:assoc(?:iate)?|assist(?:ant)?|asst|univ|priv|em|prof(?:essor)?|doz|pr|dott?|dr(?:a|s)?|mudr|ing|med|doctor|sir|mr|mrs|ms|miss|mme|herr|frau"
    r"|sra?)\b\.?-?"
)
_LEADING_TITLES = re.compile(rf"(?:{_TITLE}[\s,]*)+(?=\S)", re.IGNORECASE)
_ACADEMIC = re.compile(r"prof|dr|doz|do[ct]t|pr\b", re.IGNORECASE)
_DEGREES = frozenset(
    """
    md phd do mbbs mbchb mbbch msc ms mph rn bsn msn dds dmd pharmd drph dnp dsc psyd dpt od dvm facp facs frcp frcs
    frcpc frcsc facc faan fesc mba mhs mrcp mmed bsc ma np jr sr ii iii pi prof dr
    """.split()
)
_NO_TITLE = frozenset({"jr", "sr", "ii", "iii", "pi"})
_UNMISTAKABLE = frozenset({"md", "phd", "mbbs", "pharmd", "msc", "dds", "jr", "sr", "ii", "iii"})
_MOST_WORDS = 8
_LONGEST = 300
"""Characters of an entry; a longer one is prose."""


# --- Persons -----------------------------------------------------------------------------------------


class Person(NamedTuple):
    """A person's name without titles and degrees: as it is written, and its words in order, folded."""

    written: str
    words: tuple[str, ...]
    long: tuple[str, ...]
    """The words without initials and particles."""
    phrase: str
    """The words as `phrase` gives those of a text."""
    has_degree: bool

    def is_same(self, other: Person) -> bool:
        """Whether two spellings may be one person: the long words of one are all among those of the other."""
        few, many = sorted((set(self.long), set(other.long)), key=len)
        return few <= many and (len(few) > 1 or sorted(self.words) == sorted(other.words))


@lru_cache(maxsize=1 << 13)
def read(entry: str) -> tuple[Person, ...]:
    """The persons whom an entry names: none where it is an office, a company, a disease; several in "A and B"."""
    if len(entry) > _LONGEST:
        return ()
    text = " ".join(_DETAILS.sub(" ", entry).split())
    if _PARTNERS.search(text):
        return ()
    bracketed = re.findall(r"[(\[]([^)\]]*)[)\]]", text)
    parts = re.split(r"\s*[/;|:]\s*|\s+(?:and|und|et|y|-|–)\s+", re.sub(r"[(\[][^)\]]*[)\]]?", " ", text))
    found = [person(part) for part in parts]
    # What stands beside the name alone must read as a full name: it is a rank, a place or a nickname as often.
    beside = [person(part) for part in bracketed]
    return tuple(
        one
        for index, one in enumerate([*found, *beside])
        if one is not None and (index == 0 == len(parts) - 1 or len(one.words) > 1)
    )


def person(name: str) -> Person | None:
    """Read a name as that of one person; None where it is none."""
    text = _ROLE_BEFORE.sub("", name.strip(" .,"), count=1)
    titles = _LEADING_TITLES.match(text)
    head, *rest = re.split(r"\s*,\s*", text[titles.end() if titles else 0 :])
    tail = [word for part in rest for word in part.split()]
    degrees = [word for word in tail if _is_degree(word, behind_comma=True)]
    given = [word for word in tail if word not in degrees]
    words = head.split()
    family_first = given and all(
        fold(word) in PARTICLES for word in words[:-1]
    )  # "Roe, Jane", "de la Cruz, María"
    while len(words) > 2 and _is_degree(words[-1], behind_comma=False):  # noqa: PLR2004 "Jun Ma" has no degree
        degrees.append(words.pop())
    if family_first:
        words = given + words
    if not 0 < len(words) <= _MOST_WORDS or words[-1] in _COMPANY_FORM:
        return None
    whole = " ".join(words)
    if any(pattern.search(whole) for pattern in (INSTITUTION, PRODUCT, DISEASE, OFFICE)):
        return None
    if tail and (tail[0] in _COMPANY_FORM or re.match(_COMPANY, tail[0], re.IGNORECASE)):
        return None  # "Nowhere, Inc."
    is_titled = titles is not None and _ACADEMIC.search(titles[0]) is not None
    has_degree = is_titled or any(_plain(word) not in _NO_TITLE for word in degrees)
    return None if phrase(whole) in _COMPANIES and not has_degree else _named(whole, has_degree=has_degree)


def _named(whole: str, *, has_degree: bool) -> Person | None:
    words = tuple(fold(word) for word in WORD.findall(whole))
    is_cased = has_case(whole)
    long = tuple(word for word in words if word not in PARTICLES and (len(word) > 1 or not is_cased))
    # A lower-case word or an abbreviation alone is no name.
    is_word = len(words) == 1 and is_cased and (whole[:2].isupper() or not whole[0].isupper())
    return Person(whole, words, long, phrase(whole), has_degree) if long and not is_word else None


def _plain(word: str) -> str:
    return word.replace(".", "").replace("-", "").casefold()


def _is_degree(word: str, *, behind_comma: bool) -> bool:
    """Whether a word is a degree and no name: behind a comma written with two capitals or dots."""
    if _plain(word) in _DEGREES:
        return behind_comma or word.isupper() or "." in word or _plain(word) in _UNMISTAKABLE
    return behind_comma and len(word) > 2 and len(re.findall(r"[A-Z]", word)) > 1  # noqa: PLR2004


class Entry(NamedTuple):
    """A name as the record gives it, and whether it gives it as that of an investigator."""

    name: str
    is_investigator: bool = False


class Organization(NamedTuple):
    """A sponsor, the sponsor's organization or an affiliation, with its class where it has one."""

    name: str
    agency_class: str | None = None


def people(
    entries: Iterable[Entry], organizations: Sequence[Organization] = (), other_names: Iterable[str] = ()
) -> tuple[Person, ...]:
    """The persons among the names of a record, each once.

    Companies and departments are entered as contacts under a part of their organization's name; conditions and cities,
    the record's `other_names`, are entered, too. A name that the record uses so is no person, unless it bears a degree
    or, where the organization may be called after the investigator, is an investigator's.
    """
    certain = "\n".join(phrase(one.name) for one in organizations if one.agency_class in INSTITUTIONAL)
    others = [phrase(one.name) for one in organizations if one.agency_class not in {*INSTITUTIONAL, "INDIV"}]
    things = {phrase(text) for text in other_names}
    found: dict[str, Person] = {}
    for entry in dict.fromkeys(entries):
        for one in read(entry.name):
            if not one.has_degree and (
                one.phrase in certain
                or one.phrase in things
                or (not entry.is_investigator and any(one.phrase in name != one.phrase for name in others))
            ):
                continue
            found.setdefault(one.written, one)
    return tuple(found.values())


def is_individual(
    name: str, agency_class: str | None, named: Sequence[Person], *, in_person: bool = False
) -> bool:
    """Whether a sponsor or organization is a person.

    It is where its class is INDIV; where its class leaves that open and its name is that of one of the persons
    `named`, or carries a degree and reads as a person's. `in_person` says that the responsible party is the sponsor
    itself (SPONSOR_INVESTIGATOR) and has no name: then a sponsor's name that reads as a person's is one.
    """
    if agency_class == "INDIV":
        return True
    found = read(name)
    if len(found) != 1 or agency_class in INSTITUTIONAL or INSTITUTION.search(name):
        return False
    (one,) = found
    return any(one.is_same(other) for other in named) or (len(one.long) > 1 and (one.has_degree or in_person))
