"""Names that the catalogue lacks: candidates without junk and without private persons."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.sources.comments.enrich import (
    DISCOVERED,
    MENTIONS,
    REVIEW_QUEUE,
    REVIEWS,
    Catalogue,
    Enrichment,
    discovered,
    review_queue,
)
from include.sources.comments.enrich.discovery import candidates, handles_of
from tests.sources.comments.enrich.conftest import Batch


def names(text: str) -> list[str]:
    return [each.name for each in candidates(text)]


def of(*rows: tuple[str, str, str]) -> pa.Table:
    """Mentions by comment, name and spelling."""
    return pa.Table.from_pylist(
        [
            {
                "platform": "tiktok",
                "comment_id": comment,
                "name": name,
                "spelling": spelling,
                "kind": "capitalised",
            }
            for comment, name, spelling in rows
        ],
        schema=MENTIONS,
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("I only like Nova Quindlen", ["nova quindlen"]),
        ("Nova Quindlen is better", ["nova quindlen"]),
        ("Love Nova Quindlen!", ["nova quindlen"]),
        ("Nova Quindlen's new film", ["nova quindlen"]),
        ("give it to Quindlen already", ["quindlen"]),
        ("Émile Duprée is great", ["emile dupree"]),
        ("the Duke of Harrowgate is here", ["duke of harrowgate"]),
        ("#NovaQuindlen", ["nova quindlen"]),
        ("#novaquindlen", ["novaquindlen"]),
        ("the SPF was missing", ["spf"]),
        ("Nova Quindlen and nova quindlen and Nova Quindlen", ["nova quindlen"]),
    ],
)
def test_a_name_is_a_candidate(text: str, found: list[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "(📸: Getty Images)",
        "Photo by Getty Images",
        "Link in Bio!",
        "link In Bio",
        "OMG LOL Wow Yikes",
        "Happy Birthday Queen",
        "I Love This",
        "Quindlen is great",
        "great! Quindlen said so",
        "🔥 Quindlen",
        "THIS IS ALL NOVA QUINDLEN",
        "I am NEVERGIVINGUP",
        "God bless you, Jesus Christ",
        "see you on Monday in July",
        "@NovaQuindlen @nova.quindlen",
        "https://example.com/Nova_Quindlen",
        "She Should Have Been There Already Then",
        "A B C",
        "",
        "❤️❤️",
        "#love #fyp2",
        "Gorgeous Beautiful Stunning",
    ],
)
def test_junk_is_no_candidate(text: str) -> None:
    """Junk such as "Getty Images" once led the list of discovered names."""
    assert set(names(text)) <= {"fyp2"}


def test_a_name_that_is_known_is_no_candidate(catalogue: Catalogue, batch: Batch) -> None:
    mentions = Enrichment(catalogue).of(batch("I met Mira Valdane and Nova Quindlen and June Park")).mentions
    assert mentions["name"].to_pylist() == ["nova quindlen"]


def test_a_capital_tells_no_name_in_another_language(catalogue: Catalogue, batch: Batch) -> None:
    german = "Das ist wirklich das beste Fernsehen seit langer Zeit #NovaQuindlen"
    mentions = Enrichment(catalogue).of(batch(german)).mentions
    assert mentions["name"].to_pylist() == ["nova quindlen"]


def test_a_name_is_found_whole_beside_letters_that_need_no_blanks() -> None:
    assert names("昨日はNova Quindlenだ") == ["nova quindlen"]


def test_somebody_of_a_name_may_be_called_like_it_or_by_its_words() -> None:
    assert {
        "nova quindlen",
        "novaquindlen",
        "nova.quindlen",
        "nova_quindlen",
        "nova-quindlen",
        "Nova Quindlén",
    } <= (handles_of("Nova Quindlén"))
    assert handles_of("Cher") == {"Cher", "cher"}


@given(st.text(max_size=100))
def test_any_text_can_be_read_for_names(text: str) -> None:
    assert all(each.name and each.spelling for each in candidates(text))


def test_a_candidate_is_counted_by_distinct_comments_and_joins_at_ten() -> None:
    rows = [(f"c{number}", "nova quindlen", "Nova Quindlen") for number in range(10)]
    rows += [("c1", "nova quindlen", "NOVA Quindlen"), ("c1", "nova quindlen", "Nova Quindlen")]
    rows += [(f"c{number}", "ada vey", "Ada Vey") for number in range(9)] * 2
    table = discovered(of(*rows))
    assert table.schema == DISCOVERED
    assert table.to_pylist() == [
        {"name": "nova quindlen", "spelling": "Nova Quindlen", "mentions": 10, "status": "joined"},
        {"name": "ada vey", "spelling": "Ada Vey", "mentions": 9, "status": "candidate"},
    ]


def test_one_comment_id_on_two_platforms_is_two_comments() -> None:
    here = of(("c1", "ada vey", "Ada Vey"))
    there = here.set_column(0, MENTIONS.field("platform"), pa.array(["youtube"]))
    assert discovered(pa.concat_tables([here, there]))["mentions"].to_pylist() == [2]


def test_no_mentions_discover_nothing() -> None:
    table = discovered(MENTIONS.empty_table())
    assert (table.schema, table.num_rows) == (DISCOVERED, 0)
    queue = review_queue(REVIEWS.empty_table(), table, MENTIONS.empty_table())
    assert (queue.schema, queue.num_rows) == (REVIEW_QUEUE, 0)


def test_doubts_and_frequent_names_wait_for_a_person(catalogue: Catalogue, batch: Batch) -> None:
    texts = ["June looks bored"] * 2 + ["give it to Nova Quindlen"] * 10 + ["I like Ada Vey"] * 9
    enriched = Enrichment(catalogue).of(batch(*texts))
    names = discovered(enriched.mentions)
    assert review_queue(enriched.reviews, names, enriched.mentions).to_pylist() == [
        {
            "kind": "unknown_name",
            "item": "nova quindlen",
            "reason": "Nova Quindlen stands in at least 10 comments and not in the catalogue",
            "comments": 10,
            "examples": ["tiktok/c10", "tiktok/c11", "tiktok/c12", "tiktok/c3", "tiktok/c4"],
        },
        {
            "kind": "ambiguous_alias",
            "item": "june",
            "reason": "june may be june_castellan or june_park, and neither the comment, its post nor its parent has a "
            "word that tells",
            "comments": 2,
            "examples": ["tiktok/c1", "tiktok/c2"],
        },
    ]
