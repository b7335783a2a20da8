"""What a comment says, of whom and how: catalogue and scorer over a batch of comments. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from include.sources import parsing
from include.sources.comments.enrich import discovery
from include.sources.comments.enrich.catalogue import Catalogue
from include.sources.comments.enrich.context import PostContext, about, post_context
from include.sources.comments.enrich.language import ENGLISH, UNDETERMINED, language_of
from include.sources.comments.enrich.matcher import (
    RULES,
    Matcher,
    Named,
    Surroundings,
    Unclear,
    in_words,
    matcher,
)
from include.sources.comments.enrich.sentiment import LexiconScorer, Scorer, scored
from include.sources.comments.enrich.text import fold, marks_of, without_marks

BATCH = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("comment_id", pa.string(), nullable=False),
        pa.field("post_id", pa.string()),
        pa.field("parent_id", pa.string()),
        pa.field("text", pa.string()),
        pa.field("likes", pa.int64()),
        pa.field("caption", pa.string()),
        pa.field("subject", pa.string()),
    ]
)
"""What enrichment needs of a comment; further columns of a batch are left alone."""

SCORES = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("comment_id", pa.string(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("sentiment", pa.float64()),
        pa.field("sentiment_label", pa.string()),
        pa.field("score_state", pa.string(), nullable=False),
        pa.field("scorer", pa.string(), nullable=False),
    ]
)
"""One row for each comment. `sentiment` is in [-1, 1] and null unless score_state is scored."""

SIGNALS = pa.schema(
    [
        pa.field("platform", pa.string(), nullable=False),
        pa.field("comment_id", pa.string(), nullable=False),
        pa.field("entity_id", pa.string(), nullable=False),
        pa.field("signal_type", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float64()),
        pa.field("weight", pa.float64(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
    ]
)
"""One row for each signal of a comment about an entity: `mention`, whose value says how the comment is about it, and
`sentiment`, whose value is the label and whose numeric_value the score, where the comment was scored."""

LONGEST = 20_000
"""Entities are looked for in so many characters of a comment; no platform takes longer ones than half of that."""
CAPITALS_TELL = frozenset({ENGLISH, UNDETERMINED, None})
"""In texts of these languages a capitalised word may be a name that nobody knows; the lists of junk are English."""
LIKES_OF_A_WEIGHT = 100
"""So many likes count as much as the comment itself: weight = 1 + likes/100, as the upstream's contract says."""

Key = tuple[str, str]
"""Platform and comment id."""
Parents = Mapping[Key, Collection[str]]
"""The entities that comments outside a batch are about, for their replies in it."""


_MENTION_KEY = ["platform", "comment_id", "entity_id"]


class Enriched(NamedTuple):
    """What was found out about a batch, as SCORES, SIGNALS, discovery.MENTIONS and discovery.REVIEWS."""

    scores: pa.Table
    signals: pa.Table
    mentions: pa.Table
    reviews: pa.Table


class Again(NamedTuple):
    """What another catalogue or scorer changes of comments that were enriched before.

    `matched`: keys of the comments whose mentions, candidates and doubts are those in `enriched` and no others;
    `enriched.scores` is of all comments where they were scored again, else of none, and so are sentiment signals of
    comments that were not matched.
    """

    matched: pa.Table
    enriched: Enriched


