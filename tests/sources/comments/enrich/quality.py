"""How good enrichment is on labelled comments: entities, language and sentiment, beside two baselines.

    python -m tests.sources.comments.enrich.quality              on texts of our own making
    python -m tests.sources.comments.enrich.quality RECORDINGS   on the recordings in that folder

docs/comments_quality.md says how the labels were made and holds the lines that are printed.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from include.sources.comments.enrich import BATCH, Catalogue, Enrichment, LexiconScorer, load
from include.sources.comments.enrich.matcher import CONFIDENCE as NAMED
from include.sources.comments.enrich.sentiment import label_of

HERE = Path(__file__).parent
PAGE = HERE.parents[3] / "docs" / "comments_quality.md"
CLASSES = ("positive", "neutral", "negative")
TYPES = ("person", "show", "couple", "brand")
UNDETERMINED = {"none", "und"}
"""Labels of texts without words, and of those whose words tell no language."""


@dataclass(frozen=True)
class Labelled:
    """A comment, and what a person who read it says of it."""

    text: str
    caption: str
    language: str
    sentiment: str
    named: frozenset[str]
    """Entities that the text names, whether the catalogue has them or not."""
    about: frozenset[str]
    """Entities that it may be said to be about without naming them; none where a reader would not say."""


@dataclass
class Share:
    """Right ones among all."""

    right: int = 0
    all: int = 0

    def count(self, right: bool) -> None:
        self.right += right
        self.all += 1

    @property
    def value(self) -> float:
        return self.right / self.all if self.all else 1.0

    def __str__(self) -> str:
        return f"{self.right} of {self.all}" + (f" ({self.value:.1%})" if self.all else "")


@dataclass
class Entities:
    """Precision and recall of named entities by type; precision of entities that a comment is about, by rule."""

    precision: dict[str, Share] = field(default_factory=lambda: {each: Share() for each in TYPES})
    recall: dict[str, Share] = field(default_factory=lambda: {each: Share() for each in TYPES})
    any_recall: Share = field(default_factory=Share)
    """Recall of all named entities, those that the catalogue lacks among them."""
    by_rule: dict[str, Share] = field(default_factory=dict)
    found: Share = field(default_factory=Share)
    """Of the comments that name nobody and are about somebody, those whose entity is found."""

    def lines(self) -> Iterator[str]:
        for each in TYPES:
            yield f"{each}: precision {self.precision[each]}, recall {self.recall[each]}"
        yield f"all that are named, in the catalogue or not: recall {self.any_recall}"
        for rule in sorted(self.by_rule):
            yield f"about somebody by {rule}: {self.by_rule[rule]}"
        yield f"about somebody without a name, and found: {self.found}"


def entities(labelled: Sequence[Labelled], catalogue: Catalogue) -> Entities:
    """What the matcher says of the comments, beside the labels."""
    rows = [
        {
            "platform": "instagram",
            "comment_id": str(number),
            "post_id": each.caption,
            "text": each.text,
            "caption": each.caption,
        }
        for number, each in enumerate(labelled)
    ]
    signals = Enrichment(catalogue).of(pa.Table.from_pylist(rows, BATCH)).signals.to_pylist()
    found: dict[int, dict[str, str]] = {number: {} for number in range(len(labelled))}
    for signal in signals:
        if signal["signal_type"] == "mention":
            found[int(signal["comment_id"])][signal["entity_id"]] = signal["value"]
    result = Entities()
    for number, label in enumerate(labelled):
        named = {entity for entity, how in found[number].items() if how in NAMED}
        for entity in named:
            result.precision[catalogue.by_id[entity].type].count(entity in label.named)
        for entity in label.named:
            if entity in catalogue.by_id:
                result.recall[catalogue.by_id[entity].type].count(entity in named)
            result.any_recall.count(entity in named)
        if not label.named and label.language != "none":
            about = {entity: how for entity, how in found[number].items() if how not in NAMED}
            for entity, how in about.items():
                result.by_rule.setdefault(how, Share()).count(entity in label.about)
            if label.about:
                result.found.count(not label.about.isdisjoint(about))
    return result


@dataclass
class Sentiment:
    """How the classes that were told compare with the labels."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Texts by label and by what was told."""

    @property
    def accuracy(self) -> Share:
        return Share(sum(self.counts[each, each] for each in CLASSES), self.counts.total())

    def f1(self, which: str) -> float:
        """The harmonic mean of precision and recall of a class."""
        labelled = sum(self.counts[which, told] for told in CLASSES)
        told = sum(self.counts[label, which] for label in CLASSES)
        return 2 * self.counts[which, which] / (labelled + told) if labelled + told else 0.0

    @property
    def macro_f1(self) -> float:
        return sum(self.f1(each) for each in CLASSES) / len(CLASSES)

    def line(self, name: str) -> str:
        each = ", ".join(f"{which} {self.f1(which):.3f}" for which in CLASSES)
        return f"{name}: accuracy {self.accuracy}, macro-F1 {self.macro_f1:.3f} ({each})"


