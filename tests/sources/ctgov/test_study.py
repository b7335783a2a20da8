"""One study from bytes to rows: values, hashes, refusals. All studies and people are invented."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.ctgov.study import (
    Batch,
    ParsedStudy,
    Refused,
    parse,
    removal,
)
from include.sources.ctgov.tables import REMOVALS, TABLES

COLUMNS = {table.name: table.values.names for table in TABLES}

FULL: dict[str, Any] = {
    "protocolSection": {
        "identificationModule": {
            "nctId": "NCT00000001",
            "nctIdAliases": ["NCT00000009", "NCT00000008", "NCT00000009"],
            "orgStudyIdInfo": {"id": "ABC-1", "type": "NIH"},
            "secondaryIdInfos": [{"id": "2012-002689-10", "type": "EUDRACT_NUMBER"}, {"type": "OTHER"}],
            "organization": {"fullName": "Example Institute", "class": "OTHER"},
            "briefTitle": "A Study",
            "officialTitle": "A Study of Things",
            "acronym": "STUDY",
        },
        "statusModule": {
            "statusVerifiedDate": "2024-03",
            "overallStatus": "UNKNOWN",
            "lastKnownStatus": "RECRUITING",
            "delayedPosting": True,
            "whyStopped": "No funds",
            "expandedAccessInfo": {
                "hasExpandedAccess": True,
                "nctId": "NCT00000002",
                "statusForNctId": "AVAILABLE",
            },
            "startDateStruct": {"date": "2020-02-29", "type": "ACTUAL"},
            "primaryCompletionDateStruct": {"date": "2023-05", "type": "ESTIMATED"},
            "completionDateStruct": {"date": "2024"},
            "studyFirstSubmitDate": "2019-12-01",
            "studyFirstSubmitQcDate": "2019-12-02",
            "studyFirstPostDateStruct": {"date": "2019-12-03", "type": "ESTIMATED"},
            "resultsWaived": False,
            "resultsFirstSubmitDate": "2024-01-01",
            "resultsFirstSubmitQcDate": "2024-01-02",
            "resultsFirstPostDateStruct": {"date": "2024-01-03", "type": "ACTUAL"},
            "dispFirstSubmitDate": "2023-01-01",
            "dispFirstSubmitQcDate": "2023-01-02",
            "dispFirstPostDateStruct": {"date": "2023-01-03", "type": "ACTUAL"},
            "lastUpdateSubmitDate": "2024-03-05",
            "lastUpdatePostDateStruct": {"date": "2024-03-07", "type": "ACTUAL"},
        },
        "sponsorCollaboratorsModule": {
            "responsibleParty": {"type": "SPONSOR"},
            "leadSponsor": {"name": "Example Institute", "class": "OTHER"},
            "collaborators": [{"name": "Example Pharmaceuticals", "class": "INDUSTRY"}],
        },
        "oversightModule": {
            "oversightHasDmc": True,
            "isFdaRegulatedDrug": True,
            "isFdaRegulatedDevice": False,
            "isUnapprovedDevice": False,
            "isPpsd": False,
            "isUsExport": True,
            "fdaaa801Violation": False,
        },
        "descriptionModule": {"briefSummary": "What it is about.", "detailedDescription": "More."},
        "conditionsModule": {"conditions": ["Asthma", "  Chronic   COUGH "], "keywords": ["lung"]},
        "designModule": {
            "studyType": "INTERVENTIONAL",
            "expandedAccessTypes": {"individual": True, "treatment": True, "intermediate": False},
            "patientRegistry": False,
            "targetDuration": "5 Years",
            "phases": ["PHASE1", "PHASE2"],
            "designInfo": {
                "allocation": "RANDOMIZED",
                "interventionModel": "PARALLEL",
                "primaryPurpose": "TREATMENT",
                "observationalModel": "COHORT",
                "timePerspective": "PROSPECTIVE",
                "maskingInfo": {"masking": "DOUBLE", "whoMasked": ["PARTICIPANT", "INVESTIGATOR"]},
            },
            "enrollmentInfo": {"count": 120, "type": "ACTUAL"},
        },
        "armsInterventionsModule": {
            "armGroups": [
                {"label": "A", "type": "EXPERIMENTAL", "interventionNames": ["Drug: Aspirin 10 mg"]},
                {"label": "B", "type": "PLACEBO_COMPARATOR"},
            ],
            "interventions": [
                {
                    "type": "DRUG",
                    "name": "Aspirin 10 mg + Zinc",
                    "armGroupLabels": ["A"],
                    "otherNames": ["ASA"],
                },
                {"type": "DRUG", "name": "Placebo", "armGroupLabels": ["B"]},
            ],
        },
        "outcomesModule": {"primaryOutcomes": [{"measure": "x"}], "secondaryOutcomes": [{}, {}]},
        "eligibilityModule": {
            "sex": "ALL",
            "genderBased": False,
            "minimumAge": "18 Years",
            "maximumAge": "6 Months",
            "stdAges": ["ADULT"],
            "healthyVolunteers": True,
            "samplingMethod": "PROBABILITY_SAMPLE",
        },
        "contactsLocationsModule": {
            "locations": [
                {
                    "facility": "Example Hospital",
                    "status": "RECRUITING",
                    "city": "Springfield",
                    "state": "Ohio",
                    "zip": "01234",
                    "country": "United States",
                    "geoPoint": {"lat": 39.9, "lon": -83},
                },
                {"city": "Ulm", "country": "Germany"},
                {"country": "United States"},
            ]
        },
        "ipdSharingStatementModule": {"ipdSharing": "NO"},
    },
    "resultsSection": {"numbers": ["1", 2, 3.5, None, True]},
    "derivedSection": {"miscInfoModule": {"versionHolder": "2026-11-01"}},
    "hasResults": True,
}


def raw(study: Any) -> bytes:
    return json.dumps(study, ensure_ascii=False).encode()


def rows(parsed: ParsedStudy, table: str) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS[table], row, strict=True)) for row in parsed.rows[table]]


def changed(path: str, value: Any) -> dict[str, Any]:
    """FULL with one value replaced; the path is below protocolSection."""
    study = copy.deepcopy(FULL)
    at = study["protocolSection"]
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in parents:
        at = at[key]
    at[last] = value
    return study


def study_row(study: dict[str, Any]) -> dict[str, Any]:
    (row,) = rows(parse(raw(study)), "studies")
    return row


def test_every_column_of_a_full_record() -> None:
    parsed = parse(raw(FULL))

    assert rows(parsed, "studies") == [
        {
            "nct_id": "NCT00000001",
            "org_study_id": "ABC-1",
            "org_study_id_type": "NIH",
            "secondary_ids": ["2012-002689-10"],
            "brief_title": "A Study",
            "official_title": "A Study of Things",
            "acronym": "STUDY",
            "org_full_name": "Example Institute",
            "org_class": "OTHER",
            "withheld": False,
            "status_verified_date": date(2024, 3, 1),
            "status_verified_date_text": "2024-03",
            "status_verified_date_precision": "month",
            "overall_status": "UNKNOWN",
            "last_known_status": "RECRUITING",
            "delayed_posting": True,
            "why_stopped": "No funds",
            "has_expanded_access": True,
            "expanded_access_nct_id": "NCT00000002",
            "expanded_access_status": "AVAILABLE",
            "start_date": date(2020, 2, 29),
            "start_date_text": "2020-02-29",
            "start_date_precision": "day",
            "start_date_type": "ACTUAL",
            "primary_completion_date": date(2023, 5, 1),
            "primary_completion_date_text": "2023-05",
            "primary_completion_date_precision": "month",
            "primary_completion_date_type": "ESTIMATED",
            "completion_date": date(2024, 1, 1),
            "completion_date_text": "2024",
            "completion_date_precision": "year",
            "completion_date_type": None,
            "study_first_submit_date": date(2019, 12, 1),
            "study_first_submit_qc_date": date(2019, 12, 2),
            "study_first_post_date": date(2019, 12, 3),
            "results_waived": False,
            "results_first_submit_date": date(2024, 1, 1),
            "results_first_submit_qc_date": date(2024, 1, 2),
            "results_first_post_date": date(2024, 1, 3),
            "disp_first_submit_date": date(2023, 1, 1),
            "disp_first_submit_qc_date": date(2023, 1, 2),
            "disp_first_post_date": date(2023, 1, 3),
            "last_update_submit_date": date(2024, 3, 5),
            "last_update_post_date": date(2024, 3, 7),
            "lead_sponsor_name": "Example Institute",
            "lead_sponsor_class": "OTHER",
            "responsible_party_type": "SPONSOR",
            "oversight_has_dmc": True,
            "is_fda_regulated_drug": True,
            "is_fda_regulated_device": False,
            "is_unapproved_device": False,
            "is_ppsd": False,
            "is_us_export": True,
            "fdaaa801_violation": False,
            "brief_summary": "What it is about.",
            "keywords": ["lung"],
            "study_type": "INTERVENTIONAL",
            "phases": ["PHASE1", "PHASE2"],
            "expanded_access_types": ["INDIVIDUAL", "TREATMENT"],
            "patient_registry": False,
            "target_duration": "5 Years",
            "allocation": "RANDOMIZED",
            "intervention_model": "PARALLEL",
            "primary_purpose": "TREATMENT",
            "observational_model": "COHORT",
            "time_perspective": "PROSPECTIVE",
            "masking": "DOUBLE",
            "who_masked": ["PARTICIPANT", "INVESTIGATOR"],
            "enrollment_count": 120,
            "enrollment_type": "ACTUAL",
            "sex": "ALL",
            "gender_based": False,
            "minimum_age_text": "18 Years",
            "minimum_age_years": 18.0,
            "maximum_age_text": "6 Months",
            "maximum_age_years": 0.5,
            "std_ages": ["ADULT"],
            "healthy_volunteers": True,
            "sampling_method": "PROBABILITY_SAMPLE",
            "ipd_sharing": "NO",
            "has_results": True,
            "countries": ["United States", "Germany"],
            "n_conditions": 2,
            "n_arms": 2,
            "n_interventions": 2,
            "n_locations": 3,
            "n_primary_outcomes": 1,
            "n_secondary_outcomes": 2,
        }
    ]
    whole = ("Aspirin 10 mg + Zinc", ["ASA"], ["A"], False, False)
    assert [list(row) for row in parsed.rows["interventions"]] == [
        ["NCT00000001", 1, 1, "DRUG", *whole, "Aspirin", "strip_dose+split_plus"],
        ["NCT00000001", 1, 2, "DRUG", *whole, "Zinc", "strip_dose+split_plus"],
        ["NCT00000001", 2, 0, "DRUG", "Placebo", None, ["B"], True, True, None, "placebo"],
    ]
    assert [list(row) for row in parsed.rows["conditions"]] == [
        ["NCT00000001", 1, "Asthma", "asthma"],
        ["NCT00000001", 2, "  Chronic   COUGH ", "chronic cough"],
    ]
    first = ("Example Hospital", "RECRUITING", "Springfield", "Ohio", "01234", "United States", 39.9, -83.0)
    assert [list(row) for row in parsed.rows["locations"]] == [
        ["NCT00000001", 1, *first],
        ["NCT00000001", 2, None, None, "Ulm", None, None, "Germany", None, None],
        ["NCT00000001", 3, None, None, None, None, None, "United States", None, None],
    ]
    assert [list(row) for row in parsed.rows["sponsors"]] == [
        ["NCT00000001", 0, "LEAD", "Example Institute", "OTHER"],
        ["NCT00000001", 1, "COLLABORATOR", "Example Pharmaceuticals", "INDUSTRY"],
    ]
    assert [list(row) for row in parsed.rows["aliases"]] == [
        ["NCT00000009", "NCT00000001"],
        ["NCT00000008", "NCT00000001"],
    ]
    assert (parsed.nct_id, parsed.last_update_post_date) == ("NCT00000001", date(2024, 3, 7))
    assert parsed.aliases == ("NCT00000009", "NCT00000008")
    assert (parsed.withheld, parsed.notes) == (False, ())


def test_everything_but_the_id_can_be_absent() -> None:
    parsed = parse(b'{"protocolSection":{"identificationModule":{"nctId":"NCT00000001"}}}')
    (row,) = rows(parsed, "studies")

    filled = {name for name, value in row.items() if value not in (None, 0, False)}
    assert filled == {"nct_id"}
    assert {name: len(some) for name, some in parsed.rows.items() if some} == {"studies": 1}
    assert parsed.last_update_post_date is None


@pytest.mark.parametrize("value", [None, {}, []])
def test_empty_parts_read_as_absent_ones(value: Any) -> None:
    study = {"protocolSection": {"identificationModule": {"nctId": "NCT00000001"}}}
    bare = study_row(study)
    for module, part in FULL["protocolSection"].items():
        if module != "identificationModule" and not (value == [] and isinstance(part, dict)):
            study["protocolSection"][module] = value

    assert study_row(study) == bare


def test_withheld_study_is_marked() -> None:
    parsed = parse(raw(changed("statusModule.overallStatus", "WITHHELD")))

    assert parsed.withheld
    assert rows(parsed, "studies")[0]["withheld"] is True


def test_sentinel_of_the_enrollment_becomes_null() -> None:
    assert study_row(changed("designModule.enrollmentInfo.count", 99999999))["enrollment_count"] is None
    assert study_row(changed("designModule.enrollmentInfo.count", 188814085))["enrollment_count"] == 188814085
    assert study_row(changed("designModule.enrollmentInfo.count", 0))["enrollment_count"] == 0


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("1 Year", 1.0),
        ("90 Years", 90.0),
        ("18 Months", 1.5),
        ("1 Month", 1 / 12),
        ("7 Days", 7 / 365.25),
        ("2 Weeks", 14 / 365.25),
        ("36 Hours", 1.5 / 365.25),
        ("90 Minutes", 1.5 / 24 / 365.25),
        ("18 years", 18.0),
        ("1.5 Years", 1.5),
        ("6MONTHS", 0.5),
        (" 2  weeks ", 14 / 365.25),
        ("1.5.2 Years", None),
        ("18 Years or older", None),
        ("N/A", None),
        ("old", None),
        ("-1 Years", None),
    ],
)
def test_age_in_years_beside_its_text(text: str, years: float | None) -> None:
    row = study_row(changed("eligibilityModule.minimumAge", text))

    assert row["minimum_age_text"] == text
    assert row["minimum_age_years"] == (None if years is None else pytest.approx(years))


@pytest.mark.parametrize(
    ("arms", "is_control"),
    [
        (["PLACEBO_COMPARATOR"], True),
        (["SHAM_COMPARATOR", "NO_INTERVENTION"], True),
        (["PLACEBO_COMPARATOR", "EXPERIMENTAL"], False),
        (["ACTIVE_COMPARATOR"], False),
        ([None], False),
        ([], False),
    ],
)
def test_intervention_is_a_control_where_only_control_arms_get_it(
    arms: list[str | None], is_control: bool
) -> None:
    study = changed(
        "armsInterventionsModule",
        {
            "armGroups": [
                {"label": str(n)} | ({"type": kind} if kind else {}) for n, kind in enumerate(arms)
            ],
            "interventions": [
                {
                    "type": "DRUG",
                    "name": "Normal saline",
                    "armGroupLabels": [str(n) for n in range(len(arms))],
                }
            ],
        },
    )
    (row,) = rows(parse(raw(study)), "interventions")

    assert row["is_control"] is is_control
    # Saline is a placebo where nothing but placebo or sham arms get it.
    assert row["is_placebo"] is (set(arms) == {"PLACEBO_COMPARATOR"})
    assert row["clean_name"] == "Normal saline"


def test_intervention_in_an_arm_that_is_not_listed_is_no_control() -> None:
    (row, _) = rows(
        parse(
            raw(changed("armsInterventionsModule.interventions.0", {"name": "X-1", "armGroupLabels": ["Z"]}))
        ),
        "interventions",
    )

    assert (row["is_control"], row["type"], row["part"]) == (False, None, 0)


@pytest.mark.parametrize("nameless", [{"type": "DRUG"}, {"type": "DRUG", "name": ""}, {"name": " \u00a0\t"}])
def test_intervention_without_a_name_is_no_row(nameless: dict[str, Any]) -> None:
    study = changed("armsInterventionsModule.interventions.0", nameless)
    parsed = parse(raw(study))

    (row,) = rows(parsed, "interventions")
    assert (row["name"], row["ordinal"]) == ("Placebo", 1)
    assert study_row(study)["n_interventions"] == 1
    assert parsed.interventions == 2
    assert [(one.position, json.loads(one.content)) for one in parsed.nameless] == [(1, nameless)]


def emptied(value: Any) -> Any:
    """The record with every text but the study's id and its dates' types as nothing but white space."""
    if isinstance(value, dict):
        return {key: item if key == "nctId" else emptied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [emptied(item) for item in value]
    return " \n" if isinstance(value, str) and len(value) % 2 else "" if isinstance(value, str) else value


def test_a_text_of_nothing_is_null_in_every_column() -> None:
    parsed = parse(raw(emptied(FULL)))

    for table in ("studies", "interventions", "conditions", "locations", "sponsors", "aliases"):
        for row in rows(parsed, table):
            texts = [value for value in row.values() if isinstance(value, str | list)]
            assert all(text.strip() if isinstance(text, str) else text for text in texts), row
    assert [table for table in ("interventions", "conditions", "aliases") if parsed.rows[table]] == []
    row = study_row(emptied(FULL))
    assert {name: row[name] for name in ("start_date", "start_date_text", "phases", "countries")} == {
        "start_date": None,
        "start_date_text": None,
        "phases": None,
        "countries": None,
    }
    assert (row["n_conditions"], row["n_interventions"], row["n_locations"]) == (0, 0, 3)


@pytest.mark.parametrize("column", ["other_names", "arm_group_labels"])
@pytest.mark.parametrize("given", [[], [""], ["\u0000"]])
def test_a_list_of_nothing_is_null(column: str, given: list[str]) -> None:
    name = {"other_names": "otherNames", "arm_group_labels": "armGroupLabels"}[column]
    study = changed(
        "armsInterventionsModule.interventions.0", {"type": "DRUG", "name": "Aspirin", name: given}
    )

    assert rows(parse(raw(study)), "interventions")[0][column] is None


def test_nobody_named_in_the_record_stands_in_a_row() -> None:
    study = copy.deepcopy(FULL)
    protocol = study["protocolSection"]
    sites = protocol["contactsLocationsModule"]
    sites["centralContacts"] = [
        {"name": "Ann Quux", "phone": "555 0100 77", "email": "quux@nowhere.example", "role": "CONTACT"}
    ]
    sites["overallOfficials"] = [{"name": "Bob B. Corge, MD", "affiliation": "Example Institute"}]
    sites["locations"][0]["contacts"] = [{"name": "Cleo Grault", "role": "PRINCIPAL_INVESTIGATOR"}]
    sites["locations"][0]["facility"] = "Praxis Cleo Grault"
    sites["locations"][1]["city"] = "c/o Bob Corge"
    protocol["identificationModule"]["organization"] = {"fullName": "Quux, Ann", "class": "OTHER"}
    protocol["identificationModule"]["orgStudyIdInfo"]["id"] = "Corge, Bob 12"
    protocol["identificationModule"]["briefTitle"] = "The Ann Quux Study"
    protocol["identificationModule"]["acronym"] = "A. Quux"
    protocol["sponsorCollaboratorsModule"] = {
        "responsibleParty": {"type": "SPONSOR_INVESTIGATOR", "investigatorFullName": "Dora Garply"},
        "leadSponsor": {"name": "Dora Garply", "class": "OTHER"},
        "collaborators": [{"name": "Fred Waldo", "class": "INDIV"}, {"name": "Bob Corge", "class": "OTHER"}],
    }
    protocol["statusModule"]["whyStopped"] = "Dr. Garply left; ask quux@nowhere.example or 555 0100 77"
    protocol["descriptionModule"]["briefSummary"] = "Led by Bob Corge. Call (555) 010-0199."
    protocol["conditionsModule"] = {"conditions": ["Corge, Bob syndrome"], "keywords": ["Ann Quux"]}
    protocol["armsInterventionsModule"]["interventions"][0]["name"] = "Cleo Grault method"
    protocol["armsInterventionsModule"]["interventions"][0]["otherNames"] = ["Grault, Cleo"]
    protocol["armsInterventionsModule"]["armGroups"][1]["label"] = "Arm of Ann Quux"
    protocol["armsInterventionsModule"]["interventions"][1]["armGroupLabels"] = ["Arm of Ann Quux"]

    parsed = parse(raw(study))

    published = str(parsed.rows)
    for private in ("Quux", "Corge", "Grault", "Garply", "Waldo", "nowhere.example", "0100", "0199"):
        assert private not in published, private
    (row,) = rows(parsed, "studies")
    assert (row["lead_sponsor_name"], row["org_full_name"]) == ("[individual]", "[individual]")
    assert row["why_stopped"] == "[name] left; ask [mail] or [phone]"
    assert [row["name"] for row in rows(parsed, "sponsors")] == ["[individual]"] * 3
    # Hiding a label must not part an intervention from its arm.
    assert rows(parsed, "interventions")[-1]["is_control"] is True


@pytest.mark.parametrize(
    "place",
    [
        ("contactsLocationsModule", {"centralContacts": [{"name": "Jane Roe", "role": "CONTACT"}]}),
        (
            "contactsLocationsModule",
            {"overallOfficials": [{"name": "Jane Roe, MD", "role": "STUDY_DIRECTOR"}]},
        ),
        ("contactsLocationsModule", {"locations": [{"contacts": [{"name": "Roe, Jane"}]}]}),
        ("sponsorCollaboratorsModule", {"responsibleParty": {"investigatorFullName": "Jane Roe"}}),
        ("sponsorCollaboratorsModule", {"responsibleParty": {"oldNameTitle": "Jane Roe, Director"}}),
        ("sponsorCollaboratorsModule", {"leadSponsor": {"name": "Jane Roe", "class": "INDIV"}}),
        ("sponsorCollaboratorsModule", {"collaborators": [{"name": "Jane Roe", "class": "INDIV"}]}),
        ("resultsSection", {"moreInfoModule": {"pointOfContact": {"title": "Dr. Jane Roe"}}}),
    ],
)
def test_whoever_the_record_names_is_hidden_in_its_texts(place: tuple[str, dict[str, Any]]) -> None:
    module, content = place
    study: dict[str, Any] = {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT00000001", "briefTitle": "Dr. Roe's team, Roe JA"},
            "descriptionModule": {"briefSummary": "By Jane\nRoe in Roe Hospital. Richard Roe."},
        }
    }
    (study if module == "resultsSection" else study["protocolSection"])[module] = content

    row = study_row(study)

    assert row["brief_title"] == "[name]'s team, [name]"
    assert row["brief_summary"] == "By [name] in Roe Hospital. Richard Roe."


@pytest.mark.parametrize("investigator", [{}, {"investigatorFullName": "Jane Roe"}])
def test_a_sponsor_in_person_is_no_region(investigator: dict[str, str]) -> None:
    sponsors = {
        "responsibleParty": {"type": "SPONSOR_INVESTIGATOR", **investigator},
        "leadSponsor": {"name": "Region Skane", "class": "OTHER"},
    }
    row = study_row(changed("sponsorCollaboratorsModule", sponsors))

    assert row["lead_sponsor_name"] == "Region Skane"


def test_unknown_fields_and_values_of_a_later_upstream_are_accepted() -> None:
    study = changed("designModule.phases", ["PHASE9"])
    study["protocolSection"]["designModule"]["novelty"] = {"deep": [1, {"x": None}]}
    study["futureSection"] = [1, 2]

    assert study_row(study)["phases"] == ["PHASE9"]
    assert parse(raw(study)) == parse(raw(changed("designModule.phases", ["PHASE9"])))


# --- What is a change of a study: its hash is that of its rows


def shuffled(value: Any, order: Any) -> Any:
    """The same value with the keys of every object in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], order) for key in order(list(value))}
    if isinstance(value, list):
        return [shuffled(item, order) for item in value]
    return value


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([None, 0, 1, "\t"]))
def test_order_of_keys_and_whitespace_do_not_change_a_study(random: Any, indent: Any) -> None:
    study = shuffled(FULL, lambda keys: random.sample(keys, len(keys)))

    assert parse(json.dumps(study, indent=indent).encode()) == parse(raw(FULL))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if items is None:
        yield path
        return
    for key, item in items:
        yield from leaves(item, (*path, key))


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_derived_section_does_not_change_a_study(derived: Any) -> None:
    # That a NUL was taken out is noted wherever it stood.
    assert replace(parse(raw(FULL | {"derivedSection": derived})), notes=()) == parse(raw(FULL))


