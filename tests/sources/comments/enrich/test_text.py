"""Folded texts: what is equal to a reader is equal, and where it stood can be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.comments.enrich.text import fold, marks_of, without_marks, words_of_tag


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Zoë ALVÉREZ", "zoe alverez"),
        ("Zoe\u0308", "zoe"),
        ("𝐟𝐢𝐫𝐞", "fire"),
        ("Straße", "strasse"),
        ("Mira’s", "mira's"),
        ("a\n\tb   c", "a b c"),
        ("Mi\u200bra", "mira"),
        ("❤️", "❤"),
        ("ﬁlm", "film"),
        ("", ""),
    ],
)
def test_what_a_reader_takes_for_equal_is_equal(text: str, folded: str) -> None:
    assert fold(text).text == folded


def test_a_part_of_the_folded_text_is_found_in_the_text_itself() -> None:
    text = "❤️  Die Straße\u200b of Zoë\u0308!"
    folded = fold(text)
    start = folded.text.index("zoe")
    begins, ends = folded.span(start, start + 3)
    assert text[begins:ends] == "Zoë\u0308"
    start = folded.text.index("strasse")
    begins, ends = folded.span(start, start + len("strasse"))
    assert text[begins:ends] == "Straße\u200b"


@given(st.text(max_size=60))
def test_every_part_has_a_place_inside_the_text(text: str) -> None:
    folded = fold(text)
    last = 0
    for index in range(len(folded.text)):
        begins, ends = folded.span(index, index + 1)
        assert last <= begins < ends <= len(text)
        last = begins


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


def test_stretched_letters_are_shortened_and_keep_their_place() -> None:
    folded = fold("Yesss Colleeeen")
    assert folded.is_stretched()
    double = folded.squeezed(2)
    assert double.text == "yess colleen"
    start = double.text.index("colleen")
    assert double.span(start, start + 7) == (6, 15)
    assert folded.squeezed(1).text == "yes collen"
    assert not fold("Colleen").is_stretched()


def test_links_handles_addresses_and_hashtags_are_marks() -> None:
    text = "see https://x.example/mira?a=1 @mira.fan me@mira.example #MiraFan www.mira.example now"
    assert without_marks(text).split() == ["see", "now"]
    assert len(without_marks(text)) == len(text)
    assert [text[start:end][:3] for start, end in marks_of(text)] == ["htt", "@mi", "me@", "#Mi", "www"]


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("JusticeForMira", "Justice For Mira"),
        ("justiceformira", "justiceformira"),
        ("team_mira", "team mira"),
        ("DWTSFinale", "DWTS Finale"),
        ("MBJ", "MBJ"),
    ],
)
def test_a_hashtag_is_parted_into_its_words(tag: str, words: str) -> None:
    assert words_of_tag(tag) == words
