"""One study as the upstream sends it, turned into rows of this source's tables. Pure: bytes in, rows out.

The known part of a record is projected into typed structs; a value of the wrong type, or one that cannot be, is
refused with its place in the record, so that the study goes to quarantine instead of a wrong value to a table.
What a contract in soda/ctgov blocks row by row is refused here already: one bad record must not hold up the others.
Parts of a record that are not known here are no error, but they count for the content hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
import pyarrow as pa

from include.sources.ctgov import names, privacy
from include.sources.ctgov.tables import TABLES

Row = tuple[Any, ...]
Reason = Literal["not_json", "too_deep", "no_nct_id", "bad_nct_id", "wrong_type", "impossible_value"]

ENROLLMENT_UNKNOWN = 99_999_999
"""What the upstream sends for an enrollment it does not know (contract section A, study shape)."""

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
class ParsedStudy:
    """One study. `rows` holds, by table, tuples in the order of the table's columns."""

    nct_id: str
    last_update_post_date: date | None
    withheld: bool
    aliases: tuple[str, ...]
    content_hash: str
    rows: dict[str, list[Row]]
    notes: tuple[str, ...] = ()
    """What was changed to be storable at all: `nul_removed`."""


# --- The known part of a record -------------------------------------------------------------------------------


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
    phone: str | None = None
    email: str | None = None
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


class _Study(_Part):
    protocol_section: _Protocol | None = None
    has_results: bool | None = None


_NO_DATE = _DateStruct()
_NO_ORG_STUDY_ID = _OrgStudyId()
_NO_EXPANDED_ACCESS = _ExpandedAccess()
_NO_OVERSIGHT = _Oversight()
_NO_DESIGN_INFO = _DesignInfo()
_NO_MASKING = _Masking()
_NO_ENROLLMENT = _Enrollment()
_NO_ELIGIBILITY = _Eligibility()
_NO_IPD_SHARING = _IpdSharing()
_NO_OUTCOMES = _Outcomes()
_NO_GEO_POINT = _GeoPoint()

# --- Reading --------------------------------------------------------------------------------------------------

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_encode_canonical = msgspec.json.Encoder(order="sorted").encode
_NCT_ID = re.compile(r"NCT[0-9]{8}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PARTIAL = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
_AGE = re.compile(r"([0-9]{1,6}) (Year|Month|Week|Day|Hour|Minute)s?")
_PER_YEAR = {
    "Year": 1.0,
    "Month": 12.0,
    "Week": 365.25 / 7,
    "Day": 365.25,
    "Hour": 365.25 * 24,
    "Minute": 365.25 * 24 * 60,
}
_PRECISION: dict[int, str] = {4: "year", 7: "month", 10: "day"}


def parse(raw: bytes) -> ParsedStudy:
    """Turn one study (a JSON object of the API's `studies` list) into rows.

    Raises Refused, and nothing else, for a record that cannot be trusted.
    """
    try:
        tree = _decode(raw)
    except RecursionError:
        raise Refused("too_deep", "the record is nested too deeply to be a study") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise Refused("not_json", str(error)) from None
    nct_id = _claimed_id(tree)
    try:
        return _read(tree, nct_id, has_nul=b"\\u0000" in raw)
    except msgspec.ValidationError as error:
        reason: Reason = "impossible_value" if ">=" in str(error) or "<=" in str(error) else "wrong_type"
        raise Refused(reason, str(error), nct_id) from None
    except RecursionError:
        raise Refused("too_deep", "the record is nested too deeply to be a study", nct_id) from None
    except _NoDateError as error:
        text = str(error)
        detail = f"{text[:40]!r} is no date - at `{_place_of(text, tree, '$')}`"
        raise Refused("impossible_value", detail, nct_id) from None
    except UnicodeEncodeError as error:
        raise Refused("impossible_value", f"text that is no valid Unicode: {error.reason}", nct_id) from None


def _claimed_id(tree: Any) -> str | None:
    """The well-formed id of a record that may be broken elsewhere."""
    for key in ("protocolSection", "identificationModule", "nctId"):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) and _NCT_ID.fullmatch(tree) else None


def _read(tree: Any, nct_id: str | None, *, has_nul: bool) -> ParsedStudy:
    protocol = msgspec.convert(_without_nul(tree) if has_nul else tree, _Study)
    section = protocol.protocol_section or _Protocol()
    identification = section.identification_module or _Identification()
    if identification.nct_id is None:
        raise Refused("no_nct_id", "the record has no protocolSection.identificationModule.nctId")
    if nct_id is None:
        raise Refused("bad_nct_id", f"nctId is {identification.nct_id[:40]!r}, not NCT and eight digits")
    content_hash = _content_hash(tree)
    return _rows(nct_id, content_hash, section, identification, protocol.has_results, has_nul)


