"""What one comment says, and what it was made to mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sandbox.comments import vocabulary as words
from sandbox.comments.entities import MONITORED, UNMONITORED, Entity
from sandbox.sample.chance import Chance

Sentiment = Literal[-1, 0, 1]
How = Literal["name", "alias", "ambiguous", "handle", "hashtag", "possessive", "pronoun"]


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity that a comment speaks of. how: `ambiguous` and `pronoun` mean it only below a post about it."""

    entity: str
    how: How
    sentiment: Sentiment


@dataclass(frozen=True, slots=True)
class Said:
    """A text and its meaning.

    Attributes:
        text: as posted, empty where the comment is a picture.
        language: ISO 639-1, None where there are no words.
        sentiment: of the whole, None where there is no text.
        mentions: entities, monitored or not.
        friends: accounts of private persons that are addressed, without @.
        junk: advertising, or letters without a meaning.
    """

    text: str
    language: str | None
    sentiment: Sentiment | None
    mentions: tuple[Mention, ...] = ()
    friends: tuple[str, ...] = ()
    junk: bool = False


_PRONOUNS = {
    "she": ("she", "her", "is", "s"),
    "he": ("he", "his", "is", "s"),
    "they": ("they", "their", "are", ""),
    "it": ("it", "its", "is", "s"),
}
_PHRASES = {1: words.POSITIVE, 0: words.NEUTRAL, -1: words.NEGATIVE}
_OF_PRONOUNS = {1: words.PRONOUN_POSITIVE, 0: words.PRONOUN_NEUTRAL, -1: words.PRONOUN_NEGATIVE}
_GENERIC = {1: words.GENERIC_POSITIVE, 0: words.GENERIC_NEUTRAL, -1: words.GENERIC_NEGATIVE}
_EMOJI = {1: words.EMOJI_POSITIVE, 0: words.EMOJI_NEUTRAL, -1: words.EMOJI_NEGATIVE}
_LANGUAGES = tuple(words.OTHER_LANGUAGES)
# A sentence in another language blames with one of these words, praises where it names somebody, and else asks
_BLAMING = (
    "vergüenza", "honteux", "schlechteste", "não acredito", "delusione", "ужас", "محزن", "悲しい", "슬픈", "दुखद",
)  # fmt: skip

Mood = Callable[[Entity], float]
"""How people feel about somebody at the time, from -1 to 1."""


