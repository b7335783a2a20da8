"""Quality on recorded comments that were read one by one: the documented figures, and floors on the held-out half."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.sources.comments.enrich import load
from include.sources.comments.enrich.language import language_of
from tests.recordings.comments import labels
from tests.sources.comments.enrich import quality
from tests.sources.comments.enrich.quality import Labelled


@pytest.fixture(scope="module")
def comments(recordings: Path) -> Path:
    if not (recordings / "comments").is_dir():
        pytest.skip(
            f"no comments in {recordings}: the figures of docs/comments_quality.md are measured on them"
        )
    return recordings


@pytest.fixture(scope="module")
def held_out(comments: Path) -> list[Labelled]:
    return labels.labelled(comments, "held-out half")


def test_the_labels_are_of_texts_in_the_recordings(comments: Path) -> None:
    """Each text is compared with its hash as it is read."""
    assert len(labels.labelled(comments)) == len(labels.rows("labels.csv")) == 520
    assert len(list(labels.language_lines(comments))) == 4


@pytest.mark.parametrize("half", labels.HALVES)
def test_labelled_comments_have_the_documented_figures(comments: Path, half: labels.Half) -> None:
    printed = quality.lines(f"recordings, {half}", labels.labelled(comments, half), load())
    assert quality.undocumented(printed) == []


def test_names_in_comments_that_were_drawn_when_the_catalogue_was_done_have_the_documented_figures(
    comments: Path,
) -> None:
    assert quality.undocumented(labels.fresh_lines(comments)) == []
    result = quality.entities(labels.fresh(comments), load())
    for each in ("person", "brand"):
        assert result.precision[each].value >= 0.95, each
        assert result.recall[each].value >= 0.9, each


def test_comments_in_languages_that_are_hard_to_tell_have_the_documented_figures(comments: Path) -> None:
    assert quality.undocumented(labels.language_lines(comments)) == []


def test_entities_of_the_held_out_half_keep_their_floors(held_out: list[Labelled]) -> None:
    result = quality.entities(held_out, load())
    for each in ("person", "brand"):
        assert result.precision[each].value >= 0.95, each
        assert result.recall[each].value >= 0.9, each
    assert result.by_rule["pronoun"].value >= 0.75


def test_sentiment_of_the_held_out_half_is_well_above_both_baselines(held_out: list[Labelled]) -> None:
    ours = quality.sentiment(held_out, quality.ours)
    neutral = quality.sentiment(held_out, quality.always_neutral)
    other = quality.sentiment(held_out, quality.other_lexicon)
    assert ours.accuracy.value >= 0.65
    assert ours.macro_f1 >= 0.6
    assert ours.macro_f1 >= max(neutral.macro_f1, other.macro_f1) + 0.15


def test_english_of_the_held_out_half_is_scored(held_out: list[Labelled]) -> None:
    result = quality.languages(((each.text, each.language) for each in held_out), language_of)
    assert result.english.value >= 0.98
    assert result.wordless.value == 1