def sentiment(labelled: Iterable[Labelled], score: Callable[[str], float]) -> Sentiment:
    """The scores' labels beside those of the comments that are English, or have no words that tell a language."""
    result = Sentiment()
    for each in labelled:
        if each.language == "en" or each.language in UNDETERMINED:
            result.counts[each.sentiment, label_of(score(each.text)).removeprefix("very_")] += 1
    return result


def ours(text: str) -> float:
    """The default scorer's score."""
    return LexiconScorer().score([text])[0]


def always_neutral(text: str) -> float:
    """The first baseline."""
    return 0.0


def other_lexicon(text: str) -> float:
    """The second baseline: the polarity of TextBlob, by the lexicon of pattern.en."""
    from textblob import TextBlob

    return float(TextBlob(text).sentiment.polarity)


def plain_vader(text: str) -> float:
    """VADER as its library has it: what lexicon.yml and the rules of LexiconScorer add is the difference."""
    from vader import polarity_scores

    return polarity_scores(text)["compound"]


SCORERS: dict[str, Callable[[str], float]] = {
    "always neutral": always_neutral,
    "TextBlob": other_lexicon,
    "VADER without additions": plain_vader,
    "ours": ours,
}


@dataclass
class Language:
    """English kept, and other languages told; texts of which nobody can tell are left out."""

    english: Share = field(default_factory=Share)
    """English texts that are scored, so are told to be English or undetermined."""
    other: Share = field(default_factory=Share)
    """Other texts that are told to be in another language than English."""
    exact: Share = field(default_factory=Share)
    """Other texts that are told to be in their language."""
    wordless: Share = field(default_factory=Share)
    """Texts without words that are told to have none."""

    def lines(self) -> Iterator[str]:
        yield f"English that is not taken for another language: {self.english}"
        yield f"another language that is not taken for English: {self.other}, by its name {self.exact}"
        yield f"texts without words: {self.wordless}"


def languages(labelled: Iterable[tuple[str, str]], tell: Callable[[str], str | None]) -> Language:
    """What a detector tells of texts, beside their labels."""
    result = Language()
    for text, label in labelled:
        told = tell(text)
        if label == "none":
            result.wordless.count(told is None)
        elif label == "en":
            result.english.count(told in ("en", "und"))
        elif label != "und":
            result.other.count(told not in (None, "en", "und"))
            result.exact.count(told == label)
    return result


def lines(name: str, labelled: Sequence[Labelled], catalogue: Catalogue) -> Iterator[str]:
    """All figures of the labelled comments, as docs/comments_quality.md has them."""
    from include.sources.comments.enrich.language import language_of

    yield f"{name}: {len(labelled)} comments"
    yield from entities(labelled, catalogue).lines()
    yield from languages(((each.text, each.language) for each in labelled), language_of).lines()
    for scorer, score in SCORERS.items():
        yield sentiment(labelled, score).line(scorer)


def undocumented(printed: Iterable[str]) -> list[str]:
    """The lines that docs/comments_quality.md has not, one after the other in one block."""
    page = PAGE.read_text(encoding="utf-8")
    block = "\n".join(printed)
    return [] if f"```\n{block}\n```" in page else block.splitlines()


def own() -> list[Labelled]:
    """The texts of our own making, about the invented world of catalogue.yml beside this module."""
    with (HERE / "labelled.csv").open(encoding="utf-8", newline="") as file:
        return [
            Labelled(
                row["text"],
                row["caption"],
                row["language"],
                row["sentiment"],
                frozenset(row["named"].split()),
                frozenset(row["about"].split()),
            )
            for row in csv.DictReader(file)
        ]


def own_catalogue() -> Catalogue:
    """Of the invented world."""
    return load(HERE / "catalogue.yml")


def main(arguments: Sequence[str]) -> None:
    """Print the figures."""
    if not arguments:
        print("\n".join(lines("own texts", own(), own_catalogue())))
        return
    from tests.recordings.comments import labels

    recordings = Path(arguments[0])
    for half in labels.HALVES:
        print("\n".join(lines(f"recordings, {half}", labels.labelled(recordings, half), load())), end="\n\n")
    print("\n".join(labels.fresh_lines(recordings)), end="\n\n")
    print("\n".join(labels.language_lines(recordings)))


if __name__ == "__main__":
    main(sys.argv[1:])
