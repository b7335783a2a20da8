"""The tables that ClinicalTrials.gov becomes. docs/data_contract.md is generated from this file.

Column names are the API's own names in snake case. Values are as received, with four exceptions that their
columns speak of: partial dates (see `start_date`), the enrollment sentinel, private data (see `privacy.py`)
and the cleaned intervention names (see `names.py`). A text of nothing but white space is null, and so is a list of
nothing. U+0000, which PostgreSQL cannot hold, is taken out of text.

The types of post dates have no column: the upstream turns them from ESTIMATED to ACTUAL without a change that
it announces, so that an incremental run and a full one would differ in them (docs/upstreams/ctgov.md).
"""

from __future__ import annotations

import pyarrow as pa

from include.storage.tables import CONTENT_HASH, Column, Table

SCHEMA_VERSION = 1

MIGRATIONS: dict[int, str] = {}
"""For each schema version that broke readers of the one before: what they must change."""

_TEXT = pa.string()
_TEXTS = pa.list_(pa.string())
_DATE = pa.date32()
_FLAG = pa.bool_()
_COUNT = pa.int32()

_REDACTED = (
    "Mail addresses and phone numbers are replaced by [mail] and [phone], and by [name] the names of those whom the "
    "same record names as contact, official, investigator or individual sponsor; other names stay."
)
_AGENCY = "NIH, FED, OTHER_GOV, INDIV, INDUSTRY, NETWORK, AMBIG, OTHER or UNKNOWN."
_STATUS = (
    "ACTIVE_NOT_RECRUITING, COMPLETED, ENROLLING_BY_INVITATION, NOT_YET_RECRUITING, RECRUITING, SUSPENDED, "
    "TERMINATED, WITHDRAWN, AVAILABLE, NO_LONGER_AVAILABLE, TEMPORARILY_NOT_AVAILABLE, "
    "APPROVED_FOR_MARKETING, WITHHELD or UNKNOWN."
)
_NCT_ID = Column("nct_id", _TEXT, "The study: NCT and eight digits. See studies.nct_id.", required=True)


def _partial(name: str, what: str) -> tuple[Column, ...]:
    """A date that the upstream may know to the month or year only: value, text and precision."""
    return (
        Column(name, _DATE, f"{what}; the first day where only the month or year is known."),
        Column(f"{name}_text", _TEXT, f"{name} as received: YYYY-MM-DD, YYYY-MM or YYYY."),
        Column(f"{name}_precision", _TEXT, f"How exactly {name} is known: day, month or year."),
    )


def _partial_struct(name: str, what: str) -> tuple[Column, ...]:
    return (
        *_partial(name, what),
        Column(f"{name}_type", _TEXT, f"Whether {name} has happened: ACTUAL or ESTIMATED."),
    )


