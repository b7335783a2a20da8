# ruff: noqa: SIM905  (look-alike letters are what is tested; word lists read better as text)
"""Private data in a study's texts: what is hidden, and that nothing else is touched.

All people, numbers and addresses are invented.
"""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.ctgov.people import Entry, Organization, people
from include.sources.ctgov.privacy import Redactor

ROE = (
    *("Jane A. Roe, MD", "Myung-Ju Ahn", "Seán O'Brien, PhD", "Will Power", "Bai Jun", "Hans Beispiel"),
    *(
        "María José de la Cruz Pérez",
        "Mary Smith (PI)",
        "Łukasz Żółw",
        "Sukarno",
        "王小明",
        "山田 太郎",
        "김철수",
    ),
    *("Иван Петров", "Ιωάννης Παπαδόπουλος", "محمد علي", "राम कुमार"),
)


def redactor(*names: str, sponsor: str = "Nowhere A/S", conditions: tuple[str, ...] = ()) -> Redactor:
    return Redactor(people(map(Entry, names), [Organization(sponsor, "INDUSTRY")], conditions))


EVERYBODY = redactor(*ROE)


def text(of: str, *names: str) -> str:
    """What is published of a text of a record that names these people."""
    redact = redactor(*names) if names else EVERYBODY
    return redact.text(of) if redact.suspects(of) else of


JANE_ROE = """
Jane Roe|JANE ROE|Roe Jane|Roe, Jane|Roe, Jane A.|Jane A. Roe|Jane Alice Roe|J. Roe|J.A. Roe|J. A. Roe|JA Roe|Roe JA
Roe, J.|Roe, J.A.|Roe J.A.|Dr. Roe|Dr Roe|DR. ROE|Doctor Roe|Prof. Dr. med. Jane Roe|Professor Roe|Mrs. Roe|Ms. Roe
Jane Roe, MD, PhD|Dr. Roe, MD|**Jane Roe**|Jane Roe-Miller|Dr. Jane Roe
"""


@pytest.mark.parametrize(
    "name", [*JANE_ROE.replace("\n", "|").strip("|").split("|"), "Jane\nRoe", "Dr. Jane\r\nA. Roe"]
)
@pytest.mark.parametrize(
    "around", ["{}", "led by {} at the site", "We thank {}, who left.", "({} et al.)", "{}'s team"]
)
def test_a_person_whom_the_record_names_is_hidden_however_she_is_written(name: str, around: str) -> None:
    published = text(around.format(name), "Jane A. Roe, MD")

    assert "[name]" in published
    assert "roe" not in published.casefold() and "jane" not in published.casefold()


@pytest.mark.parametrize(
    ("given", "published"),
    [
        ("Dr. Roe's team", "[name]'s team"),
        ("Drs. Roe and Beispiel", "[name] and [name]"),
        ("ask J. Roe or J.A. Roe, MD", "ask [name] or [name]"),
        ("Myung Ju Ahn; Ahn Myung-Ju; M.-J. Ahn; Ahn MJ", "[name]; [name]; [name]; [name]"),
        ("by J Roe and H Beispiel", "by [name] and [name]"),
        ("as Roe et al. found", "as [name] et al. found"),
        ("JANE ROE’S team", "[name]’S team"),
        ("Pr Roe, Dott. Beispiel, Mme Roe", "[name], [name], [name]"),
        ("Jun Bai (PI)", "[name] (PI)"),
        ("S. O’Brien, Sean O'Brien", "[name], [name]"),
        ("will power and Will Power", "will power and [name]"),
        ("por María José de la Cruz.", "por [name]."),
        ("Dra. Cruz Pérez, Dr. de la Cruz", "[name], [name]"),
        ("Mary Smith (PI)", "[name] (PI)"),
        ("Lukasz Zolw", "[name]"),
        ("Lukasz Z\u0307o\u0301\u0142w", "[name]"),
        ("ask Sukarno for details; Dr. Sukarno", "ask [name] for details; [name]"),
        ("请联系王小明医生", "请联系[name]医生"),
        ("担当：山田太郎", "担当：[name]"),
        ("김철수에게 연락", "[name]에게 연락"),
        ("ΙΩΑΝΝΗΣ ΠΑΠΑΔΟΠΟΥΛΟΣ, Петров Иван, محمد علي, राम कुमार से", "[name], [name], [name], [name] से"),
    ],
)
def test_orders_initials_scripts_and_double_names(given: str, published: str) -> None:
    assert text(given) == published


