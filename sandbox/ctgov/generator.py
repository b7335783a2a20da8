# ruff: noqa: PLR2004  (bare numbers are shares of 65,536)
"""Writes the JSON of one study, as a pure function of the corpus row and (seed, index).

Each module of a study draws from its own stream of random numbers, so that a single module can be written
without the others (`fields=`) and an edit in one leaves every other byte as it was. Distributions are those
of docs/upstreams/ctgov.md; a study at index i always has the same persons, interventions and places, whatever the
data version.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from hashlib import shake_128
from itertools import product
from typing import Any, NamedTuple

import msgspec

from sandbox.ctgov import corpus as c
from sandbox.ctgov import vocabulary as v
from sandbox.ctgov.blocks import Blocks, Person, blocks
from sandbox.ctgov.corpus import Corpus, edits
from sandbox.ctgov.fields import Mask, mask_of, project

DEFAULT_MEAN_BYTES = 17_000
_FIXED_BYTES = 7_380  # a study whose texts and lists are as short as they get
_BULK_BYTES = 9_320  # what they add on the average at bulk 1

_STREAM_LENGTH = 20
_STREAMS = (
    "core", "identification", "status", "sponsor", "design", "arms", "descriptions", "conditions", "outcomes",
    "eligibility", "places", "references", "results", "derived", *(f"name {part}" for part in range(11)),
)  # fmt: skip
_STREAM = {name: number * _STREAM_LENGTH for number, name in enumerate(_STREAMS)}
_NAME_STREAM = _STREAM["name 0"]

_encoder = msgspec.json.Encoder()
Draws = Sequence[int]
"""Random numbers below 65,536; a test like d[3] < 10_000 is true for 10,000 / 65,536 of the studies."""


def _table(shares: dict[Any, float]) -> tuple[Any, ...]:
    """4,096 entries in proportion to the shares, so that 12 random bits make a weighted choice."""
    total, reached = sum(shares.values()), 0.0
    entries: list[Any] = []
    for value, share in shares.items():
        reached += share / total * 4096
        entries += [value] * (round(reached) - len(entries))
    return tuple(entries)


# docs/upstreams/ctgov.md. Phases are shares of interventional studies (NA 234,433, two phases 24,549 of 460,000).
_PHASES = _table(
    {
        ("NA",): 50.9,
        ("EARLY_PHASE1",): 1.2,
        ("PHASE1",): 10.4,
        ("PHASE2",): 14.5,
        ("PHASE3",): 9.8,
        ("PHASE4",): 7.9,
        ("PHASE1", "PHASE2"): 3.2,
        ("PHASE2", "PHASE3"): 2.1,
    }
)
_INTERVENTION_COUNTS = _table(
    {0: 6.2, 1: 49.0, 2: 26.5, 3: 9.2, 4: 4.2, 5: 1.9, 6: 1.0, 7: 0.6, 8: 0.5, 9: 0.3, 10: 0.2, 11: 0.2}
)
_INTERVENTION_TYPES = _table(
    {
        "DRUG": 42,
        "DEVICE": 21,
        "OTHER": 13,
        "PROCEDURE": 8,
        "BEHAVIORAL": 7,
        "BIOLOGICAL": 3.4,
        "DIAGNOSTIC_TEST": 1.8,
        "DIETARY_SUPPLEMENT": 1.2,
        "RADIATION": 1.0,
        "COMBINATION_PRODUCT": 0.6,
        "GENETIC": 0.4,
    }
)
_DRUG_NAME_FORMS = _table(
    {
        "plain": 52,
        "Placebo": 8.6,
        "placebo": 1,
        "placebo_form": 5.4,
        "brackets": 6.5,
        "route": 7,
        "dose": 5,
        "and": 2.5,
        "plus": 2,
        "code": 10,
    }
)
_TYPE_LABELS = {kind: kind.replace("_", " ").title() for kind in set(_INTERVENTION_TYPES)}
_MASKED = ("PARTICIPANT", "INVESTIGATOR", "OUTCOMES_ASSESSOR", "CARE_PROVIDER")
_ARM_TYPES = (
    "EXPERIMENTAL", "PLACEBO_COMPARATOR", "ACTIVE_COMPARATOR", "NO_INTERVENTION", "SHAM_COMPARATOR", "OTHER",
)  # fmt: skip
_UNKNOWN_WAS = ("RECRUITING", "NOT_YET_RECRUITING", "ACTIVE_NOT_RECRUITING", "ENROLLING_BY_INVITATION")
_LAST_DAY = date(2100, 12, 31).toordinal()
_STOPPED = ("TERMINATED", "WITHDRAWN", "SUSPENDED")
_SEEKING = ("RECRUITING", "NOT_YET_RECRUITING")


class Study:
    """One study while it is being written: its row, its random numbers, and what several modules mention."""

    def __init__(self, corpus: Corpus, index: int, bulk: float) -> None:
        self.corpus = corpus
        self.index = index
        self.bulk = bulk
        self.row = corpus.row(index)
        self.nct_id = corpus.nct_id(index)
        self.status = c.STATUSES[self.row.status]
        self.withheld = self.row.status == c.WITHHELD
        key = f"{corpus.seed} {index}".encode()
        self._draws = memoryview(shake_128(key).digest(2 * _STREAM_LENGTH * len(_STREAMS))).cast("H")
        self.core = core = self.draws("core")
        self.accented = core[0] < 0.67 * 65536
        self.blocks: Blocks = blocks(self.accented)
        finished = self.row.study_type == c.INTERVENTIONAL and self.status in ("COMPLETED", "TERMINATED")
        self.has_results = finished and core[1] < 0.285 * 65536
        sponsors = self.blocks.sponsors
        self.sponsor = sponsors[core[14] % len(sponsors)]
        self.conditions = _conditions_of(self)
        self.arms = _arm_labels_of(self)
        count = _INTERVENTION_COUNTS[core[7] & 4095] + self.edits("interventions")
        self.interventions = [_intervention(self, part) for part in range(min(11, count))]
        subject = self.interventions[0]["name"] if self.interventions else "Outcomes"
        self.lead = f"{subject} in {self.conditions[0]}"

    def draws(self, stream: str) -> Draws:
        """20 random numbers below 65,536 that belong to this study and stream alone."""
        start = _STREAM[stream]
        return self._draws[start : start + _STREAM_LENGTH]

    def name_draws(self, part: int) -> Draws:
        """The stream of intervention number `part`."""
        start = _NAME_STREAM + part * _STREAM_LENGTH
        return self._draws[start : start + _STREAM_LENGTH]

    def edits(self, kind: str) -> int:
        return edits(self.index, self.row.revision, kind) if self.row.revision else 0

    def person(self, draw: int) -> Person:
        return self.blocks.persons[draw % len(self.blocks.persons)]

    def amount(self, mean: float, draw: int) -> int:
        """A number of list entries or sentences around `mean` at bulk 1, up to 2.4 times as many."""
        share = draw / 65536
        return int(mean * self.bulk * (0.3 + 2.1 * share * share))


def _conditions_of(study: Study) -> list[str]:
    choices, d = study.blocks.conditions, study.core
    if d[2] > 22_000:
        return [choices[d[3] % len(choices)]]
    count = 2 + (d[2] < 8_000) + (d[2] < 2_500)
    return list(dict.fromkeys([choices[d[3 + k] % len(choices)] for k in range(count)]))


def _arm_labels_of(study: Study) -> list[str]:
    d = study.draws("arms")
    count = (0, 1, 1, 2, 2, 2, 2, 3)[d[0] & 7]
    return list(dict.fromkeys([v.ARM_LABELS[d[1 + k] % len(v.ARM_LABELS)] for k in range(count)]))


# --- names of interventions


def _drug(first: int, second: int, biological: bool) -> str:
    """A drug's name: one of four is widely known, the others are put together from syllables."""
    if first & 3 == 0 and not biological:
        return v.KNOWN_DRUGS[(first >> 2) % len(v.KNOWN_DRUGS)]
    endings = v.BIOLOGICAL_ENDINGS if biological else v.DRUG_ENDINGS
    onset = v.DRUG_ONSETS[(first >> 2) % len(v.DRUG_ONSETS)]
    return (
        onset + v.DRUG_MIDDLES[(second >> 5) % len(v.DRUG_MIDDLES)] + endings[second % len(endings)]
    ).capitalize()


