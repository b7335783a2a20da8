"""The weekly brief: sections in order, every figure from a table, the same bytes twice, whatever upstreams wrote."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pytest

from include.sources.comments_weekly import analysis, compose, figures, pdf, tables, twin, week
from include.sources.comments_weekly.twin import Brief, Figure
from include.storage import duckdb_session
from tests.sources.comments_weekly import pdf_text
from tests.sources.comments_weekly.inputs import MONDAY, START, Inputs, comment, entity, session, signal

SECTIONS = [
    "big_numbers",
    "executive_summary",
    "sentiment_scale",
    "context",
    "post_performance",
    "what_changed",
    "key_risks",
    "top_entities",
    "sentiment_distribution",
    "platform_comparison",
    "entity_comparison",
    "velocity_alerts",
    "trends",
    "discovered",
    "storylines",
    "faq",
    "next_steps",
]
"""The contract's, after the title."""
VERSION = {"comments": "20261130T031500Z-1a2b3c4d"}
HOSTILE = [
    "{nb} {0} %s <b>bold</b> **bold** __under__",
    "=cmd|'/C calc'!A0",
    "\u202eevil\u202c \x00\x07\u0000 z\u0301\u0301\u0301\u0301\u0301\u0301",
    "https://example.org/?a=b&c=(d)\\) Tj ET",
    "👩‍👩‍👧‍👦🔥 кино and films 電影 مرحبا",
    "'; DROP TABLE entity_rankings; --",
    "word" * 500,
]


def inputs_of_a_month(seed: int = 1, count: int = 2500) -> Inputs:
    """Comments of five weeks on three platforms about nine entities, with all kinds of gaps."""
    draw = random.Random(seed)
    ids = ["ann", "bob", "cy", "dee", "eve", "fay", "gil", "hal"]
    posts = [
        {
            "platform": draw.choice(["instagram", "youtube", "tiktok"]),
            "post_id": f"p{n}",
            "subject": draw.choice([None, "The finale"]),
            "caption": draw.choice([None, "Behind the scenes"]),
            "comments_declared": draw.choice([None, 300]),
            "comments_captured": draw.randrange(300),
        }
        for n in range(20)
    ]
    comments, signals = [], []
    for n in range(count):
        at = START - timedelta(days=28) + timedelta(minutes=draw.randrange(35 * 24 * 60))
        post, names = draw.choice(posts), draw.sample(ids, draw.choice([0, 1, 2]))
        state = draw.choice(["scored"] * 8 + ["failed", "other_language", "no_text", None])
        falls = "bob" in names and at > START + timedelta(days=4)
        score = max(-1.0, round(draw.gauss(0.2 - falls, 0.3), 4))
        found = comment(
            n,
            at if n % 50 else None,
            platform=post["platform"],
            post_id=post["post_id"],
            likes=draw.choice([None, 0, 3, 250]),
            sentiment=min(score, 1.0) if state == "scored" else None,
            score_state=state,
            first_seen=START + timedelta(days=1),
            text=draw.choice(["the wedding was great", "so much love"]),
        )
        comments.append(found)
        names += ["velvet room"] * (n % 20 == 0)
        names += ["gil", "hal"] * (at > START and n % 9 == 0)
        signals += [signal(found, name) for name in sorted(set(names))]
    return {
        "comments": comments,
        "signals": signals,
        "posts": posts,
        "monitored_entities": [entity(each) for each in ids],
    }