@dataclass(frozen=True)
class Enrichment:
    """A catalogue and a scorer, ready to enrich batches; it can be handed to a worker process."""

    catalogue: Catalogue
    scorer: Scorer = LexiconScorer()  # noqa: RUF009  (it holds nothing that changes)

    @property
    def model(self) -> str:
        """By what mentions are found: the rules and the catalogue, with their versions."""
        return f"catalogue {self.catalogue.version}, rules {RULES}"

    @property
    def scored_by(self) -> str:
        """By what comments are scored: the scorer with its version."""
        return f"{self.scorer.name} {self.scorer.version}"

    def of(self, batch: pa.Table, parents: Parents | None = None) -> Enriched:
        """All that can be said of the comments of a batch.

        `parents`: what comments are about whose replies are in the batch and they are not.
        """
        scores = self.scores(batch)
        found, mentions, reviews = self._matched(batch, scores["language"].to_pylist(), parents or {})
        signals = pa.concat_tables([found, self.sentiments(found, scores)])
        return Enriched(scores, signals, mentions, reviews)

    def again(
        self, batch: pa.Table, mentions: pa.Table, before: Catalogue | None, *, rescored: bool
    ) -> Again:
        """What this catalogue and this scorer change of whole posts: what they do not concern is not worked out.

        `batch` has the columns of SCORES too, `mentions` the mention signals of its comments, as SIGNALS; both by the
        catalogue `before`, None for this one. `rescored`: the scores are of another scorer.
        """
        known: dict[Key, list[str]] = {}
        for row in zip(*(mentions[name].to_pylist() for name in _MENTION_KEY), strict=True):
            known.setdefault(row[:2], []).append(row[2])
        mask = pa.array([False] * batch.num_rows, pa.bool_())
        if before is not None:
            mask = affected(batch, before, self.catalogue, known)
        concerned = batch.filter(mask)
        for key in zip(*(concerned[name].to_pylist() for name in _MENTION_KEY[:2]), strict=True):
            known.pop(key, None)
        scores = self.scores(batch) if rescored else batch.select(SCORES.names)
        languages: list[str | None] = scores["language"].filter(mask).to_pylist()
        found, candidates, reviews = self._matched(concerned, languages, known)
        stay = [
            key in known
            for key in zip(*(mentions[name].to_pylist() for name in _MENTION_KEY[:2]), strict=True)
        ]
        others = mentions.filter(pa.array(stay, pa.bool_())) if rescored else SIGNALS.empty_table()
        signals = pa.concat_tables([found, self.sentiments(pa.concat_tables([found, others]), scores)])
        return Again(
            concerned.select(_MENTION_KEY[:2]),
            Enriched(scores if rescored else SCORES.empty_table(), signals, candidates, reviews),
        )

    def scores(self, batch: pa.Table) -> pa.Table:
        """Language and sentiment of each comment, as SCORES."""
        texts: list[str | None] = batch["text"].to_pylist()
        languages = [None if text is None else language_of(text) for text in texts]
        results = scored(self.scorer, texts, languages)
        columns = {
            "platform": batch["platform"],
            "comment_id": batch["comment_id"],
            "language": pa.array(languages, pa.string()),
            "sentiment": pa.array([result.score for result in results], pa.float64()),
            "sentiment_label": pa.array([result.label for result in results], pa.string()),
            "score_state": pa.array([result.state for result in results], pa.string()),
            "scorer": pa.array([self.scored_by] * batch.num_rows, pa.string()),
        }
        return pa.table(columns).cast(SCORES)

    def sentiments(self, mentions: pa.Table, scores: pa.Table) -> pa.Table:
        """The sentiment signals of comments that have `mention` signals and were scored, as SIGNALS.

        With another scorer these alone are made again, from the mentions as they are and the new scores.
        """
        mentions = mentions.filter(pc.equal(mentions["signal_type"], "mention"))
        scores = scores.filter(pc.equal(scores["score_state"], "scored"))
        joined = mentions.drop_columns(["value", "numeric_value", "model", "signal_type"]).join(
            scores.select(["platform", "comment_id", "sentiment", "sentiment_label", "scorer"]),
            keys=["platform", "comment_id"],
            join_type="inner",
        )
        columns = {
            "platform": joined["platform"],
            "comment_id": joined["comment_id"],
            "entity_id": joined["entity_id"],
            "signal_type": pa.array(["sentiment"] * joined.num_rows, pa.string()),
            "value": joined["sentiment_label"],
            "numeric_value": joined["sentiment"],
            "weight": joined["weight"],
            "confidence": joined["confidence"],
            "model": joined["scorer"],
        }
        signals = pa.table(columns).cast(SIGNALS)
        return signals.sort_by([(name, "ascending") for name in ("platform", "comment_id", "entity_id")])

    # --- Entities ------------------------------------------------------------------------------------

    def _matched(
        self, batch: pa.Table, languages: list[str | None], parents: Parents
    ) -> tuple[pa.Table, pa.Table, pa.Table]:
        """Mention signals, candidates and doubts of the comments, each as its schema."""
        rows = _Rows(batch)
        finder = matcher(self.catalogue)
        posts = _Posts(finder, self.catalogue)
        signals: list[tuple[Any, ...]] = []
        mentions: list[tuple[str, str, str, str, str]] = []
        reviews: list[tuple[str, str, str, str, str]] = []
        known: dict[Key, tuple[str, ...]] = {}
        for index in rows.parents_first():
            text = (rows.text[index] or "")[:LONGEST]
            if not text:
                continue
            key = rows.key(index)
            post = posts.of(rows.caption[index], rows.subject[index])
            parent = rows.parent(index)
            about_parent = None if parent is None else known.get(parent, tuple(parents.get(parent, ())))
            around = post.around if not about_parent else _with(post.around, about_parent, self.catalogue)
            folded = fold(text)
            found = finder.find(text, around, folded)
            taken = [each.span for each in found.named] + [each.span for each in found.unclear]
            strangers = discovery.candidates(text, taken, languages[index] in CAPITALS_TELL)
            mentions += [(*key, *each) for each in strangers]
            reviews += [(*key, "ambiguous_alias", each.alias, _doubt(each)) for each in found.unclear]
            entities = _entities(found.named)
            if not entities and not found.unclear:
                stranger = any(each.kind == "capitalised" for each in strangers)
                plain = folded.text if not marks_of(text) else fold(without_marks(text)).text
                tags = "@" in text
                for each in about(in_words(plain), post, about_parent, self.catalogue, stranger, tags):
                    entities[each.entity_id] = (each.by, each.confidence)
            if entities:
                known[key] = tuple(entities)
                weight = 1.0 + max(rows.likes[index] or 0, 0) / LIKES_OF_A_WEIGHT
                signals += [
                    (*key, entity, "mention", how, None, weight, confidence, self.model)
                    for entity, (how, confidence) in entities.items()
                ]
        return (
            _table(signals, SIGNALS),
            _table(mentions, discovery.MENTIONS),
            _table(reviews, discovery.REVIEWS),
        )