def _code(first: int, second: int) -> str:
    return f"{v.CODE_LETTERS[first % len(v.CODE_LETTERS)]}-{100 + second % 9000}"


def _drug_name(study: Study, d: Draws, biological: bool) -> str:
    form = _DRUG_NAME_FORMS[d[1] & 4095]
    if form in ("Placebo", "placebo"):
        return str(form)
    drug = _drug(d[2], d[3], biological)
    match form:
        case "placebo_form":
            return v.PLACEBO_FORMS[d[6] % len(v.PLACEBO_FORMS)].format(drug=drug)
        case "brackets":
            bracket = v.BRACKETS[d[6] % len(v.BRACKETS)]
            return f"{drug} {bracket.format(code=_code(d[7], d[8]), other=_drug(d[4], d[5], biological))}"
        case "route":
            return f"{drug} {v.ROUTES_AND_FORMS[d[6] % len(v.ROUTES_AND_FORMS)]}"
        case "dose":
            return f"{drug} {study.blocks.doses[d[6] % len(study.blocks.doses)]}"
        case "and":
            return f"{drug} {'and' if d[6] & 3 else 'with'} {_drug(d[4], d[5], biological)}"
        case "plus":
            return f"{drug}{' + ' if d[6] & 1 else '+'}{_drug(d[4], d[5], biological)}"
        case "code":
            return _code(d[7], d[8])
    return drug


