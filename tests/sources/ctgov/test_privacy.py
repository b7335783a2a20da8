# ruff: noqa: SIM905  (word lists read better as text)
"""Private data in a study's texts: what is hidden, and that nothing else is touched.

All people, numbers and addresses are invented.
"""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.ctgov.privacy import NOBODY, People, Redactor, is_individual, person

CONTRACTS = Path(__file__).resolve().parents[3] / "soda" / "ctgov"
PRIVATE_PATTERNS = {
    table: [
        re.compile(found[1])
        for check in yaml.safe_load((CONTRACTS / f"{table}.yml").read_text(encoding="utf-8"))["checks"]
        if check.get("failed_rows", {}).get("qualifier") in {"mail", "phone"}
        and (found := re.search(r"\n\s+'(.+)'\n", check["failed_rows"]["query"]))
    ]
    for table in ("studies", "interventions", "locations")
}
"""What the contracts take for a mail address or phone number."""
ROE = People(
    ["Jane A. Roe, MD", "Myung-Ju Ahn", "Seán O'Brien, PhD", "Will Power", "Bai Jun", "Hans Beispiel"]
)
NO_ONE = Redactor()


def prose(text: str, people: People = NOBODY) -> str:
    """What is published of a text."""
    redactor = Redactor(people)
    return redactor.prose(text) if any(True for _ in redactor.suspects(text)) else text


def facility(text: str, people: People = NOBODY) -> str:
    redactor = Redactor(people)
    return redactor.facility(text) if any(True for _ in redactor.suspects(text)) else text


@pytest.mark.parametrize(
    ("name", "words", "has_degree"),
    [
        ("Jane Roe", ("Jane", "Roe"), False),
        ("Jun Zhang, MD, PhD", ("Jun", "Zhang"), True),
        ("Shoichi Maruyama MD PhD", ("Shoichi", "Maruyama"), True),
        ("Roe, Jane A., M.D.", ("Jane", "A.", "Roe"), True),
        ("Prof. Dr. med. Hans Beispiel", ("Hans", "Beispiel"), True),
        ("Jane Roe / Professor of Things", ("Jane", "Roe"), True),
        ("Y. Beispiel", ("Y.", "Beispiel"), False),
        ("Jun Ma", ("Jun", "Ma"), False),
        ("John Roe Jr.", ("John", "Roe"), False),
        ("MARIA DE LA CRUZ", ("MARIA", "DE", "LA", "CRUZ"), False),
    ],
)
def test_name_of_a_person_is_read(name: str, words: tuple[str, ...], has_degree: bool) -> None:
    found = person(name)

    assert found is not None
    assert (found.words, found.has_degree) == (words, has_degree)


@pytest.mark.parametrize(
    "name",
    [
        "Study Director",
        "Clinical Trials Office",
        "Example Pharmaceuticals",
        "Example Co., Ltd.",
        "Example Holding AG",
        "Toll Free Number",
        "Global Registry (GCR, 1452)",
        "University of Nowhere",
        "Example",
        "A B",
        "x@y.example",
        "",
        " , ",
    ],
)
def test_offices_and_companies_are_no_persons(name: str) -> None:
    assert person(name) is None


@pytest.mark.parametrize(
    ("name", "agency_class", "sponsor_investigator", "expected"),
    [
        ("Anything", "INDIV", False, True),
        ("Jun Zhang, MD, PhD", "OTHER", False, True),
        ("Dr. Jane Roe", "INDUSTRY", False, True),
        ("Roe, Jane", "OTHER", False, True),
        ("Jane Roe", "INDUSTRY", False, False),
        ("Richard Roe", "OTHER", False, False),
        ("Richard Roe", "OTHER", True, True),
        ("Nowhere General Hospital", "OTHER", True, False),
        ("Boehringer Ingelheim", "INDUSTRY", True, False),
        ("Dr. Example City Hospital", "OTHER", True, False),
    ],
)
def test_sponsor_is_a_person_by_class_degree_mention_or_role(
    name: str, agency_class: str, sponsor_investigator: bool, expected: bool
) -> None:
    people = People(["Jane Roe"])

    assert is_individual(name, agency_class, people, sponsor_investigator=sponsor_investigator) is expected


