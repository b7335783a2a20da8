"""Quality on labelled texts of our own making: the documented figures, and floors that they may not fall below."""

from __future__ import annotations

import pytest

from include.sources.comments.enrich.language import language_of
from tests.sources.comments.enrich import quality
from tests.sources.comments.enrich.quality import Labelled, Sentiment


@pytest.fixture(scope="module")
def own() -> list[Labelled]:
    return quality.own()


def test_the_labels_are_many_and_name_what_there_is(own: list[Labelled]) -> None:
    entities = quality.own_catalogue().by_id
    assert len(own) >= 190
    assert {each.sentiment for each in own} == set(quality.CLASSES)
    assert all((each.named | each.about) <= entities.keys() for each in own)


def test_own_labelled_texts_have_the_documented_figures(own: list[Labelled]) -> None:
    printed = quality.lines("own texts", own, quality.own_catalogue())
    assert quality.undocumented(printed) == []


def test_entities_of_own_texts_keep_their_floors(own: list[Labelled]) -> None:
    result = quality.entities(own, quality.own_catalogue())
    for each in quality.TYPES:
        assert result.precision[each].value >= 0.85, each
        assert result.recall[each].value >= 0.95, each
    assert result.by_rule["pronoun"].value >= 0.9
    assert result.found.value >= 0.8


def test_sentiment_of_own_texts_is_well_above_both_baselines(own: list[Labelled]) -> None:
    ours = quality.sentiment(own, quality.ours)
    neutral = quality.sentiment(own, quality.always_neutral)
    other = quality.sentiment(own, quality.other_lexicon)
    assert ours.accuracy.value >= 0.75
    assert ours.macro_f1 >= 0.7
    assert ours.macro_f1 >= max(neutral.macro_f1, other.macro_f1) + 0.15


def test_languages_of_own_texts_keep_their_floors(own: list[Labelled]) -> None:
    result = quality.languages(((each.text, each.language) for each in own), language_of)
    assert result.english.value >= 0.98
    assert result.other.value >= 0.9
    assert result.wordless.value == 1


def test_accuracy_and_f1_are_what_the_books_say() -> None:
    result = Sentiment()
    result.counts.update(
        {
            ("positive", "positive"): 3,
            ("positive", "neutral"): 1,
            ("neutral", "positive"): 2,
            ("negative", "negative"): 4,
        }
    )
    assert result.accuracy.value == 0.7
    assert result.f1("positive") == pytest.approx(2 * (3 / 5) * (3 / 4) / (3 / 5 + 3 / 4))
    assert result.f1("neutral") == 0
    assert result.f1("negative") == 1
    assert result.macro_f1 == pytest.approx((2 / 3 + 0 + 1) / 3)