class Substance(NamedTuple):
    """What a drug or biological of a study truly is, whatever its name says beside it.

    name: as in the intervention's name, without dose, form or brackets; codes: research codes that the
    intervention gives for it; other_names: its other names but for codes.
    """

    name: str
    biological: bool
    is_code: bool
    codes: tuple[str, ...]
    other_names: tuple[str, ...]


def substances(study: Study) -> list[Substance]:
    """The substances of a study's drugs and biologicals, in order; a placebo is none."""
    found: list[Substance] = []
    for part, intervention in enumerate(study.interventions):
        if intervention["type"] in ("DRUG", "BIOLOGICAL"):
            found += _substances(study.name_draws(part), intervention)
    return found


def _substances(d: Draws, intervention: dict[str, Any]) -> list[Substance]:
    form, biological = _DRUG_NAME_FORMS[d[1] & 4095], intervention["type"] == "BIOLOGICAL"
    others = intervention.get("otherNames", ())
    code = _code(d[7], d[8])
    in_name = (code,) if form == "brackets" and code in intervention["name"] else ()
    match form:
        case "Placebo" | "placebo" | "placebo_form":
            names: tuple[str, ...] = ()
        case "code":
            names = (code,)
        case "and" | "plus":
            names = (_drug(d[2], d[3], biological), _drug(d[4], d[5], biological))
        case _:
            names = (_drug(d[2], d[3], biological),)
    return [
        Substance(name, biological, form == "code", (*in_name, *others[1:]), tuple(others[:1]))
        for name in names
    ]


def _practice_name(kind: str, d: Draws) -> str:
    kinds = v.PRACTICE_KINDS[kind]
    name = kinds[d[2] % len(kinds)]
    if d[3] & 7:
        name = f"{v.PRACTICE_QUALITIES[d[4] % len(v.PRACTICE_QUALITIES)]} {name}"
    if d[3] & 56:
        name = f"{name} {v.PRACTICE_TARGETS[d[5] % len(v.PRACTICE_TARGETS)]}"
    if kind in ("DEVICE", "PROCEDURE", "OTHER", "RADIATION") and d[6] < 5_000:
        name = v.SHAM_FORMS[d[7] % len(v.SHAM_FORMS)].format(name)
    return name


def _intervention(study: Study, part: int) -> dict[str, Any]:
    d = study.name_draws(part)
    kind = _INTERVENTION_TYPES[d[0] & 4095]
    is_drug = kind in ("DRUG", "BIOLOGICAL")
    name = _drug_name(study, d, kind == "BIOLOGICAL") if is_drug else _practice_name(kind, d)
    intervention: dict[str, Any] = {"type": kind, "name": name}
    if d[10] < 56_000:
        remarks = study.blocks.remarks
        intervention["description"] = remarks[d[11] % len(remarks)]
    if study.arms:
        intervention["armGroupLabels"] = [study.arms[part % len(study.arms)]]
    if d[12] < 10_000:
        intervention["otherNames"] = [_drug(d[13], d[14], False), _code(d[15], d[16])][: 1 + (d[12] & 1)]
    return intervention


