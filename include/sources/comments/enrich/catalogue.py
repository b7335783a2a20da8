"""Whom and what the comments are watched for: people, shows, couples and brands, with all the ways they are named.

The list is catalogue.yml beside this module, or another file that is handed in by path. It is read strictly: a typing
mistake there must not quietly count the comments of one person for another, or for nobody.
docs/comments_enrichment.md tells how to add an entity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from include.sources.comments.enrich.text import WORD, fold
from include.sources.comments.enrich.words import everyday_words

DEFAULT = Path(__file__).with_name("catalogue.yml")
LEAST_LETTERS = 2

Type = Literal["person", "show", "couple", "brand"]
Pronouns = Literal["she", "he", "they"]
Id = Annotated[str, msgspec.Meta(pattern="^[a-z0-9]+([_-][a-z0-9]+)*$", max_length=80)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Handle = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]([a-z0-9._-]{0,48}[a-z0-9_])?$")]
Hashtag = Annotated[str, msgspec.Meta(pattern=r"^[^\W_]{2,100}$")]


class InvalidCatalogue(ValueError):
    """An entry that cannot stand as it is; the message names file, entry, field, value and what to do."""


class Ambiguous(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name that many bear: it means the entity only beside one of the words of `context`, or where it is named.

    Without context it means the entity only where text, post or parent name it by another name.
    """

    alias: Name
    context: tuple[Name, ...] = ()


class Entity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entity. `name` and `canonical_name` are aliases by themselves, unless `ambiguous` lists them.

    `name`: as it is shown; `canonical_name`: in full, the name where it is absent. `handles` stand without @ and
    `hashtags` without #; names written together count as hashtags by themselves. `pronouns`: of a person, for
    comments without a name. `members`: ids of a couple's persons. What is not `active` is kept and not looked for.
    """

    id: Id
    name: Name
    canonical_name: Name | None = None
    type: Type
    aliases: tuple[Name, ...] = ()
    ambiguous: tuple[Ambiguous, ...] = ()
    handles: tuple[Handle, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    pronouns: Pronouns | None = None
    members: tuple[Id, ...] = ()
    active: bool = True

    @property
    def full_name(self) -> str:
        """The name in full."""
        return self.canonical_name or self.name

    def plain_aliases(self) -> Iterator[tuple[str, str]]:
        """The names that mean this entity wherever they stand, with the field of each."""
        doubtful = {folded(each.alias) for each in self.ambiguous}
        for field, value in (("name", self.name), ("canonical_name", self.full_name)):
            if folded(value) not in doubtful:
                yield field, value
        for alias in self.aliases:
            yield "aliases", alias


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    entities: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]


def folded(name: str) -> str:
    """A name as it is looked for."""
    return fold(name).text.strip()


def joined(name: str) -> str:
    """A name as a hashtag has it: its letters and digits without anything between them."""
    return "".join(character for character in folded(name) if character.isalnum())


class Catalogue:
    """The entities, in the order of the file, and their version."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self.entities = tuple(entities)
        self.by_id: Mapping[str, Entity] = {entity.id: entity for entity in self.entities}

    @cached_property
    def version(self) -> str:
        """A hash of what the entries say, 16 hex digits: comments and the order of the file do not change it."""
        entries = sorted(self.entities, key=lambda entity: entity.id)
        return hashlib.sha256(msgspec.json.encode(entries)).hexdigest()[:16]

    @property
    def active(self) -> Iterator[Entity]:
        """The entities that are looked for."""
        return (entity for entity in self.entities if entity.active)

    def couples_of(self, members: Iterable[str]) -> list[Entity]:
        """The active couples all of whose members are among those."""
        there = set(members)
        if len(there) < 2:  # noqa: PLR2004
            return []
        return [entity for entity in self._couples if there.issuperset(entity.members)]

    @cached_property
    def _couples(self) -> tuple[Entity, ...]:
        return tuple(entity for entity in self.active if entity.type == "couple")

    def with_members(self, ids: Iterable[str]) -> frozenset[str]:
        """The ids, and those of the members of the couples among them."""
        there = set(ids)
        there.update(*(self.by_id[each].members for each in tuple(there) if each in self.by_id))
        return frozenset(there)

    def changed_since(self, old: Catalogue) -> frozenset[str]:
        """Ids of entities that are new, gone, or no longer what they were."""
        ids = {*self.by_id, *old.by_id}
        return frozenset(each for each in ids if self.by_id.get(each) != old.by_id.get(each))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalogue) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)


def load(path: Path = DEFAULT) -> Catalogue:
    """The catalogue of a file. Raises InvalidCatalogue, see read."""
    return read(path.read_bytes(), str(path))


def read(content: bytes, path: str) -> Catalogue:
    """The catalogue that a YAML holds; `path` is what messages call it.

    Raises InvalidCatalogue naming file, entry, field, value and what to do for anything that is wrong: an unknown or
    missing key, a type that there is not, a name without two letters or digits, a name that two entities claim.
    """
    try:
        document: Any = yaml.safe_load(content.decode("utf-8"))
        entries = msgspec.convert(document, type=_File).entities
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise InvalidCatalogue(
            f"{path}: {error}. The file holds one list, entities, of at least one entry."
        ) from error
    entities: list[Entity] = []
    for number, entry in enumerate(entries, start=1):
        try:
            entities.append(msgspec.convert(entry, type=Entity))
        except msgspec.ValidationError as error:
            raise InvalidCatalogue(
                f"{path}: entry {number} ({entry.get('id', 'no id')}): {_with_value(error, entry)}. Correct it as "
                "docs/comments_enrichment.md says."
            ) from error
    for complaint in _complaints(entities):
        raise InvalidCatalogue(f"{path}: {complaint}")
    return Catalogue(entities)


