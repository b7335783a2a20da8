"""The table page in a real Chromium, on a site that the export made."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from tests.web.conftest import NOW, PUBCHEM, Visit, export
from tests.web.rows import AS_OF, generated, row

if TYPE_CHECKING:
    from playwright.sync_api import Page

Row = dict[str, Any]
LABELS = {
    "NOT_YET_RECRUITING": "Not yet recruiting",
    "PHASE1/PHASE2": "Phase 1/2",
    "both": "PubChem and name",
}


def newest(table: Iterable[Row]) -> list[Row]:
    """The published order."""
    found = sorted(table, key=lambda row: (row["cid"], row["nct_id"]))
    return sorted(found, key=lambda row: row["last_update_date"] or date.min, reverse=True)


def keys(table: Iterable[Row]) -> list[tuple[str, str]]:
    return [(str(row["cid"]), row["nct_id"]) for row in table]


IDS = """[...document.querySelectorAll('tbody tr')].map(
    row => ['.is-cid', '.is-nct_id'].map(column => row.querySelector(column).innerText))"""


def shown(page: Page) -> list[tuple[str, str]]:
    return [tuple(pair) for pair in page.evaluate(IDS)]


def expect_rows(page: Page, wanted: list[Row], size: int = 50) -> None:
    """Wait until the page shows the first of these rows in this order."""
    from playwright.sync_api import TimeoutError as TimedOut

    expected = keys(wanted[:size])
    with suppress(TimedOut):
        page.wait_for_function(
            f"ids => JSON.stringify({IDS}) === ids", arg=json.dumps(expected, separators=(",", ":"))
        )
    assert shown(page) == expected


def count(page: Page) -> str:
    return page.inner_text("#count")


def folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))


def contains(name: str, text: str) -> Callable[[Row], bool]:
    """Rows of which a column contains a text."""

    def test(row: Row) -> bool:
        value = row[name]
        return folded(text) in folded("\n".join(value) if isinstance(value, list) else str(value or ""))

    return test


# What stands on top


def test_the_head_names_version_time_age_and_size(visit: Visit) -> None:
    page = visit.open()
    head = page.inner_text("header")
    assert "1 Mar 2026, 06:00 UTC" in head
    assert page.inner_text("#age") == "5 hours old"
    assert "20260301T060000Z-" in head
    assert "321 rows" in head
    assert page.locator(".notice").count() == 0


def test_the_whole_table_can_be_downloaded(visit: Visit, exported: Path, table: list[Row]) -> None:
    page = visit.open()
    links = page.locator("header a").evaluate_all("links => links.map(link => link.href)")
    assert [link.rsplit(".", 1)[-1] for link in links] == ["csv", "jsonl"]
    with urlopen(links[0]) as answer:
        assert len(list(csv.reader(io.TextIOWrapper(answer, "utf-8", newline="")))) == len(table) + 1
    with urlopen(links[1]) as answer:
        assert [json.loads(line)["nct_id"] for line in answer] == [row["nct_id"] for row in table]


@pytest.mark.parametrize(("hours", "stale"), [(48, False), (49, True)])
def test_data_older_than_two_days_is_announced(visit: Visit, hours: int, stale: bool) -> None:
    visit.page.clock.set_fixed_time(AS_OF + timedelta(hours=hours))
    page = visit.open()
    assert page.inner_text("#age") == "2 days old"
    assert page.locator(".notice.stale").count() == int(stale)
    if stale:
        text = page.inner_text(".notice.stale")
        assert "This data is 2 days old." in text
        assert "last version that passed its checks" in text
        with page.expect_navigation():
            page.click(".notice.stale button")


def test_loading_asks_for_the_parts_alone_and_for_nothing_elsewhere(visit: Visit) -> None:
    visit.open()
    ends = sorted(
        {url.removeprefix(visit.address).split("?")[0].rsplit(".", 1)[-1] for url in visit.requests}
    )
    assert ends == ["", "css", "js", "json", "parquet", "svg"]
    assert sum(url.endswith(".parquet") for url in visit.requests) == 4
    assert visit.elsewhere == []


# Finding


def test_rows_come_newest_update_first(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    expect_rows(page, newest(table))
    assert page.get_attribute("th.is-last_update_date", "aria-sort") == "descending"


SEARCHES: dict[str, Callable[[Row], bool]] = {
    "NCT01000": contains("nct_id", "NCT01000"),
    "sjogren": contains("conditions", "Sjögren"),
    '"BREAST cancer"': contains("conditions", "breast cancer"),
    "not yet recruiting": lambda row: row["overall_status"] == "NOT_YET_RECRUITING",
    "PHASE1/PHASE2": lambda row: row["phase"] == "PHASE1/PHASE2",
    "2-ar": contains("targets", "2-AR"),
    "three 10000000": lambda row: row["cid"] == 10**7,
    '"quoted title"': lambda row: False,
    "nowhere-to-be-found": lambda row: False,
    "   ": lambda row: True,
}


def test_search_looks_in_all_columns_for_every_word(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    for search, wanted in SEARCHES.items():
        expected = [row for row in newest(table) if wanted(row)]
        page.fill("#search", search)
        expect_rows(page, expected)
        assert count(page) == ("321 rows" if len(expected) == 321 else f"{len(expected)} of 321 rows"), search
        assert page.locator(".empty").count() == (not expected), search


def test_a_click_on_a_title_sorts_up_then_down_then_as_at_first(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    for column in ("cid", "nct_id", "title", "start_date", "conditions", "phase"):
        empty = [row for row in newest(table) if not row[column]]
        full = [(row, in_order(row[column])) for row in newest(table) if row[column]]
        up = [row for row, _ in sorted(full, key=lambda pair: pair[1])]
        down = [row for row, _ in sorted(full, key=lambda pair: pair[1], reverse=True)]
        for direction, expected in (("ascending", up), ("descending", down), ("none", None)):
            page.click(f"th.is-{column} button")
            expect_rows(page, newest(table) if expected is None else expected + empty)
            assert page.get_attribute(f"th.is-{column}", "aria-sort") == direction


def in_order(value: Any) -> Any:
    """What a column is sorted by."""
    if isinstance(value, list):
        value = "; ".join(value)
    return folded(value) if isinstance(value, str) else value


def test_rows_without_a_value_come_last_in_both_directions(visit: Visit, table: list[Row]) -> None:
    for sort in ("start_date", "-start_date"):
        page = visit.open(f"#sort={sort}&page=2&rows=200")
        assert shown(page)[-1] == ("10000000", "NCT00000001")


def test_a_column_is_filtered_by_what_it_contains(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    page.fill("#filter-conditions", "menie")
    expected = [row for row in newest(table) if contains("conditions", "menie")(row)]
    assert 0 < len(expected) < len(table)
    expect_rows(page, expected)
    page.fill("#filter-cid", str(expected[0]["cid"]))
    expect_rows(page, [row for row in expected if str(expected[0]["cid"]) in str(row["cid"])])
    page.click("#reset")
    expect_rows(page, newest(table))
    assert page.input_value("#filter-cid") == ""


def test_a_filter_does_not_find_in_its_column_what_stands_in_another(visit: Visit) -> None:
    page = visit.open()
    page.fill("#filter-title", "NCT0")
    page.wait_for_selector(".empty")


def test_pick_lists_offer_what_there_is_with_its_number(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    page.click("button[popovertarget=filter-phase]")
    offered = page.locator("#filter-phase label").all_inner_texts()
    assert "Phase 1/2" in " ".join(offered)
    nothing = sum(row["phase"] is None for row in table)
    assert offered[-1].split("\n") == ["Not given", str(nothing)]
    page.check("#filter-phase input[value=PHASE3]")
    page.check("#filter-phase input[value='']")
    expected = [row for row in newest(table) if row["phase"] in {"PHASE3", None}]
    expect_rows(page, expected)
    assert page.inner_text("button[popovertarget=filter-phase]") == "2 chosen"
    assert page.locator("#filter-phase label").all_inner_texts() == offered, (
        "its own choice does not narrow a list"
    )
    page.keyboard.press("Escape")
    page.click("button[popovertarget=filter-overall_status]")
    completed = sum(row["overall_status"] == "COMPLETED" for row in expected)
    assert f"Completed\n{completed}" in page.locator("#filter-overall_status label").all_inner_texts()


def test_dates_are_filtered_by_first_and_last_day(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    first, last = sorted(row["start_date"] for row in table if row["start_date"])[100:201:100]
    page.click("button[popovertarget=filter-start_date]")
    page.fill("#filter-start_date label:first-of-type input", first.isoformat())
    page.fill("#filter-start_date label:nth-of-type(2) input", last.isoformat())
    expected = [row for row in newest(table) if row["start_date"] and first <= row["start_date"] <= last]
    expect_rows(page, expected)
    assert len(expected) >= 100
    page.fill("#filter-start_date label:nth-of-type(2) input", "")
    expect_rows(page, [row for row in newest(table) if row["start_date"] and first <= row["start_date"]])


def test_pages_lead_through_all_rows(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    page.select_option("#size", "100")
    expect_rows(page, newest(table), 100)
    found = shown(page)
    for start in (100, 200, 300):
        page.click("nav [aria-label='Next page']")
        expect_rows(page, newest(table)[start:], 100)
        found += shown(page)
    assert found == keys(newest(table))
    assert page.is_disabled("nav [aria-label='Next page']")
    assert page.inner_text("nav .range") == "Rows 301–321"
    page.fill("#page", "2")
    page.press("#page", "Enter")
    expect_rows(page, newest(table)[100:], 100)
    page.click("nav [aria-label='First page']")
    expect_rows(page, newest(table), 100)


def test_what_is_searched_anew_begins_on_the_first_page(visit: Visit, table: list[Row]) -> None:
    page = visit.open("#page=3")
    page.fill("#search", "cancer")
    expect_rows(page, [row for row in newest(table) if "Cancer" in " ".join(row["conditions"])])


# The address


def test_a_link_opens_the_view_it_was_copied_from(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    page.fill("#search", "cancer")
    page.click("button[popovertarget=filter-phase]")
    page.check("#filter-phase input[value=PHASE2]")
    page.check("#filter-phase input[value='']")
    page.keyboard.press("Escape")
    page.fill("#filter-title", "of")
    page.click("th.is-cid button")
    page.click("th.is-cid button")
    page.wait_for_function("() => location.hash.includes('sort=-cid')")
    expected = [
        row
        for row in newest(table)
        if "Cancer" in " ".join(row["conditions"])
        and row["phase"] in {"PHASE2", None}
        and "of" in row["title"].lower()
    ]
    expected.sort(key=lambda row: row["cid"], reverse=True)
    link = page.evaluate("location.hash")
    page.goto("about:blank")
    visit.open(link)
    expect_rows(page, expected)
    assert page.input_value("#search") == "cancer"
    assert page.input_value("#filter-title") == "of"
    assert page.inner_text("button[popovertarget=filter-phase]") == "2 chosen"


def test_an_address_changed_by_hand_changes_the_view(visit: Visit, table: list[Row]) -> None:
    page = visit.open("#start_date=2010-01-01..2012-12-31")
    wanted = [r for r in newest(table) if r["start_date"] and 2010 <= r["start_date"].year <= 2012]
    expect_rows(page, wanted)
    page.evaluate("location.hash = 'link_names=a'")
    expect_rows(page, [row for row in newest(table) if contains("link_names", "a")(row)])
    assert page.is_visible("th.is-link_names"), "no filter is hidden"


def test_an_address_that_makes_no_sense_shows_what_there_is(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    for address in ("page=-1", "rows=7&sort=nothing", "start_date=x..2020-13-45", "%FF&&=&columns=x"):
        page.evaluate("address => { location.hash = address }", f"search=nowhere&{address}")
        page.wait_for_selector(".empty")
        page.evaluate("address => { location.hash = address }", address)
        expect_rows(page, newest(table))
    page.evaluate("location.hash = 'page=1e9'")
    expect_rows(page, newest(table)[300:])


# Taking rows along


def saved(page: Page, form: str) -> str:
    with page.expect_download() as waiting:
        page.click(f"#save-{form}")
    assert waiting.value.suggested_filename.startswith("clinical_compound_trials-20260301T060000Z-")
    assert waiting.value.suggested_filename.endswith(f"-rows.{form}")
    return Path(waiting.value.path()).read_bytes().decode("utf-8")


HOSTILE = (
    "<img src=x onerror=\"window.hacked='img'\">",
    "</script><script>window.hacked='script'</script>",
    '=HYPERLINK("https://example.org","click")',
    " \u3000＝1+1",
    "{{constructor.constructor('window.hacked=1')()}}",
    "javascript:window.hacked='link'",
    'a "quoted", text\r\nin two lines',
    "\u202eesrever\u0000\ufeff",
)


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, list[Row]]:
    """A site whose every text is hostile."""
    table = [
        row(
            number + 1,
            number,
            compound_name=text,
            title=text,
            conditions=[text, text],
            interventions=[text] * 4,
            targets=[text],
            phase=text,
            overall_status=text,
            link=text,
            link_names=[text],
            ctgov_url="javascript:window.hacked='url'",
            pubchem_url="javascript:window.hacked='url'",
        )
        for number, text in enumerate(HOSTILE)
    ]
    table.append(row(-5, 900) | {"nct_id": 'NCT"><img src=x onerror="window.hacked=\'id\'">'})
    table.sort(key=lambda row: (row["cid"], row["nct_id"]))
    return export(tmp_path / "hostile", table), table


class TestHostileText:
    @pytest.fixture
    def root(self, hostile: tuple[Path, list[Row]]) -> Path:
        return hostile[0]

    def test_is_shown_as_it_is_and_never_becomes_markup(self, visit: Visit) -> None:
        page = visit.open(
            "#columns=title,cid,nct_id,compound_name,phase,overall_status,conditions,link,link_names"
        )
        titles = page.locator("tbody .is-title div").evaluate_all(
            "cells => cells.map(cell => cell.textContent)"
        )
        assert set(HOSTILE) < set(titles)
        page.click("button[popovertarget=filter-phase]")
        assert page.locator("#filter-phase label").count() == len(HOSTILE) + 1
        page.keyboard.press("Escape")
        page.click("a[href$='/1/PNG']")
        assert page.locator("img").count() == 1, "the structure that was asked for"
        assert page.evaluate("[window.hacked, document.scripts.length]") == [None, 1]
        visit.requests.remove(f"{PUBCHEM}rest/pug/compound/cid/1/PNG")

    def test_makes_no_links(self, visit: Visit, hostile: tuple[Path, list[Row]]) -> None:
        page = visit.open()
        links = page.locator("tbody a").evaluate_all("links => links.map(link => link.href)")
        assert len(links) == 3 * len(HOSTILE), "none for ids that are none"
        assert all(link.startswith(("https://clinicaltrials.gov/study/NCT", PUBCHEM)) for link in links)

    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_is_saved_like_in_the_whole_table(
        self, visit: Visit, hostile: tuple[Path, list[Row]], form: str
    ) -> None:
        page = visit.open("#cid=&sort=cid")
        ids = [str(row["cid"]) for row in hostile[1] if row["cid"] > 0]
        (whole,) = hostile[0].glob(f"data/*/*.{'csv' if form == 'csv' else 'jsonl'}")
        text = whole.read_bytes().decode("utf-8")
        if form == "csv":
            expected = list(csv.DictReader(io.StringIO(text, newline="")))
            found = list(csv.DictReader(io.StringIO(saved(page, form), newline="")))
        else:
            expected = [json.loads(line) for line in text.split("\n")[:-1]]
            found = json.loads(saved(page, form))
        made = ("content_hash", "ctgov_url", "pubchem_url", "source_url")
        for record in [*expected, *found]:
            for name in made:
                record.pop(name, None)
        assert [r for r in found if str(r["cid"]) in ids] == [r for r in expected if str(r["cid"]) in ids]


def test_the_policy_of_the_page_refuses_markup_made_of_text(visit: Visit) -> None:
    page = visit.open()
    refused = "() => { try { document.body.innerHTML = '<b>x</b>'; return false } catch { return true } }"
    assert page.evaluate(refused)
    assert len(visit.complaints) == 1
    assert "TrustedHTML" in visit.complaints.pop()


@pytest.mark.parametrize("form", ["csv", "json"])
def test_the_rows_found_are_saved_in_their_order_as_the_whole_table_has_them(
    visit: Visit, exported: Path, form: str
) -> None:
    page = visit.open("#search=cancer&sort=title")
    (whole,) = exported.glob(f"data/*/*.{'csv' if form == 'csv' else 'jsonl'}")
    text = whole.read_bytes().decode("utf-8")
    if form == "csv":
        records = {(r["cid"], r["nct_id"]): r for r in csv.DictReader(io.StringIO(text, newline=""))}
        raw = saved(page, form)
        assert raw.split("\r\n")[0] == text.split("\r\n")[0].removesuffix(",content_hash")
        assert set(raw.split("\r\n")[1:-1]) <= {line.rsplit(",", 1)[0] for line in text.split("\r\n")}
        found = list(csv.DictReader(io.StringIO(raw, newline="")))
    else:
        records = {(str(r["cid"]), r["nct_id"]): r for r in map(json.loads, text.split("\n")[:-1])}
        found = json.loads(saved(page, form))
    for record in records.values():
        del record["content_hash"]
    order = [(str(r["cid"]), r["nct_id"]) for r in found]
    assert order[:50] == shown(page)
    assert found == [records[key] for key in order]
    assert len(found) == sum("cancer" in json.dumps(record).lower() for record in records.values())


def test_nothing_found_is_saved_as_an_empty_table(visit: Visit) -> None:
    page = visit.open("#search=nowhere-to-be-found")
    assert json.loads(saved(page, "json")) == []
    assert saved(page, "csv").count("\r\n") == 1


# Links of a row


def test_a_row_links_to_its_study_and_its_compound(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    first = newest(table)[0]
    links = page.locator("tbody tr:first-child a").evaluate_all(
        "links => links.map(link => [link.getAttribute('href'), link.rel, link.target])"
    )
    assert sorted(links) == sorted(
        [
            [first["ctgov_url"], "noopener noreferrer", "_blank"],
            [first["pubchem_url"], "noopener noreferrer", "_blank"],
            [f"{PUBCHEM}rest/pug/compound/cid/{first['cid']}/PNG", "noopener noreferrer", "_blank"],
        ]
    )


def test_a_structure_is_fetched_when_asked_for_and_not_before(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    assert visit.elsewhere == []
    page.focus("tbody .picture >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('dialog img')?.naturalWidth === 1")
    picture = f"{PUBCHEM}rest/pug/compound/cid/{newest(table)[0]['cid']}/PNG"
    assert visit.elsewhere == [picture]
    assert page.get_attribute("dialog img", "alt") == f"Structure of {newest(table)[0]['compound_name']}"
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog")
    assert page.evaluate("document.activeElement.className") == "picture", "the focus is back where it was"
    visit.requests.remove(picture)


# What goes wrong


class TestWhatCannotBeLoaded:
    @pytest.fixture
    def root(self, exported: Path, tmp_path: Path) -> Path:
        return copytree(exported, tmp_path / "site")

    @pytest.mark.parametrize("fault", ["missing", "cut off", "a page instead", "other bytes"])
    def test_a_part_is_announced_and_can_be_tried_again(
        self, visit: Visit, root: Path, table: list[Row], fault: str
    ) -> None:
        part = sorted(root.glob("data/*/part-00002-*"))[0]
        whole = part.read_bytes()
        wrong = {"cut off": whole[:-100], "a page instead": b"<html>", "other bytes": bytes(len(whole))}
        if fault == "missing":
            part.unlink()
        else:
            part.write_bytes(wrong[fault])
        page = visit.open()
        notice = page.inner_text(".notice.failure")
        assert "100 of 321 rows could not be loaded" in notice
        assert part.name in notice
        assert count(page) == "221 of 221 loaded so far (321 in all)"
        assert page.is_disabled("#save-csv"), "a file with rows missing would look whole"
        visit.complaints.clear()
        part.write_bytes(whole)
        page.click(".notice.failure button")
        page.wait_for_selector(".notice.failure", state="detached")
        page.wait_for_function("() => document.querySelector('#count').innerText === '321 rows'")
        page.select_option("#size", "200")
        expect_rows(page, newest(table), 200)
        assert page.is_enabled("#save-csv")

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (None, "the server answered 404"),
            (b"<html>", "JSON"),
            (b'{"format": 2}', "this page reads format 1; reload the page"),
        ],
    )
    def test_latest_json_is_announced_and_can_be_tried_again(
        self, visit: Visit, root: Path, table: list[Row], content: bytes | None, reason: str
    ) -> None:
        latest = root / "latest.json"
        whole = latest.read_bytes()
        latest.unlink() if content is None else latest.write_bytes(content)
        page = visit.page
        page.goto(visit.address)
        text = page.locator(".notice.failure").inner_text()
        assert "The table could not be loaded. latest.json: " in text
        assert reason in text
        visit.complaints.clear()
        latest.write_bytes(whole)
        page.click(".notice.failure button")
        visit.loaded()
        expect_rows(page, newest(table))
        assert page.locator(".notice").count() == 0

    def test_a_file_outside_the_data_folder_is_not_fetched(self, visit: Visit, root: Path) -> None:
        latest = json.loads((root / "latest.json").read_bytes())
        latest["files"]["parts"][0]["path"] = "https://example.org/part.parquet"
        (root / "latest.json").write_text(json.dumps(latest))
        visit.page.goto(visit.address)
        assert "outside its data folder" in visit.page.locator(".notice.failure").inner_text()

    def test_a_version_that_went_while_it_was_read_is_followed_by_the_next(
        self, visit: Visit, root: Path, tmp_path: Path
    ) -> None:
        for part in root.glob("data/*/part-0000[23]-*"):
            part.unlink()
        page = visit.open()
        assert "161 of 321 rows could not be loaded" in page.inner_text(".notice.failure")
        visit.complaints.clear()
        fresh = list(generated(150, seed=9))
        copytree(export(tmp_path / "next", fresh, AS_OF + timedelta(hours=4)), root, dirs_exist_ok=True)
        page.click(".notice.failure button")
        page.wait_for_function("() => document.querySelector('#count').innerText === '150 rows'")
        expect_rows(page, newest(fresh))
        assert page.inner_text("#age") == "1 hour old"
        assert page.locator(".notice").count() == 0


class TestTableWithoutRows:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return export(tmp_path / "empty", [])

    def test_says_so(self, visit: Visit) -> None:
        page = visit.page
        page.goto(visit.address)
        page.wait_for_function("() => document.querySelector('#count')?.innerText === '0 rows'")
        assert page.locator(".notice").count() == 0
        assert page.inner_text("nav .range") == "Rows 0–0"


# For everybody


def test_the_keyboard_reaches_search_sort_and_lists(visit: Visit, table: list[Row]) -> None:
    page = visit.open()
    page.focus("#search")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('th.is-cid') !== null"):
            break
    page.keyboard.press("Enter")
    expect_rows(page, sorted(newest(table), key=lambda row: row["cid"]))
    assert page.evaluate("document.activeElement.closest('th').className") == "kind-number is-cid", (
        "the focus stays"
    )
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.focus("button[popovertarget=filter-link]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#filter-link:popover-open")
    page.keyboard.press("Space")
    expect_rows(page, sorted((r for r in newest(table) if r["link"] == "both"), key=lambda row: row["cid"]))
    page.keyboard.press("Escape")
    assert not page.is_visible("#filter-link")


def test_every_field_and_button_has_a_name_and_the_count_is_read_out(visit: Visit) -> None:
    page = visit.open()
    unnamed = page.evaluate(
        "Array.from(document.querySelectorAll('input, select, button, a')).filter(element =>"
        " !(element.innerText || element.ariaLabel || element.labels?.length)).map(element => element.outerHTML)"
    )
    assert unnamed == []
    assert page.get_attribute("#count", "aria-live") == "polite"
    assert page.get_attribute("html", "lang") == "en"


def test_columns_can_be_hidden_and_take_their_filter_along(visit: Visit, table: list[Row]) -> None:
    page = visit.open("#title=zzz-nothing")
    page.wait_for_selector(".empty")
    page.click("button[popovertarget=columns]")
    page.uncheck("#columns label:has-text('Study title') input")
    page.check("#columns label:has-text('Matched names') input")
    page.keyboard.press("Escape")
    expect_rows(page, newest(table))
    assert not page.is_visible("th.is-title")
    assert page.is_visible("th.is-link_names")
    page.wait_for_function("() => location.hash.includes('link_names') && !location.hash.includes('title')")


def test_long_lists_open_at_a_click(visit: Visit) -> None:
    page = visit.open("#cid=10000000")
    cell = page.locator("tbody .is-interventions")
    assert cell.inner_text() == "one; two; three +2 more"
    cell.locator("button").click()
    assert cell.inner_text().startswith("one; two; three; four; five")


def test_a_phone_shows_rows_as_cards_without_scrolling_sideways(visit: Visit, table: list[Row]) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    page = visit.open()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not page.is_visible("#filter-title")
    page.click("button.narrow")
    page.fill("#filter-title", "safety")
    expect_rows(page, [row for row in newest(table) if "safety" in row["title"].lower()])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("tbody .is-title").first.evaluate(
        "cell => getComputedStyle(cell, '::before').content"
    ) == ('"Study title"')


def test_colours_follow_the_reader_s_system(visit: Visit) -> None:
    page = visit.open()
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    bright, dim = (sum(int(part) for part in colour[4:-1].split(",")) for colour in (light, dark))
    assert (bright > 600, dim < 150) == (True, True)


def test_the_clock_of_the_reader_may_be_behind(visit: Visit) -> None:
    visit.page.clock.set_fixed_time(NOW - timedelta(days=1))
    page = visit.open()
    assert page.inner_text("#age") == "0 minutes old"
    assert page.locator(".notice").count() == 0
