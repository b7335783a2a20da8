"""The studies themselves: their shape, their distributions, and that they depend on nothing else."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from sandbox.ctgov.corpus import Corpus
from sandbox.ctgov.fields import FIELDS, mask_of, project
from sandbox.ctgov.generator import Generator
from sandbox.ctgov.vocabulary import SURNAMES, person_traces

SIZE = 3_000
Study = dict[str, Any]


@pytest.fixture(scope="module")
def encoded() -> list[bytes]:
    generator = Generator(Corpus(SIZE, 7))
    return [generator.encode(index) for index in range(SIZE)]


@pytest.fixture(scope="module")
def studies(encoded: list[bytes]) -> list[Study]:
    return [msgspec.json.decode(line) for line in encoded]


def module(study: Study, name: str) -> Study:
    return dict(study["protocolSection"].get(name, {}))


def share(studies: list[Study], holds: Any) -> float:
    return sum(map(bool, map(holds, studies))) / len(studies)


def interventions(studies: list[Study]) -> list[Study]:
    return [i for study in studies for i in module(study, "armsInterventionsModule").get("interventions", [])]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for below in value:
            yield from leaves(below, path)
    else:
        yield path, value


# --- form


def test_a_study_is_one_line_of_plain_json(encoded: list[bytes]) -> None:
    for line in encoded[:500]:
        assert b"\n" not in line
        json.loads(line)
    assert any(ord(c) > 127 for c in encoded[0].decode() + encoded[1].decode() + encoded[2].decode())


def test_a_study_is_a_function_of_seed_size_and_index(encoded: list[bytes]) -> None:
    again = Generator(Corpus(SIZE, 7))
    assert [again.encode(i) for i in (2_999, 0, 1_500)] == [encoded[i] for i in (2_999, 0, 1_500)]
    other = Generator(Corpus(SIZE, 8))
    assert other.encode(0) != encoded[0]


def test_nothing_is_null_and_no_branch_is_empty(studies: list[Study]) -> None:
    def check(value: Any) -> None:
        assert value is not None
        if isinstance(value, dict | list):
            assert len(value)
            for below in value.values() if isinstance(value, dict) else value:
                check(below)

    for study in studies[:400]:
        check(study)


def test_every_path_outside_results_can_be_asked_for(studies: list[Study]) -> None:
    opaque = ("resultsSection", "annotationSection", "documentSection", "derivedSection", "geoPoint")
    paths = {path for study in studies[:1_500] for path, _ in leaves(study)}
    assert not {path for path in paths if path not in FIELDS and not any(name in path for name in opaque)}
    sections = {key for study in studies for key in study}
    assert sections == {"protocolSection", "resultsSection", "annotationSection", "documentSection",
                        "derivedSection", "hasResults"}  # fmt: skip


def test_all_modules_occur(studies: list[Study]) -> None:
    seen = Counter(name for study in studies for name in study["protocolSection"])
    assert len(seen) == 13
    assert min(seen.values()) > SIZE * 0.2


@pytest.mark.parametrize(
    "names",
    [["NCTId"], ["NCTId", "LastUpdatePostDate"], ["StatusModule"], ["HasResults"],
     ["ProtocolSection", "NCTId"],
     ["NCTId", "InterventionName", "LocationCity"], ["resultsSection", "DerivedSection"],
     ["protocolSection.statusModule.whyStopped"], ["DocumentSection", "AnnotationSection"]],
)  # fmt: skip
def test_a_part_of_a_study_equals_that_part_of_the_whole(studies: list[Study], names: list[str]) -> None:
    generator = Generator(Corpus(SIZE, 7))
    mask = mask_of(names)
    for index in range(0, SIZE, 7):
        assert msgspec.json.decode(generator.encode(index, mask)) == project(studies[index], mask)


def test_a_mask_takes_the_whole_branch_and_nothing_beside_it(studies: list[Study]) -> None:
    study = studies[1]
    part = project(study, mask_of(["EnrollmentCount", "StatusModule", "OverallStatus"]))
    count = study["protocolSection"]["designModule"]["enrollmentInfo"]["count"]
    assert part == {
        "protocolSection": {
            "statusModule": study["protocolSection"]["statusModule"],
            "designModule": {"enrollmentInfo": {"count": count}},
        }
    }


# --- distributions (docs/upstreams/ctgov.md)


def test_types_phases_and_results_have_the_registrys_shares(studies: list[Study]) -> None:
    design = [module(study, "designModule") for study in studies]
    assert share(design, lambda d: d.get("studyType") == "INTERVENTIONAL") == pytest.approx(0.764, abs=0.03)
    phases = Counter(tuple(d.get("phases", ())) for d in design)
    assert phases[()] / SIZE == pytest.approx(142_460 / 602_520, abs=0.03)
    assert phases[("NA",)] / SIZE == pytest.approx(234_433 / 602_520, abs=0.03)
    assert sum(n for p, n in phases.items() if len(p) == 2) / SIZE == pytest.approx(
        24_549 / 602_520, abs=0.012
    )
    assert share(studies, lambda s: s["hasResults"]) == pytest.approx(0.13, abs=0.02)
    assert all(("resultsSection" in s) == s["hasResults"] for s in studies)


def test_unknown_studies_say_what_they_were(studies: list[Study]) -> None:
    status = [module(study, "statusModule") for study in studies]
    assert share(status, lambda s: s["overallStatus"] == "UNKNOWN") == pytest.approx(0.16, abs=0.025)
    assert all((s["overallStatus"] == "UNKNOWN") == ("lastKnownStatus" in s) for s in status)


def test_dates_are_partial_missing_and_out_of_the_ordinary(studies: list[Study]) -> None:
    status = [module(study, "statusModule") for study in studies]
    starts = [s["startDateStruct"]["date"] for s in status if "startDateStruct" in s]
    ends = [s["completionDateStruct"]["date"] for s in status if "completionDateStruct" in s]
    assert sum(len(d) == 7 for d in starts) / len(starts) == pytest.approx(0.16, abs=0.025)
    assert sum(len(d) == 7 for d in ends) / len(ends) == pytest.approx(0.27, abs=0.03)
    assert 0.002 < 1 - len(starts) / SIZE < 0.025
    assert min(starts) == "1900-01" and max(starts) == "2099-01-01"
    assert all(re.fullmatch(r"\d{4}-\d\d(-\d\d)?", d) for d in starts + ends)
    assert {s["startDateStruct"].get("type") for s in status if "startDateStruct" in s} == {
        "ACTUAL", "ESTIMATED", None,
    }  # fmt: skip


def test_enrollment_is_missing_sometimes_and_has_its_sentinels(studies: list[Study]) -> None:
    counts = [module(s, "designModule").get("enrollmentInfo", {}).get("count") for s in studies]
    assert 0.004 < counts.count(None) / SIZE < 0.025
    assert {0, 99_999_999, 188_814_085} <= set(counts)


def test_interventions_have_the_samples_number_and_types(studies: list[Study]) -> None:
    per_study = [len(module(s, "armsInterventionsModule").get("interventions", [])) for s in studies]
    assert sum(per_study) / SIZE == pytest.approx(1.76, abs=0.08)
    assert max(per_study) <= 11
    assert per_study.count(0) / SIZE == pytest.approx(40 / 648, abs=0.02)
    types = Counter(i["type"] for i in interventions(studies))
    total = sum(types.values())
    expected = {"DRUG": 42, "DEVICE": 21, "OTHER": 13, "PROCEDURE": 8, "BEHAVIORAL": 7, "BIOLOGICAL": 3.4,
                "DIAGNOSTIC_TEST": 1.8, "DIETARY_SUPPLEMENT": 1.2, "RADIATION": 1.0,
                "COMBINATION_PRODUCT": 0.6,
                "GENETIC": 0.4}  # fmt: skip
    assert set(types) == set(expected)
    for name, percent in expected.items():
        assert 100 * types[name] / total == pytest.approx(percent, abs=max(0.6, percent * 0.12)), name


def test_drug_names_need_the_cleaning_that_real_ones_need(studies: list[Study]) -> None:
    names = [i["name"] for i in interventions(studies) if i["type"] in ("DRUG", "BIOLOGICAL")]
    patterns = {
        "placebo or sham": (r"(?i)placebo|sham", 0.07, 0.28),
        "brackets": (r"[(\[].+[)\]]", 0.05, 0.09),
        "route or form": (
            r"tablet|injection|infusion|\bIV\b|cream|spray|release|capsules|drops|patch|solution",
            0.04,
            0.11,
        ),
        "dose": (r"\d ?(mg|%|IU|g\b|µg|μg)", 0.03, 0.07),
        "and or with": (r"(?<!\))\b(and|with)\b", 0.01, 0.04),
        "plus": (r"\+", 0.01, 0.03),
        "research code": (r"^[A-Z]{2,3}-\d+$", 0.08, 0.12),
    }
    for what, (pattern, least, most) in patterns.items():
        found = sum(bool(re.search(pattern, name)) for name in names) / len(names)
        assert least <= found <= most, (what, found)
    assert Counter(names).most_common(1)[0][0] == "Placebo"
    assert len(set(names)) > 0.5 * len(names)


def test_other_names_are_rare_and_conditions_always_there(studies: list[Study]) -> None:
    named = share(
        studies,
        lambda s: any(
            "otherNames" in i for i in module(s, "armsInterventionsModule").get("interventions", [])
        ),
    )
    assert named == pytest.approx(1 - 448_418 / 602_520, abs=0.03)
    assert all(module(s, "conditionsModule") for s in studies if len(s["protocolSection"]) > 2)


def test_two_thirds_of_the_studies_hold_text_beyond_ascii(encoded: list[bytes]) -> None:
    assert sum(not line.isascii() for line in encoded) / SIZE == pytest.approx(0.67, abs=0.03)


def test_sizes_have_the_registrys_mean_and_tail(encoded: list[bytes]) -> None:
    sizes = sorted(map(len, encoded))
    assert sum(sizes) / SIZE == pytest.approx(17_000, rel=0.1)
    assert 60_000 < sizes[int(0.99 * SIZE)] < 160_000


@pytest.mark.parametrize("mean_bytes", [8_000, 30_000])
def test_the_mean_size_can_be_chosen(mean_bytes: int) -> None:
    generator = Generator(Corpus(2_000, 7), mean_bytes)
    sizes = [len(generator.encode(i)) for i in range(2_000)]
    assert sum(sizes) / len(sizes) == pytest.approx(mean_bytes, rel=0.12)


def test_withheld_studies_hold_next_to_nothing(studies: list[Study]) -> None:
    withheld = [s for s in studies if module(s, "statusModule")["overallStatus"] == "WITHHELD"]
    assert 1 < len(withheld) < 20
    assert all(set(s["protocolSection"]) == {"identificationModule", "statusModule"} for s in withheld)
    assert all(set(s["derivedSection"]) == {"miscInfoModule"} for s in withheld)
    assert {"lastUpdatePostDateStruct" in module(s, "statusModule") for s in withheld} == {True, False}


def test_some_studies_have_aliases_of_their_own(studies: list[Study]) -> None:
    ids = {module(s, "identificationModule")["nctId"] for s in studies}
    aliases = [a for s in studies for a in module(s, "identificationModule").get("nctIdAliases", [])]
    assert len(aliases) / SIZE == pytest.approx(1 / 83, abs=0.002)
    assert len(set(aliases)) == len(aliases)
    assert not ids & set(aliases)


def test_numbers_of_results_are_strings_and_event_counts_integers(studies: list[Study]) -> None:
    results = next(s["resultsSection"] for s in studies if s["hasResults"])
    counts = [v for path, v in leaves(results["participantFlowModule"]) if path.endswith("numSubjects")]
    assert counts and all(isinstance(v, str) for v in counts)
    events = [
        v for path, v in leaves(results["adverseEventsModule"]["otherEvents"]) if path.startswith("stats.num")
    ]
    assert events and all(isinstance(v, int) for v in events)


def test_arms_and_interventions_name_each_other(studies: list[Study]) -> None:
    for study in studies:
        arms = module(study, "armsInterventionsModule")
        labels = {group["label"] for group in arms.get("armGroups", [])}
        for intervention in arms.get("interventions", []):
            assert set(intervention.get("armGroupLabels", [])) <= labels
        names = {
            name.partition(": ")[2]
            for g in arms.get("armGroups", [])
            for name in g.get("interventionNames", [])
        }
        assert not labels or names == {i["name"] for i in arms.get("interventions", [])}


# --- persons


@pytest.fixture(scope="module")
def texts(studies: list[Study]) -> list[tuple[str, str]]:
    """Every text of a study with its path; of the results, which are mostly numbers, only the contact."""
    found = []
    for study in studies[:2_000]:
        results = study.get("resultsSection", {}).get("moreInfoModule", {})
        for path, value in leaves({**study, "resultsSection": {"moreInfoModule": results}}):
            if isinstance(value, str):
                found.append((path, value))
    return found


def test_persons_are_in_every_place_where_real_ones_are(texts: list[tuple[str, str]]) -> None:
    places = {path for path, text in texts if person_traces(text)}
    prefix = "protocolSection."
    structured = {
        "sponsorCollaboratorsModule.responsibleParty.investigatorFullName",
        "sponsorCollaboratorsModule.responsibleParty.oldNameTitle",
        "contactsLocationsModule.centralContacts.email",
        "contactsLocationsModule.centralContacts.phone",
        "contactsLocationsModule.overallOfficials.name",
        "contactsLocationsModule.locations.contacts.name",
    }
    free = {
        "contactsLocationsModule.locations.facility",
        "statusModule.whyStopped",
        "descriptionModule.briefSummary",
        "descriptionModule.detailedDescription",
        "eligibilityModule.eligibilityCriteria",
        "sponsorCollaboratorsModule.leadSponsor.name",
        "sponsorCollaboratorsModule.collaborators.name",
        "referencesModule.references.citation",
    }
    assert {prefix + path for path in structured | free} <= places
    assert "resultsSection.moreInfoModule.pointOfContact.email" in places


def test_sponsors_that_are_persons_are_called_individuals(studies: list[Study]) -> None:
    for study in studies:
        sponsor = module(study, "sponsorCollaboratorsModule").get("leadSponsor")
        if sponsor:
            assert bool(person_traces(sponsor["name"])) == (sponsor["class"] == "INDIV")


def test_every_phone_mail_and_name_can_be_recognised(texts: list[tuple[str, str]]) -> None:
    personal = (
        ".phone",
        ".email",
        "investigatorFullName",
        "contacts.name",
        "Contacts.name",
        "Officials.name",
    )
    for path, text in texts:
        if path.endswith(personal):
            assert person_traces(text), (path, text)
        if path.endswith(".phone"):
            assert "555" in text
        if "@" in text:
            assert re.search(r"@[\w.-]+\.example\b", text)


def test_what_is_no_person_is_not_taken_for_one(texts: list[tuple[str, str]]) -> None:
    innocent = ("nctId", "nctIdAliases", "orgStudyIdInfo.id", "conditions", "interventions.name",
                "locations.city",
                "locations.zip", "pmid", "locations.country", "secondaryIdInfos.id")  # fmt: skip
    for path, text in texts:
        if path.endswith(innocent):
            assert not person_traces(text), (path, text)
    assert not person_traces("NCT05550123")
    assert person_traces(f"Dr. {SURNAMES[0]}, 2025550134 or +49 30 555 0112, a.b@x.example") == [
        SURNAMES[0], "5550134", "555 0112", "@x.example",
    ]  # fmt: skip
