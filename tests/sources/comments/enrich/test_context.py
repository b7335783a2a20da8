"""Comments that name nobody: whom they are about by pronoun, parent and post."""

from __future__ import annotations

import pyarrow as pa
import pytest

from include.sources.comments.enrich import Catalogue, Enrichment
from include.sources.comments.enrich.context import CONFIDENCE
from include.sources.comments.enrich.matcher import CONFIDENCE as NAMED
from tests.sources.comments.enrich.conftest import Batch

MIRA = "Mira Valdane talks about 'Harbor Lights'. (📸: Getty Images, Ben Okafor)"
BOTH = "Mira Valdane and Theo Brandt are engaged! 💍 They met on a boat."
KESTREL = "DJ Kestrel on tour"
LUMORA = "Lumora NightSerum review"


def mentions(signals: pa.Table) -> list[tuple[str, str, str, float]]:
    return [
        (row["comment_id"], row["entity_id"], row["value"], row["confidence"])
        for row in signals.to_pylist()
        if row["signal_type"] == "mention"
    ]


def about(catalogue: Catalogue, batch: Batch, text: str, caption: str | None) -> list[tuple[str, str]]:
    signals = Enrichment(catalogue).of(batch(text, caption=caption)).signals
    return [(entity, by) for _, entity, by, _ in mentions(signals)]


@pytest.mark.parametrize(
    ("caption", "text", "expected"),
    [
        (MIRA, "She is gorgeous", [("mira_valdane", "pronoun")]),
        (MIRA, "shes gorgeous", [("mira_valdane", "pronoun")]),
        (MIRA, "she’s gorgeous", [("mira_valdane", "pronoun")]),
        (MIRA, "QUEEN", [("mira_valdane", "pronoun")]),
        (MIRA, "He is gorgeous", []),
        (MIRA, "you are gorgeous", [("mira_valdane", "address")]),
        (MIRA, "the best show on TV", [("harbor_lights", "kind")]),
        (MIRA, "Congratulations!", [("mira_valdane", "caption")]),
        (MIRA, "❤️", [("mira_valdane", "caption")]),
        (MIRA, "I only like Nova Quindlen", []),
        (MIRA, "my daughter says she wants that dress", []),
        (MIRA, "my sister loves this", []),
        (BOTH, "her dress!", [("mira_valdane", "pronoun")]),
        (BOTH, "his suit!", [("theo_brandt", "pronoun")]),
        (BOTH, "he is too good for her", [("mira_valdane", "pronoun"), ("theo_brandt", "pronoun")]),
        (BOTH, "they won't last", [("mira_and_theo", "pronoun")]),
        (BOTH, "what a couple", [("mira_and_theo", "pronoun")]),
        (BOTH, "Congrats", [("mira_valdane", "caption")]),
        (MIRA, "told you so @u_1f2e3d4c5b", [("mira_valdane", "caption")]),
        (BOTH, "good for both of you", [("mira_and_theo", "pronoun")]),
        (KESTREL, "they have a great voice", [("dj_kestrel", "pronoun")]),
        (MIRA, "they have a great voice", []),
        (LUMORA, "it burned my skin", [("lumora", "kind")]),
        (LUMORA, "Great review", [("lumora", "caption")]),
        ("Which song do you sing?", "She is gorgeous", []),
        ("Which song do you sing?", "You are the best", []),
        (None, "She is gorgeous", []),
    ],
)
def test_a_comment_without_a_name_is_about_whom_its_post_is_about(
    catalogue: Catalogue, batch: Batch, caption: str | None, text: str, expected: list[tuple[str, str]]
) -> None:
    assert sorted(about(catalogue, batch, text, caption)) == sorted(expected)


def test_a_comment_with_a_name_is_about_nobody_else(catalogue: Catalogue, batch: Batch) -> None:
    assert about(catalogue, batch, "She should be more like Zoë Laurent", MIRA) == [("zoe_laurent", "name")]


def test_who_took_the_pictures_is_not_what_a_post_is_about(catalogue: Catalogue, batch: Batch) -> None:
    assert about(catalogue, batch, "He is great", MIRA) == []
    assert about(catalogue, batch, "He is great", "Ben Okafor retires. (📸: Getty Images)") == [
        ("ben_okafor", "pronoun")
    ]


def test_the_subject_of_a_post_goes_before_its_caption(catalogue: Catalogue, batch: Batch) -> None:
    comments = batch({"text": "Congrats", "subject": "Zoë Laurent on tour"}, caption=MIRA)
    assert [row[1] for row in mentions(Enrichment(catalogue).of(comments).signals)] == ["zoe_laurent"]


def test_a_reply_is_about_whom_its_parent_is_about(catalogue: Catalogue, batch: Batch) -> None:
    comments = batch(
        {"text": "she is right", "parent_id": "c4"},
        {"text": "so true", "parent_id": "c4"},
        {"text": "you are wrong", "parent_id": "c4"},
        {"text": "Zoë Laurent is better"},
        {"text": "agreed", "parent_id": "c2"},
        caption=MIRA,
    )
    assert mentions(Enrichment(catalogue).of(comments).signals) == [
        ("c4", "zoe_laurent", "name", 1.0),
        ("c1", "zoe_laurent", "pronoun_of_reply", CONFIDENCE["pronoun_of_reply"]),
        ("c2", "zoe_laurent", "reply", CONFIDENCE["reply"]),
        ("c5", "zoe_laurent", "reply", CONFIDENCE["reply"]),
        ("c3", "zoe_laurent", "reply", CONFIDENCE["reply"]),
    ]


def test_a_parent_outside_the_batch_is_handed_in(catalogue: Catalogue, batch: Batch) -> None:
    reply = batch({"text": "so true", "parent_id": "elsewhere"}, caption=MIRA)
    enrichment = Enrichment(catalogue)
    parents = {("tiktok", "elsewhere"): ["zoe_laurent"]}
    assert [row[1:3] for row in mentions(enrichment.of(reply, parents).signals)] == [("zoe_laurent", "reply")]
    assert [row[1:3] for row in mentions(enrichment.of(reply).signals)] == [("mira_valdane", "caption")]


def test_an_ambiguous_name_in_a_reply_is_told_by_its_parent(catalogue: Catalogue, batch: Batch) -> None:
    comments = batch(
        {"text": "Ben Okafor is great"}, {"text": "Ben? no way", "parent_id": "c1"}, caption=MIRA
    )
    assert mentions(Enrichment(catalogue).of(comments).signals)[1] == (
        "c2",
        "ben_okafor",
        "ambiguous_by_post",
        0.8,
    )


def test_replies_in_a_circle_are_enriched_once_each(catalogue: Catalogue, batch: Batch) -> None:
    comments = batch({"text": "Mira", "parent_id": "c2"}, {"text": "so true", "parent_id": "c1"})
    found = mentions(Enrichment(catalogue).of(comments).signals)
    assert [(row[0], row[2]) for row in found] == [("c1", "alias"), ("c2", "reply")]


def test_a_name_is_surer_than_any_context() -> None:
    assert min(NAMED.values()) >= max(CONFIDENCE.values())
