"""The catalogue of the sample is one that the source reads."""

from __future__ import annotations

from include.sources.comments.enrich import load
from sandbox.comments.connection import FIELDS
from sandbox.comments.entities import BY_ID, FILE, MONITORED, UNMONITORED, catalogue, catalogue_text


def test_the_catalogue_has_who_is_monitored_and_nobody_else() -> None:
    entries = catalogue()["entities"]
    assert [entry["id"] for entry in entries] == [entity.id for entity in MONITORED]
    assert not {entity.id for entity in UNMONITORED} & {entry["id"] for entry in entries}
    assert {entry["type"] for entry in entries} == {"person", "show", "couple", "brand"}


def test_the_file_that_the_sandbox_enriches_by_is_the_catalogue() -> None:
    assert FILE.read_text(encoding="utf-8") == catalogue_text(), (
        "python -m sandbox.comments.entities writes it"
    )
    assert FIELDS["extra"]["catalogue"] == str(FILE)
    assert set(load(FILE).by_id) == {entity.id for entity in MONITORED}


def test_couples_have_members_that_are_people_of_the_catalogue() -> None:
    couples = [entity for entity in MONITORED if entity.type == "couple"]
    assert couples
    for couple in couples:
        assert [BY_ID[each].type for each in couple.members] == ["person", "person"]
        assert all(BY_ID[each].monitored for each in couple.members)
