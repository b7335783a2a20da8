"""How well redaction does on texts that people labelled: the figures of docs/security.md."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from include.sources.ctgov.people import Entry, Organization, people
from include.sources.ctgov.privacy import Redactor

ROOT = Path(__file__).resolve().parents[3]
LABELLED = Path(__file__).with_name("labelled_texts.txt")
_MARKED = re.compile(r"\[\[(.+?)\]\](?!\])", re.DOTALL)
_HIDDEN = re.compile(r"\[(?:name|mail|phone)\]")


class Labelled(NamedTuple):
    """A text, the record it is of, and the parts of it that are private."""

    line: str
    text: str
    redactor: Redactor
    private: list[tuple[int, int]]


def labelled() -> Iterator[Labelled]:
    redactor = Redactor()
    for line in LABELLED.read_text(encoding="utf-8").splitlines():
        if line.startswith("@"):
            names, _, rest = line[1:].partition("||")
            sponsor, *conditions = (part.strip() for part in rest.split("|"))
            entries = [Entry(name.strip()) for name in names.split("|")]
            redactor = Redactor(
                people(entries, [Organization(sponsor, "INDUSTRY")] if sponsor else [], conditions)
            )
        elif line and not line.startswith("#"):
            written = line.replace("\\r", "\r").replace("\\n", "\n")
            text, private, at = "", [], 0
            for marked in _MARKED.finditer(written):
                text += written[at : marked.start()]
                private.append((len(text), len(text) + len(marked[1])))
                text += marked[1]
                at = marked.end()
            yield Labelled(line, text + written[at:], redactor, private)


def hidden_in(text: str, published: str) -> list[tuple[int, int]]:
    """Which parts of a text are hidden in what is published of it."""
    pieces = _HIDDEN.split(published)
    found, at = [], len(pieces[0])
    assert text.startswith(pieces[0])
    for number, piece in enumerate(pieces[1:], 2):
        start = len(text) - len(piece) if number == len(pieces) else text.index(piece, at + 1)
        found.append((at, start))
        at = start + len(piece)
    return found


class Quality(NamedTuple):
    """Of what is hidden the share that is private, of what is private the share that is hidden, in full."""

    precision: float
    recall: float
    wrong: list[str]
    missed: list[str]


def measured() -> Quality:
    right = hidden_in_all = private_in_all = covered = 0
    wrong, missed = [], []
    for one in labelled():
        hidden = hidden_in(one.text, one.redactor.text(one.text))
        good = [
            span for span in hidden if any(span[0] < end and start < span[1] for start, end in one.private)
        ]
        kept = [
            (start, end) for start, end in one.private if not any(a <= start and end <= b for a, b in hidden)
        ]
        # A title or a degree around a name may stay or go.
        kept = [span for span in kept if _name_is_left(one.text, span, hidden)]
        right, hidden_in_all = right + len(good), hidden_in_all + len(hidden)
        private_in_all, covered = private_in_all + len(one.private), covered + len(one.private) - len(kept)
        wrong += [one.line] * (len(good) < len(hidden))
        missed += [one.line] * bool(kept)
    return Quality(right / hidden_in_all, covered / private_in_all, wrong, missed)


def _name_is_left(text: str, span: tuple[int, int], hidden: list[tuple[int, int]]) -> bool:
    left = "".join(text[at] for at in range(*span) if not any(start <= at < end for start, end in hidden))
    return re.sub(r"(?i)\b(?:dott?|van|von|der|de|la|di|md|phd|rn|bsn)\b|\W", "", left) != ""


def test_there_are_enough_texts_of_each_kind() -> None:
    texts = list(labelled())
    assert len(texts) >= 400
    assert sum(bool(one.private) for one in texts) >= 180
    assert sum(not one.private for one in texts) >= 180
    assert len({one.text for one in texts}) > 0.95 * len(texts)


def test_precision_and_recall_are_the_documented_ones() -> None:
    quality = measured()
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    said = re.search(r"precision (\d+\.\d) %, recall (\d+\.\d) % \((\d+) texts", page)
    assert said is not None, "docs/security.md must give precision and recall"
    figures = (f"{100 * quality.precision:.1f}", f"{100 * quality.recall:.1f}", str(len(list(labelled()))))
    assert said.groups() == figures, (quality.wrong, quality.missed)
    assert quality.precision >= 0.98 and quality.recall >= 0.95, (quality.wrong, quality.missed)


@pytest.mark.parametrize("field", ["label", "place", "identifier"])
def test_nothing_that_is_no_person_is_hidden_in_any_kind_of_field(field: str) -> None:
    wrong = {
        one.line
        for one in labelled()
        if not one.private and getattr(one.redactor, field)(one.text) != one.text
    }
    assert wrong <= set(measured().wrong)