@contextmanager
def figures_of(tmp_path: Path, inputs: Inputs, monday: date = MONDAY) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session with the tables of a week by their names, and nothing else."""
    with session(tmp_path, inputs, monday) as con:
        made = {
            table.name: pa.Table.from_batches(analysis.rows(con, table), table.values)
            for table in tables.FIGURES
        }
    with duckdb_session.session(tmp_path) as con:
        for name, rows in made.items():
            con.register(name, rows)
        yield con


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with figures_of(tmp_path_factory.mktemp("month"), inputs_of_a_month()) as con:
        yield con


@pytest.fixture(scope="module")
def brief(month: duckdb.DuckDBPyConnection) -> Brief:
    return compose.compose(month, MONDAY, VERSION)


@pytest.fixture(scope="module")
def read(brief: Brief) -> str:
    """The text of the PDF without any white space."""
    return text_of(pdf.draw(brief)[0])


def text_of(data: bytes) -> str:
    return pdf_text.read(data).text


def bare(text: str) -> str:
    return "".join(text.split())


def test_the_sections_stand_in_the_order_of_the_contract(brief: Brief, read: str) -> None:
    assert [section.id for section in brief.sections] == SECTIONS
    places = [read.index(bare(section.title)) for section in brief.sections]
    assert places == sorted(places)
    assert read.startswith("Weeklybrief23to29November2026Madefromcomments20261130T031500Z-1a2b3c4d")


def traced(con: duckdb.DuckDBPyConnection, figure: Figure) -> Any:
    """What a figure's query answers, or stands in the column of the row under its key."""
    if figure.query is not None:
        ((value,),) = con.execute(figure.query).fetchall()
        return value
    assert figure.key is not None
    condition = " AND ".join(f"CAST({name} AS VARCHAR) = ?" for name in figure.key)
    rows = con.execute(
        f"SELECT {figure.column} FROM {figure.table} WHERE {condition}", [str(v) for v in figure.key.values()]
    ).fetchall()
    ((value,),) = rows
    return ", ".join(value) if isinstance(value, list) else value


def test_every_figure_is_what_its_key_or_query_answers_and_stands_in_the_pdf(
    brief: Brief, read: str, month: duckdb.DuckDBPyConnection
) -> None:
    shown = brief.figures()
    assert len(shown) > 200
    for figure in shown:
        assert traced(month, figure) == figure.value, figure
        assert (
            bare(figures.UNKNOWN if figure.value is None else pdf.printable(figure.shown, 20).rstrip("…"))
            in read
        )


def test_every_point_of_a_chart_is_what_its_query_answers(
    brief: Brief, month: duckdb.DuckDBPyConnection
) -> None:
    found = brief.series()
    assert len(found) > 20
    for series in found:
        assert [(str(label), value) for label, value in month.execute(series.query).fetchall()] == [
            (label, value) for label, value in series.points
        ], series.query


def test_every_number_of_a_sentence_is_one_of_its_figures_or_of_a_rule(brief: Brief) -> None:
    """A sentence that says more than its figures would be one that nobody can check."""
    rules = {"0.7", "0.3", "0.1", "1", "7", "10", "72", "30", "50", "100", "2", "4", "8"}
    for section in brief.sections:
        for sentence in (*section.sentences, *section.closing):
            left = sentence.text
            for figure in sorted(sentence.figures, key=lambda figure: -len(figure.shown)):
                left = re.sub(rf"(?<![\d.,]){re.escape(figure.shown)}(?!\d)", " ", left)
            numbers = {
                word.strip(".,:;()%−+*") for word in left.split() if any(c.isdigit() for c in word)
            } - {""}
            assert numbers <= rules, (sentence.text, numbers - rules)


def test_the_twin_holds_the_same_and_reads_back(brief: Brief) -> None:
    data = twin.encode(brief)
    assert msgspec.json.decode(data, type=Brief) == brief
    assert twin.encode(msgspec.json.decode(data, type=Brief)) == data


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        with figures_of(tmp_path, inputs_of_a_month(count=600)) as con:
            made = compose.compose(con, MONDAY, VERSION)
            found.append((twin.encode(made), pdf.draw(made)))
    assert found[0] == found[1]
    assert found[0][1][1] == len(pdf_text.read(found[0][1][0]).pages)


def test_no_clock_is_in_the_document(brief: Brief) -> None:
    about = pdf_text.read(pdf.draw(brief)[0]).about
    assert re.findall(rb"D:\d+", about) == [b"D:20261130000000"]
    assert b"/Title (Weekly brief, 23 to 29 November 2026)" in about


