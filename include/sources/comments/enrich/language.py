"""Which language a comment is written in, as far as so short a text can tell.

Comments are short, and a detector is often sure of the wrong language for a few words. What costs most is an English
text that is taken for another one, and so is never scored. So a text most of whose words are everyday English is
English; else the detector decides, and another language is believed from a probability of one half on. What is left is
`und` where it is too short to tell, and English otherwise. docs/comments_quality.md has the figures of py3langid and
lingua by which this was chosen.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from include.sources.comments.enrich.text import WORD, without_marks
from include.sources.comments.enrich.words import everyday_words

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENGLISH = "en"
UNDETERMINED = "und"
"""Words, but too few of them to tell (ISO 639-2)."""

CANDIDATES = tuple("ar de en es fr hi id it ja ko nl pl pt ru sv tl tr zh".split())  # noqa: SIM905
"""Languages that the detector chooses among: the fewer, the surer it is of a short text. Those that comments on
entertainment come in most; any other is taken for its nearest relative or for English."""
BELIEVED = 0.5
"""Another language than English is believed from this probability on."""
ENGLISH_SHARE = 0.5
"""A text is English where everyday English words are so large a share of its words."""
FEWEST_LETTERS = 8
"""The detector is not asked about fewer letters of an alphabet that many languages share."""
LONGEST = 200
"""So many characters tell the language; the time that it takes grows with them."""


def language_of(text: str) -> str | None:
    """The ISO 639 code of the language, `und` where words are too few to tell, None for a text without words."""
    words = WORD.findall(without_marks(text[: 4 * LONGEST]))
    words = [word for word in words if not word.isdigit()]
    if not words:
        return None
    lowered = [word.lower().replace("’", "'") for word in words]  # noqa: RUF001
    every, shared = everyday_words()
    english = [word for word in lowered if word in every]
    if len(english) >= ENGLISH_SHARE * len(words) and any(word not in shared for word in english):
        return ENGLISH
    letters = " ".join(words)[:LONGEST]
    if letters.isascii() and len(letters) < FEWEST_LETTERS:
        return ENGLISH if english else UNDETERMINED
    language, probability = _detector().classify(letters)
    if language == ENGLISH:
        return ENGLISH
    if probability >= BELIEVED:
        return str(language)
    return UNDETERMINED if not _latin(letters) else ENGLISH


def _latin(letters: str) -> bool:
    """Whether most of the letters are Latin ones."""
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return 2 * latin > sum(letter.isalpha() for letter in letters)


@cache
def _detector() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    detector = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    detector.set_languages(list(CANDIDATES))
    return detector
