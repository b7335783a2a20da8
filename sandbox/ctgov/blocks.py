"""Prebuilt pieces of study JSON, so that a study costs a few slices and not thousands of small dictionaries.

Most bytes of a study are lists that no query looks into: locations, outcomes, criteria, adverse events. They
are written once per process, side by side in rings; a study takes a run of neighbours, which is one slice.
There are two sets, one in pure ASCII and one with accents and symbols: 67 % of real studies hold non-ASCII
text.
"""

import functools
import random
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from sandbox.ctgov import vocabulary as v

_encode = msgspec.json.encode

_SPONSOR_CLASSES = {
    "OTHER": 67,
    "INDUSTRY": 24,
    "OTHER_GOV": 3.5,
    "NIH": 1.8,
    "FED": 1.2,
    "NETWORK": 1.2,
    "INDIV": 1.0,
    "UNKNOWN": 0.3,
}
_ORGANIZATION_FORMS = {
    "INDUSTRY": v.COMPANY_FORMS,
    "OTHER_GOV": v.AGENCY_FORMS,
    "NIH": v.AGENCY_FORMS,
    "FED": v.AGENCY_FORMS,
    "NETWORK": v.NETWORK_FORMS,
}


class Ring:
    """JSON fragments in one byte string; any number of neighbours is one slice, going round at the end."""

    def __init__(self, fragments: Sequence[bytes], separator: bytes) -> None:
        self._joined = memoryview(b"".join(fragment + separator for fragment in fragments))
        self._starts = [0, *accumulate(len(fragment) + len(separator) for fragment in fragments)]
        self._separator = len(separator)
        self._count = len(fragments)

    def array(self, start: int, count: int) -> msgspec.Raw:
        """A JSON array of `count` fragments from number `start` on."""
        return self._between(b"[", start, count, b"]")

    def text(self, lead: str, start: int, count: int) -> msgspec.Raw:
        """A JSON string: `lead` and then `count` fragments, which are escaped text."""
        return self._between(_encode(lead)[:-1], start, count, b'"')

    def _between(self, before: bytes, start: int, count: int, after: bytes) -> msgspec.Raw:
        if count <= 0:
            return msgspec.Raw(before + after)
        start %= self._count
        end = start + count
        if end <= self._count:
            run = self._joined[self._starts[start] : self._starts[end] - self._separator]
            return msgspec.Raw(b"".join((before, run, after)))
        rounds, rest = divmod(end, self._count)
        pieces = [self._joined[self._starts[start] :], *[self._joined] * (rounds - 1)]
        run = memoryview(b"".join((*pieces, self._joined[: self._starts[rest]])))
        return msgspec.Raw(b"".join((before, run[: len(run) - self._separator], after)))


class Person(NamedTuple):
    """Somebody invented; see vocabulary.person_traces."""

    name: str
    surname: str
    phone: str
    mail: str