@pytest.mark.parametrize(
    "struct",
    [key for key in FULL["protocolSection"]["statusModule"] if key.endswith("DateStruct")],
)
@pytest.mark.parametrize("kind", ["ACTUAL", "ESTIMATED", None])
def test_the_type_of_a_date_changes_a_study_where_it_has_a_column(struct: str, kind: str | None) -> None:
    given = FULL["protocolSection"]["statusModule"][struct]
    value = {"date": given["date"]} | ({"type": kind} if kind else {})
    same = "Post" in struct or given.get("type") == kind

    assert (parse(raw(changed(f"statusModule.{struct}", value))) == parse(raw(FULL))) is same


def test_order_in_a_list_counts() -> None:
    assert parse(raw(changed("conditionsModule.conditions", ["B", "A"]))) != parse(
        raw(changed("conditionsModule.conditions", ["A", "B"]))
    )


# --- Refusals


@pytest.mark.parametrize(
    ("study", "reason", "detail"),
    [
        (b"", "not_json", "truncated"),
        (b"<html></html>", "not_json", "malformed"),
        (raw(FULL)[:-20], "not_json", ""),
        (raw(FULL) + b"{}", "not_json", "trailing"),
        (b'{"a":"\xff"}', "not_json", "utf-8"),
        (b'{"protocolSection":{"identificationModule":{"briefTitle":"\\ud800"}}}', "not_json", ""),
        (b"[" * 100_000, "too_deep", "nested"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too_deep", "nested"),
        (b"[]", "wrong_type", "Expected `object`"),
        (b"null", "wrong_type", "Expected `object`"),
        (b"{}", "no_nct_id", "no protocolSection.identificationModule.nctId"),
        (b'{"protocolSection":null}', "no_nct_id", ""),
        (raw(changed("identificationModule.nctId", "NCT1")), "bad_nct_id", "'NCT1'"),
        (raw(changed("identificationModule.nctId", "nct00000001")), "bad_nct_id", ""),
        (raw(changed("identificationModule.nctId", "NCT00000001\n")), "bad_nct_id", ""),
        (raw(changed("identificationModule.nctId", "NCT0000000\u0661")), "bad_nct_id", ""),
        (raw(changed("identificationModule.nctId", 1)), "wrong_type", "$.protocolSection.identification"),
    ],
)
def test_what_is_no_study_is_refused_with_its_reason(study: bytes, reason: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(study)

    assert refused.value.reason == reason
    assert detail in refused.value.detail
    told = reason == "not_json" and b'"NCT00000001"' in study
    assert refused.value.nct_id == ("NCT00000001" if told else None)


@pytest.mark.parametrize(
    ("path", "value", "reason", "detail"),
    [
        (
            "identificationModule.briefTitle",
            7,
            "wrong_type",
            "`$.protocolSection.identificationModule.briefTitle`",
        ),
        ("conditionsModule.conditions", ["a", None], "wrong_type", "conditions[1]"),
        ("conditionsModule.conditions", "a", "wrong_type", "Expected `array"),
        ("designModule.phases", {"a": 1}, "wrong_type", "phases"),
        ("eligibilityModule.healthyVolunteers", "yes", "wrong_type", "healthyVolunteers"),
        ("designModule.enrollmentInfo.count", "12", "wrong_type", "count"),
        ("designModule.enrollmentInfo.count", -1, "impossible_value", "count"),
        ("designModule.enrollmentInfo.count", 2**63, "impossible_value", "count"),
        ("contactsLocationsModule.locations.0.geoPoint.lat", 90.1, "impossible_value", "geoPoint.lat"),
        ("contactsLocationsModule.locations.0.geoPoint.lon", -181, "impossible_value", "geoPoint.lon"),
        ("statusModule.studyFirstSubmitDate", "2024-02-30", "impossible_value", "studyFirstSubmitDate"),
        ("statusModule.studyFirstSubmitDate", "2024-02", "impossible_value", "studyFirstSubmitDate"),
        ("statusModule.studyFirstSubmitDate", "2024-W01-1", "impossible_value", "studyFirstSubmitDate"),
        ("statusModule.startDateStruct.date", "2024-13", "impossible_value", "startDateStruct.date"),
        ("statusModule.startDateStruct.date", "May 2024", "impossible_value", "'May 2024'"),
        ("statusModule.startDateStruct.date", "0000", "impossible_value", "startDateStruct.date"),
        ("statusModule.startDateStruct.date", "20\0", "impossible_value", "statusModule"),
        (
            "statusModule.lastUpdatePostDateStruct.date",
            "2024",
            "impossible_value",
            "lastUpdatePostDateStruct",
        ),
        ("identificationModule.nctIdAliases", ["NCT1"], "bad_nct_id", "alias 'NCT1'"),
    ],
)
def test_value_that_cannot_be_is_refused_with_its_place(
    path: str, value: Any, reason: str, detail: str
) -> None:
    with pytest.raises(Refused) as refused:
        parse(raw(changed(path, value)))

    assert refused.value.reason == reason
    assert detail in refused.value.detail
    assert refused.value.nct_id == "NCT00000001"
    assert "NCT00000001" in str(refused.value)


IDENTIFICATION = b'{"protocolSection":{"identificationModule":{"nctId":"NCT00000001",'


@pytest.mark.parametrize(
    ("study", "nct_id"),
    [
        pytest.param(
            IDENTIFICATION + rb'"briefTitle":"half a pair \ud83d"}}}', "NCT00000001", id="surrogate"
        ),
        pytest.param(IDENTIFICATION + b'"briefTitle":"\xff"}}}', "NCT00000001", id="no UTF-8"),
        pytest.param(IDENTIFICATION + b'"briefTitle":NaN}}}', "NCT00000001", id="NaN"),
        pytest.param(IDENTIFICATION + b'"briefTitle":"A st', "NCT00000001", id="cut off"),
        pytest.param(IDENTIFICATION + b'"n":' + b"[" * 100_000, "NCT00000001", id="too deep"),
        pytest.param(
            b'{"protocolSection":{"statusModule":{"expandedAccessInfo":{"nctId":"NCT00000002"}},"x":"A st',
            None,
            id="cut off, and the only id is another study's",
        ),
        pytest.param(rb'{"protocolSection":{"identificationModule":{"nctId":"\ud83d"}}}', None, id="odd id"),
    ],
)
def test_a_study_that_cannot_be_decoded_keeps_its_id_where_it_tells_it(
    study: bytes, nct_id: str | None
) -> None:
    with pytest.raises(Refused) as refused:
        parse(study)
    assert refused.value.nct_id == nct_id


def test_huge_integer_is_refused_or_counted_but_never_cut() -> None:
    with pytest.raises(Refused):
        parse(raw(FULL)[:-1] + b',"n":' + b"9" * 5000 + b"}")
    assert parse(raw(FULL)[:-1] + b',"n":' + b"9" * 30 + b"}") == parse(raw(FULL))


def test_nul_characters_are_taken_out_and_noted() -> None:
    parsed = parse(raw(changed("identificationModule.briefTitle", "A\0 Study")))

    assert rows(parsed, "studies")[0]["brief_title"] == "A Study"
    assert parsed.notes == ("nul_removed",)
    escaped = parse(raw(changed("identificationModule.briefTitle", "A\\u0000 Study")))
    assert rows(escaped, "studies")[0]["brief_title"] == "A\\u0000 Study"
    assert escaped.notes == ()


HOSTILE = st.one_of(
    JSON,
    st.floats(allow_nan=False),
    st.sampled_from(
        [-1, 2**63, 2**70, 1e308, "\0", "NCT00000001", "2024-02-30", "9999-12-31", [[]], [{}], {"date": 5}]
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(leaves(FULL))), HOSTILE, st.integers(0, 3))
def test_hostile_record_is_refused_or_becomes_valid_tables(
    path: tuple[str | int, ...], value: Any, up: int
) -> None:
    study: Any = copy.deepcopy(FULL)
    at = study
    place = path[: max(1, len(path) - up)]
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    try:
        parsed = parse(json.dumps(study).encode())
    except Refused as refused:
        assert refused.detail
        return
    batch = Batch()
    batch.add(parsed)
    for table in batch.to_tables().values():
        table.validate(full=True)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.builds(lambda v: json.dumps(v).encode(), JSON)))
