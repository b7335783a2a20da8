# ruff: noqa: RUF001, SIM905  (apostrophes and dashes as people type them; word lists read better as text)
"""A text in its words: what stands around a word that may be of a name.

The forms that names take are questions to `Words`: is it a whole name ("Roe, Jane"), are initials beside it ("Roe JA"),
a title before it, does it go on as an institution's or a product's? Each looks at a bounded number of words.
"""

from __future__ import annotations

import re

from include.sources.ctgov.people import DISEASE, INSTITUTION, OFFICE, PARTICLES, PRODUCT, WORD, fold

_JOIN = re.compile(r"[*_\\]*\.?(?:[^\S\n]*\n?[^\S\n]*|[-\u2010\u2011])[*_\\]*")
"""What stands between two words of one name: space, a line break, a hyphen, the dot of an initial, Markdown."""
_COMMA = re.compile(r",[^\S\n]*\n?[^\S\n]*")
_SPACE = re.compile(r"[^\S\n]+")
_HYPHEN = re.compile(r"[-\u2010\u2011]")
_TITLES = frozenset(
    """
    dr drs dra dres dott mudr pr prof profs professor profesor doctor doz ing med mr mrs ms miss mme herr frau sr sra
    """.split()
)
_OF = frozenset({"de", "del"})
_PLACES = frozenset("san santa santo santiago villa ciudad puerto playa isla nuestra senora virgen".split())
"""How names of places begin that end as people's do: "Santa María de la Cruz"."""
_DEGREES = re.compile(
    r"(?:,?\s+(?:M\.?\s?D|Ph\.?\s?D|MBBS|FRCP|FACS|D\.?O|RN|BSN|PharmD|DDS|MSc|MPH|Md)\b\.?)+"
)
_POSSESSIVE = re.compile(r"['’ʼ][sS]\b")
_INITIALS_END = re.compile(r"\.?(?=\s*(?:[.,;:)\]]|$)|\s+(?:and|et|at|from|has|is|was|will|who)\b)")

_LETTERS_THAT_ARE_WORDS = frozenset("aeioy")
_BEFORE_A_NAME = frozenset("by and with from of to or for per ask contact dr prof et und y".split())

_FURTHEST = 8
"""Over how many words a name may stretch, particles and middle names counted."""
_MOST_MIDDLE_NAMES = 2
"""How many words that the record does not know may stand within a name."""
_MOST_INITIALS = 3
_SHORTEST_SINGLE = 4
"""Letters of a name of one word that is found without a title."""