# --- modules of the protocol section


def _identification(study: Study) -> dict[str, Any]:
    if study.withheld:
        return _withheld_identification(study)
    d = study.draws("identification")
    module: dict[str, Any] = {"nctId": study.nct_id}
    if aliases := study.corpus.aliases(study.index):
        module["nctIdAliases"] = aliases
    module["orgStudyIdInfo"] = {"id": f"{v.CODE_LETTERS[d[0] % 16]}-{d[1] % 97}-{d[2]:05d}"}
    if d[3] < 10_000:
        module["secondaryIdInfos"] = [
            {"id": f"20{d[4] % 27:02d}-5{d[5]:05d}-{d[6] % 90}", "type": "EUDRACT_NUMBER"},
            {"id": _code(d[7], d[8]), "type": "OTHER", "domain": study.sponsor["name"]},
        ][: 1 + (d[3] & 1)]
    module["organization"] = {"fullName": study.sponsor["name"], "class": study.sponsor["class"]}
    module["briefTitle"] = f"{'' if d[9] & 3 else 'A Study of '}{study.lead}"
    if d[10] < 63_000:
        design = "Open-label" if d[11] & 1 else "Randomized, Double-blind"
        dash = "–" if study.accented else "-"  # noqa: RUF001
        module["officialTitle"] = f"A {design} Trial {dash} {study.lead} {v.PRACTICE_TARGETS[d[12] % 20]}"
    if d[13] < 17_000:
        module["acronym"] = v.ACRONYM_PARTS[d[14] % 13] + v.ACRONYM_PARTS[d[15] % 13]
    return module


def _withheld_identification(study: Study) -> dict[str, Any]:
    if study.row.last_update == c.MISSING:
        return {"nctId": study.nct_id}
    return {
        "nctId": study.nct_id,
        "orgStudyIdInfo": {"id": "[Redacted]"},
        "briefTitle": "[Trial of device that is not approved or cleared by the U.S. FDA]",
    }


