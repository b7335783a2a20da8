"""What comments say is found out with every build: of what changed anew, and otherwise as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from include import pipeline
from include.publishing.manifest import Manifest
from include.sources.comments import enriching
from include.sources.comments.enrich import Enrichment, LexiconScorer
from include.sources.comments.enrich.catalogue import Catalogue, Entity, read
from include.sources.comments.enrich.matcher import Matcher
from include.upstream.limits import BadSetting
from tests.sources.comments.conftest import CODE, POST, SIMPLE, WRITTEN, Social, raw, row
from tests.sources.comments.enrich.test_onnx import written

JO = Entity(id="jo_day", name="Jo Day", type="person", handles=("joday",), pronouns="she")
RAY = Entity(id="ray_lark", name="Ray Lark", type="person")


class Fails(LexiconScorer):
    """Cannot score a text with a certain word in it."""

    word = "cursed"

    def score(self, texts: Sequence[str]) -> list[float]:
        if any(self.word in text for text in texts):
            raise RuntimeError("the model fell over")
        return super().score(texts)


class Newer(LexiconScorer):
    """The next version of the scorer, which scores as the one before does."""

    @property
    def version(self) -> str:
        return "next"


class Counting(LexiconScorer):
    """Tells what it was asked to score."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def score(self, texts: Sequence[str]) -> list[float]:
        self.asked += texts
        return super().score(texts)


class CountingNewer(Counting, Newer):
    """The next version, which tells too."""