def test_any_bytes_are_refused_and_nothing_else_is_raised(data: bytes) -> None:
    with pytest.raises(Refused):
        parse(data)


# --- Batches


def test_batch_holds_each_study_once_in_the_order_it_came() -> None:
    batch = Batch()
    other = parse(raw(changed("identificationModule.nctId", "NCT00000000")))

    assert batch.add(parse(raw(FULL)))
    assert batch.add(other)
    assert not batch.add(parse(raw(changed("identificationModule.briefTitle", "Again"))))

    tables = batch.to_tables()
    assert len(batch) == 2
    assert tables["studies"]["nct_id"].to_pylist() == ["NCT00000001", "NCT00000000"]
    assert tables["studies"]["brief_title"].to_pylist() == ["A Study", "A Study"]
    assert tables["locations"].num_rows == 6


def test_tables_have_the_declared_schema_and_no_null_where_a_value_is_required() -> None:
    batch = Batch()
    batch.add(parse(raw(FULL)))
    batch.add(parse(b'{"protocolSection":{"identificationModule":{"nctId":"NCT00000002"}}}'))
    tables = batch.to_tables()

    for table in TABLES:
        found = tables[table.name]
        found.validate(full=True)
        assert found.schema.equals(table.values, check_metadata=True)
        for column in table.columns[:-1]:
            assert not (column.required and found[column.name].null_count), f"{table.name}.{column.name}"


def test_removal_is_a_row_of_its_table() -> None:
    row = removal("NCT00000001", "merged", "NCT00000002", "2026-11-01T09:00:05", date(2024, 3, 7))

    assert dict(zip(REMOVALS.values.names, row, strict=True)) == {
        "nct_id": "NCT00000001",
        "kind": "merged",
        "merged_into": "NCT00000002",
        "detected_at": "2026-11-01T09:00:05",
        "last_update_post_date": date(2024, 3, 7),
    }
