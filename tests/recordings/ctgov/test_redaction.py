"""Texts of the recordings in which a person might be seen, as people labelled them: by place and hash, no text copied.

The recordings have no contacts. So a labelled name is put into the record as that of a contact, as the upstream has it
while a location recruits: then a practice must be hidden, and an institution keep its name.
"""

import copy
import csv
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from include.sources.ctgov.study import parse
from include.sources.ctgov.tables import TABLES
from tests.recordings.ctgov.test_studies import recorded

COLUMNS = {table.name: table.values.names for table in TABLES}
LABELS = Path(__file__).with_name("labels.tsv")


class Label(NamedTuple):
    study: str
    place: str
    sha256: str
    label: str
    start: int
    end: int


def labels() -> list[Label]:
    with LABELS.open(encoding="utf-8") as lines:
        return [
            Label(**{**row, "start": int(row["start"]), "end": int(row["end"])})
            for row in csv.DictReader(lines, delimiter="\t")
        ]


@pytest.fixture(scope="module")
def studies(recordings: Path) -> dict[str, dict[str, Any]]:
    return {
        study["protocolSection"]["identificationModule"]["nctId"]: study for study in recorded(recordings)
    }


def text_at(study: dict[str, Any], place: str) -> str:
    protocol = study["protocolSection"]
    identification = protocol["identificationModule"]
    found = {
        "leadSponsor.name": protocol["sponsorCollaboratorsModule"]["leadSponsor"]["name"],
        "orgStudyIdInfo.id": identification["orgStudyIdInfo"]["id"],
        "officialTitle": identification.get("officialTitle"),
        "briefSummary": protocol["descriptionModule"]["briefSummary"],
    }
    if place.startswith("locations."):
        return str(protocol["contactsLocationsModule"]["locations"][int(place.split(".")[1])]["facility"])
    return str(found[place])


def published_at(study: dict[str, Any], place: str) -> str:
    parsed = parse(json.dumps(study).encode())
    if place.startswith("locations."):
        row = dict(zip(COLUMNS["locations"], parsed.rows["locations"][int(place.split(".")[1])], strict=True))
        return str(row["facility"])
    column = {
        "leadSponsor.name": "lead_sponsor_name",
        "orgStudyIdInfo.id": "org_study_id",
        "officialTitle": "official_title",
        "briefSummary": "brief_summary",
    }[place]
    return str(dict(zip(COLUMNS["studies"], parsed.rows["studies"][0], strict=True))[column])


def test_the_labels_are_those_of_the_recordings(studies: dict[str, dict[str, Any]]) -> None:
    for one in labels():
        text = text_at(studies[one.study], one.place)
        assert hashlib.sha256(text.encode()).hexdigest()[:16] == one.sha256, one


def test_without_a_contact_only_individual_sponsors_are_hidden(studies: dict[str, dict[str, Any]]) -> None:
    for one in labels():
        study = studies[one.study]
        hidden = published_at(study, one.place) != text_at(study, one.place)
        assert hidden is (one.label == "individual"), one


def test_a_practice_is_hidden_once_its_doctor_is_a_contact_and_few_institutions_are(
    studies: dict[str, dict[str, Any]],
) -> None:
    counts = Counter()
    for one in labels():
        if one.label not in {"practice", "institution"}:
            continue
        study = copy.deepcopy(studies[one.study])
        text = text_at(study, one.place)
        location = study["protocolSection"]["contactsLocationsModule"]["locations"][
            int(one.place.split(".")[1])
        ]
        location["contacts"] = [{"name": text[one.start : one.end], "role": "CONTACT"}]
        published = published_at(study, one.place)
        assert text[one.start : one.end] not in published or published == text
        counts[one.label, published != text] += 1
    assert counts["practice", True] == 9 and counts["practice", False] == 1
    # These are called after people of their name: who has it in a record is the same doctor or a namesake.
    assert counts["institution", False] == 4 and counts["institution", True] == 4