class _Rows:
    """The columns of a batch that matching reads, as Python's values, and which row is whose parent."""

    def __init__(self, batch: pa.Table) -> None:
        self.platform: list[str] = batch["platform"].to_pylist()
        self.comment_id: list[str] = batch["comment_id"].to_pylist()
        self.parent_id: list[str | None] = batch["parent_id"].to_pylist()
        self.text: list[str | None] = batch["text"].to_pylist()
        self.likes: list[int | None] = batch["likes"].to_pylist()
        self.caption: list[str | None] = batch["caption"].to_pylist()
        self.subject: list[str | None] = batch["subject"].to_pylist()

    def key(self, index: int) -> Key:
        """Of the comment in this row."""
        return self.platform[index], self.comment_id[index]

    def parent(self, index: int) -> Key | None:
        """The key of the comment that this one replies to; None of one that replies to none."""
        parent = self.parent_id[index]
        return None if parent is None else (self.platform[index], parent)

    def parents_first(self) -> Iterator[int]:
        """All rows, each after the one of its parent where the batch has that; replies in a circle come last."""
        replies: dict[Key, list[int]] = {}
        there = set(zip(self.platform, self.comment_id, strict=True))
        waiting: list[int] = []
        for index in range(len(self.text)):
            parent = self.parent(index)
            if parent is None or parent not in there:
                waiting.append(index)
            else:
                replies.setdefault(parent, []).append(index)
        if not replies:
            yield from waiting
            return
        waiting.reverse()
        while waiting or replies:
            if not waiting:
                waiting = replies.pop(next(iter(replies)))[::-1]
            index = waiting.pop()
            yield index
            waiting += replies.pop(self.key(index), [])[::-1]


class _Posts:
    """What the posts of a batch are about, each worked out once."""

    def __init__(self, finder: Matcher, catalogue: Catalogue) -> None:
        self._finder = finder
        self._catalogue = catalogue
        self._known: dict[tuple[str | None, str | None], PostContext] = {}

    def of(self, caption: str | None, subject: str | None) -> PostContext:
        """Of the post with this caption and subject."""
        post = self._known.get((caption, subject))
        if post is None:
            post = post_context(self._finder, self._catalogue, caption, subject)
            self._known[caption, subject] = post
        return post


def _with(around: Surroundings, parent: Collection[str], catalogue: Catalogue) -> Surroundings:
    return Surroundings(around.entities | catalogue.with_members(parent), around.words)


def _entities(named: Sequence[Named]) -> dict[str, tuple[str, float]]:
    """How each entity is named, and how sure that is: by its surest name in the text."""
    surest: dict[str, tuple[str, float]] = {}
    for each in named:
        if each.entity_id not in surest or each.confidence > surest[each.entity_id][1]:
            surest[each.entity_id] = (each.how, each.confidence)
    return surest


