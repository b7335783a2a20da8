"""A batch of comments comes back as tables; another catalogue or scorer changes what it must and nothing else."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.sources import parsing
from include.sources.comments.enrich import (
    BATCH,
    MENTIONS,
    REVIEWS,
    SCORES,
    SIGNALS,
    Catalogue,
    Enriched,
    Enrichment,
    affected,
    spread,
)
from tests.sources.comments.enrich import quality
from tests.sources.comments.enrich.conftest import Batch

MIRA = "Mira Valdane talks about 'Harbor Lights'."


@dataclass(frozen=True)
class Fixed:
    """A scorer that always gives one score, and fails on texts with `bad` in them."""

    gives: float
    version: str = "1"
    name: str = "fixed"
    languages: Collection[str] | None = None

    def score(self, texts: Sequence[str]) -> list[float]:
        if any("bad" in text for text in texts):
            raise RuntimeError("the model fell over")
        return [self.gives] * len(texts)


@pytest.fixture(scope="module")
def comments() -> pa.Table:
    """All labelled texts of our own as one batch, with replies among them."""
    rows = [
        {
            "platform": "instagram",
            "comment_id": f"c{number:04}",
            "post_id": each.caption,
            "parent_id": f"c{number - 1:04}" if number % 7 == 6 else None,
            "text": each.text,
            "likes": number % 250,
            "caption": each.caption,
        }
        for number, each in enumerate(quality.own())
    ]
    return pa.Table.from_pylist(rows, BATCH)


def sorted_rows(table: pa.Table) -> list[tuple[object, ...]]:
    return sorted((tuple(row.values()) for row in table.to_pylist()), key=repr)


def test_every_comment_has_one_row_of_scores_and_the_tables_have_their_schemas(
    catalogue: Catalogue, comments: pa.Table
) -> None:
    enriched = Enrichment(catalogue).of(comments)
    assert enriched.scores["comment_id"].to_pylist() == comments["comment_id"].to_pylist()
    assert enriched.scores.schema == SCORES
    assert enriched.signals.schema == SIGNALS
    assert enriched.mentions.schema == MENTIONS
    assert enriched.reviews.schema == REVIEWS
    assert enriched.signals.num_rows > comments.num_rows / 2


def test_an_empty_batch_gives_empty_tables(catalogue: Catalogue) -> None:
    enriched = Enrichment(catalogue).of(BATCH.empty_table())
    assert [table.num_rows for table in enriched] == [0, 0, 0, 0]
    assert [table.schema for table in enriched] == [SCORES, SIGNALS, MENTIONS, REVIEWS]


def test_a_comment_and_an_entity_have_one_signal_of_each_type(
    catalogue: Catalogue, comments: pa.Table
) -> None:
    keys = [
        (row["platform"], row["comment_id"], row["entity_id"], row["signal_type"])
        for row in Enrichment(catalogue).of(comments).signals.to_pylist()
    ]
    assert len(keys) == len(set(keys))


def test_a_mention_and_its_sentiment_say_what_the_contract_asks_for(
    catalogue: Catalogue, batch: Batch
) -> None:
    enrichment = Enrichment(catalogue, Fixed(-0.75))
    signals = enrichment.of(
        batch({"text": "I love Mira, yes Mira Valdane", "likes": 250})
    ).signals.to_pylist()
    key = {
        "platform": "tiktok",
        "comment_id": "c1",
        "entity_id": "mira_valdane",
        "weight": 3.5,
        "confidence": 1.0,
    }
    assert signals == [
        key | {"signal_type": "mention", "value": "name", "numeric_value": None, "model": enrichment.model},
        key
        | {"signal_type": "sentiment", "value": "very_negative", "numeric_value": -0.75, "model": "fixed 1"},
    ]
    assert catalogue.version in enrichment.model


@pytest.mark.parametrize(
    ("likes", "weight"), [(None, 1.0), (0, 1.0), (-5, 1.0), (1, 1.01), (100, 2.0), (10**9, 1e7 + 1)]
)
def test_a_comment_weighs_one_and_a_hundredth_for_each_like(
    catalogue: Catalogue, batch: Batch, likes: int | None, weight: float
) -> None:
    signals = Enrichment(catalogue).of(batch({"text": "Mira", "likes": likes})).signals
    assert set(signals["weight"].to_pylist()) == {weight}


def test_what_was_not_scored_has_no_sentiment_and_is_still_a_mention(
    catalogue: Catalogue, batch: Batch
) -> None:
    comments = batch(
        "Mira is bad", "Mira is good", None, "@mira_fan", "Me encanta Mira, es la mejor de todas"
    )
    enriched = Enrichment(catalogue, Fixed(0.5, languages=("en",))).of(comments)
    assert [
        (row["score_state"], row["sentiment"], row["sentiment_label"]) for row in enriched.scores.to_pylist()
    ] == [
        ("failed", None, None),
        ("scored", 0.5, "positive"),
        ("no_text", None, None),
        ("no_text", None, None),
        ("other_language", None, None),
    ]
    assert enriched.scores["language"].to_pylist() == ["en", "en", None, None, "es"]
    types = [(row["comment_id"], row["signal_type"]) for row in enriched.signals.to_pylist()]
    assert types == [("c1", "mention"), ("c2", "mention"), ("c5", "mention"), ("c2", "sentiment")]


def test_another_scorer_needs_new_scores_only(catalogue: Catalogue, comments: pa.Table) -> None:
    before = Enrichment(catalogue, Fixed(0.5)).of(comments)
    later = Enrichment(catalogue, Fixed(-0.5, version="2"))
    mentions = before.signals.filter(pc.equal(before.signals["signal_type"], "mention"))
    again = pa.concat_tables([mentions, later.sentiments(before.signals, later.scores(comments))])
    assert again.equals(later.of(comments).signals)
    assert not again.equals(before.signals)


def test_the_same_batch_gives_the_same_tables(catalogue: Catalogue, comments: pa.Table) -> None:
    first, second = (Enrichment(catalogue).of(comments) for _ in range(2))
    assert all(one.equals(other) for one, other in zip(first, second, strict=True))


def test_comments_are_matched_alike_whatever_batch_they_come_in(
    catalogue: Catalogue, comments: pa.Table
) -> None:
    alone = comments.filter(pc.is_null(comments["parent_id"]))
    enrichment = Enrichment(catalogue)
    whole = enrichment.of(alone)
    parts = [enrichment.of(alone.slice(start, 17)) for start in range(0, alone.num_rows, 17)]
    for name in Enriched._fields:
        together = pa.concat_tables([getattr(part, name) for part in parts])
        assert sorted_rows(together) == sorted_rows(getattr(whole, name))


# --- Another catalogue ----------------------------------------------------------------------------------


def changes(catalogue: Catalogue) -> list[Catalogue]:
    """Catalogues without one of the entities, and with one altered."""
    entities = list(catalogue.entities)
    without = [
        Catalogue([each for each in entities if each.id != gone.id and gone.id not in each.members])
        for gone in entities
    ]
    altered = [
        Catalogue([replaced(each) if each.id == other.id else each for each in entities])
        for other in entities
    ]
    return without + altered


def replaced(entity):  # type: ignore[no-untyped-def]
    """The entity without its further names, and with other pronouns."""
    import msgspec

    told = {"aliases": (), "ambiguous": (), "handles": (), "hashtags": (), "pronouns": None}
    return msgspec.structs.replace(entity, **told, name=entity.full_name)


def test_comments_that_a_change_does_not_affect_keep_what_they_have(
    catalogue: Catalogue, comments: pa.Table
) -> None:
    before = Enrichment(catalogue).of(comments)
    untouched = 0
    for other in changes(catalogue):
        after = Enrichment(other).of(comments)
        mask = affected(comments, catalogue, other)
        same = set(comments["comment_id"].filter(pc.invert(mask)).to_pylist())
        untouched += len(same)
        for name in ("signals", "mentions", "reviews"):
            kept, new = (
                sorted(
                    repr({key: value for key, value in row.items() if key != "model"})
                    for row in getattr(side, name).to_pylist()
                    if row["comment_id"] in same
                )
                for side in (before, after)
            )
            assert kept == new, (name, catalogue.changed_since(other))
    assert untouched > 10 * comments.num_rows, "most comments are not affected by most changes"


def said_of(table: pa.Table, leave_out: set[object] | None = None) -> list[str]:
    """The rows of a table without what found them; `leave_out`: without those of these comments."""
    return sorted(
        repr({key: value for key, value in row.items() if key != "model"})
        for row in table.to_pylist()
        if leave_out is None or row["comment_id"] not in leave_out
    )


@pytest.mark.parametrize("scorer", [None, Fixed(0.1)])
def test_what_is_worked_out_again_and_the_rest_are_what_everything_anew_would_be(
    catalogue: Catalogue, comments: pa.Table, scorer: Fixed | None
) -> None:
    first = Enrichment(catalogue, Fixed(0.5)).of(comments)
    scores = {name: first.scores[name] for name in first.scores.column_names[2:]}
    enriched = pa.table({**{name: comments[name] for name in comments.column_names}, **scores})
    mentions = first.signals.filter(pc.equal(first.signals["signal_type"], "mention"))
    matched = 0
    for other in changes(catalogue)[::3]:
        later = Enrichment(other, scorer or Fixed(0.5))
        again, whole = (
            later.again(enriched, mentions, catalogue, rescored=scorer is not None),
            later.of(comments),
        )
        done = set(again.matched["comment_id"].to_pylist())
        matched += len(done)
        kept = first.signals
        if scorer is not None:
            kept = kept.filter(pc.not_equal(kept["signal_type"], "sentiment"))
        assert sorted(said_of(kept, done) + said_of(again.enriched.signals)) == said_of(whole.signals)
        for name in ("mentions", "reviews"):
            rest, new = getattr(first, name), getattr(again.enriched, name)
            assert sorted(said_of(rest, done) + said_of(new)) == said_of(getattr(whole, name))
        assert again.enriched.scores.equals(whole.scores if scorer else SCORES.empty_table())
    assert 0 < matched < len(changes(catalogue)[::3]) * comments.num_rows / 3


def test_the_same_catalogue_affects_nothing(catalogue: Catalogue, comments: pa.Table) -> None:
    assert not pc.any(affected(comments, catalogue, Catalogue(reversed(catalogue.entities)))).as_py()


def test_a_new_name_affects_comments_posts_and_replies_that_have_it(
    catalogue: Catalogue, batch: Batch
) -> None:
    from include.sources.comments.enrich.catalogue import Entity

    more = Catalogue([*catalogue.entities, Entity(id="nova", name="Nova Quindlen", type="person")])
    comments = batch(
        {"text": "nova quindlen!"},
        {"text": "so true", "parent_id": "c1"},
        {"text": "so true", "parent_id": "c2"},
        {"text": "hello"},
        {"text": "hello", "caption": "Nova Quindlen sings"},
        {"text": "hello", "subject": "Nova Quindlen"},
        {"text": "hello", "parent_id": "gone"},
        caption=MIRA,
    )
    assert affected(comments, catalogue, more).to_pylist() == [True, True, True, False, True, True, False]
    known = {("tiktok", "gone"): ["nova"], ("tiktok", "c4"): ["nova"]}
    assert affected(comments, catalogue, more, known).to_pylist() == [True] * 7


# --- On all cores ----------------------------------------------------------------------------------------


def test_worker_processes_say_what_one_process_says(
    catalogue: Catalogue, comments: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = comments.filter(pc.is_null(comments["parent_id"]))
    elsewhere = pa.array(["elsewhere", *[None] * (alone.num_rows - 1)], pa.string())
    alone = alone.set_column(alone.schema.get_field_index("parent_id"), BATCH.field("parent_id"), elsewhere)
    texts = pa.array(["so true", *alone["text"].to_pylist()[1:]], pa.string())
    alone = alone.set_column(alone.schema.get_field_index("text"), BATCH.field("text"), texts)
    batches = [alone.slice(start, 50) for start in range(0, alone.num_rows, 50)]
    enrichment = Enrichment(catalogue)
    parents = {("instagram", "elsewhere"): ["zoe_laurent"], ("instagram", "unasked"): ["june_park"]}
    here = list(spread(enrichment, batches, tmp_path, parents))
    monkeypatch.setattr(parsing, "IN_PROCESS_BYTES", 0)
    there = list(spread(enrichment, batches, tmp_path, parents))
    assert "zoe_laurent" in here[0].signals["entity_id"].to_pylist()
    assert len(here) == len(there) == len(batches)
    for one, other in zip(here, there, strict=True):
        assert all(first.equals(second) for first, second in zip(one, other, strict=True))


def test_an_enrichment_can_go_to_a_worker_process(catalogue: Catalogue, batch: Batch) -> None:
    enrichment = pickle.loads(pickle.dumps(Enrichment(catalogue)))
    assert enrichment.of(batch("Mira")).signals.num_rows == 2


def test_a_text_of_ten_megabytes_is_enriched(catalogue: Catalogue, batch: Batch) -> None:
    enriched = Enrichment(catalogue).of(batch("Mira Valdane is a Legend " * 400_000))
    assert enriched.signals["entity_id"].to_pylist() == ["mira_valdane"] * 2
