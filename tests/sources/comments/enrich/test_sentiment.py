"""Scores are what the scorer gave, or a state that says why there is none."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.comments.enrich import sentiment
from include.sources.comments.enrich.sentiment import LexiconScorer, label_of, lexicon, scored


@dataclass
class Stub:
    """A scorer that raises for texts with `bad` in them, and gives `gives` for the others."""

    gives: float = 0.5
    languages: Collection[str] | None = frozenset({"en"})
    name: str = "stub"
    version: str = "1"
    calls: int = 0

    def score(self, texts: Sequence[str]) -> list[float]:
        self.calls += 1
        if any("bad" in text for text in texts):
            raise RuntimeError("the model fell over")
        return [self.gives] * len(texts)


def states(scorer: sentiment.Scorer, *texts: str | None, language: str | None = "en") -> list[str]:
    return [each.state for each in scored(scorer, texts, [language] * len(texts))]


@pytest.mark.parametrize(
    ("score", "label"),
    [
        (1.0, "very_positive"),
        (0.7, "very_positive"),
        (0.699, "positive"),
        (0.3, "positive"),
        (0.299, "neutral"),
        (0.0, "neutral"),
        (-0.299, "neutral"),
        (-0.3, "negative"),
        (-0.699, "negative"),
        (-0.7, "very_negative"),
        (-1.0, "very_negative"),
    ],
)
def test_labels_follow_the_thresholds_of_the_contract(score: float, label: str) -> None:
    assert label_of(score) == label


def test_one_bad_text_does_not_fail_its_neighbours() -> None:
    results = scored(Stub(), ["a", "bad", "c", "d", "bad too", "f", "g"], ["en"] * 7)
    assert [each.state for each in results] == [
        "scored",
        "failed",
        "scored",
        "scored",
        "failed",
        "scored",
        "scored",
    ]
    assert [each.score for each in results] == [0.5, None, 0.5, 0.5, None, 0.5, 0.5]


def test_a_failed_text_has_no_score_and_no_label() -> None:
    """A failed model call was once stored as neutral, and its comment counted as processed."""
    (result,) = scored(Stub(), ["bad"], ["en"])
    assert (result.state, result.score, result.label) == ("failed", None, None)


def test_failures_are_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        scored(Stub(), ["a", "bad"], ["en", "en"])
    (record,) = caplog.records
    assert record.getMessage() == (
        "Scorer stub 1 failed on 1 of 2 texts; they are scored again by the next run. The first: RuntimeError: the "
        "model fell over"
    )


def test_a_scorer_that_is_broken_is_not_asked_for_each_text() -> None:
    scorer = Stub()
    assert set(states(scorer, *["bad"] * 5_000)) == {"failed"}
    assert scorer.calls < 3 * sentiment.FAILURES_MAX


@pytest.mark.parametrize("given_score", [float("nan"), float("inf"), 1.01, -2.0])
def test_what_is_no_score_is_a_failure(given_score: float) -> None:
    assert states(Stub(gives=given_score), "a") == ["failed"]


def test_too_few_scores_are_a_failure() -> None:
    class Short(Stub):
        def score(self, texts: Sequence[str]) -> list[float]:
            return super().score(texts)[1:]

    assert states(Short(), "a", "b") == ["failed", "failed"]


def test_a_text_in_a_language_that_the_scorer_does_not_know_is_not_scored() -> None:
    scorer = Stub()
    assert states(scorer, "me encanta", language="es") == ["other_language"]
    assert scorer.calls == 0
    assert states(Stub(languages=None), "me encanta", language="es") == ["scored"]
    assert states(Stub(languages={"es"}), "me encanta", language="es") == ["scored"]
    assert states(scorer, "ok", language="und") == ["scored"]


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (None, "no_text"),
        ("", "no_text"),
        ("@u_1f2e3d4c5b", "no_text"),
        ("12/10", "no_text"),
        ("🚗", "no_text"),
        ("🔥", "scored"),
        ("❤️", "scored"),
        ("👏🏽", "scored"),
        (":)", "scored"),
        ("https://x.example/:)", "no_text"),
    ],
)
def test_a_text_without_words_is_scored_where_its_emoji_say_something(text: str | None, state: str) -> None:
    assert states(LexiconScorer(), text, language=None) == [state]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("🔥🔥", "🤮🤮"),
        ("She ate and left no crumbs", "She is so mid"),
        ("slay queen", "total flop"),
        ("I looooove it", "I hate it"),
        ("I love it", "I don't love it"),
        ("I love it!!!", "I love it"),
        ("not bad", "bad"),
        ("❤️Mira❤️", "Mira"),
        ("👏🏽👏🏿", "👎🏽"),
        ("#SoBeautiful", "#SoUgly"),
        ("can't wait", "can't stand her"),
        ("She’s not ugly", "She’s ugly"),
        ("this is iconic", "who cares"),
        ("wow 😍", "wow 🙄"),
    ],
)
def test_the_default_scorer_knows_emoji_slang_and_negation(better: str, worse: str) -> None:
    high, low = LexiconScorer().score([better, worse])
    assert high > low


@pytest.mark.parametrize(
    "text", ["Blake Lively and Colleen Hoover", "Wicked", "Sinners", "😂😂", "😭", "noise cancelling"]
)
def test_names_and_emoji_that_say_nothing_by_themselves_are_neutral(text: str) -> None:
    assert LexiconScorer().score([text]) == [0.0]


def test_a_row_of_one_emoji_counts_three_times_at_most() -> None:
    three, many = LexiconScorer().score(["🤮🤮🤮", "🤮" * 50])
    assert three == many


def test_words_in_links_and_handles_have_no_sentiment() -> None:
    assert LexiconScorer().score(["@love_hate https://x.example/horrible"]) == [0.0]


@given(st.text(max_size=200))
def test_any_text_has_a_score_in_range(text: str) -> None:
    (score,) = LexiconScorer().score([text])
    assert -1 <= score <= 1


def test_a_text_of_ten_megabytes_is_scored_by_its_beginning() -> None:
    (result,) = scored(LexiconScorer(), ["what a horrible show " * 500_000], ["en"])
    assert result.label == "very_negative"


def test_the_version_of_the_default_scorer_is_that_of_library_rules_and_additions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = LexiconScorer().version
    assert version == LexiconScorer().version
    monkeypatch.setattr(sentiment, "RULES", "other")
    assert LexiconScorer().version != version


def test_the_default_scorer_can_go_to_a_worker_process() -> None:
    copied = pickle.loads(pickle.dumps(LexiconScorer()))
    assert copied.score(["I love it"]) == LexiconScorer().score(["I love it"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("words: {a: 5}\nphrases: {}\nemoji: {}\n", "<= 4"),
        ("words: {no: -1}\nphrases: {}\nemoji: {}\n", "Expected `str`, got `bool`"),
        ("words: {}\n", "phrases"),
        ("words: {}\nphrases: {}\nemoji: {}\nslang: {}\n", "slang"),
        ("words: [", "expected"),
    ],
)
def test_wrong_additions_to_the_lexicon_are_refused_by_the_name_of_the_file(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "additions.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="additions") as refused:
        lexicon(path)
    assert told in str(refused.value)
