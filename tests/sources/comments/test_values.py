"""Cells to values: what is written in one of the known ways is read, and nothing is ever guessed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.comments import values
from include.sources.comments.people import People, fingerprint, normalized
from include.sources.comments.values import (
    EPOCH,
    FIRST,
    LAST,
    NOTHING,
    Unreadable,
    count,
    identifier,
    may_be_rounded,
    moment,
    of_shortcode,
    post_of,
)

TIMES = st.datetimes(
    FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None) - timedelta(days=1), timezones=st.just(UTC)
)
KEY = b"a key of these tests"


def micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


@given(TIMES, st.integers(-14, 14))
def test_a_time_is_read_in_every_form_that_keeps_it_whole(at: datetime, hours: int) -> None:
    at = at.replace(microsecond=0)
    seconds = micros(at) // 1_000_000
    forms = [str(seconds), f"{seconds}.0", f"{seconds}000", f"{seconds}000000", f"{seconds}000000000"]
    forms += [at.isoformat(), at.strftime("%Y-%m-%dT%H:%M:%S.000Z"), at.strftime("%Y-%m-%d %H:%M:%S")]
    forms += [at.astimezone(timezone(timedelta(hours=hours))).isoformat()]
    forms += [at.strftime("%a, %d %b %Y %H:%M:%S GMT"), at.strftime("%a %b %d %H:%M:%S +0000 %Y")]
    forms += [f"{at:%B} {at.day}, {at.year}, {at:%H:%M:%S}", f"{at.day} {at:%b} {at.year} {at:%I:%M:%S %p}"]
    assert {form: moment(form) for form in forms} == dict.fromkeys(forms, micros(at))


@given(TIMES)
def test_a_day_is_its_midnight(at: datetime) -> None:
    midnight = micros(at.replace(hour=0, minute=0, second=0, microsecond=0))
    for form in (
        f"{at:%B} {at.day}, {at.year}",
        f"{at.day} {at:%b} {at.year}",
        f"{at:%Y-%m-%d}",
        f"{at:%Y/%m/%d}",
    ):
        assert moment(form) == midnight, form


@pytest.mark.parametrize(
    "text", ["0", "17636895", "yesterday", "2 days ago", "1763689503e300", "03/04/2025", "55555"]
)
def test_what_is_no_time_or_may_be_one_of_two_is_refused(text: str) -> None:
    with pytest.raises(Unreadable) as refused:
        moment(text)
    assert refused.value.reason == "time"


@given(st.text(max_size=30))
def test_any_text_is_a_time_within_the_bounds_nothing_or_refused(text: str) -> None:
    try:
        found = moment(text)
    except Unreadable:
        return
    assert found is None or micros(FIRST) <= found < micros(LAST)
    assert (found is None) == (text.strip().lower() in NOTHING)


@given(st.integers(0, 10**12))
def test_a_count_is_read_in_every_form(number: int) -> None:
    assert count(str(number)) == count(f"{number:,}") == count(f"{number}.0") == number
    assert count(f" {number} ") == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("46k", 46_000),
        ("29K", 29_000),
        ("1.2M", 1_200_000),
        ("1,5k", 1_500),
        ("2b", 2 * 10**9),
        ("-1", None),
        ("", None),
    ],
)
def test_rounded_and_hidden_counts(text: str, number: int | None) -> None:
    assert count(text) == number


@given(st.text(max_size=30))
def test_any_text_is_a_count_nothing_or_refused(text: str) -> None:
    try:
        found = count(text)
    except Unreadable:
        return
    assert found is None or 0 <= found <= values.MOST


@given(st.integers(64**10, 2**63 - 1))
def test_a_short_code_is_the_exact_id(number: int) -> None:
    code = base64.urlsafe_b64encode(number.to_bytes(9, "big")).decode()[-11:]
    assert of_shortcode(code) == str(number)
    assert of_shortcode(f"{code}{'A' * 28}") == str(number), "of a private account"


@given(st.integers(10**17, 9 * 10**18))
def test_what_a_float64_leaves_of_an_id_is_told_to_be_doubtful(number: int) -> None:
    shown = f"{float(number):.0f}"
    digits = repr(float(number)).partition("e")[0].replace(".", "").ljust(len(shown), "0")
    assert may_be_rounded(shown) and may_be_rounded(digits[: len(shown)])


def test_a_whole_id_is_not_doubtful_and_a_comment_s_id_in_science_is_refused() -> None:
    assert not may_be_rounded("3770272429806644260") and not may_be_rounded("123456")
    assert identifier("17847263706582747.0") == "17847263706582747"
    with pytest.raises(Unreadable, match="without its last digits"):
        identifier("1.784726370658274E+16")


@pytest.mark.parametrize(
    ("url", "post"),
    [
        ("https://www.instagram.com/p/DRSssyVEuwk", ("instagram", "3770272429806644260")),
        ("https://www.instagram.com/someone/reel/DRSssyVEuwk/?igsh=x", ("instagram", "3770272429806644260")),
        ("https://www.youtube.com/watch?v=6CsJZxfZsL0&t=1", ("youtube", "6CsJZxfZsL0")),
        ("https://youtu.be/6CsJZxfZsL0", ("youtube", "6CsJZxfZsL0")),
        ("https://www.tiktok.com/@a.b/video/7300000000000000000", ("tiktok", "7300000000000000000")),
        ("https://www.reddit.com/r/x/comments/1abcd2/title/", ("reddit", "1abcd2")),
        ("https://www.facebook.com/page/posts/pfbid02abcDEF", ("facebook", "pfbid02abcDEF")),
        ("https://evil.example/instagram.com/p/DRSssyVEuwk", None),
        ("https://instagram.com.evil.example/p/DRSssyVEuwk", None),
        ("javascript:alert(1)//instagram.com/p/DRSssyVEuwk", None),
        ("https://[", None),
    ],
)
def test_an_address_names_its_post(url: str, post: tuple[str, str] | None) -> None:
    assert post_of(url) == post


@given(st.text(max_size=60))
def test_any_text_is_an_address_of_a_post_or_of_none(text: str) -> None:
    found = post_of(text)
    assert found is None or found[0] in values.PLATFORMS


def test_one_person_is_one_hash_and_another_key_or_platform_is_another() -> None:
    people, other = People(KEY), People(b"another key of the tests")
    forms = {people.author("instagram", form) for form in ("Jo.Doe", "@jo.doe", " JO.DOE ", "\uff2ao.Doe")}
    assert len(forms) == 1
    assert people.author("tiktok", "jo.doe") not in forms and other.author("instagram", "jo.doe") not in forms
    assert people.author("instagram", " @ ") is None
    assert fingerprint(KEY) == people.key_name != other.key_name and KEY.hex() not in people.key_name


@given(st.from_regex(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", fullmatch=True))
def test_no_mentioned_handle_is_left_in_a_text(handle: str) -> None:
    people = People(KEY, public={"the.star"})
    text = people.hide_mentions("instagram", f"so @{handle}, and (@{handle}) but @the.star")
    if normalized(handle) != "the.star":
        found = f"@{people.author('instagram', handle)}"
        assert text == f"so {found}, and ({found}) but @the.star"


@pytest.mark.parametrize("text", ["mail me@example.org", "no mention", "50 @ 3"])
def test_what_is_no_mention_stays(text: str) -> None:
    assert People(KEY).hide_mentions("instagram", text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("@jo.doeさん好き", "@{}さん好き"),
        ("昨日の@jo.doeの歌", "昨日の@{}の歌"),
        ("\uff20jo.doe大好き", "@{}大好き"),
        ("wow.@jo.doe", "wow.@{}"),
        ("@@jo.doe", "@{}"),
    ],
)
def test_a_mention_is_found_whatever_stands_beside_it(text: str, hidden: str) -> None:
    people = People(KEY)
    assert people.hide_mentions("instagram", text) == hidden.format(people.author("instagram", "jo.doe"))


def test_a_handle_in_letters_without_blanks_is_hidden_whole() -> None:
    people = People(KEY, public={"the.star"})
    assert people.hide_mentions("youtube", "@さくらさん") == f"@{people.author('youtube', 'さくらさん')}"
    assert people.hide_mentions("youtube", "@sakuraさくら") == f"@{people.author('youtube', 'sakuraさくら')}"
    assert people.hide_mentions("youtube", "@the.starさん") == "@the.starさん"
    assert people.hide_mentions("instagram", "好き@the.starさん") == "好き@the.starさん"


def test_the_address_of_a_profile_in_a_text_is_a_mention() -> None:
    assert "someone" not in People(KEY).hide_mentions("tiktok", "see https://www.tiktok.com/@someone")
