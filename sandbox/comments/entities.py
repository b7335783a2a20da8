"""Whom and what the posts are about: people, shows, couples and brands of our own making.

`python -m sandbox.comments.entities` writes catalogue.yml, by which the sandbox's runs enrich.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

FILE = Path(__file__).with_name("catalogue.yml")
Kind = Literal["person", "show", "couple", "brand"]
Pronoun = Literal["she", "he", "they", "it"]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """One of those whom the owners monitor, or may discover.

    Attributes:
        id: never changes, and tells the name.
        name: as people write it.
        type: what it is.
        aliases: other spellings that mean nobody else.
        ambiguous: spellings that are words or names of others too; they mean this one only in its context.
        handle: account, without @.
        hashtag: without #.
        pronoun: how a comment may speak of it without its name; comments do so of people.
        members: of a couple, the ids of both.
        monitored: False for one that is not in the owners' catalogue, and is to be discovered.
    """

    id: str
    name: str
    type: Kind
    aliases: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    handle: str = ""
    hashtag: str = ""
    pronoun: Pronoun = "they"
    members: tuple[str, ...] = ()
    monitored: bool = True


def _entity(
    type_: Kind,
    name: str,
    pronoun: Pronoun,
    aliases: str = "",
    ambiguous: str = "",
    handle: str = "",
    hashtag: str = "",
    monitored: bool = True,
) -> Entity:
    """An entity with its spellings, which commas divide; handle and hashtag are the name's letters by default."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = "".join(filter(str.isalnum, plain))
    return Entity(
        id="-".join("".join(each if each.isalnum() else " " for each in plain.lower()).split()),
        name=name,
        type=type_,
        aliases=_split(aliases),
        ambiguous=_split(ambiguous),
        handle=handle or letters.lower(),
        hashtag=hashtag or letters,
        pronoun=pronoun,
        monitored=monitored,
    )


def _couple(name: str, aliases: str, members: tuple[str, str], hashtag: str = "") -> Entity:
    return msgspec.structs.replace(_entity("couple", name, "they", aliases, hashtag=hashtag), members=members)


def _split(spellings: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in spellings.split(",") if each.strip())


MONITORED = (
    _entity("person", "Ben Harlow", "he", "Benny Harlow", "Ben", "realbenharlow"),
    _entity("person", "Mara Quill", "she", "Marah Quill", "Mara", "maraquill"),
    _entity("person", "Zoë Alvérez-Lund", "she", "Zoe Alverez Lund, Zoë Alvérez", "Zoë", "zoealverez"),
    _entity("person", "Dario Venn", "he", "", "Dario", "dario.venn"),
    _entity("person", "Summer Vale", "she", "", "Summer", "summervale"),
    _entity("person", "Chase Pennick", "he", "Chase P", "Chase", "chasepennick"),
    _entity("person", "Rose Winterbourne", "she", "Lady Winterbourne", "Rose", "rosewinterbourne"),
    _entity("person", "Mark Oseiba", "he", "", "Mark", "markoseiba"),
    _entity("person", "Will Tarrowby", "he", "Prince Will Tarrowby", "Will", "willtarrowby"),
    _entity("person", "Tess O'Rourkean", "she", "Tess ORourkean", "Tess", "tess_orourkean"),
    _entity("person", "Juno Parkellis", "they", "", "Juno", "junoparkellis"),
    _entity("person", "Inés Calloweth", "she", "", "Inés", "inescalloweth"),
    _entity("person", "Lola Marchettine", "she", "", "Lola", "lolamarchettine"),
    _entity("person", "Kit Hargrieve", "he", "", "Kit", "kithargrieve"),
    _entity("person", "MC Fjordlight", "they", "Fjordlight", "", "mcfjordlight", "Fjordlight"),
    _entity("person", "Theo Brandtner", "he", "T. Brandtner", "Theo", "theobrandtner"),
    _entity("show", "The Salt Harbour", "it", "Salt Harbour", "", "saltharbourtv", "SaltHarbour"),
    _entity("show", "Lanternlight", "it", "Lantern Light", "", "lanternlight"),
    _entity("show", "Second Course", "it", "", "Second", "secondcourse"),
    _entity("show", "Her Honour", "it", "Her Honor", "", "herhonour"),
    _entity("show", "Crown of Reeds", "it", "COR season 3", "COR", "crownofreeds", "CrownOfReeds"),
    _entity("show", "Dance Floor Nights", "it", "DFN", "", "dancefloornights", "DFN"),
    _couple("Benmara", "Ben Harlow and Mara Quill, Ben & Mara", ("ben-harlow", "mara-quill")),
    _couple("Zodario", "Zoë and Dario", ("zoe-alverez-lund", "dario-venn")),
    _couple("Rosewill", "Rose and Will", ("rose-winterbourne", "will-tarrowby"), "TeamRosewill"),
    _entity("brand", "Vellunaire", "it", "Vellunaire Beauty", "", "vellunaire"),
    _entity(
        "brand", "Orchard & Pine", "it", "Orchard and Pine", "Orchard", "orchardandpine", "OrchardAndPine"
    ),
    _entity("brand", "Nimbus Cola", "it", "", "Nimbus", "nimbuscola"),
    _entity("brand", "Halcyonix", "it", "Halcyonix Studios", "", "halcyonix"),
)
"""The owners' catalogue."""

UNMONITORED = (
    _entity("person", "Odessa Finchley", "she", monitored=False),
    _entity("person", "Rafael Montesi", "he", monitored=False),
    _entity("person", "Priya Lakshmanar", "she", monitored=False),
    _entity("show", "Paper Lions", "it", monitored=False),
    _entity("brand", "Copperleaf Coffee", "it", monitored=False),
)
"""Names that comments have and the catalogue has not."""

CREDIT = "Picto Images"
"""The agency that every other caption credits: the commonest name of all, and no entity."""

BY_ID = {entity.id: entity for entity in (*MONITORED, *UNMONITORED)}


def catalogue() -> dict[str, Any]:
    """The owners' catalogue in the form of the source's own: what a YAML file of it holds.

    An ambiguous spelling has no words of context: it means somebody where text, post or parent name them otherwise.
    """
    return {"entities": [_entry(entity) for entity in MONITORED]}


def catalogue_text() -> str:
    """The catalogue as YAML."""
    return yaml.safe_dump(catalogue(), allow_unicode=True, sort_keys=False, width=120)


def _entry(entity: Entity) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": entity.id, "name": entity.name, "type": entity.type}
    lists = {
        "aliases": list(entity.aliases),
        "ambiguous": [{"alias": each} for each in entity.ambiguous],
        "handles": [entity.handle],
        "hashtags": [entity.hashtag],
        "members": list(entity.members),
    }
    if entity.type == "person":
        entry["pronouns"] = entity.pronoun
    return entry | {key: value for key, value in lists.items() if value}


if __name__ == "__main__":
    FILE.write_text(catalogue_text(), encoding="utf-8")