class Blocks:
    """The rings and word lists of one set; see the module's docstring."""

    def __init__(self, accented: bool) -> None:
        self.accented = accented
        self._random = random.Random(f"blocks {accented}")
        self.stems = v.ORGANIZATION_STEMS + (v.ACCENTED_ORGANIZATION_STEMS if accented else ())
        self.conditions = (
            v.COMMON_CONDITIONS * 3
            + tuple(f"{site} {kind}" for site in v.CONDITION_SITES for kind in v.CONDITION_KINDS)
            + (v.ACCENTED_CONDITIONS * 4 if accented else ())
        )
        self.doses = v.DOSES + (v.ACCENTED_DOSES if accented else ())
        self.persons = [self._person() for _ in range(300)]

        sentences = [self._sentence() for _ in range(200)]
        self.sentences = Ring([_escaped(" " + sentence) for sentence in sentences], b"")
        self.paragraphs = Ring(
            [_escaped("\n\n" + " ".join(self._some(sentences, 2, 5))) for _ in range(150)], b""
        )
        criteria = v.CRITERIA + (v.ACCENTED_CRITERIA if accented else ())
        self.criteria = Ring(
            [_escaped(self._numbered(criteria)) for _ in range(199)]
            + [_escaped(f"* Screening visit agreed with {self._one(self.persons).name}")],
            b"\\n",
        )
        self.remarks = self._choices(lambda: " ".join(self._some(sentences, 1, 3)), 200)
        self.sponsors = [self._sponsor() for _ in range(500)]
        self.collaborators = self._objects(self._sponsor, 300)
        self.parties = self._choices(self._responsible_party, 400)
        self.keywords = Ring([_encode(word) for word in v.KEYWORDS], b",")
        self.locations = self._objects(self._location, 400)
        self.recruiting_locations = self._objects(lambda: self._location() | {"status": "RECRUITING"}, 200)
        self.contacts = self._objects(lambda: self._contact("CONTACT"), 150)
        self.officials = self._objects(self._official, 200)
        self.outcomes = self._objects(self._outcome, 240)
        self.references = self._objects(self._reference, 120)
        self.flows = self._choices(self._flow, 40)
        self.baselines = self._choices(self._baseline, 40)
        self.measures = self._objects(self._measure, 80)
        self.events = self._objects(self._event, 300)
        self.event_groups = self._choices(self._event_groups, 40)

    # --- drawing

    def _one(self, choices: Sequence[Any]) -> Any:
        return self._random.choice(choices)

    def _some(self, choices: Sequence[Any], least: int, most: int) -> list[Any]:
        return self._random.sample(choices, self._random.randint(least, most))

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _number(self, most: int) -> int:
        return self._random.randint(1, most)

    def _objects(self, make: Callable[[], Any], count: int) -> Ring:
        return Ring([_encode(make()) for _ in range(count)], b",")

    def _choices(self, make: Callable[[], Any], count: int) -> list[msgspec.Raw]:
        return [msgspec.Raw(_encode(make())) for _ in range(count)]

    def _numbered(self, templates: Sequence[str]) -> str:
        """A template with invented numbers in it."""
        n = self._number(30)
        return str(self._one(templates)).format(n=n, m=n + self._number(40), k=50 + self._number(150))

    # --- people and places

    def _person(self) -> Person:
        given = v.PLAIN_GIVEN_NAMES + (v.ACCENTED_GIVEN_NAMES if self.accented else ())
        surname = self._one(v.SURNAMES if self.accented else v.PLAIN_SURNAMES)
        first = self._one(given)
        name = self._one((f"{first} {surname}", f"{first} {surname}", f"{first[0]}. {surname}"))
        if self._chance(0.6):
            name += f", {self._one(v.DEGREES)}"
        return Person(
            name=name,
            surname=surname,
            phone=self._one(v.PHONE_FORMS).format(self._random.randint(0, 99)),
            mail=f"study{self._number(9999)}@{self._one(v.MAIL_HOSTS)}{v.MAIL_SUFFIX}",
        )

    def _sentence(self) -> str:
        if self._chance(0.02):
            person = self._one(self.persons)
            return (
                f"Further information is given by {person.name}, phone {person.phone}, e-mail {person.mail}."
            )
        return self._numbered(v.SENTENCES + (v.ACCENTED_SENTENCES * 3 if self.accented else ()))

    def _contact(self, role: str, person: Person | None = None) -> dict[str, Any]:
        person = person or self._one(self.persons)
        contact = {"name": person.name, "role": role}
        if role == "CONTACT":
            contact["phone"] = person.phone
            if self._chance(0.2):
                contact["phoneExt"] = str(self._number(9999))
            if self._chance(0.8):
                contact["email"] = person.mail
        return contact

    def _official(self) -> dict[str, Any]:
        role = self._one(("PRINCIPAL_INVESTIGATOR", "STUDY_CHAIR", "STUDY_DIRECTOR"))
        return {"name": self._one(self.persons).name, "affiliation": self._organization(), "role": role}

    def _organization(self, kind: str = "OTHER") -> str:
        return str(self._one(_ORGANIZATION_FORMS.get(kind, v.ACADEMIC_FORMS))).format(self._one(self.stems))

    def _sponsor(self) -> dict[str, str]:
        kind = self._random.choices(list(_SPONSOR_CLASSES), list(_SPONSOR_CLASSES.values()))[0]
        name = self._one(self.persons).name if kind == "INDIV" else self._organization(kind)
        return {"name": name, "class": kind}

    def _responsible_party(self) -> dict[str, str]:
        name = self._one(self.persons).name
        if self._chance(0.2):
            return {"oldNameTitle": f"{name}, Director", "oldOrganization": self._organization()}
        return {
            "type": "PRINCIPAL_INVESTIGATOR" if self._chance(0.75) else "SPONSOR_INVESTIGATOR",
            "investigatorFullName": name,
            "investigatorTitle": "Professor",
            "investigatorAffiliation": self._organization(),
        }

    def _location(self) -> dict[str, Any]:
        cities = v.CITIES + (v.ACCENTED_CITIES * 2 if self.accented else ())
        city, state, postcode, country, latitude, longitude = self._one(cities)
        location: dict[str, Any] = {}
        person = None
        if self._chance(0.03):
            person = self._one(self.persons)
            location["facility"] = self._one(v.PERSONAL_FACILITY_FORMS).format(
                person=person.surname, phone=person.phone, mail=person.mail, place=self._one(self.stems)
            )
        elif self._chance(0.97):
            location["facility"] = self._one(v.FACILITY_FORMS).format(self._one(self.stems))
        location["city"] = city
        if state:
            location["state"] = state
        if postcode and self._chance(0.8):
            location["zip"] = postcode
        location["country"] = country
        if person or self._chance(0.25):
            location["contacts"] = [self._contact("CONTACT", person)]
            if self._chance(0.5):
                location["contacts"].append(self._contact("PRINCIPAL_INVESTIGATOR"))
        if self._chance(0.98):
            location["geoPoint"] = {"lat": latitude, "lon": longitude}
        return location

    # --- outcomes, references, results

    def _outcome(self) -> dict[str, Any]:
        outcome = {"measure": f"{self._one(v.MEASURES)} ({self._numbered(v.TIME_FRAMES)})"}
        if self._chance(0.7):
            outcome["description"] = " ".join(self._sentence() for _ in range(self._number(2)))
        return outcome | {"timeFrame": self._numbered(v.TIME_FRAMES)}

    def _reference(self) -> dict[str, Any]:
        authors = ", ".join(f"{person.surname} {person.name[0]}" for person in self._some(self.persons, 1, 4))
        year = 1990 + self._number(35)
        citation = (
            f"{authors}. {self._sentence()} J Sample Med. {year};{self._number(60)}:{self._number(900)}."
        )
        return {"pmid": str(10_000_000 + self._number(999_999)), "type": "BACKGROUND", "citation": citation}

    def _pair(self, prefix: str, key: str, most: int = 200) -> list[dict[str, str]]:
        """One number per group; numbers of results are strings, as upstream."""
        return [{"groupId": f"{prefix}{g:03d}", key: str(self._number(most))} for g in range(2)]

    def _groups(self, prefix: str) -> list[dict[str, str]]:
        titles = self._some(v.ARM_LABELS, 2, 2)
        return [
            {"id": f"{prefix}{g:03d}", "title": title, "description": self._sentence()}
            for g, title in enumerate(titles)
        ]

    def _denominators(self, prefix: str) -> list[dict[str, Any]]:
        return [{"units": "Participants", "counts": self._pair(prefix, "value")}]

    def _flow(self) -> dict[str, Any]:
        milestones = [
            {"type": t, "achievements": self._pair("FG", "numSubjects")} for t in ("STARTED", "COMPLETED")
        ]
        withdrawals = [{"type": "Withdrawal by Subject", "reasons": self._pair("FG", "numSubjects", 20)}]
        period = {"title": "Overall Study", "milestones": milestones, "dropWithdraws": withdrawals}
        return {"groups": self._groups("FG"), "periods": [period]}

    def _baseline(self) -> dict[str, Any]:
        age = {
            "title": "Age, Continuous",
            "paramType": "MEAN",
            "dispersionType": "STANDARD_DEVIATION",
            "unitOfMeasure": "years",
            "classes": [{"categories": [{"measurements": self._pair("BG", "value", 90)}]}],
        }
        sex = {
            "title": "Sex: Female, Male",
            "paramType": "COUNT_OF_PARTICIPANTS",
            "unitOfMeasure": "Participants",
            "classes": [
                {
                    "categories": [
                        {"title": t, "measurements": self._pair("BG", "value")} for t in ("Female", "Male")
                    ]
                }
            ],
        }
        return {"groups": self._groups("BG"), "denoms": self._denominators("BG"), "measures": [age, sex]}

    def _measure(self) -> dict[str, Any]:
        return {
            "type": self._one(("PRIMARY", "SECONDARY", "SECONDARY", "OTHER_PRE_SPECIFIED")),
            "title": f"{self._one(v.MEASURES)} ({self._numbered(v.TIME_FRAMES)})",
            "description": " ".join(self._sentence() for _ in range(self._number(3))),
            "reportingStatus": "POSTED",
            "paramType": "NUMBER",
            "unitOfMeasure": "participants",
            "timeFrame": self._numbered(v.TIME_FRAMES),
            "groups": self._groups("OG"),
            "denoms": self._denominators("OG"),
            "classes": [
                {
                    "title": f"Week {self._number(52)}",
                    "categories": [{"measurements": self._pair("OG", "value")}],
                }
                for _ in range(self._number(4))
            ],
        }

    def _event(self) -> dict[str, Any]:
        stats = [
            {"groupId": f"EG{g:03d}", "numEvents": n, "numAffected": n, "numAtRisk": 100 + n}
            for g, n in enumerate((self._number(30), self._number(30)))
        ]
        return {
            "term": self._one(v.EVENT_TERMS),
            "organSystem": self._one(v.ORGAN_SYSTEMS),
            "sourceVocabulary": "MedDRA 27.0",
            "assessmentType": "SYSTEMATIC_ASSESSMENT",
            "stats": stats,
        }

    def _event_groups(self) -> list[dict[str, Any]]:
        counts = ("deaths", "serious", "other")
        numbers = {f"{c}{key}": self._number(40) + 40 * (key == "NumAtRisk") for c in counts for key in
                   ("NumAffected", "NumAtRisk")}  # fmt: skip
        return [group | numbers for group in self._groups("EG")]


@functools.cache
def blocks(accented: bool) -> Blocks:
    """The set with or without non-ASCII text; built at the first call, about 0.1 s, and kept."""
    return Blocks(accented)


def _escaped(text: str) -> bytes:
    """`text` as it stands between the quotes of a JSON string."""
    return _encode(text)[1:-1]
