# ruff: noqa: SIM905  (word lists read better as text)
"""Whom a comment without a name is about: by its pronouns, by the comment it replies to, by its post's caption.

A comment under a post rarely repeats the name. Where it names nobody, these rules take the place of a name, each with
the confidence below. The upstream's contract asks for confidences and names none; these are near the precision that
docs/comments_quality.md measures, so a reader may leave out what is below the confidence that the question needs.

1. `she`, `her`, `queen` … and `he`, `him`, `king` …: the one person of these pronouns that the parent is about; else
   the first of them that the post's subject or caption names. A text with both kinds is about both.
2. `they`, `them`, `couple` …: the couple that is named there, or whose members all are; else a person of this pronoun.
3. `you`, `your`: the post's main entity, if that is a person. In a reply it is whoever wrote the parent, and beside a
   handle whoever that is, so nobody.
4. `movie`, `book`, `episode` …: the one show that is named there; `it`, `these`, `headphones` …: the main entity of a
   post about a brand.
5. Nothing of all this: in a reply the only entity of its parent, else the post's main entity.

The main entity is the first person or couple that the subject names, else that the caption names before its credit
line; where there is none, the first entity. A text that speaks of the writer's own people ("my daughter … she") or
names somebody whom the catalogue lacks is about none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from include.sources.comments.enrich.catalogue import Catalogue, Entity, Pronouns
from include.sources.comments.enrich.matcher import Matcher, Surroundings, in_words
from include.sources.comments.enrich.text import fold

By = Literal["pronoun", "pronoun_of_reply", "address", "kind", "reply", "caption"]
CONFIDENCE: dict[By, float] = {
    "pronoun": 0.8,
    "pronoun_of_reply": 0.8,
    "address": 0.6,
    "kind": 0.4,
    "reply": 0.4,
    "caption": 0.2,
}

_SHE = frozenset(
    "she her hers herself shes woman lady queen girl girly actress duchess sis diva mama wench".split()
)
_HE = frozenset("he him his himself hes king prince guy dude".split())
_THEY_ALONE = frozenset("they them their theirs themselves".split())
"""What is said of one person too."""
_THEY = _THEY_ALONE | frozenset("both couple pair duo".split())
_YOU = frozenset("you your yours yourself youre u ur".split())
_SHOW = frozenset(
    "movie movies film films show series book books novel season episode episodes soundtrack trailer".split()
)
_THING = frozenset("it its these them they headphones headphone product price".split())
_GENDERED: tuple[tuple[Pronouns, frozenset[str]], ...] = (("she", _SHE), ("he", _HE))
_OWN = re.compile(
    r" (?:my|our) (?:\w+ )?(?:daughter|son|kid|child|baby|mom|mum|mother|dad|father|wife|husband|friend|boyfriend|"
    r"girlfriend|sister|brother|niece|nephew|grandma|grandmother|grandpa|aunt|uncle|cousin|boss|ex)s? "
)
_CREDIT = re.compile(
    r"\([^()\w]*(?:(?:photo|video|credit|image|pic|via)s?\b|[\U0001F3A5\U0001F4F7\U0001F4F8\U0001F4FD])[^()]*\)",
    re.IGNORECASE,
)
"""`(📸: Getty Images, Harry Potter)`: who took the pictures; what stands there is not what the post is about."""


class PostContext(NamedTuple):
    """What a post is about."""

    entities: tuple[str, ...]
    """In the order in which subject and caption name them, each once."""
    main: str | None
    around: Surroundings
    """For ambiguous names in its comments."""


class About(NamedTuple):
    """An entity that a comment is about without naming it."""

    entity_id: str
    by: By

    @property
    def confidence(self) -> float:
        """How sure it is."""
        return CONFIDENCE[self.by]


def post_context(
    finder: Matcher, catalogue: Catalogue, caption: str | None, subject: str | None
) -> PostContext:
    """What a post with this caption and subject is about."""
    told = _CREDIT.sub(" ", caption or "")
    around = Surroundings(words=in_words(fold(f"{subject or ''} {told}").text))
    named = [each.entity_id for text in (subject, told) if text for each in finder.find(text, around).named]
    entities = tuple(dict.fromkeys(named))
    main = next((each for each in entities if catalogue.by_id[each].type in ("person", "couple")), None)
    return PostContext(
        entities,
        main or next(iter(entities), None),
        Surroundings(catalogue.with_members(entities), around.words),
    )


def about(
    words: str,
    post: PostContext,
    parent: Sequence[str] | None,
    catalogue: Catalogue,
    names_stranger: bool = False,
    tags_somebody: bool = False,
) -> list[About]:
    """Whom a text that names no entity is about. `words`: those of the text, as in_words gives them, without marks;
    `parent`: entities of the comment that it replies to, None if to none."""
    said = set(words.split())
    if "'" in words:
        said = {word.partition("'")[0] for word in said}
    genders = [pronouns for pronouns, kinds in _GENDERED if not said.isdisjoint(kinds)]
    if genders:
        if _OWN.search(words):
            return []
        persons = [_person(pronouns, post, parent, catalogue) for pronouns in genders]
        return list(dict.fromkeys(person for person in persons if person is not None))
    main = catalogue.by_id.get(post.main) if post.main else None
    several = not said.isdisjoint(_THEY)
    if several:
        meant = _couple(post, parent, catalogue)
        if meant is None and not said.isdisjoint(_THEY_ALONE):
            meant = _person("they", post, parent, catalogue)
        if meant is not None:
            return [meant]
    addressed = main if parent is None and not tags_somebody and not said.isdisjoint(_YOU) else None
    if addressed is not None and addressed.type == "person" and not several:
        return [About(addressed.id, "address")]
    if not said.isdisjoint(_SHOW):
        shows = [each for each in post.entities if catalogue.by_id[each].type == "show"]
        return [About(shows[0], "kind")] if len(shows) == 1 else []
    if main is not None and main.type == "brand" and not said.isdisjoint(_THING):
        return [About(main.id, "kind")]
    if names_stranger or several or _OWN.search(words):
        return []
    if parent:
        return [About(parent[0], "reply")] if len(parent) == 1 else []
    return [About(main.id, "caption")] if main is not None else []


def _person(
    pronouns: Pronouns, post: PostContext, parent: Sequence[str] | None, catalogue: Catalogue
) -> About | None:
    """The person whom `she` or `he` means: the only one of these pronouns of the parent, else the first of the post."""
    of_parent = _persons(parent or (), pronouns, catalogue)
    if len(of_parent) == 1:
        return About(of_parent[0].id, "pronoun_of_reply")
    of_post = _persons(post.entities, pronouns, catalogue)
    return About(of_post[0].id, "pronoun") if of_post and not of_parent else None


def _persons(ids: Iterable[str], pronouns: Pronouns, catalogue: Catalogue) -> list[Entity]:
    """The persons among the entities and the members of couples whom the pronouns may mean, in their order."""
    entities = [catalogue.by_id[each] for each in ids if each in catalogue.by_id]
    everybody = dict.fromkeys(each for entity in entities for each in (entity.id, *entity.members))
    persons = [catalogue.by_id[each] for each in everybody if catalogue.by_id[each].type == "person"]
    unknown = None if pronouns != "they" else pronouns  # whose pronouns nobody noted may be she or he
    return [person for person in persons if person.pronouns in (pronouns, unknown)]


def _couple(post: PostContext, parent: Sequence[str] | None, catalogue: Catalogue) -> About | None:
    """The couple that parent or post name, or all of whose members they do; None where there are several."""
    steps: tuple[tuple[Sequence[str], By], ...] = (
        (parent or (), "pronoun_of_reply"),
        (post.entities, "pronoun"),
    )
    for ids, by in steps:
        named = [catalogue.by_id[each] for each in ids if each in catalogue.by_id]
        couples = [entity for entity in named if entity.type == "couple"] or catalogue.couples_of(ids)
        if couples:
            return About(couples[0].id, by) if len(couples) == 1 else None
    return None
