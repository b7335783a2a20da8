"""One study as the upstream sends it, turned into rows of this source's tables. Pure: bytes in, rows out.

The known part of a record is projected into typed structs; a value of the wrong type, or one that cannot be,
is refused with its place in the record, so that the study goes to quarantine instead of a wrong value to a
table. What a contract in soda/ctgov blocks row by row is refused here already: one bad record must not hold
up the others. Parts of a record that are not known here are no error, and no change of a study.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa

from include.sources.ctgov import names, privacy
from include.sources.ctgov.people import Entry, Organization, is_individual, people
from include.sources.ctgov.tables import TABLES
from include.sources.parsing import lenient, may_hold_blank, partial_day, without_blank, without_nul

Row = tuple[Any, ...]
Reason = Literal["not_json", "too_deep", "no_nct_id", "bad_nct_id", "wrong_type", "impossible_value"]

ENROLLMENT_UNKNOWN = 99_999_999
"""What the upstream sends for an enrollment it does not know (docs/upstreams/ctgov.md)."""

CONTROL_ARMS = frozenset({"PLACEBO_COMPARATOR", "SHAM_COMPARATOR", "NO_INTERVENTION"})
_PLACEBO_ARMS = frozenset({"PLACEBO_COMPARATOR", "SHAM_COMPARATOR"})


class Refused(ValueError):
    """A record that cannot be trusted. `nct_id` is None where the record does not even tell whose it is."""

    def __init__(self, reason: Reason, detail: str, nct_id: str | None = None) -> None:
        super().__init__(f"{nct_id or 'a study'} is refused ({reason}): {detail}")
        self.reason: Reason = reason
        self.detail = detail
        self.nct_id = nct_id


@dataclass(frozen=True, slots=True)
class Nameless:
    """An intervention that does not say what it is: its position in the study's list, from 1, and what came."""

    position: int
    content: bytes


@dataclass(frozen=True, slots=True)
class ParsedStudy:
    """One study. `rows` holds, by table, tuples in the order of the table's columns but content_hash."""

    nct_id: str
    last_update_post_date: date | None
    withheld: bool
    aliases: tuple[str, ...]
    rows: dict[str, list[Row]]
    notes: tuple[str, ...] = ()
    """What had to be changed to be storable at all: `nul_removed`."""
    interventions: int = 0
    """How many it lists, with or without a name."""
    nameless: tuple[Nameless, ...] = ()
    """Interventions without a name, which are no rows."""


# --- The known part of a record ----------------------------------------------------------------------


class _Part(msgspec.Struct, rename="camel", gc=False):
    """A part of the record. Everything can be absent; an absent part reads as one with nothing in it."""


class _DateStruct(_Part):
    date: str | None = None
    type: str | None = None


class _OrgStudyId(_Part):
    id: str | None = None
    type: str | None = None


class _SecondaryId(_Part):
    id: str | None = None


class _Organization(_Part):
    full_name: str | None = None
    class_: str | None = msgspec.field(default=None, name="class")


class _Identification(_Part):
    nct_id: str | None = None
    nct_id_aliases: list[str] | None = None
    org_study_id_info: _OrgStudyId | None = None
    secondary_id_infos: list[_SecondaryId] | None = None
    organization: _Organization | None = None
    brief_title: str | None = None
    official_title: str | None = None
    acronym: str | None = None


class _ExpandedAccess(_Part):
    has_expanded_access: bool | None = None
    nct_id: str | None = None
    status_for_nct_id: str | None = None


