"""What comments say, and that they mean what the world says they mean."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

import pytest

from sandbox.comments import vocabulary
from sandbox.comments.entities import BY_ID, CREDIT, MONITORED, UNMONITORED
from sandbox.comments.world import Comment, World

PRONOUNS = {"she": "she|her", "he": "he|his", "they": "they|their", "it": "it|its"}


@pytest.fixture(scope="module")
def comments() -> list[Comment]:
    world = World(20_000, 11)
    return [comment for post in world.posts(0) for comment in world.comments(post)]


@cache
def plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def test_every_mention_stands_in_its_text_as_it_is_said_to(comments: list[Comment]) -> None:
    seen: Counter[str] = Counter()
    for comment in comments:
        text = plain(comment.text)
        for mention in comment.said.mentions:
            entity = BY_ID[mention.entity]
            spelled = {
                "name": (entity.name,),
                "possessive": (f"{each}{mark}s" for each in (entity.name, *entity.aliases) for mark in "'’"),
                "alias": entity.aliases,
                "ambiguous": entity.ambiguous,
                "handle": (f"@{entity.handle}",),
                "hashtag": (f"#{entity.hashtag}",),
                "pronoun": (),
            }[mention.how]
            if mention.how == "pronoun":
                assert re.search(rf"\b({PRONOUNS[entity.pronoun]})\b", text), comment.text
                assert entity is comment.post.subjects[0]
            else:
                assert any(plain(spelling) in text for spelling in spelled), (comment.text, mention)
            if mention.how == "ambiguous":
                assert entity in comment.post.subjects
            seen[mention.how] += 1
    assert set(seen) == {"name", "possessive", "alias", "ambiguous", "handle", "hashtag", "pronoun"}
    assert min(seen.values()) > 50


def test_every_entity_is_spoken_of_and_the_first_the_most(comments: list[Comment]) -> None:
    spoken = Counter(mention.entity for comment in comments for mention in comment.said.mentions)
    assert set(spoken) == set(BY_ID)
    assert spoken.most_common(1)[0][0] == MONITORED[0].id
    assert all(spoken[entity.id] >= 10 for entity in UNMONITORED), (
        "a name is to be discovered from ten mentions on"
    )


def test_comments_are_of_every_kind(comments: list[Comment]) -> None:
    share = Counter[str]()
    for comment in comments:
        said = comment.said
        share["no text"] += not said.text
        share["emoji only"] += bool(said.text) and not any(character.isalnum() for character in said.text)
        share["another language"] += said.language not in {"en", None}
        share["to a friend"] += bool(said.friends)
        share["junk"] += said.junk
        share["slang"] += any(f" {word}" in said.text for word in vocabulary.SLANG)
        share["lines"] += "\n" in said.text
        share["CRLF"] += "\r\n" in said.text
        share["quotes"] += '"' in said.text
        share["commas"] += "," in said.text
        share["two entities"] += len({mention.entity for mention in said.mentions}) > 1
        share["combining accents"] += unicodedata.normalize("NFC", said.text) != said.text
        share["trap"] += said.text in vocabulary.TRAPS
        share["address"] += "http://" in said.text
    assert min(share.values()) > 0, share
    assert 0.001 < share["no text"] / len(comments) < 0.02
    assert 0.1 < share["emoji only"] / len(comments) < 0.3
    languages = Counter(comment.said.language for comment in comments)
    assert set(vocabulary.OTHER_LANGUAGES) | {"en", None} == set(languages)


def test_sentiment_is_of_all_three_kinds_and_missing_only_where_there_is_no_text(
    comments: list[Comment],
) -> None:
    feelings = Counter(comment.said.sentiment for comment in comments)
    assert all(feelings[each] > 0.1 * len(comments) for each in (-1, 0, 1))
    assert all((comment.said.sentiment is None) == (comment.text == "") for comment in comments)


def test_friends_are_accounts_of_users_and_stand_in_the_text(comments: list[Comment]) -> None:
    for comment in comments:
        for friend in comment.said.friends:
            assert f"@{friend}" in comment.text
            assert not any(friend == entity.handle for entity in BY_ID.values())


def test_sentences_that_are_traps_mean_nobody() -> None:
    for trap in vocabulary.TRAPS:
        for entity in BY_ID.values():
            assert not any(plain(each) in plain(trap) for each in (entity.name, *entity.aliases)), trap
    words = " ".join(vocabulary.TRAPS).lower()
    letters = [each.lower() for entity in MONITORED for each in entity.ambiguous]
    assert sum(each in words for each in letters) > 8, "most have the letters of somebody's ambiguous name"


def test_captions_have_lines_quotes_and_an_agency_that_is_no_entity(world: World) -> None:
    captions = [post.captions[0] for post in world.posts(0)]
    assert all("\n" in caption for caption in captions)
    assert sum('"' in caption for caption in captions) > len(captions) / 2
    assert sum(CREDIT in caption for caption in captions) > len(captions) / 3
    assert CREDIT not in {entity.name for entity in BY_ID.values()}


def test_nobody_has_the_spelling_of_somebody_else() -> None:
    spellings = Counter(
        plain(each)
        for entity in BY_ID.values()
        for each in {
            entity.name,
            *entity.aliases,
            *entity.ambiguous,
            f"@{entity.handle}",
            f"#{entity.hashtag}",
        }
    )
    assert [spelling for spelling, count in spellings.items() if count > 1] == []
