"""The dashboard of comments in a real Chromium, on a site that the export made."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

import pytest

from include.sources.comments_weekly import dashboard
from include.storage.store import Store
from tests.sources.comments_weekly.inputs import entity, signal
from tests.web import site
from tests.web.comments import (
    AS_OF,
    MONDAY,
    World,
    comment,
    generated,
    post,
    seal,
    weeks_until,
)
from tests.web.conftest import Visit, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NOW = AS_OF + timedelta(hours=5)
WEEKS = 5
COUNT = 3_000


class DashboardVisit(Visit):
    """The dashboard, which is there when its week is, or a notice."""

    def loaded(self) -> None:
        """Wait until the first screen is there."""
        self.page.wait_for_selector("#headline, #notices .notice, main > .empty")


def export(
    folder: Path, world: World, weeks: Sequence[date] = (MONDAY,), run: str = "run", moves: int = 0
) -> Path:
    """A dashboard of several parts, in a store in the folder."""
    store = Store.from_uri(folder.as_uri())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dashboard, "FIRST_ROWS", 100)
        patched.setattr(dashboard, "PART_ROWS", 400)
        patched.setattr(dashboard, "WORD_ROWS", 200)
        manifest = seal(store, world, weeks, run=run)
        dashboard.export(store, manifest, AS_OF + timedelta(minutes=10), moves)
    return site.folder(store, dashboard.SITE)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("dashboard"), generated(COUNT, WEEKS), weeks_until(MONDAY, WEEKS))


@pytest.fixture
def root(exported: Path) -> Path:
    """What is served; tests that want another site say so."""
    return exported


@pytest.fixture
def visit(browser: Browser, root: Path) -> Iterator[DashboardVisit]:
    """The dashboard, five hours after the data."""
    with visiting(DashboardVisit, browser, root, NOW) as found:
        yield found


def data(root: Path) -> dict[str, Any]:
    """What latest.json says."""
    found: dict[str, Any] = json.loads((root / "latest.json").read_text())
    return found


def of_week(root: Path, week: date = MONDAY) -> dict[str, list[dict[str, Any]]]:
    """The figures of a week as rows."""
    (file,) = [each for each in data(root)["files"]["weeks"] if each["week"] == week.isoformat()]
    content = json.loads((root / file["path"]).read_text())
    return {
        name: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        for name, columns in content.items()
    }


def comments(root: Path) -> list[dict[str, Any]]:
    """All comments, newest first."""
    store = Store.from_uri(root.as_uri())
    catalogue = json.loads((root / data(root)["files"]["comments"]["path"]).read_text())
    return [row for part in catalogue["parts"] for row in store.parquet(part["path"]).to_table().to_pylist()]


def to_comments(page: Page) -> None:
    """Go to the comments and wait for the first answer."""
    page.click(".sections button:text-is('Comments')")
    answered(page)


def answered(page: Page) -> str:
    """Wait until the comments answer what is asked; what is said of them."""
    page.wait_for_timeout(200)  # until the reader is taken to have typed all
    page.wait_for_selector(".comments[aria-busy=false], #comments .failure", state="attached")
    return page.inner_text("#count")


def texts(page: Page) -> list[str]:
    found: list[str] = page.locator(".comments .text").evaluate_all("all => all.map(one => one.textContent)")
    return found


# What stands on top


def test_the_head_names_version_time_age_and_size(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    head = page.inner_text("header")
    assert "2 Mar 2026, 06:00 UTC" in head
    assert page.inner_text("#age") == "5 hours old"
    assert data(root)["version"] in head
    assert "3,000 comments" in head
    assert page.locator(".notice").count() == 0


@pytest.mark.parametrize(("days", "stale"), [(8, False), (9, True)])
def test_data_older_than_eight_days_is_announced(visit: DashboardVisit, days: int, stale: bool) -> None:
    visit.page.clock.set_fixed_time(AS_OF + timedelta(days=days))
    page = visit.open()
    assert page.locator(".notice.stale").count() == int(stale)
    if stale:
        assert f"This data is {days} days old." in page.inner_text(".notice.stale")
        assert "due every week" in page.inner_text(".notice.stale")


def test_the_first_screen_needs_three_small_files_and_no_comment(visit: DashboardVisit) -> None:
    visit.page.set_viewport_size({"width": 1440, "height": 600})
    visit.open()
    asked = [url.removeprefix(visit.address) for url in visit.requests]
    read = [re.sub(r"-[0-9a-f]{12}", "", path) for path in asked if path.endswith((".json", ".parquet"))]
    version = read[1].split("/")[1]
    assert read == ["latest.json", f"data/{version}/overview.json", f"data/{version}/week-2026-02-23.json"]
    assert not any("worker" in path for path in asked)


def tile(page: Page, name: str) -> str:
    return page.locator(".tile", has=page.locator(f"h3:text-is('{name}')")).locator(".figure").inner_text()


def test_the_headline_has_the_figures_of_the_week(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    overview = json.loads((root / data(root)["files"]["overview"]["path"]).read_text())["platforms"]
    mine = [i for i, week in enumerate(overview["week"]) if week == MONDAY.isoformat()]

    def total(name: str) -> int:
        return sum(overview[name][i] for i in mine)

    scored = total("scored")
    mean = sum(overview["average_sentiment"][i] * overview["scored"][i] for i in mine) / scored
    assert tile(page, "Comments") == f"{total('comments'):,}"
    assert tile(page, "Average sentiment") == f"{mean:.2f}".replace("-", "−")
    assert tile(page, "Positive") == f"{100 * (total('positive') + total('very_positive')) / scored:.0f} %"
    assert tile(page, "Negative") == f"{100 * (total('negative') + total('very_negative')) / scored:.0f} %"
    assert tile(page, "Posts with comments") == str(total("posts"))
    assert tile(page, "Velocity alerts") == str(len(of_week(root)["alerts"]))


def test_another_week_can_be_chosen_and_shared(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    assert page.locator("#which option").count() == WEEKS
    page.click("[aria-label='Week before']")
    page.wait_for_selector("#headline[aria-label*='16 Feb']")
    before = MONDAY - timedelta(days=7)
    first = of_week(root, before)["rankings"][0]
    assert page.inner_text("#rankings tbody th bdi >> nth=0") == first["name"]
    page.wait_for_function("() => location.hash === '#week=2026-02-16'")
    again = page.context.new_page()
    again.goto(page.url)
    again.wait_for_selector("#headline[aria-label*='16 Feb']")
    assert again.input_value("#which") == "2026-02-16"
    again.click("[aria-label='Week after']")
    again.wait_for_selector("#headline[aria-label*='23 Feb']")
    again.wait_for_function("() => location.hash === ''")
    assert again.is_disabled("[aria-label='Week after']")
    again.close()


def test_an_address_that_makes_no_sense_shows_the_newest_week(visit: DashboardVisit) -> None:
    page = visit.open("#week=2025-13-45&lines=<b>&mood=glum&from=never&chart=a&chart=a&span=%00")
    assert page.input_value("#which") == MONDAY.isoformat()
    assert page.input_value("#mood") == ""


# Sections


def test_rankings_show_rank_movement_and_figures(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    rankings = of_week(root)["rankings"]
    assert len(rankings) > 10
    assert page.locator("#rankings tbody tr").count() == 10
    page.click("#rankings .all")
    shown = page.locator("#rankings tbody tr").evaluate_all(
        """rows => rows.map(row => [
            row.querySelector('.rank strong').textContent, row.querySelector('.move').textContent,
            row.querySelector('th bdi').textContent, row.querySelector('[data-title=Sentiment]').textContent.trim()])"""
    )
    assert shown == [[str(row["rank"] or "–"), movement(row), row["name"], told(row)] for row in rankings]


def told(row: dict[str, Any]) -> str:
    mean = row["average_sentiment"]
    return "–" if mean is None else f"{mean:.2f}".replace("-", "−" if round(mean, 2) else "")


def movement(row: dict[str, Any]) -> str:
    if row["rank"] is None:
        return "out"
    if row["rank_before"] is None:
        return "new"
    places = row["rank_change"]
    return "=" if places == 0 else f"up ▲{places}" if places > 0 else f"down ▼{-places}"


def test_alerts_storylines_and_posts_are_those_of_the_week(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    figures = of_week(root)
    assert figures["alerts"]
    assert figures["storylines"]
    names = [row["name"] for row in figures["alerts"]][:8]
    assert page.locator("#alerts li strong bdi").all_inner_texts() == names
    story = page.inner_text("#storylines li >> nth=0")
    assert " + ".join(figures["storylines"][0]["names"]) in story
    assert all(term in story for term in figures["storylines"][0]["terms"])
    links = page.locator("#posts tbody th a").evaluate_all("links => links.map(link => link.href)")
    assert links == [row["url"] for row in figures["posts"]][:8]


def test_a_click_on_a_ranking_leads_to_its_comments_of_the_week(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    first = of_week(root)["rankings"][0]
    page.click("#rankings tbody tr:first-child button:text-is('Comments')")
    said = answered(page)
    assert page.input_value("#entity") == first["entity_id"]
    assert (page.input_value("#from"), page.input_value("#to")) == ("2026-02-23", "2026-03-01")
    wanted = [row["text"] for row in comments(root) if first["entity_id"] in row["entities"] and in_week(row)]
    assert len(wanted) == first["comments"]
    assert texts(page) == wanted[:50]
    while page.locator("#more").count():
        page.click("#more")
        said = answered(page)
    assert said == f"{len(wanted)} comments"
    assert texts(page) == wanted


def in_week(row: dict[str, Any]) -> bool:
    start = datetime.combine(MONDAY, datetime.min.time(), UTC).timestamp() * 1000
    return row["created"] is not None and start <= row["created"] < start + 7 * 86_400_000


def test_a_click_on_a_post_leads_to_its_comments_of_all_weeks(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    first = of_week(root)["posts"][0]
    page.click("#posts tbody tr:first-child button:text-is('Comments')")
    said = answered(page)
    while page.locator("#more").count():
        page.click("#more")
        said = answered(page)
    wanted = [
        row["text"]
        for row in comments(root)
        if (row["platform"], row["post_id"]) == (first["platform"], first["post_id"])
    ]
    assert said == f"{len(wanted):,} comments"
    assert texts(page) == wanted
    page.click(".chip")
    assert answered(page).startswith("3,000 comments")


# The chart


def legend(page: Page) -> list[str]:
    """What the lines of the chart are of."""
    return page.locator("#trend .legend bdi").all_inner_texts()


def test_lines_are_by_platform_or_by_entity_over_weeks_or_days(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    assert legend(page) == ["All platforms", "Instagram", "TikTok", "YouTube"]
    page.click("#trend summary")
    assert page.locator("#trend .plain tbody tr").count() == WEEKS
    page.click("#trend button:text-is('By entity')")
    page.wait_for_selector("#trend .legend li:has-text('Avery Cole')")
    top = [row["name"] for row in of_week(root)["rankings"][:5]]
    assert legend(page) == top
    page.click("#trend button:text-is('Days of the week')")
    page.wait_for_function("() => document.querySelectorAll('#trend .plain tbody tr').length === 7")
    days = [
        row for row in of_week(root)["days"] if row["entity_id"] == of_week(root)["rankings"][0]["entity_id"]
    ]
    monday = [row for row in days if row["day"] == MONDAY.isoformat()]
    scored = sum(row["scored"] for row in monday)
    mean = sum(row["scored"] * (row["average_sentiment"] or 0) for row in monday) / scored
    cell = page.text_content("#trend .plain tbody tr:first-child td >> nth=0")
    assert cell == told({"average_sentiment": mean})


def test_an_entity_is_put_into_the_chart_and_taken_out(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    name = of_week(root)["rankings"][6]["name"]
    page.click(f"#rankings [aria-label='Chart {name}']")
    page.wait_for_selector("#trend .legend bdi")
    page.wait_for_function(
        "name => document.querySelector('#trend .legend').textContent.includes(name)", arg=name
    )
    assert legend(page) == [name]
    assert page.get_attribute(f"#rankings [aria-label='Chart {name}']", "aria-pressed") == "true"
    page.click(f"#rankings [aria-label='Chart {name}']")
    page.wait_for_function("() => document.querySelectorAll('#trend .legend li').length === 5")


# Searching


def found_by(root: Path, *words: str) -> list[str]:
    """Texts in which each of the words begins one."""

    def has(text: str, word: str) -> bool:
        return re.search(rf"(?<!\w){re.escape(word)}", text, re.IGNORECASE) is not None

    return [row["text"] for row in comments(root) if all(has(row["text"] or "", word) for word in words)]


def search(page: Page, text: str) -> str:
    page.fill("#search", text)
    said = answered(page)
    while page.locator("#more").count():
        page.click("#more")
        said = answered(page)
    return said


SEARCHES: dict[str, tuple[str, ...]] = {
    "Noor": ("noor",),
    "avery finale": ("avery", "finale"),
    '"velvet coffee"': ("velvet coffee",),
    "sea": ("sea",),
    "can't trailer": ("can't", "trailer"),
    "orchid beautiful music": ("orchid", "beautiful", "music"),
    "nowhere-to-be-found": ("nowhere",),
    "   ": (),
}


def test_search_finds_every_word_by_its_beginning(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    to_comments(page)
    few = 0
    for asked, words in SEARCHES.items():
        wanted = found_by(root, *words)
        page.fill("#search", asked)
        said = answered(page)
        assert texts(page) == wanted[:50], asked
        if len(wanted) < 50:
            few += 1
            assert said == f"{len(wanted)} comment{'' if len(wanted) == 1 else 's'}", asked
            assert page.locator("#comments > .empty").count() == (not wanted), asked
    assert few >= 3


def test_a_search_reads_only_parts_that_have_the_words(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    to_comments(page)
    counted = Counter(
        word for row in comments(root) for word in row["text"].lower().split() if word.isalpha()
    )
    rare = min(counted, key=lambda word: (counted[word], -len(word)))
    before = len(visit.requests)
    search(page, rare)
    asked = [url for url in visit.requests[before:] if "/comments-" in url]
    assert texts(page) == found_by(root, rare)
    assert len(asked) <= 2


FILTERS: dict[str, dict[str, str]] = {
    "platform": {"platform": "youtube"},
    "entity": {"entity": "mina-jae"},
    "mood": {"mood": "very_negative"},
    "state": {"mood": "failed"},
    "days": {"from": "2026-02-24", "to": "2026-02-24"},
    "until": {"to": "2026-01-28"},
    "several": {"platform": "instagram", "mood": "positive", "entity": "avery-cole", "from": "2026-02-10"},
}


def passes(row: dict[str, Any], chosen: dict[str, str]) -> bool:
    """Whether a comment meets all filters."""
    if row["created"] is None and ("from" in chosen or "to" in chosen):
        return False
    day = datetime.fromtimestamp((row["created"] or 0) / 1000, UTC).date().isoformat()
    return (
        row["platform"] == chosen.get("platform", row["platform"])
        and row["mood"] == chosen.get("mood", row["mood"])
        and ("entity" not in chosen or chosen["entity"] in row["entities"])
        and ("from" not in chosen or day >= chosen["from"])
        and ("to" not in chosen or day <= chosen["to"])
    )


def test_comments_are_filtered(visit: DashboardVisit, root: Path) -> None:
    page = visit.open("#platform=reddit")
    to_comments(page)
    assert page.input_value("#platform") == "reddit"
    every = comments(root)
    for name, chosen in FILTERS.items():
        page.click("#reset")
        assert answered(page) == "3,000 comments, the newest 50 shown"
        for field, value in chosen.items():
            if field in {"from", "to"}:
                page.fill(f"#{field}", value)
            else:
                page.select_option(f"#{field}", value)
        answered(page)
        wanted = [row["text"] or "No text" for row in every if passes(row, chosen)]
        assert wanted, name
        assert texts(page) == wanted[:50], name


def test_more_comments_are_shown_and_the_view_is_in_the_address(visit: DashboardVisit, root: Path) -> None:
    page = visit.open()
    to_comments(page)
    assert answered(page) == "3,000 comments, the newest 50 shown"
    page.click("#more")
    answered(page)
    assert texts(page) == [row["text"] or "No text" for row in comments(root)[:100]]
    page.fill("#search", "love show")
    page.select_option("#platform", "tiktok")
    page.wait_for_function("() => location.hash === '#search=love+show&platform=tiktok'")
    found = texts(page) if answered(page) else []
    page.reload()
    visit.loaded()
    to_comments(page)
    assert (page.input_value("#search"), page.input_value("#platform")) == ("love show", "tiktok")
    assert texts(page) == found


# Text is text

MARKUP = '<img src=x onerror="alert(1)"><script>alert(2)</script>&amp;<b>bold</b>'
RTL = "\u202eevil\u202c \u2067hidden \u200f"
FORMULA = '=HYPERLINK("https://evil.example","x")'
LONG = "W" * 5_000
HOSTILE = (
    MARKUP,
    RTL,
    FORMULA,
    LONG,
    "javascript:alert(1)",
    "line\r\nbreak\ttab\x00null",
    "Ménière İstanbul ΟΔΟΣ 漢字 😂",
)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    given = [comment(number, text) for number, text in enumerate(HOSTILE)]
    named = [comment(100 + number, "plain", post_id=f"p{number % 4}") for number in range(12)]
    return export(
        tmp_path,
        {
            "comments": [*given, *named],
            "posts": [
                post(0, url="javascript:alert(1)", subject=MARKUP, caption=RTL),
                post(1, url="https://instagram.com.evil.example/p/1", subject=FORMULA, caption=LONG),
                post(2, url="https://user:word@www.instagram.com/p/2", subject=LONG, caption=MARKUP),
                post(3, url='https://www.instagram.com/p/"><script>alert(3)</script>', subject=RTL),
            ],
            "signals": [*(signal(row, MARKUP) for row in named), *(signal(row, "rtl") for row in named)],
            "monitored_entities": [entity("rtl", RTL), entity("long", LONG)],
        },
    )


class TestHostileTexts:
    @pytest.fixture
    def root(self, hostile: Path) -> Path:
        return hostile

    def test_upstream_text_is_text_everywhere(self, visit: DashboardVisit) -> None:
        page = visit.open()
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        to_comments(page)
        shown = texts(page)
        for text in (MARKUP, RTL, FORMULA, "javascript:alert(1)"):
            assert text in shown
        assert any(text.startswith("W" * 2_000 + " … (cut: 5,000 characters in all)") for text in shown)
        assert MARKUP in page.locator("#rankings tbody th bdi").all_text_contents()
        assert MARKUP in page.locator("#posts tbody th > bdi, #posts tbody th > a > bdi").all_text_contents()
        assert page.locator("#app img, #app script, #app b").count() == 0
        assert dialogs == []

    def test_only_addresses_of_the_platform_are_links(self, visit: DashboardVisit) -> None:
        page = visit.open()
        links = page.locator("#posts a").evaluate_all("links => links.map(link => [link.href, link.rel])")
        assert links == [
            [
                "https://www.instagram.com/p/%22%3E%3Cscript%3Ealert(3)%3C/script%3E",
                "noopener noreferrer external",
            ]
        ]

    def test_text_that_turns_direction_turns_nothing_around_it(self, visit: DashboardVisit) -> None:
        page = visit.open()
        isolated = page.locator("bdi, .text").evaluate_all(
            "all => all.map(one => getComputedStyle(one).unicodeBidi)"
        )
        assert set(isolated) <= {"isolate", "plaintext", "isolate-override"}

    @pytest.mark.parametrize("width", [390, 1440])
    def test_long_words_do_not_widen_the_page(self, visit: DashboardVisit, width: int) -> None:
        visit.page.set_viewport_size({"width": width, "height": 844})
        page = visit.open()
        to_comments(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width

    def test_search_knows_forms_of_letters_other_scripts_and_emoji(self, visit: DashboardVisit) -> None:
        page = visit.open()
        to_comments(page)
        strange = dict.fromkeys(("meniere", "ISTANBUL", "οδος", "字", "漢字", "😂"), HOSTILE[-1])
        for asked, wanted in (strange | {"script": MARKUP, "hyperlink": FORMULA}).items():
            assert search(page, asked) == "1 comment", asked
            assert texts(page) == [wanted], asked


# Little data


class TestAWeekWithoutComments:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return export(tmp_path, {})

    def test_every_section_says_that_there_is_nothing(self, visit: DashboardVisit) -> None:
        page = visit.open()
        to_comments(page)
        assert tile(page, "Comments") == "0"
        assert tile(page, "Average sentiment") == "–"
        assert tile(page, "Positive") == "–"
        for section in ("trend", "platforms", "rankings", "alerts", "storylines", "posts", "comments"):
            assert page.locator(f"#{section} .empty").count() == 1, section
        assert page.inner_text("#count") == "0 comments"


class TestNoWeek:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return export(tmp_path, {"comments": [comment(1)]}, weeks=())

    def test_the_page_says_so_and_shows_the_comments(self, visit: DashboardVisit) -> None:
        page = visit.open()
        assert "No week has been analysed yet" in page.inner_text("main > .empty")
        page.locator("#comments").scroll_into_view_if_needed()
        answered(page)
        assert texts(page) == ["A comment"]


class TestOneWeek:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return export(tmp_path, {"comments": [comment(number) for number in range(3)], "posts": [post()]})

    def test_it_is_compared_with_nothing_and_charted_as_a_point(self, visit: DashboardVisit) -> None:
        page = visit.open()
        assert tile(page, "Comments") == "3"
        assert "week before" not in page.inner_text(".tiles")
        assert page.locator("#trend .series circle").count() == 1
        assert page.is_disabled("[aria-label='Week before']")


# Keyboard and phone


def test_everything_is_reached_and_used_by_keyboard(visit: DashboardVisit) -> None:
    page = visit.open()
    page.keyboard.press("Tab")
    reached: list[str] = []
    for _ in range(120):
        reached.append(
            page.evaluate(
                """() => { const one = document.activeElement;
                return one.id || one.getAttribute('aria-label') || one.textContent.trim(); }"""
            )
        )
        if reached[-1] == "to":
            break
        page.keyboard.press("Tab")
    for control in (
        "which",
        "Rankings",
        "By entity",
        "As a table",
        "Chart Avery Cole",
        "search",
        "entity",
        "to",
    ):
        assert control in reached, control
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_values_of_the_chart_are_read_with_the_arrow_keys(visit: DashboardVisit) -> None:
    page = visit.open()
    page.focus("svg.lines")
    page.keyboard.press("Home")
    assert page.inner_text("#trend .period").startswith("26 Jan")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#trend .period").startswith("2 Feb")
    said = page.text_content("#trend .period") or ""
    assert all(
        line.replace("\n", " ") in said for line in page.locator("#trend .legend li").all_inner_texts()
    )
    page.keyboard.press("End")
    assert page.inner_text("#trend .period").startswith("23 Feb")


def test_a_section_that_is_gone_to_has_the_focus_and_stands_below_the_bar(visit: DashboardVisit) -> None:
    page = visit.open()
    for name, section in (("Rankings", "rankings"), ("Posts", "posts")):
        page.focus(f".sections button:text-is('{name}')")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == section
        bar = page.locator(".bar").bounding_box()
        title = page.locator(f"#{section} h2").bounding_box()
        assert bar
        assert title
        assert title["y"] >= bar["y"] + bar["height"] - 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(browser: Browser, root: Path, scheme: str) -> None:
    phone: dict[str, Any] = {
        "viewport": {"width": 390, "height": 844},
        "is_mobile": True,
        "has_touch": True,
        "color_scheme": scheme,
    }
    with visiting(DashboardVisit, browser, root, NOW, **phone) as visit:
        page = visit.open()
        to_comments(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate("innerWidth") == 390
        outside = page.locator("main button, main input, main select").evaluate_all(
            """all => all.filter(one => !one.closest('.sections') && one.offsetParent)
                .filter(one => one.getBoundingClientRect().right > 390).map(one => one.outerHTML)"""
        )
        assert outside == []
        assert page.locator("#rankings thead").is_hidden()
        page.tap("#rankings tbody tr:first-child button:text-is('Comments')")
        answered(page)
        assert page.input_value("#entity") != ""


# What goes wrong


def changed(root: Path, tmp_path: Path, **values: Any) -> Path:
    """A copy of the site whose latest.json says something else."""
    copy = Path(copytree(root, tmp_path / "copy"))
    (copy / "latest.json").write_text(json.dumps(data(root) | values))
    return copy


class TestAnotherFormat:
    @pytest.fixture
    def root(self, exported: Path, tmp_path: Path) -> Path:
        return changed(exported, tmp_path, format=2)

    def test_a_pointer_of_an_unknown_format_is_said(self, visit: DashboardVisit) -> None:
        page = visit.open()
        text = page.inner_text(".notice.failure")
        assert "The dashboard could not be loaded." in text
        assert "it has format 2, this page reads format 1; reload the page" in text
        assert page.locator("main").count() == 0


class TestAFileElsewhere:
    @pytest.fixture
    def root(self, exported: Path, tmp_path: Path) -> Path:
        files = data(exported)["files"]
        files["overview"]["path"] = "../../secret.json"
        return changed(exported, tmp_path, files=files)

    def test_a_path_outside_the_data_folder_is_refused(self, visit: DashboardVisit) -> None:
        page = visit.open()
        assert "outside its data folder: ../../secret.json" in page.inner_text(".notice.failure")


def test_a_pointer_that_is_missing_is_said_and_tried_again(
    browser: Browser, exported: Path, tmp_path: Path
) -> None:
    root = Path(copytree(exported, tmp_path / "copy"))
    (root / "latest.json").rename(root / "away.json")
    with visiting(DashboardVisit, browser, root, NOW) as visit:
        page = visit.open()
        assert "the server answered 404" in page.inner_text(".notice.failure")
        (root / "away.json").rename(root / "latest.json")
        page.click(".notice button")
        page.wait_for_selector("#headline")
        assert page.locator(".notice").count() == 0
        forget_missing(visit)


def forget_missing(visit: Visit) -> None:
    """The browser's own word on what was not found is no complaint of the page."""
    said = [text for text in visit.complaints if "404" in text]
    assert said
    for text in said:
        visit.complaints.remove(text)