Use = Callable[..., None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Enrich by these entities and this scorer from now on."""

    def chosen(*entities: Entity, scorer: LexiconScorer | None = None) -> None:
        made = Enrichment(Catalogue(entities or (JO,)), scorer or LexiconScorer())
        monkeypatch.setattr(enriching, "enrichment", lambda _run: made)

    chosen()
    return chosen


def said(social: Social, manifest: Manifest) -> dict[tuple[str, str, str], Any]:
    """The signals: value by comment, entity and kind."""
    return {
        (each["comment_id"], each["entity_id"], each["signal_type"]): each["value"]
        for each in social.rows(manifest, "signals")
    }


def changed(manifest: Manifest, table: str) -> tuple[int, int, int]:
    (found,) = (each for each in manifest.changes if each.table == table)
    return found.new, found.changed, found.deleted


@pytest.mark.whole_gate
def test_comments_have_entities_language_and_sentiment(social: Social, use: Use) -> None:
    social.put(
        "a.csv",
        raw(
            row(1, "I love Jo Day so much, she is wonderful", likes=50),
            row(2, "das ist wirklich nicht so gut gewesen, oder was meint ihr dazu"),
            row(3, ""),
        ),
    )
    manifest = social.publish(1)
    rows = social.comments(manifest)
    assert (rows["1"]["language"], rows["1"]["score_state"]) == ("en", "scored")
    assert rows["1"]["sentiment"] > 0.7 and rows["1"]["sentiment_label"] == "very_positive"
    assert (rows["2"]["score_state"], rows["2"]["sentiment"]) == ("other_language", None)
    assert (rows["3"]["score_state"], rows["3"]["sentiment"]) == ("no_text", None)
    assert said(social, manifest)["1", "jo_day", "sentiment"] == "very_positive"
    (mention,) = [each for each in social.rows(manifest, "signals") if each["signal_type"] == "mention"]
    assert (mention["comment_id"], mention["value"], mention["weight"]) == ("1", "name", 1.5)
    (entity,) = social.rows(manifest, "monitored_entities")
    assert (entity["entity_id"], entity["handles"]) == ("jo_day", ["joday"])


def test_handle_of_a_monitored_person_stays_and_that_of_another_is_hashed(social: Social, use: Use) -> None:
    social.put("a.csv", raw(row(1, "so proud of @joday and @somebody")))
    manifest = social.publish(1)
    text = social.comments(manifest)["1"]["text"]
    assert "@joday" in text and "somebody" not in text
    assert said(social, manifest)["1", "jo_day", "mention"] == "handle"


def test_scoring_that_failed_is_no_score_and_is_tried_again_by_the_next_run(social: Social, use: Use) -> None:
    use(scorer=Fails())
    social.put("a.csv", raw(row(1, "a cursed day for Jo Day"), row(2, "what a great day for Jo Day")))
    first = social.publish(1)
    rows = social.comments(first)
    assert (rows["1"]["score_state"], rows["1"]["sentiment"]) == ("failed", None)
    assert rows["2"]["score_state"] == "scored", "its neighbour is none the worse"
    assert ("1", "jo_day", "sentiment") not in said(social, first)
    assert (first.counts["score_failed"], first.cursors["score_failed"]) == (1, 1)
    use()
    _, probed = social.probe(1.5)
    assert probed.new and "1 comments could not be scored" in probed.reason
    second = social.publish(1.5)
    assert social.comments(second)["1"]["score_state"] == "scored"
    assert ("1", "jo_day", "sentiment") in said(social, second)
    assert changed(second, "comments") == (0, 1, 0)
    assert not social.probe(2)[1].new, "nothing is left to be scored"


def test_another_catalogue_finds_others_and_leaves_the_rest_as_it_was(social: Social, use: Use) -> None:
    social.put("a.csv", raw(row(1, "Jo Day is great"), row(2, "I saw Ray Lark"), row(3, "nothing much")))
    first = social.publish(1)
    assert not social.probe(1.2)[1].new
    use(JO, RAY)
    _, probed = social.probe(1.5)
    assert probed.new and "the catalogue" in probed.reason
    second = social.publish(1.5)
    assert ("2", "ray_lark", "mention") in said(social, second)
    assert {key for key in said(social, first) if key[0] == "1"} <= said(social, second).keys()
    assert changed(second, "comments") == (0, 0, 0), "sentiment and language are as they were"
    assert changed(second, "monitored_entities")[0] == 1


def found_by(social: Social, manifest: Manifest) -> dict[tuple[str, str], str]:
    """Of each signal but sentiments, by which catalogue and rules it was found."""
    return {
        (each["comment_id"], each["entity_id"]): each["model"]
        for each in social.rows(manifest, "signals")
        if each["signal_type"] != "sentiment"
    }


TEXTS = ("Jo Day is great", "I saw Ray Lark", "nothing much", "so was Nova Quill", "me too")


def five(social: Social) -> Manifest:
    """Five comments of one post, the last of which replies to the second."""
    rows = [row(number, text) for number, text in enumerate(TEXTS[:4], 1)]
    social.put("a.csv", raw(*rows, f"5,{POST},me too,{WRITTEN},1,0,2,bob,7"))
    return social.publish(1)


def test_of_another_catalogue_only_what_it_concerns_is_matched_again_and_nothing_is_scored(
    social: Social, use: Use
) -> None:
    first = five(social)
    counting = Counting()
    use(JO, RAY, scorer=counting)
    second = social.publish(1.5)
    before, after = found_by(social, first), found_by(social, second)
    (new,) = set(after.values()) - set(before.values())
    assert {key for key, model in after.items() if model == new} == {("2", "ray_lark"), ("5", "ray_lark")}
    del before["2", "ray lark"]  # was discovered, and is monitored now
    assert {key: after[key] for key in before} == before, "the others are as they were found"
    assert counting.asked == []
    assert changed(second, "comments") == (0, 0, 0)
    assert set(said(social, second)) - set(said(social, first)) == {
        (comment, "ray_lark", kind) for comment in ("2", "5") for kind in ("mention", "sentiment")
    }
    use(RAY)
    third = social.publish(2)
    assert {key[1] for key in found_by(social, third)} == {"ray_lark", "nova quill"}
    assert found_by(social, third)["2", "ray_lark"] == new


def test_of_another_scorer_every_text_is_scored_once_and_none_is_matched_again(
    social: Social, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = five(social)
    counting = CountingNewer()
    use(scorer=counting)
    finds: list[str] = []
    find = Matcher.find

    def telling(self: Matcher, text: str, *rest: Any) -> Any:
        finds.append(text)
        return find(self, text, *rest)

    monkeypatch.setattr(Matcher, "find", telling)
    second = social.publish(1.5)
    assert sorted(counting.asked) == sorted(TEXTS) and finds == []
    assert {each["scorer"].split(" ")[-1] for each in social.rows(second, "comments")} == {"next"}
    sentiments = {
        each["model"].split(" ")[-1]
        for each in social.rows(second, "signals")
        if each["signal_type"] == "sentiment"
    }
    assert sentiments == {"next"} and said(social, second) == said(social, first)
    assert found_by(social, second) == found_by(social, first)


def test_another_catalogue_and_scorer_at_once(social: Social, use: Use) -> None:
    five(social)
    counting = CountingNewer()
    use(JO, RAY, scorer=counting)
    second = social.publish(1.5)
    assert sorted(counting.asked) == sorted(TEXTS)
    mentioned = {key[:2] for key in said(social, second) if key[2] == "mention"}
    assert {key[:2] for key in said(social, second) if key[2] == "sentiment"} == mentioned
    assert {("1", "jo_day"), ("2", "ray_lark"), ("5", "ray_lark")} <= mentioned


def test_what_changed_meanwhile_is_enriched_whole_by_the_new_catalogue(social: Social, use: Use) -> None:
    five(social)
    counting = Counting()
    use(JO, RAY, scorer=counting)
    other = "3773920856741438614"
    social.put("b.csv", raw(row(21, "Ray Lark and Jo Day", post=other)), 1.2)
    second = social.publish(1.5)
    assert counting.asked == ["Ray Lark and Jo Day"]
    assert {("21", "ray_lark"), ("21", "jo_day"), ("2", "ray_lark")} <= found_by(social, second).keys()


def test_by_a_version_that_does_not_tell_its_catalogue_everything_is_enriched_anew(
    social: Social, use: Use
) -> None:
    first = five(social)
    counting = Counting()
    use(JO, RAY, scorer=counting)
    run, probed = social.probe(1.5)
    assert probed.new
    told = {**first.cursors["enriched"], "entities": "catalogue of somebody else"}
    pins = replace(run.pins, watermarks={**run.pins.watermarks, "enriched": told})
    run = replace(run, pins=pins)
    pipeline.extract(run, social.session())
    pipeline.build(run)
    assert sorted(counting.asked) == sorted(TEXTS)


def test_days_add_up_to_what_one_build_of_everything_finds(social: Social, use: Use) -> None:
    use(JO, RAY)
    social.put(
        "a.csv", raw(row(1, "Jo Day!"), row(2, "she is great"), row(3, "and Nova Quill was there too"))
    )
    social.publish(1)
    # The reply says of whom only by its parent, the post by its caption; the second scrape changes likes alone.
    social.put(
        "b.csv",
        raw(row(1, "Jo Day!", likes=300), "9,3770272429806644260,she rules,1763703299,1,0,2,bob,7"),
        1.5,
    )
    social.put(
        "c.csv", f'{SIMPLE}\n{CODE},u,"Ray Lark at the gala",cleo,"love him",2025-11-22T00:00:00Z,3\n', 1.6
    )
    daily = social.publish(2)
    run = social.daily.run(3)
    pipeline.probe(run, social.session())
    enriched = {name: social.rows(daily, name) for name in ("signals", "doubts", "discovered_entities")}
    use(JO)
    social.publish(3)
    use(JO, RAY)
    again = social.publish(4)
    assert {name: social.rows(again, name) for name in enriched} == enriched
    weights = {each["comment_id"]: each["weight"] for each in enriched["signals"]}
    assert weights["1"] == 4.0


def test_name_that_the_catalogue_lacks_is_discovered_and_waits_for_a_decision(
    social: Social, use: Use
) -> None:
    texts = [f"so happy to see Nova Quill at the show, day {number}" for number in range(12)]
    social.put("a.csv", raw(*(row(number, text) for number, text in enumerate(texts, 1))))
    manifest = social.publish(1)
    (name,) = social.rows(manifest, "discovered_entities")
    assert (name["spelling"], name["mentions"], name["status"]) == ("Nova Quill", 12, "joined")
    (item,) = social.rows(manifest, "review_queue")
    assert (item["kind"], item["item"], item["comments"]) == ("unknown_name", name["name"], 12)


@pytest.mark.parametrize("author", ["nova.quill", "NovaQuill", "@nova_quill", "Nova Quill"])
def test_who_comments_on_a_post_is_never_discovered_there(social: Social, use: Use, author: str) -> None:
    texts = ["so happy to see Nova Quill at the show", "that was #NovaQuill for you", "and Ada Vey was there"]
    said_often = [f"{text}, day {day}" for day in range(12) for text in texts]
    social.put("a.csv", raw(*(row(number, text) for number, text in enumerate(said_often, 1))))
    first = social.publish(1)
    assert {each["name"] for each in social.rows(first, "discovered_entities")} == {"nova quill", "ada vey"}
    social.put("b.csv", raw(row(100, "thanks", user=author)), 1.2)
    second = social.publish(1.5)
    assert {each["name"] for each in social.rows(second, "discovered_entities")} == {"ada vey"}
    assert not any("nova" in each["entity_id"] for each in social.rows(second, "signals"))
    assert {each["item"] for each in social.rows(second, "review_queue")} == {"ada vey"}
    use(JO, RAY)
    social.put("c.csv", raw(row(200, "Nova Quill and Ray Lark", post="3773920856741438614")), 1.7)
    third = social.publish(2)
    found = {
        each["comment_id"] for each in social.rows(third, "signals") if each["entity_id"] == "nova quill"
    }
    assert found == {"200"}, "under another post nobody knows whom it means"


# --- what the connection names ---

RAYS = "entities: [{id: ray_lark, name: Ray Lark, type: person}]"


@pytest.fixture
def option(social: Social) -> Callable[..., None]:
    """Have the connection's extra hold these options from now on."""

    def chosen(**options: Any) -> None:
        social.daily.beside["options"] = options

    return chosen


def entities(social: Social, manifest: Manifest) -> set[str]:
    return {each["entity_id"] for each in social.rows(manifest, "monitored_entities")}


@pytest.mark.parametrize("form", ["path", "uri", "key"])
def test_the_connection_names_the_catalogue(
    social: Social, option: Callable[..., None], tmp_path: Path, form: str
) -> None:
    file = tmp_path / "ours.yml"
    file.write_text(RAYS, encoding="utf-8")
    social.daily.store.write_bytes("settings/ours.yml", RAYS.encode())
    option(catalogue={"path": str(file), "uri": f"file://{file}", "key": "settings/ours.yml"}[form])
    social.put("a.csv", raw(row(1, "I saw Ray Lark")))
    manifest = social.publish(1)
    assert entities(social, manifest) == {"ray_lark"}
    assert said(social, manifest)["1", "ray_lark", "mention"] == "name"
    version = read(RAYS.encode(), "ours").version
    assert version in manifest.cursors["enriched"]["entities"], "the manifest has its hash"
    file.write_text(f"{RAYS} # a remark", encoding="utf-8")
    assert not social.probe(2)[1].new


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("settings/none.yml", "cannot be read"),
        ("/nowhere/none.yml", "there is no such file"),
        ("../outside.yml", "cannot be read"),
        ("s3://bucket/ours.yml", "no path"),
        (["a"], "no path"),
    ],
)
def test_a_catalogue_that_is_not_there_ends_the_run_by_name(
    social: Social, option: Callable[..., None], named: Any, says: str
) -> None:
    social.put("a.csv", raw(row(1)))
    option(catalogue=named)
    with pytest.raises(BadSetting, match=rf"`catalogue` in the extra of the connection comments_api.*{says}"):
        social.probe(1)


