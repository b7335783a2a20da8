"""How a comment sounds, from -1 to 1, by a scorer that may be another one than ours; what was not scored says why.

A score is never made up: a text that the scorer failed on has the state `failed` and no score, and is scored by the
next run; one in a language that the scorer does not know is `other_language`, one without a word or emoji `no_text`.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
from collections.abc import Collection, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol

import msgspec
import yaml

from include.sources.comments.enrich.language import ENGLISH, UNDETERMINED
from include.sources.comments.enrich.text import without_marks, words_of_tag

if TYPE_CHECKING:
    from vader import SentimentIntensityAnalyzer

log = logging.getLogger(__name__)

Label = Literal["very_positive", "positive", "neutral", "negative", "very_negative"]
State = Literal["scored", "other_language", "no_text", "failed"]

LEXICON = Path(__file__).with_name("lexicon.yml")
RULES = "1"
"""Raised where the rules of LexiconScorer give other scores; what lexicon.yml says counts by itself."""
LONGEST = 5_000
"""A comment is scored by so many of its first characters: time grows with them, and VADER's sum is full long before."""
FAILURES_MAX = 100
"""After so many texts of a batch failed one by one, those that are left are not tried: the scorer is broken."""


class Scorer(Protocol):
    """What gives texts their scores.

    `name` and `version` go into the tables: another version means other scores for equal texts. `languages`: ISO 639
    codes of the languages that it knows; None for any.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def languages(self) -> Collection[str] | None: ...

    def score(self, texts: Sequence[str]) -> list[float]:
        """The score of each text, from -1 to 1. Raises any Exception where it cannot score one of them."""
        ...


class Scored(NamedTuple):
    """What became of one text: a score and its label, or a state that says why there is none."""

    state: State
    score: float | None = None

    @property
    def label(self) -> Label | None:
        """The score in words."""
        return None if self.score is None else label_of(self.score)


def label_of(score: float) -> Label:
    """The label of a score, by the thresholds of the upstream's contract: .7, .3, -.3, -.7."""
    if score >= 0.7:  # noqa: PLR2004
        return "very_positive"
    if score >= 0.3:  # noqa: PLR2004
        return "positive"
    if score > -0.3:  # noqa: PLR2004
        return "neutral"
    return "negative" if score > -0.7 else "very_negative"  # noqa: PLR2004


def scored(scorer: Scorer, texts: Sequence[str | None], languages: Sequence[str | None]) -> list[Scored]:
    """What becomes of each text. `languages`: of each its code, `und`, or None for one without words."""
    results: list[Scored | None] = []
    asked: list[int] = []
    for index, (text, language) in enumerate(zip(texts, languages, strict=True)):
        state = _unscorable(scorer, text, language)
        results.append(state)
        if state is None:
            asked.append(index)
    scores = _scores(scorer, [(texts[index] or "")[:LONGEST] for index in asked])
    for index, score in zip(asked, scores, strict=True):
        results[index] = FAILED if score is None else Scored("scored", score)
    return [result for result in results if result is not None]


FAILED = Scored("failed")


def _unscorable(scorer: Scorer, text: str | None, language: str | None) -> Scored | None:
    if text is None or (language is None and not _says_something(text)):
        return Scored("no_text")
    known = scorer.languages is None or language in (None, UNDETERMINED) or language in scorer.languages
    return None if known else Scored("other_language")


def _says_something(text: str) -> bool:
    """Whether a text without words has an emoji, or an emoticon, that has a valence."""
    return any(character in lexicon().emoji_characters for character in text) or (
        _EMOTICON.search(without_marks(text)) is not None
    )


_EMOTICON = re.compile(r"(?<!\S)(?:[:;=8][-^']?[)(\]\[DPpOo/\\|]|<3|</3|xD|XD)(?!\S)")


def _scores(scorer: Scorer, texts: Sequence[str]) -> list[float | None]:
    """The scores; None for a text that the scorer failed on. One bad text does not fail its neighbours."""
    failures: dict[int, str] = {}
    results: list[float | None] = [None] * len(texts)
    waiting = [(0, len(texts))] if texts else []
    while waiting:
        start, end = waiting.pop()
        if len(failures) >= FAILURES_MAX:
            failures.update((index, "not tried, since too many failed") for index in range(start, end))
            continue
        try:
            results[start:end] = _checked(scorer, texts[start:end])
        except Exception as error:  # noqa: BLE001 - whatever a scorer raises, its texts are failed and not neutral
            if end - start == 1:
                failures[start] = f"{type(error).__name__}: {error}"
            else:
                middle = (start + end) // 2
                waiting += [(middle, end), (start, middle)]
    if failures:
        first = min(failures)
        log.warning(
            "Scorer %s %s failed on %d of %d texts; they are scored again by the next run. The first: %s",
            scorer.name,
            scorer.version,
            len(failures),
            len(texts),
            failures[first],
        )
    return results