@pytest.mark.parametrize("kind", ["part", "cut", "words", "catalogue"])
def test_what_is_missing_of_the_comments_is_said_and_tried_again(
    browser: Browser, exported: Path, tmp_path: Path, kind: str
) -> None:
    root = Path(copytree(exported, tmp_path / "copy"))
    pattern = {
        "part": "comments-00001-*",
        "cut": "comments-00001-*",
        "words": "words-*",
        "catalogue": "comments-*.json",
    }
    paths = list((root / "data").rglob(pattern[kind]))
    whole = {path: path.read_bytes() for path in paths}
    with visiting(DashboardVisit, browser, root, NOW) as visit:
        for path, content in whole.items():
            if kind == "cut":
                path.write_bytes(content[:-100])
            else:
                path.unlink()
        page = visit.open("#search=the+season")
        page.click(".sections button:text-is('Comments')")
        page.wait_for_selector("#comments .failure")
        text = page.inner_text("#comments .failure")
        assert "Some comments could not be loaded" in text
        assert re.search(r"data/\S+(comments|words)-\S+: ", text)
        assert ("bytes came instead of" if kind == "cut" else "the server answered 404") in text
        assert page.locator("#headline").count() == 1
        for path, content in whole.items():
            path.write_bytes(content)
        page.click("#comments .failure button")
        answered(page)
        assert page.locator("#comments .failure").count() == 0
        assert texts(page) == found_by(root, "the", "season")[:50]