def test_a_double_surname_stands_for_its_first_part() -> None:
    assert text("dirigido por María José de la Cruz en", "Cruz Pérez") == "dirigido por [name] en"
    assert text("Playa del Carmen y San Luis de la Paz", "Carmen Gómez", "Paz Gómez") == (
        "Playa del Carmen y San Luis de la Paz"
    )


@pytest.mark.parametrize(
    "name",
    ["Cruz Pérez", "María José de la Cruz Pérez", "Jane Roe", "Sukarno", "王小明", "Roe, Jane", "Dr. Roe"],
)
def test_a_facility_that_is_a_person_of_the_record_is_hidden(name: str) -> None:
    assert text(name, name) == "[name]"
    assert text(f"{name} /ID# 253351", name) == "[name] /ID# 253351"


def test_a_text_that_is_a_name_is_hidden_in_lower_case_too() -> None:
    assert text("jane roe", "Jane Roe") == "[name]"
    assert text("roe and jane", "Jane Roe") == "roe and jane"


@pytest.mark.parametrize(
    ("facility", "published"),
    [
        ("Praxis Dr. Roe", "Praxis [name]"),
        ("Office of Jane Roe, MD", "Office of [name]"),
        ("Jane B. Roe MD, A Professional Corporation", "[name], A Professional Corporation"),
        ("Nowhere Hospital, Jane Roe", "Nowhere Hospital, [name]"),
        ("Jane Roe Clinic", "[name] Clinic"),
    ],
)
def test_a_practice_is_hidden_where_its_doctor_is_named(facility: str, published: str) -> None:
    assert text(facility, "Jane Roe") == published


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("Rajesh Reddy", "… Tablets of Dr. Reddy's Laboratories Limited With Pravachol 80 mg"),
        ("Rajesh Reddy", "Dr. Reddy's 80 mg tablets"),
        ("Herbert Falk", "Supplied by Dr. Falk Pharma GmbH"),
        ("Langley Park", "Studied in New Langley"),
        ("Jane Park", "Latinos in Langley Park, MD"),
        ("Jane Duchenne", "Gene Therapy for Boys With Duchenne MD"),
        ("Multiple Sclerosis", "Participants with Multiple Sclerosis can call the site"),
        ("Reparto di Radiologia", "SS. Trinità - Reparto di Radiologia"),
        ("Lung Cancer", "A Lung Cancer Study"),
        ("Jane Boston", "Boston Medical Center, Boston"),
        ("Jane Parkinson", "Parkinson Disease, the Parkinson score"),
        ("José González", "Hospital Universitario Dr. José González"),
        ("Jane Roe", "Jane Roe Memorial Hospital"),
        ("Li Jun", "Li Jun Granules"),
        ("Charlotte North", "in Charlotte, North Carolina"),
        ("Anna Long", "A Long Term Study"),
        ("Brian Young", "Hepatitis B Young Patients"),
        ("Paul Young", "PR Young patients"),
        ("Alan Long", "Group A. Long-term follow-up"),
        ("Mary Young", "Young MS patients"),
        ("Brian Hepatitis", "Hepatitis B in children"),
        ("Jane Roe", "Richard Roe and Jane Doe; the roe of fish; monroe"),
        ("Paul Roe", "Dr. Paul Smith"),
        ("Jane Doe", "John Doe, Jane Smith"),
        ("Sukarno", "Sukarno Hatta Airport"),
        ("王小明", "王小明医院"),
    ],
)
def test_places_companies_products_and_diseases_keep_the_words_of_a_name(name: str, stays: str) -> None:
    assert text(stays, name) == stays


@pytest.mark.parametrize(
    "stays",
    [
        "… Tablets of Dr. Reddy's Laboratories Limited With Pravachol 80 mg",
        "Latinos in Langley Park, MD",
        "Gene Therapy for Boys With Duchenne MD",
        "Participants with Multiple Sclerosis can call the site",
        "SS. Trinità - Reparto di Radiologia",
        "Supplied by Dr. Falk Pharma GmbH",
        "Research Site 2801-001",
        "IRB 123-456-7890",
        "Prof. Dr. Example City Hospital",
        "MD Anderson Cancer Center and the Dr. Example Memorial Hospital",
        "Profile of drugs, DR. The retina. Drug Dr",
    ],
)
def test_words_alone_make_no_person(stays: str) -> None:
    for names in ((), ("Nora Nemo, MD",)):
        assert Redactor(people(map(Entry, names))).text(stays) == stays


