"""The pictures of the pages in docs/images: python -m tests.web.pictures, or with `table` or `dashboard` one page's."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.sources.clinical.export import export
from include.sources.comments_weekly import dashboard
from include.storage.store import Store
from tests.web import comments, rows, site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
ROWS = 20_000
COMMENTS, WEEKS = 60_000, 26
DESKTOP = {"width": 1440, "height": 860}
PHONE = {"width": 390, "height": 844}
VIEW = "#search=cancer&phase=PHASE2&phase=PHASE1%2FPHASE2&sort=-start_date"


def main(chosen: list[str]) -> None:
    """Export sites of made-up data and take their pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, site.browser() as browser:
        store = Store.from_uri(Path(folder).as_uri())
        for name in chosen or ["table", "dashboard"]:
            {"table": _table, "dashboard": _dashboard}[name](store, browser)


@contextmanager
def _page(browser: Browser, address: str, now: datetime, name: str, **options: Any) -> Iterator[Page]:
    """A page whose picture is taken at the end."""
    page = browser.new_page(**options)
    page.clock.set_fixed_time(now)
    page.goto(address)
    yield page
    page.screenshot(path=IMAGES / f"{name}.png")
    page.close()


def _table(store: Store, browser: Browser) -> None:
    export(store, rows.seal(store, rows.generated(ROWS)), rows.AS_OF)
    with site.served(site.folder(store)) as address:

        def take(name: str, **options: Any) -> None:
            now = rows.AS_OF + timedelta(hours=5)
            with _page(browser, address + VIEW, now, name, **options) as page:
                page.wait_for_selector("tbody tr")
                page.wait_for_selector("progress", state="detached")
                if name == "table_page":
                    page.click("button[popovertarget=filter-phase]")

        take("table_page", viewport=DESKTOP)
        take("table_page_dark", viewport=DESKTOP, color_scheme="dark")
        take("table_page_phone", viewport=PHONE, is_mobile=True)


def _dashboard(store: Store, browser: Browser) -> None:
    weeks = comments.weeks_until(comments.MONDAY, WEEKS)
    manifest = comments.seal(store, comments.generated(COMMENTS, WEEKS), weeks)
    dashboard.export(store, manifest, comments.AS_OF)
    with site.served(site.folder(store, dashboard.SITE)) as address:

        def take(name: str, view: str = "", section: str | None = None, **options: Any) -> None:
            now = comments.AS_OF + timedelta(hours=5)
            with _page(browser, address + view, now, name, **options) as page:
                page.wait_for_selector(".series path")
                if section:
                    page.click(f".sections button:text-is('{section}')")
                    page.wait_for_selector(".comments[aria-busy=false] li")

        take("comments_dashboard", viewport=DESKTOP)
        take("comments_dashboard_dark", "#lines=entities", viewport=DESKTOP, color_scheme="dark")
        search = "#search=finale+beautiful&entity=mina-jae"
        take("comments_dashboard_search", search, "Comments", viewport=DESKTOP)
        take("comments_dashboard_phone", viewport=PHONE, is_mobile=True)


if __name__ == "__main__":
    main(sys.argv[1:])