def test_a_catalogue_that_is_wrong_ends_the_run_and_the_message_says_where(
    social: Social, option: Callable[..., None]
) -> None:
    social.daily.store.write_bytes("ours.yml", RAYS.replace("person", "film").encode())
    option(catalogue="ours.yml")
    social.put("a.csv", raw(row(1)))
    with pytest.raises(BadSetting, match=r"comments_api.*ours\.yml: entry 1 \(ray_lark\).*film"):
        social.probe(1)


def test_the_connection_names_the_classifier(
    social: Social, option: Callable[..., None], tmp_path: Path
) -> None:
    social.put("a.csv", raw(row(1, "love it"), row(2, "hate it")))
    option(classifier=str(written(tmp_path)))
    rows = social.comments(social.publish(1))
    assert {each["scorer"].partition(" ")[0] for each in rows.values()} == {"tiny"}
    assert rows["1"]["sentiment"] > 0.9 and rows["2"]["sentiment"] < -0.9
    option(classifier="settings/scorer.yml")
    with pytest.raises(BadSetting, match=r"`classifier` .* no path of a file"):
        social.probe(2)
    option(classifier=str(tmp_path / "none.yml"))
    with pytest.raises(BadSetting, match=r"comments_api.*none\.yml"):
        social.probe(2)