class _Status(_Part):
    status_verified_date: str | None = None
    overall_status: str | None = None
    last_known_status: str | None = None
    delayed_posting: bool | None = None
    why_stopped: str | None = None
    expanded_access_info: _ExpandedAccess | None = None
    start_date_struct: _DateStruct | None = None
    primary_completion_date_struct: _DateStruct | None = None
    completion_date_struct: _DateStruct | None = None
    study_first_submit_date: str | None = None
    study_first_submit_qc_date: str | None = None
    study_first_post_date_struct: _DateStruct | None = None
    results_waived: bool | None = None
    results_first_submit_date: str | None = None
    results_first_submit_qc_date: str | None = None
    results_first_post_date_struct: _DateStruct | None = None
    disp_first_submit_date: str | None = None
    disp_first_submit_qc_date: str | None = None
    disp_first_post_date_struct: _DateStruct | None = None
    last_update_submit_date: str | None = None
    last_update_post_date_struct: _DateStruct | None = None


class _Sponsor(_Part):
    name: str | None = None
    class_: str | None = msgspec.field(default=None, name="class")


class _ResponsibleParty(_Part):
    type: str | None = None
    investigator_full_name: str | None = None
    investigator_affiliation: str | None = None
    old_name_title: str | None = None


class _Sponsors(_Part):
    lead_sponsor: _Sponsor | None = None
    collaborators: list[_Sponsor] | None = None
    responsible_party: _ResponsibleParty | None = None


class _Oversight(_Part):
    oversight_has_dmc: bool | None = None
    is_fda_regulated_drug: bool | None = None
    is_fda_regulated_device: bool | None = None
    is_unapproved_device: bool | None = None
    is_ppsd: bool | None = None
    is_us_export: bool | None = None
    fdaaa801_violation: bool | None = None


class _Description(_Part):
    brief_summary: str | None = None


class _Conditions(_Part):
    conditions: list[str] | None = None
    keywords: list[str] | None = None


class _ExpandedAccessTypes(_Part):
    individual: bool | None = None
    intermediate: bool | None = None
    treatment: bool | None = None


class _Masking(_Part):
    masking: str | None = None
    who_masked: list[str] | None = None


class _DesignInfo(_Part):
    allocation: str | None = None
    intervention_model: str | None = None
    primary_purpose: str | None = None
    observational_model: str | None = None
    time_perspective: str | None = None
    masking_info: _Masking | None = None


class _Enrollment(_Part):
    count: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    type: str | None = None


class _Design(_Part):
    study_type: str | None = None
    phases: list[str] | None = None
    expanded_access_types: _ExpandedAccessTypes | None = None
    patient_registry: bool | None = None
    target_duration: str | None = None
    design_info: _DesignInfo | None = None
    enrollment_info: _Enrollment | None = None


class _Arm(_Part):
    label: str | None = None
    type: str | None = None


class _Intervention(_Part):
    type: str | None = None
    name: str | None = None
    arm_group_labels: list[str] | None = None
    other_names: list[str] | None = None


class _ArmsInterventions(_Part):
    arm_groups: list[_Arm] | None = None
    interventions: list[_Intervention] | None = None


class _Outcome(_Part):
    """Outcomes are counted only."""


class _Outcomes(_Part):
    primary_outcomes: list[_Outcome] | None = None
    secondary_outcomes: list[_Outcome] | None = None


class _Eligibility(_Part):
    sex: str | None = None
    gender_based: bool | None = None
    minimum_age: str | None = None
    maximum_age: str | None = None
    std_ages: list[str] | None = None
    healthy_volunteers: bool | None = None
    sampling_method: str | None = None


class _Contact(_Part):
    """Read only to find the same person in the study's texts; never a row."""

    name: str | None = None
    title: str | None = None
    """The name of the contact for results."""
    role: str | None = None
    phone: str | None = None
    affiliation: str | None = None


class _GeoPoint(_Part):
    lat: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None


class _Location(_Part):
    facility: str | None = None
    status: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    contacts: list[_Contact] | None = None
    geo_point: _GeoPoint | None = None


class _ContactsLocations(_Part):
    central_contacts: list[_Contact] | None = None
    overall_officials: list[_Contact] | None = None
    locations: list[_Location] | None = None


class _IpdSharing(_Part):
    ipd_sharing: str | None = None