@pytest.mark.parametrize("text", HOSTILE)
def test_what_upstreams_wrote_is_text(tmp_path: Path, text: str) -> None:
    comments = [comment(n, START + timedelta(days=n % 7), post_id="p1") for n in range(40)]
    inputs = {
        "comments": comments,
        "signals": [signal(c, name) for c in comments for name in ("ann", text)],
        "posts": [{"platform": "instagram", "post_id": "p1", "subject": text, "caption": text, "url": text}],
        "monitored_entities": [entity("ann", text)],
    }
    with figures_of(tmp_path, inputs) as con:
        made = compose.compose(con, MONDAY, VERSION)
        data, _ = pdf.draw(made)
        for figure in made.figures():
            assert traced(con, figure) == figure.value
    read = text_of(data)
    assert bare(pdf.printable(text, 12).rstrip("…")) in read
    assert "\u202e" not in read and b"/URI" not in data and b"/JavaScript" not in data


def test_what_the_font_cannot_draw_is_a_box_and_marks_do_not_pile_up() -> None:
    assert pdf.printable("so 🎉🎉 good 電影") == "so ▫ good ▫"
    assert pdf.printable("a\u0301\u0302\u0303\u0304\u0305b") == "á\u0302\u0303b"
    assert pdf.printable(" a\n\tb\x00\u202e ") == "a b"
    assert pdf.printable("x" * 30, 10) == "x" * 9 + "…"


def empty(**more: Any) -> Inputs:
    return {"comments": [], "signals": [], "monitored_entities": [entity("ann")], **more}


@pytest.mark.parametrize(
    ("comments", "said"),
    [
        ([], "Nocommentwascollectedthatwaswrittenfrom23to29November2026"),
        ([comment(1, START - timedelta(days=1))], "Intheweekbeforetherewere1."),
        ([comment(1, None)], "Collectedthisweekwithoutatime,sotheybelongtonoweek:1furtherones."),
    ],
)
def test_a_week_without_comments_makes_a_short_honest_brief(
    tmp_path: Path, comments: list[dict[str, Any]], said: str
) -> None:
    with figures_of(tmp_path, empty(comments=comments)) as con:
        made = compose.compose(con, MONDAY, VERSION)
        for figure in made.figures():
            assert traced(con, figure) == figure.value
    data, pages = pdf.draw(made)
    assert pages == 1 and said in text_of(data)
    assert [section.id for section in made.sections] == [
        "big_numbers",
        "executive_summary",
        "context",
        "next_steps",
    ]


def test_a_week_of_which_nothing_is_scored_shows_no_sentiment_at_all(tmp_path: Path) -> None:
    comments = [comment(n, sentiment=None, score_state="failed") for n in range(30)]
    with figures_of(tmp_path, empty(comments=comments, signals=[signal(c, "ann") for c in comments])) as con:
        made = compose.compose(con, MONDAY, VERSION)
    read = text_of(pdf.draw(made)[0])
    assert "Noneofthemwasscored" in read and "Notscored.100%ofthecommentscouldnotbescored" in read
    assert "0.00" not in [figure.shown for figure in made.figures()]


@pytest.mark.parametrize(
    ("monday", "words"),
    [
        (date(2026, 11, 23), "23 to 29 November 2026"),
        (date(2026, 11, 30), "30 November to 6 December 2026"),
        (date(2026, 12, 28), "28 December 2026 to 3 January 2027"),
    ],
)
def test_a_week_is_named_as_people_say_it(monday: date, words: str) -> None:
    assert week.words(monday) == words


@pytest.mark.parametrize(
    ("show", "value", "shown"),
    [
        (figures.number, 1234567, "1,234,567"),
        (figures.sentiment, 0.4251, "+0.43"),
        (figures.sentiment, -0.4251, "−0.43"),
        (figures.sentiment, -0.0049, "0.00"),
        (figures.percent, -593.2, "−593 %"),
        (figures.percent, 0.2, "0 %"),
        (figures.share, 0.25, "0.2 %"),
        (figures.share, 33.4, "33 %"),
        (figures.platform, "tiktok", "TikTok"),
        (figures.platform, "instagram", "Instagram"),
        (figures.platform, "all platforms", "All platforms"),
        (figures.places, 0, "="),
        (figures.places, -2, "▼ 2"),
    ],
)
def test_figures_are_shown_as_people_read_them(show: Callable[[Any], str], value: Any, shown: str) -> None:
    assert show(value) == shown
