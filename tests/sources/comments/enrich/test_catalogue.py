"""The catalogue is read strictly: an error names file, entry, field, value and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from include.sources.comments.enrich import Catalogue, InvalidCatalogue, load
from include.sources.comments.enrich.catalogue import Entity

MIRA = {"id": "mira", "name": "Mira Valdane", "type": "person"}
THEO = {"id": "theo", "name": "Theo Brandt", "type": "person"}


def written(folder: Path, *entities: dict[str, Any]) -> Path:
    path = folder / "catalogue.yml"
    path.write_text(yaml.safe_dump({"entities": list(entities)}, allow_unicode=True), encoding="utf-8")
    return path


def test_the_shipped_catalogue_can_be_read_and_has_every_type() -> None:
    entities = load().entities
    assert {entity.type for entity in entities} == {"person", "show", "couple", "brand"}
    assert len(entities) > 150


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"type": "film"}, ["type", "'film'"]),
        ({"type": None}, ["type", "None"]),
        ({"aliases": ["M"]}, ["aliases 'M'", "fewer than 2 letters"]),
        ({"aliases": [""]}, ["aliases", "['']"]),
        ({"aliases": ["🔥!"]}, ["aliases '🔥!'", "fewer than 2 letters"]),
        ({"aliases": ["Friends"]}, ["aliases 'Friends'", "everyday word", "ambiguous"]),
        ({"aliases": ["Míra  Valdane"]}, ["aliases", "already as name", "Remove it"]),
        ({"handles": ["@mira"]}, ["handles", "'@mira'"]),
        ({"hashtags": ["#mira"]}, ["hashtags", "'#mira'"]),
        ({"id": "Mira Valdane"}, ["id", "'Mira Valdane'"]),
        ({"name": ""}, ["name", "''"]),
        ({"alias": ["Mira"]}, ["alias"]),
        ({"pronouns": "xx"}, ["pronouns", "'xx'"]),
        ({"members": ["theo"]}, ["members ['theo']", "only a couple has members"]),
        ({"active": "maybe"}, ["active", "'maybe'"]),
        ({"type": "show", "pronouns": "she"}, ["pronouns 'she'", "only a person"]),
        ({"ambiguous": [{"alias": "M", "context": ["x1"]}]}, ["ambiguous 'M'", "fewer than 2 letters"]),
        ({"ambiguous": [{"alias": "May", "context": ["!"]}]}, ["ambiguous 'May'", "context '!' has no word"]),
        (
            {"ambiguous": [{"alias": "May"}, {"alias": "may"}]},
            ["ambiguous 'may'", "already as ambiguous", "Keep it once"],
        ),
        ({"aliases": ["Maya"], "ambiguous": [{"alias": "Maya"}]}, ["ambiguous 'Maya'", "already as aliases"]),
    ],
)
def test_a_wrong_entry_is_refused_with_its_place_and_value(
    tmp_path: Path, wrong: dict[str, Any], told: list[str]
) -> None:
    path = written(tmp_path, THEO, MIRA | wrong)
    with pytest.raises(InvalidCatalogue) as refused:
        load(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: entry 2 (")
    assert all(each in message for each in told), message


@pytest.mark.parametrize(
    ("entities", "told"),
    [
        (
            (MIRA, THEO | {"aliases": ["mira valdane"]}),
            ["entry 2 (theo)", "'mira valdane'", "belongs to mira too (name)", "ambiguous in both"],
        ),
        (
            (MIRA | {"handles": ["star"]}, THEO | {"handles": ["star"]}),
            ["entry 2 (theo)", "handles 'star'", "mira"],
        ),
        (
            (MIRA, THEO | {"hashtags": ["MiraValdane"]}),
            ["entry 2 (theo)", "hashtags 'MiraValdane'", "mira"],
        ),
        (
            (MIRA | {"aliases": ["Vega"]}, THEO | {"ambiguous": [{"alias": "Vega", "context": ["song"]}]}),
            ["entry 2 (theo)", "ambiguous 'Vega'", "means mira wherever it stands", "both"],
        ),
        ((MIRA, MIRA), ["entry 2 (mira)", "id 'mira'", "entry 1 too"]),
        (
            (MIRA, {"id": "both", "name": "Mira and Theo", "type": "couple", "members": ["mira", "theo"]}),
            ["entry 2 (both)", "members 'theo'", "no person of this file"],
        ),
        (
            (MIRA, {"id": "both", "name": "Mira and Theo", "type": "couple", "members": ["mira"]}),
            ["entry 2 (both)", "['mira']", "not two persons"],
        ),
    ],
)
def test_entries_that_contradict_each_other_are_refused(
    tmp_path: Path, entities: tuple[dict[str, Any], ...], told: list[str]
) -> None:
    path = written(tmp_path, *entities)
    with pytest.raises(InvalidCatalogue) as refused:
        load(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert all(each in message for each in told), message


@pytest.mark.parametrize(
    "text", ["", "entities: []", "entities: 5", "- a", "entities: [a: {]", "people: []", "\t"]
)
def test_a_file_of_another_form_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidCatalogue, match=r"other\.yml"):
        load(path)


def test_one_name_of_two_entities_is_allowed_where_both_need_context(tmp_path: Path) -> None:
    doubtful = {"ambiguous": [{"alias": "Vega", "context": ["song"]}]}
    assert len(load(written(tmp_path, MIRA | doubtful, THEO | doubtful)).entities) == 2


def test_an_entity_that_is_not_active_claims_no_name(tmp_path: Path) -> None:
    catalogue = load(written(tmp_path, MIRA | {"active": False}, THEO | {"aliases": ["Mira Valdane"]}))
    assert [entity.id for entity in catalogue.active] == ["theo"]


def test_the_version_tells_what_the_entries_say_and_not_how_the_file_is_written(tmp_path: Path) -> None:
    first = load(written(tmp_path, MIRA, THEO))
    path = written(tmp_path, THEO, MIRA | {"active": True, "aliases": []})
    path.write_text("# a comment\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert load(path).version == first.version
    assert load(written(tmp_path, MIRA | {"aliases": ["Mira"]}, THEO)).version != first.version
    assert load(written(tmp_path, MIRA | {"active": False}, THEO)).version != first.version


def test_what_changed_between_two_catalogues_is_told_by_id() -> None:
    kept, gone = (
        Entity(id="a", name="Anna Ruiz", type="person"),
        Entity(id="b", name="Bea Ruiz", type="person"),
    )
    new, altered = (
        Entity(id="c", name="Cleo Ruiz", type="person"),
        Entity(id="a", name="Ana Ruiz", type="person"),
    )
    assert Catalogue([kept, new]).changed_since(Catalogue([kept, gone])) == {"b", "c"}
    assert Catalogue([altered, gone]).changed_since(Catalogue([kept, gone])) == {"a"}
    assert Catalogue([gone, kept]).changed_since(Catalogue([kept, gone])) == frozenset()