class _Protocol(_Part):
    identification_module: _Identification | None = None
    status_module: _Status | None = None
    sponsor_collaborators_module: _Sponsors | None = None
    oversight_module: _Oversight | None = None
    description_module: _Description | None = None
    conditions_module: _Conditions | None = None
    design_module: _Design | None = None
    arms_interventions_module: _ArmsInterventions | None = None
    outcomes_module: _Outcomes | None = None
    eligibility_module: _Eligibility | None = None
    contacts_locations_module: _ContactsLocations | None = None
    ipd_sharing_statement_module: _IpdSharing | None = None


class _MoreInfo(_Part):
    point_of_contact: _Contact | None = None


class _Results(_Part):
    more_info_module: _MoreInfo | None = None


class _Study(_Part):
    protocol_section: _Protocol | None = None
    results_section: _Results | None = None
    has_results: bool | None = None


# What an absent part reads as. Shared, therefore never changed.
_NO_DATE = _DateStruct()
_NO_IDENTIFICATION = _Identification()
_NO_ORG_STUDY_ID = _OrgStudyId()
_NO_ORGANIZATION = _Organization()
_NO_EXPANDED_ACCESS = _ExpandedAccess()
_NO_STATUS = _Status()
_NO_SPONSORS = _Sponsors()
_NO_SPONSOR = _Sponsor()
_NO_PARTY = _ResponsibleParty()
_NO_OVERSIGHT = _Oversight()
_NO_DESCRIPTION = _Description()
_NO_CONDITIONS = _Conditions()
_NO_DESIGN = _Design()
_NO_DESIGN_INFO = _DesignInfo()
_NO_MASKING = _Masking()
_NO_ENROLLMENT = _Enrollment()
_NO_ARMS = _ArmsInterventions()
_NO_OUTCOMES = _Outcomes()
_NO_ELIGIBILITY = _Eligibility()
_NO_SITES = _ContactsLocations()
_NO_GEO_POINT = _GeoPoint()
_NO_IPD_SHARING = _IpdSharing()
_NO_RESULTS = _Results()
_NO_MORE_INFO = _MoreInfo()

# --- Reading -----------------------------------------------------------------------------------------

_decode = msgspec.json.Decoder().decode
_encode_canonical = msgspec.json.Encoder(order="sorted").encode
_NCT_ID = re.compile(r"NCT[0-9]{8}")
_FIRST_ID = re.compile(rb'"identificationModule"\s*:\s*\{\s*"nctId"\s*:\s*"(NCT[0-9]{8})"')
_PARTIAL_DATES = frozenset(
    {"statusVerifiedDate", "startDateStruct", "primaryCompletionDateStruct", "completionDateStruct"}
)
_AGE = re.compile(
    r"\s*([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*(year|month|week|day|hour|minute)s?\s*", re.ASCII | re.IGNORECASE
)
_PER_YEAR = {
    "year": 1.0,
    "month": 12.0,
    "week": 365.25 / 7,
    "day": 365.25,
    "hour": 365.25 * 24,
    "minute": 365.25 * 24 * 60,
}


def parse(raw: bytes) -> ParsedStudy:
    """Turn one study (a JSON object of the API's `studies` list) into rows.

    Raises Refused, and nothing else, for a record that cannot be trusted.
    """
    try:
        tree = _decode(raw)
    except RecursionError:
        raise Refused("too_deep", "the record is nested too deeply to be a study", _told_id(raw)) from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise Refused("not_json", str(error), _told_id(raw)) from None
    nct_id = _claimed_id(tree)
    try:
        return _read(tree, nct_id, odd_text=b"\\u0000" in raw or may_hold_blank(raw))
    except msgspec.ValidationError as error:
        reason: Reason = "impossible_value" if ">=" in str(error) or "<=" in str(error) else "wrong_type"
        raise Refused(reason, str(error), nct_id) from None
    except RecursionError:
        raise Refused("too_deep", "the record is nested too deeply to be a study", nct_id) from None
    except _NoDateError as error:
        text = str(error)
        detail = f"{text[:40]!r} is no date - at `{_place_of(text, tree)}`"
        raise Refused("impossible_value", detail, nct_id) from None


