"""Which entities a text names: one pass over the folded text with a multi-pattern automaton (Aho-Corasick).

A name counts where it stands as a word of its own, a plural or possessive ending (`Gigi's`, `Kardashians`) allowed:
`ben` never means `benefit`. Emoji and punctuation are boundaries. Letters that were stretched (`Toniiii`) count once
or twice. Words inside links, unknown handles and mail addresses are no names. A hashtag counts whole (`#blakelively`)
or by its words (`#JusticeForBlakeLively`).

Of names that overlap the longest wins. So "Harry and Meghan" is the couple, and neither of the two: who is counted for
one text is counted once. A person named beside the couple's name is counted besides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from ahocorasick_rs import AhoCorasick

from include.sources.comments.enrich.catalogue import Catalogue, Entity, folded, hashtags_of
from include.sources.comments.enrich.text import (
    WORD,
    Folded,
    Places,
    fold,
    marks_of,
    words_of_tag,
)
from include.sources.comments.letters import LETTER, is_letter

RULES = "2"
"""Raised where these rules, or those of context.py, find other entities in the same text."""

How = Literal["name", "alias", "handle", "hashtag", "ambiguous", "ambiguous_by_post"]
CONFIDENCE: dict[How, float] = {
    "name": 1.0,
    "handle": 1.0,
    "alias": 0.95,
    "hashtag": 0.95,
    "ambiguous": 0.9,
    "ambiguous_by_post": 0.8,
}
"""How sure it is that an entity is meant, by how it is named: by its name or one of several words, by handle, by an
alias of one word, by hashtag, by an alias that needs context and has it in the text itself, or in post or parent."""

LEAST_FOR_PLURAL = 4
"""A shorter name with an s behind it is another word: Val is not in vals."""
_ENDING = re.compile(rf"(?:'s|s'|'|es|s)?(?!{LETTER})")
_SHORT_ENDING = re.compile(rf"(?:'s|')?(?!{LETTER})")
_AFTER_HANDLE = re.compile(rf"\.*+(?!{LETTER})")


class Named(NamedTuple):
    """An entity that a text names, and where: `start` and `end` in the text as it was given."""

    entity_id: str
    how: How
    alias: str
    start: int
    end: int

    @property
    def confidence(self) -> float:
        """How sure it is that the entity is meant."""
        return CONFIDENCE[self.how]

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands."""
        return self.start, self.end