def test_a_company_that_names_itself_as_contact_is_no_person() -> None:
    redact = redactor("Novel Nordling", "Jane Roe", sponsor="Novel Nordling A/S")

    assert redact.text("A study of Novel Nordling by Jane Roe") == "A study of Novel Nordling by [name]"


def test_a_brand_is_no_person_where_things_are_named() -> None:
    redact = redactor("Jane Roe")

    assert redact.label("Dr. Roe's balm") == "Dr. Roe's balm"
    assert redact.label("Arm of Dr. Roe") == "Arm of [name]"
    assert redact.text("Dr. Roe's patients") == "[name]'s patients"


def test_a_place_keeps_its_name() -> None:
    redact = redactor("Santiago Cruz", "Jane Roe")

    assert redact.place("Santiago Cruz") == "Santiago Cruz"
    assert redact.place("c/o Jane Roe, 617-555-0199") == "c/o [name], [phone]"


def test_identifiers_are_not_taken_for_phone_numbers() -> None:
    assert EVERYBODY.identifier("617-555-0199") == "617-555-0199"
    assert EVERYBODY.identifier("a@b.example 2012, Jane Roe 12") == "[mail] 2012, [name] 12"


def test_phone_numbers_of_the_record_are_hidden_in_any_form() -> None:
    redact = Redactor((), ["030 - 12 34 567", "911", ""])

    assert redact.text("Ring 030 - 12 34 567, (30) 1234567 or 911") == "Ring [phone], [phone] or 911"


def test_text_without_anything_private_is_not_looked_at_twice() -> None:
    assert not EVERYBODY.suspects("A study of therapies in 120 patients, phases 1-2")


PIECES = st.sampled_from(
    """
    Jane Roe A. Dr. Prof Drug DR. MD, PhD Ma Office of Clinic Hospital @ a@b.example + +49 30 555 0100 (555) 010-0199
    call phone at 2012-2015 NCT01234567 . , ; - / in the Ärzte Straße İstanbul Bai Jun Myung-Ju Ahn O’Brien Seán Will
    power will Beispiel 5550100 no RN DDS de la Cruz María José Pérez Smith Sukarno 王小明 Иван Петров 's JA and
    """.split()
)
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map(" ".join))


@settings(max_examples=500, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_every_text_that_would_change_is_under_suspicion(texts: list[str]) -> None:
    if not EVERYBODY.suspects("\n".join(texts)):
        for one in texts:
            for hide in (EVERYBODY.text, EVERYBODY.label, EVERYBODY.place, EVERYBODY.identifier):
                assert hide(one) == one


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_hiding_takes_out_and_adds_nothing_but_marks(one: str) -> None:
    published = EVERYBODY.text(one)
    rest, at = one, 0
    for piece in published.replace("[phone]", "[name]").replace("[mail]", "[name]").split("[name]"):
        at = rest.find(piece, at)
        assert at >= 0, (one, published)
        at += len(piece)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=3))
def test_hostile_text_and_names_never_raise(one: str, names: list[str]) -> None:
    redact = Redactor(people(map(Entry, names), [Organization(name) for name in names], names), names)
    for hide in (redact.text, redact.label, redact.place, redact.identifier):
        assert isinstance(hide(one), str)
    assert isinstance(redact.suspects(one), bool)


@pytest.mark.parametrize(
    "piece", ["Jane ", "Roe ", "Roe, Jane ", "J. ", "Dr. ", "de ", "Roe-", "A ", "Jane\n", "王小", "Cruz "]
)
def test_time_grows_with_the_text_and_not_faster(piece: str) -> None:
    def seconds(size: int) -> float:
        one = piece * (size // len(piece))
        began = time.process_time()
        EVERYBODY.text(one)
        return time.process_time() - began

    seconds(1_000)
    # Quadratic time would be a hundredfold for ten times the text.
    assert seconds(100_000) < 30 * max(seconds(10_000), 0.002)


def test_a_record_with_a_thousand_contacts_takes_no_longer_for_each_word() -> None:
    many = redactor(
        *(
            f"Given{n:04} Family{n:04}".translate(str.maketrans("0123456789", "abcdefghij"))
            for n in range(1000)
        )
    )
    one = "Givenaaaa met Familyabcd in a study. " * 1_000
    began = time.process_time()
    assert many.text(one) == one
    assert time.process_time() - began < 2