def _told_id(raw: bytes) -> str | None:
    """The id of a record that cannot be decoded; of one that was cut off, where it stands first as it does upstream."""
    found = _FIRST_ID.search(raw)
    return _claimed_id(lenient(raw)) or (found[1].decode() if found else None)


def _claimed_id(tree: Any) -> str | None:
    """The well-formed id of a record that may be broken elsewhere."""
    for key in ("protocolSection", "identificationModule", "nctId"):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) and _NCT_ID.fullmatch(tree) else None


def _read(tree: Any, nct_id: str | None, *, odd_text: bool) -> ParsedStudy:
    storable = without_nul(tree) if odd_text else tree
    notes = ("nul_removed",) if storable != tree else ()
    record = msgspec.convert(storable, _Study)
    if odd_text:
        record = without_blank(record)
    study = record.protocol_section or _Protocol()
    claimed = study.identification_module.nct_id if study.identification_module else None
    if claimed is None:
        raise Refused("no_nct_id", "the record has no protocolSection.identificationModule.nctId")
    if nct_id is None:
        raise Refused("bad_nct_id", f"nctId is {claimed[:40]!r}, not NCT and eight digits")
    arms = study.arms_interventions_module or _NO_ARMS
    nameless = _take_out_nameless(arms, tree)
    _hide_people(study, record.results_section or _NO_RESULTS)
    status = study.status_module or _NO_STATUS
    aliases = _aliases(nct_id, study)
    return ParsedStudy(
        nct_id=nct_id,
        last_update_post_date=_day((status.last_update_post_date_struct or _NO_DATE).date),
        withheld=status.overall_status == "WITHHELD",
        aliases=aliases,
        rows={
            "studies": [_study_row(nct_id, study, record.has_results)],
            "interventions": _intervention_rows(nct_id, arms),
            "conditions": _condition_rows(nct_id, study.conditions_module or _NO_CONDITIONS),
            "locations": _location_rows(nct_id, study.contacts_locations_module or _NO_SITES),
            "sponsors": _sponsor_rows(nct_id, study.sponsor_collaborators_module or _NO_SPONSORS),
            "aliases": [alias(alias_id, nct_id) for alias_id in aliases],
        },
        notes=notes,
        interventions=len(arms.interventions or ()) + len(nameless),
        nameless=nameless,
    )


def _take_out_nameless(module: _ArmsInterventions, tree: Any) -> tuple[Nameless, ...]:
    """Leave the interventions that have a name in the record, and return the others as received."""
    given = list(enumerate(module.interventions or ()))
    if all(one.name for _, one in given):
        return ()
    module.interventions = [one for _, one in given if one.name]
    received = tree["protocolSection"]["armsInterventionsModule"]["interventions"]
    return tuple(
        Nameless(number + 1, _encode_canonical(received[number])) for number, one in given if not one.name
    )


def _place_of(text: str, tree: Any) -> str:
    """Where the text that is no date stands in the record, as msgspec writes paths."""
    for key, value in tree["protocolSection"]["statusModule"].items():
        is_struct = isinstance(value, dict)
        if text != (value.get("date") if is_struct else value):
            continue
        try:
            (_partial_day if key in _PARTIAL_DATES else _day)(text)
        except _NoDateError:
            return f"$.protocolSection.statusModule.{key}{'.date' if is_struct else ''}"
    return "$.protocolSection.statusModule"


# --- Values ------------------------------------------------------------------------------------------


class _NoDateError(ValueError):
    """Text that is no date."""


@lru_cache(maxsize=1 << 15)
def _day(text: str | None) -> date | None:
    day, _, precision = _partial_day(text)
    if precision not in {None, "day"}:
        raise _NoDateError(text)
    return day