@lru_cache(maxsize=65_536)
def _iso(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def _date(ordinal: int, actual: bool | None, month_only: bool = False) -> dict[str, str]:
    """A date struct; `actual` None leaves the type out."""
    text = _iso(ordinal)[:7] if month_only else _iso(ordinal)
    if actual is None:
        return {"date": text}
    return {"date": text, "type": "ACTUAL" if actual else "ESTIMATED"}


def _post_date(study: Study, ordinal: int) -> dict[str, str]:
    return _date(ordinal, ordinal >= c.TYPES_ARE_ACTUAL_SINCE or study.row.confirmed)


def _status(study: Study) -> dict[str, Any]:
    row, d = study.row, study.draws("status")
    if study.withheld:
        module: dict[str, Any] = {"overallStatus": study.status}
        if row.last_update != c.MISSING:
            module["studyFirstPostDateStruct"] = _post_date(study, row.first_post)
            module["lastUpdatePostDateStruct"] = _post_date(study, row.last_update)
        return module
    module = {"statusVerifiedDate": _iso(row.last_update)[:7], "overallStatus": study.status}
    if study.status == "UNKNOWN":
        module["lastKnownStatus"] = _UNKNOWN_WAS[d[0] & 3]
    if study.status in _STOPPED and d[1] < 56_000:
        module["whyStopped"] = _why_stopped(study, d)
    module["expandedAccessInfo"] = {"hasExpandedAccess": d[2] < 700}
    if row.start != c.MISSING:
        today = row.last_update
        end = min(row.start + 60 + study.core[8] // 30, _LAST_DAY)
        primary = row.start + (end - row.start) * (50 + d[3] % 51) // 100
        old = row.start_month_only and row.first_post < c.TYPES_ARE_ACTUAL_SINCE
        module["startDateStruct"] = _date(
            row.start, None if old else row.start <= today, row.start_month_only
        )
        module["primaryCompletionDateStruct"] = _date(primary, primary <= today, d[4] < 0.27 * 65536)
        module["completionDateStruct"] = _date(end, end <= today, d[5] < 0.27 * 65536)
    module["studyFirstSubmitDate"] = _iso(row.first_post - 6 - d[6] % 20)
    module["studyFirstSubmitQcDate"] = _iso(row.first_post - 4)
    module["studyFirstPostDateStruct"] = _post_date(study, row.first_post)
    if study.has_results:
        posted = row.first_post + (row.last_update - row.first_post) * (60 + d[7] % 40) // 100
        module["resultsFirstSubmitDate"] = _iso(posted - 30)
        module["resultsFirstSubmitQcDate"] = _iso(posted - 5)
        module["resultsFirstPostDateStruct"] = _post_date(study, posted)
    module["lastUpdateSubmitDate"] = _iso(row.last_update - 3)
    module["lastUpdatePostDateStruct"] = _post_date(study, row.last_update)
    return module


def _why_stopped(study: Study, d: Draws) -> str:
    reason = v.WHY_STOPPED[d[8] % len(v.WHY_STOPPED)]
    if d[9] >= 5_000:
        return reason
    person = study.person(d[10])
    return f"{reason}. The investigator, {person.name}, has left ({person.mail})."


def _sponsor(study: Study) -> dict[str, Any]:
    d, words = study.draws("sponsor"), study.blocks
    party: Any = {"type": "SPONSOR"}
    if (caller := _whom_to_call(study)) is not None:
        party = {"type": "PRINCIPAL_INVESTIGATOR", "investigatorFullName": caller.name}
    elif d[1] < 32_000:
        party = words.parties[d[0] % len(words.parties)]
    module: dict[str, Any] = {"responsibleParty": party, "leadSponsor": study.sponsor}
    if d[2] < 22_000:
        module["collaborators"] = words.collaborators.array(d[3], 1 + (d[2] & 1))
    return module


def _oversight(study: Study) -> dict[str, Any] | None:
    draw = study.core[9]
    if draw < 3_000:
        return None
    module = {"oversightHasDmc": bool(draw & 1)}
    if draw & 6:
        module |= {"isFdaRegulatedDrug": bool(draw & 8), "isFdaRegulatedDevice": not draw & 24}
    return module


def _whom_to_call(study: Study) -> Person | None:
    """Whom a summary names: the investigator of the study."""
    d = study.draws("descriptions")
    return study.person(d[1]) if d[0] < 2_000 else None


def _description(study: Study) -> dict[str, Any]:
    d, words = study.draws("descriptions"), study.blocks
    lead = f"This study looks at {study.lead}."
    if amended := study.edits("summary"):
        lead += f" Amendment {amended} is in force."
    if (person := _whom_to_call(study)) is not None:
        lead += f" Call Dr. {person.surname} at {person.phone} or write to {person.mail}."
    module = {"briefSummary": words.sentences.text(lead, d[2], 2 + d[3] % 7)}
    if d[4] < 43_000:
        module["detailedDescription"] = words.paragraphs.text("Background.", d[5], study.amount(7, d[6]))
    return module


def _conditions(study: Study) -> dict[str, Any]:
    d = study.draws("conditions")
    module: dict[str, Any] = {"conditions": study.conditions}
    if d[0] < 44_000:
        module["keywords"] = study.blocks.keywords.array(d[1], 1 + d[0] % 6)
    return module


def _design_info(masking: str, allocation: str, model: str, purpose: str) -> msgspec.Raw:
    info: dict[str, Any] = {"masking": masking}
    if masked := {"SINGLE": 1, "DOUBLE": 2, "TRIPLE": 3, "QUADRUPLE": 4}.get(masking):
        info["whoMasked"] = _MASKED[:masked]
    design = {
        "allocation": allocation,
        "interventionModel": model,
        "primaryPurpose": purpose,
        "maskingInfo": info,
    }
    return msgspec.Raw(_encoder.encode(design))


_DESIGNS = [
    _design_info(*choice)
    for choice in product(
        ("NONE", "NONE", "NONE", "SINGLE", "DOUBLE", "TRIPLE", "QUADRUPLE"),
        ("RANDOMIZED", "RANDOMIZED", "NON_RANDOMIZED", "NA"),
        ("PARALLEL", "PARALLEL", "SINGLE_GROUP", "CROSSOVER"),
        ("TREATMENT", "TREATMENT", "PREVENTION", "SUPPORTIVE_CARE"),
    )
]


def _design(study: Study) -> dict[str, Any]:
    d, row = study.draws("design"), study.row
    module: dict[str, Any] = {
        "studyType": ("INTERVENTIONAL", "OBSERVATIONAL", "EXPANDED_ACCESS")[row.study_type]
    }
    if row.study_type == c.INTERVENTIONAL:
        module["phases"] = list(_PHASES[d[0] & 4095])
        module["designInfo"] = _DESIGNS[d[1] % len(_DESIGNS)]
    elif row.study_type == c.OBSERVATIONAL:
        module["patientRegistry"] = d[5] < 12_000
        module["designInfo"] = {
            "observationalModel": ("COHORT", "COHORT", "CASE_CONTROL", "CASE_ONLY")[d[6] & 3],
            "timePerspective": ("PROSPECTIVE", "RETROSPECTIVE", "CROSS_SECTIONAL", "OTHER")[d[7] & 3],
        }
        if d[5] < 12_000:
            module["targetDuration"] = f"{1 + d[8] % 10} Years"
    else:
        module["expandedAccessTypes"] = {"individual": True}
    if row.enrollment != c.MISSING:
        module["enrollmentInfo"] = {"count": row.enrollment}
        if d[9] > 1_000:
            module["enrollmentInfo"]["type"] = "ESTIMATED" if study.status in _SEEKING else "ACTUAL"
    return module


def _arms(study: Study) -> dict[str, Any] | None:
    d, remarks = study.draws("arms"), study.blocks.remarks
    groups = []
    for k, label in enumerate(study.arms):
        group: dict[str, Any] = {"label": label}
        if study.row.study_type == c.INTERVENTIONAL:
            group["type"] = _ARM_TYPES[0 if k == 0 else d[4 + k] % len(_ARM_TYPES)]
        group["description"] = remarks[d[8 + k] % len(remarks)]
        names = [
            f"{_TYPE_LABELS[intervention['type']]}: {intervention['name']}"
            for intervention in study.interventions[k :: len(study.arms)]
        ]
        if names:
            group["interventionNames"] = names
        groups.append(group)
    module: dict[str, Any] = {}
    if groups:
        module["armGroups"] = groups
    if study.interventions:
        module["interventions"] = study.interventions
    return module or None


def _outcomes(study: Study) -> dict[str, Any] | None:
    d, outcomes = study.draws("outcomes"), study.blocks.outcomes
    if d[0] < 1_300:
        return None
    module = {"primaryOutcomes": outcomes.array(d[1], 1 + d[2] % 2)}
    if secondary := study.amount(7, d[3]):
        module["secondaryOutcomes"] = outcomes.array(d[4], secondary)
    return module


def _eligibility(study: Study) -> dict[str, Any]:
    d = study.draws("eligibility")
    age = 18 if d[0] & 3 else d[0] % 17
    sign = "≥" if study.accented else "at least"
    lead = f"Inclusion and exclusion criteria:\n\n* Age {sign} {age} years\n"
    module: dict[str, Any] = {
        "eligibilityCriteria": study.blocks.criteria.text(lead, d[1], 4 + study.amount(24, d[2])),
        "healthyVolunteers": d[3] < 16_000,
        "sex": ("FEMALE", "MALE", "ALL", "ALL", "ALL", "ALL", "ALL", "ALL")[d[4] & 7],
    }
    if age:
        module["minimumAge"] = f"{age} Years"
    if d[5] < 32_000:
        module["maximumAge"] = f"{65 + d[6] % 30} Years"
    module["stdAges"] = ["ADULT", "OLDER_ADULT"] if age == 18 else ["CHILD", "ADULT", "OLDER_ADULT"]
    if study.row.study_type == c.OBSERVATIONAL:
        module["studyPopulation"] = study.blocks.sentences.text("Community sample.", d[7], 1)
        module["samplingMethod"] = "NON_PROBABILITY_SAMPLE" if d[8] & 3 else "PROBABILITY_SAMPLE"
    return module


def _places(study: Study) -> dict[str, Any] | None:
    d, words = study.draws("places"), study.blocks
    module: dict[str, Any] = {}
    if study.status in _SEEKING:
        module["centralContacts"] = words.contacts.array(d[0], 1 + (d[1] & 1))
    if d[2] < 44_000:
        module["overallOfficials"] = words.officials.array(d[3], 1 + (d[4] < 6_000))
    count = 0 if d[5] < 6_500 else 1 if d[5] < 42_000 else 1 + _tail(d[6], d[7], 5, 1.35, 1_200)
    count += study.edits("locations")
    if count:
        places = words.recruiting_locations if study.status == "RECRUITING" else words.locations
        module["locations"] = places.array(d[8], count)
    return module or None


def _tail(high: int, low: int, scale: float, weight: float, most: int) -> int:
    """A number with a long tail (Lomax): mean about scale / (weight - 1), never above `most`."""
    share = (high * 65536 + low + 1) / 2**32
    return min(most, int(scale * (share ** (-1 / weight) - 1)))


def _references(study: Study) -> dict[str, Any] | None:
    d = study.draws("references")
    if d[0] > 21_000:
        return None
    return {"references": study.blocks.references.array(d[1], 1 + d[2] % 6)}


def _ipd(study: Study) -> dict[str, Any] | None:
    draw = study.core[10]
    if draw < 20_000:
        return None
    module: dict[str, Any] = {"ipdSharing": ("NO", "NO", "UNDECIDED", "YES")[draw & 3]}
    if draw & 4:
        module["description"] = study.blocks.sentences.text("Data are shared on request.", draw, 1)
    return module


# --- the other sections


def _results(study: Study) -> dict[str, Any]:
    d, words = study.draws("results"), study.blocks
    events = 10 + int(study.bulk * _tail(d[0], d[1], 45, 1.45, 9_000))
    person = study.person(d[2])
    return {
        "participantFlowModule": words.flows[d[3] % len(words.flows)],
        "baselineCharacteristicsModule": words.baselines[d[4] % len(words.baselines)],
        "outcomeMeasuresModule": {"outcomeMeasures": words.measures.array(d[5], 1 + study.amount(8, d[6]))},
        "adverseEventsModule": {
            "frequencyThreshold": "5",
            "timeFrame": "1 year",
            "eventGroups": words.event_groups[d[7] % len(words.event_groups)],
            "seriousEvents": words.events.array(d[8], 1 + events // 3),
            "otherEvents": words.events.array(d[9], events),
        },
        "moreInfoModule": {
            "certainAgreement": {"piSponsorEmployee": bool(d[10] & 1)},
            "pointOfContact": {
                "title": person.name,
                "organization": study.sponsor["name"],
                "email": person.mail,
                "phone": person.phone,
            },
        },
    }


def _annotation(study: Study) -> dict[str, Any]:
    event = {"type": "RELEASE", "date": _iso(study.row.last_update - 40)}
    unposted = {"unpostedResponsibleParty": study.sponsor["name"], "unpostedEvents": [event]}
    return {"annotationModule": {"unpostedAnnotation": unposted}}


def _documents(study: Study) -> dict[str, Any]:
    name = "Prot_SAP_000.pdf"
    document = {
        "typeAbbrev": "Prot_SAP",
        "hasProtocol": True,
        "hasSap": True,
        "hasIcf": False,
        "label": "Study Protocol and Statistical Analysis Plan",
        "date": _iso(study.row.first_post),
        "uploadDate": f"{_iso(study.row.last_update)}T08:15",
        "filename": name,
        "size": 100_000 + study.core[11],
    }
    return {"largeDocumentModule": {"largeDocs": [document]}}


def _browse_module(start: int, count: int, rotation: int) -> msgspec.Raw:
    """Terms the server derives; `rotation` changes their order and the wording of the first."""
    terms = [{"id": key, "term": term} for key, term in (v.BROWSE_TERMS * 2)[start : start + count]]
    leaves = [{"id": f"M{term['id'][-4:]}", "name": term["term"], "relevance": "LOW"} for term in terms]
    found = terms[0]["term"]
    leaves[0] |= {"asFound": found.lower() if rotation else found, "relevance": "HIGH"}
    module = {
        "meshes": terms[:1],
        "ancestors": terms[1:],
        "browseLeaves": leaves[rotation:] + leaves[:rotation],
        "browseBranches": [{"abbrev": "BC01", "name": terms[-1]["term"]}, {"abbrev": "All", "name": "All"}],
    }
    return msgspec.Raw(_encoder.encode(module))


_BROWSE_MODULES = {
    (start, count, rotation): _browse_module(start, count, rotation)
    for start in range(len(v.BROWSE_TERMS))
    for count in range(3, 6)
    for rotation in range(count)
}


def _derived(study: Study) -> dict[str, Any]:
    section: dict[str, Any] = {"miscInfoModule": {"versionHolder": study.corpus.data_date.isoformat()}}
    if study.withheld:
        return section
    d = study.draws("derived")
    order = study.corpus.browse_rotation(study.index)
    section["conditionBrowseModule"] = _BROWSE_MODULES[d[0] % len(v.BROWSE_TERMS), *order]
    if study.interventions and d[1] < 40_000:
        section["interventionBrowseModule"] = _BROWSE_MODULES[d[2] % len(v.BROWSE_TERMS), *order]
    return section


_Module = Callable[[Study], dict[str, Any] | None]
_PROTOCOL: dict[str, _Module] = {
    "identificationModule": _identification,
    "statusModule": _status,
    "sponsorCollaboratorsModule": _sponsor,
    "oversightModule": _oversight,
    "descriptionModule": _description,
    "conditionsModule": _conditions,
    "designModule": _design,
    "armsInterventionsModule": _arms,
    "outcomesModule": _outcomes,
    "eligibilityModule": _eligibility,
    "contactsLocationsModule": _places,
    "referencesModule": _references,
    "ipdSharingStatementModule": _ipd,
}
_WITHHELD_PROTOCOL: dict[str, _Module] = {"identificationModule": _identification, "statusModule": _status}


def _protocol(study: Study, wanted: Mask) -> dict[str, Any]:
    modules = _WITHHELD_PROTOCOL if study.withheld else _PROTOCOL
    return {
        name: module
        for name, write in modules.items()
        if (not wanted or name in wanted) and (module := write(study))
    }


_ID_ONLY = mask_of(["NCTId"])
_ID_AND_DATE = mask_of(["NCTId", "LastUpdatePostDate"])


class Generator:
    """Writes studies of a corpus at its current data version.

    mean_bytes: the mean size of a study's JSON, from about 7,400 on; moves the length of texts, criteria,
    outcomes and results, not the number of interventions or places.
    """

    def __init__(self, corpus: Corpus, mean_bytes: int = DEFAULT_MEAN_BYTES) -> None:
        self._corpus = corpus
        self._bulk = max(0.0, (mean_bytes - _FIXED_BYTES) / _BULK_BYTES)

    def encode(self, index: int, mask: Mask | None = None) -> bytes:
        """The JSON of study `index`, one line; with a mask only the fields in it."""
        if not mask:
            return _encoder.encode(self._write(index, {}))
        if mask in (_ID_ONLY, _ID_AND_DATE):
            return self._encode_key(index, dated=mask == _ID_AND_DATE)
        whole = msgspec.json.decode(_encoder.encode(self._write(index, mask)))
        return _encoder.encode(project(whole, mask))

    def study(self, index: int) -> dict[str, Any]:
        """The same as dictionaries, lists, strings, numbers and booleans."""
        return dict(msgspec.json.decode(self.encode(index)))

    def _encode_key(self, index: int, dated: bool) -> bytes:
        """What a list of all ids asks for, without writing the study: 600,000 of these are one crawl."""
        sections: dict[str, Any] = {"identificationModule": {"nctId": self._corpus.nct_id(index)}}
        updated = self._corpus.row(index).last_update
        if dated and updated != c.MISSING:
            sections["statusModule"] = {"lastUpdatePostDateStruct": {"date": _iso(updated)}}
        return _encoder.encode({"protocolSection": sections})

    def _write(self, index: int, mask: Mask) -> dict[str, Any]:
        study = Study(self._corpus, index, self._bulk)
        sections: dict[str, Any] = {}
        if not mask or "protocolSection" in mask:
            sections["protocolSection"] = _protocol(study, mask.get("protocolSection", {}))
        if study.has_results and (not mask or "resultsSection" in mask):
            sections["resultsSection"] = _results(study)
        if study.core[12] < 330 and not study.withheld:
            sections["annotationSection"] = _annotation(study)
        if study.has_results and study.core[13] < 24_000:
            sections["documentSection"] = _documents(study)
        if not mask or "derivedSection" in mask:
            sections["derivedSection"] = _derived(study)
        sections["hasResults"] = study.has_results
        return sections
