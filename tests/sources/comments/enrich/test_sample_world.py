"""The comments of the sample world, which knows what each was made to mean: written by others than these rules."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pytest
import yaml

from include.sources.comments.enrich import BATCH, Catalogue, Enriched, Enrichment, discovered, load
from sandbox.comments import entities
from sandbox.comments.texts import Said
from sandbox.comments.world import World
from tests.sources.comments.enrich.quality import Share

CLASSES = {1: "positive", 0: "neutral", -1: "negative"}
CONTEXT = {"caption", "reply", "kind"}
"""Signals below a confidence of one half, by which no comment is counted for an entity."""

Key = tuple[str, str]


@pytest.fixture(scope="module")
def sample_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    path = tmp_path_factory.mktemp("sample") / "catalogue.yml"
    path.write_text(yaml.safe_dump(entities.catalogue(), allow_unicode=True), encoding="utf-8")
    return load(path)


@pytest.fixture(scope="module")
def world(sample_catalogue: Catalogue) -> tuple[dict[Key, Said], Enriched]:
    """What each comment was made to mean, and what enrichment says of all."""
    sample = World(3_000, seed=11)
    rows, said = [], {}
    for post in sample.posts(0):
        for comment in sample.comments(post):
            said[str(post.platform), comment.id] = comment.said
            rows.append(
                {
                    "platform": post.platform,
                    "comment_id": comment.id,
                    "post_id": post.id,
                    "parent_id": comment.parent.id if comment.parent else None,
                    "text": comment.text,
                    "likes": comment.likes,
                    "caption": post.caption(sample.midnight(0)),
                    "subject": post.subject,
                }
            )
    return said, Enrichment(sample_catalogue).of(pa.Table.from_pylist(rows, BATCH))


def test_entities_are_found_however_the_sample_names_them(
    world: tuple[dict[Key, Said], Enriched], sample_catalogue: Catalogue
) -> None:
    said, enriched = world
    found: defaultdict[Key, dict[str, str]] = defaultdict(dict)
    for signal in enriched.signals.to_pylist():
        if signal["signal_type"] == "mention":
            found[signal["platform"], signal["comment_id"]][signal["entity_id"]] = signal["value"]
    recall: defaultdict[str, Share] = defaultdict(Share)
    precision = Share()
    for key, meant in said.items():
        for mention in meant.mentions:
            if mention.entity in sample_catalogue.by_id:
                recall[mention.how].count(mention.entity in found[key])
        wanted = {mention.entity for mention in meant.mentions}
        for entity, how in found[key].items():
            if how not in CONTEXT:
                precision.count(entity in wanted)
    assert len(said) > 2_500
    for how in ("name", "alias", "handle", "hashtag", "possessive"):
        assert recall[how].value >= 0.99, (how, str(recall[how]))
    assert recall["pronoun"].value >= 0.95
    # The sample also uses an ambiguous name where neither text, post nor parent tells whom it means
    assert recall["ambiguous"].value >= 0.7
    assert precision.value >= 0.95, str(precision)


def test_the_feeling_of_the_sample_is_told(world: tuple[dict[Key, Said], Enriched]) -> None:
    said, enriched = world
    right = Share()
    for score in enriched.scores.to_pylist():
        meant = said[score["platform"], score["comment_id"]].sentiment
        if score["score_state"] == "scored" and meant is not None:
            right.count(score["sentiment_label"].removeprefix("very_") == CLASSES[meant])
    assert right.all > 2_000
    assert right.value >= 0.88, str(right)


def test_names_that_the_sample_has_and_its_catalogue_lacks_lead_the_candidates(
    world: tuple[dict[Key, Said], Enriched],
) -> None:
    _, enriched = world
    names = discovered(enriched.mentions)["spelling"].to_pylist()
    lacking = {entity.name for entity in entities.UNMONITORED}
    assert len(lacking.intersection(names[:10])) >= 3, names[:10]
    assert entities.CREDIT not in names