@lru_cache(maxsize=1 << 15)
def _partial_day(text: str | None) -> tuple[date | None, str | None, str | None]:
    """The first day of what the text names, the text itself, and how exact it is."""
    if text is None:
        return None, None, None
    try:
        day, precision = partial_day(text)
    except ValueError:
        raise _NoDateError(text) from None
    return day, text, precision


@lru_cache(maxsize=1 << 12)
def _years(text: str | None) -> float | None:
    """An age in years; None for N/A and for text that states none."""
    match = _AGE.fullmatch(text) if text else None
    return float(match[1]) / _PER_YEAR[match[2].lower()] if match else None


# --- People ------------------------------------------------------------------------------------------

# Every text that becomes a column: (field, kind of text) by struct. Kinds are methods of privacy.Redactor.
_IDENTIFICATION_TEXTS = (("brief_title", "text"), ("official_title", "text"), ("acronym", "label"))
_STATUS_TEXTS = (("why_stopped", "text"),)
_DESCRIPTION_TEXTS = (("brief_summary", "text"),)
_DESIGN_TEXTS = (("target_duration", "text"),)
_CONDITION_TEXTS = (("conditions", "label"), ("keywords", "label"))
_ID_TEXTS = (("id", "identifier"),)
_NAME_TEXTS = (("name", "text"),)
_ORGANIZATION_TEXTS = (("full_name", "text"),)
_INTERVENTION_TEXTS = (("name", "label"), ("other_names", "label"), ("arm_group_labels", "label"))
_ARM_TEXTS = (("label", "label"),)
_LOCATION_TEXTS = (("facility", "text"), ("city", "place"), ("state", "place"))

_Holder = tuple[_Part, tuple[tuple[str, str], ...]]
_INVESTIGATORS = frozenset({"PRINCIPAL_INVESTIGATOR", "SUB_INVESTIGATOR"})
"""Roles of contacts and officials that only persons have."""


def _hide_people(study: _Protocol, results: _Results) -> None:
    """Take private data out of every text that becomes a column (see privacy.py)."""
    identification = study.identification_module or _Identification()
    sponsors = study.sponsor_collaborators_module or _Sponsors()
    organization = identification.organization or _Organization()
    lead = sponsors.lead_sponsor or _Sponsor()
    agencies = [lead, *(sponsors.collaborators or ())]
    party = sponsors.responsible_party or _NO_PARTY
    contacts = _contacts(study.contacts_locations_module or _NO_SITES, results)
    organizations = [
        Organization(name, agency_class)
        for name, agency_class in (
            (organization.full_name, organization.class_),
            *((agency.name, agency.class_) for agency in agencies),
            *((contact.affiliation, None) for contact in contacts),
            (party.investigator_affiliation, None),
        )
        if name
    ]
    sites = study.contacts_locations_module or _NO_SITES
    other_names = [*((study.conditions_module or _NO_CONDITIONS).conditions or ()), *_cities(sites)]
    named = people(_entries(contacts, party), organizations, other_names)

    investigator = party.investigator_full_name or party.old_name_title
    in_person = party.type == "SPONSOR_INVESTIGATOR" and investigator is None
    individuals = []
    for agency in agencies:
        if agency.name and is_individual(
            agency.name, agency.class_, named, in_person=in_person and agency is lead
        ):
            individuals.append(agency.name)
            agency.name = privacy.INDIVIDUAL
    if organization.full_name and is_individual(organization.full_name, organization.class_, named):
        organization.full_name = privacy.INDIVIDUAL

    holders = [
        *_holders(study, identification, agencies, organization),
        *(
            (location, _LOCATION_TEXTS)
            for location in (study.contacts_locations_module or _NO_SITES).locations or ()
        ),
    ]
    phones = [contact.phone for contact in contacts if contact.phone]
    _redact(holders, privacy.Redactor([*named, *people(map(Entry, individuals))], phones))


def _cities(sites: _ContactsLocations) -> set[str]:
    return {place for at in sites.locations or () for place in (at.city, at.state, at.country) if place}