STUDIES = Table(
    "studies",
    "One row per study (clinical trial, observational study or expanded access record).",
    ("nct_id",),
    (
        Column("nct_id", _TEXT, "The study's canonical id: NCT and eight digits.", required=True),
        Column("org_study_id", _TEXT, "The sponsor's own id of the study."),
        Column("org_study_id_type", _TEXT, "Who gave org_study_id: NIH, FDA, VA, CDC, AHRQ or SAMHSA."),
        Column("secondary_ids", _TEXTS, "Other ids: EudraCT and CTIS numbers, grants, other registries."),
        Column("brief_title", _TEXT, f"Short title. {_REDACTED}"),
        Column("official_title", _TEXT, f"Title of the protocol. {_REDACTED}"),
        Column("acronym", _TEXT, f"Acronym of the study. {_REDACTED}"),
        Column(
            "org_full_name",
            _TEXT,
            "Organization that registered the study; [individual] where it is a person.",
        ),
        Column("org_class", _TEXT, f"Kind of organization: {_AGENCY}"),
        Column(
            "withheld",
            _FLAG,
            "True where the upstream withholds the study now (overallStatus WITHHELD). The other columns "
            "then keep what was last public, where anything was.",
            required=True,
        ),
        *_partial("status_verified_date", "When the sponsor last verified the record"),
        Column("overall_status", _TEXT, f"Recruitment status: {_STATUS}"),
        Column("last_known_status", _TEXT, "Status before it became UNKNOWN; only with UNKNOWN."),
        Column("delayed_posting", _FLAG, "Results or device study posted with delay."),
        Column("why_stopped", _TEXT, f"Reason of a suspension, termination or withdrawal. {_REDACTED}"),
        Column("has_expanded_access", _FLAG, "Whether the drug is available outside the trial."),
        Column("expanded_access_nct_id", _TEXT, "The study of that expanded access."),
        Column("expanded_access_status", _TEXT, "Status of that expanded access study."),
        *_partial_struct("start_date", "First participant enrolled"),
        *_partial_struct("primary_completion_date", "Last data for the primary outcome collected"),
        *_partial_struct("completion_date", "Last participant's last visit"),
        Column("study_first_submit_date", _DATE, "First submission of the record."),
        Column("study_first_submit_qc_date", _DATE, "First submission that met quality control."),
        Column("study_first_post_date", _DATE, "First public posting of the record."),
        Column("results_waived", _FLAG, "The duty to post results was waived."),
        Column("results_first_submit_date", _DATE, "First submission of results."),
        Column(
            "results_first_submit_qc_date", _DATE, "First submission of results that met quality control."
        ),
        Column("results_first_post_date", _DATE, "First public posting of results."),
        Column("disp_first_submit_date", _DATE, "First request to delay the results."),
        Column("disp_first_submit_qc_date", _DATE, "First request to delay that met quality control."),
        Column("disp_first_post_date", _DATE, "First public posting of the delay."),
        Column("last_update_submit_date", _DATE, "Last submission of a change."),
        Column(
            "last_update_post_date", _DATE, "Last public posting of a change; the incremental window's date."
        ),
        Column("lead_sponsor_name", _TEXT, "Lead sponsor; [individual] where it is a person."),
        Column("lead_sponsor_class", _TEXT, f"Kind of lead sponsor: {_AGENCY}"),
        Column(
            "responsible_party_type",
            _TEXT,
            "Who answers for the record: SPONSOR, PRINCIPAL_INVESTIGATOR or SPONSOR_INVESTIGATOR.",
        ),
        Column("oversight_has_dmc", _FLAG, "A data monitoring committee oversees the study."),
        Column("is_fda_regulated_drug", _FLAG, "Studies a drug product that the US FDA regulates."),
        Column("is_fda_regulated_device", _FLAG, "Studies a device product that the US FDA regulates."),
        Column("is_unapproved_device", _FLAG, "The device is not approved or cleared by the US FDA."),
        Column("is_ppsd", _FLAG, "Pediatric postmarket surveillance of a device."),
        Column("is_us_export", _FLAG, "The product is made in the US and exported."),
        Column("fdaaa801_violation", _FLAG, "Violation of the duties under section 801 of FDAAA."),
        Column("brief_summary", _TEXT, f"What the study is about, in Markdown. {_REDACTED}"),
        Column("keywords", _TEXTS, f"Keywords of the sponsor. {_REDACTED}"),
        Column("study_type", _TEXT, "INTERVENTIONAL, OBSERVATIONAL or EXPANDED_ACCESS."),
        Column(
            "phases",
            _TEXTS,
            "NA, EARLY_PHASE1, PHASE1, PHASE2, PHASE3, PHASE4; two where the study combines them, null for "
            "observational studies and expanded access.",
        ),
        Column("expanded_access_types", _TEXTS, "INDIVIDUAL, INTERMEDIATE, TREATMENT."),
        Column("patient_registry", _FLAG, "The observational study is a patient registry."),
        Column("target_duration", _TEXT, "Follow-up of a registry, as text, e.g. 5 Years."),
        Column("allocation", _TEXT, "RANDOMIZED, NON_RANDOMIZED or NA."),
        Column("intervention_model", _TEXT, "SINGLE_GROUP, PARALLEL, CROSSOVER, FACTORIAL or SEQUENTIAL."),
        Column(
            "primary_purpose",
            _TEXT,
            "TREATMENT, PREVENTION, DIAGNOSTIC, ECT, SUPPORTIVE_CARE, SCREENING, HEALTH_SERVICES_RESEARCH, "
            "BASIC_SCIENCE, DEVICE_FEASIBILITY or OTHER.",
        ),
        Column(
            "observational_model",
            _TEXT,
            "COHORT, CASE_CONTROL, CASE_ONLY, CASE_CROSSOVER, ECOLOGIC_OR_COMMUNITY, FAMILY_BASED, "
            "DEFINED_POPULATION, NATURAL_HISTORY or OTHER.",
        ),
        Column("time_perspective", _TEXT, "RETROSPECTIVE, PROSPECTIVE, CROSS_SECTIONAL or OTHER."),
        Column("masking", _TEXT, "NONE, SINGLE, DOUBLE, TRIPLE or QUADRUPLE."),
        Column("who_masked", _TEXTS, "PARTICIPANT, CARE_PROVIDER, INVESTIGATOR, OUTCOMES_ASSESSOR."),
        Column(
            "enrollment_count",
            pa.int64(),
            "Participants, at least 0; null where the upstream states none or its sentinel 99999999.",
        ),
        Column("enrollment_type", _TEXT, "Whether enrollment_count is ACTUAL or ESTIMATED."),
        Column("sex", _TEXT, "Who may take part: FEMALE, MALE or ALL."),
        Column("gender_based", _FLAG, "Eligibility rests on gender as the participant sees it."),
        Column("minimum_age_text", _TEXT, "Minimum age as received, e.g. 18 Years or N/A."),
        Column("minimum_age_years", pa.float64(), "Minimum age in years of 365.25 days; null for none."),
        Column("maximum_age_text", _TEXT, "Maximum age as received, e.g. 6 Months or N/A."),
        Column("maximum_age_years", pa.float64(), "Maximum age in years of 365.25 days; null for none."),
        Column("std_ages", _TEXTS, "Age groups that may take part: CHILD, ADULT, OLDER_ADULT."),
        Column("healthy_volunteers", _FLAG, "Whether healthy people may take part."),
        Column("sampling_method", _TEXT, "PROBABILITY_SAMPLE or NON_PROBABILITY_SAMPLE (observational)."),
        Column("ipd_sharing", _TEXT, "Plan to share participants' data: YES, NO or UNDECIDED."),
        Column("has_results", _FLAG, "Whether results are posted."),
        Column("countries", _TEXTS, "Countries of the locations, each once, in order of appearance."),
        Column("n_conditions", _COUNT, "Number of conditions received.", required=True),
        Column("n_arms", _COUNT, "Number of arms or groups received.", required=True),
        Column(
            "n_interventions", _COUNT, "Number of interventions with a name, before splitting.", required=True
        ),
        Column("n_locations", _COUNT, "Number of locations received.", required=True),
        Column("n_primary_outcomes", _COUNT, "Number of primary outcomes received.", required=True),
        Column("n_secondary_outcomes", _COUNT, "Number of secondary outcomes received.", required=True),
        Column(
            "content_hash",
            _TEXT,
            "MD5 of the row's other values and of the study's rows in interventions, conditions, locations, sponsors "
            "and aliases, 32 hex digits. Equal hash, equal rows; what of a record has no column does not count.",
            required=True,
        ),
    ),
    serve=True,
    kind=("study_type",),
    covers=("interventions", "conditions", "locations", "sponsors", "aliases"),
)

