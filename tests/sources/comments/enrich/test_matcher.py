"""Entities are found where they are named, and nowhere else."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.comments.enrich import Catalogue
from include.sources.comments.enrich.catalogue import Ambiguous, Entity
from include.sources.comments.enrich.matcher import Matcher, Surroundings, matcher


def named(catalogue: Catalogue, text: str, around: Surroundings | None = None) -> list[tuple[str, str]]:
    found = matcher(catalogue).find(text, around or Surroundings())
    return [(each.entity_id, each.how) for each in found.named]


@pytest.mark.parametrize(
    "text",
    [
        "What is the benefit of this?",
        "Bend it, bench it, Benedict",
        "admirable miracle, Miranda",
        "harbor  light s",
        "see https://example.com/mira or mail mira@example.com",
        "@mira_fan @mira.fan look",
        "#miracle #teammiranda",
        "vals and valves",
        "co-mirak",
        "_mira_",
        "",
        "🔥🔥",
    ],
)
def test_a_name_inside_another_word_link_or_handle_is_none(catalogue: Catalogue, text: str) -> None:
    """Lower-case substrings once made "benefit" a comment on Ben."""
    assert named(catalogue, text) == []


@pytest.mark.parametrize(
    ("text", "entity", "how"),
    [
        ("Mira Valdane", "mira_valdane", "name"),
        ("mira valdane!!", "mira_valdane", "name"),
        ("MIRA\nVALDANE", "mira_valdane", "name"),
        ("I love Mira", "mira_valdane", "alias"),
        ("🔥Mira🔥", "mira_valdane", "alias"),
        ("❤️❤️ mira ❤️", "mira_valdane", "alias"),
        ("Mira's hair", "mira_valdane", "alias"),
        ("Mira’s hair", "mira_valdane", "alias"),
        ("the Miras of this world", "mira_valdane", "alias"),
        ("Miraaaaaa", "mira_valdane", "alias"),
        ("Mi\u200bra", "mira_valdane", "alias"),
        ("𝐌𝐢𝐫𝐚", "mira_valdane", "alias"),
        ("(Mira)", "mira_valdane", "alias"),
        ("Mira/Theo", "mira_valdane", "alias"),
        ("Miraは本当に素敵です", "mira_valdane", "alias"),
        ("진짜Mira최고", "mira_valdane", "alias"),
        ("Mira々", "mira_valdane", "alias"),
        ("Miraក្រុម", "mira_valdane", "alias"),
        ("@miravaldaneさん大好き", "mira_valdane", "handle"),
        ("昨日の@miravaldane", "mira_valdane", "handle"),
        ("@miravaldane hi", "mira_valdane", "handle"),
        ("hi @MiraValdane.", "mira_valdane", "handle"),
        ("@theo.brandt", "theo_brandt", "handle"),
        ("#MiraValdane", "mira_valdane", "hashtag"),
        ("#miravaldane", "mira_valdane", "hashtag"),
        ("#mira_valdane", "mira_valdane", "hashtag"),
        ("#JusticeForMira", "mira_valdane", "hashtag"),
        ("#TeamMira", "mira_valdane", "hashtag"),
        ("zoe laurent", "zoe_laurent", "name"),
        ("ZOË LAURENT", "zoe_laurent", "name"),
        ("north and fern", "north_fern", "alias"),
        ("North & Fern's new line", "north_fern", "name"),
    ],
)
def test_a_name_is_found_however_it_is_written(
    catalogue: Catalogue, text: str, entity: str, how: str
) -> None:
    found = dict(named(catalogue, text))
    assert entity in found
    if how != "alias" or " " not in text:
        assert found[entity] in (how, "name")


def test_where_a_name_stands_is_told_in_the_text_itself(catalogue: Catalogue) -> None:
    text = "❤️  “Zoë”\u200b and Miraaaa’s dog"
    found = matcher(catalogue).find(text).named
    assert [text[each.start : each.end] for each in found] == ["Zoë", "Miraaaa"]


def test_a_handle_goes_on_to_its_end(catalogue: Catalogue) -> None:
    assert named(catalogue, "@theo.brandt.fan @miravaldane_1 x@miravaldane") == []


def test_an_ambiguous_name_counts_with_a_word_that_it_needs(catalogue: Catalogue) -> None:
    assert named(catalogue, "Ben did it") == []
    assert named(catalogue, "Ben loves his Lumora serum") == [("ben_okafor", "ambiguous"), ("lumora", "name")]
    assert named(catalogue, "June the singer was rude") == [("june_park", "ambiguous")]
    assert named(catalogue, "June the actress was rude") == [("june_castellan", "ambiguous")]


def test_an_ambiguous_name_counts_where_the_entity_is_named_otherwise(catalogue: Catalogue) -> None:
    assert named(catalogue, "Ben Okafor again. Ben!") == [("ben_okafor", "name"), ("ben_okafor", "ambiguous")]
    around = Surroundings(frozenset({"ben_okafor"}), "")
    assert named(catalogue, "Ben!", around) == [("ben_okafor", "ambiguous_by_post")]
    assert named(catalogue, "Ben!", Surroundings(frozenset(), " the goalie retires ")) == [
        ("ben_okafor", "ambiguous_by_post")
    ]


def test_an_ambiguous_name_of_two_who_are_both_there_means_none(catalogue: Catalogue) -> None:
    around = Surroundings(frozenset({"june_park", "june_castellan"}), "")
    found = matcher(catalogue).find("June looks bored", around)
    assert found.named == ()
    assert [(each.alias, each.candidates) for each in found.unclear] == [
        ("june", ("june_castellan", "june_park"))
    ]


def test_the_nearest_context_wins(catalogue: Catalogue) -> None:
    around = Surroundings(frozenset({"june_park"}), "")
    assert named(catalogue, "June the actress", around) == [("june_castellan", "ambiguous")]


def test_a_word_of_context_is_a_whole_word(catalogue: Catalogue) -> None:
    assert named(catalogue, "June in the parking lot") == []


@pytest.mark.parametrize(
    "text", ["Mira and Theo", "Mira & Theo!", "theo and mira's dog", "#MiraAndTheo", "Theomira"]
)
def test_a_couple_by_its_name_is_the_couple_and_neither_of_the_two(catalogue: Catalogue, text: str) -> None:
    assert [entity for entity, _ in named(catalogue, text)] == ["mira_and_theo"]


def test_two_who_are_named_apart_are_no_couple(catalogue: Catalogue) -> None:
    found = {entity for entity, _ in named(catalogue, "Mira looks great, Theo Brandt too")}
    assert found == {"mira_valdane", "theo_brandt"}


def test_one_who_is_named_beside_the_couple_counts_besides(catalogue: Catalogue) -> None:
    found = {entity for entity, _ in named(catalogue, "Mira and Theo are cute, but Theo could do better")}
    assert found == {"mira_and_theo", "theo_brandt"}


def test_the_longest_name_wins_wherever_it_begins() -> None:
    catalogue = Catalogue(
        [
            Entity(id="sony", name="Sonara", type="brand"),
            Entity(id="xm", name="XM5", canonical_name="Sonara XM5", type="brand"),
            Entity(id="club", name="Night Club Sonara", type="show"),
        ]
    )
    assert named(catalogue, "my Sonara XM5 are loud") == [("xm", "name")]
    assert named(catalogue, "Night Club Sonara XM5") == [("club", "name"), ("xm", "name")]


def test_what_is_not_active_is_not_found(catalogue: Catalogue) -> None:
    assert named(catalogue, "Otto Starling classics") == []


def test_a_short_name_has_no_plural() -> None:
    catalogue = Catalogue(
        [Entity(id="val", name="Val", type="person"), Entity(id="mira", name="Mira", type="person")]
    )
    assert named(catalogue, "vals miras val's") == [("mira", "name"), ("val", "name")]


def test_a_name_in_a_hashtag_is_parted_by_capitals_only(catalogue: Catalogue) -> None:
    assert named(catalogue, "#ilovemira") == []
    assert named(catalogue, "#ILoveMiraValdane") == [("mira_valdane", "hashtag")]


def test_a_catalogue_of_ambiguous_names_alone_finds_them_by_their_context() -> None:
    hidden = Entity(
        id="wren", name="Wren", type="person", ambiguous=(Ambiguous(alias="Wren", context=("song",)),)
    )
    catalogue = Catalogue([hidden])
    assert named(catalogue, "a wren in my garden") == []
    assert named(catalogue, "that song by Wren") == [("wren", "ambiguous")]


@given(st.text(max_size=80))
def test_any_text_can_be_searched_and_spans_lie_inside_it(text: str) -> None:
    short = Entity(id="aa", name="aa", type="show", handles=("aa",))
    finder = Matcher(Catalogue([short, Entity(id="b", name="ba b", type="show")]))
    found = finder.find(f"{text} aa {text}")
    assert all(0 <= each.start < each.end <= 2 * len(text) + 4 for each in found.named)
    spans = sorted(each.span for each in found.named)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