def _contacts(sites: _ContactsLocations, results: _Results) -> list[_Contact]:
    """Whom the record names as contacts and officials."""
    contacts = [*(sites.central_contacts or ()), *(sites.overall_officials or ())]
    for location in sites.locations or ():
        if location.contacts:
            contacts += location.contacts
    for_results = (results.more_info_module or _NO_MORE_INFO).point_of_contact
    return contacts if for_results is None else [*contacts, for_results]


def _entries(contacts: list[_Contact], party: _ResponsibleParty) -> Iterator[Entry]:
    """The names that a record gives, those of investigators marked."""
    for contact in contacts:
        if name := contact.name or contact.title:
            yield Entry(name, contact.role in _INVESTIGATORS)
    for name in (party.investigator_full_name, party.old_name_title):
        if name:
            yield Entry(name, is_investigator=True)


def _holders(
    study: _Protocol,
    identification: _Identification,
    agencies: list[_Sponsor],
    organization: _Organization,
) -> Iterable[_Holder]:
    yield identification, _IDENTIFICATION_TEXTS
    yield organization, _ORGANIZATION_TEXTS
    yield identification.org_study_id_info or _NO_ORG_STUDY_ID, _ID_TEXTS
    for other in identification.secondary_id_infos or ():
        yield other, _ID_TEXTS
    if study.status_module is not None:
        yield study.status_module, _STATUS_TEXTS
    if study.description_module is not None:
        yield study.description_module, _DESCRIPTION_TEXTS
    if study.design_module is not None:
        yield study.design_module, _DESIGN_TEXTS
    if study.conditions_module is not None:
        yield study.conditions_module, _CONDITION_TEXTS
    for agency in agencies:
        yield agency, _NAME_TEXTS
    module = study.arms_interventions_module
    if module is not None:
        for arm in module.arm_groups or ():
            yield arm, _ARM_TEXTS
        for intervention in module.interventions or ():
            yield intervention, _INTERVENTION_TEXTS


def _redact(holders: list[_Holder], redactor: privacy.Redactor) -> None:
    texts: list[str] = []
    for holder, fields in holders:
        for field, _ in fields:
            value = getattr(holder, field)
            if isinstance(value, str):
                texts.append(value)
            elif value is not None:
                texts += value
    if not redactor.suspects("\n".join(texts)):  # most studies
        return
    for holder, fields in holders:
        for field, kind in fields:
            value, hide = getattr(holder, field), getattr(redactor, kind)
            if isinstance(value, str):
                setattr(holder, field, hide(value))
            elif value is not None:
                setattr(holder, field, list(map(hide, value)))


# --- Rows --------------------------------------------------------------------------------------------


def _aliases(nct_id: str, study: _Protocol) -> tuple[str, ...]:
    aliases = (study.identification_module or _NO_IDENTIFICATION).nct_id_aliases or []
    for alias in aliases:
        if not _NCT_ID.fullmatch(alias):
            raise Refused("bad_nct_id", f"alias {alias[:40]!r} is not NCT and eight digits", nct_id)
    return tuple(alias for alias in dict.fromkeys(aliases) if alias != nct_id)


def _condition_rows(nct_id: str, module: _Conditions) -> list[Row]:
    return [
        (nct_id, ordinal, condition, " ".join(condition.casefold().split()))
        for ordinal, condition in enumerate(module.conditions or (), 1)
    ]


def _location_rows(nct_id: str, module: _ContactsLocations) -> list[Row]:
    rows: list[Row] = []
    for ordinal, at in enumerate(module.locations or (), 1):
        geo = at.geo_point or _NO_GEO_POINT
        rows.append(
            (
                nct_id,
                ordinal,
                at.facility,
                at.status,
                at.city,
                at.state,
                at.zip,
                at.country,
                geo.lat,
                geo.lon,
            )
        )
    return rows