def say(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    """A comment below a post about these subjects; friend: draws the account of a private person."""
    kind = chance.random()
    for share, make in _KINDS:
        if kind < share:
            return make(chance, subjects, mood, friend)
        kind -= share
    return Said("", None, None)


def name(chance: Chance, entity: Entity, in_context: bool) -> tuple[str, How]:
    """One of the spellings of an entity."""
    if in_context and entity.ambiguous and chance.happens(0.18):
        return chance.choice(entity.ambiguous), "ambiguous"
    if entity.aliases and chance.happens(0.18):
        return chance.choice(entity.aliases), "alias"
    if entity.monitored and chance.happens(0.1):
        return f"@{entity.handle}", "handle"
    if chance.happens(0.12):
        return f"#{entity.hashtag}", "hashtag"
    return entity.name, "name"


def _feeling(chance: Chance, mood: float) -> Sentiment:
    if chance.happens(0.5 + 0.35 * mood):
        return 1
    return -1 if chance.happens(0.45 - 0.3 * mood) else 0


def _whom(chance: Chance, subjects: Sequence[Entity]) -> Entity:
    """Mostly whom the post is about."""
    if chance.happens(0.8):
        return chance.choice(subjects)
    return chance.choice(MONITORED if chance.happens(0.85) else UNMONITORED)


def _about(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    entity = _whom(chance, subjects)
    feeling = _feeling(chance, mood(entity))
    phrase = chance.choice(_PHRASES[feeling])
    spelling, how = name(chance, entity, entity in subjects)
    if "{e}'s" in phrase and how in {"name", "alias"}:
        how = "possessive"
        if chance.happens(0.5):
            phrase = phrase.replace("{e}'s", "{e}’s")  # noqa: RUF001  (as phones write it)
    text = phrase.replace("{e}", spelling)
    return Said(_voice(chance, text, feeling), "en", feeling, (Mention(entity.id, how, feeling),))


def _compared(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    better, worse = chance.sample(MONITORED, 2)
    (one, how), (two, how2) = name(chance, better, better in subjects), name(chance, worse, worse in subjects)
    text = chance.choice(words.COMPARED).replace("{e2}", two).replace("{e}", one)
    return Said(text, "en", 0, (Mention(better.id, how, 1), Mention(worse.id, how2, -1)))


def _pronoun(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    entity = subjects[0]
    # A pronoun that may mean two of them means none
    alike = [each for each in subjects if each.type == "person" and each.pronoun == entity.pronoun]
    if alike != [entity]:
        return _generic(chance, subjects, mood, friend)
    they, their, is_, s = _PRONOUNS[entity.pronoun]
    feeling = _feeling(chance, mood(entity))
    text = chance.choice(_OF_PRONOUNS[feeling]).format(they=they, their=their, **{"is": is_, "s": s})
    return Said(_voice(chance, text, feeling), "en", feeling, (Mention(entity.id, "pronoun", feeling),))


def _generic(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    feeling = _feeling(chance, mood(subjects[0]))
    return Said(_voice(chance, chance.choice(_GENERIC[feeling]), feeling), "en", feeling)


def _emoji(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    feeling = _feeling(chance, mood(subjects[0]))
    return Said(chance.choice(_EMOJI[feeling]), None, feeling)


def _foreign(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    language = chance.choice(_LANGUAGES)
    phrase = chance.choice(words.OTHER_LANGUAGES[language])
    feeling: Sentiment = -1 if any(word in phrase for word in _BLAMING) else 1 if "{e}" in phrase else 0
    mentions: tuple[Mention, ...] = ()
    if "{e}" in phrase:
        entity = _whom(chance, subjects)
        phrase = phrase.replace("{e}", entity.name)
        mentions = (Mention(entity.id, "name", feeling),)
    return Said(phrase, language, feeling, mentions)


def _to_friend(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    phrase = chance.choice(words.TO_A_FRIEND)
    friends = tuple(friend() for _ in range(1 + ("{at2}" in phrase)))
    text = phrase.replace("{at}", f"@{friends[0]}").replace("{at2}", f"@{friends[-1]}")
    return Said(text, "en", 0, (), friends)


def _trap(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    return Said(chance.choice(words.TRAPS), "en", 0)


def _junk(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    return Said(chance.choice(words.JUNK), None, 0, junk=True)


def _long(chance: Chance, subjects: Sequence[Entity], mood: Mood, friend: Callable[[], str]) -> Said:
    first = _about(chance, subjects, mood, friend)
    rest = chance.sample(words.LONG, chance.randint(2, 5))
    between = chance.choice(("\n", "\n\n", " ", "\r\n"))
    return Said(between.join((first.text, *rest)), "en", first.sentiment, first.mentions)


_KINDS = (
    (0.36, _about),
    (0.19, _emoji),
    (0.13, _generic),
    (0.1, _pronoun),
    (0.07, _foreign),
    (0.06, _to_friend),
    (0.03, _trap),
    (0.02, _junk),
    (0.02, _compared),
    (0.014, _long),
)
"""How often each kind comes; what is left are pictures without a text."""


def _voice(chance: Chance, text: str, feeling: Sentiment) -> str:
    """The text as somebody types it: in small or large letters, drawn out, with slang, emoji, combining accents."""
    if chance.happens(0.35):
        text = text.lower()
    elif chance.happens(0.05):
        text = text.upper()
    if " so " in text and chance.happens(0.2):
        text = text.replace(" so ", " soooo ")
    if chance.happens(0.12):
        text = f"{text} {chance.choice(words.SLANG)}"
    if not text.isascii() and chance.happens(0.1):
        text = unicodedata.normalize("NFD", text)
    if chance.happens(0.25):
        text += chance.choice((" ", "")) + chance.choice(_EMOJI[feeling])
    elif chance.happens(0.25):
        text += chance.choice(("!", "!!!", "...", "?!")) if feeling else "?"
    return text


def caption(chance: Chance, subjects: Sequence[Entity], topic: str) -> str:
    """What a post says of itself: a headline, paragraphs with quotes, a credit."""
    they = _PRONOUNS[subjects[0].pronoun][0]
    fill: Mapping[str, str] = {
        "{e}": subjects[0].name,
        "{e2}": subjects[-1].name,
        "{topic}": words.TOPICS[topic],
        "{they}": they,
    }
    lines = [chance.choice(words.HEADLINES), *chance.sample(words.QUOTES, chance.randint(1, 3))]
    text = "\n".join(lines)
    for slot, value in fill.items():
        text = text.replace(slot, value)
    return text
