"""Names that the catalogue lacks and many comments have: candidates for it, without junk and without private persons.

A candidate is a run of capitalised words, or a hashtag. A single capitalised word counts only inside a sentence, since
every sentence begins with one, and nothing counts in a text that is all capitals. An everyday word is no name, nor is
what junk.yml lists: credit lines ("Getty Images" once led the list with 7,123 mentions), calls ("link in bio"),
interjections. Handles are never candidates, since nothing tells a public account from a private one. Nor are the names
of those who comment: the build (enriching.py) drops these by `handles_of`, since it knows hashes of authors alone.

A candidate is counted by the comments that have it, and joins the discovered entities from ten of them on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from include.sources.comments.enrich.catalogue import folded
from include.sources.comments.enrich.text import MARK, Places, without_marks, words_of_tag
from include.sources.comments.enrich.words import everyday_words
from include.sources.comments.letters import LETTER

JUNK = Path(__file__).with_name("junk.yml")
JOINS_AT = 10
"""So many distinct comments make a candidate a discovered entity; the upstream's contract says so."""
LONGEST = 4
"""Words of a candidate; a longer run is a headline."""
LEAST_LETTERS = 3
EXAMPLES = 5
"""Ids of comments that an item of the review queue shows."""

Kind = Literal["capitalised", "hashtag"]

MENTIONS = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("comment_id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("spelling", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
    ]
)
"""One row for each candidate of a comment. `name` is folded, `spelling` as it was written."""

DISCOVERED = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("spelling", pa.string(), nullable=False),
        pa.field("mentions", pa.int64(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
    ]
)
"""One row for each candidate. `spelling`: the most frequent; `mentions`: distinct comments; `status`: joined from ten
on, else candidate."""

REVIEWS = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("comment_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""One row for each doubt that a comment raises."""

REVIEW_QUEUE = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("comments", pa.int64(), nullable=False),
        pa.field("examples", pa.list_(pa.string()), nullable=False),
    ]
)
"""What a person should decide. `comments`: how many distinct ones; `examples`: `platform/comment_id` of some."""


class Candidate(NamedTuple):
    """A name that may be one of an entity."""

    name: str
    spelling: str
    kind: Kind


class _Junk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: frozenset[str]
    words: frozenset[str]


@cache
def _junk() -> _Junk:
    document: Any = yaml.safe_load(JUNK.read_text(encoding="utf-8"))
    return msgspec.convert(document, type=_Junk)


_UPPER = "A-ZÀ-ÖØ-Þ"
_NAME_WORD = rf"[{_UPPER}]{LETTER}*(?:['’.-][{_UPPER}]?{LETTER}+)*"  # noqa: RUF001
_RUN = re.compile(
    rf"(?<!{LETTER})(?<![@#'’]){_NAME_WORD}(?: (?:(?:of|the|de|van|der|von|la|&) )?{_NAME_WORD})*"  # noqa: RUF001
)
_INSIDE = re.compile(r"[\w,'’&/]")  # noqa: RUF001
"""Before a word inside a sentence stands one of these, blanks apart; any other mark or an emoji ends a sentence."""
_POSSESSIVE = re.compile(r"['’]s?$")  # noqa: RUF001
_CAPITALS = re.compile(f"[{_UPPER}]")
LONGEST_ACRONYM = 4


def candidates(
    text: str,
    taken: Collection[tuple[int, int]] = (),
    capitals: bool = True,
) -> list[Candidate]:
    """The names in a text that nobody knows, each once, in their order.

    `taken`: spans where known names stand. `capitals`: whether a capital tells a name, as it does in English and not in
    German.
    """
    known = Places(len(text), taken)
    found = list(_of_tags(text, known)) if "#" in text else []
    plain = without_marks(text)
    rest = plain[1:]
    if not capitals or rest == rest.lower():  # the one capital begins a sentence
        return list(dict.fromkeys(found))
    runs = [
        candidate
        for run in _RUN.finditer(plain)
        if not known.overlap(*run.span()) and (candidate := _of_run(plain, run)) is not None
    ]
    if runs and not _shouts(plain):
        found += runs
    return list(dict.fromkeys(found))


def _of_tags(text: str, known: Places) -> Iterator[Candidate]:
    for mark in MARK.finditer(text):
        if mark[0][0] != "#" or known.overlap(*mark.span()):
            continue
        words = " ".join(words_of_tag(mark[0][1:]).split())
        name = folded(words)
        if _is_name(name.split()):
            yield Candidate(name, words, "hashtag")