class InvalidScore(ValueError):
    """A scorer gave what is no score."""


def _checked(scorer: Scorer, texts: Sequence[str]) -> list[float]:
    """The scores of the texts. Raises InvalidScore where they are too few or too many, or one is not in [-1, 1]."""
    scores = scorer.score(texts)
    if len(scores) != len(texts):
        raise InvalidScore(f"{scorer.name} gave {len(scores)} scores for {len(texts)} texts")
    for score in scores:
        if not (isinstance(score, float | int) and math.isfinite(score) and -1 <= score <= 1):
            raise InvalidScore(f"{scorer.name} gave the score {score!r}, which is not between -1 and 1")
    return [float(score) for score in scores]


# --- The default: VADER with the slang of fandoms -----------------------------------------------------

Valence = Annotated[float, msgspec.Meta(ge=-4, le=4)]


class Lexicon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """What is added to VADER's lexicon, or replaces it; lexicon.yml says what it means."""

    words: dict[str, Valence]
    phrases: dict[str, Valence]
    emoji: dict[str, Valence]

    @cached_property
    def emoji_characters(self) -> frozenset[str]:
        """The emoji, as single characters."""
        return frozenset(self.emoji)


@cache
def lexicon(path: Path = LEXICON) -> Lexicon:
    """The additions of a file. Raises ValueError naming file, field and value where one is wrong."""
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return msgspec.convert(document, type=Lexicon)
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}. Valences are numbers from -4 to 4.") from error


_STRETCHED = re.compile(r"([a-z])\1{2,}", re.IGNORECASE)


class LexiconScorer:
    """VADER (Hutto and Gilbert, 2014), as nltk-vader-sentiment has it, with the additions of lexicon.yml.

    An emoji has a valence of its own, whatever its skin; a row of one emoji counts three times at most. Stretched
    words (`loooove`) are shortened. Links, handles and hashtags say nothing, but a hashtag's words do.
    """

    name = "vader-fandom"
    languages: Collection[str] | None = frozenset({ENGLISH})

    @cached_property
    def version(self) -> str:
        """Of the library and of the rules here, and a hash of the additions."""
        from importlib.metadata import version

        additions = hashlib.sha256(msgspec.json.encode(lexicon(), order="deterministic")).hexdigest()[:12]
        return f"{version('nltk-vader-sentiment')}+{RULES}.{additions}"

    def score(self, texts: Sequence[str]) -> list[float]:
        """VADER's compound of each text."""
        rate = _analyzer().polarity_scores
        return [rate(_prepared(text))["compound"] for text in texts]


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    from vader import SentimentIntensityAnalyzer
    from vader.constants import BOOSTER_DICT
    from vader.data.lexicon import MULTIWORD

    additions = lexicon()
    return SentimentIntensityAnalyzer(
        booster={word: by for word, by in BOOSTER_DICT.items() if word not in additions.words},
        extra_lexicon={**additions.words, **additions.emoji},
        multiword={**MULTIWORD, **additions.phrases},
        # Each stands for itself: VADER then parts it from the words beside it
        emoji={each: each for each in additions.emoji},
    )


_SKINS_AND_VARIANTS = dict.fromkeys((0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)))
_ROW = re.compile(r"([^\w\s.!?,])\1{3,}")
_HASHTAG = re.compile(r"#(\w+)")


def _prepared(text: str) -> str:
    """The text as VADER should read it."""
    if "#" in text:
        text = _HASHTAG.sub(lambda tag: words_of_tag(tag[1]), text)
    text = without_marks(text)
    if not text.isascii():
        text = _ROW.sub(r"\1\1\1", text.translate(_SKINS_AND_VARIANTS))
    if _STRETCHED.search(text):
        text = " ".join(_shortened(word) for word in text.split())
    return text


def _shortened(word: str) -> str:
    """A word without stretched letters: with two of each where the lexicon has that, else with one."""
    if not _STRETCHED.search(word):
        return word
    double = _STRETCHED.sub(r"\1\1", word)
    return double if double.lower().strip("!?.,") in _analyzer().lexicon else _STRETCHED.sub(r"\1", word)