def test_company_that_names_itself_as_contact_is_no_person() -> None:
    people = People(["Boehringer Ingelheim", "Jane Roe"], ["Boehringer Ingelheim International"])

    assert prose("A study of Boehringer Ingelheim by Jane Roe", people) == (
        "A study of Boehringer Ingelheim by [name]"
    )


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("Jane Roe said", "[name] said"),
        ("by Jane A. Roe, MD, PhD, here", "by [name], here"),
        ("by JANE ROE", "by [name]"),
        ("ask J. Roe or J.A. Roe", "ask [name] or [name]"),
        ("Roe, Jane and others", "[name] and others"),
        ("Professor Roe", "[name]"),
        ("Myung Ju Ahn; Ahn Myung-Ju", "[name]; [name]"),
        ("Jun Bai (PI)", "[name] (PI)"),
        ("S. O’Brien", "[name]"),
        ("will power and Will Power", "will power and [name]"),
        ("the roe of fish", "the roe of fish"),
        ("Jane Doe and Richard Roe", "Jane Doe and Richard Roe"),
        ("monroe and roemer", "monroe and roemer"),
    ],
)
def test_people_of_the_study_are_hidden_however_they_are_written(text: str, published: str) -> None:
    assert prose(text, ROE) == published


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("Write to a.b-c@med.nowhere.example.", "Write to [mail]."),
        ("Tel. +49 30 555 0100", "Tel. [phone]"),
        ("+1 (555) 010-0199, ext. 3", "[phone], ext. 3"),
        ("555-010-0199", "[phone]"),
        ("(555) 010-0199", "[phone]"),
        ("call 1-800-555-0199 now", "call [phone] now"),
        ("phone: 5550100", "phone: [phone]"),
        ("Please call us at 0044 20 555-0101", "Please call us at [phone]"),
        ("Dr. Roe has left.", "[name] has left."),
        ("led by Prof. Jane van Roe, MD", "led by [name]"),
        ("led by Jane Roe, PhD, and others", "led by [name], and others"),
        ("Please ask Jane Roe (a@b.example).", "Please ask [name] ([mail])."),
        (
            "The investigator, Y. Beispiel, has left (a@b.example). Main Street Clinic stays.",
            "The investigator, [name], has left ([mail]). Main Street Clinic stays.",
        ),
    ],
)
def test_mail_phone_and_titled_names_are_hidden_in_prose(text: str, published: str) -> None:
    assert prose(text) == published


@pytest.mark.parametrize(
    "text",
    [
        "Patients of 2012-2015, 2019.7-2022.7 and 2009–2012",
        "NCT05687903 and TAK-861-2001, EudraCT 2012-002689-10, U1111-1148-4351",
        "doses of 100, 200 and 4000 mg; 1.25 1.50 2.25 mg; +1.25 10.50 22.25 D",
        "CD4+ 200-500 cells; visit 3+30-42 days (180-210 days)",
        "phone call in 2015-2016",
        "ISRCTN12345678, PMID 12345678",
        "Profile of drugs, DR. The retina. Drug Dr",
        "MD Anderson Cancer Center and the Dr. Example Memorial Hospital",
        "call 3, 6 and 12 months after",
        "Women and Men in New York City",
    ],
)
def test_numbers_and_words_that_are_not_private_stay(text: str) -> None:
    assert prose(text) == text
    assert NO_ONE.prose(text) == text


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("Dr Jane Roe /ID# 253351", "[name] /ID# 253351"),
        ("Brustordination Dr. Roe", "Brustordination [name]"),
        ("DR. JANE ROE", "[name]"),
        ("Jane B. Roe MD, A Professional Corporation", "[name], A Professional Corporation"),
        ("Office of Jane Roe, (555) 010-0199", "Office of [name], [phone]"),
        ("Main Street Clinic, Dr. Roe", "Main Street Clinic, [name]"),
        ("Beispiel Clinic", "[name] Clinic"),
        ("Nowhere Hospital (contact a@b.example)", "Nowhere Hospital (contact [mail])"),
    ],
)
def test_doctor_is_hidden_where_the_facility_is_a_practice(text: str, published: str) -> None:
    assert facility(text, ROE) == published