def test_a_week_that_is_missing_is_said_and_the_one_before_stays(
    browser: Browser, exported: Path, tmp_path: Path
) -> None:
    root = Path(copytree(exported, tmp_path / "copy"))
    with visiting(DashboardVisit, browser, root, NOW) as visit:
        page = visit.open()
        (path,) = (root / "data").rglob("week-2026-02-16-*")
        content = path.read_bytes()
        path.unlink()
        page.click("[aria-label='Week before']")
        page.wait_for_selector(".notice.failure")
        assert "These figures could not be loaded." in page.inner_text(".notice.failure")
        assert page.locator("#headline[aria-label*='23 Feb']").count() == 1
        path.write_bytes(content)
        page.click(".notice.failure button")
        page.wait_for_selector("#headline[aria-label*='16 Feb']")
        assert page.locator(".notice").count() == 0
        forget_missing(visit)


def test_whoever_has_the_page_open_goes_on_with_their_version_when_another_comes(
    browser: Browser, tmp_path: Path
) -> None:
    def world(word: str) -> World:
        return {"comments": [comment(number, f"{word} {number}") for number in range(300)]}

    weeks = weeks_until(MONDAY, 2)
    root = export(tmp_path, world("first"), weeks, run="one", moves=1)
    with visiting(DashboardVisit, browser, root, NOW) as visit:
        page = visit.open()
        first = data(root)["version"]
        export(tmp_path, world("second"), weeks, run="two", moves=2)
        assert data(root)["version"] != first
        to_comments(page)
        assert {text.split()[0] for text in texts(page)} == {"first"}
        assert search(page, "first").startswith("300 comments")
        page.click("[aria-label='Week before']")
        page.wait_for_selector("#headline[aria-label*='16 Feb']")
        assert first in page.inner_text("header")
        page.goto(visit.address)
        visit.loaded()
        to_comments(page)
        assert first not in page.inner_text("header")
        assert {text.split()[0] for text in texts(page)} == {"second"}


def test_a_question_is_answered_that_was_asked_while_another_was_under_way(
    visit: DashboardVisit, root: Path
) -> None:
    page = visit.open()
    to_comments(page)
    from playwright.sync_api import TimeoutError as TimedOut

    for asked in ("love", "love sh", "avery", "noor haddad"):
        page.fill("#search", asked)
        page.wait_for_timeout(130)
    wanted = found_by(root, "noor", "haddad")[:50]
    with suppress(TimedOut):
        page.wait_for_function(
            """wanted => JSON.stringify([...document.querySelectorAll('.comments .text')].map(one => one.textContent))
                === wanted""",
            arg=json.dumps(wanted, separators=(",", ":"), ensure_ascii=False),
            timeout=20_000,
        )
    assert texts(page) == wanted