class Unclear(NamedTuple):
    """An ambiguous alias of which the text does not tell whom it means."""

    alias: str
    candidates: tuple[str, ...]
    start: int
    end: int

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands."""
        return self.start, self.end


class Found(NamedTuple):
    """What a text names, in the order of the text."""

    named: tuple[Named, ...]
    unclear: tuple[Unclear, ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    """Who bears an alias; of an ambiguous one with the context that it needs, as ` word ` each."""

    entity: Entity
    how: How
    context: tuple[str, ...] = ()


class Surroundings(NamedTuple):
    """What stands around a text: the entities of its post and parent, and their words as ` one two `."""

    entities: frozenset[str] = frozenset()
    words: str = ""


NOTHING = Surroundings()


class _Hit(NamedTuple):
    start: int
    end: int
    alias: str
    claims: tuple[_Claim, ...]


def in_words(text: str) -> str:
    """The folded words with a blank around each, in which ` word ` finds whole words only."""
    return f" {' '.join(WORD.findall(text))} "


class Matcher:
    """Finds the active entities of a catalogue; `only`: those of them with these ids."""

    def __init__(self, catalogue: Catalogue, only: Collection[str] | None = None) -> None:
        claims: defaultdict[str, list[_Claim]] = defaultdict(list)
        self._hashtags: dict[str, Entity] = {}
        self._catalogue = catalogue
        for entity in catalogue.active:
            if only is not None and entity.id not in only:
                continue
            for name, claim in _claims(entity):
                if all(other.entity is not entity for other in claims[name]):
                    claims[name].append(claim)
            self._hashtags.update((tag, entity) for tag in hashtags_of(entity))
        self._patterns = tuple(claims)
        self._claims = tuple(tuple(claims[pattern]) for pattern in self._patterns)
        self._automaton = AhoCorasick(self._patterns)

    def find(self, text: str, around: Surroundings = NOTHING, folded_text: Folded | None = None) -> Found:
        """The entities that the text names. Each stands where it is named, so it may come several times.

        `folded_text`: the text folded, where the caller has it.
        """
        folded_text = folded_text or fold(text)
        marks = marks_of(text)
        marked = Places(len(text), marks) if marks else None
        hits = self._hits(folded_text, marked)
        if folded_text.is_stretched():
            for keep in (2, 1):
                hits += self._hits(folded_text.squeezed(keep), marked)
        tagged = [named for mark in marks if text[mark[0]] == "#" for named in self._of_tag(text, *mark)]
        if not hits and not tagged:
            return _NOTHING_FOUND
        return self._resolved(_longest(hits, len(text)), tagged, folded_text, around)

    def mentions_any(self, text: str) -> bool:
        """Whether an alias of the entities stands in the text, whomever it means."""
        found = self.find(text)
        return bool(found.named or found.unclear)

    def _hits(self, text: Folded, marked: Places | None) -> list[_Hit]:
        """Aliases that stand as words of their own."""
        hits: list[_Hit] = []
        for pattern, start, end in self._automaton.find_matches_as_indexes(text.text, overlapping=True):
            before = text.text[start - 1] if start else " "
            alias = self._patterns[pattern]
            if alias[0] == "@":
                if before in "_." or is_letter(before) or not _AFTER_HANDLE.match(text.text, end):
                    continue
            else:
                if before in "@#" or is_letter(before):
                    continue
                ending = _ENDING if len(alias) >= LEAST_FOR_PLURAL else _SHORT_ENDING
                if not ending.match(text.text, end):
                    continue
            span = text.span(start, end)
            if marked is not None and alias[0] != "@" and marked.overlap(*span):
                continue
            hits.append(_Hit(*span, alias, self._claims[pattern]))
        return hits

    def _of_tag(self, text: str, start: int, end: int) -> Iterator[Named]:
        """What a hashtag names: the entity that bears it, or those that its words name without doubt."""
        tag = text[start + 1 : end]
        entity = self._hashtags.get(folded(tag.replace("_", "")))
        if entity is not None:
            yield Named(entity.id, "hashtag", f"#{tag}", start, end)
            return
        words = words_of_tag(tag)
        if " " in words:
            yield from (
                Named(named.entity_id, "hashtag", f"#{tag}", start, end) for named in self.find(words).named
            )

    def _resolved(self, hits: list[_Hit], tagged: list[Named], text: Folded, around: Surroundings) -> Found:
        """The hits with whom they mean: plain names first, since they give ambiguous ones their context."""
        named = list(tagged)
        doubtful: list[_Hit] = []
        for hit in hits:
            plain = [claim for claim in hit.claims if claim.how != "ambiguous"]
            if plain:
                named.append(Named(plain[0].entity.id, plain[0].how, hit.alias, hit.start, hit.end))
            else:
                doubtful.append(hit)
        unclear: list[Unclear] = []
        if doubtful:
            sure = self._catalogue.with_members(each.entity_id for each in named)
            words = in_words(text.text)
            for hit in doubtful:
                meant = _meant(hit.claims, sure, words, around)
                if meant is None:
                    candidates = tuple(claim.entity.id for claim in hit.claims)
                    unclear.append(Unclear(hit.alias, candidates, hit.start, hit.end))
                else:
                    named.append(Named(*meant, hit.alias, hit.start, hit.end))
        return Found(tuple(sorted(named, key=_place)), tuple(unclear))


_NOTHING_FOUND = Found((), ())


@lru_cache(maxsize=4)
def matcher(catalogue: Catalogue) -> Matcher:
    """The matcher of a whole catalogue, made once in each process."""
    return Matcher(catalogue)


def _claims(entity: Entity) -> Iterator[tuple[str, _Claim]]:
    for field, alias in entity.plain_aliases():
        name = folded(alias)
        full = field != "aliases" or " " in name
        yield name, _Claim(entity, "name" if full else "alias")
    for handle in entity.handles:
        yield f"@{handle}", _Claim(entity, "handle")
    for each in entity.ambiguous:
        context = tuple(in_words(folded(word)) for word in each.context)
        yield folded(each.alias), _Claim(entity, "ambiguous", context)


def _place(named: Named) -> tuple[int, int, str]:
    return named.start, named.end, named.entity_id


def _longest(hits: list[_Hit], length: int) -> list[_Hit]:
    """Hits that do not overlap: the longest first, of equal ones the first in the text of this length."""
    if len(hits) < 2:  # noqa: PLR2004
        return hits
    kept: list[_Hit] = []
    places = Places(length)
    for hit in sorted(hits, key=lambda each: (each.start - each.end, each.start)):
        if not places.overlap(hit.start, hit.end):
            places.take(hit.start, hit.end)
            kept.append(hit)
    return kept


def _meant(
    claims: Iterable[_Claim], sure: Collection[str], words: str, around: Surroundings
) -> tuple[str, How] | None:
    """The one entity for which the nearest context speaks; None where it speaks for none or for several.

    Nearest is the text itself (the entity by another name, or a word of its context), then the entities of post and
    parent, then their words.
    """
    claims = tuple(claims)
    steps: tuple[tuple[How, list[str]], ...] = (
        ("ambiguous", [claim.entity.id for claim in claims if claim.entity.id in sure]),
        (
            "ambiguous",
            [claim.entity.id for claim in claims if any(word in words for word in claim.context)],
        ),
        ("ambiguous_by_post", [claim.entity.id for claim in claims if claim.entity.id in around.entities]),
        (
            "ambiguous_by_post",
            [claim.entity.id for claim in claims if any(word in around.words for word in claim.context)],
        ),
    )
    for how, speaks_for in steps:
        if len(speaks_for) == 1:
            return speaks_for[0], how
        if speaks_for:
            return None
    return None