def _sponsor_rows(nct_id: str, sponsors: _Sponsors) -> list[Row]:
    rows: list[Row] = []
    if sponsors.lead_sponsor is not None:
        rows.append((nct_id, 0, "LEAD", sponsors.lead_sponsor.name, sponsors.lead_sponsor.class_))
    for ordinal, one in enumerate(sponsors.collaborators or (), 1):
        rows.append((nct_id, ordinal, "COLLABORATOR", one.name, one.class_))
    return rows


def _intervention_rows(nct_id: str, module: _ArmsInterventions) -> list[Row]:
    arm_types = {arm.label: arm.type for arm in module.arm_groups or ()}
    rows: list[Row] = []
    for ordinal, one in enumerate(module.interventions or (), 1):
        types = {arm_types.get(label) for label in one.arm_group_labels or ()}
        in_control_arms = bool(types) and types <= CONTROL_ARMS
        in_placebo_arms = bool(types) and types <= _PLACEBO_ARMS
        assert one.name is not None, "those without a name were taken out"
        cleaned = names.clean(one.name, one.type)
        split = len(cleaned.parts) > 1
        for number, part in enumerate(cleaned.parts, 1):
            is_placebo = part.is_placebo or (
                in_placebo_arms and part.clean_name is not None and names.is_inert(part.clean_name)
            )
            rows.append(
                (
                    nct_id,
                    ordinal,
                    number if split else 0,
                    one.type,
                    one.name,
                    one.other_names or None,
                    one.arm_group_labels or None,
                    is_placebo,
                    is_placebo or in_control_arms or part.is_control,
                    part.clean_name,
                    "+".join(part.rules) or "none",
                )
            )
    return rows


def _study_row(nct_id: str, study: _Protocol, has_results: bool | None) -> Row:
    """The row of `studies`, in the order of its columns."""
    identification = study.identification_module or _NO_IDENTIFICATION
    organization = identification.organization or _NO_ORGANIZATION
    org_study_id = identification.org_study_id_info or _NO_ORG_STUDY_ID
    status = study.status_module or _NO_STATUS
    expanded = status.expanded_access_info or _NO_EXPANDED_ACCESS
    start = status.start_date_struct or _NO_DATE
    primary_completion = status.primary_completion_date_struct or _NO_DATE
    completion = status.completion_date_struct or _NO_DATE
    first_post = status.study_first_post_date_struct or _NO_DATE
    results_post = status.results_first_post_date_struct or _NO_DATE
    disp_post = status.disp_first_post_date_struct or _NO_DATE
    last_post = status.last_update_post_date_struct or _NO_DATE
    sponsors = study.sponsor_collaborators_module or _NO_SPONSORS
    lead = sponsors.lead_sponsor or _NO_SPONSOR
    party = sponsors.responsible_party or _NO_PARTY
    oversight = study.oversight_module or _NO_OVERSIGHT
    description = study.description_module or _NO_DESCRIPTION
    conditions = study.conditions_module or _NO_CONDITIONS
    design = study.design_module or _NO_DESIGN
    info = design.design_info or _NO_DESIGN_INFO
    masking = info.masking_info or _NO_MASKING
    enrollment = design.enrollment_info or _NO_ENROLLMENT
    arms = study.arms_interventions_module or _NO_ARMS
    eligibility = study.eligibility_module or _NO_ELIGIBILITY
    outcomes = study.outcomes_module or _NO_OUTCOMES
    locations = (study.contacts_locations_module or _NO_SITES).locations or ()
    sharing = study.ipd_sharing_statement_module or _NO_IPD_SHARING
    return (
        nct_id,
        org_study_id.id,
        org_study_id.type,
        [other.id for other in identification.secondary_id_infos or () if other.id is not None] or None,
        identification.brief_title,
        identification.official_title,
        identification.acronym,
        organization.full_name,
        organization.class_,
        status.overall_status == "WITHHELD",
        *_partial_day(status.status_verified_date),
        status.overall_status,
        status.last_known_status,
        status.delayed_posting,
        status.why_stopped,
        expanded.has_expanded_access,
        expanded.nct_id,
        expanded.status_for_nct_id,
        *_partial_day(start.date),
        start.type,
        *_partial_day(primary_completion.date),
        primary_completion.type,
        *_partial_day(completion.date),
        completion.type,
        _day(status.study_first_submit_date),
        _day(status.study_first_submit_qc_date),
        _day(first_post.date),
        status.results_waived,
        _day(status.results_first_submit_date),
        _day(status.results_first_submit_qc_date),
        _day(results_post.date),
        _day(status.disp_first_submit_date),
        _day(status.disp_first_submit_qc_date),
        _day(disp_post.date),
        _day(status.last_update_submit_date),
        _day(last_post.date),
        lead.name,
        lead.class_,
        party.type,
        oversight.oversight_has_dmc,
        oversight.is_fda_regulated_drug,
        oversight.is_fda_regulated_device,
        oversight.is_unapproved_device,
        oversight.is_ppsd,
        oversight.is_us_export,
        oversight.fdaaa801_violation,
        description.brief_summary,
        conditions.keywords or None,
        design.study_type,
        design.phases or None,
        _expanded_access_types(design.expanded_access_types),
        design.patient_registry,
        design.target_duration,
        info.allocation,
        info.intervention_model,
        info.primary_purpose,
        info.observational_model,
        info.time_perspective,
        masking.masking,
        masking.who_masked or None,
        None if enrollment.count == ENROLLMENT_UNKNOWN else enrollment.count,
        enrollment.type,
        eligibility.sex,
        eligibility.gender_based,
        eligibility.minimum_age,
        _years(eligibility.minimum_age),
        eligibility.maximum_age,
        _years(eligibility.maximum_age),
        eligibility.std_ages or None,
        eligibility.healthy_volunteers,
        eligibility.sampling_method,
        sharing.ipd_sharing,
        has_results,
        list(dict.fromkeys(at.country for at in locations if at.country)) or None,
        len(conditions.conditions or ()),
        len(arms.arm_groups or ()),
        len(arms.interventions or ()),
        len(locations),
        len(outcomes.primary_outcomes or ()),
        len(outcomes.secondary_outcomes or ()),
    )


