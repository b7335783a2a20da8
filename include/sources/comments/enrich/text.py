"""A comment's text as it is compared: folded, with the way back to where each character stood; its words and marks.

Folding makes small letters of what is written large, accented or in one of Unicode's decorated alphabets (NFKD without
combining marks, then casefold), takes any white space for a blank and any apostrophe for ', and leaves out characters
of no width. Names are looked for in folded texts; where they stood in the text itself can be told.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase

from ahocorasick_rs import AhoCorasick

from include.sources.comments.letters import LETTER

_APOSTROPHES = "'’‘ʼ"  # noqa: RUF001  (look-alike characters are what is replaced)
_INVISIBLE = {"Mn", "Me", "Cf"}
"""Combining marks and format characters: accents, variation selectors, joiners, zero-width blanks."""


class _Folding(dict[int, str]):
    """For str.translate: what a character folds to, worked out when it is first seen."""

    uneven: set[str]
    """Characters that fold to none or to several."""

    def __init__(self) -> None:
        super().__init__()
        self.uneven = set()

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character in _APOSTROPHES:
            folded = "'"
        elif character.isspace():
            folded = " "
        else:
            parts = unicodedata.normalize("NFKD", character)
            folded = "".join(
                part for part in parts if unicodedata.category(part) not in _INVISIBLE
            ).casefold()
        if len(folded) != 1:
            self.uneven.add(character)
        self[code] = folded
        return folded


_FOLDING = _Folding()


class Folded:
    """A folded text, and the way back to where its characters stood in the text as it was given."""

    __slots__ = ("_places", "_source", "text")

    def __init__(self, text: str, source: str, places: Sequence[int] | None = None) -> None:
        self.text = text
        self._source = source
        self._places = places

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Start and end, in the text as it was given, of a part of the folded one that is not empty.

        What folds to nothing behind a character, or was shortened, belongs to it.
        """
        places = self._positions()
        following = places[end] if end < len(places) else len(self._source)
        return places[start], max(places[end - 1] + 1, following)

    def is_stretched(self) -> bool:
        """Whether it has three or more of one letter in a row."""
        return bool(_THREE_OF_ONE.find_matches_as_indexes(self.text))

    def squeezed(self, keep: int) -> Folded:
        """The text with three or more of one letter in a row shortened to `keep` of them."""
        kept: list[int] = []
        last = 0
        for run in _STRETCHED.finditer(self.text):
            kept.extend(range(last, run.start() + keep))
            last = run.end()
        kept.extend(range(last, len(self.text)))
        places = self._positions()
        return Folded(
            "".join(self.text[each] for each in kept), self._source, [places[each] for each in kept]
        )

    def _positions(self) -> Sequence[int]:
        """Where each character of the folded text stood; worked out when it is asked for, since few texts are."""
        if self._places is None:
            if len(self.text) == len(self._source) and _FOLDING.uneven.isdisjoint(self._source):
                self._places = range(len(self.text))
            else:
                self._places = list(_places(self._source))
        return self._places


def fold(text: str) -> Folded:
    """The text folded. Runs of blanks become one."""
    plain = text.isascii() and text.isprintable()
    folded = text.lower() if plain else text.translate(_FOLDING)
    return Folded(_BLANKS.sub(" ", folded) if "  " in folded else folded, text)


def _places(text: str) -> Iterator[int]:
    """Where each character of the folded text stands in the text."""
    before = ""
    for place, character in enumerate(text):
        for part in _FOLDING[ord(character)]:
            if not (part == " " and before == " "):
                yield place
            before = part


_BLANKS = re.compile(" {2,}")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_THREE_OF_ONE = AhoCorasick([3 * letter for letter in ascii_lowercase])
"""Finds such runs ten times as fast as an expression with a back-reference, and few texts have one."""
MARK = re.compile(
    rf"https?://\S+|www\.\S+|(?<!{LETTER})(?<![.+-])(?:{LETTER}|[.+-])*+@(?:(?:\.*+{LETTER})+|(?:\.*+\w)+)|#\w+"
)
"""A link, a handle or mail address, or a hashtag: words in it are no words of the sentence."""
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001
"""A word with what is joined to it by an apostrophe."""


def marks_of(text: str) -> tuple[tuple[int, int], ...]:
    """Where links, handles, mail addresses and hashtags stand."""
    if "@" in text or "#" in text or "://" in text or "www." in text:
        return tuple(mark.span() for mark in MARK.finditer(text))
    return ()


def without_marks(text: str) -> str:
    """The text with blanks in the place of links, handles, mail addresses and hashtags."""
    marks = marks_of(text)
    if not marks:
        return text
    parts: list[str] = []
    last = 0
    for start, end in marks:
        parts += (text[last:start], " " * (end - start))
        last = end
    return "".join((*parts, text[last:]))


class Places:
    """Parts of a text that are taken: which other parts overlap them is told in the time of their own length."""

    __slots__ = ("_taken",)

    def __init__(self, length: int, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._taken = bytearray(length)
        for start, end in spans:
            self.take(start, end)

    def take(self, start: int, end: int) -> None:
        """Take what stands from start to end."""
        self._taken[start:end] = b"\1" * (end - start)

    def overlap(self, start: int, end: int) -> bool:
        """Whether some of it is taken."""
        return 1 in self._taken[start:end]


def words_of_tag(tag: str) -> str:
    """The words of a hashtag without its #: parted where a capital follows a small letter, or by underscores."""
    parted: list[str] = []
    for index, character in enumerate(tag):
        before = tag[index - 1] if index else ""
        after = tag[index + 1] if index + 1 < len(tag) else ""
        if character.isupper() and (before.islower() or (before.isupper() and after.islower())):
            parted.append(" ")
        parted.append(" " if character == "_" else character)
    return "".join(parted)