@pytest.mark.parametrize(
    "text",
    [
        "Prof. Dr. Example City Hospital",
        "Institutul Prof. Dr. Ion Example",
        "UMHAT Dr. Georgi Example",
        "Centro de Diagnóstico Dr. Example",
        "MD Anderson Cancer Center",
        "Beispiel University Hospital",
        "Office of Research and Development",
        "Investigational Site Number 840559",
        "Local Institution - 0021",
        "Clinical Research /ID# 252817",
        "Example Clinic",
    ],
)
def test_institution_keeps_its_name(text: str) -> None:
    assert facility(text, ROE) == text


def test_contact_details_of_the_study_are_hidden_in_any_form() -> None:
    people = People(["Jane Roe"], details=["030 - 12 34 567", "roe at nowhere", "911"])

    assert prose("Ring 030 - 12 34 567 or 911", people) == "Ring [phone] or 911"


def test_identifiers_are_not_taken_for_phone_numbers() -> None:
    assert NO_ONE.identifier("555-010-0199") == "555-010-0199"
    assert NO_ONE.identifier("a@b.example 2012") == "[mail] 2012"


def test_text_without_anything_private_is_not_looked_at_twice() -> None:
    assert list(Redactor(ROE).suspects("A study of therapies in 120 patients, phases 1-2")) == []


PIECES = st.sampled_from(
    """
    Jane Roe A. Dr. Prof Drug DR. MD, PhD Ma Office of Clinic Hospital @ a@b.example + +49 30 555 0100 (555) 010-0199
    call phone at 2012-2015 NCT01234567 . , ; - / in the Ärzte Straße İstanbul Bai Jun Myung-Ju Ahn O’Brien Seán Will
    power will Beispiel 5550100 no RN DDS
    """.split()
)
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map(" ".join))


@settings(max_examples=500, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_every_text_that_a_rule_would_change_is_under_suspicion(texts: list[str]) -> None:
    redactor = Redactor(ROE)
    joined = "\n".join(text.replace("\n", " ") for text in texts)
    suspected = {joined.count("\n", 0, position) for position in redactor.suspects(joined)}
    for number, text in enumerate(joined.split("\n")):
        if number not in suspected:
            for hide in (redactor.prose, redactor.label, redactor.facility, redactor.identifier):
                assert hide(text) == text


DIGITS = st.integers(min_value=0, max_value=10**7).map(str)
PHONE_LIKE = st.lists(
    st.one_of(
        DIGITS, st.sampled_from([" ", "-", ".", "+", "(", ")", "/", ", ", ": ", "x", "é", "+1 ", "call "])
    ),
    max_size=14,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        PHONE_LIKE,
        st.from_regex(r"[a-zé ,;:(]{0,3}\+[1-9][0-9]{0,2}[ -][0-9]{2,4}[ -][0-9]{3,4}[ -]?[0-9]{2,5}[ ,x.]?"),
        st.from_regex(r"[a-zé ,;:(0-9]{0,3}\(?[0-9]{3}\)?[ -][0-9]{3}-[0-9]{4}[ ,x.-]?"),
        st.from_regex(r"[a-z. ]{0,3}[a-z0-9._%+-]{1,5}@[a-z0-9-]{1,5}\.[a-z]{2,4}[ .]?"),
    )
)
def test_what_the_contracts_look_for_is_never_left(text: str) -> None:
    """Else one odd record would hold up a whole version."""
    for table, hide in (
        ("studies", NO_ONE.prose),
        ("interventions", NO_ONE.label),
        ("locations", NO_ONE.facility),
    ):
        published = hide(text)
        assert len(PRIVATE_PATTERNS[table]) == 2
        assert not any(pattern.search(published) for pattern in PRIVATE_PATTERNS[table]), published


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=3))
def test_hostile_text_and_names_never_raise(text: str, names: list[str]) -> None:
    people = People(names, names, names)
    redactor = Redactor(people)
    for hide in (redactor.prose, redactor.label, redactor.facility, redactor.identifier):
        assert isinstance(hide(text), str)
    assert all(0 <= position <= len(text) for position in redactor.suspects(text))