def _expanded_access_types(types: _ExpandedAccessTypes | None) -> list[str] | None:
    if types is None:
        return None
    named = (
        ("INDIVIDUAL", types.individual),
        ("INTERMEDIATE", types.intermediate),
        ("TREATMENT", types.treatment),
    )
    return [name for name, given in named if given] or None


def alias(alias_id: str, nct_id: str) -> Row:
    """A row of `aliases`, in the order of its columns but content_hash."""
    return (alias_id, nct_id)


def removal(
    nct_id: str,
    kind: Literal["removed", "merged"],
    merged_into: str | None,
    detected_at: str,
    last_update_post_date: date | None,
) -> Row:
    """A row of `removals`, in the order of its columns."""
    return (nct_id, kind, merged_into, detected_at, last_update_post_date)


class Batch:
    """Rows of some thousand studies, made into Arrow tables column by column."""

    __slots__ = ("_rows", "_seen")

    def __init__(self) -> None:
        self._rows: dict[str, list[Row]] = {table.name: [] for table in TABLES}
        self._seen: set[str] = set()

    def __len__(self) -> int:
        """How many distinct studies the batch holds."""
        return len(self._seen)

    def add(self, parsed: ParsedStudy) -> bool:
        """Take the rows of a study; False, and nothing taken, where the batch holds the study already."""
        if parsed.nct_id in self._seen:
            return False
        self._seen.add(parsed.nct_id)
        for name, rows in parsed.rows.items():
            self._rows[name] += rows
        return True

    def to_tables(self) -> dict[str, pa.Table]:
        """One Arrow table for each table of the source, rows in the order they came."""
        return {table.name: _arrow(self._rows[table.name], table.values) for table in TABLES}


def _arrow(rows: list[Row], schema: pa.Schema) -> pa.Table:
    if not rows:
        return schema.empty_table()
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
