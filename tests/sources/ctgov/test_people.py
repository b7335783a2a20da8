"""Whom a record names: which entries are persons, and which sponsors. All people and companies are invented."""

import pytest

from include.sources.ctgov.people import Entry, Organization, is_individual, people, read


@pytest.mark.parametrize(
    ("name", "words", "has_degree"),
    [
        ("Jane Roe", "jane roe", False),
        ("Jun Zhang, MD, PhD", "jun zhang", True),
        ("Shoichi Maruyama MD PhD", "shoichi maruyama", True),
        ("Roe, Jane A., M.D.", "jane a roe", True),
        ("de la Cruz, María", "maria de la cruz", False),
        ("Prof. Dr. med. Hans Beispiel", "hans beispiel", True),
        ("Jane Roe / Professor of Things", "jane roe", False),
        ("Jane Roe, Nowhere Hospital", "jane roe", False),
        ("Mary Smith (PI)", "mary smith", False),
        ("Mary (Molly) Smith, RN", "mary smith", True),
        ("Y. Beispiel", "y beispiel", False),
        ("Jun Ma", "jun ma", False),
        ("John Roe Jr.", "john roe", False),
        ("MARIA DE LA CRUZ", "maria de la cruz", False),
        ("María José de la Cruz Pérez", "maria jose de la cruz perez", False),
        ("Seán O’Brien", "sean o'brien", False),
        ("Łukasz Żółw", "lukasz zolw", False),
        ("Sukarno", "sukarno", False),
        ("Study Coordinator: Jane Roe", "jane roe", False),
        ("Study Nurse Jane Roe", "jane roe", False),
        ("Jane Roe, +1 617-555-0199 ext. 5", "jane roe", False),
        ("Jane Roe jane@nowhere.example", "jane roe", False),
        ("Pr Jane Roe", "jane roe", True),
        ("Dr. Roe", "roe", True),
        ("王小明", "王小明", False),
        ("Иван Петров", "иван петров", False),
    ],
)
def test_name_of_a_person_is_read(name: str, words: str, has_degree: bool) -> None:
    (found,) = read(name)

    assert (" ".join(found.words), found.has_degree) == (words, has_degree)


def test_an_entry_may_name_several() -> None:
    for entry in ("Jane Roe and Richard Doe", "Jane Roe; Richard Doe, MD", "Jane Roe / Richard Doe"):
        assert [one.long for one in read(entry)] == [("jane", "roe"), ("richard", "doe")]
    assert [one.long for one in read("王小明 (Xiaoming Wang)")] == [("王小明",), ("xiaoming", "wang")]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Study Director",
            "Clinical Trials Office",
            "Toll Free Number",
            "Main Office",
            "Nurse",
            "Medical Monitor",
        ),
        *("Reparto di Radiologia", "Servicio de Oncología", "Klinik für Radiologie", "Unité de Recherche"),
        *(
            "Department of Surgery",
            "Cardiología",
            "Radiologie",
            "Oncology",
            "Region Skane",
            "отделение хирургии",
        ),
        *("Lung Cancer", "Diabetes Mellitus", "Roe Syndrome"),
        *("Example Pharmaceuticals", "Example Co., Ltd.", "Example Holding AG", "Example, Inc.", "Roe & Doe"),
        *("Ely Liddy and Company", "University of Nowhere", "Global Registry (GCR, 1452)", "Vice President"),
        *(
            "Novo Nordisk",
            "Boehringer Ingelheim",
            "Hoffmann-La Roche",
            "Servizio di Radiologia",
            "Helse Nowhere",
        ),
        *("A B", "x@y.example", "1-800-555-0199", "PI", "jane", "", " , ", " ( )"),
    ],
)
def test_offices_companies_and_diseases_are_no_persons(name: str) -> None:
    assert read(name) == ()


SPONSORS = (
    Organization("Novel Nordling A/S", "INDUSTRY"),
    Organization("Jane Roe Foundation", "OTHER"),
    Organization("Nowhere Heart Alliance"),
)


@pytest.mark.parametrize(
    ("entry", "is_person"),
    [
        (Entry("Novel Nordling"), False),
        (Entry("Novel Nordling", is_investigator=True), False),
        (Entry("Novel Nordling, MD"), True),
        (Entry("Nowhere Heart"), False),
        (Entry("Jane Roe"), False),
        (Entry("Jane Roe", is_investigator=True), True),
        (Entry("Jane Roe, PhD"), True),
        (Entry("Silent Ischemia"), False),
        (Entry("Nowhereville"), False),
        (Entry("Richard Doe"), True),
    ],
)
def test_what_the_record_uses_as_another_name_is_no_person(entry: Entry, is_person: bool) -> None:
    assert bool(people([entry], SPONSORS, ["Silent ischemia", "Nowhereville"])) is is_person


@pytest.mark.parametrize(
    ("name", "agency_class", "expected"),
    [
        ("Anything", "INDIV", True),
        ("Jun Zhang, MD, PhD", "OTHER", True),
        ("Dr. Richard Doe", None, True),
        ("Roe, Jane", "OTHER", True),
        ("Jane Alice Roe", "OTHER", True),
        ("Jane Roe", "INDUSTRY", False),
        ("Dr. Jane Roe", "INDUSTRY", False),
        ("Richard Roe", "OTHER", False),
        ("Region Skane", "OTHER", False),
        ("Helse Nowhere", "OTHER", False),
        ("Nowhere General Hospital", "OTHER", False),
        ("Jane Roe - Hospitals of Nowhere", "OTHER", False),
        ("Dr. Example City Hospital", "OTHER", False),
    ],
)
def test_sponsor_is_a_person_by_class_degree_or_because_the_record_names_that_person(
    name: str, agency_class: str | None, expected: bool
) -> None:
    assert is_individual(name, agency_class, people([Entry("Jane Roe")])) is expected


@pytest.mark.parametrize(
    ("name", "agency_class", "expected"),
    [
        ("Richard Roe", "OTHER", True),
        ("Region Skane", "OTHER", False),
        ("Nowhere General Hospital", "OTHER", False),
        ("Boehring Ingelstadt", "INDUSTRY", False),
    ],
)
def test_sponsor_in_person_is_one_where_nobody_else_is_the_investigator(
    name: str, agency_class: str, expected: bool
) -> None:
    assert is_individual(name, agency_class, (), in_person=True) is expected