def _doubt(unclear: Unclear) -> str:
    return (
        f"{unclear.alias} may be {' or '.join(unclear.candidates)}, and neither the comment, its post nor its parent "
        "has a word that tells"
    )


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


# --- Another catalogue --------------------------------------------------------------------------------


def affected(
    batch: pa.Table, old: Catalogue, new: Catalogue, known: Parents | None = None
) -> pa.BooleanArray:
    """Of each comment of a batch whether its mentions may be others by the new catalogue; the rest stay as they are.

    `known`: the entities that comments were about by the old one, inside the batch and of its parents outside. A
    comment is affected where an entity that changed stands in its text, in its post's caption or subject, among its
    entities or those of its parent, and where its parent is.
    """
    changed = set(new.changed_since(old))
    if not changed:
        return pa.array([False] * batch.num_rows, pa.bool_())
    for catalogue in (old, new):
        changed |= catalogue.with_members(changed)
        changed |= {each.id for each in catalogue.entities if not changed.isdisjoint(each.members)}
    finders = [Matcher(catalogue, changed) for catalogue in (old, new)]
    known = known or {}
    rows = _Rows(batch)
    texts: dict[str | None, bool] = {None: False}

    def tells(text: str | None) -> bool:
        if text not in texts:
            texts[text] = any(finder.mentions_any(text or "") for finder in finders)
        return texts[text]

    marked: dict[Key, bool] = {}
    result = [False] * batch.num_rows
    for index in rows.parents_first():
        key, parent = rows.key(index), rows.parent(index)
        result[index] = marked[key] = (
            not changed.isdisjoint(known.get(key, ()))
            or (
                parent is not None
                and (marked.get(parent, False) or not changed.isdisjoint(known.get(parent, ())))
            )
            or tells(rows.caption[index])
            or tells(rows.subject[index])
            or any(finder.mentions_any((rows.text[index] or "")[:LONGEST]) for finder in finders)
        )
    return pa.array(result, pa.bool_())


# --- On all cores -------------------------------------------------------------------------------------

COMMENT_BYTES = 1_000
"""A comment takes about as long as so many bytes of a compressed landing, by which parsing.spread counts."""


class _Job(NamedTuple):
    enrichment: Enrichment
    batch: pa.Table
    parents: Parents


def spread(
    enrichment: Enrichment,
    batches: Sequence[pa.Table],
    folder: Path,
    parents: Parents | None = None,
) -> Iterator[Enriched]:
    """What `enrichment.of` says of each batch, in their order, by worker processes where there are enough comments.

    A comment's parent is looked for in its own batch and in `parents`. `folder`: any folder that workers can read.
    """
    jobs = [_Job(enrichment, batch, _of_batch(parents or {}, batch)) for batch in batches]
    size = COMMENT_BYTES * sum(batch.num_rows for batch in batches)
    yield from parsing.spread(_of_job, jobs, folder, size)


class _Revision(NamedTuple):
    enrichment: Enrichment
    batch: pa.Table
    mentions: pa.Table
    before: Catalogue | None
    rescored: bool


def spread_again(
    enrichment: Enrichment,
    batches: Iterable[tuple[pa.Table, pa.Table]],
    folder: Path,
    before: Catalogue | None,
    *,
    rescored: bool,
) -> Iterator[Again]:
    """What `enrichment.again` says of each batch and its mentions, as spread does it."""
    jobs = [_Revision(enrichment, *each, before, rescored) for each in batches]
    size = COMMENT_BYTES * sum(job.batch.num_rows for job in jobs)
    yield from parsing.spread(_of_revision, jobs, folder, size)


def _of_revision(job: _Revision, _folder: Path) -> Again:
    return job.enrichment.again(job.batch, job.mentions, job.before, rescored=job.rescored)


def _of_batch(parents: Parents, batch: pa.Table) -> Parents:
    """Those of the parents that the batch has replies to: each worker gets no others."""
    if not parents:
        return {}
    keys = set(zip(batch["platform"].to_pylist(), batch["parent_id"].to_pylist(), strict=True))
    return {key: parents[key] for key in keys & parents.keys()}


def _of_job(job: _Job, _folder: Path) -> Enriched:
    return job.enrichment.of(job.batch, job.parents)
