"""Where the names of known persons stand in a text, however they are ordered, shortened and decorated.

"Jane A. Roe" is found as Jane Roe, ROE JANE, "Roe, Jane", J. Roe, Roe JA and Dr. Roe, over a line break, too. A single
word of a name is none: nobody is meant by "Baker" alone. Neither is a name that goes on as that of an institution or a
product ("Dr. Reddy's Laboratories", "Hospital José Pérez").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from include.sources.ctgov.name_words import Words
from include.sources.ctgov.people import PARTICLES, WORD, Person, fold, has_case, phrase

_BESIDE = re.compile(r"\s*[,/&]\s*|,?\s+(?:and|und|et|y|e|&)\s+", re.IGNORECASE)
"""What parts two people who share a title: "Drs. Roe and Doe"."""
_UNCASED_INSTITUTION = "医院|病院|大学|公司|병원|대학"
_FEW = 40
"""Up to so many words are looked for one by one."""


class Names:
    """The names of some persons, to be looked for in texts."""

    __slots__ = ("_first_surnames", "_given", "_initials", "_mates", "_phrases", "_single", "_uncased")

    def __init__(self, persons: Collection[Person]) -> None:
        self._mates: dict[str, set[str]] = {}
        """For each word of a name the words that stand beside it in one."""
        self._phrases = {one.phrase for one in persons}
        """Whole names: a text that is one is hidden in lower case, too."""
        self._initials: dict[str, set[str]] = {}
        """For each word of a name the first letters of those."""
        self._single: set[str] = set()
        self._first_surnames: set[str] = set()
        """The first words of names of two, which may be two surnames: "Cruz Pérez"."""
        surnames: set[str] = set()
        uncased: set[str] = set()
        for one in persons:
            if not has_case(one.written):
                written = one.written.split()
                uncased.update(r"\s*".join(map(re.escape, order)) for order in (written, written[::-1]))
                continue
            if len(one.words) == 1:
                self._single.update(one.long)
            if len(one.words) == 2 and not one.has_degree:  # noqa: PLR2004
                self._first_surnames.update(one.long[:1])
            surnames.update(one.long[1:] or one.long)
            for word, mates, initials in _beside(one):
                self._mates.setdefault(word, set()).update(mates)
                self._initials.setdefault(word, set()).update(initials)
        self._given = self._mates.keys() - surnames
        self._uncased = _as_spelled(uncased)

    def may_be_in(self, text: str) -> bool:
        """Whether a word of a name is in the text: a test that is much cheaper than `spans`."""
        if self._uncased is not None and self._uncased.search(text):
            return True
        if not self._mates:
            return False
        folded = fold(text)
        # Each search reads the whole text; where there are many, or where it is short, one pass is faster.
        if len(self._mates) > min(_FEW, len(text) // 8):
            return not self._mates.keys().isdisjoint(WORD.findall(folded))
        return any(_has_word(folded, word) for word in self._mates)

    def spans(self, text: str, *, of_things: bool = False) -> Iterator[tuple[int, int]]:
        """Where names stand. `of_things`: the text names things, and "Dr. Roe's" is a brand there."""
        if self._uncased is not None:
            yield from (match.span() for match in self._uncased.finditer(text))
        if phrase(text) in self._phrases and has_case(text):
            yield 0, len(text)
            return
        words = Words(text)
        at, titled = 0, -1
        while at < len(words):
            word = words.folded[at]
            span = self._name(words, at, titled) if word in self._mates and words.is_capital(at) else None
            if span is None:
                at += 1
                continue
            first, last, is_full = span
            end = words.end_with_degrees(last)
            if end > words.end(last) or not words.are_of_a_thing(first, last, of_things and not is_full):
                yield words.start(first), end
                titled = last
            at = last + 1

    def _name(self, words: Words, at: int, titled: int) -> tuple[int, int, bool] | None:
        """First and last word of the name that begins with, or is introduced before, a known word; whether it is whole.

        `titled` is the last word of the name before: "Drs. Roe and Doe".
        """
        word = words.folded[at]
        title = words.title_before(at)
        last = words.last_mate(at, self._mates[word])
        if last is not None:
            if title is None:
                first = words.initials_before(at, self._initials[word])
                title = words.capital_particles_before(at) if first is None else first
            return title, words.hyphenated(last), True
        if words.goes_on_in_lower_case(at):  # "Long-term"
            return None
        if (first := words.initials_before(at, self._initials[word])) is not None:
            before = words.title_before(first)
            return (first if before is None else before), words.hyphenated(at), False
        if (last := words.initials_behind(at, self._initials[word])) is not None:
            return (at if title is None else title), last, False
        # "Dr. Jane Doe" is not Jane Roe.
        if title is not None and not (word in self._given and words.goes_on_in_capitals(at)):
            return title, words.hyphenated(at), False
        if titled >= 0 and words.gap_is(_BESIDE, titled, at) and not words.goes_on_in_capitals(at):
            return at, words.hyphenated(at), False
        if words.is_cited(at) or (word in self._single and words.stands_alone(at)):
            return at, at, False
        if word in self._first_surnames and (first := words.given_names_before(at)) is not None:
            return first, at, False
        return None


@lru_cache(maxsize=1 << 13)
def _beside(one: Person) -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    """For each long word of a name the long words and the first letters that stand beside it."""
    spellings = [(one.words, one.long)]
    if "-" in one.written:  # Xiao-Ming is Xiaoming, too
        glued = tuple(map(fold, WORD.findall(one.written.replace("-", ""))))
        spellings.append((glued, tuple(word for word in glued if len(word) > 1 and word not in PARTICLES)))
    return tuple(
        (word, frozenset(long) - {word}, frozenset(other[0] for other in words if other != word))
        for words, long in spellings
        for word in long
    )


def _as_spelled(names: Iterable[str]) -> re.Pattern[str] | None:
    """Names of scripts without capitals, where words are not parted: as spelled, if no institution's name begins so."""
    longest_first = sorted((name for name in names if len(name) > 1), key=lambda name: (-len(name), name))
    if not longest_first:
        return None
    return re.compile(f"(?:{'|'.join(longest_first)})(?!.{{0,4}}(?:{_UNCASED_INSTITUTION}))")


def _has_word(text: str, word: str) -> bool:
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not (text[start - 1 : start].isalpha() or text[end : end + 1].isalpha()):
            return True
        start = text.find(word, end)
    return False