INTERVENTIONS = Table(
    "interventions",
    "One row per intervention of a study, or one per substance where a combination could be split.",
    ("nct_id", "ordinal", "part"),
    (
        _NCT_ID,
        Column(
            "ordinal",
            _COUNT,
            "Position among the study's interventions that have a name, from 1.",
            required=True,
        ),
        Column(
            "part",
            _COUNT,
            "0 for the whole intervention; 1, 2, … for the parts of a split one.",
            required=True,
        ),
        Column(
            "type",
            _TEXT,
            "BEHAVIORAL, BIOLOGICAL, COMBINATION_PRODUCT, DEVICE, DIAGNOSTIC_TEST, DIETARY_SUPPLEMENT, DRUG, "
            "GENETIC, PROCEDURE, RADIATION or OTHER.",
        ),
        Column("name", _TEXT, f"Name of the whole intervention as received. {_REDACTED}"),
        Column("other_names", _TEXTS, f"Synonyms as received, of the whole intervention. {_REDACTED}"),
        Column("arm_group_labels", _TEXTS, f"Arms that get the intervention. {_REDACTED}"),
        Column(
            "is_placebo",
            _FLAG,
            "By its name a placebo, sham, dummy or vehicle, or saline that only placebo or sham arms get.",
            required=True,
        ),
        Column(
            "is_control",
            _FLAG,
            "A placebo, a control by its name (e.g. usual care or standard of care), or used only in arms of "
            "type PLACEBO_COMPARATOR, SHAM_COMPARATOR or NO_INTERVENTION.",
            required=True,
        ),
        Column(
            "clean_name",
            _TEXT,
            "The name without dose, route, form, brackets and marks, of this part; null where no name "
            "remains (placebo, control).",
        ),
        Column(
            "rule",
            _TEXT,
            "The rules that made clean_name, joined by +; none where the name was clean as received.",
            required=True,
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

CONDITIONS = Table(
    "conditions",
    "One row per condition or focus of a study.",
    ("nct_id", "ordinal"),
    (
        _NCT_ID,
        Column("ordinal", _COUNT, "Position in the study's list, from 1.", required=True),
        Column("condition", _TEXT, f"Condition as received. {_REDACTED}", required=True),
        Column(
            "normalized",
            _TEXT,
            "condition case-folded by Unicode's rules (lower case, but ß becomes ss) with single spaces, for grouping.",
            required=True,
        ),
        CONTENT_HASH,
    ),
    serve=True,
)

# Locations are by far the largest table and are rarely wanted row by row: readers of files have them, and
# studies.countries and studies.n_locations answer the common questions in SQL without a copy per promotion.
LOCATIONS = Table(
    "locations",
    "One row per location of a study.",
    ("nct_id", "ordinal"),
    (
        _NCT_ID,
        Column("ordinal", _COUNT, "Position in the study's list, from 1.", required=True),
        Column(
            "facility",
            _TEXT,
            f"Name of the facility. {_REDACTED} Institutions that bear a person's name keep it.",
        ),
        Column("status", _TEXT, f"Recruitment status of the location: {_STATUS}"),
        Column("city", _TEXT, "City."),
        Column("state", _TEXT, "State or province."),
        Column("zip", _TEXT, "Postal code."),
        Column("country", _TEXT, "Country, in English."),
        Column("lat", pa.float64(), "Latitude of the city in degrees, -90 to 90."),
        Column("lon", pa.float64(), "Longitude of the city in degrees, -180 to 180."),
        CONTENT_HASH,
    ),
    serve=False,
)

SPONSORS = Table(
    "sponsors",
    "One row per sponsor and collaborator of a study.",
    ("nct_id", "ordinal"),
    (
        _NCT_ID,
        Column(
            "ordinal",
            _COUNT,
            "0 for the lead sponsor, then the position among the collaborators.",
            required=True,
        ),
        Column("role", _TEXT, "LEAD or COLLABORATOR.", required=True),
        Column("name", _TEXT, "The organization; [individual] where the sponsor is a person."),
        Column("class", _TEXT, f"Kind of sponsor: {_AGENCY}"),
        CONTENT_HASH,
    ),
    serve=True,
)

ALIASES = Table(
    "aliases",
    "Obsolete ids and the study each of them stands for now.",
    ("alias_id",),
    (
        Column("alias_id", _TEXT, "An id that the study had before: NCT and eight digits.", required=True),
        _NCT_ID,
        CONTENT_HASH,
    ),
    serve=True,
)

REMOVALS = Table(
    "removals",
    "Studies that were published here once and are no longer in the upstream.",
    ("nct_id",),
    (
        Column("nct_id", _TEXT, "The study that is gone: NCT and eight digits.", required=True),
        Column("kind", _TEXT, "removed, or merged into another study.", required=True),
        Column("merged_into", _TEXT, "The study that replaces it; null for removed."),
        Column(
            "detected_at", _TEXT, "Data version of the upstream in which it was missed first.", required=True
        ),
        Column("last_update_post_date", _DATE, "last_update_post_date of the last content held here."),
        CONTENT_HASH,
    ),
    serve=True,
)

TABLES: tuple[Table, ...] = (
    STUDIES,
    INTERVENTIONS,
    CONDITIONS,
    LOCATIONS,
    SPONSORS,
    ALIASES,
    REMOVALS,
)
