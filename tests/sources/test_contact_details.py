"""Mail addresses and phone numbers in free text: which are hidden, and that nothing else is. All are invented."""

import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from include.sources.contact_details import hide_mails, hide_phones, may_hold_details, tail

CONTRACTS = Path(__file__).resolve().parents[2] / "soda" / "ctgov"
PATTERNS = {
    (table, check["failed_rows"]["qualifier"]): re.compile(found[1])
    for table in ("studies", "interventions", "locations", "sponsors", "conditions")
    for check in yaml.safe_load((CONTRACTS / f"{table}.yml").read_text(encoding="utf-8"))["checks"]
    if check.get("failed_rows", {}).get("qualifier") in {"mail", "phone"}
    and (found := re.search(r"\n\s+'(.+)'\n", check["failed_rows"]["query"]))
}
"""What the contracts take for a mail address or phone number."""


def hidden(text: str) -> str:
    return hide_phones(hide_mails(text))


@pytest.mark.parametrize(
    "mail",
    [
        "a.b-c@med.nowhere.example",
        "o'brien@nowhere.example",
        "jane (at) nowhere.example",
        "jane(at)nowhere(dot)example",
        "jane[at]nowhere.example",
        "jane.roe [at] nowhere [dot] example",
        "JANE (AT) NOWHERE.EXAMPLE",
        "jane @ nowhere.example",
        r"jane\_roe@nowhere.example",
        r"jane\@nowhere.example",
        "jane＠nowhere.example",
        "jane&#64;nowhere.example",
    ],
)
def test_a_mail_address_is_hidden_in_any_form(mail: str) -> None:
    assert hidden(f"Write to {mail}.") == "Write to [mail]."
    assert may_hold_details(mail)


@pytest.mark.parametrize(
    "text",
    [
        "5 mg (at) 10.30 h",
        "score [at] baseline",
        "200 mg @ 5.5 ml",
        "CD4 @ week 12.",
        "the mean (at the end). Then",
    ],
)
def test_an_at_makes_no_mail_address(text: str) -> None:
    assert hidden(text) == text


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("Tel. +49 30 555 0100", "Tel. [phone]"),
        ("+49 (0)30 1234567", "[phone]"),
        ("+1 (555) 010-0199, ext. 3", "[phone], ext. 3"),
        ("+442079460958", "[phone]"),
        ("+1.617.555.0199", "[phone]"),
        ("0049 30 1234567", "[phone]"),
        ("Please call us at 0044 20 555-0101", "Please call us at [phone]"),
        ("ph: 020 7946 0958", "ph: [phone]"),
        ("(617) 5550199", "[phone]"),
        ("(555) 010-0199", "[phone]"),
        ("(030) 1234567", "[phone]"),
        ("020 7946 0958", "[phone]"),
        ("617-555-0199", "[phone]"),
        ("617 555-0199", "[phone]"),
        ("+(49) 30 1234567", "[phone]"),
        ("+44 (0) 20 7946 0958", "[phone]"),
        ("0049301234567", "[phone]"),
        ("011-49-30-1234567", "[phone]"),
        ("Main Street Clinic, 617.555.0199", "Main Street Clinic, [phone]"),
        ("call 1-800-555-0199 now", "call [phone] now"),
        ("phone: 5550100", "phone: [phone]"),
        ("phone 2025550134", "phone [phone]"),
        ("Tél. 01 42 34 56 78", "Tél. [phone]"),
        ("call Jane Roe at 617 555 0199 or write", "call Jane Roe at [phone] or write"),
        ("in 2012-2015 617-555-0199", "in 2012-2015 [phone]"),
        ("Tel 555-010-0199 1234567 1234567 1234567", "Tel [phone] 1234567 1234567 1234567"),
    ],
)
def test_a_phone_number_is_hidden_by_its_form_or_by_what_announces_it(text: str, published: str) -> None:
    assert hidden(text) == published
    assert may_hold_details(text)


@pytest.mark.parametrize(
    "text",
    [
        "Research Site 2801-001",
        "IRB 123-456-7890",
        "IRB 617-555-0199",
        "Study 617-555-0199, protocol no. 617-555-0199",
        "123-456-7890",
        "Patients of 2012-2015, 2019.7-2022.7 and 2009-2012",
        "NCT05687903 and TAK-861-2001, EudraCT 2012-002689-10, U1111-1148-4351",
        "00012345678, DRKS00012345, ACTRN12612000123456, NCT 01234567, Ref 020 7946 0958",
        "ISRCTN12345678, PMID 12345678, ChiCTR2000029308, CTRI/2020/01/022345",
        "2020-01-01 to 2021-12-31, 20200101",
        "doses of 100, 200 and 4000 mg; 1.25 1.50 2.25 mg; +1.25 10.50 22.25 D",
        "250-500-1000 mg and 250 500 1000 mg",
        "CD4+ 200-500 cells; visit 3+30-42 days (180-210 days)",
        "phone call in 2015-2016",
        "call 3, 6 and 12 months after",
        "telephone contact at 1 3 6 12 18 24 months",
        "0 2 4 6 8 10 12 14 weeks; +10 000 000 IU",
        "Investigational Site Number 840559; /ID# 252817",
        "doi 10.1016/j.x.2012.05.055, ISBN 978-3-16-148410-0, ORCID 0000-0002-1825-0097",
    ],
)
def test_identifiers_dates_and_doses_are_no_phone_numbers(text: str) -> None:
    assert hidden(text) == text
    assert not may_hold_details(text)


def test_a_known_number_is_hidden_in_any_form() -> None:
    known = {tail("+1 617-555-0199")}
    for text in ("617 555 0199", "6175550199", "555 0199", "0016175550199"):
        assert hide_phones(text, known) == "[phone]"
        assert may_hold_details(text, known)


DIGITS = st.integers(min_value=0, max_value=10**7).map(str)
PIECES = st.sampled_from([" ", "-", ".", "+", "(", ")", "/", ", ", ": ", "x", "é", "+1 ", "call ", "Tel. "])
PHONE_LIKE = st.lists(st.one_of(DIGITS, PIECES), max_size=14).map("".join)


@settings(max_examples=700, deadline=None)
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
    assert len(PATTERNS) == 10
    published = hidden(text)
    for place, pattern in PATTERNS.items():
        assert not pattern.search(published), (place, published)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=100), PHONE_LIKE))
def test_a_text_that_would_change_is_under_suspicion(text: str) -> None:
    assert may_hold_details(text) or hidden(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "1-",
        "a@",
        "@",
        "a.",
        "+1 ",
        "0 ",
        "a(at)",
        "(617) ",
        "\\_",
        "b.b@",
        "- ",
        "1   ",
        "call ",
        "617-555-0199 ",
    ],
)
def test_time_grows_with_the_text_and_not_faster(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        began = time.process_time()
        hidden(text)
        return time.process_time() - began

    seconds(1_000)
    # Quadratic time would be a hundredfold for ten times the text.
    assert seconds(200_000) < 30 * max(seconds(20_000), 0.002)
