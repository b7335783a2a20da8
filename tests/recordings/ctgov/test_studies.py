"""Every recorded study through the pure core, against a naive reading of the same JSON."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.sources.ctgov import names
from include.sources.ctgov.study import Batch, ParsedStudy, parse
from include.sources.ctgov.tables import TABLES
from tests.soda.ctgov.harness import hashed, verify

Study = dict[str, Any]
Row = dict[str, Any]
COLUMNS = {table.name: table.values.names for table in TABLES}

# Studies whose lead sponsor is a person: all of the recorded ones with a SPONSOR_INVESTIGATOR.
INDIVIDUALS = {
    "NCT05463224",
    "NCT04871997",
    "NCT05426668",
    "NCT04636775",
    "NCT02526537",
    "NCT03986528",
    "NCT02387086",
    "NCT05914155",
}


MARKS = ("[mail]", "[phone]", "[name]", "[individual]")


def recorded(folder: Path) -> Iterator[Study]:
    """Every full study of the recordings, some of them more than once."""
    for name in (
        "studies/public_50.json",
        "studies/nsclc_100.json",
        "studies/NCT02513394_with_results.json",
        "pages/page_10_full.json",
    ):
        document = json.loads((folder / "ctgov" / name).read_text(encoding="utf-8"))
        if isinstance(document, dict):
            yield from document.get("studies", [document])
        else:
            yield from document


@pytest.fixture(scope="module")
def studies(recordings: Path) -> list[tuple[Study, ParsedStudy]]:
    """The recorded studies and what the core makes of them, each once."""
    found = {}
    for study in recorded(recordings):
        parsed = parse(json.dumps(study, ensure_ascii=False).encode())
        found.setdefault(parsed.nct_id, (study, parsed))
    assert len(found) >= 160
    return list(found.values())


@pytest.fixture(scope="module")
def tables(studies: list[tuple[Study, ParsedStudy]]) -> dict[str, pa.Table]:
    batch = Batch()
    for _, parsed in studies:
        assert batch.add(parsed)
    return batch.to_tables()


def rows(parsed: ParsedStudy, table: str) -> list[Row]:
    return [dict(zip(COLUMNS[table], row, strict=True)) for row in parsed.rows[table]]


def get(study: Study, path: str) -> Any:
    """The value at a path below protocolSection, None where there is none."""
    value: Any = study["protocolSection"]
    for key in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def full_date(path: str) -> Callable[[Study], Any]:
    def read(study: Study) -> Any:
        text = get(study, path)
        return date(*map(int, text.split("-"))) if text else None

    return read


def partial_date(path: str) -> dict[str, Callable[[Study], Any]]:
    def parts(study: Study) -> list[int]:
        return [int(part) for part in (get(study, path) or "").split("-") if part]

    return {
        "": lambda study: date(*[*parts(study), 1, 1][:3]) if parts(study) else None,
        "_text": lambda study: get(study, path),
        "_precision": lambda study: [None, "year", "month", "day"][len(parts(study))],
    }


def age(path: str) -> Callable[[Study], Any]:
    days = {"Year": 365.25, "Month": 365.25 / 12, "Week": 7, "Day": 1, "Hour": 1 / 24, "Minute": 1 / 1440}

    def read(study: Study) -> Any:
        text = get(study, path)
        if not text or text == "N/A":
            return None
        number, unit = text.split()
        return pytest.approx(int(number) * days[unit.rstrip("s")] / 365.25)

    return read


def length(path: str) -> Callable[[Study], int]:
    return lambda study: len(get(study, path) or [])


PLAIN = {
    "nct_id": "identificationModule.nctId",
    "org_study_id": "identificationModule.orgStudyIdInfo.id",
    "org_study_id_type": "identificationModule.orgStudyIdInfo.type",
    "brief_title": "identificationModule.briefTitle",
    "official_title": "identificationModule.officialTitle",
    "acronym": "identificationModule.acronym",
    "org_full_name": "identificationModule.organization.fullName",
    "org_class": "identificationModule.organization.class",
    "overall_status": "statusModule.overallStatus",
    "last_known_status": "statusModule.lastKnownStatus",
    "delayed_posting": "statusModule.delayedPosting",
    "why_stopped": "statusModule.whyStopped",
    "has_expanded_access": "statusModule.expandedAccessInfo.hasExpandedAccess",
    "expanded_access_nct_id": "statusModule.expandedAccessInfo.nctId",
    "expanded_access_status": "statusModule.expandedAccessInfo.statusForNctId",
    "start_date_type": "statusModule.startDateStruct.type",
    "primary_completion_date_type": "statusModule.primaryCompletionDateStruct.type",
    "completion_date_type": "statusModule.completionDateStruct.type",
    "results_waived": "statusModule.resultsWaived",
    "lead_sponsor_class": "sponsorCollaboratorsModule.leadSponsor.class",
    "responsible_party_type": "sponsorCollaboratorsModule.responsibleParty.type",
    "oversight_has_dmc": "oversightModule.oversightHasDmc",
    "is_fda_regulated_drug": "oversightModule.isFdaRegulatedDrug",
    "is_fda_regulated_device": "oversightModule.isFdaRegulatedDevice",
    "is_unapproved_device": "oversightModule.isUnapprovedDevice",
    "is_ppsd": "oversightModule.isPpsd",
    "is_us_export": "oversightModule.isUsExport",
    "fdaaa801_violation": "oversightModule.fdaaa801Violation",
    "brief_summary": "descriptionModule.briefSummary",
    "keywords": "conditionsModule.keywords",
    "study_type": "designModule.studyType",
    "phases": "designModule.phases",
    "patient_registry": "designModule.patientRegistry",
    "target_duration": "designModule.targetDuration",
    "allocation": "designModule.designInfo.allocation",
    "intervention_model": "designModule.designInfo.interventionModel",
    "primary_purpose": "designModule.designInfo.primaryPurpose",
    "observational_model": "designModule.designInfo.observationalModel",
    "time_perspective": "designModule.designInfo.timePerspective",
    "masking": "designModule.designInfo.maskingInfo.masking",
    "who_masked": "designModule.designInfo.maskingInfo.whoMasked",
    "enrollment_count": "designModule.enrollmentInfo.count",
    "enrollment_type": "designModule.enrollmentInfo.type",
    "sex": "eligibilityModule.sex",
    "gender_based": "eligibilityModule.genderBased",
    "minimum_age_text": "eligibilityModule.minimumAge",
    "maximum_age_text": "eligibilityModule.maximumAge",
    "std_ages": "eligibilityModule.stdAges",
    "healthy_volunteers": "eligibilityModule.healthyVolunteers",
    "sampling_method": "eligibilityModule.samplingMethod",
    "ipd_sharing": "ipdSharingStatementModule.ipdSharing",
}
ORACLE: dict[str, Callable[[Study], Any]] = {
    **{column: (lambda study, path=path: get(study, path)) for column, path in PLAIN.items()},
    **{
        f"{column}{suffix}": read
        for column, path in {
            "status_verified_date": "statusModule.statusVerifiedDate",
            "start_date": "statusModule.startDateStruct.date",
            "primary_completion_date": "statusModule.primaryCompletionDateStruct.date",
            "completion_date": "statusModule.completionDateStruct.date",
        }.items()
        for suffix, read in partial_date(path).items()
    },
    "study_first_submit_date": full_date("statusModule.studyFirstSubmitDate"),
    "study_first_submit_qc_date": full_date("statusModule.studyFirstSubmitQcDate"),
    "study_first_post_date": full_date("statusModule.studyFirstPostDateStruct.date"),
    "results_first_submit_date": full_date("statusModule.resultsFirstSubmitDate"),
    "results_first_submit_qc_date": full_date("statusModule.resultsFirstSubmitQcDate"),
    "results_first_post_date": full_date("statusModule.resultsFirstPostDateStruct.date"),
    "disp_first_submit_date": full_date("statusModule.dispFirstSubmitDate"),
    "disp_first_submit_qc_date": full_date("statusModule.dispFirstSubmitQcDate"),
    "disp_first_post_date": full_date("statusModule.dispFirstPostDateStruct.date"),
    "last_update_submit_date": full_date("statusModule.lastUpdateSubmitDate"),
    "last_update_post_date": full_date("statusModule.lastUpdatePostDateStruct.date"),
    "minimum_age_years": age("eligibilityModule.minimumAge"),
    "maximum_age_years": age("eligibilityModule.maximumAge"),
    "withheld": lambda study: get(study, "statusModule.overallStatus") == "WITHHELD",
    "secondary_ids": lambda study: (
        [item["id"] for item in get(study, "identificationModule.secondaryIdInfos") or []] or None
    ),
    "lead_sponsor_name": lambda study: (
        "[individual]"
        if get(study, "identificationModule.nctId") in INDIVIDUALS
        else get(study, "sponsorCollaboratorsModule.leadSponsor.name")
    ),
    "expanded_access_types": lambda study: (
        [
            key.upper()
            for key, given in (get(study, "designModule.expandedAccessTypes") or {}).items()
            if given
        ]
        or None
    ),
    "has_results": lambda study: study["hasResults"],
    "countries": lambda study: (
        list(dict.fromkeys(at["country"] for at in get(study, "contactsLocationsModule.locations") or []))
        or None
    ),
    "n_conditions": length("conditionsModule.conditions"),
    "n_arms": length("armsInterventionsModule.armGroups"),
    "n_interventions": length("armsInterventionsModule.interventions"),
    "n_locations": length("contactsLocationsModule.locations"),
    "n_primary_outcomes": length("outcomesModule.primaryOutcomes"),
    "n_secondary_outcomes": length("outcomesModule.secondaryOutcomes"),
}


@pytest.mark.parametrize("column", COLUMNS["studies"])
def test_column_of_studies_holds_what_was_recorded(
    studies: list[tuple[Study, ParsedStudy]], column: str
) -> None:
    for study, parsed in studies:
        (row,) = rows(parsed, "studies")
        assert row[column] == ORACLE[column](study), parsed.nct_id


def test_children_hold_what_was_recorded(studies: list[tuple[Study, ParsedStudy]]) -> None:
    for study, parsed in studies:
        conditions = get(study, "conditionsModule.conditions") or []
        assert [row["condition"] for row in rows(parsed, "conditions")] == conditions
        assert [row["ordinal"] for row in rows(parsed, "conditions")] == list(range(1, len(conditions) + 1))

        sites = get(study, "contactsLocationsModule.locations") or []
        for at, row in zip(sites, rows(parsed, "locations"), strict=True):
            for column in ("status", "city", "state", "zip", "country"):
                assert row[column] == at.get(column)
            assert (row["lat"], row["lon"]) == (
                at.get("geoPoint", {}).get("lat"),
                at.get("geoPoint", {}).get("lon"),
            )

        module = study["protocolSection"]["sponsorCollaboratorsModule"]
        lead, *others = rows(parsed, "sponsors")
        assert (lead["role"], lead["ordinal"], lead["class"]) == ("LEAD", 0, module["leadSponsor"]["class"])
        assert [(row["name"], row["class"]) for row in others] == [
            (one["name"], one["class"]) for one in module.get("collaborators", [])
        ]
        assert [row["alias_id"] for row in rows(parsed, "aliases")] == (
            get(study, "identificationModule.nctIdAliases") or []
        )


def test_interventions_hold_what_was_recorded(studies: list[tuple[Study, ParsedStudy]]) -> None:
    for study, parsed in studies:
        by_ordinal: dict[int, list[Row]] = {}
        for row in rows(parsed, "interventions"):
            by_ordinal.setdefault(row["ordinal"], []).append(row)
        recorded_ones = get(study, "armsInterventionsModule.interventions") or []
        kinds = {
            arm["label"]: arm.get("type") for arm in get(study, "armsInterventionsModule.armGroups") or []
        }
        assert sorted(by_ordinal) == list(range(1, len(recorded_ones) + 1))
        for ordinal, one in enumerate(recorded_ones, 1):
            parts = by_ordinal[ordinal]
            cleaned = names.clean(one["name"], one["type"]).parts
            assert [row["clean_name"] for row in parts] == [part.clean_name for part in cleaned]
            assert [row["part"] for row in parts] == ([0] if len(parts) == 1 else [*range(1, len(parts) + 1)])
            used = {kinds.get(label) for label in one.get("armGroupLabels", [])}
            controls = {"PLACEBO_COMPARATOR", "SHAM_COMPARATOR", "NO_INTERVENTION"}
            for row, part in zip(parts, cleaned, strict=True):
                assert (row["name"], row["type"]) == (one["name"], one["type"])
                assert row["other_names"] == one.get("otherNames")
                assert row["arm_group_labels"] == one.get("armGroupLabels")
                assert row["rule"] == ("+".join(part.rules) or "none")
                assert row["is_control"] == (part.is_control or (bool(used) and used <= controls))


def test_only_sponsors_that_are_persons_were_hidden(studies: list[tuple[Study, ParsedStudy]]) -> None:
    """The recordings have no contacts, officials and investigators, so nobody else is named in them."""
    hidden = Counter()
    for study, parsed in studies:
        sites = get(study, "contactsLocationsModule.locations") or []
        assert [row["facility"] for row in rows(parsed, "locations")] == [at.get("facility") for at in sites]
        for table in COLUMNS:
            if table != "removals":
                text = json.dumps(parsed.rows[table], default=str)
                hidden.update({mark: text.count(mark) for mark in MARKS})
    assert +hidden == {"[individual]": 2 * len(INDIVIDUALS)}  # in studies and in sponsors


def test_rows_change_with_content_and_only_with_content(studies: list[tuple[Study, ParsedStudy]]) -> None:
    for study, parsed in studies:
        same = json.loads(json.dumps(study, sort_keys=True))
        same["derivedSection"] = {"miscInfoModule": {"versionHolder": "2030-01-01"}}
        for key, struct in same["protocolSection"]["statusModule"].items():
            if key.endswith("PostDateStruct"):
                struct["type"] = "ACTUAL"
        assert parse(json.dumps(same, indent=1).encode()) == parsed
        same["protocolSection"]["identificationModule"]["briefTitle"] += "."
        assert parse(json.dumps(same).encode()) != parsed


def test_share_of_names_that_need_cleaning_is_the_known_one(studies: list[tuple[Study, ParsedStudy]]) -> None:
    """docs/upstreams/ctgov.md: 26 to 52 % of drug and biological names need cleaning."""
    given = [
        (one["name"], one["type"])
        for study, _ in studies
        for one in get(study, "armsInterventionsModule.interventions") or []
        if one["type"] in {"DRUG", "BIOLOGICAL"}
    ]
    touched = Counter(
        rule
        for name, kind in given
        for rule in {rule for part in names.clean(name, kind).parts for rule in part.rules} or {"none"}
    )

    assert 0.26 <= 1 - touched["none"] / len(given) <= 0.52
    assert 0.07 <= touched["placebo"] / len(given) <= 0.28


def test_clean_names_of_the_recordings_are_clean(recordings: Path) -> None:
    listed = (recordings / "ctgov" / "names" / "intervention_manual_remaps.tsv").read_text(encoding="utf-8")
    given = [(line.split("\t")[0], "DRUG") for line in listed.splitlines()[1:]]
    for study in recorded(recordings):
        for one in get(study, "armsInterventionsModule.interventions") or []:
            given += [(name, one["type"]) for name in [one["name"], *one.get("otherNames", [])]]
    for name, kind in given:
        for part in names.clean(name, kind).parts:
            if part.clean_name is not None:
                assert names.clean(part.clean_name, kind).parts == (names.Part(part.clean_name, ()),), name


def test_recorded_studies_pass_every_contract(tables: dict[str, pa.Table]) -> None:
    outcomes = verify(hashed(tables))

    assert {check: outcome for check, outcome in outcomes.items() if outcome != "PASSED"} == {}