def _without_nul(value: Any) -> Any:
    """PostgreSQL and most readers cannot hold U+0000 in text; it carries no meaning."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nul(item) for key, item in value.items()}
    return value


def content_hash(raw: bytes) -> str:
    """The change hash of a study: BLAKE2b-128, 32 hex digits (contract section A, step 6).

    Equal for any order of keys and any whitespace, without derivedSection and without `type` in date structs;
    any other difference changes it. Raises Refused where the record is not JSON.
    """
    try:
        return _content_hash(_decode(raw))
    except (RecursionError, msgspec.MsgspecError, ValueError) as error:
        raise Refused("not_json", str(error)) from None


def _content_hash(tree: Any) -> str:
    """As content_hash. Takes the parts that do not count out of the tree."""
    if isinstance(tree, dict):
        tree.pop("derivedSection", None)
        _drop_date_types(tree)
    return hashlib.blake2b(_encode_canonical(tree), digest_size=16).hexdigest()


def _drop_date_types(section: dict[str, Any]) -> None:
    """Date structs stand in the status module; nothing else in a record has such a name (checked on metadata)."""
    protocol = section.get("protocolSection")
    status = protocol.get("statusModule") if isinstance(protocol, dict) else None
    if isinstance(status, dict):
        for key, value in status.items():
            if key.endswith("DateStruct") and isinstance(value, dict):
                value.pop("type", None)


def _place_of(text: str, value: Any, path: str) -> str | None:
    """Where the text stands in the record, as msgspec writes paths."""
    if value == text:
        return path
    items: Iterator[tuple[str, Any]] = iter(())
    if isinstance(value, dict):
        items = ((f"{path}.{key}", item) for key, item in value.items())
    elif isinstance(value, list):
        items = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    return next((found for place, item in items if (found := _place_of(text, item, place))), None)


def _row_hash(row: Row) -> str:
    return hashlib.blake2b(_encode(row), digest_size=16).hexdigest()


# --- Values ---------------------------------------------------------------------------------------------------


class _NoDateError(ValueError):
    """Text that is no date."""


@lru_cache(maxsize=1 << 15)
def _day(text: str | None) -> date | None:
    if text is None:
        return None
    if not _DAY.fullmatch(text):
        raise _NoDateError(text)
    return _checked_day(text, text)


@lru_cache(maxsize=1 << 15)
def _partial_day(text: str | None) -> tuple[date | None, str | None, str | None]:
    """The first day of what the text names, the text itself, and how exact it is."""
    if text is None:
        return None, None, None
    if not _PARTIAL.fullmatch(text):
        raise _NoDateError(text)
    return _checked_day(text + "-01-01"[len(text) - 4 :], text), text, _PRECISION[len(text)]


def _checked_day(day: str, received: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise _NoDateError(received) from None


@lru_cache(maxsize=1 << 12)
def _years(text: str | None) -> float | None:
    """An age in years; None for N/A and for text that states none."""
    match = _AGE.fullmatch(text) if text else None
    return int(match[1]) / _PER_YEAR[match[2]] if match else None


# --- People ---------------------------------------------------------------------------------------------------


def _hide_people(study: _Protocol, identification: _Identification, sponsors: _Sponsors) -> None:
    """Take private data out of every text that becomes a column (see privacy.py)."""
    sites = study.contacts_locations_module or _ContactsLocations()
    locations = sites.locations or ()
    contacts = [*(sites.central_contacts or ()), *(sites.overall_officials or ())]
    for location in locations:
        if location.contacts:
            contacts += location.contacts
    party = sponsors.responsible_party or _ResponsibleParty()
    lead = sponsors.lead_sponsor
    agencies = [*(sponsors.collaborators or ())]
    if lead is not None:
        agencies.append(lead)
    organization = identification.organization

    people = privacy.NOBODY
    if contacts or party.investigator_full_name or party.old_name_title:
        known = [agency.name for agency in agencies if agency.class_ in privacy.INSTITUTIONAL and agency.name]
        if organization and organization.full_name and organization.class_ in privacy.INSTITUTIONAL:
            known.append(organization.full_name)
        people = privacy.People(
            [
                name
                for name in (
                    *(contact.name for contact in contacts),
                    party.investigator_full_name,
                    party.old_name_title,
                )
                if name
            ],
            known + [contact.affiliation for contact in contacts if contact.affiliation],
            [text for contact in contacts for text in (contact.phone, contact.email) if text],
        )

    sponsor_investigator = party.type == "SPONSOR_INVESTIGATOR"
    for agency in agencies:
        if agency.name and privacy.is_individual(
            agency.name,
            agency.class_,
            people,
            sponsor_investigator=sponsor_investigator and agency is lead,
        ):
            agency.name = privacy.INDIVIDUAL
    if (
        organization
        and organization.full_name
        and privacy.is_individual(organization.full_name, organization.class_, people)
    ):
        organization.full_name = privacy.INDIVIDUAL