class Words:
    """A text in its words, and what stands around each of them."""

    __slots__ = ("_spans", "_text", "folded")

    def __init__(self, text: str) -> None:
        self._text = text
        self._spans = [match.span() for match in WORD.finditer(text)]
        self.folded = [fold(text[start:end]) for start, end in self._spans]

    def __len__(self) -> int:
        return len(self._spans)

    def start(self, at: int) -> int:
        return self._spans[at][0]

    def end(self, at: int) -> int:
        return self._spans[at][1]

    def _word(self, at: int) -> str:
        return self._text[self.start(at) : self.end(at)]

    def is_capital(self, at: int) -> bool:
        """Whether a word is written as a name is. "will power" is not Will Power."""
        return not self._text[self.start(at)].islower()

    def gap_is(self, pattern: re.Pattern[str], at: int, then: int) -> bool:
        """Whether nothing but what the pattern says stands between two words."""
        return (
            0 <= at < then < len(self)
            and pattern.fullmatch(self._text, self.end(at), self.start(then)) is not None
        )

    def _joins(self, at: int) -> bool:
        """Whether a word and the next one may be of one name."""
        return self.gap_is(_JOIN, at, at + 1)

    # --- Whole names

    def last_mate(self, at: int, mates: set[str]) -> int | None:
        """The last word of a whole name that begins here: "Jane Alice Roe", "María de la Cruz", "Roe, Jane"."""
        last, inverted, unknown = None, False, 0
        used: set[str] = set()
        for to in range(at + 1, min(len(self), at + _FURTHEST)):
            word = self.folded[to]
            is_mate = word in mates and word not in used and self.is_capital(to)
            if not self._joins(to - 1):
                if inverted or not is_mate or not self.gap_is(_COMMA, to - 1, to):
                    break
                inverted = True
            if is_mate:
                last = to
                used.add(word)
            elif len(word) > 1 and word not in PARTICLES:
                unknown += 1
                if last is not None or unknown > _MOST_MIDDLE_NAMES or not self.is_capital(to):
                    break
        if last is None or not inverted:
            return last
        while self._is_initial(last + 1) and self._joins(last):  # "Roe, Jane A."
            last += 1
        return None if self._is_in_a_list(at, last) else last

    def _is_in_a_list(self, first: int, last: int) -> bool:
        """Whether the comma parts other names: "Richard Roe, Jane Doe"; "Charlotte, North Carolina"."""
        before = self._before_particles(first)
        is_longer = (
            before >= 0 and self._joins(before) and self.is_capital(before) and not self._is_title(before)
        )
        return is_longer or self.goes_on_in_capitals(last)

    def hyphenated(self, last: int) -> int:
        """The last word of a double name: "Roe-Miller"."""
        while self.gap_is(_HYPHEN, last, last + 1) and self.is_capital(last + 1):
            last += 1
        return last

    # --- Shortened names

    def initials_before(self, at: int, initials: set[str]) -> int | None:
        """The first of the initials before a surname: "J. Roe", "J.A. van Roe", "JA Roe"."""
        to = self._before_particles(at)
        found = None
        for before in range(to, max(-1, to - _MOST_INITIALS), -1):
            letters = self.folded[before]
            if not self.is_capital(before) or not self._joins(before):
                break
            if len(letters) == 1 and (self._text[self.end(before)] == "." or self._is_bare_initial(before)):
                found = before if letters in initials else found
            elif before == to and 1 < len(letters) <= _MOST_INITIALS and self._word(before).isupper():
                return before if initials.issuperset(letters) else None
            else:
                break
        return found

    def _is_bare_initial(self, at: int) -> bool:
        """Whether a letter without a dot is an initial: in "by J Roe", not in "A Long Study" and "Hepatitis B Roe"."""
        if self.folded[at] in _LETTERS_THAT_ARE_WORDS:
            return False
        return at == 0 or not self.gap_is(_SPACE, at - 1, at) or self.folded[at - 1] in _BEFORE_A_NAME

    def is_cited(self, at: int) -> bool:
        """Whether a surname stands for a publication: "Roe et al."."""
        return self.gap_is(_SPACE, at, at + 1) and self.folded[at + 1 : at + 3] == ["et", "al"]

    def initials_behind(self, at: int, initials: set[str]) -> int | None:
        """The last of the initials behind a surname: "Roe JA", "Roe, J.", "Roe J.A."."""
        to = at + 1
        if not (self.gap_is(_SPACE, at, to) or self.gap_is(_COMMA, at, to)) or not self._word(to).isupper():
            return None
        letters = self.folded[to]
        if len(letters) > _MOST_INITIALS or letters[0] not in initials:
            return None
        while (
            len(letters) < _MOST_INITIALS
            and self._is_initial(to)
            and self._is_initial(to + 1)
            and self._joins(to)
        ):
            to += 1
            letters += self.folded[to]
        if len(letters) > 1 and initials.issuperset(letters):
            return to
        # One letter more than is known, or one alone, which may as well be "Hepatitis B".
        return to if _INITIALS_END.match(self._text, self.end(to)) else None

    def _is_initial(self, at: int) -> bool:
        return at < len(self) and len(self.folded[at]) == 1 and self.is_capital(at)

    def _before_particles(self, at: int) -> int:
        """The word before a surname's particles: that before "de la Cruz"."""
        at -= 1
        while at >= 0 and self.folded[at] in PARTICLES and self._joins(at):
            at -= 1
        return at

    def capital_particles_before(self, at: int) -> int:
        """The first of a surname's particles where it is written as a part of it: "Di Marco"; else the surname."""
        first = self._before_particles(at) + 1
        return first if self.is_capital(first) else at

    def _is_title(self, at: int) -> bool:
        word = self.folded[at]
        # MS is multiple sclerosis, PR a partial response.
        return word in _TITLES and (
            word not in {"ms", "pr", "sr", "med", "ing"} or not self._word(at).isupper()
        )

    def title_before(self, at: int) -> int | None:
        """The first of the titles before a name: "Prof. Dr. med. Roe"."""
        first, before = None, self._before_particles(at)
        while before >= 0 and self._joins(before) and self._is_title(before):
            first = before
            before -= 1
        return first

    def given_names_before(self, at: int) -> int | None:
        """The first of two given names or more that a particle ties to a surname: "María José de la Cruz"."""
        to = self._before_particles(at)
        if to == at - 1 or self.folded[to + 1] not in _OF:
            return None
        first = to
        while first > 0 and self.gap_is(_SPACE, first - 1, first) and self.is_capital(first - 1):
            first -= 1
        is_place = any(
            self.folded[word] in _PLACES
            or INSTITUTION.search(self._word(word))
            or OFFICE.search(self._word(word))
            for word in range(first, to + 1)
        )
        return first if to > first and self.is_capital(to) and not is_place else None

    def stands_alone(self, at: int) -> bool:
        """Whether a name of one word is that and no ordinary word, and no part of a longer name."""
        word = self._word(at)
        if len(self) == 1:
            return True
        if len(word) < _SHORTEST_SINGLE or self.goes_on_in_capitals(at):
            return False
        before = at > 0 and self.gap_is(_SPACE, at - 1, at) and self.is_capital(at - 1)
        if before and self._word(at - 1).isupper():  # "RSUD Sukarno"
            return False
        if before and not (at == 1 or re.search(r"[.!?:]\s*$", self._text[: self.start(at - 1)][-4:])):
            return False
        behind = " ".join(self._text[self.end(at) :][:40].split()[:2])
        return word.lower() not in map(self._word, range(len(self))) and not DISEASE.search(behind)

    # --- What a name is part of

    def goes_on_in_capitals(self, at: int) -> bool:
        return self.gap_is(_SPACE, at, at + 1) and self.is_capital(at + 1)

    def goes_on_in_lower_case(self, at: int) -> bool:
        return self.gap_is(_HYPHEN, at, at + 1) and not self.is_capital(at + 1)

    def end_with_degrees(self, last: int) -> int:
        """Where a name ends together with the degrees behind it."""
        found = _DEGREES.match(self._text, self.end(last))
        return found.end() if found else self.end(last)

    def are_of_a_thing(self, first: int, last: int, is_brand: bool) -> bool:
        """Whether a name is part of an institution's or a product's.

        That of an institution may begin before it ("Hospital José Pérez") or go on behind it; `is_brand` says that a
        possessive makes a brand of it.
        """
        to = last
        possessive = _POSSESSIVE.match(self._text, self.end(last))
        if possessive:
            if is_brand or self._text[possessive.end() :].lstrip()[:1].isdigit():
                return True
            to += 1  # the s
        for behind in range(to + 1, min(len(self), to + 3)):
            if not self._joins(behind - 1) and not (possessive and behind == to + 1):
                break
            word = self._word(behind)
            if PRODUCT.search(word) or (self.is_capital(behind) and INSTITUTION.search(word)):
                return True
        words = 0
        for before in range(first - 1, max(-1, first - 5), -1):
            if not self.gap_is(_SPACE, before, before + 1):
                break
            if self.folded[before] not in PARTICLES:
                words += 1
                if self.is_capital(before) and INSTITUTION.search(self._word(before)):
                    return True
                if words == 2:  # noqa: PLR2004
                    break
        return False