def _with_value(error: msgspec.ValidationError, entry: Mapping[str, Any]) -> str:
    """What msgspec says, with the value of the field that it names: `… - at `$.type`` becomes `… (type: 'film')`."""
    message, _, place = str(error).partition(" - at `$.")
    field = place.partition("`")[0].partition("[")[0].partition(".")[0]
    return f"{message} ({field}: {entry[field]!r})" if field in entry else message


def _complaints(entities: list[Entity]) -> Iterator[str]:
    """What is wrong with entries that are well formed each by itself, most basic first."""
    ids: dict[str, int] = {}
    for number, entity in enumerate(entities, start=1):
        if entity.id in ids:
            yield (
                f"entry {number} ({entity.id}): id {entity.id!r} stands in entry {ids[entity.id]} too. Merge the two, "
                "or give one another id."
            )
        ids[entity.id] = number
    by_id = {entity.id: entity for entity in entities}
    for entity in entities:
        place = f"entry {ids[entity.id]} ({entity.id})"
        yield from (f"{place}: {complaint}" for complaint in _of_one(entity, by_id))
    yield from _claimed_twice([entity for entity in entities if entity.active], ids)


def _of_one(entity: Entity, by_id: Mapping[str, Entity]) -> Iterator[str]:
    plain = {folded(alias): field for field, alias in reversed(list(entity.plain_aliases()))}
    yield from _of_aliases(entity)
    yield from _of_ambiguous(entity, plain)
    yield from _of_type(entity, by_id)


def _of_aliases(entity: Entity) -> Iterator[str]:
    seen: dict[str, str] = {}
    for field, alias in entity.plain_aliases():
        name = folded(alias)
        if len(joined(alias)) < LEAST_LETTERS:
            yield f"{field} {alias!r} {_TOO_SHORT}"
        elif name in everyday_words().all:
            yield (
                f"{field} {alias!r} is an everyday word. List it under ambiguous, with the words that it needs beside "
                "it."
            )
        elif field == "aliases" and name in seen:
            yield f"aliases: {alias!r} is there already as {seen[name]}. Remove it."
        seen.setdefault(name, field)


_TOO_SHORT = (
    f"has fewer than {LEAST_LETTERS} letters or digits, which would be found everywhere. Use a longer one, or list it "
    "as a hashtag or handle."
)


def _of_ambiguous(entity: Entity, plain: Mapping[str, str]) -> Iterator[str]:
    seen = dict(plain)
    for each in entity.ambiguous:
        name = folded(each.alias)
        if len(joined(each.alias)) < LEAST_LETTERS:
            yield f"ambiguous {each.alias!r} {_TOO_SHORT}"
        elif name in seen:
            yield f"ambiguous {each.alias!r} is there already as {seen[name]}. Keep it once."
        seen[name] = "ambiguous"
        for word in each.context:
            if WORD.search(folded(word)) is None:
                yield f"ambiguous {each.alias!r}: context {word!r} has no word. Name a word that may stand beside it."


def _of_type(entity: Entity, by_id: Mapping[str, Entity]) -> Iterator[str]:
    if entity.type == "couple":
        missing = [
            member for member in entity.members if member not in by_id or by_id[member].type != "person"
        ]
        if len(set(entity.members)) < 2:  # noqa: PLR2004
            yield f"members {list(entity.members)!r} are not two persons. A couple names the ids of its members."
        elif missing:
            yield f"members {missing[0]!r} is no person of this file. Add the person, or correct the id."
    elif entity.members:
        yield f"members {list(entity.members)!r}: only a couple has members. Remove them, or make it a couple."
    if entity.pronouns is not None and entity.type != "person":
        yield f"pronouns {entity.pronouns!r}: only a person has pronouns. Remove them."


def _claimed_twice(entities: list[Entity], ids: Mapping[str, int]) -> Iterator[str]:
    """Names, handles and hashtags that two active entities would both be found by."""
    owners: dict[tuple[str, str], tuple[Entity, str]] = {}
    for entity in entities:
        claims = [("name", folded(alias), field, alias) for field, alias in entity.plain_aliases()]
        claims += [("handle", handle, "handles", handle) for handle in entity.handles]
        claims += [("hashtag", joined(alias), field, alias) for field, alias in entity.plain_aliases()]
        claims += [("hashtag", joined(tag), "hashtags", tag) for tag in entity.hashtags]
        for kind, key, field, value in claims:
            other, where = owners.setdefault((kind, key), (entity, field))
            if other is not entity:
                yield (
                    f"entry {ids[entity.id]} ({entity.id}): {field} {value!r} belongs to {other.id} too ({where}), so "
                    "a comment with it could mean either. Remove it from one, or list it under ambiguous in both."
                )
    for entity in entities:
        for each in entity.ambiguous:
            claim = owners.get(("name", folded(each.alias)))
            if claim is not None:
                yield (
                    f"entry {ids[entity.id]} ({entity.id}): ambiguous {each.alias!r} means {claim[0].id} wherever it "
                    f"stands ({claim[1]}), so it never means this one. List it under ambiguous in both."
                )


def hashtags_of(entity: Entity) -> Iterator[str]:
    """The hashtags that mean an entity, joined: those it lists, and its plain names written together."""
    yield from (joined(tag) for tag in entity.hashtags)
    yield from (joined(alias) for _, alias in entity.plain_aliases())