def _of_run(text: str, run: re.Match[str]) -> Candidate | None:
    """The candidate that a run of capitalised words is, without everyday words at its ends."""
    everyday = everyday_words().all
    if run[0].lower() in everyday:
        return None
    written = run[0].split()
    words = [_POSSESSIVE.sub("", word) for word in written]
    while words and (words[-1].lower() in everyday or not words[-1][0].isupper()):
        words.pop()
    while words and (words[0].lower() in everyday or not words[0][0].isupper()):
        words.pop(0)
    if not words or len(words) > LONGEST:
        return None
    if len(words) == 1:
        begins = _POSSESSIVE.sub("", written[0]) == words[0] and _begins_sentence(text, run.start())
        if begins or (len(words[0]) > LONGEST_ACRONYM and words[0].isupper()):
            return None
    spelling = " ".join(words)
    name = folded(spelling)
    return Candidate(name, spelling, "capitalised") if _is_name(name.split()) else None


def _begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" ")
    return not before or _INSIDE.match(before[-1]) is None


def _is_name(words: list[str]) -> bool:
    """Whether the folded words may be a name: none of them junk, and not all of them everyday."""
    junk, everyday = _junk(), everyday_words().all
    if not words or " ".join(words) in junk.names or not junk.words.isdisjoint(words):
        return False
    if all(word in everyday or word in _feelings() for word in words):
        return False
    return sum(letter.isalpha() for letter in "".join(words)) >= LEAST_LETTERS


@cache
def _feelings() -> frozenset[str]:
    """Words that say a feeling, which comments write large: VADER's lexicon."""
    from vader.data.lexicon import LEXICON

    return frozenset(word for word in LEXICON if word.isalpha())


def _shouts(text: str) -> bool:
    """Whether most of the letters are capitals, so that a capital tells nothing."""
    return 2 * len(_CAPITALS.findall(text)) > sum(map(str.isalpha, text))


def handles_of(spelling: str) -> frozenset[str]:
    """What somebody of this name may be called as an author: the name itself, and its words as handles join them.

    With accents and without. Handles with more in them (`nova.quindlen93`) and a first name alone are beyond this.
    """
    return frozenset(
        joint.join(written.split())
        for written in (spelling, folded(spelling))
        for joint in (" ", "", ".", "_", "-")
    )


# --- Over many comments -------------------------------------------------------------------------------


def discovered(mentions: pa.Table, joins_at: int = JOINS_AT) -> pa.Table:
    """The candidates of all mentions, most frequent first, as DISCOVERED."""
    comments = mentions.group_by(["name", "platform", "comment_id"]).aggregate([])
    counts = comments.group_by("name").aggregate([("comment_id", "count")])
    spellings = mentions.group_by(["name", "spelling"]).aggregate([("comment_id", "count")])
    spellings = spellings.sort_by([("comment_id_count", "descending"), ("spelling", "ascending")])
    usual: dict[str, str] = {}
    for name, spelling in zip(spellings["name"].to_pylist(), spellings["spelling"].to_pylist(), strict=True):
        usual.setdefault(name, spelling)
    counts = counts.sort_by([("comment_id_count", "descending"), ("name", "ascending")])
    number = counts["comment_id_count"]
    return pa.table(
        {
            "name": counts["name"],
            "spelling": pa.array([usual[name] for name in counts["name"].to_pylist()], pa.string()),
            "mentions": number,
            "status": pc.if_else(pc.greater_equal(number, joins_at), "joined", "candidate"),
        }
    ).cast(DISCOVERED)


def review_queue(reviews: pa.Table, names: pa.Table, mentions: pa.Table) -> pa.Table:
    """What a person should decide: ambiguous aliases without context, and frequent names that the catalogue lacks.

    `reviews` as REVIEWS, `names` as DISCOVERED, `mentions` as MENTIONS. Most comments first.
    """
    spellings = {
        row["name"]: row["spelling"] for row in names.filter(pc.equal(names["status"], "joined")).to_pylist()
    }
    doubts = [
        (row["kind"], row["item"], row["reason"], f"{row['platform']}/{row['comment_id']}")
        for row in reviews.to_pylist()
    ]
    doubts += [
        (
            "unknown_name",
            row["name"],
            f"{spellings[row['name']]} stands in at least {JOINS_AT} comments and not in the catalogue",
            f"{row['platform']}/{row['comment_id']}",
        )
        for row in mentions.filter(
            pc.is_in(mentions["name"], pa.array(list(spellings), pa.string()))
        ).to_pylist()
    ]
    return _queue(doubts)


def _queue(doubts: Iterable[tuple[str, str, str, str]]) -> pa.Table:
    comments: dict[tuple[str, str], set[str]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for kind, item, reason, comment in doubts:
        comments.setdefault((kind, item), set()).add(comment)
        reasons[kind, item] = min(reason, reasons.get((kind, item), reason))
    order = sorted(comments, key=lambda item: (-len(comments[item]), *item))
    rows = [
        {
            "kind": kind,
            "item": item,
            "reason": reasons[kind, item],
            "comments": len(comments[kind, item]),
            "examples": sorted(comments[kind, item])[:EXAMPLES],
        }
        for kind, item in order
    ]
    return pa.Table.from_pylist(rows, schema=REVIEW_QUEUE)
